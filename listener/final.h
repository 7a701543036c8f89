/* final: which block is called final (R5): a depth, or the node's tag as far as it moves. Monotone. Pure. */
#ifndef FAIRLEAD_LISTENER_FINAL_H
#define FAIRLEAD_LISTENER_FINAL_H

#include "common/app/config.h"

enum { FINAL_DEFAULT_DEPTH = 12, FINAL_DEFAULT_WINDOW = 64 };

struct final {
	enum final_kind kind;
	int64_t depth;
	int64_t tag;    /* the newest answer to the tag, -1: none yet */
	bool tag_moves; /* two different answers above 0 were seen, both below the head then */
	int64_t number; /* the newest final block, -1: none */
};
void final_init(struct final *f, const struct chain_decl *c, int64_t known);
void final_known(
	struct final *f, int64_t number); /* what is stored: less, when a commit did not come about */
const char *final_tag(
	const struct final *f); /* "safe", "finalized", or NULL when the tag need not be asked */
void final_heard(struct final *f, int64_t tag, int64_t head);
/* The newest final block with this head, never above done, never less than before. */
int64_t final_at(struct final *f, int64_t head, int64_t done);
/* The depth of the window: parent hashes and undo images are kept so deep (default max(final, 64)). */
int64_t final_window(const struct chain_decl *c);
/* The window as it is now: where a tag says what is final, it grows with the tag's lag behind the head (R5).
 */
int64_t final_window_now(const struct final *f, const struct chain_decl *c, int64_t head);

#endif
