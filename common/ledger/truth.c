#include "common/ledger/truth.h"

static void put_lane(struct pg_unit *u, const struct slots_lane *l)
{
	pg_put_text(u, l->lane->name);
	pg_put_int(u, l->lane->epoch);
	pg_put_int(u, l->chain);
	pg_put_bytes(u, l->signer, 20);
}

void truth_hint(struct pg_unit *u, const struct slots_lane *l, uint64_t nonce, uint64_t final)
{
	static const struct pg_sql sql = {"truth_hint",
		"SELECT a.block FROM fairlead.account a"
		"  LEFT JOIN fairlead.block b ON b.chain = a.chain AND b.number = a.block"
		" WHERE a.chain = $1 AND a.address = $2 AND a.count <= $3 AND a.block < $4"
		"   AND (b.hash IS NULL OR b.hash = a.block_hash)"
		" ORDER BY a.block DESC LIMIT 1"};
	pg_stmt(u, &sql);
	pg_put_int(u, l->chain);
	pg_put_bytes(u, l->signer, 20);
	pg_put_int(u, (int64_t)nonce);
	pg_put_int(u, (int64_t) final);
}

bool truth_hint_read(const struct pg_reply *r, int stmt, uint64_t *block)
{
	if (pg_rows(r, stmt) == 0)
		return false;
	*block = (uint64_t)pg_get_int(r, stmt, 0, 0);
	return true;
}

static void put_or_null(struct pg_unit *u, const uint8_t *p, size_t n)
{
	if (p)
		pg_put_bytes(u, p, n);
	else
		pg_put_null(u);
}

void truth_close(struct pg_unit *u, const struct slots_lane *l, const struct truth_consumed *c)
{
	static const struct pg_sql sql = {"truth_close",
		"SELECT fairlead.foreign_close($1, $2, $3::smallint, $4, $5, $6, $7, $8, $9, $10, $11, $12)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	pg_put_int(u, (int64_t)c->nonce);
	pg_put_int(u, (int64_t)c->block);
	pg_put_bytes(u, c->hash, 32);
	pg_put_bytes(u, c->parent, 32);
	pg_put_int(u, (int64_t)c->time);
	pg_put_text(u, c->kind);
	put_or_null(u, c->tx, 32);
	put_or_null(u, c->by, 20);
}

int64_t truth_closed(const struct pg_reply *r, int stmt)
{
	return pg_get_int(r, stmt, 0, 0);
}

void truth_note(struct pg_unit *u, const struct slots_lane *l, const struct truth_consumed *c)
{
	static const struct pg_sql sql = {
		"truth_note", "SELECT fairlead.note_consumed($1, $2, $3::smallint, $4, $5, $6, $7, $8, $9, $10)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	pg_put_int(u, (int64_t)c->nonce);
	pg_put_int(u, (int64_t)c->block);
	pg_put_bytes(u, c->hash, 32);
	pg_put_text(u, c->kind);
	put_or_null(u, c->tx, 32);
	put_or_null(u, c->by, 20);
}

void truth_tops(struct pg_unit *u, int chain)
{
	static const struct pg_sql sql = {"truth_tops",
		"SELECT coalesce((SELECT max(id) FROM fairlead.batch), -1),"
		" coalesce((SELECT max(s.nonce) FROM (SELECT DISTINCT signer FROM fairlead.slot WHERE chain = $1) a"
		"  CROSS JOIN LATERAL (SELECT nonce FROM fairlead.slot"
		"   WHERE chain = $1 AND signer = a.signer ORDER BY nonce DESC LIMIT 1) s), -1)"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain);
}

void truth_tops_read(const struct pg_reply *r, int stmt, struct truth_tops *out)
{
	*out = (struct truth_tops){pg_get_int(r, stmt, 0, 0), pg_get_int(r, stmt, 0, 1)};
}
