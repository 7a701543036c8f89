/* publish: in a rule becomes an INSERT into fairlead.message (sql/017) in the transaction of the run, and a
 * row of fairlead.topic that says what may come.
 *
 * `cause` is the event's number; `stood` is where a reorg takes the message back from (A2): the event's
 * number, or where the lane stands for what had waited; null below the floor, and for what only happened. A
 * rule at: final publishes what is final once, whatever its position does (message_final). */
#include "common/ledger/compile_in.h"

enum { PAIRS = 40 }; /* a function of PostgreSQL takes 100 arguments */

/* One member of a JSON object that is made: its path by dots, the SQL of its value, its JSON Schema. */
struct member {
	const char *path, *value, *schema;
};
struct object {
	struct compiler *k;
	struct member *m;
	size_t n;
};

const char *template_sql(struct compiler *k, const struct template *t, const struct scope *sc)
{
	struct buf b = {0};
	for (size_t i = 0; i < t->n; i++) {
		const struct template_part *p = &t->parts[i];
		const struct name *n = p->is_name ? scope_find(sc, p->text) : NULL;
		buf_text(&b, i ? " || " : "");
		if (n)
			buf_printf(&b, "coalesce(%s, '')", cast_text(k, n->expr, n->type));
		else
			buf_text(&b, p->is_name ? "''" : quote_str(k, p->text));
		if (p->is_name && !n)
			scope_unknown(k, sc, p->text, p->at);
	}
	const char *text = arena_textn(&k->mem, b.n ? b.p : "''", b.n ? b.n : 2);
	buf_fini(&b);
	return text;
}

/* As it was written: "lock:{lockId}". */
static const char *template_text(struct compiler *k, const struct template *t)
{
	struct buf b = {0};
	for (size_t i = 0; i < t->n; i++)
		buf_printf(&b, t->parts[i].is_name ? "{%.*s}" : "%.*s", (int)t->parts[i].text.n, t->parts[i].text.p);
	const char *text = arena_textn(&k->mem, b.p ? b.p : "", b.n);
	buf_fini(&b);
	return text;
}

/* ── values as GRAMMAR §10 writes them in JSON ── */

const char *value_json_sql(struct compiler *k, const char *expr, Oid type)
{
	if (type == type_oid(k, "numeric"))
		return arena_printf(&k->mem, "(%s)::text", expr);
	if (type == type_oid(k, "numeric[]"))
		return arena_printf(&k->mem, "to_jsonb(CAST(%s AS text[]))", expr);
	if (type == type_oid(k, "bytea"))
		return arena_printf(&k->mem, "'0x' || encode(%s, 'hex')", expr);
	if (type == type_oid(k, "timestamp with time zone"))
		return arena_printf(
			&k->mem, "to_char((%s) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')", expr);
	return expr;
}

static const char *item_schema(struct compiler *k, Oid type)
{
	static const struct {
		const char *type, *schema;
	} all[] = {
		{"smallint", "{\"type\":[\"integer\",\"null\"]}"},
		{"integer", "{\"type\":[\"integer\",\"null\"]}"},
		{"bigint", "{\"type\":[\"integer\",\"null\"]}"},
		{"real", "{\"type\":[\"number\",\"null\"]}"},
		{"double precision", "{\"type\":[\"number\",\"null\"]}"},
		{"numeric", "{\"type\":[\"string\",\"null\"],\"format\":\"decimal\"}"},
		{"boolean", "{\"type\":[\"boolean\",\"null\"]}"},
		{"timestamp with time zone", "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"},
		{"bytea", "{\"type\":[\"string\",\"null\"],\"pattern\":\"^0x([0-9a-f]{2})*$\"}"},
		{"uuid", "{\"type\":[\"string\",\"null\"],\"format\":\"uuid\"}"},
		{"json", "{}"},
		{"jsonb", "{}"},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (text_is(type_text(k, type), all[i].type))
			return all[i].schema;
	return "{\"type\":[\"string\",\"null\"]}";
}

static const char *schema_of(struct compiler *k, Oid type)
{
	if (!type_is_array(k, type))
		return item_schema(k, type);
	const char *text = type_text(k, type);
	const char *item = arena_textn(&k->mem, text, strlen(text) - 2); /* "numeric[]" */
	return arena_printf(
		&k->mem, "{\"type\":[\"array\",\"null\"],\"items\":%s}", item_schema(k, type_oid(k, item)));
}

/* ── objects ── */

static void add(struct object *o, const char *path, const char *value, const char *schema)
{
	o->m[o->n++] = (struct member){path, value, schema};
}

static void add_value(struct object *o, const char *path, const char *expr, Oid type)
{
	add(o, path, value_json_sql(o->k, expr, type), schema_of(o->k, type));
}

static const char *segment(struct compiler *k, const char *path, const char **rest)
{
	const char *dot = strchr(path, '.');
	*rest = dot ? dot + 1 : NULL;
	return dot ? arena_textn(&k->mem, path, (size_t)(dot - path)) : path;
}

/* The members below one name of o. */
static struct object below(const struct object *o, const char *name)
{
	struct object in = {o->k, arena_alloc(&o->k->mem, (o->n + 1) * sizeof *in.m), 0};
	for (size_t i = 0; i < o->n; i++) {
		const char *rest, *first = segment(o->k, o->m[i].path, &rest);
		if (rest && text_is(first, name))
			add(&in, rest, o->m[i].value, o->m[i].schema);
	}
	return in;
}

static bool is_first(const struct object *o, size_t i, const char *name)
{
	for (size_t j = 0; j < i; j++) {
		const char *rest;
		if (text_is(segment(o->k, o->m[j].path, &rest), name))
			return false;
	}
	return true;
}

static void object_sql(const struct object *o, struct buf *out)
{
	size_t n = 0;
	buf_text(out, "jsonb_build_object(");
	for (size_t i = 0; i < o->n; i++) {
		const char *rest, *name = segment(o->k, o->m[i].path, &rest);
		if (rest && !is_first(o, i, name))
			continue;
		if (n && n % PAIRS == 0)
			buf_text(out, ") || jsonb_build_object(");
		else if (n)
			buf_text(out, ", ");
		n++;
		buf_printf(out, "%s, ", quote(o->k, name));
		if (rest) {
			struct object in = below(o, name);
			object_sql(&in, out);
		} else {
			buf_text(out, o->m[i].value);
		}
	}
	buf_char(out, ')');
}

static void object_schema(const struct object *o, struct buf *out)
{
	struct buf need = {0};
	bool first = true;
	buf_text(out, "{\"type\":\"object\",\"properties\":{");
	for (size_t i = 0; i < o->n; i++) {
		const char *rest, *name = segment(o->k, o->m[i].path, &rest);
		if (rest && !is_first(o, i, name))
			continue;
		buf_text(out, first ? "" : ",");
		buf_json(out, str_of(name));
		buf_char(out, ':');
		buf_text(&need, first ? "" : ",");
		buf_json(&need, str_of(name));
		if (rest) {
			struct object in = below(o, name);
			object_schema(&in, out);
		} else {
			buf_text(out, o->m[i].schema);
		}
		first = false;
	}
	buf_printf(out, "},\"required\":[%s]}", need.n ? need.p : "");
	buf_fini(&need);
}

/* ── the event itself ── */

static void add_name(struct object *o, const struct publishing *p, const char *path, const char *name)
{
	const struct name *n = scope_find(p->sc, str_of(name));
	if (n)
		add_value(o, path, n->expr, n->type);
}

/* `event` of an event rule is made by scope_event; its schema by the same fields. */
static void event_members(struct object *o, const struct publishing *p)
{
	struct compiler *k = o->k;
	const struct abi_entry *e = p->ev->entry;
	for (size_t i = 0; i < e->nin; i++) {
		const char *name = arena_printf(&k->mem, "args.%s", e->in[i].name);
		add_name(o, p, name, name);
	}
	static const struct {
		const char *path, *name;
	} rest[] = {{"name", "event.name"}, {"contract", "event.contract"}, {"seq", "event.seq"},
		{"source", "event.source"}, {"tx", "tx.hash"}, {"log", "log.index"}, {"block", "block.number"},
		{"time", "block.time"}};
	for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
		add_name(o, p, rest[i].path, rest[i].name);
}

/* What only happened: its name, and all that is known of it; names of an item stand in args. */
static void happened_members(struct object *o, const struct publishing *p)
{
	struct compiler *k = o->k;
	static const struct {
		const char *path, *name;
	} known[] = {{"tx", "tx.hash"}, {"from", "tx.from"}, {"status", "tx.status"}, {"error", "tx.error"},
		{"block", "block.number"}, {"hash", "block.hash"}, {"time", "block.time"}};
	add(o, "name", quote(k, p->title), "{\"type\":\"string\"}");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		add_name(o, p, known[i].path, known[i].name);
	for (size_t i = 0; i < p->own; i++)
		if (!strchr(p->sc->list[i].name, '.') && !text_is(p->sc->list[i].name, "found"))
			add_name(o, p, arena_printf(&k->mem, "args.%s", p->sc->list[i].name), p->sc->list[i].name);
	add_name(o, p, "found", "found");
}

/* ── data: of a SELECT ── */

/* A key and the beginning of another: "a" beside "a.b". */
static const char *clash(const struct object *o)
{
	for (size_t i = 0; i < o->n; i++)
		for (size_t j = 0; j < o->n; j++) {
			size_t n = strlen(o->m[i].path);
			if (strncmp(o->m[j].path, o->m[i].path, n) == 0 && o->m[j].path[n] == '.')
				return o->m[i].path;
		}
	return NULL;
}

static bool row_members(struct object *o, const struct prepared *q, const char *row, struct pos at)
{
	struct compiler *k = o->k;
	if (!sql_columns_ok(k, q, at))
		return false;
	for (size_t i = 0; i < q->ncols; i++) {
		const char *name = q->cols[i].name;
		size_t n = strlen(name);
		if (*name == '_' || *name == '.' || !n || name[n - 1] == '.' || strstr(name, "..")) {
			problem_add(k->ps, at, "the column %s can't be a key of a message; give it another name", name);
			return false;
		}
		if (name[n - 1] == '!') /* "total!": never null; it is said of answers */
			name = arena_textn(&k->mem, name, n - 1);
		add_value(
			o, name, arena_printf(&k->mem, "%s.%s", row, quote_name(k, q->cols[i].name)), q->cols[i].type);
	}
	const char *both = clash(o);
	if (both)
		problem_add(
			k->ps, at, "the column %s is a value and holds others (%s.…); give it another name", both, both);
	return !both;
}

/* ── the step ── */

static void insert(struct body *b, const struct publishing *p, const char *data)
{
	static const char *const stood[] = {
		[BODY_APPLY] = "CASE WHEN _fl.cur >= _fl.f THEN _fl.cur END",
		[BODY_FINAL] = "CASE WHEN _fl.cur >= _fl.f THEN _fl.cur END",
		[BODY_UNPARK] = "greatest(_fl.v_at, _fl.f)",
		[BODY_HAPPEN] = "NULL",
		[BODY_HISTORY] = "NULL",
		[BODY_REPLAY] = "NULL",
	};
	struct compiler *k = b->k;
	buf_printf(&b->code,
		"INSERT INTO fairlead.message (topic, type, data, chain, cause, stood) VALUES (%s, %s, %s, %d, %s, "
		"%s);\n",
		template_sql(k, p->st->topic, p->sc), p->st->type ? template_sql(k, p->st->type, p->sc) : "NULL",
		data, b->chain_id, b->kind == BODY_HAPPEN ? "NULL" : "_fl.cur", stood[b->kind]);
}

/* Once a step and cause, not once a function that it stands in. */
static void describe(struct body *b, const struct publishing *p, const struct object *o)
{
	struct compiler *k = b->k;
	struct buf schema = {0};
	if (b->kind == BODY_HISTORY || b->kind == BODY_UNPARK)
		return;
	object_schema(o, &schema);
	buf_printf(&k->script,
		"INSERT INTO fairlead.topic (n, rule, topic, type, cause, final, schema) VALUES (%zu, %s, %s, %s, "
		"%s, %s, %s);\n",
		++k->topics, quote(k, p->rule->name), quote(k, template_text(k, p->st->topic)),
		p->st->type ? quote(k, template_text(k, p->st->type)) : "NULL", quote(k, p->title),
		b->kind == BODY_FINAL ? "true" : "false", quote(k, schema.p));
	buf_fini(&schema);
}

static const char *object_text(const struct object *o)
{
	struct buf b = {0};
	object_sql(o, &b);
	const char *text = arena_textn(&o->k->mem, b.p, b.n);
	buf_fini(&b);
	return text;
}

/* data: a message a row; no row, no message. */
static void of_sql(struct body *b, const struct publishing *p, struct object *o)
{
	struct compiler *k = b->k;
	struct prepared q;
	const struct sqltext *s = p->st->sql;
	const char *row = arena_printf(&k->mem, "_fl.x%d", ++b->vars);
	if (!sql_prepare_shown(k, s, p->sc, &q) || !sql_is_subquery(k, &q, s, "data of publish"))
		return;
	o->m = arena_alloc(&k->mem, (q.ncols + 1) * sizeof *o->m);
	if (!row_members(o, &q, row, s->at))
		return;
	buf_printf(&b->decl, " x%d record;", b->vars);
	buf_printf(&b->code, "FOR x%d IN %sLOOP\n", b->vars, q.text);
	insert(b, p, object_text(o));
	buf_text(&b->code, "END LOOP;\n");
}

void publish_code(struct body *b, const struct publishing *p)
{
	struct compiler *k = b->k;
	struct object o = {.k = k};
	if (b->kind == BODY_FINAL)
		buf_text(&b->code, "IF _fl.cur > _fl.told THEN\n");
	if (p->st->sql) {
		of_sql(b, p, &o);
	} else {
		o.m = arena_alloc(&k->mem, (p->sc->n + 16) * sizeof *o.m);
		if (p->ev)
			event_members(&o, p);
		else
			happened_members(&o, p);
		const struct name *event = p->ev ? scope_find(p->sc, STR("event")) : NULL;
		insert(b, p, event ? event->expr : arena_printf(&k->mem, "jsonb_strip_nulls(%s)", object_text(&o)));
	}
	if (b->kind == BODY_FINAL)
		buf_text(&b->code, "END IF;\n");
	describe(b, p, &o);
}

bool rule_publishes(const struct rule_decl *r)
{
	for (size_t i = 0; i < r->nsteps; i++)
		if (r->steps[i].kind == STEP_PUBLISH)
			return true;
	return false;
}
