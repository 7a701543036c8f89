/* rpc_in: what rpc.c (the life of a request), rpc_http.c and rpc_ws.c (how its bytes travel) share.
 * Not for other modules: their contract is rpc.h. */
#ifndef FAIRLEAD_IO_RPC_IN_H
#define FAIRLEAD_IO_RPC_IN_H

#include "common/base/mem.h"
#include "common/io/endpoint.h"
#include "common/io/rpc.h"
#include "common/io/rpc_curl.h"
#include "common/io/rpc_json.h"

enum {
	RPC_CONNECTIONS = 8,  /* of one endpoint for requests without a streamed call, and for those with one */
	RPC_IDLE_HANDLES = 8, /* easy handles kept for the next requests */
	RPC_KEPT_MOST = 256 << 20, /* bytes of one reply that are held in memory */
	RPC_CONNECT_MOST_MS = 10000,
	RPC_CALLS_MOST = 1 << 16, /* ids of one request */
	RPC_TOTAL = 4,            /* times timeout_ms, in all */
};

struct rpc_link; /* one WebSocket, rpc_ws.c */
struct rpc_list;

struct rpc_request {
	struct rpc *rpc;
	struct rpc_request *prev, *next;
	struct rpc_list *in; /* NULL: not sent yet, or its fn runs */
	struct buf ask;      /* "[{call},{call}": the bracket closes when it is sent */
	uint64_t first_id;
	int calls;
	int stream_call; /* -1: none */
	const struct sax *sax;
	void *sax_ctx;
	struct rpc_json *json;
	CURL *easy;            /* HTTP */
	struct rpc_link *link; /* WebSocket */
	uint64_t sent_us, first_us, bytes;
	uint64_t born_ms, heard_ms; /* sent; the last byte, or the end of the last pause */
	uint64_t after_ms;          /* born so much later than rpc_send */
	unsigned turn;              /* of rpc when it was refused */
	bool started;               /* on a connection, or on its way to one */
	bool paused, held;          /* held: curl keeps the bytes that came */
	bool overdue;               /* its time is up, but bytes may lie in the kernel: one turn more */
	bool over;                  /* more than RPC_KEPT_MOST */
	bool feeding;               /* a sax function may be on the stack */
	bool cancelled;
	struct buf later; /* of a paused answer, WebSocket; read up to later_at */
	size_t later_at;
	bool later_ends; /* its message is complete */
	rpc_done_fn fn;
	void *arg;
	struct rpc_pieces *pieces; /* NULL: it goes as it is */
};
struct rpc_list {
	struct rpc_request *first, *last;
};

struct rpc {
	struct loop *loop;
	char *url;
	struct endpoint at;
	struct err bad_url; /* class is set when the URL can't be used */
	uint64_t timeout_ms;
	struct rpc_list waiting; /* for a connection */
	struct rpc_list sent;    /* on their way */
	struct rpc_list refused; /* get their error in the next turn */
	int running[2];          /* of sent: without, with a streamed call */
	struct timer *watch;     /* the end of somebody's time */
	struct timer *turns;     /* somebody of waiting may leave */
	uint64_t serial;
	unsigned turn;
	int busy; /* inside curl: no other call into it is allowed */
	bool closing, step_is_due;
	bool sending; /* inside rpc_curl_add */
	struct rpc_stats stats;
	/* HTTP; curl is NULL until the first request */
	struct rpc_curl *curl;
	struct curl_slist *headers;
	CURL *idle[RPC_IDLE_HANDLES];
	int idles;
	/* WebSocket; NULL: there is none */
	struct rpc_link *link;
	bool ear_open_due;
};

/* rpc.c */
void rpc_step_soon(struct rpc *r);
/* Bytes of q's answer; false: no more is wanted (q may be cancelled: look). Sax functions run in here. */
bool rpc_arrived(struct rpc_request *q, struct str piece);
/* The answer is complete: reads it, answers q and ends its life. */
void rpc_whole(struct rpc_request *q, struct rpc_reply *rep);
/* Answers q with rep->err and ends its life. */
void rpc_failed(struct rpc_request *q, struct rpc_reply *rep);
void rpc_gone(struct rpc_request *q);         /* ends its life without a word */
void rpc_request_free(struct rpc_request *q); /* on no list and no connection */

/* rpc_pieces.c */
struct rpc_request *rpc_piece(struct rpc_request *q); /* the one that takes q's next call */
void rpc_pieces_send(struct rpc_request *q);
void rpc_pieces_cancel(struct rpc_request *q);
void rpc_pieces_free(struct rpc_pieces *p);

/* rpc_http.c */
void rpc_http_send(struct rpc_request *q, struct str ask);
void rpc_http_resume(struct rpc_request *q);
void rpc_http_drop(struct rpc_request *q); /* off its connection */
void rpc_http_close(struct rpc *r);        /* nothing is on its way any more */

/* rpc_ws.c */
void rpc_ws_send(struct rpc_request *q, struct str ask);
void rpc_ws_resume(struct rpc_request *q); /* q may be gone behind this */
void rpc_ws_drop(struct rpc_request *q);   /* what still comes of its answer is not read */
void rpc_ws_stalled(struct rpc *r); /* an answer is overdue: a socket that is silent altogether is cut */
uint64_t rpc_ws_heard_ms(const struct rpc_request *q); /* the last byte of any answer, 0: none */
void rpc_ws_step(struct rpc *r);
void rpc_ws_close(struct rpc *r);

#endif
