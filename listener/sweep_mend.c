/* What a sweep has found comes in, in the reader's turn: late below the window, re-seated inside it (R4). */
#include "listener/sweep_in.h"

#include "common/io/fault.h"
#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>

enum { TAKEN_MOST = BOUND_MOST / 2 };

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
void sweep_mend(struct sweep *s)
{
	if (s->nlate > 0 || s->reseat_from != INT64_MAX)
		reader_drive(s->r); /* in its turn: sweep_turn */
	else if (sweep_reseats(s))
		sweep_enter(s, SWEEP_RESEAT);
	else
		sweep_end(s);
}

void sweep_read_ended(struct sweep *s)
{
	sweep_enter(s, SWEEP_MEND);
	sweep_mend(s);
}

/* What became of it is not known, or it was refused: the truth is read again. */
void sweep_read_again(struct sweep *s)
{
	s->doubt = false;
	s->nlate = 0;
	arena_reset(&s->late_mem);
	s->missing = 0;
	s->reseat_from = INT64_MAX;
	if (s->from > s->to) {
		sweep_read_stop(s);
		sweep_enter(s, SWEEP_MEND);
		sweep_mend(s);
		return;
	}
	sweep_enter(s, SWEEP_READ);
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
			sweep_read_again(s);
		return;
	}
	s->found += n;
	s->nlate = 0;
	arena_reset(&s->late_mem);
	r->at = r->commit_last_seq;
	r->row.floor = r->floor;
	metric_add(r->m_events, (int64_t)n);
	store_ring(r, n);
	if (r->filter.has_factories)
		store_load(r); /* it may have created children */
	else
		reader_enter(r, READER_IDLE);
	if (s->phase == SWEEP_MEND)
		sweep_mend(s);
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
	store_ring(r, 1);
	reader_enter(r, READER_IDLE);
	sweep_mend(s);
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
		sweep_read_again(s);
		return false;
	}
	reseat(s);
	return true;
}
