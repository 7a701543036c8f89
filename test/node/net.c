#include "test/node/net.h"

#include <stdlib.h>

enum { PIECE = 256 << 10, WRITES_MOST = 4, BODY_MOST = 64 << 20 };

static void pump(struct conn *c);
static void resume(struct conn *c);

/* ── the end of a connection ───────────────────────────────────────────────────────────────────────────── */

static void exchange_free(struct exchange *x)
{
	timer_free(&x->timer);
	reply_fini(&x->reply);
	free(x);
}

static void on_closed(uv_handle_t *h)
{
	struct conn *c = h->data;
	while (c->first) {
		struct exchange *x = c->first;
		c->first = x->next;
		exchange_free(x);
	}
	while (c->subs) {
		struct sub *s = c->subs;
		c->subs = s->next;
		arena_fini(&s->arena);
		free(s);
	}
	*(c->prev ? &c->prev->next : &c->listener->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	http_parser_fini(&c->parser);
	buf_fini(&c->rest);
	buf_fini(&c->message);
	free(c);
}

void net_close_conn(struct conn *c, bool abrupt)
{
	if (c->closing)
		return;
	c->closing = true;
	if (!abrupt || uv_tcp_close_reset(&c->tcp, on_closed) != 0)
		uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* ── writing ───────────────────────────────────────────────────────────────────────────────────────────── */

struct write {
	uv_write_t req;
	struct conn *conn;
	struct buf bytes;
};

static void on_written(uv_write_t *req, int status)
{
	struct write *w = (struct write *)req;
	struct conn *c = w->conn;
	buf_fini(&w->bytes);
	free(w);
	c->writes--;
	if (status < 0)
		net_close_conn(c, true);
	else if (!c->closing)
		pump(c);
}

void net_write(struct conn *c, struct buf *b)
{
	struct write *w = mem_alloc(sizeof *w);
	w->conn = c;
	w->bytes = *b;
	*b = (struct buf){0};
	uv_buf_t out = uv_buf_init(w->bytes.p, (unsigned)w->bytes.n);
	c->writes++;
	if (c->closing || uv_write(&w->req, (uv_stream_t *)&c->tcp, &out, 1, on_written) != 0) {
		c->writes--;
		buf_fini(&w->bytes);
		free(w);
		net_close_conn(c, true);
	}
}

/* A body that lay in one piece has its length; a longer one is chunked, or counted by making it twice. */
static void put_head(struct conn *c, struct reply *r, const struct buf *piece, bool more, struct buf *out)
{
	uint64_t length = piece->n;
	struct endpoint *ep = c->listener->ep;
	c->chunked = ep && ((more && ep->framing == FRAMING_AUTO) || ep->framing == FRAMING_CHUNKED);
	if (more && !c->chunked) {
		struct buf b = {0};
		reply_rewind(r);
		for (length = 0, more = true; more; buf_clear(&b)) {
			more = reply_more(r, &b, PIECE);
			length += b.n;
		}
		buf_fini(&b);
		reply_rewind(r);
	}
	buf_printf(out, "HTTP/1.1 %d %s\r\n", r->status, r->status == 200 ? "OK" : "Status");
	if (!r->headers.n || !strstr(r->headers.p, "Content-Type:"))
		buf_printf(out, "Content-Type: %s\r\n", r->type);
	buf_put(out, r->headers.p, r->headers.n);
	if (c->chunked)
		buf_text(out, "Transfer-Encoding: chunked\r\n");
	else
		buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)(r->truncate ? length / 2 : length));
	buf_text(out, c->last ? "Connection: close\r\n\r\n" : "\r\n");
}

static void frame_piece(struct conn *c, const struct buf *piece, bool more, struct buf *out)
{
	if (c->ws) {
		ws_frame_head(out, c->frame_open ? 0 : 1, !more, piece->n);
		c->frame_open = more;
		buf_put(out, piece->p, piece->n);
		return;
	}
	if (c->chunked && piece->n)
		buf_printf(out, "%zx\r\n", piece->n);
	buf_put(out, piece->p, piece->n);
	if (c->chunked && piece->n)
		buf_text(out, "\r\n");
	if (c->chunked && !more)
		buf_text(out, "0\r\n\r\n");
}

static void exchange_over(struct conn *c, struct exchange *x)
{
	struct exchange **p = &c->first;
	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
	c->sending = NULL;
	c->head_sent = c->frame_open = false;
	c->sent = 0;
	c->busy = false;
	exchange_free(x);
	if (c->last && !c->ws)
		net_close_conn(c, false);
}

/* The line ends inside the body: what has been made so far leaves, then nothing. */
static bool cut_here(struct conn *c, const struct reply *r, struct buf *piece, bool more)
{
	uint64_t at = r->cut_bytes ? r->cut_bytes : piece->n / 2;
	if (!r->cut_middle || (more && r->cut_bytes && c->sent + piece->n < at))
		return false;
	piece->n = at > c->sent && at - c->sent < piece->n ? (size_t)(at - c->sent) : piece->n / 2;
	return true;
}

/* A piece of the answer; false: it was the last. */
static bool send_piece(struct conn *c, struct exchange *x)
{
	struct reply *r = &x->reply;
	struct buf piece = {0}, out = {0};
	bool more = reply_more(r, &piece, PIECE);
	if (!c->ws && !c->head_sent) {
		put_head(c, r, &piece, more, &out);
		if (more && !c->chunked) { /* made again from the start */
			buf_clear(&piece);
			more = reply_more(r, &piece, PIECE);
		}
		c->head_sent = true;
	}
	bool cut = cut_here(c, r, &piece, more);
	if (r->truncate && !c->ws) {
		piece.n = piece.n / 2;
		more = false;
	}
	c->sent += piece.n;
	frame_piece(c, &piece, more || cut, &out);
	buf_fini(&piece);
	net_write(c, &out);
	if (cut)
		net_close_conn(c, false);
	return more && !cut;
}

/* The one place that sends: the answer under way, then the first that is ready. */
static void pump(struct conn *c)
{
	while (!c->closing && c->writes < WRITES_MOST) {
		for (struct exchange *x = c->first; !c->sending && x; x = x->next)
			if (x->ready)
				c->sending = x;
		if (!c->sending)
			break;
		if (!send_piece(c, c->sending) && !c->closing)
			exchange_over(c, c->sending);
	}
	resume(c);
}

static void on_due(void *arg)
{
	struct exchange *x = arg;
	struct conn *c = x->conn;
	if (x->reply.cut_now) {
		net_close_conn(c, true);
		return;
	}
	x->ready = true;
	pump(c);
}

static void add_exchange(struct conn *c, struct exchange *x)
{
	struct exchange **end = &c->first;
	while (*end)
		end = &(*end)->next;
	*end = x;
	x->conn = c;
}

void net_ask(struct conn *c, enum via via, struct str body)
{
	struct net_listener *l = c->listener;
	struct exchange *x = mem_alloc(sizeof *x);
	reply_init(&x->reply);
	if (l->ep)
		ask_whole(l->ep, c, c->number, via, body, &x->reply);
	else
		x->reply.status = control_run(l->world, body, reply_text(&x->reply));
	if (c->closing) { /* a command has cut it */
		exchange_free(x);
		return;
	}
	add_exchange(c, x);
	if (x->reply.hang || (c->ws && l->ep->silent))
		return;
	if (x->reply.delay_ms)
		timer_start(l->world->loop, &x->timer, x->reply.delay_ms, on_due, x);
	else
		on_due(x);
}

void net_push(struct conn *c, struct buf *text)
{
	struct exchange *x = mem_alloc(sizeof *x);
	reply_init(&x->reply);
	struct buf *b = reply_text(&x->reply);
	*b = *text;
	*text = (struct buf){0};
	add_exchange(c, x);
	x->ready = true;
	pump(c);
}

/* ── reading ───────────────────────────────────────────────────────────────────────────────────────────── */

static bool on_request(void *arg, struct http_request *q)
{
	struct conn *c = arg;
	c->busy = true;
	c->last = !q->keep_alive;
	if (c->listener->ep && ws_wanted(q))
		ws_accept(c, q);
	else
		net_ask(c, VIA_HTTP, http_body(q));
	http_request_free(q);
	return false; /* the next waits for this answer */
}

static void resume(struct conn *c)
{
	while (!c->closing && !c->busy && !c->ws && c->rest.n) {
		size_t used;
		struct buf in = c->rest;
		c->rest = (struct buf){0};
		int status = http_parse(&c->parser, in.p, in.n, &used);
		if (used < in.n)
			buf_put(&c->rest, in.p + used, in.n - used);
		buf_fini(&in);
		if (status)
			net_close_conn(c, false);
		else if (!c->busy && !c->rest.n)
			break;
	}
	if (!c->closing && c->ws && c->rest.n)
		ws_read(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	(void)h, (void)suggested;
	static char bytes[65536]; /* looked at, at once, before the next read */
	*b = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = s->data;
	if (n < 0) {
		net_close_conn(c, false);
		return;
	}
	buf_put(&c->rest, b->base, (size_t)n);
	resume(c);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct net_listener *l = s->data;
	if (status != 0)
		return;
	struct conn *c = mem_alloc(sizeof *c);
	c->listener = l;
	c->number = ++l->world->conns;
	must(uv_tcp_init(loop_uv(l->world->loop), &c->tcp) == 0);
	c->tcp.data = c;
	c->next = l->conns;
	if (c->next)
		c->next->prev = c;
	l->conns = c;
	http_parser_init(&c->parser, BODY_MOST);
	c->parser.on_request = on_request;
	c->parser.arg = c;
	if (uv_accept(s, (uv_stream_t *)&c->tcp) != 0) {
		net_close_conn(c, false);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* ── listeners ─────────────────────────────────────────────────────────────────────────────────────────── */

static void on_listener_closed(uv_handle_t *h)
{
	free(h);
}

bool net_listen(struct net_listener *l, int port, struct err *e)
{
	struct sockaddr_in a;
	int n = sizeof a;
	must(uv_ip4_addr("127.0.0.1", port, &a) == 0);
	l->tcp = mem_alloc(sizeof *l->tcp);
	must(uv_tcp_init(loop_uv(l->world->loop), l->tcp) == 0);
	l->tcp->data = l;
	l->open = true;
	int rc = uv_tcp_bind(l->tcp, (const struct sockaddr *)&a, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)l->tcp, 128, on_connection);
	if (rc != 0) {
		net_close(l);
		return err_set(e, ERR_REJECTED, "can't listen on 127.0.0.1:%d: %s", port, uv_strerror(rc));
	}
	must(uv_tcp_getsockname(l->tcp, (struct sockaddr *)&a, &n) == 0);
	l->port = ntohs(a.sin_port);
	return true;
}

bool net_open_again(struct net_listener *l, struct err *e)
{
	return l->open || net_listen(l, l->port, e);
}

void net_cut(struct net_listener *l, bool ws_only)
{
	for (struct conn *c = l->conns, *next; c; c = next) {
		next = c->next;
		if (c->ws || !ws_only)
			net_close_conn(c, true);
	}
}

void net_close(struct net_listener *l)
{
	net_cut(l, false);
	if (l->open)
		uv_close((uv_handle_t *)l->tcp, on_listener_closed);
	l->open = false;
}
