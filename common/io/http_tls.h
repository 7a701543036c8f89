/* http_tls: the TLS side of connections that were accepted, between memory and memory. (OpenSSL)
 *
 * Files of one listener: certificate chain and key, read again when either changes; connections that stand
 * keep what they have. Nothing of OpenSSL is initialised before the first http_tls_files_open. */
#ifndef FAIRLEAD_IO_HTTP_TLS_H
#define FAIRLEAD_IO_HTTP_TLS_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

struct http_tls_files;
/* false is NULL: *e names the file and the reason. A change that can't be read is logged (odd) and the old
 * pair stays. */
struct http_tls_files *http_tls_files_open(struct loop *l, const char *cert, const char *key, struct err *e);
void http_tls_files_close(struct http_tls_files *f); /* NULL: nothing */

struct http_tls; /* one connection */
struct http_tls *http_tls_new(struct http_tls_files *f);
void http_tls_free(struct http_tls *t);                              /* NULL: nothing */
void http_tls_feed(struct http_tls *t, const char *bytes, size_t n); /* what came */
/* Goes on with the handshake, then decrypts into out. >0: bytes; 0: all that came is used; -1: the peer said
 * goodbye, what it is owed may still be written; -2: it broke the protocol. */
int http_tls_read(struct http_tls *t, char *out, size_t n);
bool http_tls_up(const struct http_tls *t); /* the handshake is done: http_tls_write is allowed */
void http_tls_write(struct http_tls *t, const char *bytes, size_t n);
void http_tls_goodbye(struct http_tls *t);
struct str http_tls_output(struct http_tls *t); /* what must be sent; borrowed until the next call */
void http_tls_output_taken(struct http_tls *t); /* all of it */

#endif
