#include "submitter/quote.h"

#include "common/evm/keccak.h"
#include "common/evm/logs.h"
#include "common/io/log.h"
#include "submitter/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LACKS_MS = 600000, /* a method that a node lacks is asked for again after this long */
	HISTORY_MOST = 20,
	BELOW_TRIES = 3,
	PROBE_SHORT = 100, /* bytes of a made-up transaction that can't be packed */
	PROBE_LONG = 700,
	TX_BYTES = 115, /* what a transaction has beside its data */
};
/* OP stack: GasPriceOracle, a predeploy. (specs.optimism.io: predeploys) */
#define ORACLE "0x420000000000000000000000000000000000000F"

void quote_init(struct sender *s)
{
	struct quote *q = &s->quote;
	const struct signer_decl *d = s->signer;
	const struct config *c = s->m->config;
	q->policy = (struct price_policy){.has_max = d->has_max,
		.has_tip = d->has_tip,
		.has_cancel_max = d->has_cancel_max,
		.max = d->max,
		.tip = d->tip,
		.cancel_max = d->cancel_max};
	market_init(&q->market);
	price_learn_nothing(&q->learned);
	for (size_t i = 0; i < c->nbatches; i++)
		q->gates |= c->batches[i].signer == d && price_may_wait(c->batches[i].within_ms);
}

/* ── asking ── */

static bool lacks(const struct sender *s, uint64_t since_ms)
{
	return since_ms && sender_now(s) - since_ms < LACKS_MS;
}

static void add(struct quote_ask *q, enum quote_call c)
{
	q->calls[q->n++] = c;
}

/* getL1Fee(bytes) of so many bytes that no packing makes shorter: the estimate is never too low by that. */
static void ask_oracle(struct rpc_request *r, size_t bytes)
{
	uint8_t selector[32], noise[32];
	struct buf data = {0};
	keccak256(selector, "getL1Fee(bytes)", 15);
	buf_hex(&data, selector, 4);
	buf_printf(&data, "%064x%064zx", 32, bytes);
	memcpy(noise, selector, 32);
	for (size_t n = 0; n < (bytes + 31) / 32; n++) {
		keccak256(noise, noise, 32);
		buf_hex(&data, noise, 32);
	}
	rpc_call(r, "eth_call", "[{\"to\":\"" ORACLE "\",\"data\":\"0x%s\"},\"latest\"]", data.p);
	buf_fini(&data);
}

static uint64_t history_blocks(const struct sender *s)
{
	const struct quote *k = &s->quote;
	uint64_t new = k->history_head && s->head.number > k->history_head ? s->head.number - k->history_head : 0;
	if (!k->history_head || new >= HISTORY_MOST)
		return HISTORY_MOST;
	return new + 2;
}

void quote_ask(struct sender *s, struct rpc_request *r, struct quote_ask *q)
{
	struct quote *k = &s->quote;
	bool history = !k->market.legacy && !lacks(s, k->no_history_ms);
	bool alone = !history || k->history_head == 0;
	q->first = (size_t)rpc_calls(r);
	add(q, QUOTE_BALANCE);
	rpc_call(r, "eth_getBalance", "[\"%s\",\"latest\"]", s->address);
	add(q, QUOTE_CODE);
	rpc_call(r, "eth_getCode", "[\"%s\",\"latest\"]", s->address);
	if (alone) {
		add(q, QUOTE_PRICE);
		rpc_call(r, "eth_gasPrice", "[]");
	}
	if (alone && !k->market.legacy && !lacks(s, k->no_tip_ms)) {
		add(q, QUOTE_TIP);
		rpc_call(r, "eth_maxPriorityFeePerGas", "[]");
	}
	if (history) {
		add(q, QUOTE_HISTORY);
		rpc_call(r, "eth_feeHistory", "[\"0x%" PRIx64 "\",\"latest\",[%u,%u,%u,%u,%u]]", history_blocks(s),
			market_percentiles[0], market_percentiles[1], market_percentiles[2], market_percentiles[3],
			market_percentiles[4]);
	}
	if (history && k->gates && !k->past_asked) {
		k->past_asked = true;
		add(q, QUOTE_PAST);
		rpc_call(r, "eth_feeHistory", "[\"0x%x\",\"latest\",[]]", MARKET_BLOCKS);
	}
	if (!k->below.asked) {
		add(q, QUOTE_BELOW);
		rpc_call(r, "eth_getCode", "[\"" ORACLE "\",\"latest\"]");
	}
	if (k->below.has) {
		add(q, QUOTE_SHORT);
		ask_oracle(r, PROBE_SHORT);
		add(q, QUOTE_LONG);
		ask_oracle(r, PROBE_LONG);
	}
}

/* ── taking ── */

static bool price_of(const struct rpc_answer *a, struct u256 *out)
{
	struct u256 v;
	if (!a->ok || !quantity_parse(a->result, &v, NULL) || v.w[2] || v.w[3])
		return false;
	*out = v;
	return true;
}

/* A tip that nobody pays is no word. */
static bool tip_of(const struct sender *s, const struct rpc_answer *a, struct u256 *out)
{
	struct u256 v;
	const struct price_policy *p = &s->quote.policy;
	if (!price_of(a, &v) || !(market_believes(v) || (p->has_max && u256_cmp(v, p->max) <= 0)))
		return false;
	*out = v;
	return true;
}

static void take_history(struct sender *s, const struct rpc_answer *a, bool tips)
{
	struct market_block *list = mem_alloc(MARKET_BLOCKS * sizeof *list);
	struct quote *k = &s->quote;
	struct u256 next;
	size_t n = 0;
	bool has_next = false,
		 good = a->ok && market_history(a->result, list, MARKET_BLOCKS, &n, &next, &has_next);
	if (good) {
		market_blocks(&k->market, list, n, has_next ? &next : NULL);
		if (tips && n)
			k->history_head = list[n - 1].number;
	}
	if (tips)
		k->no_history_ms = good && (n || s->head.number == 0) ? 0 : sender_now(s);
	free(list);
}

/* What a uint256 that eth_call gave back says, if it is one that can be. */
static bool word_of(const struct rpc_answer *a, struct u256 *out)
{
	struct arena mem = {0};
	struct bytes ret;
	bool ok = a->ok && data_parse(&mem, a->result, &ret, NULL) && ret.n == 32;
	if (ok)
		*out = u256_from_be(ret.p);
	arena_fini(&mem);
	return ok && !out->w[2] && !out->w[3];
}

/* Two points, one line: what a byte costs, and what is there before the first. */
static void take_below(struct below *b, struct u256 less, struct u256 more)
{
	struct u256 span, start;
	b->known = true;
	b->fixed = less;
	b->each = u256_of(0);
	if (!u256_sub(&span, more, less))
		return;
	uint64_t rest;
	b->each = u256_div64(span, PROBE_LONG - PROBE_SHORT, &rest);
	must(u256_mul(&start, b->each, u256_of(PROBE_SHORT)));
	if (!u256_sub(&b->fixed, less, start))
		b->fixed = u256_of(0);
	if (rest)
		must(u256_add(&b->each, b->each, u256_of(1)));
}

bool quote_take(struct sender *s, const struct quote_ask *q, const struct rpc_answer *all)
{
	struct quote *k = &s->quote;
	struct u256 v, less = u256_of(0);
	bool has_less = false;
	const struct rpc_answer *price = NULL;
	for (size_t i = 0; i < q->n; i++) {
		const struct rpc_answer *a = &all[q->first + i];
		switch (q->calls[i]) {
		case QUOTE_BALANCE:
			if (a->ok && quantity_parse(a->result, &v, NULL))
				purse_heard(s, v);
			break;
		case QUOTE_CODE: purse_delegated(s, a); break;
		case QUOTE_PRICE:
			price = a;
			if (price_of(a, &v))
				k->market.price = v, k->market.has_price = true;
			break;
		case QUOTE_TIP:
			k->market.has_tip = tip_of(s, a, &k->market.tip);
			k->no_tip_ms = k->market.has_tip ? 0 : sender_now(s);
			break;
		case QUOTE_HISTORY: take_history(s, a, true); break;
		case QUOTE_PAST: take_history(s, a, false); break;
		case QUOTE_BELOW:
			k->below.asked = a->ok;
			k->below.has = a->ok && a->result.n > 4;
			break;
		case QUOTE_SHORT: has_less = word_of(a, &less); break;
		case QUOTE_LONG:
			if (has_less && word_of(a, &v))
				take_below(&k->below, less, v);
			break;
		}
	}
	if (k->market.legacy && !k->market.has_price) {
		if (price)
			sender_trouble(s, "eth_gasPrice", price->code, price->ok ? STR("no price") : price->message);
		return false; /* until one was heard nothing is signed (tip_ms) */
	}
	s->balance_due = s->hold_kind == HOLD_FUNDS;
	if (k->below.has && !k->below.known && k->below.tries++ < BELOW_TRIES) {
		s->plan.head_due = true; /* asked at once; who never answers is no such oracle */
		return false;
	}
	return true;
}

/* ── for batches and slots ── */

struct u256 quote_below(const struct sender *s, size_t data)
{
	const struct below *b = &s->quote.below;
	struct u256 r;
	if (!b->known)
		return u256_of(0);
	must(u256_mul(&r, b->each, u256_of(data + TX_BYTES)) && u256_add(&r, r, b->fixed));
	return r;
}

struct u256 quote_most(const struct sender *s, bool cancel, uint64_t gas, size_t data)
{
	const struct signer_decl *d = s->signer;
	return price_most(
		&s->quote.policy, cancel, d->has_max_cost ? &d->max_cost : NULL, gas, quote_below(s, data));
}

struct price_wish quote_wish(const struct group *g, const struct intake_batch *b)
{
	return (struct price_wish){b->decl->within_ms, b->age_ms + sender_now(g->s) - g->read_ms};
}

struct u256 quote_wants(const struct sender *s)
{
	struct fee f;
	price_first(&s->quote.policy, &s->quote.market, &s->quote.learned, s->quote.held, u256_of(0), &f);
	return f.fee;
}

struct price_wish quote_lane_wish(struct sender *s)
{
	int64_t now = (int64_t)sender_now(s);
	const struct slot *slot = window_urgent(&s->window);
	if (!slot)
		return (struct price_wish){0, 0};
	return (struct price_wish){slot->within_ms, now > slot->cut_ms ? (uint64_t)(now - slot->cut_ms) : 0};
}

void quote_pace(struct sender *s)
{
	const struct slot *low = window_lowest(&s->window);
	if (low && low->nattempts)
		s->window.patience = price_patience(&s->quote.policy, &s->quote.market, &s->quote.learned,
			quote_lane_wish(s), &low->attempts[low->nattempts - 1].fee);
}

struct slots_gates quote_gates(const struct sender *s, const char **names, int64_t *ages_ms)
{
	const struct config *c = s->m->config;
	struct slots_gates g = {names, ages_ms, 0};
	for (size_t i = 0; s->quote.gates && i < c->nbatches && g.n < QUOTE_GATES; i++) {
		const struct batch_decl *b = &c->batches[i];
		uint64_t age = b->signer == s->signer ? price_gate(&s->quote.market, b->within_ms) : 0;
		if (age == 0)
			continue;
		names[g.n] = b->name;
		ages_ms[g.n++] = (int64_t)age;
	}
	return g;
}

/* ── what is learned ── */

/* Only a first attempt that nothing else stood before says something about its tip. */
void quote_mined(struct sender *s, const struct slot *slot, const uint8_t hash[32], uint64_t block)
{
	struct price_learned was = s->quote.learned;
	const struct attempt *a = &slot->attempts[0];
	uint64_t from = slot->lowest_head > slot->cast_head ? slot->lowest_head : slot->cast_head;
	if (slot->nattempts != 1 || memcmp(a->hash, hash, 32) != 0 || slot->cast_head == 0 || block <= from ||
		s->quote.market.legacy)
		return;
	price_mined(
		&s->quote.learned, slot->patient, market_covered(&s->quote.market, a->fee.fee, from + 1, block));
	s->quote.learned_new |= was.lean != s->quote.learned.lean;
}

void quote_refused(struct sender *s, const struct slot *slot)
{
	const struct fee *f = &slot->attempts[slot->nattempts - 1].fee;
	struct price_learned was = s->quote.learned;
	if (u256_lt(f->fee, s->quote.market.legacy ? s->quote.market.price : s->quote.market.next))
		return; /* it was too low, whatever the rule */
	price_refused(&s->quote.learned, slot->nattempts > 1 && slot->pooled, f);
	if (was.rule != s->quote.learned.rule || u256_cmp(was.floor, s->quote.learned.floor) != 0) {
		s->quote.learned_new = true;
		log_info("price.learned", "The node wants more than was offered; that is remembered",
			F_STR("signer", s->signer->name), F_UINT("replacement_permille", s->quote.learned.rule));
	}
}

void quote_load(struct sender *s, const struct prices_learned *p)
{
	struct price_learned *l = &s->quote.learned;
	s->quote.learned_new = false;
	if (!p)
		return;
	l->lean = p->lean < -PRICE_LEAN ? -PRICE_LEAN : p->lean > PRICE_LEAN ? PRICE_LEAN : p->lean;
	l->rule = p->rule < PRICE_RULE ? PRICE_RULE : p->rule > PRICE_RULE_MOST ? PRICE_RULE_MOST : p->rule;
	if (market_believes(p->floor))
		l->floor = p->floor;
}

void quote_keep(struct sender *s, struct pg_unit *u)
{
	struct slots_lane l = sender_lane(s);
	const struct price_learned *k = &s->quote.learned;
	if (!s->quote.learned_new)
		return;
	prices_keep(u, &l, &(struct prices_learned){k->lean, k->rule, k->floor});
	s->quote.learned_new = false;
}
