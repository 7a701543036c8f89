#include "reconciler/run.h"

#include "common/base/sentence.h"
#include "common/fleet/beat.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "reconciler/reconciler.h"
#include "reconciler/serve/front.h"
#include "reconciler/top.h"
#include "reconciler/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TICK_MS = 1000, HOUSE_MS = 60000 };

static void (*const starts[RECON_KINDS])(struct reconciler *r) = {
	[RECON_LOOK] = settle_look,
	[RECON_SETTLE] = settle_finalise,
	[RECON_ANCHOR] = settle_anchor,
	[RECON_COMPARE] = compare_start,
	[RECON_HOUSE] = settle_house,
};

struct lane *recon_lane(struct reconciler *r)
{
	return lease_lane(r->lease);
}

struct rpc *recon_rpc(struct reconciler *r, struct chain_watch *c)
{
	if (!c->rpc)
		c->rpc = rpc_open(r->m->loop, chain_endpoint(c->decl, ENDPOINT_READ)->url, c->decl->timeout_ms);
	return c->rpc;
}

/* ── what is next ── */

static void drained(struct reconciler *r);

static void hear_on(struct reconciler *r)
{
	for (size_t i = 0; i < r->nchains; i++) {
		struct chain_watch *c = &r->chains[i];
		if (!c->ear_waits || !c->ear)
			continue;
		c->ear_waits = false;
		ear_ready(c->ear, INT64_MAX); /* a work stream: what it told of stands in PostgreSQL by state */
		fault_hit(FAULT_final_after_ack);
	}
}

void recon_drive(struct reconciler *r)
{
	if (!r->working || r->doing != RECON_NONE)
		return;
	if (r->closing) {
		drained(r);
		return;
	}
	for (enum recon_work w = 0; w < RECON_KINDS; w++)
		if (r->want[w]) {
			r->want[w] = false;
			r->doing = w;
			starts[w](r);
			return;
		}
	r->why[0] = 0;
	backoff_ok(&r->backoff); /* only here: one kind that succeeds must not hide another that fails */
	hear_on(r);
}

void recon_want(struct reconciler *r, enum recon_work w)
{
	r->want[w] = true;
	recon_drive(r);
}

static void on_tick(void *arg)
{
	struct reconciler *r = arg;
	timer_start(r->m->loop, &r->tick, TICK_MS, on_tick, r);
	recon_want(r, RECON_LOOK);
}

static void on_house(void *arg)
{
	struct reconciler *r = arg;
	timer_start(r->m->loop, &r->house_timer, HOUSE_MS, on_house, r);
	recon_want(r, RECON_HOUSE);
}

static void on_bell(void *arg, bool rung)
{
	struct chain_watch *c = arg;
	c->ear_waits = true;
	if (rung)
		recon_want(c->of, RECON_LOOK);
	else
		recon_drive(c->of); /* nothing rang: the tick looks anyway; hear on */
}

/* ── the lane ── */

static void begin_term(struct reconciler *r)
{
	for (size_t i = 0; i < r->nchains; i++) {
		struct chain_watch *c = &r->chains[i];
		struct ear_options o = {.what = "results",
			.who = c->decl->name,
			.group = "reconciler",
			.consumer = "clock",
			.block_ms = 5000,
			.on_bell = on_bell,
			.arg = c};
		if (!c->ear)
			c->ear = ear_open(r->m->bus, &o);
	}
	number_begin(&r->number, r->m, r->lease);
	r->rules_loaded = false;
	r->working = true;
	on_tick(r);
	if (!timer_is_on(r->house_timer))
		timer_start(r->m->loop, &r->house_timer, HOUSE_MS / 10, on_house, r);
}

static void end_term(struct reconciler *r)
{
	r->working = false;
	r->why[0] = 0; /* a spare is ready (INV-11) */
	timer_stop(&r->tick);
	timer_stop(&r->house_timer);
	timer_stop(&r->retry_timer);
	for (size_t i = 0; i < r->nchains; i++) {
		if (r->chains[i].ear)
			ear_close(r->chains[i].ear);
		r->chains[i].ear = NULL;
		r->chains[i].ear_waits = false;
	}
	for (int i = 0; i < RECON_KINDS; i++)
		r->want[i] = false;
	compare_drop(r);
	number_end(&r->number);
}

static void on_gain(void *arg, const struct lane *l)
{
	struct reconciler *r = arg;
	(void)l;
	if (r->closing)
		return;
	if (r->doing != RECON_NONE)
		r->off_wanted = true; /* an operation of our last term is still out */
	else
		begin_term(r);
}

static void on_loss(void *arg)
{
	struct reconciler *r = arg;
	if (r->doing != RECON_NONE)
		r->off_wanted = true;
	else
		end_term(r);
}

/* ── operations come back ── */

static bool wanted(struct reconciler *r)
{
	r->doing = RECON_NONE;
	if (!r->off_wanted && !(r->closing && r->compare)) /* a comparison has many steps: the next start's */
		return true;
	r->off_wanted = false;
	end_term(r);
	if (r->closing)
		drained(r);
	else if (lease_held(r->lease))
		begin_term(r);
	return false;
}

static void retry_now(void *arg)
{
	struct reconciler *r = arg;
	r->working = true;
	recon_want(r, RECON_LOOK);
}

void recon_retry(struct reconciler *r, const char *why)
{
	snprintf(r->why, sizeof r->why, "%s", why);
	compare_drop(r);
	if (r->closing) {
		drained(r);
		return;
	}
	r->working = false;
	timer_start(r->m->loop, &r->retry_timer, backoff_fail(&r->backoff), retry_now, r);
}

bool recon_back_rpc(struct reconciler *r)
{
	return wanted(r);
}

bool recon_back(struct reconciler *r, const struct pg_reply *q)
{
	if (!wanted(r))
		return false;
	if (q->outcome == PG_OK)
		return true;
	if (pg_fenced(q)) {
		end_term(r);
		lease_lost(r->lease);
		if (r->closing)
			drained(r);
		return false;
	}
	if (q->outcome == PG_REFUSED)
		log_odd("clock.refused", "PostgreSQL refused a step of the clock; it is tried again",
			F_STR("sqlstate", q->sqlstate), F_STR("reason", q->err.text));
	recon_retry(r, q->err.text);
	return false;
}

/* ── start, drain ── */

static void make_metrics(struct reconciler *r)
{
	r->m_closed =
		metric(METRIC_COUNTER, "fairlead_slots_closed_total", "Slots closed by a final block", NULL);
	r->m_freed = metric(METRIC_COUNTER, "fairlead_items_freed_total",
		"Items that wait again after a failed transaction", NULL);
	r->m_dead = metric(METRIC_COUNTER, "fairlead_items_dead_total", "Items that failed for good", NULL);
	r->m_rung = metric(METRIC_COUNTER, "fairlead_bells_repaired_total", "Lost bells rung again", NULL);
	r->m_differences = metric(
		METRIC_COUNTER, "fairlead_compare_differences_total", "Rows that differed from the chain", NULL);
	r->m_fixed = metric(METRIC_COUNTER, "fairlead_compare_fixed_total", "Rows that a fix: changed", NULL);
}

static bool on_open(void *arg, struct member *m, struct problems *ps)
{
	struct reconciler *r = arg;
	struct err e = {0};
	*r = (struct reconciler){.m = m, .doing = RECON_NONE};
	if (m->options.serve_only && !m->config->serve.nlisten) {
		fprintf(stderr,
			"fairlead-reconciler: --serve-only, and the file serves nothing; give serve: its listen:\n");
		return false;
	}
	r->front = front_open(m, ps, &e);
	if (e.text[0])
		fprintf(stderr, "fairlead-reconciler: %s\n", e.text);
	return r->front || !m->config->serve.nlisten;
}

static void on_start(void *arg, struct member *m)
{
	struct reconciler *r = arg;
	const struct config *c = m->config;
	front_start(r->front);
	if (m->options.serve_only) /* no lane, no clock */
		return;
	r->nchains = c->nchains;
	r->npools = c->nsigners;
	backoff_init(&r->backoff, 200, 10000, (uint64_t)getpid());
	make_metrics(r);
	r->chains = mem_alloc((c->nchains + 1) * sizeof *r->chains);
	for (size_t i = 0; i < c->nchains; i++)
		r->chains[i] = (struct chain_watch){.of = r, .decl = &c->chains[i], .unanchored = -1};
	r->pools = mem_alloc((c->nsigners + 1) * sizeof *r->pools);
	for (size_t i = 0; i < c->nsigners; i++)
		r->pools[i].decl = &c->signers[i];
	r->rules = mem_alloc((c->nrules + 1) * sizeof *r->rules);
	for (size_t i = 0; i < c->nrules; i++)
		if (c->rules[i].every_ms > 0 && c->rules[i].compare && !c->rules[i].off)
			r->rules[r->nrules++] =
				(struct clock_rule){.decl = &c->rules[i], .due = {.every_ms = c->rules[i].every_ms}};
	struct lease_events ev = {.on_gain = on_gain, .on_loss = on_loss, .arg = r};
	r->lease = lease_open(m, "clock", &ev);
}

static void one_ended(void *arg)
{
	struct reconciler *r = arg;
	if (--r->open == 0)
		member_drained(r->m);
}

static void on_left(void *arg)
{
	struct reconciler *r = arg;
	r->lease = NULL;
	one_ended(r);
}

static void drained(struct reconciler *r)
{
	end_term(r);
	lease_close(r->lease, on_left, r);
}

/* How long PostgreSQL was away is kept for the page, once it can be written. */
static void on_pg(void *arg, bool up)
{
	struct reconciler *r = arg;
	if (!up) {
		r->pg_down_at = r->pg_down_at ? r->pg_down_at : clock_wall_ms();
	} else if (r->pg_down_at) {
		r->stuck_at = r->pg_down_at;
		r->stuck_ms = clock_wall_ms() - r->pg_down_at;
		r->pg_down_at = 0;
	}
}

static void on_drain(void *arg)
{
	struct reconciler *r = arg;
	r->closing = true;
	r->open = !r->m->options.serve_only + (r->front != NULL); /* the lane, the front door */
	if (r->front)
		front_drain(r->front, one_ended, r);
	if (r->m->options.serve_only)
		return;
	if (r->doing == RECON_NONE) {
		drained(r);
		return;
	}
	for (size_t i = 0; i < r->nchains; i++) { /* a node that does not answer is not waited for (P19) */
		if (r->chains[i].rpc)
			rpc_close(r->chains[i].rpc);
		r->chains[i].rpc = NULL;
	}
}

static void on_end(void *arg)
{
	struct reconciler *r = arg;
	for (size_t i = 0; i < r->nchains; i++)
		if (r->chains[i].rpc)
			rpc_close(r->chains[i].rpc);
	front_close(r->front);
	compare_drop(r);
	timer_free(&r->tick);
	timer_free(&r->retry_timer);
	timer_free(&r->house_timer);
	free(r->chains);
	free(r->pools);
	free(r->rules);
}

static void on_wish(void *arg, const char *kind, const char *subject)
{
	struct reconciler *r = arg;
	(void)subject;
	if (!*kind || text_is(kind, "job"))
		front_jobs(r->front);
	if (text_is(kind, "run")) /* whatever else is missed the tick finds */
		recon_want(r, RECON_LOOK);
}

static void reasons(void *arg, struct buf *out)
{
	const struct reconciler *r = arg;
	if (r->lease)
		lease_reasons(r->lease, out);
	front_reasons(r->front, out);
	if (r->why[0])
		buf_printf(out, "the clock waits: %s\n", r->why);
}

static void beat(void *arg, struct beat *b)
{
	const struct reconciler *r = arg;
	struct buf why = {0};
	if (b->away) {
		reason_code(&why, r->front ? "wait_pg_serves" : "wait_pg");
		reason_int(&why, "since", b->away_since);
	} else {
		reason_code(&why, r->m->options.serve_only           ? "serves"
						  : r->why[0]                        ? "clock_waits"
						  : r->lease && lease_held(r->lease) ? "clock"
															 : "standby");
		reason_text(&why, "text", r->why);
	}
	beat_doing(b, &why);
	buf_fini(&why);
}

static void status(void *arg, struct buf *out)
{
	const struct reconciler *r = arg;
	buf_printf(out, "\"leader\":%s,\"clocks\":[", r->lease && lease_held(r->lease) ? "true" : "false");
	for (size_t i = 0; i < r->nrules; i++)
		buf_printf(out, "%s{\"rule\":\"%s\",\"differences\":%lld}", i ? "," : "", r->rules[i].decl->name,
			(long long)r->rules[i].differences);
	buf_text(out, "],");
}

int reconciler_main(int argc, char **argv)
{
	static struct reconciler r;
	static const struct option_decl extra[] = {
		{.flag = "--top",
			.group = OPTION_LOOK,
			.text = "the live screen of the whole fleet; with --once: printed once"},
		{.flag = "--verify",
			.value = "[SIGNER]",
			.group = OPTION_LOOK,
			.text = "is what was signed and refused as it was written? exit 1: no"},
		{.flag = "--once", .group = OPTION_LOOK, .text = "with --top: plain text, then the end"},
		{.flag = "--serve-only",
			.group = OPTION_RUN,
			.text = "the gateway: only the front door, with a role of fairlead_gateway"},
		{0},
	};
	static const struct member_program p = {
		.decl = {.name = "fairlead-reconciler",
			.what = "proves, compares, repairs and finalises; and shows the whole fleet",
			.extra = extra},
		.short_name = "reconciler",
		.arg = &r,
		.on_open = on_open,
		.on_start = on_start,
		.on_pg = on_pg,
		.on_wish = on_wish,
		.on_drain = on_drain,
		.reasons = reasons,
		.status = status,
		.beat = beat,
		.on_end = on_end,
		.serves = true,
		.top = top_main,
		.command = verify_main,
	};
	return member_main(&p, argc, argv);
}
