/* publish: in rules: what stands in fairlead.message after a run, a reorg, a final block, a sweep; numbers;
 * what may be pruned (sql/017). */
#include "app.h"

#define TABLES                                                                                               \
	"CREATE TABLE counted (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0 CHECK (n <> 666), note text);" \
	"CREATE TABLE known (token numeric PRIMARY KEY)"
#define SAID                                                                                                 \
	"string_agg(topic || ' ' || data::text || CASE WHEN retracted THEN ' taken' ELSE '' END, ', ' ORDER BY " \
	"id)"

static void world_of(struct world *w, struct app *a)
{
	world_open(w);
	world_declare(w, a, TABLES);
	world_compile(w, a);
	q(w, "UPDATE fairlead.lane SET epoch = 1 WHERE name = 'clock'");
}

static void end(struct world *w, struct app *a)
{
	world_close(w);
	app_fini(a);
}

static const char *number(struct world *w, int limit)
{
	return q(w, "SELECT concat_ws(' ', last, n) FROM fairlead.number_messages(1, %d)", limit);
}

static void an_event_as_it_is(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_publish(&a, app_rule(&a, "r", 0, NULL), "token:{tokenId}", NULL, NULL);
	app_do_publish(&a, app_rule(&a, "s", 3, NULL), "seen", NULL, "Seen {{{note}}}");
	world_of(&w, &a);
	q(&w, "UPDATE fairlead.chain SET floor_seq = 2");
	reveal(&w, 1, 7);
	emit(&w, 2, "seen", "who, mark, level, good, note, others",
		"'0xaa', '0xbb', 3, true, 'a \"note\"', ARRAY['0xcc', '0xdd']");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 10), "2 2");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', topic, type, chain, cause, stood, retracted, seq) FROM "
							  "fairlead.message WHERE cause = 1"),
		"token:7 1 1 f"); /* below the floor: nothing takes it back */
	assert_string_equal(q(&w, "SELECT data - 'tx' FROM fairlead.message WHERE cause = 1"),
		"{\"log\": 1, \"seq\": 1, \"args\": {\"tokenId\": \"7\"}, \"name\": \"TokenRevealed\", \"time\": "
		"\"2024-01-01T00:00:01.000Z\", \"block\": 1, \"source\": \"live\", \"contract\": \"Companions\"}");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', topic, type, stood) || (data->'args') FROM fairlead.message "
			  "WHERE cause = 2"),
		"seen Seen {a \"note\"} 2{\"who\": \"0xaa\", \"good\": true, \"mark\": \"0xbb\", \"note\": \"a "
		"\\\"note\\\"\", "
		"\"level\": 3, \"others\": [\"0xcc\", \"0xdd\"]}");
	assert_string_equal(q(&w, "SELECT string_agg(concat_ws(' ', n, rule, topic, type, cause, final), ', ' "
							  "ORDER BY n) FROM fairlead.topic"),
		"1 r token:{tokenId} Companions.TokenRevealed f, 2 s seen Seen {{note}} Companions.Seen f");
	assert_string_equal(
		q(&w, "SELECT schema->'properties'->'args'->'properties' FROM fairlead.topic WHERE n = 1"),
		"{\"tokenId\": {\"type\": [\"string\", \"null\"], \"format\": \"decimal\"}}");
	end(&w, &a);
}

/* Aliases nest, numeric is text, a time is ISO; a message a row, none without a row. */
static void data_is_a_select(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_publish(&a, app_rule(&a, "r", 0, NULL), "t",
		"SELECT :tokenId AS id, :block.number AS at, :tokenId || 'x' AS both, 5::bigint AS \"a.n\", "
		":block.time AS \"a.at\", '\\xab'::bytea AS "
		"\"a.b.raw!\", "
		"ARRAY[1, 2]::numeric[] AS list, '{\"x\": 1.0}'::jsonb AS js, NULL::text AS none FROM "
		"generate_series(1, "
		":tokenId::int)",
		NULL);
	world_of(&w, &a);
	reveal(&w, 1, 0);
	APPLY(&w, "1", 10);
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.message"), "0");
	reveal(&w, 1, 2);
	APPLY(&w, "1", 10);
	assert_string_equal(q(&w, "SELECT count(*) || ' ' || min(data::text) FROM fairlead.message"),
		"2 {\"a\": {\"b\": {\"raw\": \"0xab\"}, \"n\": 5, \"at\": \"2024-01-01T00:00:01.000Z\"}, \"at\": 1, "
		"\"id\": \"2\", "
		"\"js\": {\"x\": 1.0}, \"both\": \"2x\", \"list\": [\"1\", \"2\"], \"none\": null}");
	end(&w, &a);
}

static void what_is_wrong_is_said_at_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *topic, *data, *says;
	} bad[] = {
		{"t:{tokenld}", NULL, "TokenRevealed has no field :tokenld; did you mean :tokenId?"},
		{"t", "SELECT 1 AS a, 2 AS \"a.b\"", "the column a is a value and holds others"},
		{"t", "SELECT 1 AS _status", "the column _status can't be a key of a message"},
		{"t", "SELECT 1 AS \"a..b\"", "the column a..b can't be a key"},
		{"t", "SELECT 1", "column 1 has no name"},
		{"t", "SELECT nothing FROM counted", "PostgreSQL can't prepare this"},
	};
	struct world w;
	struct err e = {0};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct app a;
		app_init(&a, NULL);
		app_do_publish(&a, app_rule(&a, "r", 0, NULL), bad[i].topic, bad[i].data, NULL);
		world_open(&w);
		world_declare(&w, &a, TABLES);
		q(&w, "BEGIN");
		assert_true(compile_application(&a.c, w.pg, &a.ps, &e));
		assert_true(a.ps.n >= 1);
		if (!strstr(a.ps.list[0].text, bad[i].says))
			fail_msg("%s\nis not %s", a.ps.list[0].text, bad[i].says);
		q(&w, "ROLLBACK");
		end(&w, &a);
	}
}

/* More than PostgreSQL's functions take arguments. */
static void many_columns(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	struct buf b = {0};
	app_init(&a, NULL);
	for (int i = 0; i < 130; i++)
		buf_printf(&b, "%s%d AS c%d", i ? ", " : "SELECT ", i, i);
	app_do_publish(&a, app_rule(&a, "r", 0, NULL), "t", b.p, NULL);
	world_of(&w, &a);
	reveal(&w, 1, 1);
	APPLY(&w, "1", 10);
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.message, jsonb_object_keys(data)"), "130");
	buf_fini(&b);
	end(&w, &a);
}

/* Newest first, numbered or not, once; what comes again is published again. */
static void a_reorg_takes_messages_back(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_publish(&a, app_rule(&a, "r", 0, NULL), "t", "SELECT :tokenId::int AS id", NULL);
	world_of(&w, &a);
	for (int i = 1; i <= 4; i++)
		reveal(&w, i, i);
	APPLY(&w, "1", 3);
	assert_string_equal(number(&w, 10), "3 3");
	assert_string_equal(number(&w, 10), "3 0");
	APPLY(&w, "1", 10);
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 2)"); /* entry 5 takes back 2, 3, 4 */
	w.seq = 5;
	reveal(&w, 2, 3);
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, events)", 10), "4 5 0");
	APPLY(&w, "1", 10);
	assert_string_equal(q(&w, "SELECT " SAID " FROM fairlead.message"),
		"t {\"id\": 1}, t {\"id\": 2}, t {\"id\": 3}, t {\"id\": 4}, t {\"id\": 4} taken, t {\"id\": 3} "
		"taken, "
		"t {\"id\": 2} taken, t {\"id\": 3}");
	assert_string_equal(number(&w, 2), "5 2");
	assert_string_equal(number(&w, 100), "8 3");
	assert_string_equal(
		q(&w, "SELECT string_agg(seq::text, ' ' ORDER BY id) FROM fairlead.message"), "1 2 3 4 5 6 7 8");
	/* a second one, deeper: what was taken back is not taken back again */
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 1)");
	APPLY(&w, "1", 10);
	assert_string_equal(q(&w, "SELECT " SAID " FROM fairlead.message WHERE seq IS NULL"),
		"t {\"id\": 3} taken, t {\"id\": 1} taken");
	end(&w, &a);
}

/* A2: what had waited in a let was published where the lane stood. */
static void what_waited_goes_back_with_the_lane(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "r", 0, NULL);
	app_do_let(&a, r, "SELECT token AS t FROM known WHERE token = :tokenId", MISSING_PARK);
	app_do_publish(&a, r, "t", "SELECT :t::int AS id", NULL);
	world_of(&w, &a);
	for (int i = 1; i <= 3; i++)
		reveal(&w, i, i);
	q(&w, "INSERT INTO known VALUES (2), (3)");
	APPLY(&w, "1", 10);
	q(&w, "INSERT INTO known VALUES (1)");
	assert_string_equal(q(&w, "SELECT events FROM fairlead_app.unpark_main(1, 0, 10)"), "1");
	assert_string_equal(
		q(&w, "SELECT string_agg(cause || ':' || stood, ' ' ORDER BY id) FROM fairlead.message"),
		"2:2 3:3 1:3");
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 3)");
	APPLY(&w, "1", 10);
	/* it waits again, so what it said is taken back, too */
	assert_string_equal(q(&w, "SELECT " SAID " FROM fairlead.message WHERE retracted"),
		"t {\"id\": 1} taken, t {\"id\": 3} taken");
	assert_string_equal(q(&w, "SELECT events FROM fairlead_app.unpark_main(1, 0, 10)"), "1");
	end(&w, &a);
}

/* A final event is published once, though the rule's position goes back with each reorg. */
static void final_is_said_once(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "sure", 0, NULL);
	r->at_final = true;
	app_do_sql(&a, r, "INSERT INTO counted (id, n) VALUES (:tokenId, 1)");
	app_do_publish(&a, r, "t", "SELECT :tokenId::int AS id", NULL);
	world_of(&w, &a);
	for (int i = 1; i <= 4; i++)
		reveal(&w, i, i);
	APPLY(&w, "1", 10);
	q(&w, "SELECT fairlead.advance(1::smallint, 1, 2, -1)");
	q(&w, "SELECT fairlead_app.final_main(1, 100)");
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 4)"); /* entry 5; the position was filed at 4 */
	w.seq = 5;
	APPLY(&w, "1", 10);
	assert_string_equal(q(&w, "SELECT count(*) FROM counted"), "0");
	assert_string_equal(q(&w, "SELECT events FROM fairlead_app.final_main(1, 100)"), "2");
	assert_string_equal(q(&w, "SELECT count(*) FROM counted"), "2");
	assert_string_equal(q(&w, "SELECT " SAID " FROM fairlead.message"), "t {\"id\": 1}, t {\"id\": 2}");
	/* deeper than final, inside the window: now it was said wrongly */
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 2)");
	w.seq = 6;
	reveal(&w, 2, 8);
	APPLY(&w, "1", 10);
	APPLY(&w, "1", 10);
	q(&w, "SELECT fairlead_app.final_main(1, 100)");
	assert_string_equal(q(&w, "SELECT " SAID " FROM fairlead.message"),
		"t {\"id\": 1}, t {\"id\": 2}, t {\"id\": 2} taken, t {\"id\": 8}");
	end(&w, &a);
}

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

static void what_happens_is_said(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = on(&a, "r", "swept", false);
	app_do_let(&a, r, "SELECT 1 AS one", MISSING_ERROR);
	app_do_publish(&a, r, "swept:{block.number}", NULL, NULL);
	app_do_publish(&a, on(&a, "s", "sent", true), "sent", NULL, NULL);
	world_of(&w, &a);
	q(&w, "SELECT fairlead.want('{swept,sent}', '{main,reveal}', '{main,main}')");
	q(&w, "SELECT fairlead.happen(1::smallint, 'swept', '{\"block\": 5, \"found\": 2, \"time\": 60}')");
	q(&w, "INSERT INTO fairlead.item (batch_of, key, chain, args) VALUES ('reveal', '4', 1, '{\"tokenId\": "
		  "\"4\"}')");
	q(&w, "INSERT INTO fairlead.happening (chain, kind, subject, item, data) SELECT 1, 'sent', 'reveal', id, "
		  "'{\"tx\": \"0xab\", \"from\": \"0xcd\"}' FROM fairlead.item");
	assert_string_equal(q(&w, "SELECT events FROM fairlead_app.happen_main(1, 10)"), "2");
	assert_string_equal(q(&w, "SELECT " SAID " FROM fairlead.message WHERE cause IS NULL AND stood IS NULL"),
		"swept:5 {\"name\": \"main.swept\", \"time\": \"1970-01-01T00:01:00.000Z\", \"block\": 5, \"found\": "
		"2}, "
		"sent {\"tx\": \"0xab\", \"args\": {\"tokenId\": \"4\"}, \"from\": \"0xcd\", \"name\": "
		"\"reveal.sent\"}");
	end(&w, &a);
}

/* What a rule raises takes its messages with it. */
static void poison_says_nothing(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "r", 0, NULL);
	app_do_publish(&a, r, "t", "SELECT :tokenId::int AS id", NULL);
	app_do_sql(&a, r, "INSERT INTO counted (id, n) VALUES (:tokenId, :tokenId)");
	world_of(&w, &a);
	reveal(&w, 1, 5);
	reveal(&w, 1, 666);
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, stop_seq)", 10), "1 2");
	assert_string_equal(q(&w, "SELECT " SAID " FROM fairlead.message"), "t {\"id\": 5}");
	end(&w, &a);
}

/* From the beginning, without a hole, and never what has no number or can still be taken back. */
static void the_old_is_pruned(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	world_of(&w, &a);
	q(&w, "SELECT fairlead.publish('t', NULL, to_jsonb(g)) FROM generate_series(1, 9) g");
	assert_string_equal(number(&w, 6), "6 6");
	q(&w, "UPDATE fairlead.message SET at = now() - interval '2 days' WHERE id <> 5; UPDATE fairlead.message "
		  "SET "
		  "chain = 1, stood = 4 WHERE id = 3; UPDATE fairlead.chain SET floor_seq = 3");
	assert_string_equal(q(&w, "SELECT fairlead.prune_messages(1, '1 day', 1)"), "1");
	assert_string_equal(q(&w, "SELECT fairlead.prune_messages(1, '1 day')"), "1");
	q(&w, "UPDATE fairlead.chain SET floor_seq = 5");
	assert_string_equal(q(&w, "SELECT fairlead.prune_messages(1, '1 day')"), "2");
	q(&w, "UPDATE fairlead.message SET at = now() - interval '2 days'");
	assert_string_equal(q(&w, "SELECT fairlead.prune_messages(1, '1 day')"), "2");
	assert_string_equal(q(&w, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM fairlead.message"), "7 8 9");
	assert_string_equal(number(&w, 10), "9 3"); /* no number twice */
	const char *text;
	assert_string_equal(raises(&w, "SELECT fairlead.prune_messages(2, '1 day')", &text), "FL001");
	assert_string_equal(raises(&w, "SELECT fairlead.number_messages(2, 1)", &text), "FL001");
	end(&w, &a);
}

int main(void)
{
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("FAIRLEAD_TEST_PG is not set: no PostgreSQL to test on\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_as_it_is),
		cmocka_unit_test(data_is_a_select),
		cmocka_unit_test(what_is_wrong_is_said_at_its_place),
		cmocka_unit_test(many_columns),
		cmocka_unit_test(a_reorg_takes_messages_back),
		cmocka_unit_test(what_waited_goes_back_with_the_lane),
		cmocka_unit_test(final_is_said_once),
		cmocka_unit_test(what_happens_is_said),
		cmocka_unit_test(poison_says_nothing),
		cmocka_unit_test(the_old_is_pruned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
