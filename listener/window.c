#include "listener/window.h"

#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

void window_init(struct window *w, size_t cap)
{
	must(cap > 0);
	*w = (struct window){.blocks = mem_grow(NULL, cap * 2, sizeof *w->blocks), .cap = cap};
}

void window_fini(struct window *w)
{
	free(w->blocks);
	*w = (struct window){0};
}

void window_clear(struct window *w)
{
	w->n = 0;
}

void window_add(struct window *w, int64_t number, const uint8_t hash[32])
{
	if (w->n > 0 && w->blocks[w->n - 1].number + 1 != number) {
		must(w->blocks[w->n - 1].number < number);
		w->n = 0;
	}
	if (w->n == w->cap * 2) { /* twice the room, so that the oldest leave in one move now and then */
		memmove(w->blocks, w->blocks + w->cap, w->cap * sizeof *w->blocks);
		w->n = w->cap;
	}
	w->blocks[w->n].number = number;
	memcpy(w->blocks[w->n].hash, hash, 32);
	w->n++;
}

void window_cut(struct window *w, int64_t from)
{
	while (w->n > 0 && w->blocks[w->n - 1].number >= from)
		w->n--;
}

const uint8_t *window_hash(const struct window *w, int64_t number)
{
	if (w->n == 0 || number < w->blocks[0].number || number > w->blocks[w->n - 1].number)
		return NULL;
	return w->blocks[number - w->blocks[0].number].hash;
}

const struct window_block *window_top(const struct window *w)
{
	return w->n > 0 ? &w->blocks[w->n - 1] : NULL;
}

enum window_verdict window_compare(const struct window *w, const struct window_answer *a, int64_t *ancestor)
{
	size_t first_other = w->n;
	for (size_t i = w->n; i-- > 0;)
		if (a[i].known && memcmp(a[i].hash, w->blocks[i].hash, 32) != 0)
			first_other = i;
	if (first_other == w->n)
		return WINDOW_SAME;
	/* the ancestor must be known and equal: what is unknown below a difference proves nothing */
	for (size_t i = first_other; i-- > 0;)
		if (a[i].known) {
			*ancestor = w->blocks[i].number;
			return WINDOW_REORG;
		}
	return WINDOW_DEEPER;
}
