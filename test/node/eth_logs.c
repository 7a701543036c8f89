#include "common/evm/address.h"
#include "test/node/ask.h"

#include <stdlib.h>

/* eth_getLogs and receipts: what is refused, and where an answer comes from. */

static bool say(struct ask *a, enum say how, enum words_kind kind, uint64_t from, uint64_t to)
{
	if (how == SAY_ERROR)
		return ask_fail_in_words(a, kind,
			&(struct words_numbers){.from = from, .to = to, .range = to - from + 1, .limit = a->view.head});
	buf_text(&a->result, how == SAY_NULL ? "null" : "[]");
	return true;
}

/* A bound of the range: beyond the head it is a number still. */
static bool bound(struct ask *a, const cJSON *v, const char *otherwise, uint64_t *n)
{
	struct block *k;
	if (cJSON_IsString(v) && text_starts(v->valuestring, "0x"))
		return str_hex_to_u64(str_of(v->valuestring), n) ||
			   ask_fail(a, -32602, "invalid argument 0: a block number is no quantity");
	cJSON tag = {.type = cJSON_String, .valuestring = (char *)(uintptr_t)otherwise};
	if (!ask_block(a, v ? v : &tag, &k))
		return false;
	if (!k)
		return ask_fail(a, -39001, "%s block not found", v ? v->valuestring : otherwise);
	*n = k->number;
	return true;
}

static bool refuse_range(struct ask *a, const struct filter *f, uint64_t from, uint64_t to)
{
	const struct limits *l = &a->ep->limits;
	struct words_numbers n = {
		.from = from, .to = to, .range = to - from + 1, .first = l->history, .count = f->naddresses};
	if (l->history && from < l->history && !l->history_empty) {
		n.limit = l->history;
		return ask_fail_in_words(a, WORDS_HISTORY, &n);
	}
	if (l->range && n.range > l->range) {
		n.limit = l->range;
		n.upto = from + l->range - 1;
		return ask_fail_in_words(a, WORDS_RANGE, &n);
	}
	if (l->timeout && n.range > l->timeout)
		return ask_fail_in_words(a, WORDS_TIMEOUT, &n);
	bool many = l->addresses && f->naddresses > l->addresses;
	for (int t = 0; t < 4; t++)
		many = many || (l->topics && f->ntopics[t] > l->topics);
	if (many) {
		n.limit = l->addresses ? l->addresses : l->topics;
		return ask_fail_in_words(a, WORDS_MANY, &n);
	}
	return true;
}

static bool refuse_results(struct ask *a, struct query *q, uint64_t from, uint64_t to)
{
	const struct limits *l = &a->ep->limits;
	uint64_t bytes;
	if (!l->results && !l->bytes)
		return true;
	uint64_t count = query_count(q, l->results, l->bytes, &bytes);
	if (!(l->results && count > l->results) && !(l->bytes && bytes > l->bytes))
		return true;
	/* The longest beginning of the range that would have passed. */
	size_t n = q->n, good = 0;
	for (size_t low = 1, high = n - 1; low <= high && high < n;) {
		q->n = low + (high - low) / 2;
		uint64_t c = query_count(q, l->results, l->bytes, &bytes);
		if ((l->results && c > l->results) || (l->bytes && bytes > l->bytes)) {
			high = q->n - 1;
		} else {
			good = q->n;
			low = q->n + 1;
		}
	}
	q->n = n;
	struct words_numbers numbers = {.from = from,
		.to = to,
		.range = to - from + 1,
		.limit = l->results ? l->results : l->bytes,
		.count = count,
		.upto = from + (good ? good - 1 : 0)};
	return ask_fail_in_words(a, WORDS_RESULTS, &numbers);
}

/* Blocks whose logs this machine has not written yet are as empty. */
static uint64_t newest_with_logs(const struct ask *a)
{
	uint64_t behind = a->ep->logs_behind;
	return behind > a->view.head ? 0 : a->view.head - behind;
}

static bool give(struct ask *a, struct query *q, uint64_t from, uint64_t to)
{
	if (!refuse_range(a, &q->filter, from, to) || !refuse_results(a, q, from, to)) {
		query_free(q);
		return false;
	}
	a->query = q;
	return true;
}

static bool logs_of_hash(struct ask *a, const cJSON *o, struct query *q)
{
	struct block *k;
	cJSON by = {.type = cJSON_Object};
	by.child = (cJSON *)(uintptr_t)json_get(o, "blockHash");
	if (json_get(o, "fromBlock") || json_get(o, "toBlock"))
		return ask_fail(a, -32602,
			"invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the "
			"other");
	if (!ask_block(a, &by, &k))
		return false;
	if (!k)
		return say(a, a->ep->unknown_hash, WORDS_UNKNOWN, 0, 0);
	bool here = branch_has(a->view.branch, k);
	if (here && k->number > newest_with_logs(a))
		return say(a, a->ep->logs_missing, WORDS_UNKNOWN, k->number, k->number);
	q->blocks = mem_alloc(sizeof *q->blocks);
	q->blocks[q->n++] = k;
	return true;
}

static bool logs_of_range(struct ask *a, const cJSON *o, struct query *q, uint64_t *from, uint64_t *to)
{
	const struct endpoint *ep = a->ep;
	if (!bound(a, json_get(o, "fromBlock"), "latest", from) ||
		!bound(a, json_get(o, "toBlock"), "latest", to))
		return false;
	if (*from > *to)
		return ask_fail(a, -32602, "invalid block range params");
	if (*from > a->view.head && ep->future != SAY_CLAMP)
		return say(a, ep->future, WORDS_FUTURE, *from, *to);
	if (*to > a->view.head && ep->beyond != SAY_CLAMP)
		return say(a, ep->beyond, WORDS_FUTURE, *from, *to);
	uint64_t last = *to < a->view.head ? *to : a->view.head, first = *from;
	uint64_t ready = newest_with_logs(a);
	if (last > ready && ep->logs_missing != SAY_EMPTY)
		return say(a, ep->logs_missing, WORDS_UNKNOWN, *from, *to);
	if (last > ready)
		last = ready;
	if (ep->limits.history_empty && first < ep->limits.history)
		first = ep->limits.history;
	q->blocks = mem_alloc((last >= first ? last - first + 1 : 0) * sizeof *q->blocks + 1);
	for (uint64_t n = first; n <= last; n++)
		q->blocks[q->n++] = a->view.branch->at[n];
	return true;
}

bool eth_get_logs(struct ask *a)
{
	const cJSON *o = ask_param(a, 0);
	struct query *q = query_new(a->ep, IN_LOGS);
	struct err e;
	uint64_t from = 0, to = 0;
	if (!filter_read(&q->arena, o, &q->filter, &e)) {
		query_free(q);
		return ask_fail(a, -32602, "%s", e.text);
	}
	bool by_hash = json_get(o, "blockHash") != NULL;
	bool ok = by_hash ? logs_of_hash(a, o, q) : logs_of_range(a, o, q, &from, &to);
	if (!ok || a->result.n > 0) {
		query_free(q);
		return ok;
	}
	if (by_hash)
		from = to = q->blocks[0]->number;
	return give(a, q, from, to);
}

/* ── receipts ──────────────────────────────────────────────────────────────────────────────────────────── */

static void put_logs_of(struct ask *a, struct buf *b, const struct block *k, uint32_t i, uint8_t bloom[256],
	struct lie *const *lies, size_t nlies)
{
	struct arena arena = {0};
	put_key(b, "logs");
	buf_char(b, '[');
	for (uint32_t n = 0; n < k->txs[i].nlogs; n++) {
		struct log l;
		block_log(k, i, n, &arena, &l);
		bloom_add(bloom, l.address, 20);
		for (unsigned t = 0; t < l.ntopics; t++)
			bloom_add(bloom, l.topics[t], 32);
		bool gone = false;
		for (size_t x = 0; x < nlies; x++) {
			bool hit = lie_hits(lies[x], &l, (uint32_t)l.log_index);
			gone |= lies[x]->kind == LIE_EMPTY || (hit && lies[x]->kind == LIE_OMIT);
			if (hit && lies[x]->kind == LIE_FORGE) {
				l.data.p = l.data.n ? arena_copy(&arena, l.data.p, l.data.n) : NULL;
				lie_forge(lies[x], &l);
			}
		}
		if (!gone && b->p[b->n - 1] != '[')
			buf_char(b, ',');
		if (!gone)
			put_log_json(b, a->ep, &l);
		arena_reset(&arena);
	}
	buf_char(b, ']');
	arena_fini(&arena);
}

static void put_receipt(
	struct ask *a, struct buf *b, const struct block *k, uint32_t i, struct lie *const *lies, size_t nlies)
{
	const struct mined *m = &k->txs[i];
	uint8_t bloom[256] = {0}, made[20];
	buf_char(b, '{');
	put_field_data(b, "transactionHash", m->txn->hash, 32);
	put_field_u64(b, "transactionIndex", i);
	put_field_data(b, "blockHash", k->hash, 32);
	put_field_u64(b, "blockNumber", k->number);
	put_field_data(b, "from", m->txn->from, 20);
	address_of_create(made, m->txn->from, m->txn->tx.nonce);
	put_key(b, "to");
	if (m->txn->tx.create)
		buf_text(b, "null");
	else
		put_data(b, m->txn->tx.to, 20);
	put_key(b, "contractAddress");
	if (m->txn->tx.create)
		put_data(b, made, 20);
	else
		buf_text(b, "null");
	put_field_u64(b, "cumulativeGasUsed", m->gas_before + m->gas_used);
	put_field_u64(b, "gasUsed", m->gas_used);
	put_field_u256(b, "effectiveGasPrice", m->price);
	put_field_u64(b, "status", m->ok);
	put_field_u64(b, "type", m->txn->kind);
	if (m->txn->kind == TXN_DEPOSIT) {
		put_field_u64(b, "depositNonce", m->txn->tx.nonce);
		put_field_u64(b, "depositReceiptVersion", 1);
	}
	put_logs_of(a, b, k, i, bloom, lies, nlies);
	put_field_data(b, "logsBloom", bloom, 256);
	buf_char(b, '}');
}

static bool pruned(struct ask *a, const struct block *k, bool *empty)
{
	const struct limits *l = &a->ep->limits;
	*empty = l->history && k->number < l->history && l->history_empty;
	return l->history && k->number < l->history && !l->history_empty;
}

bool eth_block_receipts(struct ask *a)
{
	struct block *k;
	uint8_t hash[32];
	struct lie *lies[8];
	bool empty = false;
	const cJSON *v = ask_param(a, 0);
	cJSON by = {.type = cJSON_Object},
		  inner = {.type = cJSON_String, .string = (char *)(uintptr_t) "blockHash"};
	if (json_fixed(v, hash, 32)) {
		inner.valuestring = v->valuestring;
		by.child = &inner;
		v = &by;
	}
	if (!ask_block(a, v, &k))
		return false;
	if (k && pruned(a, k, &empty))
		return ask_fail_in_words(a, WORDS_HISTORY,
			&(struct words_numbers){.from = k->number, .to = k->number, .first = a->ep->limits.history});
	bool late = k && branch_has(a->view.branch, k) && k->number > newest_with_logs(a);
	if (!k || empty || late) {
		buf_text(&a->result, "null");
		return true;
	}
	size_t nlies = lies_take(a->ep, IN_RECEIPTS, lies, 8);
	buf_char(&a->result, '[');
	for (uint32_t i = 0; i < k->ntxs; i++) {
		if (i > 0)
			buf_char(&a->result, ',');
		put_receipt(a, &a->result, k, i, lies, nlies);
	}
	buf_char(&a->result, ']');
	return true;
}

bool eth_receipt(struct ask *a)
{
	uint8_t hash[32];
	struct block *k;
	struct lie *lies[8];
	if (!json_fixed(ask_param(a, 0), hash, 32))
		return ask_fail(a, -32602, "invalid argument 0: json: cannot unmarshal hex string into common.Hash");
	const struct mined *m = chain_find_tx(&a->ep->world->chain, a->view.branch, a->view.head, hash, &k);
	if (m)
		put_receipt(a, &a->result, k, (uint32_t)(m - k->txs), lies, lies_take(a->ep, IN_RECEIPTS, lies, 8));
	else
		buf_text(&a->result, "null");
	return true;
}
