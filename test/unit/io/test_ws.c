#define _GNU_SOURCE
#include "common/io/ws.h"
#include "ws_peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* A WebSocket server by hand (RFC 6455), so that a test can break its rules. It upgrades every peer and
 * answers each text frame by mode. */
static struct loop *l;
static struct peer_server server;
static enum { PEER_ECHO, PEER_SILENT, PEER_MUTE, PEER_REFUSE, PEER_CUT, PEER_GARBAGE } mode;
static int texts, pings, goodbyes; /* close frames with the code 1000 */
static char asked[4096];

static int opened, closed;
static struct buf heard;
static int messages;
static struct err why;

static bool take_frame(struct peer *p)
{
	char text[65536];
	size_t n;
	int op = ws_peer_take(p, text, &n);
	if (op == 1) {
		texts++;
		if (mode == PEER_ECHO)
			ws_peer_say(p, 0x81, text, n);
	} else if (op == 9) {
		pings++;
		if (mode != PEER_SILENT)
			ws_peer_say(p, 0x8a, text, n);
	} else if (op == 8) {
		goodbyes += n >= 2 && text[0] == 0x03 && (unsigned char)text[1] == 0xe8;
		if (mode != PEER_SILENT)
			ws_peer_say(p, 0x88, text, n);
	}
	return op >= 0;
}

static void on_bytes(struct peer *p)
{
	if (mode == PEER_MUTE)
		return;
	if (mode == PEER_REFUSE) {
		peer_say(p, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	if (mode == PEER_CUT) {
		peer_hang_up(p);
		return;
	}
	if (text_starts(p->in.p, "GET ")) {
		if (!ws_peer_asks(p))
			return;
		snprintf(asked, sizeof asked, "%s", p->in.p);
		ws_peer_upgrade(p);
		if (mode == PEER_GARBAGE)
			ws_peer_say(p, 0xf3, "xyz", 3);
	}
	while (take_frame(p))
		;
}

static void on_open(void *arg)
{
	(void)arg;
	opened++;
}
static void on_piece(void *arg, struct str piece, bool first, bool last)
{
	(void)arg;
	if (first)
		buf_clear(&heard);
	buf_str(&heard, piece);
	messages += last;
}
static void on_close(void *arg, const struct err *e)
{
	(void)arg;
	closed++;
	why = *e;
}
static const struct ws_events events = {.on_open = on_open, .on_piece = on_piece, .on_close = on_close};

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	mode = PEER_ECHO;
	texts = pings = goodbyes = opened = closed = messages = 0;
	peer_server_open(&server, l, 0, on_bytes);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_server_close(&server);
	buf_fini(&heard);
	loop_free(l);
	return 0;
}

static struct ws *open_at(const char *host)
{
	char url[128];
	snprintf(url, sizeof url, "ws://%s:%d/v1?key=k", host, server.port);
	return ws_open(l, url, &events);
}

static int count_handles;
static void count_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	count_handles += !uv_is_closing(h);
}
static int handles(void)
{
	count_handles = 0;
	uv_walk(loop_uv(l), count_handle, NULL);
	return count_handles;
}

static void texts_go_both_ways(void **state)
{
	(void)state;
	struct ws *w = open_at("u%40x:pw@127.0.0.1");
	ws_text(w, STR("before it is open"));
	spin_until(l, messages == 1);
	assert_int_equal(opened, 1);
	assert_string_equal(heard.p, "before it is open");
	assert_true(text_starts(asked, "GET /v1?key=k HTTP/1.1\r\n"));
	assert_non_null(strcasestr(asked, "authorization: Basic dUB4OnB3\r\n"));
	ws_text(w, STR("one"));
	ws_text(w, STR("two"));
	spin_until(l, messages == 3);
	assert_string_equal(heard.p, "two");
	ws_close(w);
	assert_int_equal(closed, 0);
	spin_until(l, closed == 1);
	assert_int_equal(texts, 3);
}

static void a_long_message_is_whole(void **state)
{
	(void)state;
	struct ws *w = open_at("127.0.0.1");
	spin_until(l, opened);
	size_t n = 3u << 20;
	char *big = mem_alloc(n);
	memset(big, 'x', n);
	big[n - 1] = '!';
	ws_peer_say(server.peers, 0x81, big, n);
	spin_until(l, messages == 1);
	assert_int_equal(heard.n, n);
	assert_memory_equal(heard.p, big, n);
	free(big);
	ws_close(w);
	spin_until(l, closed);
}

static void a_split_message_is_joined(void **state)
{
	(void)state;
	struct ws *w = open_at("127.0.0.1");
	spin_until(l, opened);
	ws_peer_say(server.peers, 0x01, "one ", 4);
	ws_peer_say(server.peers, 0x89, "ping", 4); /* control frames may stand between */
	ws_peer_say(server.peers, 0x00, "two ", 4);
	ws_peer_say(server.peers, 0x80, "three", 5);
	spin_until(l, messages == 1);
	assert_string_equal(heard.p, "one two three");
	ws_close(w);
	spin_until(l, closed);
}

static void refusals_are_told_without_credentials(void **state)
{
	(void)state;
	mode = PEER_REFUSE;
	open_at("user:secret@127.0.0.1");
	spin_until(l, closed == 1);
	assert_int_equal(opened, 0);
	assert_int_equal(why.class, ERR_TRANSIENT);
	char want[64];
	snprintf(want, sizeof want, "127.0.0.1:%d refused the WebSocket: HTTP status 403", server.port);
	assert_string_equal(why.text, want);
	assert_null(strstr(why.text, "secret"));
	assert_null(strstr(why.text, "key"));
	mode = PEER_CUT;
	open_at("127.0.0.1");
	spin_until(l, closed == 2);
	assert_int_equal(why.class, ERR_TRANSIENT);
	assert_int_equal(opened, 0);
}

static void a_bad_url_is_rejected_later(void **state)
{
	(void)state;
	const char *urls[] = {"http://127.0.0.1:1/", "ftp://x", "ws://", "ws://a:99999/", "", "ws://x\r\ny/"};
	for (int i = 0; i < 6; i++) {
		ws_open(l, urls[i], &events);
		assert_int_equal(closed, i);
		spin_until(l, closed == i + 1);
		assert_int_equal(why.class, ERR_REJECTED);
	}
}

static void a_closed_port_and_no_route_leave_nothing_behind(void **state)
{
	(void)state;
	struct ws *w = open_at("127.0.0.1");
	spin_until(l, opened);
	ws_close(w);
	spin_until(l, closed);
	closed = 0;
	int before = handles();
	const char *urls[] = {"ws://127.0.0.1:1/", "ws://255.255.255.255:1/", "ws://[::1]:1/"};
	for (int i = 0; i < 60; i++) {
		ws_open(l, urls[i % 3], &events);
		spin_until(l, closed == i + 1);
		assert_int_equal(why.class, ERR_TRANSIENT);
	}
	spin_until(l, handles() <= before + 1);
}

static void a_name_is_looked_up_and_all_its_addresses_tried(void **state)
{
	(void)state;
	/* Where localhost is ::1 first, the server on 127.0.0.1 is the second address. */
	struct ws *w = open_at("localhost");
	spin_until(l, opened || closed);
	assert_int_equal(opened, 1);
	char host[64];
	snprintf(host, sizeof host, "localhost:%d\r\n", server.port);
	assert_non_null(strstr(asked, host));
	ws_close(w);
	spin_until(l, closed == 1);
	ws_open(l, "ws://no-such-name.invalid/", &events);
	spin_until(l, closed == 2);
	assert_true(text_starts(why.text, "no-such-name.invalid:80 "));
}

static void a_close_says_goodbye_and_waits_for_no_silent_peer(void **state)
{
	(void)state;
	struct ws *w = open_at("127.0.0.1");
	spin_until(l, opened);
	ws_close(w);
	spin_until(l, closed);
	assert_int_equal(goodbyes, 1);

	mode = PEER_SILENT;
	w = open_at("127.0.0.1");
	spin_until(l, opened == 2);
	ws_close(w);
	spin_until(l, closed == 2);
	spin_until(l, goodbyes == 2);
}

static void closing_at_any_time_is_told_once(void **state)
{
	(void)state;
	mode = PEER_SILENT;
	for (int turns = 0; turns < 12; turns++) {
		closed = 0;
		struct ws *w = open_at(turns % 2 ? "localhost" : "127.0.0.1");
		for (int i = 0; i < turns && !closed; i++)
			uv_run(loop_uv(l), UV_RUN_NOWAIT);
		ws_close(w);
		spin_until(l, closed == 1);
	}
	struct ws *w = open_at("127.0.0.1");
	ws_close(w);
	ws_close(w);
	spin_until(l, closed == 2);
}

/* The first are not answered: they end within their handshake, and the loop behind them. */
static void many_open_and_close_together(void **state)
{
	(void)state;
	struct ws *w[40];
	mode = PEER_MUTE;
	for (int i = 0; i < 40; i++)
		w[i] = open_at("127.0.0.1");
	spin_until(l, server.accepted == 40);
	for (int i = 0; i < 40; i++)
		ws_close(w[i]);
	spin_until(l, closed == 40);
	assert_int_equal(opened, 0);
	mode = PEER_ECHO;
	for (int i = 0; i < 40; i++)
		w[i] = open_at("127.0.0.1");
	spin_until(l, opened == 40);
	for (int i = 0; i < 40; i++) {
		ws_text(w[i], STR("here"));
		ws_close(w[i]);
	}
	spin_until(l, closed == 80);
	assert_int_equal(texts, 40);
}

static void the_peers_end_is_told(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	spin_until(l, opened);
	peer_hang_up(server.peers);
	spin_until(l, closed);
	assert_int_equal(why.class, ERR_TRANSIENT);
	assert_non_null(strstr(why.text, "closed the WebSocket"));

	open_at("127.0.0.1");
	spin_until(l, opened == 2);
	ws_peer_say(server.peers, 0x88, "\x03\xe8", 2);
	spin_until(l, closed == 2);
}

static void broken_frames_end_it(void **state)
{
	(void)state;
	mode = PEER_GARBAGE;
	open_at("127.0.0.1");
	spin_until(l, closed == 1);
	mode = PEER_ECHO;
	open_at("127.0.0.1");
	spin_until(l, opened == 2);
	ws_peer_say(server.peers, 0x82, "bin", 3);
	spin_until(l, closed == 2);
	assert_int_equal(why.class, ERR_MALFORMED);
}

static void pings_are_sent_and_pongs_heard(void **state)
{
	(void)state;
	struct ws *w = open_at("127.0.0.1");
	spin_until(l, opened);
	ws_ping(w);
	spin_until(l, pings == 1);
	ws_text(w, STR("x"));
	spin_until(l, messages == 1);
	ws_ping(w);
	ws_ping(w);
	spin_until(l, pings == 2);
	ws_close(w);
	spin_until(l, closed);
}

static void a_dead_peer_is_cut(void **state)
{
	(void)state;
	mode = PEER_SILENT;
	struct ws *w = open_at("127.0.0.1");
	spin_until(l, opened);
	ws_ping(w);
	spin_until(l, closed);
	assert_non_null(strstr(why.text, "did not answer a ping within 10 s"));
}

static void a_real_node_takes_a_subscription(void **state)
{
	(void)state;
	const char *url = getenv("FAIRLEAD_TEST_RPC");
	if (!url || !text_starts(url, "http://")) {
		print_message("skipped: FAIRLEAD_TEST_RPC names no node\n");
		skip();
	}
	char ws_url[256];
	snprintf(ws_url, sizeof ws_url, "ws://%s", url + 7);
	struct ws *w = ws_open(l, ws_url, &events);
	ws_text(w, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}"));
	spin_until(l, messages || closed);
	assert_non_null(strstr(heard.p, "\"result\""));
	ws_close(w);
	spin_until(l, closed);
}

/* What is opened while the last socket goes is nobody else's to close. */
static int fresh[8];
static void on_close_and_open(void *arg, const struct err *e)
{
	on_close(arg, e);
	for (size_t i = 0; i < sizeof fresh / sizeof *fresh; i++)
		fresh[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void a_descriptor_is_closed_once(void **state)
{
	(void)state;
	char url[128];
	struct ws_events ev = {.on_open = on_open, .on_piece = on_piece, .on_close = on_close_and_open};
	snprintf(url, sizeof url, "ws://127.0.0.1:%d/", server.port);
	struct ws *w = ws_open(l, url, &ev);
	spin_until(l, opened);
	ws_close(w);
	spin_until(l, closed);
	struct ws *next =
		open_at("127.0.0.1"); /* the turns that it takes are those in which the first would be closed again */
	spin_until(l, opened == 2);
	ws_close(next);
	spin_until(l, closed == 2);
	for (size_t i = 0; i < sizeof fresh / sizeof *fresh; i++) {
		struct stat was, is;
		assert_int_equal(stat("/dev/null", &was), 0);
		assert_int_equal(fstat(fresh[i], &is), 0);
		assert_int_equal(is.st_rdev, was.st_rdev);
		close(fresh[i]);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(texts_go_both_ways),
		T(a_long_message_is_whole),
		T(a_split_message_is_joined),
		T(refusals_are_told_without_credentials),
		T(a_bad_url_is_rejected_later),
		T(a_closed_port_and_no_route_leave_nothing_behind),
		T(a_name_is_looked_up_and_all_its_addresses_tried),
		T(a_close_says_goodbye_and_waits_for_no_silent_peer),
		T(closing_at_any_time_is_told_once),
		T(many_open_and_close_together),
		T(the_peers_end_is_told),
		T(broken_frames_end_it),
		T(pings_are_sent_and_pongs_heard),
		T(a_dead_peer_is_cut),
		T(a_descriptor_is_closed_once),
		T(a_real_node_takes_a_subscription),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
