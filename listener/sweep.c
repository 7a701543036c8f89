#include "listener/sweep_in.h"

#include "common/base/mem.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/happen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MS = 1000, WISH_MS = 60000, GATHER_MS = 250, GATHER_MOST_MS = 1000 };

void sweep_enter(struct sweep *s, enum sweep_phase phase)
{
	s->phase = phase;
	store_state(s->r); /* fairlead.chain.sweeping */
}

static struct pg_unit *fenced_unit(const struct sweep *s)
{
	struct pg_unit *u = pg_unit(s->r->m->pg);
	lane_fence(u, lease_lane(s->r->lease));
	return u;
}

/* The answer of a unit that ran beside the reader. false: it is not done, or not wanted any more. */
static bool came_back(struct sweep *s, const struct pg_reply *q)
{
	s->r->states_out--;
	if (pg_fenced(q))
		lease_lost(s->r->lease);
	return q->outcome == PG_OK && s->phase != SWEEP_OFF;
}

static void run_beside(struct sweep *s, struct pg_unit *u, pg_done_fn fn)
{
	s->r->states_out++;
	pg_unit_run(u, 0, fn, s);
}

/* ── CHAIN.start: before the first block of a term ── */

static void on_start(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	struct reader *r = s->r;
	if (!reader_back(r) || !reader_stored(r, q))
		return;
	s->started = true;
	reader_loaded(r);
}

bool sweep_term(struct sweep *s)
{
	struct reader *r = s->r;
	if (s->started)
		return false;
	s->fresh = s->fresh || chain_is_fresh(&r->row);
	struct pg_unit *u = fenced_unit(s);
	happen_chain(u, r->row.id, "start", r->row.done, window_hash(&r->window, r->row.done), 0, -1);
	r->in_flight = true;
	pg_unit_run(u, 0, on_start, r->sweep);
	return true;
}

void sweep_took(struct sweep *s, const struct sweep_row *row)
{
	s->row = *row;
	uint64_t now = loop_now_ms(s->r->m->loop);
	s->ended_ms = row->age_ms >= 0 && (uint64_t)row->age_ms < now ? now - (uint64_t)row->age_ms : 0;
	if (row->age_ms < 0)
		s->ended_ms = now;
	bool back = s->phase == SWEEP_READ || s->phase == SWEEP_MEND ? s->to > s->r->row.done : false;
	if (back) { /* the cursor was set back by what was not answered: what is above it is read anew first */
		s->reseated = sweep_reseats(s) ? s->r->row.done + 1 : s->reseated;
		s->to = s->r->row.done;
	}
	if (back || s->doubt)
		sweep_read_again(s);
}

/* ── when ── */

static void schedule(struct sweep *s);
static void begin(struct sweep *s);
static void look_for_wish(void *arg);

static void on_due(void *arg)
{
	struct sweep *s = arg;
	if (s->phase != SWEEP_REST)
		return;
	if (sweep_reseats(s) || s->r->phase == READER_HALTED) {
		timer_start(s->r->m->loop, &s->timer, AGAIN_MS, on_due, s);
		return;
	}
	sweep_choose(s);
	begin(s);
}

static void schedule(struct sweep *s)
{
	uint64_t now = loop_now_ms(s->r->m->loop), every = s->r->chain->sweep_ms;
	if (s->phase != SWEEP_REST)
		return;
	if (s->replay_due || s->wish.id || (every && s->row.age_ms < 0))
		timer_start(s->r->m->loop, &s->timer, 0, on_due, s);
	else if (every)
		timer_start(
			s->r->m->loop, &s->timer, now - s->ended_ms < every ? every - (now - s->ended_ms) : 0, on_due, s);
}

/* ── CHAIN.swept of the catching up, CHAIN.live: once a term ── */

static void on_again(void *arg)
{
	struct sweep *s = arg;
	if (s->r->phase == READER_IDLE)
		sweep_rest(s);
	else
		timer_start(s->r->m->loop, &s->timer, AGAIN_MS, on_again, s);
}

static void on_live(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	bool ok = came_back(s, q);
	s->live_out = false;
	if (!ok) {
		if (s->r->caught_up)
			timer_start(s->r->m->loop, &s->timer, AGAIN_MS, on_again, s);
		return;
	}
	s->live = true;
	sweep_enter(s, SWEEP_REST);
	schedule(s);
	look_for_wish(s);
}

void sweep_rest(struct sweep *s)
{
	struct reader *r = s->r;
	if (s->live || s->live_out || r->closing || !r->caught_up || !lease_held(r->lease))
		return;
	const uint8_t *hash = window_hash(&r->window, r->row.done);
	struct pg_unit *u = fenced_unit(s);
	int64_t below = sweep_window_below(s);
	sweep_began(u, r->row.id, below);
	happen_chain(u, r->row.id, "swept", r->row.done, hash, 0, (int64_t)s->caught);
	happen_chain(u, r->row.id, "live", r->row.done, hash, 0, -1);
	if (s->row.swept_to < 0)
		s->row.swept_to = below;
	s->phase = SWEEP_REST;
	s->live_out = true;
	run_beside(s, u, on_live);
}

/* ── what is asked for at the front door ── */

static void on_wish(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	bool ok = came_back(s, q);
	s->wish_out = false;
	if (s->phase == SWEEP_OFF)
		return;
	timer_start(s->r->m->loop, &s->wish_timer, ok ? WISH_MS : AGAIN_MS, look_for_wish, s);
	if (ok) {
		s->wish.id = 0;
		if (pg_rows(q, 0) > 0)
			wishes_read(q, 0, 0, &s->wish);
		schedule(s);
	}
	if (s->wish_again)
		look_for_wish(s);
}

/* One that runs is not looked for: its end looks. */
static void look_for_wish(void *arg)
{
	struct sweep *s = arg;
	s->rung_ms = 0;
	s->wish_again = s->wish_out;
	if (s->wish_out || !s->live || sweep_runs(s))
		return;
	struct pg_unit *u = pg_unit(s->r->m->pg);
	wishes_look(u, WISH_CATCHUP, WISH_CATCHUP, s->r->chain->name);
	s->wish_out = true;
	run_beside(s, u, on_wish);
}

/* Who asks together is answered by one run: it begins when the bells are silent for a moment. */
void sweep_wish(struct sweep *s)
{
	uint64_t now = loop_now_ms(s->r->m->loop);
	if (!s->live)
		return;
	s->rung_ms = s->rung_ms ? s->rung_ms : now;
	timer_start(
		s->r->m->loop, &s->wish_timer, now - s->rung_ms < GATHER_MOST_MS ? GATHER_MS : 0, look_for_wish, s);
}

/* ── a sweep ── */

static void on_begun(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	if (!came_back(s, q)) {
		if (s->phase == SWEEP_BEGIN) {
			sweep_enter(s, SWEEP_REST);
			s->replay_due = s->replay_due || (s->replay && !s->wished);
			timer_start(s->r->m->loop, &s->timer, AGAIN_MS, on_due, s);
		}
		return;
	}
	if (s->to > s->r->row.done)
		s->to = s->r->row.done; /* a reorg meanwhile */
	sweep_enter(s, SWEEP_READ);
	sweep_read_begin(s);
	sweep_read(s);
}

static void begin(struct sweep *s)
{
	struct reader *r = s->r;
	struct pg_unit *u = fenced_unit(s);
	s->found = s->missing = s->requests = 0;
	s->nlate = 0;
	arena_reset(&s->late_mem);
	s->reseat_from = s->reseated = INT64_MAX;
	s->begun_ms = s->told_ms = loop_now_ms(r->m->loop);
	if (s->wished)
		wishes_begin(u, s->wish.id);
	if (!sweep_is_first(s))
		happen_chain(u, r->row.id, "sweep", r->row.done, window_hash(&r->window, r->row.done), 0, -1);
	sweep_enter(s, SWEEP_BEGIN);
	run_beside(s, u, on_begun);
}

static void on_ended(void *arg, const struct pg_reply *q);

/* What was re-seated is swept once more: the endpoint that left it out may have left out something else. */
static int64_t swept_to(const struct sweep *s)
{
	return s->reseated <= s->to ? s->reseated - 1 : s->to;
}

static bool counts(const struct sweep *s)
{
	return !s->replay || (s->from <= s->row.swept_to + 1 && swept_to(s) > s->row.swept_to);
}

void sweep_end(struct sweep *s)
{
	struct reader *r = s->r;
	struct pg_unit *u = fenced_unit(s);
	uint64_t found = s->found + s->missing;
	if (counts(s))
		sweep_ended(u, r->row.id, swept_to(s));
	if (s->wished)
		wishes_end(u, s->wish.id);
	if (found > 0 || !sweep_is_first(s))
		happen_chain(u, r->row.id, "swept", s->to, window_hash(&r->window, s->to), 0, (int64_t)found);
	sweep_enter(s, SWEEP_END);
	run_beside(s, u, on_ended);
}

static void on_end_again(void *arg)
{
	struct sweep *s = arg;
	if (s->phase == SWEEP_END)
		sweep_end(s);
}

static void on_ended(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	struct reader *r = s->r;
	if (!came_back(s, q)) {
		if (s->phase == SWEEP_END)
			timer_start(r->m->loop, &s->timer, AGAIN_MS, on_end_again, s);
		return;
	}
	uint64_t found = s->found + s->missing;
	if (counts(s)) {
		s->row.swept_to = swept_to(s);
		s->row.age_ms = 0;
	}
	s->ended_ms = s->replay ? s->ended_ms : loop_now_ms(r->m->loop);
	sweep_read_stop(s);
	if (s->replay || s->wished) {
		char text[160];
		snprintf(text, sizeof text,
			"Re-read blocks %" PRId64 "..%" PRId64 ": %" PRIu64 " events were missing", s->from, s->to,
			found);
		log_info(s->wished ? "catchup.done" : "replay.done", text, F_STR("chain", r->chain->name),
			F_UINT("requests", s->requests), F_UINT("took_ms", loop_now_ms(r->m->loop) - s->begun_ms));
	} else {
		log_debug("sweep.done", "Swept", F_STR("chain", r->chain->name), F_INT("from", s->from),
			F_INT("to", s->to), F_UINT("found", found));
	}
	sweep_enter(s, SWEEP_REST);
	s->wish.id = 0;
	s->wished = false;
	schedule(s);
	look_for_wish(s);
}

/* ── what the reader tells ── */

void sweep_wrote(struct sweep *s, uint64_t events)
{
	if (!s->live && !s->live_out)
		s->caught += events;
	if (s->row.reseat_to >= 0 && s->r->row.done >= s->row.reseat_to)
		s->row.reseat_to = -1;
	if (s->phase == SWEEP_RESEAT && !sweep_reseats(s))
		sweep_mend(s);
}

/* A block whose bloom says yes and whose logs are none of ours: most often it is the bloom that errs. */
static void doubt(struct sweep *s)
{
	const struct reader *r = s->r;
	size_t kept = 0;
	for (size_t i = 0; i < s->ndoubts; i++)
		if (s->doubts[i] > r->floor && (s->doubts[i] < r->step.from || s->doubts[i] > r->step.to))
			s->doubts[kept++] = s->doubts[i];
	s->ndoubts = kept;
	for (size_t i = 0, l = 0; i < r->nheaders; i++) {
		while (l < r->nlogs && r->logs[l].block < r->headers[i].number)
			l++;
		bool any = l < r->nlogs && r->logs[l].block == r->headers[i].number;
		if (any || s->ndoubts == SWEEP_DOUBTS || !filter_bloom(&r->filter, r->headers[i].bloom))
			continue;
		s->doubts[s->ndoubts++] = (int64_t)r->headers[i].number;
	}
}

void sweep_stepped(struct sweep *s)
{
	s->giver = s->r->p;
	doubt(s);
	bound_forget(&s->bound, s->r->floor);
}

void sweep_cut(struct sweep *s, int64_t ancestor)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->ndoubts; i++)
		if (s->doubts[i] <= ancestor)
			s->doubts[kept++] = s->doubts[i];
	s->ndoubts = kept;
	bound_cut(&s->bound, ancestor + 1);
	if (s->row.swept_to > ancestor)
		s->row.swept_to = ancestor;
	if (s->row.reseat_to > ancestor)
		s->row.reseat_to = ancestor;
	if (s->phase < SWEEP_READ || s->phase == SWEEP_END || s->to <= ancestor)
		return;
	s->to = ancestor; /* what is above is read anew, by live reading first */
	sweep_read_again(s);
}

void sweep_hurry(struct sweep *s)
{
	if (s->phase == SWEEP_REST)
		timer_start(s->r->m->loop, &s->timer, 0, on_due, s);
}

void sweep_wake(struct sweep *s)
{
	sweep_read(s);
}

void sweep_status(const struct sweep *s, struct buf *out)
{
	const struct pipe_seg *first = s->pipe.first;
	if (!sweep_runs(s))
		return;
	buf_printf(out, ",\"sweep\":{\"asked\":%s,\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"done\":%" PRId64 "}",
		s->wished ? "true" : "false", s->from, s->to,
		s->phase == SWEEP_READ && first ? first->from - 1 : s->to);
}

bool sweep_runs(const struct sweep *s)
{
	return s->phase >= SWEEP_BEGIN;
}

bool sweep_is_told(const struct sweep *s)
{
	return sweep_runs(s) && !sweep_is_first(s);
}

bool sweep_reseats(const struct sweep *s)
{
	return s->row.reseat_to >= 0;
}

void sweep_in_commit(struct sweep *s, struct pg_unit *u, int64_t first, int64_t last)
{
	if (sweep_reseats(s))
		sweep_reseated(u, s->r->row.id, first, last);
}

bool sweep_bound_met(struct sweep *s, struct err *e)
{
	const struct reader *r = s->r;
	if (r->prove.unknown || (r->chain->completeness == PROOF_RECEIPTS && !r->prove.chain.lowered))
		return true; /* all receipts of the block say more */
	const struct bound_log *l = bound_lacks(&s->bound, r->headers, r->nheaders, r->logs, r->nlogs);
	if (!l)
		return true;
	return err_set(e, ERR_MALFORMED,
		"the answer lacks a log of block %" PRId64 " (index %" PRIu64 ") that is known to stand there",
		l->block, l->log_index);
}

/* ── begin and end ── */

struct sweep *sweep_open(struct reader *r)
{
	char labels[80];
	struct sweep *s = mem_alloc(sizeof *s);
	snprintf(labels, sizeof labels, "chain=\"%s\"", r->chain->name);
	*s = (struct sweep){.r = r,
		.row = {-1, -1, -1},
		.reseat_from = INT64_MAX,
		.reseated = INT64_MAX,
		.replay_due = r->m->options.has_replay || r->m->options.has_from};
	s->m_missed = metric(METRIC_COUNTER, "fairlead_missed_events_total",
		"Events that a sweep found and reading had missed", labels);
	return s;
}

void sweep_stop(struct sweep *s)
{
	if (s->replay && !s->wished && sweep_runs(s))
		s->replay_due = true; /* in the next term */
	s->wish.id = 0;
	s->wished = false;
	s->phase = SWEEP_OFF;
	s->doubt = false;
	s->started = s->live = s->live_out = false;
	s->caught = 0;
	timer_stop(&s->timer);
	timer_stop(&s->wish_timer);
	sweep_read_stop(s);
}

void sweep_close(struct sweep *s)
{
	sweep_stop(s);
	bound_fini(&s->bound);
	arena_fini(&s->check_mem);
	arena_fini(&s->late_mem);
	timer_free(&s->timer);
	timer_free(&s->look);
	timer_free(&s->wish_timer);
	free(s);
}
