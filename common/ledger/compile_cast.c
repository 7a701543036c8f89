#include "common/ledger/compile_in.h"

#include <stdlib.h>

static const struct pg_type *type_keep(struct compiler *k, const PGresult *r)
{
	if (k->ntypes == sizeof(k->types) / sizeof(k->types[0]))
		k->ntypes = 0; /* a cache: begin again */
	struct pg_type *t = &k->types[k->ntypes++];
	t->oid = (Oid)strtoul(PQgetvalue(r, 0, 0), NULL, 10);
	t->text = arena_text(&k->mem, PQgetvalue(r, 0, 1));
	return t;
}

static const struct pg_type *type_ask(struct compiler *k, const char *query, const char *value)
{
	const char *params[1] = {value};
	PGresult *r = PQexecParams(k->conn, query, 1, NULL, params, NULL, NULL, 0);
	const struct pg_type *t = NULL;
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		sql_failed(k, r, "asking for a type");
	else
		t = type_keep(k, r);
	PQclear(r);
	return t;
}

Oid type_oid(struct compiler *k, const char *text)
{
	for (size_t i = 0; i < k->ntypes; i++)
		if (text_is(k->types[i].text, text))
			return k->types[i].oid;
	const struct pg_type *t =
		type_ask(k, "SELECT $1::text::regtype::oid, format_type($1::text::regtype, NULL)", text);
	return t ? t->oid : 0;
}

const char *type_text(struct compiler *k, Oid oid)
{
	for (size_t i = 0; i < k->ntypes; i++)
		if (k->types[i].oid == oid)
			return k->types[i].text;
	const struct pg_type *t =
		type_ask(k, "SELECT $1::oid, format_type($1::oid, NULL)", arena_printf(&k->mem, "%u", oid));
	return t ? t->text : "text";
}

static bool ends_in_brackets(const char *s)
{
	size_t n = strlen(s);
	return n > 2 && s[n - 2] == '[' && s[n - 1] == ']';
}

bool type_is_array(struct compiler *k, Oid oid)
{
	return ends_in_brackets(type_text(k, oid));
}

const char *quote_str(struct compiler *k, struct str s)
{
	char *q = PQescapeLiteral(k->conn, s.n ? s.p : "", s.n);
	if (!q) { /* bytes that are no text of this connection's encoding */
		k->failed = true;
		err_put(k->e, ERR_REJECTED, "a text of the configuration can't be written as SQL: %s",
			PQerrorMessage(k->conn));
		return "NULL";
	}
	const char *kept = arena_text(&k->mem, q);
	PQfreemem(q);
	return kept;
}

const char *quote(struct compiler *k, const char *s)
{
	return quote_str(k, str_of(s));
}

const char *quote_name(struct compiler *k, const char *s)
{
	char *q = PQescapeIdentifier(k->conn, s, strlen(s));
	if (!q) {
		k->failed = true;
		err_put(k->e, ERR_REJECTED, "a name of the configuration can't be written as SQL: %s",
			PQerrorMessage(k->conn));
		return "\"\"";
	}
	const char *kept = arena_text(&k->mem, q);
	PQfreemem(q);
	return kept;
}

/* Text that is 0x… hex becomes its bytes; other text its UTF-8. */
static const char *text_to_bytea(struct compiler *k, const struct name *n)
{
	if (n->raw)
		return n->raw;
	return arena_printf(&k->mem, "fairlead_app.raw(%s, %s)", n->expr, n->hex ? "true" : "false");
}

const char *cast_as(struct compiler *k, const struct name *n, Oid to)
{
	Oid text = type_oid(k, "text"), bytea = type_oid(k, "bytea");
	if (n->type == to)
		return arena_printf(&k->mem, "(%s)", n->expr);
	if (n->type == text && to == bytea)
		return arena_printf(&k->mem, "(%s)", text_to_bytea(k, n));
	if (n->type == type_oid(k, "text[]") && to == type_oid(k, "bytea[]"))
		return arena_printf(&k->mem,
			"(ARRAY(SELECT fairlead_app.raw(_u, %s) FROM unnest(%s) WITH ORDINALITY AS _t(_u, _o) ORDER BY "
			"_o))",
			n->hex ? "true" : "false", n->expr);
	if (n->type == bytea && to == text)
		return arena_printf(&k->mem, "('0x' || encode(%s, 'hex'))", n->expr);
	return arena_printf(&k->mem, "(CAST(%s AS %s))", n->expr, type_text(k, to));
}

const char *cast_text(struct compiler *k, const char *expr, Oid from)
{
	if (from == type_oid(k, "text"))
		return arena_printf(&k->mem, "(%s)", expr);
	if (from == type_oid(k, "bytea"))
		return arena_printf(&k->mem, "('0x' || encode(%s, 'hex'))", expr);
	if (type_is_array(k, from))
		return arena_printf(&k->mem, "to_jsonb(%s)::text", expr);
	return arena_printf(&k->mem, "(%s)::text", expr);
}

const char *cast_back(struct compiler *k, const char *text, Oid to)
{
	const char *type = type_text(k, to);
	if (to == type_oid(k, "text"))
		return arena_printf(&k->mem, "(%s)", text);
	if (to == type_oid(k, "bytea"))
		return arena_printf(&k->mem, "fairlead_app.raw(%s, true)", text);
	if (!ends_in_brackets(type))
		return arena_printf(&k->mem, "CAST(%s AS %s)", text, type);
	const char *item = arena_textn(&k->mem, type, strlen(type) - 2);
	return arena_printf(&k->mem,
		"CASE WHEN %s IS NOT NULL THEN ARRAY(SELECT CAST(_u AS %s) FROM jsonb_array_elements_text(CAST(%s AS "
		"jsonb)) "
		"WITH ORDINALITY AS _t(_u, _o) ORDER BY _o) END",
		text, item, text);
}

bool cast_exists(struct compiler *k, Oid from, Oid to)
{
	if (from == to)
		return true;
	const char *q =
		arena_printf(&k->mem, "SELECT CAST(CAST(NULL AS %s) AS %s)", type_text(k, from), type_text(k, to));
	PGresult *r = PQprepare(k->conn, "", q, 0, NULL);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	if (!ok) {
		r = sql_exec(k, "ROLLBACK TO SAVEPOINT fairlead_compile");
		PQclear(r);
	}
	return ok;
}
