#include "test/node/ask.h"

#include <stdarg.h>
#include <stdlib.h>

bool ask_fail(struct ask *a, int64_t code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	a->code = code;
	buf_clear(&a->message);
	buf_vprintf(&a->message, fmt, ap);
	va_end(ap);
	return false;
}

bool ask_fail_in_words(struct ask *a, enum words_kind kind, const struct words_numbers *n)
{
	const struct words *own = &a->ep->limits.words[kind];
	const struct words *w = own->who ? own : words_get("geth", kind);
	struct words_numbers all = *n;
	all.head = a->view.head;
	a->status = w->status;
	a->headers = w->headers;
	a->body = w->body;
	a->code = w->code;
	buf_clear(&a->message);
	words_fill(&a->message, w->message ? w->message : "refused", &all);
	if (w->data)
		words_fill(&a->data, w->data, &all);
	return false;
}

const cJSON *ask_param(const struct ask *a, int i)
{
	const cJSON *v = cJSON_IsArray(a->params) ? cJSON_GetArrayItem(a->params, i) : NULL;
	return v && !cJSON_IsNull(v) ? v : NULL;
}

static struct block *tagged(const struct view *v, uint64_t lag)
{
	if (lag == UINT64_MAX || (lag > v->head && !v->ep->low_tags))
		return NULL;
	return v->branch->at[lag > v->head ? 0 : v->head - lag];
}

static bool by_tag(struct ask *a, const char *tag, struct block **k)
{
	const struct view *v = &a->view;
	*k = NULL;
	if (text_is(tag, "latest") || text_is(tag, "pending"))
		*k = view_head(v);
	else if (text_is(tag, "earliest"))
		*k = v->branch->at[0];
	else if (text_is(tag, "safe"))
		*k = tagged(v, v->ep->safe);
	else if (text_is(tag, "finalized"))
		*k = tagged(v, v->ep->final);
	else
		return ask_fail(a, -32602, "invalid argument 0: hex string without 0x prefix");
	return true;
}

static bool by_hash(struct ask *a, const cJSON *v, struct block **k)
{
	uint8_t hash[32];
	if (!json_fixed(v, hash, 32))
		return ask_fail(a, -32602, "invalid argument 0: json: cannot unmarshal hex string into common.Hash");
	*k = chain_block(&a->ep->world->chain, hash);
	/* A block that this machine has not come to yet. */
	if (*k && branch_has(a->view.branch, *k) && (*k)->number > a->view.head)
		*k = NULL;
	if (!*k && a->ep->has_genesis && memcmp(hash, a->ep->genesis, 32) == 0)
		*k = a->view.branch->at[0];
	return true;
}

bool ask_block(struct ask *a, const cJSON *v, struct block **k)
{
	uint64_t n;
	*k = NULL;
	if (!v)
		return by_tag(a, "latest", k);
	if (cJSON_IsObject(v)) {
		const cJSON *hash = json_get(v, "blockHash");
		return hash ? by_hash(a, hash, k) : ask_block(a, json_get(v, "blockNumber"), k);
	}
	if (!cJSON_IsString(v))
		return ask_fail(a, -32602, "invalid argument 0: a block is a tag or a number");
	if (!text_starts(v->valuestring, "0x"))
		return by_tag(a, v->valuestring, k);
	if (!str_hex_to_u64(str_of(v->valuestring), &n))
		return ask_fail(a, -32602, "invalid argument 0: hex number is no quantity");
	if (n <= a->view.head)
		*k = a->view.branch->at[n];
	return true;
}

/* ── headers ───────────────────────────────────────────────────────────────────────────────────────────── */

static void put_field_raw(struct buf *b, const char *name, const char *json)
{
	put_key(b, name);
	buf_text(b, json);
}

/* Where a lie has something to say about the field of a header. */
static const struct lie *lie_about(const struct view *v, const struct block *k, const char *field)
{
	for (struct lie *l = v->ep->lies; l; l = l->next) {
		struct log at = {.block = k->number};
		if (!(l->in & IN_HEADERS) || l->kind != LIE_FORGE || !text_is(l->field, field) || l->left == 0)
			continue;
		if (!lie_hits(l, &at, 0))
			continue;
		if (l->left != UINT64_MAX)
			l->left--;
		return l;
	}
	return NULL;
}

static void put_lie_data(
	struct buf *b, const struct view *v, const struct block *k, const char *name, const uint8_t *p, size_t n)
{
	uint8_t wrong[256];
	const struct lie *l = lie_about(v, k, name);
	if (l && l->value) {
		put_field_raw(b, name, l->value);
		return;
	}
	memcpy(wrong, p, n);
	if (l && n == 256)
		memset(wrong, 0, n); /* a bloom that hides what is there */
	else if (l)
		wrong[n - 1] ^= 1;
	put_field_data(b, name, wrong, n);
}

static void put_tx_json(struct buf *b, const struct txn *t, const struct block *k, uint32_t i);

static void put_txs(struct buf *b, const struct block *k, bool full)
{
	put_key(b, "transactions");
	buf_char(b, '[');
	for (uint32_t i = 0; i < k->ntxs; i++) {
		if (i > 0)
			buf_char(b, ',');
		if (full)
			put_tx_json(b, k->txs[i].txn, k, i);
		else
			put_data(b, k->txs[i].txn->hash, 32);
	}
	buf_char(b, ']');
}

static void put_rest(struct buf *b, const struct block *k)
{
	static const uint8_t zeros[32];
	uint8_t extra[8];
	for (int i = 0; i < 8; i++)
		extra[i] = (uint8_t)(k->salt >> (56 - 8 * i));
	put_field_text(b, "sha3Uncles", "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
	put_field_data(b, "miner", zeros, 20);
	put_field_data(b, "extraData", extra, 8);
	put_field_data(b, "mixHash", zeros, 32);
	put_field_data(b, "nonce", zeros, 8);
	put_field_text(b, "difficulty", "0x0");
	put_field_u64(b, "gasLimit", k->gas_limit);
	put_field_u64(b, "gasUsed", k->gas_used);
	if (!k->legacy)
		put_field_u256(b, "baseFeePerGas", k->base_fee);
}

void put_header(struct buf *b, const struct view *v, const struct block *k, int txs)
{
	static const uint8_t zeros[32];
	const struct endpoint *ep = v->ep;
	const uint8_t *parent = !k->parent                          ? zeros
							: ep->has_genesis && k->number == 1 ? ep->genesis
																: k->parent->hash;
	buf_char(b, '{');
	if (lie_about(v, k, "number"))
		put_field_u64(b, "number", k->number + 1);
	else
		put_field_u64(b, "number", k->number);
	put_lie_data(b, v, k, "hash", ep->has_genesis && k->number == 0 ? ep->genesis : k->hash, 32);
	put_lie_data(b, v, k, "parentHash", parent, 32);
	put_lie_data(b, v, k, "stateRoot", k->state_root, 32);
	put_lie_data(b, v, k, "transactionsRoot", k->txs_root, 32);
	put_lie_data(b, v, k, "receiptsRoot", k->receipts_root, 32);
	put_lie_data(b, v, k, "logsBloom", k->bloom, 256);
	put_field_u64(b, "timestamp", k->time + (lie_about(v, k, "timestamp") ? 1 : 0));
	put_rest(b, k);
	if (txs >= 0) {
		put_field_u64(b, "size", k->size + 600);
		put_txs(b, k, txs > 0);
		put_field_raw(b, "uncles", "[]");
	}
	buf_char(b, '}');
}

bool eth_block_by(struct ask *a, bool hash)
{
	struct block *k;
	if (hash ? !by_hash(a, ask_param(a, 0), &k) : !ask_block(a, ask_param(a, 0), &k))
		return false;
	const struct limits *l = &a->ep->limits;
	if (k && l->history && k->number < l->history && k->number > 0 && !l->history_empty)
		return ask_fail_in_words(a, WORDS_HISTORY,
			&(struct words_numbers){
				.from = k->number, .to = k->number, .first = l->history, .limit = l->history});
	if (!k || (l->history && k->number < l->history && k->number > 0))
		buf_text(&a->result, "null");
	else
		put_header(&a->result, &a->view, k, cJSON_IsTrue(ask_param(a, 1)));
	return true;
}

/* ── transactions ──────────────────────────────────────────────────────────────────────────────────────── */

static void put_tx_fees(struct buf *b, const struct tx *t, const struct block *k, uint32_t i)
{
	if (t->type == TX_FEE_MARKET) {
		put_field_u256(b, "maxFeePerGas", t->fee);
		put_field_u256(b, "maxPriorityFeePerGas", t->tip);
	}
	if (t->type != TX_LEGACY) {
		put_key(b, "accessList");
		buf_char(b, '[');
		for (size_t n = 0; n < t->naccess; n++) {
			buf_text(b, n ? ",{" : "{");
			put_field_data(b, "address", t->access[n].address, 20);
			put_key(b, "storageKeys");
			buf_char(b, '[');
			for (size_t s = 0; s < t->access[n].nkeys; s++) {
				if (s > 0)
					buf_char(b, ',');
				put_data(b, t->access[n].keys[s], 32);
			}
			buf_text(b, "]}");
		}
		buf_char(b, ']');
	}
	put_field_u256(b, "gasPrice", k ? k->txs[i].price : t->fee);
}

/* k NULL: it waits in the pool. */
static void put_tx_place(struct buf *b, const struct block *k, uint32_t i)
{
	if (k) {
		put_field_data(b, "blockHash", k->hash, 32);
		put_field_u64(b, "blockNumber", k->number);
		put_field_u64(b, "transactionIndex", i);
	} else {
		buf_text(b, "\"blockHash\":null,\"blockNumber\":null,\"transactionIndex\":null");
	}
}

static void put_auths(struct buf *b, const struct txn *x)
{
	put_key(b, "authorizationList");
	buf_char(b, '[');
	for (size_t i = 0; i < x->nauths; i++) {
		const struct authorization *a = &x->auths[i];
		buf_text(b, i ? ",{" : "{");
		put_field_u256(b, "chainId", a->chain_id);
		put_field_data(b, "address", a->address, 20);
		put_field_u64(b, "nonce", a->nonce);
		put_field_u64(b, "yParity", a->parity);
		put_field_u256(b, "r", a->r);
		put_field_u256(b, "s", a->s);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void put_tx_json(struct buf *b, const struct txn *x, const struct block *k, uint32_t i)
{
	const struct tx *t = &x->tx;
	buf_char(b, '{');
	put_tx_place(b, k, i);
	put_field_data(b, "hash", x->hash, 32);
	put_field_data(b, "from", x->from, 20);
	if (t->create)
		put_field_raw(b, "to", "null");
	else
		put_field_data(b, "to", t->to, 20);
	put_field_u64(b, "nonce", t->nonce);
	put_field_u64(b, "gas", t->gas);
	put_field_u256(b, "value", t->value);
	put_field_data(b, "input", t->data.p, t->data.n);
	put_field_u64(b, "type", x->kind);
	if (x->kind == TXN_DEPOSIT) {
		put_field_data(b, "sourceHash", x->sig.r, 32);
		put_field_text(b, "mint", "0x0");
		put_field_u64(b, "gasPrice", 0);
		buf_text(b, ",\"isSystemTx\":false}");
		return;
	}
	if (x->kind == TXN_BLOB) {
		put_field_u64(b, "maxFeePerBlobGas", 1);
		put_field_raw(b, "blobVersionedHashes", "[]");
	}
	if (x->kind == TXN_SET_CODE)
		put_auths(b, x);
	put_tx_fees(b, t, k, i);
	if (t->chain_id)
		put_field_u64(b, "chainId", t->chain_id);
	uint64_t v = (uint64_t)x->sig.recid;
	if (t->type == TX_LEGACY)
		v += t->chain_id ? 2 * t->chain_id + 35 : 27;
	put_field_u64(b, "v", v);
	if (t->type != TX_LEGACY)
		put_field_u64(b, "yParity", v);
	put_field_u256(b, "r", u256_from_be(x->sig.r));
	put_field_u256(b, "s", u256_from_be(x->sig.s));
	buf_char(b, '}');
}

bool eth_tx_by_hash(struct ask *a)
{
	uint8_t hash[32];
	struct block *k;
	const struct world *w = a->ep->world;
	if (!json_fixed(ask_param(a, 0), hash, 32))
		return ask_fail(a, -32602, "invalid argument 0: json: cannot unmarshal hex string into common.Hash");
	const struct mined *m = chain_find_tx(&w->chain, a->view.branch, a->view.head, hash, &k);
	const struct txn *t = m ? m->txn : pool_get(&w->pool, hash);
	if (m)
		put_tx_json(&a->result, t, k, (uint32_t)(m - k->txs));
	else if (t)
		put_tx_json(&a->result, t, NULL, 0);
	else
		buf_text(&a->result, "null");
	return true;
}
