/* Three files: here are reads, how they leave and come back; pg_many_conn.c makes connections and loses them;
 * pg_many_bound.c counts the rows of answers that have a bound. */
#include "common/io/pg_many_in.h"

#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { SPARES = 1024, KEEP_BYTES = 4096 };

static void on_turn(void *arg);

void many_turn(struct many *m)
{
	if (m->turn_due)
		return;
	m->turn_due = true;
	loop_later(m->loop, on_turn, m);
}

/* ── reads ── */

void read_list_put(struct read_list *l, struct read *r)
{
	r->next = NULL;
	if (l->last)
		l->last->next = r;
	else
		l->first = r;
	l->last = r;
}

struct read *read_list_take(struct read_list *l)
{
	struct read *r = l->first;
	if (!r)
		return NULL;
	l->first = r->next;
	if (!l->first)
		l->last = NULL;
	return r;
}

static struct read *read_new(struct many *m)
{
	struct read *r = m->spare;
	if (!r)
		return mem_alloc(sizeof *r);
	m->spare = r->next;
	m->spares--;
	return r;
}

void read_free(struct read *r)
{
	buf_fini(&r->values);
	free(r->steps);
	free(r->offsets);
	free(r->results);
	free(r);
}

void many_results_clear(struct read *r)
{
	for (size_t i = 0; i < r->n; i++) {
		PQclear(r->results[i]);
		r->results[i] = NULL;
	}
}

static void read_drop(struct many *m, struct read *r)
{
	many_results_clear(r);
	if (m->spares >= SPARES || r->values.cap > KEEP_BYTES) {
		read_free(r);
		return;
	}
	buf_clear(&r->values);
	r->n = r->noffsets = 0;
	r->hits = 0;
	r->again = r->alone = r->failed = r->too_large = false;
	r->next = m->spare;
	m->spare = r;
	m->spares++;
}

static void add_step(struct read *r, const struct many_step *s)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 1;
		r->steps = mem_grow(r->steps, r->cap, sizeof *r->steps);
		r->results = mem_grow(r->results, r->cap, sizeof(PGresult *));
	}
	if (r->noffsets + s->n > r->capoffsets) {
		r->capoffsets = 2 * (r->noffsets + s->n);
		r->offsets = mem_grow(r->offsets, r->capoffsets, sizeof *r->offsets);
	}
	r->steps[r->n] = (struct read_step){(struct many_sql *)(uintptr_t)s->sql, r->noffsets, s->n};
	r->results[r->n++] = NULL;
	for (size_t i = 0; i < s->n; i++) {
		r->offsets[r->noffsets++] = s->values[i] ? r->values.n : SIZE_MAX;
		if (s->values[i])
			buf_put(&r->values, s->values[i], strlen(s->values[i]) + 1);
	}
}

static void answer(struct many *m, struct read *r, enum many_outcome outcome)
{
	r->reply.outcome = outcome;
	r->reply.rows = (const void *const *)r->results;
	r->reply.n = r->n;
	m->waiting--;
	r->fn(r->arg, &r->reply);
	read_drop(m, r);
}

void many_answer_lost(struct many *m, struct read_list *l, const struct err *e)
{
	for (struct read *r; (r = read_list_take(l));) {
		many_results_clear(r);
		r->reply = (struct many_reply){.err = *e};
		answer(m, r, MANY_LOST);
	}
}

/* ── out ── */

static void expect(
	struct many_conn *c, enum expect_kind kind, struct read *r, size_t step, struct many_sql *sql)
{
	if (c->nexpect == c->expect_cap) {
		size_t cap = c->expect_cap ? 2 * c->expect_cap : 256;
		struct expect *more = mem_alloc(cap * sizeof *more);
		for (size_t i = 0; i < c->nexpect; i++)
			more[i] = c->expect[(c->first_expect + i) & (c->expect_cap - 1)];
		free(c->expect);
		c->expect = more;
		c->expect_cap = cap;
		c->first_expect = 0;
	}
	c->expect[(c->first_expect + c->nexpect++) & (c->expect_cap - 1)] = (struct expect){kind, r, step, sql};
}

static void sql_name(const struct many_sql *s, const struct many_conn *c, char out[80])
{
	unsigned gen = s->on[c->index].gen;
	if (gen)
		snprintf(out, 80, "%s.%u", s->name, gen);
	else
		snprintf(out, 80, "%s", s->name);
}

bool many_send_prepare(struct many_conn *c, struct many_sql *s, struct read *r)
{
	char name[80];
	sql_name(s, c, name);
	s->on[c->index].state = SQL_SENT;
	expect(c, EXPECT_PREPARE, r, 0, s);
	expect(c, EXPECT_SHAPE, r, 0, s);
	return PQsendPrepare(c->conn, name, s->text, (int)s->ntypes, s->types) &&
		   PQsendDescribePrepared(c->conn, name);
}

bool many_send_sync(struct many_conn *c)
{
	c->unsynced = false;
	expect(c, EXPECT_SYNC, NULL, 0, NULL);
	return PQpipelineSync(c->conn);
}

static bool send_step(struct many_conn *c, struct read *r, size_t i)
{
	struct many *m = c->many;
	const struct read_step *s = &r->steps[i];
	char name[80];
	if (s->n > m->nvector) {
		m->nvector = s->n + 16;
		m->vector = mem_grow(m->vector, m->nvector, sizeof *m->vector);
	}
	for (size_t k = 0; k < s->n; k++) {
		size_t at = r->offsets[s->first + k];
		m->vector[k] = at == SIZE_MAX ? NULL : r->values.p + at;
	}
	if (s->sql->on[c->index].state == SQL_NEW && !many_send_prepare(c, s->sql, r))
		return false;
	sql_name(s->sql, c, name);
	expect(c, EXPECT_ROWS, r, i, s->sql);
	return PQsendQueryPrepared(c->conn, name, (int)s->n, m->vector, NULL, NULL, 0);
}

/* What is prepared on the way, and what is run again, leaves between Syncs of its own. */
static bool goes_alone(const struct many_conn *c, const struct read *r)
{
	bool fresh = false;
	for (size_t i = 0; i < r->n; i++)
		fresh |= r->steps[i].sql->on[c->index].state == SQL_NEW;
	return fresh || r->n > 1 || r->alone || c->many->o.snapshot;
}

static void give(struct many_conn *c, struct read *r)
{
	bool alone = goes_alone(c, r), good = true;
	r->failed = r->too_large = false;
	r->reply = (struct many_reply){.outcome = MANY_OK};
	if (alone && c->unsynced)
		good = many_send_sync(c);
	for (size_t i = 0; i < r->n && good; i++)
		good = send_step(c, r, i);
	if (alone && good)
		good = many_send_sync(c);
	c->unsynced = !alone;
	c->busy++;
	c->broken |= !good;
	read_list_put(&c->sent, r); /* in the order of its answers */
	many_turn(c->many);
}

static struct many_conn *least_busy(struct many *m)
{
	struct many_conn *best = NULL;
	for (unsigned i = 0; i < m->o.connections; i++) {
		struct many_conn *c = &m->conns[i];
		if (c->phase == MANY_UP && !c->broken && !c->dying && (!best || c->busy < best->busy))
			best = c;
	}
	return best;
}

void many_dispatch(struct many *m, struct read *r)
{
	struct many_conn *c = m->closing ? NULL : least_busy(m);
	if (c) {
		give(c, r);
		return;
	}
	read_list_put(&m->unsent, r);
	many_turn(m);
}

static void flush(struct many_conn *c)
{
	if (c->unsynced && !c->broken)
		c->broken = !many_send_sync(c);
	int left = c->broken ? -1 : PQflush(c->conn);
	c->full = left == 1;
	if (left < 0)
		many_lost(c, "the connection broke while sending");
	else
		many_watch(c);
}

static void on_turn(void *arg)
{
	struct many *m = arg;
	struct err e;
	m->turn_due = false;
	for (unsigned i = 0; i < m->o.connections; i++)
		if (m->conns[i].conn && m->conns[i].phase >= MANY_SETTING_UP)
			flush(&m->conns[i]);
	err_put(&e, ERR_TRANSIENT, "%s", m->closing ? "the door is closed" : m->why);
	struct read_list unsent = m->unsent;
	m->unsent = (struct read_list){0};
	many_answer_lost(m, &unsent, &e);
	if (m->closing && !m->turn_due)
		many_free(m);
}

/* ── in ── */

static bool is_stale(const PGresult *res, const char *state)
{
	const char *where = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
	return text_is(state, "26000") || (text_is(state, "0A000") && text_is(where, "RevalidateCachedQuery"));
}

static void refuse(struct read *r, size_t step, const PGresult *res)
{
	if (r->failed)
		return; /* the first error is the cause */
	struct pg_reply p = {0};
	pg_refusal(&p, res);
	r->failed = true;
	r->reply.failed = step;
	r->reply.err = p.err;
	memcpy(r->reply.sqlstate, p.sqlstate, sizeof r->reply.sqlstate);
}

static void run_again(struct many_conn *c, struct read *r)
{
	many_results_clear(r);
	r->alone = r->again = true;
	read_list_put(&c->redo, r);
}

/* The last of r's results is there. */
static void finish(struct many_conn *c, struct read *r, bool aborted, bool stale)
{
	must(read_list_take(&c->sent) == r);
	c->busy--;
	c->strays -= c->strays > 0;
	if ((aborted && !r->failed) || (stale && !r->again))
		run_again(c, r);
	else
		answer(c->many, r, r->too_large ? MANY_TOO_LARGE : r->failed ? MANY_REFUSED : MANY_OK);
}

static void take_rows(struct many_conn *c, const struct expect *x, PGresult *res)
{
	struct read *r = x->read;
	ExecStatusType st = PQresultStatus(res);
	bool ok = st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK, aborted = st == PGRES_PIPELINE_ABORTED;
	if (ok && r->results[x->step]) {
		PQclear(res); /* the end of rows that came one by one */
	} else if (ok) {
		r->results[x->step] = res;
	} else if (many_is_stray(c, r, res)) {
		aborted = true;
	} else if (!aborted) {
		refuse(r, x->step, res);
		c->stale = is_stale(res, PQresultErrorField(res, PG_DIAG_SQLSTATE));
		if (c->stale && x->sql->on[c->index].state == SQL_READY) {
			x->sql->on[c->index].state = SQL_NEW;
			x->sql->on[c->index].gen++;
		}
	}
	bool last = x->step + 1 == r->n, stale = c->stale && r->failed;
	if (!ok)
		PQclear(res);
	if (last)
		c->stale = false;
	if (last)
		finish(c, r, aborted, stale);
}

static void told(struct many_sql *s, const PGresult *shape, const PGresult *refused)
{
	struct pg_reply p = {0};
	if (refused)
		pg_refusal(&p, refused);
	if (s->on_shape)
		s->on_shape(s->arg, shape, refused ? &p.err : NULL);
}

static void take_prepare(struct many_conn *c, const struct expect *x, PGresult *res)
{
	struct many_sql *s = x->sql;
	bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
	if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
		told(s, NULL, res);
		if (x->read)
			refuse(x->read, 0, res);
	}
	if (x->kind == EXPECT_SHAPE && ok) {
		s->on[c->index].state = SQL_READY;
		told(s, res, NULL);
	} else if (!ok && s->on[c->index].state == SQL_SENT) {
		s->on[c->index].state = SQL_NEW;
	}
	PQclear(res);
}

static void take_setting(struct many_conn *c, PGresult *res)
{
	if (PQresultStatus(res) == PGRES_TUPLES_OK)
		many_set_up(c);
	else
		c->broken = true;
	PQclear(res);
}

static void take(struct many_conn *c, PGresult *res)
{
	struct expect x = c->expect[c->first_expect];
	c->first_expect = (c->first_expect + 1) & (c->expect_cap - 1);
	c->nexpect--;
	switch (x.kind) {
	case EXPECT_ROWS: take_rows(c, &x, res); break;
	case EXPECT_PREPARE:
	case EXPECT_SHAPE: take_prepare(c, &x, res); break;
	case EXPECT_SETTING: take_setting(c, res); break;
	case EXPECT_SYNC:
		PQclear(res);
		for (struct read *r; (r = read_list_take(&c->redo));)
			many_dispatch(c->many, r);
		break;
	}
}

/* The server says FATAL, or something between two groups: the end of the connection follows, and answers no
 * read. */
static bool is_end(struct many_conn *c, const PGresult *res)
{
	char line[200];
	bool between =
		PQresultStatus(res) != PGRES_PIPELINE_SYNC && c->expect[c->first_expect].kind == EXPECT_SYNC;
	if (!between && !pg_is_fatal(res, line, sizeof line))
		return false;
	c->dying = true;
	return true;
}

/* PQisBusy is asked before every PQgetResult: after a NULL a second call would wait for the server. */
bool many_receive(struct many_conn *c)
{
	bool alive = PQconsumeInput(c->conn);
	int nulls = 0;
	while (c->conn && c->nexpect && nulls < 2) {
		many_row_mode(c);
		if (PQisBusy(c->conn))
			break;
		PGresult *res = PQgetResult(c->conn);
		nulls = res ? 0 : nulls + 1;
		if (!res)
			continue;
		c->progress_ms = loop_now_ms(c->many->loop);
		if (is_end(c, res))
			PQclear(res);
		else if (PQresultStatus(res) == PGRES_SINGLE_TUPLE)
			many_row(c, res);
		else
			take(c, res);
	}
	if (c->conn && (!alive || c->broken || c->dying || PQstatus(c->conn) == CONNECTION_BAD)) {
		many_lost(c, "the server closed the connection");
		return false;
	}
	return c->conn;
}

/* ── results ── */

int many_count(const void *rows)
{
	return PQntuples(rows);
}

int many_width(const void *rows)
{
	return PQnfields(rows);
}

struct str many_cell(const void *rows, int row, int col)
{
	int n = PQgetlength(rows, row, col);
	if (n == 0 && PQgetisnull(rows, row, col))
		return (struct str){NULL, 0};
	return (struct str){PQgetvalue(rows, row, col), (size_t)n};
}

const char *many_name(const void *rows, int col)
{
	return PQfname(rows, col);
}

unsigned many_type(const void *rows, int col)
{
	return PQftype(rows, col);
}

int many_params(const void *describe)
{
	return PQnparams(describe);
}

unsigned many_param_type(const void *describe, int i)
{
	return PQparamtype(describe, i);
}

/* ── the outside ── */

struct many_sql *many_prepare(struct many *m, const char *name, const char *text, const struct many_shape *s)
{
	struct many_sql *sql = mem_alloc(sizeof *sql);
	sql->name = mem_text(name);
	must(strlen(name) < 64);
	sql->text = mem_text(text);
	sql->types = mem_grow(NULL, s->ntypes + 1, sizeof *sql->types);
	if (s->ntypes)
		memcpy(sql->types, s->types, s->ntypes * sizeof *sql->types);
	sql->ntypes = s->ntypes;
	sql->on_shape = s->on_shape;
	sql->arg = s->arg;
	sql->next = m->sqls;
	m->sqls = sql;
	for (unsigned i = 0; i < m->o.connections; i++)
		if (m->conns[i].phase == MANY_UP)
			many_prepare_on(&m->conns[i], sql);
	return sql;
}

void many_group(struct many *m, const struct many_step *steps, size_t n, many_done_fn fn, void *arg)
{
	struct read *r = read_new(m);
	must(n > 0);
	for (size_t i = 0; i < n; i++)
		add_step(r, &steps[i]);
	r->fn = fn;
	r->arg = arg;
	m->waiting++;
	many_dispatch(m, r);
}

void many_run(struct many *m, const struct many_step *step, many_done_fn fn, void *arg)
{
	many_group(m, step, 1, fn, arg);
}

size_t many_waiting(const struct many *m)
{
	return m->waiting;
}
