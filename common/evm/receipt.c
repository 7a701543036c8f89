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
	{STR("from"), WIRE_FIXED, false, AT(from), 20, 0},
	{STR("gasUsed"), WIRE_U64, true, AT(gas_used), 0, 0},
	{STR("status"), WIRE_U64, false, offsetof(struct reading, status), 0, AT(has_status)},
	{STR("effectiveGasPrice"), WIRE_U256, false, AT(price), 0, 0},
	{STR("l1Fee"), WIRE_U256, false, AT(l1_fee), 0, AT(has_l1_fee)},
};

static const struct wire_shape shape = {.what = "receipt",
	.fields = fields,
	.nfields = sizeof fields / sizeof fields[0],
	.size = sizeof(struct reading)};

/* EIP-658: 1 for success, 0 for failure. */
static bool take_status(struct reading *r, struct err *e)
{
	if (r->status > 1)
		return err_set(e, ERR_MALFORMED, "the receipt: status is neither 0 nor 1");
	r->receipt.ok = r->status == 1;
	return true;
}

bool receipt_parse(struct str json, struct receipt *out, bool *found, struct err *e)
{
	struct reading r = {.status = 0};
	struct wire w = {.shape = &shape, .e = e, .object = &r};
	*found = false;
	if (!wire_read(&w, json) || !take_status(&r, e))
		return false;
	*found = w.n == 1;
	*out = r.receipt;
	return true;
}

struct listing {
	struct reading r;
	void (*fn)(void *arg, const struct receipt *r);
	void *arg;
	struct err *e;
	bool bad;
};

static bool on_receipt(struct wire *w, void *object)
{
	struct listing *l = w->arg;
	struct reading *r = object;
	l->bad = !take_status(r, l->e);
	if (!l->bad)
		l->fn(l->arg, &r->receipt);
	return !l->bad;
}

bool receipts_each(
	struct str json, void (*fn)(void *arg, const struct receipt *r), void *arg, bool *found, struct err *e)
{
	struct listing l = {.fn = fn, .arg = arg, .e = e};
	struct wire w = {.shape = &shape, .many = true, .each = on_receipt, .arg = &l, .e = e, .object = &l.r};
	*found = json.n > 0 && json.p[0] == '[';
	return (json.n == 4 && memcmp(json.p, "null", 4) == 0) || (wire_read(&w, json) && !l.bad);
}
