/* prove: the step of a reader between the logs of some blocks and their commit: the level of proof that the
 * chain's `completeness:` wants (R6), and what becomes of answers that can't be true (P11).
 *
 * The cursor passes a block when it has the wanted level, or when every endpoint that can be asked shows that
 * the level can't be reached on this chain (INV-9): that is said once, and the range is stored with the level
 * that it has. proof.h says what an answer means; here is whom to ask, and what follows. */
#ifndef FAIRLEAD_LISTENER_PROVE_H
#define FAIRLEAD_LISTENER_PROVE_H

#include "listener/proof.h"
#include "listener/provider.h"

struct reader;
struct pg_unit;
struct rows_batch;

/* Endpoint p lied about the block or range that begins at block `at`, which is the next to be read: when all
 * that can be asked do so, it is the chain that does not do as the checks expect. (proof_give_up) */
struct prove_lies {
	int64_t at;
	const struct provider *by;
	uint32_t n;
};
void prove_lied(
	struct prove_lies *l, struct proof_trust *t, struct providers *ps, const struct provider *p, int64_t at);

struct prove {
	struct proof_trust trust; /* of the chain, while this process runs */
	struct prove_lies lies;
	bool lowered;     /* it was said that the wanted level can't be reached here */
	int64_t differed; /* block about which it was said last that two endpoints differ */

	/* of the step in work; the arrays live in reader.mem, NULL: none */
	bool *unknown; /* by header: its logs were refused as too many, or can't be true: receipts give them */
	enum proof_level *levels; /* by header: reached */
	struct provider
		*doubted; /* who said that there are no logs in block doubted_at, whose bloom is positive */
	int64_t doubted_at;
	uint32_t waits; /* for another one to come to that block */

	struct proof_job *job;
	enum proof_level want;        /* asked for now: receipts settle what two sources differ about */
	struct provider *asked;       /* by the job; NULL: nobody has to be asked */
	struct provider *other;       /* the second source, when two differ */
	uint32_t tries;               /* jobs of this step with that level */
	struct block_header *headers; /* that are in work, */
	size_t *at, n;                /* and their places among those of the step */
	struct proof_given *given;
	const char *unsupported; /* why an endpoint could not prove, when it was said first */
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
void prove_go_on(struct reader *r); /* behind reader_wait */
/* The head as far as it can be proved: by two sources, as far as two hosts have shown it. */
int64_t prove_head(const struct reader *r);
void prove_waits(struct reader *r); /* it lies below the head: says why, if nobody can be a second source */
void prove_drop(struct reader *r);  /* given up by us, if it is under way */
void prove_forget(struct prove *v); /* the step is over */
/* Adds the notes about the blocks of the step to its unit. false: there is nothing to be said but `none`. */
bool prove_note(struct reader *r, struct pg_unit *u, const struct rows_batch *b);

#endif
