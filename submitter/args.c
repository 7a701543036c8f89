#include "submitter/args.h"

struct reader {
	struct str s;
	size_t at;
};

static void skip_space(struct reader *r)
{
	while (r->at < r->s.n &&
		   (r->s.p[r->at] == ' ' || r->s.p[r->at] == '\n' || r->s.p[r->at] == '\t' || r->s.p[r->at] == '\r'))
		r->at++;
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->at >= r->s.n || r->s.p[r->at] != c)
		return false;
	r->at++;
	return true;
}

/* The raw text of one string with its quotes. */
static bool raw_string(struct reader *r, struct str *out)
{
	size_t from = r->at;
	if (!take(r, '"'))
		return false;
	from = r->at - 1;
	while (r->at < r->s.n && r->s.p[r->at] != '"')
		r->at += r->s.p[r->at] == '\\' ? 2 : 1;
	if (r->at >= r->s.n)
		return false;
	r->at++;
	*out = (struct str){r->s.p + from, r->at - from};
	return true;
}

/* The raw text of one value: a string, a word or number, or everything up to the bracket that closes it. */
static bool raw_value(struct reader *r, struct str *out)
{
	skip_space(r);
	size_t from = r->at, depth = 0;
	do {
		if (r->at >= r->s.n)
			return false;
		char c = r->s.p[r->at];
		struct str inner;
		if (c == '"') {
			if (!raw_string(r, &inner))
				return false;
		} else if (c == '{' || c == '[') {
			depth++;
			r->at++;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				return false;
			depth--;
			r->at++;
		} else if (depth == 0) {
			while (r->at < r->s.n && !strchr(",}] \n\t\r", r->s.p[r->at]))
				r->at++;
		} else {
			r->at++;
		}
	} while (depth > 0);
	*out = (struct str){r->s.p + from, r->at - from};
	return out->n > 0;
}

static void put_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_char(b, (char)(0x80 | (c & 0x3f)));
}

/* RFC 8259 §7: four hex digits after \u, at s.p[i] */
static bool unit_at(struct str s, size_t i, unsigned *out)
{
	if (i + 4 > s.n)
		return false;
	*out = 0;
	for (size_t k = i; k < i + 4; k++) {
		if (hex_digit(s.p[k]) < 0)
			return false;
		*out = *out << 4 | (unsigned)hex_digit(s.p[k]);
	}
	return true;
}

/* One escape behind the backslash at s.p[*i]; *i is moved to its last character. */
static bool unescape(struct buf *b, struct str s, size_t *i)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	unsigned unit, low;
	char c = s.p[++*i];
	const char *at = c ? strchr(from, c) : NULL;
	if (at) {
		buf_char(b, to[at - from]);
		return true;
	}
	if (c != 'u' || !unit_at(s, *i + 1, &unit))
		return false;
	*i += 4;
	if (unit >= 0xd800 && unit < 0xdc00 && *i + 2 < s.n && s.p[*i + 1] == '\\' && s.p[*i + 2] == 'u' &&
		unit_at(s, *i + 3, &low) && low >= 0xdc00 && low < 0xe000) {
		*i += 6;
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	} else if (unit >= 0xd800 && unit < 0xe000) {
		unit = 0xfffd;
	}
	put_utf8(b, unit);
	return true;
}

static bool text_of(struct arena *a, struct str raw, struct str *out)
{
	struct str s = {raw.p + 1, raw.n - 2};
	*out = s;
	if (!memchr(s.p, '\\', s.n))
		return true;
	struct buf b = {0};
	bool ok = true;
	for (size_t i = 0; ok && i < s.n; i++) {
		if (s.p[i] == '\\')
			ok = i + 1 < s.n && unescape(&b, s, &i);
		else
			buf_char(&b, s.p[i]);
	}
	*out = (struct str){arena_copy(a, b.n ? b.p : "", b.n), b.n};
	buf_fini(&b);
	return ok;
}

static bool one_arg(struct arena *a, struct reader *r, struct arg *out)
{
	struct str raw;
	if (!(skip_space(r), raw_string(r, &raw)) || !text_of(a, raw, &out->name) || !take(r, ':') ||
		!raw_value(r, &raw))
		return false;
	out->value = raw;
	if (raw.p[0] == '"')
		return text_of(a, raw, &out->value);
	if (str_is(raw, "null"))
		out->value = (struct str){NULL, 0};
	return true;
}

bool args_parse(struct arena *a, struct str json, struct args *out, struct err *e)
{
	struct reader r = {json, 0};
	size_t most = 1;
	for (size_t i = 0; i < json.n; i++)
		most += json.p[i] == ',';
	*out = (struct args){arena_alloc(a, most * sizeof *out->list), 0};
	if (!take(&r, '{'))
		return err_set(e, ERR_MALFORMED, "an item's names are not a JSON object");
	if (!take(&r, '}')) {
		do {
			if (!one_arg(a, &r, &out->list[out->n]))
				return err_set(e, ERR_MALFORMED, "an item's names are not JSON at byte %zu", r.at);
			out->n++;
		} while (take(&r, ','));
		if (!take(&r, '}'))
			return err_set(e, ERR_MALFORMED, "an item's names are not JSON at byte %zu", r.at);
	}
	skip_space(&r);
	if (r.at != json.n)
		return err_set(e, ERR_MALFORMED, "bytes stand behind an item's names");
	return true;
}

const struct arg *args_get(const struct args *args, struct str name)
{
	for (size_t i = 0; i < args->n; i++)
		if (str_eq(args->list[i].name, name))
			return &args->list[i];
	return NULL;
}

bool args_each(struct str json, void (*fn)(void *arg, struct str raw), void *arg)
{
	struct reader r = {json, 0};
	struct str raw;
	if (!take(&r, '['))
		return false;
	if (take(&r, ']'))
		return true;
	do {
		if (!raw_value(&r, &raw))
			return false;
		fn(arg, raw);
	} while (take(&r, ','));
	return take(&r, ']');
}
