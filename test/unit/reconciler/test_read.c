/* Routes that read, against a real PostgreSQL: what they answer, and what they answer when they can't. */
#include "reconciler/serve/names.c"
#include "reconciler/serve/json.c"
/* What has one name in two of the files. */
#define making    row_making
#define put_array row_put_array
#define digits    row_digits
#include "reconciler/serve/row.c"
#undef making
#undef put_array
#undef digits
#define begin plan_begin
#include "reconciler/serve/plan.c"
#undef begin
#define insert problem_insert
#include "reconciler/serve/problem.c"
#undef insert
#define begin     call_begin
#define fail      call_fail
#define ask       call_ask
#define keep      call_keep
#define on_answer call_on_answer
#include "reconciler/serve/call.c"
#undef begin
#undef fail
#undef ask
#undef keep
#undef on_answer
#define refused read_refused
#include "reconciler/serve/read.c"
#undef refused
#include "test/unit/ledger/world.h"
#include "test/unit/io/spin.h"

#include "common/ledger/install.h"
#include "reconciler/serve/read.h"

static const char head[] = "name: shop\nsql: t.sql\nchains: { main: { rpc: \"http://127.0.0.1:9\" } "
						   "}\ncontracts:\n  C:\n    address: "
						   "\"0x00000000000000000000000000000000000000aa\"\n    abi:\n      - function "
						   "code(uint256 id) view returns "
						   "(string)\nroutes:\n";
static const char tables[] = "CREATE TABLE t (id bigint PRIMARY KEY, name text, raw bytea, tags text[]);"
							 "INSERT INTO t VALUES (1, 'one', '\\x01', '{a,b}'), (2, 'two', NULL, NULL)";
static const char routes[] =
	"  GET /one: { params: { id: int }, one: 'SELECT id, name FROM t WHERE id = :id' }\n"
	"  GET /else: { params: { id: int }, one: 'SELECT id FROM t WHERE id = :id', else: 'SELECT 410 AS "
	"_status, :id "
	"AS gone' }\n"
	"  GET /slow: { one: 'SELECT count(*) AS n FROM generate_series(1, 1000000)' }\n"
	"  GET /two: { one: SELECT id FROM t }\n"
	"  GET /all: { all: 'SELECT id, tags FROM t ORDER BY id', wrap: { ok: true, data: \"{body}\" } }\n"
	"  GET /with: { one: SELECT count(*) AS n FROM t, with: { list: SELECT id FROM t ORDER BY id, map: "
	"'SELECT id AS "
	"_key, name FROM t ORDER BY id' } }\n"
	"  GET /null: { one: 'SELECT NULL::int AS \"x!\"' }\n"
	"  GET /bad: { params: { s: string }, one: 'SELECT id FROM t WHERE id = :s' }\n"
	"  GET /arrays: { params: { ids: { type: array, items: int }, h: bytes32 }, one: 'SELECT array_agg(id) "
	"AS ids, "
	":h = ''\\x01''::bytea AS h FROM t WHERE id = ANY (:ids)' }\n"
	"  GET /hash: { params: { s: string }, call: { h: hash32(s), k: keccak(h) }, one: 'SELECT :h AS h, :k AS "
	"k' }\n"
	"  GET /chain: { call: { c: C.code(1) }, one: 'SELECT :c AS c' }\n"
	"  GET /status: { one: 'SELECT 99 AS _status, 1 AS x' }\n"
	"  GET /lost: { one: SELECT 1 AS x, lost: { up: \"{up.postgresql}\", v: \"v {version}\" } }\n"
	"  GET /nap: { params: { s: number }, one: 'SELECT pg_sleep(:s), 1 AS x' }\n"
	"  GET /millions: { all: 'SELECT i FROM generate_series(1, 2000000) i' }\n"
	"  GET /long: { all: 'SELECT i AS \"a_long_name_that_stands_in_each_row_of_the_answer_to_it\" FROM "
	"generate_series(1, 5000) i' }\n"
	"  GET /zero: { one: 'SELECT 1 / (SELECT count(*) - 2 FROM t) AS x' }\n";

struct asked {
	struct config *c;
	struct world w;
	struct loop *loop;
	struct read_door *d;
	struct call_desk *desk;
	struct arena a;
	int calls, status;
	char body[400], detail[200];
	bool has_type, lost;
};

static const char *no_env(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return NULL;
}

static bool read_file(void *arg, const char *path, struct buf *out, struct err *e)
{
	(void)arg;
	(void)e;
	buf_text(out, strcmp(path, "t.sql") == 0 ? tables : head);
	if (strcmp(path, "t.sql") != 0)
		buf_text(out, routes);
	return true;
}

static void begin(struct asked *q)
{
	struct config_source src = {.env = no_env, .read = read_file, .keyless = true};
	struct problems ps = {0};
	struct err e = {0};
	*q = (struct asked){0};
	world_open(&q->w);
	q->c = config_load("f.yaml", &src, &ps);
	if (!q->c || install(q->c, q->w.conninfo, INSTALL_FOR_REAL, &ps, &e) != INSTALL_DONE) {
		problems_print(&ps, stderr, false, e.text);
		fail();
	}
	problems_fini(&ps);
	q->loop = loop_new();
	q->desk = call_desk_open(q->loop, q->c);
	q->d = read_open(&(struct read_options){.loop = q->loop,
						 .config = q->c,
						 .conninfo = q->w.conninfo,
						 .calls = q->desk,
						 .answer_rows = 5000,
						 .answer_bytes = 200000,
						 .statement_ms = 2000},
		&e);
	if (!q->d)
		fail_msg("%s", e.text);
	spin_until(q->loop, many_is_up(q->d->one) && many_is_up(q->d->groups));
}

static void end(struct asked *q)
{
	read_close(q->d);
	call_desk_close(q->desk);
	loop_free(q->loop);
	arena_fini(&q->a);
	config_free(q->c);
	world_close(&q->w);
}

static void on_answer(void *arg, const struct read_answer *a)
{
	struct asked *q = arg;
	q->calls++;
	q->status = a->status;
	q->has_type = a->type != NULL;
	q->lost = a->lost;
	snprintf(q->body, sizeof q->body, "%.*s", (int)a->body.n, a->body.n ? a->body.p : "");
	snprintf(q->detail, sizeof q->detail, "%s", a->detail ? a->detail : "");
}

/* names: "id" "5" pairs; one that begins with [ is JSON. */
static void ask_as(struct asked *q, const char *path, bool plain, const char *const *names)
{
	const struct plan_set *s = read_plans(q->d);
	static struct serve_names n;
	const struct route_plan *p = NULL;
	arena_reset(&q->a);
	n = (struct serve_names){.a = &q->a};
	for (size_t i = 0; names && names[i]; i += 2)
		names_put(&n, names[i], names[i + 1][0] == '[' ? NAME_JSON : NAME_TEXT, str_of(names[i + 1]));
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->routes[i].route->path, path) == 0)
			p = &s->routes[i];
	q->calls = 0;
	read_run(q->d, p, &n, plain, on_answer, q);
	assert_int_equal(q->calls, 0);
	spin_until(q->loop, q->calls);
	assert_int_equal(q->calls, 1);
}

#define ASK(q, path, ...) ask_as(q, path, false, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void answers(struct asked *q, int status, const char *body)
{
	if (q->status != status)
		fail_msg("%d %s", q->status, q->detail);
	assert_string_equal(q->body, body);
	assert_int_equal(q->status, status);
	assert_int_equal(q->has_type, *body != 0);
}

static void test_answers(void **state)
{
	(void)state;
	struct asked q;
	begin(&q);
	ASK(&q, "/one", "id", "1");
	answers(&q, 200, "{\"id\":1,\"name\":\"one\"}");
	ASK(&q, "/one", "id", "7");
	answers(&q, 404, "");
	ask_as(&q, "/one", true, (const char *const[]){"id", "2", NULL});
	answers(&q, 200, "# TYPE id gauge\nid 2\n");
	ASK(&q, "/else", "id", "1");
	answers(&q, 200, "{\"id\":1}");
	ASK(&q, "/else", "id", "7");
	answers(&q, 410, "{\"gone\":7}");
	const struct route_plan *slow = &read_plans(q.d)->routes[2]; /* not in the lane of single rows */
	assert_true(slow->one.many && !slow->one.one && read_plans(q.d)->routes[0].one.one);
	ASK(&q, "/slow");
	answers(&q, 200, "{\"n\":1000000}");
	ASK(&q, "/all");
	answers(&q, 200, "{\"ok\":true,\"data\":[{\"id\":1,\"tags\":[\"a\",\"b\"]},{\"id\":2,\"tags\":null}]}");
	ASK(&q, "/with");
	answers(&q, 200,
		"{\"n\":2,\"list\":[{\"id\":1},{\"id\":2}],\"map\":{\"1\":{\"name\":\"one\"},\"2\":{\"name\":\"two\"}"
		"}}");
	ASK(&q, "/arrays", "ids", "[1,2,9]", "h", "0x01");
	answers(&q, 200, "{\"ids\":[1,2],\"h\":true}");
	ASK(&q, "/hash", "s", "abc");
	answers(&q, 200,
		"{\"h\":\"0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45\",\"k\":"
		"\"0x07550ffcfe752ef5d084017db566dea3d8bc56f2669f79e36a06a71ed7debf0a\"}");
	end(&q);
}

static void test_refusals(void **state)
{
	(void)state;
	struct asked q;
	begin(&q);
	ASK(&q, "/two");
	answers(&q, 500, "");
	ASK(&q, "/null");
	answers(&q, 500, "");
	ASK(&q, "/status");
	answers(&q, 500, "");
	ASK(&q, "/bad", "s", "x");
	answers(&q, 400, "");
	assert_non_null(strstr(q.detail, "\"x\""));
	ASK(&q, "/bad", "s", "1");
	answers(&q, 200, "{\"id\":1}");
	ASK(&q, "/zero");
	answers(&q, 400, ""); /* SQLSTATE class 22 */
	ASK(&q, "/chain");
	answers(&q, 503, "");
	run(&q.w, "BEGIN; LOCK TABLE t");
	ASK(&q, "/one", "id", "1"); /* statement_timeout */
	answers(&q, 503, "");
	run(&q.w, "ROLLBACK");
	run(&q.w, "ALTER TABLE t ALTER name TYPE int USING 5");
	ASK(&q, "/one", "id", "1");
	answers(&q, 200, "{\"id\":1,\"name\":5}");
	run(&q.w, "ALTER TABLE t DROP COLUMN name");
	ASK(&q, "/one", "id", "1");
	answers(&q, 500, "");
	end(&q);
}

static struct slow *slow_at(struct asked *q, const char *path)
{
	size_t i = 0;
	while (strcmp(q->d->plans.routes[i].route->path, path) != 0)
		i++;
	return &q->d->slow[i];
}

/* A route that takes long leaves the lane of single rows, for longer each time; INV-10: what is too large is
 * told. */
static void test_bounds(void **state)
{
	(void)state;
	struct asked q;
	begin(&q);
	ASK(&q, "/millions");
	answers(&q, 500, "");
	assert_non_null(strstr(q.detail, "LIMIT"));
	ASK(&q, "/long"); /* its rows are not too many, what is made of them is */
	answers(&q, 500, "");
	assert_non_null(strstr(q.detail, "LIMIT"));
	ASK(&q, "/all");
	answers(&q, 200, "{\"ok\":true,\"data\":[{\"id\":1,\"tags\":[\"a\",\"b\"]},{\"id\":2,\"tags\":null}]}");
	struct slow *nap = slow_at(&q, "/nap");
	ASK(&q, "/nap", "s", "0");
	answers(&q, 200, "{\"pg_sleep\":\"\",\"x\":1}");
	assert_true(nap->for_ms == 0);
	ASK(&q, "/nap", "s", "0.4");
	answers(&q, 200, "{\"pg_sleep\":\"\",\"x\":1}");
	assert_true(nap->for_ms == SLOW_FIRST_MS && slow_at(&q, "/one")->for_ms == 0);
	nap->until_ms = loop_now_ms(q.loop) + 60000;
	ASK(&q, "/nap", "s", "0.4"); /* where nobody waits behind it: it ends, and nothing is learned */
	answers(&q, 200, "{\"pg_sleep\":\"\",\"x\":1}");
	assert_true(nap->for_ms == SLOW_FIRST_MS);
	nap->for_ms = SLOW_MAX_MS; /* as after many times: it grows no further */
	nap->until_ms = loop_now_ms(q.loop) - 1;
	ASK(&q, "/nap", "s", "9");
	answers(&q, 503, ""); /* statement_ms */
	assert_true(nap->for_ms == SLOW_MAX_MS);
	end(&q);
}

static void test_lost(void **state)
{
	(void)state;
	struct asked q;
	begin(&q);
	ASK(&q, "/lost");
	answers(&q, 200, "{\"x\":1}");
	char sql[128];
	snprintf(sql, sizeof sql, "ALTER DATABASE %s ALLOW_CONNECTIONS false", q.w.name);
	admin_run(sql);
	run(&q.w,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fairlead-routes'");
	spin_until(q.loop, !read_is_up(q.d));
	ASK(&q, "/lost");
	answers(&q, 503, "{\"up\":false,\"v\":\"v " FAIRLEAD_VERSION "\"}");
	assert_true(q.lost);
	ASK(&q, "/one", "id", "1");
	answers(&q, 503, "");
	snprintf(sql, sizeof sql, "ALTER DATABASE %s ALLOW_CONNECTIONS true", q.w.name);
	admin_run(sql);
	spin_until(q.loop, read_is_up(q.d));
	ASK(&q, "/lost");
	answers(&q, 200, "{\"x\":1}");
	end(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_lost)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
