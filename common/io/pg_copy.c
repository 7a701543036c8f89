#include "common/io/pg_copy_in.h"

#include <stdlib.h>

enum {
	MARK_BYTES = 4 << 20,
	/* Of rows, given to libpq at once: it copies them once, to where the kernel reads. With the five bytes of
	 * the message's head whole pages, which leave in one write. */
	PIECE = (128 << 10) - 5,
};
/* PostgreSQL manual, COPY, "File Header": signature, flags, length of the extension; and "File Trailer". */
static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static const char trailer[] = "\377\377";

/* ---- a load's memory ---- */

static void chunk_drop(struct pg_load *t)
{
	struct copy_chunk *k = t->first;
	t->first = k->next;
	if (!t->first)
		t->last = NULL;
	buf_fini(&k->rows);
	free(k);
}

static void load_free(struct pg_load *t)
{
	while (t->first)
		chunk_drop(t);
	struct pg_unit *u = &t->unit;
	pg_unit_clear(u);
	buf_fini(&u->values);
	free(u->params);
	free(u->steps);
	free(u->results);
	free(t->sqls);
	arena_fini(&t->texts);
	free(t);
}

/* Each command once: they are compared by their address from here on. */
static const char *intern(struct pg_load *t, const char *sql)
{
	for (size_t i = t->sql_count; i > 0; i--)
		if (strcmp(t->sqls[i - 1], sql) == 0)
			return t->sqls[i - 1];
	t->sqls = mem_grow(t->sqls, t->sql_count + 1, sizeof *t->sqls);
	return t->sqls[t->sql_count++] = arena_text(&t->texts, sql);
}

/* ---- the ways out ---- */

static void tell(struct pg_load *t, struct pg_reply *r)
{
	r->statements = t->ending ? (int)t->unit.step_count : 0;
	r->results = t->unit.results;
	if (t->ending)
		t->fn(t->arg, r);
	else
		t->ev.on_fail(t->ev.arg, r);
	load_free(t);
}

void copy_fail(struct pg_copy *c, struct pg_reply *r)
{
	struct pg_load *t = c->load;
	c->load = NULL;
	c->ours = false;
	tell(t, r);
}

/* What is on the connection belongs to nobody from here on. */
void copy_rollback(struct pg_copy *c)
{
	c->ours = false;
	c->phase = COPY_UNDOING;
	if (!PQsendQuery(c->conn, "ROLLBACK"))
		copy_lost_as(c, "the connection broke while sending");
	else if (copy_flush(c))
		copy_watch(c);
}

void copy_ended(struct pg_copy *c)
{
	struct pg_load *t = c->load;
	struct pg_reply r = t->unit.reply;
	bool committed = c->committed;
	if (!PQexitPipelineMode(c->conn)) {
		copy_lost_as(c, "pipeline mode could not be left"); /* PG_UNKNOWN, though COMMIT was answered */
		return;
	}
	if (r.failed < 0 && c->refusal.outcome == PG_REFUSED)
		r = c->refusal;
	c->refusal = (struct pg_reply){.failed = -1};
	r.outcome = committed ? PG_OK : PG_REFUSED;
	c->load = NULL;
	c->ours = false;
	c->phase = COPY_IDLE;
	if (!committed)
		copy_rollback(c);
	copy_turn(c);
	copy_watch(c);
	tell(t, &r);
}

/* ---- what is sent ---- */

static bool broken(struct pg_copy *c)
{
	copy_lost_as(c, "the connection broke while sending");
	return false;
}

/* One round trip for the first COPY of a transaction: BEGIN goes with it. */
static void start_copy(struct pg_copy *c, const char *sql)
{
	struct buf b = {0};
	buf_printf(&b, "%s%s", c->phase == COPY_IDLE ? "BEGIN; " : "", sql);
	c->phase = COPY_STARTING;
	c->ours = c->header_due = true;
	c->sql = sql;
	bool sent = PQsendQuery(c->conn, b.p);
	buf_fini(&b);
	if (!sent)
		broken(c);
	else
		copy_flush(c);
}

static bool put(struct pg_copy *c, const char *p, size_t n)
{
	return PQputCopyData(c->conn, p, (int)n) == 1 || broken(c);
}

static void end_copy(struct pg_copy *c)
{
	c->phase = COPY_CLOSING;
	if (!put(c, trailer, sizeof trailer - 1))
		return;
	if (PQputCopyEnd(c->conn, NULL) != 1)
		broken(c);
	else if (copy_flush(c))
		copy_turn(c);
}

/* The rows that went are of a load that was dropped: the server forgets them. */
static void abort_copy(struct pg_copy *c)
{
	c->phase = COPY_CLOSING;
	if (PQputCopyEnd(c->conn, "the rows are not wanted any more") != 1)
		broken(c);
	else if (copy_flush(c))
		copy_turn(c);
}

/* Gives libpq a piece whenever it is empty. false: the connection is gone, or the COPY must end. */
static bool put_rows(struct pg_copy *c)
{
	struct pg_load *t = c->load;
	while (!c->full && t->first) {
		struct copy_chunk *k = t->first;
		if (k->at == 0 && (k->sql != c->sql || c->doubt))
			return true;
		size_t n = k->rows.n - k->at < PIECE ? k->rows.n - k->at : PIECE;
		c->in_libpq += n;
		t->queued -= n;
		if (!put(c, k->rows.p + k->at, n))
			return false;
		k->at += n;
		if (k->at == k->rows.n)
			chunk_drop(t);
		if (!copy_flush(c))
			return false;
	}
	return true;
}

static void copying(struct pg_copy *c)
{
	if (!c->ours) {
		if (!c->full)
			abort_copy(c);
		return;
	}
	if (c->header_due && !put(c, header, sizeof header - 1))
		return;
	c->header_due = false;
	if (!put_rows(c) || c->full)
		return;
	struct pg_load *t = c->load;
	bool other = t->first && t->first->at == 0 && t->first->sql != c->sql;
	if (other || c->doubt || (!t->first && t->ending))
		end_copy(c);
}

/* The unit and COMMIT in one flush. Without any COPY the transaction begins here, too. */
static void send_end(struct pg_copy *c)
{
	struct pg_unit *u = &c->load->unit;
	c->begin_due = c->phase == COPY_IDLE;
	c->phase = COPY_ENDING;
	c->ours = true;
	c->committed = false;
	c->refusal = (struct pg_reply){.failed = -1};
	bool sent = PQenterPipelineMode(c->conn) &&
				(!c->begin_due || PQsendQueryParams(c->conn, "BEGIN", 0, NULL, NULL, NULL, NULL, 0));
	for (size_t i = 0; i < u->step_count && sent; i++)
		sent = pg_send_step(c->conn, &c->names, &c->vector, u, &u->steps[i]);
	sent =
		sent && PQsendQueryParams(c->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) && PQpipelineSync(c->conn);
	if (!sent)
		broken(c);
	else
		copy_flush(c);
}

/* Inside of no COPY: what comes next. */
static void next(struct pg_copy *c)
{
	struct pg_load *t = c->load;
	if (c->phase == COPY_BETWEEN && !c->ours)
		copy_rollback(c);
	else if (t && t->first)
		start_copy(c, t->first->sql);
	else if (t && t->ending)
		send_end(c);
}

static void tell_room(struct pg_copy *c)
{
	struct pg_load *t = c->load;
	if (!t || !t->over || t->ending || pg_load_waiting(t) >= t->ev.mark_bytes)
		return;
	t->over = false;
	t->ev.on_room(t->ev.arg);
}

void copy_drive(struct pg_copy *c)
{
	switch (c->phase) {
	case COPY_DOWN:
		if (c->load && !timer_is_on(c->retry_timer))
			copy_connect(c);
		break;
	case COPY_IDLE:
	case COPY_BETWEEN: next(c); break;
	case COPY_OPEN: copying(c); break;
	case COPY_CLOSING: copy_take(c); break; /* an error may have come while the rows went out */
	default: break;
	}
	copy_watch(c);
	tell_room(c);
}

static void on_turn(void *arg)
{
	struct pg_copy *c = arg;
	c->turn_due = false;
	if (c->phase == COPY_CLOSED)
		copy_free(c);
	else
		copy_drive(c);
}

void copy_turn(struct pg_copy *c)
{
	if (!c->turn_due)
		loop_later(c->loop, on_turn, c);
	c->turn_due = true;
}

/* ---- the outside ---- */

void pg_copy_warm(struct pg_copy *c)
{
	if (c->phase == COPY_DOWN && !timer_is_on(c->retry_timer))
		copy_connect(c);
}

bool pg_copy_is_busy(const struct pg_copy *c)
{
	return c->load != NULL;
}

struct pg_load *pg_load_begin(struct pg_copy *c, const struct pg_load_events *ev)
{
	must(!c->load && c->phase != COPY_CLOSED);
	struct pg_load *t = mem_alloc(sizeof *t);
	t->c = c;
	t->ev = *ev;
	t->ev.mark_bytes = ev->mark_bytes ? ev->mark_bytes : MARK_BYTES;
	t->unit.reply.failed = -1;
	c->load = t;
	copy_turn(c);
	return t;
}

void pg_load_rows(struct pg_load *t, const char *copy_sql, struct buf *rows)
{
	must(!t->ending);
	if (rows->n == 0)
		return;
	struct copy_chunk *k = mem_alloc(sizeof *k);
	k->sql = intern(t, copy_sql);
	k->rows = *rows;
	*rows = (struct buf){0};
	*(t->last ? &t->last->next : &t->first) = k;
	t->last = k;
	t->queued += k->rows.n;
	t->over |= pg_load_waiting(t) >= t->ev.mark_bytes;
	copy_turn(t->c);
}

size_t pg_load_waiting(const struct pg_load *t)
{
	return t->queued + (t->c->ours ? t->c->in_libpq : 0);
}

struct pg_unit *pg_load_unit(struct pg_load *t)
{
	return &t->unit;
}

void pg_load_end(struct pg_load *t, pg_done_fn fn, void *arg)
{
	must(!t->ending && !t->unit.array);
	t->ending = true;
	t->fn = fn;
	t->arg = arg;
	copy_turn(t->c);
}

void pg_load_drop(struct pg_load *t)
{
	struct pg_copy *c = t->c;
	must(!t->ending && c->load == t);
	c->load = NULL;
	c->ours = false;
	c->sql = NULL;
	load_free(t);
	copy_turn(c);
}

void pg_copy_close(struct pg_copy *c)
{
	if (!c)
		return;
	must(c->phase != COPY_CLOSED);
	c->phase = COPY_CLOSED;
	timer_free(&c->retry_timer);
	timer_free(&c->deadline_timer);
	pg_poll_drop(&c->sock);
	PQfinish(c->conn);
	c->conn = NULL;
	if (c->load)
		load_free(c->load);
	c->load = NULL;
	copy_turn(c);
}
