/* What is wrong with an application's SQL is said at its place, in words; and the functions of compare rules.
 */
#include "app.h"

#define TABLES                                                                                     \
	"CREATE TABLE token_codes (token_id numeric PRIMARY KEY, code text, tx text, at timestamptz);" \
	"CREATE TABLE blobs (id int PRIMARY KEY, data jsonb, at timestamptz)"
#define LONG "a23456789012345678901234567890123456789012345678901234567890123456789"

static struct world world;

/* Compiles; the problems are those of the application alone. */
static void compile(struct app *a)
{
	struct err e = {0};
	q(&world, "BEGIN");
	if (!compile_application(&a->c, world.pg, &a->ps, &e))
		fail_msg("%s", e.text);
	/* problems leave a transaction that is still good, and nothing made */
	assert_string_equal(q(&world, "SELECT 1"), "1");
	if (a->ps.n)
		assert_string_equal(q(&world, "SELECT count(*) FROM pg_proc WHERE proname = 'apply_main'"), "0");
	assert_string_equal(q(&world, "SELECT current_setting('search_path')"), "\"$user\", public");
	q(&world, "ROLLBACK");
}

static void expect(struct app *a, int line, int col, const char *text)
{
	for (size_t i = 0; i < a->ps.n; i++)
		if (a->ps.list[i].at.line == line && a->ps.list[i].at.col == col &&
			strcmp(a->ps.list[i].text, text) == 0)
			return;
	problems_print(&a->ps, stderr, false, "");
	fail_msg("no such problem: %d:%d: %s", line, col, text);
}

struct broken {
	size_t event;
	const char *each, *sql;
	int line_of_each, col; /* 1: the place is in each, which stands a line above */
	const char *text;
};
/* A rule stands on line 100, its each on 101, its first step on 102. */
static const struct broken broken[] = {
	{0, NULL, "DELETE FROM token_codes WHERE token_id = :tokenld", 0, 42,
		"TokenRevealed has no field :tokenld; did you mean :tokenId? It has no other"},
	{0, NULL, "DELETE FROM token_codes WHERE token_id = :zzz", 0, 42,
		"TokenRevealed has no field :zzz. It also has :tokenId"},
	{2, NULL, "DELETE FROM token_codes WHERE code = ANY (:code)", 0, 43,
		"TokenCodesUpdated has no field :code; did you mean :codes? It also has :tokenIds"},
	{0, NULL, "DELETE FROM token_codes WHERE toke_id = :tokenId", 0, 31,
		"PostgreSQL can't prepare this: column \"toke_id\" does not exist. Perhaps you meant to reference "
		"the column "
		"\"token_codes.token_id\"."},
	{0, NULL, "DELETE FROM token_codez WHERE token_id = :tokenId", 0, 13,
		"PostgreSQL can't prepare this: relation \"token_codez\" does not exist"},
	{0, NULL, "DELETE FROM token_codes WHERE tx = :tx.hash AND AND token_id = :tokenId", 0, 49,
		"PostgreSQL can't prepare this: syntax error at or near \"AND\""},
	{0, NULL, "DELETE FROM token_codes WHERE tx = 'é' AND nope(:tx.hash) = 1", 0, 45,
		"PostgreSQL can't prepare this: function nope(text) does not exist. No function matches the given "
		"name and argument "
		"types. You might need to add explicit type casts."},
	{0, NULL, "DELETE FROM token_codes WHERE at = :tokenId", 0, 36,
		":tokenId is numeric, and PostgreSQL wants timestamp with time zone here"},
	{0, NULL, "SELECT FROM token_codes", 0, 1,
		"a SELECT without columns or with INTO; a rule's sql writes by INSERT, UPDATE, DELETE or MERGE"},
	{1, "SELECT unnest(:tokenIds), 1", "DELETE FROM token_codes WHERE token_id = :unnest", 1, 1,
		"column 2 has no name; write AS and one"},
	{1, "SELECT 1 AS a, 2 AS a", "DELETE FROM token_codes", 1, 1,
		"two columns are called a; give one another name"},
	{1, "SELECT 1 AS \"tokenIds\"", "DELETE FROM token_codes", 1, 1,
		"the column tokenIds makes the name :tokenIds again; give it another name"},
	{1, "SELECT 1 AS tx", "DELETE FROM token_codes", 1, 1,
		"the column tx is called like a record that SQL knows; give it another name"},
	{1, "SELECT 1 AS " LONG, "DELETE FROM token_codes", 1, 1,
		"a name in it is longer than 63 bytes; PostgreSQL would cut it"},
	{1, "SELECT unnest(:tokenIds) AS id", "DELETE FROM token_codes WHERE token_id = :ID", 0, 42,
		"TokensRevealed has no field :ID; did you mean :id? It also has :tokenIds"},
	{1, "DELETE FROM blobs", "DELETE FROM token_codes", 1, 1, "each gives rows, and this gives none"},
	{0, NULL, "INSERT INTO blobs VALUES (1, :tokenId -> 'a')", 0, 39,
		"PostgreSQL can't prepare this: operator does not exist: numeric -> unknown. No operator matches the "
		"given name and argument "
		"types. You might need to add explicit type casts."},
};

static void broken_sql_is_said_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const struct broken *b = &broken[i];
		struct app a;
		app_init(&a, NULL);
		struct rule_decl *r = app_rule(&a, "r", b->event, b->each);
		app_do_sql(&a, r, b->sql);
		compile(&a);
		expect(&a, b->line_of_each ? 101 : 102, b->col, b->text);
		app_fini(&a);
	}
}

static void all_of_them_at_once(void **state)
{
	(void)state;
	struct app a;
	app_init(&a, "SELECT valeu AS code FROM files.codes WHERE key = :tokenId::text");
	app_do_sql(&a, app_rule(&a, "a", 0, NULL), "DELETE FROM nowhere");
	struct rule_decl *r = app_rule(&a, "b", 0, NULL);
	app_do_let(&a, r, "SELECT 1 AS x", MISSING_ERROR);
	app_do_log(&a, r, "{x} {y}");
	app_do_batch(&a, r);
	compile(&a);
	expect(&a, 102, 13, "PostgreSQL can't prepare this: relation \"nowhere\" does not exist");
	expect(&a, 113, 6, "TokenRevealed has no field :y. It also has :tokenId :x");
	expect(&a, 20, 8,
		"PostgreSQL can't prepare this: column \"valeu\" does not exist. Perhaps you meant to reference the "
		"column \"codes.value\".");
	assert_int_equal(a.ps.n, 3);
	app_fini(&a);
}

static void batches_and_what_feeds_them(void **state)
{
	(void)state;
	struct app a;
	app_init(&a, NULL);
	app_do_batch(&a, app_rule(&a, "one", 0, NULL));
	app_do_batch(&a, app_rule(&a, "two", 1, "SELECT unnest(:tokenIds)::text AS \"tokenId\""));
	app_do_batch(&a, app_rule(&a, "three", 1, NULL));
	compile(&a);
	expect(&a, 112, 1,
		"two gives the batch reveal :tokenId as text, and one as numeric; cast one of them in its each");
	expect(&a, 122, 1,
		"the batch reveal keeps :tokenId of each item, and three has no name :tokenId; did you mean "
		":tokenIds? It has no other");
	app_fini(&a);
	app_init(&a, "INSERT INTO blobs VALUES (1) RETURNING id");
	app_do_batch(&a, app_rule(&a, "one", 0, NULL));
	compile(&a);
	expect(&a, 20, 1, "the let of a batch is a SELECT that gives columns");
	app_fini(&a);
	app_init(&a, "SELECT 1 AS \"tokenId\"");
	app_do_batch(&a, app_rule(&a, "one", 0, NULL));
	compile(&a);
	expect(&a, 20, 1, "the column tokenId makes the name :tokenId again; give it another name");
	app_fini(&a);
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "one", 0, NULL);
	app_do_batch(&a, r);
	app_do_let(&a, r, "SELECT 1 AS x", MISSING_PARK);
	compile(&a);
	expect(&a, 103, 1, "a let with else: park stands before the steps that do something; move it up");
	app_fini(&a);
}

/* Where PostgreSQL can't choose a type, the value's own is declared, and only there. */
static void what_it_cannot_infer_is_declared(void **state)
{
	(void)state;
	struct app a;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "r", 2, NULL);
	app_do_sql(&a, r,
		"INSERT INTO blobs VALUES (cardinality(:tokenIds), jsonb_build_object('a', :codes, 'b', :tx.hash, "
		"'c', :block.number), :block.time)");
	app_do_sql(&a, r,
		"UPDATE blobs SET data = data || jsonb_build_object('k', data -> :event.name) WHERE id = "
		":block.number");
	app_do_sql(&a, r,
		"DELETE FROM token_codes t USING unnest(:tokenIds, :codes) u(id, c) WHERE t.token_id = u.id AND t.tx "
		"= :tx.hash");
	app_do_sql(&a, r,
		"WITH x AS (DELETE FROM token_codes RETURNING code) SELECT code, (:codes)[1], :event #>> "
		"'{args,codes,0}' FROM x -- end");
	compile(&a);
	if (a.ps.n)
		problems_print(&a.ps, stderr, false, "");
	assert_int_equal(a.ps.n, 0);
	app_fini(&a);
}

static void the_text_is_the_same_each_time(void **state)
{
	(void)state;
	struct app a;
	char first[64];
	struct err e;
	app_init(&a, "SELECT value AS code FROM files.codes WHERE key = :tokenId::text");
	app_do_batch(&a, app_rule(&a, "one", 0, NULL));
	q(&world, "BEGIN");
	for (int i = 0; i < 2; i++) {
		assert_true(compile_application(&a.c, world.pg, &a.ps, &e));
		const char *sum = q(&world, "SELECT md5(string_agg(pg_get_functiondef(oid), '' ORDER BY proname)) "
									"FROM pg_proc WHERE pronamespace "
									"= 'fairlead_app'::regnamespace");
		if (i == 0)
			snprintf(first, sizeof(first), "%s", sum);
		else
			assert_string_equal(sum, first);
	}
	q(&world, "ROLLBACK");
	app_fini(&a);
}

static void a_value_of_a_variable_is_bound(void **state)
{
	(void)state;
	struct app a;
	struct err e;
	static const char *const texts[] = {"UPDATE token_codes SET code = ", " WHERE token_id = "};
	static const char *const values[] = {"it's \\ $1 :x ${Y} %s", "7"};
	struct sql_part parts[4];
	app_init(&a, NULL);
	for (size_t i = 0; i < 4; i++)
		parts[i] = (struct sql_part){
			i % 2 ? SQL_VALUE : SQL_TEXT, str_of((i % 2 ? values : texts)[i / 2]), {"app.yaml", 1, 1, 1}};
	struct sqltext s = {.at = {"app.yaml", 1, 1, 1}, .source = STR("…"), .parts = parts, .nparts = 4};
	app_step(app_rule(&a, "r", 0, NULL), STEP_SQL)->sql = &s;
	q(&world, "BEGIN");
	assert_true(compile_application(&a.c, world.pg, &a.ps, &e));
	assert_int_equal(a.ps.n, 0);
	q(&world, "INSERT INTO token_codes VALUES (7)");
	q(&world, "UPDATE fairlead.lane SET epoch = 1 WHERE name = 'apply:main'");
	reveal(&world, 1, 1);
	assert_string_equal(APPLY(&world, "events", 10), "1");
	assert_string_equal(q(&world, "SELECT code FROM token_codes"), values[0]);
	q(&world, "ROLLBACK");
	app_fini(&a);
}

static void compare_rules(void **state)
{
	(void)state;
	struct app a;
	struct err e;
	struct abi_entry fn;
	size_t at;
	app_init(&a, NULL);
	assert_true(abi_parse_line(
		&a.mem, STR("function getTokenCode(uint256 tokenId) view returns (string)"), &fn, &at, &e));
	struct compare_column col = {.column = "code", .call = {.kind = CALL_CHAIN, .fn = &fn}};
	struct compare_decl cd = {.rows = app_sql(&a, "SELECT token_id, code, at FROM token_codes", 10),
		.columns = &col,
		.ncolumns = 1,
		.fix = app_sql(
			&a, "UPDATE token_codes SET code = :chain.code WHERE token_id = :token_id AND at = :at", 11),
		.missing = app_sql(&a, "DELETE FROM token_codes WHERE token_id = :token_id RETURNING 1", 12)};
	a.rules[a.c.nrules++] =
		(struct rule_decl){.name = "mirror", .every_ms = 1000, .compare = &cd, .at = {"app.yaml", 9, 1, 1}};
	q(&world, "BEGIN");
	assert_true(compile_application(&a.c, world.pg, &a.ps, &e));
	assert_int_equal(a.ps.n, 0);
	q(&world, "UPDATE fairlead.lane SET epoch = 1 WHERE name = 'clock'");
	q(&world, "INSERT INTO token_codes VALUES (1, 'a', 'x', '2024-01-01 00:00:00.123456Z'), (2, NULL, 'x', "
			  "'2024-01-01 00:00:00Z')");
	for (int i = 0; i < 2; i++)
		assert_string_equal(q(&world, "SELECT fairlead_app.read_mirror(1)"), "2");
	assert_string_equal(q(&world, "SELECT data FROM fairlead_app.compared WHERE rule = 'mirror' AND n = 1"),
		"{\"at\": \"2024-01-01 00:00:00.123456+00\", \"code\": \"a\", \"token_id\": \"1\"}");
#define ROW(verb, i, more)                                       \
	q(&world, "SELECT fairlead_app." verb "_mirror(1, data" more \
			  ") FROM fairlead_app.compared WHERE rule = 'mirror' AND n = " i)
	assert_string_equal(ROW("fix", "1", ", '{\"code\": \"it''s\"}'"), "1");
	assert_string_equal(ROW("fix", "1", ", '{\"code\": \"again\"}'"), "0"); /* no longer as it was read */
	assert_string_equal(ROW("fix", "2", ", '{\"code\": \"b\"}'"), "1");
	assert_string_equal(
		q(&world, "SELECT string_agg(code, ' ' ORDER BY token_id) FROM token_codes"), "it's b");
	assert_string_equal(ROW("missing", "1", ""), "0");
	q(&world, "SELECT fairlead_app.read_mirror(1)");
	assert_string_equal(ROW("missing", "1", ""), "1");
	assert_string_equal(q(&world, "SELECT count(*) FROM token_codes"), "1");
	q(&world, "ROLLBACK");
	/* and its mistakes */
	cd.fix = app_sql(&a, "UPDATE token_codes SET code = :chain.kode WHERE token_id = :token", 11);
	cd.missing = app_sql(&a, "DELETE FROM token_codes WHERE code = :chain.code", 12);
	compile(&a);
	expect(&a, 11, 31,
		"the row that mirror compares has no column :chain.kode; did you mean :chain.code? It also has "
		":token_id :code :at");
	expect(&a, 11, 60, "the row that mirror compares has no column :token. It also has :token_id :code :at");
	expect(&a, 12, 38,
		"the row that mirror compares has no column :chain.code. It also has :token_id :code :at");
	app_fini(&a);
}

static int setup(void **state)
{
	(void)state;
	struct app a;
	app_init(&a, NULL);
	world_open(&world);
	world_declare(&world, &a, TABLES);
	app_fini(&a);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_sql_is_said_at_its_place),
		cmocka_unit_test(all_of_them_at_once),
		cmocka_unit_test(batches_and_what_feeds_them),
		cmocka_unit_test(what_it_cannot_infer_is_declared),
		cmocka_unit_test(the_text_is_the_same_each_time),
		cmocka_unit_test(a_value_of_a_variable_is_bound),
		cmocka_unit_test(compare_rules),
	};
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("skipped: FAIRLEAD_TEST_PG is not set (conninfo of a PostgreSQL superuser)\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
