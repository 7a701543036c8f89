/* happen: what happens beside the log, told to the rules that name it (sql/012): CHAIN.start live sweep
 * swept.
 *
 * A statement of the unit in which it becomes true; nothing is written when no rule of the file names it. It
 * stands in the log where the lane listen:<chain> stands in that transaction: rules on it run behind all
 * events up to there, and before the next. CHAIN.final and CHAIN.reorg are not told here: the final block,
 * and fairlead.retract, tell them by themselves. */
#ifndef FAIRLEAD_LEDGER_HAPPEN_H
#define FAIRLEAD_LEDGER_HAPPEN_H

#include "common/io/pg.h"

/* block: where the chain stands (swept: synced to it), -1: not known; hash of that block or NULL, its time in
 * seconds or 0; found: new events of a sweep, -1: none are counted. */
void happen_chain(struct pg_unit *u, int chain_id, const char *kind, int64_t block, const uint8_t hash[32],
	uint64_t time, int64_t found);

/* The title, transaction and block of one, for its lines in the log: columns as queue_event. */
void happen_look(struct pg_unit *u, int64_t id);

#endif
