/* view: the live screen says first whether anything needs a person, then shows what waits where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconciler/view.c"

#include <stdlib.h>

static struct view v;
static struct buf out;

static int fresh(void **state)
{
	(void)state;
	v = (struct view){.app = "ktty",
		.chain = "main",
		.key = "token",
		.now_ms = 1800000000000,
		.utf8 = true,
		.width = 100,
		.loaded = true,
		.pg_ms = 0.4,
		.redis_ms = 0.1,
		.processes = {1, 1, 1, 1},
		.head = 26471921,
		.done = 26471921,
		.final = 26471909,
		.listening = true,
		.events = 5,
		.due_ms = -1,
		.events_per_min = 5,
		.batches_per_min = -1,
		.median_ms = -1,
		.slowest_ms = -1,
		.oldest_sending_ms = -1};
	buf_clear(&out);
	return 0;
}

static void shows(const char *text)
{
	if (!strstr(out.p, text))
		fail_msg("%s\ndoes not show: %s", out.p, text);
}

static struct view_life *life(const char *key, const char *batch)
{
	struct view_life *l = &v.lives[v.nlives++];
	*l = (struct view_life){.block = 26471900,
		.log = (int64_t)v.nlives,
		.nonce = 4,
		.mined_block = -1,
		.to_mined_ms = -1,
		.event_ms = 0};
	snprintf(l->key, sizeof l->key, "%s", key);
	snprintf(l->batch, sizeof l->batch, "%s", batch);
	snprintf(l->state, sizeof l->state, "batched");
	return l;
}

static void well(void **state)
{
	(void)state;
	v.median_ms = 12000;
	v.slowest_ms = 60000;
	view_render(&v, &out);
	shows(" ✓ Nothing needs you.   12 s from event to mined; the slowest this hour 60 s.");
	shows("   26 471 921");
	shows("PostgreSQL 0.4 ms · Redis 0.1 ms · Reconciler final to 26 471 909");
	shows("5.0 events/min");
	shows("counting batches");
	assert_null(strstr(out.p, " \n"));  /* no blank at a line's end */
	assert_null(strstr(out.p, "\033")); /* no colour unless asked */
}

static void what_needs_a_person_comes_first(void **state)
{
	(void)state;
	v.items_parked = 4;
	snprintf(v.parked_reason, sizeof v.parked_reason, "tokenMapping.json has no code for 4230");
	view_render(&v, &out);
	shows("Nothing needs you now. 4 parked: tokenMapping.json has no code for 4230");
	fresh(state);
	v.dead = 2;
	view_render(&v, &out);
	shows("▲ 2 failed for good.");
	fresh(state);
	v.halted = true;
	snprintf(v.halted_why, sizeof v.halted_why, "too deep");
	view_render(&v, &out);
	shows("▲ Chain main is halted.   Nothing is lost and nothing is destroyed.");
	fresh(state);
	v.listening = false;
	view_render(&v, &out);
	shows("▲ Listener does not hear chain main.");
	fresh(state);
	snprintf(v.waiting_reason, sizeof v.waiting_reason, "no funds");
	view_render(&v, &out);
	shows("▲ Submitter waits: no funds.");
}

static void postgresql_away_keeps_the_figures(void **state)
{
	(void)state;
	v.pg_away_ms = 12000;
	v.items_waiting = 4;
	view_render(&v, &out);
	shows("▲ PostgreSQL has not answered for 12 s.   Nothing is lost and nothing is sent twice.");
	shows("┄ 4 items ┄");
	shows("●");
	fresh(state);
	v.loaded = false;
	view_render(&v, &out);
	shows("Reading the figures of the fleet.");
}

static void first_start(void **state)
{
	(void)state;
	v.events = 0;
	v.processes[2] = 0;
	v.processes[0] = 2;
	view_render(&v, &out);
	shows("✓ Listening. No event yet.");
	shows("no Submitter");
	shows("Listener ×2");
}

static void lives_of_one_batch_are_braced(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		char key[8];
		snprintf(key, sizeof key, "%d", 9 - i);
		struct view_life *l = life(key, "41397");
		l->mined_block = 26471910;
		l->to_mined_ms = 60000;
		l->is_final = true;
		snprintf(l->offered, sizeof l->offered, "18.00 → 20.25");
		snprintf(l->final, sizeof l->final, "final");
	}
	life("4", "41396")->nonce = -1;
	view_render(&v, &out);
	shows("✓       9   26 471 900  00:00:00    41397   18.00 → 20.25           26 471 910     final          "
		  "  60 s");
	shows("✓       8     log 2                 │\n");
	shows("✓       7     log 3                 └\n");
	shows("to be signed");
}

static void unusual_lives_are_sentences(void **state)
{
	(void)state;
	struct view_life *l = life("13", "");
	snprintf(l->state, sizeof l->state, "parked");
	snprintf(l->reason, sizeof l->reason, "tokenMapping.json has no code for 13");
	l->age_ms = 38000;
	l = life("14", "");
	snprintf(l->state, sizeof l->state, "already");
	l = life("15", "");
	snprintf(l->state, sizeof l->state, "dead");
	snprintf(l->reason, sizeof l->reason, "InvalidTokenId()");
	l = life("16", "");
	l->taken_back = true;
	view_render(&v, &out);
	shows("‖      13");
	shows("parked 38 s: tokenMapping.json has no code for 13");
	shows("skipped: the chain has it already");
	shows("failed for good: InvalidTokenId()");
	shows("taken back: its event left the chain");
}

static void a_low_terminal_drops_lives_not_the_verdict(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		life("1", "1");
	v.foot = "rows psql\n";
	v.height = 20;
	view_render(&v, &out);
	assert_true(count_lines(out.p) <= 20);
	shows("Nothing needs you.");
	shows("rows psql");
}

static void plain_terminals(void **state)
{
	(void)state;
	v.utf8 = false;
	life("1", "7");
	view_render(&v, &out);
	for (size_t i = 0; i < out.n; i++)
		assert_true((unsigned char)out.p[i] < 0x80);
	v.color = true;
	buf_clear(&out);
	view_render(&v, &out);
	shows("\033[1m");
}

static void durations_and_numbers(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} d[] = {{0, "0.0 s"}, {950, "0.9 s"}, {9949, "9.9 s"}, {12000, "12 s"}, {119999, "119 s"},
		{200000, "3 min"}, {18000000, "5 h"}};
	char text[32];
	for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
		view_duration(text, sizeof text, d[i].ms);
		assert_string_equal(text, d[i].text);
	}
	view_grouped(text, sizeof text, 26471921);
	assert_string_equal(text, "26 471 921");
	view_grouped(text, sizeof text, 999);
	assert_string_equal(text, "999");
	view_grouped(text, sizeof text, -1);
	assert_string_equal(text, "-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(well, fresh),
		cmocka_unit_test_setup(what_needs_a_person_comes_first, fresh),
		cmocka_unit_test_setup(postgresql_away_keeps_the_figures, fresh),
		cmocka_unit_test_setup(first_start, fresh),
		cmocka_unit_test_setup(lives_of_one_batch_are_braced, fresh),
		cmocka_unit_test_setup(unusual_lives_are_sentences, fresh),
		cmocka_unit_test_setup(a_low_terminal_drops_lives_not_the_verdict, fresh),
		cmocka_unit_test_setup(plain_terminals, fresh),
		cmocka_unit_test(durations_and_numbers),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	buf_fini(&out);
	return rc;
}
