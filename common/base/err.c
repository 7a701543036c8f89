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
	char was[sizeof e->text];
	memcpy(was, e->text, sizeof was);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text)
		snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", was);
}

const char *err_class_name(enum err_class class)
{
	static const char *const names[] = {"none", "transient", "rejected", "malformed"};
	return names[class];
}

_Noreturn void err_bug(const char *file, int line, const char *expr)
{
	fprintf(stderr, "level=bug ev=assert at=%s:%d what=\"%s\"\n", file, line, expr);
	abort();
}
