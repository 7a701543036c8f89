#include "reconciler/stall.h"

bool stall_look(struct stall *s, int64_t top, int64_t cursor, uint64_t now_ms)
{
	bool moved = !s->seen || s->top != top || s->cursor != cursor;
	if (moved || cursor >= top) {
		*s = (struct stall){top, cursor, now_ms, true};
		return false;
	}
	if (now_ms - s->since_ms < STALL_MS)
		return false;
	s->since_ms = now_ms;
	return true;
}
