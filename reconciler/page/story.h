/* story: one life whole, as lines of time, verb, reason; and what may be done to it. Pure but for reading the
 * reply. */
#ifndef FAIRLEAD_RECONCILER_PAGE_STORY_H
#define FAIRLEAD_RECONCILER_PAGE_STORY_H

#include "reconciler/page/life.h"

/* Appends the whole answer. false: there is no such life. r: the answer of story_ask. */
bool story_put(struct buf *b, const struct pg_reply *r, const struct seen *s);
/* The same for a dead letter without an item. */
bool letter_put(struct buf *b, const struct pg_reply *r, int64_t letter, const struct seen *s);

/* An act: what it would do, in words; why it can't be done, or NULL. */
struct act_words {
	const char *label;
	char effect[200];
	const char *why;
};
void act_words(struct act_words *out, const char *act, const char *what, const char *state, int64_t n);
void act_put(struct buf *b, const char *name, const char *act, const char *of, const struct act_words *w);

#endif
