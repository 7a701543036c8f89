/* Runs that are a few statements against a real PostgreSQL: they leave what the loop leaves, byte for byte,
 * and what is not certain to do so stays with the loop. */
#include "app.h"

/* trail holds the events of a key in the order in which they came. */
#define TABLES                                                                                              \
	"CREATE TABLE holder (id numeric PRIMARY KEY, n bigint NOT NULL DEFAULT 1 CHECK (n <> 666), trail "     \
	"text);"                                                                                                \
	"CREATE TABLE pair (a text, b int, n numeric, trail text, PRIMARY KEY (b, a));"                         \
	"CREATE TABLE marks (mark text PRIMARY KEY, trail text);"                                               \
	"CREATE TABLE \"Odd\" (\"Id\" numeric PRIMARY KEY, trail text);"                                        \
	"CREATE TABLE twice (id numeric PRIMARY KEY, n int UNIQUE, trail text);"                                \
	"CREATE TABLE counted (id numeric PRIMARY KEY, n bigserial, trail text);"                               \
	"CREATE TABLE named (id numeric PRIMARY KEY, n bigint GENERATED ALWAYS AS IDENTITY, trail text);"       \
	"CREATE DOMAIN word AS text; CREATE TABLE worded (id numeric PRIMARY KEY, trail word);"                 \
	"CREATE COLLATION soft (provider = icu, locale = 'und-u-ks-level1', deterministic = false);"            \
	"CREATE TABLE softly (id text COLLATE soft PRIMARY KEY, trail text);"                                   \
	"CREATE TABLE kept (id numeric PRIMARY KEY, trail text); ALTER TABLE kept ENABLE ROW LEVEL SECURITY;"   \
	"CREATE FUNCTION fits(text) RETURNS bool LANGUAGE sql AS $$ SELECT true $$;"                            \
	"CREATE TABLE fitted (id numeric PRIMARY KEY, trail text CHECK (fits(trail)));"                         \
	"CREATE TABLE parents (id numeric PRIMARY KEY, trail text);"                                            \
	"CREATE TABLE children (id numeric PRIMARY KEY REFERENCES parents, trail text);"                        \
	"CREATE SCHEMA t; CREATE TABLE t.loose (id numeric UNIQUE, trail text);"                                \
	"CREATE TABLE t.alike (id numeric UNIQUE NULLS NOT DISTINCT, trail text);"                              \
	"CREATE TABLE t.part (id numeric, trail text); CREATE UNIQUE INDEX ON t.part (id) WHERE id > 0;"        \
	"CREATE TABLE t.statements (n int); INSERT INTO t.statements VALUES (0);"                               \
	"CREATE FUNCTION t.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE t.statements SET n = n " \
	"+ "                                                                                                    \
	"1; RETURN NULL; END $$;"                                                                               \
	"CREATE TRIGGER zz_fairlead_z AFTER INSERT ON holder EXECUTE FUNCTION t.count()"

static void open_with(struct world *w, struct app *a)
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

static bool goes_by_ranks(struct world *w)
{
	return q(w, "SELECT prosrc LIKE '%%hash_record_extended%%' FROM pg_proc WHERE proname = 'apply_main'")
			   [0] == 't';
}

#define TRAIL "DO UPDATE SET trail = t.trail || EXCLUDED.trail"
#define BY_ID "ON CONFLICT (id) " TRAIL

static void which_upsert_goes_by_ranks(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool yes;
	} cases[] = {
		{"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, :tx.hash) " BY_ID, true},
		{"INSERT INTO public.holder AS t (trail, ID) VALUES (concat(:block.number, ',', '('), /* , */ "
		 ":tokenId "
		 "% 7) ON CONFLICT (\"id\") DO UPDATE SET n = t.n + 1, TRAIL = EXCLUDED.trail WHERE t.n < 5 -- end",
			true},
		{"INSERT INTO pair AS t (b, n, a, trail) VALUES (1, :tokenId, 'x', '') ON CONFLICT (a, b) " TRAIL,
			true},
		{"INSERT INTO \"Odd\" AS t (\"Id\", trail) VALUES (:tokenId, '') ON CONFLICT (\"Id\") " TRAIL, true},
		{"INSERT INTO t.loose AS t (id, trail) VALUES (:tokenId, '') " BY_ID, true},
		{"INSERT INTO holder AS t VALUES (:tokenId, 1, '') " BY_ID, false},
		{"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, '') ON CONFLICT DO NOTHING", false},
		{"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, '') ON CONFLICT ON CONSTRAINT "
		 "holder_pkey " TRAIL,
			false},
		{"INSERT INTO holder AS t (id, n) VALUES (:tokenId, random() * 10) ON CONFLICT (id) DO UPDATE SET n "
		 "= "
		 "EXCLUDED.n",
			false},
		{"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, clock_timestamp()) " BY_ID, false},
		{"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, '') ON CONFLICT (id) DO UPDATE SET id = t.id "
		 "+ 1",
			false},
		{"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, '') ON CONFLICT (id) DO UPDATE SET (n, "
		 "trail) = "
		 "ROW(1, '')",
			false},
		{"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, '') ON CONFLICT (id) DO UPDATE SET trail = "
		 "t.ctid",
			false},
		{"INSERT INTO holder AS t (trail) VALUES ('') " BY_ID, false},
		{"INSERT INTO twice AS t (id, trail) VALUES (:tokenId, '') " BY_ID, false},
		{"INSERT INTO counted AS t (id, trail) VALUES (:tokenId, '') " BY_ID, false},
		{"INSERT INTO named AS t (id, trail) VALUES (:tokenId, '') " BY_ID, false},
		{"INSERT INTO worded AS t (id, trail) VALUES (:tokenId, '') " BY_ID, false},
		{"INSERT INTO softly AS t (id, trail) VALUES ('a', '') " BY_ID, false},
		{"INSERT INTO kept AS t (id, trail) VALUES (:tokenId, '') " BY_ID, false},
		{"INSERT INTO fitted AS t (id, trail) VALUES (:tokenId, '') " BY_ID, false},
		{"INSERT INTO t.part AS t (id, trail) VALUES (:tokenId, '') ON CONFLICT (id) WHERE id > 0 " TRAIL,
			false},
	};
	struct world w;
	struct app first;
	app_init(&first, NULL);
	world_open(&w);
	world_declare(&w, &first, TABLES);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct app a;
		app_init(&a, NULL);
		app_do_sql(&a, app_rule(&a, "r", 0, NULL), cases[i].sql);
		world_compile(&w, &a);
		if (goes_by_ranks(&w) != cases[i].yes)
			fail_msg("%s: %s", cases[i].sql, cases[i].yes ? "the loop" : "ranks");
		app_fini(&a);
	}
	end(&w, &first);
}

/* n events of keys 0 … keys - 1 in an order that looks random. */
static void emit_many(struct world *w, int n, int keys, int seed)
{
	q(w,
		"INSERT INTO companions.token_revealed (_seq, _block, _at, _log, _chain, _open, _block_hash, _tx, "
		"_id, "
		"_address, token_id, _late) SELECT i, i / 7, to_timestamp(i), i, 1, true, sha256('b'), "
		"sha256(i::text::bytea), sha256(('e' || i)::bytea), decode(repeat('ab', 20), 'hex'), "
		"abs(hashint4(i * 1000 + %d)::bigint) %% %d, i %% 41 = 0 FROM generate_series(1, %d) i",
		seed, keys, n);
	q(w, "UPDATE fairlead.lane SET at = %d WHERE name = 'listen:main'", n);
}

enum way { LOOP, ONE_BY_ONE, RUNS };

/* What stands in the end, and where it stopped, in one of the ways; all of it is rolled back. */
static void done_by(struct world *w, enum way way, const char *table, char *out, size_t n)
{
	char ran[200] = "";
	q(w, "BEGIN");
	if (way != LOOP)
		q(w, "UPDATE fairlead.chain SET floor_seq = 1000000");
	for (int i = 0; i < 1000; i++) {
		snprintf(ran, sizeof ran, "%s",
			APPLY(w,
				"concat_ws(' ', to_seq, CASE WHEN to_seq < head AND stop_seq IS NULL THEN 'more' END, "
				"stop_seq, stop_state)",
				way == ONE_BY_ONE ? 1 : 100));
		if (!strstr(ran, "more"))
			break;
	}
	snprintf(out, n, "%s: %s", ran,
		q(w, "SELECT md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM %s x", table));
	q(w, "ROLLBACK");
}

static void runs_leave_what_the_loop_leaves(void **state)
{
	(void)state;
	static const struct {
		const char *table, *sql;
		bool by_loop; /* without a primary key the loop above the floor may not write it */
	} cases[] = {
		{"holder", "INSERT INTO holder AS t (id, trail) VALUES (:tokenId, :event.seq || ' ') " BY_ID, true},
		{"holder",
			"INSERT INTO holder AS t (id, n, trail) VALUES (:tokenId, 2, :tx.hash) ON CONFLICT (id) DO "
			"UPDATE "
			"SET n = t.n * 3 % 1009 + EXCLUDED.n, trail = lower(EXCLUDED.trail) || t.trail WHERE t.n % 5 "
			"<> 0",
			true},
		{"pair",
			"INSERT INTO pair AS t (b, n, a, trail) VALUES (:tokenId % 3, :tokenId, (:tokenId % 20)::text, "
			":event.seq || ' ') ON CONFLICT (a, b) " TRAIL ", n = t.n - EXCLUDED.n",
			true},
		{"t.loose",
			"INSERT INTO t.loose AS t (id, trail) VALUES (nullif(:tokenId, 3), :event.seq || ' ') " BY_ID,
			false},
		{"t.alike",
			"INSERT INTO t.alike AS t (id, trail) VALUES (nullif(:tokenId % 300, 3), :event.seq || ' "
			"') " BY_ID,
			false},
		{"holder",
			"INSERT INTO holder AS t (id, n, trail) VALUES (:tokenId, 222, '') ON CONFLICT (id) DO UPDATE "
			"SET n "
			"= t.n + EXCLUDED.n",
			true}, /* the third of a key is poison */
		{"holder", "INSERT INTO holder AS t (id, trail) VALUES (nullif(:tokenId, 17), '') " BY_ID, true},
	};
	static const int keys[] = {1, 9, 150, 5000};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct app a;
		struct world w;
		app_init(&a, NULL);
		app_do_sql(&a, app_rule(&a, "r", 0, NULL), cases[i].sql);
		open_with(&w, &a);
		if (!goes_by_ranks(&w))
			fail_msg("%s", cases[i].sql);
		for (size_t j = 0; j < sizeof keys / sizeof *keys; j++) {
			char got[2][400];
			q(&w, "TRUNCATE companions.token_revealed");
			emit_many(&w, 500, keys[j], (int)(i * 10 + j));
			done_by(&w, cases[i].by_loop ? LOOP : ONE_BY_ONE, cases[i].table, got[0], sizeof got[0]);
			done_by(&w, RUNS, cases[i].table, got[1], sizeof got[0]);
			assert_string_equal(got[1], got[0]);
		}
		end(&w, &a);
	}
}

/* A run below the window is longer, ends before the window, and before a key comes too often. */
static void how_far_a_run_goes(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, app_rule(&a, "r", 0, NULL),
		"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, :event.seq || ' ') " BY_ID);
	open_with(&w, &a);
	emit_many(&w, 900, 1000000, 1);
	q(&w, "UPDATE companions.token_revealed SET token_id = 5 WHERE _seq BETWEEN 611 AND 700");
	q(&w, "UPDATE fairlead.chain SET floor_seq = 751");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 100), "500 500");
	assert_string_equal(q(&w, "SELECT n FROM t.statements"), "1");
	/* 611 to 618 are eight of one key (615 is late), 620 is the ninth that counts */
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 100), "619 119");
	assert_string_equal(q(&w, "SELECT n FROM t.statements"), "9");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 100), "719 100"); /* by the loop */
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 1), "720 1");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 100), "750 30");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.undo"), "0");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 100), "850 100");
	assert_string_equal(q(&w, "SELECT min(seq) || ' ' || count(*) FROM fairlead.undo"), "751 98");
	end(&w, &a);
}

#define BELL() \
	q(&w, "SELECT concat_ws(' ', to_seq, head, events) FROM fairlead_app.apply_main(1, 100, false)")

/* Behind a bell the end of a long reading is left to the next commit; a look takes it all. */
static void the_tail_of_a_long_reading(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, app_rule(&a, "r", 0, NULL),
		"INSERT INTO holder AS t (id, trail) VALUES (:tokenId, :event.seq || ' ') " BY_ID);
	open_with(&w, &a);
	emit_many(&w, 95, 1000000, 1);
	q(&w, "UPDATE fairlead.lane SET at = 90 WHERE name = 'listen:main'");
	q(&w, "UPDATE fairlead.chain SET floor_seq = 51, head = 2000, done = 1000, final = 900, floor = 900");
	assert_string_equal(BELL(), "50 50 50");
	assert_string_equal(BELL(), "50 50 0");
	q(&w, "UPDATE fairlead.chain SET floor_seq = 71, done = 1100, final = 1000, floor = 1000");
	assert_string_equal(BELL(), "70 70 20");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.undo"), "0");
	q(&w, "UPDATE fairlead.chain SET head = 1200"); /* the head is a window away: what is there counts now */
	assert_string_equal(BELL(), "90 90 20");
	assert_string_equal(q(&w, "SELECT count(*) > 0 FROM fairlead.undo"), "t");
	q(&w, "UPDATE fairlead.lane SET at = 95 WHERE name = 'listen:main'");
	q(&w, "UPDATE fairlead.chain SET head = 1201");
	assert_string_equal(BELL(), "90 90 0");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, head, events)", 100), "95 95 5");
	end(&w, &a);
}

/* Rules of tables that don't know each other run one after the other; a foreign key between them, or one
 * table twice, brings the loop. */
static void several_rules_in_one_run(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool together;
	} seconds[] = {
		{"INSERT INTO pair AS t (a, b, trail) VALUES (:tokenId, 1, :event.seq || ' ') ON CONFLICT (a, "
		 "b) " TRAIL,
			true},
		{"INSERT INTO marks (mark, trail) VALUES (:tokenId, :event.seq) ON CONFLICT DO NOTHING", true},
		{"INSERT INTO public.parents AS t (id, trail) VALUES (:tokenId + 1, 'second ') " BY_ID, false},
		{"INSERT INTO children AS t (id, trail) VALUES (:tokenId, :event.seq || ' ') " BY_ID, false},
	};
	for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
		struct app a;
		struct world w;
		char got[3][400];
		app_init(&a, NULL);
		app_do_sql(&a, app_rule(&a, "first", 0, NULL),
			"INSERT INTO parents AS t (id, trail) VALUES (:tokenId, :event.seq || ' ') " BY_ID);
		app_do_sql(&a, app_rule(&a, "second", 0, NULL), seconds[i].sql);
		app_do_sql(&a, app_rule(&a, "other", 1, NULL),
			"INSERT INTO holder AS t (id, trail) VALUES (cardinality(:tokenIds), :event.seq || ' ') " BY_ID);
		open_with(&w, &a);
		emit_many(&w, 300, 90, (int)i);
		w.seq = 300;
		for (int n = 0; n < 40; n++)
			emit(&w, 400 + n / 2, "tokens_revealed", "token_ids", n % 3 ? "'{1,2}'" : "'{1}'");
		assert_true(goes_by_ranks(&w));
		assert_string_equal(
			q(&w, "SELECT prosrc LIKE '%%NOT EXISTS (SELECT FROM \"companions\".\"token_revealed\" e "
				  "WHERE e._seq > _fl.v_from%%' FROM pg_proc WHERE proname = 'apply_main'"),
			seconds[i].together ? "f" : "t");
		for (enum way way = LOOP; way <= RUNS; way++)
			done_by(&w, way,
				"(SELECT p::text FROM parents p UNION ALL SELECT p::text FROM pair p UNION ALL SELECT "
				"m::text FROM "
				"marks m UNION ALL SELECT c::text FROM children c UNION ALL SELECT h::text FROM holder h)",
				got[way], sizeof got[0]);
		assert_string_equal(got[RUNS], got[ONE_BY_ONE]);
		assert_string_equal(got[RUNS], got[LOOP]);
		end(&w, &a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_upsert_goes_by_ranks),
		cmocka_unit_test(runs_leave_what_the_loop_leaves),
		cmocka_unit_test(how_far_a_run_goes),
		cmocka_unit_test(the_tail_of_a_long_reading),
		cmocka_unit_test(several_rules_in_one_run),
	};
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("skipped: FAIRLEAD_TEST_PG is not set (conninfo of a PostgreSQL superuser)\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
