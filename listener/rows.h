/* rows: logs of whole blocks → rows of typed tables, in chain order. Pure but for the unit that it fills.
 *
 * A log belongs to the first declared event whose contract has its address and whose topic0 it carries (two
 * that match one log are refused at --check). Text of the columns is as GRAMMAR §10 says; arrays of simple
 * types are PostgreSQL arrays. */
#ifndef FAIRLEAD_LISTENER_ROWS_H
#define FAIRLEAD_LISTENER_ROWS_H

#include "common/ledger/chain.h"

struct rows_filter {
	const struct event_decl **events; /* of this chain */
	struct pg_sql *inserts;           /* one an event */
	size_t n;
	struct arena mem;
	struct buf json; /* members of the eth_getLogs filter: "address":[…],"topics":[[…]] */
};
void rows_filter_init(struct rows_filter *f, const struct config *c, const struct chain_decl *chain);
void rows_filter_fini(struct rows_filter *f);
const struct event_decl *rows_match(
	const struct rows_filter *f, const struct log *log); /* NULL: none of ours */
/* May the block hold one of our logs? false only when its bloom says no for every address or every topic. */
bool rows_bloom(const struct rows_filter *f, const uint8_t bloom[256]);

struct rows_batch {
	size_t n;               /* events */
	int64_t last_seq;       /* the position before, when there is none */
	struct event_row *rows; /* in chain order, numbered; they borrow the logs */
	size_t *kind;           /* of each: its index in the filter's events */
	size_t nbad;            /* logs of ours that don't decode */
	struct rows_bad {
		const struct event_decl *event;
		const struct log *log;
		const char *why;
	} * bad;
};
/* Decodes logs[0..n) (sorted, identified, all of ours or not) and numbers them from at+1. Everything lives in
 * a. time_of: the time of its block, in seconds. */
void rows_decode(struct rows_batch *b, struct arena *a, const struct rows_filter *f, int64_t at,
	const struct log *logs, size_t n, uint64_t (*time_of)(void *arg, const struct log *log), void *arg);
/* Adds the statements that write them, table by table. open_from: blocks from this number on lie inside the
 * window. */
void rows_write(const struct rows_batch *b, struct pg_unit *u, struct arena *a, const struct rows_filter *f,
	int chain_id, int64_t open_from, bool swept);

#endif
