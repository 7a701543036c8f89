#include "reconciler/serve/request_in.h"

#include "common/io/log.h"

#include <stdio.h>

/* Connections that write, and who waits for one. */

enum {
	WAIT_MS = 10000, /* who has waited so long is told 503 */
	WATCH_MS = 1000,
	CUT_MS = REQUEST_MS - 2000 /* the server gives up before we cut the line: it knows what became of it */
};

void run_nothing(void *arg, const struct pg_reply *p)
{
	(void)arg;
	(void)p;
}

static struct run *first_taken(struct requests *q)
{
	struct run *r = q->first;
	q->first = r->next;
	if (!q->first)
		q->last = NULL;
	q->waiting--;
	return r;
}

static struct write_lane *free_lane(struct requests *q)
{
	for (size_t i = 0; i < REQUEST_CONNECTIONS; i++)
		if (q->lanes[i].up && !q->lanes[i].of)
			return &q->lanes[i];
	return NULL;
}

/* Nobody is there any more, and nothing was begun. */
static bool nobody(const struct run *r)
{
	return r->v && !r->committed && !r->ending && http_is_gone(r->v->q);
}

/* Free lanes go to who waits longest. A run may end inside run_go and give its lane back: the loop here sees
 * it. */
static void give(struct requests *q)
{
	struct write_lane *l;
	if (q->giving)
		return;
	q->giving = true;
	while (q->first && (l = free_lane(q))) {
		struct run *r = first_taken(q);
		if (nobody(r)) {
			run_fail(r, 503, NULL, "the peer is gone", NULL);
			continue;
		}
		l->of = r;
		r->lane = l;
		run_go(r);
	}
	q->giving = false;
}

static void fail_first(struct requests *q, const char *detail, const struct err *e)
{
	run_lost(first_taken(q), detail, e);
}

/* They stand in the order of their coming. */
static void watch_waiting(void *arg)
{
	struct requests *q = arg;
	uint64_t now = loop_now_ms(q->m->loop);
	while (q->first && now - q->first->waits_since > WAIT_MS)
		fail_first(q, "Too many requests wait for PostgreSQL; ask again", NULL);
	if (q->first)
		timer_start(q->m->loop, &q->wait_timer, WATCH_MS, watch_waiting, q);
}

static void on_up(void *arg)
{
	static const struct pg_sql settings = {"request_settings",
		"SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false)"};
	struct write_lane *l = arg;
	char ms[24];
	struct pg_unit *u = pg_unit(l->pg);
	snprintf(ms, sizeof ms, "%d", CUT_MS);
	pg_stmt(u, &settings);
	pg_put_text(u, ms);
	pg_unit_run(u, 0, run_nothing, NULL);
	l->up = true;
	l->q->away = false;
	give(l->q);
}

/* Nobody waits for a server that is not there. One that has cut a connection may be there still: the next try
 * tells. */
static void on_down(void *arg, const struct err *e)
{
	struct write_lane *l = arg;
	struct requests *q = l->q;
	bool was_up = l->up;
	l->up = false;
	if (was_up)
		return;
	for (size_t i = 0; i < REQUEST_CONNECTIONS; i++)
		if (q->lanes[i].up)
			return;
	q->away = true;
	while (q->first)
		fail_first(q, NULL, e);
}

static void open_lane(struct requests *q, struct write_lane *l)
{
	struct pg_events ev = {.on_up = on_up, .on_down = on_down, .arg = l};
	struct pg_options o = {
		.conninfo = q->m->conninfo, .application = "fairlead-requests", .idle_in_transaction_ms = REQUEST_MS};
	l->q = q;
	l->pg = pg_open(q->m->loop, &o, &ev);
}

enum run_lane_got run_lane_take(struct run *r)
{
	struct requests *q = r->q;
	struct write_lane *l = q->first && !q->giving ? NULL : free_lane(q);
	if (l) {
		l->of = r;
		r->lane = l;
		return RUN_LANE_TAKEN;
	}
	if (q->away)
		return RUN_LANE_AWAY;
	for (size_t i = 0; i < REQUEST_CONNECTIONS && !l; i++)
		if (!q->lanes[i].pg)
			open_lane(q, l = &q->lanes[i]);
	*(q->last ? &q->last->next : &q->first) = r;
	q->last = r;
	r->next = NULL;
	r->waits_since = loop_now_ms(q->m->loop);
	q->waiting++;
	if (!timer_is_on(q->wait_timer))
		timer_start(q->m->loop, &q->wait_timer, WATCH_MS, watch_waiting, q);
	return RUN_LANE_LATER;
}

static void free_lane_of(struct requests *q, struct write_lane *l)
{
	l->of = NULL;
	if (l->up)
		give(q);
}

void run_lane_leave(struct run *r)
{
	struct write_lane *l = r->lane;
	r->lane = NULL;
	if (l)
		free_lane_of(r->q, l);
}

/* A connection that is lost has rolled back too. */
static void on_rolled_back(void *arg, const struct pg_reply *p)
{
	struct write_lane *l = arg;
	(void)p;
	free_lane_of(l->q, l);
}

static void roll_back(struct run *r, pg_done_fn fn, void *arg)
{
	static const struct pg_sql sql = {"request_rollback", "ROLLBACK"};
	struct pg_unit *u = pg_unit(r->lane->pg);
	pg_stmt(u, &sql);
	pg_unit_run(u, 0, fn, arg);
	r->open = false;
}

void run_undo(struct run *r)
{
	if (r->unit)
		pg_unit_drop(r->unit);
	r->unit = NULL;
	if (r->open)
		roll_back(r, run_nothing, NULL);
}

/* The lane has its run's place until that is known; r is free of it at once. */
void run_undo_leave(struct run *r)
{
	if (r->unit)
		pg_unit_drop(r->unit);
	r->unit = NULL;
	if (!r->open) {
		run_lane_leave(r);
		return;
	}
	roll_back(r, on_rolled_back, r->lane);
	r->lane = NULL;
}

void run_lanes_close(struct requests *q)
{
	timer_free(&q->wait_timer);
	for (size_t i = 0; i < REQUEST_CONNECTIONS; i++)
		if (q->lanes[i].pg)
			pg_close(q->lanes[i].pg);
}
