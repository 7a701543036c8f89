#include "common/io/lines.h"
#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <uv.h>

struct lines {
	uv_pipe_t pipe;
	struct lines_events ev;
	struct buf in;
	bool closed;
};
struct sending {
	uv_write_t uv;
	struct buf text;
};

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct lines *s = h->data;
	(void)suggested;
	out->base = buf_room(&s->in, 16384);
	out->len = 16384;
}

static void end(struct lines *s, const char *why)
{
	if (!s->closed)
		s->ev.on_end(s->ev.arg, why);
}

/* Whole lines are told; what is left of the last moves to the front. */
static void tell(struct lines *s)
{
	size_t from = 0;
	for (char *nl; !s->closed && (nl = memchr(s->in.p + from, '\n', s->in.n - from));
		 from = (size_t)(nl - s->in.p) + 1)
		s->ev.on_line(s->ev.arg, (struct str){s->in.p + from, (size_t)(nl - s->in.p) - from});
	memmove(s->in.p, s->in.p + from, s->in.n - from);
	s->in.n -= from;
	if (s->in.n > LINES_MAX)
		end(s, "it sent a line that does not end");
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct lines *s = stream->data;
	(void)b;
	if (n > 0) {
		s->in.n += (size_t)n;
		tell(s);
	} else if (n < 0) {
		uv_read_stop(stream);
		end(s, n == UV_EOF ? "it ended" : uv_strerror((int)n));
	}
}

struct lines *lines_open(struct loop *l, int fd, const struct lines_events *ev)
{
	struct lines *s = mem_alloc(sizeof *s);
	s->ev = *ev;
	must(uv_pipe_init(loop_uv(l), &s->pipe, 0) == 0 && uv_pipe_open(&s->pipe, fd) == 0);
	s->pipe.data = s;
	must(uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read) == 0);
	return s;
}

static void on_written(uv_write_t *w, int status)
{
	struct sending *o = w->data;
	(void)status; /* a side that is gone shows at reading */
	buf_fini(&o->text);
	free(o);
}

void lines_put(struct lines *s, struct str line)
{
	struct sending *o = mem_alloc(sizeof *o);
	buf_str(&o->text, line);
	buf_char(&o->text, '\n');
	o->uv.data = o;
	uv_buf_t b = uv_buf_init(o->text.p, (unsigned)o->text.n);
	if (uv_write(&o->uv, (uv_stream_t *)&s->pipe, &b, 1, on_written) != 0)
		on_written(&o->uv, 0);
}

static void on_closed(uv_handle_t *h)
{
	struct lines *s = h->data;
	buf_fini(&s->in);
	free(s);
}

void lines_close(struct lines *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	uv_close((uv_handle_t *)&s->pipe, on_closed);
}
