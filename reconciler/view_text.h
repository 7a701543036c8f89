/* view_text: what the screen is written with: inks, columns, wrapped words, figures for people. Pure. */
#ifndef FAIRLEAD_RECONCILER_VIEW_TEXT_H
#define FAIRLEAD_RECONCILER_VIEW_TEXT_H

#include "reconciler/view.h"

enum ink { PLAIN, BOLD, CYAN, YELLOW, RED, MAGENTA, DIM, GREEN };

/* Nothing where v has no colour. */
void view_ink(const struct view *v, struct buf *b, enum ink i);
void view_put(const struct view *v, struct buf *b, enum ink i, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The sign that this terminal can show. */
const char *view_sign(const struct view *v, const char *utf8, const char *ascii);
/* Columns that s fills: characters, not bytes. */
int view_columns(const char *s);
void view_pad(struct buf *b, int n);
/* s in width columns, one blank at least behind it (view_cell) or none (view_cell_right); cut where it is
 * longer. */
void view_cell(const struct view *v, struct buf *b, enum ink i, int width, const char *s);
void view_cell_right(const struct view *v, struct buf *b, enum ink i, int width, const char *s);
/* Words from column col on; a word that would pass v->width begins a new line at column indent. */
void view_words(const struct view *v, struct buf *b, int col, int indent, const char *text);
/* Ends the line; no blank stands at its end. */
void view_line_end(struct buf *b);
/* What stands from byte `from` on becomes old: dim, line by line, whatever its colours were. */
void view_fade(const struct view *v, struct buf *b, size_t from);
void view_clock(char out[16], int64_t unix_ms); /* 03:12:37, UTC */

/* view_lives.c: the table of lives, newest first, one a line; room: lines under its head, < 0: as many as
 * there are. */
void view_lives(const struct view *v, struct buf *b, int room);

#endif
