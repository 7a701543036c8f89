#include "common/ledger/queue.h"

#include "common/base/mem.h"

void queue_look(struct pg_unit *u, const char *chain)
{
	static const struct pg_sql sql = {"queue_look",
		"SELECT l.at, a.at, c.done, c.final,"
		" (SELECT count(*) FROM (SELECT FROM fairlead.parked p WHERE p.chain = c.id LIMIT 1) s),"
		" (SELECT count(*) FROM (SELECT FROM fairlead.item i JOIN fairlead.batch b ON b.id = i.batch AND "
		"b.state = 'ready'"
		" WHERE i.cause IS NULL AND i.state IN ('batched', 'done') AND i.chain = c.id LIMIT 1) s)"
		" + (SELECT count(*) FROM (SELECT FROM fairlead.orphaned o WHERE o.told IS NULL AND o.chain_id = "
		"c.id LIMIT 1) s),"
		" EXISTS (SELECT FROM fairlead.happening h WHERE h.chain = c.id AND h.state = 'waiting' AND h.seq <= "
		"a.at)"
		" FROM fairlead.chain c JOIN fairlead.lane l ON l.name = 'listen:' || c.name"
		" JOIN fairlead.lane a ON a.name = 'apply:' || c.name WHERE c.name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
}

bool queue_look_read(const struct pg_reply *r, int stmt, struct queue_look *out)
{
	if (pg_rows(r, stmt) != 1)
		return false;
	*out = (struct queue_look){.head = pg_get_int(r, stmt, 0, 0),
		.at = pg_get_int(r, stmt, 0, 1),
		.done = pg_get_int(r, stmt, 0, 2),
		.final = pg_get_int(r, stmt, 0, 3),
		.rule_parked = pg_get_int(r, stmt, 0, 4),
		.orphaned = pg_get_int(r, stmt, 0, 5),
		.happened = pg_get_bool(r, stmt, 0, 6)};
	return true;
}

void queue_due(struct pg_unit *u, const char *batch, int64_t in_ms)
{
	static const struct pg_sql sql = {"queue_due",
		"UPDATE fairlead.batch_decl SET due = CASE WHEN $2::bigint >= 0 THEN clock_timestamp() + $2::bigint "
		"* interval '1 ms' END"
		" WHERE name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, batch);
	pg_put_int(u, in_ms);
}

void queue_parked(struct pg_unit *u, const char *batch, int64_t newest)
{
	static const struct pg_sql sql = {"queue_parked",
		"SELECT p.key, p.reason, coalesce(d.title, ''), coalesce('0x' || encode(e._tx, 'hex'), '')"
		" FROM (SELECT * FROM fairlead.item WHERE batch_of = $1 AND state = 'parked' ORDER BY at DESC, id "
		"DESC LIMIT $2) p"
		" LEFT JOIN fairlead.event e ON e._chain = p.chain AND e._seq = p.cause"
		" LEFT JOIN fairlead.decl d ON d.rel = e.tableoid ORDER BY p.id"};
	pg_stmt(u, &sql);
	pg_put_text(u, batch);
	pg_put_int(u, newest);
}

void queue_event(struct pg_unit *u, const char *chain, int64_t seq)
{
	static const struct pg_sql sql = {"queue_event",
		"SELECT d.title, '0x' || encode(e._tx, 'hex'), e._block FROM fairlead.event e JOIN fairlead.decl d "
		"ON d.rel "
		"= e.tableoid"
		" JOIN fairlead.chain c ON c.id = e._chain WHERE c.name = $1 AND e._seq = $2"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
	pg_put_int(u, seq);
}

void queue_unbatch(struct pg_unit *u, const struct lane *l)
{
	static const struct pg_sql sql = {"queue_unbatch", "SELECT fairlead.unbatch($1, $2)"};
	pg_stmt(u, &sql);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
}

void queue_file_digest(struct pg_unit *u, const char *name)
{
	static const struct pg_sql sql = {
		"queue_file_digest", "SELECT digest FROM fairlead.file WHERE name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, name);
}

static void put_texts(struct pg_unit *u, const struct str *s, size_t n)
{
	PG_ARRAY(u, i, n, pg_item_text(u, s[i]));
}

void queue_file_load(struct pg_unit *u, struct arena *a, const char *name, const struct queue_file *f)
{
	static const struct pg_sql mark = {"queue_file_loaded",
		"UPDATE fairlead.file SET digest = $2, entries = $3, at = clock_timestamp(), "
		"error = NULL WHERE name = $1"};
	struct pg_sql *table = arena_alloc(a, sizeof *table);
	/* the table is named by the configuration: letters, digits and _ only */
	*table = (struct pg_sql){arena_printf(a, "load_%s", name),
		arena_printf(a,
			"WITH n AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[]) AS x(key, value)),"
			" gone AS (DELETE FROM files.\"%s\" f WHERE NOT EXISTS (SELECT FROM n WHERE n.key = f.key))"
			" INSERT INTO files.\"%s\" AS f (key, value) SELECT key, value FROM n"
			" ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value WHERE f.value <> EXCLUDED.value",
			name, name)};
	pg_stmt(u, table);
	put_texts(u, f->keys, f->n);
	put_texts(u, f->values, f->n);
	pg_stmt(u, &mark);
	pg_put_text(u, name);
	pg_put_bytes(u, f->digest, 32);
	pg_put_int(u, (int64_t)f->n);
}

void queue_file_broken(struct pg_unit *u, const char *name, const char *why)
{
	static const struct pg_sql sql = {
		"queue_file_broken", "UPDATE fairlead.file SET error = $2 WHERE name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, name);
	pg_put_text(u, why);
}
