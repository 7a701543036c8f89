#include "reconciler/serve/front.h"

#include "common/base/backoff.h"
#include "common/io/log.h"
#include "common/ledger/chain.h"
#include "reconciler/serve/cache.h"
#include "reconciler/page/feed.h"
#include "reconciler/serve/door.h"
#include "reconciler/serve/limit.h"
#include "reconciler/serve/read.h"
#include "reconciler/serve/request.h"
#include "reconciler/serve/sockets.h"
#include "reconciler/serve/spec.h"

#include <stdlib.h>
#include <unistd.h>

enum { READY_MS = 2000 };

struct front {
	struct member *m;
	struct door *door;
	struct redis *redis; /* of limits and cache */
	struct limits *limits;
	struct cache *cache;
	struct page *page;
	struct sockets *sockets;
	struct spec *spec;
	struct call_desk *calls;
	struct read_door *reads;   /* NULL: the routes are not looked at yet */
	struct requests *requests; /* with reads */
	int open;                  /* of a drain: what has not ended */
	void (*drained)(void *arg);
	void *drained_arg;
	struct timer *retry;
	struct backoff backoff;
	bool started;  /* PostgreSQL has been there, and is installed */
	bool answered; /* and a connection of the routes has stood */
	char why[600]; /* not ready: this */
};

/* ── routes ── */

/* PostgreSQL has not been there since we began. */
static bool no_insert(void *arg, struct str name, struct buf *json)
{
	(void)arg;
	(void)name;
	(void)json;
	return false;
}

static void lost(struct front *f, struct visit *v)
{
	struct buf b = {0};
	if (v->route->lost) {
		json_fill(&b, v->route->lost, no_insert, f);
		visit_answer(v, 503, "application/json", (struct str){b.p, b.n});
	} else {
		visit_header(v, "Retry-After", "1");
		visit_refuse(v, 503, "PostgreSQL has not been reached yet; ask again");
	}
	buf_fini(&b);
}

static void say(struct visit *v, int status, const char *type, struct str body)
{
	if (v->route->cache_ms)
		cache_answer(v->front->cache, v, status, type, body);
	else
		visit_answer(v, status, type, body);
}

static void on_read(void *arg, const struct read_answer *a)
{
	struct visit *v = arg;
	spec_heard(v->front->spec, v, a);
	if (a->inner && a->status >= 500)
		log_odd("serve.route", "A route could not answer", F_STR("route", v->route->key),
			F_STR("request", arena_textn(v->a, v->id.p, v->id.n)), F_STR("sqlstate", a->sqlstate),
			F_STR("reason", a->inner->text));
	if (a->status == 503)
		visit_header(v, "Retry-After", "1");
	if (a->type)
		say(v, a->status, a->type, a->body);
	else if (v->route->cache_ms)
		cache_trouble(v->front->cache, v, &(struct trouble){.status = a->status, .detail = a->detail});
	else
		visit_trouble(v, &(struct trouble){.status = a->status, .detail = a->detail});
}

static void run_read(void *arg, struct visit *v)
{
	struct front *f = arg;
	const struct route_plan *p = &read_plans(f->reads)->routes[v->route->index];
	read_run(f->reads, p, &v->names, v->as_text, on_read, v);
}

static void let_go(void *arg, struct visit *v)
{
	struct front *f = arg;
	if (!f->reads)
		lost(f, v);
	else if (v->route->nsteps)
		requests_run(f->requests, v);
	else if (v->route->cache_ms)
		cache_visit(f->cache, v, run_read, f);
	else
		run_read(f, v);
}

static void on_route(void *arg, struct visit *v)
{
	struct front *f = arg;
	v->front = f;
	if (limits_hold(f->limits, v->route))
		limits_ask(f->limits, v, let_go, f);
	else
		let_go(f, v);
}

/* ── the engine's own paths ── */

static void say_health(struct front *f, struct visit *v, struct str behind)
{
	struct buf b = {0};
	const char *type;
	int status = health_say(f->m->health, http_path(v->q), &b, &type);
	if (behind.n) {
		if (status == 200)
			buf_clear(&b);
		status = 503;
		buf_str(&b, behind);
	}
	visit_header(v, "Cache-Control", "no-store");
	visit_answer(v, status, type, (struct str){b.p, b.n});
	buf_fini(&b);
}

static void on_health(void *arg, struct visit *v)
{
	say_health(arg, v, STR(""));
}

static void on_behind(void *arg, const struct pg_reply *r)
{
	struct visit *v = arg;
	struct buf b = {0};
	if (r->outcome == PG_OK)
		chain_behind_say(r, 0, &b);
	else
		buf_printf(&b, "PostgreSQL can't be asked: %s\n", r->err.text);
	say_health(v->front, v, (struct str){b.p, b.n});
	buf_fini(&b);
}

/* Who is sent here reads what the chains said: ready is more than this process alone (INV-11). */
static void on_ready(void *arg, struct visit *v)
{
	struct front *f = arg;
	v->front = f;
	if (!f->started || !pg_is_up(f->m->pg)) {
		say_health(f, v, STR(""));
		return;
	}
	struct pg_unit *u = pg_unit(f->m->pg);
	chain_behind(u);
	pg_unit_run(u, READY_MS, on_behind, v);
}

static void add_health(struct front *f)
{
	const struct serve_decl *s = &f->m->config->serve;
	const char *const paths[] = {"/livez", "/status", s->live, s->metrics ? "/metrics" : NULL};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (paths[i])
			door_add(f->door, "GET", paths[i], on_health, f);
	door_add(f->door, "GET", "/readyz", on_ready, f);
	if (s->ready)
		door_add(f->door, "GET", s->ready, on_ready, f);
}

/* ── its life ── */

struct front *front_open(struct member *m, struct problems *ps, struct err *e)
{
	if (!m->config->serve.nlisten)
		return NULL;
	struct front *f = mem_alloc(sizeof *f);
	f->m = m;
	backoff_init(&f->backoff, 200, 5000, (uint64_t)getpid());
	snprintf(f->why, sizeof f->why, "the routes are not prepared yet");
	f->redis = redis_open(m->loop, m->redis_url, &(struct redis_events){0});
	f->limits = limits_open(m->loop, f->redis, m->config);
	f->cache = cache_open(f->redis, m->config->name);
	f->calls = call_desk_open(m->loop, m->config);
	f->door = door_open(m, on_route, f, ps);
	add_health(f);
	f->sockets = sockets_open(m, f->door);
	f->page = page_open(m, f->door);
	f->spec = spec_open(m, f->door);
	if (door_listen(f->door, ps, e))
		return f;
	front_close(f);
	return NULL;
}

static bool is_up(void *arg, struct str name)
{
	const struct front *f = arg;
	return str_is(name, "redis") && redis_is_up(f->redis);
}

static void start(void *arg)
{
	struct front *f = arg;
	struct member *m = f->m;
	struct read_options o = {.loop = m->loop,
		.config = m->config,
		.calls = f->calls,
		.conninfo = m->conninfo,
		.up = is_up,
		.arg = f};
	struct err e = {0};
	if (!f->reads)
		f->reads = read_open(&o, &e);
	if (!f->reads) {
		snprintf(f->why, sizeof f->why, "the routes can't be prepared: %s", e.text);
		log_odd("serve.prepare", "The routes can't be prepared; trying again", F_STR("reason", e.text));
		timer_start(m->loop, &f->retry, backoff_fail(&f->backoff), start, f);
		return;
	}
	f->requests = requests_open(m, f->reads, f->calls);
	requests_jobs(f->requests);
	f->why[0] = 0;
	f->started = true;
	spec_start(f->spec, f->reads);
	sockets_start(f->sockets);
}

void front_start(struct front *f)
{
	if (f)
		start(f);
}

void front_jobs(struct front *f)
{
	if (f && f->requests)
		requests_jobs(f->requests);
}

void front_reasons(struct front *f, struct buf *out)
{
	if (!f)
		return;
	f->answered |= f->reads && read_is_up(f->reads);
	if (f->why[0])
		buf_printf(out, "%s\n", f->why);
	else if (f->reads && !f->answered)
		buf_str(out, STR("the routes have no connection to PostgreSQL yet\n"));
}

static void one_ended(void *arg)
{
	struct front *f = arg;
	if (--f->open == 0)
		f->drained(f->drained_arg);
}

void front_drain(struct front *f, void (*done)(void *arg), void *arg)
{
	f->drained = done;
	f->drained_arg = arg;
	f->open = 1 + (f->requests != NULL);
	timer_stop(&f->retry);
	sockets_drain(f->sockets);
	if (f->requests)
		requests_drain(f->requests, one_ended, f);
	door_drain(f->door, one_ended, f);
}

void front_close(struct front *f)
{
	if (!f)
		return;
	timer_free(&f->retry);
	sockets_close(f->sockets);
	page_close(f->page);
	spec_close(f->spec);
	requests_close(f->requests);
	read_close(f->reads);
	call_desk_close(f->calls);
	door_close(f->door);
	redis_close(f->redis);
	limits_close(f->limits);
	cache_close(f->cache);
	free(f);
}
