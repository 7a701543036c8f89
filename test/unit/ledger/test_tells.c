/* Who tells what happens to the items of a batch, and when (sql/012, INV-7, P9): each in the transaction that
 * makes it true, once, and only where a rule wants it. */
#include "test/unit/ledger/world.h"

static void found(struct world *w, const char *kinds)
{
	world_found(w);
	run(w,
		"SELECT fairlead.want(k, array_fill('reveal'::text, ARRAY[cardinality(k)]),"
		" array_fill('main'::text, ARRAY[cardinality(k)])) FROM (SELECT '{%s}'::text[] AS k) x",
		kinds);
	run(w,
		"CREATE FUNCTION t.sent(x text, answer text) RETURNS int LANGUAGE sql AS $$ SELECT "
		"fairlead.sent(t.lane(), 1,"
		" ARRAY[t.h(x)], '{a}', ARRAY[answer]) $$;"
		"CREATE VIEW t.told AS SELECT string_agg(concat_ws(':', kind, item, CASE data->>'tx' WHEN '0x' ||"
		" encode(t.h('x'), 'hex') THEN 'x' WHEN '0x' || encode(t.h('y'), 'hex') THEN 'y' END, data->>'block',"
		" data->>'ok', data->>'time', data->>'error'), ' ' ORDER BY id) AS of FROM fairlead.happening");
}

static void items(struct world *w, int n)
{
	for (int i = 1; i <= n; i++)
		run(w, "SELECT t.item('%d', t.reveal(%d, %d))", i, i, i);
	run(w, "SELECT t.cut(); SELECT t.blocks(1, 9)");
}

static void nothing_is_told_to_nobody(void **state)
{
	(void)state;
	struct world w;
	found(&w, "");
	items(&w, 2);
	run(&w,
		"SELECT t.send(1, 0, 'x'); SELECT t.sent('x', NULL); SELECT t.receipt('x', 5); SELECT t.final(9)");
	gives(&w, "done done", "SELECT state FROM fairlead.item");
	gives(&w, "0", "SELECT count(*) FROM fairlead.happening");
	gives(&w, "D", "SELECT tgenabled FROM pg_trigger WHERE tgname = 'item_ends'");
	world_close(&w);
}

static void sent_is_the_first_time_that_it_is_taken(void **state)
{
	(void)state;
	struct world w;
	found(&w, "sent");
	items(&w, 2);
	run(&w, "SELECT t.send(1, 0, 'x'); SELECT t.sent('x', 'no')");
	gives(&w, "", "SELECT of FROM t.told");
	run(&w, "SELECT t.sent('x', NULL); SELECT t.sent('x', NULL)");
	gives(&w, "sent:1:x sent:2:x", "SELECT of FROM t.told");
	run(&w, "SELECT fairlead.attempt_add(t.lane(), 1, 1::smallint, t.me(), '{0}', '{bump}', ARRAY[t.h('y')],"
			" ARRAY['y'::bytea], '{12}', '{2}', '{1,2}', '{0,0}'); SELECT t.sent('y', NULL)");
	gives(&w, "sent:1:x sent:2:x", "SELECT of FROM t.told");
	world_close(&w);
}

static void mined_and_final(void **state)
{
	(void)state;
	struct world w;
	found(&w, "mined,final");
	items(&w, 2);
	run(&w, "SELECT t.send(1, 0, 'x'); SELECT t.receipt('x', 5); SELECT t.receipt('x', 5)");
	gives(&w, "mined:1:x:5:true:5 mined:2:x:5:true:5", "SELECT of FROM t.told");
	run(&w, "DELETE FROM fairlead.happening; SELECT t.final(4)");
	gives(&w, "", "SELECT of FROM t.told");
	run(&w, "SELECT t.final(5)");
	gives(&w, "final:1:x:5:true:5 final:2:x:5:true:5", "SELECT of FROM t.told");
	world_close(&w);
}

/* A try that failed is no end: failed is said when the tries are used up, with the reason. */
static void failed_is_the_end(void **state)
{
	(void)state;
	struct world w;
	found(&w, "failed,mined");
	items(&w, 1);
	run(&w, "SELECT t.send(1, 0, 'x'); SELECT t.receipt('x', 5, false); SELECT t.final(5)");
	gives(&w, "", "SELECT of FROM t.told");
	run(&w, "UPDATE fairlead.item SET tries = 2, not_before = NULL; SELECT t.cut();"
			"SELECT t.send(2, 1, 'y'); SELECT t.receipt('y', 6, false); SELECT t.final(6)");
	gives(&w, "t",
		"SELECT of = 'failed:1:y:6:false:6:transaction 0x' || encode(t.h('y'), 'hex') || ' reverted in block "
		"6'"
		" FROM t.told");
	world_close(&w);
}

static void failed_without_a_transaction(void **state)
{
	(void)state;
	struct world w;
	found(&w, "failed");
	items(&w, 1);
	run(&w, "SELECT fairlead.items_settle(t.lane(), 1, '{1}', '{dead}', '{no such token}', '{NULL}')");
	gives(&w, "failed:1:no such token", "SELECT of FROM t.told");
	world_close(&w);
}

/* ── orphaned ── */

/* The events of items 2.. leave in a reorg from block 2 on, and the batcher's lane applies the entry. */
static void lose(struct world *w)
{
	run(w, "UPDATE fairlead.lane SET at = (SELECT at FROM fairlead.lane WHERE name = 'listen:main') WHERE "
		   "name = "
		   "'apply:main'; SELECT fairlead.retract(1::smallint, 1, 2); SELECT t.blocks(2, 9, 'b');"
		   "SELECT fairlead.rollback_to(1::smallint, 2);"
		   "UPDATE fairlead.lane SET at = (SELECT at FROM fairlead.lane WHERE name = 'listen:main') WHERE "
		   "name = "
		   "'apply:main'");
}

#define LISTED                                                                                      \
	"SELECT batch, key, tx = '0x' || encode(t.h('x'), 'hex'), block, reorg, told IS NOT NULL FROM " \
	"fairlead.orphaned "                                                                            \
	"ORDER BY item"

static void a_mined_one_is_listed_and_told_once(void **state)
{
	(void)state;
	struct world w;
	found(&w, "orphaned");
	items(&w, 3);
	run(&w, "SELECT t.send(1, 0, 'x')");
	lose(&w);
	gives(&w, "", LISTED); /* not mined: its slot is re-composed */
	run(&w, "SELECT t.receipt('x', 7, true, 'b')");
	gives(&w, "reveal|2|t|7|4|f reveal|3|t|7|4|f", LISTED);
	run(&w, "SELECT fairlead.unbatch('apply:main', 1); SELECT fairlead.unbatch('apply:main', 1)");
	gives(&w, "reveal|2|t|7|4|t reveal|3|t|7|4|t", LISTED);
	gives(&w, "orphaned:2:x:7:true:7 orphaned:3:x:7:true:7", "SELECT of FROM t.told");
	gives(&w, "orphaned|t orphaned|t",
		"SELECT kind, what LIKE 'reveal _: transaction 0x%% of block 7 acted on an event that reorg entry 4 "
		"of main took back'"
		" FROM fairlead.odd ORDER BY id");
	/* done by a final block: still there */
	run(&w, "SELECT t.final(9)");
	gives(&w, "reveal|2|t|7|4|t reveal|3|t|7|4|t", LISTED);
	/* the event of 2 returns: nothing is orphaned any more, and nothing is sent again */
	run(&w, "SELECT t.item('2', 5)");
	gives(&w, "reveal|3|t|7|4|t", LISTED);
	gives(&w, "2|done|5", "SELECT key, state, cause FROM fairlead.item WHERE key = '2'");
	world_close(&w);
}

/* Its transaction leaves with its event: no orphan, until it is mined again. */
static void the_transaction_may_leave_too(void **state)
{
	(void)state;
	struct world w;
	found(&w, "orphaned");
	items(&w, 2);
	run(&w, "SELECT t.send(1, 0, 'x'); SELECT t.receipt('x', 5)");
	lose(&w);
	gives(&w, "taken back", "SELECT standing FROM fairlead.standing");
	gives(&w, "", LISTED);
	run(&w, "SELECT fairlead.unbatch('apply:main', 1)");
	gives(&w, "0", "SELECT count(*) FROM fairlead.happening");
	run(&w, "SELECT t.receipt('x', 8, true, 'b'); SELECT fairlead.unbatch('apply:main', 1)");
	gives(&w, "orphaned:2:x:8:true:8", "SELECT of FROM t.told");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_told_to_nobody),
		cmocka_unit_test(sent_is_the_first_time_that_it_is_taken),
		cmocka_unit_test(mined_and_final),
		cmocka_unit_test(failed_is_the_end),
		cmocka_unit_test(failed_without_a_transaction),
		cmocka_unit_test(a_mined_one_is_listed_and_told_once),
		cmocka_unit_test(the_transaction_may_leave_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
