/* poison: a model of a contract that refuses some items; the inquiry must find exactly those, within S6's
 * bound. */
#include "submitter/poison.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

struct world {
	bool bad[64];
	bool together;  /* items 0 and n-1 refuse each other */
	size_t n, most; /* more than most at once are too big; 0: no limit */
};

static enum probe_answer asks(const struct world *w, size_t lo, size_t hi)
{
	if (w->most && hi - lo > w->most)
		return PROBE_TOO_BIG;
	for (size_t i = lo; i < hi; i++)
		if (w->bad[i])
			return PROBE_REVERTS;
	return w->together && lo == 0 && hi == w->n && w->n > 1 ? PROBE_REVERTS : PROBE_PASSES;
}

/* Rounds of questions, told in reverse order: answers come in any. */
static void inquire(struct poison *p, struct arena *a, const struct world *w)
{
	poison_init(p, a, w->n, w->most ? PROBE_TOO_BIG : PROBE_REVERTS);
	while (p->end == POISON_ASKING) {
		size_t asked[128], n = 0;
		while (poison_ask(p, &asked[n]))
			n++;
		assert_true(n > 0);
		while (n-- > 0)
			poison_told(p, asked[n], asks(w, p->probes[asked[n]].lo, p->probes[asked[n]].hi));
	}
}

static size_t log2_up(size_t n)
{
	size_t k = 0;
	while ((size_t)1 << k < n)
		k++;
	return k;
}

static void finds_exactly_the_bad_ones(void **state)
{
	(void)state;
	struct arena a = {0};
	uint64_t r = 88172645463325252u;
	for (int round = 0; round < 3000; round++) {
		struct world w = {.n = 2 + (size_t)round % 40};
		size_t k = 0, want = 1 + (size_t)(r >> 40) % 4;
		for (size_t i = 0; i < want; i++) {
			r ^= r << 13, r ^= r >> 7, r ^= r << 17;
			w.bad[r % w.n] = true;
		}
		for (size_t i = 0; i < w.n; i++)
			k += w.bad[i];
		struct poison p;
		inquire(&p, &a, &w);
		assert_int_equal(p.end, k == w.n ? POISON_ALIKE : POISON_FOUND);
		assert_true(p.calls <= 2 * k * log2_up(w.n));
		for (size_t i = 0; i < w.n; i++)
			assert_int_equal(p.fates[i], w.bad[i] ? FATE_SUSPECT : FATE_GOES);
		arena_reset(&a);
	}
	arena_fini(&a);
}

static void halves_that_pass_are_split(void **state)
{
	(void)state;
	struct arena a = {0};
	struct world w = {.n = 10, .together = true};
	struct poison p;
	inquire(&p, &a, &w);
	assert_int_equal(p.end, POISON_FOUND);
	assert_int_equal(p.calls, 2);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(p.fates[i], i < 5 ? FATE_GOES : FATE_FREE);
	arena_fini(&a);
}

static void too_big_becomes_smaller(void **state)
{
	(void)state;
	struct arena a = {0};
	struct world w = {.n = 16, .most = 4};
	struct poison p;
	inquire(&p, &a, &w);
	size_t goes = 0;
	for (size_t i = 0; i < 16; i++) {
		assert_int_not_equal(p.fates[i], FATE_SUSPECT);
		goes += p.fates[i] == FATE_GOES;
	}
	assert_int_equal(p.end, POISON_FOUND);
	assert_true(goes >= 1 && goes < 16);
	arena_fini(&a);
}

static void one_alone_accuses_nobody(void **state)
{
	(void)state;
	struct arena a = {0};
	struct poison p;
	poison_init(&p, &a, 1, PROBE_REVERTS);
	assert_int_equal(p.end, POISON_ALIKE);
	assert_int_equal(p.fates[0], FATE_SUSPECT);
	size_t i;
	assert_null(poison_ask(&p, &i));
	arena_fini(&a);
}

static void a_lost_answer_voids_it(void **state)
{
	(void)state;
	struct arena a = {0};
	struct poison p;
	size_t i, k;
	poison_init(&p, &a, 4, PROBE_REVERTS);
	assert_non_null(poison_ask(&p, &i));
	assert_non_null(poison_ask(&p, &k));
	assert_null(poison_ask(&p, &k));
	poison_told(&p, i, PROBE_LOST);
	assert_int_equal(p.end, POISON_VOID);
	poison_told(&p, k, PROBE_PASSES);
	assert_int_equal(p.end, POISON_VOID);
	arena_fini(&a);
}

static void two_heads_make_poison(void **state)
{
	(void)state;
	struct suspects *s = mem_alloc(sizeof *s);
	assert_false(suspects_twice(s, 7, 100));
	assert_false(suspects_twice(s, 7, 100));
	assert_true(suspects_twice(s, 7, 101));
	for (int64_t i = 1000; i < 1000 + SUSPECTS; i++)
		assert_false(suspects_twice(s, i, 100));
	assert_false(suspects_twice(s, 7, 101)); /* forgotten: asked for a second head again */
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_exactly_the_bad_ones),
		cmocka_unit_test(halves_that_pass_are_split),
		cmocka_unit_test(too_big_becomes_smaller),
		cmocka_unit_test(one_alone_accuses_nobody),
		cmocka_unit_test(a_lost_answer_voids_it),
		cmocka_unit_test(two_heads_make_poison),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
