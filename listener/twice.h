/* twice: one event at two places of one branch, which can't be: its identity is its transaction's (INV-2),
 * and a transaction is mined once. PostgreSQL refuses such a step while both blocks lie in the window.
 *
 * Somebody errs: the answer (it is asked again, elsewhere at best), or what is stored of the other block
 * (that is taken back and read again). When both are told again, the chain or its only node means it: the
 * event stays where it stands first, what was told of it later is left out, and a person is told. */
#ifndef FAIRLEAD_LISTENER_TWICE_H
#define FAIRLEAD_LISTENER_TWICE_H

#include "common/evm/logs.h"
#include "common/io/pg.h"

struct reader;

enum { TWICE_MOST = 64 };
struct twice { /* zeroed: empty */
	struct twice_log {
		uint8_t block_hash[32], id[32];
	} logs[TWICE_MOST]; /* left out; a ring */
	size_t n;           /* ever */
	uint8_t block[32];  /* where one was met last */
	unsigned met;       /* and how often in a row */
	char why[200];
};

bool twice_holds(const struct twice *t, const struct log *l); /* an identified log that is left out */
/* Takes those out of n identified logs; how many remain. */
size_t twice_leave_out(const struct twice *t, struct log *logs, size_t n);
/* Is this the refusal of such a step? Then what stands elsewhere is looked up, and r goes on from there. */
bool twice_met(struct reader *r, const struct pg_reply *q);

#endif
