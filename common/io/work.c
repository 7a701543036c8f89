#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/io/loop.h"

#include <stdlib.h>
#include <uv.h>

struct work {
	uv_work_t uv;
	void (*run)(void *arg);
	timer_fn done;
	void *arg;
};

static void on_thread(uv_work_t *u)
{
	struct work *w = u->data;
	w->run(w->arg);
}

static void on_done(uv_work_t *u, int status)
{
	struct work *w = u->data;
	(void)status;
	w->done(w->arg);
	free(w);
}

void loop_work(struct loop *l, void (*run)(void *arg), timer_fn done, void *arg)
{
	struct work *w = mem_alloc(sizeof *w);
	*w = (struct work){.run = run, .done = done, .arg = arg};
	w->uv.data = w;
	must(uv_queue_work(loop_uv(l), &w->uv, on_thread, on_done) == 0);
}
