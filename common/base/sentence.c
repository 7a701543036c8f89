#include "common/base/sentence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ── the line: code key=value key="value" ── */

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool bare_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		   (c && strchr("._-+:/@#", c));
}

static size_t word_len(struct str s)
{
	size_t n = 0;
	while (n < s.n && word_char(s.p[n]))
		n++;
	return n;
}

/* Length of the value that s begins with, quotes and all; 0: none. */
static size_t value_len(struct str s)
{
	size_t n = 0;
	if (s.n == 0 || s.p[0] != '"') {
		while (n < s.n && bare_char(s.p[n]))
			n++;
		return n;
	}
	for (n = 1; n < s.n && s.p[n] != '"'; n++)
		n += s.p[n] == '\\';
	return n < s.n ? n + 1 : 0;
}

/* The next pair of *rest, which begins with a blank; false at the end, and with *rest not empty when it is
 * none. */
static bool next_pair(struct str *rest, struct str *key, struct str *value)
{
	struct str s = *rest;
	if (s.n < 4 || s.p[0] != ' ')
		return false;
	s = (struct str){s.p + 1, s.n - 1};
	key->p = s.p;
	key->n = word_len(s);
	if (key->n == 0 || key->n >= s.n || s.p[key->n] != '=')
		return false;
	value->p = s.p + key->n + 1;
	value->n = value_len((struct str){value->p, s.n - key->n - 1});
	if (value->n == 0)
		return false;
	const char *end = value->p + value->n;
	*rest = (struct str){end, (size_t)(rest->p + rest->n - end)};
	return true;
}

/* false: not of the form. *rest: the pairs. */
static bool split(struct str text, struct str *code, struct str *rest)
{
	struct str key, value;
	code->p = text.p;
	code->n = word_len(text);
	if (code->n == 0 || code->p[0] < 'a')
		return false;
	*rest = (struct str){text.p + code->n, text.n - code->n};
	struct str r = *rest;
	while (next_pair(&r, &key, &value))
		;
	return r.n == 0;
}

static void put_code_point(struct buf *out, unsigned c)
{
	if (c < 0x80) {
		buf_char(out, (char)c);
	} else if (c < 0x800) {
		buf_char(out, (char)(0xC0 | c >> 6));
		buf_char(out, (char)(0x80 | (c & 0x3F)));
	} else {
		buf_char(out, (char)(0xE0 | c >> 12));
		buf_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_char(out, (char)(0x80 | (c & 0x3F)));
	}
}

/* As JSON writes strings: to_json in SQL makes the same. */
static void unquote(struct buf *out, struct str v)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	if (v.n < 2 || v.p[0] != '"') {
		buf_str(out, v);
		return;
	}
	for (size_t i = 1; i + 1 < v.n; i++) {
		const char *at;
		if (v.p[i] != '\\') {
			buf_char(out, v.p[i]);
		} else if (v.p[++i] == 'u' && i + 5 < v.n) {
			unsigned c = 0;
			for (int k = 1; k <= 4; k++)
				c = c * 16 + (unsigned)(hex_digit(v.p[i + (size_t)k]) & 15);
			put_code_point(out, c);
			i += 4;
		} else {
			at = strchr(from, v.p[i]);
			buf_char(out, at && *at ? to[at - from] : v.p[i]);
		}
	}
}

void reason_code(struct buf *b, const char *code)
{
	buf_clear(b);
	buf_text(b, code);
}

void reason_str(struct buf *b, const char *key, struct str value)
{
	size_t bare = 0;
	while (bare < value.n && bare_char(value.p[bare]))
		bare++;
	buf_printf(b, " %s=", key);
	if (bare == value.n && value.n > 0)
		buf_str(b, value);
	else
		buf_json(b, value);
}

void reason_text(struct buf *b, const char *key, const char *value)
{
	if (value && *value)
		reason_str(b, key, str_of(value));
}

void reason_int(struct buf *b, const char *key, int64_t value)
{
	buf_printf(b, " %s=%" PRId64, key, value);
}

void reason_u256(struct buf *b, const char *key, struct u256 value)
{
	char dec[U256_DEC_MAX];
	u256_to_dec(dec, value);
	buf_printf(b, " %s=%s", key, dec);
}

static bool raw_value(struct str text, struct str name, struct str *value)
{
	struct str code, rest, key;
	if (!split(text, &code, &rest))
		return false;
	while (next_pair(&rest, &key, value))
		if (str_eq(key, name))
			return true;
	return false;
}

bool reason_get(struct str text, const char *key, struct buf *out)
{
	struct str value;
	if (!raw_value(text, str_of(key), &value))
		return false;
	unquote(out, value);
	return true;
}

bool reason_is(struct str text, const char *code)
{
	struct str have, rest;
	return split(text, &have, &rest) && str_is(have, code);
}

static const struct sentence *find(struct str text)
{
	struct str code, rest;
	if (!split(text, &code, &rest))
		return NULL;
	for (const struct sentence *s = sentences; s->code; s++)
		if (str_is(code, s->code))
			return s;
	return NULL;
}

struct str reason_known(struct str text)
{
	const struct sentence *s = find(text);
	return s ? str_of(s->code) : (struct str){"", 0};
}

/* ── figures for people ── */

void say_duration(char *out, size_t size, int64_t ms, const char *gap)
{
	ms = ms < 0 ? 0 : ms;
	if (ms < 100)
		snprintf(out, size, "%" PRId64 "%sms", ms, gap);
	else if (ms < 9950)
		snprintf(out, size, "%" PRId64 ".%" PRId64 "%ss", ms / 1000, ms % 1000 / 100, gap);
	else if (ms < 120000)
		snprintf(out, size, "%" PRId64 "%ss", ms / 1000, gap);
	else if (ms < 7200000)
		snprintf(out, size, "%" PRId64 "%smin", ms / 60000, gap);
	else if (ms < 172800000)
		snprintf(out, size, "%" PRId64 "%sh", ms / 3600000, gap);
	else
		snprintf(out, size, "%" PRId64 "%sd", ms / 86400000, gap);
}

void say_grouped(char *out, size_t size, int64_t n, const char *blank)
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%" PRId64, n);
	size_t at = 0, wide = strlen(blank);
	for (int i = 0; i < len && at + wide + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0 && plain[i - 1] != '-') {
			memcpy(out + at, blank, wide);
			at += wide;
		}
		out[at++] = plain[i];
	}
	out[at] = 0;
}

void say_gwei(char *out, size_t size, struct u256 wei)
{
	char whole[U256_DEC_MAX];
	uint64_t rest;
	struct u256 g = u256_div64(u256_div64(wei, 10000000, NULL), 100, &rest);
	u256_to_dec(whole, g);
	snprintf(out, size, "%s.%02" PRIu64, whole, rest);
}

void say_eth(char *out, size_t size, struct u256 wei)
{
	char whole[U256_DEC_MAX];
	uint64_t rest;
	struct u256 e = u256_div64(u256_div64(wei, 10000000000000u, NULL), 100000, &rest);
	u256_to_dec(whole, e);
	if (rest == 0 && !u256_is_zero(wei) && text_is(whole, "0"))
		snprintf(out, size, "less than 0.00001");
	else if (rest % 100 == 0)
		snprintf(out, size, "%s.%03" PRIu64, whole, rest / 100);
	else
		snprintf(out, size, "%s.%05" PRIu64, whole, rest);
}

/* ── rich text ── */

void rich_escape(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (memchr("`*{}\\", s.p[i], 5))
			buf_char(out, '\\');
		buf_char(out, s.p[i]);
	}
}

static void plain_brace(struct buf *out, struct str in, int64_t now_ms, const char *blank)
{
	char text[40], digits[24];
	snprintf(digits, sizeof digits, "%.*s", in.n > 1 ? (int)in.n - 1 : 0, in.p + 1);
	int64_t n = strtoll(digits, NULL, 10);
	if (in.n > 0 && in.p[0] == '#') {
		say_grouped(text, sizeof text, n, blank);
	} else if (in.n > 0 && in.p[0] == '@') {
		say_duration(text, sizeof text, now_ms - n < 100 ? 100 : now_ms - n, " ");
	} else {
		time_t t = (time_t)(n / 1000);
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(text, sizeof text, "%H:%M:%S", &tm);
	}
	buf_text(out, text);
}

void sentence_plain(struct buf *out, struct str rich, int64_t now_ms, const char *blank)
{
	for (size_t i = 0; i < rich.n; i++) {
		char c = rich.p[i];
		const char *end = c == '{' ? memchr(rich.p + i, '}', rich.n - i) : NULL;
		if (c == '\\' && i + 1 < rich.n) {
			buf_char(out, rich.p[++i]);
		} else if (end) {
			plain_brace(out, (struct str){rich.p + i + 1, (size_t)(end - rich.p) - i - 1}, now_ms, blank);
			i = (size_t)(end - rich.p);
		} else if (c != '`' && c != '*') {
			buf_char(out, c);
		}
	}
}

/* ── templates: {key} {key:how} {key?one|many} [only when its keys are there] ── */

static void put_hash(struct buf *out, struct str v)
{
	buf_char(out, '`');
	if (v.n > 14 && v.p[0] == '0')
		buf_printf(out, "%.6s…%.4s", v.p, v.p + v.n - 4);
	else
		rich_escape(out, v);
	buf_char(out, '`');
}

static void put_nth(struct buf *out, struct str v)
{
	static const char *const words[] = {
		"", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"};
	uint64_t n;
	if (str_to_u64(v, &n) && n >= 1 && n <= 10)
		buf_text(out, words[n]);
	else
		buf_printf(out, "number %.*s", (int)v.n, v.p);
}

static void put_how(struct buf *out, struct str v, struct str how)
{
	char text[120];
	struct u256 wei = u256_of(0);
	if (str_is(how, "#")) {
		buf_printf(out, "{#%.*s}", (int)v.n, v.p);
	} else if (str_is(how, "since")) {
		buf_printf(out, "{@%.*s}", (int)v.n, v.p);
	} else if (str_is(how, "clock")) {
		buf_printf(out, "{:%.*s}", (int)v.n, v.p);
	} else if (str_is(how, "hash")) {
		put_hash(out, v);
	} else if (str_is(how, "nth")) {
		put_nth(out, v);
	} else if (str_is(how, "code")) {
		buf_char(out, '`');
		rich_escape(out, v);
		buf_char(out, '`');
	} else {
		uint64_t ms = 0;
		(void)u256_from_dec(&wei, v);
		(void)str_to_u64(v, &ms);
		if (str_is(how, "gwei"))
			say_gwei(text, sizeof text, wei);
		else if (str_is(how, "eth"))
			say_eth(text, sizeof text, wei);
		else
			say_duration(text, sizeof text, (int64_t)ms, " ");
		buf_text(out, text);
	}
}

/* One {…} of a template. false: its key is not in the reason. */
static bool put_place(struct buf *out, struct str place, struct str reason)
{
	struct str raw, key = {place.p, word_len(place)};
	struct buf value = {0};
	bool there = raw_value(reason, key, &raw);
	char sep = key.n < place.n ? place.p[key.n] : 0;
	struct str how = {place.p + key.n + 1, sep ? place.n - key.n - 1 : 0};
	if (!there)
		return false;
	unquote(&value, raw);
	struct str v = {value.p ? value.p : "", value.n};
	if (sep == '?') {
		const char *bar = memchr(how.p, '|', how.n);
		size_t one = bar ? (size_t)(bar - how.p) : how.n;
		if (str_is(v, "1"))
			buf_put(out, how.p, one);
		else if (bar)
			buf_put(out, bar + 1, how.n - one - 1);
	} else if (sep == ':') {
		put_how(out, v, how);
	} else {
		rich_escape(out, v);
	}
	buf_fini(&value);
	return true;
}

static bool put_template(struct buf *out, struct str t, struct str reason)
{
	bool whole = true;
	for (size_t i = 0; i < t.n; i++) {
		const char *end = t.p[i] == '{'   ? memchr(t.p + i, '}', t.n - i)
						  : t.p[i] == '[' ? memchr(t.p + i, ']', t.n - i)
										  : NULL;
		struct str in = {t.p + i + 1, end ? (size_t)(end - t.p) - i - 1 : 0};
		size_t before = out->n;
		if (!end) {
			buf_char(out, t.p[i]);
			continue;
		}
		if (t.p[i] == '{')
			whole = put_place(out, in, reason) && whole;
		else if (!put_template(out, in, reason))
			out->n = before;
		i = (size_t)(end - t.p);
	}
	return whole;
}

void sentence_put(struct buf *out, struct str reason, enum sentence_part part)
{
	const struct sentence *s = find(reason);
	if (!s) {
		if (part == SENTENCE_TEXT || part == SENTENCE_GROUP)
			rich_escape(out, reason);
		return;
	}
	const char *t = part == SENTENCE_VERB    ? s->verb
					: part == SENTENCE_CURE  ? s->cure
					: part == SENTENCE_GROUP ? (s->group ? s->group : s->text)
											 : s->text;
	if (t)
		put_template(out, str_of(t), reason);
	buf_put(out, "", 0);
}

const char *sentence_tone(struct str reason)
{
	const struct sentence *s = find(reason);
	return s && s->tone ? s->tone : "ink";
}

void sentence_say(struct buf *out, struct str reason, enum sentence_part part, int64_t now_ms)
{
	struct buf rich = {0};
	sentence_put(&rich, reason, part);
	sentence_plain(out, (struct str){rich.p, rich.n}, now_ms, "");
	buf_fini(&rich);
}
