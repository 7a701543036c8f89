#define _GNU_SOURCE /* memmem */
/* Broken configurations, made from the KTTY application's own file by changing each of its lines in every way
 * of the list below. Each must be refused with a place, and none may crash (run with SAN=address,undefined
 * too). */
#include "test/unit/app/ktty.h"

#include <ctype.h>

struct line {
	struct str all;
	size_t indent;
	bool item;             /* begins with "- " */
	struct str key, value; /* "key: value"; key.n is 0 for a list's plain item; value ends before a comment */
	bool in_block;         /* text of a | block: SQL */
};

/* Up to a comment, without the blanks at its end. */
static struct str rest_of(struct str s)
{
	const char *comment = memmem(s.p, s.n, " #", 2);
	s.n = comment ? (size_t)(comment - s.p) : s.n;
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static struct line read_line(const char *p, size_t n)
{
	struct line l = {.all = {p, n}};
	const char *end = p + n;
	for (; p < end && *p == ' '; p++)
		l.indent++;
	if (end - p > 1 && p[0] == '-' && p[1] == ' ') {
		l.item = true;
		p += 2;
	}
	const char *k = p;
	while (k < end && (isalnum((unsigned char)*k) || strchr("_ /-", *k)))
		k++;
	if (k < end && k > p && *k == ':' && (k + 1 == end || k[1] == ' ')) {
		l.key = (struct str){p, (size_t)(k - p)};
		for (p = k + 1; p < end && *p == ' '; p++)
			;
	}
	l.value = rest_of((struct str){p, p < end ? (size_t)(end - p) : 0});
	return l;
}

static size_t read_lines(const char *text, struct line *out, size_t max)
{
	size_t n = 0, block = SIZE_MAX;
	for (const char *p = text; *p && n < max;) {
		size_t len = strcspn(p, "\n");
		struct line *l = &out[n++];
		*l = read_line(p, len);
		l->in_block = block != SIZE_MAX && (len == 0 || l->indent > block);
		if (!l->in_block)
			block = l->value.n == 1 && *l->value.p == '|' ? l->indent : SIZE_MAX;
		p += len + (p[len] == '\n');
	}
	return n;
}

static void put_head(struct buf *b, const struct line *l, const char *before_key)
{
	buf_printf(b, "%*s%s%s%.*s%s ", (int)l->indent, "", l->item ? "- " : "", before_key, (int)l->key.n,
		l->key.p, l->key.n ? ":" : "");
}

enum way { KEY, ANCHOR, TAG, UNSET, DOUBLE, MAP, TAB, BRACE, ALIAS, SECOND, QUOTE, NUL_BYTE, WAYS };

/* The line broken in that way; false: the way does not fit this line, or would not break it. */
static bool broken(struct buf *b, const struct line *l, enum way way)
{
	bool text = l->value.n > 0, opens = text && (*l->value.p == '|' || *l->value.p == '{');
	int n = (int)l->value.n;
	if (l->in_block != (way == SECOND || way == QUOTE) ||
		(way == KEY && (!l->key.n || str_is(l->key, "codes"))))
		return false; /* codes is named only in SQL, which PostgreSQL checks */
	switch (way) {
	case KEY:
		put_head(b, l, "x");
		buf_str(b, l->value);
		return true;
	case ANCHOR:
		put_head(b, l, "");
		buf_printf(b, "&a %.*s", n, l->value.p);
		return true;
	case TAG:
		put_head(b, l, "");
		buf_printf(b, "!t %.*s", n, l->value.p);
		return true;
	case UNSET:
		put_head(b, l, "");
		buf_text(b, "${NOT_SET_ANYWHERE}");
		return text && !opens;
	case DOUBLE:
		buf_printf(b, "%.*s\n%.*s", (int)l->all.n, l->all.p, (int)l->all.n, l->all.p);
		return text && !opens && !(l->item && strstr(l->value.p, "error ") == l->value.p);
	case MAP:
		put_head(b, l, "");
		buf_text(b, "{ nonsense: 1 }");
		return text && !opens;
	case TAB:
		buf_printf(b, "\t%.*s", (int)(l->all.n - l->indent), l->all.p + l->indent);
		return l->indent > 0;
	case BRACE:
		put_head(b, l, "");
		buf_printf(b, "} %.*s", n, l->value.p);
		return true;
	case ALIAS:
		put_head(b, l, "");
		buf_text(b, "*a");
		return text;
	case SECOND: buf_printf(b, "%.*s ; SELECT 2", (int)l->all.n, l->all.p); return true;
	case QUOTE: buf_printf(b, "%.*s '", (int)l->all.n, l->all.p); return true;
	case NUL_BYTE:
		put_head(b, l, "");
		buf_text(b, "\"\\0\"");
		return text && !opens;
	case WAYS: break;
	}
	return false;
}

static size_t refuse(const char *yaml, const char *sql, const char *what)
{
	const char *const files[][2] = {
		{"f.yaml", yaml}, {"sql/ktty.sql", sql}, {"tokenMapping.json", "{\"1\": \"x\"}"}, {NULL, NULL}};
	struct world w = {.env = ktty_env, .files = files};
	struct problems ps = {0};
	struct config *c = world_load(&w, "f.yaml", &ps);
	if (c || ps.n == 0)
		fail_msg("taken:\n%s", what);
	for (size_t i = 0; i < ps.n; i++)
		assert_true(
			ps.list[i].at.line >= 1 && ps.list[i].at.col >= 1 && ps.list[i].at.len >= 1 && *ps.list[i].text);
	char *out = printed(&ps, true, "tail");
	has_not(out, "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
	free(out);
	problems_fini(&ps);
	return 1;
}

static void test_lines(void **state)
{
	(void)state;
	char *yaml = project_file(KTTY_FILE), *sql = project_file("deploy/apps/ktty/sql/ktty.sql");
	struct line lines[400];
	size_t n = read_lines(yaml, lines, 400), made = 0;
	for (size_t i = 0; i < n; i++) {
		if (lines[i].all.n == lines[i].indent || lines[i].all.p[lines[i].indent] == '#' ||
			lines[i].all.p[lines[i].indent] == '{')
			continue;
		for (enum way way = KEY; way < WAYS; way++) {
			struct buf line = {0}, whole = {0};
			if (broken(&line, &lines[i], way)) {
				buf_put(&whole, yaml, (size_t)(lines[i].all.p - yaml));
				buf_str(&whole, (struct str){line.p, line.n});
				buf_text(&whole, lines[i].all.p + lines[i].all.n);
				made += refuse(whole.p, sql, line.p);
			}
			buf_fini(&line);
			buf_fini(&whole);
		}
	}
	print_message("%zu broken configurations were refused\n", made);
	assert_true(made >= 200);
	free(yaml);
	free(sql);
}

/* The file cut after each byte: whatever is said, nothing crashes, and a place is a place. */
static void test_cut(void **state)
{
	(void)state;
	char *yaml = project_file(KTTY_FILE), *sql = project_file("deploy/apps/ktty/sql/ktty.sql");
	size_t n = strlen(yaml);
	for (size_t cut = 0; cut < n; cut += 7) {
		char *part = mem_textn(yaml, cut);
		const char *const files[][2] = {
			{"f.yaml", part}, {"sql/ktty.sql", sql}, {"tokenMapping.json", "{}"}, {NULL, NULL}};
		struct world w = {.env = ktty_env, .files = files};
		struct problems ps = {0};
		struct config *c = world_load(&w, "f.yaml", &ps);
		assert_true((c == NULL) == (ps.n > 0));
		config_free(c);
		problems_fini(&ps);
		free(part);
	}
	free(yaml);
	free(sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_cut)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
