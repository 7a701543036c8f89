/* tx: transactions: legacy (EIP-155), access list (EIP-2930), fee market (EIP-1559); build, sign, read back.
 */
#ifndef FAIRLEAD_EVM_TX_H
#define FAIRLEAD_EVM_TX_H

#include "common/base/u256.h"
#include "common/evm/key.h"

enum tx_type { TX_LEGACY = 0, TX_ACCESS_LIST = 1, TX_FEE_MARKET = 2 };
struct tx_access {
	uint8_t address[20];
	const uint8_t (*keys)[32];
	size_t nkeys;
};
struct tx {
	enum tx_type type;
	uint64_t chain_id; /* legacy: 0 = unprotected (decode only); tx_sign wants one above 0 */
	uint64_t nonce;
	struct u256 fee, tip; /* FEE_MARKET: maxFeePerGas, maxPriorityFeePerGas; else fee is gasPrice */
	uint64_t gas;
	bool create; /* no `to` */
	uint8_t to[20];
	struct u256 value;
	struct bytes data; /* borrowed */
	const struct tx_access *access;
	size_t naccess;
};
/* The bytes of a transaction appended to out: with sig what is sent, without (NULL) what is hashed to be
 * signed. */
void tx_encode(const struct tx *t, const struct signature *sig, struct buf *out);
/* Signed bytes appended to raw; hash: keccak256 of them. tip ≤ fee is the caller's duty (must). */
void tx_sign(const struct tx *t, const struct key *k, struct buf *raw, uint8_t hash[32]);
void tx_digest(const struct tx *t, uint8_t digest[32]); /* what is signed */
/* With a signature of its digest: what tx_sign gives. */
void tx_finish(const struct tx *t, const struct signature *sig, struct buf *raw, uint8_t hash[32]);
/* Signed bytes → fields, signature, sender. Slices borrow raw; the access list lives in a. Strict. */
struct arena;
bool tx_decode(struct arena *a, struct bytes raw, struct tx *t, struct signature *sig, uint8_t sender[20],
	uint8_t hash[32], struct err *e);
/* The same without sender and hash: no arithmetic of curves. */
bool tx_read(struct arena *a, struct bytes raw, struct tx *t, struct signature *sig, struct err *e);

#endif
