#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/keccak.c"
#include "test/unit/evm/hex.h"

/* The reference: Keccak-f as its specification states it, step by step, with constants computed and not
 * copied. */
static bool lfsr(uint8_t *r)
{
	bool bit = *r & 1;
	*r = (uint8_t)(*r & 0x80 ? *r << 1 ^ 0x71 : *r << 1);
	return bit;
}

static uint64_t turn(uint64_t v, unsigned k)
{
	return k ? v << k | v >> (64 - k) : v;
}

static void slow_round(uint64_t a[5][5], uint8_t *r)
{
	uint64_t c[5], b[5][5];
	for (unsigned x = 0; x < 5; x++)
		c[x] = a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4];
	for (unsigned x = 0; x < 5; x++)
		for (unsigned y = 0; y < 5; y++)
			a[x][y] ^= c[(x + 4) % 5] ^ turn(c[(x + 1) % 5], 1);
	memcpy(b, a, sizeof b);
	unsigned x = 1, y = 0;
	for (unsigned t = 0; t < 24; t++) { /* rho: (t+1)(t+2)/2 along the walk (x, y) → (y, 2x + 3y) */
		b[x][y] = turn(a[x][y], (t + 1) * (t + 2) / 2 % 64);
		unsigned next = (2 * x + 3 * y) % 5;
		x = y;
		y = next;
	}
	uint64_t p[5][5];
	for (x = 0; x < 5; x++)
		for (y = 0; y < 5; y++)
			p[y][(2 * x + 3 * y) % 5] = b[x][y];
	for (x = 0; x < 5; x++)
		for (y = 0; y < 5; y++)
			a[x][y] = p[x][y] ^ (~p[(x + 1) % 5][y] & p[(x + 2) % 5][y]);
	for (unsigned j = 0; j < 7; j++)
		if (lfsr(r))
			a[0][0] ^= (uint64_t)1 << ((1u << j) - 1);
}

static void slow_keccak(uint8_t out[32], const uint8_t *p, size_t n)
{
	uint64_t a[5][5] = {{0}};
	size_t blocks = n / 136 + 1;
	for (size_t k = 0; k < blocks; k++) {
		uint8_t r = 1;
		for (size_t i = 0; i < 136; i++) {
			size_t at = k * 136 + i;
			unsigned byte = at < n ? p[at] : at == n ? 1 : 0;
			if (at == blocks * 136 - 1)
				byte ^= 0x80;
			a[i / 8 % 5][i / 8 / 5] ^= (uint64_t)byte << (8 * (i % 8));
		}
		for (int round = 0; round < 24; round++)
			slow_round(a, &r);
	}
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(a[i / 8][0] >> (8 * (i % 8)));
}

static void test_known(void **state)
{
	(void)state;
	struct arena a = {0};
	uint8_t h[32];
	keccak256(h, "", 0);
	assert_bytes(h, 32, &a, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
	keccak256(h, NULL, 0);
	assert_bytes(h, 32, &a, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
	keccak256(h, "abc", 3);
	assert_bytes(h, 32, &a, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
	keccak256(h, "TokenRevealed(uint256)", 22);
	assert_bytes(h, 32, &a, "afd1af0d18662bc4cbe66cd3885857264bb71d267eb57c0add879e84a5be3177");
	arena_fini(&a);
}

static void test_every_length_and_split(void **state)
{
	(void)state;
	uint8_t text[600], wanted[32], got[32];
	uint64_t random = 1;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i * 31 + i / 7);
	for (size_t n = 0; n <= sizeof text; n++) {
		slow_keccak(wanted, text, n);
		keccak256(got, text, n);
		assert_memory_equal(got, wanted, 32);
		struct keccak k;
		keccak_init(&k);
		for (size_t at = 0; at < n;) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			size_t part = (size_t)(random >> 33) % 200;
			part = part < n - at ? part : n - at;
			keccak_add(&k, text + at, part);
			at += part;
		}
		keccak_end(&k, got);
		assert_memory_equal(got, wanted, 32);
	}
}

/* Neighbours of all sorts, through each way that this machine has. */
static void hash_each(int way, uint8_t (*out)[32], const struct bytes *m, size_t n)
{
#if defined __x86_64__
	if (way == 1 && __builtin_cpu_supports("avx2")) {
		four_at_once(absorb4_avx2, out, m, n);
		return;
	}
	if (way == 2 && __builtin_cpu_supports("avx512vl")) {
		four_at_once(absorb4_avx512, out, m, n);
		return;
	}
#endif
	(void)way;
	keccak256_each(out, m, n);
}

static void test_four_at_once(void **state)
{
	(void)state;
	enum { LENGTHS = 601 };
	static uint8_t text[LENGTHS + 3], wanted[LENGTHS][32];
	uint64_t random = 1;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i * 31 + i / 7);
	for (size_t n = 0; n < LENGTHS; n++)
		slow_keccak(wanted[n], text + n % 4, n);
	for (int way = 0; way < 3; way++)
		for (size_t n = 0; n < 2 * LENGTHS; n++) {
			uint8_t got[5][32];
			struct bytes m[4];
			const size_t messages = n % 4 + 1;
			for (size_t i = 0; i < 4; i++) {
				random = random * 6364136223846793005u + 1442695040888963407u;
				m[i].n = n < LENGTHS ? (n + i) % LENGTHS : (size_t)(random >> 33) % LENGTHS;
				m[i].p = m[i].n ? text + m[i].n % 4 : NULL;
			}
			memset(got, 7, sizeof got);
			hash_each(way, got, m, messages);
			for (size_t i = 0; i < messages; i++)
				assert_memory_equal(got[i], wanted[m[i].n], 32);
			for (size_t i = 0; i < 32; i++)
				assert_int_equal(got[messages][i], 7);
		}
}

/* Any number of them: fours, and what is left. */
static void test_each(void **state)
{
	(void)state;
	static uint8_t text[300];
	for (size_t n = 0; n <= 11; n++) {
		uint8_t got[12][32], wanted[32];
		struct bytes m[11] = {{NULL, 0}};
		for (size_t i = 0; i < n; i++)
			m[i] = (struct bytes){text, 29 * i};
		memset(got, 7, sizeof got);
		keccak256_each(got, m, n);
		for (size_t i = 0; i < n; i++) {
			slow_keccak(wanted, text, 29 * i);
			assert_memory_equal(got[i], wanted, 32);
		}
		assert_int_equal(got[n][0], 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_every_length_and_split),
		cmocka_unit_test(test_four_at_once),
		cmocka_unit_test(test_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
