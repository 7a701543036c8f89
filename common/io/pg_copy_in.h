/* pg_copy_in: what pg_copy.c (loads: what is sent) and pg_copy_conn.c (the connection: what comes back)
 * share. Not for other modules: their contract is pg_copy.h. */
#ifndef FAIRLEAD_IO_PG_COPY_IN_H
#define FAIRLEAD_IO_PG_COPY_IN_H

#include "common/base/mem.h"
#include "common/io/pg_copy.h"
#include "common/io/pg_in.h"

enum copy_phase {
	COPY_DOWN,       /* no connection; the retry timer may run */
	COPY_CONNECTING, /* PQconnectPoll decides what the socket waits for */
	COPY_SETTING_UP, /* logged in; the session's settings are under way */
	COPY_IDLE,       /* no transaction */
	COPY_STARTING,   /* COPY was sent, the first of a transaction with its BEGIN */
	COPY_OPEN,       /* the server takes rows */
	COPY_CLOSING,    /* the end of the rows was sent */
	COPY_BETWEEN,    /* inside a transaction, nothing under way */
	COPY_ENDING,     /* the unit and COMMIT were sent, in pipeline mode */
	COPY_UNDOING,    /* ROLLBACK was sent */
	COPY_CLOSED,     /* pg_copy_close was called; the next turn frees */
};

struct copy_chunk {
	struct copy_chunk *next;
	const char *sql; /* one of the load's */
	struct buf rows;
	size_t at; /* given to libpq */
};

struct pg_load {
	struct pg_copy *c;
	struct pg_load_events ev;
	struct arena texts; /* the commands of this load, each once */
	const char **sqls;
	size_t sql_count;
	struct copy_chunk *first, *last;
	size_t queued; /* bytes in chunks that libpq does not have */
	bool over;     /* pg_load_waiting reached the mark: on_room is owed */
	struct pg_unit unit;
	bool ending;
	pg_done_fn fn;
	void *arg;
};

struct pg_copy {
	struct loop *loop;
	struct pg_options o; /* conninfo and application are copies of ours */
	enum copy_phase phase;
	PGconn *conn;
	struct pg_sock *sock;
	struct pg_names names;
	struct pg_vector vector;
	struct pg_load *load; /* the one that is under way, or waits for the connection */
	bool ours;            /* the transaction on the connection is the load's; else it is nobody's */
	const char *sql;      /* of the open COPY; the load's */
	size_t in_libpq;      /* bytes of rows that libpq may still hold */
	bool full;            /* libpq holds bytes that the socket did not take */
	bool doubt;           /* the server said something while the COPY was open: most likely an error */
	bool noticed;         /* a notice came, which means nothing */
	bool turn_due;
	bool header_due;           /* nothing of the open COPY was sent yet */
	bool begin_due;            /* the answer to BEGIN in a pipeline is the next one */
	bool committed;            /* COMMIT succeeded */
	struct pg_reply refusal;   /* the first error of what is under way; outcome PG_REFUSED */
	struct timer *retry_timer; /* while it is on no connection is tried */
	struct timer *deadline_timer;
	uint64_t events;         /* ever: signs of life */
	uint64_t watched_events; /* what the deadline began with */
	enum copy_phase watched_phase;
	struct backoff backoff;
};

/* pg_copy.c */
void copy_turn(struct pg_copy *c); /* copy_drive in the next turn */
void copy_drive(struct pg_copy *c);
/* The load's way out; what the server said, or why there is no server. Its callback runs. */
void copy_fail(struct pg_copy *c, struct pg_reply *r);
void copy_ended(struct pg_copy *c); /* the pipeline of the unit and COMMIT has been answered */
void copy_rollback(struct pg_copy *c);

/* pg_copy_conn.c */
void copy_connect(struct pg_copy *c);
void copy_lost_as(struct pg_copy *c, const char *otherwise);
void copy_watch(struct pg_copy *c); /* socket and deadline, as the phase wants them */
bool copy_flush(struct pg_copy *c); /* false: the connection is gone */
void copy_take(struct pg_copy *c);  /* answers that libpq holds already */
void copy_free(struct pg_copy *c);

#endif
