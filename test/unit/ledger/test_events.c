/* Lanes, typed events, reorgs and finality as PostgreSQL enforces them (INV-2, INV-3, INV-8, INV-9, R3, R5),
 * roles and views. */
#include "test/unit/ledger/world.h"

/* ── declarations ── */

static void a_child_keeps_to_its_chain(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	refused(&w, "23514",
		"INSERT INTO fairlead.event (_chain, _seq, _block, _at, _log, _open, _block_hash, _tx, _id)"
		" VALUES (1, 1, 1, now(), 1, true, t.h('b'), t.h('t'), t.h('i'))");
	refused(&w, "23514",
		"INSERT INTO app.revealed (_chain, _seq, _block, _at, _log, _open, _block_hash, _tx, _id, token_id)"
		" VALUES (2, 1, 1, now(), 1, true, t.h('b'), t.h('t'), t.h('i'), 1)");
	refused(&w, "23514",
		"INSERT INTO app.revealed (_chain, _seq, _block, _at, _log, _open, _block_hash, _tx, _id, token_id)"
		" VALUES (1, 1, 1, now(), 1, true, t.h('b'), t.h('t'), 'short', 1)");
	gives(&w, "1", "SELECT t.reveal(7, 1)");
	refused(&w, "23505",
		"SELECT t.reveal(7, 2)"); /* the same event at a second block while the first stands (INV-2) */
	refused(&w, "23505", "SELECT t.reveal(7, 1)");
	refused(&w, "23505",
		"INSERT INTO app.revealed SELECT _seq, 5, _at, _log, _chain, _open, _swept, _late, _block_hash, _tx, "
		"t.h('new'),"
		" _address, 8 FROM app.revealed"); /* one number twice */
	/* below the window the id index is silent, the block's own is not */
	gives(&w, "2", "SELECT t.reveal(8, 1, 'a', false)");
	refused(&w, "23505", "SELECT t.reveal(8, 1, 'a', false)");
	gives(&w, "2", "SELECT count(*) FROM fairlead.event");
	world_close(&w);
}

static void names_that_can_not_be(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	static const char *const bad[] = {
		"_id numeric", "_seq bigint", "xmin text", "tableoid numeric", "ctid text"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(&w, "FL006",
			"SELECT fairlead.declare(1::smallint, 'app', 'x%zu', 'App.X', '\\x03', ARRAY['%s'])", i, bad[i]);
	static const char *const taken[] = {
		"fairlead", "fairlead_app", "public", "files", "pg_x", "information_schema"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		refused(
			&w, "FL006", "SELECT fairlead.declare(1::smallint, '%s', 'x', 'App.X', '\\x03', '{}')", taken[i]);
	/* words of SQL are only words; no field at all is well */
	gives(&w, "app.\"select\"|app.empty",
		"SELECT fairlead.declare(1::smallint, 'app', 'select', 'App.Select', '\\x04', '{order "
		"numeric(78),\"table bigint[]\"}'),"
		" fairlead.declare(1::smallint, 'app', 'empty', 'App.Empty', '\\x05', '{}')");
	world_close(&w);
}

static void declaring_again_is_the_same_or_refused(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "SELECT t.reveal(7, 1); UPDATE fairlead.decl SET retired = now()");
	gives(&w, "app.named",
		"SELECT fairlead.declare(1::smallint, 'app', 'named', 'App.Named', '\\x02', '{token_id "
		"numeric(78),name text}')");
	gives(&w, "1|f 2|t", "SELECT id, retired IS NULL FROM fairlead.decl ORDER BY id");
	refused(&w, "FL006",
		"SELECT fairlead.declare(1::smallint, 'app', 'named', 'App.Named', '\\x03', '{token_id "
		"numeric(78),name text}')");
	refused(&w, "FL006",
		"SELECT fairlead.declare(1::smallint, 'app', 'named', 'App.Named', '\\x02', '{token_id bigint,name "
		"text}')");
	refused(&w, "FL006",
		"SELECT fairlead.declare(1::smallint, 'app', 'named', 'App.Named', '\\x02', '{token_id "
		"numeric(78)}')");
	run(&w, "SELECT fairlead.chain_id('other')");
	refused(&w, "FL006",
		"SELECT fairlead.declare(2::smallint, 'app', 'named', 'App.Named', '\\x02', '{token_id "
		"numeric(78),name text}')");
	world_close(&w);
}

static void chains_have_stable_numbers(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	gives(&w, "2|1|2",
		"SELECT fairlead.chain_id('other'), fairlead.chain_id('main'), fairlead.chain_id('other')");
	refused(&w, "FL006", "UPDATE fairlead.chain SET network = 1 WHERE id = 1");
	refused(&w, "FL006", "UPDATE fairlead.chain SET network = NULL WHERE id = 1");
	run(&w, "UPDATE fairlead.chain SET network = 31337 WHERE id = 1");
	world_close(&w);
}

/* ── blocks, reorgs, finality ── */

static void blocks_link(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "SELECT t.blocks(1, 5)");
	refused(&w, "23503",
		"INSERT INTO fairlead.block VALUES (1, 6, t.h('x6'), t.h('b5'), now(), 5)"); /* not our parent */
	refused(&w, "23514",
		"INSERT INTO fairlead.block VALUES (1, 7, t.h('x7'), t.h('a5'), now(), 5)"); /* not the next number */
	refused(&w, "23505",
		"INSERT INTO fairlead.block VALUES (1, 5, t.h('x5'), t.h('a4'), now(), 4)"); /* two at one height */
	refused(&w, "23503", "DELETE FROM fairlead.block WHERE number = 3");
	run(&w, "INSERT INTO fairlead.block VALUES (1, 6, t.h('x6'), t.h('a5'), now(), 5)");
	world_close(&w);
}

static void a_reorg_takes_back_a_suffix(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	/* numbers 1, 2 in blocks 3, 5; number 3 was found late, in block 2; 4 in block 6 */
	run(&w, "SELECT t.blocks(1, 6); SELECT t.reveal(1, 3); SELECT t.reveal(2, 5); SELECT t.reveal(3, 2); "
			"SELECT t.reveal(4, 6);"
			"INSERT INTO fairlead.undecoded VALUES (1, 5, t.h('a5'), t.h('t'), 1, 'App.X', '\\x', '{}', '', "
			"'why'), (1, 2, t.h('a2'), t.h('t'), 1, 'App.X', '\\x', '{}', '', 'why')");
	gives(&w, "6", "SELECT fairlead.retract(1::smallint, 1, 5)");
	gives(&w, "5|2|5|2|f", "SELECT seq, first_seq, from_block, events, was_final FROM fairlead.reorg");
	gives(&w, "1|1 3|6",
		"SELECT token_id, _seq FROM app.revealed ORDER BY _seq"); /* the late one is behind the entry */
	gives(&w, "2|5|2 4|6|4", "SELECT seq, block, image->>'token_id' FROM fairlead.retraction ORDER BY seq");
	gives(&w, "4|4|1",
		"SELECT max(number), (SELECT done FROM fairlead.chain), (SELECT count(*) FROM fairlead.undecoded) "
		"FROM fairlead.block");
	gives(&w, "6", "SELECT at FROM fairlead.lane WHERE name = 'listen:main'");
	/* the same events in another block are the same again */
	run(&w, "SELECT t.blocks(5, 6, 'b'); SELECT t.reveal(2, 5, 'b')");
	gives(&w, "7", "SELECT _seq FROM app.revealed WHERE token_id = 2");
	/* an entry over nothing is an entry */
	run(&w, "SELECT fairlead.retract(1::smallint, 1, 6)");
	gives(&w, "8|8|0", "SELECT seq, first_seq, events FROM fairlead.reorg WHERE seq > 5");
	refused(&w, "FL001", "SELECT fairlead.retract(1::smallint, 0, 6)");
	world_close(&w);
}

static void finality_never_goes_back(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "SELECT t.blocks(1, 9); SELECT t.reveal(1, 3); SELECT t.reveal(2, 5); SELECT "
			"fairlead.advance(1::smallint, 1, 6, 4)");
	gives(&w, "6|4|2", "SELECT final, floor, floor_seq FROM fairlead.chain");
	run(&w, "SELECT fairlead.advance(1::smallint, 1, 3, 2)");
	gives(&w, "6|4|2", "SELECT final, floor, floor_seq FROM fairlead.chain");
	refused(&w, "FL002", "UPDATE fairlead.chain SET final = 5");
	refused(&w, "FL002", "UPDATE fairlead.chain SET floor = 3");
	refused(&w, "FL002", "UPDATE fairlead.chain SET floor_seq = 1");
	refused(&w, "23514", "UPDATE fairlead.chain SET floor = 7");
	refused(&w, "FL002", "SELECT fairlead.retract(1::smallint, 1, 4)"); /* P10: deeper than the window */
	gives(&w, "2", "SELECT count(*) FROM app.revealed");
	run(&w, "SELECT fairlead.retract(1::smallint, 1, 5)"); /* deeper than final, inside the window: repaired,
															  and told */
	gives(&w, "t", "SELECT was_final FROM fairlead.reorg");
	run(&w, "SELECT t.blocks(5, 9, 'b'); SELECT fairlead.advance(1::smallint, 1, 9, 8)");
	gives(&w, "9|8|4",
		"SELECT final, floor, floor_seq FROM fairlead.chain"); /* nothing above: behind the last number */
	world_close(&w);
}

static void an_item_follows_its_event(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "SELECT t.blocks(1, 5); SELECT t.reveal(1, 5); SELECT t.item('1', 1)");
	run(&w, "UPDATE fairlead.item SET at = '2000-01-01', made = '2000-01-01'; SELECT "
			"fairlead.rollback_to(1::smallint, 1)");
	gives(&w, "void|", "SELECT state, cause FROM fairlead.item");
	run(&w, "SELECT t.item('1', 3)");
	gives(&w, "1|waiting|3|t|t",
		"SELECT id, state, cause, at > '2001-01-01', made < '2001-01-01' FROM fairlead.item");
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT fairlead.rollback_to(1::smallint, 3)");
	gives(&w, "batched|", "SELECT state, cause FROM fairlead.item"); /* an orphan, still bound */
	run(&w, "SELECT t.item('1', 4)");
	gives(&w, "batched|4|1", "SELECT state, cause, batch FROM fairlead.item"); /* adopted: no second batch */
	world_close(&w);
}

/* What an event of the same key says that comes while its item is in a batch. */
static void comes_again(struct world *w, const char *args)
{
	char sql[200];
	snprintf(sql, sizeof sql,
		"UPDATE fairlead.item SET cause = 5, args = '%s' WHERE key = '1' AND cause IS NULL", args);
	run(w, "%s", sql);
}

static void a_batch_sends_what_stands(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "SELECT t.blocks(1, 5); SELECT t.reveal(1, 5); SELECT t.reveal(2, 5); SELECT t.item('1', 1); "
			"SELECT t.item('2', 2)");
	run(&w, "UPDATE fairlead.item SET args = '{\"a\": 1}'; SELECT t.cut()");
	run(&w, "UPDATE fairlead.item SET cause = NULL WHERE key = '1'");
	comes_again(&w, "{\"a\": 1}"); /* the same content: it stays where it is */
	gives(&w, "1|batched|1 2|batched|1", "SELECT key, state, batch FROM fairlead.item ORDER BY key");
	run(&w, "UPDATE fairlead.item SET cause = NULL WHERE key = '1'");
	comes_again(&w, "{\"a\": 2}");
	gives(&w, "1|waiting||{\"a\": 2} 2|batched|1|{\"a\": 1}",
		"SELECT key, state, batch, args FROM fairlead.item ORDER BY key");
	gives(&w, "1|1|ready", "SELECT id, items, state FROM fairlead.batch");
	/* the last item of a batch takes it along */
	run(&w, "SELECT t.cut(); UPDATE fairlead.item SET cause = NULL WHERE key = '1'");
	comes_again(&w, "{\"a\": 3}");
	gives(&w, "1|ready 0|dropped", "SELECT items, state FROM fairlead.batch ORDER BY id");
	/* a slot keeps what it was composed of */
	run(&w,
		"SELECT t.cut(); SELECT t.send(3, 0, 'x'); UPDATE fairlead.item SET cause = NULL WHERE key = '1'");
	comes_again(&w, "{\"a\": 4}");
	gives(
		&w, "batched|3|5|{\"a\": 3}", "SELECT state, batch, cause, args FROM fairlead.item WHERE key = '1'");
	world_close(&w);
}

/* ── lanes ── */

static void one_of_many_takers_wins(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	enum { N = 12 };
	PGconn *c[N];
	int won = 0;
	for (int i = 0; i < N; i++) {
		c[i] = world_session(&w);
		PQsendQuery(c[i], "SELECT epoch IS NOT NULL FROM fairlead.take('new', 'me', '1h')");
	}
	for (int i = 0; i < N; i++) {
		PGresult *r = PQgetResult(c[i]);
		assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
		won += PQgetvalue(r, 0, 0)[0] == 't';
		PQclear(r);
	}
	assert_int_equal(won, 1);
	gives(&w, "1", "SELECT epoch FROM fairlead.lane WHERE name = 'new'");
	for (int i = 0; i < N; i++)
		PQfinish(c[i]);
	world_close(&w);
}

/* A taker waits for the holder's commit, and what the holder then tries is refused. */
static void a_taker_waits_for_the_commit(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	PGconn *old = world_session(&w), *new = world_session(&w);
	gives_on(old, "1|0", "SELECT * FROM fairlead.take('x', 'old', '0s')");
	PQclear(run_on(old, "BEGIN"));
	PQclear(
		run_on(old, "SELECT fairlead.hold('x', 1, '-1s'); UPDATE fairlead.lane SET at = 7 WHERE name = 'x'"));
	PQsendQuery(new, "SELECT * FROM fairlead.take('x', 'new', '1h')");
	for (int waits = 0; !waits;) {
		PGresult *r = run_on(w.pg, "SELECT 1 FROM pg_locks WHERE NOT granted");
		waits = PQntuples(r);
		PQclear(r);
	}
	PQclear(run_on(old, "COMMIT"));
	PGresult *r = PQgetResult(new);
	assert_string_equal(PQgetvalue(r, 0, 0), "2");
	assert_string_equal(PQgetvalue(r, 0, 1), "7");
	PQclear(r);
	refused_on(old, "FL001", "SELECT fairlead.hold('x', 1)");
	PQfinish(old);
	PQfinish(new);
	world_close(&w);
}

static void a_lane_is_free_when_its_connection_is_gone(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	PGconn *c = world_session(&w);
	gives_on(c, "1|0", "SELECT * FROM fairlead.take('x', 'old', '1h')");
	gives(&w, "|", "SELECT * FROM fairlead.take('x', 'new', '1h')");
	int pid = PQbackendPID(c);
	PQfinish(c);
	for (int there = 1; there;) {
		char sql[100];
		snprintf(sql, sizeof sql, "SELECT 1 FROM pg_stat_activity WHERE pid = %d", pid);
		PGresult *r = run_on(w.pg, sql);
		there = PQntuples(r);
		PQclear(r);
	}
	gives(&w, "2|0", "SELECT * FROM fairlead.take('x', 'new', '1h')");
	run(&w, "SELECT fairlead.leave('x', 2)");
	gives(&w, "3|0", "SELECT * FROM fairlead.take('x', 'newer', '1h')");
	world_close(&w);
}

/* ── rights ── */

static void roles_keep_to_their_own(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "SELECT t.blocks(1, 5); SELECT t.reveal(1, 5); SELECT t.item('1', 1); SELECT t.cut(); SELECT "
			"t.send(1, 0, 'x');"
			"SELECT fairlead.grant_app(); GRANT USAGE ON SCHEMA t TO PUBLIC; GRANT ALL ON ALL FUNCTIONS IN "
			"SCHEMA t TO PUBLIC");
	static const struct {
		const char *role, *state, *sql;
	} cases[] = {
		{"listener", NULL,
			"SELECT t.blocks(6, 6); SELECT t.reveal(2, 6); SELECT fairlead.retract(1::smallint, 1, 6); "
			"SELECT fairlead.advance(1::smallint, 1, 2, 1)"},
		{"listener", "FL001", "SELECT fairlead.hold('apply:main', 1)"},
		{"listener", "42501", "UPDATE fairlead.item SET state = 'void'"},
		{"listener", "42501", "INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (1, t.me(), 9)"},
		{"batcher", NULL,
			"SELECT t.item('2', 2); SELECT t.cut(); SELECT fairlead.rollback_to(1::smallint, 2)"},
		{"batcher", "FL001", "SELECT fairlead.hold('listen:main', 1)"},
		{"batcher", "42501", "UPDATE fairlead.chain SET final = 99"},
		{"batcher", "42501", "DELETE FROM app.revealed"},
		{"batcher", "42501",
			"INSERT INTO fairlead.attempt VALUES (1, t.me(), 0, 9, t.h('z'), 'z', 1, 1, 'bump')"},
		{"submitter", NULL,
			"SELECT t.receipt('x', 5); SELECT fairlead.sent(t.lane(), 1, ARRAY[t.h('x')], '{node}', "
			"'{NULL}')"},
		{"submitter", NULL, "SELECT t.send(3, 1, 'y')"},
		{"submitter", "FL001", "SELECT fairlead.hold('clock', 1)"},
		{"submitter", "42501", "UPDATE fairlead.verdict SET final = true"},
		{"submitter", "42501", "DELETE FROM fairlead.attempt"},
		{"submitter", "42501", "UPDATE fairlead.item SET cause = 9"},
		{"reconciler", NULL,
			"SELECT * FROM fairlead.finalise(1, 1::smallint, 10); SELECT fairlead.prune(1, 1::smallint, 0)"},
		{"reconciler", "FL001",
			"SELECT fairlead.hold('send:31337:0x0101010101010101010101010101010101010101', 1)"},
		{"reconciler", "42501", "INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (1, t.me(), 9)"},
		{"reconciler", "42501", "INSERT INTO fairlead.verdict VALUES (t.h('x'), t.h('b'), 1, 1, true, 1, 1)"},
		{"gateway", NULL,
			"SELECT * FROM fairlead.chains, fairlead.batches, fairlead.txs, fairlead.lives, fairlead.queues, "
			"fairlead.self"},
		{"gateway", NULL, "SELECT hash, fee FROM fairlead.attempt"},
		{"gateway", "42501", "SELECT raw FROM fairlead.attempt"},
		{"gateway", "42501", "UPDATE fairlead.lane SET epoch = 0"},
		{"gateway", "42501", "DELETE FROM fairlead.item"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* a batch to send for the submitter */
		if (i == 10)
			run(&w, "SELECT t.item('3', 3); SELECT t.cut()");
		run(&w, "SET ROLE fairlead_%s", cases[i].role);
		if (cases[i].state)
			refused(&w, cases[i].state, "%s", cases[i].sql);
		else
			run(&w, "%s", cases[i].sql);
		run(&w, "RESET ROLE");
	}
	world_close(&w);
}

/* ── views ── */

static void views_tell(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "UPDATE fairlead.chain SET listening = true, rpc_ok = true; SELECT t.blocks(1, 5); SELECT "
			"t.reveal(4217, 5); SELECT t.reveal(9, 5)");
	gives(&w, "main|5|5|0|t|t|f|t|0|2|0|2",
		"SELECT name, head, done, behind, healthy, listening, catching_up, rpc_ok, reconnects, seq, applied, "
		"lag FROM fairlead.chains");
	gives(&w, "healthy|unhealthy|unknown",
		"SELECT fairlead.word(true), fairlead.word(false), fairlead.word(NULL)");
	run(&w, "SELECT t.item('4217', 1); SELECT t.cut(); SELECT t.item('9', 2); SELECT t.send(1, 0, 'x');"
			"UPDATE fairlead.batch_decl SET due = now()");
	gives(&w, "1|0|0|1|t", "SELECT pending, parked, ready, sending, due IS NOT NULL FROM fairlead.batches");
	gives(&w, "2|9|waiting|||5 1|4217|batched|App.Revealed|1|5",
		"SELECT id, key, state, CASE WHEN batch IS NOT NULL THEN event END, batch, event_block FROM "
		"fairlead.lives ORDER BY id DESC LIMIT 14");
	run(&w, "SELECT fairlead.attempt_add(t.lane(), 1, 1::smallint, t.me(), '{0}', '{bump}', ARRAY[t.h('y')], "
			"ARRAY['y'::bytea], '{16350000000}', '{2}', '{1}', '{0}');"
			"SELECT t.blocks(6, 8); SELECT t.receipt('y', 7)");
	gives(&w, "0|{0.00000001,16.35}|{send,bump}|7|t|f|t|t",
		"SELECT nonce, fees, kinds, mined_block, ok, final, tx = '0x' || encode(t.h('y'), 'hex'), ms >= 0 "
		"FROM fairlead.lives WHERE key = '4217'");
	run(&w, "SELECT t.final(8)");
	gives(&w, "done|t", "SELECT state, final FROM fairlead.lives WHERE key = '4217'");
	run(&w, "INSERT INTO fairlead.counter (program, name, labels, value) VALUES ('batcher', 'n', '{\"a\": "
			"\"b\"}', 3)");
	gives(&w, "n|{\"a\": \"b\", \"program\": \"batcher\"}|3", "SELECT * FROM fairlead.counters");
	gives(&w, "App.Named App.Revealed", "SELECT event FROM fairlead.sources ORDER BY 1");
	/* a listener that lost its lane is not listening, whatever it wrote last */
	run(&w, "UPDATE fairlead.lane SET until = '-infinity' WHERE name = 'listen:main'");
	gives(&w, "f|f|f", "SELECT listening, rpc_ok, healthy FROM fairlead.chains");
	world_close(&w);
}

/* 100,000 lives behind us: the newest lines touch only themselves. */
static void views_do_not_walk_history(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "INSERT INTO fairlead.batch (name, pool, chain, items, state) SELECT 'reveal', 'owner', 1, 10, "
			"'dropped' FROM generate_series(1, 2000);"
			"INSERT INTO fairlead.item (batch_of, key, chain, cause, args, state) SELECT 'reveal', n::text, "
			"1, n, '{}', 'dead' FROM generate_series(1, 20000) n;"
			"ANALYZE");
	static const char *const looks[] = {"SELECT * FROM fairlead.lives ORDER BY id DESC LIMIT 14",
		"SELECT * FROM fairlead.batches", "SELECT * FROM fairlead.queues",
		"SELECT * FROM fairlead.txs ORDER BY batch DESC LIMIT 50"};
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
		char sql[200];
		snprintf(sql, sizeof sql, "EXPLAIN (ANALYZE, BUFFERS, TIMING off, COSTS off) %s", looks[i]);
		PGresult *r = run_on(w.pg, sql);
		for (int k = 0; k < PQntuples(r); k++)
			if (strstr(PQgetvalue(r, k, 0), "Seq Scan on item") ||
				strstr(PQgetvalue(r, k, 0), "Seq Scan on batch "))
				fail_msg("%s walks history: %s", looks[i], PQgetvalue(r, k, 0));
		PQclear(r);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_keeps_to_its_chain),
		cmocka_unit_test(names_that_can_not_be),
		cmocka_unit_test(declaring_again_is_the_same_or_refused),
		cmocka_unit_test(chains_have_stable_numbers),
		cmocka_unit_test(blocks_link),
		cmocka_unit_test(a_reorg_takes_back_a_suffix),
		cmocka_unit_test(finality_never_goes_back),
		cmocka_unit_test(an_item_follows_its_event),
		cmocka_unit_test(a_batch_sends_what_stands),
		cmocka_unit_test(one_of_many_takers_wins),
		cmocka_unit_test(a_taker_waits_for_the_commit),
		cmocka_unit_test(a_lane_is_free_when_its_connection_is_gone),
		cmocka_unit_test(roles_keep_to_their_own),
		cmocka_unit_test(views_tell),
		cmocka_unit_test(views_do_not_walk_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
