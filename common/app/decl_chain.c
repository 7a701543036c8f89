#include "common/app/decl.h"

static void retry(struct loading *l, const struct value *v, struct retry_decl *out)
{
	const struct value *first = value_get(v, "first"), *max = value_get(v, "max"),
					   *alarm = value_get(v, "alarm");
	*out = (struct retry_decl){first->number, max->number, {0, 0}, 0};
	if (first->set && max->set && first->number > max->number) {
		if (max->written)
			problem_add(l->ps, max->at, "%s is less than first", max->path);
		else
			out->max_ms = first->number; /* the default gives way to what is written */
	}
	if (alarm->n > 2)
		problem_add(l->ps, alarm->at, "%s takes two numbers at most", alarm->path);
	for (size_t i = 0; i < alarm->n && i < 2; i++) {
		out->alarm[out->nalarm++] = (uint32_t)alarm->items[i].number;
		if (alarm->items[i].number > 1000000)
			problem_add(l->ps, alarm->items[i].at, "%s is a number of tries, 1000000 at most", alarm->path);
	}
}

static bool is_ws(struct str url)
{
	return url.n > 2 && memcmp(url.p, "ws", 2) == 0;
}

static void endpoint(struct loading *l, const struct value *v, struct endpoint_decl *out)
{
	const struct value *url = v->form == VALUE_MAP ? value_get(v, "url") : v;
	const struct value *ws = v->form == VALUE_MAP ? value_get(v, "ws") : NULL;
	*out = (struct endpoint_decl){decl_text(url), ws ? decl_text(ws) : NULL, v->at};
	if (url->set && is_ws(url->text))
		problem_add(l->ps, url->at,
			"%s: an rpc over WebSocket alone is not in this version; give http:// here and ws:// in ws",
			url->path);
	if (ws && ws->set && !is_ws(ws->text))
		problem_add(l->ps, ws->at, "%s begins with ws:// or wss://", ws->path);
}

static void endpoints(struct loading *l, const struct value *v, struct chain_decl *c)
{
	const struct value *rpc = value_get(v, "rpc"), *ws = value_get(v, "ws");
	bool list = rpc->form == VALUE_LIST;
	size_t n = list ? rpc->n : rpc->set;
	struct endpoint_decl *e = arena_alloc(l->a, (n + 1) * sizeof *e);
	for (size_t i = 0; i < n; i++)
		endpoint(l, list ? &rpc->items[i] : rpc, &e[i]);
	if (n > 1)
		problem_add(l->ps, rpc->items[1].at, "%s: a second endpoint is not in this version", rpc->path);
	if (ws->set && !is_ws(ws->text))
		problem_add(l->ps, ws->at, "%s begins with ws:// or wss://", ws->path);
	if (ws->set && e[0].ws)
		problem_add(l->ps, ws->at, "%s stands in rpc already", ws->path);
	if (ws->set)
		e[0].ws = ws->text.p;
	c->rpc = e;
	c->nrpc = n;
}

static void depths(struct loading *l, const struct value *v, struct chain_decl *c)
{
	const struct value *final = value_get(v, "final"), *seen = value_get(v, "seen"),
					   *window = value_get(v, "window");
	c->final = !final->set                   ? FINAL_DEFAULT
			   : final->number != UINT64_MAX ? FINAL_DEPTH
			   : str_is(final->text, "safe") ? FINAL_SAFE
											 : FINAL_FINALIZED;
	c->final_depth = c->final == FINAL_DEPTH ? final->number : 0;
	c->seen = seen->number == UINT64_MAX ? 0 : seen->number;
	c->has_window = window->set;
	c->window = window->number;
	if (window->set && c->final == FINAL_DEPTH && c->final_depth > c->window)
		problem_add(l->ps, window->at, "%s is less than final: what is not final yet must be in the window",
			window->path);
	if (window->set && c->window > 100000)
		problem_add(l->ps, window->at, "%s: parent hashes are kept for 100000 blocks at most", window->path);
}

static void at_least_one(struct loading *l, const struct value *map, const char *word)
{
	const struct value *v = value_get(map, word);
	if (v->set && v->number == 0)
		problem_add(l->ps, v->at, "%s is 1 at least", v->path);
}

void decl_chains(struct loading *l)
{
	const struct value *chains = value_get(l->root, "chains");
	l->c->chains = l->chains = arena_alloc(l->a, (chains->n + 1) * sizeof *l->chains);
	l->c->nchains = chains->n;
	value_each(v, chains)
	{
		struct chain_decl *c = &l->chains[v - chains->items];
		*c = (struct chain_decl){.name = v->name, .at = v->name_at, .index = (int)(v - chains->items) + 1};
		decl_name(l, v->name, "chain", v->name_at);
		c->has_id = value_get(v, "id")->set;
		c->id = value_get(v, "id")->number;
		endpoints(l, v, c);
		c->poll_ms = value_get(v, "poll")->number;
		c->timeout_ms = value_get(v, "timeout")->number;
		c->silent_ms = value_get(v, "silent")->number;
		c->range = value_get(v, "range")->number;
		c->run = value_get(v, "run")->number;
		static const char *const counts[] = {"range", "run", "poll", "timeout"};
		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
			at_least_one(l, v, counts[i]);
		retry(l, value_get(v, "retry"), &c->retry);
		retry(l, value_get(v, "reconnect"), &c->reconnect);
		depths(l, v, c);
		c->grace = value_get(v, "grace")->number;
		c->healthy = value_get(v, "healthy")->number;
		c->overdue_ms = value_get(v, "overdue")->number;
	}
}
