#include "common/ledger/slots.h"

/* ── reading ── */

void slots_chain(struct pg_unit *u, const char *chain)
{
	static const struct pg_sql sql = {
		"slots_chain", "SELECT id, network FROM fairlead.chain WHERE name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
}

bool slots_chain_read(const struct pg_reply *r, int stmt, struct slots_chain *out)
{
	if (pg_rows(r, stmt) == 0)
		return false;
	out->id = (int)pg_get_int(r, stmt, 0, 0);
	out->has_network = !pg_is_null(r, stmt, 0, 1);
	out->network = pg_get_u256(r, stmt, 0, 1);
	return true;
}

static void put_account(struct pg_unit *u, const struct slots_lane *l)
{
	pg_put_int(u, l->chain);
	pg_put_bytes(u, l->signer, 20);
}

static void put_lane(struct pg_unit *u, const struct slots_lane *l)
{
	pg_put_text(u, l->lane->name);
	pg_put_int(u, l->lane->epoch);
}

/* Of batch b, by PostgreSQL's clock, which cut it. */
#define AGE_MS "(greatest(extract(epoch FROM clock_timestamp() - b.at), 0) * 1000)::bigint"

void slots_load(struct pg_unit *u, const struct slots_lane *l)
{
	/* hold, so that what is read is what stands while the lane is ours: nobody else can have a commit under
	 * way. */
	static const struct pg_sql at = {"slots_load_at", "SELECT fairlead.hold_for($1, $2, $3)"};
	static const struct pg_sql open = {"slots_load",
		"SELECT s.nonce, s.batch, a.hash, a.kind, a.fee, a.tip, v.block, v.block_hash, a.raw,"
		"       ARRAY(SELECT x.item FROM fairlead.attempt_item x WHERE x.hash = a.hash ORDER BY x.item),"
		"       coalesce(b.name, ''), " AGE_MS "  FROM fairlead.slot s"
		"  JOIN fairlead.attempt a ON (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce)"
		"  LEFT JOIN fairlead.batch b ON b.id = s.batch"
		"  LEFT JOIN LATERAL (SELECT t.block, t.block_hash FROM fairlead.standing t"
		"                      WHERE t.hash = a.hash AND t.standing <> 'taken back'"
		"                      ORDER BY t.standing = 'stands' DESC, t.block DESC LIMIT 1) v ON true"
		" WHERE s.chain = $1 AND s.signer = $2 AND s.closed IS NULL ORDER BY s.nonce, a.n"};
	pg_stmt(u, &at);
	put_lane(u, l);
	pg_put_text(u, l->name);
	pg_stmt(u, &open);
	put_account(u, l);
}

int64_t slots_loaded_at(const struct pg_reply *r, int stmt)
{
	return pg_get_int(r, stmt, 0, 0);
}

struct each_id {
	void (*fn)(void *arg, int64_t id);
	void *arg;
};

static void one_id(void *arg, struct str item)
{
	const struct each_id *e = arg;
	uint64_t v;
	must(str_to_u64(item, &v));
	e->fn(e->arg, (int64_t)v);
}

void slots_loaded(const struct pg_reply *r, int stmt, int row, struct slots_attempt *out, struct buf *raw,
	void (*item)(void *arg, int64_t id), void *arg)
{
	struct each_id each = {item, arg};
	out->nonce = pg_get_int(r, stmt, row, 0);
	out->batch = pg_get_int(r, stmt, row, 1);
	must(pg_get_bytes(r, stmt, row, 2, out->hash, 32));
	out->kind = pg_get(r, stmt, row, 3);
	out->fee = pg_get_u256(r, stmt, row, 4);
	out->tip = pg_is_null(r, stmt, row, 5) ? out->fee : pg_get_u256(r, stmt, row, 5);
	out->mined = !pg_is_null(r, stmt, row, 6);
	out->block = pg_get_int(r, stmt, row, 6);
	if (out->mined)
		must(pg_get_bytes(r, stmt, row, 7, out->block_hash, 32));
	pg_get_blob(r, stmt, row, 8, raw);
	pg_get_array(r, stmt, row, 9, one_id, &each);
	out->name = pg_get_text(r, stmt, row, 10);
	out->age_ms = (uint64_t)pg_get_int(r, stmt, row, 11);
}

#define ITEM_COLUMNS "i.batch, i.id, i.batch_of, i.args, c.done, c.halted IS NOT NULL, " AGE_MS

void slots_queue(struct pg_unit *u, const char *pool)
{
	static const struct pg_sql sql = {"slots_queue",
		"SELECT count(*), coalesce(floor(extract(epoch FROM clock_timestamp() - min(at)) * 1000), 0)::bigint"
		" FROM (SELECT at FROM fairlead.batch WHERE pool = $1 AND state = 'ready' ORDER BY rank, id LIMIT "
		"10001) b"};
	pg_stmt(u, &sql);
	pg_put_text(u, pool);
}

void slots_ready(struct pg_unit *u, const char *pool, int chain, int limit, const int64_t *but, size_t nbut,
	const struct slots_gates *g)
{
	/* A literal LIMIT inside (model B3: a parameter is planned as a tenth of the table). The sizes are few:
	 * one text each. */
	enum { SIZES = 6 };
	static const int sizes[SIZES] = {1, 10, 20, 40, 80, 100};
	/* What waits for a better price is asked for once, before the walk. */
#define READY(n)                                                                               \
	"SELECT " ITEM_COLUMNS "  FROM (SELECT id, rank, chain, at FROM fairlead.batch"            \
	"        WHERE pool = $1 AND state = 'ready' AND chain = $2 AND id <> ALL ((SELECT CASE"   \
	"              WHEN cardinality($4::text[]) = 0 THEN $3::bigint[]"                         \
	"              ELSE $3::bigint[] || fairlead.price_waits($1, $2, $4, $5) END)::bigint[])"  \
	"        ORDER BY rank, id LIMIT " #n ") b"                                                \
	"  JOIN fairlead.item i ON i.batch = b.id AND i.state = 'batched' AND i.cause IS NOT NULL" \
	"  JOIN fairlead.chain c ON c.id = b.chain ORDER BY b.rank, b.id, i.turn, i.ordinal, i.id"
	static const struct pg_sql sql[SIZES] = {{"slots_ready_1", READY(1)}, {"slots_ready_10", READY(10)},
		{"slots_ready_20", READY(20)}, {"slots_ready_40", READY(40)}, {"slots_ready_80", READY(80)},
		{"slots_ready_100", READY(100)}};
	int k = 0;
	while (k + 1 < SIZES && sizes[k + 1] <= limit)
		k++;
	pg_stmt(u, &sql[k]);
	pg_put_text(u, pool);
	pg_put_int(u, chain);
	PG_ARRAY(u, i, nbut, pg_item_int(u, but[i]));
	PG_ARRAY(u, i, g->n, pg_item_text(u, str_of(g->names[i])));
	PG_ARRAY(u, i, g->n, pg_item_int(u, g->ages_ms[i]));
}

void slots_claim(struct pg_unit *u, const struct slots_lane *l, const char *pool, bool strict, size_t keys,
	int limit, const int64_t *but, size_t nbut, const struct slots_gates *g)
{
#define BUT                                                   \
	"CASE WHEN cardinality($6::text[]) = 0 THEN $5::bigint[]" \
	" ELSE $5::bigint[] || fairlead.price_waits($3, $4::smallint, $6, $7) END"
#define CLAIMED(claim)                                                                          \
	"WITH k AS MATERIALIZED (SELECT id FROM " claim " k(id))"                                   \
	" SELECT " ITEM_COLUMNS " FROM k"                                                           \
	" CROSS JOIN LATERAL (SELECT * FROM fairlead.batch WHERE id = k.id OFFSET 0) b"             \
	" CROSS JOIN LATERAL (SELECT * FROM fairlead.item WHERE batch = b.id AND state = 'batched'" \
	"                        AND cause IS NOT NULL OFFSET 0) i"                                 \
	" JOIN fairlead.chain c ON c.id = b.chain ORDER BY b.rank, b.id, i.turn, i.ordinal, i.id"
	static const struct pg_sql any = {
		"slots_claim", CLAIMED("fairlead.claim($1, $2, $3, $4::smallint, $8, $9, " BUT ")")};
	static const struct pg_sql strictly = {
		"slots_claim_strict", CLAIMED("fairlead.claim_strict($1, $2, $3, $4::smallint, " BUT ")")};
	pg_stmt(u, strict ? &strictly : &any);
	put_lane(u, l);
	pg_put_text(u, pool);
	pg_put_int(u, l->chain);
	PG_ARRAY(u, i, nbut, pg_item_int(u, but[i]));
	PG_ARRAY(u, i, g->n, pg_item_text(u, str_of(g->names[i])));
	PG_ARRAY(u, i, g->n, pg_item_int(u, g->ages_ms[i]));
	if (!strict) {
		pg_put_int(u, (int64_t)keys);
		pg_put_int(u, limit);
	}
}

void slots_unclaim(struct pg_unit *u, const struct slots_lane *l, const char *pool)
{
	static const struct pg_sql sql = {"slots_unclaim", "SELECT fairlead.unclaim($1, $2, $3)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	pg_put_text(u, pool);
}

void slots_items(struct pg_unit *u, int64_t batch)
{
	static const struct pg_sql sql = {"slots_items",
		"SELECT " ITEM_COLUMNS "  FROM fairlead.item i JOIN fairlead.batch b ON b.id = i.batch"
		"  JOIN fairlead.chain c ON c.id = b.chain"
		" WHERE i.batch = $1 AND i.state = 'batched' AND i.cause IS NOT NULL ORDER BY i.turn, i.ordinal, "
		"i.id"};
	pg_stmt(u, &sql);
	pg_put_int(u, batch);
}

void slots_item_read(const struct pg_reply *r, int stmt, int row, struct slots_item *out)
{
	out->batch = pg_get_int(r, stmt, row, 0);
	out->item = pg_get_int(r, stmt, row, 1);
	out->name = pg_get_text(r, stmt, row, 2);
	out->args = pg_get(r, stmt, row, 3);
	out->done = pg_get_int(r, stmt, row, 4);
	out->halted = pg_get_bool(r, stmt, row, 5);
	out->age_ms = (uint64_t)pg_get_int(r, stmt, row, 6);
}

/* ── writing ── */

void slots_settle(struct pg_unit *u, const struct slots_lane *l, const struct slots_fate *f, size_t n)
{
	static const struct pg_sql sql = {
		"slots_settle", "SELECT fairlead.items_settle($1, $2, $3, $4, $5, $6, $7)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	PG_ARRAY(u, i, n, pg_item_int(u, f[i].item));
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(f[i].state)));
	PG_ARRAY(u, i, n, f[i].reason ? pg_item_text(u, str_of(f[i].reason)) : pg_item_null(u));
	PG_ARRAY(u, i, n, f[i].block_hash ? pg_item_bytes(u, f[i].block_hash, 32) : pg_item_null(u));
	PG_ARRAY(u, i, n, f[i].block_hash ? pg_item_int(u, f[i].block) : pg_item_null(u));
}

/* hashes, raws, fees, tips: four arrays */
static void put_bytes_and_fees(struct pg_unit *u, const struct slots_signed *s, size_t n)
{
	PG_ARRAY(u, i, n, pg_item_bytes(u, s[i].hash, 32));
	PG_ARRAY(u, i, n, pg_item_bytes(u, s[i].raw.p, s[i].raw.n));
	PG_ARRAY(u, i, n, pg_item_u256(u, s[i].fee));
	PG_ARRAY(u, i, n, pg_item_u256(u, s[i].tip));
}

/* all items, and beside each what it belongs to: two arrays */
static void put_items(struct pg_unit *u, const struct slots_signed *s, size_t n, bool by_batch)
{
	pg_array_open(u);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < s[i].nitems; k++)
			pg_item_int(u, s[i].items[k]);
	pg_array_close(u);
	pg_array_open(u);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < s[i].nitems; k++)
			pg_item_int(u, by_batch ? s[i].batch : s[i].nonce);
	pg_array_close(u);
}

static void put_reasons(struct pg_unit *u, const struct slots_signed *s, size_t n)
{
	PG_ARRAY(u, i, n, s[i].reason ? pg_item_text(u, str_of(s[i].reason)) : pg_item_null(u));
}

static void put_window(struct pg_unit *u, bool is, struct u256 most, uint64_t per_ms)
{
	if (is)
		pg_put_u256(u, most);
	else
		pg_put_null(u);
	pg_put_int(u, (int64_t)per_ms);
}

/* Name and costs; then the windows. */
static void put_policy(
	struct pg_unit *u, const struct slots_lane *l, const struct slots_signed *s, size_t n, bool first)
{
	static const struct slots_windows none;
	const struct slots_windows *w = l->windows ? l->windows : &none;
	pg_put_text(u, l->name);
	PG_ARRAY(u, i, n, pg_item_u256(u, s[i].cost));
	if (first)
		put_window(u, w->limit_ms > 0, u256_of(w->limit), w->limit_ms);
	put_window(u, w->spend_ms > 0, w->spend, w->spend_ms);
}

void slots_fits(struct pg_unit *u, const struct slots_lane *l, const char *batch, int64_t items)
{
	static const struct pg_sql sql = {"slots_fits", "SELECT fairlead.batch_fits($1, $2, $3, $4)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	pg_put_text(u, batch);
	pg_put_int(u, items);
}

void slots_commit(
	struct pg_unit *u, const struct slots_lane *l, int64_t first, const struct slots_signed *s, size_t n)
{
	static const struct pg_sql sql = {"slots_commit",
		"SELECT fairlead.send_commit($1, $2, $3::smallint, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
		"$15, $16, $17, $18, $19)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	put_account(u, l);
	pg_put_int(u, first);
	PG_ARRAY(u, i, n, pg_item_int(u, s[i].batch));
	put_bytes_and_fees(u, s, n);
	put_items(u, s, n, true);
	put_reasons(u, s, n);
	put_policy(u, l, s, n, true);
}

void slots_add(struct pg_unit *u, const struct slots_lane *l, const struct slots_signed *s, size_t n)
{
	static const struct pg_sql sql = {"slots_add",
		"SELECT fairlead.attempt_add($1, $2, $3::smallint, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
		"$15, $16, $17)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	put_account(u, l);
	PG_ARRAY(u, i, n, pg_item_int(u, s[i].nonce));
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(s[i].kind)));
	put_bytes_and_fees(u, s, n);
	put_items(u, s, n, false);
	put_reasons(u, s, n);
	put_policy(u, l, s, n, false);
}

bool slots_changed(const struct pg_reply *r)
{
	return r->outcome == PG_REFUSED && strcmp(r->sqlstate, "FL005") == 0;
}

bool slots_refused(const struct pg_reply *r)
{
	return r->outcome == PG_REFUSED && strcmp(r->sqlstate, "FL007") == 0;
}

static void put_id(struct pg_unit *u, int64_t id)
{
	if (id < 0)
		pg_put_null(u);
	else
		pg_put_int(u, id);
}

void slots_refuse(struct pg_unit *u, const struct slots_lane *l, int64_t batch, int64_t nonce,
	const char *kind, const char *reason)
{
	static const struct pg_sql sql = {
		"slots_refuse", "SELECT fairlead.refuse($1, $2, $3::smallint, $4, $5, $6, $7, $8)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	put_account(u, l);
	put_id(u, batch);
	put_id(u, nonce);
	pg_put_text(u, kind);
	pg_put_text(u, reason);
}

void slots_sent(struct pg_unit *u, const struct slots_lane *l, const struct slots_answer *a, size_t n)
{
	static const struct pg_sql sql = {"slots_sent", "SELECT fairlead.sent($1, $2, $3, $4, $5)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	PG_ARRAY(u, i, n, pg_item_bytes(u, a[i].hash, 32));
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(a[i].endpoint)));
	PG_ARRAY(u, i, n, a[i].answer ? pg_item_text(u, str_of(a[i].answer)) : pg_item_null(u));
}

void slots_verdicts(struct pg_unit *u, const struct slots_lane *l, const struct slots_verdict *v, size_t n)
{
	static const struct pg_sql sql = {
		"slots_verdicts", "SELECT fairlead.verdicts_add($1, $2, $3, $4, $5::smallint, $6, $7, $8, $9, $10)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	PG_ARRAY(u, i, n, pg_item_bytes(u, v[i].hash, 32));
	PG_ARRAY(u, i, n, pg_item_bytes(u, v[i].block_hash, 32));
	pg_put_int(u, l->chain);
	PG_ARRAY(u, i, n, pg_item_int(u, v[i].block));
	PG_ARRAY(u, i, n, pg_item_text(u, v[i].ok ? STR("t") : STR("f")));
	PG_ARRAY(u, i, n, pg_item_int(u, v[i].gas));
	PG_ARRAY(u, i, n, pg_item_u256(u, v[i].price));
	PG_ARRAY(u, i, n, v[i].has_l1_fee ? pg_item_u256(u, v[i].l1_fee) : pg_item_null(u));
}

void slots_warm(struct pg_unit *u, const struct slots_lane *l, int64_t at)
{
	slots_commit(u, l, at, NULL, 0);
	slots_sent(u, l, NULL, 0);
	slots_verdicts(u, l, NULL, 0);
}

void slots_purse(struct pg_unit *u, const struct slots_lane *l, const char *pool, struct u256 wei,
	struct u256 spare, int64_t block)
{
	static const struct pg_sql sql = {
		"slots_purse", "SELECT fairlead.purse_put($1, $2, $3::smallint, $4, $5, $6, $7, $8)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	put_account(u, l);
	pg_put_text(u, pool);
	pg_put_u256(u, wei);
	pg_put_u256(u, spare);
	pg_put_int(u, block);
}

void slots_topup_due(
	struct pg_unit *u, const struct slots_lane *l, const char *pool, struct u256 below, struct u256 full)
{
	static const struct pg_sql sql = {
		"slots_topup_due", "SELECT taker, wei FROM fairlead.topup_due($1::smallint, $2, $3, $4, $5)"};
	pg_stmt(u, &sql);
	put_account(u, l);
	pg_put_text(u, pool);
	pg_put_u256(u, below);
	pg_put_u256(u, full);
}

bool slots_topup_read(const struct pg_reply *r, int stmt, uint8_t taker[20], struct u256 *wei)
{
	if (pg_rows(r, stmt) == 0)
		return false;
	*wei = pg_get_u256(r, stmt, 0, 1);
	return pg_get_bytes(r, stmt, 0, 0, taker, 20);
}

void slots_topup(struct pg_unit *u, const struct slots_lane *l, const struct slots_signed *s,
	const uint8_t taker[20], struct u256 wei)
{
	static const struct pg_sql sql = {"slots_topup",
		"SELECT fairlead.topup_commit($1, $2, $3::smallint, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
		"$15, $16)"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	put_account(u, l);
	pg_put_int(u, s->nonce);
	pg_put_bytes(u, s->hash, 32);
	pg_put_bytes(u, s->raw.p, s->raw.n);
	pg_put_u256(u, s->fee);
	pg_put_u256(u, s->tip);
	pg_put_bytes(u, taker, 20);
	pg_put_u256(u, wei);
	pg_put_text(u, s->reason);
	static const struct slots_windows none;
	const struct slots_windows *w = l->windows ? l->windows : &none;
	pg_put_text(u, l->name);
	pg_put_u256(u, s->cost);
	put_window(u, w->spend_ms > 0, w->spend, w->spend_ms);
}

void slots_sample(
	struct pg_unit *u, const struct slots_lane *l, int64_t block, const uint8_t block_hash[32], int64_t count)
{
	static const struct pg_sql sql = {"slots_sample",
		"WITH l AS (SELECT fairlead.hold($1, $2))"
		" INSERT INTO fairlead.account (chain, address, block, block_hash, count)"
		" SELECT $3::smallint, $4, $5, $6, $7 FROM l ON CONFLICT DO NOTHING"};
	pg_stmt(u, &sql);
	put_lane(u, l);
	put_account(u, l);
	pg_put_int(u, block);
	pg_put_bytes(u, block_hash, 32);
	pg_put_int(u, count);
}

void slots_watch(struct pg_unit *u, const struct slots_lane *l, const int64_t *blocks, size_t n)
{
	static const struct pg_sql view = {"slots_view",
		"SELECT coalesce((SELECT min(nonce) FROM fairlead.slot WHERE chain = $2 AND signer = $3 AND closed "
		"IS NULL), l.at),"
		"       c.final, c.halted IS NOT NULL, EXISTS (SELECT FROM fairlead.freeze f WHERE f.signer = "
		"l.signer)"
		"  FROM fairlead.chain c, fairlead.lane l WHERE c.id = $2 AND l.name = $1"};
	static const struct pg_sql hashes = {
		"slots_blocks", "SELECT number, hash FROM fairlead.block WHERE chain = $1 AND number = ANY ($2)"};
	/* The condition is the one of index item_orphan, so only what is rare is read. What a reseat takes comes
	 * back (R4). */
	static const struct pg_sql orphans = {"slots_orphans",
		"SELECT batch, id FROM fairlead.item WHERE cause IS NULL AND state IN ('batched', 'done') AND state "
		"= 'batched'"
		" AND chain = $1 AND NOT fairlead.reseating($1) ORDER BY id LIMIT 1000"};
	pg_stmt(u, &view);
	pg_put_text(u, l->lane->name);
	put_account(u, l);
	pg_stmt(u, &hashes);
	pg_put_int(u, l->chain);
	PG_ARRAY(u, i, n, pg_item_int(u, blocks[i]));
	pg_stmt(u, &orphans);
	pg_put_int(u, l->chain);
}

void slots_viewed(const struct pg_reply *r, int stmt, struct slots_view *out)
{
	*out = (struct slots_view){.final = -1};
	if (pg_rows(r, stmt) == 0)
		return;
	out->lowest_open = pg_get_int(r, stmt, 0, 0);
	out->final = pg_get_int(r, stmt, 0, 1);
	out->halted = pg_get_bool(r, stmt, 0, 2);
	out->frozen = pg_get_bool(r, stmt, 0, 3);
}

void slots_block(const struct pg_reply *r, int stmt, int row, int64_t *number, uint8_t hash[32])
{
	*number = pg_get_int(r, stmt, row, 0);
	must(pg_get_bytes(r, stmt, row, 1, hash, 32));
}

void slots_orphan(const struct pg_reply *r, int stmt, int row, int64_t *batch, int64_t *item)
{
	*batch = pg_get_int(r, stmt, row, 0);
	*item = pg_get_int(r, stmt, row, 1);
}
