#include "common/ledger/lane.h"

#include <stdio.h>

static const struct pg_sql FENCE = {"lane_fence", "SELECT fairlead.hold($1, $2, $3)"};
static const struct pg_sql FENCE_AT = {"lane_fence_at", "SELECT fairlead.hold($1, $2, $3, $4)"};
static const struct pg_sql TAKE = {"lane_take", "SELECT epoch, at FROM fairlead.take($1, $2, $3)"};
static const struct pg_sql LEAVE = {"lane_leave", "SELECT fairlead.leave($1, $2)"};
/* The epoch stands in it again: it changes nothing for whoever forgot the fence. */
static const struct pg_sql MOVE = {
	"lane_move", "UPDATE fairlead.lane SET at = $3 WHERE name = $1 AND epoch = $2"};

static void put_ttl(struct pg_unit *u)
{
	char ttl[32];
	snprintf(ttl, sizeof ttl, "%d ms", LANE_TTL_MS);
	pg_put_text(u, ttl);
}

void lane_fence(struct pg_unit *u, const struct lane *l)
{
	pg_stmt(u, &FENCE);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
	put_ttl(u);
}

void lane_fence_at(struct pg_unit *u, const struct lane *l, int64_t at)
{
	pg_stmt(u, &FENCE_AT);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
	put_ttl(u);
	pg_put_int(u, at);
}

void lane_take(struct pg_unit *u, const char *name, const char *holder)
{
	must(strlen(name) < LANE_NAME);
	pg_stmt(u, &TAKE);
	pg_put_text(u, name);
	pg_put_text(u, holder);
	put_ttl(u);
}

bool lane_taken(const struct pg_reply *r, int stmt, struct lane *l)
{
	if (r->outcome != PG_OK || pg_rows(r, stmt) != 1 || pg_is_null(r, stmt, 0, 0))
		return false;
	l->epoch = pg_get_int(r, stmt, 0, 0);
	l->at = pg_get_int(r, stmt, 0, 1);
	return true;
}

void lane_leave(struct pg_unit *u, const struct lane *l)
{
	pg_stmt(u, &LEAVE);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
}

void lane_move(struct pg_unit *u, const struct lane *l, int64_t at)
{
	pg_stmt(u, &MOVE);
	pg_put_text(u, l->name);
	pg_put_int(u, l->epoch);
	pg_put_int(u, at);
}
