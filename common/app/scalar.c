#include "common/app/scalar.h"

static int chars(struct str s)
{
	int n = 0;
	for (size_t i = 0; i < s.n && s.p[i] != '\n'; i++)
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	return n;
}

struct pos scalar_pos(const struct scalar *s, size_t from, size_t to)
{
	if (!s->places)
		return s->at;
	from = from > s->text.n ? s->text.n : from;
	to = to > s->text.n ? s->text.n : to;
	struct pos p = {s->at.file, s->places[from].line, s->places[from].col, 1};
	if (to <= from)
		return p;
	int last = s->places[to - 1].line == p.line ? s->places[to - 1].col - p.col + 1
												: chars((struct str){s->text.p + from, to - from});
	p.len = last < 1 ? 1 : last;
	return p;
}

const struct var_part *scalar_var(const struct scalar *s, size_t at)
{
	for (size_t i = 0; i < s->nvars; i++)
		if (s->vars[i].from == at)
			return &s->vars[i];
	return NULL;
}

struct str scalar_value(struct arena *a, const struct scalar *s)
{
	size_t n = s->text.n;
	for (size_t i = 0; i < s->nvars; i++)
		n += s->vars[i].value.n;
	char *out = arena_alloc(a, n + 1);
	size_t at = 0, from = 0;
	for (size_t i = 0; i <= s->nvars; i++) {
		size_t to = i < s->nvars ? s->vars[i].from : s->text.n;
		memcpy(out + at, s->text.p + from, to - from);
		at += to - from;
		if (i == s->nvars)
			break;
		if (s->vars[i].value.n)
			memcpy(out + at, s->vars[i].value.p, s->vars[i].value.n);
		at += s->vars[i].value.n;
		from = s->vars[i].to;
	}
	return (struct str){out, at};
}

bool scalar_is_empty(const struct scalar *s)
{
	size_t from = 0;
	for (size_t i = 0; i < s->nvars; i++) {
		if (s->vars[i].from > from || s->vars[i].value.n)
			return false;
		from = s->vars[i].to;
	}
	return from == s->text.n;
}
