/* lane: the lease, epoch and position of one writer (INV-8): every engine transaction begins with lane_fence.
 *
 * Names: listen:<chain> · apply:<chain> · send:<chain id>:<0xaddress> · clock. */
#ifndef FAIRLEAD_LEDGER_LANE_H
#define FAIRLEAD_LEDGER_LANE_H

#include "common/io/pg.h"

enum { LANE_NAME = 96, LANE_TTL_MS = 10000, LANE_TTL_HALF_MS = LANE_TTL_MS / 2 };

struct lane {
	char name[LANE_NAME];
	int64_t epoch; /* ours while held > 0; 0: not held */
	int64_t at;    /* position at take-over; the owner keeps it current */
};
/* First statement of a unit: locks the lane's row until COMMIT, renews the lease, raises FL001 when it is not
 * ours (pg_fenced). */
void lane_fence(struct pg_unit *u, const struct lane *l);
/* Adds the statement that tries to take a lane (made if it is not there). Read the answer with lane_taken. */
void lane_take(struct pg_unit *u, const char *name, const char *holder);
bool lane_taken(const struct pg_reply *r, int stmt, struct lane *l); /* false: someone else holds it */
void lane_leave(struct pg_unit *u, const struct lane *l);
void lane_fence_at(
	struct pg_unit *u, const struct lane *l, int64_t at); /* lane_fence, and the position becomes at */
void lane_move(struct pg_unit *u, const struct lane *l, int64_t at); /* behind lane_fence: the new position */

#endif
