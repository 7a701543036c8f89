/* gauges: what a lane says of itself in /metrics, beside what it counts (sender.c): its state, what it holds
 * and why, the market and what was paid, what nodes answered, and how old the queue is. Of each signer; a
 * pool's keys are told apart by their address. */
#ifndef FAIRLEAD_SUBMITTER_GAUGES_H
#define FAIRLEAD_SUBMITTER_GAUGES_H

#include "common/base/u256.h"
#include "submitter/answer.h"

struct sender;
struct gauges;
struct gauges *gauges_new(
	struct sender *s); /* asks PostgreSQL for the queue every ten seconds, until gauges_close */
void gauges_close(struct gauges *g);
void gauges_free(struct gauges *g); /* the loop is over */
void gauges_show(struct gauges *g); /* as things stand now */
void gauges_answered(struct gauges *g, enum answer a);
void gauges_mined(struct gauges *g, uint64_t gas, struct u256 price_wei);
void gauges_obeyed(struct gauges *g, bool cancel);

#endif
