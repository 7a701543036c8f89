#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/backoff.h"

static void test_grows_to_its_cap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 500; seed++) {
		struct backoff b;
		backoff_init(&b, 1000, 30000, seed);
		uint64_t full = 1000;
		for (uint32_t i = 1; i < 100; i++) {
			uint64_t wait = backoff_fail(&b);
			assert_int_equal(b.tries, i);
			assert_in_range(wait, full - full / 5, full);
			full = full * 2 > 30000 ? 30000 : full * 2;
		}
		backoff_ok(&b);
		assert_int_equal(b.tries, 0);
		assert_in_range(backoff_fail(&b), 800, 1000);
	}
}

static void test_never_gives_up(void **state)
{
	(void)state;
	struct backoff b;
	backoff_init(&b, 1, UINT64_MAX, 3);
	for (int i = 0; i < 200; i++)
		backoff_fail(&b);
	assert_true(backoff_fail(&b) >= UINT64_MAX - UINT64_MAX / 5);
	b.tries = UINT32_MAX;
	backoff_fail(&b);
	assert_true(b.tries == UINT32_MAX);
}

static void test_odd_settings(void **state)
{
	(void)state;
	struct backoff b;
	backoff_init(&b, 0, 0, 0); /* never 0: that would be a busy loop */
	for (int i = 0; i < 50; i++)
		assert_int_equal(backoff_fail(&b), 1);
	backoff_init(&b, 5000, 100, 0); /* a cap below the first wait */
	for (int i = 0; i < 50; i++)
		assert_in_range(backoff_fail(&b), 4000, 5000);
}

/* One seed mixes to zero, on which xorshift would stand still. */
static void test_no_seed_stands_still(void **state)
{
	(void)state;
	struct backoff b;
	backoff_init(&b, 100000, 100000, 0 - (uint64_t)0x9e3779b97f4a7c15);
	uint64_t first = backoff_fail(&b);
	assert_true(backoff_fail(&b) != first || backoff_fail(&b) != first);
}

/* Programs that fail together must not come back together: their seeds are neighbouring process ids. */
static void test_neighbours_part(void **state)
{
	(void)state;
	unsigned same = 0;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct backoff a, b;
		backoff_init(&a, 10000, 30000, seed);
		backoff_init(&b, 10000, 30000, seed + 1);
		same += backoff_fail(&a) == backoff_fail(&b);
	}
	assert_in_range(same, 0, 10);
}

static void test_jitter_uses_its_range(void **state)
{
	(void)state;
	struct backoff b;
	uint64_t least = UINT64_MAX, most = 0;
	backoff_init(&b, 1000, 1000, 42);
	for (int i = 0; i < 5000; i++) {
		uint64_t wait = backoff_fail(&b);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	assert_int_equal(least, 800);
	assert_int_equal(most, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_to_its_cap),
		cmocka_unit_test(test_never_gives_up),
		cmocka_unit_test(test_odd_settings),
		cmocka_unit_test(test_no_seed_stands_still),
		cmocka_unit_test(test_neighbours_part),
		cmocka_unit_test(test_jitter_uses_its_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
