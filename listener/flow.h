/* flow: how many questions about history one endpoint is asked at once. Pure.
 *
 * What is in flight hides the way to an endpoint. More than that stands in a queue, and where the endpoint
 * runs on this machine it takes the cores that write the rows. Nothing that an answer says tells the two
 * apart, so it is tried: twice as many at once must bring a good part more, else it is half of it again, and
 * now and then it is asked whether half as many bring as much. What is measured is what arrives here, whoever
 * holds it up: the endpoint, the way, PostgreSQL or we.
 *
 * Not here: what an endpoint allows (learner.h), and memory (fill.h). */
#ifndef FAIRLEAD_LISTENER_FLOW_H
#define FAIRLEAD_LISTENER_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { FLOW_MOST = 16 };
struct flow {
	uint32_t now;  /* at once */
	uint32_t from; /* what it is compared with; 0: with nothing */
	uint64_t rate; /* of that, bytes a second */
	bool resting, down;
	uint32_t rest; /* answers until the next try */
	/* of the measurement under way */
	uint32_t stale; /* answers that still belong to the number before */
	uint32_t answers;
	uint64_t bytes, since_us; /* since_us: 0: nothing was asked yet */
};
/* way_us: what a small question takes, 0: not known. */
void flow_begin(struct flow *f, uint64_t way_us);
void flow_asked(struct flow *f, uint64_t now_us);
void flow_answered(struct flow *f, uint64_t now_us, uint64_t bytes); /* good ones */

#endif
