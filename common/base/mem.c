#include "common/base/mem.h"
#include "common/base/err.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last words of a process without memory: no allocation, then abort. */
static _Noreturn void out_of_memory(void)
{
	fputs("level=odd ev=memory text=\"out of memory; ending, the supervisor restarts, nothing is lost\"\n",
		stderr);
	_Exit(75);
}

void *mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *mem_grow(void *p, size_t count, size_t size)
{
	size_t n;
	if (__builtin_mul_overflow(count, size, &n))
		out_of_memory();
	p = realloc(p, n ? n : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *mem_text(const char *s)
{
	return s ? mem_textn(s, strlen(s)) : NULL;
}

char *mem_textn(const char *s, size_t n)
{
	char *t = mem_alloc(n + 1);
	if (n)
		memcpy(t, s, n);
	return t;
}

struct arena_block {
	struct arena_block *below;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

enum { ARENA_BLOCK = 16384 };

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	must(n < SIZE_MAX / 2);
	n = (n + align - 1) & ~(align - 1);
	if (!a->top || a->top->size - a->top->used < n) {
		size_t size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
		struct arena_block *b = mem_grow(NULL, 1, sizeof *b + size);
		b->below = a->top;
		b->size = size;
		b->used = 0;
		a->top = b;
	}
	void *p = a->top->bytes + a->top->used;
	a->top->used += n;
	a->used += n;
	memset(p, 0, n);
	return p;
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	void *q = arena_alloc(a, n);
	if (n)
		memcpy(q, p, n);
	return q;
}

char *arena_text(struct arena *a, const char *s)
{
	return s ? arena_textn(a, s, strlen(s)) : NULL;
}

char *arena_textn(struct arena *a, const char *s, size_t n)
{
	char *t = arena_alloc(a, n + 1);
	if (n)
		memcpy(t, s, n);
	return t;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(n >= 0);
	char *t = arena_alloc(a, (size_t)n + 1);
	vsnprintf(t, (size_t)n + 1, fmt, again);
	va_end(again);
	return t;
}

void *arena_grow(struct arena *a, void *list, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return list;
	*room = *room ? 2 * *room : 4;
	must(size == 0 || *room <= SIZE_MAX / size);
	void *more = arena_alloc(a, *room * size);
	if (n > 0)
		memcpy(more, list, n * size);
	return more;
}

void arena_reset(struct arena *a)
{
	while (a->top && a->top->below) {
		struct arena_block *b = a->top;
		a->top = b->below;
		free(b);
	}
	if (a->top)
		a->top->used = 0;
	a->used = 0;
}

void arena_fini(struct arena *a)
{
	arena_reset(a);
	free(a->top);
	a->top = NULL;
}
