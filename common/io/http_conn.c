#include "common/base/mem.h"
#include "common/io/http_in.h"
#include "common/io/tls.h"

#include <stdlib.h>

enum {
	LINGER_MS = 2000,
	LAST_IDLE_MS = 250,   /* while draining: a request that is on its way on an idle connection still comes */
	REST_MOST = 16 << 10, /* bytes a peer may send ahead of an answer that stays open */
};

/* ── the end ───────────────────────────────────────────────────────────────────────────────────────────── */

void http_conn_pop(struct http_conn *c, struct http_request *q)
{
	struct http_request **p = &c->first, *before = NULL;
	while (*p != q) {
		before = *p;
		p = &before->next;
	}
	*p = q->next;
	if (c->last == q)
		c->last = before;
	c->waiting--;
}

static void free_parser(struct http_conn *c)
{
	if (c->parser)
		http_parser_fini(c->parser);
	free(c->parser);
	c->parser = NULL;
}

void http_conn_free_if_done(struct http_conn *c)
{
	/* A request that waits for its answer still points here. */
	if (!c->closed || c->waiting)
		return;
	struct http_server *s = c->server;
	*(c->prev ? &c->prev->next : &s->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free_parser(c);
	buf_fini(&c->rest);
	tls_free(c->tls);
	free(c);
	http_server_settle(s);
}

static void on_closed(uv_handle_t *h)
{
	struct http_conn *c = h->data;
	c->closed = true;
	http_conn_free_if_done(c);
}

static void drop_answered(struct http_conn *c, enum http_gone why)
{
	for (struct http_request *q = c->first, *next; q; q = next) {
		next = q->next;
		if (!q->answered)
			continue;
		http_conn_pop(c, q);
		if (q->stream)
			http_stream_lost(q->stream, why);
		http_spare_put(c->server, q);
	}
}

void http_conn_close(struct http_conn *c, enum http_gone why)
{
	if (c->closing)
		return;
	c->closing = c->final = true;
	c->listener->connections--;
	c->server->connections--;
	http_peers_drop(c->server->peers, c->peer);
	http_due_drop(&c->due);
	http_due_drop(&c->dirty);
	http_send_forget(c, true);
	struct http_stream *st = c->stream;
	c->stream = NULL;
	if (st)
		http_stream_lost(st, why);
	drop_answered(c, why);
	uv_close(&c->s.handle, on_closed);
}

static const char *sentence(int status)
{
	switch (status) {
	case 408: return "The request did not arrive whole in time; send it again, faster";
	case 413: return "The body is larger than this path takes; send less at once";
	case 414: return "The request line is too long; shorten the URL";
	case 417: return "Expect can only ask for 100-continue; leave it out";
	case 431: return "The headers are too many or too long; send fewer or shorter ones";
	case 501:
		return "This method or transfer coding is not known here; use a common method and plain chunked";
	case 505: return "Only HTTP/1.1 and HTTP/1.0 are spoken here; ask with one of them";
	default: return "This can't be read as one HTTP/1.1 request and nothing else; mend its lines and headers";
	}
}

/* Answers what could not be read as a request, behind the answers that are due, and takes no more. */
static void refuse(struct http_conn *c, int status, const char *why)
{
	struct http_request *q = http_spare_take(c->server);
	q->method = HTTP_GET;
	q->conn = c;
	c->final = true;
	c->receiving = false;
	*(c->first ? &c->last->next : &c->first) = q;
	c->last = q;
	c->waiting++;
	if (c->listener->o.on_refused)
		c->listener->o.on_refused(c->server->arg, q, status, why);
	else
		http_answer_refusal(q, status);
}

/* ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────── */

/* One at a time: a request on its way, a peer that doesn't read or asks nothing; none while we owe. */
static void set_wait(struct http_conn *c)
{
	const struct http_options *o = &c->listener->o;
	bool waits = c->due.in != NULL;
	if (c->closing || c->receiving || c->lingering || (c->tls && !tls_up(c->tls)))
		return; /* each of these has its time already */
	size_t unsent = http_send_unsent(c);
	if (unsent) {
		if (waits && c->wait == HTTP_WAIT_SEND)
			return;
		c->stuck = unsent;
		http_wait(c, HTTP_WAIT_SEND, c->server->closing ? LINGER_MS : o->send_ms);
	} else if (c->first || c->stream) {
		http_due_drop(&c->due);
	} else if (!waits || c->wait != HTTP_WAIT_IDLE) {
		http_wait(c, HTTP_WAIT_IDLE, c->server->draining ? LAST_IDLE_MS : o->idle_ms);
	}
}

static void on_unread(struct http_conn *c)
{
	size_t unsent = http_send_unsent(c);
	if (unsent >= c->stuck || c->server->closing) {
		http_conn_close(c, HTTP_GONE_SLOW);
		return;
	}
	set_wait(c);
}

void http_conn_on_due(struct http_conn *c)
{
	bool speaks = !c->tls || tls_up(c->tls);
	if (c->wait == HTTP_WAIT_SEND)
		on_unread(c);
	else if (c->wait == HTTP_WAIT_REQUEST && speaks)
		refuse(c, 408, sentence(408));
	else
		http_conn_close(c, HTTP_GONE_PEER);
}

/* ── requests ──────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_room(const struct http_conn *c)
{
	const struct http_options *o = &c->listener->o;
	return c->waiting < o->max_pipelined && !c->holds && !c->stream &&
		   c->gathered + http_send_unsent(c) < o->max_unsent;
}

static struct http_request *take_spare(void *arg)
{
	struct http_conn *c = arg;
	struct http_request *q = http_spare_take(c->server);
	q->conn = c; /* body_limit may ask for its peer */
	return q;
}

static void on_begin(void *arg)
{
	struct http_conn *c = arg;
	c->receiving = true;
}

static size_t body_limit(void *arg, const struct http_request *q)
{
	struct http_conn *c = arg;
	const struct http_options *o = &c->listener->o;
	return o->body_limit ? o->body_limit(c->server->arg, q) : o->max_body;
}

static bool on_request(void *arg, struct http_request *q)
{
	struct http_conn *c = arg;
	c->receiving = false;
	http_due_drop(&c->due); /* its time is over, the next request has its own */
	if (!q->keep_alive)
		c->final = true;
	q->next = NULL;
	*(c->first ? &c->last->next : &c->first) = q;
	c->last = q;
	c->waiting++;
	q->alone = q->upgrade || q->http10;
	c->holds += q->alone;
	if (c->listener->o.answer_ms)
		http_late_in(q, c->listener->o.answer_ms);
	c->server->fn(c->server->arg, q);
	return !c->final && has_room(c);
}

static void on_continue(void *arg)
{
	struct http_conn *c = arg;
	/* Behind other answers it would stand in the wrong place; a peer sends its body after a while anyway. */
	if (c->first || http_send_unsent(c))
		return;
	uv_buf_t b = uv_buf_init((char[]){"HTTP/1.1 100 Continue\r\n\r\n"}, 25);
	http_send(c, &b, 1);
}

/* Parses until the bytes end, the connection takes no more, or there is no room; what is left waits in rest.
 */
static void parse(struct http_conn *c, const char *bytes, size_t n)
{
	size_t done = 0;
	c->parsing = true;
	while (done < n && !c->final && has_room(c)) {
		size_t used;
		int status = http_parse(c->parser, bytes + done, n - done, &used);
		done += used;
		if (status)
			refuse(c, status, sentence(status));
	}
	c->parsing = false;
	/* One time for a whole request: it begins with its first bytes and is not moved by the next ones. */
	if (!c->closing && c->receiving && !(c->due.in && c->wait == HTTP_WAIT_REQUEST))
		http_wait(c, HTTP_WAIT_REQUEST, c->listener->o.request_ms);
	if (!c->closing && !c->final && done < n)
		buf_put(&c->rest, bytes + done, n - done);
}

static bool leaves_http(const struct http_conn *c)
{
	return c->stream && http_stream_is_upgrade(c->stream);
}

/* What came, decrypted. */
static void take(struct http_conn *c, const char *bytes, size_t n)
{
	if (leaves_http(c) && !c->rest.n) {
		http_stream_bytes(c->stream, bytes, n);
	} else if (!c->final || c->stream) {
		if (c->rest.n || c->stream)
			buf_put(&c->rest, bytes, n);
		else
			parse(c, bytes, n);
		/* While nothing is taken, the peer waits in its own buffers; an open answer reads on to see it go. */
		if (!c->closing && c->rest.n > (c->stream ? REST_MOST : 0))
			http_conn_read(c, false);
	}
}

void http_conn_take_rest(struct http_conn *c)
{
	if (c->closing || !c->rest.n)
		return;
	struct buf rest = c->rest;
	if (leaves_http(c)) {
		c->rest = (struct buf){0};
		http_conn_read(c, true);
		http_stream_bytes(c->stream, rest.p, rest.n);
		buf_fini(&rest);
	} else if (!c->final && has_room(c)) {
		c->rest = (struct buf){0};
		parse(c, rest.p, rest.n);
		buf_fini(&rest);
		if (!c->closing && !c->rest.n)
			http_conn_read(c, true);
	}
}

/* ── reading ───────────────────────────────────────────────────────────────────────────────────────────── */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	(void)h, (void)suggested;
	static char bytes[65536]; /* one read at a time is looked at, and at once */
	*b = uv_buf_init(bytes, sizeof bytes);
}

static void on_peer_gone(struct http_conn *c)
{
	if (c->stream) {
		http_conn_close(c, HTTP_GONE_PEER);
		return;
	}
	c->eof = c->final = true;
	c->receiving = false;
	http_conn_read(c, false);
	http_conn_advance(c);
}

/* A TLS record never begins with a letter (RFC 8446 section 5.1), a request line always does. */
static bool is_plain(struct http_conn *c, const char *bytes, size_t n)
{
	bool first = !c->heard && n > 0;
	c->heard = true;
	return first && bytes[0] >= 'A' && bytes[0] <= 'Z';
}

static void take_tls(struct http_conn *c, const char *bytes, size_t n)
{
	static char plain[16384];
	if (is_plain(c, bytes, n)) {
		tls_free(c->tls);
		c->tls = NULL;
		refuse(c, 400, "This port speaks TLS; ask with https://");
		return;
	}
	tls_feed(c->tls, bytes, n);
	int got = 0;
	while (!c->closing && (got = tls_read(c->tls, plain, sizeof plain)) > 0)
		take(c, plain, (size_t)got);
	if (c->closing)
		return;
	http_send_flush(c); /* what the handshake has to say, or an alarm */
	if (!c->closing && got == -2)
		http_conn_close(c, HTTP_GONE_PEER);
	else if (!c->closing && got == -1)
		on_peer_gone(c);
	else if (tls_up(c->tls) && c->due.in && c->wait == HTTP_WAIT_REQUEST && !c->receiving)
		http_due_drop(&c->due); /* that of the handshake */
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct http_conn *c = s->data;
	if (n == UV_EOF) {
		on_peer_gone(c);
		return;
	}
	if (n < 0) {
		http_conn_close(c, HTTP_GONE_PEER);
		return;
	}
	if (c->lingering)
		return;
	if (c->tls)
		take_tls(c, b->base, (size_t)n);
	else
		take(c, b->base, (size_t)n);
	http_conn_advance(c);
}

void http_conn_read(struct http_conn *c, bool on)
{
	if (c->closing || c->reading == on)
		return;
	c->reading = on;
	if (on)
		uv_read_start(&c->s.stream, on_alloc, on_read);
	else
		uv_read_stop(&c->s.stream);
}

/* ── what comes next ───────────────────────────────────────────────────────────────────────────────────── */

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)status;
	free(req);
}

/* Everything is said. Ends our side and reads on until the peer ends its own. */
void http_conn_linger(struct http_conn *c)
{
	if (c->eof || c->server->closing) {
		http_conn_close(c, HTTP_GONE_PEER);
		return;
	}
	if (c->lingering)
		return;
	c->lingering = true;
	if (c->tls) {
		tls_goodbye(c->tls);
		http_send_flush(c);
	}
	if (c->closing)
		return;
	uv_shutdown_t *req = mem_alloc(sizeof *req);
	if (uv_shutdown(req, &c->s.stream, on_shutdown) != 0) {
		free(req);
		http_conn_close(c, HTTP_GONE_PEER);
		return;
	}
	http_wait(c, HTTP_WAIT_LINGER, LINGER_MS);
	http_conn_read(c, true);
}

enum { SENT_AT_ONCE = 32 };

/* Sends the answers that are due: those in front of the first that is not there yet. */
static void send_answers(struct http_conn *c)
{
	uv_buf_t v[SENT_AT_ONCE];
	struct http_request *sent[SENT_AT_ONCE];
	struct http_stream *opens = NULL;
	unsigned n = 0;
	while (c->first && c->first->answered && n < SENT_AT_ONCE && !opens && !c->stream) {
		struct http_request *q = c->first;
		http_conn_pop(c, q);
		c->gathered -= q->reply.n;
		opens = q->stream;
		sent[n] = q;
		v[n++] = uv_buf_init(q->reply.p, (unsigned)q->reply.n);
	}
	if (n)
		http_send(c, v, n);
	for (unsigned i = 0; i < n; i++)
		http_spare_put(c->server, sent[i]);
	if (!opens)
		return;
	c->holds--;
	if (c->closing)
		http_stream_lost(opens, HTTP_GONE_PEER);
	else
		http_stream_on(opens, c);
}

void http_conn_advance(struct http_conn *c)
{
	if (c->closing || c->parsing)
		return;
	while (!c->closing && c->first && c->first->answered && !c->stream)
		send_answers(c);
	if (c->stream && c->eof)
		http_conn_close(c, HTTP_GONE_PEER);
	if (c->closing)
		return;
	if (c->rest.n && (leaves_http(c) || (!c->final && has_room(c))))
		http_send_mark(c); /* reads on in the next turn: nothing is called back from here */
	if (c->final && !c->first && !c->stream && !http_send_unsent(c))
		http_conn_linger(c);
	else
		set_wait(c);
}

void http_conn_drain(struct http_conn *c)
{
	bool closing = c->server->closing;
	if (c->closing || c->lingering)
		return;
	if (closing)
		c->final = true;
	for (struct http_request *q = c->first; q; q = q->next)
		if (q->stream && !closing)
			http_stream_going_away(q->stream);
	if (closing && (c->stream || !c->first)) {
		http_conn_close(c, HTTP_GONE_CLOSED);
	} else if (c->stream) {
		http_stream_going_away(c->stream);
	} else if (!c->first && !c->receiving && !http_send_unsent(c)) {
		http_due_drop(&c->due);
		set_wait(c);
	}
}

static void make_parser(struct http_conn *c)
{
	const struct http_options *o = &c->listener->o;
	struct http_parser *p = mem_alloc(sizeof *p);
	http_parser_init(p, o->max_body);
	p->max_line = o->max_line;
	p->max_head = o->max_head;
	p->max_fields = o->max_fields;
	p->take = take_spare;
	p->on_begin = on_begin;
	p->body_limit = body_limit;
	p->on_request = on_request;
	p->on_continue = on_continue;
	p->arg = c;
	c->parser = p;
}

void http_conn_start(struct http_conn *c)
{
	make_parser(c);
	if (c->tls)
		http_wait(c, HTTP_WAIT_REQUEST, c->listener->o.request_ms); /* for the handshake */
	else
		set_wait(c);
	http_conn_read(c, true);
}
