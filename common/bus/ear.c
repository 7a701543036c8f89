#include "common/base/backoff.h"
#include "common/base/mem.h"
#include "common/bus/bus_in.h"
#include "common/io/log.h"

#include <hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Two things go on side by side and are kept apart here: what Redis was asked (at most one command), and
 * whether the owner is reading PostgreSQL (busy). Redis is only asked while the owner is not busy (no credit,
 * no read); whatever it answers, entries, nothing or an error, makes the owner read; and so does a Redis that
 * does not answer in time. */

enum {
	BLOCK_MS = 1000,
	ANSWER_MS = 5000, /* beyond the block: then the connection is cut */
	HELD_MAX = 256,
	REST_FIRST_MS = 100,
};

enum asked { NOTHING, JOIN, INHERIT, HEAR };

struct ear {
	struct loop *loop;
	struct redis *redis;
	char *key, *group, *consumer;
	uint64_t block_ms;
	void (*on_bell)(void *arg, bool rung);
	void *arg;
	enum asked asked;
	bool busy;         /* on_bell ran, ear_ready did not */
	bool joined;       /* the group is there, as far as this connection knows */
	bool inherited;    /* the pending list of this consumer was read to its end */
	bool due, rung;    /* the owner must be told; at least one entry came */
	bool said_trouble; /* one line for a row of equal errors */
	bool closed;
	struct bus_id held[HELD_MAX]; /* delivered and not acknowledged */
	int held_count;
	int told;       /* how many of them came before the owner began to read: only these may be acknowledged */
	char after[48]; /* how far the pending list was read */
	uint64_t rest_until_ms;
	struct backoff rest;
	struct timer *tick;
};

static void on_tick(void *arg);
static void on_answer(void *arg, const struct redisReply *r, const struct err *e);

static void command(struct ear *e, enum asked what, uint64_t deadline_ms, int argc, const struct str *argv)
{
	e->asked = what;
	redis_command(e->redis, deadline_ms, on_answer, e, argc, argv);
}

/* INV-1: a group begins at 0, never at $: what rang before it was made must be heard. */
static void join(struct ear *e)
{
	struct str argv[] = {
		STR("XGROUP"), STR("CREATE"), str_of(e->key), str_of(e->group), STR("0"), STR("MKSTREAM")};
	command(e, JOIN, 0, sizeof argv / sizeof *argv, argv);
}

/* The consumer is the lane, so what a dead process held is in this pending list. */
static void inherit(struct ear *e)
{
	char count[16];
	snprintf(count, sizeof count, "%d", HELD_MAX - e->held_count);
	struct str argv[] = {STR("XREADGROUP"), STR("GROUP"), str_of(e->group), str_of(e->consumer), STR("COUNT"),
		str_of(count), STR("STREAMS"), str_of(e->key), str_of(e->after)};
	command(e, INHERIT, 0, sizeof argv / sizeof *argv, argv);
}

static void hear(struct ear *e)
{
	char count[16], block[24];
	snprintf(count, sizeof count, "%d", HELD_MAX - e->held_count);
	snprintf(block, sizeof block, "%" PRIu64, e->block_ms);
	struct str argv[] = {STR("XREADGROUP"), STR("GROUP"), str_of(e->group), str_of(e->consumer), STR("COUNT"),
		str_of(count), STR("BLOCK"), str_of(block), STR("STREAMS"), str_of(e->key), STR(">")};
	command(e, HEAR, e->block_ms + ANSWER_MS, sizeof argv / sizeof *argv, argv);
}

/* Without a group nothing is kept for us: a bell that rang while we were away is made up for by reading
 * PostgreSQL (INV-1). */
static void hear_all(struct ear *e)
{
	char count[16], block[24];
	snprintf(count, sizeof count, "%d", HELD_MAX);
	snprintf(block, sizeof block, "%" PRIu64, e->block_ms);
	struct str argv[] = {STR("XREAD"), STR("COUNT"), str_of(count), STR("BLOCK"), str_of(block),
		STR("STREAMS"), str_of(e->key), str_of(e->after)};
	command(e, HEAR, e->block_ms + ANSWER_MS, sizeof argv / sizeof *argv, argv);
}

/* INV-10: no credit, no read. */
static void ask(struct ear *e)
{
	if (e->closed || e->busy || e->due || e->asked != NOTHING || !redis_is_up(e->redis))
		return;
	if (e->rest_until_ms > loop_now_ms(e->loop))
		return;
	if (!e->group)
		hear_all(e);
	else if (!e->joined)
		join(e);
	else if (e->held_count == HELD_MAX)
		return;
	else if (!e->inherited)
		inherit(e);
	else
		hear(e);
}

/* Asks, and makes sure that the owner reads again soon whatever happens. An answer to a blocked read may come
 * a little after block_ms, so that is waited for half as long again. */
static void go_on(struct ear *e)
{
	ask(e);
	if (e->busy || e->closed)
		return;
	uint64_t wait = e->due ? 0 : e->asked == HEAR ? e->block_ms + e->block_ms / 2 : e->block_ms;
	timer_start(e->loop, &e->tick, wait, on_tick, e);
}

static void tell(struct ear *e)
{
	bool rung = e->rung;
	timer_stop(&e->tick);
	e->due = e->rung = false;
	e->busy = true;
	e->told = e->held_count;
	e->on_bell(e->arg, rung);
}

static void come(struct ear *e, bool rung)
{
	e->due = true;
	e->rung |= rung;
	if (!e->busy)
		tell(e);
}

static void on_tick(void *arg)
{
	come(arg, false);
}

/* An error that comes back at once would be asked for again at once: it waits. */
static void trouble(struct ear *e, const char *said)
{
	if (!e->said_trouble)
		log_odd("bus.trouble", "Redis refuses to be heard; PostgreSQL is read without bells",
			F_STR("stream", e->key), F_STR("group", e->group ? e->group : "none"), F_STR("said", said));
	e->said_trouble = true;
	e->rest_until_ms = loop_now_ms(e->loop) + backoff_fail(&e->rest);
	come(e, false);
}

/* An entry that MAXLEN or XTRIM has eaten still stands in the pending list, without fields: its id is enough.
 */
static int hold_entries(struct ear *e, const struct redisReply *r)
{
	int n = 0;
	if (r->type != REDIS_REPLY_ARRAY || r->elements < 1 || r->element[0]->type != REDIS_REPLY_ARRAY ||
		r->element[0]->elements < 2 || r->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
		return 0;
	const redisReply *list = r->element[0]->element[1];
	for (size_t i = 0; i < list->elements && e->held_count < HELD_MAX; i++) {
		const redisReply *entry = list->element[i];
		struct bus_id id;
		if (entry->type != REDIS_REPLY_ARRAY || entry->elements < 1 ||
			entry->element[0]->type != REDIS_REPLY_STRING ||
			!bus_id_parse(&id, entry->element[0]->str, entry->element[0]->len))
			continue;
		e->held[e->held_count++] = id;
		snprintf(e->after, sizeof e->after, "%s", entry->element[0]->str);
		n++;
	}
	return n;
}

static void on_joined(struct ear *e, const struct redisReply *r)
{
	if (r->type == REDIS_REPLY_ERROR && !bus_says(r, "BUSYGROUP")) {
		trouble(e, r->str);
		return;
	}
	e->joined = true;
	e->inherited = false;
	e->held_count = e->told = 0; /* what is still pending is read again */
	snprintf(e->after, sizeof e->after, "0");
	go_on(e);
}

static void on_heard(struct ear *e, enum asked asked, const struct redisReply *r)
{
	if (bus_says(r, "NOGROUP") || bus_says(r, "UNBLOCKED")) {
		e->joined = false; /* FLUSHALL, DEL, or another Redis: the group is made anew */
		e->held_count = e->told = 0;
		come(e, false);
		return;
	}
	if (r->type == REDIS_REPLY_ERROR) {
		trouble(e, r->str);
		return;
	}
	e->said_trouble = false;
	backoff_ok(&e->rest);
	int n = hold_entries(e, r);
	if (!e->group)
		e->held_count = 0;
	if (asked == INHERIT && n > 0 && e->held_count < HELD_MAX) {
		go_on(e);
		return;
	}
	if (asked == INHERIT && n == 0)
		e->inherited = true;
	come(e, asked == INHERIT ? e->held_count > 0 : n > 0);
}

static void on_answer(void *arg, const struct redisReply *r, const struct err *err)
{
	struct ear *e = arg;
	enum asked asked = e->asked;
	(void)err;
	e->asked = NOTHING;
	if (e->closed)
		return;
	if (!r)
		come(e, false); /* the connection ended */
	else if (asked == JOIN)
		on_joined(e, r);
	else
		on_heard(e, asked, r);
}

static void on_up(void *arg)
{
	struct ear *e = arg;
	e->joined = e->inherited = false;
	e->rest_until_ms = 0;
	if (!e->busy)
		go_on(e);
}

static void on_down(void *arg, const struct err *err)
{
	struct ear *e = arg;
	(void)err; /* the ringing connection of the process says it */
	e->joined = e->inherited = false;
}

struct ear *ear_open(struct bus *b, const struct ear_options *o)
{
	char key[BUS_KEY_MAX];
	struct ear *e = mem_alloc(sizeof *e);
	struct redis_events ev = {on_up, on_down, e};
	bus_stream(key, sizeof key, bus_app(b), o->what, o->who);
	e->loop = bus_loop(b);
	e->key = mem_text(key);
	e->group = mem_text(o->group);
	if (!e->group)
		snprintf(e->after, sizeof e->after, "%" PRId64 "-%" PRIu64, o->from, UINT64_MAX);
	e->consumer = mem_text(o->consumer);
	e->block_ms = o->block_ms ? o->block_ms : BLOCK_MS;
	e->on_bell = o->on_bell;
	e->arg = o->arg;
	backoff_init(&e->rest, REST_FIRST_MS, e->block_ms, clock_mono_us() ^ (uint64_t)getpid());
	e->redis = redis_open(e->loop, bus_url(b), &ev);
	go_on(e);
	return e;
}

/* A failed XACK is forgotten: the entry is inherited at the next connect and acknowledged then. */
static void acknowledge(struct ear *e, int64_t cursor)
{
	char text[HELD_MAX][48];
	struct str argv[3 + HELD_MAX] = {STR("XACK"), str_of(e->key), str_of(e->group)};
	int argc = 3, kept = 0;
	for (int i = 0; i < e->held_count; i++) {
		struct bus_id id = e->held[i];
		if (i >= e->told || id.number > cursor) {
			e->held[kept++] = id;
			continue;
		}
		snprintf(text[argc - 3], sizeof text[0], "%" PRId64 "-%" PRId64, id.number, id.k);
		argv[argc] = str_of(text[argc - 3]);
		argc++;
	}
	e->held_count = kept;
	if (argc > 3 && redis_is_up(e->redis))
		redis_command(e->redis, 0, NULL, NULL, argc, argv);
}

void ear_ready(struct ear *e, int64_t cursor)
{
	must(e->busy);
	e->busy = false;
	if (e->closed)
		return;
	acknowledge(e, cursor);
	go_on(e);
}

static void ear_free(void *arg)
{
	struct ear *e = arg;
	free(e->key);
	free(e->group);
	free(e->consumer);
	free(e);
}

void ear_close(struct ear *e)
{
	e->closed = true;
	timer_free(&e->tick);
	redis_close(e->redis);
	loop_later(e->loop, ear_free, e);
}
