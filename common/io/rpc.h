/* rpc: JSON-RPC 2.0 to one endpoint, many requests in flight: over HTTP on kept-alive connections (libcurl
 * multi), or all over one WebSocket (ws:// wss://) that is made on demand and made again.
 *
 * A request is a batch of one or more calls in one HTTP body or one message; answers are matched by id,
 * whatever order they come in. A long list (eth_getLogs) may be read while it arrives: rpc_stream.
 * Not here: what an answer means (common/evm), which endpoint to ask (the programs), retry policy. */
#ifndef FAIRLEAD_IO_RPC_H
#define FAIRLEAD_IO_RPC_H

#include "common/base/err.h"
#include "common/base/sax.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct rpc;
/* timeout_ms (0: 30 s): how long an answer may bring no byte while it is not paused, and most of it (10 s) to
 * connect. One that trickles is alive; a request without a streamed call, or one that brought nothing yet,
 * has 4 * timeout_ms in all. */
struct rpc *rpc_open(struct loop *l, const char *url, uint64_t timeout_ms);
void rpc_close(
	struct rpc *r); /* requests in flight are answered with a transient error in a later turn first */
const char *rpc_url(const struct rpc *r); /* may hold credentials: F_URL only */

struct rpc_answer {
	bool ok; /* result is there */
	/* raw JSON text of "result", as received; "null" is ok with result "null". Empty: it was streamed */
	struct str result;
	int code;           /* of the JSON-RPC error object */
	struct str message; /* of it, unescaped */
	struct str data;    /* of it: raw JSON text, or empty */
};
struct rpc_reply {
	/* There is an answer to every call, whatever the HTTP status (each may still be an error). */
	bool ok;
	struct err err;   /* when !ok: what happened; code = HTTP status if there was one */
	bool timed_out;   /* when !ok: it was reached, and our patience ended */
	bool too_big;     /* when !ok: more bytes than are kept */
	long http_status; /* beside a JSON-RPC answer too (400, 413, 429, 503 …); 0: none, or a WebSocket */
	/* from Retry-After; of a 429 or 503 also from RateLimit-Reset and its x- kin where they are seconds; else
	 * 0 */
	uint64_t retry_after_ms;
	uint64_t took_us;
	uint64_t first_us; /* to the first byte of the body; 0: none came */
	uint64_t bytes;    /* of the body, as JSON: unpacked */
	struct str
		body; /* when !ok: the first 4 KiB of a body that is no JSON-RPC reply. During the callback only */
	int calls;
	const struct rpc_answer *answers; /* in the order of the calls. Valid during the callback only */
};
typedef void (*rpc_done_fn)(void *arg, const struct rpc_reply *r);

struct rpc_request;
struct rpc_request *rpc_request(struct rpc *r);
/* Adds one call. params: JSON text of the params array, printf-like: rpc_call(q, "eth_call",
 * "[{\"to\":\"%s\"},…]", to) */
void rpc_call(struct rpc_request *q, const char *method, const char *params, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for what is long or comes in thousands: the caller puts the params array into the buffer, before
 * it calls anything else of q. */
struct buf *rpc_params(struct rpc_request *q, const char *method);
int rpc_calls(const struct rpc_request *q);
/* Before the first rpc_call: the calls are sent in requests of at most so many, one after the other, and fn
 * runs once with all answers. An answer that is an error, or a request that fails, is the last: what stands
 * behind it fails alike. Not with rpc_stream, rpc_pause. */
void rpc_pieces(struct rpc_request *q, int most);
/* Behind rpc_pieces: of each piece but the first, so many calls, pace says how many ms later it may leave. */
void rpc_paced(struct rpc_request *q, uint64_t (*pace)(void *arg, uint32_t calls), void *arg);
/* Before rpc_send: it leaves so many ms later, not before; its time counts from then on. */
void rpc_after(struct rpc_request *q, uint64_t ms);
/* The result of that call (0 …; at most one a request, before rpc_send) is not kept: if it is an array, its
 * SAX events are given as the bytes arrive, its own brackets included; answers[call].ok says at the end
 * whether it stood, and result is then empty. A result that is no array gives no event and is kept like any
 * other. Nothing that was told counts before fn says ok. Where an answer's id stands behind its result, the
 * first array is taken for the streamed one and its id is checked afterwards: another id makes the reply
 * malformed (on a WebSocket with other requests under way such an answer is kept until its id came). Strings
 * are not checked to be UTF-8. A sax function that says false ends the request: !ok, ERR_MALFORMED, "… was
 * not wanted any more". sax and ctx live until fn, or rpc_cancel. Sax functions may call rpc_pause,
 * rpc_cancel, and all that makes and sends other requests. */
void rpc_stream(struct rpc_request *q, int call, const struct sax *sax, void *ctx);
/* Sends it; fn runs exactly once, later. One call is sent as an object, more as an array. q stays a valid
 * handle, for rpc_pause and rpc_cancel only, until fn runs. */
void rpc_send(struct rpc_request *q, rpc_done_fn fn, void *arg);
/* Stops reading the answer, and goes on in a later turn. Takes effect behind the piece that is being read
 * (64 KiB at most); its time stands still. An
 * answer that is whole by then may be told all the same. HTTP leaves the bytes with the peer; on a WebSocket
 * other answers stand behind them, so there the rest of the answer is taken and kept. */
void rpc_pause(struct rpc_request *q, bool paused);
/* Gives q up: fn and sax functions do not run any more, q is gone. Any time between rpc_send and fn, also
 * from inside a sax function of q: then q is gone when that returns. */
void rpc_cancel(struct rpc_request *q);

/* A ws:// endpoint serves subscriptions on the same socket. rpc_socket gives an ear to it and opens it if
 * need be (what is wrong with its URL is told by on_close); one ear at a time. on_open comes in a later turn,
 * on_text for each message that answers no request of ours (64 MiB at most), on_close once when the socket is
 * lost (then the ear is gone). The ws takes ws_text (ids below 65536), ws_ping, ws_unanswered_ms,
 * and ws_close, which cuts it for all: requests under way fail as transient. rpc_unsocket takes the ear off
 * without a word; the socket stays. */
struct ws;
struct rpc_ear {
	void (*on_open)(void *arg);
	void (*on_text)(void *arg, struct str message);
	void (*on_close)(void *arg, const struct err *e);
	void *arg;
};
bool rpc_is_websocket(const struct rpc *r);
struct ws *rpc_socket(struct rpc *r, const struct rpc_ear *ear);
void rpc_unsocket(struct rpc *r);

/* A call whose answer is an error object of shape "execution reverted" (code 3, or words of it), with its
 * data bytes (geth, besu: "0x…"; anvil, hardhat: nested) written to out. false: another kind of error. */
bool rpc_is_revert(const struct rpc_answer *a, struct buf *out);

/* Totals for metrics. */
struct rpc_stats {
	uint64_t requests, calls, failures, bytes_in;
};
struct rpc_stats rpc_stats(const struct rpc *r);

#endif
