/* openapi: what the document says of each form of a declaration, without a server. Its validity as a whole is
 * judged by a public validator in the scenario O-01. */
#include "reconciler/serve/openapi.c"
#include "reconciler/serve/openapi_answer.c"
#include "reconciler/serve/openapi_schema.c"
#include "reconciler/serve/json.c"
#include "reconciler/serve/problem.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* ── declarations by hand ── */

static const struct sqltext sql = {.nparts = 0};
static const struct route_segment at_things[] = {{.word = "api"}, {.word = "v1"}, {.word = "things"}},
								  at_maybe[] = {{.word = "maybe"}, {.name = "id", .optional = true}},
								  at_a[] = {{.word = "x-y"}, {.name = "a"}},
								  at_b[] = {{.word = "x-y"}, {.name = "b"}},
								  at_rest[] = {{.word = "files"}, {.name = "rest", .rest = true}};
static const struct field_decl maybe_params[] = {{.name = "id", .in_path = true, .optional = true}},
							   a_params[] = {{.name = "a", .in_path = true}},
							   b_params[] = {{.name = "b", .in_path = true}},
							   rest_params[] = {{.name = "rest", .in_path = true}};

#define PATH(s)   .segments = s, .nsegments = sizeof s / sizeof *s
#define PARAMS(p) .params = p, .nparams = sizeof p / sizeof *p

struct made {
	struct buf text;
	struct config c;
	struct plan_set plans;
};

static struct str example(void *arg, const struct route_decl *r)
{
	(void)r;
	return str_of(arg);
}

static struct str no_value(void *arg, const struct route_decl *r, const char *param)
{
	(void)arg;
	(void)r;
	return text_is(param, "id") ? STR("7") : (struct str){NULL, 0};
}

/* Well formed, each time. */
static const char *write_doc(struct made *m, const struct route_decl *routes, size_t n,
	const struct route_plan *plans, enum openapi_version v)
{
	struct err e = {0};
	m->c.name = "app";
	m->c.routes = routes;
	m->c.nroutes = n;
	m->plans = (struct plan_set){.routes = (struct route_plan *)(uintptr_t)plans, .n = n};
	struct openapi_source src = {.config = &m->c,
		.plans = plans ? &m->plans : NULL,
		.example = example,
		.value = no_value,
		.arg = (void *)(uintptr_t) "{\"n\":1}"};
	buf_clear(&m->text);
	openapi_write(&m->text, &src, v);
	if (!json_check((struct str){m->text.p, m->text.n}, 64, &e))
		fail_msg("%s: %s", e.text, m->text.p);
	return m->text.p;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("%s in %s", part, text);
}

/* ── paths and names ── */

static void test_paths(void **state)
{
	(void)state;
	struct made m = {0};
	const struct route_decl routes[] = {
		{.index = 0, .method = "GET", PATH(at_things), .all = &sql},
		{.index = 1, .method = "GET", PATH(at_maybe), PARAMS(maybe_params), .one = &sql},
		{.index = 2, .method = "ANY", PATH(at_a), PARAMS(a_params), .one = &sql, .name = "any"},
		{.index = 3, .method = "POST", PATH(at_b), PARAMS(b_params), .name = "add"},
		{.index = 4, .method = "GET", PATH(at_rest), PARAMS(rest_params), .one = &sql, .name = "getThings"},
	};
	const char *t = write_doc(&m, routes, 5, NULL, OPENAPI_3_1);
	has(t, "\"/api/v1/things\":{\"get\":{\"operationId\":\"getThings_2\",\"tags\":[\"things\"]");
	has(t, "\"/maybe\":{\"get\":{\"operationId\":\"getMaybe\",\"tags\":[\"maybe\"],\"parameters\":[]");
	has(t, "\"/maybe/{id}\":{\"get\":{\"operationId\":\"getMaybeById\"");
	has(t, "\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"},\"example\":"
		   "\"7\"");
	has(t, "\"operationId\":\"any_get\"");
	has(t, "\"post\":{\"operationId\":\"add\",\"tags\":[\"x-y\"],\"parameters\":[{\"name\":\"a\"");
	has_not(t, "any_post");
	has_not(t, "/x-y/{b}");
	has(t, "\"description\":\"The rest of the path, slashes too\"");
	has(t, "\"operationId\":\"getThings\"");
	has(t, "\"tags\":[{\"name\":\"things\"},{\"name\":\"maybe\"},{\"name\":\"x-y\"},{\"name\":\"files\"}]");
	has_not(t, "x-asyncapi");
	has_not(t, "securitySchemes");
	buf_fini(&m.text);
}

/* ── fields ── */

static const char *const colours[] = {"\"red\"", "\"blue\""};
static const struct field_decl item = {.name = "", .type = FIELD_INT};
static const struct field_decl body[] = {
	{.name = "id", .type = FIELD_UINT256},
	{.name = "i", .type = FIELD_INT, .optional = true, .min = "1", .max = "9"},
	{.name = "s", .type = FIELD_STRING, .min = "2", .otherwise = "\"ab\""},
	{.name = "c", .type = FIELD_STRING, .optional = true, .one_of = colours, .n_one_of = 2},
	{.name = "l", .type = FIELD_ARRAY, .items = &item, .max = "3"},
	{.name = "any", .type = FIELD_ARRAY},
	{.name = "eth", .type = FIELD_UNITS, .decimals = 6, .min = "0.1", .max = "5"},
	{.name = "wei", .type = FIELD_UNITS},
	{.name = "m", .type = FIELD_STRING, .match = "^(?=a)\\d+$"},
	{.name = "p", .type = FIELD_STRING, .match = "(?i)^a++$"},
	{.name = "b64", .type = FIELD_BASE64},
};
static const struct field_decl query[] = {
	{.name = "o", .type = FIELD_OBJECT, .optional = true},
	{.name = "l", .type = FIELD_ARRAY, .optional = true},
	{.name = "user", .type = FIELD_STRING, .header = "Idempotency-Key"},
};

static void test_fields(void **state)
{
	(void)state;
	struct made m = {0};
	const struct route_decl routes[] = {{.method = "POST",
		PATH(at_things),
		PARAMS(query),
		.body = body,
		.nbody = sizeof body / sizeof *body,
		.has_body = true,
		.once = "idempotency-key"}};
	const char *t = write_doc(&m, routes, 1, NULL, OPENAPI_3_1);
	has(t, "\"id\":{\"type\":\"string\",\"format\":\"uint256\",\"pattern\":\"^([0-9]{1,78}|0x[0-9a-fA-F]{1,"
		   "64})$\"");
	has(t, "\"i\":{\"type\":[\"integer\",\"null\"],\"format\":\"int64\",\"minimum\":1,\"maximum\":9}");
	has(t, "\"s\":{\"type\":\"string\",\"minLength\":2,\"default\":\"ab\"}");
	has(t, "\"c\":{\"type\":[\"string\",\"null\"],\"enum\":[\"red\",\"blue\",null]}");
	has(t, "\"l\":{\"type\":\"array\",\"maxItems\":3,\"items\":{\"type\":\"integer\",\"format\":\"int64\"}}");
	has(t, "\"any\":{\"type\":\"array\",\"items\":{}}");
	has(t, "\"pattern\":\"^(0|[1-9][0-9]{0,71})(\\\\.[0-9]{1,6})?$\",\"description\":\"at least 0.1; at most "
		   "5\"");
	has(t, "\"wei\":{\"type\":\"string\",\"format\":\"decimal\",\"pattern\":\"^(0|[1-9][0-9]{0,77})$\"}");
	has(t, "\"m\":{\"type\":\"string\",\"pattern\":\"^(?=a)\\\\d+$\"}");
	has(t, "\"p\":{\"type\":\"string\",\"description\":\"matches the expression (PCRE2) (?i)^a++$\"}");
	has(t, "\"contentEncoding\":\"base64\"");
	has(t, "\"required\":[\"id\",\"l\",\"any\",\"eth\",\"wei\",\"m\",\"p\",\"b64\"]}");
	has(t,
		"\"name\":\"o\",\"in\":\"query\",\"required\":false,\"content\":{\"application/json\":{\"schema\":");
	has(t, "\"name\":\"l\",\"in\":\"query\",\"required\":false,\"style\":\"form\",\"explode\":true");
	has(t, "\"name\":\"user\",\"in\":\"query\",\"required\":false");
	has(t, "\"name\":\"Idempotency-Key\",\"in\":\"header\"");
	has_not(t, "\"name\":\"idempotency-key\""); /* named once: header names have no case */
	t = write_doc(&m, routes, 1, NULL, OPENAPI_3_0);
	has(t, "\"openapi\":\"3.0.3\"");
	has(t, "\"i\":{\"type\":\"integer\",\"nullable\":true");
	has_not(t, "contentEncoding");
	has_not(t, "\"null\"");
	buf_fini(&m.text);
}

static void test_expressions(void **state)
{
	(void)state;
	static const char *const yes[] = {"^a$", "(?:a)", "(?!a)", "(?<=a)b", "\\\\A", "\\w\\+", "a+?",
		"[a-z]{2}"},
							 *const no[] = {"\\Aa", "a\\z", "(?i)a", "(?<n>a)", "(?>a)", "(*UTF)a",
								 "[[:alpha:]]", "a*+", "a{2}+", "\\Qa\\E", "(?"};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(is_ecma(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(is_ecma(no[i]));
}

/* ── answers ── */

static const struct plan_column columns[] = {
	{.name = "a.b", .type = 23, .kind = ROW_NUMBER, .nullable = true},
	{.name = "c", .type = 1700, .kind = ROW_NUMERIC},
	{.name = "a.d", .type = 1009, .elem = 25, .array = true},
	{.name = "j", .type = 3802, .kind = ROW_JSON, .nullable = true},
	{.name = "h", .type = 17, .kind = ROW_HEX},
	{.name = "t", .type = 1184, .kind = ROW_TIME},
	{.name = "f", .type = 701, .kind = ROW_NUMBER},
	{.name = "y", .type = 16, .kind = ROW_BOOL},
};
static const struct plan_column why_column[] = {{.name = "why", .type = 25}};
#define ROW(c) .sql = &sql, .columns = c, .ncolumns = sizeof c / sizeof *c
static const char row_schema[] =
	"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":["
	"\"integer\","
	"\"null\"],\"format\":\"int32\"},\"d\":{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"]}}},"
	"\"required\":["
	"\"b\",\"d\"]},\"c\":{\"type\":\"string\",\"format\":\"decimal\"},\"j\":{\"description\":\"any "
	"JSON\"},\"h\":{\"type\":\"string\",\"pattern\":\"^0x([0-9a-f]{2})*$\"},\"t\":{\"type\":\"string\","
	"\"format\":\"date-"
	"time\"},\"f\":{\"type\":\"number\",\"format\":\"double\"},\"y\":{\"type\":\"boolean\"}},\"required\":["
	"\"a\",\"c\",\"j\","
	"\"h\",\"t\",\"f\",\"y\"]}";
static const char why_schema[] =
	"{\"type\":\"object\",\"properties\":{\"why\":{\"type\":\"string\"}},\"required\":[\"why\"]}";

static void test_one(void **state)
{
	(void)state;
	struct made m = {0};
	struct plan_sql with[] = {
		{ROW(why_column), .name = "list"}, {.sql = &sql, .name = "keyed", .has_key = true}};
	struct route_decl r = {.method = "GET", PATH(at_things), .one = &sql};
	struct route_plan p = {.route = &r, .one = {ROW(columns)}};
	const char *t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has(t, row_schema);
	has(t, "\"example\":{\"n\":1}");
	has(t, "\"text/plain\"");
	has(t, "\"404\":{\"$ref\":\"#/components/responses/Trouble\"}");
	has(t, "\"503\":{\"$ref\":\"#/components/responses/NotNow\"}");
	has(t, "\"default\":{\"$ref\":\"#/components/responses/Trouble\"}");

	p.with = with;
	p.nwith = 2;
	t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has(t, "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"why\"");
	has(t, "\"keyed\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\"}}");
	has(t, "\"y\",\"list\",\"keyed\"]");

	/* any status: the good answer and the rest, which has no statuses of its own */
	p.one.has_status = true;
	t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has_not(t, "\"404\"");
	has_not(t, "\"503\"");
	has(t, "\"default\":{\"description\":\"The route's own answer to this, or what is wrong\"");
	buf_fini(&m.text);
}

static void test_otherwise(void **state)
{
	(void)state;
	struct made m = {0};
	struct route_decl r = {
		.method = "GET", PATH(at_things), .one = &sql, .otherwise = &sql, .schema = "Thing"};
	struct route_plan p = {.route = &r, .one = {ROW(why_column)}, .otherwise = {ROW(columns)}};
	const char *t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has(t, "\"schema\":{\"$ref\":\"#/components/schemas/Thing\"}");
	has(t, "\"Thing\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"why\"");
	has(t, row_schema);
	has_not(t, "\"404\"");
	buf_fini(&m.text);
}

static const struct json_part lost_parts[] = {{.text = STR("{\"up\":")},
	{.is_name = true, .value = true, .text = STR("up.redis")}, {.text = STR(",\"at\":")},
	{.is_name = true, .value = true, .text = STR("now")}, {.text = STR(",\"since\":")},
	{.is_name = true, .value = true, .text = STR("uptime")}, {.text = STR(",\"text\":\"at ")},
	{.is_name = true, .text = STR("now")}, {.text = STR("\",\"n\":1,\"z\":null,\"y\":true,\"l\":[1]}")}};
static const struct json_decl lost = {lost_parts, sizeof lost_parts / sizeof *lost_parts, {0}};
static const struct json_part wrap_parts[] = {
	{.text = STR("{\"data\":")}, {.is_name = true, .value = true, .text = STR("body")}, {.text = STR("}")}};
static const struct json_decl wrap = {wrap_parts, 3, {0}};
static const struct json_part error_parts[] = {{.text = STR("{\"code\":")},
	{.is_name = true, .value = true, .text = STR("status")}, {.text = STR(",\"message\":")},
	{.is_name = true, .value = true, .text = STR("detail")}, {.text = STR(",\"at\":")},
	{.is_name = true, .value = true, .text = STR("now")}, {.text = STR("}")}};
static const struct json_decl errors = {error_parts, sizeof error_parts / sizeof *error_parts, {0}};

static void test_shapes(void **state)
{
	(void)state;
	struct made m = {0};
	struct route_decl r = {
		.method = "GET", PATH(at_things), .all = &sql, .lost = &lost, .wrap = &wrap, .cache_ms = 5};
	struct route_plan p = {.route = &r, .all = {ROW(why_column)}};
	const char *t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has(t,
		"{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"array\",\"items\":{\"type\":\"object\"");
	has(t, "\"503\":{\"description\":\"The route's own answer to this, or what is "
		   "wrong\",\"content\":{\"application/json\":{"
		   "\"schema\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"up\":{\"type\":\"boolean\"},\"at\":"
		   "{\"type\":"
		   "\"string\",\"format\":\"date-time\"},\"since\":{\"type\":\"number\"},\"text\":{\"type\":"
		   "\"string\"},\"n\":{\"type\":"
		   "\"number\"},\"z\":{},\"y\":{\"type\":\"boolean\"},\"l\":{\"type\":\"array\",\"items\":{}}}");
	has(t, "\"304\"");
	has(t, "\"ETag\"");
	has_not(t, "\"404\"");

	/* the application's own errors: of the same type as its answers */
	m.c.serve.errors = &errors;
	t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has(t,
		"\"Trouble\":{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"integer\"},\"message\":{"
		"\"type\":\"string\"},"
		"\"at\":{\"type\":\"string\",\"format\":\"date-time\"}},\"required\":[\"code\",\"message\",\"at\"]}");
	has(t, "]},{\"$ref\":\"#/components/schemas/Trouble\"}]}}}");
	has_not(t, "application/problem+json");
	buf_fini(&m.text);
}

static void test_steps(void **state)
{
	(void)state;
	struct made m = {0};
	static const struct auth_decl auth[] = {{.name = "admin"}, {.name = "user", .is_jwt = true}};
	static const struct auth_decl *const both[] = {&auth[0], &auth[1]};
	static const struct limit_decl limit = {.by = "request.ip"};
	static const struct ws_decl ws = {.path = "/ws"};
	struct request_step steps[] = {{.verb = REQ_LET, .sql = &sql}, {.verb = REQ_REFUSE, .sql = &sql},
		{.verb = REQ_SEND, .otherwise = &sql}, {.verb = REQ_CALL, .lost = &sql},
		{.verb = REQ_REPLY, .sql = &sql}, {.verb = REQ_REFUSE, .sql = &sql}};
	struct plan_step made[6] = {[1] = {.sql = {ROW(why_column)}},
		[2] = {.otherwise = {ROW(why_column)}},
		[3] = {.lost = {ROW(why_column)}},
		[4] = {.sql = {ROW(columns)}},
		[5] = {.sql = {ROW(columns), .has_status = true}}};
	struct route_decl r = {.method = "POST",
		PATH(at_things),
		.steps = steps,
		.nsteps = 6,
		.auth = both,
		.nauth = 2,
		.limits = &limit,
		.nlimits = 1,
		.once = "Key",
		.has_body = true};
	struct route_plan p = {.route = &r, .steps = made, .nsteps = 6};
	m.c.serve.auths = auth;
	m.c.serve.nauths = 2;
	m.c.serve.ws = &ws;
	m.c.serve.nws = 1;
	const char *t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has(t, row_schema);
	for (const char *const *s = (const char *const[]){"400", "500", "503", NULL}; *s; s++) {
		char part[300];
		snprintf(part, sizeof part,
			"\"%s\":{\"description\":\"The route's own answer to this, or what is wrong\",\"content\":{"
			"\"application/json\":{\"schema\":{\"anyOf\":[%s]}}",
			*s, why_schema);
		has(t, part);
	}
	has(t, "\"401\":{\"$ref\":\"#/components/responses/NotLetIn\"}");
	has(t, "\"429\":{\"$ref\":\"#/components/responses/TooMany\"}");
	for (const char *const *s = (const char *const[]){"404", "406", "409", "413", "415", "422", NULL}; *s;
		 s++)
		has(t, arena_printf(&m.plans.mem, "\"%s\":{\"$ref\"", *s));
	has(t, "\"security\":[{\"admin\":[]},{\"user\":[]}]");
	has(t, "\"user\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}");
	has(t, "\"RateLimit\"");
	has(t, "\"x-asyncapi\":\"/asyncapi.json\"");
	has_not(t, "\"example\":{\"n\":1}"); /* not of a route with auth */
	has_not(t, "\"text/plain\"");
	arena_fini(&m.plans.mem);

	r.nsteps = p.nsteps = 4; /* no reply */
	t = write_doc(&m, &r, 1, &p, OPENAPI_3_1);
	has(t, "\"204\":{\"description\":\"Done\"}");
	has_not(t, "\"200\"");
	arena_fini(&m.plans.mem);
	buf_fini(&m.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths), cmocka_unit_test(test_fields),
		cmocka_unit_test(test_expressions), cmocka_unit_test(test_one), cmocka_unit_test(test_otherwise),
		cmocka_unit_test(test_shapes), cmocka_unit_test(test_steps)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
