#include "common/io/wspeer_in.h"

static struct ws_frames *lend(struct wspeers *s)
{
	struct wspeer_readers *pool = &s->readers;
	return pool->spares ? pool->spare[--pool->spares] : ws_frames_new(true, s->o.max_message);
}

static void give_back(struct wspeer *p)
{
	struct wspeer_readers *pool = &p->set->readers;
	if (ws_frames_between(p->reader) && pool->spares < WSPEER_SPARES_MOST)
		pool->spare[pool->spares++] = p->reader;
	else
		ws_frames_free(p->reader);
	p->reader = NULL;
}

void wspeer_read_end(struct wspeer *p)
{
	if (p->reader)
		give_back(p);
	buf_fini(&p->message);
}

void wspeer_readers_fini(struct wspeer_readers *pool)
{
	while (pool->spares)
		ws_frames_free(pool->spare[--pool->spares]);
}

static void end_of_text(struct wspeer *p, struct str text)
{
	if (p->phase != WSPEER_OPEN)
		return; /* we said goodbye already */
	if (!utf8_valid(text))
		wspeer_fail(p, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "the text is not UTF-8");
	else
		wspeer_heard_text(p, text);
}

/* A text that lies whole in one piece is not copied. */
static void take_text(struct wspeer *p, const struct ws_piece *x)
{
	if (x->first && x->last) {
		end_of_text(p, x->bytes);
		return;
	}
	buf_str(&p->message, x->bytes);
	if (!x->last)
		return;
	struct buf whole = p->message;
	p->message = (struct buf){0};
	end_of_text(p, (struct str){whole.p, whole.n});
	buf_fini(&whole);
}

static void take_control(struct wspeer *p, const struct ws_piece *x)
{
	if (x->opcode == WSLAY_PING)
		wspeer_control(p, WSLAY_PONG, x->bytes);
	else if (x->opcode == WSLAY_PONG)
		wspeer_heard_pong(p, x->bytes);
	else
		wspeer_heard_close(p, x->bytes);
}

void wspeer_read(struct wspeer *p, const uint8_t *bytes, size_t n)
{
	if (!p->reader)
		p->reader = lend(p->set);
	ws_frames_feed(p->reader, bytes, n);
	wspeer_heard(p);
	enum ws_got got = WS_TEXT;
	while (p->phase != WSPEER_DONE && got != WS_NOTHING) {
		struct ws_piece x;
		got = ws_frames_next(p->reader, &x);
		if (got == WS_BROKEN)
			wspeer_fail(p, x.code, x.why);
		else if (got == WS_CONTROL)
			take_control(p, &x);
		else if (got == WS_TEXT)
			take_text(p, &x);
	}
	if (p->phase == WSPEER_DONE)
		wspeer_read_end(p);
	else if (ws_frames_between(p->reader))
		give_back(p);
}
