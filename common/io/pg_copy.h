/* pg_copy: transactions that carry COPY … FROM STDIN (FORMAT binary), on one more connection to PostgreSQL.
 * (libpq; pipeline mode for the end of a transaction alone)
 *
 * It connects at the first transaction and comes back by itself at the next one. A load is one transaction:
 * any number of COPYs, then the statements of one unit, then COMMIT. One load at a time.
 * Each load ends in exactly one way, always in a later turn: on_fail, or the fn of pg_load_end, or
 * pg_load_drop. It is certain of nothing committed but when COMMIT was under way and was not answered
 * (PG_UNKNOWN).
 *
 * Not here: rows (the caller encodes tuples), SQL of the engine (common/ledger), retry policy. */
#ifndef FAIRLEAD_IO_PG_COPY_H
#define FAIRLEAD_IO_PG_COPY_H

#include "common/io/pg.h"

struct pg_copy;
/* listen of the options is not used. */
struct pg_copy *pg_copy_open(struct loop *l, const struct pg_options *o);
/* A load under way is rolled back and told nothing any more; all is freed in a later turn. NULL: nothing. */
void pg_copy_close(struct pg_copy *c);
void pg_copy_warm(struct pg_copy *c); /* a load is near: connects meanwhile */
bool pg_copy_is_up(const struct pg_copy *c);
bool pg_copy_is_busy(const struct pg_copy *c);   /* a load has not ended yet: none can begin */
int pg_copy_server_pid(const struct pg_copy *c); /* 0: no connection */

struct pg_load;
struct pg_load_events {
	void (*on_room)(void *arg); /* pg_load_waiting fell below the mark, after it was at it or above */
	/* It can't go on and is gone, rolled back: PG_REFUSED with what the server raised, or PG_UNSENT: there
	 * was no connection, or it ended before COMMIT left. r has no results. Not behind pg_load_end. */
	void (*on_fail)(void *arg, const struct pg_reply *r);
	void *arg;
	size_t mark_bytes;    /* 0: 4 MiB */
	uint64_t deadline_ms; /* how long the server may take or say nothing where it must: 0: 60 s */
};
struct pg_load *pg_load_begin(struct pg_copy *c, const struct pg_load_events *ev);
/* rows: whole tuples of binary COPY (PostgreSQL manual, COPY, "Binary Format") without the file's header and
 * trailer. Moves: rows is empty afterwards. Goes on with the open COPY if the last call had the same copy_sql
 * ("COPY t (a, b) FROM STDIN (FORMAT binary)"), else that ends and a new one begins. */
void pg_load_rows(struct pg_load *t, const char *copy_sql, struct buf *rows);
size_t pg_load_waiting(const struct pg_load *t); /* bytes of rows not yet given to the kernel */
/* The unit that ends the transaction: pg_stmt and pg_put_*, no pg_unit_run and no pg_unit_drop. May stay
 * empty. */
struct pg_unit *pg_load_unit(struct pg_load *t);
/* Behind all rows: the unit's statements and COMMIT leave in one flush. fn runs once, as for pg_unit_run:
 * PG_OK: COMMIT succeeded, results are there · PG_REFUSED: all is rolled back · PG_UNSENT: as in on_fail ·
 * PG_UNKNOWN: COMMIT was under way when the connection ended. t is gone when fn runs. */
void pg_load_end(struct pg_load *t, pg_done_fn fn, void *arg);
void pg_load_drop(struct pg_load *t); /* ROLLBACK; no callback any more, t is gone. Not behind pg_load_end */

#endif
