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
	HISTORY_BLOCKS = 5,
	HISTORY_TEXT = 4096,
};

/* ── heads: number, hash, base fee, the account's count; now and then balance and tips ── */

struct head_ask {
	struct sender *s;
	uint64_t era;
	bool prices;
};

/* Prices above 2^128 are nonsense that would overflow what follows. */
static bool price_of(const struct rpc_answer *a, struct u256 *out)
{
	struct u256 v;
	if (!a->ok || !quantity_parse(a->result, &v, NULL) || v.w[2] || v.w[3])
		return false;
	*out = v;
	return true;
}

struct history {
	struct u256 rewards[HISTORY_BLOCKS];
	bool used[HISTORY_BLOCKS];
	size_t n, ratios;
};

static void one_reward(void *arg, struct str raw)
{
	struct history *h = arg;
	struct str inner = {raw.p + 1, raw.n >= 2 ? raw.n - 2 : 0};
	struct u256 v;
	if (h->n < HISTORY_BLOCKS && quantity_parse(inner, &v, NULL) && !v.w[2] && !v.w[3])
		h->rewards[h->n++] = v;
}

static void one_ratio(void *arg, struct str raw)
{
	struct history *h = arg;
	bool used = false;
	for (size_t i = 0; i < raw.n && raw.p[i] != 'e' && raw.p[i] != 'E'; i++)
		used |= raw.p[i] >= '1' && raw.p[i] <= '9';
	if (h->ratios < HISTORY_BLOCKS)
		h->used[h->ratios++] = used;
}

/* From its opening bracket to the one that closes it. */
static struct str whole_array(const char *p)
{
	size_t depth = 0, n = 0;
	do {
		depth += p[n] == '[';
		depth -= p[n] == ']';
		n++;
	} while (depth && p[n]);
	return (struct str){p, n};
}

/* eth_feeHistory's {"reward":[["0x1"],…],"gasUsedRatio":[0.5,…]}: found by name, the answer is small. */
static bool tip_of_history(const struct rpc_answer *a, struct u256 *tip)
{
	struct history h = {0};
	char text[HISTORY_TEXT];
	if (!a->ok || a->result.n >= sizeof text)
		return false;
	memcpy(text, a->result.p, a->result.n);
	text[a->result.n] = 0;
	const char *reward = strstr(text, "\"reward\""), *ratio = strstr(text, "\"gasUsedRatio\"");
	if (!reward || !ratio || !(reward = strchr(reward, '[')) || !(ratio = strchr(ratio, '[')))
		return false;
	args_each(whole_array(reward), one_reward, &h);
	args_each(whole_array(ratio), one_ratio, &h);
	return h.n == h.ratios && fee_tip_of_history(h.rewards, h.used, h.n, tip);
}

static void take_prices(struct sender *s, const struct rpc_answer *a)
{
	struct u256 v;
	if (price_of(&a[0], &v))
		s->balance = v;
	if (price_of(&a[1], &v)) {
		s->market.price = v;
	} else if (s->market.legacy) {
		sender_trouble(s, "eth_gasPrice", a[1].code, a[1].ok ? STR("no price") : a[1].message);
		return; /* asked again with the next head; until one was heard nothing is signed (tip_ms) */
	}
	if (!tip_of_history(&a[3], &s->market.tip) && !price_of(&a[2], &s->market.tip))
		s->market.tip = u256_of(1000000000); /* a node that knows no tips: 1 gwei */
	s->tip_ms = sender_now(s);
	s->balance_due = s->hold_kind == HOLD_FUNDS;
	char balance[U256_DEC_MAX];
	u256_to_dec(balance, s->balance);
	metric_set(s->meters.balance, strtod(balance, NULL));
	if (s->signer->has_low && u256_lt(s->balance, s->signer->low) && !s->balance_due)
		log_odd("balance.low", "The balance is below signers.low", F_STR("signer", s->signer->name),
			F_STR("address", s->address), F_STR("balance_wei", balance));
}

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
	s->market.legacy = !h.has_base_fee;
	s->market.base = h.has_base_fee ? h.base_fee : u256_of(0);
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
			if (q->prices)
				take_prices(s, a + 2);
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
	*q =
		(struct head_ask){s, s->era, s->tip_ms == 0 || s->balance_due || sender_now(s) - s->tip_ms >= TIP_MS};
	s->plan.busy_head = true;
	s->plan.head_due = false;
	rpc_call(r, "eth_getBlockByNumber", "[\"latest\",false]");
	rpc_call(r, "eth_getTransactionCount", "[\"%s\",\"latest\"]", s->address);
	if (q->prices) {
		rpc_call(r, "eth_getBalance", "[\"%s\",\"latest\"]", s->address);
		rpc_call(r, "eth_gasPrice", "[]");
		rpc_call(r, "eth_maxPriorityFeePerGas", "[]");
		rpc_call(r, "eth_feeHistory", "[\"0x%x\",\"latest\",[50]]", HISTORY_BLOCKS);
	}
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
	slots_watch(u, &l, blocks, mined_blocks(s, blocks, WATCHED_BLOCKS));
	orders_look(u, &l);
	if (s->listed_count != s->window.count + 1 && s->head.known) {
		slots_sample(u, &l, (int64_t)s->head.number, s->head.hash, (int64_t)s->window.count);
		s->listed_count = s->window.count + 1;
	}
	pg_unit_run(u, 0, on_watched, q);
}
