#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/io/loop.h"

#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

enum { LOOK_EVERY_MS = 5000 };

/* What tells one state of a file from another; all zero: there is no file. */
struct look {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct watch {
	struct loop *loop;
	char *path, *dir;
	void (*on_change)(void *arg);
	void *arg;
	struct look last;
	struct timer *timer;
	uv_fs_event_t events;
	bool listening;
};

static struct look look_at(const char *path)
{
	struct stat s;
	if (stat(path, &s) != 0)
		return (struct look){0};
	return (struct look){s.st_dev, s.st_ino, s.st_size, s.st_mtim};
}

static bool look_same(const struct look *a, const struct look *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
		   a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static void check(struct watch *w)
{
	struct look now = look_at(w->path);
	if (look_same(&now, &w->last))
		return;
	w->last = now;
	w->on_change(w->arg);
}

/* The name is not asked for: where the path leads over symbolic links, another name of the directory changes.
 */
static void on_event(uv_fs_event_t *h, const char *name, int events, int status)
{
	(void)name;
	(void)events;
	struct watch *w = h->data;
	if (status < 0) {
		uv_fs_event_stop(h);
		w->listening = false;
	}
	check(w);
}

static void on_tick(void *arg)
{
	struct watch *w = arg;
	timer_start(w->loop, &w->timer, LOOK_EVERY_MS, on_tick, w);
	if (!w->listening)
		w->listening = uv_fs_event_start(&w->events, on_event, w->dir, 0) == 0;
	check(w);
}

struct watch *watch_open(struct loop *l, const char *path, void (*on_change)(void *arg), void *arg)
{
	struct watch *w = mem_alloc(sizeof *w);
	char *copy = mem_text(path);
	w->loop = l;
	w->path = mem_text(path);
	w->dir = mem_text(dirname(copy));
	free(copy);
	w->on_change = on_change;
	w->arg = arg;
	must(uv_fs_event_init(loop_uv(l), &w->events) == 0);
	w->events.data = w;
	w->listening = uv_fs_event_start(&w->events, on_event, w->dir, 0) == 0;
	w->last = look_at(path);
	timer_start(l, &w->timer, LOOK_EVERY_MS, on_tick, w);
	return w;
}

static void on_closed(uv_handle_t *h)
{
	struct watch *w = h->data;
	free(w->path);
	free(w->dir);
	free(w);
}

void watch_close(struct watch *w)
{
	timer_free(&w->timer);
	uv_close((uv_handle_t *)&w->events, on_closed);
}
