/* The SQL of routes against a real PostgreSQL: what is wrong with it, and what it is. */
#include "world.h"

#include "common/ledger/install.h"
#include "common/ledger/routes.h"

static const char head[] =
	"name: shop\nsql: t.sql\nchains: { main: { rpc: \"http://h\" } }\ncontracts:\n  C:\n    address: "
	"\"0x00000000000000000000000000000000000000aa\"\n    abi:\n      - event E(uint256 indexed id, string "
	"code)\n      - "
	"function set(uint256 id, string code)\n      - function info(uint256 id) view returns (address owner, "
	"uint256 n)\n      - function code(uint256 id) view returns (string)\nsigners: { owner: { keyfile: k } "
	"}\n"
	"serve: { auth: { jwt: { jwt: \"${J:-}\" } } }\nbatches: { b: { key: id, max: 1, send: \"C.set(id, "
	"code)\" } }\n"
	"rules:\n  - { on: C.E, batch: b }\nroutes:\n";
static const char tables[] =
	"CREATE TABLE t (id bigint PRIMARY KEY, big numeric NOT NULL, name text, raw bytea NOT NULL, at "
	"timestamptz NOT NULL, tags text[], mood jsonb);"
	"CREATE TABLE u (t bigint PRIMARY KEY REFERENCES t, note text NOT NULL);"
	"CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE m (id int PRIMARY KEY, m mood NOT NULL, ms "
	"mood[])";

struct file {
	const char *text;
};

static const char *no_env(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return NULL;
}

static bool read_file(void *arg, const char *path, struct buf *out, struct err *e)
{
	const struct file *f = arg;
	(void)e;
	buf_text(out, strcmp(path, "t.sql") == 0 ? tables : strcmp(path, "k") == 0 ? "46" : f->text);
	return true;
}

static struct config *load(const char *routes)
{
	struct buf text = {0};
	buf_printf(&text, "%s%s", head, routes);
	struct file f = {text.p};
	struct config_source src = {.arg = &f, .env = no_env, .read = read_file, .keyless = true};
	struct problems ps = {0};
	struct config *c = config_load("f.yaml", &src, &ps);
	if (!c) {
		problems_print(&ps, stderr, false, "");
		fail();
	}
	problems_fini(&ps);
	buf_fini(&text);
	return c;
}

/* "line:col text" of each problem of the routes; free() it. */
static char *said(struct world *w, const char *routes)
{
	struct config *c = load(routes);
	struct problems ps = {0};
	struct err e = {0};
	struct buf out = {0};
	enum install_result got = install(c, w->conninfo, INSTALL_CHECK, &ps, &e);
	if (got != INSTALL_DONE && got != INSTALL_PROBLEMS)
		fail_msg("%s", e.text);
	int lines = 0;
	for (const char *p = head; *p; p++)
		lines += *p == '\n';
	buf_text(&out, "");
	for (size_t i = 0; i < ps.n; i++)
		buf_printf(&out, "%d:%d %s\n", ps.list[i].at.line - lines, ps.list[i].at.col, ps.list[i].text);
	problems_fini(&ps);
	config_free(c);
	return out.p;
}

static void test_problems(void **state)
{
	(void)state;
	static const struct {
		const char *routes, *said;
	} cases[] = {
		{"  GET /a: { one: SELECT 1 AS x }\n", ""},
		{"  GET /a: { one: SELECT nme FROM t }\n", "1:25 PostgreSQL can't prepare this: column \"nme\" does"},
		{"  GET /a/{id}: { one: \"SELECT 1 AS x, 2 AS x, 3, 4 AS \\\"a.b\\\", 5 AS a\" }\n",
			"1:23 two columns are called x; give one another name\n1:23 column 3 has no name; write AS and "
			"one\n1:23 a.b beside a: a key is a value or an object\n"},
		{"  GET /a: { one: 'SELECT 1 AS _status, 2 AS _key, 3 AS _x, 4 AS \"a..b\"' }\n",
			"1:18 _key means nothing here; it is of with\n1:18 the column _x: names that begin with _ are "
			"_status and _key\n1:18 the column \"a..b\" has a part without a name; dots nest, as \"a.b\"\n"},
		{"  GET /a: { all: SELECT 1 AS _status }\n",
			"1:18 _status means nothing here; it is of one, else, refuse and reply\n"},
		{"  GET /a: { one: SELECT 1 AS x, with: { w: \"SELECT 1 AS _key, 2 AS _status\" } }\n",
			"1:44 _status means nothing here; it is of one, else, refuse and reply\n"},
		{"  GET /a: { one: SELECT 1 AS "
		 "x2345678901234567890123456789012345678901234567890123456789012345 }\n",
			"1:18 a name in it is longer than 63 bytes; PostgreSQL would cut it\n"},
		{"  \"GET /a/{id}\": { one: SELECT id FROM t WHERE id = :id + now() }\n",
			"1:57 PostgreSQL can't prepare this: operator does not exist"},
		{"  POST /a: { do: [ { let: \"SELECT 1 AS n\" }, { reply: \"SELECT :n AS x, nope\" } ] }\n",
			"1:72 PostgreSQL can't prepare this: column \"nope\" does"},
		{"  POST /a: { do: [ { sql: DELETE FROM t }, { reply: UPDATE t SET name = 'x' } ] }\n",
			"1:53 this gives no columns; nothing can be answered with it\n"},
		{"  POST /a: { body: { id: string, code: string }, do: [ { batch: b }, { reply: SELECT 1 AS x } ] "
		 "}\n",
			"1:58 POST /a gives the batch b :id as text, and rule0 as numeric; cast one of them in its "
			"each\n"},
	};
	struct world w;
	int failed = 0;
	world_open(&w);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *got = said(&w, cases[i].routes);
		size_t n = strlen(cases[i].said);
		if (strncmp(got, cases[i].said, n) != 0 || (n && cases[i].said[n - 1] == '\n' && got[n]) ||
			(!n && *got))
			print_error("%sgave\n%s", cases[i].routes, got), failed++;
		free(got);
	}
	world_close(&w);
	assert_int_equal(failed, 0);
}

static const char *type_name(struct world *w, unsigned oid)
{
	static char text[4][64];
	static int at;
	char sql[64];
	snprintf(sql, sizeof sql, "SELECT %u::regtype", oid);
	PGresult *r = run_on(w->pg, sql);
	at = (at + 1) % 4;
	snprintf(text[at], sizeof text[at], "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return text[at];
}

/* "id:bigint! name:text" and "$id:bigint" of a shape. */
static void shape_is(struct world *w, const struct sql_shape *s, const char *params, const char *columns)
{
	struct buf b = {0};
	buf_text(&b, "");
	for (size_t i = 0; i < s->nparams; i++)
		buf_printf(&b, "%s%.*s:%s%s", i ? " " : "", (int)s->params[i].part->text.n, s->params[i].part->text.p,
			type_name(w, s->params[i].type),
			s->params[i].declared ? "="
			: s->params[i].hex    ? "x"
								  : "");
	assert_string_equal(b.p, params);
	buf_clear(&b);
	buf_text(&b, "");
	for (size_t i = 0; i < s->ncolumns; i++)
		buf_printf(&b, "%s%s:%s%s", i ? " " : "", s->columns[i].name, type_name(w, s->columns[i].type),
			s->columns[i].never_null ? "!" : "");
	assert_string_equal(b.p, columns);
	buf_fini(&b);
}

static void test_shapes(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	struct config *c = load(
		"  \"GET /a/{id}\":\n    auth: jwt\n    call: { i: C.info(5), k: C.code(5), h: hash32(id) }\n    "
		"one: SELECT id, "
		"big, "
		"name, raw, tags, :i.owner AS o, :i AS i FROM t WHERE id = :id AND raw = :h AND name = :auth.sub AND "
		"big = :i.n\n    else: SELECT 404 AS _status, :k AS k\n    with: { w: \"SELECT u.note, t.at, n.note "
		"AS "
		"other FROM u JOIN t ON t.id = u.t LEFT JOIN u n ON n.t = t.id\", v: \"SELECT note FROM u UNION ALL "
		"SELECT NULL\", x: \"SELECT u.note FROM u JOIN t ON t.id = u.t WHERE EXISTS (SELECT FROM m)\" }\n"
		"  GET /b:\n    params: { ids: { type: array, items: uint256 }, n: number, a: { type: array, items: "
		"address } }\n    all: SELECT unnest(:ids) AS i, :n + 1 AS n, m, ms FROM m WHERE :a IS NOT NULL\n"
		"  POST /c:\n    body: { id: uint256, code: string, sig: bytes65 }\n    do:\n      - { let: \"SELECT "
		"id "
		"AS tid, raw AS bytes FROM t WHERE id = :id\", else: SELECT 404 AS _status }\n      - { verify: sig, "
		"by: code, message: code, as: good }\n      - { sql: \"INSERT INTO t (id, raw, big) VALUES (:tid, "
		":bytes, :job.id)\" }\n      - { send: \"C.set(id, code)\", as: sent }\n      - { reply: \"SELECT "
		":good "
		"AND true AS good, :sent.block + 1 AS b\" }\n");
	struct problems ps = {0};
	struct err e = {0};
	if (install(c, w.conninfo, INSTALL_FOR_REAL, &ps, &e) != INSTALL_DONE)
		problems_print(&ps, stderr, false, e.text);
	assert_int_equal(ps.n, 0);
	struct arena a = {0};
	struct route_shape *s;
	struct sql_types types;
	if (!routes_look(c, w.conninfo, &a, &s, &types, &e))
		fail_msg("%s", e.text);
	shape_is(&w, &s[0].one, "i.owner:textx i:jsonb= id:bigint h:byteax auth.sub:text i.n:numeric",
		"id:bigint! big:numeric! name:text raw:bytea! tags:text[] o:text i:jsonb");
	shape_is(&w, &s[0].otherwise, "k:text", "_status:integer k:text");
	shape_is(&w, &s[0].with[0], "", "note:text at:timestamp with time zone other:text");
	shape_is(&w, &s[0].with[1], "", "note:text");
	shape_is(&w, &s[0].with[2], "", "note:text!");
	shape_is(&w, &s[1].all, "ids:numeric[]= n:integer a:text[]=", "i:numeric n:integer m:mood! ms:mood[]");
	assert_string_equal(type_name(&w, s[1].all.columns[3].elem), "mood");
	assert_int_equal(types.n, 1);
	assert_int_equal(types.list[0].elem, s[1].all.columns[3].elem);
	shape_is(&w, &s[2].steps[0].sql, "id:bigint", "tid:bigint! bytes:bytea!");
	shape_is(&w, &s[2].steps[2].sql, "tid:bigint bytes:byteax job.id:numeric", "");
	shape_is(&w, &s[2].steps[4].sql, "good:boolean sent.block:integer", "good:boolean b:integer");
	arena_fini(&a);
	config_free(c);
	problems_fini(&ps);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_problems), cmocka_unit_test(test_shapes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
