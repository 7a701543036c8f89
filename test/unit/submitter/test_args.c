/* args: names of an item out of JSON, exactly; broken JSON is refused wherever it breaks. */
#include "submitter/args.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static struct str got(const struct args *args, const char *name)
{
	const struct arg *a = args_get(args, str_of(name));
	assert_non_null(a);
	return a->value;
}

static void values_keep_their_digits_and_text(void **state)
{
	(void)state;
	struct arena a = {0};
	struct args args;
	struct err e = {0};
	const char *json =
		"{\"tokenId\": 115792089237316195423570985008687907853269984665640564039457584007913129639935, "
		"\"code\" :"
		"\"a\\\"\\\\b\\u00e9\\ud83d\\ude00\\n\", \"list\":[1,\"],\",{\"x\":2}], \"tx.hash\":\"0xab\", "
		"\"on\":true, "
		"\"none\":null, \"lone\":\"\\ud800!\"}";
	assert_true(args_parse(&a, str_of(json), &args, &e));
	assert_int_equal(args.n, 7);
	assert_true(str_is(got(&args, "tokenId"),
		"115792089237316195423570985008687907853269984665640564039457584007913129639935"));
	assert_true(str_is(got(&args, "code"), "a\"\\b\xc3\xa9\xf0\x9f\x98\x80\n"));
	assert_true(str_is(got(&args, "list"), "[1,\"],\",{\"x\":2}]"));
	assert_true(str_is(got(&args, "tx.hash"), "0xab"));
	assert_true(str_is(got(&args, "on"), "true"));
	assert_null(got(&args, "none").p);
	assert_true(str_is(got(&args, "lone"), "\xef\xbf\xbd!"));
	assert_null(args_get(&args, STR("tokenid")));
	assert_true(args_parse(&a, STR(" { } "), &args, &e));
	assert_int_equal(args.n, 0);
	arena_fini(&a);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	struct arena a = {0};
	struct args args;
	const char *json = "{\"a\":\"x\\u00e9\",\"b\":[1,{\"c\":2}],\"d\":12}";
	for (size_t n = 0; n < strlen(json); n++) {
		/* an own copy, so that a sanitizer sees a read behind the end */
		char *cut = mem_textn(json, n);
		cut = mem_grow(cut, n ? n : 1, 1);
		assert_false(args_parse(&a, (struct str){cut, n}, &args, NULL));
		free(cut);
	}
	assert_false(args_parse(&a, STR("{\"a\":1}x"), &args, NULL));
	assert_false(args_parse(&a, STR("{\"a\":}"), &args, NULL));
	assert_false(args_parse(&a, STR("{\"a\" 1}"), &args, NULL));
	assert_false(args_parse(&a, STR("{\"a\":\"\\q\"}"), &args, NULL));
	arena_fini(&a);
}

static void count(void *arg, struct str raw)
{
	*(size_t *)arg += raw.n;
}

static void elements_of_an_array(void **state)
{
	(void)state;
	size_t n = 0;
	assert_true(args_each(STR("[ {\"a\":[1]}, \"],\" ,null]"), count, &n));
	assert_int_equal(n, 9 + 4 + 4);
	n = 0;
	assert_true(args_each(STR("[]"), count, &n));
	assert_int_equal(n, 0);
	assert_false(args_each(STR("[1,2"), count, &n));
	assert_false(args_each(STR("{}"), count, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(values_keep_their_digits_and_text),
		cmocka_unit_test(every_truncation_is_refused), cmocka_unit_test(elements_of_an_array)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
