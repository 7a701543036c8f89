#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/str.h"
#include "test/unit/base/dies.h"

#include <stdio.h>

static void test_slices(void **state)
{
	(void)state;
	assert_true(str_eq(STR("ab"), str_of("ab")));
	assert_false(str_eq(STR("ab"), STR("ac")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_true(str_eq(str_of(NULL), STR("")));
	assert_true(str_is(STR("ab"), "ab"));
	assert_false(str_is(STR("ab"), "a"));
	assert_true(text_is("a", "a"));
	assert_false(text_is("a", "b"));
	assert_false(text_is("a", NULL));
	assert_false(text_is(NULL, "a"));
	assert_true(text_is(NULL, NULL));
	assert_true(text_starts("fairlead", "fair"));
	assert_true(text_starts("fair", "fair"));
	assert_true(text_starts("fair", ""));
	assert_false(text_starts("fai", "fair"));
}

static void test_to_u64(void **state)
{
	(void)state;
	uint64_t v = 5;
	assert_true(str_to_u64(STR("0"), &v));
	assert_int_equal(v, 0);
	assert_true(str_to_u64(STR("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
	v = 5;
	static const char *const bad[] = {
		"", "18446744073709551616", "99999999999999999999", "-1", "+1", "1 ", " 1", "0x1", "1e3", "1/", "1:"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(str_to_u64(str_of(bad[i]), &v));
	assert_int_equal(v, 5);
}

static void test_hex_to_u64(void **state)
{
	(void)state;
	uint64_t v = 5;
	assert_true(str_hex_to_u64(STR("0x0"), &v));
	assert_int_equal(v, 0);
	assert_true(str_hex_to_u64(STR("0XfFfFfFfFfFfFfFfF"), &v));
	assert_true(v == UINT64_MAX);
	v = 5;
	static const char *const bad[] = {
		"", "0x", "0x10000000000000000", "10", "1x0", "0y1", "0xg", "0x 1", "-0x1"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(str_hex_to_u64(str_of(bad[i]), &v));
	assert_int_equal(v, 5);
}

static void test_utf8(void **state)
{
	(void)state;
	/* RFC 3629's table, its edges from both sides */
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {{"a", 1}, {"\x7f", 1}, {"\xC2\x80", 2}, {"\xDF\xBF", 2}, {"\xE0\xA0\x80", 3},
		{"\xED\x9F\xBF", 3}, {"\xEE\x80\x80", 3}, {"\xEF\xBF\xBF", 3}, {"\xF0\x90\x80\x80", 4},
		{"\xF4\x8F\xBF\xBF", 4}, {"", 0}, {"\x80", 0}, {"\xBF", 0}, {"\xC0\x80", 0}, {"\xC1\xBF", 0},
		{"\xE0\x9F\xBF", 0}, {"\xED\xA0\x80", 0}, {"\xF0\x8F\xBF\xBF", 0}, {"\xF4\x90\x80\x80", 0},
		{"\xF5\x80\x80\x80", 0}, {"\xFF", 0}, {"\xC2", 0}, {"\xE2\x82", 0}, {"\xF0\x9F\x98", 0},
		{"\xC2"
		 "a",
			0},
		{"\xE2"
		 "a\x80",
			0},
		{"\xE2\x82"
		 "a",
			0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct str s = str_of(cases[i].text);
		assert_int_equal(utf8_len(s), cases[i].len);
		assert_int_equal(utf8_valid(s), cases[i].len > 0 || s.n == 0);
	}
	assert_true(utf8_valid(STR("köder → 🎣")));
	assert_false(utf8_valid(STR("köder\xff")));
}

static void test_buf(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_put(&b, NULL, 0);
	assert_string_equal(b.p, "");
	buf_text(&b, "ab");
	buf_char(&b, 'c');
	buf_str(&b, STR("de"));
	buf_printf(&b, "-%d", 5);
	buf_hex(&b, (const uint8_t *)"\x01\xfe", 2);
	assert_string_equal(b.p, "abcde-501fe");
	assert_int_equal(b.n, 11);
	buf_clear(&b);
	assert_int_equal(b.n, 0);
	assert_string_equal(b.p, "");
	buf_printf(&b, "%5000s|", "x"); /* longer than the room at hand */
	assert_int_equal(b.n, 5001);
	assert_string_equal(b.p + 4999, "x|");
	char *room = buf_room(&b, 10);
	memcpy(room, "0123456789", 10);
	b.n += 10;
	assert_true(b.cap > b.n);
	buf_fini(&b);
	assert_null(b.p);
	buf_clear(&b);
	for (int i = 0; i < 10000; i++)
		buf_char(&b, (char)('a' + i % 26));
	for (int i = 0; i < 10000; i++)
		assert_int_equal(b.p[i], 'a' + i % 26);
	assert_int_equal(b.p[10000], 0);
	buf_fini(&b);
}

static void ask_too_much(void *arg)
{
	(void)arg;
	struct buf b = {0};
	buf_room(&b, SIZE_MAX / 2);
}

static void test_numbers(void **state)
{
	(void)state;
	struct buf b = {0};
	static const int64_t all[] = {0, 9, 10, -1, -10, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		buf_int(&b, all[i]);
		buf_char(&b, ' ');
	}
	buf_uint(&b, UINT64_MAX);
	assert_string_equal(b.p, "0 9 10 -1 -10 9223372036854775807 -9223372036854775808 18446744073709551615");
	buf_fini(&b);
}

static void test_buf_refuses_nonsense(void **state)
{
	(void)state;
	assert_true(aborts(ask_too_much, NULL));
}

static void test_json(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_json(&b, STR("a\"b\\c/\n\t\r\x01\x1f\x7fé🎣"));
	assert_string_equal(b.p, "\"a\\\"b\\\\c/\\n\\t\\r\\u0001\\u001f\\u007fé🎣\"");
	buf_clear(&b);
	buf_json(&b, STR("x\xff\xc3"));
	assert_string_equal(b.p, "\"x\xEF\xBF\xBD\xEF\xBF\xBD\"");
	buf_clear(&b);
	buf_json(&b, (struct str){"a\0b", 3});
	assert_string_equal(b.p, "\"a\\u0000b\"");
	buf_clear(&b);
	buf_json(&b, (struct str){NULL, 0});
	assert_string_equal(b.p, "\"\"");
	buf_fini(&b);
}

static void test_hex(void **state)
{
	(void)state;
	uint8_t out[4] = {0};
	char text[11];
	assert_true(hex_from(out, 4, STR("0xDEadBEef")));
	hex_to(text, out, 4);
	assert_string_equal(text, "deadbeef");
	hex_to_0x(text, out, 4);
	assert_string_equal(text, "0xdeadbeef");
	assert_true(hex_from(out, 2, STR("0Xab12")));
	assert_true(hex_from(out, 2, STR("ab12")));
	assert_true(hex_from(out, 0, STR("0x")));
	assert_true(hex_from(out, 0, STR("")));
	assert_false(hex_from(out, 2, STR("0xab1")));
	assert_false(hex_from(out, 2, STR("0xab123")));
	assert_false(hex_from(out, 2, STR("0xabg2")));
	assert_false(hex_from(out, 2, STR("0xab2g")));
	assert_false(hex_from(out, 1, STR("x1")));
	for (size_t n = 0; n <= 40; n++) { /* a vector takes eight bytes, the rest goes one by one */
		uint8_t in[40], back[40];
		char all[83], want[81];
		for (size_t i = 0; i < n; i++)
			snprintf(want + 2 * i, 3, "%02x", in[i] = (uint8_t)(i * 37 + n * 11));
		want[2 * n] = 0;
		hex_to_0x(all, in, n);
		assert_string_equal(all + 2, want);
		assert_true(hex_from(back, n, str_of(all)));
		assert_memory_equal(back, in, n);
		for (size_t i = 2; i < 2 * n + 2; i++)
			for (int c = 0; c < 256; c++) {
				char was = all[i];
				all[i] = (char)c;
				if (hex_from(back, n, (struct str){all, 2 * n + 2}) != (hex_digit((char)c) >= 0))
					fail_msg("byte %d at %zu of %zu digits", c, i - 2, 2 * n);
				all[i] = was;
			}
	}
	for (int c = 0; c < 256; c++) {
		char one[2] = {(char)c, 0};
		unsigned v = 99;
		bool hex = sscanf(one, "%1x", &v) == 1;
		assert_int_equal(hex_digit((char)c), hex && c != ' ' ? (int)v : -1);
	}
}

static void test_holds(void **state)
{
	(void)state;
	assert_true(str_holds(STR("Execution REVERTED: no"), "reverted"));
	assert_true(str_holds(STR("nonce too low"), "nonce"));
	assert_true(str_holds(STR("nonce too low"), "LOW"));
	assert_true(str_holds(STR("any"), ""));
	assert_false(str_holds(STR("any"), "anybody"));
	assert_false(str_holds((struct str){0}, "a"));
	assert_false(str_holds((struct str){"pool full", 8}, "full")); /* nothing behind the slice is read */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_to_u64),
		cmocka_unit_test(test_hex_to_u64),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_buf_refuses_nonsense),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
