#include "reconciler/view_text.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void view_ink(const struct view *v, struct buf *b, enum ink i)
{
	static const char *const codes[] = {
		"\033[0m", "\033[1m", "\033[36m", "\033[33m", "\033[1;31m", "\033[35m", "\033[2m", "\033[32m"};
	if (v->color)
		buf_text(b, codes[i]);
}

void view_put(const struct view *v, struct buf *b, enum ink i, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (i != PLAIN)
		view_ink(v, b, i);
	buf_vprintf(b, fmt, ap);
	if (i != PLAIN)
		view_ink(v, b, PLAIN);
	va_end(ap);
}

const char *view_sign(const struct view *v, const char *utf8, const char *ascii)
{
	return v->utf8 ? utf8 : ascii;
}

int view_columns(const char *s)
{
	int n = 0;
	for (; *s; s++)
		n += (*s & 0xC0) != 0x80;
	return n;
}

void view_pad(struct buf *b, int n)
{
	for (; n > 0; n--)
		buf_char(b, ' ');
}

/* Bytes of s that fill at most width columns. */
static int fitting(const char *s, int width)
{
	int at = 0, col = 0;
	for (; s[at]; at++) {
		if ((s[at] & 0xC0) != 0x80 && ++col > width)
			break;
	}
	return at;
}

void view_cell(const struct view *v, struct buf *b, enum ink i, int width, const char *s)
{
	view_put(v, b, i, "%.*s", fitting(s, width - 1), s);
	int used = view_columns(s);
	view_pad(b, width - (used < width - 1 ? used : width - 1));
}

void view_cell_right(const struct view *v, struct buf *b, enum ink i, int width, const char *s)
{
	view_pad(b, width - view_columns(s));
	view_put(v, b, i, "%.*s", fitting(s, width), s);
}

void view_words(const struct view *v, struct buf *b, int col, int indent, const char *text)
{
	for (bool first = true; *text; first = false) {
		int n = (int)strcspn(text, " ");
		int wide = 0;
		for (int k = 0; k < n; k++)
			wide += (text[k] & 0xC0) != 0x80;
		if (!first && col + 1 + wide > v->width) {
			buf_char(b, '\n');
			view_pad(b, indent);
			col = indent;
		} else if (!first) {
			buf_char(b, ' ');
			col++;
		}
		buf_put(b, text, (size_t)n);
		col += wide;
		text += n + (int)strspn(text + n, " ");
	}
}

void view_line_end(struct buf *b)
{
	while (b->n > 0 && b->p[b->n - 1] == ' ')
		b->n--;
	buf_char(b, '\n');
}

void view_fade(const struct view *v, struct buf *b, size_t from)
{
	if (!v->color)
		return;
	char *old = mem_textn(b->p + from, b->n - from);
	b->n = from;
	view_ink(v, b, DIM);
	for (const char *p = old; *p; p++) {
		if (*p == '\033')
			p += strcspn(p, "m");
		else if (*p == '\n' && p[1])
			buf_text(b, "\033[0m\n\033[2m");
		else
			buf_char(b, *p);
	}
	view_ink(v, b, PLAIN);
	free(old);
}

void view_duration(char *out, size_t size, int64_t ms)
{
	if (ms < 9950)
		snprintf(out, size, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
	else if (ms < 120000)
		snprintf(out, size, "%" PRId64 " s", ms / 1000);
	else if (ms < 7200000)
		snprintf(out, size, "%" PRId64 " min", ms / 60000);
	else
		snprintf(out, size, "%" PRId64 " h", ms / 3600000);
}

void view_grouped(char *out, size_t size, int64_t n)
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%" PRId64, n);
	size_t at = 0;
	for (int i = 0; i < len && at + 4 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0 && plain[i - 1] != '-')
			out[at++] = ' ';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

void view_clock(char out[16], int64_t unix_ms)
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;
	gmtime_r(&t, &tm);
	strftime(out, 16, "%H:%M:%S", &tm);
}
