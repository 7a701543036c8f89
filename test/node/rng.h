/* rng: seeded numbers: splitmix64. What a chain holds is a function of its seed and of the commands, never of
 * the clock. */
#ifndef FAIRLEAD_TEST_NODE_RNG_H
#define FAIRLEAD_TEST_NODE_RNG_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t rng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}
/* A number of its own for the i-th thing that grows from a seed. */
static inline uint64_t rng_mix(uint64_t seed, uint64_t i)
{
	uint64_t s = seed ^ i * 0xd1342543de82ef95u;
	return rng_next(&s);
}
static inline uint64_t rng_below(uint64_t *state, uint64_t n) /* 0..n-1; n > 0 */
{
	return rng_next(state) % n;
}
static inline double rng_unit(uint64_t *state) /* 0 ≤ x < 1 */
{
	return (double)(rng_next(state) >> 11) * 0x1p-53;
}
static inline void rng_fill(uint64_t *state, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = rng_next(state);
		for (size_t k = i; k < n && k < i + 8; k++, v >>= 8)
			out[k] = (uint8_t)v;
	}
}

#endif
