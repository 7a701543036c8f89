#include "common/io/http_conn.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <time.h>

enum {
	WAITING_MOST = 32,       /* requests of one connection that are not answered yet */
	UNSENT_MOST = 256 << 10, /* bytes a peer may leave unread before no more requests are taken */
	LINGER_MS = 2000,
};

struct write {
	uv_write_t req;
	struct http_conn *conn;
	struct buf bytes;
};

static void advance(struct http_conn *c);
static void on_deadline(void *arg);

static void conn_free_if_done(struct http_conn *c)
{
	/* A request that waits for its answer still points here. */
	if (!c->closed || c->waiting)
		return;
	struct http_server *s = c->server;
	*(c->prev ? &c->prev->next : &s->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	http_parser_fini(&c->parser);
	buf_fini(&c->rest);
	free(c);
	http_server_settle(s);
}

static void on_closed(uv_handle_t *h)
{
	struct http_conn *c = h->data;
	c->closed = true;
	conn_free_if_done(c);
}

static void conn_close(struct http_conn *c)
{
	if (c->closing)
		return;
	c->closing = c->final = true;
	c->listener->connections--;
	timer_free(&c->deadline);
	for (struct http_request **p = &c->first; *p;) {
		struct http_request *q = *p;
		if (!q->answered) {
			p = &q->next;
			continue;
		}
		*p = q->next;
		http_request_free(q);
		c->waiting--;
	}
	uv_close(&c->s.handle, on_closed);
}

/* One deadline at a time: a request on its way, a peer that doesn't read or asks nothing; none while we owe
 * the answer. */
static void set_deadline(struct http_conn *c)
{
	if (c->closing || c->receiving || c->lingering)
		return;
	if (c->first && !c->writes)
		timer_stop(&c->deadline);
	else
		timer_start(c->server->loop, &c->deadline, c->server->closing ? LINGER_MS : c->server->idle_ms,
			on_deadline, c);
}

static void append(struct http_conn *c, struct http_request *q)
{
	q->conn = c;
	q->next = NULL;
	*(c->first ? &c->last->next : &c->first) = q;
	c->last = q;
	c->waiting++;
}

/* Answers what could not be read as a request, behind the answers that are due, and takes no more. */
static void refuse(struct http_conn *c, int status)
{
	struct http_request *q = mem_alloc(sizeof *q);
	q->method = HTTP_GET;
	c->final = true;
	c->receiving = false;
	append(c, q);
	http_answer(q, status, NULL, STR(""));
}

static void on_deadline(void *arg)
{
	struct http_conn *c = arg;
	bool late_request = c->receiving && !c->first && !c->writes;
	if (!late_request) {
		conn_close(c);
		return;
	}
	refuse(c, 408);
}

static void on_peer_gone(struct http_conn *c)
{
	c->eof = c->final = true;
	c->receiving = false;
	uv_read_stop(&c->s.stream);
	advance(c);
}

static bool has_room(const struct http_conn *c)
{
	return c->waiting < WAITING_MOST &&
		   c->gathered + uv_stream_get_write_queue_size(&c->s.stream) < UNSENT_MOST;
}

static void on_begin(void *arg)
{
	struct http_conn *c = arg;
	c->receiving = true;
	timer_start(c->server->loop, &c->deadline, c->server->request_ms, on_deadline, c);
}

static bool on_request(void *arg, struct http_request *q)
{
	struct http_conn *c = arg;
	c->receiving = false;
	if (!q->keep_alive)
		c->final = true;
	append(c, q);
	c->server->fn(c->server->arg, q);
	return !c->final && has_room(c);
}

static void on_continue(void *arg)
{
	struct http_conn *c = arg;
	/* Behind other answers it would stand in the wrong place; a peer sends its body after a while anyway. */
	if (c->first || c->writes)
		return;
	uv_buf_t b = uv_buf_init((char[]){"HTTP/1.1 100 Continue\r\n\r\n"}, 25);
	uv_try_write(&c->s.stream, &b, 1);
}

/* Parses bytes until they end, the connection takes no more, or there is no room; what is left waits in rest.
 */
static void parse(struct http_conn *c, const char *bytes, size_t n)
{
	size_t done = 0;
	c->parsing = true;
	while (done < n && !c->final && has_room(c)) {
		size_t used;
		int status = http_parse(&c->parser, bytes + done, n - done, &used);
		done += used;
		if (status)
			refuse(c, status);
	}
	c->parsing = false;
	if (c->final || done == n)
		return;
	uv_read_stop(&c->s.stream);
	buf_put(&c->rest, bytes + done, n - done);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	(void)h, (void)suggested;
	static char bytes[65536]; /* one read at a time is looked at, and at once */
	*b = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct http_conn *c = s->data;
	if (n == UV_EOF)
		on_peer_gone(c);
	else if (n < 0)
		conn_close(c);
	else if (n > 0 && !c->final) {
		parse(c, b->base, (size_t)n);
		advance(c);
	}
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)status;
	free(req);
}

/* Everything is said. Ends our side and reads on until the peer ends its own. */
static void linger(struct http_conn *c)
{
	if (c->eof || c->server->closing) {
		conn_close(c);
		return;
	}
	if (c->lingering)
		return;
	c->lingering = true;
	uv_shutdown_t *req = mem_alloc(sizeof *req);
	if (uv_shutdown(req, &c->s.stream, on_shutdown) != 0) {
		free(req);
		conn_close(c);
		return;
	}
	timer_start(c->server->loop, &c->deadline, LINGER_MS, on_deadline, c);
	uv_read_start(&c->s.stream, on_alloc, on_read);
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = (struct write *)req;
	struct http_conn *c = w->conn;
	c->writes--;
	buf_fini(&w->bytes);
	free(w);
	if (status < 0)
		conn_close(c);
	else
		advance(c);
}

static void send_bytes(struct http_conn *c, struct buf *bytes)
{
	uv_buf_t b = uv_buf_init(bytes->p, (unsigned)bytes->n);
	int sent = c->writes ? UV_EAGAIN : uv_try_write(&c->s.stream, &b, 1);
	if (sent == (int)bytes->n) {
		buf_fini(bytes);
		return;
	}
	struct write *w = mem_alloc(sizeof *w);
	w->conn = c;
	w->bytes = *bytes;
	size_t at = sent > 0 ? (size_t)sent : 0;
	b = uv_buf_init(bytes->p + at, (unsigned)(bytes->n - at));
	c->writes++;
	if (uv_write(&w->req, &c->s.stream, &b, 1, on_written) != 0) {
		c->writes--;
		buf_fini(&w->bytes);
		free(w);
		conn_close(c);
	}
}

/* Sends the answers that are due: those in front of the first that is not there yet. */
static void flush(struct http_conn *c)
{
	struct buf all = {0};
	while (c->first && c->first->answered) {
		struct http_request *q = c->first;
		c->first = q->next;
		c->waiting--;
		c->gathered -= q->reply.n;
		if (all.n == 0) {
			all = q->reply;
			q->reply = (struct buf){0};
		} else {
			buf_put(&all, q->reply.p, q->reply.n);
		}
		http_request_free(q);
	}
	if (all.n)
		send_bytes(c, &all);
}

static void take_rest(struct http_conn *c)
{
	struct buf rest = c->rest;
	c->rest = (struct buf){0};
	uv_read_start(&c->s.stream, on_alloc, on_read);
	parse(c, rest.p, rest.n);
	buf_fini(&rest);
}

/* The one place that decides what a connection does next. */
static void advance(struct http_conn *c)
{
	for (;;) {
		if (c->closing || c->parsing)
			return;
		flush(c);
		if (c->closing || c->final || !c->rest.n || !has_room(c))
			break;
		take_rest(c);
	}
	if (c->closing)
		return;
	if (c->final && !c->first && !c->writes)
		linger(c);
	else
		set_deadline(c);
}

static const char *http_date(void)
{
	static time_t of;
	static char text[40];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	if (now != of) {
		struct tm tm;
		gmtime_r(&now, &tm);
		strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		of = now;
	}
	return text;
}

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *text;
	} names[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {303, "See Other"},
		{304, "Not Modified"}, {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
		{404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"}, {409, "Conflict"},
		{413, "Content Too Large"}, {415, "Unsupported Media Type"}, {422, "Unprocessable Content"},
		{429, "Too Many Requests"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].status == status)
			return names[i].text;
	return ""; /* RFC 9112 section 4: the reason may be empty, the space before it stays */
}

void http_answer_header(struct http_request *q, const char *name, const char *value)
{
	buf_printf(&q->extra, "%s: %s\r\n", name, value);
}

void http_answer(struct http_request *q, int status, const char *content_type, struct str body)
{
	struct http_conn *c = q->conn;
	must(!q->answered);
	q->answered = true;
	if (c->closing) {
		struct http_request **p = &c->first;
		while (*p != q)
			p = &(*p)->next;
		*p = q->next;
		http_request_free(q);
		c->waiting--;
		conn_free_if_done(c);
		return;
	}
	if (c->server->closing)
		c->final = true;
	bool last = c->final && c->last == q;
	struct buf *b = &q->reply;
	buf_printf(b, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason_of(status), http_date());
	if (content_type)
		buf_printf(b, "Content-Type: %s\r\n", content_type);
	if (status != 204 && status != 304)
		buf_printf(b, "Content-Length: %zu\r\n", body.n);
	buf_str(b, (struct str){q->extra.p, q->extra.n});
	if (last)
		buf_text(b, "Connection: close\r\n");
	else if (q->http10)
		buf_text(b, "Connection: keep-alive\r\n");
	buf_text(b, "\r\n");
	if (q->method != HTTP_HEAD && status != 204 && status != 304)
		buf_str(b, body);
	c->gathered += b->n;
	advance(c);
}

void http_conn_drain(struct http_conn *c)
{
	c->final = true;
	c->receiving = false;
	if (!c->first)
		conn_close(c);
}

static void tell_full(struct http_conn *c)
{
	static char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	uv_buf_t b = uv_buf_init(text, sizeof text - 1);
	uv_try_write(&c->s.stream, &b, 1);
	conn_close(c);
}

void http_conn_accept(struct http_listener *l)
{
	struct http_server *s = l->server;
	struct http_conn *c = mem_alloc(sizeof *c);
	c->server = s;
	c->listener = l;
	if (l->path)
		must(uv_pipe_init(loop_uv(s->loop), &c->s.pipe, 0) == 0);
	else
		must(uv_tcp_init(loop_uv(s->loop), &c->s.tcp) == 0);
	c->s.handle.data = c;
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	l->connections++;
	http_parser_init(&c->parser, s->max_body);
	c->parser.on_begin = on_begin;
	c->parser.on_request = on_request;
	c->parser.on_continue = on_continue;
	c->parser.arg = c;
	if (uv_accept(&l->s.stream, &c->s.stream) != 0) {
		conn_close(c);
		return;
	}
	if (!l->path)
		uv_tcp_nodelay(&c->s.tcp, 1);
	if (l->connections > s->max_connections) {
		tell_full(c);
		return;
	}
	set_deadline(c);
	uv_read_start(&c->s.stream, on_alloc, on_read);
}
