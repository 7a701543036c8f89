/* filter: what is asked, which event a log is, factories' children, and fingerprints of sources. */
#include "test/unit/app/world.h"

#include "listener/filter.c"
#include "listener/filter_where.c"
#include "listener/filter_ask.c"

#include "common/evm/keccak.h"

struct t {
	struct config *c;
	struct filter f;
	struct filter_plan p;
};

#define A1       "0x1111111111111111111111111111111111111111"
#define A2       "0x2222222222222222222222222222222222222222"
#define A3       "0x3333333333333333333333333333333333333333"
#define TRANSFER "event Transfer(address indexed from, address indexed to, uint256 value)"

static struct config *load(const char *contracts, const char *rules)
{
	static const char head[] = "name: t\nchains:\n  main: { rpc: http://127.0.0.1:1 }\n"
							   "  other: { rpc: http://127.0.0.1:2 }\ncontracts:\n";
	struct buf text = {0};
	buf_printf(&text, "%s%s%s%s", head, contracts, rules ? "rules:\n" : "", rules ? rules : "");
	const char *const files[][2] = {{"f.yaml", text.p}, {NULL, NULL}};
	const struct world w = {.files = files};
	struct problems ps = {0};
	struct config *c = world_load(&w, "f.yaml", &ps);
	if (!c) {
		char *why = said(&ps);
		fail_msg("%s\n%s", text.p, why);
	}
	problems_fini(&ps);
	buf_fini(&text);
	return c;
}

static void open_filter(struct t *t, const char *contracts, const char *rules)
{
	*t = (struct t){.c = load(contracts, rules)};
	filter_init(&t->f, t->c, &t->c->chains[0]);
}

static void close_filter(struct t *t)
{
	filter_plan_fini(&t->p);
	filter_fini(&t->f);
	config_free(t->c);
}

static void address(uint8_t out[20], const char *text)
{
	assert_true(hex_from(out, 20, str_of(text)));
}

static void topic_text(uint8_t out[32], const char *text)
{
	keccak256(out, text, strlen(text));
}

/* A log of `from` with topic0 and as many more topics as words are given (addresses, right-aligned). */
static struct log log_of(const char *from, const char *signature, const char *const *words, size_t n)
{
	struct log l = {.block = 100};
	address(l.address, from);
	if (signature)
		topic_text(l.topics[l.ntopics++], signature);
	for (size_t i = 0; i < n; i++)
		address(l.topics[l.ntopics++] + 12, words[i]);
	return l;
}
#define LOG(from, signature, ...)                                       \
	log_of(from, signature, (const char *const[]){"", __VA_ARGS__} + 1, \
		sizeof((const char *const[]){"", __VA_ARGS__}) / sizeof(char *) - 1)
#define SIG "Transfer(address,address,uint256)"

static const char *name_of(const struct t *t, struct log l)
{
	const struct filter_event *e = filter_match(&t->f, &l);
	static char text[80];
	snprintf(text, sizeof text, "%s.%s", e ? e->decl->contract->name : "", e ? e->decl->entry->as : "");
	return e ? text : "none";
}

static bool member_has(const struct filter_request *r, const char *text)
{
	return strstr(r->members, text) != NULL;
}

static void a_log_is_what_its_address_and_topic_say(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t,
		"  A: { chain: main, address: [" A1 ", " A2 "], abi: [\"" TRANSFER
		"\", \"event Ping(uint256 n)\"] }\n"
		"  B: { chain: main, address: " A3 ", abi: \"event Pong(uint256 n)\" }\n"
		"  N: { chain: main, address: " A3
		", abi: \"event Raw(address indexed a, address indexed b) anonymous\" }\n"
		"  C: { chain: other, address: " A1 ", abi: \"event Pong(uint256 n)\" }\n",
		NULL);
	assert_int_equal(t.f.n, 4);
	assert_string_equal(name_of(&t, LOG(A1, SIG, A1, A2)), "A.Transfer");
	assert_string_equal(name_of(&t, LOG(A2, "Ping(uint256)")), "A.Ping");
	assert_string_equal(name_of(&t, LOG(A3, "Pong(uint256)")), "B.Pong");
	assert_string_equal(name_of(&t, LOG(A3, "Ping(uint256)", A1)), "N.Raw"); /* two topics: who can tell */
	assert_string_equal(name_of(&t, LOG(A3, NULL, A1, A2)), "N.Raw");
	assert_string_equal(name_of(&t, LOG(A3, NULL, A1)), "none");
	assert_string_equal(name_of(&t, LOG(A1, "Pong(uint256)")), "none"); /* another chain's */
	assert_string_equal(name_of(&t, LOG(A1, NULL)), "none");
	close_filter(&t);
}

static void one_request_asks_for_all_without_where(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t,
		"  A: { chain: main, address: [" A2 ", " A1 "], abi: \"" TRANSFER "\" }\n"
		"  B: { chain: main, address: " A3 ", abi: \"event Pong(uint256 n)\" }\n",
		NULL);
	filter_plan_make(&t.p, &t.f, 1000, 4);
	assert_int_equal(t.p.n, 1);
	char want[512], t0[67], t1[67];
	uint8_t h0[32], h1[32];
	topic_text(h0, SIG);
	topic_text(h1, "Pong(uint256)");
	bool first = memcmp(h0, h1, 32) < 0;
	hex_to_0x(t0, first ? h0 : h1, 32);
	hex_to_0x(t1, first ? h1 : h0, 32);
	snprintf(want, sizeof want, "\"address\":[\"" A1 "\",\"" A2 "\",\"" A3 "\"],\"topics\":[[\"%s\",\"%s\"]]",
		t0, t1);
	assert_string_equal(t.p.requests[0].members, want);
	struct log l = LOG(A3, SIG, A1, A2); /* fits the merged request, and is none of ours */
	assert_true(filter_asked(&t.p, 0, &l));
	assert_null(filter_match(&t.f, &l));
	l = LOG(A3, "Ping(uint256)");
	assert_false(filter_asked(&t.p, 0, &l));
	l = LOG("0x4444444444444444444444444444444444444444", SIG, A1, A2);
	assert_false(filter_asked(&t.p, 0, &l));
	l = LOG(A3, NULL);
	assert_false(filter_asked(&t.p, 0, &l));
	close_filter(&t);
}

#define TWO             "  A: { chain: main, address: " A1 ", abi: [\"" TRANSFER "\", \"event Ping(uint256 n)\"] }\n"
#define RULE(on, where) "  - { on: " on ", " where "log: x }\n"

static void where_becomes_topics(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t, TWO,
		RULE("A.Transfer", "where: { from: [" A2 ", " A1 "], value: 5 }, ")
			RULE("A.Transfer", "where: { from: " A3 ", to: " A1 " }, "));
	const struct filter_event *e = &t.f.events[0];
	assert_true(e->topics[1].restricted);
	assert_int_equal(e->topics[1].n, 3);   /* the union */
	assert_false(e->topics[2].restricted); /* one rule wants any */
	assert_false(e->topics[3].restricted);
	assert_false(t.f.events[1].topics[1].restricted);
	filter_plan_make(&t.p, &t.f, 1000, 4);
	assert_int_equal(t.p.n, 2); /* Ping is not to be asked with Transfer's topics, nor Transfer without */
	assert_int_not_equal(t.p.of[0], t.p.of[1]);
	assert_true(member_has(&t.p.requests[t.p.of[0]], "],[\"0x000000000000000000000000"
													 "1111"));
	assert_false(member_has(&t.p.requests[t.p.of[1]], "],["));
	struct log l = LOG(A1, SIG, A3, A2);
	assert_true(filter_asked(&t.p, t.p.of[0], &l));
	assert_ptr_equal(filter_match(&t.f, &l), e);
	l = LOG(A1, SIG, "0x4444444444444444444444444444444444444444", A2);
	assert_false(filter_asked(&t.p, t.p.of[0], &l));
	assert_null(filter_match(&t.f, &l)); /* not stored either */
	l = LOG(A1, SIG);
	assert_null(filter_match(&t.f, &l));
	filter_plan_make(&t.p, &t.f, 1000, 1); /* merged: topics that are right for both */
	assert_int_equal(t.p.n, 1);
	assert_false(t.p.requests[0].topics[1].restricted);
	filter_plan_make(&t.p, &t.f, 2, 4); /* three values are over the cap: filtered here */
	assert_false(t.p.requests[t.p.of[0]].topics[1].restricted);
	close_filter(&t);
}

static void a_rule_without_where_wants_all(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t, TWO, RULE("A.Transfer", "where: { from: " A1 " }, ") RULE("A.*", ""));
	assert_false(t.f.events[0].topics[1].restricted);
	close_filter(&t);
	/* a rule that is off does not count */
	open_filter(&t, TWO,
		RULE("A.Transfer", "where: { from: " A1 " }, ") RULE("A.Transfer", "needs: \"${NOT_SET:-}\", "));
	assert_true(t.f.events[0].topics[1].restricted);
	close_filter(&t);
}

static void literals_are_encoded_by_their_type(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t,
		"  A: { chain: main, address: " A1
		", abi: [\"event I(int64 indexed i, bool indexed b, bytes4 indexed s)\","
		" \"event S(string indexed s, uint256 indexed u)\"] }\n",
		RULE("A.I", "where: { i: -2, b: true, s: 0xDEADbeef }, ") RULE("A.S",
			"where: { s: [hello, world], u: "
			"115792089237316195423570985008687907853269984665640564039457584007913129639935 }, "));
	uint8_t w[32];
	memset(w, 0xff, 32);
	w[31] = 0xfe;
	assert_memory_equal(t.f.events[0].topics[1].list[0], w, 32);
	memset(w, 0, 32);
	w[31] = 1;
	assert_memory_equal(t.f.events[0].topics[2].list[0], w, 32);
	memcpy(w, "\xde\xad\xbe\xef", 4);
	w[31] = 0;
	assert_memory_equal(t.f.events[0].topics[3].list[0], w, 32);
	struct log l = {.ntopics = 3};
	address(l.address, A1);
	topic_text(l.topics[0], "S(string,uint256)");
	topic_text(l.topics[1], "world");
	memset(l.topics[2], 0xff, 32);
	assert_ptr_equal(filter_match(&t.f, &l), &t.f.events[1]);
	topic_text(l.topics[1], "world!");
	assert_null(filter_match(&t.f, &l));
	close_filter(&t);
}

static void no_more_requests_than_wanted(void **state)
{
	(void)state;
	struct t t;
	struct buf contracts = {0}, rules = {0};
	buf_text(&contracts, "");
	for (int i = 0; i < 8; i++) { /* eight events, each with another where: */
		buf_printf(&contracts, "  C%d: { chain: main, address: 0x%040d, abi: \"" TRANSFER "\" }\n", i, i + 1);
		buf_printf(&rules, "  - { on: C%d.Transfer, where: { from: 0x%040d }, log: x }\n", i, i + 50);
	}
	buf_text(&contracts, "  P: { chain: main, address: " A1 ", abi: \"event Ping(uint256 n)\" }\n");
	open_filter(&t, contracts.p, rules.p);
	for (size_t most = 1; most < 12; most++) {
		size_t values = 0, want = most < 9 ? most : 9;
		filter_plan_make(&t.p, &t.f, 1000, most);
		assert_int_equal(t.p.n, want);
		for (size_t i = 0; i < t.p.n; i++)
			values += t.p.requests[i].topics[1].n;
		assert_int_equal(values, most == 1 ? 0 : 8); /* merged lists are unions; Ping's joins last of all */
		for (size_t i = 0; i < t.f.n; i++) {
			char from[43], who[43];
			snprintf(from, sizeof from, "0x%040zu", i + 1);
			snprintf(who, sizeof who, "0x%040zu", i + 50);
			struct log l = i < 8 ? LOG(from, SIG, who, A1) : LOG(A1, "Ping(uint256)");
			assert_ptr_equal(filter_match(&t.f, &l), &t.f.events[i]);
			assert_true(filter_asked(&t.p, t.p.of[i], &l));
		}
	}
	filter_plan_make(&t.p, &t.f, 7, 1);
	assert_true(t.p.requests[0].any_address);
	close_filter(&t);
	buf_fini(&contracts);
	buf_fini(&rules);
}

static void topics_over_the_cap_are_parted(void **state)
{
	(void)state;
	struct t t;
	struct buf b = {0};
	buf_text(&b, "  A: { chain: main, address: " A1 ", abi: [");
	for (int i = 0; i < 10; i++)
		buf_printf(&b, "%s\"event E%d(uint256 n)\"", i ? ", " : "", i);
	buf_text(&b, "] }\n");
	open_filter(&t, b.p, NULL);
	filter_plan_make(&t.p, &t.f, 4, 4);
	assert_int_equal(t.p.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_in_range(t.p.requests[i].topics[0].n, 1, 4);
	filter_plan_make(&t.p, &t.f, 4, 1);
	assert_int_equal(t.p.n, 1);
	assert_string_equal(t.p.requests[0].members, "\"address\":[\"" A1 "\"]");
	close_filter(&t);
	buf_fini(&b);
}

#define FACTORY                                                                                         \
	"  F: { chain: main, address: " A1 ", abi: \"event Created(address indexed child, uint256 n)\" }\n" \
	"  K: { chain: main, address: { from: F.Created.child }, abi: [\"" TRANSFER                         \
	"\", \"event Pong(uint256 n)\"] }\n"

static void child_address(uint8_t out[20], size_t i)
{
	uint8_t hash[32];
	keccak256(hash, &i, sizeof i);
	memcpy(out, hash, 20);
}

static struct log log_of_child(size_t i, uint64_t block)
{
	struct log l = LOG(A1, "Pong(uint256)");
	child_address(l.address, i);
	l.block = block;
	return l;
}

static void children_count_from_their_block_on(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t, FACTORY, RULE("F.Created", "where: { child: " A2 " }, "));
	assert_false(t.f.events[0].topics[1].restricted); /* a creation that no rule wants makes a child */
	filter_plan_make(&t.p, &t.f, 1000, 4);
	assert_int_equal(t.p.n, 1);
	assert_int_equal(t.p.of[1], SIZE_MAX); /* no child yet: nothing to ask */
	uint8_t word[32] = {0};
	struct log made = LOG(A1, "Created(address,uint256)", A2);
	made.data = (struct bytes){word, 32};
	assert_string_equal(name_of(&t, made), "F.Created");
	assert_int_equal(filter_learn(&t.f, t.f.events[0].decl, &made), 1);
	assert_int_equal(filter_learn(&t.f, t.f.events[0].decl, &made), 0);
	struct log l = LOG(A2, SIG, A3, A3);
	assert_string_equal(name_of(&t, l), "K.Transfer"); /* of the creating block */
	l.block = 99;
	assert_string_equal(name_of(&t, l), "none");
	made.block = 99; /* created before, as an earlier range shows */
	assert_int_equal(filter_learn(&t.f, t.f.events[0].decl, &made), 1);
	assert_string_equal(name_of(&t, l), "K.Transfer");
	filter_plan_make(&t.p, &t.f, 1000, 4);
	assert_true(member_has(&t.p.requests[t.p.of[1]], A2));
	made.data.n = 31; /* does not decode */
	assert_int_equal(filter_learn(&t.f, t.f.events[0].decl, &made), 0);
	assert_int_equal(filter_children_forget(&t.f, 99), 1);
	assert_string_equal(name_of(&t, l), "none");
	close_filter(&t);
}

static void thousands_of_children(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t, FACTORY, NULL);
	const struct contract_decl *k = t.f.events[1].decl->contract;
	uint8_t a[20];
	for (size_t i = 0; i < 5000; i++) {
		child_address(a, i);
		assert_true(filter_child_add(&t.f, k, a, i));
	}
	assert_false(filter_child_add(&t.f, k, a, 5000));
	assert_false(filter_child_add(&t.f, t.f.events[0].decl->contract + 7, a, 1)); /* not of this filter */
	filter_plan_make(&t.p, &t.f, 1000, 4);
	const struct filter_request *r = &t.p.requests[t.p.of[2]];
	assert_true(r->any_address); /* R7 */
	assert_false(member_has(r, "address"));
	assert_int_equal(t.p.n, 2);
	assert_false(t.p.requests[t.p.of[0]].any_address); /* the factory's own stays narrow */
	for (size_t i = 0; i < 5000; i += 7) {
		assert_string_equal(name_of(&t, log_of_child(i, i)), "K.Pong");
		assert_string_equal(name_of(&t, log_of_child(i + 1, i)), "none");
	}
	struct log stranger = log_of_child(6000, 9000);
	assert_true(filter_asked(&t.p, t.p.of[2], &stranger));
	assert_null(filter_match(&t.f, &stranger));
	/* a reorg from block 3000 on; what is added after it is asked for by itself */
	uint64_t since = t.f.added;
	assert_int_equal(filter_children_forget(&t.f, 3000), 2000);
	assert_string_equal(name_of(&t, log_of_child(2999, 9000)), "K.Pong");
	assert_string_equal(name_of(&t, log_of_child(3000, 9000)), "none");
	child_address(a, 3000);
	assert_true(filter_child_add(&t.f, k, a, 3500));
	filter_plan_children(&t.p, &t.f, since, 1000, 4);
	assert_int_equal(t.p.n, 1);
	assert_int_equal(t.p.of[0], SIZE_MAX);
	assert_int_equal(t.p.requests[0].naddresses, 1);
	assert_memory_equal(t.p.requests[0].addresses[0], a, 20);
	filter_plan_children(&t.p, &t.f, t.f.added, 1000, 4);
	assert_int_equal(t.p.n, 0);
	close_filter(&t);
}

static struct log creation(uint8_t *word, size_t i, uint64_t block)
{
	struct log l = LOG(A1, "Created(address,uint256)", A2);
	child_address(l.topics[1] + 12, i);
	l.block = block;
	l.data = (struct bytes){word, 32};
	return l;
}

/* What an answer taught that is not stored goes with it, and nothing else does. */
static void children_of_a_refuted_answer_go(void **state)
{
	struct t t;
	uint8_t word[32] = {0};
	struct filter_trial lie = {0}, truth = {0};
	uint8_t a[20];
	(void)state;
	open_filter(&t, FACTORY, NULL);
	const struct event_decl *created = t.f.events[0].decl;
	struct log l = creation(word, 1, 50);
	assert_int_equal(filter_try(&t.f, &truth, created, &l), 1);
	filter_trial_keep(&truth);
	for (size_t i = 1; i <= 3; i++) { /* the first is an earlier creation of one that is known */
		l = creation(word, i, 40 + i);
		assert_int_equal(filter_try(&t.f, &lie, created, &l), 1);
		assert_int_equal(filter_try(&t.f, &lie, created, &l), 0);
	}
	child_address(a, 3);
	assert_int_equal(filter_children_forget(&t.f, 43), 1); /* a reorg took the last one, and it came back */
	assert_true(filter_child_add(&t.f, t.f.events[1].decl->contract, a, 60));
	assert_string_equal(name_of(&t, log_of_child(1, 41)), "K.Pong");

	filter_trial_undo(&t.f, &lie);
	filter_trial_undo(&t.f, &truth); /* of nothing */
	assert_string_equal(name_of(&t, log_of_child(1, 49)), "none");
	assert_string_equal(name_of(&t, log_of_child(1, 50)), "K.Pong");
	assert_string_equal(name_of(&t, log_of_child(2, 90)), "none");
	assert_string_equal(name_of(&t, log_of_child(3, 60)), "K.Pong");
	assert_int_equal(t.f.nchildren, 2);
	filter_trial_fini(&lie);
	filter_trial_fini(&truth);
	close_filter(&t);
}

static void a_written_address_goes_before_a_child(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t, FACTORY "  X: { chain: main, address: " A2 ", abi: \"event Pong(uint256 n)\" }\n", NULL);
	uint8_t a[20];
	address(a, A2);
	assert_true(filter_child_add(&t.f, t.f.events[1].decl->contract, a, 1));
	assert_string_equal(name_of(&t, LOG(A2, "Pong(uint256)")), "X.Pong");
	assert_string_equal(name_of(&t, LOG(A2, SIG, A1, A1)), "K.Transfer");
	close_filter(&t);
}

static void blooms(void **state)
{
	(void)state;
	struct t t;
	open_filter(&t, FACTORY TWO, RULE("A.Transfer", "where: { to: " A3 " }, "));
	uint8_t none[256] = {0}, b[256] = {0}, all[256], a[20], hash[32], word[32] = {0};
	memset(all, 0xff, 256);
	assert_false(filter_bloom(&t.f, none));
	assert_true(filter_bloom(&t.f, all));
	address(a, A1);
	topic_text(hash, SIG);
	bloom_add(b, a, 20);
	assert_false(filter_bloom(&t.f, b));
	bloom_add(b, hash, 32);
	assert_false(filter_bloom(&t.f, b)); /* the topic that where: wants is not there */
	address(word + 12, A3);
	bloom_add(b, word, 32);
	assert_true(filter_bloom(&t.f, b));
	/* a child's */
	memset(b, 0, 256);
	topic_text(hash, "Pong(uint256)");
	bloom_add(b, hash, 32);
	assert_false(filter_bloom(&t.f, b));
	child_address(a, 0);
	filter_child_add(&t.f, t.f.events[1].decl->contract, a, 1);
	assert_false(filter_bloom(&t.f, b));
	bloom_add(b, a, 20);
	assert_true(filter_bloom(&t.f, b));
	for (size_t i = 1; i < 300; i++) {
		child_address(a, i);
		filter_child_add(&t.f, t.f.events[1].decl->contract, a, 1);
	}
	memset(b, 0, 256);
	bloom_add(b, hash, 32);
	assert_true(filter_bloom(&t.f, b)); /* of many children only topic0 is looked for */
	close_filter(&t);
}

static void print_of(uint8_t out[32], const char *contracts, const char *rules, size_t event)
{
	struct t t;
	open_filter(&t, contracts, rules);
	filter_fingerprint(&t.f.events[event], out);
	close_filter(&t);
}

static void a_fingerprint_tells_a_wider_source(void **state)
{
	(void)state;
#define AT(list) "  A: { chain: main, address: " list ", abi: \"" TRANSFER "\" }\n"
	static const struct {
		const char *contracts, *rules;
		size_t event;
	} others[] = {
		{AT("[" A1 ", " A2 "]"), NULL, 0},
		{AT(A1), RULE("A.Transfer", "where: { from: " A2 " }, "), 0},
		{AT(A1), RULE("A.Transfer", "where: { to: " A2 " }, "), 0},
		{AT(A1), RULE("A.Transfer", "where: { to: [" A2 ", " A3 "] }, "), 0},
		{"  A: { chain: main, address: " A1 ", abi: \"event Transfer(address from)\" }\n", NULL, 0},
		{FACTORY, NULL, 1},
	};
	uint8_t seen[8][32], again[32];
	size_t n = 0;
	print_of(seen[n++], AT(A1), NULL, 0);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		print_of(seen[n], others[i].contracts, others[i].rules, others[i].event);
		for (size_t k = 0; k < n; k++)
			assert_memory_not_equal(seen[k], seen[n], 32);
		n++;
	}
	print_of(again,
		AT("[" A2 ", " A1 "]") "  Z: { chain: main, address: " A3 ", abi: \"event Q(uint8 a)\" }\n",
		RULE("Z.Q", ""), 0);
	assert_memory_equal(again, seen[1], 32); /* order and other sources don't count */
	print_of(again, AT(A1), RULE("A.Transfer", "where: { to: [" A3 ", " A2 "] }, "), 0);
	assert_memory_equal(again, seen[4], 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_is_what_its_address_and_topic_say),
		cmocka_unit_test(one_request_asks_for_all_without_where),
		cmocka_unit_test(where_becomes_topics),
		cmocka_unit_test(a_rule_without_where_wants_all),
		cmocka_unit_test(literals_are_encoded_by_their_type),
		cmocka_unit_test(no_more_requests_than_wanted),
		cmocka_unit_test(topics_over_the_cap_are_parted),
		cmocka_unit_test(children_count_from_their_block_on),
		cmocka_unit_test(thousands_of_children),
		cmocka_unit_test(children_of_a_refuted_answer_go),
		cmocka_unit_test(a_written_address_goes_before_a_child),
		cmocka_unit_test(blooms),
		cmocka_unit_test(a_fingerprint_tells_a_wider_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
