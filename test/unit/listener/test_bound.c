/* Logs that an answer must hold (listener/bound.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listener/bound.c"

static struct log log_of(uint64_t block, uint64_t index)
{
	struct log l = {.block = block, .log_index = index, .ntopics = 2};
	memset(l.block_hash, (int)block, 32);
	memset(l.tx_hash, (int)(block * 16 + index), 32);
	memset(l.address, 7, 20);
	memset(l.topics[0], 1, 32);
	memset(l.topics[1], (int)(index + 2), 32);
	return l;
}

static struct block_header header_of_block(const struct log *logs, size_t n, uint64_t block)
{
	struct block_header h = {.number = block};
	memset(h.hash, (int)block, 32);
	for (size_t i = 0; i < n; i++)
		log_bloom(&logs[i], h.bloom);
	return h;
}

static void an_answer_without_one_is_not_enough(void **state)
{
	(void)state;
	struct bound b = {0};
	struct log all[] = {log_of(5, 0), log_of(5, 1), log_of(5, 2)};
	struct block_header h = header_of_block(all, 3, 5), other = h;
	bound_add_log(&b, &all[1]);
	bound_add_log(&b, &all[1]);
	assert_int_equal(b.n, 1);
	assert_null(bound_lacks(&b, &h, 1, all, 3));
	assert_non_null(bound_lacks(&b, &h, 1, all, 1));
	assert_int_equal(bound_lacks(&b, &h, 1, NULL, 0)->log_index, 1);
	for (int i = 0; i < 20; i++) /* however often: what a sweep saw stays */
		assert_non_null(bound_lacks(&b, &h, 1, NULL, 0));
	memset(other.hash, 9, 32); /* another block of that height says nothing about it */
	assert_null(bound_lacks(&b, &other, 1, NULL, 0));
	all[1].tx_hash[0] ^= 1; /* the place alone is not the log */
	assert_non_null(bound_lacks(&b, &h, 1, all, 3));
	bound_fini(&b);
}

static void a_bloom_refutes_what_was_made_up(void **state)
{
	(void)state;
	struct bound b = {0};
	struct log made_up = log_of(5, 9), real = log_of(5, 0);
	struct block_header h = header_of_block(&real, 1, 5), bare = header_of_block(NULL, 0, 5);
	bound_add_log(&b, &made_up);
	assert_non_null(bound_lacks(&b, &bare, 1, NULL, 0)); /* a chain without blooms refutes nothing */
	assert_null(bound_lacks(&b, &h, 1, &real, 1));
	assert_int_equal(b.n, 0);
	bound_fini(&b);
}

static void what_only_stood_in_tables_goes_after_some_answers(void **state)
{
	(void)state;
	struct bound b = {0};
	struct log l = log_of(5, 0);
	struct block_header h = header_of_block(&l, 1, 5);
	struct bound_log soft = {.block = 5, .most = BOUND_SOFT_TRIES};
	memcpy(soft.block_hash, l.block_hash, 32);
	bound_add(&b, &soft);
	for (int i = 1; i < BOUND_SOFT_TRIES; i++)
		assert_non_null(bound_lacks(&b, &h, 1, NULL, 0));
	assert_null(bound_lacks(&b, &h, 1, NULL, 0));
	assert_int_equal(b.n, 0);
	bound_fini(&b);
}

static void it_is_bounded_and_forgets(void **state)
{
	(void)state;
	struct bound b = {0};
	for (uint64_t i = 0; i < BOUND_MOST + 10; i++) {
		struct log l = log_of(5 + i % 3, i);
		bound_add_log(&b, &l);
	}
	assert_int_equal(b.n, BOUND_MOST);
	assert_int_equal(b.logs[0].log_index, 10); /* the oldest went */
	bound_cut(&b, 7);
	for (size_t i = 0; i < b.n; i++)
		assert_true(b.logs[i].block < 7);
	assert_true(b.n > 0);
	bound_forget(&b, 5);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.logs[i].block, 6);
	bound_forget(&b, 6);
	assert_int_equal(b.n, 0);
	bound_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_without_one_is_not_enough),
		cmocka_unit_test(a_bloom_refutes_what_was_made_up),
		cmocka_unit_test(what_only_stood_in_tables_goes_after_some_answers),
		cmocka_unit_test(it_is_bounded_and_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
