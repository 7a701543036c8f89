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

void window_keep(struct window *w, size_t cap)
{
	if (cap <= w->cap)
		return;
	w->blocks = mem_grow(w->blocks, cap * 2, sizeof *w->blocks);
	w->cap = cap;
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

/* ── where two branches part ── */

void window_search_init(struct window_search *s, const struct window *w)
{
	*s = (struct window_search){.w = w, .other = w->n};
}

size_t window_search_next(const struct window_search *s, int64_t numbers[WINDOW_PROBES])
{
	size_t n = s->w->n, open = s->other - s->equal, count = 0;
	if (open == 0)
		return 0;
	if (s->equal == 0 && s->other == n) { /* nothing was asked yet */
		for (size_t i = n > 2 ? n - 2 : 0; i < n; i++)
			numbers[count++] = s->w->blocks[i].number;
		return count;
	}
	size_t most = open < WINDOW_PROBES ? open : WINDOW_PROBES;
	for (size_t k = 0; k < most; k++) /* evenly, and never one twice */
		numbers[count++] = s->w->blocks[s->equal + open * (2 * k + 1) / (2 * most)].number;
	return count;
}

void window_search_heard(struct window_search *s, int64_t number, const uint8_t *hash)
{
	size_t i = (size_t)(number - s->w->blocks[0].number);
	must(i < s->w->n);
	if (hash && memcmp(hash, s->w->blocks[i].hash, 32) == 0) {
		if (i + 1 > s->equal)
			s->equal = i + 1;
	} else if (i < s->other) {
		s->other = i;
		s->other_known = hash != NULL;
	}
	if (s->equal > s->other) { /* the answers were given on two branches: an equal one proves all below it */
		s->other = s->equal;
		s->other_known = false;
	}
}

enum window_verdict window_search_verdict(const struct window_search *s, int64_t *ancestor)
{
	if (s->other == s->w->n || !s->other_known)
		return WINDOW_SAME;
	if (s->equal == 0)
		return WINDOW_DEEPER;
	*ancestor = s->w->blocks[s->equal - 1].number;
	return WINDOW_REORG;
}
