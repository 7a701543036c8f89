/* What the clock settles: results that final blocks decided, bells that were lost, houses to keep. */
#include "reconciler/reconciler.h"

#include "common/evm/logs.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/messages.h"
#include "common/ledger/requests.h"
#include "common/ledger/wishes.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	AT_ONCE = 1000, /* verdicts a transaction: INV-10 */
	KEEP_BLOCKS = 256,
	ANALYZE_EACH = 30,
	STUCK_MS = 3000,      /* shorter is no moment to show */
	ANSWERS_MS = 86400000 /* stored answers of once: are kept for a day */
};

/* ── look ── */

static void ring_again(struct reconciler *r, enum bus_kind kind, const char *what, const char *who, int64_t h)
{
	if (fault_hit(FAULT_repair_before_ring))
		return;
	log_odd("bell.repaired", "Nothing has moved for 5 s though there is work: ringing again",
		F_STR("stream", what), F_STR("who", who), F_INT("number", h));
	metric_add(r->m_rung, 1);
	bus_ring_again(r->m->bus, kind, what, who, h);
	fault_hit(FAULT_repair_after_ring);
}

static struct chain_watch *find_chain(struct reconciler *r, struct str name)
{
	for (size_t i = 0; i < r->nchains; i++)
		if (str_is(name, r->chains[i].decl->name))
			return &r->chains[i];
	return NULL;
}

static void took_chain(struct reconciler *r, const struct clock_chain *row)
{
	struct chain_watch *c = find_chain(r, row->name);
	if (!c)
		return; /* of another version of the file */
	c->id = row->id;
	c->decided = row->decided && !row->halted; /* P10: what is final now may stand on the branch that lost */
	c->caught_up = row->caught_up;
	c->halted = row->halted;
	c->unanchored = row->unanchored;
	c->done = row->done;
	c->final = row->final;
	r->want[RECON_SETTLE] |= c->decided;
	r->want[RECON_ANCHOR] |= row->unanchored >= 0;
	if (stall_look(&c->events, row->seq, row->applied, loop_now_ms(r->m->loop)))
		ring_again(r, BUS_LOG, "events", c->decl->name, row->seq);
}

static void took_pools(struct reconciler *r, const struct pg_reply *q, int stmt)
{
	for (size_t i = 0; i < r->npools; i++) {
		struct pool_watch *p = &r->pools[i];
		int64_t newest = 0, oldest = 1;
		for (int k = 0; k < pg_rows(q, stmt); k++) {
			struct str pool;
			int64_t n, o;
			clock_pool_read(q, stmt, k, &pool, &n, &o);
			if (str_is(pool, p->decl->name)) {
				newest = n;
				oldest = o;
			}
		}
		if (find_chain(r, str_of(p->decl->chain->name))->halted)
			continue; /* P10: nothing is to move */
		if (stall_look(&p->sends, newest, oldest - 1, loop_now_ms(r->m->loop)))
			ring_again(r, BUS_WORK, "sends", p->decl->name, newest);
	}
}

static void took_rules(struct reconciler *r, const struct pg_reply *q, int stmt)
{
	uint64_t now = loop_now_ms(r->m->loop);
	for (size_t i = 0; i < r->nrules; i++) {
		int64_t ago = -1;
		for (int k = 0; k < pg_rows(q, stmt); k++)
			if (text_is(pg_get_text(q, stmt, k, 0), r->rules[i].decl->name))
				ago = pg_get_int(q, stmt, k, 1);
		due_load(&r->rules[i].due, ago, now);
	}
	r->rules_loaded = true;
}

static void took_wishes(struct reconciler *r, const struct pg_reply *q, int stmt)
{
	struct wish_row w;
	for (size_t i = 0; i < r->nrules; i++)
		r->rules[i].wish = 0;
	for (int k = 0; k < pg_rows(q, stmt); k++) {
		wishes_read(q, stmt, k, &w);
		for (size_t i = 0; i < r->nrules; i++)
			if (str_is(w.subject, r->rules[i].decl->name))
				r->rules[i].wish = w.id;
	}
}

bool rule_now(const struct clock_rule *c, bool caught_up, uint64_t now_ms)
{
	return due_now(&c->due, caught_up, now_ms) || (c->wish && caught_up);
}

static bool all_caught_up(const struct reconciler *r)
{
	for (size_t i = 0; i < r->nchains; i++)
		if (!r->chains[i].caught_up)
			return false;
	return true;
}

static void on_look(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	if (!recon_back(r, q))
		return;
	for (int i = 0; i < clock_look_rows(q, 0); i++) {
		struct clock_chain row;
		clock_look_read(q, 0, i, &row);
		took_chain(r, &row);
	}
	took_pools(r, q, 1);
	if (!r->rules_loaded)
		took_rules(r, q, 2);
	took_wishes(r, q, q->statements - 1);
	for (size_t i = 0; i < r->nrules; i++)
		r->want[RECON_COMPARE] |= rule_now(&r->rules[i], all_caught_up(r), loop_now_ms(r->m->loop));
	recon_drive(r);
}

void settle_look(struct reconciler *r)
{
	struct pg_unit *u = pg_unit(r->m->pg);
	clock_look(u);
	clock_pools(u);
	if (!r->rules_loaded)
		clock_rules(u);
	wishes_look(u, WISH_RUN, WISH_RUN, NULL);
	pg_unit_run(u, 0, on_look, r);
}

/* ── finality of results (S1, INV-7) ── */

static void on_finalised(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	struct clock_settled s;
	if (!recon_back(r, q))
		return;
	if (fault_hit(FAULT_final_after_commit)) {
		recon_retry(r, "a fault was asked for");
		return;
	}
	struct chain_watch *c = &r->chains[r->chain_turn];
	clock_settled_read(q, 0, &s);
	metric_add(r->m_closed, s.closed);
	metric_add(r->m_freed, s.freed);
	metric_add(r->m_dead, s.dead);
	if (s.closed > 0)
		log_info("final", "Transactions are final", F_STR("chain", c->decl->name), F_INT("slots", s.closed),
			F_INT("done", s.done), F_INT("freed", s.freed), F_INT("dead", s.dead), F_INT("block", c->final));
	if (s.dead > 0)
		bus_ring(r->m->bus, BUS_WORK, "dead", NULL, c->final, s.dead);
	if (s.closed < AT_ONCE)
		c->decided = false;
	for (size_t i = 0; i < r->nchains; i++)
		r->want[RECON_SETTLE] |= r->chains[i].decided;
	recon_drive(r);
}

void settle_finalise(struct reconciler *r)
{
	size_t i = 0;
	while (i < r->nchains && !r->chains[i].decided)
		i++;
	if (fault_hit(FAULT_final_before_commit)) {
		r->doing = RECON_NONE;
		recon_retry(r, "a fault was asked for");
		return;
	}
	if (i == r->nchains) {
		r->doing = RECON_NONE;
		recon_drive(r);
		return;
	}
	r->chain_turn = i;
	struct pg_unit *u = pg_unit(r->m->pg);
	clock_finalise(u, recon_lane(r), r->chains[i].id, AT_ONCE);
	pg_unit_run(u, 0, on_finalised, r);
}

/* ── a transaction that was mined below the window, while the fleet was down ── */

static void on_anchored(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	if (recon_back(r, q))
		recon_want(r, RECON_LOOK);
}

static void on_header(void *arg, const struct rpc_reply *q)
{
	struct reconciler *r = arg;
	struct chain_watch *c = &r->chains[r->chain_turn];
	struct arena mem = {0};
	struct block_header h;
	struct err e = {0};
	bool found = false;
	if (!recon_back_rpc(r))
		return;
	bool ok = q->ok && q->answers[0].ok && header_parse(&mem, q->answers[0].result, &h, &found, &e) &&
			  found && (int64_t)h.number == c->unanchored;
	if (ok) {
		r->doing = RECON_ANCHOR;
		struct pg_unit *u = pg_unit(r->m->pg);
		clock_anchor(u, recon_lane(r), c->id, c->unanchored, h.hash, h.parent, h.time);
		pg_unit_run(u, 0, on_anchored, r);
	} else {
		recon_retry(r, q->ok ? "the node does not give a block that it has given a receipt of" : q->err.text);
	}
	arena_fini(&mem);
}

void settle_anchor(struct reconciler *r)
{
	size_t i = 0;
	while (i < r->nchains && r->chains[i].unanchored < 0)
		i++;
	if (i == r->nchains) {
		r->doing = RECON_NONE;
		recon_drive(r);
		return;
	}
	r->chain_turn = i;
	struct rpc_request *q = rpc_request(recon_rpc(r, &r->chains[i]));
	rpc_call(q, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]", (uint64_t)r->chains[i].unanchored);
	rpc_send(q, on_header, r);
}

/* ── housekeeping: small steps, each its own transaction ── */

static void on_house(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	if (recon_back(r, q))
		recon_drive(r);
}

static void on_analyzed(void *arg, const struct pg_reply *q)
{
	(void)arg;
	(void)q; /* statistics are a kindness to the planner: the next minute tries again */
}

void settle_house(struct reconciler *r)
{
	struct pg_unit *u = pg_unit(r->m->pg);
	lane_fence(u, recon_lane(r));
	for (size_t i = 0; i < r->nchains; i++)
		if (r->chains[i].id != 0)
			clock_prune(u, recon_lane(r), r->chains[i].id, KEEP_BLOCKS);
	clock_retire(u, recon_lane(r), r->m->config->fleet.keep_done_ms, r->m->config->fleet.keep_failed_ms);
	messages_prune(u, recon_lane(r), r->m->config->fleet.keep_done_ms);
	request_prune(u, recon_lane(r)->epoch, ANSWERS_MS, r->m->config->fleet.keep_failed_ms);
	clock_count(u, recon_lane(r));
	if (r->stuck_ms >= STUCK_MS)
		clock_stuck(u, recon_lane(r), r->stuck_at, r->stuck_ms, "pg_was_away");
	r->stuck_ms = 0;
	pg_unit_run(u, 0, on_house, r);
	for (size_t i = 0; i < r->nchains; i++)
		if (r->chains[i].events.cursor > 0)
			bus_trim(r->m->bus, "events", r->chains[i].decl->name, r->chains[i].events.cursor);
	if (r->houses++ % ANALYZE_EACH != 0)
		return;
	u = pg_unit(r->m->pg);
	clock_analyze(u);
	pg_unit_run(u, 0, on_analyzed, r);
}
