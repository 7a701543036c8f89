/* filter: what a chain is asked for, and which declared event a log is. Pure.
 *
 * A filter holds the declared events of one chain, or some of them (a source whose history is read apart):
 * their addresses, the children of factories, and what `where:` restricts. A plan of it is the text of the
 * eth_getLogs filters that ask for all of that. What a node would answer beyond it is sorted out by
 * filter_match, so a plan may ask more widely than the filter, never more narrowly. */
#ifndef FAIRLEAD_LISTENER_FILTER_H
#define FAIRLEAD_LISTENER_FILTER_H

#include "common/app/config.h"
#include "common/evm/logs.h"

/* Topics that a log may have at one position; unrestricted: any. An event is restricted at the position of an
 * indexed field when every live rule on it has a `where:` for that field, to the union of their lists; an
 * event without a rule, or one that a factory's children are learned from, is not restricted at all. */
struct filter_topics {
	bool restricted;
	const uint8_t (*list)[32]; /* ascending, each once */
	const struct bloom_key *keys;
	size_t n;
};
struct filter_event {
	const struct event_decl *decl;
	size_t index;                   /* in filter.events */
	unsigned ntopics;               /* that its logs have */
	struct filter_topics topics[4]; /* topics[0] of an event that is not anonymous holds its hash */
};
struct filter_child {
	uint8_t address[20];
	struct bloom_key key;
	uint64_t block; /* that created it: its logs count from this block on */
	uint64_t added; /* filter.added before it */
	bool was;       /* it was known from a later block on: */
	uint64_t was_block, was_added;
	const struct contract_decl *contract; /* whose `address: { from: … }` it answers */
};
struct filter {
	struct filter_event *events; /* in the order of the file */
	size_t n;
	struct filter_child *children;
	size_t nchildren;
	uint64_t added; /* grows with each child that filter_child_add takes, never back */

	/* filter.c's own */
	struct arena mem, scratch;
	struct filter_slot *slots; /* (address, topic0) → event */
	size_t nslots;
	uint32_t *child_slots; /* (contract, address) → child, from 1 */
	size_t nchild_slots, children_cap;
	struct filter_contract *contracts; /* of the events, each once */
	size_t ncontracts;
	bool has_factories;
};
/* Every event of the chain. c must outlive f. */
void filter_init(struct filter *f, const struct config *c, const struct chain_decl *chain);
/* These events only, all of one chain, in the order of the file. Children are the caller's to add. */
void filter_init_of(
	struct filter *f, const struct config *c, const struct event_decl *const *events, size_t n);
void filter_fini(struct filter *f);

/* The event that a log is; NULL: none of ours, though it may fit what was asked. Exact: address (a child's
 * from its creating block on), topic0 and `where:`. Constant time. */
const struct filter_event *filter_match(const struct filter *f, const struct log *log);
/* May the block hold one of ours? false: its bloom proves that it doesn't. */
bool filter_bloom(const struct filter *f, const uint8_t bloom[256]);

/* ── factories ── */

/* false: it was known from this block or an earlier one on, or no event of f is of this contract. true: plans
 * are to be made anew. */
bool filter_child_add(
	struct filter *f, const struct contract_decl *contract, const uint8_t address[20], uint64_t block);
/* A reorg took back the blocks from this one on, and the creations in them. How many were forgotten. */
size_t filter_children_forget(struct filter *f, uint64_t from_block);
/* A log of an event: adds the child that it creates, for every contract that learns from this event. How many
 * were added; 0 also when the log does not decode. */
size_t filter_learn(struct filter *f, const struct event_decl *event, const struct log *log);
bool filter_teaches(
	const struct filter *f, const struct event_decl *event); /* are children learned from it? */
/* The same from logs that are not stored yet, and may turn out to be false. */
struct filter_trial { /* zeroed: empty */
	uint64_t *added;  /* filter.added before each child of it, ascending */
	size_t n, cap;
};
size_t filter_try(
	struct filter *f, struct filter_trial *t, const struct event_decl *event, const struct log *log);
void filter_trial_keep(struct filter_trial *t); /* the logs are stored */
/* They are not: its children leave, what they had replaced stands again. One that was added anew since stays.
 */
void filter_trial_undo(struct filter *f, struct filter_trial *t);
void filter_trial_fini(struct filter_trial *t);

/* ── what to send ── */

enum { FILTER_CAP_DEFAULT = 1000, FILTER_REQUESTS_MOST = 4 }; /* geth's cap on a list; see `most` below */

struct filter_request {
	const char *members; /* of the filter object: "address":[…],"topics":[…]; one of the two at least */
	/* the same, in ascending order; a list that is left out is not restricted */
	const uint8_t (*addresses)[20];
	size_t naddresses;
	bool any_address;
	struct filter_topics topics[4];
};
struct filter_plan {
	struct filter_request *requests;
	size_t n;   /* 0: nothing is to be asked */
	size_t *of; /* of[event index]: the request that answers for it; SIZE_MAX: none */
	struct arena mem;
};
/* Makes p (zeroed, or made before) from f as it stands. No list is longer than cap: over it, addresses are
 * left out and logs are told apart here by topic0 (R7); so are topics of the positions behind it. Events with
 * the same topics behind topic0 share a request; those with others get their own, as long as there are no
 * more than `most` requests, else they are merged and their logs sorted out here. One block by its hash:
 * most 1. Two requests may give the same log; it counts in the answer to of[its event], and there only. */
void filter_plan_make(struct filter_plan *p, const struct filter *f, size_t cap, size_t most);
/* The same for the children alone that were added since filter.added was `since`: what a range that created
 * them has not asked yet. */
void filter_plan_children(
	struct filter_plan *p, const struct filter *f, uint64_t since, size_t cap, size_t most);
/* One block that is more than an endpoint gives at once: a request for each address and topic0. A log may be
 * an answer to several; of[] says nothing. */
void filter_plan_pairs(struct filter_plan *p, const struct filter *f, size_t cap);
void filter_plan_fini(struct filter_plan *p);
/* Could this log be an answer to that request? false: the node says what it was not asked (P11). */
bool filter_asked(const struct filter_plan *p, size_t request, const struct log *log);

/* ── what was asked ── */

/* Digest of an event's source: addresses or factory, topic0, `where:`. Another digest at a later start: the
 * event's history has to be read again. The order of lists does not count, nor do children. */
void filter_fingerprint(const struct filter_event *event, uint8_t out[32]);

#endif
