/* The reading of a sweep: ranges of logs, several on their way, each held against what is stored. */
#include "listener/sweep_in.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPANS_MOST = 8,    /* on their way, or waiting to be held against the tables */
	LOOK_MS = 100,     /* a look for what may be asked again */
	STRAY_MS = 500,    /* before a range is asked again that was of another branch */
	STRAYS_MOST = 3,   /* ranges of another branch, before the other endpoint is not preferred any more */
	PROGRESS_MS = 5000 /* between two lines about a long one */
};

/* ── spans ── */

static struct span *span_get(struct sweep *s)
{
	struct span *sp = s->spare ? s->spare : span_new(&s->world);
	if (s->spare)
		s->spare = sp->next;
	sp->next = s->busy;
	s->busy = sp;
	s->nbusy++;
	return sp;
}

static void span_put(struct sweep *s, struct span *sp)
{
	struct span **at = &s->busy;
	while (*at != sp)
		at = &(*at)->next;
	*at = sp->next;
	s->nbusy--;
	span_cancel(sp);
	sp->seg = NULL;
	sp->next = s->spare;
	s->spare = sp;
}

static struct span *span_of(const struct sweep *s, const struct pipe_seg *seg)
{
	struct span *sp = s->busy;
	while (sp && sp->seg != seg)
		sp = sp->next;
	return sp;
}

static void asked_again(struct sweep *s, struct span *sp)
{
	struct pipe_seg *seg = sp->seg;
	span_put(s, sp);
	pipe_refused(&s->pipe, seg);
}

/* ── does it count? ── */

static bool same_block(const struct sweep *s, int64_t number, const uint8_t hash[32])
{
	const uint8_t *ours = window_hash(&s->r->window, number);
	return !ours || memcmp(ours, hash, 32) == 0;
}

/* R2: the range ends in our block, and so do all logs of blocks whose hashes are kept. */
static bool anchored(const struct sweep *s, const struct span *sp)
{
	if (!same_block(s, sp->seg->to, sp->last.hash) || !same_block(s, sp->seg->from, sp->first.hash))
		return false;
	for (size_t i = 0; i < sp->ngathered; i++)
		if (!same_block(s, (int64_t)sp->gathered[i].block, sp->gathered[i].block_hash))
			return false;
	return true;
}

/* Children that the blocks of the range created are asked for as well (factories). */
static bool ripe(const struct sweep *s, struct span *sp)
{
	if (!s->r->filter.has_factories)
		return true;
	provider_take(sp->p, 1);
	if (span_ripen(sp) != SPAN_RIPE)
		return false;
	provider_dropped(sp->p); /* nothing had to be asked */
	return true;
}

/* ── held against what is stored ── */

static bool undecoded(const struct span *sp, const struct log *l)
{
	for (size_t i = 0; i < sp->nbad; i++)
		if (sp->bad[i].log.block == l->block && sp->bad[i].log.log_index == l->log_index &&
			sp->bad[i].log.tx_index == l->tx_index)
			return true;
	return false;
}

/* Which of the logs are rows, event by event, and the identity and time of each: the tuples have
 * them. */
static size_t sort_out(struct sweep *s, struct span *sp)
{
	size_t rows = 0, nkinds = s->r->filter.n;
	ids_flush(sp->ids);
	struct sweep_kind *kinds = arena_alloc(&s->check_mem, (nkinds + 1) * sizeof *kinds);
	for (size_t i = 0; i < nkinds; i++)
		kinds[i].at = arena_alloc(&s->check_mem, (sp->runs[i].n + 1) * sizeof *kinds[i].at);
	for (size_t i = 0; i < sp->ngathered; i++) {
		struct log *l = &sp->gathered[i];
		const struct filter_event *ev = filter_match(&s->r->filter, l);
		if (!ev || undecoded(sp, l) || kinds[ev->index].n == sp->runs[ev->index].n)
			continue;
		struct sweep_kind *k = &kinds[ev->index];
		const struct run_rows *run = &sp->runs[ev->index];
		l->time = encode_get_time(rows_tuple(run, k->n));
		l->has_time = true;
		memcpy(l->id, run->bytes.p + rows_id_at(run, k->n), 32);
		k->at[k->n++] = i;
		rows++;
	}
	s->check.kinds = kinds;
	return rows;
}

static void checked(struct sweep *s)
{
	struct span *sp = s->check.span;
	struct pipe_seg *seg = sp->seg;
	s->check.span = NULL;
	pipe_written(&s->pipe, seg);
	span_kept(sp);
	span_put(s, sp);
	arena_reset(&s->check_mem);
}

static void progress(struct sweep *s, int64_t done)
{
	uint64_t now = loop_now_ms(s->r->m->loop);
	if (now - s->told_ms < PROGRESS_MS)
		return;
	s->told_ms = now;
	double rate = (double)(done - s->from + 1) / ((double)(now - s->begun_ms) / 1000 + 0.001);
	log_info("sweep.progress", "Reading blocks again", F_STR("chain", s->r->chain->name),
		F_INT("block", done), F_INT("to", s->to), F_INT("blocks_s", (int64_t)rate),
		F_INT("left_s", rate > 0 ? (int64_t)((double)(s->to - done) / rate) : -1),
		F_UINT("requests", s->requests), F_UINT("missing", s->found + s->nlate + s->missing));
}

static void on_check(void *arg, const struct pg_reply *q)
{
	struct sweep_asked *asked = arg;
	struct sweep *s = asked->s;
	struct span *sp = s->check.span;
	bool wanted = sp && s->check.asked == asked;
	s->r->states_out--;
	free(asked);
	if (!wanted) { /* it was given up, and another one may be out */
		sweep_read(s);
		return;
	}
	if (q->outcome != PG_OK) {
		s->check.span = NULL;
		s->ask_at_ms = loop_now_ms(s->r->m->loop) + STRAY_MS;
		if (pg_fenced(q))
			lease_lost(s->r->lease);
		return;
	}
	int stmt = (int)s->check.skip;
	for (size_t k = 0; k < s->r->filter.n; k++) {
		if (s->check.kinds[k].n == 0)
			continue;
		for (int row = 0; row < pg_rows(q, stmt); row++)
			sweep_lacking(s, &sp->gathered[s->check.kinds[k].at[pg_get_int(q, stmt, row, 0)]]);
		stmt++;
	}
	int64_t done = sp->seg->to;
	checked(s);
	progress(s, done);
	sweep_read(s);
}

static void check(struct sweep *s, struct span *sp)
{
	struct reader *r = s->r;
	size_t rows;
	s->check = (struct sweep_check){.span = sp};
	rows = sort_out(s, sp);
	if (rows + sp->nbad == 0) {
		checked(s);
		return;
	}
	struct pg_unit *u = pg_unit(r->m->pg);
	if (sp->nbad > 0) {
		lane_fence(u, lease_lane(r->lease));
		s->check.skip = 1 + sp->nbad;
	}
	for (size_t i = 0; i < sp->nbad; i++)
		chain_add_undecoded(u, r->row.id, sp->bad[i].event, &sp->bad[i].log, sp->bad[i].why);
	for (size_t k = 0; k < r->filter.n; k++)
		if (s->check.kinds[k].n > 0)
			sweep_missing(
				u, r->filter.events[k].decl, sp->gathered, s->check.kinds[k].at, s->check.kinds[k].n);
	r->states_out++;
	s->check.asked = mem_alloc(sizeof *s->check.asked);
	s->check.asked->s = s;
	pg_unit_run(u, 0, on_check, s->check.asked);
}

static void check_next(struct sweep *s)
{
	struct pipe_seg *seg;
	while (!s->check.span && s->nlate < SWEEP_LATE && (seg = pipe_head(&s->pipe))) {
		struct span *sp = span_of(s, seg);
		if (sp->outcome != SPAN_OK || loop_now_ms(s->r->m->loop) < s->ask_at_ms || !ripe(s, sp))
			return;
		if (anchored(s, sp)) {
			check(s, sp);
			continue;
		}
		s->strays++; /* a reorg that is not known here yet, or an endpoint on another branch */
		s->ask_at_ms = loop_now_ms(s->r->m->loop) + STRAY_MS;
		asked_again(s, sp);
	}
}

/* ── questions and answers ── */

static void on_span(void *arg, struct span *sp)
{
	struct sweep *s = arg;
	if (sp->outcome == SPAN_REFUSED) {
		enum learner_next next = provider_failed(sp->p, &sp->refused, &sp->asked, &sp->why);
		if (next == LEARNER_FLOOR && sp->seg->from == sp->seg->to)
			s->dense = sp->seg->from;
		if (sp->refused.class == REFUSAL_HEAD) /* a race is waited for */
			s->ask_at_ms = loop_now_ms(s->r->m->loop) + LOOK_MS;
		asked_again(s, sp);
	} else {
		provider_answered(sp->p, sp->bytes, sp->took_us);
		if (sp->outcome == SPAN_LIED) {
			provider_lied(sp->p, sp->why.text);
			s->ask_at_ms = loop_now_ms(s->r->m->loop) + LOOK_MS;
			asked_again(s, sp);
		} else if (sp->outcome == SPAN_DOUBT) {
			provider_take(sp->p, 3);
			span_ask_again(sp, sp->p);
		} else {
			learner_good(provider_learner(sp->p), sp->seg->from, sp->seg->to - sp->seg->from + 1, sp->logs,
				sp->bytes, loop_now_ms(s->r->m->loop));
			if (sp->seg->state == PIPE_ASKED)
				pipe_ready(&s->pipe, sp->seg);
		}
	}
	sweep_read(s);
}

/* Another endpoint than the one that gave these blocks, on another host at best: what one machine left out
 * another may have. NULL: not now. */
static struct provider *pick(struct sweep *s, const struct pipe_seg *unasked)
{
	uint32_t calls = (uint32_t)s->r->ask.n + 2;
	struct provider_need need = {.shown = unasked->from, .lowest = unasked->from, .calls = calls};
	struct provider *p = NULL;
	for (int i = 0; i < 3 && !p; i++) {
		bool other = s->giver && s->strays < STRAYS_MOST;
		need.other_host = other && i == 0 ? s->giver : NULL;
		need.other = other && i == 1 ? s->giver : NULL;
		p = providers_pick(s->r->providers, &need);
	}
	if (!p)
		return NULL;
	int64_t wait = provider_may_send(p, (uint32_t)learner_calls(provider_learner(p), calls), false);
	if (wait == 0)
		return p;
	if (wait > 0)
		s->ask_at_ms = loop_now_ms(s->r->m->loop) + (uint64_t)wait;
	return NULL;
}

static void ask(struct sweep *s)
{
	const struct pipe_seg *unasked;
	while (s->nbusy < SPANS_MOST && loop_now_ms(s->r->m->loop) >= s->ask_at_ms &&
		   (unasked = pipe_unasked(&s->pipe))) {
		struct provider *p = pick(s, unasked);
		if (!p)
			return;
		int64_t blocks = learner_blocks(provider_learner(p), unasked->from);
		int64_t shown = (int64_t)provider_heads(p)->head - unasked->from + 1; /* R2: up to what it showed */
		struct pipe_seg *seg = pipe_take(&s->pipe, blocks < shown ? blocks : shown);
		s->requests++;
		span_ask(span_get(s), seg, p, true,
			seg->from == seg->to && seg->from == s->dense ? SPAN_RECEIPTS : SPAN_RANGE);
	}
}

static void on_look(void *arg)
{
	struct sweep *s = arg;
	if (s->phase != SWEEP_READ)
		return;
	timer_start(s->r->m->loop, &s->look, LOOK_MS, on_look, s);
	struct span *first = s->pipe.first ? span_of(s, s->pipe.first) : NULL;
	if (first && span_hangs(first, s->r->providers))
		asked_again(s, first);
	sweep_read(s);
}

void sweep_read(struct sweep *s)
{
	if (s->phase != SWEEP_READ || s->doubt)
		return;
	check_next(s);
	ask(s);
	if (s->nlate >= SWEEP_LATE)
		reader_drive(s->r); /* they are written in its turn; then it goes on here */
	else if (pipe_done(&s->pipe))
		sweep_read_ended(s);
}

/* ── begin and end ── */

void sweep_read_begin(struct sweep *s)
{
	struct reader *r = s->r;
	sweep_read_stop(s);
	s->world = (struct span_world){.loop = r->m->loop,
		.filter = &r->filter,
		.encoders = r->encoders,
		.network = r->row.network,
		.chain_id = r->row.id,
		.trust = &r->prove.chain.trust,
		.swept = true,
		.late = true,
		.flush_bytes = SIZE_MAX,
		.on_done = on_span,
		.arg = s};
	pipe_init(&s->pipe, s->from, r->ask.n > 0 ? s->to : s->from - 1);
	s->ask_at_ms = 0;
	s->strays = 0;
	s->dense = -1;
	timer_start(r->m->loop, &s->look, LOOK_MS, on_look, s);
}

static void spans_free(struct span **list)
{
	while (*list) {
		struct span *sp = *list;
		*list = sp->next;
		if (sp->seg && sp->outcome == SPAN_OPEN)
			provider_dropped(sp->p);
		span_free(sp);
	}
}

void sweep_read_stop(struct sweep *s)
{
	spans_free(&s->busy);
	spans_free(&s->spare);
	s->nbusy = 0;
	pipe_fini(&s->pipe);
	s->check.span = NULL;
	arena_reset(&s->check_mem);
	timer_stop(&s->look);
}
