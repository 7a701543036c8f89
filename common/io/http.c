#include "common/io/http.h"
#include "common/base/mem.h"
#include "common/io/http_conn.h"

#include <stdlib.h>

enum { CONNECTIONS_DEFAULT = 64, REQUEST_MS = 10000, IDLE_MS = 60000 };

struct http_server *http_open(struct loop *l, const struct http_options *o, http_request_fn fn, void *arg)
{
	struct http_server *s = mem_alloc(sizeof *s);
	s->loop = l;
	s->max_body = o->max_body;
	s->max_connections = o->max_connections ? o->max_connections : CONNECTIONS_DEFAULT;
	s->request_ms = o->request_ms ? o->request_ms : REQUEST_MS;
	s->idle_ms = o->idle_ms ? o->idle_ms : IDLE_MS;
	s->fn = fn;
	s->arg = arg;
	return s;
}

void http_server_settle(struct http_server *s)
{
	if (!s->closing || s->conns)
		return;
	for (struct http_listener *l = s->listeners; l; l = l->next)
		if (!l->closed)
			return;
	while (s->listeners) {
		struct http_listener *l = s->listeners;
		s->listeners = l->next;
		free(l->path);
		free(l);
	}
	free(s);
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

static void on_connection(uv_stream_t *s, int status)
{
	if (status == 0)
		http_conn_accept(s->data);
}

bool http_listen(struct http_server *s, const char *address, struct err *e)
{
	struct http_listener *l = mem_alloc(sizeof *l);
	l->server = s;
	bool ok = http_listener_open(l, s->loop, address, on_connection, e);
	if (!ok && !l->init) {
		free(l);
		return false;
	}
	struct http_listener **end = &s->listeners;
	while (*end)
		end = &(*end)->next;
	*end = l;
	if (!ok)
		close_listener(l);
	return ok;
}

int http_port(const struct http_server *s)
{
	for (const struct http_listener *l = s->listeners; l; l = l->next)
		if (l->port)
			return l->port;
	return 0;
}

/* Runs behind everything of this turn: a server without handles must not be freed under its caller. */
static void settle_later(void *arg)
{
	http_server_settle(arg);
}

void http_close(struct http_server *s)
{
	if (!s)
		return;
	must(!s->closing);
	s->closing = true;
	for (struct http_listener *l = s->listeners; l; l = l->next)
		close_listener(l);
	for (struct http_conn *c = s->conns, *next; c; c = next) {
		next = c->next;
		http_conn_drain(c);
	}
	bool handles = s->conns != NULL;
	for (struct http_listener *l = s->listeners; l; l = l->next)
		handles |= !l->closed;
	if (!handles)
		loop_later(s->loop, settle_later, s);
}
