/* sweep: what a sweep of a chain reads and writes: where the last one ended, which events are not stored,
 * what was found (R4, sql/014). All that writes stands behind lane_fence (INV-8).
 *
 * Not here: the rows themselves, and the entry that takes the log back for a reseat (chain.h). */
#ifndef FAIRLEAD_LEDGER_SWEEP_H
#define FAIRLEAD_LEDGER_SWEEP_H

#include "common/app/config.h"
#include "common/evm/logs.h"
#include "common/io/pg.h"

struct sweep_row {
	int64_t swept_to;  /* all blocks up to it were swept, or lay below the floor; -1: none */
	int64_t age_ms;    /* since the last sweep ended; -1: none has */
	int64_t reseat_to; /* a reseat is open until the cursor is there; -1: none is */
};
void sweep_load(struct pg_unit *u, const char *chain); /* one statement */
bool sweep_loaded(const struct pg_reply *r, int stmt, struct sweep_row *out);

/* Which of n logs of this event (identified) are not stored: one row each, column 0 its place from 0. at: the
 * places of the logs. */
void sweep_missing(
	struct pg_unit *u, const struct event_decl *ev, const struct log *logs, const size_t *at, size_t n);

/* Events were missed: counted, and a row for a person. what: a sentence. */
void sweep_missed(struct pg_unit *u, int chain_id, uint64_t events, const char *what);
/* The blocks first..last were read again in this unit: what an open reseat took and what is back counts as
 * what it was. Ends the reseat where the cursor has come back. */
void sweep_reseated(struct pg_unit *u, int chain_id, int64_t first, int64_t last);
/* What the open reseat took, a row each: block, block hash, transaction, log index, swept. At most `most`. */
void sweep_taken(struct pg_unit *u, int chain_id, size_t most);

/* The floor where live reading began, if it never did; then the end of a sweep: all up to `to` was swept. */
void sweep_began(struct pg_unit *u, int chain_id, int64_t floor);
void sweep_ended(struct pg_unit *u, int chain_id, int64_t to);

#endif
