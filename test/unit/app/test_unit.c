#include "test/unit/app/world.h"
#include "common/app/unit.h"

static void wants(const char *s, const struct unit_error *e, const char *part, const char *near)
{
	if (!strstr(e->text, part) || strcmp(e->near, near) != 0)
		fail_msg("%s: \"%s\" near \"%s\"", s, e->text, e->near);
}

static void test_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {{"0", 0}, {"0s", 0}, {"250ms", 250}, {"2s", 2000}, {"5m", 300000}, {"1h", 3600000},
		{"7d", 604800000}, {"2w", 1209600000}, {"007s", 7000}};
	static const struct {
		const char *text, *part, *near;
	} bad[] = {{"5000", "a time without a unit; did you mean 5000ms? Units are ms, s, m, h and d", "5000ms"},
		{"5min", "min is no unit of time; did you mean 5m?", "5m"}, {"5 s", "did you mean 5s?", "5s"},
		{"3sec", "did you mean 3s?", "3s"}, {"2hours", "did you mean 2h?", "2h"},
		{"1day", "did you mean 1d?", "1d"}, {"1.5h", "did you mean 90m?", "90m"},
		{"0.5s", "did you mean 500ms?", "500ms"}, {"1.0001s", "not 1.0001s", ""}, {"5x", "5x is no time", ""},
		{"", "is no time", ""}, {"-5s", "is no time", ""}, {"s", "is no time", ""},
		{"99999999999999999999s", "too long", ""}, {"999999999999999w", "too long", ""},
		{"5msx", "is no time", ""}, {"20milli", "did you mean 20ms?", "20ms"}, {"1.5x", "not 1.5x", ""}};
	struct unit_error e;
	uint64_t ms;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!unit_duration(str_of(good[i].text), &ms, &e) || ms != good[i].ms)
			fail_msg("%s", good[i].text);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(unit_duration(str_of(bad[i].text), &ms, &e));
		wants(bad[i].text, &e, bad[i].part, bad[i].near);
	}
	char out[32];
	unit_duration_text(out, 0);
	assert_string_equal(out, "0ms");
	unit_duration_text(out, 90000);
	assert_string_equal(out, "90s");
	unit_duration_text(out, 604800000);
	assert_string_equal(out, "7d");
}

static void test_amounts(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wei;
		bool solana;
	} good[] = {{"0", "0", false}, {"100 gwei", "100000000000", false},
		{"100000000000 wei", "100000000000", false}, {"0.5 ether", "500000000000000000", false},
		{"1gwei", "1000000000", false}, {"1.000000001 gwei", "1000000001", false},
		{"0.000000001 sol", "1", true}, {"5 lamports", "5", true},
		{"115792089237316195423570985008687907853269984665640564039457.584007913129639935 ether",
			"115792089237316195423570985008687907853269984665640564039457584007913129639935", false}};
	static const struct {
		const char *text, *part, *near;
	} bad[] = {{"100", "an amount without a unit; did you mean 100 wei?", "100 wei"},
		{"5 eth", "did you mean 5 ether?", "5 ether"}, {"5 Gwei", "did you mean 5 gwei?", "5 gwei"},
		{"5 euro", "is no amount", ""}, {"1.5 wei", "more digits than wei has", ""},
		{"0.0000000001 gwei", "more digits than gwei has", ""}, {"-1 wei", "is no amount", ""},
		{"1e18 wei", "is no amount", ""}, {"", "is no amount", ""}, {".5 ether", "is no amount", ""},
		{"5. ether", "is no amount", ""},
		{"115792089237316195423570985008687907853269984665640564039457584007913129639936 wei", "is no amount",
			""},
		{"115792089237316195423570985008687907853269984665640564039458 ether", "more than 256 bits", ""}};
	struct unit_error e;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct u256 v;
		bool solana;
		char dec[U256_DEC_MAX] = "";
		bool ok = unit_amount(str_of(good[i].text), &v, &solana, &e);
		u256_to_dec(dec, v);
		if (!ok || strcmp(dec, good[i].wei) != 0 || solana != good[i].solana)
			fail_msg("%s: %s %s", good[i].text, dec, ok ? "" : e.text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct u256 v;
		bool solana;
		assert_false(unit_amount(str_of(bad[i].text), &v, &solana, &e));
		wants(bad[i].text, &e, bad[i].part, bad[i].near);
	}
}

static void test_numbers_and_bools(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part, *near;
	} bad[] = {{"1_000", "did you mean 1000?", "1000"}, {"0x10", "did you mean 16?", "16"},
		{"1e3", "did you mean 1000?", "1000"}, {"1,000", "did you mean 1000?", "1000"},
		{"ten", "is no number", ""}, {"", "is no number", ""}, {"-1", "is no number", ""},
		{"99999999999999999999", "too large", ""}, {"9223372036854775808", "too large", ""},
		{"1e30", "is no number", ""}};
	struct unit_error e;
	uint64_t v;
	bool b;
	assert_true(unit_number(STR("9223372036854775807"), &v, &e));
	assert_int_equal(v, INT64_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(unit_number(str_of(bad[i].text), &v, &e));
		wants(bad[i].text, &e, bad[i].part, bad[i].near);
	}
	assert_true(unit_bool(STR("true"), &b, &e) && b);
	assert_true(unit_bool(STR("false"), &b, &e) && !b);
	assert_false(unit_bool(STR("yes"), &b, &e));
	wants("yes", &e, "did you mean true?", "true");
	assert_false(unit_bool(STR("OFF"), &b, &e));
	wants("OFF", &e, "did you mean false?", "false");
	assert_false(unit_bool(STR("maybe"), &b, &e));
	wants("maybe", &e, "neither true nor false", "");
}

static void test_rates_ratios_shares(void **state)
{
	(void)state;
	struct unit_error e;
	struct rate r;
	struct ratio x;
	uint64_t p;
	assert_true(unit_rate(STR("100/m"), &r, &e));
	assert_int_equal(r.count, 100);
	assert_int_equal(r.per_ms, 60000);
	assert_false(unit_rate(STR("100/min"), &r, &e));
	wants("100/min", &e, "did you mean 100/m?", "100/m");
	const char *const bad[] = {"100", "/m", "0/s", "100/", "100/5s", "a/s", ""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(unit_rate(str_of(bad[i]), &r, &e));
	assert_true(unit_ratio(STR("1.2"), &x, &e));
	assert_true(x.num == 6 && x.den == 5);
	assert_true(unit_ratio(STR("2"), &x, &e) && x.num == 2 && x.den == 1);
	assert_true(unit_ratio(STR("0"), &x, &e) && x.num == 0 && x.den == 1);
	assert_true(unit_ratio(STR("1.000000001"), &x, &e) && x.num == 1000000001 && x.den == 1000000000);
	assert_false(unit_ratio(STR("1.0000000001"), &x, &e));
	assert_false(unit_ratio(STR("1.2x"), &x, &e));
	assert_false(unit_ratio(STR("x"), &x, &e));
	assert_true(unit_percent(STR("5%"), &p, &e) && p == 5);
	assert_true(unit_percent(STR("100%"), &p, &e) && p == 100);
	assert_false(unit_percent(STR("5"), &p, &e));
	wants("5", &e, "did you mean 5%?", "5%");
	assert_false(unit_percent(STR("101%"), &p, &e));
	assert_false(unit_percent(STR("%"), &p, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_durations), cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_numbers_and_bools), cmocka_unit_test(test_rates_ratios_shares)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
