#include "test/unit/app/languages.h"
#include "common/app/sqltext.h"

/* As Parse gets it, then what is bound: "SELECT $1 | tokenId". */
static char *numbered(const struct sqltext *s)
{
	struct buf b = {0};
	size_t params[32], n;
	sqltext_numbered(s, &b, params, 32, &n);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s%.*s", i ? " " : " | ", s->parts[params[i]].kind == SQL_VALUE ? "=" : "",
			(int)s->parts[params[i]].text.n, s->parts[params[i]].text.p);
	return b.p;
}

static void test_names(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *out;
	} cases[] = {
		{"SELECT 1", "SELECT 1"},
		{"SELECT :a, :b.c,:a", "SELECT $1, $2,$3 | a b.c a"},
		{"SELECT :a::text, x::int", "SELECT $1::text, x::int | a"},
		{"SELECT f(x := :a)", "SELECT f(x := $1) | a"},
		{"SELECT ':a', E'\\':a', ':a''b:c', \":a\", U&':a', U&\":a\" , N':x' , :z",
			"SELECT ':a', E'\\':a', ':a''b:c', \":a\", U&':a', U&\":a\" , N':x' , $1 | z"},
		{"SELECT e'it\\\\' || :a", "SELECT e'it\\\\' || $1 | a"},
		{"SELECT $$:a$$, $t$ $$ :a $t$, $_1$:b$_1$, :c", "SELECT $$:a$$, $t$ $$ :a $t$, $_1$:b$_1$, $1 | c"},
		{"SELECT a$b FROM t$1 WHERE x = :y", "SELECT a$b FROM t$1 WHERE x = $1 | y"},
		{"SELECT 1 -- :a\n, :b /* :c /* :d */ :e */ , :f",
			"SELECT 1 -- :a\n, $1 /* :c /* :d */ :e */ , $2 | b f"},
		{"SELECT a[1 : n], a[1: n]", "SELECT a[1 : n], a[1: n]"},
		{"SELECT x -> :a ->> 'b'", "SELECT x -> $1 ->> 'b' | a"},
		{"SELECT :tx.hash.", "SELECT $1. | tx.hash"},
		{"SELECT :a.*", "SELECT $1.* | a"},
		{"SELECT ${V}", "SELECT $1 | =a value"},
		{"SELECT ${V}::int + ${N}", "SELECT $1::int + $2 | =a value =5"},
		{"SELECT '$${V}'", "SELECT '${V}'"},
		{"SELECT 'a$${V}b$${x'", "SELECT 'a${V}b${x'"},
		{"SELECT $${\"a\": 1}$$::jsonb", "SELECT $${\"a\": 1}$$::jsonb"},
		{"SELECT 1 /* ${V} */", "SELECT 1 /* ${V} */"},
		{"SELECT 1 ; -- the end", "SELECT 1 "},
		{"SELECT 1;", "SELECT 1"},
		{"select :A_b1", "select $1 | A_b1"},
		{"(SELECT 1) UNION (SELECT 2)", "(SELECT 1) UNION (SELECT 2)"},
		{"-- first\nVALUES (:a)", "-- first\nVALUES ($1) | a"},
		{"SELECT 1 WHERE a ~ '\\m(spam)\\M'", "SELECT 1 WHERE a ~ '\\m(spam)\\M'"},
		{"SELECT :\xC3\xA9", "SELECT :\xC3\xA9"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct one_scalar o;
		scalar_begin(&o, cases[i].sql);
		const struct sqltext *s = sqltext_parse(&o.a, &o.s, &o.ps);
		char *problems = said(&o.ps);
		if (!s)
			fail_msg("%s: %s", cases[i].sql, problems);
		char *out = numbered(s);
		if (strcmp(out, cases[i].out) != 0)
			fail_msg("%s gave\n%s", cases[i].sql, out);
		free(out);
		free(problems);
		scalar_end(&o);
	}
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *said;
	} cases[] = {
		{"", "1:1 SQL that says nothing\n"},
		{"-- only this", "1:1 SQL that says nothing\n"},
		{"SELCT 1", "1:1 SQL begins with SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES or WITH; did you mean "
					"SELECT?\n"},
		{"DROP TABLE x", "1:1 SQL begins with SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES or WITH\n"},
		{"'x'", "1:1 SQL begins with SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES or WITH\n"},
		{"SELECT 1; SELECT 2", "1:11 a second statement; one sql holds one statement\n"},
		{"SELECT 1;;", ""},
		{"SELECT a[1:n]", "1:11 a name straight behind \"1\"; a slice is written a[1 : n], a cast x::text\n"},
		{"SELECT f(x):n", "1:12 a name straight behind \")\"; a slice is written a[1 : n], a cast x::text\n"},
		{"SELECT a[1]:n", "1:12 a name straight behind \"]\"; a slice is written a[1 : n], a cast x::text\n"},
		{"SELECT a:n", "1:9 a name straight behind \"a\"; a slice is written a[1 : n], a cast x::text\n"},
		{"SELECT :a.b.c", "1:8 a name has one member, as :tx.hash; JSON below it is taken apart by SQL\n"},
		{"SELECT '${V}'", "1:9 ${V} inside quotes; it is a bound value in SQL: take the quotes away\n"},
		{"SELECT\n \"${V}\"", "2:3 ${V} inside quotes; it is a bound value in SQL: take the quotes away\n"},
		{"SELECT $$ ${V}$$", "1:11 ${V} inside quotes; it is a bound value in SQL: take the quotes away\n"},
		{"SELECT $1", "1:8 SQL takes names, not $1: write :name\n"},
		{"SELECT 'x", "1:8 a quote that is not closed\n"},
		{"SELECT \"x", "1:8 a quote that is not closed\n"},
		{"SELECT $a$x", "1:8 a quote that is not closed\n"},
		{"SELECT E'x\\", "1:8 a quote that is not closed\n"},
		{"SELECT /* x /* */", "1:8 a comment that is not closed\n"},
		{"SELECT ${NONE}", "1:8 NONE is not set; put it into the environment\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct one_scalar o;
		scalar_begin(&o, cases[i].sql);
		sqltext_parse(&o.a, &o.s, &o.ps);
		char *out = said(&o.ps);
		if (strcmp(out, cases[i].said) != 0)
			fail_msg("%s gave\n%s", cases[i].sql, out);
		free(out);
		scalar_end(&o);
	}
}

static void test_reads_only(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool reads;
	} cases[] = {{"SELECT 1", true}, {"values (1)", true}, {"(SELECT 1)", true},
		{"WITH x AS (SELECT 'INSERT') SELECT 1", true},
		{"WITH x AS (DELETE FROM t RETURNING 1) SELECT 1", false},
		{"WITH x AS (SELECT 1) insert into t SELECT 1", false}, {"INSERT INTO t VALUES (1)", false},
		{"UPDATE t SET a = 1", false}, {"DELETE FROM t", false}, {"MERGE INTO t USING x ON a = b", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct one_scalar o;
		scalar_begin(&o, cases[i].sql);
		const struct sqltext *s = sqltext_parse(&o.a, &o.s, &o.ps);
		assert_non_null(s);
		if (s->reads_only != cases[i].reads)
			fail_msg("%s", cases[i].sql);
		scalar_end(&o);
	}
}

/* PostgreSQL's error positions count in the numbered text; they must come out at the word in the file. */
static void test_pos(void **state)
{
	(void)state;
	struct one_scalar o;
	scalar_begin(&o, "SELECT :first,\n  missing(:second) ${V} tail");
	const struct sqltext *s = sqltext_parse(&o.a, &o.s, &o.ps);
	char *text = numbered(s); /* "SELECT $1,\n  missing($2) $3 tail | …" */
	static const struct {
		const char *word;
		int line, col, len;
	} cases[] = {{"SELECT", 1, 1, 6}, {"$1", 1, 8, 6}, {"1,", 1, 8, 6}, {",", 1, 14, 1}, {"missing", 2, 3, 7},
		{"$2", 2, 11, 7}, {"$3", 2, 20, 4}, {"tail", 2, 25, 4}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pos p = sqltext_pos(s, (size_t)(strstr(text, cases[i].word) - text));
		if (p.line != cases[i].line || p.col != cases[i].col || p.len != cases[i].len)
			fail_msg("%s: %d:%d+%d", cases[i].word, p.line, p.col, p.len);
	}
	struct pos p = sqltext_pos(s, 1000);
	assert_int_equal(p.line, 2);
	assert_int_equal(p.col, 29);
	free(text);
	scalar_end(&o);
	scalar_begin(&o, "SELECT :x");
	s = sqltext_parse(&o.a, &o.s, &o.ps);
	p = sqltext_pos(s, 1000);
	assert_int_equal(p.line, 1);
	scalar_end(&o);
}

static void test_columns(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *columns; /* NULL: only PostgreSQL knows */
	} cases[] = {
		{"SELECT a", "a"},
		{"SELECT A, t.B, \"C\", t.\"D\"", "a b C D"},
		{"SELECT 1 AS x, f(a, b) AS \"Y z\", 'l' lit", "x Y z lit"},
		{"SELECT f(x) y, \"c\" d FROM t", "y d"},
		{"SELECT unnest(:ids) AS \"tokenId\"", "tokenId"},
		{"SELECT * FROM unnest(:a, :b) AS t(\"tokenId\", code)", "tokenId code"},
		{"SELECT * FROM unnest(:a) t(x)", "x"},
		{"SELECT * FROM fairlead.board('all') AS t(x)", "x"},
		{"SELECT DISTINCT a, b AS c FROM t ORDER BY 1", "a c"},
		{"SELECT DISTINCT ON (x, y) a FROM t", "a"},
		{"SELECT ALL a FROM t", "a"},
		{"WITH w AS (SELECT 1 AS no) SELECT w.no AS yes FROM w", "yes"},
		{"SELECT a UNION SELECT b", "a"},
		{"SELECT (SELECT count(*) FROM t) AS n, x FROM y", "n x"},
		{"INSERT INTO t (a) VALUES (1) RETURNING id, a AS b", "id b"},
		{"INSERT INTO t SELECT 1 AS x, 2 AS y RETURNING id", "id"},
		{"UPDATE t SET a = 1 RETURNING old.a AS was", "was"},
		{"SELECT CASE WHEN a THEN b END AS c", "c"},
		{"SELECT ${V} AS a, :b::text AS c", "a c"},
		{"SELECT a -- , b\n, c", "a c"},
		{"SELECT \"a\"\"b\"", "a\"b"},
		{"SELECT *", NULL},
		{"SELECT t.* FROM t", NULL},
		{"SELECT * FROM t", NULL},
		{"SELECT * FROM f(1) AS t(x) WHERE x > 1", NULL},
		{"SELECT * FROM f(1)", NULL},
		{"SELECT a + b", NULL},
		{"SELECT count(*)", NULL},
		{"SELECT a::text", NULL},
		{"SELECT 1", NULL},
		{"SELECT CASE WHEN a THEN b END", NULL},
		{"SELECT (a IS NOT NULL)", NULL},
		{"SELECT true", NULL},
		{"SELECT", NULL},
		{"SELECT FROM t", NULL},
		{"SELECT a,", NULL},
		{"VALUES (1, 2)", NULL},
		{"UPDATE t SET a = 1", NULL},
		{"(SELECT a)", NULL},
		{"SELECT f(x) 'y'", NULL},
		{"SELECT 1 AS \"\"", NULL},
		{"SELECT * FROM f(1) AS t(1)", NULL},
		{"SELECT * FROM f(1) AS t(a b)", NULL},
		{"SELECT * FROM f((1) AS t(", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct one_scalar o;
		struct buf b = {0};
		const char **names;
		size_t n;
		scalar_begin(&o, cases[i].sql);
		const struct sqltext *s = sqltext_parse(&o.a, &o.s, &o.ps);
		assert_non_null(s);
		bool sure = sqltext_columns(&o.a, s, &names, &n);
		for (size_t k = 0; k < n; k++)
			buf_printf(&b, "%s%s", k ? " " : "", names[k]);
		if (sure != (cases[i].columns != NULL) || (sure && strcmp(b.p, cases[i].columns) != 0))
			fail_msg("%s gave %s", cases[i].sql, sure ? b.p : "nothing");
		buf_fini(&b);
		scalar_end(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_reads_only), cmocka_unit_test(test_pos), cmocka_unit_test(test_columns)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
