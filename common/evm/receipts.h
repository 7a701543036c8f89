/* receipts: all receipts of one block, as consensus encodes them, so that their root can be held against the
 * header's receiptsRoot; and their logs, which that root then proves. (EIP-2718, EIP-658, Yellow Paper 4.3.1)
 *
 * A given logIndex or transaction hash is not in the root: what of them is to be believed is proof.h's
 * affair. Not here: what a root that differs means (listener/proof.h); one receipt of ours (logs.h:
 * receipt_parse).
 *
 * Forms of their own: OP deposits (0x7e) carry their nonce and version since Canyon, and only then in the
 * root. Polygon gave state-sync logs a receipt outside the root before its type 0x7f: such a receipt is known
 * by its transaction hash, keccak256("matic-bor-receipt-" ‖ number as 8 bytes ‖ block hash), and is
 * `outside`. */
#ifndef FAIRLEAD_EVM_RECEIPTS_H
#define FAIRLEAD_EVM_RECEIPTS_H

#include "common/evm/logs.h"

struct full_receipt {
	uint64_t type; /* 0: none */
	bool has_status, has_root, has_bloom, has_deposit_nonce, has_deposit_version;
	bool outside; /* not in the root: its logs are unproved */
	uint64_t status, cumulative_gas, deposit_nonce, deposit_version;
	uint8_t root[32]; /* of the state, before Byzantium */
	uint8_t bloom[256];
	uint8_t tx_hash[32], block_hash[32];
	uint64_t block, tx_index;
	struct log *logs; /* in the arena, with block, hashes and indexes as the answer gives them */
	size_t nlogs;
};
struct receipts {
	struct full_receipt *list; /* in the arena */
	size_t n, room;
};
/* json: the raw result of eth_getBlockReceipts; null: *found = false. A log is checked as logs_parse does. */
bool receipts_parse(struct arena *a, struct str json, struct receipts *out, bool *found, struct err *e);
/* json: the raw result of one eth_getTransactionReceipt; appends it. A zeroed struct receipts is empty. */
bool receipts_add(struct arena *a, struct str json, struct receipts *to, bool *found, struct err *e);

/* Are they the receipts of the block with this hash and number: each names it, transaction indexes 0, 1, 2 …
 * in order, each log its receipt's transaction, each bloom that of its logs? Finds the one that is `outside`.
 * false: malformed, and why. */
bool receipts_check(struct receipts *r, const uint8_t block_hash[32], uint64_t number, struct err *e);

/* The root of all that are not `outside`. false: one has a type whose form is not known here: *type. */
bool receipts_root(const struct receipts *r, uint8_t root[32], uint64_t *type);
/* One receipt as consensus encodes it, appended. false: its type is not known. */
bool receipt_encode(const struct full_receipt *r, struct buf *out);
/* Is this the transaction that Polygon's state-sync logs are said to come from? They stand outside the root
 * and the bloom. */
bool receipt_outside(uint64_t block, const uint8_t block_hash[32], const uint8_t tx_hash[32]);

#endif
