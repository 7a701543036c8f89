#include "reconciler/serve/cache.h"

#include "reconciler/serve/etag.h"
#include "reconciler/serve/tally.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 1024, HASH = 16 };

struct waiter {
	struct visit *v;
	struct waiter *next;
};
struct entry {
	uint8_t hash[HASH];
	struct entry *chain; /* of one slot of the table */
	struct entry *newer, *older;
	bool asking; /* the route runs, or Redis is asked: waiters wait */
	struct waiter *waiters, **last;
	uint64_t until_ms; /* of clock_wall_ms: replicas share it */
	char type[64], etag[ETAG_TEXT];
	char *body;
	size_t n;
	/* while it is asked for */
	struct cache *of;
	struct visit *first;
	void (*run)(void *arg, struct visit *v);
	void *arg;
};
struct cache {
	struct redis *redis;
	char app[48];
	struct entry *table[SLOTS], *newest, *oldest;
	size_t bytes;
};

/* ── the table ── */

/* What makes two requests one: the route, all that its SQL may use of them, the form of the answer. */
static void hash_of(const struct visit *v, uint8_t out[HASH])
{
	crypto_generichash_state s;
	crypto_generichash_init(&s, NULL, 0, HASH);
	crypto_generichash_update(&s, (const uint8_t *)v->route->key, strlen(v->route->key) + 1);
	crypto_generichash_update(&s, (const uint8_t *)&v->as_text, sizeof v->as_text);
	for (size_t i = 0; i < v->names.n; i++) {
		const struct serve_name *n = &v->names.list[i];
		if (text_starts(
				n->name, "request.")) /* each has its own: what a kept answer is made of can't be that */
			continue;
		uint64_t len = n->text.p ? n->text.n : UINT64_MAX;
		crypto_generichash_update(&s, (const uint8_t *)n->name, strlen(n->name) + 1);
		crypto_generichash_update(&s, (const uint8_t *)&len, sizeof len);
		if (n->text.p)
			crypto_generichash_update(&s, (const uint8_t *)n->text.p, n->text.n);
	}
	crypto_generichash_final(&s, out, HASH);
}

static struct entry **slot_of(struct cache *c, const uint8_t hash[HASH])
{
	return &c->table[(hash[0] | hash[1] << 8) % SLOTS];
}

static struct entry *find(struct cache *c, const uint8_t hash[HASH])
{
	struct entry *e = *slot_of(c, hash);
	while (e && memcmp(e->hash, hash, HASH) != 0)
		e = e->chain;
	return e;
}

static void unlink_age(struct cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void link_newest(struct cache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static size_t size_of(const struct entry *e)
{
	return sizeof *e + e->n;
}

static void drop(struct cache *c, struct entry *e)
{
	struct entry **at = slot_of(c, e->hash);
	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	unlink_age(c, e);
	c->bytes -= size_of(e);
	free(e->body);
	free(e);
}

static void make_room(struct cache *c)
{
	for (struct entry *e = c->oldest, *newer; e && c->bytes > CACHE_BYTES; e = newer) {
		newer = e->newer;
		if (!e->asking)
			drop(c, e);
	}
}

static struct entry *make(struct cache *c, const uint8_t hash[HASH])
{
	struct entry *e = mem_alloc(sizeof *e), **at = slot_of(c, hash);
	memcpy(e->hash, hash, HASH);
	e->of = c;
	e->chain = *at;
	*at = e;
	link_newest(c, e);
	c->bytes += size_of(e);
	return e;
}

static void keep(struct entry *e, uint64_t until_ms, const char *type, struct str body)
{
	struct cache *c = e->of;
	c->bytes -= size_of(e);
	free(e->body);
	e->body = mem_textn(body.p, body.n);
	e->n = body.n;
	e->until_ms = until_ms;
	snprintf(e->type, sizeof e->type, "%s", type);
	etag_of(e->etag, body);
	c->bytes += size_of(e);
}

/* ── answers ── */

static void answer_kept(const struct entry *e, struct visit *v)
{
	struct str none = http_header(v->q, "If-None-Match");
	int64_t left = (int64_t)e->until_ms - clock_wall_ms();
	char text[64];
	snprintf(text, sizeof text, "%s, max-age=%" PRId64, v->route->nauth ? "private" : "public",
		left > 0 ? left / 1000 : 0);
	visit_header(v, "Cache-Control", text);
	visit_header(v, "ETag", e->etag);
	if (v->route->one) /* JSON or text: a cache between us and them must not mix them */
		visit_header(v, "Vary", "Accept");
	if (none.p && etag_matches(none, e->etag))
		visit_answer(v, 304, NULL, STR(""));
	else
		visit_answer(v, 200, e->type, (struct str){e->body, e->n});
}

static struct waiter *take_waiters(struct entry *e)
{
	struct waiter *w = e->waiters;
	e->waiters = NULL;
	e->asking = false;
	return w;
}

static void answer_all(struct entry *e, struct visit *first)
{
	struct waiter *w = take_waiters(e);
	answer_kept(e, first);
	for (struct waiter *next; w; w = next) {
		next = w->next; /* w lives in its visit */
		tally_cached(w->v->way->tally);
		answer_kept(e, w->v);
	}
}

static void redis_key(const struct entry *e, char out[120])
{
	char hex[2 * HASH + 1];
	hex_to(hex, e->hash, HASH);
	snprintf(out, 120, "%s:cache:%s", e->of->app, hex);
}

static void on_stored(void *arg, const struct redisReply *r, const struct err *e)
{
	(void)arg;
	(void)r;
	(void)e; /* another replica asks PostgreSQL itself then */
}

/* In Redis: "<until ms>\n<type>\n<body>". */
static void store(const struct entry *e)
{
	struct buf b = {0};
	char key[120], ms[24];
	int64_t left = (int64_t)e->until_ms - clock_wall_ms();
	if (left <= 0)
		return;
	redis_key(e, key);
	snprintf(ms, sizeof ms, "%" PRId64, left);
	buf_printf(&b, "%" PRIu64 "\n%s\n", e->until_ms, e->type);
	buf_str(&b, (struct str){e->body, e->n});
	struct str argv[] = {STR("SET"), str_of(key), {b.p, b.n}, STR("PX"), str_of(ms)};
	redis_command(e->of->redis, 0, on_stored, NULL, 5, argv);
	buf_fini(&b);
}

static struct entry *entry_of(struct cache *c, const struct visit *v)
{
	uint8_t hash[HASH];
	hash_of(v, hash);
	struct entry *e = find(c, hash);
	must(e && e->asking && e->first == v);
	return e;
}

void cache_answer(struct cache *c, struct visit *v, int status, const char *type, struct str body)
{
	struct entry *e = entry_of(c, v);
	if (status == 200 && body.n <= CACHE_ONE) {
		keep(e, (uint64_t)clock_wall_ms() + v->route->cache_ms, type, body);
		store(e);
		answer_all(e, v);
		make_room(c);
		return;
	}
	struct waiter *w = take_waiters(e);
	visit_answer(v, status, type, body);
	for (struct waiter *next; w; w = next) {
		next = w->next;
		visit_answer(w->v, status, type, body);
	}
	drop(c, e);
}

void cache_trouble(struct cache *c, struct visit *v, const struct trouble *t)
{
	struct entry *e = entry_of(c, v);
	struct waiter *w = take_waiters(e);
	visit_trouble(v, t);
	for (struct waiter *next; w; w = next) {
		next = w->next;
		visit_trouble(w->v, t);
	}
	drop(c, e);
}

/* ── asking ── */

static bool read_stored(struct entry *e, struct str text)
{
	const char *nl = memchr(text.p, '\n', text.n);
	const char *second = nl ? memchr(nl + 1, '\n', text.n - (size_t)(nl + 1 - text.p)) : NULL;
	uint64_t until;
	char type[64];
	if (!second || !str_to_u64((struct str){text.p, (size_t)(nl - text.p)}, &until) ||
		(size_t)(second - nl) > sizeof type)
		return false;
	snprintf(type, sizeof type, "%.*s", (int)(second - nl - 1), nl + 1);
	keep(e, until, type, (struct str){second + 1, text.n - (size_t)(second + 1 - text.p)});
	return true;
}

static void on_found(void *arg, const struct redisReply *r, const struct err *why)
{
	struct entry *e = arg;
	struct visit *v = e->first;
	(void)why; /* no Redis: PostgreSQL is asked */
	struct str text = redis_text(r);
	if (text.p && read_stored(e, text) && (int64_t)e->until_ms > clock_wall_ms()) {
		tally_cached(v->way->tally);
		answer_all(e, v);
		make_room(e->of);
	} else {
		e->run(e->arg, v);
	}
}

void cache_visit(struct cache *c, struct visit *v, void (*run)(void *arg, struct visit *v), void *arg)
{
	uint8_t hash[HASH];
	hash_of(v, hash);
	struct entry *e = find(c, hash);
	if (!e)
		e = make(c, hash);
	if (e->asking) {
		struct waiter *w = arena_alloc(v->a, sizeof *w);
		w->v = v;
		*e->last = w;
		e->last = &w->next;
		return;
	}
	if ((int64_t)e->until_ms > clock_wall_ms()) {
		unlink_age(c, e);
		link_newest(c, e);
		tally_cached(v->way->tally);
		answer_kept(e, v);
		return;
	}
	e->asking = true;
	e->last = &e->waiters;
	e->first = v;
	e->run = run;
	e->arg = arg;
	char key[120];
	redis_key(e, key);
	struct str argv[] = {STR("GET"), str_of(key)};
	redis_command(c->redis, CACHE_WAIT_MS, on_found, e, 2, argv);
}

struct cache *cache_open(struct redis *r, const char *app)
{
	struct cache *c = mem_alloc(sizeof *c);
	c->redis = r;
	snprintf(c->app, sizeof c->app, "%s", app);
	return c;
}

void cache_close(struct cache *c)
{
	while (c && c->oldest)
		drop(c, c->oldest);
	free(c);
}
