#include "common/ledger/routes.h"

#include "common/ledger/compile_in.h"
#include "common/io/pg.h"

#include <stdlib.h>

static bool run(PGconn *conn, const char *sql, struct err *e)
{
	PGresult *r = PQexec(conn, sql);
	bool good = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
	if (!good)
		err_put(e, ERR_TRANSIENT, "%s", PQerrorMessage(conn));
	PQclear(r);
	return good;
}

static bool look_at_types(PGconn *conn, struct arena *a, struct sql_types *out, struct err *e)
{
	PGresult *r =
		PQexec(conn, "SELECT oid, typelem FROM pg_type WHERE typcategory = 'A' AND typelem <> 0 AND "
					 "oid >= 16384 AND typelem NOT IN (SELECT reltype FROM pg_class)");
	bool good = PQresultStatus(r) == PGRES_TUPLES_OK;
	if (!good)
		err_put(e, ERR_TRANSIENT, "%s", PQerrorMessage(conn));
	size_t n = good ? (size_t)PQntuples(r) : 0;
	*out = (struct sql_types){arena_alloc(a, (n + 1) * sizeof *out->list), n};
	for (size_t i = 0; i < n; i++)
		out->list[i] = (struct sql_array){(unsigned)strtoul(PQgetvalue(r, (int)i, 0), NULL, 10),
			(unsigned)strtoul(PQgetvalue(r, (int)i, 1), NULL, 10)};
	PQclear(r);
	return good;
}

static bool look(
	const struct config *c, PGconn *conn, struct arena *a, struct route_shape **out, struct err *e)
{
	struct problems ps = {0};
	struct compiler k = {.c = c, .conn = conn, .ps = &ps, .e = e};
	if (compile_begin(&k))
		*out = route_shapes(&k, a, true);
	bool good = !k.failed;
	compile_end(&k);
	if (good && ps.n > 0) {
		const struct problem *p = &ps.list[0];
		err_put(e, ERR_REJECTED, "%s:%d:%d: %s", p->at.file, p->at.line, p->at.col, p->text);
		good = false;
	}
	problems_fini(&ps);
	return good;
}

bool routes_look(const struct config *c, const char *conninfo, struct arena *a, struct route_shape **out,
	struct sql_types *types, struct err *e)
{
	const char *const keys[] = {
		"connect_timeout", "dbname", "fallback_application_name", "client_encoding", NULL};
	const char *const values[] = {"5", conninfo, "fairlead-routes", "UTF8", NULL};
	PGconn *conn = PQconnectdbParams(keys, values, 1);
	bool good = PQstatus(conn) == CONNECTION_OK;
	if (!good) {
		char where[200];
		pg_for_people(where, sizeof where, conninfo);
		err_put(e, ERR_TRANSIENT, "%s does not answer", where);
	}
	good = good && run(conn, "BEGIN READ ONLY", e) &&
		   run(conn, "SET LOCAL plan_cache_mode = force_generic_plan", e) &&
		   look_at_types(conn, a, types, e) && look(c, conn, a, out, e);
	PQfinish(conn);
	return good;
}
