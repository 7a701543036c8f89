/* top: the live screen of the whole fleet in a terminal (--top), or the same once as plain text (--top
 * --once). */
#ifndef FAIRLEAD_RECONCILER_TOP_H
#define FAIRLEAD_RECONCILER_TOP_H

#include "common/fleet/member.h"

int top_main(void *arg, struct member *m);

#endif
