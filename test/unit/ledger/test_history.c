/* Histories against a real PostgreSQL: what becomes one, how far it may go, what rules do on it (R4). */
#include "app.h"
#include "test/unit/io/spin.h"

#include "common/ledger/chain.h"

#define TABLES                                                                                         \
	"CREATE TABLE counted (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 1 CHECK (n <> 666), note " \
	"text);"                                                                                           \
	"CREATE TABLE at_final (id bigint PRIMARY KEY)"
#define ALL "token_revealed a 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10"

static int64_t base(int n)
{
	return -((int64_t)n * ((int64_t)1 << 44));
}

/* count: a token breaks the check at 666; items makes an item; last is `at: final`; wait parks without a
 * code. */
static void rules(struct app *a)
{
	app_init(a, NULL);
	app_do_sql(a, app_rule(a, "count", 0, NULL),
		"INSERT INTO counted (id, n, note) VALUES (:tokenId, CASE WHEN :tokenId = 666 THEN 666 ELSE 1 END, "
		":event.source) ON CONFLICT (id) DO UPDATE SET n = counted.n + 1");
	app_do_batch(a, app_rule(a, "items", 0, NULL));
	struct rule_decl *last = app_rule(a, "last", 0, NULL);
	last->at_final = true;
	app_do_sql(a, last, "INSERT INTO at_final VALUES (:tokenId)");
	struct rule_decl *wait = app_rule(a, "wait", 1, "SELECT unnest(:tokenIds) AS id");
	app_do_let(a, wait, "SELECT value AS code FROM files.codes WHERE key = :id::text", MISSING_PARK);
	app_do_sql(a, wait, "INSERT INTO counted (id, note) VALUES (:id, :code)");
}

/* A chain that was read from 10 to 100, its floor at 80, and asked for all four events from the beginning. */
static void found(struct world *w, struct app *a)
{
	rules(a);
	world_open(w);
	world_declare(w, a, TABLES);
	world_compile(w, a);
	q(w, "UPDATE fairlead.chain SET network = 1, began = 10, done = 100, final = 90, floor = 80");
	q(w, "UPDATE fairlead.decl SET asked = 'a'");
}

static void end(struct world *w, struct app *a)
{
	world_close(w);
	app_fini(a);
}

/* The chain's lane asks for these: "event digest start, …". */
static void asks(struct world *w, const char *list)
{
	q(w,
		"SELECT fairlead.asks('main', array_agg('companions'::text), array_agg(p[1]), "
		"array_agg(p[2]::bytea), array_agg(p[3]::bigint))"
		" FROM (SELECT string_to_array(trim(x), ' ') AS p FROM unnest(string_to_array('%s', ',')) x) s",
		list);
}

/* n:events:first-last:done, of those that are open */
static const char *open_ones(struct world *w)
{
	return q(w, "SELECT string_agg(concat_ws(':', h.n, (SELECT string_agg(d.event, '+' ORDER BY d.id) FROM "
				"fairlead.decl d WHERE d.id = ANY (h.decls)), h.first || '-' || h.last, h.done), ' ' ORDER "
				"BY h.n) FROM fairlead.history h WHERE h.ended IS NULL");
}

/* ── what becomes one ── */

static void another_digest_is_all_of_it_again(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	asks(&w, ALL);
	assert_string_equal(open_ones(&w), "");
	/* what shares its stretch of blocks is one history; its lane stands below zero */
	asks(&w, "token_revealed b 10, tokens_revealed b 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "1:token_revealed+tokens_revealed:10-100:9");
	assert_int_equal(atoll(q(&w, "SELECT at FROM fairlead.lane WHERE name = 'listen:main+1'")), base(1));
	asks(&w, "token_revealed b 10, tokens_revealed b 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "1:token_revealed+tokens_revealed:10-100:9");
	/* asked for anew before it was read: it leaves the one that is open, an empty one ends */
	asks(&w, "token_revealed c 10, tokens_revealed b 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "1:tokens_revealed:10-100:9 2:token_revealed:10-100:9");
	assert_int_equal(atoll(q(&w, "SELECT at FROM fairlead.lane WHERE name = 'listen:main+2'")), base(2));
	asks(&w, "token_revealed c 10, tokens_revealed c 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "2:token_revealed:10-100:9 3:tokens_revealed:10-100:9");
	end(&w, &a);
}

static void a_start_says_how_far_back(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	/* earlier: only what lies before; later, or latest where it is read already: nothing */
	asks(&w, "token_revealed a 4, tokens_revealed a 50, token_codes_updated a -1, seen a 10");
	assert_string_equal(open_ones(&w), "1:token_revealed:4-9:3");
	asks(&w, "token_revealed a 4, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "1:token_revealed:4-9:3");
	/* new: from its own start; latest, or a start that the chain has not come to: from the cursor on */
	q(&w, "UPDATE fairlead.decl SET asked = NULL WHERE event <> 'token_revealed'");
	asks(&w, "token_revealed a 4, tokens_revealed a 60, token_codes_updated a -1, seen a 200");
	assert_string_equal(open_ones(&w), "1:token_revealed:4-9:3 2:tokens_revealed:60-100:59");
	assert_string_equal(q(&w, "SELECT string_agg(event || ' ' || coalesce(asked_from::text, '-'), ', ' ORDER "
							  "BY id) FROM fairlead.decl"),
		"token_revealed 4, tokens_revealed 60, token_codes_updated 101, seen 101");
	/* widened later, latest goes back to where it began */
	q(&w, "UPDATE fairlead.chain SET done = 120");
	asks(&w, "token_revealed a 4, tokens_revealed a 60, token_codes_updated b -1, seen a 200");
	assert_string_equal(open_ones(&w),
		"1:token_revealed:4-9:3 2:tokens_revealed:60-100:59 3:token_codes_updated:101-120:100");
	end(&w, &a);
}

static void a_fresh_chain_has_none(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	q(&w, "UPDATE fairlead.decl SET asked = NULL; UPDATE fairlead.chain SET began = NULL, done = -1");
	asks(&w, "token_revealed a 0, tokens_revealed a 10, token_codes_updated a -1, seen a 10");
	assert_string_equal(open_ones(&w), "");
	assert_string_equal(q(&w, "SELECT count(asked) || ' ' || count(asked_from) FROM fairlead.decl"), "4 0");
	/* nor one that an older program has read: what the file says now is taken for what it said */
	q(&w, "UPDATE fairlead.chain SET began = 10, done = 100; UPDATE fairlead.decl SET asked = ''");
	asks(&w, ALL);
	assert_string_equal(open_ones(&w), "");
	assert_string_equal(
		q(&w, "SELECT string_agg(DISTINCT encode(asked, 'escape'), ' ') FROM fairlead.decl"), "a");
	end(&w, &a);
}

static void what_leaves_and_returns_has_the_time_between(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	asks(&w, "token_revealed b 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	asks(&w, "tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "");
	q(&w, "UPDATE fairlead.chain SET done = 130");
	asks(&w, "token_revealed b 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "2:token_revealed:10-130:9");
	end(&w, &a);
}

/* ── how far it goes ── */

/* Its first block is not proved, the others are. */
#define STEP(n, from, done, at, again)                                                             \
	"SELECT fairlead.history_step(1::smallint, 1, " #n ", " #from ", " #done ", " #at ", '{" #from \
	", " #done "}', '{none, receipts}', '{1, 2}', '{companions}', '{" again "}')"

static void a_commit_stays_below_the_floor_and_behind_the_fence(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	const char *text;
	found(&w, &a);
	asks(&w, "token_revealed b 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(raises(&w,
							"SELECT fairlead.history_step(1::smallint, 2, 1, 10, 20, -5, '{20}', '{none}', "
							"'{3}', '{}', '{}')",
							&text),
		"FL001");
	assert_string_equal(raises(&w, STEP(1, 11, 20, -5, ""), &text), "FL005"); /* not where it stands */
	assert_string_equal(raises(&w, STEP(1, 10, 81, -5, ""), &text), "FL005"); /* inside the window */
	assert_string_equal(raises(&w, STEP(9, 10, 20, -5, ""), &text), "FL005");
	assert_string_equal(q(&w, STEP(1, 10, 80, -5, "")), "f");
	assert_string_equal(raises(&w, STEP(1, 10, 80, -5, ""), &text), "FL005"); /* twice */
	assert_string_equal(open_ones(&w), "1:token_revealed:10-100:80");
	assert_string_equal(q(&w, "SELECT at FROM fairlead.lane WHERE name = 'listen:main+1'"), "-5");
	assert_string_equal(
		q(&w, "SELECT string_agg(concat_ws(' ', source, first, last, level, events), ', ' ORDER BY first)"
			  " FROM fairlead.ranges"),
		"1 10 10 none 1, 1 11 80 receipts 2");
	assert_string_equal(
		q(&w,
			"SELECT concat_ws(' ', fairlead.proof(1::smallint, 10, -5), fairlead.proof(1::smallint, 80, -5),"
			" coalesce(fairlead.proof(1::smallint, 81, -5), '-'), coalesce(fairlead.proof(1::smallint, 80, "
			"5), '-'),"
			" coalesce(fairlead.proof(1::smallint, 80, -(1::bigint << 44) - 5), '-'))"),
		"none receipts - - -"); /* not read yet; by the chain's own reading; by the next history */
	assert_string_equal(q(&w, "SELECT found FROM fairlead.histories"), "3");
	assert_string_equal(
		q(&w,
			"SELECT history_done || ' ' || history_left FROM fairlead.sources WHERE event = 'TokenRevealed'"),
		"80 20");
	assert_string_equal(q(&w, "SELECT history_left FROM fairlead.chains"), "20");
	q(&w, "UPDATE fairlead.chain SET final = 120, floor = 120, done = 140");
	assert_string_equal(raises(&w, STEP(1, 81, 101, -4, ""), &text), "FL005"); /* beyond its end */
	assert_string_equal(q(&w, STEP(1, 81, 100, -4, "seen")), "t");
	assert_string_equal(open_ones(&w), "");
	/* children that it found: what they said since is a history, too */
	asks(&w, "token_revealed b 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "2:seen:101-140:100");
	asks(&w, "token_revealed b 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	assert_string_equal(open_ones(&w), "2:seen:101-140:100");
	end(&w, &a);
}

static void a_reorg_gives_the_rest_to_the_chain(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	asks(&w, "token_revealed b 10, tokens_revealed b 70, token_codes_updated b 95, seen a 10");
	assert_string_equal(open_ones(&w),
		"1:token_revealed:10-100:9 2:tokens_revealed:70-100:69 3:token_codes_updated:95-100:94");
	q(&w, STEP(2, 70, 80, -5, ""));
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 91), fairlead.cut_ranges(1::smallint, 91)");
	assert_string_equal(open_ones(&w), "1:token_revealed:10-90:9 2:tokens_revealed:70-90:80");
	q(&w, "SELECT fairlead.cut_ranges(1::smallint, 95)"); /* above their ends: nothing */
	q(&w, "SELECT fairlead.cut_ranges(1::smallint, 81)"); /* all that is left of it */
	assert_string_equal(open_ones(&w), "1:token_revealed:10-80:9");
	end(&w, &a);
}

/* INV-8: a taker waits for a commit that is under way. */
static void its_commit_keeps_the_lane(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	struct world taker = {.seq = 0};
	struct buf b = {0};
	const char *text;
	found(&w, &a);
	world_conninfo(&b, w.name);
	taker.pg = PQconnectdb(b.p);
	buf_fini(&b);
	asks(&w, "token_revealed b 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	q(&w, "BEGIN");
	assert_string_equal(q(&w, STEP(1, 10, 80, -5, "")), "f");
	const char *take = "SELECT FROM fairlead.lane WHERE name = 'listen:main' FOR UPDATE NOWAIT";
	assert_string_equal(raises(&taker, take, &text), "55P03");
	q(&w, "COMMIT");
	assert_string_equal(raises(&taker, take, &text), "");
	PQfinish(taker.pg);
	end(&w, &a);
}

/* ── what the rules do ── */

/* An event of the n-th history, as its listener writes it. */
static void past(
	struct world *w, int n, int64_t k, int block, const char *table, const char *column, const char *value)
{
	long long seq = base(n) + k;
	q(w,
		"INSERT INTO companions.%s (_seq, _block, _at, _log, _chain, _open, _swept, _block_hash, _tx, _id, "
		"_address, %s)"
		" VALUES (%lld, %d, now(), %d, 1, false, true, sha256('b%d'), sha256('t%lld'), sha256('e%lld'), "
		"decode(repeat('ab', 20), 'hex'), %s)",
		table, column, seq, block, (int)k, block, seq, seq, value);
	q(w, "UPDATE fairlead.lane SET at = %lld WHERE name = 'listen:main+%d'", seq, n);
}

#define RUN(w, columns, n, max) q(w, "SELECT " columns " FROM fairlead_app.history_main(1, %d, %d)", n, max)
#define RAN                                                                                                  \
	"concat_ws(' ', from_seq - fairlead.history_base(1), to_seq - fairlead.history_base(1), events, items, " \
	"parked, stop_seq - fairlead.history_base(1))"

static void rules_run_on_its_own_numbers(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	const char *text;
	found(&w, &a);
	asks(&w, "token_revealed b 10, tokens_revealed b 10, token_codes_updated a 10, seen a 10");
	reveal(&w, 95, 1); /* live, in the window */
	reveal(&w, 96, 2);
	APPLY(&w, "1", 10);
	for (int i = 1; i <= 5; i++) {
		char token[16];
		snprintf(token, sizeof token, "%d", 100 + i);
		past(&w, 1, i, 20 + i, "token_revealed", "token_id", token);
	}
	assert_string_equal(q(&w, "SELECT lag FROM fairlead.chains"), "5");
	assert_string_equal(raises(&w, "SELECT fairlead_app.history_main(2, 1, 10)", &text), "FL001");
	assert_string_equal(RUN(&w, RAN, 1, 3), "0 3 3 3 0");
	assert_string_equal(RUN(&w, RAN, 1, 3), "3 5 2 2 0");
	assert_string_equal(RUN(&w, RAN, 1, 3), "5 5 0 0 0");
	assert_string_equal(q(&w, "SELECT lag FROM fairlead.chains"), "0");
	assert_string_equal(q(&w, "SELECT made FROM fairlead.lane WHERE name = 'apply:main+1'"), "5");
	assert_string_equal(q(&w, "SELECT at FROM fairlead.lane WHERE name = 'apply:main'"), "2");
	assert_string_equal(q(&w, "SELECT string_agg(id || note || n, ' ' ORDER BY id) FROM counted"),
		"1live1 2live1 101swept1 102swept1 103swept1 104swept1 105swept1");
	/* its blocks are final */
	assert_string_equal(
		q(&w, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM at_final"), "101 102 103 104 105");
	assert_string_equal(q(&w, "SELECT string_agg(key, ' ' ORDER BY turn, ordinal, id) FROM fairlead.item"),
		"101 102 103 104 105 1 2");
	/* no image is written: 2 of each of the two live events */
	assert_string_equal(q(&w, "SELECT count(*) || ' ' || min(seq) FROM fairlead.undo"), "4 1");
	end(&w, &a);
}

static void one_statement_a_run(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_batch(&a, app_rule(&a, "items", 0, NULL));
	world_open(&w);
	world_declare(&w, &a, TABLES);
	world_compile(&w, &a);
	q(&w, "UPDATE fairlead.chain SET network = 1, began = 10, done = 100; UPDATE fairlead.decl SET asked = "
		  "'a'");
	asks(&w, "token_revealed b 10, tokens_revealed a 10, token_codes_updated a 10, seen a 10");
	past(&w, 1, 1, 20, "token_revealed", "token_id", "1");
	past(&w, 1, 2, 21, "token_revealed", "token_id", "2");
	assert_string_equal(RUN(&w, RAN, 1, 10), "0 2 2 2 0");
	assert_string_equal(
		q(&w, "SELECT string_agg(key || ' ' || cause - fairlead.history_base(1), ', ' ORDER BY cause) "
			  "FROM fairlead.item"),
		"1 1, 2 2");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.undo"), "0");
	end(&w, &a);
}

static void what_a_reorg_takes_is_not_its(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	asks(&w, "token_revealed b 10, tokens_revealed b 10, token_codes_updated a 10, seen a 10");
	reveal(&w, 95, 7); /* an item of the same key stands on a live event first */
	APPLY(&w, "1", 10);
	past(&w, 1, 1, 20, "token_revealed", "token_id", "7");
	past(&w, 1, 2, 21, "token_revealed", "token_id", "8");
	RUN(&w, "1", 1, 10);
	assert_string_equal(
		q(&w, "SELECT string_agg(key || ' ' || sign(cause), ', ' ORDER BY key) FROM fairlead.item"),
		"7 -1, 8 -1");
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 91)");
	assert_string_equal(
		q(&w, "SELECT count(*) || ' ' || max(_seq) - fairlead.history_base(1) FROM fairlead.event"), "2 2");
	assert_string_equal(APPLY(&w, "undone > 0", 10), "t");
	assert_string_equal(q(&w, "SELECT string_agg(concat_ws(' ', key, sign(cause), state), ', ' ORDER BY key) "
							  "FROM fairlead.item"),
		"7 -1 waiting, 8 -1 waiting");
	assert_string_equal(q(&w, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM at_final"), "7 8");
	end(&w, &a);
}

static void poison_is_put_aside(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	asks(&w, "token_revealed b 10, tokens_revealed b 10, token_codes_updated a 10, seen a 10");
	past(&w, 1, 1, 20, "token_revealed", "token_id", "7");
	past(&w, 1, 2, 21, "token_revealed", "token_id", "666");
	past(&w, 1, 3, 22, "token_revealed", "token_id", "8");
	assert_string_equal(RUN(&w, RAN " || stop_state", 1, 10), "0 1 1 1 0 223514");
	const char *bury =
		"SELECT fairlead.history_bury('main', 1, 1, fairlead.history_base(1) + 2, '23514', 'x', 3)";
	assert_string_equal(q(&w, "%s", bury), "t");
	assert_string_equal(q(&w, "%s", bury), "f");
	assert_string_equal(RUN(&w, RAN, 1, 10), "2 3 1 1 0");
	assert_string_equal(
		q(&w,
			"SELECT concat_ws(' ', lane, seq - fairlead.history_base(1), left(what, 25)) FROM fairlead.dead"),
		"apply:main+1 2 companions.token_revealed");
	end(&w, &a);
}

#define PAGE(w, behind)                                                           \
	q(w, "SELECT concat_ws(' ', events, to_seq - fairlead.history_base(1)) FROM " \
		 "fairlead_app.unpark_main(1, " behind ", 1)")

static void what_waits_in_a_rule_goes_on(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	found(&w, &a);
	asks(&w, "token_revealed b 10, tokens_revealed b 10, token_codes_updated a 10, seen a 10");
	past(&w, 1, 1, 20, "tokens_revealed", "token_ids", "ARRAY[1, 2]::numeric[]");
	past(&w, 1, 2, 21, "tokens_revealed", "token_ids", "ARRAY[3]::numeric[]");
	assert_string_equal(RUN(&w, "parked", 1, 10), "3");
	assert_string_equal(PAGE(&w, "0"), "0 1");
	assert_string_equal(PAGE(&w, "fairlead.history_base(1) + 1"), "0 2");
	assert_string_equal(PAGE(&w, "fairlead.history_base(1) + 2"), "0");
	q(&w, "INSERT INTO files.codes SELECT g, 'code' || g FROM generate_series(1, 3) g");
	assert_string_equal(PAGE(&w, "0"), "2 1");
	assert_string_equal(PAGE(&w, "0"), "1 2");
	assert_string_equal(q(&w, "SELECT string_agg(note, ' ' ORDER BY id) FROM counted"), "code1 code2 code3");
	end(&w, &a);
}

/* ── rows that may stand there already ── */

static bool answered;

static void on_reply(void *arg, const struct pg_reply *r)
{
	(void)arg;
	if (r->outcome != PG_OK)
		fail_msg("%s", r->err.text);
	answered = true;
}

/* The longest names that the file allows: neither the session's table nor the statement may be cut. */
static void through_a_table_of_the_session(void **state)
{
	(void)state;
	static const char schema[] = "a_contract_whose_name_is_forty_letters_ab",
					  table[] = "an_event_with_a_very_long_name_that_has_sixty_letters_in_it_a";
	struct contract_decl contract = {.name = schema, .schema = schema};
	struct event_decl ev[2] = {{.contract = &contract, .table = table},
		{.contract = &contract, .table = "an_event_with_a_very_long_name_that_has_sixty_letters_in_it_b"}};
	struct app a;
	struct world w;
	struct buf b = {0};
	struct arena mem = {0};
	found(&w, &a);
	for (size_t i = 0; i < 2; i++)
		q(&w, "SELECT fairlead.declare(1::smallint, '%s', '%s', 'X.%zu', '\\x0%zu', '{x bigint}')", schema,
			ev[i].table, i, i);
	world_conninfo(&b, w.name);
	struct loop *loop = loop_new();
	struct pg *conn =
		pg_open(loop, &(struct pg_options){.conninfo = b.p, .application = "test"}, &(struct pg_events){0});
	spin_until(loop, pg_is_up(conn));
	for (int turn = 0; turn < 2; turn++) { /* the second finds one of its two rows there */
		struct pg_unit *u = pg_unit(conn);
		for (size_t i = 0; i < 2; i++) {
			char *make = arena_text(&mem, chain_stage_copy(&mem, &ev[i], "COPY \"x\" (\"x\") FROM STDIN"));
			char *copy = strstr(make, "; COPY ");
			assert_non_null(copy);
			char *columns = strstr(copy, " (\"x\") FROM STDIN");
			assert_non_null(columns);
			*copy = *columns = 0;
			pg_stmt(u, &(struct pg_sql){NULL, make});
			pg_stmt(
				u, &(struct pg_sql){NULL, arena_printf(&mem,
											  "INSERT INTO %s (_seq, _block, _at, _log, _chain, _open, "
											  "_block_hash, _tx, _id, x) SELECT %zu - 1000 + g, "
											  "g, now(), 1, 1, false, sha256('b'), sha256('t'), "
											  "sha256('%zu'), g FROM generate_series(%d, %d) g",
											  copy + 7, 100 * i + (size_t)turn * 10, i, turn + 1, turn + 2)});
		}
		for (size_t i = 0; i < 2; i++)
			chain_from_stage(u, &mem, &ev[i], i);
		for (size_t i = 0; i < 2; i++)
			chain_count_staged(u, &ev[i], i);
		answered = false;
		pg_unit_run(u, 0, on_reply, NULL);
		spin_until(loop, answered);
	}
	assert_string_equal(
		q(&w, "SELECT string_agg(swept::text, ' ') FROM fairlead.decl WHERE contract = '%s'", schema), "3 3");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.event"), "6");
	pg_close(conn);
	loop_free(loop);
	arena_fini(&mem);
	buf_fini(&b);
	end(&w, &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_digest_is_all_of_it_again),
		cmocka_unit_test(a_start_says_how_far_back),
		cmocka_unit_test(a_fresh_chain_has_none),
		cmocka_unit_test(what_leaves_and_returns_has_the_time_between),
		cmocka_unit_test(a_commit_stays_below_the_floor_and_behind_the_fence),
		cmocka_unit_test(a_reorg_gives_the_rest_to_the_chain),
		cmocka_unit_test(its_commit_keeps_the_lane),
		cmocka_unit_test(rules_run_on_its_own_numbers),
		cmocka_unit_test(one_statement_a_run),
		cmocka_unit_test(what_a_reorg_takes_is_not_its),
		cmocka_unit_test(poison_is_put_aside),
		cmocka_unit_test(what_waits_in_a_rule_goes_on),
		cmocka_unit_test(through_a_table_of_the_session),
	};
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("skipped: FAIRLEAD_TEST_PG is not set (conninfo of a PostgreSQL superuser)\n");
		return 0;
	}
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
