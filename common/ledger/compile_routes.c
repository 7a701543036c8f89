/* The SQL of the routes: checked like that of the rules, and told to who serves them. */
#include "common/app/field.h"
#include "common/app/rowname.h"
#include "common/ledger/compile_in.h"

enum columns_of {
	COLUMNS_NONE,  /* for its effect */
	COLUMNS_ROW,   /* an object: _status may stand */
	COLUMNS_PLAIN, /* objects without a status */
	COLUMNS_KEYED, /* of with: _key may stand */
	COLUMNS_NAMES, /* let: they become names */
};
struct looking {
	struct compiler *k;
	const struct route_decl *r;
	struct scope sc;
	struct arena *out; /* of the shapes */
	bool prove;        /* which columns are never null */
};

static void add_name(struct looking *l, const char *name, const char *type, bool hex)
{
	scope_name_add(
		l->k, &l->sc, (struct name){.name = name, .type = type_oid(l->k, type), .expr = "NULL", .hex = hex});
}

static bool field_is_hex(const struct field_decl *f)
{
	enum field_type t = f->type == FIELD_ARRAY && f->items ? f->items->type : f->type;
	return t == FIELD_ADDRESS || t == FIELD_BYTES32 || t == FIELD_BYTES65;
}

static void add_param(struct looking *l, const char *name, const struct abi_param *p)
{
	struct buf type = {0};
	abi_pg_type(&type, p);
	const struct abi_type *t = p->type.kind == ABI_ARRAY ? p->type.item : &p->type;
	bool hex = t->kind == ABI_ADDRESS || t->kind == ABI_BYTES || t->kind == ABI_BYTESN;
	add_name(l, name, arena_textn(&l->k->mem, type.p, type.n), hex);
	buf_fini(&type);
}

/* One output is the value; several are members, and all of them a jsonb. */
static void add_call(struct looking *l, const struct call_decl *c)
{
	const struct abi_entry *fn = c->call->kind == CALL_CHAIN ? c->call->fn : NULL;
	if (!fn) {
		add_name(l, c->name, "text", true);
		return;
	}
	if (fn->nout == 1)
		add_param(l, c->name, &fn->out[0]);
	else
		add_name(l, c->name, "jsonb", false);
	bool tuple = fn->nout == 1 && fn->out[0].type.kind == ABI_TUPLE;
	const struct abi_param *of = tuple ? fn->out[0].type.fields : fn->out;
	for (size_t i = 0; i < (tuple ? fn->out[0].type.nfields : fn->nout); i++)
		if (tuple || fn->nout > 1)
			add_param(l, arena_printf(&l->k->mem, "%s.%s", c->name, of[i].name), &of[i]);
}

static void add_calls(struct looking *l, const struct call_decl *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_call(l, &calls[i]);
}

static void begin(struct looking *l)
{
	l->sc = (struct scope){.owner = l->r->key, .noun = "name"};
	for (size_t i = 0; i < l->r->nparams; i++)
		add_name(l, l->r->params[i].name, field_sql_type(&l->r->params[i]), field_is_hex(&l->r->params[i]));
	for (size_t i = 0; i < l->r->nbody; i++)
		add_name(l, l->r->body[i].name, field_sql_type(&l->r->body[i]), field_is_hex(&l->r->body[i]));
	for (const struct request_name *n = request_names; n->name; n++)
		add_name(l, n->name, n->type, false);
	add_calls(l, l->r->calls, l->r->ncalls);
}

/* Claims have any name; each is a text. */
static void add_claims(struct looking *l, const struct sqltext *s)
{
	for (size_t i = 0; i < s->nparts; i++)
		if (s->parts[i].kind == SQL_NAME && s->parts[i].text.n > 5 &&
			memcmp(s->parts[i].text.p, "auth.", 5) == 0 && !scope_find(&l->sc, s->parts[i].text))
			add_name(l, arena_textn(&l->k->mem, s->parts[i].text.p, s->parts[i].text.n), "text", false);
}

struct saying {
	struct compiler *k;
	struct pos at;
};

static void say(void *arg, const char *text)
{
	struct saying *s = arg;
	problem_add(s->k->ps, s->at, "%s", text);
}

static void check_columns(struct looking *l, const struct sql_shape *s, enum columns_of of)
{
	const char **names = arena_alloc(&l->k->mem, (s->ncolumns + 1) * sizeof *names);
	struct saying to = {l->k, s->sql->at};
	for (size_t i = 0; i < s->ncolumns; i++)
		names[i] = s->columns[i].name;
	if (s->ncolumns == 0 && of != COLUMNS_NONE)
		problem_add(l->k->ps, s->sql->at, "this gives no columns; nothing can be answered with it");
	if (of != COLUMNS_NONE && of != COLUMNS_NAMES)
		rowname_check(names, s->ncolumns, of == COLUMNS_ROW, of == COLUMNS_KEYED, say, &to);
}

static void shape(struct looking *l, const struct sqltext *sql, enum columns_of of, struct sql_shape *out)
{
	if (!sql || l->k->failed)
		return;
	add_claims(l, sql);
	if (!sql_shape(l->k, l->out, sql, &l->sc, l->prove && of != COLUMNS_NONE, out))
		return;
	check_columns(l, out, of);
}

/* The columns of a let become names. */
static void let_names(struct looking *l, const struct sql_shape *s)
{
	struct column *cols = arena_alloc(&l->k->mem, (s->ncolumns + 1) * sizeof *cols);
	struct prepared p = {.cols = cols, .ncols = s->ncolumns};
	for (size_t i = 0; i < s->ncolumns; i++)
		cols[i] = (struct column){arena_text(&l->k->mem, s->columns[i].name), s->columns[i].type};
	size_t before = l->sc.n;
	if (s->sql)
		scope_columns(l->k, &l->sc, &p, "NULL", s->sql->at);
	for (size_t i = before; i < l->sc.n; i++) { /* a bytea is kept as 0x… (GRAMMAR §10) */
		struct name *n = &l->sc.list[i];
		n->hex |= n->type == type_oid(l->k, "bytea") || n->type == type_oid(l->k, "bytea[]");
	}
}

/* What an item keeps has the types of the route's names. */
static void item_types(struct looking *l, const struct request_step *st)
{
	struct compiler *k = l->k;
	for (size_t i = 0; st->batch && i < st->batch->nnames; i++) {
		const struct name *n = scope_find(&l->sc, str_of(st->batch->names[i]));
		if (n)
			batch_type(k, st->batch, i, n, l->r->key, st->at);
		else if (!k->failed)
			scope_unknown(k, &l->sc, str_of(st->batch->names[i]), st->at);
	}
}

static void step(struct looking *l, const struct request_step *st, struct step_shape *out)
{
	static const enum columns_of of[] = {[REQ_LET] = COLUMNS_NAMES,
		[REQ_SQL] = COLUMNS_NONE,
		[REQ_REFUSE] = COLUMNS_ROW,
		[REQ_REPLY] = COLUMNS_ROW,
		[REQ_PUBLISH] = COLUMNS_PLAIN};
	shape(l, st->sql, st->verb < sizeof of / sizeof *of ? of[st->verb] : COLUMNS_NONE, &out->sql);
	shape(l, st->otherwise, COLUMNS_ROW, &out->otherwise);
	shape(l, st->lost, COLUMNS_ROW, &out->lost);
	if (st->verb == REQ_LET)
		let_names(l, &out->sql);
	else if (st->verb == REQ_CALL)
		add_calls(l, st->calls, st->ncalls);
	else if (st->verb == REQ_BATCH || st->verb == REQ_SEND)
		item_types(l, st);
	if (st->as && st->verb == REQ_VERIFY)
		add_name(l, st->as, "boolean", false);
	for (const struct request_name *m = sent_members; st->as && st->verb == REQ_SEND && m->name; m++)
		add_name(l, arena_printf(&l->k->mem, "%s.%s", st->as, m->name), m->type,
			text_is(m->name, "hash") || text_is(m->name, "from"));
}

static void one_route(struct looking *l, struct route_shape *out)
{
	const struct route_decl *r = l->r;
	begin(l);
	shape(l, r->one, COLUMNS_ROW, &out->one);
	shape(l, r->all, COLUMNS_PLAIN, &out->all);
	shape(l, r->otherwise, COLUMNS_ROW, &out->otherwise);
	out->with = arena_alloc(l->out, (r->nwith + 1) * sizeof *out->with);
	for (size_t i = 0; i < r->nwith; i++)
		shape(l, r->with[i].sql, COLUMNS_KEYED, &out->with[i]);
	out->steps = arena_alloc(l->out, (r->nsteps + 1) * sizeof *out->steps);
	for (size_t i = 0; i < r->nsteps; i++)
		step(l, &r->steps[i], &out->steps[i]);
}

struct route_shape *route_shapes(struct compiler *k, struct arena *a, bool prove)
{
	struct route_shape *out = arena_alloc(a, (k->c->nroutes + 1) * sizeof *out);
	for (size_t i = 0; i < k->c->nroutes && !k->failed; i++) {
		struct looking l = {.k = k, .r = &k->c->routes[i], .out = a, .prove = prove};
		one_route(&l, &out[i]);
	}
	return out;
}
