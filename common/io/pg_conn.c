#include "common/base/mem.h"
#include "common/io/pg_in.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 10000, RETRY_FIRST_MS = 200, RETRY_MAX_MS = 5000 };

/* ---- socket ---- */

static void on_sock_closed(uv_handle_t *h)
{
	free(h->data);
}

void pg_poll_drop(struct pg_sock **sock)
{
	struct pg_sock *s = *sock;
	if (!s)
		return;
	s->poll.data = s;
	uv_close((uv_handle_t *)&s->poll, on_sock_closed);
	*sock = NULL;
}

bool pg_poll_watch(struct pg_sock **sock, struct loop *l, PGconn *conn, int mask, uv_poll_cb fn, void *data)
{
	if (!*sock) {
		int fd = PQsocket(conn);
		struct pg_sock *s = mem_alloc(sizeof *s);
		if (fd < 0 || uv_poll_init(loop_uv(l), &s->poll, fd) != 0) {
			free(s);
			return false;
		}
		s->fd = fd;
		s->poll.data = data;
		*sock = s;
	}
	if ((*sock)->mask == mask)
		return true;
	(*sock)->mask = mask;
	return uv_poll_start(&(*sock)->poll, mask, fn) == 0;
}

enum pg_dial pg_dial_step(struct pg_sock **sock, PGconn *conn, bool pipeline, int *mask, const char **why)
{
	/* PQconnectPoll may close the descriptor and open another of the same number: the handle goes first. */
	pg_poll_drop(sock);
	*mask = UV_READABLE;
	switch (PQconnectPoll(conn)) {
	case PGRES_POLLING_READING: return PG_DIAL_WAITS;
	case PGRES_POLLING_WRITING: *mask = UV_WRITABLE; return PG_DIAL_WAITS;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(conn, 1) == 0 && (!pipeline || PQenterPipelineMode(conn)))
			return PG_DIAL_STANDS;
		*why = pipeline ? "pipeline mode was refused" : "the connection could not be set up";
		return PG_DIAL_FAILED;
	case PGRES_POLLING_FAILED:
	default: *why = "the connection failed"; return PG_DIAL_FAILED;
	}
}

bool pg_sock_watch(struct pg *c, int mask)
{
	return pg_poll_watch(&c->sock, c->loop, c->conn, mask, pg_on_poll, c);
}

/* ---- connecting ---- */

void pg_conn_error(PGconn *conn, struct err *e, const char *otherwise)
{
	char line[400];
	char said[1024];
	snprintf(said, sizeof said, "%s", conn ? PQerrorMessage(conn) : "");
	char *guess = strstr(said, "\n\tThis probably means");
	if (guess)
		*guess = 0;
	pg_one_line(line, sizeof line, said);
	err_put(e, ERR_TRANSIENT, "%s", line[0] ? line : otherwise);
}

void pg_lost_as(struct pg *c, const char *otherwise)
{
	struct err e;
	if (c->dying)
		err_put(&e, ERR_TRANSIENT, "%s", c->fatal);
	else
		pg_conn_error(c->conn, &e, otherwise);
	pg_lost(c, &e);
}

static void on_connect_timeout(void *arg)
{
	struct err e;
	err_put(&e, ERR_TRANSIENT, "no connection after %d s", CONNECT_MS / 1000);
	pg_lost(arg, &e);
}

static void connect_now(void *arg)
{
	struct pg *c = arg;
	struct err e;
	c->phase = PG_CONNECTING;
	c->conn = pg_conn_start(&c->o, &e);
	if (!c->conn) {
		pg_lost(c, &e);
		return;
	}
	if (PQstatus(c->conn) == CONNECTION_BAD) {
		pg_lost_as(c, "a connection could not be started");
		return;
	}
	timer_start(c->loop, &c->connect_timer, CONNECT_MS, on_connect_timeout, c);
	if (!pg_sock_watch(c, UV_WRITABLE))
		pg_lost_as(c, "the socket can't be watched");
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
		pg_lost(c, &e);
	}
	if (r->outcome != PG_OK)
		return;
	timer_stop(&c->connect_timer);
	backoff_ok(&c->backoff);
	c->phase = PG_UP;
	if (c->ev.on_up)
		c->ev.on_up(c->ev.arg);
}

/* A session always means the same by what it reads and writes, whatever the role or the database has set. The
 * server looks every few seconds whether we are still there: what a cut connection left running must not hold
 * locks long. */
static void set_up(struct pg *c)
{
	char text[PG_LISTEN_MAX][160]; /* as long as pg_send needs it */
	char idle[24];
	struct pg_unit *u = pg_unit(c);
	put_setting(u, "client_min_messages", "warning");
	put_setting(u, "datestyle", "ISO, YMD");
	put_setting(u, "intervalstyle", "postgres");
	put_setting(u, "timezone", "UTC");
	put_setting(u, "bytea_output", "hex");
	put_setting(u, "standard_conforming_strings", "on");
	put_setting(u, "client_connection_check_interval", "5s");
	if (c->o.generic_plans) {
		put_setting(u, "plan_cache_mode", "force_generic_plan");
		/* A table that was small when its plan was made is not for ever, and is full of dead rows soon. */
		put_setting(u, "enable_seqscan", "off");
		put_setting(u, "jit", "off"); /* where there is no other way the plan looks expensive */
	}
	if (c->o.idle_in_transaction_ms) {
		snprintf(idle, sizeof idle, "%llu", (unsigned long long)c->o.idle_in_transaction_ms);
		put_setting(u, "idle_in_transaction_session_timeout", idle);
	}
	for (int i = 0; i < PG_LISTEN_MAX && c->o.listen[i]; i++) {
		char *name = PQescapeIdentifier(c->conn, c->o.listen[i], strlen(c->o.listen[i]));
		must(name && strlen(name) < PG_NAME_MAX);
		snprintf(text[i], sizeof text[i], "LISTEN %s", name);
		PQfreemem(name);
		pg_stmt(u, &(struct pg_sql){NULL, text[i]});
	}
	u->fn = on_set_up;
	u->arg = c;
	u->limit_ms = CONNECT_MS;
	u->deadline_ms = 0;
	c->phase = PG_SETTING_UP;
	pg_list_put(&c->sent, u);
	if (!pg_send(c, u))
		pg_lost_as(c, "the session could not be set up");
}

void pg_connecting(struct pg *c)
{
	int mask;
	const char *why;
	enum pg_dial to = pg_dial_step(&c->sock, c->conn, true, &mask, &why);
	if (to == PG_DIAL_FAILED) {
		pg_lost_as(c, why);
		return;
	}
	if (to == PG_DIAL_STANDS)
		set_up(c);
	if (c->conn && !pg_sock_watch(c, mask | (c->full ? UV_WRITABLE : 0)))
		pg_lost_as(c, "the socket can't be watched");
}

/* Every unit is answered exactly once, after the state is whole again: callbacks may run units, or close. */
void pg_lost(struct pg *c, const struct err *e)
{
	struct pg_list unknown, unsent;
	struct err why = *e; /* e may stand in a unit */
	pg_list_init(&unknown);
	pg_list_init(&unsent);
	pg_list_move(&unknown, &c->sent);
	pg_list_move(&unsent, &c->queue);
	pg_poll_drop(&c->sock);
	PQfinish(c->conn);
	c->conn = NULL;
	c->open = NULL;
	c->full = c->dying = c->broken = false;
	pg_names_forget(&c->names);
	timer_stop(&c->deadline_timer);
	if (c->phase != PG_CLOSED) {
		c->phase = PG_WAITING;
		timer_start(c->loop, &c->connect_timer, backoff_fail(&c->backoff), connect_now, c);
		if (c->ev.on_down)
			c->ev.on_down(c->ev.arg, &why);
	}
	pg_answer_all(&unknown, PG_UNKNOWN, &why);
	pg_answer_all(&unsent, PG_UNSENT, &why);
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
	for (int i = 0; i < PG_LISTEN_MAX; i++)
		c->o.listen[i] = mem_text(o->listen[i]);
	pg_list_init(&c->queue);
	pg_list_init(&c->sent);
	backoff_init(&c->backoff, o->retry_first_ms ? o->retry_first_ms : RETRY_FIRST_MS,
		o->retry_max_ms ? o->retry_max_ms : RETRY_MAX_MS, clock_mono_us() ^ (uint64_t)uv_os_getpid());
	timer_start(l, &c->connect_timer, 0, connect_now, c);
	return c;
}

bool pg_is_up(const struct pg *c)
{
	return c->phase == PG_UP;
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

void pg_free(struct pg *c)
{
	while (c->spare) {
		struct pg_unit *u = c->spare;
		c->spare = u->next;
		pg_unit_free(u);
	}
	free_text(c->o.conninfo);
	free_text(c->o.application);
	for (int i = 0; i < PG_LISTEN_MAX; i++)
		free_text(c->o.listen[i]);
	pg_names_fini(&c->names);
	pg_vector_fini(&c->vector);
	free(c);
}

void pg_close(struct pg *c)
{
	c->phase = PG_CLOSED;
	timer_free(&c->connect_timer);
	timer_free(&c->deadline_timer);
	pg_poll_drop(&c->sock);
	PQfinish(c->conn);
	c->conn = NULL;
	pg_turn(c);
}
