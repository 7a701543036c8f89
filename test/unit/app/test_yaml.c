#include "test/unit/app/world.h"
#include "common/app/yaml.h"

struct read {
	struct arena a;
	struct problems ps;
	struct yaml y;
	bool good;
};

static void read_text(struct read *r, const char *text, size_t n)
{
	memset(r, 0, sizeof *r);
	r->good = yaml_read(&r->a, "f", (struct str){text, n}, &r->y, &r->ps);
}

static void done(struct read *r)
{
	problems_fini(&r->ps);
	arena_fini(&r->a);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
		bool alone; /* a syntax error */
	} cases[] = {
		{"a: 1\nb: 2\na: 3\n", "3:1 a stands here a second time; a key stands once\n", false},
		{"a: &x 1\n", "1:4 an anchor (&); write the value out each time, or put it into a ${VAR}\n", false},
		{"a: *x\n",
			"1:4 an alias (*); write the value out, or put it into a ${VAR}; a text that begins with * is "
			"quoted\n",
			false},
		{"a: !!int 1\n", "1:4 a tag (!); the key decides what kind of value it takes\n", false},
		{"a: !x [ ]\nb: &y { }\n",
			"1:4 a tag (!); the key decides what kind of value it takes\n2:4 an anchor (&); write the value "
			"out each time, or put it into a ${VAR}\n",
			false},
		{"<<: { a: 1 }\n", "1:1 a merge key (<<); write the members out\n", false},
		{"? a\n: 1\n", "1:3 a key behind \"? \"; write it as KEY: value\n", false},
		{"[ a ]: 1\n", "1:1 a key is a word, not a map or a list\n", false},
		{"a: 1\n---\nb: 2\n", "2:1 a second document; a file holds one application\n", false},
		{"%YAML 1.1\n---\na: 1\n", "1:1 a directive (%); a file begins with its first key\n", false},
		{"a:\n\tb: 1\n",
			"2:1 YAML: found character that cannot start any token; indent with spaces, and quote a value "
			"that begins so\n",
			true},
		{"a: [\n\tb ]\n", "2:1 a tab in the indentation; indent with spaces\n", false},
		{"a: \"x\\0y\"\n", "1:4 a NUL character\n", false},
		{"a: b: c\n",
			"1:5 YAML: mapping values are not allowed in this context; a value with \": \" in it is quoted "
			"or stands in a | block\n",
			true},
		{"a: &x 1\nb: [ !t &y 1, 2\n",
			"3:1 YAML: did not find expected ',' or ']'; a [ was opened: its members are parted by commas "
			"and end with ]\n",
			true},
		{"a: \"x\n",
			"2:1 YAML: found unexpected end of stream; a quote or bracket was opened and not closed\n", true},
		{"a: \xFF\n", "1:4 this byte is not UTF-8\n", true},
		{"\xC3\xA9\xC3\xA9: \x01\n", "1:5 a control character; YAML takes none here\n", true},
		{"a: 1\rb: 2\n", "1:5 a control character; YAML takes none here\n", true},
		{"a: \xE2\x80\xA8\n", "1:4 a control character; YAML takes none here\n", true},
		{"a: \xC2\x85\n", "1:4 a control character; YAML takes none here\n", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct read r;
		read_text(&r, cases[i].text, strlen(cases[i].text));
		char *out = said(&r.ps);
		if (strcmp(out, cases[i].said) != 0 || r.good == cases[i].alone)
			fail_msg("%s gave\n%s", cases[i].text, out);
		free(out);
		done(&r);
	}
	struct read r;
	read_text(&r, "a: 1\n\0", 6);
	assert_false(r.good);
	assert_int_equal(r.ps.n, 1);
	done(&r);
}

static void test_shape(void **state)
{
	(void)state;
	struct read r;
	const char text[] =
		"\xEF\xBB\xBF# c\na: [ x, 'y', { z: no } ]\nb:\n  c: ~\n  d:\n  e: null\n  f: 'null'\n  g: \"\"\n";
	read_text(&r, text, sizeof text - 1);
	assert_true(r.good);
	assert_int_equal(r.ps.n, 0);
	const struct node *a = node_member(r.y.root, "a"), *b = node_member(r.y.root, "b");
	assert_int_equal(a->kind, NODE_LIST);
	assert_int_equal(a->n, 3);
	assert_true(str_is(a->first->text, "x"));
	assert_int_equal(a->first->next->style, NODE_SINGLE);
	assert_int_equal(a->first->next->at.line, 2);
	assert_int_equal(a->first->next->at.col, 9);
	assert_int_equal(a->first->next->at.len, 3);
	assert_true(str_is(node_member(a->first->next->next, "z")->text, "no"));
	assert_true(node_is_null(node_member(b, "c")) && node_is_null(node_member(b, "d")) &&
				node_is_null(node_member(b, "e")));
	assert_false(node_is_null(node_member(b, "f")));
	assert_true(node_is_null(node_member(b, "g")));
	assert_true(node_is_null(NULL));
	assert_null(node_member(a, "x"));
	done(&r);
	read_text(&r, "", 0);
	assert_true(r.good && !r.y.root);
	done(&r);
	read_text(&r, "# only\n", 7);
	assert_true(r.good && !r.y.root);
	done(&r);
}

static void test_depth(void **state)
{
	(void)state;
	char deep[400];
	memset(deep, '[', 200);
	deep[200] = 0;
	struct read r;
	read_text(&r, deep, 200);
	assert_false(r.good);
	assert_int_equal(r.ps.n, 1);
	char *out = said(&r.ps);
	assert_string_equal(out, "1:66 nested deeper than 64 levels\n");
	free(out);
	done(&r);
}

/* Where the word NAME of a value stands, in every style. */
static void test_places(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int line, col;
	} cases[] = {
		{"a: x NAME y\n", 1, 6}, {"a:   NAME\n", 1, 6}, {"a: x\n   y NAME\n", 2, 6},
		{"a: x\n\n   NAME\n", 3, 4}, {"a: 'x NAME'\n", 1, 7}, {"a: 'it''s NAME'\n", 1, 11},
		{"a: 'x\n   y\n\n   NAME'\n", 4, 4}, {"a: \"x NAME\"\n", 1, 7},
		{"a: \"\\u00e9\\n\\x41 NAME\"\n", 1, 18}, {"a: \"\\U0001F600 NAME\"\n", 1, 16},
		{"a: \"x\\\n     NAME\"\n", 2, 6}, {"a: \"x\n     y NAME\"\n", 2, 8},
		{"a: \"\xC3\xA9\xC3\xA9 NAME\"\n", 1, 8}, {"a: |\n  NAME\n", 2, 3}, {"a: |\n  x\n  y NAME\n", 3, 5},
		{"a: |\n  x\n\n    \xC3\xA9 NAME\n", 4, 7}, {"a: |-\n\n  x\r\n  NAME\r\n", 4, 3},
		{"a: |2\n    NAME\n", 2, 5}, {"a: |  # comment\n  x NAME\n", 2, 5}, {"a: { b: \"x NAME\" }\n", 1, 12},
		{"- [ p, 'x NAME' ]\n", 1, 11}, {"a: >\n  x NAME\n", 1, 4}, /* a folded block has one place */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct read r;
		read_text(&r, cases[i].text, strlen(cases[i].text));
		assert_true(r.good);
		const struct node *n = r.y.root;
		while (n->kind != NODE_SCALAR)
			for (n = n->first; n->next; n = n->next)
				;
		struct scalar s = yaml_scalar(&r.a, &r.y, n);
		const char *name = strstr(s.text.p, "NAME");
		size_t at = (size_t)(name - s.text.p);
		struct pos p = scalar_pos(&s, at, at + 4);
		if (p.line != cases[i].line || p.col != cases[i].col || (p.len != 4 && s.places))
			fail_msg("%s: %d:%d+%d", cases[i].text, p.line, p.col, p.len);
		done(&r);
	}
}

static void test_pos_ends(void **state)
{
	(void)state;
	struct read r;
	read_text(&r, "a: |\n  one\n  two\n", 17);
	struct scalar s = yaml_scalar(&r.a, &r.y, r.y.root->first);
	struct pos p = scalar_pos(&s, 1, 6); /* over the line: underlines to its end */
	assert_int_equal(p.col, 4);
	assert_int_equal(p.len, 2);
	p = scalar_pos(&s, 100, 200);
	assert_int_equal(p.len, 1);
	done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_shape),
		cmocka_unit_test(test_depth), cmocka_unit_test(test_places), cmocka_unit_test(test_pos_ends)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
