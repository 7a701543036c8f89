/* world: a database of its own for each test that needs PostgreSQL, on the server that FAIRLEAD_TEST_PG names
 * (the conninfo of a superuser on a private server). Unset: these tests are skipped, and say so. */
#ifndef FAIRLEAD_TEST_LEDGER_WORLD_H
#define FAIRLEAD_TEST_LEDGER_WORLD_H

#include "common/base/mem.h"
#include "common/base/str.h"
#include "test/unit/ledger/engine.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define UNUSED_OK __attribute__((unused))

struct world {
	char name[64], conninfo[512];
	PGconn *pg;
};

static const char *world_server(void)
{
	const char *s = getenv("FAIRLEAD_TEST_PG");
	return s && *s ? s : NULL;
}

static PGconn *world_connect(const char *conninfo, const char *dbname)
{
	const char *const keys[] = {"dbname", dbname ? "dbname" : NULL, NULL};
	/* only the first dbname is expanded; the second overrides the name in it */
	const char *const values[] = {conninfo, dbname, NULL};
	PGconn *c = PQconnectdbParams(keys, values, 1);
	if (PQstatus(c) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(c));
	return c;
}

static void quiet(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/* One more session of the same database. */
static UNUSED_OK PGconn *world_session(const struct world *w)
{
	PGconn *c = world_connect(world_server(), w->name);
	PQsetNoticeProcessor(c, quiet, NULL);
	return c;
}

static void admin_run(const char *sql)
{
	PGconn *c = world_connect(world_server(), NULL);
	PQsetNoticeProcessor(c, quiet, NULL);
	PGresult *r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
}

static void world_copy(struct world *w, const char *(*of)(void))
{
	static int n;
	if (!world_server()) {
		print_message("FAIRLEAD_TEST_PG is not set: no PostgreSQL to test on\n");
		skip();
	}
	char sql[128];
	snprintf(w->name, sizeof w->name, "unit_%d_%d", (int)getpid(), ++n);
	snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE %s", w->name, of());
	admin_run(sql);
	snprintf(w->conninfo, sizeof w->conninfo, "%s dbname=%s", world_server(), w->name);
	w->pg = world_session(w);
}

static const char *nothing(void)
{
	return "template0";
}

/* An empty database. */
static UNUSED_OK void world_open(struct world *w)
{
	world_copy(w, nothing);
}

/* One with the engine's schema, in which nothing has happened. */
static UNUSED_OK void world_empty(struct world *w)
{
	world_copy(w, engine);
}

static void world_close(struct world *w)
{
	char sql[128];
	PQfinish(w->pg);
	snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", w->name);
	admin_run(sql);
}

/* ── statements; every one ends the test when it does not do what it says ── */

static PGresult *run_on(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s\n%s", sql, PQresultErrorMessage(r));
	return r;
}

static UNUSED_OK void run(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static UNUSED_OK void run(struct world *w, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	PQclear(run_on(w->pg, b.p));
	buf_fini(&b);
}

/* Runs sql on c and compares what comes: columns joined by |, rows by a space, null as nothing. */
static UNUSED_OK void gives_on(PGconn *c, const char *want, const char *sql)
{
	PGresult *r = run_on(c, sql);
	struct buf got = {0};
	buf_text(&got, "");
	for (int i = 0; i < PQntuples(r); i++)
		for (int k = 0; k < PQnfields(r); k++) {
			buf_text(&got, k ? "|" : i ? " " : "");
			buf_text(&got, PQgetvalue(r, i, k));
		}
	PQclear(r);
	if (!text_is(got.p, want))
		fail_msg("%s\ngives %s\nnot   %s", sql, got.p, want);
	buf_fini(&got);
}

static UNUSED_OK void gives(struct world *w, const char *want, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static UNUSED_OK void gives(struct world *w, const char *want, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	gives_on(w->pg, want, b.p);
	buf_fini(&b);
}

static UNUSED_OK void refused_on(PGconn *c, const char *state, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	const char *got = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	if (!text_is(got, state))
		fail_msg(
			"%s\nends with %s (%s), not %s", sql, got ? got : "no error", PQresultErrorMessage(r), state);
	PQclear(r);
}

static UNUSED_OK void refused(struct world *w, const char *state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static UNUSED_OK void refused(struct world *w, const char *state, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	refused_on(w->pg, state, b.p);
	buf_fini(&b);
}

/* ── the engine's schema, with one chain, two events and a batch ── */

/* Chain 1 "main", lanes listen:main (epoch 1), apply:main (1), clock (1), send:…01 (1);
 * app.revealed(token_id), app.named(token_id, name); helpers of the tests in schema t. */
static UNUSED_OK void world_found(struct world *w)
{
	world_empty(w);
	run(w, "SELECT fairlead.chain_id('main');"
		   "UPDATE fairlead.chain SET network = 31337, head = 0, done = 0;"
		   "SELECT fairlead.declare(1::smallint, 'app', 'revealed', 'App.Revealed', '\\x01', '{token_id "
		   "numeric(78)}');"
		   "SELECT fairlead.declare(1::smallint, 'app', 'named', 'App.Named', '\\x02', '{token_id "
		   "numeric(78),name text}');"
		   "INSERT INTO fairlead.batch_decl (name, pool, chain, tries) VALUES ('reveal', 'owner', 1, 3);"
		   "SELECT fairlead.take(l, 'me', '1h') FROM unnest(ARRAY['listen:main', 'apply:main', 'clock',"
		   " 'send:31337:0x0101010101010101010101010101010101010101']) l;");
	run(w,
		"CREATE SCHEMA t;"
		"CREATE FUNCTION t.h(text) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$ SELECT sha256($1::bytea) $$;"
		"CREATE FUNCTION t.lane() RETURNS text IMMUTABLE LANGUAGE sql AS"
		" $$ SELECT 'send:31337:0x0101010101010101010101010101010101010101' $$;"
		"CREATE FUNCTION t.me() RETURNS bytea IMMUTABLE LANGUAGE sql AS"
		" $$ SELECT '\\x0101010101010101010101010101010101010101'::bytea $$;"
		/* blocks lo..hi of branch b: one chain of parents from what stands */
		"CREATE FUNCTION t.blocks(lo bigint, hi bigint, b text DEFAULT 'a') RETURNS void LANGUAGE sql AS $$"
		" INSERT INTO fairlead.block (chain, number, hash, parent, at, prev)"
		" SELECT 1, n, t.h(b || n), coalesce(CASE WHEN n > lo THEN t.h(b || (n - 1)) END,"
		"   (SELECT hash FROM fairlead.block WHERE number = n - 1), t.h('root')), to_timestamp(n),"
		"   CASE WHEN n > lo OR EXISTS (SELECT FROM fairlead.block WHERE number = n - 1) THEN n - 1 END"
		" FROM generate_series(lo, hi) n ORDER BY n;"
		" UPDATE fairlead.chain SET done = hi, head = hi $$;"
		/* one event of a token in block n of branch b, as a listener would write it */
		"CREATE FUNCTION t.reveal(token int, n bigint, b text DEFAULT 'a', o bool DEFAULT true) RETURNS "
		"bigint LANGUAGE plpgsql AS $$"
		" DECLARE s bigint; BEGIN UPDATE fairlead.lane SET at = at + 1 WHERE name = 'listen:main' RETURNING "
		"at INTO s;"
		" INSERT INTO app.revealed (_chain, _seq, _block, _at, _log, _open, _block_hash, _tx, _id, _address, "
		"token_id)"
		" VALUES (1, s, n, to_timestamp(n), s, o, t.h(b || n), t.h('tx' || token), t.h('id' || token), "
		"'\\x0202020202020202020202020202020202020202', token);"
		" RETURN s; END $$;"
		/* what a compiled rule does with an event: an item */
		"CREATE FUNCTION t.item(k text, c bigint) RETURNS void LANGUAGE sql AS $$"
		" SELECT set_config('fairlead.chain', '1', true), set_config('fairlead.seq', c::text, true);"
		" INSERT INTO fairlead.item AS i (batch_of, key, chain, cause, args) VALUES ('reveal', k, 1, c, '{}')"
		" ON CONFLICT (batch_of, key) DO UPDATE SET cause = EXCLUDED.cause,"
		" state = CASE WHEN i.state = 'void' THEN 'waiting' ELSE i.state END WHERE i.cause IS NULL;"
		" SELECT set_config('fairlead.seq', '', true) $$;"
		/* cuts all that waits into one batch */
		"CREATE FUNCTION t.cut() RETURNS bigint LANGUAGE sql AS $$"
		" WITH b AS (INSERT INTO fairlead.batch (name, pool, chain, items) SELECT 'reveal', 'owner', 1, "
		"count(*) FROM fairlead.item"
		"   WHERE state = 'waiting' RETURNING id),"
		" u AS (UPDATE fairlead.item SET state = 'batched', batch = b.id FROM b WHERE state = 'waiting')"
		" SELECT id FROM b $$;"
		/* sends one batch with all its items as nonce n; the transaction is called x */
		"CREATE FUNCTION t.send(b bigint, n bigint, x text) RETURNS int LANGUAGE sql AS $$"
		" SELECT fairlead.send_commit(t.lane(), 1, 1::smallint, t.me(), n, ARRAY[b], ARRAY[t.h(x)], "
		"ARRAY[x::bytea], ARRAY[10::numeric],"
		" ARRAY[1::numeric], ARRAY(SELECT id FROM fairlead.item WHERE batch = b AND cause IS NOT NULL),"
		" ARRAY(SELECT batch FROM fairlead.item WHERE batch = b AND cause IS NOT NULL)) $$;"
		/* a receipt of x in block n of branch b */
		"CREATE FUNCTION t.receipt(x text, n bigint, good bool DEFAULT true, b text DEFAULT 'a') RETURNS int "
		"LANGUAGE sql AS $$"
		" SELECT fairlead.verdicts_add(t.lane(), 1, ARRAY[t.h(x)], ARRAY[t.h(b || n)], 1::smallint, "
		"ARRAY[n], ARRAY[good],"
		" ARRAY[21000::bigint], ARRAY[7::numeric]) $$;"
		"CREATE FUNCTION t.final(n bigint) RETURNS text LANGUAGE sql AS $$"
		" SELECT fairlead.advance(1::smallint, 1, n, -1);"
		" SELECT format('%%s closed, %%s done, %%s freed, %%s dead', closed, done, freed, dead)"
		" FROM fairlead.finalise(1, 1::smallint, 1000) $$;");
}

#endif
