#include "common/base/mem.h"
#include "common/io/wspeer_in.h"

#include <stdlib.h>

enum { SPARES_MOST = 64 };

static ssize_t on_recv(uint8_t *to, size_t room, int flags, void *arg)
{
	(void)flags;
	struct wspeer_reader *r = arg;
	size_t n = r->in_n < room ? r->in_n : room;
	if (n == 0)
		return -1; /* no more for now */
	memcpy(to, r->in, n);
	r->in += n;
	r->in_n -= n;
	r->begun += n;
	return (ssize_t)n;
}

static struct wspeer_reader *lend(struct wspeer_readers *pool)
{
	struct wspeer_reader *r = pool->spare;
	if (r) {
		pool->spare = r->next;
		pool->spares--;
		return r;
	}
	r = mem_alloc(sizeof *r);
	struct wslay_frame_callbacks fn = {.recv_callback = on_recv};
	must(wslay_frame_context_init(&r->frames, &fn, r) == 0);
	return r;
}

static void reader_free(struct wspeer_reader *r)
{
	wslay_frame_context_free(r->frames);
	free(r);
}

/* Between two frames a reader knows nothing of its peer and may serve another. */
static void give_back(struct wspeer *p)
{
	struct wspeer_reader *r = p->reader;
	struct wspeer_readers *pool = &p->set->readers;
	bool between = !r->within && r->in_n == 0 && r->begun == r->whole;
	p->reader = NULL;
	if (!between || pool->spares == SPARES_MOST) {
		reader_free(r);
		return;
	}
	r->next = pool->spare;
	pool->spare = r;
	pool->spares++;
}

void wspeer_read_end(struct wspeer *p)
{
	if (p->reader)
		give_back(p);
	buf_fini(&p->message);
}

void wspeer_readers_fini(struct wspeer_readers *pool)
{
	while (pool->spare) {
		struct wspeer_reader *r = pool->spare;
		pool->spare = r->next;
		reader_free(r);
	}
	pool->spares = 0;
}

/* ── frames ────────────────────────────────────────────────────────────────────────────────────────────── */

static bool fail(struct wspeer *p, int code, const char *why)
{
	wspeer_fail(p, code, why);
	return false;
}

/* What a frame may be, before its payload is looked at. */
static bool check_frame(struct wspeer *p, const struct wslay_frame_iocb *f)
{
	if (!f->mask) /* RFC 6455 section 5.1 */
		return fail(p, WSLAY_CODE_PROTOCOL_ERROR, "a frame was not masked");
	if (f->rsv)
		return fail(p, WSLAY_CODE_PROTOCOL_ERROR, "a reserved bit was set");
	if (f->opcode == WSLAY_CONNECTION_CLOSE || f->opcode == WSLAY_PING || f->opcode == WSLAY_PONG)
		return true;
	if (f->opcode == WSLAY_BINARY_FRAME)
		return fail(p, WSLAY_CODE_UNSUPPORTED_DATA, "only text is understood");
	if (f->opcode != WSLAY_TEXT_FRAME && f->opcode != WSLAY_CONTINUATION_FRAME)
		return fail(p, WSLAY_CODE_PROTOCOL_ERROR, "an unknown kind of frame came");
	if ((f->opcode == WSLAY_CONTINUATION_FRAME) != p->in_text)
		return fail(p, WSLAY_CODE_PROTOCOL_ERROR, "fragments came out of order");
	if (f->payload_length > p->set->o.max_message - p->message.n)
		return fail(p, WSLAY_CODE_MESSAGE_TOO_BIG, "the text is too long");
	return true;
}

static void end_of_text(struct wspeer *p, struct str text)
{
	p->in_text = false;
	if (p->phase != WSPEER_OPEN)
		return; /* we said goodbye already */
	if (!utf8_valid(text))
		wspeer_fail(p, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "the text is not UTF-8");
	else
		wspeer_heard_text(p, text);
}

static void end_of_control(struct wspeer *p, const struct wspeer_reader *r)
{
	struct str payload = {(const char *)r->control, r->control_n};
	if (r->opcode == WSLAY_PING)
		wspeer_control(p, WSLAY_PONG, payload);
	else if (r->opcode == WSLAY_PONG)
		wspeer_heard_pong(p, payload);
	else
		wspeer_heard_close(p, payload);
}

/* One piece of a payload; a text that lies whole in one piece is not copied. */
static void take_piece(struct wspeer *p, struct wspeer_reader *r, struct str piece, bool first)
{
	bool last = r->left == 0;
	r->within = !last;
	if (r->opcode & 8) {
		if (piece.n)
			memcpy(r->control + r->control_n, piece.p, piece.n);
		r->control_n += piece.n;
		if (last)
			end_of_control(p, r);
		return;
	}
	p->in_text = true;
	if (first && last && r->fin && !p->message.p) {
		end_of_text(p, piece);
		return;
	}
	buf_str(&p->message, piece);
	if (!last || !r->fin)
		return;
	struct buf whole = p->message;
	p->message = (struct buf){0};
	end_of_text(p, (struct str){whole.p, whole.n});
	buf_fini(&whole);
}

static bool take_head(struct wspeer *p, struct wspeer_reader *r, const struct wslay_frame_iocb *f)
{
	if (!check_frame(p, f))
		return false;
	r->left = f->payload_length;
	r->opcode = f->opcode;
	r->fin = f->fin;
	r->control_n = 0;
	r->whole += r->left > UINT16_MAX ? 14u : r->left > 125 ? 8u : 6u; /* two bytes, the length, the mask */
	return true;
}

void wspeer_read(struct wspeer *p, const uint8_t *bytes, size_t n)
{
	if (!p->reader)
		p->reader = lend(&p->set->readers);
	struct wspeer_reader *r = p->reader;
	r->in = bytes;
	r->in_n = n;
	wspeer_heard(p);
	while (p->phase != WSPEER_DONE) {
		struct wslay_frame_iocb f = {0};
		ssize_t got = wslay_frame_recv(r->frames, &f);
		if (got == WSLAY_ERR_WANT_READ)
			break;
		if (got < 0) {
			wspeer_fail(p, WSLAY_CODE_PROTOCOL_ERROR, "a frame was malformed");
			break;
		}
		bool first = !r->within;
		if (first && !take_head(p, r, &f))
			break;
		r->left -= (uint64_t)got;
		r->whole += (uint64_t)got;
		take_piece(p, r, got ? (struct str){(const char *)f.data, (size_t)got} : STR(""), first);
	}
	if (p->phase == WSPEER_DONE)
		wspeer_read_end(p);
	else if (!r->within && r->begun == r->whole)
		give_back(p);
}
