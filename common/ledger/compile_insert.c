/* A rule that is one `INSERT … VALUES (…)` as one `INSERT … SELECT` over a run: the backlog below the window,
 * where no images are kept, costs a third of the loop that way.
 *
 * It must do what the loop does, so it is made only of what can't tell the two apart: each row of VALUES
 * comes from its event and from built-in functions alone (PostgreSQL is asked, by a view that is rolled
 * back), the rest of the text reads nothing, and the table has no triggers, rules or defaults of the
 * application's and no foreign key to itself. What only the data can tell apart (one key twice in a DO
 * UPDATE that compile_ranks.c can't take apart, a poison event) raises, and the loop does the run. */
#include "common/app/sqlscan.h"
#include "common/ledger/compile_in.h"

struct scan {
	struct scalar s;
	struct sql_token t;
};

/* The next token that is no comment. */
static bool next(struct scan *c)
{
	while (sql_next(&c->s, &c->t))
		if (c->t.kind != SQL_COMMENT)
			return true;
	return false;
}

static bool is(const struct scan *c, const char *word)
{
	return sql_is(&c->s, &c->t, word);
}

static struct str between(const struct scan *c, size_t from, size_t to)
{
	return (struct str){c->s.text.p + from, to - from};
}

/* Behind the parenthesis that opens at the token; *end: where the one that closes it stands. */
static bool close(struct scan *c, size_t *end)
{
	int depth = 1;
	while (depth && next(c)) {
		depth += is(c, "(") - is(c, ")");
		*end = c->t.from;
	}
	return depth == 0;
}

/* INSERT INTO name … VALUES ( … ) and nothing, or ON CONFLICT, behind it. */
static bool cut(struct insert *in, const char *text)
{
	struct scan c = {.s = {.text = str_of(text)}};
	size_t end = 0, name;
	if (!next(&c) || !is(&c, "insert") || !next(&c) || !is(&c, "into") || !next(&c))
		return false;
	name = c.t.from;
	in->table = between(&c, name, c.t.to);
	if (!next(&c))
		return false;
	if (is(&c, ".")) {
		if (!next(&c))
			return false;
		in->table = between(&c, name, c.t.to);
		if (!next(&c))
			return false;
	}
	if (is(&c, "as") && (!next(&c) || !next(&c)))
		return false;
	for (bool columns = false; !is(&c, "values"); columns = true) {
		size_t from = c.t.to;
		if (columns || !is(&c, "(") || !close(&c, &end)) /* SELECT, OVERRIDING, DEFAULT VALUES: the loop */
			return false;
		in->columns = between(&c, from, end);
		if (!next(&c))
			return false;
	}
	in->head = between(&c, 0, c.t.from);
	if (!next(&c) || !is(&c, "("))
		return false;
	size_t from = c.t.to;
	if (!close(&c, &end))
		return false;
	in->values = between(&c, from, end);
	in->tail = between(&c, end + 1, c.s.text.n);
	return !next(&c) || is(&c, "on");
}

/* VALUES: no DEFAULT, which a SELECT can't say. Subqueries and functions are seen by PostgreSQL. */
static bool values_fit(const struct insert *in)
{
	struct scan c = {.s = {.text = in->values}};
	while (next(&c))
		if (is(&c, "default"))
			return false;
	return true;
}

static bool in_list(const struct scan *c, const char *const *words)
{
	for (; *words; words++)
		if (is(c, *words))
			return true;
	return false;
}

/* Behind VALUES nothing of the event can be named any more (PostgreSQL refuses it), and nothing may be read:
 * what stands before a parenthesis is a key word, an operator, or a function that looks at its arguments
 * only. */
static bool tail_fits(const struct insert *in)
{
	static const char *const plain[] = {"conflict", "set", "where", "and", "or", "not", "in", "when", "then",
		"else", "case", "constraint", "cast", "coalesce", "greatest", "least", "nullif", "lower", "upper",
		"abs", "round", NULL};
	struct scan c = {.s = {.text = in->tail}};
	bool may_open = true;
	while (next(&c)) {
		if (is(&c, "select") || is(&c, "values") || is(&c, "returning") || (is(&c, "(") && !may_open))
			return false;
		may_open = c.t.kind == SQL_OTHER ? !is(&c, ")") && !is(&c, "]") : in_list(&c, plain);
	}
	return true;
}

static bool asks(struct compiler *k, const char *before, const char *query)
{
	return text_is(sql_answer(k, before, query), "t");
}

static bool values_are_of_the_event(const struct insert *in, const char *events)
{
	struct compiler *k = in->k;
	const char *view = arena_printf(&k->mem,
		"CREATE TEMP VIEW fairlead_probe AS SELECT 1 AS x FROM %s e WHERE ROW(%.*s) IS NULL", events,
		(int)in->values.n, in->values.p);
	const char *query = arena_printf(&k->mem,
		"SELECT NOT EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass "
		"AND d.objid "
		"= r.oid WHERE r.ev_class = 'pg_temp.fairlead_probe'::regclass AND NOT (d.refclassid = "
		"'pg_class'::regclass AND "
		"d.refobjid IN (%s::regclass, 'pg_temp.fairlead_probe'::regclass)))",
		quote(k, events));
	return asks(k, view, query);
}

static bool table_is_plain(const struct insert *in)
{
	struct compiler *k = in->k;
	const char *query = arena_printf(&k->mem,
		"SELECT c.relkind = 'r' AND NOT c.relhasrules AND NOT c.relispartition AND NOT c.relhassubclass"
		" AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND "
		"t.tgname !~ "
		"'^zz_fairlead_')"
		" AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = c.oid AND (f.confrelid = c.oid OR "
		"f.contype = "
		"'t'))"
		" AND NOT EXISTS (SELECT FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass "
		"AND d.objid = "
		"a.oid AND d.refclassid = 'pg_proc'::regclass WHERE a.adrelid = c.oid)"
		" FROM pg_class c WHERE c.oid = to_regclass(%s)",
		quote_str(k, in->table));
	return asks(k, NULL, query);
}

static bool updates(const struct insert *in)
{
	struct scan c = {.s = {.text = in->tail}};
	while (next(&c))
		if (is(&c, "update"))
			return true;
	return false;
}

/* Which events of the run the rule is about, behind the bounds of the run. */
static const char *filters(struct compiler *k, const struct rule_decl *r, const struct scope *sc)
{
	struct buf b = {0};
	buf_text(&b, r->late_apply ? "" : " AND NOT e._late");
	for (size_t i = 0; i < r->nwhere; i++) {
		const struct name *n = scope_find(sc, str_of(arena_printf(&k->mem, "args.%s", r->where[i].field)));
		if (n) /* as where_code: what is not known to differ stays */
			buf_printf(&b, " AND (%s) IS NOT TRUE", steps_where(k, &r->where[i], n));
	}
	const char *text = arena_textn(&k->mem, b.p, b.n);
	buf_fini(&b);
	return text;
}

const char *insert_text(const struct insert *in, const char *from, const char *order)
{
	return arena_printf(&in->k->mem, "%.*sSELECT %.*s\nFROM %s ORDER BY %s %.*s", (int)in->head.n, in->head.p,
		(int)in->values.n, in->values.p, from, order, (int)in->tail.n, in->tail.p);
}

const char *insert_events(const struct insert *in, const char *from, const char *to)
{
	return arena_printf(
		&in->k->mem, "%s e WHERE e._seq > %s AND e._seq <= %s%s", in->events, from, to, in->filters);
}

bool insert_of_run(struct body *b, const struct rule_decl *r, const struct event_decl *ev, const char *events,
	struct run_insert *out)
{
	struct compiler *k = b->k;
	struct insert in = {.k = k, .events = events};
	struct scope sc = {0};
	struct prepared p;
	size_t before = k->ps->n;
	if (r->each || r->nsteps != 1 || r->steps[0].kind != STEP_SQL)
		return false;
	scope_event(k, &sc, ev, "e");
	bool prepared = sql_prepare(k, r->steps[0].sql, &sc, &p) && k->ps->n == before;
	k->ps->n = before; /* the code of the loop says what is wrong, once */
	if (!prepared || p.ncols || !cut(&in, p.text) || !values_fit(&in) || !tail_fits(&in) ||
		!table_is_plain(&in) || !values_are_of_the_event(&in, events))
		return false;
	in.filters = filters(k, r, &sc);
	/* literals take the type of their column in another way there: PostgreSQL says whether it is one */
	if (!sql_prepares(k, insert_text(&in, insert_events(&in, "0", "0"), "e._seq")))
		return false;
	*out = (struct run_insert){.table = quote_str(k, in.table), .look = "", .sure = !updates(&in)};
	out->act = arena_printf(
		&k->mem, "%s;\n", insert_text(&in, insert_events(&in, "_fl.v_from", "_fl.hi"), "e._seq"));
	insert_by_ranks(b, &in, out);
	return true;
}
