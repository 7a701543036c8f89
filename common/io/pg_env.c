#include "common/base/mem.h"
#include "common/io/guard.h"
#include "common/io/log.h"
#include "common/io/pg_in.h"

#include <stdio.h>
#include <stdlib.h>

static bool set(const char *s)
{
	return s && *s;
}

/* keyword='value', quotes and backslashes escaped as libpq reads them */
static void put_keyword(struct buf *b, const char *keyword, const char *value)
{
	if (!set(value))
		return;
	if (b->n)
		buf_char(b, ' ');
	buf_text(b, keyword);
	buf_text(b, "='");
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			buf_char(b, '\\');
		buf_char(b, *value);
	}
	buf_char(b, '\'');
}

char *pg_conninfo_from_env(void)
{
	const char *url = getenv("DATABASE_URL");
	if (set(url))
		return mem_text(url);
	struct buf b = {0};
	buf_text(&b, "");
	put_keyword(&b, "host", getenv("DB_HOST"));
	put_keyword(&b, "port", getenv("DB_PORT"));
	put_keyword(&b, "user", getenv("DB_USERNAME"));
	put_keyword(&b, "password", getenv("DB_PASSWORD"));
	put_keyword(&b, "dbname", getenv("DB_NAME"));
	return b.p;
}

static bool is_conninfo(const char *s)
{
	return strchr(s, '=') || text_starts(s, "postgresql://") || text_starts(s, "postgres://");
}

static char *option_value(PQconninfoOption *options, const char *keyword)
{
	char *value = NULL;
	for (PQconninfoOption *o = options; o && o->keyword; o++)
		if (text_is(o->keyword, keyword) && set(o->val))
			value = mem_text(o->val);
	PQconninfoFree(options);
	return value;
}

/* One keyword of conninfo as libpq would use it (conninfo, then environment, then default); NULL: unset or
 * malformed. */
static char *pg_conninfo_value(const char *conninfo, const char *keyword)
{
	char *why = NULL, *value = NULL;
	if (is_conninfo(conninfo)) {
		value = option_value(PQconninfoParse(conninfo, &why), keyword);
		PQfreemem(why);
	} else if (*conninfo && text_is(keyword, "dbname")) {
		value = mem_text(conninfo);
	}
	return value ? value : option_value(PQconndefaults(), keyword);
}

void pg_may_read(const char *conninfo)
{
	static const char *const files[] = {
		"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char *path = pg_conninfo_value(conninfo, files[i]);
		guard_may_read(path);
		free(path);
	}
}

static bool pg_conninfo_ok(const char *conninfo)
{
	char *why = NULL;
	if (!is_conninfo(conninfo))
		return true;
	PQconninfoOption *o = PQconninfoParse(conninfo, &why);
	PQfreemem(why);
	PQconninfoFree(o);
	return o != NULL;
}

/* "5432", or one a host: "5432,5433" */
static bool is_ports(const char *s)
{
	return !s || s[strspn(s, "0123456789,")] == 0;
}

bool pg_env_ok(struct err *e)
{
	const char *url = getenv("DATABASE_URL");
	bool from_url = set(url);
	if (from_url && (!is_conninfo(url) || !pg_conninfo_ok(url)))
		return err_set(e, ERR_REJECTED,
			"DATABASE_URL can't be read (it is not shown, it may hold a password); it looks like "
			"postgresql://user:password@host:5432/name");
	char *conninfo = pg_conninfo_from_env(), *port = pg_conninfo_value(conninfo, "port");
	bool ok = is_ports(port);
	free(conninfo);
	free(port);
	if (ok)
		return true;
	return err_set(e, ERR_REJECTED, "%s: the port of PostgreSQL is a number, 5432 if not given",
		from_url                 ? "DATABASE_URL"
		: set(getenv("DB_PORT")) ? "DB_PORT"
								 : "PGPORT");
}

/* libpq's own default when no host is named anywhere is a unix socket. */
static bool is_local(const char *host)
{
	return !host || host[0] == '/' || host[0] == '@';
}

void pg_for_people(char *out, size_t size, const char *conninfo)
{
	if (!pg_conninfo_ok(conninfo)) {
		snprintf(out, size, "PostgreSQL");
		return;
	}
	char *host = pg_conninfo_value(conninfo, "host"), *port = pg_conninfo_value(conninfo, "port");
	char *dbname = pg_conninfo_value(conninfo, "dbname"), *user = pg_conninfo_value(conninfo, "user");
	const char *base = dbname ? dbname : user ? user : "";
	if (is_local(host))
		snprintf(out, size, "PostgreSQL %s on %s", base, host ? host : "its unix socket");
	else
		snprintf(out, size, "PostgreSQL %s on %s:%s", base, host, port ? port : "5432");
	free(host);
	free(port);
	free(dbname);
	free(user);
}

/* Warnings of the server belong to the operator; libpq alone would print them to stderr as they are. */
static void on_notice(void *arg, const PGresult *res)
{
	(void)arg;
	char line[400];
	pg_one_line(line, sizeof line, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	log_odd("pg.warning", "PostgreSQL warned", F_STR("said", line),
		F_STR("sqlstate", PQresultErrorField(res, PG_DIAG_SQLSTATE)));
}

/* What stands before dbname can be overridden by conninfo, what stands behind it can't. TLS and Kerberos are
 * not even initialised where they can't be used: that is 5 MiB and 20 ms of each process. */
PGconn *pg_conn_start(const struct pg_options *o, struct err *e)
{
	if (!pg_conninfo_ok(o->conninfo)) {
		err_put(e, ERR_REJECTED,
			"the connection string of PostgreSQL can't be read; it is not shown, it may hold a password");
		return NULL;
	}
	char *host = pg_conninfo_value(o->conninfo, "host");
	const char *keywords[16], *values[16];
	size_t n = 0;
#define KEYWORD(k, v) (keywords[n] = (k), values[n++] = (v))
	if (is_local(host))
		KEYWORD("sslmode", "disable");
	if (!set(getenv("PGGSSENCMODE")))
		KEYWORD("gssencmode", "disable");
	KEYWORD("tcp_user_timeout", "15000");
	KEYWORD("keepalives_idle", "15");
	KEYWORD("keepalives_interval", "5");
	KEYWORD("keepalives_count", "3");
	KEYWORD("dbname", o->conninfo);
	if (o->application)
		KEYWORD("application_name", o->application);
	KEYWORD("client_encoding", "UTF8");
	KEYWORD(NULL, NULL);
#undef KEYWORD
	PGconn *conn = PQconnectStartParams(keywords, values, 1);
	free(host);
	must(conn);
	PQsetNoticeReceiver(conn, on_notice, NULL);
	return conn;
}
