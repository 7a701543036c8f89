/* ws_upgrade: how a client leaves HTTP for WebSocket (RFC 6455, section 4.1): what it asks, and whether the
 * answer grants it. No sockets. (llhttp) */
#ifndef FAIRLEAD_IO_WS_UPGRADE_H
#define FAIRLEAD_IO_WS_UPGRADE_H

#include "common/io/endpoint.h"
#include "common/io/ws_frames.h"

void ws_upgrade_key(char key[WS_KEY_N + 1]); /* another one each time */
/* Puts the request. A login of the endpoint goes as Basic authorization (RFC 7617). */
void ws_upgrade_ask(struct buf *b, const struct endpoint *at, const char *key);
/* head: of the answer, with its empty line. false: *e says what stands in its way, without a name before it;
 * a refusal has its HTTP status in code. */
bool ws_upgrade_granted(struct str head, const char *key, struct err *e);

#endif
