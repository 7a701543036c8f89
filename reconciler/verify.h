/* verify: --verify [SIGNER]: walks the trails of accounts in order and says whether a row was edited,
 * deleted, added or swapped (P23). Reads a few hundred rows at a time; works while the fleet runs: what is
 * written meanwhile is not looked at. Exit: 0 all as written, 1 not, or no such signer; 75 PostgreSQL did not
 * answer. */
#ifndef FAIRLEAD_RECONCILER_VERIFY_H
#define FAIRLEAD_RECONCILER_VERIFY_H

#include "common/fleet/member.h"

int verify_main(void *arg, struct member *m);

#endif
