#include "test/node/control.h"
#include "test/node/rng.h"

#include <stdlib.h>

/* Commands that grow, cut and turn the chain: shape mine reorg shorten fork chain contract account pool evict
 * interval. */

/* ── what a block is to hold ───────────────────────────────────────────────────────────────────────────── */

/* One kind of logs in the blocks that are mined. */
struct crop {
	struct shape *shape;
	uint64_t least, most; /* logs a block */
	uint64_t every, per_tx;
	enum { CROP_STEADY, CROP_BURSTY, CROP_SPIKES } profile;
	double chance;
};
enum { CROPS_MOST = 32 };
struct harvest {
	struct crop crops[CROPS_MOST];
	size_t ncrops;
	const cJSON *txs; /* transactions with their own logs, in each block */
};
/* The transactions of one block on their way. */
struct basket {
	struct mined *list;
	size_t n;
};

static struct shape *find_shape(struct world *w, const char *name)
{
	for (size_t i = w->nshapes; i > 0; i--)
		if (text_is(w->shapes[i - 1]->name, name))
			return w->shapes[i - 1];
	return NULL;
}

static struct shape *shape_of(struct world *w, const cJSON *o, struct err *e)
{
	const char *name = json_text(o, "shape");
	if (!name)
		return shape_read(&w->arena, o, e);
	struct shape *s = find_shape(w, name);
	if (!s)
		err_put(e, ERR_MALFORMED, "there is no shape %s", name);
	return s;
}

static bool read_crop(struct world *w, const cJSON *o, struct crop *c, struct err *e)
{
	const cJSON *count = json_get(o, "count");
	const char *profile = json_text(o, "profile");
	if (!control_known(o, "shape name address event args topics data count every per_tx profile chance", e))
		return false;
	c->shape = shape_of(w, o, e);
	if (!c->shape)
		return false;
	bool span = cJSON_IsArray(count);
	c->least = json_u64(span ? cJSON_GetArrayItem(count, 0) : count, 1);
	c->most = span ? json_u64(cJSON_GetArrayItem(count, 1), c->least) : c->least;
	c->every = json_get_u64(o, "every", 1);
	c->per_tx = json_get_u64(o, "per_tx", 4);
	c->chance = json_get_double(o, "chance", 1);
	c->profile = text_is(profile, "bursty")   ? CROP_BURSTY
				 : text_is(profile, "spikes") ? CROP_SPIKES
											  : CROP_STEADY;
	if (c->every == 0 || c->per_tx == 0 || c->most < c->least)
		return err_set(e, ERR_MALFORMED, "logs: every and per_tx are above 0, count is n or [least, most]");
	return !profile || c->profile || text_is(profile, "steady") ||
		   err_set(e, ERR_MALFORMED, "profile: steady, bursty or spikes");
}

static bool read_harvest(struct world *w, const cJSON *o, struct harvest *h, struct err *e)
{
	const cJSON *logs = json_get(o, "logs"), *v;
	*h = (struct harvest){.txs = json_get(o, "txs")};
	for (v = cJSON_IsArray(logs) ? logs->child : logs; v; v = cJSON_IsArray(logs) ? v->next : NULL) {
		if (h->ncrops == CROPS_MOST)
			return err_set(e, ERR_MALFORMED, "logs: at most %d kinds at once", CROPS_MOST);
		if (!read_crop(w, v, &h->crops[h->ncrops++], e))
			return false;
	}
	return true;
}

static struct mined *basket_add(struct world *w, struct basket *b, struct txn *t, struct shape *s, uint32_t n)
{
	b->list = mem_grow(b->list, b->n + 1, sizeof *b->list);
	struct mined *m = &b->list[b->n++];
	*m = (struct mined){.txn = t, .ok = true};
	memcpy(&m->seed, t->hash, sizeof m->seed);
	m->seed ^= w->chain.mined;
	if (n > 0) {
		m->runs = arena_alloc(&w->arena, sizeof *m->runs);
		m->runs[0] = (struct run){s, s->made, n};
		m->nruns = 1;
		s->made += n;
	}
	return m;
}

static uint64_t next_seed(struct world *w)
{
	return rng_mix(w->chain.seed, ++w->serial);
}

static uint64_t amount(struct world *w, const struct crop *c, uint64_t nth)
{
	uint64_t rng = next_seed(w);
	uint64_t n = c->least + rng_below(&rng, c->most - c->least + 1);
	if (nth % c->every != c->every - 1 || (c->chance < 1 && rng_unit(&rng) >= c->chance))
		return 0;
	if (c->profile == CROP_BURSTY) /* one block of ten has ten times as much */
		return rng_below(&rng, 10) == 0 ? 10 * n : 0;
	if (c->profile == CROP_SPIKES) /* one of fifty has fifty times as much, the others theirs */
		return rng_below(&rng, 50) == 0 ? 50 * n : n;
	return n;
}

static void fill_crops(struct world *w, const struct harvest *h, uint64_t nth, struct basket *b)
{
	for (size_t i = 0; i < h->ncrops; i++) {
		const struct crop *c = &h->crops[i];
		for (uint64_t left = amount(w, c, nth); left > 0;) {
			uint32_t n = (uint32_t)(left < c->per_tx ? left : c->per_tx);
			basket_add(w, b, chain_make_tx(&w->chain, next_seed(w), c->shape->addresses[0]), c->shape, n);
			left -= n;
		}
	}
}

static bool read_auths(struct world *w, const cJSON *list, struct txn *t, struct err *e)
{
	struct authorization *a =
		arena_alloc(&w->arena, ((size_t)cJSON_GetArraySize(list) + 1) * sizeof(struct authorization));
	const cJSON *v;
	t->auths = a;
	cJSON_ArrayForEach(v, list)
	{
		if (!control_known(v, "chainId address nonce yParity r s", e))
			return false;
		if (!json_fixed(json_get(v, "address"), a->address, 20) || !json_u256(json_get(v, "r"), &a->r) ||
			!json_u256(json_get(v, "s"), &a->s) || !json_u256(json_get(v, "chainId"), &a->chain_id))
			return err_set(e, ERR_MALFORMED, "auths: chainId, address, nonce, yParity, r and s of each");
		a->nonce = json_get_u64(v, "nonce", 0);
		a->parity = json_get_u64(v, "yParity", 0);
		a++;
		t->nauths++;
	}
	return true;
}

static bool read_moves(struct world *w, const cJSON *list, struct mined *m, struct err *e)
{
	uint8_t(*to)[20] = arena_alloc(&w->arena, ((size_t)cJSON_GetArraySize(list) + 1) * 20);
	const cJSON *v;
	m->moves = (const uint8_t(*)[20])to;
	cJSON_ArrayForEach(v, list) if (!json_fixed(v, to[m->nmoves++], 20)) return err_set(
		e, ERR_MALFORMED, "moves: addresses");
	return true;
}

/* What a script says of who sent it; the rest is made up. */
static bool read_sender(struct world *w, const cJSON *o, struct txn *t, struct err *e)
{
	json_fixed(json_get(o, "from"), t->from, 20);
	t->tx.nonce = json_get_u64(o, "nonce", t->tx.nonce);
	uint64_t type = json_get_u64(o, "type", t->kind);
	if (type > TXN_SET_CODE && type != TXN_DEPOSIT)
		return err_set(e, ERR_MALFORMED, "type: 0, 1, 2, 3, 4 or 126");
	t->kind = (uint8_t)type;
	t->tx.type = type < TX_FEE_MARKET ? (enum tx_type)type : TX_FEE_MARKET;
	if (!read_auths(w, json_get(o, "auths"), t, e))
		return false;
	txn_hash(t);
	return true;
}

/* {"key": name, "to": …, "ok": false, "logs": […]}: the same key is the same transaction wherever it is
 * mined; other logs make it the same transaction with another content. */
static bool fill_tx(struct world *w, const cJSON *o, struct basket *b, struct err *e)
{
	const char *key = json_text(o, "key");
	const cJSON *logs = json_get(o, "logs"), *v;
	uint64_t seed = next_seed(w);
	uint8_t to[20] = {0};
	if (!control_known(o, "key to logs ok gas from nonce type auths moves", e))
		return false;
	for (const char *p = key; p && *p; p++)
		seed = rng_mix(p == key ? w->chain.seed : seed, (uint8_t)*p);
	json_fixed(json_get(o, "to"), to, 20);
	struct txn *t = chain_make_tx(&w->chain, seed, to);
	t->key = arena_text(&w->arena, key);
	if (!read_sender(w, o, t, e))
		return false;
	struct run *runs = arena_alloc(&w->arena, ((size_t)cJSON_GetArraySize(logs) + 1) * sizeof *runs);
	uint32_t n = 0;
	cJSON_ArrayForEach(v, logs)
	{
		struct crop c;
		if (!read_crop(w, v, &c, e))
			return false;
		runs[n++] = (struct run){c.shape, c.shape->made, (uint32_t)c.least};
		c.shape->made += c.least;
	}
	struct mined *m = basket_add(w, b, t, NULL, 0);
	m->runs = runs;
	m->nruns = n;
	m->ok = json_get_bool(o, "ok", true);
	m->gas_used = json_get_u64(o, "gas", 0);
	return read_moves(w, json_get(o, "moves"), m, e);
}

static bool fill(struct world *w, const struct harvest *h, uint64_t nth, struct basket *b, struct err *e)
{
	const cJSON *v;
	fill_crops(w, h, nth, b);
	cJSON_ArrayForEach(v, h->txs) if (!fill_tx(w, v, b, e)) return false;
	return true;
}

/* ── mine ──────────────────────────────────────────────────────────────────────────────────────────────── */

static struct mine_options mine_options(const cJSON *o)
{
	struct mine_options m = {.time = json_get_u64(o, "time", 0)};
	m.has_base_fee = json_u256(json_get(o, "base_fee"), &m.base_fee);
	return m;
}

/* n blocks of the harvest; given[i], when there, goes before what block i has of its own. */
static bool mine_blocks(struct world *w, struct branch *b, const cJSON *o, uint64_t n, struct basket *given,
	uint64_t ngiven, struct err *e)
{
	struct harvest h;
	bool pool = json_get_bool(o, "pool", true), ok = read_harvest(w, o, &h, e);
	struct mine_options m = mine_options(o);
	for (uint64_t i = 0; ok && i < n; i++) {
		struct basket own = {0};
		if (i < ngiven) {
			own = given[i];
			given[i] = (struct basket){0};
		}
		ok = fill(w, &h, i, &own, e);
		if (ok)
			world_mine(w, b, own.list, own.n, pool, &m);
		if (m.time)
			m.time += w->chain.step;
		free(own.list);
	}
	return ok;
}

static bool do_mine(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct branch *b = control_branch(w, o, e);
	if (!b || !control_known(o, "blocks logs txs pool time base_fee", e))
		return false;
	uint64_t n = cJSON_IsObject(o) ? json_get_u64(o, "blocks", 1) : json_u64(o, 1);
	if (!mine_blocks(w, b, o, n, NULL, 0, e))
		return false;
	control_put_head(out, b);
	world_moved(w);
	return true;
}

static bool do_shape(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)out;
	if (!control_known(o, "name address event args topics data", e))
		return false;
	struct shape *s = shape_read(&w->arena, o, e);
	if (!s || !s->name)
		return s ? err_set(e, ERR_MALFORMED, "a shape has a name") : false;
	w->shapes = mem_grow(w->shapes, w->nshapes + 1, sizeof(struct shape *));
	w->shapes[w->nshapes++] = s;
	return true;
}

/* ── reorg ─────────────────────────────────────────────────────────────────────────────────────────────── */

static void repool(struct world *w, struct mined *m)
{
	struct pool_refusal r;
	if (w->repool && m->txn->is_signed)
		pool_add(w, branch_head(&w->chain.branches[0]), m->txn, &r);
}

/* Made-up transactions of an old block as they come back: all as they were, shifted by a block, with other
 * logs, or none. */
static void keep(struct world *w, const struct block *k, const char *how, struct basket *b)
{
	for (uint32_t i = 0; i < k->ntxs; i++) {
		struct mined *m = &k->txs[i];
		if (m->txn->is_signed || text_is(how, "none"))
			continue;
		b->list = mem_grow(b->list, b->n + 1, sizeof *b->list);
		b->list[b->n] = *m;
		if (text_is(how, "other"))
			b->list[b->n].seed = next_seed(w);
		b->n++;
	}
}

static void turn_round(struct basket *b)
{
	for (size_t i = 0; i < b->n / 2; i++) {
		struct mined m = b->list[i];
		b->list[i] = b->list[b->n - 1 - i];
		b->list[b->n - 1 - i] = m;
	}
}

static void shorten(struct world *w, struct branch *b, uint64_t depth, struct block **old)
{
	for (uint64_t i = 0; i < depth; i++)
		old[i] = b->at[b->n - depth + i];
	b->n -= depth;
	w->chain.salts++;
	for (uint64_t i = 0; i < depth && b == &w->chain.branches[0]; i++)
		for (uint32_t t = 0; t < old[i]->ntxs; t++)
			repool(w, &old[i]->txs[t]);
}

static bool do_reorg(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct branch *b = control_branch(w, o, e);
	uint64_t depth = cJSON_IsObject(o) ? json_get_u64(o, "depth", 1) : json_u64(o, 1);
	uint64_t blocks = json_get_u64(o, "blocks", depth + 1);
	const char *how = json_text(o, "keep") ? json_text(o, "keep") : "none";
	if (!b || !control_known(o, "depth blocks keep logs txs pool time base_fee", e))
		return false;
	if (depth == 0 || depth >= b->n)
		return err_set(e, ERR_MALFORMED, "depth: 1 to %zu, genesis stays", b->n - 1);
	if (!strstr(" none all shift other ", how))
		return err_set(e, ERR_MALFORMED, "keep: none, all, shift or other");
	struct block **old = mem_alloc(depth * sizeof(struct block *));
	struct basket *given = mem_alloc((blocks + 1) * sizeof *given);
	shorten(w, b, depth, old);
	uint64_t by = text_is(how, "shift") ? 1 : 0;
	for (uint64_t i = 0; i < depth && i + by < blocks; i++) {
		keep(w, old[i], how, &given[i + by]);
		if (by)
			turn_round(&given[i + by]);
	}
	bool ok = mine_blocks(w, b, o, blocks, given, blocks, e);
	for (uint64_t i = 0; i < blocks; i++)
		free(given[i].list);
	free(given);
	free(old);
	control_put_head(out, b);
	world_moved(w);
	return ok;
}

static bool do_shorten(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct branch *b = control_branch(w, o, e);
	uint64_t n = cJSON_IsObject(o) ? json_get_u64(o, "blocks", 1) : json_u64(o, 1);
	if (!b || n == 0 || n >= b->n)
		return b ? err_set(e, ERR_MALFORMED, "blocks: 1 to %zu, genesis stays", b->n - 1) : false;
	struct block **old = mem_alloc(n * sizeof(struct block *));
	shorten(w, b, n, old);
	free(old);
	control_put_head(out, b);
	world_moved(w);
	return true;
}

static bool do_fork(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	const struct branch *from = control_branch(w, o, e);
	const char *name = json_text(o, "name");
	if (!from || !name || !control_known(o, "name at depth", e))
		return from && !name ? err_set(e, ERR_MALFORMED, "a fork has a name") : false;
	uint64_t head = from->n - 1, depth = json_get_u64(o, "depth", 0);
	uint64_t at = json_get_u64(o, "at", depth > head ? 0 : head - depth);
	const struct branch *b = chain_fork(&w->chain, from, name, at);
	if (!b)
		return err_set(
			e, ERR_MALFORMED, "%s can't be forked off: it is its own origin, or one too many", name);
	control_put_head(out, b);
	world_moved(w);
	return true;
}

/* ── settings of the chain ─────────────────────────────────────────────────────────────────────────────── */

static void on_clock(void *arg)
{
	struct world *w = arg;
	world_mine(w, &w->chain.branches[0], NULL, 0, true, &(struct mine_options){.time = 0});
	world_moved(w);
	timer_start(w->loop, &w->clock, w->clock_ms, on_clock, w);
}

static bool do_interval(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)out, (void)e;
	w->clock_ms = json_u64(o, 0);
	timer_stop(&w->clock);
	if (w->clock_ms)
		timer_start(w->loop, &w->clock, w->clock_ms, on_clock, w);
	return true;
}

static bool read_types(struct chain *c, const cJSON *list, struct err *e)
{
	const cJSON *v;
	c->ntypes = 0;
	cJSON_ArrayForEach(v, list)
	{
		uint64_t type = json_u64(v, UINT64_MAX);
		if (c->ntypes == sizeof c->types || (type > TXN_SET_CODE && type != TXN_DEPOSIT))
			return err_set(e, ERR_MALFORMED, "types: up to eight of 0, 1, 2, 3, 4 and 126");
		c->types[c->ntypes++] = (uint8_t)type;
	}
	return true;
}

static bool do_chain(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chain *c = &w->chain;
	const char *rules = json_text(o, "pool");
	struct u256 fee;
	(void)out;
	if (!control_known(
			o, "step gas_limit base_fee dynamic_fee legacy pool pool_size repool auto types index_per_tx", e))
		return false;
	if (rules && !pool_rules(rules))
		return err_set(e, ERR_MALFORMED, "pool: %s", pool_rules_names());
	c->step = json_get_u64(o, "step", c->step);
	c->gas_limit = json_get_u64(o, "gas_limit", c->gas_limit);
	c->dynamic_fee = json_get_bool(o, "dynamic_fee", c->dynamic_fee);
	c->index_per_tx = json_get_bool(o, "index_per_tx", c->index_per_tx);
	c->legacy = json_get_bool(o, "legacy", c->legacy);
	w->repool = json_get_bool(o, "repool", w->repool);
	w->auto_mine = json_get_bool(o, "auto", w->auto_mine);
	w->pool.most = json_get_u64(o, "pool_size", w->pool.most);
	if (json_u256(json_get(o, "base_fee"), &fee))
		c->base_fee = fee;
	if (json_get(o, "types") && !read_types(c, json_get(o, "types"), e))
		return false;
	if (rules)
		w->pool.rules = pool_rules(rules);
	return true;
}

static bool do_contract(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)out;
	return control_known(o,
			   "address function count poison once revert returns tx_fails gas gas_each logs effects", e) &&
		   exec_contract(w, o, e);
}

static bool do_account(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	uint8_t address[20];
	(void)out;
	if (!json_fixed(json_get(o, "address"), address, 20))
		return err_set(e, ERR_MALFORMED, "address is 0x and 40 hex digits");
	struct account *a = chain_given(&w->chain, address);
	a->nonce = json_get_u64(o, "nonce", a->nonce);
	json_u256(json_get(o, "balance"), &a->spent);
	if (json_text(o, "code") && !json_bytes(&w->arena, json_text(o, "code"), &a->code, e))
		return false;
	return control_known(o, "address nonce balance code", e);
}

const struct command chain_commands[] = {{"mine", do_mine}, {"shape", do_shape}, {"reorg", do_reorg},
	{"shorten", do_shorten}, {"fork", do_fork}, {"interval", do_interval}, {"chain", do_chain},
	{"contract", do_contract}, {"account", do_account}, {NULL, NULL}};
