/* What a server says to our WebSocket, in pieces and whole: both ways must hear the same. The first byte
 * chooses whether its answer to the handshake is part of the input or stands already. */
#include "common/io/ws.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct dial {
	struct dial_events ev;
	bool closed;
};

static struct buf said;

struct dial *dial_open(struct loop *l, const struct endpoint *at, const struct dial_events *ev)
{
	struct dial *d = mem_alloc(sizeof *d);
	(void)l;
	must(at->websocket);
	d->ev = *ev;
	return d;
}

void dial_send(struct dial *d, const void *bytes, size_t n)
{
	must(!d->closed && n > 0 && bytes);
}

void dial_acknowledge(struct dial *d)
{
	must(!d->closed);
}

size_t dial_unsent(const struct dial *d)
{
	must(!d->closed);
	return 0;
}

void dial_settle(struct dial *d)
{
	must(!d->closed);
}

void dial_next(struct dial *d)
{
	d->closed = true; /* there is no other address */
}

void dial_close(struct dial *d)
{
	d->closed = true;
}

static void opened(void *arg)
{
	(void)arg;
	buf_text(&said, "open\n");
}

static bool inside; /* a message */

static void piece(void *arg, struct str bytes, bool first, bool last)
{
	must(first != inside);
	inside = !last;
	if (first)
		buf_text(&said, "text ");
	buf_str(&said, bytes);
	if (!last)
		return;
	buf_char(&said, '\n');
	if (said.n > 3 && said.p[said.n - 2] == '!')
		ws_close(arg);
}

static void closed(void *arg, const struct err *e)
{
	(void)arg;
	must(e->class != ERR_NONE && text_starts(e->text, "h:1 "));
	buf_printf(&said, "close %d %s\n", e->code, e->text);
}

static struct buf hear(bool up, const uint8_t *p, size_t n, size_t step)
{
	static struct loop *l;
	static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
	static const char answer[] = "HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
								 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
	struct ws_events ev = {.on_open = opened, .on_piece = piece, .on_close = closed};
	if (!l)
		l = loop_new();
	said = (struct buf){0};
	buf_text(&said, "");
	inside = false;
	struct ws *w = ws_open(l, "ws://h:1/", &ev);
	w->ev.arg = w;
	struct dial *d = w->dial;
	d->ev.on_up(w);
	memcpy(w->key, key, sizeof key);
	if (up)
		d->ev.on_bytes(w, answer, sizeof answer - 1);
	for (size_t at = 0; at < n && !d->closed; at += step)
		d->ev.on_bytes(w, (const char *)p + at, n - at < step ? n - at : step);
	struct err e;
	err_put(&e, ERR_TRANSIENT, "h:1 closed the connection");
	d->ev.on_end(w, &e);
	free(d);
	return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	bool up = p[0] & 1;
	struct buf whole = hear(up, p + 1, n - 1, n), pieces = hear(up, p + 1, n - 1, 1 + p[0] / 2 % 16);
	must(str_eq((struct str){whole.p, whole.n}, (struct str){pieces.p, pieces.n}));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
