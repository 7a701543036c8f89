#include "listener/fetch.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BLOCKS_AT_ONCE = 64,
	LOGS_FILTER_MOST = 16384,
	LESSONS_MS = 1000,
	LOOK_AGAIN_MS = 200,
	CHECKS_IN_A_ROW = 4,
	AGAIN_MOST = 2,
	TOO_OFTEN_MOST = 4 /* refusals for the rate in a row: then it is not merely slow */
};

/* The one place that changes the phase. */
void reader_enter(struct reader *r, enum reader_phase phase)
{
	r->phase = phase;
	if (phase != READER_LIVE && phase != READER_COMMIT)
		ahead_undo(r);
	if (phase == READER_OFF)
		r->why[0] = 0; /* a spare is ready */
	if (phase == READER_IDLE) {
		arena_reset(&r->mem);
		r->headers = NULL;
		r->calls = NULL;
		r->logs = NULL;
		r->nheaders = r->nlogs = 0;
		r->asked_again = false;
		r->unsure = 0;
		prove_forget(&r->prove);
		filter_trial_undo(&r->filter, &r->trial);
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

bool reader_asks_again(struct reader *r)
{
	return r->unsure++ < AGAIN_MOST;
}

static void may_begin(struct reader *r);

static void go_on(void *arg)
{
	struct reader *r = arg;
	if (r->phase == READER_RETRY || r->phase == READER_HALTED) {
		store_load(r);
	} else if (r->phase == READER_PAUSE) {
		reader_again(r);
	}
}

/* The step is kept: to begin it again would spend once more what its next question waits for. */
static bool went_on(struct reader *r)
{
	bool waited = r->phase == READER_PAUSE && r->goes_on;
	r->goes_on = false;
	if (waited && r->paused == READER_LOGS)
		fetch_logs(r);
	else if (waited && r->paused == READER_HASHES)
		reorg_go_on(r);
	else
		return false;
	return true;
}

/* A chain that was never read has no cursor to go on from before it is known where it begins. */
void reader_again(struct reader *r)
{
	if (went_on(r))
		return;
	bool first = r->phase == READER_FIRST || (r->phase == READER_PAUSE && r->paused == READER_FIRST);
	reader_enter(r, first ? READER_IDENT : READER_IDLE);
	if (first)
		may_begin(r);
	else
		reader_drive(r);
}

/* INV-11: tried again for ever, with growing gaps, and /readyz says why. */
void reader_retry(struct reader *r, const char *why)
{
	if (why != r->why)
		snprintf(r->why, sizeof r->why, "%s", why);
	reader_enter(r, READER_RETRY);
	timer_start(r->m->loop, &r->timer, backoff_fail(&r->backoff), go_on, r);
}

void reader_wait(struct reader *r, const struct provider *p, uint64_t ms)
{
	bool told_to = provider_is_paused(p) && providers_count(r->providers) > 1; /* others need not wait */
	bool others = providers_count(r->providers) > 1; /* one of them may be free before it */
	reader_pause(r, others && ms > LOOK_AGAIN_MS ? LOOK_AGAIN_MS : ms);
	r->goes_on = !told_to;
}

void reader_pause(struct reader *r, uint64_t ms)
{
	r->goes_on = false;
	r->paused = r->phase;
	reader_enter(r, READER_PAUSE);
	timer_start(r->m->loop, &r->timer, ms, go_on, r);
}

static bool is_alarm(const struct retry_decl *d, uint32_t n)
{
	for (size_t i = 0; i < d->nalarm; i++)
		if (d->alarm[i] == n)
			return true;
	return false;
}

/* Is there an endpoint that was not asked in this row of failures, and that has come to the next block? */
static bool another(struct reader *r)
{
	struct provider_need need = {.shown = r->row.done + 1, .lowest = -1, .other = r->p, .urgent = true};
	size_t n = providers_count(r->providers);
	return n > 1 && r->failures % n != 0 && providers_pick(r->providers, &need);
}

void reader_provider_error(struct reader *r, const struct err *e)
{
	r->failures++;
	snprintf(r->why, sizeof r->why, "Provider error: %s", e->text);
	if (r->failures == 1 || is_alarm(&r->chain->retry, r->failures))
		log_odd("provider.error", "Provider error; asking again with growing gaps",
			F_STR("chain", r->chain->name), F_STR("endpoint", r->p ? provider_name(r->p) : "none"),
			F_UINT("failures", r->failures), F_STR("reason", e->text));
	else
		log_debug(
			"provider.error", "Provider error", F_STR("chain", r->chain->name), F_STR("reason", e->text));
	if (another(r)) {
		reader_again(r);
		return;
	}
	bool waits = r->p && r->too_often;
	if (!waits || r->failures >= TOO_OFTEN_MOST) {
		r->rpc_ok = false;
		store_state(r);
	}
	if (waits) { /* the same question, when it may be asked */
		reader_wait(r, r->p, provider_wait_ms(r->p, 1));
		return;
	}
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
	history_stop(r);
	if (strcmp(r->halted_for, r->why) != 0)
		log_odd("chain.halted", r->why, F_STR("chain", r->chain->name));
	memcpy(r->halted_for, r->why, sizeof r->why);
	timer_start(r->m->loop, &r->timer, backoff_fail(&r->backoff), go_on, r);
}

void reader_fenced(struct reader *r)
{
	reader_enter(r, READER_IDLE);
	reader_enter(r, READER_OFF);
	lease_lost(r->lease);
}

/* What failed has succeeded, or there is nothing to do any more. */
static void all_well(struct reader *r)
{
	r->why[0] = r->halted_for[0] = 0;
}

/* The head that rang last stands where the cursor stands, but with another hash than ours (R5). */
static bool other_branch(const struct reader *r)
{
	const struct heads_state *h = r->rang ? provider_heads(r->rang) : NULL;
	const struct window_block *top = window_top(&r->window);
	return h && top && provider_state(r->rang) == PROVIDER_WELL && h->has_hash &&
		   (int64_t)h->head == top->number && memcmp(h->hash, top->hash, 32) != 0;
}

void reader_rest(struct reader *r)
{
	reader_enter(r, READER_IDLE);
	if (r->head >= r->row.done && !other_branch(r))
		reader_drive(r); /* else a newer head will wake us */
}

static void caught_up(struct reader *r)
{
	all_well(r);
	if (r->head >= 0 && !r->caught_up) {
		r->caught_up = true;
		log_info("caught_up", "Caught up with the chain; live from here", F_STR("chain", r->chain->name),
			F_INT("block", r->row.done));
	}
	sweep_rest(r->sweep);
	store_state(r);
}

static void read_blocks(struct reader *r)
{
	const struct heads_state *h = r->rang ? provider_heads(r->rang) : NULL;
	if (r->step.live && h && h->has_hash && provider_is_believed(r->rang) &&
		(int64_t)h->head == r->step.from && r->ask.n > 0)
		fetch_live(r, h->hash);
	else
		fetch_headers(r);
}

void reader_reload(struct reader *r)
{
	r->reload_due = true;
	if (r->phase == READER_IDLE && !r->in_flight)
		store_load(r);
}

/* R5: it grows with the lag of the tag that says what is final, and so does what is kept of it. */
static int64_t window_now(struct reader *r)
{
	r->deep = final_window_now(&r->final, r->chain, r->head);
	window_keep(&r->window, (size_t)r->deep + 2);
	return r->deep;
}

/* The next thing to do, when nothing is in flight. */
void reader_drive(struct reader *r)
{
	if (r->closing) /* P19: nothing is begun any more */
		return;
	if (r->reload_due && r->phase == READER_IDLE && !r->in_flight) {
		store_load(r);
		return;
	}
	history_drive(r);
	if (r->phase != READER_IDLE || r->in_flight || sweep_turn(r->sweep))
		return;
	if (r->ask_added != r->filter.added) /* ranges have found children */
		reader_plan(r);
	struct plan_view v = {.done = r->row.done,
		.head_known = r->head >= 0,
		.head = prove_head(r),
		.seen = (int64_t)r->chain->seen,
		.window = window_now(r),
		.by_hash = sweep_reseats(r->sweep),
		.blocks = r->blocks.now};
	r->step = plan_next(&v);
	r->step.live = r->step.live && !sweep_reseats(r->sweep); /* what a sweep found is swept (R7) */
	if (r->step.step == PLAN_BACK && !window_top(&r->window))
		r->step.step = PLAN_WAIT; /* the chain has not come to the first block that is asked for */
	if (r->step.step == PLAN_RANGE &&
		r->dense == r->step.from) /* no range holds it: by its hash, and alone */
		r->step = (struct plan){.step = PLAN_BLOCKS, .from = r->dense, .to = r->dense};
	switch (r->step.step) {
	case PLAN_WAIT:
		if (other_branch(r))
			reorg_suspect(r);
		else if (v.head < r->head)
			prove_waits(r);
		else
			caught_up(r);
		break;
	case PLAN_BLOCKS: read_blocks(r); break;
	case PLAN_RANGE:
		if (!fetch_tag_first(r))
			backfill_to(r, r->step.to);
		break;
	case PLAN_BACK: reorg_suspect(r); break;
	}
}

/* ── what endpoints say ── */

static void on_head(void *arg, struct provider *p)
{
	struct reader *r = arg;
	r->rang = p;
	r->head = providers_head(r->providers);
	metric_set(r->m_head, (double)r->head);
	bool idle = r->phase == READER_IDLE && !r->in_flight;
	/* A poll tells no hash. Left out now and then: where machines answer in turn, the poll and what follows
	 * it would each come to the same one for ever. */
	bool check = idle && r->head == r->row.done && window_top(&r->window) && !provider_heads(p)->has_hash;
	if (check && ++r->checks % CHECKS_IN_A_ROW != 0)
		reorg_check(r);
	else if (r->phase == READER_FILL)
		backfill_to(r, prove_head(r) - window_now(r));
	else
		reader_drive(r);
}

/* R1: a bound for a block that is still to be read; of one that was read, a sign that something was missed.
 * While history is read, live messages only raise the head. */
static void on_log(void *arg, struct provider *p, uint64_t number, const uint8_t block[32], struct str log)
{
	struct reader *r = arg;
	int64_t n = (int64_t)number;
	const uint8_t *ours = n <= r->row.done ? window_hash(&r->window, n) : NULL;
	if (n > r->row.done ? n - r->row.done <= HEARD_BEYOND : ours && memcmp(ours, block, 32) != 0)
		heard_add(&r->logs_heard, &r->ask, number, block, log);
	else if (ours && heard_missed(&r->logs_heard, &r->ask, number, block, log)) {
		log_odd("heard.missed",
			"A log was heard of a block that was read without it; its blocks are read again",
			F_STR("chain", r->chain->name), F_STR("endpoint", provider_name(p)), F_INT("block", n));
		sweep_hurry(r->sweep);
	}
}

/* What endpoints taught is stored a little later: many lessons, one write. So is a head that is heard and
 * can't be reached: how far behind it is has to be seen also while an endpoint hangs (INV-11). */
static void on_lessons(void *arg)
{
	struct reader *r = arg;
	timer_start(r->m->loop, &r->lessons, LESSONS_MS, on_lessons, r);
	if (r->head > r->row.done && r->told.head >= 0 && r->told.head != r->head)
		r->told.head = -2; /* to be told again */
	if (providers_dirty(r->providers) || r->told.head == -2)
		store_state(r);
}

static bool anybody_well(const struct reader *r)
{
	for (size_t i = 0; i < providers_count(r->providers); i++)
		if (provider_state(providers_at(r->providers, i)) == PROVIDER_WELL)
			return true;
	return false;
}

/* Somebody of the right chain is there, and what it said of the chain is stored. */
static void may_begin(struct reader *r)
{
	if (r->phase != READER_IDENT || r->in_flight || !anybody_well(r))
		return;
	if (!r->row.has_network && !r->identity_due)
		return; /* on_identified is on its way */
	bool fresh = chain_is_fresh(&r->row);
	if (fresh && r->start_latest && r->begin < 0)
		fetch_first(r);
	else if (fresh || r->identity_due)
		store_identity(r);
	else
		reader_read(r);
}

static void on_identified(void *arg, struct provider *p, const struct provider_identity *id)
{
	struct reader *r = arg;
	(void)p;
	r->identity = *id;
	r->identity_due = true;
	may_begin(r);
}

static void on_providers(void *arg)
{
	struct reader *r = arg;
	r->head = providers_head(r->providers);
	if (lease_held(r->lease) && !r->closing)
		store_state(r);
	if (r->phase == READER_IDENT)
		may_begin(r);
	else if (r->phase == READER_FILL && r->fill)
		fill_wake(r->fill);
	else
		reader_drive(r); /* its head may have come while it ailed, and no other may follow */
	sweep_wake(r->sweep);
}

/* Heads, and the logs that we want: whichever comes first names the block that is to be read (R1). */
static void begin_asking(struct reader *r, const struct provider_identity *id)
{
	struct buf logs = {0};
	if (r->ask.n == 1)
		buf_printf(&logs, "{%s}", r->ask.requests[0].members);
	providers_begin(r->providers, id, logs.n > 0 && logs.n < LOGS_FILTER_MOST ? logs.p : NULL);
	buf_fini(&logs);
}

void reader_loaded(struct reader *r)
{
	if (!r->begun && sweep_term(r->sweep))
		return;
	reader_enter(r, READER_IDENT);
	if (!r->begun) {
		struct provider_identity id = {
			.has_network = r->row.has_network, .network = r->row.network, .has_genesis = r->has_genesis};
		memcpy(id.genesis, r->genesis, 32);
		r->begun = true;
		timer_start(r->m->loop, &r->lessons, LESSONS_MS, on_lessons, r);
		begin_asking(r, &id);
	}
	may_begin(r);
}

void reader_read(struct reader *r)
{
	r->head = providers_head(r->providers);
	if (final_tag(&r->final) && !r->tag_asked) {
		fetch_tag(r);
		return;
	}
	if (window_top(&r->window)) {
		reorg_check(r); /* what happened while nobody looked */
		return;
	}
	reader_enter(r, READER_IDLE);
	reader_drive(r);
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

static void stop_asking(struct reader *r)
{
	timer_stop(&r->timer);
	timer_stop(&r->lessons);
	backfill_stop(r);
	history_stop(r);
	sweep_stop(r->sweep);
	if (r->begun)
		providers_end(r->providers);
	r->begun = false;
	r->rang = NULL;
	r->tag_asked = false;
}

static void on_loss(void *arg)
{
	struct reader *r = arg;
	if (r->closing)
		return; /* reader_drain has done the same already, and its timer waits for what is in flight */
	stop_asking(r);
	r->head = -1;
	r->caught_up = false;
	fetch_drop(r); /* an endpoint that hangs must not hold up the next term */
	if (r->in_flight) {
		r->off_wanted = true;
		return;
	}
	reader_enter(r, READER_IDLE);
	reader_enter(r, READER_OFF);
}

/* ── begin and end ── */

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
	r->begin = r->start_latest ? -1 : r->start - 1;
	const struct options *o = &r->m->options;
	if (o->has_from && !o->from_start) {
		r->start_latest = false;
		r->begin = (int64_t)o->from - 1;
	}
}

void reader_plan(struct reader *r)
{
	int64_t cap = FILTER_CAP_DEFAULT;
	for (size_t i = 0; r->providers && i < providers_count(r->providers); i++)
		cap = learner_filter(provider_learner(providers_at(r->providers, i)), cap);
	filter_plan_make(&r->ask, &r->filter, (size_t)cap, 1);
	r->ask_added = r->filter.added;
}

struct reader *reader_open(struct member *m, const struct chain_decl *c)
{
	struct reader *r = mem_alloc(sizeof *r);
	*r = (struct reader){.m = m,
		.chain = c,
		.head = -1,
		.floor = -1,
		.prove = {.chain = {.completeness = c->completeness, .differed = -1}},
		.dense = -1,
		.told = {.head = -2}};
	backoff_init(&r->backoff, c->retry.first_ms, c->retry.max_ms, (uint64_t)getpid());
	range_init(&r->blocks, BLOCKS_AT_ONCE < c->range ? BLOCKS_AT_ONCE : (int64_t)c->range);
	final_init(&r->final, c, -1);
	r->deep = final_window(c);
	window_init(&r->window, (size_t)r->deep + 2);
	filter_init(&r->filter, m->config, c);
	reader_plan(r);
	rows_init(&r->rows, &r->filter);
	r->encoders = mem_alloc((r->filter.n + 1) * sizeof *r->encoders);
	for (size_t i = 0; i < r->filter.n; i++)
		encoder_init(&r->encoders[i], r->filter.events[i].decl);
	start_block(r, m->config);
	reader_metrics(r);
	history_open(r);
	r->sweep = sweep_open(r);
	struct provider_events ev = {.on_head = on_head,
		.on_log = on_log,
		.on_state = on_providers,
		.on_identified = on_identified,
		.arg = r};
	r->providers = providers_open(m->loop, c, &ev);
	char lane[LANE_NAME];
	snprintf(lane, sizeof lane, "listen:%s", c->name);
	struct lease_events lev = {.on_gain = on_gain, .on_loss = on_loss, .arg = r};
	r->lease = lease_open(m, lane, &lev);
	return r;
}

struct closing {
	struct reader *r;
	struct timer *quiet; /* r->timer is the phases' own, and a fill that ends meanwhile may set it */
	void (*done)(void *arg);
	void *arg;
};

static void on_left(void *arg)
{
	struct closing *c = arg;
	struct reader *r = c->r;
	void (*done)(void *) = c->done;
	void *done_arg = c->arg;
	timer_free(&c->quiet);
	pg_copy_close(r->copy);
	history_close(r);
	sweep_close(r->sweep);
	window_fini(&r->window);
	heard_fini(&r->logs_heard);
	rows_end(&r->rows);
	for (size_t i = 0; i < r->filter.n; i++)
		encoder_fini(&r->encoders[i]);
	free(r->encoders);
	filter_plan_fini(&r->ask);
	filter_trial_fini(&r->trial);
	filter_fini(&r->filter);
	arena_fini(&r->mem);
	timer_free(&r->timer);
	timer_free(&r->patience);
	timer_free(&r->ahead.turn);
	timer_free(&r->ahead.timer);
	timer_free(&r->lessons);
	free(r);
	free(c);
	done(done_arg);
}

static void leave_when_quiet(void *arg)
{
	struct closing *c = arg;
	struct reader *r = c->r;
	/* a commit on its way is waited for, one of an earlier term too; fleet.drain bounds it */
	if (r->in_flight || r->states_out > 0 || backfill_commit_is_out(r) || history_commit_is_out(r)) {
		timer_start(r->m->loop, &c->quiet, 10, leave_when_quiet, c);
		return;
	}
	stop_asking(r);
	providers_close(r->providers);
	r->providers = NULL;
	lease_close(r->lease, on_left, c);
}

/* A commit is waited for, a node's answer is not (P19). */
void reader_drain(struct reader *r, void (*done)(void *arg), void *arg)
{
	struct closing *c = mem_alloc(sizeof *c);
	*c = (struct closing){.r = r, .done = done, .arg = arg};
	r->closing = true;
	timer_stop(&r->timer);
	timer_stop(&r->lessons);
	fetch_drop(r);
	ahead_undo(r);
	sweep_stop(r->sweep);
	if (r->begun)
		providers_end(r->providers);
	r->begun = false;
	if (r->in_flight)
		r->off_wanted = true;
	leave_when_quiet(c);
}
