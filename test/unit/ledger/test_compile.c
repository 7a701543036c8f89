/* The compiler against a real PostgreSQL: the ktty example and each kind of step, poison, finality and
 * reorgs. */
#include "app.h"

#define LET "SELECT value AS code FROM files.codes WHERE key = :tokenId::text"
#define TABLES                                                                                     \
	"CREATE TABLE token_codes (token_id numeric PRIMARY KEY, code text, tx text, at timestamptz);" \
	"CREATE TABLE counted (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0 CHECK (n <> 666), note text)"

static void ktty(struct app *a)
{
	app_init(a, LET);
	app_do_batch(a, app_rule(a, "rule0", 0, NULL));
	app_do_batch(a, app_rule(a, "rule1", 1, "SELECT unnest(:tokenIds) AS \"tokenId\""));
	app_do_sql(a, app_rule(a, "rule2", 2, "SELECT * FROM unnest(:tokenIds, :codes) AS t(\"tokenId\", code)"),
		"INSERT INTO token_codes (token_id, code, tx, at) VALUES (:tokenId, :code, :tx.hash, :block.time) "
		"ON CONFLICT (token_id) DO UPDATE SET code = EXCLUDED.code, tx = EXCLUDED.tx, at = EXCLUDED.at");
}

static void world_of(struct world *w, struct app *a)
{
	world_open(w);
	world_declare(w, a, TABLES);
	world_compile(w, a);
}

static void end(struct world *w, struct app *a)
{
	world_close(w);
	app_fini(a);
}

static void codes(struct world *w, int from, int to)
{
	q(w, "INSERT INTO files.codes SELECT g, 'code' || g FROM generate_series(%d, %d) g", from, to);
}

static void ktty_37_become_10_10_10_7(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	ktty(&a);
	world_of(&w, &a);
	codes(&w, 1, 100);
	for (int i = 1; i <= 12; i++)
		reveal(&w, 1, i);
	emit(&w, 2, "tokens_revealed", "token_ids", "(SELECT array_agg(g) FROM generate_series(13, 37) g)");
	assert_string_equal(
		APPLY(&w, "concat_ws(' ', from_seq, to_seq, head, events, items, undone, stop_seq)", 1000),
		"0 13 13 13 37 -1");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 2, false)"),
		"{1,2} 20 0 17");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 10, false)"),
		"{3} 10 0 7");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 10, false)"),
		"{} 0 0 7");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 10, true)"),
		"{4} 7 0 0");
	assert_string_equal(
		q(&w, "SELECT string_agg(items::text, ' ' ORDER BY id) FROM fairlead.batch"), "10 10 10 7");
	assert_string_equal(
		q(&w, "SELECT string_agg(key, ' ' ORDER BY turn, ordinal) FROM fairlead.item WHERE batch = 2"),
		"11 12 13 14 15 16 17 18 19 20");
	assert_string_equal(q(&w, "SELECT args FROM fairlead.item WHERE key = '37'"),
		"{\"code\": \"code37\", \"tokenId\": \"37\"}");
	/* the same token again: no item */
	reveal(&w, 3, 5);
	assert_string_equal(APPLY(&w, "concat_ws(' ', events, items)", 1000), "1 0");
	emit(&w, 4, "token_codes_updated", "token_ids, codes", "ARRAY[5, 6]::numeric[], ARRAY['a', 'b']");
	assert_string_equal(APPLY(&w, "events", 1000), "1");
	assert_string_equal(
		q(&w, "SELECT string_agg(token_id || code || tx, ' ' ORDER BY token_id) = '5a0x' || "
			  "encode(sha256('t15'), 'hex') || "
			  "' 6b0x' || encode(sha256('t15'), 'hex') FROM token_codes WHERE at = '2024-01-01 00:00:04Z'"),
		"t");
	end(&w, &a);
}

static void a_stale_epoch_is_fenced(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	const char *text;
	ktty(&a);
	world_of(&w, &a);
	assert_string_equal(raises(&w, "SELECT fairlead_app.apply_main(2, 10)", &text), "FL001");
	assert_string_equal(raises(&w, "SELECT fairlead_app.cut_reveal(2, 10, 1, true)", &text), "FL001");
	assert_string_equal(raises(&w, "SELECT fairlead_app.unpark_reveal(2, 0, 10)", &text), "FL001");
	assert_string_equal(raises(&w, "SELECT fairlead_app.bury_main(2, 1, '', '', 3, false)", &text), "FL001");
	end(&w, &a);
}

static void parked_and_released(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	ktty(&a);
	world_of(&w, &a);
	codes(&w, 1, 9);
	for (int i = 1; i <= 12; i++)
		reveal(&w, 1, i);
	APPLY(&w, "1", 1000);
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 5, true)"),
		"{1} 9 3 0");
	assert_string_equal(q(&w, "SELECT string_agg(key || ': ' || reason, ', ' ORDER BY turn) FROM "
							  "fairlead.item WHERE state = 'parked'"),
		"10: tokenMapping.json has no code for 10, 11: tokenMapping.json has no code for 11, 12: "
		"tokenMapping.json has no code for 12");
	assert_string_equal(
		q(&w, "SELECT released || ' ' || behind FROM fairlead_app.unpark_reveal(1, 0, 100)"), "0 12");
	codes(&w, 11, 11);
	assert_string_equal(q(&w, "SELECT released FROM fairlead_app.unpark_reveal(1, 0, 100)"), "1");
	assert_string_equal(
		q(&w, "SELECT string_agg(key, ' ') FROM fairlead.item WHERE state = 'waiting' AND reason IS NULL"),
		"11");
	/* parked by its transaction: it had a row, so only another row releases it */
	q(&w, "UPDATE fairlead.item SET state = 'parked', batch = NULL, reason = 'InvalidTokenId()' WHERE key = "
		  "'3'");
	assert_string_equal(q(&w, "SELECT released FROM fairlead_app.unpark_reveal(1, 0, 100)"), "0");
	q(&w, "UPDATE files.codes SET value = 'other' WHERE key = '3'");
	assert_string_equal(q(&w, "SELECT released FROM fairlead_app.unpark_reveal(1, 0, 100)"), "1");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', batches, items) FROM fairlead_app.cut_reveal(1, 10, 5, true)"), "{2} 2");
	end(&w, &a);
}

static int run(const struct CMUnitTest *tests, size_t n)
{
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("skipped: FAIRLEAD_TEST_PG is not set (conninfo of a PostgreSQL superuser)\n");
		return 0;
	}
	return _cmocka_run_group_tests("compile", tests, n, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ktty_37_become_10_10_10_7),
		cmocka_unit_test(a_stale_epoch_is_fenced),
		cmocka_unit_test(parked_and_released),
	};
	return run(tests, sizeof(tests) / sizeof(tests[0]));
}
