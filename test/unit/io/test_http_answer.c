/* What answers look like: headers, compression, bodies of all sizes, who asked. */
#include "common/io/http_in.h"
#include "peer.h"

#include <stdio.h>

#include <zlib.h>

static struct loop *l;
static struct http_server *s;
static struct buf body;
static char who[200];
static int refused_headers;

static void on_request(void *arg, struct http_request *q)
{
	(void)arg;
	struct str p = http_path(q), host = http_host(q), peer = http_peer(q);
	snprintf(who, sizeof who, "%s %.*s %.*s%s", http_scheme(q), (int)peer.n, peer.p, (int)host.n, host.p,
		http_is_unix(q) ? " unix" : "");
	if (str_is(p, "/headers")) {
		refused_headers =
			!http_answer_header(q, "X-Split", "a\r\nX-Evil: b") + !http_answer_header(q, "X-Line", "a\nb") +
			!http_answer_header(q, "X-Return", "a\rb") +
			!http_answer_header_str(q, STR("X-Nul"), STR("a\0b")) + !http_answer_header(q, "X Name", "a") +
			!http_answer_header(q, "", "a") + !http_answer_header(q, "X:", "a");
		for (int i = 0; i < 200; i++) {
			char name[20];
			snprintf(name, sizeof name, "X-%d", i);
			assert_true(http_answer_header(q, name, i % 2 ? "" : "a\tb \xc3\xa4"));
		}
		http_set_data(q, &body);
		assert_ptr_equal(http_data(q), &body);
		assert_string_equal(arena_text(http_arena(q), "kept"), "kept");
	}
	if (str_is(p, "/empty")) {
		http_answer(q, 204, NULL, STR("no"));
		return;
	}
	if (!str_is(p, "/plain"))
		http_answer_gzip(q);
	if (str_is(p, "/same"))
		http_answer(q, 304, NULL, STR("no"));
	else
		http_answer(q, str_is(p, "/odd") ? 299 : 200, "text/plain", (struct str){body.p, body.n});
}

static int setup(void **state)
{
	(void)state;
	struct err e;
	l = loop_new();
	s = http_open(l, &(struct http_options){0}, on_request, NULL);
	assert_true(http_listen(s, ":0", &e));
	buf_clear(&body);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_close(s);
	loop_free(l);
	buf_fini(&body);
	return 0;
}

static void set_body(size_t n)
{
	buf_clear(&body);
	for (size_t i = 0; i < n; i++)
		buf_char(&body, (char)('a' + i % 7));
}

/* The whole answer; the connection is ended by it. */
static struct peer *ask(const char *method, const char *target, const char *headers)
{
	struct peer *p = peer_connect(l, http_port(s));
	struct buf b = {0};
	buf_printf(
		&b, "%s %s HTTP/1.1\r\nHost: a.example:1\r\nConnection: close\r\n%s\r\n", method, target, headers);
	peer_say(p, b.p);
	buf_fini(&b);
	spin_until(l, p->eof);
	return p;
}

static struct str body_of(const struct peer *p)
{
	const char *at = strstr(p->in.p, "\r\n\r\n");
	assert_non_null(at);
	return (struct str){at + 4, p->in.n - (size_t)(at + 4 - p->in.p)};
}

static void headers_are_checked(void **state)
{
	(void)state;
	struct peer *p = ask("GET", "/headers", "");
	assert_int_equal(refused_headers, 7);
	assert_false(peer_heard(p, "Evil") || peer_heard(p, "X-Line") || peer_heard(p, "X Name"));
	assert_true(peer_heard(p, "X-0: a\tb \xc3\xa4\r\nX-1: \r\n"));
	assert_true(peer_heard(p, "X-199: \r\n"));
	peer_free(l, p);
}

static void who_asked_is_known(void **state)
{
	(void)state;
	peer_free(l, ask("GET", "/", ""));
	assert_string_equal(who, "http 127.0.0.1 a.example:1");
	peer_free(l, ask("GET", "http://other:2/x?y", ""));
	assert_string_equal(who, "http 127.0.0.1 other:2");
	char dir[] = "/tmp/fairlead-http-XXXXXX", address[80];
	assert_non_null(mkdtemp(dir));
	snprintf(address, sizeof address, "unix:%s/s", dir);
	struct err e;
	assert_true(http_listen(s, address, &e));
	struct peer *p = peer_connect_unix(l, address + 5);
	peer_say(p, "GET / HTTP/1.1\r\nHost: u\r\n\r\n");
	spin_until(l, peer_heard(p, "200 OK"));
	assert_string_equal(who, "http unix u unix");
	peer_free(l, p);
	unlink(address + 5);
	rmdir(dir);
}

static void bodies_that_must_not_be_are_not(void **state)
{
	(void)state;
	set_body(5000);
	struct peer *p = ask("GET", "/empty", "");
	assert_true(text_starts(p->in.p, "HTTP/1.1 204 No Content\r\n"));
	assert_false(peer_heard(p, "Content-Length"));
	assert_int_equal(body_of(p).n, 0);
	peer_free(l, p);
	p = ask("GET", "/same", "Accept-Encoding: gzip\r\n");
	assert_true(text_starts(p->in.p, "HTTP/1.1 304 Not Modified\r\n"));
	assert_false(peer_heard(p, "Content-Length") || peer_heard(p, "gzip"));
	assert_true(peer_heard(p, "Vary: Accept-Encoding\r\n")); /* as its 200 would */
	assert_int_equal(body_of(p).n, 0);
	peer_free(l, p);
	p = ask("GET", "/odd", "");
	assert_true(text_starts(p->in.p, "HTTP/1.1 299 \r\n"));
	peer_free(l, p);
	p = ask("HEAD", "/plain", "");
	assert_true(peer_heard(p, "Content-Length: 5000\r\n"));
	assert_int_equal(body_of(p).n, 0);
	peer_free(l, p);
}

static void unpack(struct str packed, struct buf *out)
{
	z_stream z = {0};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)packed.p;
	z.avail_in = (uInt)packed.n;
	z.next_out = (Bytef *)buf_room(out, 1 << 20);
	z.avail_out = 1 << 20;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	out->n = z.total_out;
	inflateEnd(&z);
}

static void a_large_body_is_packed_for_who_takes_it(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) { /* one state for all of them */
		set_body(1025 + (size_t)i * 100000);
		struct peer *p = ask("GET", "/", "Accept-Encoding: deflate, GZIP;q=0.5\r\n");
		assert_true(peer_heard(p, "Content-Encoding: gzip\r\n"));
		assert_true(peer_heard(p, "Vary: Accept-Encoding\r\n"));
		struct buf out = {0};
		struct str packed = body_of(p);
		char length[60];
		snprintf(length, sizeof length, "Content-Length: %zu\r\n", packed.n);
		assert_true(peer_heard(p, length));
		unpack(packed, &out);
		assert_true(str_eq((struct str){out.p, out.n}, (struct str){body.p, body.n}));
		buf_fini(&out);
		/* HEAD says the same */
		struct peer *head = ask("HEAD", "/", "Accept-Encoding: gzip\r\n");
		assert_true(peer_heard(head, length) && peer_heard(head, "Content-Encoding: gzip\r\n"));
		assert_int_equal(body_of(head).n, 0);
		peer_free(l, head);
		peer_free(l, p);
	}
}

static void what_is_small_or_unwanted_is_not_packed(void **state)
{
	(void)state;
	set_body(1024);
	struct peer *p = ask("GET", "/", "Accept-Encoding: gzip\r\n");
	assert_false(peer_heard(p, "Content-Encoding"));
	assert_true(peer_heard(p, "Vary: Accept-Encoding\r\n"));
	peer_free(l, p);
	set_body(5000);
	p = ask("GET", "/", "");
	assert_false(peer_heard(p, "Content-Encoding"));
	assert_true(peer_heard(p, "Vary: Accept-Encoding\r\n"));
	assert_int_equal(body_of(p).n, 5000);
	peer_free(l, p);
	p = ask("GET", "/plain", "Accept-Encoding: gzip\r\n");
	assert_false(peer_heard(p, "Content-Encoding") || peer_heard(p, "Vary"));
	peer_free(l, p);
	/* bytes without any order don't get smaller */
	uint64_t x = 88172645463325252u;
	for (size_t i = 0; i < body.n; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		body.p[i] = (char)x;
	}
	p = ask("GET", "/", "Accept-Encoding: gzip\r\n");
	assert_false(peer_heard(p, "Content-Encoding"));
	peer_free(l, p);
}

static const struct {
	const char *list;
	bool gzip;
} accepts[] = {
	{"", false},
	{"gzip", true},
	{"x-gzip", true},
	{" br , gzip ; q=1.000 ", true},
	{"gzip;q=0", false},
	{"gzip;q=0.000", false},
	{"gzip;q=0.001", true},
	{"gzip; Q=0.5", true},
	{"gzip;q=1.001", false},
	{"gzip;q=2", false},
	{"gzip;q=", false},
	{"gzip;q=0.1234", false},
	{"gzip;q=x", false},
	{"gzip;level=1;q=0", false},
	{"gzipped", false},
	{"*", true},
	{"*;q=0", false},
	{"*;q=0, gzip", true},
	{"gzip;q=0, *", false},
	{"identity", false},
	{"gzip;q=0.5, identity;q=0.8", false},
	{"gzip;q=0.8, identity;q=0.5", true},
	{"identity;q=0, *", true},
	{",,gzip,,", true},
	{"deflate, br, zstd", false},
};

static void weights_are_read_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof accepts / sizeof *accepts; i++)
		if (http_gzip_accepted(str_of(accepts[i].list)) != accepts[i].gzip)
			fail_msg("%s", accepts[i].list);
}

static void a_kept_connection_allocates_no_requests(void **state)
{
	(void)state;
	set_body(10);
	struct peer *p = peer_connect(l, http_port(s));
	for (int i = 1; i <= 50; i++) {
		peer_say(p, "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n");
		spin_until(l, peer_count(p, "200 OK") == i);
	}
	assert_int_equal(s->spares, 1);
	peer_free(l, p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(headers_are_checked),
		T(who_asked_is_known),
		T(bodies_that_must_not_be_are_not),
		T(a_large_body_is_packed_for_who_takes_it),
		T(what_is_small_or_unwanted_is_not_packed),
		T(weights_are_read_right),
		T(a_kept_connection_allocates_no_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
