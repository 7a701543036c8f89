#include "common/io/pg_many_in.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 10000, STATEMENT_MS = 10000, LOOK_MS = 1000, RETRY_FIRST_MS = 200, RETRY_MAX_MS = 5000 };

static void on_poll(uv_poll_t *h, int status, int events);

static bool watch(struct many_conn *c, int mask)
{
	return pg_poll_watch(&c->sock, c->many->loop, c->conn, mask, on_poll, c);
}

void many_watch(struct many_conn *c)
{
	if (!watch(c, UV_READABLE | (c->full ? UV_WRITABLE : 0)))
		many_lost(c, "the socket can't be watched");
}

bool many_is_up(const struct many *m)
{
	for (unsigned i = 0; i < m->o.connections; i++)
		if (m->conns[i].phase == MANY_UP)
			return true;
	return false;
}

/* ── connecting ── */

static void on_connect_timeout(void *arg)
{
	many_lost(arg, "no connection in time");
}

static void connect_now(void *arg)
{
	struct many_conn *c = arg;
	struct many *m = c->many;
	struct pg_options o = {.conninfo = m->o.conninfo, .application = m->o.application};
	struct err e = {0};
	c->phase = MANY_CONNECTING;
	c->conn = pg_conn_start(&o, &e);
	timer_start(m->loop, &c->connect_timer, CONNECT_MS, on_connect_timeout, c);
	if (!c->conn)
		many_lost(c, e.text);
	else if (PQstatus(c->conn) == CONNECTION_BAD || !watch(c, UV_WRITABLE))
		many_lost(c, "a connection could not be started");
}

/* A session means the same whatever the role or the database has set, and only reads. What runs for
 * milliseconds is not worth compiling. */
static void set_up(struct many_conn *c)
{
	struct many *m = c->many;
	char text[700];
	snprintf(text, sizeof text,
		"SELECT set_config('client_min_messages', 'error', false), set_config('datestyle', 'ISO, YMD', "
		"false), set_config('intervalstyle', 'postgres', false), set_config('timezone', 'UTC', false), "
		"set_config('bytea_output', 'hex', false), set_config('extra_float_digits', '1', false), "
		"set_config('standard_conforming_strings', 'on', false), set_config('search_path', 'public', false), "
		"set_config('jit', 'off', false), set_config('statement_timeout', '%" PRIu64
		"', false), set_config('client_connection_check_interval', '5s', false), "
		"set_config('default_transaction_read_only', 'on', false), "
		"set_config('default_transaction_isolation', '%s', false)",
		m->o.statement_ms, m->o.snapshot ? "repeatable read" : "read committed");
	c->phase = MANY_SETTING_UP;
	c->progress_ms = loop_now_ms(m->loop);
	c->expect_cap = c->expect_cap ? c->expect_cap : 256;
	if (!c->expect)
		c->expect = mem_alloc(c->expect_cap * sizeof *c->expect);
	c->expect[0] = (struct expect){.kind = EXPECT_SETTING};
	c->first_expect = 0;
	c->nexpect = 1;
	if (!PQsendQueryParams(c->conn, text, 0, NULL, NULL, NULL, NULL, 0) || !many_send_sync(c))
		c->broken = true;
	many_turn(m);
}

void many_prepare_on(struct many_conn *c, struct many_sql *s)
{
	bool good = !c->unsynced || many_send_sync(c);
	c->broken |= !(good && many_send_prepare(c, s, NULL) && many_send_sync(c));
	many_turn(c->many);
}

static void on_look(void *arg);

void many_set_up(struct many_conn *c)
{
	struct many *m = c->many;
	timer_stop(&c->connect_timer);
	backoff_ok(&c->backoff);
	c->phase = MANY_UP;
	for (struct many_sql *s = m->sqls; s; s = s->next)
		many_prepare_on(c, s);
	timer_start(m->loop, &c->look_timer, LOOK_MS, on_look, c);
	bool first = !m->told_up;
	m->told_up = true;
	if (first && m->o.on_up)
		m->o.on_up(m->o.arg);
}

static void connecting(struct many_conn *c)
{
	int mask;
	const char *why;
	enum pg_dial to = pg_dial_step(&c->sock, c->conn, true, &mask, &why);
	if (to == PG_DIAL_FAILED) {
		many_lost(c, why);
		return;
	}
	if (to == PG_DIAL_STANDS)
		set_up(c);
	if (!watch(c, mask))
		many_lost(c, "the socket can't be watched");
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct many_conn *c = h->data;
	if (status < 0) { /* libuv has stopped the handle: reading or writing says why */
		c->sock->mask = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (c->phase == MANY_CONNECTING) {
		connecting(c);
		return;
	}
	if ((events & UV_READABLE) && !many_receive(c))
		return;
	if (c->full)
		many_turn(c->many);
}

/* Answers come in order: one that does not come holds up all behind it. The server ends a statement by itself
 * first (statement_timeout). */
static void on_look(void *arg)
{
	struct many_conn *c = arg;
	struct many *m = c->many;
	uint64_t now = loop_now_ms(m->loop);
	timer_start(m->loop, &c->look_timer, LOOK_MS, on_look, c);
	if (!c->nexpect)
		c->progress_ms = now;
	else if (now - c->progress_ms > m->o.statement_ms + LOOK_MS && many_receive(c) &&
			 now - c->progress_ms > m->o.statement_ms + LOOK_MS)
		many_lost(c, "no answer in time, the connection was cut");
}

/* ── the end of a connection ── */

static void forget_names(struct many *m, unsigned index)
{
	for (struct many_sql *s = m->sqls; s; s = s->next) {
		s->on[index].state = SQL_NEW;
		s->on[index].gen = 0;
	}
}

/* A read that was under way is run once more where there is another connection. */
static void move_reads(struct many_conn *c, struct read_list *from, const struct err *e)
{
	struct read_list lost = {0};
	for (struct read *r; (r = read_list_take(from));) {
		bool again = r->again;
		r->again = true;
		many_results_clear(r);
		if (again || !many_is_up(c->many))
			read_list_put(&lost, r);
		else
			many_dispatch(c->many, r);
	}
	many_answer_lost(c->many, &lost, e);
}

void many_lost(struct many_conn *c, const char *otherwise)
{
	struct many *m = c->many;
	struct err e = {0};
	struct read_list sent = c->sent, redo = c->redo;
	pg_conn_error(c->conn, &e, otherwise);
	memcpy(m->why, e.text, sizeof m->why);
	pg_poll_drop(&c->sock);
	PQfinish(c->conn);
	c->conn = NULL;
	c->phase = MANY_WAITING;
	c->sent = c->redo = (struct read_list){0};
	c->busy = c->nexpect = c->first_expect = 0;
	c->unsynced = c->full = c->broken = c->dying = c->stale = false;
	many_cancel_forget(c);
	forget_names(m, c->index);
	timer_stop(&c->look_timer);
	timer_start(m->loop, &c->connect_timer, backoff_fail(&c->backoff), connect_now, c);
	if (m->told_up && !many_is_up(m)) {
		m->told_up = false;
		if (m->o.on_down)
			m->o.on_down(m->o.arg, &e);
	}
	move_reads(c, &sent, &e);
	move_reads(c, &redo, &e);
}

/* ── life ── */

struct many *many_open(struct loop *l, const struct many_options *o)
{
	struct many *m = mem_alloc(sizeof *m);
	must(o->connections >= 1 && o->connections <= MANY_CONNS);
	m->loop = l;
	m->o = *o;
	m->o.conninfo = mem_text(o->conninfo);
	m->o.application = mem_text(o->application);
	m->o.statement_ms = o->statement_ms ? o->statement_ms : STATEMENT_MS;
	snprintf(m->why, sizeof m->why, "there is no connection to PostgreSQL yet");
	for (unsigned i = 0; i < o->connections; i++) {
		struct many_conn *c = &m->conns[i];
		c->many = m;
		c->index = i;
		backoff_init(&c->backoff, o->retry_first_ms ? o->retry_first_ms : RETRY_FIRST_MS,
			o->retry_max_ms ? o->retry_max_ms : RETRY_MAX_MS, clock_mono_us() ^ i);
		timer_start(l, &c->connect_timer, 0, connect_now, c);
	}
	return m;
}

static void take_all(struct read_list *to, struct read_list *from)
{
	for (struct read *r; (r = read_list_take(from));)
		read_list_put(to, r);
}

void many_close(struct many *m)
{
	m->closing = true;
	for (unsigned i = 0; i < m->o.connections; i++) {
		struct many_conn *c = &m->conns[i];
		take_all(&m->unsent, &c->sent);
		take_all(&m->unsent, &c->redo);
		timer_free(&c->connect_timer);
		timer_free(&c->look_timer);
		many_cancel_forget(c);
		pg_poll_drop(&c->sock);
		PQfinish(c->conn);
		c->conn = NULL;
	}
	many_turn(m);
}

void many_free(struct many *m)
{
	for (unsigned i = 0; i < m->o.connections; i++)
		free(m->conns[i].expect);
	for (struct many_sql *s; (s = m->sqls);) {
		m->sqls = s->next;
		free(s->name);
		free(s->text);
		free(s->types);
		free(s);
	}
	for (struct read *r; (r = m->spare);) {
		m->spare = r->next;
		read_free(r);
	}
	free((char *)(uintptr_t)m->o.conninfo);
	free((char *)(uintptr_t)m->o.application);
	free(m->vector);
	free(m);
}
