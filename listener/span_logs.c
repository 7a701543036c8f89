/* One log after the other: does it belong to the answer, where does it go. */
#include "listener/span_in.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is said about a log goes on as "a log of block 7 …". */
static bool lie(struct span *s, const struct log *l, const char *what)
{
	s->outcome = SPAN_LIED;
	err_put(&s->why, ERR_MALFORMED, "a log of block %" PRIu64 " (index %" PRIu64 ") %s", l->block,
		l->log_index, what);
	return false;
}

/* ── one log ── */

static int order(const struct log *l, const struct log_place *p)
{
	if (l->block != p->block)
		return l->block < p->block ? -1 : 1;
	if (l->tx_index != p->tx)
		return l->tx_index < p->tx ? -1 : 1;
	return l->log_index < p->log ? -1 : l->log_index > p->log;
}

static void want_time(struct span *s, const struct log *l)
{
	if (s->ntimes > 0 && memcmp(s->times[s->ntimes - 1].hash, l->block_hash, 32) == 0)
		return;
	if (s->ntimes == s->times_cap) {
		s->times_cap = s->times_cap ? s->times_cap * 2 : 64;
		s->times = mem_grow(s->times, s->times_cap, sizeof *s->times);
	}
	struct span_time *t = &s->times[s->ntimes++];
	*t = (struct span_time){.block = (int64_t)l->block};
	memcpy(t->hash, l->block_hash, 32);
}

static void keep_bad(struct span *s, const struct event_decl *ev, const struct log *l, const char *why)
{
	if ((s->nbad & (s->nbad - 1)) == 0) {
		struct span_bad *grown = arena_alloc(&s->mem, (s->nbad ? s->nbad * 2 : 1) * sizeof *grown);
		if (s->nbad)
			memcpy(grown, s->bad, s->nbad * sizeof *grown);
		s->bad = grown;
	}
	struct span_bad *b = &s->bad[s->nbad++];
	*b = (struct span_bad){ev, *l, arena_text(&s->mem, why)};
	b->log.data.p = arena_copy(&s->mem, l->data.p, l->data.n);
}

/* In chain order: its tuple, and its identity (INV-2), which is written into the tuple when it is known. A
 * log that does not decode needs none and counts for no rank: its like don't decode either. */
static void encode(struct span *s, const struct filter_event *ev, struct log *l)
{
	struct run_rows *run = &s->runs[ev->index];
	struct err e = {0};
	struct encode_head head = {.ordinal = (int64_t)s->rows,
		.chain_id = s->world->chain_id,
		.swept = s->world->swept,
		.late = s->world->late};
	size_t before = run->bytes.n;
	if (!rows_put(run, &s->world->encoders[ev->index], l, &head, &e)) {
		keep_bad(s, ev->decl, l, e.text);
		return;
	}
	ids_put(s->ids, l, &run->bytes.p, rows_id_at(run, run->n - 1));
	s->rows++;
	s->live_bytes += run->bytes.n - before;
	if (!l->has_time)
		want_time(s, l);
}

static void gather_log(struct span *s, const struct log *l)
{
	if (s->ngathered == s->gathered_cap) {
		size_t cap = s->gathered_cap ? s->gathered_cap * 2 : 256;
		struct log *grown = arena_alloc(&s->mem, cap * sizeof *grown);
		if (s->ngathered)
			memcpy(grown, s->gathered, s->ngathered * sizeof *grown);
		s->gathered = grown;
		s->gathered_cap = cap;
	}
	struct log *kept = &s->gathered[s->ngathered++];
	*kept = *l;
	kept->data.p = arena_copy(&s->mem, l->data.p, l->data.n);
}

/* P11: inside what was asked, of one hash a block, and not taken back. */
static bool belongs(struct span *s, size_t request, const struct log *l)
{
	if (l->removed)
		return lie(s, l, "is marked as removed in an answer to eth_getLogs");
	if ((int64_t)l->block < s->seg->from || (int64_t)l->block > s->seg->to)
		return lie(s, l, "is outside the range that was asked");
	if (!filter_asked(&s->plan, request, l))
		return lie(s, l, "was not asked for");
	if (s->at.any && l->block == s->at.block && memcmp(l->block_hash, s->at.hash, 32) != 0)
		return lie(s, l, "has another block hash than a log of the same block");
	return true;
}

static void move_to(struct span *s, const struct log *l)
{
	s->at = (struct log_place){.block = l->block, .tx = l->tx_index, .log = l->log_index, .any = true};
	memcpy(s->at.hash, l->block_hash, 32);
	if ((int64_t)l->block == s->seg->from)
		s->at_from = s->at;
	if ((int64_t)l->block == s->seg->to)
		s->at_to = s->at;
}

bool span_take_log(struct span *s, size_t request, struct log *l)
{
	s->logs++;
	if (!belongs(s, request, l))
		return false;
	const struct filter_event *ev = filter_match(s->world->filter, l);
	if (s->gather) {
		/* a log that two requests gave counts once; children are told apart when all of them are known */
		bool other = ev && s->plan.of[ev->index] != request && s->plan.of[ev->index] != SIZE_MAX;
		if (!other && (ev || s->world->filter->has_factories))
			gather_log(s, l);
		return true;
	}
	int o = s->at.any ? order(l, &s->at) : 1;
	if (o < 0) {
		s->outcome = SPAN_UNSORTED;
		return false;
	}
	if (o == 0)
		return true; /* the same place again: one log, told twice (K-22) */
	move_to(s, l);
	if (ev)
		encode(s, ev, l);
	return true;
}

static bool hash_is(struct span *s, const struct log *l, const struct block_header *h)
{
	if (l->block != h->number || memcmp(l->block_hash, h->hash, 32) == 0)
		return true;
	lie(s, l, "has another block hash than the header of its block");
	return false;
}

bool span_settle(struct span *s)
{
	logs_sort(s->gathered, s->ngathered);
	s->ngathered = logs_once(s->gathered, s->ngathered);
	s->at = (struct log_place){0};
	for (size_t i = 0; i < s->ngathered; i++) {
		struct log *l = &s->gathered[i];
		if (s->at.any && l->block == s->at.block && memcmp(l->block_hash, s->at.hash, 32) != 0)
			return lie(s, l, "has another block hash than a log of the same block");
		if (s->at.any && order(l, &s->at) == 0)
			return lie(s, l, "stands at the place of another log");
		if (!hash_is(s, l, &s->first) || !hash_is(s, l, &s->last))
			return false;
		move_to(s, l);
		const struct filter_event *ev = filter_match(s->world->filter, l);
		if (ev)
			encode(s, ev, l);
	}
	s->ripe = true;
	return true;
}
