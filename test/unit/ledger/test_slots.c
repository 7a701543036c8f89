/* The send path as PostgreSQL enforces it: slots, attempts, item sets, verdicts, finality (INV-4..INV-7,
 * S1..S4, S7, S9). */
#include "test/unit/ledger/world.h"

static void items(struct world *w, int n)
{
	for (int i = 1; i <= n; i++)
		run(w, "SELECT t.item('%d', %d)", i, i);
}

/* ── committing ── */

static void one_item_a_key(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 1);
	refused(&w, "23505",
		"INSERT INTO fairlead.item (batch_of, key, chain, cause, args) VALUES ('reveal', '1', 1, 9, '{}')");
	refused(&w, "FL003", "DELETE FROM fairlead.item");
	refused(&w, "FL003", "TRUNCATE fairlead.item CASCADE");
	world_close(&w);
}

static void nonces_are_dense(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 2);
	run(&w, "SELECT t.cut()");
	refused(&w, "FL005", "SELECT t.send(1, 5, 'x')"); /* the lane stands at 0 */
	gives(&w, "1", "SELECT t.send(1, 0, 'x')");
	gives(&w, "1", "SELECT at FROM fairlead.lane WHERE name = t.lane()");
	gives(&w, "0|1|bound",
		"SELECT s.nonce, s.batch, b.state FROM fairlead.slot s JOIN fairlead.batch b ON b.id = s.batch");
	gives(
		&w, "send|1|2", "SELECT kind, n, (SELECT count(*) FROM fairlead.attempt_item) FROM fairlead.attempt");
	refused(&w, "FL005", "SELECT t.send(1, 1, 'y')"); /* no longer ready */
	gives(&w, "1", "SELECT at FROM fairlead.lane WHERE name = t.lane()");
	refused(&w, "FL003", "DELETE FROM fairlead.slot");
	refused(&w, "23505", "INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (1, t.me(), 0)");
	refused(&w, "23505", "INSERT INTO fairlead.slot (chain, signer, nonce, batch) VALUES (1, t.me(), 7, 1)");
	refused(&w, "FL004",
		"INSERT INTO fairlead.slot (chain, signer, nonce, closed, closed_block, closed_hash) VALUES (1, "
		"t.me(), 8, 'foreign', 1, t.h('a'))");
	world_close(&w);
}

static void the_set_must_be_exact(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 3);
	run(&w, "SELECT t.cut()");
	run(&w, "CREATE FUNCTION t.set(items bigint[], batches bigint[]) RETURNS int LANGUAGE sql AS $$"
			" SELECT fairlead.send_commit(t.lane(), 1, 1::smallint, t.me(), 0, '{1}', ARRAY[t.h('x')], "
			"ARRAY['x'::bytea], '{10}', '{1}',"
			" items, batches) $$");
	static const char *const wrong[] = {
		"'{1,2}', '{1,1}'", "'{1,2,3,4}', '{1,1,1,1}'", "'{}', '{}'", "'{1,2,3}', '{1,1,2}'"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		refused(&w, "FL005", "SELECT t.set(%s)", wrong[i]);
	/* what was taken back since is no part of it */
	run(&w, "UPDATE fairlead.item SET cause = NULL WHERE id = 2");
	refused(&w, "FL005", "SELECT t.set('{1,2,3}', '{1,1,1}')");
	gives(&w, "1", "SELECT t.set('{1,3}', '{1,1}')");
	gives(&w, "1 3", "SELECT item FROM fairlead.attempt_item ORDER BY 1");
	refused(&w, "FL004",
		"SELECT fairlead.send_commit(t.lane(), 1, 1::smallint, decode(repeat('05', 20), 'hex'), 1, '{}', "
		"'{}', '{}', '{}', '{}', '{}', '{}')");
	world_close(&w);
}

static void fenced_writes_nothing(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 1);
	run(&w, "SELECT t.cut()");
	run(&w, "UPDATE fairlead.lane SET until = '-infinity' WHERE name = t.lane(); SELECT "
			"fairlead.take(t.lane(), 'other', '1h')");
	refused(&w, "FL001", "SELECT t.send(1, 0, 'x')");
	refused(&w, "FL001", "SELECT fairlead.sent(t.lane(), 1, '{}', '{}', '{}')");
	refused(&w, "FL001", "SELECT t.receipt('x', 1)");
	refused(&w, "FL001", "SELECT fairlead.items_settle(t.lane(), 1, '{1}', '{dead}', '{x}', '{}')");
	refused(&w, "FL001", "SELECT * FROM fairlead.finalise(0, 1::smallint, 10)");
	gives(&w, "0", "SELECT count(*) FROM fairlead.slot");
	world_close(&w);
}

static void attempts_are_append_only(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 2);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x')");
	refused(&w, "FL003", "UPDATE fairlead.attempt SET fee = 1");
	refused(&w, "FL003", "DELETE FROM fairlead.attempt");
	refused(&w, "FL003", "TRUNCATE fairlead.attempt CASCADE");
	refused(&w, "FL003", "DELETE FROM fairlead.attempt_item");
	refused(&w, "FL003", "UPDATE fairlead.attempt_item SET item = 2");
	refused(&w, "FL004", "UPDATE fairlead.slot SET batch = NULL"); /* it has a signed attempt */
	refused(&w, "FL004", "UPDATE fairlead.slot SET nonce = 5");
	run(&w, "INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (1, t.me(), 1)");
	refused(&w, "FL004", "UPDATE fairlead.slot SET nonce = 5 WHERE nonce = 1");
	world_close(&w);
}

/* sql/029: once a statement what foreign keys said at each row. */
static void what_is_referred_to_is_there(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 2);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x')");
	refused(
		&w, "23503", "INSERT INTO fairlead.slot (chain, signer, nonce, batch) VALUES (1, t.me(), 7, 999)");
	refused(&w, "23503", "INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (99, t.me(), 7)");
	run(&w, "INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (1, t.me(), 7)");
	refused(&w, "23503", "UPDATE fairlead.slot SET batch = 999 WHERE nonce = 7");
	refused(&w, "23503",
		"INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, kind, seq, link)"
		" VALUES (1, t.me(), 8, 1, t.h('y'), 'y', 1, 'send', 9, 'l')");
	refused(
		&w, "23503", "INSERT INTO fairlead.sending (hash, endpoint) VALUES (t.h('x'), 'e'), (t.h('y'), 'e')");
	refused(&w, "23503",
		"INSERT INTO fairlead.verdict (hash, block_hash, chain, block, ok, gas_used, price)"
		" VALUES (t.h('y'), t.h('b'), 1, 1, true, 1, 1)");
	run(&w, "INSERT INTO fairlead.sending (hash, endpoint) VALUES (t.h('x'), 'e')");
	refused(&w, "FL003", "UPDATE fairlead.sending SET hash = t.h('y')");
	refused(&w, "FL003", "DELETE FROM fairlead.batch");
	world_close(&w);
}

static void more_attempts(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 3);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x')");
	run(&w, "CREATE FUNCTION t.add(kind text, x text, items bigint[], nonce bigint DEFAULT 0) RETURNS int "
			"LANGUAGE sql AS $$"
			" SELECT fairlead.attempt_add(t.lane(), 1, 1::smallint, t.me(), ARRAY[nonce], ARRAY[kind], "
			"ARRAY[t.h(x)], ARRAY[x::bytea], '{12}',"
			" '{2}', items, array_fill(nonce, ARRAY[cardinality(items)])) $$");
	gives(&w, "1", "SELECT t.add('bump', 'x2', '{1,2,3}')");
	gives(&w, "1", "SELECT t.add('cancel', 'x3', '{}')");
	refused(&w, "FL005", "SELECT t.add('cancel', 'x4', '{1}')");
	refused(&w, "FL005", "SELECT t.add('recomposed', 'x4', '{}')");
	refused(&w, "FL004", "SELECT t.add('bump', 'x4', '{1,2,3}', 1)"); /* no such slot */
	run(&w, "UPDATE fairlead.item SET cause = NULL WHERE id = 2");
	refused(&w, "FL005", "SELECT t.add('recomposed', 'x4', '{1,2}')");
	gives(&w, "1", "SELECT t.add('bump', 'x4', '{1,2,3}')"); /* what was signed before may be signed again */
	gives(&w, "1", "SELECT t.add('recomposed', 'x5', '{1,3}')");
	run(&w, "SELECT t.item('9', 9); SELECT t.cut()");
	refused(&w, "FL005", "SELECT t.add('recomposed', 'x6', '{1,4}')"); /* of another batch */
	refused(&w, "FL004",
		"WITH a AS (SELECT hash FROM fairlead.attempt WHERE n = 1) INSERT INTO fairlead.attempt_item SELECT "
		"hash, 4 FROM a");
	refused(&w, "FL004", "INSERT INTO fairlead.attempt_item VALUES (t.h('nobody'), 1)");
	refused(&w, "FL004", "INSERT INTO fairlead.attempt_item VALUES (t.h('x'), 99)");
	gives(&w, "1 2 3 4 5", "SELECT n FROM fairlead.attempt ORDER BY n");
	world_close(&w);
}

/* ── closing ── */

static void a_slot_closes_by_a_final_block_of_ours(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 3);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(1, 9)");
	run(&w, "CREATE FUNCTION t.close(how text, x bytea, n bigint, block text) RETURNS int LANGUAGE sql AS $$"
			" SELECT fairlead.close('clock', 1, 1::smallint, t.me(), 0, how, x, n, t.h(block)) $$");
	refused(&w, "FL004", "SELECT t.close('done', t.h('x'), 5, 'a5')"); /* not final */
	run(&w, "SELECT fairlead.advance(1::smallint, 1, 6, -1)");
	refused(&w, "FL004", "SELECT t.close('done', t.h('x'), 5, 'b5')"); /* final, but not our block */
	refused(&w, "FL004", "SELECT t.close('done', t.h('y'), 5, 'a5')"); /* not an attempt of this slot */
	refused(&w, "23514", "SELECT t.close('done', NULL, 5, 'a5')");
	refused(&w, "FL004", "UPDATE fairlead.batch SET state = 'done'"); /* its slot is open */
	refused(&w, "FL004", "UPDATE fairlead.item SET state = 'waiting', batch = NULL WHERE id = 1");
	refused(&w, "FL004", "UPDATE fairlead.item SET state = 'done' WHERE id = 1");
	gives(&w, "3", "SELECT t.close('foreign', NULL, 5, 'a5')");
	refused(&w, "FL004", "SELECT t.close('foreign', NULL, 5, 'a5')"); /* once */
	refused(&w, "FL004",
		"SELECT fairlead.attempt_add(t.lane(), 1, 1::smallint, t.me(), '{0}', '{cancel}', ARRAY[t.h('z')], "
		"ARRAY['z'::bytea], '{1}', '{1}', '{}', '{}')");
	refused(&w, "FL004",
		"INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, kind, seq, link) VALUES (1, "
		"t.me(), 0, 2, t.h('z'), 'z', 1, 'bump', 9, 'l')");
	gives(&w, "waiting|0 waiting|0 waiting|0", "SELECT state, tries FROM fairlead.item");
	gives(&w, "failed", "SELECT state FROM fairlead.batch");
	refused(&w, "FL004", "UPDATE fairlead.batch SET state = 'ready'");
	world_close(&w);
}

static void finalise_success(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 3);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(1, 9); SELECT t.receipt('x', 5)");
	gives(&w, "stands", "SELECT standing FROM fairlead.txs");
	gives(&w, "0", "SELECT t.receipt('x', 5)"); /* again: nothing */
	gives(&w, "0 closed, 0 done, 0 freed, 0 dead", "SELECT t.final(4)");
	gives(&w, "1 closed, 3 done, 0 freed, 0 dead", "SELECT t.final(5)");
	gives(&w, "0 closed, 0 done, 0 freed, 0 dead", "SELECT t.final(5)");
	gives(&w, "done|1 done|1 done|1", "SELECT state, batch FROM fairlead.item");
	gives(&w, "done|done|t",
		"SELECT b.state, s.closed, b.mined IS NOT NULL FROM fairlead.batch b JOIN fairlead.slot s ON s.batch "
		"= b.id");
	gives(&w, "1|0", "SELECT done, failed FROM fairlead.batches");
	gives(&w, "1|0|0", "SELECT completed, failed, waiting FROM fairlead.queues WHERE name = 'send'");
	gives(&w, "t|t|5", "SELECT final, ok, block FROM fairlead.txs");
	world_close(&w);
}

/* S1: the items of the winner are done, those that it left out are free. */
static void finalise_recomposed(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 3);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(1, 9); UPDATE fairlead.item SET cause "
			"= NULL WHERE id = 3;"
			"SELECT fairlead.attempt_add(t.lane(), 1, 1::smallint, t.me(), '{0}', '{recomposed}', "
			"ARRAY[t.h('y')], ARRAY['y'::bytea], '{12}', '{2}', '{1}', '{0}');"
			"SELECT t.receipt('y', 5)");
	gives(&w, "1 closed, 1 done, 2 freed, 0 dead", "SELECT t.final(5)");
	gives(&w, "1|done 2|waiting 3|void", "SELECT id, state FROM fairlead.item ORDER BY id");
	world_close(&w);
}

static void finalise_cancel(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 2);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(1, 9);"
			"SELECT fairlead.attempt_add(t.lane(), 1, 1::smallint, t.me(), '{0}', '{cancel}', "
			"ARRAY[t.h('y')], ARRAY['y'::bytea], '{12}', '{2}', '{}', '{}');"
			"SELECT t.receipt('y', 5)");
	gives(&w, "1 closed, 0 done, 2 freed, 0 dead", "SELECT t.final(6)");
	gives(&w, "cancelled|failed",
		"SELECT s.closed, b.state FROM fairlead.slot s JOIN fairlead.batch b ON b.id = s.batch");
	gives(&w, "waiting|0|t waiting|0|t", "SELECT state, tries, not_before IS NULL FROM fairlead.item");
	world_close(&w);
}

/* S9: a closed failure counts, waits longer each time, and ends in a dead letter. Freed items queue behind
 * (P16). */
static void finalise_revert(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 1);
	run(&w, "SELECT t.blocks(1, 90); UPDATE fairlead.lane SET at = 40 WHERE name = 'apply:main'");
	for (int i = 0; i < 3; i++) {
		run(&w, "SELECT t.cut(); SELECT t.send(%d, %d, 'x%d'); SELECT t.receipt('x%d', %d, false)", i + 1, i,
			i, i, 5 + i);
		gives(&w, i < 2 ? "1 closed, 0 done, 1 freed, 0 dead" : "1 closed, 0 done, 0 freed, 1 dead",
			"SELECT t.final(%d)", 5 + i);
		if (i < 2)
			gives(&w, i ? "waiting|2|40|10" : "waiting|1|40|5",
				"SELECT state, tries, turn, round(extract(epoch FROM not_before - at)) FROM fairlead.item");
	}
	gives(&w, "dead|3|t", "SELECT state, tries, batch IS NULL FROM fairlead.item");
	gives(&w, "item reveal 1|3|1", "SELECT what, tries, item FROM fairlead.dead");
	gives(&w, "0|3", "SELECT done, failed FROM fairlead.batches");
	world_close(&w);
}

/* ── verdicts and reorgs (INV-7) ── */

static void verdicts_follow_the_block_hash(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 1);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(1, 5)");
	run(&w, "SELECT t.receipt('x', 6)");
	gives(&w, "ahead", "SELECT standing FROM fairlead.standing");
	run(&w, "SELECT t.blocks(6, 6)");
	gives(&w, "stands", "SELECT standing FROM fairlead.standing");
	run(&w, "SELECT fairlead.retract(1::smallint, 1, 6)");
	gives(&w, "ahead", "SELECT standing FROM fairlead.standing"); /* nor stands, nor taken back: the new
																	 branch is not read yet */
	run(&w, "SELECT t.blocks(6, 8, 'b')");
	gives(&w, "taken back", "SELECT standing FROM fairlead.standing");
	gives(&w, "0 closed, 0 done, 0 freed, 0 dead", "SELECT t.final(6)"); /* another block may still decide */
	run(&w, "SELECT t.receipt('x', 7, false, 'b')"); /* included again, with another status */
	gives(&w, "f|stands|7", "SELECT ok, standing, block FROM fairlead.txs");
	gives(&w, "1 closed, 0 done, 1 freed, 0 dead", "SELECT t.final(7)");
	gives(&w, "6|f|t 7|t|f", "SELECT block, final, gone FROM fairlead.verdict ORDER BY block");
	gives(&w, "0", "SELECT count(*) FROM fairlead.verdict WHERE NOT final AND NOT gone");
	world_close(&w);
}

static void pruning_keeps_what_a_verdict_needs(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 1);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(1, 50); SELECT t.receipt('x', 20)");
	run(&w, "SELECT fairlead.advance(1::smallint, 1, 45, 40); SELECT fairlead.prune(1, 1::smallint, 0)");
	gives(&w, "20", "SELECT min(number) FROM fairlead.block");
	gives(&w, "1 closed, 1 done, 0 freed, 0 dead", "SELECT t.final(45)");
	run(&w, "SELECT fairlead.prune(1, 1::smallint, 0)");
	gives(&w, "40", "SELECT min(number) FROM fairlead.block");
	gives(&w, "stands", "SELECT standing FROM fairlead.standing"); /* final: it needs no block row any more */
	world_close(&w);
}

/* Mined below the window while the fleet was down: no block row was ever stored there. */
static void an_anchor_decides_below_the_window(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 1);
	run(&w, "SELECT t.cut(); SELECT t.send(1, 0, 'x'); SELECT t.blocks(90, 99); SELECT t.receipt('x', 20)");
	run(&w, "SELECT fairlead.advance(1::smallint, 1, 95, 88)");
	gives(&w, "unanchored", "SELECT standing FROM fairlead.standing");
	gives(&w, "0 closed, 0 done, 0 freed, 0 dead", "SELECT t.final(95)");
	gives(&w, "f",
		"SELECT fairlead.anchor(1, 1::smallint, 89, t.h('z'), t.h('y'), now())"); /* above the floor */
	gives(&w, "t", "SELECT fairlead.anchor(1, 1::smallint, 20, t.h('a20'), t.h('a19'), now())");
	gives(&w, "1 closed, 1 done, 0 freed, 0 dead", "SELECT t.final(95)");
	world_close(&w);
}

/* ── items of ready batches ── */

static void settling_items(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 6);
	run(&w, "SELECT t.cut(); UPDATE fairlead.item SET cause = NULL WHERE id = 5; SELECT t.blocks(1, 9)");
	gives(&w, "5",
		"SELECT fairlead.items_settle(t.lane(), 1, '{1,2,3,4,5}', '{already,parked,dead,waiting,waiting}', "
		"'{set,InvalidTokenId(),no,back,back}',"
		" ARRAY[t.h('a8'), NULL, NULL, NULL, NULL], '{8}')");
	gives(&w, "1|already|0 2|parked|1 3|dead|0 4|waiting|0 5|void|0 6|batched|0",
		"SELECT id, state, tries FROM fairlead.item ORDER BY id");
	gives(&w, "1|ready", "SELECT items, state FROM fairlead.batch");
	gives(&w, "no", "SELECT message FROM fairlead.dead");
	refused(&w, "23514", "SELECT fairlead.items_settle(t.lane(), 1, '{6}', '{odd}', '{x}', '{}')");
	gives(&w, "1", "SELECT fairlead.items_settle(t.lane(), 1, '{6}', '{parked}', '{x}', '{}')");
	gives(&w, "0|dropped", "SELECT items, state FROM fairlead.batch");
	/* what a slot is bound to is left alone */
	run(&w, "SELECT t.cut(); SELECT t.send(2, 0, 'x')");
	gives(&w, "0", "SELECT fairlead.items_settle(t.lane(), 1, '{4}', '{dead}', '{x}', '{}')");
	gives(&w, "batched", "SELECT state FROM fairlead.item WHERE id = 4");
	world_close(&w);
}

/* S6, S9: an item that fails alone again and again is dead in the end. */
static void parking_counts(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 1);
	for (int i = 1; i <= 3; i++) {
		run(&w, "SELECT t.cut(); SELECT fairlead.items_settle(t.lane(), 1, '{1}', '{parked}', "
				"'{InvalidTokenId()}', '{}')");
		gives(&w, i < 3 ? "parked" : "dead", "SELECT state FROM fairlead.item");
		if (i < 3)
			run(&w, "UPDATE fairlead.item SET state = 'waiting'");
	}
	gives(&w, "item reveal 1|InvalidTokenId()", "SELECT what, message FROM fairlead.dead");
	world_close(&w);
}

/* S7: taken back with the block that showed it. */
static void already_is_taken_back(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 2);
	run(&w, "SELECT t.cut(); SELECT t.blocks(1, 8);"
			"SELECT fairlead.items_settle(t.lane(), 1, '{1,2}', '{already,already}', '{set,set}', "
			"ARRAY[t.h('a5'), t.h('a8')], '{5,8}')");
	gives(&w, "0 closed, 0 done, 0 freed, 0 dead", "SELECT t.final(6)");
	gives(&w, "1|already| 2|already|8", "SELECT id, state, shown_block FROM fairlead.item ORDER BY id");
	run(&w, "SELECT fairlead.retract(1::smallint, 1, 7); SELECT t.blocks(7, 9, 'b')");
	run(&w, "SELECT t.final(6)");
	gives(&w, "1|already 2|waiting", "SELECT id, state FROM fairlead.item ORDER BY id");
	world_close(&w);
}

static void unbatch_after_the_grace(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	items(&w, 4);
	run(&w, "SELECT t.cut(); SELECT t.item('9', 9); SELECT t.cut(); SELECT t.send(2, 0, 'x')");
	run(&w, "UPDATE fairlead.item SET cause = NULL WHERE id IN (1, 2, 5)");
	gives(&w, "2", "SELECT fairlead.unbatch('apply:main', 1)");
	gives(
		&w, "1|void 2|void 5|batched", "SELECT id, state FROM fairlead.item WHERE cause IS NULL ORDER BY id");
	gives(&w, "1|2|ready 2|1|bound", "SELECT id, items, state FROM fairlead.batch ORDER BY id");
	run(&w, "UPDATE fairlead.item SET cause = NULL WHERE id IN (3, 4)");
	gives(&w, "2", "SELECT fairlead.unbatch('apply:main', 1)");
	gives(&w, "dropped", "SELECT state FROM fairlead.batch WHERE id = 1");
	world_close(&w);
}

/* P3: several submitters, one pool; each batch in one slot, the nonces of each lane dense. */
static void one_pool_many_submitters(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	enum { LANES = 4, BATCHES = 60 };
	run(&w,
		"INSERT INTO fairlead.batch (name, pool, chain, items) SELECT 'reveal', 'owner', 1, 1 FROM "
		"generate_series(1, %d)",
		BATCHES);
	run(&w,
		"INSERT INTO fairlead.item (batch_of, key, chain, cause, args, state, batch) SELECT 'reveal', "
		"n::text, 1, n, '{}', 'batched', n"
		" FROM generate_series(1, %d) n",
		BATCHES);
	PGconn *c[LANES];
	char sql[1000];
	for (int i = 0; i < LANES; i++) {
		c[i] = world_session(&w);
		snprintf(sql, sizeof sql, "SELECT fairlead.take('send:31337:0x%040d', 'me', '1h')", i);
		PQclear(run_on(c[i], sql));
	}
	int open = 1;
	for (int i = 0; open; i = (i + 1) % LANES) {
		/* all ask for the first ready ones at once: who comes second finds them changed */
		for (int k = 0; k < LANES; k++) {
			snprintf(sql, sizeof sql,
				"WITH b AS (SELECT array_agg(id) AS ids FROM (SELECT id FROM fairlead.batch WHERE pool = "
				"'owner' AND state = 'ready'"
				" ORDER BY rank, id LIMIT %d) x), l AS (SELECT at FROM fairlead.lane WHERE name = "
				"'send:31337:0x%040d')"
				" SELECT fairlead.send_commit('send:31337:0x%040d', 1, 1::smallint, '\\x%040d', l.at, ids, "
				"ARRAY(SELECT t.h('%d/' || u) FROM unnest(ids) u),"
				" ARRAY(SELECT 'r'::bytea FROM unnest(ids)), ARRAY(SELECT 1::numeric FROM unnest(ids)), "
				"ARRAY(SELECT 1::numeric FROM unnest(ids)), ids, ids)"
				" FROM b, l WHERE ids IS NOT NULL",
				1 + (i + k) % 3, k, k, k, k);
			assert_int_equal(PQsendQuery(c[k], sql), 1);
		}
		for (int k = 0; k < LANES; k++) {
			PGresult *r;
			while ((r = PQgetResult(c[k]))) {
				const char *st = PQresultErrorField(r, PG_DIAG_SQLSTATE);
				assert_true(!st || text_is(st, "FL005"));
				PQclear(r);
			}
		}
		PGresult *r = run_on(w.pg, "SELECT count(*) FROM fairlead.batch WHERE state = 'ready'");
		open = atoi(PQgetvalue(r, 0, 0));
		PQclear(r);
	}
	gives(&w, "60|60", "SELECT count(*), count(DISTINCT batch) FROM fairlead.slot");
	gives(&w, "0",
		"SELECT count(*) FROM (SELECT signer, count(*) n, max(nonce) + 1 m FROM fairlead.slot GROUP BY 1) x "
		"WHERE n <> m");
	for (int i = 0; i < LANES; i++)
		PQfinish(c[i]);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_item_a_key),
		cmocka_unit_test(nonces_are_dense),
		cmocka_unit_test(the_set_must_be_exact),
		cmocka_unit_test(fenced_writes_nothing),
		cmocka_unit_test(attempts_are_append_only),
		cmocka_unit_test(what_is_referred_to_is_there),
		cmocka_unit_test(more_attempts),
		cmocka_unit_test(a_slot_closes_by_a_final_block_of_ours),
		cmocka_unit_test(finalise_success),
		cmocka_unit_test(finalise_recomposed),
		cmocka_unit_test(finalise_cancel),
		cmocka_unit_test(finalise_revert),
		cmocka_unit_test(verdicts_follow_the_block_hash),
		cmocka_unit_test(pruning_keeps_what_a_verdict_needs),
		cmocka_unit_test(an_anchor_decides_below_the_window),
		cmocka_unit_test(settling_items),
		cmocka_unit_test(parking_counts),
		cmocka_unit_test(already_is_taken_back),
		cmocka_unit_test(unbatch_after_the_grace),
		cmocka_unit_test(one_pool_many_submitters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
