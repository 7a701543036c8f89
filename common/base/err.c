#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void err_put(struct err *e, enum err_class class, const char *fmt, ...)
{
	if (!e)
		return;
	char text[sizeof e->text]; /* the arguments may quote e->text itself */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(e->text, text, sizeof text);
	e->class = class;
	e->code = 0;
}

void err_prefix_put(struct err *e, const char *fmt, ...)
{
	if (!e)
		return;
	char text[sizeof e->text];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	size_t at = n < 0 ? 0 : (size_t)n < sizeof text - 3 ? (size_t)n : sizeof text - 3;
	memcpy(text + at, ": ", 3);
	at += 2;
	for (const char *was = e->text; *was && at < sizeof text - 1; was++)
		text[at++] = *was;
	text[at] = 0;
	memcpy(e->text, text, sizeof text);
}

const char *err_class_name(enum err_class class)
{
	static const char *const names[] = {"none", "transient", "rejected", "malformed"};
	return names[class];
}

void (*err_last_words)(void);

_Noreturn void err_bug(const char *file, int line, const char *expr)
{
	if (err_last_words)
		err_last_words();
	fprintf(stderr, "level=bug ev=assert at=%s:%d what=\"%s\"\n", file, line, expr);
	abort();
}
