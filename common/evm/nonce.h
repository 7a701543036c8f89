/* nonce: the secret number of a signature, out of key and digest (RFC 6979, 3.2, with HMAC-SHA-256): the same
 * number as secp256k1_nonce_function_rfc6979's, by OpenSSL's SHA-256, which knows the processor's
 * instructions. By the library's own it is a sixth of what a signature costs. */
#ifndef FAIRLEAD_EVM_NONCE_H
#define FAIRLEAD_EVM_NONCE_H

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>

/* Secrets: lies in guarded memory, wiped by its owner after use. */
struct nonce_room {
	SHA256_CTX inner, outer, work;
	uint8_t key[32], v[32], pad[64];
	uint8_t *copy; /* where the number goes as well, 32 bytes */
};
/* A secp256k1_nonce_function; data: a struct nonce_room. What it is not asked for here (another attempt, an
 * algorithm, a digest near or above the order, which is reduced first) the library says. */
int nonce_rfc6979(unsigned char *nonce, const unsigned char *digest, const unsigned char *secret,
	const unsigned char *algorithm, void *data, unsigned int attempt);
/* Does it say what the library says, on this processor? Asked once, before a key signs. */
bool nonce_is_right(struct nonce_room *room);

#endif
