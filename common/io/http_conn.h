/* http_conn: one connection of the HTTP server: its bytes in, its answers out in order, its deadlines. */
#ifndef FAIRLEAD_IO_HTTP_CONN_H
#define FAIRLEAD_IO_HTTP_CONN_H

#include "common/io/http_parse.h"

#include <uv.h>

union http_stream {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};
struct http_listener {
	union http_stream s;
	struct http_server *server;
	struct http_listener *next;
	char *path; /* of a unix socket, else NULL */
	int port;   /* of a TCP one */
	int connections;
	bool init, closed; /* the handle lives · its last callback has run */
};
struct http_conn {
	union http_stream s;
	struct http_server *server;
	struct http_listener *listener;
	struct http_conn *prev, *next;
	struct http_parser parser;
	struct buf rest;                   /* bytes that came while no more requests were taken */
	struct http_request *first, *last; /* answered or not, in the order of the requests */
	int waiting;                       /* in that list */
	size_t gathered;                   /* bytes of answers in that list */
	int writes;                        /* under way in libuv */
	struct timer *deadline;
	bool parsing;   /* on the stack: answers are gathered and leave behind it */
	bool receiving; /* a request has begun and has not ended */
	bool final;     /* no request is taken any more; ends when the last answer has left */
	bool eof;       /* the peer has ended its side */
	bool lingering; /* all said, our side is ended: waits for the peer's end, so that no reset eats the answer
					 */
	bool closing, closed;
};
struct http_server {
	struct loop *loop;
	size_t max_body;
	int max_connections;
	uint64_t request_ms, idle_ms;
	http_request_fn fn;
	void *arg;
	struct http_listener *listeners;
	struct http_conn *conns;
	bool closing;
};
/* Takes one connection from a listener that has one; one too many is told 503. */
void http_conn_accept(struct http_listener *l);
/* The server is ending: closes now, or behind the answers that are due. */
void http_conn_drain(struct http_conn *c);
void http_server_settle(struct http_server *s); /* frees a closing server when its last handle is gone */
/* Opens one listener; false: *e says why. */
bool http_listener_open(
	struct http_listener *l, struct loop *loop, const char *address, uv_connection_cb on_conn, struct err *e);

#endif
