#include "common/base/mem.h"
#include "common/io/pg_in.h"

enum { UNIT_MS = 30000, SPARE_UNITS = 64 };

static void on_turn(void *arg);

void pg_turn(struct pg *c)
{
	if (c->turn_due)
		return;
	c->turn_due = true;
	loop_later(c->loop, on_turn, c);
}

/* ---- units ---- */

struct pg_unit *pg_unit(struct pg *c)
{
	struct pg_unit *u = c->spare;
	if (u) {
		c->spare = u->next;
		c->spares--;
		u->next = NULL;
		return u;
	}
	u = mem_alloc(sizeof *u);
	u->c = c;
	u->reply.failed = -1;
	return u;
}

void pg_unit_drop(struct pg_unit *u)
{
	struct pg *c = u->c;
	if (c->spares >= SPARE_UNITS) {
		pg_unit_free(u);
		return;
	}
	pg_unit_clear(u);
	u->next = c->spare;
	c->spare = u;
	c->spares++;
}

static void on_deadline(void *arg);

static void pg_watch_deadline(struct pg *c, uint64_t at)
{
	if (timer_is_on(c->deadline_timer) && c->deadline_at <= at)
		return;
	uint64_t now = loop_now_ms(c->loop);
	c->deadline_at = at;
	timer_start(c->loop, &c->deadline_timer, at > now ? at - now : 0, on_deadline, c);
}

/* Answers come in order: a unit's time begins when its answer is the next one. What waits behind a long unit
 * must not cut it off. */
static struct pg_unit *first_unit(struct pg *c)
{
	return c->sent.head ? c->sent.head : c->queue.head;
}

static void watch_first(struct pg *c)
{
	struct pg_unit *u = first_unit(c);
	if (!u)
		return;
	if (u->deadline_ms == 0)
		u->deadline_ms = loop_now_ms(c->loop) + u->limit_ms;
	pg_watch_deadline(c, u->deadline_ms);
}

/* As it was before it left. */
static void take_home(struct pg_unit *u)
{
	for (size_t i = 0; i < u->step_count; i++) {
		PQclear(u->results[i]);
		u->results[i] = NULL;
		u->steps[i].parse = u->steps[i].parsed = false;
	}
	u->at = u->given = 0;
	u->reply = (struct pg_reply){.failed = -1};
}

static void answer(struct pg_unit *u, enum pg_outcome outcome)
{
	u->reply.outcome = outcome;
	u->reply.statements = (int)u->step_count;
	u->reply.results = u->results;
	if (u->fn)
		u->fn(u->arg, &u->reply);
	pg_unit_drop(u);
}

/* INV-1 rests on this difference: what never left is certain, what left and was not answered is not. */
void pg_answer_all(struct pg_list *units, enum pg_outcome outcome, const struct err *e)
{
	while (units->head) {
		struct pg_unit *u = pg_list_take(units);
		if (u->begun) {
			take_home(u);
			continue;
		}
		u->reply.err = *e;
		u->reply.err.class = ERR_TRANSIENT;
		u->reply.sqlstate[0] = 0;
		u->reply.failed = -1;
		answer(u, outcome);
	}
}

/* ---- sending ---- */

/* A name whose Parse another unit has under way can't be counted on: that Parse may fail or never run. Such a
 * unit waits for the answer, once a name and connection; units keep their order, so those behind it wait too.
 */
static bool names_known(struct pg *c, const struct pg_unit *u)
{
	for (size_t i = 0; i < u->step_count; i++)
		if (u->steps[i].sql.name && pg_names_get(&c->names, u->steps[i].sql.name)->state == NAME_PARSING)
			return false;
	return true;
}

bool pg_send_step(
	PGconn *conn, struct pg_names *names, struct pg_vector *v, struct pg_unit *u, struct pg_step *s)
{
	char name[PG_NAME_MAX + 12];
	pg_vector_fill(v, u, s);
	if (!s->sql.name)
		return PQsendQueryParams(
			conn, s->sql.text, (int)s->params, NULL, v->values, v->lengths, v->formats, 0);
	struct pg_name *e = pg_names_get(names, s->sql.name);
	pg_names_text(e, name);
	if (e->state == NAME_NEW) {
		e->state = NAME_PARSING;
		s->parse = true;
		if (!PQsendPrepare(conn, name, s->sql.text, s->ntypes, s->types))
			return false;
	}
	return PQsendQueryPrepared(conn, name, (int)s->params, v->values, v->lengths, v->formats, 0);
}

bool pg_send(struct pg *c, struct pg_unit *u)
{
	for (; u->given < u->step_count; u->given++)
		if (!pg_send_step(c->conn, &c->names, &c->vector, u, &u->steps[u->given]))
			return false;
	watch_first(c);
	c->open = u->begun ? u : NULL;
	if (!u->begun && !PQpipelineSync(c->conn))
		return false;
	int left = PQflush(c->conn);
	c->full = left == 1;
	return left >= 0;
}

/* What was begun goes on before anything else leaves. */
static bool may_leave(const struct pg *c)
{
	return c->open ? !c->open->begun : c->queue.head != NULL;
}

/* false: the connection is broken. */
static bool leave(struct pg *c)
{
	if (c->open && may_leave(c) && !c->full && !c->dying && !pg_send(c, c->open))
		return false;
	while (!c->open && c->queue.head && !c->full && !c->dying && names_known(c, c->queue.head)) {
		struct pg_unit *u = pg_list_take(&c->queue);
		pg_list_put(&c->sent, u);
		if (!pg_send(c, u))
			return false;
	}
	watch_first(c);
	return true;
}

static void pump(struct pg *c)
{
	if (c->broken || !leave(c))
		pg_lost_as(c, "the connection broke while sending");
	else if (!pg_sock_watch(c, UV_READABLE | (c->full ? UV_WRITABLE : 0)))
		pg_lost_as(c, "the socket can't be watched");
}

/* Without waiting for the turn: a loss is told there. */
static void leave_at_once(struct pg *c)
{
	if (c->phase == PG_UP && !c->broken)
		c->broken = !leave(c);
}

/* ---- run ---- */

static bool is_queued(const struct pg *c, const struct pg_unit *u)
{
	const struct pg_unit *q = c->queue.head;
	while (q && q != u)
		q = q->next;
	return q;
}

/* A unit that was begun keeps its place; one that lost its connection gets a new one. */
static void enqueue(struct pg_unit *u, uint64_t limit_ms, pg_done_fn fn, void *arg)
{
	struct pg *c = u->c;
	must(u->step_count > 0 && !u->array);
	u->fn = fn;
	u->arg = arg;
	u->limit_ms = limit_ms ? limit_ms : UNIT_MS;
	u->deadline_ms = 0;
	if (c->open != u && !is_queued(c, u))
		pg_list_put(&c->queue, u);
	pg_turn(c);
}

void pg_unit_run(struct pg_unit *u, uint64_t deadline_ms, pg_done_fn fn, void *arg)
{
	bool open = u->begun;
	u->begun = false;
	enqueue(u, deadline_ms, fn, arg);
	if (open)
		leave_at_once(u->c);
}

void pg_unit_begin(struct pg_unit *u)
{
	must(!u->begun);
	u->begun = true;
	enqueue(u, 0, NULL, NULL);
	leave_at_once(u->c);
}

/* Where it waits behind others, or has lost its connection, all of it leaves later. */
void pg_unit_more(struct pg_unit *u)
{
	struct pg *c = u->c;
	must(u->begun && !u->array);
	if (c->open != u || c->phase != PG_UP || c->broken || c->full || c->dying)
		return;
	c->broken = !pg_send(c, u);
	pg_turn(c);
}

static void unqueue(struct pg *c, const struct pg_unit *u)
{
	struct pg_list rest;
	pg_list_init(&rest);
	while (c->queue.head) {
		struct pg_unit *q = pg_list_take(&c->queue);
		if (q != u)
			pg_list_put(&rest, q);
	}
	pg_list_move(&c->queue, &rest);
}

/* Where no BEGIN was said ROLLBACK works as well, but warns of it: nobody wants to know. */
void pg_unit_undo(struct pg_unit *u)
{
	static const struct pg_sql hush = {NULL, "SELECT set_config('client_min_messages', 'error', true)"};
	static const struct pg_sql back = {NULL, "ROLLBACK"};
	must(u->begun);
	if (u->c->open == u) {
		pg_stmt(u, &hush);
		pg_stmt(u, &back);
		pg_unit_run(u, 0, NULL, NULL);
		return;
	}
	unqueue(u->c, u);
	pg_unit_drop(u);
}

/* ---- receiving ---- */

bool pg_is_fatal(const PGresult *res, char *line, size_t size)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (!text_is(severity, "FATAL") && !text_is(severity, "PANIC"))
		return false;
	pg_one_line(line, size, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	return true;
}

static void refused(struct pg_names *names, struct pg_unit *u, const PGresult *res)
{
	if (u->reply.failed >= 0)
		return; /* the first error is the cause */
	u->reply.failed = u->at < u->step_count ? (int)u->at : (int)u->step_count - 1;
	pg_refusal(&u->reply, res);
	if (u->at >= u->step_count || !u->steps[u->at].sql.name ||
		(u->steps[u->at].parse && !u->steps[u->at].parsed))
		return;
	/* "cached plan must not change result type", or the statement is gone: it is prepared anew at the next
	 * use. */
	const char *where = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
	bool gone = strcmp(u->reply.sqlstate, "26000") == 0;
	if (gone || (strcmp(u->reply.sqlstate, "0A000") == 0 && text_is(where, "RevalidateCachedQuery"))) {
		struct pg_name *e = pg_names_get(names, u->steps[u->at].sql.name);
		e->state = NAME_NEW;
		e->gen++;
		u->reply.err.class = ERR_TRANSIENT;
	}
}

void pg_take_step(struct pg_names *names, struct pg_unit *u, PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);
	bool failed = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
	if (failed && status != PGRES_PIPELINE_ABORTED)
		refused(names, u, res);
	struct pg_step *s = u->at < u->step_count ? &u->steps[u->at] : NULL;
	if (s && s->parse && !s->parsed) {
		s->parsed = true;
		pg_names_get(names, s->sql.name)->state = failed ? NAME_NEW : NAME_READY;
	} else if (s) {
		u->at++;
		if (!failed) {
			u->results[u->at - 1] = res;
			return;
		}
	}
	PQclear(res);
}

/* Takes one result of the unit whose turn it is. After Sync nothing more comes of it: only then is it
 * committed. */
static void take_result(struct pg *c, PGresult *res)
{
	struct pg_unit *u = c->sent.head;
	if (PQresultStatus(res) != PGRES_PIPELINE_SYNC) {
		c->dying |= pg_is_fatal(res, c->fatal, sizeof c->fatal);
		pg_take_step(&c->names, u, res);
		return;
	}
	PQclear(res);
	pg_list_take(&c->sent);
	watch_first(c);
	answer(u, u->reply.failed < 0 ? PG_OK : PG_REFUSED);
}

/* PQisBusy is asked before every PQgetResult: after a NULL a second call would wait for the server. Two NULLs
 * in a row only come from a connection that has ended. */
static void take_results(struct pg *c)
{
	int nulls = 0;
	while (c->conn && c->sent.head && nulls < 2 && !PQisBusy(c->conn)) {
		PGresult *res = PQgetResult(c->conn);
		nulls = res ? 0 : nulls + 1;
		if (res)
			take_result(c, res);
	}
}

static void take_notifies(struct pg *c)
{
	while (c->conn) {
		PGnotify *n = PQnotifies(c->conn);
		if (!n)
			return;
		if (c->ev.on_notify)
			c->ev.on_notify(c->ev.arg, n->relname, n->extra);
		PQfreemem(n);
	}
}

/* Reads what is there; false: the connection is gone. */
static bool receive(struct pg *c)
{
	bool alive = PQconsumeInput(c->conn);
	take_results(c);
	take_notifies(c);
	if (!c->conn)
		return false;
	if (!alive || PQstatus(c->conn) == CONNECTION_BAD) {
		pg_lost_as(c, "the server closed the connection");
		return false;
	}
	if (may_leave(c))
		pg_turn(c);
	return true;
}

void pg_on_poll(uv_poll_t *h, int status, int events)
{
	struct pg *c = h->data;
	if (status < 0) { /* libuv has stopped the handle: reading or writing says why */
		c->sock->mask = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (c->phase == PG_CONNECTING) {
		pg_connecting(c);
		return;
	}
	if ((events & UV_READABLE) && !receive(c))
		return;
	if (c->full) {
		int left = PQflush(c->conn);
		if (left < 0) {
			pg_lost_as(c, "the connection broke while sending");
			return;
		}
		c->full = left == 1;
		if (may_leave(c))
			pg_turn(c);
	}
	if (!pg_sock_watch(c, UV_READABLE | (c->full ? UV_WRITABLE : 0)))
		pg_lost_as(c, "the socket can't be watched");
}

/* Answers come in order, so one unit can't be given up alone: the connection is cut. A process that was
 * stopped for a while finds its answers waiting: they are read first. */
static void on_deadline(void *arg)
{
	struct pg *c = arg;
	if (!c->conn || !receive(c))
		return;
	const struct pg_unit *u = first_unit(c);
	if (!u)
		return;
	watch_first(c);
	if (u->deadline_ms > loop_now_ms(c->loop))
		return;
	struct err e;
	err_put(&e, ERR_TRANSIENT, "no answer in time, the connection was cut");
	pg_lost(c, &e);
}

static void on_turn(void *arg)
{
	struct pg *c = arg;
	struct err e;
	c->turn_due = false;
	if (c->phase == PG_UP) {
		pump(c);
		return;
	}
	if (c->phase == PG_CLOSED) {
		err_put(&e, ERR_TRANSIENT, "the connection was closed");
		pg_lost(c, &e);
		if (!c->turn_due)
			pg_free(c);
		return;
	}
	struct pg_list unsent;
	pg_list_init(&unsent);
	pg_list_move(&unsent, &c->queue);
	err_put(&e, ERR_TRANSIENT, "there is no connection to PostgreSQL");
	pg_answer_all(&unsent, PG_UNSENT, &e);
}
