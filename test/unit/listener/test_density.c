/* How many blocks' logs are asked for at once inside the window (listener/density.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "listener/density.c"

enum { BLOCKS = 64, MIB = 1 << 20 };

/* A bloom says yes when its first byte does. */
bool filter_bloom(const struct filter *f, const uint8_t bloom[256])
{
	(void)f;
	return bloom[0] != 0;
}

static struct block_header blocks[BLOCKS];

static void full_of(uint64_t gas)
{
	memset(blocks, 0, sizeof blocks);
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i].gas_used = gas;
		blocks[i].bloom[0] = 1;
	}
}

static size_t fit(const struct density_seen *d)
{
	return density_fit(d, NULL, blocks, BLOCKS, MIB);
}

static void the_first_step_takes_a_full_block_to_be_full_of_ours(void **state)
{
	(void)state;
	struct density_seen d = {0};
	full_of(15000000); /* 7,500 logs, if they cost 2,000 each */
	assert_int_equal(fit(&d), 1);
	full_of(700000); /* 350 */
	assert_in_range(fit(&d), 3, 5);
	full_of(21000);
	assert_in_range(fit(&d), BLOCKS, BLOCKS);
}

static void what_a_bloom_denies_weighs_nothing(void **state)
{
	(void)state;
	struct density_seen d = {0};
	full_of(15000000);
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i].bloom[0] = i == 40;
	assert_int_equal(fit(&d), 40);
	blocks[40].bloom[0] = 0;
	assert_int_equal(fit(&d), BLOCKS);
	density_saw(&d, NULL, blocks, BLOCKS, 5000); /* nothing was guessed: nothing is learned */
	assert_int_equal(d.part, 0);
}

static void a_sparse_chain_is_read_by_many_blocks_soon(void **state)
{
	(void)state;
	struct density_seen d = {0};
	size_t steps = 0, n = 0;
	full_of(15000000);
	for (; n < BLOCKS && steps < 10; steps++) {
		n = fit(&d);
		density_saw(&d, NULL, blocks, n, 600 * n);
	}
	assert_int_equal(n, BLOCKS);
	assert_in_range(steps, 2, 4);
}

static void more_than_was_guessed_counts_at_once(void **state)
{
	(void)state;
	struct density_seen d = {0};
	full_of(1000000);
	for (int i = 0; i < 5; i++)
		density_saw(&d, NULL, blocks, 8, 8 * 100);
	assert_int_equal(fit(&d), BLOCKS);
	density_saw(&d, NULL, blocks, 8, 4 * MIB);
	assert_in_range(fit(&d), 1, 2);
	density_saw(&d, NULL, blocks, 1, 100); /* an empty one between full ones is not believed at once */
	assert_in_range(fit(&d), 8, 16);
}

/* A header says what it likes. */
static void numbers_too_large_are_one_block_at_once(void **state)
{
	(void)state;
	struct density_seen d = {0};
	full_of(UINT64_MAX);
	assert_int_equal(fit(&d), 1);
	density_saw(&d, NULL, blocks, 1, 100);
	assert_int_equal(fit(&d), 1);
	full_of(0);
	density_saw(&d, NULL, blocks, 1, UINT64_MAX);
	assert_in_range(fit(&d), 1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_step_takes_a_full_block_to_be_full_of_ours),
		cmocka_unit_test(what_a_bloom_denies_weighs_nothing),
		cmocka_unit_test(a_sparse_chain_is_read_by_many_blocks_soon),
		cmocka_unit_test(more_than_was_guessed_counts_at_once),
		cmocka_unit_test(numbers_too_large_are_one_block_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
