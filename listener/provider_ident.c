/* Which chain an endpoint serves, its heads, its rests and its returns. */
#include "listener/provider_in.h"

#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/io/json_pick.h"
#include "common/io/log.h"

#include <stdio.h>
#include <stdlib.h>

static void ask_genesis(struct provider *p, struct provider_ask *a);

/* ── heads ── */

static void on_head(void *arg, uint64_t number)
{
	struct provider *p = arg;
	(void)number;
	p->ps->ev.on_head(p->ps->ev.arg, p);
}

static void on_heard_log(void *arg, uint64_t number, const uint8_t block[32], struct str log)
{
	struct provider *p = arg;
	if (p->ps->ev.on_log)
		p->ps->ev.on_log(p->ps->ev.arg, p, number, block, log);
}

/* A learned or configured rate is there to read with: polls take a third of it at most, and wait with the
 * rest where it said to. */
static uint64_t poll_gap(void *arg)
{
	const struct provider *p = arg;
	uint64_t now = loop_now_ms(p->ps->loop), until = p->learner.pause_until_ms;
	uint64_t gap = p->learner.rate > 0 ? 3000000 / p->learner.rate : 0;
	return until > now && until - now > gap ? until - now : gap;
}

/* Polls and subscriptions are calls like others: they wait for the rate, and are how it is found out. */
static uint64_t book(void *arg)
{
	struct provider *p = arg;
	return learner_book(&p->learner, loop_now_ms(p->ps->loop), 1);
}

static bool on_refused(void *arg, const struct rpc_reply *q)
{
	struct provider *p = arg;
	struct refused r;
	struct learner_asked asked = {.from = -1, .to = -1, .calls = 1};
	provider_refusal(&r, q, 0, -1, -1);
	if (r.class != REFUSAL_RATE)
		return false;
	learner_refused(&p->learner, &r, &asked, loop_now_ms(p->ps->loop));
	provider_note(p, r.class, q->ok ? q->answers[0].message.p : q->err.text);
	return true;
}

static void on_heads_state(void *arg, const struct heads_state *s)
{
	struct provider *p = arg;
	(void)s;
	provider_tell(p->ps);
}

void provider_hear(struct provider *p, bool on)
{
	const struct chain_decl *c = p->ps->chain;
	if (!on || p->heads) {
		if (!on)
			heads_close(p->heads);
		else
			heads_poll_now(p->heads);
		p->heads = on ? p->heads : NULL;
		return;
	}
	struct heads_options o = {.rpc = p->rpc,
		.ws_url = p->decl->ws,
		.timeout_ms = c->timeout_ms,
		.logs = p->ps->logs,
		.poll_ms = c->poll_ms,
		.silent_ms = c->silent_ms,
		.reconnect_first_ms = c->reconnect.first_ms,
		.reconnect_max_ms = c->reconnect.max_ms,
		.reconnect_alarm = c->reconnect.nalarm ? c->reconnect.alarm[c->reconnect.nalarm - 1] : 0,
		.name = c->name};
	struct heads_events ev = {.on_head = on_head,
		.on_state = on_heads_state,
		.on_log = on_heard_log,
		.book = book,
		.on_refused = on_refused,
		.poll_gap = poll_gap,
		.arg = p};
	p->heads = heads_open(p->ps->loop, &o, &ev);
}

/* ── rest and return ── */

static void on_probe(void *arg)
{
	struct provider *p = arg;
	if (p->ps->begun && !p->ask)
		provider_ident(p);
}

static void probe_in(struct provider *p, uint64_t ms)
{
	timer_start(p->ps->loop, &p->timer, ms, on_probe, p);
}

void provider_rest(struct provider *p, const char *why)
{
	uint64_t ms = backoff_fail(&p->backoff);
	if (p->state == PROVIDER_EXCLUDED) {
		probe_in(p, ms);
		return;
	}
	uint64_t now = loop_now_ms(p->ps->loop);
	uint64_t pause = p->learner.pause_until_ms > now ? p->learner.pause_until_ms - now : 0;
	provider_enter(p, PROVIDER_RESTING, why);
	probe_in(p, ms > pause ? ms : pause);
}

void provider_exclude(struct provider *p, const char *why)
{
	provider_enter(p, PROVIDER_EXCLUDED, why);
	provider_hear(p, false);
	probe_in(p, backoff_fail(&p->backoff)); /* behind a balancer it may be another one a moment later */
}

static void take_in(struct provider *p, struct u256 network, const uint8_t *genesis)
{
	struct providers *ps = p->ps;
	bool news = !ps->id.has_network || (genesis && !ps->id.has_genesis);
	ps->id.has_network = true;
	ps->id.network = network;
	if (genesis) {
		ps->id.has_genesis = true;
		memcpy(ps->id.genesis, genesis, 32);
	}
	p->row = 0;
	p->shaky_until_ms = 0;
	backoff_ok(&p->backoff);
	provider_enter(p, PROVIDER_WELL, NULL);
	provider_hear(p, true);
	if (news)
		ps->ev.on_identified(ps->ev.arg, p, &ps->id);
}

/* ── the questions ── */

/* The answer came: whose it was, or NULL when nobody wants it. Frees the ask. */
static struct provider *back(struct provider_ask *a)
{
	struct provider *p = a->p;
	free(a);
	if (p)
		p->ask = NULL;
	return p;
}

static void failed(struct provider *p, const struct rpc_reply *q, const char *what, uint64_t sent_ms)
{
	struct refused r;
	struct err e = q->err;
	provider_refusal(&r, q, 0, -1, -1);
	struct learner_asked asked = {.from = -1, .to = -1, .calls = 1, .sent_ms = sent_ms};
	learner_refused(&p->learner, &r, &asked, loop_now_ms(p->ps->loop));
	if (q->ok)
		err_put(&e, ERR_TRANSIENT, "%s: %.*s (%d)", what,
			(int)(q->answers[0].message.n < 200 ? q->answers[0].message.n : 200), q->answers[0].message.p,
			q->answers[0].code);
	provider_note(p, r.class, e.text);
	provider_rest(p, p->error);
	provider_votes(p, NULL);
}

static bool same_genesis(const struct provider_identity *a, const struct provider_identity *b)
{
	return !a->has_genesis || !b->has_genesis || memcmp(a->genesis, b->genesis, 32) == 0;
}

void provider_judge(struct provider *p, const struct provider_identity *id)
{
	const struct provider_identity *says = &p->vote.id;
	char theirs[U256_DEC_MAX], ours[U256_DEC_MAX], why[600];
	if (u256_cmp(says->network, id->network) != 0) {
		u256_to_dec(theirs, says->network);
		u256_to_dec(ours, id->network);
		snprintf(why, sizeof why,
			"the node says that it is chain %s, most endpoints of chain %s say %s; give the right rpc: or "
			"id:",
			theirs, p->ps->chain->name, ours);
		provider_exclude(p, why);
		return;
	}
	if (!same_genesis(says, id)) {
		hex_to_0x(theirs, says->genesis, 4);
		hex_to_0x(ours, id->genesis, 4);
		snprintf(why, sizeof why,
			"its block 0 is %s…, that of the chain stored here is %s…: it is another chain with the same id; "
			"give the right rpc:",
			theirs, ours);
		provider_exclude(p, why);
		return;
	}
	take_in(p, says->network, says->has_genesis ? says->genesis : NULL);
}

static void on_genesis(void *arg, const struct rpc_reply *q)
{
	static const char *const paths[] = {"hash"};
	struct provider_ask *a = arg;
	struct provider_identity says = {.has_network = true, .network = a->network};
	uint64_t sent_ms = a->sent_ms;
	struct provider *p = back(a);
	struct str hash = {0};
	struct refused r;
	if (!p)
		return;
	provider_refusal(&r, q, 0, -1, -1);
	if (!q->ok || (!q->answers[0].ok && r.class == REFUSAL_RATE)) {
		failed(p, q, "eth_getBlockByNumber", sent_ms);
		return;
	}
	provider_took(p, q->took_us);
	says.has_genesis = q->answers[0].ok && json_pick(&hash, paths, 1, q->answers[0].result) && hash.n > 2 &&
					   hex_from(says.genesis, 32, (struct str){hash.p + 1, hash.n - 2});
	if (!says.has_genesis) /* a node without old blocks: the chain id has to do */
		log_debug("provider.genesis", "The endpoint does not say which its block 0 is",
			F_STR("chain", p->ps->chain->name), F_STR("endpoint", p->name));
	provider_votes(p, &says);
}

static bool right_chain(struct provider *p, struct u256 id, char *why, size_t size)
{
	char says[U256_DEC_MAX], ours[U256_DEC_MAX];
	const struct chain_decl *c = p->ps->chain;
	u256_to_dec(says, id);
	u256_to_dec(ours, p->ps->id.network);
	if (c->has_id && u256_cmp(id, u256_of(c->id)) != 0)
		snprintf(why, size,
			"the node says that it is chain %s, the file says chain %s is %llu; give the right rpc: or id:",
			says, c->name, (unsigned long long)c->id);
	else if (p->ps->id.has_network && u256_cmp(id, p->ps->id.network) != 0)
		snprintf(why, size,
			"the node says that it is chain %s, but what is stored for chain %s came from chain %s; give the "
			"right "
			"rpc: or id:",
			says, c->name, ours);
	else
		return true;
	return false;
}

static void on_chain_id(void *arg, const struct rpc_reply *q)
{
	struct provider_ask *a = arg;
	uint64_t sent_ms = a->sent_ms;
	struct provider *p = back(a);
	struct u256 id;
	struct err e = {0};
	char why[320];
	if (!p)
		return;
	if (!q->ok || !q->answers[0].ok) {
		failed(p, q, "eth_chainId", sent_ms);
		return;
	}
	provider_took(p, q->took_us);
	if (!quantity_parse(q->answers[0].result, &id, &e)) {
		err_prefix_put(&e, "eth_chainId");
		provider_note(p, REFUSAL_OTHER, e.text);
		provider_rest(p, p->error);
	} else if (!right_chain(p, id, why, sizeof why)) {
		provider_exclude(p, why);
	} else {
		a = mem_alloc(sizeof *a);
		a->network = id;
		ask_genesis(p, a);
	}
}

static void ask(struct provider *p, struct provider_ask *a, struct rpc_request *q, rpc_done_fn fn)
{
	uint64_t now = loop_now_ms(p->ps->loop);
	uint64_t wait = learner_book(&p->learner, now, 1);
	a->p = p;
	a->sent_ms = now + wait;
	p->ask = a;
	p->requests++;
	rpc_after(q, wait);
	rpc_send(q, fn, a);
}

static void ask_genesis(struct provider *p, struct provider_ask *a)
{
	struct rpc_request *q = rpc_request(p->rpc);
	rpc_call(q, "eth_getBlockByNumber", "[\"0x0\",false]");
	ask(p, a, q, on_genesis);
}

/* One call a request: not every endpoint takes batches. */
void provider_ident(struct provider *p)
{
	struct rpc_request *q = rpc_request(p->rpc);
	rpc_call(q, "eth_chainId", "[]");
	ask(p, mem_alloc(sizeof *p->ask), q, on_chain_id);
}
