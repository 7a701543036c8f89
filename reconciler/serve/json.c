#include "reconciler/serve/json.h"

#include <yajl/yajl_parse.h>

/* ── is it one value? ── */

struct depth {
	unsigned now, most;
};

static int opened(void *arg)
{
	struct depth *d = arg;
	return ++d->now <= d->most;
}

static int closed(void *arg)
{
	struct depth *d = arg;
	d->now--;
	return 1;
}

bool json_check(struct str text, unsigned deepest, struct err *e)
{
	static const yajl_callbacks counts = {.yajl_start_map = opened,
		.yajl_end_map = closed,
		.yajl_start_array = opened,
		.yajl_end_array = closed};
	struct depth d = {0, deepest};
	yajl_handle y = yajl_alloc(&counts, NULL, &d);
	must(y);
	const unsigned char *p = (const unsigned char *)text.p;
	yajl_status s = yajl_parse(y, p, text.n);
	if (s == yajl_status_ok)
		s = yajl_complete_parse(y);
	size_t at = yajl_get_bytes_consumed(y);
	yajl_free(y);
	if (s == yajl_status_client_canceled)
		return err_set(e, ERR_REJECTED, "it is nested deeper than %u", deepest);
	if (s != yajl_status_ok)
		return err_set(e, ERR_MALFORMED, "it is no JSON (byte %zu)", at < text.n ? at + 1 : text.n);
	return true;
}

/* ── its parts; the text is known to be good ── */

static size_t blanks(struct str s, size_t i)
{
	while (i < s.n && strchr(" \t\r\n", s.p[i]) && s.p[i])
		i++;
	return i;
}

static size_t string_end(struct str s, size_t i)
{
	for (i++; i < s.n && s.p[i] != '"'; i++)
		i += s.p[i] == '\\';
	return i + 1;
}

static size_t value_end(struct str s, size_t i)
{
	if (s.p[i] == '"')
		return string_end(s, i);
	if (s.p[i] != '{' && s.p[i] != '[') {
		while (i < s.n && !strchr(",]} \t\r\n", s.p[i]))
			i++;
		return i;
	}
	unsigned deep = 0;
	do {
		if (s.p[i] == '"') {
			i = string_end(s, i);
			continue;
		}
		deep += s.p[i] == '{' || s.p[i] == '[';
		deep -= s.p[i] == '}' || s.p[i] == ']';
		i++;
	} while (deep && i < s.n);
	return i;
}

struct json json_value(struct str text)
{
	size_t from = blanks(text, 0), to = value_end(text, from);
	char c = text.p[from];
	enum json_kind k = c == '{'               ? JSON_OBJECT
					   : c == '['             ? JSON_ARRAY
					   : c == '"'             ? JSON_STRING
					   : c == 't' || c == 'f' ? JSON_BOOL
					   : c == 'n'             ? JSON_NULL
											  : JSON_NUMBER;
	return (struct json){k, {text.p + from, to - from}};
}

bool json_next(struct json of, size_t *at, struct str *name, struct json *value)
{
	struct str s = of.text;
	size_t i = blanks(s, *at + 1); /* behind the bracket, or the comma */
	if (i >= s.n || s.p[i] == '}' || s.p[i] == ']')
		return false;
	if (of.kind == JSON_OBJECT) {
		size_t end = string_end(s, i);
		*name = (struct str){s.p + i, end - i};
		i = blanks(s, end) + 1;
	}
	*value = json_value((struct str){s.p + i, s.n - i});
	*at = blanks(s, (size_t)(value->text.p - s.p) + value->text.n);
	if (*at < s.n && s.p[*at] != ',')
		*at = s.n - 1; /* the bracket: the next call ends */
	return true;
}

/* ── strings ── */

static bool unit(struct str s, size_t i, uint32_t *u)
{
	uint8_t b[2];
	if (i + 6 > s.n || s.p[i] != '\\' || s.p[i + 1] != 'u' || !hex_from(b, 2, (struct str){s.p + i + 2, 4}))
		return false;
	*u = (uint32_t)b[0] << 8 | b[1];
	return true;
}

static size_t utf8_put(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t first[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(first[n] | c);
	return n;
}

struct str json_string(struct arena *a, struct str quoted)
{
	static const struct str broken = {NULL, 0};
	struct str s = {quoted.p + 1, quoted.n - 2};
	if (!memchr(s.p, '\\', s.n))
		return s;
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n;) {
		if (s.p[i] != '\\') {
			out[n++] = s.p[i++];
			continue;
		}
		uint32_t c, low;
		if (!unit(s, i, &c)) {
			static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
			const char *k = strchr(from, s.p[i + 1]);
			out[n++] = to[k - from];
			i += 2;
			continue;
		}
		i += 6;
		if (c >= 0xD800 && c < 0xDC00 && unit(s, i, &low) && low >= 0xDC00 && low < 0xE000) {
			c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
			i += 6;
		} else if (c == 0 || (c >= 0xD800 && c < 0xE000)) {
			return broken;
		}
		n += utf8_put(out + n, c);
	}
	return (struct str){out, n};
}
