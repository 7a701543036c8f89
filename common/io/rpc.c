#include "common/base/mem.h"
#include "common/io/rpc_in.h"

#include <stdio.h>
#include <stdlib.h>

static void list_put(struct rpc_list *l, struct rpc_request *q)
{
	q->in = l;
	q->next = NULL;
	q->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = q;
	l->last = q;
}

static void list_take(struct rpc_request *q)
{
	struct rpc_list *l = q->in;
	*(q->prev ? &q->prev->next : &l->first) = q->next;
	*(q->next ? &q->next->prev : &l->last) = q->prev;
	q->in = NULL;
}

struct rpc *rpc_open(struct loop *l, const char *url, uint64_t timeout_ms)
{
	struct rpc *r = mem_alloc(sizeof *r);
	r->loop = l;
	r->url = mem_text(url);
	r->timeout_ms = timeout_ms ? timeout_ms : 30000;
	endpoint_parse(&r->at, url, &r->bad_url);
	return r;
}

const char *rpc_url(const struct rpc *r)
{
	return r->url;
}

bool rpc_is_websocket(const struct rpc *r)
{
	return r->at.websocket && r->bad_url.class == ERR_NONE;
}

struct rpc_stats rpc_stats(const struct rpc *r)
{
	return r->stats;
}

/* ---- composing ---- */

/* Ids of one request follow each other and fit 31 bits, which every node can hold. */
struct rpc_request *rpc_request(struct rpc *r)
{
	struct rpc_request *q = mem_alloc(sizeof *q);
	q->rpc = r;
	q->first_id = (1 + r->serial++ % (INT16_MAX - 1)) * RPC_CALLS_MOST;
	q->stream_call = -1;
	return q;
}

/* The object of the call before is closed by the one that follows, or by rpc_send. */
struct buf *rpc_params(struct rpc_request *q, const char *method)
{
	must(q->calls < RPC_CALLS_MOST);
	if (q->pieces)
		q = rpc_piece(q);
	buf_text(&q->ask, q->calls ? "},{\"jsonrpc\":\"2.0\",\"id\":" : "[{\"jsonrpc\":\"2.0\",\"id\":");
	buf_uint(&q->ask, q->first_id + (unsigned)q->calls);
	buf_text(&q->ask, ",\"method\":\"");
	buf_text(&q->ask, method);
	buf_text(&q->ask, "\",\"params\":");
	q->calls++;
	return &q->ask;
}

void rpc_call(struct rpc_request *q, const char *method, const char *params, ...)
{
	va_list ap;
	va_start(ap, params);
	buf_vprintf(rpc_params(q, method), params, ap);
	va_end(ap);
}

int rpc_calls(const struct rpc_request *q)
{
	return q->calls;
}

void rpc_after(struct rpc_request *q, uint64_t ms)
{
	q->after_ms = ms;
}

void rpc_stream(struct rpc_request *q, int call, const struct sax *sax, void *ctx)
{
	must(call >= 0 && call < q->calls && q->stream_call < 0 && !q->pieces);
	q->stream_call = call;
	q->sax = sax;
	q->sax_ctx = ctx;
}

/* ---- the ways out ---- */

/* Off its list and its connection: nothing reaches q any more. */
static void release(struct rpc_request *q)
{
	if (q->in)
		list_take(q);
	if (q->started)
		q->rpc->running[q->stream_call >= 0]--;
	q->started = false;
	if (q->easy)
		rpc_http_drop(q);
	if (q->link)
		rpc_ws_drop(q);
}

void rpc_request_free(struct rpc_request *q)
{
	rpc_pieces_free(q->pieces);
	rpc_json_free(q->json);
	buf_fini(&q->ask);
	buf_fini(&q->later);
	free(q);
}

static void start_waiting(struct rpc *r);

void rpc_gone(struct rpc_request *q)
{
	struct rpc *r = q->rpc;
	release(q);
	rpc_request_free(q);
	if (r->waiting.first)
		rpc_step_soon(r);
}

static void answer(struct rpc_request *q, struct rpc_reply *rep)
{
	struct rpc *r = q->rpc;
	uint64_t now = clock_mono_us();
	release(q);
	rep->calls = q->calls;
	rep->bytes = q->bytes;
	rep->took_us = now > q->sent_us ? now - q->sent_us : 0;
	rep->first_us = q->first_us ? q->first_us - q->sent_us : 0;
	if (!rep->ok) {
		r->stats.failures++;
		rep->answers = NULL;
		rep->err.code = (int)rep->http_status;
		if (q->json)
			rep->body = rpc_json_head(q->json);
	}
	q->fn(q->arg, rep);
	rpc_request_free(q);
	start_waiting(r);
}

void rpc_failed(struct rpc_request *q, struct rpc_reply *rep)
{
	const char *name = q->rpc->at.name;
	rep->ok = false;
	rep->too_big = q->over;
	if (q->over)
		err_put(&rep->err, ERR_REJECTED, "%s answered more than %d MiB", name, RPC_KEPT_MOST >> 20);
	else if (q->json && rpc_json_unwanted(q->json))
		err_put(&rep->err, ERR_MALFORMED, "the answer of %s was not wanted any more", name);
	answer(q, rep);
}

static enum err_class class_of_status(long status)
{
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return ERR_TRANSIENT;
	return status >= 300 ? ERR_REJECTED : ERR_MALFORMED;
}

void rpc_whole(struct rpc_request *q, struct rpc_reply *rep)
{
	struct arena a = {0};
	struct err what = {0};
	struct rpc_answer *answers = arena_alloc(&a, (size_t)q->calls * sizeof *answers);
	rep->answers = answers;
	rep->ok = rpc_json_end(q->json, &a, answers, &what);
	if (rep->ok) {
		answer(q, rep);
	} else {
		char with[40] = "";
		if (rep->http_status)
			snprintf(with, sizeof with, " with status %ld", rep->http_status);
		err_put(&rep->err, class_of_status(rep->http_status), "%s answered %s%s, not JSON-RPC",
			q->rpc->at.name, what.text, with);
		rpc_failed(q, rep);
	}
	arena_fini(&a);
}

/* ---- time ---- */

static bool is_long(const struct rpc_request *q)
{
	return q->stream_call >= 0 && q->bytes;
}

/* When q's time is up; UINT64_MAX: it stands still. */
static uint64_t due(const struct rpc_request *q)
{
	uint64_t t = q->rpc->timeout_ms, all = q->born_ms + RPC_TOTAL * t;
	if (q->paused)
		return UINT64_MAX;
	if (!q->started)
		return q->stream_call >= 0 ? UINT64_MAX : all;
	uint64_t heard = q->heard_ms, others = q->link ? rpc_ws_heard_ms(q) : 0;
	uint64_t stall = (heard > others ? heard : others) + t;
	return is_long(q) || stall < all ? stall : all;
}

static void watch(struct rpc *r);

/* One whose time is up behind a turn in which bytes could have come; else NULL, and *next is when to look
 * again. */
static struct rpc_request *find_overdue(struct rpc *r, uint64_t now, uint64_t *next)
{
	const struct rpc_list *lists[] = {&r->sent, &r->waiting};
	*next = UINT64_MAX;
	for (int i = 0; i < 2; i++)
		for (struct rpc_request *q = lists[i]->first; q; q = q->next) {
			uint64_t at = q->cancelled ? UINT64_MAX : due(q); /* on_step ends those */
			if (at <= now && q->overdue)
				return q;
			q->overdue = at <= now;
			if (at < *next)
				*next = at;
		}
	return NULL;
}

static void on_watch(void *arg)
{
	struct rpc *r = arg;
	struct rpc_request *q;
	uint64_t now = loop_now_ms(r->loop), next;
	while ((q = find_overdue(r, now, &next))) {
		struct rpc_reply rep = {.timed_out = true};
		bool total = !is_long(q) && now >= q->born_ms + RPC_TOTAL * r->timeout_ms;
		err_put(&rep.err, ERR_TRANSIENT, "%s did not answer within %llu ms%s", r->at.name,
			(unsigned long long)(total ? RPC_TOTAL : 1) * r->timeout_ms,
			q->bytes ? ", its answer stopped half-way" : "");
		bool socket = q->link != NULL;
		rpc_failed(q, &rep);
		if (socket)
			rpc_ws_stalled(r);
	}
	if (next != UINT64_MAX)
		timer_start(r->loop, &r->watch, next > now ? next - now : 0, on_watch, r);
}

/* A time that begins now ends behind all that are watched already. */
static void watch(struct rpc *r)
{
	if (!timer_is_on(r->watch))
		timer_start(r->loop, &r->watch, r->timeout_ms, on_watch, r);
}

/* ---- sending and receiving ---- */

static void start(struct rpc_request *q)
{
	struct rpc *r = q->rpc;
	struct str ask = {q->ask.p, q->ask.n};
	if (q->calls == 1)
		ask = (struct str){q->ask.p + 1, q->ask.n - 2};
	list_take(q);
	list_put(&r->sent, q);
	q->started = true;
	q->heard_ms = loop_now_ms(r->loop);
	r->running[q->stream_call >= 0]++;
	q->json = rpc_json_new(q->first_id, q->calls);
	if (q->stream_call >= 0)
		rpc_json_stream(q->json, q->stream_call, q->sax, q->sax_ctx);
	if (r->at.websocket)
		rpc_ws_send(q, ask);
	else
		rpc_http_send(q, ask);
}

static void on_turns(void *arg)
{
	start_waiting(arg);
}

/* Long answers have connections of their own: they never hold the short ones up. */
static void start_waiting(struct rpc *r)
{
	uint64_t now = loop_now_ms(r->loop), soonest = UINT64_MAX;
	if (r->closing)
		return;
	if (r->busy) {
		rpc_step_soon(r);
		return;
	}
	for (struct rpc_request *q = r->waiting.first, *next; q; q = next) {
		next = q->next;
		if (q->born_ms > now)
			soonest = q->born_ms < soonest ? q->born_ms : soonest;
		else if (!q->cancelled && (r->at.websocket || r->running[q->stream_call >= 0] < RPC_CONNECTIONS))
			start(q);
	}
	if (soonest != UINT64_MAX)
		timer_start(r->loop, &r->turns, soonest - now, on_turns, r);
}

bool rpc_arrived(struct rpc_request *q, struct str piece)
{
	if (!q->first_us)
		q->first_us = clock_mono_us();
	q->bytes += piece.n;
	q->rpc->stats.bytes_in += piece.n;
	q->heard_ms = loop_now_ms(q->rpc->loop);
	q->overdue = false;
	q->feeding = true;
	rpc_json_feed(q->json, piece);
	q->feeding = false;
	q->over = rpc_json_kept(q->json) > RPC_KEPT_MOST;
	return !q->cancelled && !q->over && !rpc_json_unwanted(q->json);
}

void rpc_send(struct rpc_request *q, rpc_done_fn fn, void *arg)
{
	struct rpc *r = q->rpc;
	must(q->calls > 0);
	q->fn = fn;
	q->arg = arg;
	q->sent_us = clock_mono_us() + q->after_ms * 1000;
	if (q->pieces) {
		rpc_pieces_send(q);
		return;
	}
	q->born_ms = loop_now_ms(r->loop) + q->after_ms;
	r->stats.requests++;
	r->stats.calls += (uint64_t)q->calls;
	if (r->closing || r->bad_url.class) {
		q->turn = r->turn;
		list_put(&r->refused, q);
		rpc_step_soon(r);
		return;
	}
	buf_text(&q->ask, "}]");
	list_put(&r->waiting, q);
	watch(r);
	start_waiting(r);
}

void rpc_pause(struct rpc_request *q, bool paused)
{
	if (q->paused == paused)
		return;
	q->paused = paused;
	q->heard_ms = loop_now_ms(q->rpc->loop);
	q->overdue = false;
	if (!paused)
		rpc_step_soon(q->rpc);
}

void rpc_cancel(struct rpc_request *q)
{
	if (q->pieces) {
		rpc_pieces_cancel(q);
		return;
	}
	must(q->in && !q->cancelled);
	if (q->feeding)
		rpc_json_stop(q->json);
	q->cancelled = true;
	if (!q->feeding && !q->rpc->busy)
		rpc_gone(q);
	else
		rpc_step_soon(q->rpc);
}

/* ---- the turn of its own ---- */

static void finish_close(struct rpc *r)
{
	rpc_ws_close(r);
	rpc_http_close(r);
	timer_free(&r->watch);
	timer_free(&r->turns);
	free(r->url);
	free(r);
}

/* What was cancelled or went on while curl was busy with another. */
static bool step_one(struct rpc *r)
{
	struct rpc_list *lists[] = {&r->sent, &r->waiting};
	for (int i = 0; i < 2; i++)
		for (struct rpc_request *q = lists[i]->first; q; q = q->next) {
			if (q->cancelled) {
				rpc_gone(q);
				return true;
			}
			if (!q->paused && q->held) {
				rpc_http_resume(q);
				return true;
			}
			if (!q->paused && (q->later.n || q->later_ends)) {
				rpc_ws_resume(q);
				return true;
			}
		}
	return false;
}

/* Those refused before this turn get their error. */
static void answer_refused(struct rpc *r)
{
	r->turn++;
	while (r->refused.first && r->refused.first->turn != r->turn) {
		struct rpc_reply rep = {.err = r->bad_url};
		if (r->refused.first->cancelled) {
			rpc_gone(r->refused.first);
			continue;
		}
		if (r->closing)
			err_put(&rep.err, ERR_TRANSIENT,
				"the request to %s was given up, its connections were closed here", r->at.name);
		answer(r->refused.first, &rep);
	}
}

static void on_step(void *arg)
{
	struct rpc *r = arg;
	r->step_is_due = false;
	while (!r->closing && step_one(r))
		;
	struct rpc_list *lists[] = {&r->sent, &r->waiting};
	for (int i = 0; i < 2; i++)
		while (r->closing && lists[i]->first) {
			struct rpc_request *q = lists[i]->first;
			bool cancelled = q->cancelled;
			release(q);
			list_put(&r->refused, q);
			if (cancelled)
				rpc_gone(q);
		}
	answer_refused(r);
	if (r->closing && !r->step_is_due)
		finish_close(r);
	else if (!r->closing) {
		rpc_ws_step(r);
		start_waiting(r);
		if (r->sent.first || r->waiting.first)
			watch(r);
	}
}

void rpc_step_soon(struct rpc *r)
{
	if (!r->step_is_due)
		loop_later(r->loop, on_step, r);
	r->step_is_due = true;
}

void rpc_close(struct rpc *r)
{
	if (!r)
		return;
	must(!r->closing);
	r->closing = true;
	rpc_step_soon(r);
}
