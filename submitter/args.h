/* args: what an item keeps (a JSON object in PostgreSQL), as names with their values in the text form of
 * GRAMMAR §10. Pure.
 *
 * Numbers stay the digits that they are (INV-12: never through floating point), strings are unescaped, arrays
 * and objects stay JSON text, true and false are words, null is "no value". */
#ifndef FAIRLEAD_SUBMITTER_ARGS_H
#define FAIRLEAD_SUBMITTER_ARGS_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

struct arg {
	struct str name, value; /* value.p == NULL: null */
};
struct args {
	struct arg *list;
	size_t n;
};
/* json: one object. Slices borrow json, or a where escapes were undone. */
bool args_parse(struct arena *a, struct str json, struct args *out, struct err *e);
const struct arg *args_get(const struct args *args, struct str name); /* NULL: not there */

/* The elements of a JSON array as raw text: calls fn for each; false: not an array. Nothing inside is judged
 * but nesting. */
bool args_each(struct str json, void (*fn)(void *arg, struct str raw), void *arg);

#endif
