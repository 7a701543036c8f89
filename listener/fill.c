#include "listener/fill_in.h"

#include "common/base/mem.h"
#include "common/io/log.h"
#include "common/ledger/chain.h"

#include <inttypes.h>
#include <stdlib.h>

static void on_look(void *arg);

void fill_why(struct fill *f, const char *sentence)
{
	if (strcmp(f->why, sentence) == 0)
		return;
	snprintf(f->why, sizeof f->why, "%s", sentence);
	f->job.on_why(f->job.arg, f->why);
}

/* ── spans ── */

static struct span *span_get(struct fill *f)
{
	struct span *s = f->spare ? f->spare : span_new(&f->world);
	if (f->spare)
		f->spare = s->next;
	s->next = f->busy;
	f->busy = s;
	f->nbusy++;
	return s;
}

void fill_span_put(struct fill *f, struct span *s)
{
	struct span **at = &f->busy;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	f->nbusy--;
	proving_cancel(s->proving);
	s->proving = NULL;
	span_cancel(s); /* frees what it held */
	s->seg = NULL;
	s->next = f->spare;
	f->spare = s;
}

struct span *fill_span_of(const struct fill *f, const struct pipe_seg *seg)
{
	struct span *s = f->busy;
	while (s && s->seg != seg)
		s = s->next;
	return s;
}

static size_t held(const struct fill *f)
{
	size_t n = f->load ? pg_load_waiting(f->load) : 0;
	for (const struct span *s = f->busy; s; s = s->next)
		n += span_bytes(s);
	return n;
}

/* What PostgreSQL could take now. */
static size_t behind(const struct fill *f)
{
	size_t n = f->load ? pg_load_waiting(f->load) : 0;
	for (const struct pipe_seg *seg = f->pipe.first; seg && seg->state == PIPE_READY; seg = seg->next)
		n += span_bytes(fill_span_of(f, seg));
	return n;
}

static size_t place(const struct fill *f, const struct provider *p)
{
	size_t i = 0;
	while (providers_at(f->job.providers, i) != p)
		i++;
	return i;
}

/* Questions that p is about to answer. */
static uint32_t asked_of(const struct fill *f, const struct provider *p)
{
	uint32_t n = 0;
	for (const struct span *s = f->busy; s; s = s->next)
		n += s->p == p && s->outcome == SPAN_OPEN;
	return n;
}

/* INV-10: what is not the first stands still while too much waits to be written. */
static void hold_back(struct fill *f)
{
	bool much = held(f) > PAUSE_MOST;
	for (struct span *s = f->busy; s; s = s->next)
		if (!pipe_is_first(&f->pipe, s->seg))
			span_pause(s, much);
		else
			span_pause(s, f->load && pg_load_waiting(f->load) > ROOM_BYTES);
}

void fill_asked_again(struct fill *f, struct span *s)
{
	struct pipe_seg *seg = s->seg;
	if (f->streaming == s) { /* its rows are in a transaction that must not be */
		f->streaming = NULL;
		pg_load_drop(f->load);
		f->load = NULL;
	}
	fill_span_put(f, s);
	pipe_refused(&f->pipe, seg);
}

void fill_fail(struct fill *f, enum fill_failure what, const char *sentence)
{
	if (f->stopped)
		return;
	f->stopped = true;
	f->failure = what;
	snprintf(f->failed_for, sizeof f->failed_for, "%s", sentence);
	timer_start(f->job.loop, &f->look, 0, on_look, f);
}

/* ── answers ── */

/* How a block is asked for next. */
static enum span_mode *mode_of(struct fill *f, int64_t block)
{
	size_t i = 0;
	while (i < f->npieces && f->pieces[i].block != block)
		i++;
	return i < f->npieces ? &f->pieces[i].mode : NULL;
}

/* One block is more than the endpoint gives at once: by address and topic, then by receipts. */
static void split(struct fill *f, const struct span *s)
{
	int64_t block = s->seg->from;
	struct filter_plan pairs = {.n = 0};
	enum span_mode *mode = mode_of(f, block);
	filter_plan_pairs(&pairs, f->job.filter, FILTER_CAP_DEFAULT);
	bool more = pairs.n > 1 && s->mode == SPAN_RANGE;
	filter_plan_fini(&pairs);
	if (!mode) {
		size_t i = f->npieces < DENSE_KEPT ? f->npieces++ : (size_t)block % DENSE_KEPT;
		f->pieces[i].block = block;
		mode = &f->pieces[i].mode;
	}
	*mode = more ? SPAN_PAIRS : SPAN_RECEIPTS;
	log_debug("fill.dense", "One block is more than the endpoint gives at once", F_STR("chain", f->job.name),
		F_STR("endpoint", provider_name(s->p)), F_INT("block", block),
		F_STR("next", more ? "by address and topic" : "by receipts"));
}

/* No logs at all, though a bloom says that there may be some: somebody else is asked, else the same once
 * more. */
static void doubt(struct fill *f, struct span *s)
{
	struct provider_need need = {.shown = s->seg->to, .lowest = s->seg->from, .other = s->p};
	struct provider *p = providers_pick(f->job.providers, &need);
	if (!p && providers_count(f->job.providers) > 1 && f->doubts++ < DOUBTS_MOST) {
		fill_asked_again(f, s); /* the others may not have spoken yet */
		f->ask_at_ms = loop_now_ms(f->job.loop) + LOOK_MS;
		return;
	}
	if (!p)
		p = s->p;
	provider_take(p, 3);
	f->stats.requests++;
	span_ask_again(s, p);
}

static void refused(struct fill *f, struct span *s)
{
	struct provider *p = s->p;
	enum learner_next next = provider_failed(p, &s->refused, &s->asked, &s->why);
	bool alone = s->seg->from == s->seg->to, last = s->mode == SPAN_RECEIPTS;
	int64_t block = s->seg->from;
	if (next == LEARNER_FLOOR && alone)
		split(f, s);
	if (s->refused.class == REFUSAL_HEAD) /* a race is waited for: nothing else slows the next question */
		f->ask_at_ms = loop_now_ms(f->job.loop) + LOOK_MS;
	fill_asked_again(f, s);
	if (!last)
		return;
	if (!f->job.dense_ends)
		f->ask_at_ms = loop_now_ms(f->job.loop) + DENSE_MS;
	else if (f->dense < 0 || block < f->dense)
		f->dense = block; /* nothing helps here: the reader says why */
}

static void answered(struct fill *f, struct span *s)
{
	uint64_t now = loop_now_ms(f->job.loop);
	f->stats.bytes += s->bytes;
	provider_answered(s->p, s->bytes, s->took_us);
	if (s->outcome == SPAN_LIED) {
		provider_lied(s->p, s->why.text);
		if (pipe_is_first(&f->pipe, s->seg))
			prove_lied(&f->lies, &f->job.proving->trust, f->job.providers, s->p, s->seg->from);
		fill_asked_again(f, s);
		f->ask_at_ms = loop_now_ms(f->job.loop) + LOOK_MS; /* INV-11: not as fast as it can lie */
		return;
	}
	if (s->outcome == SPAN_DOUBT) {
		doubt(f, s);
		return;
	}
	if (s->doubted && s->doubted != s->p && s->logs > s->doubted_logs)
		provider_lied(s->doubted, s->doubted_logs == 0 ? "no logs were given of a range that has some"
													   : "logs of a range were left out");
	if (s->doubted && s->logs < s->doubted_logs) {
		provider_lied(s->p, "logs of a range were left out");
		fill_asked_again(f, s);
		f->ask_at_ms = loop_now_ms(f->job.loop) + LOOK_MS;
		return;
	}
	if (s->outcome == SPAN_UNSORTED) {
		f->gather[place(f, s->p)] = true;
		fill_asked_again(f, s);
		return;
	}
	learner_good(provider_learner(s->p), s->seg->from, s->seg->to - s->seg->from + 1, s->logs, s->bytes, now);
	flow_answered(&f->flow[place(f, s->p)], clock_mono_us(), s->bytes);
	fill_why(f, "");
	if (s->seg->state == PIPE_ASKED && (f->job.filter->has_factories || !fill_prove(f, s)))
		pipe_ready(&f->pipe, s->seg);
}

static void on_span(void *arg, struct span *s)
{
	struct fill *f = arg;
	fill_mark(f);
	if (s->outcome == SPAN_REFUSED)
		refused(f, s);
	else
		answered(f, s);
	fill_pump(f);
}

static void on_full(void *arg, struct span *s)
{
	(void)s;
	struct fill *f = arg;
	fill_maybe_end(f);
	fill_stream_first(f);
}

/* ── questions ── */

/* A place at an endpoint for the next range; NULL: not now. */
static struct provider *pick(struct fill *f, const struct pipe_seg *unasked)
{
	uint64_t now = loop_now_ms(f->job.loop);
	int64_t calls = f->world.want == PROOF_NONE ? 3 : PROVED_BLOCKS + 1;
	struct provider_need need = {.shown = unasked->from, .lowest = unasked->from, .calls = 3};
	struct provider *p = providers_pick(f->job.providers, &need);
	if (!p) {
		if (f->pipe.asked == 0 && f->pipe.ready == 0)
			fill_why(f, providers_why(f->job.providers));
		return NULL;
	}
	bool first = pipe_is_first(&f->pipe, unasked);
	if (!first && asked_of(f, p) >= f->flow[place(f, p)].now)
		return NULL;
	int64_t wait = provider_may_send(p, (uint32_t)learner_calls(provider_learner(p), calls), first);
	if (wait == 0)
		return p;
	if (wait > 0)
		f->ask_at_ms = now + (uint64_t)wait;
	return NULL;
}

static void on_density(void *arg)
{
	struct fill *f = arg;
	f->density = NULL;
	fill_pump(f);
}

/* Before the first range: how much does a range hold? false: nobody can be asked now. */
static bool guess_density(struct fill *f)
{
	const struct pipe_seg *unasked = pipe_unasked(&f->pipe);
	if (f->guessed || f->job.filter->n == 0 || f->world.want != PROOF_NONE ||
		unasked->to - unasked->from < 2 * DENSITY_BLOCKS) {
		f->guessed = true;
		return true;
	}
	struct provider *p = pick(f, unasked);
	if (!p)
		return false;
	f->guessed = true;
	f->density = density_ask(
		f->job.loop, f->job.providers, p, f->job.filter, unasked->from, unasked->to, on_density, f);
	return false;
}

static void ask(struct fill *f)
{
	if (f->density || !pipe_unasked(&f->pipe) || !guess_density(f))
		return;
	const struct pipe_seg *unasked;
	while (!f->stopped && (unasked = pipe_unasked(&f->pipe))) {
		if (f->dense >= 0 && unasked->from >= f->dense)
			return;
		bool first = pipe_is_first(&f->pipe, unasked), proves = f->world.want != PROOF_NONE;
		if (!first && (held(f) > HELD_MOST || behind(f) > BEHIND_MOST || (proves && f->nbusy >= PROVED_MOST)))
			return;
		struct provider *p = pick(f, unasked);
		if (!p)
			return;
		flow_asked(&f->flow[place(f, p)], clock_mono_us());
		int64_t blocks = learner_blocks(provider_learner(p), unasked->from);
		if (proves && blocks > PROVED_BLOCKS)
			blocks = PROVED_BLOCKS;
		int64_t shown = (int64_t)provider_heads(p)->head - unasked->from + 1;
		struct pipe_seg *seg =
			pipe_take(&f->pipe, blocks < shown ? blocks : shown); /* R2: up to what it showed */
		f->stats.requests++;
		const enum span_mode *dense = seg->from == seg->to ? mode_of(f, seg->from) : NULL;
		bool here = dense && provider_learner(p)->floor_at == seg->from;
		span_ask(span_get(f), seg, p, f->gather[place(f, p)], here ? *dense : SPAN_RANGE);
	}
}

static void on_look(void *arg)
{
	struct fill *f = arg;
	if (f->stopped) {
		f->job.on_fail(f->job.arg, f->failure, f->failed_for); /* may free f */
		return;
	}
	if (f->ended) {
		f->job.on_end(f->job.arg); /* may free f */
		return;
	}
	timer_start(f->job.loop, &f->look, LOOK_MS, on_look, f);
	struct span *first = f->pipe.first ? fill_span_of(f, f->pipe.first) : NULL;
	if (first && span_hangs(first, f->job.providers))
		fill_asked_again(f, first);
	fill_pump(f);
}

void fill_pump(struct fill *f)
{
	if (f->stopped || f->ended)
		return;
	fill_mark(f);
	fill_stream_first(f);
	fill_write_ready(f);
	fill_maybe_end(f);
	if (!f->stopped && loop_now_ms(f->job.loop) >= f->ask_at_ms)
		ask(f);
	hold_back(f);
	bool over = pipe_done(&f->pipe) || (f->dense >= 0 && f->next == f->dense);
	if (f->stopped || f->ended || !over || f->load)
		return;
	f->ended = true;
	if (f->stats.events > 0 || f->stats.blocks > 1000)
		fill_tell(f, "fill.done", "Read the history of the chain", true);
	timer_start(f->job.loop, &f->look, 0, on_look, f);
}

/* ── begin and end ── */

struct fill *fill_start(const struct fill_job *job)
{
	struct fill *f = mem_alloc(sizeof *f);
	f->job = *job;
	f->world = (struct span_world){.loop = job->loop,
		.filter = job->filter,
		.encoders = job->encoders,
		.trust = &job->proving->trust,
		.want = job->proving->completeness,
		.network = job->network,
		.chain_id = job->chain_id,
		.swept = true,
		.flush_bytes = FLUSH_BYTES,
		.on_done = on_span,
		.on_full = on_full,
		.arg = f};
	f->gather = mem_alloc((providers_count(job->providers) + 1) * sizeof *f->gather);
	f->flow = mem_alloc((providers_count(job->providers) + 1) * sizeof *f->flow);
	for (size_t i = 0; i < providers_count(job->providers); i++)
		flow_begin(&f->flow[i], provider_latency_us(providers_at(job->providers, i)));
	f->per_event = mem_alloc((job->filter->n + 1) * sizeof *f->per_event);
	f->copy_sql = arena_alloc(&f->mem, (job->filter->n + 1) * sizeof *f->copy_sql);
	for (size_t i = 0; i < job->filter->n; i++)
		f->copy_sql[i] =
			job->staged ? chain_stage_copy(&f->mem, job->filter->events[i].decl, job->encoders[i].copy_sql)
						: job->encoders[i].copy_sql;
	f->at = job->at;
	f->next = job->from;
	f->commit.done = job->from - 1;
	f->dense = -1;
	f->most_ms = COMMIT_FIRST_MS;
	f->has_parent = job->has_parent;
	memcpy(f->parent, job->parent, 32);
	pg_copy_warm(job->copy);
	pipe_init(&f->pipe, job->from, job->target);
	f->lasted_ms = f->started_ms = f->marked_ms = f->told_ms = f->rate.ms = loop_now_ms(job->loop);
	f->cpu_before = fill_cpu_ms();
	timer_start(job->loop, &f->look, 0, on_look, f);
	return f;
}

void fill_extend(struct fill *f, int64_t target)
{
	if (!f->ended)
		pipe_extend(&f->pipe, target);
}

void fill_wake(struct fill *f)
{
	fill_pump(f);
}

int64_t fill_dense(const struct fill *f)
{
	return f->dense;
}

bool fill_commit_is_out(const struct fill *f)
{
	return f->ending;
}

void fill_free(struct fill *f)
{
	pipe_fini(&f->pipe);
	timer_free(&f->look);
	arena_fini(&f->bad_mem);
	arena_fini(&f->mem);
	free(f->bad);
	free(f->ranges);
	free(f->gather);
	free(f->flow);
	free(f->per_event);
	free(f);
}

static void spans_free(struct span **list)
{
	while (*list) {
		struct span *s = *list;
		*list = s->next;
		if (s->seg && s->outcome == SPAN_OPEN)
			provider_dropped(s->p);
		proving_cancel(s->proving);
		span_free(s);
	}
}

void fill_stop(struct fill *f)
{
	if (!f)
		return;
	f->stopped = true;
	timer_stop(&f->look);
	density_cancel(f->density);
	if (f->load && !f->ending)
		pg_load_drop(f->load);
	spans_free(&f->busy);
	spans_free(&f->spare);
	if (f->ending)
		f->alone = true;
	else
		fill_free(f);
}
