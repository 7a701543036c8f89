#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "test/unit/base/dies.h"

static void test_set(void **state)
{
	(void)state;
	struct err e = {.class = ERR_NONE, .code = 7};
	assert_false(err_set(&e, ERR_REJECTED, "no %s of %d", "block", 5));
	assert_int_equal(e.class, ERR_REJECTED);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.text, "no block of 5");
	assert_false(err_set(NULL, ERR_TRANSIENT, "nobody asked"));
}

static void test_set_quotes_itself(void **state)
{
	(void)state;
	struct err e;
	err_put(&e, ERR_TRANSIENT, "refused");
	err_put(&e, ERR_MALFORMED, "the node: %s", e.text);
	assert_string_equal(e.text, "the node: refused");
}

static void test_prefix(void **state)
{
	(void)state;
	struct err e;
	err_put(&e, ERR_TRANSIENT, "refused");
	e.code = 111;
	assert_false(err_prefix(&e, "host %d", 1));
	assert_string_equal(e.text, "host 1: refused");
	assert_int_equal(e.class, ERR_TRANSIENT);
	assert_int_equal(e.code, 111);
	assert_false(err_prefix(NULL, "nobody asked"));
}

static void test_long_texts_are_cut(void **state)
{
	(void)state;
	struct err e;
	err_put(&e, ERR_TRANSIENT, "%600s", "x");
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	err_prefix_put(&e, "%s", "ab");
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	assert_memory_equal(e.text, "ab: ", 4);
	err_prefix_put(&e, "%600s", "y");
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	assert_int_equal(e.text[sizeof e.text - 2], ' ');
}

static void test_class_names(void **state)
{
	(void)state;
	assert_string_equal(err_class_name(ERR_NONE), "none");
	assert_string_equal(err_class_name(ERR_TRANSIENT), "transient");
	assert_string_equal(err_class_name(ERR_REJECTED), "rejected");
	assert_string_equal(err_class_name(ERR_MALFORMED), "malformed");
}

static void break_it(void *arg)
{
	must(*(int *)arg == 1);
}

static void test_must(void **state)
{
	(void)state;
	int one = 1, two = 2;
	assert_int_equal(end_of(break_it, &one), 0);
	assert_true(aborts(break_it, &two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_quotes_itself),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_class_names),
		cmocka_unit_test(test_must),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
