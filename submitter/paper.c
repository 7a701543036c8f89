#include "submitter/paper.h"

#include "common/base/sentence.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_MAX = 100, WIDTH_MIN = 40 };

struct paper paper_of_stdout(struct buf *out, int64_t now_ms)
{
	struct paper p = {.out = out, .now_ms = now_ms};
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return p;
	p.color = !getenv("NO_COLOR");
	p.width = WIDTH_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN && size.ws_col < WIDTH_MAX)
		p.width = size.ws_col;
	return p;
}

/* The 16 named colours, so that the user's theme rules. */
static const char *code_of(const char *tone)
{
	static const char *const codes[][2] = {{"sea", "\033[1;36m"}, {"wait", "\033[1;33m"},
		{"stop", "\033[1;31m"}, {"gone", "\033[1;35m"}, {"good", "\033[1;32m"}};
	for (size_t i = 0; tone && i < sizeof codes / sizeof *codes; i++)
		if (text_is(codes[i][0], tone))
			return codes[i][1];
	return "\033[1m";
}

/* Columns of a text: characters, each one wide. */
static size_t columns(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Words of plain text from column *at on, broken before `width`. */
static void put_words(struct paper *p, struct str s, size_t *at, size_t indent)
{
	for (size_t i = 0; i < s.n;) {
		const char *end = memchr(s.p + i, ' ', s.n - i);
		struct str word = {s.p + i, end ? (size_t)(end - s.p) - i : s.n - i};
		size_t wide = columns(word);
		if (word.n && p->width && *at > indent && *at + 1 + wide > p->width) {
			buf_printf(p->out, "\n%*s", (int)indent, "");
			*at = indent;
		} else if (word.n && *at > indent) {
			buf_char(p->out, ' ');
			++*at;
		}
		buf_str(p->out, word);
		*at += wide;
		i += word.n + 1;
	}
}

void paper_put(
	struct paper *p, const char *margin, const char *tone, const char *head, struct str rich, size_t indent)
{
	struct buf plain = {0};
	size_t at = columns(str_of(margin));
	sentence_plain(&plain, rich, p->now_ms, "");
	for (size_t i = 0; i < plain.n; i++) /* a node's words stay on their line */
		plain.p[i] = (unsigned char)plain.p[i] < ' ' ? ' ' : plain.p[i];
	if (p->color && *margin)
		buf_printf(p->out, "\033[2m%s\033[0m", margin);
	else
		buf_text(p->out, margin);
	for (; at < indent && *margin; at++)
		buf_char(p->out, ' ');
	if (*head) {
		if (p->color)
			buf_text(p->out, code_of(tone));
		buf_text(p->out, head);
		if (p->color)
			buf_text(p->out, "\033[0m");
		at += columns(str_of(head));
	}
	if (plain.n)
		put_words(p, (struct str){plain.p, plain.n}, &at, indent);
	buf_char(p->out, '\n');
	buf_fini(&plain);
}
