/* SQL that is applied once and in order: the engine's migrations, then the application's sql: files. */
#include "common/ledger/digest.h"
#include "common/ledger/install_in.h"
#include "common/ledger/migrations.h"

#include <stdlib.h>

/* The row names the version before its text runs, so that a migration that removes something can raise oldest
 * to its own number. */
bool migrate(struct setup *s, int from)
{
	for (const struct migration *m = migrations; m->name; m++) {
		int number = atoi(m->name);
		const char *doing = arena_printf(&s->mem, "migration %s", m->name);
		if (number <= from)
			continue;
		if (number > 1 &&
			!setup_run(s, doing, "UPDATE fairlead.version SET schema = $1, at = clock_timestamp()", 1,
				(const char *const[]){setup_number(s, number)}))
			return false;
		PGresult *r = PQexec(s->conn, m->text); /* many statements */
		bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
		if (!ok)
			setup_refused(s, doing, r);
		PQclear(r);
		if (!ok)
			return false;
	}
	return true;
}

/* ── the application's files ── */

/* Where character `at` (from 1, as PostgreSQL counts) of a file stands, and how long the word there is. */
static struct pos place_of(const struct app_sql *f, long at)
{
	struct pos p = {.file = f->path, .line = 1, .col = 1, .len = 1};
	size_t i = 0;
	for (long k = 1; k < at && i < f->text.n; k++) {
		if (f->text.p[i] == '\n') {
			p.line++;
			p.col = 0;
		}
		p.col++;
		for (i++; i < f->text.n && ((unsigned char)f->text.p[i] & 0xc0) == 0x80; i++)
			;
	}
	int len = 0;
	for (; i < f->text.n && (f->text.p[i] == '_' || (f->text.p[i] >= '0' && f->text.p[i] <= '9') ||
								((f->text.p[i] | 32) >= 'a' && (f->text.p[i] | 32) <= 'z'));
		 i++)
		len++;
	p.len = len ? len : 1;
	return p;
}

/* The mistake is the file's: it is told with its place. What is not (the connection, a lock, a full disk) is
 * told as such. */
static bool file_refused(struct setup *s, const struct app_sql *f, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY),
			   *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
	const char *inner = PQresultErrorField(r, PG_DIAG_INTERNAL_QUERY),
			   *at = PQresultErrorField(r, PG_DIAG_INTERNAL_POSITION);
	static const char *const world[] = {"08", "40", "53", "55", "57", "58", "XX", NULL};
	for (size_t i = 0; state && world[i]; i++)
		if (strncmp(state, world[i], 2) == 0)
			return setup_refused(s, f->path, r);
	if (!state)
		return setup_refused(s, f->path, r);
	bool ours = at && inner && str_eq(str_of(inner), f->text);
	problem_file(s->ps, f->path, f->text);
	problem_add(s->ps, place_of(f, ours ? atol(at) : 1), "PostgreSQL refuses this: %s%s%s",
		text ? text : state, hint ? ". " : "", hint ? hint : "");
	s->result = INSTALL_PROBLEMS;
	return false;
}

/* By way of EXECUTE: that refuses COMMIT, which would end our transaction in the middle, and says where in
 * the text a mistake is. */
static bool file_run(struct setup *s, const struct app_sql *f)
{
	if (!setup_run(s, f->path, "SELECT set_config('search_path', 'public', true)", 0, NULL))
		return false;
	PGresult *r = setup_try(s, f->path, "SELECT fairlead.run_sql($1)", 1,
		(const char *const[]){arena_textn(&s->mem, f->text.p, f->text.n)});
	if (!r)
		return false;
	bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
	if (!ok)
		file_refused(s, f, r);
	PQclear(r);
	return ok;
}

static bool file_changed(struct setup *s, const struct app_sql *f, const char *path, const char *when)
{
	problem_file(s->ps, f->path, f->text);
	problem_add(s->ps, (struct pos){.file = f->path, .line = 1, .col = 1, .len = 1},
		"the text here is not what was applied in its place on %s (as %s); give that text back, and put the "
		"change into a new "
		"file behind it under sql:",
		when, path);
	s->result = INSTALL_PROBLEMS;
	return false;
}

/* One file by its place in the list. */
static bool file_apply(struct setup *s, size_t i)
{
	const struct app_sql *f = &s->c->sql[i];
	uint8_t digest[DIGEST_SIZE];
	digest_text(f->text, digest);
	const char *const values[] = {
		setup_number(s, (int64_t)i + 1), f->path, setup_hex(s, digest, sizeof digest)};
	PGresult *r = setup_query(s, f->path,
		"SELECT digest = $2::bytea, path, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'"
		" FROM fairlead.applied_sql WHERE n = $1",
		2, (const char *const[]){values[0], values[2]});
	if (!r)
		return false;
	bool there = PQntuples(r) == 1, same = there && PQgetvalue(r, 0, 0)[0] == 't';
	if (there && !same)
		file_changed(s, f, PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2));
	PQclear(r);
	if (there)
		return same;
	return file_run(s, f) &&
		   setup_run(s, f->path, "INSERT INTO fairlead.applied_sql (n, path, digest) VALUES ($1, $2, $3)", 3,
			   values);
}

/* Tables that have come without a primary key: what a rule writes there could not be taken back. */
static bool keyless(struct setup *s, const struct app_sql *f, const char *before)
{
	PGresult *r = setup_query(s, f->path,
		"SELECT rel FROM fairlead.app_tables() WHERE NOT has_key AND rel::oid <> ALL ($1::oid[]) ORDER BY "
		"rel::oid",
		1, (const char *const[]){before});
	if (!r)
		return false;
	int n = PQntuples(r);
	for (int i = 0; i < n; i++) {
		problem_file(s->ps, f->path, f->text);
		problem_add(s->ps, (struct pos){.file = f->path, .line = 1, .col = 1, .len = 1},
			"table %s has no primary key; without one, what a rule writes there could not be taken back",
			PQgetvalue(r, i, 0));
		s->result = INSTALL_PROBLEMS;
	}
	PQclear(r);
	return n == 0;
}

bool apply_sql(struct setup *s)
{
	for (size_t i = 0; i < s->c->nsql; i++) {
		PGresult *r = setup_query(s, "looking at the tables",
			"SELECT coalesce(array_agg(rel::oid), '{}') FROM fairlead.app_tables() WHERE NOT has_key", 0,
			NULL);
		if (!r)
			return false;
		const char *before = arena_text(&s->mem, PQgetvalue(r, 0, 0));
		PQclear(r);
		if (!file_apply(s, i) || !keyless(s, &s->c->sql[i], before))
			return false;
	}
	return setup_run(s, "settings", "SELECT set_config('search_path', 'public', true)", 0, NULL);
}
