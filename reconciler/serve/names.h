/* names: the values that a request's SQL, calls and texts may use (GRAMMAR §8): fields, request.id, auth.sub,
 * what let and call made. Each is kept in the text form of §10, as the peer or PostgreSQL gave it. */
#ifndef FAIRLEAD_SERVE_NAMES_H
#define FAIRLEAD_SERVE_NAMES_H

#include "common/base/mem.h"
#include "common/base/str.h"

enum name_kind {
	NAME_TEXT, /* bound as it is; PostgreSQL reads it in the type of its place */
	NAME_JSON, /* text is JSON: a number, a bool, an object or an array; an array becomes one of PostgreSQL's
				  in the place of one */
};
struct serve_name {
	const char *name;
	enum name_kind kind;
	struct str text; /* p == NULL: null */
};
struct serve_names {
	struct arena *a; /* lives as long as the request */
	struct serve_name *list;
	size_t n, cap;
};
/* name and text are borrowed for as long as the request lives. */
void names_put(struct serve_names *s, const char *name, enum name_kind kind, struct str text);
const struct serve_name *names_find(const struct serve_names *s, struct str name); /* or NULL */

#endif
