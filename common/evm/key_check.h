/* key_check: signatures that one key has just made, verified together, by who knows the key and the nonces.
 * Not for strangers' signatures, and nothing is sent because of a false here: false means that
 * secp256k1_ecdsa_verify must say (a number was at the edge of its range, or a signature is wrong).
 *
 * A signature (r, s, v) of digest z by the key d, public P = d·G, is right when R, the point that r and v
 * name, is k·G and s·k = z + r·d, for the nonce k or for n − k (low s turns both). That is what ECDSA
 * verifies: s·R = z·G + r·P. The second is arithmetic of numbers, and next to free. The first, and P = d·G
 * besides, is asked of all signatures at once:
 *
 *     Σ w·R + P + w'·B  =  (Σ w·k + d + w'·b)·G       w: odd, random, of eight bits, drawn anew each time
 *
 * A fault in one signature, in d or in P since the key was read is always seen, r and v included (v is not
 * seen by ecdsa_verify): every other term is right, so that sum is wrong. Faults in several at once hide only
 * if they cancel under weights that nobody knew: by chance never, by design once in 128 times. R is read from
 * the bytes that leave, and the right side is made by the routine that verification has, with a table of its
 * own: what made the nonces' points is not asked about itself.
 *
 * b is a random number that is used once: that routine's time depends on its number, which tells nothing of k
 * or d while b is unknown. All else that touches a secret takes the same time whatever it is. */
#ifndef FAIRLEAD_EVM_KEY_CHECK_H
#define FAIRLEAD_EVM_KEY_CHECK_H

#include "common/evm/key.h"
#include "common/evm/nonce.h"

#include <secp256k1.h>

enum { KEY_CHECK_MIN = 4, KEY_CHECK_MAX = 100 }; /* fewer are cheaper one by one */

/* Secrets: lies in guarded memory, wiped after each use. */
struct key_room {
	struct nonce_room nonce;
	uint8_t nonces[KEY_CHECK_MAX][32]; /* the caller's; as nonce_rfc6979 gave them */
	uint8_t sum[32], left[32], right[32];
};
/* n ≤ KEY_CHECK_MAX. Turns nonces whose s was turned. true: all are right, and s is low (EIP-2). */
bool key_check(const secp256k1_context *curve, const secp256k1_pubkey *public, const uint8_t secret[32],
	const uint8_t (*digests)[32], const struct signature *sigs, size_t n, struct key_room *room);

#endif
