/* cut: when waiting items become a batch: `max` at once, `wait` after the first, `pause` between two. Pure.
 */
#ifndef FAIRLEAD_BATCHER_CUT_H
#define FAIRLEAD_BATCHER_CUT_H

#include <stdbool.h>
#include <stdint.h>

struct cut_view {
	uint64_t now_ms;
	int64_t waiting;   /* items that wait and are due */
	int64_t oldest_ms; /* how long the first of them has waited */
	int64_t next_ms;   /* until the next item of a retry is due; -1: none */
	int64_t max;
	uint64_t wait_ms, pause_ms;
	bool cut_before; /* last_cut_ms means something */
	uint64_t last_cut_ms;
	bool flush; /* asked to send what waits: now, or because the program drains (K-25) */
};
enum cut_what {
	CUT_NOTHING, /* look again at in_ms, if that is not -1 */
	CUT_FULL,    /* only batches of exactly max */
	CUT_ALL,     /* and a last, smaller one */
};
struct cut {
	enum cut_what what;
	int64_t limit; /* most batches now */
	int64_t in_ms; /* NOTHING: when there will be something to cut; -1: not by time alone */
};
struct cut cut_next(const struct cut_view *v);

#endif
