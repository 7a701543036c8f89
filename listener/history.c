#include "listener/history.h"

#include "common/base/mem.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "listener/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUSY_MS = 100 };

/* ── what is asked for, what is open ── */

static int64_t start_of(const struct contract_decl *c)
{
	return c->start_latest ? -1 : (int64_t)c->start;
}

void history_ask_for(struct reader *r, struct pg_unit *u)
{
	struct history_ask *asks = arena_alloc(&r->mem, (r->filter.n + 1) * sizeof *asks);
	for (size_t i = 0; i < r->filter.n; i++) {
		asks[i].event = r->filter.events[i].decl;
		asks[i].start = start_of(asks[i].event->contract);
		filter_fingerprint(&r->filter.events[i], asks[i].digest);
	}
	history_ask(u, r->chain->name, asks, r->filter.n);
}

struct finding {
	const struct reader *r;
	struct history_source *s;
};

static void on_event(void *arg, struct str schema, struct str table)
{
	struct finding *f = arg;
	for (size_t i = 0; i < f->r->filter.n; i++) {
		const struct event_decl *ev = f->r->filter.events[i].decl;
		if (str_eq(schema, str_of(ev->contract->schema)) && str_eq(table, str_of(ev->table)))
			f->s->events[f->s->n++] = ev;
	}
}

/* In the order of the file, as filter.h wants them. */
static int by_place(const void *a, const void *b)
{
	const struct event_decl *const *x = a, *const *y = b;
	return (*x > *y) - (*x < *y);
}

static void titles(const struct history_source *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++)
		buf_printf(out, "%s%s.%s", i ? ", " : "", s->events[i]->contract->name, s->events[i]->entry->as);
}

static void tell(const struct reader *r, const struct history_source *s, const char *ev, const char *words)
{
	struct buf names = {0};
	titles(s, &names);
	log_info(ev, words, F_STR("chain", r->chain->name), F_INT("history", s->row.n), F_STR("events", names.p),
		F_INT("from", s->row.first), F_INT("to", s->row.last), F_INT("block", s->row.done));
	buf_fini(&names);
}

/* false: none of its events is in the file. */
static bool take_row(struct reader *r, const struct pg_reply *q, int stmt, int row, struct history_source *s)
{
	*s = (struct history_source){
		.events = arena_alloc(&r->history.mem, (r->filter.n + 1) * sizeof *s->events)};
	history_row_read(q, stmt, row, &s->row);
	history_row_events(q, stmt, row, on_event, &(struct finding){r, s});
	if (s->n > 0)
		qsort(s->events, s->n, sizeof *s->events, by_place);
	return s->n > 0;
}

void history_loaded(struct reader *r, const struct pg_reply *q, int stmt)
{
	struct history *h = &r->history;
	const struct history_row reads = h->fill ? h->list[h->running].row : (struct history_row){.n = 0};
	int known = h->n > 0 ? h->list[h->n - 1].row.n : 0, n = history_rows(q, stmt + 1);
	bool still = false;
	arena_reset(&h->mem);
	h->doubt = false;
	h->n = 0;
	h->list = arena_alloc(&h->mem, ((size_t)n + 1) * sizeof *h->list);
	for (int i = 0; i < n; i++) {
		struct history_source *s = &h->list[h->n];
		if (!take_row(r, q, stmt + 1, i, s))
			continue;
		if (s->row.n == reads.n) { /* what it has heard of its own commits is newer than what was loaded */
			still = true;
			s->row = reads;
			h->running = h->n;
		}
		h->n++;
		if (s->row.n > known)
			tell(r, s, "history.begin",
				"What is asked for has a past that was not read; reading it beside the chain");
	}
	if (h->fill && !still)
		history_stop(r);
	metric_set(h->m_left, (double)history_left(r));
}

int64_t history_owes(const struct reader *r)
{
	int64_t last = -1;
	for (size_t i = 0; i < r->history.n; i++)
		if (r->history.list[i].row.last > last)
			last = r->history.list[i].row.last;
	return last;
}

int64_t history_left(const struct reader *r)
{
	int64_t left = 0;
	for (size_t i = 0; i < r->history.n; i++)
		left += r->history.list[i].row.last - r->history.list[i].row.done;
	return left;
}

/* ── children ── */

static bool is_of(const struct history_source *s, const struct event_decl *ev)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->events[i] == ev)
			return true;
	return false;
}

/* Events of contracts whose addresses this history finds: the lane has not asked for those of old children.
 */
static size_t found_for(struct reader *r, const struct history_source *s, const struct event_decl **out)
{
	size_t n = 0;
	for (size_t i = 0; i < r->filter.n; i++) {
		const struct event_decl *ev = r->filter.events[i].decl;
		if (ev->contract->factory && is_of(s, ev->contract->factory))
			out[n++] = ev;
	}
	return n;
}

static bool finds_children(struct reader *r, const struct history_source *s)
{
	const struct event_decl **list = arena_alloc(&r->history.unit, (r->filter.n + 1) * sizeof *list);
	return found_for(r, s, list) > 0;
}

/* ── reading ── */

static void forget_source(struct history *h, size_t i)
{
	memmove(&h->list[i], &h->list[i + 1], (h->n - i - 1) * sizeof *h->list);
	h->n--;
}

static void end_reading(struct history *h)
{
	fill_stop(h->fill);
	h->fill = NULL;
	if (!h->encoders)
		return;
	for (size_t i = 0; i < h->filter.n; i++)
		encoder_fini(&h->encoders[i]);
	free(h->encoders);
	h->encoders = NULL;
	filter_fini(&h->filter);
}

static void on_timer(void *arg)
{
	history_drive(arg);
}

static void later(struct reader *r, const char *why)
{
	struct history *h = &r->history;
	snprintf(h->why, sizeof h->why, "%s", why);
	h->doubt = true;
	timer_start(r->m->loop, &h->timer, backoff_fail(&h->backoff), on_timer, r);
}

/* Rows first: the fence locks what the chain's lane writes, and what counts them behind it does too. */
static void end_unit(void *arg, struct pg_unit *u, const struct fill_commit *c)
{
	struct reader *r = arg;
	struct history *h = &r->history;
	const struct history_source *s = &h->list[h->running];
	fault_hit(FAULT_listen_before_commit);
	arena_reset(&h->unit);
	for (size_t i = 0; i < h->filter.n && c->staged; i++)
		if (c->per_event[i] > 0)
			chain_from_stage(u, &h->unit, h->filter.events[i].decl, i);
	for (size_t i = 0; i < c->nbad; i++)
		chain_add_undecoded(u, r->row.id, c->bad[i].event, &c->bad[i].log, c->bad[i].why);
	const struct event_decl **again = arena_alloc(&h->unit, (r->filter.n + 1) * sizeof *again);
	struct history_commit step = {.n = s->row.n,
		.from = c->from,
		.done = c->done,
		.at = c->at,
		.ranges = c->ranges,
		.nranges = c->nranges,
		.again = again};
	step.nagain = found_for(r, s, again);
	history_step(u, r->row.id, lease_lane(r->lease), &step);
	for (size_t i = 0; i < h->filter.n; i++) {
		const struct event_decl *ev = h->filter.events[i].decl;
		if (c->per_event[i] > 0 && c->staged)
			chain_count_staged(u, ev, i);
		else if (c->per_event[i] > 0)
			chain_count_swept(u, ev, c->per_event[i]);
	}
}

static void on_commit(void *arg, const struct fill_commit *c)
{
	struct reader *r = arg;
	struct history *h = &r->history;
	struct history_source *s = &h->list[h->running];
	fault_hit(FAULT_listen_after_commit);
	s->row.done = c->done;
	s->row.at = c->at;
	h->why[0] = 0;
	backoff_ok(&h->backoff);
	metric_add(r->m_events, (int64_t)c->events);
	metric_set(h->m_left, (double)history_left(r));
	if (c->events > 0 &&
		r->at > 0) /* its own numbers are no ids of the stream: it rings on the chain's (INV-1) */
		bus_ring_again(r->m->bus, BUS_LOG, "events", r->chain->name, r->at);
}

/* The lane asks for the children that were found as well. Those above were copied from it, and a reorg may
 * have taken them back since. */
static void give_children(struct reader *r, int64_t done)
{
	const struct filter *f = &r->history.filter;
	bool news = false;
	for (size_t i = 0; i < f->nchildren; i++)
		news |= (int64_t)f->children[i].block <= done && filter_child_add(&r->filter, f->children[i].contract,
															 f->children[i].address, f->children[i].block);
	if (news)
		reader_plan(r);
}

/* At the floor, or at its end: then it is one with the chain's log. */
static void on_end(void *arg)
{
	struct reader *r = arg;
	struct history *h = &r->history;
	struct history_source *s = &h->list[h->running];
	give_children(r, s->row.done);
	end_reading(h);
	if (s->row.done >= s->row.last) {
		bool children = finds_children(r, s);
		tell(r, s, "history.end", "The past of what was asked for later is read; it has joined the chain");
		forget_source(h, h->running);
		h->staged = false;
		if (children) /* they are asked for from here on, and what they did meanwhile is a history, too */
			reader_reload(r);
	}
	if (h->n == 0) {
		pg_copy_close(h->copy);
		h->copy = NULL;
	}
	history_drive(r);
}

static void on_fail(void *arg, enum fill_failure f, const char *sentence)
{
	struct reader *r = arg;
	struct history *h = &r->history;
	end_reading(h);
	switch (f) {
	case FILL_FENCED: lease_lost(r->lease); break;
	case FILL_PRESENT:
		if (h->staged) {
			later(r, sentence);
			break;
		}
		h->staged = true;
		history_drive(r);
		break;
	case FILL_UNLINKED: later(r, sentence); break;
	case FILL_STORE:
		log_odd("commit.refused", "PostgreSQL did not take a commit of a history; reading the truth again",
			F_STR("chain", r->chain->name), F_STR("reason", sentence));
		later(r, sentence);
		break;
	}
}

static void on_why(void *arg, const char *sentence)
{
	struct reader *r = arg;
	snprintf(r->history.why, sizeof r->history.why, "%s", sentence);
}

/* Up to where the i-th can be read now: never into the window, and none overtakes one before it. */
static int64_t readable(const struct reader *r, size_t i)
{
	const struct history *h = &r->history;
	int64_t to = h->list[i].row.last < r->row.floor ? h->list[i].row.last : r->row.floor;
	for (size_t k = 0; k < i; k++)
		if (h->list[k].row.done < to)
			to = h->list[k].row.done;
	return to;
}

static void begin_reading(struct reader *r, size_t i)
{
	struct history *h = &r->history;
	const struct history_source *s = &h->list[i];
	h->running = i;
	filter_init_of(&h->filter, r->m->config, s->events, s->n);
	for (size_t k = 0; k < r->filter.nchildren; k++) {
		const struct filter_child *c = &r->filter.children[k];
		filter_child_add(&h->filter, c->contract, c->address, c->block);
	}
	h->encoders = mem_alloc((h->filter.n + 1) * sizeof *h->encoders);
	for (size_t k = 0; k < h->filter.n; k++)
		encoder_init(&h->encoders[k], h->filter.events[k].decl);
	if (!h->copy)
		h->copy = backfill_copy_open(r);
	snprintf(h->name, sizeof h->name, "%s+%d", r->chain->name, s->row.n);
	struct fill_job job = {.loop = r->m->loop,
		.providers = r->providers,
		.copy = h->copy,
		.name = h->name,
		.filter = &h->filter,
		.encoders = h->encoders,
		.proving = &r->prove.chain,
		.network = r->row.network,
		.chain_id = r->row.id,
		.from = s->row.done + 1,
		.target = readable(r, i),
		.at = s->row.at,
		.staged = h->staged,
		.end_unit = end_unit,
		.on_commit = on_commit,
		.on_end = on_end,
		.on_fail = on_fail,
		.on_why = on_why,
		.arg = r};
	h->fill = fill_start(&job);
}

/* The lane is ours and its own reading is near the head. */
static bool may_read(const struct reader *r)
{
	return lease_held(r->lease) && !r->closing && !r->fill && r->begun && r->phase != READER_LOAD &&
		   r->phase != READER_IDENT && r->phase != READER_FIRST && r->phase != READER_HALTED &&
		   r->phase != READER_OFF;
}

void history_drive(struct reader *r)
{
	struct history *h = &r->history;
	if (h->n == 0 || !may_read(r) || (h->timer && timer_is_on(h->timer)))
		return;
	if (h->fill) {
		fill_extend(h->fill, readable(r, h->running));
		fill_wake(h->fill);
		return;
	}
	if (h->copy && pg_copy_is_busy(h->copy)) { /* a COMMIT that was stopped: it may still be carried out */
		h->doubt = true;
		timer_start(r->m->loop, &h->timer, BUSY_MS, on_timer, r);
		return;
	}
	if (h->doubt) {
		reader_reload(r);
		return;
	}
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].row.done < readable(r, i)) {
			begin_reading(r, i);
			return;
		}
}

/* ── its ends ── */

void history_stop(struct reader *r)
{
	struct history *h = &r->history;
	h->doubt = h->doubt || (h->fill && fill_commit_is_out(h->fill));
	timer_stop(&h->timer);
	end_reading(h);
}

bool history_commit_is_out(const struct reader *r)
{
	const struct history *h = &r->history;
	return h->fill ? fill_commit_is_out(h->fill) : h->copy && pg_copy_is_busy(h->copy);
}

bool history_cut(struct reader *r, int64_t ancestor)
{
	struct history *h = &r->history;
	bool children = false;
	for (size_t i = h->n; i-- > 0;) {
		struct history_source *s = &h->list[i];
		if (s->row.last <= ancestor)
			continue;
		s->row.last = ancestor;
		if (s->row.done < ancestor)
			continue;
		if (h->fill && h->running == i)
			history_stop(r);
		tell(r, s, "history.end", "A reorg gave the rest of it to the chain's own reading");
		children = finds_children(r, s) || children;
		forget_source(h, i);
		if (h->running > i)
			h->running--;
	}
	return children;
}

void history_open(struct reader *r)
{
	struct history *h = &r->history;
	char labels[80];
	snprintf(labels, sizeof labels, "chain=\"%s\"", r->chain->name);
	backoff_init(&h->backoff, r->chain->retry.first_ms, r->chain->retry.max_ms, (uint64_t)getpid());
	h->m_left = metric(METRIC_GAUGE, "fairlead_history_left_blocks",
		"Blocks of what was asked for later that are not read yet", labels);
}

void history_close(struct reader *r)
{
	struct history *h = &r->history;
	pg_copy_close(h->copy);
	timer_free(&h->timer);
	arena_fini(&h->mem);
	arena_fini(&h->unit);
}

void history_status(const struct reader *r, struct buf *out)
{
	const struct history *h = &r->history;
	buf_char(out, '[');
	for (size_t i = 0; i < h->n; i++) {
		const struct history_source *s = &h->list[i];
		struct buf names = {0};
		titles(s, &names);
		buf_printf(out, "%s{\"events\":", i ? "," : "");
		buf_json(out, str_of(names.p));
		buf_printf(out, ",\"done\":%" PRId64 ",\"left\":%" PRId64 ",\"why\":", s->row.done,
			s->row.last - s->row.done);
		buf_json(out, str_of(h->why));
		buf_char(out, '}');
		buf_fini(&names);
	}
	buf_char(out, ']');
}
