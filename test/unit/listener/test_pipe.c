/* pipe: whatever is taken, refused and written in whatever order, the segments touch, and blocks are written
 * in order, each once. */
#include "listener/pipe.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void check(const struct pipe *p, int64_t written)
{
	int64_t next = written + 1;
	size_t asked = 0, ready = 0;
	for (const struct pipe_seg *s = p->first; s; s = s->next) {
		assert_int_equal(s->from, next);
		assert_true(s->to >= s->from);
		assert_false(s->next && s->state == PIPE_UNASKED && s->next->state == PIPE_UNASKED);
		assert_ptr_equal(s->next ? s->next->prev : s, s);
		asked += s->state == PIPE_ASKED;
		ready += s->state == PIPE_READY;
		next = s->to + 1;
	}
	assert_int_equal(next, p->target + 1);
	assert_int_equal(asked, p->asked);
	assert_int_equal(ready, p->ready);
}

static void test_cut_and_order(void **state)
{
	(void)state;
	struct pipe p;
	pipe_init(&p, 10, 29);
	struct pipe_seg *a = pipe_take(&p, 5), *b = pipe_take(&p, 5), *c = pipe_take(&p, 100);
	assert_int_equal(a->from, 10);
	assert_int_equal(b->from, 15);
	assert_int_equal(c->to, 29);
	assert_null(pipe_take(&p, 1));
	pipe_ready(&p, b);
	assert_null(pipe_head(&p)); /* INV-9: what is behind a gap is not written */
	pipe_ready(&p, a);
	assert_ptr_equal(pipe_head(&p), a);
	pipe_written(&p, a);
	pipe_written(&p, b);
	assert_null(pipe_head(&p));
	pipe_refused(&p, c);
	pipe_extend(&p, 40);
	check(&p, 19);
	c = pipe_take(&p, 0);
	assert_int_equal(c->to, 20); /* the floor is one block */
	pipe_fini(&p);
}

static void test_again(void **state)
{
	(void)state;
	struct pipe p;
	pipe_init(&p, 1, 30);
	for (int i = 0; i < 3; i++)
		pipe_ready(&p, pipe_take(&p, 10));
	pipe_written(&p, pipe_head(&p));
	pipe_refused(&p, pipe_head(&p)); /* complete, and found wrong when its turn came */
	check(&p, 10);
	assert_int_equal(pipe_unasked(&p)->to, 20);
	pipe_fini(&p);
	pipe_init(&p, 5, 4);
	assert_true(pipe_done(&p));
	pipe_extend(&p, 4);
	assert_true(pipe_done(&p));
	pipe_extend(&p, 5);
	assert_false(pipe_done(&p));
	pipe_fini(&p);
}

static uint64_t dice;
static uint64_t roll(uint64_t n)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (dice >> 33) % n;
}

static void test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		dice = seed;
		struct pipe p;
		struct pipe_seg *out[8];
		size_t n = 0;
		int64_t written = 0;
		pipe_init(&p, 1, 50);
		for (int turn = 0; turn < 2000 && !(pipe_done(&p) && p.target >= 300); turn++) {
			size_t k = n ? (size_t)roll(n) : 0;
			switch (roll(7)) {
			case 0: pipe_extend(&p, p.target + (int64_t)roll(20)); break;
			case 1:
			case 2:
				if (n < 8 && pipe_unasked(&p))
					out[n++] = pipe_take(&p, (int64_t)roll(12));
				break;
			case 3:
				if (n && roll(3) == 0) {
					pipe_refused(&p, out[k]);
					out[k] = out[--n];
				}
				break;
			case 4:
				if (n) {
					pipe_ready(&p, out[k]);
					out[k] = out[--n];
				}
				break;
			case 5:
				if (pipe_head(&p)) {
					assert_int_equal(pipe_head(&p)->from, written + 1);
					written = pipe_head(&p)->to;
					pipe_written(&p, pipe_head(&p));
				}
				break;
			default:
				if (roll(5) == 0 && pipe_head(&p))
					pipe_refused(&p, pipe_head(&p));
			}
			check(&p, written);
		}
		pipe_fini(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_and_order), cmocka_unit_test(test_again), cmocka_unit_test(test_random)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
