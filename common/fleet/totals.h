/* totals: every ten seconds, what this process has counted since the last time goes to fairlead.counter;
 * nothing when nothing was counted. A unit whose outcome is unknown is not repeated: a total may miss ten
 * seconds, never count twice. */
#ifndef FAIRLEAD_FLEET_TOTALS_H
#define FAIRLEAD_FLEET_TOTALS_H

#include "common/io/pg.h"

struct totals;
struct totals *totals_open(struct loop *l, struct pg *pg, const char *program);
/* Before the end of the process: pushes, and calls done once when nothing is on its way any more; never
 * inside this call. */
void totals_finish(struct totals *t, void (*done)(void *arg), void *arg);
void totals_close(struct totals *t);

#endif
