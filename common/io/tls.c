#include "common/io/tls.h"
#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { OUTPUT_KEPT = 64 << 10 };

struct tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	bool broken;
};

static struct tls *make(SSL_CTX *ctx)
{
	struct tls *t = mem_alloc(sizeof *t);
	t->ssl = SSL_new(ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	must(t->ssl && t->in && t->out);
	SSL_set_bio(t->ssl, t->in, t->out);
	return t;
}

struct tls *tls_server(SSL_CTX *ctx)
{
	struct tls *t = make(ctx);
	SSL_set_accept_state(t->ssl);
	return t;
}

static SSL_CTX *client_ctx(void)
{
	static SSL_CTX *ctx; /* one for the process: the authorities take a megabyte */
	if (ctx)
		return ctx;
	ctx = SSL_CTX_new(TLS_client_method());
	must(ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_verify_paths(ctx); /* without authorities every certificate is refused */
	ERR_clear_error();
	return ctx;
}

struct tls *tls_client(const char *host)
{
	struct tls *t = make(client_ctx());
	X509_VERIFY_PARAM *want = SSL_get0_param(t->ssl);
	static const unsigned char spoken[] = "\x08http/1.1"; /* RFC 7301 */
	/* An address stands in no SNI (RFC 6066, section 3). */
	if (X509_VERIFY_PARAM_set1_ip_asc(want, host) != 1)
		must(X509_VERIFY_PARAM_set1_host(want, host, 0) == 1 &&
			 SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
				 (char *)(uintptr_t)host) == 1);
	must(SSL_set_alpn_protos(t->ssl, spoken, sizeof spoken - 1) == 0);
	SSL_set_connect_state(t->ssl);
	ERR_clear_error();
	return t;
}

const char *tls_refusal(const struct tls *t)
{
	long why = SSL_get_verify_result(t->ssl);
	return why == X509_V_OK ? NULL : X509_verify_cert_error_string(why);
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

void tls_feed(struct tls *t, const char *bytes, size_t n)
{
	must(n == 0 || BIO_write(t->in, bytes, (int)n) == (int)n);
}

int tls_read(struct tls *t, char *out, size_t n)
{
	if (t->broken)
		return -2;
	ERR_clear_error();
	int got = SSL_read(t->ssl, out, (int)n);
	if (got > 0)
		return got;
	int why = SSL_get_error(t->ssl, got);
	ERR_clear_error();
	if (why == SSL_ERROR_WANT_READ)
		return 0;
	if (why == SSL_ERROR_ZERO_RETURN)
		return -1;
	t->broken = true;
	return -2;
}

bool tls_up(const struct tls *t)
{
	return !t->broken && SSL_is_init_finished(t->ssl);
}

void tls_write(struct tls *t, const char *bytes, size_t n)
{
	while (n && !t->broken) {
		int some = n > 1 << 20 ? 1 << 20 : (int)n;
		ERR_clear_error();
		int sent = SSL_write(t->ssl, bytes, some);
		if (sent <= 0) {
			t->broken = true;
			ERR_clear_error();
			return;
		}
		bytes += sent;
		n -= (size_t)sent;
	}
}

void tls_goodbye(struct tls *t)
{
	if (tls_up(t))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

struct str tls_output(struct tls *t)
{
	char *p;
	long n = BIO_get_mem_data(t->out, &p);
	return (struct str){p, n > 0 ? (size_t)n : 0};
}

void tls_output_taken(struct tls *t)
{
	size_t n = tls_output(t).n;
	if (n == 0)
		return;
	if (n <= OUTPUT_KEPT) {
		(void)BIO_reset(t->out);
		return;
	}
	/* To reset one clears all the room that it ever had. */
	t->out = BIO_new(BIO_s_mem());
	must(t->out);
	SSL_set0_wbio(t->ssl, t->out);
}
