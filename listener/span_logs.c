/* One log after the other: does it belong to the answer, where does it go. */
#include "listener/span_in.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

enum { END_LOGS = 8 };

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
	if (s->blocks)
		s->blocks[(int64_t)l->block - s->seg->from].rows++;
	s->live_bytes += run->bytes.n - before;
	if (!l->has_time)
		want_time(s, l);
}

void span_gather(struct span *s, const struct log *l)
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
	return true;
}

/* Of the first and the last block it is remembered what their headers must bear out, which come behind the
 * logs. The blooms of a few logs tell as much as those of all. */
static bool end_takes(struct span *s, struct span_end *e, const struct log *l)
{
	if (e->n > 0 && memcmp(e->hash, l->block_hash, 32) != 0)
		return lie(s, l, "has another block hash than a log of the same block");
	memcpy(e->hash, l->block_hash, 32);
	if (e->n >= END_LOGS)
		return true;
	if (receipt_outside(l->block, l->block_hash, l->tx_hash)) {
		s->world->trust->outside = true;
		return true;
	}
	log_bloom(l, e->bloom);
	e->n++;
	return true;
}

/* P11: the next log in chain order fits the one before it. */
static bool move_to(struct span *s, const struct log *l)
{
	if (s->at.any && l->block == s->at.block) {
		struct proof_place from = {s->at.tx, s->at.log, s->at.tx_hash},
						   to = {l->tx_index, l->log_index, l->tx_hash};
		const char *wrong = memcmp(l->block_hash, s->at.hash, 32) != 0
								? "has another block hash than a log of the same block"
								: proof_behind(s->world->trust, &from, &to);
		if (wrong)
			return lie(s, l, wrong);
	}
	s->at = (struct log_place){.block = l->block, .tx = l->tx_index, .log = l->log_index, .any = true};
	memcpy(s->at.hash, l->block_hash, 32);
	memcpy(s->at.tx_hash, l->tx_hash, 32);
	return ((int64_t)l->block != s->seg->from || end_takes(s, &s->at_from, l)) &&
		   ((int64_t)l->block != s->seg->to || end_takes(s, &s->at_to, l));
}

bool span_ends_agree(struct span *s)
{
	for (int k = 0; k < 2; k++) {
		const struct block_header *h = k ? &s->last : &s->first;
		const struct span_end *e = k ? &s->at_to : &s->at_from;
		const char *wrong = NULL;
		if (e->n > 0 && memcmp(e->hash, h->hash, 32) != 0)
			wrong = "name another block hash than its header";
		else if (!proof_bloom(s->world->trust, h, e->bloom, e->n))
			wrong = "are not in the bloom of its header";
		if (wrong) {
			s->outcome = SPAN_LIED;
			err_put(&s->why, ERR_MALFORMED, "the logs of block %" PRIu64 " %s", h->number, wrong);
			return false;
		}
	}
	return true;
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
			span_gather(s, l);
		return true;
	}
	int o = s->at.any ? order(l, &s->at) : 1;
	if (o <=
		0) { /* the same place again is one log told twice (K-22), or two: gathered, they can be compared */
		s->outcome = SPAN_UNSORTED;
		return false;
	}
	if (!move_to(s, l))
		return false;
	if (ev)
		encode(s, ev, l);
	return true;
}

bool span_settle(struct span *s)
{
	logs_sort(s->gathered, s->ngathered);
	s->ngathered = logs_once(s->gathered, s->ngathered);
	s->at = (struct log_place){0};
	s->at_from = s->at_to = (struct span_end){0};
	for (size_t i = 0; i < s->ngathered; i++) {
		struct log *l = &s->gathered[i];
		if (!s->proved && s->at.any && order(l, &s->at) == 0)
			return lie(s, l, "stands at the place of another log");
		if (!s->proved && !move_to(s, l)) /* the proof says more, and knows what does not hold on the chain */
			return false;
		const struct filter_event *ev = filter_match(s->world->filter, l);
		if (ev)
			encode(s, ev, l);
	}
	s->ripe = true;
	return s->proved || span_ends_agree(s);
}
