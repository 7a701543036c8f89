#include "common/base/mem.h"
#include "common/io/http_in.h"

#include <stdlib.h>
#include <strings.h>

#include <zlib.h>

enum {
	LEVEL = 4, /* of 9 */
	WINDOW_GZIP = 15 + 16,
	MEMORY = 8,
};

struct http_gzip {
	z_stream z;
};

/* ── Accept-Encoding (RFC 9110 section 12.5.3) ─────────────────────────────────────────────────────────── */

static struct str trim(struct str s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Cuts what stands before c off *s; all of it when c is not there. */
static struct str cut(struct str *s, char c)
{
	const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
	struct str part = {s->p, at ? (size_t)(at - s->p) : s->n};
	*s = at ? (struct str){at + 1, s->n - part.n - 1} : (struct str){s->p + s->n, 0};
	return trim(part);
}

static bool str_is_any_case(struct str s, const char *name)
{
	return s.n == strlen(name) && strncasecmp(s.p, name, s.n) == 0;
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths; -1: none of these. */
static int weight(struct str q)
{
	if (q.n == 0 || q.n > 5 || (q.p[0] != '0' && q.p[0] != '1') || (q.n > 1 && q.p[1] != '.'))
		return -1;
	int v = 0, unit = 100;
	for (size_t i = 2; i < q.n; i++, unit /= 10) {
		if (q.p[i] < '0' || q.p[i] > '9')
			return -1;
		v += (q.p[i] - '0') * unit;
	}
	if (q.p[0] == '1')
		return v == 0 ? 1000 : -1;
	return v;
}

bool http_gzip_accepted(struct str list)
{
	int gzip = -1, any = -1, identity = -1;
	while (list.n) {
		struct str item = cut(&list, ',');
		struct str coding = cut(&item, ';');
		int w = 1000;
		while (item.n) {
			struct str value = cut(&item, ';');
			struct str name = cut(&value, '=');
			if (str_is_any_case(name, "q"))
				w = weight(trim(value));
		}
		if (w < 0)
			continue; /* a weight that is none: the coding was not named well enough to be used */
		if (str_is_any_case(coding, "gzip") || str_is_any_case(coding, "x-gzip"))
			gzip = w;
		else if (str_is(coding, "*"))
			any = w;
		else if (str_is_any_case(coding, "identity"))
			identity = w;
	}
	int w = gzip >= 0 ? gzip : any;
	return w > 0 && w >= identity;
}

bool http_takes_gzip(const struct http_request *q)
{
	return http_gzip_accepted(http_header(q, "Accept-Encoding"));
}

/* ── packing, with one state for all ───────────────────────────────────────────────────────────────────── */

bool http_gzip_pack(struct http_gzip **g, struct buf *out, struct str body)
{
	if (!*g) {
		*g = mem_alloc(sizeof **g);
		must(deflateInit2(&(*g)->z, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK);
	}
	z_stream *z = &(*g)->z;
	must(body.n <= UINT32_MAX / 2 && deflateReset(z) == Z_OK);
	buf_clear(out);
	z->next_in = (Bytef *)(uintptr_t)body.p;
	z->avail_in = (uInt)body.n;
	z->next_out = (Bytef *)buf_room(out, body.n);
	z->avail_out = (uInt)body.n;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return false; /* not smaller than it was */
	out->n = body.n - z->avail_out;
	return true;
}

void http_gzip_free(struct http_gzip *g)
{
	if (g)
		deflateEnd(&g->z);
	free(g);
}
