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
	struct arena *mem;
	size_t events, undecoded;
	int64_t first_seq, last_seq; /* last_seq = position before when there was no event */
};
/* Adds statements for logs[0..n) (sorted, identified, all of ours or not) to u and numbers them from at+1.
 * open_from: blocks from this number on lie inside the window. time_of: block time in seconds. */
void rows_add(struct rows_batch *b, struct pg_unit *u, const struct rows_filter *f, int chain_id, int64_t at,
	const struct log *logs, size_t n, int64_t open_from, bool swept,
	uint64_t (*time_of)(void *arg, const struct log *log), void *arg);

#endif
