#define _GNU_SOURCE /* memmem */
#include "common/app/expand.h"
#include "common/app/sqltext.h"
#include "common/base/err.h"

/* Any text as SQL of the configuration. What is pasted is the text itself, piece by piece and in order; every
 * place of the numbered text is a place of the file; the look at its columns ends. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *env(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "V") == 0 ? "'; DROP TABLE t; --" : NULL;
}

static void check(struct arena *a, const struct sqltext *s)
{
	struct buf b = {0};
	size_t *params = arena_alloc(a, (s->nparts + 1) * sizeof *params), n, names;
	const char **columns;
	const char *last = s->source.p;
	for (size_t i = 0; i < s->nparts; i++)
		if (s->parts[i].kind == SQL_TEXT) {
			must(s->parts[i].text.p >= last &&
				 s->parts[i].text.p + s->parts[i].text.n <= s->source.p + s->source.n);
			last = s->parts[i].text.p + s->parts[i].text.n;
		}
	sqltext_numbered(s, &b, params, s->nparts, &n);
	must(b.n == 0 || !strstr(b.p, "DROP TABLE") || memmem(s->source.p, s->source.n, "DROP TABLE", 10));
	for (size_t i = 0; i < n; i++)
		must(s->parts[params[i]].kind != SQL_TEXT);
	for (size_t i = 0; i <= b.n; i++) {
		struct pos p = sqltext_pos(s, i);
		must(p.line >= 1 && p.col >= 1 && p.len >= 1);
	}
	if (!sqltext_columns(a, s, &columns, &names))
		must(names == 0);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct problems ps = {0};
	struct scalar s = {.at = {"f", 1, 1, 1}, .text = {arena_textn(&a, (const char *)data, size), size}};
	struct place *places = arena_alloc(&a, (size + 1) * sizeof *places);
	for (size_t i = 0; i <= size; i++)
		places[i] = (struct place){1, (int)i + 1};
	s.places = places;
	struct vars v = {.a = &a, .ps = &ps, .env = env};
	expand(&v, &s, USE_OPEN);
	size_t before = ps.n;
	const struct sqltext *sql = sqltext_parse(&a, &s, &ps);
	must((sql == NULL) == (ps.n > before));
	if (sql)
		check(&a, sql);
	problems_fini(&ps);
	arena_fini(&a);
	return 0;
}
