/* What the verdicts about some blocks lead to (R6, P11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "listener/proving_judge.c"

enum { BLOCKS = 3 };

/* Three blocks, all proved at first. */
static struct fixture {
	struct proof_block blocks[BLOCKS];
	struct proof_given given[BLOCKS];
	struct proving_view v;
	struct proving_judgement j;
} f;

static int begin(void **state)
{
	(void)state;
	f = (struct fixture){.v = {.n = BLOCKS, .want = PROOF_RECEIPTS, .completeness = PROOF_RECEIPTS}};
	f.v.blocks = f.blocks;
	f.v.given = f.given;
	for (size_t i = 0; i < BLOCKS; i++) {
		f.blocks[i] = (struct proof_block){.verdict = PROOF_PROVED, .level = PROOF_RECEIPTS};
		f.given[i].known = true;
	}
	return 0;
}

static void judged(enum proving_next next, enum proving_next otherwise, const struct proof_block *about)
{
	proving_judge(&f.j, &f.v);
	assert_int_equal(f.j.next, next);
	assert_int_equal(f.j.otherwise, otherwise);
	assert_ptr_equal(f.j.about, about);
}

static void unproved(size_t i)
{
	f.blocks[i].verdict = PROOF_UNPROVED;
	f.blocks[i].level = PROOF_NONE;
}

static void test_proved(void **state)
{
	(void)state;
	judged(PROVING_TAKE, PROVING_TAKE, NULL);
	assert_true(f.j.raised && !f.j.other && !f.j.giver && !f.j.asked && !f.j.unsupported);
	f.blocks[1].liar = PROOF_GIVEN; /* others were given than the receipts hold */
	judged(PROVING_TAKE, PROVING_TAKE, NULL);
	assert_ptr_equal(f.j.giver, &f.blocks[1]);
	unproved(2); /* a bloom can't do more, and says nothing of what was wanted */
	f.v.want = f.v.completeness = PROOF_BLOOM;
	judged(PROVING_TAKE, PROVING_TAKE, NULL);
	assert_false(f.j.raised);
	f.v.completeness = PROOF_RECEIPTS; /* where nobody serves receipts */
	judged(PROVING_TAKE, PROVING_TAKE, NULL);
	assert_false(f.j.raised);
}

static void test_again(void **state)
{
	(void)state;
	unproved(1);
	f.blocks[1].again = true;
	f.blocks[0].again = true; /* its answer did not come, but the bloom has proved it */
	f.blocks[2].liar = PROOF_GIVEN;
	judged(PROVING_ANOTHER, PROVING_RESTART, &f.blocks[1]);
	assert_null(f.j.giver); /* not while something is open */
	f.blocks[1].liar = PROOF_ASKED;
	judged(PROVING_ANOTHER, PROVING_RESTART, &f.blocks[1]);
	assert_ptr_equal(f.j.asked, &f.blocks[1]);
}

static void test_unsupported(void **state)
{
	(void)state;
	unproved(0);
	f.blocks[0].unsupported = true;
	judged(PROVING_ANOTHER, PROVING_TAKE, NULL); /* another one may have what proves; then it is lowered */
	assert_ptr_equal(f.j.unsupported, &f.blocks[0]);
	assert_false(f.j.raised);
	f.v.lowered = true; /* it was said */
	judged(PROVING_TAKE, PROVING_TAKE, NULL);
	f.given[0].known = false; /* nobody gave its logs: nothing is known of it */
	judged(PROVING_ANOTHER, PROVING_RESTART, &f.blocks[0]);
	f.given[0].known = true;
	f.v.settling = true; /* nor does it settle what two differ about */
	judged(PROVING_ANOTHER, PROVING_RESTART, NULL);
	assert_false(f.j.other);
}

static void test_refuted(void **state)
{
	(void)state;
	unproved(2);
	f.blocks[2].verdict = PROOF_REFUTED;
	f.blocks[2].liar = PROOF_GIVEN;
	judged(PROVING_RESTART, PROVING_RESTART, &f.blocks[2]); /* never stored (INV-9) */
	assert_ptr_equal(f.j.giver, &f.blocks[2]);
	assert_false(f.j.raised);
	f.v.settling = true;
	judged(PROVING_RESTART, PROVING_RESTART, &f.blocks[2]);
	assert_false(f.j.other);
}

static void test_two_that_differ(void **state)
{
	(void)state;
	f.v.want = f.v.completeness = PROOF_SOURCES;
	unproved(1);
	f.blocks[1].liar = PROOF_EITHER;
	f.blocks[1].again = true;
	unproved(2);
	f.blocks[2].again = true; /* whatever else is open: receipts come first */
	judged(PROVING_SETTLE, PROVING_SETTLE, &f.blocks[1]);
	assert_true(!f.j.giver && !f.j.asked && !f.j.other);
	begin(NULL); /* they came */
	f.v.completeness = PROOF_SOURCES;
	f.v.settling = true;
	judged(PROVING_TAKE, PROVING_TAKE, NULL);
	assert_true(f.j.other && !f.j.giver && !f.j.raised);
	f.blocks[0].liar = PROOF_GIVEN;
	judged(PROVING_TAKE, PROVING_TAKE, NULL);
	assert_true(!f.j.other && f.j.giver);
}

#define TEST(t) cmocka_unit_test_setup(t, begin)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_proved),
		TEST(test_again),
		TEST(test_unsupported),
		TEST(test_refuted),
		TEST(test_two_that_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
