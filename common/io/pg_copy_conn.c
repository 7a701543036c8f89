#include "common/io/pg_copy_in.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 10000, RETRY_FIRST_MS = 200, RETRY_MAX_MS = 5000, DEADLINE_MS = 60000 };

static void on_poll(uv_poll_t *h, int status, int events);

/* ---- the way out ---- */

static void on_retry(void *arg)
{
	copy_drive(arg);
}

/* In doubt is a transaction only when its COMMIT had left. */
static void copy_lost(struct pg_copy *c, const struct err *e)
{
	struct pg_reply r = {.failed = -1, .err = *e}; /* e may stand in c */
	bool out = c->phase == COPY_ENDING;
	bool in = c->phase >= COPY_STARTING && c->phase <= COPY_ENDING;
	bool fails = c->load && (in ? c->ours : c->phase != COPY_UNDOING);
	r.err.class = ERR_TRANSIENT;
	r.outcome = out ? PG_UNKNOWN : PG_UNSENT;
	pg_poll_drop(&c->sock);
	PQfinish(c->conn);
	c->conn = NULL;
	c->full = c->doubt = c->ours = c->begin_due = false;
	c->in_libpq = 0;
	c->sql = NULL;
	c->refusal = (struct pg_reply){.failed = -1};
	pg_names_forget(&c->names);
	timer_stop(&c->deadline_timer);
	if (c->phase == COPY_CLOSED)
		return;
	c->phase = COPY_DOWN;
	timer_start(c->loop, &c->retry_timer, backoff_fail(&c->backoff), on_retry, c);
	if (fails)
		copy_fail(c, &r);
}

void copy_lost_as(struct pg_copy *c, const char *otherwise)
{
	struct err e;
	pg_conn_error(c->conn, &e, otherwise);
	copy_lost(c, &e);
}

/* ---- deadlines ---- */

/* The server must say or take something. */
static bool is_waiting(const struct pg_copy *c)
{
	return c->phase == COPY_OPEN ? c->full
								 : c->phase > COPY_DOWN && c->phase != COPY_IDLE &&
									   c->phase != COPY_BETWEEN && c->phase != COPY_CLOSED;
}

static bool read_all(struct pg_copy *c);

/* A process that was stopped for a while finds its answers waiting: they are read first. */
static void on_deadline(void *arg)
{
	struct pg_copy *c = arg;
	struct err e;
	uint64_t before = c->events;
	if (c->phase > COPY_CONNECTING && !read_all(c))
		return;
	if (c->phase == COPY_CLOSED || !is_waiting(c))
		return;
	if (c->events != before) {
		copy_watch(c);
		return;
	}
	if (c->phase <= COPY_SETTING_UP)
		err_put(&e, ERR_TRANSIENT, "no connection after %d s", CONNECT_MS / 1000);
	else
		err_put(&e, ERR_TRANSIENT, "no answer in time, the connection was cut");
	copy_lost(c, &e);
}

void copy_watch(struct pg_copy *c)
{
	uint64_t ms = c->phase <= COPY_SETTING_UP          ? CONNECT_MS
				  : c->load && c->load->ev.deadline_ms ? c->load->ev.deadline_ms
													   : DEADLINE_MS;
	if (!c->conn)
		return;
	bool same = c->watched_events == c->events && c->watched_phase == c->phase;
	if (!is_waiting(c))
		timer_stop(&c->deadline_timer);
	else if (!same || !timer_is_on(c->deadline_timer))
		timer_start(c->loop, &c->deadline_timer, ms, on_deadline, c);
	c->watched_events = c->events;
	c->watched_phase = c->phase;
	int mask = UV_READABLE | (c->full ? UV_WRITABLE : 0);
	if (c->phase != COPY_CONNECTING && !pg_poll_watch(&c->sock, c->loop, c->conn, mask, on_poll, c))
		copy_lost_as(c, "the socket can't be watched");
}

bool copy_flush(struct pg_copy *c)
{
	int left = PQflush(c->conn);
	if (left < 0) {
		copy_lost_as(c, "the connection broke while sending");
		return false;
	}
	c->full = left == 1;
	if (!c->full)
		c->in_libpq = 0;
	return true;
}

/* ---- connecting ---- */

static void on_notice(void *arg, const PGresult *res)
{
	(void)res;
	((struct pg_copy *)arg)->noticed = true;
}

void copy_connect(struct pg_copy *c)
{
	struct err e;
	c->phase = COPY_CONNECTING;
	c->conn = pg_conn_start(&c->o, &e);
	if (!c->conn) {
		copy_lost(c, &e);
		return;
	}
	PQsetNoticeReceiver(c->conn, on_notice, c);
	if (PQstatus(c->conn) == CONNECTION_BAD) {
		copy_lost_as(c, "a connection could not be started");
		return;
	}
	copy_watch(c);
	if (!pg_poll_watch(&c->sock, c->loop, c->conn, UV_WRITABLE, on_poll, c))
		copy_lost_as(c, "the socket can't be watched");
}

/* As pg_conn.c sets its sessions up. */
static void set_up(struct pg_copy *c)
{
	struct buf b = {0};
	buf_text(&b,
		"SET client_min_messages = warning; SET datestyle = 'ISO, YMD'; SET intervalstyle = postgres; "
		"SET timezone = 'UTC'; SET bytea_output = hex; SET standard_conforming_strings = on; "
		"SET client_connection_check_interval = '5s'");
	if (c->o.generic_plans)
		buf_text(&b, "; SET plan_cache_mode = force_generic_plan");
	if (c->o.idle_in_transaction_ms)
		buf_printf(&b, "; SET idle_in_transaction_session_timeout = %llu",
			(unsigned long long)c->o.idle_in_transaction_ms);
	c->phase = COPY_SETTING_UP;
	c->refusal = (struct pg_reply){.failed = -1};
	bool sent = PQsendQuery(c->conn, b.p);
	buf_fini(&b);
	if (!sent)
		copy_lost_as(c, "the session could not be set up");
	else if (copy_flush(c))
		copy_watch(c);
}

static void connecting(struct pg_copy *c)
{
	int mask;
	const char *why;
	switch (pg_dial_step(&c->sock, c->conn, false, &mask, &why)) {
	case PG_DIAL_WAITS:
		if (!pg_poll_watch(&c->sock, c->loop, c->conn, mask, on_poll, c))
			copy_lost_as(c, "the socket can't be watched");
		break;
	case PG_DIAL_STANDS: set_up(c); break;
	case PG_DIAL_FAILED: copy_lost_as(c, why); break;
	}
}

/* ---- receiving ---- */

static void note_refusal(struct pg_copy *c, const PGresult *res)
{
	if (c->refusal.outcome == PG_REFUSED)
		return; /* the first error is the cause */
	c->refusal.outcome = PG_REFUSED;
	pg_refusal(&c->refusal, res);
}

/* The commands of one simple query have all been answered. */
static void query_done(struct pg_copy *c)
{
	bool failed = c->refusal.outcome == PG_REFUSED;
	struct pg_reply r = c->refusal;
	c->refusal = (struct pg_reply){.failed = -1};
	switch (c->phase) {
	case COPY_SETTING_UP:
		if (failed) {
			copy_lost(c, &r.err);
			return;
		}
		backoff_ok(&c->backoff);
		c->phase = COPY_IDLE;
		break;
	case COPY_STARTING:
	case COPY_CLOSING:
		c->phase = COPY_BETWEEN;
		c->doubt = false;
		c->sql = NULL;
		if (failed) {
			bool ours = c->ours;
			copy_rollback(c);
			if (ours && c->load)
				copy_fail(c, &r);
		}
		break;
	case COPY_UNDOING: c->phase = COPY_IDLE; break;
	default: break;
	}
	copy_turn(c);
}

static bool is_error(ExecStatusType s)
{
	return s == PGRES_FATAL_ERROR || s == PGRES_BAD_RESPONSE || s == PGRES_NONFATAL_ERROR;
}

/* A COMMIT in a transaction that has failed says so in its tag alone. */
static void take_commit(struct pg_copy *c, PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);
	if (s == PGRES_COMMAND_OK && strcmp(PQcmdStatus(res), "COMMIT") == 0) {
		c->committed = true;
	} else if (s == PGRES_COMMAND_OK) {
		c->refusal.outcome = PG_REFUSED;
		memcpy(c->refusal.sqlstate, "25P02", 6);
		err_put(&c->refusal.err, ERR_REJECTED, "the transaction was rolled back");
	} else if (s != PGRES_PIPELINE_ABORTED) {
		note_refusal(c, res);
	}
}

static void take_ending(struct pg_copy *c, PGresult *res)
{
	struct pg_unit *u = &c->load->unit;
	if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
		PQclear(res);
		copy_ended(c);
	} else if (c->begin_due) {
		c->begin_due = false;
		if (is_error(PQresultStatus(res)))
			note_refusal(c, res);
		PQclear(res);
	} else if (u->at < u->step_count) {
		pg_take_step(&c->names, u, res);
	} else {
		take_commit(c, res);
		PQclear(res);
	}
}

static void take_result(struct pg_copy *c, PGresult *res)
{
	if (c->phase == COPY_ENDING) {
		take_ending(c, res);
		return;
	}
	ExecStatusType s = PQresultStatus(res);
	if (is_error(s))
		note_refusal(c, res);
	if (s == PGRES_COPY_IN && c->phase == COPY_STARTING) {
		c->phase = COPY_OPEN;
		c->doubt = false;
		copy_turn(c);
	}
	PQclear(res);
}

/* PQisBusy is asked before every PQgetResult: after a NULL a second call would wait for the server. In the
 * middle of rows libpq has nothing to give. Two NULLs in a row only come from a connection that has ended. */
void copy_take(struct pg_copy *c)
{
	int nulls = 0;
	while (c->conn && is_waiting(c) && c->phase > COPY_CONNECTING && c->phase != COPY_OPEN && nulls < 2 &&
		   !PQisBusy(c->conn)) {
		PGresult *res = PQgetResult(c->conn);
		nulls = res ? 0 : nulls + 1;
		c->events++;
		if (res)
			take_result(c, res);
		else if (c->phase != COPY_ENDING && PQstatus(c->conn) != CONNECTION_BAD)
			query_done(c);
	}
}

/* Reads what is there; false: the connection is gone. While rows are taken the server is silent but for
 * notices: what it says then is an error, which libpq shows only behind the end of the rows. */
static bool read_all(struct pg_copy *c)
{
	c->noticed = false;
	bool alive = PQconsumeInput(c->conn);
	if (c->phase == COPY_OPEN) {
		PQisBusy(c->conn); /* parses notices */
		c->doubt |= !c->noticed;
		copy_turn(c);
	}
	copy_take(c);
	if (!c->conn)
		return false;
	if (alive && PQstatus(c->conn) != CONNECTION_BAD)
		return true;
	if (c->refusal.outcome == PG_REFUSED)
		copy_lost(c, &c->refusal.err); /* what it said before it went */
	else
		copy_lost_as(c, "the server closed the connection");
	return false;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct pg_copy *c = h->data;
	bool room = false;
	if (status < 0) { /* libuv has stopped the handle: reading or writing says why */
		c->sock->mask = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (c->phase == COPY_CONNECTING) {
		connecting(c);
		return;
	}
	if ((events & UV_READABLE) && !read_all(c))
		return;
	if (c->full && (events & UV_WRITABLE)) {
		c->events++;
		if (!copy_flush(c))
			return;
		room = !c->full;
	}
	if ((room || c->turn_due) && c->phase != COPY_CLOSED)
		copy_drive(c); /* at once: what else this turn reads may take long, and the server would rest */
	else
		copy_watch(c);
}

/* ---- life ---- */

static void free_text(const char *s)
{
	union {
		const char *borrowed;
		void *owned;
	} p = {.borrowed = s};
	free(p.owned);
}

struct pg_copy *pg_copy_open(struct loop *l, const struct pg_options *o)
{
	struct pg_copy *c = mem_alloc(sizeof *c);
	c->loop = l;
	c->o = *o;
	c->o.conninfo = mem_text(o->conninfo ? o->conninfo : "");
	c->o.application = mem_text(o->application);
	c->refusal.failed = -1;
	backoff_init(&c->backoff, o->retry_first_ms ? o->retry_first_ms : RETRY_FIRST_MS,
		o->retry_max_ms ? o->retry_max_ms : RETRY_MAX_MS, clock_mono_us() ^ (uint64_t)uv_os_getpid());
	return c;
}

bool pg_copy_is_up(const struct pg_copy *c)
{
	return c->phase >= COPY_IDLE && c->phase < COPY_CLOSED;
}

int pg_copy_server_pid(const struct pg_copy *c)
{
	return c->conn ? PQbackendPID(c->conn) : 0;
}

void copy_free(struct pg_copy *c)
{
	free_text(c->o.conninfo);
	free_text(c->o.application);
	pg_names_fini(&c->names);
	pg_vector_fini(&c->vector);
	free(c);
}
