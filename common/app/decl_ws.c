/* serve.ws, and which topics there are to carry: behind the rules and routes, whose publish: names them. */
#include "common/app/decl.h"

struct topics { /* every publish: of the file */
	const struct template **list;
	size_t n;
};

static void add_topics(struct loading *l, struct topics *out)
{
	const struct config *c = l->c;
	size_t n = 0;
	for (size_t i = 0; i < c->nrules; i++)
		n += c->rules[i].nsteps;
	for (size_t i = 0; i < c->nroutes; i++)
		n += c->routes[i].nsteps;
	*out = (struct topics){arena_alloc(l->a, (n + 1) * sizeof *out->list), 0};
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].nsteps; j++)
			if (c->rules[i].steps[j].kind == STEP_PUBLISH && c->rules[i].steps[j].topic)
				out->list[out->n++] = c->rules[i].steps[j].topic;
	for (size_t i = 0; i < c->nroutes; i++)
		for (size_t j = 0; j < c->routes[i].nsteps; j++)
			if (c->routes[i].steps[j].verb == REQ_PUBLISH && c->routes[i].steps[j].text)
				out->list[out->n++] = c->routes[i].steps[j].text;
}

/* What is known from the file: all of a topic, or what stands before its first {name}. */
static const char *beginning(struct loading *l, const struct template *t, bool *whole)
{
	struct buf b = {0};
	size_t i = 0;
	for (; i < t->n && !t->parts[i].is_name; i++)
		buf_str(&b, t->parts[i].text);
	*whole = i == t->n;
	const char *text = arena_textn(l->a, b.p ? b.p : "", b.n);
	buf_fini(&b);
	return text;
}

/* May the topic be one that `want` means? */
static bool may_be(struct loading *l, const struct template *t, const char *want)
{
	bool whole, open = want[0] && want[strlen(want) - 1] == '*';
	const char *text = beginning(l, t, &whole);
	const char *word = open ? arena_textn(l->a, want, strlen(want) - 1) : want;
	if (whole && !open)
		return text_is(text, word);
	return (open && text_starts(text, word)) ||
		   (!whole && (text_starts(text, word) || text_starts(word, text)));
}

static void check_topic(struct loading *l, const struct topics *all, const struct value *v)
{
	const char **words = arena_alloc(l->a, (all->n + 1) * sizeof *words);
	for (size_t i = 0; i < all->n; i++) {
		bool whole;
		if (may_be(l, all->list[i], v->text.p))
			return;
		words[i] = beginning(l, all->list[i], &whole);
	}
	const char *near = nearest_word(v->text.p, words);
	problem_add(l->ps, v->at, "nothing publishes to %s%s%s%s", v->text.p, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	problem_near(l->ps, near);
}

static void one_path(struct loading *l, const struct topics *all, const struct value *v, struct ws_decl *out)
{
	*out = (struct ws_decl){.path = v->name, .at = v->name_at, .ping_ms = 30000, .pong_ms = 5000};
	if (v->form != VALUE_MAP)
		return;
	const struct value *topics = value_get(v, "topics");
	const char **list = arena_alloc(l->a, (topics->n + 1) * sizeof *list);
	for (size_t i = 0; topics->form == VALUE_LIST && i < topics->n; i++)
		if (topics->items[i].set) {
			list[out->ntopics++] = topics->items[i].text.p;
			check_topic(l, all, &topics->items[i]);
		}
	out->topics = list;
	out->ping_ms = value_get(v, "ping")->number;
	out->pong_ms = value_get(v, "pong")->number;
	out->hello = value_get(v, "hello")->json;
	if (value_get(v, "ping")->set && (out->ping_ms < 1000 || out->pong_ms < 1000))
		problem_add(l->ps, value_get(v, "ping")->at, "%s: ping and pong are 1s at least", v->path);
}

static void check_routes(struct loading *l, const struct ws_decl *ws)
{
	for (size_t i = 0; i < l->c->nroutes; i++) {
		const struct route_decl *r = &l->c->routes[i];
		if (text_is(r->path, ws->path) && (text_is(r->method, "GET") || text_is(r->method, "ANY")))
			problem_add(l->ps, ws->at.file ? ws->at : r->at,
				"%s is a route and a path of sockets; give one of them another path", ws->path);
	}
}

void decl_ws(struct loading *l)
{
	const struct value *serve = value_get(l->root, "serve");
	const struct value *map = serve->form == VALUE_MAP ? value_get(serve, "ws") : NULL;
	struct serve_decl *out = &l->c->serve;
	struct topics all;
	add_topics(l, &all);
	bool written = map && map->form == VALUE_MAP && map->n > 0;
	struct ws_decl *list = arena_alloc(l->a, ((written ? map->n : 0) + 1) * sizeof *list);
	if (written)
		value_each(v, map)
		{
			if (v->name)
				one_path(l, &all, v, &list[out->nws++]);
		}
	else if (all.n)
		list[out->nws++] = (struct ws_decl){.path = "/ws", .ping_ms = 30000, .pong_ms = 5000};
	out->ws = list;
	for (size_t i = 0; i < out->nws; i++)
		check_routes(l, &out->ws[i]);
}
