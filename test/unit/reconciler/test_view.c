/* view: the live screen says first whether anything needs a person, then shows what waits where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconciler/pane.c"
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
		.tone = "well",
		.h1 = "Nothing needs you.",
		.lead = "Everything flows.",
		.chosen = -1,
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
	view_render(&v, &out);
	shows(" ✓ Nothing needs you.   Everything flows.");
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
	v.tone = "stop";
	v.h1 = "PostgreSQL has not answered for 12 s.";
	v.lead = "Nothing is lost and nothing is sent twice.";
	v.you = "If you are restarting it, do nothing.";
	v.meanwhile = "Readiness answers 503.";
	v.others[0] = "Redis does not answer.";
	v.color = true;
	view_render(&v, &out);
	shows("\033[1;31mPostgreSQL has not answered for 12 s.\033[0m   Nothing is lost and nothing is sent "
		  "twice.");
	shows("You        \033[0mIf you are restarting it, do nothing.\n");
	shows("Meanwhile  \033[0mReadiness answers 503.\n");
	shows("Also       \033[0mRedis does not answer.\n");
	assert_null(strstr(out.p, "Seen"));
	fresh(state);
	v.tone = "wait";
	v.color = true;
	view_render(&v, &out);
	shows("\033[33m ▲ ");
	fresh(state);
	v.redis_ms = -1;
	view_render(&v, &out);
	shows("Redis no answer");
	fresh(state);
	v.listening = false;
	view_render(&v, &out);
	shows("●"); /* the chain's own ring is closed */
}

static void postgresql_away_keeps_the_figures(void **state)
{
	(void)state;
	v.pg_away_ms = 12000;
	v.items_waiting = 4;
	v.figures_ms = 1800000000000 - 12000;
	v.color = true;
	life("9", "41397");
	view_render(&v, &out);
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

/* A section stands under the verdict, in the page's own words. */
static void a_section_is_lines(void **state)
{
	struct buf pane = {0};
	(void)state;
	pane_of(&pane, VIEW_PARKED,
		STR("{\"parked\":{\"n\":1,\"groups\":[{\"what\":\"4217 and 4230\",\"sub\":\"parked {@1799999962000} "
			"ago\",\"cause\":\"*tokenMapping.json has no code for them.*\",\"cure\":\"Add the two "
			"keys.\"}]}}"),
		v.now_ms, true);
	assert_string_equal(pane.p,
		"4217 and 4230   parked 38 s ago\n\ttokenMapping.json has no code for them.\n\tAdd the two keys.\n");
	v.section = VIEW_PARKED;
	v.pane = pane.p;
	v.keys = true;
	view_render(&v, &out);
	shows("\n   4217 and 4230 parked 38 s ago\n     tokenMapping.json has no code for them.\n     Add the "
		  "two keys.\n");
	shows(" / filter   j k line   enter unfold");
	assert_null(strstr(out.p, "Listener"));
	buf_clear(&pane);
	pane_of(&pane, VIEW_STORY,
		STR("{\"title\":\"7 is done\",\"lines\":[{\"at\":1763694769120,\"verb\":\"Mined.\",\"text\":\"Block "
			"{#26471888}.\"},{\"at\":null,\"verb\":\"At rest.\",\"text\":\"`x`\"}]}"),
		v.now_ms, true);
	assert_string_equal(pane.p, "7 is done\n\t03:12:49  Mined. Block 26 471 888.\n\tnow       At rest. x\n");
	buf_clear(&pane);
	pane_of(&pane, VIEW_CHAINS, STR("not json"), v.now_ms, true);
	pane_of(&pane, VIEW_SIGNERS, STR("{}"), v.now_ms, true);
	assert_string_equal(pane.p, "No signer is declared.\n");
	buf_fini(&pane);
}

static void a_line_is_chosen_and_a_filter_typed(void **state)
{
	(void)state;
	life("9", "41397");
	life("8", "41397");
	v.chosen = 1;
	view_render(&v, &out);
	shows("\n▸◐       8");
	shows("\n ◐       9");
	v.chosen = -2;
	v.typed = "42";
	buf_clear(&out);
	view_render(&v, &out);
	shows(" / 42▏");
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
			v.pg_away_ms = what == 1 ? 11000 : 0;
			v.h1 = what == 2
					   ? "PostgreSQL has not answered for 12 s, and what else is to be said here takes room."
					   : v.h1;
			v.lead = "the chain went back further than the window of 64 blocks: at 26471 it holds another "
					 "block than we";
			v.you = what == 1 ? "If not, look at db-1: systemctl status postgresql there, or pg_isready -h "
								"db-1 from here, or both."
							  : NULL;
			v.pane = "\tconnection to server on socket \"/a/long/way/.s.PGSQL.5432\" failed: No such file or "
					 "directory of that name\n";
			v.section = what == 4 ? VIEW_CHAINS : VIEW_NOW;
			v.absent_ms[3] = what == 3 ? 60000 : 0;
			v.listening = what != 5;
			v.redis_ms = what == 6 ? -1 : 0.1;
			v.items_parked = 7;
			view_render(&v, &out);
			if (widest(out.p) > width)
				fail_msg("%d columns of %d:\n%s", widest(out.p), width, out.p);
			if (what != 4)
				shows(width >= 100 ? "0x5fbd…180aa3" : "0x5…aa3");
		}
}

static void first_start(void **state)
{
	(void)state;
	v.tone = "sea";
	v.h1 = "Listening. No event yet.";
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
		cmocka_unit_test_setup(a_section_is_lines, fresh),
		cmocka_unit_test_setup(a_line_is_chosen_and_a_filter_typed, fresh),
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
