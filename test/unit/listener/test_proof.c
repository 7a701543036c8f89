#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "listener/proof.c"
#include "listener/proof_run.c"
#include "listener/refusal.c"
#include "listener/refusal_text.c"

#include "test/unit/io/peer.h"

#include <cjson/cJSON.h>

/* Blocks of running chains (test/vectors/blocks.mjs) and a node that knows them and does what a test asks of
 * it. */

struct block {
	char *name;
	cJSON *header, *receipts; /* what the node says */
	struct block_header h;
	struct log *logs; /* all of them */
	size_t nlogs;
};
enum { BLOCKS_MAX = 40 };
static struct block blocks[BLOCKS_MAX];
static size_t nblocks;
static struct arena mem;
static struct loop *loop;
static struct rpc *rpc;
static struct peer_server server;

static struct node {
	bool no_block_receipts, null_receipts, unknown_block, broken, refuses;
	int asked, by_block, single, logs, headers;
} node;

static struct str text_of(cJSON *j)
{
	char *s = cJSON_PrintUnformatted(j), *kept = arena_text(&mem, s);
	free(s);
	return str_of(kept);
}

static struct receipts receipts_of(const struct block *b)
{
	struct receipts r;
	bool found;
	assert_true(receipts_parse(&mem, text_of(b->receipts), &r, &found, NULL) && found);
	return r;
}

static void read_block(struct block *b, char *line)
{
	bool found;
	strsep(&line, "\t");
	b->name = arena_text(&mem, strsep(&line, "\t"));
	b->header = cJSON_Parse(strsep(&line, "\t"));
	b->receipts = cJSON_Parse(strsep(&line, "\t"));
	assert_true(header_parse(&mem, text_of(b->header), &b->h, &found, NULL) && found);
	struct receipts r = receipts_of(b);
	size_t n = 0;
	for (size_t i = 0; i < r.n; i++)
		n += r.list[i].nlogs;
	b->logs = arena_alloc(&mem, n * sizeof *b->logs);
	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < r.list[i].nlogs; k++)
			b->logs[b->nlogs++] = r.list[i].logs[k];
}

static struct block *named(const char *name)
{
	for (size_t i = 0; i < nblocks; i++)
		if (text_is(blocks[i].name, name))
			return &blocks[i];
	fail_msg("no block %s", name);
	return NULL;
}

/* ── the node ── */

static cJSON *find(const char *key, const char *hash, size_t *block)
{
	for (size_t i = 0; i < nblocks; i++) {
		const cJSON *x;
		*block = i;
		if (text_is(key, "hash") &&
			text_is(cJSON_GetStringValue(cJSON_GetObjectItem(blocks[i].header, key)), hash))
			return blocks[i].header;
		cJSON_ArrayForEach(
			x, blocks[i].receipts) if (text_is(cJSON_GetStringValue(cJSON_GetObjectItem(x, key)),
										   hash)) return cJSON_Duplicate(x, true);
	}
	return NULL;
}

static cJSON *logs_of(const struct block *b)
{
	cJSON *all = cJSON_CreateArray();
	const cJSON *x, *l;
	cJSON_ArrayForEach(x, b->receipts) cJSON_ArrayForEach(l, cJSON_GetObjectItem(x, "logs"))
		cJSON_AddItemToArray(all, cJSON_Duplicate(l, true));
	return all;
}

static cJSON *result_of(const char *method, const cJSON *params, bool *missing)
{
	const cJSON *first = cJSON_GetArrayItem(params, 0);
	const char *hash =
		cJSON_GetStringValue(cJSON_IsObject(first) ? cJSON_GetObjectItem(first, "blockHash") : first);
	size_t i;
	if (text_is(method, "eth_getBlockReceipts")) {
		node.by_block++;
		*missing = node.no_block_receipts;
		if (node.broken)
			return cJSON_CreateString("0x");
		return find("hash", hash, &i) && !node.null_receipts ? cJSON_Duplicate(blocks[i].receipts, true)
															 : cJSON_CreateNull();
	}
	if (text_is(method, "eth_getTransactionReceipt")) {
		node.single++;
		cJSON *x = find("transactionHash", hash, &i);
		return x && !node.null_receipts ? x : (cJSON_Delete(x), cJSON_CreateNull());
	}
	if (text_is(method, "eth_getLogs")) {
		node.logs++;
		return find("hash", hash, &i) ? logs_of(&blocks[i]) : cJSON_CreateArray();
	}
	node.headers++;
	return find("hash", hash, &i) && !node.unknown_block ? cJSON_Duplicate(blocks[i].header, true)
														 : cJSON_CreateNull();
}

static cJSON *answer_to(const cJSON *call)
{
	bool missing = false;
	cJSON *a = cJSON_CreateObject();
	cJSON_AddStringToObject(a, "jsonrpc", "2.0");
	cJSON_AddItemToObject(a, "id", cJSON_Duplicate(cJSON_GetObjectItem(call, "id"), true));
	node.asked++;
	cJSON *r = result_of(cJSON_GetStringValue(cJSON_GetObjectItem(call, "method")),
		cJSON_GetObjectItem(call, "params"), &missing);
	if (!missing && !node.refuses) {
		cJSON_AddItemToObject(a, "result", r);
		return a;
	}
	cJSON_Delete(r);
	cJSON *e = cJSON_AddObjectToObject(a, "error"); /* as hardhat says it */
	cJSON_AddNumberToObject(e, "code", missing ? -32004 : -32005);
	cJSON_AddStringToObject(
		e, "message", missing ? "Method eth_getBlockReceipts is not supported" : "rate limit exceeded");
	return a;
}

static void on_bytes(struct peer *p)
{
	const char *body = strstr(p->in.p, "\r\n\r\n"), *length = strcasestr(p->in.p, "content-length:");
	if (!body || !length || p->in.n < (size_t)(body + 4 - p->in.p) + strtoul(length + 15, NULL, 10))
		return;
	cJSON *q = cJSON_Parse(body + 4), *a;
	assert_non_null(q);
	if (cJSON_IsArray(q)) {
		const cJSON *call;
		a = cJSON_CreateArray();
		cJSON_ArrayForEach(call, q) cJSON_AddItemToArray(a, answer_to(call));
	} else
		a = answer_to(q);
	char *text = cJSON_PrintUnformatted(a);
	struct buf out = {0};
	buf_printf(&out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		strlen(text));
	buf_text(&out, text);
	buf_clear(&p->in);
	peer_say_bytes(p, out.p, out.n);
	buf_fini(&out);
	free(text);
	cJSON_Delete(q);
	cJSON_Delete(a);
}

/* ── what is wanted ── */

static bool all_logs(void *arg, const struct log *l)
{
	(void)l;
	return arg == NULL;
}
/* Ours are those of one address: that of the first log of the file. */
static bool our_bloom(void *arg, const uint8_t bloom[256])
{
	(void)arg;
	return bloom_may_hold(bloom, named("anvil-one")->logs[0].address, 20);
}
static const struct proof_filter filter = {our_bloom, all_logs, NULL};

static struct proof_given given(const struct block *b)
{
	return (struct proof_given){b->logs, b->nlogs, true};
}

static struct proof_block logs_verdict(struct proof_trust *t, enum proof_level want, const struct block *b)
{
	struct proof_block out;
	struct proof_given g = given(b);
	proof_logs(t, want, &b->h, &g, &filter, &out);
	return out;
}

static struct proof_block receipts_verdict(
	struct proof_trust *t, const struct block *b, struct proof_given g, struct receipts r)
{
	struct proof_block out;
	proof_receipts(t, &mem, &b->h, &g, &filter, &r, &out);
	return out;
}

/* A copy whose logs may be changed. */
static struct block copy_of(const char *name)
{
	struct block b = *named(name);
	b.logs = arena_copy(&mem, b.logs, b.nlogs * sizeof *b.logs);
	return b;
}

/* ── the pure part ── */

static void test_bloom(void **state)
{
	(void)state;
	struct proof_trust t = {0};
	struct block *empty = named("anvil-empty"), *some = named("anvil-two");
	assert_false(proof_bloom_counts(&t));
	assert_int_equal(logs_verdict(&t, PROOF_BLOOM, empty).verdict, PROOF_UNPROVED); /* never seen to hold */
	assert_null(proof_unsupported(&t));
	struct proof_block b = logs_verdict(&t, PROOF_BLOOM, some);
	assert_int_equal(b.verdict, PROOF_UNPROVED);
	assert_int_equal(b.level, PROOF_NONE);
	assert_int_equal(b.nlogs, 2);
	assert_true(proof_bloom_counts(&t));
	b = logs_verdict(&t, PROOF_BLOOM, empty);
	assert_int_equal(b.verdict, PROOF_PROVED);
	assert_int_equal(b.level, PROOF_BLOOM);
	assert_int_equal(logs_verdict(&t, PROOF_RECEIPTS, empty).level, PROOF_RECEIPTS);
	assert_int_equal(logs_verdict(&t, PROOF_NONE, empty).verdict, PROOF_UNPROVED);
	/* a log that is left out leaves the bloom positive: nothing is proved */
	struct block less = copy_of("anvil-two");
	less.nlogs = 0;
	assert_int_equal(logs_verdict(&t, PROOF_BLOOM, &less).verdict, PROOF_UNPROVED);
	/* an invented one is a lie, once blooms are known to hold */
	struct block more = copy_of("anvil-two");
	more.logs[1].topics[0][3] ^= 1;
	b = logs_verdict(&t, PROOF_NONE, &more);
	assert_int_equal(b.verdict, PROOF_REFUTED);
	assert_int_equal(b.liar, PROOF_GIVEN);
	assert_non_null(strstr(b.why, "bloom"));
	struct proof_trust young = {0};
	assert_int_equal(logs_verdict(&young, PROOF_NONE, &more).verdict, PROOF_UNPROVED);
	assert_string_equal(proof_unsupported(&young), "the bloom of blocks");
	assert_null(proof_unsupported(&young));
	assert_false(proof_bloom_counts(&young));
	logs_verdict(&young, PROOF_NONE, some);
	assert_true(proof_bloom_counts(&young));
	/* a bloom that says yes to all teaches nothing */
	struct proof_trust full = {0};
	struct block wide = copy_of("anvil-two");
	memset(wide.h.bloom, 0xff, 256);
	logs_verdict(&full, PROOF_BLOOM, &wide);
	assert_false(proof_bloom_counts(&full));
}

static void test_places(void **state)
{
	(void)state;
	struct proof_trust t = {0};
	struct block b = copy_of("anvil-kinds");
	assert_true(b.nlogs > 8);
	assert_int_equal(logs_verdict(&t, PROOF_NONE, &b).verdict, PROOF_UNPROVED);
	b.logs[3].removed = true;
	assert_int_equal(logs_verdict(&t, PROOF_NONE, &b).verdict, PROOF_REFUTED);
	b = copy_of("anvil-kinds");
	b.logs[3].block_hash[0] ^= 1;
	assert_non_null(strstr(logs_verdict(&t, PROOF_NONE, &b).why, "another block"));
	b = copy_of("anvil-kinds");
	b.logs[3] = b.logs[2];
	b.logs[3].data.n = 0;
	assert_non_null(strstr(logs_verdict(&t, PROOF_NONE, &b).why, "two logs at one place"));
	/* numbers that begin anew with each transaction: a chain's way, until it was often seen to be otherwise
	 */
	b = copy_of("anvil-two");
	b.logs[1].log_index = 0;
	struct proof_trust other = {0};
	assert_int_equal(logs_verdict(&other, PROOF_NONE, &b).verdict, PROOF_UNPROVED);
	for (int i = 0; i < 100; i++)
		logs_verdict(&other, PROOF_NONE, named("anvil-two"));
	assert_int_equal(logs_verdict(&other, PROOF_NONE, &b).verdict, PROOF_UNPROVED);
	for (int i = 0; i < 64; i++)
		assert_int_equal(logs_verdict(&t, PROOF_NONE, named("anvil-two")).verdict, PROOF_UNPROVED);
	assert_int_equal(logs_verdict(&t, PROOF_NONE, &b).verdict, PROOF_REFUTED);
	b = copy_of("anvil-two");
	b.logs[1].tx_hash[5] ^= 1;
	assert_non_null(strstr(logs_verdict(&t, PROOF_NONE, &b).why, "transaction"));
	memset(b.logs[1].tx_hash, 0, 32); /* a system log */
	assert_int_equal(logs_verdict(&t, PROOF_NONE, &b).verdict, PROOF_UNPROVED);
	b.logs[1].tx_hash[5] = 1;
	b.logs[1].tx_index = b.h.ntxs; /* behind the list */
	assert_int_equal(logs_verdict(&t, PROOF_NONE, &b).verdict, PROOF_UNPROVED);
}

static void test_header(void **state)
{
	(void)state;
	struct proof_trust t = {0};
	assert_true(proof_header(&t, HEADER_FALSE));
	assert_string_equal(proof_unsupported(&t), "the hash of headers");
	assert_true(proof_header(&t, HEADER_UNSUPPORTED));
	assert_true(proof_header(&t, HEADER_TRUE));
	assert_true(proof_header(&t, HEADER_UNSUPPORTED));
	assert_false(proof_header(&t, HEADER_FALSE));
}

static void test_receipts(void **state)
{
	(void)state;
	struct proof_trust t = {0};
	for (size_t i = 0; i < nblocks; i++) {
		struct proof_block b = receipts_verdict(&t, &blocks[i], given(&blocks[i]), receipts_of(&blocks[i]));
		if (b.verdict != PROOF_PROVED || b.level != PROOF_RECEIPTS || b.liar != PROOF_NOBODY || b.why[0])
			fail_msg("%s: %s", blocks[i].name, b.why);
		assert_true(same_set(b.logs, b.nlogs, blocks[i].logs, blocks[i].nlogs));
	}
	assert_true(proof_trusts(&t, PROOF_CHECK_ROOT));
	assert_true(proof_trusts(&t, PROOF_CHECK_INDEX));
	struct block *b = named("anvil-kinds");
	/* the logs that were given lack one, or have another: those of the receipts are taken */
	struct proof_block out =
		receipts_verdict(&t, b, (struct proof_given){b->logs, b->nlogs - 1, true}, receipts_of(b));
	assert_int_equal(out.verdict, PROOF_PROVED);
	assert_int_equal(out.liar, PROOF_GIVEN);
	assert_int_equal(out.nlogs, b->nlogs);
	struct block bad = copy_of("anvil-kinds");
	bad.logs[4].data = (struct bytes){(const uint8_t *)"x", 1};
	out = receipts_verdict(&t, b, given(&bad), receipts_of(b));
	assert_int_equal(out.liar, PROOF_GIVEN);
	assert_int_equal(out.verdict, PROOF_PROVED);
	/* no logs were asked for: nobody is accused of lacking them */
	out = receipts_verdict(&t, b, (struct proof_given){0}, receipts_of(b));
	assert_int_equal(out.liar, PROOF_NOBODY);
	assert_int_equal(out.nlogs, b->nlogs);
	assert_int_equal(out.logs[b->nlogs - 1].log_index, b->nlogs - 1);
	assert_true(out.logs[0].has_time && out.logs[0].time == b->h.time);
}

static void test_receipts_that_lie(void **state)
{
	(void)state;
	struct block *b = named("anvil-kinds");
	struct proof_trust known = {0}, fresh = {0};
	receipts_verdict(&known, b, given(b), receipts_of(b));
	struct receipts r = receipts_of(b);
	r.list[0].cumulative_gas++;
	struct proof_block out = receipts_verdict(&known, b, given(b), r);
	assert_int_equal(out.verdict, PROOF_UNPROVED);
	assert_int_equal(out.liar, PROOF_ASKED);
	assert_true(out.again && !out.unsupported);
	/* on a chain where roots never fitted, nobody is accused, and it is said once */
	out = receipts_verdict(&fresh, b, given(b), r);
	assert_int_equal(out.verdict, PROOF_UNPROVED);
	assert_int_equal(out.liar, PROOF_NOBODY);
	assert_true(out.unsupported && !out.again && out.why[0]);
	out = receipts_verdict(&fresh, b, given(b), r);
	assert_true(out.unsupported && !out.why[0]);
	assert_non_null(proof_unsupported(&fresh));
	/* a form that never passed lowers the level; those that passed are held to it */
	struct receipts new = receipts_of(b);
	new.list[0].type = 0x7e;
	out = receipts_verdict(&known, b, given(b), new);
	assert_true(out.unsupported && out.liar == PROOF_NOBODY);
	assert_non_null(strstr(out.why, "type 126"));
	new.list[0].type = 0x99;
	out = receipts_verdict(&known, b, given(b), new);
	assert_true(out.unsupported);
	assert_non_null(strstr(out.why, "type 153 are not known here"));
	/* what the root does not cover: the names of transactions, and how many there are */
	r = receipts_of(b);
	r.list[1].tx_hash[0] ^= 1;
	for (size_t k = 0; k < r.list[1].nlogs; k++)
		r.list[1].logs[k].tx_hash[0] ^= 1;
	out = receipts_verdict(&known, b, given(b), r);
	assert_int_equal(out.liar, PROOF_ASKED);
	assert_non_null(strstr(out.why, "names another transaction"));
	r = receipts_of(b);
	r.n--;
	assert_int_equal(receipts_verdict(&known, b, given(b), r).liar, PROOF_ASKED);
	r.n = 0;
	assert_int_equal(receipts_verdict(&known, b, given(b), r).liar, PROOF_ASKED);
	/* log indexes are counted, whatever is said */
	r = receipts_of(b);
	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < r.list[i].nlogs; k++)
			r.list[i].logs[k].log_index += 7;
	out = receipts_verdict(&known, b, given(b), r);
	assert_int_equal(out.verdict, PROOF_PROVED);
	assert_int_equal(out.liar, PROOF_NOBODY);
	assert_int_equal(out.logs[0].log_index, 0);
	/* an empty block without receipts is proved at once only where nothing was used in it */
	struct proof_trust none = {0};
	struct block odd = *named("anvil-empty");
	assert_int_equal(receipts_verdict(&none, &odd, given(&odd), receipts_of(&odd)).verdict, PROOF_PROVED);
	odd.h.gas_used = 5;
	assert_int_equal(receipts_verdict(&none, &odd, given(&odd), receipts_of(&odd)).verdict, PROOF_UNPROVED);
}

static void test_sets(void **state)
{
	(void)state;
	struct block b = copy_of("anvil-kinds");
	struct proof_set s = {{0}};
	uint8_t one[32], two[32];
	for (size_t i = 0; i < b.nlogs; i++)
		proof_set_add(&s, &b.logs[i]);
	proof_set_end(&s, one);
	for (size_t i = b.nlogs; i-- > 0;)
		proof_set_add(&s, &b.logs[i]);
	proof_set_end(&s, two);
	assert_memory_equal(one, two, 32);
	proof_set_fini(&s);
	struct log a = b.logs[3], x;
#define DIFFERS(change)                       \
	do {                                      \
		x = a;                                \
		change;                               \
		assert_false(same_set(&a, 1, &x, 1)); \
	} while (0)
	DIFFERS(x.block_hash[1] ^= 1);
	DIFFERS(x.tx_hash[1] ^= 1);
	DIFFERS(x.tx_index++);
	DIFFERS(x.log_index++);
	DIFFERS(x.address[1] ^= 1);
	DIFFERS(x.topics[0][1] ^= 1);
	DIFFERS(x.ntopics--);
	DIFFERS(x.data.n--);
	x = a;
	x.block = 9, x.removed = true, x.time = 9;
	assert_true(same_set(&a, 1, &x, 1));
	assert_false(same_set(&a, 1, &a, 0));
	assert_true(same_set(NULL, 0, NULL, 0));
}

/* ── the part that asks ── */

static struct {
	int done;
	struct proof_reply r;
	bool had_failed;
	struct proof_block blocks[BLOCKS_MAX];
} got;
static struct proof_trust trust;

static void on_done(void *arg, const struct proof_reply *r)
{
	assert_ptr_equal(arg, &got);
	got.done++;
	got.r = *r;
	got.had_failed = r->failed != NULL;
	if (r->ok)
		memcpy(got.blocks, r->blocks, nblocks * sizeof *r->blocks);
}

static int calls_most;
static const char *const members[] = {"\"topics\":[]"};

/* Asks about all blocks of the file. change: of the logs given for block `which`. */
static void ask(enum proof_level want, bool known, const char *which, void (*change)(struct proof_given *g))
{
	static struct block_header headers[BLOCKS_MAX];
	static struct proof_given g[BLOCKS_MAX];
	for (size_t i = 0; i < nblocks; i++) {
		headers[i] = blocks[i].h;
		g[i] = known ? given(&blocks[i]) : (struct proof_given){0};
		if (change && text_is(blocks[i].name, which))
			change(&g[i]);
	}
	struct proof_ask a = {.want = want,
		.rpc = rpc,
		.trust = &trust,
		.headers = headers,
		.n = nblocks,
		.given = g,
		.filter = filter,
		.members = members,
		.nmembers = 1,
		.mem = &mem,
		.calls_most = calls_most};
	got.done = 0;
	node.asked = node.by_block = node.single = node.logs = node.headers = 0;
	proof_run(loop, &a, on_done, &got);
	assert_int_equal(got.done, 0);
	spin_until(loop, got.done == 1);
}

static void all_proved(enum proof_level level)
{
	assert_true(got.r.ok);
	for (size_t i = 0; i < nblocks; i++) {
		if (got.blocks[i].verdict != PROOF_PROVED || got.blocks[i].level != level)
			fail_msg("%s: %s", blocks[i].name, got.blocks[i].why);
		assert_true(same_set(got.blocks[i].logs, got.blocks[i].nlogs, blocks[i].logs, blocks[i].nlogs));
	}
}

static void leave_one_out(struct proof_given *g)
{
	g->n--;
}

static struct proof_block *result(const char *name)
{
	return &got.blocks[named(name) - blocks];
}

static void test_run_receipts(void **state)
{
	(void)state;
	ask(PROOF_RECEIPTS, true, NULL, NULL);
	all_proved(PROOF_RECEIPTS);
	assert_int_equal(
		got.r.requests, 1 + (node.by_block - 1) / RECEIPTS_FIRST);     /* what they take is not known */
	assert_true(node.by_block > 0 && (size_t)node.by_block < nblocks); /* the empty ones needed no question */
	assert_int_equal(node.asked, node.by_block);
	assert_true(got.r.bytes > 1000);
	ask(PROOF_RECEIPTS, false, NULL, NULL);
	all_proved(PROOF_RECEIPTS);
	assert_int_equal(got.r.requests, 1);
	uint64_t small = trust.receipts_bytes;
	assert_in_range(small, 100, RECEIPTS_BYTES / 100);
	trust.receipts_bytes = 2 * RECEIPTS_BYTES; /* INV-10: one at a time, until they are smaller again */
	ask(PROOF_RECEIPTS, false, NULL, NULL);
	all_proved(PROOF_RECEIPTS);
	assert_true(got.r.requests > 3 && got.r.requests < node.by_block);
	ask(PROOF_RECEIPTS, true, "hardhat-kinds", leave_one_out);
	all_proved(PROOF_RECEIPTS);
	assert_int_equal(result("hardhat-kinds")->liar, PROOF_GIVEN);
	assert_int_equal(result("anvil-kinds")->liar, PROOF_NOBODY);
}

static void test_run_single(void **state)
{
	(void)state;
	node.no_block_receipts = true;
	ask(PROOF_RECEIPTS, true, NULL, NULL);
	all_proved(PROOF_RECEIPTS);
	assert_true(got.r.no_block_receipts);
	/* of blocks without logs only the first is asked about: then blooms are known to hold */
	int txs = (int)named("anvil-create")->h.ntxs;
	for (size_t i = 0; i < nblocks; i++)
		txs += blocks[i].nlogs ? (int)blocks[i].h.ntxs : 0;
	assert_int_equal(node.single, txs);
	node.null_receipts = true;
	ask(PROOF_RECEIPTS, true, NULL, NULL);
	assert_true(got.r.ok);
	assert_true(result("anvil-one")->again);
	assert_int_equal(result("anvil-one")->verdict, PROOF_UNPROVED);
	assert_int_equal(result("anvil-one")->liar, PROOF_NOBODY);
	node = (struct node){.no_block_receipts = true};
	/* the chain has moved on: the transaction stands in another block */
	cJSON *r = cJSON_GetArrayItem(named("anvil-one")->receipts, 0);
	char *hash = arena_text(&mem, cJSON_GetStringValue(cJSON_GetObjectItem(r, "blockHash")));
	cJSON_SetValuestring(
		cJSON_GetObjectItem(r, "blockHash"), cJSON_GetStringValue(cJSON_GetObjectItem(r, "transactionHash")));
	ask(PROOF_RECEIPTS, true, NULL, NULL);
	cJSON_SetValuestring(cJSON_GetObjectItem(r, "blockHash"), hash);
	assert_true(result("anvil-one")->again);
	assert_int_equal(result("anvil-one")->liar, PROOF_NOBODY);
	assert_int_equal(result("anvil-two")->verdict, PROOF_PROVED);
}

static void test_run_that_fails(void **state)
{
	(void)state;
	node.null_receipts = true;
	ask(PROOF_RECEIPTS, true, NULL, NULL);
	assert_true(got.r.ok && result("anvil-one")->again && result("anvil-one")->liar == PROOF_NOBODY);
	node = (struct node){.broken = true};
	ask(PROOF_RECEIPTS, true, NULL, NULL);
	assert_true(got.r.ok && result("anvil-one")->again && result("anvil-one")->why[0]);
	node = (struct node){.refuses = true};
	ask(PROOF_RECEIPTS, true, NULL, NULL);
	assert_false(got.r.ok);
	assert_true(got.had_failed);
	assert_int_equal(got.r.call, 0);
	assert_non_null(strstr(got.r.err.text, "rate limit"));
	assert_false(got.r.no_block_receipts);
	ask(PROOF_SOURCES, true, NULL, NULL);
	assert_false(got.r.ok);
	struct proof_given g = given(named("anvil-one"));
	struct proof_ask a = {.want = PROOF_RECEIPTS,
		.rpc = rpc,
		.trust = &trust,
		.headers = &named("anvil-one")->h,
		.n = 1,
		.given = &g,
		.filter = filter,
		.mem = &mem,
		.calls_most = calls_most};
	got.done = 0;
	proof_cancel(proof_run(loop, &a, on_done, &got)); /* with a request out */
	a.headers = &named("anvil-empty")->h;
	g = given(named("anvil-empty"));
	proof_cancel(proof_run(loop, &a, on_done, &got)); /* with nothing to ask */
	node = (struct node){0};
	ask(PROOF_NONE, true, NULL, NULL);
	assert_int_equal(got.done, 1);
	assert_true(got.r.ok && got.r.requests == 0); /* what was given up may still reach the node */
}

static void test_run_sources(void **state)
{
	(void)state;
	ask(PROOF_SOURCES, true, NULL, NULL);
	all_proved(PROOF_SOURCES);
	assert_int_equal(node.logs, node.headers);
	assert_int_equal(got.r.requests, 1);
	ask(PROOF_SOURCES, true, "anvil-kinds", leave_one_out);
	assert_int_equal(result("anvil-kinds")->verdict, PROOF_UNPROVED);
	assert_int_equal(result("anvil-kinds")->liar, PROOF_EITHER);
	assert_true(result("anvil-kinds")->again);
	assert_int_equal(result("hardhat-kinds")->verdict, PROOF_PROVED);
	node.unknown_block = true; /* it does not have the block, and says what it says */
	ask(PROOF_SOURCES, true, NULL, NULL);
	assert_int_equal(result("anvil-kinds")->verdict, PROOF_UNPROVED);
	assert_int_equal(result("anvil-kinds")->liar, PROOF_NOBODY);
	assert_true(result("anvil-kinds")->again);
}

/* Few calls a request: the same in more requests. */
static void test_run_in_pieces(void **state)
{
	(void)state;
	for (calls_most = 1; calls_most < 6; calls_most += 2) {
		node.no_block_receipts = false;
		ask(PROOF_RECEIPTS, true, NULL, NULL);
		all_proved(PROOF_RECEIPTS);
		assert_int_equal(got.r.requests, (node.by_block + calls_most - 1) / calls_most);
		node.no_block_receipts = true;
		ask(PROOF_RECEIPTS, true, NULL, NULL);
		all_proved(PROOF_RECEIPTS);
		ask(PROOF_SOURCES, true, NULL, NULL);
		all_proved(PROOF_SOURCES);
		int blocks_each = calls_most < 2 ? 1 : calls_most / 2;
		assert_int_equal(got.r.requests, (node.logs + blocks_each - 1) / blocks_each);
	}
}

/* ── set-up ── */

static int begin(void **state)
{
	(void)state;
	FILE *f = fopen("test/vectors/blocks.txt", "r");
	char *line = NULL;
	size_t room = 0;
	if (!f)
		return -1;
	while (nblocks < BLOCKS_MAX && getline(&line, &room, f) > 0)
		read_block(&blocks[nblocks++], line);
	free(line);
	fclose(f);
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < nblocks; i++) {
		cJSON_Delete(blocks[i].header);
		cJSON_Delete(blocks[i].receipts);
	}
	arena_fini(&mem);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	char url[64];
	loop = loop_new();
	peer_server_open(&server, loop, 0, on_bytes);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
	rpc = rpc_open(loop, url, 20000);
	node = (struct node){0};
	calls_most = 0;
	trust = (struct proof_trust){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rpc_close(rpc);
	peer_server_close(&server);
	loop_free(loop);
	return 0;
}

int main(void)
{
#define RUN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bloom),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_receipts),
		cmocka_unit_test(test_receipts_that_lie),
		cmocka_unit_test(test_sets),
		RUN(test_run_receipts),
		RUN(test_run_single),
		RUN(test_run_that_fails),
		RUN(test_run_sources),
		RUN(test_run_in_pieces),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
