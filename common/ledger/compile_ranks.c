/* INSERT … VALUES … ON CONFLICT (key) DO UPDATE over a run in which keys come back. One statement must not
 * meet a key twice, so the events are numbered by key in the order of the log: the first of every key is one
 * statement, the second of every key the next. Each key has its events in their order.
 *
 * It equals the loop where what an event does is nobody's but its key's row: PostgreSQL is asked, by a rule
 * that is rolled back, whether the statement reads anything but its event and that row, and whether a
 * function in it is volatile; the key is the table's only unique index, the SET leaves it alone, and nothing
 * else of the table can tell the order. */
#include "common/app/sqlscan.h"
#include "common/ledger/compile_in.h"

enum {
	KEY_COLUMNS = 8,
	LIST_MAX = 200,
	RANKS_MAX = 8, /* statements for one run: beyond, the loop is as fast */
};

struct list {
	struct str at[LIST_MAX];
	size_t n;
};
struct cursor {
	struct scalar s;
	struct sql_token t;
};

static bool next(struct cursor *c)
{
	while (sql_next(&c->s, &c->t))
		if (c->t.kind != SQL_COMMENT)
			return true;
	return false;
}

static bool is(const struct cursor *c, const char *word)
{
	return sql_is(&c->s, &c->t, word);
}

static struct str token(const struct cursor *c)
{
	return (struct str){c->s.text.p + c->t.from, c->t.to - c->t.from};
}

/* What stands between the commas, in no parentheses. */
static bool split(struct str text, struct list *out)
{
	struct cursor c = {.s = {.text = text}};
	size_t from = 0;
	int depth = 0;
	out->n = 0;
	while (next(&c)) {
		depth += is(&c, "(") + is(&c, "[") - is(&c, ")") - is(&c, "]");
		if (depth > 0 || !is(&c, ","))
			continue;
		if (out->n == LIST_MAX - 1)
			return false;
		out->at[out->n++] = (struct str){text.p + from, c.t.from - from};
		from = c.t.to;
	}
	out->at[out->n++] = (struct str){text.p + from, text.n - from};
	return true;
}

/* A column's name as PostgreSQL keeps it; NULL: it is more than a name. */
static const char *column_name(struct compiler *k, struct str text)
{
	struct cursor c = {.s = {.text = text}};
	if (!next(&c))
		return NULL;
	struct str t = token(&c);
	bool quoted = c.t.kind == SQL_QUOTED;
	if ((c.t.kind != SQL_WORD && !quoted) || next(&c))
		return NULL;
	char *name = arena_textn(&k->mem, t.p + quoted, t.n - 2 * (size_t)quoted);
	for (char *p = name; *p; p++) {
		if (*p == '"' || (!quoted && (unsigned char)*p >= 0x80))
			return NULL;
		if (!quoted && *p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 'a' - 'A');
	}
	return name;
}

static const char *const *names_of(struct compiler *k, const struct list *l)
{
	const char **names = arena_alloc(&k->mem, (l->n + 1) * sizeof(*names));
	for (size_t i = 0; i < l->n; i++)
		if (!(names[i] = column_name(k, l->at[i])))
			return NULL;
	return names;
}

struct upsert {
	struct list keys, columns, values, set;
	const char *const *key, *const *column;
};

/* ON CONFLICT ( … ) DO UPDATE SET …, as far as the lists of names. */
static bool cut_tail(struct str tail, struct str *keys, struct str *sets)
{
	struct cursor c = {.s = {.text = tail}};
	static const char *const behind[] = {"do", "update", "set"};
	if (!next(&c) || !is(&c, "on") || !next(&c) || !is(&c, "conflict") || !next(&c) || !is(&c, "("))
		return false;
	size_t from = c.t.to;
	while (next(&c) && !is(&c, ")"))
		;
	*keys = (struct str){tail.p + from, c.t.from - from};
	for (size_t i = 0; i < 3; i++)
		if (!next(&c) || !is(&c, behind[i]))
			return false;
	*sets = (struct str){tail.p + c.t.to, tail.n - c.t.to};
	return true;
}

/* `name = …`, and the name is none of the key. */
static bool sets_no_key(struct compiler *k, const struct upsert *u)
{
	for (size_t i = 0; i < u->set.n; i++) {
		struct cursor c = {.s = {.text = u->set.at[i]}};
		if (!next(&c))
			return false;
		const char *name = column_name(k, token(&c));
		if (!name || !next(&c) || !is(&c, "="))
			return false;
		for (size_t j = 0; j < u->keys.n; j++)
			if (strcmp(name, u->key[j]) == 0)
				return false;
	}
	return true;
}

static bool upsert_read(const struct insert *in, struct upsert *u)
{
	struct compiler *k = in->k;
	struct str keys, sets;
	if (!in->columns.n || !cut_tail(in->tail, &keys, &sets) || !split(keys, &u->keys) ||
		!split(sets, &u->set) || !split(in->columns, &u->columns) || !split(in->values, &u->values) ||
		u->columns.n != u->values.n || u->keys.n > KEY_COLUMNS)
		return false;
	u->key = names_of(k, &u->keys);
	u->column = names_of(k, &u->columns);
	return u->key && u->column && sets_no_key(k, u);
}

/* The statement reads its event and the row of its target and no other, and calls nothing that is volatile.
 */
static bool reads_its_row_only(const struct insert *in, const char *statement)
{
	struct compiler *k = in->k;
	const char *rule = arena_printf(&k->mem,
		"CREATE TEMP VIEW fairlead_probe AS SELECT 1 AS x; CREATE RULE fairlead_probe AS ON UPDATE TO "
		"pg_temp.fairlead_probe DO INSTEAD %s",
		statement);
	const char *query = arena_printf(&k->mem,
		"SELECT NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = "
		"r.oid AND (d.refclassid <> 'pg_class'::regclass OR d.refobjid NOT IN (%s::regclass, %s::regclass, "
		"'pg_temp.fairlead_probe'::regclass) OR d.refobjsubid < 0))"
		" AND NOT EXISTS (SELECT FROM regexp_matches(r.ev_action::text, ':(?:op)?funcid (\\d+)', 'g') m JOIN "
		"pg_proc p ON p.oid = m[1]::oid WHERE p.provolatile = 'v')"
		" FROM pg_rewrite r WHERE r.ev_class = 'pg_temp.fairlead_probe'::regclass AND r.rulename = "
		"'fairlead_probe'",
		quote(k, in->events), quote_str(k, in->table));
	return text_is(sql_answer(k, rule, query), "t");
}

/* Nothing of the table but its rows can tell in which order keys came. */
static bool table_forgets_order(const struct insert *in)
{
	struct compiler *k = in->k;
	const char *query = arena_printf(&k->mem,
		"SELECT NOT c.relrowsecurity"
		" AND (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR "
		"i.indisexclusion)) = 1"
		" AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = "
		"c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attidentity <> '' OR t.typtype = 'd'))"
		" AND NOT EXISTS (SELECT FROM pg_constraint f JOIN pg_depend d ON d.classid = "
		"'pg_constraint'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_proc'::regclass WHERE "
		"f.conrelid = c.oid)"
		" AND NOT EXISTS (SELECT FROM (SELECT adbin::text AS code FROM pg_attrdef WHERE adrelid = c.oid "
		"UNION ALL SELECT conbin::text FROM pg_constraint WHERE conrelid = c.oid) x CROSS JOIN LATERAL "
		"regexp_matches(x.code, ':(?:op)?funcid (\\d+)', 'g') m JOIN pg_proc p ON p.oid = m[1]::oid WHERE "
		"p.provolatile = 'v')"
		" FROM pg_class c WHERE c.oid = to_regclass(%s)",
		quote_str(k, in->table));
	return text_is(sql_answer(k, NULL, query), "t");
}

/* SQL of the key's values of event e, each in the type of its column, when the names are those of the unique
 * index and it finds equal what a hash does; sorted: to sort by, where rows of near keys lie together. */
static const char *key_of(const struct insert *in, const struct upsert *u, bool sorted)
{
	struct compiler *k = in->k;
	struct buf b = {0};
	buf_text(&b, "WITH key (name, expr) AS (VALUES ");
	for (size_t i = 0; i < u->keys.n; i++) {
		size_t j = 0;
		while (j < u->columns.n && strcmp(u->column[j], u->key[i]) != 0)
			j++;
		if (j == u->columns.n) {
			buf_fini(&b);
			return NULL;
		}
		buf_printf(&b, "%s(%s, %s)", i ? ", " : "", quote(k, u->key[i]), quote_str(k, u->values.at[j]));
	}
	buf_printf(&b,
		") SELECT string_agg(format(E'CAST((%%s\\n) AS %%s)', q.expr, q.type) || CASE WHEN %s AND "
		"q.is_text THEN ' COLLATE \"C\"' ELSE '' END, ', ' ORDER BY g.i) FROM pg_index x CROSS JOIN LATERAL "
		"generate_series(0, x.indnkeyatts - 1) g(i) LEFT JOIN LATERAL (SELECT key.expr, "
		"format_type(a.atttypid, a.atttypmod) AS type, a.attcollation <> 0 AS is_text FROM pg_attribute a "
		"JOIN key ON key.name = a.attname JOIN pg_opclass o ON o.oid = x.indclass[g.i] LEFT JOIN "
		"pg_collation n ON n.oid IN (a.attcollation, x.indcollation[g.i]) WHERE a.attrelid = x.indrelid AND "
		"a.attnum = x.indkey[g.i] AND o.opcdefault AND a.atttypid = ANY ('{text,varchar,numeric,int2,int4,"
		"int8,bytea,bool,uuid,date,timestamptz}'::regtype[]) GROUP BY 1, 2, 3 HAVING "
		"bool_and(coalesce(n.collisdeterministic, true))) q ON true WHERE x.indrelid = to_regclass(%s) AND "
		"x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL "
		"AND x.indnkeyatts = %zu HAVING bool_and(q.expr IS NOT NULL)",
		sorted ? "true" : "false", quote_str(k, in->table), u->keys.n);
	const char *sql = sql_answer(k, NULL, arena_textn(&k->mem, b.p, b.n));
	buf_fini(&b);
	return sql;
}

struct ranks {
	const char *key, *order, *seqs, *of, *most; /* variables: numbers of events · their ranks, from 2 · */
};

/* Which events come behind another of their key: asked only when there is one, which is the cheaper question.
 * A key that comes too often shortens the run. */
static const char *look_code(const struct insert *in, const struct ranks *r)
{
	const char *hash = arena_printf(&in->k->mem, "hash_record_extended(ROW(%s), 0)", r->key);
	const char *events = insert_events(in, "_fl.v_from", "_fl.hi");
	return arena_printf(&in->k->mem,
		"IF (SELECT count(*) > count(DISTINCT %s) FROM %s) THEN\n"
		"SELECT array_agg(q.s), array_agg(q.k), max(q.k), min(q.s) FILTER (WHERE q.k > %d) INTO _fl.%s, "
		"_fl.%s, _fl.%s, _fl.lim FROM (SELECT e._seq AS s, row_number() OVER (PARTITION BY %s ORDER BY "
		"e._seq) AS k FROM %s) q WHERE q.k > 1;\n"
		"IF _fl.lim - _fl.first < p_max / 4 THEN RAISE cardinality_violation; END IF;\n"
		"_fl.hi := least(_fl.hi, _fl.lim - 1);\nEND IF;\n",
		hash, events, RANKS_MAX, r->seqs, r->of, r->most, hash, events);
}

/* Planned with the list of numbers at hand, the first statement finds a number in it by a hash. */
static const char *act_code(const struct insert *in, const struct ranks *r)
{
	struct arena *mem = &in->k->mem;
	const char *all = insert_text(in, insert_events(in, "_fl.v_from", "_fl.hi"), r->order);
	const char *first = arena_printf(mem, "%s AND e._seq <> ALL ($3)", insert_events(in, "$1", "$2"));
	const char *later =
		arena_printf(mem, "unnest(_fl.%s, _fl.%s) u(s, k) JOIN %s AND e._seq = u.s AND u.k = _fl.n", r->seqs,
			r->of, arena_printf(mem, "%s e ON e._seq <= _fl.hi", in->events));
	return arena_printf(mem,
		"IF _fl.%s IS NULL THEN\n%s;\nELSE\nEXECUTE %s USING _fl.v_from, _fl.hi, _fl.%s;\n"
		"_fl.n := 2;\nWHILE _fl.n <= least(_fl.%s, %d) LOOP\n%s;\n_fl.n := _fl.n + 1;\nEND LOOP;\nEND IF;\n",
		r->most, all, quote(in->k, insert_text(in, first, r->order)), r->seqs, r->most, RANKS_MAX,
		insert_text(in, later, r->order));
}

void insert_by_ranks(struct body *b, const struct insert *in, struct run_insert *out)
{
	struct compiler *k = b->k;
	struct upsert u;
	struct ranks r;
	const char *probe = insert_text(in, insert_events(in, "0", "0"), "e._seq");
	if (!upsert_read(in, &u) || !table_forgets_order(in) || !reads_its_row_only(in, probe))
		return;
	r.key = key_of(in, &u, false);
	r.order = key_of(in, &u, true);
	if (!r.key || !r.order || !sql_prepares(k, insert_text(in, insert_events(in, "0", "0"), r.order)))
		return;
	int n = ++b->vars;
	r.seqs = arena_printf(&k->mem, "seqs%d", n);
	r.of = arena_printf(&k->mem, "ranks%d", n);
	r.most = arena_printf(&k->mem, "most%d", n);
	buf_printf(&b->decl, " %s bigint[]; %s bigint[]; %s bigint;", r.seqs, r.of, r.most);
	out->look = look_code(in, &r);
	out->act = act_code(in, &r);
	out->sure = true;
}
