#include "batcher/cut.h"

enum {
	AT_ONCE = 100
}; /* batches a transaction: long enough to be fast, short enough to let events in between */

static int64_t soonest(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

struct cut cut_next(const struct cut_view *v)
{
	struct cut c = {.what = CUT_NOTHING, .in_ms = -1};
	if (v->waiting == 0) {
		c.in_ms = v->next_ms;
		return c;
	}
	int64_t paused = 0;
	if (v->cut_before && v->now_ms < v->last_cut_ms + v->pause_ms)
		paused = (int64_t)(v->last_cut_ms + v->pause_ms - v->now_ms);
	bool full = v->waiting >= v->max, old = v->oldest_ms >= (int64_t)v->wait_ms;
	if (paused > 0 && !v->flush) {
		c.in_ms = full || old ? paused : soonest((int64_t)v->wait_ms - v->oldest_ms, v->next_ms);
		if (c.in_ms < paused)
			c.in_ms = paused;
		return c;
	}
	if (!full && !old && !v->flush) {
		c.in_ms = soonest((int64_t)v->wait_ms - v->oldest_ms, v->next_ms);
		return c;
	}
	c.limit = v->pause_ms > 0 && !v->flush ? 1 : AT_ONCE;
	c.what = full && !v->flush ? CUT_FULL : CUT_ALL; /* what is left after the full ones is looked at again */
	return c;
}
