/* One scalar of a file with its places and its variables, for the tests of SQL, calls and templates. */
#ifndef TEST_APP_LANGUAGES_H
#define TEST_APP_LANGUAGES_H

#include "test/unit/app/world.h"
#include "common/app/expand.h"

struct one_scalar {
	struct arena a;
	struct problems ps;
	struct scalar s;
};

static const char *const language_env[][2] = {{"V", "a value"}, {"N", "5"}, {NULL, NULL}};
static const struct world language_world = {.env = language_env};

static inline void scalar_begin(struct one_scalar *o, const char *text)
{
	memset(o, 0, sizeof *o);
	struct place *places = arena_alloc(&o->a, (strlen(text) + 1) * sizeof *places);
	int line = 1, col = 1;
	for (size_t i = 0; i <= strlen(text); i++) {
		places[i] = (struct place){line, col++};
		if (text[i] == '\n') {
			line++;
			col = 1;
		}
	}
	o->s = (struct scalar){.at = {"f", 1, 1, 1}, .text = str_of(text), .places = places};
	struct vars v = {.a = &o->a, .ps = &o->ps, .arg = (void *)(uintptr_t)&language_world, .env = world_env};
	expand(&v, &o->s, USE_OPEN);
}

static inline void scalar_end(struct one_scalar *o)
{
	problems_fini(&o->ps);
	arena_fini(&o->a);
}

#endif
