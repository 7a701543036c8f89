/* files: a look-up file, its keys and what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "batcher/files.c"

static struct arena mem;

static bool parse(const char *text, struct file_entries *f, struct err *e)
{
	return files_parse(&mem, "codes.json", str_of(text), f, e);
}

static void an_object_of_texts(void **state)
{
	(void)state;
	struct file_entries f;
	struct err e;
	assert_true(parse("{\"2\": \"b\", \"1\": \"a\"}\n", &f, &e));
	assert_int_equal(f.n, 2);
	assert_true(str_is(f.keys[0], "1") && str_is(f.values[0], "a"));
	assert_true(str_is(f.keys[1], "2") && str_is(f.values[1], "b"));
	assert_true(parse("{}", &f, &e));
	assert_int_equal(f.n, 0);
}

static void other_values_are_their_json(void **state)
{
	(void)state;
	struct file_entries f;
	struct err e;
	assert_true(parse("{\"a\":{\"x\":[1,true]},\"b\":7,\"c\":null}", &f, &e));
	assert_true(str_is(f.values[0], "{\"x\":[1,true]}"));
	assert_true(str_is(f.values[1], "7"));
	assert_true(str_is(f.values[2], "null"));
}

static void the_last_of_doubled_keys_counts(void **state)
{
	(void)state;
	struct file_entries f;
	struct err e;
	assert_true(parse("{\"a\":\"1\",\"b\":\"x\",\"a\":\"2\",\"a\":\"3\"}", &f, &e));
	assert_int_equal(f.n, 2);
	assert_int_equal(f.doubled, 2);
	assert_true(str_is(f.values[0], "3"));
}

static void what_is_wrong_is_placed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *at;
	} cases[] = {
		{"{\n  \"1\": \"a\",\n  \"2\" \"b\"\n}", "codes.json:3:"},
		{"[1]", "codes.json:1:1: must be one JSON object"},
		{"", "codes.json:1:1: not valid JSON"},
		{"{\"1\":\"a\"", "codes.json:1:"},
		{"{} x", "codes.json:1:4: nothing may stand behind"},
		{"{\"1\":\"\xff\"}", "codes.json:1:1: not UTF-8"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct file_entries f;
		struct err e = {0};
		assert_false(parse(cases[i].text, &f, &e));
		assert_memory_equal(e.text, cases[i].at, strlen(cases[i].at));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_of_texts),
		cmocka_unit_test(other_values_are_their_json),
		cmocka_unit_test(the_last_of_doubled_keys_counts),
		cmocka_unit_test(what_is_wrong_is_placed),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	arena_fini(&mem);
	return rc;
}
