#include "common/ledger/happen.h"

void happen_chain(struct pg_unit *u, int chain_id, const char *kind, int64_t block, const uint8_t hash[32],
	uint64_t time, int64_t found)
{
	static const struct pg_sql sql = {"happen_chain",
		"SELECT fairlead.happen($1, $2, jsonb_build_object('block', nullif($3::bigint, -1),"
		" 'hash', '0x' || encode($4::bytea, 'hex'), 'time', nullif($5::bigint, 0), 'found', "
		"nullif($6::bigint, -1)))"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain_id);
	pg_put_text(u, kind);
	pg_put_int(u, block);
	if (hash)
		pg_put_bytes(u, hash, 32);
	else
		pg_put_null(u);
	pg_put_int(u, (int64_t)time);
	pg_put_int(u, found);
}

void happen_look(struct pg_unit *u, int64_t id)
{
	static const struct pg_sql sql = {"happen_look",
		"SELECT subject || '.' || kind, data->>'tx', data->>'block' FROM fairlead.happening WHERE id = $1"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
}
