#include "common/evm/keccak.h"
#include "common/evm/logs.h"

/* Yellow Paper 4.3.1: three bits a value, each the low 11 bits of a pair of bytes of its keccak256: pairs
 * 0-1, 2-3, 4-5. Bit 0 is the lowest bit of the last byte. */
struct bloom_key bloom_key_of(const void *p, size_t n)
{
	uint8_t hash[32];
	struct bloom_key k;
	keccak256(hash, p, n);
	for (size_t i = 0; i < 3; i++)
		k.bit[i] = (uint16_t)((hash[2 * i] << 8 | hash[2 * i + 1]) & 2047);
	return k;
}

bool bloom_has(const uint8_t bloom[256], struct bloom_key k)
{
	for (size_t i = 0; i < 3; i++)
		if (!(bloom[255 - k.bit[i] / 8] >> k.bit[i] % 8 & 1))
			return false;
	return true;
}

bool bloom_may_hold(const uint8_t bloom[256], const void *p, size_t n)
{
	return bloom_has(bloom, bloom_key_of(p, n));
}

void bloom_add(uint8_t bloom[256], const void *p, size_t n)
{
	struct bloom_key k = bloom_key_of(p, n);
	for (size_t i = 0; i < 3; i++)
		bloom[255 - k.bit[i] / 8] = (uint8_t)(bloom[255 - k.bit[i] / 8] | 1u << k.bit[i] % 8);
}

void log_bloom(const struct log *l, uint8_t bloom[256])
{
	bloom_add(bloom, l->address, 20);
	for (unsigned i = 0; i < l->ntopics; i++)
		bloom_add(bloom, l->topics[i], 32);
}
