#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/keccak.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_every_length_and_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
