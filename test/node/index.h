/* index: 32-byte hash → things, several to a hash, the newest first. Nothing is ever taken out. */
#ifndef FAIRLEAD_TEST_NODE_INDEX_H
#define FAIRLEAD_TEST_NODE_INDEX_H

#include "common/base/mem.h"

struct index_entry {
	struct index_entry *next; /* of the same bucket */
	uint8_t hash[32];
	void *thing;
	uint32_t place; /* the caller's */
};
struct index {
	struct index_entry **buckets; /* 2^bits of them, in ordinary memory */
	size_t size, n;
};
void index_put(struct index *x, struct arena *a, const uint8_t hash[32], void *thing, uint32_t place);
/* The first of that hash behind `after` (NULL: from the start); NULL: none. */
const struct index_entry *index_get(
	const struct index *x, const uint8_t hash[32], const struct index_entry *after);

#endif
