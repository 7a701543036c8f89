#include "common/base/mem.h"
#include "common/io/http_in.h"

#include <stdlib.h>

enum { UNSENT = 64 << 10, ALIVE_AFTER_S = 60 };

struct http_stream {
	struct http_conn *c;    /* NULL: lost */
	struct http_request *q; /* its head waits behind other answers; NULL: sent */
	struct loop *loop;
	struct http_stream_options o;
	struct http_pieces early; /* what was sent while q waits */
	bool chunked, upgrade;
	bool mute;  /* to a HEAD: no body */
	bool ended; /* by the caller */
	bool told;  /* the caller knows that it is lost */
	bool leave; /* the caller knows that the server drains, or will in the next turn */
	int laters; /* calls back that are due */
	enum http_gone why;
};

static void free_if_done(struct http_stream *st)
{
	if (st->laters || st->c || !(st->ended || st->told))
		return;
	http_pieces_clear(&st->early);
	free(st);
}

static void tell_gone(void *arg)
{
	struct http_stream *st = arg;
	if (!st->ended && !st->told) {
		st->told = true;
		if (st->o.on_gone)
			st->o.on_gone(st->o.arg, st->why);
	}
	st->laters--;
	free_if_done(st);
}

void http_stream_lost(struct http_stream *st, enum http_gone why)
{
	st->c = NULL;
	st->q = NULL;
	st->why = why;
	if (!st->ended) {
		st->laters++;
		loop_later(st->loop, tell_gone, st);
	}
	free_if_done(st);
}

/* Says what ends the body; the connection goes on with the next request, or ends. */
static void finish(struct http_stream *st)
{
	struct http_conn *c = st->c;
	if (st->chunked && !st->mute) {
		struct http_frame *f = http_frame_new(STR(""));
		/* "0" CR LF and the CR LF of no trailers stand at the end of "00000000" CR LF CR LF */
		http_pieces_put(&c->out, f, 7, HTTP_FRAME_FRONT + HTTP_FRAME_BACK);
		http_frame_drop(f);
	}
	if (!st->chunked && !st->mute)
		c->final = true;
	c->stream = NULL;
	http_send_mark(c);
}

/* A stream without its own goodbye. */
static void finish_lost(struct http_stream *st, enum http_gone why)
{
	finish(st);
	http_stream_lost(st, why);
}

void http_stream_on(struct http_stream *st, struct http_conn *c)
{
	st->q = NULL;
	c->stream = st;
	if (!c->listener->path) /* a peer whose machine has died says nothing; no deadline would find it */
		uv_tcp_keepalive(&c->s.tcp, 1, ALIVE_AFTER_S);
	if (st->upgrade) {
		http_parser_fini(c->parser);
		free(c->parser);
		c->parser = NULL;
	}
	for (uint32_t i = 0; i < st->early.n; i++) {
		struct http_piece *x = &st->early.v[st->early.begin + i];
		http_pieces_put(&c->out, x->frame, x->at, x->end);
	}
	http_pieces_clear(&st->early);
	http_send_mark(c);
	if (st->ended || st->mute)
		finish_lost(st, HTTP_GONE_PEER);
	else if (c->server->draining)
		http_stream_going_away(st);
}

void http_stream_bytes(struct http_stream *st, const char *bytes, size_t n)
{
	if (st->o.on_bytes && n)
		st->o.on_bytes(st->o.arg, (const uint8_t *)bytes, n);
}

bool http_stream_is_upgrade(const struct http_stream *st)
{
	return st->upgrade;
}

static void tell_going_away(void *arg)
{
	struct http_stream *st = arg;
	if (st->c && !st->ended)
		st->o.on_going_away(st->o.arg); /* may end it: what is due keeps st */
	st->laters--;
	free_if_done(st);
}

void http_stream_going_away(struct http_stream *st)
{
	if (st->leave)
		return;
	if (st->o.on_going_away) {
		st->leave = true;
		st->laters++;
		loop_later(st->loop, tell_going_away, st);
	} else if (!st->q) {
		st->c->final = true;
		finish_lost(st, HTTP_GONE_CLOSED);
	}
}

/* Takes q's answer over; its head stands in q->reply. */
static struct http_stream *begin(struct http_request *q, const struct http_stream_options *o)
{
	struct http_conn *c = q->conn;
	struct http_stream *st = mem_alloc(sizeof *st);
	st->c = c;
	st->q = q;
	st->loop = c->server->loop;
	st->o = *o;
	st->o.max_unsent = o->max_unsent ? o->max_unsent : UNSENT;
	q->answered = true;
	q->stream = st;
	http_due_drop(&q->late);
	if (!q->alone)
		c->holds++;
	c->gathered += q->reply.n;
	return st;
}

/* The peer went before it was answered, or the server ends. */
static struct http_stream *begin_lost(struct http_request *q, const struct http_stream_options *o)
{
	struct http_conn *c = q->conn;
	struct http_stream *st = mem_alloc(sizeof *st);
	st->loop = c->server->loop;
	st->o = *o;
	http_stream_lost(st, HTTP_GONE_PEER);
	q->answered = true;
	http_due_drop(&q->late);
	http_conn_pop(c, q);
	http_spare_put(c->server, q);
	c->final = true;
	if (c->closing)
		http_conn_free_if_done(c);
	else
		http_conn_advance(c);
	return st;
}

struct http_stream *http_answer_stream(
	struct http_request *q, int status, const char *content_type, const struct http_stream_options *o)
{
	struct http_conn *c = q->conn;
	must(!q->answered);
	if (c->closing || c->server->closing)
		return begin_lost(q, o);
	bool last = q->http10 || c->server->closing || c->server->draining;
	c->final |= last;
	if (!q->http10)
		http_answer_header(q, "Transfer-Encoding", "chunked");
	http_answer_head(q, status, content_type, -1, c->final && c->last == q ? "close" : NULL);
	struct http_stream *st = begin(q, o);
	st->chunked = !q->http10;
	st->mute = q->method == HTTP_HEAD;
	http_conn_advance(c);
	return st;
}

struct http_stream *http_upgrade(
	struct http_request *q, const char *protocol, const struct http_stream_options *o)
{
	struct http_conn *c = q->conn;
	must(!q->answered && q->upgrade);
	if (c->closing || c->server->closing)
		return begin_lost(q, o);
	http_answer_header(q, "Upgrade", protocol);
	http_answer_head(q, 101, NULL, -1, "Upgrade");
	struct http_stream *st = begin(q, o);
	st->upgrade = true;
	http_conn_advance(c);
	return st;
}

size_t http_stream_unsent(const struct http_stream *st)
{
	return st->c ? st->early.bytes + (st->q ? 0 : http_send_unsent(st->c)) : 0;
}

bool http_stream_send(struct http_stream *st, struct http_frame *f)
{
	if (!st->c)
		return false;
	if (st->mute || f->n == 0)
		return true;
	if (http_stream_unsent(st) + f->n > st->o.max_unsent) {
		http_conn_close(st->c, HTTP_GONE_SLOW);
		return false;
	}
	if (st->q)
		http_pieces_put(&st->early, f, st->chunked ? 0 : HTTP_FRAME_FRONT,
			HTTP_FRAME_FRONT + f->n + (st->chunked ? HTTP_FRAME_BACK : 0));
	else
		http_send_frame(st->c, f, st->chunked);
	return true;
}

bool http_stream_write(struct http_stream *st, struct str bytes)
{
	struct http_frame *f = http_frame_new(bytes);
	bool ok = http_stream_send(st, f);
	http_frame_drop(f);
	return ok;
}

void http_stream_forget_unsent(struct http_stream *st)
{
	http_pieces_clear(&st->early);
	if (st->c && !st->q)
		http_send_forget(st->c, false);
}

void http_stream_read(struct http_stream *st, bool on)
{
	if (st->c && !st->q && st->upgrade)
		http_conn_read(st->c, on);
}

void http_stream_end(struct http_stream *st)
{
	must(!st->ended);
	st->ended = true;
	if (st->c && !st->q) {
		finish(st);
		st->c = NULL;
	}
	free_if_done(st);
}

void http_stream_cut(struct http_stream *st)
{
	must(!st->ended);
	st->ended = true;
	struct http_conn *c = st->c;
	if (c)
		http_conn_close(c, HTTP_GONE_CLOSED); /* comes back by http_stream_lost, which frees st */
	else
		free_if_done(st);
}

struct str http_stream_peer(const struct http_stream *st)
{
	return st->c ? str_of(st->c->name) : STR("");
}
