/* keccak: Keccak-256 as Ethereum uses it (the original padding 0x01, not SHA3-256's 0x06). */
#ifndef FAIRLEAD_EVM_KECCAK_H
#define FAIRLEAD_EVM_KECCAK_H

#include "common/base/str.h"

struct keccak {
	uint64_t state[25];
	size_t filled; /* bytes of the current block, < 136 */
};
void keccak_init(struct keccak *k);
void keccak_add(struct keccak *k, const void *p, size_t n);
void keccak_end(struct keccak *k, uint8_t out[32]);
void keccak256(uint8_t out[32], const void *p, size_t n);
/* Of n messages each its own hash, four at once where the machine has vectors (AVX2, AVX-512): then about a
 * third to a fifth of what they cost one after the other, if those of four neighbours are about as long. */
void keccak256_each(uint8_t (*out)[32], const struct bytes *m, size_t n);

#endif
