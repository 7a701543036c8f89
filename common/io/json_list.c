#include "common/io/json_list.h"

#include "common/base/mem.h"
#include "common/io/json_pick.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum inside { BETWEEN, STRING, WORD }; /* a word is a number, true, false or null */
enum wanted { VALUE_OR_END, VALUE, KEY_OR_END, KEY, COLON, COMMA_OR_END };

struct json_list {
	const struct sax *sax;
	void *ctx;
	uint64_t maps;  /* bit d: what is open at depth d is an object */
	unsigned depth; /* open inside the list */
	enum wanted wanted;
	enum inside in;
	bool escapes, escaped; /* the string has some; its next byte is one's */
	struct buf part;       /* of the token: what earlier pieces held */
	enum json_list_took took;
};

struct json_list *json_list_new(const struct sax *sax, void *ctx)
{
	struct json_list *l = mem_alloc(sizeof *l);
	*l = (struct json_list){.sax = sax, .ctx = ctx, .wanted = VALUE_OR_END};
	return l;
}

void json_list_free(struct json_list *l)
{
	if (!l)
		return;
	buf_fini(&l->part);
	free(l);
}

static const char *broken(struct json_list *l)
{
	l->took = JSON_LIST_BROKEN;
	return NULL;
}

static bool told(struct json_list *l, bool wanted)
{
	if (!wanted)
		l->took = JSON_LIST_STOPPED;
	return l->took == JSON_LIST_MORE;
}

void json_list_stop(struct json_list *l)
{
	l->took = JSON_LIST_STOPPED;
}

static bool in_map(const struct json_list *l)
{
	return l->depth > 0 && (l->maps >> (l->depth - 1) & 1);
}

static bool wants_value(const struct json_list *l)
{
	return l->wanted == VALUE || l->wanted == VALUE_OR_END;
}

/* ── strings ── */

/* The first byte that ends a string, or is not simply one of its own. */
static const char *string_stop(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)),
			_mm_cmpeq_epi8(_mm_min_epu8(x, low), x));
		int at = _mm_movemask_epi8(stop);
		if (at)
			return p + __builtin_ctz((unsigned)at);
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
}

static bool give_string(struct json_list *l, struct str text)
{
	bool key = l->wanted == KEY || l->wanted == KEY_OR_END;
	l->wanted = key ? COLON : COMMA_OR_END;
	return told(l, key ? l->sax->on_key(l->ctx, text) : l->sax->on_string(l->ctx, text));
}

/* Escapes are rare in what is listed: they are undone by the parser that knows them all. */
static bool give_escaped(struct json_list *l, struct str text)
{
	struct arena a = {0};
	struct buf raw = {0};
	struct str plain;
	buf_char(&raw, '"');
	buf_str(&raw, text);
	buf_char(&raw, '"');
	bool ok = json_pick_text(&a, &plain, (struct str){raw.p, raw.n});
	if (ok)
		ok = give_string(l, plain);
	else
		broken(l);
	buf_fini(&raw);
	arena_fini(&a);
	return ok;
}

/* p: inside a string. Behind it, or the end of the piece; NULL: no more is read. */
static const char *read_string(struct json_list *l, const char *p, const char *end)
{
	const char *from = p;
	for (;;) {
		if (l->escaped && p < end) {
			l->escaped = false;
			p++;
		}
		p = string_stop(p, end);
		if (p == end || *p != '\\')
			break;
		l->escapes = l->escaped = true;
		p++;
	}
	if (p == end) {
		buf_put(&l->part, from, (size_t)(p - from));
		return p;
	}
	if (*p != '"')
		return broken(l);
	struct str text = {from, (size_t)(p - from)};
	if (l->part.n > 0) {
		buf_put(&l->part, from, text.n);
		text = (struct str){l->part.p, l->part.n};
	}
	bool ok = l->escapes ? give_escaped(l, text) : give_string(l, text);
	l->in = BETWEEN;
	l->escapes = false;
	l->part.n = 0;
	return ok ? p + 1 : NULL;
}

/* What mostly stands behind a string: a colon or comma, and at once the next string. */
static const char *read_strings(struct json_list *l, const char *p, const char *end)
{
	for (;;) {
		p = read_string(l, p, end);
		if (!p || p == end)
			return p;
		if (*p == ':' && l->wanted == COLON)
			l->wanted = VALUE;
		else if (*p == ',' && l->wanted == COMMA_OR_END)
			l->wanted = in_map(l) ? KEY : VALUE;
		else
			return p;
		if (++p == end || *p != '"')
			return p;
		l->in = STRING;
		p++;
	}
}

/* ── numbers and names ── */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' ||
		   c == '.';
}

static size_t digits(struct str t, size_t at)
{
	while (at < t.n && is_digit(t.p[at]))
		at++;
	return at;
}

/* RFC 8259, section 6: [ minus ] int [ frac ] [ exp ] */
static bool is_number(struct str t)
{
	size_t at = t.n > 0 && t.p[0] == '-', from = at;
	at = digits(t, at);
	if (at == from || (t.p[from] == '0' && at > from + 1))
		return false;
	if (at < t.n && t.p[at] == '.') {
		from = ++at;
		at = digits(t, at);
		if (at == from)
			return false;
	}
	if (at < t.n && (t.p[at] == 'e' || t.p[at] == 'E')) {
		at++;
		at += at < t.n && (t.p[at] == '+' || t.p[at] == '-');
		from = at;
		at = digits(t, at);
		if (at == from)
			return false;
	}
	return at == t.n;
}

static bool give_word(struct json_list *l, struct str t)
{
	l->wanted = COMMA_OR_END;
	if (str_is(t, "null"))
		return told(l, l->sax->on_null(l->ctx));
	if (str_is(t, "true") || str_is(t, "false"))
		return told(l, l->sax->on_bool(l->ctx, t.n == 4));
	if (is_number(t))
		return told(l, l->sax->on_number(l->ctx, t));
	broken(l);
	return false;
}

static const char *read_word(struct json_list *l, const char *p, const char *end)
{
	const char *from = p;
	while (p < end && is_word(*p))
		p++;
	if (p == end) {
		buf_put(&l->part, from, (size_t)(p - from));
		return p;
	}
	struct str text = {from, (size_t)(p - from)};
	if (l->part.n > 0) {
		buf_put(&l->part, from, text.n);
		text = (struct str){l->part.p, l->part.n};
	}
	l->in = BETWEEN;
	bool ok = give_word(l, text);
	l->part.n = 0;
	return ok ? p : NULL;
}

/* ── what stands between ── */

static bool open(struct json_list *l, bool map)
{
	if (!wants_value(l) || l->depth == JSON_LIST_DEPTH) {
		broken(l);
		return false;
	}
	l->maps = (l->maps & ~(1ULL << l->depth)) | (uint64_t)map << l->depth;
	l->depth++;
	l->wanted = map ? KEY_OR_END : VALUE_OR_END;
	return told(l, map ? l->sax->on_open_map(l->ctx) : l->sax->on_open_array(l->ctx));
}

static bool close(struct json_list *l, bool map)
{
	bool may_end = l->wanted == COMMA_OR_END || l->wanted == (map ? KEY_OR_END : VALUE_OR_END);
	if (!may_end || l->depth == 0 || in_map(l) != map) {
		broken(l);
		return false;
	}
	l->depth--;
	l->wanted = COMMA_OR_END;
	return told(l, map ? l->sax->on_close_map(l->ctx) : l->sax->on_close_array(l->ctx));
}

static bool follow(struct json_list *l, enum wanted must_be, enum wanted next)
{
	if (l->wanted != must_be)
		broken(l);
	bool ok = l->wanted == must_be;
	l->wanted = next;
	return ok;
}

static bool begin(struct json_list *l, enum inside in, bool fits)
{
	if (!fits)
		broken(l);
	l->in = in;
	return fits;
}

/* p itself: a word begins there. */
static const char *step(struct json_list *l, const char *p)
{
	bool key = l->wanted == KEY || l->wanted == KEY_OR_END, ok;
	switch (*p) {
	case ' ':
	case '\t':
	case '\n':
	case '\r': ok = true; break;
	case '"': ok = begin(l, STRING, key || wants_value(l)); break;
	case ',': ok = follow(l, COMMA_OR_END, in_map(l) ? KEY : VALUE); break;
	case ':': ok = follow(l, COLON, VALUE); break;
	case '{': ok = open(l, true); break;
	case '}': ok = close(l, true); break;
	case '[': ok = open(l, false); break;
	case ']': ok = close(l, false); break;
	default: return begin(l, WORD, wants_value(l) && is_word(*p)) ? p : NULL;
	}
	return ok ? p + 1 : NULL;
}

enum json_list_took json_list_feed(struct json_list *l, struct str piece, size_t *used)
{
	const char *p = piece.p, *end = p + piece.n;
	while (p && p < end) {
		bool over = *p == ']' && l->depth == 0 && (l->wanted == VALUE_OR_END || l->wanted == COMMA_OR_END);
		if (l->in == STRING) {
			p = read_strings(l, p, end);
		} else if (l->in == WORD) {
			p = read_word(l, p, end);
		} else if (over) {
			l->took = JSON_LIST_END;
			break;
		} else {
			p = step(l, p);
		}
	}
	*used = p ? (size_t)(p - piece.p) : piece.n;
	return l->took;
}
