/* room: the window follows what the mempool takes. */
#include "submitter/room.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void it_begins_at_what_the_file_allows_and_stays_there(void **state)
{
	(void)state;
	struct room r;
	room_init(&r, 16);
	assert_int_equal(room_size(&r), 16);
	for (int i = 0; i < 100; i++)
		assert_false(room_heard(&r, 16, 0, 0, 16));
	assert_int_equal(room_size(&r), 16);
	room_init(&r, 0);
	assert_int_equal(room_size(&r), 1);
}

static void a_refusal_halves_it_and_what_is_taken_lets_it_grow(void **state)
{
	(void)state;
	struct room r;
	room_init(&r, 64);
	assert_true(room_heard(&r, 16, 48, 0, 16));
	assert_int_equal(room_size(&r), 16);        /* no more than it holds */
	assert_false(room_heard(&r, 0, 48, 0, 16)); /* the same ones again: it holds what we think it does */
	assert_int_equal(room_size(&r), 16);
	assert_true(room_heard(&r, 0, 1, 0, 12)); /* less: other accounts fill it */
	assert_int_equal(room_size(&r), 8);
	assert_false(room_heard(&r, 4, 0, 0, 8));
	assert_int_equal(room_size(&r), 12); /* quickly up to what it held */
	assert_false(room_heard(&r, 12 * ROOM_SLOW - 1, 0, 0, 12));
	assert_int_equal(room_size(&r), 12);
	assert_false(room_heard(&r, 1, 0, 0, 12)); /* and slowly beyond */
	assert_int_equal(room_size(&r), 13);
	assert_int_equal(r.top, 13);
	room_heard(&r, 1000000, 0, 0, 13);
	assert_int_equal(room_size(&r), 64);
}

static void an_eviction_halves_it(void **state)
{
	(void)state;
	struct room r;
	room_init(&r, 16);
	assert_true(room_heard(&r, 3, 0, 3, 16));
	assert_int_equal(room_size(&r), 8);
	assert_false(room_heard(&r, 8, 0, 0, 8));
	assert_int_equal(room_size(&r), 16); /* nothing was refused: quickly again */
}

static void one_is_always_left(void **state)
{
	(void)state;
	struct room r;
	room_init(&r, 4);
	for (int i = 0; i < 10; i++)
		room_heard(&r, 0, 1, 0, 0);
	assert_int_equal(room_size(&r), 1);
	assert_false(room_heard(&r, 0, 1, 0, 0));
	room_heard(&r, 1, 0, 0, 1);
	assert_int_equal(room_size(&r), 2);
	r.delegated = true;
	assert_int_equal(room_size(&r), 1);
	r.delegated = false;
	assert_int_equal(room_size(&r), 2);
}

static void refusals_for_want_of_room_are_known_by_their_shape(void **state)
{
	(void)state;
	static const char *const yes[] = {"txpool is full", "transaction pool is full", "account limit exceeded",
		"in-flight transaction limit reached for delegated accounts",
		"Nonce too high. Expected nonce to be 3 but got 9.",
		"nonce too high. allowed nonce range: 3 - 53, actual: 99", "sender has too many pending transactions",
		"NonceGap, Future nonce", "too many transactions from this account", "txpool overflow",
		"Transaction nonce is too distant from current sender nonce: nonce too distant"};
	static const char *const no[] = {"already known", "nonce too low",
		"too many requests, rate limit of the account", "replacement transaction underpriced",
		"insufficient funds for gas * price + value", "exceeds block gas limit", "execution reverted", ""};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(room_is_refusal(-32000, str_of(yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(room_is_refusal(-32000, str_of(no[i])));
	assert_false(room_is_refusal(429, str_of("txpool is full")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_at_what_the_file_allows_and_stays_there),
		cmocka_unit_test(a_refusal_halves_it_and_what_is_taken_lets_it_grow),
		cmocka_unit_test(an_eviction_halves_it),
		cmocka_unit_test(one_is_always_left),
		cmocka_unit_test(refusals_for_want_of_room_are_known_by_their_shape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
