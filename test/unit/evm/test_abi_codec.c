#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/abi.h"
#include "test/unit/evm/hex.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena mem;

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

static struct abi_entry parse(const char *line)
{
	struct abi_entry x;
	struct err e = {0};
	size_t at;
	if (!abi_parse_line(&mem, str_of(line), &x, &at, &e))
		fail_msg("%s: %s", line, e.text);
	return x;
}

static struct abi_type list_of(const struct abi_entry *x)
{
	return (struct abi_type){.kind = ABI_TUPLE, .fields = x->in, .nfields = x->nin};
}

/* Encodes the call of the declaration with arguments in JSON, and reads it back. */
static void there_and_back(const char *line, const char *json, const char *hex)
{
	struct abi_entry x = parse(line);
	struct abi_type t = list_of(&x);
	struct abi_value args, back;
	struct err e = {0};
	struct buf b = {0}, text = {0}, wanted = {0};
	if (!abi_value_from_text(&mem, &t, str_of(json), &args, &e))
		fail_msg("%s: %s", json, e.text);
	assert_true(abi_encode_call(&b, &x, args.items, &e));
	assert_bytes(b.p, b.n, &mem, hex);
	struct abi_value *items = arena_alloc(&mem, x.nin * sizeof *items);
	back = (struct abi_value){.items = items, .n = x.nin};
	if (!abi_decode(&mem, (struct bytes){(uint8_t *)b.p + 4, b.n - 4}, x.in, x.nin, items, &e))
		fail_msg("%s: %s", line, e.text);
	abi_value_json(&text, &t, &back);
	abi_value_json(&wanted, &t, &args);
	assert_string_equal(text.p, wanted.p);
	buf_fini(&b);
	buf_fini(&text);
	buf_fini(&wanted);
}

#define W(hex) "00000000000000000000000000000000000000000000000000000000000000" hex

/* The examples of the ABI specification. */
static void test_specification(void **state)
{
	(void)state;
	there_and_back("function baz(uint32 x, bool y)", "[69,true]", "cdcd77c0" W("45") W("01"));
	there_and_back("function bar(bytes3[2])", "[[\"0x616263\",\"0x646566\"]]",
		"fce353f6 6162630000000000000000000000000000000000000000000000000000000000"
		"6465660000000000000000000000000000000000000000000000000000000000");
	there_and_back("function sam(bytes, bool, uint[])", "[\"0x64617665\",true,[1,2,3]]",
		"a5643bf2" W("60") W("01") W("a0")
			W("04") "6461766500000000000000000000000000000000000000000000000000000000" W("03") W("01") W("02")
				W("03"));
	there_and_back("function f(uint256,uint32[],bytes10,bytes)",
		"[291,[1110,1929],\"0x31323334353637383930\",\"0x48656c6c6f2c20776f726c6421\"]",
		"8be65246 0000000000000000000000000000000000000000000000000000000000000123" W(
			"80") "3132333435363738393000000000000000000000000000000000000000000000" W("e0")
			W("02") "0000000000000000000000000000000000000000000000000000000000000456"
					"0000000000000000000000000000000000000000000000000000000000000789" W(
						"0d") "48656c6c6f2c20776f726c642100000000000000000000000000000000000000");
	there_and_back("function g(uint256[][],string[])", "[[[1,2],[3]],[\"one\",\"two\",\"three\"]]",
		"2289b18c" W("40") "0000000000000000000000000000000000000000000000000000000000000140" W("02") W("40")
			W("a0") W("02") W("01") W("02") W("01") W("03") W("03") W("60") W("a0") W("e0")
				W("03") "6f6e650000000000000000000000000000000000000000000000000000000000" W(
					"03") "74776f000000000000000000000000000000000000000000000000000000000"
						  "0" W("05") "746872656500000000000000000000000000000000000000000000"
									  "0000000000");
}

/* A length of whole words has no padding. */
static void test_padding(void **state)
{
	(void)state;
	there_and_back("function p(bytes)",
		"[\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"]",
		"e7d72860" W("20") W("20") "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	there_and_back("function p(bytes)", "[\"0x\"]", "e7d72860" W("20") W("00"));
}

static void test_tuples(void **state)
{
	(void)state;
	/* a static tuple lies in the head, a dynamic one behind its offset; an array of static tuples has no
	 * offsets */
	there_and_back("function s((uint8 a, address b) x, (int16 c, string d) y)",
		"[{\"a\":1,\"b\":\"0x00000000000000000000000000000000000000ff\"},[-1,\"hi\"]]",
		"0b8eaecb" W("01") W("ff")
			W("60") "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" W("40")
				W("02") "6869000000000000000000000000000000000000000000000000000000000000");
}

static void test_empty(void **state)
{
	(void)state;
	struct err e = {0};
	struct buf b = {0};
	struct abi_entry x = parse("function owner()");
	assert_true(abi_encode_call(&b, &x, NULL, &e));
	assert_bytes(b.p, b.n, &mem, "8da5cb5b");
	assert_true(abi_decode(&mem, (struct bytes){NULL, 0}, NULL, 0, NULL, &e));
	assert_false(abi_decode(&mem, (struct bytes){(const uint8_t *)"x", 1}, NULL, 0, NULL, &e));
	buf_fini(&b);
}

static void misfit(const char *type, struct abi_value v)
{
	struct abi_type t;
	struct err e = {0};
	struct buf b = {0};
	assert_true(abi_parse_type(&mem, str_of(type), &t, &e));
	struct abi_param p = {.name = "x", .type = t};
	buf_text(&b, "kept");
	assert_false(abi_encode(&b, &p, 1, &v, &e));
	assert_int_equal(e.class, ERR_REJECTED);
	assert_non_null(strstr(e.text, "does not fit the type"));
	assert_int_equal(b.n, 4);
	struct abi_entry fn = {.name = "f", .in = &p, .nin = 1};
	assert_false(abi_encode_call(&b, &fn, &v, &e));
	assert_int_equal(b.n, 4);
	assert_memory_equal(e.text, "f: ", 3);
	buf_fini(&b);
}

static struct u256 minus(uint64_t v)
{
	struct u256 r;
	u256_sub(&r, u256_of(0), u256_of(v));
	return r;
}

static void test_misfits(void **state)
{
	(void)state;
	static const struct abi_value two[2] = {{.n = 0}};
	misfit("uint8", (struct abi_value){.number = u256_of(256)});
	misfit("uint248", (struct abi_value){.number = minus(1)});
	misfit("int8", (struct abi_value){.number = u256_of(128)});
	misfit("int8", (struct abi_value){.number = minus(129)});
	misfit("int64", (struct abi_value){.number = {{(uint64_t)1 << 63, 0, 0, 0}}});
	misfit("int72", (struct abi_value){.number = {{0, 128, 0, 0}}});
	misfit("bool", (struct abi_value){.number = u256_of(2)});
	misfit("address", (struct abi_value){.bytes = {(const uint8_t *)"x", 1}});
	misfit("bytes2", (struct abi_value){.bytes = {(const uint8_t *)"xyz", 3}});
	misfit("function", (struct abi_value){.bytes = {(const uint8_t *)"xyz", 3}});
	misfit("address[2]", (struct abi_value){.items = two, .n = 2});
	misfit("uint8[3]", (struct abi_value){.items = two, .n = 2});
	misfit("string[3]", (struct abi_value){.items = two, .n = 2});
	misfit("(uint8)", (struct abi_value){.items = two, .n = 2});
	misfit("(string)", (struct abi_value){.items = two, .n = 2});
	misfit("address[]", (struct abi_value){.items = two, .n = 2});
	misfit("(address,string)", (struct abi_value){.items = two, .n = 2});
	misfit("address[2][1][]", (struct abi_value){.items = two, .n = 2});
}

static void test_number_limits(void **state)
{
	(void)state;
	there_and_back("function l(int8, int8, uint8, int256, uint256)",
		"[-128,127,255,\"-57896044618658097711785492504343953926634992332820282019728792003956564819968\","
		"\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"]",
		"b6a184b2 ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff80" W("7f")
			W("ff") "8000000000000000000000000000000000000000000000000000000000000000"
					"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
}

static void undecodable(const char *types, const char *hex, const char *why)
{
	struct abi_type t;
	struct abi_value v[4];
	struct err e = {0};
	assert_true(abi_parse_type(&mem, str_of(types), &t, &e));
	struct bytes data = unhex(&mem, hex);
	/* memory of its own size, so that a sanitizer sees a read behind it */
	uint8_t *copy = mem_alloc(data.n);
	if (data.n > 0)
		memcpy(copy, data.p, data.n);
	if (abi_decode(&mem, (struct bytes){copy, data.n}, t.fields, t.nfields, v, &e))
		fail_msg("%s %s was taken", types, hex);
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", types, e.text, why);
	free(copy);
}

#define ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void test_undecodable(void **state)
{
	(void)state;
	undecodable("(uint8)", "", "head alone needs 32");
	undecodable("(uint8)", "00", "head alone needs 32");
	undecodable("(uint8)", W("01") "00", "1 bytes behind its end");
	undecodable("(uint8)", W("01") W("00"), "32 bytes behind its end");
	undecodable(
		"(uint8)", "0000000000000000000000000000000000000000000000000000000000000100", "does not fit");
	undecodable("(int8)", W("80"), "does not fit");
	undecodable("(int8)", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "does not fit");
	undecodable("(bool)", W("02"), "does not fit");
	undecodable("(bool)", ONES, "does not fit");
	undecodable("(address)", "0000000000000000000000010000000000000000000000000000000000000000", "high bits");
	undecodable("(bytes4)", "1234567800000000000000000000000000000000000000000000000000000001", "padding");
	undecodable("(bytes31)", ONES, "padding");
	undecodable("(function)", ONES, "padding");
	undecodable("(bytes)", W("40") W("00") W("00"), "only 32 is canonical");
	undecodable("(bytes)", W("00"), "only 32 is canonical");
	undecodable("(bytes)", ONES, "over the data's size");
	undecodable("(bytes)", W("20"), "inside a word");
	undecodable("(bytes)", W("20") "00", "inside a word");
	undecodable("(bytes)", W("20") ONES, "over the data's size");
	undecodable("(bytes)", W("20") W("01"), "ends inside the 1 bytes");
	undecodable("(bytes)", W("20") W("01") "ff", "ends inside the 1 bytes");
	undecodable("(bytes)", W("20") W("01") ONES, "padding");
	undecodable("(bytes)", W("20") W("00") W("00"), "32 bytes behind its end");
	undecodable("(uint8[])", W("20") W("02") W("01"), "ends inside the array of 2");
	undecodable("(uint8[])", W("20"), "inside a word");
	undecodable("(uint8[])", W("20") W("01") ONES, "does not fit");
	undecodable("(uint8[2])", W("01"), "head alone needs 64");
	undecodable("(string[2])", W("20") W("01"), "ends inside the array of 2");
	undecodable("(uint8[2][])", W("20") W("02") W("01") W("01") W("01"), "ends inside the array of 2");
	undecodable("((string,uint8))", W("20") W("40"), "head alone needs 96");
	undecodable("((uint8,bool))", W("01") W("02"), "does not fit");
	/* two strings that share their bytes; the second before the first */
	undecodable("(string,string)", W("40") W("40") W("00"), "only 96 is canonical");
	undecodable("(string,string)", W("60") W("40") W("00") W("00"), "only 64 is canonical");
	/* an array whose items all point back at the array: exponential for a decoder that follows */
	undecodable("(uint8[][][])", W("20") W("02") W("00") W("00"), "only 64 is canonical");
}

static void test_memory_is_bounded(void **state)
{
	(void)state;
	struct arena a = {0};
	struct abi_type t;
	struct abi_value v[1];
	struct err e;
	struct buf b = {0};
	/* a length of 2^20 that is paid for with nothing */
	assert_true(abi_parse_type(&mem, STR("(uint8[])"), &t, &e));
	struct bytes head =
		unhex(&mem, W("20") "0000000000000000000000000000000000000000000000000000000000100000");
	buf_put(&b, head.p, head.n);
	memset(buf_room(&b, 1 << 20), 0, 1 << 20);
	b.n += 1 << 20;
	assert_false(abi_decode(&a, (struct bytes){(uint8_t *)b.p, b.n}, t.fields, 1, v, &e));
	assert_int_equal(a.used, 0);
	buf_fini(&b);
	arena_fini(&a);
}

static void topic(uint8_t out[32], const char *hex)
{
	struct bytes b = unhex(&mem, hex);
	memcpy(out, b.p, 32);
}

static void test_log(void **state)
{
	(void)state;
	struct abi_entry ev =
		parse("event E(uint8 indexed a, string b, string indexed c, int16 d, address indexed e)");
	uint8_t topics[4][32];
	struct abi_value v[5];
	struct err e = {0};
	memcpy(topics[0], ev.hash, 32);
	topic(topics[1], W("07"));
	topic(topics[2], "592fa743889fc7f92ac2a37bb1f5ba1daf2a5c84741ca0e0061d243a2e6707ba");
	topic(topics[3], "000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
	struct bytes data =
		unhex(&mem, W("40") ONES W("02") "6869000000000000000000000000000000000000000000000000000000000000");
	const uint8_t(*given)[32] = (const uint8_t(*)[32])topics;
	assert_true(abi_decode_log(&mem, &ev, given, 4, data, v, &e));
	assert_int_equal(v[0].number.w[0], 7);
	assert_int_equal(v[1].bytes.n, 2);
	assert_memory_equal(v[1].bytes.p, "hi", 2);
	assert_int_equal(v[2].bytes.n, 32);
	assert_memory_equal(v[2].bytes.p, topics[2], 32);
	assert_true(v[3].number.w[3] == UINT64_MAX);
	assert_int_equal(v[4].bytes.n, 20);
	struct buf b = {0};
	for (size_t i = 0; i < 5; i++) {
		abi_value_text(&b, abi_stored_type(&ev.in[i]), &v[i]);
		buf_char(&b, ' ');
	}
	assert_string_equal(b.p, "7 hi 0x592fa743889fc7f92ac2a37bb1f5ba1daf2a5c84741ca0e0061d243a2e6707ba -1 "
							 "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 ");
	buf_fini(&b);

	assert_false(abi_decode_log(&mem, &ev, given, 3, data, v, &e));
	assert_non_null(strstr(e.text, "3 topics where E(uint8,string,string,int16,address) as declared has 4"));
	assert_false(abi_decode_log(&mem, &ev, given, 0, data, v, &e));
	assert_non_null(strstr(e.text, "first topic"));
	assert_false(abi_decode_log(&mem, &ev, given, 4, (struct bytes){data.p, data.n - 32}, v, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	topics[1][0] = 1;
	assert_false(abi_decode_log(&mem, &ev, given, 4, data, v, &e));
	assert_non_null(strstr(e.text, "a topic of"));
	topics[0][0] ^= 1;
	assert_false(abi_decode_log(&mem, &ev, given, 4, data, v, &e));
	assert_non_null(strstr(e.text, "first topic"));
}

static void test_anonymous_log(void **state)
{
	(void)state;
	struct abi_entry ev = parse("event A(uint256 indexed a, uint256 b) anonymous");
	uint8_t topics[2][32];
	struct abi_value v[2];
	struct err e = {0};
	topic(topics[0], W("07"));
	topic(topics[1], W("08"));
	const uint8_t(*given)[32] = (const uint8_t(*)[32])topics;
	assert_true(abi_decode_log(&mem, &ev, given, 1, unhex(&mem, W("09")), v, &e));
	assert_int_equal(v[0].number.w[0], 7);
	assert_int_equal(v[1].number.w[0], 9);
	assert_false(abi_decode_log(&mem, &ev, given, 2, unhex(&mem, W("09")), v, &e));
	assert_false(abi_decode_log(&mem, &ev, given, 0, unhex(&mem, W("09")), v, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specification),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_tuples),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_misfits),
		cmocka_unit_test(test_number_limits),
		cmocka_unit_test(test_undecodable),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_anonymous_log),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
