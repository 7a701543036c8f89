#include "common/app/template.h"

static bool first(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t word_length(struct str t, size_t i)
{
	size_t n = 0;
	if (i >= t.n || !first(t.p[i]))
		return 0;
	while (i + n < t.n && (first(t.p[i + n]) || (t.p[i + n] >= '0' && t.p[i + n] <= '9')))
		n++;
	return n;
}

size_t name_length(struct str text, size_t from)
{
	size_t n = word_length(text, from), member;
	if (n == 0 || from + n >= text.n || text.p[from + n] != '.')
		return n;
	member = word_length(text, from + n + 1);
	return member ? n + 1 + member : n;
}

struct making {
	struct arena *a;
	const struct scalar *s;
	struct problems *ps;
	struct template_part *parts;
	size_t n;
};

static void put(struct making *m, bool is_name, struct str text, struct pos at)
{
	if (text.n)
		m->parts[m->n++] = (struct template_part){is_name, text, at};
}

/* "{…" at i: appends the name; returns the byte behind it. */
static size_t braced(struct making *m, size_t i)
{
	struct str t = m->s->text;
	size_t n = name_length(t, i + 1), end = i + 1 + n;
	if (n && end < t.n && t.p[end] == '}') {
		put(m, true, (struct str){t.p + i + 1, n}, scalar_pos(m->s, i + 1, end));
		return end + 1;
	}
	const char *close = memchr(t.p + i, '}', t.n - i);
	end = close ? (size_t)(close - t.p) + 1 : t.n;
	problem_add(m->ps, scalar_pos(m->s, i, end),
		"between { and } stands one name, as {tokenId} or {tx.hash}; a brace is written {{");
	return end;
}

const struct template *template_parse(struct arena *a, const struct scalar *s, struct problems *ps)
{
	struct str t = s->text;
	struct template *out = arena_alloc(a, sizeof *out);
	size_t max = 2;
	for (size_t k = 0; k < t.n; k++)
		max += strchr("{}$", t.p[k]) && t.p[k] ? 2 : 0;
	struct making m = {a, s, ps, arena_alloc(a, max * sizeof *m.parts), 0};
	size_t from = 0, i = 0;
	while (i < t.n) {
		const struct var_part *v = scalar_var(s, i);
		bool brace = t.p[i] == '{' || (t.p[i] == '}' && i + 1 < t.n && t.p[i + 1] == '}');
		if (!v && !brace) {
			i++;
			continue;
		}
		put(&m, false, (struct str){t.p + from, i - from}, scalar_pos(s, from, i));
		if (v) {
			put(&m, false, v->value, scalar_pos(s, v->from, v->to));
			i = v->to;
		} else if (i + 1 < t.n && t.p[i + 1] == t.p[i]) { /* {{ and }} are one brace */
			put(&m, false, (struct str){t.p + i, 1}, scalar_pos(s, i, i + 2));
			i += 2;
		} else {
			i = braced(&m, i);
		}
		from = i;
	}
	put(&m, false, (struct str){t.p + from, i - from}, scalar_pos(s, from, i));
	*out = (struct template){s->at, m.parts, m.n};
	return out;
}
