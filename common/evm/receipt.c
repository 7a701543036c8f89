#include "common/evm/logs.h"
#include "common/evm/wire.h"

/* Receipts, as eth_getTransactionReceipt gives them. (execution-apis: Receipt; status since EIP-658) */

struct reading {
	struct receipt receipt;
	uint64_t status;
};

#define AT(member) offsetof(struct reading, receipt.member)
static const struct wire_field fields[] = {
	{STR("transactionHash"), WIRE_FIXED, true, AT(tx_hash), 32, 0},
	{STR("transactionIndex"), WIRE_U64, true, AT(index), 0, 0},
	{STR("blockHash"), WIRE_FIXED, true, AT(block_hash), 32, 0},
	{STR("blockNumber"), WIRE_U64, true, AT(block), 0, 0},
	{STR("gasUsed"), WIRE_U64, true, AT(gas_used), 0, 0},
	{STR("status"), WIRE_U64, false, offsetof(struct reading, status), 0, AT(has_status)},
	{STR("effectiveGasPrice"), WIRE_U256, false, AT(price), 0, 0},
	{STR("l1Fee"), WIRE_U256, false, AT(l1_fee), 0, AT(has_l1_fee)},
};

bool receipt_parse(struct str json, struct receipt *out, bool *found, struct err *e)
{
	static const struct wire_shape shape = {.what = "receipt",
		.fields = fields,
		.nfields = sizeof fields / sizeof fields[0],
		.size = sizeof(struct reading)};
	struct reading r = {.status = 0};
	struct wire w = {.shape = &shape, .e = e, .object = &r};
	*found = false;
	if (!wire_read(&w, json))
		return false;
	if (r.status > 1)
		return err_set(e, ERR_MALFORMED, "the receipt: status is neither 0 nor 1");
	*found = w.n == 1;
	r.receipt.ok = r.status == 1;
	*out = r.receipt;
	return true;
}
