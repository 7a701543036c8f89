/* put: JSON as the page gets it, written member by member; a comma follows each, the end takes the last one
 * back. Pure. */
#ifndef FAIRLEAD_RECONCILER_PAGE_PUT_H
#define FAIRLEAD_RECONCILER_PAGE_PUT_H

#include "common/base/str.h"

#include <stdarg.h>

void put_name(struct buf *b, const char *name);                       /* "name": */
void put_open(struct buf *b, const char *name, char bracket);         /* name NULL: a value of a list */
void put_close(struct buf *b, char bracket);                          /* and a comma */
void put_text(struct buf *b, const char *name, const char *value);    /* NULL: null; name NULL: a value */
void put_or_null(struct buf *b, const char *name, const char *value); /* "" too is null */
void put_int(struct buf *b, const char *name, int64_t v);
void put_known(struct buf *b, const char *name, int64_t v); /* < 0: null */
void put_bool(struct buf *b, const char *name, bool v);
void put_real(struct buf *b, const char *name, double v); /* NAN, < 0: null */
/* {"<key>": "<value>", "text": …} */
void put_vsaid(struct buf *b, const char *key, const char *value, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
void put_end(struct buf *b); /* the last comma goes */

#endif
