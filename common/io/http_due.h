/* http_due: lists of what has a deadline, soonest first. What enters last is mostly due last: O(1) then. */
#ifndef FAIRLEAD_IO_HTTP_DUE_H
#define FAIRLEAD_IO_HTTP_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_dues;
struct http_due {
	struct http_due *prev, *next;
	struct http_dues *in; /* NULL: in no list */
	uint64_t at;
};
struct http_dues {
	struct http_due *first, *last;
};
void http_due_put(struct http_dues *in, struct http_due *d, uint64_t at); /* leaves the list it is in */
void http_due_drop(struct http_due *d);                                   /* may be in none */
#define http_due_of(type, member, d) ((type *)(void *)((char *)(d)-offsetof(type, member)))

#endif
