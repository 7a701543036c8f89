/* seats: which processes live, which lanes each could hold, and who holds what (sql/023): what a lane that
 * goes round from process to process is taken and given by. Not here: who ought to hold it
 * (common/fleet/spread.h). */
#ifndef FAIRLEAD_LEDGER_SEATS_H
#define FAIRLEAD_LEDGER_SEATS_H

#include "common/ledger/lane.h"

/* Our own row: alive for LANE_TTL_MS from now on, able to hold these. */
void seats_keep(struct pg_unit *u, const char *holder, const char *const *lanes, size_t n);
void seats_leave(struct pg_unit *u, const char *holder);

/* Two statements. First: one row a lane, in the given order. */
void seats_look(struct pg_unit *u, const char *const *lanes, size_t n);
struct seats_lane {
	const char *holder; /* "" nobody; borrowed */
	bool free;          /* may be taken */
	const char *next;   /* to whom it was left, while that binds; "" nobody; borrowed */
};
void seats_lane(const struct pg_reply *r, int stmt, int row, struct seats_lane *out);
/* Second: who lives, by name. fn hears each lane that row's process could hold. */
const char *seats_holder(const struct pg_reply *r, int stmt, int row);
void seats_holder_lanes(
	const struct pg_reply *r, int stmt, int row, void (*fn)(void *arg, struct str lane), void *arg);

/* lane_take for these lanes: read with lane_taken. Never waits for a lock. */
void seats_take(struct pg_unit *u, const char *name, const char *holder);
/* lane_leave, to somebody: nobody else may take it for_ms long. */
void seats_give(struct pg_unit *u, const struct lane *l, const char *next, int for_ms);

#endif
