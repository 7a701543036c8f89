#include "common/app/sqltext.h"
#include "common/app/sqlscan.h"
#include "common/app/template.h"
#include "common/base/err.h"

#include <strings.h>

struct cutting {
	const struct scalar *s;
	struct problems *ps;
	struct sql_part *parts;
	size_t n, from; /* from: where the piece of text that is being read began */
};

static void put(struct cutting *c, enum sql_part_kind kind, struct str text, struct pos at)
{
	if (text.n || kind != SQL_TEXT)
		c->parts[c->n++] = (struct sql_part){kind, text, at};
}

static void put_text(struct cutting *c, size_t to, size_t next)
{
	put(c, SQL_TEXT, (struct str){c->s->text.p + c->from, to - c->from}, scalar_pos(c->s, c->from, to));
	c->from = next;
}

/* ":" at t: a name, or nothing of ours (a slice with blanks, an operator). */
static void cut_name(struct cutting *c, const struct sql_token *t)
{
	struct str text = c->s->text;
	size_t n = name_length(text, t->from + 1), end = t->from + 1 + n;
	if (n == 0)
		return;
	struct pos at = scalar_pos(c->s, t->from, end);
	char before = t->from ? text.p[t->from - 1] : ' ';
	if (sql_word_char(before) || before == ')' || before == ']') {
		problem_add(
			c->ps, at, "a name straight behind \"%c\"; a slice is written a[1 : n], a cast x::text", before);
		return;
	}
	if (end + 1 < text.n && text.p[end] == '.' && sql_word_char(text.p[end + 1]) &&
		memchr(text.p + t->from, '.', n)) {
		problem_add(c->ps, at, "a name has one member, as :tx.hash; JSON below it is taken apart by SQL");
		return;
	}
	put_text(c, t->from, end);
	put(c, SQL_NAME, (struct str){text.p + t->from + 1, n}, at);
}

/* ${VAR} at byte i: a bound value outside quotes, an error inside them. $${ inside quotes is ${. */
static void cut_var(struct cutting *c, const struct var_part *v, bool quoted)
{
	if (!v->name.n) {
		if (quoted)
			put_text(c, v->from + 1, v->from + 2);
		return;
	}
	struct pos at = scalar_pos(c->s, v->from, v->to);
	if (quoted)
		problem_add(c->ps, at, "${%.*s} inside quotes; it is a bound value in SQL: take the quotes away",
			(int)v->name.n, v->name.p);
	put_text(c, v->from, v->to);
	put(c, SQL_VALUE, v->value, at);
}

/* The parts inside a quote. The $$ that opens or closes a quote is no part of ours, even before a brace. */
static void cut_vars_in(struct cutting *c, const struct sql_token *t)
{
	size_t from = t->from + (t->kind == SQL_STRING && c->s->text.p[t->from] == '$');
	if (t->kind == SQL_COMMENT)
		return;
	for (size_t i = 0; i < c->s->nvars; i++)
		if (c->s->vars[i].from >= from && c->s->vars[i].to <= t->to)
			cut_var(c, &c->s->vars[i], true);
}

static void check_first(struct cutting *c, const struct sql_token *t)
{
	static const char *const words[] = {
		"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "WITH", NULL};
	char word[24] = "";
	size_t n = t->to - t->from;
	memcpy(word, c->s->text.p + t->from, n < sizeof word ? n : sizeof word - 1);
	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(word, words[i]) == 0)
			return;
	const char *near = t->kind == SQL_WORD ? nearest_word(word, words) : NULL;
	problem_add(c->ps, scalar_pos(c->s, t->from, t->to),
		"SQL begins with SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES or WITH%s%s%s",
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	problem_near(c->ps, near);
}

static void check_token(struct cutting *c, const struct sql_token *t, bool ended)
{
	struct pos at = scalar_pos(c->s, t->from, t->to);
	if (ended && t->kind != SQL_COMMENT)
		problem_add(c->ps, at, "a second statement; one sql holds one statement");
	if (t->open)
		problem_add(c->ps, at, "%s",
			t->kind == SQL_COMMENT ? "a comment that is not closed" : "a quote that is not closed");
	if (t->kind == SQL_DOLLAR)
		problem_add(c->ps, at, "SQL takes names, not $1: write :name");
}

/* Reads the whole text; *reads_only as in the header. Returns where the statement ends (before its
 * semicolon). */
static size_t cut(struct cutting *c, bool *reads_only)
{
	struct sql_token t = {0};
	size_t end = c->s->text.n;
	bool begun = false, ended = false, writes = false, with = false;
	while (sql_next(c->s, &t)) {
		bool again = ended && c->ps->n;
		if (!ended || t.kind != SQL_COMMENT)
			check_token(c, &t, ended && t.kind != SQL_SEMICOLON);
		if (ended && (t.kind != SQL_COMMENT || again))
			break;
		if (t.kind == SQL_SEMICOLON) {
			end = t.from;
			ended = true;
			continue;
		}
		if (!begun && t.kind != SQL_COMMENT && !sql_is(c->s, &t, "(")) {
			begun = true;
			check_first(c, &t);
			with = sql_is(c->s, &t, "WITH");
			writes = !with && !sql_is(c->s, &t, "SELECT") && !sql_is(c->s, &t, "VALUES");
		}
		if (with && (sql_is(c->s, &t, "INSERT") || sql_is(c->s, &t, "UPDATE") || sql_is(c->s, &t, "DELETE") ||
						sql_is(c->s, &t, "MERGE")))
			writes = true;
		if (t.kind == SQL_COLON)
			cut_name(c, &t);
		else if (t.kind == SQL_VAR)
			cut_var(c, scalar_var(c->s, t.from), false);
		else
			cut_vars_in(c, &t);
	}
	if (!begun)
		problem_add(c->ps, c->s->at, "SQL that says nothing");
	*reads_only = !writes;
	return end;
}

const struct sqltext *sqltext_parse(struct arena *a, const struct scalar *s, struct problems *ps)
{
	size_t before = ps->n;
	size_t max = 2; /* a part needs a ":" or a "$", and text before it */
	for (size_t i = 0; i < s->text.n; i++)
		max += s->text.p[i] == ':' || s->text.p[i] == '$' ? 2 : 0;
	struct cutting c = {s, ps, arena_alloc(a, max * sizeof(struct sql_part)), 0, 0};
	struct sqltext *out = arena_alloc(a, sizeof *out);
	size_t end = cut(&c, &out->reads_only);
	if (ps->n != before)
		return NULL;
	put_text(&c, end, end);
	out->at = s->at;
	out->source = s->text;
	out->places = s->places;
	out->parts = c.parts;
	out->nparts = c.n;
	return out;
}

void sqltext_numbered(const struct sqltext *s, struct buf *out, size_t *params, size_t max, size_t *nparams)
{
	*nparams = 0;
	for (size_t i = 0; i < s->nparts; i++) {
		if (s->parts[i].kind == SQL_TEXT) {
			buf_str(out, s->parts[i].text);
			continue;
		}
		must(*nparams < max);
		params[(*nparams)++] = i;
		buf_printf(out, "$%zu", *nparams);
	}
}

struct pos sqltext_pos(const struct sqltext *s, size_t offset)
{
	struct scalar scalar = {.at = s->at, .text = s->source, .places = s->places};
	size_t numbered = 0;
	for (size_t i = 0; i < s->nparts; i++) {
		const struct sql_part *p = &s->parts[i];
		char number[24];
		size_t n = p->text.n;
		if (p->kind != SQL_TEXT)
			n = (size_t)snprintf(number, sizeof number, "$%zu", ++numbered);
		if (offset < n && p->kind != SQL_TEXT)
			return p->at;
		if (offset < n || (i + 1 == s->nparts && p->kind == SQL_TEXT)) {
			size_t from = (size_t)(p->text.p - s->source.p) + (offset < n ? offset : n), to = from;
			while (to < s->source.n && sql_word_char(s->source.p[to]))
				to++;
			return scalar_pos(&scalar, from, to > from ? to : from + 1);
		}
		offset -= n;
	}
	return s->at;
}
