#include "common/ledger/install.h"
#include "common/ledger/migrations.h"

#include "common/ledger/compile.h"
#include "common/ledger/digest.h"
#include "common/ledger/install_in.h"
#include "common/io/pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Any number, the same for all programs of this name: advisory locks belong to one database. */
#define LOCK_KEY "5063270110"

/* ── statements ── */

/* One line, without the stop at its end. */
static void flat(char *out, size_t size, const char *text)
{
	size_t n = 0;
	for (; *text && n + 1 < size; text++)
		out[n++] = *text == '\n' || *text == '\t' ? ' ' : *text;
	while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '.'))
		n--;
	out[n] = 0;
}

static bool say(
	struct setup *s, enum install_result result, enum err_class class, const char *doing, const char *text)
{
	char line[400];
	flat(line, sizeof line, text);
	s->result = result;
	return err_set(s->e, class, "%s: %s", doing, line);
}

/* 25006: a standby. 40, 53, 55, 57, 58, 08, XX: not now. 42501: who owns the schema has to do it, and may be
 * about to. */
bool setup_refused(struct setup *s, const char *doing, const PGresult *r)
{
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	static const char *const wait[] = {"08", "40", "53", "55", "57", "58", "XX", "25", NULL};
	if (!state || PQstatus(s->conn) == CONNECTION_BAD)
		return say(s, INSTALL_AWAY, ERR_TRANSIENT, doing, PQerrorMessage(s->conn));
	for (size_t i = 0; wait[i]; i++)
		if (strncmp(state, wait[i], 2) == 0)
			return say(s, INSTALL_AWAY, ERR_TRANSIENT, doing, text);
	if (strcmp(state, "42501") == 0) {
		say(s, INSTALL_AWAY, ERR_TRANSIENT, doing, text);
		return err_prefix(s->e, "role %s may not prepare the database; start a program as its owner first",
			PQuser(s->conn));
	}
	return say(s, INSTALL_REFUSED, ERR_REJECTED, doing, text);
}

PGresult *setup_try(struct setup *s, const char *doing, const char *sql, int n, const char *const *values)
{
	PGresult *r = PQexecParams(s->conn, sql, n, NULL, values, NULL, NULL, 0);
	if (PQstatus(s->conn) != CONNECTION_BAD)
		return r;
	setup_refused(s, doing, r);
	PQclear(r);
	return NULL;
}

PGresult *setup_query(struct setup *s, const char *doing, const char *sql, int n, const char *const *values)
{
	PGresult *r = setup_try(s, doing, sql, n, values);
	if (!r || PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK)
		return r;
	setup_refused(s, doing, r);
	PQclear(r);
	return NULL;
}

bool setup_run(struct setup *s, const char *doing, const char *sql, int n, const char *const *values)
{
	PGresult *r = setup_query(s, doing, sql, n, values);
	PQclear(r);
	return r != NULL;
}

const char *setup_array(struct setup *s, const char *const *items, size_t n)
{
	struct buf b = {0};
	buf_char(&b, '{');
	for (size_t i = 0; i < n; i++) {
		buf_text(&b, i ? ",\"" : "\"");
		for (const char *p = items[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_char(&b, '\\');
			buf_char(&b, *p);
		}
		buf_char(&b, '"');
	}
	buf_char(&b, '}');
	const char *text = arena_textn(&s->mem, b.p, b.n);
	buf_fini(&b);
	return text;
}

const char *setup_number(struct setup *s, int64_t v)
{
	return arena_printf(&s->mem, "%" PRId64, v);
}

const char *setup_hex(struct setup *s, const uint8_t *p, size_t n)
{
	char *out = arena_alloc(&s->mem, 2 * n + 3);
	out[0] = '\\';
	out[1] = 'x';
	hex_to(out + 2, p, n);
	return out;
}

/* ── what stands ── */

struct standing {
	int schema, oldest; /* 0: no schema yet */
	bool same;          /* the application's digest is ours */
};

#define LOOK                                                                   \
	"SELECT v.schema, v.oldest, a.name, coalesce(a.digest = $1::bytea, false)" \
	" FROM fairlead.version v LEFT JOIN fairlead.application a ON true"

void install_look(struct pg_unit *u, const struct config *c)
{
	static const struct pg_sql sql = {"install_look", LOOK};
	uint8_t digest[DIGEST_SIZE];
	digest_application(c, digest);
	pg_stmt(u, &sql);
	pg_put_bytes(u, digest, sizeof digest);
}

bool install_stands(const struct pg_reply *r, const struct config *c)
{
	return r->outcome == PG_OK && pg_rows(r, 0) == 1 && pg_get_int(r, 0, 0, 0) == schema_version &&
		   pg_get_int(r, 0, 0, 1) <= schema_version && text_is(pg_get_text(r, 0, 0, 2), c->name) &&
		   pg_get_bool(r, 0, 0, 3);
}

/* One round trip. A database without our schema has schema 0. */
static bool look(struct setup *s, struct standing *now)
{
	uint8_t digest[DIGEST_SIZE];
	digest_application(s->c, digest);
	PGresult *r = setup_try(
		s, "reading fairlead.version", LOOK, 1, (const char *const[]){setup_hex(s, digest, sizeof digest)});
	if (!r)
		return false;
	*now = (struct standing){0};
	bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	if (ok && PQntuples(r) == 1) {
		*now = (struct standing){
			atoi(PQgetvalue(r, 0, 0)), atoi(PQgetvalue(r, 0, 1)), PQgetvalue(r, 0, 3)[0] == 't'};
		if (!PQgetisnull(r, 0, 2) && !text_is(PQgetvalue(r, 0, 2), s->c->name)) {
			s->result = INSTALL_REFUSED;
			ok = err_set(s->e, ERR_REJECTED,
				"this database belongs to the application %s, and the file names %s; one database holds one "
				"application",
				PQgetvalue(r, 0, 2), s->c->name);
		}
	} else if (!ok && (text_is(state, "42P01") || text_is(state, "3F000"))) {
		ok = true; /* no such table, no such schema: an empty database */
	} else if (!ok) {
		setup_refused(s, "reading fairlead.version", r);
	}
	PQclear(r);
	return ok;
}

/* A11. */
static bool version_fits(struct setup *s, const struct standing *now)
{
	if (now->oldest <= schema_version)
		return true;
	s->result = INSTALL_REFUSED;
	return err_set(s->e, ERR_REJECTED,
		"the database has schema %d, which programs older than %d can't work with; this one has %d: start a "
		"newer program",
		now->schema, now->oldest, schema_version);
}

/* ── the work ── */

static bool is_locked(struct setup *s)
{
	PGresult *r = setup_query(
		s, "taking the lock of the installation", "SELECT pg_try_advisory_xact_lock(" LOCK_KEY ")", 0, NULL);
	if (!r)
		return false;
	bool got = PQgetvalue(r, 0, 0)[0] == 't';
	if (!got)
		s->result = INSTALL_BUSY;
	PQclear(r);
	return got;
}

static bool compile(struct setup *s)
{
	size_t before = s->ps->n;
	struct err e = {0};
	if (!compile_application(s->c, s->conn, s->ps, &e)) {
		bool away = e.class == ERR_TRANSIENT;
		return say(s, away ? INSTALL_AWAY : INSTALL_REFUSED, e.class, "compiling the rules", e.text);
	}
	if (s->ps->n > before)
		s->result = INSTALL_PROBLEMS;
	return s->ps->n == before;
}

static bool remember(struct setup *s)
{
	uint8_t digest[DIGEST_SIZE];
	digest_application(s->c, digest);
	return setup_run(s, "writing fairlead.application",
		"INSERT INTO fairlead.application (name, profile, version, digest) VALUES ($1, $2, $3, $4::bytea)"
		" ON CONFLICT (one) DO UPDATE SET (profile, version, digest, at) ="
		" (EXCLUDED.profile, EXCLUDED.version, EXCLUDED.digest, clock_timestamp())",
		4,
		(const char *const[]){
			s->c->name, s->c->profile, FAIRLEAD_VERSION, setup_hex(s, digest, sizeof digest)});
}

/* Inside the transaction. The lock comes before any IF NOT EXISTS: those race (A12). */
static bool work(struct setup *s)
{
	struct standing now;
	const char *timeout = s->mode == INSTALL_CHECK ? "2s" : "5s";
	const char *settings = arena_printf(&s->mem,
		"SELECT set_config('lock_timeout', '%s', true), set_config('search_path', 'public', true),"
		" set_config('client_min_messages', 'warning', true), set_config('check_function_bodies', 'on', "
		"true)",
		timeout);
	if (!is_locked(s) || !setup_run(s, "settings", settings, 0, NULL))
		return false;
	if (!setup_run(s, "settings", "SAVEPOINT fairlead_look", 0, NULL) || !look(s, &now))
		return false;
	if (!setup_run(s, "settings", "ROLLBACK TO SAVEPOINT fairlead_look", 0, NULL) || !version_fits(s, &now))
		return false;
	if (now.schema < schema_version && !migrate(s, now.schema))
		return false;
	if (!apply_sql(s) || !declare_all(s))
		return false;
	bool real = s->mode == INSTALL_FOR_REAL;
	if (real && !setup_run(s, "putting the tables under the undo", "SELECT fairlead.watch_all()", 0, NULL))
		return false;
	if (!compile(s))
		return false;
	return !real || (setup_run(s, "granting rights",
						 "SELECT fairlead.grant_engine(), fairlead.grant_endpoints(), fairlead.grant_app(), "
						 "fairlead.grant_happenings(), fairlead.grant_history(), fairlead.grant_messages(), "
						 "fairlead.grant_lives(), fairlead.grant_requests(), fairlead.grant_pools(), "
						 "fairlead.grant_truth(), fairlead.grant_orders(), fairlead.grant_audit(), "
						 "fairlead.grant_price()",
						 0, NULL) &&
						remember(s));
}

static void transaction(struct setup *s)
{
	if (!setup_run(s, "beginning", "BEGIN", 0, NULL))
		return;
	s->result = INSTALL_DONE;
	bool ok = work(s);
	if (!ok)
		must(s->result != INSTALL_DONE);
	if (ok && s->mode == INSTALL_FOR_REAL)
		setup_run(s, "committing", "COMMIT", 0, NULL);
	else if (PQstatus(s->conn) == CONNECTION_OK)
		PQclear(PQexec(s->conn, "ROLLBACK"));
}

/* ── the connection ── */

static void no_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/* What stands first may be said otherwise by the conninfo; what stands behind it may not. */
static bool connected(struct setup *s, const char *conninfo)
{
	const char *const keys[] = {
		"connect_timeout", "dbname", "fallback_application_name", "client_encoding", NULL};
	const char *const values[] = {"5", conninfo, "fairlead-install", "UTF8", NULL};
	s->conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(s->conn) != CONNECTION_OK) {
		char where[200];
		pg_for_people(where, sizeof where, conninfo);
		return say(s, INSTALL_AWAY, ERR_TRANSIENT, where, PQerrorMessage(s->conn));
	}
	PQsetNoticeProcessor(s->conn, no_notice, NULL);
	if (PQserverVersion(s->conn) < 150000) {
		s->result = INSTALL_REFUSED;
		return err_set(s->e, ERR_REJECTED, "PostgreSQL %d is too old; Fairlead needs 15 or newer",
			PQserverVersion(s->conn) / 10000);
	}
	return true;
}

/* An older program takes what a newer one has installed, as long as oldest allows it: it must not compile
 * over it (P20). */
static bool nothing_to_do(struct setup *s, bool *done)
{
	struct standing now;
	*done = false;
	if (!look(s, &now) || !version_fits(s, &now))
		return false;
	*done = now.schema > schema_version || (now.schema == schema_version && now.same);
	return true;
}

/* What others install is waited for. The file may differ from the installed one for a while: whether the
 * routes prepare tells. */
static void look_only(struct setup *s)
{
	struct standing now;
	s->result = INSTALL_DONE;
	if (!look(s, &now) || !version_fits(s, &now) || now.schema >= schema_version)
		return;
	s->result = INSTALL_AWAY;
	err_put(s->e, ERR_TRANSIENT,
		now.schema
			? "the database has schema %d and this program needs %d; waiting for a program of the fleet to "
			  "migrate it"
			: "the database holds nothing of Fairlead yet (schema %d of %d); waiting for a program of the "
			  "fleet to install it",
		now.schema, schema_version);
}

enum install_result install(
	const struct config *c, const char *conninfo, enum install_mode mode, struct problems *ps, struct err *e)
{
	struct setup s = {.c = c, .mode = mode, .ps = ps, .e = e, .result = INSTALL_DONE};
	bool done = false;
	if (mode == INSTALL_LOOK && connected(&s, conninfo))
		look_only(&s);
	else if (mode != INSTALL_LOOK && connected(&s, conninfo) &&
			 (mode == INSTALL_CHECK || nothing_to_do(&s, &done)) && !done)
		transaction(&s);
	PQfinish(s.conn);
	arena_fini(&s.mem);
	return s.result;
}

bool install_reachable(const char *conninfo)
{
	return PQping(conninfo) == PQPING_OK;
}
