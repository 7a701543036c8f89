#define _GNU_SOURCE
#include "common/io/rpc.h"
#include "common/io/http.h"
#include "common/io/json_pick.h"
#include "common/io/rpc_json.h"
#include "peer.h"

#include <poll.h>
#include <stdio.h>

static struct loop *l;
static struct rpc *r;
static struct peer_server raw; /* says raw_answer to each request; {0} in it is the first id asked */
static const char *raw_answer;
static bool raw_hangs_up;
static char heard[8192]; /* the last request */

static int done;
static struct rpc_reply got; /* slices copied to kept */
static struct rpc_answer answers[8];
static struct arena kept;

static struct str keep(struct str s)
{
	return s.p ? (struct str){arena_textn(&kept, s.p, s.n), s.n} : s;
}

static void on_done(void *arg, const struct rpc_reply *reply)
{
	(void)arg;
	done++;
	got = *reply;
	for (int i = 0; i < reply->calls && i < 8 && reply->answers; i++) {
		answers[i] = reply->answers[i];
		answers[i].result = keep(reply->answers[i].result);
		answers[i].message = keep(reply->answers[i].message);
		answers[i].data = keep(reply->answers[i].data);
	}
	assert_true(reply->ok == (reply->answers != NULL));
	assert_true(reply->ok == (reply->err.class == ERR_NONE));
}

static uint64_t first_id(const char *text)
{
	const char *id = strstr(text, "\"id\":");
	assert_non_null(id);
	return strtoull(id + 5, NULL, 10);
}

/* Replaces {0} {1} … {3} by the ids asked. */
static void fill(struct buf *out, const char *text, uint64_t id)
{
	for (const char *c = text; *c; c++)
		if (c[0] == '{' && c[1] >= '0' && c[1] <= '3' && c[2] == '}') {
			buf_printf(out, "%llu", (unsigned long long)id + (unsigned long long)(c[1] - '0'));
			c += 2;
		} else {
			buf_char(out, *c);
		}
}

static void on_raw(struct peer *p)
{
	const char *body = strstr(p->in.p, "\r\n\r\n");
	const char *length = strcasestr(p->in.p, "content-length: ");
	if (!body || strlen(body + 4) < strtoul(length + 16, NULL, 10))
		return;
	snprintf(heard, sizeof heard, "%s", p->in.p);
	struct buf b = {0};
	fill(&b, raw_answer, first_id(body));
	buf_clear(&p->in);
	if (b.n)
		peer_say_bytes(p, b.p, b.n);
	buf_fini(&b);
	if (raw_hangs_up)
		peer_hang_up(p);
}

static void open_rpc(uint64_t timeout_ms)
{
	char url[80];
	snprintf(url, sizeof url, "http://us%%40er:hunter2@127.0.0.1:%d/key", raw.port);
	r = rpc_open(l, url, timeout_ms);
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	peer_server_open(&raw, l, 0, on_raw);
	raw_hangs_up = false;
	done = 0;
	open_rpc(20000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rpc_close(r);
	peer_server_close(&raw);
	loop_free(l);
	arena_fini(&kept);
	kept = (struct arena){0};
	return 0;
}

static void send_calls(int n)
{
	struct rpc_request *q = rpc_request(r);
	for (int i = 0; i < n; i++)
		rpc_call(q, "eth_x", "[\"%d\"]", i);
	assert_int_equal(rpc_calls(q), n);
	rpc_send(q, on_done, NULL);
}

/* One exchange: n calls, the raw bytes of the answer. */
static void exchange(int n, const char *text)
{
	int before = done;
	raw_answer = text;
	send_calls(n);
	assert_int_equal(done, before);
	spin_until(l, done == before + 1);
}

static const char *with_head(int status, const char *head, const char *body)
{
	static char text[16384];
	snprintf(text, sizeof text, "HTTP/1.1 %d X\r\n%sConnection: close\r\n\r\n%s", status, head, body);
	return text;
}

/* An answer that ends with its connection. */
static void exchange_body(int n, int status, const char *head, const char *body)
{
	raw_hangs_up = true;
	exchange(n, with_head(status, head, body));
}

static void a_single_call_is_an_object(void **state)
{
	(void)state;
	exchange_body(1, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":{0},\"result\": {\"a\":[1,{\"id\":9}]} }");
	assert_true(got.ok);
	assert_int_equal(got.http_status, 200);
	assert_int_equal(got.calls, 1);
	assert_true(answers[0].ok);
	assert_true(str_is(answers[0].result, "{\"a\":[1,{\"id\":9}]}"));
	assert_true(text_starts(heard, "POST /key HTTP/1.1\r\n"));
	assert_non_null(strstr(heard, "Authorization: Basic dXNAZXI6aHVudGVyMg==\r\n"));
	assert_non_null(strstr(heard, "Content-Type: application/json\r\n"));
	assert_null(strstr(heard, "Expect"));
	const char *body = strstr(heard, "\r\n\r\n") + 4;
	assert_true(text_starts(body, "{\"jsonrpc\":\"2.0\",\"id\":"));
	assert_non_null(strstr(body, ",\"method\":\"eth_x\",\"params\":[\"0\"]}"));
	assert_int_equal(body[strlen(body) - 1], '}');
}

static void a_batch_is_matched_by_id(void **state)
{
	(void)state;
	exchange_body(3, 200, "",
		" [ {\"id\":{2},\"result\":\"c\"} ,\n{\"result\":null,\"id\":{0}},"
		"{\"error\":{\"code\":-32602,\"message\":\"no \\\"x\\\"\",\"data\":[1]},\"id\":{1}}]\n");
	assert_true(got.ok);
	assert_true(answers[0].ok && str_is(answers[0].result, "null"));
	assert_false(answers[1].ok);
	assert_int_equal(answers[1].code, -32602);
	assert_true(str_is(answers[1].message, "no \"x\""));
	assert_true(str_is(answers[1].data, "[1]"));
	assert_true(answers[2].ok && str_is(answers[2].result, "\"c\""));
	const char *body = strstr(heard, "\r\n\r\n") + 4;
	assert_int_equal(body[0], '[');
	assert_int_equal(body[strlen(body) - 1], ']');
}

static void send_pieces(int n, int most)
{
	struct rpc_request *q = rpc_request(r);
	rpc_pieces(q, most);
	for (int i = 0; i < n; i++)
		rpc_call(q, "eth_x", "[\"%d\"]", i);
	assert_int_equal(rpc_calls(q), n);
	rpc_send(q, on_done, NULL);
}

static void an_answer_may_come_in_pieces(void **state)
{
	(void)state;
	raw_hangs_up = true;
	raw_answer = with_head(200, "", "{\"jsonrpc\":\"2.0\",\"id\":{0},\"result\":\"0x7\"}");
	send_pieces(3, 1);
	assert_int_equal(done, 0);
	spin_until(l, done == 1);
	assert_true(got.ok);
	assert_int_equal(got.calls, 3);
	for (int i = 0; i < 3; i++)
		assert_true(answers[i].ok && str_is(answers[i].result, "\"0x7\""));
	assert_non_null(strstr(heard, "[\"2\"]"));
	assert_int_equal(rpc_stats(r).requests, 3);
	/* two in one, and the last alone would be asked next: but an error ends it */
	raw_answer = with_head(200, "",
		"[{\"jsonrpc\":\"2.0\",\"id\":{0},\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":{1},\"error\":{\"code\":-"
		"5,\"message\":\"no\"}}]");
	send_pieces(3, 2);
	spin_until(l, done == 2);
	assert_true(got.ok && answers[0].ok && !answers[1].ok && !answers[2].ok);
	assert_int_equal(answers[2].code, -5);
	assert_int_equal(rpc_stats(r).requests, 4);
	raw_answer = with_head(500, "", "oh no");
	send_pieces(3, 2);
	spin_until(l, done == 3);
	assert_false(got.ok);
	assert_int_equal(got.calls, 3);
	assert_int_equal(got.http_status, 500);
	assert_int_equal(rpc_stats(r).requests, 5);
	struct rpc_request *q = rpc_request(r);
	rpc_pieces(q, 1);
	rpc_call(q, "eth_x", "[]");
	rpc_call(q, "eth_x", "[]");
	rpc_send(q, on_done, NULL);
	rpc_cancel(q);
	send_pieces(2, 1); /* answered when it is closed */
	rpc_close(r);
	spin_until(l, done == 4);
	assert_false(got.ok);
	open_rpc(20000);
}

static uint64_t pace_ms;
static uint32_t paced_calls, paced_times;

static uint64_t on_pace(void *arg, uint32_t calls)
{
	assert_ptr_equal(arg, &pace_ms);
	paced_times++;
	paced_calls += calls;
	return pace_ms;
}

static struct rpc_request *send_paced(int n, int most)
{
	struct rpc_request *q = rpc_request(r);
	rpc_pieces(q, most);
	rpc_paced(q, on_pace, &pace_ms);
	for (int i = 0; i < n; i++)
		rpc_call(q, "eth_x", "[\"%d\"]", i);
	paced_calls = paced_times = 0;
	rpc_send(q, on_done, NULL);
	return q;
}

static void pieces_leave_when_they_may(void **state)
{
	(void)state;
	raw_hangs_up = true;
	raw_answer = with_head(200, "", "{\"jsonrpc\":\"2.0\",\"id\":{0},\"result\":\"0x7\"}");
	pace_ms = 5;
	send_paced(3, 1);
	spin_until(l, done == 1);
	assert_true(got.ok);
	assert_int_equal(paced_times, 2); /* not of the first */
	assert_int_equal(paced_calls, 2);
	/* given up while one waits; closed while one waits */
	pace_ms = 1000000;
	struct rpc_request *q = send_paced(2, 1);
	spin_until(l, paced_times == 1);
	rpc_cancel(q);
	send_paced(2, 1);
	spin_until(l, paced_times == 1);
	assert_int_equal(done, 1);
	rpc_close(r);
	spin_until(l, done == 2);
	assert_false(got.ok);
	open_rpc(20000);
}

static void one_error_for_a_whole_batch_is_every_calls(void **state)
{
	(void)state;
	const char *bodies[] = {"{\"id\":null,\"error\":{\"code\":-32005,\"message\":\"slow down\"}}",
		"{\"error\":{\"code\":-32005,\"message\":\"slow down\"}}",
		"[{\"id\":{0},\"error\":{\"code\":-32005,\"message\":\"slow down\"}}]",
		"{\"id\":{0},\"result\":null,\"error\":{\"code\":-32005,\"message\":\"slow down\"}}"};
	for (int i = 0; i < 4; i++) {
		exchange_body(3, 429, "Retry-After: 7\r\n", bodies[i]);
		assert_true(got.ok); /* an answer at any HTTP status counts */
		assert_int_equal(got.http_status, 429);
		assert_int_equal(got.retry_after_ms, 7000);
		for (int k = 0; k < 3; k++) {
			assert_false(answers[k].ok);
			assert_int_equal(answers[k].code, -32005);
			assert_true(str_is(answers[k].message, "slow down"));
		}
	}
}

static void odd_but_clear_errors_are_read(void **state)
{
	(void)state;
	exchange_body(1, 200, "", "{\"id\":{0},\"error\":\"in words\"}");
	assert_true(got.ok && !answers[0].ok && str_is(answers[0].message, "in words"));
	exchange_body(1, 200, "", "{\"id\":{0},\"error\":null,\"result\":1}");
	assert_true(got.ok && answers[0].ok && str_is(answers[0].result, "1"));
	exchange_body(1, 400, "", "{\"id\":{0},\"error\":{\"code\":99999999999999,\"message\":null}}");
	assert_true(got.ok && !answers[0].ok && answers[0].code == 0 && answers[0].message.n == 0);
	exchange_body(1, 200, "", "[{\"id\":{0},\"result\":true}]");
	assert_true(got.ok && answers[0].ok);
}

static const struct {
	int calls, status;
	const char *head, *body;
	enum err_class class;
	const char *says;
} bad[] = {
	{1, 502, "", "<html>gateway</html>", ERR_TRANSIENT, " answered HTML with status 502, not JSON-RPC"},
	{1, 200, "", "  \n<!doctype html>", ERR_MALFORMED, " answered HTML with status 200, not JSON-RPC"},
	{1, 500, "", "", ERR_TRANSIENT, " answered nothing with status 500"},
	{1, 200, "", "", ERR_MALFORMED, " answered nothing with status 200"},
	{1, 503, "Retry-After: 3\r\n", "busy", ERR_TRANSIENT, " answered text that is not JSON with status 503"},
	{1, 429, "Retry-After: 3\r\n", "{\"message\":\"rate\"}", ERR_TRANSIENT,
		" answered JSON without result and error"},
	{1, 413, "", "{\"error\":null}", ERR_REJECTED, " with status 413"},
	{1, 401, "", "denied", ERR_REJECTED, " with status 401"},
	{1, 301, "Location: http://elsewhere/\r\n", "", ERR_REJECTED, " answered nothing with status 301"},
	{1, 200, "", "{\"id\":{0},\"result\":{\"a\":[1,2", ERR_MALFORMED, " answered JSON that ends after "},
	{1, 200, "", "{\"id\":{0},\"result\":1}}", ERR_MALFORMED, "not JSON"},
	{1, 200, "", "{\"id\":{0},\"result\":1} {\"id\":{0},\"result\":1}", ERR_MALFORMED, "not JSON"},
	{1, 200, "", "{\"id\":{1},\"result\":1}", ERR_MALFORMED, " with an id that was not asked"},
	{1, 200, "", "{\"id\":\"{0}\",\"result\":1}", ERR_MALFORMED, " with an id that was not asked"},
	{1, 200, "", "{\"id\":{0}.0,\"result\":1}", ERR_MALFORMED, " with an id that was not asked"},
	{1, 200, "", "{\"result\":1}", ERR_MALFORMED, " a result without an id"},
	{1, 200, "", "{\"id\":null,\"result\":1}", ERR_MALFORMED, " a result without an id"},
	{1, 200, "", "{\"id\":{0}}", ERR_MALFORMED, " JSON without result and error"},
	{1, 200, "", "{\"id\":{0},\"result\":1,\"result\":2}", ERR_MALFORMED, "the same member twice"},
	{1, 200, "", "\"text\"", ERR_MALFORMED, "JSON that is no object"},
	{1, 200, "", "12", ERR_MALFORMED, "JSON that is no object"},
	{1, 200, "", "[]", ERR_MALFORMED, " 0 of 1 calls"},
	{1, 200, "", "[[]]", ERR_MALFORMED, "JSON that is no object"},
	{1, 200, "", "{\"id\":{0},\"result\":\"\xff\"}", ERR_MALFORMED, "not JSON"},
	{2, 200, "", "[{\"id\":{0},\"result\":1}]", ERR_MALFORMED, " 1 of 2 calls"},
	{2, 200, "", "[{\"id\":{0},\"result\":1},{\"id\":{0},\"result\":1}]", ERR_MALFORMED,
		" the same id twice"},
	{2, 200, "", "[{\"id\":{0},\"result\":1},{\"id\":{1},\"result\":1},{\"id\":{2},\"result\":1}]",
		ERR_MALFORMED, " with an id that was not asked"},
	{2, 200, "", "{\"id\":{0},\"result\":1}", ERR_MALFORMED, " 1 of 2 calls"},
};

static void what_is_no_answer_is_told_by_class_and_sentence(void **state)
{
	(void)state;
	char name[40];
	snprintf(name, sizeof name, "127.0.0.1:%d answered ", raw.port);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		exchange_body(bad[i].calls, bad[i].status, bad[i].head, bad[i].body);
		if (got.ok || got.err.class != bad[i].class || got.err.code != bad[i].status ||
			!strstr(got.err.text, bad[i].says) || !text_starts(got.err.text, name) ||
			got.retry_after_ms != (*bad[i].head == 'R' ? 3000 : 0))
			fail_msg("%s: %s %d %s", bad[i].body, err_class_name(got.err.class), got.err.code, got.err.text);
	}
	struct rpc_stats s = rpc_stats(r);
	assert_int_equal(s.failures, sizeof bad / sizeof *bad);
	assert_int_equal(s.requests, sizeof bad / sizeof *bad);
	assert_true(s.bytes_in > 100);
}

static void broken_connections_are_transient(void **state)
{
	(void)state;
	raw_hangs_up = true;
	const char *texts[] = {"", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":{0},",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n",
		"HTTP/1.1 200 OK\r\nContent-Le"};
	for (int i = 0; i < 4; i++) {
		exchange(1, texts[i]);
		assert_false(got.ok);
		assert_int_equal(got.err.class, i == 3 ? got.err.class : ERR_TRANSIENT);
		assert_true(text_starts(got.err.text, "127.0.0.1:"));
		assert_null(strstr(got.err.text, "hunter2"));
		assert_null(strstr(got.err.text, "key"));
	}
	exchange(1, "SSH-2.0-OpenSSH\r\n\r\n");
	assert_int_equal(got.err.class, ERR_MALFORMED);
	assert_non_null(strstr(got.err.text, "not HTTP"));
}

static void refused_and_unknown_hosts_are_transient(void **state)
{
	(void)state;
	rpc_close(r);
	r = rpc_open(l, "http://127.0.0.1:1", 5000);
	send_calls(1);
	spin_until(l, done == 1);
	assert_int_equal(got.err.class, ERR_TRANSIENT);
	assert_string_equal(got.err.text, "127.0.0.1:1 refused the connection: Connection refused");
	rpc_close(r);
	r = rpc_open(l, "http://no-such-name.invalid/x", 5000);
	send_calls(1);
	spin_until(l, done == 2);
	assert_int_equal(got.err.class, ERR_TRANSIENT);
}

static void bad_urls_are_rejected_later(void **state)
{
	(void)state;
	const char *urls[] = {"", "ws://", "http://", "http://a:b:c/", "file:///etc/passwd", "http://a/ b"};
	for (int i = 0; i < 6; i++) {
		rpc_close(r);
		r = rpc_open(l, urls[i], 1000);
		send_calls(2);
		assert_int_equal(done, i);
		spin_until(l, done == i + 1);
		assert_false(got.ok);
		assert_int_equal(got.err.class, ERR_REJECTED);
		assert_true(got.err.text[0]);
	}
}

static void nothing_until_the_deadline(void **state)
{
	(void)state;
	rpc_close(r);
	open_rpc(150);
	exchange(1, "");
	assert_int_equal(got.err.class, ERR_TRANSIENT);
	assert_non_null(strstr(got.err.text, "did not answer within 150 ms"));
	exchange(1, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"id\":");
	assert_int_equal(got.err.class, ERR_TRANSIENT);
	assert_non_null(strstr(got.err.text, "stopped half-way"));
	exchange_body(1, 200, "", "{\"id\":{0},\"result\":1}");
	assert_true(got.ok);
}

static void connections_are_kept_and_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		exchange(1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"id\":\r\n"
					"1\r\n \r\n000d;x={0}\r\n\"x\",\"error\":{\r\n3\r\n}}\n\r\n0\r\n\r\n");
		assert_false(got.ok); /* the id is not ours, the exchange is whole */
	}
	assert_int_equal(raw.accepted, 1);
	raw_answer = "";
	for (int i = 0; i < 40; i++)
		send_calls(1);
	spin_until(l, raw.accepted == 8);
	for (int i = 0; i < 10; i++)
		spin_once(l);
	assert_int_equal(raw.accepted, 8);
}

/* Nobody reads from it then, and what stays readable for ever must not be waited for. */
static void a_connection_that_ends_while_it_rests_is_replaced(void **state)
{
	(void)state;
	const char *whole = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"id\":0,\"error\":{} }";
	struct pollfd events = {uv_backend_fd(loop_uv(l)), POLLIN, 0};
	for (int i = 1; i <= 3; i++) {
		exchange(1, whole);
		exchange(1, whole);
		assert_int_equal(raw.accepted, i);
		peer_hang_up(raw.peers);
		spin_until(l, raw.peers->closed);
		for (int k = 0; k < 10; k++)
			spin_once(l);
		assert_int_equal(poll(&events, 1, 0), 0);
	}
	exchange(1, whole);
	assert_int_equal(raw.accepted, 4);
}

static void send_again(void *arg, const struct rpc_reply *reply)
{
	on_done(NULL, reply);
	if (arg) {
		struct rpc_request *q = rpc_request(r);
		rpc_call(q, "eth_y", "[]");
		rpc_send(q, send_again, NULL);
	}
}

static void closing_answers_what_is_on_its_way(void **state)
{
	(void)state;
	raw_answer = "";
	for (int i = 0; i < 20; i++)
		send_calls(1);
	struct rpc_request *q = rpc_request(r);
	rpc_call(q, "eth_x", "[]");
	rpc_send(q, send_again, &done);
	spin_until(l, raw.accepted == 8);
	rpc_close(r);
	assert_int_equal(done, 0);
	spin_until(l, done == 22);
	assert_int_equal(got.err.class, ERR_TRANSIENT);
	open_rpc(1000);
}

static void on_big(void *arg, struct http_request *q)
{
	size_t n = *(size_t *)arg;
	struct buf b = {0};
	struct str ask = http_body(q);
	char *text = mem_textn(ask.p, ask.n);
	buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":[", (unsigned long long)first_id(text));
	for (size_t i = 0; b.n < n; i++)
		buf_printf(&b, "%s{\"address\":\"0x5fbdb2315678afecb367f032d93f642f64180aa3\",\"data\":\"0x%064zx\"}",
			i ? "," : "", i);
	buf_text(&b, "]}");
	http_answer(q, 200, "application/json", (struct str){b.p, b.n});
	buf_fini(&b);
	free(text);
}

static void large_answers_come_whole(void **state)
{
	(void)state;
	size_t size = 24u << 20;
	struct err e;
	char url[64];
	struct http_server *s = http_open(l, &(struct http_options){.max_body = 1000}, on_big, &size);
	assert_true(http_listen(s, "127.0.0.1:0", &e));
	snprintf(url, sizeof url, "http://127.0.0.1:%d", http_port(s));
	rpc_close(r);
	r = rpc_open(l, url, 60000);
	send_calls(1);
	spin_until(l, done == 1);
	assert_true(got.ok);
	assert_true(answers[0].result.n > size - 100);
	assert_int_equal(answers[0].result.p[0], '[');
	assert_int_equal(answers[0].result.p[answers[0].result.n - 1], ']');
	http_close(s);
}

/* ---- the parser alone ---- */

static bool parse_in_pieces(
	const char *text, size_t piece, int calls, struct rpc_answer *out, struct arena *a, struct err *e)
{
	struct rpc_json *j = rpc_json_new(7, calls);
	for (size_t at = 0; at < strlen(text); at += piece) {
		size_t n = strlen(text) - at;
		rpc_json_feed(j, (struct str){text + at, n < piece ? n : piece});
	}
	bool ok = rpc_json_end(j, a, out, e);
	for (int i = 0; i < calls && ok; i++) {
		out[i].result = (struct str){
			arena_textn(a, out[i].result.p ? out[i].result.p : "", out[i].result.n), out[i].result.n};
		out[i].data =
			(struct str){arena_textn(a, out[i].data.p ? out[i].data.p : "", out[i].data.n), out[i].data.n};
	}
	rpc_json_free(j);
	return ok;
}

static void pieces_of_any_size_give_the_same(void **state)
{
	(void)state;
	const char *text = "[{\"id\" : 8,\"result\":{\"n\":-1.5e3,\"s\":\"\\u0041\\\"]}\",\"t\":[true,null]} } , "
					   "{\"error\":{\"data\":{\"x\":\"0x01\"},\"message\":\"caf\xc3\xa9\",\"code\":3},\"id\":"
					   "7}, {\"id\":9,\"result\":12}]";
	for (size_t piece = 1; piece < strlen(text) + 1; piece++) {
		struct rpc_answer a[3];
		struct arena mem = {0};
		struct err e;
		assert_true(parse_in_pieces(text, piece, 3, a, &mem, &e));
		assert_false(a[0].ok);
		assert_int_equal(a[0].code, 3);
		assert_true(str_is(a[0].message, "caf\xc3\xa9"));
		assert_true(str_is(a[0].data, "{\"x\":\"0x01\"}"));
		assert_true(str_is(a[1].result, "{\"n\":-1.5e3,\"s\":\"\\u0041\\\"]}\",\"t\":[true,null]}"));
		assert_true(str_is(a[2].result, "12"));
		arena_fini(&mem);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	const char *text =
		"[{\"id\":7,\"result\":[1,\"a\"]},{\"id\":8,\"error\":{\"code\":1,\"message\":\"m\"}}]";
	for (size_t n = 0; n < strlen(text); n++) {
		char cut[200];
		snprintf(cut, sizeof cut, "%.*s", (int)n, text);
		struct rpc_answer a[2];
		struct arena mem = {0};
		struct err e = {0};
		assert_false(parse_in_pieces(cut, 1000, 2, a, &mem, &e));
		assert_int_equal(e.class, ERR_MALFORMED);
		arena_fini(&mem);
	}
}

static void paths_are_picked(void **state)
{
	(void)state;
	static const char *const paths[] = {
		"a", "a.b", "a.b.c", "x.y", "n", "missing", "a.bb", "deep.d.d.d.d.d.d"};
	struct str v[8];
	struct str text =
		STR("{\"x\":[{\"y\":1}],\"n\" : -12e4 ,\"a\":{\"bb\":\"q\",\"b\":{\"c\":[1,{\"c\":2}]}},"
			"\"deep\":{\"d\":{\"d\":{\"d\":{\"d\":{\"d\":{\"d\":{\"d\":{\"d\":1}}}}}}}}}");
	assert_true(json_pick(v, paths, 8, text));
	assert_true(str_is(v[0], "{\"bb\":\"q\",\"b\":{\"c\":[1,{\"c\":2}]}}"));
	assert_true(str_is(v[1], "{\"c\":[1,{\"c\":2}]}"));
	assert_true(str_is(v[2], "[1,{\"c\":2}]"));
	assert_null(v[3].p);
	assert_true(str_is(v[4], "-12e4"));
	assert_null(v[5].p);
	assert_true(str_is(v[6], "\"q\""));
	assert_true(str_is(v[7], "{\"d\":{\"d\":1}}"));
	assert_false(json_pick(v, paths, 8, STR("{\"a\":1")));
	assert_null(v[0].p);
	assert_false(json_pick(v, paths, 8, STR("")));
	assert_true(json_pick(v, paths, 8, STR("[{\"a\":1}]")));
	assert_null(v[0].p);
	struct arena a = {0};
	struct str s;
	assert_true(json_pick_text(&a, &s, STR("\"a\\n\\u20ac\"")));
	assert_string_equal(s.p, "a\n\xe2\x82\xac");
	assert_false(json_pick_text(&a, &s, STR("12")));
	assert_false(json_pick_text(&a, &s, STR("\"a")));
	arena_fini(&a);
}

static const struct {
	int code;
	const char *message, *data;
	bool revert;
	const char *hex; /* of the data bytes */
} reverts[] = {
	{3, "execution reverted: no", "\"0x08c379a0\"", true, "08c379a0"}, /* geth, anvil */
	{3, "execution reverted", "\"0x\"", true, ""},                     /* geth */
	{-32000, "execution reverted", "", true, ""},                      /* older geth */
	{-32000, "Execution reverted", "\"0xAb12\"", true, "ab12"},        /* besu */
	{-32603, "Error: VM Exception while processing transaction: reverted with custom error 'X()'",
		"{\"message\":\"m\",\"txHash\":\"0x11\",\"data\":\"0xdead\"}", true, "dead"}, /* hardhat */
	{-32603, "VM Exception while processing transaction: revert", "{\"data\":{\"data\":\"0xbeef\"}}", true,
		"beef"},
	{-32000, "VM Exception while processing transaction: revert no",
		"{\"hash\":\"0x1\",\"result\":\"0x0102\"}", true, "0102"},                /* ganache */
	{-32015, "VM execution error.", "\"Reverted 0x4e487b71\"", true, "4e487b71"}, /* nethermind */
	{-32000, "execution reverted", "\"0x123\"", true, ""},
	{-32000, "execution reverted", "{\"data\":12}", true, ""},
	{-32000, "nonce too low", "", false, ""},
	{-32000, "insufficient funds", "\"0x1234\"", false, ""},
	{-32003, "Out of gas: gas required exceeds allowance", "", false, ""},
};

static void reverts_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reverts / sizeof *reverts; i++) {
		struct rpc_answer a = {
			.code = reverts[i].code, .message = str_of(reverts[i].message), .data = str_of(reverts[i].data)};
		struct buf out = {0}, hex = {0};
		bool revert = rpc_is_revert(&a, &out);
		buf_hex(&hex, (uint8_t *)out.p, out.n);
		if (revert != reverts[i].revert || strcmp(hex.p, reverts[i].hex) != 0)
			fail_msg("%s %s: %d %s", reverts[i].message, reverts[i].data, revert, hex.p);
		buf_fini(&out);
		buf_fini(&hex);
	}
	struct rpc_answer fine = {.ok = true, .message = STR("execution reverted")};
	struct buf out = {0};
	assert_false(rpc_is_revert(&fine, &out));
}

static void a_real_node_answers(void **state)
{
	(void)state;
	const char *url = getenv("FAIRLEAD_TEST_RPC");
	if (!url) {
		print_message("skipped: FAIRLEAD_TEST_RPC names no node\n");
		skip();
	}
	rpc_close(r);
	r = rpc_open(l, url, 20000);
	struct rpc_request *q = rpc_request(r);
	rpc_call(q, "eth_chainId", "[]");
	rpc_call(q, "eth_noSuchThing", "[]");
	rpc_call(q, "eth_getBlockByNumber", "[\"latest\",false]");
	/* code that reverts with one word: PUSH1 1 PUSH1 0 MSTORE PUSH1 32 PUSH1 0 REVERT */
	rpc_call(q, "eth_call", "[{\"data\":\"0x600160005260206000fd\"},\"latest\"]");
	rpc_send(q, on_done, NULL);
	spin_until(l, done == 1);
	assert_true(got.ok);
	assert_true(answers[0].ok && answers[0].result.p[0] == '"');
	assert_true(!answers[1].ok && answers[1].code == -32601);
	assert_true(answers[2].ok && answers[2].result.p[0] == '{');
	struct buf out = {0};
	assert_true(rpc_is_revert(&answers[3], &out));
	assert_int_equal(out.n, 32);
	assert_int_equal(out.p[31], 1);
	buf_fini(&out);
	for (int i = 0; i < 2000; i++)
		send_calls(1);
	spin_until(l, done == 2001);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_single_call_is_an_object),
		T(a_batch_is_matched_by_id),
		T(an_answer_may_come_in_pieces),
		T(pieces_leave_when_they_may),
		T(one_error_for_a_whole_batch_is_every_calls),
		T(odd_but_clear_errors_are_read),
		T(what_is_no_answer_is_told_by_class_and_sentence),
		T(broken_connections_are_transient),
		T(refused_and_unknown_hosts_are_transient),
		T(bad_urls_are_rejected_later),
		T(nothing_until_the_deadline),
		T(connections_are_kept_and_bounded),
		T(a_connection_that_ends_while_it_rests_is_replaced),
		T(closing_answers_what_is_on_its_way),
		T(large_answers_come_whole),
		cmocka_unit_test(pieces_of_any_size_give_the_same),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(paths_are_picked),
		cmocka_unit_test(reverts_are_told_apart),
		T(a_real_node_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
