#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/u256.h"
#include "test/unit/base/dies.h"

#include <stdlib.h>

/* The reference: schoolbook arithmetic on 64 bytes, least significant first; slow, and shares nothing with
 * u256.c. */
struct slow {
	unsigned d[64];
};

static struct slow slow_of(struct u256 v)
{
	struct slow s = {{0}};
	for (int i = 0; i < 32; i++)
		s.d[i] = (unsigned)(v.w[i / 8] >> (8 * (i % 8)) & 255);
	return s;
}

/* false: it has bytes over the 32nd */
static bool slow_to(struct slow s, struct u256 *v)
{
	bool fits = true;
	*v = u256_of(0);
	for (int i = 0; i < 32; i++)
		v->w[i / 8] |= (uint64_t)s.d[i] << (8 * (i % 8));
	for (int i = 32; i < 64; i++)
		fits &= s.d[i] == 0;
	return fits;
}

static struct slow slow_add(struct slow a, struct slow b)
{
	unsigned carry = 0;
	for (int i = 0; i < 64; i++) {
		carry += a.d[i] + b.d[i];
		a.d[i] = carry % 256;
		carry /= 256;
	}
	return a;
}

static struct slow slow_mul(struct slow a, struct slow b)
{
	struct slow r = {{0}};
	for (int i = 0; i < 32; i++)
		for (int k = 0; k < 32; k++) {
			unsigned carry = a.d[i] * b.d[k];
			for (int at = i + k; carry > 0; at++) {
				carry += r.d[at];
				r.d[at] = carry % 256;
				carry /= 256;
			}
		}
	return r;
}

static uint64_t random_state = 88172645463325252u;
static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	return random_state ^= random_state << 17;
}

/* Of any length, with runs of ones and zeros: carries must travel. */
static struct u256 random256(void)
{
	struct u256 v = {{random64(), random64(), random64(), random64()}};
	for (int i = 0; i < 4; i++)
		switch (random64() % 4) {
		case 0: v.w[i] = 0; break;
		case 1: v.w[i] = UINT64_MAX; break;
		default: break;
		}
	unsigned cut = (unsigned)(random64() % 256);
	for (unsigned bit = 255; bit >= cut && bit > 0; bit--)
		v.w[bit / 64] &= ~((uint64_t)1 << bit % 64);
	return v;
}

static void assert_same(struct u256 a, struct u256 b)
{
	assert_memory_equal(&a, &b, sizeof a);
}

static void test_random_add_sub_mul(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct u256 a = random256(), b = random256(), sum, wanted, back;
		bool fits = slow_to(slow_add(slow_of(a), slow_of(b)), &wanted);
		assert_int_equal(u256_add(&sum, a, b), fits);
		assert_same(sum, wanted);
		assert_int_equal(u256_sub(&back, sum, b), fits); /* wrapped: below b, so it borrows */
		assert_same(back, a);
		fits = slow_to(slow_mul(slow_of(a), slow_of(b)), &wanted);
		struct u256 product;
		assert_int_equal(u256_mul(&product, a, b), fits);
		assert_same(product, wanted);
		assert_int_equal(u256_sub(&back, a, b), u256_cmp(a, b) >= 0);
	}
}

static void test_random_div(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct u256 a = random256(), product, back;
		uint64_t d = random64() >> random64() % 64, rest;
		d = d ? d : 1;
		struct u256 q = u256_div64(a, d, &rest);
		assert_true(rest < d);
		assert_true(u256_mul(&product, q, u256_of(d)));
		assert_true(u256_add(&back, product, u256_of(rest)));
		assert_same(back, a);
		assert_same(u256_div64(a, d, NULL), q);
	}
}

static void divide_by_zero(void *arg)
{
	(void)arg;
	u256_div64(u256_of(1), 0, NULL);
}

static void test_div_by_zero_is_our_bug(void **state)
{
	(void)state;
	assert_true(aborts(divide_by_zero, NULL));
}

static void test_compare(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct u256 a = {{5, 5, 5, 5}}, b = a;
		b.w[i]++;
		assert_true(u256_cmp(a, b) < 0);
		assert_true(u256_cmp(b, a) > 0);
		assert_true(u256_lt(a, b) && !u256_lt(b, a) && !u256_lt(a, a));
		assert_same(u256_min(a, b), a);
		assert_same(u256_min(b, a), a);
		assert_same(u256_max(a, b), b);
		assert_same(u256_max(b, a), b);
		struct u256 one = {{0}};
		assert_true(u256_is_zero(one));
		one.w[i] = 1;
		assert_false(u256_is_zero(one));
		uint64_t v;
		assert_int_equal(u256_to_u64(one, &v), i == 0);
	}
	assert_int_equal(u256_cmp(u256_of(9), u256_of(9)), 0);
}

static void test_ratio_up(void **state)
{
	(void)state;
	struct u256 r, max = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	assert_true(u256_ratio_up(&r, u256_of(100), 9, 8)); /* 112.5 */
	assert_same(r, u256_of(113));
	assert_true(u256_ratio_up(&r, u256_of(80), 9, 8));
	assert_same(r, u256_of(90));
	assert_true(u256_ratio_up(&r, u256_of(0), 9, 8));
	assert_same(r, u256_of(0));
	assert_false(u256_ratio_up(&r, max, 9, 8));
	assert_true(u256_ratio_up(&r, max, 1, 1));
	assert_same(r, max);
	assert_true(u256_ratio_up(&r, max, 1, 2));
	assert_same(r, ((struct u256){{0, 0, 0, (uint64_t)1 << 63}}));
}

static void test_text(void **state)
{
	(void)state;
	char dec[U256_DEC_MAX], hex[U256_HEX_MAX];
	for (int i = 0; i < 5000; i++) {
		struct u256 a = random256(), back, slow = u256_of(0);
		u256_to_dec(dec, a);
		assert_true(u256_from_dec(&back, str_of(dec)));
		assert_same(back, a);
		struct slow s = {{0}}, ten = {{10}};
		for (const char *c = dec; *c; c++) /* Horner, on the reference */
			s = slow_add(slow_mul(s, ten), (struct slow){{(unsigned)(*c - '0')}});
		assert_true(slow_to(s, &slow));
		assert_same(slow, a);
		assert_true(dec[0] != '0' || dec[1] == 0);
		u256_to_hex(hex, a);
		assert_true(u256_from_hex(&back, str_of(hex)));
		assert_same(back, a);
		assert_true(hex[2] != '0' || hex[3] == 0);
		uint8_t be[32];
		u256_to_be(be, a);
		assert_int_equal(be[0], a.w[3] >> 56);
		assert_int_equal(be[31], a.w[0] & 255);
		assert_same(u256_from_be(be), a);
	}
}

static void test_text_edges(void **state)
{
	(void)state;
	struct u256 v;
	char dec[U256_DEC_MAX], hex[U256_HEX_MAX];
	const char *max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
	assert_true(u256_from_dec(&v, str_of(max)));
	u256_to_dec(dec, v);
	assert_string_equal(dec, max);
	u256_to_hex(hex, v);
	assert_string_equal(hex, "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	u256_to_hex(hex, u256_of(0));
	assert_string_equal(hex, "0x0");
	u256_to_dec(dec, u256_of(0));
	assert_string_equal(dec, "0");
	/* it is written in pieces of 19 digits */
	static const char *const whole[] = {"9999999999999999999", "10000000000000000000", "10000000000000000001",
		"18446744073709551615", "18446744073709551616", "100000000000000000000000000000000000000",
		"99999999999999999990000000000000000007"};
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		assert_true(u256_from_dec(&v, str_of(whole[i])));
		u256_to_dec(dec, v);
		assert_string_equal(dec, whole[i]);
	}
	assert_true(u256_from_dec(&v, STR("00001")));
	assert_true(u256_from_hex(&v, STR("0X00ff")));
	assert_same(v, u256_of(255));
	static const char *const bad[] = {"",
		"115792089237316195423570985008687907853269984665640564039457584007913129639936",
		"200000000000000000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000000000000000000001", "-1", "1.0", "1 ",
		"0x1", "a"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(u256_from_dec(&v, str_of(bad[i])));
	static const char *const bad_hex[] = {"", "0x", "ff", "1x1", "0y1", "0xg",
		"0x10000000000000000000000000000000000000000000000000000000000000000"};
	for (size_t i = 0; i < sizeof bad_hex / sizeof bad_hex[0]; i++)
		assert_false(u256_from_hex(&v, str_of(bad_hex[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_add_sub_mul),
		cmocka_unit_test(test_random_div),
		cmocka_unit_test(test_div_by_zero_is_our_bug),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_ratio_up),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_edges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
