/* What is asked next of an endpoint, after what it said: with a clock of our own. */
#include "listener/learner.c"
#include "listener/refusal.c"
#include "listener/refusal_text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KB = 1024, MB = 1024 * 1024 };

static struct learner fresh(int64_t range, uint64_t rps)
{
	struct learner l;
	learner_init(&l, range, rps, NULL, 1000);
	return l;
}

static enum learner_next no(struct learner *l, struct refused r, int64_t from, int64_t blocks, uint64_t now)
{
	struct learner_asked asked = {.from = from, .to = from + blocks - 1, .calls = 1};
	if (blocks == 0)
		asked.from = asked.to = -1;
	return learner_refused(l, &r, &asked, now);
}
#define NO(l, from, blocks, ...) no((l), (struct refused){.oldest = -1, __VA_ARGS__}, (from), (blocks), 1000)

static void yes(struct learner *l, int64_t from, int64_t blocks)
{
	learner_good(l, from, blocks, 1, KB, 1000);
}

/* V-08: spans of exactly `range:` while nothing is in the way. */
static void range_as_configured(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	for (int64_t at = 0; at < 50000; at += 1000) {
		assert_int_equal(learner_blocks(&l, at), 1000);
		yes(&l, at, 1000);
	}
	assert_int_equal(l.version, 0);
}

static void a_said_cap_is_believed_when_it_worked(void **state)
{
	(void)state;
	struct learner l = fresh(10000, 0);
	assert_int_equal(
		NO(&l, 0, 10000, .class = REFUSAL_RANGE, .has_most = true, .most_blocks = 2048), LEARNER_SMALLER);
	assert_int_equal(learner_blocks(&l, 0), 2048);
	assert_int_equal(l.learned.range_cap, 0); /* not yet */
	yes(&l, 0, 2000);                         /* a tail proves nothing */
	assert_int_equal(l.learned.range_cap, 0);
	yes(&l, 0, 2048);
	assert_int_equal(l.learned.range_cap, 2048);
	assert_int_equal(l.version, 1);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(learner_blocks(&l, i * 2048), 2048); /* never exceeded again, never less */
		yes(&l, i * 2048, 2048);
	}
	struct learner again;
	learner_init(&again, 10000, 0, &l.learned, 0);
	assert_int_equal(learner_blocks(&again, 0), 2048);
}

/* Several were on their way when the first was refused. */
static void what_was_sent_before_changes_nothing(void **state)
{
	(void)state;
	struct learner l = fresh(10000, 0);
	for (int i = 0; i < 8; i++)
		NO(&l, i * 10000, 10000, .class = REFUSAL_RANGE);
	assert_int_equal(learner_blocks(&l, 0), 5000);
	NO(&l, 0, 5000, .class = REFUSAL_RANGE, .has_most = true, .most_blocks = 100);
	NO(&l, 0, 10000, .class = REFUSAL_RANGE);
	assert_int_equal(learner_blocks(&l, 0), 100);
	l = fresh(1024, 0);
	for (int i = 0; i < 8; i++)
		NO(&l, i * 1024, 1024, .class = REFUSAL_DENSITY);
	assert_int_equal(learner_blocks(&l, 0), 512);
}

static void a_wrong_proposal_is_left(void **state)
{
	(void)state;
	struct learner l = fresh(10000, 0);
	NO(&l, 0, 10000, .class = REFUSAL_RANGE, .has_most = true, .most_blocks = 1024);
	NO(&l, 0, 1024, .class = REFUSAL_RANGE); /* it meant "less than" */
	assert_int_equal(learner_blocks(&l, 0), 1023);
	NO(&l, 0, 1023, .class = REFUSAL_RANGE);
	assert_int_equal(learner_blocks(&l, 0), 511);
	yes(&l, 0, 511);
	assert_int_equal(l.learned.range_cap, 511);
}

static void without_a_number_it_halves_down_to_one(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	int tries = 0;
	for (int64_t n; (n = learner_blocks(&l, 0)) > 1; tries++)
		assert_int_equal(NO(&l, 0, n, .class = REFUSAL_RANGE), LEARNER_SMALLER);
	assert_in_range(tries, 9, 10);
	assert_int_equal(NO(&l, 0, 1, .class = REFUSAL_RANGE), LEARNER_ELSEWHERE); /* nonsense */
	assert_int_equal(l.learned.range_cap, 0);
	assert_int_equal(learner_blocks(&l, 0), 1000);
}

static void density_shrinks_and_regrows(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	assert_int_equal(NO(&l, 0, 1000, .class = REFUSAL_DENSITY), LEARNER_SMALLER);
	assert_int_equal(learner_blocks(&l, 0), 500);
	assert_int_equal(NO(&l, 0, 500, .class = REFUSAL_DENSITY), LEARNER_SMALLER);
	assert_int_equal(learner_blocks(&l, 0), 250);
	yes(&l, 0, 100); /* a tail says nothing */
	assert_int_equal(learner_blocks(&l, 0), 250);
	yes(&l, 0, 250);
	assert_int_equal(learner_blocks(&l, 250), 500);
	yes(&l, 250, 500);
	assert_int_equal(learner_blocks(&l, 750), 1000);
	assert_int_equal(l.learned.range_cap, 0);
}

/* A cap that is always there: the refusals become rare. */
static void regrowth_grows_patient(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	int refusals = 0;
	for (int i = 0; i < 1000; i++) {
		int64_t n = learner_blocks(&l, i);
		if (n > 300) {
			NO(&l, i, n, .class = REFUSAL_DENSITY);
			refusals++;
		} else {
			yes(&l, i, n);
		}
	}
	assert_in_range(refusals, 3, 25);
	for (int i = 0; i < 2000; i++) /* and easy again where nothing is dense */
		yes(&l, i, learner_blocks(&l, i));
	assert_int_equal(learner_blocks(&l, 0), 1000);
	assert_true(l.patience < PATIENCE_MOST);
}

static void a_proposed_range_is_asked_next(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	NO(&l, 100, 1000, .class = REFUSAL_DENSITY, .has_range = true, .from = 100, .to = 136);
	assert_int_equal(learner_blocks(&l, 100), 37);
	NO(&l, 100, 37, .class = REFUSAL_DENSITY); /* it does not keep its word */
	assert_int_equal(learner_blocks(&l, 100), 18);
	l = fresh(1000, 0);
	NO(&l, 100, 1000, .class = REFUSAL_DENSITY, .has_range = true, .from = 200, .to = 236); /* elsewhere */
	assert_int_equal(learner_blocks(&l, 100), 500);
}

static void one_dense_block_is_the_floor(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	assert_int_equal(NO(&l, 70, 1, .class = REFUSAL_DENSITY), LEARNER_FLOOR);
	assert_int_equal(learner_blocks(&l, 70), 1);
	assert_int_equal(learner_blocks(&l, 60), 10); /* no range goes over it */
	assert_int_equal(learner_blocks(&l, 71), 1000);
}

static void replies_have_a_good_size(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	learner_good(&l, 0, 1000, 250000, 160 * MB, 1000);
	int64_t n = learner_blocks(&l, 1000);
	assert_in_range(n * 160 * MB / 1000, MB / 4, MB);
	learner_good(&l, 1000, n, 0, 512 * KB, 1000);
	assert_int_equal(learner_blocks(&l, 2000), n); /* it stays while it is good */
	for (int i = 0; i < 40; i++)
		learner_good(&l, 3000, learner_blocks(&l, 3000), 0, 100, 1000);
	assert_int_equal(learner_blocks(&l, 4000), 1000);
	l = fresh(1000, 0);
	learner_hint(&l, 250, 10 * KB, 1);
	n = learner_blocks(&l, 0);
	assert_in_range(n * 10, 80, 250); /* a part of a good size */
	learner_hint(&l, 0, 0, 1000);     /* known already */
	assert_int_equal(learner_blocks(&l, 0), n);
	learner_good(&l, 0, n, 250, (uint64_t)n * 100 * KB, 1000); /* ten times as much: believed at once */
	assert_in_range(learner_blocks(&l, 0), 3, 10);
	l = fresh(1000, 0);
	learner_hint(&l, 250, 10 * KB, 1);
	learner_good(&l, 0, n, 250, (uint64_t)n * 25 * KB, 1000); /* it would do, and as many as fit are better */
	assert_in_range(learner_blocks(&l, 0) * 25, 800, 1024);
}

static void a_results_cap_is_kept_clear_of(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	learner_good(&l, 0, 10, 400, 200 * KB, 1000);
	NO(&l, 10, 1000, .class = REFUSAL_DENSITY, .most_results = 10000);
	assert_int_equal(l.learned.results_cap, 10000);
	for (int i = 0; i < 20; i++)
		learner_good(&l, 0, 1, 40, 1000, 1000);
	assert_true(learner_blocks(&l, 0) * 40 <= 10000);
}

static void timeouts(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	assert_int_equal(NO(&l, 0, 1000, .class = REFUSAL_TIMEOUT), LEARNER_SMALLER);
	assert_int_equal(learner_blocks(&l, 0), 500);
	assert_int_equal(NO(&l, 0, 1, .class = REFUSAL_TIMEOUT), LEARNER_WAIT);
	assert_int_equal(NO(&l, 0, 1, .class = REFUSAL_TIMEOUT), LEARNER_FLOOR);
	assert_int_equal(NO(&l, 0, 0, .class = REFUSAL_TIMEOUT), LEARNER_ELSEWHERE);
}

static void a_rate_limit_slows_and_never_shrinks(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(learner_may_send(&l, 1000, 1), 0);
	uint32_t before = l.parallel;
	for (int i = 0; i < 8; i++) /* all that was in flight is refused */
		assert_int_equal(NO(&l, 0, 1000, .class = REFUSAL_RATE), LEARNER_WAIT);
	assert_int_equal(l.parallel, before / 2);
	assert_int_equal(l.rate, 28000); /* seven tenths of 40 a second */
	assert_int_equal(l.limited, 1);
	assert_int_equal(learner_blocks(&l, 0), 1000);
	assert_int_equal(learner_may_send(&l, 1000, 1), 500);
	assert_true(learner_may_send(&l, 1500, 1) < 500);
	/* what it says itself is obeyed */
	no(&l, (struct refused){.class = REFUSAL_RATE, .retry_after_ms = 7000}, 0, 1000, 2000);
	assert_int_equal(l.wait_ms, 7000);
	assert_int_equal(learner_may_send(&l, 8999, 1), 1);
	/* without a word the pauses grow */
	l = fresh(1000, 0);
	uint64_t now = 1000, last = 0;
	for (int i = 0; i < 6; i++, now += last + 1) {
		no(&l, (struct refused){.class = REFUSAL_RATE}, 0, 1000, now);
		assert_true(l.wait_ms > last);
		last = l.wait_ms;
	}
	learner_calm(&l, now);
	assert_int_equal(l.limited, 0);
}

static void what_is_booked_in_a_pause_leaves_one_by_one(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 1); /* one call a second */
	assert_int_equal(learner_book(&l, 1000, 1), 0);
	no(&l, (struct refused){.class = REFUSAL_RATE, .retry_after_ms = 5000}, 0, 1000, 1000);
	assert_int_equal(learner_book(&l, 2000, 1), 4000);
	assert_int_equal(learner_book(&l, 2000, 1), 5001);
	assert_int_equal(learner_wait(&l, 6000, 1), 2001); /* behind both */
	assert_true(learner_may_send(&l, 6000, 1) > 0);
	learner_spent(&l, 3000, 1); /* one that could not wait: the next one pays */
	assert_true(learner_wait(&l, 6000, 1) >= 3000);
	assert_int_equal(learner_wait(&l, 20000, 1), 0);
}

static void a_learned_rate_grows_again(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	for (int i = 0; i < 20; i++)
		learner_may_send(&l, 1000, 1);
	NO(&l, 0, 1000, .class = REFUSAL_RATE);
	assert_int_equal(l.rate, 14000);
	uint64_t now = 2000;
	for (int i = 0; i < 20000; i++)
		now += learner_may_send(&l, now, 1);
	assert_int_equal(l.rate, 0); /* nothing was refused: it is none any more */
	l = fresh(1000, 10);
	NO(&l, 0, 1000, .class = REFUSAL_RATE);
	for (int i = 0; i < 20000; i++)
		now += learner_may_send(&l, now, 1);
	assert_int_equal(l.rate, 10000); /* never above what is configured */
}

/* The time until so many calls have been sent, in requests that fit. */
static uint64_t passes(struct learner *l, uint64_t *now, int64_t calls)
{
	uint64_t from = *now;
	while (calls > 0) {
		int64_t n = learner_calls(l, calls);
		uint64_t wait = learner_may_send(l, *now, (uint32_t)n);
		assert_true(wait <= 2000); /* it slows, it never stalls */
		*now += wait;
		calls -= wait == 0 ? n : 0;
	}
	return *now - from;
}

static void one_word_early_slows_little(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	uint64_t now = 1000;
	assert_int_equal(learner_may_send(&l, now, 1), 0); /* the first question of all */
	NO(&l, 0, 0, .class = REFUSAL_RATE);
	assert_int_equal(l.rate, RATE_FIRST); /* not seven tenths of one call a second */
	now = l.pause_until_ms;
	assert_true(passes(&l, &now, 40) <= 4500);
	assert_true(passes(&l, &now, 10000) <= 15000); /* faster and faster */
	assert_int_equal(l.rate, 0);
}

static void what_is_owed_to_a_learned_rate_is_bounded(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	NO(&l, 0, 1000, .class = REFUSAL_RATE);
	l.rate = RATE_LEAST;
	learner_spent(&l, 1500, 500);
	assert_in_range(learner_wait(&l, 1500, 1), 1, 2001);
	assert_in_range(learner_wait(&l, 1500, 500), 1, 2001);
	l = fresh(1000, 1);
	learner_spent(&l, 1500, 10);
	assert_true(learner_wait(&l, 1500, 1) > 8000); /* what is configured is meant */
}

/* The calls of a request are counted by some: one of more than a second's worth is refused for ever. */
static void requests_fit_into_a_second(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 3);
	assert_int_equal(learner_calls(&l, 16), 3);
	l = fresh(1000, 0);
	assert_int_equal(learner_calls(&l, 16), 16);
	uint64_t now = 1000;
	struct refused r = {.class = REFUSAL_RATE, .oldest = -1};
	struct learner_asked asked = {.from = -1, .to = -1};
	int refusals = 0;
	while ((asked.calls = learner_calls(&l, 16)) > 2) {
		learner_refused(&l, &r, &asked, now);
		now = l.pause_until_ms;
		assert_true(++refusals < 8);
	}
	/* refused alone, and nothing answered in between: less would not help either */
	uint64_t rate = l.rate;
	asked.calls = 1;
	for (int i = 0; i < 10; i++, now = l.pause_until_ms)
		learner_refused(&l, &r, &asked, now);
	assert_int_equal(l.rate, rate);
	learner_calm(&l, now);
	learner_refused(&l, &r, &asked, now);
	assert_true(l.rate < rate);
}

static void the_bucket_holds_to_rps(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 25);
	uint64_t now = 1000;
	int sent = 0;
	while (now < 11000) {
		uint64_t wait = learner_may_send(&l, now, 1);
		sent += wait == 0;
		now += wait;
	}
	assert_in_range(sent, 250, 275); /* ten seconds, and what the bucket held */
	/* a batch larger than a second's worth still goes, and is paid for afterwards */
	l = fresh(1000, 5);
	assert_int_equal(learner_may_send(&l, 1000, 20), 0);
	assert_in_range(learner_may_send(&l, 1000, 1), 3000, 3300);
	learner_spent(&l, 1000, 5);
	assert_in_range(learner_may_send(&l, 1000, 1), 4000, 4300);
}

static void more_in_flight_while_all_is_well(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	for (int i = 0; i < 100; i++)
		yes(&l, 0, 1000);
	assert_int_equal(l.parallel, LEARNER_PARALLEL_MOST);
	NO(&l, 0, 1000, .class = REFUSAL_RATE);
	assert_int_equal(l.parallel, LEARNER_PARALLEL_MOST / 2);
	yes(&l, 0, 1000);
	assert_int_equal(l.parallel, LEARNER_PARALLEL_MOST / 2); /* slower than the first time */
}

static void a_head_race_waits(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	uint64_t last = 0;
	for (int i = 0; i < RACES - 1; i++) {
		assert_int_equal(NO(&l, 9, 1, .class = REFUSAL_HEAD), LEARNER_WAIT);
		assert_true(l.wait_ms > last);
		last = l.wait_ms;
	}
	assert_int_equal(NO(&l, 9, 1, .class = REFUSAL_HEAD), LEARNER_ELSEWHERE);
	assert_int_equal(learner_blocks(&l, 0), 1000);
}

static void pruned_history_is_a_mark(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	assert_int_equal(NO(&l, 500, 1000, .class = REFUSAL_PRUNED), LEARNER_ELSEWHERE);
	assert_false(learner_has(&l, 500));
	assert_true(learner_has(&l, 501));
	assert_int_equal(l.version, 1);
	no(&l, (struct refused){.class = REFUSAL_PRUNED, .oldest = 15000}, 1500, 1000, 1000);
	assert_false(learner_has(&l, 14999));
	assert_true(learner_has(&l, 15000));
	yes(&l, 600, 10); /* it had it after all */
	assert_true(learner_has(&l, 600));
	assert_false(learner_has(&l, 599));
	/* it is felt for in growing steps */
	l = fresh(1000, 0);
	int asked = 0;
	for (int64_t at = 0; at < 1000000; at += 1000)
		if (learner_has(&l, at)) {
			NO(&l, at, 1000, .class = REFUSAL_PRUNED);
			asked++;
		}
	assert_in_range(asked, 10, 40);
}

static void batches_and_filters_get_smaller(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	struct learner_asked asked = {.from = -1, .to = -1, .calls = 401};
	struct refused r = {.class = REFUSAL_BATCH, .most_calls = 100};
	assert_int_equal(learner_calls(&l, 401), 401);
	assert_int_equal(learner_refused(&l, &r, &asked, 0), LEARNER_SMALLER);
	assert_int_equal(learner_calls(&l, 401), 100);
	r.most_calls = 0;
	asked.calls = 100;
	learner_refused(&l, &r, &asked, 0);
	assert_int_equal(learner_calls(&l, 401), 50);
	asked.calls = 1;
	assert_int_equal(learner_refused(&l, &r, &asked, 0), LEARNER_ELSEWHERE);
	r = (struct refused){.class = REFUSAL_FILTER, .most_calls = 1000};
	asked.filter = 3000;
	assert_int_equal(learner_refused(&l, &r, &asked, 0), LEARNER_SMALLER);
	assert_int_equal(learner_filter(&l, 3000), 1000);
	assert_int_equal(learner_filter(&l, 7), 7);
	assert_int_equal(l.version, 3);
}

static void the_rest_goes_elsewhere(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	assert_int_equal(NO(&l, 0, 1000, .class = REFUSAL_OTHER), LEARNER_ELSEWHERE);
	assert_int_equal(NO(&l, 0, 1000, .class = REFUSAL_INCONSISTENT), LEARNER_ELSEWHERE);
	assert_int_equal(learner_blocks(&l, 0), 1000);
	assert_int_equal(l.version, 0);
}

/* It may be about the size: smaller is tried, and no cap is made of it. */
static void what_nobody_understands_is_asked_smaller(void **state)
{
	(void)state;
	struct learner l = fresh(1000, 0);
	NO(&l, 0, 1000, .class = REFUSAL_OTHER);
	yes(&l, 0, 1000);
	NO(&l, 0, 1000, .class = REFUSAL_OTHER);
	assert_int_equal(learner_blocks(&l, 0), 1000); /* once in a row */
	assert_int_equal(NO(&l, 0, 1000, .class = REFUSAL_METHOD), LEARNER_ELSEWHERE);
	assert_int_equal(learner_blocks(&l, 0), 500);
	for (int i = 0; i < 40; i++)
		NO(&l, 0, learner_blocks(&l, 0), .class = REFUSAL_OTHER);
	assert_int_equal(learner_blocks(&l, 0), 1);
	for (int64_t at = 0; at < 200; at++)
		yes(&l, at, learner_blocks(&l, at));
	assert_int_equal(learner_blocks(&l, 0), 1000);
	assert_int_equal(l.version, 0);
}

/* Whatever comes, what is asked stays between one block and the cap, and a refused size is never asked again
 * at once. */
static void anything_in_any_order(void **state)
{
	(void)state;
	uint64_t x = 88172645463325252ull, now = 0;
	struct learner l = fresh(1000, 0);
	for (int i = 0; i < 200000; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		int64_t from = (int64_t)(x >> 40), n = learner_blocks(&l, from);
		assert_in_range(n, 1, 1000);
		assert_true(l.learned.range_cap == 0 || n <= l.learned.range_cap);
		assert_in_range(l.parallel, 1, LEARNER_PARALLEL_MOST);
		now += learner_may_send(&l, now, (uint32_t)(1 + x % 7));
		struct refused r = {.class = (enum refusal)(1 + x % (REFUSAL_KINDS - 1)),
			.has_most = x & 64,
			.most_blocks = (int64_t)(x >> 20 & 2047),
			.oldest = -1,
			.most_calls = (int64_t)(x >> 30 & 63),
			.has_range = x & 128,
			.from = from,
			.to = from + (int64_t)(x >> 22 & 511),
			.most_results = (int64_t)(x >> 10 & 4095)};
		if (x & 256)
			learner_good(&l, from, n, x >> 50, x >> 34, now);
		else if (no(&l, r, from, n, now) == LEARNER_SMALLER && r.class <= REFUSAL_TIMEOUT)
			assert_true(learner_blocks(&l, from) < n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_as_configured),
		cmocka_unit_test(a_said_cap_is_believed_when_it_worked),
		cmocka_unit_test(what_was_sent_before_changes_nothing),
		cmocka_unit_test(a_wrong_proposal_is_left),
		cmocka_unit_test(without_a_number_it_halves_down_to_one),
		cmocka_unit_test(density_shrinks_and_regrows),
		cmocka_unit_test(regrowth_grows_patient),
		cmocka_unit_test(a_proposed_range_is_asked_next),
		cmocka_unit_test(one_dense_block_is_the_floor),
		cmocka_unit_test(replies_have_a_good_size),
		cmocka_unit_test(a_results_cap_is_kept_clear_of),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(a_rate_limit_slows_and_never_shrinks),
		cmocka_unit_test(what_is_booked_in_a_pause_leaves_one_by_one),
		cmocka_unit_test(a_learned_rate_grows_again),
		cmocka_unit_test(one_word_early_slows_little),
		cmocka_unit_test(what_is_owed_to_a_learned_rate_is_bounded),
		cmocka_unit_test(requests_fit_into_a_second),
		cmocka_unit_test(the_bucket_holds_to_rps),
		cmocka_unit_test(more_in_flight_while_all_is_well),
		cmocka_unit_test(a_head_race_waits),
		cmocka_unit_test(pruned_history_is_a_mark),
		cmocka_unit_test(batches_and_filters_get_smaller),
		cmocka_unit_test(the_rest_goes_elsewhere),
		cmocka_unit_test(what_nobody_understands_is_asked_smaller),
		cmocka_unit_test(anything_in_any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
