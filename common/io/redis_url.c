#include "common/io/redis_url.h"
#include "common/base/mem.h"
#include "common/base/str.h"

#include <stdlib.h>

enum { REDIS_PORT = 6379, PORT_MAX = 65535, DB_MAX = 1 << 20 };

static bool wrong(struct err *e, const char *what)
{
	return err_set(e, ERR_REJECTED,
		"the URL of Redis can't be read: %s; it looks like redis://host:6379/0 or unix:/path", what);
}

static char *decoded(struct str s)
{
	char *out = mem_alloc(s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int hi = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1, lo = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
		if (s.p[i] == '%' && hi >= 0 && lo >= 0) {
			out[n++] = (char)(hi << 4 | lo);
			i += 2;
		} else {
			out[n++] = s.p[i];
		}
	}
	return out;
}

static bool number(struct str s, uint64_t most, uint64_t *v)
{
	return str_to_u64(s, v) && *v <= most;
}

/* Takes what stands behind the first c off *s. */
static struct str cut(struct str *s, char c)
{
	const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
	if (!at)
		return (struct str){0};
	struct str behind = {at + 1, s->n - (size_t)(at - s->p) - 1};
	s->n = (size_t)(at - s->p);
	return behind;
}

static bool parse_db(struct redis_url *u, struct str text, struct err *e)
{
	uint64_t db = 0;
	if (text.n && !number(text, DB_MAX, &db))
		return wrong(e, "the database is not a number");
	u->db = (int64_t)db;
	return true;
}

static bool parse_query(struct redis_url *u, struct str query, struct err *e)
{
	if (query.n == 0)
		return true;
	if (query.n < 3 || memcmp(query.p, "db=", 3) != 0)
		return wrong(e, "behind ? only db=NUMBER is known");
	return parse_db(u, (struct str){query.p + 3, query.n - 3}, e);
}

static bool parse_unix(struct redis_url *u, const char *text, struct err *e)
{
	struct str path = str_of(text), query = cut(&path, '?');
	if (path.n == 0)
		return wrong(e, "it names no socket");
	u->path = mem_textn(path.p, path.n);
	return parse_query(u, query, e);
}

static void parse_login(struct redis_url *u, struct str login)
{
	bool colon = login.n && memchr(login.p, ':', login.n);
	struct str password = cut(&login, ':');
	if (colon)
		u->password = decoded(password);
	if (login.n)
		u->user = decoded(login);
}

static bool parse_host(struct redis_url *u, struct str host, struct err *e)
{
	struct str port = {0};
	uint64_t number_of_port = REDIS_PORT;
	if (host.n && host.p[0] == '[') { /* RFC 3986: an IPv6 address stands in brackets */
		struct str inner = {host.p + 1, host.n - 1}, behind = cut(&inner, ']');
		if (behind.n && behind.p[0] == ':')
			port = (struct str){behind.p + 1, behind.n - 1};
		host = inner;
	} else {
		port = cut(&host, ':');
	}
	if (port.n && (!number(port, PORT_MAX, &number_of_port) || number_of_port == 0))
		return wrong(e, "the port is not a number from 1 to 65535");
	u->host = host.n ? mem_textn(host.p, host.n) : mem_text("127.0.0.1");
	u->port = (int)number_of_port;
	return true;
}

static bool parse_tcp(struct redis_url *u, const char *text, struct err *e)
{
	const char *at = strrchr(text, '@');
	if (at) {
		parse_login(u, (struct str){text, (size_t)(at - text)});
		text = at + 1;
	}
	struct str host = str_of(text), query = cut(&host, '?'), db = cut(&host, '/');
	return parse_host(u, host, e) && parse_db(u, db, e) && parse_query(u, query, e);
}

bool redis_url_parse(struct redis_url *u, const char *url, struct err *e)
{
	if (url[0] == '/')
		return parse_unix(u, url, e);
	if (text_starts(url, "unix://"))
		return parse_unix(u, url + 7, e);
	if (text_starts(url, "unix:"))
		return parse_unix(u, url + 5, e);
	if (text_starts(url, "redis://"))
		return parse_tcp(u, url + 8, e);
	if (text_starts(url, "rediss://"))
		return wrong(e, "TLS to Redis (rediss:) is not in this version");
	return wrong(e, "it begins with neither redis:// nor unix: nor /");
}

void redis_url_fini(struct redis_url *u)
{
	free(u->path);
	free(u->host);
	free(u->user);
	free(u->password);
	*u = (struct redis_url){0};
}
