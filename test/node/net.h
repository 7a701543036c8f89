/* net: the sockets of the node: HTTP/1.1 with keep-alive and WebSocket (RFC 6455) on one port, answers that
 * are made while they leave, and lines that are cut on purpose.
 *
 * A connection belongs to its listener; everything on it is freed in its last close callback. HTTP requests
 * of one connection are answered one after the other; WebSocket messages as their delays let them. */
#ifndef FAIRLEAD_TEST_NODE_NET_H
#define FAIRLEAD_TEST_NODE_NET_H

#include "common/io/http_parse.h"
#include "test/node/ask.h"

#include <uv.h>

struct exchange { /* an answer on its way */
	struct exchange *next;
	struct conn *conn;
	struct reply reply;
	struct timer *timer;
	bool ready;
};
struct sub {
	struct sub *next;
	uint64_t id;
	bool heads; /* else logs */
	struct filter filter;
	struct arena arena;
};
struct conn {
	uv_tcp_t tcp;
	struct net_listener *listener;
	struct conn *next, *prev;
	uint64_t number;
	struct http_parser parser;
	struct buf rest;              /* bytes behind the request that is being answered */
	bool ws, busy, closing, last; /* last: close behind this answer */
	struct buf message;           /* of a WebSocket, from several frames */
	struct exchange *first;       /* HTTP: at most one */
	struct exchange *sending;
	bool head_sent, chunked, frame_open;
	uint64_t sent; /* bytes of this body */
	size_t writes;
	struct sub *subs;
};
struct net_listener {
	uv_tcp_t *tcp; /* freed in its close callback */
	struct world *world;
	struct endpoint *ep; /* NULL: control */
	struct conn *conns;
	int port;
	bool open;
};
/* port 0: any. false: *e says why. */
bool net_listen(struct net_listener *l, int port, struct err *e);
/* The same port once more. */
bool net_open_again(struct net_listener *l, struct err *e);
void net_close(struct net_listener *l); /* nobody listens, all connections end abruptly */
void net_cut(struct net_listener *l, bool ws_only);
/* A message of our own to a WebSocket; takes the bytes. */
void net_push(struct conn *c, struct buf *text);
void net_close_conn(struct conn *c, bool abrupt);

/* ws.c */
bool ws_wanted(const struct http_request *q);
void ws_accept(struct conn *c, const struct http_request *q);
/* Takes whole frames off c->rest. */
void ws_read(struct conn *c);
void ws_frame_head(struct buf *out, int opcode, bool final, size_t n);

/* within net */
void net_write(struct conn *c, struct buf *b); /* takes the bytes */
void net_ask(struct conn *c, enum via via, struct str body);

/* control.c: carries out commands; the answer is JSON. Returns the HTTP status. */
int control_run(struct world *w, struct str body, struct buf *out);

/* push.c: what subscribers are told */
void push_moved(struct endpoint *ep, const struct block *from, const struct block *to);

#endif
