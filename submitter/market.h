/* market: what the chain has shown of its prices: base fees, tips by percentile, how fast a base fee can
 * rise, how fast blocks come. Pure.
 *
 * Told by headers (each head) and by eth_feeHistory (now and then); both may be missing, late or wrong, so
 * nothing here is believed beyond market_believes, and what to pay is price.h's affair. All amounts are wei
 * per gas, exact (INV-12); shares are parts per million.
 *
 * Legacy: a chain whose heads have no base fee. Its one price is eth_gasPrice. */
#ifndef FAIRLEAD_SUBMITTER_MARKET_H
#define FAIRLEAD_SUBMITTER_MARKET_H

#include "common/base/u256.h"

enum {
	MARKET_BLOCKS = 384, /* base fees that are remembered */
	MARKET_TIPS = 5,     /* percentiles that are asked for: market_percentiles */
	MARKET_RECENT = 20,  /* blocks whose tips count */
	MARKET_LEVELS = 7,   /* of tips, from patient to urgent: market_tip */
	MARKET_PPM = 1000000,
};
extern const unsigned market_percentiles[MARKET_TIPS]; /* of the gas of a block, ordered by tip */

struct market_block { /* as eth_feeHistory or a CSV file gives it */
	uint64_t number;
	struct u256 base;
	uint32_t used_ppm; /* gas used of the limit; 0: an empty block, whose rewards say nothing (S9) */
	bool has_tips;
	struct u256 tips[MARKET_TIPS];
};
struct market {
	bool legacy;
	uint64_t head;    /* 0: none was heard */
	struct u256 base; /* of the newest head; 0 when legacy */
	struct u256 next; /* of the block behind it, as far as it is known: else that of the head again */
	bool knows_next;
	struct u256 price; /* eth_gasPrice */
	struct u256 tip;   /* eth_maxPriorityFeePerGas */
	bool has_price, has_tip;
	uint32_t rise_ppm; /* the most that a base fee rises from one block to the next: learned, else 1/8 */
	bool knows_rule;   /* what the next base fee is follows from the header: learned */
	int64_t slope_ppm; /* then: it rises by slope × used − drop */
	int64_t drop_ppm;
	uint64_t cadence_ms; /* between two blocks, by their own times */
	uint64_t time_s, time_head;
	unsigned crowded; /* 0: there is room; 1: the newest block was full; 2: most of late were */
	struct market_past {
		uint64_t number;
		struct u256 base;
		uint32_t used_ppm;
	} past[MARKET_BLOCKS]; /* by number */
	size_t npast;
	struct market_block recent[MARKET_RECENT]; /* those with tips, by number */
	size_t nrecent;
	struct u256 levels[MARKET_LEVELS];
};

void market_init(struct market *m);
/* An answer of a node that may be nonsense: 2^255, or more than a thousand times what anybody paid. Nobody
 * who means it has to set gas.max for more. */
bool market_believes(struct u256 wei);
/* A head, newer than or instead of what is known. used of limit: gas. */
void market_head(struct market *m, uint64_t number, uint64_t time_s, bool has_base, struct u256 base,
	uint64_t used, uint64_t limit);
/* Blocks as eth_feeHistory tells them, oldest first; next: the base fee behind the last, or NULL. */
void market_blocks(struct market *m, const struct market_block *list, size_t n, const struct u256 *next);
/* The base fee that no block passes up to the blocks-th from now (1: the next one), as far as is known. */
struct u256 market_worst(const struct market *m, unsigned blocks);
/* The tip of a level, 0 (patient) … MARKET_LEVELS - 1. Where history says nothing: the node's word, else what
 * eth_gasPrice has above the base fee, else 1 gwei. */
struct u256 market_tip(const struct market *m, unsigned level);
/* Of the blocks from … to, how many had a base fee that this cap covers; one that is not remembered counts as
 * covered. */
uint64_t market_covered(const struct market *m, struct u256 cap, uint64_t from, uint64_t to);
/* The permille-th value of the newest `blocks` base fees, from the lowest. false: fewer than 16 are known. */
bool market_quantile(const struct market *m, size_t blocks, unsigned permille, struct u256 *out);

/* json: the raw result of eth_feeHistory with market_percentiles. Blocks into list, at most max; *n how many.
 * false: not of that form. *has_next: it told the base fee behind the last one. */
bool market_history(
	struct str json, struct market_block *list, size_t max, size_t *n, struct u256 *next, bool *has_next);
#endif
