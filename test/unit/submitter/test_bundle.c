/* bundle: what is asked, and answers that are exactly what was asked. (That the code does what it says is
 * shown on a node.) */
#include "submitter/bundle.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void calls_stand_behind_each_other(void **state)
{
	(void)state;
	struct buf b = {0};
	uint8_t to[20] = {0xab};
	bundle_add(&b, to, STR("0x01020304"));
	bundle_add(&b, to, STR("0x"));
	assert_int_equal(b.n, 2 * (32 + 32 + 4 + 32 + 32));
	assert_memory_equal(b.p, "000000000000000000000000ab00", 28);
	assert_memory_equal(b.p + 64 + 62, "0401020304", 10);
	buf_fini(&b);
}

/* Each PUSH1 target of the listing is a JUMPDEST of the code: 46 (the end) and 04 (the loop). */
static void jumps_land(void **state)
{
	(void)state;
	const char *code = bundle_code + 2;
	assert_int_equal(strlen(code), 2 * 0x4a);
	assert_memory_equal(code + 2 * 0x04, "5b", 2);
	assert_memory_equal(code + 2 * 0x46, "5b", 2);
	assert_memory_equal(code + 2 * 0x09, "604657", 6);
	assert_memory_equal(code + 2 * 0x43, "600456", 6);
	assert_memory_equal(code + 2 * 0x49, "f3", 2);
}

static size_t put_answer(uint8_t *at, uint8_t ok, uint8_t size)
{
	memset(at, 0, 64u + size);
	at[31] = ok;
	at[63] = size;
	memset(at + 64, 7, size);
	return 64u + size;
}

static void answers_are_exact(void **state)
{
	(void)state;
	uint8_t raw[256];
	struct bundled out[2];
	size_t n = put_answer(raw, 1, 40);
	n += put_answer(raw + n, 0, 0);
	assert_true(bundle_read((struct bytes){raw, n}, out, 2));
	assert_true(out[0].ok);
	assert_int_equal(out[0].ret.n, 40);
	assert_false(out[1].ok);
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		memcpy(copy, raw, cut);
		assert_false(bundle_read((struct bytes){copy, cut}, out, 2));
		free(copy);
	}
	assert_false(bundle_read((struct bytes){raw, n + 1}, out, 2));
	assert_false(bundle_read((struct bytes){raw, n}, out, 1));
	raw[31] = 2;
	assert_false(bundle_read((struct bytes){raw, n}, out, 2));
	raw[31] = 1;
	raw[32] = 1; /* a size of 2^248 */
	assert_false(bundle_read((struct bytes){raw, n}, out, 2));
}

static void tries_jumps_land(void **state)
{
	(void)state;
	const char *code = tries_code + 2;
	assert_int_equal(strlen(code), 2 * 0x6c);
	static const uint8_t targets[] = {0x07, 0x14, 0x47, 0x4b};
	for (size_t i = 0; i < sizeof targets; i++)
		assert_memory_equal(code + 2 * targets[i], "5b", 2);
	assert_memory_equal(code, "333014600757", 12);
	assert_memory_equal(code + 2 * 0x0c, "604b57", 6);
	assert_memory_equal(code + 2 * 0x19, "604757", 6);
	assert_memory_equal(code + 2 * 0x44, "601456", 6);
	assert_memory_equal(code + 2 * 0x6b, "fd", 2);
}

/* EIP-2028: 4 a zero byte, 16 any other; EIP-7623: at least 10 and 40 of the limit. */
static void a_try_has_what_its_transaction_would_have(void **state)
{
	(void)state;
	assert_int_equal(tries_gas(STR("0x"), 21001), 1);
	assert_int_equal(tries_gas(STR("0x"), 21000), 0);
	assert_int_equal(tries_gas(STR("0x0001ff"), 100000), 100000 - 21000 - 4 - 32);
	assert_int_equal(tries_gas(STR("0x0001ff"), 21000 + 10 + 80), 90 - 36);
	assert_int_equal(tries_gas(STR("0x0001ff"), 21000 + 10 + 79), 0);
	assert_true(tries_cost(STR("0x0001ff"), 100000) > 100000 * 64 / 63 * 64 / 63);
}

static void tries_stand_behind_each_other(void **state)
{
	(void)state;
	struct buf b = {0};
	uint8_t to[20] = {0xab};
	tries_begin(&b);
	tries_add(&b, to, STR("0x01020304"), 0x1234);
	tries_add(&b, to, STR("0x"), 5);
	assert_int_equal(b.n, 2 * (32 + 96 + 4 + 96));
	assert_memory_equal(b.p + 64, "000000000000000000000000ab00", 28);
	assert_memory_equal(b.p + 128 + 60, "1234", 4);
	assert_memory_equal(b.p + 192 + 62, "0401020304", 10);
	buf_fini(&b);
}

static void tries_are_exact(void **state)
{
	(void)state;
	uint8_t raw[96] = {[31] = 1, [95] = 1};
	bool passes[3];
	assert_true(tries_read((struct bytes){raw, 96}, passes, 3));
	assert_true(passes[0] && !passes[1] && passes[2]);
	assert_false(tries_read((struct bytes){raw, 96}, passes, 2));
	assert_false(tries_read((struct bytes){raw, 95}, passes, 3));
	assert_false(tries_read((struct bytes){raw, 0}, passes, 3));
	raw[63] = 2;
	assert_false(tries_read((struct bytes){raw, 96}, passes, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(calls_stand_behind_each_other),
		cmocka_unit_test(jumps_land), cmocka_unit_test(answers_are_exact), cmocka_unit_test(tries_jumps_land),
		cmocka_unit_test(a_try_has_what_its_transaction_would_have),
		cmocka_unit_test(tries_stand_behind_each_other), cmocka_unit_test(tries_are_exact)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
