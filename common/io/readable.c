#include "common/base/mem.h"
#include "common/io/loop.h"

#include <stdlib.h>
#include <uv.h>

struct readable {
	uv_poll_t poll;
	void (*fn)(void *arg);
	void *arg;
};

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct readable *r = h->data;
	(void)status, (void)events; /* what is wrong with it, read says */
	r->fn(r->arg);
}

static void on_close(uv_handle_t *h)
{
	free(h->data);
}

struct readable *readable_open(struct loop *l, int fd, void (*fn)(void *arg), void *arg)
{
	struct readable *r = mem_alloc(sizeof *r);
	*r = (struct readable){.fn = fn, .arg = arg};
	r->poll.data = r;
	if (uv_poll_init(loop_uv(l), &r->poll, fd) != 0) {
		free(r);
		return NULL;
	}
	if (uv_poll_start(&r->poll, UV_READABLE, on_poll) == 0)
		return r;
	readable_close(r);
	return NULL;
}

void readable_close(struct readable *r)
{
	if (r)
		uv_close((uv_handle_t *)&r->poll, on_close);
}
