/* What is known of endpoints, as it goes to PostgreSQL and comes back. */
#include "common/ledger/endpoints.h"
#include "common/ledger/lane.h"
#include "test/unit/io/spin.h"
#include "test/unit/ledger/world.h"

static struct link {
	struct loop *loop;
	struct pg *pg;
	bool up, done, has_genesis;
	enum pg_outcome outcome;
	char sqlstate[6];
	int n;
	struct endpoint_row rows[4];
	uint8_t genesis[32];
	bool loading;
} l;

static void on_up(void *arg)
{
	(void)arg;
	l.up = true;
}

static void on_down(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
}

static void on_done(void *arg, const struct pg_reply *r)
{
	(void)arg;
	l.done = true;
	l.outcome = r->outcome;
	memcpy(l.sqlstate, r->sqlstate, sizeof l.sqlstate);
	if (!l.loading || r->outcome != PG_OK)
		return;
	l.n = endpoints_loaded(r, 0);
	for (int i = 0; i < l.n && i < 4; i++)
		assert_true(endpoints_loaded_row(r, 0, i, &l.rows[i]));
	l.has_genesis = endpoints_genesis_read(r, 1, l.genesis);
}

static void run_unit(struct pg_unit *u)
{
	l.done = false;
	pg_unit_run(u, 0, on_done, NULL);
	spin_until(l.loop, l.done);
	l.loading = false;
}

static void load(void)
{
	struct pg_unit *u = pg_unit(l.pg);
	endpoints_load(u, "main");
	endpoints_genesis(u, "main");
	l.loading = true;
	run_unit(u);
	assert_int_equal(l.outcome, PG_OK);
}

static void save(const struct endpoint_row *rows, size_t n)
{
	struct pg_unit *u = pg_unit(l.pg);
	endpoints_save(u, 1, rows, n);
	run_unit(u);
	assert_int_equal(l.outcome, PG_OK);
}

static void world_with_chain(struct world *w)
{
	world_open(w);
	for (const struct migration *m = migrations; m->name; m++)
		PQclear(run_on(w->pg, m->text));
	run(w, "SELECT fairlead.chain_id('main')");
	l = (struct link){.loop = loop_new()};
	const struct pg_options o = {.conninfo = w->conninfo, .application = "fairlead-test"};
	const struct pg_events ev = {.on_up = on_up, .on_down = on_down};
	l.pg = pg_open(l.loop, &o, &ev);
	spin_until(l.loop, l.up);
}

static void end(struct world *w)
{
	pg_close(l.pg);
	loop_free(l.loop);
	world_close(w);
}

static const struct endpoint_row FIRST = {.name = "a.example:443",
	.place = 1,
	.role = "read, write",
	.state = "well",
	.range_cap = 2048,
	.calls_cap = 100,
	.head = 900,
	.lag = 0,
	.latency_us = 12345,
	.requests = 7,
	.failures = 1,
	.error = "a.example:443 answered HTML with status 413, not JSON-RPC"};
static const struct endpoint_row SECOND = {.name = "b.example:443#01234567",
	.place = 2,
	.role = "archive",
	.state = "resting",
	.results_cap = 10000,
	.pruned_below = 55,
	.filter_cap = 1000,
	.head = -1,
	.lag = -1,
	.latency_us = -1};

static void what_was_learned_comes_back(void **state)
{
	(void)state;
	struct world w;
	world_with_chain(&w);
	load();
	assert_int_equal(l.n, 0);
	save((struct endpoint_row[]){FIRST, SECOND}, 2);
	load();
	assert_int_equal(l.n, 2);
	assert_string_equal(l.rows[0].name, FIRST.name);
	assert_int_equal(l.rows[0].range_cap, 2048);
	assert_int_equal(l.rows[0].calls_cap, 100);
	assert_int_equal(l.rows[0].pruned_below, 0);
	assert_string_equal(l.rows[1].name, SECOND.name);
	assert_int_equal(l.rows[1].range_cap, 0);
	assert_int_equal(l.rows[1].results_cap, 10000);
	assert_int_equal(l.rows[1].pruned_below, 55);
	assert_int_equal(l.rows[1].filter_cap, 1000);
	end(&w);
}

static void totals_grow_and_the_rest_is_replaced(void **state)
{
	(void)state;
	struct world w;
	world_with_chain(&w);
	save((struct endpoint_row[]){FIRST, SECOND}, 2);
	struct endpoint_row next = FIRST;
	next.requests = 3;
	next.failures = 0;
	next.lies = 2;
	next.head = -1; /* not known just now: what was known stays */
	next.error = NULL;
	next.range_cap = 1024;
	save((struct endpoint_row[]){next, SECOND}, 2);
	gives(&w, "10|1|2|900|1024|t",
		"SELECT requests, failures, lies, head, range_cap, error LIKE '%%413%%' FROM "
		"fairlead.endpoint WHERE place = 1");
	/* one that left the file is kept, and comes back with what it had taught */
	save(&next, 1);
	gives(&w, "b.example:443#01234567", "SELECT name FROM fairlead.endpoint WHERE retired IS NOT NULL");
	gives(&w, "a.example:443", "SELECT endpoint FROM fairlead.endpoints");
	load();
	assert_int_equal(l.n, 2);
	save((struct endpoint_row[]){next, SECOND}, 2);
	gives(&w, "0", "SELECT count(*) FROM fairlead.endpoint WHERE retired IS NOT NULL");
	end(&w);
}

static void people_read_their_words(void **state)
{
	(void)state;
	struct world w;
	world_with_chain(&w);
	save((struct endpoint_row[]){FIRST, SECOND}, 2);
	gives(&w, "unknown unknown",
		"SELECT state FROM fairlead.endpoints ORDER BY place"); /* nobody reads the chain */
	run(&w, "SELECT fairlead.take('listen:main', 'me', '10s')");
	gives(&w,
		"main|a.example:443|read, write|well|12.3|2048||100 "
		"main|b.example:443#01234567|archive|resting|||55|",
		"SELECT chain, endpoint, role, state, latency_ms, blocks_a_request, has_from, calls_a_request FROM "
		"fairlead.endpoints ORDER BY place");
	end(&w);
}

static void a_genesis_never_changes(void **state)
{
	(void)state;
	struct world w;
	uint8_t one[32] = {1}, two[32] = {2};
	world_with_chain(&w);
	load();
	assert_false(l.has_genesis);
	struct pg_unit *u = pg_unit(l.pg);
	endpoints_set_genesis(u, 1, one);
	run_unit(u);
	assert_int_equal(l.outcome, PG_OK);
	load();
	assert_true(l.has_genesis);
	assert_memory_equal(l.genesis, one, 32);
	u = pg_unit(l.pg);
	endpoints_set_genesis(u, 1, two);
	run_unit(u);
	assert_int_equal(l.outcome, PG_REFUSED);
	assert_string_equal(l.sqlstate, "FL006");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_learned_comes_back),
		cmocka_unit_test(totals_grow_and_the_rest_is_replaced),
		cmocka_unit_test(people_read_their_words),
		cmocka_unit_test(a_genesis_never_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
