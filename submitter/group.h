/* group: some ready batches on their way from PostgreSQL to signed bytes: read, asked, committed, then gone
 * with its arena. */
#ifndef FAIRLEAD_SUBMITTER_GROUP_H
#define FAIRLEAD_SUBMITTER_GROUP_H

#include "submitter/sender.h"

enum group_phase {
	GROUP_READ,    /* items are here, nothing is known about them */
	GROUP_ASKING,  /* questions are with the node */
	GROUP_HALVING, /* the rest is known; one failed batch is being halved (S6) */
	GROUP_ASKED,   /* every batch has its end: sign.c's turn */
};
struct group {
	struct sender *s;
	uint64_t era;
	enum group_phase phase;
	struct arena mem;
	struct intake in;
	struct intake_batch batches[GROUP_MAX];
	char block[100]; /* as params name it */
	uint64_t head;   /* all questions of this group are asked at this one */
	uint8_t head_hash[32];
	bool by_number;
	size_t in_flight; /* requests */
	bool void_now;    /* a question of the round got no answer: the group goes back */
	bool again_now;   /* and is read again at once */
	uint64_t read_ms, asked_ms, committed_ms;
	size_t calls;
	/* as committed: sign.c */
	struct signing *signing; /* what the hand is asked */
	struct slots_signed *sign;
	struct attempt *attempts;
	size_t nsigned, nfates;
	struct slots_fate *fates;
	/* halving */
	struct intake_batch *sick;
	struct poison poison;
	struct bytes *errors; /* one an item of it: what it said alone */
	bool control_asked, control_passed;
	struct group_fit {
		const struct batch_decl *decl;
		uint64_t items;
	} * fits; /* how many items of a declaration fit into a transaction, as one that was too large shows */
	size_t nfits;
};
/* S5: the most gas that a transaction of this batch may have. */
uint64_t group_gas_cap(const struct sender *s, const struct batch_decl *d);
/* s->group or s->committing */
void group_free(struct group *g);

#endif
