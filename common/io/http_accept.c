#include "common/base/mem.h"
#include "common/io/http_in.h"
#include "common/io/http_tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOLD_MOST = 64 }; /* connections over the limit that are told so at the same time */

/* One too many. Told and let go of; when too many are being told, only let go of. */
static void tell_full(struct http_conn *c)
{
	static char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
						 "Connection: close\r\n\r\n";
	uv_buf_t b = uv_buf_init(text, sizeof text - 1);
	c->final = true;
	if (c->tls || c->listener->connections > c->listener->o.max_connections + TOLD_MOST) {
		http_conn_close(c, HTTP_GONE_PEER);
		return;
	}
	http_send(c, &b, 1);
	if (!c->closing)
		http_conn_linger(c);
}

/* Keeps the address as text; false: it has too many connections. An IPv6 /64 is one peer: who has one
 * address of it mostly has all. */
static bool know_peer(struct http_conn *c)
{
	struct sockaddr_storage a;
	int n = sizeof a;
	uint8_t key[16] = {0};
	snprintf(c->name, sizeof c->name, "%s", c->listener->path ? "unix" : "");
	if (c->listener->path || uv_tcp_getpeername(&c->s.tcp, (struct sockaddr *)&a, &n) != 0)
		return true;
	const struct in6_addr *six = &((struct sockaddr_in6 *)&a)->sin6_addr;
	if (a.ss_family == AF_INET || IN6_IS_ADDR_V4MAPPED(six)) {
		const void *four = a.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&a)->sin_addr
												  : (const void *)&six->s6_addr[12];
		inet_ntop(AF_INET, four, c->name, sizeof c->name);
		memset(key + 10, 0xff, 2);
		memcpy(key + 12, four, 4);
	} else {
		inet_ntop(AF_INET6, six, c->name, sizeof c->name);
		memcpy(key, six, 8);
	}
	int most = c->listener->o.max_per_peer, have;
	if (!most)
		return true;
	struct http_server *s = c->server;
	if (!s->peers)
		s->peers = http_peers_new();
	c->peer = http_peers_add(s->peers, key, &have);
	return have <= most;
}

static struct http_conn *conn_new(struct http_listener *l)
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
	s->connections++;
	return c;
}

void http_conn_accept(struct http_listener *l)
{
	struct http_conn *c = conn_new(l);
	if (uv_accept(&l->s.stream, &c->s.stream) != 0) {
		http_conn_close(c, HTTP_GONE_PEER);
		return;
	}
	if (!l->path)
		uv_tcp_nodelay(&c->s.tcp, 1);
	if (l->tls)
		c->tls = http_tls_new(l->tls);
	if (!know_peer(c) || l->connections > l->o.max_connections) {
		tell_full(c);
		return;
	}
	http_conn_start(c);
}

/* ── of whom a request came ────────────────────────────────────────────────────────────────────────────── */

struct str http_peer(const struct http_request *q)
{
	return str_of(q->conn->name);
}

const char *http_scheme(const struct http_request *q)
{
	return q->conn->listener->tls ? "https" : "http";
}

bool http_is_unix(const struct http_request *q)
{
	return q->conn->listener->path != NULL;
}

bool http_is_gone(const struct http_request *q)
{
	return q->conn->closing;
}
