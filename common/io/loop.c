#include "common/io/loop.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/io/log.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { SETTLE_MS = 500 };

struct later {
	timer_fn fn;
	void *arg;
};
struct later_list {
	struct later *v;
	size_t n, cap;
};

struct loop {
	uv_loop_t uv;
	uv_async_t alive;   /* keeps uv_run waiting while nothing else is open; never sent */
	uv_prepare_t sleep; /* before each sleep: the log's lines of the turn leave */
	uv_idle_t idle;     /* on while something waits in next: the turn then does not block */
	uv_signal_t sigint, sigterm;
	struct later_list next, now; /* next collects; now is being run */
	struct later_list last;      /* for loop_free */
	void (*on_term)(void *arg);
	void *on_term_arg;
	bool signals, term_seen, ended;
	int exit_code;
};

struct timer {
	uv_timer_t uv;
	timer_fn fn;
	void *arg;
};

static void run_laters(uv_idle_t *h)
{
	struct loop *l = h->data;
	struct later_list run = l->next;
	l->next = l->now;
	l->now = run;
	for (size_t i = 0; i < run.n; i++)
		run.v[i].fn(run.v[i].arg);
	l->now.n = 0;
	if (l->next.n == 0)
		uv_idle_stop(h);
}

static void on_sleep(uv_prepare_t *h)
{
	(void)h;
	log_flush();
}

struct loop *loop_new(void)
{
	struct loop *l = mem_alloc(sizeof *l);
	must(uv_loop_init(&l->uv) == 0);
	must(uv_async_init(&l->uv, &l->alive, NULL) == 0);
	uv_idle_init(&l->uv, &l->idle);
	l->idle.data = l;
	uv_prepare_init(&l->uv, &l->sleep);
	uv_prepare_start(&l->sleep, on_sleep);
	uv_unref((uv_handle_t *)&l->sleep);
	signal(SIGPIPE, SIG_IGN);
	return l;
}

struct uv_loop_s *loop_uv(struct loop *l)
{
	return &l->uv;
}

int loop_run(struct loop *l)
{
	log_keep(true);
	while (!l->ended)
		uv_run(&l->uv, UV_RUN_DEFAULT);
	log_keep(false);
	l->ended = false;
	return l->exit_code;
}

void loop_end(struct loop *l, int exit_code)
{
	l->exit_code = exit_code;
	l->ended = true;
	uv_stop(&l->uv);
}

static void close_own(uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void close_leaked(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (uv_is_closing(h))
		return;
	uv_os_fd_t fd = -1;
	uv_fileno(h, &fd);
	log_bug("loop.leak", "A handle was still open when its loop ended",
		F_STR("handle", uv_handle_type_name(uv_handle_get_type(h))), F_INT("fd", fd),
		F_INT("active", uv_is_active(h)));
	uv_close(h, NULL);
}

static void on_settle_over(uv_timer_t *h)
{
	uv_stop(h->loop);
}

/* What a module closes may need some turns until its last callback, and a peer a moment to answer a goodbye.
 */
static void settle(struct loop *l)
{
	uv_timer_t over;
	uv_timer_init(&l->uv, &over);
	uv_timer_start(&over, on_settle_over, SETTLE_MS, 0);
	uv_unref((uv_handle_t *)&over);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&over, NULL);
	uv_run(&l->uv, UV_RUN_NOWAIT);
}

void loop_free(struct loop *l)
{
	for (size_t i = 0; i < l->last.n; i++)
		l->last.v[i].fn(l->last.v[i].arg);
	uv_unref((uv_handle_t *)&l->alive);
	if (l->signals) {
		uv_unref((uv_handle_t *)&l->sigint);
		uv_unref((uv_handle_t *)&l->sigterm);
	}
	settle(l);
	close_own((uv_handle_t *)&l->alive);
	close_own((uv_handle_t *)&l->idle);
	close_own((uv_handle_t *)&l->sleep);
	if (l->signals) {
		close_own((uv_handle_t *)&l->sigint);
		close_own((uv_handle_t *)&l->sigterm);
	}
	uv_walk(&l->uv, close_leaked, NULL);
	uv_run(
		&l->uv, UV_RUN_DEFAULT); /* a name may still be looked up by libuv's thread: it can't be taken back */
	must(uv_loop_close(&l->uv) == 0);
	free(l->next.v);
	free(l->now.v);
	free(l->last.v);
	free(l);
}

uint64_t loop_now_ms(struct loop *l)
{
	return uv_now(&l->uv);
}

void loop_was_blocked(struct loop *l)
{
	uv_update_time(&l->uv);
}

static void on_signal(uv_signal_t *h, int signum)
{
	(void)signum;
	struct loop *l = h->data;
	if (l->term_seen) {
		log_flush();
		_exit(75);
	}
	l->term_seen = true;
	l->on_term(l->on_term_arg);
}

void loop_on_term(struct loop *l, void (*on_term)(void *arg), void *arg)
{
	l->on_term = on_term;
	l->on_term_arg = arg;
	if (l->signals)
		return;
	l->signals = true;
	uv_signal_init(&l->uv, &l->sigint);
	uv_signal_init(&l->uv, &l->sigterm);
	l->sigint.data = l->sigterm.data = l;
	must(uv_signal_start(&l->sigint, on_signal, SIGINT) == 0);
	must(uv_signal_start(&l->sigterm, on_signal, SIGTERM) == 0);
}

static void on_timer(uv_timer_t *h)
{
	struct timer *t = h->data;
	t->fn(t->arg);
}

void timer_start(struct loop *l, struct timer **t, uint64_t after_ms, timer_fn fn, void *arg)
{
	if (!*t) {
		*t = mem_alloc(sizeof **t);
		uv_timer_init(&l->uv, &(*t)->uv);
		(*t)->uv.data = *t;
	}
	(*t)->fn = fn;
	(*t)->arg = arg;
	uv_timer_start(&(*t)->uv, on_timer, after_ms, 0);
}

void timer_stop(struct timer **t)
{
	if (*t)
		uv_timer_stop(&(*t)->uv);
}

static void on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

void timer_free(struct timer **t)
{
	if (*t)
		uv_close((uv_handle_t *)&(*t)->uv, on_timer_closed);
	*t = NULL;
}

bool timer_is_on(const struct timer *t)
{
	return t && uv_is_active((const uv_handle_t *)&t->uv);
}

static void later_put(struct later_list *q, timer_fn fn, void *arg)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 16;
		q->v = mem_grow(q->v, q->cap, sizeof *q->v);
	}
	q->v[q->n++] = (struct later){fn, arg};
}

void loop_before_free(struct loop *l, timer_fn fn, void *arg)
{
	later_put(&l->last, fn, arg);
}

void loop_later(struct loop *l, timer_fn fn, void *arg)
{
	later_put(&l->next, fn, arg);
	if (!uv_is_active((uv_handle_t *)&l->idle))
		uv_idle_start(&l->idle, run_laters);
}
