/* life: one life in words and as JSON (LIFE of feed.h). Pure. */
#ifndef FAIRLEAD_RECONCILER_PAGE_LIFE_H
#define FAIRLEAD_RECONCILER_PAGE_LIFE_H

#include "reconciler/page/tell.h"

enum life_state {
	STATE_COLLECTING,
	STATE_CUT,
	STATE_SENT,
	STATE_MINED,
	STATE_FINAL,
	STATE_PARKED,
	STATE_TAKEN,
	STATE_SKIPPED,
	STATE_DEAD
};
enum life_state life_state(const struct life *l);
/* A sentence in place of the columns, rich; false: none. */
bool life_sentence(const struct life *l, struct buf *out);
/* The name of its signer by its address, or the address. */
const char *life_signer(const struct seen *s, const char *address_hex);
void life_put(struct buf *b, const char *name, const struct life *l, const struct seen *s);
void life_fees(const struct life *l, void (*fn)(void *arg, const char *gwei), void *arg);

#endif
