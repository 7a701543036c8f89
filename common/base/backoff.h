/* backoff: growing, jittered, capped, for ever (INV-11: nothing gives up). Pure: the caller owns clock and
 * timer. */
#ifndef FAIRLEAD_BASE_BACKOFF_H
#define FAIRLEAD_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint64_t first_ms, max_ms;
	uint32_t tries;   /* failures in a row so far */
	uint64_t entropy; /* state of the jitter; seed it with anything that differs between processes */
};
void backoff_init(struct backoff *b, uint64_t first_ms, uint64_t max_ms, uint64_t seed);
/* Counts one more failure and says how long to wait: first × 2^(tries-1), at most max, less up to 20 % of
 * jitter. */
uint64_t backoff_fail(struct backoff *b);
void backoff_ok(struct backoff *b); /* success: the next failure starts at first_ms again */

#endif
