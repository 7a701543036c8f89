#include "test/node/chain.h"
#include "common/evm/keccak.h"
#include "test/node/rng.h"

#include <stdlib.h>

static const uint64_t GWEI = 1000000000;

void chain_init(struct chain *c, struct arena *a, uint64_t seed, uint64_t id)
{
	*c = (struct chain){.arena = a,
		.seed = seed,
		.id = id,
		.first_time = 1700000000,
		.step = 12,
		.gas_limit = 30000000,
		.base_fee = u256_of(GWEI)};
}

static struct block *new_block(struct chain *c, struct block *parent, const struct mine_options *o)
{
	struct block *k = arena_alloc(c->arena, sizeof *k);
	k->parent = parent;
	k->number = parent ? parent->number + 1 : 0;
	k->time = o->time ? o->time : parent ? parent->time + c->step : c->first_time;
	k->gas_limit = c->gas_limit;
	k->legacy = c->legacy;
	k->index_per_tx = c->index_per_tx;
	k->base_fee = c->legacy ? u256_of(0) : o->has_base_fee ? o->base_fee : chain_next_fee(c, parent);
	k->salt = c->salts;
	k->active = parent ? parent->active : NULL;
	uint64_t rng = rng_mix(c->seed, k->number ^ k->salt << 40);
	rng_fill(&rng, k->state_root, 32);
	return k;
}

static void append(struct branch *b, struct block *k)
{
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 256;
		b->at = mem_grow(b->at, b->room, sizeof *b->at);
	}
	b->at[b->n++] = k;
}

void chain_begin(struct chain *c)
{
	struct branch *b = &c->branches[c->nbranches++];
	b->name = "main";
	struct block *k = new_block(c, NULL, &(struct mine_options){.time = 0});
	chain_seal(k);
	index_put(&c->blocks, c->arena, k->hash, k, 0);
	append(b, k);
}

struct branch *chain_branch(struct chain *c, const char *name)
{
	for (size_t i = 0; i < c->nbranches; i++)
		if (text_is(c->branches[i].name, name ? name : "main"))
			return &c->branches[i];
	return NULL;
}

struct branch *chain_fork(struct chain *c, const struct branch *from, const char *name, uint64_t head)
{
	struct branch *b = chain_branch(c, name);
	if (b == from || (!b && c->nbranches == BRANCHES_MOST))
		return NULL;
	if (!b) {
		b = &c->branches[c->nbranches++];
		*b = (struct branch){.name = arena_text(c->arena, name)};
	}
	b->n = 0;
	for (uint64_t i = 0; i <= head && i < from->n; i++)
		append(b, from->at[i]);
	c->salts++;
	return b;
}

/* EIP-1559: the fee moves by an eighth at most, towards half-full blocks. */
struct u256 chain_next_fee(const struct chain *c, const struct block *parent)
{
	if (!parent || !c->dynamic_fee)
		return c->base_fee;
	uint64_t target = parent->gas_limit / 2, used = parent->gas_used;
	uint64_t off = used > target ? used - target : target - used;
	struct u256 delta, fee = parent->base_fee;
	must(u256_mul(&delta, fee, u256_of(off)));
	delta = u256_div64(u256_div64(delta, target, NULL), 8, NULL);
	if (used > target)
		must(u256_add(&fee, fee, u256_max(delta, u256_of(1))));
	else
		must(u256_sub(&fee, fee, delta));
	return fee;
}

static struct account *changed(struct chain *c, struct block *k, const uint8_t address[20])
{
	for (size_t i = 0; i < k->naccounts; i++)
		if (memcmp(k->accounts[i].address, address, 20) == 0)
			return &k->accounts[i];
	struct account now = chain_account(c, k, address);
	struct account *more = arena_alloc(c->arena, (k->naccounts + 1) * sizeof *more);
	if (k->naccounts)
		memcpy(more, k->accounts, k->naccounts * sizeof *more);
	k->accounts = more;
	k->active = k;
	more[k->naccounts] = now;
	return &more[k->naccounts++];
}

static void charge(struct chain *c, struct block *k, const struct mined *m)
{
	struct account *a = changed(c, k, m->txn->from);
	struct u256 cost;
	a->nonce = m->txn->tx.nonce + 1;
	if (!u256_mul(&cost, m->price, u256_of(m->gas_used)))
		return;
	if (m->ok)
		u256_add(&cost, cost, m->txn->tx.value);
	u256_add(&a->spent, a->spent, cost);
	if (m->ok && u256_cmp(m->txn->tx.value, u256_of(0)) > 0) {
		a = changed(c, k, m->txn->tx.to); /* moves the list: the sender's place is not used any more */
		u256_add(&a->got, a->got, m->txn->tx.value);
	}
}

static struct u256 price_of(const struct block *k, const struct tx *t)
{
	struct u256 p;
	if (t->type != TX_FEE_MARKET || !u256_add(&p, k->base_fee, t->tip))
		return t->fee;
	return u256_min(p, t->fee);
}

struct block *chain_mine(
	struct chain *c, struct branch *b, const struct mined *txs, size_t n, const struct mine_options *o)
{
	struct block *k = new_block(c, branch_head(b), o);
	c->mined++;
	k->ntxs = (uint32_t)n;
	k->txs = arena_alloc(c->arena, (n + 1) * sizeof *k->txs);
	for (size_t i = 0; i < n; i++) {
		struct mined *m = &k->txs[i];
		*m = txs[i];
		m->nlogs = 0;
		for (uint32_t r = 0; r < m->nruns; r++)
			m->nlogs += m->runs[r].count;
		if (m->gas_used == 0)
			m->gas_used = 21000 + 2000ull * m->nlogs;
		m->gas_before = k->gas_used;
		m->first_log = k->nlogs;
		m->price = price_of(k, &m->txn->tx);
		k->gas_used += m->gas_used;
		k->nlogs += m->nlogs;
		if (m->txn->is_signed)
			charge(c, k, m);
		for (size_t a = 0; a < m->nmoves; a++)
			changed(c, k, m->moves[a])->nonce++;
	}
	if (k->gas_limit < k->gas_used)
		k->gas_limit = k->gas_used;
	chain_seal(k);
	index_put(&c->blocks, c->arena, k->hash, k, 0);
	for (uint32_t i = 0; i < k->ntxs; i++)
		index_put(&c->txs, c->arena, k->txs[i].txn->hash, k, i);
	append(b, k);
	return k;
}

struct block *chain_block(const struct chain *c, const uint8_t hash[32])
{
	const struct index_entry *e = index_get(&c->blocks, hash, NULL);
	return e ? e->thing : NULL;
}

bool branch_has(const struct branch *b, const struct block *k)
{
	return k->number < b->n && b->at[k->number] == k;
}

struct mined *chain_find_tx(const struct chain *c, const struct branch *b, uint64_t head,
	const uint8_t hash[32], struct block **block)
{
	for (const struct index_entry *e = NULL; (e = index_get(&c->txs, hash, e));) {
		struct block *k = e->thing;
		if (k->number <= head && branch_has(b, k)) {
			*block = k;
			return &k->txs[e->place];
		}
	}
	return NULL;
}

static const struct account *find_given(const struct chain *c, const uint8_t address[20])
{
	for (size_t i = 0; i < c->ngiven; i++)
		if (memcmp(c->given[i].address, address, 20) == 0)
			return &c->given[i];
	return NULL;
}

struct account *chain_given(struct chain *c, const uint8_t address[20])
{
	const struct account *g = find_given(c, address);
	if (g)
		return &c->given[g - c->given];
	c->given = mem_grow(c->given, c->ngiven + 1, sizeof *c->given);
	struct account *a = &c->given[c->ngiven++];
	*a = (struct account){.nonce = 0};
	memcpy(a->address, address, 20);
	must(u256_mul(&a->spent, u256_of(10000 * GWEI), u256_of(GWEI))); /* 10,000 ether */
	return a;
}

struct bytes chain_code(const struct chain *c, const uint8_t address[20])
{
	const struct account *g = find_given(c, address);
	return g ? g->code : (struct bytes){NULL, 0};
}

struct account chain_account(const struct chain *c, const struct block *k, const uint8_t address[20])
{
	for (const struct block *a = k->active; a; a = a->parent ? a->parent->active : NULL)
		for (size_t i = 0; i < a->naccounts; i++)
			if (memcmp(a->accounts[i].address, address, 20) == 0)
				return a->accounts[i];
	const struct account *g = find_given(c, address);
	struct account none = {.nonce = g ? g->nonce : 0};
	memcpy(none.address, address, 20);
	return none;
}

struct u256 chain_balance(const struct chain *c, const struct block *k, const uint8_t address[20])
{
	const struct account *g = find_given(c, address);
	struct u256 left;
	if (g)
		left = g->spent;
	else
		must(u256_mul(&left, u256_of(10000 * GWEI), u256_of(GWEI)));
	struct account a = chain_account(c, k, address);
	return u256_add(&left, left, a.got) && u256_sub(&left, left, a.spent) ? left : u256_of(0);
}
