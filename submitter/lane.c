/* How a lane comes to this process and goes: wanted when its chain fits, heard for while it is ours, given
 * away or given back when all that was signed has left. */
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/group.h"

enum { FAULT_RETRY_MS = 100 /* an armed fault point failed */ };

/* All is read from one endpoint, and from the one that bytes go to where that can be read: what a lane knows
 * of its nonce is what that node knows. */
const struct endpoint_decl *lane_endpoint(const struct sender *s)
{
	const struct endpoint_decl *to = chain_writer(s->chain);
	return to->roles & ENDPOINT_READ ? to : chain_endpoint(s->chain, ENDPOINT_READ);
}

static void on_bell(void *arg, bool rung)
{
	struct sender *s = arg;
	(void)rung;
	s->bell_owed = true;
	s->rung_since = true;
	s->plan.bell = true;
	sender_drive(s);
}

static void on_head(void *arg, uint64_t number)
{
	struct sender *s = arg;
	if (s->head.number >= s->rung_head)
		s->rung_head = number, s->rung_ms = sender_now(s);
	else if (number > s->rung_head)
		s->rung_head = number; /* it is owed since it was first */
	if (!s->head.known || number != s->head.number)
		s->plan.head_due = true;
	sender_drive(s);
}

static void on_heads_state(void *arg, const struct heads_state *h)
{
	struct sender *s = arg;
	(void)h; /* read where it is needed: has_ws */
	sender_drive(s);
}

/* The lane is ours: heads ring, and bells are heard. Every lane of a pool hears every bell, by a group of its
 * own: one group would wake one lane, and it may have no room. */
static void hear(struct sender *s)
{
	const struct chain_decl *c = s->chain;
	struct heads_options h = {.rpc = s->rpc,
		.ws_url = lane_endpoint(s)->ws,
		.timeout_ms = c->timeout_ms,
		.poll_ms = c->poll_ms,
		.silent_ms = c->silent_ms,
		.reconnect_first_ms = c->reconnect.first_ms,
		.reconnect_max_ms = c->reconnect.max_ms,
		.reconnect_alarm = c->reconnect.nalarm ? c->reconnect.alarm[0] : 0,
		.name = c->name};
	struct heads_events he = {.on_head = on_head, .on_state = on_heads_state, .arg = s};
	struct ear_options eo = {.what = "sends",
		.who = s->signer->name,
		.group = s->signer->nkeys > 1 ? s->lane_name : "submitter",
		.consumer = s->lane_name,
		.on_bell = on_bell,
		.arg = s};
	s->heads = heads_open(s->m->loop, &h, &he);
	s->ear = ear_open(s->m->bus, &eo);
}

void lane_deaf(struct sender *s)
{
	if (s->heads)
		heads_close(s->heads);
	if (s->ear)
		ear_close(s->ear);
	s->heads = NULL;
	s->ear = NULL;
	s->bell_owed = false;
	s->low_said = false; /* who holds the lane says it */
	metric_set(s->meters.low, 0);
}

static void on_gain(void *arg, const struct lane *l)
{
	struct sender *s = arg;
	(void)l;
	if (s->m->draining)
		return;
	hear(s);
	sender_enter(s, LANE_LOADING);
	if (fault_hit(FAULT_lane_after_take))
		s->retry_ms = sender_now(s) + FAULT_RETRY_MS;
	sender_drive(s);
}

static void on_loss(void *arg)
{
	struct sender *s = arg;
	if (s->plan.phase != LANE_LEFT) {
		lane_deaf(s);
		sender_enter(s, LANE_SPARE);
	}
	sender_drive(s);
}

/* Another process holds fewer: what was only read is left for it. */
static void on_wanted(void *arg)
{
	struct sender *s = arg;
	if (s->group && s->group->phase == GROUP_READ)
		group_free(s->group);
	sender_drive(s);
}

static bool is_idle(void *arg)
{
	struct sender *s = arg;
	return !s->group && !s->committing && window_unmined(&s->window) == 0;
}

void lane_want(struct sender *s)
{
	struct lease_events le = {
		.on_gain = on_gain, .on_loss = on_loss, .on_wanted = on_wanted, .is_idle = is_idle, .arg = s};
	if (fault_hit(FAULT_lane_before_take)) {
		s->retry_ms = sender_now(s) + FAULT_RETRY_MS;
		return;
	}
	s->lease = seat_lease(s->seat, s->lane_name, &le);
}

/* ── going ── */

/* What is asked is committed, and what is committed has left (K-24). */
static bool is_done(const struct sender *s, const struct window_todo *todo)
{
	bool working = s->plan.phase == LANE_OPEN && s->plan.pg_up &&
				   (s->plan.group_asked || s->plan.store_due ||
					   (todo->what == WINDOW_CAST && s->plan.cast_due && s->plan.rpc_ok));
	return plan_is_quiet(&s->plan) && !working;
}

static void on_lease_closed(void *arg)
{
	struct sender *s = arg;
	fault_hit(FAULT_lane_after_leave);
	s->lease = NULL;
	s->on_left(s->left_arg);
}

static void give_back(struct sender *s)
{
	sender_enter(s, LANE_LEFT);
	timer_free(&s->timer);
	lane_deaf(s);
	if (s->lease && fault_hit(FAULT_lane_before_leave))
		lease_lost(s->lease); /* it runs out by itself */
	if (s->lease)
		lease_close(s->lease, on_lease_closed, s);
	else
		loop_later(s->m->loop, on_lease_closed, s);
}

bool lane_leaves(struct sender *s, const struct window_todo *todo)
{
	if (!s->plan.draining || s->plan.phase == LANE_LEFT || !is_done(s, todo))
		return false;
	if (s->m->draining) {
		if (s->on_left)
			give_back(s);
		return s->on_left != NULL;
	}
	lane_deaf(s);
	lease_give(s->lease);
	sender_enter(s, LANE_SPARE);
	return true;
}

void sender_drain(struct sender *s, void (*on_left)(void *arg), void *arg)
{
	s->on_left = on_left;
	s->left_arg = arg;
	if (s->group && s->group->phase == GROUP_READ)
		group_free(s->group);
	sender_drive(s);
}
