#include "common/evm/receipts.h"
#include "common/evm/keccak.h"
#include "common/evm/log_wire.h"
#include "common/evm/rlp.h"
#include "common/evm/trie.h"

#define AT(member) offsetof(struct full_receipt, member)
static const struct wire_field fields[] = {
	{STR("type"), WIRE_U64, false, AT(type), 0, 0},
	{STR("status"), WIRE_U64, false, AT(status), 0, AT(has_status)},
	{STR("root"), WIRE_FIXED, false, AT(root), 32, AT(has_root)},
	{STR("cumulativeGasUsed"), WIRE_U64, true, AT(cumulative_gas), 0, 0},
	{STR("logsBloom"), WIRE_FIXED, false, AT(bloom), 256, AT(has_bloom)},
	{STR("logs"), WIRE_OBJECTS, true, AT(logs), 0, 0},
	{STR("transactionHash"), WIRE_FIXED, true, AT(tx_hash), 32, 0},
	{STR("transactionIndex"), WIRE_U64, true, AT(tx_index), 0, 0},
	{STR("blockHash"), WIRE_FIXED, true, AT(block_hash), 32, 0},
	{STR("blockNumber"), WIRE_U64, true, AT(block), 0, 0},
	{STR("depositNonce"), WIRE_U64, false, AT(deposit_nonce), 0, AT(has_deposit_nonce)},
	{STR("depositReceiptVersion"), WIRE_U64, false, AT(deposit_version), 0, AT(has_deposit_version)},
};
static const struct wire_shape shape = {.what = "receipt",
	.fields = fields,
	.nfields = sizeof fields / sizeof fields[0],
	.size = sizeof(struct full_receipt)};

struct reading {
	struct wire receipts, logs;
	struct receipts *out;
	struct full_receipt now;
	struct log log;
	struct log *list; /* of the receipt in work */
	size_t n, room;
};

static void on_logs(struct wire *w, void *receipt)
{
	struct reading *r = w->arg;
	(void)receipt;
	r->list = NULL;
	r->n = r->room = 0;
}

static bool on_log(struct wire *w, void *log)
{
	struct reading *r = w->arg;
	(void)log;
	r->list = arena_grow(w->arena, r->list, r->n, &r->room, sizeof *r->list);
	r->list[r->n++] = r->log;
	return true;
}

static bool on_receipt(struct wire *w, void *receipt)
{
	struct reading *r = w->arg;
	struct receipts *out = r->out;
	(void)receipt;
	out->list = arena_grow(w->arena, out->list, out->n, &out->room, sizeof *out->list);
	r->now.logs = r->list;
	r->now.nlogs = r->n;
	if (!r->now.has_bloom)
		for (size_t i = 0; i < r->n; i++)
			log_bloom(&r->list[i], r->now.bloom);
	out->list[out->n++] = r->now;
	return true;
}

static bool read_receipts(struct arena *a, struct str json, struct receipts *to, bool many, struct err *e)
{
	struct reading r = {.out = to};
	r.logs = (struct wire){
		.shape = &log_shape, .many = true, .each = on_log, .open = on_logs, .arg = &r, .object = &r.log};
	r.receipts = (struct wire){.shape = &shape,
		.many = many,
		.each = on_receipt,
		.arg = &r,
		.arena = a,
		.e = e,
		.object = &r.now,
		.inner = &r.logs};
	return wire_read(&r.receipts, json);
}

bool receipts_parse(struct arena *a, struct str json, struct receipts *out, bool *found, struct err *e)
{
	*out = (struct receipts){0};
	*found = !str_is(json, "null");
	return !*found || read_receipts(a, json, out, true, e);
}

bool receipts_add(struct arena *a, struct str json, struct receipts *to, bool *found, struct err *e)
{
	size_t before = to->n;
	*found = false;
	if (!read_receipts(a, json, to, false, e))
		return false;
	*found = to->n > before;
	return true;
}

/* ── do they belong together ── */

bool receipt_outside(uint64_t block, const uint8_t block_hash[32], const uint8_t tx_hash[32])
{
	struct keccak k;
	uint8_t be[8], hash[32];
	for (unsigned i = 0; i < 8; i++)
		be[i] = (uint8_t)(block >> (56 - 8 * i));
	keccak_init(&k);
	keccak_add(&k, "matic-bor-receipt-", 18);
	keccak_add(&k, be, 8);
	keccak_add(&k, block_hash, 32);
	keccak_end(&k, hash);
	return memcmp(hash, tx_hash, 32) == 0;
}

static bool check_logs(const struct full_receipt *r, size_t at, struct err *e)
{
	uint8_t bloom[256] = {0};
	for (size_t i = 0; i < r->nlogs; i++) {
		const struct log *l = &r->logs[i];
		if (memcmp(l->tx_hash, r->tx_hash, 32) != 0 || memcmp(l->block_hash, r->block_hash, 32) != 0 ||
			l->tx_index != r->tx_index || l->block != r->block)
			return err_set(
				e, ERR_MALFORMED, "receipt %zu: log %zu names another transaction or block", at, i);
		log_bloom(l, bloom);
	}
	if (memcmp(bloom, r->bloom, sizeof bloom) != 0)
		return err_set(e, ERR_MALFORMED, "receipt %zu: logsBloom is not that of its logs", at);
	return true;
}

bool receipts_check(struct receipts *r, const uint8_t block_hash[32], uint64_t number, struct err *e)
{
	struct full_receipt *last = r->n > 0 ? &r->list[r->n - 1] : NULL;
	if (last)
		last->outside = receipt_outside(last->block, last->block_hash, last->tx_hash);
	for (size_t i = 0; i < r->n; i++) {
		const struct full_receipt *x = &r->list[i];
		if (x->block != number || memcmp(x->block_hash, block_hash, 32) != 0)
			return err_set(e, ERR_MALFORMED, "receipt %zu is of another block", i);
		if (x->tx_index != i && !x->outside)
			return err_set(e, ERR_MALFORMED, "receipt %zu says that its transactionIndex is another", i);
		if (!check_logs(x, i, e))
			return false;
	}
	return true;
}

/* ── their root ── */

enum {
	LEGACY = 0,
	SET_CODE = 4, /* EIP-2930, EIP-1559, EIP-4844 and EIP-7702 are 1 to 4 */
	ARBITRUM_FIRST = 0x64,
	ARBITRUM_LAST = 0x6a,
	DEPOSIT = 0x7e,
	STATE_SYNC = 0x7f,
};

static bool type_known(uint64_t type)
{
	return type <= SET_CODE || (type >= ARBITRUM_FIRST && type <= ARBITRUM_LAST) || type == DEPOSIT ||
		   type == STATE_SYNC;
}

static void put_logs(const struct full_receipt *r, struct buf *out)
{
	size_t logs = rlp_list_open(out);
	for (size_t i = 0; i < r->nlogs; i++) {
		const struct log *l = &r->logs[i];
		size_t log = rlp_list_open(out);
		rlp_bytes(out, l->address, 20);
		size_t topics = rlp_list_open(out);
		for (unsigned k = 0; k < l->ntopics; k++)
			rlp_bytes(out, l->topics[k], 32);
		rlp_list_close(out, topics);
		rlp_bytes(out, l->data.p, l->data.n);
		rlp_list_close(out, log);
	}
	rlp_list_close(out, logs);
}

bool receipt_encode(const struct full_receipt *r, struct buf *out)
{
	if (!type_known(r->type))
		return false;
	if (r->type != LEGACY)
		buf_char(out, (char)r->type);
	size_t list = rlp_list_open(out);
	if (r->has_status || !r->has_root)
		rlp_u64(out, r->status); /* EIP-658 */
	else
		rlp_bytes(out, r->root, 32);
	rlp_u64(out, r->cumulative_gas);
	rlp_bytes(out, r->bloom, sizeof r->bloom);
	put_logs(r, out);
	if (r->type == DEPOSIT && r->has_deposit_version) {
		rlp_u64(out, r->deposit_nonce);
		rlp_u64(out, r->deposit_version);
	}
	rlp_list_close(out, list);
	return true;
}

static void encode_one(void *arg, size_t i, struct buf *out)
{
	const struct receipts *r = arg;
	must(receipt_encode(&r->list[i], out));
}

bool receipts_root(const struct receipts *r, uint8_t root[32], uint64_t *type)
{
	struct receipts inside = *r;
	if (inside.n > 0 && inside.list[inside.n - 1].outside)
		inside.n--;
	for (size_t i = 0; i < inside.n; i++)
		if (!type_known(inside.list[i].type)) {
			*type = inside.list[i].type;
			return false;
		}
	trie_root(root, inside.n, encode_one, &inside);
	return true;
}
