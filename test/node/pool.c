#include "test/node/pool.h"
#include "test/node/world.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
static const struct pool_rules all_rules[] = {
	{.name = "geth", .percent = 10, .both = true, .gaps = true, .below_base = true, .detail = true, .code = -32000,
	 .known = "already known", .low = "nonce too low", .underpriced = "replacement transaction underpriced", .poor = "insufficient funds for gas * price + value", .full = "txpool is full", .high = "nonce too high",
	 .fee = "max fee per gas less than block base fee", .gas = "exceeds block gas limit", .intrinsic = "intrinsic gas too low"},
	{.name = "nethermind", .percent = 10, .both = true, .gaps = true, .below_base = true, .code = -32010,
	 .known = "AlreadyKnown", .low = "OldNonce", .underpriced = "ReplacementNotAllowed", .poor = "InsufficientFunds, Account balance is too low", .full = "FeeTooLowToCompete", .high = "NonceGap",
	 .fee = "MaxFeePerGasTooLow", .gas = "GasLimitExceeded", .intrinsic = "GasLimitTooLow"},
	{.name = "erigon", .percent = 10, .both = true, .gaps = true, .below_base = true, .code = -32000,
	 .known = "already known", .low = "nonce too low", .underpriced = "replacement transaction underpriced", .poor = "insufficient funds", .full = "pending sub-pool is full", .high = "nonce too high",
	 .fee = "fee too low", .gas = "block gas limit exceeded", .intrinsic = "intrinsic gas too low"},
	{.name = "besu", .percent = 10, .both = false, .gaps = true, .below_base = true, .code = -32000, .low_code = -32001, .poor_code = -32004,
	 .known = "Known transaction", .low = "Nonce too low", .underpriced = "Replacement transaction underpriced", .poor = "Upfront cost exceeds account balance", .full = "Transaction pool full", .high = "Nonce too distant from current sender nonce",
	 .fee = "Gas price below current base fee", .gas = "Transaction gas limit exceeds block gas limit", .intrinsic = "Intrinsic gas exceeds gas limit"},
	{.name = "reth", .percent = 10, .both = true, .slots = 16, .gaps = true, .below_base = true, .detail = true, .code = -32000, .poor_code = -32003, .low_code = -32003,
	 .known = "already known", .low = "nonce too low", .underpriced = "replacement transaction underpriced", .poor = "insufficient funds for gas * price + value", .full = "txpool is full", .high = "nonce too high",
	 .fee = "max fee per gas less than block base fee", .gas = "exceeds block gas limit", .intrinsic = "intrinsic gas too low"},
	{.name = "anvil", .percent = 0, .both = false, .gaps = true, .below_base = false, .code = -32003, .underpriced_code = -32003,
	 .known = "transaction already imported", .low = "nonce too low", .underpriced = "replacement transaction underpriced", .poor = "Insufficient funds for gas * price + value", .full = "transaction pool is full", .high = "nonce too high",
	 .fee = "max fee per gas less than block base fee", .gas = "intrinsic gas too high", .intrinsic = "intrinsic gas too low"},
	{.name = "hardhat", .percent = 10, .both = true, .gaps = true, .below_base = false, .code = -32000,
	 .known = "Known transaction", .low = "Nonce too low", .underpriced = "Replacement transaction underpriced", .poor = "sender doesn't have enough funds to send tx", .full = "Transaction pool is full", .high = "Nonce too high",
	 .fee = "Transaction maxFeePerGas is too low for the next block", .gas = "Transaction gas limit exceeds block gas limit", .intrinsic = "Transaction requires more gas"},
	{.name = "bor", .percent = 10, .both = true, .gaps = true, .below_base = true, .detail = true, .code = -32000,
	 .known = "already known", .low = "nonce too low", .underpriced = "replacement transaction underpriced", .poor = "insufficient funds for gas * price + value", .full = "txpool is full", .high = "nonce too high",
	 .fee = "transaction underpriced", .gas = "exceeds block gas limit", .intrinsic = "intrinsic gas too low"},
	{.name = "parity", .percent = 12, .both = false, .gaps = true, .below_base = true, .code = -32010,
	 .known = "Transaction with the same hash was already imported.", .low = "Transaction nonce is too low. Try incrementing the nonce.", .underpriced = "Transaction gas price is too low. There is another transaction with same nonce in the queue. Try increasing the gas price or incrementing the nonce.", .poor = "Insufficient funds. The account you tried to send transaction from does not have enough funds.", .full = "There are too many transactions in the queue. Your transaction was dropped due to limit. Try increasing the fee.", .high = "nonce too high",
	 .fee = "FeeTooLow, MaxFeePerGas too low", .gas = "Transaction cost exceeds current gas limit.", .intrinsic = "Transaction gas is too low."},
};
/* clang-format on */
enum { RULES = sizeof all_rules / sizeof *all_rules };

const struct pool_rules *pool_rules(const char *name)
{
	for (size_t i = 0; i < RULES; i++)
		if (text_is(all_rules[i].name, name))
			return &all_rules[i];
	return NULL;
}

const char *pool_rules_names(void)
{
	return "geth nethermind erigon besu reth anvil hardhat bor parity";
}

struct txn *pool_get(const struct pool *p, const uint8_t hash[32])
{
	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->list[i].txn->hash, hash, 32) == 0)
			return p->list[i].txn;
	return NULL;
}

static struct waiting *same_slot(struct pool *p, const struct txn *t)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].txn->tx.nonce == t->tx.nonce && memcmp(p->list[i].txn->from, t->from, 20) == 0)
			return &p->list[i];
	return NULL;
}

static size_t of_account(const struct pool *p, const uint8_t from[20])
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += memcmp(p->list[i].txn->from, from, 20) == 0;
	return n;
}

uint64_t pool_next_nonce(const struct world *w, const struct block *at, const uint8_t from[20])
{
	struct txn want = {.tx.nonce = chain_account(&w->chain, at, from).nonce};
	memcpy(want.from, from, 20);
	while (same_slot((struct pool *)(uintptr_t)&w->pool, &want))
		want.tx.nonce++;
	return want.tx.nonce;
}

static bool refuse(struct pool_refusal *r, const struct pool_rules *rules, int code, const char *text)
{
	r->code = code ? code : rules->code;
	snprintf(r->text, sizeof r->text, "%s", text);
	return false;
}

static bool pays_more(const struct pool_rules *rules, struct u256 was, struct u256 now)
{
	struct u256 least;
	if (rules->percent == 0)
		return u256_lt(was, now);
	return u256_ratio_up(&least, was, 100 + rules->percent, 100) && u256_cmp(now, least) >= 0;
}

static struct u256 tip_of(const struct tx *t)
{
	return t->type == TX_FEE_MARKET ? t->tip : t->fee;
}

static bool may_replace(const struct pool_rules *rules, const struct tx *was, const struct tx *now)
{
	return pays_more(rules, was->fee, now->fee) &&
		   (!rules->both || pays_more(rules, tip_of(was), tip_of(now)));
}

static bool can_pay(struct world *w, const struct block *at, const struct txn *t)
{
	struct u256 cost;
	return u256_mul(&cost, t->tx.fee, u256_of(t->tx.gas)) && u256_add(&cost, cost, t->tx.value) &&
		   u256_cmp(cost, chain_balance(&w->chain, at, t->from)) <= 0;
}

/* What any client checks of one transaction by itself. */
static bool check_alone(struct world *w, const struct block *at, const struct txn *t, struct pool_refusal *r)
{
	const struct pool_rules *rules = w->pool.rules;
	struct account a = chain_account(&w->chain, at, t->from);
	char text[200];
	if (t->tx.chain_id && t->tx.chain_id != w->chain.id) {
		snprintf(text, sizeof text, "invalid sender: invalid chain id for signer: have %llu want %llu",
			(unsigned long long)t->tx.chain_id, (unsigned long long)w->chain.id);
		return refuse(r, rules, 0, text);
	}
	if (t->tx.nonce < a.nonce) {
		snprintf(text, sizeof text, "%s: next nonce %llu, tx nonce %llu", rules->low,
			(unsigned long long)a.nonce, (unsigned long long)t->tx.nonce);
		return refuse(r, rules, rules->low_code, rules->detail ? text : rules->low);
	}
	if (t->tx.gas > w->chain.gas_limit)
		return refuse(r, rules, 0, rules->gas);
	if (t->tx.gas < exec_intrinsic_gas(t->tx.data, t->tx.create))
		return refuse(r, rules, 0, rules->intrinsic);
	if (t->tx.type == TX_FEE_MARKET && u256_lt(t->tx.fee, t->tx.tip))
		return refuse(r, rules, 0, "max priority fee per gas higher than max fee per gas");
	if (!rules->below_base && u256_lt(t->tx.fee, chain_next_fee(&w->chain, at)))
		return refuse(r, rules, 0, rules->fee);
	if (!can_pay(w, at, t))
		return refuse(r, rules, rules->poor_code, rules->poor);
	return true;
}

bool pool_add(struct world *w, const struct block *at, struct txn *t, struct pool_refusal *r)
{
	struct pool *p = &w->pool;
	const struct pool_rules *rules = p->rules;
	if (pool_get(p, t->hash))
		return refuse(r, rules, 0, rules->known);
	if (!check_alone(w, at, t, r))
		return false;
	struct waiting *old = same_slot(p, t);
	if (old && !may_replace(rules, &old->txn->tx, &t->tx))
		return refuse(r, rules, rules->underpriced_code, rules->underpriced);
	if (old) {
		*old = (struct waiting){t, p->arrivals++};
		return true;
	}
	if (!rules->gaps && t->tx.nonce > pool_next_nonce(w, at, t->from))
		return refuse(r, rules, 0, rules->high);
	if ((rules->slots && of_account(p, t->from) >= rules->slots) || (p->most && p->n >= p->most))
		return refuse(r, rules, 0, rules->full);
	p->list = mem_grow(p->list, p->n + 1, sizeof *p->list);
	p->list[p->n++] = (struct waiting){t, p->arrivals++};
	return true;
}

void pool_drop(struct pool *p, const struct txn *t)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].txn == t) {
			memmove(p->list + i, p->list + i + 1, (p->n - i - 1) * sizeof *p->list);
			p->n--;
			return;
		}
}

void pool_drop_mined(struct world *w, const struct block *head)
{
	struct pool *p = &w->pool;
	size_t kept = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct txn *t = p->list[i].txn;
		if (t->tx.nonce >= chain_account(&w->chain, head, t->from).nonce)
			p->list[kept++] = p->list[i];
	}
	p->n = kept;
}

static bool tip_at(const struct tx *t, struct u256 base, struct u256 *tip)
{
	if (!u256_sub(tip, t->fee, base))
		return false;
	if (t->type == TX_FEE_MARKET)
		*tip = u256_min(*tip, t->tip);
	return true;
}

/* The account's next nonce: behind the chain's and behind what the block has taken already. */
static uint64_t nonce_in(
	const struct world *w, const struct block *parent, const struct mined *out, size_t n, const uint8_t *from)
{
	for (size_t i = n; i > 0; i--)
		if (memcmp(out[i - 1].txn->from, from, 20) == 0)
			return out[i - 1].txn->tx.nonce + 1;
	return chain_account(&w->chain, parent, from).nonce;
}

size_t pool_pick(
	struct world *w, const struct block *parent, struct u256 base_fee, struct mined *out, size_t room)
{
	size_t n = 0;
	uint64_t gas = 0;
	for (;;) {
		const struct waiting *best = NULL;
		struct u256 best_tip = u256_of(0), tip;
		for (size_t i = 0; i < w->pool.n; i++) {
			const struct waiting *x = &w->pool.list[i];
			if (!tip_at(&x->txn->tx, base_fee, &tip) || gas + x->txn->tx.gas > w->chain.gas_limit ||
				x->txn->tx.nonce != nonce_in(w, parent, out, n, x->txn->from))
				continue;
			int c = best ? u256_cmp(tip, best_tip) : 1;
			if (c > 0 || (c == 0 && x->order < best->order)) {
				best = x;
				best_tip = tip;
			}
		}
		if (!best || n == room)
			return n;
		gas += best->txn->tx.gas;
		out[n++] = (struct mined){.txn = best->txn};
	}
}
