#include "reconciler/serve/value.h"

#include "common/base/u256.h"
#include "common/evm/address.h"

#include <stdio.h>
#include <stdlib.h>

enum { WHY = 200, SHOWN = 40, MATCH_STEPS = 100000 };

/* ── decimals ── */

struct decimal {
	bool negative;
	const char *digits; /* with a point somewhere, perhaps */
	size_t n;
	int64_t point; /* how many digits stand before the point, leading zeros not counted */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The grammar of a JSON number. */
static bool number_ok(struct str s)
{
	size_t i = s.n && s.p[0] == '-', from = i;
	while (i < s.n && is_digit(s.p[i]))
		i++;
	if (i == from || (s.p[from] == '0' && i > from + 1))
		return false;
	if (i < s.n && s.p[i] == '.') {
		from = ++i;
		while (i < s.n && is_digit(s.p[i]))
			i++;
		if (i == from)
			return false;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		from = i;
		while (i < s.n && is_digit(s.p[i]))
			i++;
		if (i == from || i - from > 4)
			return false;
	}
	return i == s.n;
}

static struct decimal decimal_of(struct str s)
{
	struct decimal d = {.negative = s.n && s.p[0] == '-'};
	size_t i = d.negative, mantissa = i;
	while (mantissa < s.n && s.p[mantissa] != 'e' && s.p[mantissa] != 'E')
		mantissa++;
	const char *dot = memchr(s.p + i, '.', mantissa - i);
	size_t whole = dot ? (size_t)(dot - s.p) : mantissa;
	d.point = (int64_t)(whole - i);
	while (i < mantissa && (s.p[i] == '0' || s.p[i] == '.')) {
		d.point -= s.p[i] == '0';
		i++;
	}
	if (mantissa < s.n)
		d.point += strtol(s.p + mantissa + 1, NULL, 10); /* four digits at most, and texts end with a NUL or
															another byte that is no digit */
	d.digits = s.p + i;
	d.n = mantissa - i;
	return d;
}

static int digit_at(const struct decimal *d, size_t *i)
{
	while (*i < d->n && d->digits[*i] == '.')
		(*i)++;
	return *i < d->n ? d->digits[(*i)++] - '0' : -1;
}

static bool is_zero(const struct decimal *d)
{
	return d->n == 0;
}

/* -1 0 1: decimals with sign, point and exponent, of any length. */
static int decimal_cmp(struct str x, struct str y)
{
	struct decimal a = decimal_of(x), b = decimal_of(y);
	if (is_zero(&a) || is_zero(&b)) {
		int sign_a = is_zero(&a) ? 0 : a.negative ? -1 : 1, sign_b = is_zero(&b) ? 0 : b.negative ? -1 : 1;
		return (sign_a > sign_b) - (sign_a < sign_b);
	}
	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	int sign = a.negative ? -1 : 1;
	/* a point among leading zeros: 0.05 has its first digit behind the point */
	if (a.point != b.point)
		return a.point > b.point ? sign : -sign;
	for (size_t i = 0, k = 0;;) {
		int p = digit_at(&a, &i), q = digit_at(&b, &k);
		if (p < 0 && q < 0)
			return 0;
		p = p < 0 ? 0 : p;
		q = q < 0 ? 0 : q;
		if (p != q)
			return p > q ? sign : -sign;
	}
}

/* ── the types ── */

struct trial {
	const struct ready_field *f;
	const struct field_decl *decl;
	struct arena *a;
	struct given v;
	struct str text; /* what the value says: a text, a string's content, a number's characters */
	char *why;
};

static const char *const needs[] = {[FIELD_STRING] = "a text",
	[FIELD_INT] = "a whole number of 64 bits",
	[FIELD_NUMBER] = "a number",
	[FIELD_BOOL] = "true or false",
	[FIELD_OBJECT] = "a JSON object",
	[FIELD_ARRAY] = "a list",
	[FIELD_UINT256] = "a whole number from 0 to 2^256 - 1",
	[FIELD_ADDRESS] = "an address, 0x and 40 hex digits",
	[FIELD_BYTES32] = "0x and 64 hex digits",
	[FIELD_BYTES65] = "0x and 130 hex digits",
	[FIELD_PUBKEY] = "32 bytes in base58",
	[FIELD_BASE64] = "base64",
	[FIELD_UUID] = "a UUID",
	[FIELD_TIME] = "a time like 2026-01-31T12:00:00Z",
	[FIELD_UNITS] = "an amount like 0.1"};

static bool no(struct trial *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool no(struct trial *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->why, WHY, fmt, ap);
	va_end(ap);
	return false;
}

static bool not_it(struct trial *c)
{
	struct str shown = c->v.is_json ? c->v.json.text : c->v.text;
	struct buf b = {0};
	size_t n = shown.n;
	if (n > SHOWN) { /* never half a character */
		n = SHOWN;
		while (n && ((unsigned char)shown.p[n] & 0xC0) == 0x80)
			n--;
	}
	if (c->v.is_json)
		buf_str(&b, (struct str){shown.p, n});
	else
		buf_json(&b, (struct str){shown.p, n});
	no(c, "is %s, not %s%s", needs[c->decl->type], b.p ? b.p : "", shown.n > n ? "…" : "");
	buf_fini(&b);
	return false;
}

static bool hex_of(struct trial *c, size_t n, struct str *out)
{
	uint8_t bytes[65];
	struct str s = c->text;
	if (s.n != 2 * n + 2 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'X') || !hex_from(bytes, n, s))
		return not_it(c);
	char *text = arena_alloc(c->a, 2 * n + 3);
	hex_to_0x(text, bytes, n);
	*out = (struct str){text, 2 * n + 2};
	return true;
}

static bool address(struct trial *c, struct str *out)
{
	uint8_t bytes[20];
	struct err e = {0};
	if (c->text.n != 42 || !address_from_text(bytes, c->text, &e))
		return c->text.n == 42 && e.text[0] ? no(c, "is %s: %.150s", needs[FIELD_ADDRESS], e.text)
											: not_it(c);
	return hex_of(c, 20, out);
}

static bool whole(struct trial *c, struct str *out)
{
	struct str s = c->text;
	bool negative = s.n && s.p[0] == '-';
	uint64_t v;
	if (!number_ok(s) || !str_to_u64((struct str){s.p + negative, s.n - negative}, &v) ||
		v > (uint64_t)INT64_MAX + negative)
		return not_it(c);
	*out = s;
	return true;
}

static bool uint256(struct trial *c, struct str *out)
{
	struct u256 v;
	if (!u256_from_dec(&v, c->text) &&
		!(text_starts(c->text.n > 2 ? c->text.p : "", "0x") && u256_from_hex(&v, c->text)))
		return not_it(c);
	char text[U256_DEC_MAX];
	u256_to_dec(text, v);
	*out = str_of(arena_text(c->a, text));
	return true;
}

/* "0.1" with 18 decimals → "100000000000000000" */
static bool units(struct trial *c, struct str *out)
{
	struct str s = c->text;
	const char *dot = memchr(s.p, '.', s.n);
	size_t whole_n = dot ? (size_t)(dot - s.p) : s.n, part = dot ? s.n - whole_n - 1 : 0;
	if (!number_ok(s) || memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n) || s.p[0] == '-')
		return not_it(c);
	if (part > c->decl->decimals)
		return no(c, "has %zu digits behind the point; it can have %u", part, c->decl->decimals);
	char *text = arena_alloc(c->a, s.n + c->decl->decimals + 1);
	memcpy(text, s.p, whole_n);
	if (dot)
		memcpy(text + whole_n, dot + 1, part);
	memset(text + whole_n + part, '0', c->decl->decimals - part);
	struct u256 v;
	char exact[U256_DEC_MAX];
	if (!u256_from_dec(&v, str_of(text)))
		return no(c, "is more than 2^256 - 1 of the smallest unit");
	u256_to_dec(exact, v);
	*out = str_of(arena_text(c->a, exact));
	return true;
}

static bool pubkey(struct trial *c, struct str *out)
{
	static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	uint8_t bytes[33] = {0};
	size_t zeros = 0;
	for (size_t i = 0; i < c->text.n; i++) {
		const char *d = c->text.p[i] ? strchr(digits, c->text.p[i]) : NULL;
		unsigned carry = d ? (unsigned)(d - digits) : 0;
		for (int k = 32; k >= 0; k--) {
			carry += 58U * bytes[k];
			bytes[k] = (uint8_t)carry;
			carry >>= 8;
		}
		if (!d || bytes[0] || c->text.n > 44)
			return not_it(c);
	}
	while (zeros < 32 && bytes[1 + zeros] == 0)
		zeros++;
	size_t ones = strspn(c->text.n ? c->text.p : "", "1");
	if (c->text.n < 32 || (ones < c->text.n ? ones : c->text.n) != zeros)
		return not_it(c);
	*out = c->text;
	return true;
}

static bool base64(struct trial *c, struct str *out)
{
	size_t n = c->text.n, pad = 0;
	while (pad < 2 && pad < n && c->text.p[n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i + pad < n; i++) {
		char k = c->text.p[i];
		if (!is_digit(k) && !((k | 32) >= 'a' && (k | 32) <= 'z') && k != '+' && k != '/')
			return not_it(c);
	}
	if (n % 4)
		return not_it(c);
	*out = c->text;
	return true;
}

static bool uuid(struct trial *c, struct str *out)
{
	char *text = arena_textn(c->a, c->text.p, c->text.n);
	bool good = c->text.n == 36;
	for (size_t i = 0; good && i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		good = dash ? text[i] == '-' : hex_digit(text[i]) >= 0;
		if (text[i] >= 'A' && text[i] <= 'F')
			text[i] = (char)(text[i] | 32);
	}
	*out = (struct str){text, c->text.n};
	return good || not_it(c);
}

/* RFC 3339. */
static bool time_of(struct trial *c, struct str *out)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct str s = c->text;
	size_t n = sizeof form - 1, i = n;
	bool good = s.n > n;
	for (size_t k = 0; good && k < n; k++)
		good = form[k] == 'd' ? is_digit(s.p[k]) : s.p[k] == form[k] || (form[k] == 'T' && s.p[k] == 't');
	if (!good)
		return not_it(c);
	int part[6], at[] = {0, 5, 8, 11, 14, 17};
	for (int k = 0; k < 6; k++)
		part[k] = (int)strtol(s.p + at[k], NULL, 10);
	int year = part[0];
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	good = year > 0 && part[1] >= 1 && part[1] <= 12 && part[2] >= 1 && part[2] <= days[part[1] - 1] &&
		   (part[1] != 2 || part[2] <= 28 + leap) && part[3] < 24 && part[4] < 60 && part[5] < 60;
	if (good && s.p[i] == '.') {
		size_t from = ++i;
		while (i < s.n && is_digit(s.p[i]))
			i++;
		good = i > from && i - from <= 9;
	}
	struct str zone = {s.p + i, s.n - i};
	good = good && (str_is(zone, "Z") || str_is(zone, "z") ||
					   (zone.n == 6 && (zone.p[0] == '+' || zone.p[0] == '-') && is_digit(zone.p[1]) &&
						   is_digit(zone.p[2]) && zone.p[3] == ':' && is_digit(zone.p[4]) &&
						   zone.p[4] < '6' && is_digit(zone.p[5]) && strtol(zone.p + 1, NULL, 10) < 16));
	*out = s;
	return good || not_it(c);
}

/* ── lists ── */

static bool list(struct trial *c, struct serve_name *out)
{
	struct buf b = {0};
	struct json item;
	bool good = true;
	size_t n = 0, at = 0;
	buf_char(&b, '[');
	while (good && json_next(c->v.json, &at, NULL, &item)) {
		if (n++)
			buf_char(&b, ',');
		struct serve_name one;
		char why[WHY];
		if (!c->f->items || item.kind == JSON_NULL) {
			good = item.kind != JSON_NULL || no(c, "has null as item %zu", n);
			buf_str(&b, item.text);
		} else if (!field_value(
					   c->f->items, (struct given){.is_json = true, .json = item}, c->a, &one, why)) {
			good = no(c, "holds what it can't as item %zu, which %.140s", n, why);
		} else if (one.kind == NAME_JSON || item.kind == JSON_NUMBER || item.kind == JSON_BOOL) {
			buf_str(&b, one.text);
		} else {
			buf_json(&b, one.text);
		}
	}
	buf_char(&b, ']');
	out->kind = NAME_JSON;
	out->text = (struct str){arena_textn(c->a, b.p, b.n), b.n};
	buf_fini(&b);
	uint64_t least, most;
	if (good && c->decl->min && str_to_u64(str_of(c->decl->min), &least) && n < least)
		return no(c, "has %zu items; it needs %s at least", n, c->decl->min);
	if (good && c->decl->max && str_to_u64(str_of(c->decl->max), &most) && n > most)
		return no(c, "has %zu items; it can have %s at most", n, c->decl->max);
	return good;
}

/* "a,b" of a query → ["a","b"]; numbers stay numbers when the items are. */
static struct json list_of_text(struct trial *c)
{
	enum field_type t = c->f->items ? c->f->items->decl->type : FIELD_STRING;
	bool bare = t == FIELD_INT || t == FIELD_NUMBER || t == FIELD_BOOL;
	struct buf b = {0};
	buf_char(&b, '[');
	for (size_t i = 0; c->v.text.n && i <= c->v.text.n;) {
		const char *comma = i < c->v.text.n ? memchr(c->v.text.p + i, ',', c->v.text.n - i) : NULL;
		size_t end = comma ? (size_t)(comma - c->v.text.p) : c->v.text.n;
		struct str one = {c->v.text.p + i, end - i};
		buf_text(&b, i ? "," : "");
		if (bare && (str_is(one, "true") || str_is(one, "false") || number_ok(one)))
			buf_str(&b, one);
		else
			buf_json(&b, one);
		i = end + 1;
	}
	buf_char(&b, ']');
	struct json v = {JSON_ARRAY, {arena_textn(c->a, b.p, b.n), b.n}};
	buf_fini(&b);
	return v;
}

/* ── one value ── */

static size_t characters(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	return n;
}

static bool in_bounds(struct trial *c)
{
	const struct field_decl *d = c->decl;
	char length[24];
	struct str v = c->text;
	bool is_text = d->type == FIELD_STRING || d->type == FIELD_BASE64;
	if (is_text) {
		snprintf(length, sizeof length, "%zu", characters(c->text));
		v = str_of(length);
	}
	if (d->min && decimal_cmp(v, str_of(d->min)) < 0)
		return is_text ? no(c, "has %s characters; it needs %s at least", length, d->min)
					   : no(c, "is %.*s; it is %s at least", (int)v.n, v.p, d->min);
	if (d->max && decimal_cmp(v, str_of(d->max)) > 0)
		return is_text ? no(c, "has %s characters; it can have %s at most", length, d->max)
					   : no(c, "is %.*s; it is %s at most", (int)v.n, v.p, d->max);
	return true;
}

static bool matches(struct trial *c)
{
	if (!c->f->match)
		return true;
	pcre2_match_data *m = pcre2_match_data_create_from_pattern(c->f->match, NULL);
	pcre2_match_context *k = pcre2_match_context_create(NULL);
	must(m && k);
	pcre2_set_match_limit(k, MATCH_STEPS); /* an expression that explodes is no reason to stand still */
	int got = pcre2_match(c->f->match, (PCRE2_SPTR)c->text.p, c->text.n, 0, 0, m, k);
	pcre2_match_context_free(k);
	pcre2_match_data_free(m);
	return got >= 0 || no(c, "does not match %.150s", c->decl->match);
}

static bool one_of(struct trial *c)
{
	if (!c->decl->n_one_of)
		return true;
	struct buf b = {0}, all = {0};
	bool bare = c->decl->type == FIELD_INT || c->decl->type == FIELD_NUMBER || c->decl->type == FIELD_BOOL,
		 found = false;
	if (bare)
		buf_str(&b, c->text);
	else
		buf_json(&b, c->text);
	for (size_t i = 0; i < c->decl->n_one_of; i++) {
		found |= text_is(b.p, c->decl->one_of[i]);
		buf_printf(&all, "%s%s", i ? ", " : "", c->decl->one_of[i]);
	}
	if (!found)
		no(c, "is none of %.150s", all.p);
	buf_fini(&b);
	buf_fini(&all);
	return found;
}

/* What the value says, when its JSON kind can be of the type at all. */
static bool says(struct trial *c)
{
	enum field_type t = c->decl->type;
	bool numeric = t == FIELD_INT || t == FIELD_NUMBER, either = t == FIELD_UINT256 || t == FIELD_UNITS;
	if (!c->v.is_json) {
		c->text = c->v.text;
		return true;
	}
	c->text = c->v.json.text;
	switch (c->v.json.kind) {
	case JSON_NUMBER: return numeric || either || not_it(c);
	case JSON_BOOL: return t == FIELD_BOOL || not_it(c);
	case JSON_STRING:
		if (numeric || t == FIELD_BOOL || t == FIELD_OBJECT || t == FIELD_ARRAY)
			return not_it(c);
		c->text = json_string(c->a, c->v.json.text);
		return c->text.p || no(c, "holds U+0000 or half a surrogate pair, which no text can");
	default: return not_it(c);
	}
}

static bool scalar(struct trial *c, struct str *out)
{
	*out = c->text;
	switch (c->decl->type) {
	case FIELD_INT: return whole(c, out);
	case FIELD_NUMBER: return number_ok(c->text) || not_it(c);
	case FIELD_BOOL: return str_is(c->text, "true") || str_is(c->text, "false") || not_it(c);
	case FIELD_UINT256: return uint256(c, out);
	case FIELD_UNITS: return units(c, out);
	case FIELD_ADDRESS: return address(c, out);
	case FIELD_BYTES32: return hex_of(c, 32, out);
	case FIELD_BYTES65: return hex_of(c, 65, out);
	case FIELD_PUBKEY: return pubkey(c, out);
	case FIELD_BASE64: return base64(c, out);
	case FIELD_UUID: return uuid(c, out);
	case FIELD_TIME: return time_of(c, out);
	default: return true;
	}
}

bool field_value(
	const struct ready_field *f, struct given v, struct arena *a, struct serve_name *out, char why[WHY])
{
	struct trial c = {.f = f, .decl = f->decl, .a = a, .v = v, .why = why};
	enum field_type t = f->decl->type;
	struct err e = {0};
	*out = (struct serve_name){.name = f->decl->name};
	if (t == FIELD_OBJECT && !v.is_json && json_check(v.text, 64, &e)) {
		c.v.is_json = true;
		c.v.json = json_value(v.text);
	} else if (t == FIELD_ARRAY && !v.is_json) {
		c.v.is_json = true;
		c.v.json = list_of_text(&c);
	}
	if (t == FIELD_ARRAY)
		return c.v.json.kind == JSON_ARRAY ? list(&c, out) : not_it(&c);
	if (t == FIELD_OBJECT) {
		out->kind = NAME_JSON;
		out->text = c.v.json.text;
		return (c.v.is_json && c.v.json.kind == JSON_OBJECT) || not_it(&c);
	}
	if (!says(&c) || !scalar(&c, &out->text))
		return false;
	if (t == FIELD_INT || t == FIELD_BOOL || (t == FIELD_NUMBER && v.is_json))
		out->kind = NAME_JSON;
	if (t != FIELD_UNITS) /* bounds of units are as written: 0.1 */
		c.text = out->text;
	return in_bounds(&c) && matches(&c) && one_of(&c);
}

/* ── the declaration ── */

static bool bound_ok(const struct field_decl *d, const char *word, const char *bound, struct err *e)
{
	if (!bound || number_ok(str_of(bound)))
		return true;
	return err_set(e, ERR_REJECTED, "%s of %s is a number, not %s", word, d->name, bound);
}

bool field_ready(struct ready_field *f, const struct field_decl *d, struct err *e)
{
	*f = (struct ready_field){.decl = d};
	if (!bound_ok(d, "min", d->min, e) || !bound_ok(d, "max", d->max, e))
		return false;
	if (d->match) {
		int code;
		PCRE2_SIZE at;
		f->match = pcre2_compile((PCRE2_SPTR)d->match, PCRE2_ZERO_TERMINATED,
			PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
		if (!f->match) {
			PCRE2_UCHAR text[120];
			pcre2_get_error_message(code, text, sizeof text);
			return err_set(e, ERR_REJECTED, "match of %s is no regular expression: %s (character %zu)",
				d->name, (const char *)text, (size_t)at + 1);
		}
	}
	if (d->items) {
		f->items = mem_alloc(sizeof *f->items);
		if (!field_ready(f->items, d->items, e))
			return false;
	}
	struct arena a = {0};
	struct serve_name out;
	char why[WHY];
	bool good = true;
	if (d->otherwise && !text_is(d->otherwise, "null") &&
		!field_value(
			f, (struct given){.is_json = true, .json = json_value(str_of(d->otherwise))}, &a, &out, why))
		good = err_set(e, ERR_REJECTED, "default of %s %s", d->name, why);
	arena_fini(&a);
	return good;
}

void field_fini(struct ready_field *f)
{
	if (f->match)
		pcre2_code_free(f->match);
	if (f->items)
		field_fini(f->items);
	free(f->items);
}
