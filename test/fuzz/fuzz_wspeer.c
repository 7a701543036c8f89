/* The bytes of a WebSocket client, in pieces and whole: both ways must hear the same. */
#include "common/base/err.h"
#include "common/io/wspeer_read.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { MESSAGE_MOST = 300 };

static struct buf said; /* what the peer was heard to say, and what it was told */

void wspeer_fail(struct wspeer *p, int code, const char *why)
{
	must(p->phase != WSPEER_DONE && *why);
	buf_printf(&said, "fail %d\n", code);
	p->phase = WSPEER_DONE;
}

void wspeer_control(struct wspeer *p, uint8_t opcode, struct str payload)
{
	must(p->phase != WSPEER_DONE && opcode == WSLAY_PONG && payload.n <= WS_CONTROL_MOST);
	buf_text(&said, "ping ");
	buf_str(&said, payload);
}

void wspeer_heard(struct wspeer *p)
{
	(void)p;
}

void wspeer_heard_pong(struct wspeer *p, struct str payload)
{
	(void)p;
	must(payload.n <= WS_CONTROL_MOST);
	buf_printf(&said, "pong %zu\n", payload.n);
}

void wspeer_heard_text(struct wspeer *p, struct str text)
{
	must(p->phase == WSPEER_OPEN && text.n <= MESSAGE_MOST && utf8_valid(text));
	buf_printf(&said, "text %zu ", text.n);
	buf_str(&said, text);
}

/* The first goodbye is answered, what follows is read on and not heard; the second ends it. */
void wspeer_heard_close(struct wspeer *p, struct str payload)
{
	buf_printf(&said, "close %zu\n", payload.n);
	p->phase = p->phase == WSPEER_OPEN ? WSPEER_CLOSING : WSPEER_DONE;
}

static struct buf hear(const uint8_t *p, size_t n, size_t piece)
{
	struct wspeers set = {.o = {.max_message = MESSAGE_MOST}};
	struct wspeer peer = {.set = &set};
	said = (struct buf){0};
	buf_text(&said, "");
	for (size_t at = 0; at < n && peer.phase != WSPEER_DONE; at += piece) {
		wspeer_read(&peer, p + at, n - at < piece ? n - at : piece);
		must(peer.message.n <= MESSAGE_MOST);
		must(!set.readers.spares || !peer.reader); /* there is one peer: one reader is enough */
	}
	wspeer_read_end(&peer);
	wspeer_readers_fini(&set.readers);
	return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	struct buf whole = hear(p, n, n), pieces = hear(p, n, 1 + p[n - 1] % 16);
	must(str_eq((struct str){whole.p, whole.n}, (struct str){pieces.p, pieces.n}));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
