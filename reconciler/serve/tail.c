#include "reconciler/serve/tail.h"

#include "common/base/mem.h"
#include "common/io/log.h"

#include <stdlib.h>

enum { AT_ONCE = 500, GO_ON_MS = 50, AGAIN_MS = 1000 };

struct tail {
	struct tail_options o;
	struct hub *hub;
	struct pg *pg;
	struct ear *ear;
	struct timer *timer; /* while somebody is behind */
	bool busy, ear_waits;
	int64_t first; /* the newest number as it was found; -1: not yet */
	bool closed;
	int out; /* units not answered */
	struct message list[AT_ONCE];
};

static void follow(struct tail *t);

/* ── the end of the log ── */

static void on_go_on(void *arg)
{
	struct tail *t = arg;
	if (!t->ear) /* no bell comes yet */
		follow(t);
	else if (hub_go_on(t->hub))
		timer_start(t->o.loop, &t->timer, GO_ON_MS, on_go_on, t);
}

static void look_behind(struct tail *t)
{
	if (!timer_is_on(t->timer))
		timer_start(t->o.loop, &t->timer, t->ear ? GO_ON_MS : AGAIN_MS, on_go_on, t);
}

/* false: it was closed meanwhile. */
static bool back(struct tail *t)
{
	t->out--;
	if (!t->closed)
		return true;
	if (!t->out)
		free(t);
	return false;
}

static void on_bell(void *arg, bool rung)
{
	struct tail *t = arg;
	(void)rung;
	t->ear_waits = true;
	follow(t);
}

static void hear(struct tail *t)
{
	struct ear_options o = {.what = "messages", .on_bell = on_bell, .arg = t, .from = hub_newest(t->hub)};
	if (!t->ear)
		t->ear = ear_open(t->o.bus, &o);
}

/* Rows in order behind what the hub has; what lies between, if anything, can't be read any more. */
static int took_rows(struct tail *t, const struct pg_reply *r, int stmt)
{
	int n = pg_rows(r, stmt);
	for (int i = 0; i < n; i++) {
		struct message m;
		messages_row(r, stmt, i, &m);
		if (m.seq <= hub_newest(t->hub))
			continue;
		if (m.seq != hub_newest(t->hub) + 1)
			hub_skip(t->hub, m.seq - 1);
		hub_message(t->hub, &m);
	}
	return n;
}

/* First the end of the log, then its last messages, then the hub begins there. */
static void began(struct tail *t, const struct pg_reply *r, int64_t newest, int64_t oldest)
{
	if (t->first < 0 || newest < t->first) {
		t->first = newest;
		return;
	}
	for (int i = 0; i < pg_rows(r, 1); i++) {
		struct message m;
		messages_row(r, 1, i, &m);
		hub_recent(t->hub, &m);
	}
	hub_ends(t->hub, t->first, oldest);
	hear(t);
}

static int took(struct tail *t, const struct pg_reply *r)
{
	int64_t newest, oldest;
	messages_ends_read(r, 0, &newest, &oldest);
	if (hub_newest(t->hub) < 0) {
		began(t, r, newest, oldest);
		return AT_ONCE; /* go on */
	}
	hub_ends(t->hub, newest, oldest);
	return took_rows(t, r, 1);
}

static void on_followed(void *arg, const struct pg_reply *r)
{
	struct tail *t = arg;
	int n = 0;
	if (!back(t))
		return;
	t->busy = false;
	if (r->outcome == PG_OK) {
		n = took(t, r);
	} else if (r->outcome == PG_REFUSED) {
		log_odd("topics.refused", "PostgreSQL refused to show the messages; it is tried again",
			F_STR("sqlstate", r->sqlstate), F_STR("reason", r->err.text));
	}
	look_behind(t);
	if (n == AT_ONCE) {
		follow(t);
	} else if (t->ear_waits) {
		t->ear_waits = false;
		ear_ready(t->ear, INT64_MAX);
	}
}

static void follow(struct tail *t)
{
	if (t->busy)
		return;
	struct pg_unit *u = pg_unit(t->pg);
	messages_ends(u);
	if (hub_newest(t->hub) >= 0)
		messages_read(u, hub_newest(t->hub), INT64_MAX, AT_ONCE, NULL);
	else
		messages_read(u, t->first - AT_ONCE, t->first, AT_ONCE, NULL);
	t->busy = true;
	t->out++;
	pg_unit_run(u, 0, on_followed, t);
}

/* ── the past ── */

static void on_page(void *arg, const struct pg_reply *r)
{
	struct tail *t = arg;
	if (!back(t))
		return;
	if (r->outcome != PG_OK) {
		hub_page_failed(t->hub);
		look_behind(t);
		return;
	}
	int64_t newest, oldest;
	size_t n = (size_t)pg_rows(r, 1);
	messages_ends_read(r, 0, &newest, &oldest);
	for (size_t i = 0; i < n && i < HUB_PAGE; i++)
		messages_row(r, 1, (int)i, &t->list[i]);
	hub_page(t->hub, t->list, n < HUB_PAGE ? n : HUB_PAGE, oldest);
	look_behind(t);
}

void tail_read(struct tail *t, const struct hub_read *q)
{
	struct pg_unit *u = pg_unit(t->pg);
	messages_ends(u);
	messages_read(u, q->after, q->upto, HUB_PAGE, &q->filter);
	t->out++;
	pg_unit_run(u, 0, on_page, t);
}

/* ── its life ── */

static void on_topics(void *arg, const struct pg_reply *r)
{
	struct tail *t = arg;
	if (back(t) && r->outcome == PG_OK)
		t->o.on_topics(t->o.arg, r);
}

static void on_up(void *arg)
{
	struct tail *t = arg;
	if (t->o.on_topics) {
		struct pg_unit *u = pg_unit(t->pg);
		messages_topics(u);
		t->out++;
		pg_unit_run(u, 0, on_topics, t);
	}
	follow(t);
}

struct tail *tail_open(const struct tail_options *o, struct hub *h)
{
	struct tail *t = mem_alloc(sizeof *t);
	struct pg_options pg = {
		.conninfo = o->conninfo, .application = "fairlead-reconciler topics", .generic_plans = true};
	struct pg_events ev = {.on_up = on_up, .arg = t};
	t->o = *o;
	t->hub = h;
	t->first = -1;
	t->pg = pg_open(o->loop, &pg, &ev);
	return t;
}

void tail_close(struct tail *t)
{
	if (!t)
		return;
	t->closed = true;
	timer_free(&t->timer);
	if (t->ear)
		ear_close(t->ear);
	t->ear = NULL;
	pg_close(t->pg); /* what is out is answered yet, in a later turn */
	if (!t->out)
		free(t);
}
