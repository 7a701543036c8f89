#include "common/ledger/history.h"

#include "common/base/mem.h"

/* ── the listener ── */

void history_ask(struct pg_unit *u, const char *chain, const struct history_ask *asks, size_t n)
{
	static const struct pg_sql ask = {"history_ask", "SELECT fairlead.asks($1, $2, $3, $4, $5)"};
	static const struct pg_sql open = {"history_open",
		"SELECT h.n, h.first, h.last, h.done, l.at,"
		" ARRAY(SELECT d.contract || '.' || d.event FROM fairlead.decl d WHERE d.id = ANY (h.decls) ORDER BY "
		"d.id)"
		" FROM fairlead.history h JOIN fairlead.chain c ON c.id = h.chain"
		" JOIN fairlead.lane l ON l.name = fairlead.history_lane('listen', c.name, h.n)"
		" WHERE c.name = $1 AND h.ended IS NULL ORDER BY h.n"};
	pg_stmt(u, &ask);
	pg_put_text(u, chain);
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(asks[i].event->contract->schema)));
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(asks[i].event->table)));
	PG_ARRAY(u, i, n, pg_item_bytes(u, asks[i].digest, 32));
	PG_ARRAY(u, i, n, pg_item_int(u, asks[i].start));
	pg_stmt(u, &open);
	pg_put_text(u, chain);
}

int history_rows(const struct pg_reply *r, int stmt)
{
	return pg_rows(r, stmt);
}

void history_row_read(const struct pg_reply *r, int stmt, int row, struct history_row *out)
{
	*out = (struct history_row){.n = (int)pg_get_int(r, stmt, row, 0),
		.first = pg_get_int(r, stmt, row, 1),
		.last = pg_get_int(r, stmt, row, 2),
		.done = pg_get_int(r, stmt, row, 3),
		.at = pg_get_int(r, stmt, row, 4)};
}

struct each_event {
	void (*fn)(void *arg, struct str schema, struct str table);
	void *arg;
};

/* Neither name can hold a dot. */
static void on_event(void *arg, struct str item)
{
	const struct each_event *e = arg;
	const char *dot = memchr(item.p, '.', item.n);
	must(dot);
	size_t n = (size_t)(dot - item.p);
	e->fn(e->arg, (struct str){item.p, n}, (struct str){dot + 1, item.n - n - 1});
}

void history_row_events(const struct pg_reply *r, int stmt, int row,
	void (*fn)(void *arg, struct str schema, struct str table), void *arg)
{
	struct each_event e = {fn, arg};
	pg_get_array(r, stmt, row, 5, on_event, &e);
}

void history_step(struct pg_unit *u, int chain_id, const struct lane *l, const struct history_commit *c)
{
	static const struct pg_sql sql = {
		"history_step", "SELECT fairlead.history_step($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain_id);
	pg_put_int(u, l->epoch);
	pg_put_int(u, c->n);
	pg_put_int(u, c->from);
	pg_put_int(u, c->done);
	pg_put_int(u, c->at);
	PG_ARRAY(u, i, c->nranges, pg_item_int(u, c->ranges[i].last));
	PG_ARRAY(u, i, c->nranges, pg_item_text(u, str_of(chain_level_name(c->ranges[i].level))));
	PG_ARRAY(u, i, c->nranges, pg_item_int(u, (int64_t)c->ranges[i].events));
	PG_ARRAY(u, i, c->nagain, pg_item_text(u, str_of(c->again[i]->contract->schema)));
	PG_ARRAY(u, i, c->nagain, pg_item_text(u, str_of(c->again[i]->table)));
}

/* ── the batcher ── */

void history_look(struct pg_unit *u, const char *chain)
{
	static const struct pg_sql sql = {
		"history_look", "SELECT coalesce(min(n), 0) FROM fairlead.histories WHERE chain = $1 AND lag > 0"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
}

int history_look_read(const struct pg_reply *r, int stmt)
{
	return (int)pg_get_int(r, stmt, 0, 0);
}

void history_bury(struct pg_unit *u, const struct lane *lane, const char *chain, int n, int64_t seq,
	const char *state, struct str text, int tries)
{
	static const struct pg_sql sql = {
		"history_bury", "SELECT fairlead.history_bury($1, $2, $3, $4, $5, $6, $7)"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
	pg_put_int(u, lane->epoch);
	pg_put_int(u, n);
	pg_put_int(u, seq);
	pg_put_text(u, state);
	pg_put_str(u, text);
	pg_put_int(u, tries);
}
