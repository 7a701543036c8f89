/* wss:// against our own server: who is trusted, what it is told, and what is said of others. */
#include "cert.h"
#include "common/io/http.h"
#include "common/io/tls.h"
#include "common/io/wspeer.h"
#include "peer.h"
#include "ws_ear.h"

#include <sys/stat.h>

#include <openssl/ssl.h>

enum { BIG = 5 << 20 };

static char dir[64], trusted[80], trusted_key[80], stranger[80], stranger_key[80];
static struct loop *l;
static struct http_server *server;
static struct wspeers *set;
static char authorization[128];

static void on_text(void *arg, struct wspeer *p, struct str text)
{
	(void)arg;
	wspeer_text(p, text);
}

static void on_request(void *arg, struct http_request *q)
{
	struct str a = http_header(q, "Authorization");
	(void)arg;
	snprintf(authorization, sizeof authorization, "%.*s", (int)a.n, a.p);
	if (str_is(http_path(q), "/busy"))
		http_answer(q, 429, NULL, STR("later"));
	else
		wspeer_accept(set, q, NULL, NULL);
}

static void listen_as(const char *cert, const char *key)
{
	struct err e;
	if (!http_listen_as(server, "127.0.0.1:0", &(struct http_listener_options){.cert = cert, .key = key}, &e))
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	opened = closed = messages = 0;
	server = http_open(l, &(struct http_options){.max_body = 1000}, on_request, NULL);
	set = wspeers_open(
		l, &(struct wspeers_options){.max_message = 2 * BIG, .max_unsent = 2 * BIG, .on_text = on_text});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wspeers_close(set);
	http_close(server);
	buf_fini(&heard);
	loop_free(l);
	return 0;
}

static struct ws *open_at(const char *host, const char *path)
{
	char url[128];
	snprintf(url, sizeof url, "wss://%s:%d%s", host, http_port(server), path);
	return ws_open(l, url, &events);
}

static void texts_of_any_size_go_both_ways(void **state)
{
	(void)state;
	listen_as(trusted, trusted_key);
	struct ws *w = open_at("user:pw@localhost", "/v1");
	ws_text(w, STR("before it is open"));
	spin_until(l, messages == 1);
	assert_string_equal(heard.p, "before it is open");
	assert_string_equal(authorization, "Basic dXNlcjpwdw==");
	char *big = mem_alloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 26);
	ws_text(w, (struct str){big, BIG});
	spin_until(l, messages == 2);
	assert_int_equal(heard.n, BIG);
	assert_memory_equal(heard.p, big, BIG);
	ws_text(w, STR("behind it"));
	spin_until(l, messages == 3);
	assert_string_equal(heard.p, "behind it");
	free(big);
	ws_ping(w);
	ws_close(w);
	spin_until(l, closed);
}

static void refused(const char *host, const char *words)
{
	int before = closed;
	open_at(host, "/v1?key=secret");
	spin_until(l, closed == before + 1);
	assert_int_equal(opened, 0);
	assert_int_equal(why.class, ERR_TRANSIENT);
	if (!strstr(why.text, words))
		fail_msg("'%s' holds no '%s'", why.text, words);
	assert_null(strstr(why.text, "secret"));
}

static void who_is_not_trusted_hears_nothing(void **state)
{
	(void)state;
	authorization[0] = 0;
	listen_as(stranger, stranger_key);
	refused("user:secret@localhost", "has a certificate that is not trusted: self-signed certificate");
	http_close(server);
	server = http_open(l, &(struct http_options){.max_body = 1000}, on_request, NULL);
	listen_as(trusted, trusted_key);
	refused("127.0.0.1", "has a certificate that is not trusted: IP address mismatch");
	assert_string_equal(authorization, "");
}

static void a_refusal_names_its_status(void **state)
{
	(void)state;
	listen_as(trusted, trusted_key);
	open_at("localhost", "/busy");
	spin_until(l, closed);
	assert_non_null(strstr(why.text, "refused the WebSocket: HTTP status 429"));
	assert_int_equal(why.code, 429);
}

static void say_nonsense(struct peer *p)
{
	peer_say(p, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void who_speaks_no_tls_is_said_so(void **state)
{
	(void)state;
	struct peer_server plain;
	char url[64];
	peer_server_open(&plain, l, 0, say_nonsense);
	snprintf(url, sizeof url, "wss://127.0.0.1:%d/", plain.port);
	ws_open(l, url, &events);
	spin_until(l, closed);
	assert_non_null(strstr(why.text, "could not agree on TLS"));
	peer_server_close(&plain);
}

static void closing_at_any_time_is_told_once(void **state)
{
	(void)state;
	listen_as(trusted, trusted_key);
	for (int turns = 0; turns < 16; turns++) {
		closed = 0;
		struct ws *w = open_at("localhost", "/");
		for (int i = 0; i < turns && !closed; i++)
			uv_run(loop_uv(l), UV_RUN_NOWAIT);
		ws_close(w);
		spin_until(l, closed == 1);
	}
}

/* ── what TLS may do in the middle (RFC 8446, 4.6): OpenSSL's server beside our client, without sockets
 * ────── */

static int fat_ticket(SSL *ssl, void *arg)
{
	static const char data[900];
	(void)arg;
	return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, sizeof data);
}

static void both_talk(struct tls *t, SSL *ssl, BIO *to_server, BIO *to_client)
{
	static char b[20000];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tls_read(t, b, sizeof b), 0);
		struct str out = tls_output(t);
		if (out.n)
			BIO_write(to_server, out.p, (int)out.n);
		tls_output_taken(t);
		SSL_read(ssl, b, sizeof b);
		char *p;
		long n = BIO_get_mem_data(to_client, &p);
		if (i == 0) {
			tls_feed(t, p, (size_t)n);
			(void)BIO_reset(to_client);
		}
	}
}

static void a_ticket_in_two_records_holds_writing_up(void **state)
{
	(void)state;
	static char b[20000];
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate_file(ctx, trusted, SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(ctx, trusted_key, SSL_FILETYPE_PEM);
	SSL_CTX_set_session_ticket_cb(ctx, fat_ticket, NULL, NULL);
	SSL_CTX_set_max_send_fragment(ctx, 512);
	SSL *ssl = SSL_new(ctx);
	BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, to_server, to_client);
	SSL_set_accept_state(ssl);
	struct tls *t = tls_client("localhost");
	both_talk(t, ssl, to_server, to_client);
	assert_true(tls_up(t));

	unsigned char *p;
	long n = BIO_get_mem_data(to_client, &p);
	size_t first = 5 + ((size_t)p[3] << 8 | p[4]);
	assert_true((size_t)n > first);
	tls_feed(t, (char *)p, first);
	assert_int_equal(tls_read(t, b, sizeof b), 0);
	assert_false(tls_up(t));
	tls_feed(t, (char *)p + first, (size_t)n - first);
	assert_int_equal(tls_read(t, b, sizeof b), 0);
	assert_true(tls_up(t));
	tls_write(t, "behind it", 9);
	struct str out = tls_output(t);
	BIO_write(to_server, out.p, (int)out.n);
	assert_int_equal(SSL_read(ssl, b, sizeof b), 9);

	/* and once more than is kept of what leaves */
	tls_output_taken(t);
	char *big = mem_alloc(BIG);
	tls_write(t, big, BIG);
	free(big);
	assert_true(tls_output(t).n > BIG);
	tls_output_taken(t);
	assert_int_equal(tls_output(t).n, 0);
	tls_write(t, "x", 1);
	assert_true(tls_output(t).n > 0 && tls_output(t).n < 100);
	tls_free(t);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static int make_files(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/fairlead-wss-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(trusted, sizeof trusted, "%s/trusted.pem", dir);
	snprintf(trusted_key, sizeof trusted_key, "%s/trusted.key", dir);
	snprintf(stranger, sizeof stranger, "%s/stranger.pem", dir);
	snprintf(stranger_key, sizeof stranger_key, "%s/stranger.key", dir);
	cert_make("localhost", trusted, trusted_key);
	cert_make("localhost", stranger, stranger_key);
	return setenv("SSL_CERT_FILE", trusted, 1);
}

static int drop_files(void **state)
{
	(void)state;
	unlink(trusted);
	unlink(trusted_key);
	unlink(stranger);
	unlink(stranger_key);
	return rmdir(dir);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(texts_of_any_size_go_both_ways),
		T(who_is_not_trusted_hears_nothing),
		T(a_refusal_names_its_status),
		T(who_speaks_no_tls_is_said_so),
		T(closing_at_any_time_is_told_once),
		cmocka_unit_test(a_ticket_in_two_records_holds_writing_up),
	};
	return cmocka_run_group_tests(tests, make_files, drop_files);
}
