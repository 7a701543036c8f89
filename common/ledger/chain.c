#include "common/ledger/chain.h"

#include "common/base/mem.h"
#include "common/evm/keccak.h"

#include <stdio.h>

void chain_load(struct pg_unit *u, const char *name)
{
	static const struct pg_sql row = {"chain_load",
		"SELECT id, done, final, floor, network, halted, began,"
		" (SELECT max(last) FROM fairlead.range r WHERE r.chain = c.id AND r.source = '')"
		" FROM fairlead.chain c WHERE name = $1"};
	static const struct pg_sql blocks = {"chain_load_blocks",
		"SELECT b.number, b.hash FROM fairlead.block b JOIN fairlead.chain c ON c.id = b.chain"
		" WHERE c.name = $1 AND b.number <= c.done ORDER BY b.number"};
	pg_stmt(u, &row);
	pg_put_text(u, name);
	pg_stmt(u, &blocks);
	pg_put_text(u, name);
}

bool chain_loaded(const struct pg_reply *r, int stmt, struct chain_row *out, struct err *e)
{
	if (pg_rows(r, stmt) != 1)
		return err_set(e, ERR_REJECTED,
			"the chain has no row in fairlead.chain; start a program of this file to make it");
	*out = (struct chain_row){.id = (int)pg_get_int(r, stmt, 0, 0),
		.done = pg_get_int(r, stmt, 0, 1),
		.final = pg_get_int(r, stmt, 0, 2),
		.floor = pg_get_int(r, stmt, 0, 3),
		.has_network = !pg_is_null(r, stmt, 0, 4),
		.halted = !pg_is_null(r, stmt, 0, 5),
		.began = pg_is_null(r, stmt, 0, 6) ? -1 : pg_get_int(r, stmt, 0, 6)};
	out->noted = pg_is_null(r, stmt, 0, 7) ? out->began - 1 : pg_get_int(r, stmt, 0, 7);
	if (out->has_network)
		out->network = pg_get_u256(r, stmt, 0, 4);
	snprintf(out->halted_why, sizeof out->halted_why, "%s", pg_get_text(r, stmt, 0, 5));
	return true;
}

int chain_loaded_blocks(const struct pg_reply *r, int stmt)
{
	return pg_rows(r, stmt);
}

bool chain_loaded_block(const struct pg_reply *r, int stmt, int row, int64_t *number, uint8_t hash[32])
{
	*number = pg_get_int(r, stmt, row, 0);
	return pg_get_bytes(r, stmt, row, 1, hash, 32);
}

bool chain_has_children(const struct contract_decl *k, const struct chain_decl *chain)
{
	return k->factory && k->chain == chain;
}

void chain_load_children(struct pg_unit *u, struct arena *a, const struct contract_decl *k)
{
	const struct event_decl *ev = k->factory;
	const char *column = ev->columns[k->factory_field];
	struct pg_sql *sql = arena_alloc(a, sizeof *sql);
	*sql = (struct pg_sql){
		NULL, arena_printf(a, "SELECT \"%s\", min(_block) FROM \"%s\".\"%s\" GROUP BY 1 ORDER BY 2", column,
				  ev->contract->schema, ev->table)};
	pg_stmt(u, sql);
}

void chain_commit_soon(struct pg_unit *u)
{
	static const struct pg_sql sql = {"chain_commit_soon", "SET LOCAL synchronous_commit = off"};
	pg_stmt(u, &sql);
}

void chain_set_state(struct pg_unit *u, int id, const struct chain_state *s)
{
	static const struct pg_sql sql = {"chain_set_state",
		"UPDATE fairlead.chain SET head = coalesce(nullif($2::bigint, -1), head), listening = $3, "
		"catching_up = $4, rpc_ok = $5,"
		" reconnects = $6, sweeping = $7 WHERE id = $1"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_int(u, s->head);
	pg_put_bool(u, s->listening);
	pg_put_bool(u, s->catching_up);
	pg_put_bool(u, s->rpc_ok);
	pg_put_int(u, s->reconnects);
	pg_put_bool(u, s->sweeping);
}

void chain_set_network(struct pg_unit *u, int id, struct u256 network, int64_t done)
{
	static const struct pg_sql sql = {"chain_set_network",
		"UPDATE fairlead.chain SET network = $2, began = $3::bigint + 1, done = "
		"greatest(done, $3) WHERE id = $1"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_u256(u, network);
	pg_put_int(u, done);
}

void chain_halt(struct pg_unit *u, int id, const char *why)
{
	static const struct pg_sql sql = {"chain_halt",
		"WITH h AS (UPDATE fairlead.chain SET halted = $2 WHERE id = $1 RETURNING name)"
		" INSERT INTO fairlead.odd (kind, what) SELECT 'halted', name || ': ' || $2::text FROM h"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_text(u, why);
}

static void put_blocks(struct pg_unit *u, const struct chain_block *b, size_t n)
{
	PG_ARRAY(u, i, n, pg_item_int(u, b[i].number));
	PG_ARRAY(u, i, n, pg_item_bytes(u, b[i].hash, 32));
	PG_ARRAY(u, i, n, pg_item_bytes(u, b[i].parent, 32));
	PG_ARRAY(u, i, n, pg_item_int(u, (int64_t)b[i].time));
	PG_ARRAY(u, i, n, pg_item_text(u, b[i].linked ? STR("t") : STR("f")));
}

/* One statement instead of three: a live block waits for nothing else, and each costs as much as the work in
 * it. INV-8: a lane that is not ours raises, and with it all goes back, whichever of the three came first; a
 * lane's row is never missing (sql/034), so the others need not be joined to its update. INV-9: a cursor that
 * is not where we left it raises as well (sql/035). */
#define STEP_HEAD                                                                                       \
	"WITH c AS (UPDATE fairlead.chain SET head = $7, final = greatest(final, $8),"                      \
	" done = CASE WHEN done = $10 THEN $6 ELSE fairlead.elsewhere(name, done, $10) END WHERE id = $5)," \
	" b AS (INSERT INTO fairlead.block (chain, number, hash, parent, at, prev)"
#define STEP_TAIL                                                                          \
	") UPDATE fairlead.lane SET until = clock_timestamp() + $3::bigint * interval '1 ms'," \
	" backend = CASE WHEN $9 THEN backend ELSE pg_backend_pid() END,"                      \
	" at = CASE WHEN epoch = $2 THEN $4 ELSE fairlead.fenced($1, $2) END WHERE name = $1"

void chain_step(struct pg_unit *u, const struct lane *l, int id, const struct chain_step *s)
{
	static const struct pg_sql many = {"chain_step",
		STEP_HEAD " SELECT $5, n, h, p, to_timestamp(t), CASE WHEN k THEN n - 1 END"
				  " FROM unnest($11::bigint[], $12::bytea[], $13::bytea[], $14::bigint[], $15::bool[])"
				  " AS x(n, h, p, t, k)" STEP_TAIL};
	/* the block at the head: arrays of one would cost a sixth of the time */
	static const struct pg_sql one = {"chain_step_one",
		STEP_HEAD " VALUES ($5, $6, $11, $12, to_timestamp($13::bigint),"
				  " CASE WHEN $14 THEN $6 - 1 END)" STEP_TAIL};
	bool alone = s->nblocks == 1 && s->blocks[0].number == s->done;
	pg_stmt(u, alone ? &one : &many);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
	pg_put_int(u, LANE_TTL_MS);
	pg_put_int(u, s->at);
	pg_put_int(u, id);
	pg_put_int(u, s->done);
	pg_put_int(u, s->head);
	pg_put_int(u, s->final);
	pg_put_bool(u, s->aside);
	pg_put_int(u, s->since);
	if (!alone) {
		put_blocks(u, s->blocks, s->nblocks);
		return;
	}
	pg_put_bytes(u, s->blocks->hash, 32);
	pg_put_bytes(u, s->blocks->parent, 32);
	pg_put_int(u, (int64_t)s->blocks->time);
	pg_put_bool(u, s->blocks->linked);
}

void chain_step_at(struct pg_unit *u, const struct lane *l, int64_t at)
{
	static const struct pg_sql sql = {
		"chain_step_at", "UPDATE fairlead.lane SET at = $3 WHERE name = $1 AND epoch = $2"};
	pg_stmt(u, &sql);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
	pg_put_int(u, at);
}

const char *chain_level_name(enum proof_level l)
{
	static const char *const names[] = {"none", "bloom", "sources", "receipts"};
	return names[l];
}

void chain_note_range(struct pg_unit *u, int id, const struct chain_range *r)
{
	static const struct pg_sql sql = {
		"chain_note_range", "SELECT fairlead.note_range($1, $2, $3, $4, $5, $6)"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_text(u, r->source);
	pg_put_int(u, r->first);
	pg_put_int(u, r->last);
	pg_put_text(u, chain_level_name(r->level));
	pg_put_int(u, (int64_t)r->events);
}

/* ── events ── */

/* A quoted identifier: the names come from the configuration, which allows letters, digits and _ only. */
static void ident(struct buf *b, const char *name)
{
	buf_printf(b, "\"%s\"", name);
}

/* $1 chain, $2 open, $3 swept, $4 late, then the header's columns. */
static void insert_head(struct buf *b, const struct event_decl *ev)
{
	buf_text(b, "WITH n AS (INSERT INTO ");
	ident(b, ev->contract->schema);
	buf_char(b, '.');
	ident(b, ev->table);
	buf_text(b, " (_chain, _open, _swept, _late, _seq, _block, _at, _log, _block_hash, _tx, _id, _address");
	for (size_t i = 0; i < ev->entry->nin; i++) {
		buf_text(b, ", ");
		ident(b, ev->columns[i]);
	}
	buf_text(b, ") ");
}

/* counts: what the declaration's row becomes. */
static void insert_tail(struct buf *b, const struct event_decl *ev, const char *counts)
{
	buf_text(b, " ON CONFLICT (_block, _id) DO NOTHING RETURNING 1) UPDATE fairlead.decl SET");
	buf_text(b, counts);
	buf_printf(b, " WHERE contract = '%s' AND event = '%s'", ev->contract->schema, ev->table);
}

/* Every column travels as one array; fields in text form, cast to their type row by row. */
static void insert_many(struct buf *b, const struct event_decl *ev)
{
	insert_head(b, ev);
	buf_text(b, "SELECT $1, $2, $3, $4, s, n, to_timestamp(t), l, bh, tx, id, ad");
	for (size_t i = 0; i < ev->entry->nin; i++) {
		buf_printf(b, ", c%zu::", i);
		abi_pg_type(b, &ev->entry->in[i]);
	}
	buf_text(b,
		" FROM unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::int[], $9::bytea[], $10::bytea[], "
		"$11::bytea[], $12::bytea[]");
	for (size_t i = 0; i < ev->entry->nin; i++)
		buf_printf(b, ", $%zu::text[]", 13 + i);
	buf_text(b, ") AS x(s, n, t, l, bh, tx, id, ad");
	for (size_t i = 0; i < ev->entry->nin; i++)
		buf_printf(b, ", c%zu", i);
	buf_char(b, ')');
	insert_tail(b, ev,
		" live = live + CASE WHEN $3 THEN 0 ELSE (SELECT count(*) FROM n) END,"
		" swept = swept + CASE WHEN $3 THEN (SELECT count(*) FROM n) ELSE 0 END,"
		" last_live = CASE WHEN $3 THEN last_live ELSE clock_timestamp() END,"
		" last_swept = CASE WHEN $3 THEN clock_timestamp() ELSE last_swept END");
}

/* One live row alone, as most are at the head of a chain: somebody waits for it. It counts itself, if it was
 * not there. */
static void insert_one(struct buf *b, const struct event_decl *ev)
{
	insert_head(b, ev);
	buf_text(b, "VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::bigint), $8, $9, $10, $11, $12");
	for (size_t i = 0; i < ev->entry->nin; i++) {
		buf_printf(b, ", $%zu::text::", 13 + i);
		abi_pg_type(b, &ev->entry->in[i]);
	}
	buf_char(b, ')');
	insert_tail(b, ev, " live = live + 1, last_live = clock_timestamp() FROM n");
}

static void put_header(struct pg_unit *u, const struct event_row *rows, size_t n)
{
	PG_ARRAY(u, i, n, pg_item_int(u, rows[i].seq));
	PG_ARRAY(u, i, n, pg_item_int(u, (int64_t)rows[i].log->block));
	PG_ARRAY(u, i, n, pg_item_int(u, (int64_t)rows[i].time));
	PG_ARRAY(u, i, n, pg_item_int(u, (int64_t)rows[i].log->log_index));
}

static void put_bytes(struct pg_unit *u, const struct event_row *rows, size_t n, size_t offset, size_t len)
{
	PG_ARRAY(u, i, n, pg_item_bytes(u, (const uint8_t *)rows[i].log + offset, len));
}

/* A name of ours that PostgreSQL does not cut: what is too long keeps its beginning, and a digest tells it
 * apart. */
static const char *name_of(struct arena *a, const char *what, const struct event_decl *ev)
{
	enum { NAME_MOST = 63, KEPT = 30 };
	const char *whole = arena_printf(a, "%s_%s.%s", what, ev->contract->schema, ev->table);
	uint8_t digest[32];
	char hex[2 * 12 + 1];
	size_t n = strlen(whole);
	if (n <= NAME_MOST)
		return whole;
	keccak256(digest, whole, n);
	for (size_t i = 0; i < 12; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return arena_printf(a, "%.*s.%s", KEPT, whole, hex);
}

struct chain_event_sql chain_event_sql(struct arena *a, const struct event_decl *ev)
{
	struct buf text = {0};
	struct chain_event_sql sql;
	insert_many(&text, ev);
	sql.many = (struct pg_sql){name_of(a, "add", ev), arena_textn(a, text.p, text.n)};
	buf_clear(&text);
	insert_one(&text, ev);
	sql.one = (struct pg_sql){name_of(a, "one", ev), arena_textn(a, text.p, text.n)};
	buf_fini(&text);
	return sql;
}

static void put_one(struct pg_unit *u, const struct event_decl *ev, const struct event_row *row)
{
	const struct log *log = row->log;
	pg_put_int(u, row->seq);
	pg_put_int(u, (int64_t)log->block);
	pg_put_int(u, (int64_t)row->time);
	pg_put_int(u, (int64_t)log->log_index);
	pg_put_bytes(u, log->block_hash, 32);
	pg_put_bytes(u, log->tx_hash, 32);
	pg_put_bytes(u, log->id, 32);
	pg_put_bytes(u, log->address, 20);
	for (size_t c = 0; c < ev->entry->nin; c++)
		if (row->columns[c].p)
			pg_put_str(u, row->columns[c]);
		else
			pg_put_null(u);
}

static void put_many(struct pg_unit *u, const struct event_decl *ev, const struct event_row *rows, size_t n)
{
	put_header(u, rows, n);
	put_bytes(u, rows, n, offsetof(struct log, block_hash), 32);
	put_bytes(u, rows, n, offsetof(struct log, tx_hash), 32);
	put_bytes(u, rows, n, offsetof(struct log, id), 32);
	put_bytes(u, rows, n, offsetof(struct log, address), 20);
	for (size_t c = 0; c < ev->entry->nin; c++) {
		pg_array_open(u);
		for (size_t i = 0; i < n; i++)
			if (rows[i].columns[c].p)
				pg_item_text(u, rows[i].columns[c]);
			else
				pg_item_null(u);
		pg_array_close(u);
	}
}

void chain_add_events(struct pg_unit *u, const struct chain_event_sql *sql, const struct event_decl *ev,
	int id, struct event_place place, const struct event_row *rows, size_t n)
{
	bool alone = n == 1 && !place.swept;
	pg_stmt(u, alone ? &sql->one : &sql->many);
	pg_put_int(u, id);
	pg_put_bool(u, place.open);
	pg_put_bool(u, place.swept);
	pg_put_bool(u, place.late);
	if (alone)
		put_one(u, ev, rows);
	else
		put_many(u, ev, rows, n);
}

void chain_find_elsewhere(
	struct pg_unit *u, struct arena *a, const struct event_decl *ev, const struct event_row *rows, size_t n)
{
	struct pg_sql sql = {NULL,
		arena_printf(a,
			"SELECT x.i - 1, e._block FROM unnest($1::bytea[], $2::bigint[]) WITH ORDINALITY AS x(id, n, i)"
			" JOIN \"%s\".\"%s\" e ON e._id = x.id AND e._open AND e._block <> x.n ORDER BY 1",
			ev->contract->schema, ev->table)};
	pg_stmt(u, &sql);
	PG_ARRAY(u, i, n, pg_item_bytes(u, rows[i].log->id, 32));
	PG_ARRAY(u, i, n, pg_item_int(u, (int64_t)rows[i].log->block));
}

void chain_add_odd(struct pg_unit *u, const char *kind, const char *what)
{
	static const struct pg_sql sql = {
		"chain_add_odd", "INSERT INTO fairlead.odd (kind, what) VALUES ($1, $2)"};
	pg_stmt(u, &sql);
	pg_put_text(u, kind);
	pg_put_text(u, what);
}

void chain_count_swept(struct pg_unit *u, const struct event_decl *ev, uint64_t n)
{
	static const struct pg_sql sql = {"chain_count_swept",
		"UPDATE fairlead.decl SET swept = swept + $3, last_swept = clock_timestamp() "
		"WHERE contract = $1 AND event = $2"};
	pg_stmt(u, &sql);
	pg_put_text(u, ev->contract->schema);
	pg_put_text(u, ev->table);
	pg_put_int(u, (int64_t)n);
}

const char *chain_stage_copy(struct arena *a, const struct event_decl *ev, const char *copy_sql)
{
	const char *name = name_of(a, "stage", ev), *columns = strchr(copy_sql, '(');
	must(columns);
	return arena_printf(a,
		"CREATE TEMP TABLE IF NOT EXISTS \"%s\" (LIKE \"%s\".\"%s\" INCLUDING DEFAULTS) ON COMMIT DELETE "
		"ROWS;"
		" COPY pg_temp.\"%s\" %s",
		name, ev->contract->schema, ev->table, name, columns);
}

void chain_from_stage(struct pg_unit *u, struct arena *a, const struct event_decl *ev, size_t place)
{
	const char *name = name_of(a, "stage", ev);
	struct pg_sql sql = {
		name, arena_printf(a,
				  "WITH n AS (INSERT INTO \"%s\".\"%s\" SELECT * FROM pg_temp.\"%s\" ORDER BY _seq"
				  " ON CONFLICT (_block, _id) DO NOTHING RETURNING 1)"
				  " SELECT set_config('fairlead.new_' || $1::text, count(*)::text, true) FROM n",
				  ev->contract->schema, ev->table, name)};
	pg_stmt(u, &sql);
	pg_put_int(u, (int64_t)place);
}

void chain_count_staged(struct pg_unit *u, const struct event_decl *ev, size_t place)
{
	static const struct pg_sql sql = {"chain_count_staged",
		"UPDATE fairlead.decl SET swept = swept + current_setting('fairlead.new_' || $3::text)::bigint, "
		"last_swept = clock_timestamp() WHERE contract = $1 AND event = $2"};
	pg_stmt(u, &sql);
	pg_put_text(u, ev->contract->schema);
	pg_put_text(u, ev->table);
	pg_put_int(u, (int64_t)place);
}

void chain_add_undecoded(
	struct pg_unit *u, int id, const struct event_decl *ev, const struct log *log, const char *why)
{
	static const struct pg_sql sql = {"chain_add_undecoded",
		"INSERT INTO fairlead.undecoded (chain, block, block_hash, tx, log, event, address, topics, data, "
		"why)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"};
	struct buf title = {0};
	buf_printf(&title, "%s.%s", ev->contract->name, ev->entry->as);
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_int(u, (int64_t)log->block);
	pg_put_bytes(u, log->block_hash, 32);
	pg_put_bytes(u, log->tx_hash, 32);
	pg_put_int(u, (int64_t)log->log_index);
	pg_put_text(u, title.p);
	pg_put_bytes(u, log->address, 20);
	pg_array_open(u);
	for (unsigned i = 0; i < log->ntopics; i++)
		pg_item_bytes(u, log->topics[i], 32);
	pg_array_close(u);
	pg_put_bytes(u, log->data.p, log->data.n);
	pg_put_text(u, why);
	buf_fini(&title);
}

/* ── cursor, finality, retraction ── */

void chain_advance(struct pg_unit *u, const struct lane *l, int id, int64_t final, int64_t floor)
{
	static const struct pg_sql sql = {"chain_advance", "SELECT fairlead.advance($1, $2, $3, $4)"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_int(u, l->epoch);
	pg_put_int(u, final);
	pg_put_int(u, floor);
}

void chain_retract(struct pg_unit *u, const struct lane *l, int id, int64_t from, bool reseat)
{
	static const struct pg_sql sql = {"chain_retract", "SELECT fairlead.retract($1, $2, $3, $4)"};
	static const struct pg_sql cut = {"chain_cut_ranges", "SELECT fairlead.cut_ranges($1, $2)"};
	/* R5: what was called final and left is repaired like the rest, and a person is told what it was */
	static const struct pg_sql tell = {"chain_tell_was_final",
		"INSERT INTO fairlead.odd (kind, what) SELECT 'was_final', format("
		"'%s: a reorg from block %s on, final up to block %s; it took back %s final events: %s', c.name, "
		"$2::bigint, "
		"c.final, (SELECT count(*) FROM fairlead.retraction t WHERE t.chain = r.chain AND t.reorg = r.seq "
		"AND t.block <= c.final), (SELECT string_agg(x.what, ', ') FROM (SELECT format('%s in block %s, log "
		"%s', "
		"d.title, t.block, t.image->>'_log') AS what FROM fairlead.retraction t JOIN fairlead.decl d ON "
		"d.rel = t.rel "
		"WHERE t.chain = r.chain AND t.reorg = r.seq AND t.block <= c.final ORDER BY t.seq LIMIT 50) x)) "
		"FROM fairlead.reorg r JOIN fairlead.chain c ON c.id = r.chain "
		"WHERE r.chain = $1 AND r.from_block = $2 AND r.reason = 'reorg' AND r.was_final ORDER BY r.seq DESC "
		"LIMIT 1"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_int(u, l->epoch);
	pg_put_int(u, from);
	pg_put_text(u, reseat ? "reseat" : "reorg");
	pg_stmt(u, &cut);
	pg_put_int(u, id);
	pg_put_int(u, from);
	if (reseat)
		return;
	pg_stmt(u, &tell);
	pg_put_int(u, id);
	pg_put_int(u, from);
}

int64_t chain_retracted(const struct pg_reply *r, int stmt)
{
	return pg_get_int(r, stmt, 0, 0);
}

void chain_behind(struct pg_unit *u)
{
	static const struct pg_sql sql = {"chain_behind",
		"SELECT name, halted, catching_up, behind FROM fairlead.chains"
		" WHERE halted IS NOT NULL OR catching_up OR NOT listening ORDER BY id"};
	pg_stmt(u, &sql);
}

void chain_behind_say(const struct pg_reply *r, int stmt, struct buf *out)
{
	for (int i = 0; i < pg_rows(r, stmt); i++) {
		const char *name = pg_get_text(r, stmt, i, 0);
		if (!pg_is_null(r, stmt, i, 1))
			buf_printf(out, "chain %s has halted: %s\n", name, pg_get_text(r, stmt, i, 1));
		else if (pg_get_bool(r, stmt, i, 2))
			buf_printf(out, "chain %s is catching up, %s blocks behind\n", name,
				pg_is_null(r, stmt, i, 3) ? "?" : pg_get_text(r, stmt, i, 3));
		else
			buf_printf(out, "chain %s is not listened to\n", name);
	}
}
