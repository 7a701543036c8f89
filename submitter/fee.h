/* fee: what a transaction may cost per gas: the first price, the replacement's, and when to hold. Pure.
 *
 * EIP-1559 where the head has a base fee, else one gas price (legacy): then fee and tip are the same number.
 * `gas.max` binds every signature, cancels too (S3): a price above it is never signed, the lane holds and
 * goes on by itself when the market falls (P13). All amounts are wei per gas, exact
 * (INV-12). */
#ifndef FAIRLEAD_SUBMITTER_FEE_H
#define FAIRLEAD_SUBMITTER_FEE_H

#include "common/base/u256.h"

struct fee_policy {
	bool has_max, has_tip;
	struct u256 max; /* of fee, ever */
	struct u256 tip; /* instead of the market's */
};
struct fee_market {
	bool legacy;       /* the head has no base fee */
	struct u256 base;  /* of the newest head; 0 when legacy */
	struct u256 price; /* eth_gasPrice, when legacy */
	struct u256 tip;   /* what others pay: fee_tip_of_history, else the node's word */
};
struct fee {
	struct u256 fee, tip; /* maxFeePerGas, maxPriorityFeePerGas; tip ≤ fee. Legacy: both the gas price */
};
enum fee_answer {
	FEE_OK,
	FEE_ABOVE_MAX, /* "gas price too high": hold; *out is what would be needed */
};

/* A first attempt: fee = 2 × base + tip, cut to max; held while base + tip, what a block asks now, is above
 * max. */
enum fee_answer fee_first(const struct fee_policy *p, const struct fee_market *m, struct fee *out);
/* A replacement (S3): both numbers at least max(⌈1.125 × old⌉, old + 1), and what fee_first wants if that is
 * more; held while the least that a node takes is above max. */
enum fee_answer fee_replace(
	const struct fee_policy *p, const struct fee_market *m, const struct fee *old, struct fee *out);
/* Is an attempt at this price below what the newest block asks of it (base fee and nothing more)? */
bool fee_is_below_market(const struct fee *f, const struct fee_market *m);

/* The median of what blocks paid as tips; blocks without gas used say nothing (S9: empty blocks' rewards are
 * ignored). rewards, used: n each, in any order; rewards is sorted in place. false: no block said anything.
 */
bool fee_tip_of_history(struct u256 *rewards, const bool *used, size_t n, struct u256 *tip);

/* S5: estimate × num / den, cut to the block's limit and to EIP-7825's 2^24 (0: not cut by the block). false:
 * the estimate itself is above a cap: no margin can save it. */
enum { FEE_TX_GAS_CAP = 16777216 };
bool fee_gas_limit(uint64_t estimate, uint64_t num, uint64_t den, uint64_t block_limit, uint64_t *out);

#endif
