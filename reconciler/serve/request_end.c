#include "reconciler/serve/request_in.h"

#include "common/io/log.h"
#include "reconciler/serve/read.h"

#include <stdio.h>

/* How a request or a job ends. Each of these is the last that is done with r. */

static const char json_type[] = "application/json";

static void later_free(void *arg)
{
	struct arena *own = arg, a = *own;
	arena_fini(&a);
}

void run_over(struct requests *q)
{
	q->running--;
	if (q->closing && q->running == 0 && !q->job_out && q->drained) {
		loop_later(q->m->loop, q->drained, q->drained_arg);
		q->drained = NULL;
	}
}

/* Of a job: its memory goes in a later turn, it may be on the stack. */
static void job_over(struct run *r)
{
	struct requests *q = r->q;
	buf_fini(&r->body);
	loop_later(q->m->loop, later_free, r->a);
	run_over(q);
}

/* Its row of `once` is committed, and no answer: who asks again need not wait for it. */
static void free_once(struct run *r)
{
	if (!r->once_kept)
		return;
	struct pg_unit *u = pg_unit(r->q->m->pg);
	request_once_free(u, &r->once);
	pg_unit_run(u, 0, run_nothing, NULL);
}

static void answer(struct run *r, int status, const char *type, struct str body)
{
	struct requests *q = r->q;
	struct buf mine = r->body; /* r lives in what ends with its answer */
	visit_answer(r->v, status, type, body);
	buf_fini(&mine);
	run_over(q);
}

void run_answer(struct run *r)
{
	answer(r, r->status, json_type, (struct str){r->body.p, r->body.n});
}

void run_done(struct run *r)
{
	if (r->replied)
		run_answer(r);
	else
		answer(r, 204, NULL, STR(""));
}

void run_again(struct run *r, int status, const char *type)
{
	run_undo_leave(r);
	visit_header(r->v, "Idempotent-Replayed", "true");
	answer(r, status, type && *type ? type : NULL, (struct str){r->body.p, r->body.n});
}

void run_job_done(struct run *r)
{
	job_ended(r, NULL, NULL);
	job_over(r);
}

static void say_inner(const struct run *r, int status, const char *sqlstate, const struct err *inner)
{
	struct str id = r->v ? r->v->id : r->job.request;
	if (!inner || status < 500)
		return;
	log_odd("route.failed", "A step of a route could not be done", F_STR("route", r->route->key),
		F_UINT("step", r->step + 1), F_STR("request", arena_textn(r->a, id.p, id.n)),
		F_STR("sqlstate", sqlstate), F_STR("reason", inner->text));
}

void run_fail(struct run *r, int status, const char *sqlstate, const char *detail, const struct err *inner)
{
	struct requests *q = r->q;
	struct err why;
	if (inner) /* it may stand in what is given back now */
		why = *inner;
	run_undo_leave(r);
	if (!r->v) {
		job_ended(r, sqlstate ? sqlstate : "", inner ? why.text : detail ? detail : status_words(status));
		job_over(r);
		return;
	}
	say_inner(r, status, sqlstate, inner ? &why : NULL);
	free_once(r);
	if ((status == 503 || status == 409) && !(r->unknown && !r->has_once))
		visit_header(r->v, "Retry-After", "1");
	struct buf mine = r->body;
	visit_trouble(
		r->v, &(struct trouble){.status = status, .detail = detail ? detail : "It could not be done"});
	buf_fini(&mine);
	run_over(q);
}

void run_lost(struct run *r, const char *detail, const struct err *inner)
{
	const struct json_decl *own = r->route->lost;
	if (!detail)
		detail = r->committed ? "PostgreSQL can't be asked; the first steps were done, ask again"
							  : "PostgreSQL can't be asked; nothing was done, ask again";
	if (!r->v || !own) {
		run_fail(r, 503, NULL, detail, inner);
		return;
	}
	say_inner(r, 503, NULL, inner);
	run_undo_leave(r);
	free_once(r);
	buf_clear(&r->body);
	read_filled(&r->body, r->q->reads, own, STR(""));
	visit_header(r->v, "Retry-After", "1");
	answer(r, 503, json_type, (struct str){r->body.p, r->body.n});
}

void run_refuse(struct run *r)
{
	if (!r->v) {
		run_fail(r, 422, "P0002", "a step of the job has refused", NULL);
		return;
	}
	run_undo_leave(r);
	free_once(r);
	run_answer(r);
}

void run_refused(struct run *r, const struct pg_reply *p)
{
	static const char *const soon[] = {"08", "40", "53", "55", "57", "58", NULL};
	char detail[600];
	const char *state = p->sqlstate;
	if (p->outcome != PG_REFUSED) {
		run_lost(r, NULL, &p->err);
		return;
	}
	for (size_t i = 0; soon[i]; i++)
		if (strncmp(state, soon[i], 2) == 0) {
			run_fail(r, 503, state,
				strcmp(state, "57014") == 0 ? "It took too long; nothing was done"
											: "PostgreSQL can't do it now; nothing was done, ask again",
				&p->err);
			return;
		}
	snprintf(detail, sizeof detail, "A value is none that can be used: %s", p->err.text);
	if (strncmp(state, "22", 2) == 0)
		run_fail(r, 400, state, detail, &p->err);
	else if (pg_fenced(p))
		run_fail(r, 409, state, "The same request runs already; ask again", &p->err);
	else
		run_fail(r, 500, state, "It could not be done; nothing of this step is kept", &p->err);
}

/* ── else ── */

static bool fits(struct run *r, const struct plan_sql *sql, const struct pg_reply *p, struct err *e)
{
	if (pg_rows(p, 0) != 1)
		return err_set(e, ERR_REJECTED, "else: gave %d rows; one is needed", pg_rows(p, 0));
	if (pg_columns(p, 0) != (int)sql->ninputs)
		return err_set(e, ERR_REJECTED, "else: its columns have changed");
	if (sql->has_status && !row_status(&sql->row, p->results[0], 0, &r->status))
		return err_set(e, ERR_REJECTED, "_status is no HTTP status");
	buf_clear(&r->body);
	return row_put(&r->body, &sql->row, p->results[0], 0, e);
}

static void on_else(void *arg, const struct pg_reply *p)
{
	struct run *r = arg;
	struct err e = {0};
	if (p->outcome != PG_OK)
		run_refused(r, p);
	else if (!fits(r, r->ending, p, &e))
		run_fail(r, 500, "21000", NULL, &e);
	else
		run_refuse(r);
}

void run_ending(struct run *r)
{
	const struct plan_sql *p = r->ending;
	const char **values = arena_alloc(r->a, (p->nparams + 1) * sizeof *values);
	struct err e = {0};
	if (!plan_bind(r->a, p, &r->names, values, &e)) {
		run_fail(r, 400, "22000", e.text, NULL);
		return;
	}
	struct pg_unit *u = pg_unit(r->lane->pg);
	pg_stmt(u, &p->write);
	pg_stmt_types(u, p->write_types, (int)p->nparams);
	for (size_t i = 0; i < p->nparams; i++)
		pg_put_text(u, values[i]);
	pg_unit_run(u, REQUEST_MS, on_else, r);
}

/* What is open is undone, and the same lane asked. */
void run_else(struct run *r, const struct plan_sql *otherwise, int status, const char *detail)
{
	if (!otherwise || !otherwise->sql) {
		run_fail(r, status, "P0002", detail, NULL);
		return;
	}
	r->status = status;
	r->ending = otherwise;
	run_undo(r);
	enum run_lane_got got = r->lane ? RUN_LANE_TAKEN : run_lane_take(r);
	if (got == RUN_LANE_AWAY)
		run_lost(r, NULL, NULL);
	else if (got == RUN_LANE_TAKEN)
		run_ending(r);
}
