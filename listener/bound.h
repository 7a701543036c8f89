/* bound: logs that an answer about their block must hold: a lower bound of what is true (R1, R4). Pure.
 *
 * What a sweep saw, what was heard, and what a reseat took: an answer for that block hash that lacks one is
 * asked again and not stored. A log that the header's bloom refutes was never there: it goes by itself. What
 * only stood in our tables goes after some answers without it: it may be that log that
 * was false. */
#ifndef FAIRLEAD_LISTENER_BOUND_H
#define FAIRLEAD_LISTENER_BOUND_H

#include "common/evm/logs.h"

enum { BOUND_MOST = 4096, BOUND_SOFT_TRIES = 3 };

struct bound_log {
	int64_t block;
	uint8_t block_hash[32], tx_hash[32];
	uint64_t log_index;
	uint8_t address[20], topics[4][32]; /* where has_content */
	unsigned ntopics;
	bool has_content;
	uint32_t tries, most; /* answers that lacked it; with so many it goes, 0: never */
};
struct bound { /* zeroed: empty */
	struct bound_log *logs;
	size_t n, cap;
};
void bound_fini(struct bound *b);
/* Known already: stays as it is. More than BOUND_MOST: the oldest goes. */
void bound_add(struct bound *b, const struct bound_log *l);
void bound_add_log(struct bound *b, const struct log *l);
void bound_cut(struct bound *b, int64_t from);    /* a reorg took these blocks */
void bound_forget(struct bound *b, int64_t upto); /* blocks that nobody reads again */
/* The first that the answer lacks; NULL: none. headers: those of the blocks answered about. Counts a try of
 * all that are lacking, and drops those that were never there. */
const struct bound_log *bound_lacks(struct bound *b, const struct block_header *headers, size_t nheaders,
	const struct log *logs, size_t nlogs);

#endif
