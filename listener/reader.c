#include "listener/reader.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCKS_AT_ONCE = 64 };

/* The one place that changes the phase. */
void reader_enter(struct reader *r, enum reader_phase phase)
{
	r->phase = phase;
	if (phase == READER_OFF)
		r->why[0] = 0; /* a spare is ready */
	if (phase == READER_IDLE) {
		arena_reset(&r->mem);
		r->headers = NULL;
		r->logs = NULL;
		r->nheaders = r->nlogs = 0;
		r->asked_again = false;
	}
}

bool reader_back(struct reader *r)
{
	r->in_flight = false;
	if (!r->off_wanted)
		return true;
	r->off_wanted = false;
	reader_enter(r, READER_IDLE); /* frees the step */
	reader_enter(r, READER_OFF);
	if (!r->closing && lease_held(r->lease))
		store_load(r);
	return false;
}

static void retry_now(void *arg)
{
	struct reader *r = arg;
	if (r->phase == READER_RETRY || r->phase == READER_HALTED)
		store_load(r);
}

/* INV-11: tried again for ever, with growing gaps, and /readyz says why. */
void reader_retry(struct reader *r, const char *why)
{
	if (why != r->why)
		snprintf(r->why, sizeof r->why, "%s", why);
	reader_enter(r, READER_RETRY);
	timer_start(r->m->loop, &r->timer, backoff_fail(&r->backoff), retry_now, r);
}

static bool is_alarm(const struct retry_decl *d, uint32_t n)
{
	for (size_t i = 0; i < d->nalarm; i++)
		if (d->alarm[i] == n)
			return true;
	return false;
}

void reader_provider_error(struct reader *r, const struct err *e)
{
	r->failures++;
	r->rpc_ok = false;
	metric_add(r->m_failures, 1);
	snprintf(r->why, sizeof r->why, "Provider error: %s", e->text);
	if (r->failures == 1 || is_alarm(&r->chain->retry, r->failures))
		log_odd("provider.error", "Provider error; asking again with growing gaps",
			F_STR("chain", r->chain->name), F_URL("endpoint", rpc_url(r->rpc)),
			F_UINT("failures", r->failures), F_STR("reason", e->text));
	else
		log_debug(
			"provider.error", "Provider error", F_STR("chain", r->chain->name), F_STR("reason", e->text));
	store_state(r);
	reader_retry(r, r->why);
}

void reader_halt(struct reader *r, const char *fmt, ...)
{
	char why[sizeof r->why]; /* an argument may be r->why itself */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	memcpy(r->why, why, sizeof why);
	reader_enter(r, READER_HALTED);
	if (strcmp(r->halted_for, r->why) != 0)
		log_odd("chain.halted", r->why, F_STR("chain", r->chain->name));
	memcpy(r->halted_for, r->why, sizeof r->why);
	timer_start(r->m->loop, &r->timer, backoff_fail(&r->backoff), retry_now, r);
}

/* What failed has succeeded, or there is nothing to do any more. */
static void all_well(struct reader *r)
{
	r->why[0] = r->halted_for[0] = 0;
}

/* The head stands where the cursor stands, but it came with another hash than ours (R5). */
static bool other_branch(const struct reader *r)
{
	const struct heads_state *h = r->heads ? heads_state(r->heads) : NULL;
	const struct window_block *top = window_top(&r->window);
	return h && top && h->has_hash && (int64_t)h->head == top->number && memcmp(h->hash, top->hash, 32) != 0;
}

void reader_rest(struct reader *r)
{
	reader_enter(r, READER_IDLE);
	if (r->head >= r->row.done && !other_branch(r))
		reader_drive(r); /* else a newer head will wake us */
}

/* The next thing to do, when nothing is in flight. */
void reader_drive(struct reader *r)
{
	if (r->phase != READER_IDLE || r->in_flight)
		return;
	struct plan_view v = {.done = r->row.done,
		.head_known = r->head >= 0,
		.head = r->head,
		.seen = (int64_t)r->chain->seen,
		.window = final_window(r->chain),
		.range = r->range.now,
		.blocks = r->blocks.now};
	r->step = plan_next(&v);
	if (r->step.step == PLAN_BACK && !window_top(&r->window))
		r->step.step = PLAN_WAIT; /* the chain has not come to the first block that is asked for */
	switch (r->step.step) {
	case PLAN_WAIT:
		if (other_branch(r)) {
			reorg_suspect(r);
			break;
		}
		all_well(r);
		if (r->head >= 0 && !r->caught_up) {
			r->caught_up = true;
			log_info("caught_up", "Caught up with the chain; live from here", F_STR("chain", r->chain->name),
				F_INT("block", r->row.done));
		}
		store_state(r);
		break;
	case PLAN_BLOCKS:
		if (r->step.live && heads_state(r->heads)->has_hash &&
			(int64_t)heads_state(r->heads)->head == r->step.from && r->ask.n > 0)
			fetch_live(r, heads_state(r->heads)->hash);
		else
			fetch_headers(r);
		break;
	case PLAN_RANGE: fetch_range(r); break;
	case PLAN_BACK: reorg_suspect(r); break;
	}
}

/* ── heads ── */

static void on_head(void *arg, uint64_t number)
{
	struct reader *r = arg;
	r->head = (int64_t)number;
	metric_set(r->m_head, (double)number);
	bool idle = r->phase == READER_IDLE && !r->in_flight;
	if (idle && r->head == r->row.done && window_top(&r->window) && !heads_state(r->heads)->has_hash)
		reorg_check(r); /* a poll tells no hash */
	else
		reader_drive(r);
}

static void on_heads_state(void *arg, const struct heads_state *s)
{
	struct reader *r = arg;
	(void)s;
	if (lease_held(r->lease) && !r->closing)
		store_state(r);
}

static void open_heads(struct reader *r)
{
	const struct chain_decl *c = r->chain;
	struct heads_options o = {.rpc = r->rpc,
		.ws_url = chain_endpoint(c, ENDPOINT_READ)->ws,
		.poll_ms = c->poll_ms,
		.silent_ms = c->silent_ms,
		.reconnect_first_ms = c->reconnect.first_ms,
		.reconnect_max_ms = c->reconnect.max_ms,
		.reconnect_alarm = c->reconnect.nalarm ? c->reconnect.alarm[c->reconnect.nalarm - 1] : 0,
		.name = c->name};
	struct heads_events ev = {.on_head = on_head, .on_state = on_heads_state, .arg = r};
	r->heads = heads_open(r->m->loop, &o, &ev);
}

/* ── the lane ── */

static void on_gain(void *arg, const struct lane *l)
{
	struct reader *r = arg;
	(void)l;
	if (!r->in_flight && !r->closing)
		store_load(r);
	else
		r->off_wanted = true; /* an operation of our last term is still out; load when it is back */
}

static void on_loss(void *arg)
{
	struct reader *r = arg;
	if (r->closing)
		return; /* reader_drain has done the same already, and its timer waits for what is in flight */
	timer_stop(&r->timer);
	if (r->heads) {
		heads_close(r->heads);
		r->heads = NULL;
	}
	r->head = -1;
	r->caught_up = false;
	if (r->in_flight) {
		r->off_wanted = true;
		return;
	}
	reader_enter(r, READER_IDLE);
	reader_enter(r, READER_OFF);
}

/* fetch_ident has shown the right chain: heads may wake us now. */
static void start_block(struct reader *r, const struct config *c)
{
	r->start = INT64_MAX;
	for (size_t i = 0; i < c->ncontracts; i++) {
		const struct contract_decl *k = &c->contracts[i];
		if (k->chain != r->chain)
			continue;
		if (k->start_latest)
			r->start_latest = true;
		else if ((int64_t)k->start < r->start)
			r->start = (int64_t)k->start;
	}
	if (r->start != INT64_MAX)
		r->start_latest =
			false; /* one contract wants history: its blocks are read, the others' logs with them */
	else
		r->start = 0;
}

static void make_metrics(struct reader *r)
{
	char labels[80];
	snprintf(labels, sizeof labels, "chain=\"%s\"", r->chain->name);
	r->m_events = metric(METRIC_COUNTER, "fairlead_events_total", "Events written", labels);
	r->m_blocks = metric(METRIC_COUNTER, "fairlead_blocks_total", "Blocks read and committed", labels);
	r->m_head = metric(METRIC_GAUGE, "fairlead_chain_head", "Newest block that the endpoint showed", labels);
	r->m_done = metric(METRIC_GAUGE, "fairlead_chain_done", "Last block whose events are committed", labels);
	r->m_failures =
		metric(METRIC_COUNTER, "fairlead_provider_errors_total", "Requests that the endpoint failed", labels);
	r->m_reorgs = metric(METRIC_COUNTER, "fairlead_reorgs_total", "Reorgs committed", labels);
}

struct reader *reader_open(struct member *m, const struct chain_decl *c)
{
	struct reader *r = mem_alloc(sizeof *r);
	*r = (struct reader){.m = m, .chain = c, .head = -1, .floor = -1, .told = {.head = -2}};
	backoff_init(&r->backoff, c->retry.first_ms, c->retry.max_ms, (uint64_t)getpid());
	range_init(&r->range, (int64_t)c->range);
	range_init(&r->blocks, BLOCKS_AT_ONCE < c->range ? BLOCKS_AT_ONCE : (int64_t)c->range);
	window_init(&r->window, (size_t)final_window(c) + 2);
	filter_init(&r->filter, m->config, c);
	filter_plan_make(&r->ask, &r->filter, FILTER_CAP_DEFAULT, 1);
	rows_init(&r->rows, &r->filter);
	start_block(r, m->config);
	make_metrics(r);
	r->rpc = rpc_open(m->loop, chain_endpoint(c, ENDPOINT_READ)->url, c->timeout_ms);
	char lane[LANE_NAME];
	snprintf(lane, sizeof lane, "listen:%s", c->name);
	struct lease_events ev = {.on_gain = on_gain, .on_loss = on_loss, .arg = r};
	r->lease = lease_open(m, lane, &ev);
	return r;
}

void reader_identified(struct reader *r)
{
	if (!r->heads)
		open_heads(r);
	else
		heads_poll_now(r->heads);
	if (window_top(&r->window)) {
		reorg_check(r); /* what happened while nobody looked */
		return;
	}
	reader_enter(r, READER_IDLE);
	reader_drive(r);
}

/* ── end ── */

struct closing {
	struct reader *r;
	void (*done)(void *arg);
	void *arg;
};

static void on_left(void *arg)
{
	struct closing *c = arg;
	struct reader *r = c->r;
	void (*done)(void *) = c->done;
	void *done_arg = c->arg;
	window_fini(&r->window);
	rows_end(&r->rows);
	filter_plan_fini(&r->ask);
	filter_fini(&r->filter);
	arena_fini(&r->mem);
	timer_free(&r->timer);
	free(r);
	free(c);
	done(done_arg);
}

static void leave_when_quiet(void *arg)
{
	struct closing *c = arg;
	if (c->r->in_flight ||
		c->r->states_out > 0) { /* a commit on its way is waited for; fleet.drain bounds it */
		timer_start(c->r->m->loop, &c->r->timer, 10, leave_when_quiet, c);
		return;
	}
	timer_stop(&c->r->timer);
	lease_close(c->r->lease, on_left, c);
}

void reader_drain(struct reader *r, void (*done)(void *arg), void *arg)
{
	struct closing *c = mem_alloc(sizeof *c);
	*c = (struct closing){r, done, arg};
	r->closing = true;
	timer_stop(&r->timer);
	if (r->heads) {
		heads_close(r->heads);
		r->heads = NULL;
	}
	rpc_close(r->rpc); /* a commit is waited for, a node's answer is not (P19): it comes now, as an error */
	r->rpc = NULL;
	if (r->in_flight)
		r->off_wanted = true;
	leave_when_quiet(c);
}

/* ── what people and supervisors ask ── */

static const char *phase_name(enum reader_phase p)
{
	static const char *const names[] = {
		[READER_OFF] = "spare",
		[READER_LOAD] = "loading",
		[READER_IDENT] = "asking which chain it is",
		[READER_IDLE] = "at the head",
		[READER_HEADERS] = "reading",
		[READER_LIVE] = "reading",
		[READER_LOGS] = "reading",
		[READER_RANGE] = "catching up",
		[READER_TIMES] = "catching up",
		[READER_COMMIT] = "writing",
		[READER_HASHES] = "checking for a reorg",
		[READER_RETRACT] = "taking back",
		[READER_RETRY] = "waiting",
		[READER_HALTED] = "halted",
	};
	return names[p];
}

void reader_pg_up(struct reader *r)
{
	store_state(r); /* what could not be told while it was away */
}

void reader_reasons(const struct reader *r, struct buf *out)
{
	if (r->phase == READER_OFF)
		lease_reasons(r->lease, out); /* a spare is ready to take over */
	else if (r->why[0])
		buf_printf(out, "chain %s: %s\n", r->chain->name, r->why);
	else if (r->head < 0)
		buf_printf(out, "chain %s: no head has been heard yet\n", r->chain->name);
	else if (!r->caught_up)
		buf_printf(
			out, "chain %s: catching up, %" PRId64 " blocks behind\n", r->chain->name, r->head - r->row.done);
	else if (r->heads && heads_silent_ms(r->heads) > 0)
		buf_printf(out, "chain %s: the node has not answered for %" PRIu64 " s\n", r->chain->name,
			heads_silent_ms(r->heads) / 1000);
	else if (r->heads && heads_state(r->heads)->failures > 0)
		buf_printf(out, "chain %s: Provider error, %u polls in a row failed\n", r->chain->name,
			heads_state(r->heads)->failures);
}

void reader_status(const struct reader *r, struct buf *out)
{
	buf_text(out, "{\"chain\":");
	buf_json(out, str_of(r->chain->name));
	buf_printf(out,
		",\"phase\":\"%s\",\"leader\":%s,\"head\":%" PRId64 ",\"done\":%" PRId64 ",\"final\":%" PRId64
		",\"seq\":%" PRId64 ",\"caught_up\":%s,\"websocket\":%s,\"reconnects\":%u}",
		phase_name(r->phase), lease_held(r->lease) ? "true" : "false", r->head, r->row.done, r->final.number,
		r->at, r->caught_up ? "true" : "false", r->heads && heads_state(r->heads)->ws_up ? "true" : "false",
		r->heads ? heads_state(r->heads)->reconnects : 0);
}
