#include "common/ledger/prices.h"

void prices_read(struct pg_unit *u, const struct slots_lane *l)
{
	static const struct pg_sql sql = {
		"prices_read", "SELECT lean, rule, floor FROM fairlead.price WHERE lane = $1"};
	pg_stmt(u, &sql);
	pg_put_text(u, l->lane->name);
}

bool prices_taken(const struct pg_reply *r, int stmt, struct prices_learned *out)
{
	if (pg_rows(r, stmt) == 0)
		return false;
	out->lean = (int)pg_get_int(r, stmt, 0, 0);
	out->rule = (uint32_t)pg_get_int(r, stmt, 0, 1);
	out->floor = pg_get_u256(r, stmt, 0, 2);
	return true;
}

void prices_keep(struct pg_unit *u, const struct slots_lane *l, const struct prices_learned *p)
{
	static const struct pg_sql sql = {
		"prices_keep", "SELECT fairlead.price_keep($1, $2, $3::smallint, $4::int, $5)"};
	pg_stmt(u, &sql);
	pg_put_text(u, l->lane->name);
	pg_put_int(u, l->lane->epoch);
	pg_put_int(u, p->lean);
	pg_put_int(u, (int64_t)p->rule);
	pg_put_u256(u, p->floor);
}

void prices_waiting(struct pg_unit *u, const char *pool, int chain, const struct slots_gates *g)
{
	static const struct pg_sql sql = {
		"prices_waiting", "SELECT cardinality(fairlead.price_waits($1, $2::smallint, $3, $4))"};
	pg_stmt(u, &sql);
	pg_put_text(u, pool);
	pg_put_int(u, chain);
	PG_ARRAY(u, i, g->n, pg_item_text(u, str_of(g->names[i])));
	PG_ARRAY(u, i, g->n, pg_item_int(u, g->ages_ms[i]));
}
