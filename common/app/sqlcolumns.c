/* The columns that a statement gives, as far as its own text tells. A cheap look: where it can't be sure it
 * says so, and the compiler asks PostgreSQL. */
#include "common/app/sqlscan.h"
#include "common/app/sqltext.h"

#include <ctype.h>

struct look {
	struct arena *a;
	struct scalar s;
	struct sql_token *t; /* all tokens but comments, and a last one of no width */
	size_t n;
	const char **names;
	size_t found;
};

static bool is(const struct look *l, size_t i, const char *word)
{
	return i < l->n && sql_is(&l->s, &l->t[i], word);
}

static bool is_any(const struct look *l, size_t i, const char *const *words)
{
	for (; *words; words++)
		if (is(l, i, *words))
			return true;
	return false;
}

static void read_tokens(struct look *l)
{
	struct sql_token t = {0};
	l->t = arena_alloc(l->a, (l->s.text.n + 1) * sizeof *l->t);
	while (sql_next(&l->s, &t) && t.kind != SQL_SEMICOLON)
		if (t.kind != SQL_COMMENT)
			l->t[l->n++] = t;
}

/* Behind the bracket that opens at i. */
static size_t behind(const struct look *l, size_t i)
{
	int depth = 0;
	for (; i < l->n; i++) {
		depth += is(l, i, "(") || is(l, i, "[");
		depth -= is(l, i, ")") || is(l, i, "]");
		if (depth == 0)
			return i + 1;
	}
	return i;
}

/* The outermost SELECT that gives the rows, or RETURNING; n when there is none that this look understands. */
static size_t list_of(const struct look *l, size_t i)
{
	static const char *const lists[] = {"SELECT", "RETURNING", NULL};
	while (i < l->n && !is_any(l, i, lists)) {
		if (i == 0 && is(l, 0, "("))
			return l->n;
		i = is(l, i, "(") || is(l, i, "[") ? behind(l, i) : i + 1;
	}
	if (is(l, i, "SELECT") && i > 0)
		for (size_t k = 0; k < i; k++) /* INSERT … SELECT gives what RETURNING says */
			if (is(l, k, "INSERT") || is(l, k, "MERGE") || is(l, k, "UPDATE") || is(l, k, "DELETE"))
				return list_of(l, i + 1);
	return i;
}

/* PostgreSQL's spelling of the name at token i. */
static const char *name_of(const struct look *l, size_t i)
{
	struct str s = {l->s.text.p + l->t[i].from, l->t[i].to - l->t[i].from};
	char *out;
	if (l->t[i].kind == SQL_QUOTED) {
		if (s.n < 3 || s.p[0] != '"')
			return NULL;
		out = arena_textn(l->a, s.p + 1, s.n - 2);
		char *to = out;
		for (const char *from = out; *from; from++, to++) {
			*to = *from;
			from += from[0] == '"' && from[1] == '"';
		}
		*to = 0;
		return out;
	}
	if (l->t[i].kind != SQL_WORD || isdigit((unsigned char)*s.p))
		return NULL;
	out = arena_textn(l->a, s.p, s.n);
	for (char *p = out; *p; p++)
		*p = (char)((unsigned char)*p < 0x80 ? tolower((unsigned char)*p) : *p);
	return out;
}

static bool put(struct look *l, const char *name)
{
	if (name)
		l->names[l->found++] = name;
	return name != NULL;
}

/* One item of the list, tokens [i, end): its alias, or its own name where it is a plain column. */
static bool item(struct look *l, size_t i, size_t end)
{
	size_t last = end - 1;
	if (end <= i)
		return false;
	if (last > i && is(l, last - 1, "AS"))
		return put(l, name_of(l, last));
	if (end - i == 1 || (end - i == 3 && is(l, i + 1, ".")))
		return !is(l, last, "true") && !is(l, last, "false") && !is(l, last, "null") &&
			   put(l, name_of(l, last));
	/* a name with no AS before it: an alias only behind what ends a value, and never a word of SQL's own */
	static const char *const words[] = {"END", "NULL", "TRUE", "FALSE", "AND", "OR", "NOT", "UNKNOWN", NULL};
	bool ends_value =
		is(l, last - 1, ")") || l->t[last - 1].kind == SQL_QUOTED || l->t[last - 1].kind == SQL_STRING;
	return ends_value && !is_any(l, last, words) && l->t[last].kind != SQL_STRING && put(l, name_of(l, last));
}

/* SELECT * FROM f(…) AS t(a, b), and nothing behind it: i is at FROM. */
static bool function_columns(struct look *l, size_t i)
{
	size_t open = i + 1;
	while (open < l->n && !is(l, open, "("))
		open++;
	size_t as = behind(l, open);
	as += is(l, as, "AS");
	if (as >= l->n || !is(l, as + 1, "(") || behind(l, as + 1) != l->n || open - i > 4)
		return false;
	for (size_t k = as + 2; k + 1 < l->n; k += 2)
		if (!put(l, name_of(l, k)) || !(is(l, k + 1, ",") || is(l, k + 1, ")")))
			return false;
	return true;
}

static bool columns(struct look *l)
{
	static const char *const ends[] = {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET",
		"FETCH", "UNION", "INTERSECT", "EXCEPT", "WINDOW", "FOR", "INTO", ")", NULL};
	size_t i = list_of(l, 0);
	if (i >= l->n)
		return false;
	i++;
	i += is(l, i, "ALL") || is(l, i, "DISTINCT");
	if (is(l, i, "ON") && is(l, i + 1, "("))
		i = behind(l, i + 1);
	if (is(l, i, "*") && is(l, i + 1, "FROM"))
		return function_columns(l, i + 1);
	for (size_t from = i;;) {
		bool end = i >= l->n || is_any(l, i, ends);
		if (end || is(l, i, ",")) {
			if (!item(l, from, i))
				return false;
			from = i + 1;
		}
		if (end)
			return true;
		i = is(l, i, "(") || is(l, i, "[") ? behind(l, i) : i + 1;
	}
}

bool sqltext_columns(struct arena *a, const struct sqltext *s, const char ***names, size_t *n)
{
	struct var_part *vars = arena_alloc(a, (s->nparts + 1) * sizeof *vars);
	struct look l = {.a = a, .s = {.at = s->at, .text = s->source, .vars = vars}};
	for (size_t i = 0; i < s->nparts; i++) /* a ${VAR} is one token here too */
		if (s->parts[i].kind == SQL_VALUE) {
			const struct sql_part *before = i ? &s->parts[i - 1] : NULL,
								  *next = i + 1 < s->nparts ? &s->parts[i + 1] : NULL;
			size_t from = before && before->kind == SQL_TEXT
							  ? (size_t)(before->text.p + before->text.n - s->source.p)
							  : 0;
			size_t to = next && next->kind == SQL_TEXT ? (size_t)(next->text.p - s->source.p) : s->source.n;
			vars[l.s.nvars++] = (struct var_part){from, to, STR("v"), {"", 0}, true};
		}
	read_tokens(&l);
	l.names = arena_alloc(a, (l.n + 1) * sizeof *l.names);
	bool sure = columns(&l);
	*names = l.names;
	*n = sure ? l.found : 0;
	return sure;
}
