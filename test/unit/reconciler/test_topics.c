/* The hub with peers and a log of its own: order, resuming without gap or repeat while messages come,
 * filters, slow readers, what a peer may say. */
#include "reconciler/serve/json.c"
#include "reconciler/serve/topics.c"
#include "reconciler/serve/topics_say.c"
#include "reconciler/serve/topics_sent.c"

#include "test/unit/reconciler/where_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PEERS = 4, LOG = 4000 };

struct peer {
	struct hub_peer *p;
	struct buf got; /* one line a frame */
	size_t unsent;
	int code;
	char reason[200];
};
static struct {
	struct hub *hub;
	struct config config;
	struct ws_decl path;
	struct peer peers[PEERS];
	int encoded, dropped;
	/* the log: topic and data of number i stand at i - 1 */
	const char *topic[LOG], *data[LOG];
	int64_t last, oldest;
	struct hub_read asked;
	const struct hub_read *read; /* what is not answered yet */
	int reads;
	struct arena mem;
} w;

static void *encode(const struct hub_text *t)
{
	w.encoded++;
	return mem_textn(t->json.p, t->json.n);
}

static void drop(void *e)
{
	w.dropped++;
	free(e);
}

static void to_line(void *arg, void *e)
{
	struct peer *p = arg;
	buf_printf(&p->got, "%s\n", (char *)e);
}

static size_t unsent(const void *arg)
{
	return ((const struct peer *)arg)->unsent;
}

static void closed_peer(void *arg, int code, const char *reason)
{
	struct peer *p = arg;
	p->code = code;
	p->p = NULL;
	snprintf(p->reason, sizeof p->reason, "%s", reason);
}

static const struct hub_kind socket_kind = {0, encode, drop, to_line, unsent, closed_peer, false};
static const struct hub_kind stream_kind = {1, encode, drop, to_line, unsent, closed_peer, true};

static void on_read(void *arg, const struct hub_read *r)
{
	(void)arg;
	assert_null(w.read);
	w.asked = *r;
	const char **topics = arena_alloc(&w.mem, (r->filter.ntopics + 1) * sizeof *topics);
	for (size_t i = 0; i < r->filter.ntopics; i++)
		topics[i] = arena_text(&w.mem, r->filter.topics[i]);
	w.asked.filter = (struct message_filter){.topics = topics, .ntopics = r->filter.ntopics};
	w.read = &w.asked;
	w.reads++;
}

static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof w);
	w.oldest = 1;
	w.path = (struct ws_decl){.path = "/ws"};
	struct hub_options o = {.config = &w.config, .read = on_read};
	w.hub = hub_new(&o);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hub_close_all(w.hub, "the end");
	hub_free(w.hub);
	for (int i = 0; i < PEERS; i++)
		buf_fini(&w.peers[i].got);
	arena_fini(&w.mem);
	assert_int_equal(w.encoded, w.dropped);
	return 0;
}

static struct peer *join(int i, const struct hub_kind *k)
{
	w.peers[i].p = hub_join(w.hub, &w.path, k, &w.peers[i]);
	return &w.peers[i];
}

/* The log grows; the hub is told. */
static void publish(const char *topic, const char *data)
{
	w.topic[w.last] = arena_text(&w.mem, topic);
	w.data[w.last] = arena_text(&w.mem, data);
	w.last++;
	const struct message m = {.seq = w.last, .topic = str_of(topic), .data = str_of(data)};
	if (hub_newest(w.hub) >= 0)
		hub_message(w.hub, &m);
}

static void publish_number(const char *topic)
{
	char data[40];
	snprintf(data, sizeof data, "%lld", (long long)w.last + 1);
	publish(topic, data);
}

/* What PostgreSQL would answer: topics are filtered there. */
static void answer(void)
{
	struct message list[HUB_PAGE];
	size_t n = 0;
	const struct hub_read *r = w.read;
	assert_non_null(r);
	for (int64_t s = r->after + 1; s <= r->upto && s <= w.last && n < HUB_PAGE; s++) {
		bool mine = false;
		for (size_t i = 0; i < r->filter.ntopics; i++)
			mine |= topic_matches(r->filter.topics[i], str_of(w.topic[s - 1]));
		if (mine && s >= w.oldest)
			list[n++] =
				(struct message){.seq = s, .topic = str_of(w.topic[s - 1]), .data = str_of(w.data[s - 1])};
	}
	w.read = NULL;
	hub_page(w.hub, list, n, w.oldest);
}

static void say(struct peer *p, const char *text)
{
	hub_say(p->p, str_of(text));
}

static const char *got(struct peer *p)
{
	static char out[4096];
	snprintf(out, sizeof out, "%s", p->got.n ? p->got.p : "");
	buf_clear(&p->got);
	return out;
}

/* The numbers of the messages that came, "1-5 7". */
static const char *numbers(struct peer *p)
{
	static char out[400];
	size_t n = 0;
	long long from = -1, to = -1;
	out[0] = 0;
	for (char *l = p->got.n ? strtok(p->got.p, "\n") : NULL;; l = strtok(NULL, "\n")) {
		char *seq = l && strstr(l, "\"type\"") ? strstr(l, "\"seq\":") : NULL;
		if (l && !seq)
			continue;
		long long s = seq ? atoll(seq + 6) : -1;
		if (seq && s == to + 1 && from >= 0) {
			to = s;
			continue;
		}
		if (from >= 0)
			n += (size_t)snprintf(
				out + n, sizeof out - n, from == to ? "%s%lld" : "%s%lld-%lld", n ? " " : "", from, to);
		from = to = s;
		if (!l)
			break;
	}
	buf_clear(&p->got);
	return out;
}

static void all_get_what_they_asked_for(void **state)
{
	(void)state;
	hub_ends(w.hub, 0, 1);
	struct peer *a = join(0, &socket_kind), *b = join(1, &socket_kind), *c = join(2, &socket_kind);
	say(a, "{\"subscribe\":\"revoked\"}");
	say(b, "{\"subscribe\":[\"lock:*\",\"revoked\"]}");
	assert_string_equal(got(a), "{\"subscribed\":\"revoked\",\"seq\":0}\n");
	assert_string_equal(got(b), "{\"subscribed\":[\"lock:*\",\"revoked\"],\"seq\":0}\n");
	int before = w.encoded;
	publish("revoked", "{\"a\":1}");
	assert_int_equal(w.encoded, before + 1); /* once for all peers */
	publish("lock:5", "null");
	publish("other", "[]");
	assert_string_equal(got(a), "{\"type\":\"revoked\",\"seq\":1,\"data\":{\"a\":1}}\n");
	assert_string_equal(got(b), "{\"type\":\"revoked\",\"seq\":1,\"data\":{\"a\":1}}\n{\"type\":\"lock:5\","
								"\"seq\":2,\"data\":null}\n");
	assert_string_equal(got(c), "");
	const struct message m = {4, STR("revoked"), STR("Revoked"), STR("1"), true};
	w.last = 4;
	hub_message(w.hub, &m);
	assert_string_equal(
		got(a), "{\"type\":\"revoked\",\"seq\":4,\"name\":\"Revoked\",\"data\":1,\"retracted\":true}\n");
	say(b, "{\"unsubscribe\":\"revoked\"}");
	got(b);
	publish_number("revoked");
	publish_number("lock:6");
	assert_string_equal(numbers(b), "6");
	hub_leave(a->p);
	publish_number("revoked");
	assert_string_equal(numbers(a), "5");
	assert_int_equal(hub_peers(w.hub), 2);
}

static void filters(void **state)
{
	(void)state;
	hub_ends(w.hub, 0, 1);
	for (size_t i = 0; i < WHERE_CASES; i++) {
		struct peer *a = join(0, &socket_kind);
		char text[400];
		snprintf(text, sizeof text, "{\"subscribe\":\"t\",\"where\":%s}", where_cases[i].where);
		say(a, text);
		got(a);
		publish("t", where_cases[i].data);
		if ((a->got.n > 0) != where_cases[i].passes)
			fail_msg("%s on %s", where_cases[i].where, where_cases[i].data);
		got(a);
		hub_leave(a->p);
	}
}

/* From PostgreSQL by pages, then from the ring, while messages come between any two steps. */
static void resume_misses_nothing_and_repeats_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 700; i++)
		publish_number(i % 3 ? "t" : "other"); /* before the hub was there */
	hub_ends(w.hub, 700, 1);
	struct peer *a = join(0, &socket_kind), *b = join(1, &socket_kind);
	say(a, "{\"subscribe\":[\"t\",\"other\"],\"from\":95}");
	say(b, "{\"subscribe\":\"t\",\"from\":\"690\"}");
	assert_string_equal(got(a), ""); /* nothing is promised before it is known to be there */
	publish_number("t");
	answer();
	int rounds = 0;
	for (; w.read; rounds++) {
		publish_number("other");
		if (rounds % 2)
			hub_go_on(w.hub);
		answer();
		publish_number("t");
	}
	assert_true(rounds > 3);
	publish_number("t");
	char want[40];
	snprintf(want, sizeof want, "96-%lld", (long long)w.last);
	assert_string_equal(numbers(a), want);
	int seen = 0, of_t = 0;
	for (int64_t s = 691; s <= w.last; s++)
		of_t += strcmp(w.topic[s - 1], "t") == 0;
	for (const char *l = b->got.p; (l = strstr(l, "\"type\"")); l++)
		seen++;
	assert_int_equal(seen, of_t);
	/* what the ring holds is not asked for */
	int reads = w.reads;
	say(a, "{\"subscribe\":[\"t\",\"other\"],\"from\":701}");
	assert_int_equal(w.reads, reads);
	snprintf(want, sizeof want, "702-%lld", (long long)w.last);
	assert_string_equal(numbers(a), want);
}

static void the_ring_is_bounded(void **state)
{
	(void)state;
	hub_ends(w.hub, 0, 1);
	struct peer *a = join(0, &socket_kind);
	for (int i = 0; i < HUB_RING + 100; i++)
		publish_number("t");
	assert_int_equal(w.hub->count, HUB_RING);
	say(a, "{\"subscribe\":\"t\",\"from\":100}");
	assert_int_equal(w.reads, 0);
	assert_string_equal(numbers(a), "101-1124");
	say(a, "{\"subscribe\":\"t\",\"from\":99}");
	assert_int_equal(w.reads, 1);
	answer();
	assert_string_equal(numbers(a), "100-1124"); /* one page, and then the ring */
	char *big = malloc(HUB_RING_BYTES);
	memset(big, '1', HUB_RING_BYTES - 1);
	big[HUB_RING_BYTES - 1] = 0;
	publish("t", big);
	assert_true(w.hub->bytes > HUB_RING_BYTES);
	assert_int_equal(w.hub->count, 1);
	publish("t", "1");
	assert_int_equal(w.hub->count, 1);
	free(big);
}

static void what_is_not_there(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		publish_number("t");
	w.oldest = 31;
	hub_ends(w.hub, 50, 31);
	struct peer *a = join(0, &socket_kind), *b = join(1, &stream_kind);
	say(a, "{\"subscribe\":\"t\",\"from\":29}");
	answer();
	assert_string_equal(got(a), "{\"error\":{\"title\":\"That number is not there any "
								"more\",\"detail\":\"messages up to 30 are gone; read "
								"your data anew and subscribe without from, or from 30\"}}\n");
	assert_int_equal(a->p->nsubs, 0);
	say(a, "{\"subscribe\":\"t\",\"from\":51}");
	assert_string_equal(got(a), "{\"error\":{\"title\":\"That number is not there yet\",\"detail\":\"message "
								"51 was never sent: the newest "
								"is 50; read your data anew and subscribe without from\"}}\n");
	say(a, "{\"subscribe\":\"t\",\"from\":30}");
	answer();
	assert_string_equal(numbers(a), "31-50");
	/* a stream can't ask again: it is told, and goes on */
	const char *const topics[] = {"t"};
	struct hub_want want = {.topics = topics, .ntopics = 1, .from = 5};
	struct err e;
	assert_true(hub_subscribe(b->p, &want, &e));
	answer();
	assert_non_null(strstr(b->got.p, "messages up to 30 are gone; it goes on with 31"));
	assert_string_equal(numbers(b), "31-50");
	/* a database that lost commits */
	hub_ends(w.hub, 40, 31);
	w.last = 40;
	publish_number("t");
	assert_string_equal(numbers(a), "41");
	assert_string_equal(numbers(b), "41");
}

static void before_the_log_is_known_peers_wait(void **state)
{
	(void)state;
	struct peer *a = join(0, &socket_kind);
	say(a, "{\"subscribe\":\"t\"}");
	say(a, "{\"ping\":7}");
	assert_string_equal(got(a), "{\"pong\":7}\n");
	w.last = 9;
	hub_ends(w.hub, 9, 1);
	assert_string_equal(got(a), "{\"subscribed\":\"t\",\"seq\":9}\n");
	publish_number("t");
	assert_string_equal(numbers(a), "10");
}

/* Behind a restart the last messages are there before the first peer. */
static void the_ring_is_filled_before(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		publish_number("t");
	for (int i = 15; i < 20; i++)
		hub_recent(w.hub, &(struct message){.seq = i + 1, .topic = str_of("t"), .data = str_of(w.data[i])});
	hub_ends(w.hub, 20, 1);
	struct peer *a = join(0, &socket_kind);
	say(a, "{\"subscribe\":\"t\",\"from\":15}");
	assert_int_equal(w.reads, 0);
	assert_string_equal(numbers(a), "16-20");
	say(a, "{\"subscribe\":\"t\",\"from\":14}");
	assert_int_equal(w.reads, 1);
	answer();
	assert_string_equal(numbers(a), "15-20");
}

static void slow_readers(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++)
		publish_number("t");
	hub_ends(w.hub, 300, 1);
	struct peer *a = join(0, &socket_kind), *b = join(1, &socket_kind);
	say(a, "{\"subscribe\":\"t\",\"from\":0}");
	say(b, "{\"subscribe\":\"t\"}");
	a->unsent = HUB_PAUSE_BYTES + 1;
	answer();
	assert_null(w.read); /* its line is full: it is behind, and waits */
	publish_number("t");
	assert_string_equal(numbers(a), ""); /* and takes nothing */
	a->unsent = 0;
	hub_go_on(w.hub);
	answer();
	assert_string_equal(numbers(a), "1-200");
	a->unsent = HUB_PAUSE_BYTES + 1;
	answer();
	assert_true(hub_go_on(w.hub));
	assert_null(w.read);
	a->unsent = 0;
	hub_go_on(w.hub);
	answer();
	assert_string_equal(numbers(a), "201-301");
	b->unsent = HUB_SLOW_BYTES + 1;
	publish_number("other");
	assert_non_null(b->p);
	publish_number("t");
	assert_null(b->p);
	assert_int_equal(b->code, 1008);
	assert_string_equal(b->reason, "you read too slowly: 1024 KiB wait; connect again and resume from 302");
	assert_string_equal(numbers(a), "303");
	assert_int_equal(hub_peers(w.hub), 1);
}

/* Away for longer than messages are kept: what is gone is said, what is there is read. */
static void who_was_live_resumes_behind_a_gap(void **state)
{
	(void)state;
	hub_ends(w.hub, 0, 1);
	struct peer *a = join(0, &socket_kind), *b = join(1, &socket_kind);
	say(a, "{\"subscribe\":\"t\"}");
	publish_number("t");
	got(a);
	for (; w.last < 20; w.last++) {
		w.topic[w.last] = "t";
		w.data[w.last] = "1";
	}
	say(b, "{\"subscribe\":\"t\",\"from\":1}");
	got(b);
	hub_skip(w.hub, 15);
	answer();
	answer();
	assert_string_equal(numbers(a), "2-15");
	assert_string_equal(numbers(b), "2-15");
	w.oldest = 19;
	hub_skip(w.hub, 20);
	answer();
	answer();
	assert_non_null(strstr(a->got.p, "messages up to 18 are gone"));
	assert_int_equal(a->p->nsubs, 0);
}

static void a_peer_leaves_while_it_is_read_for(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		publish_number("t");
	hub_ends(w.hub, 10, 1);
	struct peer *a = join(0, &socket_kind), *b = join(1, &socket_kind), *c = join(2, &socket_kind);
	say(a, "{\"subscribe\":\"t\",\"from\":0}");
	say(b, "{\"subscribe\":\"t\",\"from\":1}");
	say(c, "{\"subscribe\":\"t\",\"from\":2}");
	hub_leave(a->p);
	hub_leave(b->p);
	answer();
	answer();
	assert_null(w.read);
	assert_string_equal(numbers(c), "3-10");
	assert_string_equal(numbers(a), "");
	/* the question was lost: it is asked again */
	say(c, "{\"subscribe\":\"t\",\"from\":4}");
	assert_non_null(w.read);
	w.read = NULL;
	hub_page_failed(w.hub);
	hub_go_on(w.hub);
	answer();
	assert_string_equal(numbers(c), "5-10");
}

static void what_a_peer_says(void **state)
{
	(void)state;
	static const char *const paths[] = {"a", "lock:*"};
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "it is no JSON"},
		{"{\"subscribe\":", "it is no JSON"},
		{"[1]", "a message is one object"},
		{"{}", "it says nothing"},
		{"{\"subscribe\":\"a\",\"ping\":1}", "two things at once"},
		{"{\"subscrib\":\"a\"}", "\\\"subscrib\\\" is no word here"},
		{"{\"subscribe\":5}", "a topic is a text"},
		{"{\"subscribe\":\"\"}", "a topic is a text"},
		{"{\"subscribe\":[]}", "no topic is named"},
		{"{\"subscribe\":[\"a\",{}]}", "a topic is a text"},
		{"{\"subscribe\":\"b\"}", "/ws does not carry the topic b"},
		{"{\"subscribe\":\"loc*\"}", "\"subscribed\":\"loc*\""},
		{"{\"subscribe\":\"lock:5*\"}", "\"subscribed\":\"lock:5*\""},
		{"{\"subscribe\":\"*\"}", "\"subscribed\":\"*\""},
		{"{\"subscribe\":\"x*\"}", "/ws does not carry"},
		{"{\"subscribe\":\"lock:5\"}", "\"subscribed\":\"lock:5\""},
		{"{\"subscribe\":\"a\",\"where\":5}", "where is an object"},
		{"{\"subscribe\":\"a\",\"where\":{\"x\":{}}}", "where.x is a text, a number"},
		{"{\"subscribe\":\"a\",\"where\":{\"x\":[]}}", "where.x is an empty list"},
		{"{\"subscribe\":\"a\",\"from\":-1}", "from is the seq"},
		{"{\"subscribe\":\"a\",\"from\":1.5}", "from is the seq"},
		{"{\"subscribe\":\"a\",\"from\":null}", "\"subscribed\""},
		{"{\"unsubscribe\":\"lock:77\"}", "you are not subscribed to lock:77"},
		{"{\"ping\":[1,{\"a\":2}]}", "{\"pong\":[1,{\"a\":2}]}"},
		{"{\"subscribe\":\"\\ud800\"}", "a topic is a text"},
		{"{\"subscribe\":\"a\\u0000b\"}", "a topic is a text"},
		{"[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", "nested deeper"},
	};
	w.path.topics = paths;
	w.path.ntopics = 2;
	hub_ends(w.hub, 0, 1);
	struct peer *a = join(0, &socket_kind);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		say(a, rows[i].text);
		if (!strstr(a->got.n ? a->got.p : "", rows[i].says))
			fail_msg("%s\ngives %s\nnot %s", rows[i].text, a->got.n ? a->got.p : "", rows[i].says);
		got(a);
	}
	assert_non_null(a->p);
	publish("other", "1"); /* * means all that the path carries */
	publish("lock:9", "1");
	assert_string_equal(numbers(a), "2");
	char text[100];
	int full = 0;
	for (int i = 0; i < HUB_SUBSCRIPTIONS + 2; i++) {
		snprintf(text, sizeof text, "{\"subscribe\":\"lock:n%d\"}", i);
		say(a, text);
		full += strstr(got(a), "subscriptions at most") != NULL;
	}
	assert_true(full >= 2);
	assert_int_equal(a->p->nsubs, HUB_SUBSCRIPTIONS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(all_get_what_they_asked_for),
		T(filters),
		T(resume_misses_nothing_and_repeats_nothing),
		T(the_ring_is_bounded),
		T(what_is_not_there),
		T(before_the_log_is_known_peers_wait),
		T(the_ring_is_filled_before),
		T(slow_readers),
		T(who_was_live_resumes_behind_a_gap),
		T(a_peer_leaves_while_it_is_read_for),
		T(what_a_peer_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
