#include "common/app/decl.h"

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "ANY", NULL};

struct route {
	struct loading *l;
	const struct value *v;
	const char *path;  /* behind the method */
	const char *shape; /* "GET /lock/{}": what two routes can't share; "" when the path is wrong */
	bool gets, bad;
	struct scope s;
};

static void bad_path(struct route *r, const char *why)
{
	problem_add(r->l->ps, r->v->name_at, "%s: %s", r->v->path, why);
	r->bad = true;
}

/* One segment behind a "/": a word, {name}, and last {name?} or {rest*}. */
static void segment(struct route *r, struct str s, bool last, struct buf *shape)
{
	if (!memchr(s.p, '{', s.n) && !memchr(s.p, '}', s.n)) {
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
		segment(r, (struct str){p + 1, n}, p[1 + n] == 0, &shape);
		p += 1 + n;
	}
	r->shape = r->bad ? "" : arena_textn(r->l->a, shape.p, shape.n);
	buf_fini(&shape);
}

static void field_rules(struct route *r, const struct value *f)
{
	const struct value *type = f->form == VALUE_MAP ? value_get(f, "type") : f;
	bool units = type->set && str_is(type->text, "units");
	if (f->form == VALUE_MAP && value_get(f, "decimals")->set && !units)
		problem_add(r->l->ps, value_get(f, "decimals")->name_at, "%s: decimals is of type units", f->path);
	if (f->form == VALUE_MAP && units && value_get(f, "decimals")->set &&
		value_get(f, "decimals")->number > 77)
		problem_add(
			r->l->ps, value_get(f, "decimals")->at, "%s is 77 at most", value_get(f, "decimals")->path);
}

static void fields(struct route *r, const char *word)
{
	const struct value *map = value_get(r->v, word);
	value_each(f, map)
	{
		if (!read_is_name(f->name))
			problem_add(r->l->ps, f->name_at,
				"%s is no name: letters, digits and _, a letter first, 40 at most", f->name);
		field_rules(r, f);
		bool of_path = strcmp(word, "params") == 0 && scope_has(&r->s, str_of(f->name));
		if (!of_path)
			scope_make(&r->s, f->name, f->name_at, r->l->ps);
	}
}

static void auth(struct route *r)
{
	const struct value *auth = value_get(r->v, "auth"), *serve = value_get(r->l->root, "serve");
	const struct value none = {.key = auth->key},
					   *known = serve->form == VALUE_MAP ? value_get(serve, "auth") : &none;
	const char **names = arena_alloc(r->l->a, (known->n + 1) * sizeof *names);
	for (size_t i = 0; i < known->n; i++)
		names[i] = known->items[i].name;
	for (size_t i = 0; auth->form == VALUE_LIST && i < auth->n; i++) {
		const struct value *v = &auth->items[i];
		if (!v->set || value_find(known, v->text.p))
			continue;
		const char *near = nearest_word(v->text.p, names);
		problem_add(r->l->ps, v->at, "serve.auth declares no %s%s%s%s", v->text.p,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
		problem_near(r->l->ps, near);
	}
	if (auth->set)
		scope_add(&r->s, "auth.*", SCOPE_HIDDEN);
}

static void answer(struct route *r)
{
	static const char *const words[] = {"one", "all", "do"};
	const struct value *v = r->v;
	int n = 0, sends = 0;
	for (size_t i = 0; i < 3; i++)
		n += value_get(v, words[i])->written;
	if (n == 0)
		problem_add(r->l->ps, v->name_at, "%s answers nothing; it needs one, all or do", v->path);
	else if (n > 1)
		problem_add(r->l->ps, v->name_at, "%s has more than one of one, all and do", v->path);
	decl_calls(r->l, value_get(v, "call"), &r->s);
	decl_reads(r->l, value_get(v, "one"), &r->s);
	decl_reads(r->l, value_get(v, "all"), &r->s);
	decl_reads(r->l, value_get(v, "else"), &r->s);
	const struct value *with = value_get(v, "with");
	value_each(w, with)
	{
		decl_reads(r->l, w, &r->s);
	}
	if (value_get(v, "else")->written && !value_get(v, "one")->written)
		problem_add(r->l->ps, value_get(v, "else")->name_at, "%s: else is of one", v->path);
	if (value_get(v, "do")->set)
		decl_request_steps(r->l, value_get(v, "do"), &r->s, r->gets, &sends);
}

static void one_route(struct loading *l, const struct value *v, struct route *r, const struct route *before)
{
	static const char *const hidden[] = {"request.id", "request.ip", "job.id"};
	*r = (struct route){.l = l, .v = v, .s = {.a = l->a, .what = v->path}, .shape = ""};
	read_name(r);
	for (const struct route *other = before; other < r; other++)
		if (*r->shape && strcmp(other->shape, r->shape) == 0)
			problem_add(l->ps, v->name_at, "%s and %s (line %d) are one route", v->name, other->v->name,
				other->v->name_at.line);
	if (v->form != VALUE_MAP)
		return;
	const struct value *name = value_get(v, "name"), *limit = value_get(v, "limit");
	if (name->set && !read_is_name(name->text.p))
		problem_add(l->ps, name->at, "%s is no name: letters, digits and _, a letter first, 40 at most",
			name->text.p);
	if (name->set)
		decl_name(l, name->text.p, "route", name->at);
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		scope_add(&r->s, hidden[i], SCOPE_HIDDEN);
	fields(r, "params");
	fields(r, "body");
	auth(r);
	value_each(rate, limit)
	{
		scope_check(&r->s, str_of(rate->name), rate->name_at, "", l->ps);
	}
	answer(r);
}

void decl_routes(struct loading *l)
{
	const struct value *map = value_get(l->root, "routes");
	struct route *routes = arena_alloc(l->a, (map->n + 1) * sizeof *routes);
	value_each(v, map)
	{
		one_route(l, v, &routes[v - map->items], routes);
	}
}
