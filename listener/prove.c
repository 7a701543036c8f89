#include "listener/prove.h"
#include "listener/fetch.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOBODY_MS = 500, CALLS_MOST = 100 };

/* ── against the header ── */

static bool may_hold(void *arg, const uint8_t bloom[256])
{
	const struct reader *r = arg;
	return filter_bloom(&r->filter, bloom);
}

static bool is_ours(void *arg, const struct log *log)
{
	const struct reader *r = arg;
	return filter_match(&r->filter, log) != NULL;
}

static struct proof_filter filter_of(struct reader *r)
{
	return (struct proof_filter){.bloom = may_hold, .wanted = is_ours, .arg = r};
}

bool prove_header(struct prove *v, struct arena *a, struct str json, struct err *e)
{
	if (proof_header(&v->trust, header_check(a, json)))
		return true;
	return err_set(e, ERR_MALFORMED, "a header whose hash is not that of its fields");
}

enum { LIES_MOST = 8 }; /* of the only one that can be asked */

void prove_lied(
	struct prove_lies *l, struct proof_trust *t, struct providers *ps, const struct provider *p, int64_t at)
{
	struct provider_need need = {.shown = at, .lowest = at, .other = p};
	bool same = l->n > 0 && l->at == at, another = same && l->by != p;
	*l = (struct prove_lies){.at = at, .by = p, .n = same ? l->n + 1 : 1};
	if (another || (l->n >= LIES_MOST && !providers_pick(ps, &need)))
		proof_give_up(t);
}

/* Without a proof the bloom is as good as the header's hash, which has to be known as the hash of its fields.
 */
bool prove_empty(const struct reader *r, const struct block_header *h)
{
	const struct proof_trust *t = &r->prove.trust;
	if (r->chain->completeness == PROOF_NONE && !proof_trusts(t, PROOF_CHECK_HEADER))
		return false;
	return proof_bloom_counts(t) && !filter_bloom(&r->filter, h->bloom);
}

static void say_unsupported(struct reader *r)
{
	const char *check;
	while ((check = proof_unsupported(&r->prove.trust)))
		log_info("proof.check", "A check does not hold on this chain; answers are not held against it",
			F_STR("chain", r->chain->name), F_STR("check", check));
}

/* The logs of a block among those of the step, which are sorted. */
static struct proof_given slice(const struct reader *r, uint64_t number, size_t *at)
{
	size_t from = *at;
	while (*at < r->nlogs && r->logs[*at].block == number)
		++*at;
	return (struct proof_given){.logs = r->logs ? r->logs + from : NULL, .n = *at - from, .known = true};
}

bool prove_given(struct reader *r, struct err *e)
{
	struct proof_filter f = filter_of(r);
	size_t at = 0;
	logs_sort(r->logs, r->nlogs);
	r->nlogs = logs_once(r->logs, r->nlogs); /* K-22: a rank counts logs, not copies of one */
	for (size_t i = 0; i < r->nheaders && r->chain->completeness != PROOF_RECEIPTS; i++) {
		struct proof_block b;
		struct proof_given g = slice(r, r->headers[i].number, &at);
		proof_logs(&r->prove.trust, PROOF_NONE, &r->headers[i], &g, &f, &b);
		if (b.verdict == PROOF_REFUTED)
			return err_set(e, ERR_MALFORMED, "%s", b.why);
	}
	say_unsupported(r);
	return true;
}

/* ── what is to be proved ── */

void prove_forget(struct prove *v)
{
	v->unknown = NULL;
	v->levels = NULL;
	v->headers = NULL;
	v->at = NULL;
	v->given = NULL;
	v->unsupported = NULL;
	v->doubted = v->asked = v->other = NULL;
	v->n = v->tries = v->waits = 0;
}

static struct proof_given ours(struct reader *r, struct proof_given all)
{
	struct log *logs = arena_alloc(&r->mem, all.n * sizeof *logs);
	struct proof_given g = {.logs = logs, .known = true};
	for (size_t i = 0; i < all.n; i++)
		if (is_ours(r, &all.logs[i]))
			logs[g.n++] = all.logs[i];
	return g;
}

/* Every block of the step; where no proof is wanted, those that are read by their receipts. */
static void gather(struct reader *r)
{
	struct prove *v = &r->prove;
	bool all = r->chain->completeness != PROOF_NONE, unknown = false;
	size_t at = 0;
	v->n = v->tries = 0;
	v->headers = arena_alloc(&r->mem, r->nheaders * sizeof *v->headers);
	v->at = arena_alloc(&r->mem, r->nheaders * sizeof *v->at);
	v->given = arena_alloc(&r->mem, r->nheaders * sizeof *v->given);
	v->levels = arena_alloc(&r->mem, r->nheaders * sizeof *v->levels);
	for (size_t i = 0; i < r->nheaders; i++) {
		struct proof_given g = slice(r, r->headers[i].number, &at);
		bool here = v->unknown && v->unknown[i];
		v->levels[i] = PROOF_NONE;
		unknown |= here;
		if (!all && !here)
			continue;
		v->headers[v->n] = r->headers[i];
		v->at[v->n] = i;
		v->given[v->n++] = here ? (struct proof_given){.known = false} : ours(r, g);
	}
	v->want = unknown ? PROOF_RECEIPTS : r->chain->completeness;
}

/* How many of them must be asked about, or nearly. */
static uint32_t questions(struct reader *r)
{
	uint32_t n = 0;
	for (size_t i = 0; i < r->prove.n && r->prove.want > PROOF_BLOOM; i++)
		n += !r->prove.given[i].known || r->prove.given[i].n > 0 || !prove_empty(r, &r->prove.headers[i]);
	return n;
}

/* ── whom to ask ── */

static struct provider *pick(struct reader *r)
{
	const struct prove *v = &r->prove;
	struct provider_need need = {.shown = (int64_t)v->headers[v->n - 1].number,
		.lowest = (int64_t)v->headers[0].number,
		.other = v->tries > 0 ? v->asked : NULL,
		.urgent = true};
	if (v->want == PROOF_SOURCES) {
		need.other_host = r->p;
		return providers_pick(r->providers, &need);
	}
	/* who gave the logs has the blocks by these hashes */
	if (v->tries == 0 && provider_state(r->p) == PROVIDER_WELL && provider_gives_receipts(r->p))
		return r->p;
	need.receipts = true;
	struct provider *p = providers_pick(r->providers, &need);
	need.receipts = false;
	p = p ? p : providers_pick(r->providers, &need);
	return p || v->tries > 0 ? p : r->p;
}

int64_t prove_head(const struct reader *r)
{
	if (r->chain->completeness != PROOF_SOURCES)
		return r->head;
	int64_t two = providers_head_of_two(r->providers);
	return two > r->row.done || r->head < r->row.done ? two : r->row.done;
}

void prove_waits(struct reader *r)
{
	static const char why[] =
		"completeness: sources needs two endpoints on different hosts, and fewer can be asked now; the chain "
		"waits for the next one";
	for (size_t i = 0; i < providers_count(r->providers); i++) {
		const struct provider *p = providers_at(r->providers, i);
		if (provider_state(p) == PROVIDER_UNKNOWN ||
			(provider_state(p) == PROVIDER_WELL && !provider_heads(p)->heard))
			return; /* it has not spoken yet */
	}
	if (providers_head_of_two(r->providers) >= 0)
		return; /* the second one is merely behind */
	if (strcmp(why, r->why) != 0)
		log_odd("proof.waits", why, F_STR("chain", r->chain->name));
	memcpy(r->why, why, sizeof why);
}

/* Everybody was asked. The step begins again, with headers and logs of whoever is best then. */
static void not_now(struct reader *r, const char *why)
{
	char text[sizeof r->why];
	snprintf(text, sizeof text, "%s: %s", "a block could not be proved", why);
	log_debug("proof.again", text, F_STR("chain", r->chain->name));
	reader_retry(r, text);
}

static void ask(struct reader *r, struct provider *whom);

static bool ask_another(struct reader *r)
{
	struct provider *p = r->prove.tries < providers_count(r->providers) ? pick(r) : NULL;
	if (p)
		ask(r, p);
	return p != NULL;
}

/* ── what came ── */

/* The logs of the step are now those that were proved. */
static void take_logs(struct reader *r, const struct proof_block *blocks)
{
	struct prove *v = &r->prove;
	size_t n = 0, k = 0, at = 0;
	for (size_t i = 0; i < v->n; i++)
		n += blocks[i].nlogs;
	struct log *all = arena_alloc(&r->mem, (n + r->nlogs) * sizeof *all);
	n = 0;
	for (size_t i = 0; i < r->nheaders; i++) {
		struct proof_given g = slice(r, r->headers[i].number, &at);
		if (k < v->n && v->at[k] == i) {
			v->levels[i] = blocks[k].level;
			g.logs = blocks[k].logs;
			g.n = blocks[k++].nlogs;
		}
		if (g.n > 0)
			memcpy(all + n, g.logs, g.n * sizeof *all);
		n += g.n;
	}
	r->logs = all;
	r->nlogs = n;
}

static void proved(struct reader *r, const struct proof_block *blocks)
{
	take_logs(r, blocks);
	if (fetch_learned(r))
		fetch_logs(r); /* receipts told of a factory's child that the logs had left out */
	else
		store_step(r);
}

static void lower(struct reader *r)
{
	struct prove *v = &r->prove;
	if (v->lowered)
		return;
	v->lowered = true;
	log_odd("proof.unsupported",
		"The proof that completeness: wants can't be had on this chain; what is read is stored with the "
		"level "
		"that it has",
		F_STR("chain", r->chain->name), F_STR("reason", v->unsupported ? v->unsupported : ""));
}

/* Two endpoints say different things about a block: its receipts settle which of them is right. */
static void settle(struct reader *r, const struct proof_block *b, const struct block_header *h)
{
	struct prove *v = &r->prove;
	int64_t number = (int64_t)h->number;
	if (v->differed != number)
		log_odd("proof.differ", "Two endpoints differ about a block; its receipts are asked for",
			F_STR("chain", r->chain->name), F_STR("endpoint", provider_name(r->p)),
			F_STR("other", provider_name(v->asked)), F_STR("reason", b->why));
	v->differed = number;
	v->other = v->asked;
	v->want = PROOF_RECEIPTS;
	v->tries = 0;
	ask(r, pick(r));
}

struct verdict {
	const struct proof_block *refuted, *given, *lied, *differs, *again, *unsupported;
};

static struct verdict look(const struct reader *r, const struct proof_block *blocks)
{
	struct verdict d = {0};
	for (size_t i = r->prove.n; i-- > 0;) {
		const struct proof_block *b = &blocks[i];
		if (b->liar == PROOF_GIVEN)
			d.given = b;
		if (b->liar == PROOF_ASKED)
			d.lied = b;
		if (b->liar == PROOF_EITHER)
			d.differs = b;
		if (b->verdict == PROOF_REFUTED)
			d.refuted = b;
		if (b->again && b->verdict != PROOF_PROVED)
			d.again = b;
		/* nothing is known of a block whose logs nobody gave and whose receipts prove nothing */
		if (b->unsupported && b->verdict != PROOF_PROVED && !r->prove.given[i].known)
			d.again = b;
		else if (b->unsupported && b->verdict != PROOF_PROVED)
			d.unsupported = b;
	}
	return d;
}

static void judge(struct reader *r, const struct proof_block *blocks)
{
	struct prove *v = &r->prove;
	struct verdict d = look(r, blocks);
	struct provider *asked = v->asked;
	say_unsupported(r);
	if (d.unsupported && !v->unsupported && d.unsupported->why[0])
		v->unsupported = arena_text(&r->mem, d.unsupported->why);
	if (d.lied && asked)
		provider_lied(asked, d.lied->why);
	if (d.differs) {
		settle(r, d.differs, &v->headers[d.differs - blocks]);
		return;
	}
	bool stuck =
		d.again || (d.unsupported && v->other); /* what proves nothing does not settle who is right */
	if ((stuck || (d.unsupported && !v->lowered)) && ask_another(r))
		return;
	if (stuck) {
		not_now(r, d.again ? d.again->why : "two endpoints differ, and receipts prove nothing on this chain");
		return;
	}
	if (d.given)
		provider_lied(r->p, d.given->why);
	if (d.refuted) { /* by the header alone; its receipts did not prove others */
		not_now(r, d.refuted->why);
		return;
	}
	if (v->other && !d.given)
		provider_lied(v->other, "its logs are not those of the block's receipts");
	if (d.unsupported)
		lower(r);
	else if (v->want == r->chain->completeness && v->want > PROOF_BLOOM)
		v->lowered = false;
	proved(r, blocks);
}

/* How it failed is told to whom was asked. */
static enum refusal failed(struct reader *r, const struct proof_reply *p)
{
	struct refusal_view view;
	struct refused refused;
	struct learner_asked asked = {-1, -1, p->failed->calls, 0, 0};
	struct err e = p->err;
	provider_view(&view, p->failed, p->call < 0 ? 0 : p->call);
	refusal_class(&refused, &view);
	provider_failed(r->prove.asked, &refused, &asked, &e);
	return refused.class;
}

static bool all_known(const struct prove *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (!v->given[i].known)
			return false;
	return true;
}

/* Nobody serves what would prove. */
static void not_served(struct reader *r, const char *what)
{
	struct prove *v = &r->prove;
	if (v->other || !all_known(v)) {
		not_now(r, v->other ? "two endpoints differ, and nobody gives receipts that settle it" : what);
		return;
	}
	v->unsupported = arena_text(&r->mem, what);
	lower(r);
	v->want = PROOF_BLOOM; /* nobody has to be asked for that */
	ask(r, NULL);
}

static void on_proof(void *arg, const struct proof_reply *p)
{
	struct reader *r = arg;
	struct prove *v = &r->prove;
	enum refusal no = REFUSAL_NONE;
	v->job = NULL;
	timer_stop(&r->patience);
	if (v->asked && p->ok && p->requests > 0)
		provider_answered(v->asked, p->bytes, p->took_us);
	else if (v->asked && p->ok)
		provider_dropped(v->asked);
	else if (v->asked)
		no = failed(r, p);
	if (v->asked && p->no_block_receipts)
		provider_lacks_receipts(v->asked);
	if (!reader_back(r))
		return;
	if (p->ok)
		judge(r, p->blocks);
	else if (ask_another(r))
		return;
	else if (no == REFUSAL_METHOD)
		not_served(r, p->err.text);
	else
		not_now(r, p->err.text);
}

void prove_drop(struct reader *r)
{
	struct prove *v = &r->prove;
	if (!v->job)
		return;
	proof_cancel(v->job);
	v->job = NULL;
	timer_stop(&r->patience);
	if (v->asked)
		provider_dropped(v->asked);
	r->in_flight = false;
}

/* One that hangs never stalls the rest. */
static void on_patience(void *arg)
{
	struct reader *r = arg;
	struct prove *v = &r->prove;
	struct provider *p = v->job && v->tries < providers_count(r->providers) ? pick(r) : NULL;
	if (!p)
		return;
	struct refused refused = {.class = REFUSAL_TIMEOUT, .oldest = -1};
	struct learner_asked asked = {-1, -1, 1, 0, 0};
	struct err e = {0};
	err_put(&e, ERR_TRANSIENT, "%s does not answer; another endpoint is asked", provider_name(v->asked));
	proof_cancel(v->job);
	v->job = NULL;
	provider_failed(v->asked, &refused, &asked, &e);
	if (reader_back(r))
		ask(r, p);
}

/* whom: NULL: nobody, which is well when nothing is to be asked. */
static void ask(struct reader *r, struct provider *whom)
{
	struct prove *v = &r->prove;
	uint32_t calls = questions(r);
	int64_t wait = 0;
	reader_enter(r, READER_PROOF);
	v->asked = calls > 0 ? whom : NULL;
	if (calls > 0 && !v->asked) {
		prove_waits(r);
		reader_pause(r, NOBODY_MS);
		return;
	}
	if (v->asked)
		wait = provider_may_send(v->asked, calls < CALLS_MOST ? calls : CALLS_MOST, true);
	if (wait != 0) {
		reader_wait(r, v->asked, wait > 0 ? (uint64_t)wait : NOBODY_MS);
		return;
	}
	const char **members = arena_alloc(&r->mem, (r->ask.n + 1) * sizeof *members);
	for (size_t i = 0; i < r->ask.n; i++)
		members[i] = r->ask.requests[i].members;
	struct provider *p = v->asked ? v->asked : r->p;
	v->tries++;
	v->job = proof_run(r->m->loop,
		&(struct proof_ask){.want = v->want,
			.rpc = provider_rpc(p),
			.trust = &v->trust,
			.headers = v->headers,
			.n = v->n,
			.given = v->given,
			.filter = filter_of(r),
			.members = members,
			.nmembers = r->ask.n,
			.calls_most = (int)learner_calls(provider_learner(p), CALLS_MOST),
			.single = !provider_gives_receipts(p),
			.mem = &r->mem},
		on_proof, r);
	r->in_flight = true;
	if (v->asked && providers_count(r->providers) > 1)
		timer_start(r->m->loop, &r->patience, 4 * provider_patience_ms(v->asked) * (1 + calls / CALLS_MOST),
			on_patience, r);
}

void prove_go_on(struct reader *r)
{
	ask(r, r->prove.asked);
}

void prove_step(struct reader *r)
{
	struct prove *v = &r->prove;
	gather(r);
	if (r->ask.n == 0) /* nothing is wanted of these blocks, so nothing is missing */
		for (size_t i = 0; i < r->nheaders; i++)
			v->levels[i] = r->chain->completeness;
	if (r->ask.n == 0 || v->n == 0)
		store_step(r);
	else
		ask(r, pick(r));
}

/* ── what is stored of it ── */

bool prove_note(struct reader *r, struct pg_unit *u, const struct rows_batch *b)
{
	const enum proof_level *level = r->prove.levels;
	size_t row = 0;
	if (!level || r->chain->completeness == PROOF_NONE)
		return false;
	for (size_t i = 0, k; i < r->nheaders; i = k) {
		uint64_t events = 0;
		for (k = i + 1; k < r->nheaders && level[k] == level[i];)
			k++;
		for (; row < b->n && b->rows[row].log->block <= r->headers[k - 1].number; row++)
			events++;
		store_range(r, u, (int64_t)r->headers[i].number, (int64_t)r->headers[k - 1].number, level[i], events);
	}
	return true;
}
