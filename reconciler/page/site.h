/* site: the files of the live page in the door. The page is at "/" where the application has no route of its
 * own there, and at /_fairlead always. */
#ifndef FAIRLEAD_RECONCILER_PAGE_SITE_H
#define FAIRLEAD_RECONCILER_PAGE_SITE_H

#include "common/app/config.h"
#include "reconciler/serve/door.h"

bool site_taken(const struct config *c); /* the application has its own "/" */
void site_add(const struct config *c, struct door *d);

#endif
