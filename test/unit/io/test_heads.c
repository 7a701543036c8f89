#define _GNU_SOURCE
#include "common/io/heads.h"
#include "common/io/http.h"
#include "common/io/log.h"
#include "ws_peer.h"

#include <sys/mman.h>

/* A node of two halves: polls are answered by our own HTTP server, the WebSocket by hand. */
static struct loop *l;
static struct http_server *node;
static struct rpc *rpc;
static struct peer_server sockets;
static uint64_t node_head;
static uint64_t other_head; /* of a second machine that answers each second poll; 0: there is none */
static int polls;
static enum { POLL_OK, POLL_500, POLL_ERROR } poll_mode;
static enum { WS_GOOD, WS_REFUSE, WS_NO_HEADS, WS_NO_LOGS } ws_mode;

static struct heads *h;
static uint64_t head;                            /* the last rung */
static int rings, states, logs_heard, log_rings; /* log_rings: rings before the log heard last */
static bool close_inside;
static int subscribes, booked; /* subscriptions asked for, calls told of */
static int busy[2];            /* so many of newHeads, of logs are refused as too many */
static uint64_t book_ms;

static int log_fd, real_stderr;

static void on_rpc(void *arg, struct http_request *q)
{
	(void)arg;
	polls++;
	struct str body = http_body(q);
	assert_non_null(memmem(body.p, body.n, "\"eth_blockNumber\"", 17));
	const char *id = memmem(body.p, body.n, "\"id\":", 5);
	char text[200];
	if (poll_mode == POLL_500) {
		http_answer(q, 500, "text/html", STR("<html>no</html>"));
		return;
	}
	snprintf(text, sizeof text,
		poll_mode == POLL_ERROR ? "{\"id\":%lu,\"error\":{\"code\":-32000,\"message\":\"not today\"}}"
								: "{\"id\":%lu,\"result\":\"0x%lx\"}",
		strtoul(id + 5, NULL, 10), (unsigned long)(other_head && polls % 2 == 0 ? other_head : node_head));
	http_answer(q, 200, "application/json", str_of(text));
}

static void answer(struct peer *p, const char *text)
{
	ws_peer_say(p, 0x81, text, strlen(text));
}

static void on_ws_bytes(struct peer *p)
{
	if (ws_mode == WS_REFUSE) {
		peer_hang_up(p);
		return;
	}
	if (ws_peer_asks(p))
		ws_peer_upgrade(p);
	static char text[65536];
	size_t n;
	while (ws_peer_take(p, text, &n) == 1) {
		const char *asked = strstr(text, "\"id\":");
		if (strstr(text, "\"eth_blockNumber\"")) {
			polls++;
			snprintf(text, sizeof text, "{\"id\":%lu,\"result\":\"0x%lx\"}", strtoul(asked + 5, NULL, 10),
				(unsigned long)node_head);
			answer(p, text);
			continue;
		}
		bool logs = strstr(text, "[\"logs\",{\"address\":\"0xaa\"}]") != NULL;
		assert_true(logs || strstr(text, "[\"newHeads\"]"));
		subscribes++;
		if (busy[logs] > 0) {
			busy[logs]--;
			answer(p, logs ? "{\"id\":2,\"error\":{\"code\":-32005,\"message\":\"slow down\"}}"
						   : "{\"id\":1,\"error\":{\"code\":-32005,\"message\":\"slow down\"}}");
			continue;
		}
		if (ws_mode == (logs ? WS_NO_LOGS : WS_NO_HEADS))
			answer(p, logs ? "{\"id\":2,\"error\":{\"code\":-32601,\"message\":\"no such subscription\"}}"
						   : "{\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no such subscription\"}}");
		else
			answer(p, logs ? "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0xb\"}"
						   : "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0xa\"}");
	}
}

static void say_head(uint64_t n)
{
	char text[300];
	node_head = n;
	snprintf(text, sizeof text,
		"{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0xa\","
		"\"result\":"
		"{\"hash\":\"0x12\",\"number\":\"0x%lx\",\"list\":[{\"number\":\"0x0\"}]}}}",
		(unsigned long)n);
	answer(sockets.peers, text);
}

static void on_head(void *arg, uint64_t number)
{
	(void)arg;
	rings++;
	head = number;
	if (close_inside)
		heads_close(h);
}

/* The block of a log is told behind its log: it is not rung yet. */
static void on_log(void *arg, uint64_t number, const uint8_t block[32], struct str log)
{
	(void)arg;
	logs_heard++;
	log_rings = rings;
	assert_int_equal(number, 101);
	assert_true(block[0] == 0xab || block[0] == 0xcd);
	assert_true(log.n > 2 && log.p[0] == '{' && log.p[log.n - 1] == '}');
	assert_non_null(memmem(log.p, log.n, "\"data\":\"0x\"", 11));
}

static void on_mined(void *arg, const struct rpc_reply *r)
{
	assert_true(r->ok);
	*(bool *)arg = true;
}

static void on_state(void *arg, const struct heads_state *s)
{
	(void)arg, (void)s;
	states++;
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	polls = rings = states = logs_heard = 0;
	head = 0;
	node_head = 100;
	other_head = 0;
	poll_mode = POLL_OK;
	ws_mode = WS_GOOD;
	close_inside = false;
	struct err e;
	node = http_open(l, &(struct http_options){.max_body = 10000}, on_rpc, NULL);
	assert_true(http_listen(node, "127.0.0.1:0", &e));
	peer_server_open(&sockets, l, 0, on_ws_bytes);
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", http_port(node));
	rpc = rpc_open(l, url, 5000);
	real_stderr = dup(2);
	log_fd = memfd_create("log", 0);
	dup2(log_fd, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(real_stderr, 2);
	close(real_stderr);
	close(log_fd);
	rpc_close(rpc);
	http_close(node);
	peer_server_close(&sockets);
	loop_free(l);
	return 0;
}

static void start(bool with_ws, const struct heads_options *more)
{
	static char url[80];
	snprintf(url, sizeof url, "ws://user:hunter2@127.0.0.1:%d/", sockets.port);
	struct heads_options o = *more;
	o.rpc = rpc;
	o.name = "main";
	o.ws_url = with_ws ? url : "";
	o.reconnect_first_ms = 1;
	o.reconnect_max_ms = 5;
	o.poll_ms = o.poll_ms ? o.poll_ms : 10;
	o.silent_ms = o.silent_ms ? o.silent_ms : 600000;
	h = heads_open(l, &o, &(struct heads_events){.on_head = on_head, .on_state = on_state, .on_log = on_log});
	assert_int_equal(rings, 0);
}

/* How many log lines hold all of the words. */
static int logged(const char *words)
{
	static char text[1 << 20];
	ssize_t n = pread(log_fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	int lines = 0;
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		lines += strstr(line, words) != NULL;
	return lines;
}

static void without_ws_heads_are_polled(void **state)
{
	(void)state;
	start(false, &(struct heads_options){0});
	spin_until(l, head == 100);
	node_head = 105;
	spin_until(l, head == 105);
	node_head = 103; /* a head may go back */
	spin_until(l, head == 103);
	assert_true(heads_state(h)->heard);
	assert_false(heads_state(h)->ws_up);
	assert_int_equal(heads_state(h)->head, 103);
	assert_int_equal(sockets.accepted, 0);
	heads_close(h);
}

/* Nothing else asks: without a second poll at once every ring would be one of the machine behind too. */
static void a_poll_that_says_less_is_repeated_before_it_counts(void **state)
{
	(void)state;
	other_head = 97;
	start(false, &(struct heads_options){.poll_ms = 1});
	spin_until(l, rings == 20);
	assert_int_equal(head, 100);
	assert_true(polls > 30);
	other_head = 0;
	node_head = 97;
	spin_until(l, head == 97);
	heads_close(h);
}

static void failed_polls_are_counted_told_once_and_tried_again(void **state)
{
	(void)state;
	poll_mode = POLL_500;
	start(false, &(struct heads_options){.poll_ms = 1, .reconnect_alarm = 7});
	spin_until(l, heads_state(h)->failures == 5);
	assert_int_equal(states, 5);
	poll_mode = POLL_ERROR;
	spin_until(l, heads_state(h)->failures >= 20);
	assert_int_equal(logged("Provider error"), 2); /* the first and the alarm */
	assert_int_equal(logged("answered HTML with status 500"), 1);
	assert_false(heads_state(h)->heard);
	poll_mode = POLL_OK;
	spin_until(l, head == 100);
	assert_int_equal(heads_state(h)->failures, 0);
	assert_int_equal(logged("The provider answers again"), 1);
	heads_close(h);
}

static void heads_come_over_the_socket_and_polling_stands_still(void **state)
{
	(void)state;
	start(true, &(struct heads_options){0});
	spin_until(l, heads_state(h)->ws_up && head == 100);
	while (polls < 2) /* the one at the seam */
		spin_once(l);
	int before = polls;
	for (uint64_t n = 101; n <= 110; n++) {
		say_head(n);
		spin_until(l, head == n);
	}
	assert_true(polls <= before + 1);
	assert_int_equal(heads_state(h)->reconnects, 0);
	assert_int_equal(logged("level=odd"), 0);
	say_head(90);
	spin_until(l, head == 90);
	heads_close(h);
}

/* hash: two digits, repeated */
static void say_log(uint64_t n, const char *hash, bool removed)
{
	struct buf b = {0};
	buf_text(&b, "{\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0xb\",\"result\":{");
	buf_printf(&b, "\"removed\":%s,\"data\":\"0x\",\"blockNumber\":\"0x%lx\",\"blockHash\":\"0x",
		removed ? "true" : "false", (unsigned long)n);
	for (int i = 0; i < 32; i++)
		buf_text(&b, hash);
	buf_text(&b, "\"}}}");
	answer(sockets.peers, b.p);
	buf_fini(&b);
}

static bool rang(uint64_t n, int first_byte)
{
	const struct heads_state *s = heads_state(h);
	return s->head == n && s->has_hash == (first_byte >= 0) && (!s->has_hash || s->hash[31] == first_byte);
}

static void logs_ring_the_block_that_they_name_once(void **state)
{
	(void)state;
	start(true, &(struct heads_options){.logs = "{\"address\":\"0xaa\"}"});
	spin_until(l, heads_state(h)->ws_up && head == 100);
	while (polls < 2)
		spin_once(l);
	int before = rings;
	for (int i = 0; i < 300; i++)
		say_log(101, "ab", false);
	spin_until(l, head == 101);
	assert_true(rang(101, 0xab));
	spin_until(l, logs_heard == 300); /* each is told, though one rings */
	say_log(101, "cd", false);        /* the same height, another block */
	spin_until(l, rang(101, 0xcd));
	assert_int_equal(rings, before + 2);
	assert_int_equal(log_rings, before + 1); /* told first */
	say_log(101, "ab", false);
	say_log(101, "ab", true);
	say_log(101, "ab", true);
	spin_until(l, rang(101, -1));
	say_log(101, "ab", false); /* it is back */
	spin_until(l, rang(101, 0xab));
	assert_int_equal(rings, before + 4);
	assert_int_equal(logs_heard, 303); /* what is taken back is not told */
	say_head(102);                     /* says a hash that is none */
	spin_until(l, rang(102, -1));
	heads_close(h);
}

static void what_names_no_block_rings_nothing(void **state)
{
	(void)state;
	start(true, &(struct heads_options){.logs = "{\"address\":\"0xaa\"}"});
	spin_until(l, heads_state(h)->ws_up && head == 100);
	while (polls < 2)
		spin_once(l);
	int before = rings;
	answer(sockets.peers, "{\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0xb\","
						  "\"result\":{\"data\":\"0x\"}}}");
	answer(sockets.peers, "{\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0xb\","
						  "\"result\":{\"blockNumber\":\"0x99\",\"blockHash\":null}}}");
	say_log(109, "00", false);
	answer(sockets.peers,
		"{\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0xc\",\"result\":{}}}");
	answer(sockets.peers, "not json");
	answer(sockets.peers, "{\"id\":77,\"result\":\"0x1\"}");
	say_head(101);
	spin_until(l, head == 101);
	assert_int_equal(rings, before + 1);
	heads_close(h);
}

static void a_websocket_rpc_serves_both_on_one_socket(void **state)
{
	(void)state;
	char url[80];
	snprintf(url, sizeof url, "ws://user:hunter2@127.0.0.1:%d/", sockets.port);
	struct rpc *http = rpc;
	rpc = rpc_open(l, url, 5000);
	start(false, &(struct heads_options){.poll_ms = 1, .logs = "{\"address\":\"0xaa\"}"});
	spin_until(l, heads_state(h)->ws_up && head == 100 && polls >= 2);
	say_head(101);
	spin_until(l, head == 101);
	assert_int_equal(sockets.accepted, 1);
	peer_hang_up(sockets.peers);
	spin_until(l, !heads_state(h)->ws_up);
	spin_until(l, heads_state(h)->ws_up);
	say_head(102);
	spin_until(l, head == 102);
	assert_int_equal(sockets.accepted, 2);
	heads_close(h);
	int before = rings;
	say_head(103); /* nobody hears it; the socket is still there for requests */
	for (int i = 0; i < 5; i++)
		spin_once(l);
	assert_int_equal(rings, before);
	rings = 0;
	start(true, &(struct heads_options){.poll_ms = 1}); /* the same URL is the same socket */
	spin_until(l, heads_state(h)->ws_up && head == 103);
	assert_int_equal(sockets.accepted, 2);
	heads_close(h);
	rpc_close(rpc);
	rpc = http;
}

static void a_refused_logs_subscription_leaves_the_heads(void **state)
{
	(void)state;
	ws_mode = WS_NO_LOGS;
	start(true, &(struct heads_options){.logs = "{\"address\":\"0xaa\"}"});
	spin_until(l, logged("refused a subscription to logs") == 1);
	say_head(101);
	spin_until(l, head == 101);
	assert_true(heads_state(h)->ws_up);
	heads_close(h);
}

static uint64_t book(void *arg)
{
	(void)arg;
	booked++;
	return book_ms;
}

static bool on_refused(void *arg, const struct rpc_reply *r)
{
	(void)arg;
	return r->ok && r->calls == 1 && r->answers[0].code == -32005 &&
		   text_is(r->answers[0].message.p, "slow down");
}

/* A socket that is told to slow down is kept, and both subscriptions come to stand. */
static void too_often_is_asked_again_on_the_same_socket(void **state)
{
	(void)state;
	static const int cases[][3] = {
		{0, 0, 0}, {2, 0, 0}, {0, 2, 0}, {2, 3, 0}, {0, 0, 3}, {2, 0, 3}, {0, 2, 3}, {1, 2, 3}};
	struct heads_events ev = {
		.on_head = on_head, .on_state = on_state, .on_log = on_log, .book = book, .on_refused = on_refused};
	char url[80];
	snprintf(url, sizeof url, "ws://127.0.0.1:%d/", sockets.port);
	struct heads_options o = {.rpc = rpc,
		.name = "main",
		.ws_url = url,
		.logs = "{\"address\":\"0xaa\"}",
		.reconnect_first_ms = 1,
		.reconnect_max_ms = 5,
		.poll_ms = 10,
		.silent_ms = 600000};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int accepted = sockets.accepted;
		busy[0] = cases[i][0];
		busy[1] = cases[i][1];
		book_ms = (uint64_t)cases[i][2];
		subscribes = booked = polls = logs_heard = 0;
		h = heads_open(l, &o, &ev);
		spin_until(l, heads_state(h)->ws_up && busy[0] == 0 && busy[1] == 0);
		spin_until(l, subscribes >= 2 + cases[i][0] + cases[i][1]);
		/* the poll that the case before had out may have come late: nobody booked it here */
		spin_until(l, booked >= subscribes + polls - 1);
		spin_until(l, book_ms > 0 || booked <= subscribes + polls + 1);
		for (int turns = 0; logs_heard == 0 && turns < 1000; turns++) { /* its name may be on its way */
			if (turns % 20 == 0)
				say_log(101, "ab", false);
			spin_once(l);
		}
		assert_true(logs_heard > 0);
		assert_int_equal(sockets.accepted, accepted + 1);
		heads_close(h);
	}
	assert_int_equal(logged("level=odd"), 0);
}

static void a_node_without_new_heads_is_polled_and_tried_again(void **state)
{
	(void)state;
	ws_mode = WS_NO_HEADS;
	start(true, &(struct heads_options){.poll_ms = 5});
	spin_until(l, heads_state(h)->reconnects >= 3 && head == 100);
	assert_true(logged("the node refused newHeads") >= 1);
	ws_mode = WS_GOOD;
	spin_until(l, heads_state(h)->ws_up);
	heads_close(h);
}

static void a_lost_socket_is_polled_over_and_comes_back(void **state)
{
	(void)state;
	start(true, &(struct heads_options){0});
	spin_until(l, heads_state(h)->ws_up);
	say_head(101);
	spin_until(l, head == 101);
	ws_mode = WS_REFUSE;
	peer_hang_up(sockets.peers);
	spin_until(l, !heads_state(h)->ws_up);
	node_head = 150;
	spin_until(l, head == 150);
	spin_until(l, heads_state(h)->reconnects >= 5);
	ws_mode = WS_GOOD;
	spin_until(l, heads_state(h)->ws_up);
	say_head(151);
	spin_until(l, head == 151);
	assert_int_equal(logged("WebSocket error"), 1);
	assert_int_equal(logged("reconnect"), 2);
	assert_int_equal(logged("is back"), 1);
	assert_int_equal(logged("hunter2"), 0);
	heads_close(h);
}

static void fifty_refusals_and_then_it_listens_again(void **state)
{
	(void)state;
	ws_mode = WS_REFUSE;
	start(true, &(struct heads_options){.reconnect_alarm = 10});
	spin_until(l, heads_state(h)->reconnects >= 50);
	assert_false(heads_state(h)->ws_up);
	assert_int_equal(logged("WebSocket error"), 2); /* the first, and the alarm at the tenth */
	assert_int_equal(logged("ev=heads.alarm"), 1);
	ws_mode = WS_GOOD;
	spin_until(l, heads_state(h)->ws_up);
	say_head(160);
	spin_until(l, head == 160);
	assert_int_equal(logged("is back"), 1);
	heads_close(h);
}

static void an_open_but_silent_socket_is_replaced(void **state)
{
	(void)state;
	start(true, &(struct heads_options){.silent_ms = 60});
	spin_until(l, heads_state(h)->ws_up && polls >= 4); /* nothing new on the chain: silence is fine */
	assert_int_equal(sockets.accepted, 1);
	node_head = 120; /* the poll sees it, the socket does not */
	spin_until(l, sockets.accepted == 2 && heads_state(h)->ws_up);
	assert_int_equal(head, 120);
	assert_int_equal(logged("brings no heads"), 1);
	int looks = polls;
	spin_until(l, polls >= looks + 3); /* the new socket began at 120 */
	assert_int_equal(sockets.accepted, 2);
	heads_close(h);
}

static void a_socket_begins_where_the_chain_stood(void **state)
{
	(void)state;
	start(true, &(struct heads_options){.poll_ms = 600000, .silent_ms = 60});
	spin_until(l, heads_state(h)->ws_up && polls >= 2);
	ws_mode = WS_REFUSE;
	peer_hang_up(sockets.peers);
	int before = polls;
	spin_until(l, !heads_state(h)->ws_up && polls > before);
	spin_until(l, heads_state(h)->reconnects >= 2);
	node_head = 120; /* mined while nobody listened and nobody polled */
	ws_mode = WS_GOOD;
	spin_until(l, heads_state(h)->ws_up && head == 120);
	int accepted = sockets.accepted, looks = polls;
	spin_until(l, polls >= looks + 4);
	assert_int_equal(sockets.accepted, accepted);
	assert_int_equal(logged("brings no heads"), 0);
	heads_close(h);
}

static void it_may_be_closed_from_inside_and_at_any_turn(void **state)
{
	(void)state;
	close_inside = true;
	start(true, &(struct heads_options){0});
	spin_until(l, rings == 1);
	for (int i = 0; i < 10; i++)
		spin_once(l);
	assert_int_equal(rings, 1);
	close_inside = false;
	for (int turns = 0; turns < 15; turns++) {
		rings = 0;
		start(true, &(struct heads_options){.logs = "{\"address\":\"0xaa\"}"});
		for (int i = 0; i < turns; i++)
			uv_run(loop_uv(l), UV_RUN_NOWAIT);
		heads_close(h);
		rings = 0;
		for (int i = 0; i < 3; i++)
			spin_once(l);
		assert_int_equal(rings, 0);
	}
}

static void a_real_node_rings(void **state)
{
	(void)state;
	const char *url = getenv("FAIRLEAD_TEST_RPC");
	if (!url || !text_starts(url, "http://")) {
		print_message("skipped: FAIRLEAD_TEST_RPC names no node\n");
		skip();
	}
	char ws_url[256];
	snprintf(ws_url, sizeof ws_url, "ws://%s", url + 7);
	struct rpc *r = rpc_open(l, url, 5000);
	struct heads_options o = {
		.rpc = r, .ws_url = ws_url, .name = "real", .silent_ms = 600000, .poll_ms = 600000};
	h = heads_open(l, &o, &(struct heads_events){.on_head = on_head, .on_state = on_state, .on_log = on_log});
	spin_until(l, heads_state(h)->ws_up && heads_state(h)->heard);
	uint64_t before = heads_state(h)->head;
	struct rpc_request *q = rpc_request(r);
	rpc_call(q, "evm_mine", "[]");
	bool mined = false; /* the head may be heard before the answer */
	rpc_send(q, on_mined, &mined);
	spin_until(l, mined && heads_state(h)->head == before + 1);
	heads_close(h);
	rpc_close(r);
}

int main(void)
{
	log_init("test", "info");
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(without_ws_heads_are_polled),
		T(a_poll_that_says_less_is_repeated_before_it_counts),
		T(failed_polls_are_counted_told_once_and_tried_again),
		T(heads_come_over_the_socket_and_polling_stands_still),
		T(logs_ring_the_block_that_they_name_once),
		T(what_names_no_block_rings_nothing),
		T(a_websocket_rpc_serves_both_on_one_socket),
		T(a_refused_logs_subscription_leaves_the_heads),
		T(too_often_is_asked_again_on_the_same_socket),
		T(a_node_without_new_heads_is_polled_and_tried_again),
		T(a_lost_socket_is_polled_over_and_comes_back),
		T(fifty_refusals_and_then_it_listens_again),
		T(an_open_but_silent_socket_is_replaced),
		T(a_socket_begins_where_the_chain_stood),
		T(it_may_be_closed_from_inside_and_at_any_turn),
		T(a_real_node_rings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
