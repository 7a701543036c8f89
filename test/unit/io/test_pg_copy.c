/* Against a running server: FAIRLEAD_TEST_PG is the conninfo of a superuser. Without it every test here is
 * skipped. */
#include "peer.h"

#include "common/io/pg_copy.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>

static const char *server; /* conninfo of the superuser, database postgres */
static char *conninfo;     /* the same with a database of our own */
static char dbname[64];
static PGconn *side; /* a second, plain connection to that database */

static struct loop *l;
static struct pg_copy *c;
static struct pg_load *load;
static int rooms, fails, ends;
static struct pg_reply last; /* without results */
static char last_text[64];   /* the first value of the last statement */

static const char to_t[] = "COPY t (id, name) FROM STDIN (FORMAT binary)";
static const char to_u[] = "COPY u (id, name) FROM STDIN (FORMAT binary)";

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

static void put_be(struct buf *b, uint64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--)
		buf_char(b, (char)(v >> (8 * i)));
}

static void row(struct buf *b, uint64_t id, const char *name)
{
	put_be(b, 2, 2);
	put_be(b, 8, 4);
	put_be(b, id, 8);
	put_be(b, strlen(name), 4);
	buf_text(b, name);
}

static void rows(const char *copy, uint64_t from, uint64_t n)
{
	struct buf b = {0};
	for (uint64_t i = 0; i < n; i++)
		row(&b, from + i, "some words of a row");
	pg_load_rows(load, copy, &b);
	assert_int_equal(b.n + b.cap, 0);
}

static void on_room(void *arg)
{
	(void)arg;
	rooms++;
}

static void on_fail(void *arg, const struct pg_reply *r)
{
	(void)arg;
	fails++;
	last = *r;
	load = NULL;
}

static void on_end(void *arg, const struct pg_reply *r)
{
	(void)arg;
	ends++;
	last = *r;
	load = NULL;
	*last_text = 0;
	if (r->outcome == PG_OK && r->statements && pg_rows(r, r->statements - 1) > 0)
		snprintf(last_text, sizeof last_text, "%s", pg_get_text(r, r->statements - 1, 0, 0));
}

static void begin(uint64_t deadline_ms)
{
	load = pg_load_begin(
		c, &(struct pg_load_events){.on_room = on_room, .on_fail = on_fail, .deadline_ms = deadline_ms});
}

static void stmt(const char *name, const char *text)
{
	pg_stmt(pg_load_unit(load), &(struct pg_sql){name, text});
}

/* Ends the load and says how. */
static enum pg_outcome commit(void)
{
	int before = ends;
	pg_load_end(load, on_end, NULL);
	assert_int_equal(ends, before);
	assert_true(pg_copy_is_busy(c)); /* until COMMIT is answered */
	spin_until(l, ends > before);
	assert_int_equal(ends, before + 1);
	assert_false(pg_copy_is_busy(c));
	return last.outcome;
}

static void open_to(const char *to)
{
	c = pg_copy_open(
		l, &(struct pg_options){
			   .conninfo = to, .application = "fairlead-test", .retry_first_ms = 1, .retry_max_ms = 5});
}

/* A backend that stays frozen would hold up every DROP DATABASE of the server. */
static int frozen;

static void freeze(int pid)
{
	frozen = pid;
	kill(pid, SIGSTOP);
}

static void thaw(void)
{
	if (frozen)
		kill(frozen, SIGCONT);
	frozen = 0;
}

static int set_up(void **state)
{
	(void)state;
	rooms = fails = ends = 0;
	load = NULL;
	l = loop_new();
	if (!server)
		return 0;
	sql_do("DROP TABLE IF EXISTS t, u, refs; CREATE TABLE t (id bigint PRIMARY KEY, name text);"
		   "CREATE TABLE u (LIKE t)");
	open_to(conninfo);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	thaw();
	pg_copy_close(c);
	c = NULL;
	loop_free(l);
	return 0;
}

#define need_server() \
	if (!server)      \
	skip()

static void rows_and_statements_are_one_transaction(void **state)
{
	(void)state;
	need_server();
	begin(0);
	rows(to_t, 1, 3);
	rows(to_t, 4, 2);
	rows(to_u, 1, 1);
	rows(to_t, 6, 1);
	stmt(NULL, "INSERT INTO u VALUES (2, 'by hand')");
	stmt("count", "SELECT count(*) FROM t WHERE id < $1");
	pg_put_int(pg_load_unit(load), 6);
	assert_true(pg_load_waiting(load) > 0);
	assert_int_equal(commit(), PG_OK);
	assert_string_equal(last_text, "5");
	assert_int_equal(last.statements, 2);
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 6);
	assert_int_equal(sql_int("SELECT count(*) FROM u"), 2);
	assert_int_equal(sql_int("SELECT count(*) FROM t WHERE name = 'some words of a row'"), 6);
	int pid = pg_copy_server_pid(c);
	for (int i = 0; i < 3; i++) { /* the statement that was prepared is known */
		begin(0);
		rows(to_t, 100 + (unsigned)i, 1);
		stmt("count", "SELECT count(*) FROM t WHERE id < $1");
		pg_put_int(pg_load_unit(load), 1000);
		assert_int_equal(commit(), PG_OK);
	}
	assert_string_equal(last_text, "9");
	assert_int_equal(pg_copy_server_pid(c), pid);
	assert_true(pg_copy_is_up(c));
}

/* A table of the session that the same command makes: rows that may be there already go through it. */
static void commands_before_a_copy_are_part_of_it(void **state)
{
	(void)state;
	need_server();
	static const char
		staged[] = "CREATE TEMP TABLE IF NOT EXISTS s (LIKE t) ON COMMIT DELETE ROWS; "
				   "COPY pg_temp.s (id, name) FROM STDIN (FORMAT binary)",
		move[] = "WITH n AS (INSERT INTO t SELECT * FROM pg_temp.s ON CONFLICT DO NOTHING RETURNING 1) "
				 "SELECT count(*) FROM n";
	begin(0);
	rows(staged, 1, 3);
	rows(to_u, 1, 1);
	rows(staged, 4, 1);
	stmt("move", move);
	assert_int_equal(commit(), PG_OK);
	assert_string_equal(last_text, "4");
	begin(0); /* it stands, and is empty; two of these are there */
	rows(staged, 3, 3);
	stmt("move", move);
	assert_int_equal(commit(), PG_OK);
	assert_string_equal(last_text, "1");
	/* made in a transaction that is rolled back, it is made again, and the statement finds it */
	pg_copy_close(c);
	open_to(conninfo);
	begin(0);
	rows(staged, 6, 1);
	stmt("move", move);
	stmt(NULL, "SELECT 1 / 0");
	assert_int_equal(commit(), PG_REFUSED);
	begin(0);
	rows(staged, 5, 2);
	stmt("move", move);
	assert_int_equal(commit(), PG_OK);
	assert_string_equal(last_text, "1");
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 6);
	begin(0);
	rows("CREATE TABLE t (x int); COPY t FROM STDIN (FORMAT binary)", 1, 1);
	spin_until(l, fails == 1);
	assert_string_equal(last.sqlstate, "42P07");
}

static void without_rows_and_without_statements_it_ends_too(void **state)
{
	(void)state;
	need_server();
	begin(0);
	stmt(NULL, "INSERT INTO u VALUES (2, 'by hand')");
	assert_int_equal(commit(), PG_OK);
	begin(0);
	assert_int_equal(commit(), PG_OK);
	begin(0);
	rows(to_t, 1, 1);
	assert_int_equal(commit(), PG_OK);
	assert_int_equal(last.statements, 0);
	assert_int_equal(sql_int("SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM u)"), 2);
}

static void a_row_that_is_there_already_refuses_all(void **state)
{
	(void)state;
	need_server();
	sql_do("INSERT INTO t VALUES (7, 'here')");
	begin(0);
	rows(to_t, 1, 3);
	rows(to_t, 6, 3);
	assert_int_equal(commit(), PG_REFUSED);
	assert_string_equal(last.sqlstate, "23505");
	assert_int_equal(last.err.class, ERR_REJECTED);
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 1);
	begin(0); /* the connection is as good as before */
	rows(to_t, 1, 3);
	assert_int_equal(commit(), PG_OK);
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 4);
}

static void an_error_in_the_middle_is_told_before_the_end(void **state)
{
	(void)state;
	need_server();
	sql_do("INSERT INTO t VALUES (2, 'here')");
	begin(0);
	rows(to_t, 1, 3);
	/* The server reads rows by 64 KiB: go on until it has seen the bad one. */
	for (uint64_t i = 10; !fails && i < 2000000; i += 1000) {
		rows(to_t, i, 1000);
		spin_once(l);
		if (load)
			spin_until(l, fails || pg_load_waiting(load) == 0);
	}
	assert_int_equal(fails, 1);
	assert_int_equal(last.outcome, PG_REFUSED);
	assert_string_equal(last.sqlstate, "23505");
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 1);
	begin(0);
	rows(to_t, 10, 1);
	assert_int_equal(commit(), PG_OK);
}

static void a_command_that_is_wrong_is_refused(void **state)
{
	(void)state;
	need_server();
	begin(0);
	rows("COPY no_such_table FROM STDIN (FORMAT binary)", 1, 1);
	spin_until(l, fails == 1);
	assert_string_equal(last.sqlstate, "42P01");
	begin(0);
	struct buf b = {0};
	buf_text(&b, "no tuple at all, and long enough to be read as one");
	pg_load_rows(load, to_t, &b);
	assert_int_equal(commit(), PG_REFUSED);
	assert_string_equal(last.sqlstate, "22P04");
	begin(0);
	rows(to_t, 1, 1);
	assert_int_equal(commit(), PG_OK);
}

static void a_statement_or_a_commit_that_raises_refuses_all(void **state)
{
	(void)state;
	need_server();
	begin(0);
	rows(to_t, 1, 2);
	stmt("fine", "SELECT 1");
	stmt("zero", "SELECT 1 / $1::int");
	pg_put_int(pg_load_unit(load), 0);
	stmt(NULL, "INSERT INTO u VALUES (1, 'never')");
	assert_int_equal(commit(), PG_REFUSED);
	assert_string_equal(last.sqlstate, "22012");
	assert_int_equal(last.failed, 1);
	sql_do("CREATE TABLE refs (id bigint REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
	for (int i = 0; i < 2; i++) { /* with and without rows */
		begin(0);
		if (i == 0)
			rows(to_t, 1, 2);
		stmt(NULL, "INSERT INTO refs VALUES (99)");
		assert_int_equal(commit(), PG_REFUSED);
		assert_string_equal(last.sqlstate, "23503");
	}
	assert_int_equal(sql_int("SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM u)"), 0);
	begin(0);
	stmt("zero", "SELECT 1 / $1::int");
	pg_put_int(pg_load_unit(load), 1);
	assert_int_equal(commit(), PG_OK);
}

static void what_is_dropped_is_rolled_back(void **state)
{
	(void)state;
	need_server();
	for (int turns = 0; turns < 12; turns++) {
		begin(0);
		rows(to_t, 1, 5000);
		rows(to_u, 1, 5);
		for (int i = 0; i < turns; i++)
			spin_once(l);
		pg_load_drop(load);
		begin(0);
		rows(to_u, 100, 1);
		assert_int_equal(commit(), PG_OK);
		assert_int_equal(sql_int("SELECT count(*) FROM t"), 0);
		assert_int_equal(sql_int("SELECT count(*) FROM u"), turns + 1);
	}
	assert_int_equal(fails, 0);
}

static void kill_backend(int pid)
{
	char text[80];
	snprintf(text, sizeof text, "SELECT pg_terminate_backend(%d)", pid);
	sql_do(text);
}

static void a_killed_backend_commits_nothing(void **state)
{
	(void)state;
	need_server();
	begin(0);
	rows(to_t, 1, 1000);
	spin_until(l, pg_copy_is_up(c) && pg_load_waiting(load) == 0);
	kill_backend(pg_copy_server_pid(c));
	spin_until(l, fails == 1);
	assert_true(last.outcome == PG_UNSENT || last.outcome == PG_REFUSED);
	assert_int_equal(last.err.class, ERR_TRANSIENT);
	assert_true(last.err.text[0]);
	for (int i = 0;; i++) { /* it comes back by itself */
		assert_true(i < 100);
		begin(0);
		rows(to_t, 1, 10);
		if (commit() == PG_OK)
			break;
		assert_int_equal(last.outcome, PG_UNSENT);
	}
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 10);
}

static void a_kill_while_commit_is_out_is_unknown(void **state)
{
	(void)state;
	need_server();
	begin(0);
	rows(to_t, 1, 10);
	stmt(NULL, "SELECT pg_sleep(60)");
	pg_load_end(load, on_end, NULL);
	spin_until(l, sql_int("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid "
						  "<> pg_backend_pid()") == 1);
	kill_backend(pg_copy_server_pid(c));
	spin_until(l, ends == 1);
	assert_int_equal(last.outcome, PG_UNKNOWN);
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 0);
}

static void a_frozen_server_is_given_up(void **state)
{
	(void)state;
	need_server();
	for (int ending = 0; ending < 2; ending++) {
		begin(200);
		rows(to_t, 1, 10);
		spin_until(l, pg_copy_is_up(c) && pg_load_waiting(load) == 0);
		int pid = pg_copy_server_pid(c);
		freeze(pid);
		if (ending)
			pg_load_end(load, on_end, NULL);
		else
			rows(to_t, 100, 200000); /* more than the kernel takes */
		spin_until(l, fails + ends == ending + 1);
		assert_int_equal(last.outcome, PG_UNSENT); /* COMMIT had not left */
		assert_non_null(strstr(last.err.text, "no answer in time"));
		thaw();
	}
	begin(200);
	stmt(NULL, "SELECT pg_sleep(60)");
	assert_int_equal(commit(), PG_UNKNOWN);
	assert_int_equal(sql_int("SELECT count(*) FROM t"), 0);
}

/* The credit: who waits for room never holds more than the mark and what it adds. */
static void a_slow_reader_gives_room_as_it_reads(void **state)
{
	(void)state;
	need_server();
	load = pg_load_begin(
		c, &(struct pg_load_events){.on_room = on_room, .on_fail = on_fail, .mark_bytes = 1 << 20});
	rows(to_t, 1, 10);
	spin_until(l, pg_copy_is_up(c) && pg_load_waiting(load) == 0);
	int pid = pg_copy_server_pid(c);
	freeze(pid);
	uint64_t id = 11;
	for (; pg_load_waiting(load) < 1 << 20; id += 1000) {
		rows(to_t, id, 1000);
		spin_once(l);
	}
	assert_int_equal(rooms, 0);
	size_t most = 0;
	thaw();
	for (int i = 0; i < 20; i++) {
		int before = rooms;
		spin_until(l, rooms > before);
		assert_true(pg_load_waiting(load) < 1 << 20);
		for (; pg_load_waiting(load) < 1 << 20; id += 1000)
			rows(to_t, id, 1000);
		most = pg_load_waiting(load) > most ? pg_load_waiting(load) : most;
	}
	assert_true(most < (1 << 20) + 50000);
	assert_int_equal(commit(), PG_OK);
	assert_int_equal(sql_int("SELECT count(*) FROM t"), id - 1);
}

static void no_server_is_told(void **state)
{
	(void)state;
	need_server();
	pg_copy_close(c);
	open_to("host=/nowhere/at/all dbname=x");
	for (int i = 1; i <= 3; i++) {
		begin(0);
		rows(to_t, 1, 1);
		spin_until(l, fails == i);
		assert_int_equal(last.outcome, PG_UNSENT);
		assert_int_equal(last.err.class, ERR_TRANSIENT);
		assert_false(pg_copy_is_up(c));
	}
}

static void it_may_be_closed_at_any_turn(void **state)
{
	(void)state;
	need_server();
	for (int turns = 0; turns < 20; turns++) {
		begin(0);
		rows(to_t, 1, 2000);
		if (turns % 2)
			pg_load_end(load, on_end, NULL);
		for (int i = 0; i < turns / 2; i++)
			uv_run(loop_uv(l), UV_RUN_NOWAIT);
		int before = ends + fails;
		pg_copy_close(c);
		open_to(conninfo);
		spin_once(l);
		assert_int_equal(ends + fails, before);
		sql_do("TRUNCATE t");
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
	snprintf(dbname, sizeof dbname, "fairlead_unit_pg_copy_%d", (int)getpid());
	side = PQconnectdb(server);
	buf_printf(&b, "CREATE DATABASE %s", dbname);
	sql_do(b.p);
	PQfinish(side);
	buf_clear(&b);
	buf_printf(&b, "%s dbname=%s", server, dbname);
	conninfo = b.p;
	side = PQconnectdb(conninfo);
	sql_do("SET client_min_messages = error");
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
		T(rows_and_statements_are_one_transaction),
		T(commands_before_a_copy_are_part_of_it),
		T(without_rows_and_without_statements_it_ends_too),
		T(a_row_that_is_there_already_refuses_all),
		T(an_error_in_the_middle_is_told_before_the_end),
		T(a_command_that_is_wrong_is_refused),
		T(a_statement_or_a_commit_that_raises_refuses_all),
		T(what_is_dropped_is_rolled_back),
		T(a_killed_backend_commits_nothing),
		T(a_kill_while_commit_is_out_is_unknown),
		T(a_frozen_server_is_given_up),
		T(a_slow_reader_gives_room_as_it_reads),
		T(no_server_is_told),
		T(it_may_be_closed_at_any_turn),
	};
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
