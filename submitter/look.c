#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/orders.h"
#include "submitter/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TIP_MS = 10000, /* tips and balance are asked again with a head after this long */
	OLDER_MAX = 5,  /* so many answers in a row name an older head: then it is the chain, not a balancer */
	WATCHED_BLOCKS = 1024,
};

/* ── heads: number, hash, base fee, the account's count; now and then balance and prices ── */

struct head_ask {
	struct sender *s;
	uint64_t era;
	bool prices;
	struct quote_ask quote;
};

static bool take_header(struct sender *s, const struct rpc_answer *a)
{
	struct arena mem = {0};
	struct block_header h;
	struct err e = {0};
	bool found = false;
	if (!a->ok || !header_parse(&mem, a->result, &h, &found, &e) || !found ||
		(h.has_base_fee && (h.base_fee.w[2] || h.base_fee.w[3]))) {
		sender_trouble(
			s, "eth_getBlockByNumber", a->code, a->ok ? str_of(e.text[0] ? e.text : "no head") : a->message);
		arena_fini(&mem);
		return false;
	}
	arena_fini(&mem);
	if (s->head.known && h.number < s->head.number && s->head.older++ < OLDER_MAX) {
		s->head.at_ms = sender_now(s);
		return false;
	}
	s->head =
		(struct head){.known = true, .number = h.number, .gas_limit = h.gas_limit, .at_ms = sender_now(s)};
	memcpy(s->head.hash, h.hash, 32);
	market_head(&s->quote.market, h.number, h.time, h.has_base_fee, h.base_fee, h.gas_used, h.gas_limit);
	s->plan.bell |= s->quote.waiting > 0; /* it may be time for them now */
	return true;
}

static void take_count(struct sender *s, uint64_t count)
{
	struct slot *low;
	uint64_t now = sender_now(s);
	uint64_t mark = (uint64_t)lease_lane(s->lease)->at;
	s->plan.receipts_due |= window_head(&s->window, s->head.number, count, now);
	if (count > mark && s->plan.phase == LANE_OPEN && !s->plan.busy_commit)
		open_passed(s, count);
	else if (count <= mark && s->plan.phase == LANE_HALTED && s->halt_kind == HALT_ELSEWHERE)
		sender_goes_on(s); /* a reorg, or a node that had it wrong */
	s->plan.watch_due |= s->window.n > 0 || s->chain_halted;
	low = window_lowest(&s->window);
	metric_set(s->meters.oldest, low ? (double)(now - low->made_ms) / 1000 : 0);
}

static void on_head(void *arg, const struct rpc_reply *r)
{
	struct head_ask *q = arg;
	struct sender *s = q->s;
	uint64_t count;
	struct err e = {0};
	s->plan.busy_head = false;
	if (sender_heard(s, r) && q->era == s->era) {
		const struct rpc_answer *a = r->answers;
		if (!a[1].ok || !quantity_u64(a[1].result, &count, &e))
			sender_trouble(s, "eth_getTransactionCount", a[1].code, a[1].ok ? str_of(e.text) : a[1].message);
		else if (take_header(s, &a[0])) {
			if (q->prices && quote_take(s, &q->quote, a))
				s->tip_ms = sender_now(s);
			take_count(s, count);
		}
	}
	free(q);
	sender_drive(s);
}

void look_head(struct sender *s)
{
	struct head_ask *q = mem_alloc(sizeof *q);
	struct rpc_request *r = rpc_request(s->rpc);
	*q = (struct head_ask){.s = s, .era = s->era};
	q->prices = s->tip_ms == 0 || s->balance_due || sender_now(s) - s->tip_ms >= TIP_MS;
	s->plan.busy_head = true;
	s->plan.head_due = false;
	rpc_call(r, "eth_getBlockByNumber", "[\"latest\",false]");
	rpc_call(r, "eth_getTransactionCount", "[\"%s\",\"latest\"]", s->address);
	if (q->prices)
		quote_ask(s, r, &q->quote);
	rpc_send(r, on_head, q);
}

/* ── PostgreSQL's view of the open slots: closed, taken back, without a reason ── */

struct watch_ask {
	struct sender *s;
	uint64_t era;
};

/* INV-7: another hash stands at that height, so the verdict is taken back. No row is no word: the listener
 * may be behind. */
static void take_back(struct sender *s, const struct pg_reply *r)
{
	for (int row = 0; row < pg_rows(r, 1); row++) {
		int64_t number;
		uint8_t hash[32];
		slots_block(r, 1, row, &number, hash);
		for (size_t i = 0; i < s->window.n; i++) {
			struct slot *slot = &s->window.slots[i];
			if (slot->phase != SLOT_MINED || slot->block != (uint64_t)number ||
				memcmp(slot->block_hash, hash, 32) == 0)
				continue;
			log_odd("verdict.back", "A block with one of our transactions left the chain",
				F_STR("signer", s->signer->name), F_UINT("nonce", slot->nonce), F_UINT("block", slot->block));
			window_taken_back(&s->window, slot, sender_now(s));
			s->plan.receipts_due = true;
		}
	}
}

static bool newest_holds(const struct slot *slot, int64_t item)
{
	const struct attempt *a = &slot->attempts[slot->nattempts - 1];
	for (size_t i = 0; i < a->nitems; i++)
		if (a->items[i] == item)
			return true;
	return false;
}

static void take_orphans(struct sender *s, const struct pg_reply *r)
{
	for (size_t i = 0; i < s->window.n; i++) {
		struct slot *slot = &s->window.slots[i];
		bool gone = false;
		for (int row = 0; !gone && row < pg_rows(r, 2); row++) {
			int64_t batch, item;
			slots_orphan(r, 2, row, &batch, &item);
			gone = batch == slot->batch && newest_holds(slot, item);
		}
		window_reason(&s->window, slot, gone);
	}
}

void look_halted(struct sender *s, bool halted)
{
	if (halted && !s->chain_halted)
		log_odd(
			"chain.halted", "The chain is stopped; nothing is signed for it", F_STR("chain", s->chain->name));
	s->chain_halted = halted;
}

static void on_watched(void *arg, const struct pg_reply *r)
{
	struct watch_ask *q = arg;
	struct sender *s = q->s;
	struct slots_view v;
	s->plan.busy_watch = false;
	if (q->era == s->era && fault_hit(FAULT_watch_after_commit)) {
		sender_reload(s, "the answer to a commit was lost");
	} else if (q->era == s->era && sender_stored(s, r, "a look at the slots")) {
		slots_viewed(r, 0, &v);
		s->final = v.final;
		look_halted(s, v.halted);
		refusal_frozen(s, v.frozen);
		window_closed(&s->window, (uint64_t)v.lowest_open);
		take_back(s, r);
		take_orphans(s, r);
		obey_orders(s, r, 3);
	}
	free(q);
	sender_drive(s);
}

/* The heights at which slots are mined: few, and neighbours are mostly alike. */
static size_t mined_blocks(const struct sender *s, int64_t *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < s->window.n && n < max; i++) {
		const struct slot *slot = &s->window.slots[i];
		if (slot->phase == SLOT_MINED && (n == 0 || out[n - 1] != (int64_t)slot->block))
			out[n++] = (int64_t)slot->block;
	}
	return n;
}

void look_watch(struct sender *s)
{
	if (fault_hit(FAULT_watch_before_commit)) {
		sender_reload(s, "open slots could not be compared");
		return;
	}
	struct watch_ask *q = mem_alloc(sizeof *q);
	int64_t blocks[WATCHED_BLOCKS];
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	*q = (struct watch_ask){s, s->era};
	s->plan.busy_watch = true;
	s->plan.watch_due = false;
	s->watched_ms = sender_now(s);
	slots_watch(u, &l, blocks, mined_blocks(s, blocks, WATCHED_BLOCKS));
	orders_look(u, &l);
	if (s->listed_count != s->window.count + 1 && s->head.known) {
		slots_sample(u, &l, (int64_t)s->head.number, s->head.hash, (int64_t)s->window.count);
		s->listed_count = s->window.count + 1;
	}
	quote_keep(s, u);
	pg_unit_run(u, 0, on_watched, q);
}
