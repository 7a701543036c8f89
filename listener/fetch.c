/* The node's side of a reader: what is asked, and what of the answer counts (R1, R2, R5). */
#include "listener/fetch.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>

/* A whole request failed, or one call in it: the provider's fault until shown otherwise. */
bool fetch_answer_ok(struct reader *r, const struct rpc_reply *q, int i, const char *what)
{
	struct err e = q->err;
	if (q->ok && q->answers[i].ok)
		return true;
	if (q->ok)
		err_put(&e, ERR_TRANSIENT, "%s: %.*s (%d)", what,
			(int)(q->answers[i].message.n < 200 ? q->answers[i].message.n : 200), q->answers[i].message.p,
			q->answers[i].code);
	reader_provider_error(r, &e);
	return false;
}

void fetch_node_answered(struct reader *r)
{
	if (r->failures > 0)
		log_info("provider.ok", "The provider answers again", F_STR("chain", r->chain->name),
			F_UINT("failures", r->failures));
	r->failures = 0;
	r->rpc_ok = true;
}

void fetch_nonsense(struct reader *r, const char *what, struct err *e)
{
	err_prefix_put(e, "%s", what);
	reader_provider_error(r, e);
}

/* ── which chain is it ── */

/* A chain never read before: the cursor stands just below the first block that a contract asks for (K-16). */
static bool first_cursor(struct reader *r, const struct rpc_answer *head)
{
	uint64_t newest;
	struct err e;
	if (!r->start_latest) {
		r->row.done = r->start - 1;
		return true;
	}
	if (!head->ok || !quantity_u64(head->result, &newest, &e))
		return false;
	r->row.done = (int64_t)newest;
	return true;
}

static void on_ident(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	struct u256 id;
	struct err e = {0};
	if (!reader_back(r) || !fetch_answer_ok(r, q, 0, "eth_chainId"))
		return;
	if (!quantity_parse(q->answers[0].result, &id, &e)) {
		fetch_nonsense(r, "eth_chainId", &e);
		return;
	}
	char says[U256_DEC_MAX], ours[U256_DEC_MAX];
	u256_to_dec(says, id);
	u256_to_dec(ours, r->row.network);
	if (r->chain->has_id && u256_cmp(id, u256_of(r->chain->id)) != 0) {
		reader_halt(r,
			"The node says that it is chain %s, the file says chain %s is %" PRIu64
			"; give the right rpc: or id:, nothing is read until then",
			says, r->chain->name, r->chain->id);
		return;
	}
	if (r->row.has_network && u256_cmp(id, r->row.network) != 0) {
		reader_halt(r,
			"The node says that it is chain %s, but what is stored for chain %s came from chain %s"
			"; give the right rpc:, nothing is read until then",
			says, r->chain->name, ours);
		return;
	}
	fetch_node_answered(r);
	if (!r->row.has_network && !first_cursor(r, &q->answers[1]))
		reader_retry(r, "the node does not say which block is its newest");
	else if (!r->row.has_network)
		store_network(r, id);
	else
		reader_identified(r);
}

void fetch_ident(struct reader *r)
{
	reader_enter(r, READER_IDENT);
	struct rpc_request *q = rpc_request(r->rpc);
	rpc_call(q, "eth_chainId", "[]");
	rpc_call(q, "eth_blockNumber", "[]");
	r->in_flight = true;
	rpc_send(q, on_ident, r);
}

/* ── blocks by hash ── */

void fetch_ask_header(struct rpc_request *q, int64_t number)
{
	rpc_call(q, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]", (uint64_t)number);
}

static void ask_tag(struct reader *r, struct rpc_request *q)
{
	if (final_tag(&r->final))
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

static bool links(const struct reader *r, int64_t number, const uint8_t parent[32])
{
	const uint8_t *ours = window_hash(&r->window, number - 1);
	return !ours || memcmp(ours, parent, 32) == 0;
}

static void fetch_logs(struct reader *r);

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
			fetch_nonsense(r, "eth_getBlockByNumber", &e);
			return false;
		}
		if (!found)
			break; /* a head race: this endpoint does not have it yet */
		if (h->number != (uint64_t)r->step.from + i) {
			err_put(&e, ERR_MALFORMED, "asked for block %" PRIu64 ", got block %" PRIu64,
				(uint64_t)r->step.from + i, h->number);
			reader_provider_error(r, &e);
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
	if (!reader_back(r) || !fetch_answer_ok(r, q, 0, "eth_getBlockByNumber")) {
		if (r->phase == READER_RETRY)
			range_refused(&r->blocks);
		return;
	}
	fetch_node_answered(r);
	if (!take_headers(r, q, (size_t)(r->step.to - r->step.from + 1)))
		return;
	hear_tag(r, q, (int)(r->step.to - r->step.from + 1));
	if (r->nheaders == 0) {
		reader_retry(r, "the node has shown a head that it can't give yet");
		return;
	}
	if (!links(r, r->step.from, r->headers[0].parent)) {
		r->round = 1;
		reorg_look(r);
		return;
	}
	if (r->ask.n == 0)
		store_step(r);
	else
		fetch_logs(r);
}

void fetch_headers(struct reader *r)
{
	reader_enter(r, READER_HEADERS);
	struct rpc_request *q = rpc_request(r->rpc);
	for (int64_t i = r->step.from; i <= r->step.to; i++)
		fetch_ask_header(q, i);
	ask_tag(r, q);
	r->in_flight = true;
	rpc_send(q, on_headers, r);
}

/* A log counts when it names the block that was asked for and is of the kind that was asked for (P11). */
static bool log_belongs(
	const struct reader *r, const struct log *log, const struct block_header *h, struct err *e)
{
	if (log->removed)
		return err_set(
			e, ERR_MALFORMED, "a removed log in an answer to eth_getLogs, block %" PRIu64, log->block);
	if (h && (log->block != h->number || memcmp(log->block_hash, h->hash, 32) != 0))
		return err_set(e, ERR_MALFORMED, "asked for the logs of block %" PRIu64 ", got one of block %" PRIu64,
			h->number, log->block);
	if (!filter_asked(&r->ask, 0, log))
		return err_set(e, ERR_MALFORMED, "a log of block %" PRIu64 " that was not asked for", log->block);
	return true;
}

static bool take_logs(struct reader *r, const struct rpc_reply *q, struct log **all, size_t *n, bool *doubt)
{
	struct err e = {0};
	size_t cap = 0;
	*n = 0;
	*all = NULL;
	for (size_t i = 0; i < r->nheaders; i++) {
		struct log *logs;
		size_t k;
		if (!fetch_answer_ok(r, q, (int)i, "eth_getLogs"))
			return false;
		if (!logs_parse(&r->mem, q->answers[i].result, &logs, &k, &e)) {
			fetch_nonsense(r, "eth_getLogs", &e);
			return false;
		}
		for (size_t j = 0; j < k; j++)
			if (!log_belongs(r, &logs[j], &r->headers[i], &e)) {
				fetch_nonsense(r, "eth_getLogs", &e);
				return false;
			}
		if (k == 0 && filter_bloom(&r->filter, r->headers[i].bloom))
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

/* R1: does the endpoint still know the last block by its hash? Some nodes say [] for a hash that they don't
 * have. */
static bool still_known(struct reader *r, const struct rpc_answer *a)
{
	struct block_header h;
	struct err e = {0};
	bool found = false;
	const struct block_header *last = &r->headers[r->nheaders - 1];
	if (a->ok && header_parse(&r->mem, a->result, &h, &found, &e) && found &&
		memcmp(h.hash, last->hash, 32) == 0)
		return true;
	reader_retry(
		r, "the node does not know a block that it has just shown; it may have moved to another branch");
	return false;
}

static void took_logs(struct reader *r, const struct rpc_reply *q)
{
	bool doubt = false;
	if (!take_logs(r, q, &r->logs, &r->nlogs, &doubt)) {
		range_refused(&r->blocks);
		return;
	}
	fetch_node_answered(r);
	if (!still_known(r, &q->answers[r->nheaders]))
		return;
	if (doubt && !r->asked_again) {
		r->asked_again = true;
		fetch_logs(r);
		return;
	}
	range_ok(&r->blocks);
	store_step(r);
}

static void on_logs(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (reader_back(r))
		took_logs(r, q);
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
		fetch_headers(r);
		return;
	}
	hear_tag(r, q, 2);
	if (!links(r, r->step.from, r->headers[0].parent)) {
		r->round = 1;
		reorg_look(r);
		return;
	}
	took_logs(r, q);
}

void fetch_live(struct reader *r, const uint8_t hash[32])
{
	reader_enter(r, READER_LIVE);
	struct rpc_request *q = rpc_request(r->rpc);
	char text[67];
	memcpy(r->asked, hash, 32);
	hex_to_0x(text, hash, 32);
	rpc_call(q, "eth_getLogs", "[{\"blockHash\":\"%s\",%s}]", text, r->ask.requests[0].members);
	rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", text);
	ask_tag(r, q);
	r->in_flight = true;
	rpc_send(q, on_live, r);
}

static void fetch_logs(struct reader *r)
{
	reader_enter(r, READER_LOGS);
	struct rpc_request *q = rpc_request(r->rpc);
	char hash[67];
	for (size_t i = 0; i < r->nheaders; i++) {
		hex_to_0x(hash, r->headers[i].hash, 32);
		rpc_call(q, "eth_getLogs", "[{\"blockHash\":\"%s\",%s}]", hash, r->ask.requests[0].members);
	}
	rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", hash);
	r->in_flight = true;
	rpc_send(q, on_logs, r);
}

/* ── a range below the window ── */

static void fetch_times(struct reader *r);

static void on_times(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	if (!reader_back(r))
		return;
	for (int i = 0; i < q->calls || !q->ok; i++) {
		struct block_header h;
		struct err e = {0};
		bool found = false;
		if (!fetch_answer_ok(r, q, i, "eth_getBlockByHash"))
			return;
		if (!header_parse(&r->mem, q->answers[i].result, &h, &found, &e) || !found) {
			err_put(&e, ERR_TRANSIENT, "eth_getBlockByHash: a block whose logs were given is not known");
			reader_provider_error(r, &e);
			return;
		}
		for (size_t k = 0; k < r->nlogs; k++)
			if (memcmp(r->logs[k].block_hash, h.hash, 32) == 0) {
				r->logs[k].has_time = true;
				r->logs[k].time = h.time;
			}
	}
	fetch_times(r);
}

/* Asks for the headers of up to 100 blocks whose time is not known; none left: the step is complete. */
static void fetch_times(struct reader *r)
{
	struct rpc_request *q = NULL;
	const uint8_t *last = NULL;
	for (size_t k = 0; k < r->nlogs && (!q || rpc_calls(q) < 100); k++) {
		const struct log *log = &r->logs[k];
		if (log->has_time || (last && memcmp(last, log->block_hash, 32) == 0))
			continue;
		char hash[67];
		hex_to_0x(hash, log->block_hash, 32);
		q = q ? q : rpc_request(r->rpc);
		rpc_call(q, "eth_getBlockByHash", "[\"%s\",false]", hash);
		last = log->block_hash;
	}
	if (!q) {
		store_step(r);
		return;
	}
	reader_enter(r, READER_TIMES);
	r->in_flight = true;
	rpc_send(q, on_times, r);
}

/* INV-9, R2: the range counts because its last header was the same before and after the logs were read. */
static bool anchored(struct reader *r, const struct rpc_reply *q, struct block_header *h)
{
	struct block_header again;
	struct err e = {0};
	bool found = false, found_again = false;
	if (!fetch_answer_ok(r, q, 0, "eth_getBlockByNumber") ||
		!fetch_answer_ok(r, q, 2, "eth_getBlockByNumber"))
		return false;
	if (!header_parse(&r->mem, q->answers[0].result, h, &found, &e) ||
		!header_parse(&r->mem, q->answers[2].result, &again, &found_again, &e)) {
		fetch_nonsense(r, "eth_getBlockByNumber", &e);
		return false;
	}
	if (!found || !found_again || h->number != (uint64_t)r->step.to || memcmp(h->hash, again.hash, 32) != 0) {
		reader_retry(r, "the node's answers about the end of a range do not agree");
		return false;
	}
	return true;
}

static void on_range(void *arg, const struct rpc_reply *q)
{
	struct reader *r = arg;
	struct err e = {0};
	if (!reader_back(r))
		return;
	struct block_header *h = arena_alloc(&r->mem, sizeof *h);
	if (q->ok ? !q->answers[1].ok : q->err.class != ERR_MALFORMED)
		range_refused(&r->range); /* too much at once, by the node's own measure; by trying it is found out */
	if (!anchored(r, q, h) || !fetch_answer_ok(r, q, 1, "eth_getLogs"))
		return;
	fetch_node_answered(r);
	if (!logs_parse(&r->mem, q->answers[1].result, &r->logs, &r->nlogs, &e)) {
		fetch_nonsense(r, "eth_getLogs", &e);
		return;
	}
	for (size_t i = 0; i < r->nlogs; i++) {
		const struct log *log = &r->logs[i];
		bool inside = log->block >= (uint64_t)r->step.from && log->block <= (uint64_t)r->step.to;
		if (!inside)
			err_put(&e, ERR_MALFORMED, "a log of block %" PRIu64 " in an answer about %" PRId64 "..%" PRId64,
				log->block, r->step.from, r->step.to);
		if (!inside || !log_belongs(r, log, log->block == h->number ? h : NULL, &e)) {
			fetch_nonsense(r, "eth_getLogs", &e);
			return;
		}
	}
	range_ok(&r->range);
	r->headers = h;
	r->nheaders = 1;
	fetch_times(r);
}

void fetch_range(struct reader *r)
{
	reader_enter(r, READER_RANGE);
	struct rpc_request *q = rpc_request(r->rpc);
	fetch_ask_header(q, r->step.to);
	if (r->ask.n > 0)
		rpc_call(q, "eth_getLogs", "[{\"fromBlock\":\"0x%" PRIx64 "\",\"toBlock\":\"0x%" PRIx64 "\",%s}]",
			(uint64_t)r->step.from, (uint64_t)r->step.to, r->ask.requests[0].members);
	else
		rpc_call(q, "eth_blockNumber", "[]");
	fetch_ask_header(q, r->step.to);
	r->in_flight = true;
	rpc_send(q, on_range, r);
}
