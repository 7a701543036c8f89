/* tell: what is seen of the fleet, in words: the verdict, the river, what is parked. The same words for the
 * page (feed.c) and --top (view.c). Pure. Texts are rich (feed.h) but for h1 and brief; they live in the
 * telling's arena. */
#ifndef FAIRLEAD_RECONCILER_PAGE_TELL_H
#define FAIRLEAD_RECONCILER_PAGE_TELL_H

#include "reconciler/page/look.h"

enum { ALARM_MS = 10000, TELL_RINGS = 5, TELL_OTHERS = 8 }; /* what lasts longer needs a person */

struct tell_cause { /* what is the matter */
	const char *tone, *h1, *brief, *lead, *you, *meanwhile, *seen;
	int64_t since; /* Unix ms; 0: unknown */
};
struct tell_gap {
	int64_t n;
	const char *text, *state; /* flows dammed dry */
};
struct tell_ring {
	const char *name, *sub, *lines[2], *say, *tone;
	bool closed;
};
struct tell_under {
	const char *name, *sub, *text, *tone;
};
struct tell_group {
	const char *id, *tone, *what, *sub, *cause, *cure;
	int64_t n, newest;
	bool retry, drop;
};
struct telling {
	struct arena mem;
	struct tell_cause verdict, others[TELL_OTHERS];
	size_t nothers;
	bool first; /* nothing was ever heard */
	struct tell_gap gaps[TELL_RINGS];
	struct tell_ring rings[TELL_RINGS];
	struct tell_under under[3];
	const char *note; /* why figures are grey, or NULL */
	struct tell_group groups[FIGURES_GROUPS];
	size_t ngroups;
	int64_t parked;
	const char *day;
};
void tell(struct telling *t, const struct seen *s); /* t: zeroed before the first time */
void tell_fini(struct telling *t);

/* river.c, parked.c */
void tell_river(struct telling *t, const struct seen *s);
void tell_parked(struct telling *t, const struct seen *s);
/* What an item is called: "token" of a batch whose key is tokenId; "item" where there are several. */
void tell_item_name(const struct config *c, char *out, size_t size);
/* Rich text in the telling's arena. */
const char *tell_text(struct telling *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *tell_rich(struct telling *t, const char *plain); /* escaped */
const char *tell_sentence(struct telling *t, const char *reason, int part);
/* Fresh beats of a program that do something, or stand by. */
int tell_count(const struct seen *s, const char *program);
const struct seen_beat *tell_leader(const struct seen *s, const char *program);

#endif
