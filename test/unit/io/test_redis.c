#include "test/unit/io/redis_side.h"

#include "common/base/mem.h"
#include "common/io/redis.h"
#include "common/io/redis_url.h"

struct world {
	struct loop *loop;
	struct redis *redis;
	int ups, downs;
	struct err down;
};

struct got {
	int calls, type;
	long long integer;
	char text[64];
	size_t len;
	struct err err;
	int *order, rank;
};

static void on_up(void *arg)
{
	((struct world *)arg)->ups++;
}

static void on_down(void *arg, const struct err *e)
{
	struct world *w = arg;
	w->downs++;
	w->down = *e;
}

static void open_to(struct world *w, const char *url)
{
	struct redis_events ev = {on_up, on_down, w};
	if (!w->loop)
		w->loop = loop_new();
	w->redis = redis_open(w->loop, url, &ev);
}

static void close_it(struct world *w)
{
	if (w->redis)
		redis_close(w->redis);
	if (w->loop)
		loop_free(w->loop);
}

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	*state = w;
	if (!side.socket)
		return 0;
	open_to(w, side.link);
	spin_until(w->loop, w->ups == 1);
	return 0;
}

static int tear_down(void **state)
{
	close_it(*state);
	free(*state);
	return 0;
}

static void on_done(void *arg, const struct redisReply *r, const struct err *e)
{
	struct got *g = arg;
	g->calls++;
	g->type = r ? r->type : 0;
	if (e)
		g->err = *e;
	if (g->order)
		g->rank = (*g->order)++;
	if (!r)
		return;
	g->integer = r->integer;
	g->len = r->str ? r->len : 0;
	if (r->str)
		snprintf(g->text, sizeof g->text, "%s", r->str);
}

static void send_words(struct world *w, struct got *g, uint64_t deadline_ms, int argc, const struct str *argv)
{
	redis_command(w->redis, deadline_ms, on_done, g, argc, argv);
}
#define send(w, g, deadline_ms, ...)                                                             \
	send_words(w, g, deadline_ms, (int)(sizeof(struct str[]){__VA_ARGS__} / sizeof(struct str)), \
		(struct str[]){__VA_ARGS__})

static void test_answers(void **state)
{
	need_redis();
	struct world *w = *state;
	struct got set = {0}, get = {0}, error = {0}, number = {0};
	send(w, &set, 0, STR("SET"), STR("ut:a"), ((struct str){"x\0\r\ny", 5}));
	send(w, &get, 0, STR("GET"), STR("ut:a"));
	send(w, &error, 0, STR("LPUSH"), STR("ut:a"), STR("1"));
	send(w, &number, 0, STR("STRLEN"), STR("ut:a"));
	assert_int_equal(set.calls, 0);
	spin_until(w->loop, number.calls == 1);
	assert_string_equal(set.text, "OK");
	assert_int_equal(get.len, 5);
	assert_int_equal(error.type, REDIS_REPLY_ERROR);
	assert_non_null(strstr(error.text, "WRONGTYPE"));
	assert_int_equal(number.integer, 5);
	side_do("DEL ut:a");
}

static void test_order(void **state)
{
	need_redis();
	struct world *w = *state;
	enum { MANY = 20000 };
	static struct got g[MANY];
	int order = 0;
	memset(g, 0, sizeof g);
	side_do("DEL ut:n");
	for (int i = 0; i < MANY; i++) {
		g[i].order = &order;
		send(w, &g[i], 0, STR("INCR"), STR("ut:n"));
	}
	spin_until(w->loop, order == MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(g[i].rank, i);
		assert_int_equal(g[i].integer, i + 1);
	}
	side_do("DEL ut:n");
}

/* More bytes than the socket takes at once, both ways. */
static void test_large(void **state)
{
	need_redis();
	struct world *w = *state;
	enum { SIZE = 20000000 };
	char *bytes = mem_alloc(SIZE);
	struct got set = {0}, get = {0};
	memset(bytes, 'x', SIZE);
	send(w, &set, 0, STR("SET"), STR("ut:large"), ((struct str){bytes, SIZE}));
	send(w, &get, 0, STR("GET"), STR("ut:large"));
	spin_until(w->loop, get.calls == 1);
	assert_int_equal(get.len, SIZE);
	free(bytes);
	side_do("DEL ut:large");
}

static void test_killed(void **state)
{
	need_redis();
	struct world *w = *state;
	struct got open = {0}, down = {0}, after = {0};
	send(w, &open, 0, STR("BLPOP"), STR("ut:never"), STR("0"));
	struct got id = {0};
	spin_until(w->loop, side_do("CLIENT LIST") && w->ups == 1);
	spin_once(w->loop);
	side_do("CLIENT KILL TYPE normal SKIPME yes");
	spin_until(w->loop, w->downs == 1);
	assert_int_equal(open.calls, 1);
	assert_int_equal(open.type, 0);
	assert_int_equal(open.err.class, ERR_TRANSIENT);
	send(w, &down, 0, STR("PING"));
	assert_int_equal(down.calls, 0);
	spin_until(w->loop, down.calls == 1);
	assert_int_equal(down.type, 0);
	spin_until(w->loop, w->ups == 2);
	send(w, &after, 0, STR("PING"));
	spin_until(w->loop, after.calls == 1);
	assert_string_equal(after.text, "PONG");
	assert_int_equal(id.calls, 0);
}

static void test_deadline(void **state)
{
	need_redis();
	struct world *w = *state;
	struct got slow = {0}, behind = {0};
	send(w, &slow, 60, STR("BLPOP"), STR("ut:never"), STR("0"));
	send(w, &behind, 0, STR("PING"));
	spin_until(w->loop, behind.calls == 1);
	assert_int_equal(slow.calls, 1);
	assert_int_equal(slow.type, 0);
	assert_non_null(strstr(slow.err.text, "no answer in time"));
	assert_int_equal(behind.type, 0);
	spin_until(w->loop, w->ups == 2);
}

/* A whole server that stands still for a while: commands end at their deadline, then it is there again. */
static void test_frozen(void **state)
{
	need_redis();
	struct world *w = *state;
	struct got ping = {0}, after = {0};
	redisAppendCommand(side.c, "DEBUG SLEEP 0.4");
	int done = 0;
	while (!done)
		redisBufferWrite(side.c, &done);
	struct got first = {0};
	send(w, &first, 0,
		STR("PING")); /* in the queue of the sleeping server, or before it: either is answered */
	send(w, &ping, 100, STR("PING"));
	spin_until(w->loop, ping.calls == 1 && first.calls == 1);
	void *r;
	redisGetReply(side.c, &r);
	freeReplyObject(r);
	spin_until(w->loop, redis_is_up(w->redis));
	send(w, &after, 0, STR("PING"));
	spin_until(w->loop, after.calls == 1);
	assert_string_equal(after.text, "PONG");
}

static void test_away(void **state)
{
	need_redis();
	struct world *w = *state;
	side_away();
	spin_until(w->loop, w->downs >= 3);
	assert_false(redis_is_up(w->redis));
	side_back();
	spin_until(w->loop, w->ups == 2);
}

static void close_there(void *arg, const struct redisReply *r, const struct err *e)
{
	struct world *w = arg;
	(void)r;
	(void)e;
	redis_close(w->redis);
	w->redis = NULL;
}

static void test_close(void **state)
{
	need_redis();
	struct world *w = *state;
	struct got behind = {0}, open = {0};
	redis_command(w->redis, 0, close_there, w, 1, (struct str[]){STR("PING")});
	send(w, &behind, 0, STR("PING"));
	send(w, &open, 0, STR("BLPOP"), STR("ut:never"), STR("0"));
	spin_until(w->loop, open.calls == 1);
	assert_int_equal(behind.calls, 1);
	assert_int_equal(open.type, 0);
	assert_null(w->redis);
}

static void test_database(void **state)
{
	need_redis();
	struct world w = {0};
	struct got g = {0};
	char url[128];
	(void)state;
	snprintf(url, sizeof url, "unix:%s?db=3", side.link);
	open_to(&w, url);
	spin_until(w.loop, w.ups == 1);
	send(&w, &g, 0, STR("SET"), STR("ut:three"), STR("3"));
	spin_until(w.loop, g.calls == 1);
	side_do("SELECT 3");
	assert_int_equal(side_do("DEL ut:three"), 1);
	side_do("SELECT 0");
	close_it(&w);
}

/* ---- a peer of our own, on a free port of 127.0.0.1 ---- */

struct peer {
	uv_tcp_t listener;
	const char *says;
	size_t size;
	int port;
};

static void on_gone(uv_handle_t *h)
{
	free(h);
}

static void on_accept(uv_stream_t *listener, int status)
{
	struct peer *p = listener->data;
	uv_tcp_t *t = mem_alloc(sizeof *t);
	assert_int_equal(status, 0);
	uv_tcp_init(listener->loop, t);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)t), 0);
	uv_buf_t b = uv_buf_init((char *)(uintptr_t)p->says, (unsigned)p->size);
	uv_try_write((uv_stream_t *)t, &b, 1);
	uv_close((uv_handle_t *)t, on_gone);
}

static void peer_open(struct peer *p, struct loop *l)
{
	struct sockaddr_in a;
	int len = sizeof a;
	uv_ip4_addr("127.0.0.1", 0, &a);
	uv_tcp_init(loop_uv(l), &p->listener);
	p->listener.data = p;
	assert_int_equal(uv_tcp_bind(&p->listener, (const struct sockaddr *)&a, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&p->listener, 8, on_accept), 0);
	uv_tcp_getsockname(&p->listener, (struct sockaddr *)&a, &len);
	p->port = ntohs(a.sin_port);
}

static void meet(const char *says, size_t size, enum err_class class, const char *words)
{
	struct world w = {.loop = loop_new()};
	struct peer p = {.says = says, .size = size};
	char url[64];
	peer_open(&p, w.loop);
	snprintf(url, sizeof url, "redis://:hunter2@127.0.0.1:%d/1", p.port);
	open_to(&w, url);
	spin_until(w.loop, w.downs == 2);
	assert_int_equal(w.down.class, class);
	if (!strstr(w.down.text, words))
		fail_msg("\"%s\" does not say \"%s\"", w.down.text, words);
	assert_null(strstr(w.down.text, "hunter2"));
	redis_close(w.redis);
	uv_close((uv_handle_t *)&p.listener, NULL);
	loop_free(w.loop);
}
#define MEET(says, class, words) meet(says, sizeof(says) - 1, class, words)

/* The answers to AUTH, SELECT and PING, as something else than a Redis gives them. */
static void test_not_redis(void **state)
{
	(void)state;
	MEET("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", ERR_MALFORMED, "HTTP");
	MEET("\x15\x03\x01\x00\x02\x02\x46", ERR_MALFORMED, "TLS");
	MEET("SSH-2.0-OpenSSH\r\n", ERR_MALFORMED, "protocol of Redis");
	MEET("+OK\r\n+OK\r\n+HELLO\r\n", ERR_MALFORMED, "PONG");
	MEET("+OK\r\n+OK\r\n*1\r\n:4\r\n", ERR_MALFORMED, "PONG");
	MEET("+OK\r\n+OK\r\n+PONG\r\n+PONG\r\n", ERR_MALFORMED, "protocol"); /* an answer to nothing */
	MEET("+OK\r\n+OK\r\n+PO", ERR_TRANSIENT, "closed the connection");
	MEET("", ERR_TRANSIENT, "closed the connection");
	MEET("-WRONGPASS invalid username-password pair\r\n", ERR_REJECTED, "WRONGPASS");
	MEET("-LOADING Redis is loading the dataset in memory\r\n", ERR_TRANSIENT, "LOADING");
	MEET("-ERR max number of clients reached\r\n", ERR_TRANSIENT, "max number");
	MEET("-NOAUTH Authentication required.\r\n", ERR_REJECTED, "NOAUTH");
}

static void test_refused(void **state)
{
	struct world w = {0};
	(void)state;
	open_to(&w, "redis://127.0.0.1:1");
	spin_until(w.loop, w.downs == 2);
	assert_non_null(strstr(w.down.text, "refused"));
	close_it(&w);
}

static void test_name(void **state)
{
	struct world w = {0};
	(void)state;
	open_to(&w, "redis://localhost:1");
	spin_until(w.loop, w.downs == 1);
	close_it(&w);
	w = (struct world){0};
	open_to(&w, "redis://localhost:1");
	spin_once(w.loop); /* closed while the name is looked up */
	close_it(&w);
}

static void expect_url(const char *url, const char *shape)
{
	struct redis_url u = {0};
	struct err e = {0};
	struct buf b = {0};
	if (redis_url_parse(&u, url, &e))
		buf_printf(&b, "%s|%s|%d|%d|%s|%s", u.path ? u.path : "", u.host ? u.host : "", u.port, (int)u.db,
			u.user ? u.user : "", u.password ? u.password : "");
	else
		buf_text(&b, "refused");
	assert_string_equal(b.p, shape);
	assert_null(strstr(e.text, "hunter2"));
	buf_fini(&b);
	redis_url_fini(&u);
}

static void test_urls(void **state)
{
	(void)state;
	expect_url("redis://127.0.0.1:6379", "|127.0.0.1|6379|0||");
	expect_url("redis://db-1", "|db-1|6379|0||");
	expect_url("redis://db-1:7000/12", "|db-1|7000|12||");
	expect_url("redis://:p%40ss@db-1/2", "|db-1|6379|2||p@ss");
	expect_url("redis://me:a:b@[::1]:7000", "|::1|7000|0|me|a:b");
	expect_url("redis://db-1?db=4", "|db-1|6379|4||");
	expect_url("/run/redis.sock", "/run/redis.sock||0|0||");
	expect_url("unix:/run/redis.sock?db=2", "/run/redis.sock||0|2||");
	expect_url("unix:///run/redis.sock", "/run/redis.sock||0|0||");
	expect_url("redis://:hunter2@db-1:port", "refused");
	expect_url("redis://:hunter2@db-1:70000", "refused");
	expect_url("redis://db-1/hunter2", "refused");
	expect_url("redis://db-1/1?pass=hunter2", "refused");
	expect_url("rediss://:hunter2@db-1", "refused");
	expect_url("hunter2", "refused");
	expect_url("unix:", "refused");
}

static void test_environment(void **state)
{
	(void)state;
	unsetenv("REDIS_URL");
	char *u = redis_url_from_env();
	assert_string_equal(u, "redis://127.0.0.1:6379");
	free(u);
	setenv("REDIS_URL", "unix:/run/r.sock", 1);
	u = redis_url_from_env();
	assert_string_equal(u, "unix:/run/r.sock");
	free(u);
	struct err e = {0};
	assert_true(redis_env_ok(&e));
	setenv("REDIS_URL", "http://:hunter2@h", 1);
	assert_false(redis_env_ok(&e));
	assert_int_equal(strncmp(e.text, "REDIS_URL: ", 11), 0);
	assert_null(strstr(e.text, "hunter2"));
	unsetenv("REDIS_URL");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_answers),
		T(test_order),
		T(test_large),
		T(test_killed),
		T(test_deadline),
		T(test_frozen),
		T(test_away),
		T(test_close),
		cmocka_unit_test(test_database),
		cmocka_unit_test(test_not_redis),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_environment),
	};
	return cmocka_run_group_tests(tests, side_open, side_close);
}
