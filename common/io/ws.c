#include "common/io/ws.h"
#include "common/base/mem.h"
#include "common/io/endpoint.h"
#include "common/io/ws_lws.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
	MESSAGE_MOST = 64 << 20, /* bytes of one message */
	PIECE = 8192,            /* of a message, as libwebsockets hands it over */
	PONG_MS = 10000,
	GOODBYE_MS = 200, /* for the answer to our close frame */
	ADDRESSES = 8,
};

struct message {
	struct message *next;
	size_t n;
	unsigned char room[LWS_PRE]; /* libwebsockets writes the frame's head in front of the text */
	unsigned char text[];
};

struct ws {
	struct loop *loop;
	struct ws_events ev;
	struct endpoint at;
	struct ws_lws *lws;
	struct lws *wsi; /* NULL before the connect and behind the end */
	uv_getaddrinfo_t lookup;
	char address[ADDRESSES][64]; /* what the name stands for; tried one after the other */
	int addresses, tried;
	struct message *first, *last;
	struct buf in;
	struct timer *pong, *goodbye;
	uint64_t pinged_ms; /* the first ping that is not answered */
	bool connecting;    /* inside the library's connect call */
	bool up, ping_due, pong_due;
	bool closing; /* ws_close was called, or the peer broke a rule */
	bool in_lookup, end_due;
	struct err err; /* why it ended: the first reason stands */
};

static void connect_next(void *arg);

static void note(struct ws *w, enum err_class class, const char *what, const char *detail)
{
	if (w->err.class == ERR_NONE)
		err_put(&w->err, class, "%s %s%s%s", w->at.name, what, detail ? ": " : "", detail ? detail : "");
}

/* The one end of every ws: from a turn of the loop of its own, when no library holds it any more. */
static void end(void *arg)
{
	struct ws *w = arg;
	note(w, ERR_TRANSIENT, "closed the connection", NULL);
	timer_free(&w->pong);
	timer_free(&w->goodbye);
	while (w->first) {
		struct message *m = w->first;
		w->first = m->next;
		free(m);
	}
	buf_fini(&w->in);
	if (w->lws)
		ws_lws_put(w->lws);
	w->ev.on_close(w->ev.arg, &w->err);
	free(w);
}

static void end_soon(struct ws *w)
{
	if (!w->end_due)
		loop_later(w->loop, end, w);
	w->end_due = true;
}

/* Cuts the connection. */
static void cut_now(void *arg)
{
	struct ws *w = arg;
	lws_set_timeout(w->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* Runs outside of libwebsockets. RFC 6455, 7.1.2: a close frame first, so that the peer sees an end and no
 * failure; one that does not answer it is cut. */
static void kill_now(void *arg)
{
	struct ws *w = arg;
	if (w->in_lookup) {
		uv_cancel((uv_req_t *)&w->lookup);
	} else if (w->wsi && w->up) {
		lws_close_reason(w->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
		lws_set_timer_usecs(w->wsi, 1);
		lws_callback_on_writable(w->wsi);
		timer_start(w->loop, &w->goodbye, GOODBYE_MS, cut_now, w);
	} else if (w->wsi) {
		cut_now(w);
	} else {
		end_soon(w);
	}
}

static void kill_soon(struct ws *w)
{
	if (w->closing)
		return;
	w->closing = true;
	if (!w->end_due)
		loop_later(w->loop, kill_now, w);
}

static void on_no_pong(void *arg)
{
	struct ws *w = arg;
	note(w, ERR_TRANSIENT, "did not answer a ping within 10 s", NULL);
	kill_soon(w);
}

static int write_next(struct ws *w)
{
	struct message *m = w->first;
	if (w->ping_due) {
		unsigned char room[LWS_PRE + 1];
		w->ping_due = false;
		if (lws_write(w->wsi, room + LWS_PRE, 0, LWS_WRITE_PING) < 0)
			return -1;
	} else if (m) {
		w->first = m->next;
		int sent = lws_write(w->wsi, m->text, m->n, LWS_WRITE_TEXT);
		free(m);
		if (sent < 0)
			return -1;
	}
	if (w->first || w->ping_due)
		lws_callback_on_writable(w->wsi);
	return 0;
}

static int refuse(struct ws *w, const char *why)
{
	note(w, ERR_MALFORMED, why, NULL);
	w->closing = true;
	return -1;
}

/* A peer that leaves Nagle's algorithm on (RFC 896; anvil does) holds its next message until this one is
 * acknowledged, which the kernel would put off by 40 ms (RFC 1122, 4.2.3.2). The option does not last. */
static void acknowledge(struct ws *w)
{
	int on = 1;
	setsockopt(lws_get_socket_fd(w->wsi), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static int take_piece(struct ws *w, const char *p, size_t n)
{
	bool first = lws_is_first_fragment(w->wsi);
	bool last = lws_remaining_packet_payload(w->wsi) == 0 && lws_is_final_fragment(w->wsi);
	if (lws_frame_is_binary(w->wsi))
		return refuse(w, "sent binary data");
	if (last)
		acknowledge(w);
	if (w->ev.on_piece) {
		w->ev.on_piece(w->ev.arg, (struct str){p, n}, first, last);
		return 0;
	}
	if (first)
		buf_clear(&w->in);
	if (w->in.n + n > MESSAGE_MOST)
		return refuse(w, "sent more than 64 MiB at once");
	buf_put(&w->in, p, n);
	if (!last)
		return 0;
	w->ev.on_text(w->ev.arg, (struct str){w->in.p, w->in.n});
	if (w->in.cap > 1 << 20)
		buf_fini(&w->in);
	return 0;
}

/* RFC 7617 */
static int put_login(struct ws *w, unsigned char **p, unsigned char *limit)
{
	char text[360] = "Basic ";
	if (!w->at.login[0])
		return 0;
	if (lws_b64_encode_string(w->at.login, (int)strlen(w->at.login), text + 6, sizeof text - 6) < 0)
		return -1;
	return lws_add_http_header_by_name(
		w->wsi, (const unsigned char *)"authorization:", (unsigned char *)text, (int)strlen(text), p, limit);
}

static void on_gone(struct ws *w)
{
	w->wsi = NULL;
	w->up = false;
	timer_stop(&w->goodbye);
	if (w->end_due || w->connecting)
		return;
	if (!w->closing && w->err.class && w->tried < w->addresses) {
		w->err = (struct err){0};
		loop_later(w->loop, connect_next, w);
		return;
	}
	end_soon(w);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
	struct ws *w = lws_get_opaque_user_data(wsi);
	(void)user;
	if (!w)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: return put_login(w, in, *(unsigned char **)in + n);
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		if (w->closing)
			return -1;
		w->up = true;
		w->tried = w->addresses;
		if (w->first)
			lws_callback_on_writable(wsi);
		w->ev.on_open(w->ev.arg);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE: return w->closing ? -1 : take_piece(w, in, n);
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		w->pong_due = false;
		timer_stop(&w->pong);
		return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE: return w->closing || !w->up ? 0 : write_next(w);
	case LWS_CALLBACK_TIMER: return -1; /* sends the close frame of kill_now; out of WRITEABLE it would cut */
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (in && n && strstr(in, "SSL"))
			note(w, ERR_TRANSIENT, "could not agree on TLS, or its certificate is not trusted", NULL);
		else
			note(w, ERR_TRANSIENT, "refused the WebSocket", in && n ? in : NULL);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		note(w, ERR_TRANSIENT, "closed the WebSocket", NULL);
		w->up = false;
		return 0;
	case LWS_CALLBACK_WSI_DESTROY: on_gone(w); return 0;
	default: return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{"", on_event, 0, PIECE, 0, NULL, 0}, {NULL, NULL, 0, 0, 0, NULL, 0}};

/* Whether a connect would fail at once for want of a route; libwebsockets 4.1 leaks its handle on the loop
 * then. Connecting a datagram socket asks the routing table and sends nothing. */
static bool has_route(struct ws *w, const char *address)
{
	struct sockaddr_storage a;
	bool v4 = uv_ip4_addr(address, w->at.port, (struct sockaddr_in *)&a) == 0;
	if (!v4 && uv_ip6_addr(address, w->at.port, (struct sockaddr_in6 *)&a) != 0)
		return false;
	int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	int rc =
		connect(fd, (struct sockaddr *)&a, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	if (rc != 0)
		note(w, ERR_TRANSIENT, "could not be reached", strerror(errno));
	close(fd);
	return rc == 0;
}

static void connect_next(void *arg)
{
	struct ws *w = arg;
	if (w->closing) {
		end_soon(w);
		return;
	}
	if (!has_route(w, w->address[w->tried])) {
		w->tried++;
		on_gone(w);
		return;
	}
	if (!w->lws)
		w->lws = ws_lws_get(w->loop, w->at.tls, protocols);
	bool usual = w->at.port == (w->at.tls ? 443 : 80);
	struct lws_client_connect_info i = {
		.context = ws_lws_context(w->lws),
		.address = w->address[w->tried++],
		.port = w->at.port,
		.path = w->at.path,
		.host = usual ? w->at.host : w->at.name, /* TLS checks the certificate against it */
		.local_protocol_name = "",
		.ssl_connection = w->at.tls ? LCCSCF_USE_SSL : 0,
		.ietf_version_or_minus_one = -1,
		.opaque_user_data = w,
		.pwsi = &w->wsi,
	};
	w->connecting = true;
	bool made = lws_client_connect_via_info(&i) != NULL;
	w->connecting = false;
	if (made || w->wsi)
		return; /* WSI_DESTROY tells its end */
	note(w, ERR_TRANSIENT, "could not be connected", NULL);
	on_gone(w);
}

static bool name_of(const struct sockaddr *a, char out[64])
{
	if (a->sa_family == AF_INET)
		return uv_ip4_name((const struct sockaddr_in *)a, out, 64) == 0;
	return a->sa_family == AF_INET6 && uv_ip6_name((const struct sockaddr_in6 *)a, out, 64) == 0;
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct ws *w = req->data;
	w->in_lookup = false;
	for (struct addrinfo *a = found; a && w->addresses < ADDRESSES; a = a->ai_next)
		if (name_of(a->ai_addr, w->address[w->addresses]))
			w->addresses++;
	uv_freeaddrinfo(found);
	if (w->addresses == 0)
		note(w, ERR_TRANSIENT, "has no address", status ? uv_strerror(status) : NULL);
	if (w->closing || w->addresses == 0)
		end_soon(w);
	else
		connect_next(w);
}

static void start(void *arg)
{
	struct ws *w = arg;
	struct sockaddr_storage a;
	if (w->closing || w->err.class) {
		end_soon(w);
		return;
	}
	if (uv_ip4_addr(w->at.host, 0, (struct sockaddr_in *)&a) == 0 ||
		uv_ip6_addr(w->at.host, 0, (struct sockaddr_in6 *)&a) == 0) {
		must(strlen(w->at.host) < sizeof *w->address);
		memcpy(w->address[w->addresses++], w->at.host, strlen(w->at.host) + 1);
		connect_next(w);
		return;
	}
	/* libwebsockets would look the name up on this thread and hold the loop. */
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	w->lookup.data = w;
	w->in_lookup = true;
	int rc = uv_getaddrinfo(loop_uv(w->loop), &w->lookup, on_lookup, w->at.host, NULL, &hints);
	if (rc != 0)
		on_lookup(&w->lookup, rc, NULL);
}

struct ws *ws_open(struct loop *l, const char *url, const struct ws_events *ev)
{
	struct ws *w = mem_alloc(sizeof *w);
	w->loop = l;
	w->ev = *ev;
	if (endpoint_parse(&w->at, url, &w->err) && !w->at.websocket)
		note(w, ERR_REJECTED, "is not a ws:// or wss:// URL", NULL);
	loop_later(l, start, w);
	return w;
}

void ws_text(struct ws *w, struct str message)
{
	struct message *m = mem_alloc(sizeof *m + message.n);
	m->n = message.n;
	memcpy(m->text, message.p, message.n);
	*(w->first ? &w->last->next : &w->first) = m;
	w->last = m;
	if (!w->up)
		return;
	/* somebody waits for its answer: the turn in which the loop finds room is saved where there is some */
	if (w->first == m && !w->ping_due && !w->closing && !lws_send_pipe_choked(w->wsi) && write_next(w) < 0)
		kill_soon(w);
	else if (w->first)
		lws_callback_on_writable(w->wsi);
}

void ws_ping(struct ws *w)
{
	if (!w->up || w->closing)
		return;
	w->ping_due = true;
	if (!w->pong_due) {
		w->pinged_ms = loop_now_ms(w->loop);
		timer_start(w->loop, &w->pong, PONG_MS, on_no_pong, w);
	}
	w->pong_due = true;
	lws_callback_on_writable(w->wsi);
}

uint64_t ws_unanswered_ms(const struct ws *w)
{
	return w->pong_due ? loop_now_ms(w->loop) - w->pinged_ms : 0;
}

void ws_close(struct ws *w)
{
	note(w, ERR_TRANSIENT, "was closed by us", NULL);
	kill_soon(w);
}
