/* Pages of lives, by cursor: each kind walks an index of ids, so a page costs what it shows. */
#include "common/ledger/figures.h"

#include <stdio.h>
#include <string.h>

/* Ids of a kind; $1 below it, $2 above it. What is in flight is few: no index of its own on the way in. */
#define ROWS(ids)                                                                                         \
	"SELECT" LIFE_COLUMNS "FROM (" ids ") p(page) CROSS JOIN LATERAL (SELECT * FROM fairlead.lives_shown" \
	" WHERE id = p.page OFFSET 0) l ORDER BY id DESC"
#define PAGE(name, ids)          \
	{                            \
		"lives_" name, ROWS(ids) \
	}
#define WALK(where) \
	"SELECT id FROM fairlead.item WHERE id < $1 AND id > $2 AND " where " ORDER BY id DESC LIMIT 101"
#define CLIMB(where) \
	"SELECT id FROM fairlead.item WHERE id < $1 AND id > $2 AND " where " ORDER BY id LIMIT 101"
#define FLIGHT(order)                                                                                        \
	"SELECT id FROM (SELECT id FROM fairlead.item WHERE state = 'waiting' AND id < $1 AND id > $2 UNION ALL" \
	" SELECT i.id FROM (SELECT id FROM fairlead.batch WHERE state IN ('ready', 'bound')) b"                  \
	" CROSS JOIN LATERAL (SELECT id FROM fairlead.item WHERE batch = b.id OFFSET 0) i WHERE i.id < $1 AND "  \
	"i.id > $2) s ORDER BY id " order " LIMIT 101"

static const struct pg_sql down[] = {PAGE("all", WALK("true")), PAGE("flight", FLIGHT("DESC")),
	PAGE("odd", WALK("marks <> 0")), PAGE("parked", WALK("state IN ('parked', 'dead')")),
	PAGE("taken", WALK("marks & 2 <> 0"))};
static const struct pg_sql up[] = {PAGE("all_up", CLIMB("true")), PAGE("flight_up", FLIGHT("ASC")),
	PAGE("odd_up", CLIMB("marks <> 0")), PAGE("parked_up", CLIMB("state IN ('parked', 'dead')")),
	PAGE("taken_up", CLIMB("marks & 2 <> 0"))};
/* The newest that began before a moment: the quarter says where to look. */
static const struct pg_sql at_moment = {"lives_at",
	ROWS("SELECT id FROM fairlead.item WHERE id <= coalesce((SELECT newest FROM fairlead.quarter"
		 " WHERE at <= to_timestamp($1::bigint / 1000.0) AND newest IS NOT NULL ORDER BY at DESC LIMIT 1),"
		 " 9223372036854775807) ORDER BY id DESC LIMIT 101")};
/* $1 below, $2 above, $3 words: a key, a hash, a number (key, batch, block). */
#define FOUND(ids) ROWS("SELECT id FROM (" ids ") f WHERE id < $1 AND id > $2 ORDER BY id DESC LIMIT 101")
#define BY_KEY                                                                                        \
	"SELECT i.id FROM fairlead.batch_decl d JOIN fairlead.item i ON i.batch_of = d.name AND i.key = " \
	"$3::text"
#define BY_BATCH "SELECT id FROM fairlead.item WHERE batch = $3::text::bigint"
#define BY_BLOCK                                                                                             \
	"SELECT i.id FROM fairlead.event e JOIN fairlead.item i ON i.cause = e._seq AND i.chain = e._chain"      \
	" WHERE e._block = $3::text::bigint UNION SELECT x.item FROM fairlead.verdict v"                         \
	" JOIN fairlead.attempt_item x ON x.hash = v.hash WHERE v.block = $3::text::bigint AND NOT v.final AND " \
	"NOT v.gone"
static const struct pg_sql by_word = {"lives_word", FOUND(BY_KEY)};
static const struct pg_sql by_number = {"lives_number", FOUND(BY_KEY " UNION " BY_BATCH " UNION " BY_BLOCK)};
static const struct pg_sql by_batch = {"lives_batch", FOUND(BY_BATCH)};
static const struct pg_sql by_hash = {
	"lives_hash", FOUND(BY_KEY " UNION SELECT x.item FROM fairlead.attempt_item x WHERE x.hash = "
							   "decode(right($3::text, 64), 'hex')")};

static bool digits(struct str s)
{
	uint64_t n;
	return s.n > 0 && s.n < 19 && str_to_u64(s, &n);
}

static bool search(struct pg_unit *u, const struct lives_ask *q)
{
	uint8_t hash[32];
	struct str w = q->q;
	bool batch = w.n > 6 && memcmp(w.p, "batch ", 6) == 0 && digits((struct str){w.p + 6, w.n - 6});
	if (w.n == 0)
		return false;
	if (batch)
		w = (struct str){w.p + 6, w.n - 6};
	pg_stmt(u, batch                                ? &by_batch
			   : digits(w)                          ? &by_number
			   : w.n == 66 && hex_from(hash, 32, w) ? &by_hash
													: &by_word);
	pg_put_int(u, q->before >= 0 ? q->before : INT64_MAX);
	pg_put_int(u, q->after);
	pg_put_str(u, w);
	return true;
}

void lives_ask(struct pg_unit *u, const struct lives_ask *q)
{
	if (search(u, q))
		return;
	if (q->at >= 0) {
		pg_stmt(u, &at_moment);
		pg_put_int(u, q->at);
		return;
	}
	pg_stmt(u, q->after >= 0 ? &up[q->kind] : &down[q->kind]);
	pg_put_int(u, q->before >= 0 ? q->before : INT64_MAX);
	pg_put_int(u, q->after);
}
