/* span_in: what span.c (the question and its answers) and span_logs.c (one log after the other) share. */
#ifndef FAIRLEAD_LISTENER_SPAN_IN_H
#define FAIRLEAD_LISTENER_SPAN_IN_H

#include "listener/span.h"

/* A log of the answer to that request of the plan. Checked (P11), then encoded at once, or gathered. false:
 * s->outcome and s->why say what is wrong. */
bool span_take_log(struct span *s, size_t request, struct log *l);
/* What was gathered, as one answer: sorted, each once, identified and encoded in chain order. false: as
 * above. */
bool span_settle(struct span *s);
/* Are they logs of these headers? false: as above. */
bool span_ends_agree(struct span *s);
void span_gather(struct span *s, const struct log *l); /* a copy */

/* span.c: the end of a question */
void span_refuse(struct span *s, const struct rpc_reply *q, int i, int64_t from, int64_t to);
void span_unknown_block(struct span *s, const char *what);
bool span_take_end(struct span *s, const struct rpc_answer *a, int64_t number, struct block_header *h);
void span_done(struct span *s, enum span_outcome o);
void span_timed(struct span *s); /* all logs are encoded: what is left are the times of their blocks */

/* Answer i to a part of what it asks, and not the first, was refused for the rate: that was told. true: it is
 * asked once more when it may be; what came before counts. */
bool span_too_often(struct span *s, const struct rpc_reply *q, int i);
void span_went_on(struct span *s); /* a part was answered */

/* q is about to be sent. behind: it goes on with a question whose first part was sent: when its calls may go.
 */
void span_pace(struct span *s, struct rpc_request *q, bool behind);

/* span_hang.c: ms that its endpoint has not said anything; 0: nothing is waited for */
uint64_t span_silent_ms(const struct span *s, uint64_t now);

/* span_times.c: all are known without asking, and stand in its rows now; ends in span_timed */
bool span_times_known(struct span *s);
void span_ask_times(struct span *s);

/* span_proof.c: the number of calls for headers, the block of the k-th, its answer. false: as above. */
int span_headers(const struct span *s);
int64_t span_header_at(const struct span *s, int k);
bool span_take_header(struct span *s, const struct rpc_answer *a, int k);
bool span_doubtful(const struct span *s); /* fewer logs than its blooms let one expect */

/* span_dense.c */
void span_ask_receipts(struct span *s);

#endif
