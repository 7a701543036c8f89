/* rpc: JSON-RPC 2.0 over HTTP to one endpoint, many requests in flight on kept-alive connections. (libcurl
 * multi)
 *
 * A request is a batch of one or more calls in one HTTP body; answers are matched by id, whatever order they
 * come in. Not here: what an answer means (common/evm), which endpoint to ask (the programs), retry policy.
 */
#ifndef FAIRLEAD_IO_RPC_H
#define FAIRLEAD_IO_RPC_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct rpc;
struct rpc *rpc_open(struct loop *l, const char *url, uint64_t timeout_ms);
void rpc_close(
	struct rpc *r); /* requests in flight are answered with a transient error in a later turn first */
const char *rpc_url(const struct rpc *r); /* may hold credentials: F_URL only */

struct rpc_answer {
	bool ok;            /* result is there */
	struct str result;  /* raw JSON text of "result", as received; "null" is ok with result "null" */
	int code;           /* of the JSON-RPC error object */
	struct str message; /* of it, unescaped */
	struct str data;    /* of it: raw JSON text, or empty */
};
struct rpc_reply {
	bool ok;        /* the HTTP exchange gave an answer to every call (each may still be an error) */
	struct err err; /* when !ok: what happened; code = HTTP status if there was one */
	long http_status;
	uint64_t retry_after_ms; /* from Retry-After, else 0 */
	uint64_t took_us;
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
int rpc_calls(const struct rpc_request *q);
/* Sends it; fn runs exactly once, later. One call is sent as an object, more as an array. q is gone after
 * this. */
void rpc_send(struct rpc_request *q, rpc_done_fn fn, void *arg);

/* A call whose answer is an error object of shape "execution reverted" (code 3, or words of it), with its
 * data bytes (geth, besu: "0x…"; anvil, hardhat: nested) written to out. false: another kind of error. */
bool rpc_is_revert(const struct rpc_answer *a, struct buf *out);

/* Totals for metrics. */
struct rpc_stats {
	uint64_t requests, calls, failures, bytes_in;
};
struct rpc_stats rpc_stats(const struct rpc *r);

#endif
