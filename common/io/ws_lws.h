/* ws_lws: the one libwebsockets context of a process, on our loop. It is made for the first socket and taken
 * down behind the last, because it costs memory; with wss:// it also brings TLS up. */
#ifndef FAIRLEAD_IO_WS_LWS_H
#define FAIRLEAD_IO_WS_LWS_H

#include "common/io/loop.h"

#include <libwebsockets.h>

struct ws_lws;
struct ws_lws *ws_lws_get(struct loop *l, bool tls, const struct lws_protocols *protocols);
struct lws_context *ws_lws_context(struct ws_lws *x);
void ws_lws_put(
	struct ws_lws *x); /* from a turn of the loop of its own, not from inside a libwebsockets callback */

#endif
