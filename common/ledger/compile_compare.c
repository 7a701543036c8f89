/* The functions of a rule `every: … compare:`. read_<rule> stores what its SQL gives, in one snapshot, as
 * rows of fairlead_app.compared, so that the reconciler takes them in pages of any size. fix and missing run
 * for one row, and only if that row still stands as it was read (CHAIN S8). */
#include "common/ledger/compile_in.h"

struct compare {
	struct compiler *k;
	const struct rule_decl *r;
	struct prepared rows;
	const char *lane;
};

static const char *row_text(struct compare *t, const char *alias)
{
	struct compiler *k = t->k;
	struct buf b = {0};
	buf_text(&b, "jsonb_build_object(");
	for (size_t i = 0; i < t->rows.ncols; i++) {
		const struct column *c = &t->rows.cols[i];
		const char *value = arena_printf(&k->mem, "%s.%s", alias, quote_name(k, c->name));
		buf_printf(&b, "%s%s, %s", i ? ", " : "", quote(k, c->name), cast_text(k, value, c->type));
	}
	buf_char(&b, ')');
	const char *text = arena_textn(&k->mem, b.p, b.n);
	buf_fini(&b);
	return text;
}

static void read_function(struct compare *t)
{
	struct compiler *k = t->k;
	const char *rule = quote(k, t->r->name);
	const char *body = arena_printf(&k->mem,
		"\n#variable_conflict use_column\n<<_fl>>\nDECLARE n bigint;\nBEGIN\n"
		"PERFORM fairlead.hold(%s, p_epoch);\n"
		"DELETE FROM fairlead_app.compared c WHERE c.rule = %s;\n"
		"INSERT INTO fairlead_app.compared (rule, n, data) SELECT %s, row_number() OVER (), %s FROM (%s) "
		"_fl_q;\n"
		"GET DIAGNOSTICS n = ROW_COUNT; rows := _fl.n;\nEND ",
		t->lane, rule, rule, row_text(t, "_fl_q"), t->rows.text);
	script_function(
		k, arena_printf(&k->mem, "read_%s", t->r->name), "p_epoch bigint, OUT rows bigint", "", body);
}

static void row_scope(struct compare *t, struct scope *sc)
{
	struct compiler *k = t->k;
	sc->owner = arena_printf(&k->mem, "the row that %s compares", t->r->name);
	sc->noun = "column";
	for (size_t i = 0; i < t->rows.ncols; i++) {
		const struct column *c = &t->rows.cols[i];
		const char *text = arena_printf(&k->mem, "(p_row->>%s)", quote(k, c->name));
		scope_name_add(k, sc,
			(struct name){.name = c->name,
				.type = c->type,
				.hex = c->type == type_oid(k, "text"),
				.expr = cast_back(k, text, c->type)});
	}
}

static void chain_name(struct compare *t, struct scope *sc, const char *word, const struct abi_param *p)
{
	struct compiler *k = t->k;
	struct buf type = {0};
	abi_pg_type(&type, p);
	Oid oid = type_oid(k, type.p);
	buf_fini(&type);
	const char *text = arena_printf(&k->mem, "(p_chain->>%s)", quote(k, word));
	scope_name_add(k, sc,
		(struct name){.name = arena_printf(&k->mem, "chain.%s", word),
			.type = oid,
			.hex = oid == type_oid(k, "text"),
			.expr = cast_back(k, text, oid)});
}

static void chain_scope(struct compare *t, struct scope *sc)
{
	const struct compare_decl *cd = t->r->compare;
	for (size_t i = 0; i < cd->ncolumns; i++) {
		const struct abi_entry *fn = cd->columns[i].call.fn;
		for (size_t j = 0; fn && j < fn->nout; j++)
			if (!cd->columns[i].column || j == 0)
				chain_name(
					t, sc, cd->columns[i].column ? cd->columns[i].column : fn->out[j].name, &fn->out[j]);
	}
}

/* A condition that an index can serve: equality with each column as it was read, put together when the row is
 * known. */
static void row_stands(struct compare *t, struct buf *o)
{
	struct compiler *k = t->k;
	buf_text(o, "_fl.q := '';\n");
	for (size_t i = 0; i < t->rows.ncols; i++) {
		const struct column *c = &t->rows.cols[i];
		bool json = c->type == type_oid(k, "json") || c->type == type_oid(k, "xml");
		const char *col = arena_printf(&k->mem, "_fl_q.%s%s", quote_name(k, c->name), json ? "::text" : "");
		const char *text = arena_printf(&k->mem, "(p_row->>%s)", quote(k, c->name));
		const char *value = json ? text : cast_back(k, text, c->type);
		buf_printf(o,
			"_fl.q := _fl.q || %s || CASE WHEN %s IS NULL THEN %s ELSE %s || quote_literal((%s)::text) || %s "
			"END;\n",
			quote(k, i ? " AND " : ""), text, quote(k, arena_printf(&k->mem, "%s IS NULL", col)),
			quote(k, arena_printf(&k->mem, "%s = CAST(", col)), value,
			quote(k, arena_printf(&k->mem, " AS %s)", json ? "text" : type_text(k, c->type))));
	}
	buf_printf(o,
		"EXECUTE %s || _fl.q || ')' INTO stands;\nIF NOT _fl.stands THEN changed := 0; RETURN; END IF;\n",
		quote(k, arena_printf(&k->mem, "SELECT EXISTS (SELECT FROM (%s) _fl_q WHERE ", t->rows.text)));
}

static void repair_function(struct compare *t, const char *verb, const struct sqltext *s, bool chain)
{
	struct compiler *k = t->k;
	struct scope sc = {0};
	struct prepared p;
	struct buf o = {0};
	row_scope(t, &sc);
	if (chain)
		chain_scope(t, &sc);
	if (!sql_prepare(k, s, &sc, &p))
		return;
	if (s->reads_only) {
		problem_add(k->ps, s->at, "%s writes: INSERT, UPDATE, DELETE or MERGE", verb);
		return;
	}
	buf_printf(&o,
		"\n#variable_conflict use_column\n<<_fl>>\nDECLARE n int := 0; q text; stands bool; z "
		"record;\nBEGIN\n"
		"PERFORM fairlead.hold(%s, p_epoch);\n",
		t->lane);
	row_stands(t, &o);
	if (p.ncols)
		buf_printf(&o, "FOR z IN %sLOOP _fl.n := _fl.n + 1; END LOOP;\n", p.text);
	else
		buf_printf(&o, "%s;\nGET DIAGNOSTICS n = ROW_COUNT;\n", p.text);
	buf_text(&o, "changed := _fl.n;\nEND ");
	script_function(k, arena_printf(&k->mem, "%s_%s", verb, t->r->name),
		chain ? "p_epoch bigint, p_row jsonb, p_chain jsonb, OUT changed int"
			  : "p_epoch bigint, p_row jsonb, OUT changed int",
		"", o.p);
	buf_fini(&o);
}

void compare_functions(struct compiler *k, const struct rule_decl *r)
{
	struct compare t = {.k = k, .r = r, .lane = "'clock'"};
	struct scope none = {.owner = r->name, .noun = "name"};
	if (!sql_prepare(k, r->compare->rows, &none, &t.rows) ||
		!sql_is_subquery(k, &t.rows, r->compare->rows, "compare"))
		return;
	if (!sql_columns_ok(k, &t.rows, r->compare->rows->at))
		return;
	read_function(&t);
	if (r->compare->fix)
		repair_function(&t, "fix", r->compare->fix, true);
	if (r->compare->missing)
		repair_function(&t, "missing", r->compare->missing, false);
}
