/* tls: one TLS connection of either side, between memory and memory. (OpenSSL)
 *
 * Whoever holds the socket feeds what came, reads it decrypted, and sends what tls_output gives. Nothing of
 * OpenSSL is initialised before the first one. */
#ifndef FAIRLEAD_IO_TLS_H
#define FAIRLEAD_IO_TLS_H

#include "common/base/str.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct tls;

struct tls *tls_server(struct ssl_ctx_st *ctx); /* ctx: its certificate; may be freed while it lives */
/* Wants a certificate for host, a name or an address, from an authority of the system (SSL_CERT_FILE and
 * SSL_CERT_DIR name others). */
struct tls *tls_client(const char *host);
void tls_free(struct tls *t);                              /* NULL: nothing */
void tls_feed(struct tls *t, const char *bytes, size_t n); /* what came */
/* Goes on with the handshake, then decrypts into out. >0: bytes; 0: all that came is used; -1: the peer said
 * goodbye, what it is owed may still be written; -2: it broke the protocol, or is not who it should be. */
int tls_read(struct tls *t, char *out, size_t n);
/* tls_write is allowed: the handshake is done, and no message of its kind that came later stands half. */
bool tls_up(const struct tls *t);
void tls_write(struct tls *t, const char *bytes, size_t n);
void tls_goodbye(struct tls *t);
struct str tls_output(struct tls *t); /* what must be sent; borrowed until the next call */
void tls_output_taken(struct tls *t); /* all of it */
const char *tls_refusal(
	const struct tls *t); /* why the peer's certificate was not taken; NULL: it was not that */

#endif
