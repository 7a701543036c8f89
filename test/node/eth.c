#include "test/node/ask.h"

/* The table of methods. */

static bool chain_id(struct ask *a)
{
	put_u64(&a->result, a->ep->has_id ? a->ep->chain_id : a->ep->world->chain.id);
	return true;
}

static bool net_version(struct ask *a)
{
	buf_printf(&a->result, "\"%llu\"",
		(unsigned long long)(a->ep->has_id ? a->ep->chain_id : a->ep->world->chain.id));
	return true;
}

static bool client_version(struct ask *a)
{
	buf_json(&a->result, str_of(a->ep->client));
	return true;
}

static bool block_number(struct ask *a)
{
	put_u64(&a->result, a->view.head);
	return true;
}

static bool block_by_number(struct ask *a)
{
	return eth_block_by(a, false);
}

static bool block_by_hash(struct ask *a)
{
	return eth_block_by(a, true);
}

static bool max_tip(struct ask *a)
{
	put_u64(&a->result, 1000000000);
	return true;
}

static bool gas_price(struct ask *a)
{
	struct u256 p;
	must(u256_add(&p, chain_next_fee(&a->ep->world->chain, view_head(&a->view)), u256_of(1000000000)));
	put_u256(&a->result, p);
	return true;
}

static bool syncing(struct ask *a)
{
	buf_text(&a->result, "false");
	return true;
}

static bool accounts(struct ask *a)
{
	buf_text(&a->result, "[]");
	return true;
}

static const struct {
	const char *name;
	bool (*fn)(struct ask *a);
} methods[] = {{"eth_getLogs", eth_get_logs}, {"eth_getBlockByNumber", block_by_number},
	{"eth_getBlockByHash", block_by_hash}, {"eth_blockNumber", block_number},
	{"eth_getBlockReceipts", eth_block_receipts}, {"eth_getTransactionReceipt", eth_receipt},
	{"eth_getTransactionByHash", eth_tx_by_hash}, {"eth_sendRawTransaction", eth_send_raw},
	{"eth_getTransactionCount", eth_tx_count}, {"eth_call", eth_call}, {"eth_estimateGas", eth_estimate},
	{"eth_getBalance", eth_balance}, {"eth_getCode", eth_code}, {"eth_feeHistory", eth_fee_history},
	{"eth_gasPrice", gas_price}, {"eth_maxPriorityFeePerGas", max_tip}, {"eth_chainId", chain_id},
	{"net_version", net_version}, {"web3_clientVersion", client_version}, {"eth_syncing", syncing},
	{"eth_accounts", accounts}, {"eth_subscribe", eth_subscribe}, {"eth_unsubscribe", eth_unsubscribe}};

static bool is_missing(const struct endpoint *ep, const char *method)
{
	for (size_t i = 0; i < ep->nmissing; i++)
		if (text_is(ep->missing[i], method))
			return true;
	return false;
}

bool eth_answer(struct ask *a, const char *method)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods && !is_missing(a->ep, method); i++)
		if (text_is(methods[i].name, method))
			return methods[i].fn(a);
	return ask_fail(a, -32601, "the method %s does not exist/is not available", method);
}
