#include "common/base/backoff.h"
#include "common/base/mem.h"
#include "common/io/pg_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum {
	CONNECT_MS = 10000,
	UNIT_MS = 30000,
	RETRY_FIRST_MS = 200,
	RETRY_MAX_MS = 5000,
	SPARE_UNITS = 64,
	LISTEN_MAX = 4,
};

enum phase {
	WAITING,    /* no connection; the timer starts the next try */
	CONNECTING, /* PQconnectPoll decides what the socket waits for; the timer bounds it */
	SETTING_UP, /* logged in; the session's settings and LISTENs are under way */
	UP,         /* units run */
	CLOSED,     /* pg_close was called; the next turn answers what is open, then frees */
};

/* The socket may change while libpq connects: a poll handle of its own for each descriptor. */
struct sock {
	uv_poll_t poll;
	int fd, mask;
};

struct unit_list {
	struct pg_unit *head, **end;
};

struct pg {
	struct loop *loop;
	struct pg_events ev;
	struct pg_options o; /* conninfo, application and listen are copies of ours */
	enum phase phase;
	PGconn *conn;
	struct sock *sock;
	struct pg_names names;
	struct pg_vector vector;
	struct unit_list queue; /* not yet given to libpq */
	struct unit_list sent;  /* given to libpq, answers come in this order */
	struct pg_unit *spare;
	size_t spares;
	struct timer *connect_timer; /* the next try, or the end of this one */
	struct timer *deadline_timer;
	uint64_t deadline_at; /* when deadline_timer fires */
	struct backoff backoff;
	bool turn_due;   /* on_turn will run */
	bool full;       /* libpq holds bytes that the socket did not take */
	bool dying;      /* the server has said FATAL: the end of the connection follows, nothing more is sent */
	char fatal[200]; /* what it said */
};

static void on_turn(void *arg);
static void on_poll(uv_poll_t *h, int status, int events);
static void lost(struct pg *c, const struct err *e);

static void list_init(struct unit_list *q)
{
	q->head = NULL;
	q->end = &q->head;
}

static void list_put(struct unit_list *q, struct pg_unit *u)
{
	u->next = NULL;
	*q->end = u;
	q->end = &u->next;
}

static struct pg_unit *list_take(struct unit_list *q)
{
	struct pg_unit *u = q->head;
	q->head = u->next;
	if (!q->head)
		q->end = &q->head;
	return u;
}

/* Moves all of from behind to. */
static void list_move(struct unit_list *to, struct unit_list *from)
{
	if (!from->head)
		return;
	*to->end = from->head;
	to->end = from->end;
	list_init(from);
}

static void turn(struct pg *c)
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

static void watch_deadline(struct pg *c, uint64_t at)
{
	if (timer_is_on(c->deadline_timer) && c->deadline_at <= at)
		return;
	uint64_t now = loop_now_ms(c->loop);
	c->deadline_at = at;
	timer_start(c->loop, &c->deadline_timer, at > now ? at - now : 0, on_deadline, c);
}

void pg_unit_run(struct pg_unit *u, uint64_t deadline_ms, pg_done_fn fn, void *arg)
{
	struct pg *c = u->c;
	must(u->step_count > 0 && !u->array);
	u->fn = fn;
	u->arg = arg;
	u->deadline_ms = loop_now_ms(c->loop) + (deadline_ms ? deadline_ms : UNIT_MS);
	list_put(&c->queue, u);
	turn(c);
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
static void answer_all(struct unit_list *units, enum pg_outcome outcome, const struct err *e)
{
	while (units->head) {
		struct pg_unit *u = list_take(units);
		u->reply.err = *e;
		u->reply.err.class = ERR_TRANSIENT;
		u->reply.sqlstate[0] = 0;
		u->reply.failed = -1;
		answer(u, outcome);
	}
}

/* ---- socket ---- */

static void on_sock_closed(uv_handle_t *h)
{
	free(h->data);
}

static void sock_drop(struct pg *c)
{
	if (!c->sock)
		return;
	c->sock->poll.data = c->sock;
	uv_close((uv_handle_t *)&c->sock->poll, on_sock_closed);
	c->sock = NULL;
}

/* libuv pays two system calls for a mask that does not change: the mask is remembered here. */
static bool sock_watch(struct pg *c, int mask)
{
	if (!c->sock) {
		int fd = PQsocket(c->conn);
		struct sock *s = mem_alloc(sizeof *s);
		if (fd < 0 || uv_poll_init(loop_uv(c->loop), &s->poll, fd) != 0) {
			free(s);
			return false;
		}
		s->fd = fd;
		s->poll.data = c;
		c->sock = s;
	}
	if (c->sock->mask == mask)
		return true;
	c->sock->mask = mask;
	return uv_poll_start(&c->sock->poll, mask, on_poll) == 0;
}

/* ---- connecting ---- */

static void connection_error(struct pg *c, struct err *e, const char *otherwise)
{
	char line[400];
	char said[1024];
	snprintf(said, sizeof said, "%s", c->conn ? PQerrorMessage(c->conn) : "");
	char *guess = strstr(said, "\n\tThis probably means");
	if (guess)
		*guess = 0;
	pg_one_line(line, sizeof line, said);
	err_put(e, ERR_TRANSIENT, "%s", c->dying ? c->fatal : line[0] ? line : otherwise);
}

static void lost_as(struct pg *c, const char *otherwise)
{
	struct err e;
	connection_error(c, &e, otherwise);
	lost(c, &e);
}

static void on_connect_timeout(void *arg)
{
	struct err e;
	err_put(&e, ERR_TRANSIENT, "no connection after %d s", CONNECT_MS / 1000);
	lost(arg, &e);
}

static void connect_now(void *arg)
{
	struct pg *c = arg;
	struct err e;
	c->phase = CONNECTING;
	c->conn = pg_conn_start(&c->o, &e);
	if (!c->conn) {
		lost(c, &e);
		return;
	}
	if (PQstatus(c->conn) == CONNECTION_BAD) {
		lost_as(c, "a connection could not be started");
		return;
	}
	timer_start(c->loop, &c->connect_timer, CONNECT_MS, on_connect_timeout, c);
	if (!sock_watch(c, UV_WRITABLE))
		lost_as(c, "the socket can't be watched");
}

static void put_setting(struct pg_unit *u, const char *name, const char *value)
{
	static const struct pg_sql sql = {NULL, "SELECT set_config($1, $2, false)"};
	pg_stmt(u, &sql);
	pg_put_text(u, name);
	pg_put_text(u, value);
}

static void on_set_up(void *arg, const struct pg_reply *r)
{
	struct pg *c = arg;
	if (r->outcome == PG_REFUSED) {
		struct err e = r->err;
		lost(c, &e);
	}
	if (r->outcome != PG_OK)
		return;
	timer_stop(&c->connect_timer);
	backoff_ok(&c->backoff);
	c->phase = UP;
	if (c->ev.on_up)
		c->ev.on_up(c->ev.arg);
}

static bool send_unit(struct pg *c, struct pg_unit *u);

/* A session always means the same by what it reads and writes, whatever the role or the database has set. The
 * server looks every few seconds whether we are still there: what a cut connection left running must not hold
 * locks long. */
static void set_up(struct pg *c)
{
	static char text[LISTEN_MAX][160];
	char idle[24];
	struct pg_unit *u = pg_unit(c);
	put_setting(u, "client_min_messages", "warning");
	put_setting(u, "datestyle", "ISO, YMD");
	put_setting(u, "intervalstyle", "postgres");
	put_setting(u, "timezone", "UTC");
	put_setting(u, "bytea_output", "hex");
	put_setting(u, "standard_conforming_strings", "on");
	put_setting(u, "client_connection_check_interval", "5s");
	if (c->o.idle_in_transaction_ms) {
		snprintf(idle, sizeof idle, "%llu", (unsigned long long)c->o.idle_in_transaction_ms);
		put_setting(u, "idle_in_transaction_session_timeout", idle);
	}
	for (int i = 0; i < LISTEN_MAX && c->o.listen[i]; i++) {
		char *name = PQescapeIdentifier(c->conn, c->o.listen[i], strlen(c->o.listen[i]));
		must(name && strlen(name) < PG_NAME_MAX);
		snprintf(text[i], sizeof text[i], "LISTEN %s", name);
		PQfreemem(name);
		pg_stmt(u, &(struct pg_sql){NULL, text[i]});
	}
	u->fn = on_set_up;
	u->arg = c;
	u->deadline_ms = loop_now_ms(c->loop) + CONNECT_MS;
	c->phase = SETTING_UP;
	list_put(&c->sent, u);
	if (!send_unit(c, u))
		lost_as(c, "the session could not be set up");
}

static void on_connecting(struct pg *c)
{
	/* PQconnectPoll may close the descriptor and open another of the same number: the handle goes first. */
	sock_drop(c);
	int mask = UV_READABLE;
	switch (PQconnectPoll(c->conn)) {
	case PGRES_POLLING_READING: break;
	case PGRES_POLLING_WRITING: mask = UV_WRITABLE; break;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(c->conn, 1) != 0 || !PQenterPipelineMode(c->conn)) {
			lost_as(c, "pipeline mode was refused");
			return;
		}
		set_up(c);
		break;
	case PGRES_POLLING_FAILED:
	default: lost_as(c, "the connection failed"); return;
	}
	if (c->conn && !sock_watch(c, mask | (c->full ? UV_WRITABLE : 0)))
		lost_as(c, "the socket can't be watched");
}

/* The one way out of a connection. Every unit is answered exactly once, after the state is whole again:
 * callbacks may run units, or close. */
static void lost(struct pg *c, const struct err *e)
{
	struct unit_list unknown, unsent;
	struct err why = *e; /* e may stand in a unit */
	list_init(&unknown);
	list_init(&unsent);
	list_move(&unknown, &c->sent);
	list_move(&unsent, &c->queue);
	sock_drop(c);
	PQfinish(c->conn);
	c->conn = NULL;
	c->full = c->dying = false;
	pg_names_forget(&c->names);
	timer_stop(&c->deadline_timer);
	if (c->phase != CLOSED) {
		c->phase = WAITING;
		timer_start(c->loop, &c->connect_timer, backoff_fail(&c->backoff), connect_now, c);
		if (c->ev.on_down)
			c->ev.on_down(c->ev.arg, &why);
	}
	answer_all(&unknown, PG_UNKNOWN, &why);
	answer_all(&unsent, PG_UNSENT, &why);
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

static bool send_step(struct pg *c, struct pg_unit *u, struct pg_step *s)
{
	struct pg_vector *v = &c->vector;
	char name[PG_NAME_MAX + 12];
	pg_vector_fill(v, u, s);
	if (!s->sql.name)
		return PQsendQueryParams(
			c->conn, s->sql.text, (int)s->params, NULL, v->values, v->lengths, v->formats, 0);
	struct pg_name *e = pg_names_get(&c->names, s->sql.name);
	pg_names_text(e, name);
	if (e->state == NAME_NEW) {
		e->state = NAME_PARSING;
		s->parse = true;
		if (!PQsendPrepare(c->conn, name, s->sql.text, 0, NULL))
			return false;
	}
	return PQsendQueryPrepared(c->conn, name, (int)s->params, v->values, v->lengths, v->formats, 0);
}

/* false: the connection is broken */
static bool send_unit(struct pg *c, struct pg_unit *u)
{
	for (size_t i = 0; i < u->step_count; i++)
		if (!send_step(c, u, &u->steps[i]))
			return false;
	watch_deadline(c, u->deadline_ms);
	if (!PQpipelineSync(c->conn))
		return false;
	int left = PQflush(c->conn);
	c->full = left == 1;
	return left >= 0;
}

static void pump(struct pg *c)
{
	while (c->queue.head && !c->full && !c->dying && names_known(c, c->queue.head)) {
		struct pg_unit *u = list_take(&c->queue);
		list_put(&c->sent, u);
		if (!send_unit(c, u)) {
			lost_as(c, "the connection broke while sending");
			return;
		}
	}
	if (c->queue.head)
		watch_deadline(c, c->queue.head->deadline_ms);
	if (!sock_watch(c, UV_READABLE | (c->full ? UV_WRITABLE : 0)))
		lost_as(c, "the socket can't be watched");
}

/* ---- receiving ---- */

static void refused(struct pg *c, struct pg_unit *u, const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (text_is(severity, "FATAL") || text_is(severity, "PANIC")) {
		c->dying = true;
		pg_one_line(c->fatal, sizeof c->fatal, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	}
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
		struct pg_name *e = pg_names_get(&c->names, u->steps[u->at].sql.name);
		e->state = NAME_NEW;
		e->gen++;
		u->reply.err.class = ERR_TRANSIENT;
	}
}

/* Takes one result of the unit whose turn it is. After Sync nothing more comes of it: only then is it
 * committed. */
static void take_result(struct pg *c, PGresult *res)
{
	struct pg_unit *u = c->sent.head;
	ExecStatusType status = PQresultStatus(res);
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(res);
		list_take(&c->sent);
		answer(u, u->reply.failed < 0 ? PG_OK : PG_REFUSED);
		return;
	}
	bool failed = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
	if (failed && status != PGRES_PIPELINE_ABORTED)
		refused(c, u, res);
	struct pg_step *s = u->at < u->step_count ? &u->steps[u->at] : NULL;
	if (s && s->parse && !s->parsed) {
		s->parsed = true;
		pg_names_get(&c->names, s->sql.name)->state = failed ? NAME_NEW : NAME_READY;
	} else if (s) {
		u->at++;
		if (!failed) {
			u->results[u->at - 1] = res;
			return;
		}
	}
	PQclear(res);
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
		lost_as(c, "the server closed the connection");
		return false;
	}
	if (c->queue.head)
		turn(c);
	return true;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct pg *c = h->data;
	if (status < 0) { /* libuv has stopped the handle: reading or writing says why */
		c->sock->mask = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (c->phase == CONNECTING) {
		on_connecting(c);
		return;
	}
	if ((events & UV_READABLE) && !receive(c))
		return;
	if (c->full) {
		int left = PQflush(c->conn);
		if (left < 0) {
			lost_as(c, "the connection broke while sending");
			return;
		}
		c->full = left == 1;
		if (c->queue.head)
			turn(c);
	}
	if (!sock_watch(c, UV_READABLE | (c->full ? UV_WRITABLE : 0)))
		lost_as(c, "the socket can't be watched");
}

static uint64_t least_deadline(const struct unit_list *q, uint64_t least)
{
	for (const struct pg_unit *u = q->head; u; u = u->next)
		if (u->deadline_ms < least)
			least = u->deadline_ms;
	return least;
}

/* Answers come in order, so one unit can't be given up alone: the connection is cut. A process that was
 * stopped for a while finds its answers waiting: they are read first. */
static void on_deadline(void *arg)
{
	struct pg *c = arg;
	if (!c->conn || !receive(c))
		return;
	uint64_t least = least_deadline(&c->queue, least_deadline(&c->sent, UINT64_MAX));
	if (least == UINT64_MAX)
		return;
	if (least > loop_now_ms(c->loop)) {
		watch_deadline(c, least);
		return;
	}
	struct err e;
	err_put(&e, ERR_TRANSIENT, "no answer in time, the connection was cut");
	lost(c, &e);
}

/* ---- life ---- */

struct pg *pg_open(struct loop *l, const struct pg_options *o, const struct pg_events *ev)
{
	struct pg *c = mem_alloc(sizeof *c);
	c->loop = l;
	c->ev = *ev;
	c->o = *o;
	c->o.conninfo = mem_text(o->conninfo ? o->conninfo : "");
	c->o.application = mem_text(o->application);
	for (int i = 0; i < LISTEN_MAX; i++)
		c->o.listen[i] = mem_text(o->listen[i]);
	list_init(&c->queue);
	list_init(&c->sent);
	backoff_init(&c->backoff, o->retry_first_ms ? o->retry_first_ms : RETRY_FIRST_MS,
		o->retry_max_ms ? o->retry_max_ms : RETRY_MAX_MS, clock_mono_us() ^ (uint64_t)uv_os_getpid());
	timer_start(l, &c->connect_timer, 0, connect_now, c);
	return c;
}

bool pg_is_up(const struct pg *c)
{
	return c->phase == UP;
}

int pg_server_pid(const struct pg *c)
{
	return c->conn ? PQbackendPID(c->conn) : 0;
}

static void free_text(const char *s)
{
	union {
		const char *borrowed;
		void *owned;
	} p = {.borrowed = s};
	free(p.owned);
}

static void pg_free(struct pg *c)
{
	while (c->spare) {
		struct pg_unit *u = c->spare;
		c->spare = u->next;
		pg_unit_free(u);
	}
	free_text(c->o.conninfo);
	free_text(c->o.application);
	for (int i = 0; i < LISTEN_MAX; i++)
		free_text(c->o.listen[i]);
	pg_names_fini(&c->names);
	pg_vector_fini(&c->vector);
	free(c);
}

void pg_close(struct pg *c)
{
	c->phase = CLOSED;
	timer_free(&c->connect_timer);
	timer_free(&c->deadline_timer);
	sock_drop(c);
	PQfinish(c->conn);
	c->conn = NULL;
	turn(c);
}

static void on_turn(void *arg)
{
	struct pg *c = arg;
	struct err e;
	c->turn_due = false;
	if (c->phase == UP) {
		pump(c);
		return;
	}
	if (c->phase == CLOSED) {
		err_put(&e, ERR_TRANSIENT, "the connection was closed");
		lost(c, &e);
		if (!c->turn_due)
			pg_free(c);
		return;
	}
	struct unit_list unsent;
	list_init(&unsent);
	list_move(&unsent, &c->queue);
	err_put(&e, ERR_TRANSIENT, "there is no connection to PostgreSQL");
	answer_all(&unsent, PG_UNSENT, &e);
}
