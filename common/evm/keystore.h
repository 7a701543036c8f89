/* keystore: a private key encrypted by a passphrase, as Ethereum's clients write it: version 3 of the Web3
 * Secret Storage Definition. Read strictly; opened into guarded memory. Pure: who reads the file says its
 * name.
 *
 * Work and memory are bounded before they are spent: what geth writes (N 2^18, r 8, p 1: 256 MiB) takes a
 * second; four times its work and twice its memory are allowed, more is refused. */
#ifndef FAIRLEAD_EVM_KEYSTORE_H
#define FAIRLEAD_EVM_KEYSTORE_H

#include "common/evm/key.h"

enum keystore_kdf { KEYSTORE_SCRYPT, KEYSTORE_PBKDF2 };
enum {
	KEYSTORE_SALT_MAX = 256,
	KEYSTORE_MEMORY_MAX = 512 << 20, /* scrypt: 128·r·(N + p + 2) bytes */
	KEYSTORE_WORK_MAX = 1 << 23,     /* scrypt: N·r·p */
	KEYSTORE_ROUNDS_MAX = 10000000,  /* pbkdf2: c */
};
struct keystore {
	enum keystore_kdf kdf;
	uint64_t n, r, p; /* SCRYPT */
	uint64_t c;       /* PBKDF2 */
	uint8_t salt[KEYSTORE_SALT_MAX];
	size_t nsalt;
	uint8_t iv[16], ciphertext[32], mac[32];
	bool has_address;
	uint8_t address[20]; /* as the file says; keystore_open holds the key against it */
};
/* The error begins with the field it is about ("crypto.kdfparams.n …") and says what would be right. */
bool keystore_parse(struct keystore *out, struct str json, struct err *e);
/* Slow on purpose: a second or more of one core; may run on a thread of its own. NULL: ERR_REJECTED, the
 * passphrase does not open it (or the file was changed); ERR_MALFORMED, what it opened is no key, or not that
 * of its address; ERR_TRANSIENT, no memory. The passphrase is taken as it is, byte by byte. */
struct key *keystore_open(const struct keystore *k, struct str passphrase, struct err *e);

#endif
