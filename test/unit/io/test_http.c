#include "common/io/http.h"
#include "peer.h"

#include <stdio.h>
#include <sys/stat.h>

static struct loop *l;
static struct http_server *s;
static struct http_request *held[64]; /* requests for /hold, in the order they came */
static int holds, seen;
static char last[512]; /* what the last request looked like */

static void on_request(void *arg, struct http_request *q)
{
	(void)arg;
	seen++;
	struct str m = http_method(q), p = http_path(q), y = http_query(q), b = http_body(q),
			   h = http_header(q, "x-mark");
	snprintf(last, sizeof last, "%.*s %.*s ?%.*s mark=%.*s body=%.*s", (int)m.n, m.p, (int)p.n, p.p, (int)y.n,
		y.p, h.p ? (int)h.n : 4, h.p ? h.p : "none", (int)b.n, b.p ? b.p : "");
	if (str_is(p, "/hold")) {
		held[holds++] = q;
		return;
	}
	if (str_is(p, "/big")) {
		char *big = mem_alloc(4 << 20);
		memset(big, 'b', 4 << 20);
		http_answer(q, 200, "text/plain", (struct str){big, 4 << 20});
		free(big);
		return;
	}
	http_answer(q, 200, "text/plain", p);
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	holds = seen = 0;
	last[0] = 0;
	s = http_open(l, &(struct http_options){.max_body = 1000}, on_request, NULL);
	struct err e;
	assert_true(http_listen(s, "127.0.0.1:0", &e));
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

static void a_request_is_read_and_answered(void **state)
{
	(void)state;
	struct peer *p = ask("GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-MARK: m\r\n\r\n");
	spin_until(l, peer_heard(p, "\r\n\r\n/a/b"));
	assert_string_equal(last, "GET /a/b ?c=d&e mark=m body=");
	assert_true(peer_heard(p, "HTTP/1.1 200 OK\r\nDate: "));
	assert_true(peer_heard(p, "Content-Type: text/plain\r\nContent-Length: 4\r\n"));
	assert_false(peer_heard(p, "Connection:"));
	peer_say(p, "POST /again HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
	spin_until(l, peer_heard(p, "\r\n\r\n/again"));
	assert_string_equal(last, "POST /again ? mark=none body=hello");
	peer_say(p, "GET http://h.example/abs?q HTTP/1.1\r\nHost: x\r\nX-Mark: one  \r\nX-Other: y\r\n\r\n");
	spin_until(l, peer_heard(p, "\r\n\r\n/abs"));
	assert_string_equal(last, "GET /abs ?q mark=one body=");
	assert_false(p->eof);
	peer_free(l, p);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	(void)state;
	const char *text =
		"PUT /x%20y HTTP/1.1\r\nHost: x\r\nX-Mark: one two\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nX-Mark: trailer\r\n\r\n";
	struct peer *p = peer_connect(l, http_port(s));
	for (const char *c = text; *c; c++) {
		peer_say_bytes(p, c, 1);
		uv_run(loop_uv(l), UV_RUN_NOWAIT);
	}
	spin_until(l, peer_heard(p, "/x%20y"));
	assert_string_equal(last, "PUT /x%20y ? mark=one two body=abcdefg");
	peer_free(l, p);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	(void)state;
	struct peer *p = ask("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
						 "GET /3 HTTP/1.1\r\nHost: x\r\n\r\nGET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	spin_until(l, holds == 2 && peer_heard(p, "\r\n\r\n/1"));
	http_answer(held[1], 200, NULL, STR("fourth"));
	assert_int_equal(peer_count(p, "HTTP/1.1 200"), 1);
	http_answer(held[0], 200, NULL, STR("second"));
	spin_until(l, peer_heard(p, "fourth"));
	assert_true(strstr(p->in.p, "second") < strstr(p->in.p, "\r\n\r\n/3"));
	assert_true(strstr(p->in.p, "\r\n\r\n/3") < strstr(p->in.p, "fourth"));
	peer_free(l, p);
}

static void many_pipelined_requests_are_bounded_and_all_answered(void **state)
{
	(void)state;
	struct buf b = {0};
	for (int i = 0; i < 2000; i++)
		buf_text(&b, i == 5 ? "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /n HTTP/1.1\r\nHost: x\r\n\r\n");
	struct peer *p = ask(b.p);
	spin_until(l, holds == 1);
	for (int i = 0; i < 20; i++)
		spin_once(l);
	assert_true(seen < 60);
	http_answer(held[0], 200, NULL, STR("held"));
	spin_until(l, peer_count(p, "HTTP/1.1 200") == 2000);
	assert_int_equal(seen, 2000);
	buf_fini(&b);
	peer_free(l, p);
}

static void a_peer_that_does_not_read_holds_a_bounded_amount(void **state)
{
	(void)state;
	struct buf b = {0};
	for (int i = 0; i < 30; i++)
		buf_text(&b, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
	struct peer *p = peer_connect(l, http_port(s));
	uv_read_stop(&p->s.stream);
	peer_say(p, b.p);
	spin_until(l, seen > 0);
	for (int i = 0; i < 20; i++)
		spin_once(l);
	int before = seen;
	assert_true(before < 30);
	uv_read_start(&p->s.stream, peer_alloc, peer_on_read);
	spin_until(l, p->in.n > 30 * (4u << 20));
	assert_int_equal(seen, 30);
	buf_fini(&b);
	peer_free(l, p);
}

static void head_gets_the_length_and_no_body(void **state)
{
	(void)state;
	struct peer *p = ask("HEAD /four HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	spin_until(l, peer_heard(p, "\r\n\r\n/next"));
	assert_true(peer_heard(p, "Content-Length: 5\r\n\r\nHTTP/1.1"));
	peer_free(l, p);
}

static void the_connection_ends_where_the_peer_asked(void **state)
{
	(void)state;
	const char *last_ones[] = {
		"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n"};
	for (size_t i = 0; i < 2; i++) {
		struct peer *p = ask(last_ones[i]);
		spin_until(l, p->eof);
		assert_false(p->broken);
		assert_true(peer_heard(p, "Connection: close\r\n\r\n/a"));
		assert_int_equal(peer_count(p, "HTTP/1.1 "), 1);
		peer_free(l, p);
	}
	struct peer *p = ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
	spin_until(l, p->eof);
	assert_true(peer_heard(p, "Connection: keep-alive\r\n\r\n/a"));
	assert_true(peer_heard(p, "Connection: close\r\n\r\n/b"));
	peer_free(l, p);
}

static const struct {
	const char *text;
	const char *status;
} bad[] = {
	{"rubbish\r\n\r\n", "400"},
	{"GET\r\n\r\n", "400"},
	{"GET / HTTP/1.1\r\n\r\n", "400"},
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
	{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
	{"GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
	{"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
	{"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
	{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
	{"GET / HTTP/3.7\r\nHost: a\r\n\r\n", "505"},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
	{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "400"},
	{"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
	{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", "413"},
};

static void what_is_malformed_is_refused_and_the_connection_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct peer *p = ask("GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
		peer_say(p, bad[i].text);
		spin_until(l, p->eof);
		char want[40];
		snprintf(want, sizeof want, "HTTP/1.1 %s ", bad[i].status);
		if (p->broken || !peer_heard(p, want) || !peer_heard(p, "\r\n\r\n/good") ||
			!peer_heard(p, "Connection: close"))
			fail_msg("%s: wanted %s, heard %s", bad[i].text, want, p->in.p ? p->in.p : "nothing");
		peer_free(l, p);
	}
}

static void too_much_is_refused(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_text(&b, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 17000; i++)
		buf_char(&b, 'a');
	struct peer *p = ask(b.p);
	spin_until(l, p->eof);
	assert_true(peer_heard(p, "HTTP/1.1 431 "));
	peer_free(l, p);

	buf_clear(&b);
	buf_text(&b, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 101; i++)
		buf_printf(&b, "x%d: y\r\n", i);
	p = ask(b.p);
	spin_until(l, p->eof);
	assert_true(peer_heard(p, "HTTP/1.1 431 "));
	peer_free(l, p);

	buf_clear(&b);
	buf_text(&b, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 3; i++) {
		buf_text(&b, "190\r\n");
		for (int k = 0; k < 400; k++)
			buf_char(&b, 'c');
		buf_text(&b, "\r\n");
	}
	p = ask(b.p);
	spin_until(l, p->eof);
	assert_true(peer_heard(p, "HTTP/1.1 413 "));
	assert_int_equal(seen, 0);
	peer_free(l, p);
	buf_fini(&b);
}

static void a_waiting_peer_is_told_to_continue(void **state)
{
	(void)state;
	struct peer *p = ask("POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	spin_until(l, peer_heard(p, "HTTP/1.1 100 Continue\r\n\r\n"));
	peer_say(p, "ok");
	spin_until(l, peer_heard(p, "\r\n\r\n/x"));
	peer_free(l, p);
}

static void a_half_closed_peer_still_gets_its_answer(void **state)
{
	(void)state;
	struct peer *p = ask("GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /half HTT");
	spin_until(l, holds == 1);
	uv_shutdown_t req;
	uv_shutdown(&req, &p->s.stream, NULL);
	for (int i = 0; i < 5; i++)
		spin_once(l);
	http_answer(held[0], 200, NULL, STR("late"));
	spin_until(l, p->eof);
	assert_true(peer_heard(p, "late"));
	assert_int_equal(seen, 1);
	p->closing = true;
	uv_close(&p->s.handle, peer_on_closed);
	peer_free(l, p);
}

static void an_answer_for_a_peer_that_is_gone_is_dropped(void **state)
{
	(void)state;
	struct peer *p = ask("GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	spin_until(l, holds == 2);
	uv_tcp_close_reset(&p->s.tcp, peer_on_closed);
	p->closing = true;
	peer_free(l, p);
	for (int i = 0; i < 5; i++)
		spin_once(l);
	http_answer(held[1], 200, NULL, STR("x"));
	http_answer(held[0], 200, NULL, STR("x"));
}

static void the_65th_connection_is_told_503(void **state)
{
	(void)state;
	struct peer *p[64];
	for (int i = 0; i < 64; i++)
		p[i] = ask("GET /in HTTP/1.1\r\nHost: x\r\n\r\n");
	spin_until(l, seen == 64);
	struct peer *q = peer_connect(l, http_port(s));
	spin_until(l, q->eof);
	assert_true(peer_heard(q, "HTTP/1.1 503 "));
	peer_free(l, q);
	peer_free(l, p[0]);
	for (;;) { /* the server learns of the free place in a later turn */
		q = ask("GET /free HTTP/1.1\r\nHost: x\r\n\r\n");
		spin_until(l, q->eof || peer_heard(q, "/free"));
		bool in = peer_heard(q, "/free");
		peer_free(l, q);
		if (in)
			break;
	}
	for (int i = 1; i < 64; i++)
		peer_free(l, p[i]);
}

static void closing_waits_for_the_answers_that_are_due(void **state)
{
	(void)state;
	struct peer *idle = ask("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"),
				*due = ask("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	spin_until(l, holds == 1 && peer_heard(idle, "/x"));
	http_close(s);
	spin_until(l, idle->eof);
	assert_false(due->eof);
	http_answer(held[0], 200, NULL, STR("due"));
	spin_until(l, due->eof);
	assert_true(peer_heard(due, "Connection: close\r\n\r\ndue"));
	peer_free(l, idle);
	peer_free(l, due);
	s = http_open(l, &(struct http_options){0}, on_request, NULL);
}

static void addresses_that_cannot_be_had_say_why(void **state)
{
	(void)state;
	struct err e;
	char taken[40];
	snprintf(taken, sizeof taken, "127.0.0.1:%d", http_port(s));
	struct http_server *t = http_open(l, &(struct http_options){0}, on_request, NULL);
	assert_false(http_listen(t, taken, &e));
	assert_non_null(strstr(e.text, "address already in use"));
	assert_false(http_listen(t, "no-port", &e));
	assert_false(http_listen(t, "127.0.0.1:65536", &e));
	assert_false(http_listen(t, "127.0.0.1:http", &e));
	assert_false(http_listen(t, "unix:", &e));
	assert_false(http_listen(t, "unix:/no/such/folder/s.sock", &e));
	assert_int_equal(http_port(t), 0);
	assert_true(http_listen(t, ":0", &e));
	assert_true(http_listen(t, "[::1]:0", &e) || strstr(e.text, "address"));
	struct peer *p = peer_connect(l, http_port(t));
	assert_true(p->up);
	peer_free(l, p);
	http_close(t);
}

static void a_unix_socket_replaces_a_dead_one_only(void **state)
{
	(void)state;
	char dir[] = "/tmp/fairlead-http-XXXXXX", address[120], path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	snprintf(address, sizeof address, "unix:%s", path);
	struct err e;
	struct stat st;

	/* a socket file whose owner is dead */
	uv_pipe_t dead;
	uv_pipe_init(loop_uv(l), &dead, 0);
	assert_int_equal(uv_pipe_bind(&dead, path), 0);
	assert_true(http_listen(s, address, &e));
	struct peer *p = peer_connect_unix(l, path);
	assert_true(p->up);
	peer_say(p, "GET /u HTTP/1.1\r\nHost: x\r\n\r\n");
	spin_until(l, peer_heard(p, "\r\n\r\n/u"));

	/* a live one */
	struct http_server *t = http_open(l, &(struct http_options){0}, on_request, NULL);
	assert_false(http_listen(t, address, &e));
	assert_non_null(strstr(e.text, "another process listens there"));
	/* a file */
	char file[64], file_address[120];
	snprintf(file, sizeof file, "%s/f", dir);
	snprintf(file_address, sizeof file_address, "unix:%s", file);
	fclose(fopen(file, "w"));
	assert_false(http_listen(t, file_address, &e));
	assert_int_equal(stat(file, &st), 0);
	http_close(t);

	peer_free(l, p);
	http_close(s);
	for (int i = 0; i < 3; i++)
		spin_once(l);
	assert_int_not_equal(stat(path, &st), 0);
	uv_close((uv_handle_t *)&dead, NULL);
	spin_once(l);
	s = http_open(l, &(struct http_options){0}, on_request, NULL);
	unlink(file);
	rmdir(dir);
}

static void a_slow_request_and_an_idle_peer_are_ended(void **state)
{
	(void)state;
	struct err e;
	struct http_server *t =
		http_open(l, &(struct http_options){.request_ms = 200, .idle_ms = 100}, on_request, NULL);
	assert_true(http_listen(t, "127.0.0.1:0", &e));
	struct peer *idle = peer_connect(l, http_port(t)), *slow = peer_connect(l, http_port(t));
	peer_say(slow, "GET /slow HTTP/1.1\r\n");
	for (int i = 0; !slow->eof; i++) { /* bytes keep coming, the request never ends */
		if (i < 80)
			peer_say(slow, "X: y\r\n");
		spin_once(l);
	}
	assert_true(peer_heard(slow, "HTTP/1.1 408 "));
	spin_until(l, idle->eof);
	assert_int_equal(idle->in.n, 0);
	assert_int_equal(seen, 0);

	/* a request that waits for its answer is not idle */
	struct peer *held_one = peer_connect(l, http_port(t)), *other = peer_connect(l, http_port(t));
	peer_say(held_one, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	spin_until(l, other->eof);
	peer_free(l, other);
	other = peer_connect(l, http_port(t));
	spin_until(l, other->eof);
	assert_false(held_one->eof);
	http_answer(held[0], 200, NULL, STR("held"));
	spin_until(l, peer_heard(held_one, "held"));
	peer_free(l, other);
	peer_free(l, held_one);
	peer_free(l, idle);
	peer_free(l, slow);
	http_close(t);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_is_read_and_answered),
		T(a_request_may_come_byte_by_byte),
		T(pipelined_requests_are_answered_in_order),
		T(many_pipelined_requests_are_bounded_and_all_answered),
		T(a_peer_that_does_not_read_holds_a_bounded_amount),
		T(head_gets_the_length_and_no_body),
		T(the_connection_ends_where_the_peer_asked),
		T(what_is_malformed_is_refused_and_the_connection_ends),
		T(too_much_is_refused),
		T(a_waiting_peer_is_told_to_continue),
		T(a_half_closed_peer_still_gets_its_answer),
		T(an_answer_for_a_peer_that_is_gone_is_dropped),
		T(the_65th_connection_is_told_503),
		T(a_slow_request_and_an_idle_peer_are_ended),
		T(closing_waits_for_the_answers_that_are_due),
		T(addresses_that_cannot_be_had_say_why),
		T(a_unix_socket_replaces_a_dead_one_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
