/* cut: when waiting items become a batch, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "batcher/cut.c"

static struct cut_view view(int64_t waiting, int64_t oldest_ms)
{
	return (struct cut_view){.now_ms = 100000,
		.waiting = waiting,
		.oldest_ms = oldest_ms,
		.next_ms = -1,
		.max = 10,
		.wait_ms = 2000};
}

static void nothing_waits(void **state)
{
	(void)state;
	struct cut_view v = view(0, 0);
	assert_int_equal(cut_next(&v).what, CUT_NOTHING);
	assert_int_equal(cut_next(&v).in_ms, -1);
	v.next_ms = 700; /* a retry */
	assert_int_equal(cut_next(&v).in_ms, 700);
}

static void one_item_waits_its_time(void **state)
{
	(void)state;
	struct cut_view v = view(1, 500);
	assert_int_equal(cut_next(&v).what, CUT_NOTHING);
	assert_int_equal(cut_next(&v).in_ms, 1500);
	v.oldest_ms = 2000;
	assert_int_equal(cut_next(&v).what, CUT_ALL);
	v = view(1, 500);
	v.next_ms = 100;
	assert_int_equal(cut_next(&v).in_ms, 100);
	v.wait_ms = 0;
	assert_int_equal(cut_next(&v).what, CUT_ALL);
}

static void ten_go_at_once_and_the_rest_waits(void **state)
{
	(void)state;
	struct cut_view v = view(37, 1);
	struct cut c = cut_next(&v);
	assert_int_equal(c.what, CUT_FULL);
	assert_true(c.limit >= 3);
	v.waiting = 7;
	c = cut_next(&v);
	assert_int_equal(c.what, CUT_NOTHING);
	assert_int_equal(c.in_ms, 1999);
}

static void full_ones_first_even_when_old(void **state)
{
	(void)state;
	struct cut_view v = view(37, 9000);
	assert_int_equal(cut_next(&v).what, CUT_FULL);
	v.waiting = 7;
	assert_int_equal(cut_next(&v).what, CUT_ALL);
}

static void pause_keeps_batches_apart(void **state)
{
	(void)state;
	struct cut_view v = view(37, 9000);
	v.pause_ms = 1000;
	assert_int_equal(cut_next(&v).limit, 1);
	v.cut_before = true;
	v.last_cut_ms = 99600;
	struct cut c = cut_next(&v);
	assert_int_equal(c.what, CUT_NOTHING);
	assert_int_equal(c.in_ms, 600);
	v.waiting = 3;
	v.oldest_ms = 100; /* its own time is later than the pause */
	assert_int_equal(cut_next(&v).in_ms, 1900);
	v.oldest_ms = 1900; /* earlier: the pause rules */
	assert_int_equal(cut_next(&v).in_ms, 600);
	v.now_ms = 100600;
	v.waiting = 37;
	assert_int_equal(cut_next(&v).what, CUT_FULL);
}

static void flush_sends_what_waits(void **state)
{
	(void)state;
	struct cut_view v = view(3, 10);
	v.flush = true;
	assert_int_equal(cut_next(&v).what, CUT_ALL);
	v.pause_ms = 5000;
	v.cut_before = true;
	v.last_cut_ms = v.now_ms;
	assert_int_equal(cut_next(&v).what, CUT_ALL);
	v.waiting = 0;
	assert_int_equal(cut_next(&v).what, CUT_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_waits),
		cmocka_unit_test(one_item_waits_its_time),
		cmocka_unit_test(ten_go_at_once_and_the_rest_waits),
		cmocka_unit_test(full_ones_first_even_when_old),
		cmocka_unit_test(pause_keeps_batches_apart),
		cmocka_unit_test(flush_sends_what_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
