#include "common/ledger/sweep.h"

#include <stdio.h>

void sweep_load(struct pg_unit *u, const char *chain)
{
	static const struct pg_sql sql = {"sweep_load",
		"SELECT swept_to, (extract(epoch FROM clock_timestamp() - last_sweep) * 1000)::bigint, reseat_to"
		" FROM fairlead.chain WHERE name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
}

static int64_t known(const struct pg_reply *r, int stmt, int col)
{
	return pg_is_null(r, stmt, 0, col) ? -1 : pg_get_int(r, stmt, 0, col);
}

bool sweep_loaded(const struct pg_reply *r, int stmt, struct sweep_row *out)
{
	if (pg_rows(r, stmt) != 1)
		return false;
	*out = (struct sweep_row){known(r, stmt, 0), known(r, stmt, 1), known(r, stmt, 2)};
	return true;
}

void sweep_missing(
	struct pg_unit *u, const struct event_decl *ev, const struct log *logs, const size_t *at, size_t n)
{
	static const struct pg_sql sql = {"sweep_missing",
		"SELECT i - 1 FROM fairlead.missing(format('%I.%I', $1::text, $2::text)::regclass, "
		"$3::bigint[], $4::bytea[]) i ORDER BY 1"};
	pg_stmt(u, &sql);
	pg_put_text(u, ev->contract->schema);
	pg_put_text(u, ev->table);
	PG_ARRAY(u, i, n, pg_item_int(u, (int64_t)logs[at[i]].block));
	PG_ARRAY(u, i, n, pg_item_bytes(u, logs[at[i]].id, 32));
}

void sweep_missed(struct pg_unit *u, int chain_id, uint64_t events, const char *what)
{
	static const struct pg_sql sql = {"sweep_missed", "SELECT fairlead.missed($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain_id);
	pg_put_int(u, (int64_t)events);
	pg_put_text(u, what);
}

void sweep_reseated(struct pg_unit *u, int chain_id, int64_t first, int64_t last)
{
	static const struct pg_sql sql = {"sweep_reseated", "SELECT fairlead.reseated($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain_id);
	pg_put_int(u, first);
	pg_put_int(u, last);
}

void sweep_taken(struct pg_unit *u, int chain_id, size_t most)
{
	static const struct pg_sql sql = {"sweep_taken",
		"SELECT t.block, t.block_hash, (t.image->>'_tx')::bytea, (t.image->>'_log')::bigint"
		" FROM fairlead.retraction t JOIN fairlead.chain c ON c.id = t.chain"
		" WHERE c.id = $1 AND c.reseat_to IS NOT NULL AND t.reorg >= c.reseat_seq AND t.seq >="
		" (SELECT min(o.first_seq) FROM fairlead.reorg o WHERE o.chain = $1 AND o.seq >= c.reseat_seq)"
		" ORDER BY t.seq LIMIT $2"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain_id);
	pg_put_int(u, (int64_t)most);
}

void sweep_began(struct pg_unit *u, int chain_id, int64_t floor)
{
	static const struct pg_sql sql = {
		"sweep_began", "UPDATE fairlead.chain SET swept_to = $2 WHERE id = $1 AND swept_to IS NULL"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain_id);
	pg_put_int(u, floor);
}

void sweep_ended(struct pg_unit *u, int chain_id, int64_t to)
{
	static const struct pg_sql sql = {"sweep_ended",
		"UPDATE fairlead.chain SET swept_to = $2, last_sweep = clock_timestamp() WHERE id = $1"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain_id);
	pg_put_int(u, to);
}
