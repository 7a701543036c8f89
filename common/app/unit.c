#include "common/app/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

static const struct {
	const char *word;
	uint64_t ms;
} times[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
enum { TIMES = sizeof times / sizeof *times, SHOWN = 60 };
#define UNITS "Units are ms, s, m, h and d"

static int show(struct str s)
{
	return s.n > SHOWN ? SHOWN : (int)s.n;
}

__attribute__((format(printf, 3, 4))) static bool fail(
	struct unit_error *e, const char *near, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	snprintf(e->near, sizeof e->near, "%s", near ? near : "");
	return false;
}

static size_t digits(struct str s, size_t from)
{
	size_t i = from;
	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - from;
}

static struct str from(struct str s, size_t at)
{
	while (at < s.n && s.p[at] == ' ')
		at++;
	return (struct str){s.p + at, s.n - at};
}

/* What a person may have meant by a number that is not plain digits: 1_000, 1,000, 0x10, 1e3. */
static bool meant_number(struct str s, uint64_t *v)
{
	char plain[40];
	size_t n = 0;
	if (str_hex_to_u64(s, v))
		return true;
	const char *e = s.n ? memchr(s.p, 'e', s.n) : NULL;
	size_t end = e ? (size_t)(e - s.p) : s.n;
	for (size_t i = 0; i < end && n < 20; i++)
		if (s.p[i] != '_' && s.p[i] != ',' && s.p[i] != ' ')
			plain[n++] = s.p[i];
	uint64_t zeros = 0;
	if (e && (!str_to_u64((struct str){e + 1, s.n - end - 1}, &zeros) || zeros > 18))
		return false;
	for (; zeros > 0; zeros--)
		plain[n++] = '0';
	return str_to_u64((struct str){plain, n}, v);
}

bool unit_number(struct str s, uint64_t *v, struct unit_error *e)
{
	if (str_to_u64(s, v) && *v <= INT64_MAX)
		return true;
	if (s.n && digits(s, 0) == s.n)
		return fail(e, NULL, "%.*s is too large a number", show(s), s.p);
	uint64_t meant;
	if (!meant_number(s, &meant))
		return fail(e, NULL, "%.*s is no number; a number is digits only", show(s), s.p);
	char word[32];
	snprintf(word, sizeof word, "%llu", (unsigned long long)meant);
	return fail(e, word, "%.*s is no number; did you mean %s? A number is digits only", show(s), s.p, word);
}

bool unit_bool(struct str s, bool *v, struct unit_error *e)
{
	static const char *const yes[] = {"yes", "on", "1", "True", "TRUE", "y", "Yes", "YES", "On", "ON", NULL};
	static const char *const no[] = {"no", "off", "0", "False", "FALSE", "n", "No", "NO", "Off", "OFF", NULL};
	*v = str_is(s, "true");
	if (*v || str_is(s, "false"))
		return true;
	for (size_t i = 0; yes[i]; i++) {
		const char *word = str_is(s, yes[i]) ? "true" : str_is(s, no[i]) ? "false" : NULL;
		if (word) {
			return fail(e, word, "%.*s is neither true nor false; did you mean %s?", show(s), s.p, word);
		}
	}
	return fail(e, NULL, "%.*s is neither true nor false", show(s), s.p);
}

static int time_unit(struct str s)
{
	for (int i = 0; i < TIMES; i++)
		if (str_is(s, times[i].word))
			return i;
	return -1;
}

/* The unit that someone meant by "min", "secs", "Hours", "milliseconds", or -1. */
static int meant_unit(struct str s)
{
	static const char *const longer[TIMES] = {"milliseconds", "seconds", "minutes", "hours", "days", "weeks"};
	static const char *const other[TIMES] = {"msecs", "secs", "mins", "hrs", "D", "W"};
	for (int i = 0; i < TIMES && s.n; i++)
		if ((s.n <= strlen(longer[i]) && strncasecmp(s.p, longer[i], s.n) == 0 && (s.n > 1 || i > 0)) ||
			(s.n <= strlen(other[i]) && strncasecmp(s.p, other[i], s.n) == 0 && s.n > 1))
			return i == 0 && s.n == 2 && s.p[1] != 's' ? 2 : i; /* "mi" is of minutes */
	return -1;
}

void unit_duration_text(char out[32], uint64_t ms)
{
	int i = TIMES - 2; /* weeks are shown as days */
	while (i > 0 && (ms == 0 || ms % times[i].ms != 0))
		i--;
	snprintf(out, 32, "%llu%s", (unsigned long long)(ms / times[i].ms), times[i].word);
}

static bool bad_duration(struct str s, size_t whole, struct unit_error *e)
{
	char word[96] = "";
	size_t part = whole < s.n && s.p[whole] == '.' ? digits(s, whole + 1) : 0;
	struct str rest = from(s, whole + (part ? part + 1 : 0));
	int unit = time_unit(rest) >= 0 ? time_unit(rest) : meant_unit(rest);
	uint64_t n = 0, fraction = 0, tens = 1;
	bool good = str_to_u64((struct str){s.p, whole}, &n) && n < 1000000000 && part < 7;
	if (part)
		good &= str_to_u64((struct str){s.p + whole + 1, part}, &fraction);
	for (size_t i = 0; i < part && i < 7; i++)
		tens *= 10;
	if (good && unit >= 0 && fraction * times[unit].ms % tens == 0) {
		if (part)
			unit_duration_text(word, n * times[unit].ms + fraction * times[unit].ms / tens);
		else
			snprintf(word, sizeof word, "%llu%s", (unsigned long long)n, times[unit].word);
	}
	const char *what = part ? "a time is a whole number and a unit" : "no unit of time stands in";
	if (!*word && part)
		return fail(e, NULL, "%s, not %.*s. " UNITS, what, show(s), s.p);
	if (!*word)
		return fail(
			e, NULL, "%.*s is no time; a time is a whole number and a unit, as 250ms. " UNITS, show(s), s.p);
	if (part)
		return fail(e, word, "%s; did you mean %s? " UNITS, what, word);
	return fail(e, word, "%.*s is no unit of time; did you mean %s? " UNITS, show(rest), rest.p, word);
}

bool unit_duration(struct str s, uint64_t *ms, struct unit_error *e)
{
	size_t n = digits(s, 0);
	uint64_t v = 0;
	*ms = 0;
	if (str_is(s, "0"))
		return true;
	if (n == 0 || n > 18)
		return n ? fail(e, NULL, "%.*s is too long a time", show(s), s.p) : bad_duration(s, n, e);
	str_to_u64((struct str){s.p, n}, &v);
	if (n == s.n) {
		char word[96];
		snprintf(word, sizeof word, "%.*sms", show(s), s.p);
		return fail(e, word, "a time without a unit; did you mean %s? " UNITS, word);
	}
	int unit = time_unit((struct str){s.p + n, s.n - n});
	if (unit < 0)
		return bad_duration(s, n, e);
	if (__builtin_mul_overflow(v, times[unit].ms, ms) || *ms > INT64_MAX / 1000)
		return fail(e, NULL, "%.*s is too long a time", show(s), s.p);
	return true;
}

bool unit_rate(struct str s, struct rate *r, struct unit_error *e)
{
	size_t n = digits(s, 0);
	struct str count = {s.p, n}, per = {s.p + n, s.n - n};
	int unit = per.n && per.p[0] == '/' ? time_unit((struct str){per.p + 1, per.n - 1}) : -1;
	if (str_to_u64(count, &r->count) && r->count > 0 && unit >= 0) {
		r->per_ms = times[unit].ms;
		return true;
	}
	int meant = per.n > 1 && per.p[0] == '/' ? meant_unit((struct str){per.p + 1, per.n - 1}) : -1;
	if (n == 0 || n > 18 || meant < 0)
		return fail(e, NULL, "%.*s is no rate; a rate is a whole number / a unit of time, as 100/m or 10/s",
			show(s), s.p);
	char word[96];
	snprintf(word, sizeof word, "%.*s/%s", (int)n, s.p, times[meant].word);
	return fail(e, word, "%.*s is no rate; did you mean %s? A rate is a whole number / a unit of time",
		show(s), s.p, word);
}

/* "12.50" → 1250 with 2 decimals; at most max decimals. */
static bool decimal(struct str s, size_t *used, struct u256 *v, size_t *decimals)
{
	size_t whole = digits(s, 0), part = 0;
	if (whole == 0 || whole > U256_DEC_MAX - 1)
		return false;
	*used = whole;
	if (whole < s.n && s.p[whole] == '.') {
		part = digits(s, whole + 1);
		if (part == 0 || whole + part > U256_DEC_MAX - 1)
			return false;
		*used += part + 1;
	}
	char all[U256_DEC_MAX];
	memcpy(all, s.p, whole);
	if (part)
		memcpy(all + whole, s.p + whole + 1, part);
	*decimals = part;
	return u256_from_dec(v, (struct str){all, whole + part});
}

bool unit_ratio(struct str s, struct ratio *r, struct unit_error *e)
{
	struct u256 v;
	size_t used, places;
	uint64_t num, den = 1;
	if (!decimal(s, &used, &v, &places) || used != s.n || places > 9 || !u256_to_u64(v, &num) ||
		num > INT64_MAX)
		return fail(e, NULL, "%.*s is no factor; a factor is a number as 1.2, with nine decimals at most",
			show(s), s.p);
	for (size_t i = 0; i < places; i++)
		den *= 10;
	uint64_t a = num, b = den;
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	*r = (struct ratio){num / (a ? a : 1), den / (a ? a : 1)};
	return true;
}

bool unit_percent(struct str s, uint64_t *percent, struct unit_error *e)
{
	if (s.n > 1 && s.p[s.n - 1] == '%' && str_to_u64((struct str){s.p, s.n - 1}, percent) && *percent <= 100)
		return true;
	uint64_t v;
	if (!str_to_u64(s, &v) || v > 100)
		return fail(
			e, NULL, "%.*s is no share; a share is a whole number and %%, as 5%%, up to 100%%", show(s), s.p);
	char word[32];
	snprintf(word, sizeof word, "%llu%%", (unsigned long long)v);
	return fail(e, word, "a share without %%; did you mean %s?", word);
}

static const struct {
	const char *word;
	size_t decimals;
	bool solana;
} coins[] = {
	{"wei", 0, false}, {"gwei", 9, false}, {"ether", 18, false}, {"lamports", 0, true}, {"sol", 9, true}};
enum { COINS = sizeof coins / sizeof *coins };

static bool no_coin(struct str s, struct str unit, struct unit_error *e)
{
	static const char *const other[][2] = {{"eth", "ether"}, {"ETH", "ether"}, {"ethers", "ether"},
		{"Gwei", "gwei"}, {"GWEI", "gwei"}, {"Wei", "wei"}, {"WEI", "wei"}, {"Ether", "ether"},
		{"lamport", "lamports"}, {"SOL", "sol"}};
	char word[96] = "";
	if (unit.n == 0)
		snprintf(word, sizeof word, "%.*s wei", show(s), s.p);
	for (size_t i = 0; i < sizeof other / sizeof *other && !*word; i++)
		if (str_is(unit, other[i][0]))
			snprintf(word, sizeof word, "%.*s%s", (int)(unit.p - s.p), s.p, other[i][1]);
	if (!*word)
		return fail(
			e, NULL, "%.*s is no amount; units are wei, gwei and ether, or lamports and sol", show(s), s.p);
	return fail(e, word, "%s; did you mean %s? Units are wei, gwei and ether, or lamports and sol",
		unit.n ? "no unit of money" : "an amount without a unit", word);
}

bool unit_amount(struct str s, struct u256 *v, bool *solana, struct unit_error *e)
{
	size_t used = 0, places = 0;
	*solana = false;
	*v = u256_of(0);
	if (str_is(s, "0"))
		return true;
	if (!decimal(s, &used, v, &places))
		return fail(
			e, NULL, "%.*s is no amount; an amount is a number and a unit, as 100 gwei", show(s), s.p);
	struct str unit = from(s, used);
	int i = 0;
	while (i < COINS && !str_is(unit, coins[i].word))
		i++;
	if (i == COINS)
		return no_coin(s, unit, e);
	*solana = coins[i].solana;
	if (places > coins[i].decimals)
		return fail(e, NULL, "%.*s has more digits than %s has: %zu behind the point at most", show(s), s.p,
			coins[i].word, coins[i].decimals);
	for (; places < coins[i].decimals; places++)
		if (!u256_mul(v, *v, u256_of(10)))
			return fail(e, NULL, "%.*s is more than 256 bits hold", show(s), s.p);
	return true;
}
