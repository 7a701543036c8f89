#include "common/base/mem.h"
#include "common/base/sentence.h"
#include "common/evm/logs.h"
#include "common/evm/tx.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ── what holds signing back ── */

/* "18.5 gwei", exact to the wei's tenth of a gwei's thousandth; for people only */
void sign_gwei(char out[60], struct u256 wei)
{
	uint64_t rest;
	char whole[U256_DEC_MAX];
	struct u256 milli = u256_div64(wei, 1000000, NULL);
	struct u256 g = u256_div64(milli, 1000, &rest);
	u256_to_dec(whole, g);
	snprintf(out, 60, "%.40s.%03" PRIu64 " gwei", whole, rest);
}

static void hold_price(struct sender *s, const struct fee *needed)
{
	char want[60], max[60], why[sizeof s->hold];
	sign_gwei(want, needed->fee);
	sign_gwei(max, quote_most(s, false, 0, 0));
	snprintf(why, sizeof why,
		"gas price too high: the market asks %s, %s %s; goes on by itself when it falls", want,
		s->signer->has_max ? "gas.max is" : "without gas.max nothing is believed above", max);
	if (s->hold_kind != HOLD_PRICE)
		metric_add(s->meters.too_high, 1);
	sender_hold(s, HOLD_PRICE, why);
}

static struct u256 gas_now(const struct sender *s)
{
	const struct market *m = &s->quote.market;
	return m->legacy ? m->price : m->base;
}

static void hold_funds(struct sender *s, struct u256 needed)
{
	char have[U256_DEC_MAX], want[U256_DEC_MAX], why[sizeof s->hold];
	u256_to_dec(have, s->balance);
	u256_to_dec(want, needed);
	snprintf(why, sizeof why,
		"the balance of %s is %s wei, what is unmined and the next transaction may cost %s wei; goes on when "
		"it is topped up",
		s->address, have, want);
	s->hold_wei = needed;
	s->hold_gas = gas_now(s);
	s->hold_below = window_lowest(&s->window) != NULL;
	s->balance_due = true;
	sender_hold(s, HOLD_FUNDS, why);
}

/* Until it is topped up; it is tried anew when what stood below is mined, and when gas has become cheaper by
 * an eighth. */
static bool lacks_funds(struct sender *s)
{
	struct u256 cheaper;
	if (!u256_lt(s->balance, s->hold_wei))
		return false;
	if (window_lowest(&s->window))
		return true;
	must(u256_ratio_up(&cheaper, s->hold_gas, 7, 8));
	return !s->hold_below && !u256_lt(gas_now(s), cheaper);
}

static bool still_holds(struct sender *s)
{
	struct fee f;
	if (s->hold_kind == HOLD_POLICY && refusal_holds(s))
		return true;
	const struct quote *k = &s->quote;
	if (s->hold_kind == HOLD_PRICE && price_first(&k->policy, &k->market, &k->learned, k->held,
										  quote_most(s, false, 0, 0), &f) == PRICE_ABOVE)
		return true;
	if (s->hold_kind == HOLD_FUNDS && lacks_funds(s))
		return true;
	s->balance_due = false;
	sender_hold(s, HOLD_NOTHING, "");
	return false;
}

size_t sign_room(struct sender *s)
{
	size_t most = room_size(&s->room);
	size_t used = window_unmined(&s->window) + (s->committing ? s->committing->nsigned : 0);
	if (s->plan.phase != LANE_OPEN || s->chain_halted || !s->head.known || s->tip_ms == 0)
		return 0;
	if (s->hold_kind != HOLD_NOTHING && still_holds(s))
		return 0;
	if (s->window.n + GROUP_MAX > SENDER_OPEN_MAX || used >= most)
		return 0;
	/* In order one is under way at a time, and what waits for another moment is first in order. */
	if (s->signer->order == ORDER_STRICT && (s->committing || s->nheld > 0))
		return 0;
	if (s->room_most && s->room_most < most - used)
		return s->room_most;
	return most - used;
}

/* ── first attempts ── */

void sign_fill(const struct sender *s, struct tx *t, const struct fee *f)
{
	t->type = s->quote.market.legacy ? TX_LEGACY : TX_FEE_MARKET;
	t->chain_id = s->network;
	t->fee = f->fee;
	t->tip = f->tip;
}

struct bytes sign_data(struct arena *a, struct str hex)
{
	size_t n = hex.n / 2 - 1;
	uint8_t *p = arena_alloc(a, n + 1);
	must(hex_from(p, n, hex));
	return (struct bytes){p, n};
}

void sign_take(const struct signing *from, struct attempt *out)
{
	memcpy(out->hash, from->hash, 32);
	out->gas = from->tx.gas;
	out->value = from->tx.value;
	out->raw = from->raw;
	out->nraw = from->nraw;
}

struct slots_signed sign_row(const struct attempt *a, int64_t batch, uint64_t nonce)
{
	return (struct slots_signed){.batch = batch,
		.nonce = (int64_t)nonce,
		.kind = attempt_kind_name(a->kind),
		.hash = a->hash,
		.raw = {a->raw, a->nraw},
		.fee = a->fee.fee,
		.tip = a->fee.tip,
		.items = a->items,
		.nitems = a->nitems};
}

static void set_items(struct group *g, const struct intake_batch *b, struct attempt *out)
{
	out->items = arena_alloc(&g->mem, b->n * sizeof *out->items);
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].out == ITEM_GOES)
			out->items[out->nitems++] = b->items[i].id;
}

/* S5: the limit. asked_all holds already: see refuse_too_large in group.c. */
static uint64_t gas_of(const struct sender *s, const struct intake_batch *b)
{
	uint64_t gas = s->signer->gas_limit, cap = group_gas_cap(s, b->decl);
	if (!gas)
		must(price_gas_limit(b->gas, s->signer->margin_num, s->signer->margin_den, cap, &gas));
	return gas > cap ? cap : gas;
}

/* It waits for the price, or for the chain below, to fall; said once. */
static void put_aside(struct sender *s, const struct intake_batch *b, struct u256 cost)
{
	struct quote *k = &s->quote;
	char text[U256_DEC_MAX];
	u256_to_dec(text, cost);
	if (k->dear_batch != b->id)
		log_odd("batch.cost", "A batch may cost more than signers.max_cost; it waits", F_INT("batch", b->id),
			F_STR("signer", s->signer->name), F_STR("cost_wei", text));
	k->dear_batch = b->id;
	k->dear_wei = cost;
	k->dear_ms = sender_now(s);
	feed_hold_batch(s, b->id, 0, 5000);
}

/* What the market was when a first attempt was signed, and how far it could rise meanwhile. */
static const char *first_reason(const struct sender *s, struct arena *a)
{
	struct buf b = {0};
	const struct market *m = &s->quote.market;
	reason_code(&b, "first");
	if (!m->legacy) {
		reason_u256(&b, "base", m->base);
		reason_u256(&b, "next", market_worst(m, 1));
	}
	const char *text = arena_textn(a, b.p, b.n);
	buf_fini(&b);
	return text;
}

enum priced { PRICED, PRICED_ASIDE, PRICED_STOP };

/* Its price, and whether that is within what one transaction, and the account, may pay. *sum: what all that
 * is unmined may cost. */
static enum priced price_batch(struct sender *s, const struct group *g, const struct intake_batch *b,
	struct tx *t, struct fee *f, struct u256 *sum)
{
	const struct quote *k = &s->quote;
	struct price_wish w = quote_wish(g, b);
	struct u256 cost, whole, below = quote_below(s, t->data.n);
	struct u256 most = quote_most(s, false, t->gas, t->data.n);
	if (price_first(&k->policy, &k->market, &k->learned, w, most, f) == PRICE_ABOVE) {
		if (u256_cmp(f->fee, quote_most(s, false, 0, 0)) > 0) {
			s->quote.held = w;
			hold_price(s, f);
			return PRICED_STOP;
		}
		must(u256_mul(&cost, f->fee, u256_of(t->gas)) && u256_add(&cost, cost, below));
		put_aside(s, b, cost);
		return PRICED_ASIDE;
	}
	must(u256_mul(&cost, f->fee, u256_of(t->gas)) && u256_add(&cost, cost, below) &&
		 u256_add(&whole, cost, *sum));
	if (u256_lt(s->balance, whole)) {
		hold_funds(s, whole);
		return PRICED_STOP;
	}
	*sum = whole;
	return PRICED;
}

/* Skip, simulation, policy, balance and price come before the nonce (S4); what passes them all is signed, in
 * order. */
static void compose_batches(struct sender *s, struct group *g)
{
	struct u256 sum = window_cost(&s->window);
	size_t room = sign_room(s);
	const char *why = first_reason(s, &g->mem);
	g->sign = arena_alloc(&g->mem, g->in.n * sizeof *g->sign);
	g->signing = arena_alloc(&g->mem, g->in.n * sizeof *g->signing);
	g->attempts = arena_alloc(&g->mem, g->in.n * sizeof *g->attempts);
	for (size_t i = 0; i < g->in.n && g->nsigned < room; i++) {
		struct intake_batch *b = &g->batches[i];
		struct fee f;
		if (b->end != INTAKE_GOES)
			continue;
		struct tx t = {.nonce = (uint64_t)lease_lane(s->lease)->at + g->nsigned, .gas = gas_of(s, b)};
		struct u256 before = sum;
		t.data = sign_data(&g->mem, b->data);
		memcpy(t.to, b->decl->send.contract->addresses[0], 20);
		enum priced priced = price_batch(s, g, b, &t, &f, &sum);
		if (priced == PRICED_STOP)
			break;
		if (priced == PRICED_ASIDE)
			continue;
		struct attempt *a = &g->attempts[g->nsigned];
		sign_fill(s, &t, &f);
		if (refusal_of_batch(s, b->id, &t)) {
			sum = before;
			continue;
		}
		g->sign[g->nsigned].cost = policy_cost(&t);
		a->fee = f;
		set_items(g, b, a);
		g->signing[g->nsigned].tx = t;
		g->sign[g->nsigned].batch = b->id;
		g->sign[g->nsigned++].reason = why;
	}
}

static const char *fate_reason(struct arena *a, const struct intake_item *it)
{
	struct buf b = {0};
	if (it->out == ITEM_WAITS)
		return it->why;
	reason_code(&b, it->out == ITEM_ALREADY ? "already" : "refused");
	reason_text(&b, "text", it->why);
	const char *text = arena_textn(a, b.p, b.n);
	buf_fini(&b);
	return text;
}

/* What left its batch: done already, poison, or free. Only of batches whose story is told. */
static size_t list_fates(struct group *g, struct slots_fate **out)
{
	static const char *const states[] = {
		[ITEM_ALREADY] = "already", [ITEM_PARKED] = "parked", [ITEM_WAITS] = "waiting"};
	size_t n = 0;
	for (size_t i = 0; i < g->in.n; i++)
		n += g->batches[i].n;
	*out = arena_alloc(&g->mem, (n + 1) * sizeof **out);
	n = 0;
	for (size_t i = 0; i < g->in.n; i++) {
		const struct intake_batch *b = &g->batches[i];
		for (size_t k = 0; k < b->n && (b->end == INTAKE_GOES || b->end == INTAKE_EMPTY); k++) {
			const struct intake_item *it = &b->items[k];
			if (it->out != ITEM_GOES)
				(*out)[n++] = (struct slots_fate){.item = it->id,
					.state = states[it->out],
					.reason = fate_reason(&g->mem, it),
					.block_hash = it->out == ITEM_ALREADY ? g->head_hash : NULL,
					.block = (int64_t)g->head};
		}
	}
	return n;
}

static void add_slot(struct group *g, size_t i)
{
	struct sender *s = g->s;
	struct slot *slot = window_add(&s->window, (uint64_t)g->sign[i].nonce, g->sign[i].batch, sender_now(s));
	for (size_t k = 0; k < g->in.n; k++)
		if (g->batches[k].id == slot->batch) {
			struct price_wish w = quote_wish(g, &g->batches[k]);
			slot->within_ms = w.within_ms;
			slot->cut_ms -= (int64_t)w.age_ms;
			slot->patient = price_patient(&s->quote.market, w);
		}
	window_attempt(&s->window, slot, &g->attempts[i]);
}

/* INV-5: the bytes enter the window, and so may leave, when the commit is known; an unknown outcome is read
 * anew. */
static void on_committed(void *arg, const struct pg_reply *r)
{
	struct group *g = arg;
	struct sender *s = g->s;
	s->plan.busy_commit = false;
	if (g->era != s->era) {
		sender_noted(s, r);
	} else if (fault_hit(FAULT_send_after_commit)) {
		sender_reload(s, "the answer to a commit was lost");
	} else if (slots_refused(r)) {
		refusal_of_commit(s, r, g->sign, g->nsigned);
	} else if (sender_stored(s, r, "signed transactions")) {
		s->room_most = 0;
		for (size_t i = 0; i < g->nsigned; i++)
			add_slot(g, i);
		lease_lane(s->lease)->at += (int64_t)g->nsigned;
		s->mark_seen = lease_lane(s->lease)->at;
		metric_add(s->meters.sent, (int64_t)g->nsigned);
		metric_add(s->meters.attempts, (int64_t)g->nsigned);
		log_debug("group.committed", "Signed transactions are committed", F_UINT("batches", g->nsigned),
			F_UINT("took_ms", sender_now(s) - g->committed_ms));
	}
	g->in_flight--; /* not before: reading anew drops the groups */
	s->plan.bell |= g->era == s->era && s->bell_owed;
	group_free(g);
	sender_drive(s);
}

/* Nothing of it is committed: read again. */
static void drop_signed(struct group *g)
{
	struct sender *s = g->s;
	s->plan.busy_commit = false;
	s->plan.bell |= g->era == s->era;
	g->in_flight--;
	group_free(g);
	sender_drive(s);
}

static void on_signed(void *arg, bool ok, const struct err *e)
{
	struct group *g = arg;
	struct sender *s = g->s;
	(void)e; /* the hand has said it */
	if (!ok && g->era == s->era && s->group)
		group_free(s->group); /* by the time that it could be signed its answers are old */
	if (!ok || g->era != s->era || !lease_held(s->lease) || fault_hit(FAULT_send_before_commit)) {
		drop_signed(g);
		return;
	}
	bool refused = false;
	for (size_t i = 0; i < g->nsigned; i++)
		refused |= refusal_of_bytes(s, g->sign[i].batch, -1, ATTEMPT_SEND, &g->signing[i]);
	if (refused) {
		drop_signed(g);
		return;
	}
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	for (size_t i = 0; i < g->nsigned; i++) {
		struct slots_signed was = g->sign[i];
		sign_take(&g->signing[i], &g->attempts[i]);
		g->sign[i] = sign_row(&g->attempts[i], was.batch, g->signing[i].tx.nonce);
		g->sign[i].reason = was.reason;
		g->sign[i].cost = was.cost;
	}
	for (size_t i = 0; i < g->nfits; i++)
		slots_fits(u, &l, g->fits[i].decl->name, (int64_t)g->fits[i].items);
	if (g->nfates)
		slots_settle(u, &l, g->fates, g->nfates);
	if (g->nsigned)
		slots_commit(u, &l, l.lane->at, g->sign, g->nsigned);
	g->committed_ms = sender_now(s);
	pg_unit_run(u, 0, on_committed, g);
}

/* From here the group is s->committing, and nothing else of the lane is given a nonce until it is done. */
void sign_commit(struct sender *s)
{
	struct group *g = s->group;
	g->nfates = list_fates(g, &g->fates);
	compose_batches(s, g);
	if (g->nfates == 0 && g->nsigned == 0 && g->nfits == 0) {
		group_free(g);
		return;
	}
	s->group = NULL;
	s->committing = g;
	s->plan.busy_commit = true;
	g->in_flight++;
	hand_sign(s->hand, &g->mem, g->signing, g->nsigned, on_signed, g);
}
