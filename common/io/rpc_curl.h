/* rpc_curl: lets one curl multi handle live on our loop: its sockets as uv polls, its timer as a loop timer.
 */
#ifndef FAIRLEAD_IO_RPC_CURL_H
#define FAIRLEAD_IO_RPC_CURL_H

#include "common/base/err.h"
#include "common/io/loop.h"

#include <curl/curl.h>

struct rpc_curl;
/* on_done runs for each transfer that ended, from the loop, after the easy handle left the multi handle. */
typedef void (*rpc_curl_fn)(void *arg, CURL *easy, CURLcode code);
struct rpc_curl *rpc_curl_open(struct loop *l, long connections, rpc_curl_fn on_done, void *arg);
/* Sends at once what a connection takes. Body bytes may come in here, transfers don't end in here. */
void rpc_curl_add(struct rpc_curl *c, CURL *easy);
void rpc_curl_remove(struct rpc_curl *c, CURL *easy); /* a transfer that is given up; on_done does not run */
void rpc_curl_close(struct rpc_curl *c);              /* no transfer may be left; not from inside on_done */

/* Of a transfer that ended: the HTTP status, and how long the server asks to be left alone (429, 503), else
 * 0. */
long rpc_curl_status(CURL *easy, uint64_t *retry_after_ms);
/* Why a transfer failed, for people; name: the server, without credentials. */
void rpc_curl_error(CURL *easy, CURLcode code, const char *name, struct err *e);

#endif
