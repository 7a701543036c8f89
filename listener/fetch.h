/* fetch: what the reader's questions to the node have in common. */
#ifndef FAIRLEAD_LISTENER_FETCH_H
#define FAIRLEAD_LISTENER_FETCH_H

#include "listener/reader.h"

/* Did call i of the request succeed? false: it is the provider's fault, said and tried again later. */
bool fetch_answer_ok(struct reader *r, const struct rpc_reply *q, int i, const char *what);
void fetch_node_answered(struct reader *r); /* the provider is well */
void fetch_nonsense(
	struct reader *r, const char *what, struct err *e); /* an answer that is not as it must be */
void fetch_ask_header(struct rpc_request *q, int64_t number);

#endif
