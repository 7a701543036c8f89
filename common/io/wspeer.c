#include "common/io/wspeer.h"
#include "common/base/mem.h"
#include "common/io/http_parse.h"
#include "common/io/wspeer_in.h"

#include <stdlib.h>

enum {
	MESSAGE = 64 << 10,
	UNSENT = 256 << 10,
	PING_MS = 30000,
	PONG_MS = 10000,
	CLOSE_MS = 2000,
	WHY_MOST = WS_CONTROL_MOST - 2,
};

/* ── the set and its clock ─────────────────────────────────────────────────────────────────────────────── */

struct wspeers *wspeers_open(struct loop *l, const struct wspeers_options *o)
{
	struct wspeers *s = mem_alloc(sizeof *s);
	s->loop = l;
	s->o = *o;
	s->o.max_message = o->max_message ? o->max_message : MESSAGE;
	s->o.max_unsent = o->max_unsent ? o->max_unsent : UNSENT;
	s->o.ping_ms = o->ping_ms ? o->ping_ms : PING_MS;
	s->o.pong_ms = o->pong_ms ? o->pong_ms : PONG_MS;
	s->o.close_ms = o->close_ms ? o->close_ms : CLOSE_MS;
	return s;
}

int wspeers_count(const struct wspeers *s)
{
	return s->count;
}

static void settle(struct wspeers *s)
{
	if (!s->closed || s->peers || s->laters)
		return;
	wspeer_readers_fini(&s->readers);
	timer_free(&s->timer);
	free(s);
}

static void on_timer(void *arg);

static void arm(struct wspeers *s, uint64_t at)
{
	if (s->timer_at && s->timer_at <= at)
		return;
	uint64_t now = loop_now_ms(s->loop);
	s->timer_at = at;
	timer_start(s->loop, &s->timer, at > now ? at - now : 0, on_timer, s);
}

static void wait_for(struct wspeer *p, struct http_dues *what, uint64_t ms)
{
	uint64_t at = loop_now_ms(p->set->loop) + ms;
	http_due_put(what, &p->due, at);
	arm(p->set, at);
}

static struct wspeer *first_due(struct http_dues *in, uint64_t now)
{
	return in->first && in->first->at <= now ? http_due_of(struct wspeer, due, in->first) : NULL;
}

/* The time stands in the ping, and comes back in its pong. */
static void ping(struct wspeer *p)
{
	uint64_t now = clock_mono_us();
	p->awaits_pong = true;
	wait_for(p, &p->set->pongs, p->set->o.pong_ms);
	wspeer_control(p, WSLAY_PING, (struct str){(const char *)&now, sizeof now});
}

static void on_timer(void *arg)
{
	struct wspeers *s = arg;
	uint64_t now = loop_now_ms(s->loop);
	struct wspeer *p;
	s->timer_at = 0;
	while ((p = first_due(&s->pings, now)))
		ping(p);
	while ((p = first_due(&s->pongs, now)))
		wspeer_fail(p, WSLAY_CODE_ABNORMAL_CLOSURE, "no pong came");
	while ((p = first_due(&s->goodbyes, now)))
		wspeer_fail(p, p->code, p->why);
	struct http_dues *all[] = {&s->pings, &s->pongs, &s->goodbyes};
	for (int i = 0; i < 3; i++)
		if (all[i]->first)
			arm(s, all[i]->first->at);
}

/* ── the end of a peer ─────────────────────────────────────────────────────────────────────────────────── */

static void free_peer(struct wspeer *p)
{
	struct wspeers *s = p->set;
	*(p->prev ? &p->prev->next : &s->peers) = p->next;
	if (p->next)
		p->next->prev = p->prev;
	http_due_drop(&p->due);
	wspeer_read_end(p);
	free(p);
}

static void tell_gone(struct wspeer *p)
{
	struct wspeers *s = p->set;
	if (!s->closed && s->o.on_gone)
		s->o.on_gone(s->o.arg, p, p->code, p->why);
	free_peer(p);
}

static void tell_later(void *arg)
{
	struct wspeer *p = arg;
	struct wspeers *s = p->set;
	tell_gone(p);
	s->laters--;
	settle(s);
}

/* The stream is no longer ours, or never will be. */
static void done(struct wspeer *p, int code, const char *why)
{
	p->phase = WSPEER_DONE;
	p->code = (uint16_t)code;
	p->why = why;
	p->stream = NULL;
	p->set->count--;
	http_due_drop(&p->due);
}

static void say_goodbye(struct wspeer *p, int code, struct str why)
{
	char payload[WS_CONTROL_MOST];
	size_t n = why.n < WHY_MOST ? why.n : WHY_MOST;
	/* RFC 6455 section 7.4.1: 1005 and 1006 must not stand in a frame */
	if (code == WSLAY_CODE_NO_STATUS_RCVD) {
		wspeer_control(p, WSLAY_CONNECTION_CLOSE, STR(""));
		return;
	}
	if (code == WSLAY_CODE_ABNORMAL_CLOSURE)
		code = WSLAY_CODE_GOING_AWAY;
	payload[0] = (char)(code >> 8);
	payload[1] = (char)(code & 0xff);
	if (n)
		memcpy(payload + 2, why.p, n);
	wspeer_control(p, WSLAY_CONNECTION_CLOSE, (struct str){payload, n + 2});
}

void wspeer_fail(struct wspeer *p, int code, const char *why)
{
	if (p->phase == WSPEER_DONE)
		return;
	struct http_stream *st = p->stream;
	if (p->phase == WSPEER_OPEN)
		say_goodbye(p, code, str_of(why));
	done(p, code, why);
	p->set->laters++;
	loop_later(p->set->loop, tell_later, p);
	http_stream_end(st);
}

void wspeer_close(struct wspeer *p, int code, const char *why)
{
	if (p->phase != WSPEER_OPEN)
		return;
	say_goodbye(p, code, str_of(why));
	p->phase = WSPEER_CLOSING;
	p->code = (uint16_t)code;
	p->why = "closed by the server";
	wait_for(p, &p->set->goodbyes, p->set->o.close_ms);
}

void wspeer_heard_close(struct wspeer *p, struct str payload)
{
	int code = ws_goodbye_code(payload);
	if (p->phase == WSPEER_CLOSING)
		wspeer_fail(p, p->code, p->why);
	else if (code == 0)
		wspeer_fail(p, WSLAY_CODE_PROTOCOL_ERROR, "a goodbye was malformed");
	else if (payload.n > 2 && !utf8_valid((struct str){payload.p + 2, payload.n - 2}))
		wspeer_fail(p, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "the text is not UTF-8");
	else {
		say_goodbye(p, code, STR(""));
		p->phase = WSPEER_CLOSING;
		wspeer_fail(p, code, "closed by the peer");
	}
}

static void on_stream_gone(void *arg, enum http_gone why)
{
	struct wspeer *p = arg;
	static const char *const words[] = {[HTTP_GONE_PEER] = "the line ended",
		[HTTP_GONE_SLOW] = "it read nothing for too long",
		[HTTP_GONE_CLOSED] = "the server ended"};
	if (p->phase == WSPEER_CLOSING)
		done(p, p->code, p->why);
	else
		done(p, WSLAY_CODE_ABNORMAL_CLOSURE, words[why]);
	tell_gone(p);
}

static void on_going_away(void *arg)
{
	wspeer_close(arg, WSLAY_CODE_GOING_AWAY, "the server is going away");
}

void wspeers_close(struct wspeers *s)
{
	if (!s)
		return;
	must(!s->closed);
	s->closed = true;
	for (struct wspeer *p = s->peers, *next; p; p = next) {
		next = p->next;
		wspeer_fail(p, WSLAY_CODE_GOING_AWAY, "the server is going away");
	}
	settle(s);
}

/* ── what comes ────────────────────────────────────────────────────────────────────────────────────────── */

static void on_bytes(void *arg, const uint8_t *bytes, size_t n)
{
	wspeer_read(arg, bytes, n);
}

/* Whatever comes shows that the peer is there. */
void wspeer_heard(struct wspeer *p)
{
	if (p->phase != WSPEER_OPEN || !p->awaits_pong)
		return;
	p->awaits_pong = false;
	wait_for(p, &p->set->pings, p->set->o.ping_ms);
}

void wspeer_heard_pong(struct wspeer *p, struct str payload)
{
	uint64_t sent, now = clock_mono_us();
	if (payload.n != sizeof sent)
		return; /* one that nobody asked for is allowed (section 5.5.3) */
	memcpy(&sent, payload.p, sizeof sent);
	if (sent <= now && now - sent < UINT32_MAX)
		p->rtt_us = (uint32_t)(now - sent);
}

void wspeer_heard_text(struct wspeer *p, struct str text)
{
	struct wspeers *s = p->set;
	if (s->o.on_text && !s->closed)
		s->o.on_text(s->o.arg, p, text);
}

/* ── what goes ─────────────────────────────────────────────────────────────────────────────────────────── */

static struct http_frame *wspeer_encode(uint8_t opcode, struct str payload)
{
	struct buf b = {0};
	ws_frame_put(&b, opcode, payload, false);
	struct http_frame *out = http_frame_new((struct str){b.p, b.n});
	buf_fini(&b);
	return out;
}

struct http_frame *wspeer_frame(struct str text)
{
	return wspeer_encode(WSLAY_TEXT_FRAME, text);
}

static bool send_frame(struct wspeer *p, struct http_frame *f)
{
	if (p->phase != WSPEER_OPEN)
		return false;
	if (http_stream_unsent(p->stream) + http_frame_bytes(f).n <= p->set->o.max_unsent)
		return http_stream_send(p->stream, f);
	http_stream_forget_unsent(p->stream);
	wspeer_fail(p, WSLAY_CODE_POLICY_VIOLATION, "reads too slowly");
	return false;
}

bool wspeer_send(struct wspeer *p, struct http_frame *text)
{
	return send_frame(p, text);
}

bool wspeer_text(struct wspeer *p, struct str text)
{
	struct http_frame *f = wspeer_frame(text);
	bool ok = send_frame(p, f);
	http_frame_drop(f);
	return ok;
}

void wspeer_control(struct wspeer *p, uint8_t opcode, struct str payload)
{
	struct http_frame *f = wspeer_encode(opcode, payload);
	if (opcode == WSLAY_CONNECTION_CLOSE)
		http_stream_send(p->stream, f); /* the last one has room */
	else
		send_frame(p, f);
	http_frame_drop(f);
}

size_t wspeer_unsent(const struct wspeer *p)
{
	return p->stream ? http_stream_unsent(p->stream) : 0;
}

/* ── the handshake (RFC 6455 section 4.2) ──────────────────────────────────────────────────────────────── */

bool wspeer_wanted(const struct http_request *q)
{
	return http_list_has(http_header(q, "Upgrade"), "websocket");
}

bool wspeer_offered(const struct http_request *q, int i, struct str *protocol)
{
	struct str name, value;
	for (int at = 0; http_header_at(q, at, &name, &value); at++)
		while (http_word_is(name, "Sec-WebSocket-Protocol") && http_list_next(&value, protocol))
			if (i-- == 0)
				return true;
	return false;
}

static bool asks_for_upgrade(const struct http_request *q)
{
	struct str name, value;
	for (int at = 0; http_header_at(q, at, &name, &value); at++)
		if (http_word_is(name, "Connection") && http_list_has(value, "upgrade"))
			return true;
	return false;
}

/* 16 bytes in base64 */
static bool key_ok(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];
		bool digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
					 c == '/';
		if (i < WS_KEY_N - 2 ? !digit : c != '=')
			return false;
	}
	return key.n == WS_KEY_N;
}

static void refuse(struct http_request *q, int status, struct str why)
{
	http_answer(q, status, "text/plain; charset=utf-8", why);
}

static bool check(struct http_request *q)
{
	if (!str_is(http_method(q), "GET")) {
		http_answer_header(q, "Allow", "GET");
		refuse(q, 405, STR("A WebSocket is asked for by GET\n"));
	} else if (!wspeer_wanted(q) || !asks_for_upgrade(q) || http_is_http10(q)) {
		http_answer_header(q, "Upgrade", "websocket");
		refuse(q, 426, STR("This address speaks WebSocket: ask with Upgrade and Connection\n"));
	} else if (!str_is(http_header(q, "Sec-WebSocket-Version"), "13")) {
		http_answer_header(q, "Sec-WebSocket-Version", "13");
		http_answer_header(q, "Upgrade", "websocket");
		refuse(q, 426, STR("Only version 13 of WebSocket is spoken\n"));
	} else if (!key_ok(http_header(q, "Sec-WebSocket-Key"))) {
		refuse(q, 400, STR("Sec-WebSocket-Key is not 16 bytes in base64\n"));
	} else {
		return true;
	}
	return false;
}

static void put_accept(struct http_request *q)
{
	char accept[32];
	ws_accept_of(accept, http_header(q, "Sec-WebSocket-Key").p);
	http_answer_header(q, "Sec-WebSocket-Accept", accept);
}

struct wspeer *wspeer_accept(struct wspeers *s, struct http_request *q, const char *protocol, void *data)
{
	must(!s->closed);
	if (!check(q))
		return NULL;
	put_accept(q);
	if (protocol)
		http_answer_header(q, "Sec-WebSocket-Protocol", protocol);
	struct wspeer *p = mem_alloc(sizeof *p);
	p->set = s;
	p->data = data;
	p->rtt_us = UINT32_MAX;
	p->next = s->peers;
	if (p->next)
		p->next->prev = p;
	s->peers = p;
	s->count++;
	p->stream = http_upgrade(q, "websocket",
		&(struct http_stream_options){.max_unsent = SIZE_MAX / 2,
			.on_gone = on_stream_gone,
			.on_going_away = on_going_away,
			.on_bytes = on_bytes,
			.arg = p});
	wait_for(p, &s->pings, s->o.ping_ms);
	return p;
}

void *wspeer_data(const struct wspeer *p)
{
	return p->data;
}

struct str wspeer_address(const struct wspeer *p)
{
	return p->stream ? http_stream_peer(p->stream) : STR("");
}

int64_t wspeer_rtt_us(const struct wspeer *p)
{
	return p->rtt_us == UINT32_MAX ? -1 : (int64_t)p->rtt_us;
}
