/* diff: one row of a compare: against what the chain says, and what may be done about many of them (S8).
 * Pure. */
#ifndef FAIRLEAD_RECONCILER_DIFF_H
#define FAIRLEAD_RECONCILER_DIFF_H

#include "common/app/config.h"

struct cJSON;

enum diff_verdict {
	DIFF_SAME,
	DIFF_OTHER, /* the chain says something else */
	DIFF_NONE,  /* the chain has none: every answer is its type's empty value (0, "", false), the row's is not
				 */
	DIFF_UNREADABLE, /* a call reverted, failed, or was of a pruned state: never fixed */
};
struct diff {
	enum diff_verdict verdict;
	struct str chain; /* JSON object of text values by column; in the arena */
	struct str told;  /* "code: a, chain b" for the log line; in the arena */
};
/* answers[i]: bytes of column i's call, p == NULL: unreadable. */
void diff_row(struct arena *a, const struct compare_decl *c, const struct cJSON *row,
	const struct bytes *answers, struct diff *out);
/* Scope of a row's columns for call_encode; a null column is an error. */
struct call_scope diff_scope(const struct cJSON *row);
/* May differences be fixed when `differ` of `rows` differ? most_percent of S8. */
bool diff_may_fix(int64_t differ, int64_t rows, uint64_t most_percent);

#endif
