#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/abi.h"
#include "test/unit/evm/hex.h"

static struct arena mem;

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

static struct abi_type type(const char *text)
{
	struct abi_type t;
	struct err e = {0};
	if (!abi_parse_type(&mem, str_of(text), &t, &e))
		fail_msg("%s: %s", text, e.text);
	return t;
}

/* text → value → text and JSON */
static void there_and_back(const char *type_text, struct str text, const char *wanted, const char *json)
{
	struct abi_type t = type(type_text);
	struct abi_value v;
	struct err e = {0};
	struct buf b = {0};
	if (!abi_value_from_text(&mem, &t, text, &v, &e))
		fail_msg("%s: %s", type_text, e.text);
	abi_value_text(&b, &t, &v);
	assert_string_equal(b.p, wanted);
	buf_clear(&b);
	abi_value_json(&b, &t, &v);
	assert_string_equal(b.p, json);
	buf_fini(&b);
}

static void test_scalars(void **state)
{
	(void)state;
	there_and_back("uint56", STR("72057594037927935"), "72057594037927935", "72057594037927935");
	there_and_back("uint64", STR("1"), "1", "\"1\"");
	there_and_back("uint256", STR("007"), "7", "\"7\"");
	there_and_back("int64", STR("-9223372036854775808"), "-9223372036854775808", "-9223372036854775808");
	there_and_back("int72", STR("-1"), "-1", "\"-1\"");
	there_and_back("int256", STR("-0"), "0", "\"0\"");
	there_and_back("bool", STR("true"), "true", "true");
	there_and_back("bool", STR("t"), "true", "true");
	there_and_back("bool", STR("f"), "false", "false");
	there_and_back("bool", STR("false"), "false", "false");
	there_and_back("address", STR("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "\"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\"");
	there_and_back("bytes", STR("0x"), "0x", "\"0x\"");
	there_and_back("bytes", STR("\\xAB01"), "0xab01", "\"0xab01\"");
	there_and_back("bytes2", STR("0xAB01"), "0xab01", "\"0xab01\"");
	there_and_back("function", STR("0x000102030405060708090a0b0c0d0e0f1011121314151617"),
		"0x000102030405060708090a0b0c0d0e0f1011121314151617",
		"\"0x000102030405060708090a0b0c0d0e0f1011121314151617\"");
	there_and_back("string", STR("grüße \"x\"\n"), "grüße \"x\"\n", "\"grüße \\\"x\\\"\\n\"");
	there_and_back("string", STR(""), "", "\"\"");
	/* PostgreSQL takes neither NUL nor broken UTF-8 */
	there_and_back("string",
		((struct str){"a\0b\xff"
					  "c",
			5}),
		"a\xEF\xBF\xBD"
		"b\xEF\xBF\xBD"
		"c",
		"\"a\xEF\xBF\xBD"
		"b\xEF\xBF\xBD"
		"c\"");
}

static void test_nested(void **state)
{
	(void)state;
	const char *json = "[1,2]";
	there_and_back("uint8[]", str_of(json), json, json);
	there_and_back("uint256[]",
		STR("[\"1\", 115792089237316195423570985008687907853269984665640564039457584007913129639935]"),
		"[\"1\",\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"]",
		"[\"1\",\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"]");
	json = "{\"a\":-1,\"b\":[{\"c\":\"x\",\"arg1\":true}],\"d\":[]}";
	there_and_back("(int8 a,(string c,bool)[] b,bytes[] d)", str_of(json), json, json);
	there_and_back("(int8 a,(string c,bool)[] b,bytes[] d)", STR("[-1,[[\"x\",true]],[]]"), json, json);
	there_and_back("(int8 a,(string c,bool)[] b,bytes[] d)",
		STR("{\"d\":[],\"b\":[[\"x\",\"t\"]],\"a\":\"-1\"}"), json, json);
	there_and_back("bool[1][2]", STR("[[true],[false]]"), "[[true],[false]]", "[[true],[false]]");
}

static void refused(const char *type_text, const char *text, const char *why)
{
	struct abi_type t = type(type_text);
	struct abi_value v;
	struct err e = {0};
	if (abi_value_from_text(&mem, &t, str_of(text), &v, &e))
		fail_msg("%s %s was taken", type_text, text);
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("%s %s: \"%s\" says nothing of \"%s\"", type_text, text, e.text, why);
}

static void test_refused(void **state)
{
	(void)state;
	refused("uint8", "256", "256 is not a value of type uint8");
	refused("uint8", "-1", "not a value");
	refused("uint8", "", "not a value");
	refused("uint8", "1.0", "not a value");
	refused("uint8", "1e1", "not a value");
	refused("uint8", "0x1", "not a value");
	refused("int8", "128", "not a value");
	refused("int8", "-129", "not a value");
	refused("int8", "-", "not a value");
	refused("int8", "--1", "not a value");
	refused("int256", "57896044618658097711785492504343953926634992332820282019728792003956564819968",
		"not a value");
	refused("int256", "-57896044618658097711785492504343953926634992332820282019728792003956564819969",
		"not a value");
	refused("int256", "-115792089237316195423570985008687907853269984665640564039457584007913129639935",
		"not a value");
	refused("bool", "1", "not a value");
	refused("bool", "TRUE", "not a value");
	refused("address", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
	refused("address", "", "0x");
	refused("bytes", "", "not a value");
	refused("bytes", "0", "not a value");
	refused("bytes", "abcd", "not a value");
	refused("bytes", "0y12", "not a value");
	refused("bytes", "0x1", "not a value");
	refused("bytes", "0x1g", "not a value");
	refused("bytes2", "0x01", "not a value of type bytes2");
	refused("bytes2", "0x010203", "not a value");
	refused("function", "0x01", "not a value");
	refused("uint8",
		"99999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999", "…");
	refused("uint8[]", "", "not JSON");
	refused("uint8[]", "[1", "not JSON");
	refused("uint8[]", "{}", "no JSON array");
	refused("uint8[]", "[256]", "item 0: 256 is not");
	refused("uint8[]", "[1,true]", "item 1");
	refused("uint8[]", "[null]", "item 0");
	refused("uint8[]", "[1.5]", "item 0: 1.5 is not");
	refused("uint8[]", "[[1]]", "item 0");
	refused("uint8[2]", "[1]", "another length");
	refused("bool[]", "[1]", "another kind");
	refused("string[]", "[1]", "another kind");
	refused("(bool a)", "7", "as many fields");
	refused("(bool a)", "[]", "as many fields");
	refused("(bool a)", "[true,true]", "as many fields");
	refused("(bool a)", "{}", "as many fields");
	refused("(bool a)", "{\"b\":true}", "the field a is missing");
	refused("(bool a)", "{\"a\":7}", "a: ");
	refused("(bool a)", "{\"a\":true,\"b\":1}", "as many fields");
}

static void test_pg_types(void **state)
{
	(void)state;
	static const struct {
		const char *type, *plain, *indexed;
	} cases[] = {{"int8", "bigint", "bigint"}, {"int64", "bigint", "bigint"},
		{"int72", "numeric(78)", "numeric(78)"}, {"uint56", "bigint", "bigint"},
		{"uint64", "numeric(78)", "numeric(78)"}, {"bool", "boolean", "boolean"}, {"address", "text", "text"},
		{"bytes", "text", "text"}, {"bytes32", "text", "text"}, {"string", "text", "text"},
		{"function", "text", "text"}, {"uint256[]", "numeric(78)[]", "text"},
		{"uint8[3]", "bigint[]", "text"}, {"bool[]", "boolean[]", "text"}, {"string[]", "text[]", "text"},
		{"uint8[][]", "jsonb", "text"}, {"(bool)", "jsonb", "text"}, {"(bool)[]", "jsonb", "text"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct abi_param p = {.name = "x", .type = type(cases[i].type)};
		struct buf b = {0};
		abi_pg_type(&b, &p);
		assert_string_equal(b.p, cases[i].plain);
		buf_clear(&b);
		p.indexed = true;
		abi_pg_type(&b, &p);
		assert_string_equal(b.p, cases[i].indexed);
		buf_fini(&b);
	}
}

static void test_snake(void **state)
{
	(void)state;
	static const struct {
		const char *name, *snake;
	} cases[] = {{"tokenId", "token_id"}, {"_tokenId", "token_id"}, {"__id", "id"},
		{"TokenRevealed", "token_revealed"}, {"tokenURI", "token_uri"}, {"ERC20Token", "erc20_token"},
		{"HTTPServer", "http_server"}, {"tokenIDs", "token_ids"}, {"token_Id", "token_id"}, {"a", "a"},
		{"A", "a"}, {"ABC", "abc"}, {"aB", "a_b"}, {"x2Y", "x2_y"}, {"value_", "value_"}, {"a$B", "a_b"},
		{"$x", "x"}, {"_", "field"}, {"", "field"}, {"IDsOf", "ids_of"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[64];
		abi_snake(out, sizeof out, cases[i].name);
		assert_string_equal(out, cases[i].snake);
	}
	char small[6];
	abi_snake(small, sizeof small, "tokenId");
	assert_string_equal(small, "token");
	abi_snake(small, sizeof small, "toksId");
	assert_string_equal(small, "toks_");
}

static void revert(const char *hex, const struct abi_entry *entries, size_t n, const char *wanted)
{
	struct buf b = {0};
	abi_revert_text(&b, entries, n, unhex(&mem, hex));
	assert_string_equal(b.p, wanted);
	buf_fini(&b);
}

#define W(hex) "00000000000000000000000000000000000000000000000000000000000000" hex

static void test_revert(void **state)
{
	(void)state;
	struct abi_entry entries[4];
	struct err e;
	size_t at;
	assert_true(abi_parse_line(&mem, STR("event InvalidTokenId()"), &entries[0], &at, &e));
	assert_true(abi_parse_line(&mem, STR("error Short(uint256 have, uint256 want)"), &entries[1], &at, &e));
	assert_true(abi_parse_line(&mem, STR("error InvalidTokenId()"), &entries[2], &at, &e));
	assert_true(abi_parse_line(&mem, STR("error Says(string)"), &entries[3], &at, &e));
	revert("", entries, 3, "reverted without a reason");
	revert("12", entries, 3, "0x12 (unknown error)");
	revert("1234abcd", entries, 3, "0x1234abcd (unknown error)");
	revert("1234abcd" W("00"), entries, 3, "0x1234abcd (unknown error)");
	revert("3f6cc768", entries, 3, "InvalidTokenId()");
	revert("3f6cc768", entries, 2, "0x3f6cc768 (unknown error)");
	struct buf b = {0};
	buf_hex(&b, entries[1].hash, 4);
	buf_text(&b, W("03") W("05"));
	revert(b.p, entries, 3, "Short(3, 5)");
	b.p[b.n - 1] = 0; /* a digit short: no whole byte */
	b.p[b.n - 2] = 0;
	char wanted[40];
	hex_to_0x(wanted, entries[1].hash, 4);
	memcpy(wanted + 10, " (unknown error)", 17);
	revert(b.p, entries, 3, wanted);
	buf_clear(&b);
	buf_hex(&b, entries[3].hash, 4);
	buf_text(&b, W("20") "000000000000000000000000000000000000000000000000000000000000012c");
	for (int i = 0; i < 320; i++)
		buf_text(&b, i < 300 ? "61" : "00");
	struct buf got = {0};
	abi_revert_text(&got, entries, 4, unhex(&mem, b.p));
	assert_memory_equal(got.p, "Says(aaa", 8);
	assert_string_equal(got.p + got.n - 6, "aa…)");
	assert_true(got.n < 300);
	buf_fini(&got);
	buf_fini(&b);
}

static void test_error_and_panic(void **state)
{
	(void)state;
	revert("08c379a0" W("20") W("05") "68656c6c6f000000000000000000000000000000000000000000000000000000",
		NULL, 0, "Error: hello");
	revert("08c379a0" W("20") W("05") "68656c6c6f", NULL, 0, "Error: hello");
	revert("08c379a0" W("20") W("ff") "68656c", NULL, 0, "Error: hel");
	revert("08c379a0" W("20") "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
							  "68",
		NULL, 0, "Error: h");
	revert("08c379a0" W("20") W("00"), NULL, 0, "Error: ");
	revert("08c379a0" W("20"), NULL, 0, "0x08c379a0 (unknown error)");
	struct buf b = {0};
	buf_text(&b, "08c379a0" W("20") "000000000000000000000000000000000000000000000000000000000000012c");
	for (int i = 0; i < 300; i++)
		buf_text(&b, "61");
	struct buf got = {0};
	abi_revert_text(&got, NULL, 0, unhex(&mem, b.p));
	assert_string_equal(got.p + got.n - 5, "aa…");
	assert_int_equal(got.n, 7 + 256 + 3);
	buf_fini(&got);
	buf_fini(&b);
	static const struct {
		const char *code, *words;
	} panics[] = {{"00", "generic"}, {"01", "assertion failed"}, {"11", "arithmetic overflow"},
		{"12", "division by zero"}, {"21", "no such enum value"}, {"22", "storage bytes badly encoded"},
		{"31", "pop of an empty array"}, {"32", "array index out of bounds"}, {"41", "too much memory"},
		{"51", "call of an empty function variable"}, {"77", "unknown"}};
	for (size_t i = 0; i < sizeof panics / sizeof panics[0]; i++) {
		char *hex = arena_printf(&mem, "4e487b71" W("%s"), panics[i].code);
		revert(hex, NULL, 0, arena_printf(&mem, "Panic 0x%s: %s", panics[i].code, panics[i].words));
	}
	revert("4e487b71 0000000000000000000000000000000000000000000000000000000000000100", NULL, 0,
		"Panic 0x100: unknown");
	revert("4e487b71" W("11") "00", NULL, 0, "0x4e487b71 (unknown error)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_pg_types),
		cmocka_unit_test(test_snake),
		cmocka_unit_test(test_revert),
		cmocka_unit_test(test_error_and_panic),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
