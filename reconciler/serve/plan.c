#include "reconciler/serve/plan.h"

#include "common/app/rowname.h"
#include "reconciler/serve/json.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	BYTEA = 17,
	PARAMS_MAX = 200,
	SLOW_COST = 5000, /* some ten milliseconds: a row that costs more would hold up those behind it */
};

/* ── what PostgreSQL says ── */

static unsigned elem_of(const struct plan_set *s, unsigned type)
{
	for (size_t i = 0; i < s->types.n; i++)
		if (s->types.list[i].type == type)
			return s->types.list[i].elem;
	return row_elem_of(type);
}

static bool never_null(const struct plan_sql *p, size_t column, const char *name)
{
	size_t n = strlen(name);
	if (n > 1 && name[n - 1] == '!')
		return true;
	const struct sql_column *c = column < p->shape->ncolumns ? &p->shape->columns[column] : NULL;
	return c && c->never_null && strcmp(c->name, name) == 0;
}

static void make_columns(struct plan_sql *p, struct arena *a)
{
	struct plan_column *out = arena_alloc(a, (p->ninputs + 1) * sizeof *out);
	p->ncolumns = 0;
	p->has_status = p->has_key = false;
	for (size_t i = 0; i < p->ninputs; i++) {
		const struct row_input *in = &p->inputs[i];
		struct str key = rowname_key(in->name);
		p->has_status |= str_is(key, "_status");
		p->has_key |= str_is(key, "_key");
		if (str_is(key, "_status") || str_is(key, "_key"))
			continue;
		out[p->ncolumns++] = (struct plan_column){.name = arena_textn(a, key.p, key.n),
			.type = in->type,
			.elem = in->elem,
			.kind = row_kind_of(in->elem ? in->elem : in->type),
			.array = in->elem != 0,
			.nullable = !never_null(p, i, in->name)};
	}
	p->columns = out;
}

/* inputs live in a. false: the columns can't be an answer; p->why says so. */
static bool make(struct plan_sql *p, struct arena *a, struct row_input *inputs, size_t n)
{
	struct err e = {0};
	p->inputs = inputs;
	p->ninputs = n;
	p->version++;
	make_columns(p, a);
	p->why = NULL;
	if (row_plan_make(a, inputs, n, p->may_status, p->may_key, &p->row, &e))
		return true;
	snprintf(p->reason, sizeof p->reason, "%s", e.text);
	p->why = p->reason;
	return false;
}

static void make_params(struct plan_sql *p, struct arena *a, const void *d)
{
	const struct sql_shape *s = p->shape;
	struct plan_param *out = arena_alloc(a, (s->nparams + 1) * sizeof *out);
	for (size_t i = 0; i < s->nparams; i++) {
		const struct sql_param *in = &s->params[i];
		unsigned type = d ? many_param_type(d, (int)i) : in->type;
		bool name = in->part->kind == SQL_NAME;
		out[i] = (struct plan_param){.name = name ? in->part->text : (struct str){NULL, 0},
			.value = name ? (struct str){NULL, 0} : in->part->text,
			.type = type,
			.elem = type == in->type ? in->elem : elem_of(p->of, type),
			.hex = in->hex};
	}
	p->params = out;
	p->nparams = s->nparams;
}

static bool same(const struct plan_sql *p, const void *d)
{
	if (p->why || p->ninputs != (size_t)many_width(d) || p->nparams != (size_t)many_params(d))
		return false;
	for (size_t i = 0; i < p->ninputs; i++)
		if (p->inputs[i].type != many_type(d, (int)i) || strcmp(p->inputs[i].name, many_name(d, (int)i)) != 0)
			return false;
	for (size_t i = 0; i < p->nparams; i++)
		if (p->params[i].type != many_param_type(d, (int)i))
			return false;
	return true;
}

/* Each time it is prepared somewhere. What stood until now may still be read in this turn of the loop. */
static void on_shape(void *arg, const void *d, const struct err *e)
{
	struct plan_sql *p = arg;
	if (e) {
		snprintf(p->reason, sizeof p->reason, "%s", e->text);
		p->why = p->reason;
		return;
	}
	if (same(p, d))
		return;
	struct arena *a = &p->mem[p->version & 1];
	size_t n = (size_t)many_width(d);
	arena_reset(a);
	struct row_input *inputs = arena_alloc(a, (n + 1) * sizeof *inputs);
	for (size_t i = 0; i < n; i++)
		inputs[i] = (struct row_input){
			arena_text(a, many_name(d, (int)i)), many_type(d, (int)i), elem_of(p->of, many_type(d, (int)i))};
	make_params(p, a, d);
	make(p, a, inputs, n);
}

static void begin(
	struct plan_set *s, struct plan_sql *p, const struct sql_shape *shape, bool status, bool keyed)
{
	*p =
		(struct plan_sql){.sql = shape->sql, .of = s, .shape = shape, .may_status = status, .may_key = keyed};
	if (!shape->sql)
		return;
	struct row_input *inputs = arena_alloc(&s->mem, (shape->ncolumns + 1) * sizeof *inputs);
	for (size_t i = 0; i < shape->ncolumns; i++)
		inputs[i] =
			(struct row_input){shape->columns[i].name, shape->columns[i].type, shape->columns[i].elem};
	make_params(p, &s->mem, NULL);
	make(p, &s->mem, inputs, shape->ncolumns);
}

static void written(struct plan_set *s, struct plan_sql *p, const char *name)
{
	const struct sql_shape *shape = p->shape;
	if (!p->sql)
		return;
	unsigned *types = arena_alloc(&s->mem, (shape->nparams + 1) * sizeof *types);
	for (size_t i = 0; i < shape->nparams; i++)
		types[i] = shape->params[i].declared;
	p->write = (struct pg_sql){name, shape->text};
	p->write_types = types;
}

static void begin_route(
	struct plan_set *s, struct route_plan *p, const struct route_decl *r, const struct route_shape *shape)
{
	p->route = r;
	p->with = arena_alloc(&s->mem, (r->nwith + 1) * sizeof *p->with);
	p->steps = arena_alloc(&s->mem, (r->nsteps + 1) * sizeof *p->steps);
	p->nwith = r->nwith;
	p->nsteps = r->nsteps;
	begin(s, &p->one, &shape->one, true, false);
	begin(s, &p->all, &shape->all, false, false);
	begin(s, &p->otherwise, &shape->otherwise, true, false);
	for (size_t i = 0; i < r->nwith; i++) {
		begin(s, &p->with[i], &shape->with[i], false, true);
		p->with[i].name = r->with[i].name;
	}
	for (size_t i = 0; i < r->nsteps; i++) {
		struct plan_step *st = &p->steps[i];
		begin(s, &p->steps[i].sql, &shape->steps[i].sql, true, false);
		begin(s, &p->steps[i].otherwise, &shape->steps[i].otherwise, true, false);
		begin(s, &p->steps[i].lost, &shape->steps[i].lost, true, false);
		written(s, &st->sql, arena_printf(&s->mem, "w%d_%zu", r->index, i));
		written(s, &st->otherwise, arena_printf(&s->mem, "w%d_%zu_else", r->index, i));
		written(s, &st->lost, arena_printf(&s->mem, "w%d_%zu_lost", r->index, i));
	}
}

bool plan_open(struct plan_set *s, const struct config *c, const char *conninfo, struct err *e)
{
	struct route_shape *shapes;
	*s = (struct plan_set){0};
	if (!routes_look(c, conninfo, &s->mem, &shapes, &s->types, e)) {
		arena_fini(&s->mem);
		return false;
	}
	s->n = c->nroutes;
	s->routes = arena_alloc(&s->mem, (s->n + 1) * sizeof *s->routes);
	for (size_t i = 0; i < s->n; i++)
		begin_route(s, &s->routes[i], &c->routes[i], &shapes[i]);
	return true;
}

/* ── the lanes ── */

static struct many_sql *prepare(struct many *m, struct plan_sql *p, const char *name)
{
	const struct sql_shape *s = p->shape;
	unsigned types[PARAMS_MAX];
	if (!p->sql)
		return NULL;
	for (size_t i = 0; i < s->nparams && i < PARAMS_MAX; i++)
		types[i] = s->params[i].declared;
	return many_prepare(m, name, s->text, &(struct many_shape){types, s->nparams, on_shape, p});
}

void plan_prepare(struct plan_set *s, struct many *one, struct many *groups)
{
	char name[64];
	for (size_t i = 0; i < s->n; i++) {
		struct route_plan *p = &s->routes[i];
		snprintf(name, sizeof name, "r%zu", i);
		if (p->one.shape->cost <= SLOW_COST)
			p->one.one = prepare(one, &p->one, name);
		p->one.many = prepare(groups, &p->one, name);
		p->all.many = prepare(groups, &p->all, name);
		snprintf(name, sizeof name, "r%zu_else", i);
		p->otherwise.many = prepare(groups, &p->otherwise, name);
		for (size_t k = 0; k < p->nwith; k++) {
			snprintf(name, sizeof name, "r%zu_with%zu", i, k);
			p->with[k].many = prepare(groups, &p->with[k], name);
		}
	}
}

static void sql_fini(struct plan_sql *p)
{
	arena_fini(&p->mem[0]);
	arena_fini(&p->mem[1]);
}

void plan_close(struct plan_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct route_plan *p = &s->routes[i];
		sql_fini(&p->one);
		sql_fini(&p->all);
		sql_fini(&p->otherwise);
		for (size_t k = 0; k < p->nwith; k++)
			sql_fini(&p->with[k]);
	}
	arena_fini(&s->mem);
	*s = (struct plan_set){0};
}

/* ── values ── */

static bool is_hex_text(struct str s)
{
	if (s.n < 2 || s.n % 2 || s.p[0] != '0' || s.p[1] != 'x')
		return false;
	for (size_t i = 2; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0)
			return false;
	return true;
}

/* As bytea reads it: \x and digits, of what 0x… means or of the text's own bytes. */
static void put_bytes(struct buf *b, const struct plan_param *p, struct str s)
{
	buf_text(b, "\\x");
	if (p->hex && is_hex_text(s))
		buf_put(b, s.p + 2, s.n - 2);
	else
		buf_hex(b, (const uint8_t *)s.p, s.n);
}

static void put_item(struct buf *b, struct str s)
{
	buf_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_char(b, '\\');
		buf_char(b, s.p[i]);
	}
	buf_char(b, '"');
}

/* A JSON array as PostgreSQL writes arrays. false: it holds a text that PostgreSQL can't keep. */
static bool put_array(struct buf *b, struct arena *a, const struct plan_param *p, struct json of)
{
	size_t at = 0;
	struct json item;
	bool first = true;
	buf_char(b, '{');
	while (json_next(of, &at, NULL, &item)) {
		if (!first)
			buf_char(b, ',');
		first = false;
		struct str text = item.kind == JSON_STRING ? json_string(a, item.text) : item.text;
		if (!text.p)
			return false;
		if (item.kind == JSON_ARRAY && !put_array(b, a, p, item))
			return false;
		if (item.kind == JSON_NULL)
			buf_text(b, "NULL");
		else if (item.kind != JSON_ARRAY && p->elem == BYTEA) {
			struct buf bytes = {0};
			put_bytes(&bytes, p, text);
			put_item(b, (struct str){bytes.p, bytes.n});
			buf_fini(&bytes);
		} else if (item.kind != JSON_ARRAY)
			put_item(b, text);
	}
	buf_char(b, '}');
	return true;
}

static bool bind_made(struct arena *a, const struct plan_param *p, struct str text, const char **out)
{
	struct buf b = {0};
	bool good = true;
	if (p->elem)
		good = put_array(&b, a, p, json_value(text));
	else
		put_bytes(&b, p, text);
	*out = good ? arena_textn(a, b.p, b.n) : NULL;
	buf_fini(&b);
	return good;
}

bool plan_bind(struct arena *a, const struct plan_sql *p, const struct serve_names *names,
	const char **values, struct err *e)
{
	for (size_t i = 0; i < p->nparams; i++) {
		const struct plan_param *q = &p->params[i];
		const struct serve_name *n = q->name.p ? names_find(names, q->name) : NULL;
		struct str text = n ? n->text : q->value;
		values[i] = NULL;
		if (!text.p)
			continue;
		if ((q->elem && n && n->kind == NAME_JSON && json_value(text).kind == JSON_ARRAY) ||
			q->type == BYTEA) {
			if (!bind_made(a, q, text, &values[i]))
				return err_set(e, ERR_REJECTED, "%.*s holds a text that PostgreSQL can't keep",
					(int)q->name.n, q->name.p);
			continue;
		}
		if (memchr(text.p, 0, text.n))
			return err_set(e, ERR_REJECTED, "%.*s holds a NUL", (int)q->name.n, q->name.p);
		values[i] = arena_textn(a, text.p, text.n);
	}
	return true;
}
