#include "reconciler/serve/request_in.h"

#include "common/io/log.h"

#include <stdio.h>
#include <stdlib.h>

/* Jobs: one at a time a replica, the oldest first; every second, and at once when one was left here. */

enum { LOOK_MS = 1000, TRIES = 3, JOB_FOR_MS = 60000 };

static void look(void *arg);

static void look_later(struct requests *q, uint64_t ms)
{
	if (!q->closing)
		timer_start(q->m->loop, &q->job_timer, ms, look, q);
}

static const struct route_decl *route_of(const struct requests *q, const struct request_job *j)
{
	for (size_t i = 0; i < q->plans->n; i++)
		if (str_is(j->route, q->plans->routes[i].route->key))
			return q->plans->routes[i].route;
	return NULL;
}

static void bury(struct requests *q, const struct request_job *j, const char *why)
{
	struct pg_unit *u = pg_unit(q->m->pg);
	request_job_fail(u, j->id, q->m->holder, 0, true, "", why);
	pg_unit_run(u, 0, run_nothing, NULL);
	log_odd("job.dead", "A job can't be done any more", F_INT("job", j->id), F_STR("reason", why));
}

static void begin(struct requests *q, const struct request_job *j)
{
	const struct route_decl *route = route_of(q, j);
	struct run *r;
	struct arena own = {0};
	if (!route || memcmp(q->digests[route->index], j->digest, 32) != 0 || (size_t)j->step > route->nsteps) {
		bury(q, j, route ? "its route has other steps now" : "its route is not in the file any more");
		q->job_out = false;
		look_later(q, 0);
		return;
	}
	r = arena_alloc(&own, sizeof *r);
	r->own = own;
	r->a = &r->own;
	r->q = q;
	r->route = route;
	r->plan = &q->plans->routes[route->index];
	r->step = (size_t)j->step;
	r->last_line = &r->lines;
	r->job = *j;
	r->has_id = true;
	r->job.request = str_of(arena_textn(r->a, j->request.p, j->request.n));
	r->job.trace = str_of(arena_textn(r->a, j->trace.p, j->trace.n));
	q->running++;
	if (run_names_from(r, j->names)) {
		run_go(r);
		return;
	}
	bury(q, j, "its names can't be read");
	q->running--;
	q->job_out = false;
	own = r->own;
	arena_fini(&own);
	look_later(q, 0);
}

static void on_taken(void *arg, const struct pg_reply *p)
{
	struct requests *q = arg;
	struct request_job j;
	if (p->outcome == PG_OK && request_job_taken(p, 0, &j)) {
		begin(q, &j);
		return;
	}
	q->job_out = false;
	look_later(q, q->job_again ? 0 : LOOK_MS);
	q->job_again = false;
}

static void look(void *arg)
{
	struct requests *q = arg;
	if (q->closing || q->job_out)
		return;
	if (!pg_is_up(q->m->pg)) {
		look_later(q, LOOK_MS);
		return;
	}
	q->job_out = true;
	struct pg_unit *u = pg_unit(q->m->pg);
	request_job_take(u, q->m->holder, JOB_FOR_MS);
	pg_unit_run(u, 0, on_taken, q);
}

void requests_jobs(struct requests *q)
{
	if (q->job_out)
		q->job_again = true;
	else
		look_later(q, 0);
}

void job_ended(struct run *r, bool done, bool poison, const char *sqlstate, const char *why)
{
	struct requests *q = r->q;
	q->job_out = false;
	if (done) {
		backoff_ok(&q->job_backoff);
		look_later(q, 0);
		return;
	}
	bool dead = poison && r->job.tries + 1 >= TRIES;
	uint64_t after = backoff_fail(&q->job_backoff);
	struct pg_unit *u = pg_unit(q->m->pg);
	request_job_fail(u, r->job.id, q->m->holder, after, dead, sqlstate ? sqlstate : "", why ? why : "");
	pg_unit_run(u, 0, run_nothing, NULL);
	log_odd(dead ? "job.dead" : "job.failed",
		dead ? "A job has failed three times; a person has to look" : "A job failed; it is tried again",
		F_INT("job", r->job.id), F_STR("route", r->route->key), F_STR("reason", why));
	look_later(q, LOOK_MS);
}
