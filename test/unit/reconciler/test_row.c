/* Rows as JSON: their form, and random values against PostgreSQL's own to_jsonb. */
#include "reconciler/serve/row.c"

#include "test/unit/ledger/world.h"

#define ROWS 2000

static struct row_plan plan_of(struct arena *a, const PGresult *r, bool status, bool keyed)
{
	struct row_plan p;
	struct err e = {0};
	struct row_input in[64];
	for (int i = 0; i < PQnfields(r); i++)
		in[i] = (struct row_input){PQfname(r, i), PQftype(r, i), 0};
	if (!row_plan_make(a, in, (size_t)PQnfields(r), status, keyed, &p, &e))
		fail_msg("%s", e.text);
	return p;
}

static void row_is(struct world *w, const char *sql, const char *want)
{
	struct arena a = {0};
	struct buf out = {0};
	struct err e = {0};
	PGresult *r = run_on(w->pg, sql);
	struct row_plan p = plan_of(&a, r, true, false);
	assert_true(row_put(&out, &p, r, 0, &e));
	assert_string_equal(out.p, want);
	PQclear(r);
	buf_fini(&out);
	arena_fini(&a);
}

static void settings(struct world *w)
{
	run(w, "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET bytea_output = hex");
}

static void test_forms(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	settings(&w);
	row_is(&w, "SELECT 1 AS a", "{\"a\":1}");
	row_is(&w, "SELECT 1 AS \"a.b\", 2 AS c, 3 AS \"a.d.e\", 4 AS \"a.d.f\", 5 AS \"a.g\"",
		"{\"a\":{\"b\":1,\"d\":{\"e\":3,\"f\":4},\"g\":5},\"c\":2}");
	row_is(&w, "SELECT 1 AS \"ab.c\", 2 AS \"a.c\", 3 AS \"q\"\"\\x\"",
		"{\"ab\":{\"c\":1},\"a\":{\"c\":2},\"q\\\"\\\\x\":3}");
	row_is(&w, "SELECT 404 AS _status, true AS \"x!\", NULL::int AS n, NULL::text[] AS t",
		"{\"x\":true,\"n\":null,\"t\":null}");
	row_is(&w, "SELECT 200 AS _status", "{}");
	row_is(&w,
		"SELECT 1.50::numeric AS n, 'NaN'::float8 AS x, '-Infinity'::float8 AS y, 1e300::float8 AS z, "
		"'5'::bigint AS b",
		"{\"n\":\"1.50\",\"x\":\"NaN\",\"y\":\"-Infinity\",\"z\":1e+300,\"b\":5}");
	row_is(&w,
		"SELECT '2024-02-03 04:05:06.789999+00'::timestamptz AS a, '2024-02-03 04:05:06.7+00'::timestamptz "
		"AS "
		"b, '2024-02-03'::timestamptz AS c, 'infinity'::timestamptz AS d, '0044-03-15 BC'::timestamptz AS e, "
		"'12024-02-03'::timestamptz AS f",
		"{\"a\":\"2024-02-03T04:05:06.789Z\",\"b\":\"2024-02-03T04:05:06.700Z\",\"c\":\"2024-02-03T00:00:00."
		"000Z\",\"d\":\"infinity\",\"e\":\"0044-03-15 00:00:00+00 BC\",\"f\":\"12024-02-03 00:00:00+00\"}");
	row_is(&w,
		"SELECT '\\x00ff'::bytea AS h, '{\"a\": [1]}'::json AS j, ARRAY['a','b\"c',NULL,'NULL',''] AS t, "
		"'[0:1]={1,2}'::int[] AS o, ARRAY[[1,2],[3,4]] AS m, '{}'::text[] AS e, ARRAY['{\"a\":1}']::jsonb[] "
		"AS "
		"js, ARRAY['\\x01'::bytea] AS bs, ARRAY[box '(1,2),(0,0)', box '(3,4),(0,0)'] AS x",
		"{\"h\":\"0x00ff\",\"j\":{\"a\": "
		"[1]},\"t\":[\"a\",\"b\\\"c\",null,\"NULL\",\"\"],\"o\":[1,2],\"m\":[["
		"1,2],[3,4]],\"e\":[],\"js\":[{\"a\": "
		"1}],\"bs\":[\"0x01\"],\"x\":[\"(1,2),(0,0)\",\"(3,4),(0,0)\"]}");
	world_close(&w);
}

static void test_many_rows(void **state)
{
	(void)state;
	struct world w;
	struct arena a = {0};
	struct buf out = {0};
	struct err e = {0};
	int status;
	world_open(&w);
	PGresult *r =
		run_on(w.pg, "SELECT g AS _key, g * 2 AS n, 300 + g AS _status FROM generate_series(1, 3) g");
	struct row_plan p = plan_of(&a, r, true, true);
	assert_true(row_put_keyed(&out, &p, r, SIZE_MAX, &e));
	assert_string_equal(out.p, "{\"1\":{\"n\":2},\"2\":{\"n\":4},\"3\":{\"n\":6}}");
	buf_clear(&out);
	assert_true(row_put_all(&out, &p, r, SIZE_MAX, &e));
	assert_string_equal(out.p, "[{\"n\":2},{\"n\":4},{\"n\":6}]");
	assert_true(row_status(&p, r, 1, &status) && status == 302);
	PQclear(r);
	r = run_on(w.pg,
		"SELECT 1 AS _key, 5 AS \"a.b!\", 'x' AS t, true AS \"9 c\", 1.5 AS d, 'NaN'::float8 AS e, "
		"1000 AS _status UNION ALL SELECT 1, NULL, 'y', false, NULL, 1, 1");
	p = plan_of(&a, r, true, true);
	assert_false(row_put_keyed(&out, &p, r, SIZE_MAX, &e));
	assert_string_equal(e.text, "two rows have the _key 1");
	assert_false(row_put(&out, &p, r, 1, &e));
	assert_string_equal(e.text, "a.b is null, and its alias says that it never is");
	assert_false(row_status(&p, r, 0, &status) || row_status(&p, r, 1, &status));
	buf_clear(&out);
	row_put_gauges(&out, &p, r, 0);
	assert_string_equal(out.p,
		"# TYPE a_b gauge\na_b 5\n# TYPE _9_c gauge\n_9_c 1\n# TYPE d gauge\nd 1.5\n# TYPE "
		"e gauge\ne NaN\n");
	PQclear(r);
	buf_fini(&out);
	arena_fini(&a);
	world_close(&w);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		struct row_input in[2];
		const char *said;
	} cases[] = {
		{{{"a", 23, 0}, {"a.b", 23, 0}}, "a beside a.b: a key is a value or an object"},
		{{{"a", 23, 0}, {"a!", 23, 0}}, "two columns are called a; give one another name"},
		{{{"a", 23, 0}, {"?column?", 23, 0}}, "column 2 has no name; write AS and one"},
		{{{"_key", 23, 0}, {"b", 23, 0}}, "_key means nothing here; it is of with"},
		{{{"_x", 23, 0}, {"b", 23, 0}}, "the column _x: names that begin with _ are _status and _key"},
		{{{"a..b", 23, 0}, {"b", 23, 0}},
			"the column \"a..b\" has a part without a name; dots nest, as \"a.b\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a = {0};
		struct row_plan p;
		struct err e = {0};
		assert_false(row_plan_make(&a, cases[i].in, 2, true, false, &p, &e));
		assert_string_equal(e.text, cases[i].said);
		arena_fini(&a);
	}
}

#define TEXT                                                                                                 \
	"(SELECT string_agg(CASE (random() * 9)::int WHEN 0 THEN '\"' WHEN 1 THEN E'\\\\' WHEN 2 THEN ',' WHEN " \
	"3 "                                                                                                     \
	"THEN '{' WHEN 4 THEN chr(1 + (random() * 31)::int) WHEN 5 THEN chr(128 + (random() * 50000)::int) "     \
	"WHEN 6 "                                                                                                \
	"THEN ' ' WHEN 7 THEN 'NULL' ELSE chr(33 + (random() * 93)::int) END, '') FROM generate_series(1, "      \
	"(random() * 6)::int) WHERE g > 0)"

/* Every value, whatever it holds, is the JSON that PostgreSQL makes of it, in the forms of GRAMMAR §10. */
static void test_as_postgresql(void **state)
{
	(void)state;
	struct world w;
	struct arena a = {0};
	struct buf out = {0};
	struct err e = {0};
	world_open(&w);
	settings(&w);
	run(&w, "SELECT setseed(0.37)");
	run(&w,
		"CREATE TABLE v AS SELECT g, " TEXT " AS t, ARRAY[" TEXT ", " TEXT ", NULL, " TEXT
		"] AS ts, (random() * "
		"1e18)::bigint - 500000000000000000 AS i, (random() - 0.5) * 10 ^ (random() * 600 - 300) AS f, "
		"(random() - "
		"0.5)::float4 AS r, ((random() - 0.5) * 10 ^ (random() * 40))::numeric AS n, random() < 0.5 AS b, "
		"to_timestamp(random() * 4e9) AS at, ARRAY[to_timestamp(random() * 4e9)] AS ats, "
		"decode(md5(random()::text), 'hex') AS h, ARRAY[decode(md5(random()::text), 'hex'), NULL, ''] AS hs, "
		"to_jsonb(ARRAY[" TEXT "]) AS j, ARRAY[to_jsonb(" TEXT "), '{\"a\":1}'] AS js, ARRAY[ARRAY[random(), "
		"1],ARRAY[2, NULL]] AS fs, (ARRAY[random() < 0.5, NULL])[1:(random() * 2)::int] AS bs, "
		"to_timestamp(random() * 4e9)::timestamp AS l, CASE WHEN random() < 0.3 THEN 5 END AS maybe "
		"FROM generate_series(1, %d) g",
		ROWS);
	PGresult *r = run_on(w.pg, "SELECT * FROM v ORDER BY g");
	struct row_plan p = plan_of(&a, r, false, false);
	assert_true(row_put_all(&out, &p, r, SIZE_MAX, &e));
	const char *params[] = {out.p};
	PGresult *same = PQexecParams(w.pg,
		"SELECT count(*) FILTER (WHERE o = x), min(o::text || ' is not ' || x::text) FILTER (WHERE o <> x) "
		"FROM ("
		"SELECT o, to_jsonb(v) || jsonb_build_object('n', n::text, 'at', to_char(at, "
		"'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), 'ats', ARRAY[to_char(ats[1], "
		"'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')], "
		"'h', '0x' || encode(h, 'hex'), 'hs', ARRAY['0x' || encode(hs[1], 'hex'), NULL, '0x']) AS x FROM v "
		"JOIN "
		"jsonb_array_elements($1::jsonb) o ON (o->>'g')::int = g) q",
		1, NULL, params, NULL, NULL, 0);
	if (PQresultStatus(same) != PGRES_TUPLES_OK)
		fail_msg("%s", PQresultErrorMessage(same));
	if (atoi(PQgetvalue(same, 0, 0)) != ROWS)
		fail_msg("%s", PQgetvalue(same, 0, 1));
	PQclear(same);
	PQclear(r);
	buf_fini(&out);
	arena_fini(&a);
	world_close(&w);
}

/* Bytes that are no UTF-8, and array texts that are cut anywhere: valid JSON, nothing read outside. */
static void test_broken_text(void **state)
{
	(void)state;
	static const char array[] = "{\"a\\\"b\",NULL,{1,\"x\"},y}";
	struct buf out = {0};
	row_put_value(&out, ROW_STRING, false, ',', (struct str){"a\xFF\x01\"", 4});
	assert_string_equal(out.p, "\"a\xEF\xBF\xBD\\u0001\\\"\"");
	for (size_t n = 0; n < sizeof array; n++) {
		char *cut = mem_textn(array, n);
		buf_clear(&out);
		row_put_value(&out, ROW_STRING, true, ',', (struct str){cut, n});
		free(cut);
	}
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_as_postgresql),
		cmocka_unit_test(test_broken_text)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
