/* number: gives what was published its numbers, as the leader of lane clock (sql/017, INV-3), and rings for
 * those who serve. Beside the clock's other work, not in its row: a comparison may take minutes, a message
 * may not. Each unit is fenced, so it may be in flight when the lane is lost. */
#ifndef FAIRLEAD_RECONCILER_NUMBER_H
#define FAIRLEAD_RECONCILER_NUMBER_H

#include "common/fleet/lease.h"

struct number {
	struct member *m;
	struct lease *lease;
	struct ear *ear; /* published, while the lane is ours */
	bool busy, rung; /* a unit is in flight · something rang meanwhile */
	bool ear_waits;
};
/* The lane is ours. Does nothing where the file publishes nothing. */
void number_begin(struct number *n, struct member *m, struct lease *lease);
void number_end(struct number *n);

#endif
