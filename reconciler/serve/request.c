#include "reconciler/serve/request_in.h"

#include "common/io/log.h"
#include "reconciler/serve/json.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MOST = 5, ONCE_MS = 60000, JOB_MS = 60000 };

/* ── names, as they are stored ── */

struct str run_names_json(struct run *r)
{
	struct buf b = {0};
	buf_char(&b, '[');
	for (size_t i = 0; i < r->names.n; i++) {
		const struct serve_name *n = &r->names.list[i];
		buf_text(&b, i ? ",[" : "[");
		buf_json(&b, str_of(n->name));
		buf_printf(&b, ",%d,", n->kind == NAME_JSON);
		if (n->text.p)
			buf_json(&b, n->text);
		else
			buf_text(&b, "null");
		buf_char(&b, ']');
	}
	buf_char(&b, ']');
	struct str s = {arena_textn(r->a, b.p, b.n), b.n};
	buf_fini(&b);
	return s;
}

bool run_names_from(struct run *r, struct str text)
{
	struct err e = {0};
	struct json all, one, part[3];
	if (!json_check(text, 8, &e) || (all = json_value(text)).kind != JSON_ARRAY)
		return false;
	r->names = (struct serve_names){.a = r->a};
	for (size_t at = 0; json_next(all, &at, NULL, &one);) {
		size_t in = 0, n = 0;
		while (one.kind == JSON_ARRAY && n < 3 && json_next(one, &in, NULL, &part[n]))
			n++;
		if (n != 3 || part[0].kind != JSON_STRING)
			return false;
		struct str name = json_string(r->a, part[0].text), value = {NULL, 0};
		if (part[2].kind == JSON_STRING)
			value = json_string(r->a, part[2].text);
		if (!name.p || (part[2].kind == JSON_STRING && !value.p))
			return false;
		names_put(&r->names, arena_textn(r->a, name.p, name.n),
			str_is(part[1].text, "1") ? NAME_JSON : NAME_TEXT,
			value.p ? (struct str){arena_textn(r->a, value.p, value.n), value.n} : value);
	}
	return true;
}

/* ── lanes ── */

void run_nothing(void *arg, const struct pg_reply *p)
{
	(void)arg;
	(void)p;
}

static void give(struct requests *q, struct write_lane *l)
{
	struct run *next = q->first;
	if (!next)
		return;
	q->first = next->next;
	if (!q->first)
		q->last = NULL;
	q->waiting--;
	l->of = next;
	next->lane = l;
	run_go(next);
}

static void on_up(void *arg)
{
	static const struct pg_sql settings = {"request_settings",
		"SELECT set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false),"
		" set_config('bytea_output', 'hex', false), set_config('statement_timeout', $1, false),"
		" set_config('lock_timeout', $1, false)"};
	struct write_lane *l = arg;
	struct pg_unit *u = pg_unit(l->pg);
	pg_stmt(u, &settings);
	pg_put_int(u, REQUEST_MS);
	pg_unit_run(u, 0, run_nothing, NULL);
	l->up = true;
	l->q->away = false;
	if (!l->of)
		give(l->q, l);
}

/* Nobody waits for a server that is not there. */
static void on_down(void *arg, const struct err *e)
{
	struct write_lane *l = arg;
	struct requests *q = l->q;
	l->up = false;
	for (size_t i = 0; i < REQUEST_CONNECTIONS; i++)
		if (q->lanes[i].up)
			return;
	q->away = true;
	while (q->first) {
		struct run *r = q->first;
		q->first = r->next;
		if (!q->first)
			q->last = NULL;
		q->waiting--;
		run_fail(r, 503, NULL, "PostgreSQL can't be asked; nothing was done, ask again", e);
	}
}

static void open_lane(struct requests *q, struct write_lane *l)
{
	struct pg_events ev = {.on_up = on_up, .on_down = on_down, .arg = l};
	struct pg_options o = {
		.conninfo = q->m->conninfo, .application = "fairlead-requests", .idle_in_transaction_ms = REQUEST_MS};
	l->q = q;
	l->pg = pg_open(q->m->loop, &o, &ev);
}

enum lane_got { LANE_TAKEN, LANE_LATER /* run_go comes */, LANE_AWAY };

static enum lane_got take_lane(struct run *r)
{
	struct requests *q = r->q;
	struct write_lane *unopened = NULL;
	for (size_t i = 0; i < REQUEST_CONNECTIONS; i++) {
		struct write_lane *l = &q->lanes[i];
		if (!l->pg && !unopened)
			unopened = l;
		if (l->up && !l->of) {
			l->of = r;
			r->lane = l;
			return LANE_TAKEN;
		}
	}
	if (q->away)
		return LANE_AWAY;
	if (unopened)
		open_lane(q, unopened);
	*(q->last ? &q->last->next : &q->first) = r;
	q->last = r;
	r->next = NULL;
	q->waiting++;
	return LANE_LATER;
}

static void leave_lane(struct run *r)
{
	struct write_lane *l = r->lane;
	r->lane = NULL;
	if (!l)
		return;
	l->of = NULL;
	if (l->up)
		give(r->q, l);
}

/* ── the end ── */

static void later_free(void *arg)
{
	struct run *r = arg;
	struct arena own = r->own;
	arena_fini(&own);
}

static void ended(struct run *r)
{
	struct requests *q = r->q;
	buf_fini(&r->body);
	if (!r->v)
		loop_later(q->m->loop, later_free, r);
	q->running--;
	if (q->closing && q->running == 0 && q->drained)
		loop_later(q->m->loop, q->drained, q->drained_arg);
}

static void answer(struct run *r, int status, const char *type, struct str body)
{
	visit_answer(r->v, status, type, body);
	ended(r);
}

static void say_lines(struct run *r)
{
	char request[80], trace[64];
	struct str id = r->v ? r->v->id : r->job.request, tr = r->v ? r->v->trace : r->job.trace;
	snprintf(request, sizeof request, "%.*s", (int)id.n, id.n ? id.p : "");
	snprintf(trace, sizeof trace, "%.*s", (int)tr.n, tr.n ? tr.p : "");
	for (struct log_line *l = r->lines; l; l = l->next)
		log_info("route", l->text.p, F_STR("route", r->route->key), F_STR("request", request),
			F_STR("trace", trace));
	r->lines = NULL;
	r->last_line = &r->lines;
}

static void on_rolled_back(void *arg, const struct pg_reply *p)
{
	(void)p; /* a connection that is lost has rolled back too */
	leave_lane(arg);
	free(arg);
}

/* What is open is undone. The lane is given back when that is known; r may be gone before. */
static void roll_back(struct run *r)
{
	static const struct pg_sql sql = {"request_rollback", "ROLLBACK"};
	if (r->unit)
		pg_unit_drop(r->unit);
	r->unit = NULL;
	if (!r->lane)
		return;
	if (!r->open) {
		leave_lane(r);
		return;
	}
	/* a shell of r keeps the lane until then: r itself may be answered at once */
	struct run *shell = mem_alloc(sizeof *shell);
	shell->q = r->q;
	shell->lane = r->lane;
	shell->lane->of = shell;
	r->lane = NULL;
	r->open = false;
	struct pg_unit *u = pg_unit(shell->lane->pg);
	pg_stmt(u, &sql);
	pg_unit_run(u, 0, on_rolled_back, shell);
}

void run_fail(struct run *r, int status, const char *sqlstate, const char *detail, const struct err *inner)
{
	bool poison = sqlstate && *sqlstate && status < 500;
	if (inner)
		log_odd("route.failed", "A step of a route could not be done", F_STR("route", r->route->key),
			F_UINT("step", r->step + 1), F_STR("sqlstate", sqlstate), F_STR("reason", inner->text));
	roll_back(r);
	if (!r->v) {
		job_ended(r, false, poison, sqlstate, inner ? inner->text : detail);
		ended(r);
		return;
	}
	if (status == 503)
		visit_header(r->v, "Retry-After", "1");
	visit_trouble(r->v, &(struct trouble){.status = status, .detail = detail});
	ended(r);
}

void run_refuse(struct run *r)
{
	roll_back(r);
	if (r->v)
		answer(r, r->status, "application/json; charset=utf-8", (struct str){r->body.p, r->body.n});
	else
		run_fail(r, 422, "P0002", "a step of the job has refused", NULL);
}

static void on_else(void *arg, const struct pg_reply *p)
{
	struct run *r = arg;
	const struct plan_sql *sql = r->ending;
	struct err e = {0};
	leave_lane(r);
	if (p->outcome != PG_OK || pg_rows(p, 0) != 1) {
		if (p->outcome == PG_OK)
			err_put(&e, ERR_REJECTED, "else: gave %d rows", pg_rows(p, 0));
		run_fail(r, p->outcome == PG_REFUSED || p->outcome == PG_OK ? 500 : 503, p->sqlstate, NULL,
			p->outcome == PG_OK ? &e : &p->err);
		return;
	}
	if (sql->has_status && !row_status(&sql->row, p->results[0], 0, &r->status))
		r->status = 500;
	buf_clear(&r->body);
	row_put(&r->body, &sql->row, p->results[0], 0, &e);
	if (r->v)
		answer(r, r->status, "application/json; charset=utf-8", (struct str){r->body.p, r->body.n});
	else
		run_fail(r, 422, "P0002", "a step of the job has refused", NULL);
}

static void ask_else(struct run *r)
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

void run_else(struct run *r, const struct plan_sql *otherwise, int status, const char *detail)
{
	if (!otherwise || !otherwise->sql) {
		run_fail(r, status, "P0002", detail, NULL);
		return;
	}
	r->status = status;
	roll_back(r);
	r->ending = otherwise;
	enum lane_got got = take_lane(r);
	if (got == LANE_AWAY)
		run_fail(r, 503, NULL, "PostgreSQL can't be asked; ask again", NULL);
	else if (got == LANE_TAKEN)
		ask_else(r);
}

/* ── a stretch ── */

static const struct pg_sql *begin_sql(const struct run *r)
{
	static const struct pg_sql writes = {"request_begin", "BEGIN"},
							   reads = {"request_begin_read", "BEGIN READ ONLY"};
	return text_is(r->route->method, "GET") ? &reads : &writes;
}

/* What comes before the first step of a stretch, and has to be looked at first. */
static bool prelude(struct run *r)
{
	struct pg_unit *u = r->unit;
	r->prelude = false;
	if (r->has_once && !r->once_taken) {
		request_once_take(u, &r->once, ONCE_MS);
		r->prelude = true;
	}
	if (r->needs_id && !r->has_id) {
		request_job_id(u);
		r->prelude = true;
	}
	return r->prelude;
}

struct pg_unit *run_unit(struct run *r, size_t step)
{
	enum lane_got got = r->lane ? LANE_TAKEN : take_lane(r);
	if (got == LANE_AWAY)
		run_fail(r, 503, NULL, "PostgreSQL can't be asked; nothing was done, ask again", NULL);
	if (got != LANE_TAKEN)
		return NULL;
	if (!r->unit) {
		r->unit = pg_unit(r->lane->pg);
		r->nstmts = 0;
		r->stmts = arena_alloc(r->a, (r->route->nsteps + 4) * 3 * sizeof *r->stmts);
	}
	if (!r->open) {
		r->open = true;
		r->began = r->step;
		r->began_names = r->names.n;
		pg_stmt(r->unit, begin_sql(r));
		r->stmts[r->nstmts++] = SIZE_MAX;
		if (prelude(r)) {
			r->stmts[r->nstmts++] = SIZE_MAX;
			r->stmts[r->nstmts++] = SIZE_MAX;
			run_flush(r, 0);
			return NULL;
		}
	}
	r->stmts[r->nstmts++] = step;
	return r->unit;
}

/* 40001, 40P01: another transaction was in the way; all of the stretch is done again. */
static bool again(struct run *r, const struct pg_reply *p)
{
	bool may =
		p->outcome == PG_REFUSED && p->sqlstate[0] == '4' && p->sqlstate[1] == '0' && r->again < AGAIN_MOST;
	if (!may)
		return false;
	r->again++;
	roll_back(r);
	r->step = r->began;
	r->names.n = r->began_names;
	r->replied = false;
	r->once_taken = r->once_taken && r->began > 0;
	run_go(r);
	return true;
}

static void refused(struct run *r, const struct pg_reply *p)
{
	bool value = strncmp(p->sqlstate, "22", 2) == 0;
	char detail[600] = "It could not be done";
	if (p->failed >= 0 && r->stmts[p->failed] != SIZE_MAX)
		r->step = r->stmts[p->failed];
	if (again(r, p))
		return;
	if (value)
		snprintf(detail, sizeof detail, "A value is none that can be used: %s", p->err.text);
	if (p->outcome == PG_REFUSED && strcmp(p->sqlstate, "55P03") == 0)
		run_fail(r, 409, p->sqlstate, "The same request runs already; ask again", &p->err);
	else if (p->outcome == PG_REFUSED)
		run_fail(r, value ? 400 : 500, p->sqlstate, detail, &p->err);
	else
		run_fail(r, 503, p->sqlstate, "PostgreSQL can't be asked; nothing was done, ask again", &p->err);
}

static void on_looked(void *arg, const struct pg_reply *p);

void run_flush(struct run *r, int look)
{
	struct pg_unit *u = r->unit;
	r->unit = NULL;
	r->look = look;
	pg_unit_run(u, REQUEST_MS, on_looked, r);
}

static void once_answered(struct run *r, const struct once_found *f, const struct pg_reply *p)
{
	switch (f->state) {
	case ONCE_STORED:
		buf_clear(&r->body);
		pg_get_blob(p, f->stmt, 0, 3, &r->body);
		char type[80];
		snprintf(type, sizeof type, "%s", f->type ? f->type : "application/json");
		roll_back(r);
		visit_header(r->v, "Idempotent-Replayed", "true");
		answer(r, f->status, type, (struct str){r->body.p, r->body.n});
		return;
	case ONCE_RUNNING: run_fail(r, 409, NULL, "The same request runs already; ask again", NULL); return;
	case ONCE_OTHER:
		run_fail(r, 422, NULL, "This key was used for another request; use a new one", NULL);
		return;
	case ONCE_MINE:
		r->once_taken = true;
		if (f->step > 0 && f->names.p && run_names_from(r, f->names)) {
			r->step = (size_t)f->step; /* a request that was cut off goes on */
			r->began = r->step;
			r->began_names = r->names.n;
		}
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

static void committed(void *arg, const struct pg_reply *p)
{
	struct run *r = arg;
	bool world = !r->replied && r->step < r->route->nsteps;
	if (p->outcome == PG_UNKNOWN && r->v) {
		r->open = false; /* the connection is gone, and the transaction with it or done */
		run_fail(r, 503, NULL,
			r->has_once ? "It is not known whether it was done; ask again with the same key"
						: "It is not known whether it was done; look before asking again",
			&p->err);
		return;
	}
	if (p->outcome != PG_OK) {
		refused(r, p);
		return;
	}
	r->open = false;
	r->again = 0;
	leave_lane(r);
	say_lines(r);
	if (r->published)
		bus_ring(r->q->m->bus, BUS_WORK, "published", NULL, 0, 1);
	r->published = false;
	if (world && r->v) {
		run_go(r);
	} else if (!r->v && r->step < r->route->nsteps) {
		run_go(r);
	} else if (!r->v) {
		job_ended(r, true, false, NULL, NULL);
		ended(r);
	} else {
		if (job_follows(r))
			requests_jobs(r->q);
		if (r->replied)
			answer(r, r->status, "application/json; charset=utf-8", (struct str){r->body.p, r->body.n});
		else
			answer(r, 204, NULL, STR(""));
	}
}

static const uint8_t *digest_of(const struct run *r)
{
	return r->q->digests[r->route->index];
}

/* The stretch ends here: its progress, its job and its answer go with it. */
static void commit(struct run *r)
{
	static const struct pg_sql sql = {"request_commit", "COMMIT"};
	struct requests *q = r->q;
	if (!r->unit)
		r->unit = pg_unit(r->lane->pg);
	struct pg_unit *u = r->unit;
	bool last = r->replied || r->step == r->route->nsteps;
	r->nstmts = 0;
	r->stmts = arena_alloc(r->a, 64 * sizeof *r->stmts);
	for (size_t i = 0; i < 64; i++)
		r->stmts[i] = SIZE_MAX;
	if (r->has_once) {
		const char *type = r->replied ? "application/json; charset=utf-8" : "";
		int status = !last ? 0 : r->replied ? r->status : 204;
		request_once_keep(u, &r->once, (int)r->step, run_names_json(r), status, type,
			(struct str){r->body.p ? r->body.p : "", r->body.n});
	}
	if (job_follows(r)) {
		struct request_job j = {.id = r->job.id,
			.route = str_of(r->route->key),
			.names = run_names_json(r),
			.request = r->v->id,
			.trace = r->v->trace,
			.step = (int)r->step};
		memcpy(j.digest, digest_of(r), sizeof j.digest);
		request_job_add(u, &j);
	}
	if (!r->v)
		request_job_step(u, r->job.id, q->m->holder, r->step == r->route->nsteps ? -1 : (int)r->step,
			run_names_json(r), JOB_MS);
	pg_stmt(u, &sql);
	r->unit = NULL;
	pg_unit_run(u, REQUEST_MS, committed, r);
}

/* ── from step to step ── */

static bool asks_world(const struct request_step *s)
{
	return s->verb == REQ_CALL || ((s->verb == REQ_SEND || s->verb == REQ_RUN) && s->wait_ms);
}

void run_go(struct run *r)
{
	while (r->step < r->route->nsteps && !(r->v && r->replied)) {
		const struct request_step *s = &r->route->steps[r->step];
		if (r->open && asks_world(s) && s->verb == REQ_CALL) {
			commit(r);
			return;
		}
		if (!step_do(r))
			return;
		r->step++;
		if (r->v && s->verb == REQ_REPLY)
			r->replied = true;
	}
	if (!r->open && !r->lane && !r->has_once && !job_follows(r) &&
		r->v) { /* nothing was asked of PostgreSQL */
		answer(r, 204, NULL, STR(""));
		return;
	}
	if (!r->open && !run_unit(r, SIZE_MAX))
		return;
	if (!r->open)
		return;
	commit(r);
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
	struct str body = http_body(v->q), query = http_query(v->q), path = http_path(v->q);
	uint64_t n = path.n;
	crypto_generichash_init(&s, NULL, 0, 32);
	crypto_generichash_update(&s, (const uint8_t *)&n, sizeof n);
	crypto_generichash_update(&s, (const uint8_t *)path.p, path.n);
	n = query.n;
	crypto_generichash_update(&s, (const uint8_t *)&n, sizeof n);
	crypto_generichash_update(&s, (const uint8_t *)query.p, query.n);
	crypto_generichash_update(&s, (const uint8_t *)body.p, body.n);
	crypto_generichash_final(&s, r->once.digest, 32);
	r->has_once = true;
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
	r->needs_id = needs_id(v->route);
	q->running++;
	if (q->waiting >= REQUEST_WAITING) {
		run_fail(r, 503, NULL, "Too many requests wait for PostgreSQL; ask again", NULL);
		return;
	}
	once_of(r);
	if (r->has_once && r->once.key.n > 255) {
		run_fail(r, 400, NULL, "The key is longer than 255 bytes", NULL);
		return;
	}
	run_go(r);
}

/* Of what the steps say: a job runs on what it was written for. */
static void make_digest(const struct route_decl *route, uint8_t out[32])
{
	crypto_generichash_state s;
	crypto_generichash_init(&s, NULL, 0, 32);
	for (size_t i = 0; i < route->nsteps; i++) {
		const struct request_step *st = &route->steps[i];
		crypto_generichash_update(&s, (const uint8_t *)&st->verb, sizeof st->verb);
		if (st->sql)
			crypto_generichash_update(&s, (const uint8_t *)st->sql->source.p, st->sql->source.n);
		if (st->batch)
			crypto_generichash_update(&s, (const uint8_t *)st->batch->name, strlen(st->batch->name));
	}
	crypto_generichash_final(&s, out, 32);
}

struct requests *requests_open(struct member *m, const struct plan_set *plans, struct call_desk *calls)
{
	struct requests *q = mem_alloc(sizeof *q);
	q->m = m;
	q->plans = plans;
	q->calls = calls;
	q->digests = mem_alloc((plans->n + 1) * sizeof *q->digests);
	for (size_t i = 0; i < plans->n; i++)
		make_digest(plans->routes[i].route, q->digests[i]);
	backoff_init(&q->job_backoff, 200, 30000, randombytes_random());
	return q;
}

void requests_drain(struct requests *q, void (*done)(void *arg), void *arg)
{
	q->closing = true;
	q->drained = done;
	q->drained_arg = arg;
	timer_stop(&q->job_timer);
	if (q->running == 0)
		loop_later(q->m->loop, done, arg);
}

void requests_close(struct requests *q)
{
	if (!q)
		return;
	timer_free(&q->job_timer);
	for (size_t i = 0; i < REQUEST_CONNECTIONS; i++)
		if (q->lanes[i].pg)
			pg_close(q->lanes[i].pg);
	free(q->digests);
	free(q);
}
