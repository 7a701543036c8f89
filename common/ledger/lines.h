/* lines: a story as lines of time and reason (common/base/sentence.h): the page unfolds a life into them, and
 * --explain prints a batch's, from the same rows and so in the same words. Pure but for reading the reply. */
#ifndef FAIRLEAD_LEDGER_LINES_H
#define FAIRLEAD_LEDGER_LINES_H

#include "common/base/mem.h"
#include "common/io/pg.h"

enum { LINES_MAX = 256 };

struct line {
	int64_t at, order; /* Unix ms; at -1: now */
	bool exact;        /* to the ms: else of a block's clock */
	bool fill;         /* a turn of the story */
	const char *reason;
};
struct lines { /* zeroed: ready */
	struct arena mem;
	struct buf reason; /* of the next line */
	struct line list[LINES_MAX];
	size_t n;
};
void lines_add(
	struct lines *t, int64_t at, bool exact, bool fill); /* what stands in reason; LINES_MAX: no more */
void lines_sort(struct lines *t);
void lines_fini(struct lines *t);

/* Rows as story_ask and explain_ask give them (figures.h): attempts with what signed them, what nodes said,
 * receipts; final: of the transaction that won, at that block and moment, or -1. */
struct lines_slot {
	int attempts, answers, verdicts; /* which statements */
	const char *signer;
	int64_t final_block, final_at;
};
void lines_slot(struct lines *t, const struct pg_reply *r, const struct lines_slot *s);
/* One row of TURNS. tries: of the item. */
void lines_turn(struct lines *t, const struct pg_reply *r, int stmt, int row, int64_t tries);
/* This attempt won, by a receipt that stands. */
bool lines_won(const struct pg_reply *r, int attempts, int row, int verdicts);

#endif
