#include "common/ledger/endpoints.h"

#include <stdio.h>

void endpoints_load(struct pg_unit *u, const char *chain)
{
	static const struct pg_sql sql = {"endpoints_load",
		"SELECT e.name, e.place, e.range_cap, e.results_cap, e.pruned_below, e.calls_cap, e.filter_cap"
		" FROM fairlead.endpoint e JOIN fairlead.chain c ON c.id = e.chain WHERE c.name = $1 ORDER BY "
		"e.place, e.name"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
}

int endpoints_loaded(const struct pg_reply *r, int stmt)
{
	return pg_rows(r, stmt);
}

bool endpoints_loaded_row(const struct pg_reply *r, int stmt, int row, struct endpoint_row *out)
{
	*out = (struct endpoint_row){.place = (int)pg_get_int(r, stmt, row, 1),
		.range_cap = pg_get_int(r, stmt, row, 2),
		.results_cap = pg_get_int(r, stmt, row, 3),
		.pruned_below = pg_get_int(r, stmt, row, 4),
		.calls_cap = pg_get_int(r, stmt, row, 5),
		.filter_cap = pg_get_int(r, stmt, row, 6)};
	int n = snprintf(out->name, sizeof out->name, "%s", pg_get_text(r, stmt, row, 0));
	return n > 0 && (size_t)n < sizeof out->name;
}

static void item_known(struct pg_unit *u, bool known, int64_t v)
{
	if (known)
		pg_item_int(u, v);
	else
		pg_item_null(u);
}

static void item_words(struct pg_unit *u, const char *s)
{
	if (s)
		pg_item_text(u, str_of(s));
	else
		pg_item_null(u);
}

void endpoints_save(struct pg_unit *u, int chain, const struct endpoint_row *e, size_t n)
{
	static const struct pg_sql sql = {"endpoints_save",
		"WITH gone AS (UPDATE fairlead.endpoint SET retired = clock_timestamp()"
		" WHERE chain = $1 AND retired IS NULL AND name <> ALL ($2::text[]))"
		" INSERT INTO fairlead.endpoint AS e (chain, name, place, role, state, range_cap, results_cap, "
		"pruned_below,"
		" calls_cap, filter_cap, head, lag, latency_us, requests, failures, lies, error)"
		" SELECT $1, * FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],"
		" $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], "
		"$14::bigint[],"
		" $15::bigint[], $16::bigint[], $17::text[])"
		" ON CONFLICT (chain, name) DO UPDATE SET place = EXCLUDED.place, role = EXCLUDED.role,"
		" state = EXCLUDED.state, range_cap = EXCLUDED.range_cap, results_cap = EXCLUDED.results_cap,"
		" pruned_below = EXCLUDED.pruned_below, calls_cap = EXCLUDED.calls_cap, filter_cap = "
		"EXCLUDED.filter_cap,"
		" head = coalesce(EXCLUDED.head, e.head), lag = EXCLUDED.lag,"
		" latency_us = coalesce(EXCLUDED.latency_us, e.latency_us), requests = e.requests + "
		"EXCLUDED.requests,"
		" failures = e.failures + EXCLUDED.failures, lies = e.lies + EXCLUDED.lies,"
		" error = coalesce(EXCLUDED.error, e.error), at = clock_timestamp(), retired = NULL"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain);
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(e[i].name)));
	PG_ARRAY(u, i, n, pg_item_int(u, e[i].place));
	PG_ARRAY(u, i, n, item_words(u, e[i].role));
	PG_ARRAY(u, i, n, item_words(u, e[i].state));
	PG_ARRAY(u, i, n, item_known(u, e[i].range_cap > 0, e[i].range_cap));
	PG_ARRAY(u, i, n, item_known(u, e[i].results_cap > 0, e[i].results_cap));
	PG_ARRAY(u, i, n, item_known(u, e[i].pruned_below > 0, e[i].pruned_below));
	PG_ARRAY(u, i, n, item_known(u, e[i].calls_cap > 0, e[i].calls_cap));
	PG_ARRAY(u, i, n, item_known(u, e[i].filter_cap > 0, e[i].filter_cap));
	PG_ARRAY(u, i, n, item_known(u, e[i].head >= 0, e[i].head));
	PG_ARRAY(u, i, n, item_known(u, e[i].lag >= 0, e[i].lag));
	PG_ARRAY(u, i, n, item_known(u, e[i].latency_us >= 0, e[i].latency_us));
	PG_ARRAY(u, i, n, pg_item_int(u, e[i].requests));
	PG_ARRAY(u, i, n, pg_item_int(u, e[i].failures));
	PG_ARRAY(u, i, n, pg_item_int(u, e[i].lies));
	PG_ARRAY(u, i, n, item_words(u, e[i].error));
}

void endpoints_set_genesis(struct pg_unit *u, int chain, const uint8_t hash[32])
{
	static const struct pg_sql sql = {
		"endpoints_set_genesis", "UPDATE fairlead.chain SET genesis = $2 WHERE id = $1"};
	pg_stmt(u, &sql);
	pg_put_int(u, chain);
	pg_put_bytes(u, hash, 32);
}

void endpoints_genesis(struct pg_unit *u, const char *chain)
{
	static const struct pg_sql sql = {
		"endpoints_genesis", "SELECT genesis FROM fairlead.chain WHERE name = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, chain);
}

bool endpoints_genesis_read(const struct pg_reply *r, int stmt, uint8_t hash[32])
{
	return pg_rows(r, stmt) == 1 && pg_get_bytes(r, stmt, 0, 0, hash, 32);
}
