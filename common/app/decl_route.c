#include "common/app/decl.h"
#include "common/app/field.h"

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "ANY", NULL};

struct route {
	struct loading *l;
	const struct value *v;
	const char *path;  /* behind the method */
	const char *shape; /* "GET /lock/{}": what two routes can't share; "" when the path is wrong */
	bool gets, bad;
	struct scope s;
	struct route_decl *out;
	struct route_segment *segments;
};

static void bad_path(struct route *r, const char *why)
{
	problem_add(r->l->ps, r->v->name_at, "%s: %s", r->v->path, why);
	r->bad = true;
}

/* One segment behind a "/": a word, {name}, and last {name?} or {rest*}. */
static void segment(struct route *r, struct str s, bool last, struct buf *shape)
{
	struct route_segment *out = &r->segments[r->out->nsegments++];
	if (!memchr(s.p, '{', s.n) && !memchr(s.p, '}', s.n)) {
		out->word = arena_textn(r->l->a, s.p, s.n);
		buf_str(shape, s);
		return;
	}
	size_t n = s.n > 2 && s.p[0] == '{' ? name_length(s, 1) : 0, end = 1 + n;
	bool mark = n && end + 1 < s.n && (s.p[end] == '?' || s.p[end] == '*');
	if (!n || memchr(s.p, '.', s.n) || end + mark + 1 != s.n || s.p[s.n - 1] != '}')
		bad_path(r, "a part of a path is a word or one {name}");
	else if (mark && !last)
		bad_path(r, "{name?} and {rest*} stand at the end of a path");
	else
		scope_make(&r->s, arena_textn(r->l->a, s.p + 1, n), r->v->name_at, r->l->ps);
	out->name = arena_textn(r->l->a, s.p + 1, n);
	out->optional = mark && s.p[end] == '?';
	out->rest = mark && s.p[end] == '*';
	buf_text(shape, "{}");
}

static void read_name(struct route *r)
{
	const char *name = r->v->name, *space = strchr(name, ' ');
	char *method = arena_textn(r->l->a, name, space ? (size_t)(space - name) : strlen(name));
	struct buf shape = {0};
	bool known = false;
	for (size_t i = 0; methods[i]; i++)
		known |= strcmp(methods[i], method) == 0;
	r->path = space ? space + 1 : "";
	r->segments = arena_alloc(r->l->a, (strlen(r->path) + 1) * sizeof *r->segments);
	r->gets = strcmp(method, "GET") == 0;
	if (!known) {
		const char *near = space ? nearest_word(method, methods) : NULL;
		problem_add(r->l->ps, r->v->name_at,
			"a route is METHOD /path; %s is none of GET POST PUT PATCH DELETE ANY%s%s%s", method,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
		problem_near(r->l->ps, near);
	} else if (*r->path != '/') {
		bad_path(r, "behind the method stands one blank and a path that begins with /");
	}
	buf_printf(&shape, "%s ", method);
	for (const char *p = r->path; *p == '/';) {
		size_t n = strcspn(p + 1, "/");
		buf_char(&shape, '/');
		if (strcmp(r->path, "/") != 0) /* which has no part */
			segment(r, (struct str){p + 1, n}, p[1 + n] == 0, &shape);
		p += 1 + n;
	}
	r->out->key = name;
	r->out->method = method;
	r->out->path = r->path;
	r->out->segments = r->segments;
	r->shape = r->bad ? "" : arena_textn(r->l->a, shape.p, shape.n);
	buf_fini(&shape);
}

/* A field of params or body; one of the path has its name from there. */
static void field(struct route *r, const struct value *f, bool of_path, struct field_decl *out)
{
	if (!read_is_name(f->name))
		problem_add(r->l->ps, f->name_at, "%s is no name: letters, digits and _, a letter first, 40 at most",
			f->name);
	decl_field(r->l, f, out);
	if (!of_path)
		scope_make(&r->s, f->name, f->name_at, r->l->ps);
}

/* Those of the path first, in its order. */
static void params(struct route *r)
{
	const struct value *map = value_get(r->v, "params");
	struct field_decl *out = arena_alloc(r->l->a, (r->out->nsegments + map->n + 1) * sizeof *out);
	size_t n = 0;
	for (size_t i = 0; i < r->out->nsegments; i++) {
		const struct route_segment *s = &r->segments[i];
		const struct value *f = s->name ? value_find(map, s->name) : NULL;
		if (!s->name)
			continue;
		out[n] = (struct field_decl){.name = s->name, .at = r->v->name_at, .type = FIELD_STRING};
		if (f)
			field(r, f, true, &out[n]);
		out[n].in_path = true;
		out[n++].optional |= s->optional;
	}
	size_t of_path = n;
	value_each(f, map)
	{
		bool there = false;
		for (size_t i = 0; i < of_path; i++)
			there |= strcmp(out[i].name, f->name) == 0;
		if (!there)
			field(r, f, false, &out[n++]);
	}
	r->out->params = out;
	r->out->nparams = n;
}

static void body(struct route *r)
{
	const struct value *map = value_get(r->v, "body");
	struct field_decl *out = arena_alloc(r->l->a, (map->n + 1) * sizeof *out);
	value_each(f, map)
	{
		field(r, f, false, &out[r->out->nbody++]);
	}
	r->out->body = out;
	r->out->has_body = map->written;
}

static const struct auth_decl *auth_named(const struct route *r, const struct value *v)
{
	const struct serve_decl *serve = &r->l->c->serve;
	const char **names = arena_alloc(r->l->a, (serve->nauths + 1) * sizeof *names);
	for (size_t i = 0; i < serve->nauths; i++) {
		names[i] = serve->auths[i].name;
		if (strcmp(names[i], v->text.p) == 0)
			return &serve->auths[i];
	}
	const char *near = nearest_word(v->text.p, names);
	problem_add(r->l->ps, v->at, "serve.auth declares no %s%s%s%s", v->text.p, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	problem_near(r->l->ps, near);
	return NULL;
}

static void auth(struct route *r)
{
	const struct value *auth = value_get(r->v, "auth");
	const struct auth_decl **out = arena_alloc(r->l->a, (auth->n + 1) * sizeof *out);
	for (size_t i = 0; auth->form == VALUE_LIST && i < auth->n; i++)
		if (auth->items[i].set && (out[r->out->nauth] = auth_named(r, &auth->items[i])))
			r->out->nauth++;
	r->out->auth = out;
	if (auth->set)
		scope_add(&r->s, "auth.*", SCOPE_HIDDEN);
}

/* one, all or do, and what belongs to them. */
static void answer(struct route *r)
{
	static const char *const words[] = {"one", "all", "do"};
	const struct value *v = r->v, *with = value_get(v, "with");
	struct route_decl *out = r->out;
	struct sql_decl *withs = arena_alloc(r->l->a, (with->n + 1) * sizeof *withs);
	int n = 0;
	for (size_t i = 0; i < 3; i++)
		n += value_get(v, words[i])->written;
	if (n == 0)
		problem_add(r->l->ps, v->name_at, "%s answers nothing; it needs one, all or do", v->path);
	else if (n > 1)
		problem_add(r->l->ps, v->name_at, "%s has more than one of one, all and do", v->path);
	out->calls = decl_calls(r->l, value_get(v, "call"), &r->s, &out->ncalls);
	decl_reads(r->l, value_get(v, "one"), &r->s);
	decl_reads(r->l, value_get(v, "all"), &r->s);
	decl_reads(r->l, value_get(v, "else"), &r->s);
	value_each(w, with)
	{
		decl_reads(r->l, w, &r->s);
		withs[out->nwith++] = (struct sql_decl){w->name, w->sql};
	}
	out->one = value_get(v, "one")->sql;
	out->all = value_get(v, "all")->sql;
	out->otherwise = value_get(v, "else")->sql;
	out->with = withs;
	if (value_get(v, "else")->written && !value_get(v, "one")->written)
		problem_add(r->l->ps, value_get(v, "else")->name_at, "%s: else is of one", v->path);
	if (with->written && !value_get(v, "one")->written)
		problem_add(r->l->ps, with->name_at, "%s: with is of one", v->path);
	struct request q = {r->l, &r->s, r->gets, decl_route_batch(r->l, v), 0};
	if (value_get(v, "do")->set)
		out->steps = decl_request_steps(&q, value_get(v, "do"), &out->nsteps);
}

const struct limit_decl *decl_limits(struct loading *l, const struct value *map, size_t *n)
{
	struct limit_decl *out = arena_alloc(l->a, (map->n + 1) * sizeof *out);
	*n = 0;
	value_each(v, map)
	{
		if (v->set)
			out[(*n)++] = (struct limit_decl){v->name, v->rate.count, v->rate.per_ms, v->name_at};
	}
	return out;
}

/* Words that stand for themselves. */
static void plain(struct route *r)
{
	const struct value *v = r->v, *limit = value_get(v, "limit"), *name = value_get(v, "name");
	struct route_decl *out = r->out;
	if (name->set && !read_is_name(name->text.p))
		problem_add(r->l->ps, name->at, "%s is no name: letters, digits and _, a letter first, 40 at most",
			name->text.p);
	if (name->set)
		decl_name(r->l, name->text.p, "route", name->at);
	value_each(rate, limit)
	{
		scope_check(&r->s, str_of(rate->name), rate->name_at, "", r->l->ps);
	}
	out->limits = decl_limits(r->l, limit, &out->nlimits);
	out->name = decl_text(name);
	out->schema = decl_text(value_get(v, "schema"));
	out->once = decl_text(value_get(v, "once"));
	out->cache_ms = value_get(v, "cache")->number;
	out->lost = value_get(v, "lost")->json;
	out->wrap = value_get(v, "wrap")->json;
	if (out->cache_ms && value_get(v, "do")->written)
		problem_add(r->l->ps, value_get(v, "cache")->name_at, "%s: cache is of one and all", v->path);
}

static void one_route(struct loading *l, const struct value *v, struct route *r, const struct route *before)
{
	*r = (struct route){.l = l, .v = v, .s = {.a = l->a, .what = v->path}, .shape = "", .out = r->out};
	*r->out = (struct route_decl){.index = (int)(r - before), .at = v->name_at};
	read_name(r);
	for (const struct route *other = before; other < r; other++)
		if (*r->shape && strcmp(other->shape, r->shape) == 0)
			problem_add(l->ps, v->name_at, "%s and %s (line %d) are one route", v->name, other->v->name,
				other->v->name_at.line);
	if (v->form != VALUE_MAP)
		return;
	for (const struct request_name *n = request_names; n->name; n++)
		scope_add(&r->s, n->name, SCOPE_HIDDEN);
	params(r);
	body(r);
	auth(r);
	plain(r);
	answer(r);
}

void decl_routes(struct loading *l)
{
	const struct value *map = value_get(l->root, "routes");
	struct route *routes = arena_alloc(l->a, (map->n + 1) * sizeof *routes);
	struct route_decl *out = arena_alloc(l->a, (map->n + 1) * sizeof *out);
	value_each(v, map)
	{
		size_t i = (size_t)(v - map->items);
		routes[i].out = &out[i];
		one_route(l, v, &routes[i], routes);
	}
	l->c->routes = out;
	l->c->nroutes = map->n;
}
