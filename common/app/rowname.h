/* rowname: the columns of a row that becomes JSON (GRAMMAR §10): an alias is a key, dots nest, `_status` and
 * `_key` mean something, "!" at the end says that it is never null. Pure. */
#ifndef FAIRLEAD_APP_ROWNAME_H
#define FAIRLEAD_APP_ROWNAME_H

#include "common/base/str.h"

/* Tells every column that can't stand: unnamed, doubled, `a` beside `a.b`, an empty part as in "a..b",
 * another
 * `_…` than may stand here. status, keyed: may `_status`, `_key` stand? true: all can. */
bool rowname_check(const char *const *names, size_t n, bool status, bool keyed,
	void (*say)(void *arg, const char *text), void *arg);
struct str rowname_key(const char *alias); /* without "!" */

#endif
