/* pg_in: what pg.c (units in flight), pg_conn.c (the connection), pg_unit.c, pg_names.c, pg_env.c,
 * pg_copy.c and pg_many.c share.
 * Not for other modules: their contract is pg.h.
 */
#ifndef FAIRLEAD_IO_PG_IN_H
#define FAIRLEAD_IO_PG_IN_H

#include "common/base/backoff.h"
#include "common/io/pg.h"

#include <libpq-fe.h>
#include <uv.h>

/* The prepared statements of one connection. A name is given to the server as "<name>" or, after the server
 * refused to go on with it (its result type changed), as "<n>.<name>". */
struct pg_name {
	char *name;   /* NULL: free slot */
	uint32_t gen; /* n of the server's name, 0 = none */
	enum { NAME_NEW, NAME_PARSING, NAME_READY } state;
};
struct pg_names {
	struct pg_name *slots; /* open addressing; cap is a power of two */
	size_t used, cap;
};
enum { PG_NAME_MAX = 64, PG_LISTEN_MAX = 4 }; /* PostgreSQL cuts names of 64 bytes and more silently */
/* Finds or adds; the pointer is good until the next call. */
struct pg_name *pg_names_get(struct pg_names *n, const char *name);
void pg_names_text(const struct pg_name *e, char out[PG_NAME_MAX + 12]);
void pg_names_forget(struct pg_names *n); /* the connection is gone: every name is new again */
void pg_names_fini(struct pg_names *n);

struct pg_param {
	size_t at; /* offset in values; SIZE_MAX = null */
	int len;
	int format; /* 0 text, 1 binary */
};
struct pg_step {
	struct pg_sql sql;
	const unsigned *types; /* of its parameters, or NULL */
	int ntypes;
	size_t first, params;
	bool parse, parsed; /* a Parse of its own was sent before it, and answered */
};
/* All memory of a unit is kept for the next one of the same connection. */
struct pg_unit {
	struct pg *c;
	struct pg_unit *next;
	struct buf values; /* every value, each with a NUL behind it */
	struct pg_param *params;
	size_t param_count, param_cap;
	struct pg_step *steps;
	size_t step_count, step_cap;
	bool array, array_items; /* inside an array; it has an item already */
	size_t array_at;         /* where its brace stands in values */
	void **results;          /* one a step, NULL until it came */
	size_t at;               /* the step whose answer comes next */
	size_t given;            /* steps that libpq has */
	bool begun;              /* pg_unit_begin, and not ended yet: the caller still has it */
	struct pg_reply reply;
	uint64_t limit_ms, deadline_ms; /* deadline: 0 until its answer is the next one */
	pg_done_fn fn;
	void *arg;
};
void pg_unit_clear(struct pg_unit *u); /* empty, memory kept; results freed */
void pg_unit_free(struct pg_unit *u);

/* Arrays of pointers for PQsendQueryPrepared, in the room of the caller. */
struct pg_vector {
	const char **values;
	int *lengths, *formats;
	size_t cap;
};
void pg_vector_fill(struct pg_vector *v, const struct pg_unit *u, const struct pg_step *s);
void pg_vector_fini(struct pg_vector *v);

/* Fills *e and r->sqlstate from an error result, in one line. */
void pg_refusal(struct pg_reply *r, const PGresult *result);
/* libpq's many-line message as one line without a stop. */
void pg_one_line(char *out, size_t size, const char *text);

/* Gives libpq one statement of a pipeline; false: the connection is broken. */
bool pg_send_step(
	PGconn *conn, struct pg_names *names, struct pg_vector *v, struct pg_unit *u, struct pg_step *s);
/* Takes the next result of a unit's statements, which is no Sync: kept, or the reason of its refusal. */
void pg_take_step(struct pg_names *names, struct pg_unit *u, PGresult *res);
/* The server says FATAL: the end of the connection follows. line: what it said. */
bool pg_is_fatal(const PGresult *res, char *line, size_t size);

/* Starts to connect; never NULL (out of memory aborts). *e is set and NULL returned when conninfo is
 * malformed. */
PGconn *pg_conn_start(const struct pg_options *o, struct err *e);

enum pg_phase {
	PG_WAITING,    /* no connection; the timer starts the next try */
	PG_CONNECTING, /* PQconnectPoll decides what the socket waits for; the timer bounds it */
	PG_SETTING_UP, /* logged in; the session's settings and LISTENs are under way */
	PG_UP,         /* units run */
	PG_CLOSED,     /* pg_close was called; the next turn answers what is open, then frees */
};

/* The socket may change while libpq connects: a poll handle of its own for each descriptor. */
struct pg_sock {
	uv_poll_t poll;
	int fd, mask;
};

/* One poll at a time, made anew when *s is NULL; libuv pays two system calls for a mask that does not change:
 * the mask is remembered. false: can't be watched. */
bool pg_poll_watch(struct pg_sock **s, struct loop *l, PGconn *conn, int mask, uv_poll_cb fn, void *data);
void pg_poll_drop(struct pg_sock **s);
/* One step of connecting; the watch is dropped, mask is what to watch for now. FAILED: *why, where libpq says
 * nothing. pipeline: that mode, from when it stands. */
enum pg_dial { PG_DIAL_WAITS, PG_DIAL_STANDS, PG_DIAL_FAILED };
enum pg_dial pg_dial_step(struct pg_sock **s, PGconn *conn, bool pipeline, int *mask, const char **why);
/* libpq's reason, otherwise this one, in one line. conn may be NULL. */
void pg_conn_error(PGconn *conn, struct err *e, const char *otherwise);

struct pg_list {
	struct pg_unit *head, **end;
};

struct pg {
	struct loop *loop;
	struct pg_events ev;
	struct pg_options o; /* conninfo, application and listen are copies of ours */
	enum pg_phase phase;
	PGconn *conn;
	struct pg_sock *sock;
	struct pg_names names;
	struct pg_vector vector;
	struct pg_list queue; /* not yet given to libpq */
	struct pg_list sent;  /* given to libpq, answers come in this order */
	struct pg_unit *open; /* the last of sent, while its Sync is still to come: nothing may leave behind it */
	struct pg_unit *spare;
	size_t spares;
	struct timer *connect_timer; /* the next try, or the end of this one */
	struct timer *deadline_timer;
	uint64_t deadline_at; /* when deadline_timer fires */
	struct backoff backoff;
	bool turn_due;   /* on_turn will run */
	bool broken;     /* it can't be written to: the turn tells of the loss */
	bool full;       /* libpq holds bytes that the socket did not take */
	bool dying;      /* the server has said FATAL: the end of the connection follows, nothing more is sent */
	char fatal[200]; /* what it said */
};

void pg_list_init(struct pg_list *q);
void pg_list_put(struct pg_list *q, struct pg_unit *u);
struct pg_unit *pg_list_take(struct pg_list *q);             /* q is not empty */
void pg_list_move(struct pg_list *to, struct pg_list *from); /* all of from behind to */

/* pg_conn.c */
bool pg_sock_watch(struct pg *c, int mask); /* UV_READABLE …; false: can't be watched */
void pg_connecting(struct pg *c);           /* the socket is ready for the next step of libpq's login */
/* The one way out of a connection: every unit is answered, the next try is scheduled. */
void pg_lost(struct pg *c, const struct err *e);
void pg_lost_as(struct pg *c, const char *otherwise); /* for libpq's reason, otherwise for this one */
void pg_free(struct pg *c);

/* pg.c */
void pg_turn(struct pg *c);                    /* units move in the next turn of the loop */
bool pg_send(struct pg *c, struct pg_unit *u); /* false: the connection is broken */
void pg_on_poll(uv_poll_t *h, int status, int events);
void pg_answer_all(struct pg_list *units, enum pg_outcome outcome, const struct err *e);

#endif
