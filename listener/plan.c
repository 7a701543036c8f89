#include "listener/plan.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct plan plan_next(const struct plan_view *v)
{
	int64_t target = v->head - v->seen;
	if (!v->head_known)
		return (struct plan){.step = PLAN_WAIT};
	if (v->head < v->done)
		return (struct plan){.step = PLAN_BACK};
	if (target <= v->done)
		return (struct plan){.step = PLAN_WAIT};
	int64_t from = v->done + 1, deep = v->head - v->window; /* the newest block that lies below the window */
	if (from <= deep && !v->by_hash)
		return (struct plan){.step = PLAN_RANGE, .from = from, .to = deep};
	return (struct plan){.step = PLAN_BLOCKS,
		.from = from,
		.to = least(from + v->blocks - 1, target),
		.live = from == target && v->seen == 0};
}
