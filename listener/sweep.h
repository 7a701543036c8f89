/* sweep: what was read is read once more, in another way, and what reading had missed comes in (R4).
 *
 * Each `sweep:` interval, once caught up, the blocks since the last sweep are asked by range (live reading
 * asks by hash), of another endpoint where there is one, beside everything else. The first runs as soon as
 * the chain was first caught up with and begins behind the window's floor: all that a reorg can still reach
 * is read twice. What lay below the floor then was read once, and only --from, --replay and catchup: read it
 * again. Blocks that a bloom made doubtful stay in it while they lie in the window. --replay and --from are
 * the same with other blocks.
 *
 *   sweep_read.c   spans of logs, each held against what is stored
 *   sweep_mend.c   what is done about what was missed, in the reader's turn: inside the window a reseat (the
 *                  cursor goes back, all is read again; bound.h sees to it that the same omission is not
 *                  believed again), below it an event stored as late
 *   sweep_choose.c which blocks
 *   sweep.c        when; what is told; what the reader tells
 *
 * One reader, one sweep; all of it runs from the loop. */
#ifndef FAIRLEAD_LISTENER_SWEEP_H
#define FAIRLEAD_LISTENER_SWEEP_H

#include "common/ledger/sweep.h"

struct reader;
struct sweep;

struct sweep *sweep_open(struct reader *r);
void sweep_close(struct sweep *s); /* after sweep_stop, with nothing of it in flight */

/* The lane was gained and what PostgreSQL holds is loaded. true: CHAIN.start is being told first (V-24), and
 * reader_loaded comes again. */
bool sweep_term(struct sweep *s);
void sweep_took(struct sweep *s, const struct sweep_row *row); /* as it was loaded */
void sweep_stop(struct sweep *s); /* the lane is lost, or we drain: nothing more is asked */

/* The reader stands at the head. The first time of a term CHAIN.swept and CHAIN.live are told. */
void sweep_rest(struct sweep *s);
/* The reader is idle: true: an operation of the sweep's was begun in its place. */
bool sweep_turn(struct sweep *s);
void sweep_wrote(struct sweep *s, uint64_t events); /* blocks were committed, by hash or by range */
void sweep_stepped(struct sweep *s);                /* r->headers and r->logs were */
void sweep_cut(struct sweep *s, int64_t ancestor);  /* a reorg or a reseat set the cursor back */
void sweep_hurry(struct sweep *s);                  /* something was missed: now, not at its time */
void sweep_wish(struct sweep *s); /* catchup: may have been asked for: what is asked is read again, at once */
void sweep_status(const struct sweep *s, struct buf *out); /* "sweep":{…}, while one runs */
void sweep_wake(struct sweep *s);                          /* an endpoint has room, or is back */

bool sweep_runs(const struct sweep *s);
bool sweep_is_told(const struct sweep *s); /* between CHAIN.sweep and CHAIN.swept */
/* The cursor was set back by a reseat and is not back yet: blocks are read by hash, and none is live. */
bool sweep_reseats(const struct sweep *s);
/* Adds what a commit of the blocks first..last needs while a reseat is open; behind their rows. */
void sweep_in_commit(struct sweep *s, struct pg_unit *u, int64_t first, int64_t last);
/* Do r->logs hold all that is known to stand in r->headers? false: *e says what they lack. */
bool sweep_bound_met(struct sweep *s, struct err *e);

#endif
