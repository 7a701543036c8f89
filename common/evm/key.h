/* key: a secp256k1 private key in guarded memory (libsodium), signing (RFC 6979, low s) and recovery. P24.
 *
 * The secret lives in one sodium_malloc page, locked, unreadable but while signing; so do the nonces of what
 * is being signed, and are wiped when it is. Nothing here prints or copies them. */
#ifndef FAIRLEAD_EVM_KEY_H
#define FAIRLEAD_EVM_KEY_H

#include "common/base/err.h"
#include "common/base/str.h"

struct key;
/* hex: 32 bytes, optional 0x, surrounding white space allowed. The error never quotes it. The caller wipes
 * its text. */
struct key *key_from_hex(struct str hex, struct err *e);
struct key *key_from_bytes(const uint8_t secret[32], struct err *e); /* the caller wipes its bytes */
void key_free(struct key *k);                                        /* wipes */
const uint8_t *key_address(const struct key *k);                     /* 20 bytes */

struct signature {
	uint8_t r[32], s[32];
	int recid; /* 0 or 1: yParity */
};
/* Verifies what it made (own bug otherwise), which is more than half of its cost: with RFC 6979 one faulty
 * signature beside the right one of the same digest gives the key away. Many at once are verified together
 * (key_check.h), for a fifth of that. */
void key_sign(const struct key *k, const uint8_t digest[32], struct signature *out);
/* The same for n of them; the secret can be read once, while all are made. */
void key_sign_all(const struct key *k, const uint8_t (*digests)[32], struct signature *out, size_t n);
/* Address that made the signature; false: not a signature. High s is refused (EIP-2). */
bool key_recover(uint8_t address[20], const uint8_t digest[32], const struct signature *sig, struct err *e);

#endif
