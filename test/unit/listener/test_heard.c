/* Logs that subscriptions told (listener/heard.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listener/bound.c"
#include "listener/heard.c"

#include <stdio.h>

enum { ADDRESS = 7 };

/* What was asked for: the logs of one address. */
bool filter_asked(const struct filter_plan *p, size_t request, const struct log *log)
{
	assert_true(request < p->n);
	return log->address[0] == ADDRESS;
}

static const struct filter_plan plan = {.n = 1};

static struct log log_of(uint64_t block, uint64_t index)
{
	struct log l = {.block = block, .log_index = index, .tx_index = index, .ntopics = 1};
	memset(l.block_hash, (int)block, 32);
	memset(l.tx_hash, (int)(block * 16 + index), 32);
	memset(l.address, ADDRESS, 20);
	memset(l.topics[0], 1, 32);
	return l;
}

static struct block_header header_of_block(uint64_t block)
{
	struct block_header h = {.number = block};
	memset(h.hash, (int)block, 32);
	return h;
}

static const char *text_of(const struct log *l)
{
	static char text[1000];
	char block[67], tx[67], address[43], topic[67];
	hex_to_0x(block, l->block_hash, 32);
	hex_to_0x(tx, l->tx_hash, 32);
	hex_to_0x(address, l->address, 20);
	hex_to_0x(topic, l->topics[0], 32);
	snprintf(text, sizeof text,
		"{\"address\":\"%s\",\"topics\":[\"%s\"],\"data\":\"0x\",\"blockNumber\":\"0x%llx\",\"blockHash\":\"%"
		"s\","
		"\"transactionHash\":\"%s\",\"transactionIndex\":\"0x%llx\",\"logIndex\":\"0x%llx\",\"removed\":%s}",
		address, topic, (unsigned long long)l->block, block, tx, (unsigned long long)l->tx_index,
		(unsigned long long)l->log_index, l->removed ? "true" : "false");
	return text;
}

static void hear(struct heard *h, const struct log *l)
{
	heard_add(h, &plan, l->block, l->block_hash, str_of(text_of(l)));
}

static const struct bound_log *lacks(
	struct heard *h, uint64_t block, const struct log *logs, size_t n, uint64_t now)
{
	size_t given_up;
	struct block_header header = header_of_block(block);
	return heard_lacks(h, &header, 1, logs, n, now, &given_up);
}

/* An answer has held what was heard of block 1. */
static void trust(struct heard *h)
{
	struct log l = log_of(1, 0);
	hear(h, &l);
	assert_null(lacks(h, 1, &l, 1, 1));
	heard_was_read(h, 1, 1, &l, 1);
}

static void what_was_told_is_a_bound(void **state)
{
	(void)state;
	struct heard h = {0};
	struct log all[] = {log_of(2, 0), log_of(2, 1)};
	trust(&h);
	hear(&h, &all[0]);
	hear(&h, &all[1]);
	hear(&h, &all[1]);
	assert_int_equal(h.n, 2); /* each once */
	assert_memory_equal(h.block, all[0].block_hash, 32);
	assert_int_equal(lacks(&h, 2, all, 1, 1)->log_index, 1);
	assert_int_equal(lacks(&h, 2, all + 1, 1, 1)->log_index, 0);
	assert_null(lacks(&h, 2, all, 2, 1));
	assert_null(lacks(&h, 3, NULL, 0, 1)); /* nothing was told of that one */
	heard_was_read(&h, 2, 2, all, 2);
	assert_int_equal(h.bound.n, 0);
	heard_fini(&h);
}

static void what_does_not_count_is_left_out(void **state)
{
	(void)state;
	struct heard h = {0};
	struct log l = log_of(2, 0), other = l;
	trust(&h);
	other.address[0] = 9; /* not asked for */
	hear(&h, &other);
	other = l;
	other.removed = true;
	hear(&h, &other);
	heard_add(&h, &plan, 3, l.block_hash, str_of(text_of(&l))); /* says another block than it stands in */
	heard_add(&h, &plan, 2, log_of(3, 0).block_hash, str_of(text_of(&l)));
	heard_add(&h, &plan, 2, l.block_hash, STR("{}"));
	heard_add(&h, &plan, 2, l.block_hash, STR("},{"));
	heard_add(&h, &(struct filter_plan){.n = 0}, 2, l.block_hash, str_of(text_of(&l)));
	assert_int_equal(h.n, 0);
	assert_int_equal(h.bound.n, 0);
	heard_fini(&h);
}

static void a_check_that_never_passed_says_nothing(void **state)
{
	(void)state;
	struct heard h = {0};
	struct log l = log_of(2, 0);
	hear(&h, &l);
	assert_null(lacks(&h, 2, NULL, 0, 1));
	assert_null(lacks(&h, 2, &l, 1, 1)); /* now it has */
	assert_non_null(lacks(&h, 2, NULL, 0, 1));
	heard_fini(&h);
}

static void what_no_answer_holds_is_given_up(void **state)
{
	(void)state;
	struct heard h = {0};
	struct log real = log_of(2, 0), made_up = log_of(2, 9);
	struct block_header header = header_of_block(2);
	size_t given_up;
	trust(&h);
	hear(&h, &real);
	hear(&h, &made_up);
	for (int i = 0; i < 3 * HEARD_TRIES; i++) /* often, but not for long */
		assert_non_null(lacks(&h, 2, &real, 1, 1));
	assert_non_null(lacks(&h, 2, &real, 1, HEARD_MS));
	assert_null(heard_lacks(&h, &header, 1, &real, 1, HEARD_MS + 1, &given_up));
	assert_int_equal(given_up, 1);
	assert_int_equal(h.bound.n, 1); /* the real one stays */
	struct log next = log_of(3, 0);
	hear(&h, &next);
	assert_null(lacks(&h, 3, NULL, 0, 50000)); /* it has to pass again */
	trust(&h);
	hear(&h, &next);
	assert_non_null(lacks(&h, 3, NULL, 0, 50000)); /* for long, but not often */
	assert_non_null(lacks(&h, 3, NULL, 0, 90000));
	heard_fini(&h);
}

static void one_heard_late_was_missed(void **state)
{
	(void)state;
	struct heard h = {0};
	struct log a = log_of(2, 0), b = log_of(2, 1), c = log_of(3, 0);
#define MISSED(l) heard_missed(&h, &plan, (l).block, (l).block_hash, str_of(text_of(&(l))))
	assert_false(MISSED(a)); /* not read */
	heard_was_read(&h, 2, 2, &a, 1);
	assert_false(MISSED(a));
	assert_true(MISSED(b));
	assert_false(MISSED(c));
	heard_was_read(&h, 3, 3, NULL, 0);
	assert_true(MISSED(b));
	assert_true(MISSED(c));
	heard_cut(&h, 3);
	assert_true(MISSED(b));
	assert_false(MISSED(c));
	heard_was_read(&h, 5, 6, NULL, 0); /* what lies before was read in another way */
	assert_false(MISSED(b));
	heard_fini(&h);
}

static void more_than_is_remembered_says_nothing(void **state)
{
	(void)state;
	struct heard h = {0};
	struct log many[HEARD_READ], missed = log_of(2, 99), later = log_of(3, 1);
	for (size_t i = 0; i < HEARD_READ; i++)
		many[i] = log_of(2, i % 90);
	heard_was_read(&h, 2, 2, many, HEARD_READ);
	assert_true(MISSED(missed));
	struct log next = log_of(3, 0);
	heard_was_read(&h, 3, 3, &next, 1); /* in the place of one of block 2 */
	assert_false(MISSED(missed));
	assert_true(MISSED(later));
	assert_false(MISSED(next));
	heard_fini(&h);
}

static void it_is_bounded(void **state)
{
	(void)state;
	struct heard h = {0};
	for (uint64_t block = 2; block < 10; block++)
		for (uint64_t i = 0; i < HEARD_BLOCK + 5; i++) {
			struct log l = log_of(block, i);
			hear(&h, &l);
			assert_true(h.n <= HEARD_BLOCK && h.bound.n <= HEARD_MOST);
		}
	assert_int_equal(h.bound.n, HEARD_MOST);
	assert_int_equal(h.bound.logs[0].block, 2); /* the first stay: they are read first */
	heard_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_told_is_a_bound),
		cmocka_unit_test(what_does_not_count_is_left_out),
		cmocka_unit_test(a_check_that_never_passed_says_nothing),
		cmocka_unit_test(what_no_answer_holds_is_given_up),
		cmocka_unit_test(one_heard_late_was_missed),
		cmocka_unit_test(more_than_is_remembered_says_nothing),
		cmocka_unit_test(it_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
