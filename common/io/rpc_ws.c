#include "common/base/mem.h"
#include "common/io/rpc_in.h"
#include "common/io/rpc_route.h"
#include "common/io/ws.h"

#include <stdlib.h>

enum {
	GUESS_BYTES = 256 << 10, /* of a message whose id stands at its end before its owner is guessed */
	TEXT_MOST = 64 << 20,    /* of one for the ear */
	LATER_PIECE = 64 << 10,
};

/* Where the message that is being read goes. */
enum into {
	INTO_UNKNOWN, /* kept in held until its id is known */
	INTO_REQUEST,
	INTO_EAR, /* kept in held until it is whole */
	INTO_NOBODY,
};

struct rpc_link {
	struct rpc *rpc; /* NULL: given up, only its end is waited for */
	struct ws *ws;
	bool up;
	bool has_ear;
	struct rpc_ear ear;
	uint64_t heard_ms, answer_ms; /* the last byte; of an answer. 0: none */
	enum into into;
	struct rpc_request *to;
	struct rpc_route *route;
	struct buf held;
};

static void link_lost(struct rpc_link *k, const struct err *e);

/* ---- one message ---- */

static void complete(struct rpc_request *q)
{
	struct rpc_reply rep = {0};
	rpc_whole(q, &rep);
}

/* false: q has no more use for its message, and is gone. */
static bool feed(struct rpc_request *q, struct str piece)
{
	struct rpc_reply rep = {0};
	if (rpc_arrived(q, piece))
		return true;
	if (q->cancelled)
		rpc_gone(q);
	else
		rpc_failed(q, &rep);
	return false;
}

/* Other answers stand behind this one: what comes while it is paused is kept, never left on the socket. */
static void keep(struct rpc_request *q, struct str piece)
{
	struct rpc_reply rep = {0};
	buf_put(&q->later, piece.p, piece.n);
	q->over = q->later.n > RPC_KEPT_MOST;
	if (q->over)
		rpc_failed(q, &rep);
}

static void deliver(struct rpc_link *k, struct str piece, bool last)
{
	struct rpc_request *q = k->to;
	k->answer_ms = loop_now_ms(q->rpc->loop);
	if (q->paused || q->later.n) {
		q->later_ends = last;
		keep(q, piece);
		return;
	}
	if (feed(q, piece) && last) {
		if (q->paused)
			q->later_ends = true;
		else
			complete(q);
	}
}

static struct rpc_request *owner(struct rpc_link *k, uint64_t id)
{
	for (struct rpc_request *q = k->rpc->sent.first; q; q = q->next)
		if (q->link == k && id >= q->first_id && id - q->first_id < RPC_CALLS_MOST)
			return q;
	return NULL;
}

/* The one request under way; NULL: there are others. */
static struct rpc_request *only(struct rpc_link *k)
{
	struct rpc_request *q = k->rpc->sent.first;
	return q && !q->next && q->link == k && !q->bytes ? q : NULL;
}

static void give(struct rpc_link *k, struct rpc_request *q, bool last)
{
	struct buf b = k->held;
	k->held = (struct buf){0};
	k->into = INTO_REQUEST;
	k->to = q;
	deliver(k, (struct str){b.p, b.n}, last);
	buf_fini(&b);
}

/* An answer whose id stands behind a long result is kept whole, unless there is only one that it can be: that
 * one finds out by the id. */
static void find_owner(struct rpc_link *k, struct str piece, bool last)
{
	uint64_t id;
	enum route route = rpc_route_feed(k->route, piece, &id);
	struct rpc_request *q = route == ROUTE_ID ? owner(k, id) : NULL;
	bool guess = route == ROUTE_MORE && (last || k->held.n >= GUESS_BYTES);
	if (guess && (q = only(k)) && !last && q->stream_call < 0)
		q = NULL;
	if (q)
		give(k, q, last);
	else if (route != ROUTE_MORE)
		k->into = INTO_EAR;
}

static void tell_ear(struct rpc_link *k)
{
	if (k->has_ear)
		k->ear.on_text(k->ear.arg, (struct str){k->held.p, k->held.n});
	if (k->held.cap > 1 << 20)
		buf_fini(&k->held);
}

static void on_piece(void *arg, struct str piece, bool first, bool last)
{
	struct rpc_link *k = arg;
	struct err e;
	if (!k->rpc)
		return;
	k->heard_ms = loop_now_ms(k->rpc->loop);
	if (first) {
		rpc_route_free(k->route);
		k->route = rpc_route_new();
		buf_clear(&k->held);
		k->into = INTO_UNKNOWN;
		k->to = NULL;
	}
	if (k->into == INTO_REQUEST) {
		deliver(k, piece, last);
		return;
	}
	if (k->into == INTO_NOBODY)
		return;
	if (k->held.n + piece.n > (k->into == INTO_EAR ? TEXT_MOST : RPC_KEPT_MOST)) {
		err_put(&e, ERR_MALFORMED, "%s sent a message that is too long and answers nothing", k->rpc->at.name);
		struct ws *ws = k->ws;
		link_lost(k, &e);
		ws_close(ws);
		return;
	}
	buf_put(&k->held, piece.p, piece.n);
	if (k->into == INTO_UNKNOWN)
		find_owner(k, piece, last);
	if (last && k->rpc && (k->into == INTO_EAR || k->into == INTO_UNKNOWN))
		tell_ear(k);
}

/* ---- the socket ---- */

static void on_open(void *arg)
{
	struct rpc_link *k = arg;
	k->up = true;
	if (k->rpc && k->has_ear)
		k->ear.on_open(k->ear.arg);
}

/* Everyone who used the socket is told. Who asks again from inside is given another one. */
static void link_lost(struct rpc_link *k, const struct err *e)
{
	struct rpc *r = k->rpc;
	r->link = NULL;
	k->rpc = NULL;
	k->into = INTO_NOBODY;
	for (struct rpc_request *q = r->sent.first; q;) {
		if (q->link != k) {
			q = q->next;
			continue;
		}
		struct rpc_reply rep = {.err = *e};
		if (q->cancelled)
			rpc_gone(q);
		else
			rpc_failed(q, &rep);
		q = r->sent.first;
	}
	if (k->has_ear)
		k->ear.on_close(k->ear.arg, e);
	k->has_ear = false;
}

static void on_close(void *arg, const struct err *e)
{
	struct rpc_link *k = arg;
	if (k->rpc)
		link_lost(k, e);
	rpc_route_free(k->route);
	buf_fini(&k->held);
	free(k);
}

static struct rpc_link *link_get(struct rpc *r)
{
	struct ws_events ev = {.on_open = on_open, .on_piece = on_piece, .on_close = on_close};
	if (r->link)
		return r->link;
	struct rpc_link *k = mem_alloc(sizeof *k);
	ev.arg = k;
	k->rpc = r;
	k->into = INTO_NOBODY;
	k->heard_ms = loop_now_ms(r->loop);
	k->ws = ws_open(r->loop, r->url, &ev);
	r->link = k;
	return k;
}

/* ---- for rpc.c ---- */

void rpc_ws_send(struct rpc_request *q, struct str ask)
{
	q->link = link_get(q->rpc);
	ws_text(q->link->ws, ask);
}

void rpc_ws_resume(struct rpc_request *q)
{
	while (q->later_at < q->later.n) {
		size_t n = q->later.n - q->later_at;
		struct str piece = {q->later.p + q->later_at, n < LATER_PIECE ? n : LATER_PIECE};
		q->later_at += piece.n;
		if (!feed(q, piece))
			return;
		if (q->paused)
			return;
	}
	buf_fini(&q->later);
	q->later_at = 0;
	if (q->later_ends)
		complete(q);
}

void rpc_ws_drop(struct rpc_request *q)
{
	struct rpc_link *k = q->link;
	q->link = NULL;
	if (k->to != q)
		return;
	k->to = NULL;
	k->into = INTO_NOBODY;
}

uint64_t rpc_ws_heard_ms(const struct rpc_request *q)
{
	return q->link->answer_ms;
}

void rpc_ws_stalled(struct rpc *r)
{
	struct rpc_link *k = r->link;
	struct err e;
	if (!k || loop_now_ms(r->loop) - k->heard_ms < r->timeout_ms)
		return;
	err_put(&e, ERR_TRANSIENT, "%s brought nothing for %llu ms, its WebSocket was cut", r->at.name,
		(unsigned long long)r->timeout_ms);
	struct ws *ws = k->ws;
	link_lost(k, &e);
	ws_close(ws);
}

void rpc_ws_step(struct rpc *r)
{
	bool due = r->ear_open_due;
	r->ear_open_due = false;
	if (due && r->link && r->link->has_ear && r->link->up)
		r->link->ear.on_open(r->link->ear.arg);
}

void rpc_ws_close(struct rpc *r)
{
	struct rpc_link *k = r->link;
	struct err e;
	if (!k)
		return;
	err_put(&e, ERR_TRANSIENT, "the WebSocket to %s was closed here", r->at.name);
	struct ws *ws = k->ws;
	link_lost(k, &e);
	ws_close(ws);
}

struct ws *rpc_socket(struct rpc *r, const struct rpc_ear *ear)
{
	must(!r->closing);
	struct rpc_link *k = link_get(r);
	must(!k->has_ear);
	k->has_ear = true;
	k->ear = *ear;
	if (k->up) {
		r->ear_open_due = true;
		rpc_step_soon(r);
	}
	return k->ws;
}

void rpc_unsocket(struct rpc *r)
{
	if (r->link)
		r->link->has_ear = false;
}
