/* lines: texts, one a line, to and from a program over a stream. (libuv) */
#ifndef FAIRLEAD_IO_LINES_H
#define FAIRLEAD_IO_LINES_H

#include "common/base/str.h"
#include "common/io/loop.h"

enum { LINES_MAX = 1 << 20 }; /* bytes of one line */
struct lines_events {
	void (*on_line)(void *arg, struct str line); /* without its end; borrowed */
	void (*on_end)(
		void *arg, const char *why); /* once: the other side ended, or sent what is no line; close it then */
	void *arg;
};
struct lines;
struct lines *lines_open(struct loop *l, int fd, const struct lines_events *ev); /* takes fd */
void lines_put(struct lines *s, struct str line); /* its end is added; copied */
/* No event comes any more; may be called from inside one. NULL: nothing. */
void lines_close(struct lines *s);

#endif
