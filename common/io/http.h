/* http: a small HTTP/1.1 server on TCP and unix sockets. (llhttp on libuv)
 *
 * Today it carries the health sockets; the front door will use it too. Keep-alive and pipelining; answers
 * leave in the order of the requests. Limits: request line and headers 16 KiB, body `max_body`, 64
 * connections a listener by default, 10 s for a whole request to arrive, 60 s idle. Whatever is malformed
 * gets 400 and the connection is closed. */
#ifndef FAIRLEAD_IO_HTTP_H
#define FAIRLEAD_IO_HTTP_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct http_server;
struct http_request; /* lives from on_request until it is answered; the peer may be gone by then (answers are
						dropped) */

typedef void (*http_request_fn)(void *arg, struct http_request *q);
struct http_options {
	size_t max_body;     /* 0: no body accepted (413) */
	int max_connections; /* 0: 64 */
	uint64_t request_ms; /* for a whole request to arrive; 0: 10 s, then 408 */
	uint64_t idle_ms;    /* between two requests, and for a peer that doesn't read; 0: 60 s */
};
struct http_server *http_open(struct loop *l, const struct http_options *o, http_request_fn fn, void *arg);
/* address: "unix:/path" (an old socket file that nobody answers on is replaced), "host:port", ":port"; port
 * 0: any free. May be called several times. false: *e says why (in use, no right). */
bool http_listen(struct http_server *s, const char *address, struct err *e);
int http_port(const struct http_server *s); /* of the first TCP listener */
void http_close(struct http_server *s); /* unlinks its unix sockets, closes after answers in flight, frees */

struct str http_method(const struct http_request *q);
struct str http_path(const struct http_request *q); /* without the query, not decoded */
struct str http_query(const struct http_request *q);
struct str http_header(const struct http_request *q, const char *name); /* any case; p == NULL: not there */
struct str http_body(const struct http_request *q);
/* One more header of the answer, before http_answer. Both are plain tokens of ours, never a peer's bytes. */
void http_answer_header(struct http_request *q, const char *name, const char *value);
void http_answer(struct http_request *q, int status, const char *content_type, struct str body);

#endif
