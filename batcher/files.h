/* files: a look-up file (GRAMMAR `files:`): JSON text → keys and values. Pure.
 *
 * The file is one JSON object. A value that is no string is kept as its JSON text. A key that stands twice:
 * the last one counts, as JSON readers do. */
#ifndef FAIRLEAD_BATCHER_FILES_H
#define FAIRLEAD_BATCHER_FILES_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

struct file_entries {
	struct str *keys, *values; /* in the arena */
	size_t n, doubled;
	uint8_t digest[32]; /* of the text */
};
/* *e: "tokenMapping.json:3:7: not valid JSON here" (line and column from 1). path is for the message only. */
bool files_parse(struct arena *a, const char *path, struct str text, struct file_entries *out, struct err *e);

#endif
