/* trace: in which final block a nonce was consumed, and by what (S2, INV-6). Pure: answers of a node in, the
 * next question out.
 *
 * The proof that none of our attempts executed is a final block in which the account's count passes the
 * nonce, and whose transactions are none of them. It is looked for in two ways: by state  the count at block
 * after block, bisected between a block where it had not passed and the final one; then that block's body,
 * and the counts at its own hash and at its parent's. A node that ignores the block that it is asked about,
 * or that lies, or two machines behind one address, give a block that bears nothing out: such a bisection is
 * discarded and done again. by bodies where state is not served: block by block downwards from the final one,
 * each the parent of the one before, until the sender's own transactions show who had the nonce. A count
 * alone decides nothing: a block is taken only with something in it, or code of the account's, that can have
 * moved the count. What it was is a note. Not here: whether the block is final and the chain's own
 * (fairlead.slot_guard), what is done about it (inquest.c). */
#ifndef FAIRLEAD_SUBMITTER_TRACE_H
#define FAIRLEAD_SUBMITTER_TRACE_H

#include "common/evm/body.h"

enum {
	TRACE_TRIES = 3,       /* bisections, before bodies are walked */
	TRACE_WALK_MAX = 2048, /* blocks */
	TRACE_WALK_AT_ONCE = 4,
};
enum trace_want {
	TRACE_COUNT,  /* the account's count at block number `at` */
	TRACE_BODIES, /* the n blocks at, at - 1, …, whole */
	TRACE_STATES, /* by hash (EIP-1898): the count at `parent`; the count and the code at `hash` */
	TRACE_ENDS,
};
enum trace_verdict {
	TRACE_EARLY,    /* as of the final block the nonce is unused */
	TRACE_OURS,     /* one of our attempts is in `block`: its receipt decides */
	TRACE_FOREIGN,  /* something else consumed it there: the proof */
	TRACE_UNPROVED, /* neither way led anywhere: `why` */
};
enum consumer_kind {
	CONSUMER_UNKNOWN,
	CONSUMER_TRANSACTION,   /* another transaction of this sender: `tx` */
	CONSUMER_AUTHORIZATION, /* EIP-7702, in somebody's transaction `tx` */
	CONSUMER_DELEGATED, /* code that the account delegates to (a CREATE): no one transaction can be named */
	CONSUMER_DEPOSIT,   /* OP stack: `tx` */
};
const char *consumer_name(enum consumer_kind k); /* as in PostgreSQL */
struct consumer {
	enum consumer_kind kind;
	bool has_tx;
	uint8_t tx[32], by[20]; /* has_tx: and who sent it */
	bool has_to;            /* CONSUMER_TRANSACTION: what it called */
	uint8_t to[20];
	size_t ndata;
	uint8_t selector[4];
};
struct trace {
	/* set by trace_begin */
	uint64_t nonce, final, network;
	uint8_t address[20];
	const uint8_t (*ours)[32]; /* hashes of the slot's attempts; the caller's */
	size_t nours;
	/* when next says TRACE_ENDS */
	enum trace_verdict verdict;
	uint64_t block; /* OURS, FOREIGN */
	uint64_t time;
	uint8_t hash[32], parent[32];
	struct consumer consumer;
	const char *why; /* UNPROVED: for people */
	/* its own */
	enum { T_FINAL, T_LOW, T_BISECT, T_BODY, T_STATES, T_WALK, T_END } phase;
	uint64_t low, high, step; /* count(low) ≤ nonce < count(high), once both are known */
	bool hinted;
	unsigned tries;
	uint64_t walked;
	bool passed; /* bodies: a later transaction of the sender has a higher nonce */
	bool linked;
	uint8_t link[32]; /* bodies: the hash of the next block down */
	struct consumer
		likely;    /* what may have moved the count in the block in hand; kind UNKNOWN: nothing seen */
	bool has_auth; /* bodies: an authorization with the nonce was passed by, */
	struct trace_block {
		uint64_t number, time;
		uint8_t hash[32], parent[32];
	} auth_at; /* in this block */
	struct consumer auth;
};
/* hint: the number of a block at which the count had not passed the nonce, as it was stored; only a place to
 * begin. */
void trace_begin(struct trace *t, const uint8_t address[20], uint64_t network, uint64_t nonce, uint64_t final,
	const uint64_t *hint, const uint8_t (*ours)[32], size_t nours);

struct trace_ask {
	enum trace_want want;
	uint64_t at;
	unsigned n;
};
struct trace_ask trace_next(const struct trace *t);

/* The answer to what trace_next asked. served false, body NULL: the node refuses that block or does not know
 * it (not: it has no time now; then ask again). */
void trace_count(struct trace *t, bool served, uint64_t count);
/* One for each block of TRACE_BODIES, in their order; those behind an end are ignored. */
void trace_body(struct trace *t, const struct body *b);
void trace_states(struct trace *t, bool served, uint64_t before, uint64_t behind, bool has_code);

#endif
