#include "reconciler/serve/accept.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

static struct str trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Up to the next `by`, which is taken away; s becomes what follows. */
static struct str next_part(struct str *s, char by)
{
	const char *end = memchr(s->p, by, s->n);
	struct str part = {s->p, end ? (size_t)(end - s->p) : s->n};
	size_t used = part.n + (end != NULL);
	s->p += used;
	s->n -= used;
	return trim(part);
}

/* "q=0.5" → 500; what is none is 1000. */
static int weight(struct str params)
{
	while (params.n) {
		struct str p = next_part(&params, ';');
		if (p.n < 3 || (p.p[0] | 32) != 'q' || p.p[1] != '=')
			continue;
		int w = p.p[2] == '1' ? 1000 : 0, unit = 100;
		for (size_t i = 4; p.p[2] == '0' && i < p.n && i < 7 && p.p[i] >= '0' && p.p[i] <= '9';
			 i++, unit /= 10)
			w += (p.p[i] - '0') * unit;
		return w;
	}
	return 1000;
}

/* 3: the type itself, 2: its half with a star, 1: any; 0: another. */
static int fits(struct str range, const char *type)
{
	size_t slash = (size_t)(strchr(type, '/') - type), n = strlen(type);
	if (range.n == n && strncasecmp(range.p, type, n) == 0)
		return 3;
	if (range.n == slash + 2 && strncasecmp(range.p, type, slash + 1) == 0 && range.p[slash + 1] == '*')
		return 2;
	return str_is(range, "*/*");
}

int accept_weight(struct str accept, const char *type)
{
	int best = 0, found = 0;
	if (!trim(accept).n)
		return 1000;
	while (accept.n) {
		struct str range = next_part(&accept, ','), name = next_part(&range, ';');
		int how = fits(name, type);
		if (how > best) { /* the nearest range decides */
			best = how;
			found = weight(range);
		}
	}
	return found;
}

bool is_json_type(struct str t)
{
	struct str name = next_part(&t, ';');
	return (name.n == 16 && strncasecmp(name.p, "application/json", 16) == 0) ||
		   (name.n > 5 && strncasecmp(name.p + name.n - 5, "+json", 5) == 0);
}

bool origin_allowed(struct str origin, const char *const *allowed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_is(allowed[i], "*") || str_is(origin, allowed[i]))
			return true;
	return false;
}

bool is_foreign(struct str origin, struct str site, struct str mode, struct str host)
{
	if (site.p)
		return !str_is(site, "same-origin") && !str_is(site, "none") &&
			   !(str_is(mode, "navigate") && !origin.p);
	if (!origin.p)
		return false;
	size_t scheme = origin.n > 8 && memcmp(origin.p, "https://", 8) == 0  ? 8
					: origin.n > 7 && memcmp(origin.p, "http://", 7) == 0 ? 7
																		  : 0;
	return !scheme || origin.n - scheme != host.n || strncasecmp(origin.p + scheme, host.p, host.n) != 0;
}

/* "a.example:3000", "[::1]:80", "a.example." → without port and last dot */
static struct str name_of(struct str host)
{
	for (size_t i = host.n; i > 0 && host.p[i - 1] != ']'; i--)
		if (host.p[i - 1] == ':')
			host.n = i - 1;
	host.n -= host.n && host.p[host.n - 1] == '.';
	return host;
}

static bool is_name(struct str name, const char *text)
{
	const char *scheme = strstr(text, "://");
	struct str other = name_of(str_of(scheme ? scheme + 3 : text));
	return other.n == name.n && strncasecmp(other.p, name.p, name.n) == 0;
}

bool is_own_host(struct str host, const struct serve_decl *s)
{
	static const char below[] = ".localhost";
	struct in_addr address;
	char text[INET_ADDRSTRLEN];
	struct str name = name_of(host);
	if (!name.n || name.p[0] == '[' || !memchr(name.p, '.', name.n))
		return true;
	if (name.n >= sizeof below &&
		strncasecmp(name.p + name.n - sizeof below + 1, below, sizeof below - 1) == 0)
		return true;
	if (snprintf(text, sizeof text, "%.*s", (int)(name.n < 100 ? name.n : 100), name.p) < (int)sizeof text &&
		inet_pton(AF_INET, text, &address) == 1)
		return true;
	for (size_t i = 0; i < s->nlisten; i++)
		if (is_name(name, s->listen[i]))
			return true;
	for (size_t i = 0; i < s->ncors; i++)
		if (is_name(name, s->cors[i]))
			return true;
	return false;
}

bool is_token_list(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && !strchr("-_, ", c))
			return false;
	}
	return s.n > 0 && s.n < 500;
}
