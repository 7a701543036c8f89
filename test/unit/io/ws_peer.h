/* ws_peer: the server's side of a WebSocket by hand (RFC 6455) on a raw peer, so that a test can break its
 * rules. */
#ifndef FAIRLEAD_TEST_WS_PEER_H
#define FAIRLEAD_TEST_WS_PEER_H

#include "common/io/ws_frames.h"
#include "ws_client.h"

#include <stdio.h>

/* Whether the whole request to upgrade has come. */
static inline bool ws_peer_asks(const struct peer *p)
{
	return p->in.p && text_starts(p->in.p, "GET ") && strstr(p->in.p, "\r\n\r\n");
}

/* Grants it and takes the request out of what was heard. */
static inline void ws_peer_upgrade(struct peer *p)
{
	char *key = strstr(p->in.p, "-Key: "), *end = strstr(p->in.p, "\r\n\r\n") + 4;
	assert_non_null(key);
	char accept[32];
	ws_accept_of(accept, key + 6);
	struct buf b = {0};
	buf_printf(&b,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n",
		accept);
	peer_say(p, b.p);
	buf_fini(&b);
	p->in.n -= (size_t)(end - p->in.p);
	memmove(p->in.p, end, p->in.n + 1);
}

/* first_byte: FIN and opcode, 0x81 is a whole text. */
static inline void ws_peer_say(struct peer *p, int first_byte, const char *text, size_t n)
{
	struct buf b = {0};
	ws_client_put(&b, first_byte, text, n, false);
	peer_say_bytes(p, b.p, b.n);
	buf_fini(&b);
}

/* Takes one frame of the client, if it is whole, which must be masked: its opcode, or -1. text: at least
 * 65536 bytes. */
static inline int ws_peer_take(struct peer *p, char *text, size_t *n)
{
	unsigned char *b = (unsigned char *)p->in.p;
	if (p->in.n < 6)
		return -1;
	b[p->in.n] = 0;
	size_t head = 2;
	*n = b[1] & 0x7f;
	assert_true(b[1] & 0x80);
	assert_true(*n < 127);
	if (*n == 126) {
		*n = (size_t)b[2] << 8 | b[3];
		head = 4;
	}
	if (p->in.n < head + 4 + *n)
		return -1;
	for (size_t i = 0; i < *n; i++)
		text[i] = (char)(b[head + 4 + i] ^ b[head + i % 4]);
	text[*n] = 0;
	int op = b[0] & 15;
	p->in.n -= head + 4 + *n;
	memmove(b, b + head + 4 + *n, p->in.n + 1);
	return op;
}

#endif
