#include "common/base/mem.h"
#include "common/io/pg_in.h"

#include <stdio.h>
#include <stdlib.h>

/* FNV-1a */
static size_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

static struct pg_name *slot(const struct pg_names *n, const char *name)
{
	size_t i = hash(name) & (n->cap - 1);
	while (n->slots[i].name && strcmp(n->slots[i].name, name) != 0)
		i = (i + 1) & (n->cap - 1);
	return &n->slots[i];
}

static void grow(struct pg_names *n)
{
	struct pg_names bigger = {.used = n->used, .cap = n->cap ? n->cap * 2 : 64};
	bigger.slots = mem_alloc(bigger.cap * sizeof *bigger.slots);
	for (size_t i = 0; i < n->cap; i++)
		if (n->slots[i].name)
			*slot(&bigger, n->slots[i].name) = n->slots[i];
	free(n->slots);
	*n = bigger;
}

struct pg_name *pg_names_get(struct pg_names *n, const char *name)
{
	if (2 * (n->used + 1) > n->cap)
		grow(n);
	struct pg_name *e = slot(n, name);
	if (!e->name) {
		must(strlen(name) < PG_NAME_MAX);
		e->name = mem_text(name);
		n->used++;
	}
	return e;
}

void pg_names_text(const struct pg_name *e, char out[PG_NAME_MAX + 12])
{
	if (e->gen == 0)
		snprintf(out, PG_NAME_MAX + 12, "%s", e->name);
	else
		snprintf(out, PG_NAME_MAX + 12, "%u.%.50s", e->gen, e->name);
}

void pg_names_forget(struct pg_names *n)
{
	for (size_t i = 0; i < n->cap; i++) {
		n->slots[i].state = NAME_NEW;
		n->slots[i].gen = 0;
	}
}

void pg_names_fini(struct pg_names *n)
{
	for (size_t i = 0; i < n->cap; i++)
		free(n->slots[i].name);
	free(n->slots);
	*n = (struct pg_names){0};
}
