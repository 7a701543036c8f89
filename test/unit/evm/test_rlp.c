#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/rlp.h"
#include "test/unit/evm/hex.h"

#include <stdlib.h>

static struct arena mem;

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

static void test_encode(void **state)
{
	(void)state;
	struct buf b = {0};
	rlp_bytes(&b, (const uint8_t *)"dog", 3);
	rlp_bytes(&b, NULL, 0);
	rlp_bytes(&b, (const uint8_t *)"\x00", 1);
	rlp_bytes(&b, (const uint8_t *)"\x7f", 1);
	rlp_bytes(&b, (const uint8_t *)"\x80", 1);
	assert_bytes(b.p, b.n, &mem, "83646f67 80 00 7f 8180");
	buf_clear(&b);
	rlp_u64(&b, 0);
	rlp_u64(&b, 15);
	rlp_u64(&b, 1024);
	rlp_u256(&b, (struct u256){{0, 0, 0, 1}});
	assert_bytes(b.p, b.n, &mem, "80 0f 820400 99 01000000000000000000000000000000 000000000000000000");
	buf_clear(&b);
	size_t outer = rlp_list_open(&b);
	rlp_bytes(&b, (const uint8_t *)"cat", 3);
	size_t inner = rlp_list_open(&b);
	rlp_list_close(&b, inner);
	rlp_list_close(&b, outer);
	assert_bytes(b.p, b.n, &mem, "c5 83636174 c0");
	buf_fini(&b);
}

/* Each length at which the header changes, as bytes and as a list, there and back. */
static void test_lengths(void **state)
{
	(void)state;
	static const struct {
		size_t n;
		const char *bytes, *list;
	} cases[] = {{55, "b7", "f7"}, {56, "b838", "f838"}, {255, "b8ff", "f8ff"}, {256, "b90100", "f90100"},
		{65535, "b9ffff", "f9ffff"}, {65536, "ba010000", "fa010000"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = {0};
		struct bytes payload;
		bool is_list;
		uint8_t *zeros = mem_alloc(cases[i].n);
		rlp_bytes(&b, zeros, cases[i].n);
		struct bytes header = unhex(&mem, cases[i].bytes);
		assert_int_equal(b.n, header.n + cases[i].n);
		assert_memory_equal(b.p, header.p, header.n);
		assert_true(rlp_whole((struct bytes){(uint8_t *)b.p, b.n}, &is_list, &payload, NULL));
		assert_false(is_list);
		assert_int_equal(payload.n, cases[i].n);
		buf_clear(&b);
		buf_text(&b, "before");
		size_t list = rlp_list_open(&b);
		for (size_t k = 0; k < cases[i].n; k++)
			rlp_bytes(&b, zeros, 1);
		rlp_list_close(&b, list);
		header = unhex(&mem, cases[i].list);
		assert_memory_equal(b.p, "before", 6);
		assert_memory_equal(b.p + 6, header.p, header.n);
		assert_true(rlp_whole((struct bytes){(uint8_t *)b.p + 6, b.n - 6}, &is_list, &payload, NULL));
		assert_true(is_list);
		assert_int_equal(payload.n, cases[i].n);
		buf_fini(&b);
		free(zeros);
	}
}

static void refused(const char *hex, const char *why)
{
	bool is_list;
	struct bytes in = unhex(&mem, hex), payload;
	struct err e = {0};
	assert_false(rlp_whole(in, &is_list, &payload, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	assert_non_null(strstr(e.text, why));
}

static void test_refused(void **state)
{
	(void)state;
	refused("", "ends where an item");
	refused("8100", "its own encoding");
	refused("817f", "its own encoding");
	refused("83646f", "ends 1 bytes inside");
	refused("c1", "ends 1 bytes inside");
	refused("b8", "ends inside a length");
	refused("b900", "ends inside a length");
	refused("b837"
			"00",
		"long form");
	refused("f837"
			"00",
		"long form");
	refused("b90038", "leading zero");
	refused("bf01000000000000", "ends inside a length");
	refused("bfffffffffffffffff", "inside an item");
	refused("ffffffffffffffffff", "inside an item");
	refused("0000", "1 bytes behind");
	refused("c0c0c0", "2 bytes behind");
}

static void test_walk(void **state)
{
	(void)state;
	struct bytes in = unhex(&mem, "c8 83636174 83646f67"), b, payload;
	struct rlp r = {in.p, in.n}, list, before;
	struct err e;
	assert_true(rlp_next_list(&r, &list, &e));
	assert_int_equal(r.n, 0);
	before = list;
	assert_true(rlp_next_bytes(&list, &b, &e));
	assert_memory_equal(b.p, "cat", 3);
	assert_false(rlp_next_list(&list, &r, &e));
	assert_non_null(strstr(e.text, "bytes where a list"));
	list = before;
	bool is_list;
	assert_true(rlp_next(&list, &is_list, &payload, &e));
	assert_true(rlp_next(&list, &is_list, &payload, &e));
	assert_memory_equal(payload.p, "dog", 3);
	assert_false(rlp_next(&list, &is_list, &payload, &e));
	r = (struct rlp){in.p, in.n};
	assert_false(rlp_next_bytes(&r, &b, &e));
	assert_non_null(strstr(e.text, "list where bytes"));
	r = (struct rlp){in.p, 0};
	assert_false(rlp_next_bytes(&r, &b, &e));
	assert_false(rlp_next_list(&r, &list, &e));
}

static bool number(const char *hex, struct u256 *v, struct err *e)
{
	struct bytes in = unhex(&mem, hex);
	struct rlp r = {in.p, in.n};
	return rlp_next_u256(&r, v, e);
}

static void test_numbers(void **state)
{
	(void)state;
	struct u256 v;
	struct err e;
	uint64_t small;
	assert_true(number("80", &v, &e) && u256_is_zero(v));
	assert_true(number("820400", &v, &e) && u256_cmp(v, u256_of(1024)) == 0);
	assert_true(number("a0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", &v, &e));
	assert_true(v.w[3] == UINT64_MAX);
	assert_false(number("a1"
						"01"
						"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		&v, &e));
	assert_non_null(strstr(e.text, "33 bytes"));
	assert_false(number("00", &v, &e));
	assert_non_null(strstr(e.text, "leading zero"));
	assert_false(number("820001", &v, &e));
	assert_false(number("c0", &v, &e));
	struct bytes in = unhex(&mem, "88ffffffffffffffff 89010000000000000000 c0");
	struct rlp r = {in.p, in.n};
	assert_true(rlp_next_u64(&r, &small, &e));
	assert_true(small == UINT64_MAX);
	assert_false(rlp_next_u64(&r, &small, &e));
	assert_non_null(strstr(e.text, "over 64 bits"));
	assert_false(rlp_next_u64(&r, &small, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
