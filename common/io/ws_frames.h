/* ws_frames: the frames of a WebSocket, in and out, of either side (RFC 6455, section 5). (wslay)
 *
 * A reader holds the rules that both sides share: the mask, the reserved bits, fragments in order, control
 * frames whole, text only, no message above its limit. Whether a text is UTF-8 is its reader's to say. */
#ifndef FAIRLEAD_IO_WS_FRAMES_H
#define FAIRLEAD_IO_WS_FRAMES_H

#include "common/base/str.h"

#include <wslay/wslay.h>

enum {
	WS_CONTROL_MOST = 125, /* bytes of a control frame's payload */
	WS_KEY_N = 24,         /* Sec-WebSocket-Key: 16 bytes in base64 */
};

struct ws_frames;
/* masked: those of a client are, those of a server are not. most: bytes of one message. */
struct ws_frames *ws_frames_new(bool masked, uint64_t most);
void ws_frames_free(struct ws_frames *r);                              /* NULL: nothing */
void ws_frames_feed(struct ws_frames *r, const void *bytes, size_t n); /* borrowed until all of it is taken */

enum ws_got { WS_NOTHING, WS_TEXT, WS_CONTROL, WS_BROKEN };
struct ws_piece {
	struct str bytes; /* unmasked; borrowed until the next call */
	bool first, last; /* WS_TEXT: of the message; a whole one is both */
	uint8_t opcode;   /* WS_CONTROL, which comes whole: WSLAY_PING, WSLAY_PONG, WSLAY_CONNECTION_CLOSE */
	int code;         /* WS_BROKEN: to close with (section 7.4.1) */
	const char *why;  /* and in words */
};
enum ws_got ws_frames_next(
	struct ws_frames *r, struct ws_piece *piece); /* WS_NOTHING: all that came is taken */
/* Between two messages, with nothing begun: it knows nothing of its peer and may serve another. */
bool ws_frames_between(const struct ws_frames *r);

/* Puts one whole frame behind what b holds. */
void ws_frame_put(struct buf *b, uint8_t opcode, struct str payload, bool masked);

/* The code of a goodbye's payload (section 7.4): 1005 where it has none, 0: none that may stand there. */
int ws_goodbye_code(struct str payload);

/* The answer to a key of WS_KEY_N characters (section 4.2.2), NUL-terminated. */
void ws_accept_of(char out[32], const char *key);

#endif
