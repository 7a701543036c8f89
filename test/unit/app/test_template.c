#include "test/unit/app/languages.h"
#include "common/app/template.h"

static void test_parts(void **state)
{
	(void)state;
	static const struct {
		const char *text, *out, *said;
	} cases[] = {
		{"plain", "plain", ""},
		{"", "", ""},
		{"Lock {lockId}: {tx.hash}", "Lock <lockId>: <tx.hash>", ""},
		{"{a}{b}", "<a><b>", ""},
		{"{{a}} }", "{a} }", ""},
		{"x ${V} {a}", "x a value <a>", ""},
		{"$${a} {b}", "${a} <b>", ""},
		{"{}", "", "1:1 between { and } stands one name, as {tokenId} or {tx.hash}; a brace is written {{\n"},
		{"x {a b} y", "x  y",
			"1:3 between { and } stands one name, as {tokenId} or {tx.hash}; a brace is written {{\n"},
		{"{a", "", "1:1 between { and } stands one name, as {tokenId} or {tx.hash}; a brace is written {{\n"},
		{"{a.b.c}", "",
			"1:1 between { and } stands one name, as {tokenId} or {tx.hash}; a brace is written {{\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct one_scalar o;
		struct buf b = {0};
		scalar_begin(&o, cases[i].text);
		const struct template *t = template_parse(&o.a, &o.s, &o.ps);
		buf_text(&b, "");
		for (size_t k = 0; k < t->n; k++)
			buf_printf(
				&b, t->parts[k].is_name ? "<%.*s>" : "%.*s", (int)t->parts[k].text.n, t->parts[k].text.p);
		char *out = said(&o.ps);
		if (strcmp(b.p, cases[i].out) != 0 || strcmp(out, cases[i].said) != 0)
			fail_msg("%s gave\n%s\n%s", cases[i].text, b.p, out);
		free(out);
		buf_fini(&b);
		scalar_end(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
