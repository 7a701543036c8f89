/* window: the hashes of the newest blocks that we stored, as the reader keeps them in memory. Pure.
 *
 * What stands in fairlead.block for the same numbers; loaded at take-over, moved with every commit. */
#ifndef FAIRLEAD_LISTENER_WINDOW_H
#define FAIRLEAD_LISTENER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window_block {
	int64_t number;
	uint8_t hash[32];
};
struct window {
	struct window_block *blocks; /* ascending, without a gap since the last jump; oldest first */
	size_t n, cap;               /* at most cap are kept */
};
void window_init(struct window *w, size_t cap);
void window_fini(struct window *w);
void window_clear(struct window *w);
/* number must be above all kept; a jump (not the child of the newest) forgets the older ones. */
void window_add(struct window *w, int64_t number, const uint8_t hash[32]);
void window_cut(struct window *w, int64_t from);                    /* forgets number ≥ from */
const uint8_t *window_hash(const struct window *w, int64_t number); /* NULL: not kept */
const struct window_block *window_top(const struct window *w);      /* NULL: empty */

/* What the endpoint says about the kept blocks: for each of them, in order: known and hash. */
struct window_answer {
	bool known;
	uint8_t hash[32];
};
enum window_verdict {
	WINDOW_SAME,   /* nothing that is known differs */
	WINDOW_REORG,  /* *ancestor: the newest block that is still ours */
	WINDOW_DEEPER, /* the oldest kept block differs too: deeper than we can repair (P10) */
};
/* Only another hash at a stored height is a reorg; a block that is not known never is (R5). */
enum window_verdict window_compare(const struct window *w, const struct window_answer *a, int64_t *ancestor);

#endif
