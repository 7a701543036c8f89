/* What something else consumed, as PostgreSQL lets it be written (S2, INV-6), and what it must have (P8). */
#include "test/unit/ledger/world.h"

static void found(struct world *w)
{
	world_found(w);
	run(w, "SELECT t.item('1', 1), t.item('2', 2)");
	run(w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(1, 9)");
	run(w, "CREATE FUNCTION t.foreign(n bigint, block text, kind text, tx bytea, epoch bigint DEFAULT 1) "
		   "RETURNS int "
		   "LANGUAGE sql AS $$ SELECT fairlead.foreign_close(t.lane(), epoch, 1::smallint, t.me(), 0, n, "
		   "t.h(block), "
		   "t.h('parent'), 1000, kind, tx, CASE WHEN tx IS NULL THEN NULL ELSE decode(repeat('99', 20), "
		   "'hex') END) $$");
}

static void only_by_a_final_block_of_ours(void **state)
{
	(void)state;
	struct world w;
	found(&w);
	refused(&w, "FL004", "SELECT t.foreign(5, 'a5', 'authorization', t.h('other'))"); /* not final */
	run(&w, "SELECT fairlead.advance(1::smallint, 1, 6, -1)");
	refused(&w, "FL004", "SELECT t.foreign(5, 'b5', 'authorization', t.h('other'))");    /* another branch */
	refused(&w, "FL004", "SELECT t.foreign(5, 'a5', 'transaction', t.h('x'))");          /* our own attempt */
	refused(&w, "FL001", "SELECT t.foreign(5, 'a5', 'authorization', t.h('other'), 7)"); /* not our lane */
	refused(&w, "23514", "SELECT t.foreign(5, 'a5', 'somebody', t.h('other'))");
	gives(&w, "0", "SELECT count(*) FROM fairlead.consumed"); /* nor is a note left */
	gives(&w, "2", "SELECT t.foreign(5, 'a5', 'authorization', t.h('other'))");
	gives(&w, "foreign|5", "SELECT closed, closed_block FROM fairlead.slot");
	gives(&w, "waiting waiting", "SELECT state FROM fairlead.item");
	gives(&w, "0|authorization|5|t", "SELECT nonce, kind, block, tx = t.h('other') FROM fairlead.consumed");
	refused(&w, "FL004", "SELECT t.foreign(5, 'a5', 'authorization', t.h('other'))"); /* once */
	world_close(&w);
}

/* A block below the window, that the listener did not keep: never above the floor, nor beside one that
 * stands. */
static void a_block_that_was_not_kept(void **state)
{
	(void)state;
	struct world w;
	found(&w);
	run(&w, "SELECT fairlead.advance(1::smallint, 1, 6, 4);"
			" UPDATE fairlead.block SET prev = NULL WHERE number = 4; DELETE FROM fairlead.block WHERE "
			"number <= 3");
	refused(&w, "FL004", "SELECT t.foreign(5, 'z5', 'delegated', NULL)");
	refused(&w, "FL004", "SELECT t.foreign(4, 'z4', 'delegated', NULL)");
	gives(&w, "2", "SELECT t.foreign(3, 'z3', 'delegated', NULL)");
	gives(&w, "delegated|t", "SELECT kind, tx IS NULL AND by IS NULL FROM fairlead.consumed");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_by_a_final_block_of_ours), cmocka_unit_test(a_block_that_was_not_kept)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
