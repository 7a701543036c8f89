/* fetch_in: what fetch.c (one question), fetch_blocks.c (headers) and fetch_logs.c (logs) share. */
#ifndef FAIRLEAD_LISTENER_FETCH_IN_H
#define FAIRLEAD_LISTENER_FETCH_IN_H

#include "listener/fetch.h"

/* Call i failed: the endpoint is told, *e says how, and what follows of it is returned. */
enum learner_next fetch_refuse(struct reader *r, const struct rpc_reply *q, int i, const char *what,
	int64_t from, int64_t to, struct err *e);
/* r->near brought no answer: that way is not taken for a while, and the endpoint itself is to blame for
 * nothing. */
void fetch_near_failed(struct reader *r);
/* What came of it says nothing about the endpoint but that it answers. */
void fetch_unsure(
	struct reader *r, const struct rpc_reply *q, const char *why, void (*again)(struct reader *r));
/* Now and then: a tag moves with the chain's epochs, and each question stands in the way of a block. */
void fetch_ask_tag(struct reader *r, struct rpc_request *q);
/* The tag's answer stands last. A node that does not know the tag says an error or null: the depth decides
 * then. */
void fetch_hear_tag(struct reader *r, const struct rpc_reply *q, int i);
/* Is parent the hash of the block before number, as far as that is known? */
bool fetch_links(const struct reader *r, int64_t number, const uint8_t parent[32]);

#endif
