#include "common/ledger/seats.h"

#include <stdio.h>

static void put_ms(struct pg_unit *u, int ms)
{
	char text[32];
	snprintf(text, sizeof text, "%d ms", ms);
	pg_put_text(u, text);
}

static void put_names(struct pg_unit *u, const char *const *lanes, size_t n)
{
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(lanes[i])));
}

void seats_keep(struct pg_unit *u, const char *holder, const char *const *lanes, size_t n)
{
	static const struct pg_sql sql = {"seats_keep", "SELECT fairlead.seat_keep($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_text(u, holder);
	put_names(u, lanes, n);
	put_ms(u, LANE_TTL_MS);
}

void seats_leave(struct pg_unit *u, const char *holder)
{
	static const struct pg_sql sql = {"seats_leave", "SELECT fairlead.seat_leave($1)"};
	pg_stmt(u, &sql);
	pg_put_text(u, holder);
}

void seats_look(struct pg_unit *u, const char *const *lanes, size_t n)
{
	static const struct pg_sql of_lanes = {
		"seats_lanes", "SELECT holder, free, next FROM fairlead.seat_lanes($1)"};
	static const struct pg_sql who = {"seats_holders", "SELECT holder, lanes FROM fairlead.seat_holders()"};
	pg_stmt(u, &of_lanes);
	put_names(u, lanes, n);
	pg_stmt(u, &who);
}

void seats_lane(const struct pg_reply *r, int stmt, int row, struct seats_lane *out)
{
	out->holder = pg_get_text(r, stmt, row, 0);
	out->free = pg_get_bool(r, stmt, row, 1);
	out->next = pg_get_text(r, stmt, row, 2);
}

const char *seats_holder(const struct pg_reply *r, int stmt, int row)
{
	return pg_get_text(r, stmt, row, 0);
}

void seats_holder_lanes(
	const struct pg_reply *r, int stmt, int row, void (*fn)(void *arg, struct str lane), void *arg)
{
	pg_get_array(r, stmt, row, 1, fn, arg);
}

void seats_take(struct pg_unit *u, const char *name, const char *holder)
{
	static const struct pg_sql sql = {"seats_take", "SELECT epoch, at FROM fairlead.seat_take($1, $2, $3)"};
	must(strlen(name) < LANE_NAME);
	pg_stmt(u, &sql);
	pg_put_text(u, name);
	pg_put_text(u, holder);
	put_ms(u, LANE_TTL_MS);
}

void seats_give(struct pg_unit *u, const struct lane *l, const char *next, int for_ms)
{
	static const struct pg_sql sql = {"seats_give", "SELECT fairlead.seat_give($1, $2, $3, $4)"};
	pg_stmt(u, &sql);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
	pg_put_text(u, next);
	put_ms(u, for_ms);
}
