/*~ The way of a request: on_request → match (path.c) → auth.c → input.c → the route's own serve, or a path of
 * the engine's (health, docs, page, topics). Whoever serves answers through visit_answer, now or later. */
#include "reconciler/serve/door.h"

#include "common/io/log.h"
#include "reconciler/serve/accept.h"
#include "reconciler/serve/auth.h"
#include "reconciler/serve/path.h"
#include "reconciler/serve/tally.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BODY_MOST = 1 << 20,
	BODY_OTHER = 4096,
	CONNECTIONS = 10240,
	PER_PEER = 4096,
	SEND_MS = 20000, /* a reader that takes nothing for so long holds an answer's memory for nobody */
};

struct door {
	struct member *m;
	struct http_server *server;
	struct path_table *paths;
	struct arena mem;
	struct way **ways;
	size_t nways;
	struct auth_key **keys; /* one a serve.auth */
	struct tally *nowhere;  /* what matched no path */
	void (*route)(void *arg, struct visit *v);
	void *arg;
	char run[17]; /* of this process: begins its request ids */
	uint64_t asked;
};

/* ── answers ── */

static const struct serve_decl *serve_of(const struct door *d)
{
	return &d->m->config->serve;
}

static void cors(struct visit *v)
{
	const struct serve_decl *s = serve_of(v->door);
	struct str origin = http_header(v->q, "Origin");
	if (!s->ncors || v->own)
		return;
	http_answer_header(v->q, "Vary", "Origin");
	if (!origin.p || !origin_allowed(origin, s->cors, s->ncors))
		return;
	http_answer_header_str(v->q, STR("Access-Control-Allow-Origin"), origin);
	http_answer_header(v->q, "Access-Control-Expose-Headers",
		"ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id");
}

static void ending(struct visit *v, int status, size_t bytes)
{
	cors(v);
	http_answer_header_str(v->q, STR("X-Request-Id"), v->id);
	http_answer_header(v->q, "X-Content-Type-Options", "nosniff");
	tally_answer(v->way ? v->way->tally : v->door->nowhere, v, status, bytes);
}

void visit_header(struct visit *v, const char *name, const char *value)
{
	http_answer_header(v->q, name, value);
}

void visit_answer(struct visit *v, int status, const char *type, struct str body)
{
	ending(v, status, body.n);
	http_answer_gzip(v->q);
	http_answer(v->q, status, type, body);
}

struct http_request *visit_take(struct visit *v, int status)
{
	ending(v, status, 0);
	return v->q;
}

void visit_trouble(struct visit *v, const struct trouble *t)
{
	struct buf b = {0};
	const char *type = problem_text(&b, t, serve_of(v->door)->errors, v->id);
	visit_answer(v, t->status, type, (struct str){b.p, b.n});
	buf_fini(&b);
}

void visit_refuse(struct visit *v, int status, const char *fmt, ...)
{
	va_list ap;
	char text[400];
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	visit_trouble(v, &(struct trouble){.status = status, .detail = text});
}

/* ── who asks ── */

static bool hex_only(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

/* 00-<trace, 32>-<span, 16>-<flags, 2> (W3C Trace Context): the trace goes on, the span is ours. A version
 * that is not known yet may have more behind these (section 4.3); zeros alone are no id. */
static bool is_traced(struct str t)
{
	if (t.n < 55 || t.p[2] != '-' || t.p[35] != '-' || t.p[52] != '-' || !hex_only((struct str){t.p, 2}) ||
		!hex_only((struct str){t.p + 3, 32}) || !hex_only((struct str){t.p + 36, 16}) ||
		!hex_only((struct str){t.p + 53, 2}))
		return false;
	bool first = t.p[0] == '0' && t.p[1] == '0';
	if (first ? t.n != 55 : (t.p[0] == 'f' && t.p[1] == 'f') || (t.n > 55 && t.p[55] != '-'))
		return false;
	return strspn(t.p + 3, "0") < 32 && strspn(t.p + 36, "0") < 16;
}

/* A peer's own id is kept when it is a word that logs and headers can hold. */
static void identify(struct visit *v)
{
	struct str own = http_header(v->q, "X-Request-Id"), trace = http_header(v->q, "traceparent");
	bool good = own.n > 0 && own.n <= 64;
	for (size_t i = 0; good && i < own.n; i++)
		good = (own.p[i] >= '0' && own.p[i] <= '9') || ((own.p[i] | 32) >= 'a' && (own.p[i] | 32) <= 'z') ||
			   strchr("-_.:", own.p[i]);
	uint64_t n = v->door->asked++;
	v->id = good ? own : str_of(arena_printf(v->a, "%s-%" PRIx64, v->door->run, n));
	if (is_traced(trace))
		v->trace = str_of(arena_printf(v->a, "00-%.32s-%.4s%012" PRIx64 "-%.2s", trace.p + 3, v->door->run,
			(n + 1) & 0xFFFFFFFFFFFF, trace.p + 53));
	names_put(&v->names, "request.id", NAME_TEXT, v->id);
	names_put(&v->names, "request.ip", NAME_TEXT, http_peer(v->q));
}

static struct auth_key *key_of(const struct door *d, const struct auth_decl *a)
{
	return d->keys[a - d->m->config->serve.auths];
}

/* true: nobody is kept out, or somebody is let in. */
static bool let_in(struct visit *v)
{
	const struct route_decl *r = v->route;
	struct str given = http_header(v->q, "Authorization");
	const char *why = NULL;
	for (size_t i = 0; i < r->nauth; i++)
		if (auth_let_in(key_of(v->door, r->auth[i]), given, clock_wall_ms() / 1000, &v->names, &why)) {
			v->who = r->auth[i]->name;
			return true;
		}
	if (!r->nauth)
		return true;
	visit_header(v, "WWW-Authenticate", given.p ? "Bearer error=\"invalid_token\"" : "Bearer");
	visit_refuse(v, 401, "%s", why);
	return false;
}

/* ── what it brings ── */

static struct str header_of(void *arg, const char *name)
{
	return http_header(arg, name);
}

/* An application's own shape has one place for what is wrong: all of it stands there. */
static void refuse_fields(struct visit *v, const struct input_errors *e)
{
	struct buf all = {0};
	for (size_t i = 0; i < (serve_of(v->door)->errors ? e->n : 1); i++)
		buf_printf(&all, "%s%s", i ? "; " : "", e->list[i].text);
	visit_trouble(v, &(struct trouble){.status = 400, .detail = all.p, .fields = e});
	buf_fini(&all);
}

/* Whether the body can be read at all: JSON, not packed. */
static bool is_readable(struct visit *v)
{
	struct str type = http_header(v->q, "Content-Type"), coding = http_header(v->q, "Content-Encoding");
	if (coding.p && !str_is(coding, "identity")) {
		visit_header(v, "Accept-Encoding", "identity");
		visit_refuse(v, 415, "The body is taken as it is: send it without Content-Encoding");
		return false;
	}
	if (type.p && !is_json_type(type)) {
		visit_header(v, "Accept", "application/json");
		visit_refuse(v, 415, "The body is JSON: send Content-Type: application/json");
		return false;
	}
	return true;
}

static bool read_fields(struct visit *v, const struct path_match *m)
{
	struct input_errors e, more;
	struct input_text from = {
		.path = m->values, .npath = m->n, .query = http_query(v->q), .header = header_of, .arg = v->q};
	if (v->route->has_body && !is_readable(v))
		return false;
	bool good = input_params(v->way->params, &from, &v->names, &e);
	struct str body = http_body(v->q);
	if (v->route->has_body &&
		!input_body(v->way->body, body.n ? body : STR("{}"), &v->names, good ? &e : &more)) {
		for (size_t i = 0; !good && i < more.n && e.n < INPUT_ERRORS; i++)
			e.list[e.n++] = more.list[i];
		good = false;
	}
	if (!good)
		refuse_fields(v, &e);
	return good;
}

static bool acceptable(struct visit *v)
{
	struct str accept = http_header(v->q, "Accept");
	int json = accept_weight(accept, "application/json");
	int text = v->route->one ? accept_weight(accept, "text/plain") : 0;
	v->as_text = accept.p && text > json;
	if (json || text || accept_weight(accept, "application/problem+json"))
		return true;
	visit_refuse(v, 406, "It answers with application/json%s", v->route->one ? " or text/plain" : "");
	return false;
}

/* ── a request ── */

static struct visit *visit_new(struct door *d, struct http_request *q)
{
	struct arena *a = http_arena(q);
	struct visit *v = arena_alloc(a, sizeof *v);
	*v = (struct visit){.door = d, .q = q, .a = a, .names = {.a = a}, .began_us = clock_mono_us()};
	http_set_data(q, v);
	identify(v);
	return v;
}

static void allow_text(unsigned allowed, char out[64])
{
	static const char *const words[] = {"GET, HEAD", "POST", "PUT", "PATCH", "DELETE"};
	struct buf b = {0};
	for (unsigned i = 0; i < PATH_ANY; i++)
		if (allowed & (1U << i | 1U << PATH_ANY))
			buf_printf(&b, "%s, ", words[i]);
	snprintf(out, 64, "%sOPTIONS", b.p ? b.p : "");
	buf_fini(&b);
}

static void options(struct visit *v, unsigned allowed)
{
	const struct serve_decl *s = serve_of(v->door);
	struct str wants = http_header(v->q, "Access-Control-Request-Headers"),
			   origin = http_header(v->q, "Origin");
	char allow[64];
	allow_text(allowed, allow);
	visit_header(v, "Allow", allow);
	if (origin.p && s->ncors && !v->own && origin_allowed(origin, s->cors, s->ncors)) {
		visit_header(v, "Access-Control-Allow-Methods", allow);
		visit_header(v, "Access-Control-Max-Age", "600");
		if (wants.p && is_token_list(wants))
			http_answer_header_str(v->q, STR("Access-Control-Allow-Headers"), wants);
	}
	visit_answer(v, 204, NULL, STR(""));
}

static void not_here(struct visit *v, enum path_result r, unsigned allowed, struct str method)
{
	char allow[64];
	if (r == PATH_OTHER) {
		allow_text(allowed, allow);
		visit_header(v, "Allow", allow);
		visit_refuse(v, 405, "%.*s is not for this path; it takes %s", (int)method.n, method.p, allow);
	} else if (r == PATH_BAD) {
		visit_refuse(v, 400, "The path holds a broken percent code");
	} else {
		visit_refuse(v, 404, "Nothing is at this path; %s tells what there is",
			serve_of(v->door)->docs ? serve_of(v->door)->docs : "/docs");
	}
}

/* The page's own paths: what it shows and does is for no page of elsewhere, whatever serve.cors says. */
static bool is_let_near(struct visit *v)
{
	struct http_request *q = v->q;
	if (v->own && !is_own_host(http_host(q), serve_of(v->door))) {
		visit_refuse(v, 403,
			"This server does not know the name in Host as its own; ask by its address, or "
			"name https://NAME in serve.cors");
		return false;
	}
	if (!v->own || !is_foreign(http_header(q, "Origin"), http_header(q, "Sec-Fetch-Site"),
					   http_header(q, "Sec-Fetch-Mode"), http_host(q)))
		return true;
	visit_refuse(v, 403, "Only pages of this server itself may ask here; open it at its own address");
	return false;
}

static void serve(struct visit *v, const struct path_match *m)
{
	const struct way *w = m->target;
	v->way = w;
	v->route = w->route;
	if (!is_let_near(v))
		return;
	for (size_t i = 0; !w->route && i < w->nnames && i < m->n; i++)
		names_put(&v->names, w->names[i], NAME_TEXT, m->values[i]);
	if (!w->route || (let_in(v) && acceptable(v) && read_fields(v, m)))
		w->serve(w->arg, v);
}

static void on_request(void *arg, struct http_request *q)
{
	struct visit *v = visit_new(arg, q);
	struct str method = http_method(q);
	bool asks = str_is(method, "OPTIONS");
	enum path_method way = PATH_GET;
	struct path_match *m = arena_alloc(v->a, sizeof *m);
	bool known = str_is(method, "HEAD") || asks || path_method_of(method, &way);
	enum path_result r =
		known && way != PATH_ANY ? path_find(v->door->paths, way, http_path(q), v->a, m) : PATH_NONE;
	v->own = r == PATH_FOUND && ((const struct way *)m->target)->own;
	if (!known || way == PATH_ANY)
		visit_refuse(v, 501, "%.*s is no method that this server knows", (int)(method.n < 40 ? method.n : 40),
			method.p);
	else if (asks && str_is(http_path(q), "*")) /* the server itself (RFC 9110 section 9.3.7) */
		options(v, 1U << PATH_ANY);
	else if (asks && (r == PATH_FOUND || r == PATH_OTHER))
		options(v, m->allowed);
	else if (r == PATH_FOUND)
		serve(v, m);
	else
		not_here(v, r, m->allowed, method);
}

static void on_refused(void *arg, struct http_request *q, int status, const char *why)
{
	struct visit *v = visit_new(arg, q);
	v->unread = true;
	visit_refuse(v, status, "%s", why);
}

static size_t body_limit(void *arg, const struct http_request *q)
{
	(void)arg;
	struct str m = http_method(q);
	return str_is(m, "GET") || str_is(m, "HEAD") ? BODY_OTHER : BODY_MOST;
}

/* ── the table ── */

static struct way *way_new(struct door *d, const char *label)
{
	struct way *w = arena_alloc(&d->mem, sizeof *w);
	d->ways = mem_grow(d->ways, d->nways + 1, sizeof *d->ways);
	d->ways[d->nways++] = w;
	w->label = label;
	w->tally = tally_new(label);
	return w;
}

void door_add(
	struct door *d, const char *method, const char *path, void (*fn)(void *arg, struct visit *v), void *arg)
{
	struct way *w = way_new(d, arena_printf(&d->mem, "%s %s", method, path));
	const struct route_segment *s;
	enum path_method m;
	size_t n = path_segments(&d->mem, path, &s);
	const char **names = arena_alloc(&d->mem, (n + 1) * sizeof *names);
	for (size_t i = 0; i < n; i++)
		if (s[i].name)
			names[w->nnames++] = s[i].name;
	w->names = names;
	w->serve = fn;
	w->arg = arg;
	w->own = text_starts(path, "/_fairlead");
	must(path_method_of(str_of(method), &m));
	path_add(d->paths, m, s, n, w); /* serve.ready may say /readyz again: the first one stays */
}

static struct input *fields(const struct field_decl *f, size_t n, struct problems *ps)
{
	struct err e = {0};
	struct pos at;
	struct input *in = input_new(f, n, &e, &at);
	if (!in)
		problem_add(ps, at, "%s", e.text);
	return in;
}

static void add_route(struct door *d, const struct route_decl *r, struct problems *ps)
{
	struct way *w = way_new(d, r->key);
	enum path_method m;
	w->route = r;
	w->serve = d->route;
	w->arg = d->arg;
	w->params = fields(r->params, r->nparams, ps);
	w->body = fields(r->body, r->nbody, ps);
	must(path_method_of(str_of(r->method), &m));
	if (!path_add(d->paths, m, r->segments, r->nsegments, w)) /* two of the application's are no config */
		problem_add(ps, r->at, "%s is a path of the engine's own", r->key);
}

static void make_keys(struct door *d, struct problems *ps)
{
	const struct serve_decl *s = serve_of(d);
	d->keys = mem_alloc((s->nauths + 1) * sizeof(struct auth_key *));
	for (size_t i = 0; i < s->nauths; i++) {
		struct err e = {0};
		d->keys[i] = auth_key_new(&s->auths[i], &e);
		if (!d->keys[i])
			problem_add(ps, s->auths[i].at, "serve.auth.%s %s", s->auths[i].name, e.text);
		const char *secret = s->auths[i].is_jwt ? s->auths[i].jwt.value : s->auths[i].bearer.value;
		if (!secret || !*secret)
			log_odd(
				"serve.auth", "An auth has no secret: it refuses everybody", F_STR("auth", s->auths[i].name));
	}
}

struct door *door_open(
	struct member *m, void (*route)(void *arg, struct visit *v), void *arg, struct problems *ps)
{
	static const struct http_options limits = {
		.body_limit = body_limit,
		.max_body = BODY_MOST,
		.max_connections = CONNECTIONS,
		.max_per_peer = PER_PEER,
		.send_ms = SEND_MS,
		.on_refused = on_refused,
	};
	struct door *d = mem_alloc(sizeof *d);
	uint8_t random[8];
	d->m = m;
	d->route = route;
	d->arg = arg;
	d->paths = path_table_new();
	randombytes_buf(random, sizeof random);
	hex_to(d->run, random, sizeof random);
	make_keys(d, ps);
	d->nowhere = tally_new("elsewhere");
	d->server = http_open(m->loop, &limits, on_request, d);
	return d;
}

/* What the engine has not taken is the application's. */
static void add_routes(struct door *d, struct problems *ps)
{
	for (size_t i = 0; i < d->m->config->nroutes; i++)
		add_route(d, &d->m->config->routes[i], ps);
}

bool door_listen(struct door *d, struct problems *ps, struct err *e)
{
	const struct serve_decl *s = serve_of(d);
	const struct http_listener_options tls = {.cert = s->cert, .key = s->key}, plain = {0};
	add_routes(d, ps);
	if (ps->n)
		return err_set(e, ERR_REJECTED, "the configuration is wrong");
	for (size_t i = 0; i < s->nlisten; i++) {
		bool local = text_starts(s->listen[i], "unix:"); /* who may open the file may read it */
		if (!http_listen_as(d->server, s->listen[i], local ? &plain : &tls, e))
			return err_prefix(e, "serve.listen %s", s->listen[i]);
		log_info("serve", "The front door is open", F_STR("at", s->listen[i]),
			F_INT("port", http_port_at(d->server, i)), F_BOOL("tls", s->cert && !local));
	}
	return true;
}

void door_drain(struct door *d, void (*done)(void *arg), void *arg)
{
	http_drain(d->server, done, arg);
}

void door_close(struct door *d)
{
	if (!d)
		return;
	http_close(d->server);
	for (size_t i = 0; i < d->nways; i++) {
		input_free(d->ways[i]->params);
		input_free(d->ways[i]->body);
		tally_free(d->ways[i]->tally);
	}
	for (size_t i = 0; i < serve_of(d)->nauths; i++)
		auth_key_free(d->keys[i]);
	tally_free(d->nowhere);
	path_table_free(d->paths);
	arena_fini(&d->mem);
	free(d->keys);
	free(d->ways);
	free(d);
}

void door_figures(const struct door *d, void (*fn)(void *arg, const struct way_figures *f), void *arg)
{
	struct way_figures f;
	for (size_t i = 0; i < d->nways; i++)
		if (d->ways[i]->route && tally_figures(d->ways[i]->tally, &f))
			fn(arg, &f);
}
