#include "common/evm/keccak.h"
#include "common/evm/logs.h"
#include "common/evm/rlp.h"
#include "common/evm/wire.h"

/* A block's hash is that of the RLP of its header (Yellow Paper 4.3), whose fields each fork has added to at
 * the end: London EIP-1559, Shanghai EIP-4895, Cancun EIP-4844 and EIP-4788, Prague EIP-7685. */
enum { ALWAYS = 15, LATER = 6 };

struct reading {
	uint8_t hash[32];
	uint8_t hashes[9][32]; /* in the order of the table */
	uint8_t miner[20], bloom[256], nonce[8];
	struct u256 numbers[8];
	struct bytes extra;
	bool there[LATER]; /* after one that is not, none is */
};
#define AT(member) offsetof(struct reading, member)
#define HASH(i)    WIRE_FIXED, true, AT(hashes[i]), 32, 0
#define NUMBER(i)  WIRE_U256, true, AT(numbers[i]), 0, 0
#define KNOWN(name)                           \
	{                                         \
		STR(name), WIRE_KNOWN, false, 0, 0, 0 \
	}
/* The first fields stand in the order of the RLP. */
static const struct wire_field fields[] = {
	{STR("parentHash"), HASH(0)},
	{STR("sha3Uncles"), HASH(1)},
	{STR("miner"), WIRE_FIXED, true, AT(miner), 20, 0},
	{STR("stateRoot"), HASH(2)},
	{STR("transactionsRoot"), HASH(3)},
	{STR("receiptsRoot"), HASH(4)},
	{STR("logsBloom"), WIRE_FIXED, true, AT(bloom), 256, 0},
	{STR("difficulty"), NUMBER(0)},
	{STR("number"), NUMBER(1)},
	{STR("gasLimit"), NUMBER(2)},
	{STR("gasUsed"), NUMBER(3)},
	{STR("timestamp"), NUMBER(4)},
	{STR("extraData"), WIRE_DATA, true, AT(extra), 0, 0},
	{STR("mixHash"), HASH(5)},
	{STR("nonce"), WIRE_FIXED, true, AT(nonce), 8, 0},
	{STR("baseFeePerGas"), WIRE_U256, false, AT(numbers[5]), 0, AT(there[0])},
	{STR("withdrawalsRoot"), WIRE_FIXED, false, AT(hashes[6]), 32, AT(there[1])},
	{STR("blobGasUsed"), WIRE_U256, false, AT(numbers[6]), 0, AT(there[2])},
	{STR("excessBlobGas"), WIRE_U256, false, AT(numbers[7]), 0, AT(there[3])},
	{STR("parentBeaconBlockRoot"), WIRE_FIXED, false, AT(hashes[7]), 32, AT(there[4])},
	{STR("requestsHash"), WIRE_FIXED, false, AT(hashes[8]), 32, AT(there[5])},
	{STR("hash"), WIRE_FIXED, true, AT(hash), 32, 0},
	/* what nodes add that is in no header, or stands in one of the fields above */
	KNOWN("size"),
	KNOWN("totalDifficulty"),
	KNOWN("uncles"),
	KNOWN("transactions"),
	KNOWN("withdrawals"),
	KNOWN("l1BlockNumber"),
	KNOWN("sendCount"),
	KNOWN("sendRoot"),
	KNOWN("milliTimestamp"),
};
static const struct wire_shape shape = {.what = "block",
	.fields = fields,
	.nfields = sizeof fields / sizeof fields[0],
	.size = sizeof(struct reading)};

static void put_field(const struct reading *r, const struct wire_field *f, struct buf *out)
{
	const char *p = (const char *)r + f->offset;
	struct bytes data;
	struct u256 v;
	switch (f->kind) {
	case WIRE_FIXED: rlp_bytes(out, (const uint8_t *)p, f->size); return;
	case WIRE_DATA:
		memcpy(&data, p, sizeof data);
		rlp_bytes(out, data.p, data.n);
		return;
	default: memcpy(&v, p, sizeof v); rlp_u256(out, v);
	}
}

enum header_truth header_check(struct arena *a, struct str json)
{
	struct reading r = {0};
	struct wire w = {.shape = &shape, .arena = a, .object = &r};
	if (!wire_read(&w, json) || w.n == 0)
		return HEADER_UNSUPPORTED;
	size_t later = 0;
	while (later < LATER && r.there[later])
		later++;
	for (size_t i = later; i < LATER; i++)
		if (r.there[i])
			return HEADER_UNSUPPORTED;
	struct buf b = {0};
	uint8_t hash[32];
	size_t list = rlp_list_open(&b);
	for (size_t i = 0; i < ALWAYS + later; i++)
		put_field(&r, &fields[i], &b);
	rlp_list_close(&b, list);
	keccak256(hash, b.p, b.n);
	buf_fini(&b);
	if (memcmp(hash, r.hash, 32) == 0)
		return HEADER_TRUE;
	return w.unknown ? HEADER_UNSUPPORTED : HEADER_FALSE;
}
