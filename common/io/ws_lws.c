#include "common/io/ws_lws.h"
#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>

enum {
	DESCRIPTORS = 16, /* sockets at the same time: tables are sized by it */
	TIMEOUT_S = 10,   /* for TCP, TLS and the handshake each */
	/* More than there are sockets, and made when one is wanted: libwebsockets 4.1 never counts a socket that
	 * has to wait for a table, and its end, counted, leaves the context open behind its own code. */
	HEADER_TABLES = 4 * DESCRIPTORS,
	/* A taken down context closes its pipe in one turn of the loop and its timer and idle handle in the next;
	 * the second destroy, which frees, must come behind both. */
	TURNS = 4,
};

struct ws_lws {
	struct loop *loop;
	struct lws_context *context;
	bool tls, loop_goes;
	int users, turns;
	struct ws_lws *next;
};
static struct ws_lws *contexts; /* one without TLS, one with, of each loop in use */

static void take_down(void *arg)
{
	struct ws_lws *x = arg;
	if (++x->turns < TURNS) {
		loop_later(x->loop, take_down, x);
		return;
	}
	lws_context_destroy(x->context);
	free(x);
}

static void end(struct ws_lws *x)
{
	struct ws_lws **p = &contexts;
	while (*p != x)
		p = &(*p)->next;
	*p = x->next;
	lws_context_destroy(x->context);
	loop_later(x->loop, take_down, x);
}

static void on_loop_goes(void *arg)
{
	struct ws_lws *x = arg;
	x->loop_goes = true;
	if (x->users == 0)
		end(x);
}

struct ws_lws *ws_lws_get(struct loop *l, bool tls, const struct lws_protocols *protocols)
{
	for (struct ws_lws *x = contexts; x; x = x->next)
		if (x->loop == l && x->tls == tls) {
			x->users++;
			return x;
		}
	struct ws_lws *x = mem_alloc(sizeof *x);
	x->loop = l;
	x->tls = tls;
	x->users = 1;
	void *loops[] = {loop_uv(l)};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV | (tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.foreign_loops = loops,
		.fd_limit_per_thread = DESCRIPTORS,
		.max_http_header_pool = HEADER_TABLES,
		.timeout_secs = TIMEOUT_S,
		.connect_timeout_secs = TIMEOUT_S,
		.http_proxy_address = "", /* not from the environment */
		.gid = -1,
		.uid = -1, /* leave the process' own user */
	};
	lws_set_log_level(0, NULL);
	x->context = lws_create_context(&info);
	must(x->context);
	x->next = contexts;
	contexts = x;
	loop_before_free(l, on_loop_goes, x);
	return x;
}

struct lws_context *ws_lws_context(struct ws_lws *x)
{
	return x->context;
}

void ws_lws_put(struct ws_lws *x)
{
	if (--x->users == 0 && x->loop_goes)
		end(x);
}
