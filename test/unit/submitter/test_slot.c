/* slot: the window's life on a virtual clock: cast, pooled, refused, counted, mined, taken back, replaced,
 * held, revised. */
#include "submitter/slot.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct window_todo todo;

static struct slot *signed_slot(struct window *w, uint64_t nonce, uint64_t now)
{
	uint8_t raw[3] = {1, 2, 3};
	int64_t items[2] = {10, 11};
	struct slot *s = window_add(w, nonce, (int64_t)nonce + 100, now);
	struct attempt a = {.kind = ATTEMPT_SEND,
		.fee = {u256_of(100), u256_of(2)},
		.gas = 50,
		.raw = raw,
		.nraw = 3,
		.items = items,
		.nitems = 2};
	window_attempt(w, s, &a);
	return window_at(w, nonce);
}

static void pooled(struct window *w, uint64_t nonce, uint64_t now)
{
	window_casting(w, window_at(w, nonce), now);
	window_answered(w, window_at(w, nonce), ANSWER_ACCEPTED, now);
}

static enum window_do next(struct window *w, uint64_t now)
{
	window_next(w, now, false, &todo);
	return todo.what;
}

/* Before anything of the lowest is replaced the same bytes are offered again; they are known. */
static enum window_do next_of_known(struct window *w, uint64_t now)
{
	assert_int_equal(next(w, now), WINDOW_CAST);
	assert_int_equal(todo.ncast, 1);
	struct slot *s = todo.cast[0];
	assert_ptr_equal(s, window_lowest(w));
	window_casting(w, s, now);
	window_answered(w, s, ANSWER_KNOWN, now);
	return next(w, now);
}

static void leaves_in_nonce_order_one_cast_at_a_time(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 1, 5, 0);
	for (uint64_t n = 5; n < 8; n++)
		signed_slot(&w, n, 1);
	assert_int_equal(next(&w, 1), WINDOW_CAST);
	assert_int_equal(todo.ncast, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(todo.cast[i]->nonce, 5 + i);
		window_casting(&w, todo.cast[i], 1);
	}
	signed_slot(&w, 8, 2);
	assert_int_equal(next(&w, 2), WINDOW_REST);
	for (uint64_t n = 5; n < 8; n++)
		window_answered(&w, window_at(&w, n), n == 6 ? ANSWER_KNOWN : ANSWER_ACCEPTED, 3);
	assert_int_equal(next(&w, 3), WINDOW_CAST);
	assert_int_equal(todo.ncast, 1);
	assert_int_equal(todo.cast[0]->nonce, 8);
	assert_int_equal(window_unmined(&w), 4);
	window_fini(&w);
}

static void refused_bytes_leave_again_with_growing_gaps(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 1, 5, 0);
	signed_slot(&w, 5, 1);
	uint64_t now = 10, gaps[9];
	for (int i = 0; i < 9; i++) {
		window_casting(&w, window_at(&w, 5), now);
		window_answered(&w, window_at(&w, 5), ANSWER_UNKNOWN, now);
		window_at(&w, 5)->held_head = 1; /* no replacement in this story */
		assert_int_equal(next(&w, now), WINDOW_REST);
		gaps[i] = todo.wake_ms - now;
		assert_int_equal(next(&w, todo.wake_ms - 1), WINDOW_REST);
		now = todo.wake_ms;
		assert_int_equal(next(&w, now), WINDOW_CAST);
	}
	assert_int_equal(gaps[0], RETRY_FIRST_MS);
	assert_int_equal(gaps[1], 2 * RETRY_FIRST_MS);
	assert_int_equal(gaps[8], RETRY_MAX_MS);
	window_fini(&w);
}

static void only_the_lowest_is_replaced_and_only_after_heads(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	signed_slot(&w, 6, 1);
	pooled(&w, 5, 10);
	pooled(&w, 6, 10);
	assert_int_equal(next(&w, 5000), WINDOW_REST);
	window_head(&w, 12, 5, 5000);
	assert_int_equal(next(&w, 5000), WINDOW_REST);
	window_head(&w, 13, 5, 5000);
	assert_int_equal(next_of_known(&w, 5000), WINDOW_REPLACE);
	assert_int_equal(todo.slot->nonce, 5);
	/* mined in the same moment: 6 is the lowest only from now on */
	window_head(&w, 14, 6, 6000);
	assert_int_equal(next(&w, 6000), WINDOW_REST);
	window_head(&w, 17, 6, 7999);
	assert_int_equal(next(&w, 7999), WINDOW_REST);
	assert_int_equal(next_of_known(&w, 8000), WINDOW_REPLACE);
	assert_int_equal(todo.slot->nonce, 6);
	window_fini(&w);
}

static void patience_doubles_with_each_replacement_but_not_when_too_cheap(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	struct attempt bump = *signed_slot(&w, 5, 1)->attempts;
	bump.kind = ATTEMPT_BUMP;
	window_attempt(&w, window_at(&w, 5), &bump);
	pooled(&w, 5, 10);
	window_head(&w, 13, 5, 9000);
	assert_int_equal(next(&w, 9000), WINDOW_REST);
	window_head(&w, 16, 5, 9000);
	assert_int_equal(next_of_known(&w, 9000), WINDOW_REPLACE);
	window_at(&w, 5)->answer = ANSWER_UNDERPRICED;
	window_head(&w, 13, 5, 9000);
	assert_int_equal(next(&w, 9000), WINDOW_REPLACE);
	window_fini(&w);
}

static void silence_of_heads_is_waited_out(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	pooled(&w, 5, 10);
	assert_int_equal(next(&w, 10 + PATIENCE_BLIND_MS - 1), WINDOW_REST);
	assert_int_equal(todo.wake_ms, 10 + PATIENCE_BLIND_MS);
	assert_int_equal(next_of_known(&w, 10 + PATIENCE_BLIND_MS), WINDOW_REPLACE);
	window_fini(&w);
}

static void held_at_the_cap_until_the_next_head(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	pooled(&w, 5, 10);
	window_head(&w, 13, 5, 5000);
	assert_int_equal(next_of_known(&w, 5000), WINDOW_REPLACE);
	window_held(&w, todo.slot);
	assert_int_equal(next(&w, 5000), WINDOW_REST);
	window_head(&w, 14, 5, 6000);
	assert_int_equal(next(&w, 6000), WINDOW_REPLACE);
	window_fini(&w);
}

static void pooled_bytes_are_offered_again_and_evictions_show(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	signed_slot(&w, 6, 1);
	pooled(&w, 5, 10);
	pooled(&w, 6, 10);
	window_at(&w, 5)->held_head = 12;
	window_head(&w, 12, 5, 10 + RECAST_MS);
	assert_int_equal(next(&w, 10 + RECAST_MS), WINDOW_CAST);
	assert_int_equal(todo.ncast, 2);
	window_casting(&w, window_at(&w, 5), 30000);
	window_answered(&w, window_at(&w, 5), ANSWER_KNOWN, 30000);
	assert_int_equal(window_at(&w, 5)->evictions, 0);
	pooled(&w, 6, 30000);
	assert_int_equal(window_at(&w, 6)->evictions, 1);
	window_fini(&w);
}

static void counted_mined_taken_back_closed(void **state)
{
	(void)state;
	struct window w = {0};
	uint8_t hash[32] = {9};
	window_head(&w, 10, 5, 0);
	for (uint64_t n = 5; n < 8; n++) {
		signed_slot(&w, n, 1);
		pooled(&w, n, 2);
	}
	assert_true(window_head(&w, 11, 7, 3));
	assert_int_equal(window_at(&w, 6)->phase, SLOT_COUNTED);
	assert_int_equal(window_lowest(&w)->nonce, 7);
	assert_int_equal(window_unmined(&w), 1);
	char cost[U256_DEC_MAX];
	u256_to_dec(cost, window_cost(&w));
	assert_string_equal(cost, "5000");
	window_mined(&w, window_at(&w, 5), 11, hash, 4);
	window_mined(&w, window_at(&w, 6), 11, hash, 4);
	assert_int_equal(window_unmined(&w), 1);
	/* a reorg: the count falls back, both must leave again */
	assert_false(window_head(&w, 12, 5, 5));
	assert_int_equal(next(&w, 5), WINDOW_CAST);
	assert_int_equal(todo.ncast, 2);
	pooled(&w, 5, 6);
	pooled(&w, 6, 6);
	assert_int_equal(window_at(&w, 5)->evictions, 0);
	/* the count stands but the verdict's block left: receipts are asked again */
	assert_true(window_head(&w, 13, 6, 7));
	window_mined(&w, window_at(&w, 5), 13, hash, 7);
	window_taken_back(&w, window_at(&w, 5), 8);
	assert_int_equal(window_at(&w, 5)->phase, SLOT_COUNTED);
	window_mined(&w, window_at(&w, 5), 14, hash, 9);
	window_closed(&w, 7);
	assert_int_equal(w.n, 2); /* 6 has no verdict here: kept */
	assert_int_equal(w.slots[0].nonce, 6);
	assert_null(window_at(&w, 5));
	window_fini(&w);
}

static void an_answer_to_older_bytes_changes_nothing(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	struct attempt bump = *signed_slot(&w, 5, 1)->attempts;
	window_casting(&w, window_at(&w, 5), 2);
	window_attempt(&w, window_at(&w, 5), &bump);
	window_answered(&w, window_at(&w, 5), ANSWER_ACCEPTED, 3);
	assert_int_equal(window_at(&w, 5)->phase, SLOT_SIGNED);
	/* counted while on its way: the answer moves it on */
	window_casting(&w, window_at(&w, 5), 4);
	window_head(&w, 11, 6, 5);
	assert_int_equal(window_at(&w, 5)->phase, SLOT_CASTING);
	window_answered(&w, window_at(&w, 5), ANSWER_NONCE_LOW, 6);
	assert_int_equal(window_at(&w, 5)->phase, SLOT_COUNTED);
	window_fini(&w);
}

static void a_gone_reason_waits_for_the_grace(void **state)
{
	(void)state;
	struct window w = {.grace = 2};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	pooled(&w, 5, 10);
	window_reason(&w, window_at(&w, 5), true);
	window_head(&w, 11, 5, 11);
	window_reason(&w, window_at(&w, 5), true);
	assert_int_equal(next(&w, 11), WINDOW_REST);
	window_head(&w, 12, 5, 12);
	assert_int_equal(next(&w, 12), WINDOW_REVISE);
	window_reason(&w, window_at(&w, 5), false);
	assert_int_equal(next(&w, 12), WINDOW_REST);
	/* revised once is enough */
	window_reason(&w, window_at(&w, 5), true);
	window_head(&w, 14, 5, 14);
	assert_int_equal(next(&w, 14), WINDOW_REVISE);
	struct attempt rest = *window_at(&w, 5)->attempts;
	rest.kind = ATTEMPT_RECOMPOSED;
	window_attempt(&w, window_at(&w, 5), &rest);
	assert_int_equal(next(&w, 14), WINDOW_CAST);
	window_fini(&w);
}

/* A final block closed 6 while what used 5 is unproved; or adopt: true went on above nonces that were used
 * elsewhere. */
static void nonces_that_are_not_open_leave_holes(void **state)
{
	(void)state;
	struct window w = {0};
	uint8_t hash[32] = {1};
	window_head(&w, 1, 5, 0);
	signed_slot(&w, 5, 1);
	signed_slot(&w, 7, 1);
	signed_slot(&w, 12, 1);
	assert_null(window_at(&w, 4));
	assert_int_equal(window_at(&w, 5)->nonce, 5);
	assert_null(window_at(&w, 6));
	assert_int_equal(window_at(&w, 7)->nonce, 7);
	assert_null(window_at(&w, 8));
	assert_int_equal(window_at(&w, 12)->nonce, 12);
	assert_null(window_at(&w, 13));
	assert_int_equal(window_unmined(&w), 3);
	window_head(&w, 2, 8, 2);
	window_mined(&w, window_at(&w, 5), 2, hash, 2);
	window_closed(&w, 7);
	assert_null(window_at(&w, 5));
	assert_int_equal(window_at(&w, 7)->phase, SLOT_COUNTED);
	assert_ptr_equal(window_lowest(&w), window_at(&w, 12));
	window_fini(&w);
	assert_null(window_at(&w, 7));
}

static void no_price_cures_an_empty_account(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	window_at(&w, 5)->refusals = 20; /* so the same bytes leave again after RETRY_MAX_MS only */
	window_casting(&w, window_at(&w, 5), 10);
	window_answered(&w, window_at(&w, 5), ANSWER_FUNDS, 10);
	window_head(&w, 20, 5, 20000);
	assert_int_equal(next(&w, 20000), WINDOW_REST);
	assert_int_equal(todo.wake_ms, 10 + RETRY_MAX_MS);
	window_at(&w, 5)->answer = ANSWER_REFUSED;
	assert_int_equal(next(&w, 20000), WINDOW_REPLACE);
	window_fini(&w);
}

static void patience_begins_anew_when_something_below_came_back(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	signed_slot(&w, 6, 1);
	pooled(&w, 5, 10);
	pooled(&w, 6, 10);
	window_head(&w, 11, 6, 1000); /* 6 is the lowest */
	window_head(&w, 12, 5, 2000); /* no longer: 5 came back */
	pooled(&w, 5, 2000);
	window_head(&w, 20, 6, 9000); /* again, from now on */
	assert_int_equal(window_lowest(&w)->nonce, 6);
	assert_int_equal(next(&w, 9000), WINDOW_REST);
	window_head(&w, 23, 6, 11000);
	assert_int_equal(next_of_known(&w, 11000), WINDOW_REPLACE);
	window_fini(&w);
}

/* P4: what was lost below is closed by the same bytes, and its patience begins anew. */
static void a_gap_closes_with_the_same_bytes(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	for (uint64_t n = 5; n < 8; n++) {
		signed_slot(&w, n, 1);
		pooled(&w, n, 10);
	}
	window_head(&w, 13, 5, 5000);
	assert_int_equal(next(&w, 5000), WINDOW_CAST);
	assert_int_equal(todo.ncast, 1);
	assert_int_equal(todo.cast[0]->nonce, 5);
	window_casting(&w, todo.cast[0], 5000);
	window_answered(&w, window_at(&w, 5), ANSWER_ACCEPTED, 5000); /* it had been evicted */
	assert_int_equal(window_at(&w, 5)->evictions, 1);
	assert_int_equal(next(&w, 5001), WINDOW_REST);
	window_head(&w, 15, 5, 9000);
	assert_int_equal(next(&w, 9000), WINDOW_REST);
	window_head(&w, 16, 5, 9000);
	assert_int_equal(next(&w, 9000), WINDOW_CAST); /* and is too cheap after all, */
	window_casting(&w, todo.cast[0], 9000);
	window_answered(&w, window_at(&w, 5), ANSWER_ACCEPTED, 9000); /* though a relay accepts it for ever */
	assert_int_equal(window_at(&w, 5)->evictions, 2);
	assert_int_equal(next(&w, 9000), WINDOW_REPLACE);

	/* a node that says so */
	window_casting(&w, window_at(&w, 7), 9001);
	window_answered(&w, window_at(&w, 7), ANSWER_NONCE_HIGH, 9001);
	assert_int_equal(next(&w, 9001), WINDOW_CAST);
	assert_int_equal(todo.ncast, 2);
	assert_int_equal(todo.cast[0]->nonce, 5);
	assert_int_equal(todo.cast[1]->nonce, 6);
	assert_int_equal(window_at(&w, 5)->nattempts, 1);
	window_fini(&w);
}

/* S2: counted, and no receipt: who consumed it is asked once a final block, then the slot goes on its own. */
static void unexplained(void **state)
{
	(void)state;
	struct window w = {.grace = 2};
	uint8_t hash[32] = {1};
	for (uint64_t n = 5; n < 8; n++)
		signed_slot(&w, n, 1);
	window_head(&w, 10, 7, 1);
	assert_null(window_unexplained(&w, 3, 4)); /* too early to wonder */
	window_head(&w, 13, 7, 2);
	struct slot *s = window_unexplained(&w, 3, 4);
	assert_ptr_equal(s, window_at(&w, 5));
	s->traced = true;
	s->traced_final = 4;
	assert_ptr_equal(window_unexplained(&w, 3, 4), window_at(&w, 6));
	window_mined(&w, window_at(&w, 6), 12, hash, 3);
	assert_null(window_unexplained(&w, 3, 4));
	assert_ptr_equal(window_unexplained(&w, 3, 5), s); /* the next final block may show it */
	assert_null(window_unproved(&w));
	window_doubt(&w, s, "no state");
	assert_ptr_equal(window_unproved(&w), s);
	window_head(&w, 14, 5, 4); /* the block that used it left the chain */
	assert_null(window_unproved(&w));
	assert_int_equal(window_at(&w, 5)->phase, SLOT_SIGNED);
	assert_false(window_at(&w, 5)->traced);
	window_head(&w, 15, 7, 5);
	window_doubt(&w, window_at(&w, 5), "no state");
	window_mined(&w, window_at(&w, 5), 15, hash, 6);
	assert_null(window_unproved(&w));
	window_mined(&w, window_at(&w, 6), 15, hash, 6);
	assert_null(window_unexplained(&w, 0, 6));
	window_taken_back(&w, window_at(&w, 5), 7); /* all was mined */
	assert_ptr_equal(window_unexplained(&w, 0, 6), window_at(&w, 5));
	window_mined(&w, window_at(&w, 5), 16, hash, 8);
	assert_null(window_unexplained(&w, 0, 6));
	window_forget(&w, window_at(&w, 6)); /* whatever stands below */
	assert_null(window_at(&w, 6));
	assert_non_null(window_at(&w, 5));
	assert_non_null(window_at(&w, 7));
	assert_int_equal(w.n, 2);
	window_fini(&w);
}

/* Closed by somebody else's hand, and no receipt of it was ever seen. */
static void closed_without_a_receipt(void **state)
{
	(void)state;
	struct window w = {.grace = 2};
	signed_slot(&w, 5, 1);
	window_head(&w, 10, 6, 1);
	window_closed(&w, 6);
	assert_int_equal(w.n, 1);
	window_at(&w, 5)->traced = true;
	window_closed(&w, 6);
	assert_int_equal(w.n, 0);
	window_fini(&w);
}

/* Any unmined one, at once; its no-op then leaves as every attempt does, and is not made twice. */
static void an_unwanted_one_gets_a_no_op(void **state)
{
	(void)state;
	struct window w = {0};
	struct attempt noop = {
		.kind = ATTEMPT_CANCEL, .fee = {u256_of(113), u256_of(3)}, .raw = (uint8_t[1]){1}, .nraw = 1};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	signed_slot(&w, 6, 1);
	pooled(&w, 5, 10);
	window_unwanted(&w, window_at(&w, 6));
	assert_int_equal(next(&w, 11), WINDOW_CANCEL);
	assert_int_equal(todo.slot->nonce, 6);
	window_held(&w, todo.slot); /* above the cap: what stands leaves meanwhile */
	assert_int_equal(next(&w, 12), WINDOW_CAST);
	window_casting(&w, window_at(&w, 6), 12);
	window_head(&w, 11, 5, 13);
	assert_int_equal(next(&w, 13), WINDOW_REST); /* on its way: the answer first */
	window_answered(&w, window_at(&w, 6), ANSWER_ACCEPTED, 14);
	assert_int_equal(next(&w, 14), WINDOW_CANCEL);
	window_attempt(&w, window_at(&w, 6), &noop);
	assert_int_equal(next(&w, 15), WINDOW_CAST);
	window_head(&w, 12, 7, 16); /* mined, one or the other */
	assert_int_equal(next(&w, 16), WINDOW_REST);
	window_taken_back(&w, window_at(&w, 6), 17);
	window_head(&w, 13, 6, 17);
	assert_int_equal(next(&w, 17), WINDOW_CAST);
	assert_int_equal(window_at(&w, 6)->nattempts, 2);
	window_fini(&w);
}

static void an_urged_one_leaves_again_and_its_price_is_looked_at(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 10, 5, 0);
	signed_slot(&w, 5, 1);
	signed_slot(&w, 6, 1);
	pooled(&w, 5, 10);
	pooled(&w, 6, 10);
	assert_int_equal(next(&w, 11), WINDOW_REST);
	window_urge(&w, window_at(&w, 5));
	window_urge(&w, window_at(&w, 6));
	assert_int_equal(next(&w, 11), WINDOW_CAST);
	assert_int_equal(todo.ncast, 2);
	pooled(&w, 5, 12);
	pooled(&w, 6, 12);
	assert_int_equal(next(&w, 12), WINDOW_REPLACE);
	assert_int_equal(todo.slot->nonce, 5);
	window_held(&w, todo.slot);
	assert_int_equal(next(&w, 13), WINDOW_REST); /* the other is not the lowest */
	window_head(&w, 11, 6, 14);
	window_urge(&w, window_at(&w, 5)); /* counted meanwhile */
	assert_int_equal(window_at(&w, 5)->phase, SLOT_COUNTED);
	assert_false(window_at(&w, 5)->urged);
	window_fini(&w);
}

/* S9: a receipt stands above the newest head that did not count the nonce. */
static void a_slot_knows_where_its_receipt_can_stand(void **state)
{
	(void)state;
	struct window w = {0};
	assert_int_equal(signed_slot(&w, 4, 1)->unused_head, 0); /* no head is known */
	window_head(&w, 10, 5, 1);
	assert_int_equal(window_at(&w, 4)->unused_head, 0);
	assert_int_equal(signed_slot(&w, 5, 1)->unused_head, 10);
	signed_slot(&w, 6, 1);
	window_head(&w, 12, 6, 2);
	assert_int_equal(window_at(&w, 5)->unused_head, 10);
	assert_int_equal(window_at(&w, 6)->unused_head, 12);
	window_at(&w, 5)->missed = true;
	window_head(&w, 11, 5, 3); /* another chain */
	assert_int_equal(window_at(&w, 5)->unused_head, 11);
	assert_false(window_at(&w, 5)->missed);
	window_fini(&w);
}

/* S3: refused for long while others are taken. */
static void a_payload_that_nobody_takes(void **state)
{
	(void)state;
	struct window w = {0};
	window_head(&w, 1, 5, 1);
	signed_slot(&w, 5, 1), signed_slot(&w, 6, 1);
	struct slot *bad = window_at(&w, 5), *good = window_at(&w, 6);
	bad->batch = 7;
	for (uint64_t i = 0; i < 8; i++)
		assert_false(window_rejected(&w, bad, true, 1000 + 10000 * i)); /* nothing else was taken since */
	assert_false(window_rejected(&w, good, false, 90000));
	assert_false(window_rejected(&w, good, true, 99000)); /* not the lowest */
	assert_true(window_rejected(&w, bad, true, 100000));
	assert_false(window_rejected(&w, bad, false, 100001));
	assert_false(window_rejected(&w, bad, true, 100002)); /* it was taken meanwhile */
	for (uint64_t i = 0; i < 8; i++)
		assert_false(window_rejected(&w, bad, true, 100003 + i)); /* not for long enough */
	window_unwanted(&w, bad);
	assert_false(window_rejected(&w, bad, true, 500000)); /* a no-op is due already */
	window_fini(&w);
}

/* What is remembered of who stands lowest holds whatever comes and goes below it. */
static void the_lowest_is_the_lowest(void **state)
{
	(void)state;
	struct window w = {0};
	uint8_t hash[32] = {1};
	window_head(&w, 1, 5, 1);
	for (uint64_t n = 5; n < 12; n++)
		signed_slot(&w, n, 1), pooled(&w, n, 1);
	assert_int_equal(window_lowest(&w)->nonce, 5);
	window_head(&w, 2, 8, 2);
	assert_int_equal(window_lowest(&w)->nonce, 8);
	assert_int_equal(window_at(&w, 8)->lowest_ms, 2);
	assert_int_equal(window_at(&w, 5)->lowest_ms, 0);
	assert_int_equal(window_unmined(&w), 4);
	for (uint64_t n = 5; n < 8; n++)
		window_mined(&w, window_at(&w, n), 2, hash, 3);
	window_closed(&w, 6);
	assert_int_equal(w.n, 6);
	assert_int_equal(window_lowest(&w)->nonce, 8);
	window_taken_back(&w, window_at(&w, 7), 4);
	assert_int_equal(window_lowest(&w)->nonce, 8); /* the account's count covers 7 still */
	window_head(&w, 2, 7, 5);
	assert_int_equal(window_lowest(&w)->nonce, 7);
	assert_int_equal(window_at(&w, 8)->lowest_ms, 0);
	window_forget(&w, window_at(&w, 6));
	assert_int_equal(window_lowest(&w)->nonce, 7);
	window_head(&w, 3, 12, 6);
	assert_null(window_lowest(&w));
	signed_slot(&w, 12, 7);
	assert_int_equal(window_lowest(&w)->nonce, 12);
	window_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_closes_with_the_same_bytes),

		cmocka_unit_test(unexplained),
		cmocka_unit_test(a_slot_knows_where_its_receipt_can_stand),
		cmocka_unit_test(a_payload_that_nobody_takes),
		cmocka_unit_test(the_lowest_is_the_lowest),
		cmocka_unit_test(closed_without_a_receipt),

		cmocka_unit_test(leaves_in_nonce_order_one_cast_at_a_time),
		cmocka_unit_test(refused_bytes_leave_again_with_growing_gaps),
		cmocka_unit_test(only_the_lowest_is_replaced_and_only_after_heads),
		cmocka_unit_test(patience_doubles_with_each_replacement_but_not_when_too_cheap),
		cmocka_unit_test(silence_of_heads_is_waited_out),
		cmocka_unit_test(held_at_the_cap_until_the_next_head),
		cmocka_unit_test(pooled_bytes_are_offered_again_and_evictions_show),
		cmocka_unit_test(counted_mined_taken_back_closed),
		cmocka_unit_test(an_answer_to_older_bytes_changes_nothing),
		cmocka_unit_test(a_gone_reason_waits_for_the_grace),
		cmocka_unit_test(nonces_that_are_not_open_leave_holes),
		cmocka_unit_test(no_price_cures_an_empty_account),
		cmocka_unit_test(patience_begins_anew_when_something_below_came_back),
		cmocka_unit_test(an_unwanted_one_gets_a_no_op),
		cmocka_unit_test(an_urged_one_leaves_again_and_its_price_is_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
