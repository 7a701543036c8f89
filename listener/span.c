#include "listener/span_in.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	FILTER_REQUESTS = FILTER_REQUESTS_MOST,
	WAITS_MOST_MS = 10000 /* in the middle of a range, for the rate of its endpoint */
};

struct span *span_new(const struct span_world *w)
{
	struct span *s = mem_alloc(sizeof *s);
	s->world = w;
	s->runs = mem_alloc((w->filter->n + 1) * sizeof *s->runs);
	s->ids = ids_new(w->network);
	return s;
}

void span_kept(struct span *s)
{
	filter_trial_keep(&s->trial);
}

static void forget(struct span *s)
{
	filter_trial_undo(s->world->filter, &s->trial);
	for (size_t i = 0; i < s->world->filter->n; i++)
		rows_clear(&s->runs[i]);
	ids_restart(s->ids);
	arena_reset(&s->mem);
	s->bad = NULL;
	s->gathered = NULL;
	s->nbad = s->ngathered = s->gathered_cap = 0;
	s->ntimes = s->time_asked = 0;
	s->rows = s->logs = s->bytes = s->took_us = 0;
	s->live_bytes = 0;
	s->full = s->ended = s->streamed = s->ripe = s->children = false;
	s->sent_ms = 0;
	s->outcome = SPAN_OPEN;
	s->why = (struct err){0};
	s->at = (struct log_place){0};
	s->at_from = s->at_to = (struct span_end){0};
	s->doubted = NULL;
	s->doubted_logs = 0;
	s->headers = NULL;
	s->blocks = NULL;
	s->proved = false;
}

void span_free(struct span *s)
{
	if (!s)
		return;
	span_cancel(s);
	for (size_t i = 0; i < s->world->filter->n; i++)
		rows_fini(&s->runs[i]);
	free(s->runs);
	ids_free(s->ids);
	free(s->times);
	filter_trial_fini(&s->trial);
	log_stream_free(s->stream);
	filter_plan_fini(&s->plan);
	arena_fini(&s->mem);
	free(s);
}

void span_cancel(struct span *s)
{
	if (s->request)
		rpc_cancel(s->request);
	if (s->aside)
		rpc_cancel(s->aside);
	if (s->proof)
		proof_cancel(s->proof);
	s->request = s->aside = NULL;
	s->proof = NULL;
	forget(s);
}

size_t span_bytes(const struct span *s)
{
	if (s->headers)
		return s->live_bytes + s->mem.used;
	return s->live_bytes + s->ngathered * sizeof *s->gathered;
}

void span_done(struct span *s, enum span_outcome o)
{
	s->outcome = o;
	s->world->on_done(s->world->arg, s);
}

static void overflow(struct span *s);

static bool on_streamed(void *arg, struct log *l)
{
	struct span *s = arg;
	if (!span_take_log(s, 0, l))
		return false;
	if (s->live_bytes > s->world->flush_bytes)
		overflow(s);
	return true;
}

void span_refuse(struct span *s, const struct rpc_reply *q, int i, int64_t from, int64_t to)
{
	provider_refusal(&s->refused, q, i, from, to);
	s->asked = (struct learner_asked){from, to, q->calls, (int64_t)s->widest, s->sent_ms};
	if (q->ok)
		err_put(&s->why, ERR_REJECTED, "%.*s (%d)",
			(int)(q->answers[i].message.n < 200 ? q->answers[i].message.n : 200), q->answers[i].message.p,
			q->answers[i].code);
	else
		s->why = q->err;
	span_done(s, SPAN_REFUSED);
}

bool span_too_often(struct span *s, const struct rpc_reply *q, int i)
{
	struct learner *l = provider_learner(s->p);
	struct refused r;
	struct learner_asked asked = {-1, -1, q->calls, 0, s->aside_ms > s->sent_ms ? s->aside_ms : s->sent_ms};
	provider_refusal(&r, q, i, -1, -1);
	if (r.class != REFUSAL_RATE || r.retry_after_ms > WAITS_MOST_MS)
		return false;
	provider_failed(s->p, &r, &asked, q->ok ? NULL : &q->err);
	provider_take(s->p, 0);
	return learner_wait(l, loop_now_ms(s->world->loop), 1) <= WAITS_MOST_MS;
}

void span_went_on(struct span *s)
{
	struct learner *l = provider_learner(s->p);
	if (l->limited > 0)
		learner_calm(l, loop_now_ms(s->world->loop));
}

/* A block that the endpoint has just spoken of is not there: it moved, or several machines answer (R2). */
void span_unknown_block(struct span *s, const char *what)
{
	s->refused = (struct refused){.class = REFUSAL_HEAD, .oldest = -1};
	s->asked = (struct learner_asked){-1, -1, 1, 0, s->sent_ms};
	err_put(&s->why, ERR_TRANSIENT, "%s", what);
	span_done(s, SPAN_REFUSED);
}

/* ── a range that is too large to be held ── */

/* Times first: a tuple that is taken can't be patched any more. Then it stands still until its turn comes. */
static void overflow(struct span *s)
{
	if (s->aside || s->full)
		return;
	rpc_pause(s->request, true);
	span_timed(s);
}

void span_timed(struct span *s)
{
	if (!span_times_known(s)) {
		span_ask_times(s);
		return;
	}
	if (s->ended) {
		span_done(s, SPAN_OK);
	} else {
		s->full = true;
		s->world->on_full(s->world->arg, s);
	}
}

void span_go_on(struct span *s)
{
	if (!s->full)
		return;
	s->full = false;
	if (s->request)
		rpc_pause(s->request, false);
}

void span_pause(struct span *s, bool paused)
{
	if (s->request && s->streamed && !s->full && !s->aside)
		rpc_pause(s->request, paused);
}

/* ── the question ── */

static int calls_of(const struct span *s)
{
	return (int)s->plan.n + (s->children ? 0 : span_headers(s));
}

static void put_call(struct span *s, struct rpc_request *q, int i)
{
	uint64_t from = (uint64_t)s->seg->from, to = (uint64_t)s->seg->to;
	if (i < (int)s->plan.n) {
		const char *members = s->plan.requests[i].members;
		rpc_call(q, "eth_getLogs", "[{\"fromBlock\":\"0x%" PRIx64 "\",\"toBlock\":\"0x%" PRIx64 "\"%s%s}]",
			from, to, *members ? "," : "", members);
		return;
	}
	/* The last block's header stands last: it shows that the endpoint had it when it spoke of its logs (R2).
	 */
	rpc_call(q, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]",
		(uint64_t)span_header_at(s, i - (int)s->plan.n));
}

void span_pace(struct span *s, struct rpc_request *q, bool behind)
{
	uint64_t now = loop_now_ms(s->world->loop);
	uint64_t ms = behind ? learner_book(provider_learner(s->p), now, (uint32_t)rpc_calls(q)) : 0;
	rpc_after(q, ms);
	s->sent_ms = now + ms;
}

static void on_reply(void *arg, const struct rpc_reply *q);

static void ask_on(struct span *s)
{
	struct rpc_request *q = rpc_request(provider_rpc(s->p));
	int all = calls_of(s), most = (int)learner_calls(provider_learner(s->p), all);
	s->sent_from = s->step;
	for (int i = s->step; i < all && i - s->step < most; i++)
		put_call(s, q, i);
	s->streamed = !s->gather && s->step == 0 && s->plan.n > 0;
	if (s->streamed) {
		if (!s->stream)
			s->stream = log_stream_new(on_streamed, s);
		log_stream_reset(s->stream);
		rpc_stream(q, 0, &log_stream_sax, s->stream);
	}
	span_pace(s, q, s->step > 0);
	s->request = q;
	rpc_send(q, on_reply, s);
}

static bool take_log_list(struct span *s, const struct rpc_reply *q, int i, size_t request)
{
	struct log *logs;
	size_t n;
	struct err e = {0};
	if (s->streamed && q->answers[i].result.n == 0) {
		if (log_stream_end(s->stream, &e))
			return true;
	} else if (str_is(q->answers[i].result, "null")) {
		span_unknown_block(s, "the endpoint has no logs of blocks that it has shown");
		return false;
	} else if (logs_parse(&s->mem, q->answers[i].result, &logs, &n, &e)) {
		for (size_t k = 0; k < n; k++)
			if (!span_take_log(s, request, &logs[k]))
				return false;
		return true;
	}
	s->outcome = SPAN_LIED;
	s->why = e;
	err_prefix_put(&s->why, "eth_getLogs");
	return false;
}

bool span_take_end(struct span *s, const struct rpc_answer *a, int64_t number, struct block_header *h)
{
	struct err e = {0};
	bool found = false;
	if (!header_parse(&s->mem, a->result, h, &found, &e)) {
		s->outcome = SPAN_LIED;
		s->why = e;
		return false;
	}
	if (!found) {
		span_unknown_block(s, "the endpoint does not have the end of the range yet");
		return false;
	}
	if (!proof_header(s->world->trust, header_check(&s->mem, a->result))) {
		s->outcome = SPAN_LIED;
		err_put(
			&s->why, ERR_MALFORMED, "a header whose hash is not that of its fields, block %" PRId64, number);
		return false;
	}
	if ((int64_t)h->number != number) {
		s->outcome = SPAN_LIED;
		err_put(&s->why, ERR_MALFORMED, "asked for block %" PRId64 ", got block %" PRIu64, number, h->number);
		return false;
	}
	return true;
}

/* Answer i of the request is about call `call`. false: s->outcome says why, or on_done was told already. */
static bool take_answer(struct span *s, const struct rpc_reply *q, int i, int call)
{
	int64_t from = s->seg->from, to = s->seg->to;
	if (call < (int)s->plan.n) {
		if (q->answers[i].ok)
			return take_log_list(s, q, i, (size_t)call);
		span_refuse(s, q, i, from, to);
		return false;
	}
	if (!q->answers[i].ok) {
		span_refuse(s, q, i, -1, -1);
		return false;
	}
	return span_take_header(s, &q->answers[i], call - (int)s->plan.n);
}

static void all_answered(struct span *s)
{
	if (s->seg->from == s->seg->to && !s->children)
		s->first = s->last;
	if (!s->children && !s->gather && !span_ends_agree(s)) {
		span_done(s, s->outcome);
		return;
	}
	if (!s->children && span_doubtful(s)) {
		span_done(s, SPAN_DOUBT);
		return;
	}
	s->ended = true;
	s->children = false;
	if (span_wants_proof(s))
		span_done(s, SPAN_OK);
	else if (s->gather && !s->world->filter->has_factories && !span_settle(s))
		span_done(s, s->outcome);
	else
		span_timed(s);
}

static void on_reply(void *arg, const struct rpc_reply *q)
{
	struct span *s = arg;
	s->request = NULL;
	s->bytes += q->bytes;
	s->took_us += q->took_us;
	s->first_us = q->first_us;
	if (s->outcome != SPAN_OPEN) { /* on_streamed has said no */
		span_done(s, s->outcome);
		return;
	}
	if (!q->ok && s->step > 0 && span_too_often(s, q, 0)) {
		ask_on(s);
		return;
	}
	if (!q->ok) {
		span_refuse(s, q, 0, s->sent_from < (int)s->plan.n ? s->seg->from : -1,
			s->sent_from < (int)s->plan.n ? s->seg->to : -1);
		return;
	}
	for (int i = 0; i < q->calls; i++) {
		if (!q->answers[i].ok && s->step > 0 && span_too_often(s, q, i)) {
			ask_on(s);
			return;
		}
		if (!take_answer(s, q, i, s->step)) {
			if (s->outcome == SPAN_LIED || s->outcome == SPAN_UNSORTED)
				span_done(s, s->outcome);
			return;
		}
		s->step++;
	}
	if (s->step < calls_of(s)) {
		span_went_on(s);
		ask_on(s);
	} else {
		all_answered(s);
	}
}

static void measure_plan(struct span *s)
{
	s->widest = 0;
	for (size_t i = 0; i < s->plan.n; i++) {
		const struct filter_request *r = &s->plan.requests[i];
		s->widest = r->naddresses > s->widest ? r->naddresses : s->widest;
		for (size_t k = 0; k < 4; k++)
			s->widest = r->topics[k].n > s->widest ? r->topics[k].n : s->widest;
	}
}

void span_ask(struct span *s, struct pipe_seg *seg, struct provider *p, bool gather_all, enum span_mode mode)
{
	must(!s->request && !s->aside && !s->proof);
	must(mode == SPAN_RANGE || seg->from == seg->to);
	forget(s);
	s->seg = seg;
	s->p = p;
	s->mode = mode;
	size_t cap = (size_t)learner_filter(provider_learner(p), FILTER_CAP_DEFAULT);
	if (mode == SPAN_RANGE)
		filter_plan_make(&s->plan, s->world->filter, cap, FILTER_REQUESTS);
	else
		filter_plan_pairs(&s->plan, s->world->filter, cap);
	measure_plan(s);
	if (s->world->want != PROOF_NONE) {
		size_t n = (size_t)(seg->to - seg->from + 1);
		s->headers = arena_alloc(&s->mem, n * sizeof *s->headers);
		s->blocks = arena_alloc(&s->mem, n * sizeof *s->blocks);
	}
	s->gather =
		gather_all || s->headers || mode != SPAN_RANGE || s->plan.n > 1 || s->world->filter->has_factories;
	s->children_asked = s->world->filter->added;
	s->step = 0;
	s->ripe = false;
	if (mode == SPAN_RECEIPTS)
		span_ask_receipts(s);
	else
		ask_on(s);
}

void span_ask_again(struct span *s, struct provider *p)
{
	struct provider *before = s->p;
	uint64_t logs = s->logs;
	span_ask(s, s->seg, p, s->gather, s->mode);
	s->doubted = before;
	s->doubted_logs = logs;
}

/* ── children of factories ── */

static void learn(struct span *s)
{
	for (size_t i = 0; i < s->ngathered; i++) {
		const struct filter_event *ev = filter_match(s->world->filter, &s->gathered[i]);
		if (ev)
			filter_try(s->world->filter, &s->trial, ev->decl, &s->gathered[i]);
	}
}

/* false: there are none that were not asked for. */
static bool ask_children(struct span *s)
{
	const struct filter *f = s->world->filter;
	size_t cap = (size_t)learner_filter(provider_learner(s->p), FILTER_CAP_DEFAULT);
	if (s->children_asked == f->added)
		return false;
	filter_plan_children(&s->plan, f, s->children_asked, cap, FILTER_REQUESTS);
	s->children_asked = f->added;
	if (s->plan.n == 0) /* they were taken back since */
		return false;
	measure_plan(s);
	s->children = true;
	s->proved = false;
	s->step = 0;
	ask_on(s);
	return true;
}

enum span_ripeness span_ripen(struct span *s)
{
	must(s->outcome == SPAN_OK);
	if (!s->world->filter->has_factories || s->ripe)
		return SPAN_RIPE;
	logs_sort(s->gathered, s->ngathered);
	learn(s);
	s->outcome = SPAN_OPEN;
	if (ask_children(s))
		return SPAN_WAITS;
	if (span_wants_proof(s)) {
		s->outcome = SPAN_OK;
		return SPAN_UNPROVED;
	}
	if (!span_settle(s)) {
		span_done(s, s->outcome);
		return SPAN_WAITS;
	}
	if (!span_times_known(s)) {
		span_ask_times(s);
		return SPAN_WAITS;
	}
	s->outcome = SPAN_OK;
	return SPAN_RIPE;
}

size_t span_take_rows(struct span *s, size_t i, int64_t base, struct buf *out)
{
	struct run_rows *run = &s->runs[i];
	size_t n = run->n;
	ids_flush(s->ids);
	rows_rebase(run, base);
	*out = run->bytes;
	run->bytes = (struct buf){0};
	rows_clear(run);
	s->live_bytes -= out->n;
	return n;
}
