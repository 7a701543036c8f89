#include "common/bus/bus.h"
#include "common/base/backoff.h"
#include "common/base/mem.h"
#include "common/bus/bus_in.h"
#include "common/io/log.h"

#include <hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	RETRY_FIRST_MS = 100,
	RETRY_MAX_MS = 2000,
	PING_MS = 2000,   /* how often Redis is asked whether it is there */
	SILENT_MS = 2000, /* longer without an answer than this is away (P21: within 5 s) */
};

/* Redis' own words for an id that is not above the last one. */
static const char smaller[] = "ERR The ID specified in XADD is equal or smaller";

/* The bell of one stream. INV-10: at most one command of it is under way; what is rung meanwhile is owed, as
 * one number. */
struct bell {
	struct bell *next;
	struct bus *b;
	char *key;
	enum bus_kind kind;
	bool owed, again; /* to be rung; by <h>-* because nothing moved */
	int64_t h, n;     /* of what is owed: the newest number, the sum of the counts */
	bool under_way, sent_again, remade;
	bool said_refused; /* one line for a row of refusals */
	int64_t sent_h, sent_n;
};

struct bus {
	struct loop *loop;
	struct redis *redis;
	char *url, *app;
	struct bell *bells;
	struct timer *retry, *ping;
	struct backoff backoff;
	uint64_t asked_ms; /* when the ping that is under way was sent */
	bool closed, said_away, pinging;
};

struct loop *bus_loop(const struct bus *b)
{
	return b->loop;
}

const char *bus_url(const struct bus *b)
{
	return b->url;
}

const char *bus_app(const struct bus *b)
{
	return b->app;
}

void bus_stream(char *out, size_t size, const char *app, const char *what, const char *who)
{
	int n = snprintf(out, size, who ? "%s:%s:%s" : "%s:%s", app, what, who);
	must(n > 0 && (size_t)n < size);
}

bool bus_id_parse(struct bus_id *id, const char *text, size_t n)
{
	const char *dash = memchr(text, '-', n);
	uint64_t number, k;
	if (!dash || !str_to_u64((struct str){text, (size_t)(dash - text)}, &number) ||
		!str_to_u64((struct str){dash + 1, n - (size_t)(dash - text) - 1}, &k))
		return false;
	/* Ids are unsigned in Redis; a number beyond ours is above every number of ours. */
	id->number = number > INT64_MAX ? INT64_MAX : (int64_t)number;
	id->k = k > INT64_MAX ? INT64_MAX : (int64_t)k;
	return true;
}

bool bus_says(const struct redisReply *r, const char *word)
{
	return r && r->type == REDIS_REPLY_ERROR && text_starts(r->str, word);
}

static void ring_owed(struct bell *l);
static void on_rung(void *arg, const struct redisReply *r, const struct err *e);
static void on_top(void *arg, const struct redisReply *r, const struct err *e);

static void ring_all(void *arg)
{
	struct bus *b = arg;
	for (struct bell *l = b->bells; l; l = l->next)
		ring_owed(l);
}

/* A bell that could not be rung is owed again, with the newest number and all that it stands for. */
static void owe(struct bell *l)
{
	struct bus *b = l->b;
	l->h = l->owed && l->h > l->sent_h ? l->h : l->sent_h;
	l->n = (l->owed ? l->n : 0) + l->sent_n;
	l->again = l->sent_again || (l->owed && l->again);
	l->owed = true;
	l->under_way = false;
	if (!b->closed && !timer_is_on(b->retry))
		timer_start(b->loop, &b->retry, backoff_fail(&b->backoff), ring_all, b);
}

static void rung(struct bell *l)
{
	l->under_way = l->said_refused = false;
	backoff_ok(&l->b->backoff);
	ring_owed(l);
}

static void xadd(struct bell *l, const char *id)
{
	char h[24], n[24];
	snprintf(h, sizeof h, "%" PRId64, l->sent_h);
	snprintf(n, sizeof n, "%" PRId64, l->sent_n);
	struct str argv[] = {STR("XADD"), str_of(l->key), STR("MAXLEN"), STR("~"), STR("10000"), str_of(id),
		STR("to"), str_of(h), STR("n"), str_of(n)};
	redis_command(l->b->redis, 0, on_rung, l, sizeof argv / sizeof *argv, argv);
}

static void ring_owed(struct bell *l)
{
	char id[32];
	if (!l->owed || l->under_way || l->b->closed || !redis_is_up(l->b->redis))
		return;
	l->sent_h = l->h;
	l->sent_n = l->n;
	l->sent_again = l->again;
	l->owed = l->again = l->remade = false;
	l->under_way = true;
	/* 0-0 is no id of Redis; the number 0 (a first nonce) hangs at 0-1 */
	const char *k = l->sent_again ? "*" : l->sent_h == 0 ? "1" : "0";
	snprintf(id, sizeof id, "%" PRId64 "-%s", l->sent_h, k);
	xadd(l, id);
}

/* P8: ids were given that PostgreSQL does not know. The stream is made anew; its readers make their groups
 * anew. */
static void make_anew(struct bell *l)
{
	char id[32];
	log_odd("bus.ahead", "Redis was ahead of PostgreSQL, which has lost commits; the stream is made anew",
		F_STR("stream", l->key), F_INT("number", l->sent_h));
	redis_command(l->b->redis, 0, NULL, NULL, 2, (struct str[]){STR("DEL"), str_of(l->key)});
	l->remade = true;
	snprintf(id, sizeof id, "%" PRId64 "-%s", l->sent_h, l->sent_h == 0 ? "1" : "0");
	xadd(l, id);
}

static void on_rung(void *arg, const struct redisReply *r, const struct err *e)
{
	struct bell *l = arg;
	(void)e;
	if (r && r->type != REDIS_REPLY_ERROR) {
		rung(l);
	} else if (!bus_says(r, smaller)) {
		if (r && !l->said_refused)
			log_odd("bus.refused", "Redis refused a bell; it is rung again", F_STR("stream", l->key),
				F_STR("said", r->str));
		l->said_refused = l->said_refused || r;
		owe(l);
	} else if (l->kind == BUS_WORK) {
		redis_command(
			l->b->redis, 0, on_top, l, 3, (struct str[]){STR("XINFO"), STR("STREAM"), str_of(l->key)});
	} else if (l->sent_again && !l->remade) {
		make_anew(l);
	} else {
		rung(l); /* a later bell hangs there, and who hears it reads PostgreSQL to the end */
	}
}

/* XINFO STREAM's last-generated-id. */
static bool read_top(const struct redisReply *r, struct bus_id *top)
{
	if (!r || r->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i + 1 < r->elements; i += 2) {
		const redisReply *key = r->element[i], *value = r->element[i + 1];
		if (key->type == REDIS_REPLY_STRING && strcmp(key->str, "last-generated-id") == 0)
			return value->type == REDIS_REPLY_STRING && bus_id_parse(top, value->str, value->len);
	}
	return false;
}

/* A work stream has several writers: an older number rings on the top, <top>-*. */
static void on_top(void *arg, const struct redisReply *r, const struct err *e)
{
	struct bell *l = arg;
	struct bus_id top;
	char id[32];
	(void)e;
	if (!read_top(r, &top)) {
		owe(l);
		return;
	}
	snprintf(id, sizeof id, "%" PRId64 "-*", top.number);
	xadd(l, id);
}

struct top_ask {
	struct bus *b;
	bus_top_fn fn;
	void *arg;
	char key[BUS_KEY_MAX];
};

static void on_asked_top(void *arg, const struct redisReply *r, const struct err *e)
{
	struct top_ask *q = arg;
	struct bus_id top;
	(void)e;
	/* 0-0: a reader made the stream, and nothing ever rang */
	bool rung_once = read_top(r, &top) && (top.number > 0 || top.k > 0);
	q->fn(q->arg, rung_once ? top.number : -1);
	free(q);
}

static void no_top(void *arg)
{
	on_asked_top(arg, NULL, NULL);
}

enum { TOP_PATIENCE_MS = 2000 };

/* XINFO of a stream that is not there would be an error in Redis' own counts. */
static void on_stands(void *arg, const struct redisReply *r, const struct err *e)
{
	struct top_ask *q = arg;
	(void)e;
	if (!r || r->type != REDIS_REPLY_INTEGER || r->integer != 1 || q->b->closed)
		no_top(q);
	else
		redis_command(q->b->redis, TOP_PATIENCE_MS, on_asked_top, q, 3,
			(struct str[]){STR("XINFO"), STR("STREAM"), str_of(q->key)});
}

void bus_top(struct bus *b, const char *what, const char *who, bus_top_fn fn, void *arg)
{
	struct top_ask *q = mem_alloc(sizeof *q);
	*q = (struct top_ask){.b = b, .fn = fn, .arg = arg};
	bus_stream(q->key, sizeof q->key, b->app, what, who);
	if (b->closed || !redis_is_up(b->redis))
		loop_later(b->loop, no_top, q);
	else
		redis_command(
			b->redis, TOP_PATIENCE_MS, on_stands, q, 2, (struct str[]){STR("EXISTS"), str_of(q->key)});
}

static struct bell *bell_of(struct bus *b, enum bus_kind kind, const char *what, const char *who)
{
	char key[BUS_KEY_MAX];
	bus_stream(key, sizeof key, b->app, what, who);
	for (struct bell *l = b->bells; l; l = l->next)
		if (strcmp(l->key, key) == 0)
			return l;
	struct bell *l = mem_alloc(sizeof *l);
	*l = (struct bell){.next = b->bells, .b = b, .key = mem_text(key), .kind = kind};
	b->bells = l;
	return l;
}

static void ring(struct bell *l, int64_t h, int64_t n, bool again)
{
	must(h > 0 || (l->kind == BUS_WORK && h == 0));
	l->h = l->owed && l->h > h ? l->h : h;
	l->n = (l->owed ? l->n : 0) + n;
	l->again = again || (l->owed && l->again);
	l->owed = true;
	ring_owed(l);
}

void bus_ring(struct bus *b, enum bus_kind kind, const char *what, const char *who, int64_t h, int64_t n)
{
	ring(bell_of(b, kind, what, who), h, n, false);
}

void bus_ring_again(struct bus *b, enum bus_kind kind, const char *what, const char *who, int64_t h)
{
	ring(bell_of(b, kind, what, who), h, 0, true);
}

void bus_trim(struct bus *b, const char *what, const char *who, int64_t min_id)
{
	char key[BUS_KEY_MAX], id[24];
	bus_stream(key, sizeof key, b->app, what, who);
	snprintf(id, sizeof id, "%" PRId64, min_id);
	redis_command(
		b->redis, 0, NULL, NULL, 4, (struct str[]){STR("XTRIM"), str_of(key), STR("MINID"), str_of(id)});
}

/* ── there or not ── */

static void ping(void *arg);

static void on_pong(void *arg, const struct redisReply *r, const struct err *e)
{
	struct bus *b = arg;
	(void)r;
	(void)e; /* whatever is answered was answered, and a connection that ended is told by on_down */
	b->pinging = false;
}

/* Its answer says as much as a ping's. */
void bus_command(struct bus *b, int argc, const struct str *argv)
{
	if (b->closed || !redis_is_up(b->redis))
		return;
	redis_command(b->redis, 0, b->pinging ? NULL : on_pong, b, argc, argv);
	if (b->pinging)
		return;
	b->pinging = true;
	b->asked_ms = loop_now_ms(b->loop);
	timer_start(b->loop, &b->ping, PING_MS, ping, b);
}

bool bus_reachable(const struct bus *b)
{
	return !b->closed && redis_is_up(b->redis);
}

/* INV-11: a Redis that is stopped keeps its sockets open, and a quiet process would never know. */
static void ping(void *arg)
{
	struct bus *b = arg;
	timer_start(b->loop, &b->ping, PING_MS, ping, b);
	if (b->pinging || !redis_is_up(b->redis))
		return;
	b->pinging = true;
	b->asked_ms = loop_now_ms(b->loop);
	redis_command(b->redis, 0, on_pong, b, 1, (struct str[]){STR("PING")});
}

static void on_up(void *arg)
{
	struct bus *b = arg;
	if (b->said_away)
		log_info("bus.up", "Redis answers again", F_URL("redis", b->url));
	b->said_away = false;
	timer_stop(&b->retry);
	backoff_ok(&b->backoff);
	ring_all(b);
}

static void on_down(void *arg, const struct err *e)
{
	struct bus *b = arg;
	if (!b->said_away)
		log_odd("bus.away", "Redis is away; nothing is lost, PostgreSQL is read once a second",
			F_STR("why", e->text), F_URL("redis", b->url));
	b->said_away = true;
}

struct bus *bus_open(struct loop *l, const char *redis_url, const char *app)
{
	struct bus *b = mem_alloc(sizeof *b);
	struct redis_events ev = {on_up, on_down, b};
	b->loop = l;
	b->url = mem_text(redis_url);
	b->app = mem_text(app);
	backoff_init(&b->backoff, RETRY_FIRST_MS, RETRY_MAX_MS, clock_mono_us() ^ (uint64_t)getpid());
	b->redis = redis_open(l, redis_url, &ev);
	ping(b);
	return b;
}

bool bus_is_up(const struct bus *b)
{
	return redis_is_up(b->redis) && !(b->pinging && loop_now_ms(b->loop) - b->asked_ms > SILENT_MS);
}

bool bus_rings_owed(const struct bus *b)
{
	for (const struct bell *l = b->bells; l; l = l->next)
		if (l->owed || l->under_way)
			return true;
	return false;
}

static void bus_free(void *arg)
{
	struct bus *b = arg;
	while (b->bells) {
		struct bell *l = b->bells;
		b->bells = l->next;
		free(l->key);
		free(l);
	}
	free(b->url);
	free(b->app);
	free(b);
}

/* The connection answers what is open in the next turn, before bus_free, which was asked for after it. */
void bus_close(struct bus *b)
{
	b->closed = true;
	timer_free(&b->retry);
	timer_free(&b->ping);
	redis_close(b->redis);
	loop_later(b->loop, bus_free, b);
}
