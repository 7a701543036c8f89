/* peer: a raw peer on the loop under test: a client or a server that says exactly the bytes a test gives it.
 */
#ifndef FAIRLEAD_TEST_PEER_H
#define FAIRLEAD_TEST_PEER_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "spin.h"

#include <string.h>
#include <uv.h>

struct peer {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} s;
	uv_connect_t connecting;
	struct peer_server *server; /* NULL: we are the client */
	struct peer *next;
	struct buf in; /* everything heard */
	bool up, eof, broken, closed, closing;
};
struct peer_server {
	uv_tcp_t tcp;
	struct loop *loop;
	int port, accepted;
	struct peer *peers;
	void (*on_bytes)(struct peer *p); /* p->in has grown */
	bool closed;
};

static inline void peer_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	(void)h, (void)n;
	static char bytes[65536];
	*b = uv_buf_init(bytes, sizeof bytes);
}

static inline void peer_on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct peer *p = s->data;
	if (n < 0) {
		p->eof = true;
		p->broken = n != UV_EOF;
		uv_read_stop(s);
		return;
	}
	buf_put(&p->in, b->base, (size_t)n);
	if (p->server && p->server->on_bytes && n)
		p->server->on_bytes(p);
}

static inline void peer_on_up(uv_connect_t *c, int status)
{
	struct peer *p = c->handle->data;
	p->up = status == 0;
	p->broken = status != 0;
	if (p->up)
		uv_read_start(&p->s.stream, peer_alloc, peer_on_read);
}

static inline struct peer *peer_connect(struct loop *l, int port)
{
	struct peer *p = mem_alloc(sizeof *p);
	struct sockaddr_in a;
	uv_ip4_addr("127.0.0.1", port, &a);
	uv_tcp_init(loop_uv(l), &p->s.tcp);
	p->s.handle.data = p;
	must(uv_tcp_connect(&p->connecting, &p->s.tcp, (struct sockaddr *)&a, peer_on_up) == 0);
	spin_until(l, p->up || p->broken);
	return p;
}

static inline struct peer *peer_connect_unix(struct loop *l, const char *path)
{
	struct peer *p = mem_alloc(sizeof *p);
	uv_pipe_init(loop_uv(l), &p->s.pipe, 0);
	p->s.handle.data = p;
	uv_pipe_connect(&p->connecting, &p->s.pipe, path, peer_on_up);
	spin_until(l, p->up || p->broken);
	return p;
}

static inline void peer_on_written(uv_write_t *w, int status)
{
	(void)status;
	free(w->data);
	free(w);
}

static inline void peer_say_bytes(struct peer *p, const void *bytes, size_t n)
{
	uv_write_t *w = mem_alloc(sizeof *w);
	w->data = mem_textn(bytes, n);
	uv_buf_t b = uv_buf_init(w->data, (unsigned)n);
	if (uv_write(w, &p->s.stream, &b, 1, peer_on_written) != 0)
		peer_on_written(w, 0);
}

static inline void peer_say(struct peer *p, const char *text)
{
	peer_say_bytes(p, text, strlen(text));
}

static inline void peer_on_closed(uv_handle_t *h)
{
	((struct peer *)h->data)->closed = true;
}

/* What was said leaves first. */
static inline void peer_on_shut(uv_shutdown_t *r, int status)
{
	(void)status;
	struct peer *p = r->handle->data;
	free(r);
	if (!uv_is_closing(&p->s.handle))
		uv_close(&p->s.handle, peer_on_closed);
}

static inline void peer_hang_up(struct peer *p)
{
	if (p->closing)
		return;
	p->closing = true;
	uv_shutdown_t *r = mem_alloc(sizeof *r);
	if (uv_shutdown(r, &p->s.stream, peer_on_shut) != 0) {
		free(r);
		uv_close(&p->s.handle, peer_on_closed);
	}
}

static inline void peer_reset(struct peer *p)
{
	if (p->closing)
		return;
	p->closing = true;
	must(uv_tcp_close_reset(&p->s.tcp, peer_on_closed) == 0);
}

static inline void peer_free(struct loop *l, struct peer *p)
{
	peer_hang_up(p);
	spin_until(l, p->closed);
	buf_fini(&p->in);
	free(p);
}

static inline void peer_on_conn(uv_stream_t *s, int status)
{
	struct peer_server *v = s->data;
	must(status == 0);
	struct peer *p = mem_alloc(sizeof *p);
	p->server = v;
	p->up = true;
	uv_tcp_init(loop_uv(v->loop), &p->s.tcp);
	p->s.handle.data = p;
	must(uv_accept(s, &p->s.stream) == 0);
	p->next = v->peers;
	v->peers = p;
	v->accepted++;
	uv_read_start(&p->s.stream, peer_alloc, peer_on_read);
}

static inline void peer_server_open(
	struct peer_server *v, struct loop *l, int port, void (*on_bytes)(struct peer *p))
{
	*v = (struct peer_server){.loop = l, .on_bytes = on_bytes};
	struct sockaddr_in a;
	int n = sizeof a;
	uv_ip4_addr("127.0.0.1", port, &a);
	uv_tcp_init(loop_uv(l), &v->tcp);
	v->tcp.data = v;
	must(uv_tcp_bind(&v->tcp, (struct sockaddr *)&a, 0) == 0);
	must(uv_listen((uv_stream_t *)&v->tcp, 64, peer_on_conn) == 0);
	uv_tcp_getsockname(&v->tcp, (struct sockaddr *)&a, &n);
	v->port = ntohs(a.sin_port);
}

static inline void peer_server_closed(uv_handle_t *h)
{
	((struct peer_server *)h->data)->closed = true;
}

static inline void peer_server_close(struct peer_server *v)
{
	uv_close((uv_handle_t *)&v->tcp, peer_server_closed);
	spin_until(v->loop, v->closed);
	while (v->peers) {
		struct peer *p = v->peers;
		v->peers = p->next;
		peer_free(v->loop, p);
	}
}

static inline bool peer_heard(const struct peer *p, const char *text)
{
	return p->in.p && strstr(p->in.p, text);
}

/* How often text stands in what was heard. */
static inline int peer_count(const struct peer *p, const char *text)
{
	int n = 0;
	for (const char *at = p->in.p; at && (at = strstr(at, text)); at += strlen(text))
		n++;
	return n;
}

#endif
