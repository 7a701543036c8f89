/* http_in: what the parts of the HTTP server share: http (the server), http_accept (who comes in), http_conn
 * (a connection's life), http_send (its bytes out), http_answer (what an answer looks like), http_stream
 * (answers that stay open).
 */
#ifndef FAIRLEAD_IO_HTTP_IN_H
#define FAIRLEAD_IO_HTTP_IN_H

#include "common/io/http_parse.h"

#include <uv.h>

union http_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};
struct tls;            /* of one connection */
struct http_tls_files; /* of one listener */

struct http_listener {
	union http_handle s;
	struct http_server *server;
	struct http_listener *next;
	struct http_options o;      /* its limits, no zeros left */
	struct http_tls_files *tls; /* NULL: plain */
	char *path;                 /* of a unix socket, else NULL */
	int port;                   /* of a TCP one */
	int connections;
	bool init, closed; /* the handle lives · its last callback has run */
};

/* What a connection waits for, each with its own time. */
enum http_wait { HTTP_WAIT_REQUEST, HTTP_WAIT_IDLE, HTTP_WAIT_SEND, HTTP_WAIT_LINGER, HTTP_WAITS };

/* Bytes stand ready for both ways out: between them a chunk's size line and its end. */
enum { HTTP_FRAME_FRONT = 10, HTTP_FRAME_BACK = 2 };
struct http_frame {
	uint32_t refs;
	size_t n;
	char bytes[]; /* "0000abcd" CR LF, n bytes, CR LF */
};
/* Bytes that wait for the kernel, in order. */
struct http_piece {
	struct http_frame *frame;
	size_t at, end; /* in its bytes; at moves as they leave, or are encrypted */
	bool begun;     /* a byte of it has left: the rest must follow */
};
struct http_pieces {
	struct http_piece *v;
	uint32_t begin, n, cap; /* those at begin … begin+n-1 */
	size_t bytes;
};
struct http_conn {
	union http_handle s;
	struct http_server *server;
	struct http_listener *listener;
	struct http_conn *prev, *next;
	struct http_parser *parser;        /* NULL: the connection has left HTTP */
	struct buf rest;                   /* bytes that came while none were taken */
	struct http_request *first, *last; /* answered or not, in the order of the requests */
	struct http_stream *stream;        /* the answer that is being given stays open */
	struct tls *tls;                   /* NULL: plain */
	struct http_pieces out;
	struct http_write *write; /* under way in libuv; NULL: none */
	size_t gathered;          /* bytes of answers that wait for others */
	size_t stuck;             /* unsent when its time to take something began */
	struct http_due due, dirty;
	struct http_peer_count *peer;
	int waiting;        /* requests in the list */
	int holds;          /* of them, those behind which no more are read: upgrades, streams */
	uint8_t wait;       /* enum http_wait, if due is in a list */
	bool parsing : 1;   /* on the stack: answers are gathered and leave behind it */
	bool receiving : 1; /* a request has begun and has not ended */
	bool reading : 1;
	bool heard : 1; /* with TLS: its first bytes have been looked at */
	bool final : 1; /* no request is taken any more; ends when the last answer has left */
	bool eof : 1;   /* the peer has ended its side */
	/* all said, our side is ended: waits for the peer's end, so that no reset eats the answer */
	bool lingering : 1;
	bool closing : 1, closed : 1;
	char name[46]; /* the peer's address as text */
};
struct http_server {
	struct loop *loop;
	struct http_options o; /* for listeners without their own */
	http_request_fn fn;
	void *arg;
	struct http_listener *listeners;
	struct http_conn *conns;
	struct http_request *spare;
	int spares, connections;
	struct http_dues waits[HTTP_WAITS], late, dirty;
	struct timer *timer;
	uint64_t timer_at;             /* 0: off */
	struct http_peers *peers;      /* how many connections each address has */
	void (*on_drained)(void *arg); /* NULL: told, or not asked for */
	void *drained_arg;
	struct http_gzip *gzip; /* made with the first answer that is compressed */
	struct buf packed;      /* that answer's body */
	bool draining, closing;
	bool flushing; /* the dirty ones are sent in the next turn */
	int laters;    /* calls back from loop_later that are due */
};

/* http: the server */
void http_server_settle(struct http_server *s); /* tells or frees when the last connection is gone */
void http_wait(struct http_conn *c, enum http_wait w, uint64_t ms);
void http_late_in(struct http_request *q, uint64_t ms); /* 0: never */
struct http_request *http_spare_take(struct http_server *s);
void http_spare_put(struct http_server *s, struct http_request *q);

/* http_listen. false: *e says why. */
bool http_listener_open(
	struct http_listener *l, struct loop *loop, const char *address, uv_connection_cb on_conn, struct err *e);

/* http_peers: counts per address */
struct http_peer_count;
struct http_peers *http_peers_new(void);
void http_peers_free(struct http_peers *p);
/* a: 16 bytes; one more. *n: with it. */
struct http_peer_count *http_peers_add(struct http_peers *p, const uint8_t a[16], int *n);
void http_peers_drop(struct http_peers *p, struct http_peer_count *c); /* one less; NULL: nothing */

/* http_accept */
void http_conn_accept(struct http_listener *l); /* takes the connection that waits there */

/* http_conn */
void http_conn_start(struct http_conn *c); /* reads requests */
/* Everything is said: ends our side and reads on until the peer ends its own. */
void http_conn_linger(struct http_conn *c);
void http_conn_drain(struct http_conn *c); /* the server is ending: now, or behind the answers due */
void http_conn_close(struct http_conn *c, enum http_gone why);
void http_conn_free_if_done(struct http_conn *c);
void http_conn_on_due(struct http_conn *c);
void http_conn_advance(struct http_conn *c);   /* the one place that decides what a connection does next */
void http_conn_take_rest(struct http_conn *c); /* reads on where it had to stop; calls back */
void http_conn_read(struct http_conn *c, bool on);
void http_conn_pop(struct http_conn *c, struct http_request *q); /* out of the list; does not free it */

/* http_send */
/* Sends now as far as the kernel takes it, the rest later: for answers, which need not wait for their turn's
 * end. May close c. */
void http_send(struct http_conn *c, uv_buf_t *v, unsigned n);
void http_send_frame(struct http_conn *c, struct http_frame *f, bool chunked); /* at the end of this turn */
void http_send_flush(struct http_conn *c);                                     /* now; may close c */
void http_send_mark(struct http_conn *c); /* looked at again in the next turn */
size_t http_send_unsent(const struct http_conn *c);
/* Drops what waits; not all: a frame that has begun stays. */
void http_send_forget(struct http_conn *c, bool all);
void http_pieces_put(struct http_pieces *p, struct http_frame *f, size_t at, size_t end); /* +1 reference */
void http_pieces_clear(struct http_pieces *p);

/* http_answer */
/* Lays the header section into q->reply. length < 0: none is known. */
void http_answer_head(
	struct http_request *q, int status, const char *content_type, int64_t length, const char *connection);
void http_answer_refusal(struct http_request *q, int status);

/* http_stream */
void http_stream_lost(struct http_stream *st, enum http_gone why); /* its connection is no longer its own */
void http_stream_on(struct http_stream *st, struct http_conn *c);  /* its head has been sent */
void http_stream_bytes(struct http_stream *st, const char *bytes, size_t n);
void http_stream_going_away(struct http_stream *st);
bool http_stream_is_upgrade(const struct http_stream *st);

/* http_gzip */
struct http_gzip;
bool http_gzip_accepted(struct str accept_encoding);
bool http_gzip_pack(struct http_gzip **g, struct buf *out, struct str body); /* false: no gain */
void http_gzip_free(struct http_gzip *g);

#endif
