#include "common/fleet/lease.h"

#include "common/base/mem.h"
#include "common/fleet/lease_in.h"
#include "common/io/log.h"
#include "common/ledger/seats.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	TRY_MS = 1000,
	RENEW_MS = LANE_TTL_MS / 3,
	GIVE_UP_MS = LANE_TTL_MS * 8 / 10,
	LEFT_TO_MS = 3000 /* so long nobody else takes what was left to one */
};

static void tick(void *arg);
static void finish_close(struct lease *s);

/* A seat's lease waits for its seat. */
static void try_later(struct lease *s)
{
	if (!s->seat)
		timer_start(s->m->loop, &s->timer, TRY_MS, tick, s);
}

static void tell_loss(void *arg)
{
	struct lease *s = arg;
	s->telling--;
	if (s->phase == LEASE_CLOSING)
		finish_close(s);
	else
		s->ev.on_loss(s->ev.arg);
}

static void enter_lost(struct lease *s, const char *why)
{
	s->phase = LEASE_WANTED;
	s->lane.epoch = 0;
	log_odd("lease.lost", "Lost the lane; another may hold it, ours writes nothing more",
		F_STR("lane", s->lane.name), F_STR("reason", why));
	timer_stop(&s->timer);
	s->give_to[0] = 0;
	try_later(s);
	s->telling++;
	loop_later(s->m->loop, tell_loss, s);
}

static void finish_close(struct lease *s)
{
	if (s->phase != LEASE_CLOSING || s->in_flight > 0 || s->telling > 0)
		return;
	void (*done)(void *) = s->on_closed;
	void *arg = s->closed_arg;
	timer_free(&s->timer);
	free(s);
	if (done)
		done(arg);
}

void lease_seen(struct lease *s)
{
	if (!s->waited)
		log_info("lease.spare", "Another process holds the lane; standing by", F_STR("lane", s->lane.name));
	s->waited = true;
}

static void on_take(void *arg, const struct pg_reply *r)
{
	struct lease *s = arg;
	s->in_flight--;
	if (s->phase == LEASE_CLOSING) {
		finish_close(s);
		return;
	}
	s->phase = LEASE_WANTED;
	if (r->outcome == PG_OK && lane_taken(r, 0, &s->lane)) {
		s->phase = LEASE_HELD;
		s->waited = false;
		log_info("lease.gain", "Holds the lane", F_STR("lane", s->lane.name), F_INT("epoch", s->lane.epoch),
			F_INT("at", s->lane.at));
		if (s->seat)
			seat_took(s->seat);
		timer_start(s->m->loop, &s->timer, RENEW_MS, tick, s);
		s->ev.on_gain(s->ev.arg, &s->lane);
		return;
	}
	if (r->outcome == PG_OK)
		lease_seen(s);
	try_later(s);
}

static void take(struct lease *s)
{
	if (!pg_is_up(s->m->pg)) {
		try_later(s);
		return;
	}
	struct pg_unit *u = pg_unit(s->m->pg);
	if (s->seat)
		seats_take(u, s->lane.name, s->m->holder);
	else
		lane_take(u, s->lane.name, s->m->holder);
	s->phase = LEASE_ASKED;
	s->in_flight++;
	s->confirmed_ms = loop_now_ms(s->m->loop);
	pg_unit_run(u, LANE_TTL_MS / 2, on_take, s);
}

static void on_renewed(void *arg, const struct pg_reply *r)
{
	struct lease *s = arg;
	s->in_flight--;
	s->renewing = false;
	if (s->phase == LEASE_CLOSING)
		finish_close(s);
	else if (s->phase == LEASE_HELD && pg_fenced(r))
		enter_lost(s, "another process took it");
	else if (r->outcome == PG_OK && s->asked_ms > s->confirmed_ms)
		s->confirmed_ms = s->asked_ms;
}

static void renew(struct lease *s)
{
	uint64_t now = loop_now_ms(s->m->loop);
	if (now - s->confirmed_ms > GIVE_UP_MS) {
		enter_lost(s, "PostgreSQL did not confirm the lease in time");
		return;
	}
	timer_start(s->m->loop, &s->timer, RENEW_MS / 2, tick, s);
	if (s->renewing || now - s->confirmed_ms < RENEW_MS || !pg_is_up(s->m->pg))
		return;
	struct pg_unit *u = pg_unit(s->m->pg);
	lane_fence(u, &s->lane);
	s->renewing = true;
	s->asked_ms = now;
	s->in_flight++;
	pg_unit_run(u, LANE_TTL_MS / 2, on_renewed, s);
}

static void tick(void *arg)
{
	struct lease *s = arg;
	if (s->phase == LEASE_WANTED)
		take(s);
	else if (s->phase == LEASE_HELD)
		renew(s);
}

struct lease *lease_open(struct member *m, const char *lane_name, const struct lease_events *ev)
{
	struct lease *s = mem_alloc(sizeof *s);
	s->m = m;
	s->ev = *ev;
	snprintf(s->lane.name, sizeof s->lane.name, "%s", lane_name);
	take(s);
	return s;
}

void lease_try(struct lease *s)
{
	if (s->phase == LEASE_WANTED)
		take(s);
}

/* ── given away ── */

static void on_given(void *arg, const struct pg_reply *r)
{
	struct lease *s = arg;
	(void)r; /* what was not given is free in LANE_TTL_MS anyway */
	s->in_flight--;
	if (s->phase == LEASE_CLOSING)
		finish_close(s);
	else
		s->phase = LEASE_WANTED;
}

void lease_give(struct lease *s)
{
	must(s->seat && s->phase == LEASE_HELD);
	struct pg_unit *u = pg_unit(s->m->pg);
	seats_give(u, &s->lane, s->give_to, LEFT_TO_MS);
	log_info("lease.given", "Gave the lane away", F_STR("lane", s->lane.name), F_STR("to", s->give_to));
	seat_gave(s->seat);
	s->phase = LEASE_GIVING;
	s->lane.epoch = 0;
	s->give_to[0] = 0;
	s->waited = true;
	timer_stop(&s->timer);
	s->in_flight++;
	pg_unit_run(u, LANE_TTL_MS / 2, on_given, s);
}

bool lease_wanted(const struct lease *s)
{
	return s->phase == LEASE_HELD && s->give_to[0];
}

struct lane *lease_lane(struct lease *s)
{
	return &s->lane;
}

bool lease_held(const struct lease *s)
{
	return s->phase == LEASE_HELD;
}

void lease_reasons(const struct lease *s, struct buf *out)
{
	if (s->phase != LEASE_HELD && !s->waited)
		buf_printf(out, "lane %s: it is not known yet who holds it\n", s->lane.name);
}

void lease_lost(struct lease *s)
{
	if (s->phase == LEASE_HELD)
		enter_lost(s, "a write was refused: another process holds it");
}

static void on_left(void *arg, const struct pg_reply *r)
{
	struct lease *s = arg;
	(void)r; /* not left is left in LANE_TTL_MS anyway */
	s->in_flight--;
	finish_close(s);
}

static void closed_turn(void *arg)
{
	finish_close(arg);
}

void lease_close(struct lease *s, void (*done)(void *arg), void *arg)
{
	bool held = s->phase == LEASE_HELD;
	if (s->seat)
		seat_forget(s->seat, s);
	s->phase = LEASE_CLOSING;
	s->on_closed = done;
	s->closed_arg = arg;
	timer_stop(&s->timer);
	if (held && pg_is_up(s->m->pg)) {
		struct pg_unit *u = pg_unit(s->m->pg);
		lane_leave(u, &s->lane);
		s->in_flight++;
		pg_unit_run(u, LANE_TTL_MS / 2, on_left, s);
	} else if (s->in_flight == 0 && s->telling == 0) {
		loop_later(s->m->loop, closed_turn, s);
	}
}
