/* engine: the name of a database with the engine's migrations and nothing else, on the server that
 * FAIRLEAD_TEST_PG names. Made by the first test that asks and gone with the process: a test's own database
 * begins as its copy, which takes a fifth of what thirty migrations take. */
#ifndef FAIRLEAD_TEST_LEDGER_ENGINE_H
#define FAIRLEAD_TEST_LEDGER_ENGINE_H

#include "common/ledger/migrations.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char engine_name[64];

/* On the server's own database, or in the named one. False: said on stderr. */
static bool engine_run(const char *dbname, const char *const texts[], size_t n)
{
	const char *const keys[] = {"dbname", dbname ? "dbname" : NULL, NULL};
	const char *const values[] = {getenv("FAIRLEAD_TEST_PG"), dbname, NULL};
	PGconn *c = PQconnectdbParams(keys, values, 1);
	bool ok = PQstatus(c) == CONNECTION_OK;
	PQclear(PQexec(c, "SET client_min_messages = warning"));
	for (size_t i = 0; ok && i < n; i++) {
		PGresult *r = PQexec(c, texts[i]);
		ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
		PQclear(r);
	}
	if (!ok)
		fprintf(stderr, "the database of the migrations: %s\n", PQerrorMessage(c));
	PQfinish(c);
	return ok;
}

static void engine_gone(void)
{
	char sql[128];
	snprintf(sql, sizeof sql, "DROP DATABASE %s", engine_name);
	engine_run(NULL, (const char *const[]){sql}, 1);
}

static const char *engine(void)
{
	char sql[128];
	if (*engine_name)
		return engine_name;
	snprintf(engine_name, sizeof engine_name, "unit_engine_%d", (int)getpid());
	snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0", engine_name);
	if (!engine_run(NULL, (const char *const[]){sql}, 1))
		abort();
	atexit(engine_gone);
	const char *texts[200];
	size_t n = 0;
	for (; migrations[n].name && n < sizeof texts / sizeof *texts; n++)
		texts[n] = migrations[n].text;
	if (migrations[n].name || !engine_run(engine_name, texts, n))
		abort();
	return engine_name;
}

#endif
