#include "common/fleet/totals.h"

#include "common/base/mem.h"
#include "common/io/metrics.h"
#include "common/ledger/counters.h"

#include <stdlib.h>

enum { EACH_MS = 10000 };

struct totals {
	struct loop *loop;
	struct pg *pg;
	const char *program;
	struct timer *timer;
	struct counter_gain *gains;
	struct told {
		const char *name, *labels;
		double value;
	} * told; /* what has been pushed, one a counter */
	size_t ngains, ntold, cap;
	int in_flight;
	void (*done)(void *arg); /* set by totals_finish */
	void *done_arg;
};

static struct told *find(struct totals *t, const char *name, const char *labels)
{
	for (size_t i = 0; i < t->ntold; i++)
		if (text_is(t->told[i].name, name) && text_is(t->told[i].labels, labels))
			return &t->told[i];
	if (t->ntold == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 32;
		t->told = mem_grow(t->told, t->cap, sizeof *t->told);
		t->gains = mem_grow(t->gains, t->cap, sizeof *t->gains);
	}
	t->told[t->ntold] = (struct told){name, labels, 0}; /* names of metrics live for the process */
	return &t->told[t->ntold++];
}

static bool ends_in_total(const char *name)
{
	size_t n = strlen(name);
	return n > 6 && text_is(name + n - 6, "_total");
}

static void gain(void *arg, const char *name, const char *labels, double value)
{
	struct totals *t = arg;
	if (!ends_in_total(name))
		return;
	struct told *was = find(t, name, labels);
	if (value > was->value)
		t->gains[t->ngains++] = (struct counter_gain){name, labels, value - was->value};
	was->value = value;
}

static void finish(void *arg)
{
	struct totals *t = arg;
	t->done(t->done_arg);
}

static void on_pushed(void *arg, const struct pg_reply *r)
{
	struct totals *t = arg;
	(void)r; /* what is lost here is ten seconds of a total */
	if (--t->in_flight == 0 && t->done)
		finish(t);
}

static void push(struct totals *t)
{
	if (!pg_is_up(t->pg))
		return;
	t->ngains = 0;
	metrics_each(gain, t);
	if (t->ngains == 0)
		return;
	struct pg_unit *u = pg_unit(t->pg);
	counters_add(u, t->program, t->gains, t->ngains);
	t->in_flight++;
	pg_unit_run(u, 0, on_pushed, t);
}

void totals_finish(struct totals *t, void (*done)(void *arg), void *arg)
{
	timer_stop(&t->timer);
	push(t);
	t->done = done;
	t->done_arg = arg;
	if (t->in_flight == 0)
		loop_later(t->loop, finish, t);
}

static void on_timer(void *arg)
{
	struct totals *t = arg;
	timer_start(t->loop, &t->timer, EACH_MS, on_timer, t);
	push(t);
}

struct totals *totals_open(struct loop *l, struct pg *pg, const char *program)
{
	struct totals *t = mem_alloc(sizeof *t);
	*t = (struct totals){.loop = l, .pg = pg, .program = program};
	timer_start(l, &t->timer, EACH_MS, on_timer, t);
	return t;
}

void totals_close(struct totals *t)
{
	if (!t)
		return;
	timer_free(&t->timer);
	free(t->gains);
	free(t->told);
	free(t);
}
