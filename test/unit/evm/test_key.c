#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/key.h"
#include "common/evm/keccak.h"
#include "test/unit/base/dies.h"
#include "test/unit/evm/hex.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

static void test_read(void **state)
{
	(void)state;
	struct arena a = {0};
	static const char *const forms[] = {SECRET, "0x" SECRET, " \t0x" SECRET "\r\n",
		"AC0974BEC39A17E36BA4A6B4D238FF944BACB478CBED5EFCAE784D7BF4F2FF80"};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct err e;
		struct key *k = key_from_hex(str_of(forms[i]), &e);
		assert_non_null(k);
		assert_bytes(key_address(k), 20, &a, "f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
		key_free(k);
	}
	key_free(NULL);
	arena_fini(&a);
}

static void test_refused_without_quoting(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "  ", "0x", "c0ffee", SECRET "0", SECRET " 00",
		"gc0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err e = {0};
		assert_null(key_from_hex(str_of(bad[i]), &e));
		assert_int_equal(e.class, ERR_MALFORMED);
		if (strlen(bad[i]) > 3)
			assert_null(strstr(e.text, bad[i]));
		assert_null(strstr(e.text, "c0974bec"));
	}
	assert_null(key_from_hex(STR("x"), NULL));
}

/* RFC 6979 on secp256k1 with SHA-256: the vectors that the libraries of the field share. */
static void test_rfc6979(void **state)
{
	(void)state;
	static const char *const vectors[][4] = {
		{"0000000000000000000000000000000000000000000000000000000000000001", "Satoshi Nakamoto",
			"934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8",
			"2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
		{"0000000000000000000000000000000000000000000000000000000000000001",
			"All those moments will be lost in time, like tears in rain. Time to die...",
			"8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b",
			"547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"},
		{"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", "Satoshi Nakamoto",
			"fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0",
			"6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5"},
		{"f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181", "Alan Turing",
			"7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c",
			"58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea"},
		{"e91671c46231f833a6406ccbea0e3e392c76c167bac1cb013f6f1013980455c2",
			"There is a computer disease that anybody who works with computers knows about. It's a very "
			"serious "
			"disease and it interferes completely with the work. The trouble with computers is that you "
			"'play' "
			"with them!",
			"b552edd27580141f3b2a5463048cb7cd3e047b97c9f98076c32dbdf85a68718b",
			"279fa72dd19bfae05577e06c7c0c1900c371fcd5893f7e1d56a37d30174671f6"},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		uint8_t digest[32];
		struct signature sig;
		struct key *k = key_from_hex(str_of(vectors[i][0]), NULL);
		crypto_hash_sha256(digest, (const uint8_t *)vectors[i][1], strlen(vectors[i][1]));
		key_sign(k, digest, &sig);
		assert_bytes(sig.r, 32, &a, vectors[i][2]);
		assert_bytes(sig.s, 32, &a, vectors[i][3]);
		key_free(k);
	}
	arena_fini(&a);
}

static void test_sign_and_recover(void **state)
{
	(void)state;
	struct key *k = key_from_hex(STR(SECRET), NULL);
	for (int i = 0; i < 64; i++) {
		uint8_t digest[32], who[20];
		struct signature sig, again;
		struct err e;
		keccak256(digest, &i, sizeof i);
		key_sign(k, digest, &sig);
		key_sign(k, digest, &again);
		assert_memory_equal(sig.r, again.r, 32); /* RFC 6979: no randomness */
		assert_memory_equal(sig.s, again.s, 32);
		assert_true(sig.s[0] < 0x80);
		assert_true(key_recover(who, digest, &sig, &e));
		assert_memory_equal(who, key_address(k), 20);
		digest[5] ^= 1;
		if (key_recover(who, digest, &sig, &e))
			assert_memory_not_equal(who, key_address(k), 20);
	}
	key_free(k);
}

static void test_recover_refuses(void **state)
{
	(void)state;
	/* the order of the group: n - s is the other, malleable signature (EIP-2) */
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0,
		0x36, 0x41, 0x41};
	struct key *k = key_from_hex(STR(SECRET), NULL);
	uint8_t digest[32] = {1}, who[20];
	struct signature good, bad;
	struct err e;
	key_sign(k, digest, &good);
	bad = good;
	bad.recid = 2;
	assert_false(key_recover(who, digest, &bad, &e));
	bad.recid = -1;
	assert_false(key_recover(who, digest, &bad, &e));
	assert_non_null(strstr(e.text, "parity"));
	bad = good;
	unsigned borrow = 0;
	for (int i = 31; i >= 0; i--) {
		unsigned take = good.s[i] + borrow;
		borrow = order[i] < take;
		bad.s[i] = (uint8_t)(order[i] - take);
	}
	bad.recid ^= 1;
	assert_false(key_recover(who, digest, &bad, &e));
	assert_non_null(strstr(e.text, "EIP-2"));
	memcpy(bad.s, order, 32);
	assert_false(key_recover(who, digest, &bad, &e));
	assert_non_null(strstr(e.text, "below the order"));
	bad = good;
	memset(bad.r, 0, 32);
	assert_false(key_recover(who, digest, &bad, &e));
	assert_non_null(strstr(e.text, "no key"));
	bad = good;
	memset(bad.s, 0, 32);
	assert_false(key_recover(who, digest, &bad, NULL));
	key_free(k);
}

static void read_byte(void *p)
{
	if (*(volatile const char *)p == 77)
		_exit(3);
	_exit(2);
}

/* P24: nothing may read the secret but key_sign: a read of its page faults, before and after a signature. */
static void test_secret_is_guarded(void **state)
{
	(void)state;
	char hex[] = SECRET;
	struct key *k = key_from_hex(str_of(hex), NULL);
	uint8_t digest[32] = {2};
	struct signature sig;
	const char **secret = (const char **)k; /* the first member of struct key points at the page */
	assert_int_equal(end_of(read_byte, (void *)(uintptr_t)*secret), 128 + SIGSEGV);
	key_sign(k, digest, &sig);
	assert_int_equal(end_of(read_byte, (void *)(uintptr_t)*secret), 128 + SIGSEGV);
	key_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused_without_quoting),
		cmocka_unit_test(test_rfc6979),
		cmocka_unit_test(test_sign_and_recover),
		cmocka_unit_test(test_recover_refuses),
		cmocka_unit_test(test_secret_is_guarded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
