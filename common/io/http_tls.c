#include "common/io/http_tls.h"
#include "common/base/mem.h"
#include "common/io/log.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

struct http_tls_files {
	struct loop *loop;
	char *cert, *key;
	SSL_CTX *ctx;
	struct watch *watch_cert, *watch_key;
	struct timer *again; /* two files change one after the other: both are read a moment later */
};

enum { SETTLE_MS = 200 };

static bool refused(struct err *e, const char *what, const char *file, const char *cure)
{
	unsigned long code = ERR_peek_error();
	char reason[256] = "";
	const char *text =
		ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
	snprintf(reason, sizeof reason, "%s", text ? text : "unknown reason");
	ERR_clear_error();
	return err_set(e, ERR_REJECTED, "%s %s can't be used (%s); %s", what, file, reason, cure);
}

static int no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1; /* an encrypted key is refused, never asked for at a terminal */
}

/* Whoever offers a list (RFC 7301) is told that HTTP/1.1 is spoken; one without it goes on, and will see. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *offered,
	unsigned offered_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *got;
	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&got, n, ours, sizeof ours - 1, offered, offered_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = got;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *load(const char *cert, const char *key, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	must(ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
								 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);
	ERR_clear_error();
	static const char cure[] = "name a PEM file with the key of that certificate, without a password";
	bool ok = true;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		ok = refused(e, "The certificate", cert, "name a PEM file that begins with this server's own");
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		ok = refused(e, "The key", key, cure);
	else if (SSL_CTX_check_private_key(ctx) != 1)
		ok = refused(e, "The key", key, cure);
	if (ok)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static void read_again(void *arg)
{
	struct http_tls_files *f = arg;
	struct err e;
	SSL_CTX *ctx = load(f->cert, f->key, &e);
	if (!ctx) {
		log_odd("tls.kept", "A changed certificate can't be used; the one before it stays in use",
			F_STR("reason", e.text));
		return;
	}
	SSL_CTX_free(f->ctx); /* connections that stand hold it */
	f->ctx = ctx;
	log_info("tls.read", "The certificate changed and is in use", F_STR("file", f->cert));
}

static void on_change(void *arg)
{
	struct http_tls_files *f = arg;
	timer_start(f->loop, &f->again, SETTLE_MS, read_again, f);
}

struct http_tls_files *http_tls_files_open(struct loop *l, const char *cert, const char *key, struct err *e)
{
	if (!key) {
		err_put(e, ERR_REJECTED, "the certificate %s has no key beside it; name its key file", cert);
		return NULL;
	}
	SSL_CTX *ctx = load(cert, key, e);
	if (!ctx)
		return NULL;
	struct http_tls_files *f = mem_alloc(sizeof *f);
	f->loop = l;
	f->cert = mem_text(cert);
	f->key = mem_text(key);
	f->ctx = ctx;
	f->watch_cert = watch_open(l, cert, on_change, f);
	f->watch_key = watch_open(l, key, on_change, f);
	return f;
}

void http_tls_files_close(struct http_tls_files *f)
{
	if (!f)
		return;
	watch_close(f->watch_cert);
	watch_close(f->watch_key);
	timer_free(&f->again);
	SSL_CTX_free(f->ctx);
	free(f->cert);
	free(f->key);
	free(f);
}

struct tls *http_tls_new(const struct http_tls_files *f)
{
	return tls_server(f->ctx);
}
