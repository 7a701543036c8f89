/* pipe: which range of blocks is asked next, and in which order the answers are written. Pure.
 *
 * The blocks [from, target] are an ordered list of segments that touch: UNASKED (nobody was), ASKED (on
 * its way), READY (read and checked, waiting to be written). Many may be on their way at once; what is
 * written is always the first one, so the cursor never passes a block that was not read (INV-9). A segment
 * that was refused is UNASKED again, whatever its size: whoever takes it next cuts off as much as the
 * endpoint takes. */
#ifndef FAIRLEAD_LISTENER_PIPE_H
#define FAIRLEAD_LISTENER_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pipe_state { PIPE_UNASKED, PIPE_ASKED, PIPE_READY };
struct pipe_seg {
	int64_t from, to;
	enum pipe_state state;
	struct pipe_seg *prev, *next; /* pipe.c's own */
};
struct pipe {
	struct pipe_seg *first, *last;
	int64_t target; /* last block of the last segment */
	size_t asked, ready;
};
void pipe_init(struct pipe *p, int64_t from, int64_t target); /* from > target: nothing to do */
void pipe_fini(struct pipe *p);
void pipe_extend(struct pipe *p, int64_t target); /* more to do behind the end; never less */
bool pipe_done(const struct pipe *p);             /* all is written */
/* The first UNASKED segment, or NULL: what pipe_take would cut from. */
const struct pipe_seg *pipe_unasked(const struct pipe *p);
/* Cuts up to `blocks` (at least one) off its beginning: the caller's until pipe_refused or pipe_ready. */
struct pipe_seg *pipe_take(struct pipe *p, int64_t blocks);
void pipe_refused(struct pipe *p,
	struct pipe_seg
		*s); /* asked or ready: UNASKED again, joined with its UNASKED neighbours; s may be gone */
void pipe_ready(struct pipe *p, struct pipe_seg *s);
/* The first segment when it is READY, else NULL. pipe_written takes it out. */
struct pipe_seg *pipe_head(const struct pipe *p);
bool pipe_is_first(const struct pipe *p, const struct pipe_seg *s);
void pipe_written(struct pipe *p, struct pipe_seg *s); /* s must be the first and READY */

#endif
