/* Endpoints that answer as they are told to: which of them is asked, rests, returns, is left out. */
#include "listener/learner.c"
#include "listener/provider.c"
#include "listener/provider_elect.c"
#include "listener/provider_ident.c"
#include "listener/provider_pick.c"
#include "listener/provider_show.c"
#include "listener/refusal.c"
#include "listener/refusal_text.c"
#include "test/unit/io/peer.h"

#include "common/io/log.h"

enum { NODES = 3 };
enum mood { MOOD_WELL, MOOD_SILENT, MOOD_500, MOOD_CUT, MOOD_HTML_429 };

static struct node {
	struct peer_server server;
	enum mood mood;
	int chain_id;
	char genesis; /* the digit of its hash */
	int head, asked;
	bool no_genesis;
} node[NODES];

static struct fixture {
	struct loop *loop;
	struct providers *ps;
	struct endpoint_decl decl[NODES];
	struct chain_decl chain;
	char url[NODES][64];
	int heads, states, identified;
	struct provider_identity id;
	struct provider *last;
} f;

static struct node *node_of(const struct peer *p)
{
	for (int i = 0; i < NODES; i++)
		if (p->server == &node[i].server)
			return &node[i];
	return NULL;
}

static void answer(struct peer *p, const char *status, const char *body)
{
	struct buf b = {0};
	buf_printf(&b, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
		strlen(body), body);
	peer_say(p, b.p);
	buf_fini(&b);
}

/* One whole request at a time: the client waits for its answer on a connection. */
static void on_request(struct peer *p)
{
	struct node *n = node_of(p);
	const char *head = strstr(p->in.p, "\r\n\r\n"), *length = strstr(p->in.p, "Content-Length: ");
	char body[256], hash[65];
	if (!head || !length || p->in.n < (size_t)(head + 4 - p->in.p) + (size_t)atol(length + 16))
		return;
	int id = atoi(strstr(head, "\"id\":") + 5);
	n->asked++;
	memset(hash, n->genesis, 64);
	hash[64] = 0;
	if (strstr(head, "eth_chainId"))
		snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":\"0x%x\"}", id, n->chain_id);
	else if (strstr(head, "eth_blockNumber"))
		snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":\"0x%x\"}", id, n->head);
	else if (n->no_genesis)
		snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":null}", id);
	else
		snprintf(body, sizeof body,
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"number\":\"0x0\",\"hash\":\"0x%s\"}}", id, hash);
	buf_clear(&p->in);
	switch (n->mood) {
	case MOOD_WELL: answer(p, "200 OK", body); break;
	case MOOD_SILENT: break;
	case MOOD_500: answer(p, "500 Internal Server Error", "oh"); break;
	case MOOD_CUT: peer_hang_up(p); break;
	case MOOD_HTML_429: answer(p, "429 Too Many Requests", "<html>slow down</html>"); break;
	}
}

static void on_head_heard(void *arg, struct provider *p)
{
	(void)arg;
	f.heads++;
	f.last = p;
}

static void on_state_changed(void *arg)
{
	(void)arg;
	f.states++;
}

static void on_who(void *arg, struct provider *p, const struct provider_identity *id)
{
	(void)arg;
	f.identified++;
	f.id = *id;
	f.last = p;
}

/* n nodes that are well, nothing asked yet. */
static void open_nodes(size_t n)
{
	log_init("test", "bug");
	f = (struct fixture){.loop = loop_new()};
	for (size_t i = 0; i < n; i++) {
		node[i] = (struct node){.chain_id = 5, .genesis = 'a', .head = 100};
		peer_server_open(&node[i].server, f.loop, 0, on_request);
		snprintf(f.url[i], sizeof f.url[i], "http://127.0.0.1:%d/v3/secretkey%zu", node[i].server.port, i);
		f.decl[i] = (struct endpoint_decl){.url = f.url[i], .roles = ENDPOINT_READ | ENDPOINT_WRITE};
	}
	f.chain = (struct chain_decl){.name = "main",
		.rpc = f.decl,
		.nrpc = n,
		.poll_ms = 20,
		.timeout_ms = 300,
		.silent_ms = 60000,
		.range = 1000,
		.retry = {.first_ms = 20, .max_ms = 50},
		.reconnect = {.first_ms = 20, .max_ms = 50}};
}

static void begin(const struct provider_identity *stored)
{
	static const struct provider_identity none;
	struct provider_events ev = {
		.on_head = on_head_heard, .on_state = on_state_changed, .on_identified = on_who};
	f.ps = providers_open(f.loop, &f.chain, &ev);
	providers_begin(f.ps, stored ? stored : &none, NULL);
}

static void nothing(void *arg)
{
	*(bool *)arg = true;
}

static void end(size_t n)
{
	bool passed = false;
	struct timer *t = NULL;
	providers_close(f.ps);
	timer_start(f.loop, &t, 5, nothing, &passed);
	spin_until(f.loop, passed);
	timer_free(&t);
	for (size_t i = 0; i < n; i++)
		peer_server_close(&node[i].server);
	loop_free(f.loop);
}

static struct provider *at(size_t i)
{
	return providers_at(f.ps, i);
}

static bool is(size_t i, enum provider_state s)
{
	return provider_state(at(i)) == s;
}

static const struct provider_need ANY = {.shown = -1, .lowest = -1};

/* The owner's request went wrong, as often as it takes. */
static void fails(struct provider *p, enum refusal class)
{
	struct refused r = {.class = class, .oldest = -1};
	struct learner_asked asked = {.from = -1, .to = -1, .calls = 1};
	struct err e = {.class = ERR_TRANSIENT, .text = "it cut the line"};
	assert_int_equal(provider_may_send(p, 1, true), 0);
	provider_failed(p, &r, &asked, &e);
}

static void who_answers_says_which_chain_it_is(void **state)
{
	(void)state;
	open_nodes(2);
	begin(NULL);
	assert_null(providers_pick(f.ps, &ANY));
	assert_non_null(strstr(providers_why(f.ps), "has not said yet"));
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL) && f.heads > 1 && f.states > 0);
	assert_int_equal(f.identified, 1);
	assert_int_equal(u256_cmp(f.id.network, u256_of(5)), 0);
	assert_true(f.id.has_genesis);
	assert_int_equal(f.id.genesis[0], 0xaa);
	assert_string_equal(providers_why(f.ps), "");
	assert_int_equal(providers_head(f.ps), 100);
	assert_non_null(providers_pick(f.ps, &ANY));
	assert_null(strstr(provider_name(at(0)), "secret"));
	end(2);
}

/* Nothing is stored, and the first to be asked is the one that errs. */
static void most_endpoints_say_which_chain_it_is(void **state)
{
	(void)state;
	for (int genesis = 0; genesis < 2; genesis++) {
		open_nodes(3);
		node[0].chain_id = genesis ? 5 : 6;
		node[0].genesis = genesis ? 'b' : 'a';
		begin(NULL);
		spin_until(f.loop, is(1, PROVIDER_WELL) && is(2, PROVIDER_WELL) && is(0, PROVIDER_EXCLUDED));
		assert_int_equal(u256_cmp(f.id.network, u256_of(5)), 0);
		assert_int_equal(f.id.genesis[0], 0xaa);
		end(3);
	}
}

static void without_a_majority_none_is_believed(void **state)
{
	(void)state;
	open_nodes(2);
	node[1].chain_id = 6;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_EXCLUDED) && is(1, PROVIDER_EXCLUDED));
	int asked = node[0].asked;
	spin_until(f.loop, node[0].asked > asked + 4); /* again and again: one word alone does not decide */
	assert_int_equal(f.identified, 0);
	assert_non_null(strstr(providers_why(f.ps), "says chain 5 with block 0 0xaaaaaaaa"));
	assert_non_null(strstr(providers_why(f.ps), "says chain 6 with block 0 0xaaaaaaaa"));
	assert_null(strstr(providers_why(f.ps), "secret"));
	node[1].chain_id = 5;
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL));
	assert_int_equal(f.identified, 1);
	assert_int_equal(u256_cmp(f.id.network, u256_of(5)), 0);
	end(2);
}

static void who_is_silent_is_not_waited_for_long(void **state)
{
	(void)state;
	open_nodes(3);
	f.chain.timeout_ms = 600000;
	node[1].mood = node[2].mood = MOOD_SILENT;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL));
	assert_int_equal(f.identified, 1);
	end(3);
}

static void another_chain_is_left_out_and_said(void **state)
{
	(void)state;
	open_nodes(3);
	node[1].chain_id = 6;
	node[2].genesis = 'b';
	struct provider_identity id = {.has_network = true, .network = u256_of(5), .has_genesis = true};
	memset(id.genesis, 0xaa, 32);
	begin(&id);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_EXCLUDED) && is(2, PROVIDER_EXCLUDED));
	assert_int_equal(f.identified, 0); /* nothing new */
	for (int i = 0; i < 10; i++)
		assert_ptr_equal(providers_pick(f.ps, &ANY), at(0));
	assert_non_null(strstr(at(1)->excluded_for, "chain 6"));
	assert_non_null(strstr(at(2)->excluded_for, "0xbbbbbbbb"));
	end(3);
}

static void the_files_own_id_counts(void **state)
{
	(void)state;
	open_nodes(1);
	f.chain.has_id = true;
	f.chain.id = 7;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_EXCLUDED));
	assert_int_equal(f.identified, 0);
	assert_non_null(strstr(providers_why(f.ps), "the file says chain main is 7"));
	end(1);
}

static void a_node_without_block_0_is_known_by_its_id(void **state)
{
	(void)state;
	open_nodes(1);
	node[0].no_genesis = true;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL));
	assert_int_equal(f.identified, 1);
	assert_false(f.id.has_genesis);
	end(1);
}

static void it_rests_after_failures_and_returns_after_a_probe(void **state)
{
	(void)state;
	open_nodes(2);
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL));
	node[0].mood = MOOD_CUT;
	fails(at(0), REFUSAL_OTHER);
	assert_true(is(0, PROVIDER_WELL));
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(1)); /* in one round: the other is asked first */
	fails(at(0), REFUSAL_OTHER);
	assert_true(is(0, PROVIDER_RESTING));
	int asked = node[0].asked;
	spin_until(f.loop, node[0].asked > asked + 3); /* probes and polls */
	assert_true(is(0, PROVIDER_RESTING));
	node[0].mood = MOOD_WELL;
	spin_until(f.loop, is(0, PROVIDER_WELL));
	end(2);
}

static void a_refusal_is_no_failure(void **state)
{
	(void)state;
	open_nodes(1);
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL));
	for (int i = 0; i < 5; i++) {
		fails(at(0), REFUSAL_HEAD);
		fails(at(0), REFUSAL_METHOD);
		fails(at(0), REFUSAL_PRUNED);
	}
	struct refused slow = {.class = REFUSAL_TIMEOUT, .oldest = -1};
	for (int i = 1; i < PROVIDER_ROW_SLOW; i++) { /* a range may be too much for it */
		struct learner_asked asked = {.from = 1, .to = 1000 >> i, .calls = 1};
		assert_int_equal(provider_may_send(at(0), 1, true), 0);
		assert_int_equal(provider_failed(at(0), &slow, &asked, NULL), LEARNER_SMALLER);
	}
	fails(at(0), REFUSAL_RATE);
	assert_true(is(0, PROVIDER_WELL));
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(0));
	assert_true(provider_may_send(at(0), 1, true) > 0); /* but it is left alone for a while */
	provider_take(at(0), 1);                            /* unless there is no choice */
	provider_dropped(at(0));
	end(1);
}

static void one_that_hangs_stalls_nobody(void **state)
{
	(void)state;
	open_nodes(2);
	node[0].mood = MOOD_SILENT;
	begin(NULL);
	spin_until(f.loop, is(1, PROVIDER_WELL) && f.heads > 0);
	assert_false(is(0, PROVIDER_WELL));
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(1));
	assert_in_range(provider_patience_ms(at(1)), 1, 150);
	spin_until(f.loop, is(0, PROVIDER_RESTING));
	node[0].mood = MOOD_WELL;
	spin_until(f.loop, is(0, PROVIDER_WELL));
	end(2);
}

static void passes(uint64_t ms)
{
	bool passed = false;
	struct timer *t = NULL;
	timer_start(f.loop, &t, ms, nothing, &passed);
	spin_until(f.loop, passed);
	timer_free(&t);
}

/* One that was quick and does not answer any more is not the first choice again and again. */
static void one_that_owes_an_answer_is_asked_last(void **state)
{
	(void)state;
	open_nodes(2);
	f.chain.timeout_ms = 100;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL));
	at(0)->latency_us = 1;
	at(1)->latency_us = 900000;
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(0));
	assert_int_equal(provider_may_send(at(0), 1, true), 0);
	passes(provider_patience_ms(at(0)) + 5);
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(1));
	provider_dropped(at(0));
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(1));
	assert_int_equal(provider_may_send(at(0), 1, true), 0);
	provider_answered(at(0), 10, 100); /* it is back */
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(0));
	end(2);
}

static void all_down_then_up(void **state)
{
	(void)state;
	open_nodes(2);
	node[0].mood = MOOD_500;
	node[1].mood = MOOD_HTML_429;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_RESTING) && is(1, PROVIDER_RESTING));
	assert_null(providers_pick(f.ps, &ANY));
	const char *why = providers_why(f.ps);
	assert_non_null(strstr(why, "Provider error"));
	assert_non_null(strstr(why, "500"));
	assert_non_null(strstr(why, "429"));
	assert_null(strstr(why, "secret"));
	int states = f.states;
	node[0].mood = node[1].mood = MOOD_WELL;
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL) && f.states > states);
	assert_string_equal(providers_why(f.ps), "");
	end(2);
}

static void what_is_needed_decides(void **state)
{
	(void)state;
	open_nodes(3);
	f.decl[2].roles = ENDPOINT_ARCHIVE;
	node[0].head = 97;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL) && is(2, PROVIDER_WELL) &&
						   provider_heads(at(0))->heard && provider_heads(at(1))->heard &&
						   provider_heads(at(2))->heard);
	assert_int_equal(provider_lag(at(0)), 3);
	struct provider_need n = {.shown = 98, .lowest = -1};
	for (int i = 0; i < 6; i++)
		assert_ptr_not_equal(providers_pick(f.ps, &n), at(0));
	n = (struct provider_need){.shown = -1, .lowest = -1, .role = ENDPOINT_ARCHIVE};
	assert_ptr_equal(providers_pick(f.ps, &n), at(2));
	n = (struct provider_need){.shown = -1, .lowest = -1, .other_host = at(0)};
	assert_null(providers_pick(f.ps, &n)); /* all of them are on 127.0.0.1 */
	assert_non_null(strstr(providers_why(f.ps), "none of them fits"));
	n = (struct provider_need){.shown = 100, .lowest = -1, .other = at(1)};
	assert_ptr_equal(providers_pick(f.ps, &n), at(2));
	n = (struct provider_need){.shown = 100, .lowest = -1, .receipts = true};
	provider_lacks_receipts(at(1));
	assert_ptr_equal(providers_pick(f.ps, &n), at(2));
	provider_lacks_receipts(at(2));
	assert_null(providers_pick(f.ps, &n));
	n = (struct provider_need){.shown = 200, .lowest = -1};
	assert_null(providers_pick(f.ps, &n));
	assert_non_null(strstr(providers_why(f.ps), "block 200 yet"));
	end(3);
}

static void pruned_ones_are_tried_again_when_nobody_else_is_left(void **state)
{
	(void)state;
	open_nodes(2);
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL));
	struct provider_need n = {.shown = -1, .lowest = 10};
	provider_learner(at(0))->learned.pruned_below = 50;
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(providers_pick(f.ps, &n), at(1));
	provider_learner(at(1))->learned.pruned_below = 50;
	struct provider *a = providers_pick(f.ps, &n), *b = providers_pick(f.ps, &n);
	assert_true(a && b && a != b);
	assert_null(providers_pick(f.ps, &n)); /* not again for a minute */
	assert_non_null(strstr(providers_why(f.ps), "no endpoint has block 10 any more"));
	end(2);
}

static void load_is_spread_and_bounded(void **state)
{
	(void)state;
	open_nodes(2);
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL));
	at(0)->latency_us = 9000;
	at(1)->latency_us = 10000;
	int got[2] = {0};
	for (int i = 0; i < 2 * LEARNER_PARALLEL_FIRST; i++) {
		struct provider *p = providers_pick(f.ps, &ANY);
		assert_int_equal(provider_may_send(p, 1, false), 0);
		got[p == at(1)]++;
		if (i == 1)
			assert_int_equal(got[1], 1); /* a little slower is better than behind another request */
	}
	assert_int_equal(got[0], got[1]);
	assert_int_equal(provider_may_send(at(0), 1, false), PROVIDER_FULL);
	assert_int_equal(provider_may_send(at(0), 1, true), 0); /* the head of the chain waits for nothing */
	provider_dropped(at(0));
	int states = f.states;
	provider_answered(at(0), 100, 1000);
	spin_until(f.loop, f.states > states); /* there is room again */
	assert_int_equal(provider_may_send(at(0), 1, false), 0);
	while (at(0)->in_flight > 0)
		provider_dropped(at(0));
	while (at(1)->in_flight > 0)
		provider_dropped(at(1));
	end(2);
}

/* Who would have to wait for its rate is asked behind one that need not, however slow that is. */
static void one_that_must_wait_is_asked_behind_others(void **state)
{
	(void)state;
	open_nodes(2);
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL) && provider_heads(at(0))->heard &&
						   provider_heads(at(1))->heard);
	at(0)->latency_us = 1000;
	at(1)->latency_us = 90000;
	struct provider_need n = {.shown = -1, .lowest = -1, .calls = 3, .urgent = true};
	assert_ptr_equal(providers_pick(f.ps, &n), at(0));
	struct learner *l = provider_learner(at(0));
	l->rate = 2000;
	l->tokens = 1000; /* it may be asked one thing, but not three */
	l->filled_ms = loop_now_ms(f.loop);
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(0));
	assert_ptr_equal(providers_pick(f.ps, &n), at(1));
	learner_spent(l, loop_now_ms(f.loop), 3);
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(1));
	*provider_learner(at(1)) = *l;
	provider_learner(at(1))->tokens -= 1000; /* both: the one that is free first */
	assert_ptr_equal(providers_pick(f.ps, &n), at(0));
	end(2);
}

/* What an urgent question waits for is not taken by another. */
static void urgent_questions_come_first(void **state)
{
	(void)state;
	open_nodes(1);
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL));
	struct learner *l = provider_learner(at(0));
	l->rate = 20000;
	l->tokens = 1000;
	l->filled_ms = loop_now_ms(f.loop);
	assert_true(provider_may_send(at(0), 3, true) > 0);
	assert_true(provider_may_send(at(0), 1, false) > 0); /* there would be one */
	l->tokens = 9000;
	assert_true(provider_may_send(at(0), 1, false) > 0);
	assert_int_equal(provider_may_send(at(0), 3, true), 0);
	assert_int_equal(provider_may_send(at(0), 1, false), 0);
	provider_dropped(at(0));
	provider_dropped(at(0));
	end(1);
}

static void a_liar_is_asked_less(void **state)
{
	(void)state;
	open_nodes(2);
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL));
	at(0)->latency_us = 1;
	at(1)->latency_us = 900000;
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(0));
	provider_lied(at(0), "a log of another block");
	assert_ptr_equal(providers_pick(f.ps, &ANY), at(1));
	assert_true(providers_dirty(f.ps));
	struct provider_need n = {.shown = -1, .lowest = -1, .other = at(1)};
	assert_ptr_equal(providers_pick(f.ps, &n), at(0)); /* better than nobody */
	end(2);
}

static void names_hold_no_secret_and_differ(void **state)
{
	(void)state;
	struct endpoint_decl d[4] = {{.url = "https://user:pw@rpc.example/v3/key1", .roles = ENDPOINT_READ},
		{.url = "https://rpc.example/v3/key2", .roles = ENDPOINT_READ},
		{.url = "https://rpc.example:444/", .roles = ENDPOINT_READ},
		{.url = "https://write.example/", .roles = ENDPOINT_WRITE}};
	struct provider_events ev = {
		.on_head = on_head_heard, .on_state = on_state_changed, .on_identified = on_who};
	f = (struct fixture){.loop = loop_new()};
	f.chain = (struct chain_decl){.name = "names", .rpc = d, .nrpc = 4, .range = 10, .timeout_ms = 1000};
	f.ps = providers_open(f.loop, &f.chain, &ev);
	assert_int_equal(providers_count(f.ps), 3);
	const char *a = provider_name(at(0)), *b = provider_name(at(1));
	assert_true(text_starts(a, "rpc.example:443#") && text_starts(b, "rpc.example:443#"));
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), strlen("rpc.example:443#") + 8);
	assert_string_equal(provider_name(at(2)), "rpc.example:444");
	end(0);
}

static void an_end_is_an_end(void **state)
{
	(void)state;
	open_nodes(2);
	node[1].mood = MOOD_SILENT;
	f.chain.timeout_ms = 40;
	begin(NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && f.heads > 0 && at(1)->ask);
	providers_end(f.ps); /* with a question still out */
	int heads = f.heads, asked = node[0].asked;
	assert_null(providers_pick(f.ps, &ANY));
	uint64_t failures = rpc_stats(provider_rpc(at(1))).failures;
	spin_until(f.loop, rpc_stats(provider_rpc(at(1))).failures > failures); /* nobody wants its answer */
	assert_true(is(1, PROVIDER_UNKNOWN));
	passes(60);
	assert_int_equal(f.heads, heads);
	assert_in_range(node[0].asked, asked, asked + 1); /* a poll may have been on its way */
	node[1].mood = MOOD_WELL;
	providers_begin(f.ps, &f.id, NULL);
	spin_until(f.loop, is(0, PROVIDER_WELL) && is(1, PROVIDER_WELL));
	end(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_says_which_chain_it_is),
		cmocka_unit_test(most_endpoints_say_which_chain_it_is),
		cmocka_unit_test(without_a_majority_none_is_believed),
		cmocka_unit_test(who_is_silent_is_not_waited_for_long),
		cmocka_unit_test(another_chain_is_left_out_and_said),
		cmocka_unit_test(the_files_own_id_counts),
		cmocka_unit_test(a_node_without_block_0_is_known_by_its_id),
		cmocka_unit_test(it_rests_after_failures_and_returns_after_a_probe),
		cmocka_unit_test(a_refusal_is_no_failure),
		cmocka_unit_test(one_that_hangs_stalls_nobody),
		cmocka_unit_test(one_that_owes_an_answer_is_asked_last),
		cmocka_unit_test(all_down_then_up),
		cmocka_unit_test(what_is_needed_decides),
		cmocka_unit_test(pruned_ones_are_tried_again_when_nobody_else_is_left),
		cmocka_unit_test(load_is_spread_and_bounded),
		cmocka_unit_test(one_that_must_wait_is_asked_behind_others),
		cmocka_unit_test(urgent_questions_come_first),
		cmocka_unit_test(a_liar_is_asked_less),
		cmocka_unit_test(names_hold_no_secret_and_differ),
		cmocka_unit_test(an_end_is_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
