/* view: the live screen says first whether anything needs a person, then shows what waits where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconciler/view.c"
#include "reconciler/view_lives.c"
#include "reconciler/view_text.c"

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
	shows("Nothing needs you now.\n   4 parked: tokenMapping.json has no code for 4230\n");
	fresh(state);
	v.dead = 2;
	view_render(&v, &out);
	shows("▲ 2 failed for good.");
	fresh(state);
	v.halted = true;
	snprintf(v.halted_why, sizeof v.halted_why, "too deep");
	view_render(&v, &out);
	shows("▲ Chain main is halted.   Nothing is lost and nothing is destroyed.");
	shows("   Why        too deep\n");
	fresh(state);
	v.redis_ms = -1;
	view_render(&v, &out);
	shows("▲ Redis does not answer.   Nothing is lost; PostgreSQL is read once a second instead.");
	shows("Redis no answer");
	fresh(state);
	v.listening = false;
	view_render(&v, &out);
	shows("▲ Listener does not hear chain main.");
	shows("●"); /* the chain's own ring is closed */
	fresh(state);
	snprintf(v.waiting_reason, sizeof v.waiting_reason, "no funds");
	view_render(&v, &out);
	shows("▲ Submitter waits: no funds.   Nothing is lost; it goes on by itself when the reason is gone.");
}

static void postgresql_away_keeps_the_figures(void **state)
{
	(void)state;
	v.pg_away_ms = 12000;
	v.items_waiting = 4;
	v.figures_ms = 1800000000000 - 12000;
	v.color = true;
	snprintf(v.pg_server, sizeof v.pg_server, "PostgreSQL ktty on db-1:5432");
	snprintf(v.pg_reason, sizeof v.pg_reason, "connection refused");
	life("9", "41397");
	view_render(&v, &out);
	shows("PostgreSQL has not answered for 12 s.");
	shows("   Nothing is lost and nothing is sent twice.");
	shows("see whether it runs: PostgreSQL ktty on db-1:5432\n");
	shows("It said");
	shows("connection refused");
	shows(" 4 items ");
	shows("▒▒▓");
	shows("●");
	shows("as of 07:59:48");
	shows("\033[2m ◐       9   26"); /* what is old is dim, whatever it was */
	fresh(state);
	v.loaded = false;
	view_render(&v, &out);
	shows("Reading the figures of the fleet.");
}

static void a_program_that_is_gone_is_the_verdict(void **state)
{
	(void)state;
	v.absent_ms[2] = 1;
	view_render(&v, &out);
	shows("▲ No submitter works.   Nothing is lost.");
	shows("   You        start fairlead-submitter, or read its log: it says why it ended");
	fresh(state);
	v.absent_ms[0] = 12000;
	v.color = true;
	view_render(&v, &out);
	shows("\033[1;31mNo listener has worked for 12 s.");
	fresh(state);
	v.absent_ms[1] = 3000;
	v.color = true;
	view_render(&v, &out);
	shows("\033[33mNo batcher has worked for 3.0 s.");
}

static int widest(const char *s)
{
	int most = 0;
	for (const char *end; (end = strchr(s, '\n')); s = end + 1) {
		char line[1000];
		snprintf(line, sizeof line, "%.*s", (int)(end - s), s);
		int n = view_columns(line);
		most = n > most ? n : most;
	}
	return most;
}

/* Each line fits from 80 columns on, whatever is the matter. */
static void a_long_reading_says_how_long(void **state)
{
	(void)state;
	v.catching_up = true;
	v.head = 21000000;
	v.done = v.head - 180 * 1250;
	v.blocks_per_s = 1250;
	view_render(&v, &out);
	shows("1 250 blocks/s");
	shows("3 min to go");
	v.blocks_per_s = 0;
	buf_clear(&out);
	view_render(&v, &out);
	shows("catching up");
}

static void every_line_fits(void **state)
{
	for (int width = 80; width <= 160; width += 20)
		for (int what = 0; what < 7; what++) {
			fresh(state);
			v.width = width;
			struct view_life *l = life("0x5fbdb2315678afecb367f032d93f642f64180aa3", "41397");
			snprintf(l->offered, sizeof l->offered, "18.00 → 20.25 → 22.78");
			l->mined_block = 26471910;
			snprintf(l->final, sizeof l->final, "12 of 64");
			l->to_mined_ms = 60000;
			v.events = 123456789;
			v.events_per_min = v.batches_per_min = 1360.5;
			v.sending_items = v.sending = v.items_waiting = v.applied_lag = 12345;
			v.median_ms = v.oldest_sending_ms = 3500;
			v.slowest_ms = 3000000;
			v.pg_away_ms = what == 1 ? 11000 : 0;
			snprintf(v.pg_server, sizeof v.pg_server, "PostgreSQL ktty on /a/long/way/down/to/its/socket");
			snprintf(v.pg_reason, sizeof v.pg_reason,
				"connection to server on socket \"/a/long/way/.s.PGSQL.5432\" failed: No such file or "
				"directory");
			v.halted = what == 2;
			snprintf(v.halted_why, sizeof v.halted_why,
				"the chain went back further than the window of 64 blocks: at 26471 it holds another block "
				"than we");
			v.absent_ms[3] = what == 3 ? 60000 : 0;
			v.dead = what == 4;
			v.listening = what != 5;
			v.redis_ms = what == 6 ? -1 : 0.1;
			v.items_parked = 7;
			snprintf(v.parked_reason, sizeof v.parked_reason,
				"tokenMapping.json has no code for 4230 and a name that goes on for quite a while, says the "
				"rule");
			view_render(&v, &out);
			if (widest(out.p) > width)
				fail_msg("%d columns of %d:\n%s", widest(out.p), width, out.p);
			shows(width >= 100 ? "0x5fbd…180aa3" : "0x5…aa3");
		}
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
	shows("✓       9   26 471 900  00:00:00   41397   18.00 → 20.25          26 471 910     final     "
		  "    60 s");
	shows("✓       8     log 2                │\n");
	shows("✓       7     log 3                └\n");
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
	buf_clear(&out);
	v.height = 12; /* the figures of the rope and the foot go next */
	view_render(&v, &out);
	assert_true(count_lines(out.p) < 12);
	shows("Nothing needs you.");
	assert_null(strstr(out.p, "rows psql"));
	assert_null(strstr(out.p, "events/min"));
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
		cmocka_unit_test_setup(a_program_that_is_gone_is_the_verdict, fresh),
		cmocka_unit_test_setup(a_long_reading_says_how_long, fresh),
		cmocka_unit_test_setup(every_line_fits, fresh),
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
