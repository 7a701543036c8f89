/* Many reads against a running server: FAIRLEAD_TEST_PG is the conninfo of a superuser. Without it every test
 * here is skipped. */
#include "test/unit/io/spin.h"

#include "common/base/mem.h"
#include "common/io/pg_many.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>

static const char *server;
static PGconn *side; /* a plain connection beside it */

struct lane {
	struct loop *loop;
	struct many *m;
	int ups, downs, shapes;
	size_t max_rows, max_bytes; /* of the next one that is opened */
	char shape[64];             /* the columns' names of the last one */
	bool bad_shape;
};
struct got {
	int calls;
	enum many_outcome outcome;
	char sqlstate[6], text[64], first[64];
	struct err err;
	size_t failed;
};

static char *sql(const char *text)
{
	static char out[64];
	PGresult *r = PQexec(side, text);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQerrorMessage(side));
	snprintf(out, sizeof out, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return out;
}

static void quiet(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static void on_up(void *arg)
{
	((struct lane *)arg)->ups++;
}

static void on_down(void *arg, const struct err *e)
{
	(void)e;
	((struct lane *)arg)->downs++;
}

static void on_shape(void *arg, const void *describe, const struct err *e)
{
	struct lane *l = arg;
	l->shapes++;
	l->bad_shape = e != NULL;
	if (describe && PQnfields(describe))
		snprintf(l->shape, sizeof l->shape, "%s", PQfname(describe, PQnfields(describe) - 1));
}

static void on_done(void *arg, const struct many_reply *r)
{
	struct got *g = arg;
	g->calls++;
	g->outcome = r->outcome;
	g->err = r->err;
	g->failed = r->failed;
	memcpy(g->sqlstate, r->sqlstate, 6);
	if (r->outcome != MANY_OK)
		return;
	const PGresult *last = r->rows[r->n - 1], *first = r->rows[0];
	snprintf(g->text, sizeof g->text, "%s", PQntuples(last) ? PQgetvalue(last, 0, 0) : "");
	snprintf(g->first, sizeof g->first, "%s", PQntuples(first) ? PQgetvalue(first, 0, 0) : "");
}

static void open_to(struct lane *l, const char *conninfo, unsigned connections, bool snapshot, uint64_t ms)
{
	*l = (struct lane){.loop = loop_new(), .max_rows = l->max_rows, .max_bytes = l->max_bytes};
	l->m = many_open(l->loop, &(struct many_options){.conninfo = conninfo,
								  .application = "many-test",
								  .connections = connections,
								  .snapshot = snapshot,
								  .statement_ms = ms,
								  .retry_first_ms = 20,
								  .max_rows = l->max_rows,
								  .max_bytes = l->max_bytes,
								  .on_up = on_up,
								  .on_down = on_down,
								  .arg = l});
}

static void open_lane(struct lane *l, unsigned connections, bool snapshot, uint64_t ms)
{
	if (!server)
		skip();
	open_to(l, server, connections, snapshot, ms);
}

static void close_lane(struct lane *l)
{
	many_close(l->m);
	loop_free(l->loop);
}

static struct many_sql *prepare(struct lane *l, const char *name, const char *text)
{
	return many_prepare(l->m, name, text, &(struct many_shape){NULL, 0, on_shape, l});
}

static void ask(struct lane *l, const struct many_sql *s, const char *value, struct got *g)
{
	const char *values[] = {value};
	*g = (struct got){0};
	many_run(l->m, &(struct many_step){s, values, value ? 1 : 0}, on_done, g);
	assert_int_equal(g->calls, 0);
}

static void all_up(struct lane *l, int shapes)
{
	spin_until(l->loop, l->ups == 1 && l->shapes >= shapes);
}

static void test_many(void **state)
{
	(void)state;
	enum { N = 3000 };
	static struct got got[N];
	struct lane l = {0};
	char text[32];
	open_lane(&l, 2, false, 0);
	struct many_sql *s = prepare(&l, "twice", "SELECT $1::int * 2 AS twice");
	all_up(&l, 2);
	assert_string_equal(l.shape, "twice");
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof text, "%d", i);
		ask(&l, s, text, &got[i]);
	}
	assert_int_equal(many_waiting(l.m), N);
	spin_until(l.loop, many_waiting(l.m) == 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(got[i].calls, 1);
		assert_int_equal(atoi(got[i].text), 2 * i);
	}
	close_lane(&l);
}

/* One that fails takes those behind it along: they are run again, each once. */
static void test_one_fails(void **state)
{
	(void)state;
	struct lane l = {0};
	struct got g[6];
	static const char *const values[] = {"1", "x", "3", "y", "5", "6"};
	open_lane(&l, 1, false, 0);
	struct many_sql *s = prepare(&l, "plus", "SELECT $1::int + 1");
	all_up(&l, 1);
	for (int i = 0; i < 6; i++)
		ask(&l, s, values[i], &g[i]);
	spin_until(l.loop, many_waiting(l.m) == 0);
	for (int i = 0; i < 6; i++) {
		bool bad = i == 1 || i == 3;
		assert_int_equal(g[i].calls, 1);
		assert_int_equal(g[i].outcome, bad ? MANY_REFUSED : MANY_OK);
		assert_string_equal(g[i].sqlstate, bad ? "22P02" : "");
		if (!bad)
			assert_int_equal(atoi(g[i].text), atoi(values[i]) + 1);
	}
	close_lane(&l);
}

static void test_reads_only(void **state)
{
	(void)state;
	struct lane l = {0};
	struct got g;
	open_lane(&l, 1, false, 300);
	sql("DROP TABLE IF EXISTS many_t");
	sql("CREATE TABLE many_t (a int)");
	struct many_sql *w = prepare(&l, "w", "INSERT INTO many_t VALUES (1)"),
					*s = prepare(&l, "s", "SELECT pg_sleep(20)"),
					*tz = prepare(&l, "tz", "SELECT current_setting('timezone') || current_setting('jit')");
	all_up(&l, 3);
	ask(&l, w, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_string_equal(g.sqlstate, "25006");
	ask(&l, s, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_string_equal(g.sqlstate, "57014");
	ask(&l, tz, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_string_equal(g.text, "UTCoff");
	close_lane(&l);
}

static void test_group(void **state)
{
	(void)state;
	struct lane l = {0};
	struct got g = {0}, bad = {0}, after;
	open_lane(&l, 1, true, 0);
	sql("DROP TABLE IF EXISTS many_t");
	sql("CREATE TABLE many_t (a int)");
	struct many_sql *n = prepare(&l, "n", "SELECT count(*) FROM many_t"),
					*lock = prepare(&l, "lock", "SELECT pg_advisory_xact_lock_shared(4711)"),
					*broken = prepare(&l, "broken", "SELECT 1 / (SELECT count(*) FROM many_t)");
	all_up(&l, 3);
	sql("SELECT pg_advisory_lock(4711)");
	const struct many_step steps[] = {{n, NULL, 0}, {lock, NULL, 0}, {n, NULL, 0}};
	const struct many_step fails[] = {{n, NULL, 0}, {broken, NULL, 0}, {n, NULL, 0}};
	many_group(l.m, steps, 3, on_done, &g);
	spin_until(
		l.loop, atoi(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")) == 1);
	many_group(l.m, fails, 3, on_done, &bad);
	sql("INSERT INTO many_t SELECT 1 FROM generate_series(1, 5)");
	sql("SELECT pg_advisory_unlock(4711)");
	spin_until(l.loop, g.calls);
	assert_string_equal(g.first, "0");
	assert_string_equal(g.text, "0"); /* one snapshot */
	spin_until(l.loop, bad.calls);
	assert_int_equal(bad.outcome, MANY_OK);
	assert_string_equal(bad.text, "5");
	sql("TRUNCATE many_t");
	bad = (struct got){0};
	many_group(l.m, fails, 3, on_done, &bad);
	ask(&l, n, NULL, &after);
	spin_until(l.loop, after.calls);
	assert_int_equal(bad.outcome, MANY_REFUSED);
	assert_int_equal(bad.failed, 1);
	assert_string_equal(bad.sqlstate, "22012");
	assert_string_equal(after.text, "0");
	close_lane(&l);
}

static void test_stale(void **state)
{
	(void)state;
	struct lane l = {0};
	struct got g;
	open_lane(&l, 1, false, 0);
	sql("DROP TABLE IF EXISTS many_t");
	sql("CREATE TABLE many_t AS SELECT 1 AS a");
	struct many_sql *s = prepare(&l, "all", "SELECT * FROM many_t"),
					*p = prepare(&l, "plain", "SELECT $1::int");
	all_up(&l, 2);
	ask(&l, s, NULL, &g);
	spin_until(l.loop, g.calls);
	sql("ALTER TABLE many_t ADD COLUMN b int");
	struct got with[3];
	ask(&l, p, "7", &with[0]);
	ask(&l, s, NULL, &g);
	ask(&l, p, "8", &with[1]);
	spin_until(l.loop, many_waiting(l.m) == 0);
	assert_int_equal(g.outcome, MANY_OK);
	assert_string_equal(l.shape, "b");
	assert_string_equal(with[0].text, "7");
	assert_string_equal(with[1].text, "8");
	sql("DROP TABLE many_t");
	ask(&l, s, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_string_equal(g.sqlstate, "42P01");
	ask(&l, s, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_string_equal(g.sqlstate, "42P01");
	sql("CREATE TABLE many_t AS SELECT 5 AS c");
	ask(&l, s, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_string_equal(g.text, "5");
	close_lane(&l);
}

#define KILL \
	"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'many-test'"

static void test_killed(void **state)
{
	(void)state;
	struct lane l = {0};
	struct got g, h;
	open_lane(&l, 2, false, 0);
	struct many_sql *s = prepare(&l, "nap", "SELECT pg_sleep(30)"), *p = prepare(&l, "one", "SELECT 1");
	all_up(&l, 4);
	ask(&l, s, NULL, &g);
	spin_until(
		l.loop, atoi(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'many-test' AND "
						 "wait_event = 'PgSleep'")) == 1);
	sql(KILL " AND wait_event = 'PgSleep'"); /* it goes to the other connection */
	spin_until(
		l.loop, atoi(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'many-test' AND "
						 "wait_event = 'PgSleep'")) == 1);
	assert_int_equal(g.calls, 0);
	sql(KILL);
	spin_until(l.loop, g.calls); /* once more only */
	assert_int_equal(g.outcome, MANY_LOST);
	int ups = l.downs ? 2 : 1; /* the first connection may be back already */
	spin_until(l.loop, l.ups == ups);
	ask(&l, p, NULL, &h);
	spin_until(l.loop, h.calls);
	assert_string_equal(h.text, "1");
	close_lane(&l);
}

/* A server that takes what is asked and says nothing: the connection is cut, what waited is answered. */
static void test_frozen(void **state)
{
	(void)state;
	struct lane l = {0};
	struct got g, h;
	open_lane(&l, 1, false, 200);
	struct many_sql *p = prepare(&l, "one", "SELECT 1");
	all_up(&l, 1);
	int pid = atoi(sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'many-test'"));
	if (kill(pid, SIGSTOP) != 0)
		skip();
	ask(&l, p, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_int_equal(g.outcome, MANY_LOST);
	assert_int_equal(l.downs, 1);
	spin_until(l.loop, l.ups == 2); /* another backend */
	ask(&l, p, NULL, &h);
	spin_until(l.loop, h.calls);
	kill(pid, SIGCONT);
	assert_string_equal(h.text, "1");
	close_lane(&l);
}

/* INV-10: what is above the bound is let go as it comes, its statement ends, and nobody else notices. */
static void test_bound(void **state)
{
	(void)state;
	struct lane l = {.max_rows = 1000, .max_bytes = 1 << 20};
	struct got g[6], pair = {0};
	open_lane(&l, 1, true, 60000);
	struct many_sql *rows = prepare(
						&l, "rows", "SELECT i, NULL, '' FROM generate_series(1, $1::int) i ORDER BY 1"),
					*wide =
						prepare(&l, "wide", "SELECT repeat('x', 100000) FROM generate_series(1, $1::int)"),
					*ever = prepare(&l, "ever", "SELECT generate_series(1, $1::bigint)"),
					*one = prepare(&l, "one", "SELECT $1::int"),
					*none = prepare(&l, "none", "SELECT 1 WHERE $1 = 0");
	all_up(&l, 5);
	ask(&l, rows, "1000", &g[0]);
	ask(&l, rows, "1001", &g[1]);
	ask(&l, wide, "9", &g[2]);
	ask(&l, wide, "11", &g[3]);
	ask(&l, none, "1", &g[4]);
	const char *half[] = {"501"};
	const struct many_step steps[] = {
		{rows, (const char *const *)half, 1}, {rows, (const char *const *)half, 1}};
	many_group(l.m, steps, 2, on_done, &pair);
	spin_until(l.loop, many_waiting(l.m) == 0);
	static const bool large[] = {false, true, false, true, false};
	for (int i = 0; i < 5; i++)
		assert_int_equal(g[i].outcome, large[i] ? MANY_TOO_LARGE : MANY_OK);
	assert_int_equal(pair.outcome, MANY_TOO_LARGE);
	assert_int_equal(pair.failed, 1);
	assert_string_equal(g[0].text, "1");
	assert_string_equal(g[4].text, "");
	/* without an end, and those behind it, which the cancel may hit: no connection is lost */
	for (int round = 0; round < 20; round++) {
		ask(&l, ever, "100000000000", &g[0]);
		for (int i = 1; i < 6; i++)
			ask(&l, one, "7", &g[i]);
		spin_until(l.loop, many_waiting(l.m) == 0);
		assert_int_equal(g[0].outcome, MANY_TOO_LARGE);
		for (int i = 1; i < 6; i++) {
			assert_int_equal(g[i].outcome, MANY_OK);
			assert_string_equal(g[i].text, "7");
		}
	}
	assert_int_equal(l.downs, 0);
	ask(&l, ever, "100000000000", &g[0]);
	close_lane(&l); /* with one under way */
	assert_int_equal(g[0].outcome, MANY_LOST);
}

static void test_nobody_there(void **state)
{
	(void)state;
	struct lane l = {0};
	struct got g;
	open_to(&l, "host=/nonexistent user=x", 2, false, 0);
	struct many_sql *s = prepare(&l, "one", "SELECT 1");
	ask(&l, s, NULL, &g);
	spin_until(l.loop, g.calls);
	assert_int_equal(g.outcome, MANY_LOST);
	assert_false(many_is_up(l.m));
	ask(&l, s, NULL, &g);
	close_lane(&l);
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.outcome, MANY_LOST);
}

int main(void)
{
	server = getenv("FAIRLEAD_TEST_PG");
	side = server ? PQconnectdb(server) : NULL;
	if (server)
		PQsetNoticeProcessor(side, quiet, NULL);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_many), cmocka_unit_test(test_one_fails),
		cmocka_unit_test(test_reads_only), cmocka_unit_test(test_group), cmocka_unit_test(test_stale),
		cmocka_unit_test(test_killed), cmocka_unit_test(test_frozen), cmocka_unit_test(test_bound),
		cmocka_unit_test(test_nobody_there)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (server)
		sql("DROP TABLE IF EXISTS many_t");
	PQfinish(side);
	return failed;
}
