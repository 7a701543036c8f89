#include "common/evm/logs.h"
#include "common/evm/wire.h"

#include <stdlib.h>

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
static bool take_status(struct reading *r)
{
	r->receipt.ok = r->status == 1;
	return r->status <= 1;
}

bool receipt_parse(struct str json, struct receipt *out, bool *found, struct err *e)
{
	struct reading r = {.status = 0};
	struct wire w = {.shape = &shape, .e = e, .object = &r};
	*found = false;
	if (!wire_read(&w, json))
		return false;
	if (!take_status(&r))
		return err_set(e, ERR_MALFORMED, "the receipt: status is neither 0 nor 1");
	*found = w.n == 1;
	*out = r.receipt;
	return true;
}

/* ── those of a block ── */

struct receipt_stream {
	struct wire wire; /* first: the stream is the ctx that WIRE_SAX's functions take */
	void (*each)(void *arg, const struct receipt *r);
	void *arg;
	struct reading r;
	struct err err;
};

static bool give(struct wire *w, void *object)
{
	struct receipt_stream *s = w->arg;
	struct reading *r = object;
	if (!take_status(r))
		return err_set(&s->err, ERR_MALFORMED, "receipt %zu: status is neither 0 nor 1", w->n);
	s->each(s->arg, &r->receipt);
	return true;
}

struct receipt_stream *receipt_stream_new(void (*each)(void *arg, const struct receipt *r), void *arg)
{
	struct receipt_stream *s = mem_alloc(sizeof *s);
	s->each = each;
	s->arg = arg;
	s->wire =
		(struct wire){.shape = &shape, .many = true, .each = give, .arg = s, .e = &s->err, .object = &s->r};
	wire_start(&s->wire);
	return s;
}

void receipt_stream_free(struct receipt_stream *s)
{
	free(s);
}

const struct sax receipt_stream_sax = WIRE_SAX;

bool receipt_stream_refused(const struct receipt_stream *s, struct err *e)
{
	if (s->err.class != ERR_NONE && e)
		*e = s->err;
	return s->err.class != ERR_NONE;
}

bool receipt_stream_end(const struct receipt_stream *s, struct err *e)
{
	if (wire_whole(&s->wire))
		return true;
	return !receipt_stream_refused(s, e) &&
		   err_set(e, ERR_MALFORMED, "receipt %zu: its JSON is broken or ends too early", s->wire.n);
}
