/* JSON-RPC over one WebSocket, answered by hand. */
#include "common/io/rpc.h"
#include "common/io/ws.h"
#include "ws_peer.h"

#include <stdio.h>

static struct loop *l;
static struct rpc *r;
static struct peer_server node;
static uint64_t ids[64]; /* asked, in their order */
static int asked, dropped;
static bool refuse;

struct got {
	struct rpc_request *q;
	int done, events;
	bool ok, answer_ok, pause_once, cancel;
	char text[400]; /* the result, or what was told */
	struct err err;
};

static void on_done(void *arg, const struct rpc_reply *reply)
{
	struct got *g = arg;
	g->done++;
	g->q = NULL;
	g->ok = reply->ok;
	g->err = reply->err;
	if (!reply->ok)
		return;
	g->answer_ok = reply->answers[0].ok;
	struct str s = reply->answers[0].result;
	if (s.n)
		snprintf(g->text, sizeof g->text, "%.*s", (int)s.n, s.p);
}

static bool tell(void *ctx, struct str s)
{
	struct got *g = ctx;
	size_t n = strlen(g->text);
	g->events++;
	snprintf(g->text + n, sizeof g->text - n, " %.*s", (int)(s.n < 20 ? s.n : 20), s.p);
	if (g->pause_once) {
		g->pause_once = false;
		rpc_pause(g->q, true);
	}
	if (g->cancel) {
		rpc_cancel(g->q);
		g->q = NULL;
	}
	return true;
}
static bool mark(void *ctx)
{
	return tell(ctx, STR("-"));
}
static bool on_bool(void *ctx, bool v)
{
	return tell(ctx, v ? STR("t") : STR("f"));
}
static const struct sax sax = {mark, on_bool, tell, tell, mark, tell, mark, mark, mark};

static void on_bytes(struct peer *p)
{
	static char text[65536];
	size_t n;
	if (ws_peer_asks(p)) {
		if (refuse) {
			peer_hang_up(p);
			return;
		}
		ws_peer_upgrade(p);
	}
	for (int op; (op = ws_peer_take(p, text, &n)) >= 0;)
		if (op == 1)
			ids[asked++] = strtoull(strstr(text, "\"id\":") + 5, NULL, 10);
		else
			dropped += op == 8;
}

static void open_at(uint64_t timeout_ms)
{
	char url[80];
	snprintf(url, sizeof url, "ws://127.0.0.1:%d/", node.port);
	r = rpc_open(l, url, timeout_ms);
}

static int setup(void **state)
{
	(void)state;
	l = loop_new();
	peer_server_open(&node, l, 0, on_bytes);
	asked = dropped = 0;
	refuse = false;
	open_at(20000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rpc_close(r);
	for (int i = 0; i < 3; i++)
		spin_once(l);
	peer_server_close(&node);
	loop_free(l);
	return 0;
}

static void ask(struct got *g, bool streamed)
{
	int before = asked;
	*g = (struct got){.pause_once = g->pause_once, .cancel = g->cancel};
	g->q = rpc_request(r);
	rpc_call(g->q, "eth_x", "[]");
	if (streamed)
		rpc_stream(g->q, 0, &sax, g);
	rpc_send(g->q, on_done, g);
	spin_until(l, asked > before || g->done);
}

static void frame(int first_byte, const char *format, uint64_t id)
{
	struct buf b = {0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	buf_printf(&b, format, (unsigned long long)id);
#pragma GCC diagnostic pop
	ws_peer_say(node.peers, first_byte, b.p, b.n);
	buf_fini(&b);
}

static void answers_come_in_any_order_on_one_socket(void **state)
{
	(void)state;
	static struct got g[20];
	for (int i = 0; i < 20; i++)
		ask(&g[i], i % 2);
	for (int i = 19; i >= 0; i--)
		frame(0x81, i % 3 ? "{\"id\":%llu,\"result\":[12]}" : "{\"result\":[12],\"id\":%llu}", ids[i]);
	for (int i = 0; i < 20; i++) {
		spin_until(l, g[i].done == 1);
		assert_true(g[i].ok && g[i].answer_ok);
		assert_string_equal(g[i].text, i % 2 ? " - 12 -" : "[12]");
	}
	assert_int_equal(node.accepted, 1);
	assert_true(rpc_is_websocket(r));
}

static void a_message_comes_in_fragments(void **state)
{
	(void)state;
	struct got g = {0}, other = {0};
	ask(&other, false);
	ask(&g, true);
	frame(0x01, "{\"jsonrpc\":\"2.0\",\"i", 0);
	frame(0x00, "d\":%llu,\"resu", ids[1]);
	frame(0x00, "lt\":[1,", 0);
	spin_until(l, g.events == 2); /* told before the message is whole */
	frame(0x00, "\"two\",", 0);
	frame(0x80, "3]}", 0);
	spin_until(l, g.done == 1);
	assert_true(g.ok);
	assert_string_equal(g.text, " - 1 two 3 -");
	frame(0x81, "{\"id\":%llu,\"result\":\"x\"}", ids[0]);
	spin_until(l, other.done == 1);
	assert_string_equal(other.text, "\"x\"");
}

/* Other answers stand behind a paused one: they are not held up. */
static void a_paused_answer_lets_the_others_pass(void **state)
{
	(void)state;
	struct got g = {.pause_once = true}, other = {0};
	ask(&g, true);
	ask(&other, false);
	frame(0x01, "{\"id\":%llu,\"result\":[1,", ids[0]);
	frame(0x80, "2,3]}", 0);
	frame(0x81, "{\"id\":%llu,\"result\":1}", ids[1]);
	spin_until(l, other.done == 1);
	assert_true(other.ok);
	assert_int_equal(g.done, 0);
	assert_string_equal(g.text, " - 1");
	rpc_pause(g.q, false);
	assert_string_equal(g.text, " - 1");
	spin_until(l, g.done == 1);
	assert_true(g.ok);
	assert_string_equal(g.text, " - 1 2 3 -");
}

static void a_cancelled_answer_is_read_over(void **state)
{
	(void)state;
	struct got g = {.cancel = true}, second = {0}, other = {0};
	ask(&g, true);
	ask(&second, true);
	ask(&other, false);
	frame(0x01, "{\"id\":%llu,\"result\":[1,", ids[0]);
	spin_until(l, g.q == NULL);
	frame(0x80, "2,3]}", 0);
	frame(0x01, "{\"id\":%llu,\"result\":[1,", ids[1]);
	spin_until(l, second.events == 2);
	rpc_cancel(second.q);
	frame(0x80, "2,3]}", 0);
	frame(0x81, "{\"id\":%llu,\"result\":1}", ids[2]);
	spin_until(l, other.done == 1);
	assert_true(other.ok);
	assert_int_equal(g.events, 1);
	assert_int_equal(second.events, 2);
	assert_int_equal(g.done + second.done, 0);
}

static void a_long_answer_with_its_id_behind(void **state)
{
	(void)state;
	for (int alone = 0; alone < 2; alone++) {
		struct got g = {0}, other = {0};
		if (!alone)
			ask(&other, false);
		ask(&g, true);
		uint64_t id = ids[asked - 1];
		struct buf b = {0};
		buf_text(&b, "{\"result\":[\"");
		for (int i = 0; i < 1 << 20; i++)
			buf_char(&b, 'a');
		ws_peer_say(node.peers, 0x01, b.p, b.n);
		buf_fini(&b);
		frame(0x00, "\",7,", 0);
		if (alone)
			spin_until(l, g.events == 3); /* it can be nobody else's */
		frame(0x80, "8],\"id\":%llu}", id);
		spin_until(l, g.done == 1);
		assert_true(g.ok);
		assert_string_equal(g.text, " - aaaaaaaaaaaaaaaaaaaa 7 8 -");
		if (!alone) {
			frame(0x81, "{\"id\":%llu,\"result\":1}", ids[0]);
			spin_until(l, other.done == 1);
		}
	}
}

static void what_is_no_answer_is_malformed(void **state)
{
	(void)state;
	struct got g = {0};
	ask(&g, false);
	frame(0x81, "{\"id\":%llu}", ids[0]);
	spin_until(l, g.done == 1);
	assert_int_equal(g.err.class, ERR_MALFORMED);
	ask(&g, false);
	frame(0x81, "{\"id\":99,\"result\":1}", 0); /* nobody's */
	frame(0x81, "no json", 0);
	frame(0x81, "{\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse\"}}", 0);
	spin_until(l, g.done == 1);
	assert_true(g.ok && !g.answer_ok);
}

static void a_lost_socket_is_transient_and_made_again(void **state)
{
	(void)state;
	struct got g[3] = {{0}};
	for (int i = 0; i < 3; i++)
		ask(&g[i], i == 1);
	frame(0x01, "{\"id\":%llu,\"result\":[1,", ids[1]);
	spin_until(l, g[1].events == 2);
	peer_hang_up(node.peers);
	for (int i = 0; i < 3; i++) {
		spin_until(l, g[i].done == 1);
		assert_int_equal(g[i].err.class, ERR_TRANSIENT);
		assert_true(text_starts(g[i].err.text, "127.0.0.1:"));
	}
	ask(&g[0], false);
	frame(0x81, "{\"id\":%llu,\"result\":1}", ids[asked - 1]);
	spin_until(l, g[0].done == 1);
	assert_true(g[0].ok);
	assert_int_equal(node.accepted, 2);
	peer_hang_up(node.peers);
	refuse = true;
	for (int i = 0; i < 3; i++) {
		ask(&g[0], false);
		spin_until(l, g[0].done == 1);
		assert_int_equal(g[0].err.class, ERR_TRANSIENT);
	}
}

static void a_silent_socket_is_cut(void **state)
{
	(void)state;
	struct got g = {0}, second = {0};
	rpc_close(r);
	open_at(600);
	ask(&g, false);
	spin_until(l, g.done == 1);
	assert_non_null(strstr(g.err.text, "did not answer within 600 ms"));
	spin_until(l, dropped == 1);
	ask(&g, true);
	assert_int_equal(node.accepted, 2);
	ask(&second, false);
	frame(0x01, "{\"id\":%llu,\"result\":[1", ids[1]);
	spin_until(l, g.events > 0);
	while (!second.done) { /* bytes of an answer keep the others' hope up, but not for ever */
		frame(0x00, ",2", 0);
		spin_once(l);
	}
	assert_string_equal(strchr(second.err.text, ' '), " did not answer within 2400 ms");
	assert_int_equal(g.done, 0);
	spin_until(l, g.done == 1);
	assert_non_null(strstr(g.err.text, "stopped half-way"));
}

static int opened, texts, closed;
static char ear_text[100];
static void on_open(void *arg)
{
	(void)arg;
	opened++;
}
static void on_text(void *arg, struct str s)
{
	(void)arg;
	texts++;
	snprintf(ear_text, sizeof ear_text, "%.*s", (int)s.n, s.p);
}
static void on_close(void *arg, const struct err *e)
{
	(void)arg, (void)e;
	closed++;
}

static void an_ear_hears_what_answers_nobody(void **state)
{
	(void)state;
	struct got g = {0};
	opened = texts = closed = 0;
	struct rpc_ear ear = {.on_open = on_open, .on_text = on_text, .on_close = on_close};
	ask(&g, false);
	struct ws *w = rpc_socket(r, &ear); /* it is open already */
	assert_int_equal(opened, 0);
	spin_until(l, opened == 1);
	ws_text(w, STR("{\"id\":1,\"method\":\"eth_subscribe\"}"));
	spin_until(l, asked == 2 && ids[1] == 1);
	frame(0x81, "{\"id\":1,\"result\":\"0xa\"}", 0);
	spin_until(l, texts == 1);
	assert_string_equal(ear_text, "{\"id\":1,\"result\":\"0xa\"}");
	frame(0x01, "{\"method\":\"eth_subscription\",", 0);
	frame(0x80, "\"params\":{\"id\":%llu}}", ids[0]);
	spin_until(l, texts == 2);
	assert_string_equal(ear_text + strlen(ear_text) - 2, "}}");
	assert_int_equal(g.done, 0);
	frame(0x81, "{\"id\":%llu,\"result\":1}", ids[0]);
	spin_until(l, g.done == 1);
	assert_true(g.ok);
	ask(&g, false);
	ws_close(w); /* cuts it for all */
	spin_until(l, closed == 1 && g.done == 1);
	assert_int_equal(g.err.class, ERR_TRANSIENT);
	w = rpc_socket(r, &ear);
	spin_until(l, opened == 2);
	assert_int_equal(node.accepted, 2);
	rpc_unsocket(r);
	peer_hang_up(node.peers);
	for (int i = 0; i < 3; i++)
		spin_once(l);
	assert_int_equal(closed, 1);
}

static void closing_answers_what_is_on_its_way(void **state)
{
	(void)state;
	struct got g = {0};
	ask(&g, true);
	frame(0x01, "{\"id\":%llu,\"result\":[1,", ids[0]);
	spin_until(l, g.events == 2);
	rpc_close(r);
	assert_int_equal(g.done, 0);
	spin_until(l, g.done == 1);
	assert_int_equal(g.err.class, ERR_TRANSIENT);
	spin_until(l, dropped == 1);
	open_at(1000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(answers_come_in_any_order_on_one_socket),
		T(a_message_comes_in_fragments),
		T(a_paused_answer_lets_the_others_pass),
		T(a_cancelled_answer_is_read_over),
		T(a_long_answer_with_its_id_behind),
		T(what_is_no_answer_is_malformed),
		T(a_lost_socket_is_transient_and_made_again),
		T(a_silent_socket_is_cut),
		T(an_ear_hears_what_answers_nobody),
		T(closing_answers_what_is_on_its_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
