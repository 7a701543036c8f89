#include "common/io/redis.h"
#include "common/base/backoff.h"
#include "common/base/mem.h"
#include "common/io/redis_url.h"

#include <hiredis.h>
#include <stdlib.h>
#include <uv.h>

/* hiredis brings the reply parser; the bytes travel over libuv's own streams, because its asynchronous
 * connection looks up names blocking, knows no deadlines, and says nothing when a connect is refused. */

enum {
	CONNECT_MS = 5000,
	COMMAND_MS = 5000,
	RETRY_FIRST_MS = 100,
	RETRY_MAX_MS = 5000,
	READ_BYTES = 65536,
	KEEPALIVE_S = 15,
};

enum phase {
	WAITING,    /* no connection; the timer starts the next try */
	CONNECTING, /* a name is looked up or the socket connects; the timer bounds this and the next phase */
	GREETING,   /* AUTH, SELECT and PING are under way */
	UP,
	CLOSED, /* redis_close was called; the next turn answers what is open, then frees */
};

struct command {
	redis_done_fn fn;
	void *arg;
	uint64_t deadline_ms;
};
/* A ring: commands leave in order and are answered in order. */
struct commands {
	struct command *v;
	size_t head, n, cap;
};

/* One connection. It is freed in its close callback and outlives every callback on the stack; a dropped one
 * has no c. */
struct link {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	};
	struct redis *c;
	uv_connect_t connect;
	uv_write_t write;
	struct buf writing; /* bytes that libuv holds */
	redisReader *reader;
	bool read_any; /* a reply was understood */
};

/* A name that is looked up by libuv's thread; it can't be taken back, only forgotten. */
struct lookup {
	uv_getaddrinfo_t req;
	struct redis *c;
};

struct redis {
	struct loop *loop;
	struct redis_events ev;
	char *url_text;
	struct redis_url url;
	enum phase phase;
	struct link *link;
	struct lookup *lookup;
	struct commands sent, refused;
	struct buf out; /* of this turn of the loop */
	struct timer *connect_timer, *deadline_timer;
	uint64_t deadline_at;
	struct backoff backoff;
	int greetings; /* answers of the greeting still to come */
	bool turn_due;
	bool grace; /* the deadline has passed once; the socket is read before the connection is cut */
};

static void on_turn(void *arg);

static void turn(struct redis *c)
{
	if (c->turn_due)
		return;
	c->turn_due = true;
	loop_later(c->loop, on_turn, c);
}

static void commands_put(struct commands *q, struct command k)
{
	if (q->n == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 16;
		struct command *v = mem_grow(NULL, cap, sizeof *v);
		for (size_t i = 0; i < q->n; i++)
			v[i] = q->v[(q->head + i) % q->cap];
		free(q->v);
		*q = (struct commands){v, 0, q->n, cap};
	}
	q->v[(q->head + q->n++) % q->cap] = k;
}

static struct command commands_take(struct commands *q)
{
	struct command k = q->v[q->head];
	q->head = (q->head + 1) % q->cap;
	q->n--;
	return k;
}

static void refuse_all(struct commands *q, const struct err *e)
{
	while (q->n) {
		struct command k = commands_take(q);
		if (k.fn)
			k.fn(k.arg, NULL, e);
	}
	free(q->v);
	*q = (struct commands){0};
}

/* ---- the end of a connection ---- */

static void connect_now(void *arg);

static void on_link_closed(uv_handle_t *h)
{
	struct link *k = h->data;
	buf_fini(&k->writing);
	free(k);
}

static void drop_link(struct redis *c)
{
	if (c->lookup) {
		c->lookup->c = NULL;
		uv_cancel((uv_req_t *)&c->lookup->req);
		c->lookup = NULL;
	}
	if (!c->link)
		return;
	c->link->c = NULL;
	redisReaderFree(c->link->reader);
	c->link->reader = NULL;
	uv_close(&c->link->handle, on_link_closed);
	c->link = NULL;
}

/* Every command is answered exactly once, after the state is whole again: callbacks may send, or close. */
static void lost(struct redis *c, const struct err *e)
{
	struct err why = *e;
	struct commands open = c->sent, refused = c->refused;
	c->sent = c->refused = (struct commands){0};
	drop_link(c);
	buf_clear(&c->out);
	timer_stop(&c->deadline_timer);
	c->grace = false;
	if (c->phase != CLOSED) {
		c->phase = WAITING;
		timer_start(c->loop, &c->connect_timer, backoff_fail(&c->backoff), connect_now, c);
		if (c->ev.on_down)
			c->ev.on_down(c->ev.arg, &why);
	}
	refuse_all(&open, &why);
	refuse_all(&refused, &why);
}

static void lost_as(struct redis *c, const char *what, int uv_code)
{
	struct err e;
	if (uv_code)
		err_put(&e, ERR_TRANSIENT, "%s: %s", what, uv_strerror(uv_code));
	else
		err_put(&e, ERR_TRANSIENT, "%s", what);
	lost(c, &e);
}

/* ---- commands ---- */

static void on_deadline(void *arg);

static void watch_deadline(struct redis *c, uint64_t at)
{
	if (timer_is_on(c->deadline_timer) && c->deadline_at <= at)
		return;
	uint64_t now = loop_now_ms(c->loop);
	c->deadline_at = at;
	timer_start(c->loop, &c->deadline_timer, at > now ? at - now : 0, on_deadline, c);
}

static void send_command(struct redis *c, struct command k, int argc, const struct str *argv)
{
	commands_put(&c->sent, k);
	buf_printf(&c->out, "*%d\r\n", argc);
	for (int i = 0; i < argc; i++) {
		buf_printf(&c->out, "$%zu\r\n", argv[i].n);
		buf_str(&c->out, argv[i]);
		buf_text(&c->out, "\r\n");
	}
	watch_deadline(c, k.deadline_ms);
	turn(c);
}

void redis_command(
	struct redis *c, uint64_t deadline_ms, redis_done_fn fn, void *arg, int argc, const struct str *argv)
{
	must(argc > 0);
	struct command k = {fn, arg, loop_now_ms(c->loop) + (deadline_ms ? deadline_ms : COMMAND_MS)};
	if (c->phase == UP) {
		send_command(c, k, argc, argv);
		return;
	}
	commands_put(&c->refused, k);
	turn(c);
}

static void on_written(uv_write_t *w, int status)
{
	struct link *k = w->data;
	buf_clear(&k->writing);
	if (!k->c)
		return;
	if (status < 0)
		lost_as(k->c, "Redis can't be written to", status);
	else if (k->c->out.n)
		turn(k->c);
}

/* All commands of a turn leave in one write. */
static void flush(struct redis *c)
{
	struct link *k = c->link;
	if (c->out.n == 0 || k->writing.n)
		return;
	struct buf taken = c->out;
	c->out = k->writing;
	k->writing = taken;
	uv_buf_t b = uv_buf_init(k->writing.p, (unsigned)k->writing.n);
	int done = uv_try_write(&k->stream, &b, 1);
	if (done == (int)b.len) {
		buf_clear(&k->writing);
		return;
	}
	if (done < 0 && done != UV_EAGAIN) {
		lost_as(c, "Redis can't be written to", done);
		return;
	}
	size_t gone = done > 0 ? (size_t)done : 0;
	b = uv_buf_init(k->writing.p + gone, (unsigned)(k->writing.n - gone));
	k->write.data = k;
	int code = uv_write(&k->write, &k->stream, &b, 1, on_written);
	if (code < 0)
		lost_as(c, "Redis can't be written to", code);
}

/* ---- answers ---- */

/* What it is instead is told from its first bytes: a TLS record of type alert or handshake, or the words of
 * HTTP. */
static void not_redis(struct redis *c, const char *first, size_t n)
{
	struct err e;
	const char *what = "it does not speak the protocol of Redis";
	if (n >= 5 && memcmp(first, "HTTP/", 5) == 0)
		what = "it speaks HTTP, so it is not a Redis";
	else if (n >= 2 && (first[0] == 0x15 || first[0] == 0x16) && first[1] == 0x03)
		what = "it speaks TLS, which is not in this version";
	err_put(&e, ERR_MALFORMED, "%s", c->link->read_any ? "an answer broke the protocol of Redis" : what);
	lost(c, &e);
}

static void take_replies(struct redis *c, struct link *k, const char *bytes, size_t n)
{
	if (redisReaderFeed(k->reader, bytes, n) != REDIS_OK) {
		not_redis(c, bytes, n);
		return;
	}
	for (;;) {
		void *p = NULL;
		int code = redisReaderGetReply(k->reader, &p);
		redisReply *reply = p;
		if (code != REDIS_OK || (reply && c->sent.n == 0)) {
			if (reply)
				freeReplyObject(reply);
			not_redis(c, bytes, n);
			return;
		}
		if (!reply)
			return;
		k->read_any = true;
		struct command done = commands_take(&c->sent);
		if (done.fn)
			done.fn(done.arg, reply, NULL);
		freeReplyObject(reply);
		if (c->link != k) /* closed or cut in there */
			return;
	}
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	static char room[READ_BYTES]; /* one read is done with before the next begins */
	(void)h;
	(void)hint;
	*b = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct link *k = s->data;
	if (!k->c || n == 0)
		return;
	if (n == UV_EOF)
		lost_as(k->c, "Redis closed the connection", 0);
	else if (n < 0)
		lost_as(k->c, "the connection to Redis broke", (int)n);
	else
		take_replies(k->c, k, b->base, (size_t)n);
}

static void on_no_answer(void *arg)
{
	struct redis *c = arg;
	lost_as(c,
		c->phase == GREETING ? "it takes connections but does not answer PING" : "no connection in time", 0);
}

/* Answers come in order, so one command can't be given up alone: the connection is cut. A process that was
 * stopped for a while has its answers in the socket: one turn of the loop reads them before anything is cut.
 */
static void on_deadline(void *arg)
{
	struct redis *c = arg;
	uint64_t least = UINT64_MAX, now = loop_now_ms(c->loop);
	for (size_t i = 0; i < c->sent.n; i++) {
		uint64_t d = c->sent.v[(c->sent.head + i) % c->sent.cap].deadline_ms;
		least = d < least ? d : least;
	}
	if (least == UINT64_MAX)
		return;
	bool again = c->grace;
	c->grace = least <= now;
	if (least > now)
		watch_deadline(c, least);
	else if (!again)
		watch_deadline(c, now + 1);
	else
		lost_as(c, "no answer in time, the connection was cut", 0);
}

/* ---- connecting ---- */

static bool passing(const char *error)
{
	static const char *const words[] = {
		"LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "ERR max number of clients"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (text_starts(error, words[i]))
			return true;
	return false;
}

static void on_greeting(void *arg, const struct redisReply *r, const struct err *e)
{
	struct redis *c = arg;
	struct err why;
	(void)e;
	if (!r)
		return;
	c->greetings--;
	if (r->type == REDIS_REPLY_ERROR) {
		err_put(&why, passing(r->str) ? ERR_TRANSIENT : ERR_REJECTED, "Redis refused: %.300s", r->str);
		lost(c, &why);
		return;
	}
	if (c->greetings > 0)
		return;
	if (r->type != REDIS_REPLY_STATUS || !text_is(r->str, "PONG")) {
		err_put(&why, ERR_MALFORMED, "it answers PING with something else than PONG, so it is not a Redis");
		lost(c, &why);
		return;
	}
	timer_stop(&c->connect_timer);
	backoff_ok(&c->backoff);
	c->phase = UP;
	if (c->ev.on_up)
		c->ev.on_up(c->ev.arg);
}

static void greet(struct redis *c, int argc, const struct str *argv)
{
	struct command k = {on_greeting, c, loop_now_ms(c->loop) + COMMAND_MS};
	c->greetings++;
	send_command(c, k, argc, argv);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct link *k = req->data;
	struct redis *c = k->c;
	char db[24];
	if (!c)
		return;
	if (status == 0)
		status = uv_read_start(&k->stream, on_alloc, on_read);
	if (status < 0) {
		lost_as(c, "Redis can't be reached", status);
		return;
	}
	c->phase = GREETING;
	c->greetings = 0;
	if (c->url.password && c->url.user)
		greet(c, 3, (struct str[]){STR("AUTH"), str_of(c->url.user), str_of(c->url.password)});
	else if (c->url.password)
		greet(c, 2, (struct str[]){STR("AUTH"), str_of(c->url.password)});
	snprintf(db, sizeof db, "%lld", (long long)c->url.db);
	if (c->url.db)
		greet(c, 2, (struct str[]){STR("SELECT"), str_of(db)});
	greet(c, 1, (struct str[]){STR("PING")});
}

static struct link *new_link(struct redis *c)
{
	struct link *k = mem_alloc(sizeof *k);
	k->c = c;
	k->reader = redisReaderCreate();
	must(k->reader);
	k->connect.data = k;
	c->link = k;
	if (c->url.path)
		uv_pipe_init(loop_uv(c->loop), &k->pipe, 0);
	else
		uv_tcp_init(loop_uv(c->loop), &k->tcp);
	k->handle.data = k;
	return k;
}

static void connect_tcp(struct redis *c, const struct sockaddr *to)
{
	struct link *k = new_link(c);
	uv_tcp_nodelay(&k->tcp, 1);
	uv_tcp_keepalive(&k->tcp, 1, KEEPALIVE_S);
	int code = uv_tcp_connect(&k->connect, &k->tcp, to, on_connected);
	if (code < 0)
		lost_as(c, "Redis can't be reached", code);
}

static void on_looked_up(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct lookup *q = req->data;
	struct redis *c = q->c;
	if (c) {
		c->lookup = NULL;
		if (status == 0)
			connect_tcp(c, found->ai_addr);
		else
			lost_as(c, "the name of the Redis host can't be resolved", status);
	}
	uv_freeaddrinfo(found);
	free(q);
}

static void look_up(struct redis *c)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct lookup *q = mem_alloc(sizeof *q);
	char port[16];
	snprintf(port, sizeof port, "%d", c->url.port);
	q->c = c;
	q->req.data = q;
	int code = uv_getaddrinfo(loop_uv(c->loop), &q->req, on_looked_up, c->url.host, port, &hints);
	if (code == 0) {
		c->lookup = q;
		return;
	}
	free(q);
	lost_as(c, "the name of the Redis host can't be resolved", code);
}

static void connect_now(void *arg)
{
	struct redis *c = arg;
	struct err e;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	redis_url_fini(&c->url);
	if (!redis_url_parse(&c->url, c->url_text, &e)) {
		lost(c, &e);
		return;
	}
	c->phase = CONNECTING;
	timer_start(c->loop, &c->connect_timer, CONNECT_MS, on_no_answer, c);
	if (c->url.path) {
		struct link *k = new_link(c);
		uv_pipe_connect(&k->connect, &k->pipe, c->url.path, on_connected);
	} else if (uv_ip4_addr(c->url.host, c->url.port, &four) == 0) {
		connect_tcp(c, (const struct sockaddr *)&four);
	} else if (uv_ip6_addr(c->url.host, c->url.port, &six) == 0) {
		connect_tcp(c, (const struct sockaddr *)&six);
	} else {
		look_up(c);
	}
}

/* ---- life ---- */

struct redis *redis_open(struct loop *l, const char *url, const struct redis_events *ev)
{
	struct redis *c = mem_alloc(sizeof *c);
	c->loop = l;
	c->ev = *ev;
	c->url_text = mem_text(url);
	backoff_init(&c->backoff, RETRY_FIRST_MS, RETRY_MAX_MS, clock_mono_us() ^ (uint64_t)uv_os_getpid());
	timer_start(l, &c->connect_timer, 0, connect_now, c);
	return c;
}

bool redis_is_up(const struct redis *c)
{
	return c->phase == UP;
}

void redis_close(struct redis *c)
{
	c->phase = CLOSED;
	timer_free(&c->connect_timer);
	timer_free(&c->deadline_timer);
	drop_link(c);
	turn(c);
}

static void redis_free(struct redis *c)
{
	buf_fini(&c->out);
	redis_url_fini(&c->url);
	free(c->url_text);
	free(c->sent.v);
	free(c->refused.v);
	free(c);
}

static void on_turn(void *arg)
{
	struct redis *c = arg;
	struct err e;
	c->turn_due = false;
	if (c->phase == CLOSED) {
		err_put(&e, ERR_TRANSIENT, "the connection was closed");
		lost(c, &e);
		if (!c->turn_due)
			redis_free(c);
		return;
	}
	if (c->refused.n) {
		struct commands refused = c->refused;
		c->refused = (struct commands){0};
		err_put(&e, ERR_TRANSIENT, "there is no connection to Redis");
		refuse_all(&refused, &e);
	}
	if (c->link)
		flush(c);
}

char *redis_url_from_env(void)
{
	const char *url = getenv("REDIS_URL");
	return mem_text(url && *url ? url : "redis://127.0.0.1:6379");
}

bool redis_env_ok(struct err *e)
{
	char *url = redis_url_from_env();
	struct redis_url parsed = {0};
	struct err why = {0};
	bool ok = redis_url_parse(&parsed, url, &why);
	redis_url_fini(&parsed);
	free(url);
	return ok || err_set(e, ERR_REJECTED, "REDIS_URL: %s", why.text);
}
