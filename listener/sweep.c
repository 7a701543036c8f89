#include "listener/sweep_in.h"

#include "common/base/mem.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/happen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MS = 1000, TAKEN_MOST = BOUND_MOST / 2 };

static void enter(struct sweep *s, enum sweep_phase phase)
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

static void read_again(struct sweep *s);

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
		read_again(s);
}

/* ── when ── */

static void schedule(struct sweep *s);
static void begin(struct sweep *s);

/* What --replay and --from ask for. false: nothing, or it can't be: said once. */
static bool asked_for(struct sweep *s)
{
	const struct reader *r = s->r;
	const struct options *o = &r->m->options;
	int64_t first = r->row.began > 0 ? r->row.began : 0, done = r->row.done;
	char why[240];
	if (!s->replay_due)
		return false;
	s->replay_due = false;
	if (!o->has_replay && s->fresh)
		return false; /* the chain was begun there just now */
	s->from = o->has_replay ? (int64_t)o->replay_from : o->from_start ? first : (int64_t)o->from;
	s->to = o->has_replay ? (int64_t)o->replay_to : done;
	s->replay = true;
	if (s->from >= first && s->to <= done && s->from <= s->to)
		return true;
	snprintf(why, sizeof why,
		"Blocks %" PRId64 "..%" PRId64 " are not read again: blocks %" PRId64 "..%" PRId64
		" were read so far; give a range within them",
		s->from, s->to, first, done);
	log_odd("replay.refused", why, F_STR("chain", r->chain->name));
	return false;
}

/* All since the last sweep; and what a bloom made doubtful, while a reorg can reach it. */
static void interval(struct sweep *s)
{
	const struct reader *r = s->r;
	s->replay = false;
	s->from = s->row.swept_to + 1;
	s->to = r->row.done;
	for (size_t i = 0; i < s->ndoubts; i++)
		if (s->doubts[i] > r->floor && s->doubts[i] < s->from)
			s->from = s->doubts[i];
}

static void on_due(void *arg)
{
	struct sweep *s = arg;
	if (s->phase != SWEEP_REST)
		return;
	if (sweep_reseats(s) || s->r->phase == READER_HALTED || s->row.swept_to < 0) {
		timer_start(s->r->m->loop, &s->timer, AGAIN_MS, on_due, s);
		return;
	}
	if (!asked_for(s))
		interval(s);
	begin(s);
}

static void schedule(struct sweep *s)
{
	uint64_t now = loop_now_ms(s->r->m->loop), every = s->r->chain->sweep_ms;
	if (s->phase != SWEEP_REST)
		return;
	if (s->replay_due)
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
	enter(s, SWEEP_REST);
	schedule(s);
}

void sweep_rest(struct sweep *s)
{
	struct reader *r = s->r;
	if (s->live || s->live_out || r->closing || !r->caught_up || !lease_held(r->lease))
		return;
	const uint8_t *hash = window_hash(&r->window, r->row.done);
	struct pg_unit *u = fenced_unit(s);
	sweep_began(u, r->row.id, r->row.done);
	happen_chain(u, r->row.id, "swept", r->row.done, hash, 0, (int64_t)s->caught);
	happen_chain(u, r->row.id, "live", r->row.done, hash, 0, -1);
	if (s->row.swept_to < 0)
		s->row.swept_to = r->row.done;
	s->phase = SWEEP_REST;
	s->live_out = true;
	run_beside(s, u, on_live);
}

/* ── a sweep ── */

static void on_begun(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	if (!came_back(s, q)) {
		if (s->phase == SWEEP_BEGIN) {
			enter(s, SWEEP_REST);
			s->replay_due = s->replay_due || s->replay;
			timer_start(s->r->m->loop, &s->timer, AGAIN_MS, on_due, s);
		}
		return;
	}
	if (s->to > s->r->row.done)
		s->to = s->r->row.done; /* a reorg meanwhile */
	enter(s, SWEEP_READ);
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
	happen_chain(u, r->row.id, "sweep", r->row.done, window_hash(&r->window, r->row.done), 0, -1);
	enter(s, SWEEP_BEGIN);
	run_beside(s, u, on_begun);
}

static void on_ended(void *arg, const struct pg_reply *q);

/* What was re-seated is swept once more: the endpoint that left it out may have left out something else. */
static void end(struct sweep *s)
{
	struct reader *r = s->r;
	struct pg_unit *u = fenced_unit(s);
	int64_t swept = s->reseated <= s->to ? s->reseated - 1 : s->to;
	if (!s->replay || (s->from <= s->row.swept_to + 1 && swept > s->row.swept_to))
		sweep_ended(u, r->row.id, swept);
	happen_chain(
		u, r->row.id, "swept", s->to, window_hash(&r->window, s->to), 0, (int64_t)(s->found + s->missing));
	enter(s, SWEEP_END);
	run_beside(s, u, on_ended);
}

static void on_end_again(void *arg)
{
	struct sweep *s = arg;
	if (s->phase == SWEEP_END)
		end(s);
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
	int64_t swept = s->reseated <= s->to ? s->reseated - 1 : s->to;
	if (!s->replay || (s->from <= s->row.swept_to + 1 && swept > s->row.swept_to))
		s->row.swept_to = swept;
	s->ended_ms = s->replay ? s->ended_ms : loop_now_ms(r->m->loop);
	sweep_read_stop(s);
	if (s->replay) {
		char text[160];
		snprintf(text, sizeof text,
			"Re-read blocks %" PRId64 "..%" PRId64 ": %" PRIu64 " events were missing", s->from, s->to,
			found);
		log_info("replay.done", text, F_STR("chain", r->chain->name), F_UINT("requests", s->requests),
			F_UINT("took_ms", loop_now_ms(r->m->loop) - s->begun_ms));
	} else {
		log_debug("sweep.done", "Swept", F_STR("chain", r->chain->name), F_INT("from", s->from),
			F_INT("to", s->to), F_UINT("found", found));
	}
	enter(s, SWEEP_REST);
	schedule(s);
}

/* ── what it found ── */

void sweep_lacking(struct sweep *s, const struct log *l)
{
	const struct reader *r = s->r;
	int64_t block = (int64_t)l->block;
	const uint8_t *ours = window_hash(&r->window, block);
	if (block <= history_owes(r))
		return;
	if (block <= r->floor) {
		if (s->nlate % SWEEP_LATE == 0) {
			struct log *grown = arena_alloc(&s->late_mem, (s->nlate + SWEEP_LATE) * sizeof *grown);
			if (s->nlate)
				memcpy(grown, s->late, s->nlate * sizeof *grown);
			s->late = grown;
		}
		struct log *kept = &s->late[s->nlate++];
		*kept = *l;
		kept->data.p = arena_copy(&s->late_mem, l->data.p, l->data.n);
		return;
	}
	if (ours && memcmp(ours, l->block_hash, 32) != 0)
		return; /* the chain moved while it was looked up */
	bound_add_log(&s->bound, l);
	s->missing++;
	if (block < s->reseat_from)
		s->reseat_from = block;
}

/* Everything is held against the tables: what is missing is brought in, then the sweep ends. */
static void mend(struct sweep *s)
{
	if (s->nlate > 0 || s->reseat_from != INT64_MAX)
		reader_drive(s->r); /* in its turn: sweep_turn */
	else if (sweep_reseats(s))
		enter(s, SWEEP_RESEAT);
	else
		end(s);
}

void sweep_read_ended(struct sweep *s)
{
	enter(s, SWEEP_MEND);
	mend(s);
}

/* What became of it is not known, or it was refused: the truth is read again. */
static void read_again(struct sweep *s)
{
	s->doubt = false;
	s->nlate = 0;
	arena_reset(&s->late_mem);
	s->missing = 0;
	s->reseat_from = INT64_MAX;
	if (s->from > s->to) {
		sweep_read_stop(s);
		enter(s, SWEEP_MEND);
		mend(s);
		return;
	}
	enter(s, SWEEP_READ);
	sweep_read_begin(s);
}

static void alarm(struct sweep *s, struct pg_unit *u, uint64_t n, const char *what)
{
	log_odd("sweep.missed", what, F_STR("chain", s->r->chain->name), F_UINT("events", n));
	metric_add(s->m_missed, (int64_t)n);
	sweep_missed(u, s->r->row.id, n, what);
}

/* ── below the window: stored behind everything, as late (R4) ── */

static void on_late(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	struct reader *r = s->r;
	uint64_t n = r->commit_events;
	bool wanted = reader_back(r);
	if (!wanted || !reader_stored(r, q)) {
		if (s->phase != SWEEP_OFF)
			read_again(s);
		return;
	}
	s->found += n;
	s->nlate = 0;
	arena_reset(&s->late_mem);
	r->at = r->commit_last_seq;
	r->row.floor = r->floor;
	metric_add(r->m_events, (int64_t)n);
	bus_ring(r->m->bus, BUS_LOG, "events", r->chain->name, r->at, (int64_t)n);
	if (r->filter.has_factories)
		store_load(r); /* it may have created children */
	else
		reader_enter(r, READER_IDLE);
	if (s->phase == SWEEP_MEND)
		mend(s);
	else
		sweep_read(s);
	reader_drive(r);
}

static uint64_t time_of(void *arg, const struct log *log)
{
	(void)arg;
	return log->time;
}

static void write_late(struct sweep *s)
{
	struct reader *r = s->r;
	struct rows_batch b;
	char what[300];
	logs_sort(s->late, s->nlate);
	rows_decode(&b, &r->mem, &r->rows, r->at, s->late, s->nlate, time_of, NULL);
	snprintf(what, sizeof what,
		"%zu events of %s (the first in block %" PRIu64
		") were missing below the window; stored as late, and only rules with late: apply see them",
		b.n, r->chain->name, s->late[0].block);
	reader_enter(r, READER_COMMIT);
	struct pg_unit *u = pg_unit(r->m->pg);
	lane_fence_at(u, lease_lane(r->lease), b.last_seq); /* INV-8, INV-3 */
	chain_advance(u, lease_lane(r->lease), r->row.id, r->final.number, r->floor);
	struct event_row *pick = arena_alloc(&r->mem, (b.n + 1) * sizeof *pick);
	for (size_t kind = 0; kind < r->filter.n; kind++) {
		size_t k = 0;
		for (size_t i = 0; i < b.n; i++)
			if (b.kind[i] == kind)
				pick[k++] = b.rows[i];
		if (k > 0)
			chain_add_events(u, &r->rows.inserts[kind], r->filter.events[kind].decl, r->row.id,
				(struct event_place){.swept = true, .late = true}, pick, k);
	}
	alarm(s, u, b.n, what);
	r->commit_last_seq = b.last_seq;
	r->commit_events = b.n;
	r->in_flight = true;
	pg_unit_run(u, 0, on_late, s);
}

/* ── inside the window: the cursor goes back, and all is read again in chain order (R4) ── */

enum { RESEAT_RETRACT, RESEAT_CUT, RESEAT_MISSED, RESEAT_TAKEN };

/* What stood in the blocks that are read again is wanted back; but it may be that it was false. */
static void take_bounds(struct sweep *s, const struct pg_reply *q)
{
	for (int i = 0; i < pg_rows(q, RESEAT_TAKEN); i++) {
		struct bound_log l = {.block = pg_get_int(q, RESEAT_TAKEN, i, 0), .most = BOUND_SOFT_TRIES};
		l.log_index = (uint64_t)pg_get_int(q, RESEAT_TAKEN, i, 3);
		if (pg_get_bytes(q, RESEAT_TAKEN, i, 1, l.block_hash, 32) &&
			pg_get_bytes(q, RESEAT_TAKEN, i, 2, l.tx_hash, 32))
			bound_add(&s->bound, &l);
	}
}

static void on_reseat(void *arg, const struct pg_reply *q)
{
	struct sweep *s = arg;
	struct reader *r = s->r;
	if (!reader_back(r) || !reader_stored(r, q)) {
		if (s->phase == SWEEP_OFF)
			return;
		sweep_read_stop(s); /* where it came about, all that was taken back would be missing */
		s->doubt = true;
		return;
	}
	take_bounds(s, q);
	s->row.reseat_to = r->row.done > s->row.reseat_to ? r->row.done : s->row.reseat_to;
	if (s->row.swept_to > r->ancestor)
		s->row.swept_to = r->ancestor;
	s->reseated = s->reseat_from < s->reseated ? s->reseat_from : s->reseated;
	s->reseat_from = INT64_MAX;
	store_taken_back(r, chain_retracted(q, RESEAT_RETRACT));
	if (fault_hit(FAULT_listen_after_retract)) {
		reader_retry(r, "a fault was asked for");
		return;
	}
	bus_ring(r->m->bus, BUS_LOG, "events", r->chain->name, r->at, 1);
	reader_enter(r, READER_IDLE);
	mend(s);
	reader_drive(r);
}

static void reseat(struct sweep *s)
{
	struct reader *r = s->r;
	char what[300];
	snprintf(what, sizeof what,
		"%" PRIu64 " events of %s (the first in block %" PRId64
		") were missing inside the window; reading again from there",
		s->missing, r->chain->name, s->reseat_from);
	if (fault_hit(FAULT_listen_before_retract)) {
		reader_retry(r, "a fault was asked for");
		return;
	}
	reader_enter(r, READER_RETRACT);
	r->ancestor = s->reseat_from - 1;
	struct pg_unit *u = pg_unit(r->m->pg);
	chain_retract(u, lease_lane(r->lease), r->row.id, s->reseat_from, true);
	alarm(s, u, s->missing, what);
	sweep_taken(u, r->row.id, TAKEN_MOST);
	r->in_flight = true;
	pg_unit_run(u, 0, on_reseat, s);
}

bool sweep_turn(struct sweep *s)
{
	struct reader *r = s->r;
	bool all = s->phase == SWEEP_MEND;
	if (r->phase != READER_IDLE || r->in_flight || (!all && s->phase != SWEEP_READ))
		return false;
	if (s->nlate >= SWEEP_LATE || (all && s->nlate > 0)) {
		write_late(s);
		return true;
	}
	if (!all || s->reseat_from == INT64_MAX)
		return false;
	if (s->reseat_from <= r->floor) { /* the window has moved on meanwhile: it is late now */
		read_again(s);
		return false;
	}
	reseat(s);
	return true;
}

/* ── what the reader tells ── */

void sweep_wrote(struct sweep *s, uint64_t events)
{
	if (!s->live && !s->live_out)
		s->caught += events;
	if (s->row.reseat_to >= 0 && s->r->row.done >= s->row.reseat_to)
		s->row.reseat_to = -1;
	if (s->phase == SWEEP_RESEAT && !sweep_reseats(s))
		mend(s);
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
	read_again(s);
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

bool sweep_runs(const struct sweep *s)
{
	return s->phase >= SWEEP_BEGIN;
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
	if (s->replay && sweep_runs(s))
		s->replay_due = true; /* in the next term */
	s->phase = SWEEP_OFF;
	s->doubt = false;
	s->started = s->live = s->live_out = false;
	s->caught = 0;
	timer_stop(&s->timer);
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
	free(s);
}
