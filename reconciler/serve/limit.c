#include "reconciler/serve/limit.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALONE = 4096, MOST = 8, KEY = 120 };

/* KEYS[1] the bucket; ARGV per_ms, count → { ok, left, retry ms, reset ms } */
static const char script[] =
	"local t = redis.call('TIME') local now = t[1] * 1000 + t[2] / 1000 "
	"local per, count = tonumber(ARGV[1]), tonumber(ARGV[2]) local each = per / count "
	"local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) "
	"local new = tat + each local free = new - per "
	"if free > now then return {0, 0, math.ceil(free - now), math.ceil(tat - now)} end "
	"redis.call('SET', KEYS[1], string.format('%.3f', new), 'PX', math.ceil(new - now) + 1) "
	"return {1, math.floor((now - free) / each + 1e-6), 0, math.ceil(new - now)}";

struct limits {
	struct loop *loop;
	struct redis *redis;
	const struct config *config;
	struct alone { /* by a hash of the key; two that meet share a bucket */
		struct rate_state s[ALONE];
	} * alone; /* made when Redis is first away */
	uint8_t seed[crypto_shorthash_KEYBYTES];
	bool said_away;
};

struct rate_answer rate_ask(struct rate_state *s, uint64_t count, uint64_t per_ms, uint64_t now_us)
{
	uint64_t per = per_ms * 1000, each = per / count, tat = s->tat_us > now_us ? s->tat_us : now_us;
	uint64_t after = tat + each;
	if (after > now_us + per)
		return (struct rate_answer){
			.retry_ms = (after - now_us - per + 999) / 1000, .reset_ms = (tat - now_us + 999) / 1000};
	s->tat_us = after;
	return (struct rate_answer){.ok = true,
		.left = (now_us + per - after) / (each ? each : 1),
		.reset_ms = (after - now_us + 999) / 1000};
}

/* ── one request and its rates ── */

struct asking {
	struct limits *s;
	struct visit *v;
	void (*go)(void *arg, struct visit *v);
	void *arg;
	size_t n, answers;
	struct one {
		struct asking *of;
		const struct limit_decl *decl;
		char key[KEY];
		struct rate_answer got;
	} ones[MOST];
};

static struct rate_answer ask_alone(struct limits *s, const struct one *o)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t at;
	if (!s->alone)
		s->alone = mem_alloc(sizeof *s->alone);
	crypto_shorthash(hash, (const uint8_t *)o->key, strlen(o->key), s->seed);
	memcpy(&at, hash, sizeof at);
	return rate_ask(&s->alone->s[at % ALONE], o->decl->count, o->decl->per_ms, clock_mono_us());
}

static void headers(struct visit *v, const struct one *tightest)
{
	char text[160];
	snprintf(text, sizeof text, "\"%s\";q=%" PRIu64 ";w=%" PRIu64, tightest->decl->by, tightest->decl->count,
		(tightest->decl->per_ms + 999) / 1000);
	visit_header(v, "RateLimit-Policy", text);
	snprintf(text, sizeof text, "\"%s\";r=%" PRIu64 ";t=%" PRIu64, tightest->decl->by, tightest->got.left,
		(tightest->got.reset_ms + 999) / 1000);
	visit_header(v, "RateLimit", text);
}

static void decide(struct asking *k)
{
	const struct one *worst = &k->ones[0];
	for (size_t i = 1; i < k->n; i++) {
		const struct rate_answer *a = &k->ones[i].got, *b = &worst->got;
		if (a->ok != b->ok ? !a->ok : a->ok ? a->left < b->left : a->retry_ms > b->retry_ms)
			worst = &k->ones[i];
	}
	headers(k->v, worst);
	if (worst->got.ok) {
		k->go(k->arg, k->v);
		return;
	}
	uint64_t seconds = (worst->got.retry_ms + 999) / 1000;
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, seconds ? seconds : 1);
	visit_header(k->v, "Retry-After", text);
	visit_refuse(k->v, 429, "Too many requests for one %s; ask again in %s s", worst->decl->by, text);
}

static bool number_at(const struct redisReply *r, size_t i, uint64_t *v)
{
	int64_t n;
	if (!redis_number(redis_item(r, i), &n) || n < 0)
		return false;
	*v = (uint64_t)n;
	return true;
}

static void on_reply(void *arg, const struct redisReply *r, const struct err *e)
{
	struct one *o = arg;
	struct asking *k = o->of;
	uint64_t ok = 0;
	bool good = number_at(r, 0, &ok) && number_at(r, 1, &o->got.left) && number_at(r, 2, &o->got.retry_ms) &&
				number_at(r, 3, &o->got.reset_ms);
	struct str refused = redis_error(r);
	o->got.ok = ok == 1;
	if (!good) {
		if (!k->s->said_away)
			log_odd("serve.limit", "Redis does not count requests; each replica counts alone meanwhile",
				F_STR("reason", e           ? e->text
								: refused.p ? refused.p
											: "an answer of another form"));
		o->got = ask_alone(k->s, o);
	}
	k->s->said_away = !good;
	if (++k->answers == k->n)
		decide(k);
}

/* The bucket's name. A value is kept out of Redis: it may be somebody's address or token. */
static void key_of(const struct limits *s, struct one *o, const char *where, const struct serve_names *names)
{
	const struct serve_name *n = names_find(names, str_of(o->decl->by));
	uint8_t hash[16];
	char hex[33];
	struct str v = n && n->text.p ? n->text : STR("");
	crypto_generichash(hash, sizeof hash, (const uint8_t *)v.p, v.n, (const uint8_t *)where,
		strlen(where) > 60 ? 60 : strlen(where));
	hex_to(hex, hash, sizeof hash);
	snprintf(o->key, sizeof o->key, "%s:limit:%s:%s", s->config->name, o->decl->by, hex);
}

static void add(struct asking *k, const struct limit_decl *list, size_t n, const char *where)
{
	for (size_t i = 0; i < n && k->n < MOST; i++) {
		struct one *o = &k->ones[k->n++];
		o->of = k;
		o->decl = &list[i];
		key_of(k->s, o, where, &k->v->names);
	}
}

bool limits_hold(const struct limits *s, const struct route_decl *r)
{
	return r->nlimits || s->config->serve.nlimits;
}

void limits_ask(struct limits *s, struct visit *v, void (*go)(void *arg, struct visit *v), void *arg)
{
	struct asking *k = arena_alloc(v->a, sizeof *k);
	k->s = s;
	k->v = v;
	k->go = go;
	k->arg = arg;
	add(k, v->route->limits, v->route->nlimits, v->route->key);
	add(k, s->config->serve.limits, s->config->serve.nlimits, "every route");
	size_t n = k->n; /* k may be gone with the last answer */
	for (size_t i = 0; i < n; i++) {
		struct one *o = &k->ones[i];
		char per[24], count[24];
		snprintf(per, sizeof per, "%" PRIu64, o->decl->per_ms);
		snprintf(count, sizeof count, "%" PRIu64, o->decl->count);
		struct str argv[] = {
			STR("EVAL"), str_of(script), STR("1"), str_of(o->key), str_of(per), str_of(count)};
		redis_command(s->redis, LIMIT_WAIT_MS, on_reply, o, 6, argv);
	}
}

struct limits *limits_open(struct loop *l, struct redis *r, const struct config *c)
{
	struct limits *s = mem_alloc(sizeof *s);
	s->loop = l;
	s->redis = r;
	s->config = c;
	randombytes_buf(s->seed, sizeof s->seed);
	return s;
}

void limits_close(struct limits *s)
{
	if (s)
		free(s->alone);
	free(s);
}
