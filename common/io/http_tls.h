/* http_tls: the certificate of a listener. (OpenSSL)
 *
 * Its files, chain and key, are read again when either changes; connections that stand keep what they have.
 * Nothing of OpenSSL is initialised before the first http_tls_files_open. */
#ifndef FAIRLEAD_IO_HTTP_TLS_H
#define FAIRLEAD_IO_HTTP_TLS_H

#include "common/base/err.h"
#include "common/io/loop.h"
#include "common/io/tls.h"

struct http_tls_files;
/* false is NULL: *e names the file and the reason. A change that can't be read is logged (odd) and the old
 * pair stays. */
struct http_tls_files *http_tls_files_open(struct loop *l, const char *cert, const char *key, struct err *e);
void http_tls_files_close(struct http_tls_files *f); /* NULL: nothing */

struct tls *http_tls_new(const struct http_tls_files *f); /* one that was accepted */

#endif
