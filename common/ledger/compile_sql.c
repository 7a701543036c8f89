#include "common/ledger/compile_in.h"

#include <stdlib.h>

enum { PARAMS_MAX = 200 };

/* One sqltext while it is prepared: parameter i stands for part params[i]. */
struct attempt {
	struct compiler *k;
	const struct sqltext *s;
	struct buf text;
	size_t params[PARAMS_MAX], n;
	const struct name *names[PARAMS_MAX]; /* NULL: a ${VAR} */
	Oid own[PARAMS_MAX];                  /* the value's own type */
	Oid declared[PARAMS_MAX];             /* what PostgreSQL is told; 0: it infers */
	PGresult *refused;                    /* the answer that matters, when it did not prepare */
};

bool sql_failed(struct compiler *k, const PGresult *r, const char *doing)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE),
			   *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY),
			   *where = PQresultErrorField(r, PG_DIAG_CONTEXT);
	if (!k->failed)
		err_put(k->e, state && strncmp(state, "42", 2) == 0 ? ERR_REJECTED : ERR_TRANSIENT, "%s: %s%s%s",
			doing, text ? text : PQerrorMessage(k->conn), where ? "; " : "", where ? where : "");
	k->failed = true;
	return false;
}

PGresult *sql_exec(struct compiler *k, const char *text)
{
	PGresult *r = PQexec(k->conn, text);
	ExecStatusType st = PQresultStatus(r);
	if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK)
		return r;
	sql_failed(k, r, "compiling the rules");
	PQclear(r);
	return NULL;
}

static bool state_is(const PGresult *r, const char *state)
{
	return text_is(PQresultErrorField(r, PG_DIAG_SQLSTATE), state);
}

/* Prepares the unnamed statement. An error takes the transaction back to the savepoint: nothing was done
 * behind it. */
static PGresult *prepare_text(struct compiler *k, const char *text, int n, const Oid *types)
{
	PGresult *r = PQprepare(k->conn, "", text, n, types);
	if (PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	if (!PQresultErrorField(r, PG_DIAG_SQLSTATE)) {
		sql_failed(k, r, "compiling the rules");
		return r;
	}
	PGresult *back = sql_exec(k, "ROLLBACK TO SAVEPOINT fairlead_compile");
	PQclear(back);
	return r;
}

static bool attempt_run(struct attempt *t)
{
	PGresult *r = prepare_text(t->k, t->text.p, (int)t->n, t->declared);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(t->refused);
	t->refused = ok ? NULL : r;
	if (ok)
		PQclear(r);
	return ok;
}

/* "could not determine data type of parameter $3": its place, from 0, or -1. Only the number is read,
 * whatever the language. */
static int undetermined(const struct attempt *t)
{
	if (!state_is(t->refused, "42P18"))
		return -1;
	const char *dollar = strchr(PQresultErrorField(t->refused, PG_DIAG_MESSAGE_PRIMARY), '$');
	unsigned long i = dollar ? strtoul(dollar + 1, NULL, 10) : 0;
	return i >= 1 && i <= t->n && !t->declared[i - 1] ? (int)i - 1 : -1;
}

static bool is_ambiguous(const struct attempt *t)
{
	static const char *const states[] = {"42P18", "42725", "42804", "42883", "42P08", NULL};
	for (size_t i = 0; states[i]; i++)
		if (state_is(t->refused, states[i]))
			return true;
	return false;
}

/* Where PostgreSQL can't choose: declare own types, then take each declaration away again that it can do
 * without: another place of the same statement may need its inferred type for its index (A6). */
static bool declare_fewest(struct attempt *t, bool hex_too)
{
	Oid before[PARAMS_MAX];
	PGresult *first = t->refused;
	t->refused = NULL;
	memcpy(before, t->declared, sizeof(before));
	for (size_t i = 0; i < t->n; i++)
		if (!t->declared[i] && (hex_too || !(t->names[i] && t->names[i]->hex)))
			t->declared[i] = t->own[i];
	if (!attempt_run(t)) {
		memcpy(t->declared, before, sizeof(before));
		/* the complaint about types that we declared is worth less than the one about the text as it stands,
		 * unless it says that no such function exists for them */
		if (hex_too && state_is(t->refused, "42883")) {
			PQclear(first);
		} else {
			PQclear(t->refused);
			t->refused = first;
		}
		return false;
	}
	PQclear(first);
	for (size_t i = 0; i < t->n && !t->k->failed; i++) {
		Oid was = t->declared[i];
		if (!was)
			continue;
		t->declared[i] = 0;
		if (!attempt_run(t))
			t->declared[i] = was;
	}
	return attempt_run(t);
}

static bool attempt_prepare(struct attempt *t)
{
	while (!attempt_run(t) && !t->k->failed) {
		int i = undetermined(t);
		if (i < 0)
			break;
		t->declared[i] = t->own[i];
	}
	if (!t->refused || t->k->failed)
		return !t->k->failed;
	return is_ambiguous(t) && (declare_fewest(t, false) || (!t->k->failed && declare_fewest(t, true)));
}

/* How many columns of what is prepared are text; -1: PostgreSQL did not say. */
static int text_columns(struct compiler *k)
{
	PGresult *d = PQdescribePrepared(k->conn, "");
	int n = PQresultStatus(d) == PGRES_COMMAND_OK ? 0 : -1;
	for (int i = 0; n >= 0 && i < PQnfields(d); i++)
		n += PQftype(d, i) == type_oid(k, "text");
	PQclear(d);
	return n;
}

/* In a list of columns PostgreSQL takes a bare :name for text. Where its own type makes a column other than
 * text it is what is shown: a number goes into JSON as a number. */
static bool show_own_types(struct attempt *t)
{
	Oid text = type_oid(t->k, "text");
	int shown = text_columns(t->k);
	for (size_t i = 0; shown > 0 && i < t->n && !t->k->failed; i++) {
		if (t->declared[i] || t->own[i] == text)
			continue;
		t->declared[i] = t->own[i];
		int now = attempt_run(t) ? text_columns(t->k) : shown;
		if (now < shown)
			shown = now;
		else
			t->declared[i] = 0;
	}
	return !t->k->failed && attempt_run(t);
}

/* Bytes in front of character `n` (from 1) of UTF-8 text. */
static size_t byte_offset(const char *s, long n)
{
	size_t i = 0;
	while (n > 1 && s[i]) {
		i++;
		while (((unsigned char)s[i] & 0xc0) == 0x80)
			i++;
		n--;
	}
	return i;
}

static void attempt_problem(struct attempt *t)
{
	const PGresult *r = t->refused;
	const char *at = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION),
			   *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY),
			   *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT),
			   *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	struct pos pos = at ? sqltext_pos(t->s, byte_offset(t->text.p, strtol(at, NULL, 10))) : t->s->at;
	problem_add(t->k->ps, pos, "PostgreSQL can't prepare this: %s%s%s%s%s", text, detail ? ". " : "",
		detail ? detail : "", hint ? ". " : "", hint ? hint : "");
}

static bool attempt_names(struct attempt *t, const struct scope *sc)
{
	bool ok = true;
	for (size_t i = 0; i < t->n; i++) {
		const struct sql_part *p = &t->s->parts[t->params[i]];
		t->own[i] = type_oid(t->k, "text");
		if (p->kind == SQL_VALUE)
			continue;
		t->names[i] = scope_find(sc, p->text);
		if (t->names[i]) {
			t->own[i] = t->names[i]->type;
		} else {
			scope_unknown(t->k, sc, p->text, p->at);
			ok = false;
		}
	}
	return ok;
}

/* The statement with each value in its place as the type that was inferred there. */
static bool put_values(struct attempt *t, const PGresult *d, struct prepared *out)
{
	struct compiler *k = t->k;
	struct buf b = {0};
	size_t i = 0, before = k->ps->n;
	for (size_t j = 0; j < t->s->nparts; j++) {
		const struct sql_part *p = &t->s->parts[j];
		if (p->kind == SQL_TEXT) {
			buf_str(&b, p->text);
			continue;
		}
		Oid to = PQparamtype(d, (int)i);
		if (p->kind == SQL_VALUE)
			buf_printf(&b, "(CAST(%s AS %s))", quote_str(k, p->text), type_text(k, to));
		else if (to != type_oid(k, "bytea") && !cast_exists(k, t->names[i]->type, to))
			problem_add(k->ps, p->at, ":%s is %s, and PostgreSQL wants %s here", t->names[i]->name,
				type_text(k, t->names[i]->type), type_text(k, to));
		else
			buf_text(&b, cast_as(k, t->names[i], to));
		i++;
	}
	buf_char(&b, '\n'); /* behind a comment that ends the text */
	out->text = arena_textn(&k->mem, b.p, b.n);
	buf_fini(&b);
	return k->ps->n == before;
}

static bool attempt_describe(struct attempt *t, struct prepared *out)
{
	struct compiler *k = t->k;
	PGresult *d = PQdescribePrepared(k->conn, "");
	if (PQresultStatus(d) != PGRES_COMMAND_OK) {
		sql_failed(k, d, "compiling the rules");
		PQclear(d);
		return false;
	}
	int n = PQnfields(d);
	struct column *cols = arena_alloc(&k->mem, ((size_t)n + 1) * sizeof(*cols));
	for (int i = 0; i < n; i++)
		cols[i] = (struct column){arena_text(&k->mem, PQfname(d, i)), PQftype(d, i)};
	out->cols = cols;
	out->ncols = (size_t)n;
	bool ok = put_values(t, d, out);
	PQclear(d);
	return ok && !k->failed;
}

static bool too_many(const struct compiler *k, const struct sqltext *s)
{
	size_t values = 0;
	for (size_t i = 0; i < s->nparts; i++)
		values += s->parts[i].kind != SQL_TEXT;
	if (values > PARAMS_MAX)
		problem_add(k->ps, s->at, "%zu names in one statement; it can hold %d", values, PARAMS_MAX);
	return values > PARAMS_MAX;
}

/* The unnamed statement is prepared afterwards, or problems were added; attempt_end frees. */
static bool attempt_begin(struct attempt *t, const struct scope *sc, bool shown)
{
	sqltext_numbered(t->s, &t->text, t->params, PARAMS_MAX, &t->n);
	t->k->cut_name = false;
	if (!attempt_names(t, sc))
		return false;
	if (attempt_prepare(t) && (!shown || show_own_types(t)))
		return true;
	if (!t->k->failed)
		attempt_problem(t);
	return false;
}

static bool attempt_end(struct attempt *t, bool ok)
{
	if (ok && t->k->cut_name)
		problem_add(t->k->ps, t->s->at, "a name in it is longer than 63 bytes; PostgreSQL would cut it");
	ok &= !t->k->cut_name;
	PQclear(t->refused);
	buf_fini(&t->text);
	return ok;
}

bool sql_prepare(struct compiler *k, const struct sqltext *s, const struct scope *sc, struct prepared *out)
{
	struct attempt t = {.k = k, .s = s};
	*out = (struct prepared){0};
	return !too_many(k, s) && attempt_end(&t, attempt_begin(&t, sc, false) && attempt_describe(&t, out));
}

bool sql_prepare_shown(
	struct compiler *k, const struct sqltext *s, const struct scope *sc, struct prepared *out)
{
	struct attempt t = {.k = k, .s = s};
	*out = (struct prepared){0};
	return !too_many(k, s) && attempt_end(&t, attempt_begin(&t, sc, true) && attempt_describe(&t, out));
}

/* ── of requests ── */

static Oid type_elem(struct compiler *k, Oid type)
{
	const char *text = type_text(k, type);
	return type_is_array(k, type) ? type_oid(k, arena_textn(&k->mem, text, strlen(text) - 2)) : 0;
}

/* Joins that can make a null of a column that is none; and what makes a column of several. */
static bool plan_keeps_nulls_out(const char *plan)
{
	static const char *const words[] = {"\"Join Type\": \"Left\"", "\"Join Type\": \"Right\"",
		"\"Join Type\": \"Full\"", "\"Join Type\": \"Anti\"", "\"Join Type\": \"Right Anti\"",
		"\"Node Type\": \"Append\"", "\"Node Type\": \"Merge Append\"", "\"Node Type\": \"SetOp\"",
		"\"Node Type\": \"Recursive Union\"", "\"Grouping Sets\"", NULL};
	for (size_t i = 0; words[i]; i++)
		if (strstr(plan, words[i]))
			return false;
	return true;
}

/* The generic plan of the attempt's statement, as JSON; NULL: it can't be had, so nothing is proved. */
static const char *generic_plan(struct attempt *t)
{
	struct buf b = {0};
	PGresult *r = PQprepare(t->k->conn, "fairlead_plan", t->text.p, (int)t->n, t->declared);
	bool good = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	buf_text(&b, "EXPLAIN (FORMAT JSON) EXECUTE fairlead_plan");
	for (size_t i = 0; i < t->n; i++)
		buf_text(&b, i ? ", NULL" : "(NULL");
	const char *plan =
		good ? sql_answer(t->k, NULL, arena_printf(&t->k->mem, "%s%s", b.p, t->n ? ")" : "")) : NULL;
	buf_fini(&b);
	PQclear(sql_exec(t->k, "DEALLOCATE ALL"));
	return plan;
}

/* A column of a table, as it stands there, that is NOT NULL. */
static bool is_not_null(struct compiler *k, Oid table, int column)
{
	const char *q = arena_printf(&k->mem,
		"SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attrelid = %u AND "
		"a.attnum = %d AND a.attnotnull AND c.relkind IN ('r', 'm')",
		table, column);
	return table && column > 0 && sql_answer(k, NULL, q);
}

static void put_shape(
	struct attempt *t, const PGresult *d, struct arena *a, const char *plan, struct sql_shape *out)
{
	struct sql_param *params = arena_alloc(a, (t->n + 1) * sizeof *params);
	struct sql_column *cols = arena_alloc(a, ((size_t)PQnfields(d) + 1) * sizeof *cols);
	for (size_t i = 0; i < t->n; i++) {
		Oid type = PQparamtype(d, (int)i);
		params[i] = (struct sql_param){&t->s->parts[t->params[i]], t->declared[i], type,
			type_elem(t->k, type), t->names[i] && t->names[i]->hex};
	}
	for (int i = 0; i < PQnfields(d); i++) {
		Oid type = PQftype(d, i);
		cols[i] = (struct sql_column){arena_text(a, PQfname(d, i)), type, type_elem(t->k, type),
			plan && is_not_null(t->k, PQftable(d, i), PQftablecol(d, i))};
	}
	*out = (struct sql_shape){
		t->s, arena_textn(a, t->text.p, t->text.n), params, t->n, cols, (size_t)PQnfields(d), 0};
}

bool sql_shape(struct compiler *k, struct arena *a, const struct sqltext *s, const struct scope *sc,
	bool prove, struct sql_shape *out)
{
	struct attempt t = {.k = k, .s = s};
	if (too_many(k, s))
		return false;
	bool ok = attempt_begin(&t, sc, true);
	PGresult *d = ok ? PQdescribePrepared(k->conn, "") : NULL;
	ok = ok && (PQresultStatus(d) == PGRES_COMMAND_OK || sql_failed(k, d, "describing a route"));
	const char *plan = ok && prove && s->reads_only ? generic_plan(&t) : NULL;
	if (ok)
		put_shape(&t, d, a, plan && plan_keeps_nulls_out(plan) ? plan : NULL, out);
	const char *cost = plan ? strstr(plan, "\"Total Cost\": ") : NULL; /* of the topmost node */
	if (ok && cost)
		out->cost = strtod(cost + strlen("\"Total Cost\": "), NULL);
	PQclear(d);
	return attempt_end(&t, ok) && !k->failed;
}

const char *sql_answer(struct compiler *k, const char *before, const char *query)
{
	PGresult *r = before ? PQexec(k->conn, before) : NULL;
	bool good = !before || PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	r = good ? PQexec(k->conn, query) : NULL;
	good = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && !PQgetisnull(r, 0, 0);
	const char *text = good ? arena_text(&k->mem, PQgetvalue(r, 0, 0)) : NULL;
	PQclear(r);
	PQclear(sql_exec(k, "ROLLBACK TO SAVEPOINT fairlead_compile"));
	return k->failed ? NULL : text;
}

bool sql_prepares(struct compiler *k, const char *text)
{
	PGresult *r = PQprepare(k->conn, "", text, 0, NULL);
	bool yes = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	PQclear(sql_exec(k, "ROLLBACK TO SAVEPOINT fairlead_compile"));
	return yes && !k->failed;
}

bool sql_is_subquery(struct compiler *k, const struct prepared *p, const struct sqltext *s, const char *what)
{
	if (s->reads_only && p->ncols > 0)
		return true;
	problem_add(k->ps, s->at, "%s is a SELECT that gives columns", what);
	return false;
}

bool sql_columns_ok(struct compiler *k, const struct prepared *p, struct pos at)
{
	size_t before = k->ps->n;
	for (size_t i = 0; i < p->ncols; i++) {
		if (text_is(p->cols[i].name, "?column?"))
			problem_add(k->ps, at, "column %zu has no name; write AS and one", i + 1);
		for (size_t j = 0; j < i; j++)
			if (text_is(p->cols[i].name, p->cols[j].name) && !text_is(p->cols[i].name, "?column?"))
				problem_add(k->ps, at, "two columns are called %s; give one another name", p->cols[i].name);
	}
	return k->ps->n == before;
}

void script_function(
	struct compiler *k, const char *name, const char *args, const char *returns, const char *body)
{
	buf_printf(&k->script,
		"CREATE FUNCTION fairlead_app.%s(%s) %s LANGUAGE plpgsql SET search_path = public, pg_catalog SET "
		"datestyle = 'ISO, "
		"YMD' SET intervalstyle = postgres SET bytea_output = hex SET extra_float_digits = 1 SET timezone = "
		"'UTC' AS %s;\n",
		quote_name(k, name), args, returns, quote(k, body));
}
