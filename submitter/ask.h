/* ask: the questions of a group as JSON-RPC calls, many a request, and the answers as replies to group.c.
 *
 * Views (skip: checks) are bundled, a hundred in one eth_call, where the node can (bundle.h), and so are the
 * calls of batches whose gas is known; what a bundle can't answer is asked again by itself, so an answer
 * means the same either way. */
#ifndef FAIRLEAD_SUBMITTER_ASK_H
#define FAIRLEAD_SUBMITTER_ASK_H

#include "submitter/group.h"

enum { BUNDLE_MAX = 100 };

struct asked {
	struct question q;
	size_t probe; /* halving: index of the probe; PROBE_CONTROL, PROBE_NONE */
};
#define PROBE_NONE    SIZE_MAX
#define PROBE_CONTROL (SIZE_MAX - 1)

struct ask;
struct asker { /* collects questions into requests; on the caller's stack */
	struct group *g;
	struct ask *a;
	struct asked views[BUNDLE_MAX];
	size_t nviews;
	struct asked tries[BUNDLE_MAX];
	size_t ntries;
};
void ask_put(struct asker *k, const struct question *q, size_t probe);
void ask_flush(struct asker *k); /* what was put leaves; g->in_flight counts the requests */

/* group.c: one answer; then, once a request is done with, group_answered (which may free the group). */
void group_told(struct group *g, const struct asked *a, const struct reply *r);
void group_answered(struct group *g);

#endif
