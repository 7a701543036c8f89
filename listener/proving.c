#include "listener/proving.h"

#include "common/base/mem.h"
#include "common/io/log.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CALLS_MOST = 100,
	WAITS_MOST = 4, /* for the rate of one that refused for it */
	ROOM_MS = 20,   /* before it is looked again whether an endpoint has room */
	LIES_MOST = 8   /* of the only one that can be asked */
};

struct proving {
	struct proving_ask ask;
	void (*fn)(void *arg, const struct proving_reply *r);
	void *arg;
	struct proof_job *job;
	struct timer *timer;    /* until it may be sent; then until another one is asked */
	enum proof_level want;  /* asked for now */
	struct provider *asked; /* by the job; NULL: nobody has to be */
	struct provider *other; /* the second source, when two differ */
	uint32_t tries;         /* jobs with that level */
	uint32_t waits;         /* for a rate */
	bool refused;           /* the last request was, for its rate */
	uint32_t charged;       /* calls that the job's first request has paid for */
	struct arena texts;
	const char **members; /* copies: a plan is made anew when children are found */
	size_t nmembers;
	char unsupported[260]; /* why an endpoint could not prove, as it was said first */
	struct proving_reply reply;
};

const char proving_lonely[] =
	"completeness: sources needs two endpoints on different hosts, and fewer can be asked now; the chain "
	"waits for the next one";

void prove_lied(
	struct prove_lies *l, struct proof_trust *t, struct providers *ps, const struct provider *p, int64_t at)
{
	struct provider_need need = {.shown = at, .lowest = at, .other = p};
	bool same = l->n > 0 && l->at == at, another = same && l->by != p;
	*l = (struct prove_lies){.at = at, .by = p, .n = same ? l->n + 1 : 1};
	if (another || (l->n >= LIES_MOST && !providers_pick(ps, &need)))
		proof_give_up(t);
}

void proving_say(struct proving_chain *c, const char *name)
{
	const char *check;
	while ((check = proof_unsupported(&c->trust)))
		log_info("proof.check", "A check does not hold on this chain; answers are not held against it",
			F_STR("chain", name), F_STR("check", check));
}

/* ── its end ── */

static void job_free(struct proving *j)
{
	timer_free(&j->timer);
	arena_fini(&j->texts);
	free(j);
}

static void finish(void *arg)
{
	struct proving *j = arg;
	j->fn(j->arg, &j->reply);
	job_free(j);
}

static void end(struct proving *j, enum proving_end e, const char *why)
{
	j->reply.end = e;
	snprintf(j->reply.why, sizeof j->reply.why, "%.250s", why);
	if (e == PROVING_AGAIN)
		log_debug("proof.again", why, F_STR("chain", j->ask.name));
	finish(j);
}

void proving_cancel(struct proving *j)
{
	if (!j)
		return;
	if (j->job) {
		proof_cancel(j->job);
		if (j->asked)
			provider_dropped(j->asked);
	}
	job_free(j);
}

/* ── whom to ask ── */

static struct provider *pick(struct proving *j)
{
	const struct proving_ask *a = &j->ask;
	struct provider_need need = {.shown = (int64_t)a->headers[a->n - 1].number,
		.lowest = (int64_t)a->headers[0].number,
		.other = j->tries > 0 ? j->asked : NULL,
		.urgent = a->urgent};
	if (j->want == PROOF_SOURCES) {
		need.other_host = a->giver;
		return providers_pick(a->providers, &need);
	}
	/* who gave the logs has the blocks by these hashes */
	if (j->tries == 0 && provider_state(a->giver) == PROVIDER_WELL && provider_gives_receipts(a->giver))
		return a->giver;
	need.receipts = true;
	struct provider *p = providers_pick(a->providers, &need);
	need.receipts = false;
	p = p ? p : providers_pick(a->providers, &need);
	return p || j->tries > 0 ? p : a->giver;
}

/* How many of the blocks must be asked about, or nearly. */
static uint32_t questions(const struct proving *j)
{
	const struct proving_ask *a = &j->ask;
	bool counts = proof_bloom_counts(&a->chain->trust);
	uint32_t n = 0;
	for (size_t i = 0; i < a->n && j->want > PROOF_BLOOM; i++)
		n += !a->given[i].known || a->given[i].n > 0 || !counts ||
			 a->filter.bloom(a->filter.arg, a->headers[i].bloom);
	return n;
}

static void ask(struct proving *j, struct provider *whom);

/* ms without an answer, before another one is asked: some of its answers are long. */
static uint64_t patience(const struct proving *j)
{
	return 4 * provider_patience_ms(j->asked);
}

static bool ask_another(struct proving *j)
{
	struct provider *p = j->tries < providers_count(j->ask.providers) ? pick(j) : NULL;
	if (p)
		ask(j, p);
	return p != NULL;
}

/* ── what came ── */

static void lower(struct proving *j)
{
	if (j->ask.chain->lowered)
		return;
	j->ask.chain->lowered = true;
	log_odd("proof.unsupported",
		"The proof that completeness: wants can't be had on this chain; what is read is stored with the "
		"level "
		"that it has",
		F_STR("chain", j->ask.name), F_STR("reason", j->unsupported));
}

/* Two endpoints say different things about a block: its receipts settle which of them is right. */
static void settle(struct proving *j, const struct proof_block *b, const struct block_header *h)
{
	int64_t number = (int64_t)h->number;
	if (j->ask.chain->differed != number)
		log_odd("proof.differ", "Two endpoints differ about a block; its receipts are asked for",
			F_STR("chain", j->ask.name), F_STR("endpoint", provider_name(j->ask.giver)),
			F_STR("other", provider_name(j->asked)), F_STR("reason", b->why));
	j->ask.chain->differed = number;
	j->other = j->asked;
	j->want = PROOF_RECEIPTS;
	j->tries = 0;
	ask(j, pick(j));
}

/* Said of the giver and of the second source when it stands fast, so after all that may be asked were. */
static void blame(struct proving *j, const struct proving_judgement *d)
{
	j->reply.giver_lied = d->giver != NULL;
	if (d->giver)
		provider_lied(j->ask.giver, d->giver->why);
	if (d->other)
		provider_lied(j->other, "its logs are not those of the block's receipts");
}

static void judge(struct proving *j, const struct proof_block *blocks)
{
	struct proving_chain *c = j->ask.chain;
	struct proving_judgement d;
	proving_judge(&d, &(struct proving_view){.blocks = blocks,
						  .given = j->ask.given,
						  .n = j->ask.n,
						  .want = j->want,
						  .completeness = c->completeness,
						  .lowered = c->lowered,
						  .settling = j->other != NULL});
	proving_say(c, j->ask.name);
	if (d.unsupported && !j->unsupported[0])
		snprintf(j->unsupported, sizeof j->unsupported, "%s", d.unsupported->why);
	if (d.asked && j->asked)
		provider_lied(j->asked, d.asked->why);
	if (d.next == PROVING_SETTLE) {
		settle(j, d.about, &j->ask.headers[d.about - blocks]);
		return;
	}
	if (d.next == PROVING_ANOTHER && ask_another(j))
		return;
	blame(j, &d);
	if (d.otherwise == PROVING_RESTART) {
		j->reply.unsure = d.about && d.about->again && !d.giver && !j->other;
		end(j, PROVING_AGAIN,
			d.about ? d.about->why : "two endpoints differ, and receipts prove nothing on this chain");
		return;
	}
	if (d.unsupported)
		lower(j);
	else if (d.raised)
		c->lowered = false;
	j->reply.blocks = blocks;
	end(j, PROVING_DONE, "");
}

/* How it failed is told to whom was asked. */
static enum refusal failed(struct proving *j, const struct proof_reply *p)
{
	struct refused refused;
	struct learner_asked asked = {-1, -1, p->failed->calls, 0, 0};
	provider_refusal(&refused, p->failed, p->call < 0 ? 0 : p->call, -1, -1);
	provider_failed(j->asked, &refused, &asked, &p->err);
	return refused.class;
}

static bool all_known(const struct proving *j)
{
	for (size_t i = 0; i < j->ask.n; i++)
		if (!j->ask.given[i].known)
			return false;
	return true;
}

/* Nobody serves what would prove. */
static void not_served(struct proving *j, const char *what)
{
	if (j->other || !all_known(j)) {
		end(j, PROVING_AGAIN,
			j->other ? "two endpoints differ, and nobody gives receipts that settle it" : what);
		return;
	}
	snprintf(j->unsupported, sizeof j->unsupported, "%.250s", what);
	lower(j);
	j->want = PROOF_BLOOM; /* nobody has to be asked for that */
	ask(j, NULL);
}

static void on_proof(void *arg, const struct proof_reply *p)
{
	struct proving *j = arg;
	enum refusal no = REFUSAL_NONE;
	j->job = NULL;
	timer_stop(&j->timer);
	if (j->asked && p->ok && p->requests > 0)
		provider_answered(j->asked, p->bytes, p->took_us);
	else if (j->asked && p->ok)
		provider_dropped(j->asked);
	else if (j->asked)
		no = failed(j, p);
	if (j->asked && p->no_block_receipts)
		provider_lacks_receipts(j->asked);
	if (p->ok)
		judge(j, p->blocks);
	else if (ask_another(j))
		return;
	else if (no == REFUSAL_RATE && j->waits++ < WAITS_MOST)
		ask(j, j->asked); /* when it may be asked */
	else if (no == REFUSAL_METHOD)
		not_served(j, p->err.text);
	else
		end(j, PROVING_AGAIN, p->err.text);
}

/* ── asking ── */

static void later(struct proving *j, uint64_t ms, timer_fn fn)
{
	timer_start(j->ask.loop, &j->timer, ms, fn, j);
}

/* One that hangs never stalls the rest. */
static void on_patience(void *arg)
{
	struct proving *j = arg;
	uint64_t now = loop_now_ms(j->ask.loop), until = proof_heard_ms(j->job) + patience(j);
	if (now < until) {
		later(j, until - now, on_patience);
		return;
	}
	struct provider *p = j->tries < providers_count(j->ask.providers) ? pick(j) : NULL;
	if (!p)
		return;
	struct refused refused = {.class = REFUSAL_TIMEOUT, .oldest = -1};
	struct learner_asked asked = {-1, -1, 1, 0, 0};
	struct err e = {0};
	err_put(&e, ERR_TRANSIENT, "%s does not answer; another endpoint is asked", provider_name(j->asked));
	proof_cancel(j->job);
	j->job = NULL;
	provider_failed(j->asked, &refused, &asked, &e);
	ask(j, p);
}

static void on_turn(void *arg)
{
	struct proving *j = arg;
	ask(j, j->asked);
}

static uint64_t pace(void *arg, uint32_t calls)
{
	struct proving *j = arg;
	struct learner *l = j->asked ? provider_learner(j->asked) : NULL;
	if (l && l->limited > 0 && !j->refused) /* a part was answered */
		learner_calm(l, loop_now_ms(j->ask.loop));
	j->refused = false;
	return l ? learner_book(l, loop_now_ms(j->ask.loop), calls) : 0;
}

/* Where there are others, one of them is asked. */
static bool too_often(void *arg, const struct rpc_reply *q, int call)
{
	struct proving *j = arg;
	struct refused refused;
	struct learner_asked asked = {-1, -1, q->calls, 0, 0};
	provider_refusal(&refused, q, call < 0 ? 0 : call, -1, -1);
	if (refused.class != REFUSAL_RATE || !j->asked || providers_count(j->ask.providers) > 1)
		return false;
	provider_failed(j->asked, &refused, &asked, call < 0 ? &q->err : NULL);
	provider_take(j->asked, 0);
	j->refused = true;
	return true;
}

/* A place at whom is to be asked. false: j has ended, or waits for its turn. */
static bool has_place(struct proving *j, uint32_t calls)
{
	j->charged = calls > 0 && j->asked ? (uint32_t)learner_calls(provider_learner(j->asked), calls) : 0;
	if (j->charged > CALLS_MOST)
		j->charged = CALLS_MOST;
	int64_t wait = j->asked ? provider_may_send(j->asked, j->charged, j->ask.urgent) : 0;
	if (calls > 0 && !j->asked) {
		j->reply.end = PROVING_NOBODY;
		later(j, 0, finish);
		return false;
	}
	if (wait == 0)
		return true;
	if (provider_is_paused(j->asked) && providers_count(j->ask.providers) > 1) { /* others need not wait */
		j->reply.end = PROVING_NOBODY;
		later(j, 0, finish);
	} else {
		later(j, wait > 0 ? (uint64_t)wait : ROOM_MS, on_turn);
	}
	return false;
}

/* whom: NULL: nobody, which is well when nothing is to be asked. */
static void ask(struct proving *j, struct provider *whom)
{
	const struct proving_ask *a = &j->ask;
	uint32_t calls = questions(j);
	j->asked = calls > 0 ? whom : NULL;
	if (!has_place(j, calls))
		return;
	struct provider *p = j->asked ? j->asked : a->giver;
	j->tries++;
	j->job = proof_run(a->loop,
		&(struct proof_ask){.want = j->want,
			.rpc = provider_rpc(p),
			.trust = &a->chain->trust,
			.headers = a->headers,
			.n = a->n,
			.given = a->given,
			.filter = a->filter,
			.members = j->members,
			.nmembers = j->nmembers,
			.calls_most = (int)learner_calls(provider_learner(p), CALLS_MOST),
			.pace = pace,
			.pace_arg = j,
			.charged = j->charged,
			.too_often = too_often,
			.single = !provider_gives_receipts(p),
			.mem = a->mem},
		on_proof, j);
	if (j->asked && providers_count(a->providers) > 1)
		later(j, patience(j), on_patience);
}

struct proving *proving_run(
	const struct proving_ask *a, void (*fn)(void *arg, const struct proving_reply *r), void *arg)
{
	struct proving *j = mem_alloc(sizeof *j);
	*j = (struct proving){.ask = *a, .fn = fn, .arg = arg};
	j->want = all_known(j) ? a->chain->completeness : PROOF_RECEIPTS;
	j->nmembers = a->plan->n;
	j->members = arena_alloc(&j->texts, (a->plan->n + 1) * sizeof *j->members);
	for (size_t i = 0; i < a->plan->n; i++)
		j->members[i] = arena_text(&j->texts, a->plan->requests[i].members);
	ask(j, pick(j));
	return j;
}
