#include "batcher/applier.h"

#include "common/base/sentence.h"
#include "common/fleet/beat.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/messages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	MINUTE_MS = 60000,
	LOOK_MS = 1000, /* between two looks, whatever rings */
};

static void (*const starts[WORK_KINDS])(struct applier *a) = {
	[WORK_FILES] = work_files,
	[WORK_HAPPEN] = work_happen,
	[WORK_APPLY] = work_apply,
	[WORK_BURY] = work_bury,
	[WORK_FINAL] = work_final,
	[WORK_HISTORY] = work_history,
	[WORK_UNPARK] = work_unpark,
	[WORK_RELEASE] = work_release,
	[WORK_UNBATCH] = work_unbatch,
	[WORK_CUT] = work_cut,
	[WORK_LOOK] = work_look,
	[WORK_REPLAY] = work_replay,
};

static void stop_hearing(struct applier *a)
{
	if (a->ear)
		ear_close(a->ear);
	a->ear = NULL;
	a->ear_waits = false;
}

static void go_off(struct applier *a)
{
	a->phase = APPLIER_OFF;
	stop_hearing(a);
	timer_stop(&a->timer);
	timer_stop(&a->retry_timer);
	timer_stop(&a->minute_timer);
	for (int i = 0; i < WORK_KINDS; i++)
		a->want[i] = false;
	for (size_t i = 0; i < a->ncutters; i++)
		a->cutters[i].flush = false; /* whoever has the lane reads what is wished */
}

/* ── timers of the batches ── */

static void on_due(void *arg)
{
	struct applier *a = arg;
	applier_want(a, WORK_CUT);
}

/* The next moment at which a batch has to be cut by time alone. */
static void arm(struct applier *a)
{
	int64_t soonest = -1;
	for (size_t i = 0; i < a->ncutters; i++) {
		struct cut c;
		if (cutter_due(a, &a->cutters[i], &c)) {
			soonest = 0;
			break;
		}
		if (c.in_ms >= 0 && (soonest < 0 || c.in_ms < soonest))
			soonest = c.in_ms;
	}
	if (soonest >= 0)
		timer_start(a->m->loop, &a->timer, (uint64_t)soonest, on_due, a);
	else
		timer_stop(&a->timer);
}

/* ── what is next ── */

static void drained(struct applier *a);
static void begin_term(struct applier *a);

static void enter_idle(struct applier *a)
{
	a->phase = APPLIER_IDLE;
	a->doing = WORK_NONE;
	a->why[0] = 0;
	backoff_ok(&a->backoff); /* only here: one kind that succeeds must not hide another that is refused */
	if (a->closing) {
		drained(a);
		return;
	}
	arm(a);
	if (a->ear_waits && a->ear) {
		a->ear_waits = false;
		fault_hit(FAULT_apply_before_ack);
		ear_ready(a->ear, a->at); /* INV-1: what is acknowledged is committed */
		fault_hit(FAULT_apply_after_ack);
	}
}

void applier_drive(struct applier *a)
{
	if (a->phase != APPLIER_IDLE && a->phase != APPLIER_BUSY)
		return;
	if (a->phase == APPLIER_BUSY && a->doing != WORK_NONE)
		return;
	for (enum applier_work w = 0; w < WORK_KINDS; w++)
		if (a->want[w] && (!a->closing || w == WORK_CUT)) { /* K-23: a backlog is not begun any more */
			a->want[w] = false;
			a->phase = APPLIER_BUSY;
			a->doing = w;
			arena_reset(&a->mem);
			starts[w](a);
			return;
		}
	enter_idle(a);
}

void applier_want(struct applier *a, enum applier_work w)
{
	a->want[w] = true;
	if (a->phase == APPLIER_IDLE && !a->closing)
		applier_drive(a);
}

static void all_again(struct applier *a)
{
	a->unpark_behind = 0;
	a->tail = true;
	a->want[WORK_LOOK] = a->want[WORK_APPLY] = a->want[WORK_UNPARK] = true;
	a->want[WORK_FINAL] = rules_has_final(a->m->config, a->chain->name);
	a->want[WORK_HAPPEN] = rules_has_happen(a->m->config, a->chain->name);
	a->want[WORK_FILES] = a->nreloads > 0;
	a->want[WORK_CUT] = a->want[WORK_RELEASE] = a->ncutters > 0;
	for (size_t i = 0; i < a->ncutters; i++)
		a->cutters[i].wanted = a->cutters[i].release_wanted = true;
	for (size_t i = 0; i < a->ncutters; i++)
		a->cutters[i].release_behind = 0;
}

static void retry_now(void *arg)
{
	struct applier *a = arg;
	if (a->phase != APPLIER_RETRY)
		return;
	a->phase = APPLIER_IDLE;
	all_again(a);
	applier_drive(a);
}

/* INV-11: tried again for ever, with growing gaps, and /readyz says why. */
void applier_retry(struct applier *a, const char *why)
{
	snprintf(a->why, sizeof a->why, "%s", why);
	if (a->closing) {
		a->phase = APPLIER_IDLE;
		a->doing = WORK_NONE;
		drained(a); /* what was not done is in PostgreSQL and goes on at the next start */
		return;
	}
	a->phase = APPLIER_RETRY;
	a->doing = WORK_NONE;
	timer_start(a->m->loop, &a->retry_timer, backoff_fail(&a->backoff), retry_now, a);
}

void applier_failed(struct applier *a)
{
	applier_retry(a, "a fault was asked for");
}

bool applier_back(struct applier *a, const struct pg_reply *r)
{
	a->doing = WORK_NONE;
	if (a->off_wanted) {
		a->off_wanted = false;
		go_off(a);
		if (lease_held(a->lease) && !a->closing) {
			begin_term(a);
		} else if (a->closing) {
			drained(a);
		}
		return false;
	}
	if (r->outcome == PG_OK)
		return true;
	if (pg_fenced(r)) {
		go_off(a);
		lease_lost(a->lease);
		if (a->closing)
			drained(a);
		return false;
	}
	if (r->outcome == PG_REFUSED)
		log_odd("lane.stopped",
			"PostgreSQL refused a step of the rules; nothing is skipped, it is tried again",
			F_STR("chain", a->chain->name), F_STR("sqlstate", r->sqlstate), F_STR("reason", r->err.text));
	applier_retry(a, r->err.text);
	return false;
}

/* ── bells, lease ── */

static void on_bell(void *arg, bool rung)
{
	struct applier *a = arg;
	a->ear_waits = true;
	if (a->phase == APPLIER_OFF || a->phase == APPLIER_RETRY || a->closing) {
		a->ear_waits = false;
		ear_ready(
			a->ear, a->phase == APPLIER_RETRY ? a->at : 0); /* nothing is acknowledged that is not applied */
		return;
	}
	a->want[rung ? WORK_APPLY : WORK_LOOK] = true;
	if (loop_now_ms(a->m->loop) - a->looked_ms >= LOOK_MS)
		a->want[WORK_LOOK] = true; /* some logs never rest for as long as a bell is waited for */
	a->tail = !rung;               /* nothing has rung for a while: whatever there is will not get cheaper */
	a->want[WORK_HISTORY] |= a->history > 0;
	if (a->phase == APPLIER_IDLE)
		applier_drive(a);
}

static void on_minute(void *arg)
{
	struct applier *a = arg;
	timer_start(a->m->loop, &a->minute_timer, MINUTE_MS, on_minute, a);
	for (size_t i = 0; i < a->ncutters; i++)
		a->cutters[i].release_wanted = true;
	a->want[WORK_RELEASE] = a->ncutters > 0;
	applier_want(a, WORK_UNPARK);
}

void applier_wish(struct applier *a, const char *kind, const char *batch)
{
	if (a->phase == APPLIER_OFF || a->closing)
		return;
	if (!*kind || text_is(kind, "replay"))
		applier_want(a, WORK_LOOK);
	for (size_t i = 0; i < a->ncutters; i++) {
		struct cutter *k = &a->cutters[i];
		if (!text_is(k->decl->name, batch))
			continue;
		k->wanted = true;
		k->flush |= text_is(kind, "flush");
		applier_want(a, WORK_CUT);
	}
}

/* Only the holder of the lane hears: the consumer is the lane, so a spare's reading would take its bells
 * away. */
static void hear(struct applier *a)
{
	struct ear_options o = {.what = "events",
		.who = a->chain->name,
		.group = "batcher",
		.consumer = lease_lane(a->lease)->name,
		.on_bell = on_bell,
		.arg = a};
	if (!a->ear)
		a->ear = ear_open(a->m->bus, &o);
}

static void begin_term(struct applier *a)
{
	hear(a);
	timer_start(a->m->loop, &a->minute_timer, MINUTE_MS, on_minute, a);
	for (size_t i = 0; i < a->nreloads; i++)
		a->reloads[i].loaded = false; /* the last holder may have read an older file */
	a->phase = APPLIER_IDLE;
	all_again(a);
	applier_drive(a);
}

static void on_gain(void *arg, const struct lane *l)
{
	struct applier *a = arg;
	a->at = l->at;
	a->grace_block =
		-1; /* what the last holder left to take out is found by a look, and has its grace (S3) */
	if (a->closing)
		return;
	if (a->phase == APPLIER_BUSY) {
		a->off_wanted = true;
		return;
	}
	begin_term(a);
}

static void on_loss(void *arg)
{
	struct applier *a = arg;
	if (a->phase == APPLIER_BUSY && a->doing != WORK_NONE)
		a->off_wanted = true;
	else
		go_off(a);
}

/* ── open, drain ── */

static void make_metrics(struct applier *a)
{
	char labels[80];
	snprintf(labels, sizeof labels, "chain=\"%s\"", a->chain->name);
	a->m_events = metric(
		METRIC_COUNTER, "fairlead_applied_events_total", "Events that the rules were applied to", labels);
	a->m_items = metric(METRIC_COUNTER, "fairlead_items_total", "Items made, revived or adopted", labels);
	a->m_batches = metric(METRIC_COUNTER, "fairlead_batches_total", "Batches cut", labels);
	a->m_parked = metric(METRIC_COUNTER, "fairlead_items_parked_total", "Items parked", labels);
	a->m_dead = metric(METRIC_COUNTER, "fairlead_events_dead_total", "Poison events put aside", labels);
	a->m_at = metric(METRIC_GAUGE, "fairlead_applied_seq", "Number applied last", labels);
	a->m_file_errors = metric(
		METRIC_COUNTER, "fairlead_file_errors_total", "Reloads of look-up files that were refused", NULL);
}

static void open_cutters(struct applier *a)
{
	const struct config *c = a->m->config;
	a->cutters = mem_alloc((c->nbatches + 1) * sizeof *a->cutters);
	for (size_t i = 0; i < c->nbatches; i++)
		if (c->batches[i].signer->chain == a->chain)
			a->cutters[a->ncutters++].decl = &c->batches[i];
}

struct applier *applier_open(struct member *m, const struct chain_decl *c, bool with_files)
{
	struct applier *a = mem_alloc(sizeof *a);
	*a = (struct applier){.m = m, .chain = c, .grace_block = -1, .doing = WORK_NONE, .final_seen = -1};
	a->publishes = messages_of_rules(m->config, c->name);
	backoff_init(&a->backoff, 200, 10000, (uint64_t)getpid());
	make_metrics(a);
	open_cutters(a);
	if (with_files && !reload_open(a)) {
		member_end(m, 78);
		return a;
	}
	char lane[LANE_NAME];
	snprintf(lane, sizeof lane, "apply:%s", c->name);
	struct lease_events ev = {.on_gain = on_gain, .on_loss = on_loss, .arg = a};
	a->lease = lease_open(m, lane, &ev);
	return a;
}

static void applier_free(struct applier *a)
{
	reload_close(a);
	timer_free(&a->timer);
	timer_free(&a->retry_timer);
	timer_free(&a->minute_timer);
	arena_fini(&a->mem);
	free(a->cutters);
	free(a);
}

static void on_left(void *arg)
{
	struct applier *a = arg;
	void (*done)(void *) = a->on_drained;
	void *done_arg = a->drained_arg;
	applier_free(a);
	done(done_arg);
}

static void drained(struct applier *a)
{
	timer_stop(&a->timer);
	timer_stop(&a->retry_timer);
	timer_stop(&a->minute_timer);
	stop_hearing(a);
	lease_close(a->lease, on_left, a);
}

/* K-23..25: takes no more events; what waits is cut now, so that the submitter has it, or stays in
 * PostgreSQL. */
void applier_drain(struct applier *a, void (*done)(void *arg), void *arg)
{
	a->closing = true;
	a->on_drained = done;
	a->drained_arg = arg;
	for (int i = 0; i < WORK_KINDS; i++)
		a->want[i] = false;
	if (!a->lease) {
		on_left(a);
		return;
	}
	a->want[WORK_CUT] = a->ncutters > 0 && lease_held(a->lease);
	for (size_t i = 0; i < a->ncutters; i++)
		a->cutters[i].wanted = a->cutters[i].flush = true;
	if (a->phase == APPLIER_BUSY)
		return; /* the unit in flight comes back to applier_drive */
	if (a->phase == APPLIER_IDLE)
		applier_drive(a);
	else
		drained(a);
}

/* ── what people and supervisors ask ── */

void applier_reasons(const struct applier *a, struct buf *out)
{
	if (a->phase == APPLIER_OFF && a->lease)
		lease_reasons(a->lease, out);
	else if (a->phase == APPLIER_RETRY)
		buf_printf(out, "chain %s: the rules wait: %s\n", a->chain->name, a->why);
}

void applier_beat(const struct applier *a, struct beat *b)
{
	struct buf why = {0};
	int64_t waiting = 0;
	for (size_t i = 0; i < a->ncutters; i++)
		waiting += a->cutters[i].waits.waiting;
	if (b->away) {
		reason_code(&why, "wait_pg");
		reason_int(&why, "since", b->away_since);
	} else if (a->phase == APPLIER_OFF) {
		reason_code(&why, "standby");
	} else if (a->phase == APPLIER_RETRY) {
		reason_code(&why, "clock_waits");
		reason_text(&why, "text", a->why);
	} else {
		reason_code(&why, waiting ? "applies" : "idle");
		if (waiting)
			reason_int(&why, "waiting", waiting);
	}
	if (a->phase != APPLIER_OFF)
		b->holds += waiting;
	beat_doing(b, &why);
	buf_fini(&why);
}

void applier_status(const struct applier *a, struct buf *out)
{
	static const char *const phases[] = {"spare", "idle", "working", "waiting"};
	buf_text(out, "{\"chain\":");
	buf_json(out, str_of(a->chain->name));
	buf_printf(out, ",\"phase\":\"%s\",\"leader\":%s,\"applied\":%" PRId64 ",\"batches\":[", phases[a->phase],
		a->lease && lease_held(a->lease) ? "true" : "false", a->at);
	for (size_t i = 0; i < a->ncutters; i++)
		buf_printf(out, "%s{\"batch\":\"%s\",\"waiting\":%" PRId64 "}", i ? "," : "",
			a->cutters[i].decl->name, a->cutters[i].waits.waiting);
	buf_text(out, "]}");
}
