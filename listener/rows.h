/* rows: logs of whole blocks → rows of typed tables, in chain order: the way of a few blocks at the head, as
 * statements of the unit that moves the cursor. (A long range goes by COPY: encode.h.) Pure but for the unit
 * that it fills.
 *
 * Text of the columns is as GRAMMAR §10 says; arrays of simple types are PostgreSQL arrays. */
#ifndef FAIRLEAD_LISTENER_ROWS_H
#define FAIRLEAD_LISTENER_ROWS_H

#include "common/ledger/chain.h"
#include "listener/filter.h"

struct rows {
	const struct filter *filter;
	struct chain_event_sql *inserts; /* one an event */
	struct arena mem;
};
void rows_init(struct rows *r, const struct filter *f); /* f outlives r */
void rows_end(struct rows *r);

struct rows_batch {
	size_t n;               /* events */
	int64_t last_seq;       /* the position before, when there is none */
	struct event_row *rows; /* in chain order, numbered; they borrow the logs */
	size_t *kind;           /* of each: the index of its event in the filter */
	size_t nbad;            /* logs of ours that don't decode */
	struct rows_bad {
		const struct event_decl *event;
		const struct log *log;
		const char *why;
	} * bad;
};
/* Decodes logs[0..n) (sorted, identified, all of ours or not) and numbers them from at+1. Everything lives in
 * a. time_of: the time of its block, in seconds. */
void rows_decode(struct rows_batch *b, struct arena *a, const struct rows *r, int64_t at,
	const struct log *logs, size_t n, uint64_t (*time_of)(void *arg, const struct log *log), void *arg);
/* Adds the statements that write them, table by table, but for the first skip rows. open_from: blocks from
 * this number on lie inside the window. */
void rows_write(const struct rows_batch *b, size_t skip, struct pg_unit *u, struct arena *a,
	const struct rows *r, int chain_id, int64_t open_from, bool swept);

#endif
