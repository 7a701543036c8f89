/* http: an HTTP/1.1 server on TCP and unix sockets, plain or TLS. (llhttp on libuv; RFC 9110, RFC 9112)
 *
 * It carries the health sockets and the front door; it knows bytes, limits and deadlines, no routes. Answers
 * leave in the order of the requests. Whatever is malformed, or could be read in two ways, is refused with a
 * status and the connection ends. No callback runs inside the call that caused it. */
#ifndef FAIRLEAD_IO_HTTP_H
#define FAIRLEAD_IO_HTTP_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct http_server;
struct http_request; /* lives from on_request until it is answered; the peer may be gone by then (answers are
						dropped) */

typedef void (*http_request_fn)(void *arg, struct http_request *q);
struct http_options {
	size_t max_body; /* 0: no body accepted (413) */
	/* Asked once the header section is there: this request's max_body. NULL: max_body for all. */
	size_t (*body_limit)(void *arg, const struct http_request *q);
	size_t max_line;     /* method, target, version; 0: 8 KiB, then 414 */
	size_t max_head;     /* with all headers; 0: 16 KiB, at most 60 KiB, then 431 */
	int max_fields;      /* headers; 0: 100, at most 100, then 431 */
	int max_connections; /* of a listener; 0: 64, then 503 with Retry-After */
	int max_per_peer;    /* of one IPv4 address or IPv6 /64, then 503; 0: any. Not for unix sockets */
	int max_pipelined;   /* requests of one connection that wait for their answers; 0: 32, then no reading */
	size_t max_unsent;   /* bytes a peer may leave unread before no more requests are taken; 0: 256 KiB */
	uint64_t request_ms; /* for a whole request to arrive, and for a TLS handshake; 0: 10 s, then 408 */
	uint64_t idle_ms;    /* between two requests; 0: 60 s */
	uint64_t send_ms;    /* a peer that takes not one byte of what waits is dropped; 0: idle_ms */
	uint64_t answer_ms;  /* for the caller to answer; 0: any time. http_deadline changes it for one request */
	http_request_fn on_late; /* once, that time being over: answer now. NULL: 503 is answered */
	/* What can't be read as a request (400 408 413 414 417 431 501 505), once, in its turn: answer now, the
	 * connection ends behind it. why: a sentence. q has neither headers nor body. NULL: no body is sent. */
	void (*on_refused)(void *arg, struct http_request *q, int status, const char *why);
};
struct http_server *http_open(struct loop *l, const struct http_options *o, http_request_fn fn, void *arg);

struct http_listener_options {
	const struct http_options *limits; /* of this listener; NULL: those of the server */
	const char *cert, *key;            /* PEM files: TLS 1.2 and later; read again when they change */
};
/* address: "unix:/path" (an old socket file that nobody answers on is replaced), "host:port", ":port"; port
 * 0: any free. May be called several times. false: *e says why (in use, no right, a bad certificate). Raises
 * the process's limit of open files as far as max_connections needs and the hard limit lets. */
bool http_listen(struct http_server *s, const char *address, struct err *e);
bool http_listen_as(
	struct http_server *s, const char *address, const struct http_listener_options *o, struct err *e);
int http_port(const struct http_server *s); /* of the first TCP listener */
int http_port_at(
	const struct http_server *s, size_t i);        /* of listener i, in order from 0; a unix socket: 0 */
int http_connections(const struct http_server *s); /* open now, streams and upgraded ones among them */
/* Takes no more connections, ends idle ones; answers that are due close theirs; streams are told
 * (on_going_away). on_drained runs once nothing is open; the deadline is the caller's, who then calls
 * http_close. */
void http_drain(struct http_server *s, void (*on_drained)(void *arg), void *arg);
/* Unlinks its unix sockets, ends streams (their on_gone comes), closes after answers in flight, frees. */
void http_close(struct http_server *s);

/* ── a request ─────────────────────────────────────────────────────────────────────────────────────────────
 * Slices are borrowed and live as long as the request. */
struct str http_method(const struct http_request *q);
struct str http_path(const struct http_request *q);  /* without the query, not decoded; "*" of OPTIONS */
struct str http_query(const struct http_request *q); /* behind the '?', not decoded; empty: none */
struct str http_header(
	const struct http_request *q, const char *name); /* the first of it, any case; p == NULL: not there */
bool http_header_at(const struct http_request *q, int i, struct str *name, struct str *value); /* i from 0 */
struct str http_body(const struct http_request *q);
/* The authority asked for: of an absolute target, else the Host header (RFC 9112 section 3.2.2). */
struct str http_host(const struct http_request *q);
struct str http_peer(const struct http_request *q);    /* "203.0.113.7", "2001:db8::1"; "unix" */
const char *http_scheme(const struct http_request *q); /* "http" or "https" */
bool http_is_unix(const struct http_request *q);
bool http_is_http10(const struct http_request *q);
bool http_is_gone(const struct http_request *q); /* nobody waits for the answer any more */
/* Whether the peer takes gzip by its Accept-Encoding (RFC 9110 section 12.5.3: weights, "*", identity). */
bool http_takes_gzip(const struct http_request *q);
struct arena *http_arena(struct http_request *q); /* the caller's memory for this request; reset behind it */
void http_set_data(struct http_request *q, void *data); /* the caller's own pointer */
void *http_data(const struct http_request *q);
void http_deadline(struct http_request *q, uint64_t ms); /* from now on; 0: none */

/* ── an answer ────────────────────────────────────────────────────────────────────────────────────────── */
/* One more header of the answer, before http_answer; any number. false: the name is no token or the value
 * holds CR, LF or another control character: nothing was added. */
bool http_answer_header(struct http_request *q, const char *name, const char *value);
bool http_answer_header_str(struct http_request *q, struct str name, struct str value);
/* This answer may be compressed: done when the peer takes gzip and the body is over 1 KiB. Adds Vary. An ETag
 * given beside it must be weak: both forms bear it. */
void http_answer_gzip(struct http_request *q);
/* content_type NULL: none. HEAD, 204 and 304 get no body. q is gone behind the call. */
void http_answer(struct http_request *q, int status, const char *content_type, struct str body);

/* ── an answer that stays open, and a connection that leaves HTTP ─────────────────────────────────────── */
/* Bytes that many peers get: made once, shared by reference. */
struct http_frame;
struct http_frame *http_frame_new(struct str bytes); /* one reference, the caller's */
struct str http_frame_bytes(const struct http_frame *f);
void http_frame_drop(struct http_frame *f); /* gives one reference back */

struct http_stream;
enum http_gone {
	HTTP_GONE_PEER,   /* the peer ended it, or its line broke */
	HTTP_GONE_SLOW,   /* it left more than max_unsent unread, or took nothing for send_ms */
	HTTP_GONE_CLOSED, /* http_close */
};
struct http_stream_options {
	size_t max_unsent; /* 0: 64 KiB */
	/* Once, unless http_stream_end came first: the stream must not be used any more. */
	void (*on_gone)(void *arg, enum http_gone why);
	void (*on_going_away)(
		void *arg); /* http_drain: say goodbye and http_stream_end soon; NULL: ended at once */
	/* Of an upgraded connection: what the peer sent; borrowed. May end the stream. */
	void (*on_bytes)(void *arg, const uint8_t *bytes, size_t n);
	void *arg;
};
/* Sends the header section now and the body as it is given (chunked; to HTTP/1.0 until the end of the
 * connection). q is gone behind the call. To a HEAD the header section is all: the stream then is gone soon.
 * A peer that vanished without a word is found by sending: send something now and then. */
struct http_stream *http_answer_stream(
	struct http_request *q, int status, const char *content_type, const struct http_stream_options *o);
/* 101 Switching Protocols with "Upgrade: protocol" and the headers given by http_answer_header; from there
 * on the connection's bytes are the caller's: http_stream_send out, on_bytes in. q is gone behind the call.
 */
struct http_stream *http_upgrade(
	struct http_request *q, const char *protocol, const struct http_stream_options *o);
/* Sends at the end of this turn, several in one go. false: the stream is lost, on_gone comes or has come. */
bool http_stream_send(struct http_stream *st, struct http_frame *f); /* takes a reference of its own */
bool http_stream_write(struct http_stream *st, struct str bytes);    /* copies */
size_t http_stream_unsent(const struct http_stream *st);             /* bytes not yet with the kernel */
void http_stream_forget_unsent(struct http_stream *st); /* frames of which no byte has left are not sent */
void http_stream_read(struct http_stream *st, bool on); /* an upgraded one: stop and go on reading */
void http_stream_end(struct http_stream *st);           /* behind what was sent; st is gone behind the call */
void http_stream_cut(struct http_stream *st); /* at once, without what waits; st is gone behind the call */
struct str http_stream_peer(const struct http_stream *st); /* as http_peer */

#endif
