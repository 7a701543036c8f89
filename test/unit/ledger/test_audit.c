/* What PostgreSQL judges of a signer's policies, and the trail of an account (sql/025, P23, P24). */
#include "test/unit/ledger/world.h"

/* n batches of one item each, ready; t.go(batches, first, limit, spend, cost): one commit of them. */
static void ready(struct world *w, int n)
{
	world_found(w);
	run(w,
		"INSERT INTO fairlead.batch (name, pool, chain, items) SELECT 'reveal', 'owner', 1, 1 FROM "
		"generate_series(1, %d)",
		n);
	run(w,
		"INSERT INTO fairlead.item (batch_of, key, chain, cause, args, state, batch) SELECT 'reveal', "
		"n::text, "
		"1, n, '{}', 'batched', n FROM generate_series(1, %d) n",
		n);
	run(w,
		"CREATE FUNCTION t.go(ids bigint[], first bigint, lim numeric DEFAULT NULL, spend numeric DEFAULT "
		"NULL, cost numeric DEFAULT 1, lane text DEFAULT t.lane()) RETURNS int LANGUAGE sql AS $$"
		" SELECT fairlead.send_commit(lane, 1, 1::smallint, decode(right(lane, 40), 'hex'), first, ids,"
		" ARRAY(SELECT t.h('x' || u) FROM unnest(ids) u), ARRAY(SELECT 'r'::bytea FROM unnest(ids)),"
		" ARRAY(SELECT 10::numeric FROM unnest(ids)), ARRAY(SELECT 1::numeric FROM unnest(ids)), ids, ids,"
		" ARRAY(SELECT 'first a=\"|\"' FROM unnest(ids)), 'owner', ARRAY(SELECT cost FROM unnest(ids)), lim, "
		"3600000, spend, 86400000) $$;"
		"CREATE FUNCTION t.more(kind text, x text, cost numeric, spend numeric DEFAULT NULL) RETURNS int "
		"LANGUAGE sql AS $$"
		" SELECT fairlead.attempt_add(t.lane(), 1, 1::smallint, t.me(), '{0}', ARRAY[kind], ARRAY[t.h(x)], "
		"ARRAY[x::bytea], '{12}', '{2}', CASE WHEN kind = 'cancel' THEN '{}' ELSE '{1}' END::bigint[], "
		"CASE WHEN kind = 'cancel' THEN '{}' ELSE '{0}' END::bigint[], NULL, 'owner', ARRAY[cost], spend, "
		"86400000) $$;");
	/* the chain as it must be, from the columns alone */
	run(w,
		"CREATE VIEW t.trail AS SELECT seq, link, concat_ws('|', 'attempt', a.chain, encode(a.signer, "
		"'hex'), "
		"kind, (extract(epoch FROM at) * 1000000)::bigint, seq, nonce, n, encode(hash, 'hex'), fee, tip, "
		"ARRAY(SELECT item FROM fairlead.attempt_item x WHERE x.hash = a.hash ORDER BY 1)::text, reason) AS "
		"text, a.signer FROM fairlead.attempt a UNION ALL SELECT seq, link, concat_ws('|', 'refusal', chain, "
		"encode(signer, 'hex'), kind, (extract(epoch FROM at) * 1000000)::bigint, seq, "
		"coalesce(batch::text, '-'), coalesce(nonce::text, '-'), reason), signer FROM fairlead.refusal");
}

/* Every link follows from the one before and its row; the last stands on the lane. */
static void whole(struct world *w, int rows)
{
	char want[40];
	snprintf(want, sizeof want, "%d|0|t", rows);
	gives(w, want,
		"SELECT s.n, s.wrong, l.links = s.n AND (s.n = 0 OR l.link = s.newest) FROM fairlead.lane l, (SELECT "
		"count(*) AS n, "
		"count(*) FILTER (WHERE link <> sha256(prev || convert_to(text, 'UTF8')) OR seq <> nth) AS wrong, "
		"(array_agg(link ORDER BY seq DESC))[1] AS newest"
		" FROM (SELECT *, coalesce(lag(link) OVER o, '\\x') AS prev, row_number() OVER o AS nth FROM t.trail "
		"WHERE signer = t.me() WINDOW o AS (ORDER BY seq)) s) s WHERE l.name = t.lane()");
}

static void each_row_is_a_link(void **state)
{
	(void)state;
	struct world w;
	ready(&w, 9);
	whole(&w, 0);
	run(&w, "SELECT t.go('{1,2,3}', 0); SELECT t.go('{4}', 3)");
	whole(&w, 4);
	run(&w, "SELECT t.more('bump', 'b', 1); SELECT t.more('cancel', 'c', 1)");
	run(&w,
		"SELECT fairlead.refuse(t.lane(), 1, 1::smallint, t.me(), 5, NULL, 'send', 'policy_to to=\"a|b\"')");
	run(&w, "SELECT t.go('{5,6}', 4)");
	whole(&w, 9);
	gives(&w, "1 2 3 4 5 6 8 9", "SELECT seq FROM fairlead.attempt ORDER BY seq");
	refused(&w, "FL005", "SELECT t.go('{7}', 99)"); /* nothing of it stays */
	refused(&w, "FL001",
		"SELECT fairlead.refuse(t.lane(), 0, 1::smallint, t.me(), 5, NULL, 'send', 'policy_to')");
	whole(&w, 9);
	refused(&w, "FL003", "UPDATE fairlead.refusal SET reason = 'x'");
	refused(&w, "FL003", "DELETE FROM fairlead.refusal");
	world_close(&w);
}

static void a_freeze_stops_all_but_cancels(void **state)
{
	(void)state;
	struct world w;
	ready(&w, 4);
	run(&w, "SELECT t.go('{1}', 0)");
	refused(&w, "FL005", "SELECT fairlead.freeze('me', 'nobody')");
	gives(&w, "t", "SELECT fairlead.freeze('me', 'owner')");
	gives(&w, "f", "SELECT fairlead.freeze('me', 'owner')");
	refused(&w, "FL007", "SELECT t.go('{2}', 1)");
	refused(&w, "FL007", "SELECT t.more('bump', 'b', 1)");
	refused(&w, "FL007", "SELECT t.more('recomposed', 'r', 1)");
	gives(&w, "1", "SELECT t.more('cancel', 'c', 1)");
	/* a program that knows of no names is judged by the lane's */
	run(&w, "UPDATE fairlead.lane SET signer = 'owner' WHERE name = t.lane()");
	refused(&w, "FL007", "SELECT t.send(2, 1, 'y')");
	run(&w, "SELECT fairlead.refuse(t.lane(), 1, 1::smallint, t.me(), 2, NULL, 'send', 'policy_frozen')");
	gives(&w, "policy_frozen|owner|2",
		"SELECT b.reason, r.name, r.batch FROM fairlead.batch b, fairlead.refusals r WHERE b.id = 2");
	gives(&w, "t", "SELECT fairlead.thaw('me', 'owner')");
	gives(&w, "f", "SELECT fairlead.thaw('me', 'owner')");
	gives(&w, "1", "SELECT t.go('{2}', 1)");
	gives(&w, "", "SELECT reason FROM fairlead.batch WHERE id = 2");
	gives(&w, "freeze|1 thaw|2", "SELECT what, seq FROM fairlead.act ORDER BY id");
	whole(&w, 4);
	world_close(&w);
}

/* The query under way waits for a lock; false: it is done. */
static bool it_waits(struct world *w)
{
	PGconn *look = world_session(w);
	bool waits = false, busy = true;
	while (!waits && busy) {
		char sql[80];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %d",
			PQbackendPID(w->pg));
		PGresult *r = run_on(look, sql);
		waits = atoi(PQgetvalue(r, 0, 0)) > 0;
		PQclear(r);
		assert_int_equal(PQconsumeInput(w->pg), 1);
		busy = PQisBusy(w->pg);
	}
	PQfinish(look);
	return waits;
}

/* A freeze waits for the commit that is under way, and none follows it. */
static void a_freeze_is_sharp(void **state)
{
	(void)state;
	struct world w;
	ready(&w, 4);
	PGconn *c = world_session(&w);
	PQclear(run_on(c, "BEGIN"));
	PQclear(run_on(c, "SELECT t.go('{1}', 0)"));
	assert_int_equal(PQsendQuery(w.pg, "SELECT fairlead.freeze('me', 'owner')"), 1);
	assert_true(it_waits(&w));
	PQclear(run_on(c, "COMMIT"));
	PGresult *r;
	while ((r = PQgetResult(w.pg)))
		PQclear(r);
	refused_on(c, "FL007", "SELECT t.go('{2}', 1)");
	gives(&w, "1", "SELECT count(*) FROM fairlead.attempt");
	PQfinish(c);
	world_close(&w);
}

static void windows(void **state)
{
	(void)state;
	struct world w;
	ready(&w, 30);
	static const char other[] = "send:31337:0x0303030303030303030303030303030303030303";
	run(&w, "SELECT fairlead.take('%s', 'me', '1h')", other);
	gives(&w, "3", "SELECT t.go('{1,2,3}', 0, 5)");
	gives(&w, "1", "SELECT t.go('{4}', 0, 5, lane => '%s')", other); /* another key of the pool: one window */
	refused(&w, "FL007", "SELECT t.go('{5,6}', 3, 5)");
	gives(&w, "1", "SELECT t.go('{5}', 3, 5)");
	refused(&w, "FL007", "SELECT t.go('{6}', 1, 5, lane => '%s')", other);
	run(&w, "DO $$ BEGIN PERFORM t.go('{6}', 4, 5); EXCEPTION WHEN SQLSTATE 'FL007' THEN"
			" ASSERT SQLERRM ~ '^policy_limit used=\"5\" most=\"5\" per=\"3600000\" room=\"0\" "
			"until=\"\\d{13}\"$', SQLERRM; END $$");
	run(&w, "UPDATE fairlead.used SET till = till - interval '61 minutes'");
	gives(&w, "1", "SELECT t.go('{6}', 4, 5)");
	gives(&w, "1|1",
		"SELECT count(*), sum(amount) FROM fairlead.used WHERE what = 'limit'"); /* what left is gone */

	/* spend: what they may cost together; cancels are counted and never refused */
	gives(&w, "2", "SELECT t.go('{7,8}', 5, NULL, 100, 40)");
	refused(&w, "FL007", "SELECT t.go('{9}', 7, NULL, 100, 21)");
	refused(&w, "FL007", "SELECT t.more('bump', 'b', 21, 100)");
	gives(&w, "1", "SELECT t.more('bump', 'b', 15, 100)");
	gives(&w, "1", "SELECT t.more('cancel', 'c', 30, 100)");
	gives(&w, "125", "SELECT sum(amount) FROM fairlead.used WHERE what = 'spend'");
	refused(&w, "FL007", "SELECT t.go('{9}', 7, NULL, 100, 1)");
	gives(&w, "1", "SELECT t.more('bump', 'b2', 0, 100)"); /* costs nothing more */
	run(&w, "UPDATE fairlead.used SET till = till - interval '25 hours'");
	gives(&w, "1", "SELECT t.go('{9}', 7, NULL, 100, 100)");
	world_close(&w);
}

/* Two lanes of a pool at the same moment: the window has room for one of them. */
static void race(struct world *w, const char *first, const char *second)
{
	PGconn *c = world_session(w);
	PQclear(run_on(c, "BEGIN"));
	PQclear(run_on(c, first));
	assert_int_equal(PQsendQuery(w->pg, second), 1);
	assert_true(it_waits(w));
	PQclear(run_on(c, "COMMIT"));
	PGresult *r = PQgetResult(w->pg);
	assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
	assert_string_equal(PQresultErrorField(r, PG_DIAG_SQLSTATE), "FL007");
	PQclear(r);
	while ((r = PQgetResult(w->pg)))
		PQclear(r);
	PQfinish(c);
}

#define OTHER "send:31337:0x0303030303030303030303030303030303030303"
static void one_window_two_lanes(void **state)
{
	(void)state;
	struct world w;
	ready(&w, 4);
	run(&w, "SELECT fairlead.take('" OTHER "', 'me', '1h')");
	race(&w, "SELECT t.go('{1}', 0, 1)", "SELECT t.go('{2}', 0, 1, lane => '" OTHER "')");
	gives(&w, "1", "SELECT count(*) FROM fairlead.attempt");
	race(&w, "SELECT t.go('{3}', 1, NULL, 100, 60)", "SELECT t.go('{2}', 0, NULL, 100, 60, '" OTHER "')");
	gives(&w, "2|60",
		"SELECT (SELECT count(*) FROM fairlead.attempt), amount FROM fairlead.used WHERE what = 'spend'");
	world_close(&w);
}

/* A database of 001..024 with attempts in it: the migration begins their trails, and they go on. */
static void what_was_there_is_linked(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	run(&w, "BEGIN");
	const struct migration *m = migrations;
	for (; strcmp(m->name, "025_audit") != 0; m++)
		PQclear(run_on(w.pg, m->text));
	run(&w, "COMMIT");
	run(&w,
		"SELECT fairlead.chain_id('main'); UPDATE fairlead.chain SET network = 31337, head = 0, done = 0;"
		"SELECT fairlead.take('send:31337:0x0101010101010101010101010101010101010101', 'me', '1h');"
		"INSERT INTO fairlead.slot (chain, signer, nonce) SELECT 1, decode(repeat('01', 20), 'hex'), n FROM "
		"generate_series(0, 4) n;"
		"INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, reason) SELECT 1, "
		"decode(repeat('01', 20), 'hex'), n / 2, 1 + n %% 2, sha256(('x' || n)::bytea), 'r', 5, "
		"nullif(n, 3), 'send', nullif('r', 'r' || nullif(n, 4)) FROM generate_series(0, 9) n;"
		"INSERT INTO fairlead.act (who, what, of, text) VALUES ('a', 'drop', 'b', 'c|d'), ('e', 'retry', "
		"'f', '')");
	for (; m->name; m++) {
		run(&w, "BEGIN");
		PQclear(run_on(w.pg, m->text));
		run(&w, "COMMIT");
	}
	run(&w,
		"CREATE SCHEMA t; CREATE FUNCTION t.me() RETURNS bytea LANGUAGE sql AS $$ SELECT decode(repeat('01', "
		"20), 'hex') $$; CREATE FUNCTION t.lane() RETURNS text LANGUAGE sql AS $$ SELECT "
		"'send:31337:0x0101010101010101010101010101010101010101' $$;"
		"CREATE VIEW t.trail AS SELECT seq, link, concat_ws('|', 'attempt', a.chain, encode(a.signer, "
		"'hex'), "
		"kind, (extract(epoch FROM at) * 1000000)::bigint, seq, nonce, n, encode(hash, 'hex'), fee, tip, "
		"'{}', reason) AS text, a.signer FROM fairlead.attempt a");
	whole(&w, 10);
	run(&w, "INSERT INTO fairlead.act (who, what, of, text) VALUES ('g', 'flush', 'h', '\"')");
	gives(&w, "3|0|t",
		"SELECT count(*), count(*) FILTER (WHERE link <> sha256(prev || convert_to(concat_ws('|', 'act', "
		"seq, "
		"(extract(epoch FROM at) * 1000000)::bigint, to_json(who), what, '-', '-', '-', to_json(of), "
		"to_json(text)), 'UTF8'))), (SELECT h.links = 3 FROM fairlead.act_head h) FROM (SELECT *, "
		"coalesce(lag(link) OVER (ORDER BY seq), '\\x') AS prev FROM fairlead.act) s");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_a_link),
		cmocka_unit_test(a_freeze_stops_all_but_cancels),
		cmocka_unit_test(a_freeze_is_sharp),
		cmocka_unit_test(windows),
		cmocka_unit_test(one_window_two_lanes),
		cmocka_unit_test(what_was_there_is_linked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
