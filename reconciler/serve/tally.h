/* tally: how often a path was asked, how that ended, how long it took: for /metrics, the page, the access
 * log.
 */
#ifndef FAIRLEAD_SERVE_TALLY_H
#define FAIRLEAD_SERVE_TALLY_H

#include "reconciler/serve/door.h"

struct tally *tally_new(const char *label);
void tally_free(struct tally *t);
void tally_cached(struct tally *t);
/* Counts, and writes the access log: what failed or changed something at level info, the rest at debug. */
void tally_answer(struct tally *t, const struct visit *v, int status, size_t bytes);
bool tally_figures(const struct tally *t, struct way_figures *out); /* false: never asked */

#endif
