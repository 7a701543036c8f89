#define _GNU_SOURCE
#include "ws_ear.h"
#include "ws_peer.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/stat.h>

/* A WebSocket server by hand (RFC 6455), so that a test can break its rules. It upgrades every peer and
 * answers each text frame by mode. */
static struct loop *l;
static struct peer_server server;
static enum peer_mode {
	PEER_ECHO,
	PEER_SILENT,
	PEER_MUTE,
	PEER_REFUSE,
	PEER_REFUSE_FIRST,
	PEER_CUT,
	PEER_RESET,
	PEER_GARBAGE
} mode;
static int texts, pings, goodbyes; /* close frames with the code 1000 */
static char asked[4096];

static bool take_frame(struct peer *p)
{
	char text[65536];
	size_t n;
	int op = ws_peer_take(p, text, &n);
	if (op == 1) {
		texts++;
		if (mode == PEER_ECHO || mode == PEER_REFUSE_FIRST)
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
	if (mode == PEER_REFUSE || (mode == PEER_REFUSE_FIRST && server.accepted == 1)) {
		peer_say(p, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	if (mode == PEER_CUT) {
		peer_hang_up(p);
		return;
	}
	if (mode == PEER_RESET) {
		peer_reset(p);
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

/* Two addresses of one name, in place of what the resolver says. */
static const char *two[2];
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	const struct addrinfo numeric = {
		.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (strcmp(name, "two.test") != 0)
		return real(name, service, hints, found);
	return real(two[0], NULL, &numeric, found) || real(two[1], NULL, &numeric, &(*found)->ai_next);
}

static void another_address_is_tried_before_a_refusal_is_believed(void **state)
{
	(void)state;
	two[0] = two[1] = "127.0.0.1";
	mode = PEER_REFUSE_FIRST;
	struct ws *w = open_at("two.test");
	ws_text(w, STR("x"));
	spin_until(l, messages == 1);
	assert_int_equal(server.accepted, 2);
	ws_close(w);
	spin_until(l, closed == 1);
	two[0] = "127.0.0.2"; /* nobody is there */
	w = open_at("two.test");
	spin_until(l, opened == 2);
	ws_close(w);
	spin_until(l, closed == 2);
}

/* The last address of an IPv4 host is often one that can't be reached at all. */
static void the_reason_of_who_got_furthest_is_told(void **state)
{
	(void)state;
	static const struct {
		enum peer_mode mode;
		const char *why;
	} is[] = {{PEER_REFUSE, "refused the WebSocket: HTTP status 403"},
		{PEER_CUT, "refused the WebSocket: it closed the connection"},
		{PEER_RESET, "lost the connection: connection reset by peer"}};
	for (int i = 0; i < 6; i++) {
		two[i % 2] = "127.0.0.1";
		two[1 - i % 2] = "255.255.255.255";
		mode = is[i / 2].mode;
		open_at("two.test");
		spin_until(l, closed == i + 1);
		if (!strstr(why.text, is[i / 2].why))
			fail_msg("'%s' is not '%s'", why.text, is[i / 2].why);
	}
	assert_int_equal(opened, 0);
}

static void what_cut_it_is_told(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	spin_until(l, opened);
	peer_reset(server.peers);
	spin_until(l, closed);
	assert_non_null(strstr(why.text, "lost the connection: connection reset by peer"));
}

static void a_goodbye_must_be_one(void **state)
{
	(void)state;
	static const struct {
		const char *payload;
		size_t n;
		enum err_class class;
	} is[] = {{"", 0, ERR_TRANSIENT}, {"\x03", 1, ERR_MALFORMED}, {"\x03\xe9 away", 7, ERR_TRANSIENT},
		{"\x03\xed", 2, ERR_MALFORMED}, {"\x03\xf7", 2, ERR_MALFORMED}, {"\x0f\xa1", 2, ERR_TRANSIENT}};
	mode = PEER_SILENT; /* and never ends the connection: it is cut */
	for (int i = 0; i < 6; i++) {
		open_at("127.0.0.1");
		spin_until(l, opened == i + 1);
		ws_peer_say(server.peers, 0x88, is[i].payload, is[i].n);
		spin_until(l, closed == i + 1);
		assert_int_equal(why.class, is[i].class);
		assert_non_null(strstr(why.text, "closed the WebSocket"));
	}
}

/* Its user calls it from inside each event. */
static struct ws *inside;
static int pieces;
static void call_all(void)
{
	ws_text(inside, STR("x"));
	ws_ping(inside);
	ws_close(inside);
	ws_ping(inside);
	ws_text(inside, STR("y"));
	ws_close(inside);
}
static void open_calls(void *arg)
{
	on_open(arg);
	if (arg)
		call_all();
}
static void piece_calls(void *arg, struct str piece, bool first, bool last)
{
	(void)arg, (void)piece, (void)first, (void)last;
	pieces++;
	call_all();
}
static void close_calls(void *arg, const struct err *e)
{
	on_close(arg, e);
	call_all();
}

static void set_true(void *arg)
{
	*(bool *)arg = true;
}

static void it_may_be_called_from_inside_its_events(void **state)
{
	(void)state;
	char url[64];
	snprintf(url, sizeof url, "ws://127.0.0.1:%d/", server.port);
	struct ws_events ev = {.on_open = open_calls, .on_piece = piece_calls, .on_close = close_calls, .arg = l};
	inside = ws_open(l, url, &ev);
	spin_until(l, closed == 1);
	ev.arg = NULL;
	inside = ws_open(l, url, &ev);
	spin_until(l, opened == 2);
	ws_text(inside, STR("echo"));
	ws_text(inside, STR("echo, behind its end"));
	spin_until(l, closed == 2);
	assert_int_equal(pieces, 1);
	inside = ws_open(l, url, &ev);
	spin_until(l, opened == 3);
	peer_hang_up(server.peers);
	spin_until(l, closed == 3);
	/* nothing of it lives on: a timer of its would run now */
	struct timer *t = NULL;
	bool over = false;
	timer_start(l, &t, 300, set_true, &over);
	spin_until(l, over);
	timer_free(&t);
}

static size_t pongs; /* bytes */
static bool done;
/* Pongs of 131 bytes each, then one text. */
static void count_pongs(struct peer *p)
{
	pongs += p->in.n;
	done = p->in.n >= 10 && ((unsigned char)p->in.p[p->in.n - 10] == 0x81);
	buf_clear(&p->in);
}

/* It asks for ever and reads nothing: what waits for it stays small. */
static void pings_of_a_peer_that_does_not_read(void **state)
{
	(void)state;
	enum { PINGS = 200000 };
	char text[WS_CONTROL_MOST] = {0};
	struct ws *w = open_at("127.0.0.1");
	spin_until(l, opened);
	struct peer *p = server.peers;
	uv_read_stop(&p->s.stream);
	struct buf b = {0};
	for (int i = 0; i < 1000; i++)
		ws_client_put(&b, 0x89, text, sizeof text, false);
	for (int i = 0; i < PINGS / 1000; i++) {
		peer_say_bytes(p, b.p, b.n);
		spin_until(l, uv_stream_get_write_queue_size(&p->s.stream) == 0);
	}
	buf_fini(&b);
	server.on_bytes = count_pongs;
	uv_read_start(&p->s.stream, peer_alloc, peer_on_read);
	ws_text(w, STR("done"));
	spin_until(l, done);
	assert_true(pongs > 0 && pongs < (size_t)PINGS * sizeof text / 2);
	ws_close(w);
	spin_until(l, closed);
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
		T(another_address_is_tried_before_a_refusal_is_believed),
		T(the_reason_of_who_got_furthest_is_told),
		T(what_cut_it_is_told),
		T(a_goodbye_must_be_one),
		T(it_may_be_called_from_inside_its_events),
		T(pings_of_a_peer_that_does_not_read),
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
