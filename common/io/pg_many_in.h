/* pg_many_in: what pg_many.c and pg_many_conn.c share; nobody else includes it. */
#ifndef FAIRLEAD_IO_PG_MANY_IN_H
#define FAIRLEAD_IO_PG_MANY_IN_H

#include "common/io/pg_in.h"
#include "common/io/pg_many.h"

enum { MANY_CONNS = 16 };

struct many_sql {
	struct many_sql *next;
	char *name, *text;
	Oid *types;
	size_t ntypes;
	void (*on_shape)(void *arg, const void *describe, const struct err *e);
	void *arg;
	struct {
		enum { SQL_NEW, SQL_SENT, SQL_READY } state;
		unsigned gen; /* of its name on this connection */
	} on[MANY_CONNS];
};
struct read_step {
	struct many_sql *sql;
	size_t first, n; /* in offsets */
};
/* One read: its statements and their values, until it is answered. Its memory is kept for the next one. */
struct read {
	struct read *next;
	struct read_step *steps;
	size_t n, cap;
	size_t *offsets; /* of each value in values; SIZE_MAX: null */
	size_t noffsets, capoffsets;
	struct buf values;
	PGresult **results;
	bool alone;     /* leaves between Syncs of its own */
	bool again;     /* it was run before */
	unsigned hits;  /* cancels of others that ended it */
	bool failed;    /* reply says why */
	bool too_large; /* failed, and what still comes of it is let go */
	struct many_reply reply;
	many_done_fn fn;
	void *arg;
};
struct read_list {
	struct read *first, *last;
};
void read_list_put(struct read_list *l, struct read *r);
struct read *read_list_take(struct read_list *l); /* or NULL */
void read_free(struct read *r);

enum expect_kind { EXPECT_ROWS, EXPECT_PREPARE, EXPECT_SHAPE, EXPECT_SETTING, EXPECT_SYNC };
/* What libpq will give next, in this order. */
struct expect {
	enum expect_kind kind;
	struct read *read; /* of ROWS; of PREPARE and SHAPE the one that waits for it, or NULL */
	size_t step;
	struct many_sql *sql;
};
enum many_phase { MANY_WAITING, MANY_CONNECTING, MANY_SETTING_UP, MANY_UP };
struct many_conn {
	struct many *many;
	unsigned index;
	enum many_phase phase;
	PGconn *conn;
	struct pg_sock *sock;
	struct timer *connect_timer; /* the next try, or the end of this one */
	struct timer *look_timer;    /* is it still answering? */
	struct backoff backoff;
	struct expect *expect; /* a ring; cap is a power of two */
	size_t first_expect, nexpect, expect_cap;
	struct read_list sent;      /* given to libpq, in the order of the answers */
	struct read_list redo;      /* to be run again behind the Sync that ends their group */
	size_t busy;                /* reads in sent */
	bool unsynced;              /* statements left whose Sync has not */
	bool full;                  /* libpq holds bytes that the socket did not take */
	bool broken;                /* the turn tells of the loss */
	bool dying;                 /* the server has said FATAL */
	bool stale;                 /* the read whose results come has met a stale plan */
	uint64_t progress_ms;       /* when the last result came */
	struct many_cancel *cancel; /* under way, or NULL */
	bool cancel_owed;           /* one more, when that is over */
	size_t strays; /* reads that left before the last cancel was over: it may have hit one of them */
};
struct many {
	struct loop *loop;
	struct many_options o; /* conninfo and application are copies of ours */
	struct many_conn conns[MANY_CONNS];
	struct many_sql *sqls;
	struct read_list unsent; /* no connection: answered in the next turn */
	struct read *spare;
	size_t spares, waiting;
	const char **vector;
	size_t nvector;
	bool turn_due, closing, told_up;
	char why[512]; /* why there is no connection */
};

/* pg_many.c */
void many_turn(struct many *m);
void many_dispatch(struct many *m, struct read *r); /* sends it, or has it answered in the next turn */
void many_answer_lost(struct many *m, struct read_list *l, const struct err *e);
bool many_send_prepare(struct many_conn *c, struct many_sql *s, struct read *r);
bool many_send_sync(struct many_conn *c);
bool many_receive(struct many_conn *c); /* false: the connection is gone */
void many_results_clear(struct read *r);

/* pg_many_conn.c */
void many_watch(struct many_conn *c);
void many_set_up(struct many_conn *c); /* the session is as it should be: reads may come */
void many_prepare_on(struct many_conn *c, struct many_sql *s);
void many_lost(struct many_conn *c, const char *otherwise);
void many_free(struct many *m);

/* pg_many_bound.c: answers with a bound */
void many_row_mode(struct many_conn *c);           /* before every look at what came */
void many_row(struct many_conn *c, PGresult *row); /* one row of what is expected next; takes it */
void many_cancel_forget(struct many_conn *c);      /* the connection is gone */
/* A cancel that was meant for another read has hit this one: it is run again. */
bool many_is_stray(const struct many_conn *c, struct read *r, const PGresult *res);

#endif
