#include "reconciler/page/put.h"

#include <inttypes.h>
#include <math.h>

void put_name(struct buf *b, const char *name)
{
	if (name)
		buf_printf(b, "\"%s\":", name);
}

void put_open(struct buf *b, const char *name, char bracket)
{
	put_name(b, name);
	buf_char(b, bracket);
}

void put_end(struct buf *b)
{
	if (b->n > 0 && b->p[b->n - 1] == ',')
		b->p[--b->n] = 0;
}

void put_close(struct buf *b, char bracket)
{
	put_end(b);
	buf_char(b, bracket);
	buf_char(b, ',');
}

void put_text(struct buf *b, const char *name, const char *value)
{
	put_name(b, name);
	if (value)
		buf_json(b, str_of(value));
	else
		buf_text(b, "null");
	buf_char(b, ',');
}

void put_or_null(struct buf *b, const char *name, const char *value)
{
	put_text(b, name, value && *value ? value : NULL);
}

void put_int(struct buf *b, const char *name, int64_t v)
{
	put_name(b, name);
	buf_printf(b, "%" PRId64 ",", v);
}

void put_known(struct buf *b, const char *name, int64_t v)
{
	if (v < 0)
		put_text(b, name, NULL);
	else
		put_int(b, name, v);
}

void put_bool(struct buf *b, const char *name, bool v)
{
	put_name(b, name);
	buf_text(b, v ? "true," : "false,");
}

void put_real(struct buf *b, const char *name, double v)
{
	put_name(b, name);
	if (isnan(v) || v < 0)
		buf_text(b, "null,");
	else
		buf_printf(b, "%.*f,", v < 10 ? 2 : v < 100 ? 1 : 0, v);
}

void put_vsaid(struct buf *b, const char *key, const char *value, const char *fmt, va_list ap)
{
	struct buf text = {0};
	buf_vprintf(&text, fmt, ap);
	put_open(b, NULL, '{');
	put_text(b, key, value);
	put_text(b, "text", text.p);
	put_close(b, '}');
	buf_fini(&text);
}
