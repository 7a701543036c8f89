/* ws_lws: the one libwebsockets context of a process, on our loop. It is made for the first socket, because
 * it costs memory, and with wss:// it also brings TLS up; it goes with the loop. Never earlier: libwebsockets
 * 4.1 closes the number of a context's own pipe twice, a turn apart, and what was opened in between under
 * that number, a connection of curl's as it may be, is closed under its owner's feet. */
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
