/* path: which of the declared paths a request means (GRAMMAR §7). Pure.
 *
 * A word goes before a {name}, a method before ANY; where the better path has not the method, the next one is
 * tried. A path may end with one more "/". Segments are decoded after they are parted (RFC 3986), so an
 * encoded slash never parts. */
#ifndef FAIRLEAD_SERVE_PATH_H
#define FAIRLEAD_SERVE_PATH_H

#include "common/app/config.h"

enum path_method { PATH_GET, PATH_POST, PATH_PUT, PATH_PATCH, PATH_DELETE, PATH_ANY, PATH_METHODS };
enum { PATH_VALUES = 32 }; /* most {names} of one path */

struct path_table;
struct path_table *path_table_new(void);
void path_table_free(struct path_table *t);
/* The segments must outlive the table. false: there is such a path already; nothing was added. */
bool path_add(struct path_table *t, enum path_method m, const struct route_segment *segments, size_t n,
	const void *target);
/* The segments of "/api/{id}/{rest*}", for paths of the engine's own. */
size_t path_segments(struct arena *a, const char *path, const struct route_segment **out);
/* "GET" → PATH_GET; false: none of these six. */
bool path_method_of(struct str word, enum path_method *m);

enum path_result {
	PATH_FOUND,
	PATH_NONE,
	PATH_OTHER, /* it is there for other methods: *allowed */
	PATH_BAD,   /* a broken percent code, or one that is no UTF-8 or NUL */
};
struct path_match {
	const void *target;
	struct str values[PATH_VALUES]; /* one a parameter, in order */
	size_t n;                       /* one less than the path has where {name?} is not there */
	bool has_rest;                  /* the last one is of {rest*}: it may hold slashes, or be empty */
	unsigned allowed;               /* bits 1 << path_method of what stands at this path, PATH_ANY too */
};
/* Decoded values that differ from the path's own bytes live in a. */
enum path_result path_find(
	const struct path_table *t, enum path_method m, struct str path, struct arena *a, struct path_match *out);
/* "%41+b" → "A+b", in a; plus: "+" is a blank (query strings). p == NULL: broken. */
struct str path_decode(struct arena *a, struct str s, bool plus);

#endif
