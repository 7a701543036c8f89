/* INV-1: every bell may be lost, doubled or late. Against a running Redis (FAIRLEAD_TEST_REDIS), which is
 * flushed. */
#include "test/unit/io/redis_side.h"

#include "common/base/mem.h"
#include "common/bus/bus.h"

#define APP    "ut"
#define EVENTS "ut:events:main"
#define SENDS  "ut:sends:pool"

/* One consumer: what it heard, and whether it answers at once. */
struct listener {
	struct ear *ear;
	int bells, rungs;
	bool waits;     /* does not give credit by itself */
	int64_t cursor; /* up to where its effects are committed */
};

struct world {
	struct loop *loop;
	struct bus *bus;
	struct listener a, b;
};

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	*state = w;
	if (!side.socket)
		return 0;
	side_do("FLUSHALL");
	w->loop = loop_new();
	w->bus = bus_open(w->loop, side.link, APP);
	spin_until(w->loop, bus_is_up(w->bus));
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	if (w->a.ear)
		ear_close(w->a.ear);
	if (w->b.ear)
		ear_close(w->b.ear);
	if (w->bus)
		bus_close(w->bus);
	if (w->loop)
		loop_free(w->loop);
	free(w);
	return 0;
}

static void on_bell(void *arg, bool rung)
{
	struct listener *l = arg;
	l->bells++;
	l->rungs += rung;
	if (!l->waits)
		ear_ready(l->ear, l->cursor);
}

static void open_ear_as(struct world *w, struct listener *l, const char *what, const char *who,
	const char *consumer, uint64_t block_ms)
{
	struct ear_options o = {what, who, "g", consumer, block_ms, on_bell, l, 0};
	if (!l->cursor)
		l->cursor = INT64_MAX;
	l->ear = ear_open(w->bus, &o);
}

/* An ear that blocks far longer than a test: what it hears was rung, not looked for. */
static void open_ear(struct world *w, struct listener *l)
{
	open_ear_as(w, l, "events", "main", "lane", 20000);
	spin_until(w->loop, l->bells == 1);
	assert_int_equal(l->rungs, 0);
}

/* Each is true once the blocked read stands at the server. */
static bool blocked(void)
{
	redisReply *r = redisCommand(side.c, "INFO clients");
	bool yes = strstr(r->str, "blocked_clients:1") != NULL;
	freeReplyObject(r);
	return yes;
}

static void settle(struct world *w)
{
	spin_until(w->loop, !bus_rings_owed(w->bus));
}

static const char *last_id(const char *key)
{
	static char id[48];
	redisReply *r = redisCommand(side.c, "XREVRANGE %s + - COUNT 1", key);
	snprintf(id, sizeof id, "%s", r->elements ? r->element[0]->element[0]->str : "none");
	freeReplyObject(r);
	return id;
}

/* The payload of the newest entry: to <number> n <count> */
static void last_payload(const char *key, long long *to, long long *n)
{
	redisReply *r = redisCommand(side.c, "XREVRANGE %s + - COUNT 1", key);
	redisReply *f = r->element[0]->element[1];
	assert_string_equal(f->element[0]->str, "to");
	assert_string_equal(f->element[2]->str, "n");
	*to = atoll(f->element[1]->str);
	*n = atoll(f->element[3]->str);
	freeReplyObject(r);
}

static long long pending(void)
{
	redisReply *r = redisCommand(side.c, "XPENDING " EVENTS " g");
	long long n = r->type == REDIS_REPLY_ARRAY ? r->element[0]->integer : -1;
	freeReplyObject(r);
	return n;
}

/* Without a group each hears all of it, behind its number, also what rang before it came. */
static void test_all_hear(void **state)
{
	need_redis();
	struct world *w = *state;
	for (int i = 1; i <= 3; i++)
		bus_ring(w->bus, BUS_LOG, "messages", NULL, i, 1);
	settle(w);
	struct ear_options o = {
		.what = "messages", .block_ms = 20000, .on_bell = on_bell, .arg = &w->a, .from = 2};
	w->a.ear = ear_open(w->bus, &o);
	spin_until(w->loop, w->a.rungs == 1);
	o.arg = &w->b;
	o.from = 3;
	w->b.ear = ear_open(w->bus, &o);
	bus_ring(w->bus, BUS_LOG, "messages", NULL, 4, 1);
	spin_until(w->loop, w->a.rungs == 2 && w->b.rungs == 1);
	side_do("FLUSHALL");
	bus_ring(w->bus, BUS_LOG, "messages", NULL, 5, 1);
	spin_until(w->loop, w->a.rungs == 3 && w->b.rungs == 2);
}

static void test_ring_and_hear(void **state)
{
	need_redis();
	struct world *w = *state;
	open_ear(w, &w->a);
	bus_ring(w->bus, BUS_LOG, "events", "main", 7, 3);
	spin_until(w->loop, w->a.rungs == 1);
	long long to, n;
	assert_string_equal(last_id(EVENTS), "7-0");
	last_payload(EVENTS, &to, &n);
	assert_int_equal(to, 7);
	assert_int_equal(n, 3);
	spin_until(w->loop, pending() == 0);
}

/* A group begins at 0: what rang before anyone listened is heard. */
static void test_rung_before(void **state)
{
	need_redis();
	struct world *w = *state;
	bus_ring(w->bus, BUS_LOG, "events", "main", 7, 1);
	settle(w);
	open_ear(w, &w->a);
	spin_until(w->loop, w->a.rungs == 1);
}

/* On a log stream a bell that is refused as too small hangs already. */
static void test_doubled_and_old(void **state)
{
	need_redis();
	struct world *w = *state;
	bus_ring(w->bus, BUS_LOG, "events", "main", 7, 1);
	settle(w);
	bus_ring(w->bus, BUS_LOG, "events", "main", 7, 1);
	settle(w);
	bus_ring(w->bus, BUS_LOG, "events", "main", 5, 1);
	settle(w);
	assert_int_equal(side_do("XLEN " EVENTS), 1);
	assert_string_equal(last_id(EVENTS), "7-0");
}

/* On a work stream an older number rings on the top. */
static void test_work(void **state)
{
	need_redis();
	struct world *w = *state;
	long long to, n;
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 0, 1);
	settle(w);
	assert_string_equal(last_id(SENDS), "0-1");
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 0, 1);
	settle(w);
	assert_string_equal(last_id(SENDS), "0-2");
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 9, 1);
	settle(w);
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 4, 2);
	settle(w);
	assert_string_equal(last_id(SENDS), "9-1");
	last_payload(SENDS, &to, &n);
	assert_int_equal(to, 4);
	assert_int_equal(n, 2);
	bus_ring_again(w->bus, BUS_WORK, "sends", "pool", 4);
	settle(w);
	assert_string_equal(last_id(SENDS), "9-2");
}

static void on_top(void *arg, int64_t top)
{
	*(int64_t *)arg = top;
}

static int64_t top_of_sends(struct world *w)
{
	enum { NONE = -7 };
	int64_t top = NONE;
	bus_top(w->bus, "sends", "pool", on_top, &top);
	assert_int_equal(top, NONE); /* in a later turn */
	spin_until(w->loop, top != NONE);
	return top;
}

/* P8: the highest number that ever rang, also where its entry was trimmed; a stream that a reader made has
 * none. */
static void test_top(void **state)
{
	need_redis();
	struct world *w = *state;
	assert_int_equal(top_of_sends(w), -1);
	side_do("XGROUP CREATE " SENDS " g 0 MKSTREAM");
	assert_int_equal(top_of_sends(w), -1);
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 0, 1);
	settle(w);
	assert_int_equal(top_of_sends(w), 0);
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 9, 1);
	settle(w);
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 4, 1);
	settle(w);
	assert_int_equal(top_of_sends(w), 9);
	side_do("XTRIM " SENDS " MAXLEN 0");
	assert_int_equal(top_of_sends(w), 9);
	side_do("DEL " SENDS);
	assert_int_equal(top_of_sends(w), -1);
}

/* INV-10: what is rung while a bell is under way is one bell with the newest number and the whole count. */
static void test_many_rings(void **state)
{
	need_redis();
	struct world *w = *state;
	for (int i = 1; i <= 1000; i++)
		bus_ring(w->bus, BUS_LOG, "events", "main", i, 1);
	assert_true(bus_rings_owed(w->bus));
	settle(w);
	long long to, n;
	assert_string_equal(last_id(EVENTS), "1000-0");
	last_payload(EVENTS, &to, &n);
	assert_int_equal(n, 999);
	assert_int_equal(side_do("XLEN " EVENTS), 2);
}

/* A bell that nobody hears costs block_ms, nothing else. */
static void test_lost(void **state)
{
	need_redis();
	struct world *w = *state;
	open_ear_as(w, &w->a, "events", "main", "lane", 50);
	spin_until(w->loop, w->a.bells >= 4);
	assert_int_equal(w->a.rungs, 0);
}

/* INV-10: no credit, no read: a second bell waits until the owner is ready, and is not acknowledged by an
 * answer to the first. */
static void test_credit(void **state)
{
	need_redis();
	struct world *w = *state;
	open_ear(w, &w->a);
	w->a.waits = true;
	bus_ring(w->bus, BUS_LOG, "events", "main", 1, 1);
	spin_until(w->loop, w->a.rungs == 1);
	bus_ring(w->bus, BUS_LOG, "events", "main", 2, 1);
	settle(w);
	for (int i = 0; i < 5; i++)
		spin_once(w->loop);
	assert_int_equal(w->a.bells, 2);
	ear_ready(w->a.ear, INT64_MAX);
	spin_until(w->loop, w->a.rungs == 2);
	spin_until(w->loop, pending() == 1);
	ear_ready(w->a.ear, INT64_MAX);
	spin_until(w->loop, pending() == 0);
}

/* A Redis that stands still makes the owner read by the ear's own timer. What is delivered while it reads
 * came behind its back: its answer does not acknowledge that. */
static void test_delivered_meanwhile(void **state)
{
	need_redis();
	struct world *w = *state;
	void *r;
	int done = 0;
	open_ear_as(w, &w->a, "events", "main", "lane", 200);
	spin_until(w->loop, w->a.bells == 1 && blocked());
	w->a.waits = true;
	redisAppendCommand(side.c, "DEBUG SLEEP 0.6");
	redisAppendCommand(side.c, "XADD " EVENTS " 1-0 to 1 n 1");
	while (!done)
		redisBufferWrite(side.c, &done);
	spin_until(w->loop, w->a.bells == 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(redisGetReply(side.c, &r), REDIS_OK);
		freeReplyObject(r);
	}
	if (w->a.rungs == 1) /* a slow machine: the entry was faster than the timer */
		skip();
	assert_int_equal(pending(), 1);
	for (int i = 0; i < 5; i++)
		spin_once(w->loop);
	ear_ready(w->a.ear, INT64_MAX);
	spin_until(w->loop, w->a.rungs == 1);
	assert_int_equal(pending(), 1);
	ear_ready(w->a.ear, INT64_MAX);
	spin_until(w->loop, pending() == 0);
}

/* Only what the cursor has reached is acknowledged. */
static void test_cursor(void **state)
{
	need_redis();
	struct world *w = *state;
	for (int i = 1; i <= 3; i++) {
		bus_ring(w->bus, BUS_LOG, "events", "main", i, 1);
		settle(w);
	}
	w->a.cursor = 2;
	open_ear(w, &w->a);
	spin_until(w->loop, w->a.rungs == 1);
	spin_until(w->loop, pending() == 1);
	w->a.cursor = 4;
	bus_ring(w->bus, BUS_LOG, "events", "main", 4, 1);
	spin_until(w->loop, w->a.rungs == 2);
	spin_until(w->loop, pending() == 0);
}

/* The consumer is the lane: who comes after a dead process hears what that one had taken. */
static void test_inherits(void **state)
{
	need_redis();
	struct world *w = *state;
	open_ear(w, &w->a);
	w->a.waits = true;
	bus_ring(w->bus, BUS_LOG, "events", "main", 1, 1);
	spin_until(w->loop, w->a.rungs == 1);
	ear_close(w->a.ear);
	w->a.ear = NULL;
	assert_int_equal(pending(), 1);
	open_ear_as(w, &w->b, "events", "main", "lane", 20000);
	spin_until(w->loop, w->b.bells == 1);
	assert_int_equal(w->b.rungs, 1);
	spin_until(w->loop, pending() == 0);
}

/* More than is held at once, and entries that a trim has eaten: all are inherited and acknowledged. */
static void test_inherits_many(void **state)
{
	need_redis();
	struct world *w = *state;
	side_do("XGROUP CREATE " EVENTS " g 0 MKSTREAM");
	for (int i = 1; i <= 700; i++)
		side_do("XADD " EVENTS " %d-0 to %d n 1", i, i);
	side_do("XREADGROUP GROUP g lane COUNT 1000 STREAMS " EVENTS " >");
	side_do("XTRIM " EVENTS " MINID 100");
	assert_int_equal(pending(), 700);
	open_ear_as(w, &w->a, "events", "main", "lane", 20000);
	spin_until(w->loop, pending() == 0);
	bus_ring(w->bus, BUS_LOG, "events", "main", 701, 1);
	spin_until(w->loop, strcmp(last_id(EVENTS), "701-0") == 0 && pending() == 0);
}

static void test_flushed(void **state)
{
	need_redis();
	struct world *w = *state;
	open_ear(w, &w->a);
	spin_until(w->loop, blocked());
	side_do("FLUSHALL"); /* a blocked read gets UNBLOCKED */
	spin_until(w->loop, w->a.bells == 2);
	bus_ring(w->bus, BUS_LOG, "events", "main", 3, 1);
	spin_until(w->loop, w->a.rungs == 1);
	w->a.waits = true;
	bus_ring(w->bus, BUS_LOG, "events", "main", 4, 1);
	spin_until(w->loop, w->a.rungs == 2);
	side_do("FLUSHALL"); /* nobody reads: the next read gets NOGROUP */
	bus_ring(w->bus, BUS_LOG, "events", "main", 5, 1);
	settle(w);
	w->a.waits = false;
	ear_ready(w->a.ear, INT64_MAX);
	spin_until(w->loop, w->a.rungs == 3);
	spin_until(w->loop, pending() == 0);
}

/* P8: Redis knows numbers that PostgreSQL has lost. */
static void test_ahead(void **state)
{
	need_redis();
	struct world *w = *state;
	side_do("XADD " EVENTS " 100-0 to 100 n 1");
	open_ear(w, &w->a);
	spin_until(w->loop, w->a.rungs == 1 && blocked());
	bus_ring(w->bus, BUS_LOG, "events", "main", 5, 1);
	settle(w);
	assert_string_equal(last_id(EVENTS), "100-0");
	bus_ring_again(w->bus, BUS_LOG, "events", "main", 5);
	spin_until(w->loop, w->a.rungs == 2);
	assert_string_equal(last_id(EVENTS), "5-0");
	spin_until(w->loop, pending() == 0);
}

static void test_again(void **state)
{
	need_redis();
	struct world *w = *state;
	bus_ring(w->bus, BUS_LOG, "events", "main", 5, 1);
	settle(w);
	bus_ring_again(w->bus, BUS_LOG, "events", "main", 5);
	settle(w);
	assert_string_equal(last_id(EVENTS), "5-1");
	side_do("XTRIM " EVENTS " MAXLEN 0");
	bus_ring_again(w->bus, BUS_LOG, "events", "main", 5);
	settle(w);
	assert_string_equal(last_id(EVENTS), "5-2");
}

/* Redis away: the ear reads PostgreSQL from its timer; one bell is owed and rings when Redis is back. */
static void test_away_and_back(void **state)
{
	need_redis();
	struct world *w = *state;
	open_ear_as(w, &w->a, "events", "main", "lane", 50);
	spin_until(w->loop, w->a.bells == 1);
	side_away();
	spin_until(w->loop, !bus_is_up(w->bus));
	bus_ring(w->bus, BUS_LOG, "events", "main", 8, 1);
	bus_ring(w->bus, BUS_LOG, "events", "main", 9, 1);
	assert_true(bus_rings_owed(w->bus));
	int before = w->a.bells;
	spin_until(w->loop, w->a.bells >= before + 3);
	assert_int_equal(w->a.rungs, 0);
	side_back();
	spin_until(w->loop, w->a.rungs >= 1);
	settle(w);
	assert_string_equal(last_id(EVENTS), "9-0");
	spin_until(w->loop, pending() == 0);
}

/* A Redis that refuses to write: the bell stays owed until it takes it. */
static void test_refused(void **state)
{
	need_redis();
	struct world *w = *state;
	side_do("CONFIG SET maxmemory 1");
	bus_ring(w->bus, BUS_LOG, "events", "main", 1, 1);
	for (int i = 0; i < 5; i++)
		spin_once(w->loop);
	assert_true(bus_rings_owed(w->bus));
	side_do("CONFIG SET maxmemory 0");
	settle(w);
	assert_string_equal(last_id(EVENTS), "1-0");
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
}

/* A stream's name that holds something else: an error that comes back at once must not spin. */
static void test_trouble(void **state)
{
	need_redis();
	struct world *w = *state;
	bool enough = false;
	struct timer *t = NULL;
	side_do("SET " EVENTS " x");
	open_ear_as(w, &w->a, "events", "main", "lane", 200);
	spin_until(w->loop, w->a.bells >= 1);
	timer_start(w->loop, &t, 400, set_flag, &enough);
	spin_until(w->loop, enough);
	timer_free(&t);
	assert_in_range(w->a.bells, 1, 20); /* thousands when it spins */
	assert_int_equal(w->a.rungs, 0);
	side_do("DEL " EVENTS);
	bus_ring(w->bus, BUS_LOG, "events", "main", 1, 1);
	spin_until(w->loop, w->a.rungs == 1);
}

static void test_trim(void **state)
{
	need_redis();
	struct world *w = *state;
	for (int i = 1; i <= 5; i++)
		side_do("XADD " EVENTS " %d-0 to %d n 1", i, i);
	bus_trim(w->bus, "events", "main", 4);
	spin_until(w->loop, side_do("XLEN " EVENTS) == 2);
}

/* Lanes of one pool share a group: each bell is heard by one of them, each by some one. */
static void test_pool(void **state)
{
	need_redis();
	struct world *w = *state;
	w->a.waits = w->b.waits = true;
	open_ear_as(w, &w->a, "sends", "pool", "lane:a", 20000);
	open_ear_as(w, &w->b, "sends", "pool", "lane:b", 20000);
	spin_until(w->loop, w->a.bells == 1 && w->b.bells == 1);
	ear_ready(w->a.ear, INT64_MAX);
	ear_ready(w->b.ear, INT64_MAX);
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 1, 1);
	spin_until(w->loop, w->a.rungs + w->b.rungs == 1);
	bus_ring(w->bus, BUS_WORK, "sends", "pool", 2, 1);
	spin_until(w->loop, w->a.rungs == 1 && w->b.rungs == 1);
}

static void test_names(void **state)
{
	(void)state;
	char name[64];
	bus_stream(name, sizeof name, "ktty", "events", "main");
	assert_string_equal(name, "ktty:events:main");
	bus_stream(name, sizeof name, "ktty", "dead", NULL);
	assert_string_equal(name, "ktty:dead");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_all_hear),
		T(test_ring_and_hear),
		T(test_rung_before),
		T(test_doubled_and_old),
		T(test_work),
		T(test_top),
		T(test_many_rings),
		T(test_lost),
		T(test_credit),
		T(test_delivered_meanwhile),
		T(test_cursor),
		T(test_inherits),
		T(test_inherits_many),
		T(test_flushed),
		T(test_ahead),
		T(test_again),
		T(test_away_and_back),
		T(test_refused),
		T(test_trouble),
		T(test_trim),
		T(test_pool),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, side_open, side_close);
}
