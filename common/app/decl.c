#include "common/app/decl.h"

void decl_name(struct loading *l, const char *name, const char *kind, struct pos at)
{
	for (const struct named *n = l->names; n; n = n->next)
		if (strcmp(n->name, name) == 0) {
			problem_add(l->ps, at,
				"%s is the name of a %s already (line %d); declared things share one name space", name,
				n->kind, n->at.line);
			return;
		}
	struct named *n = arena_alloc(l->a, sizeof *n);
	*n = (struct named){name, kind, at, l->names};
	l->names = n;
}

int decl_pick(struct loading *l, const struct value *v, const char *kind, const struct value *map)
{
	if (!v->set) {
		if (map->n != 1 && !(v->node && v->written)) /* written and not set was reported where it was read */
			problem_add(l->ps, v->name_at.file ? v->name_at : v->at,
				map->n ? "%s is needed: there is more than one %s" : "%s is needed, and no %s is declared",
				v->path, kind);
		return map->n == 1 ? 0 : -1;
	}
	const char **names = arena_alloc(l->a, (map->n + 1) * sizeof *names);
	for (size_t i = 0; i < map->n; i++) {
		names[i] = map->items[i].name;
		if (strcmp(names[i], v->text.p) == 0)
			return (int)i;
	}
	const char *near = nearest_word(v->text.p, names);
	problem_add(l->ps, v->at, "no %s is named %s%s%s%s", kind, v->text.p, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	problem_near(l->ps, near);
	return -1;
}

const char *decl_path(struct loading *l, const char *path)
{
	const char *slash = strrchr(l->c->file, '/');
	if (*path == '/' || !slash)
		return arena_text(l->a, path);
	return arena_printf(l->a, "%.*s/%s", (int)(slash - l->c->file), l->c->file, path);
}

bool decl_read(struct loading *l, const struct value *v, struct buf *out)
{
	struct err e = {0};
	if (l->src->read(l->src->arg, decl_path(l, v->text.p), out, &e))
		return true;
	problem_add(l->ps, v->at, "%s can't be read: %s", v->text.p, e.text);
	return false;
}

const char *decl_text(const struct value *v)
{
	return v->set ? v->text.p : NULL;
}

struct naming {
	const struct scope *scope;
};

static void check_name(void *arg, const struct call *name, struct problems *ps)
{
	const struct naming *n = arg;
	scope_check(n->scope, name->text, name->at, "", ps);
}

static struct call_rules rules_of(struct loading *l, struct naming *n, const char *path, bool items)
{
	return (struct call_rules){
		l->contracts, l->c->ncontracts, l->signers, l->c->nsigners, n, check_name, items, path};
}

void decl_call(struct loading *l, struct call *c, const struct scope *s, const char *path, bool items)
{
	struct naming n = {s};
	struct call_rules r = rules_of(l, &n, path, items);
	call_check(l->a, c, &r, l->ps);
}

void decl_check(struct loading *l, struct check *c, const struct scope *s, const char *path)
{
	struct naming n = {s};
	struct call_rules r = rules_of(l, &n, path, false);
	check_check(l->a, c, &r, l->ps);
}
