/* scalar: one value of the file as characters, each of which knows where it stands, and the ${VAR} found in
 * it.
 *
 * Everything that reads a language inside YAML (SQL, calls, templates, units) reads a scalar, so that a
 * mistake is shown at its own characters, whether the value stands plain, quoted, in a | block or in { }. Not
 * YAML itself: yaml.h makes these. */
#ifndef FAIRLEAD_APP_SCALAR_H
#define FAIRLEAD_APP_SCALAR_H

#include "common/app/problem.h"

struct place {
	int line, col;
};
/* A ${VAR} (or the escape $${, whose name is empty and whose value is "${") at bytes [from, to) of the text.
 */
struct var_part {
	size_t from, to;
	struct str name, value;
	bool set; /* false: reported as unset; its value is empty */
};
struct scalar {
	struct pos at;
	struct str text;             /* as YAML reads it, ${VAR} not expanded */
	const struct place *places;  /* one a byte of text, and one behind the last; NULL: all at `at` */
	const struct var_part *vars; /* in order; filled by expand.h */
	size_t nvars;
};

/* The place of bytes [from, to) of the text; the underline ends with the line. */
struct pos scalar_pos(const struct scalar *s, size_t from, size_t to);
/* The part that begins at byte `at`, or NULL. */
const struct var_part *scalar_var(const struct scalar *s, size_t at);
/* The text with every part replaced by its value. */
struct str scalar_value(struct arena *a, const struct scalar *s);
bool scalar_is_empty(const struct scalar *s); /* nothing is left after expansion */

#endif
