/* json: a JSON text taken apart where it stands, without a tree and without rounding a number. Pure. (yajl
 * checks it first) */
#ifndef FAIRLEAD_SERVE_JSON_H
#define FAIRLEAD_SERVE_JSON_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

/* One whole, valid value, valid UTF-8, nested no deeper. */
bool json_check(struct str text, unsigned deepest, struct err *e);

enum json_kind { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_NULL };
struct json {
	enum json_kind kind;
	struct str text; /* as it stands; a string with its quotes */
};
/* Of checked text only. The value that text begins with (blanks before it are skipped). */
struct json json_value(struct str text);
/* Walks the members of an object or the items of an array: *at begins at 0; false: no more. name (of an
 * object): with its quotes. */
bool json_next(struct json of, size_t *at, struct str *name, struct json *value);
/* What a string says. p == NULL: it holds U+0000 or half a surrogate pair, which PostgreSQL can't keep. */
struct str json_string(struct arena *a, struct str quoted);

#endif
