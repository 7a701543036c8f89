#include "common/io/wspeer.h"
#include "ws_client.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

static struct loop *l;
static struct http_server *s;
static struct wspeers *set;
static struct wspeer *last;
static struct buf heard; /* texts, a line each */
static int accepted, refused, gone, gone_code, drained;
static char gone_why[100];
static bool echo, end_in_text;

static void on_text(void *arg, struct wspeer *p, struct str text)
{
	(void)arg;
	buf_str(&heard, text);
	buf_char(&heard, '\n');
	if (end_in_text)
		wspeer_close(p, 4001, "seen enough");
	else if (echo)
		wspeer_text(p, text);
}

static void on_gone(void *arg, struct wspeer *p, int code, const char *why)
{
	(void)arg;
	gone++;
	gone_code = code;
	snprintf(gone_why, sizeof gone_why, "%s", why);
	if (p == last)
		last = NULL;
}

static void on_request(void *arg, struct http_request *q)
{
	(void)arg;
	struct str offered;
	const char *protocol = NULL;
	for (int i = 0; wspeer_offered(q, i, &offered); i++)
		if (str_is(offered, "chain.v1"))
			protocol = "chain.v1";
	struct wspeer *p = wspeer_accept(set, q, protocol, &accepted);
	if (!p) {
		refused++;
		return;
	}
	accepted++;
	last = p;
}

static void open_set(const struct wspeers_options *o)
{
	struct wspeers_options mine = *o;
	mine.on_text = on_text;
	mine.on_gone = on_gone;
	set = wspeers_open(l, &mine);
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	accepted = refused = gone = gone_code = drained = 0;
	gone_why[0] = 0;
	echo = true;
	end_in_text = false;
	last = NULL;
	open_set(&(struct wspeers_options){0});
	s = http_open(l, &(struct http_options){.max_connections = 11000}, on_request, NULL);
	struct err e;
	assert_true(http_listen(s, "127.0.0.1:0", &e));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wspeers_close(set);
	http_close(s);
	loop_free(l);
	buf_fini(&heard);
	return 0;
}

static struct peer *connect_ws(void)
{
	struct peer *p = peer_connect(l, http_port(s));
	int before = accepted;
	peer_say(p, WS_CLIENT_HELLO "\r\n");
	spin_until(l, accepted > before && peer_heard(p, "\r\n\r\n"));
	return p;
}

static bool was_heard(const char *text)
{
	return heard.p && strstr(heard.p, text);
}

static void a_handshake_is_answered(void **state)
{
	(void)state;
	struct peer *p = peer_connect(l, http_port(s));
	peer_say(
		p, WS_CLIENT_HELLO "Origin: https://a.example\r\nSec-WebSocket-Protocol: other, chain.v1\r\n\r\n");
	spin_until(l, peer_heard(p, "\r\n\r\n"));
	assert_true(text_starts(p->in.p, "HTTP/1.1 101 Switching Protocols\r\n"));
	assert_true(peer_heard(p, WS_CLIENT_ACCEPT));
	assert_true(peer_heard(p, "Upgrade: websocket\r\n"));
	assert_true(peer_heard(p, "Connection: Upgrade\r\n"));
	assert_true(peer_heard(p, "Sec-WebSocket-Protocol: chain.v1\r\n"));
	assert_false(peer_heard(p, "Content-Length"));
	assert_int_equal(wspeers_count(set), 1);
	assert_ptr_equal(wspeer_data(last), &accepted);
	assert_true(str_is(wspeer_address(last), "127.0.0.1"));
	peer_free(l, p);
	spin_until(l, gone == 1);
	assert_int_equal(gone_code, 1006);
	assert_int_equal(wspeers_count(set), 0);
}

static const struct {
	const char *request, *status, *header;
} handshakes[] = {
	{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405", "Allow: GET\r\n"},
	{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426", "Upgrade: websocket\r\n"},
	{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
	 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"426", "Sec-WebSocket-Version: 13\r\n"},
	{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"426", "Sec-WebSocket-Version: 13\r\n"},
	{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"426", "Upgrade: websocket\r\n"},
	{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"426", "Upgrade: websocket\r\n"},
	{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
	 "13\r\n\r\n",
		"400", ""},
	{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	 "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
		"400", ""},
};

static void a_bad_handshake_is_refused_and_the_connection_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof handshakes / sizeof *handshakes; i++) {
		struct peer *p = peer_connect(l, http_port(s));
		peer_say(p, handshakes[i].request);
		spin_until(l, peer_heard(p, "\r\n\r\n"));
		char want[40];
		snprintf(want, sizeof want, "HTTP/1.1 %s ", handshakes[i].status);
		if (!text_starts(p->in.p, want) || !peer_heard(p, handshakes[i].header))
			fail_msg(
				"%s\nwanted %s %s, heard %s", handshakes[i].request, want, handshakes[i].header, p->in.p);
		buf_clear(&p->in);
		peer_say(p, WS_CLIENT_HELLO "\r\n");
		spin_until(l, peer_heard(p, "HTTP/1.1 101 "));
		peer_free(l, p);
	}
	assert_int_equal(refused, (int)(sizeof handshakes / sizeof *handshakes));
}

static void texts_come_and_go(void **state)
{
	(void)state;
	struct peer *p = connect_ws();
	ws_client_say(p, 0x81, "hello", 5);
	spin_until(l, ws_client_texts(p, "hello") == 1);
	ws_client_say(p, 0x81, "", 0);
	spin_until(l, ws_client_texts(p, "") == 1);
	static char large[60000];
	memset(large, 'x', sizeof large - 1);
	ws_client_say(p, 0x81, large, sizeof large - 1);
	spin_until(l, ws_client_texts(p, large) == 1);
	/* frames behind the request to upgrade, in one piece with it */
	struct peer *eager = peer_connect(l, http_port(s));
	struct buf b = {0};
	buf_text(&b, WS_CLIENT_HELLO "\r\n");
	ws_client_put(&b, 0x81, "at once", 7, true);
	peer_say_bytes(eager, b.p, b.n);
	spin_until(l, ws_client_texts(eager, "at once") == 1);
	buf_fini(&b);
	peer_free(l, eager);
	peer_free(l, p);
}

static void fragments_come_byte_by_byte_with_a_ping_between(void **state)
{
	(void)state;
	struct peer *p = connect_ws();
	struct buf b = {0};
	ws_client_put(&b, 0x01, "one ", 4, true);
	ws_client_put(&b, 0x89, "are you there", 13, true);
	ws_client_put(&b, 0x00, "", 0, true);
	ws_client_put(&b, 0x00, "two \xe2", 5, true);
	ws_client_put(&b, 0x80, "\x82\xac", 2, true);
	ws_client_put(&b, 0x8a, "", 0, true); /* a pong that nobody asked for */
	ws_client_put(&b, 0x81, "next", 4, true);
	for (size_t i = 0; i < b.n; i++) {
		peer_say_bytes(p, b.p + i, 1);
		uv_run(loop_uv(l), UV_RUN_NOWAIT);
	}
	spin_until(l, ws_client_texts(p, "next") == 1);
	assert_string_equal(heard.p, "one two \xe2\x82\xac\nnext\n");
	size_t at = 0;
	int opcode;
	struct str pong = {0};
	assert_true(ws_client_next(p, &at, &opcode, &pong));
	assert_int_equal(opcode, 0x8a);
	assert_true(str_is(pong, "are you there"));
	buf_fini(&b);
	peer_free(l, p);
}

static void put_many(struct buf *b, int head, size_t n, bool mask)
{
	char *bytes = mem_alloc(n + 1);
	memset(bytes, 'y', n);
	ws_client_put(b, head, bytes, n, mask);
	free(bytes);
}

static void make_broken(int which, struct buf *b)
{
	switch (which) {
	case 0: ws_client_put(b, 0x81, "bare", 4, false); break;
	case 1: ws_client_put(b, 0xc1, "reserved", 8, true); break;
	case 2: ws_client_put(b, 0x83, "unknown", 7, true); break;
	case 3: ws_client_put(b, 0x80, "no beginning", 12, true); break;
	case 4:
		ws_client_put(b, 0x01, "a", 1, true);
		ws_client_put(b, 0x81, "no end", 6, true);
		break;
	case 5: ws_client_put(b, 0x09, "ping in parts", 13, true); break;
	case 6: put_many(b, 0x89, 126, true); break;
	case 7: ws_client_put(b, 0x88, "x", 1, true); break;
	case 8: ws_client_put(b, 0x88, "\x03\xed", 2, true); break; /* 1005 */
	case 9: ws_client_put(b, 0x82, "binary", 6, true); break;
	case 10: ws_client_put(b, 0x81, "\xff\xfe", 2, true); break;
	case 11:
		ws_client_put(b, 0x01, "\xe2\x82", 2, true);
		ws_client_put(b, 0x80, "", 0, true);
		break;
	case 12: ws_client_put(b, 0x88, "\x03\xe8\xc0\x80", 4, true); break;
	case 13: put_many(b, 0x81, 65537, true); break;
	default: put_many(b, 0x01, 65000, true); put_many(b, 0x80, 1000, true);
	}
}

static void a_broken_rule_closes_with_its_code(void **state)
{
	(void)state;
	static const int codes[] = {
		1002, 1002, 1002, 1002, 1002, 1002, 1002, 1002, 1002, 1003, 1007, 1007, 1007, 1009, 1009};
	for (int i = 0; i < (int)(sizeof codes / sizeof *codes); i++) {
		struct peer *p = connect_ws();
		struct buf b = {0};
		make_broken(i, &b);
		ws_client_put(&b, 0x81, "behind it", 9, true);
		peer_say_bytes(p, b.p, b.n);
		spin_until(l, p->eof && gone == i + 1);
		if (ws_client_goodbye(p) != codes[i] || gone_code != codes[i] || p->broken)
			fail_msg("case %d: wanted %d, heard %d, told %d", i, codes[i], ws_client_goodbye(p), gone_code);
		assert_false(was_heard("behind it"));
		buf_fini(&b);
		peer_free(l, p);
	}
	assert_int_equal(wspeers_count(set), 0);
}

static void goodbyes_are_answered(void **state)
{
	(void)state;
	struct peer *p = connect_ws();
	ws_client_say(p, 0x88, "\x0f\xa1 bye", 6);
	spin_until(l, p->eof && gone == 1);
	assert_int_equal(ws_client_goodbye(p), 4001);
	assert_int_equal(gone_code, 4001);
	assert_string_equal(gone_why, "closed by the peer");
	peer_free(l, p);

	p = connect_ws();
	ws_client_say(p, 0x88, "", 0);
	spin_until(l, p->eof && gone == 2);
	assert_int_equal(ws_client_goodbye(p), 1005);
	assert_int_equal(gone_code, 1005);
	peer_free(l, p);

	/* ours, from within a callback; what the peer still says is not heard */
	p = connect_ws();
	end_in_text = true;
	ws_client_say(p, 0x81, "first", 5);
	ws_client_say(p, 0x81, "second", 6);
	spin_until(l, ws_client_goodbye(p) == 4001);
	assert_int_equal(gone, 2);
	assert_false(wspeer_text(last, STR("too late")));
	ws_client_say(p, 0x88, "\x0f\xa1", 2);
	spin_until(l, p->eof && gone == 3);
	assert_int_equal(gone_code, 4001);
	assert_false(was_heard("second"));
	peer_free(l, p);
}

static void a_goodbye_that_is_not_answered_ends_anyway(void **state)
{
	(void)state;
	wspeers_close(set);
	open_set(&(struct wspeers_options){.close_ms = 50});
	struct peer *p = connect_ws();
	wspeer_close(last, 1000, "enough");
	spin_until(l, p->eof && gone == 1);
	assert_int_equal(gone_code, 1000);
	peer_free(l, p);
}

static void a_peer_is_pinged_and_one_that_is_silent_is_dropped(void **state)
{
	(void)state;
	wspeers_close(set);
	open_set(&(struct wspeers_options){.ping_ms = 20, .pong_ms = 200});
	struct peer *alive = connect_ws();
	struct wspeer *w = last;
	size_t at = 0;
	int opcode, pings = 0;
	struct str payload;
	while (pings < 3) {
		spin_once(l);
		while (ws_client_next(alive, &at, &opcode, &payload)) {
			assert_int_equal(opcode, 0x89);
			ws_client_say(alive, 0x8a, payload.p, payload.n);
			pings++;
		}
	}
	spin_until(l, wspeer_rtt_us(w) >= 0);
	assert_int_equal(gone, 0);
	struct peer *silent = connect_ws();
	spin_until(l, gone >= 1 && silent->eof);
	assert_int_equal(gone_code, 1006);
	assert_string_equal(gone_why, "no pong came");
	assert_int_equal(ws_client_goodbye(silent), 1001);
	peer_free(l, silent);
	peer_free(l, alive);
}

static void a_slow_reader_is_closed_and_the_others_hear_on(void **state)
{
	(void)state;
	wspeers_close(set);
	open_set(&(struct wspeers_options){.max_unsent = 100000});
	struct peer *slow = connect_ws();
	struct wspeer *slow_one = last;
	uv_read_stop(&slow->s.stream);
	struct peer *quick = connect_ws();
	struct wspeer *quick_one = last;
	char *text = mem_alloc(20001);
	memset(text, 't', 20000);
	struct http_frame *f = wspeer_frame((struct str){text, 20000});
	int sent = 0, opcode;
	bool slow_up = true;
	size_t at = 0;
	struct str one = {0};
	while (gone == 0) {
		if (slow_up)
			slow_up = wspeer_send(slow_one, f);
		assert_true(wspeer_send(quick_one, f));
		assert_true(wspeer_unsent(quick_one) <= 100000);
		sent++;
		spin_until(l, ws_client_next(quick, &at, &opcode, &one));
		assert_true(opcode == 0x81 && one.n == 20000);
		assert_true(sent < 5000);
	}
	assert_int_equal(gone_code, 1008);
	assert_string_equal(gone_why, "reads too slowly");
	uv_read_start(&slow->s.stream, peer_alloc, peer_on_read);
	spin_until(l, slow->eof);
	assert_int_equal(ws_client_goodbye(slow), 1008);
	assert_int_equal(wspeers_count(set), 1);
	http_frame_drop(f);
	free(text);
	peer_free(l, slow);
	peer_free(l, quick);
}

static void on_drained(void *arg)
{
	(void)arg;
	drained++;
}

static void draining_says_goodbye(void **state)
{
	(void)state;
	struct peer *p = connect_ws(), *mute = connect_ws();
	http_drain(s, on_drained, NULL);
	assert_int_equal(gone, 0);
	spin_until(l, ws_client_goodbye(p) == 1001 && ws_client_goodbye(mute) == 1001);
	ws_client_say(p, 0x88, "\x03\xe9", 2);
	spin_until(l, gone == 1 && p->eof);
	assert_int_equal(gone_code, 1001);
	assert_int_equal(drained, 0);
	peer_free(l, p);
	peer_free(l, mute);
	spin_until(l, drained == 1);
	assert_int_equal(gone, 2);
	assert_int_equal(http_connections(s), 0);
}

static void closing_the_set_calls_nobody_back(void **state)
{
	(void)state;
	struct peer *p = connect_ws(), *q = connect_ws();
	wspeers_close(set);
	spin_until(l, p->eof && q->eof);
	assert_int_equal(ws_client_goodbye(p), 1001);
	assert_int_equal(gone, 0);
	open_set(&(struct wspeers_options){0});
	peer_free(l, p);
	peer_free(l, q);
}

static void closing_the_server_tells_the_set(void **state)
{
	(void)state;
	struct peer *p = connect_ws();
	http_close(s);
	spin_until(l, gone == 1 && p->eof);
	assert_int_equal(gone_code, 1006);
	peer_free(l, p);
	s = http_open(l, &(struct http_options){0}, on_request, NULL);
}

/* 10,000 peers, the clients' side in the same process; what a peer holds beside the kernel is bounded. */
enum { MANY = 9000, BYTES_EACH = 2048 };

static void on_many_up(uv_connect_t *c, int status)
{
	assert_int_equal(status, 0);
	struct peer *p = c->handle->data;
	uv_read_start(&p->s.stream, peer_alloc, peer_on_read);
	p->up = true;
}

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

static void many_idle_peers_hold_little(void **state)
{
	(void)state;
	struct rlimit r;
	getrlimit(RLIMIT_NOFILE, &r);
	int most = r.rlim_cur > 2 * MANY + 500 ? MANY : (int)(r.rlim_cur - 500) / 2;
	struct peer **p = mem_alloc((size_t)most * sizeof(struct peer *));
	struct sockaddr_in a;
	uv_ip4_addr("127.0.0.1", http_port(s), &a);
	for (int i = 0; i < most; i++) {
		p[i] = mem_alloc(sizeof **p);
		uv_tcp_init(loop_uv(l), &p[i]->s.tcp);
		p[i]->s.handle.data = p[i];
		must(uv_tcp_connect(&p[i]->connecting, &p[i]->s.tcp, (struct sockaddr *)&a, on_many_up) == 0);
		spin_until(l, p[i]->up || i % 100);
	}
	spin_until(l, http_connections(s) == most);
	for (int i = 0; i < most; i++)
		buf_text(&p[i]->in, ""); /* its memory is there before it is measured */
	for (int i = 0; i < most; i++)
		spin_until(l, p[i]->up);
	size_t plain = in_use();
	for (int i = 0; i < most; i++)
		peer_say(p[i], WS_CLIENT_HELLO "\r\n");
	spin_until(l, accepted == most);
	for (int i = 0; i < most; i++)
		ws_client_say(p[i], 0x81, "hello", 5);
	for (int i = 0; i < most; i++)
		spin_until(l, ws_client_texts(p[i], "hello") == 1);
	long more = (long)in_use() - (long)plain;
	for (int i = 0; i < most; i++)
		peer_hang_up(p[i]);
	spin_until(l, gone == most && http_connections(s) == 0);
	long freed = (long)in_use() - (long)plain;
	printf("%d peers: a WebSocket holds %ld bytes more than a connection, a connection with it %ld\n", most,
		more / most, (more - freed) / most);
	assert_true((more - freed) / most < BYTES_EACH);
	for (int i = 0; i < most; i++)
		peer_free(l, p[i]);
	free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_handshake_is_answered),
		T(a_bad_handshake_is_refused_and_the_connection_goes_on),
		T(texts_come_and_go),
		T(fragments_come_byte_by_byte_with_a_ping_between),
		T(a_broken_rule_closes_with_its_code),
		T(goodbyes_are_answered),
		T(a_goodbye_that_is_not_answered_ends_anyway),
		T(a_peer_is_pinged_and_one_that_is_silent_is_dropped),
		T(a_slow_reader_is_closed_and_the_others_hear_on),
		T(draining_says_goodbye),
		T(closing_the_set_calls_nobody_back),
		T(closing_the_server_tells_the_set),
		T(many_idle_peers_hold_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
