#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/sentence.h"

#include <stdlib.h>

static struct buf b;

static const char *rich(const char *reason, enum sentence_part part)
{
	buf_clear(&b);
	sentence_put(&b, str_of(reason), part);
	return b.p;
}

static const char *say(const char *reason)
{
	buf_clear(&b);
	sentence_say(&b, str_of(reason), SENTENCE_TEXT, 100000);
	return b.p;
}

static const char *plain(const char *text)
{
	buf_clear(&b);
	sentence_plain(&b, str_of(text), 1763694769000, " ");
	return b.p;
}

static void a_reason_is_made_and_read(void **state)
{
	struct buf r = {0}, v = {0};
	(void)state;
	reason_code(&r, "refused");
	reason_text(&r, "text", "Error \"x\"\n\\ é");
	reason_int(&r, "n", -3);
	reason_text(&r, "none", NULL);
	reason_u256(&r, "fee", u256_of(7));
	reason_text(&r, "bare", "a.b/c:1");
	assert_string_equal(r.p, "refused text=\"Error \\\"x\\\"\\n\\\\ é\" n=-3 fee=7 bare=a.b/c:1");
	assert_true(reason_get(str_of(r.p), "text", &v));
	assert_string_equal(v.p, "Error \"x\"\n\\ é");
	buf_clear(&v);
	assert_true(reason_get(str_of(r.p), "bare", &v));
	assert_string_equal(v.p, "a.b/c:1");
	assert_false(reason_get(str_of(r.p), "none", &v));
	assert_true(reason_is(str_of(r.p), "refused"));
	assert_true(str_is(reason_known(str_of(r.p)), "refused"));
	buf_clear(&v);
	assert_true(reason_get(STR("x t=\"\\u00e9\\u20ac\\u0001\""), "t", &v));
	assert_string_equal(v.p, "é€\x01");
	buf_fini(&r);
	buf_fini(&v);
}

/* What an older version wrote, or a node said, is its own sentence. */
static void prose_is_itself(void **state)
{
	static const char *const prose[] = {"tokenMapping.json has no code for 4230", "execution reverted",
		"already known", "no_row file", "no_row file=", "no_row file=\"x", "no_row  file=x", "", "x=1",
		"InvalidTokenId()", "no_row file=x key=\"\\\"", "unheard_of n=1"};
	(void)state;
	for (size_t i = 0; i < sizeof prose / sizeof *prose; i++) {
		assert_string_equal(say(prose[i]), prose[i]);
		assert_int_equal(reason_known(str_of(prose[i])).n, 0);
		assert_string_equal(rich(prose[i], SENTENCE_CURE), "");
	}
	assert_string_equal(rich("a *b* {c} `d` \\", SENTENCE_TEXT), "a \\*b\\* \\{c\\} \\`d\\` \\\\");
	assert_string_equal(sentence_tone(STR("what?")), "ink");
}

static void a_reason_is_said(void **state)
{
	(void)state;
	assert_string_equal(
		say("no_row file=tokenMapping.json column=code key=4230"), "tokenMapping.json has no code for 4230");
	assert_string_equal(rich("no_row file=tokenMapping.json column=code key=4230", SENTENCE_GROUP),
		"tokenMapping.json has no code for them");
	assert_string_equal(rich("no_row file=a_b.json column=code key=\"x*y\"", SENTENCE_TEXT),
		"a_b.json has no code for x\\*y");
	assert_string_equal(
		rich("above base=19120000000 old=18000000000 n=2 fee=20250000000 tip=1130000000", SENTENCE_TEXT),
		"Base fee was 19.12, above our 18.00: no block could take it. Attempt 2, same nonce: 20.25 gwei, tip "
		"1.13.");
	assert_string_equal(rich("above base=19120000000 old=18000000000", SENTENCE_TEXT),
		"Base fee was 19.12, above our 18.00: no block could take it.");
	assert_string_equal(rich("first n=3", SENTENCE_VERB), "Attempt 3 sent.");
	assert_string_equal(
		rich("mined n=3 block=26471888 price=21390000000 gas=702315 cost=15022517850000000 others=1",
			SENTENCE_TEXT),
		"Attempt 3 is in block {#26471888}: success. Paid 21.39 gwei × {#702315} gas = 0.01502 ETH."
		" The nonce is spent: the other attempt can never execute.");
	assert_string_equal(rich("batched nth=10 of=10 batch=41397 full=1", SENTENCE_TEXT),
		"tenth of 10 in batch 41397: full, so it left at once.");
	assert_string_equal(rich("batched nth=2 of=3 batch=7 wait=2000", SENTENCE_TEXT),
		"second of 3 in batch 7: its 2.0 s were over.");
	assert_string_equal(say("wait_pg since=88000"), "waiting 12 s for PostgreSQL");
	assert_string_equal(
		rich("watches n=1 signer=owner", SENTENCE_TEXT), "watches 1 unmined transaction of owner");
	assert_string_equal(
		rich("watches n=2 signer=owner", SENTENCE_TEXT), "watches 2 unmined transactions of owner");
	assert_string_equal(rich("reverted tx=0x51ac00000000000009d4 block=12", SENTENCE_TEXT),
		"transaction `0x51ac…09d4` reverted in block {#12}");
	assert_string_equal(sentence_tone(STR("above base=1")), "wait");
}

static void rich_text_becomes_plain(void **state)
{
	(void)state;
	assert_string_equal(plain("*{#26471921}*, {@1763694767000} ago"), "26 471 921, 2.0 s ago");
	assert_string_equal(plain("`a b` \\*x\\* {:1763694769000}"), "a b *x* 03:12:49");
	assert_string_equal(plain("an open { and \\{"), "an open { and {");
}

static void figures_are_said(void **state)
{
	char t[40];
	struct u256 big;
	(void)state;
#define D(ms, want) say_duration(t, sizeof t, ms, " "), assert_string_equal(t, want)
	D(-5, "0 ms");
	D(44, "44 ms");
	D(950, "0.9 s");
	D(12000, "12 s");
	D(200000, "3 min");
	D(7200000, "2 h");
	D(4 * 86400000ll, "4 d");
	say_gwei(t, sizeof t, u256_of(18119999999));
	assert_string_equal(t, "18.11");
	say_eth(t, sizeof t, u256_of(15022517850000000));
	assert_string_equal(t, "0.01502");
	say_eth(t, sizeof t, u256_of(1842000000000000000));
	assert_string_equal(t, "1.842");
	say_eth(t, sizeof t, u256_of(1));
	assert_string_equal(t, "less than 0.00001");
	say_eth(t, sizeof t, u256_of(0));
	assert_string_equal(t, "0.000");
	assert_true(u256_from_dec(
		&big, STR("115792089237316195423570985008687907853269984665640564039457584007913129639935")));
	say_gwei(t, sizeof t, big);
}

/* Every template closes what it opens, and says something for a reason without a single key. */
static void the_table_is_whole(void **state)
{
	(void)state;
	for (const struct sentence *s = sentences; s->code; s++) {
		const char *parts[] = {s->verb, s->text, s->group, s->cure};
		assert_non_null(s->text);
		for (int i = 0; i < 4; i++) {
			int curly = 0, square = 0, ticks = 0;
			for (const char *p = parts[i]; p && *p; p++) {
				curly += (*p == '{') - (*p == '}');
				square += (*p == '[') - (*p == ']');
				ticks += *p == '`';
				assert_in_range(curly, 0, 1);
				assert_in_range(square, 0, 1);
			}
			assert_int_equal(curly + square + ticks % 2, 0);
		}
		for (const struct sentence *o = sentences; o < s; o++)
			assert_string_not_equal(o->code, s->code);
		assert_true(str_is(reason_known(str_of(s->code)), s->code));
	}
}

static int end(void **state)
{
	(void)state;
	buf_fini(&b);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reason_is_made_and_read),
		cmocka_unit_test(prose_is_itself),
		cmocka_unit_test(a_reason_is_said),
		cmocka_unit_test(rich_text_becomes_plain),
		cmocka_unit_test(figures_are_said),
		cmocka_unit_test(the_table_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, end);
}
