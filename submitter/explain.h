/* explain: the life of one batch or transaction in plain words, from PostgreSQL (--explain): the lines of
 * common/ledger/lines.h, which the page shows too. Pure but for reading the reply. */
#ifndef FAIRLEAD_SUBMITTER_EXPLAIN_H
#define FAIRLEAD_SUBMITTER_EXPLAIN_H

#include "common/io/pg.h"
#include "submitter/paper.h"

struct explain {
	const char *of;
};
/* A batch's number, 0x and 8 to 64 digits of a transaction's hash, NAME:KEY of an item. false: none of these.
 */
bool explain_of(struct explain *e, const char *of);
void explain_ask(const struct explain *e, struct pg_unit *u);
/* The answer of explain_ask in words. false: there is no such thing. */
bool explain_put(const struct explain *e, const struct pg_reply *r, struct paper *p);

#endif
