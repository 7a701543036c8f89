/* window: the stored hashes, and what makes a reorg of an answer (R5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "listener/window.c"

static void fill(uint8_t hash[32], int64_t number, int branch)
{
	memset(hash, 0, 32);
	memcpy(hash, &number, sizeof number);
	hash[31] = (uint8_t)branch;
}

static void add(struct window *w, int64_t number)
{
	uint8_t h[32];
	fill(h, number, 0);
	window_add(w, number, h);
}

/* What a node says whose chain differs from `fork` on and knows nothing above `head`. */
static enum window_verdict ask(const struct window *w, int64_t fork, int64_t head, int64_t *ancestor)
{
	struct window_search s;
	int64_t numbers[WINDOW_PROBES];
	int rounds = 0;
	window_search_init(&s, w);
	for (size_t n; (n = window_search_next(&s, numbers)) > 0; rounds++)
		for (size_t i = 0; i < n; i++) {
			uint8_t h[32];
			assert_true(i == 0 || numbers[i] > numbers[i - 1]);
			fill(h, numbers[i], numbers[i] >= fork);
			window_search_heard(&s, numbers[i], numbers[i] <= head ? h : NULL);
		}
	assert_true(rounds <= 6);
	return window_search_verdict(&s, ancestor);
}

static void keeps_at_least_cap_and_forgets_the_rest(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 4);
	for (int64_t i = 10; i < 100; i++) {
		add(&w, i);
		assert_true(w.n <= 8);
		assert_int_equal(window_top(&w)->number, i);
		for (int64_t k = i < 13 ? 10 : i - 3; k <= i; k++)
			assert_non_null(window_hash(&w, k));
	}
	assert_null(window_hash(&w, 10));
	assert_null(window_hash(&w, 100));
	window_cut(&w, 98);
	assert_int_equal(window_top(&w)->number, 97);
	window_add(&w, 500, window_top(&w)->hash); /* a jump */
	assert_int_equal(w.n, 1);
	window_clear(&w);
	assert_null(window_top(&w));
	window_fini(&w);
}

static void finds_the_ancestor(void **state)
{
	(void)state;
	struct window w;
	int64_t ancestor = -1;
	window_init(&w, 16);
	for (int64_t i = 100; i <= 110; i++)
		add(&w, i);
	assert_int_equal(ask(&w, 1000, 110, &ancestor), WINDOW_SAME);
	assert_int_equal(ask(&w, 110, 110, &ancestor), WINDOW_REORG);
	assert_int_equal(ancestor, 109);
	assert_int_equal(ask(&w, 101, 200, &ancestor), WINDOW_REORG);
	assert_int_equal(ancestor, 100);
	assert_int_equal(ask(&w, 100, 200, &ancestor), WINDOW_DEEPER);
	assert_int_equal(ask(&w, 5, 200, &ancestor), WINDOW_DEEPER);
	window_fini(&w);
}

static void what_is_not_known_is_never_a_reorg(void **state)
{
	(void)state;
	struct window w;
	int64_t ancestor = -1;
	window_init(&w, 16);
	for (int64_t i = 100; i <= 110; i++)
		add(&w, i);
	assert_int_equal(ask(&w, 1000, 50, &ancestor), WINDOW_SAME);
	assert_int_equal(ask(&w, 105, 104, &ancestor), WINDOW_SAME); /* shortened: nothing there to differ yet */
	assert_int_equal(ask(&w, 104, 104, &ancestor), WINDOW_REORG);
	assert_int_equal(ancestor, 103);
	window_fini(&w);
}

static void every_depth_of_a_large_window(void **state)
{
	(void)state;
	struct window w;
	window_init(&w, 1000);
	for (int64_t i = 1; i <= 900; i++)
		add(&w, i);
	for (int64_t fork = 1; fork <= 901; fork++) {
		int64_t ancestor = -1;
		enum window_verdict v = ask(&w, fork, fork % 3 ? 2000 : fork + 2, &ancestor);
		assert_int_equal(v, fork == 901 ? WINDOW_SAME : fork == 1 ? WINDOW_DEEPER : WINDOW_REORG);
		if (v == WINDOW_REORG)
			assert_int_equal(ancestor, fork - 1);
	}
	window_fini(&w);
}

static void answers_of_two_branches_prove_nothing(void **state)
{
	(void)state;
	struct window w;
	struct window_search s;
	int64_t ancestor = -1;
	uint8_t other[32], ours[32];
	window_init(&w, 16);
	for (int64_t i = 1; i <= 10; i++)
		add(&w, i);
	window_search_init(&s, &w);
	fill(other, 5, 1);
	fill(ours, 7, 0);
	window_search_heard(&s, 5, other);
	window_search_heard(&s, 7, ours); /* the chain moved back while it answered */
	assert_int_equal(window_search_verdict(&s, &ancestor), WINDOW_SAME);
	window_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_at_least_cap_and_forgets_the_rest),
		cmocka_unit_test(finds_the_ancestor),
		cmocka_unit_test(what_is_not_known_is_never_a_reorg),
		cmocka_unit_test(every_depth_of_a_large_window),
		cmocka_unit_test(answers_of_two_branches_prove_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
