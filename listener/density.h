/* density: about how many logs of ours a range holds, before it is asked: from the headers of a few of its
 * blocks. A block whose bloom says no has none; another one has as many as its gas may have paid for. So the
 * first question about a dense history is small already, and about a sparse one it is as large as allowed. */
#ifndef FAIRLEAD_LISTENER_DENSITY_H
#define FAIRLEAD_LISTENER_DENSITY_H

#include "listener/filter.h"
#include "listener/provider.h"

enum { DENSITY_BLOCKS = 6 };
/* The guess about n headers: logs in all of them, and the bytes of an answer that holds them. Pure. */
void density_guess(
	const struct filter *f, const struct block_header *h, size_t n, uint64_t *logs, uint64_t *bytes);

/* What answers by hash have brought, beside what the headers of their blocks let guess. Zeroes: nothing yet,
 * and a block may be full of logs. Pure. */
struct density_seen {
	uint32_t part; /* of the guess, in 256ths */
};
/* How many of the first blocks (n > 0), at least one, an answer of so many bytes will hold (INV-10). */
size_t density_fit(const struct density_seen *d, const struct filter *f, const struct block_header *h,
	size_t n, uint64_t bytes);
/* The logs of these blocks came as so many bytes. More counts at once, less by and by. */
void density_saw(
	struct density_seen *d, const struct filter *f, const struct block_header *h, size_t n, uint64_t bytes);

struct density;
/* Asks p (which gave a place) for DENSITY_BLOCKS headers of from..to, and tells every learner of ps what
 * follows. done runs once, whatever came of it. */
struct density *density_ask(struct loop *l, struct providers *ps, struct provider *p, const struct filter *f,
	int64_t from, int64_t to, void (*done)(void *arg), void *arg);
void density_cancel(struct density *d); /* NULL: nothing; done does not run */

#endif
