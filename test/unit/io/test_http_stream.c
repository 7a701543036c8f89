/* Answers that stay open, connections that leave HTTP, deadlines and draining. */
#include "common/io/http.h"
#include "peer.h"

#include <stdio.h>

static struct loop *l;
static struct http_server *s;
static struct http_request *held[16];
static struct http_stream *stream;
static int holds, seen, gone, away, late, drained;
static enum http_gone gone_why;
static struct buf bytes; /* that upgraded peers sent */
static bool with_goodbye;

static void on_gone(void *arg, enum http_gone why)
{
	assert_ptr_equal(arg, &gone);
	gone++;
	gone_why = why;
	stream = NULL;
}

static void on_going_away(void *arg)
{
	(void)arg;
	away++;
	http_stream_write(stream, STR("data: bye\n\n"));
	http_stream_end(stream);
	stream = NULL;
}

static void on_bytes(void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	buf_put(&bytes, p, n);
	if (memchr(p, '!', n)) {
		http_stream_end(stream);
		stream = NULL;
	}
}

static void open_stream(struct http_request *q)
{
	struct http_stream_options o = {.max_unsent = 50000, .on_gone = on_gone, .arg = &gone};
	o.on_going_away = with_goodbye ? on_going_away : NULL;
	http_answer_header(q, "Cache-Control", "no-store");
	stream = http_answer_stream(q, 200, "text/event-stream", &o);
}

static void on_request(void *arg, struct http_request *q)
{
	(void)arg;
	seen++;
	struct str p = http_path(q);
	if (str_is(p, "/hold"))
		held[holds++] = q;
	else if (str_is(p, "/events"))
		open_stream(q);
	else if (str_is(p, "/raw"))
		stream = http_upgrade(
			q, "raw", &(struct http_stream_options){.on_gone = on_gone, .on_bytes = on_bytes, .arg = &gone});
	else
		http_answer(q, 200, "text/plain", p);
}

static void on_late(void *arg, struct http_request *q)
{
	(void)arg;
	late++;
	http_answer(q, 504, "text/plain", STR("late"));
}

static void restart(const struct http_options *o)
{
	struct err e;
	http_close(s);
	s = http_open(l, o, on_request, NULL);
	assert_true(http_listen(s, "127.0.0.1:0", &e));
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	holds = seen = gone = away = late = drained = 0;
	with_goodbye = false;
	stream = NULL;
	s = NULL;
	restart(&(struct http_options){.max_connections = 200});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_close(s);
	loop_free(l);
	buf_fini(&bytes);
	return 0;
}

static struct peer *ask(const char *text)
{
	struct peer *p = peer_connect(l, http_port(s));
	assert_true(p->up);
	peer_say(p, text);
	return p;
}

#define HOST   " HTTP/1.1\r\nHost: a\r\n"
#define EVENTS "GET /events" HOST "\r\n"
#define NEXT   "GET /next" HOST "\r\n"

static void an_answer_stays_open_and_the_connection_goes_on(void **state)
{
	(void)state;
	struct peer *p = ask(EVENTS NEXT);
	spin_until(l, stream && peer_heard(p, "\r\n\r\n"));
	assert_true(peer_heard(p, "Content-Type: text/event-stream\r\n"));
	assert_true(peer_heard(p, "Transfer-Encoding: chunked\r\n"));
	assert_true(peer_heard(p, "Cache-Control: no-store\r\n"));
	assert_false(peer_heard(p, "Content-Length"));
	assert_true(str_is(http_stream_peer(stream), "127.0.0.1"));
	assert_true(http_stream_write(stream, STR("data: one\n\n")));
	assert_true(http_stream_write(stream, STR("")));
	assert_true(http_stream_write(stream, STR("data: two\n\n")));
	assert_true(http_stream_unsent(stream) > 0);
	spin_until(l, peer_heard(p, "\r\n\r\n0000000b\r\ndata: one\n\n\r\n0000000b\r\ndata: two\n\n\r\n"));
	assert_int_equal(http_stream_unsent(stream), 0);
	assert_int_equal(seen, 1);
	http_stream_end(stream);
	spin_until(l, peer_heard(p, "two\n\n\r\n0\r\n\r\nHTTP/1.1 200 OK") && peer_heard(p, "\r\n\r\n/next"));
	assert_int_equal(gone, 0);
	peer_free(l, p);
}

static void an_old_peer_hears_until_the_end_of_the_connection(void **state)
{
	(void)state;
	struct peer *p = ask("GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /next HTTP/1.0\r\n\r\n");
	spin_until(l, stream);
	http_stream_write(stream, STR("data: one\n\n"));
	http_stream_end(stream);
	spin_until(l, p->eof);
	assert_true(peer_heard(p, "Connection: close\r\n\r\ndata: one\n\n"));
	assert_false(peer_heard(p, "Transfer-Encoding"));
	assert_int_equal(seen, 1);
	peer_free(l, p);
}

static void a_head_of_a_stream_is_its_header_section(void **state)
{
	(void)state;
	struct peer *p = ask("HEAD /events" HOST "\r\n" NEXT);
	spin_until(l, peer_heard(p, "chunked\r\n\r\nHTTP/1.1 200 OK") || peer_heard(p, "/next"));
	spin_until(l, gone == 1);
	assert_false(peer_heard(p, "0\r\n\r\n"));
	peer_free(l, p);
}

static void a_stream_waits_for_the_answers_before_it(void **state)
{
	(void)state;
	struct peer *p = ask("GET /hold" HOST "\r\n" EVENTS NEXT);
	spin_until(l, holds == 1 && stream);
	http_stream_write(stream, STR("data: early\n\n"));
	for (int i = 0; i < 5; i++)
		spin_once(l);
	assert_int_equal(p->in.n, 0);
	http_answer(held[0], 200, NULL, STR("held"));
	spin_until(l, peer_heard(p, "data: early"));
	assert_true(strstr(p->in.p, "held") < strstr(p->in.p, "data: early"));
	http_stream_end(stream);
	spin_until(l, peer_heard(p, "/next"));
	/* ended before its turn has come */
	buf_clear(&p->in);
	peer_say(p, "GET /hold" HOST "\r\n" EVENTS NEXT);
	spin_until(l, holds == 2 && stream);
	http_stream_write(stream, STR("data: short\n\n"));
	http_stream_end(stream);
	http_answer(held[1], 200, NULL, STR("held"));
	spin_until(l, peer_heard(p, "data: short\n\n\r\n0\r\n\r\n") && peer_heard(p, "/next"));
	/* and gone before its turn has come */
	peer_say(p, "GET /hold" HOST "\r\n" EVENTS);
	spin_until(l, holds == 3 && stream);
	uv_tcp_close_reset(&p->s.tcp, peer_on_closed);
	p->closing = true;
	spin_until(l, gone == 1);
	http_answer(held[2], 200, NULL, STR("held"));
	peer_free(l, p);
}

static void a_peer_that_leaves_is_told_of(void **state)
{
	(void)state;
	struct peer *p = ask(EVENTS);
	spin_until(l, stream && peer_heard(p, "\r\n\r\n"));
	struct http_stream *mine = stream;
	peer_free(l, p);
	spin_until(l, gone == 1);
	assert_int_equal(gone_why, HTTP_GONE_PEER);
	assert_int_equal(http_connections(s), 0);
	(void)mine;
	/* answered when it is gone already */
	p = ask("GET /hold" HOST "\r\n");
	spin_until(l, holds == 1);
	uv_tcp_close_reset(&p->s.tcp, peer_on_closed);
	p->closing = true;
	spin_until(l, http_is_gone(held[0]));
	open_stream(held[0]);
	assert_int_equal(gone, 1);
	assert_false(http_stream_write(stream, STR("x")));
	spin_until(l, gone == 2);
	peer_free(l, p);
}

static void a_slow_reader_is_dropped_with_the_reason(void **state)
{
	(void)state;
	struct peer *p = ask(EVENTS);
	spin_until(l, stream);
	uv_read_stop(&p->s.stream);
	char *text = mem_alloc(20000);
	memset(text, 'x', 20000);
	struct http_frame *f = http_frame_new((struct str){text, 20000});
	int sent = 0;
	while (stream && http_stream_send(stream, f)) {
		sent++;
		spin_once(l);
		assert_true(sent < 5000);
	}
	assert_int_equal(gone, 0); /* never from within a call */
	spin_until(l, gone == 1);
	assert_int_equal(gone_why, HTTP_GONE_SLOW);
	assert_true(sent > 2);
	http_frame_drop(f);
	free(text);
	peer_free(l, p);
}

static void one_frame_goes_to_many(void **state)
{
	(void)state;
	struct peer *p[100];
	struct http_stream *st[100];
	for (int i = 0; i < 100; i++) {
		p[i] = ask(i % 2 ? EVENTS : "GET /events HTTP/1.0\r\n\r\n");
		stream = NULL;
		spin_until(l, stream);
		st[i] = stream;
	}
	struct http_frame *f = http_frame_new(STR("data: all\n\n"));
	for (int i = 0; i < 100; i++)
		assert_true(http_stream_send(st[i], f));
	http_frame_drop(f);
	for (int i = 0; i < 100; i++)
		spin_until(l, peer_heard(p[i], "data: all\n\n"));
	for (int i = 0; i < 100; i++) {
		http_stream_end(st[i]);
		peer_free(l, p[i]);
	}
	assert_int_equal(gone, 0);
}

static void what_a_peer_sends_behind_a_stream_is_bounded(void **state)
{
	(void)state;
	struct peer *p = ask(EVENTS);
	spin_until(l, stream);
	char *text = mem_alloc(100001);
	memset(text, 'x', 100000);
	for (int i = 0; i < 100; i++)
		peer_say(p, text);
	for (int i = 0; i < 20; i++)
		spin_once(l);
	assert_true(uv_stream_get_write_queue_size(&p->s.stream) > 0);
	free(text);
	http_stream_cut(stream);
	spin_until(l, p->eof);
	assert_int_equal(gone, 0);
	peer_free(l, p);
}

static void a_connection_leaves_http(void **state)
{
	(void)state;
	struct peer *p = ask("GET /raw" HOST "Connection: upgrade\r\nUpgrade: raw\r\n\r\nahead ");
	spin_until(l, peer_heard(p, "\r\n\r\n"));
	assert_true(text_starts(p->in.p, "HTTP/1.1 101 Switching Protocols\r\n"));
	assert_true(peer_heard(p, "Upgrade: raw\r\nConnection: Upgrade\r\n\r\n"));
	peer_say(p, "GET / HTTP/1.1\r\n");
	spin_until(l, bytes.p && strstr(bytes.p, "ahead GET / HTTP/1.1\r\n"));
	http_stream_write(stream, STR("raw bytes"));
	spin_until(l, peer_heard(p, "\r\n\r\nraw bytes"));
	http_stream_read(stream, false);
	peer_say(p, "later");
	for (int i = 0; i < 5; i++)
		spin_once(l);
	assert_null(strstr(bytes.p, "later"));
	http_stream_read(stream, true);
	spin_until(l, strstr(bytes.p, "later"));
	peer_say(p, "end!");
	spin_until(l, p->eof);
	assert_int_equal(gone, 0);
	peer_free(l, p);

	/* a wish that is not granted: what comes behind it is HTTP again */
	p = ask("GET /x" HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" NEXT);
	spin_until(l, peer_heard(p, "/x") && peer_heard(p, "/next"));
	peer_free(l, p);
}

static void a_late_answer_is_given_by_the_deadline(void **state)
{
	(void)state;
	restart(&(struct http_options){.answer_ms = 50, .on_late = on_late});
	struct peer *p = ask("GET /hold" HOST "\r\n" NEXT);
	spin_until(l, peer_heard(p, "/next"));
	assert_true(text_starts(p->in.p, "HTTP/1.1 504 Gateway Timeout\r\n"));
	assert_int_equal(late, 1);
	peer_free(l, p);
	/* without a callback */
	restart(&(struct http_options){.answer_ms = 50});
	p = ask("GET /hold" HOST "\r\n" NEXT);
	spin_until(l, peer_heard(p, "/next"));
	assert_true(text_starts(p->in.p, "HTTP/1.1 503 "));
	assert_true(peer_heard(p, "Retry-After: 1\r\n"));
	peer_free(l, p);
	/* of one request alone */
	restart(&(struct http_options){.on_late = on_late});
	p = ask("GET /hold" HOST "\r\nGET /hold" HOST "\r\n");
	spin_until(l, holds == 4);
	http_deadline(held[2], 100000);
	http_deadline(held[3], 20);
	spin_until(l, late == 2);
	http_deadline(held[2], 0);
	http_answer(held[2], 200, NULL, STR("first"));
	spin_until(l, peer_heard(p, "first") && peer_heard(p, "late"));
	peer_free(l, p);
}

static void on_drained(void *arg)
{
	assert_ptr_equal(arg, &drained);
	drained++;
	assert_int_equal(http_connections(s), 0);
}

static void draining_lets_what_is_under_way_finish(void **state)
{
	(void)state;
	struct peer *idle = ask(NEXT), *due = ask("GET /hold" HOST "\r\n"), *half = ask("GET /half");
	struct peer *quick = ask(NEXT);
	spin_until(l, holds == 1 && peer_heard(idle, "/next") && peer_heard(quick, "/next"));
	for (int i = 0; i < 3; i++)
		spin_once(l);
	int port = http_port(s);
	http_drain(s, on_drained, &drained);
	peer_say(quick, NEXT); /* was on its way */
	peer_say(half, HOST "\r\n");
	spin_until(l, peer_heard(half, "/half") && half->eof && quick->eof && idle->eof);
	assert_true(peer_heard(half, "Connection: close\r\n"));
	assert_int_equal(peer_count(quick, "200 OK"), 2);
	assert_false(idle->broken);
	assert_int_equal(drained, 0);
	struct peer *refused = peer_connect(l, port);
	assert_false(refused->up);
	peer_free(l, refused);
	http_answer(held[0], 200, NULL, STR("held"));
	spin_until(l, due->eof);
	assert_true(peer_heard(due, "Connection: close\r\n\r\nheld"));
	peer_free(l, due);
	peer_free(l, idle);
	peer_free(l, half);
	peer_free(l, quick);
	spin_until(l, drained == 1);
}

static void draining_tells_streams(void **state)
{
	(void)state;
	with_goodbye = true;
	struct peer *p = ask(EVENTS);
	spin_until(l, stream);
	http_drain(s, on_drained, &drained);
	assert_int_equal(away, 0);
	spin_until(l, p->eof);
	assert_int_equal(away, 1);
	assert_int_equal(gone, 0);
	assert_true(peer_heard(p, "data: bye\n\n\r\n0\r\n\r\n"));
	peer_free(l, p);
	spin_until(l, drained == 1);
	/* one without a goodbye of its own */
	http_close(s);
	s = NULL;
	restart(&(struct http_options){0});
	with_goodbye = false;
	p = ask(EVENTS);
	spin_until(l, stream);
	http_drain(s, on_drained, &drained);
	spin_until(l, p->eof && gone == 1);
	assert_int_equal(gone_why, HTTP_GONE_CLOSED);
	assert_true(peer_heard(p, "\r\n\r\n0\r\n\r\n"));
	peer_free(l, p);
	spin_until(l, drained == 2);
}

static void a_stream_that_opens_while_draining_is_told(void **state)
{
	(void)state;
	with_goodbye = true;
	struct peer *p = ask("GET /hold" HOST "\r\n"), *behind = ask("GET /hold" HOST "\r\n" EVENTS);
	spin_until(l, holds == 2 && stream);
	struct http_request *first = str_is(http_path(held[0]), "/hold") ? held[0] : held[1];
	http_drain(s, on_drained, &drained);
	spin_until(l, away == 1); /* the one that waits behind another answer is told too, once */
	open_stream(first);
	spin_until(l, away == 2);
	http_answer(held[first == held[0]], 200, NULL, STR("held"));
	spin_until(l, p->eof && behind->eof);
	assert_true(peer_count(p, "data: bye") + peer_count(behind, "data: bye") == 2);
	assert_int_equal(away, 2);
	peer_free(l, p);
	peer_free(l, behind);
	spin_until(l, drained == 1);
	/* and one that opens when the server is closed */
	http_close(s);
	s = NULL;
	restart(&(struct http_options){0});
	p = ask("GET /hold" HOST "\r\n");
	spin_until(l, holds == 3);
	http_close(s);
	open_stream(held[2]);
	spin_until(l, gone == 1 && p->eof);
	peer_free(l, p);
	s = http_open(l, &(struct http_options){0}, on_request, NULL);
}

static void draining_nothing_is_done_at_once_and_may_close(void **state)
{
	(void)state;
	http_drain(s, on_drained, &drained);
	assert_int_equal(drained, 0);
	spin_until(l, drained == 1);
}

static void closing_ends_streams(void **state)
{
	(void)state;
	struct peer *p = ask(EVENTS);
	spin_until(l, stream && peer_heard(p, "\r\n\r\n"));
	http_close(s);
	assert_int_equal(gone, 0);
	spin_until(l, gone == 1 && p->eof);
	assert_int_equal(gone_why, HTTP_GONE_CLOSED);
	peer_free(l, p);
	s = http_open(l, &(struct http_options){0}, on_request, NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_answer_stays_open_and_the_connection_goes_on),
		T(an_old_peer_hears_until_the_end_of_the_connection),
		T(a_head_of_a_stream_is_its_header_section),
		T(a_stream_waits_for_the_answers_before_it),
		T(a_peer_that_leaves_is_told_of),
		T(a_slow_reader_is_dropped_with_the_reason),
		T(one_frame_goes_to_many),
		T(what_a_peer_sends_behind_a_stream_is_bounded),
		T(a_connection_leaves_http),
		T(a_late_answer_is_given_by_the_deadline),
		T(draining_lets_what_is_under_way_finish),
		T(draining_tells_streams),
		T(a_stream_that_opens_while_draining_is_told),
		T(draining_nothing_is_done_at_once_and_may_close),
		T(closing_ends_streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
