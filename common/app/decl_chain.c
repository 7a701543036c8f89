#define _GNU_SOURCE /* memrchr */
#include "common/app/decl.h"

#include <strings.h>

const struct endpoint_decl *chain_endpoint(const struct chain_decl *c, unsigned roles)
{
	for (size_t i = 0; i < c->nrpc; i++)
		if ((c->rpc[i].roles & roles) == roles)
			return &c->rpc[i];
	return NULL;
}

const struct endpoint_decl *chain_writer(const struct chain_decl *c)
{
	const struct endpoint_decl *both = chain_endpoint(c, ENDPOINT_READ | ENDPOINT_WRITE);
	for (size_t i = 0; i < c->nrpc; i++)
		if (c->rpc[i].private && c->rpc[i].roles & ENDPOINT_WRITE)
			return &c->rpc[i];
	return both ? both : chain_endpoint(c, ENDPOINT_WRITE);
}

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

static unsigned roles_of(struct loading *l, const struct value *role)
{
	unsigned roles = 0;
	for (size_t i = 0; role && role->form == VALUE_LIST && i < role->n; i++) {
		struct str word = role->items[i].text;
		unsigned one = str_is(word, "read")    ? ENDPOINT_READ
					   : str_is(word, "write") ? ENDPOINT_WRITE
											   : ENDPOINT_ARCHIVE;
		if (role->items[i].set && roles & one)
			problem_add(l->ps, role->items[i].at, "%s names %s twice", role->path, word.p);
		roles |= role->items[i].set ? one : 0;
	}
	if (roles & ENDPOINT_ARCHIVE)
		roles |= ENDPOINT_READ;
	return roles ? roles : ENDPOINT_READ | ENDPOINT_WRITE;
}

static void endpoint(struct loading *l, const struct value *v, struct endpoint_decl *out)
{
	bool map = v->form == VALUE_MAP;
	const struct value *url = map ? value_get(v, "url") : v, *ws = map ? value_get(v, "ws") : NULL;
	*out = (struct endpoint_decl){.url = decl_text(url), .ws = ws ? decl_text(ws) : NULL, .at = v->at};
	out->roles = roles_of(l, map ? value_get(v, "role") : NULL);
	out->rps = map ? value_get(v, "rps")->number : 0;
	out->private = map && value_get(v, "private")->flag;
	if (ws && ws->set && !is_ws(ws->text))
		problem_add(l->ps, ws->at, "%s begins with ws:// or wss://", ws->path);
}

/* The chain's own ws: is its first endpoint's; one over WebSocket alone tells there too. */
static void sockets(struct loading *l, const struct value *ws, struct endpoint_decl *e, size_t n)
{
	if (ws->set && !is_ws(ws->text))
		problem_add(l->ps, ws->at, "%s begins with ws:// or wss://", ws->path);
	if (ws->set && n && e[0].ws)
		problem_add(l->ps, ws->at, "%s stands in rpc already", ws->path);
	if (ws->set && n)
		e[0].ws = ws->text.p;
	for (size_t i = 0; i < n; i++)
		if (!e[i].ws && e[i].url && is_ws(str_of(e[i].url)))
			e[i].ws = e[i].url;
}

/* What names the machine: its name, and the port where the machine is this one (as in a test). */
static struct str host_of(const char *url)
{
	const char *from = strstr(url, "://"), *end, *at, *colon;
	from = from ? from + 3 : url;
	end = from + strcspn(from, "/?#");
	at = memrchr(from, '@', (size_t)(end - from));
	from = at ? at + 1 : from;
	colon = memrchr(from, ':', (size_t)(end - from));
	struct str name = {
		from, (size_t)((colon && !memchr(colon, ']', (size_t)(end - colon)) ? colon : end) - from)};
	bool here =
		str_is(name, "localhost") || str_is(name, "[::1]") || (name.n > 4 && memcmp(from, "127.", 4) == 0);
	return here ? (struct str){from, (size_t)(end - from)} : name;
}

static bool same_host(const char *a, const char *b)
{
	struct str x = host_of(a), y = host_of(b);
	return x.n == y.n && strncasecmp(x.p, y.p, x.n) == 0;
}

static void completeness(struct loading *l, const struct value *v, struct chain_decl *c)
{
	static const char *const words[] = {[PROOF_NONE] = "none",
		[PROOF_BLOOM] = "bloom",
		[PROOF_SOURCES] = "sources",
		[PROOF_RECEIPTS] = "receipts"};
	const struct endpoint_decl *first = chain_endpoint(c, ENDPOINT_READ);
	bool two = false;
	for (int i = PROOF_NONE; i <= PROOF_RECEIPTS; i++)
		if (str_is(v->text, words[i]))
			c->completeness = (enum proof_level)i;
	for (size_t i = 0; first && i < c->nrpc; i++)
		two |= c->rpc[i].url && first->url && c->rpc[i].roles & ENDPOINT_READ &&
			   !same_host(first->url, c->rpc[i].url);
	if (c->completeness == PROOF_SOURCES && c->nrpc && !two)
		problem_add(l->ps, v->at, "%s: sources compares two endpoints on different hosts; rpc has %s",
			v->path, c->nrpc == 1 ? "one endpoint" : "one host that is read");
}

static void endpoints(struct loading *l, const struct value *v, struct chain_decl *c)
{
	const struct value *rpc = value_get(v, "rpc");
	bool list = rpc->form == VALUE_LIST;
	size_t n = list ? rpc->n : rpc->set;
	struct endpoint_decl *e = arena_alloc(l->a, (n + 1) * sizeof *e);
	for (size_t i = 0; i < n; i++) {
		endpoint(l, list ? &rpc->items[i] : rpc, &e[i]);
		for (size_t k = 0; e[i].url && k < i; k++)
			if (e[k].url && strcmp(e[k].url, e[i].url) == 0)
				problem_add(l->ps, e[i].at, "%s names one endpoint twice", rpc->path);
	}
	sockets(l, value_get(v, "ws"), e, n);
	c->rpc = e;
	c->nrpc = n;
	if (n && !chain_endpoint(c, ENDPOINT_READ))
		problem_add(l->ps, rpc->name_at, "%s: no endpoint has the role read", rpc->path);
	completeness(l, value_get(v, "completeness"), c);
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
		c->sweep_ms = value_get(v, "sweep")->number;
		if (c->sweep_ms && c->sweep_ms < 1000)
			problem_add(l->ps, value_get(v, "sweep")->at, "%s is 1s at least", value_get(v, "sweep")->path);
	}
}
