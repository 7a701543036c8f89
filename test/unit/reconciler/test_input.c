/* input: what a request brings, checked against its declared fields. */
#include "../../../reconciler/serve/input.c"
#include "../../../reconciler/serve/json.c"
#include "../../../reconciler/serve/names.c"
#include "../../../reconciler/serve/path.c"
#include "../../../reconciler/serve/value.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *const colours[] = {"\"red\"", "\"blue\""}, *const sizes[] = {"1", "2"};
static const struct field_decl number = {.name = "", .type = FIELD_INT};
static const struct field_decl fields[] = {
	{.name = "id", .type = FIELD_UINT256, .optional = true},
	{.name = "s", .type = FIELD_STRING, .optional = true, .min = "2", .max = "5"},
	{.name = "i", .type = FIELD_INT, .optional = true, .min = "-5"},
	{.name = "n", .type = FIELD_NUMBER, .optional = true, .max = "1.5"},
	{.name = "b", .type = FIELD_BOOL, .optional = true},
	{.name = "o", .type = FIELD_OBJECT, .optional = true},
	{.name = "list", .type = FIELD_ARRAY, .optional = true, .items = &number, .max = "3"},
	{.name = "addr", .type = FIELD_ADDRESS, .optional = true},
	{.name = "h", .type = FIELD_BYTES32, .optional = true},
	{.name = "pk", .type = FIELD_PUBKEY, .optional = true},
	{.name = "b64", .type = FIELD_BASE64, .optional = true},
	{.name = "u", .type = FIELD_UUID, .optional = true},
	{.name = "t", .type = FIELD_TIME, .optional = true},
	{.name = "eth", .type = FIELD_UNITS, .optional = true, .decimals = 18, .min = "0.1"},
	{.name = "m", .type = FIELD_STRING, .optional = true, .match = "^0x[0-9a-fA-F]{4}$"},
	{.name = "c", .type = FIELD_STRING, .optional = true, .one_of = colours, .n_one_of = 2},
	{.name = "size", .type = FIELD_INT, .one_of = sizes, .n_one_of = 2, .otherwise = "1"},
	{.name = "boom", .type = FIELD_STRING, .optional = true, .match = "^(a+)+$"},
};
enum { N = sizeof fields / sizeof *fields };

struct fixture {
	struct arena a;
	struct serve_names names;
	struct input_errors e;
	struct input *in;
};

static int up(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	struct err e = {0};
	struct pos at;
	f->in = input_new(fields, N, &e, &at);
	assert_non_null(f->in);
	*state = f;
	return 0;
}

static int down(void **state)
{
	struct fixture *f = *state;
	input_free(f->in);
	arena_fini(&f->a);
	free(f);
	return 0;
}

/* What name has become; "!…": refused so. */
static const char *got(struct fixture *f, bool good, const char *name)
{
	if (!good)
		return arena_printf(&f->a, "!%s", f->e.list[0].text);
	const struct serve_name *n = names_find(&f->names, str_of(name));
	return !n ? "(none)" : n->text.p ? arena_textn(&f->a, n->text.p, n->text.n) : "(null)";
}

static const char *body(struct fixture *f, const char *text, const char *name)
{
	f->names = (struct serve_names){.a = &f->a};
	return got(f, input_body(f->in, str_of(text), &f->names, &f->e), name);
}

static const char *query(struct fixture *f, const char *text, const char *name)
{
	f->names = (struct serve_names){.a = &f->a};
	struct input_text from = {.query = str_of(text)};
	return got(f, input_params(f->in, &from, &f->names, &f->e), name);
}

#define B58 "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
#define H32 "0x00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void bodies(void **state)
{
	static const struct {
		const char *body, *name, *want; /* want "!x": an error that begins so */
	} rows[] = {
		{"{}", "id", "(null)"},
		{"{}", "size", "1"},
		{" {\"id\" : \"5\"} ", "id", "5"},
		{"{\"id\":5}", "id", "5"},
		{"{\"id\":\"0xff\"}", "id", "255"},
		{"{\"id\":null}", "id", "(null)"},
		{"{\"id\":9007199254740993}", "id", "9007199254740993"},
		{"{\"id\":115792089237316195423570985008687907853269984665640564039457584007913129639935}", "id",
			"115792089237316195423570985008687907853269984665640564039457584007913129639935"},
		{"{\"id\":115792089237316195423570985008687907853269984665640564039457584007913129639936}", "id",
			"!id is a whole number from 0 to 2^256 - 1, not 11579"},
		{"{\"id\":-1}", "id", "!id is a whole number"},
		{"{\"id\":1.0}", "id", "!id is"},
		{"{\"id\":true}", "id", "!id is"},
		{"{\"id\":[1]}", "id", "!id is"},
		{"{\"s\":\"ab\"}", "s", "ab"},
		{"{\"s\":\"\\u00e9\\ud83d\\ude00\"}", "s", "\xC3\xA9\xF0\x9F\x98\x80"},
		{"{\"s\":\"\\n\\\"\\\\/\"}", "s", "\n\"\\/"},
		{"{\"s\":\"a\"}", "s", "!s has 1 characters; it needs 2 at least"},
		{"{\"s\":\"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\"}", "s",
			"\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"},
		{"{\"s\":\"abcdef\"}", "s", "!s has 6 characters; it can have 5 at most"},
		{"{\"s\":\"a\\u0000\"}", "s", "!s holds U+0000"},
		{"{\"s\":\"a\\ud83d\"}", "s", "!s holds U+0000 or half"},
		{"{\"s\":12}", "s", "!s is a text, not 12"},
		{"{\"i\":-5}", "i", "-5"},
		{"{\"i\":-6}", "i", "!i is -6; it is -5 at least"},
		{"{\"i\":9223372036854775807}", "i", "9223372036854775807"},
		{"{\"i\":9223372036854775808}", "i", "!i is a whole number of 64 bits"},
		{"{\"i\":\"5\"}", "i", "!i is a whole number of 64 bits, not \"5\""},
		{"{\"i\":1e3}", "i", "!i is"},
		{"{\"n\":1.50}", "n", "1.50"},
		{"{\"n\":15e-1}", "n", "15e-1"},
		{"{\"n\":1.500000000000000000000000001}", "n", "!n is 1.5000"},
		{"{\"n\":-1e9}", "n", "-1e9"},
		{"{\"b\":true}", "b", "true"},
		{"{\"b\":1}", "b", "!b is true or false, not 1"},
		{"{\"o\":{\"a\":[1,{\"b\":\"}\"}]}}", "o", "{\"a\":[1,{\"b\":\"}\"}]}"},
		{"{\"o\":[]}", "o", "!o is a JSON object"},
		{"{\"list\":[1, 2 ,3]}", "list", "[1,2,3]"},
		{"{\"list\":[]}", "list", "[]"},
		{"{\"list\":[1,2,3,4]}", "list", "!list has 4 items; it can have 3 at most"},
		{"{\"list\":[1,\"2\"]}", "list", "!list holds what it can't as item 2, which is a whole number"},
		{"{\"list\":[null]}", "list", "!list has null as item 1"},
		{"{\"addr\":\"0x5FbDB2315678afecb367f032d93F642f64180aa3\"}", "addr",
			"0x5fbdb2315678afecb367f032d93f642f64180aa3"},
		{"{\"addr\":\"0x5FBDB2315678afecb367f032d93F642f64180aa3\"}", "addr", "!addr is an address"},
		{"{\"addr\":\"0x5f\"}", "addr", "!addr is an address, 0x and 40 hex digits, not \"0x5f\""},
		{"{\"h\":\"" H32 "\"}", "h", "0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
		{"{\"h\":\"0x00\"}", "h", "!h is 0x and 64 hex digits"},
		{"{\"pk\":\"" B58 "\"}", "pk", B58},
		{"{\"pk\":\"11111111111111111111111111111111\"}", "pk", "11111111111111111111111111111111"},
		{"{\"pk\":\"1111111111111111111111111111111\"}", "pk", "!pk is 32 bytes"},
		{"{\"pk\":\"0" B58 "\"}", "pk", "!pk is 32 bytes"},
		{"{\"b64\":\"aGk=\"}", "b64", "aGk="},
		{"{\"b64\":\"aGk\"}", "b64", "!b64 is base64"},
		{"{\"u\":\"123E4567-e89b-12d3-a456-426614174000\"}", "u", "123e4567-e89b-12d3-a456-426614174000"},
		{"{\"u\":\"123E4567\"}", "u", "!u is a UUID"},
		{"{\"t\":\"2024-02-29T23:59:59.123Z\"}", "t", "2024-02-29T23:59:59.123Z"},
		{"{\"t\":\"2023-02-29T23:59:59Z\"}", "t", "!t is a time"},
		{"{\"t\":\"2024-02-29T23:59:59+02:00\"}", "t", "2024-02-29T23:59:59+02:00"},
		{"{\"t\":\"2024-02-29\"}", "t", "!t is a time"},
		{"{\"eth\":\"0.1\"}", "eth", "100000000000000000"},
		{"{\"eth\":1}", "eth", "1000000000000000000"},
		{"{\"eth\":\"0.09\"}", "eth", "!eth is 0.09; it is 0.1 at least"},
		{"{\"eth\":\"0.1234567890123456789\"}", "eth", "!eth has 19 digits behind the point; it can have 18"},
		{"{\"m\":\"0xBEEF\"}", "m", "0xBEEF"},
		{"{\"m\":\"0xBEEF\\n\"}", "m", "!m does not match"},
		{"{\"c\":\"red\"}", "c", "red"},
		{"{\"c\":\"green\"}", "c", "!c is none of \"red\", \"blue\""},
		{"{\"size\":2}", "size", "2"},
		{"{\"size\":3}", "size", "!size is none of 1, 2"},
		{"{\"boom\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}", "boom",
			"!boom does not match"},
		{"{\"sise\":3}", "size", "!the body has no field sise; did you mean size?"},
		{"{\"size\":1,\"size\":2}", "size", "!size is given twice"},
		{"{\"si\\u007ae\":2}", "size", "2"},
		{"[]", "", "!the body is a JSON object"},
		{"", "", "!the body can't be read"},
		{"{", "", "!the body can't be read"},
		{"{} {}", "", "!the body can't be read"},
		{"{\"s\":\"\xFF\xFF\"}", "", "!the body can't be read"},
		{"{\"id\":01}", "", "!the body can't be read"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *have = body(f, rows[i].body, rows[i].name);
		bool same = rows[i].want[0] == '!' ? text_starts(have, rows[i].want) : text_is(have, rows[i].want);
		if (!same)
			fail_msg("%s: %s, not %s", rows[i].body, have, rows[i].want);
	}
}

static void queries(void **state)
{
	static const struct {
		const char *query, *name, *want;
	} rows[] = {
		{"id=5&s=a+b", "s", "a b"},
		{"id=5&s=a%2Bb", "s", "a+b"},
		{"other=1&&id=7", "id", "7"},
		{"id=", "id", "!id is a whole number"},
		{"id", "id", "!id is a whole number"},
		{"id=1&id=2", "id", "!id is given 2 times"},
		{"s=%FF", "s", "!s holds a broken percent code"},
		{"list=1,2", "list", "[1,2]"},
		{"list=1&list=2", "list", "[1,2]"},
		{"list=1,x", "list", "!list holds what it can't as item 2"},
		{"o=%7B%22a%22:1%7D", "o", "{\"a\":1}"},
		{"b=false", "b", "false"},
		{"n=1.2", "n", "1.2"},
		{"i=-0", "i", "-0"},
		{"i=5x", "i", "!i is a whole number of 64 bits, not \"5x\""},
		{"c=red", "c", "red"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *have = query(f, rows[i].query, rows[i].name);
		bool same = rows[i].want[0] == '!' ? text_starts(have, rows[i].want) : text_is(have, rows[i].want);
		if (!same)
			fail_msg("%s: %s, not %s", rows[i].query, have, rows[i].want);
	}
}

static struct str header(void *arg, const char *name)
{
	(void)arg;
	return text_is(name, "X-User") ? STR("12") : (struct str){NULL, 0};
}

static void path_and_headers(void **state)
{
	static const struct field_decl some[] = {{.name = "id", .in_path = true, .type = FIELD_UINT256},
		{.name = "user", .type = FIELD_INT, .header = "X-User"},
		{.name = "rest", .in_path = true, .type = FIELD_STRING, .optional = true}};
	struct fixture *f = *state;
	struct err e = {0};
	struct pos at;
	struct input *in = input_new(some, 3, &e, &at);
	struct str one = STR("77");
	struct input_text from = {.path = &one, .npath = 1, .query = STR("user=5"), .header = header};
	f->names = (struct serve_names){.a = &f->a};
	assert_true(input_params(in, &from, &f->names, &f->e));
	assert_string_equal(got(f, true, "id"), "77");
	assert_string_equal(got(f, true, "user"), "5");
	assert_string_equal(got(f, true, "rest"), "(null)");
	from.query = STR("");
	f->names = (struct serve_names){.a = &f->a};
	assert_true(input_params(in, &from, &f->names, &f->e));
	assert_string_equal(got(f, true, "user"), "12");
	input_free(in);
}

static void deep(void **state)
{
	struct fixture *f = *state;
	struct buf b = {0};
	buf_text(&b, "{\"o\":");
	for (int i = 0; i < 100000; i++)
		buf_text(&b, "[");
	assert_true(text_starts(body(f, b.p, "o"), "!the body can't be read: it is nested deeper than 64"));
	buf_fini(&b);
}

static void declarations(void **state)
{
	static const struct field_decl bad[] = {{.name = "x", .type = FIELD_STRING, .match = "^(a"},
		{.name = "x", .type = FIELD_INT, .min = "five"},
		{.name = "x", .type = FIELD_INT, .otherwise = "\"five\""}};
	static const char *const why[] = {"match of x is no regular expression: missing closing parenthesis",
		"min of x is a number, not five", "default of x is a whole number of 64 bits, not \"five\""};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct err e = {0};
		struct pos at;
		assert_null(input_new(&bad[i], 1, &e, &at));
		assert_true(text_starts(e.text, why[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bodies), cmocka_unit_test(queries),
		cmocka_unit_test(path_and_headers), cmocka_unit_test(deep), cmocka_unit_test(declarations)};
	return cmocka_run_group_tests(tests, up, down);
}
