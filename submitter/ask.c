#include "submitter/ask.h"

#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/io/log.h"
#include "submitter/bundle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void feed_block(const struct sender *s, char out[100])
{
	char hash[67];
	hex_to_0x(hash, s->head.hash, 32);
	if (s->by_number)
		snprintf(out, 100, "\"0x%" PRIx64 "\"", s->head.number);
	else
		snprintf(out, 100, "{\"blockHash\":\"%s\"}", hash);
}

/* ── requests ── */

struct ask { /* one HTTP request */
	struct group *g;
	struct rpc_request *r;
	struct asked *list; /* heap: questions, those of one call neighbours */
	size_t n, cap;
	struct share {
		size_t from, n;
		enum share_kind { SHARE_ONE, SHARE_VIEWS, SHARE_TRIES } kind;
	} calls[CALLS_MAX];
	size_t ncalls;
};

enum { TRIES_BASE_GAS = 30000 }; /* of a call that tries nothing */

static void on_answers(void *arg, const struct rpc_reply *r);

static void send_request(struct asker *k)
{
	if (!k->a)
		return;
	k->g->in_flight++;
	k->g->calls += k->a->ncalls;
	rpc_send(k->a->r, on_answers, k->a);
	k->a = NULL;
}

/* Room for one more call with n questions. */
static struct ask *room(struct asker *k, size_t n)
{
	if (k->a && k->a->ncalls == CALLS_MAX)
		send_request(k);
	if (!k->a) {
		k->a = mem_alloc(sizeof *k->a);
		k->a->g = k->g;
		k->a->r = rpc_request(k->g->s->rpc);
	}
	struct ask *a = k->a;
	if (a->n + n > a->cap) {
		a->cap = 2 * (a->n + n);
		a->list = mem_grow(a->list, a->cap, sizeof *a->list);
	}
	a->calls[a->ncalls++] = (struct share){a->n, n, SHARE_ONE};
	return a;
}

/* S5: the block is named, and there are no fee fields. */
static void put_single(struct asker *k, const struct asked *one)
{
	const struct question *q = &one->q;
	struct ask *a = room(k, 1);
	char hex[43], more[40] = "";
	a->list[a->n++] = *one;
	hex_to_0x(hex, q->to, 20);
	if (q->gas)
		snprintf(more, sizeof more, ",\"gas\":\"0x%" PRIx64 "\"", q->gas);
	rpc_call(a->r, q->kind == QUESTION_ESTIMATE ? "eth_estimateGas" : "eth_call",
		"[{\"from\":\"%s\",\"to\":\"%s\",\"data\":\"%.*s\"%s},%s]", k->g->s->address, hex, (int)q->data.n,
		q->data.p, more, k->g->block);
}

/* A call of our own account, up to its data; 0: as much gas as the node gives. */
static struct buf *call_self(const struct asker *k, struct ask *a, uint64_t gas)
{
	const char *self = k->g->s->address;
	struct buf *params = rpc_params(a->r, "eth_call");
	buf_printf(params, "[{\"from\":\"%s\",\"to\":\"%s\"", self, self);
	if (gas)
		buf_printf(params, ",\"gas\":\"0x%" PRIx64 "\"", gas);
	buf_text(params, ",\"data\":\"0x");
	return params;
}

/* Behind its data: as if the account had that code. */
static void with_code(const struct asker *k, struct buf *params, const char *code)
{
	buf_printf(params, "\"},%s,{\"%s\":{\"code\":\"%s\"}}]", k->g->block, k->g->s->address, code);
}

/* Many views in one call: see bundle.h. */
static void put_bundle(struct asker *k)
{
	if (k->nviews == 0)
		return;
	struct ask *a = room(k, k->nviews);
	a->calls[a->ncalls - 1].kind = SHARE_VIEWS;
	struct buf *params = call_self(k, a, 0);
	for (size_t i = 0; i < k->nviews; i++) {
		bundle_add(params, k->views[i].q.to, k->views[i].q.data);
		a->list[a->n++] = k->views[i];
	}
	with_code(k, params, bundle_code);
	k->nviews = 0;
}

/* ── tries ── */

static const struct batch_decl *decl_of(const struct asker *k, const struct asked *one)
{
	return k->g->batches[one->q.batch].decl;
}

/* Out of k->tries and into list: what goes with the first of them, as far as the gas of one call reaches. The
 * first of list is the one that is asked by itself: the longest, so that none takes more for its bytes. */
static size_t take_tries(struct asker *k, struct asked *list, uint64_t *gas)
{
	const struct batch_decl *d = decl_of(k, &k->tries[0]);
	uint64_t most = k->g->s->head.gas_limit, sum = TRIES_BASE_GAS, cost;
	size_t n = 0, left = 0;
	most = most && most < PRICE_GAS_CAP ? most : PRICE_GAS_CAP;
	for (size_t i = 0; i < k->ntries; i++) {
		struct asked one = k->tries[i];
		cost = tries_cost(one.q.data, one.q.gas);
		if (decl_of(k, &one) != d || (n > 0 && sum + cost > most)) {
			k->tries[left++] = one;
			continue;
		}
		sum += cost;
		list[n++] = one;
		if (one.q.data.n > list[0].q.data.n) {
			list[n - 1] = list[0];
			list[0] = one;
		}
	}
	k->ntries = left;
	*gas = sum;
	return n;
}

/* One by itself, the others behind it in one call of the same request. */
static void put_some_tries(struct asker *k)
{
	struct asked list[BUNDLE_MAX];
	uint64_t gas;
	must(k->ntries > 0);
	list[0] = k->tries[0];
	size_t n = take_tries(k, list, &gas);
	if (k->a && k->a->ncalls + 2 > CALLS_MAX)
		send_request(k);
	put_single(k, &list[0]);
	if (n == 1)
		return;
	struct ask *a = room(k, n - 1);
	a->calls[a->ncalls - 1].kind = SHARE_TRIES;
	struct buf *params = call_self(k, a, gas);
	tries_begin(params);
	for (size_t i = 1; i < n; i++) {
		const struct question *q = &list[i].q;
		tries_add(params, q->to, q->data, tries_gas(q->data, q->gas));
		a->list[a->n++] = list[i];
	}
	with_code(k, params, tries_code);
}

static void put_tries(struct asker *k)
{
	while (k->ntries)
		put_some_tries(k);
}

/* A halving's probe is asked for its error, and a delegated account has code of its own (EIP-7702). */
static bool is_try(const struct asker *k, const struct asked *one)
{
	return one->q.kind == QUESTION_FITS && one->probe == PROBE_NONE && !k->g->s->no_tries &&
		   !k->g->s->room.delegated && tries_gas(one->q.data, one->q.gas) > 0;
}

void ask_put(struct asker *k, const struct question *q, size_t probe)
{
	struct asked one = {*q, probe};
	if (is_try(k, &one)) {
		k->tries[k->ntries++] = one;
		if (k->ntries == BUNDLE_MAX)
			put_tries(k);
	} else if (q->kind == QUESTION_SKIP && !k->g->s->no_bundle) {
		k->views[k->nviews++] = one;
		if (k->nviews == BUNDLE_MAX)
			put_bundle(k);
	} else {
		put_single(k, &one);
	}
}

void ask_flush(struct asker *k)
{
	put_bundle(k);
	put_tries(k);
	send_request(k);
}

/* ── answers ── */

/* An answer as the machines want it. The text of an error lives in the group. */
static struct reply reply_of(struct group *g, const struct rpc_answer *a, bool is_estimate)
{
	struct reply out = {.ok = a->ok};
	struct err e = {0};
	struct buf data = {0};
	if (a->ok && is_estimate)
		out.ok = quantity_u64(a->result, &out.gas, &e);
	else if (a->ok)
		out.ok = data_parse(&g->mem, a->result, &out.ret, &e);
	else if (rpc_is_revert(a, &data)) {
		out.reverted = true;
		out.ret = (struct bytes){arena_copy(&g->mem, data.n ? data.p : "", data.n), data.n};
	} else {
		out.too_big = answer_is_too_big(a->code, a->message);
	}
	if (!out.ok)
		out.error = a->ok ? arena_text(&g->mem, e.text) : arena_textn(&g->mem, a->message.p, a->message.n);
	buf_fini(&data);
	return out;
}

static bool is_block_form(const struct rpc_answer *a)
{
	struct buf data = {0};
	bool revert = rpc_is_revert(a, &data);
	buf_fini(&data);
	return !revert && answer_is_block_form(a->code, a->message);
}

/* The node can't name blocks by hash: from now on by number. A bundle's refusal may be about the bundle: it
 * says nothing. */
static bool is_about_block(const struct ask *a, const struct rpc_reply *r)
{
	struct group *g = a->g;
	bool yes = false;
	for (int i = 0; !g->by_number && !yes && i < r->calls; i++)
		yes = !r->answers[i].ok && a->calls[i].kind == SHARE_ONE && is_block_form(&r->answers[i]);
	if (yes && !g->s->by_number)
		log_info("rpc.by_number", "The node knows no block by hash in calls; asking by number",
			F_STR("endpoint", g->s->endpoint));
	g->s->by_number |= yes;
	g->again_now |= yes;
	return yes;
}

/* What a bundle could not answer is asked one by one; a node that can't bundle is asked so from then on. */
static void take_bundle(
	struct asker *again, const struct asked *list, size_t n, const struct rpc_answer *answer)
{
	struct group *g = again->g;
	struct bundled *views = arena_alloc(&g->mem, n * sizeof *views);
	struct bytes ret = {0};
	bool whole = answer->ok && data_parse(&g->mem, answer->result, &ret, NULL) && bundle_read(ret, views, n);
	if (!whole && !g->s->no_bundle) {
		g->s->no_bundle = true;
		log_info("rpc.no_bundle", "The node can't answer many views in one call; asking them one by one",
			F_STR("endpoint", g->s->endpoint));
	}
	for (size_t i = 0; i < n; i++) {
		struct reply reply = {.ok = true};
		if (!whole || !views[i].ok) {
			put_single(again, &list[i]);
			continue;
		}
		reply.ret = views[i].ret;
		group_told(g, &list[i], &reply);
	}
}

/* witness: the call of the same declaration that was asked by itself. Where that fails, no try counts. */
static void take_tries_told(struct asker *again, const struct asked *list, size_t n,
	const struct rpc_answer *witness, const struct rpc_answer *answer)
{
	struct group *g = again->g;
	bool passes[BUNDLE_MAX];
	struct bytes ret = {0};
	bool whole = answer->ok && data_parse(&g->mem, answer->result, &ret, NULL) && tries_read(ret, passes, n);
	if (!whole && !g->s->no_tries) {
		g->s->no_tries = true;
		log_info("rpc.no_tries", "The node can't try many batches in one call; asking them one by one",
			F_STR("endpoint", g->s->endpoint));
	}
	for (size_t i = 0; i < n; i++) {
		struct reply reply = {.ok = true};
		if (whole && witness->ok && passes[i])
			group_told(g, &list[i], &reply);
		else
			put_single(again, &list[i]);
	}
}

static void take_answers(struct ask *a, const struct rpc_reply *r)
{
	struct asker again = {.g = a->g};
	for (size_t i = 0; i < a->ncalls; i++) {
		const struct asked *first = &a->list[a->calls[i].from];
		if (a->calls[i].kind == SHARE_VIEWS) {
			take_bundle(&again, first, a->calls[i].n, &r->answers[i]);
			continue;
		}
		if (a->calls[i].kind == SHARE_TRIES) {
			take_tries_told(&again, first, a->calls[i].n, &r->answers[i - 1], &r->answers[i]);
			continue;
		}
		struct reply reply = reply_of(a->g, &r->answers[i], first->q.kind == QUESTION_ESTIMATE);
		group_told(a->g, first, &reply);
	}
	ask_flush(&again);
}

static void on_answers(void *arg, const struct rpc_reply *r)
{
	struct ask *a = arg;
	struct group *g = a->g;
	struct sender *s = g->s;
	bool ok = sender_heard(s, r);
	if (g->era == s->era && (!ok || is_about_block(a, r)))
		g->void_now = true;
	else if (g->era == s->era)
		take_answers(a, r);
	free(a->list);
	free(a);
	g->in_flight--;
	group_answered(g);
	sender_drive(s);
}
