/* Each limit of the HTTP server, and each form that two servers in a row could read in two ways. */
#include "common/io/http.h"
#include "peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

static struct loop *l;
static struct http_server *s;
static struct http_request *held[64];
static int holds, seen;
static char paths[1000]; /* of all requests, a space behind each */

static void on_request(void *arg, struct http_request *q)
{
	(void)arg;
	seen++;
	struct str p = http_path(q);
	size_t n = strlen(paths);
	snprintf(paths + n, sizeof paths - n, "%.*s ", (int)p.n, p.p);
	if (str_is(p, "/hold")) {
		held[holds++] = q;
	} else if (str_is(p, "/big")) {
		char *big = mem_alloc(4 << 20);
		http_answer(q, 200, NULL, (struct str){big, 4 << 20});
		free(big);
	} else {
		http_answer(q, 200, "text/plain", p);
	}
}

static void restart(const struct http_options *o)
{
	struct err e;
	http_close(s);
	s = http_open(l, o, on_request, NULL);
	if (!http_listen(s, "127.0.0.1:0", &e))
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	holds = seen = 0;
	paths[0] = 0;
	s = NULL;
	restart(&(struct http_options){.max_body = 1000});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_close(s);
	loop_free(l);
	return 0;
}

static struct peer *ask(const char *text)
{
	struct peer *p = peer_connect(l, http_port(s));
	assert_true(p->up);
	peer_say(p, text);
	return p;
}

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define TE   POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
	const char *status, *text;
} refused[] = {
	/* line ends */
	{"400", "GET / HTTP/1.1\nHost: a\n\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"},
	{"400", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	/* folded */
	{"400", GET "X: one\r\n two\r\n\r\n"},
	{"400", GET "X: one\r\n\ttwo\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
	/* names */
	{"400", GET "X : y\r\n\r\n"},
	{"400", GET "Transfer-Encoding : chunked\r\n\r\n"},
	{"400", GET "X\t: y\r\n\r\n"},
	{"400", GET ": y\r\n\r\n"},
	{"400", GET "X y\r\n\r\n"},
	{"400", GET "X(: y\r\n\r\n"},
	{"400", GET "X\xc3\xa4: y\r\n\r\n"},
	{"400", GET "X: \x01\r\n\r\n"},
	{"400", GET "X: \x7f\r\n\r\n"},
	/* lengths */
	{"400", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"400", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
	{"400", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
	{"400", POST "Content-Length: 3, 3\r\n\r\nabc"},
	{"400", POST "Content-Length: +3\r\n\r\nabc"},
	{"400", POST "Content-Length: -3\r\n\r\nabc"},
	{"400", POST "Content-Length: 0x3\r\n\r\nabc"},
	{"400", POST "Content-Length: 3 3\r\n\r\nabc"},
	{"400", POST "Content-Length:\r\n\r\nabc"},
	{"400", POST "Content-Length: 18446744073709551616\r\n\r\nabc"},
	/* codings */
	{"400", POST "Transfer-Encoding: chunked, gzip\r\n\r\n"},
	{"400", POST "Transfer-Encoding: identity\r\n\r\n"},
	{"400", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
	{"400", POST "Transfer-Encoding: \x0b"
				 "chunked\r\n\r\n0\r\n\r\n"},
	{"400", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"501", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
	{"501", POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	/* chunks */
	{"400", TE "\r\n"},
	{"400", TE "g\r\n"},
	{"400", TE "-1\r\n"},
	{"400", TE "0x1\r\na\r\n0\r\n\r\n"},
	{"400", TE " 1\r\na\r\n0\r\n\r\n"},
	{"400", TE "1 \r\na\r\n0\r\n\r\n"},
	{"400", TE "000000001\r\na\r\n0\r\n\r\n"},
	{"400", TE "1\na\r\n0\r\n\r\n"},
	{"400", TE "1;x\ny\r\na\r\n0\r\n\r\n"},
	{"400", TE "1\r\nab\r\n0\r\n\r\n"},
	{"400", TE "1\r\na0\r\n\r\n"},
	{"400", TE "1\r\na\n0\r\n\r\n"},
	{"400", TE "0\r\n X: folded\r\n\r\n"},
	{"400", TE "0\r\nX: y\n\r\n"},
	{"413", TE "3e9\r\n"
			   "x"
			   "\r\n"},
	/* whom it is for */
	{"400", "GET / HTTP/1.1\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"},
	{"400", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"},
	{"400", "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
	/* versions and rubbish */
	{"505", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
	{"505", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"},
	{"400", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	{"505", "GET /\r\n\r\n"},
	{"501", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"501", "GETX / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"400", "GET / http/1.1\r\nHost: a\r\n\r\n"},
	{"400", "\x16\x03\x01\x02"},
	{"417", POST "Expect: a miracle\r\nContent-Length: 1\r\n\r\nx"},
};

static void what_could_be_read_in_two_ways_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct peer *p = ask(refused[i].text);
		peer_say(p, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
		char want[40];
		snprintf(want, sizeof want, "HTTP/1.1 %s ", refused[i].status);
		for (int turn = 0; !p->eof && turn < 500; turn++)
			spin_once(l);
		if (!p->eof || p->broken || !p->in.p || !text_starts(p->in.p, want) ||
			peer_count(p, "HTTP/1.1 ") != 1 || !peer_heard(p, "Connection: close\r\n") ||
			strstr(paths, "smuggled"))
			fail_msg("%s: wanted %s, heard %s", refused[i].text, want, p->in.p ? p->in.p : "nothing");
		peer_free(l, p);
	}
	assert_int_equal(seen, 0);
}

static const char *const taken[] = {
	"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost:\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: [::1]:8080\r\nX:\t y \t\r\n\r\n",
	"GET https://b:1/ HTTP/1.1\r\nHost: a\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /%00/../\xc3\xa4 HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n",
	POST "Content-Length: 000003\r\n\r\nabc",
	POST "transfer-encoding: CHUNKED\r\n\r\n00000003;a=\"b\"\r\nabc\r\n0;x\r\nTrailer: y\r\n\r\n",
	POST "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
};

static void what_is_odd_but_clear_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		struct peer *p = ask(taken[i]);
		peer_say(p, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
		for (int turn = 0; !peer_heard(p, "/next") && !p->eof && turn < 500; turn++)
			spin_once(l);
		if (peer_count(p, "HTTP/1.1 200 OK") != 2)
			fail_msg("%s: heard %s", taken[i], p->in.p ? p->in.p : "nothing");
		peer_free(l, p);
	}
}

static void fill(struct buf *b, const char *before, size_t n, const char *behind)
{
	buf_clear(b);
	buf_text(b, before);
	for (size_t i = 0; i < n; i++)
		buf_char(b, 'a');
	buf_text(b, behind);
}

static void expect(const char *text, const char *status)
{
	struct peer *p = ask(text);
	char want[40];
	snprintf(want, sizeof want, "HTTP/1.1 %s ", status);
	spin_until(l, peer_heard(p, "\r\n\r\n"));
	if (!text_starts(p->in.p, want))
		fail_msg("wanted %s, heard %s", want, p->in.p);
	peer_free(l, p);
}

static void sizes_have_their_limits(void **state)
{
	(void)state;
	restart(&(struct http_options){.max_line = 100, .max_head = 300, .max_fields = 5, .max_body = 10});
	struct buf b = {0};
	fill(&b, "GET /", 100 - 14, " HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(b.p, "200");
	fill(&b, "GET /", 101 - 14, " HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(b.p, "414");
	fill(&b, "GET /", 1000, "");
	expect(b.p, "414");
	fill(&b, GET "X: ", 300 - strlen(GET) - 3 - 4, "\r\n\r\n");
	expect(b.p, "200");
	fill(&b, GET "X: ", 301 - strlen(GET) - 3 - 4, "\r\n\r\n");
	expect(b.p, "431");
	fill(&b, GET "X: ", 1000, "");
	expect(b.p, "431");
	expect(GET "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", "200");
	expect(GET "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n", "431");
	expect(POST "Content-Length: 10\r\n\r\n0123456789", "200");
	expect(POST "Content-Length: 11\r\n\r\n", "413");
	expect(TE "a\r\n0123456789\r\n0\r\n\r\n", "200");
	expect(TE "b\r\n0123456789a\r\n", "413");
	fill(&b, TE "1;", 5000, "");
	expect(b.p, "400");
	fill(&b, TE "0\r\nX: ", 5000, "");
	expect(b.p, "400");
	buf_fini(&b);
}

static size_t body_limit(void *arg, const struct http_request *q)
{
	(void)arg;
	return str_is(http_path(q), "/upload") && str_is(http_peer(q), "127.0.0.1") ? 100 : 0;
}

static void the_caller_decides_about_one_body(void **state)
{
	(void)state;
	restart(&(struct http_options){.max_body = 10, .body_limit = body_limit});
	expect("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n01234567890123456789", "200");
	expect("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "413");
	expect("POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "413");
	expect("POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "200");
}

static void connections_have_their_limits(void **state)
{
	(void)state;
	for (int by_peer = 0; by_peer < 2; by_peer++) {
		restart(&(struct http_options){.max_connections = by_peer ? 10 : 2, .max_per_peer = by_peer ? 2 : 0});
		struct peer *a = ask(GET "\r\n"), *b = ask(GET "\r\n");
		spin_until(l, peer_heard(a, "200 OK") && peer_heard(b, "200 OK"));
		struct peer *c = ask(GET "\r\n");
		spin_until(l, c->eof);
		assert_false(c->broken);
		assert_true(text_starts(c->in.p, "HTTP/1.1 503 "));
		assert_true(peer_heard(c, "Retry-After: 1\r\n"));
		peer_free(l, c);
		peer_free(l, a);
		spin_until(l, http_connections(s) == 1);
		a = ask(GET "\r\n");
		spin_until(l, peer_heard(a, "200 OK"));
		peer_free(l, a);
		peer_free(l, b);
	}
}

static void no_descriptor_left_is_survived(void **state)
{
	(void)state;
	struct peer *before = ask(GET "\r\n"), *late[8];
	spin_until(l, peer_heard(before, "200 OK"));
	struct rlimit old, few;
	getrlimit(RLIMIT_NOFILE, &old);
	int fds[4096], n = 0;
	few = old;
	few.rlim_cur = 200;
	setrlimit(RLIMIT_NOFILE, &few);
	while ((fds[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	close(fds[--n]); /* for the client's own end: none is left to accept it */
	late[0] = peer_connect(l, http_port(s));
	spin_until(l, late[0]->eof);
	assert_true(peer_count(before, "200 OK") == 1);
	peer_say(before, GET "\r\n");
	spin_until(l, peer_count(before, "200 OK") == 2);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	late[1] = ask(GET "\r\n");
	spin_until(l, peer_heard(late[1], "200 OK"));
	peer_free(l, late[0]);
	peer_free(l, late[1]);
	peer_free(l, before);
}

static void pipelined_depth_has_its_limit(void **state)
{
	(void)state;
	restart(&(struct http_options){.max_pipelined = 3});
	struct peer *p = peer_connect(l, http_port(s));
	for (int i = 0; i < 8; i++)
		peer_say(p, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	spin_until(l, holds == 3);
	for (int i = 0; i < 10; i++)
		spin_once(l);
	assert_int_equal(holds, 3);
	for (int i = 0; i < 8; i++) {
		spin_until(l, holds > i);
		http_answer(held[i], 200, NULL, STR("held"));
	}
	spin_until(l, peer_count(p, "200 OK") == 8);
	peer_free(l, p);
}

static void a_slow_sender_is_told_408(void **state)
{
	(void)state;
	restart(&(struct http_options){.max_body = 1 << 30, .request_ms = 150});
	struct peer *head = ask("GET / HTTP/1.1\r\n"), *body = ask(POST "Content-Length: 900000000\r\n\r\n");
	while (!head->eof || !body->eof) { /* a byte now and then does not help */
		if (!head->eof)
			peer_say(head, "X");
		if (!body->eof)
			peer_say(body, "b");
		spin_once(l);
	}
	assert_true(text_starts(head->in.p, "HTTP/1.1 408 "));
	assert_true(text_starts(body->in.p, "HTTP/1.1 408 "));
	assert_int_equal(seen, 0);
	/* an answer that is due is not lost by what comes slowly behind it */
	struct peer *p = ask("GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /slow");
	spin_until(l, holds == 1);
	struct peer *clock = ask("G");
	spin_until(l, clock->eof);
	assert_false(p->eof);
	http_answer(held[0], 200, NULL, STR("held"));
	spin_until(l, p->eof);
	assert_true(text_starts(p->in.p, "HTTP/1.1 200 OK"));
	assert_true(peer_heard(p, "HTTP/1.1 408 "));
	peer_free(l, clock);
	peer_free(l, p);
	peer_free(l, head);
	peer_free(l, body);
}

static void a_busy_pipeline_is_not_slow(void **state)
{
	(void)state;
	restart(&(struct http_options){.request_ms = 200});
	struct peer *p = peer_connect(l, http_port(s));
	uint64_t since = clock_mono_us();
	int asked = 0;
	peer_say(p, "GET / HT");
	while (clock_mono_us() - since < 600000) { /* each read ends within a request */
		peer_say(p, "TP/1.1\r\nHost: a\r\n\r\nGET / HT");
		asked++;
		spin_until(l, peer_count(p, "200 OK") == asked);
	}
	assert_false(p->eof);
	peer_free(l, p);
}

static void a_peer_that_does_not_read_is_dropped(void **state)
{
	(void)state;
	restart(&(struct http_options){.send_ms = 200});
	struct peer *p = peer_connect(l, http_port(s));
	uv_read_stop(&p->s.stream);
	for (int i = 0; i < 10; i++)
		peer_say(p, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	spin_until(l, seen > 0);
	spin_until(l, http_connections(s) == 0);
	assert_true(seen < 10);
	peer_free(l, p);
}

static void a_peer_that_reads_slowly_is_served(void **state)
{
	(void)state;
	restart(&(struct http_options){.send_ms = 100});
	struct peer *p = ask("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	size_t before = 0;
	while (p->in.n < 4 << 20) {
		uv_read_start(&p->s.stream, peer_alloc, peer_on_read);
		spin_until(l, p->in.n > before);
		uv_read_stop(&p->s.stream);
		before = p->in.n;
		assert_false(p->eof);
		spin_once(l);
	}
	peer_free(l, p);
}

static void an_idle_peer_is_ended_and_a_busy_one_is_not(void **state)
{
	(void)state;
	restart(&(struct http_options){.idle_ms = 150});
	struct peer *idle = ask(GET "\r\n"), *busy = peer_connect(l, http_port(s));
	int asked = 0;
	while (!idle->eof || asked < 20) {
		peer_say(busy, GET "\r\n");
		asked++;
		spin_until(l, peer_count(busy, "200 OK") == asked);
		assert_false(busy->eof);
		spin_once(l);
	}
	assert_false(idle->broken);
	peer_free(l, idle);
	peer_free(l, busy);
}

static void the_limit_of_files_is_raised_for_many_connections(void **state)
{
	(void)state;
	struct rlimit old, r;
	getrlimit(RLIMIT_NOFILE, &old);
	r = old;
	r.rlim_cur = 256;
	setrlimit(RLIMIT_NOFILE, &r);
	restart(&(struct http_options){.max_connections = 3000});
	getrlimit(RLIMIT_NOFILE, &r);
	assert_true(r.rlim_cur >= 3000 || r.rlim_cur == old.rlim_max);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void listeners_have_limits_of_their_own(void **state)
{
	(void)state;
	struct err e;
	char dir[] = "/tmp/fairlead-http-XXXXXX", address[80];
	assert_non_null(mkdtemp(dir));
	snprintf(address, sizeof address, "unix:%s/s", dir);
	assert_true(http_listen_as(
		s, address, &(struct http_listener_options){.limits = &(struct http_options){.max_body = 2}}, &e));
	struct peer *p = peer_connect_unix(l, address + 5);
	peer_say(p, POST "Content-Length: 3\r\n\r\nabc");
	spin_until(l, p->eof);
	assert_true(text_starts(p->in.p, "HTTP/1.1 413 "));
	peer_free(l, p);
	expect(POST "Content-Length: 3\r\n\r\nabc", "200");
	http_close(s);
	s = NULL;
	for (int i = 0; i < 3; i++)
		spin_once(l);
	rmdir(dir);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_could_be_read_in_two_ways_is_refused),
		T(what_is_odd_but_clear_is_taken),
		T(sizes_have_their_limits),
		T(the_caller_decides_about_one_body),
		T(connections_have_their_limits),
		T(no_descriptor_left_is_survived),
		T(pipelined_depth_has_its_limit),
		T(a_slow_sender_is_told_408),
		T(a_busy_pipeline_is_not_slow),
		T(a_peer_that_does_not_read_is_dropped),
		T(a_peer_that_reads_slowly_is_served),
		T(an_idle_peer_is_ended_and_a_busy_one_is_not),
		T(the_limit_of_files_is_raised_for_many_connections),
		T(listeners_have_limits_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
