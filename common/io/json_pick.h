/* json_pick: reads a few members out of a JSON text by their paths, without building a tree. Pure. (yajl) */
#ifndef FAIRLEAD_IO_JSON_PICK_H
#define FAIRLEAD_IO_JSON_PICK_H

#include "common/base/mem.h"
#include "common/base/str.h"

enum { JSON_PICK_PATHS = 16, JSON_PICK_DEPTH = 8 };

/* paths: "id", "params.result.number": names of members joined by dots (7 at most), through objects only; up
 * to JSON_PICK_PATHS. out[i] becomes the raw text of the value at paths[i] (the last one, if a name stands
 * twice), p == NULL where there is none. false: text is not one JSON value; out is then all empty. */
bool json_pick(struct str *out, const char *const *paths, int n, struct str text);

/* raw: a JSON string with its quotes. *out: its characters, escapes undone, in the arena. false: not a
 * string. */
bool json_pick_text(struct arena *a, struct str *out, struct str raw);

#endif
