#include "common/ledger/clock.h"

void clock_look(struct pg_unit *u)
{
	static const struct pg_sql sql = {"clock_look",
		"SELECT c.id, c.name, c.final, c.done, coalesce(c.head, -1),"
		" c.listening AND NOT c.catching_up AND l.at = a.at AND c.head IS NOT NULL,"
		" EXISTS (SELECT FROM fairlead.verdict v WHERE v.chain = c.id AND NOT v.final AND NOT v.gone AND "
		"v.block <= c.final)"
		" OR EXISTS (SELECT FROM fairlead.item i WHERE i.chain = c.id AND i.state = 'already' AND "
		"i.shown_block IS NOT NULL),"
		" coalesce((SELECT min(x.block) FROM"
		"  (SELECT v.block FROM fairlead.verdict v WHERE v.chain = c.id AND NOT v.final AND NOT v.gone"
		"   UNION ALL SELECT i.shown_block FROM fairlead.item i"
		"    WHERE i.chain = c.id AND i.state = 'already' AND i.shown_block IS NOT NULL) x"
		"  WHERE x.block <= c.floor AND NOT EXISTS (SELECT FROM fairlead.block b WHERE b.chain = c.id AND "
		"b.number = x.block)), -1),"
		" l.at, a.at, c.halted IS NOT NULL"
		" FROM fairlead.chain c JOIN fairlead.lane l ON l.name = 'listen:' || c.name"
		" JOIN fairlead.lane a ON a.name = 'apply:' || c.name WHERE c.retired IS NULL ORDER BY c.name"};
	pg_stmt(u, &sql);
}

int clock_look_rows(const struct pg_reply *r, int stmt)
{
	return pg_rows(r, stmt);
}

void clock_look_read(const struct pg_reply *r, int stmt, int row, struct clock_chain *out)
{
	*out = (struct clock_chain){.id = (int)pg_get_int(r, stmt, row, 0),
		.name = pg_get(r, stmt, row, 1),
		.final = pg_get_int(r, stmt, row, 2),
		.done = pg_get_int(r, stmt, row, 3),
		.head = pg_get_int(r, stmt, row, 4),
		.caught_up = pg_get_bool(r, stmt, row, 5),
		.decided = pg_get_bool(r, stmt, row, 6),
		.unanchored = pg_get_int(r, stmt, row, 7),
		.seq = pg_get_int(r, stmt, row, 8),
		.applied = pg_get_int(r, stmt, row, 9),
		.halted = pg_get_bool(r, stmt, row, 10)};
}

void clock_pools(struct pg_unit *u)
{
	static const struct pg_sql sql = {"clock_pools", "SELECT pool, max(id), min(id) FROM fairlead.batch "
													 "WHERE state = 'ready' GROUP BY pool ORDER BY pool"};
	pg_stmt(u, &sql);
}

void clock_pool_read(
	const struct pg_reply *r, int stmt, int row, struct str *pool, int64_t *newest, int64_t *oldest)
{
	*pool = pg_get(r, stmt, row, 0);
	*newest = pg_get_int(r, stmt, row, 1);
	*oldest = pg_get_int(r, stmt, row, 2);
}

void clock_finalise(struct pg_unit *u, const struct lane *l, int chain, int64_t limit)
{
	static const struct pg_sql sql = {
		"clock_finalise", "SELECT closed, done, freed, dead FROM fairlead.finalise($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_int(u, l->epoch);
	pg_put_int(u, chain);
	pg_put_int(u, limit);
}

void clock_settled_read(const struct pg_reply *r, int stmt, struct clock_settled *out)
{
	*out = (struct clock_settled){pg_get_int(r, stmt, 0, 0), pg_get_int(r, stmt, 0, 1),
		pg_get_int(r, stmt, 0, 2), pg_get_int(r, stmt, 0, 3)};
}

void clock_anchor(struct pg_unit *u, const struct lane *l, int chain, int64_t number, const uint8_t hash[32],
	const uint8_t parent[32], uint64_t time)
{
	static const struct pg_sql sql = {
		"clock_anchor", "SELECT fairlead.anchor($1, $2, $3, $4, $5, to_timestamp($6::bigint))"};
	pg_stmt(u, &sql);
	pg_put_int(u, l->epoch);
	pg_put_int(u, chain);
	pg_put_int(u, number);
	pg_put_bytes(u, hash, 32);
	pg_put_bytes(u, parent, 32);
	pg_put_int(u, (int64_t)time);
}

void clock_prune(struct pg_unit *u, const struct lane *l, int chain, int64_t keep_blocks)
{
	static const struct pg_sql sql = {"clock_prune", "SELECT fairlead.prune($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_int(u, l->epoch);
	pg_put_int(u, chain);
	pg_put_int(u, keep_blocks);
}

void clock_count(struct pg_unit *u, const struct lane *l)
{
	static const struct pg_sql sql = {"clock_count", "SELECT fairlead.count_lives($1, p_step => 50000)"};
	pg_stmt(u, &sql);
	pg_put_int(u, l->epoch);
}

void clock_stuck(struct pg_unit *u, const struct lane *l, int64_t since, int64_t ms, const char *reason)
{
	static const struct pg_sql sql = {"clock_stuck", "SELECT fairlead.was_stuck($1, $2, $3, $4)"};
	pg_stmt(u, &sql);
	pg_put_int(u, l->epoch);
	pg_put_int(u, since);
	pg_put_int(u, ms);
	pg_put_text(u, reason);
}

void clock_analyze(struct pg_unit *u)
{
	static const struct pg_sql sql = {"clock_analyze", "ANALYZE fairlead.event"};
	pg_stmt(u, &sql);
}

void clock_retire(struct pg_unit *u, const struct lane *l, uint64_t keep_done_ms, uint64_t keep_failed_ms)
{
	/* an item's row stays for ever: its key is spent (INV-4); what it carried may go */
	static const struct pg_sql sql = {"clock_retire",
		"UPDATE fairlead.item SET args = '{}' WHERE id = ANY (ARRAY(SELECT i.id FROM fairlead.item i"
		" JOIN fairlead.batch b ON b.id = i.batch WHERE i.state = 'done' AND b.state = 'done' AND i.args <> "
		"'{}'"
		" AND b.at < clock_timestamp() - $1::bigint * interval '1 ms' LIMIT 5000))"};
	static const struct pg_sql dead = {"clock_retire_dead",
		"DELETE FROM fairlead.dead_letter WHERE id = ANY (ARRAY(SELECT id FROM fairlead.dead_letter WHERE "
		"cured IS NOT NULL"
		" AND cured < clock_timestamp() - $1::bigint * interval '1 ms' LIMIT 5000))"};
	lane_fence(u, l);
	pg_stmt(u, &sql);
	pg_put_int(u, (int64_t)keep_done_ms);
	pg_stmt(u, &dead);
	pg_put_int(u, (int64_t)keep_failed_ms);
}

void clock_rules(struct pg_unit *u)
{
	static const struct pg_sql sql = {"clock_rules",
		"SELECT name, coalesce(extract(epoch FROM clock_timestamp() - last_run) * 1000, "
		"-1)::bigint FROM fairlead.clock"};
	pg_stmt(u, &sql);
}

void clock_ran(struct pg_unit *u, const struct lane *l, const char *rule, int64_t differences,
	const char *error, uint64_t every_ms)
{
	static const struct pg_sql sql = {"clock_ran",
		"INSERT INTO fairlead.clock (name, last_run, last_ok, next_due, differences, error)"
		" VALUES ($1, clock_timestamp(), CASE WHEN $3::text IS NULL THEN clock_timestamp() END,"
		" clock_timestamp() + $4::bigint * interval '1 ms', $2, $3)"
		" ON CONFLICT (name) DO UPDATE SET last_run = EXCLUDED.last_run, last_ok = "
		"coalesce(EXCLUDED.last_ok, clock.last_ok),"
		" next_due = EXCLUDED.next_due, differences = EXCLUDED.differences, error = EXCLUDED.error, retired "
		"= NULL"};
	lane_fence(u, l);
	pg_stmt(u, &sql);
	pg_put_text(u, rule);
	pg_put_int(u, differences);
	pg_put_text(u, error);
	pg_put_int(u, (int64_t)every_ms);
}

void clock_blocks(struct pg_unit *u, const char *chain)
{
	static const struct pg_sql sql = {"clock_blocks",
		"SELECT f.number, f.hash, d.number, d.hash FROM fairlead.chain c"
		" JOIN fairlead.block d ON d.chain = c.id AND d.number = c.done"
		" JOIN LATERAL (SELECT number, hash FROM fairlead.block b WHERE b.chain = c.id AND b.number <= "
		"least(c.final, c.done)"
		" ORDER BY number DESC LIMIT 1) f ON true WHERE c.name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
}
