#include "reconciler/serve/request_in.h"

#include "common/io/log.h"

#include <stdio.h>
#include <stdlib.h>

/* Jobs: one at a time a replica, the oldest first; every second, and at once when one was left here. A
 * process that dies lets its job go when it is not held any more (JOB_FOR_MS). */

enum { LOOK_MS = 1000, HOLD_MS = JOB_FOR_MS / 3, STRANGER_MS = 600000 };

static void look(void *arg);

static void look_later(struct requests *q, uint64_t ms)
{
	if (!q->closing)
		timer_start(q->m->loop, &q->job_timer, ms, look, q);
}

static struct known_steps known_of(const struct requests *q)
{
	return (struct known_steps){(const uint8_t(*)[32])q->digests, q->plans->n};
}

static const struct route_decl *route_of(const struct requests *q, const struct request_job *j)
{
	for (size_t i = 0; i < q->plans->n; i++)
		if (memcmp(q->digests[i], j->digest, sizeof j->digest) == 0)
			return q->plans->routes[i].route;
	return NULL;
}

static void hold(void *arg)
{
	struct requests *q = arg;
	if (!q->job)
		return;
	struct pg_unit *u = pg_unit(q->m->pg);
	request_job_hold(u, q->job->job.id, q->m->holder, JOB_FOR_MS);
	pg_unit_run(u, 0, run_nothing, NULL);
	timer_start(q->m->loop, &q->hold_timer, HOLD_MS, hold, q);
}

static void out_no_more(struct requests *q, uint64_t next_ms)
{
	q->job_out = false;
	q->job = NULL;
	timer_stop(&q->hold_timer);
	look_later(q, next_ms);
}

static void on_failed(void *arg, const struct pg_reply *p)
{
	(void)arg;
	if (p->outcome == PG_OK && pg_get_bool(p, 0, 0, 0))
		log_odd("job.dead", "A job can't be done any more; a person has to look (fairlead.dead)");
}

static void told_failed(struct requests *q, int64_t id, bool dead, const char *sqlstate, const char *why)
{
	struct pg_unit *u = pg_unit(q->m->pg);
	request_job_fail(u, id, q->m->holder, dead, sqlstate, why);
	pg_unit_run(u, 0, on_failed, NULL);
}

static struct run *run_of(struct requests *q, const struct request_job *j, const struct route_decl *route)
{
	struct arena own = {0};
	struct run *r = arena_alloc(&own, sizeof *r);
	struct arena *mine = arena_alloc(&own, sizeof *mine);
	*mine = own;
	*r = (struct run){.q = q, .a = mine, .route = route, .step = (size_t)j->step, .has_id = true, .job = *j};
	r->plan = &q->plans->routes[route->index];
	r->last_line = &r->lines;
	r->began_line = &r->lines;
	r->job.route = str_of(route->key);
	r->job.names = (struct str){NULL, 0};
	r->job.request = str_of(arena_textn(r->a, j->request.p, j->request.n));
	r->job.trace = str_of(arena_textn(r->a, j->trace.p, j->trace.n));
	return r;
}

static void begin(struct requests *q, const struct request_job *j)
{
	const struct route_decl *route = route_of(q, j);
	must(route && (size_t)j->step <= route->nsteps); /* only known digests were asked for */
	struct run *r = run_of(q, j, route);
	if (!run_names_from(r, j->names)) {
		told_failed(q, j->id, true, "", "its names can't be read");
		struct arena a = *r->a;
		arena_fini(&a);
		out_no_more(q, 0);
		return;
	}
	q->running++;
	q->job = r;
	timer_start(q->m->loop, &q->hold_timer, HOLD_MS, hold, q);
	run_go(r);
}

static void say_strangers(const struct pg_reply *p)
{
	struct request_job j;
	if (p->statements > 1 && request_job_taken(p, 1, &j))
		log_odd("job.dead", "Jobs are buried: no replica has had their route's steps for ten minutes",
			F_INT("jobs", pg_rows(p, 1)), F_INT("job", j.id));
}

static void on_taken(void *arg, const struct pg_reply *p)
{
	struct requests *q = arg;
	struct request_job j;
	bool taken = p->outcome == PG_OK && request_job_taken(p, 0, &j);
	if (p->outcome == PG_OK)
		say_strangers(p);
	q->job_none = !taken;
	if (taken) { /* also while we drain: it is ours now */
		begin(q, &j);
		return;
	}
	bool soon = q->job_again;
	q->job_again = false;
	out_no_more(q, soon ? 0 : LOOK_MS);
	q->running++;
	run_over(q); /* a drain may wait for this look */
}

static void look(void *arg)
{
	struct requests *q = arg;
	struct known_steps known = known_of(q);
	if (q->closing || q->job_out)
		return;
	if (!pg_is_up(q->m->pg)) {
		look_later(q, LOOK_MS);
		return;
	}
	q->job_out = true;
	struct pg_unit *u = pg_unit(q->m->pg);
	request_job_take(u, q->m->holder, JOB_FOR_MS, &known);
	if (q->job_none)
		request_job_strangers(u, STRANGER_MS, &known);
	pg_unit_run(u, 0, on_taken, q);
}

void requests_jobs(struct requests *q)
{
	if (q->job_out)
		q->job_again = true;
	else
		look_later(q, 0);
}

void job_ended(struct run *r, const char *sqlstate, const char *why)
{
	struct requests *q = r->q;
	if (sqlstate) {
		told_failed(q, r->job.id, false, sqlstate, why);
		log_odd("job.failed", "A job failed; it is tried again", F_INT("job", r->job.id),
			F_STR("route", r->route->key), F_UINT("step", r->step + 1), F_STR("sqlstate", sqlstate),
			F_STR("reason", why));
	}
	out_no_more(q, 0);
}
