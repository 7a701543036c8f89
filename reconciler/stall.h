/* stall: has a bell been lost? Numbers are behind and nothing has moved for a while (INV-1). Pure. */
#ifndef FAIRLEAD_RECONCILER_STALL_H
#define FAIRLEAD_RECONCILER_STALL_H

#include <stdbool.h>
#include <stdint.h>

enum { STALL_MS = 5000 };

struct stall {
	int64_t top, cursor; /* newest number there is; what has been dealt with */
	uint64_t since_ms;   /* neither has changed since, or the bell was rung again then */
	bool seen;
};
/* true: ring again now. One look a second or so is enough. */
bool stall_look(struct stall *s, int64_t top, int64_t cursor, uint64_t now_ms);

#endif
