#include "test/node/index.h"

#include <stdlib.h>
#include <string.h>

static size_t bucket_of(const struct index *x, const uint8_t hash[32])
{
	uint64_t v;
	memcpy(&v, hash, sizeof v);
	return (size_t)v & (x->size - 1);
}

static void grow(struct index *x)
{
	struct index old = *x;
	x->size = old.size ? 2 * old.size : 1024;
	x->buckets = mem_alloc(x->size * sizeof *x->buckets);
	for (size_t i = 0; i < old.size; i++) {
		struct index_entry *list = NULL, *e;
		while ((e = old.buckets[i])) { /* turned round twice: the newest stays first */
			old.buckets[i] = e->next;
			e->next = list;
			list = e;
		}
		while ((e = list)) {
			list = e->next;
			size_t b = bucket_of(x, e->hash);
			e->next = x->buckets[b];
			x->buckets[b] = e;
		}
	}
	free(old.buckets);
}

void index_put(struct index *x, struct arena *a, const uint8_t hash[32], void *thing, uint32_t place)
{
	if (x->n == x->size)
		grow(x);
	struct index_entry *e = arena_alloc(a, sizeof *e);
	size_t b = bucket_of(x, hash);
	memcpy(e->hash, hash, 32);
	e->thing = thing;
	e->place = place;
	e->next = x->buckets[b];
	x->buckets[b] = e;
	x->n++;
}

const struct index_entry *index_get(
	const struct index *x, const uint8_t hash[32], const struct index_entry *after)
{
	const struct index_entry *e = after ? after->next : x->size ? x->buckets[bucket_of(x, hash)] : NULL;
	while (e && memcmp(e->hash, hash, 32) != 0)
		e = e->next;
	return e;
}
