/* What happens beside the log: who tells it, in which order its rules run, and what they know (sql/012). */
#include "app.h"

#define TABLES                                                                                           \
	"CREATE TABLE said (id serial PRIMARY KEY, what text CHECK (what <> 'bad')); CREATE TABLE seen (id " \
	"numeric PRIMARY KEY)"

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

/* A rule on CHAIN.kind, or on reveal.kind. */
static struct rule_decl *on(struct app *a, const char *name, const char *kind, bool of_batch)
{
	struct rule_decl *r = app_rule(a, name, 0, NULL);
	struct trigger_decl *t = arena_alloc(&a->mem, sizeof *t);
	*t = (struct trigger_decl){kind, &a->chain, of_batch ? &a->batch : NULL, r->at};
	r->nevents = 0;
	r->triggers = t;
	r->ntriggers = 1;
	return r;
}

static void want(struct world *w, const char *kinds, const char *subject)
{
	q(w,
		"SELECT fairlead.want(k, array_fill('%s'::text, ARRAY[cardinality(k)]), array_fill('main'::text, "
		"ARRAY[cardinality(k)])) FROM (SELECT '{%s}'::text[] AS k) x",
		subject, kinds);
}

#define HAPPEN(w, columns, max) q(w, "SELECT " columns " FROM fairlead_app.happen_main(1, %d)", max)
#define SAID(w)                 q(w, "SELECT string_agg(what, ' ' ORDER BY id) FROM said")

static void nothing_is_written_that_nobody_wants(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_log(&a, on(&a, "r", "start", false), "x");
	world_of(&w, &a);
	q(&w, "SELECT fairlead.happen(1::smallint, 'start', '{}')");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.happening"), "0");
	want(&w, "start", "main");
	q(&w, "SELECT fairlead.happen(1::smallint, k, '{}') FROM unnest('{start,live,sweep}'::text[]) k");
	assert_string_equal(q(&w, "SELECT string_agg(kind || seq, ' ') FROM fairlead.happening"), "start0");
	want(&w, "live", "main"); /* the rule on start is gone, and so is what waited for it */
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.happening"), "0");
	end(&w, &a);
}

/* start, two events, swept, one event: the rules run in this order, whoever is asked first. */
static void it_stands_in_the_log(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, app_rule(&a, "event", 0, NULL), "INSERT INTO said (what) VALUES ('event' || :tokenId)");
	app_do_sql(&a, on(&a, "start", "start", false), "INSERT INTO said (what) VALUES ('start')");
	struct rule_decl *r = on(&a, "swept", "swept", false);
	app_do_sql(&a, r,
		"INSERT INTO said (what) VALUES ('swept:' || :found || ':' || :block.number || ':' || :block.hash || "
		"':' || "
		"extract(epoch FROM :block.time)::int)");
	app_do_log(&a, r, "{found} found, synced to block {block.number}");
	world_of(&w, &a);
	want(&w, "start,swept", "main");
	q(&w, "SELECT fairlead.happen(1::smallint, 'start', '{\"block\": null}')");
	reveal(&w, 1, 1);
	reveal(&w, 1, 2);
	q(&w, "SELECT fairlead.happen(1::smallint, 'swept', '{\"found\": 3, \"block\": 77, \"hash\": \"0xab\", "
		  "\"time\": 5}')");
	reveal(&w, 2, 3);
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, head, events, due)", 1000), "0 3 0 t");
	assert_string_equal(HAPPEN(&w, "concat_ws(' ', events, cardinality(lines), stop_seq)", 10), "1 0");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, head, events, due)", 1000), "2 3 2");
	assert_string_equal(HAPPEN(&w, "replace(lines[1], E'\\x1f', '|')", 10),
		"swept|main.swept||77|3 found, synced to block 77");
	assert_string_equal(HAPPEN(&w, "events", 10), "0");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, due)", 1000), "3");
	assert_string_equal(SAID(&w), "start event1 event2 swept:3:77:0xab:5 event3");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.happening"), "0");
	/* what these rules write is not under the undo, what the events' rules write is */
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.undo"), "3");
	end(&w, &a);
}

/* Of five, the third is bad: two are done, it stops there, alone it stops again, and the rest goes on. */
static void poison_is_put_aside(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, on(&a, "r", "live", false),
		"INSERT INTO said (what) VALUES (CASE :block.number WHEN 3 THEN 'bad' ELSE :block.number::text END)");
	world_of(&w, &a);
	want(&w, "live", "main");
	q(&w, "SELECT fairlead.happen(1::smallint, 'live', jsonb_build_object('block', g)) FROM "
		  "generate_series(1, 5) g");
	assert_string_equal(
		HAPPEN(&w, "concat_ws(' ', events, to_seq, head, stop_seq, stop_state, stop_text LIKE 'rule r: %%')",
			100),
		"2 2 5 3 23514 t");
	assert_string_equal(SAID(&w), "1 2");
	assert_string_equal(HAPPEN(&w, "concat_ws(' ', events, to_seq, stop_seq)", 1), "0 0 3");
	assert_string_equal(q(&w, "SELECT fairlead.happening_bury('apply:main', 1, 3, '23514', 'no', 3)"), "t");
	assert_string_equal(q(&w, "SELECT fairlead.happening_bury('apply:main', 1, 3, '23514', 'no', 3)"), "f");
	assert_string_equal(HAPPEN(&w, "concat_ws(' ', events, to_seq, stop_seq)", 100), "2 5");
	assert_string_equal(SAID(&w), "1 2 4 5");
	assert_string_equal(q(&w, "SELECT what || ' ' || sqlstate || ' ' || tries FROM fairlead.dead"),
		"main.live {\"block\": 3} 23514 3");
	assert_string_equal(q(&w, "SELECT string_agg(state, ' ') FROM fairlead.happening"), "dead");
	const char *text;
	assert_string_equal(raises(&w, "SELECT fairlead_app.happen_main(2, 10)", &text), "FL001");
	assert_string_equal(
		raises(&w, "SELECT fairlead.happening_bury('apply:main', 2, 3, '', '', 3)", &text), "FL001");
	end(&w, &a);
}

/* All names that the item had, those of let too, with the types that its rules gave them. */
static void a_batch_tells_what_its_items_were(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, "SELECT value AS code, length(value) AS len FROM files.codes WHERE key = :tokenId::text");
	app_do_batch(&a, app_rule(&a, "event", 0, NULL));
	struct rule_decl *r = on(&a, "mined", "mined", true);
	app_do_sql(&a, r,
		"INSERT INTO said (what) VALUES (:tokenId + 1 || :code || :len * 2 || :tx.hash || :tx.status || "
		":tx.from)");
	app_do_log(&a, r, "{tokenId} in {tx.hash}");
	app_do_sql(&a, on(&a, "failed", "failed", true), "INSERT INTO said (what) VALUES (:tx.error)");
	world_of(&w, &a);
	reveal(&w, 1, 41);
	q(&w, "INSERT INTO files.codes VALUES ('41', 'abc')");
	APPLY(&w, "1", 10);
	q(&w, "SELECT fairlead_app.cut_reveal(1, 10, 1, true)");
	q(&w, "INSERT INTO fairlead.happening (chain, kind, subject, item, data) VALUES "
		  "(1, 'mined', 'reveal', 1, '{\"tx\": \"0xaa\", \"ok\": true, \"from\": \"0xbb\", \"block\": 9}'), "
		  "(1, 'failed', 'reveal', 1, '{\"error\": \"no luck\"}')");
	assert_string_equal(
		HAPPEN(&w, "replace(lines[1], E'\\x1f', '|')", 10), "mined|reveal.mined|0xaa|9|41 in 0xaa");
	assert_string_equal(SAID(&w), "42abc60xaasuccess0xbb no luck");
	end(&w, &a);
}

static void a_wrong_name_is_a_problem(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	struct err e = {0};
	app_init(&a, NULL);
	app_do_batch(&a, app_rule(&a, "event", 0, NULL));
	app_do_sql(&a, on(&a, "mined", "mined", true), "INSERT INTO said (what) VALUES (:tokenld::text)");
	app_do_log(&a, on(&a, "live", "live", false), "{found}");
	world_open(&w);
	world_declare(&w, &a, TABLES);
	q(&w, "BEGIN");
	assert_true(compile_application(&a.c, w.pg, &a.ps, &e));
	assert_int_equal(a.ps.n, 2);
	assert_string_equal(
		a.ps.list[0].text, "reveal.mined has no name :tokenld; did you mean :tokenId? It has no other");
	assert_string_equal(a.ps.list[1].text, "main.live has no name :found. It has none");
	q(&w, "ROLLBACK");
	end(&w, &a);
}

/* Items that a happening makes have no event that could leave: cause 0, as a post has. */
static void a_happening_adds_to_a_batch(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = on(&a, "live", "live", false);
	app_do_let(&a, r, "SELECT :block.number::numeric AS \"tokenId\"", MISSING_ERROR);
	app_do_batch(&a, r);
	world_of(&w, &a);
	want(&w, "live", "main");
	q(&w, "SELECT fairlead.happen(1::smallint, 'live', jsonb_build_object('block', g)) FROM "
		  "generate_series(1, 2) g");
	assert_string_equal(HAPPEN(&w, "items", 10), "2");
	assert_string_equal(
		q(&w, "SELECT string_agg(concat_ws(':', key, cause, state), ' ' ORDER BY id) FROM fairlead.item"),
		"1:0:waiting 2:0:waiting");
	end(&w, &a);
}

/* Two transactions, of three events in two tables: each is told once, when its block is final; a run that
 * ends within one does not tell it again; what a reorg takes back is told again when it is final again. */
static void final_is_once_a_transaction(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, on(&a, "final", "final", false),
		"INSERT INTO said (what) VALUES (substr(:tx.hash, 3, 2) || '@' || :block.number)");
	world_of(&w, &a);
	emit(&w, 1, "token_revealed", "token_id", "1");
	emit(&w, 1, "tokens_revealed", "token_ids", "'{2}'");
	emit(&w, 2, "token_revealed", "token_id", "3");
	q(&w,
		"ALTER TABLE fairlead.event DROP CONSTRAINT IF EXISTS x; UPDATE companions.token_revealed SET _tx = "
		"decode(repeat('aa', 32), 'hex') WHERE _seq = 1; UPDATE companions.tokens_revealed SET _tx = "
		"decode(repeat('aa', 32), 'hex'); UPDATE companions.token_revealed SET _tx = decode(repeat('bb', "
		"32), 'hex') "
		"WHERE _seq = 3");
	APPLY(&w, "1", 10);
	APPLY(&w, "1", 10);
#define FINAL(max) \
	q(&w, "SELECT concat_ws(' ', from_seq, to_seq, events) FROM fairlead_app.final_main(1, %d)", max)
	FINAL(10);
	assert_string_equal(SAID(&w), "");
	q(&w, "UPDATE fairlead.chain SET final = 1");
	assert_string_equal(FINAL(1), "0 1 1");
	assert_string_equal(FINAL(10), "1 2 1");
	assert_string_equal(SAID(&w), "aa@1");
	q(&w, "UPDATE fairlead.chain SET final = 2");
	assert_string_equal(FINAL(10), "2 3 1");
	assert_string_equal(SAID(&w), "aa@1 bb@2");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.wanted"), "0");
	end(&w, &a);
}

/* A reorg takes two transactions of ours back, and its entry is applied before it is told. */
static void a_reorg_is_told_once_a_transaction(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, app_rule(&a, "event", 0, NULL), "INSERT INTO seen VALUES (:tokenId)");
	app_do_sql(&a, on(&a, "reorg", "reorg", false),
		"INSERT INTO said (what) SELECT :block.number || ':' || count(*) || ':' || (:tx.hash = '0x' || "
		"encode(sha256(('t' || :block.number)::bytea), 'hex')) FROM seen");
	world_of(&w, &a);
	want(&w, "reorg", "main");
	for (int i = 1; i <= 3; i++)
		reveal(&w, i, i);
	emit(&w, 3, "tokens_revealed", "token_ids", "'{9}'");
	q(&w, "UPDATE companions.tokens_revealed SET _tx = sha256('t3')");
	APPLY(&w, "1", 10);
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 2)");
	assert_string_equal(
		q(&w, "SELECT string_agg(concat_ws(':', seq, kind, data->>'block'), ' ' ORDER BY id) FROM "
			  "fairlead.happening"),
		"5:reorg:3 5:reorg:2");
	assert_string_equal(HAPPEN(&w, "events", 10), "0"); /* not before the entry */
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, undone)", 10), "5 2");
	assert_string_equal(APPLY(&w, "due", 10), "t");
	assert_string_equal(HAPPEN(&w, "events", 10), "2");
	assert_string_equal(SAID(&w), "3:1:true 2:1:true");
	/* a reseat takes nothing away */
	q(&w, "UPDATE fairlead.lane SET at = 5 WHERE name = 'listen:main'");
	w.seq = 5;
	reveal(&w, 4, 4);
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 4, 'reseat')");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.happening"), "0");
	end(&w, &a);
}

static int run(const struct CMUnitTest *tests, size_t n)
{
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("skipped: FAIRLEAD_TEST_PG is not set (conninfo of a PostgreSQL superuser)\n");
		return 0;
	}
	return _cmocka_run_group_tests("happen", tests, n, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_written_that_nobody_wants),
		cmocka_unit_test(it_stands_in_the_log),
		cmocka_unit_test(poison_is_put_aside),
		cmocka_unit_test(a_batch_tells_what_its_items_were),
		cmocka_unit_test(a_wrong_name_is_a_problem),
		cmocka_unit_test(a_happening_adds_to_a_batch),
		cmocka_unit_test(final_is_once_a_transaction),
		cmocka_unit_test(a_reorg_is_told_once_a_transaction),
	};
	return run(tests, sizeof(tests) / sizeof(tests[0]));
}
