/* fetch: small exchanges with one HTTP server: a body there, a body back, several at once. (libcurl on our
 * loop) Not for JSON-RPC, which is rpc.h. */
#ifndef FAIRLEAD_IO_FETCH_H
#define FAIRLEAD_IO_FETCH_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

enum { FETCH_BODY_MAX = 1 << 20, FETCH_CONNECTIONS = 8 };
struct fetch_reply {
	bool ok; /* an HTTP answer came, whole; else err says why not, for people */
	struct err err;
	long status;
	uint64_t retry_after_ms; /* what the server asks for; 0: nothing */
	struct str body;         /* borrowed for the call */
};
typedef void (*fetch_fn)(void *arg, const struct fetch_reply *r);
struct fetcher;
struct fetch;
/* url: http:// or https://, may hold credentials and a path, which goes before each request's. */
struct fetcher *fetcher_open(
	struct loop *l, const char *url, uint64_t timeout_ms, struct err *e); /* NULL: no such URL */
const char *fetcher_name(const struct fetcher *f);                        /* host:port, for people */
/* json: NULL asks with GET, else it is sent with POST, and copied. fn runs once, in a later turn, unless
 * cancelled. */
struct fetch *fetch_start(struct fetcher *f, const char *path, const char *json, fetch_fn fn, void *arg);
void fetch_cancel(struct fetch *x); /* not from inside its own fn */
/* Everything that is under way is cancelled. Not from inside an fn. */
void fetcher_close(struct fetcher *f);

#endif
