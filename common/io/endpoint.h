/* endpoint: the parts of an endpoint's URL (RFC 3986), taken apart once. http https ws wss; nothing else. */
#ifndef FAIRLEAD_IO_ENDPOINT_H
#define FAIRLEAD_IO_ENDPOINT_H

#include "common/base/err.h"

#include <stdint.h>

struct endpoint {
	bool tls;        /* https, wss */
	bool websocket;  /* ws, wss */
	char host[256];  /* a name or an address, without brackets */
	uint16_t port;   /* the scheme's own when none is given */
	char login[256]; /* "user:password" as written, percent codes undone; "" when there is none: a secret */
	char path[1024]; /* begins with '/', query included: may hold a key, never print it */
	char name[280];  /* "host:port": what people may read */
};
/* false: not such a URL; the text of *e names what is wrong and no part that could be secret. */
bool endpoint_parse(struct endpoint *u, const char *text, struct err *e);
bool endpoint_is_loopback(const struct endpoint *u);

#endif
