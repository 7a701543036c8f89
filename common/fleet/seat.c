#include "common/fleet/seat.h"

#include "common/base/mem.h"
#include "common/fleet/lease_in.h"
#include "common/fleet/spread.h"
#include "common/io/log.h"
#include "common/io/metrics.h"
#include "common/ledger/seats.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_FAST_MS = 200, LOOK_SLOW_MS = 1000, KEEP_MS = LANE_TTL_MS / 3 };

struct seat {
	struct member *m;
	struct lease *leases; /* by name: the same order for all */
	size_t n;
	struct timer *timer;
	uint64_t kept_ms; /* when our row was last written; 0: it must be */
	bool looking, draining, closed;
	int in_flight;
	struct metric *held, *taken, *given, *living;
};

static void look(void *arg);

static bool away(const struct seat *s)
{
	for (const struct lease *l = s->leases; l; l = l->next)
		if (l->phase != LEASE_HELD)
			return true;
	return false;
}

static void look_later(struct seat *s, uint64_t ms)
{
	if (!s->closed && !s->draining && !s->looking)
		timer_start(s->m->loop, &s->timer, ms, look, s);
}

static void finish(struct seat *s)
{
	if (!s->closed || s->in_flight > 0)
		return;
	timer_free(&s->timer);
	free(s);
}

/* ── what one look shows ── */

struct view {
	struct seat *s;
	const struct pg_reply *r;
	struct arena mem;
	struct lease **leases;
	struct spread_lane *lanes;
	const char **members;
	bool *can; /* nmembers × nlanes */
	size_t nmembers, row;
};

static void one_lane(void *arg, struct str lane)
{
	struct view *v = arg;
	for (size_t i = 0; i < v->s->n; i++)
		if (str_is(lane, v->leases[i]->lane.name))
			v->can[v->row * v->s->n + i] = true;
}

static bool can_hold(void *arg, size_t member, size_t lane)
{
	const struct view *v = arg;
	return v->can[member * v->s->n + lane];
}

static int member_of(const struct view *v, const char *holder)
{
	for (size_t m = 0; m < v->nmembers; m++)
		if (strcmp(v->members[m], holder) == 0)
			return (int)m;
	return SPREAD_STRANGER;
}

static void read_lane(struct view *v, size_t i)
{
	struct lease *l = v->leases[i];
	struct seats_lane row;
	uint64_t now = loop_now_ms(v->s->m->loop);
	seats_lane(v->r, 0, (int)i, &row);
	int next = *row.next ? member_of(v, row.next) : SPREAD_NOBODY;
	bool ours = l->phase == LEASE_HELD || l->phase == LEASE_ASKED;
	if (!row.free || ours)
		l->free_since_ms = 0;
	else if (!l->free_since_ms)
		l->free_since_ms = now;
	if (!row.free && !ours)
		lease_seen(l);
	v->lanes[i] = (struct spread_lane){.holder = ours        ? member_of(v, v->s->m->holder)
												 : !row.free ? member_of(v, row.holder)
															 : SPREAD_NOBODY,
		.next = next < 0 ? SPREAD_NOBODY : next,
		.free = row.free && !ours,
		.idle = l->phase == LEASE_HELD && l->ev.is_idle && l->ev.is_idle(l->ev.arg),
		.free_ms = l->free_since_ms ? now - l->free_since_ms : 0};
}

static void read_view(struct view *v)
{
	struct seat *s = v->s;
	size_t n = 0;
	v->leases = arena_alloc(&v->mem, (s->n + 1) * sizeof(struct lease *));
	for (struct lease *l = s->leases; l; l = l->next)
		v->leases[n++] = l;
	v->nmembers = (size_t)pg_rows(v->r, 1);
	v->members = arena_alloc(&v->mem, (v->nmembers + 1) * sizeof *v->members);
	v->can = arena_alloc(&v->mem, v->nmembers * n + 1);
	v->lanes = arena_alloc(&v->mem, (n + 1) * sizeof *v->lanes);
	for (v->row = 0; v->row < v->nmembers; v->row++) {
		v->members[v->row] = seats_holder(v->r, 1, (int)v->row);
		seats_holder_lanes(v->r, 1, (int)v->row, one_lane, v);
	}
	for (size_t i = 0; i < n; i++)
		read_lane(v, i);
}

static void act(struct view *v)
{
	struct seat *s = v->s;
	bool *take = arena_alloc(&v->mem, s->n + 1), giving = false;
	size_t lane, to, held = 0;
	int self = member_of(v, s->m->holder);
	struct spread view = {v->lanes, s->n, v->nmembers, self < 0 ? SPREAD_NOBODY : self, can_hold, v};
	spread_take(&view, take);
	for (size_t i = 0; i < s->n; i++) {
		giving |= v->leases[i]->phase == LEASE_GIVING || v->leases[i]->give_to[0];
		held += v->leases[i]->phase == LEASE_HELD;
		if (take[i])
			lease_try(v->leases[i]);
	}
	metric_set(s->held, (double)held);
	metric_set(s->living, (double)v->nmembers);
	if (giving || !spread_give(&view, &lane, &to))
		return;
	struct lease *l = v->leases[lane];
	snprintf(l->give_to, sizeof l->give_to, "%s", v->members[to]);
	log_info("lane.spread", "Holds more lanes than another; gives one away when what it signed has left",
		F_STR("lane", l->lane.name), F_STR("to", l->give_to));
	l->ev.on_wanted(l->ev.arg);
}

static void on_look(void *arg, const struct pg_reply *r)
{
	struct view v = {.s = arg, .r = r};
	struct seat *s = v.s;
	s->in_flight--;
	s->looking = false;
	/* The rows are those of the lanes that were asked; a lane that came since asks anew. */
	if (!s->closed && !s->draining && r->outcome == PG_OK && (size_t)pg_rows(r, r->statements - 2) == s->n) {
		struct pg_reply two = *r;
		two.results += r->statements - 2;
		v.r = &two;
		read_view(&v);
		act(&v);
		arena_fini(&v.mem);
	}
	if (r->outcome != PG_OK)
		s->kept_ms = 0;
	look_later(s, away(s) ? LOOK_FAST_MS : LOOK_SLOW_MS);
	finish(s);
}

static void look(void *arg)
{
	struct seat *s = arg;
	uint64_t now = loop_now_ms(s->m->loop);
	if (!pg_is_up(s->m->pg) || s->n == 0) {
		s->kept_ms = 0;
		look_later(s, LOOK_FAST_MS);
		return;
	}
	const char **names = mem_alloc((s->n + 1) * sizeof *names);
	size_t n = 0;
	for (struct lease *l = s->leases; l; l = l->next)
		names[n++] = l->lane.name;
	struct pg_unit *u = pg_unit(s->m->pg);
	if (!s->kept_ms || now - s->kept_ms >= KEEP_MS) {
		seats_keep(u, s->m->holder, names, n);
		s->kept_ms = now ? now : 1;
	}
	seats_look(u, names, n);
	free(names);
	s->looking = true;
	s->in_flight++;
	pg_unit_run(u, LANE_TTL_HALF_MS, on_look, s);
}

/* ── life ── */

struct seat *seat_open(struct member *m)
{
	struct seat *s = mem_alloc(sizeof *s);
	s->m = m;
	s->held = metric(METRIC_GAUGE, "fairlead_lanes_held", "Lanes that this process holds", NULL);
	s->taken = metric(METRIC_COUNTER, "fairlead_lanes_taken_total", "Lanes that this process took", NULL);
	s->given = metric(METRIC_COUNTER, "fairlead_lanes_given_total", "Lanes that it gave to another", NULL);
	s->living =
		metric(METRIC_GAUGE, "fairlead_submitters", "Processes that share the lanes, this one too", NULL);
	return s;
}

struct lease *seat_lease(struct seat *s, const char *lane_name, const struct lease_events *ev)
{
	struct lease *l = mem_alloc(sizeof *l), **at = &s->leases;
	l->m = s->m;
	l->ev = *ev;
	l->seat = s;
	snprintf(l->lane.name, sizeof l->lane.name, "%s", lane_name);
	while (*at && strcmp((*at)->lane.name, lane_name) < 0)
		at = &(*at)->next;
	l->next = *at;
	*at = l;
	s->n++;
	s->kept_ms = 0;
	look_later(s, 1);
	return l;
}

void seat_forget(struct seat *s, struct lease *l)
{
	for (struct lease **at = &s->leases; *at; at = &(*at)->next)
		if (*at == l) {
			*at = l->next;
			s->n--;
			s->kept_ms = 0;
			return;
		}
}

void seat_took(struct seat *s)
{
	metric_add(s->taken, 1);
}

void seat_gave(struct seat *s)
{
	metric_add(s->given, 1);
}

static void on_gone(void *arg, const struct pg_reply *r)
{
	struct seat *s = arg;
	(void)r; /* not gone is gone in LANE_TTL_MS anyway */
	s->in_flight--;
	finish(s);
}

void seat_drain(struct seat *s)
{
	if (s->draining)
		return;
	s->draining = true;
	timer_stop(&s->timer);
	if (!pg_is_up(s->m->pg))
		return;
	struct pg_unit *u = pg_unit(s->m->pg);
	seats_leave(u, s->m->holder);
	s->in_flight++;
	pg_unit_run(u, LANE_TTL_HALF_MS, on_gone, s);
}

void seat_close(struct seat *s)
{
	timer_stop(&s->timer);
	s->closed = true;
	finish(s);
}
