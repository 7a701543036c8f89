/* The nonce of a signature (common/evm/nonce.h): RFC 6979's, and the library's own, whatever the digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/nonce.h"
#include "common/evm/keccak.h"

#include <secp256k1.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void same(
	const uint8_t digest[32], const uint8_t secret[32], const uint8_t *algorithm, unsigned attempt)
{
	uint8_t ours[32], theirs[32], copy[32] = {0};
	struct nonce_room room = {.copy = copy};
	int made = nonce_rfc6979(ours, digest, secret, algorithm, &room, attempt);
	assert_int_equal(
		made, secp256k1_nonce_function_rfc6979(theirs, digest, secret, algorithm, NULL, attempt));
	assert_memory_equal(ours, theirs, 32);
	assert_memory_equal(ours, copy, 32);
}

/* "Satoshi Nakamoto" by the key 1, as the field's libraries share it. */
static void the_vector(void **state)
{
	(void)state;
	static const uint8_t want[32] = {0x8f, 0x8a, 0x27, 0x6c, 0x19, 0xf4, 0x14, 0x96, 0x56, 0xb2, 0x80, 0x62,
		0x1e, 0x35, 0x8c, 0xce, 0x24, 0xf5, 0xf5, 0x25, 0x42, 0x77, 0x26, 0x91, 0xee, 0x69, 0x06, 0x3b, 0x74,
		0xf1, 0x5d, 0x15};
	uint8_t secret[32] = {[31] = 1}, digest[32], nonce[32];
	struct nonce_room room = {.copy = NULL};
	crypto_hash_sha256(digest, (const uint8_t *)"Satoshi Nakamoto", 16);
	assert_int_equal(nonce_rfc6979(nonce, digest, secret, NULL, &room, 0), 1);
	assert_memory_equal(nonce, want, 32);
}

static void the_librarys_for_any_key_and_digest(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 2000; i++) {
		uint8_t secret[32], digest[32];
		uint64_t of = i * 2;
		keccak256(secret, &of, sizeof of);
		of++;
		keccak256(digest, &of, sizeof of);
		same(digest, secret, NULL, 0);
	}
}

/* Around the order, where digests are reduced first, and what only the library does. */
static void the_librarys_at_the_edges(void **state)
{
	(void)state;
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0,
		0x36, 0x41, 0x41};
	uint8_t secret[32] = {[31] = 7}, digest[32], algorithm[16] = "ECDSA+SHA256";
	for (int i = -2; i <= 2; i++) {
		memcpy(digest, order, 32);
		digest[31] = (uint8_t)(digest[31] + i);
		same(digest, secret, NULL, 0);
	}
	for (size_t ones = 0; ones <= 32; ones++) {
		memset(digest, 0, 32);
		memset(digest, 0xff, ones);
		same(digest, secret, NULL, 0);
		same(digest, secret, NULL, 1);
		same(digest, secret, NULL, 3);
		same(digest, secret, algorithm, 0);
	}
}

static void it_is_asked_before_a_key_signs(void **state)
{
	(void)state;
	struct nonce_room room = {.copy = NULL};
	assert_true(sodium_init() >= 0);
	assert_true(nonce_is_right(&room));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector),
		cmocka_unit_test(the_librarys_for_any_key_and_digest),
		cmocka_unit_test(the_librarys_at_the_edges),
		cmocka_unit_test(it_is_asked_before_a_key_signs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
