/* window: the hashes of the blocks that a reorg can still reach, and the search for the block at which two
 * branches part (R5). Pure. */
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
	struct window_block *blocks; /* ascending, without a gap */
	size_t n, cap;               /* at least the newest cap blocks are kept, at most twice as many */
};
void window_init(struct window *w, size_t cap);
void window_fini(struct window *w);
void window_keep(struct window *w, size_t cap); /* at least so many from now on; never fewer than before */
void window_clear(struct window *w);
/* Numbers rise; a gap (a jump to a range's end) forgets what is below it. */
void window_add(struct window *w, int64_t number, const uint8_t hash[32]);
void window_cut(struct window *w, int64_t from);                    /* forgets blocks at or above from */
const uint8_t *window_hash(const struct window *w, int64_t number); /* NULL: not kept */
const struct window_block *window_top(const struct window *w);      /* NULL: none */

/* Where the endpoint's branch parts from ours: some headers are asked, the answers narrow it, until nothing
 * lies between an equal block and one that is not. One equal hash proves all below it. Only a block that is
 * known to the endpoint by another hash makes a reorg: what it does not have (null, an old head) never does.
 */
struct window_search {
	const struct window *w;
	size_t equal;     /* blocks [0, equal) of the window are equal */
	size_t other;     /* blocks [other, n) are not; n: none is known to be other */
	bool other_known; /* the endpoint has another block at `other`; false: it has none */
};
enum { WINDOW_PROBES = 16 };
void window_search_init(struct window_search *s, const struct window *w);
/* The next numbers to ask, ascending, at most WINDOW_PROBES. 0: the search is over. The first question is the
 * newest block alone with its neighbour below: most of the time nothing is wrong, or the reorg is short. */
size_t window_search_next(const struct window_search *s, int64_t numbers[WINDOW_PROBES]);
/* hash: NULL: the endpoint has no block of that number. */
void window_search_heard(struct window_search *s, int64_t number, const uint8_t *hash);

enum window_verdict {
	WINDOW_SAME,  /* the newest is equal, or it is merely behind */
	WINDOW_REORG, /* the branches part above *ancestor */
	WINDOW_DEEPER /* even the lowest kept block is another one */
};
enum window_verdict window_search_verdict(const struct window_search *s, int64_t *ancestor);

#endif
