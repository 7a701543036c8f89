/* truth: what PostgreSQL says of nonces that none of our attempts consumed (S2), and how far it must have
 * come if it lost nothing (P8). Not here: how it is found out (submitter/trace.h). */
#ifndef FAIRLEAD_LEDGER_TRUTH_H
#define FAIRLEAD_LEDGER_TRUTH_H

#include "common/ledger/slots.h"

/* The newest stored sample up to that block at which the account's count had not passed the nonce, unless its
 * block left the chain. One row or none. */
void truth_hint(struct pg_unit *u, const struct slots_lane *l, uint64_t nonce, uint64_t final);
bool truth_hint_read(const struct pg_reply *r, int stmt, uint64_t *block);

struct truth_consumed {
	uint64_t nonce, block, time; /* time: the block's, seconds */
	const uint8_t *hash, *parent;
	const char *kind;       /* as in fairlead.consumed */
	const uint8_t *tx, *by; /* both NULL where no transaction can be named */
};
/* The slot is closed as foreign and its items are free. Refused (FL004) unless the block is final and ours.
 */
void truth_close(struct pg_unit *u, const struct slots_lane *l, const struct truth_consumed *c);
int64_t truth_closed(const struct pg_reply *r, int stmt); /* how many items are free */
/* Only the note. */
void truth_note(struct pg_unit *u, const struct slots_lane *l, const struct truth_consumed *c);

/* P8: the newest batch that there is, of any pool; the highest nonce of any slot of this chain. -1: none. */
void truth_tops(struct pg_unit *u, int chain);
struct truth_tops {
	int64_t batch, nonce;
};
void truth_tops_read(const struct pg_reply *r, int stmt, struct truth_tops *out);

#endif
