#include "common/base/mem.h"
#include "common/io/endpoint.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LOOK_MS = 1000,       /* while slots are unmined and no WebSocket rings: a head at least this often */
	LOOK_IDLE_MS = 10000, /* nothing is unmined: so that price and balance don't grow old */
	WATCH_REST_MS = 50,   /* between two comparisons of the slots with PostgreSQL */
	ANSWER_NEAR_MS = 50,  /* so long a block's receipts wait for the answer about what it holds */
	HEAD_REST_MS = 5000,  /* nothing is on its way at all: so long a newer head may wait */
	BEHIND_MS = 20,       /* the listener, or the bell, is ahead of our head: asked again after this long, */
	BEHIND_MAX_MS = 1000, /* but not for longer than this: then the node itself is behind */
	FAULT_RETRY_MS = 100, /* an armed fault point failed */
	STALE_MS = 500,       /* without a WebSocket: a head older than this is asked anew before a simulation */
};

uint64_t sender_now(const struct sender *s)
{
	return loop_now_ms(s->m->loop);
}

struct slots_lane sender_lane(struct sender *s)
{
	return (struct slots_lane){.lane = lease_lane(s->lease),
		.name = s->signer->name,
		.windows = &s->windows,
		.chain = s->chain_row,
		.signer = hand_address(s->hand)};
}

/* ── what goes wrong ── */

static void back_off(struct sender *s, const char *reason, uint64_t at_least_ms)
{
	uint64_t wait = backoff_fail(&s->backoff);
	wait = wait < at_least_ms ? at_least_ms : wait;
	s->retry_ms = sender_now(s) + wait;
	if (!s->failing_since_ms)
		s->failing_since_ms = sender_now(s);
	snprintf(s->trouble, sizeof s->trouble, "%s", reason);
	metric_add(s->meters.errors, 1);
	log_odd("rpc.error", "Provider error; trying again", F_STR("signer", s->signer->name),
		F_STR("endpoint", s->endpoint), F_STR("reason", reason), F_UINT("try", s->backoff.tries),
		F_UINT("wait_ms", wait));
	for (size_t i = 0; i < s->chain->retry.nalarm; i++)
		if (s->chain->retry.alarm[i] == s->backoff.tries)
			log_odd("rpc.alarm",
				"The provider has failed many times in a row; nothing is lost, signing waits",
				F_STR("endpoint", s->endpoint), F_UINT("tries", s->backoff.tries));
}

bool sender_heard(struct sender *s, const struct rpc_reply *r)
{
	if (!r->ok) {
		back_off(s, r->err.text, r->retry_after_ms);
		return false;
	}
	if (s->trouble[0])
		log_info("rpc.up", "The provider answers again", F_STR("endpoint", s->endpoint));
	s->trouble[0] = 0;
	s->retry_ms = 0;
	s->failing_since_ms = 0;
	backoff_ok(&s->backoff);
	return true;
}

void sender_trouble(struct sender *s, const char *what, int code, struct str message)
{
	char reason[280];
	snprintf(reason, sizeof reason, "%s: %.*s (%d)", what, (int)(message.n > 200 ? 200 : message.n),
		message.p ? message.p : "", code);
	back_off(s, reason, 0);
}

void sender_hold(struct sender *s, enum hold_kind kind, const char *why)
{
	if (kind != s->hold_kind && kind != HOLD_NOTHING) {
		metric_add(s->meters.holds, 1);
		log_odd("hold", why, F_STR("signer", s->signer->name), F_STR("address", s->address));
		if (kind == HOLD_FUNDS)
			feed_unclaim(s);
	} else if (kind != s->hold_kind) {
		log_info("hold.over", "Signing goes on", F_STR("signer", s->signer->name));
		s->plan.bell = true;
	}
	s->hold_kind = kind;
	snprintf(s->hold, sizeof s->hold, "%s", why);
}

static void sender_drop_groups(struct sender *s)
{
	if (s->group)
		group_free(s->group);
	if (s->committing)
		group_free(s->committing);
}

void sender_reload(struct sender *s, const char *why)
{
	if (s->plan.phase != LANE_OPEN && s->plan.phase != LANE_SETTLING && s->plan.phase != LANE_HALTED)
		return;
	log_info("slots.reload", "Reads its slots anew from PostgreSQL", F_STR("lane", s->lane_name),
		F_STR("reason", why));
	sender_enter(s, LANE_LOADING);
}

bool sender_stored(struct sender *s, const struct pg_reply *r, const char *what)
{
	if (r->outcome == PG_OK)
		return true;
	if (pg_fenced(r)) {
		lease_lost(s->lease);
		return false;
	}
	if (r->outcome == PG_REFUSED && !slots_changed(r))
		log_odd("pg.refused", "PostgreSQL refused a write; reading the slots anew", F_STR("what", what),
			F_STR("sqlstate", r->sqlstate), F_STR("reason", r->err.text));
	sender_reload(s, r->err.text);
	return false;
}

void sender_noted(void *arg, const struct pg_reply *r)
{
	struct sender *s = arg;
	if (pg_fenced(r) && s->lease)
		lease_lost(s->lease);
}

/* ── phases ── */

/* Nothing of the lane is known any more; what is in flight for it is dropped. */
static void forget_lane(struct sender *s)
{
	s->era++;
	inquest_drop(s);
	sender_drop_groups(s);
	proof_fini(s);
	window_fini(&s->window);
	s->nheld = 0;
	s->halt[0] = 0;
	s->halt_kind = HALT_NONE;
	s->halt_named = false;
	s->listed_count = 0;
	s->frozen = false;
	s->room_most = 0;
}

void sender_halt(struct sender *s, enum halt_kind kind, const char *why)
{
	if (s->plan.phase == LANE_HALTED && kind < s->halt_kind)
		return;
	s->halt_kind = kind;
	snprintf(s->halt, sizeof s->halt, "%s", why);
	sender_enter(s, LANE_HALTED);
}

void sender_goes_on(struct sender *s)
{
	log_info("lane.goes_on", "What halted the lane is over", F_STR("signer", s->signer->name),
		F_STR("reason", s->halt));
	sender_enter(s, LANE_OPEN);
}

void sender_enter(struct sender *s, enum lane_phase phase)
{
	s->plan.phase = phase;
	switch (phase) {
	case LANE_CHECKING: break;
	case LANE_SPARE:
	case LANE_LOADING: forget_lane(s); break;
	case LANE_SETTLING: s->settle_ms = sender_now(s); break;
	case LANE_OPEN:
		s->halt[0] = 0;
		s->halt_kind = HALT_NONE;
		s->halt_named = false;
		s->plan.bell = true;
		s->plan.head_due = true;
		s->plan.watch_due = true;
		log_info("lane.open", "Signs and sends", F_STR("signer", s->signer->name),
			F_STR("address", s->address), F_INT("nonce", lease_lane(s->lease)->at),
			F_UINT("unmined", window_unmined(&s->window)));
		break;
	case LANE_HALTED:
		sender_drop_groups(s);
		feed_unclaim(s);
		s->plan.head_due = true;
		log_odd("lane.halted",
			s->halt_kind == HALT_UNPROVED ? "The lane is halted: nothing is signed until that is proved"
										  : "The lane is halted: nothing is signed until a person has looked",
			F_STR("signer", s->signer->name), F_STR("address", s->address), F_STR("reason", s->halt));
		break;
	case LANE_LEFT: forget_lane(s); break;
	}
}

/* ── what next ── */

bool sender_has_ws(const struct sender *s)
{
	return s->heads && heads_state(s->heads)->ws_up;
}

/* Something is on its way or waits for a moment: the chain and PostgreSQL are looked at again and again. */
static bool works(const struct sender *s)
{
	return s->window.n > 0 || s->quote.waiting > 0 || s->hold[0] || s->nheld > 0 || s->chain_halted ||
		   s->plan.phase == LANE_HALTED;
}

/* The node told of a block that it did not show yet when it was asked: the moment at which it is asked again,
 * at growing gaps; 0: nothing is owed, or it was long enough (the bell may be of another machine). */
static uint64_t owes_head(const struct sender *s)
{
	uint64_t owed = s->head.at_ms > s->rung_ms ? s->head.at_ms - s->rung_ms : 0;
	bool owes = works(s) && s->head.number < s->rung_head && owed < BEHIND_MAX_MS;
	return owes ? s->head.at_ms + (owed > BEHIND_MS ? owed : BEHIND_MS) : 0;
}

static bool is_head_due(struct sender *s)
{
	uint64_t age = sender_now(s) - s->head.at_ms, owed = owes_head(s);
	if (s->plan.head_due)
		return true;
	if (s->plan.busy_head)
		return false; /* the answer decides */
	if (!s->head.known)
		return true;
	if (owed && sender_now(s) >= owed)
		return true;
	if (!sender_has_ws(s) && s->group && s->group->phase == GROUP_READ && age >= STALE_MS)
		return true;
	if (s->group && s->group->phase == GROUP_READ && s->head.number < s->asked_at_head && age >= BEHIND_MS &&
		sender_now(s) - s->group->read_ms < BEHIND_MAX_MS)
		return true;
	return works(s) && age >= (sender_has_ws(s) ? LOOK_IDLE_MS : LOOK_MS);
}

/* An idle lane asks nothing at each head: the node has others to serve then. A bell or a slot wants it at
 * once. */
static bool head_rests(const struct sender *s)
{
	bool wanted = works(s) || s->group || s->plan.bell;
	return s->head.known && sender_has_ws(s) && !wanted && sender_now(s) - s->head.at_ms < HEAD_REST_MS;
}

/* A node may mine a block out of a request that it has not answered yet. */
static bool receipts_rest(struct sender *s)
{
	const struct slot *low = window_lowest(&s->window);
	if (!s->plan.busy_cast || !low || low->nonce >= s->window.count)
		s->near_ms = 0;
	else if (s->near_ms == 0)
		s->near_ms = sender_now(s);
	return s->near_ms > 0 && sender_now(s) < s->near_ms + ANSWER_NEAR_MS;
}

static void facts(struct sender *s, struct window_todo *todo)
{
	struct plan *p = &s->plan;
	uint64_t now = sender_now(s);
	if (s->retry_ms && now >= s->retry_ms)
		s->retry_ms = 0;
	p->draining = s->m->draining || (s->lease && lease_wanted(s->lease));
	p->pg_up = pg_is_up(s->m->pg);
	p->rpc_ok = s->retry_ms == 0;
	p->settle_due = s->settle_ms && now >= s->settle_ms;
	p->busy_ask = s->group && (s->group->phase == GROUP_ASKING || s->group->phase == GROUP_HALVING);
	p->cast_due = p->change_due = false;
	todo->what = WINDOW_REST;
	todo->wake_ms = 0;
	p->waits = p->phase == LANE_SETTLING && s->halt[0];
	if (p->phase != LANE_OPEN && p->phase != LANE_HALTED && !p->waits)
		return;
	p->trace_due = inquest_due(s);
	p->head_due = is_head_due(s);
	p->head_rests = head_rests(s);
	p->receipts_rest = receipts_rest(s);
	p->watch_rests = s->watched_ms && now < s->watched_ms + WATCH_REST_MS;
	feed_release_held(s);
	quote_pace(s);
	/* What is committed leaves, whatever keeps a slot from being signed anew. */
	window_next(&s->window, now,
		p->busy_change || p->busy_commit || p->phase != LANE_OPEN || s->chain_halted || p->draining ||
			!p->pg_up,
		todo);
	p->cast_due = todo->what == WINDOW_CAST && !outlet_rests(s);
	p->change_due =
		todo->what == WINDOW_REPLACE || todo->what == WINDOW_REVISE || todo->what == WINDOW_CANCEL;
	p->topup_due = purse_due(s);
	p->store_due = proof_store_due(s);
	p->group_read = feed_group_read(s);
	p->group_asked = feed_group_asked(s);
	p->hand_away = !hand_ready(s->hand);
	p->may_sign = p->bell && !p->hand_away && !p->group_read && !p->group_asked && s->nheld < HELD_MAX &&
				  sign_room(s) > 0;
}

/* Only this starts i/o. */
static void exec_action(struct sender *s, enum plan_do what, struct window_todo *todo)
{
	switch (what) {
	case PLAN_REST: break;
	case PLAN_CHECK: open_check(s); break;
	case PLAN_LOAD: open_load(s); break;
	case PLAN_SETTLE: open_settle(s); break;
	case PLAN_HEAD: look_head(s); break;
	case PLAN_WATCH: look_watch(s); break;
	case PLAN_RECEIPTS: proof_receipts(s); break;
	case PLAN_STORE: proof_store(s); break;
	case PLAN_CAST: cast_send(s, todo); break;
	case PLAN_CHANGE: change_slot(s, todo); break;
	case PLAN_TOPUP: purse_topup(s); break;
	case PLAN_COMMIT: sign_commit(s); break;
	case PLAN_ASK: feed_ask(s); break;
	case PLAN_READ: feed_read(s); break;
	case PLAN_TRACE: inquest_step(s); break;
	}
}

static void sooner(uint64_t *at, uint64_t ms)
{
	if (ms && (*at == 0 || ms < *at))
		*at = ms;
}

static void set_timer(struct sender *s, const struct window_todo *todo)
{
	uint64_t at = 0, now = sender_now(s);
	sooner(&at, s->retry_ms);
	sooner(&at, s->settle_ms);
	if (outlet_rests(s))
		sooner(&at, s->out.retry_ms);
	if (s->hold_kind == HOLD_POLICY && s->policy_until_ms > now)
		sooner(&at, s->policy_until_ms);
	if (s->plan.phase == LANE_OPEN || s->plan.phase == LANE_HALTED || s->plan.waits) {
		sooner(&at, todo->wake_ms);
		sooner(&at, purse_wakes(s));
		if (s->plan.watch_due && s->plan.watch_rests)
			sooner(&at, s->watched_ms + WATCH_REST_MS);
		if (s->plan.receipts_due && s->plan.receipts_rest)
			sooner(&at, s->near_ms + ANSWER_NEAR_MS);
		if (s->plan.head_due && s->plan.head_rests)
			sooner(&at, s->head.at_ms + HEAD_REST_MS);
		bool may_look = !s->plan.busy_head && s->plan.rpc_ok;
		if (works(s) && may_look)
			sooner(&at, s->head.at_ms + (sender_has_ws(s) ? LOOK_IDLE_MS : LOOK_MS));
		if (s->group && s->group->phase == GROUP_READ)
			sooner(&at, now + BEHIND_MS);
		if (may_look)
			sooner(&at, owes_head(s));
		for (size_t i = 0; i < s->nheld; i++)
			if (s->held[i].until_ms > now)
				sooner(&at, s->held[i].until_ms);
	}
	if (at == 0)
		timer_stop(&s->timer);
	else
		timer_start(s->m->loop, &s->timer, at > now ? at - now : 1, sender_drive, s);
}

void sender_drive(void *arg)
{
	struct sender *s = arg;
	struct window_todo todo;
	if (s->plan.phase == LANE_LEFT)
		return;
	/* The lease was lost in this turn, on_loss runs in a later one: nothing is started in its name. */
	if (s->plan.phase >= LANE_LOADING && s->plan.phase <= LANE_HALTED && !lease_held(s->lease))
		return;
	if (s->plan.phase == LANE_SPARE && !s->lease && sender_now(s) >= s->retry_ms)
		lane_want(s);
	for (;;) {
		inquest_halts(s);
		facts(s, &todo);
		enum plan_do what = plan_next(&s->plan);
		if (what == PLAN_REST)
			break;
		exec_action(s, what, &todo);
	}
	metric_set(s->meters.unmined, (double)window_unmined(&s->window));
	metric_set(s->meters.window, (double)room_size(&s->room));
	gauges_show(s->gauges);
	if (!lane_leaves(s, &todo))
		set_timer(s, &todo);
}

/* ── life ── */

static void make_meters(struct sender *s)
{
	char *labels = mem_alloc(160);
	if (s->signer->nkeys > 1)
		snprintf(labels, 160, "signer=\"%s\",address=\"%s\"", s->signer->name, s->address);
	else
		snprintf(labels, 160, "signer=\"%s\"", s->signer->name);
	struct meters *m = &s->meters;
	m->sent = metric(METRIC_COUNTER, "fairlead_batches_sent_total", "Batches signed and committed", labels);
	m->mined =
		metric(METRIC_COUNTER, "fairlead_batches_mined_total", "Batches with a receipt of success", labels);
	m->failed =
		metric(METRIC_COUNTER, "fairlead_batches_failed_total", "Batches with a receipt of failure", labels);
	m->attempts =
		metric(METRIC_COUNTER, "fairlead_attempts_total", "Signed attempts, replacements too", labels);
	m->holds = metric(METRIC_COUNTER, "fairlead_holds_total", "Times that signing was held", labels);
	m->too_high = metric(METRIC_COUNTER, "fairlead_gas_price_too_high_total",
		"Times that the market was above gas.max", labels);
	m->unmined = metric(METRIC_GAUGE, "fairlead_unmined", "Slots that the chain has not counted", labels);
	m->oldest =
		metric(METRIC_GAUGE, "fairlead_oldest_unmined_seconds", "Age of the lowest unmined slot", labels);
	m->errors =
		metric(METRIC_COUNTER, "fairlead_rpc_errors_total", "Failed exchanges with the provider", labels);
	m->evictions =
		metric(METRIC_COUNTER, "fairlead_evictions_total", "Transactions that a mempool had lost", labels);
	m->balance = metric(METRIC_GAUGE, "fairlead_balance_wei", "Balance of the account, rounded", labels);
	m->low = metric(METRIC_GAUGE, "fairlead_balance_low", "1 while the balance is below signers.low", labels);
	m->window =
		metric(METRIC_GAUGE, "fairlead_window", "Unmined slots that the mempool is thought to take", labels);
	m->topups = metric(
		METRIC_COUNTER, "fairlead_topups_total", "Times that this key gave another what it lacked", labels);
	m->ready = metric(METRIC_COUNTER, "fairlead_batches_read_total", "Ready batches read", labels);
	free(labels);
}

/* In a call that this lane signs signer.address() is the key that signs it. */
static const uint8_t *address_here(void *arg, const struct signer_decl *d)
{
	const struct sender *s = arg;
	return d == s->signer ? hand_address(s->hand) : s->others->address(s->others->arg, d);
}

struct sender *sender_new(struct member *m, struct seat *seat, const struct signer_decl *signer,
	struct hand *hand, const struct call_scope *names)
{
	struct sender *s = mem_alloc(sizeof *s);
	struct endpoint at;
	s->m = m;
	s->seat = seat;
	s->signer = signer;
	s->chain = signer->chain;
	s->hand = hand;
	s->scope = *names;
	s->scope.arg = s;
	s->scope.address = address_here;
	s->others = names;
	s->names = &s->scope;
	room_init(&s->room, signer->order == ORDER_STRICT ? 1 : signer->window);
	s->final = -1;
	s->window.grace = signer->chain->grace;
	quote_init(s);
	address_to_eip55(s->address, hand_address(hand));
	refusal_open(s);
	s->pool = mem_alloc(signer->nkeys * 20);
	make_meters(s);
	snprintf(s->endpoint, sizeof s->endpoint, "%s",
		endpoint_parse(&at, lane_endpoint(s)->url, NULL) ? at.name : s->chain->name);
	backoff_init(&s->backoff, s->chain->retry.first_ms, s->chain->retry.max_ms, (uint64_t)getpid());
	s->gauges = gauges_new(s);
	return s;
}

void sender_knows(struct sender *s, const uint8_t address[20])
{
	must(s->may.npool < s->signer->nkeys);
	memcpy(s->pool[s->may.npool++], address, 20);
	s->may.pool = (const uint8_t(*)[20])s->pool;
	s->may.pool_value = s->signer->has_float ? s->signer->flt : u256_of(0);
}

void sender_start(struct sender *s)
{
	s->rpc = rpc_open(s->m->loop, lane_endpoint(s)->url, s->chain->timeout_ms);
	outlet_open(s);
	sender_enter(s, LANE_CHECKING);
	sender_drive(s);
}

void sender_close(struct sender *s)
{
	sender_enter(s, LANE_LEFT);
	timer_free(&s->timer);
	gauges_close(s->gauges);
	lane_deaf(s);
	if (s->lease)
		lease_close(s->lease, NULL, NULL);
	outlet_close(s);
	if (s->rpc)
		rpc_close(s->rpc);
	hand_close(s->hand);
	s->lease = NULL;
	s->rpc = NULL;
}

void sender_free(struct sender *s)
{
	for (size_t i = 0; i < sizeof s->controls / sizeof *s->controls; i++)
		free(s->controls[i].data);
	arena_fini(&s->may_mem);
	gauges_free(s->gauges);
	hand_free(s->hand);
	free(s->pool);
	free(s);
}
