#include "common/io/heads.h"
#include "common/base/backoff.h"
#include "common/base/mem.h"
#include "common/io/json_pick.h"
#include "common/io/log.h"
#include "common/io/rpc_json.h"
#include "common/io/ws.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	PING_MS = 2000,       /* an open socket that is quiet for this long is pinged */
	PONG_MS = 2000,       /* longer without an answer than this is silence (P21: within 5 s) */
	CONFIRM_MS = 10000,   /* for a node to confirm the subscription */
	STEADY_MS = 30000,    /* up for this long, or a head heard: the next loss begins a new series of tries */
	DOUBT_MOST_MS = 1000, /* for a head that the poll saw first to come over the socket as well */
	SAY_AGAIN_MS = 10000, /* losses are told no more often than this */
	RUNG = 16,            /* blocks that are remembered not to ring for each of their logs */
};
static const char heads_request[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}";

enum phase {
	PHASE_NONE,    /* no WebSocket is wanted */
	PHASE_WAITING, /* no socket; the retry timer runs */
	PHASE_OPENING, /* a socket is on its way, eth_subscribe is sent with it, nothing is confirmed */
	PHASE_UP,      /* the node confirmed newHeads */
	PHASE_ENDING,  /* ws_close was called, on_close will come */
};

struct rung {
	uint8_t hash[32];
	bool removed;
};

struct heads {
	struct loop *loop;
	struct rpc *rpc;
	struct rpc *line; /* whose socket brings heads: rpc, or one of our own; NULL: none does */
	char *ws_url, *logs, *name;
	uint64_t poll_ms, silent_ms;
	uint32_t alarm;
	struct heads_events ev;
	struct heads_state state, told; /* told: what on_state last said */
	enum phase phase;
	struct ws *ws;
	struct rung rung[RUNG];
	unsigned rungs; /* ever */
	struct timer *poll_timer, *retry_timer, *ping_timer, *doubt_timer, *confirm_timer, *ask_timer;
	struct backoff backoff;
	struct str heads_id, logs_id; /* raw JSON of the node's names for our subscriptions; the arena's */
	struct arena arena;           /* of this socket */
	uint64_t ws_head;             /* newest head of this socket, or the polled one that it began with */
	uint64_t heard_ms, up_ms;     /* last message of this socket; when it was confirmed */
	uint64_t doubt_head;          /* seen by the poll, not by the socket */
	uint64_t said_ms;             /* when a loss was last told; 0: never */
	uint64_t polled_ms;           /* when the poll on its way was sent, or will be */
	bool ws_open, ws_asked;       /* this socket: the upgrade was answered; newHeads was asked for */
	bool logs_asked, logs_due;    /* they were, and not in vain; once newHeads is confirmed they are */
	bool ws_heard;                /* a head came on this socket */
	bool ws_was_up, loss_told, provider_told;
	bool base_due; /* the next poll answer says where this socket began */
	bool lower;    /* the last poll said less than was shown before, and is repeated before it counts */
	bool polling, poll_again, closing, free_due;
};

static void ws_try(void *arg);
static void poll_start(void *arg);

static void free_now(void *arg)
{
	struct heads *h = arg;
	timer_free(&h->poll_timer);
	timer_free(&h->retry_timer);
	timer_free(&h->ping_timer);
	timer_free(&h->doubt_timer);
	timer_free(&h->confirm_timer);
	timer_free(&h->ask_timer);
	arena_fini(&h->arena);
	free(h->ws_url);
	free(h->logs);
	free(h->name);
	free(h);
}

/* In a turn of its own: heads_close may be called from inside on_head and on_state. */
static void free_if_done(struct heads *h)
{
	if (!h->closing || h->polling || h->ws || h->free_due)
		return;
	h->free_due = true;
	loop_later(h->loop, free_now, h);
}

static void tell_state(struct heads *h)
{
	if (h->closing || (h->told.ws_up == h->state.ws_up && h->told.failures == h->state.failures))
		return;
	h->told = h->state;
	h->ev.on_state(h->ev.arg, &h->state);
}

static bool hash_of(struct str raw, uint8_t out[32])
{
	return raw.n == 68 && raw.p[0] == '"' && hex_from(out, 32, (struct str){raw.p + 1, 66});
}

static bool quantity(struct str raw, uint64_t *v)
{
	return raw.n > 2 && raw.p[0] == '"' && str_hex_to_u64((struct str){raw.p + 1, raw.n - 2}, v);
}

/* What a message says of its block, as raw JSON. */
struct said {
	bool log;
	struct str number, hash, time, parent;
};

/* hash: raw JSON text of it, or empty when the number alone is known. said: NULL: nothing more. */
static void ring(struct heads *h, uint64_t number, struct str hash, const struct said *said)
{
	h->state.heard = true;
	h->state.head = number;
	h->state.has_hash = hash_of(hash, h->state.hash);
	h->state.by_log = h->state.has_time = h->state.has_parent = false;
	if (said) {
		h->state.by_log = said->log;
		h->state.has_time = quantity(said->time, &h->state.time);
		h->state.has_parent = hash_of(said->parent, h->state.parent);
	}
	h->ev.on_head(h->ev.arg, number);
}

static uint64_t book(struct heads *h)
{
	return h->ev.book ? h->ev.book(h->ev.arg) : 0;
}

/* ---- polling ---- */

static void poll_in(struct heads *h, uint64_t ms)
{
	if (!h->closing)
		timer_start(h->loop, &h->poll_timer, ms, poll_start, h);
}

static void on_doubt(void *arg)
{
	struct heads *h = arg;
	if (h->phase != PHASE_UP || h->ws_head >= h->doubt_head)
		return;
	log_odd("heads.silent", "WebSocket error: the socket is open but brings no heads, reconnect follows",
		F_STR("chain", h->name), F_URL("url", h->ws_url), F_UINT("head", h->doubt_head),
		F_UINT("heard", h->ws_head));
	h->loss_told = true;
	h->said_ms = loop_now_ms(h->loop);
	h->phase = PHASE_ENDING;
	ws_close(h->ws);
}

/* A poll answer while the socket is up: does the socket hide something? */
static void compare(struct heads *h, uint64_t number)
{
	uint64_t now = loop_now_ms(h->loop);
	if (h->base_due) {
		h->base_due = false;
		if (!h->ws_heard)
			h->ws_head = number;
	} else if (number > h->ws_head && now - h->heard_ms >= h->silent_ms) {
		h->doubt_head = number;
		timer_start(h->loop, &h->doubt_timer, h->silent_ms < DOUBT_MOST_MS ? h->silent_ms : DOUBT_MOST_MS,
			on_doubt, h);
	}
	if (number > h->state.head || !h->state.heard)
		ring(h, number, (struct str){0}, NULL);
}

static void poll_failed(struct heads *h, const char *why)
{
	h->state.failures++;
	if (h->state.failures == 1 || h->state.failures == h->alarm)
		log_odd("heads.poll",
			h->state.failures == 1
				? "Provider error: the head of the chain could not be read, it is tried again for ever"
				: "Provider error: the head of the chain still can't be read, it is tried for ever",
			F_STR("chain", h->name), F_STR("why", why), F_UINT("tries", h->state.failures));
	h->provider_told = true;
}

static void poll_worked(struct heads *h, uint64_t number)
{
	if (h->provider_told)
		log_info("heads.poll", "The provider answers again", F_STR("chain", h->name),
			F_UINT("tries", h->state.failures), F_UINT("head", number));
	h->provider_told = false;
	h->state.failures = 0;
	h->lower = h->phase != PHASE_UP && !h->lower && h->state.heard && number < h->state.head;
	if (h->phase == PHASE_UP)
		compare(h, number);
	else if (!h->lower)
		ring(h, number, (struct str){0}, NULL);
}

static void on_polled(void *arg, const struct rpc_reply *r)
{
	struct heads *h = arg;
	uint64_t number;
	h->polling = false;
	if (h->closing) {
		free_if_done(h);
		return;
	}
	if (h->poll_again) {
		h->poll_again = false;
		poll_start(h);
		return;
	}
	if (h->ev.on_refused && (!r->ok || !r->answers[0].ok))
		h->ev.on_refused(h->ev.arg, r);
	if (!r->ok)
		poll_failed(h, r->err.text);
	else if (!r->answers[0].ok)
		poll_failed(
			h, r->answers[0].message.n ? r->answers[0].message.p : "the node refused eth_blockNumber");
	else if (!quantity(r->answers[0].result, &number))
		poll_failed(h, "the answer to eth_blockNumber is no number");
	else
		poll_worked(h, number);
	tell_state(h);
	uint64_t wait = h->phase == PHASE_UP && h->state.failures == 0 ? h->silent_ms : h->poll_ms;
	wait = h->lower ? 0 : wait;
	uint64_t gap = h->ev.poll_gap ? h->ev.poll_gap(h->ev.arg) : 0;
	gap = gap > r->retry_after_ms ? gap : r->retry_after_ms;
	poll_in(h, wait > gap ? wait : gap);
}

static void poll_start(void *arg)
{
	struct heads *h = arg;
	if (h->polling || h->closing)
		return;
	uint64_t wait = book(h);
	h->polling = true;
	h->polled_ms = loop_now_ms(h->loop) + wait;
	struct rpc_request *q = rpc_request(h->rpc);
	rpc_call(q, "eth_blockNumber", "[]");
	rpc_after(q, wait);
	rpc_send(q, on_polled, h);
}

/* A poll whose answer is asked for from now on: one on its way may be too old. */
static void poll_fresh(struct heads *h)
{
	h->poll_again = h->polling;
	poll_start(h);
}

/* ---- the WebSocket ---- */

static void on_ping_due(void *arg)
{
	struct heads *h = arg;
	if (h->phase != PHASE_UP)
		return;
	if (loop_now_ms(h->loop) - h->heard_ms >= PING_MS)
		ws_ping(h->ws);
	timer_start(h->loop, &h->ping_timer, PING_MS, on_ping_due, h);
}

static void on_no_confirm(void *arg)
{
	struct heads *h = arg;
	if (h->phase != PHASE_OPENING)
		return;
	h->phase = PHASE_ENDING;
	ws_close(h->ws);
}

static void wait_for_confirm(struct heads *h)
{
	if (h->ws_open && h->ws_asked)
		timer_start(h->loop, &h->confirm_timer, CONFIRM_MS, on_no_confirm, h);
}

static void ask_logs(void *arg)
{
	struct heads *h = arg;
	if (h->phase != PHASE_OPENING && h->phase != PHASE_UP)
		return;
	h->logs_asked = true;
	struct buf b = {0};
	buf_printf(
		&b, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_subscribe\",\"params\":[\"logs\",%s]}", h->logs);
	ws_text(h->ws, (struct str){b.p, b.n});
	buf_fini(&b);
}

/* One behind the other: each is a call. */
static void ask_in_turn(struct heads *h, void (*ask)(void *))
{
	uint64_t wait = book(h);
	if (wait == 0)
		ask(h);
	else
		timer_start(h->loop, &h->ask_timer, wait, ask, h);
}

static void ask_heads(void *arg)
{
	struct heads *h = arg;
	if (h->phase != PHASE_OPENING)
		return;
	h->ws_asked = true;
	h->logs_due = false;
	ws_text(h->ws, str_of(heads_request));
	wait_for_confirm(h);
	if (h->logs && !h->logs_asked)
		ask_in_turn(h, ask_logs);
}

static void on_confirmed(struct heads *h)
{
	timer_stop(&h->confirm_timer);
	h->phase = PHASE_UP;
	h->state.ws_up = true;
	h->up_ms = h->heard_ms = loop_now_ms(h->loop);
	h->base_due = true;
	h->ws_head = h->state.head;
	if (h->loss_told)
		log_info("heads.up", "The WebSocket is back, the reconnect succeeded", F_STR("chain", h->name),
			F_URL("url", h->ws_url), F_UINT("tries", h->backoff.tries));
	else if (!h->ws_was_up)
		log_info("heads.up", "The WebSocket brings the chain's heads", F_STR("chain", h->name),
			F_URL("url", h->ws_url));
	h->loss_told = false;
	h->ws_was_up = true;
	timer_start(h->loop, &h->ping_timer, PING_MS, on_ping_due, h);
	if (h->logs_due)
		ask_in_turn(h, ask_logs);
	h->logs_due = false;
	poll_fresh(h); /* no gap between the last poll and the first head heard */
	tell_state(h);
}

/* Whether it is news that this block is there, or was taken back: a block of 20,000 logs rings once, and so
 * does one that comes back. */
static bool is_news(struct heads *h, const uint8_t hash[32], bool removed)
{
	unsigned n = h->rungs < RUNG ? h->rungs : RUNG;
	for (unsigned i = 1; i <= n; i++) {
		struct rung *x = &h->rung[(h->rungs - i) % RUNG];
		if (memcmp(x->hash, hash, 32) != 0)
			continue;
		bool news = x->removed != removed;
		x->removed = removed;
		return news;
	}
	struct rung *x = &h->rung[h->rungs++ % RUNG];
	memcpy(x->hash, hash, 32);
	x->removed = removed;
	return true;
}

static void on_log(struct heads *h, const struct said *s, struct str log, bool removed)
{
	static const uint8_t none[32];
	uint64_t v;
	uint8_t block[32];
	/* a log of a block that is not sealed yet names none */
	if (!quantity(s->number, &v) || !hash_of(s->hash, block) || memcmp(block, none, 32) == 0)
		return;
	if (!removed && h->ev.on_log)
		h->ev.on_log(h->ev.arg, v, block, log);
	if (!h->closing && is_news(h, block, removed))
		ring(h, v, removed ? (struct str){0} : s->hash, removed ? NULL : s);
}

static void on_new_head(struct heads *h, const struct said *s)
{
	uint64_t v;
	uint8_t block[32];
	if (!quantity(s->number, &v))
		return;
	h->ws_head = v;
	h->ws_heard = true;
	if (hash_of(s->hash, block))
		is_news(h, block, false);
	ring(h, v, s->hash, s);
}

/* Only too often: it is asked for once more. Else it is said, and a socket without newHeads is closed. */
static void refused(struct heads *h, bool heads, struct str error)
{
	struct rpc_answer no;
	struct rpc_reply r = {.ok = true, .calls = 1, .answers = &no};
	rpc_json_error(&no, &h->arena, error);
	if (h->ev.on_refused && h->ev.on_refused(h->ev.arg, &r)) {
		h->logs_asked = h->logs_asked && heads;
		h->logs_due = !heads && h->phase == PHASE_OPENING; /* behind newHeads, which goes first */
		if (heads)
			timer_stop(&h->confirm_timer);
		if (!h->logs_due)
			ask_in_turn(h, heads ? ask_heads : ask_logs);
		return;
	}
	log_odd("heads.refused",
		heads ? "WebSocket error: the node refused newHeads, reconnect follows"
			  : "The node refused a subscription to logs, its heads alone are heard",
		F_STR("chain", h->name), F_URL("url", h->ws_url), F_STR("why", no.message.p));
	if (!heads)
		return;
	h->loss_told = true;
	h->said_ms = loop_now_ms(h->loop);
	h->phase = PHASE_ENDING;
	ws_close(h->ws);
}

static void on_answer(struct heads *h, struct str id, struct str result, struct str error)
{
	bool heads = str_is(id, "1");
	if ((!heads && !str_is(id, "2")) || (heads && h->phase != PHASE_OPENING))
		return;
	if (result.n > 2 && result.p[0] == '"') {
		struct str kept = {arena_copy(&h->arena, result.p, result.n), result.n};
		*(heads ? &h->heads_id : &h->logs_id) = kept;
		if (heads)
			on_confirmed(h);
		return;
	}
	refused(h, heads, error);
}

static void on_text(void *arg, struct str text)
{
	enum {
		METHOD,
		SUBSCRIPTION,
		TOLD,
		NUMBER,
		HASH,
		TIME,
		PARENT,
		LOG_NUMBER,
		LOG_HASH,
		LOG_TIME,
		REMOVED,
		ID,
		RESULT,
		ERROR,
		PATHS
	};
	static const char *const paths[PATHS] = {"method", "params.subscription", "params.result",
		"params.result.number", "params.result.hash", "params.result.timestamp", "params.result.parentHash",
		"params.result.blockNumber", "params.result.blockHash", "params.result.blockTimestamp",
		"params.result.removed", "id", "result", "error"};
	struct heads *h = arg;
	struct str v[PATHS];
	if (h->closing || !json_pick(v, paths, PATHS, text))
		return;
	h->heard_ms = loop_now_ms(h->loop);
	if (!v[METHOD].n)
		on_answer(h, v[ID], v[RESULT], v[ERROR]);
	else if (h->heads_id.n && str_eq(v[SUBSCRIPTION], h->heads_id))
		on_new_head(
			h, &(struct said){.number = v[NUMBER], .hash = v[HASH], .time = v[TIME], .parent = v[PARENT]});
	else if (h->logs_id.n && str_eq(v[SUBSCRIPTION], h->logs_id))
		on_log(h,
			&(struct said){.log = true, .number = v[LOG_NUMBER], .hash = v[LOG_HASH], .time = v[LOG_TIME]},
			v[TOLD], str_is(v[REMOVED], "true"));
}

static void on_open(void *arg)
{
	struct heads *h = arg;
	h->ws_open = true;
	wait_for_confirm(h);
}

static void say_loss(struct heads *h, const struct err *e, uint64_t wait)
{
	uint64_t now = loop_now_ms(h->loop);
	bool alarm = h->backoff.tries == h->alarm;
	bool first = h->backoff.tries == 1 && (h->said_ms == 0 || now - h->said_ms >= SAY_AGAIN_MS);
	if (!alarm && !first)
		return;
	log_odd(alarm ? "heads.alarm" : "heads.lost",
		alarm ? "WebSocket error: no reconnect succeeded so far, it is tried for ever, meanwhile heads are "
				"polled"
			  : "WebSocket error: heads are polled until a reconnect succeeds",
		F_STR("chain", h->name), F_URL("url", h->ws_url), F_STR("why", e->text),
		F_UINT("tries", h->backoff.tries), F_UINT("next_ms", wait));
	h->loss_told = true;
	h->said_ms = now;
}

static void stop_socket_timers(struct heads *h)
{
	timer_stop(&h->confirm_timer);
	timer_stop(&h->doubt_timer);
	timer_stop(&h->ping_timer);
	timer_stop(&h->ask_timer);
}

static void on_close(void *arg, const struct err *e)
{
	struct heads *h = arg;
	h->ws = NULL;
	if (h->closing) {
		free_if_done(h);
		return;
	}
	bool was_up = h->state.ws_up;
	uint64_t now = loop_now_ms(h->loop);
	if (h->ws_heard || (was_up && now - h->up_ms >= STEADY_MS))
		backoff_ok(&h->backoff);
	stop_socket_timers(h);
	h->state.ws_up = false;
	h->phase = PHASE_WAITING;
	uint64_t wait = backoff_fail(&h->backoff);
	timer_start(h->loop, &h->retry_timer, wait, ws_try, h);
	say_loss(h, e, wait);
	if (was_up)
		poll_fresh(h);
	tell_state(h);
}

static void ws_try(void *arg)
{
	struct heads *h = arg;
	struct rpc_ear ear = {.on_open = on_open, .on_text = on_text, .on_close = on_close, .arg = h};
	if (h->phase == PHASE_WAITING)
		h->state.reconnects++;
	h->phase = PHASE_OPENING;
	h->ws_heard = h->ws_open = h->ws_asked = h->logs_asked = h->logs_due = false;
	h->heads_id = h->logs_id = (struct str){0};
	arena_reset(&h->arena);
	h->ws = rpc_socket(h->line, &ear);
	ask_in_turn(h, ask_heads);
}

/* ---- the outside ---- */

struct heads *heads_open(struct loop *l, const struct heads_options *o, const struct heads_events *ev)
{
	struct heads *h = mem_alloc(sizeof *h);
	h->loop = l;
	h->rpc = o->rpc;
	bool given = o->ws_url && *o->ws_url;
	if (rpc_is_websocket(o->rpc) && (!given || text_is(o->ws_url, rpc_url(o->rpc))))
		h->line = o->rpc;
	else if (given)
		h->line = rpc_open(l, o->ws_url, o->timeout_ms);
	h->ws_url = h->line ? mem_text(rpc_url(h->line)) : NULL;
	h->logs = mem_text(o->logs);
	h->name = mem_text(o->name);
	h->poll_ms = o->poll_ms ? o->poll_ms : 5000;
	h->silent_ms = o->silent_ms ? o->silent_ms : 300000;
	h->alarm = o->reconnect_alarm;
	h->ev = *ev;
	backoff_init(
		&h->backoff, o->reconnect_first_ms, o->reconnect_max_ms, clock_mono_us() ^ (uint64_t)getpid() << 32);
	poll_in(h, 0);
	if (h->line)
		ws_try(h);
	return h;
}

void heads_poll_now(struct heads *h)
{
	poll_start(h);
}

const struct heads_state *heads_state(const struct heads *h)
{
	return &h->state;
}

struct rpc *heads_line(const struct heads *h)
{
	return h->phase == PHASE_UP && h->line != h->rpc ? h->line : NULL;
}

uint64_t heads_silent_ms(const struct heads *h)
{
	uint64_t now = loop_now_ms(h->loop), poll = h->polling && now > h->polled_ms ? now - h->polled_ms : 0;
	uint64_t ws = h->phase == PHASE_UP ? ws_unanswered_ms(h->ws) : 0;
	uint64_t most = poll > ws ? poll : ws;
	return most > PONG_MS ? most : 0;
}

void heads_close(struct heads *h)
{
	if (!h || h->closing)
		return;
	h->closing = true;
	timer_stop(&h->poll_timer);
	timer_stop(&h->retry_timer);
	stop_socket_timers(h);
	if (h->ws)
		rpc_unsocket(h->line);
	h->ws = NULL;
	if (h->line != h->rpc)
		rpc_close(h->line);
	free_if_done(h);
}
