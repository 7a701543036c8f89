#include "test/node/net.h"
#include "common/io/ws_frames.h"

#include <stdlib.h>
#include <strings.h>

/* The server's side of RFC 6455, without extensions. */

enum { OP_MORE = 0, OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

bool ws_wanted(const struct http_request *q)
{
	struct str up = http_header(q, "Upgrade");
	return up.n == 9 && strncasecmp(up.p, "websocket", 9) == 0;
}

static void refuse(struct conn *c)
{
	struct buf b = {0};
	buf_text(&b, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	net_write(c, &b);
	net_close_conn(c, false);
}

void ws_accept(struct conn *c, const struct http_request *q)
{
	struct endpoint *ep = c->listener->ep;
	struct str key = http_header(q, "Sec-WebSocket-Key");
	ep->upgrades++;
	if (ep->refuse > 0 || key.n != WS_KEY_N) {
		if (ep->refuse != UINT64_MAX && ep->refuse > 0)
			ep->refuse--;
		refuse(c);
		return;
	}
	struct buf b = {0};
	char accept[32];
	ws_accept_of(accept, key.p);
	buf_printf(&b,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accept);
	c->ws = true;
	c->busy = false;
	net_write(c, &b);
}

void ws_frame_head(struct buf *out, int opcode, bool final, size_t n)
{
	buf_char(out, (char)((final ? 0x80 : 0) | opcode));
	if (n < 126) {
		buf_char(out, (char)n);
	} else if (n < 65536) {
		buf_char(out, 126);
		buf_char(out, (char)(n >> 8));
		buf_char(out, (char)n);
	} else {
		buf_char(out, 127);
		for (int i = 56; i >= 0; i -= 8)
			buf_char(out, (char)((uint64_t)n >> i));
	}
}

struct frame {
	int opcode;
	bool final;
	size_t head, n;
	const uint8_t *mask;
};

/* Section 5.2; false: not all of it is there. */
static bool read_head(const struct buf *in, struct frame *f)
{
	const uint8_t *p = (const uint8_t *)in->p;
	if (in->n < 2)
		return false;
	f->opcode = p[0] & 15;
	f->final = p[0] & 0x80;
	f->n = p[1] & 127;
	size_t more = f->n == 126 ? 2 : f->n == 127 ? 8 : 0;
	f->head = 2 + more + (p[1] & 0x80 ? 4 : 0);
	if (in->n < f->head)
		return false;
	if (more) {
		f->n = 0;
		for (size_t i = 0; i < more; i++)
			f->n = f->n << 8 | p[2 + i];
	}
	f->mask = p[1] & 0x80 ? p + 2 + more : NULL;
	return in->n - f->head >= f->n;
}

static void answer_control(struct conn *c, const struct frame *f, const char *bytes)
{
	struct buf b = {0};
	if (c->listener->ep->silent || (f->opcode != OP_PING && f->opcode != OP_CLOSE))
		return;
	ws_frame_head(&b, f->opcode == OP_PING ? OP_PONG : OP_CLOSE, true, f->n);
	buf_put(&b, bytes, f->n);
	net_write(c, &b);
	if (f->opcode == OP_CLOSE)
		net_close_conn(c, false);
}

static void take(struct conn *c, const struct frame *f, char *bytes)
{
	for (size_t i = 0; f->mask && i < f->n; i++)
		bytes[i] = (char)(bytes[i] ^ (char)f->mask[i & 3]);
	if (f->opcode >= OP_CLOSE) {
		answer_control(c, f, bytes);
		return;
	}
	buf_put(&c->message, bytes, f->n);
	if (!f->final)
		return;
	struct buf message = c->message;
	c->message = (struct buf){0};
	net_ask(c, VIA_WS, (struct str){message.p, message.n});
	buf_fini(&message);
}

void ws_read(struct conn *c)
{
	struct frame f;
	while (!c->closing && read_head(&c->rest, &f)) {
		struct buf in = c->rest;
		c->rest = (struct buf){0};
		take(c, &f, in.p + f.head);
		struct buf behind = c->rest; /* nothing is read meanwhile */
		must(behind.n == 0);
		buf_put(&c->rest, in.p + f.head + f.n, in.n - f.head - f.n);
		buf_fini(&in);
	}
}
