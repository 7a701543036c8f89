/* ws_key: the answer to Sec-WebSocket-Key (RFC 6455 section 4.2.2). */
#ifndef FAIRLEAD_TEST_NODE_WS_KEY_H
#define FAIRLEAD_TEST_NODE_WS_KEY_H

#include "common/base/str.h"

void ws_key_accept(char out[40], struct str key);

#endif
