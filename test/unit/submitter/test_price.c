/* price, market: what is learned of a chain, the first price by urgency, replacements, caps, waiting. */
#include "submitter/args.c"
#include "submitter/market.c"
#include "submitter/market_history.c"
#include "submitter/price.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct u256 gwei(uint64_t n)
{
	return u256_of(n * 1000000000u);
}
static void same(struct u256 got, struct u256 want)
{
	char a[U256_DEC_MAX], b[U256_DEC_MAX];
	u256_to_dec(a, got);
	u256_to_dec(b, want);
	assert_string_equal(a, b);
}
/* 0 … n - 1, the same numbers in every run */
static uint64_t dice(uint64_t n)
{
	static uint64_t x = 88172645463325252u;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % n;
}

static struct market_block block(uint64_t number, uint64_t base, uint32_t used, uint64_t p50)
{
	struct market_block b = {.number = number, .base = u256_of(base), .used_ppm = used, .has_tips = true};
	for (size_t i = 0; i < MARKET_TIPS; i++)
		b.tips[i] = u256_of(p50 * (i + 1) / 3);
	return b;
}

/* n blocks of a chain whose base fee moves by (elasticity × used − 1) / denominator. */
static void grow(struct market *m, size_t n, uint64_t base, int64_t elasticity, int64_t denominator)
{
	market_init(m);
	for (uint64_t i = 1; i <= n; i++) {
		uint32_t used = (uint32_t)(100000 + dice(700000));
		struct market_block b = block(i, base, used, 3000000000);
		market_head(m, i, 1700000000 + 12 * i, true, b.base, used, MARKET_PPM);
		market_blocks(m, &b, 1, NULL);
		int64_t move = (elasticity * (int64_t)used - MARKET_PPM) / denominator;
		base = (uint64_t)((int64_t)base + (int64_t)base / 1000 * move / 1000);
	}
}
/* A calm market: base fee and tip do not move. */
static struct market at(uint64_t base_gwei, uint64_t tip_gwei)
{
	struct market m;
	market_init(&m);
	for (uint64_t i = 1; i <= 40; i++) {
		struct market_block b = block(i, base_gwei * 1000000000, 500000, tip_gwei * 1000000000);
		struct u256 next = b.base;
		market_head(&m, i, 1700000000 + 12 * i, true, b.base, 500000, MARKET_PPM);
		market_blocks(&m, &b, 1, &next);
	}
	return m;
}
static const struct price_policy no_policy = {0};
static struct price_learned nothing(void)
{
	struct price_learned l;
	price_learn_nothing(&l);
	return l;
}
static const struct price_wish minute = {60000, 0}, block_wish = {12000, 0}, late = {12000, 13000};

/* ── the market ── */

static void the_rule_of_a_chain_is_learned(void **state)
{
	(void)state;
	struct market m;
	grow(&m, 60, 20000000000, 2, 8);
	assert_true(m.knows_rule);
	assert_in_range(m.rise_ppm, 124000, 126500);
	grow(&m, 60, 20000000000, 6, 250);
	assert_true(m.knows_rule);
	assert_in_range(m.rise_ppm, 20000, 21500);
	grow(&m, 60, 20000000000, 4, 16);
	assert_in_range(m.rise_ppm, 186000, 189000);
}

static void a_chain_without_the_rule_is_never_trusted_to_be_calm(void **state)
{
	(void)state;
	struct market m;
	market_init(&m);
	for (uint64_t i = 1; i <= 60; i++) /* as Arbitrum: the base fee stands still however full blocks are */
		market_head(&m, i, i, true, u256_of(100000000), dice(900000), MARKET_PPM);
	assert_false(m.knows_rule);
	assert_int_equal(m.rise_ppm, 125000);
	same(m.next, u256_of(100000000));
	same(market_worst(&m, 1), u256_of(112500000));
	market_head(&m, 61, 61, true, u256_of(150000000), 500000, MARKET_PPM); /* then it jumps */
	assert_int_equal(m.rise_ppm, 500000);
}

static void the_next_base_fee_is_known(void **state)
{
	(void)state;
	struct market m;
	struct u256 told = gwei(21);
	grow(&m, 60, 20000000000, 2, 8);
	struct u256 base = gwei(20), up;
	market_head(&m, 61, 1700001000, true, base, MARKET_PPM, MARKET_PPM); /* full: an eighth more */
	assert_true(u256_ratio_up(&up, base, 1127, 1000));
	assert_true(u256_cmp(m.next, gwei(22)) > 0 && u256_cmp(m.next, up) <= 0);
	struct market_block b = block(61, 20000000000, MARKET_PPM, 1);
	market_blocks(&m, &b, 1, &told); /* and what the node says of it goes before that */
	same(m.next, told);
	assert_true(u256_lt(market_worst(&m, 1), market_worst(&m, 2)));
	same(market_worst(&m, 1), told);
}

static void a_reorg_takes_back_what_was_remembered(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	size_t n = m.npast;
	market_head(&m, 38, 1700000000 + 12 * 38, true, gwei(12), 500000, MARKET_PPM);
	assert_int_equal(m.npast, n - 2);
	assert_int_equal(m.head, 38);
	same(m.base, gwei(12));
	same(m.past[m.npast - 1].base, gwei(12));
}

static void empty_blocks_say_nothing_about_tips(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	for (uint64_t i = 41; i < 80; i++) {
		struct market_block b = block(i, 10000000000, 0, 0);
		market_head(&m, i, 1700000000 + 12 * i, true, b.base, 0, MARKET_PPM);
		market_blocks(&m, &b, 1, NULL);
	}
	same(market_tip(&m, 4), gwei(3));
}

static void a_crowd_is_seen_at_once(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	struct market_block b = block(41, 10000000000, MARKET_PPM, 30000000000);
	market_head(&m, 41, 1700000500, true, b.base, MARKET_PPM, MARKET_PPM);
	market_blocks(&m, &b, 1, NULL);
	assert_int_equal(m.crowded, 1);
	same(market_tip(&m, 4), gwei(30));
}

static void where_history_says_nothing_others_do(void **state)
{
	(void)state;
	struct market m;
	market_init(&m);
	market_head(&m, 1, 1, true, gwei(10), 1, 2);
	same(market_tip(&m, 3), gwei(1)); /* nobody */
	m.has_price = true;
	m.price = gwei(12);
	same(market_tip(&m, 3), gwei(2)); /* eth_gasPrice */
	m.price = gwei(9);
	same(market_tip(&m, 3), gwei(1));
	m.has_tip = true;
	m.tip = gwei(4);
	same(market_tip(&m, 3), gwei(4)); /* eth_maxPriorityFeePerGas */
	assert_true(market_believes(gwei(10000)));
	struct u256 absurd = u256_of(0);
	absurd.w[3] = (uint64_t)1 << 63;
	assert_false(market_believes(absurd));
	assert_false(market_believes(gwei(10001)));
}

static bool reads(const char *json, struct market_block *list, size_t *n, struct u256 *next, bool *has_next)
{
	return market_history(str_of(json), list, 8, n, next, has_next);
}

static void history_is_read_as_it_is_told(void **state)
{
	(void)state;
	struct market_block l[8];
	struct u256 next;
	size_t n;
	bool has;
	assert_true(
		reads("{\"oldestBlock\":\"0x10\",\"reward\":[[\"0x1\",\"0x2\",\"0x3\",\"0x4\",\"0x5\"],[\"0x0\","
			  "\"0x0\",\"0x0\",\"0x0\",\"0x0\"]],\"baseFeePerGas\":[\"0xa\",\"0xb\",\"0xc\"],"
			  "\"gasUsedRatio\":[0.5,1.5e-05]}",
			l, &n, &next, &has));
	assert_int_equal(n, 2);
	assert_int_equal(l[1].number, 17);
	assert_int_equal(l[0].used_ppm, 500000);
	assert_int_equal(l[1].used_ppm, 15);
	same(l[0].tips[4], u256_of(5));
	assert_true(has && l[0].has_tips);
	same(next, u256_of(12));
	static const struct {
		const char *text;
		uint32_t ppm;
	} ratios[] = {{"0", 0}, {"1", 1000000}, {"0.0", 0}, {"1e-9", 1}, {"0.99999999", 999999}, {"5e-1", 500000},
		{"1.2", 1000000}, {"0.000001", 1}, {"7.25E-2", 72500}};
	for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++)
		assert_int_equal(ratio_ppm(str_of(ratios[i].text)), ratios[i].ppm);
}

static void a_history_that_lies_is_no_history(void **state)
{
	(void)state;
	struct market_block l[8];
	struct u256 next;
	size_t n;
	bool has;
#define TOO_MUCH "0x8000000000000000000000000000000000000000000000000000000000000000"
	static const char *const wrong[] = {"null", "{}", "[]", "{\"oldestBlock\":\"0x1\"}",
		"{\"oldestBlock\":\"0x1\",\"baseFeePerGas\":[\"0x1\"],\"gasUsedRatio\":[1,1,1]}",
		"{\"oldestBlock\":1,\"baseFeePerGas\":[\"0x1\"],\"gasUsedRatio\":[1]}",
		"{\"oldestBlock\":\"0x1\",\"baseFeePerGas\":[\"" TOO_MUCH "\"],\"gasUsedRatio\":[1]}",
		"{\"oldestBlock\":\"0x1\",\"baseFeePerGas\":[1,2,3,4,5,6],\"gasUsedRatio\":[1,1,1,1,1]}"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(reads(wrong[i], l, &n, &next, &has));
	/* absurd, falling, missing rewards: the block counts, its tips do not */
	assert_true(
		reads("{\"oldestBlock\":\"0x1\",\"baseFeePerGas\":[\"0x1\",\"0x1\",\"0x1\"],\"gasUsedRatio\":[1,1,1],"
			  "\"reward\":[[\"0x1\",\"0x2\",\"0x3\",\"0x4\",\"0xffffffffffffffffff\"],[\"0x5\",\"0x4\","
			  "\"0x3\",\"0x2\",\"0x1\"],[]]}",
			l, &n, &next, &has));
	assert_false(l[0].has_tips || l[1].has_tips || l[2].has_tips || has);
}

/* ── first prices ── */

static void a_tip_rises_as_the_deadline_nears(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	struct price_learned l = nothing();
	struct u256 most = price_most(&no_policy, false, NULL, 0, u256_of(0)), last = u256_of(0);
	struct fee f;
	for (uint64_t age = 0; age <= 310000; age += 1000) {
		assert_int_equal(
			price_first(&no_policy, &m, &l, (struct price_wish){300000, age}, most, &f), PRICE_OK);
		assert_true(u256_cmp(last, f.tip) <= 0 && u256_cmp(f.tip, f.fee) <= 0);
		last = f.tip;
	}
	same(last, gwei(4)); /* late: what only a quarter pays more than */
	assert_int_equal(price_first(&no_policy, &m, &l, minute, most, &f), PRICE_OK);
	same(f.tip, gwei(1));
}

static void a_cap_covers_the_worst_of_the_next_blocks(void **state)
{
	(void)state;
	struct market m = at(8, 3);
	struct price_learned l = nothing();
	struct fee f;
	assert_int_equal(price_first(&no_policy, &m, &l, minute, gwei(1000), &f), PRICE_OK);
	struct u256 worst = market_worst(&m, 5), covered;
	assert_true(u256_sub(&covered, f.fee, f.tip));
	same(covered, worst);
	assert_int_equal(price_first(&no_policy, &m, &l, block_wish, gwei(1000), &f), PRICE_OK);
	assert_true(u256_sub(&covered, f.fee, f.tip));
	same(covered, market_worst(&m, 3)); /* a block may be missed */
}

static void a_tip_of_our_own_is_offered(void **state)
{
	(void)state;
	struct market m = at(8, 3);
	struct price_learned l = nothing();
	struct price_policy p = {.has_tip = true, .tip = gwei(7)};
	struct fee f;
	assert_int_equal(price_first(&p, &m, &l, minute, gwei(1000), &f), PRICE_OK);
	same(f.tip, gwei(7));
	assert_int_equal(price_first(&p, &m, &l, minute, gwei(14), &f), PRICE_ABOVE);
	same(f.fee, gwei(15)); /* what would be needed */
}

static void above_the_most_it_holds(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	struct price_learned l = nothing();
	struct fee f;
	assert_int_equal(price_first(&no_policy, &m, &l, late, gwei(12), &f), PRICE_OK);
	same(f.fee, gwei(12));
	same(f.tip, gwei(2)); /* less than it would like, and no less than patient ones pay */
	assert_int_equal(price_first(&no_policy, &m, &l, late, gwei(11), &f), PRICE_OK);
	same(f.tip, gwei(1));
	assert_int_equal(price_first(&no_policy, &m, &l, late, u256_of(10999999999), &f), PRICE_ABOVE);
	same(f.fee, gwei(14));
}

static void what_may_be_paid(void **state)
{
	(void)state;
	struct price_policy p = {
		.has_max = true, .max = gwei(50), .has_cancel_max = true, .cancel_max = gwei(80)};
	struct u256 cost = gwei(21000 * 30 + 7);
	same(price_most(&no_policy, false, NULL, 21000, u256_of(0)), gwei(10000));
	same(price_most(&p, false, NULL, 21000, u256_of(0)), gwei(50));
	same(price_most(&p, true, NULL, 21000, u256_of(0)), gwei(80));
	p.has_cancel_max = false;
	same(price_most(&p, true, NULL, 21000, u256_of(0)), gwei(50));
	same(price_most(&p, false, &cost, 21000, gwei(7)), gwei(30)); /* max_cost − what the chain below takes */
	same(price_most(&p, false, &cost, 1000, u256_of(0)), gwei(50));
	same(price_most(&p, false, &cost, 21000, gwei(1000000)), u256_of(0));
}

static void legacy_has_one_price(void **state)
{
	(void)state;
	struct market m;
	struct price_learned l = nothing();
	struct fee f, old = {gwei(8), gwei(8)};
	market_init(&m);
	market_head(&m, 5, 100, false, u256_of(0), 1, 2);
	m.price = gwei(9);
	assert_true(m.legacy);
	assert_int_equal(price_first(&no_policy, &m, &l, late, gwei(9), &f), PRICE_OK);
	same(f.fee, gwei(9));
	same(f.tip, gwei(9));
	assert_int_equal(price_first(&no_policy, &m, &l, late, gwei(8), &f), PRICE_ABOVE);
	assert_int_equal(price_again(&no_policy, &m, &l, late, gwei(20), &old, &f), PRICE_OK);
	same(f.fee, gwei(9));
	same(f.tip, gwei(9));
	assert_int_equal(price_gate(&m, 0), 0);
	m.price = u256_of(0); /* a free chain, or one that lies: its pool says which */
	assert_int_equal(price_first(&no_policy, &m, &l, late, gwei(9), &f), PRICE_OK);
	same(f.fee, u256_of(0));
	price_refused(&l, false, &f);
	assert_int_equal(price_first(&no_policy, &m, &l, late, gwei(9), &f), PRICE_OK);
	same(f.fee, u256_of(1));
}

/* ── replacements ── */

static void both_rise_by_an_eighth(void **state)
{
	(void)state;
	struct market m = at(1, 0);
	struct price_learned l = nothing();
	struct fee f, old = {u256_of(80000000001), u256_of(9)};
	assert_int_equal(price_again(&no_policy, &m, &l, minute, gwei(1000), &old, &f), PRICE_OK);
	same(f.fee, u256_of(90000000002)); /* ⌈90000000001.125⌉ */
	same(f.tip, u256_of(11));          /* ⌈10.125⌉ */
	old.tip = u256_of(0);
	assert_int_equal(price_again(&no_policy, &m, &l, minute, gwei(1000), &old, &f), PRICE_OK);
	same(f.tip, u256_of(1)); /* old + 1 */
	m = at(100, 3);
	old = (struct fee){gwei(20), gwei(2)};
	assert_int_equal(price_again(&no_policy, &m, &l, minute, gwei(1000), &old, &f), PRICE_OK);
	assert_true(u256_cmp(f.fee, gwei(150)) > 0); /* it follows the market */
	assert_int_equal(
		price_again(&no_policy, &m, &l, minute, gwei(99), &old, &f), PRICE_ABOVE); /* room is kept */
}

/* S3, P13 over 20,000 made-up markets: at least an eighth more, never above the most, tip ≤ fee; and one that
 * is replaced again and again ends at the cap. */
static void replacements_hold_to_the_rule(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct market m = {.rise_ppm = 125000, .cadence_ms = 1 + dice(20000), .npast = 1};
		struct price_learned l = {.lean = (int)dice(7) - 3, .rule = (uint32_t)(1125 + dice(900))};
		m.base = u256_of(dice(200000000000));
		m.next = u256_of(m.base.w[0] + dice(30000000000));
		m.has_tip = true;
		m.tip = u256_of(dice(90000000000));
		m.legacy = dice(8) == 0;
		m.price = u256_of(dice(90000000000));
		struct price_wish w = {dice(3) * dice(400000), dice(400000)};
		struct u256 most = u256_of(dice(400000000000)), least;
		struct fee old, f;
		int rounds = 0;
		if (price_first(&no_policy, &m, &l, w, most, &old) != PRICE_OK)
			continue;
		assert_true(u256_cmp(old.fee, most) <= 0 && u256_cmp(old.tip, old.fee) <= 0);
		while (price_again(&no_policy, &m, &l, w, most, &old, &f) == PRICE_OK) {
			assert_true(u256_cmp(f.fee, most) <= 0 && u256_cmp(f.tip, f.fee) <= 0);
			assert_true(u256_ratio_up(&least, old.fee, 9, 8) && u256_cmp(least, f.fee) <= 0);
			assert_true(u256_ratio_up(&least, old.tip, 9, 8) && u256_cmp(least, f.tip) <= 0);
			assert_true(u256_lt(old.fee, f.fee) && u256_lt(old.tip, f.tip));
			old = f;
			assert_true(++rounds < 400);
			m.next = u256_of(dice(300000000000)); /* and the market moves meanwhile */
			m.price = u256_of(dice(300000000000));
		}
	}
}

static void a_stricter_node_teaches_its_rule(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	struct price_learned l = nothing();
	struct fee f, old = {gwei(80), gwei(8)};
	price_refused(&l, true, &old);
	assert_int_equal(price_again(&no_policy, &m, &l, minute, gwei(1000), &old, &f), PRICE_OK);
	same(f.fee, gwei(100));
	for (int i = 0; i < 5; i++)
		price_refused(&l, true, &old);
	assert_int_equal(price_again(&no_policy, &m, &l, minute, gwei(1000), &old, &f), PRICE_OK);
	same(f.fee, gwei(160)); /* twice, and never more */
	l = nothing();
	price_refused(&l, false, &old);
	assert_int_equal(l.rule, PRICE_RULE);
	same(l.floor, gwei(16));
	assert_int_equal(price_first(&no_policy, &m, &l, minute, gwei(1000), &f), PRICE_OK);
	same(f.tip, gwei(16));
}

static void how_long_it_waits(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	struct price_learned l = nothing();
	struct fee good = {gwei(30), gwei(9)}, low = {gwei(9), gwei(1)};
	struct price_wish five = {300000, 0}, five_late = {300000, 250000}, cheap = {0, 0};
	assert_int_equal(price_patience(&no_policy, &m, &l, minute, &good), 3);
	assert_int_equal(price_patience(&no_policy, &m, &l, late, &good), 2);
	assert_int_equal(price_patience(&no_policy, &m, &l, minute, &low), 1); /* no block can take it */
	assert_int_equal(price_patience(&no_policy, &m, &l, five, &low), PRICE_REST);
	assert_int_equal(price_patience(&no_policy, &m, &l, cheap, &low), PRICE_REST);
	assert_int_equal(price_patience(&no_policy, &m, &l, five_late, &low), 1);
}

static void what_went_in_is_learned_from(void **state)
{
	(void)state;
	struct price_learned l = nothing();
	for (int i = 0; i < 40; i++)
		price_mined(&l, true, 9);
	assert_int_equal(l.lean, 0); /* patient ones say nothing */
	for (int i = 0; i < 40; i++)
		price_mined(&l, false, 4);
	assert_int_equal(l.lean, PRICE_LEAN);
	for (int i = 0; i < 400; i++)
		price_mined(&l, false, 1);
	assert_int_equal(l.lean, -1);
}

/* ── waiting ── */

static void who_has_time_waits_while_it_is_dear(void **state)
{
	(void)state;
	struct market m = at(10, 3);
	assert_int_equal(price_gate(&m, 60000), 0);
	assert_int_equal(price_gate(&m, 300000), 0); /* calm: nothing to wait for */
	assert_int_equal(price_gate(&m, 0), 0);
	struct u256 next = gwei(40);
	struct market_block b = block(41, 40000000000, MARKET_PPM, 3000000000);
	market_head(&m, 41, 1700000492, true, b.base, MARKET_PPM, MARKET_PPM);
	market_blocks(&m, &b, 1, &next);
	assert_int_equal(price_gate(&m, 60000), 0); /* no time to wait in */
	assert_in_range(price_gate(&m, 300000), 100000, 300000 - 3 * 11000);
	assert_in_range(price_gate(&m, 0), 1800000, 3240000);
	next = gwei(10);
	b = block(42, 10000000000, 500000, 3000000000);
	market_head(&m, 42, 1700000504, true, b.base, 500000, MARKET_PPM);
	market_blocks(&m, &b, 1, &next);
	assert_int_equal(price_gate(&m, 0), 0); /* it is over */
	next = gwei(9);
	market_blocks(&m, &b, 1, &next);
	assert_true(price_gate(&m, 0) > 0); /* the next block is cheaper, and so may be the one behind it */
}

static void gas_is_exact_and_capped(void **state)
{
	(void)state;
	uint64_t g;
	assert_true(price_gas_limit(50001, 6, 5, 30000000, &g));
	assert_int_equal(g, 60001);
	assert_true(price_gas_limit(16000000, 6, 5, 0, &g));
	assert_int_equal(g, PRICE_GAS_CAP);
	assert_true(price_gas_limit(90000, 6, 5, 100000, &g));
	assert_int_equal(g, 100000);
	assert_false(price_gas_limit(100001, 6, 5, 100000, &g));
	assert_false(price_gas_limit(PRICE_GAS_CAP + 1, 1, 1, 0, &g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_of_a_chain_is_learned),
		cmocka_unit_test(a_chain_without_the_rule_is_never_trusted_to_be_calm),
		cmocka_unit_test(the_next_base_fee_is_known),
		cmocka_unit_test(a_reorg_takes_back_what_was_remembered),
		cmocka_unit_test(empty_blocks_say_nothing_about_tips),
		cmocka_unit_test(a_crowd_is_seen_at_once),
		cmocka_unit_test(where_history_says_nothing_others_do),
		cmocka_unit_test(history_is_read_as_it_is_told),
		cmocka_unit_test(a_history_that_lies_is_no_history),
		cmocka_unit_test(a_tip_rises_as_the_deadline_nears),
		cmocka_unit_test(a_cap_covers_the_worst_of_the_next_blocks),
		cmocka_unit_test(a_tip_of_our_own_is_offered),
		cmocka_unit_test(above_the_most_it_holds),
		cmocka_unit_test(what_may_be_paid),
		cmocka_unit_test(legacy_has_one_price),
		cmocka_unit_test(both_rise_by_an_eighth),
		cmocka_unit_test(replacements_hold_to_the_rule),
		cmocka_unit_test(a_stricter_node_teaches_its_rule),
		cmocka_unit_test(how_long_it_waits),
		cmocka_unit_test(what_went_in_is_learned_from),
		cmocka_unit_test(who_has_time_waits_while_it_is_dear),
		cmocka_unit_test(gas_is_exact_and_capped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
