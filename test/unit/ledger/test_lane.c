/* lane: taking, fencing, moving and leaving, through the pipeline that programs use (INV-8). */
#include "common/ledger/chain.h"
#include "common/ledger/lane.h"
#include "test/unit/io/spin.h"
#include "test/unit/ledger/world.h"

/* One unit run to its end on a loop of its own. */
struct turn {
	struct loop *loop;
	struct pg *pg;
	bool up, done, taking;
	struct lane lane;
	bool taken, fenced;
	enum pg_outcome outcome;
	int failed;
	int64_t at;
};

static void on_up(void *arg)
{
	((struct turn *)arg)->up = true;
}

static void on_down(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
}

static void on_done(void *arg, const struct pg_reply *r)
{
	struct turn *t = arg;
	t->done = true;
	t->outcome = r->outcome;
	t->failed = r->failed;
	t->fenced = pg_fenced(r);
	if (t->taking)
		t->taken = lane_taken(r, 0, &t->lane);
	else if (r->outcome == PG_OK && pg_rows(r, 0) > 0 && *pg_get_text(r, 0, 0, 0))
		t->at = pg_get_int(r, 0, 0, 0);
}

static void turn_open(struct turn *t, const struct world *w)
{
	*t = (struct turn){.loop = loop_new()};
	const struct pg_options o = {.conninfo = w->conninfo, .application = "fairlead-test"};
	const struct pg_events ev = {.on_up = on_up, .on_down = on_down, .arg = t};
	t->pg = pg_open(t->loop, &o, &ev);
}

static void turn_run(struct turn *t, struct pg_unit *u)
{
	t->done = false;
	pg_unit_run(u, 0, on_done, t);
	spin_until(t->loop, t->done);
}

static void turn_close(struct turn *t)
{
	pg_close(t->pg);
	loop_free(t->loop);
}

static void turn_take(struct turn *t, const char *name, const char *holder)
{
	spin_until(t->loop, t->up);
	struct pg_unit *u = pg_unit(t->pg);
	snprintf(t->lane.name, sizeof t->lane.name, "%s", name);
	lane_take(u, name, holder);
	t->taking = true;
	turn_run(t, u);
	t->taking = false;
}

static void one_holds_it(void **state)
{
	(void)state;
	struct world w;
	struct turn a, b;
	world_empty(&w);
	turn_open(&a, &w);
	turn_open(&b, &w);
	turn_take(&a, "apply:main", "a");
	assert_true(a.taken);
	assert_int_equal(a.lane.epoch, 1);
	assert_int_equal(a.lane.at, 0);
	turn_take(&b, "apply:main", "b");
	assert_int_equal(b.outcome, PG_OK);
	assert_false(b.taken);
	gives(&w, "a|t",
		"SELECT holder, until BETWEEN clock_timestamp() + '5s' AND clock_timestamp() + '10s' FROM "
		"fairlead.lane WHERE name = 'apply:main'");

	struct pg_unit *u = pg_unit(a.pg);
	lane_fence(u, &a.lane);
	lane_move(u, &a.lane, 42);
	turn_run(&a, u);
	assert_int_equal(a.outcome, PG_OK);
	assert_int_equal(a.at, 0); /* the fence tells the position as it was */

	u = pg_unit(a.pg);
	lane_leave(u, &a.lane);
	turn_run(&a, u);
	turn_take(&b, "apply:main", "b");
	assert_true(b.taken);
	assert_int_equal(b.lane.epoch, 2);
	assert_int_equal(b.lane.at, 42);
	turn_close(&a);
	turn_close(&b);
	world_close(&w);
}

/* a holds the lane, its time runs out, and b has it. */
static void take_over(struct world *w, struct turn *a, struct turn *b, const char *lane)
{
	turn_open(a, w);
	turn_open(b, w);
	turn_take(a, lane, "a");
	run(w, "UPDATE fairlead.lane SET until = '-infinity' WHERE name = '%s'", lane);
	turn_take(b, lane, "b");
	assert_true(b->taken);
}

/* P5: whoever lost the lane writes nothing, whatever stands behind its fence, and can't give it back either.
 */
static void the_fence_holds(void **state)
{
	(void)state;
	struct world w;
	struct turn a, b;
	world_empty(&w);
	take_over(&w, &a, &b, "apply:main");

	static const struct pg_sql write = {"t_odd", "INSERT INTO fairlead.odd (kind, what) VALUES ('t', 't')"};
	struct pg_unit *u = pg_unit(a.pg);
	lane_fence(u, &a.lane);
	pg_stmt(u, &write);
	lane_move(u, &a.lane, 9);
	turn_run(&a, u);
	assert_int_equal(a.outcome, PG_REFUSED);
	assert_true(a.fenced);
	assert_int_equal(a.failed, 0);

	u = pg_unit(a.pg);
	lane_leave(u, &a.lane);
	lane_move(u, &a.lane, 9); /* without a fence it still moves nothing */
	turn_run(&a, u);
	assert_int_equal(a.outcome, PG_OK);
	gives(&w, "2|b|0|0",
		"SELECT epoch, holder, at, (SELECT count(*) FROM fairlead.odd) FROM fairlead.lane WHERE name = "
		"'apply:main'");
	u = pg_unit(b.pg);
	lane_fence(u, &b.lane);
	turn_run(&b, u);
	assert_int_equal(b.outcome, PG_OK);
	turn_close(&a);
	turn_close(&b);
	world_close(&w);
}

/* The commit of blocks has its fence in the statement that moves the cursor: nothing of it, and nothing
 * behind it, stands where the lane is another's. It relies on rows that can't go. */
static void a_step_is_fenced(void **state)
{
	(void)state;
	struct world w;
	struct turn a, b;
	struct chain_block blocks[] = {{.number = 5, .time = 1, .hash = {5}, .parent = {4}},
		{.number = 6, .time = 2, .hash = {6}, .parent = {5}, .linked = true},
		{.number = 7, .time = 3, .hash = {7}, .parent = {6}, .linked = true}};
	world_empty(&w);
	run(&w, "SELECT fairlead.chain_id('main')");
	take_over(&w, &a, &b, "listen:main");
	for (size_t from = 0, n = 2; from < 3; from += n, n = 1) { /* several blocks, and one alone */
		struct chain_step s = {.since = from ? 6 : -1,
			.at = (int64_t)from + 8,
			.done = blocks[from + n - 1].number,
			.head = 9,
			.final = 1,
			.blocks = &blocks[from],
			.nblocks = n};
		struct pg_unit *u = pg_unit(a.pg);
		chain_step(u, &a.lane, 1, &s);
		chain_add_odd(u, "t", "t");
		turn_run(&a, u);
		assert_int_equal(a.outcome, PG_REFUSED);
		assert_true(a.fenced);
		assert_int_equal(a.failed, 0);
		gives(&w, from ? "6|8|2|0" : "-1|0|0|0",
			"SELECT done, (SELECT at FROM fairlead.lane WHERE name = 'listen:main'), (SELECT count(*) FROM "
			"fairlead.block), (SELECT count(*) FROM fairlead.odd) FROM fairlead.chain");
		u = pg_unit(b.pg);
		chain_step(u, &b.lane, 1, &s);
		turn_run(&b, u);
		assert_int_equal(b.outcome, PG_OK);
		u = pg_unit(b.pg); /* the cursor is not where it stood any more */
		chain_step(u, &b.lane, 1, &s);
		turn_run(&b, u);
		assert_int_equal(b.outcome, PG_REFUSED);
		assert_false(b.fenced);
	}
	gives(&w, "7|9|1|10|2|b",
		"SELECT done, head, final, at, epoch, holder FROM fairlead.chain, fairlead.lane WHERE lane.name = "
		"'listen:main'");
	refused(&w, "FL003", "DELETE FROM fairlead.lane WHERE name = 'listen:main'");
	refused(&w, "FL003", "TRUNCATE fairlead.lane");
	refused(&w, "FL003", "DELETE FROM fairlead.chain");
	turn_close(&a);
	turn_close(&b);
	world_close(&w);
}

static bool says(struct world *w, const char *sql, const char *want)
{
	PGresult *r = PQexec(w->pg, sql);
	bool same =
		PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && text_is(PQgetvalue(r, 0, 0), want);
	PQclear(r);
	return same;
}

/* P5: a holder that freezes behind its fence, before it has said Sync, keeps the row locked; its lease is
 * over, so its backend is ended and the lane is taken. One that works is left alone. */
static void a_frozen_holder(void **state)
{
	static const char take[] = "SELECT (fairlead.take('apply:main', 'b', '100ms')).epoch IS NOT NULL";
	(void)state;
	struct world w;
	struct turn a;
	world_empty(&w);
	turn_open(&a, &w);
	turn_take(&a, "apply:main", "a");
	struct pg_unit *u = pg_unit(a.pg);
	lane_fence(u, &a.lane);
	pg_unit_begin(u);
	uint64_t since = clock_mono_us();
	while (!says(&w, "SELECT count(*) FROM (SELECT FROM fairlead.lane FOR UPDATE SKIP LOCKED) x", "1")) {
		spin_once(a.loop); /* until only lane clock is free: the fence has run */
		assert_true(clock_mono_us() - since < SPIN_GIVE_UP_MS * 1000ull);
	}
	for (int i = 0; i < 3; i++)
		assert_true(says(&w, take, "f")); /* the lease is not over */
	gives(&w, "1",
		"SELECT count(*) FROM pg_stat_activity WHERE pid = (SELECT backend FROM fairlead.lane WHERE name = "
		"'apply:main')");
	pg_unit_undo(u);
	u = pg_unit(a.pg);
	lane_fence(u, &a.lane);
	turn_run(&a, u);
	assert_int_equal(a.outcome, PG_OK);

	run(&w, "UPDATE fairlead.lane SET until = '-infinity' WHERE name = 'apply:main'");
	u = pg_unit(a.pg);
	lane_fence(u, &a.lane);
	pg_unit_begin(u);
	while (!says(&w, "SELECT count(*) FROM (SELECT FROM fairlead.lane FOR UPDATE SKIP LOCKED) x", "1"))
		spin_once(a.loop);
	while (!says(&w,
		"SELECT bool_or(state_change < clock_timestamp() - interval '60 ms') FROM pg_stat_activity WHERE "
		"application_name = 'fairlead-test'",
		"t")) /* from here on a's loop stands still */
		assert_true(clock_mono_us() - since < SPIN_GIVE_UP_MS * 1000ull);
	assert_true(says(&w, take, "t"));
	gives(&w, "b|2", "SELECT holder, epoch FROM fairlead.lane WHERE name = 'apply:main'");
	turn_run(&a, u);
	assert_int_not_equal(a.outcome, PG_OK);
	turn_close(&a);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_holds_it),
		cmocka_unit_test(the_fence_holds),
		cmocka_unit_test(a_step_is_fenced),
		cmocka_unit_test(a_frozen_holder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
