/* fee: first price, replacement, cap, tips of history, gas limits. */
#include "submitter/fee.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct u256 gwei(uint64_t n)
{
	return u256_of(n * 1000000000u);
}
static struct fee_market at(uint64_t base, uint64_t tip)
{
	return (struct fee_market){.base = gwei(base), .tip = gwei(tip)};
}
static struct fee_policy below(uint64_t max)
{
	return (struct fee_policy){.has_max = true, .max = gwei(max)};
}
static void same(struct u256 got, struct u256 want)
{
	char a[U256_DEC_MAX], b[U256_DEC_MAX];
	u256_to_dec(a, got);
	u256_to_dec(b, want);
	assert_string_equal(a, b);
}

static void first_is_twice_base_and_tip(void **state)
{
	(void)state;
	struct fee f;
	struct fee_policy none = {0}, own = {.has_tip = true, .tip = gwei(7)};
	struct fee_market m = at(10, 2);
	assert_int_equal(fee_first(&none, &m, &f), FEE_OK);
	same(f.fee, gwei(22));
	same(f.tip, gwei(2));
	assert_int_equal(fee_first(&own, &m, &f), FEE_OK);
	same(f.fee, gwei(27));
	same(f.tip, gwei(7));
}

static void first_is_cut_to_max_and_held_above_it(void **state)
{
	(void)state;
	struct fee f;
	struct fee_market m = at(10, 2);
	struct fee_policy p = below(15);
	assert_int_equal(fee_first(&p, &m, &f), FEE_OK);
	same(f.fee, gwei(15));
	p = below(12);
	assert_int_equal(fee_first(&p, &m, &f), FEE_OK);
	same(f.fee, gwei(12));
	p = below(11);
	assert_int_equal(fee_first(&p, &m, &f), FEE_ABOVE_MAX);
	same(f.fee, gwei(12));
}

static void legacy_has_one_price(void **state)
{
	(void)state;
	struct fee f, old = {gwei(8), gwei(8)};
	struct fee_market m = {.legacy = true, .price = gwei(9)};
	struct fee_policy p = below(9);
	assert_int_equal(fee_first(&p, &m, &f), FEE_OK);
	same(f.fee, gwei(9));
	same(f.tip, gwei(9));
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_OK);
	same(f.fee, gwei(9));
	same(f.tip, gwei(9));
	p = below(8);
	assert_int_equal(fee_first(&p, &m, &f), FEE_ABOVE_MAX);
}

static void replacement_raises_both_by_an_eighth(void **state)
{
	(void)state;
	struct fee_policy p = {0};
	struct fee_market m = at(1, 1);
	struct fee f, old = {u256_of(80000000001), u256_of(9)};
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_OK);
	same(f.fee, u256_of(90000000002)); /* ⌈90000000001.125⌉ */
	same(f.tip, gwei(1));              /* the market asks more than ⌈10.125⌉ */
	m.tip = u256_of(0);
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_OK);
	same(f.tip, u256_of(11));
	old.tip = u256_of(0);
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_OK);
	same(f.tip, u256_of(1)); /* old + 1 */
}

static void replacement_follows_the_market(void **state)
{
	(void)state;
	struct fee_policy p = {0};
	struct fee_market m = at(100, 3);
	struct fee f, old = {gwei(20), gwei(2)};
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_OK);
	same(f.fee, gwei(203));
	same(f.tip, gwei(3));
}

static void replacement_never_passes_max(void **state)
{
	(void)state;
	struct fee f, old = {gwei(80), gwei(2)};
	struct fee_market m = at(50, 2);
	struct fee_policy p = below(90);
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_OK);
	same(f.fee, gwei(90));
	p.max = u256_of(90000000000 - 1);
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_ABOVE_MAX);
	p = below(95);
	m = at(96, 2); /* no block would take it: the room is kept */
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_ABOVE_MAX);
}

static void tip_never_passes_fee(void **state)
{
	(void)state;
	struct fee f, old = {gwei(8), gwei(8)};
	struct fee_market m = at(0, 50);
	struct fee_policy p = below(10);
	assert_int_equal(fee_replace(&p, &m, &old, &f), FEE_OK);
	same(f.fee, gwei(10));
	same(f.tip, gwei(10));
}

static void empty_blocks_say_nothing_about_tips(void **state)
{
	(void)state;
	struct u256 r[5] = {gwei(5), u256_of(0), gwei(1), u256_of(0), gwei(9)}, tip;
	bool used[5] = {true, false, true, false, true}, none[5] = {0};
	assert_true(fee_tip_of_history(r, used, 5, &tip));
	same(tip, gwei(5));
	assert_false(fee_tip_of_history(r, none, 5, &tip));
}

static void gas_is_exact_and_capped(void **state)
{
	(void)state;
	uint64_t g;
	assert_true(fee_gas_limit(50001, 6, 5, 30000000, &g));
	assert_int_equal(g, 60001);
	assert_true(fee_gas_limit(16000000, 6, 5, 0, &g));
	assert_int_equal(g, FEE_TX_GAS_CAP);
	assert_true(fee_gas_limit(90000, 6, 5, 100000, &g));
	assert_int_equal(g, 100000);
	assert_false(fee_gas_limit(100001, 6, 5, 100000, &g));
	assert_false(fee_gas_limit(FEE_TX_GAS_CAP + 1, 1, 1, 0, &g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_is_twice_base_and_tip),
		cmocka_unit_test(first_is_cut_to_max_and_held_above_it),
		cmocka_unit_test(legacy_has_one_price),
		cmocka_unit_test(replacement_raises_both_by_an_eighth),
		cmocka_unit_test(replacement_follows_the_market),
		cmocka_unit_test(replacement_never_passes_max),
		cmocka_unit_test(tip_never_passes_fee),
		cmocka_unit_test(empty_blocks_say_nothing_about_tips),
		cmocka_unit_test(gas_is_exact_and_capped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
