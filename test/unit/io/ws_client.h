/* ws_client: the client's side of a WebSocket by hand (RFC 6455) on a raw peer, so that a test can break its
 * rules. */
#ifndef FAIRLEAD_TEST_WS_CLIENT_H
#define FAIRLEAD_TEST_WS_CLIENT_H

#include "peer.h"

#define WS_CLIENT_HELLO                                                \
	"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"            \
	"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
/* RFC 6455 section 1.3 */
#define WS_CLIENT_ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

/* One frame. head: FIN, reserved bits and opcode; masked with the given key, which 0 makes no mask at all. */
static inline void ws_client_put(struct buf *b, int head, const void *payload, size_t n, bool mask)
{
	static const unsigned char key[4] = {0x37, 0xfa, 0x21, 0x3d};
	buf_char(b, (char)head);
	int bit = mask ? 0x80 : 0;
	if (n < 126) {
		buf_char(b, (char)(bit | (int)n));
	} else if (n <= UINT16_MAX) {
		buf_put(b, (char[]){(char)(bit | 126), (char)(n >> 8), (char)n}, 3);
	} else {
		buf_char(b, (char)(bit | 127));
		for (int i = 56; i >= 0; i -= 8)
			buf_char(b, (char)(n >> i));
	}
	if (mask)
		buf_put(b, key, 4);
	for (size_t i = 0; i < n; i++)
		buf_char(b, (char)(((const unsigned char *)payload)[i] ^ (mask ? key[i % 4] : 0)));
}

static inline void ws_client_say(struct peer *p, int head, const void *payload, size_t n)
{
	struct buf b = {0};
	ws_client_put(&b, head, payload, n, true);
	peer_say_bytes(p, b.p, b.n);
	buf_fini(&b);
}

/* The frame at *at in what was heard behind the handshake; false: it is not whole. *opcode: with FIN. */
static inline bool ws_client_next(const struct peer *p, size_t *at, int *opcode, struct str *payload)
{
	if (!*at) {
		const char *end = p->in.p ? strstr(p->in.p, "\r\n\r\n") : NULL;
		if (!end)
			return false;
		*at = (size_t)(end - p->in.p) + 4;
	}
	const unsigned char *b = (const unsigned char *)p->in.p + *at;
	size_t have = p->in.n - *at, head = 2, n;
	if (have < 2)
		return false;
	n = b[1] & 0x7f;
	if (n == 126)
		head = 4;
	if (n == 127)
		head = 10;
	if (have < head)
		return false;
	if (head > 2)
		n = 0;
	for (size_t i = 2; i < head; i++)
		n = n << 8 | b[i];
	if (have < head + n)
		return false;
	*opcode = b[0];
	*payload = (struct str){(const char *)b + head, n};
	*at += head + n;
	return true;
}

/* The code of the goodbye that was heard, 0: none yet, 1005: one without a code. */
static inline int ws_client_goodbye(const struct peer *p)
{
	size_t at = 0;
	int opcode;
	struct str s;
	while (ws_client_next(p, &at, &opcode, &s))
		if (opcode == 0x88)
			return s.n < 2 ? 1005 : (unsigned char)s.p[0] << 8 | (unsigned char)s.p[1];
	return 0;
}

/* How many texts were heard that equal text. */
static inline int ws_client_texts(const struct peer *p, const char *text)
{
	size_t at = 0;
	int opcode, n = 0;
	struct str s;
	while (ws_client_next(p, &at, &opcode, &s))
		n += opcode == 0x81 && str_is(s, text);
	return n;
}

#endif
