#define _GNU_SOURCE
#include "common/io/ws.h"
#include "common/base/mem.h"
#include "common/io/dial.h"
#include "common/io/ws_upgrade.h"

#include <stdlib.h>

enum {
	HEAD_MOST = 16 << 10, /* bytes of the answer to the handshake */
	PONG_MS = 10000,
	GOODBYE_MS = 200, /* for the peer's end behind our close frame */
	PONGS_UNSENT = 64 << 10,
};

struct ws {
	struct loop *loop;
	struct ws_events ev;
	struct endpoint at;
	struct dial *dial; /* NULL: the URL is none */
	struct ws_frames *frames;
	char key[WS_KEY_N + 1];
	struct buf head;       /* of the answer, until it is whole */
	struct buf early;      /* frames that wait for the answer */
	struct buf out;        /* the frame that is being made */
	struct timer *goodbye; /* for the peer's end behind one */
	struct timer *pong;    /* for the answer to the ping that left at pinged_ms */
	uint64_t pinged_ms;
	bool dialled, up; /* the connection stands · the answer granted it */
	bool pong_due;
	bool closing;   /* a goodbye was said, or it was refused: nothing but the end is told */
	struct err err; /* why it ended: the first reason stands */
};

static void note(struct ws *w, enum err_class class, const char *what, const char *detail)
{
	if (w->err.class == ERR_NONE)
		err_put(&w->err, class, "%s %s%s%s", w->at.name, what, detail ? ": " : "", detail ? detail : "");
}

static void end(void *arg)
{
	struct ws *w = arg;
	w->closing = true; /* on_close may call us once more */
	timer_free(&w->goodbye);
	timer_free(&w->pong);
	ws_frames_free(w->frames);
	buf_fini(&w->head);
	buf_fini(&w->early);
	buf_fini(&w->out);
	w->ev.on_close(w->ev.arg, &w->err);
	free(w);
}

static void on_end(void *arg, const struct err *e)
{
	struct ws *w = arg;
	bool by_peer = w->dialled && e->code == 0;
	if (by_peer && w->up)
		note(w, ERR_TRANSIENT, "closed the WebSocket", NULL);
	else if (by_peer)
		note(w, ERR_TRANSIENT, "refused the WebSocket", "it closed the connection");
	else if (w->err.class == ERR_NONE)
		w->err = *e;
	end(w);
}

static void cut(void *arg)
{
	struct ws *w = arg;
	dial_close(w->dial);
}

/* ── out ───────────────────────────────────────────────────────────────────────────────────────────────── */

static void send_frame(struct ws *w, uint8_t opcode, struct str payload)
{
	struct buf *b = w->up ? &w->out : &w->early;
	ws_frame_put(b, opcode, payload, true);
	if (!w->up)
		return;
	dial_send(w->dial, b->p, b->n);
	if (b->cap > 1 << 20)
		buf_fini(b);
	buf_clear(b);
}

/* Section 7.1: a close frame, then the peer ends the connection, so that it sees an end and no failure; one
 * that does not is cut. */
static void say_goodbye(struct ws *w, int code, bool with_code)
{
	w->closing = true;
	timer_stop(&w->pong);
	if (!w->up) {
		cut(w);
		return;
	}
	char payload[2] = {(char)(code >> 8), (char)code};
	send_frame(w, WSLAY_CONNECTION_CLOSE, (struct str){payload, with_code ? 2 : 0});
	timer_start(w->loop, &w->goodbye, GOODBYE_MS, cut, w);
}

void ws_text(struct ws *w, struct str message)
{
	if (!w->closing)
		send_frame(w, WSLAY_TEXT_FRAME, message);
}

static void on_no_pong(void *arg)
{
	struct ws *w = arg;
	note(w, ERR_TRANSIENT, "did not answer a ping within 10 s", NULL);
	ws_close(w);
}

void ws_ping(struct ws *w)
{
	if (!w->up || w->closing || w->pong_due)
		return;
	w->pong_due = true;
	w->pinged_ms = loop_now_ms(w->loop);
	timer_start(w->loop, &w->pong, PONG_MS, on_no_pong, w);
	send_frame(w, WSLAY_PING, STR(""));
}

uint64_t ws_unanswered_ms(const struct ws *w)
{
	return w->pong_due ? loop_now_ms(w->loop) - w->pinged_ms : 0;
}

void ws_close(struct ws *w)
{
	if (w->closing || !w->dial)
		return;
	note(w, ERR_TRANSIENT, "was closed by us", NULL);
	say_goodbye(w, WSLAY_CODE_NORMAL_CLOSURE, true);
}

/* ── in ────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_control(struct ws *w, const struct ws_piece *x)
{
	if (x->opcode == WSLAY_PING) {
		/* Section 5.5.3 wants the last one answered: a peer that reads no answer gets no more of them. */
		if (!w->closing && dial_unsent(w->dial) < PONGS_UNSENT)
			send_frame(w, WSLAY_PONG, x->bytes);
	} else if (x->opcode == WSLAY_PONG) {
		w->pong_due = false;
		timer_stop(&w->pong);
	} else if (w->closing) {
		cut(w); /* the answer to our goodbye */
	} else {
		int code = ws_goodbye_code(x->bytes);
		bool bare = code == WSLAY_CODE_NO_STATUS_RCVD;
		note(w, code ? ERR_TRANSIENT : ERR_MALFORMED, "closed the WebSocket",
			code ? NULL : "by a broken frame");
		say_goodbye(w, code ? code : WSLAY_CODE_PROTOCOL_ERROR, !bare);
	}
}

static void take_frames(struct ws *w, const char *bytes, size_t n)
{
	struct ws_piece x;
	enum ws_got got;
	ws_frames_feed(w->frames, bytes, n);
	while ((got = ws_frames_next(w->frames, &x)) != WS_NOTHING) {
		if (got == WS_CONTROL) {
			take_control(w, &x);
		} else if (got == WS_TEXT && !w->closing) {
			/* A peer that leaves Nagle's algorithm on (RFC 896; anvil does) holds its next message until this
			 * one is acknowledged. */
			if (x.last)
				dial_acknowledge(w->dial);
			w->ev.on_piece(w->ev.arg, x.bytes, x.first, x.last);
		} else if (got == WS_BROKEN) {
			note(w, ERR_MALFORMED, "broke the rules of WebSocket", x.why);
			if (!w->closing)
				say_goodbye(w, x.code, true);
			cut(w);
			return;
		}
	}
}

/* Another address may be another machine: it is asked before this one is believed. */
static void refuse(struct ws *w, const struct err *e)
{
	if (w->err.class == ERR_NONE) {
		note(w, e->class, "refused the WebSocket", e->text);
		w->err.code = e->code;
	}
	dial_next(w->dial);
}

/* The answer to the handshake; what stands behind it are frames. */
static void take_answer(struct ws *w, const char *bytes, size_t n)
{
	struct err e;
	buf_put(&w->head, bytes, n);
	char *blank = memmem(w->head.p, w->head.n, "\r\n\r\n", 4);
	size_t head_n = blank ? (size_t)(blank + 4 - w->head.p) : w->head.n;
	if (head_n > HEAD_MOST) {
		err_put(&e, ERR_MALFORMED, "its answer does not end");
		refuse(w, &e);
		return;
	}
	if (!blank)
		return;
	if (!ws_upgrade_granted((struct str){w->head.p, head_n}, w->key, &e)) {
		refuse(w, &e);
		return;
	}
	struct buf came = w->head;
	w->head = (struct buf){0};
	w->up = true;
	w->err = (struct err){0};
	dial_settle(w->dial);
	if (w->early.n)
		dial_send(w->dial, w->early.p, w->early.n);
	buf_fini(&w->early);
	w->frames = ws_frames_new(false, UINT64_MAX);
	w->ev.on_open(w->ev.arg);
	if (came.n > head_n)
		take_frames(w, came.p + head_n, came.n - head_n);
	buf_fini(&came);
}

static void on_bytes(void *arg, const char *bytes, size_t n)
{
	struct ws *w = arg;
	if (w->up)
		take_frames(w, bytes, n);
	else
		take_answer(w, bytes, n);
}

static void on_up(void *arg)
{
	struct ws *w = arg;
	w->dialled = true;
	buf_clear(&w->head);
	ws_upgrade_key(w->key);
	ws_upgrade_ask(&w->out, &w->at, w->key);
	dial_send(w->dial, w->out.p, w->out.n);
	buf_clear(&w->out);
}

struct ws *ws_open(struct loop *l, const char *url, const struct ws_events *ev)
{
	struct ws *w = mem_alloc(sizeof *w);
	w->loop = l;
	w->ev = *ev;
	if (endpoint_parse(&w->at, url, &w->err) && !w->at.websocket)
		note(w, ERR_REJECTED, "is not a ws:// or wss:// URL", NULL);
	if (w->err.class) {
		loop_later(l, end, w);
		return w;
	}
	w->dial = dial_open(
		l, &w->at, &(struct dial_events){.on_up = on_up, .on_bytes = on_bytes, .on_end = on_end, .arg = w});
	return w;
}
