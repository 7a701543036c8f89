#include "submitter/block_receipt.h"

#include "common/evm/logs.h"
#include "common/evm/receipts.h"

#include <string.h>

/* EIP-1559: "priority_fee_per_gas = min(max_priority_fee_per_gas, max_fee_per_gas - base_fee)"; what was paid
 * is the base fee and that. */
static struct u256 price_paid(
	const struct slot *slot, const uint8_t hash[32], const struct rpc_answer *header)
{
	struct arena mem = {0};
	struct block_header h = {.has_base_fee = false};
	struct u256 paid = u256_of(0);
	bool found = false;
	for (size_t i = 0; i < slot->nattempts; i++) {
		const struct fee *f = &slot->attempts[i].fee;
		if (memcmp(slot->attempts[i].hash, hash, 32) != 0)
			continue;
		paid = f->fee;
		if (header->ok && header_parse(&mem, header->result, &h, &found, NULL) && found && h.has_base_fee &&
			u256_add(&paid, h.base_fee, f->tip))
			paid = u256_min(paid, f->fee);
	}
	arena_fini(&mem);
	return paid;
}

static bool find(const struct rpc_answer *a, const uint8_t tx[32], uint64_t block,
	const uint8_t block_hash[32], struct slots_verdict *v)
{
	struct arena mem = {0};
	struct receipts list;
	struct err e = {0};
	bool there = false, found = false;
	if (a->ok && receipts_parse(&mem, a->result, &list, &there, &e) && there) {
		for (size_t i = 0; i < list.n && !found; i++) {
			const struct full_receipt *r = &list.list[i];
			found = r->has_status && memcmp(r->tx_hash, tx, 32) == 0 && r->block == block &&
					memcmp(r->block_hash, block_hash, 32) == 0;
			if (found)
				*v = (struct slots_verdict){.block = (int64_t)r->block,
					.gas = (int64_t)(r->cumulative_gas - (i ? list.list[i - 1].cumulative_gas : 0)),
					.ok = r->status == 1};
		}
	}
	arena_fini(&mem);
	return found;
}

bool block_receipt_read(const struct rpc_answer answers[2], const struct slot *slot, const uint8_t tx[32],
	uint64_t block, const uint8_t block_hash[32], struct slots_verdict *v)
{
	if (!find(&answers[0], tx, block, block_hash, v))
		return false;
	memcpy(v->hash, tx, 32);
	memcpy(v->block_hash, block_hash, 32);
	v->price = price_paid(slot, tx, &answers[1]);
	return true;
}
