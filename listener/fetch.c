/* The endpoints' side of a reader: what is asked, and what of the answer counts (R1, R2, R5). */
#include "listener/fetch_in.h"

#include "common/io/log.h"

#include <stdio.h>

enum { NOBODY_MS = 200 };

/* ── one question ── */

static void give_back(struct reader *r)
{
	r->place = false;
	timer_stop(&r->patience);
}

void fetch_drop(struct reader *r)
{
	if (r->asking) {
		rpc_cancel(r->asking);
		r->asking = NULL;
		r->in_flight = false;
	}
	if (r->place)
		provider_dropped(r->p);
	give_back(r);
	prove_drop(r);
}

static uint64_t pace(void *arg, uint32_t calls)
{
	struct reader *r = arg;
	return learner_book(provider_learner(r->p), loop_now_ms(r->m->loop), calls);
}

static struct rpc_request *open_at(struct reader *r, struct provider *p, uint32_t wanted)
{
	uint32_t calls = (uint32_t)learner_calls(provider_learner(p), wanted);
	int64_t wait = provider_may_send(p, calls, true);
	r->p = p;
	if (wait != 0) {
		reader_wait(r, p, wait > 0 ? (uint64_t)wait : NOBODY_MS);
		return NULL;
	}
	r->place = true;
	r->charged = calls;
	struct rpc *near = r->phase == READER_LIVE ? provider_near(p) : NULL;
	struct rpc_request *q = rpc_request(near ? near : provider_rpc(p));
	r->near = near != NULL;
	r->paced = calls < wanted;
	if (r->paced) {
		rpc_pieces(q, (int)calls);
		rpc_paced(q, pace, r);
	}
	return q;
}

struct rpc_request *fetch_open_at(struct reader *r, struct provider *p, int64_t shown, uint32_t calls)
{
	if (provider_wait_ms(p, calls) > 0) {
		struct provider_need need = {.shown = shown, .lowest = shown, .calls = calls, .urgent = true};
		struct provider *best = providers_pick(r->providers, &need);
		p = best ? best : p;
	}
	return open_at(r, p, calls);
}

struct rpc_request *fetch_open(struct reader *r, int64_t shown, uint32_t calls, const struct provider *other)
{
	struct provider_need need = {
		.shown = shown, .lowest = shown, .other = other, .calls = calls, .urgent = true};
	struct provider *p = providers_pick(r->providers, &need);
	if (!p && other) {
		need.other = NULL;
		p = providers_pick(r->providers, &need);
	}
	if (p)
		return open_at(r, p, calls);
	if (!r->why[0])
		snprintf(r->why, sizeof r->why, "%s", providers_why(r->providers));
	reader_pause(r, NOBODY_MS);
	return NULL;
}

static void on_answer(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	r->asking = NULL;
	timer_stop(&r->patience);
	r->heard(r, q);
	if (r->place && !r->asking) { /* nobody had a verdict: it came too late to be wanted */
		provider_dropped(r->p);
		r->place = false;
	}
}

void fetch_near_failed(struct reader *r)
{
	provider_near_said(r->p, false);
	if (r->place)
		provider_dropped(r->p);
	r->place = false;
	log_info("provider.near",
		"A block is not told over the WebSocket that named it; the endpoint is asked as for anything else",
		F_STR("chain", r->chain->name), F_STR("endpoint", provider_name(r->p)));
}

static void on_patience(void *arg)
{
	struct reader *r = arg;
	struct provider_need need = {.shown = r->row.done, .lowest = -1, .other = r->p, .urgent = true};
	if (!r->asking)
		return;
	if (r->near) {
		rpc_cancel(r->asking);
		r->asking = NULL;
		fetch_near_failed(r);
		if (reader_back(r))
			reader_again(r);
		return;
	}
	if (!providers_pick(r->providers, &need)) {
		timer_start(r->m->loop, &r->patience, provider_patience_ms(r->p), on_patience, r);
		return;
	}
	struct refused refused = {.class = REFUSAL_TIMEOUT, .oldest = -1};
	struct learner_asked asked = {-1, -1, 1, 0, 0};
	struct err e = {0};
	err_put(&e, ERR_TRANSIENT, "%s does not answer; another endpoint is asked", provider_name(r->p));
	rpc_cancel(r->asking);
	r->asking = NULL;
	r->place = false;
	provider_failed(r->p, &refused, &asked, &e);
	log_debug("provider.slow", e.text, F_STR("chain", r->chain->name));
	if (reader_back(r))
		reader_again(r);
}

void fetch_send(struct reader *r, struct rpc_request *q, rpc_done_fn fn)
{
	uint32_t calls = (uint32_t)rpc_calls(q);
	uint64_t later = 0;
	if (r->paced && provider_learner(r->p)->rate > 0)
		later = (uint64_t)calls * 1000000 / provider_learner(r->p)->rate;
	else if (calls > r->charged)
		learner_spent(provider_learner(r->p), loop_now_ms(r->m->loop), calls - r->charged);
	r->too_often = false;
	r->heard = fn;
	r->asking = q;
	r->in_flight = true;
	rpc_send(q, on_answer, r);
	if (r->near || providers_count(r->providers) > 1)
		timer_start(r->m->loop, &r->patience, later + provider_patience_ms(r->p), on_patience, r);
}

/* Entries of the longest list that is asked for. */
static int64_t widest(const struct filter_plan *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct filter_request *q = &p->requests[i];
		n = q->naddresses > n ? q->naddresses : n;
		for (size_t k = 0; k < 4; k++)
			n = q->topics[k].n > n ? q->topics[k].n : n;
	}
	return (int64_t)n;
}

enum learner_next fetch_refuse(struct reader *r, const struct rpc_reply *q, int i, const char *what,
	int64_t from, int64_t to, struct err *e)
{
	struct refused refused;
	*e = q->err;
	provider_refusal(&refused, q, i, from, to);
	if (q->ok)
		err_put(e, ERR_TRANSIENT, "%s: %.*s (%d)", what,
			(int)(q->answers[i].message.n < 200 ? q->answers[i].message.n : 200), q->answers[i].message.p,
			q->answers[i].code);
	struct learner_asked asked = {from, to, q->calls, from >= 0 ? widest(&r->ask) : 0, 0};
	if (!r->place)
		provider_take(r->p, 0);
	r->place = false;
	enum learner_next next = provider_failed(r->p, &refused, &asked, e);
	if (refused.class == REFUSAL_FILTER)
		reader_plan(r);
	r->too_often = refused.class == REFUSAL_RATE;
	return next;
}

bool fetch_ok(struct reader *r, const struct rpc_reply *q, int i, const char *what, int64_t from, int64_t to)
{
	struct err e;
	if (q->ok && q->answers[i].ok)
		return true;
	fetch_refuse(r, q, i, what, from, to, &e);
	reader_provider_error(r, &e);
	return false;
}

bool fetch_too_often(struct reader *r, const struct rpc_reply *q, const char *what)
{
	for (int i = 0; q->ok && i < q->calls; i++) {
		struct refused refused;
		if (q->answers[i].ok)
			continue;
		provider_refusal(&refused, q, i, -1, -1);
		if (refused.class == REFUSAL_RATE)
			return !fetch_ok(r, q, i, what, -1, -1);
	}
	return false;
}

void fetch_part(struct reader *r, const struct rpc_reply *q)
{
	if (r->place)
		provider_answered(r->p, q->bytes, q->took_us);
	r->place = false;
}

void fetch_good(struct reader *r, const struct rpc_reply *q)
{
	fetch_part(r, q);
	if (r->failures > 0)
		log_info("provider.ok", "The provider answers again", F_STR("chain", r->chain->name),
			F_UINT("failures", r->failures));
	r->failures = 0;
	if (!r->rpc_ok) {
		r->rpc_ok = true;
		store_state(r);
	}
}

void fetch_lie(struct reader *r, const struct rpc_reply *q, const char *what, struct err *e)
{
	err_prefix_put(e, "%s", what);
	if (r->place)
		provider_answered(r->p, q->bytes, q->took_us);
	r->place = false;
	provider_lied(r->p, e->text);
	prove_lied(&r->prove.lies, &r->prove.chain.trust, r->providers, r->p, r->step.from);
	reader_provider_error(r, e);
}

void fetch_unsure(
	struct reader *r, const struct rpc_reply *q, const char *why, void (*again)(struct reader *r))
{
	fetch_good(r, q);
	if (reader_asks_again(r))
		again(r);
	else
		reader_retry(r, why);
}
