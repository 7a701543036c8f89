#include "reconciler/due.h"

void due_load(struct due *d, int64_t ms_ago, uint64_t now_ms)
{
	d->known = true;
	d->next_ms = now_ms;
	if (ms_ago >= 0 && (uint64_t)ms_ago < d->every_ms)
		d->next_ms = now_ms + d->every_ms - (uint64_t)ms_ago;
}

bool due_now(const struct due *d, bool caught_up, uint64_t now_ms)
{
	return d->known && caught_up && now_ms >= d->next_ms;
}

void due_ran(struct due *d, uint64_t now_ms)
{
	d->next_ms = now_ms + d->every_ms;
}
