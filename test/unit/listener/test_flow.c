/* flow: many questions where the way is long, few where answers wait for something that does one after the
 * other. */
#include "listener/flow.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Answers take way_us, and work_us of the one thing that does all of them: the endpoint, PostgreSQL, or us.
 */
struct world {
	uint64_t way_us, work_us, bytes, now, free_at, sent[FLOW_MOST];
	uint32_t out;
	struct flow f;
};

static void begin(struct world *w, uint64_t way_us, uint64_t work_us)
{
	*w = (struct world){.way_us = way_us, .work_us = work_us, .bytes = 500000, .now = 1000000};
	flow_begin(&w->f, way_us);
}

/* n answers. What was asked at once on average in the last half of them. */
static uint32_t goes(struct world *w, int n)
{
	uint64_t sum = 0;
	for (int done = 0; done < n; done++) {
		for (flow_asked(&w->f, w->now); w->out < w->f.now; w->out++)
			w->sent[w->out] = w->now;
		assert_in_range(w->f.now, 1, FLOW_MOST);
		uint64_t here = w->sent[0] + w->way_us;
		w->now = w->free_at = (here > w->free_at ? here : w->free_at) + w->work_us;
		for (uint32_t i = 1; i < w->out; i++)
			w->sent[i - 1] = w->sent[i];
		w->out--;
		flow_answered(&w->f, w->now, w->bytes);
		if (done >= n / 2)
			sum += w->f.now;
	}
	return (uint32_t)(sum * 2 / (uint64_t)n);
}

static void settles(uint64_t way_us, uint64_t work_us, uint32_t least, uint32_t most)
{
	struct world w;
	begin(&w, way_us, work_us);
	assert_in_range(goes(&w, 400), least, most);
}

static void test_settles(void **state)
{
	(void)state;
	settles(200, 5000, 1, 1);
	settles(0, 1, 1, 1);
	settles(5000, 5000, 2, 2);
	settles(12000, 5000, 3, 5);
	settles(50000, 3000, 14, 16);
	settles(300000, 1000, 14, 16);
}

/* Far away all that may be is soon in flight. */
static void test_is_quick(void **state)
{
	(void)state;
	struct world w;
	begin(&w, 50000, 1000);
	goes(&w, 30);
	assert_int_equal(w.f.now, FLOW_MOST);
	assert_in_range(w.now - 1000000, 0, 300000);
}

static void test_follows(void **state)
{
	(void)state;
	struct world w;
	begin(&w, 300, 5000);
	assert_int_equal(goes(&w, 300), 1);
	w.way_us = 80000;
	goes(&w, 1000);
	assert_in_range(goes(&w, 400), 14, 16);
	w.way_us = 300;
	goes(&w, 3000);
	assert_in_range(goes(&w, 600), 1, 2);
}

/* A question about nothing is worth its way, too. */
static void test_empty_answers(void **state)
{
	(void)state;
	struct world w;
	begin(&w, 200, 5000);
	w.bytes = 0;
	assert_int_equal(goes(&w, 400), 1);
	begin(&w, 50000, 1000);
	w.bytes = 0;
	assert_in_range(goes(&w, 400), 14, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settles),
		cmocka_unit_test(test_is_quick),
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_empty_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
