#include "common/io/dial.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/io/tls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

enum {
	ADDRESSES = 8,
	PATIENCE_MS = 10000, /* for TCP, for TLS, and until it is settled */
	READ = 64 << 10,
	KEPT = 1 << 20, /* bytes of a buffer that are not given back */
};

struct dial {
	struct loop *loop;
	struct endpoint at;
	struct dial_events ev;
	uv_getaddrinfo_t lookup;
	struct sockaddr_storage address[ADDRESSES]; /* what the name stands for; tried one after the other */
	int addresses, tried;
	uv_tcp_t tcp;
	uv_connect_t connecting;
	uv_write_t writing;
	struct tls *tls;        /* NULL: plain, or none yet */
	struct buf out, behind; /* under way in libuv · what waits behind it */
	struct buf plain;       /* what TLS can't take at this moment */
	struct timer *patience;
	struct err err;  /* why this address failed, or it ended: the first reason stands */
	struct err kept; /* why one before it failed, the one that got furthest: */
	enum reach { REACH_NONE, REACH_TCP, REACH_UP } kept_reach;
	bool open, busy;                            /* tcp lives · out is under way */
	bool in_lookup, up, settled, told, closing; /* told: the end is due */
};

static void connect_next(struct dial *d);

static void note(struct dial *d, int code, const char *what, const char *detail)
{
	if (d->err.class != ERR_NONE)
		return;
	err_put(&d->err, ERR_TRANSIENT, "%s %s%s%s", d->at.name, what, detail ? ": " : "", detail ? detail : "");
	d->err.code = code;
}

static void note_lost(struct dial *d, int uv)
{
	if (uv == UV_EOF)
		note(d, 0, "closed the connection", NULL);
	else
		note(d, -uv, "lost the connection", uv_strerror(uv));
}

/* ── the end ───────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_kept(const struct dial *d)
{
	return d->kept.class && !d->settled && !d->closing;
}

static void end(void *arg)
{
	struct dial *d = arg;
	timer_free(&d->patience);
	d->ev.on_end(d->ev.arg, is_kept(d) ? &d->kept : &d->err);
	free(d);
}

static void end_soon(struct dial *d)
{
	if (!d->told)
		loop_later(d->loop, end, d);
	d->told = true;
}

static void on_gone(uv_handle_t *h)
{
	struct dial *d = h->data;
	enum reach reach = d->up ? REACH_UP : d->tls ? REACH_TCP : REACH_NONE;
	if (!d->kept.class || reach > d->kept_reach) {
		d->kept = d->err;
		d->kept_reach = reach;
	}
	d->open = d->busy = d->up = false;
	tls_free(d->tls);
	d->tls = NULL;
	buf_fini(&d->out);
	buf_fini(&d->behind);
	buf_fini(&d->plain);
	if (d->settled || d->closing || d->tried == d->addresses) {
		end_soon(d);
		return;
	}
	d->err = (struct err){0};
	connect_next(d);
}

/* Everything else of this connection is over with it: libuv cancels what is under way before on_gone. */
static void drop(struct dial *d)
{
	timer_stop(&d->patience);
	if (d->open && !uv_is_closing((uv_handle_t *)&d->tcp))
		uv_close((uv_handle_t *)&d->tcp, on_gone);
}

static bool is_over(const struct dial *d)
{
	return d->closing || !d->open || uv_is_closing((const uv_handle_t *)&d->tcp);
}

/* ── bytes out ─────────────────────────────────────────────────────────────────────────────────────────── */

static void push_behind(struct dial *d);

static void on_written(uv_write_t *w, int status)
{
	struct dial *d = w->data;
	d->busy = false;
	if (status < 0) {
		note_lost(d, status);
		drop(d);
		return;
	}
	push_behind(d);
}

static void push_behind(struct dial *d)
{
	struct buf sent = d->out;
	if (sent.cap > KEPT)
		buf_fini(&sent);
	buf_clear(&sent);
	d->out = d->behind;
	d->behind = sent;
	if (d->out.n == 0)
		return;
	uv_buf_t b = uv_buf_init(d->out.p, (unsigned)d->out.n);
	d->writing.data = d;
	d->busy = true;
	int rc = uv_write(&d->writing, (uv_stream_t *)&d->tcp, &b, 1, on_written);
	if (rc < 0) {
		d->busy = false;
		note_lost(d, rc);
		drop(d);
	}
}

static void push(struct dial *d, const char *bytes, size_t n)
{
	if (uv_is_closing((uv_handle_t *)&d->tcp) || n == 0)
		return;
	if (!d->busy) {
		uv_buf_t b = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)n);
		int sent = uv_try_write((uv_stream_t *)&d->tcp, &b, 1);
		if (sent < 0 && sent != UV_EAGAIN) {
			note_lost(d, sent);
			drop(d);
			return;
		}
		bytes += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	buf_put(&d->behind, bytes, n);
	if (!d->busy)
		push_behind(d);
}

static void push_tls(struct dial *d)
{
	struct str out = tls_output(d->tls);
	push(d, out.p, out.n);
	tls_output_taken(d->tls);
}

void dial_send(struct dial *d, const void *bytes, size_t n)
{
	if (is_over(d))
		return;
	must(d->up);
	if (!d->tls) {
		push(d, bytes, n);
	} else if (tls_up(d->tls)) {
		tls_write(d->tls, bytes, n);
		push_tls(d);
	} else {
		buf_put(&d->plain, bytes, n);
	}
}

size_t dial_unsent(const struct dial *d)
{
	return (d->busy ? d->out.n : 0) + d->behind.n + d->plain.n;
}

void dial_acknowledge(struct dial *d)
{
	uv_os_fd_t fd;
	int on = 1;
	if (!is_over(d) && uv_fileno((uv_handle_t *)&d->tcp, &fd) == 0)
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

/* ── bytes in ──────────────────────────────────────────────────────────────────────────────────────────── */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	(void)h, (void)suggested;
	static char bytes[READ]; /* one read at a time is looked at, and at once */
	*b = uv_buf_init(bytes, sizeof bytes);
}

static void on_late(void *arg)
{
	struct dial *d = arg;
	note(d, ETIMEDOUT,
		d->up    ? "did not answer within 10 s"
		: d->tls ? "did not agree on TLS within 10 s"
				 : "could not be reached within 10 s",
		NULL);
	drop(d);
}

static void go_up(struct dial *d)
{
	d->up = true;
	timer_start(d->loop, &d->patience, PATIENCE_MS, on_late, d);
	d->ev.on_up(d->ev.arg);
}

/* What had to wait until TLS could take it. */
static void write_plain(struct dial *d)
{
	struct buf b = d->plain;
	if (!b.n || !tls_up(d->tls))
		return;
	d->plain = (struct buf){0};
	tls_write(d->tls, b.p, b.n);
	buf_fini(&b);
}

static void take_tls(struct dial *d, const char *bytes, size_t n)
{
	static char plain[16384];
	int got = 0;
	tls_feed(d->tls, bytes, n);
	while (!is_over(d) && (got = tls_read(d->tls, plain, sizeof plain)) > 0) {
		if (!d->up)
			go_up(d);
		if (!is_over(d))
			d->ev.on_bytes(d->ev.arg, plain, (size_t)got);
	}
	if (is_over(d))
		return;
	write_plain(d);
	push_tls(d); /* what the handshake has to say, or an alarm */
	if (!is_over(d) && !d->up && tls_up(d->tls))
		go_up(d);
	if (is_over(d) || got == 0)
		return;
	const char *refused = tls_refusal(d->tls);
	if (got == -1)
		note_lost(d, UV_EOF);
	else if (refused)
		note(d, EPROTO, "has a certificate that is not trusted", refused);
	else
		note(d, EPROTO, d->up ? "ended TLS with an alarm, or broke its rules" : "could not agree on TLS",
			NULL);
	drop(d);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct dial *d = s->data;
	if (n < 0) {
		note_lost(d, (int)n);
		drop(d);
	} else if (n > 0 && d->tls) {
		take_tls(d, b->base, (size_t)n);
	} else if (n > 0) {
		d->ev.on_bytes(d->ev.arg, b->base, (size_t)n);
	}
}

/* ── getting there ─────────────────────────────────────────────────────────────────────────────────────── */

static void on_connected(uv_connect_t *c, int status)
{
	struct dial *d = c->data;
	if (is_over(d))
		return;
	if (status < 0) {
		note(d, -status, "could not be reached", uv_strerror(status));
		drop(d);
		return;
	}
	uv_tcp_nodelay(&d->tcp, 1);
	uv_read_start((uv_stream_t *)&d->tcp, on_alloc, on_read);
	if (!d->at.tls) {
		go_up(d);
		return;
	}
	timer_start(d->loop, &d->patience, PATIENCE_MS, on_late, d);
	d->tls = tls_client(d->at.host);
	take_tls(d, "", 0);
}

static void connect_next(struct dial *d)
{
	if (d->closing) {
		end_soon(d);
		return;
	}
	const struct sockaddr *a = (const struct sockaddr *)&d->address[d->tried++];
	must(uv_tcp_init(loop_uv(d->loop), &d->tcp) == 0);
	d->open = true;
	d->tcp.data = d->connecting.data = d;
	timer_start(d->loop, &d->patience, PATIENCE_MS, on_late, d);
	int rc = uv_tcp_connect(&d->connecting, &d->tcp, a, on_connected);
	if (rc < 0) {
		note(d, -rc, "could not be reached", uv_strerror(rc));
		drop(d);
	}
}

static void add_address(struct dial *d, const struct sockaddr *a)
{
	bool v4 = a->sa_family == AF_INET;
	if (d->addresses == ADDRESSES || (!v4 && a->sa_family != AF_INET6))
		return;
	size_t n = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct sockaddr_storage *to = &d->address[d->addresses++];
	memcpy(to, a, n);
	*(v4 ? &((struct sockaddr_in *)to)->sin_port : &((struct sockaddr_in6 *)to)->sin6_port) =
		htons(d->at.port);
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct dial *d = req->data;
	d->in_lookup = false;
	for (struct addrinfo *a = found; a; a = a->ai_next)
		add_address(d, a->ai_addr);
	uv_freeaddrinfo(found);
	if (d->addresses == 0)
		note(d, 0, "has no address", status ? uv_strerror(status) : NULL);
	if (d->closing || d->addresses == 0)
		end_soon(d);
	else
		connect_next(d);
}

static void start(void *arg)
{
	struct dial *d = arg;
	struct sockaddr_storage a = {0};
	if (d->closing) {
		end_soon(d);
		return;
	}
	if (uv_ip4_addr(d->at.host, 0, (struct sockaddr_in *)&a) == 0 ||
		uv_ip6_addr(d->at.host, 0, (struct sockaddr_in6 *)&a) == 0) {
		add_address(d, (const struct sockaddr *)&a);
		connect_next(d);
		return;
	}
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	d->lookup.data = d;
	d->in_lookup = true;
	int rc = uv_getaddrinfo(loop_uv(d->loop), &d->lookup, on_lookup, d->at.host, NULL, &hints);
	if (rc != 0)
		on_lookup(&d->lookup, rc, NULL);
}

struct dial *dial_open(struct loop *l, const struct endpoint *at, const struct dial_events *ev)
{
	struct dial *d = mem_alloc(sizeof *d);
	d->loop = l;
	d->at = *at;
	d->ev = *ev;
	loop_later(l, start, d);
	return d;
}

void dial_settle(struct dial *d)
{
	d->settled = true;
	timer_stop(&d->patience);
}

void dial_next(struct dial *d)
{
	note(d, 0, "was given up by us", NULL);
	drop(d);
}

void dial_close(struct dial *d)
{
	if (d->closing)
		return;
	note(d, 0, "was closed by us", NULL);
	if (d->tls && d->up && !is_over(d)) {
		tls_goodbye(d->tls);
		push_tls(d);
	}
	d->closing = true;
	if (d->in_lookup)
		uv_cancel((uv_req_t *)&d->lookup);
	drop(d);
}
