/* The transaction of a fill: rows of what is complete and next in line, then the unit of the owner. */
#include "listener/fill_in.h"

#include "common/base/mem.h"
#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>

static void store_failed(struct fill *f, const struct pg_reply *r)
{
	f->load = NULL;
	f->ending = false;
	if (pg_fenced(r))
		fill_fail(f, FILL_FENCED, r->err.text);
	else if (strcmp(r->sqlstate, "23505") == 0)
		fill_fail(f, FILL_PRESENT, r->err.text);
	else
		fill_fail(f, FILL_STORE, r->err.text);
}

static void on_load_fail(void *arg, const struct pg_reply *r)
{
	store_failed(arg, r);
}

static void on_room(void *arg)
{
	fill_pump(arg);
}

/* What is written is not asked any more. */
static void forget_dense(struct fill *f)
{
	for (size_t i = 0; i < f->npieces;)
		if (f->pieces[i].block < f->next)
			f->pieces[i] = f->pieces[--f->npieces];
		else
			i++;
}

static void on_commit(void *arg, const struct pg_reply *r)
{
	struct fill *f = arg;
	if (f->alone) {
		fill_free(f);
		return;
	}
	fill_mark(f);
	if (r->outcome != PG_OK) {
		store_failed(f, r);
		return;
	}
	f->load = NULL;
	f->ending = false;
	f->stats.blocks += f->commit.done - f->commit.from + 1;
	f->stats.events += f->commit.events;
	f->unlinked = f->unproved = 0;
	f->job.on_commit(f->job.arg, &f->commit);
	f->nbad = 0;
	arena_reset(&f->bad_mem);
	forget_dense(f);
	if (loop_now_ms(f->job.loop) - f->told_ms >= PROGRESS_MS)
		fill_tell(f, "fill.progress", "Reading the history of the chain", false);
	fill_pump(f);
}

static void load_open(struct fill *f)
{
	if (f->load)
		return;
	struct pg_load_events ev = {
		.on_room = on_room, .on_fail = on_load_fail, .arg = f, .mark_bytes = BEHIND_MOST};
	f->load = pg_load_begin(f->job.copy, &ev);
	f->begun_ms = loop_now_ms(f->job.loop);
	f->commit = (struct fill_commit){.from = f->next,
		.done = f->next - 1,
		.at = f->at,
		.per_event = f->per_event,
		.last = &f->last,
		.staged = f->job.staged};
	f->nranges = 0;
	memset(f->per_event, 0, (f->job.filter->n + 1) * sizeof *f->per_event);
}

static void load_end(struct fill *f)
{
	fill_mark(f);
	f->commit.bad = f->bad;
	f->commit.nbad = f->nbad;
	f->commit.ranges = f->ranges;
	f->commit.nranges = f->nranges;
	f->commit.at = f->at;
	f->commit.lasts = f->job.followed || pipe_done(&f->pipe) || f->next == f->dense ||
					  loop_now_ms(f->job.loop) - f->lasted_ms >= LASTS_MS;
	if (f->commit.lasts)
		f->lasted_ms = loop_now_ms(f->job.loop);
	f->ending = true;
	uint64_t most = f->job.followed ? FOLLOWED_MS : COMMIT_MS;
	f->most_ms = f->most_ms > most / 2 ? most : f->most_ms * 2;
	f->job.end_unit(f->job.arg, pg_load_unit(f->load), &f->commit);
	pg_load_end(f->load, on_commit, f);
}

/* All rows that the span holds, table by table; their numbers follow what was given last. */
static void give_rows(struct fill *f, struct span *s, int64_t base)
{
	load_open(f);
	for (size_t i = 0; i < f->job.filter->n; i++) {
		struct buf rows = {0};
		size_t n = span_take_rows(s, i, base, &rows);
		if (n == 0) {
			buf_fini(&rows);
			continue;
		}
		f->per_event[i] += n;
		f->commit.events += n;
		pg_load_rows(f->load, f->copy_sql[i], &rows);
	}
}

static void keep_bad(struct fill *f, const struct span *s)
{
	for (size_t i = 0; i < s->nbad; i++) {
		if (f->nbad == f->bad_cap) {
			f->bad_cap = f->bad_cap ? f->bad_cap * 2 : 16;
			f->bad = mem_grow(f->bad, f->bad_cap, sizeof *f->bad);
		}
		struct span_bad *b = &f->bad[f->nbad++];
		*b = s->bad[i];
		b->log.data.p = arena_copy(&f->bad_mem, s->bad[i].log.data.p, s->bad[i].log.data.n);
		b->why = arena_text(&f->bad_mem, s->bad[i].why);
	}
}

/* INV-9: a range counts behind the cursor only as its child. */
static bool linked(const struct fill *f, const struct span *s)
{
	return !f->has_parent || memcmp(f->parent, s->first.parent, 32) == 0;
}

static bool does_not_link(struct fill *f, struct span *s)
{
	if (linked(f, s))
		return false;
	char text[200];
	snprintf(text, sizeof text, "block %" PRId64 " is not the child of the block before it", s->seg->from);
	provider_lied(s->p, text);
	fill_asked_again(f, s);
	if (++f->unlinked >= UNLINKED_MOST)
		fill_fail(f, FILL_UNLINKED, text);
	return true;
}

/* Children that the ranges before it created are asked for as well (factories); then it can be proved. */
static bool ripe(struct fill *f, struct span *s)
{
	if (!f->job.filter->has_factories)
		return true;
	if (s->proving)
		return false;
	struct provider *p = s->p;
	provider_take(p, 1);
	enum span_ripeness r = span_ripen(s);
	if (r != SPAN_WAITS)
		provider_dropped(p); /* nothing had to be asked */
	if (r == SPAN_UNPROVED)
		fill_prove(f, s);
	return r == SPAN_RIPE;
}

static void note_range(struct fill *f, int64_t first, int64_t last, enum proof_level level, uint64_t events)
{
	struct chain_range *before = f->nranges > 0 ? &f->ranges[f->nranges - 1] : NULL;
	if (before && before->level == level) {
		before->last = last;
		before->events += events;
		return;
	}
	if (f->nranges == f->ranges_cap) {
		f->ranges_cap = f->ranges_cap ? 2 * f->ranges_cap : 16;
		f->ranges = mem_grow(f->ranges, f->ranges_cap, sizeof *f->ranges);
	}
	f->ranges[f->nranges++] = (struct chain_range){"", first, last, level, events};
}

static void note_levels(struct fill *f, const struct span *s)
{
	if (!s->blocks)
		note_range(f, s->seg->from, s->seg->to, PROOF_NONE, s->rows);
	for (int64_t b = s->seg->from; s->blocks && b <= s->seg->to; b++) {
		const struct span_block *of = &s->blocks[b - s->seg->from];
		note_range(f, b, b, of->level, of->rows);
	}
}

/* Writes what is complete and next in line. */
void fill_write_ready(struct fill *f)
{
	struct pipe_seg *seg;
	while (!f->stopped && !f->ending && (seg = pipe_head(&f->pipe))) {
		struct span *s = fill_span_of(f, seg);
		if (f->load && pg_load_waiting(f->load) > ROOM_BYTES)
			break;
		if (f->load && f->streaming != s && f->commit.events >= COMMIT_ROWS)
			break; /* maybe_end has its turn first */
		if (s->outcome != SPAN_OK || does_not_link(f, s) || !ripe(f, s))
			break;
		give_rows(f, s, f->at + 1);
		keep_bad(f, s);
		note_levels(f, s);
		f->at += (int64_t)s->rows;
		f->streaming = NULL;
		f->last = s->last;
		f->commit.done = s->seg->to;
		f->next = s->seg->to + 1;
		memcpy(f->parent, s->last.hash, 32);
		f->has_parent = true;
		pipe_written(&f->pipe, seg);
		span_kept(s);
		fill_span_put(f, s);
	}
}

void fill_maybe_end(struct fill *f)
{
	if (!f->load || f->ending || f->stopped || f->streaming || f->commit.done < f->commit.from)
		return;
	uint64_t age = loop_now_ms(f->job.loop) - f->begun_ms;
	bool wanted = false; /* a range that is too large to be held wants a transaction of its own */
	for (const struct span *s = f->busy; s; s = s->next)
		wanted = wanted || (s->full && pipe_is_first(&f->pipe, s->seg));
	if (wanted || pipe_done(&f->pipe) || f->next == f->dense || age >= f->most_ms ||
		f->commit.events >= COMMIT_ROWS)
		load_end(f);
}

/* The first range holds more than may be held: its rows leave before it is complete. */
void fill_stream_first(struct fill *f)
{
	struct span *s = f->pipe.first ? fill_span_of(f, f->pipe.first) : NULL;
	if (!s || !s->full || f->ending || f->stopped || (f->load && f->streaming != s))
		return;
	load_open(f);
	if (pg_load_waiting(f->load) > ROOM_BYTES)
		return;
	f->streaming = s;
	give_rows(f, s, f->at + 1);
	span_go_on(s);
}
