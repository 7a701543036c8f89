/* slots: what the submitter reads and writes: ready batches, slots, signed attempts, verdicts (INV-5, INV-7,
 * CHAIN S1..S7).
 *
 * Every write begins with the fence of the lane (INV-8) inside its function; several of them in one unit are
 * one transaction. FL005 (slots_changed) means that what was read has changed since: read again, nothing was
 * written. Not here: what to do. */
#ifndef FAIRLEAD_LEDGER_SLOTS_H
#define FAIRLEAD_LEDGER_SLOTS_H

#include "common/io/pg.h"
#include "common/ledger/lane.h"

/* What PostgreSQL judges of a signer's policies (sql/025): 0 ms: no such window. */
struct slots_windows {
	uint64_t limit, limit_ms; /* first attempts */
	struct u256 spend;        /* wei */
	uint64_t spend_ms;
};
struct slots_lane { /* whose slots: the signer's account on one chain */
	const struct lane *lane;
	const char *name; /* of the signer, as the file has it */
	const struct slots_windows *windows;
	int chain;             /* fairlead.chain.id */
	const uint8_t *signer; /* 20 bytes */
};

/* The chain's number and network, as PostgreSQL has them. */
struct slots_chain {
	int id;
	bool has_network;
	struct u256 network;
};
void slots_chain(struct pg_unit *u, const char *chain);
bool slots_chain_read(
	const struct pg_reply *r, int stmt, struct slots_chain *out); /* false: not declared yet */

/* Two statements: the lane's position; every attempt of every open slot, in order of nonce and age. */
void slots_load(struct pg_unit *u, const struct slots_lane *l);
int64_t slots_loaded_at(const struct pg_reply *r, int stmt);
struct slots_attempt {
	int64_t nonce, batch; /* batch 0: none */
	const char *name;     /* of the batch's declaration, "": none; borrowed */
	uint64_t age_ms;      /* since the batch was cut */
	uint8_t hash[32];
	struct str kind;
	struct u256 fee, tip;
	bool mined; /* a verdict of it stands, or is ahead of the listener: at block, block_hash */
	int64_t block;
	uint8_t block_hash[32];
};
void slots_loaded(const struct pg_reply *r, int stmt, int row, struct slots_attempt *out, struct buf *raw,
	void (*item)(void *arg, int64_t id), void *arg);

/* Batches of these names that are younger than the age beside it wait for a better price. */
struct slots_gates {
	const char *const *names;
	const int64_t *ages_ms;
	size_t n;
};
/* How many batches of a pool are ready, up to 10001, and for how many ms the oldest has been; of /metrics. */
void slots_queue(struct pg_unit *u, const char *pool);
/* Ready batches of the signer's pool in their order, at most limit, without `but`: one row an item that has a
 * cause, rows of one batch neighbours, items in the order of the queue. */
void slots_ready(struct pg_unit *u, const char *pool, int chain, int limit, const int64_t *but, size_t nbut,
	const struct slots_gates *g);
/* The same, of a pool of several keys (claim) or one in order (claim_strict: one batch at most, none while
 * another of the pool is under way): what is read is claimed for this lane, and other lanes don't read it. */
void slots_claim(struct pg_unit *u, const struct slots_lane *l, const char *pool, bool strict, size_t keys,
	int limit, const int64_t *but, size_t nbut, const struct slots_gates *g);
void slots_unclaim(struct pg_unit *u, const struct slots_lane *l, const char *pool);
/* The items of one batch that have a cause, the same columns. */
void slots_items(struct pg_unit *u, int64_t batch);
struct slots_item {
	int64_t batch, item;
	const char *name; /* of the batch's declaration; borrowed */
	struct str args;  /* JSON object; borrowed */
	int64_t done;     /* the listener's cursor: what the items say is true from that block on */
	bool halted;      /* P10: the chain is stopped, nothing may be signed */
	uint64_t age_ms;  /* since its batch was cut */
};
void slots_item_read(const struct pg_reply *r, int stmt, int row, struct slots_item *out);

/* What happened to items of ready batches: state "already" "parked" "dead" "waiting" (see sql/007). */
struct slots_fate {
	int64_t item;
	const char *state, *reason; /* reason (common/base/sentence.h) may be NULL */
	const uint8_t *block_hash;  /* already: what showed it; else NULL */
	int64_t block;
};
void slots_settle(struct pg_unit *u, const struct slots_lane *l, const struct slots_fate *f, size_t n);

/* Batches of that declaration are cut with no more items for a while: more of them take too much gas (S5). */
void slots_fits(struct pg_unit *u, const struct slots_lane *l, const char *batch, int64_t items);

/* Nonces first, first+1, … for these batches, with their signed bytes and item sets; moves the lane's
 * position. */
struct slots_signed {
	int64_t batch; /* slots_commit */
	int64_t nonce; /* slots_add */
	const char *kind;
	const uint8_t *hash;
	struct bytes raw;
	struct u256 fee, tip;
	const int64_t *items;
	size_t nitems;
	const char *reason; /* why it was signed (common/base/sentence.h), or NULL */
	struct u256 cost;   /* slots_commit: what it may cost at most; slots_add: by how much it raises that */
};
void slots_commit(
	struct pg_unit *u, const struct slots_lane *l, int64_t first, const struct slots_signed *s, size_t n);
void slots_add(struct pg_unit *u, const struct slots_lane *l, const struct slots_signed *s, size_t n);
/* What the next batch takes, of none, at the lane's position: changes nothing. A connection compiles and
 * plans each statement when it first runs; the first batch of a lane that opens need not wait for that.
 * Whether it is refused means nothing. */
void slots_warm(struct pg_unit *u, const struct slots_lane *l, int64_t at);
bool slots_changed(const struct pg_reply *r); /* SQLSTATE FL005 */
/* SQLSTATE FL007: a policy of the signer forbids it, nothing was written. err.text is the reason
 * (common/base/sentence.h): policy_frozen, policy_limit, policy_spend. */
bool slots_refused(const struct pg_reply *r);
/* A refusal is a row of the account's trail. batch, nonce: below 0 none. */
void slots_refuse(struct pg_unit *u, const struct slots_lane *l, int64_t batch, int64_t nonce,
	const char *kind, const char *reason);

struct slots_answer {
	const uint8_t *hash;
	const char *endpoint, *answer; /* answer NULL: accepted */
};
void slots_sent(struct pg_unit *u, const struct slots_lane *l, const struct slots_answer *a, size_t n);

struct slots_verdict {
	uint8_t hash[32], block_hash[32];
	int64_t block, gas;
	bool ok, has_l1_fee;
	struct u256 price;
	struct u256 l1_fee; /* what the chain below charged for the data, where the receipt says so */
};
void slots_verdicts(struct pg_unit *u, const struct slots_lane *l, const struct slots_verdict *v, size_t n);
/* What the key has at a block, and what of it unmined slots can't take (fairlead.purse). */
void slots_purse(struct pg_unit *u, const struct slots_lane *l, const char *pool, struct u256 wei,
	struct u256 spare, int64_t block);
/* float: who of the pool is to get what from this key, now: a row or none. */
void slots_topup_due(
	struct pg_unit *u, const struct slots_lane *l, const char *pool, struct u256 below, struct u256 full);
bool slots_topup_read(const struct pg_reply *r, int stmt, uint8_t taker[20], struct u256 *wei);
/* s: nonce, hash, raw, fee, tip, reason. */
void slots_topup(struct pg_unit *u, const struct slots_lane *l, const struct slots_signed *s,
	const uint8_t taker[20], struct u256 wei);
/* The account's count at a block (S2: what forensics bisects). */
void slots_sample(struct pg_unit *u, const struct slots_lane *l, int64_t block, const uint8_t block_hash[32],
	int64_t count);

/* Three statements: how far things are closed; the chain's own hashes at these heights (those that it keeps);
 * items in batches whose cause is gone (S3). What they mean for a slot is decided where the slots are known.
 */
void slots_watch(struct pg_unit *u, const struct slots_lane *l, const int64_t *blocks, size_t n);
struct slots_view {
	int64_t lowest_open; /* all below are closed by final blocks; the lane's position when nothing is open */
	int64_t final;       /* the chain's newest final block, -1: none */
	bool halted;         /* P10: the chain is stopped, nothing may be signed */
	bool frozen;         /* by a person */
};
void slots_viewed(const struct pg_reply *r, int stmt, struct slots_view *out);
void slots_block(const struct pg_reply *r, int stmt, int row, int64_t *number, uint8_t hash[32]);
void slots_orphan(const struct pg_reply *r, int stmt, int row, int64_t *batch, int64_t *item);

#endif
