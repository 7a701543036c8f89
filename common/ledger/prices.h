/* prices: what a lane has learned of prices, and which ready batches wait for a better one. Not here: what is
 * learned and why they wait (submitter/price.h). */
#ifndef FAIRLEAD_LEDGER_PRICES_H
#define FAIRLEAD_LEDGER_PRICES_H

#include "common/ledger/slots.h"

struct prices_learned {
	int lean;
	uint32_t rule;
	struct u256 floor;
};
/* No row or one. */
void prices_read(struct pg_unit *u, const struct slots_lane *l);
bool prices_taken(const struct pg_reply *r, int stmt, struct prices_learned *out);
void prices_keep(struct pg_unit *u, const struct slots_lane *l, const struct prices_learned *p);

/* Does one of the pool's ready batches wait for a better price? One row. */
void prices_waiting(struct pg_unit *u, const char *pool, int chain, const struct slots_gates *g);

#endif
