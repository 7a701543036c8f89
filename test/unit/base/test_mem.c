#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "test/unit/base/dies.h"

#include <stdlib.h>
#include <string.h>

static void test_alloc(void **state)
{
	(void)state;
	unsigned char *p = mem_alloc(100), zeros[100] = {0};
	assert_memory_equal(p, zeros, 100);
	p = mem_grow(p, 50, 4);
	assert_memory_equal(p, zeros, 100);
	free(p);
	void *none = mem_alloc(0);
	assert_non_null(none);
	none = mem_grow(none, 0, 8);
	assert_non_null(none);
	free(none);
}

static void grow_too_far(void *arg)
{
	free(mem_grow(NULL, *(size_t *)arg, 3));
}

static void test_out_of_memory_ends_the_process(void **state)
{
	(void)state;
	size_t far = SIZE_MAX / 2;
	assert_int_equal(end_of(grow_too_far, &far), 75);
}

static void test_text(void **state)
{
	(void)state;
	assert_null(mem_text(NULL));
	char *a = mem_text("fairlead"), *b = mem_textn("fairlead", 4), *c = mem_textn(NULL, 0);
	assert_string_equal(a, "fairlead");
	assert_string_equal(b, "fair");
	assert_string_equal(c, "");
	free(a);
	free(b);
	free(c);
}

static void test_arena(void **state)
{
	(void)state;
	struct arena a = {0};
	unsigned char zeros[64] = {0};
	for (int round = 0; round < 3; round++) {
		for (size_t i = 1; i < 3000; i++) {
			unsigned char *p = arena_alloc(&a, i % 64);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			assert_memory_equal(p, zeros, i % 64);
			memset(p, 0xff, i % 64);
		}
		assert_true(a.used > 64000);
		arena_reset(&a);
		assert_int_equal(a.used, 0);
	}
	unsigned char *big = arena_alloc(&a, 1000000);
	big[999999] = 1;
	arena_fini(&a);
	assert_null(a.top);
	arena_fini(&a); /* twice is once */
	arena_reset(&a);
}

static void test_arena_texts(void **state)
{
	(void)state;
	struct arena a = {0};
	assert_null(arena_text(&a, NULL));
	assert_string_equal(arena_text(&a, "one"), "one");
	assert_string_equal(arena_textn(&a, "one two", 3), "one");
	assert_string_equal(arena_textn(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_int_equal(strlen(arena_printf(&a, "%20000s", "x")), 20000);
	assert_memory_equal(arena_copy(&a, "abc", 3), "abc", 3);
	assert_non_null(arena_copy(&a, NULL, 0));
	arena_fini(&a);
}

static void test_arena_grow(void **state)
{
	(void)state;
	struct arena a = {0};
	uint32_t *list = NULL, *was = NULL;
	size_t room = 0, moves = 0;
	for (uint32_t n = 0; n < 1000; n++) {
		was = list;
		list = arena_grow(&a, list, n, &room, sizeof *list);
		moves += list != was;
		assert_true(room > n);
		list[n] = n;
	}
	for (uint32_t n = 0; n < 1000; n++)
		assert_int_equal(list[n], n);
	assert_int_equal(room, 1024);
	assert_int_equal(moves, 9); /* 4, 8, … 1024 */
	arena_fini(&a);
}

static void alloc_nonsense(void *arg)
{
	struct arena a = {0};
	arena_alloc(&a, *(size_t *)arg);
}

static void test_a_size_that_was_negative(void **state)
{
	(void)state;
	size_t n = (size_t)-5;
	assert_true(aborts(alloc_nonsense, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_out_of_memory_ends_the_process),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_arena_texts),
		cmocka_unit_test(test_arena_grow),
		cmocka_unit_test(test_a_size_that_was_negative),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
