/* pool: transactions that wait to be mined, by the rules and in the words of one client. */
#ifndef FAIRLEAD_TEST_NODE_POOL_H
#define FAIRLEAD_TEST_NODE_POOL_H

#include "test/node/chain.h"

/* How a client replaces and refuses. (geth core/txpool/legacypool, Nethermind TxPool, Besu, Erigon, reth,
 * anvil, hardhat: as their sources are) */
struct pool_rules {
	const char *name;
	unsigned percent; /* a replacement pays at least that much more; 0: anything more */
	bool both;        /* fee cap and tip alike; else the fee cap alone */
	unsigned slots;   /* waiting transactions of one account; 0: no limit */
	bool gaps;        /* a nonce above the next is kept until the gap closes; else refused */
	bool below_base;  /* a fee below the base fee is kept */
	bool detail;      /* "nonce too low" says both nonces */
	int code;
	const char *known, *low, *underpriced, *poor, *full, *high, *fee, *gas, *intrinsic;
	int low_code, underpriced_code, poor_code; /* 0: code */
};
struct waiting {
	struct txn *txn;
	uint64_t order; /* of arrival */
};
struct pool {
	const struct pool_rules *rules;
	struct waiting *list;
	size_t n;
	uint64_t arrivals;
	uint64_t most; /* 0: no limit */
};
struct world;
struct pool_refusal {
	int code;
	char text[256];
};
const struct pool_rules *pool_rules(const char *name); /* NULL: no such */
const char *pool_rules_names(void);
/* Adds it, perhaps in the place of another. at: the head that the endpoint knows. */
bool pool_add(struct world *w, const struct block *at, struct txn *t, struct pool_refusal *r);
struct txn *pool_get(const struct pool *p, const uint8_t hash[32]);
/* The nonce behind those of the account that follow on each other. */
uint64_t pool_next_nonce(const struct world *w, const struct block *at, const uint8_t from[20]);
void pool_drop(struct pool *p, const struct txn *t);             /* it need not be there */
void pool_drop_mined(struct world *w, const struct block *head); /* nonces that are used up */
/* What the next block takes, the best price first, each account in its order. Returns how many of out's room.
 */
size_t pool_pick(
	struct world *w, const struct block *parent, struct u256 base_fee, struct mined *out, size_t room);

#endif
