#include "test/node/net.h"

#include <stdlib.h>

struct world *world_new(struct loop *l, uint64_t seed, uint64_t chain_id)
{
	struct world *w = mem_alloc(sizeof *w);
	w->loop = l;
	w->repool = true;
	w->pool.rules = pool_rules("geth");
	w->started_us = clock_mono_us();
	chain_init(&w->chain, &w->arena, seed, chain_id);
	return w;
}

struct endpoint *world_add_endpoint(struct world *w)
{
	if (w->nendpoints == ENDPOINTS_MOST)
		return NULL;
	struct endpoint *ep = &w->endpoints[w->nendpoints];
	*ep = (struct endpoint){.world = w,
		.number = w->nendpoints++,
		.branch = &w->chain.branches[0],
		.nlags = 1,
		.pinned = UINT64_MAX,
		.safe = 32,
		.final = 64,
		.beyond = SAY_CLAMP,
		.future = SAY_EMPTY,
		.unknown_hash = SAY_ERROR,
		.logs_missing = SAY_EMPTY,
		.client = "Geth/v1.16.0-stable/linux-amd64/go1.24",
		.time_in_logs = true,
		.removed = true};
	ep->push_rng = w->chain.seed ^ ep->number;
	ep->listener = mem_alloc(sizeof *ep->listener);
	ep->listener->world = w;
	ep->listener->ep = ep;
	ep->told = endpoint_view(ep).branch->at[0];
	return ep;
}

static uint64_t head_behind(const struct endpoint *ep, uint64_t lag)
{
	uint64_t head = ep->branch->n - 1;
	head = lag > head ? 0 : head - lag;
	return head < ep->pinned ? head : ep->pinned;
}

struct view endpoint_view(struct endpoint *ep)
{
	uint64_t lag = ep->lags[ep->turn++ % ep->nlags];
	return (struct view){ep, ep->branch, head_behind(ep, lag)};
}

void world_moved(struct world *w)
{
	for (size_t i = 0; i < w->nendpoints; i++) {
		struct endpoint *ep = &w->endpoints[i];
		const struct block *to = ep->branch->at[head_behind(ep, ep->lags[0])], *from = ep->told;
		ep->told = to;
		if (from != to)
			push_moved(ep, from, to);
	}
}

/* What a signed transaction does there. */
static void carry_out(struct world *w, const struct exec_at *at, struct mined *m)
{
	struct arena a = {0};
	struct effect out = {.ok = true};
	const struct tx *t = &m->txn->tx;
	if (t->create)
		out.gas = exec_intrinsic_gas(t->data, true);
	else
		exec_call(w, at, t->to, t->data, true, &a, &out);
	m->ok = out.ok && out.gas <= t->gas;
	m->gas_used = out.gas <= t->gas ? out.gas : t->gas;
	if (m->ok && out.contract && out.contract->nruns) {
		m->runs = arena_copy(&w->arena, out.contract->runs, out.contract->nruns * sizeof *m->runs);
		m->nruns = out.contract->nruns;
		for (uint32_t i = 0; i < m->nruns; i++) {
			m->runs[i].first = m->runs[i].shape->made;
			m->runs[i].shape->made += m->runs[i].count;
		}
	}
	memcpy(&m->seed, m->txn->hash, sizeof m->seed);
	arena_fini(&a);
}

struct block *world_mine(struct world *w, struct branch *b, const struct mined *txs, size_t n, bool pool,
	const struct mine_options *o)
{
	size_t room = n + (pool ? w->pool.n : 0);
	struct mined *all = mem_alloc((room + 1) * sizeof *all);
	struct u256 fee = o->has_base_fee ? o->base_fee : chain_next_fee(&w->chain, branch_head(b));
	if (n)
		memcpy(all, txs, n * sizeof *all);
	if (pool) {
		size_t picked = pool_pick(w, branch_head(b), fee, all + n, room - n);
		for (size_t i = 0; i < picked; i++)
			carry_out(w, &(struct exec_at){branch_head(b), all + n, i, false}, &all[n + i]);
		n += picked;
	}
	struct block *k = chain_mine(&w->chain, b, all, n, o);
	free(all);
	if (pool)
		pool_drop_mined(w, k);
	return k;
}

void world_free(struct world *w)
{
	for (size_t i = 0; i < w->nendpoints; i++)
		free(w->endpoints[i].listener);
	free(w->control);
	for (size_t i = 0; i < w->chain.nbranches; i++)
		free(w->chain.branches[i].at);
	free(w->chain.given);
	free(w->chain.blocks.buckets);
	free(w->chain.txs.buckets);
	free(w->pool.list);
	free(w->shapes);
	timer_free(&w->clock);
	record_forget(w);
	arena_fini(&w->arena);
	free(w);
}
