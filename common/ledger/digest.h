/* digest: a fingerprint of everything that install makes of an application. Equal means that nothing is to be
 * done. */
#ifndef FAIRLEAD_LEDGER_DIGEST_H
#define FAIRLEAD_LEDGER_DIGEST_H

#include "common/app/config.h"

enum { DIGEST_SIZE = 32 };
/* Of the declarations that become rows, tables or functions, the sql: texts, and this program's own making of
 * them (its schema and its compiler). Not of what only a running program reads: URLs, log levels, keys. */
void digest_application(const struct config *c, uint8_t out[DIGEST_SIZE]);
void digest_text(struct str text, uint8_t out[DIGEST_SIZE]);

#endif
