/* path: which declared path a request means. */
#include "../../../reconciler/serve/path.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fixture {
	struct path_table *t;
	struct arena a;
	struct path_match m;
};

static void add(struct fixture *f, const char *method, const char *path)
{
	const struct route_segment *s;
	enum path_method m;
	assert_true(path_method_of(str_of(method), &m));
	struct route_segment *copy = arena_alloc(&f->a, 64 * sizeof *copy);
	size_t n = path_segments(&f->a, path, &s);
	memcpy(copy, s, n * sizeof *s);
	if (n && copy[n - 1].name && copy[n - 1].name[strlen(copy[n - 1].name) - 1] == '?')
		copy[n - 1].optional = true;
	assert_true(path_add(f->t, m, copy, n, arena_printf(&f->a, "%s %s", method, path)));
}

static const char *find(struct fixture *f, const char *method, const char *path)
{
	enum path_method m;
	assert_true(path_method_of(str_of(method), &m));
	enum path_result r = path_find(f->t, m, str_of(path), &f->a, &f->m);
	return r == PATH_FOUND ? f->m.target : r == PATH_OTHER ? "405" : r == PATH_BAD ? "400" : "404";
}

static int up(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	f->t = path_table_new();
	add(f, "GET", "/");
	add(f, "GET", "/health");
	add(f, "GET", "/lock/{id}");
	add(f, "GET", "/lock/all");
	add(f, "POST", "/lock/all");
	add(f, "GET", "/lock/{id}/stats");
	add(f, "GET", "/lock/all/keys");
	add(f, "GET", "/files/{rest*}");
	add(f, "GET", "/page/{n?}");
	add(f, "ANY", "/any/{x}");
	add(f, "GET", "/any/{x}");
	add(f, "DELETE", "/thing/{x}");
	add(f, "POST", "/thing/new");
	*state = f;
	return 0;
}

static int down(void **state)
{
	struct fixture *f = *state;
	path_table_free(f->t);
	arena_fini(&f->a);
	free(f);
	return 0;
}

static void finds(void **state)
{
	static const struct {
		const char *method, *path, *want, *first;
	} rows[] = {
		{"GET", "/", "GET /", NULL},
		{"GET", "/health", "GET /health", NULL},
		{"GET", "/health/", "GET /health", NULL},
		{"GET", "/%68ealth", "GET /health", NULL},
		{"GET", "/health//", "404", NULL},
		{"GET", "//health", "404", NULL},
		{"GET", "health", "404", NULL},
		{"GET", "", "404", NULL},
		{"GET", "/Health", "404", NULL},
		{"POST", "/health", "405", NULL},
		{"GET", "/lock/5", "GET /lock/{id}", "5"},
		{"GET", "/lock/all", "GET /lock/all", NULL},
		{"GET", "/lock/all/", "GET /lock/all", NULL},
		{"POST", "/lock/5", "405", NULL},
		{"GET", "/lock/", "404", NULL},
		{"GET", "/lock/all/stats", "GET /lock/{id}/stats", "all"},
		{"GET", "/lock/all/keys", "GET /lock/all/keys", NULL},
		{"GET", "/lock/a%2Fb", "GET /lock/{id}", "a/b"},
		{"GET", "/lock/a+b", "GET /lock/{id}", "a+b"},
		{"GET", "/lock/%C3%A9", "GET /lock/{id}", "\xC3\xA9"},
		{"GET", "/lock/%C3", "400", NULL},
		{"GET", "/lock/%00", "400", NULL},
		{"GET", "/lock/%4", "400", NULL},
		{"GET", "/lock/%zz", "400", NULL},
		{"GET", "/files/a/b/c", "GET /files/{rest*}", "a/b/c"},
		{"GET", "/files/../../etc/passwd", "GET /files/{rest*}", "../../etc/passwd"},
		{"GET", "/files", "GET /files/{rest*}", ""},
		{"GET", "/page", "GET /page/{n?}", NULL},
		{"GET", "/page/3", "GET /page/{n?}", "3"},
		{"GET", "/page/3/4", "404", NULL},
		{"GET", "/any/1", "GET /any/{x}", "1"},
		{"PATCH", "/any/1", "ANY /any/{x}", "1"},
		{"DELETE", "/thing/new", "DELETE /thing/{x}", "new"},
		{"POST", "/thing/new", "POST /thing/new", NULL},
		{"GET", "/thing/new", "405", NULL},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(find(f, rows[i].method, rows[i].path), rows[i].want);
		if (*rows[i].want < 'A')
			continue;
		assert_int_equal(f->m.n, rows[i].first ? 1 : 0);
		if (rows[i].first)
			assert_true(str_is(f->m.values[0], rows[i].first));
	}
}

static void allows(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(find(f, "GET", "/thing/new"), "405");
	assert_int_equal(f->m.allowed, 1U << PATH_POST | 1U << PATH_DELETE);
}

static void once(void **state)
{
	struct fixture *f = *state;
	const struct route_segment *s;
	size_t n = path_segments(&f->a, "/lock/{other}", &s);
	assert_false(path_add(f->t, PATH_GET, s, n, "again"));
	assert_true(path_add(f->t, PATH_PUT, s, n, "another method"));
}

static void deep(void **state)
{
	struct fixture *f = *state;
	struct buf b = {0};
	for (int i = 0; i < 5000; i++)
		buf_text(&b, "/a");
	assert_string_equal(find(f, "GET", b.p), "404");
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds), cmocka_unit_test(allows), cmocka_unit_test(once), cmocka_unit_test(deep)};
	return cmocka_run_group_tests(tests, up, down);
}
