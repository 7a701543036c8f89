#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/key_check.h"
#include "common/evm/keccak.h"
#include "test/unit/evm/hex.h"

#include <secp256k1_recovery.h>
#include <sodium.h>
#include <stdlib.h>

/* n signatures, and what is known besides. */
struct world {
	secp256k1_context *curve;
	secp256k1_pubkey public;
	uint8_t secret[32];
	uint8_t digests[KEY_CHECK_MAX][32];
	struct signature sigs[KEY_CHECK_MAX];
	struct key_room room;
	size_t n, turned; /* how many left with s turned */
};

static void sign_at(struct world *w, size_t i)
{
	secp256k1_ecdsa_recoverable_signature made;
	uint8_t both[64], left[32], right[32];
	w->room.nonce.copy = w->room.nonces[i];
	assert_int_equal(secp256k1_ecdsa_sign_recoverable(
						 w->curve, &made, w->digests[i], w->secret, nonce_rfc6979, &w->room.nonce),
		1);
	secp256k1_ecdsa_recoverable_signature_serialize_compact(w->curve, both, &w->sigs[i].recid, &made);
	memcpy(w->sigs[i].r, both, 32);
	memcpy(w->sigs[i].s, both + 32, 32);
	memcpy(left, w->room.nonces[i], 32);
	memcpy(right, w->secret, 32);
	assert_true(secp256k1_ec_seckey_tweak_mul(w->curve, left, w->sigs[i].s));
	assert_true(secp256k1_ec_seckey_tweak_mul(w->curve, right, w->sigs[i].r));
	assert_true(secp256k1_ec_seckey_tweak_add(w->curve, right, w->digests[i]));
	w->turned += memcmp(left, right, 32) != 0;
}

static void make(struct world *w, size_t n)
{
	*w = (struct world){.curve = secp256k1_context_create(SECP256K1_CONTEXT_NONE), .n = n};
	assert_true(sodium_init() >= 0);
	memset(w->secret, 0x5d, 32);
	assert_true(secp256k1_ec_pubkey_create(w->curve, &w->public, w->secret));
	for (size_t i = 0; i < n; i++) {
		keccak256(w->digests[i], &i, sizeof i);
		sign_at(w, i);
	}
}

static bool right(struct world *w)
{
	return key_check(
		w->curve, &w->public, w->secret, (const uint8_t(*)[32])w->digests, w->sigs, w->n, &w->room);
}

/* The nonces are RFC 6979's, as the library takes them by itself. Both ways of low s occur. */
static void test_right(void **state)
{
	(void)state;
	static const size_t counts[] = {1, 2, KEY_CHECK_MIN, 17, KEY_CHECK_MAX};
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		struct world w;
		make(&w, counts[c]);
		for (size_t i = 0; i < w.n; i++) {
			secp256k1_ecdsa_recoverable_signature plain;
			uint8_t both[64];
			int recid;
			assert_true(
				secp256k1_ecdsa_sign_recoverable(w.curve, &plain, w.digests[i], w.secret, NULL, NULL));
			secp256k1_ecdsa_recoverable_signature_serialize_compact(w.curve, both, &recid, &plain);
			assert_memory_equal(both, w.sigs[i].r, 32);
			assert_memory_equal(both + 32, w.sigs[i].s, 32);
			assert_int_equal(recid, w.sigs[i].recid);
		}
		assert_true(right(&w));
		assert_true(w.n < 17 || (w.turned > 0 && w.turned < w.n));
		secp256k1_context_destroy(w.curve);
	}
}

/* One bit of one number of one signature, of the key, or of what is public. */
static void test_each_flip_is_seen(void **state)
{
	(void)state;
	struct world w;
	make(&w, 6);
	for (size_t bit = 0; bit < 256; bit += 5)
		for (size_t what = 0; what < 6; what++) {
			size_t i = bit % w.n;
			struct world bad = w;
			uint8_t *const numbers[] = {bad.sigs[i].r, bad.sigs[i].s, bad.digests[i], bad.room.nonces[i],
				bad.secret, bad.public.data};
			numbers[what][bit / 8] ^= (uint8_t)(1 << bit % 8);
			/* a P off the curve is no argument: it is another key's instead */
			uint8_t other[32] = {[31] = 9, [3] = (uint8_t)bit};
			if (what == 5)
				assert_true(secp256k1_ec_pubkey_create(w.curve, &bad.public, other));
			assert_false(right(&bad));
		}
	for (size_t i = 0; i < w.n; i++) {
		struct world bad = w;
		bad.sigs[i].recid ^= 1;
		assert_false(right(&bad));
		bad.sigs[i].recid = 2;
		assert_false(right(&bad));
	}
	assert_true(right(&w));
	secp256k1_context_destroy(w.curve);
}

/* The key was another one when it signed: all fits but P. */
static void test_another_key(void **state)
{
	(void)state;
	struct world w;
	make(&w, 5);
	w.secret[9] ^= 4;
	for (size_t i = 0; i < w.n; i++)
		sign_at(&w, i);
	assert_false(right(&w));
	secp256k1_context_destroy(w.curve);
}

/* s above the middle is the same point for ECDSA, and no transaction's (EIP-2). Numbers out of range. */
static void test_edges(void **state)
{
	(void)state;
	struct world w, bad;
	make(&w, 4);
	bad = w;
	assert_true(secp256k1_ec_seckey_negate(w.curve, bad.sigs[1].s));
	bad.sigs[1].recid ^= 1;
	assert_false(right(&bad));
	for (int what = 0; what < 4; what++)
		for (int byte = 0; byte < 256; byte += 255) {
			bad = w;
			uint8_t *const numbers[] = {bad.sigs[2].r, bad.sigs[2].s, bad.digests[2], bad.room.nonces[2]};
			memset(numbers[what], byte, 32);
			assert_false(right(&bad));
		}
	secp256k1_context_destroy(w.curve);
}

/* The point of signature i is moved by ±G, and its numbers fit: z is made for them. */
static void move(struct world *w, size_t i, bool back)
{
	uint8_t k[32], right_side[32], one[32] = {[31] = 1}, point[33];
	size_t n = sizeof point;
	secp256k1_pubkey moved;
	if (back)
		assert_true(secp256k1_ec_seckey_negate(w->curve, one));
	memcpy(k, w->room.nonces[i], 32);
	assert_true(secp256k1_ec_seckey_tweak_add(w->curve, k, one));
	assert_true(secp256k1_ec_pubkey_create(w->curve, &moved, k));
	assert_true(secp256k1_ec_pubkey_serialize(w->curve, point, &n, &moved, SECP256K1_EC_COMPRESSED));
	memcpy(w->sigs[i].r, point + 1, 32);
	w->sigs[i].recid = point[0] & 1;
	memcpy(w->digests[i], w->room.nonces[i], 32);
	assert_true(secp256k1_ec_seckey_tweak_mul(w->curve, w->digests[i], w->sigs[i].s));
	memcpy(right_side, w->secret, 32);
	assert_true(secp256k1_ec_seckey_tweak_mul(w->curve, right_side, w->sigs[i].r));
	assert_true(secp256k1_ec_seckey_negate(w->curve, right_side));
	assert_true(secp256k1_ec_seckey_tweak_add(w->curve, w->digests[i], right_side));
}

/* A faulty R is seen, always; two whose faults would cancel are, but once in 128 times. */
static void test_wrong_points(void **state)
{
	(void)state;
	struct world w, bad;
	int seen = 0;
	make(&w, 8);
	for (int i = 0; i < 60; i++) {
		bad = w;
		move(&bad, (size_t)i % w.n, i % 3 == 0);
		assert_false(right(&bad));
		bad = w;
		move(&bad, 2, false);
		move(&bad, 5, true);
		seen += !right(&bad);
	}
	assert_true(seen > 40);
	secp256k1_context_destroy(w.curve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_each_flip_is_seen),
		cmocka_unit_test(test_another_key),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_wrong_points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
