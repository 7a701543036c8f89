/* mem: memory that is there or the process is not. Out of memory aborts: the supervisor restarts, the stream
 * redelivers (INV-1). An arena holds what one unit of work needs and is reset at one place. */
#ifndef FAIRLEAD_BASE_MEM_H
#define FAIRLEAD_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n);                          /* zeroed, never NULL; free with free() */
void *mem_grow(void *p, size_t count, size_t size); /* realloc of count*size, overflow-checked, never NULL */
char *mem_text(const char *s);                      /* strdup; NULL stays NULL */
char *mem_textn(const char *s, size_t n);

struct arena_block;
struct arena {
	struct arena_block *top;
	size_t used; /* bytes handed out since the last reset */
};
/* A zeroed struct arena is ready to use. What arena_* returns lives until arena_reset or arena_fini. */
void *arena_alloc(struct arena *a, size_t n); /* zeroed, aligned for any type */
void *arena_copy(struct arena *a, const void *p, size_t n);
char *arena_text(struct arena *a, const char *s); /* NULL stays NULL */
char *arena_textn(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A list of n of size bytes with room for one more: itself, or a copy of it in twice the room. NULL with a
 * room of 0 begins one. */
void *arena_grow(struct arena *a, void *list, size_t n, size_t *room, size_t size);
void arena_reset(struct arena *a); /* keeps one block for the next unit of work */
void arena_fini(struct arena *a);

#endif
