/* The endpoints' side of a reader: what is asked, and what of the answer counts (R1, R2, R5). */
#include "listener/fetch.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	TAG_SOON_MS = 100,
	TAG_MS = 1000,
	TAG_SELDOM_MS = 10000,
	NOBODY_MS = 200,
	WAIT_MS = 50,
	WAITS_MOST = 20
};

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
	struct rpc_request *q = rpc_request(provider_rpc(p));
	int64_t cap = provider_learner(p)->learned.calls_cap;
	if (cap > 0 && cap < wanted)
		rpc_pieces(q, (int)cap);
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

static void on_patience(void *arg)
{
	struct reader *r = arg;
	struct provider_need need = {.shown = r->row.done, .lowest = -1, .other = r->p, .urgent = true};
	if (!r->asking)
		return;
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
	if (calls > r->charged)
		learner_spent(provider_learner(r->p), loop_now_ms(r->m->loop), calls - r->charged);
	r->heard = fn;
	r->asking = q;
	r->in_flight = true;
	rpc_send(q, on_answer, r);
	if (providers_count(r->providers) > 1)
		timer_start(r->m->loop, &r->patience, provider_patience_ms(r->p), on_patience, r);
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

static enum learner_next refuse(struct reader *r, const struct rpc_reply *q, int i, const char *what,
	int64_t from, int64_t to, struct err *e)
{
	struct refusal_view v;
	struct refused refused;
	*e = q->err;
	provider_view(&v, q, i);
	v.has_asked = from >= 0;
	v.from = from;
	v.to = to;
	refusal_class(&refused, &v);
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
	return next;
}

bool fetch_ok(struct reader *r, const struct rpc_reply *q, int i, const char *what, int64_t from, int64_t to)
{
	struct err e;
	if (q->ok && q->answers[i].ok)
		return true;
	refuse(r, q, i, what, from, to, &e);
	reader_provider_error(r, &e);
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

/* What came of it says nothing about the endpoint but that it answers. */
static void unsure(
	struct reader *r, const struct rpc_reply *q, const char *why, void (*again)(struct reader *r))
{
	fetch_good(r, q);
	if (reader_asks_again(r))
		again(r);
	else
		reader_retry(r, why);
}

/* ── where a chain begins that is read from its newest block on ── */

static void on_first(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	struct err e = {0};
	uint64_t newest;
	if (!reader_back(r) || !fetch_ok(r, q, 0, "eth_blockNumber", -1, -1))
		return;
	if (!quantity_u64(q->answers[0].result, &newest, &e)) {
		fetch_lie(r, q, "eth_blockNumber", &e);
		return;
	}
	fetch_good(r, q);
	r->begin = (int64_t)newest;
	store_identity(r);
}

void fetch_first(struct reader *r)
{
	reader_enter(r, READER_FIRST);
	struct rpc_request *q = fetch_open(r, -1, 1, NULL);
	if (!q)
		return;
	rpc_call(q, "eth_blockNumber", "[]");
	fetch_send(r, q, on_first);
}

/* ── blocks by hash ── */

void fetch_ask_header(struct rpc_request *q, int64_t number)
{
	rpc_call(q, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]", (uint64_t)number);
}

/* Now and then: a tag moves with the chain's epochs, and each question stands in the way of a block. */
static void ask_tag(struct reader *r, struct rpc_request *q)
{
	uint64_t now = loop_now_ms(r->m->loop);
	const struct learner *l = provider_learner(r->p);
	bool fits = l->rate == 0 || learner_calls(l, rpc_calls(q) + 1) > rpc_calls(q);
	if (!final_tag(&r->final) || (r->tag_ms > 0 && now - r->tag_ms < (fits ? TAG_MS : TAG_SELDOM_MS)))
		return;
	r->tag_ms = now;
	rpc_call(q, "eth_getBlockByNumber", "[\"%s\",false]", final_tag(&r->final));
}

/* The tag's answer stands last. A node that does not know the tag says an error or null: the depth decides
 * then. */
static void hear_tag(struct reader *r, const struct rpc_reply *q, int i)
{
	struct block_header h;
	struct err e;
	bool found;
	if (!final_tag(&r->final) || i >= q->calls || !q->answers[i].ok)
		return;
	if (header_parse(&r->mem, q->answers[i].result, &h, &found, &e) && found)
		final_heard(&r->final, (int64_t)h.number, r->head);
}

static void on_tag(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r) || (!q->ok && !fetch_ok(r, q, 0, "eth_getBlockByNumber", -1, -1)))
		return;
	hear_tag(r, q, 0);
	fetch_good(r, q);
	r->tag_asked = true;
	reader_read(r);
}

void fetch_tag(struct reader *r)
{
	reader_enter(r, READER_FIRST);
	struct rpc_request *q = fetch_open(r, -1, 1, NULL);
	if (!q)
		return;
	r->tag_ms = 0;
	ask_tag(r, q);
	fetch_send(r, q, on_tag);
}

bool fetch_tag_first(struct reader *r)
{
	uint64_t now = loop_now_ms(r->m->loop);
	bool by_tag = r->final.kind == FINAL_SAFE || r->final.kind == FINAL_FINALIZED;
	if (!by_tag || r->final.tag >= 0 || (r->tag_ms > 0 && now - r->tag_ms < TAG_SOON_MS))
		return false;
	fetch_tag(r);
	return true;
}

static bool links(const struct reader *r, int64_t number, const uint8_t parent[32])
{
	const uint8_t *ours = window_hash(&r->window, number - 1);
	return !ours || memcmp(ours, parent, 32) == 0;
}

/* Takes the headers that are there and link; what lies behind the first that does not is read in the next
 * step. */
static bool take_headers(struct reader *r, const struct rpc_reply *q, size_t want)
{
	r->headers = arena_alloc(&r->mem, want * sizeof *r->headers);
	r->nheaders = 0;
	for (size_t i = 0; i < want; i++) {
		struct block_header *h = &r->headers[i];
		struct err e = {0};
		bool found;
		if (!q->answers[i].ok)
			break;
		if (!header_parse(&r->mem, q->answers[i].result, h, &found, &e)) {
			fetch_lie(r, q, "eth_getBlockByNumber", &e);
			return false;
		}
		if (found && !prove_header(&r->prove, &r->mem, q->answers[i].result, &e)) {
			fetch_lie(r, q, "eth_getBlockByNumber", &e);
			return false;
		}
		if (!found)
			break; /* a head race: this endpoint does not have it yet */
		if (h->number != (uint64_t)r->step.from + i) {
			err_put(&e, ERR_MALFORMED, "asked for block %" PRIu64 ", got block %" PRIu64,
				(uint64_t)r->step.from + i, h->number);
			fetch_lie(r, q, "eth_getBlockByNumber", &e);
			return false;
		}
		if (i > 0 && memcmp(h->parent, r->headers[i - 1].hash, 32) != 0)
			break; /* the chain moved while it answered */
		r->nheaders++;
	}
	return true;
}

static void on_headers(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r))
		return;
	if (!fetch_ok(r, q, 0, "eth_getBlockByNumber", -1, -1)) {
		range_refused(&r->blocks);
		return;
	}
	if (!take_headers(r, q, (size_t)(r->step.to - r->step.from + 1)))
		return;
	hear_tag(r, q, (int)(r->step.to - r->step.from + 1));
	if (r->nheaders == 0) {
		unsure(r, q, "the node has shown a head that it can't give yet", fetch_headers);
		return;
	}
	r->unsure = 0;
	if (r->ask.n == 0)
		fetch_good(r, q);
	else
		fetch_part(r, q); /* failures to give the logs are counted on */
	if (!links(r, r->step.from, r->headers[0].parent)) {
		reorg_look(r);
		return;
	}
	if (r->ask.n == 0)
		prove_step(r);
	else
		fetch_logs(r);
}

void fetch_headers(struct reader *r)
{
	reader_enter(r, READER_HEADERS);
	int64_t n = r->step.to - r->step.from + 1;
	struct rpc_request *q = fetch_open(r, r->step.to, (uint32_t)n, NULL);
	if (!q)
		return;
	int64_t most =
		learner_calls(provider_learner(r->p), n + 1) - 1; /* their logs want a header behind them */
	if (most < n)
		r->step.to = r->step.from + (most > 1 ? most : 1) - 1;
	for (int64_t i = r->step.from; i <= r->step.to; i++)
		fetch_ask_header(q, i);
	ask_tag(r, q);
	fetch_send(r, q, on_headers);
}

/* A log counts when it names the block that was asked for and is of the kind that was asked for (P11). */
static bool log_belongs(
	const struct reader *r, const struct log *log, const struct block_header *h, struct err *e)
{
	if (log->removed)
		return err_set(
			e, ERR_MALFORMED, "a removed log in an answer to eth_getLogs, block %" PRIu64, log->block);
	if (log->block != h->number || memcmp(log->block_hash, h->hash, 32) != 0)
		return err_set(e, ERR_MALFORMED, "asked for the logs of block %" PRIu64 ", got one of block %" PRIu64,
			h->number, log->block);
	if (!filter_asked(&r->ask, 0, log))
		return err_set(e, ERR_MALFORMED, "a log of block %" PRIu64 " that was not asked for", log->block);
	return true;
}

/* More logs than the endpoint gives of one block, or logs that can't be true: its receipts are asked. */
static void by_receipts(struct reader *r, size_t i)
{
	if (!r->prove.unknown)
		r->prove.unknown = arena_alloc(&r->mem, r->nheaders * sizeof *r->prove.unknown);
	r->prove.unknown[i] = true;
}

/* The logs of header i. false: r knows why there are none. */
static bool take_block(struct reader *r, const struct rpc_reply *q, size_t i, struct log **logs, size_t *n)
{
	struct err e = {0};
	int call = r->calls[i];
	int64_t number = (int64_t)r->headers[i].number;
	bool fine = true;
	*n = 0;
	if (call < 0)
		return true;
	if (!q->ok || !q->answers[call].ok) {
		if (refuse(r, q, call, "eth_getLogs", number, number, &e) == LEARNER_FLOOR &&
			(q->ok || r->nheaders == 1)) {
			by_receipts(r, i);
			return true;
		}
		reader_provider_error(r, &e);
		return false;
	}
	if (str_is(q->answers[call].result, "null")) { /* so some say that they don't have the block (R2) */
		unsure(r, q, "the node has no logs of a block that it has shown", fetch_logs);
		return false;
	}
	fine = logs_parse(&r->mem, q->answers[call].result, logs, n, &e);
	for (size_t k = 0; fine && k < *n; k++)
		fine = log_belongs(r, &(*logs)[k], &r->headers[i], &e);
	if (fine)
		return true;
	*n = 0;
	if (r->chain->completeness != PROOF_RECEIPTS) {
		fetch_lie(r, q, "eth_getLogs", &e);
		return false;
	}
	provider_lied(r->p, e.text); /* the receipts know better */
	by_receipts(r, i);
	return true;
}

/* R2: no logs where the bloom is positive: the machine that answered may not have the block yet. true: to be
 * asked once more. */
static bool doubtful(struct reader *r, size_t i, size_t n)
{
	struct prove *v = &r->prove;
	const struct block_header *h = &r->headers[i];
	if (n > 0 && v->doubted && v->doubted != r->p && v->doubted_at == (int64_t)h->number) {
		provider_lied(v->doubted, "no logs were given of a block that has some");
		v->doubted = NULL;
	}
	if (n > 0 || r->chain->completeness >= PROOF_SOURCES || (v->unknown && v->unknown[i]) ||
		!filter_bloom(&r->filter, h->bloom))
		return false;
	if (!r->asked_again && !v->doubted) {
		v->doubted = r->p;
		v->doubted_at = (int64_t)h->number;
	}
	return true;
}

static bool take_logs(struct reader *r, const struct rpc_reply *q, struct log **all, size_t *n, bool *doubt)
{
	size_t cap = 0;
	*n = 0;
	*all = NULL;
	for (size_t i = 0; i < r->nheaders; i++) {
		struct log *logs = NULL;
		size_t k;
		if (!take_block(r, q, i, &logs, &k))
			return false;
		if (r->calls[i] >= 0 && doubtful(r, i, k))
			*doubt = true;
		if (*n + k > cap) {
			cap = (*n + k) * 2;
			struct log *grown = arena_alloc(&r->mem, cap * sizeof *grown);
			if (*n > 0)
				memcpy(grown, *all, *n * sizeof *grown);
			*all = grown;
		}
		if (k > 0)
			memcpy(*all + *n, logs, k * sizeof *logs);
		*n += k;
	}
	return true;
}

static void unknown(struct reader *r, const struct rpc_reply *q)
{
	unsure(r, q, "the node does not know a block that it has just shown; it may have moved to another branch",
		fetch_logs);
}

/* R1: does the endpoint still know the last block by its hash? Some nodes say [] for a hash that they don't
 * have. */
static bool still_known(struct reader *r, const struct rpc_reply *q, const struct rpc_answer *a)
{
	struct block_header h;
	struct err e = {0};
	bool found = false;
	const struct block_header *last = &r->headers[r->nheaders - 1];
	if (a->ok && header_parse(&r->mem, a->result, &h, &found, &e) && found &&
		memcmp(h.hash, last->hash, 32) == 0)
		return true;
	unknown(r, q);
	return false;
}

/* A factory's children that were created in these blocks were not asked for yet: all of it once more, with
 * them. */
bool fetch_learned(struct reader *r)
{
	size_t added = 0;
	for (size_t i = 0; r->filter.has_factories && i < r->nlogs; i++) {
		const struct filter_event *ev = filter_match(&r->filter, &r->logs[i]);
		added += ev ? filter_try(&r->filter, &r->trial, ev->decl, &r->logs[i]) : 0;
	}
	if (added > 0)
		reader_plan(r);
	return added > 0;
}

/* R1: what was heard of these blocks is a lower bound. The first answer that lacks some may be of a machine
 * that is behind: another is asked at once; the next one is not believed. */
static bool heard_met(struct reader *r, bool *doubt, struct err *e)
{
	size_t given_up;
	struct prove *v = &r->prove;
	if (v->unknown)
		return true; /* their receipts say more */
	const struct bound_log *l = heard_lacks(
		&r->logs_heard, r->headers, r->nheaders, r->logs, r->nlogs, loop_now_ms(r->m->loop), &given_up);
	if (given_up > 0)
		log_odd("heard.false", "Logs that a subscription told stand in no answer; they are taken for made up",
			F_STR("chain", r->chain->name), F_UINT("logs", given_up));
	if (l && r->asked_again)
		return err_set(e, ERR_MALFORMED,
			"the answer lacks a log of block %" PRId64 " (index %" PRIu64 ") that a subscription has told",
			l->block, l->log_index);
	if (l && !v->doubted) {
		v->doubted = r->p;
		v->doubted_at = -1;
	}
	if (!l && given_up == 0 && v->doubted && v->doubted_at < 0 && v->doubted != r->p)
		provider_lied(v->doubted, "an answer lacked a log that a subscription has told");
	*doubt |= l != NULL;
	return true;
}

static void took_logs(struct reader *r, const struct rpc_reply *q, const struct rpc_answer *behind)
{
	bool doubt = false;
	struct err e = {0};
	r->prove.unknown = NULL;
	if (q->ok && behind->ok && str_is(behind->result, "null")) { /* whatever it says of its logs */
		unknown(r, q);
		return;
	}
	if (!take_logs(r, q, &r->logs, &r->nlogs, &doubt)) {
		range_refused(&r->blocks);
		return;
	}
	if (q->ok && !still_known(r, q, behind))
		return;
	if (!prove_given(r, &e) || (!r->prove.unknown && !sweep_bound_met(r->sweep, &e)) ||
		!heard_met(r, &doubt, &e)) {
		fetch_lie(r, q, "eth_getLogs", &e);
		return;
	}
	fetch_good(r, q);
	if (fetch_learned(r) || (doubt && !r->asked_again)) {
		r->asked_again = r->asked_again || doubt;
		fetch_logs(r);
		return;
	}
	r->unsure = 0;
	range_ok(&r->blocks);
	prove_step(r);
}

static void on_logs(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (reader_back(r))
		took_logs(r, q, &q->answers[q->calls - 1]);
}

/* The head named a hash: logs first, the header by the same hash behind them, so that it proves that the
 * endpoint had the block when it answered about its logs. A hash that it does not know (any more) is read by
 * number instead. */
static void on_live(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	struct err e = {0};
	bool found = false;
	if (!reader_back(r))
		return;
	r->headers = arena_alloc(&r->mem, sizeof *r->headers);
	r->nheaders = 1;
	bool known = q->ok && q->answers[1].ok &&
				 header_parse(&r->mem, q->answers[1].result, r->headers, &found, &e) && found &&
				 (int64_t)r->headers[0].number == r->step.from &&
				 memcmp(r->headers[0].hash, r->asked, 32) == 0; /* INV-9 */
	if (!known) {
		if (q->ok)
			fetch_part(r, q);
		else if (!fetch_ok(r, q, 0, "eth_getLogs", -1, -1))
			return;
		fetch_headers(r);
		return;
	}
	hear_tag(r, q, 2);
	if (!prove_header(&r->prove, &r->mem, q->answers[1].result, &e)) {
		fetch_lie(r, q, "eth_getBlockByHash", &e);
		return;
	}
	if (!links(r, r->step.from, r->headers[0].parent)) {
		fetch_good(r, q);
		reorg_look(r);
		return;
	}
	r->calls = arena_alloc(&r->mem, sizeof *r->calls); /* the first */
	took_logs(r, q, &q->answers[1]);
}

void fetch_live(struct reader *r, const uint8_t hash[32])
{
	char text[67];
	memcpy(r->asked, hash, 32);
	hex_to_0x(text, hash, 32);
	reader_enter(r, READER_LIVE);
	struct rpc_request *q = fetch_open_at(r, r->rang, r->step.from, 3);
	if (!q)
		return;
	rpc_call(q, "eth_getLogs", "[{\"blockHash\":\"%s\",%s}]", text, r->ask.requests[0].members);
	rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", text);
	ask_tag(r, q);
	fetch_send(r, q, on_live);
	ahead_begin(r);
}

/* R1: blocks whose bloom proves that they are empty are left out. */
static size_t blocks_to_ask(struct reader *r)
{
	size_t n = 0;
	r->calls = arena_alloc(&r->mem, r->nheaders * sizeof *r->calls);
	for (size_t i = 0; i < r->nheaders; i++)
		r->calls[i] = prove_empty(r, &r->headers[i]) ? -1 : (int)n++;
	return n;
}

static void on_waited(void *arg)
{
	struct reader *r = arg;
	if (r->phase == READER_LOGS && !r->in_flight)
		fetch_logs(r);
}

/* The second question goes to another endpoint, if there is one: it may need a moment to come to that block.
 * NULL: r waits. */
static struct rpc_request *ask_another(struct reader *r, int64_t top, uint32_t calls)
{
	struct prove *v = &r->prove;
	struct provider_need need = {.shown = top, .lowest = top, .other = v->doubted, .urgent = true};
	if (!providers_pick(r->providers, &need) && v->waits++ < WAITS_MOST) {
		need.shown = need.lowest = -1;
		if (providers_pick(r->providers, &need)) {
			timer_start(r->m->loop, &r->timer, WAIT_MS, on_waited, r);
			return NULL;
		}
	}
	return fetch_open(r, top, calls, v->doubted);
}

/* Of the endpoint that gave the headers; the second time rather of another one. */
void fetch_logs(struct reader *r)
{
	reader_enter(r, READER_LOGS);
	size_t n = blocks_to_ask(r);
	int64_t top = (int64_t)r->headers[r->nheaders - 1].number;
	if (n == 0) {
		r->nlogs = 0;
		prove_step(r);
		return;
	}
	struct rpc_request *q = r->asked_again && r->prove.doubted ? ask_another(r, top, (uint32_t)n + 1)
															   : fetch_open_at(r, r->p, top, (uint32_t)n + 1);
	if (!q)
		return;
	char hash[67];
	for (size_t i = 0; i < r->nheaders; i++) {
		hex_to_0x(hash, r->headers[i].hash, 32);
		if (r->calls[i] >= 0)
			rpc_call(q, "eth_getLogs", "[{\"blockHash\":\"%s\",%s}]", hash, r->ask.requests[0].members);
	}
	rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", hash);
	fetch_send(r, q, on_logs);
}
