/* spread: lanes find holders at once, become even, and then stay where they are. */
#include "common/fleet/spread.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { LANES = 40, MEMBERS = 12 };

/* A fleet in which everybody sees what holds, or what held a look ago. */
struct fleet {
	int holder[LANES], next[LANES];
	bool alive[MEMBERS], only[MEMBERS][LANES]; /* only: can't hold it */
	size_t nlanes, nmembers, moves;
};

static int place(const struct fleet *f, int who)
{
	int n = 0;
	if (who < 0 || !f->alive[who])
		return SPREAD_NOBODY;
	for (int m = 0; m < who; m++)
		n += f->alive[m];
	return n;
}

static int who_is(const struct fleet *f, int place_of)
{
	for (int m = 0; m < (int)f->nmembers; m++)
		if (f->alive[m] && place_of-- == 0)
			return m;
	return -1;
}

static bool can(void *arg, size_t member, size_t lane)
{
	const struct fleet *f = arg;
	return !f->only[who_is(f, (int)member)][lane];
}

static void see(struct fleet *f, struct spread_lane *lanes, struct spread *s, int self)
{
	size_t n = 0;
	for (size_t i = 0; i < f->nlanes; i++) {
		bool free = f->holder[i] < 0 || !f->alive[f->holder[i]];
		lanes[i] = (struct spread_lane){.holder = free ? SPREAD_NOBODY : place(f, f->holder[i]),
			.next = place(f, f->next[i]),
			.free = free};
	}
	for (size_t m = 0; m < f->nmembers; m++)
		n += f->alive[m];
	*s = (struct spread){lanes, f->nlanes, n, place(f, self), can, f};
}

/* Everybody looks, then everybody acts on what it saw. */
static void turn(struct fleet *f)
{
	static struct spread_lane lanes[MEMBERS][LANES];
	struct spread seen[MEMBERS];
	bool take[LANES];
	size_t lane, to;
	for (int m = 0; m < (int)f->nmembers; m++)
		if (f->alive[m])
			see(f, lanes[m], &seen[m], m);
	struct fleet before = *f;
	for (int m = 0; m < (int)f->nmembers; m++) {
		if (!f->alive[m])
			continue;
		seen[m].arg = &before;
		spread_take(&seen[m], take);
		for (size_t i = 0; i < f->nlanes; i++)
			if (take[i] && !f->only[m][i] && (f->holder[i] < 0 || !f->alive[f->holder[i]])) {
				f->holder[i] = m;
				f->next[i] = -1;
				f->moves++;
			}
		if (spread_give(&seen[m], &lane, &to)) {
			f->holder[lane] = -1;
			f->next[lane] = who_is(&before, (int)to);
		}
	}
}

static size_t held(const struct fleet *f, int m)
{
	size_t n = 0;
	for (size_t i = 0; i < f->nlanes; i++)
		n += f->holder[i] == m;
	return n;
}

static void is_even(const struct fleet *f)
{
	size_t most = 0, least = LANES;
	for (int m = 0; m < (int)f->nmembers; m++) {
		if (!f->alive[m])
			continue;
		most = held(f, m) > most ? held(f, m) : most;
		least = held(f, m) < least ? held(f, m) : least;
	}
	assert_true(most - least <= 1);
}

static struct fleet fleet_of(size_t lanes, size_t members)
{
	struct fleet f = {.nlanes = lanes, .nmembers = members};
	for (size_t i = 0; i < LANES; i++)
		f.holder[i] = f.next[i] = -1;
	return f;
}

static void a_newcomer_gets_its_share_and_then_nothing_moves(void **state)
{
	(void)state;
	struct fleet f = fleet_of(8, 4);
	f.alive[2] = true;
	turn(&f);
	assert_int_equal(held(&f, 2), 8);
	for (int m = 0; m < 4; m++) {
		f.alive[m] = true;
		for (int k = 0; k < 20; k++)
			turn(&f);
		is_even(&f);
	}
	size_t moves = f.moves;
	for (int k = 0; k < 50; k++)
		turn(&f);
	assert_int_equal(f.moves, moves);
	assert_true(moves <= 8 + 4 + 4 + 2); /* no more than had to move */
}

static void the_lanes_of_the_dead_are_shared_in_one_turn(void **state)
{
	(void)state;
	struct fleet f = fleet_of(12, 4);
	for (int m = 0; m < 4; m++)
		f.alive[m] = true;
	turn(&f);
	is_even(&f);
	f.alive[1] = false;
	turn(&f);
	is_even(&f);
	for (size_t i = 0; i < 12; i++)
		assert_true(f.holder[i] >= 0 && f.alive[f.holder[i]]);
}

static void who_can_hold_only_some_gets_of_those(void **state)
{
	(void)state;
	struct fleet f = fleet_of(6, 3);
	f.alive[0] = f.alive[1] = f.alive[2] = true;
	for (size_t i = 0; i < 6; i++) {
		f.only[1][i] = f.only[2][i] = i < 4; /* four lanes are the first one's alone */
		f.holder[i] = i < 4 ? 0 : 1;
	}
	for (int k = 0; k < 5; k++)
		turn(&f);
	assert_int_equal(held(&f, 0), 4);
	assert_int_equal(held(&f, 1), 1); /* though another is fuller, and has nothing to give */
	assert_int_equal(held(&f, 2), 1);
}

static void chance(void **state)
{
	(void)state;
	srand(7);
	for (int world = 0; world < 200; world++) {
		struct fleet f = fleet_of(1 + (size_t)rand() % LANES, 1 + (size_t)rand() % MEMBERS);
		f.alive[0] = true;
		for (int step = 0; step < 20; step++) {
			size_t m = (size_t)rand() % f.nmembers;
			f.alive[m] = m == 0 || !f.alive[m];
			for (int k = rand() % 4; k > 0; k--)
				turn(&f);
		}
		for (int k = 0; k < LANES + 5; k++)
			turn(&f);
		is_even(&f);
		size_t moves = f.moves;
		turn(&f);
		turn(&f);
		assert_int_equal(f.moves, moves);
	}
}

static bool anyone(void *arg, size_t member, size_t lane)
{
	(void)arg, (void)member, (void)lane;
	return true;
}

static void what_nobody_takes_is_taken_by_anybody(void **state)
{
	(void)state;
	struct spread_lane l = {.holder = SPREAD_NOBODY, .next = 0, .free = true};
	struct spread s = {&l, 1, 2, 1, anyone, NULL};
	bool take;
	spread_take(&s, &take);
	assert_false(take);
	l.free_ms = SPREAD_PATIENCE_MS;
	spread_take(&s, &take);
	assert_true(take);
	s.self = SPREAD_NOBODY; /* no seat yet */
	l.free_ms = 0;
	spread_take(&s, &take);
	assert_false(take);
	struct spread_lane two[] = {{.holder = 0, .next = -1}, {.holder = 0, .next = -1, .idle = true}};
	size_t lane = 9, to = 9;
	s = (struct spread){two, 2, 2, 0, anyone, NULL};
	assert_true(spread_give(&s, &lane, &to));
	assert_int_equal(lane, 1); /* the idle one */
	assert_int_equal(to, 1);
	two[0].holder = SPREAD_STRANGER;
	assert_false(spread_give(&s, &lane, &to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newcomer_gets_its_share_and_then_nothing_moves),
		cmocka_unit_test(the_lanes_of_the_dead_are_shared_in_one_turn),
		cmocka_unit_test(who_can_hold_only_some_gets_of_those),
		cmocka_unit_test(chance),
		cmocka_unit_test(what_nobody_takes_is_taken_by_anybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
