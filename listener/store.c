/* PostgreSQL's side of a reader: what is loaded, what one commit holds, and what its outcome means. */
#include "listener/reader.h"

#include "common/io/fault.h"
#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool stored(struct reader *r, const struct pg_reply *q)
{
	if (q->outcome == PG_OK)
		return true;
	if (pg_fenced(q)) {
		reader_fenced(r);
		return false;
	}
	if (q->outcome == PG_REFUSED)
		log_odd("commit.refused", "PostgreSQL refused a commit; reading the truth again",
			F_STR("chain", r->chain->name), F_STR("sqlstate", q->sqlstate), F_STR("reason", q->err.text));
	reader_retry(r, q->err.text); /* unknown outcome: LOAD reads what was committed */
	return false;
}

bool reader_stored(struct reader *r, const struct pg_reply *q)
{
	return stored(r, q);
}

/* ── load ── */

static bool take_window(struct reader *r, const struct pg_reply *q, int stmt)
{
	window_clear(&r->window);
	for (int i = 0; i < chain_loaded_blocks(q, stmt); i++) {
		int64_t number;
		uint8_t hash[32];
		if (!chain_loaded_block(q, stmt, i, &number, hash))
			return false;
		if (number <= r->row.done)
			window_add(&r->window, number, hash);
	}
	return true;
}

/* The children that factories have created so far, as the blocks stand that are read. */
static void take_children(struct reader *r, const struct pg_reply *q, int stmt)
{
	filter_children_forget(&r->filter, 0);
	for (size_t i = 0; i < r->m->config->ncontracts; i++) {
		const struct contract_decl *k = &r->m->config->contracts[i];
		if (!chain_has_children(k, r->chain))
			continue;
		for (int row = 0; row < pg_rows(q, stmt); row++) {
			uint8_t address[20];
			if (hex_from(address, 20, pg_get(q, stmt, row, 0)))
				filter_child_add(&r->filter, k, address, (uint64_t)pg_get_int(q, stmt, row, 1));
		}
		stmt++;
	}
	reader_plan(r);
}

enum {
	LOAD_FENCE,
	LOAD_ROW,
	LOAD_BLOCKS,
	LOAD_ENDPOINTS,
	LOAD_GENESIS,
	LOAD_SWEEP,
	LOAD_HISTORY,
	LOAD_CHILDREN = LOAD_HISTORY + 2
};

static void take_sweep(struct reader *r, const struct pg_reply *q, int stmt)
{
	struct sweep_row row;
	if (sweep_loaded(q, stmt, &row))
		sweep_took(r->sweep, &row);
}

static void on_load(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	struct err e = {0};
	if (!reader_back(r) || !stored(r, q))
		return;
	if (!chain_loaded(q, LOAD_ROW, &r->row, &e) || !take_window(r, q, LOAD_BLOCKS)) {
		reader_retry(r, e.text[0] ? e.text : "the chain's stored blocks can't be read");
		return;
	}
	r->floor = r->row.floor;                 /* what a commit would have raised, and did not, is not so */
	r->at = pg_get_int(q, LOAD_FENCE, 0, 0); /* it can't move while we hold the lane */
	final_known(&r->final, r->row.final);
	r->noted = r->row.noted;
	r->unnoted = 0;
	r->loads++;
	providers_load(r->providers, q, LOAD_ENDPOINTS);
	r->has_genesis = endpoints_genesis_read(q, LOAD_GENESIS, r->genesis);
	take_children(r, q, LOAD_CHILDREN);
	history_loaded(r, q, LOAD_HISTORY);
	take_sweep(r, q, LOAD_SWEEP);
	if (r->row.halted) {
		reader_halt(r, "%s", r->row.halted_why);
		return;
	}
	reader_loaded(r);
}

void store_load(struct reader *r)
{
	if (!lease_held(r->lease) || r->closing) {
		reader_enter(r, READER_OFF);
		return;
	}
	reader_enter(r, READER_IDLE); /* frees what a step left */
	reader_enter(r, READER_LOAD);
	r->reload_due = false;
	struct pg_unit *u = pg_unit(r->m->pg);
	lane_fence(u, lease_lane(r->lease));
	chain_load(u, r->chain->name);
	endpoints_load(u, r->chain->name);
	endpoints_genesis(u, r->chain->name);
	sweep_load(u, r->chain->name);
	history_ask_for(r, u);
	for (size_t i = 0; i < r->m->config->ncontracts; i++)
		if (chain_has_children(&r->m->config->contracts[i], r->chain))
			chain_load_children(u, &r->mem, &r->m->config->contracts[i]);
	r->in_flight = true;
	pg_unit_run(u, 0, on_load, r);
}

/* ── which chain it is, once ── */

static void on_identity(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r) || !stored(r, q))
		return;
	r->identity_due = false;
	store_load(r);
}

void store_identity(struct reader *r)
{
	struct pg_unit *u = pg_unit(r->m->pg);
	lane_fence(u, lease_lane(r->lease));
	if (chain_is_fresh(
			&r->row)) /* K-16: the cursor stands just below the first block that a contract asks for */
		chain_set_network(u, r->row.id, r->row.has_network ? r->row.network : r->identity.network, r->begin);
	if (r->identity.has_genesis && !r->has_genesis)
		endpoints_set_genesis(u, r->row.id, r->identity.genesis);
	r->in_flight = true;
	pg_unit_run(u, 0, on_identity, r);
}

/* ── one step: blocks, events, cursor ── */

static uint64_t time_of(void *arg, const struct log *log)
{
	const struct reader *r = arg;
	return r->headers[log->block - (uint64_t)r->step.from].time;
}

static const struct chain_block *blocks_of(struct reader *r)
{
	struct chain_block *b = arena_alloc(&r->mem, r->nheaders * sizeof *b);
	const struct window_block *top = window_top(&r->window);
	for (size_t i = 0; i < r->nheaders; i++) {
		const struct block_header *h = &r->headers[i];
		b[i] = (struct chain_block){.number = (int64_t)h->number,
			.time = h->time,
			.linked = i > 0 || (top && top->number + 1 == (int64_t)h->number)};
		memcpy(b[i].hash, h->hash, 32);
		memcpy(b[i].parent, h->parent, 32);
	}
	return b;
}

/* ── what may lag behind a live commit: the floor, and which blocks were read ── */

static void on_aside(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	r->states_out--;
	r->aside.out = false;
	if (q->outcome == PG_OK)
		return;
	if (pg_fenced(q))
		lease_lost(r->lease);
	if (r->aside.loads != r->loads)
		return; /* what is stored was read since */
	r->row.floor = r->aside.floor;
	r->noted = least(r->noted, r->aside.noted);
	r->unnoted += r->aside.unnoted;
}

/* In a unit of its own, so that no event waits for it: it costs a look into every table. */
static void store_aside(struct reader *r)
{
	if (r->aside.out || r->floor - r->row.floor <= r->deep / 4 || !lease_held(r->lease) || r->closing)
		return;
	r->aside.out = true;
	r->aside.loads = r->loads;
	r->aside.floor = r->row.floor;
	r->aside.noted = r->noted;
	r->aside.unnoted = r->unnoted;
	struct pg_unit *u = pg_unit(r->m->pg);
	chain_advance(u, lease_lane(r->lease), r->row.id, r->row.final, r->floor);
	if (r->noted < r->row.done)
		chain_note_range(
			u, r->row.id, &(struct chain_range){"", r->noted + 1, r->row.done, PROOF_NONE, r->unnoted});
	r->row.floor = r->floor;
	r->noted = r->row.done;
	r->unnoted = 0;
	r->states_out++;
	pg_unit_run(u, 0, on_aside, r);
}

bool store_ring(struct reader *r, uint64_t n)
{
	n += r->unrung;
	r->unrung = 0;
	if (n > 0)
		bus_ring(r->m->bus, BUS_LOG, "events", r->chain->name, r->at, (int64_t)n);
	return n > 0;
}

static void on_commit(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	bool wanted = reader_back(r);
	if (!wanted || twice_met(r, q) || !stored(r, q))
		return;
	filter_trial_keep(&r->trial);
	if (fault_hit(FAULT_listen_after_commit)) {
		reader_retry(r, "a fault was asked for");
		return;
	}
	for (size_t i = 0; i < r->nheaders; i++)
		window_add(&r->window, (int64_t)r->headers[i].number, r->headers[i].hash);
	int64_t done = (int64_t)r->headers[r->nheaders - 1].number;
	metric_add(r->m_blocks, done - r->row.done);
	metric_add(r->m_events, (int64_t)r->commit_events);
	metric_set(r->m_done, (double)done);
	heard_was_read(&r->logs_heard, r->row.done + 1, done, r->logs, r->nlogs);
	r->row.done = done; /* INV-9: what is committed, and nothing else */
	r->at = r->commit_last_seq;
	backoff_ok(&r->backoff);
	r->why[0] = r->halted_for[0] = 0;
	sweep_stepped(r->sweep);
	sweep_wrote(r->sweep, r->commit_events);
	if (store_ring(r, r->commit_events))
		fault_hit(FAULT_listen_after_ring);
	if (r->commit_events > 0) {
		log_info("events", "Events written", F_STR("chain", r->chain->name), F_INT("block", done),
			F_UINT("events", r->commit_events), F_INT("seq", r->at));
	}
	reader_enter(r, READER_IDLE);
	reader_drive(r);
	store_aside(r);
}

/* Depth is counted from what is read: a head is a hint, and nothing that is stored rests on it (R1). */
int64_t store_floor(struct reader *r, int64_t done, int64_t *final)
{
	*final = final_at(&r->final, done, done);
	int64_t floor = least(*final, done - r->deep);
	return floor > r->floor ? floor : r->floor;
}

void store_note(struct reader *r, struct pg_unit *u, int64_t done, uint64_t events, bool now)
{
	if (now)
		store_range(r, u, &(struct chain_range){"", r->row.done + 1, done, PROOF_NONE, events});
	else
		r->unnoted += events;
}

void store_range(struct reader *r, struct pg_unit *u, const struct chain_range *of)
{
	if (r->noted < of->first - 1)
		chain_note_range(
			u, r->row.id, &(struct chain_range){"", r->noted + 1, of->first - 1, PROOF_NONE, r->unnoted});
	chain_note_range(u, r->row.id, of);
	r->unnoted = 0;
	r->noted = of->last;
}

void store_step(struct reader *r)
{
	const struct block_header *last = &r->headers[r->nheaders - 1];
	int64_t done = (int64_t)last->number;
	logs_sort(r->logs, r->nlogs);
	r->nlogs = logs_once(r->logs, r->nlogs);          /* K-22: a rank counts logs, not copies of one */
	logs_identify(r->logs, r->nlogs, r->row.network); /* INV-2 */
	r->nlogs = twice_leave_out(&r->twice, r->logs, r->nlogs);
	if (fault_hit(FAULT_listen_before_commit)) {
		reader_retry(r, "a fault was asked for");
		return;
	}
	reader_enter(r, READER_COMMIT);
	int64_t final;
	r->floor = store_floor(r, done, &final);
	struct rows_batch b;
	rows_decode(&b, &r->mem, &r->rows, r->at, r->logs, r->nlogs, time_of, r);
	/* INV-8, and INV-3: the numbers up to at are given in this commit */
	size_t written;
	struct pg_unit *u = ahead_step(r,
		&(struct chain_step){.since = r->row.done,
			.at = b.last_seq,
			.done = done,
			.head = r->head,
			.final = final,
			.blocks = blocks_of(r),
			.nblocks = r->nheaders},
		&b, &written);
	rows_write(&b, written, u, &r->mem, &r->rows, r->row.id, r->floor + 1, !r->step.live);
	bool advance = !r->step.live && r->floor > r->row.floor; /* live: store_aside */
	sweep_in_commit(r->sweep, u, (int64_t)r->headers[0].number, done);
	if (!prove_note(r, u, &b))
		store_note(r, u, done, b.n, advance);
	if (advance) {
		chain_advance(u, lease_lane(r->lease), r->row.id, final, r->floor);
		r->row.floor = r->floor;
	}
	r->row.final = final;
	r->commit_last_seq = b.last_seq;
	r->commit_events = b.n;
	r->in_flight = true;
	pg_unit_run(u, 0, on_commit, r);
}

/* ── a reorg ── */

void store_taken_back(struct reader *r, int64_t at)
{
	r->at = at;
	window_cut(&r->window, r->ancestor + 1);
	heard_cut(&r->logs_heard, r->ancestor + 1);
	r->row.done = least(r->row.done, r->ancestor);
	r->noted = least(r->noted, r->ancestor);
	if (filter_children_forget(&r->filter, (uint64_t)(r->ancestor + 1)) > 0)
		reader_plan(r);
	r->reload_due |= history_cut(r, r->ancestor);
}

static void on_retract(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r) || !stored(r, q))
		return;
	store_taken_back(r, chain_retracted(q, 0));
	sweep_cut(r->sweep, r->ancestor);
	metric_add(r->m_reorgs, 1);
	if (fault_hit(FAULT_listen_after_retract)) {
		reader_retry(r, "a fault was asked for");
		return;
	}
	store_ring(r, 1);
	reader_enter(r, READER_IDLE);
	reader_drive(r);
}

void store_retract(struct reader *r, int64_t ancestor)
{
	log_odd("reorg",
		"The chain was reorganised; taking back what stood on the old branch and reading the new one",
		F_STR("chain", r->chain->name), F_INT("ancestor", ancestor), F_INT("depth", r->row.done - ancestor));
	if (ancestor < r->row.final)
		log_odd("reorg.final",
			"Blocks that were final have left the chain; what they held is listed in fairlead.odd",
			F_STR("chain", r->chain->name), F_INT("ancestor", ancestor), F_INT("final", r->row.final));
	if (fault_hit(FAULT_listen_before_retract)) {
		reader_retry(r, "a fault was asked for");
		return;
	}
	reader_enter(r, READER_RETRACT);
	r->ancestor = ancestor;
	struct pg_unit *u = pg_unit(r->m->pg);
	chain_retract(u, lease_lane(r->lease), r->row.id, ancestor + 1, false); /* INV-3: an entry of the log */
	r->in_flight = true;
	pg_unit_run(u, 0, on_retract, r);
}

static void on_halt(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	if (reader_back(r) && stored(r, q))
		reader_halt(r, "%s", r->why);
}

/* P10: nothing is destroyed, nothing more is read; a person decides. */
void store_halt(struct reader *r)
{
	snprintf(r->why, sizeof r->why,
		"A reorg goes deeper than the window of %" PRId64 " blocks (below block %" PRId64
		"); nothing was changed. If the new branch is right: restore a backup from before it. If the node is "
		"wrong: give another rpc: and set fairlead.chain.halted to null. Then start the listener again",
		r->deep, r->window.blocks[0].number);
	struct pg_unit *u = pg_unit(r->m->pg);
	lane_fence(u, lease_lane(r->lease));
	chain_halt(u, r->row.id, r->why);
	r->in_flight = true;
	pg_unit_run(u, 0, on_halt, r);
}

/* ── what the views show ── */

static void on_state(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	r->states_out--;
	if (q->outcome != PG_OK)
		r->told.head = -2; /* not told, as far as we know: again when it is asked for */
	if (pg_fenced(q))
		lease_lost(r->lease);
}

static void on_saved(void *arg, const struct pg_reply *q)
{
	struct reader *r = arg;
	if (r->providers)
		providers_saved(r->providers, q->outcome == PG_OK);
	on_state(arg, q);
}

void store_state(struct reader *r)
{
	struct chain_state s = {.head = r->head,
		.rpc_ok = r->rpc_ok,
		.catching_up = !r->caught_up,
		.sweeping = sweep_is_told(r->sweep)};
	for (size_t i = 0; r->providers && i < providers_count(r->providers); i++) {
		const struct heads_state *h = provider_heads(providers_at(r->providers, i));
		s.listening = s.listening || (r->rpc_ok && h->heard && h->failures == 0);
		s.reconnects += h->reconnects;
	}
	const struct chain_state *t = &r->told;
	bool same = s.rpc_ok == t->rpc_ok && s.listening == t->listening && s.catching_up == t->catching_up &&
				s.sweeping == t->sweeping && s.reconnects == t->reconnects && t->head != -2;
	bool learned = r->providers && providers_dirty(r->providers);
	if ((same && !learned) || r->row.id == 0 || !lease_held(r->lease) || r->closing || !pg_is_up(r->m->pg))
		return;
	r->told = s;
	struct pg_unit *u = pg_unit(r->m->pg);
	lane_fence(u, lease_lane(r->lease));
	chain_set_state(u, r->row.id, &s);
	if (learned)
		providers_save(r->providers, u, r->row.id);
	r->states_out++;
	pg_unit_run(u, 0, learned ? on_saved : on_state, r);
}
