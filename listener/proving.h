/* proving: some blocks whose headers and logs are there are brought to the level of proof that the chain's
 * `completeness:` wants (R6): whom to ask, and what becomes of answers that can't be true (P11).
 *
 * A block has the wanted level, or every endpoint that can be asked has shown that the level can't be reached
 * on this chain (INV-9): that is said once, and the block has the level that it has. proof.h says what an
 * answer means; proving_judge.c what follows from it (pure); proving.c asks. Not here: which blocks, and what
 * is stored of them (prove.h: the blocks of a reader's step; fill.h: ranges). */
#ifndef FAIRLEAD_LISTENER_PROVING_H
#define FAIRLEAD_LISTENER_PROVING_H

#include "listener/filter.h"
#include "listener/proof.h"
#include "listener/provider.h"

struct proving_chain { /* one a chain, for all that reads it, while this process runs */
	enum proof_level completeness;
	struct proof_trust trust;
	bool lowered;     /* it was said that the wanted level can't be reached here */
	int64_t differed; /* block about which it was said last that two endpoints differ */
};
void proving_say(
	struct proving_chain *c, const char *name); /* checks that are found not to hold: a line each */

/* Endpoint p lied about the block or range that begins at block `at`, which is the next to be read: when all
 * that can be asked do so, it is the chain that does not do as the checks expect. (proof_give_up) */
struct prove_lies {
	int64_t at;
	const struct provider *by;
	uint32_t n;
};
void prove_lied(
	struct prove_lies *l, struct proof_trust *t, struct providers *ps, const struct provider *p, int64_t at);

/* Why nobody can be a second source. */
extern const char proving_lonely[];

/* ── one run of blocks ── */

struct proving;
struct proving_ask {
	struct loop *loop;
	struct providers *providers;
	const char *name; /* the chain's, for logs */
	struct proving_chain *chain;
	struct provider *giver; /* of headers and logs */
	const struct block_header *headers;
	const struct proof_given *given; /* one that is not known is proved by its receipts, whatever is wanted */
	size_t n;                        /* of them */
	struct proof_filter filter;
	const struct filter_plan *plan; /* what was asked for of their logs */
	bool urgent;                    /* a place is always there (provider_may_send) */
	struct arena *mem;              /* where proved logs are put; untouched after proving_cancel */
};
enum proving_end {
	PROVING_DONE,   /* blocks hold the logs that count, and the levels */
	PROVING_AGAIN,  /* it could not be proved: headers and logs are to be had anew, of whoever is best then */
	PROVING_NOBODY, /* nobody can be asked now, or only in a while: the same */
};
struct proving_reply {
	enum proving_end end;
	const struct proof_block *blocks; /* until fn returns; their logs live as long as mem */
	bool giver_lied;
	bool unsure; /* AGAIN: who was asked does not have the block yet; nothing is said against anybody */
	char why[260];
};
/* fn runs exactly once, in a later turn. All that ask points to lives until then, or until proving_cancel;
 * the plan only until proving_run returns. */
struct proving *proving_run(
	const struct proving_ask *ask, void (*fn)(void *arg, const struct proving_reply *r), void *arg);
void proving_cancel(struct proving *j); /* fn does not run. NULL: nothing */

/* ── proving_judge.c: what the verdicts about some blocks lead to. Pure ── */

enum proving_next {
	PROVING_TAKE,    /* the level is reached, or it can't be on this chain */
	PROVING_SETTLE,  /* two endpoints differ: receipts say which of them is right */
	PROVING_ANOTHER, /* another endpoint is asked; where there is none: `otherwise` */
	PROVING_RESTART, /* logs of somebody else are wanted */
};
struct proving_view {
	const struct proof_block *blocks;
	const struct proof_given *given;
	size_t n;
	enum proof_level want, completeness; /* asked for now; of the chain */
	bool lowered, settling;              /* SETTLE came before */
};
struct proving_judgement {
	enum proving_next next, otherwise; /* otherwise: TAKE or RESTART */
	const struct proof_block *about;   /* SETTLE, RESTART; NULL: two differ, and receipts prove nothing */
	const struct proof_block *asked;   /* whoever was asked has lied; NULL: has not */
	/* with TAKE and RESTART: */
	const struct proof_block *giver;       /* has lied; NULL: has not */
	bool other;                            /* the second source has lied */
	const struct proof_block *unsupported; /* the level can't be had here; the first that says so */
	bool raised;                           /* it can be had, whatever was said before */
};
void proving_judge(struct proving_judgement *j, const struct proving_view *v);

#endif
