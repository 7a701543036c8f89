#include "common/evm/log_stream.h"
#include "common/evm/log_wire.h"

#include <stdlib.h>

struct log_stream {
	struct wire wire; /* first: the stream is the ctx that WIRE_SAX's functions take */
	bool (*each)(void *arg, struct log *log);
	void *arg;
	bool stopped;
	struct log log;
	struct buf data;
	struct err err;
};

static bool give(struct wire *w, void *log)
{
	struct log_stream *s = w->arg;
	s->stopped = !s->each(s->arg, log);
	return !s->stopped;
}

struct log_stream *log_stream_new(bool (*each)(void *arg, struct log *log), void *arg)
{
	struct log_stream *s = mem_alloc(sizeof *s);
	s->each = each;
	s->arg = arg;
	s->wire = (struct wire){.shape = &log_shape,
		.many = true,
		.each = give,
		.arg = s,
		.scratch = &s->data,
		.e = &s->err,
		.object = &s->log};
	wire_start(&s->wire);
	return s;
}

void log_stream_free(struct log_stream *s)
{
	if (!s)
		return;
	buf_fini(&s->data);
	free(s);
}

bool log_stream_end(const struct log_stream *s, struct err *e)
{
	if (s->stopped)
		return false;
	if (wire_whole(&s->wire))
		return true;
	if (s->err.class != ERR_NONE) {
		if (e)
			*e = s->err;
		return false;
	}
	return err_set(e, ERR_MALFORMED, "log %zu: its JSON is broken or ends too early", s->wire.n);
}

void log_stream_reset(struct log_stream *s)
{
	s->stopped = false;
	s->err.class = ERR_NONE;
	wire_start(&s->wire);
}

const struct sax log_stream_sax = WIRE_SAX;
