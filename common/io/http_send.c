#include "common/base/mem.h"
#include "common/io/http_in.h"
#include "common/io/tls.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	AT_ONCE = 16,               /* pieces in one system call */
	ENCRYPT_AT_ONCE = 64 << 10, /* bytes: what TLS has made can't be taken back */
};

struct http_write {
	uv_write_t req;
	struct http_conn *conn;
	struct http_frame *frames[AT_ONCE];
	unsigned n;
};

/* ── frames ────────────────────────────────────────────────────────────────────────────────────────────── */

static struct http_frame *frame_room(size_t n)
{
	must(n <= UINT32_MAX);
	struct http_frame *f = mem_grow(NULL, sizeof *f + HTTP_FRAME_FRONT + n + HTTP_FRAME_BACK, 1);
	f->refs = 1;
	f->n = n;
	return f;
}

struct http_frame *http_frame_new(struct str bytes)
{
	struct http_frame *f = frame_room(bytes.n);
	char size[HTTP_FRAME_FRONT + 1];
	snprintf(size, sizeof size, "%08x\r\n", (unsigned)bytes.n);
	memcpy(f->bytes, size, HTTP_FRAME_FRONT);
	if (bytes.n)
		memcpy(f->bytes + HTTP_FRAME_FRONT, bytes.p, bytes.n);
	memcpy(f->bytes + HTTP_FRAME_FRONT + bytes.n, "\r\n", HTTP_FRAME_BACK);
	return f;
}

struct str http_frame_bytes(const struct http_frame *f)
{
	return (struct str){f->bytes + HTTP_FRAME_FRONT, f->n};
}

void http_frame_drop(struct http_frame *f)
{
	if (f && --f->refs == 0)
		free(f);
}

/* ── pieces: a queue that holds no memory while it is empty ────────────────────────────────────────────── */

static struct http_piece *piece_at(const struct http_pieces *p, uint32_t i)
{
	return &p->v[p->begin + i];
}

void http_pieces_put(struct http_pieces *p, struct http_frame *f, size_t at, size_t end)
{
	if (p->begin + p->n == p->cap && p->begin) {
		memmove(p->v, p->v + p->begin, p->n * sizeof *p->v);
		p->begin = 0;
	}
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 4;
		p->v = mem_grow(p->v, p->cap, sizeof *p->v);
	}
	f->refs++;
	p->v[p->begin + p->n++] = (struct http_piece){.frame = f, .at = at, .end = end};
	p->bytes += end - at;
}

static void pieces_shift(struct http_pieces *p)
{
	http_frame_drop(piece_at(p, 0)->frame);
	p->begin++;
	if (--p->n == 0) {
		free(p->v);
		*p = (struct http_pieces){0};
	}
}

static void pieces_take(struct http_pieces *p, size_t bytes)
{
	p->bytes -= bytes;
	while (bytes) {
		struct http_piece *x = piece_at(p, 0);
		size_t some = x->end - x->at < bytes ? x->end - x->at : bytes;
		x->at += some;
		x->begun = true;
		bytes -= some;
		if (x->at == x->end)
			pieces_shift(p);
	}
}

void http_pieces_clear(struct http_pieces *p)
{
	while (p->n)
		pieces_shift(p);
}

void http_send_forget(struct http_conn *c, bool all)
{
	struct http_pieces keep = {0};
	if (!all && c->out.n && piece_at(&c->out, 0)->begun) {
		struct http_piece *x = piece_at(&c->out, 0);
		http_pieces_put(&keep, x->frame, x->at, x->end);
		keep.v[0].begun = true;
	}
	http_pieces_clear(&c->out);
	c->out = keep;
}

size_t http_send_unsent(const struct http_conn *c)
{
	return c->out.bytes + uv_stream_get_write_queue_size(&c->s.stream);
}

/* ── sending ───────────────────────────────────────────────────────────────────────────────────────────── */

static void on_written(uv_write_t *req, int status)
{
	struct http_write *w = (struct http_write *)req;
	struct http_conn *c = w->conn;
	for (unsigned i = 0; i < w->n; i++)
		http_frame_drop(w->frames[i]);
	free(w);
	c->write = NULL;
	if (status < 0) {
		http_conn_close(c, HTTP_GONE_PEER);
		return;
	}
	http_send_flush(c);
	http_conn_advance(c);
}

/* Hands pieces to libuv, which keeps on trying; the frames stay referenced until then. */
static void start_write(struct http_conn *c, uv_buf_t *v, unsigned n, struct http_frame *const *frames)
{
	struct http_write *w = mem_alloc(sizeof *w);
	w->conn = c;
	w->n = n;
	for (unsigned i = 0; i < n; i++) {
		w->frames[i] = frames[i];
		w->frames[i]->refs++;
	}
	c->write = w;
	if (uv_write(&w->req, &c->s.stream, v, n, on_written) == 0)
		return;
	c->write = NULL;
	for (unsigned i = 0; i < n; i++)
		http_frame_drop(w->frames[i]);
	free(w);
	http_conn_close(c, HTTP_GONE_PEER);
}

/* How many bytes the kernel takes now; false: the line is broken and c closed. */
static bool try_write(struct http_conn *c, const uv_buf_t *v, unsigned n, size_t *sent)
{
	int rc = uv_try_write(&c->s.stream, v, n);
	*sent = rc > 0 ? (size_t)rc : 0;
	if (rc >= 0 || rc == UV_EAGAIN)
		return true;
	http_conn_close(c, HTTP_GONE_PEER);
	return false;
}

static unsigned gather(const struct http_pieces *p, uv_buf_t *v, struct http_frame **frames, size_t *bytes)
{
	unsigned n = 0;
	*bytes = 0;
	for (; n < AT_ONCE && n < p->n; n++) {
		struct http_piece *x = piece_at(p, n);
		v[n] = uv_buf_init(x->frame->bytes + x->at, (unsigned)(x->end - x->at));
		frames[n] = x->frame;
		*bytes += x->end - x->at;
	}
	return n;
}

static void flush_plain(struct http_conn *c)
{
	while (c->out.n && !c->write) {
		uv_buf_t v[AT_ONCE];
		struct http_frame *frames[AT_ONCE];
		size_t bytes, sent;
		unsigned n = gather(&c->out, v, frames, &bytes);
		if (!try_write(c, v, n, &sent))
			return;
		pieces_take(&c->out, sent);
		if (sent == bytes)
			continue;
		/* One piece at a time is given away: the others can still be taken back. */
		n = gather(&c->out, v, frames, &bytes);
		start_write(c, v, 1, frames);
		if (!c->closing)
			pieces_take(&c->out, v[0].len);
	}
}

static void send_ciphertext(struct http_conn *c)
{
	struct str b = tls_output(c->tls);
	uv_buf_t v = {(char *)(uintptr_t)b.p, b.n};
	size_t sent;
	if (!b.n || !try_write(c, &v, 1, &sent))
		return;
	if (sent < b.n) {
		struct http_frame *f = frame_room(b.n - sent);
		memcpy(f->bytes, b.p + sent, f->n);
		v = uv_buf_init(f->bytes, (unsigned)f->n);
		start_write(c, &v, 1, &f);
		http_frame_drop(f);
	}
	if (!c->closing)
		tls_output_taken(c->tls);
}

static void flush_tls(struct http_conn *c)
{
	do {
		size_t made = 0;
		while (c->out.n && made < ENCRYPT_AT_ONCE && tls_up(c->tls)) {
			struct http_piece *x = piece_at(&c->out, 0);
			size_t n = x->end - x->at < ENCRYPT_AT_ONCE ? x->end - x->at : ENCRYPT_AT_ONCE;
			tls_write(c->tls, x->frame->bytes + x->at, n);
			pieces_take(&c->out, n);
			made += n;
		}
		send_ciphertext(c);
	} while (!c->closing && !c->write && c->out.n && tls_up(c->tls));
}

void http_send_flush(struct http_conn *c)
{
	if (c->closing || c->write)
		return;
	if (c->tls)
		flush_tls(c);
	else
		flush_plain(c);
}

void http_send(struct http_conn *c, uv_buf_t *v, unsigned n)
{
	size_t total = 0, sent = 0;
	for (unsigned i = 0; i < n; i++)
		total += v[i].len;
	if (!c->tls && !c->out.n && !c->write && !try_write(c, v, n, &sent))
		return;
	if (sent == total)
		return;
	struct http_frame *f = frame_room(total - sent);
	size_t at = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t skip = sent < v[i].len ? sent : v[i].len;
		sent -= skip;
		memcpy(f->bytes + at, v[i].base + skip, v[i].len - skip);
		at += v[i].len - skip;
	}
	http_pieces_put(&c->out, f, 0, f->n);
	http_frame_drop(f);
	http_send_flush(c);
}

/* ── what happens in the next turn, for many at once ───────────────────────────────────────────────────── */

static void flush_dirty(void *arg)
{
	struct http_server *s = arg;
	struct http_dues now = s->dirty;
	s->dirty = (struct http_dues){0};
	s->flushing = false;
	for (struct http_due *d = now.first; d; d = d->next)
		d->in = &now;
	while (now.first) {
		struct http_conn *c = http_due_of(struct http_conn, dirty, now.first);
		http_due_drop(&c->dirty);
		http_send_flush(c);
		http_conn_take_rest(c);
		http_conn_advance(c);
	}
	s->laters--;
	http_server_settle(s);
}

void http_send_mark(struct http_conn *c)
{
	struct http_server *s = c->server;
	if (c->closing)
		return;
	if (!c->dirty.in)
		http_due_put(&s->dirty, &c->dirty, 0);
	if (s->flushing)
		return;
	s->flushing = true;
	s->laters++;
	loop_later(s->loop, flush_dirty, s);
}

void http_send_frame(struct http_conn *c, struct http_frame *f, bool chunked)
{
	if (f->n == 0)
		return;
	http_pieces_put(&c->out, f, chunked ? 0 : HTTP_FRAME_FRONT,
		HTTP_FRAME_FRONT + f->n + (chunked ? HTTP_FRAME_BACK : 0));
	http_send_mark(c);
}
