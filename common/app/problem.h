/* problem: what is wrong with a configuration, all of it at once, each with its place and its cure.
 *
 * Printed as "file:line:col: text" (a whole line for editors, grep and logs), then the source line with
 * carets under the words meant. Lines and columns count from 1; a column is a character, not a byte. */
#ifndef FAIRLEAD_APP_PROBLEM_H
#define FAIRLEAD_APP_PROBLEM_H

#include "common/base/mem.h"
#include "common/base/str.h"

#include <stdio.h>

struct pos {
	const char *file; /* as the operator wrote it */
	int line, col;
	int len; /* characters to underline, at least 1 */
};
struct problem {
	struct pos at;
	const char *text; /* "a time without a unit; did you mean 5000ms? Units are ms, s, m, h and d" */
	const char *near; /* the suggested word inside text, printed green; or NULL */
};
struct problems {
	struct arena mem;
	struct problem *list;
	size_t n, cap;
	/* Texts of the files named in positions, for the source lines. */
	struct problem_file {
		const char *file;
		struct str text;
	} * files;
	size_t nfiles;
};
void problem_add(struct problems *ps, struct pos at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void problem_near(struct problems *ps, const char *near); /* marks the suggested word of the last problem */
void problem_file(struct problems *ps, const char *file, struct str text); /* text is borrowed */
/* Sorted by place, doubles dropped. color: ANSI. closing: the last line ("3 mistakes, nothing was started.
 * …") with the given tail ("PostgreSQL was not reachable, so SQL was read but not prepared.") or "". */
void problems_print(struct problems *ps, FILE *out, bool color, const char *tail);
void problems_fini(struct problems *ps);
/* The word of `words` (NULL-terminated) nearest to `word` by edit distance with transpositions, or NULL if
 * none is near. */
const char *nearest_word(const char *word, const char *const *words);

#endif
