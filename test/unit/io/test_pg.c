/* Against a running server: FAIRLEAD_TEST_PG is the conninfo of a superuser. Without it every test here is
 * skipped. */
#include "test/unit/io/spin.h"

#include "common/base/mem.h"
#include "common/io/pg.h"

#include <libpq-fe.h>
#include <stdio.h>

static const char *server; /* conninfo of the superuser, database postgres */
static char *conninfo;     /* the same with a database of our own */
static char dbname[64];
static PGconn *side; /* a second, plain connection to that database */

struct world {
	struct loop *loop;
	struct pg *pg;
	int ups, downs;
	struct err down;
	struct buf heard;
};

/* What one unit brought; text is the first column of the first row of its last statement. */
struct got {
	int calls;
	enum pg_outcome outcome;
	struct err err;
	char sqlstate[6];
	int failed, statements;
	bool fenced;
	char text[128];
	int *order, rank;
};

static PGresult *sql(const char *text)
{
	PGresult *r = PQexec(side, text);
	ExecStatusType s = PQresultStatus(r);
	if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQerrorMessage(side));
	return r;
}

static void sql_do(const char *text)
{
	PQclear(sql(text));
}

static int sql_int(const char *text)
{
	PGresult *r = sql(text);
	int v = atoi(PQgetvalue(r, 0, 0));
	PQclear(r);
	return v;
}

static void kill_backend(int pid)
{
	char text[80];
	snprintf(text, sizeof text, "SELECT pg_terminate_backend(%d)", pid);
	sql_do(text);
}

static void on_up(void *arg)
{
	((struct world *)arg)->ups++;
}

static void on_down(void *arg, const struct err *e)
{
	struct world *w = arg;
	w->downs++;
	w->down = *e;
}

static void on_notify(void *arg, const char *channel, const char *payload)
{
	buf_printf(&((struct world *)arg)->heard, "%s=%s;", channel, payload);
}

static void open_to(struct world *w, const char *to)
{
	struct pg_options o = {.conninfo = to,
		.application = "fairlead-test",
		.listen = {"bells", "Odd name"},
		.retry_first_ms = 10,
		.retry_max_ms = 20};
	struct pg_events ev = {on_up, on_down, on_notify, w};
	w->loop = loop_new();
	w->pg = pg_open(w->loop, &o, &ev);
}

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	*state = w;
	if (!server)
		return 0;
	open_to(w, conninfo);
	spin_until(w->loop, w->ups == 1);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	if (w->pg)
		pg_close(w->pg);
	if (w->loop)
		loop_free(w->loop);
	buf_fini(&w->heard);
	free(w);
	return 0;
}

#define need_server() \
	if (!server)      \
	skip()

static void on_done(void *arg, const struct pg_reply *r)
{
	struct got *g = arg;
	g->calls++;
	g->outcome = r->outcome;
	g->err = r->err;
	g->failed = r->failed;
	g->statements = r->statements;
	g->fenced = pg_fenced(r);
	memcpy(g->sqlstate, r->sqlstate, sizeof g->sqlstate);
	if (r->outcome == PG_OK && pg_rows(r, r->statements - 1) > 0)
		snprintf(g->text, sizeof g->text, "%s", pg_get_text(r, r->statements - 1, 0, 0));
	if (g->order)
		g->rank = (*g->order)++;
}

static void stmt(struct pg_unit *u, const char *name, const char *text)
{
	pg_stmt(u, &(struct pg_sql){name, text});
}

static struct pg_unit *unit_of(struct world *w, const char *name, const char *text)
{
	struct pg_unit *u = pg_unit(w->pg);
	stmt(u, name, text);
	return u;
}

static void run(struct world *w, struct pg_unit *u, struct got *g)
{
	pg_unit_run(u, 0, on_done, g);
	spin_until(w->loop, g->calls == 1);
}

static void assert_ok(const struct got *g)
{
	if (g->outcome != PG_OK)
		fail_msg("outcome %d, %s: %s", (int)g->outcome, g->sqlstate, g->err.text);
}

static void add_item(void *arg, struct str item)
{
	buf_printf(arg, "[%.*s]", item.p ? (int)item.n : 4, item.p ? item.p : "null");
}

static void on_values(void *arg, const struct pg_reply *r)
{
	struct got *g = arg;
	uint8_t bytes[3];
	struct buf b = {0};
	on_done(arg, r);
	assert_ok(g);
	assert_true(pg_is_null(r, 0, 0, 0));
	assert_int_equal(pg_get_int(r, 0, 0, 0), 0);
	assert_string_equal(pg_get_text(r, 0, 0, 1), "it's \"so\" \\ \xEF\xBF\xBD.");
	assert_true(pg_get_int(r, 0, 0, 2) == INT64_MIN);
	assert_true(pg_get_bool(r, 0, 0, 3));
	assert_true(pg_get_bytes(r, 0, 0, 4, bytes, 3));
	assert_memory_equal(bytes, "\0\xff\x01", 3);
	assert_false(pg_get_bytes(r, 0, 0, 4, bytes, 2));
	assert_int_equal(pg_get_blob(r, 0, 0, 4, &b), 3);
	assert_memory_equal(b.p, "\0\xff\x01", 3);
	struct u256 most = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	assert_int_equal(u256_cmp(pg_get_u256(r, 0, 0, 5), most), 0);
	buf_clear(&b);
	pg_get_array(r, 0, 0, 6, add_item, &b);
	assert_string_equal(b.p, "[a\"b\\c{,} ][null][NULL][]");
	buf_clear(&b);
	pg_get_array(r, 0, 0, 7, add_item, &b);
	assert_string_equal(b.p, "[-1][9223372036854775807]");
	buf_clear(&b);
	pg_get_array(r, 0, 0, 8, add_item, &b);
	assert_string_equal(b.p, "[\\x00ff]");
	buf_clear(&b);
	pg_get_array(r, 0, 0, 9, add_item, &b);
	assert_int_equal(b.n, 0);
	assert_int_equal(pg_get_int(r, 0, 0, 10), 7);
	buf_fini(&b);
}

static void test_values(void **state)
{
	need_server();
	struct world *w = *state;
	struct got g = {0};
	struct u256 most = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	struct pg_unit *u = unit_of(w, "values",
		"SELECT $1::int, $2::text, $3::bigint, $4::bool, $5::bytea, $6::numeric, $7::text[], $8::bigint[], "
		"$9::bytea[], $10::int[], ($11::numeric[])[1]");
	pg_put_null(u);
	pg_put_str(u, (struct str){"it's \"so\" \\ \0.", 14});
	pg_put_int(u, INT64_MIN);
	pg_put_bool(u, true);
	pg_put_bytes(u, (const uint8_t *)"\0\xff\x01", 3);
	pg_put_u256(u, most);
	pg_array_open(u);
	pg_item_text(u, STR("a\"b\\c{,} "));
	pg_item_null(u);
	pg_item_text(u, STR("NULL"));
	pg_item_text(u, STR(""));
	pg_array_close(u);
	pg_array_open(u);
	pg_item_int(u, -1);
	pg_item_int(u, INT64_MAX);
	pg_array_close(u);
	pg_array_open(u);
	pg_item_bytes(u, (const uint8_t *)"\0\xff", 2);
	pg_array_close(u);
	pg_array_open(u);
	pg_array_close(u);
	pg_array_open(u);
	pg_item_u256(u, u256_of(7));
	pg_array_close(u);
	pg_unit_run(u, 0, on_values, &g);
	assert_int_equal(g.calls, 0);
	spin_until(w->loop, g.calls == 1);
}

static void test_session(void **state)
{
	need_server();
	struct world *w = *state;
	struct got g = {0};
	run(w,
		unit_of(w, NULL,
			"SELECT concat_ws(' ', current_setting('timezone'), current_setting('application_name'), "
			"current_setting('client_min_messages'))"),
		&g);
	assert_string_equal(g.text, "UTC fairlead-test warning");
}

/* A unit is one transaction: what stood before the statement that raised is not there, what stood behind
 * never ran. */
static void test_all_or_nothing(void **state)
{
	need_server();
	struct world *w = *state;
	struct got g = {0}, fenced = {0};
	sql_do("CREATE TABLE one (id int PRIMARY KEY, note text)");
	struct pg_unit *u = unit_of(w, "one_put", "INSERT INTO one (id) VALUES ($1)");
	pg_put_int(u, 1);
	stmt(u, "one_put", "INSERT INTO one (id) VALUES ($1)");
	pg_put_int(u, 1);
	stmt(u, NULL, "SELECT nextval('never')");
	run(w, u, &g);
	assert_int_equal(g.outcome, PG_REFUSED);
	assert_string_equal(g.sqlstate, "23505");
	assert_int_equal(g.failed, 1);
	assert_int_equal(g.statements, 3);
	assert_int_equal(g.err.class, ERR_REJECTED);
	assert_non_null(strstr(g.err.text, "Key (id)=(1) already exists"));
	assert_int_equal(sql_int("SELECT count(*) FROM one"), 0);

	u = unit_of(w, "one_put", "INSERT INTO one (id) VALUES ($1)");
	pg_put_int(u, 2);
	stmt(u, NULL, "DO $$ BEGIN RAISE EXCEPTION 'another holds the lane' USING ERRCODE = 'FL001'; END $$");
	run(w, u, &fenced);
	assert_true(fenced.fenced);
	assert_int_equal(sql_int("SELECT count(*) FROM one"), 0);
}

/* The commit itself may refuse, behind the last statement: a unit is OK only after its Sync. */
static void test_refused_at_commit(void **state)
{
	need_server();
	struct world *w = *state;
	struct got g = {0}, after = {0};
	sql_do("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
	struct pg_unit *u = unit_of(w, NULL, "INSERT INTO late VALUES (1), (1)");
	stmt(u, NULL, "SELECT 5");
	pg_unit_run(u, 0, on_done, &g);
	run(w, unit_of(w, NULL, "SELECT 'next'"), &after);
	assert_int_equal(g.outcome, PG_REFUSED);
	assert_string_equal(g.sqlstate, "23505");
	assert_int_equal(g.calls, 1);
	assert_string_equal(after.text, "next");
	assert_int_equal(w->ups, 1);
}

/* A Parse that failed, and one that never ran, leave their names free; units queued behind in the same turn
 * too. */
static void test_failed_parse(void **state)
{
	need_server();
	struct world *w = *state;
	struct got first = {0}, second = {0}, third = {0}, skipped = {0}, again = {0};
	pg_unit_run(unit_of(w, "soon", "SELECT n FROM soon"), 0, on_done, &first);
	pg_unit_run(unit_of(w, "soon", "SELECT n FROM soon"), 0, on_done, &second);
	struct pg_unit *u = unit_of(w, NULL, "SELECT 1/0");
	stmt(u, "behind", "SELECT 'behind'");
	pg_unit_run(u, 0, on_done, &skipped);
	run(w, unit_of(w, "behind", "SELECT 'behind'"), &again);
	assert_string_equal(first.sqlstate, "42P01");
	assert_string_equal(second.sqlstate, "42P01");
	assert_string_equal(skipped.sqlstate, "22012");
	assert_int_equal(skipped.failed, 0);
	assert_string_equal(again.text, "behind");
	sql_do("CREATE TABLE soon AS SELECT 42 AS n");
	run(w, unit_of(w, "soon", "SELECT n FROM soon"), &third);
	assert_string_equal(third.text, "42");
}

/* A table that changes under a prepared SELECT * is refused once, as something that passes. */
static void test_plan_changed(void **state)
{
	need_server();
	struct world *w = *state;
	struct got before = {0}, changed = {0}, after = {0}, gone = {0}, back = {0};
	sql_do("CREATE TABLE star AS SELECT 1 AS a");
	run(w, unit_of(w, "star", "SELECT * FROM star"), &before);
	assert_ok(&before);
	sql_do("ALTER TABLE star ADD COLUMN b int");
	run(w, unit_of(w, "star", "SELECT * FROM star"), &changed);
	assert_string_equal(changed.sqlstate, "0A000");
	assert_int_equal(changed.err.class, ERR_TRANSIENT);
	run(w, unit_of(w, "star", "SELECT * FROM star"), &after);
	assert_ok(&after);
	run(w, unit_of(w, NULL, "DEALLOCATE ALL"), &(struct got){0});
	run(w, unit_of(w, "star", "SELECT * FROM star"), &gone);
	assert_string_equal(gone.sqlstate, "26000");
	run(w, unit_of(w, "star", "SELECT * FROM star"), &back);
	assert_ok(&back);
}

/* Several thousand units of one turn are answered in their order. */
static void test_many(void **state)
{
	need_server();
	struct world *w = *state;
	enum { MANY = 3000 };
	static struct got g[MANY];
	int order = 0;
	memset(g, 0, sizeof g);
	for (int i = 0; i < MANY; i++) {
		g[i].order = &order;
		struct pg_unit *u = unit_of(w, "echo", "SELECT $1::int");
		pg_put_int(u, i);
		pg_unit_run(u, 0, on_done, &g[i]);
	}
	spin_until(w->loop, order == MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(g[i].rank, i);
		assert_int_equal(atoi(g[i].text), i);
	}
}

/* More bytes than a socket takes at once, both ways. */
static void test_large(void **state)
{
	need_server();
	struct world *w = *state;
	enum { SIZE = 3000000, UNITS = 4 };
	uint8_t *bytes = mem_alloc(SIZE);
	struct got g[UNITS] = {0};
	for (int i = 0; i < UNITS; i++) {
		struct pg_unit *u = unit_of(w, "blob", "SELECT length($1::bytea), $1::bytea");
		pg_put_bytes(u, bytes, SIZE);
		pg_unit_run(u, 0, on_done, &g[i]);
	}
	spin_until(w->loop, g[UNITS - 1].calls == 1);
	for (int i = 0; i < UNITS; i++)
		assert_string_equal(g[i].text, "3000000");
	free(bytes);
}

/* "held" uses a name whose Parse waits behind the sleep, so it was never given to the connection. */
static void test_killed(void **state)
{
	need_server();
	struct world *w = *state;
	struct got flushed = {0}, also = {0}, held = {0}, down = {0}, after = {0}, known = {0}, again = {0};
	sql_do("CREATE TABLE killed (id int)");
	run(w, unit_of(w, "known", "SELECT 'known'"), &known);
	pg_unit_run(unit_of(w, NULL, "INSERT INTO killed VALUES (1)"), 0, on_done, &flushed);
	struct pg_unit *u = unit_of(w, NULL, "SELECT pg_sleep(60)");
	stmt(u, "held", "INSERT INTO killed VALUES (2)");
	pg_unit_run(u, 0, on_done, &also);
	pg_unit_run(unit_of(w, "held", "INSERT INTO killed VALUES (2)"), 0, on_done, &held);
	spin_until(w->loop, flushed.calls == 1);
	kill_backend(pg_server_pid(w->pg));
	spin_until(w->loop, w->downs == 1);
	assert_int_equal(flushed.outcome, PG_OK);
	assert_int_equal(also.calls, 1);
	assert_int_equal(also.outcome, PG_UNKNOWN);
	assert_int_equal(also.err.class, ERR_TRANSIENT);
	assert_int_equal(held.calls, 1);
	assert_int_equal(held.outcome, PG_UNSENT);
	assert_non_null(strstr(w->down.text, "terminating connection"));
	run(w, unit_of(w, NULL, "SELECT 1"), &down);
	assert_int_equal(down.outcome, PG_UNSENT);
	spin_until(w->loop, w->ups == 2);
	run(w, unit_of(w, "held", "INSERT INTO killed VALUES (2)"), &after);
	assert_ok(&after);
	assert_int_equal(sql_int("SELECT count(*) FROM killed"), 2);
	run(w, unit_of(w, "known", "SELECT 'known'"),
		&again); /* a name of the old connection is new to this one */
	assert_string_equal(again.text, "known");
}

static void test_deadline(void **state)
{
	need_server();
	struct world *w = *state;
	struct got slow = {0}, behind = {0}, after = {0};
	pg_unit_run(unit_of(w, NULL, "SELECT pg_sleep(60)"), 50, on_done, &slow);
	pg_unit_run(unit_of(w, NULL, "SELECT 1"), 0, on_done, &behind);
	spin_until(w->loop, behind.calls == 1);
	assert_int_equal(slow.outcome, PG_UNKNOWN);
	assert_int_equal(behind.outcome, PG_UNKNOWN);
	assert_non_null(strstr(slow.err.text, "no answer in time"));
	spin_until(w->loop, w->ups == 2);
	run(w, unit_of(w, NULL, "SELECT 'on'"), &after);
	assert_string_equal(after.text, "on");
}

/* What waits behind a long unit does not cut it off: its time begins when its answer is the next one. */
static void test_deadline_behind(void **state)
{
	need_server();
	struct world *w = *state;
	struct got slow = {0}, behind = {0}, last = {0};
	pg_unit_run(unit_of(w, NULL, "SELECT pg_sleep(0.5)"), 0, on_done, &slow);
	pg_unit_run(unit_of(w, NULL, "SELECT 1"), 200, on_done, &behind);
	pg_unit_run(unit_of(w, NULL, "SELECT pg_sleep(60)"), 50, on_done, &last);
	spin_until(w->loop, last.calls == 1);
	assert_ok(&slow);
	assert_ok(&behind);
	assert_int_equal(last.outcome, PG_UNKNOWN);
}

static struct pg_unit *begun(struct world *w, const char *name, const char *text)
{
	struct pg_unit *u = unit_of(w, name, text);
	stmt(u, "lock", "SELECT pg_advisory_xact_lock(7)");
	pg_unit_begin(u);
	spin_until(
		w->loop, sql_int("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") == 1);
	return u;
}

/* What was begun runs at once, counts with its end only, and nothing overtakes it. */
static void test_begun(void **state)
{
	need_server();
	struct world *w = *state;
	struct got all = {0}, behind = {0};
	sql_do("CREATE TABLE begun (id int)");
	struct pg_unit *u = begun(w, "one", "INSERT INTO begun VALUES (1)");
	pg_unit_run(unit_of(w, NULL, "SELECT count(*) FROM begun"), 0, on_done, &behind);
	spin_until(w->loop, sql_int("SELECT count(*) FROM begun") == 0);
	stmt(u, "more", "SELECT pg_advisory_xact_lock(8)");
	pg_unit_more(u);
	spin_until(
		w->loop, sql_int("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") == 2);
	stmt(u, "two", "INSERT INTO begun VALUES (2)");
	stmt(u, "one", "INSERT INTO begun VALUES (1)");
	assert_int_equal(behind.calls, 0);
	pg_unit_run(u, 0, on_done, &all);
	spin_until(w->loop, behind.calls == 1);
	assert_ok(&all);
	assert_int_equal(all.statements, 5);
	assert_string_equal(behind.text, "3");
}

static void test_begun_and_undone(void **state)
{
	need_server();
	struct world *w = *state;
	struct got after = {0}, refused = {0};
	sql_do("CREATE TABLE undone (id int)");
	pg_unit_undo(begun(w, "one", "INSERT INTO undone VALUES (1)"));
	struct pg_unit *u = unit_of(w, "one", "INSERT INTO undone VALUES (1)");
	pg_unit_begin(u);
	pg_unit_more(u);
	pg_unit_undo(u); /* before it left */
	run(w, unit_of(w, "one", "INSERT INTO undone VALUES (1)"), &after);
	assert_ok(&after);
	assert_int_equal(sql_int("SELECT count(*) FROM undone"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
	u = unit_of(w, NULL, "SELECT 1/0");
	pg_unit_begin(u);
	stmt(u, NULL, "INSERT INTO undone VALUES (2)");
	run(w, u, &refused);
	assert_int_equal(refused.outcome, PG_REFUSED);
	assert_string_equal(refused.sqlstate, "22012");
	assert_int_equal(refused.failed, 0);
	assert_int_equal(sql_int("SELECT count(*) FROM undone"), 1);
}

/* Its caller still has it: it runs once, whole, on the next connection. */
static void test_begun_and_lost(void **state)
{
	need_server();
	struct world *w = *state;
	struct got all = {0}, away = {0};
	sql_do("CREATE TABLE lost (id int)");
	struct pg_unit *u = begun(w, "one", "INSERT INTO lost VALUES (1)");
	struct pg_unit *given_up = unit_of(w, NULL, "INSERT INTO lost VALUES (3)");
	pg_unit_begin(given_up);
	kill_backend(pg_server_pid(w->pg));
	spin_until(w->loop, w->downs == 1);
	pg_unit_undo(given_up);
	spin_until(w->loop, w->ups == 2);
	stmt(u, NULL, "INSERT INTO lost VALUES (2)");
	run(w, u, &all);
	assert_ok(&all);
	assert_int_equal(sql_int("SELECT sum(id) FROM lost"), 3);
	u = begun(w, NULL, "INSERT INTO lost VALUES (4)");
	kill_backend(pg_server_pid(w->pg));
	spin_until(w->loop, w->downs == 2);
	stmt(u, NULL, "INSERT INTO lost VALUES (5)");
	pg_unit_more(u);
	run(w, u, &away);
	assert_int_equal(away.outcome, PG_UNSENT);
	assert_int_equal(sql_int("SELECT sum(id) FROM lost"), 3);
}

static void test_notify(void **state)
{
	need_server();
	struct world *w = *state;
	sql_do("NOTIFY bells, '7'");
	sql_do("NOTIFY \"Odd name\", '8'");
	sql_do("NOTIFY others, '9'");
	spin_until(w->loop, w->heard.n >= 19);
	assert_string_equal(w->heard.p, "bells=7;Odd name=8;");
	kill_backend(pg_server_pid(w->pg));
	spin_until(w->loop, w->ups == 2);
	buf_clear(&w->heard);
	sql_do("NOTIFY bells, 'again'");
	spin_until(w->loop, w->heard.n > 0);
	assert_string_equal(w->heard.p, "bells=again;");
}

static void close_there(void *arg, const struct pg_reply *r)
{
	struct world *w = arg;
	assert_int_equal(r->outcome, PG_OK);
	pg_close(w->pg);
	w->pg = NULL;
}

static void run_another(void *arg, const struct pg_reply *r)
{
	struct world *w = arg;
	static struct got last;
	last = (struct got){0};
	w->downs = r->outcome == PG_UNKNOWN ? 100 : -1;
	pg_unit_run(unit_of(w, NULL, "SELECT 1"), 0, on_done, &last);
}

/* Closing inside an answer: the others get theirs once, later; a unit run by such an answer is refused, not
 * lost. */
static void test_close(void **state)
{
	need_server();
	struct world *w = *state;
	struct got open = {0};
	struct world copy = *w;
	pg_unit_run(unit_of(w, NULL, "SELECT 1"), 0, close_there, w);
	pg_unit_run(unit_of(w, NULL, "SELECT pg_sleep(60)"), 0, on_done, &open);
	pg_unit_run(unit_of(w, NULL, "SELECT 2"), 0, run_another, &copy);
	spin_until(w->loop, open.calls == 1);
	assert_int_equal(open.outcome, PG_UNKNOWN);
	spin_until(w->loop, copy.downs != 0);
	assert_int_equal(copy.downs, 100);
	assert_null(w->pg);
}

static void test_no_server(void **state)
{
	need_server();
	struct world *w = *state, away = {0}, bad = {0};
	struct got g = {0};
	open_to(&away, "host=/nonexistent-directory dbname=x password=hunter2");
	spin_until(away.loop, away.downs >= 3);
	assert_int_equal(away.down.class, ERR_TRANSIENT);
	assert_non_null(strstr(away.down.text, "/nonexistent-directory"));
	assert_null(strstr(away.down.text, "hunter2"));
	run(&away, unit_of(&away, NULL, "SELECT 1"), &g);
	assert_int_equal(g.outcome, PG_UNSENT);
	pg_close(away.pg);
	loop_free(away.loop);
	open_to(&bad, "host=x passwor=hunter2");
	spin_until(bad.loop, bad.downs >= 2);
	assert_null(strstr(bad.down.text, "hunter2"));
	pg_close(bad.pg);
	loop_free(bad.loop);
	assert_int_equal(w->downs, 0);
}

static void on_accept(uv_stream_t *listener, int status)
{
	assert_int_equal(status, 0);
	uv_tcp_t *peer = listener->data;
	uv_tcp_init(listener->loop, peer);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)peer), 0);
	uv_buf_t b = uv_buf_init((char *)(uintptr_t) "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	uv_try_write((uv_stream_t *)peer, &b, 1);
	uv_close((uv_handle_t *)peer, NULL);
}

/* Something that is not PostgreSQL answers. */
static void test_not_postgres(void **state)
{
	need_server();
	(void)state;
	struct world w = {0};
	struct sockaddr_in a;
	int len = sizeof a;
	char to[80];
	static uv_tcp_t listener, peer;
	uv_ip4_addr("127.0.0.1", 0, &a);
	struct loop *l = loop_new();
	uv_tcp_init(loop_uv(l), &listener);
	listener.data = &peer;
	assert_int_equal(uv_tcp_bind(&listener, (const struct sockaddr *)&a, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listener, 8, on_accept), 0);
	uv_tcp_getsockname(&listener, (struct sockaddr *)&a, &len);
	snprintf(to, sizeof to, "host=127.0.0.1 port=%d dbname=x", ntohs(a.sin_port));
	struct pg_options o = {.conninfo = to, .retry_first_ms = 10000, .retry_max_ms = 10000};
	struct pg_events ev = {on_up, on_down, on_notify, &w};
	w.pg = pg_open(l, &o, &ev);
	spin_until(l, w.downs == 1);
	assert_int_equal(w.ups, 0);
	pg_close(w.pg);
	uv_close((uv_handle_t *)&listener, NULL);
	loop_free(l);
}

static void test_environment(void **state)
{
	(void)state;
	char text[120];
	setenv("DATABASE_URL", "postgresql://u:secret@db-1:5433/ktty?sslmode=disable", 1);
	char *c = pg_conninfo_from_env();
	pg_for_people(text, sizeof text, c);
	assert_string_equal(text, "PostgreSQL ktty on db-1:5433");
	free(c);
	unsetenv("DATABASE_URL");
	setenv("DB_HOST", "/run/pg", 1);
	setenv("DB_PASSWORD", "it's \\ me", 1);
	setenv("DB_NAME", "ktty", 1);
	c = pg_conninfo_from_env();
	assert_string_equal(c, "host='/run/pg' password='it\\'s \\\\ me' dbname='ktty'");
	pg_for_people(text, sizeof text, c);
	assert_string_equal(text, "PostgreSQL ktty on /run/pg");
	free(c);
	unsetenv("DB_HOST");
	unsetenv("DB_PASSWORD");
	unsetenv("DB_NAME");
	c = pg_conninfo_from_env();
	assert_string_equal(c, "");
	free(c);
	pg_for_people(text, sizeof text, "host=x passwor=hunter2");
	assert_string_equal(text, "PostgreSQL");
}

/* What no waiting can mend is told from what is only away, and never shown. */
static void test_environment_that_can_not_be_read(void **state)
{
	(void)state;
	static const struct {
		const char *url, *port, *says; /* says NULL: it can be read */
	} cases[] = {{"hunter2", NULL, "DATABASE_URL can't be read"},
		{"host=x password='hunter2", NULL, "DATABASE_URL can't be read"},
		{"postgres://u:hunter2@host:port/x", NULL, "DATABASE_URL: the port of PostgreSQL is a number"},
		{"", "54x2", "DB_PORT: the port"}, {"postgres://u:hunter2@nowhere/x", "54x2", NULL},
		{"postgres://a:5432,b:5433/x", NULL, NULL}, {"host=x dbname=y", NULL, NULL}, {"", "5433", NULL}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		setenv("DATABASE_URL", cases[i].url, 1);
		if (cases[i].port)
			setenv("DB_PORT", cases[i].port, 1);
		assert_int_equal(pg_env_ok(&e), cases[i].says == NULL);
		if (cases[i].says) {
			assert_int_equal(strncmp(e.text, cases[i].says, strlen(cases[i].says)), 0);
			assert_null(strstr(e.text, "hunter2"));
		}
		unsetenv("DATABASE_URL");
		unsetenv("DB_PORT");
	}
}

static int make_database(void **state)
{
	(void)state;
	struct buf b = {0};
	server = getenv("FAIRLEAD_TEST_PG");
	if (!server) {
		puts("FAIRLEAD_TEST_PG is not set: the tests against PostgreSQL are skipped");
		return 0;
	}
	snprintf(dbname, sizeof dbname, "fairlead_unit_pg_%d", (int)getpid());
	side = PQconnectdb(server);
	buf_printf(&b, "CREATE DATABASE %s", dbname);
	sql_do(b.p);
	PQfinish(side);
	buf_clear(&b);
	bool url = strstr(server, "://") != NULL;
	assert_false(url);
	buf_printf(&b, "%s dbname=%s", server, dbname);
	conninfo = b.p;
	side = PQconnectdb(conninfo);
	sql_do("SET client_min_messages = warning");
	return PQstatus(side) == CONNECTION_OK ? 0 : -1;
}

static int drop_database(void **state)
{
	(void)state;
	char text[120];
	if (!server)
		return 0;
	PQfinish(side);
	side = PQconnectdb(server);
	snprintf(text, sizeof text, "DROP DATABASE %s WITH (FORCE)", dbname);
	sql_do(text);
	PQfinish(side);
	free(conninfo);
	return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_values),
		T(test_session),
		T(test_all_or_nothing),
		T(test_refused_at_commit),
		T(test_failed_parse),
		T(test_plan_changed),
		T(test_many),
		T(test_large),
		T(test_killed),
		T(test_deadline),
		T(test_deadline_behind),
		T(test_begun),
		T(test_begun_and_undone),
		T(test_begun_and_lost),
		T(test_notify),
		T(test_close),
		T(test_no_server),
		T(test_not_postgres),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_environment_that_can_not_be_read),
	};
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
