/* stall, due: when a bell is rung again, when a clock runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconciler/due.c"
#include "reconciler/stall.c"

static void a_lost_bell_is_rung_after_five_seconds(void **state)
{
	(void)state;
	struct stall s = {0};
	assert_false(stall_look(&s, 10, 7, 1000));
	assert_false(stall_look(&s, 10, 7, 5999));
	assert_true(stall_look(&s, 10, 7, 6000));
	assert_false(stall_look(&s, 10, 7, 6001)); /* and then each five seconds */
	assert_true(stall_look(&s, 10, 7, 11000));
}

static void movement_is_no_stall(void **state)
{
	(void)state;
	struct stall s = {0};
	assert_false(stall_look(&s, 10, 7, 1000));
	assert_false(stall_look(&s, 10, 8, 5900));
	assert_false(stall_look(&s, 11, 8, 10800));
	assert_false(stall_look(&s, 11, 8, 15000));
	assert_true(stall_look(&s, 11, 8, 15800));
	assert_false(stall_look(&s, 11, 11, 30000)); /* nothing is behind */
	assert_false(stall_look(&s, 11, 11, 60000));
}

static void a_clock_runs_when_caught_up_and_then_each_period(void **state)
{
	(void)state;
	struct due d = {.every_ms = 1000};
	assert_false(due_now(&d, true, 5)); /* not loaded */
	due_load(&d, -1, 100);
	assert_false(due_now(&d, false, 100));
	assert_true(due_now(&d, true, 100));
	due_ran(&d, 150);
	assert_false(due_now(&d, true, 1149));
	assert_true(due_now(&d, true, 1150));
	due_load(&d, 400, 2000); /* ran 400 ms ago, in another process */
	assert_false(due_now(&d, true, 2599));
	assert_true(due_now(&d, true, 2600));
	due_load(&d, 5000, 2000);
	assert_true(due_now(&d, true, 2000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_bell_is_rung_after_five_seconds),
		cmocka_unit_test(movement_is_no_stall),
		cmocka_unit_test(a_clock_runs_when_caught_up_and_then_each_period),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
