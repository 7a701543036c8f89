/* poison: finds the items that make a whole batch fail, by halving (S6). Pure: asks for probes, is
 * told answers.
 *
 * A probe is "would a transaction of the items [lo, hi) succeed at this block?". All probes of one inquiry
 * are asked at one block hash. An item is a suspect when it fails alone by a revert while something else of
 * the inquiry passes. Suspects of two inquiries at two different heads are poison: struct suspects remembers
 * the first. With k of n at fault an inquiry asks at most 2·k·⌈log2 n⌉ probes. Not here: what becomes of the
 * items (group.c), the text of the error (abi_revert_text). */
#ifndef FAIRLEAD_SUBMITTER_POISON_H
#define FAIRLEAD_SUBMITTER_POISON_H

#include "common/base/mem.h"

#include <stdbool.h>

enum probe_answer {
	PROBE_PASSES,
	PROBE_REVERTS, /* the contract refused: somebody's fault */
	PROBE_TOO_BIG, /* out of gas, over a size or gas cap: fewer items may do */
	PROBE_LOST,    /* no answer to the question: nothing is known, the whole inquiry is void */
};
enum poison_fate {
	FATE_GOES,    /* stays in the batch */
	FATE_FREE,    /* goes back to wait for another batch: its neighbours pass without it */
	FATE_SUSPECT, /* fails alone while others pass */
};
enum poison_end {
	POISON_ASKING,
	POISON_FOUND, /* fates are set: at least one item is a suspect or free */
	POISON_ALIKE, /* everything fails alone: the contract, the account or the chain is at fault, no item */
	POISON_VOID,  /* an answer was lost: ask again at another time */
};
struct probe {
	size_t lo, hi;
	bool asked;
};
struct poison {
	enum poison_end end;
	size_t n;                /* items */
	enum poison_fate *fates; /* one an item */
	struct probe *probes;    /* two neighbours are the halves of one failed range */
	size_t nprobes, answered, judged, calls;
	enum probe_answer *answers;
	size_t passed; /* probes */
};
/* The whole [0, n) failed with `why` (REVERTS or TOO_BIG). Memory is in a and lives as long. n ≥ 1. */
void poison_init(struct poison *p, struct arena *a, size_t n, enum probe_answer why);
/* The next probe to ask now, or NULL: then answers are awaited, or the inquiry is over (p->end). */
const struct probe *poison_ask(struct poison *p, size_t *index);
void poison_told(struct poison *p, size_t index, enum probe_answer answer);

/* Items that failed alone once, and at which head: bounded, the oldest is forgotten first. */
enum { SUSPECTS = 1024 };
struct suspects {
	struct suspect {
		int64_t item;
		uint64_t head;
	} list[SUSPECTS];
	size_t n, next;
};
/* true: it was a suspect at another head before, so it is poison (S6: two different heads). Else it is
 * remembered. */
bool suspects_twice(struct suspects *s, int64_t item, uint64_t head);

#endif
