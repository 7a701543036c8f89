#include "common/base/str.h"
#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

bool str_holds(struct str s, const char *words)
{
	size_t n = strlen(words);
	for (size_t i = 0; i + n <= s.n; i++)
		if (strncasecmp(s.p + i, words, n) == 0)
			return true;
	return false;
}

bool text_is(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_to_u64(struct str s, uint64_t *v)
{
	uint64_t x = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(x, (uint64_t)10, &x) ||
			__builtin_add_overflow(x, (uint64_t)(s.p[i] - '0'), &x))
			return false;
	}
	*v = x;
	return true;
}

/* RFC 3629: shortest form, no surrogates, up to U+10FFFF. */
size_t utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	const size_t n = s.n;
	if (n == 0 || p[0] < 0x80)
		return n > 0;
	size_t k = p[0] >= 0xF0 && p[0] <= 0xF4   ? 4
			   : p[0] >= 0xE0 && p[0] <= 0xEF ? 3
			   : p[0] >= 0xC2 && p[0] <= 0xDF ? 2
											  : 0;
	if (k == 0 || k > n)
		return 0;
	for (size_t i = 1; i < k; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
		(p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return k;
}

bool utf8_valid(struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t k = utf8_len((struct str){s.p + i, s.n - i});
		if (k == 0)
			return false;
		i += k;
	}
	return true;
}

char *buf_grow(struct buf *b, size_t n)
{
	must(n < SIZE_MAX / 4);
	size_t cap = b->cap ? b->cap : 256;
	while (cap - b->n < n + 1)
		cap *= 2;
	b->p = mem_grow(b->p, cap, 1);
	b->cap = cap;
	return b->p + b->n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	char *to = buf_room(b, n);
	if (n)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void buf_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	char *to = buf_room(b, 120);
	size_t room = b->cap - b->n;
	int n = vsnprintf(to, room, fmt, ap);
	must(n >= 0);
	if ((size_t)n >= room) {
		to = buf_room(b, (size_t)n);
		vsnprintf(to, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

static void put_digits(struct buf *b, uint64_t v, bool minus)
{
	char text[24];
	size_t at = sizeof text;
	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	if (minus)
		text[--at] = '-';
	buf_put(b, text + at, sizeof text - at);
}

void buf_int(struct buf *b, int64_t v)
{
	put_digits(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void buf_uint(struct buf *b, uint64_t v)
{
	put_digits(b, v, false);
}

void buf_hex(struct buf *b, const uint8_t *p, size_t n)
{
	char *to = buf_room(b, 2 * n);
	hex_to(to, p, n);
	b->n += 2 * n;
}

/* How many bytes at its beginning are ASCII that a JSON string holds as it is. */
static size_t json_plain(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

void buf_json(struct buf *b, struct str s)
{
	buf_char(b, '"');
	for (size_t i = 0; i < s.n;) {
		size_t as_it_is = json_plain((struct str){s.p + i, s.n - i});
		if (as_it_is > 0) {
			buf_put(b, s.p + i, as_it_is);
			i += as_it_is;
			continue;
		}
		unsigned char c = (unsigned char)s.p[i];
		size_t k = utf8_len((struct str){s.p + i, s.n - i});
		if (c == '"' || c == '\\') {
			buf_char(b, '\\');
			buf_char(b, (char)c);
		} else if (c == '\n' || c == '\t' || c == '\r') {
			buf_char(b, '\\');
			buf_char(b, c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(b, "\\u%04x", c);
		} else if (k == 0) {
			buf_text(b, "\xEF\xBF\xBD");
			k = 1;
		} else {
			buf_put(b, s.p + i, k);
		}
		i += k;
	}
	buf_char(b, '"');
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = 0;
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}
