#include "common/base/mem.h"
#include "common/io/pg_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const PGresult *result(const struct pg_reply *r, int stmt)
{
	must(stmt >= 0 && stmt < r->statements);
	return r->results[stmt];
}

int pg_rows(const struct pg_reply *r, int stmt)
{
	return PQntuples(result(r, stmt));
}

int pg_columns(const struct pg_reply *r, int stmt)
{
	return PQnfields(result(r, stmt));
}

/* A place that the result does not have is our bug, libpq would only warn. */
static const PGresult *at(const struct pg_reply *r, int stmt, int row, int col)
{
	const PGresult *p = result(r, stmt);
	must(row >= 0 && row < PQntuples(p) && col >= 0 && col < PQnfields(p));
	return p;
}

bool pg_is_null(const struct pg_reply *r, int stmt, int row, int col)
{
	return PQgetisnull(at(r, stmt, row, col), row, col);
}

const char *pg_get_text(const struct pg_reply *r, int stmt, int row, int col)
{
	return PQgetvalue(at(r, stmt, row, col), row, col);
}

struct str pg_get(const struct pg_reply *r, int stmt, int row, int col)
{
	const PGresult *p = at(r, stmt, row, col);
	return (struct str){PQgetvalue(p, row, col), (size_t)PQgetlength(p, row, col)};
}

int64_t pg_get_int(const struct pg_reply *r, int stmt, int row, int col)
{
	struct str s = pg_get(r, stmt, row, col);
	if (s.n == 0)
		return 0;
	char *end;
	errno = 0;
	long long v = strtoll(s.p, &end, 10);
	must(errno == 0 && end == s.p + s.n);
	return v;
}

bool pg_get_bool(const struct pg_reply *r, int stmt, int row, int col)
{
	return pg_get_text(r, stmt, row, col)[0] == 't';
}

struct u256 pg_get_u256(const struct pg_reply *r, int stmt, int row, int col)
{
	struct u256 v = u256_of(0);
	struct str s = pg_get(r, stmt, row, col);
	must(s.n == 0 || u256_from_dec(&v, s));
	return v;
}

/* bytea_output = hex, set at each connect: \x and two digits a byte */
static struct str bytea_digits(const struct pg_reply *r, int stmt, int row, int col)
{
	struct str s = pg_get(r, stmt, row, col);
	must(s.n >= 2 && s.n % 2 == 0 && s.p[0] == '\\' && s.p[1] == 'x');
	return (struct str){s.p + 2, s.n - 2};
}

bool pg_get_bytes(const struct pg_reply *r, int stmt, int row, int col, uint8_t *out, size_t n)
{
	if (pg_is_null(r, stmt, row, col))
		return false;
	return hex_from(out, n, bytea_digits(r, stmt, row, col));
}

size_t pg_get_blob(const struct pg_reply *r, int stmt, int row, int col, struct buf *out)
{
	if (pg_is_null(r, stmt, row, col))
		return 0;
	struct str s = bytea_digits(r, stmt, row, col);
	size_t n = s.n / 2;
	char *to = buf_room(out, n);
	for (size_t i = 0; i < n; i++)
		to[i] = (char)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
	to[n] = 0;
	out->n += n;
	return n;
}

/* One item of an array literal from s.p on; returns how many bytes it took, the comma not counted. */
static size_t array_item(struct str s, struct buf *text, bool *null)
{
	size_t i = 0;
	buf_clear(text);
	bool quoted = s.p[0] == '"';
	if (!quoted) {
		while (i < s.n && s.p[i] != ',')
			i++;
		buf_put(text, s.p, i);
		*null = str_is((struct str){s.p, i}, "NULL");
		return i;
	}
	*null = false;
	for (i = 1; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		buf_char(text, s.p[i]);
	}
	must(i < s.n);
	return i + 1;
}

void pg_get_array(
	const struct pg_reply *r, int stmt, int row, int col, void (*fn)(void *arg, struct str item), void *arg)
{
	struct str s = pg_get(r, stmt, row, col);
	if (s.n == 0)
		return;
	must(s.n >= 2 && s.p[0] == '{' && s.p[s.n - 1] == '}' && (s.n == 2 || s.p[1] != '{'));
	s = (struct str){s.p + 1, s.n - 2};
	struct buf text = {0};
	while (s.n) {
		bool null;
		size_t n = array_item(s, &text, &null);
		fn(arg, null ? (struct str){NULL, 0} : (struct str){text.p, text.n});
		must(n == s.n || s.p[n] == ',');
		n += n < s.n;
		s.p += n;
		s.n -= n;
	}
	buf_fini(&text);
}

bool pg_fenced(const struct pg_reply *r)
{
	return r->outcome == PG_REFUSED && strcmp(r->sqlstate, "FL001") == 0;
}

void pg_one_line(char *out, size_t size, const char *text)
{
	size_t n = 0;
	bool gap = false;
	for (; text && *text && n + 2 < size; text++) {
		if (*text == '\n' || *text == '\t' || *text == '\r' || *text == ' ') {
			gap = n > 0;
			continue;
		}
		if (gap)
			out[n++] = ' ';
		gap = false;
		out[n++] = *text;
	}
	while (n > 0 && out[n - 1] == '.')
		n--;
	out[n] = 0;
}

/* Classes that say "not now": connection, rollback, resources, object state, operator, system. */
static enum err_class class_of(const char *sqlstate)
{
	static const char *const passing[] = {"08", "40", "53", "55", "57", "58"};
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (strncmp(sqlstate, passing[i], 2) == 0)
			return ERR_TRANSIENT;
	return ERR_REJECTED;
}

void pg_refusal(struct pg_reply *r, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	char line[400], more[200];
	pg_one_line(line, sizeof line, text ? text : PQresultErrorMessage(res));
	pg_one_line(more, sizeof more, detail);
	snprintf(r->sqlstate, sizeof r->sqlstate, "%s", state ? state : "");
	err_put(&r->err, class_of(r->sqlstate), "%s%s%s%s", line, detail ? " (" : "", more, detail ? ")" : "");
}
