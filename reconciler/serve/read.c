#include "reconciler/serve/read.h"

#include "common/base/mem.h"
#include "common/io/log.h"
#include "reconciler/serve/problem.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	STATEMENT_MS = 10000,
	SINGLES = 2,
	GROUPS = 1,
	/* INV-10: of one answer. Rows, and bytes as libpq and as JSON hold them. */
	ANSWER_ROWS = 1000000,
	ANSWER_BYTES = 64 << 20,
	KEEP_BYTES = 1 << 20, /* of the buffer between two answers */
	/* A single row that takes longer holds up those behind it: its statement ends, and is asked again on the
	 * lane of groups. Its route stays there for a while, each time twice as long. */
	SINGLE_MS = 250,
	SLOW_FIRST_MS = 1000,
	SLOW_MAX_MS = 64000,
	SLOW_FORGOTTEN_MS = 600000
};

struct read_door {
	struct read_options o;
	struct many *one, *groups;
	struct plan_set plans;
	struct slow {
		uint64_t until_ms, for_ms; /* 0: it was never slow */
	} * slow;                      /* one a route */
	uint64_t began_ms;
	struct buf out; /* of the answer that is being written: one at a time */
};
/* One read of a route, in the arena of its names. */
struct read_run {
	struct read_door *d;
	const struct route_plan *p;
	struct serve_names *names;
	bool plain;
	read_done_fn fn;
	void *arg;
	struct err bad_err;
};

static const char json_type[] = "application/json";
static const char gauges_type[] = "text/plain; version=0.0.4; charset=utf-8";

/* ── inserts ── */

struct filling {
	const struct read_door *d;
	struct str body;
};

static bool insert(void *arg, struct str name, struct buf *json)
{
	const struct filling *f = arg;
	const struct read_door *d = f->d;
	char text[40];
	if (str_is(name, "body")) {
		buf_str(json, f->body.n ? f->body : STR("null"));
	} else if (str_is(name, "now")) {
		time_text(text, clock_wall_ms());
		buf_json(json, str_of(text));
	} else if (str_is(name, "uptime")) { /* seconds */
		buf_printf(json, "%.3f", (double)(loop_now_ms(d->o.loop) - d->began_ms) / 1000);
	} else if (str_is(name, "version")) {
		buf_json(json, STR(FAIRLEAD_VERSION));
	} else if (name.n > 3 && memcmp(name.p, "up.", 3) == 0) {
		struct str part = {name.p + 3, name.n - 3};
		bool up = str_is(part, "postgresql") ? read_is_up(d) : d->o.up && d->o.up(d->o.arg, part);
		buf_text(json, up ? "true" : "false");
	} else {
		return false;
	}
	return true;
}

void read_filled(struct buf *out, const struct read_door *d, const struct json_decl *j, struct str body)
{
	struct filling f = {d, body};
	json_fill(out, j, insert, &f);
}

/* ── answers ── */

static void read_fail(struct read_run *r, int status, const char *detail, const struct err *inner)
{
	struct read_answer a = {.status = status, .detail = detail, .inner = inner};
	r->fn(r->arg, &a);
}

/* PostgreSQL can't be asked: what the route says to that. */
static void lost(struct read_run *r, const struct err *e)
{
	const struct json_decl *j = r->p->route->lost;
	struct buf *out = &r->d->out;
	if (!j) {
		read_fail(r, 503, "PostgreSQL can't be asked now; ask again", e);
		return;
	}
	buf_clear(out);
	read_filled(out, r->d, j, STR(""));
	r->fn(r->arg, &(struct read_answer){
					  .status = 503, .type = json_type, .body = {out->p, out->n}, .inner = e, .lost = true});
}

/* SQLSTATE 22: a value that is none in its place (GRAMMAR §11). */
static void refused(struct read_run *r, const struct many_reply *q)
{
	static const char *const away[] = {"08", "53", "55", "57", "58", NULL};
	struct read_answer a = {.status = 500, .detail = "This route's SQL failed", .inner = &q->err};
	memcpy(a.sqlstate, q->sqlstate, sizeof a.sqlstate);
	for (size_t i = 0; away[i]; i++)
		if (strncmp(q->sqlstate, away[i], 2) == 0) {
			a.status = 503;
			a.detail = strcmp(q->sqlstate, "57014") == 0 ? "The answer took too long"
														 : "PostgreSQL can't answer now; ask again";
		}
	if (strncmp(q->sqlstate, "22", 2) == 0) {
		a.status = 400;
		a.detail = q->err.text;
	}
	r->fn(r->arg, &a);
}

static void too_large(struct read_run *r)
{
	struct err e = {0};
	err_put(&e, ERR_REJECTED,
		"%s: the answer is larger than %zu rows or %zu KiB; add a LIMIT to its SQL, or fewer and shorter "
		"columns",
		r->p->route->key, r->d->o.answer_rows, r->d->o.answer_bytes >> 10);
	read_fail(r, 500, "This route's answer is too large to be given at once; its SQL needs a LIMIT", &e);
}

/* false: it was answered already. */
static bool good(struct read_run *r, const struct many_reply *q)
{
	if (q->outcome == MANY_OK)
		return true;
	if (q->outcome == MANY_LOST)
		lost(r, &q->err);
	else if (q->outcome == MANY_TOO_LARGE)
		too_large(r);
	else
		refused(r, q);
	return false;
}

static void body(struct read_run *r, int status)
{
	struct buf *out = &r->d->out;
	const struct json_decl *wrap = status < 400 ? r->p->route->wrap : NULL;
	struct read_answer a = {.status = status, .type = json_type, .body = {out->p, out->n}};
	struct buf wrapped = {0};
	if (wrap) {
		read_filled(&wrapped, r->d, wrap, a.body);
		a.body = (struct str){wrapped.p, wrapped.n};
	}
	r->fn(r->arg, &a);
	buf_fini(&wrapped);
	if (out->cap > KEEP_BYTES)
		buf_fini(out);
}

static void broken(struct read_run *r, const struct err *e)
{
	if (r->d->out.n > r->d->o.answer_bytes) {
		buf_fini(&r->d->out);
		too_large(r);
		return;
	}
	read_fail(r, 500, "This route's answer is not what it says it is", e);
}

/* A plan whose columns can't be an answer any more. */
static bool unusable(struct read_run *r, const struct plan_sql *p, const void *rows)
{
	struct err e = {0};
	if (!p->why && p->ninputs == (size_t)many_width(rows))
		return false;
	err_put(&e, ERR_REJECTED, "%s", p->why ? p->why : "its columns have changed");
	broken(r, &e);
	return true;
}

/* Writes the arrays and objects of with behind the row: its closing brace moves. */
static bool put_withs(struct read_run *r, const struct many_reply *q, struct err *e)
{
	struct buf *out = &r->d->out;
	for (size_t i = 0; i < r->p->nwith; i++) {
		const struct plan_sql *w = &r->p->with[i];
		out->n--;
		if (out->p[out->n - 1] != '{')
			buf_char(out, ',');
		buf_json(out, str_of(w->name));
		buf_char(out, ':');
		if (!(w->row.key_at >= 0 ? row_put_keyed(out, &w->row, q->rows[i + 1], r->d->o.answer_bytes, e)
								 : row_put_all(out, &w->row, q->rows[i + 1], r->d->o.answer_bytes, e)))
			return false;
		buf_char(out, '}');
	}
	return true;
}

/* One row of p is the answer; withs: the rows behind it in q belong to it. */
static void answer_row(
	struct read_run *r, const struct plan_sql *p, const struct many_reply *q, size_t at, bool withs)
{
	const void *rows = q->rows[at];
	struct buf *out = &r->d->out;
	struct err e = {0};
	int status;
	buf_clear(out);
	if (unusable(r, p, rows))
		return;
	for (size_t i = 0; withs && i < r->p->nwith; i++)
		if (unusable(r, &r->p->with[i], q->rows[i + 1]))
			return;
	if (!row_status(&p->row, rows, 0, &status)) {
		err_put(&e, ERR_REJECTED, "_status is %s", many_cell(rows, 0, p->row.status_at).p);
		broken(r, &e);
	} else if (r->plain) {
		row_put_gauges(out, &p->row, rows, 0);
		r->fn(r->arg, &(struct read_answer){.status = status, .type = gauges_type, .body = {out->p, out->n}});
	} else if (!row_put(out, &p->row, rows, 0, &e) || (withs && !put_withs(r, q, &e))) {
		broken(r, &e);
	} else {
		body(r, status);
	}
}

static void no_row(struct read_run *r);

static void answer_one(struct read_run *r, const struct many_reply *q)
{
	int n = many_count(q->rows[0]);
	struct err e = {0};
	if (n == 1) {
		answer_row(r, &r->p->one, q, 0, q->n > 1);
	} else if (n == 0) {
		no_row(r);
	} else {
		err_put(&e, ERR_REJECTED, "%d rows, and one is one", n);
		broken(r, &e);
	}
}

static void on_one(void *arg, const struct many_reply *q)
{
	struct read_run *r = arg;
	if (good(r, q))
		answer_one(r, q);
}

static void on_all(void *arg, const struct many_reply *q)
{
	struct read_run *r = arg;
	struct err e = {0};
	if (!good(r, q) || unusable(r, &r->p->all, q->rows[0]))
		return;
	buf_clear(&r->d->out);
	if (row_put_all(&r->d->out, &r->p->all.row, q->rows[0], r->d->o.answer_bytes, &e))
		body(r, 200);
	else
		broken(r, &e);
}

/* one was asked again beside else, in one snapshot: it may have a row now. */
static void on_otherwise(void *arg, const struct many_reply *q)
{
	struct read_run *r = arg;
	if (!good(r, q))
		return;
	if (many_count(q->rows[0]) == 1 && r->p->nwith == 0)
		answer_row(r, &r->p->one, q, 0, false);
	else if (many_count(q->rows[q->n - 1]) == 1)
		answer_row(r, &r->p->otherwise, q, q->n - 1, false);
	else
		read_fail(r, 404, "There is none", NULL);
}

/* ── SQL ── */

static void not_bound(void *arg)
{
	struct read_run *r = arg;
	read_fail(r, 400, r->bad_err.text, &r->bad_err);
}

static bool step_of(struct read_run *r, const struct plan_sql *p, struct many_sql *sql, struct many_step *out)
{
	struct arena *a = r->names->a;
	const char **values = arena_alloc(a, (p->nparams + 1) * sizeof *values);
	struct err e = {0};
	*out = (struct many_step){sql, values, p->nparams};
	if (plan_bind(a, p, r->names, values, &e))
		return true;
	r->bad_err = e;
	loop_later(r->d->o.loop, not_bound, r);
	return false;
}

static void no_row(struct read_run *r)
{
	const struct route_plan *p = r->p;
	struct many_step steps[2];
	if (!p->otherwise.sql)
		read_fail(r, 404, "There is none", NULL);
	else if (step_of(r, &p->one, p->one.many, &steps[0]) &&
			 step_of(r, &p->otherwise, p->otherwise.many, &steps[1]))
		many_group(r->d->groups, steps, 2, on_otherwise, r);
}

static void group(struct read_run *r)
{
	const struct route_plan *p = r->p;
	struct many_step *steps = arena_alloc(r->names->a, (p->nwith + 1) * sizeof *steps);
	if (!step_of(r, &p->one, p->one.many, &steps[0]))
		return;
	for (size_t i = 0; i < p->nwith; i++)
		if (!step_of(r, &p->with[i], p->with[i].many, &steps[i + 1]))
			return;
	many_group(r->d->groups, steps, p->nwith + 1, on_one, r);
}

/* ── routes that were slow ── */

static struct slow *slow_of(const struct read_run *r)
{
	return &r->d->slow[r->p - r->d->plans.routes];
}

static void was_slow(struct read_run *r)
{
	struct slow *s = slow_of(r);
	uint64_t now = loop_now_ms(r->d->o.loop);
	if (s->until_ms > now)
		return; /* it left before that was known */
	bool forgotten = s->for_ms == 0 || now - s->until_ms > SLOW_FORGOTTEN_MS;
	s->for_ms = forgotten ? SLOW_FIRST_MS : 2 * s->for_ms < SLOW_MAX_MS ? 2 * s->for_ms : SLOW_MAX_MS;
	s->until_ms = now + s->for_ms;
	log_odd("serve.slow", "A route is slow, and is asked beside the fast ones for a while",
		F_STR("route", r->p->route->key), F_UINT("longer_than_ms", SINGLE_MS), F_UINT("for_ms", s->for_ms));
}

static void on_single(void *arg, const struct many_reply *q)
{
	struct read_run *r = arg;
	struct many_step step;
	if (q->outcome != MANY_REFUSED || !text_is(q->sqlstate, "57014") || r->d->o.statement_ms <= SINGLE_MS) {
		on_one(r, q);
		return;
	}
	was_slow(r);
	if (step_of(r, &r->p->one, r->p->one.many, &step))
		many_run(r->d->groups, &step, on_one, r);
}

static void read_sql(struct read_run *r)
{
	const struct route_plan *p = r->p;
	struct many_step step;
	bool single = p->one.one && slow_of(r)->until_ms <= loop_now_ms(r->d->o.loop);
	if (p->nwith && !r->plain)
		group(r);
	else if (single && step_of(r, &p->one, p->one.one, &step))
		many_run(r->d->one, &step, on_single, r);
	else if (p->one.sql && !single && step_of(r, &p->one, p->one.many, &step))
		many_run(r->d->groups, &step, on_one, r);
	else if (p->all.sql && step_of(r, &p->all, p->all.many, &step))
		many_run(r->d->groups, &step, on_all, r);
}

static void called(void *arg, enum call_outcome o, const char *detail, const struct err *inner)
{
	struct read_run *r = arg;
	static const int status[] = {[CALL_REVERTS] = 500, [CALL_LOST] = 503, [CALL_BAD] = 400};
	if (o == CALL_DONE)
		read_sql(r);
	else
		read_fail(r, status[o], detail, inner);
}

static void later(void *arg)
{
	struct read_run *r = arg;
	call_run(r->d->o.calls, r->p->route->calls, r->p->route->ncalls, r->names, called, r);
}

void read_run(struct read_door *d, const struct route_plan *p, struct serve_names *names, bool plain,
	read_done_fn fn, void *arg)
{
	struct read_run *r = arena_alloc(names->a, sizeof *r);
	*r = (struct read_run){.d = d, .p = p, .names = names, .plain = plain, .fn = fn, .arg = arg};
	if (p->route->ncalls)
		loop_later(d->o.loop, later, r);
	else
		read_sql(r);
}

/* ── life ── */

bool read_is_up(const struct read_door *d)
{
	return many_is_up(d->one);
}

const struct plan_set *read_plans(const struct read_door *d)
{
	return &d->plans;
}

struct read_door *read_open(const struct read_options *o, struct err *e)
{
	struct read_door *d = mem_alloc(sizeof *d);
	if (!plan_open(&d->plans, o->config, o->conninfo, e)) {
		free(d);
		return NULL;
	}
	const char *url = o->config->serve.read_url;
	uint64_t ms = o->statement_ms ? o->statement_ms : STATEMENT_MS;
	struct many_options m = {.conninfo = url ? url : o->conninfo,
		.application = "fairlead-routes",
		.statement_ms = ms < SINGLE_MS ? ms : SINGLE_MS,
		.connections = o->connections[0] ? o->connections[0] : SINGLES};
	d->o = *o;
	d->o.statement_ms = ms;
	d->o.answer_rows = o->answer_rows ? o->answer_rows : ANSWER_ROWS;
	d->o.answer_bytes = o->answer_bytes ? o->answer_bytes : ANSWER_BYTES;
	d->slow = mem_alloc((d->plans.n + 1) * sizeof *d->slow);
	d->began_ms = loop_now_ms(o->loop);
	d->one = many_open(o->loop, &m);
	m.connections = o->connections[1] ? o->connections[1] : GROUPS;
	m.statement_ms = ms;
	m.max_rows = d->o.answer_rows;
	m.max_bytes = d->o.answer_bytes;
	m.snapshot = true;
	d->groups = many_open(o->loop, &m);
	plan_prepare(&d->plans, d->one, d->groups);
	return d;
}

static void free_door(void *arg)
{
	struct read_door *d = arg;
	plan_close(&d->plans);
	buf_fini(&d->out);
	free(d->slow);
	free(d);
}

void read_close(struct read_door *d)
{
	if (!d)
		return;
	many_close(d->one);
	many_close(d->groups);
	loop_before_free(d->o.loop, free_door, d);
}
