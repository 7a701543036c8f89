/* The calls of the compiled functions as the programs make them: statements of a unit, read back by the
 * readers. */
#include "app.h"
#include "test/unit/io/spin.h"

#include "common/ledger/rules.h"

#define LET "SELECT value AS code FROM files.codes WHERE key = :tokenId::text"

static struct world world;
static struct app app;
static struct loop *loop;
static struct pg *conn;
static const struct lane lane = {.name = "apply:main", .epoch = 1},
						 clock_lane = {.name = "clock", .epoch = 1},
						 stale = {.name = "apply:main", .epoch = 7};

/* What came back, read inside the callback: replies are borrowed. */
static struct {
	bool done, ok, fenced, buried;
	struct rules_ran ran;
	struct rules_was_cut cut;
	struct rules_waits waits;
	int64_t released, last, rows, fixed;
	struct buf text, stop;
} got;

typedef void (*read_fn)(const struct pg_reply *r);

static void on_reply(void *arg, const struct pg_reply *r)
{
	read_fn *read = arg;
	got.done = true;
	got.ok = r->outcome == PG_OK;
	got.fenced = pg_fenced(r);
	if (got.ok)
		(*read)(r);
}

static void run(struct pg_unit *u, read_fn read)
{
	got.done = false;
	buf_clear(&got.text);
	buf_clear(&got.stop);
	pg_unit_run(u, 0, on_reply, &read);
	spin_until(loop, got.done);
}

static void on_line(void *arg, const struct rules_line *l)
{
	(void)arg;
	buf_str(&got.text, l->rule);
	buf_char(&got.text, '|');
	buf_str(&got.text, l->event);
	buf_char(&got.text, '|');
	buf_str(&got.text, l->block);
	buf_char(&got.text, '|');
	buf_str(&got.text, l->text);
	buf_char(&got.text, '\n');
	assert_int_equal(l->tx.n, 66);
}

static void read_ran(const struct pg_reply *r)
{
	rules_ran_read(r, 0, &got.ran);
	buf_str(&got.stop, got.ran.stop_text);
	rules_lines_each(r, 0, on_line, NULL);
}

static void read_cut(const struct pg_reply *r)
{
	rules_cut_read(r, 0, &got.cut);
}

static void read_waits(const struct pg_reply *r)
{
	rules_peek_read(r, 0, &got.waits);
}

static void read_released(const struct pg_reply *r)
{
	got.released = rules_released(r, 0, &got.last);
}

static void read_buried(const struct pg_reply *r)
{
	got.buried = rules_buried(r, 0);
}

static void read_rows(const struct pg_reply *r)
{
	got.rows = rules_read_rows(r, 0);
	buf_str(&got.text, pg_get(r, 1, 0, 1));
}

static void read_fixed(const struct pg_reply *r)
{
	got.fixed = rules_fixed(r, 0);
}

static void apply(const struct lane *l)
{
	struct pg_unit *u = pg_unit(conn);
	rules_apply(u, l, "main", 1000, true);
	run(u, read_ran);
}

static void a_run_with_lines_and_poison(void **state)
{
	(void)state;
	reveal(&world, 1, 7);
	reveal(&world, 2, 8);
	reveal(&world, 3, 666);
	apply(&stale);
	assert_true(got.fenced && !got.ok);
	apply(&lane);
	assert_true(got.ok);
	assert_int_equal(got.ran.from, 0);
	assert_int_equal(got.ran.to, 2);
	assert_int_equal(got.ran.head, 3);
	assert_int_equal(got.ran.events, 2);
	assert_int_equal(got.ran.items, 2);
	assert_int_equal(got.ran.undone, -1);
	assert_int_equal(got.ran.stop_seq, 3);
	assert_string_equal(got.ran.stop_state, "23514");
	assert_non_null(strstr(got.stop.p, "rule items: new row for relation \"counted\""));
	assert_string_equal(
		got.text.p, "items|Companions.TokenRevealed|1|token 7\nitems|Companions.TokenRevealed|2|token 8\n");
	struct pg_unit *u = pg_unit(conn);
	rules_bury(u, &lane, "main", 3, got.ran.stop_state, str_of(got.stop.p), 3, false);
	run(u, read_buried);
	assert_true(got.buried);
	apply(&lane);
	assert_int_equal(got.ran.to, 3);
	assert_int_equal(got.ran.stop_seq, 0);
	assert_int_equal(got.text.n, 0);
}

static void cut_peek_and_release(void **state)
{
	(void)state;
	q(&world, "INSERT INTO files.codes VALUES ('7', 'x')");
	struct pg_unit *u = pg_unit(conn);
	rules_peek(u, "reveal");
	run(u, read_waits);
	assert_int_equal(got.waits.waiting, 2);
	assert_int_equal(got.waits.next_ms, -1);
	u = pg_unit(conn);
	rules_cut(u, &lane, "reveal", 1, 10, true);
	run(u, read_cut);
	assert_int_equal(got.cut.batches, 1);
	assert_int_equal(got.cut.items, 1);
	assert_int_equal(got.cut.parked, 1);
	assert_int_equal(got.cut.first_batch, 1);
	assert_int_equal(got.cut.last_batch, 1);
	assert_int_equal(got.cut.left.waiting, 0);
	u = pg_unit(conn);
	rules_cut(u, &lane, "reveal", 1, 10, true);
	run(u, read_cut);
	assert_int_equal(got.cut.batches, 0);
	assert_int_equal(got.cut.first_batch, 0);
	q(&world, "INSERT INTO files.codes VALUES ('8', 'y')");
	u = pg_unit(conn);
	rules_unpark_batch(u, &lane, "reveal", 0, 10);
	run(u, read_released);
	assert_int_equal(got.released, 1);
	assert_true(got.last > 0);
	u = pg_unit(conn);
	rules_unpark_batch(u, &lane, "reveal", got.last, 10);
	run(u, read_released);
	assert_int_equal(got.released, 0);
	assert_int_equal(got.last, 0);
}

static void rules_at_final_and_those_that_wait(void **state)
{
	(void)state;
	assert_true(rules_has_final(&app.c, "main") && rules_has_park(&app.c, "main"));
	assert_false(rules_has_final(&app.c, "other") || rules_has_park(&app.c, "other"));
	emit(&world, 4, "tokens_revealed", "token_ids", "'{}'");
	apply(&lane);
	assert_int_equal(got.ran.parked, 1);
	struct pg_unit *u = pg_unit(conn);
	rules_unpark(u, &lane, "main", 0, 10);
	run(u, read_ran);
	assert_int_equal(got.ran.parked, 1);
	assert_int_equal(got.ran.to, 4);
	q(&world, "INSERT INTO files.codes VALUES ('none', 'z')");
	u = pg_unit(conn);
	rules_unpark(u, &lane, "main", 0, 10);
	run(u, read_ran);
	assert_int_equal(got.ran.events, 1);
	u = pg_unit(conn);
	rules_final(u, &lane, "main", 10);
	run(u, read_ran);
	assert_int_equal(got.ran.events, 0);
	q(&world, "SELECT fairlead.advance(1::smallint, 1, 4, -1)");
	u = pg_unit(conn);
	rules_final(u, &lane, "main", 10);
	run(u, read_ran);
	assert_int_equal(got.ran.events, 1);
	assert_int_equal(got.ran.to, 4);
}

static void compare_reads_fixes_and_lacks(void **state)
{
	(void)state;
	struct pg_unit *u = pg_unit(conn);
	rules_read(u, &clock_lane, "mirror");
	rules_rows(u, "mirror", 0, 1);
	run(u, read_rows);
	assert_int_equal(got.rows, 2);
	assert_string_equal(got.text.p, "{\"id\": \"7\", \"note\": null}");
	struct str row = {mem_text(got.text.p), got.text.n};
	u = pg_unit(conn);
	rules_fix(u, &clock_lane, "mirror", row, STR("{\"note\": \"seven\"}"));
	run(u, read_fixed);
	assert_int_equal(got.fixed, 1);
	assert_string_equal(q(&world, "SELECT note FROM counted WHERE id = 7"), "seven");
	u = pg_unit(conn);
	rules_missing(u, &clock_lane, "mirror", row);
	run(u, read_fixed);
	assert_int_equal(got.fixed, 0);
	free((char *)(uintptr_t)row.p);
}

static void rules_of_the_app(void)
{
	static struct abi_entry fn;
	static struct compare_column col = {.column = "note", .call = {.kind = CALL_CHAIN, .fn = &fn}};
	static struct compare_decl cd = {.columns = &col, .ncolumns = 1};
	struct err e;
	size_t at;
	app_init(&app, LET);
	struct rule_decl *r = app_rule(&app, "items", 0, NULL);
	app_do_sql(&app, r, "INSERT INTO counted (id) VALUES (:tokenId)");
	app_do_batch(&app, r);
	app_do_log(&app, r, "token {tokenId}");
	r = app_rule(&app, "waits", 1, NULL);
	app_do_let(&app, r, "SELECT value FROM files.codes WHERE key = 'none'", MISSING_PARK);
	r = app_rule(&app, "sure", 1, NULL);
	r->at_final = true;
	app_do_log(&app, r, "sure");
	assert_true(
		abi_parse_line(&app.mem, STR("function note(uint256 id) view returns (string)"), &fn, &at, &e));
	cd.rows = app_sql(&app, "SELECT id, note FROM counted ORDER BY id", 10);
	cd.fix = app_sql(&app, "UPDATE counted SET note = :chain.note WHERE id = :id", 11);
	cd.missing = app_sql(&app, "DELETE FROM counted WHERE id = :id", 12);
	app.rules[app.c.nrules++] = (struct rule_decl){.name = "mirror", .every_ms = 1, .compare = &cd};
}

static int setup(void **state)
{
	(void)state;
	struct buf to = {0};
	struct pg_events none = {0};
	rules_of_the_app();
	world_open(&world);
	world_declare(&world, &app, "CREATE TABLE counted (id bigint PRIMARY KEY CHECK (id <> 666), note text)");
	world_compile(&world, &app);
	q(&world, "UPDATE fairlead.lane SET epoch = 1 WHERE name = 'clock'");
	world_conninfo(&to, world.name);
	loop = loop_new();
	conn = pg_open(loop, &(struct pg_options){.conninfo = to.p, .application = "test"}, &none);
	spin_until(loop, pg_is_up(conn));
	buf_fini(&to);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(conn);
	loop_free(loop);
	world_close(&world);
	app_fini(&app);
	buf_fini(&got.text);
	buf_fini(&got.stop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_with_lines_and_poison),
		cmocka_unit_test(cut_peek_and_release),
		cmocka_unit_test(rules_at_final_and_those_that_wait),
		cmocka_unit_test(compare_reads_fixes_and_lacks),
	};
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("skipped: FAIRLEAD_TEST_PG is not set (conninfo of a PostgreSQL superuser)\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
