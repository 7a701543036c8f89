#include "common/app/decl.h"

static void check_auth(struct loading *l, const struct value *serve)
{
	const struct value *auth = value_get(serve, "auth");
	value_each(v, auth)
	{
		bool bearer = v->form == VALUE_MAP && value_get(v, "bearer")->node,
			 jwt = v->form == VALUE_MAP && value_get(v, "jwt")->node;
		if (v->form == VALUE_MAP && bearer == jwt)
			problem_add(l->ps, v->name_at, "%s is { bearer: ${VAR} } or { jwt: ${VAR} }", v->path);
	}
}

void decl_serve(struct loading *l)
{
	const struct value *serve = value_get(l->root, "serve"), *listen = value_get(serve, "listen");
	struct serve_decl *out = &l->c->serve;
	out->metrics = true;
	if (serve->form != VALUE_MAP)
		return;
	const char **all = arena_alloc(l->a, (listen->n + 1) * sizeof *all);
	for (size_t i = 0; listen->form == VALUE_LIST && i < listen->n; i++)
		if (listen->items[i].set)
			all[out->nlisten++] = listen->items[i].text.p;
	out->listen = all;
	out->ready = decl_text(value_get(serve, "ready"));
	out->live = decl_text(value_get(serve, "live"));
	out->metrics = value_get(serve, "metrics")->flag;
	if (out->ready && text_is(out->ready, out->live))
		problem_add(l->ps, value_get(serve, "live")->at, "serve.ready and serve.live are one path");
	check_auth(l, serve);
}
