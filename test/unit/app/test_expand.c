#include "test/unit/app/world.h"
#include "common/app/expand.h"

static const char *const env[][2] = {
	{"A", "one"}, {"EMPTY", ""}, {"CURLY", "${A} :x 'y'"}, {"KEY", "0xsecret"}, {NULL, NULL}};
static const struct world world = {.env = env};

struct trial {
	struct arena a;
	struct problems ps;
	struct vars v;
	struct scalar s;
};

static void begin(struct trial *t, const char *text)
{
	memset(t, 0, sizeof *t);
	t->v = (struct vars){.a = &t->a, .ps = &t->ps, .arg = (void *)(uintptr_t)&world, .env = world_env};
	struct place *places = arena_alloc(&t->a, (strlen(text) + 1) * sizeof *places);
	for (size_t i = 0; i <= strlen(text); i++)
		places[i] = (struct place){1, (int)i + 1};
	t->s = (struct scalar){.at = {"f", 1, 1, 1}, .text = str_of(text), .places = places};
}

static void end(struct trial *t)
{
	problems_fini(&t->ps);
	arena_fini(&t->a);
}

static void test_values(void **state)
{
	(void)state;
	static const struct {
		const char *text, *value, *said;
	} cases[] = {
		{"x", "x", ""},
		{"", "", ""},
		{"${A}", "one", ""},
		{"-${A}-${A}", "-one-one", ""},
		{"${B:-two}", "two", ""},
		{"${EMPTY:-two}", "two", ""},
		{"${A:-two}", "one", ""},
		{"${B:-}", "", ""},
		{"${EMPTY}", "", ""},
		{"${A:?no}", "one", ""},
		{"$${A}", "${A}", ""},
		{"$$A $A $", "$$A $A $", ""},
		{"${CURLY}", "${A} :x 'y'", ""}, /* once */
		{"${B:-a:-b}", "a:-b", ""},
		{"a ${B}", "a ", "1:3 B is not set; put it into the environment\n"},
		{"${B:?the URL of the node}", "", "1:1 B: the URL of the node\n"},
		{"${EMPTY:?give it}", "", "1:1 EMPTY: give it\n"},
		{"${B:?}", "", "1:1 B is not set; put it into the environment\n"},
		{"${}", "",
			"1:1 no variable: write ${VAR}, ${VAR:-default} or ${VAR:?message}; the characters ${ are "
			"written $${\n"},
		{"x${A", "x",
			"1:2 no variable: write ${VAR}, ${VAR:-default} or ${VAR:?message}; the characters ${ are "
			"written $${\n"},
		{"${1A}", "",
			"1:1 no variable: write ${VAR}, ${VAR:-default} or ${VAR:?message}; the characters ${ are "
			"written $${\n"},
		{"${A-x}", "",
			"1:1 no variable: write ${VAR}, ${VAR:-default} or ${VAR:?message}; the characters ${ are "
			"written $${\n"},
		{"${A:+x}", "",
			"1:1 no variable: write ${VAR}, ${VAR:-default} or ${VAR:?message}; the characters ${ are "
			"written $${\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trial t;
		begin(&t, cases[i].text);
		expand(&t.v, &t.s, USE_PLAIN);
		struct str v = scalar_value(&t.a, &t.s);
		char *out = said(&t.ps);
		if (!str_is(v, cases[i].value) || strcmp(out, cases[i].said) != 0)
			fail_msg("%s: \"%.*s\"\n%s", cases[i].text, (int)v.n, v.p, out);
		assert_int_equal(scalar_is_empty(&t.s), v.n == 0);
		free(out);
		end(&t);
	}
}

static void test_profile(void **state)
{
	(void)state;
	struct trial t;
	begin(&t, "${A} ${P} ${Q} ${R}");
	struct profile_var q = {.name = "Q", .set = false},
					   p = {.name = "P", .value = STR("from profile"), .set = true, .next = &q};
	struct profile_var a = {.name = "A", .value = STR("not this"), .set = true, .next = &p};
	t.v.set = &a;
	t.v.profile = "test";
	expand(&t.v, &t.s, USE_PLAIN);
	assert_true(str_is(scalar_value(&t.a, &t.s), "one from profile  "));
	char *out = said(&t.ps);
	assert_string_equal(
		out, "1:16 R is not set; put it into the environment or into profile test\n"); /* Q was reported at
																						  its place */
	free(out);
	end(&t);
}

static void test_secrets(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {{"${KEY}", true}, {"${EMPTY}", true}, {"${NONE:-}", true}, {"", true}, {"0xsecret", false},
		{"x${KEY}", false}, {"${KEY} ", false}, {"${NONE:-0xsecret}", false}, {"${NONE:-0xsecret-}", false},
		{"$${KEY}", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trial t;
		begin(&t, cases[i].text);
		bool good = expand_secret(&t.v, &t.s, false);
		char *out = said(&t.ps);
		if (good != cases[i].good || (t.ps.n == 0) != good)
			fail_msg("%s: %s", cases[i].text, out);
		has_not(out, "0xsecret");
		free(out);
		end(&t);
	}
}

static void test_secret_of_profile(void **state)
{
	(void)state;
	struct trial t;
	begin(&t, "${P}");
	struct profile_var written = {.name = "P", .value = STR("0xsecret"), .set = true};
	t.v.set = &written;
	assert_false(expand_secret(&t.v, &t.s, false)); /* written out in the profile */
	written.from = "KEY";
	assert_true(expand_secret(&t.v, &t.s, false));
	struct scalar open = t.s;
	open.text = STR("${KEY}");
	expand(&t.v, &open, USE_OPEN);
	expand_check_secrets(&t.v);
	char *out = said(&t.ps);
	has(out, "KEY is a secret (line 1); it can't stand in sql, text or a call\n");
	free(out);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_profile),
		cmocka_unit_test(test_secrets), cmocka_unit_test(test_secret_of_profile)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
