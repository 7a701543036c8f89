/* The statements of messages.h as the programs run them: publishing, numbers, ends, and reading by filters.
 */
#include "app.h"
#include "test/unit/io/spin.h"
#include "test/unit/reconciler/where_cases.h"

#include "common/ledger/messages.h"

static struct world world;
static struct app app;
static struct loop *loop;
static struct pg *conn;
static const struct lane clock_lane = {.name = "clock", .epoch = 1}, stale = {.name = "clock", .epoch = 7};

static struct {
	bool done, ok, fenced;
	int rows;
	int64_t newest, oldest, last, n;
	struct buf text;
	void (*read)(const struct pg_reply *r);
} got;

static void on_reply(void *arg, const struct pg_reply *r)
{
	(void)arg;
	got.done = true;
	got.ok = r->outcome == PG_OK;
	got.fenced = pg_fenced(r);
	if (got.ok && got.read)
		got.read(r);
}

static void run(struct pg_unit *u, void (*read)(const struct pg_reply *r))
{
	got.done = false;
	got.read = read;
	buf_clear(&got.text);
	pg_unit_run(u, 0, on_reply, NULL);
	spin_until(loop, got.done);
}

static void read_numbered(const struct pg_reply *r)
{
	got.n = messages_numbered(r, 0, &got.last);
}

static void read_ends(const struct pg_reply *r)
{
	messages_ends_read(r, 0, &got.newest, &got.oldest);
}

static void read_waits(const struct pg_reply *r)
{
	got.n = messages_wait(r, 0);
}

static void read_messages(const struct pg_reply *r)
{
	got.rows = pg_rows(r, 0);
	for (int i = 0; i < got.rows; i++) {
		struct message m;
		messages_row(r, 0, i, &m);
		buf_printf(&got.text, "%s%lld:%.*s%s", i ? " " : "", (long long)m.seq, (int)m.topic.n, m.topic.p,
			m.type.p ? "!" : "");
	}
}

static void number(void)
{
	struct pg_unit *u = pg_unit(conn);
	messages_number(u, &clock_lane, 1000);
	run(u, read_numbered);
	assert_true(got.ok);
}

static const char *reads(int64_t after, int64_t upto, int limit, const struct message_filter *f)
{
	struct pg_unit *u = pg_unit(conn);
	messages_read(u, after, upto, limit, f);
	run(u, read_messages);
	assert_true(got.ok);
	return got.text.n ? got.text.p : "";
}

static void published_numbered_read(void **state)
{
	(void)state;
	static const char *const topics[] = {"a", "lock:*", "it's \"odd\""}, *const nothing[] = {"lock"};
	const struct message_filter some = {.topics = topics, .ntopics = 3},
								none = {.topics = nothing, .ntopics = 1};
	struct pg_unit *u = pg_unit(conn);
	messages_look(u);
	run(u, read_waits);
	assert_int_equal(got.n, 0);
	u = pg_unit(conn);
	messages_publish(u, "a", NULL, STR("{\"x\": 1}"));
	messages_publish(u, "b", "B", STR("null"));
	messages_publish(u, "lock:5", NULL, STR("[]"));
	messages_publish(u, "it's \"odd\"", NULL, STR("2"));
	run(u, NULL);
	u = pg_unit(conn);
	messages_look(u);
	run(u, read_waits);
	assert_int_equal(got.n, 1);
	assert_string_equal(reads(0, 100, 10, NULL), "");
	number();
	assert_int_equal(got.last, 4);
	assert_string_equal(reads(0, INT64_MAX, 10, NULL), "1:a 2:b! 3:lock:5 4:it's \"odd\"");
	assert_string_equal(reads(1, 3, 10, NULL), "2:b! 3:lock:5");
	assert_string_equal(reads(0, 9, 2, NULL), "1:a 2:b!");
	assert_string_equal(reads(0, 9, 10, &some), "1:a 3:lock:5 4:it's \"odd\"");
	assert_string_equal(reads(0, 9, 10, &none), "");
	u = pg_unit(conn);
	messages_ends(u);
	run(u, read_ends);
	assert_int_equal(got.newest, 4);
	assert_int_equal(got.oldest, 1);
	u = pg_unit(conn);
	messages_prune(u, &clock_lane, 0);
	run(u, NULL);
	u = pg_unit(conn);
	messages_ends(u);
	run(u, read_ends);
	assert_int_equal(got.newest, 4);
	assert_int_equal(got.oldest, 5);
	u = pg_unit(conn);
	messages_number(u, &stale, 1);
	run(u, NULL);
	assert_true(got.fenced);
}

/* PostgreSQL means what the hub means. */
static void where_is_one_thing(void **state)
{
	(void)state;
	static const char *const topics[] = {"*"};
	for (size_t i = 0; i < WHERE_CASES; i++) {
		struct message_where list[8];
		struct message_filter f = {.topics = topics, .ntopics = 1, .where = list};
		char text[4][200], quoted[400];
		q(&world,
			"DELETE FROM fairlead.message; INSERT INTO fairlead.message (topic, data) VALUES ('t', '%s')",
			where_cases[i].data);
		number();
		snprintf(quoted, sizeof quoted,
			"SELECT string_agg(k || E'\\x01' || v || E'\\x02', '') FROM (SELECT e.key AS k, x.v #>> '{}' AS "
			"v FROM "
			"jsonb_each('%s') e, LATERAL (SELECT jsonb_array_elements(CASE jsonb_typeof(e.value) WHEN "
			"'array' THEN "
			"e.value ELSE jsonb_build_array(e.value) END) AS v) x) y",
			where_cases[i].where);
		char pairs[800];
		snprintf(pairs, sizeof pairs, "%s", q(&world, "%s", quoted));
		for (char *p = strtok(pairs, "\x02"); p; p = strtok(NULL, "\x02")) {
			char *v = strchr(p, 1);
			*v = 0;
			assert_true(f.nwhere < 4);
			snprintf(text[f.nwhere], sizeof text[0], "%s", v + 1);
			list[f.nwhere] = (struct message_where){p, text[f.nwhere]};
			f.nwhere++;
		}
		reads(0, INT64_MAX, 10, &f);
		if ((got.rows == 1) != where_cases[i].passes)
			fail_msg("%s on %s", where_cases[i].where, where_cases[i].data);
	}
}

static int set_up(void **state)
{
	(void)state;
	struct buf b = {0};
	app_init(&app, NULL);
	world_open(&world);
	q(&world, "UPDATE fairlead.lane SET epoch = 1 WHERE name = 'clock'");
	loop = loop_new();
	world_conninfo(&b, world.name);
	conn =
		pg_open(loop, &(struct pg_options){.conninfo = b.p, .generic_plans = true}, &(struct pg_events){0});
	buf_fini(&b);
	spin_until(loop, pg_is_up(conn));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(conn);
	loop_free(loop);
	world_close(&world);
	app_fini(&app);
	buf_fini(&got.text);
	return 0;
}

int main(void)
{
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("FAIRLEAD_TEST_PG is not set: no PostgreSQL to test on\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(published_numbered_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_is_one_thing, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
