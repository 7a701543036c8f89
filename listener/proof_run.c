/* proof_run: the questions that prove blocks, one request at a time; what the answers mean is proof.c's. */
#include "listener/proof.h"
#include "listener/refusal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CALLS_MOST = 100,
	RECEIPTS_FIRST = 8, /* blocks whose receipts are asked for at once, before it is known what they take */
	RECEIPTS_BYTES = 1 << 20, /* of one answer about them, as far as one can tell */
};

struct proof_job {
	struct proof_ask ask;
	void (*fn)(void *arg, const struct proof_reply *r);
	void *arg;
	struct arena mem, unit; /* of the job; of the receipts in work */
	struct timer *timer;
	struct loop *loop;
	struct rpc_request *q; /* in flight */
	uint64_t sent_ms;      /* of it */
	struct proof_reply reply;
	struct proof_block *blocks;
	size_t *todo, ntodo;      /* indexes of the blocks that must be asked about */
	size_t at;                /* single: the one in work */
	struct receipts receipts; /* single: of it, so far */
};

static void job_free(struct proof_job *j)
{
	timer_free(&j->timer);
	arena_fini(&j->mem);
	arena_fini(&j->unit);
	free(j);
}

static void finish(void *arg)
{
	struct proof_job *j = arg;
	j->reply.blocks = j->blocks;
	j->fn(j->arg, &j->reply);
	job_free(j);
}

static void succeed(struct proof_job *j)
{
	j->reply.ok = true;
	finish(j);
}

static void gave_up(struct proof_job *j, const struct rpc_reply *q, int call)
{
	struct err *e = &j->reply.err;
	j->reply.ok = false;
	j->reply.failed = q;
	j->reply.call = call;
	*e = q->err;
	if (call >= 0) {
		const struct rpc_answer *a = &q->answers[call];
		err_put(e, ERR_TRANSIENT, "%.*s (%d)", (int)(a->message.n < 200 ? a->message.n : 200), a->message.p,
			a->code);
	}
	finish(j);
}

static bool is_too_often(struct proof_job *j, const struct rpc_reply *q, int call)
{
	return j->ask.too_often && j->ask.too_often(j->ask.pace_arg, q, call);
}

/* false: the exchange failed: the same is asked again, or the job is gone. */
static bool came(struct proof_job *j, const struct rpc_reply *q, void (*again)(struct proof_job *j))
{
	j->q = NULL;
	j->reply.bytes += q->bytes;
	if (j->reply.requests == 1)
		j->reply.took_us = q->first_us ? q->first_us : q->took_us;
	if (!q->ok && is_too_often(j, q, -1))
		again(j);
	else if (!q->ok)
		gave_up(j, q, -1);
	return q->ok;
}

static void put_out(struct proof_job *j, struct rpc_request *q, rpc_done_fn fn)
{
	uint32_t calls = (uint32_t)rpc_calls(q), paid = j->reply.requests++ == 0 ? j->ask.charged : 0;
	uint64_t ms = j->ask.pace && calls > paid ? j->ask.pace(j->ask.pace_arg, calls - paid) : 0;
	rpc_after(q, ms);
	j->sent_ms = loop_now_ms(j->loop) + ms;
	j->q = q;
	rpc_send(q, fn, j);
}

uint64_t proof_heard_ms(const struct proof_job *j)
{
	return j->sent_ms;
}

static const struct block_header *header(const struct proof_job *j, size_t todo)
{
	return &j->ask.headers[j->todo[todo]];
}

/* Not proved this time, and no verdict about anybody. */
static void later(struct proof_job *j, size_t todo, const char *why)
{
	struct proof_block *b = &j->blocks[j->todo[todo]];
	b->again = true;
	if (b->verdict != PROOF_REFUTED)
		snprintf(b->why, sizeof b->why, "%.140s, block %" PRIu64, why, header(j, todo)->number);
}

static void prove(struct proof_job *j, size_t todo, struct receipts *r)
{
	size_t i = j->todo[todo];
	proof_receipts(
		j->ask.trust, j->ask.mem, &j->ask.headers[i], &j->ask.given[i], &j->ask.filter, r, &j->blocks[i]);
}

static bool not_served(const struct rpc_reply *q, int call)
{
	const struct rpc_answer *a = &q->answers[call];
	struct refused r;
	struct refusal_view v = {.http_status = q->http_status,
		.have_answer = true,
		.code = a->code,
		.message = a->message,
		.data = a->data,
		.calls = q->calls,
		.from = -1,
		.to = -1};
	refusal_class(&r, &v);
	return r.class == REFUSAL_METHOD;
}

/* ── receipts one by one, where there are none by block ── */

static void ask_single(struct proof_job *j);

/* A receipt that names another block: the chain moved on while it was asked for. */
static bool moved(const struct proof_job *j)
{
	for (size_t i = 0; i < j->receipts.n; i++)
		if (memcmp(j->receipts.list[i].block_hash, header(j, j->at)->hash, 32) != 0)
			return true;
	return false;
}

static void next_block(struct proof_job *j)
{
	j->at++;
	j->receipts = (struct receipts){0};
	arena_reset(&j->unit);
	ask_single(j);
}

static void on_single(void *arg, const struct rpc_reply *q)
{
	struct proof_job *j = arg;
	struct err e = {0};
	bool found = true;
	if (!came(j, q, ask_single))
		return;
	for (int i = 0; i < q->calls; i++) {
		if (!q->answers[i].ok && is_too_often(j, q, i)) {
			ask_single(j);
			return;
		}
		if (!q->answers[i].ok) {
			gave_up(j, q, i);
			return;
		}
		if (!receipts_add(&j->unit, q->answers[i].result, &j->receipts, &found, &e) || !found) {
			later(j, j->at, found ? e.text : "a receipt of a transaction of the block is not there");
			next_block(j);
			return;
		}
	}
	if (j->receipts.n < header(j, j->at)->ntxs) {
		ask_single(j);
		return;
	}
	if (moved(j))
		later(j, j->at, "its transactions stand in another block now");
	else
		prove(j, j->at, &j->receipts);
	next_block(j);
}

static void ask_single(struct proof_job *j)
{
	for (; j->at < j->ntodo && !header(j, j->at)->txs; j->at++)
		later(j, j->at, "receipts can't be asked for without the transactions of the header");
	if (j->at == j->ntodo) {
		succeed(j);
		return;
	}
	const struct block_header *h = header(j, j->at);
	struct rpc_request *q = rpc_request(j->ask.rpc);
	char hash[67];
	for (size_t i = j->receipts.n; i < h->ntxs && rpc_calls(q) < j->ask.calls_most; i++) {
		hex_to_0x(hash, h->txs[i], 32);
		rpc_call(q, "eth_getTransactionReceipt", "[\"%s\"]", hash);
	}
	put_out(j, q, on_single);
}

/* ── receipts by block ── */

static void ask_receipts(struct proof_job *j);

static void learn_size(struct proof_trust *t, const struct rpc_reply *q)
{
	uint64_t each = q->bytes / (uint64_t)q->calls;
	t->receipts_bytes = t->receipts_bytes ? (3 * t->receipts_bytes + each) / 4 : each;
}

static int receipts_at_once(const struct proof_job *j)
{
	uint64_t each = j->ask.trust->receipts_bytes, n = each ? RECEIPTS_BYTES / each : RECEIPTS_FIRST;
	return n < 1 ? 1 : n < (uint64_t)j->ask.calls_most ? (int)n : j->ask.calls_most;
}

static void on_receipts(void *arg, const struct rpc_reply *q)
{
	struct proof_job *j = arg;
	if (!came(j, q, ask_receipts))
		return;
	learn_size(j->ask.trust, q);
	for (int i = 0; i < q->calls; i++) {
		struct receipts r;
		arena_reset(&j->unit); /* what they prove is copied */
		struct err e = {0};
		bool found;
		size_t todo = j->at + (size_t)i;
		if (!q->answers[i].ok && not_served(q, i)) {
			j->at = todo;
			j->reply.no_block_receipts = true;
			ask_single(j);
			return;
		}
		if (!q->answers[i].ok && is_too_often(j, q, i)) {
			j->at = todo;
			ask_receipts(j);
			return;
		}
		if (!q->answers[i].ok) {
			gave_up(j, q, i);
			return;
		}
		if (!receipts_parse(&j->unit, q->answers[i].result, &r, &found, &e))
			later(j, todo, e.text);
		else if (!found)
			later(j, todo, "the endpoint has no receipts of it");
		else
			prove(j, todo, &r);
	}
	j->at += (size_t)q->calls;
	ask_receipts(j);
}

static void ask_receipts(struct proof_job *j)
{
	if (j->reply.no_block_receipts) {
		ask_single(j);
		return;
	}
	if (j->at == j->ntodo) {
		succeed(j);
		return;
	}
	struct rpc_request *q = rpc_request(j->ask.rpc);
	char hash[67];
	int most = receipts_at_once(j);
	for (size_t i = j->at; i < j->ntodo && rpc_calls(q) < most; i++) {
		hex_to_0x(hash, header(j, i)->hash, 32);
		rpc_call(q, "eth_getBlockReceipts", "[\"%s\"]", hash);
	}
	put_out(j, q, on_receipts);
}

/* ── another source ── */

/* Adds those of an answer that are ours. Some nodes say [] for a hash that they don't have: what counts is
 * only what stands beside the header of that hash. (R1) */
static bool take_other(struct proof_job *j, size_t todo, const struct rpc_answer *answers, struct log **all,
	size_t *n, struct err *e)
{
	struct block_header h;
	bool found = false;
	*all = NULL;
	*n = 0;
	for (size_t m = 0; m < j->ask.nmembers; m++) {
		struct log *logs, *more;
		size_t k, kept = *n;
		if (!logs_parse(&j->mem, answers[m].result, &logs, &k, e))
			return false;
		more = arena_alloc(&j->mem, (*n + k) * sizeof *more);
		if (*n > 0)
			memcpy(more, *all, *n * sizeof *more);
		for (size_t i = 0; i < k; i++)
			if (j->ask.filter.wanted(j->ask.filter.arg, &logs[i]))
				more[kept++] = logs[i];
		*all = more;
		*n = kept;
	}
	if (!header_parse(&j->mem, answers[j->ask.nmembers].result, &h, &found, e))
		return false;
	if (!found || memcmp(h.hash, header(j, todo)->hash, 32) != 0)
		return err_set(e, ERR_TRANSIENT, "the other endpoint does not have it");
	logs_sort(*all, *n);
	*n = logs_once(*all, *n);
	return true;
}

static void ask_sources(struct proof_job *j);

static void on_sources(void *arg, const struct rpc_reply *q)
{
	struct proof_job *j = arg;
	if (!came(j, q, ask_sources))
		return;
	for (int i = 0; i < q->calls; i++)
		if (!q->answers[i].ok) {
			if (is_too_often(j, q, i))
				ask_sources(j);
			else
				gave_up(j, q, i);
			return;
		}
	int each = (int)j->ask.nmembers + 1;
	for (int first = 0; first < q->calls; first += each, j->at++) {
		struct log *logs;
		size_t n, todo = j->at, i = j->todo[todo];
		struct err e = {0};
		if (take_other(j, todo, q->answers + first, &logs, &n, &e))
			proof_sources(&j->ask.headers[i], &j->ask.given[i], logs, n, &j->blocks[i]);
		else
			later(j, todo, e.text);
	}
	ask_sources(j);
}

/* The questions about one block stay in one request, so that one machine answers them, where it takes as
 * many.
 */
static void ask_sources(struct proof_job *j)
{
	if (j->at == j->ntodo) {
		succeed(j);
		return;
	}
	struct rpc_request *q = rpc_request(j->ask.rpc);
	int each = (int)j->ask.nmembers + 1;
	char hash[67];
	if (each > j->ask.calls_most) {
		rpc_pieces(q, j->ask.calls_most);
		rpc_paced(q, j->ask.pace, j->ask.pace_arg);
	}
	for (size_t i = j->at; i < j->ntodo && (i == j->at || rpc_calls(q) + each <= j->ask.calls_most); i++) {
		hex_to_0x(hash, header(j, i)->hash, 32);
		for (size_t m = 0; m < j->ask.nmembers; m++)
			rpc_call(q, "eth_getLogs", "[{\"blockHash\":\"%s\",%s}]", hash, j->ask.members[m]);
		rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", hash);
	}
	put_out(j, q, on_sources);
}

/* ── the beginning ── */

/* keccak256(0x80): the root of no receipts. */
static const uint8_t root_of_none[32] = {0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45,
	0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5,
	0xe3, 0x63, 0xb4, 0x21};

/* Is there something to ask, after what the header alone says? */
static bool open_question(struct proof_job *j, size_t i)
{
	const struct proof_ask *a = &j->ask;
	const struct block_header *h = &a->headers[i];
	struct proof_block *b = &j->blocks[i];
	proof_logs(a->trust, a->want, h, &a->given[i], &a->filter, b);
	if (b->verdict == PROOF_PROVED)
		return false;
	if (a->want != PROOF_RECEIPTS)
		return a->want == PROOF_SOURCES && b->verdict != PROOF_REFUTED;
	if (h->gas_used > 0 || memcmp(h->receipts_root, root_of_none, 32) != 0)
		return true;
	struct receipts none = {0};
	proof_receipts(a->trust, a->mem, h, &a->given[i], &a->filter, &none, b);
	return b->verdict != PROOF_PROVED;
}

struct proof_job *proof_run(struct loop *l, const struct proof_ask *ask,
	void (*fn)(void *arg, const struct proof_reply *r), void *arg)
{
	struct proof_job *j = mem_alloc(sizeof *j);
	j->ask = *ask;
	j->loop = l;
	j->sent_ms = loop_now_ms(l);
	j->ask.calls_most = ask->calls_most > 0 ? ask->calls_most : CALLS_MOST;
	j->fn = fn;
	j->arg = arg;
	j->reply.call = -1;
	j->reply.no_block_receipts = ask->single;
	j->blocks = arena_alloc(&j->mem, ask->n * sizeof *j->blocks);
	j->todo = arena_alloc(&j->mem, ask->n * sizeof *j->todo);
	for (size_t i = 0; i < ask->n; i++) {
		must(ask->given[i].known || ask->want == PROOF_RECEIPTS);
		if (open_question(j, i))
			j->todo[j->ntodo++] = i;
	}
	j->reply.ok = true;
	if (j->ntodo == 0)
		timer_start(l, &j->timer, 0, finish, j);
	else if (ask->want == PROOF_RECEIPTS)
		ask_receipts(j);
	else
		ask_sources(j);
	return j;
}

void proof_cancel(struct proof_job *j)
{
	if (j->q)
		rpc_cancel(j->q);
	job_free(j);
}
