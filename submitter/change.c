#include "common/base/mem.h"
#include "common/base/sentence.h"
#include "common/evm/logs.h"
#include "common/evm/tx.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/sender.h"

#include <stdlib.h>

/* ── one more attempt of a slot: a higher price, fewer items, or nothing (S3) ── */

struct change {
	struct sender *s;
	uint64_t era, nonce;
	struct arena mem;
	struct attempt attempt;
	struct signing sign; /* its tx is whole but for its prices when sign_attempt runs */
	struct intake in;
	struct intake_batch batch;
};

static void end_change(struct change *c)
{
	struct sender *s = c->s;
	s->plan.busy_change = false;
	arena_fini(&c->mem);
	free(c);
	sender_drive(s);
}

static struct slot *slot_of(struct change *c)
{
	struct slot *slot = c->era == c->s->era ? window_at(&c->s->window, c->nonce) : NULL;
	return slot && slot->phase < SLOT_COUNTED ? slot : NULL;
}

static void cancel(struct change *c);

/* A slot whose items lost their reason, and that may not be signed anew: it ends by a no-op, which every
 * policy allows (S3). Else it is asked again at another head. */
static void refused(struct change *c, struct slot *slot)
{
	struct sender *s = c->s;
	if (slot && c->attempt.kind == ATTEMPT_RECOMPOSED) {
		cancel(c);
		return;
	}
	if (slot)
		window_held(&s->window, slot);
	end_change(c);
}

/* What PostgreSQL alone can judge. */
static void refused_commit(struct change *c, const struct pg_reply *r)
{
	struct sender *s = c->s;
	struct slot *slot = slot_of(c);
	struct policy_refusal p;
	policy_refused(str_of(r->err.text), &p);
	if (slot)
		refusal_note(s, slot->batch, (int64_t)slot->nonce, c->attempt.kind, str_of(r->err.text));
	if (p.frozen)
		refusal_frozen(s, true);
	refused(c, slot);
}

/* INV-5: as on_committed in sign.c. */
static void on_added(void *arg, const struct pg_reply *r)
{
	struct change *c = arg;
	struct sender *s = c->s;
	if (c->era == s->era && fault_hit(FAULT_change_after_commit)) {
		sender_reload(s, "the answer to a commit was lost");
	} else if (c->era == s->era && slots_refused(r)) {
		refused_commit(c, r);
		return;
	} else if (c->era == s->era && sender_stored(s, r, "a replacement")) {
		struct slot *slot = window_at(&s->window, c->nonce);
		char fee[60];
		sign_gwei(fee, c->attempt.fee.fee);
		if (slot)
			window_attempt(&s->window, slot, &c->attempt);
		metric_add(s->meters.attempts, 1);
		log_info("slot.replaced", "Signed another attempt of a slot",
			F_STR("kind", attempt_kind_name(c->attempt.kind)), F_UINT("nonce", c->nonce),
			F_HEX("tx", c->attempt.hash, 32), F_STR("fee", fee), F_UINT("items", c->attempt.nitems),
			F_UINT("attempt", slot ? slot->nattempts : 0));
	}
	end_change(c);
}

/* Why the newest attempt is not enough: what blocks asked for it, or how long they passed it by. */
static const char *change_reason(struct change *c, const struct slot *slot)
{
	const struct sender *s = c->s;
	const struct market *m = &s->quote.market;
	const struct fee *old = &slot->attempts[slot->nattempts - 1].fee;
	struct u256 left;
	struct buf b = {0};
	reason_code(&b, c->attempt.kind == ATTEMPT_CANCEL       ? (slot->unwanted ? "noop_ordered" : "noop")
					: c->attempt.kind == ATTEMPT_RECOMPOSED ? "without"
					: slot->answer == ANSWER_UNDERPRICED    ? "underpriced"
					: m->legacy                             ? "unmined"
					: u256_lt(old->fee, m->base)            ? "above"
															: "outbid");
	if (!m->legacy) {
		reason_u256(&b, "base", m->base);
		left = u256_sub(&left, old->fee, m->base) ? u256_min(left, old->tip) : u256_of(0);
		reason_u256(&b, "left", left);
	}
	reason_u256(&b, "old", old->fee);
	reason_int(&b, "waited", slot->lowest_ms ? (int64_t)(sender_now(s) - slot->lowest_ms) : 0);
	const char *text = arena_textn(&c->mem, b.p, b.n);
	buf_fini(&b);
	return text;
}

/* By how much the new attempt raises what the slot may cost. */
static struct u256 raised_cost(const struct change *c, const struct slot *slot)
{
	struct u256 most = u256_of(0), cost, more;
	for (size_t i = 0; i < slot->nattempts; i++) {
		const struct attempt *a = &slot->attempts[i];
		if (u256_mul(&cost, a->fee.fee, u256_of(a->gas)))
			most = u256_max(most, cost);
	}
	return u256_sub(&more, policy_cost(&c->sign.tx), most) ? more : u256_of(0);
}

static void commit_attempt(struct change *c)
{
	struct sender *s = c->s;
	struct slot *slot = slot_of(c);
	if (!slot || !lease_held(s->lease) || fault_hit(FAULT_change_before_commit)) {
		end_change(c);
		return;
	}
	struct slots_signed row = sign_row(&c->attempt, slot->batch, slot->nonce);
	row.reason = change_reason(c, slot);
	row.cost = raised_cost(c, slot);
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	slots_add(u, &l, &row, 1);
	pg_unit_run(u, 0, on_added, c);
}

static void on_signed(void *arg, bool ok, const struct err *e)
{
	struct change *c = arg;
	struct sender *s = c->s;
	struct slot *slot = slot_of(c);
	if (ok && slot && refusal_of_bytes(s, slot->batch, (int64_t)c->nonce, c->attempt.kind, &c->sign)) {
		window_held(&s->window, slot);
		end_change(c);
		return;
	}
	if (ok) {
		sign_take(&c->sign, &c->attempt);
		commit_attempt(c);
		return;
	}
	(void)e; /* the hand has said it */
	if (c->era == s->era && slot_of(c))
		window_held(&s->window, slot_of(c));
	end_change(c);
}

/* S3, P13: at the cap it holds, and is asked for again at each head; said once. */
static void hold_change(struct change *c, struct slot *slot, const struct fee *needed)
{
	struct sender *s = c->s;
	char want[60];
	sign_gwei(want, needed->fee);
	if (slot->held_said != 1 + (unsigned)c->attempt.kind) {
		log_odd("gas.high",
			c->attempt.kind == ATTEMPT_CANCEL ? "A cancel is wanted and held: gas price too high"
											  : "A replacement is held: gas price too high",
			F_STR("signer", s->signer->name), F_UINT("nonce", c->nonce), F_STR("needed", want));
		metric_add(s->meters.too_high, 1);
	}
	slot->held_said = 1 + (unsigned)c->attempt.kind;
	if (c->attempt.kind == ATTEMPT_CANCEL)
		obey_held(s, slot, needed);
	slot->held_fee = needed->fee;
	window_held(&s->window, slot);
	end_change(c);
}

/* The price, then the bytes, then the commit. */
static void sign_attempt(struct change *c)
{
	struct sender *s = c->s;
	struct slot *slot = slot_of(c);
	const struct quote *k = &s->quote;
	struct fee f;
	if (!slot || !lease_held(s->lease)) {
		end_change(c);
		return;
	}
	struct u256 most = quote_most(s, c->attempt.kind == ATTEMPT_CANCEL, c->sign.tx.gas, c->sign.tx.data.n);
	if (price_again(&k->policy, &k->market, &k->learned, quote_lane_wish(s), most,
			&slot->attempts[slot->nattempts - 1].fee, &f) == PRICE_ABOVE) {
		hold_change(c, slot, &f);
		return;
	}
	sign_fill(s, &c->sign.tx, &f);
	c->attempt.fee = f;
	if (refusal_of_change(s, slot, c->attempt.kind, &c->sign.tx)) {
		refused(c, slot);
		return;
	}
	hand_sign(s->hand, &c->mem, &c->sign, 1, on_signed, c);
}

/* The same call at a higher price. */
static void replace(struct change *c, const struct slot *slot)
{
	const struct attempt *old = &slot->attempts[slot->nattempts - 1];
	struct signature sig;
	struct err e = {0};
	uint8_t sender[20], hash[32];
	must(tx_decode(&c->mem, (struct bytes){arena_copy(&c->mem, old->raw, old->nraw), old->nraw}, &c->sign.tx,
		&sig, sender, hash, &e));
	c->attempt = (struct attempt){.kind = old->kind == ATTEMPT_CANCEL ? ATTEMPT_CANCEL : ATTEMPT_BUMP,
		.items =
			arena_copy(&c->mem, old->nitems ? old->items : (int64_t[1]){0}, old->nitems * sizeof *old->items),
		.nitems = old->nitems};
	sign_attempt(c);
}

/* A no-op: the nonce is used up and nothing else happens. */
static void cancel(struct change *c)
{
	c->sign.tx = (struct tx){.nonce = c->nonce, .gas = 21000};
	memcpy(c->sign.tx.to, hand_address(c->s->hand), 20);
	c->attempt = (struct attempt){.kind = ATTEMPT_CANCEL};
	sign_attempt(c);
}

/* The node had no time for the question, or doesn't know its form: it says nothing about what is left. */
static bool says_nothing(struct sender *s, const struct rpc_answer *a)
{
	struct buf data = {0};
	bool form = !s->by_number && answer_is_block_form(a->code, a->message);
	bool nothing =
		!a->ok && !rpc_is_revert(a, &data) && (form || answer_is_about_the_node(a->code, a->message));
	buf_fini(&data);
	if (nothing && form)
		s->by_number = true;
	if (nothing)
		sender_trouble(s, "eth_estimateGas", a->code, a->message);
	return nothing;
}

static void on_estimate(void *arg, const struct rpc_reply *r)
{
	struct change *c = arg;
	struct sender *s = c->s;
	uint64_t estimate, gas;
	struct err e = {0};
	if (!sender_heard(s, r) || says_nothing(s, &r->answers[0])) {
		if (slot_of(c))
			window_held(&s->window, slot_of(c));
		end_change(c);
		return;
	}
	if (!r->answers[0].ok || !quantity_u64(r->answers[0].result, &estimate, &e) ||
		!price_gas_limit(estimate, s->signer->margin_num, s->signer->margin_den, s->head.gas_limit, &gas)) {
		cancel(c); /* what is left would fail: its items are free when the cancel is final */
		return;
	}
	c->sign.tx.gas = s->signer->gas_limit ? s->signer->gas_limit : gas;
	sign_attempt(c);
}

static void ask_rest(struct change *c)
{
	struct str data;
	struct err e = {0};
	struct intake_batch *b = &c->batch;
	const struct contract_decl *to = b->decl->send.contract;
	char hex[43], block[100];
	if (!intake_compose(&c->in, b, 0, b->n, &data, &e)) {
		cancel(c);
		return;
	}
	c->sign.tx = (struct tx){.nonce = c->nonce};
	memcpy(c->sign.tx.to, to->addresses[0], 20);
	c->sign.tx.data = sign_data(&c->mem, data);
	c->attempt = (struct attempt){.kind = ATTEMPT_RECOMPOSED};
	c->attempt.items = arena_alloc(&c->mem, b->n * sizeof *c->attempt.items);
	for (size_t i = 0; i < b->n; i++)
		c->attempt.items[c->attempt.nitems++] = b->items[i].id;
	struct rpc_request *q = rpc_request(c->s->rpc);
	hex_to_0x(hex, to->addresses[0], 20);
	feed_block(c->s, block);
	rpc_call(q, "eth_estimateGas", "[{\"from\":\"%s\",\"to\":\"%s\",\"data\":\"%.*s\"},%s]", c->s->address,
		hex, (int)data.n, data.p, block);
	rpc_send(q, on_estimate, c);
}

static void on_items(void *arg, const struct pg_reply *r)
{
	struct change *c = arg;
	struct sender *s = c->s;
	if (r->outcome != PG_OK || !slot_of(c)) {
		end_change(c);
		return;
	}
	int rows = pg_rows(r, 0);
	c->in = (struct intake){.a = &c->mem, .names = s->names, .batches = &c->batch, .n = 1};
	c->batch.items = arena_alloc(&c->mem, ((size_t)rows + 1) * sizeof *c->batch.items);
	for (int i = 0; i < rows; i++) {
		struct slots_item row;
		struct err e = {0};
		slots_item_read(r, 0, i, &row);
		c->batch.decl = config_batch(s->m->config, row.name);
		struct intake_item *it = &c->batch.items[c->batch.n];
		it->id = row.item;
		char *args = arena_textn(&c->mem, row.args.p, row.args.n);
		c->batch.n += args_parse(&c->mem, (struct str){args, row.args.n}, &it->args, &e);
	}
	if (c->batch.n == 0 || !c->batch.decl)
		cancel(c);
	else
		ask_rest(c);
}

void change_slot(struct sender *s, struct window_todo *todo)
{
	struct change *c = mem_alloc(sizeof *c);
	*c = (struct change){.s = s, .era = s->era, .nonce = todo->slot->nonce};
	s->plan.busy_change = true;
	if (todo->what == WINDOW_REPLACE && obey_price_is_right(s, todo->slot)) {
		end_change(c);
		return;
	}
	if (todo->what == WINDOW_REPLACE) {
		replace(c, todo->slot);
		return;
	}
	if (todo->what == WINDOW_CANCEL) {
		cancel(c);
		return;
	}
	if (todo->slot->held_said <= 1 + (unsigned)ATTEMPT_BUMP) /* else it is asked for again, at another head */
		log_info("slot.revise", "An item's event is gone; its slot is signed anew without it",
			F_UINT("nonce", c->nonce), F_INT("batch", todo->slot->batch));
	struct pg_unit *u = pg_unit(s->m->pg);
	slots_items(u, todo->slot->batch);
	pg_unit_run(u, 0, on_items, c);
}
