/* fetch: what the reader's questions to endpoints have in common: whom, how long, and what became of it.
 *
 * One question is out at a time. It goes to the best endpoint that can answer it; when that does not say
 * anything for longer than it usually takes and another one could be asked, the question is given up and the
 * plan starts again: one that hangs never stalls the rest. */
#ifndef FAIRLEAD_LISTENER_FETCH_H
#define FAIRLEAD_LISTENER_FETCH_H

#include "listener/reader.h"

/* An empty request to an endpoint that has shown block `shown` (-1: any), with room for so many calls: what
 * is more than r->p takes at once goes in pieces, as its rate lets them. NULL: nobody can be asked now; r
 * waits, and nothing else is to be done. other: rather another endpoint than that one. */
struct rpc_request *fetch_open(struct reader *r, int64_t shown, uint32_t calls, const struct provider *other);
/* The same of p; when its rate wants a wait, of whoever can be asked first. */
struct rpc_request *fetch_open_at(struct reader *r, struct provider *p, int64_t shown, uint32_t calls);
/* fn runs once with r, unless the question is given up. */
void fetch_send(struct reader *r, struct rpc_request *q, rpc_done_fn fn);
void fetch_drop(struct reader *r); /* given up by us: no answer comes */

/* Did call i succeed? false: it is the endpoint's fault, told to it and to r. from..to: the blocks whose logs
 * it was about, -1: none. */
bool fetch_ok(struct reader *r, const struct rpc_reply *q, int i, const char *what, int64_t from, int64_t to);
/* Was a call refused for the rate? true: told as by fetch_ok; the same is asked again when it may be. Such a
 * no is no word about a block. */
bool fetch_too_often(struct reader *r, const struct rpc_reply *q, const char *what);
void fetch_good(struct reader *r, const struct rpc_reply *q); /* all that was wanted of it is there */
void fetch_part(struct reader *r, const struct rpc_reply *q); /* so far; more is asked for the same step */
/* An answer that is not as it must be, or that contradicts another (P11). */
void fetch_lie(struct reader *r, const struct rpc_reply *q, const char *what, struct err *e);
/* Were children of factories created in the step's logs that were not known? Then the logs are to be asked
 * for again: r->ask is made anew. */
bool fetch_learned(struct reader *r);
void fetch_ask_header(struct rpc_request *q, int64_t number);

#endif
