/* due: when a rule with every: runs: first when the chains have caught up, then each period after its last
 * run. Pure. */
#ifndef FAIRLEAD_RECONCILER_DUE_H
#define FAIRLEAD_RECONCILER_DUE_H

#include <stdbool.h>
#include <stdint.h>

struct due {
	uint64_t every_ms;
	bool known;       /* next_ms means something */
	uint64_t next_ms; /* monotonic */
};
/* What PostgreSQL remembers of its last run: ms ago, -1 never. */
void due_load(struct due *d, int64_t ms_ago, uint64_t now_ms);
bool due_now(const struct due *d, bool caught_up, uint64_t now_ms);
void due_ran(struct due *d, uint64_t now_ms);

#endif
