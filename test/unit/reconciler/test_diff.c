/* diff: a row against the chain (S8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconciler/diff.c"

static struct arena mem;
static struct abi_entry code_of, pair_of;
static struct compare_column one_column, whole_call;
static struct compare_decl by_column = {.columns = &one_column, .ncolumns = 1};
static struct compare_decl by_name = {.columns = &whole_call, .ncolumns = 1};

static int setup(void **state)
{
	(void)state;
	size_t at;
	struct err e;
	must(abi_parse_line(
		&mem, STR("function getTokenCode(uint256 tokenId) view returns (string)"), &code_of, &at, &e));
	must(abi_parse_line(
		&mem, STR("function f(uint256 id) view returns (uint256 total, address who)"), &pair_of, &at, &e));
	one_column = (struct compare_column){.column = "code", .call = {.kind = CALL_CHAIN, .fn = &code_of}};
	whole_call = (struct compare_column){.call = {.kind = CALL_CHAIN, .fn = &pair_of}};
	return 0;
}

static struct bytes text_answer(const char *s)
{
	struct buf b = {0};
	struct abi_value v = {.bytes = {(const uint8_t *)s, strlen(s)}};
	struct err e;
	must(abi_encode(&b, code_of.out, 1, &v, &e));
	struct bytes out = {arena_copy(&mem, b.p, b.n), b.n};
	buf_fini(&b);
	return out;
}

static enum diff_verdict judge(const char *row_json, struct bytes answer, struct diff *d)
{
	cJSON *row = cJSON_Parse(row_json);
	must(row);
	diff_row(&mem, &by_column, row, &answer, d);
	cJSON_Delete(row);
	return d->verdict;
}

static void same_other_none_unreadable(void **state)
{
	(void)state;
	struct diff d;
	assert_int_equal(judge("{\"token_id\":\"7\",\"code\":\"a\"}", text_answer("a"), &d), DIFF_SAME);
	assert_int_equal(judge("{\"token_id\":\"7\",\"code\":\"a\"}", text_answer("b"), &d), DIFF_OTHER);
	assert_true(str_is(d.chain, "{\"code\":\"b\"}"));
	assert_true(str_is(d.told, "code: ours a, chain b"));
	assert_int_equal(judge("{\"code\":\"a\"}", text_answer(""), &d), DIFF_NONE);
	assert_int_equal(judge("{\"code\":null}", text_answer("x"), &d), DIFF_OTHER);
	assert_int_equal(judge("{\"code\":\"a\"}", (struct bytes){0}, &d), DIFF_UNREADABLE);
	assert_int_equal(judge("{\"code\":\"a\"}", (struct bytes){(const uint8_t *)"x", 1}, &d), DIFF_UNREADABLE);
}

static void outputs_meet_columns_of_their_names(void **state)
{
	(void)state;
	struct buf b = {0};
	uint8_t who[20] = {1, 2, 3};
	struct abi_value v[2] = {{.number = u256_of(42)}, {.bytes = {who, 20}}};
	struct err e;
	assert_true(abi_encode(&b, pair_of.out, 2, v, &e));
	struct bytes answer = {(const uint8_t *)b.p, b.n};
	struct diff d;
	cJSON *row = cJSON_Parse("{\"id\":\"1\",\"total\":\"42\"}"); /* it has no column who: not compared */
	diff_row(&mem, &by_name, row, &answer, &d);
	assert_int_equal(d.verdict, DIFF_SAME);
	cJSON_Delete(row);
	row = cJSON_Parse("{\"total\":\"41\",\"who\":\"0x0102030000000000000000000000000000000000\"}");
	diff_row(&mem, &by_name, row, &answer, &d);
	assert_int_equal(d.verdict, DIFF_OTHER);
	assert_true(str_is(d.told, "total: ours 41, chain 42"));
	cJSON_Delete(row);
	buf_fini(&b);
}

static void columns_are_arguments(void **state)
{
	(void)state;
	cJSON *row = cJSON_Parse("{\"token_id\":\"7\",\"x\":null}");
	struct call_scope s = diff_scope(row);
	struct str v;
	struct err e;
	assert_true(s.name(s.arg, STR("token_id"), &v, &e));
	assert_true(str_is(v, "7"));
	assert_false(s.name(s.arg, STR("x"), &v, &e));
	assert_string_equal(e.text, "column x is null");
	assert_false(s.name(s.arg, STR("y"), &v, &e));
	cJSON_Delete(row);
}

static void most_of_a_table_is_never_fixed(void **state)
{
	(void)state;
	assert_true(diff_may_fix(0, 0, 5));
	assert_true(diff_may_fix(1, 3, 5));
	assert_false(diff_may_fix(2, 3, 5));
	assert_true(diff_may_fix(5, 100, 5));
	assert_false(diff_may_fix(6, 100, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_other_none_unreadable),
		cmocka_unit_test(outputs_meet_columns_of_their_names),
		cmocka_unit_test(columns_are_arguments),
		cmocka_unit_test(most_of_a_table_is_never_fixed),
	};
	int rc = cmocka_run_group_tests(tests, setup, NULL);
	arena_fini(&mem);
	return rc;
}
