/* price: what a transaction offers for its gas: the first price, the replacement's, when to wait for a better
 * one, when to hold. Pure: the market (market.h), what this lane has learned, how urgent it is.
 *
 * What is paid for a block is its base fee and the tip; the cap (`fee`) only says up to which base fee that
 * goes. So money is saved by a tip that is no higher than its time asks for, and by leaving when base fees
 * are low, never by a low cap alone, which would let a nonce block its lane.
 *
 *   within:  a tip that some of the recent blocks took; it rises as the deadline nears. The cap covers the
 * worst base fee of the blocks until then (six at most). From two minutes on, nothing is signed while base
 * fees fall or stand high and there is time. cheap    the same with an hour.
 *
 * `most` binds every signature, cancels and bumps too (S3): a price above it is never signed; the lane holds,
 * offers the same bytes again, and goes on by itself when the market falls (P13). All amounts are wei per
 * gas, exact (INV-12). */
#ifndef FAIRLEAD_SUBMITTER_PRICE_H
#define FAIRLEAD_SUBMITTER_PRICE_H

#include "submitter/market.h"

struct fee {
	struct u256 fee, tip; /* maxFeePerGas, maxPriorityFeePerGas; tip ≤ fee. Legacy: both the gas price */
};
struct price_policy {
	bool has_max, has_tip, has_cancel_max;
	struct u256 max;        /* gas.max. Without it: the most that market_believes */
	struct u256 tip;        /* gas.tip: instead of the market's */
	struct u256 cancel_max; /* may be above max */
};
/* How urgent: mined within this (0: cheap), counted from when its batch was cut, which was age ago. */
struct price_wish {
	uint64_t within_ms, age_ms;
};
/* What a lane's own transactions have shown. Kept in PostgreSQL: fairlead.price. */
struct price_learned {
	int lean;      /* added to the level of the tip: below 0, where less was enough */
	uint32_t easy; /* mined in the next block so often in a row */
	uint32_t
		rule; /* a replacement must be so many permille of the old: 1125 (S3), more where a node wants it */
	struct u256 floor; /* the least tip that the node takes into its pool */
};
enum { PRICE_RULE = 1125, PRICE_RULE_MOST = 2000, PRICE_LEAN = 3, PRICE_CHEAP_MS = 3600000 };
void price_learn_nothing(struct price_learned *l);

/* The most that one gas may cost: of a cancel or anything else; and so that gas × fee + besides (its value,
 * its share of the chain below) stay within max_cost, if that is given. */
struct u256 price_most(const struct price_policy *p, bool cancel, const struct u256 *max_cost, uint64_t gas,
	struct u256 besides);

enum price_answer {
	PRICE_OK,
	PRICE_ABOVE, /* hold; *out is what would be needed */
};
enum price_answer price_first(const struct price_policy *p, const struct market *m,
	const struct price_learned *l, struct price_wish w, struct u256 most, struct fee *out);
/* A replacement (S3): both numbers at least max(⌈1.125 × old⌉, old + 1), and what price_first wants if that
 * is more. PRICE_ABOVE too where no block would take the most that may be paid: the room is kept for when one
 * does. */
enum price_answer price_again(const struct price_policy *p, const struct market *m,
	const struct price_learned *l, struct price_wish w, struct u256 most, const struct fee *old,
	struct fee *out);

/* For how many heads the lowest slot may stay unmined at this price. PRICE_REST: for ever, as far as the
 * market is known now: it waits for a lower base fee, and there is time. */
enum { PRICE_REST = -1 };
int price_patience(const struct price_policy *p, const struct market *m, const struct price_learned *l,
	struct price_wish w, const struct fee *old);

/* Is there ever time to wait in? */
bool price_may_wait(uint64_t within_ms);
/* Batches of this urgency that are younger wait for a better price: 0: all go now. */
uint64_t price_gate(const struct market *m, uint64_t within_ms);

/* There is so much time that a tip is offered that only some blocks take. */
bool price_patient(const struct market *m, struct price_wish w);
/* One of ours was mined in the blocks-th block (1: the first) whose base fee its cap covered. */
void price_mined(struct price_learned *l, bool patient, uint64_t blocks);
/* The node finds an offer too low though its cap covers the base fee: of a replacement (its rule is stricter
 * than ours), or of a first attempt (its pool has a least tip). */
void price_refused(struct price_learned *l, bool replacement, const struct fee *f);

/* S5: estimate × num / den, cut to the block's limit and to EIP-7825's 2^24 (0: not cut by the block). false:
 * the estimate itself is above a cap: no margin can save it. */
enum { PRICE_GAS_CAP = 16777216 };
bool price_gas_limit(uint64_t estimate, uint64_t num, uint64_t den, uint64_t block_limit, uint64_t *out);

#endif
