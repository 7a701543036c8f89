#include "reconciler/serve/request_in.h"

#include "common/io/fault.h"
#include "common/io/log.h"
#include "reconciler/serve/read.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/*~ The way of a request: requests_run → run_go, from step to step (request_step.c) → commit → request_end.c.
 * request_lane.c has the connections, request_job.c what goes on behind the reply. */

enum { AGAIN_MOST = 5, STMTS_FIRST = 16 };

/* Of a job that ends here nobody waits for the lines but the log. */
static void say_lines(struct run *r)
{
	struct str id = r->v ? r->v->id : r->job.request, trace = r->v ? r->v->trace : r->job.trace;
	for (struct log_line *l = r->lines; l; l = l->next)
		log_info("route", l->text.p, F_STR("route", r->route->key),
			F_STR("request", arena_textn(r->a, id.p, id.n)),
			F_STR("trace", arena_textn(r->a, trace.p, trace.n)));
	r->lines = NULL;
	r->last_line = &r->lines;
}

/* ── a stretch ── */

static const struct pg_sql *begin_sql(const struct run *r)
{
	static const struct pg_sql writes = {"request_begin", "BEGIN"},
							   reads = {"request_begin_read", "BEGIN READ ONLY"};
	return text_is(r->route->method, "GET") ? &reads : &writes;
}

/* The next statement of the unit belongs to that step. */
static void belongs(struct run *r, size_t step)
{
	if ((size_t)r->nstmts == r->stmts_cap) {
		size_t cap = r->stmts_cap ? 2 * r->stmts_cap : STMTS_FIRST;
		size_t *grown = arena_alloc(r->a, cap * sizeof *grown);
		if (r->nstmts)
			memcpy(grown, r->stmts, (size_t)r->nstmts * sizeof *grown);
		r->stmts = grown;
		r->stmts_cap = cap;
	}
	r->stmts[r->nstmts++] = step;
}

/* What comes before the first step of a stretch, and has to be looked at first. */
static bool prelude(struct run *r)
{
	struct pg_unit *u = r->unit;
	if (r->has_once && !r->once_taken) {
		belongs(r, NO_STEP);
		request_once_take(u, &r->once, ONCE_MS);
		r->prelude = true;
	}
	if (r->needs_id && !r->has_id) {
		belongs(r, NO_STEP);
		request_job_id(u);
		r->prelude = true;
	}
	return r->prelude;
}

static void open_stretch(struct run *r)
{
	r->open = true;
	r->began = r->step;
	r->began_names = r->names.n;
	r->began_line = r->last_line;
	belongs(r, NO_STEP);
	pg_stmt(r->unit, begin_sql(r));
}

struct pg_unit *run_unit(struct run *r, size_t step)
{
	enum run_lane_got got = r->lane ? RUN_LANE_TAKEN : run_lane_take(r);
	if (got == RUN_LANE_AWAY)
		run_lost(r, NULL, NULL);
	if (got != RUN_LANE_TAKEN)
		return NULL;
	if (!r->unit) {
		r->unit = pg_unit(r->lane->pg);
		r->nstmts = 0;
	}
	if (!r->open) {
		open_stretch(r);
		if (prelude(r)) {
			run_flush(r, 0);
			return NULL;
		}
	}
	belongs(r, step);
	return r->unit;
}

/* 40001, 40P01: another transaction was in the way; or a plan went stale. All of the stretch is done again.
 */
static bool again(struct run *r, const struct pg_reply *p)
{
	bool stale = strcmp(p->sqlstate, "0A000") == 0 || strcmp(p->sqlstate, "26000") == 0;
	bool may = p->outcome == PG_REFUSED && r->again < AGAIN_MOST && p->err.class == ERR_TRANSIENT &&
			   (stale || strncmp(p->sqlstate, "40", 2) == 0);
	if (!may)
		return false;
	r->again++;
	run_undo(r);
	r->step = r->began;
	r->names.n = r->began_names;
	r->last_line = r->began_line;
	*r->last_line = NULL;
	r->replied = r->published = false;
	r->posted = 0;
	r->once_taken = r->once_kept;
	run_go(r);
	return true;
}

static void refused(struct run *r, const struct pg_reply *p)
{
	if (p->failed >= 0 && p->failed < r->nstmts && r->stmts[p->failed] != NO_STEP)
		r->step = r->stmts[p->failed];
	if (again(r, p))
		return;
	if (r->prelude && strcmp(p->sqlstate, "55P03") == 0) /* another one's transaction has the key */
		run_fail(r, 409, NULL, "The same request runs already; ask again", NULL);
	else
		run_refused(r, p);
}

static void on_looked(void *arg, const struct pg_reply *p);

void run_flush(struct run *r, int look)
{
	struct pg_unit *u = r->unit;
	r->unit = NULL;
	r->look = look;
	pg_unit_run(u, REQUEST_MS, on_looked, r);
}

/* A request that was cut off goes on behind its last stretch. */
static void resume(struct run *r, const struct once_found *f)
{
	if (!f->names.p || !run_names_from(r, f->names))
		return;
	const struct serve_name *id = names_find(&r->names, STR("job.id"));
	if (id && id->text.p) {
		r->has_id = true;
		r->job.id = strtoll(id->text.p, NULL, 10);
	}
	r->once_kept = r->committed = true;
	r->step = r->began = (size_t)f->step;
	r->began_names = r->names.n;
	*r->began_line = NULL;
	r->last_line = r->began_line;
}

static void once_answered(struct run *r, const struct once_found *f, const struct pg_reply *p)
{
	switch (f->state) {
	case ONCE_STORED:
		buf_clear(&r->body);
		pg_get_blob(p, f->stmt, 0, 3, &r->body);
		run_again(r, f->status, f->type ? arena_text(r->a, f->type) : NULL);
		return;
	case ONCE_RUNNING: run_fail(r, 409, NULL, "The same request runs already; ask again", NULL); return;
	case ONCE_OTHER:
		run_fail(r, 422, NULL, "This key was used for another request; use a new one", NULL);
		return;
	case ONCE_CHANGED:
		run_fail(r, 409, NULL,
			"A request with this key was cut off, and this route has changed since; look at what it did",
			NULL);
		return;
	case ONCE_MINE:
		r->once_taken = true;
		r->once.turn = f->turn;
		resume(r, f);
		run_go(r);
		return;
	}
}

static void prelude_answered(struct run *r, const struct pg_reply *p)
{
	int at = 1; /* behind BEGIN */
	struct once_found f = {0};
	bool asked_once = r->has_once && !r->once_taken;
	r->prelude = false;
	if (asked_once)
		request_once_found(p, at++, &f);
	if (r->needs_id && !r->has_id) {
		r->has_id = true;
		r->job.id = pg_get_int(p, at, 0, 0);
		names_put(&r->names, "job.id", NAME_TEXT, str_of(arena_printf(r->a, "%" PRId64, r->job.id)));
		r->began_names = r->names.n;
	}
	if (asked_once)
		once_answered(r, &f, p);
	else
		run_go(r);
}

static void on_looked(void *arg, const struct pg_reply *p)
{
	struct run *r = arg;
	if (p->outcome != PG_OK) {
		refused(r, p);
		return;
	}
	if (r->prelude) {
		prelude_answered(r, p);
		return;
	}
	size_t step = r->stmts[r->look];
	if (step_looked(r, &r->route->steps[step], p, r->look)) {
		r->step = step + 1;
		run_go(r);
	}
}

/* ── commit ── */

static bool job_follows(const struct run *r)
{
	return r->v && r->replied && r->step < r->route->nsteps;
}

static bool is_last(const struct run *r)
{
	return (r->v && r->replied) || r->step == r->route->nsteps;
}

static void not_known(struct run *r, const struct err *e)
{
	r->open = false; /* the connection is gone, and the transaction with it or done */
	r->unknown = true;
	run_fail(r, 503, NULL,
		r->has_once ? "It is not known whether it was done; ask again with the same key"
					: "It is not known whether it was done; look before asking again",
		e);
}

static void committed(void *arg, const struct pg_reply *p)
{
	struct run *r = arg;
	bool cut = p->outcome == PG_OK && fault_hit(r->v ? FAULT_request_after_commit : FAULT_job_after_commit);
	if (cut || (p->outcome == PG_UNKNOWN && r->v)) {
		not_known(r, &p->err);
		return;
	}
	if (p->outcome != PG_OK) {
		refused(r, p);
		return;
	}
	r->open = false;
	if (r->posted == r->step + 1 && r->route->steps[r->step].verb == REQ_RUN)
		r->wish = pg_get_int(p, r->posted_stmt, 0, 0);
	r->committed = true;
	r->once_kept = r->has_once;
	r->again = 0;
	say_lines(r);
	if (r->published)
		bus_ring(r->q->m->bus, BUS_WORK, "published", NULL, 0, 1);
	r->published = false;
	if (job_follows(r))
		requests_jobs(r->q);
	run_lane_leave(r);
	if (!is_last(r))
		run_go(r);
	else if (r->v)
		run_done(r);
	else
		run_job_done(r);
}

void run_keep_once(struct run *r, struct pg_unit *u)
{
	bool last = is_last(r);
	int status = !last ? 0 : r->replied ? r->status : 204;
	request_once_keep(u, &r->once, (int)r->step, run_names_json(r), ONCE_MS, status,
		r->replied ? "application/json" : "", (struct str){r->body.p ? r->body.p : "", r->body.n});
}

static void add_job(struct run *r, struct pg_unit *u)
{
	struct request_job j = {.id = r->job.id,
		.route = str_of(r->route->key),
		.names = run_names_json(r),
		.request = r->v->id,
		.trace = r->v->trace,
		.step = (int)r->step};
	memcpy(j.digest, r->q->digests[r->route->index], sizeof j.digest);
	belongs(r, NO_STEP);
	request_job_add(u, &j);
}

/* The stretch ends here: its progress, its job and its answer go with it. */
static void commit(struct run *r)
{
	static const struct pg_sql sql = {"request_commit", "COMMIT"};
	if (fault_hit(r->v ? FAULT_request_before_commit : FAULT_job_before_commit)) {
		run_lost(r, NULL, NULL);
		return;
	}
	if (!r->unit) {
		r->unit = pg_unit(r->lane->pg);
		r->nstmts = 0;
	}
	struct pg_unit *u = r->unit;
	if (r->has_once) {
		belongs(r, NO_STEP);
		run_keep_once(r, u);
	}
	if (job_follows(r))
		add_job(r, u);
	if (!r->v) {
		belongs(r, NO_STEP);
		request_job_step(
			u, r->job.id, r->q->m->holder, is_last(r) ? -1 : (int)r->step, run_names_json(r), JOB_FOR_MS);
	}
	belongs(r, NO_STEP);
	pg_stmt(u, &sql);
	r->unit = NULL;
	pg_unit_run(u, REQUEST_MS, committed, r);
}

/* ── from step to step ── */

static bool waits(const struct request_step *s)
{
	return (s->verb == REQ_SEND || s->verb == REQ_RUN) && s->wait_ms;
}

void run_go(struct run *r)
{
	if (r->ending) {
		run_ending(r);
		return;
	}
	/* whose key it is comes first: a stored answer asks nobody */
	if (r->has_once && !r->once_taken && !run_unit(r, NO_STEP))
		return;
	while (r->step < r->route->nsteps && !(r->v && r->replied)) {
		const struct request_step *s = &r->route->steps[r->step];
		if (r->posted == r->step + 1) {
			run_wait(r);
			return;
		}
		if (r->open && s->verb == REQ_CALL) {
			commit(r);
			return;
		}
		if (!step_do(r))
			return;
		if (waits(s)) {
			r->posted = r->step + 1;
			r->posted_stmt = r->nstmts - 1;
			commit(r);
			return;
		}
		r->step++;
	}
	if (!r->open && r->v && !job_follows(r)) { /* nothing was asked of PostgreSQL since the last commit */
		say_lines(r);
		run_lane_leave(r);
		run_done(r);
		return;
	}
	if (r->open || run_unit(r, NO_STEP))
		commit(r);
}

/* ── digests ── */

/* Of what the route says: a job, and what was cut off, go on in the steps that they were written for. Each
 * text is followed by a NUL, so that no two routes are one. */
static void add_text(crypto_generichash_state *s, struct str text)
{
	if (text.n)
		crypto_generichash_update(s, (const uint8_t *)text.p, text.n);
	crypto_generichash_update(s, (const uint8_t *)"", 1);
}

static void add_sql(crypto_generichash_state *s, const struct sqltext *sql)
{
	add_text(s, sql ? sql->source : STR(""));
}

static void add_template(crypto_generichash_state *s, const struct template *t)
{
	for (size_t i = 0; t && i < t->n; i++)
		add_text(s, t->parts[i].text);
	add_text(s, STR(""));
}

static void add_name(crypto_generichash_state *s, const char *name)
{
	add_text(s, name ? str_of(name) : STR(""));
}

static void add_step(crypto_generichash_state *s, const struct request_step *st)
{
	crypto_generichash_update(s, (const uint8_t *)&st->verb, sizeof st->verb);
	add_sql(s, st->sql);
	add_sql(s, st->otherwise);
	add_template(s, st->text);
	add_template(s, st->kind);
	add_name(s, st->batch ? st->batch->name : NULL);
	add_name(s, st->chain ? st->chain->name : NULL);
	add_name(s, st->rule ? st->rule->name : NULL);
	add_name(s, st->as);
	add_name(s, st->signature);
	add_name(s, st->by);
	add_name(s, st->message);
	add_name(s, st->type);
	for (size_t i = 0; i < st->ncalls; i++) {
		add_name(s, st->calls[i].name);
		add_text(s, st->calls[i].call->text);
		add_name(s, st->calls[i].call->fn ? st->calls[i].call->fn->signature : NULL);
	}
}

static void make_digest(const struct route_decl *route, uint8_t out[32])
{
	crypto_generichash_state s;
	crypto_generichash_init(&s, NULL, 0, 32);
	add_name(&s, route->key);
	for (size_t i = 0; i < route->nsteps; i++)
		add_step(&s, &route->steps[i]);
	crypto_generichash_final(&s, out, 32);
}

/* ── begin ── */

static void once_of(struct run *r)
{
	struct visit *v = r->v;
	struct str key = r->route->once ? http_header(v->q, r->route->once) : (struct str){NULL, 0};
	const struct serve_name *sub = names_find(&v->names, STR("auth.sub"));
	if (!key.n)
		return;
	crypto_generichash_state s;
	struct str body = http_body(v->q), query = http_query(v->q), path = http_path(v->q),
			   method = http_method(v->q);
	uint64_t n = path.n;
	crypto_generichash_init(&s, NULL, 0, 32);
	add_text(&s, method);
	crypto_generichash_update(&s, (const uint8_t *)&n, sizeof n);
	crypto_generichash_update(&s, (const uint8_t *)path.p, path.n);
	n = query.n;
	crypto_generichash_update(&s, (const uint8_t *)&n, sizeof n);
	crypto_generichash_update(&s, (const uint8_t *)query.p, query.n);
	crypto_generichash_update(&s, (const uint8_t *)body.p, body.n);
	crypto_generichash_final(&s, r->once.digest, 32);
	r->has_once = true;
	r->once.steps = r->q->digests[r->route->index];
	r->once.route = r->route->key;
	r->once.key = key;
	r->once.who = str_of(arena_printf(r->a, "%s:%.*s", v->who ? v->who : "",
		sub && sub->text.p ? (int)sub->text.n : 0, sub && sub->text.p ? sub->text.p : ""));
}

static bool uses_job_id(const struct sqltext *s)
{
	for (size_t i = 0; s && i < s->nparts; i++)
		if (s->parts[i].kind == SQL_NAME && str_is(s->parts[i].text, "job.id"))
			return true;
	return false;
}

/* Steps behind the reply, a transaction to send, or SQL that says :job.id. */
static bool needs_id(const struct route_decl *route)
{
	bool needed = false, replied = false;
	for (size_t i = 0; i < route->nsteps; i++) {
		const struct request_step *s = &route->steps[i];
		needed |= replied || s->verb == REQ_SEND || uses_job_id(s->sql) || uses_job_id(s->otherwise);
		replied |= s->verb == REQ_REPLY;
	}
	return needed;
}

void requests_run(struct requests *q, struct visit *v)
{
	struct run *r = arena_alloc(v->a, sizeof *r);
	*r = (struct run){.q = q, .v = v, .a = v->a, .route = v->route, .names = v->names};
	r->plan = &q->plans->routes[v->route->index];
	r->last_line = &r->lines;
	r->began_line = &r->lines;
	r->needs_id = needs_id(v->route);
	q->running++;
	if (q->waiting >= REQUEST_WAITING) {
		run_lost(r, "Too many requests wait for PostgreSQL; ask again", NULL);
		return;
	}
	once_of(r);
	if (r->has_once && r->once.key.n > 255) {
		run_fail(r, 400, NULL, "The key is longer than 255 bytes", NULL);
		return;
	}
	run_go(r);
}

struct requests *requests_open(struct member *m, struct read_door *reads, struct call_desk *calls)
{
	struct requests *q = mem_alloc(sizeof *q);
	q->m = m;
	q->reads = reads;
	q->plans = read_plans(reads);
	q->calls = calls;
	q->digests = mem_alloc((q->plans->n + 1) * sizeof *q->digests);
	for (size_t i = 0; i < q->plans->n; i++)
		make_digest(q->plans->routes[i].route, q->digests[i]);
	return q;
}

void requests_drain(struct requests *q, void (*done)(void *arg), void *arg)
{
	q->closing = true;
	timer_stop(&q->job_timer);
	if (q->running == 0 && !q->job_out) {
		loop_later(q->m->loop, done, arg);
		return;
	}
	q->drained = done;
	q->drained_arg = arg;
}

void requests_close(struct requests *q)
{
	if (!q)
		return;
	timer_free(&q->job_timer);
	timer_free(&q->hold_timer);
	run_lanes_close(q);
	free(q->digests);
	free(q);
}
