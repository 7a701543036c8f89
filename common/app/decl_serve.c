#include "common/app/decl.h"

/* An empty secret is one that refuses everybody: the word stands, its variable is empty. */
static void auths(struct loading *l, const struct value *map, struct serve_decl *out)
{
	struct auth_decl *all = arena_alloc(l->a, (map->n + 1) * sizeof *all);
	value_each(v, map)
	{
		struct auth_decl *a = &all[out->nauths++];
		*a = (struct auth_decl){.name = v->name, .at = v->name_at};
		if (v->form != VALUE_MAP)
			continue;
		const struct value *bearer = value_get(v, "bearer"), *jwt = value_get(v, "jwt");
		if (!bearer->node == !jwt->node)
			problem_add(l->ps, v->name_at, "%s is { bearer: ${VAR} } or { jwt: ${VAR} }", v->path);
		a->is_jwt = jwt->node != NULL;
		a->bearer.value = bearer->set ? (char *)(uintptr_t)bearer->text.p : NULL;
		a->jwt.value = jwt->set ? (char *)(uintptr_t)jwt->text.p : NULL;
	}
	out->auths = all;
}

static const char *const *texts(struct loading *l, const struct value *list, size_t *n)
{
	const char **all = arena_alloc(l->a, (list->n + 1) * sizeof *all);
	for (size_t i = 0; list->form == VALUE_LIST && i < list->n; i++)
		if (list->items[i].set)
			all[(*n)++] = list->items[i].text.p;
	return all;
}

static const char *file(struct loading *l, const struct value *map, const char *word)
{
	const struct value *v = map->form == VALUE_MAP ? value_get(map, word) : NULL;
	return v && v->set ? decl_path(l, v->text.p) : NULL;
}

void decl_serve(struct loading *l)
{
	const struct value *serve = value_get(l->root, "serve");
	struct serve_decl *out = &l->c->serve;
	out->metrics = true;
	if (serve->form != VALUE_MAP)
		return;
	out->listen = texts(l, value_get(serve, "listen"), &out->nlisten);
	out->cors = texts(l, value_get(serve, "cors"), &out->ncors);
	out->ready = decl_text(value_get(serve, "ready"));
	out->live = decl_text(value_get(serve, "live"));
	out->docs = decl_text(value_get(serve, "docs"));
	out->spec = decl_text(value_get(serve, "spec"));
	out->metrics = value_get(serve, "metrics")->flag;
	out->read_url = decl_text(value_get(serve, "read_url"));
	out->errors = value_get(serve, "errors")->json;
	out->limits = decl_limits(l, value_get(serve, "limit"), &out->nlimits);
	out->cert = file(l, value_get(serve, "tls"), "cert");
	out->key = file(l, value_get(serve, "tls"), "key");
	if (out->ready && text_is(out->ready, out->live))
		problem_add(l->ps, value_get(serve, "live")->at, "serve.ready and serve.live are one path");
	auths(l, value_get(serve, "auth"), out);
}
