#include "listener/fill.h"
#include "listener/prove.h"

#include "common/base/mem.h"
#include "common/io/log.h"
#include "common/ledger/chain.h"
#include "listener/density.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum {
	HELD_MOST = 3 << 20,     /* bytes of rows that wait: beyond, only the first range is asked for */
	PAUSE_MOST = 4 << 20,    /* beyond, ranges on their way stand still but for the first */
	FLUSH_BYTES = 512 << 10, /* rows of one range that are held; more are given away before it is complete */
	ROOM_BYTES = 1 << 20,    /* bytes on their way to PostgreSQL: beyond, nothing is added */
	COMMIT_ROWS = 50000,     /* a transaction ends with so many rows, */
	COMMIT_MS = 250,         /* or when it is so old */
	LOOK_MS = 100,           /* a look for endpoints that hang, and for what may be asked again */
	DENSE_MS = 1000,         /* before a block that was too much is asked for again */
	PROGRESS_MS = 5000,      /* between two lines about a long reading */
	DENSE_KEPT = 64,         /* blocks in flight that are too much for one question */
	DOUBTS_MOST = 50,  /* times that another endpoint is waited for, as it may prove an empty range false */
	UNLINKED_MOST = 2, /* times that a range may not link before it is believed */
};

struct fill {
	struct fill_job job;
	struct span_world world;
	struct pipe pipe;
	struct span *busy, *spare; /* asked, ready, standing still · free ones */
	size_t nbusy;
	bool *gather; /* by place of the endpoint: it does not sort */

	struct pg_load *load;
	struct fill_commit commit; /* of the load under way */
	uint64_t *per_event;
	struct block_header last;
	struct span_bad *bad;
	size_t nbad, bad_cap;
	struct arena bad_mem;
	struct span *streaming; /* the range whose rows are in the load and that is not complete */
	bool ending;            /* COMMIT is out */
	uint64_t begun_ms;      /* of the load */
	int64_t at, next;       /* number given last, and first block not in a load */
	bool has_parent;
	uint8_t parent[32];
	uint32_t unlinked;
	bool stopped,
		ended; /* it failed; it is done: nothing more is started, the owner hears it in a later turn */
	enum fill_failure failure;
	char why[300], failed_for[300];
	bool alone; /* fill_stop came while COMMIT was out: freed when that is answered */

	struct density *density; /* being asked: no range is, before the answer */
	bool guessed;
	struct {
		int64_t block;
		enum span_mode mode;
	} pieces[DENSE_KEPT]; /* blocks that are too much for one question, and how they are asked next */
	size_t npieces;
	uint32_t doubts;        /* that were put off */
	struct prove_lies lies; /* about the first range */
	struct arena mem;       /* the life of the fill: */
	const char **copy_sql;  /* one an event of the filter */
	struct timer *look;
	uint64_t ask_at_ms; /* nothing is asked before */
	int64_t dense;      /* this block can't be had here even in pieces: nothing from it on; -1: none */
	struct fill_stats stats;
	uint64_t started_ms, marked_ms, told_ms, cpu_before;
	struct fill_rate {
		uint64_t ms, events;
		int64_t blocks;
	} rate;
};

static void pump(struct fill *f);

/* ── where the time goes ── */

static uint64_t cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The time since the last mark is of one kind: PostgreSQL is written to, or endpoints are waited for, or
 * neither. */
static void mark(struct fill *f)
{
	uint64_t now = loop_now_ms(f->job.loop), ms = now - f->marked_ms;
	f->marked_ms = now;
	if (f->ending || (f->load && pg_load_waiting(f->load) > 0))
		f->stats.write_ms += ms;
	else if (f->pipe.asked > 0 || f->density)
		f->stats.fetch_ms += ms;
	else
		f->stats.wait_ms += ms;
}

void fill_stats(const struct fill *f, struct fill_stats *out)
{
	uint64_t now = loop_now_ms(f->job.loop);
	*out = f->stats;
	out->took_ms = now - f->started_ms;
	out->cpu_ms = cpu_ms() - f->cpu_before;
	double s = (double)(now - f->rate.ms) / 1000;
	if (s < 0.5)
		s = 0.5;
	out->blocks_s = (double)(f->stats.blocks - f->rate.blocks) / s;
	out->events_s = (double)(f->stats.events - f->rate.events) / s;
	double all = (double)f->stats.blocks / ((double)out->took_ms / 1000 + 0.001);
	out->left_s = all > 0 ? (int64_t)((double)(f->pipe.target - f->commit.done) / all) : -1;
	struct provider *p = providers_at(f->job.providers, 0);
	out->range = p ? learner_blocks(provider_learner(p), f->next) : 0;
}

static void tell(struct fill *f, const char *ev, const char *words, bool end)
{
	struct fill_stats s;
	fill_stats(f, &s);
	f->told_ms = loop_now_ms(f->job.loop);
	f->rate = (struct fill_rate){f->told_ms, f->stats.events, f->stats.blocks};
	if (!end)
		log_info(ev, words, F_STR("chain", f->job.name), F_INT("block", f->commit.done),
			F_INT("to", f->pipe.target), F_INT("blocks_s", (int64_t)s.blocks_s),
			F_INT("events_s", (int64_t)s.events_s), F_INT("range", s.range), F_INT("left_s", s.left_s),
			F_UINT("events", s.events));
	else
		log_info(ev, words, F_STR("chain", f->job.name), F_INT("block", f->commit.done),
			F_INT("blocks", s.blocks), F_UINT("events", s.events), F_UINT("requests", s.requests),
			F_UINT("bytes", s.bytes), F_UINT("took_ms", s.took_ms), F_UINT("fetch_ms", s.fetch_ms),
			F_UINT("parse_ms", s.cpu_ms), F_UINT("write_ms", s.write_ms), F_UINT("wait_ms", s.wait_ms),
			F_INT("range", s.range));
}

static void why(struct fill *f, const char *sentence)
{
	if (strcmp(f->why, sentence) == 0)
		return;
	snprintf(f->why, sizeof f->why, "%s", sentence);
	f->job.on_why(f->job.arg, f->why);
}

/* ── spans ── */

static struct span *span_get(struct fill *f)
{
	struct span *s = f->spare ? f->spare : span_new(&f->world);
	if (f->spare)
		f->spare = s->next;
	s->next = f->busy;
	f->busy = s;
	f->nbusy++;
	return s;
}

static void span_put(struct fill *f, struct span *s)
{
	struct span **at = &f->busy;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	f->nbusy--;
	span_cancel(s); /* frees what it held */
	s->seg = NULL;
	s->next = f->spare;
	f->spare = s;
}

static struct span *span_of(const struct fill *f, const struct pipe_seg *seg)
{
	struct span *s = f->busy;
	while (s && s->seg != seg)
		s = s->next;
	return s;
}

static size_t held(const struct fill *f)
{
	size_t n = f->load ? pg_load_waiting(f->load) : 0;
	for (const struct span *s = f->busy; s; s = s->next)
		n += span_bytes(s);
	return n;
}

static size_t place(const struct fill *f, const struct provider *p)
{
	size_t i = 0;
	while (providers_at(f->job.providers, i) != p)
		i++;
	return i;
}

/* INV-10: what is not the first stands still while too much waits to be written. */
static void hold_back(struct fill *f)
{
	bool much = held(f) > PAUSE_MOST;
	for (struct span *s = f->busy; s; s = s->next)
		if (!pipe_is_first(&f->pipe, s->seg))
			span_pause(s, much);
		else
			span_pause(s, f->load && pg_load_waiting(f->load) > ROOM_BYTES);
}

/* ── the transaction ── */

static void on_look(void *arg);

static void fail(struct fill *f, enum fill_failure what, const char *sentence)
{
	if (f->stopped)
		return;
	f->stopped = true;
	f->failure = what;
	snprintf(f->failed_for, sizeof f->failed_for, "%s", sentence);
	timer_start(f->job.loop, &f->look, 0, on_look, f);
}

static void store_failed(struct fill *f, const struct pg_reply *r)
{
	f->load = NULL;
	f->ending = false;
	if (pg_fenced(r))
		fail(f, FILL_FENCED, r->err.text);
	else if (strcmp(r->sqlstate, "23505") == 0)
		fail(f, FILL_PRESENT, r->err.text);
	else
		fail(f, FILL_STORE, r->err.text);
}

static void fill_free(struct fill *f);

static void on_load_fail(void *arg, const struct pg_reply *r)
{
	store_failed(arg, r);
}

static void on_room(void *arg)
{
	pump(arg);
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
	mark(f);
	if (r->outcome != PG_OK) {
		store_failed(f, r);
		return;
	}
	f->load = NULL;
	f->ending = false;
	f->stats.blocks += f->commit.done - f->commit.from + 1;
	f->stats.events += f->commit.events;
	f->unlinked = 0;
	f->job.on_commit(f->job.arg, &f->commit);
	f->nbad = 0;
	arena_reset(&f->bad_mem);
	forget_dense(f);
	if (loop_now_ms(f->job.loop) - f->told_ms >= PROGRESS_MS)
		tell(f, "fill.progress", "Reading the history of the chain", false);
	pump(f);
}

static void load_open(struct fill *f)
{
	if (f->load)
		return;
	struct pg_load_events ev = {
		.on_room = on_room, .on_fail = on_load_fail, .arg = f, .mark_bytes = ROOM_BYTES};
	f->load = pg_load_begin(f->job.copy, &ev);
	f->begun_ms = loop_now_ms(f->job.loop);
	f->commit = (struct fill_commit){.from = f->next,
		.done = f->next - 1,
		.at = f->at,
		.per_event = f->per_event,
		.last = &f->last,
		.staged = f->job.staged};
	memset(f->per_event, 0, (f->job.filter->n + 1) * sizeof *f->per_event);
}

static void load_end(struct fill *f)
{
	mark(f);
	f->commit.bad = f->bad;
	f->commit.nbad = f->nbad;
	f->commit.at = f->at;
	f->ending = true;
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

static void asked_again(struct fill *f, struct span *s)
{
	struct pipe_seg *seg = s->seg;
	if (f->streaming == s) { /* its rows are in a transaction that must not be */
		f->streaming = NULL;
		pg_load_drop(f->load);
		f->load = NULL;
	}
	span_put(f, s);
	pipe_refused(&f->pipe, seg);
}

static bool does_not_link(struct fill *f, struct span *s)
{
	if (linked(f, s))
		return false;
	char text[200];
	snprintf(text, sizeof text, "block %" PRId64 " is not the child of the block before it", s->seg->from);
	provider_lied(s->p, text);
	asked_again(f, s);
	if (++f->unlinked >= UNLINKED_MOST)
		fail(f, FILL_UNLINKED, text);
	return true;
}

/* Children that the ranges before it created are asked for as well (factories). */
static bool ripe(const struct fill *f, struct span *s)
{
	if (!f->job.filter->has_factories)
		return true;
	struct provider *p = s->p;
	provider_take(p, 1);
	if (!span_ripen(s))
		return false;
	provider_dropped(p); /* nothing had to be asked */
	return true;
}

/* Writes what is complete and next in line. */
static void write_ready(struct fill *f)
{
	struct pipe_seg *seg;
	while (!f->stopped && !f->ending && (seg = pipe_head(&f->pipe))) {
		struct span *s = span_of(f, seg);
		if (f->load && pg_load_waiting(f->load) > ROOM_BYTES)
			break;
		if (f->load && f->streaming != s && f->commit.events >= COMMIT_ROWS)
			break; /* maybe_end has its turn first */
		if (s->outcome != SPAN_OK || does_not_link(f, s) || !ripe(f, s))
			break;
		give_rows(f, s, f->at + 1);
		keep_bad(f, s);
		f->at += (int64_t)s->rows;
		f->streaming = NULL;
		f->last = s->last;
		f->commit.done = s->seg->to;
		f->next = s->seg->to + 1;
		memcpy(f->parent, s->last.hash, 32);
		f->has_parent = true;
		pipe_written(&f->pipe, seg);
		span_put(f, s);
	}
}

static void maybe_end(struct fill *f)
{
	if (!f->load || f->ending || f->stopped || f->streaming || f->commit.done < f->commit.from)
		return;
	uint64_t age = loop_now_ms(f->job.loop) - f->begun_ms;
	bool wanted = false; /* a range that is too large to be held wants a transaction of its own */
	for (const struct span *s = f->busy; s; s = s->next)
		wanted = wanted || (s->full && pipe_is_first(&f->pipe, s->seg));
	if (wanted || pipe_done(&f->pipe) || f->next == f->dense || age >= COMMIT_MS ||
		f->commit.events >= COMMIT_ROWS)
		load_end(f);
}

/* The first range holds more than may be held: its rows leave before it is complete. */
static void stream_first(struct fill *f)
{
	struct span *s = f->pipe.first ? span_of(f, f->pipe.first) : NULL;
	if (!s || !s->full || f->ending || f->stopped || (f->load && f->streaming != s))
		return;
	load_open(f);
	if (pg_load_waiting(f->load) > ROOM_BYTES)
		return;
	f->streaming = s;
	give_rows(f, s, f->at + 1);
	span_go_on(s);
}

/* ── answers ── */

/* How a block is asked for next. */
static enum span_mode *mode_of(struct fill *f, int64_t block)
{
	size_t i = 0;
	while (i < f->npieces && f->pieces[i].block != block)
		i++;
	return i < f->npieces ? &f->pieces[i].mode : NULL;
}

/* One block is more than the endpoint gives at once: by address and topic, then by receipts. */
static void split(struct fill *f, const struct span *s)
{
	int64_t block = s->seg->from;
	struct filter_plan pairs = {.n = 0};
	enum span_mode *mode = mode_of(f, block);
	filter_plan_pairs(&pairs, f->job.filter, FILTER_CAP_DEFAULT);
	bool more = pairs.n > 1 && s->mode == SPAN_RANGE;
	filter_plan_fini(&pairs);
	if (!mode) {
		size_t i = f->npieces < DENSE_KEPT ? f->npieces++ : (size_t)block % DENSE_KEPT;
		f->pieces[i].block = block;
		mode = &f->pieces[i].mode;
	}
	*mode = more ? SPAN_PAIRS : SPAN_RECEIPTS;
	log_debug("fill.dense", "One block is more than the endpoint gives at once", F_STR("chain", f->job.name),
		F_STR("endpoint", provider_name(s->p)), F_INT("block", block),
		F_STR("next", more ? "by address and topic" : "by receipts"));
}

/* No logs at all, though a bloom says that there may be some: somebody else is asked, else the same once
 * more. */
static void doubt(struct fill *f, struct span *s)
{
	struct provider_need need = {.shown = s->seg->to, .lowest = s->seg->from, .other = s->p};
	struct provider *p = providers_pick(f->job.providers, &need);
	if (!p && providers_count(f->job.providers) > 1 && f->doubts++ < DOUBTS_MOST) {
		asked_again(f, s); /* the others may not have spoken yet */
		f->ask_at_ms = loop_now_ms(f->job.loop) + LOOK_MS;
		return;
	}
	if (!p)
		p = s->p;
	provider_take(p, 3);
	f->stats.requests++;
	span_ask_again(s, p);
}

static void refused(struct fill *f, struct span *s)
{
	struct provider *p = s->p;
	enum learner_next next = provider_failed(p, &s->refused, &s->asked, &s->why);
	bool alone = s->seg->from == s->seg->to, last = s->mode == SPAN_RECEIPTS;
	int64_t block = s->seg->from;
	if (next == LEARNER_FLOOR && alone)
		split(f, s);
	asked_again(f, s);
	if (!last)
		return;
	if (!f->job.dense_ends)
		f->ask_at_ms = loop_now_ms(f->job.loop) + DENSE_MS;
	else if (f->dense < 0 || block < f->dense)
		f->dense = block; /* nothing helps here: the reader says why */
}

static void answered(struct fill *f, struct span *s)
{
	uint64_t now = loop_now_ms(f->job.loop);
	f->stats.bytes += s->bytes;
	provider_answered(s->p, s->bytes, s->took_us);
	if (s->outcome == SPAN_LIED) {
		provider_lied(s->p, s->why.text);
		if (pipe_is_first(&f->pipe, s->seg))
			prove_lied(&f->lies, f->job.trust, f->job.providers, s->p, s->seg->from);
		asked_again(f, s);
		return;
	}
	if (s->outcome == SPAN_DOUBT) {
		doubt(f, s);
		return;
	}
	if (s->doubted && s->doubted != s->p && s->logs > 0)
		provider_lied(s->doubted, "no logs were given of a range that has some");
	if (s->outcome == SPAN_UNSORTED) {
		f->gather[place(f, s->p)] = true;
		asked_again(f, s);
		return;
	}
	learner_good(provider_learner(s->p), s->seg->from, s->seg->to - s->seg->from + 1, s->logs, s->bytes, now);
	if (s->seg->state == PIPE_ASKED)
		pipe_ready(&f->pipe, s->seg);
	why(f, "");
}

static void on_span(void *arg, struct span *s)
{
	struct fill *f = arg;
	mark(f);
	if (s->outcome == SPAN_REFUSED)
		refused(f, s);
	else
		answered(f, s);
	pump(f);
}

static void on_full(void *arg, struct span *s)
{
	(void)s;
	struct fill *f = arg;
	maybe_end(f);
	stream_first(f);
}

/* ── questions ── */

/* A place at an endpoint for the next range; NULL: not now. */
static struct provider *pick(struct fill *f, const struct pipe_seg *unasked)
{
	uint64_t now = loop_now_ms(f->job.loop);
	struct provider_need need = {.shown = unasked->from, .lowest = unasked->from};
	struct provider *p = providers_pick(f->job.providers, &need);
	if (!p) {
		if (f->pipe.asked == 0 && f->pipe.ready == 0)
			why(f, providers_why(f->job.providers));
		return NULL;
	}
	int64_t wait = provider_may_send(p, 3, pipe_is_first(&f->pipe, unasked));
	if (wait == 0)
		return p;
	if (wait > 0)
		f->ask_at_ms = now + (uint64_t)wait;
	return NULL;
}

static void on_density(void *arg)
{
	struct fill *f = arg;
	f->density = NULL;
	pump(f);
}

/* Before the first range: how much does a range hold? false: nobody can be asked now. */
static bool guess_density(struct fill *f)
{
	const struct pipe_seg *unasked = pipe_unasked(&f->pipe);
	if (f->guessed || f->job.filter->n == 0 || unasked->to - unasked->from < 2 * DENSITY_BLOCKS) {
		f->guessed = true;
		return true;
	}
	struct provider *p = pick(f, unasked);
	if (!p)
		return false;
	f->guessed = true;
	f->density = density_ask(
		f->job.loop, f->job.providers, p, f->job.filter, unasked->from, unasked->to, on_density, f);
	return false;
}

static void ask(struct fill *f)
{
	if (f->density || !pipe_unasked(&f->pipe) || !guess_density(f))
		return;
	const struct pipe_seg *unasked;
	while (!f->stopped && (unasked = pipe_unasked(&f->pipe))) {
		if (f->dense >= 0 && unasked->from >= f->dense)
			return;
		bool first = pipe_is_first(&f->pipe, unasked);
		if (!first && held(f) > HELD_MOST)
			return;
		struct provider *p = pick(f, unasked);
		if (!p)
			return;
		int64_t blocks = learner_blocks(provider_learner(p), unasked->from);
		int64_t shown = (int64_t)provider_heads(p)->head - unasked->from + 1;
		struct pipe_seg *seg =
			pipe_take(&f->pipe, blocks < shown ? blocks : shown); /* R2: up to what it showed */
		f->stats.requests++;
		const enum span_mode *dense = seg->from == seg->to ? mode_of(f, seg->from) : NULL;
		bool here = dense && provider_learner(p)->floor_at == seg->from;
		span_ask(span_get(f), seg, p, f->gather[place(f, p)], here ? *dense : SPAN_RANGE);
	}
}

/* One endpoint that hangs must not stall the rest: its range is asked elsewhere. */
static void look_for_hangs(struct fill *f)
{
	uint64_t now = loop_now_ms(f->job.loop);
	struct span *s = f->pipe.first ? span_of(f, f->pipe.first) : NULL;
	if (!s || s->outcome != SPAN_OPEN || s->full || s->logs > 0 || s->sent_ms == 0 ||
		now - s->sent_ms < provider_patience_ms(s->p))
		return;
	struct provider_need need = {.shown = s->seg->to, .lowest = s->seg->from, .other = s->p};
	if (!providers_pick(f->job.providers, &need))
		return;
	struct refused r = {.class = REFUSAL_TIMEOUT, .oldest = -1};
	struct learner_asked asked = {s->seg->from, s->seg->to, 1, 0, s->sent_ms};
	struct err e = {0};
	err_put(&e, ERR_TRANSIENT, "%s has not answered for %" PRIu64 " ms; another endpoint is asked",
		provider_name(s->p), now - s->sent_ms);
	provider_failed(s->p, &r, &asked, &e);
	asked_again(f, s);
}

static void on_look(void *arg)
{
	struct fill *f = arg;
	if (f->stopped) {
		f->job.on_fail(f->job.arg, f->failure, f->failed_for); /* may free f */
		return;
	}
	if (f->ended) {
		f->job.on_end(f->job.arg); /* may free f */
		return;
	}
	timer_start(f->job.loop, &f->look, LOOK_MS, on_look, f);
	look_for_hangs(f);
	pump(f);
}

static void pump(struct fill *f)
{
	if (f->stopped || f->ended)
		return;
	mark(f);
	stream_first(f);
	write_ready(f);
	maybe_end(f);
	if (!f->stopped && loop_now_ms(f->job.loop) >= f->ask_at_ms)
		ask(f);
	hold_back(f);
	bool over = pipe_done(&f->pipe) || (f->dense >= 0 && f->next == f->dense);
	if (f->stopped || f->ended || !over || f->load)
		return;
	f->ended = true;
	if (f->stats.events > 0 || f->stats.blocks > 1000)
		tell(f, "fill.done", "Read the history of the chain", true);
	timer_start(f->job.loop, &f->look, 0, on_look, f);
}

/* ── begin and end ── */

struct fill *fill_start(const struct fill_job *job)
{
	struct fill *f = mem_alloc(sizeof *f);
	f->job = *job;
	f->world = (struct span_world){.loop = job->loop,
		.filter = job->filter,
		.encoders = job->encoders,
		.trust = job->trust,
		.network = job->network,
		.chain_id = job->chain_id,
		.swept = true,
		.flush_bytes = FLUSH_BYTES,
		.on_done = on_span,
		.on_full = on_full,
		.arg = f};
	f->gather = mem_alloc((providers_count(job->providers) + 1) * sizeof *f->gather);
	f->per_event = mem_alloc((job->filter->n + 1) * sizeof *f->per_event);
	f->copy_sql = arena_alloc(&f->mem, (job->filter->n + 1) * sizeof *f->copy_sql);
	for (size_t i = 0; i < job->filter->n; i++)
		f->copy_sql[i] =
			job->staged ? chain_stage_copy(&f->mem, job->filter->events[i].decl, job->encoders[i].copy_sql)
						: job->encoders[i].copy_sql;
	f->at = job->at;
	f->next = job->from;
	f->commit.done = job->from - 1;
	f->dense = -1;
	f->has_parent = job->has_parent;
	memcpy(f->parent, job->parent, 32);
	pipe_init(&f->pipe, job->from, job->target);
	f->started_ms = f->marked_ms = f->told_ms = f->rate.ms = loop_now_ms(job->loop);
	f->cpu_before = cpu_ms();
	timer_start(job->loop, &f->look, 0, on_look, f);
	return f;
}

void fill_extend(struct fill *f, int64_t target)
{
	if (!f->ended)
		pipe_extend(&f->pipe, target);
}

void fill_wake(struct fill *f)
{
	pump(f);
}

int64_t fill_dense(const struct fill *f)
{
	return f->dense;
}

bool fill_commit_is_out(const struct fill *f)
{
	return f->ending;
}

static void fill_free(struct fill *f)
{
	pipe_fini(&f->pipe);
	timer_free(&f->look);
	arena_fini(&f->bad_mem);
	arena_fini(&f->mem);
	free(f->bad);
	free(f->gather);
	free(f->per_event);
	free(f);
}

static void spans_free(struct span **list)
{
	while (*list) {
		struct span *s = *list;
		*list = s->next;
		if (s->seg && s->outcome == SPAN_OPEN)
			provider_dropped(s->p);
		span_free(s);
	}
}

void fill_stop(struct fill *f)
{
	if (!f)
		return;
	f->stopped = true;
	timer_stop(&f->look);
	density_cancel(f->density);
	if (f->load && !f->ending)
		pg_load_drop(f->load);
	spans_free(&f->busy);
	spans_free(&f->spare);
	if (f->ending)
		f->alone = true;
	else
		fill_free(f);
}
