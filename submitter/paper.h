/* paper: text for a terminal: paragraphs that fit its width, the verb of a line by its tone. Plain where
 * nobody looks: no colour, every line whole (LOOKS: a ledger is for grep). Pure. */
#ifndef FAIRLEAD_SUBMITTER_PAPER_H
#define FAIRLEAD_SUBMITTER_PAPER_H

#include "common/base/str.h"

struct paper {
	struct buf *out;
	size_t width; /* columns; 0: lines are never broken */
	bool color;
	int64_t now_ms; /* Unix time, for ages */
};
/* Of stdout: a terminal's width, at most 100; else whole lines. NO_COLOR is heeded. */
struct paper paper_of_stdout(struct buf *out, int64_t now_ms);
/* A paragraph of rich text (common/base/sentence.h); what follows its first line is indented so many columns.
 * head: in front, bold; tone: of head (sentence_tone), "" or NULL: none. */
void paper_put(
	struct paper *p, const char *margin, const char *tone, const char *head, struct str rich, size_t indent);

#endif
