/* What the key has: the alarm below `low:`, the account's delegation, and `float:`, by which the richest key
 * of a pool tops up a poorer one with an ordinary transaction of its own. */
#include "common/base/mem.h"
#include "common/base/sentence.h"
#include "common/evm/logs.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/group.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	FLOAT_MS = 2000, /* so often a lane asks whether another key lacks something */
	SOON_MS = 60000, /* how urgent it is then */
};

/* ── the balance ── */

static bool has_float(const struct sender *s)
{
	return s->signer->has_float && s->signer->nkeys > 1;
}

/* What the balance leaves when all that is unmined has cost what it may. */
static struct u256 spare(struct sender *s)
{
	struct u256 cost = window_cost(&s->window), left;
	return u256_sub(&left, s->balance, cost) ? left : u256_of(0);
}

static void tell_others(struct sender *s)
{
	if (!has_float(s) || !s->lease || !lease_held(s->lease) || s->plan.phase != LANE_OPEN ||
		!pg_is_up(s->m->pg))
		return;
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	slots_purse(u, &l, s->signer->name, s->balance, spare(s), (int64_t)s->head.number);
	pg_unit_run(u, 0, sender_noted, s);
}

static void judge_low(struct sender *s)
{
	char balance[U256_DEC_MAX];
	bool low = s->signer->has_low && u256_lt(s->balance, s->signer->low);
	u256_to_dec(balance, s->balance);
	metric_set(s->meters.balance, strtod(balance, NULL));
	metric_set(s->meters.low, low);
	if (low && !s->low_said)
		log_odd("balance.low", "The balance is below signers.low", F_STR("signer", s->signer->name),
			F_STR("address", s->address), F_STR("balance_wei", balance));
	else if (!low && s->low_said)
		log_info("balance.well", "The balance is above signers.low again", F_STR("signer", s->signer->name),
			F_STR("address", s->address), F_STR("balance_wei", balance));
	s->low_said = low;
}

void purse_heard(struct sender *s, struct u256 balance)
{
	s->balance = balance;
	judge_low(s);
	tell_others(s);
}

void purse_delegated(struct sender *s, const struct rpc_answer *code)
{
	/* EIP-7702: 0xef0100 ‖ address */
	bool is = code->ok && code->result.n > 8 && memcmp(code->result.p, "\"0xef0100", 9) == 0;
	if (!code->ok || is == s->room.delegated)
		return;
	s->room.delegated = is;
	if (is)
		log_odd("delegated",
			"The account runs code of its own (EIP-7702); one transaction is under way at a time",
			F_STR("signer", s->signer->name), F_STR("address", s->address));
	else
		log_info("delegated.over", "The account runs no code of its own any more",
			F_STR("signer", s->signer->name), F_STR("address", s->address));
}

/* ── float: one key gives another what it lacks ── */

struct topup {
	struct sender *s;
	uint64_t era;
	struct arena mem;
	uint8_t taker[20];
	struct attempt attempt;
	struct signing sign;
	struct u256 cost; /* of its gas */
};

bool purse_due(struct sender *s)
{
	return has_float(s) && s->plan.phase == LANE_OPEN && s->head.known && s->tip_ms && !s->chain_halted &&
		   s->hold_kind == HOLD_NOTHING && window_unmined(&s->window) < room_size(&s->room) &&
		   sender_now(s) >= s->topup_ms;
}

uint64_t purse_wakes(const struct sender *s)
{
	return has_float(s) && s->plan.phase == LANE_OPEN && s->topup_ms > sender_now(s) ? s->topup_ms : 0;
}

static void end_topup(struct topup *t)
{
	struct sender *s = t->s;
	s->plan.busy_topup = false;
	s->topup_ms = sender_now(s) + FLOAT_MS;
	arena_fini(&t->mem);
	free(t);
	sender_drive(s);
}

static bool still_ours(const struct topup *t)
{
	return t->era == t->s->era && t->s->plan.phase == LANE_OPEN && lease_held(t->s->lease);
}

/* INV-5: as on_committed in sign.c. */
static void on_committed(void *arg, const struct pg_reply *r)
{
	struct topup *t = arg;
	struct sender *s = t->s;
	if (t->era == s->era && slots_changed(r)) {
		log_debug("topup.late", "Another key was faster", F_STR("signer", s->signer->name));
	} else if (t->era != s->era) {
		sender_noted(s, r);
	} else if (fault_hit(FAULT_topup_after_commit)) {
		sender_reload(s, "the answer to a commit was lost");
	} else if (slots_refused(r)) {
		refusal_note(s, -1, (int64_t)t->sign.tx.nonce, ATTEMPT_SEND, str_of(r->err.text));
	} else if (sender_stored(s, r, "a top-up")) {
		char wei[U256_DEC_MAX], to[ADDRESS_TEXT];
		u256_to_dec(wei, t->sign.tx.value);
		address_to_eip55(to, t->taker);
		window_attempt(&s->window, window_add(&s->window, t->sign.tx.nonce, 0, sender_now(s)), &t->attempt);
		s->mark_seen = ++lease_lane(s->lease)->at;
		metric_add(s->meters.attempts, 1);
		metric_add(s->meters.topups, 1);
		log_info("topup", "A key of the pool gives another what it lacks", F_STR("signer", s->signer->name),
			F_STR("from", s->address), F_STR("to", to), F_STR("wei", wei), F_UINT("nonce", t->sign.tx.nonce));
	}
	end_topup(t);
}

static void on_signed(void *arg, bool ok, const struct err *e)
{
	struct topup *t = arg;
	struct sender *s = t->s;
	struct buf why = {0};
	char to[ADDRESS_TEXT];
	(void)e; /* the hand has said it */
	if (!ok || !still_ours(t)) {
		end_topup(t);
		return;
	}
	if (refusal_of_topup(s, &t->sign) || fault_hit(FAULT_topup_before_commit)) {
		end_topup(t);
		return;
	}
	sign_take(&t->sign, &t->attempt);
	struct slots_signed row = sign_row(&t->attempt, 0, t->sign.tx.nonce);
	row.cost = t->cost;
	address_to_eip55(to, t->taker);
	reason_code(&why, "topup");
	reason_text(&why, "to", to);
	reason_u256(&why, "wei", t->sign.tx.value);
	row.reason = arena_textn(&t->mem, why.p, why.n);
	buf_fini(&why);
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	slots_topup(u, &l, &row, t->taker, t->sign.tx.value);
	pg_unit_run(u, 0, on_committed, t);
}

/* Under the same rules as any transaction: the price below the cap, all that is unmined and this paid for. */
static void on_estimate(void *arg, const struct rpc_reply *r)
{
	struct topup *t = arg;
	struct sender *s = t->s;
	const struct quote *k = &s->quote;
	const struct price_wish wish = {.within_ms = SOON_MS};
	struct tx *tx = &t->sign.tx;
	uint64_t estimate;
	struct u256 cost;
	struct fee f;
	if (!sender_heard(s, r) || !still_ours(t) || !r->answers[0].ok ||
		!quantity_u64(r->answers[0].result, &estimate, NULL) ||
		!price_gas_limit(
			estimate, s->signer->margin_num, s->signer->margin_den, s->head.gas_limit, &tx->gas) ||
		price_first(&k->policy, &k->market, &k->learned, wish, quote_most(s, false, tx->gas, 0), &f) ==
			PRICE_ABOVE) {
		end_topup(t);
		return;
	}
	struct u256 all;
	must(u256_mul(&cost, f.fee, u256_of(tx->gas)));
	if (!u256_add(&all, cost, tx->value) || u256_lt(spare(s), all)) {
		end_topup(t);
		return;
	}
	memcpy(tx->to, t->taker, 20);
	tx->nonce = (uint64_t)lease_lane(s->lease)->at;
	sign_fill(s, tx, &f);
	t->attempt = (struct attempt){.kind = ATTEMPT_SEND, .fee = f};
	t->cost = cost;
	if (refusal_of_topup(s, &t->sign)) {
		end_topup(t);
		return;
	}
	hand_sign(s->hand, &t->mem, &t->sign, 1, on_signed, t);
}

static void on_due(void *arg, const struct pg_reply *r)
{
	struct topup *t = arg;
	struct sender *s = t->s;
	if (r->outcome != PG_OK || !still_ours(t) || !slots_topup_read(r, 0, t->taker, &t->sign.tx.value)) {
		end_topup(t);
		return;
	}
	char to[43], value[U256_HEX_MAX];
	struct rpc_request *q = rpc_request(s->rpc);
	hex_to_0x(to, t->taker, 20);
	u256_to_hex(value, t->sign.tx.value);
	rpc_call(
		q, "eth_estimateGas", "[{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"%s\"}]", s->address, to, value);
	rpc_send(q, on_estimate, t);
}

void purse_topup(struct sender *s)
{
	const struct signer_decl *d = s->signer;
	struct topup *t = mem_alloc(sizeof *t);
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	*t = (struct topup){.s = s, .era = s->era};
	s->plan.busy_topup = true;
	slots_topup_due(u, &l, d->name, d->has_low ? d->low : d->flt, d->flt);
	pg_unit_run(u, 0, on_due, t);
}
