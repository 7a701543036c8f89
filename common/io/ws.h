/* ws: a WebSocket client of one endpoint, text messages only (RFC 6455).
 * Connects once; whoever opened it decides about reconnecting (heads does). */
#ifndef FAIRLEAD_IO_WS_H
#define FAIRLEAD_IO_WS_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct ws;
struct ws_events {
	void (*on_open)(void *arg);
	/* A message of any size in the pieces in which it comes; its first and its last are told (a whole one is
	 * both). Borrowed. Whether it is UTF-8 is left to who reads it. */
	void (*on_piece)(void *arg, struct str piece, bool first, bool last);
	/* Refused, lost, or closed; exactly once, then the ws is gone. */
	void (*on_close)(void *arg, const struct err *e);
	void *arg;
};
/* url: ws:// or wss://, a login in it is sent as Basic authorization. Whatever fails is told by on_close,
 * later. */
struct ws *ws_open(struct loop *l, const char *url, const struct ws_events *ev);
void ws_text(struct ws *w, struct str message); /* before on_open: leaves then */
void ws_ping(struct ws *w);                     /* a dead peer is given up 10 s after an unanswered ping */
uint64_t ws_unanswered_ms(const struct ws *w);  /* how long a ping has waited for its pong; 0: none has */
void ws_close(struct ws *w);                    /* on_close follows in a later turn, no other event */

#endif
