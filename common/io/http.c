#include "common/io/http.h"
#include "common/base/mem.h"
#include "common/io/http_in.h"
#include "common/io/http_tls.h"
#include "common/io/log.h"

#include <stdlib.h>
#include <sys/resource.h>

enum {
	CONNECTIONS = 64,
	PIPELINED = 32,
	UNSENT = 256 << 10,
	REQUEST_MS = 10000,
	IDLE_MS = 60000,
	SPARES_MOST = 256,
	FILES_BESIDE = 256, /* descriptors that a process needs beside its connections */
};

static void set_defaults(struct http_options *o)
{
	o->max_line = o->max_line ? o->max_line : HTTP_LINE_MOST;
	o->max_head = o->max_head ? o->max_head : HTTP_HEAD_MOST;
	o->max_fields = o->max_fields ? o->max_fields : HTTP_FIELDS_MOST;
	must(o->max_head <= HTTP_HEAD_LIMIT && o->max_fields <= HTTP_FIELDS_MOST);
	o->max_connections = o->max_connections ? o->max_connections : CONNECTIONS;
	o->max_pipelined = o->max_pipelined ? o->max_pipelined : PIPELINED;
	o->max_unsent = o->max_unsent ? o->max_unsent : UNSENT;
	o->request_ms = o->request_ms ? o->request_ms : REQUEST_MS;
	o->idle_ms = o->idle_ms ? o->idle_ms : IDLE_MS;
	o->send_ms = o->send_ms ? o->send_ms : o->idle_ms;
}

struct http_server *http_open(struct loop *l, const struct http_options *o, http_request_fn fn, void *arg)
{
	struct http_server *s = mem_alloc(sizeof *s);
	s->loop = l;
	s->o = *o;
	set_defaults(&s->o);
	s->fn = fn;
	s->arg = arg;
	return s;
}

/* ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────── */

static void on_timer(void *arg);

static void arm(struct http_server *s, uint64_t at)
{
	if (s->timer_at && s->timer_at <= at)
		return;
	uint64_t now = loop_now_ms(s->loop);
	s->timer_at = at;
	timer_start(s->loop, &s->timer, at > now ? at - now : 0, on_timer, s);
}

static void arm_next(struct http_server *s)
{
	for (int w = 0; w < HTTP_WAITS; w++)
		if (s->waits[w].first)
			arm(s, s->waits[w].first->at);
	if (s->late.first)
		arm(s, s->late.first->at);
}

static void on_late(struct http_request *q)
{
	struct http_conn *c = q->conn;
	http_request_fn fn = c->listener->o.on_late;
	if (fn)
		fn(c->server->arg, q);
	else
		http_answer_refusal(q, 503);
}

static void on_timer(void *arg)
{
	struct http_server *s = arg;
	uint64_t now = loop_now_ms(s->loop);
	s->timer_at = 0;
	for (struct http_due *d; (d = s->late.first) && d->at <= now;) {
		http_due_drop(d);
		on_late(http_due_of(struct http_request, late, d));
	}
	for (int w = 0; w < HTTP_WAITS; w++)
		for (struct http_due *d; (d = s->waits[w].first) && d->at <= now;) {
			http_due_drop(d);
			http_conn_on_due(http_due_of(struct http_conn, due, d));
		}
	arm_next(s);
}

void http_wait(struct http_conn *c, enum http_wait w, uint64_t ms)
{
	struct http_server *s = c->server;
	uint64_t at = loop_now_ms(s->loop) + ms;
	c->wait = (uint8_t)w;
	http_due_put(&s->waits[w], &c->due, at);
	arm(s, at);
}

void http_late_in(struct http_request *q, uint64_t ms)
{
	struct http_server *s = q->conn->server;
	http_due_drop(&q->late);
	if (!ms)
		return;
	uint64_t at = loop_now_ms(s->loop) + ms;
	http_due_put(&s->late, &q->late, at);
	arm(s, at);
}

void http_deadline(struct http_request *q, uint64_t ms)
{
	http_late_in(q, ms);
}

/* ── spare requests: one that is kept alive allocates nothing ──────────────────────────────────────────── */

struct http_request *http_spare_take(struct http_server *s)
{
	struct http_request *q = s->spare;
	if (!q) {
		q = mem_alloc(sizeof *q);
		return q;
	}
	s->spare = q->next;
	s->spares--;
	q->next = NULL;
	return q;
}

void http_spare_put(struct http_server *s, struct http_request *q)
{
	if (s->spares == SPARES_MOST || s->closing) {
		http_request_free(q);
		return;
	}
	http_request_reset(q);
	q->next = s->spare;
	s->spare = q;
	s->spares++;
}

/* ── listeners ─────────────────────────────────────────────────────────────────────────────────────────── */

/* 10,000 connections need as many descriptors; the soft limit of most systems is 1024. */
static void raise_files(const struct http_server *s)
{
	rlim_t want = FILES_BESIDE;
	for (const struct http_listener *l = s->listeners; l; l = l->next)
		want += (rlim_t)l->o.max_connections;
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want)
		return;
	r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur < want)
		log_odd("http.files",
			"This process may open fewer files than its connections need; raise the hard limit (ulimit -Hn, "
			"LimitNOFILE)",
			F_UINT("files", r.rlim_cur), F_UINT("needed", want));
}

static void free_listener(struct http_listener *l)
{
	http_tls_files_close(l->tls);
	free(l->path);
	free(l);
}

static void on_listener_closed(uv_handle_t *h)
{
	struct http_listener *l = h->data;
	l->closed = true;
	http_server_settle(l->server);
}

static void close_listener(struct http_listener *l)
{
	if (!l->init || uv_is_closing(&l->s.handle))
		return;
	uv_close(&l->s.handle, on_listener_closed); /* libuv removes the socket file */
}

/* With no descriptor left libuv gives its reserve away, takes the peer and ends it: the loop does not spin.
 */
static void on_connection(uv_stream_t *s, int status)
{
	if (status == 0)
		http_conn_accept(s->data);
}

bool http_listen_as(
	struct http_server *s, const char *address, const struct http_listener_options *o, struct err *e)
{
	struct http_listener *l = mem_alloc(sizeof *l);
	l->server = s;
	l->o = o && o->limits ? *o->limits : s->o;
	set_defaults(&l->o);
	if (o && o->cert && !(l->tls = http_tls_files_open(s->loop, o->cert, o->key, e))) {
		free(l);
		return err_prefix(e, "can't listen on %s", address);
	}
	bool ok = http_listener_open(l, s->loop, address, on_connection, e);
	if (!ok && !l->init) {
		free_listener(l);
		return false;
	}
	struct http_listener **end = &s->listeners;
	while (*end)
		end = &(*end)->next;
	*end = l;
	if (!ok)
		close_listener(l);
	else
		raise_files(s);
	return ok;
}

bool http_listen(struct http_server *s, const char *address, struct err *e)
{
	return http_listen_as(s, address, NULL, e);
}

int http_port(const struct http_server *s)
{
	for (const struct http_listener *l = s->listeners; l; l = l->next)
		if (l->port)
			return l->port;
	return 0;
}

int http_port_at(const struct http_server *s, size_t i)
{
	const struct http_listener *l = s->listeners;
	while (l && i--)
		l = l->next;
	return l ? l->port : 0;
}

int http_connections(const struct http_server *s)
{
	return s->connections;
}

/* ── the end ───────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_handles(const struct http_server *s)
{
	if (s->conns || s->laters)
		return true;
	for (const struct http_listener *l = s->listeners; l; l = l->next)
		if (!l->closed)
			return true;
	return false;
}

static void free_server(struct http_server *s)
{
	while (s->listeners) {
		struct http_listener *l = s->listeners;
		s->listeners = l->next;
		free_listener(l);
	}
	while (s->spare) {
		struct http_request *q = s->spare;
		s->spare = q->next;
		http_request_free(q);
	}
	http_peers_free(s->peers);
	http_gzip_free(s->gzip);
	buf_fini(&s->packed);
	timer_free(&s->timer);
	free(s);
}

/* Behind the callbacks of the streams that were the last to end. */
static void tell_drained(void *arg)
{
	struct http_server *s = arg;
	void (*tell)(void *arg) = s->on_drained;
	s->laters--;
	s->on_drained = NULL;
	if (tell && !s->closing)
		tell(s->drained_arg);
	http_server_settle(s);
}

void http_server_settle(struct http_server *s)
{
	if (!(s->closing || s->draining) || has_handles(s))
		return;
	if (s->closing) {
		free_server(s);
	} else if (s->on_drained) {
		s->laters++;
		loop_later(s->loop, tell_drained, s);
	}
}

/* Runs behind everything of this turn: a server without handles must not be freed under its caller. */
static void settle_later(void *arg)
{
	struct http_server *s = arg;
	s->laters--;
	http_server_settle(s);
}

static void drain_all(struct http_server *s)
{
	for (struct http_listener *l = s->listeners; l; l = l->next)
		close_listener(l);
	for (struct http_conn *c = s->conns, *next; c; c = next) {
		next = c->next;
		http_conn_drain(c);
	}
	if (!has_handles(s)) {
		s->laters++;
		loop_later(s->loop, settle_later, s);
	}
}

void http_drain(struct http_server *s, void (*on_drained)(void *arg), void *arg)
{
	must(!s->closing && !s->draining);
	s->draining = true;
	s->on_drained = on_drained;
	s->drained_arg = arg;
	drain_all(s);
}

void http_close(struct http_server *s)
{
	if (!s)
		return;
	must(!s->closing);
	s->closing = true;
	drain_all(s);
}
