#include "common/io/endpoint.h"
#include "common/base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

static bool take_scheme(struct endpoint *u, const char **p)
{
	static const struct {
		const char *text;
		bool tls, websocket;
		uint16_t port;
	} schemes[] = {
		{"http://", false, false, 80},
		{"https://", true, false, 443},
		{"ws://", false, true, 80},
		{"wss://", true, true, 443},
	};
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = strlen(schemes[i].text);
		if (strncasecmp(*p, schemes[i].text, n) != 0)
			continue;
		u->tls = schemes[i].tls;
		u->websocket = schemes[i].websocket;
		u->port = schemes[i].port;
		*p += n;
		return true;
	}
	return false;
}

/* Undoes percent codes. false: too long, or a code that is none or hides a NUL. */
static bool unescape(char *out, size_t size, struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];
		if (c == '%') {
			int hi = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int lo = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
			if (hi < 0 || lo < 0 || hi * 16 + lo == 0)
				return false;
			c = hi * 16 + lo;
			i += 2;
		}
		if (n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return true;
}

static bool take_host(struct endpoint *u, struct str h, struct err *e)
{
	struct str port = {0};
	if (h.n && h.p[0] == '[') {
		const char *end = memchr(h.p, ']', h.n);
		if (!end)
			return err_set(e, ERR_REJECTED, "the URL opens a bracket around its host and never closes it");
		port = (struct str){end + 1, h.n - (size_t)(end + 1 - h.p)};
		h = (struct str){h.p + 1, (size_t)(end - h.p - 1)};
	} else {
		const char *colon = memchr(h.p, ':', h.n);
		if (colon) {
			port = (struct str){colon, h.n - (size_t)(colon - h.p)};
			h.n = (size_t)(colon - h.p);
		}
	}
	if (h.n == 0 || h.n >= sizeof u->host)
		return err_set(e, ERR_REJECTED, "the URL has no host");
	memcpy(u->host, h.p, h.n);
	u->host[h.n] = 0;
	for (size_t i = 0; i < h.n; i++)
		if ((unsigned char)h.p[i] <= ' ' || (unsigned char)h.p[i] >= 0x7f)
			return err_set(e, ERR_REJECTED, "the URL's host holds a character that no host has");
	if (port.n > 1) {
		uint64_t v = 0;
		if (port.p[0] != ':' || !str_to_u64((struct str){port.p + 1, port.n - 1}, &v) || v == 0 || v > 65535)
			return err_set(e, ERR_REJECTED, "the URL's port is not a number from 1 to 65535");
		u->port = (uint16_t)v;
	}
	return true;
}

bool endpoint_parse(struct endpoint *u, const char *text, struct err *e)
{
	*u = (struct endpoint){0};
	const char *p = text;
	if (!take_scheme(u, &p))
		return err_set(e, ERR_REJECTED, "the URL does not begin with http:// https:// ws:// or wss://");
	size_t n = strcspn(p, "/?#");
	struct str authority = {p, n};
	const char *at = p + n;
	while (at > p && at[-1] != '@')
		at--;
	if (at > p) {
		at--;
		if (!unescape(u->login, sizeof u->login, (struct str){p, (size_t)(at - p)}))
			return err_set(e, ERR_REJECTED, "the URL's login is too long or badly escaped");
		authority = (struct str){at + 1, n - (size_t)(at + 1 - p)};
	}
	if (!take_host(u, authority, e))
		return false;
	const char *rest = p + n;
	size_t len = strcspn(rest, "#");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)rest[i] <= ' ' || (unsigned char)rest[i] >= 0x7f)
			return err_set(e, ERR_REJECTED, "the URL's path holds a character that must be escaped");
	if (len + 2 > sizeof u->path)
		return err_set(e, ERR_REJECTED, "the URL's path is longer than %zu characters", sizeof u->path - 2);
	snprintf(u->path, sizeof u->path, "%s%.*s", *rest == '/' ? "" : "/", (int)len, rest);
	bool v6 = strchr(u->host, ':') != NULL;
	snprintf(u->name, sizeof u->name, "%s%s%s:%u", v6 ? "[" : "", u->host, v6 ? "]" : "", u->port);
	return true;
}

bool endpoint_is_loopback(const struct endpoint *u)
{
	struct in_addr a;
	return strcasecmp(u->host, "localhost") == 0 || strcmp(u->host, "::1") == 0 ||
		   (inet_pton(AF_INET, u->host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127);
}
