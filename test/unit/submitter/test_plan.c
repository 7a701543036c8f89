/* plan: what a lane starts next, and when it may open. */
#include "submitter/plan.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct plan open_plan(void)
{
	return (struct plan){.phase = LANE_OPEN, .pg_up = true, .rpc_ok = true};
}

static void an_idle_lane_lets_a_head_rest_until_something_wants_it(void **state)
{
	(void)state;
	struct plan p = open_plan();
	p.head_due = p.head_rests = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.head_rests =
		false; /* a bell: the head first, and the batches beside it; nothing is asked at an old head */
	p.bell = p.may_sign = true;
	assert_int_equal(plan_next(&p), PLAN_HEAD);
	p.busy_head = true;
	p.head_due = false;
	assert_int_equal(plan_next(&p), PLAN_READ);
	p.bell = false;
	p.group_read = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.busy_head = false;
	assert_int_equal(plan_next(&p), PLAN_ASK);
}

/* S2: who consumed a nonce is asked when nothing nearer to the chain is to be done, halted or not. */
static void a_trace_comes_last_and_runs_while_halted(void **state)
{
	(void)state;
	enum lane_phase phases[] = {LANE_OPEN, LANE_HALTED};
	for (size_t i = 0; i < 2; i++) {
		struct plan p = open_plan();
		p.phase = phases[i];
		p.trace_due = true;
		assert_int_equal(plan_next(&p), PLAN_TRACE);
		p.watch_due = true;
		assert_int_equal(plan_next(&p), PLAN_WATCH);
		p.busy_watch = true;
		assert_int_equal(plan_next(&p), PLAN_TRACE);
		p.rpc_ok = false;
		assert_int_equal(plan_next(&p), PLAN_REST);
		p.rpc_ok = true;
		p.pg_up = false;
		assert_int_equal(plan_next(&p), PLAN_REST);
		p.pg_up = p.draining = true;
		assert_int_equal(plan_next(&p), PLAN_REST);
		p.draining = false;
		p.busy_trace = true;
		assert_int_equal(plan_next(&p), PLAN_REST);
		assert_false(plan_is_quiet(&p));
	}
}

/* S4: a lane that waits for others' transactions keeps its own moving; the count is asked in between. */
static void a_lane_that_waits_keeps_up(void **state)
{
	(void)state;
	struct plan p = open_plan();
	p.phase = LANE_SETTLING;
	p.cast_due = p.head_due = true;
	assert_int_equal(plan_next(&p), PLAN_REST); /* nothing is known yet */
	p.waits = true;
	assert_int_equal(plan_next(&p), PLAN_CAST);
	p.busy_cast = true;
	p.cast_due = false;
	p.settle_due = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.busy_cast = false;
	assert_int_equal(plan_next(&p), PLAN_SETTLE);
	p.settle_due = false;
	assert_int_equal(plan_next(&p), PLAN_HEAD);
	p.head_due = false;
	p.bell = p.may_sign = p.change_due = true;
	assert_int_equal(plan_next(&p), PLAN_REST); /* nothing is signed */
}

static void stages_run_beside_each_other_newest_first(void **state)
{
	(void)state;
	struct plan p = open_plan();
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.bell = p.may_sign = true;
	assert_int_equal(plan_next(&p), PLAN_READ);
	p.busy_read = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.busy_read = false;
	p.group_read = true;
	p.head_due = true;
	assert_int_equal(plan_next(&p), PLAN_HEAD);
	p.busy_head = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.busy_head = p.head_due = false;
	assert_int_equal(plan_next(&p), PLAN_ASK);
	p.group_read = false;
	p.group_asked = true;
	p.cast_due = true;
	assert_int_equal(plan_next(&p), PLAN_CAST);
	p.busy_cast = true;
	assert_int_equal(plan_next(&p), PLAN_COMMIT);
	p.busy_change = true;
	assert_int_equal(plan_next(&p), PLAN_REST); /* one writer of nonces at a time */
	p.busy_change = p.group_asked = false;
	p.busy_commit = true;
	assert_int_equal(plan_next(&p), PLAN_READ);
	p.store_due = p.receipts_due = p.watch_due = true;
	assert_int_equal(plan_next(&p), PLAN_STORE);
	p.busy_store = p.watch_rests = true;
	assert_int_equal(plan_next(&p), PLAN_READ);
	p.watch_rests = false;
	assert_int_equal(plan_next(&p), PLAN_WATCH);
}

static void receipts_wait_for_an_answer_that_is_near(void **state)
{
	(void)state;
	struct plan p = open_plan();
	p.receipts_due = p.receipts_rest = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.receipts_rest = false;
	assert_int_equal(plan_next(&p), PLAN_RECEIPTS);
}

static void what_is_away_is_not_asked(void **state)
{
	(void)state;
	struct plan p = open_plan();
	p.cast_due = p.head_due = p.receipts_due = p.store_due = p.watch_due = p.bell = p.may_sign = true;
	p.rpc_ok = false;
	assert_int_equal(plan_next(&p), PLAN_STORE);
	p.pg_up = false;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.rpc_ok = true;
	assert_int_equal(plan_next(&p), PLAN_CAST);
}

static void draining_takes_nothing_new_but_ends_what_is_asked(void **state)
{
	(void)state;
	struct plan p = open_plan();
	p.draining = p.bell = p.may_sign = p.change_due = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.group_asked = true;
	assert_int_equal(plan_next(&p), PLAN_COMMIT);
}

static void halted_signs_nothing(void **state)
{
	(void)state;
	struct plan p = open_plan();
	p.phase = LANE_HALTED;
	p.bell = p.may_sign = p.group_read = p.group_asked = p.change_due = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.cast_due = true;
	assert_int_equal(plan_next(&p), PLAN_CAST);
}

static void loading_waits_until_nothing_is_in_flight(void **state)
{
	(void)state;
	struct plan p = open_plan();
	p.phase = LANE_LOADING;
	p.busy_cast = true;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.busy_cast = false;
	assert_int_equal(plan_next(&p), PLAN_LOAD);
	p.phase = LANE_SETTLING;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.settle_due = true;
	assert_int_equal(plan_next(&p), PLAN_SETTLE);
	p.phase = LANE_SPARE;
	assert_int_equal(plan_next(&p), PLAN_REST);
	p.phase = LANE_CHECKING;
	assert_int_equal(plan_next(&p), PLAN_CHECK);
}

static enum settle_answer settle(
	uint64_t mark, uint64_t latest, uint64_t pending, int64_t lowest, bool adopt, uint64_t *to)
{
	struct settle s = {mark, latest, pending, lowest >= 0, lowest >= 0 ? (uint64_t)lowest : 0, adopt};
	return plan_settle(&s, to);
}

static void opens_where_mark_and_chain_agree(void **state)
{
	(void)state;
	uint64_t to;
	assert_int_equal(settle(0, 0, 0, -1, false, &to), SETTLE_OPENS);
	assert_int_equal(settle(5, 5, 5, -1, false, &to), SETTLE_OPENS);
	assert_int_equal(settle(5, 3, 5, 3, false, &to), SETTLE_OPENS); /* our own are pending */
	assert_int_equal(settle(5, 3, 4, 2, false, &to), SETTLE_OPENS); /* and some fell out of the pool */
	/* a key with a past, new to us */
	assert_int_equal(settle(0, 7, 7, -1, false, &to), SETTLE_MOVES);
	assert_int_equal(to, 7);
	assert_int_equal(settle(0, 7, 9, -1, false, &to), SETTLE_WAITS);
	assert_int_equal(settle(0, 7, 9, -1, true, &to), SETTLE_MOVES);
	assert_int_equal(to, 9);
}

static void lost_commits_and_foreign_use_halt(void **state)
{
	(void)state;
	uint64_t to;
	assert_int_equal(settle(5, 6, 6, -1, false, &to), SETTLE_HALTS);
	assert_int_equal(settle(5, 6, 6, 3, false, &to), SETTLE_HALTS);
	assert_int_equal(settle(5, 6, 6, -1, true, &to), SETTLE_MOVES);
	assert_int_equal(to, 6);
	assert_int_equal(settle(5, 5, 6, -1, false, &to), SETTLE_WAITS);
	assert_int_equal(settle(5, 2, 2, -1, false, &to), SETTLE_BEHIND);
	assert_int_equal(settle(5, 2, 2, 3, false, &to), SETTLE_BEHIND);
	assert_int_equal(settle(5, 2, 2, 3, true, &to), SETTLE_BEHIND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trace_comes_last_and_runs_while_halted),
		cmocka_unit_test(a_lane_that_waits_keeps_up),

		cmocka_unit_test(an_idle_lane_lets_a_head_rest_until_something_wants_it),
		cmocka_unit_test(stages_run_beside_each_other_newest_first),
		cmocka_unit_test(receipts_wait_for_an_answer_that_is_near),
		cmocka_unit_test(what_is_away_is_not_asked),
		cmocka_unit_test(draining_takes_nothing_new_but_ends_what_is_asked),
		cmocka_unit_test(halted_signs_nothing),
		cmocka_unit_test(loading_waits_until_nothing_is_in_flight),
		cmocka_unit_test(opens_where_mark_and_chain_agree),
		cmocka_unit_test(lost_commits_and_foreign_use_halt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
