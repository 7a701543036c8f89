/* heard: logs that subscriptions told of blocks at the head. None is ever stored; each is a lower bound of
 * what an answer about its block must hold (R1), and what ahead.c guesses by. Pure.
 *
 * A bound is one only where some answer has held what was heard (R6: a check that never passed says
 * nothing), and a log that no answer holds for long is given up: a subscription may lie as well, and the
 * chain must go on (INV-11). Of a block that was read already it is known which logs it gave: one heard
 * later that is none of them was missed. */
#ifndef FAIRLEAD_LISTENER_HEARD_H
#define FAIRLEAD_LISTENER_HEARD_H

#include "listener/bound.h"
#include "listener/filter.h"

enum {
	HEARD_BEYOND = 64, /* blocks above the cursor: those farther up are not read yet for long */
	HEARD_BLOCK = 256, /* logs of one block that are kept: a bound need not be all */
	HEARD_MOST = 1024, /* of all blocks */
	HEARD_TRIES = 5,   /* answers without it, at least, */
	HEARD_MS = 10000,  /* and so long, until a log is taken for made up */
	HEARD_READ = 512,  /* logs of the blocks read last that are remembered */
};

struct heard { /* zeroed: empty */
	struct bound bound;
	uint8_t block[32]; /* whose logs were heard last: */
	struct log *logs;  /* in the order in which they were heard */
	size_t n;
	struct arena mem; /* of logs */
	struct heard_read {
		int64_t block;
		uint64_t key;
	} read[HEARD_READ];         /* a ring */
	size_t reads;               /* ever */
	int64_t read_from, read_to; /* all logs of these blocks are in it */
	bool holds;                 /* an answer has held what was heard */
	uint64_t lacking_ms;        /* since when answers lack one; 0: none does */
};
void heard_fini(struct heard *h);

/* A log as the node told it, of a block that is not read. It counts where it is as it says, and fits what was
 * asked for (request 0 of plan); else it is left out. */
void heard_add(struct heard *h, const struct filter_plan *plan, uint64_t number, const uint8_t block[32],
	struct str json);
/* What the answer about these blocks lacks; NULL: nothing. now_ms: the loop's clock. *given_up: how many logs
 * were given up now. */
const struct bound_log *heard_lacks(struct heard *h, const struct block_header *headers, size_t nheaders,
	const struct log *logs, size_t nlogs, uint64_t now_ms, size_t *given_up);
/* The blocks first..last were read and gave these logs. */
void heard_was_read(struct heard *h, int64_t first, int64_t last, const struct log *logs, size_t nlogs);
void heard_cut(struct heard *h, int64_t from); /* blocks from here on are not the chain's any more */
/* A log of a block that was read, as the node told it: did reading miss it? false also where that is not
 * known any more. */
bool heard_missed(const struct heard *h, const struct filter_plan *plan, uint64_t number,
	const uint8_t block[32], struct str json);

#endif
