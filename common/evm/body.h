/* body: a block with its transactions whole (eth_getBlockBy…, true): who could have moved an account's count.
 *
 * An account's count is moved by a transaction that it sent, by an authorization that it signed and anybody
 * sent (EIP-7702), by a contract that its delegated code creates (EIP-161: nonce + 1 for each CREATE), and on
 * the OP stack by a deposit. Not here: what that means for a slot (submitter/trace.h). */
#ifndef FAIRLEAD_EVM_BODY_H
#define FAIRLEAD_EVM_BODY_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/u256.h"

enum { BODY_SET_CODE = 4, BODY_DEPOSIT = 0x7e }; /* EIP-2718 types: EIP-7702; OP stack */

struct authorization {
	struct u256 chain_id; /* 0: any chain */
	uint8_t address[20];  /* the code */
	uint64_t nonce;
	uint64_t parity;
	struct u256 r, s;
};
struct body_tx {
	uint64_t type, nonce;
	uint8_t hash[32], from[20], to[20];
	bool has_to;       /* else it creates a contract */
	struct bytes data; /* in the arena */
	struct authorization *auths;
	size_t nauths;
};
struct body {
	uint64_t number, time;
	uint8_t hash[32], parent[32];
	struct body_tx *txs; /* in the arena, in the block's order */
	size_t ntxs;
};
/* json: the raw result; null: *found = false. A list of hashes instead of transactions is malformed. */
bool body_parse(struct arena *a, struct str json, struct body *out, bool *found, struct err *e);

/* Who signed it: "authority = ecrecover(keccak(MAGIC || rlp([chain_id, address, nonce])), y_parity, r, s)",
 * MAGIC = 0x05 (EIP-7702). false: nobody. */
bool authorization_signer(const struct authorization *x, uint8_t out[20]);

#endif
