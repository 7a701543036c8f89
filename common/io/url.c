#include "common/io/log.h"
#include "common/base/str.h"

#include <stdio.h>

/* Providers put their key into the path: https://node.example/v3/<key>. Words of a path are shorter than
 * keys. */
enum { KEY_LEAST = 20 };

static size_t put(char *out, size_t size, size_t at, struct str s)
{
	for (size_t i = 0; i < s.n && at + 1 < size; i++)
		out[at++] = s.p[i];
	out[at] = 0;
	return at;
}

static bool is_web(struct str scheme)
{
	return str_is(scheme, "http") || str_is(scheme, "https") || str_is(scheme, "ws") || str_is(scheme, "wss");
}

static size_t put_path(char *out, size_t size, size_t at, struct str path)
{
	while (path.n) {
		const char *slash = path.n > 1 ? memchr(path.p + 1, '/', path.n - 1) : NULL;
		struct str segment = {path.p, slash ? (size_t)(slash - path.p) : path.n};
		if (segment.n > KEY_LEAST)
			at = put(out, size, at, STR("/***"));
		else
			at = put(out, size, at, segment);
		path.p += segment.n;
		path.n -= segment.n;
	}
	return at;
}

void url_for_people(char *out, size_t size, const char *url)
{
	if (size == 0)
		return;
	out[0] = 0;
	if (!url)
		return;
	const char *mark = strstr(url, "://");
	size_t n = strcspn(url, "?#");
	if (!mark || mark > url + n) {
		put(out, size, 0, (struct str){url, n});
		return;
	}
	const char *rest = mark + 3, *end = url + n;
	size_t at = put(out, size, 0, (struct str){url, (size_t)(rest - url)});
	/* A password may hold / ? # by mistake: everything up to the last @ is taken for credentials. */
	if (strchr(end, '@')) {
		put(out, size, at, STR("***"));
		return;
	}
	for (const char *p = end; p > rest; p--)
		if (p[-1] == '@') {
			rest = p;
			break;
		}
	struct str host = {rest, (size_t)(end - rest)};
	const char *slash = host.n ? memchr(rest, '/', host.n) : NULL;
	if (slash)
		host.n = (size_t)(slash - rest);
	at = put(out, size, at, host);
	if (!slash)
		return;
	struct str path = {slash, (size_t)(end - slash)};
	if (is_web((struct str){url, (size_t)(mark - url)}))
		put_path(out, size, at, path);
	else
		put(out, size, at, path);
}
