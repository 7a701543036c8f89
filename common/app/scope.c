#include "common/app/scope.h"

void scope_add(struct scope *s, const char *name, enum scope_kind kind)
{
	if (s->n == s->cap) { /* a copy of the scope keeps the old array: names are only ever appended */
		s->cap = s->cap ? 2 * s->cap : 16;
		struct scope_name *more = arena_alloc(s->a, s->cap * sizeof *more);
		if (s->n)
			memcpy(more, s->names, s->n * sizeof *more);
		s->names = more;
	}
	s->names[s->n++] = (struct scope_name){name, kind};
}

static const struct scope_name *find(const struct scope *s, struct str name)
{
	for (size_t i = 0; i < s->n; i++) {
		struct str k = str_of(s->names[i].name);
		bool any = k.n > 2 && k.p[k.n - 1] == '*';
		if (str_eq(k, name) || (any && name.n >= k.n && memcmp(k.p, name.p, k.n - 1) == 0))
			return &s->names[i];
	}
	return NULL;
}

bool scope_has(const struct scope *s, struct str name)
{
	return find(s, name) != NULL;
}

void scope_make(struct scope *s, const char *name, struct pos at, struct problems *ps)
{
	const struct scope_name *was = find(s, str_of(name));
	if (was && was->kind == SCOPE_SHOWN)
		problem_add(ps, at, "%s has %s already; a name is made once", s->what, name);
	else
		scope_add(s, name, SCOPE_SHOWN);
}

static bool root_is_closed(const struct scope *s, struct str name)
{
	const char *dot = memchr(name.p, '.', name.n);
	for (size_t i = 0; dot && i < s->n; i++)
		if (strlen(s->names[i].name) > (size_t)(dot - name.p) &&
			memcmp(s->names[i].name, name.p, (size_t)(dot - name.p) + 1) == 0)
			return true;
	return false;
}

enum { ALSO = 4 };

static void missing(
	const struct scope *s, const char *name, struct pos at, const char *prefix, struct problems *ps)
{
	const char **words = arena_alloc(s->a, (s->n + 1) * sizeof *words),
			   *of_event = arena_printf(s->a, "args.%s", name);
	for (size_t i = 0; i < s->n; i++)
		words[i] = s->names[i].name;
	const char *near = scope_has(s, str_of(of_event)) ? of_event : nearest_word(name, words);
	struct buf also = {0};
	size_t shown = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->names[i].kind == SCOPE_SHOWN && !(near && strcmp(near, words[i]) == 0) && shown++ < ALSO)
			buf_printf(&also, " %s%s", prefix, words[i]);
	const char *kind = s->fields ? "field" : "name";
	if (near) {
		near = arena_printf(s->a, "%s%s", prefix, near);
		problem_add(ps, at, "%s has no %s %s%s; did you mean %s? It %s%s", s->what, kind, prefix, name, near,
			shown ? "also has" : "has no other", shown ? also.p : "");
		problem_near(ps, near);
	} else {
		problem_add(
			ps, at, "%s has no %s %s%s; it has%s", s->what, kind, prefix, name, shown ? also.p : " none");
	}
	buf_fini(&also);
}

void scope_check(
	const struct scope *s, struct str name, struct pos at, const char *prefix, struct problems *ps)
{
	const struct scope_name *found = find(s, name);
	const char *text = arena_textn(s->a, name.p, name.n);
	if (found && found->kind == SCOPE_LATER)
		problem_add(ps, at, "%s%s is not in this version", prefix, text);
	else if (!found && !(s->open && !root_is_closed(s, name)))
		missing(s, text, at, prefix, ps);
}

void scope_check_sql(const struct scope *s, const struct sqltext *sql, struct problems *ps)
{
	for (size_t i = 0; sql && i < sql->nparts; i++)
		if (sql->parts[i].kind == SQL_NAME)
			scope_check(s, sql->parts[i].text, sql->parts[i].at, ":", ps);
}

void scope_check_template(const struct scope *s, const struct template *t, struct problems *ps)
{
	for (size_t i = 0; t && i < t->n; i++)
		if (t->parts[i].is_name)
			scope_check(s, t->parts[i].text, t->parts[i].at, "", ps);
}

void scope_make_columns(struct scope *s, const struct sqltext *sql, struct problems *ps)
{
	const char **names;
	size_t n;
	if (!sql || !sqltext_columns(s->a, sql, &names, &n)) {
		s->open = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		scope_make(s, names[i], sql->at, ps);
}
