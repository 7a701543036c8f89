/* wspeer: the server's side of WebSocket (RFC 6455) on connections of the HTTP server: texts in, texts out,
 * pings, goodbyes. (wslay)
 *
 * A set holds what all its peers share. An idle peer holds about 1 KiB: what reads frames is lent to it while
 * it is within one. A text for many peers is made once (wspeer_frame) and shared. A peer that breaks a rule
 * is closed with the code of that rule: 1002 protocol, 1003 binary, 1007 no UTF-8, 1008 reads too slowly,
 * 1009 too long. */
#ifndef FAIRLEAD_IO_WSPEER_H
#define FAIRLEAD_IO_WSPEER_H

#include "common/io/http.h"

struct wspeers; /* the set */
struct wspeer;  /* lives from wspeer_accept until on_gone or wspeers_close */

struct wspeers_options {
	size_t max_message; /* bytes of one text from a peer, all its fragments; 0: 64 KiB */
	size_t max_unsent;  /* bytes a peer may leave unread; 0: 256 KiB */
	uint64_t ping_ms;   /* between two pings to one peer; 0: 30 s */
	uint64_t pong_ms;   /* for anything to come behind a ping; 0: 10 s */
	uint64_t close_ms;  /* for the peer's goodbye behind ours; 0: 2 s */
	void (*on_text)(void *arg, struct wspeer *p, struct str text); /* valid UTF-8, borrowed */
	/* Once for each peer, from the loop; p is gone behind it. code: of the goodbye, ours or the peer's (1005:
	 * it gave none); 1006: the line ended without one. why: a few words for people. */
	void (*on_gone)(void *arg, struct wspeer *p, int code, const char *why);
	void *arg;
};
struct wspeers *wspeers_open(struct loop *l, const struct wspeers_options *o);
/* Says 1001 to all peers and lets go of them: nothing is called back any more. NULL: nothing. */
void wspeers_close(struct wspeers *s);
int wspeers_count(const struct wspeers *s);

/* Whether q asks for a WebSocket at all ("Upgrade: websocket"). */
bool wspeer_wanted(const struct http_request *q);
/* The i-th subprotocol that q offers, from 0; false: no more. The Origin header is the caller's to check,
 * before. */
bool wspeer_offered(const struct http_request *q, int i, struct str *protocol);
/* Checks the handshake and upgrades; headers given by http_answer_header go with it. protocol: one of those
 * offered, or NULL. NULL: q was not a good handshake and was answered (400, 405, or 426 with the version that
 * is spoken). q is gone either way. While the server drains, the peer is told 1001. */
struct wspeer *wspeer_accept(struct wspeers *s, struct http_request *q, const char *protocol, void *data);
void *wspeer_data(const struct wspeer *p);
struct str wspeer_address(const struct wspeer *p); /* as http_peer; empty once it is gone */
int64_t wspeer_rtt_us(const struct wspeer *p);     /* from the last ping to its pong; -1: none yet */

/* One text as it goes over the line, for http_stream-wide sharing; give it back by http_frame_drop. */
struct http_frame *wspeer_frame(struct str text);
/* Leaves at the end of this turn. false: it is closing or gone. A peer whose queue is full is closed with
 * 1008: what it has not begun to get is dropped. */
bool wspeer_send(struct wspeer *p, struct http_frame *text); /* takes a reference of its own */
bool wspeer_text(struct wspeer *p, struct str text);         /* copies */
size_t wspeer_unsent(const struct wspeer *p);
/* Says goodbye; on_gone comes when the peer has answered it or close_ms is over. why: at most 123 bytes. */
void wspeer_close(struct wspeer *p, int code, const char *why);

#endif
