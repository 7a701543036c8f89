#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/evm/keccak.h"
#include "common/evm/rlp.h"
#include "common/evm/tx.h"
#include "test/unit/base/dies.h"
#include "test/unit/evm/hex.h"

static struct arena mem;
static struct key *key;

static int setup(void **state)
{
	(void)state;
	key = key_from_hex(STR("4646464646464646464646464646464646464646464646464646464646464646"), NULL);
	return key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	key_free(key);
	arena_fini(&mem);
	return 0;
}

static struct tx example(void)
{
	struct tx t = {.type = TX_LEGACY,
		.chain_id = 1,
		.nonce = 9,
		.fee = u256_of(20000000000),
		.gas = 21000,
		.value = u256_of(1000000000000000000)};
	memset(t.to, 0x35, 20);
	return t;
}

/* The worked example of EIP-155. */
static void test_eip155(void **state)
{
	(void)state;
	struct tx t = example();
	struct buf raw = {0};
	uint8_t hash[32];
	tx_encode(&t, NULL, &raw);
	assert_bytes(raw.p, raw.n, &mem,
		"ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080");
	tx_digest(&t, hash);
	assert_bytes(hash, 32, &mem, "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
	buf_clear(&raw);
	buf_text(&raw, "here");
	tx_sign(&t, key, &raw, hash);
	assert_memory_equal(raw.p, "here", 4);
	assert_bytes(raw.p + 4, raw.n - 4, &mem,
		"f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025"
		"a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
		"a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83");
	uint8_t whole[32];
	keccak256(whole, raw.p + 4, raw.n - 4);
	assert_memory_equal(hash, whole, 32);
	buf_fini(&raw);
}

static bool decode(struct bytes raw, struct tx *t, struct signature *sig, struct err *e)
{
	uint8_t sender[20], hash[32], whole[32];
	if (!tx_decode(&mem, raw, t, sig, sender, hash, e))
		return false;
	keccak256(whole, raw.p, raw.n);
	assert_memory_equal(hash, whole, 32);
	assert_memory_equal(sender, key_address(key), 20);
	return true;
}

static void test_each_type_there_and_back(void **state)
{
	(void)state;
	const uint8_t keys[2][32] = {{1}, {2}};
	struct tx_access access[2] = {{{0xaa}, keys, 2}, {{0xbb}, NULL, 0}};
	for (int type = TX_LEGACY; type <= TX_FEE_MARKET; type++)
		for (int create = 0; create < 2; create++) {
			struct tx t = example(), back;
			struct signature sig;
			struct buf raw = {0};
			struct err e;
			uint8_t hash[32];
			t.type = (enum tx_type)type;
			t.chain_id = 31337;
			t.create = create;
			t.data = (struct bytes){(const uint8_t *)"some data", 9};
			if (type != TX_LEGACY) {
				t.access = access;
				t.naccess = 2;
			}
			if (type == TX_FEE_MARKET)
				t.tip = t.fee;
			tx_sign(&t, key, &raw, hash);
			assert_true(decode((struct bytes){(uint8_t *)raw.p, raw.n}, &back, &sig, &e));
			assert_int_equal(back.type, type);
			assert_int_equal(back.chain_id, 31337);
			assert_int_equal(back.nonce, 9);
			assert_int_equal(back.gas, 21000);
			assert_int_equal(back.create, create);
			assert_int_equal(u256_cmp(back.fee, t.fee), 0);
			assert_int_equal(u256_cmp(back.tip, t.tip), 0);
			assert_int_equal(u256_cmp(back.value, t.value), 0);
			assert_int_equal(back.data.n, 9);
			assert_int_equal(back.naccess, t.naccess);
			if (type != TX_LEGACY) {
				assert_memory_equal(back.access[0].address, access[0].address, 20);
				assert_memory_equal(back.access[0].keys, keys, 64);
				assert_int_equal(back.access[1].nkeys, 0);
			}
			buf_fini(&raw);
		}
}

static void sign_with_too_much_tip(void *arg)
{
	struct tx t = example();
	struct buf raw = {0};
	uint8_t hash[32];
	t.type = TX_FEE_MARKET;
	t.tip = u256_of(20000000000 + *(uint64_t *)arg);
	tx_sign(&t, key, &raw, hash);
	buf_fini(&raw);
}

static void sign_unprotected(void *arg)
{
	(void)arg;
	struct tx t = example();
	struct buf raw = {0};
	uint8_t hash[32];
	t.chain_id = 0;
	tx_sign(&t, key, &raw, hash);
}

static void test_what_we_never_sign(void **state)
{
	(void)state;
	uint64_t none = 0, one = 1;
	assert_int_equal(end_of(sign_with_too_much_tip, &none), 0);
	assert_true(aborts(sign_with_too_much_tip, &one));
	assert_true(aborts(sign_unprotected, NULL));
}

/* A signed transaction put together by hand: v, r, s and what follows are the test's. */
static struct bytes made(int type, const char *before_signature, const char *signature)
{
	struct buf b = {0};
	struct bytes head = unhex(&mem, before_signature), tail = unhex(&mem, signature);
	if (type > 0)
		buf_char(&b, (char)type);
	size_t list = rlp_list_open(&b);
	buf_put(&b, head.p, head.n);
	buf_put(&b, tail.p, tail.n);
	rlp_list_close(&b, list);
	uint8_t *p = arena_copy(&mem, b.p, b.n);
	struct bytes raw = {p, b.n};
	buf_fini(&b);
	return raw;
}

static void refused(struct bytes raw, const char *why)
{
	struct tx t;
	struct signature sig;
	struct err e = {0};
	uint8_t sender[20], hash[32];
	assert_false(tx_decode(&mem, raw, &t, &sig, sender, hash, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" says nothing of \"%s\"", e.text, why);
}

#define TO "943535353535353535353535353535353535353535"
#define RS                                                               \
	"a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276" \
	"a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"

static void test_refused_legacy(void **state)
{
	(void)state;
	const char *body = "098504a817c800825208" TO "880de0b6b3a764000080";
	refused((struct bytes){NULL, 0}, "at least one byte");
	refused(unhex(&mem, "00c0"), "type 0x00");
	refused(unhex(&mem, "03c0"), "type 0x03");
	refused(unhex(&mem, "7f"), "type 0x7f");
	refused(unhex(&mem, "80"), "type 0x80");
	refused(unhex(&mem, "c1"), "the transaction");
	refused(unhex(&mem, "c0"), "the nonce");
	refused(unhex(&mem, "c100"), "the nonce");
	refused(unhex(&mem, "c109"), "the fee");
	refused(unhex(&mem, "c20909"), "the gas");
	refused(unhex(&mem, "c3090909"), "to");
	refused(unhex(&mem, "c409090905"), "to has 1 bytes");
	refused(unhex(&mem, "c4090909c0"), "to");
	refused(unhex(&mem, "c409090980"), "the value");
	refused(unhex(&mem, "c50909098009"), "the data");
	refused(made(0, body, ""), "v");
	static const char *const bad_v[] = {
		"80", "1a", "1d", "22", "23", "24", "c0", "89030000000000000000", "a1ff"};
	for (size_t i = 0; i < sizeof bad_v / sizeof bad_v[0]; i++) {
		struct buf tail = {0};
		buf_printf(&tail, "%s" RS, bad_v[i]);
		refused(made(0, body, tail.p), "v");
		buf_fini(&tail);
	}
	refused(made(0, body, "25"), "r");
	refused(made(0, body, "2505"), "s");
	refused(made(0, body, "258080"), "no key");
	refused(made(0, body, "25" RS "05"), "1 bytes behind its signature");
	refused(unhex(&mem, "c0c0"), "1 bytes behind its end");
	struct bytes good = made(0, body, "25" RS);
	struct tx t;
	struct signature sig;
	struct err e;
	assert_true(decode(good, &t, &sig, &e));
	assert_int_equal(t.chain_id, 1);
	assert_int_equal(sig.recid, 0);
}

static void test_refused_typed(void **state)
{
	(void)state;
	refused(unhex(&mem, "02"), "the transaction");
	refused(unhex(&mem, "02c0"), "the chain id");
	refused(unhex(&mem, "0201"), "the transaction");
	refused(unhex(&mem, "02c20109"), "the tip");
	refused(made(2, "01808080808080", ""), "the data");
	refused(made(2, "0180808080808080", ""), "the access list");
	refused(made(2, "0180808080808080", "80"), "access list");
	refused(made(2, "0180808080808080", "c3c28080"), "0 bytes");
	refused(made(2, "0180808080808080", "c2c1c0"), "access list");
	refused(made(2, "0180808080808080", "c180"), "access list");
	refused(made(2, "0180808080808080", "c101"), "access list");
	refused(made(2, "0180808080808080",
				"d6d594"
				"3535353535353535353535353535353535353535"),
		"access list");
	refused(made(2, "0180808080808080",
				"d7d694"
				"3535353535353535353535353535353535353535"
				"80"),
		"access list");
	refused(made(2, "0180808080808080",
				"d8d794"
				"3535353535353535353535353535353535353535"
				"c105"),
		"storage key");
	refused(made(2, "0180808080808080",
				"d8d794"
				"3535353535353535353535353535353535353535"
				"c181"),
		"access list");
	refused(made(2, "0180808080808080",
				"d8d794"
				"3535353535353535353535353535353535353535"
				"c080"),
		"more than two parts");
	refused(made(2, "0180808080808080", "c181"), "access list");
	refused(made(2, "0180808080808080", "c002" RS), "the signature's parity");
	refused(made(2, "0180808080808080", "c0"), "parity");
	refused(made(1, "01808080808080", "c001"), "r");
}

static void test_unprotected_is_read(void **state)
{
	(void)state;
	struct tx t = example(), back;
	struct signature sig, read;
	struct buf raw = {0};
	struct err e;
	uint8_t digest[32];
	t.chain_id = 0;
	tx_digest(&t, digest);
	key_sign(key, digest, &sig);
	tx_encode(&t, &sig, &raw);
	assert_true(decode((struct bytes){(uint8_t *)raw.p, raw.n}, &back, &read, &e));
	assert_int_equal(back.chain_id, 0);
	assert_int_equal(read.recid, sig.recid);
	buf_fini(&raw);
}

static void test_greatest_chain_id(void **state)
{
	(void)state;
	struct tx t = example(), back;
	struct signature sig;
	struct buf raw = {0};
	struct err e;
	uint8_t hash[32];
	t.chain_id = UINT64_MAX; /* v takes nine bytes */
	tx_sign(&t, key, &raw, hash);
	assert_true(decode((struct bytes){(uint8_t *)raw.p, raw.n}, &back, &sig, &e));
	assert_true(back.chain_id == UINT64_MAX);
	buf_fini(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eip155),
		cmocka_unit_test(test_each_type_there_and_back),
		cmocka_unit_test(test_what_we_never_sign),
		cmocka_unit_test(test_refused_legacy),
		cmocka_unit_test(test_refused_typed),
		cmocka_unit_test(test_unprotected_is_read),
		cmocka_unit_test(test_greatest_chain_id),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
