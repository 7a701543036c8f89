/* plan: what to read next, from where the cursor stands and what the endpoint has shown. Pure.
 *
 * Below the window blocks are read by ranges (fill.h), each anchored by its ends (R2). Inside the window
 * every block is read by its hash (R1), several blocks a request while catching up, one at the head. */
#ifndef FAIRLEAD_LISTENER_PLAN_H
#define FAIRLEAD_LISTENER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum plan_step {
	PLAN_WAIT,   /* nothing to read until a newer head is heard */
	PLAN_BLOCKS, /* from..to by hash */
	PLAN_RANGE,  /* from..to by number: all that lies below the window */
	PLAN_BACK, /* the endpoint's head lies below the cursor: it lags, or the chain was shortened. Look at the
				  hashes */
};
struct plan_view {
	int64_t done; /* cursor: the last block whose events are committed; -1: none */
	bool head_known;
	int64_t head; /* what this endpoint showed */
	int64_t seen; /* blocks that must stand on a block before it is read */
	int64_t window;
	bool by_hash;   /* history is read by hash as well: a reseat is open (R4) */
	int64_t blocks; /* most blocks by hash a request now */
};
struct plan {
	enum plan_step step;
	int64_t from, to;
	bool live; /* the only block read is the child of the cursor and the head itself (R7) */
};
struct plan plan_next(const struct plan_view *v);

#endif
