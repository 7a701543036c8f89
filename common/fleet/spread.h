/* spread: how lanes are shared among the processes that can hold them. Pure: what PostgreSQL shows in, what
 * this process should do out.
 *
 * Every process sees the same rows and decides alike, so no two want the same lane, and what a look is late
 * by costs a refused take and nothing else. Even means: no process holds two more than another that could
 * hold one of them. Only then a lane moves, one at a time, from the fullest process to the emptiest; so what
 * is even stays where it is. */
#ifndef FAIRLEAD_FLEET_SPREAD_H
#define FAIRLEAD_FLEET_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPREAD_NOBODY = -1, SPREAD_STRANGER = -2 /* holds it, but no seat of it is known */ };

struct spread_lane {
	int holder;       /* place in members, SPREAD_NOBODY, SPREAD_STRANGER */
	int next;         /* who it was left to; SPREAD_NOBODY: nobody, or that no longer binds */
	bool free;        /* may be taken */
	bool idle;        /* ours, and nothing is under way in it: it is given before others */
	uint64_t free_ms; /* for so long, as this process saw it */
};
struct spread {
	const struct spread_lane
		*lanes; /* those that this process could hold, in an order that is the same for all */
	size_t nlanes;
	size_t nmembers; /* by name */
	int self;        /* place of this process in members; SPREAD_NOBODY: it has no seat yet */
	/* can(arg, member, lane): could that process hold that lane? */
	bool (*can)(void *arg, size_t member, size_t lane);
	void *arg;
};
enum {
	SPREAD_PATIENCE_MS = 1500, /* a lane that is free for so long goes to whoever can hold it */
	SPREAD_MEMBERS = 256,      /* more than so many are not told apart */
};
/* take[i]: whether to take lane i now. */
void spread_take(const struct spread *s, bool *take);
/* A lane of ours that is to be given away, and to whom; false: none. */
bool spread_give(const struct spread *s, size_t *lane, size_t *to);

#endif
