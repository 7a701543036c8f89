#include "common/evm/keccak.h"
#include "common/evm/logs.h"

/* Yellow Paper 4.3.1: three bits a value, each the low 11 bits of a pair of bytes of its keccak256: pairs
 * 0-1, 2-3, 4-5. Bit 0 is the lowest bit of the last byte. */
static unsigned bit_of(const uint8_t hash[32], size_t pair)
{
	return (unsigned)(hash[2 * pair] << 8 | hash[2 * pair + 1]) & 2047u;
}

bool bloom_may_hold(const uint8_t bloom[256], const void *p, size_t n)
{
	uint8_t hash[32];
	keccak256(hash, p, n);
	for (size_t i = 0; i < 3; i++) {
		unsigned bit = bit_of(hash, i);
		if (!(bloom[255 - bit / 8] >> bit % 8 & 1))
			return false;
	}
	return true;
}

void bloom_add(uint8_t bloom[256], const void *p, size_t n)
{
	uint8_t hash[32];
	keccak256(hash, p, n);
	for (size_t i = 0; i < 3; i++) {
		unsigned bit = bit_of(hash, i);
		bloom[255 - bit / 8] = (uint8_t)(bloom[255 - bit / 8] | 1u << bit % 8);
	}
}
