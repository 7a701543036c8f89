#include "common/evm/logs.h"
#include "common/evm/wire.h"

/* Block headers, as eth_getBlockBy… and newHeads give them. (execution-apis: Block) */

struct reading {
	struct block_header header;
	uint8_t (*txs)[32];
	size_t room;
};

static bool on_tx(struct wire *w, void *object, struct str text)
{
	struct reading *r = object;
	size_t n = r->header.ntxs;
	if (n == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		uint8_t(*more)[32] = arena_alloc(w->arena, r->room * sizeof *more);
		if (n > 0)
			memcpy(more, r->txs, n * sizeof *more);
		r->txs = more;
	}
	r->header.ntxs++;
	return wire_hex(r->txs[n], 32, text);
}

#define AT(member) offsetof(struct reading, header.member)
static const struct wire_field fields[] = {
	{STR("number"), WIRE_U64, true, AT(number), 0, 0},
	{STR("hash"), WIRE_FIXED, true, AT(hash), 32, 0},
	{STR("parentHash"), WIRE_FIXED, true, AT(parent), 32, 0},
	{STR("timestamp"), WIRE_U64, true, AT(time), 0, 0},
	{STR("logsBloom"), WIRE_FIXED, true, AT(bloom), 256, 0},
	{STR("receiptsRoot"), WIRE_FIXED, true, AT(receipts_root), 32, 0},
	{STR("gasLimit"), WIRE_U64, true, AT(gas_limit), 0, 0},
	{STR("gasUsed"), WIRE_U64, true, AT(gas_used), 0, 0},
	{STR("baseFeePerGas"), WIRE_U256, false, AT(base_fee), 0, AT(has_base_fee)},
	{STR("transactions"), WIRE_LIST, false, AT(txs), 0, 0},
};

bool header_parse(struct arena *a, struct str json, struct block_header *h, bool *found, struct err *e)
{
	static const struct wire_shape shape = {.what = "block",
		.fields = fields,
		.nfields = sizeof fields / sizeof fields[0],
		.size = sizeof(struct reading),
		.item = on_tx};
	struct reading r = {.room = 0};
	struct wire w = {.shape = &shape, .arena = a, .e = e, .object = &r};
	*found = false;
	if (!wire_read(&w, json))
		return false;
	*found = w.n == 1;
	r.header.txs = (const uint8_t(*)[32])r.txs;
	*h = r.header;
	return true;
}
