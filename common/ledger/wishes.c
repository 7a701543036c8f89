#include "common/ledger/wishes.h"

void wishes_look(struct pg_unit *u, enum wish w, enum wish other, const char *subject)
{
	static const struct pg_sql sql = {"wishes_look",
		"SELECT id, from_block, subject, kind FROM fairlead.wish"
		" WHERE kind IN ($1, $2) AND ($3::text IS NULL OR subject = $3) ORDER BY id"};
	pg_stmt(u, &sql);
	pg_put_text(u, wish_words[w]);
	pg_put_text(u, wish_words[other]);
	pg_put_text(u, subject);
}

bool wishes_is(const struct wish_row *r, enum wish w)
{
	return str_is(r->kind, wish_words[w]);
}

void wishes_read(const struct pg_reply *r, int stmt, int row, struct wish_row *out)
{
	*out = (struct wish_row){.id = pg_get_int(r, stmt, row, 0),
		.has_from = !pg_is_null(r, stmt, row, 1),
		.from = pg_get_int(r, stmt, row, 1),
		.subject = pg_get(r, stmt, row, 2),
		.kind = pg_get(r, stmt, row, 3)};
}

void wishes_begin(struct pg_unit *u, int64_t id)
{
	static const struct pg_sql sql = {"wishes_begin",
		"UPDATE fairlead.wish SET began = clock_timestamp()"
		" WHERE id = (SELECT id FROM fairlead.wish WHERE id = $1 FOR UPDATE SKIP LOCKED)"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
}

void wishes_end(struct pg_unit *u, int64_t id)
{
	static const struct pg_sql sql = {"wishes_end",
		"DELETE FROM fairlead.wish WHERE id = (SELECT id FROM fairlead.wish"
		" WHERE id = $1 AND began IS NOT NULL FOR UPDATE SKIP LOCKED)"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
}

void wishes_flush(struct pg_unit *u, const char *batch, int64_t most)
{
	static const struct pg_sql sql = {"wishes_flush",
		"DELETE FROM fairlead.wish WHERE id = (SELECT id FROM fairlead.wish WHERE kind = 'flush' AND subject "
		"= $1 FOR UPDATE SKIP LOCKED)"
		" AND NOT EXISTS (SELECT FROM fairlead.item WHERE batch_of = $1 AND state = 'waiting'"
		" AND coalesce(not_before, '-infinity') <= clock_timestamp() OFFSET $2::bigint)"};
	pg_stmt(u, &sql);
	pg_put_text(u, batch);
	pg_put_int(u, most);
}
