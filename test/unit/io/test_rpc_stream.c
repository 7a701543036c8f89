/* Answers that are told while they arrive, from a peer that says what a test
 * gives it. */
#define _GNU_SOURCE
#include "common/io/rpc.h"
#include "common/io/rpc_json.h"
#include "peer.h"

#include <stdio.h>
#include <sys/resource.h>

static struct loop *l;
static struct rpc *r;
static struct peer_server node;
static uint64_t first_id; /* of the last request */
static int asked;

/* What was told and what came of it. */
struct ear {
	struct rpc_request *q;
	struct buf text; /* of small streams */
	uint64_t events, strings;
	uint64_t pause_at, cancel_at, refuse_at; /* the event at which it does so; 0: never */
	bool count_only, sends_another;
	struct rpc_request *cancels; /* another one, at the second event */
	int done;
	struct rpc_reply got;
	bool answer_ok;
	size_t answer_n; /* of the streamed call's result */
	char other[64];  /* the first call's result */
	char body[64];
};
static struct ear ear;

static void on_other(void *arg, const struct rpc_reply *reply)
{
	((struct ear *)arg)->done += reply->ok ? 100 : 1000;
}

static bool tell(struct ear *e, const char *mark, struct str s)
{
	e->events++;
	if (!e->count_only) {
		buf_text(&e->text, mark);
		buf_str(&e->text, s);
	}
	if (e->events == e->pause_at)
		rpc_pause(e->q, true);
	if (e->events == e->cancel_at) {
		rpc_cancel(e->q);
		e->q = NULL;
	}
	if (e->cancels && e->events == 2)
		rpc_cancel(e->cancels);
	if (e->sends_another && e->events == 2) {
		struct rpc_request *q = rpc_request(r);
		rpc_call(q, "eth_other", "[]");
		rpc_send(q, on_other, e);
	}
	return e->events != e->refuse_at;
}
static bool on_null(void *ctx)
{
	return tell(ctx, " null", STR(""));
}
static bool on_bool(void *ctx, bool v)
{
	return tell(ctx, v ? " true" : " false", STR(""));
}
static bool on_number(void *ctx, struct str s)
{
	return tell(ctx, " #", s);
}
static bool on_string(void *ctx, struct str s)
{
	((struct ear *)ctx)->strings += s.n;
	return tell(ctx, " ", s);
}
static bool on_open_map(void *ctx)
{
	return tell(ctx, "{", STR(""));
}
static bool on_key(void *ctx, struct str s)
{
	return tell(ctx, " .", s);
}
static bool on_close_map(void *ctx)
{
	return tell(ctx, "}", STR(""));
}
static bool on_open_array(void *ctx)
{
	return tell(ctx, "[", STR(""));
}
static bool on_close_array(void *ctx)
{
	return tell(ctx, "]", STR(""));
}
static const struct sax sax = {
	on_null, on_bool, on_number, on_string, on_open_map, on_key, on_close_map, on_open_array, on_close_array};

static void on_done(void *arg, const struct rpc_reply *reply)
{
	struct ear *e = arg;
	e->done++;
	e->q = NULL;
	e->got = *reply;
	if (reply->ok) {
		const struct rpc_answer *a = &reply->answers[reply->calls - 1];
		e->answer_ok = a->ok;
		e->answer_n = a->result.n;
		struct str other = reply->answers[0].result;
		snprintf(e->other, sizeof e->other, "%.*s", (int)other.n, other.n ? other.p : "");
	}
	snprintf(e->body, sizeof e->body, "%.*s", (int)reply->body.n, reply->body.n ? reply->body.p : "");
}

static void on_bytes(struct peer *p)
{
	const char *body = strstr(p->in.p, "\r\n\r\n");
	const char *length = strcasestr(p->in.p, "content-length: ");
	if (!body || strlen(body + 4) < strtoul(length + 16, NULL, 10))
		return;
	const char *id = strstr(body, "\"id\":");
	asked++;
	bool other = strstr(body, "eth_other") != NULL;
	if (!other)
		first_id = strtoull(id + 5, NULL, 10);
	uint64_t now = strtoull(id + 5, NULL, 10);
	buf_clear(&p->in);
	if (!other)
		return;
	char text[200];
	int n = snprintf(text, sizeof text, "{\"id\":%llu,\"result\":1}", (unsigned long long)now);
	struct buf b = {0};
	buf_printf(&b, "HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s", n, text);
	peer_say(p, b.p);
	buf_fini(&b);
}

static void open_at(const char *scheme, uint64_t timeout_ms)
{
	char url[80];
	snprintf(url, sizeof url, "%s://127.0.0.1:%d/", scheme, node.port);
	r = rpc_open(l, url, timeout_ms);
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	peer_server_open(&node, l, 0, on_bytes);
	ear = (struct ear){0};
	asked = 0;
	open_at("http", 20000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rpc_close(r);
	peer_server_close(&node);
	loop_free(l);
	buf_fini(&ear.text);
	return 0;
}

/* n calls, the last of which is streamed. */
static void ask(int n)
{
	int before = asked;
	buf_clear(&ear.text);
	ear.events = ear.strings = 0;
	ear.q = rpc_request(r);
	for (int i = 0; i < n; i++)
		rpc_call(ear.q, i == n - 1 ? "eth_getLogs" : "eth_x", "[]");
	rpc_stream(ear.q, n - 1, &sax, &ear);
	rpc_send(ear.q, on_done, &ear);
	spin_until(l, asked > before);
}

/* {0} … in text are the ids asked. */
static void fill(struct buf *out, const char *text)
{
	for (const char *c = text; *c; c++)
		if (c[0] == '{' && c[1] >= '0' && c[1] <= '3' && c[2] == '}') {
			buf_printf(out, "%llu", (unsigned long long)first_id + (unsigned)(c[1] - '0'));
			c += 2;
		} else {
			buf_char(out, *c);
		}
}

static void say(const char *text)
{
	struct buf b = {0};
	fill(&b, text);
	peer_say_bytes(node.peers, b.p, b.n);
	buf_fini(&b);
}

static void reply(int status, const char *head, const char *text)
{
	struct buf b = {0}, all = {0};
	fill(&b, text);
	buf_printf(&all, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n", status, head, b.n);
	buf_put(&all, b.p, b.n);
	peer_say_bytes(node.peers, all.p, all.n);
	buf_fini(&b);
	buf_fini(&all);
}

static void exchange(int n, int status, const char *head, const char *text)
{
	int before = ear.done;
	ask(n);
	reply(status, head, text);
	spin_until(l, ear.done > before);
}

static bool told(const char *text)
{
	return str_is((struct str){ear.text.p, ear.text.n}, text);
}

static void a_list_is_told_and_not_kept(void **state)
{
	(void)state;
	exchange(1, 200, "", "{\"id\":{0},\"result\": [{\"a\":\"x\\u0041\",\"n\":-1.5},[null,true,false]] }");
	assert_true(ear.got.ok && ear.answer_ok && ear.answer_n == 0);
	assert_true(told("[{ .a xA .n #-1.5}[ null true false]]"));
	assert_int_equal(ear.got.bytes, 63 + 5);
	assert_true(ear.got.first_us > 0 && ear.got.first_us <= ear.got.took_us);
	exchange(2, 200, "", "[{\"id\":{0},\"result\":[1,2]},{\"id\":{1},\"result\":[]}]");
	assert_true(ear.got.ok && told("[]"));
	assert_string_equal(ear.other, "[1,2]");
	exchange(1, 200, "", "{\"id\":{0},\"result\":[\"\xff\"]}"); /* strings inside are not looked at */
	assert_true(ear.got.ok && told("[ \xff]"));
}

static void an_id_may_stand_behind(void **state)
{
	(void)state;
	exchange(2, 200, "",
		"[{\"result\":{\"hash\":[]},\"id\":{0}},{\"jsonrpc\":\"2.0\",\"result\":[{\"a\":[]}],\"id\":{1}}]");
	assert_true(ear.got.ok && ear.answer_ok && ear.answer_n == 0 && told("[{ .a[]}]"));
	assert_string_equal(ear.other, "{\"hash\":[]}");
	exchange(2, 200, "", "[{\"result\":[7],\"id\":{0}},{\"result\":[8],\"id\":{1}}]");
	assert_false(ear.got.ok);
	assert_int_equal(ear.got.err.class, ERR_MALFORMED);
	assert_non_null(strstr(ear.got.err.text, "a list under the id of another call"));
	exchange(1, 200, "", "{\"result\":[7]}");
	assert_non_null(strstr(ear.got.err.text, "a result without an id"));
	exchange(1, 200, "", "{\"id\":{0},\"result\":[7],\"result\":[8]}");
	assert_non_null(strstr(ear.got.err.text, "the same member twice"));
}

static void what_is_no_list_is_kept(void **state)
{
	(void)state;
	exchange(1, 200, "", "{\"id\":{0},\"result\":null}");
	assert_true(ear.got.ok && ear.answer_ok && ear.answer_n == 4 && ear.events == 0);
	exchange(1, 200, "", "{\"result\":{\"a\":[1]},\"id\":{0}}");
	assert_true(ear.got.ok && ear.answer_ok && ear.answer_n == 9 && ear.events == 0);
	exchange(1, 413, "", "{\"id\":{0},\"error\":{\"code\":-32005,\"message\":\"too many\"}}");
	assert_true(ear.got.ok && !ear.answer_ok && ear.got.http_status == 413);
	exchange(1, 200, "", "{\"id\":{0},\"result\":[1],\"error\":{\"code\":1,\"message\":\"half-way\"}}");
	assert_true(ear.got.ok && !ear.answer_ok && told("[ #1]"));
}

static void refusals_show_their_body_and_when_to_come_back(void **state)
{
	(void)state;
	exchange(1, 429, "X-RateLimit-Reset: 30\r\n", "slow down");
	assert_false(ear.got.ok);
	assert_string_equal(ear.body, "slow down");
	assert_int_equal(ear.got.retry_after_ms, 30000);
	exchange(1, 503, "RateLimit-Reset: 1800000000\r\n", "{\"message\":\"x\"}");
	assert_string_equal(ear.body, "{\"message\":\"x\"}");
	assert_int_equal(ear.got.retry_after_ms, 0); /* a date */
	exchange(1, 429, "RateLimit-Reset: 30\r\nRetry-After: 2\r\n", "");
	assert_int_equal(ear.got.retry_after_ms, 2000);
	exchange(1, 200, "RateLimit-Reset: 30\r\n", "{\"id\":{0},\"result\":[]}");
	assert_int_equal(ear.got.retry_after_ms, 0);
	assert_string_equal(ear.body, "");
}

static void a_cut_answer_is_not_ok(void **state)
{
	(void)state;
	ask(1);
	say("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n{\"id\":{0},\"result\":[1,2,");
	spin_until(l, ear.events == 3);
	peer_hang_up(node.peers);
	spin_until(l, ear.done == 1);
	assert_false(ear.got.ok);
	assert_int_equal(ear.got.err.class, ERR_TRANSIENT);
	assert_true(ear.got.bytes > 20);
}

static void an_ear_that_wants_no_more_ends_it(void **state)
{
	(void)state;
	ear.refuse_at = 3;
	ask(1);
	say("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n{\"id\":{0},\"result\":[1,2,3,4,5");
	spin_until(l, ear.done == 1);
	assert_false(ear.got.ok);
	assert_int_equal(ear.got.err.class, ERR_MALFORMED);
	assert_non_null(strstr(ear.got.err.text, "was not wanted any more"));
	assert_int_equal(ear.events, 3);
}

static void it_may_be_cancelled_from_inside_and_outside(void **state)
{
	(void)state;
	ear.cancel_at = 3;
	ask(1);
	say("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n{\"id\":{0},\"result\":[1,2,3,4,5");
	spin_until(l, ear.q == NULL);
	spin_until(l, node.peers->eof);
	assert_int_equal(ear.events, 3);
	ear.cancel_at = 0;
	ask(1);
	say("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n{\"id\":{0},\"result\":[1,2,3,4,");
	spin_until(l, ear.events == 5);
	rpc_cancel(ear.q);
	spin_until(l, node.peers->eof);
	ask(1); /* before any byte */
	rpc_cancel(ear.q);
	for (int i = 0; i < 12; i++) { /* not sent yet, and waiting for a connection */
		struct rpc_request *q = rpc_request(r);
		rpc_call(q, "eth_x", "[]");
		rpc_stream(q, 0, &sax, &ear);
		rpc_send(q, on_done, &ear);
		rpc_cancel(q);
	}
	for (int i = 0; i < 3; i++)
		spin_once(l);
	assert_int_equal(ear.done, 0);
	exchange(1, 200, "", "{\"id\":{0},\"result\":[]}");
	assert_true(ear.got.ok);
}

static void another_request_may_be_sent_from_inside(void **state)
{
	(void)state;
	ear.sends_another = true;
	ask(1);
	reply(200, "", "{\"id\":{0},\"result\":[1,2]}");
	spin_until(l, ear.done == 101);
	assert_true(ear.got.ok);
}

static void another_request_may_be_cancelled_from_inside(void **state)
{
	(void)state;
	struct ear second = {0};
	struct rpc_request *q = rpc_request(r);
	rpc_call(q, "eth_getLogs", "[]");
	rpc_stream(q, 0, &sax, &second);
	rpc_send(q, on_done, &second);
	spin_until(l, asked == 1);
	struct peer *other = node.peers;
	ask(1);
	ear.cancels = q;
	reply(200, "", "{\"id\":{0},\"result\":[1,2]}");
	spin_until(l, ear.done == 1);
	assert_true(ear.got.ok);
	spin_until(l, other->eof);
	assert_int_equal(second.done + (int)second.events, 0);
}

/* n bytes of a list of strings of 64 KiB, as they are asked for. */
struct flood {
	size_t left, written;
	uv_write_t write;
	bool writing;
	char *piece;
	size_t piece_n;
	struct peer *p;
};

static void flood_on(struct flood *f);

static void on_flooded(uv_write_t *w, int status)
{
	struct flood *f = w->data;
	f->writing = false;
	f->written += f->piece_n;
	if (status == 0)
		flood_on(f);
}

static void flood_on(struct flood *f)
{
	if (!f->left || f->writing)
		return;
	uv_buf_t b = uv_buf_init(f->piece, (unsigned)f->piece_n);
	f->left--;
	f->writing = true;
	f->write.data = f;
	uv_write(&f->write, &f->p->s.stream, &b, 1, on_flooded);
}

/* pieces of piece_n bytes each: ,"aaa…" */
static void flood_begin(struct flood *f, size_t pieces, size_t piece_n)
{
	*f = (struct flood){.left = pieces, .piece_n = piece_n, .p = node.peers};
	f->piece = mem_alloc(piece_n);
	memset(f->piece, 'a', piece_n);
	memcpy(f->piece, ",\"", 2);
	f->piece[piece_n - 1] = '"';
	ear.count_only = true;
	struct buf b = {0}, head = {0};
	fill(&b, "{\"id\":{0},\"result\":[1");
	buf_printf(&head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", b.n + pieces * piece_n + 2, b.p);
	peer_say_bytes(f->p, head.p, head.n);
	buf_fini(&b);
	buf_fini(&head);
	flood_on(f);
}

static void flood_end(struct flood *f)
{
	spin_until(l, f->left == 0 && !f->writing);
	free(f->piece);
	peer_say(f->p, "]}");
	spin_until(l, ear.done == 1);
	assert_true(ear.got.ok);
}

static long rss_kib(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void a_hundred_megabytes_cost_no_memory(void **state)
{
	(void)state;
	struct flood f;
	ask(1);
	long before = rss_kib();
	flood_begin(&f, 1600, 64 << 10);
	flood_end(&f);
	assert_int_equal(ear.strings, 1600ull * ((64 << 10) - 3));
	assert_true(ear.got.bytes > 100 << 20);
	assert_true(rss_kib() - before < 4 << 10);
}

static void pieces_of_four_mebibytes_pass(void **state)
{
	(void)state;
	struct flood f;
	ask(1);
	flood_begin(&f, 3, 4 << 20);
	flood_end(&f);
	assert_int_equal(ear.strings, 3ull * ((4 << 20) - 3));
}

/* While it is paused the peer is held up, and no time runs. */
static void a_pause_holds_the_peer_up(void **state)
{
	(void)state;
	struct flood f;
	rpc_close(r);
	open_at("http", 150);
	ear.pause_at = 100;
	ask(1);
	flood_begin(&f, 1600, 64 << 10);
	spin_until(l, ear.events >= 100);
	uint64_t since = clock_mono_us();
	size_t written = f.written;
	while (clock_mono_us() - since < 400000 || f.written != written) { /* longer than its time is */
		written = f.written;
		spin_once(l);
	}
	assert_true(ear.events < 110);
	assert_true(f.left > 100);
	assert_int_equal(ear.done, 0);
	rpc_pause(ear.q, false);
	assert_true(ear.events < 110); /* never from inside the call */
	flood_end(&f);
	assert_int_equal(ear.strings, 1600ull * ((64 << 10) - 3));
	ear.pause_at = 2; /* paused, then cancelled */
	ear.count_only = false;
	ask(1);
	say("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n{\"id\":{0},\"result\":[1,2,3,4,");
	spin_until(l, ear.events >= 5);
	say("5,6,7,");
	for (int i = 0; i < 5; i++)
		spin_once(l);
	assert_int_equal(ear.events, 5);
	rpc_pause(ear.q, false);
	spin_until(l, ear.events == 8);
	rpc_pause(ear.q, true);
	say("8,9,");
	for (int i = 0; i < 5; i++)
		spin_once(l);
	rpc_pause(ear.q, false);
	rpc_cancel(ear.q);
	spin_until(l, node.peers->eof);
	assert_int_equal(ear.events, 8);
}

static void one_that_trickles_is_alive_one_that_stops_is_not(void **state)
{
	(void)state;
	rpc_close(r);
	open_at("http", 300);
	ask(1);
	say("HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n{\"id\":{0},\"result\":[1");
	uint64_t since = clock_mono_us();
	while (clock_mono_us() - since < 1800000) { /* more than four times its time */
		say(",2");
		spin_once(l);
		assert_int_equal(ear.done, 0);
	}
	spin_until(l, ear.done == 1);
	assert_int_equal(ear.got.err.class, ERR_TRANSIENT);
	assert_non_null(strstr(ear.got.err.text, "did not answer within 300 ms, its answer stopped half-way"));
	/* without a streamed call there is a bound in all */
	int before = asked;
	struct rpc_request *q = rpc_request(r);
	rpc_call(q, "eth_x", "[]");
	rpc_send(q, on_done, &ear);
	spin_until(l, asked > before);
	say("HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n{\"id\":{0},\"result\":[1");
	while (ear.done == 1) {
		say(",2");
		spin_once(l);
	}
	assert_non_null(strstr(ear.got.err.text, "did not answer within 1200 ms"));
}

/* Long answers leave connections to the short ones. */
static void long_answers_hold_no_short_one_up(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct rpc_request *q = rpc_request(r);
		rpc_call(q, "eth_getLogs", "[]");
		rpc_stream(q, 0, &sax, &ear);
		rpc_send(q, on_done, &ear);
	}
	spin_until(l, asked == 8);
	struct rpc_request *q = rpc_request(r);
	rpc_call(q, "eth_other", "[]");
	rpc_send(q, on_other, &ear);
	spin_until(l, ear.done == 100);
	assert_int_equal(asked, 9);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_hundred_megabytes_cost_no_memory), /* first: nothing else has grown the process yet */
		T(a_list_is_told_and_not_kept),
		T(an_id_may_stand_behind),
		T(what_is_no_list_is_kept),
		T(refusals_show_their_body_and_when_to_come_back),
		T(a_cut_answer_is_not_ok),
		T(an_ear_that_wants_no_more_ends_it),
		T(it_may_be_cancelled_from_inside_and_outside),
		T(another_request_may_be_sent_from_inside),
		T(another_request_may_be_cancelled_from_inside),
		T(pieces_of_four_mebibytes_pass),
		T(a_pause_holds_the_peer_up),
		T(one_that_trickles_is_alive_one_that_stops_is_not),
		T(long_answers_hold_no_short_one_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
