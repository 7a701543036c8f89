/* replay: the CSV, what is wrong with one, exact sums, who is late. */
#include "submitter/market.c"
#include "submitter/price.c"
#define by_value replay_by_value
#include "submitter/replay.c"
#undef by_value
#include "submitter/replay_csv.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NAMES "timestamp,base_fee,p10,p25,p50,p75,p90"
static bool reads(struct replay_series *s, const char *text, struct err *e)
{
	*e = (struct err){0};
	return replay_read(s, "f.csv", str_of(text), e);
}

static void a_series_is_read(void **state)
{
	(void)state;
	struct replay_series s;
	struct err e;
	assert_true(reads(&s,
		"\xef\xbb\xbf# made\r\nused,timestamp,base_fee,p10,p25,p50,p75,p90\r\n0.25, 10 "
		",100,1,2,3,4,5\r\n\n1,22,120,1,1,1,1,1",
		&e));
	assert_int_equal(s.n, 2);
	assert_int_equal(s.rows[0].block.used_ppm, 250000);
	assert_int_equal(s.rows[1].block.used_ppm, 1000000);
	assert_int_equal(s.rows[1].time_s, 22);
	assert_int_equal(s.rows[0].block.tips[4].w[0], 5);
	replay_free(&s);
	assert_true(reads(&s, NAMES "\n0,800,1,1,1,1,1\n12,900,1,1,1,1,1\n24,850,1,1,1,1,1\n", &e));
	assert_int_equal(s.rows[0].block.used_ppm, 1000000); /* an eighth up: it was full */
	assert_int_equal(s.rows[1].block.used_ppm, 277778);
	replay_free(&s);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{"", "f.csv:1: there is no block in it"},
		{NAMES "\n", "f.csv:1: there is no block in it"},
		{"timestamp,base_fee,p10,p25,p50,p75\n1,1,1,1,1,1\n", "f.csv:1: there is no column p90; add it"},
		{NAMES ",tip\n", "f.csv:1: no column is named tip;"},
		{NAMES ",p10\n", "f.csv:1: p10 stands twice"},
		{"1,2,3,4,5,6,7\n", "f.csv:1: no column is named 1;"},
		{NAMES "\n1,2,3\n", "f.csv:2: 3 values for 7 columns"},
		{NAMES "\n1,1e9,1,1,1,1,1\n", "f.csv:2: base_fee is 1e9; write a whole number of wei"},
		{NAMES "\n1,-5,1,1,1,1,1\n", "f.csv:2: base_fee is -5;"},
		{NAMES "\n1,5,1,1,0.5,1,1\n", "f.csv:2: p50 is 0.5;"},
		{NAMES "\n1,99999999999999999999,1,1,1,1,1\n", "f.csv:2: base_fee is 99999999999999999999;"},
		{NAMES "\nnow,5,1,1,1,1,1\n", "f.csv:2: timestamp is now; write a whole number of seconds"},
		{NAMES "\n1,5,1,3,2,4,5\n", "f.csv:2: p50 is less than p25; percentiles rise"},
		{NAMES "\n5,5,1,1,1,1,1\n\n5,5,1,1,1,1,1\n", "f.csv:4: this block is not later than the one above"},
		{NAMES ",used\n1,5,1,1,1,1,1,1.01\n", "f.csv:2: used is 1.01; write the share"},
		{NAMES ",used\n1,5,1,1,1,1,1,50%\n", "f.csv:2: used is 50%; write the share"},
		{NAMES ",used\n1,5,1,1,1,1,1,\n", "f.csv:2: used is ; write the share"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct replay_series s;
		struct err e;
		if (reads(&s, wrong[i].text, &e) || !strstr(e.text, wrong[i].says))
			fail_msg("%s said: %s", wrong[i].text, e.text);
	}
}

/* n blocks, 12 s each, all alike but for those from `from` on for `length`, which are ten times as dear. */
static struct replay_series flat(size_t n, size_t from, size_t length)
{
	struct replay_series s = {.rows = calloc(n, sizeof *s.rows), .n = n};
	for (size_t i = 0; i < n; i++) {
		struct replay_row *r = &s.rows[i];
		r->time_s = 1700000000 + 12 * i;
		r->block = (struct market_block){.number = i + 1, .used_ppm = 500000, .has_tips = true};
		r->block.base = u256_of(i >= from && i < from + length ? 100000000000 : 10000000000);
		for (size_t k = 0; k < MARKET_TIPS; k++)
			r->block.tips[k] = u256_of(1000000000 * (k + 1));
	}
	return s;
}

static void in_a_calm_everybody_is_in_time_and_sums_are_exact(void **state)
{
	(void)state;
	struct replay_series s = flat(600, 0, 0);
	struct replay_result r;
	struct err e = {0};
	assert_true(replay_run(&s, &r, &e));
	for (size_t u = 0; u < REPLAY_URGENCIES; u++)
		for (enum replay_policy p = 0; p < REPLAY_POLICIES; p++) {
			struct replay_sum *t = &r.sums[p][u];
			assert_int_equal(t->sent, r.transactions);
			assert_int_equal(t->mined, t->sent);
			assert_int_equal(t->missed, 0);
			assert_int_equal(t->best.w[0], t->sent * REPLAY_GAS * 11000000000u);
		}
	/* the usual one pays the median's tip, 3 gwei, where 1 would do */
	assert_int_equal(r.sums[REPLAY_TWICE][1].paid.w[0], r.transactions * REPLAY_GAS * 13000000000u);
	assert_int_equal(replay_regret(&r.sums[REPLAY_TWICE][1]), 1818);
	assert_int_equal(replay_regret(&r.sums[REPLAY_OURS][3]), 0);
	replay_free(&s);
}

static void a_spike_is_outwaited_and_a_fixed_cap_misses(void **state)
{
	(void)state;
	struct replay_series s = flat(900, 300, 40);
	struct replay_result r;
	struct err e = {0};
	assert_true(replay_run(&s, &r, &e));
	assert_true(r.sums[REPLAY_FIXED][0].missed > 5 && r.sums[REPLAY_FIXED][1].missed > 5);
	for (size_t u = 0; u < REPLAY_URGENCIES; u++)
		assert_int_equal(r.sums[REPLAY_OURS][u].missed, 0);
	struct replay_sum *cheap = &r.sums[REPLAY_OURS][3];
	assert_int_equal(replay_regret(cheap), 0);
	struct replay_sum ours = replay_all(&r, REPLAY_OURS), twice = replay_all(&r, REPLAY_TWICE);
	assert_true(replay_regret(&ours) * 2 < replay_regret(&twice));
	replay_free(&s);
}

static void too_short_a_series_is_refused(void **state)
{
	(void)state;
	struct replay_series s = flat(320, 0, 0);
	struct replay_result r;
	struct err e = {0};
	assert_false(replay_run(&s, &r, &e));
	assert_non_null(strstr(e.text, "too short: 320 blocks"));
	replay_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_series_is_read),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(in_a_calm_everybody_is_in_time_and_sums_are_exact),
		cmocka_unit_test(a_spike_is_outwaited_and_a_fixed_cap_misses),
		cmocka_unit_test(too_short_a_series_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
