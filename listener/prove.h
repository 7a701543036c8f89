/* prove: the step of a reader between the logs of some blocks and their commit: headers and logs are held
 * against each other, and the blocks brought to the level of proof that the chain wants (proving.h). */
#ifndef FAIRLEAD_LISTENER_PROVE_H
#define FAIRLEAD_LISTENER_PROVE_H

#include "listener/proving.h"

struct reader;
struct pg_unit;
struct rows_batch;

struct prove {
	struct proving_chain chain;
	struct prove_lies lies;
	/* of the step in work; the arrays live in reader.mem, NULL: none */
	bool *unknown; /* by header: its logs were refused as too many, or can't be true: receipts give them */
	enum proof_level *levels; /* by header: reached */
	struct provider
		*doubted;       /* who said that there are no logs in block doubted_at, whose bloom is positive */
	int64_t doubted_at; /* -1: who left out one that was heard */
	uint32_t waits;     /* for another one to come to that block */

	struct proving *job;
	struct block_header *headers; /* that are in work, */
	size_t *at, n;                /* and their places among those of the step */
	struct proof_given *given;
};

/* What the header says of itself. false: a lie; *e says it. */
bool prove_header(struct prove *v, struct arena *a, struct str json, struct err *e);
/* May block h be left unasked? (R1) */
bool prove_empty(const struct reader *r, const struct block_header *h);
/* Headers and logs of the step are there: sorts the logs, each once, and holds them against their headers.
 * false: a lie; *e says it. */
bool prove_given(struct reader *r, struct err *e);
/* Then: ends in store_step, in fetch_logs, or in reader_*. */
void prove_step(struct reader *r);
/* The head as far as it can be proved: by two sources, as far as two hosts have shown it. */
int64_t prove_head(const struct reader *r);
void prove_waits(struct reader *r); /* it lies below the head: says why, if nobody can be a second source */
void prove_drop(struct reader *r);  /* given up by us, if it is under way */
void prove_forget(struct prove *v); /* the step is over */
/* Adds the notes about the blocks of the step to its unit. false: there is nothing to be said but `none`. */
bool prove_note(struct reader *r, struct pg_unit *u, const struct rows_batch *b);

#endif
