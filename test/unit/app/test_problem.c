#include "test/unit/app/world.h"

static const char text[] = "name: a\n\tpoll: 5000\nende\xC3\xA9 x\r\n";

static void test_order_doubles_and_close(void **state)
{
	(void)state;
	struct problems ps = {0};
	problem_file(&ps, "b.yaml", (struct str){text, sizeof text - 1});
	problem_add(&ps, (struct pos){"b.yaml", 3, 7, 1}, "last %d", 1);
	problem_add(&ps, (struct pos){"b.yaml", 2, 8, 4}, "middle");
	problem_add(&ps, (struct pos){"b.yaml", 2, 8, 4}, "middle");
	problem_add(&ps, (struct pos){"b.yaml", 2, 2, 4}, "first");
	problem_add(&ps, (struct pos){"a.yaml", 9, 1, 1}, "another file\nhas no second line");
	char *out = printed(&ps, false, "The tail.");
	assert_string_equal(out, "a.yaml:9:1: another file has no second line\n"
							 "b.yaml:2:2: first\n"
							 "   2 |  poll: 5000\n"
							 "     |  ^^^^\n"
							 "b.yaml:2:8: middle\n"
							 "   2 |  poll: 5000\n"
							 "     |        ^^^^\n"
							 "b.yaml:3:7: last 1\n"
							 "   3 | ende\xC3\xA9 x\n"
							 "     |       ^\n"
							 "4 mistakes, nothing was started. The tail.\n");
	free(out);
	problems_fini(&ps);
}

static void test_one_and_none(void **state)
{
	(void)state;
	struct problems ps = {0};
	char *out = printed(&ps, false, "tail");
	assert_string_equal(out, "");
	free(out);
	problem_file(&ps, "fairlead.yaml", STR(""));
	problem_add(&ps, (struct pos){NULL, 0, 0, 0}, "x");
	out = printed(&ps, false, NULL);
	assert_string_equal(out, "fairlead.yaml:1:1: x\n1 mistake, nothing was started.\n");
	free(out);
	problems_fini(&ps);
}

static void test_color(void **state)
{
	(void)state;
	struct problems ps = {0};
	problem_file(&ps, "f", STR("old"));
	problem_file(&ps, "f", STR("wait: 5"));
	problem_add(&ps, (struct pos){"f", 9, 9, 1}, "behind the end");
	problem_add(&ps, (struct pos){"f", 1, 7, 1}, "no unit in wait; did you mean wait? Yes");
	problem_near(&ps, "wait");
	char *out = printed(&ps, true, "");
	assert_string_equal(out, "\033[1mf:1:7:\033[0m no unit in wait; did you mean \033[32mwait\033[0m? Yes\n"
							 "   1 | wait: 5\n"
							 "     |       \033[31m^\033[0m\n"
							 "\033[1mf:9:9:\033[0m behind the end\n"
							 "2 mistakes, nothing was started.\n");
	free(out);
	problems_fini(&ps);
}

static void test_nearest(void **state)
{
	(void)state;
	static const char *const words[] = {"wait", "max", "key", "tokenId", "batches", NULL};
	static const struct {
		const char *word, *near;
	} cases[] = {{"wiat", "wait"}, {"wai", "wait"}, {"tokenld", "tokenId"}, {"TOKENID", "tokenId"},
		{"batch", "batches"}, {"mx", "max"}, {"zzz", NULL}, {"", NULL}, {"completely", NULL}, {"kye", "key"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *near = nearest_word(cases[i].word, words);
		if (!text_is(near, cases[i].near))
			fail_msg("%s: %s", cases[i].word, near ? near : "nothing");
	}
	char longer[100];
	memset(longer, 'a', 99);
	longer[99] = 0;
	assert_null(nearest_word(longer, words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_doubles_and_close),
		cmocka_unit_test(test_one_and_none), cmocka_unit_test(test_color), cmocka_unit_test(test_nearest)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
