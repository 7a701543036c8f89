/* The logs of blocks by their hashes, and what of such an answer counts (R1, R2). */
#include "listener/fetch_in.h"

#include "common/io/log.h"

#include <inttypes.h>

enum { WAIT_MS = 50, WAITS_MOST = 20 };

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
		if (fetch_refuse(r, q, call, "eth_getLogs", number, number, &e) == LEARNER_FLOOR &&
			(q->ok || r->nheaders == 1)) {
			by_receipts(r, i);
			return true;
		}
		reader_provider_error(r, &e);
		return false;
	}
	if (str_is(q->answers[call].result, "null")) { /* so some say that they don't have the block (R2) */
		fetch_unsure(r, q, "the node has no logs of a block that it has shown", fetch_logs);
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
	fetch_unsure(r, q,
		"the node does not know a block that it has just shown; it may have moved to another branch",
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

/* behind: the answer about the last block, which came behind its logs; NULL: it was found to be that block.
 */
static void took_logs(struct reader *r, const struct rpc_reply *q, const struct rpc_answer *behind)
{
	bool doubt = false;
	struct err e = {0};
	r->prove.unknown = NULL;
	if (q->ok && behind && behind->ok && str_is(behind->result, "null")) { /* whatever it says of its logs */
		unknown(r, q);
		return;
	}
	if (!take_logs(r, q, &r->logs, &r->nlogs, &doubt)) {
		range_refused(&r->blocks);
		return;
	}
	if (q->ok && behind && !still_known(r, q, behind))
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

static bool all_ok(const struct rpc_reply *q)
{
	bool ok = q->ok;
	for (int i = 0; ok && i < q->calls; i++)
		ok = q->answers[i].ok;
	return ok;
}

static void on_logs(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r))
		return;
	if (all_ok(q))
		density_saw(&r->seen, &r->filter, r->headers, r->nheaders, q->bytes);
	took_logs(r, q, &q->answers[q->calls - 1]);
}

static void ask_live(struct reader *r);

/* The socket answers no such question, or not now. What is too often over it is so otherwise, and a block
 * that it does not know has left the chain. */
static bool near_failed(const struct reader *r, const struct rpc_reply *q)
{
	for (int i = 0; r->near && q->ok && i < 2; i++) {
		struct refused refused;
		if (q->answers[i].ok)
			continue;
		provider_refusal(&refused, q, i, r->step.from, r->step.from);
		return refused.class != REFUSAL_RATE && refused.class != REFUSAL_HEAD;
	}
	return r->near && !q->ok;
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
	if (near_failed(r, q)) {
		fetch_near_failed(r);
		ask_live(r);
		return;
	}
	if (r->near)
		provider_near_said(r->p, true);
	r->headers = arena_alloc(&r->mem, sizeof *r->headers);
	r->nheaders = 1;
	bool known = q->ok && q->answers[1].ok &&
				 header_parse(&r->mem, q->answers[1].result, r->headers, &found, &e) && found &&
				 (int64_t)r->headers[0].number == r->step.from &&
				 memcmp(r->headers[0].hash, r->asked, 32) == 0; /* INV-9 */
	if (!known) {
		if (q->ok && q->answers[1].ok)
			fetch_part(r, q);
		else if (q->ok)
			fetch_refuse(r, q, 1, "eth_getBlockByHash", -1, -1, &e);
		else if (!fetch_ok(r, q, 0, "eth_getLogs", -1, -1))
			return;
		fetch_headers(r);
		return;
	}
	fetch_hear_tag(r, q, 2);
	if (!prove_header(&r->prove, &r->mem, q->answers[1].result, &e)) {
		fetch_lie(r, q, "eth_getBlockByHash", &e);
		return;
	}
	if (!fetch_links(r, r->step.from, r->headers[0].parent)) {
		fetch_good(r, q);
		reorg_look(r);
		return;
	}
	r->calls = arena_alloc(&r->mem, sizeof *r->calls); /* the first */
	took_logs(r, q, NULL);
}

static void ask_live(struct reader *r)
{
	char text[67];
	hex_to_0x(text, r->asked, 32);
	struct rpc_request *q = fetch_open_at(r, r->rang, r->step.from, 3);
	if (!q)
		return;
	rpc_call(q, "eth_getLogs", "[{\"blockHash\":\"%s\",%s}]", text, r->ask.requests[0].members);
	rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", text);
	fetch_ask_tag(r, q);
	fetch_send(r, q, on_live);
}

void fetch_live(struct reader *r, const uint8_t hash[32])
{
	memcpy(r->asked, hash, 32);
	reader_enter(r, READER_LIVE);
	ask_live(r); /* first: the endpoint's answer is what the commit waits for longest */
	if (r->asking && ahead_may(r))
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
