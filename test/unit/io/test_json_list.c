/* json_list says of a list what yajl says of it, however it comes in pieces, and refuses what yajl refuses.
 */
#include "common/io/json_list.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <yajl_parse.h>

/* ── what was said, as text ── */

struct said {
	struct buf text;
	size_t events, most; /* false from the most-th on; 0: never */
};

static bool say(void *ctx, char what, struct str text)
{
	struct said *s = ctx;
	buf_printf(&s->text, "%c%zu:", what, text.n);
	buf_str(&s->text, text);
	return ++s->events != s->most;
}

static bool on_null(void *ctx)
{
	return say(ctx, 'n', STR(""));
}
static bool on_bool(void *ctx, bool v)
{
	return say(ctx, 'b', v ? STR("1") : STR("0"));
}
static bool on_number(void *ctx, struct str t)
{
	return say(ctx, '#', t);
}
static bool on_string(void *ctx, struct str t)
{
	return say(ctx, 's', t);
}
static bool on_key(void *ctx, struct str t)
{
	return say(ctx, 'k', t);
}
static bool on_open_map(void *ctx)
{
	return say(ctx, '{', STR(""));
}
static bool on_close_map(void *ctx)
{
	return say(ctx, '}', STR(""));
}
static bool on_open_array(void *ctx)
{
	return say(ctx, '[', STR(""));
}
static bool on_close_array(void *ctx)
{
	return say(ctx, ']', STR(""));
}
static const struct sax sax = {
	on_null, on_bool, on_number, on_string, on_open_map, on_key, on_close_map, on_open_array, on_close_array};

static int y_null(void *ctx)
{
	return on_null(ctx);
}
static int y_bool(void *ctx, int v)
{
	return on_bool(ctx, v);
}
static int y_number(void *ctx, const char *p, size_t n)
{
	return on_number(ctx, (struct str){p, n});
}
static int y_string(void *ctx, const unsigned char *p, size_t n)
{
	return on_string(ctx, (struct str){(const char *)p, n});
}
static int y_key(void *ctx, const unsigned char *p, size_t n)
{
	return on_key(ctx, (struct str){(const char *)p, n});
}
static int y_open_map(void *ctx)
{
	return on_open_map(ctx);
}
static int y_close_map(void *ctx)
{
	return on_close_map(ctx);
}
static int y_open_array(void *ctx)
{
	return on_open_array(ctx);
}
static int y_close_array(void *ctx)
{
	return on_close_array(ctx);
}

/* text: a whole list with its brackets and nothing behind it. */
static bool by_yajl(struct str text, struct said *s)
{
	static const yajl_callbacks calls = {y_null, y_bool, NULL, NULL, y_number, y_string, y_open_map, y_key,
		y_close_map, y_open_array, y_close_array};
	yajl_handle h = yajl_alloc(&calls, NULL, s);
	yajl_config(h, yajl_dont_validate_strings, 1);
	bool ok = yajl_parse(h, (const unsigned char *)text.p, text.n) == yajl_status_ok &&
			  yajl_complete_parse(h) == yajl_status_ok;
	yajl_free(h);
	return ok;
}

/* In pieces of at most `most` bytes, each in memory of its own, so that a sanitizer sees where it ends. */
static bool by_list(struct str text, size_t most, struct said *s, bool *whole)
{
	struct json_list *l = json_list_new(&sax, s);
	enum json_list_took took = JSON_LIST_MORE;
	size_t at = 1;
	on_open_array(s);
	while (took == JSON_LIST_MORE && at < text.n) {
		size_t n = most > 1 ? 1 + (size_t)rand() % most : 1, used;
		n = n < text.n - at ? n : text.n - at;
		char *piece = malloc(n);
		memcpy(piece, text.p + at, n);
		took = json_list_feed(l, (struct str){piece, n}, &used);
		free(piece);
		at += used;
	}
	json_list_free(l);
	*whole = at == text.n - 1;
	if (took != JSON_LIST_END)
		return false;
	on_close_array(s);
	return true;
}

/* What stands behind the end of a list is not the list's: yajl has its own mind about it. */
static bool same(struct str text, size_t most)
{
	struct said a = {.most = 0}, b = {.most = 0};
	bool whole, x = by_yajl(text, &a), y = by_list(text, most, &b, &whole);
	if ((whole && x != y) || (x && (a.text.n != b.text.n || memcmp(a.text.p, b.text.p, a.text.n) != 0)))
		fail_msg("pieces of %zu, yajl %d, list %d: %.*s", most, x, y, (int)text.n, text.p);
	buf_fini(&a.text);
	buf_fini(&b.text);
	return x && whole;
}

static void test_texts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"[]", true},
		{"[ \t\r\n]", true},
		{"[{}]", true},
		{"[[],[[]],{\"a\":[]}]", true},
		{"[1,-0,0.5,1e9,-12.25E-3,1E+2]", true},
		{"[true,false,null]", true},
		{"[\"\",\"0x00\",\"a much longer string than sixteen bytes, which are looked at at once\"]", true},
		{"[\"\\\"\",\"\\\\\",\"a\\/b\\u00e9\\ud83d\\ude00\\n\",\"a quote behind many bytes \\\" and more\"]",
			true},
		{"[{\"a\\\"b\":1,\"c\":{\"d\":[1,2,{\"e\":null}]}} , {\"f\" : \"g\"}]", true},
		{"[\"\xff\xfe\"]", true},
		{"[,]", false},
		{"[1,]", false},
		{"[1 2]", false},
		{"[01]", false},
		{"[1.]", false},
		{"[.5]", false},
		{"[-]", false},
		{"[1e]", false},
		{"[+1]", false},
		{"[1.5.5]", false},
		{"[tru]", false},
		{"[nulll]", false},
		{"[True]", false},
		{"[{1:2}]", false},
		{"[{\"a\"}]", false},
		{"[{\"a\":}]", false},
		{"[{\"a\":1,}]", false},
		{"[{\"a\":1]]", false},
		{"[[1}]", false},
		{"[}]", false},
		{"[:]", false},
		{"[\"\\x\"]", false},
		{"[\"a\nb\"]", false},
		{"[\"\\u12\"]", false},
		{"[\"]", false},
		{"[\"a\"", false},
		{"[{\"a\":1}", false},
		{"[12", false},
		{"['a']", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t most = 1; most < 40; most++)
			assert_int_equal(same(str_of(cases[i].text), most), cases[i].good);
}

/* ── texts that look random ── */

static void blank(struct buf *b)
{
	if (rand() % 8 == 0)
		buf_char(b, " \t\r\n"[rand() % 4]);
}

static void random_string(struct buf *b)
{
	static const char *const escapes[] = {"\\\"", "\\\\", "\\n", "\\u0041", "\\ud83d\\ude00", "\\/"};
	int n = rand() % (rand() % 4 ? 20 : 90);
	buf_char(b, '"');
	for (int i = 0; i < n; i++)
		if (rand() % 40 == 0)
			buf_text(b, escapes[rand() % 6]);
		else
			buf_char(b, (char)("0x[]{},:abc "[rand() % 12]));
	buf_char(b, '"');
}

static void random_value(struct buf *b, int depth)
{
	static const char *const words[] = {"null", "true", "false", "0", "-1", "12345.5e-7"};
	int kind = rand() % (depth < 5 ? 6 : 4);
	blank(b);
	if (kind < 2) {
		buf_text(b, words[rand() % 6]);
	} else if (kind < 4) {
		random_string(b);
	} else {
		int n = rand() % 5;
		buf_char(b, kind == 4 ? '{' : '[');
		for (int i = 0; i < n; i++) {
			if (i)
				buf_char(b, ',');
			if (kind == 4) {
				random_string(b);
				blank(b);
				buf_char(b, ':');
			}
			random_value(b, depth + 1);
		}
		blank(b);
		buf_char(b, kind == 4 ? '}' : ']');
	}
	blank(b);
}

static void test_random(void **state)
{
	(void)state;
	size_t good = 0, all = 20000;
	srand(1);
	for (size_t i = 0; i < all; i++) {
		struct buf b = {0};
		int n = rand() % 6;
		buf_char(&b, '[');
		for (int k = 0; k < n; k++) {
			if (k)
				buf_char(&b, ',');
			random_value(&b, 0);
		}
		buf_char(&b, ']');
		if (i % 2)
			b.p[1 + (size_t)rand() % (b.n - 1)] = "\"\\[]{},:01-.eatn x\n"[rand() % 19];
		good += same((struct str){b.p, b.n}, i % 3 ? 1 + (size_t)rand() % 64 : 4096);
		buf_fini(&b);
	}
	assert_in_range(good, all / 2, all - all / 8);
}

static void test_depth(void **state)
{
	(void)state;
	for (size_t depth = JSON_LIST_DEPTH - 1; depth <= JSON_LIST_DEPTH + 1; depth++) {
		struct buf b = {0};
		struct said s = {.most = 0};
		for (size_t i = 0; i <= depth; i++)
			buf_char(&b, '[');
		for (size_t i = 0; i <= depth; i++)
			buf_char(&b, ']');
		bool whole;
		assert_int_equal(by_list((struct str){b.p, b.n}, 7, &s, &whole), depth <= JSON_LIST_DEPTH);
		buf_fini(&b);
		buf_fini(&s.text);
	}
}

/* Behind a false nothing more is said. */
static void test_stops(void **state)
{
	(void)state;
	struct str text = STR("[{\"a\":[1,\"x\\n\",true,null]},2]");
	for (size_t most = 1; most <= 11; most++) {
		struct said s = {.most = most};
		struct json_list *l = json_list_new(&sax, &s);
		size_t used;
		assert_int_equal(json_list_feed(l, (struct str){text.p + 1, text.n - 1}, &used),
			most < 11 ? JSON_LIST_STOPPED : JSON_LIST_END);
		assert_int_equal(s.events, most < 11 ? most : 10);
		json_list_free(l);
		buf_fini(&s.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
