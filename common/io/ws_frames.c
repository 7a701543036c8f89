/* SHA-1 of a few bytes: EVP would bring up a provider for it. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/io/ws_frames.h"
#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

struct ws_frames {
	wslay_frame_context_ptr ctx;
	uint64_t most;
	const uint8_t *in; /* bytes that wslay has not taken yet */
	size_t in_n;
	uint64_t begun, whole; /* bytes given to wslay · bytes of them that were frames it told of */
	uint64_t left;         /* of the frame's payload */
	uint64_t text_n;       /* of the message so far */
	bool masked;
	bool within;  /* a frame: its head is known */
	bool in_text; /* fragments of a message are under way */
	uint8_t opcode, fin;
	uint8_t control[WS_CONTROL_MOST]; /* its payload, if it is a control frame */
	size_t control_n;
};

static ssize_t on_recv(uint8_t *to, size_t room, int flags, void *arg)
{
	(void)flags;
	struct ws_frames *r = arg;
	size_t n = r->in_n < room ? r->in_n : room;
	if (n == 0)
		return -1; /* no more for now */
	memcpy(to, r->in, n);
	r->in += n;
	r->in_n -= n;
	r->begun += n;
	return (ssize_t)n;
}

struct ws_frames *ws_frames_new(bool masked, uint64_t most)
{
	struct ws_frames *r = mem_alloc(sizeof *r);
	struct wslay_frame_callbacks fn = {.recv_callback = on_recv};
	must(wslay_frame_context_init(&r->ctx, &fn, r) == 0);
	r->masked = masked;
	r->most = most;
	return r;
}

void ws_frames_free(struct ws_frames *r)
{
	if (!r)
		return;
	wslay_frame_context_free(r->ctx);
	free(r);
}

void ws_frames_feed(struct ws_frames *r, const void *bytes, size_t n)
{
	must(r->in_n == 0);
	r->in = bytes;
	r->in_n = n;
}

bool ws_frames_between(const struct ws_frames *r)
{
	return !r->within && !r->in_text && r->in_n == 0 && r->begun == r->whole;
}

static bool broken(struct ws_piece *x, int code, const char *why)
{
	x->code = code;
	x->why = why;
	return false;
}

static bool is_control(uint8_t opcode)
{
	return opcode == WSLAY_CONNECTION_CLOSE || opcode == WSLAY_PING || opcode == WSLAY_PONG;
}

/* What a frame may be, before its payload is looked at. */
static bool check_head(const struct ws_frames *r, const struct wslay_frame_iocb *f, struct ws_piece *x)
{
	if (r->masked && !f->mask) /* section 5.1 */
		return broken(x, WSLAY_CODE_PROTOCOL_ERROR, "a frame was not masked");
	if (!r->masked && f->mask)
		return broken(x, WSLAY_CODE_PROTOCOL_ERROR, "a frame was masked");
	if (f->rsv)
		return broken(x, WSLAY_CODE_PROTOCOL_ERROR, "a reserved bit was set");
	if (is_control(f->opcode))
		return true;
	if (f->opcode == WSLAY_BINARY_FRAME)
		return broken(x, WSLAY_CODE_UNSUPPORTED_DATA, "only text is understood");
	if (f->opcode != WSLAY_TEXT_FRAME && f->opcode != WSLAY_CONTINUATION_FRAME)
		return broken(x, WSLAY_CODE_PROTOCOL_ERROR, "an unknown kind of frame came");
	if ((f->opcode == WSLAY_CONTINUATION_FRAME) != r->in_text)
		return broken(x, WSLAY_CODE_PROTOCOL_ERROR, "fragments came out of order");
	if (f->payload_length > r->most - r->text_n)
		return broken(x, WSLAY_CODE_MESSAGE_TOO_BIG, "the text is too long");
	return true;
}

static void take_head(struct ws_frames *r, const struct wslay_frame_iocb *f)
{
	r->left = f->payload_length;
	r->opcode = f->opcode;
	r->fin = f->fin;
	r->control_n = 0;
	/* two bytes, the length, the mask */
	r->whole += (r->left > UINT16_MAX ? 10u : r->left > 125 ? 4u : 2u) + (r->masked ? 4u : 0u);
}

/* false: the rest of it has not come. */
static bool take_control(struct ws_frames *r, struct str piece, struct ws_piece *x)
{
	if (piece.n)
		memcpy(r->control + r->control_n, piece.p, piece.n);
	r->control_n += piece.n;
	x->bytes = (struct str){(const char *)r->control, r->control_n};
	x->opcode = r->opcode;
	return !r->within;
}

static void take_text(struct ws_frames *r, struct str piece, struct ws_piece *x)
{
	x->bytes = piece;
	x->first = !r->in_text;
	x->last = !r->within && r->fin;
	r->in_text = !x->last;
	r->text_n = x->last ? 0 : r->text_n + piece.n;
}

enum ws_got ws_frames_next(struct ws_frames *r, struct ws_piece *x)
{
	for (;;) {
		struct wslay_frame_iocb f = {0};
		ssize_t got = wslay_frame_recv(r->ctx, &f);
		*x = (struct ws_piece){0};
		if (got == WSLAY_ERR_WANT_READ)
			return WS_NOTHING;
		if (got < 0) {
			broken(x, WSLAY_CODE_PROTOCOL_ERROR, "a frame was malformed");
			return WS_BROKEN;
		}
		/* Behind the first piece of a message in_text stands; a frame's own first piece is where none was
		 * within. */
		if (!r->within) {
			if (!check_head(r, &f, x))
				return WS_BROKEN;
			take_head(r, &f);
		}
		struct str piece = got ? (struct str){(const char *)f.data, (size_t)got} : STR("");
		r->left -= piece.n;
		r->whole += piece.n;
		r->within = r->left > 0;
		if (!is_control(r->opcode)) {
			take_text(r, piece, x);
			return WS_TEXT;
		}
		if (take_control(r, piece, x))
			return WS_CONTROL;
	}
}

/* ── out ───────────────────────────────────────────────────────────────────────────────────────────────── */

static ssize_t on_encoded(const uint8_t *bytes, size_t n, int flags, void *arg)
{
	(void)flags;
	buf_put(*(struct buf **)arg, bytes, n);
	return (ssize_t)n;
}

static int on_mask(uint8_t *out, size_t n, void *arg)
{
	(void)arg;
	return getrandom(out, n, 0) == (ssize_t)n ? 0 : -1;
}

void ws_frame_put(struct buf *b, uint8_t opcode, struct str payload, bool masked)
{
	/* Between two frames it knows nothing but that it has masked one, and then masks all: two serve all
	 * sockets. */
	static wslay_frame_context_ptr of[2];
	wslay_frame_context_ptr *ctx = &of[masked];
	static struct buf *into;
	struct wslay_frame_callbacks fn = {.send_callback = on_encoded, .genmask_callback = on_mask};
	struct wslay_frame_iocb f = {.fin = 1,
		.opcode = opcode,
		.mask = masked,
		.payload_length = payload.n,
		.data = (const uint8_t *)payload.p,
		.data_length = payload.n};
	must(*ctx || wslay_frame_context_init(ctx, &fn, &into) == 0);
	into = b;
	must(wslay_frame_send(*ctx, &f) == (ssize_t)payload.n);
	into = NULL;
}

int ws_goodbye_code(struct str payload)
{
	const unsigned char *b = (const unsigned char *)payload.p;
	if (payload.n < 2)
		return payload.n == 0 ? WSLAY_CODE_NO_STATUS_RCVD : 0;
	int code = b[0] << 8 | b[1];
	/* and those registered since */
	bool may =
		(code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
	return may ? code : 0;
}

void ws_accept_of(char out[32], const char *key)
{
	static const char fixed[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[SHA_DIGEST_LENGTH];
	SHA_CTX sha;
	SHA1_Init(&sha);
	SHA1_Update(&sha, key, WS_KEY_N);
	SHA1_Update(&sha, fixed, sizeof fixed - 1);
	SHA1_Final(digest, &sha);
	EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}
