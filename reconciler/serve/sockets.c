#define _GNU_SOURCE /* memmem */
#include "reconciler/serve/sockets.h"

#include "common/io/log.h"
#include "common/io/metrics.h"
#include "common/io/wspeer.h"
#include "reconciler/serve/accept.h"
#include "reconciler/serve/asyncapi.h"
#include "reconciler/serve/path.h"
#include "reconciler/serve/tail.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	UNSENT = 2 << 20 /* above HUB_SLOW_BYTES: the hub says why before the line is cut */,
	MESSAGE = 64 << 10
};

struct peer {
	struct peer *prev, *next; /* of its way */
	struct way_of *of;
	struct hub_peer *hub; /* NULL: the hub has closed it */
	struct wspeer *ws;    /* one of them */
	struct http_stream *stream;
};
struct way_of { /* one path */
	struct sockets *s;
	const struct ws_decl *decl;
	struct wspeers *set;
	struct peer *peers;
	struct timer *beat;
};
struct sockets {
	struct member *m;
	struct hub *hub;
	struct tail *tail;
	struct way_of *ways;
	size_t nways;
	struct asyncapi *doc;
	struct metric *m_peers, *m_sent;
};

static const struct hub_kind socket_kind, stream_kind;

/* ── frames ── */

static void *encode_socket(const struct hub_text *t)
{
	return wspeer_frame(t->json);
}

static void *encode_stream(const struct hub_text *t)
{
	struct buf b = {0};
	if (t->seq) {
		buf_printf(&b, "id: %" PRId64 "\nevent: ", t->seq);
		for (size_t i = 0; i < t->topic.n; i++) /* a line break in a topic would end the field */
			buf_char(&b, (unsigned char)t->topic.p[i] < ' ' ? ' ' : t->topic.p[i]);
		buf_char(&b, '\n');
	}
	buf_text(&b, "data: ");
	buf_str(&b, t->json);
	buf_text(&b, "\n\n");
	struct http_frame *f = http_frame_new((struct str){b.p, b.n});
	buf_fini(&b);
	return f;
}

static void drop(void *encoded)
{
	http_frame_drop(encoded);
}

static void send_socket(void *arg, void *encoded)
{
	struct peer *p = arg;
	wspeer_send(p->ws, encoded);
	metric_add(p->of->s->m_sent, 1);
}

static void send_stream(void *arg, void *encoded)
{
	struct peer *p = arg;
	http_stream_send(p->stream, encoded);
	metric_add(p->of->s->m_sent, 1);
}

static size_t unsent_socket(const void *arg)
{
	return wspeer_unsent(((const struct peer *)arg)->ws);
}

static size_t unsent_stream(const void *arg)
{
	return http_stream_unsent(((const struct peer *)arg)->stream);
}

/* ── peers come and go ── */

static void count(struct sockets *s)
{
	metric_set(s->m_peers, (double)hub_peers(s->hub));
}

static struct peer *peer_new(struct way_of *w)
{
	struct peer *p = mem_alloc(sizeof *p);
	*p = (struct peer){.of = w, .next = w->peers};
	if (w->peers)
		w->peers->prev = p;
	w->peers = p;
	return p;
}

static void peer_free(struct peer *p)
{
	struct sockets *s = p->of->s;
	if (p->hub)
		hub_leave(p->hub);
	if (p->prev)
		p->prev->next = p->next;
	else
		p->of->peers = p->next;
	if (p->next)
		p->next->prev = p->prev;
	free(p);
	count(s);
}

static void close_socket(void *arg, int code, const char *reason)
{
	struct peer *p = arg;
	p->hub = NULL;
	wspeer_close(p->ws, code, reason); /* on_gone_socket comes */
}

/* EventSource comes back by itself, with the id of the last message that it had. */
static void close_stream(void *arg, int code, const char *reason)
{
	struct peer *p = arg;
	(void)reason;
	p->hub = NULL;
	if (code == 1001)
		http_stream_end(p->stream);
	else
		http_stream_cut(p->stream);
	peer_free(p);
}

static const struct hub_kind socket_kind = {
	0, encode_socket, drop, send_socket, unsent_socket, close_socket, false};
static const struct hub_kind stream_kind = {
	1, encode_stream, drop, send_stream, unsent_stream, close_stream, true};

static bool now_insert(void *arg, struct str name, struct buf *json)
{
	char text[32];
	(void)arg;
	if (!str_is(name, "now"))
		return false;
	time_text(text, clock_wall_ms());
	buf_json(json, str_of(text));
	return true;
}

static void hello(struct peer *p, const struct hub_kind *k)
{
	struct buf b = {0};
	if (!p->of->decl->hello)
		return;
	json_fill(&b, p->of->decl->hello, now_insert, NULL);
	const struct hub_text t = {0, {0}, {b.p, b.n}};
	void *e = k->encode(&t);
	k->send(p, e);
	k->drop(e);
	buf_fini(&b);
}

static void join(struct peer *p, const struct hub_kind *k)
{
	p->hub = hub_join(p->of->s->hub, p->of->decl, k, p);
	count(p->of->s);
	hello(p, k);
}

/* ── WebSocket ── */

static void on_text(void *arg, struct wspeer *ws, struct str text)
{
	struct peer *p = wspeer_data(ws);
	(void)arg;
	if (p->hub)
		hub_say(p->hub, text);
}

static void on_gone_socket(void *arg, struct wspeer *ws, int code, const char *why)
{
	struct peer *p = wspeer_data(ws);
	(void)arg;
	if (code == 1008)
		log_info("topics.slow", "A peer was closed: it reads too slowly", F_STR("reason", why));
	peer_free(p);
}

/* A browser tells where its page came from: with serve.cors those pages, and our own, may listen. */
static bool origin_may(const struct way_of *w, const struct visit *v)
{
	const struct serve_decl *s = &w->s->m->config->serve;
	struct str origin = http_header(v->q, "Origin"), host = http_host(v->q);
	if (!s->ncors || !origin.p || origin_allowed(origin, s->cors, s->ncors))
		return true;
	const char *at = memmem(origin.p, origin.n, "://", 3);
	return at && str_eq(host, (struct str){at + 3, (size_t)(origin.p + origin.n - at - 3)});
}

static void upgrade(struct way_of *w, struct visit *v)
{
	if (!origin_may(w, v)) {
		visit_refuse(v, 403, "serve.cors does not allow this page's origin");
		return;
	}
	struct peer *p = peer_new(w);
	p->ws = wspeer_accept(w->set, visit_take(v, 101), NULL, p);
	if (p->ws)
		join(p, &socket_kind);
	else
		peer_free(p);
}

/* ── server-sent events ── */

static void on_gone_stream(void *arg, enum http_gone why)
{
	struct peer *p = arg;
	if (why == HTTP_GONE_SLOW)
		log_info("topics.slow", "A stream was ended: its reader takes nothing");
	peer_free(p);
}

static void on_going_away(void *arg)
{
	struct peer *p = arg;
	http_stream_end(p->stream);
	peer_free(p);
}

/* A comment now and then: proxies cut lines that are silent, and a reader that is gone is found. */
static void on_beat(void *arg)
{
	struct way_of *w = arg;
	struct http_frame *f = http_frame_new(STR(":\n\n"));
	bool any = false;
	for (struct peer *p = w->peers; p; p = p->next)
		if (p->stream) {
			http_stream_send(p->stream, f);
			any = true;
		}
	http_frame_drop(f);
	if (any)
		timer_start(w->s->m->loop, &w->beat, w->decl->ping_ms, on_beat, w);
}

struct query { /* what a stream's URL asks for */
	struct arena *a;
	const char *topics[HUB_WORDS];
	struct message_where where[HUB_WORDS];
	struct hub_want want;
	struct err *e;
};

static bool add_topics(struct query *q, struct str list)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;
		if (q->want.ntopics == HUB_WORDS)
			return err_set(q->e, ERR_REJECTED, "%d topics at most", HUB_WORDS);
		if (n)
			q->topics[q->want.ntopics++] = arena_textn(q->a, list.p, n);
		list = (struct str){list.p + n + (comma != NULL), list.n - n - (comma != NULL)};
	}
	return true;
}

static bool add_from(struct query *q, struct str text, const char *name)
{
	uint64_t from;
	if (!str_to_u64(text, &from) || from > INT64_MAX)
		return err_set(
			q->e, ERR_REJECTED, "%s is the seq of the last message that you have, a whole number", name);
	q->want.from = (int64_t)from;
	return true;
}

static bool one_word(struct query *q, struct str name, struct str value)
{
	if (!name.p || !value.p || memchr(name.p, 0, name.n) || memchr(value.p, 0, value.n))
		return err_set(q->e, ERR_REJECTED, "the query holds a broken percent code");
	if (str_is(name, "topics"))
		return add_topics(q, value);
	if (str_is(name, "from"))
		return add_from(q, value, "from");
	if (name.n <= 6 || memcmp(name.p, "where.", 6) != 0)
		return err_set(q->e, ERR_REJECTED, "%.*s is no word here; they are topics, from and where.FIELD",
			(int)(name.n < 60 ? name.n : 60), name.p);
	if (q->want.nwhere == HUB_WORDS)
		return err_set(q->e, ERR_REJECTED, "where has %d values at most", HUB_WORDS);
	q->where[q->want.nwhere++] = (struct message_where){
		arena_textn(q->a, name.p + 6, name.n - 6), arena_textn(q->a, value.p, value.n)};
	return true;
}

static bool read_query(struct query *q, struct str text)
{
	while (text.n) {
		const char *amp = memchr(text.p, '&', text.n);
		size_t n = amp ? (size_t)(amp - text.p) : text.n;
		const char *eq = memchr(text.p, '=', n);
		size_t name = eq ? (size_t)(eq - text.p) : n;
		struct str value = eq ? path_decode(q->a, (struct str){eq + 1, n - name - 1}, true) : STR("");
		if (n && !one_word(q, path_decode(q->a, (struct str){text.p, name}, true), value))
			return false;
		text = (struct str){text.p + n + (amp != NULL), text.n - n - (amp != NULL)};
	}
	return true;
}

/* What it wants, checked before the answer begins: a mistake is a 400. */
static bool asked(struct query *q, const struct visit *v)
{
	struct str last = http_header(v->q, "Last-Event-ID");
	q->want.from = -1;
	if (!read_query(q, http_query(v->q)) || (last.n && !add_from(q, last, "Last-Event-ID")))
		return false;
	if (!q->want.ntopics)
		q->topics[q->want.ntopics++] = "*";
	q->want.topics = q->topics;
	q->want.where = q->where;
	return true;
}

static void open_stream(struct way_of *w, struct visit *v, const struct hub_want *want)
{
	struct peer *p = peer_new(w);
	struct err e = {0};
	const struct http_stream_options o = {
		.max_unsent = UNSENT, .on_gone = on_gone_stream, .on_going_away = on_going_away, .arg = p};
	visit_header(v, "Cache-Control", "no-store");
	visit_header(v, "X-Accel-Buffering", "no"); /* nginx would gather it */
	p->stream = http_answer_stream(visit_take(v, 200), 200, "text/event-stream; charset=utf-8", &o);
	http_stream_write(p->stream, STR(":\n\n"));
	if (!timer_is_on(w->beat))
		timer_start(w->s->m->loop, &w->beat, w->decl->ping_ms, on_beat, w);
	join(p, &stream_kind);
	must(hub_subscribe(p->hub, want, &e));
}

static void stream(struct way_of *w, struct visit *v)
{
	struct err e = {0};
	struct arena mem = {0}; /* not the request's: that ends where the stream begins */
	struct query *q = arena_alloc(&mem, sizeof *q);
	*q = (struct query){.a = &mem, .e = &e};
	if (asked(q, v) && hub_may(w->decl, &q->want, &e))
		open_stream(w, v, &q->want);
	else
		visit_refuse(v, 400, "%s", e.text);
	arena_fini(&mem);
}

static void on_visit(void *arg, struct visit *v)
{
	struct way_of *w = arg;
	struct str accept = http_header(v->q, "Accept");
	if (wspeer_wanted(v->q)) {
		upgrade(w, v);
	} else if (accept_weight(accept, "text/event-stream") > 0) {
		stream(w, v);
	} else {
		visit_header(v, "Upgrade", "websocket");
		visit_refuse(v, 426, "Here is a WebSocket, or with Accept: text/event-stream a stream of events");
	}
}

/* ── its life ── */

static void on_read(void *arg, const struct hub_read *r)
{
	struct sockets *s = arg;
	if (s->tail) /* else it is ending */
		tail_read(s->tail, r);
}

static void on_topics(void *arg, const struct pg_reply *r)
{
	struct sockets *s = arg;
	asyncapi_make(s->doc, r);
}

static void on_doc(void *arg, struct visit *v)
{
	struct sockets *s = arg;
	visit_answer(v, 200, "application/json; charset=utf-8", asyncapi_text(s->doc));
}

static void open_way(struct sockets *s, struct door *d, const struct ws_decl *decl)
{
	struct way_of *w = &s->ways[s->nways++];
	const struct wspeers_options o = {.max_message = MESSAGE,
		.max_unsent = UNSENT,
		.ping_ms = decl->ping_ms,
		.pong_ms = decl->pong_ms,
		.on_text = on_text,
		.on_gone = on_gone_socket,
		.arg = w};
	*w = (struct way_of){.s = s, .decl = decl, .set = wspeers_open(s->m->loop, &o)};
	door_add(d, "GET", decl->path, on_visit, w);
}

struct sockets *sockets_open(struct member *m, struct door *d)
{
	const struct serve_decl *serve = &m->config->serve;
	if (!serve->nws)
		return NULL;
	struct sockets *s = mem_alloc(sizeof *s);
	s->m = m;
	s->hub = hub_new(&(struct hub_options){.config = m->config, .read = on_read, .arg = s});
	s->doc = asyncapi_new(m->config);
	s->m_peers = metric(METRIC_GAUGE, "fairlead_topic_peers", "WebSocket and event-stream peers", NULL);
	s->m_sent = metric(METRIC_COUNTER, "fairlead_topic_frames_total", "Frames given to them", NULL);
	s->ways = mem_alloc(serve->nws * sizeof *s->ways);
	for (size_t i = 0; i < serve->nws; i++)
		open_way(s, d, &serve->ws[i]);
	door_add(d, "GET", "/asyncapi.json", on_doc, s);
	return s;
}

void sockets_start(struct sockets *s)
{
	if (!s || s->tail)
		return;
	const struct tail_options o = {.loop = s->m->loop,
		.bus = s->m->bus,
		.config = s->m->config,
		.conninfo = s->m->conninfo,
		.on_topics = on_topics,
		.arg = s};
	s->tail = tail_open(&o, s->hub);
}

void sockets_drain(struct sockets *s)
{
	if (!s)
		return;
	tail_close(s->tail);
	s->tail = NULL;
}

/* The sets say goodbye and call nobody back. */
void sockets_close(struct sockets *s)
{
	if (!s)
		return;
	sockets_drain(s);
	hub_close_all(s->hub, "the server is ending; connect again");
	for (size_t i = 0; i < s->nways; i++) {
		wspeers_close(s->ways[i].set);
		while (s->ways[i].peers)
			peer_free(s->ways[i].peers);
		timer_free(&s->ways[i].beat);
	}
	hub_free(s->hub);
	asyncapi_free(s->doc);
	free(s->ways);
	free(s);
}
