/* Endpoints of a chain: their states, and what became of each request. */
#include "listener/provider_in.h"

#include "common/base/mem.h"
#include "common/evm/keccak.h"
#include "common/io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PATIENCE_LEAST_MS = 300,
	PATIENCE_UNKNOWN_MS = 2000,
};

const char *provider_state_name(enum provider_state s)
{
	static const char *const names[] = {[PROVIDER_UNKNOWN] = "unknown",
		[PROVIDER_WELL] = "well",
		[PROVIDER_RESTING] = "resting",
		[PROVIDER_EXCLUDED] = "excluded"};
	return names[s];
}

static uint64_t time_now(const struct providers *ps)
{
	return loop_now_ms(ps->loop);
}

/* ── state ── */

static void on_later(void *arg)
{
	struct providers *ps = arg;
	ps->ev.on_state(ps->ev.arg);
}

void provider_tell(struct providers *ps)
{
	if (ps->begun && !timer_is_on(ps->later))
		timer_start(ps->loop, &ps->later, 0, on_later, ps);
}

static bool is_alarm(const struct retry_decl *d, uint32_t n)
{
	for (size_t i = 0; i < d->nalarm; i++)
		if (d->alarm[i] == n)
			return true;
	return false;
}

static void say(struct provider *p, enum provider_state before, enum provider_state s, const char *why)
{
	const char *chain = p->ps->chain->name;
	uint32_t tries = p->backoff.tries;
	if (s == PROVIDER_RESTING && (tries == 1 || is_alarm(&p->ps->chain->retry, tries)))
		log_odd("provider.error", "Provider error; asking again with growing gaps", F_STR("chain", chain),
			F_STR("endpoint", p->name), F_UINT("failures", tries), F_STR("reason", why));
	else if (s == PROVIDER_RESTING)
		log_debug("provider.error", "Provider error", F_STR("chain", chain), F_STR("endpoint", p->name),
			F_STR("reason", why));
	else if (s == PROVIDER_EXCLUDED && strcmp(p->excluded_for, why) != 0)
		log_odd("provider.excluded", "The endpoint serves another chain; it is not asked until that changes",
			F_STR("chain", chain), F_STR("endpoint", p->name), F_STR("reason", why));
	else if (s == PROVIDER_WELL && (before == PROVIDER_RESTING || before == PROVIDER_EXCLUDED))
		log_info(
			"provider.ok", "The provider answers again", F_STR("chain", chain), F_STR("endpoint", p->name));
}

void provider_enter(struct provider *p, enum provider_state s, const char *why)
{
	enum provider_state before = p->state;
	say(p, before, s, why);
	p->state = s;
	if (s == PROVIDER_EXCLUDED)
		snprintf(p->excluded_for, sizeof p->excluded_for, "%s", why);
	if (s != before) {
		p->ps->changed = true;
		provider_metrics(p);
		provider_tell(p->ps);
	}
}

void provider_note(struct provider *p, enum refusal class, const char *text)
{
	char labels[ENDPOINT_NAME + 160];
	p->failures++;
	if (text != p->error)
		snprintf(p->error, sizeof p->error, "%s", text ? text : refusal_name(class));
	if (!p->m_failed[class]) {
		snprintf(labels, sizeof labels, "chain=\"%s\",endpoint=\"%s\",class=\"%s\"", p->ps->chain->name,
			p->name, refusal_name(class));
		p->m_failed[class] = metric(METRIC_COUNTER, "fairlead_endpoint_failures_total",
			"Requests that an endpoint refused or failed, by what kind of no it was", labels);
	}
	metric_add(p->m_failed[class], 1);
}

/* RFC 6298, 2.3: a mean and a mean deviation. */
void provider_took(struct provider *p, uint64_t took_us)
{
	uint64_t off = took_us > p->latency_us ? took_us - p->latency_us : p->latency_us - took_us;
	if (p->latency_us == 0) {
		p->latency_us = took_us > 0 ? took_us : 1;
		p->jitter_us = took_us / 2;
		return;
	}
	p->jitter_us = (3 * p->jitter_us + off) / 4;
	p->latency_us = (7 * p->latency_us + took_us) / 8;
}

/* ── open, begin, end ── */

static bool reads(const struct endpoint_decl *d)
{
	return (d->roles & (ENDPOINT_READ | ENDPOINT_ARCHIVE)) != 0;
}

/* host:port; where the chain has several of it, with a fingerprint of the path, which may hold a key. A login
 * is not in it: a weak one could be guessed from it. */
static void name_it(struct provider *p, const struct chain_decl *c)
{
	struct endpoint mine = {0}, other;
	struct err e;
	bool alone = true;
	if (!endpoint_parse(&mine, p->decl->url, &e))
		snprintf(mine.name, sizeof mine.name, "endpoint %d", p->place);
	for (size_t i = 0; i < c->nrpc; i++)
		if (&c->rpc[i] != p->decl && endpoint_parse(&other, c->rpc[i].url, &e) &&
			strcmp(other.name, mine.name) == 0)
			alone = false;
	snprintf(p->host, sizeof p->host, "%s", mine.host);
	p->ws_here = p->decl->ws && endpoint_parse(&other, p->decl->ws, &e) && strcmp(other.host, mine.host) == 0;
	snprintf(p->name, sizeof p->name, "%s", mine.name);
	if (!alone) {
		uint8_t digest[32];
		char hex[9];
		keccak256(digest, (const uint8_t *)mine.path, strlen(mine.path));
		hex_to(hex, digest, 4);
		snprintf(p->name, sizeof p->name, "%s#%s", mine.name, hex);
	}
}

struct providers *providers_open(struct loop *l, const struct chain_decl *c, const struct provider_events *ev)
{
	struct providers *ps = mem_alloc(sizeof *ps);
	*ps = (struct providers){.loop = l, .chain = c, .ev = *ev};
	ps->all = mem_alloc(c->nrpc * sizeof *ps->all);
	for (size_t i = 0; i < c->nrpc; i++) {
		const struct endpoint_decl *d = &c->rpc[i];
		if (!reads(d))
			continue;
		struct provider *p = &ps->all[ps->n++];
		*p = (struct provider){.ps = ps, .decl = d, .place = (int)i + 1};
		name_it(p, c);
		p->rpc = rpc_open(l, d->url, c->timeout_ms);
		backoff_init(&p->backoff, c->retry.first_ms, c->retry.max_ms, (uint64_t)getpid() * 31 + i);
		learner_init(&p->learner, c->range > 0 ? (int64_t)c->range : 1, d->rps, NULL, time_now(ps));
		provider_metrics(p);
	}
	return ps;
}

void providers_begin(struct providers *ps, const struct provider_identity *stored, const char *logs)
{
	ps->id = *stored;
	if (ps->begun)
		return;
	free(ps->logs);
	ps->logs = mem_text(logs);
	ps->begun = true;
	for (size_t i = 0; i < ps->n; i++)
		provider_ident(&ps->all[i]);
}

void providers_end(struct providers *ps)
{
	ps->begun = false;
	timer_stop(&ps->later);
	timer_stop(&ps->elect);
	for (size_t i = 0; i < ps->n; i++) {
		struct provider *p = &ps->all[i];
		timer_stop(&p->timer);
		provider_hear(p, false);
		if (p->ask)
			p->ask->p = NULL;
		p->ask = NULL;
		p->state = PROVIDER_UNKNOWN;
		p->vote.asked = p->vote.given = false;
		p->row = 0;
		backoff_ok(&p->backoff);
	}
}

static void free_all(void *arg)
{
	struct providers *ps = arg;
	for (size_t i = 0; i < ps->n; i++)
		timer_free(&ps->all[i].timer);
	timer_free(&ps->later);
	timer_free(&ps->elect);
	free(ps->logs);
	free(ps->all);
	free(ps);
}

void providers_close(struct providers *ps)
{
	providers_end(ps);
	for (size_t i = 0; i < ps->n; i++)
		rpc_close(ps->all[i].rpc);
	loop_later(ps->loop, free_all, ps); /* behind the answers that rpc_close gives in the next turn */
}

/* ── one of them ── */

const char *provider_name(const struct provider *p)
{
	return p->name;
}

struct rpc *provider_rpc(struct provider *p)
{
	return p->rpc;
}

struct rpc *provider_near(const struct provider *p)
{
	bool off = !p->heads || !p->ws_here || time_now(p->ps) < p->near_off_until_ms;
	return off ? NULL : heads_line(p->heads);
}

void provider_near_said(struct provider *p, bool answer)
{
	uint64_t off = (uint64_t)PROVIDER_NEAR_OFF_MS << p->near_failures;
	p->near_off_until_ms = answer ? 0 : time_now(p->ps) + off;
	if (answer)
		p->near_failures = 0;
	else if (p->near_failures < PROVIDER_NEAR_DOUBLED)
		p->near_failures++;
}

const struct heads_state *provider_heads(const struct provider *p)
{
	static const struct heads_state none;
	return p->heads ? heads_state(p->heads) : &none;
}

uint64_t provider_silent_ms(const struct provider *p)
{
	return p->heads ? heads_silent_ms(p->heads) : 0;
}

enum provider_state provider_state(const struct provider *p)
{
	return p->state;
}

struct learner *provider_learner(struct provider *p)
{
	return &p->learner;
}

uint64_t provider_latency_us(const struct provider *p)
{
	return p->latency_us;
}

uint64_t provider_patience_ms(const struct provider *p)
{
	uint64_t most = p->ps->chain->timeout_ms / 2;
	uint64_t ms = (2 * p->latency_us + 4 * p->jitter_us) / 1000;
	if (p->latency_us == 0)
		ms = PATIENCE_UNKNOWN_MS;
	if (ms < PATIENCE_LEAST_MS)
		ms = PATIENCE_LEAST_MS;
	return ms < most || most == 0 ? ms : most;
}

static void take_place(struct provider *p)
{
	if (p->in_flight++ == 0)
		p->since_ms = time_now(p->ps);
	p->requests++;
}

int64_t provider_may_send(struct provider *p, uint32_t calls, bool urgent)
{
	if (!urgent && provider_is_full(p)) {
		p->was_full = true;
		return PROVIDER_FULL;
	}
	uint64_t now = time_now(p->ps);
	if (!urgent && now < p->urgent_until_ms)
		return (int64_t)(p->urgent_until_ms - now);
	uint64_t wait = learner_may_send(&p->learner, now, calls);
	if (urgent)
		p->urgent_until_ms = wait > 0 ? now + wait + PROVIDER_WAITS_MS : 0;
	if (wait > 0)
		return (int64_t)wait;
	take_place(p);
	return 0;
}

uint64_t provider_wait_ms(const struct provider *p, uint32_t calls)
{
	return learner_wait(&p->learner, time_now(p->ps), calls);
}

bool provider_is_paused(const struct provider *p)
{
	return time_now(p->ps) < p->learner.pause_until_ms;
}

void provider_take(struct provider *p, uint32_t calls)
{
	learner_spent(&p->learner, time_now(p->ps), calls);
	take_place(p);
}

static void give_place_back(struct provider *p)
{
	must(p->in_flight > 0);
	p->in_flight--;
	if (p->was_full && !provider_is_full(p)) {
		p->was_full = false;
		provider_tell(p->ps);
	}
}

void provider_answered(struct provider *p, uint64_t bytes, uint64_t took_us)
{
	(void)bytes;
	give_place_back(p);
	p->since_ms = time_now(p->ps);
	p->row = 0;
	p->shaky_until_ms = 0;
	provider_took(p, took_us);
	learner_calm(&p->learner, time_now(p->ps));
}

void provider_dropped(struct provider *p)
{
	if (provider_is_late(p))
		p->shaky_until_ms = time_now(p->ps) + PROVIDER_SHAKY_MS; /* given up because nothing came */
	give_place_back(p);
}

static void view(struct refusal_view *v, const struct rpc_reply *q, int i)
{
	*v = (struct refusal_view){
		.http_status = q->http_status, .retry_after_ms = q->retry_after_ms, .calls = q->calls};
	if (q->ok) {
		const struct rpc_answer *a = &q->answers[i];
		v->have_answer = !a->ok;
		v->code = a->code;
		v->message = a->message;
		v->data = a->data;
		for (int k = 0; k < q->calls; k++)
			if (q->answers[k].ok)
				v->calls = 1; /* others in the batch were answered: it is about this call, not about many */
		return;
	}
	v->body = q->body;
	v->class = q->err.class;
	v->timed_out = q->timed_out;
	v->too_big = q->too_big;
}

void provider_refusal(struct refused *out, const struct rpc_reply *q, int i, int64_t from, int64_t to)
{
	struct refusal_view v;
	view(&v, q, i);
	v.has_asked = from >= 0;
	v.from = from;
	v.to = to;
	refusal_class(out, &v);
}

/* How many failures of this kind in a row show that it does not work; 0: it works, it only said no. A range
 * that took too long may have been too much for it: that is tried smaller first. */
static uint32_t failures_to_rest(enum refusal class, enum learner_next next)
{
	if (class == REFUSAL_TIMEOUT)
		return next == LEARNER_SMALLER ? PROVIDER_ROW_SLOW : PROVIDER_ROW;
	return class == REFUSAL_OTHER ? PROVIDER_ROW : 0;
}

enum learner_next provider_failed(
	struct provider *p, const struct refused *r, const struct learner_asked *asked, const struct err *e)
{
	uint64_t now = time_now(p->ps);
	enum learner_next next = learner_refused(&p->learner, r, asked, now);
	uint32_t most = failures_to_rest(r->class, next);
	give_place_back(p);
	p->since_ms = now;
	provider_note(p, r->class, e ? e->text : NULL);
	if (most == 0) {
		if (r->class != REFUSAL_RATE)
			p->row = 0; /* it works */
		return next;
	}
	p->shaky_until_ms = now + PROVIDER_SHAKY_MS;
	if (++p->row >= most && p->state == PROVIDER_WELL && p->ps->begun)
		provider_rest(p, p->error);
	return next;
}

void provider_lied(struct provider *p, const char *what)
{
	uint64_t more = p->lies < 6 ? p->lies : 6;
	p->lies++;
	p->lied_until_ms = time_now(p->ps) + ((uint64_t)PROVIDER_LIED_MS << more);
	p->ps->changed = true;
	provider_note(p, REFUSAL_INCONSISTENT, what);
	metric_add(p->m_lies, 1);
	if ((p->lies & (p->lies - 1)) == 0) /* the 1st, 2nd, 4th, 8th … */
		log_odd("provider.lied", "An answer of the endpoint can't be true; it is asked less",
			F_STR("chain", p->ps->chain->name), F_STR("endpoint", p->name), F_STR("reason", what),
			F_UINT("times", p->lies));
}

void provider_doubted(struct provider *p)
{
	p->shaky_until_ms = time_now(p->ps) + PROVIDER_SHAKY_MS;
}

void provider_lacks_receipts(struct provider *p)
{
	p->no_receipts = true;
}

bool provider_gives_receipts(const struct provider *p)
{
	return !p->no_receipts;
}

bool provider_is_believed(const struct provider *p)
{
	return time_now(p->ps) >= p->lied_until_ms;
}
