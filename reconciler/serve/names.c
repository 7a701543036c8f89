#include "reconciler/serve/names.h"

void names_put(struct serve_names *s, const char *name, enum name_kind kind, struct str text)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		struct serve_name *list = arena_alloc(s->a, cap * sizeof *list);
		if (s->n)
			memcpy(list, s->list, s->n * sizeof *list);
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = (struct serve_name){name, kind, text};
}

const struct serve_name *names_find(const struct serve_names *s, struct str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_is(name, s->list[i].name))
			return &s->list[i];
	return NULL;
}
