/* plan, range, final: what the listener reads next, how much of it, and what is called final. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "listener/final.c"
#include "listener/plan.c"
#include "listener/range.c"

static struct plan_view view(int64_t done, int64_t head)
{
	return (struct plan_view){.done = done, .head_known = true, .head = head, .window = 64, .blocks = 16};
}

static void waits_without_a_head(void **state)
{
	(void)state;
	struct plan_view v = view(5, 0);
	v.head_known = false;
	assert_int_equal(plan_next(&v).step, PLAN_WAIT);
}

static void the_child_at_the_head_is_live(void **state)
{
	(void)state;
	struct plan_view v = view(99, 100);
	struct plan p = plan_next(&v);
	assert_int_equal(p.step, PLAN_BLOCKS);
	assert_int_equal(p.from, 100);
	assert_int_equal(p.to, 100);
	assert_true(p.live);
}

static void several_blocks_inside_the_window_are_not_live(void **state)
{
	(void)state;
	struct plan_view v = view(80, 100);
	struct plan p = plan_next(&v);
	assert_int_equal(p.step, PLAN_BLOCKS);
	assert_int_equal(p.from, 81);
	assert_int_equal(p.to, 96); /* 16 at once */
	assert_false(p.live);
}

static void below_the_window_all_of_it_as_one_range(void **state)
{
	(void)state;
	struct plan_view v = view(-1, 5000);
	struct plan p = plan_next(&v);
	assert_int_equal(p.step, PLAN_RANGE);
	assert_int_equal(p.from, 0);
	assert_int_equal(p.to, 4936);
	v.done = 4930;
	p = plan_next(&v);
	assert_int_equal(p.step, PLAN_RANGE);
	assert_int_equal(p.to, 4936);
	v.done = 4936;
	assert_int_equal(plan_next(&v).step, PLAN_BLOCKS);
	v.done = -1;
	v.by_hash = true; /* R6: a proof of each block is wanted */
	p = plan_next(&v);
	assert_int_equal(p.step, PLAN_BLOCKS);
	assert_int_equal(p.to, 15);
}

static void seen_holds_back(void **state)
{
	(void)state;
	struct plan_view v = view(96, 100);
	v.seen = 3;
	struct plan p = plan_next(&v);
	assert_int_equal(p.to, 97);
	assert_false(p.live);
	v.done = 97;
	assert_int_equal(plan_next(&v).step, PLAN_WAIT);
}

static void a_head_below_the_cursor_is_looked_into(void **state)
{
	(void)state;
	struct plan_view v = view(100, 98);
	assert_int_equal(plan_next(&v).step, PLAN_BACK);
	v.head = 100;
	assert_int_equal(plan_next(&v).step, PLAN_WAIT);
}

static void a_range_halves_and_grows(void **state)
{
	(void)state;
	struct range r;
	range_init(&r, 1000);
	range_refused(&r);
	assert_int_equal(r.now, 500);
	for (int i = 0; i < 20; i++)
		range_refused(&r);
	assert_int_equal(r.now, 1);
	range_ok(&r);
	range_ok(&r);
	assert_int_equal(r.now, 1);
	range_ok(&r);
	assert_int_equal(r.now, 2);
	for (int i = 0; i < 60; i++)
		range_ok(&r);
	assert_int_equal(r.now, 1000);
	range_fits(&r, 600);
	assert_int_equal(r.now, 1000);
	range_fits(&r, 20);
	assert_int_equal(r.now, 40);
	range_init(&r, 0);
	assert_int_equal(r.now, 1);
}

static void final_by_depth_is_monotone(void **state)
{
	(void)state;
	struct chain_decl c = {.final = FINAL_DEPTH, .final_depth = 3};
	struct final f;
	final_init(&f, &c, -1);
	assert_null(final_tag(&f));
	assert_int_equal(final_at(&f, 10, 10), 7);
	assert_int_equal(final_at(&f, 9, 9), 7);
	assert_int_equal(final_at(&f, 20, 12), 12); /* never above the cursor */
	assert_int_equal(final_window(&c), 64);
	c.final_depth = 200;
	assert_int_equal(final_window(&c), 200);
	c.has_window = true;
	c.window = 5;
	assert_int_equal(final_window(&c), 5);
}

static void final_by_default_trusts_only_a_tag_that_moves(void **state)
{
	(void)state;
	struct chain_decl c = {.final = FINAL_DEFAULT};
	struct final f;
	final_init(&f, &c, -1);
	assert_string_equal(final_tag(&f), "finalized");
	final_heard(&f, 0, 50); /* anvil's first blocks */
	assert_int_equal(final_at(&f, 50, 50), 38);
	final_heard(&f, 51, 51); /* hardhat: latest */
	final_heard(&f, 52, 52);
	assert_int_equal(final_at(&f, 52, 52), 40);
	final_heard(&f, 45, 60);
	final_heard(&f, 46, 61);
	assert_int_equal(final_at(&f, 61, 61), 46);
}

static void the_window_grows_with_the_lag_of_a_tag(void **state)
{
	(void)state;
	struct chain_decl c = {.final = FINAL_FINALIZED};
	struct final f;
	final_init(&f, &c, -1);
	assert_int_equal(final_window_now(&f, &c, 500), 64); /* no tag was heard */
	final_heard(&f, 420, 500);
	assert_int_equal(final_window_now(&f, &c, 500), 80);
	final_heard(&f, 480, 500);
	assert_int_equal(final_window_now(&f, &c, 500), 64);
	c.final = FINAL_DEPTH; /* the tag is not what is asked for */
	c.final_depth = 12;
	final_init(&f, &c, -1);
	f.tag = 1;
	assert_int_equal(final_window_now(&f, &c, 500), 64);
	c.final = FINAL_DEFAULT; /* a tag that never moved says nothing */
	final_init(&f, &c, -1);
	final_heard(&f, 1, 500);
	assert_int_equal(final_window_now(&f, &c, 500), 64);
}

static void final_by_tag_waits_for_it(void **state)
{
	(void)state;
	struct chain_decl c = {.final = FINAL_SAFE};
	struct final f;
	final_init(&f, &c, 4);
	assert_string_equal(final_tag(&f), "safe");
	assert_int_equal(final_at(&f, 100, 100), 4);
	final_heard(&f, 90, 100);
	assert_int_equal(final_at(&f, 100, 100), 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_without_a_head),
		cmocka_unit_test(the_child_at_the_head_is_live),
		cmocka_unit_test(several_blocks_inside_the_window_are_not_live),
		cmocka_unit_test(below_the_window_all_of_it_as_one_range),
		cmocka_unit_test(seen_holds_back),
		cmocka_unit_test(a_head_below_the_cursor_is_looked_into),
		cmocka_unit_test(a_range_halves_and_grows),
		cmocka_unit_test(final_by_depth_is_monotone),
		cmocka_unit_test(final_by_default_trusts_only_a_tag_that_moves),
		cmocka_unit_test(the_window_grows_with_the_lag_of_a_tag),
		cmocka_unit_test(final_by_tag_waits_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
