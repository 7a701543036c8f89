/* policy: what a signer may sign: from the file, held against one transaction. Pure.
 *
 * Asked of what is about to be signed, and again of the signed bytes before they are committed, whoever made
 * them (P24): a mistake anywhere before it, in PostgreSQL or in memory, ends here. What only the whole fleet
 * knows (frozen, how much of a window is used up) is judged by PostgreSQL in the transaction that commits the
 * bytes (sql/025): policy_refused reads its word.
 *
 * A reason (common/base/sentence.h) says what was refused, with its numbers: policy_chain, policy_kind,
 * policy_to, policy_call, policy_value, policy_gas, policy_price, policy_cost, policy_bytes; PostgreSQL's:
 * policy_frozen, policy_limit, policy_spend. */
#ifndef FAIRLEAD_SUBMITTER_POLICY_H
#define FAIRLEAD_SUBMITTER_POLICY_H

#include "common/app/config.h"
#include "common/evm/tx.h"

struct policy_call { /* to this address with this selector; any: with whatever data */
	uint8_t to[20];
	uint8_t selector[4];
	bool any;
};
struct policy {
	uint64_t chain_id;
	const uint8_t *self; /* 20 bytes: a transfer of nothing to it is the no-op of a cancel */
	const struct policy_call *calls;
	size_t ncalls;
	const uint8_t (*pool)[20]; /* keys of the same pool: a transfer to one carries at most pool_value */
	size_t npool;
	struct u256 pool_value;
	struct u256 max_value; /* of a call */
	bool has_max, has_cancel_max, has_max_cost, has_spend;
	struct u256 max;        /* of fee, a gas */
	struct u256 cancel_max; /* the same for a no-op */
	struct u256 max_cost;   /* gas × fee + value */
	struct u256 spend;      /* of a window: what costs more alone never fits */
	uint64_t gas_max;       /* of a transaction */
};

/* The policy of a signer in this file; calls live in a. self, pool and chain_id are the caller's. */
void policy_of(struct policy *p, struct arena *a, const struct config *c, const struct signer_decl *s);
/* true: it may be signed. Else *why (may be NULL) is a reason. */
bool policy_allows(const struct policy *p, const struct tx *t, struct buf *why);
/* Signed bytes: field by field they are t, and that may be signed. Who signed them is the hand's to show
 * (hand.h). */
bool policy_allows_raw(const struct policy *p, const struct tx *t, struct bytes raw, struct buf *why);
/* gas × fee + value; the greatest number where it has none. */
struct u256 policy_cost(const struct tx *t);

/* What PostgreSQL said (SQLSTATE FL007: slots_refused). until_ms: Unix time at which some of it is free
 * again; 0: not known. room: transactions (policy_limit) or wei (policy_spend) that are left now. */
struct policy_refusal {
	bool frozen, limit, spend;
	struct u256 room;
	int64_t until_ms;
};
void policy_refused(struct str reason, struct policy_refusal *out);

#endif
