/* signers: what the live page shows of each signer (feed.h, "signers"): its facts, what a person may do with
 * it, and the points of its plot. Pure. */
#ifndef FAIRLEAD_RECONCILER_PAGE_SIGNERS_H
#define FAIRLEAD_RECONCILER_PAGE_SIGNERS_H

#include "reconciler/page/tell.h"

/* Appends `"signers":[…],`. */
void signers_put(struct buf *b, const struct seen *s);

#endif
