/* TLS: real handshakes with OpenSSL's client, certificates that change, files that can't be used. */
#include "common/io/http.h"
#include "common/io/http_tls.h"
#include "common/io/wspeer.h"
#include "cert.h"
#include "ws_client.h"

#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static struct loop *l;
static struct http_server *s;
static struct wspeers *set;
static char dir[64], cert[80], key[80];
static SSL_CTX *client_ctx;
static int seen;

/* ── a client: TLS on a raw peer ───────────────────────────────────────────────────────────────────────── */

struct client {
	struct peer *p;
	SSL *ssl;
	BIO *in, *out;
	size_t taken;
	bool up, failed, goodbye;
};

static void client_turn(struct client *c)
{
	if (c->p->in.n > c->taken)
		BIO_write(c->in, c->p->in.p + c->taken, (int)(c->p->in.n - c->taken));
	c->taken = c->p->in.n;
	if (!c->up && !c->failed) {
		int rc = SSL_connect(c->ssl);
		c->up = rc == 1;
		c->failed = rc != 1 && SSL_get_error(c->ssl, rc) != SSL_ERROR_WANT_READ;
		ERR_clear_error();
	}
	char *bytes;
	long n = BIO_get_mem_data(c->out, &bytes);
	if (n > 0)
		peer_say_bytes(c->p, bytes, (size_t)n);
	(void)BIO_reset(c->out);
}

static void client_open(struct client *c)
{
	*c = (struct client){.p = peer_connect(l, http_port(s))};
	c->ssl = SSL_new(client_ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	SSL_set_bio(c->ssl, c->in, c->out);
	client_turn(c);
	while (!c->up && !c->failed && !c->p->eof) {
		spin_once(l);
		client_turn(c);
	}
}

static void client_say(struct client *c, const void *bytes, size_t n)
{
	assert_int_equal(SSL_write(c->ssl, bytes, (int)n), (int)n);
	client_turn(c);
}

/* Puts what has come, decrypted, into out. */
static void client_hear(struct client *c, struct buf *out)
{
	client_turn(c);
	for (;;) {
		int n = SSL_read(c->ssl, buf_room(out, 65536), 65536);
		if (n <= 0) {
			c->goodbye = SSL_get_error(c->ssl, n) == SSL_ERROR_ZERO_RETURN;
			ERR_clear_error();
			out->p[out->n] = 0;
			return;
		}
		out->n += (size_t)n;
	}
}

static void client_free(struct client *c)
{
	SSL_free(c->ssl);
	peer_free(l, c->p);
}

static void name_of(const struct client *c, char *out, int size)
{
	X509 *x = SSL_get1_peer_certificate(c->ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, out, size);
	X509_free(x);
}

/* ── the server ────────────────────────────────────────────────────────────────────────────────────────── */

static void on_text(void *arg, struct wspeer *p, struct str text)
{
	(void)arg;
	wspeer_text(p, text);
}

static void on_request(void *arg, struct http_request *q)
{
	(void)arg;
	seen++;
	if (wspeer_wanted(q)) {
		wspeer_accept(set, q, NULL, NULL);
	} else if (str_is(http_path(q), "/big")) {
		char *big = mem_alloc(3 << 20);
		memset(big, 'b', 3 << 20);
		http_answer(q, 200, NULL, (struct str){big, 3 << 20});
		free(big);
	} else {
		http_answer(q, 200, "text/plain", str_of(http_scheme(q)));
	}
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/fairlead-tls-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	cert_make("first", cert, key);
	client_ctx = SSL_CTX_new(TLS_client_method());
	l = loop_new();
	seen = 0;
	set = wspeers_open(l, &(struct wspeers_options){.on_text = on_text});
	s = http_open(l, &(struct http_options){.max_body = 1 << 20, .request_ms = 5000}, on_request, NULL);
	struct err e;
	if (!http_listen_as(s, "127.0.0.1:0", &(struct http_listener_options){.cert = cert, .key = key}, &e))
		fail_msg("%s", e.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wspeers_close(set);
	http_close(s);
	loop_free(l);
	SSL_CTX_free(client_ctx);
	unlink(cert);
	unlink(key);
	rmdir(dir);
	return 0;
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_request_is_answered_over_tls(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX_set_min_proto_version(client_ctx, version);
		SSL_CTX_set_max_proto_version(client_ctx, version);
		struct client c;
		struct buf in = {0};
		SSL_CTX_set_alpn_protos(client_ctx, (const unsigned char *)"\x02h2\x08http/1.1", 12);
		client_open(&c);
		assert_true(c.up);
		const unsigned char *alpn;
		unsigned alpn_n;
		SSL_get0_alpn_selected(c.ssl, &alpn, &alpn_n);
		assert_true(alpn_n == 8 && memcmp(alpn, "http/1.1", 8) == 0);
		client_say(&c, GET GET, 2 * strlen(GET));
		while (!in.n || !strstr(in.p, "https") || !strstr(strstr(in.p, "https") + 1, "https")) {
			spin_once(l);
			client_hear(&c, &in);
		}
		client_say(&c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 46);
		while (!c.p->eof) {
			spin_once(l);
			client_hear(&c, &in);
		}
		assert_true(c.goodbye); /* so that a cut line is not taken for the end */
		assert_non_null(strstr(in.p, "Connection: close\r\n\r\nhttps"));
		buf_fini(&in);
		client_free(&c);
	}
}

static void much_goes_both_ways(void **state)
{
	(void)state;
	struct client c;
	struct buf in = {0}, out = {0};
	client_open(&c);
	buf_text(&out, "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	memset(buf_room(&out, 1000000), 'p', 1000000);
	out.n += 1000000;
	client_say(&c, out.p, out.n);
	while (in.n < 3 << 20 || !strstr(in.p, "\r\n\r\n") ||
		   in.n - (size_t)(strstr(in.p, "\r\n\r\n") + 4 - in.p) < 3 << 20) {
		spin_once(l);
		client_hear(&c, &in);
		assert_false(c.p->eof);
	}
	buf_fini(&in);
	buf_fini(&out);
	client_free(&c);
}

static void a_websocket_goes_over_tls(void **state)
{
	(void)state;
	struct client c;
	struct buf in = {0}, frame = {0};
	client_open(&c);
	ws_client_put(&frame, 0x81, "over tls", 8, true);
	client_say(&c, WS_CLIENT_HELLO "\r\n", strlen(WS_CLIENT_HELLO "\r\n"));
	while (!in.n || !strstr(in.p, "\r\n\r\n")) {
		spin_once(l);
		client_hear(&c, &in);
	}
	client_say(&c, frame.p, frame.n);
	while (in.n < 10 || memcmp(in.p + in.n - 10, "\x81\x08over tls", 10) != 0) {
		spin_once(l);
		client_hear(&c, &in);
	}
	buf_fini(&in);
	buf_fini(&frame);
	client_free(&c);
}

static void what_is_no_tls_is_ended(void **state)
{
	(void)state;
	struct peer *p = peer_connect(l, http_port(s));
	peer_say(p, GET);
	spin_until(l, p->eof);
	assert_true(text_starts(p->in.p, "HTTP/1.1 400 ")); /* a person reads why */
	peer_free(l, p);
	p = peer_connect(l, http_port(s));
	peer_say(p, "\x16");
	spin_until(l, http_connections(s) == 1);
	peer_say(p, GET); /* not its first bytes: what is TLS is never answered in plain text */
	spin_until(l, p->eof);
	assert_int_equal(peer_count(p, "HTTP/"), 0);
	peer_free(l, p);
	/* versions before 1.2 */
	SSL_CTX_set_min_proto_version(client_ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
	SSL_CTX_set_security_level(client_ctx, 0);
	struct client c;
	client_open(&c);
	assert_false(c.up);
	client_free(&c);
	assert_int_equal(seen, 0);
}

static void a_handshake_has_its_time(void **state)
{
	(void)state;
	http_close(s);
	s = http_open(l, &(struct http_options){.request_ms = 100}, on_request, NULL);
	struct err e;
	assert_true(
		http_listen_as(s, "127.0.0.1:0", &(struct http_listener_options){.cert = cert, .key = key}, &e));
	struct peer *p = peer_connect(l, http_port(s));
	peer_say(p, "\x16");
	spin_until(l, p->eof);
	assert_int_equal(p->in.n, 0);
	peer_free(l, p);
	/* one that is up is idle, not late */
	struct client c;
	client_open(&c);
	assert_true(c.up);
	p = peer_connect(l, http_port(s));
	spin_until(l, p->eof);
	assert_false(c.p->eof);
	peer_free(l, p);
	client_free(&c);
}

static void a_changed_certificate_is_taken_without_an_end(void **state)
{
	(void)state;
	char name[50];
	struct client old, new;
	struct buf in = {0};
	client_open(&old);
	name_of(&old, name, sizeof name);
	assert_string_equal(name, "first");
	cert_make("second", cert, key);
	for (;;) {
		client_open(&new);
		assert_true(new.up);
		name_of(&new, name, sizeof name);
		if (strcmp(name, "second") == 0)
			break;
		client_free(&new);
		spin_once(l);
	}
	client_say(&old, GET, strlen(GET));
	while (!in.n || !strstr(in.p, "https")) {
		spin_once(l);
		client_hear(&old, &in);
	}
	client_free(&new);
	/* one that can't be used is not taken, and does not keep the next from being taken */
	FILE *f = fopen(cert, "w");
	fputs("rubbish", f);
	fclose(f);
	for (int i = 0;; i++) {
		client_open(&new);
		assert_true(new.up);
		name_of(&new, name, sizeof name);
		if (strcmp(name, "third") == 0)
			break;
		assert_string_equal(name, "second");
		client_free(&new);
		spin_once(l);
		if (i == 30)
			cert_make("third", cert, key);
	}
	buf_fini(&in);
	client_free(&new);
	client_free(&old);
}

static void files_that_cannot_be_used_say_why(void **state)
{
	(void)state;
	struct err e;
	char other[80], bad[80];
	snprintf(other, sizeof other, "%s/other.pem", dir);
	snprintf(bad, sizeof bad, "%s/bad.pem", dir);
	cert_make("other", bad, other);
	const struct http_listener_options missing = {.cert = "/no/such/cert.pem", .key = key},
									   no_key = {.cert = cert},
									   missing_key = {.cert = cert, .key = "/no/such/key.pem"},
									   wrong = {.cert = cert, .key = other},
									   swapped = {.cert = key, .key = cert};
	struct http_server *t = http_open(l, &(struct http_options){0}, on_request, NULL);
	assert_false(http_listen_as(t, "127.0.0.1:0", &missing, &e));
	assert_non_null(strstr(e.text, "/no/such/cert.pem"));
	assert_non_null(strstr(e.text, "No such file"));
	assert_false(http_listen_as(t, "127.0.0.1:0", &no_key, &e));
	assert_non_null(strstr(e.text, cert));
	assert_false(http_listen_as(t, "127.0.0.1:0", &missing_key, &e));
	assert_non_null(strstr(e.text, "/no/such/key.pem"));
	assert_false(http_listen_as(t, "127.0.0.1:0", &wrong, &e));
	assert_non_null(strstr(e.text, other));
	assert_non_null(strstr(e.text, "key values mismatch"));
	assert_false(http_listen_as(t, "127.0.0.1:0", &swapped, &e));
	assert_non_null(strstr(e.text, key));
	http_close(t);
	unlink(other);
	unlink(bad);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_is_answered_over_tls),
		T(much_goes_both_ways),
		T(a_websocket_goes_over_tls),
		T(what_is_no_tls_is_ended),
		T(a_handshake_has_its_time),
		T(a_changed_certificate_is_taken_without_an_end),
		T(files_that_cannot_be_used_say_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
