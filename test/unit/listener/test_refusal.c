/* What endpoints say when they mean no: wordings of today's clients and providers, and the traps between
 * them. */
#include "listener/refusal.c"
#include "listener/refusal_text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* clang-format off */
#define R REFUSAL_RANGE
#define D REFUSAL_DENSITY
#define T REFUSAL_TIMEOUT
#define L REFUSAL_RATE
#define H REFUSAL_HEAD
#define P REFUSAL_PRUNED
#define B REFUSAL_BATCH
#define F REFUSAL_FILTER
#define M REFUSAL_METHOD
#define O REFUSAL_OTHER
/* clang-format on */

struct said {
	enum refusal class;
	long status;
	int code;
	const char *message, *data;
	int64_t from, to;   /* what was asked; -1: no logs */
	int64_t most;       /* blocks; 0: none may be believed */
	int64_t rfrom, rto; /* proposed; 0, 0: none may be believed */
	int64_t results;
};

static const struct said wordings[] = {
	/* range caps */
	{R, 200, -32000, "block range too large, max range: 10000", "", 0, 99999, 10000, 0, 0, 0},
	{R, 200, -32000, "exceeded maximum block range: 5000", "", 0, 9999, 5000, 0, 0, 0},
	{R, 200, -32701, "exceed maximum block range: 50000", "", 0, 99999, 50000, 0, 0, 0},
	{R, 200, -32602, "query exceeds max block range 100000", "", 0, 999999, 100000, 0, 0, 0},
	{R, 200, 35, "ranges over 10000 blocks are not supported on freetier", "", 5, 99999, 10000, 0, 0, 0},
	{R, 413, -32614, "eth_getLogs is limited to a 10,000 range", "", 1, 20000, 10000, 0, 0, 0},
	{R, 413, -32615, "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range", "", 1, 20000,
		10000, 0, 0, 0},
	{R, 200, -32602, "eth_getLogs is limited to 0 - 50 blocks range", "", 0, 999, 50, 0, 0, 0},
	{R, 200, -32000, "eth_getLogs is limited to a 1024 range", "", 500, 10499, 1024, 0, 0, 0},
	{R, 413, -32614,
		"eth_getLogs is limited to a 5 range, upgrade from discover plan at $49/month to increase the limit",
		"", 100, 1099, 5, 0, 0, 0},
	{R, 200, -32602, "Invalid params",
		"\"requested block range 16777217 exceeds the limit of 200; narrow your fromBlock/toBlock\"", 0,
		16777216, 200, 0, 0, 0},
	{R, 200, -32602, "range 47440 exceeds limit of 10000", "", 100000, 147440, 10000, 0, 0, 0},
	{R, 200, -32602, "range 1000000 exceeds limit of 10000", "", 0, 1000000, 10000, 0, 0, 0},
	{R, 200, -32602, "query exceeds range, retry smaller (max block range 5000, got 16777216)", "", 0,
		16777215, 5000, 0, 0, 0},
	{R, 200, -32602, "block range greater than 10000 max", "", 0, 19999, 10000, 0, 0, 0},
	{R, 200, -32000, "maximum [from, to] blocks distance: 2000", "null", 0, 9999, 2000, 0, 0, 0},
	{R, 200, -32000, "requested too many blocks from 0 to 4095, maximum is set to 2048", "", 0, 4095, 2048, 0,
		0, 0},
	{R, 200, -32000, "requested too many blocks from 133216808 to 133217807, maximum is set to 30", "",
		133216808, 133217807, 30, 0, 0, 0},
	{R, 200, -32000, "too wide blocks range, the limit is 100", "", 0, 999, 100, 0, 0, 0},
	{R, 200, -32000, "GetLogs query must be smaller than size 1024", "", 0, 9999, 1024, 0, 0, 0},
	{R, 200, -32047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800", "",
		7, 1006, 800, 0, 0, 0},
	{R, 400, -32600,
		"You can make eth_getLogs requests with up to a 500 block range. Based on your parameters, this "
		"block "
		"range should work: [0x1a30dfd, 0x1a30ff0]",
		"", 0x1a30dfd, 0x1a30dfd + 999, 500, 0x1a30dfd, 0x1a30ff0, 0},
	{R, 400, -32600,
		"Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on "
		"your "
		"parameters, this block range should work: [0x100, 0x109]. Upgrade to PAYG for expanded block range.",
		"", 0x100, 0x4e7, 10, 0x100, 0x109, 0},
	{R, 200, -32012, "range too large", "{\"details\":{\"maxAllowedRange\":1000}}", 0, 4999, 1000, 0, 0, 0},
	{R, 200, -32000, "eth_getLogs range is too large, max is 10k blocks", "", 0, 99999, 10000, 0, 0, 0},
	{R, 200, -32000, "block range is too wide", "", 0, 99999, 0, 0, 0, 0},
	{R, 200, -32602, "block range is too wide (maximum 10_000)", "", 0, 99999, 10000, 0, 0, 0},
	{R, 200, -32000, "Block range exceeds configured limit", "", 0, 99999, 0, 0, 0, 0},
	{R, 200, -32000, "exceed max block range limit of 3000 blocks, please use a smaller one", "", 0, 9999,
		3000, 0, 0, 0},
	{R, 400, -32602, "You can make eth_getLogs requests with at most 2K blocks", "", 0, 9999, 2000, 0, 0, 0},
	{R, 200, -32000, "max block range is 5000, or 3000 on the free plan", "", 0, 9999, 3000, 0, 0, 0},
	{R, 200, -32000, "eth_getLogs is limited to a 5 range; upgrade for a higher rate limit", "", 0, 999, 5, 0,
		0, 0},
	/* density */
	{D, 200, -32005,
		"query returned more than 10000 results. Try with this block range [0xBDE5F8, 0x102DBCC].",
		"{\"from\":\"0xBDE5F8\",\"limit\":10000,\"to\":\"0x102DBCC\"}", 0xBDE5F8, 0x1400000, 0, 0xBDE5F8,
		0x102DBCC, 10000},
	{D, 200, -32005, "limit exceeded", "{\"from\":\"0xBDE5F8\",\"limit\":10000,\"to\":\"0x102DBCC\"}",
		0xBDE5F8, 0x1400000, 0, 0xBDE5F8, 0x102DBCC, 10000},
	{D, 200, -32602, "invalid params",
		"\"Query returned more than 50000 results. Try with this block range [0x1000000, 0x1080000].\"",
		0x1000000, 0x1200000, 0, 0x1000000, 0x1080000, 50000},
	{D, 400, -32602,
		"Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no "
		"limit on "
		"the response size, or you can request any block range with a cap of 10K logs in the response. Based "
		"on "
		"your parameters and the response size limit, this block range should work: [0x0, 0xd043b8]",
		"", 0, 0x1400000, 2000, 0, 0xd043b8, 10000},
	{D, 200, -32602, "query exceeds max results 20000, retry with the range 24383075-24383096", "", 24383075,
		24384074, 0, 24383075, 24383096, 20000},
	{D, 200, -32000, "logs matched by query exceeds limit of 10000", "", 0, 99999, 0, 0, 0, 10000},
	{D, 200, -32000, "query returned more than allowed number of logs, try with smaller block range", "", 0,
		999, 0, 0, 0, 0},
	{D, 200, -32000, "response size should not greater than 10000000 bytes", "", 0, 999, 0, 0, 0, 0},
	{D, 200, -32008, "Response is too big", "\"Exceeded max limit of 167772160\"", 0, 999, 0, 0, 0, 0},
	{D, 413, -32000, "response too large: content length limit exceeded", "", 0, 999, 0, 0, 0, 0},
	{D, 413, 0, NULL, "<html><head><title>413 Request Entity Too Large</title></head></html>", 0, 999, 0, 0,
		0, 0},
	{D, 200, -32005, "limit exceeded", "", 0, 999, 0, 0, 0, 0},
	/* timeouts */
	{T, 200, -32000, "Query timeout exceeded. Consider reducing your block range.", "", 0, 999, 0, 0, 0, 0},
	{T, 200, -32005, "query timeout exceeded", "", 0, 999, 0, 0, 0, 0},
	{T, 200, -32002, "request timed out", "", 0, 999, 0, 0, 0, 0},
	{T, 503, -32000, "context deadline exceeded", "", 0, 999, 0, 0, 0, 0},
	{T, 504, 0, NULL, "<html><title>504 Gateway Time-out</title></html>", 0, 999, 0, 0, 0, 0},
	{T, 524, 0, NULL, "<!DOCTYPE html><title>A timeout occurred</title>", 0, 999, 0, 0, 0, 0},
	{T, 200, -32000, "the query took too long", "", 0, 999, 0, 0, 0, 0},
	/* rates */
	{L, 429, 0, NULL, "", 0, 999, 0, 0, 0, 0},
	{L, 429, -32005, "exceeded project rate limit",
		"{\"rate\":{\"allowed_rps\":5,\"backoff_seconds\":30,\"current_rps\":5.2},\"see\":\"https://x/"
		"dashboard\"}",
		0, 999, 0, 0, 0, 0},
	{L, 429, 429,
		"Your app has exceeded its compute units per second capacity. If you have retries enabled, you "
		"can safely ignore this message.",
		"", 0, 999, 0, 0, 0, 0},
	{L, 200, -32005, "daily request count exceeded, request rate limited", "", 0, 999, 0, 0, 0, 0},
	{L, 200, -32016, "over rate limit", "", 0, 999, 0, 0, 0, 0},
	{L, 200, -32029, "Too Many Requests", "", 0, 999, 0, 0, 0, 0},
	{L, 200, -32007, "50/second request limit reached - reduce calls per second or upgrade your account", "",
		0, 999, 0, 0, 0, 0},
	{L, 200, -32005, "limit exceeded", "", 77, 77, 0, 0, 0, 0},
	{L, 429, -32005, "limit exceeded", "", -1, -1, 0, 0, 0, 0},
	{L, 402, 0, NULL, "Payment Required", 0, 999, 0, 0, 0, 0},
	{L, 503, 0, NULL, "<h1>Throttled</h1>", 0, 999, 0, 0, 0, 0},
	/* head races */
	{H, 200, -32000, "header not found", "", 990, 1000, 0, 0, 0, 0},
	{H, 200, -39001, "unknown block", "", 1000, 1000, 0, 0, 0, 0},
	{H, 200, -32602, "block range extends beyond current head block", "", 1, 1000, 0, 0, 0, 0},
	{H, 200, -32000,
		"One or more of the blocks specified in filter (fromBlock, toBlock, or blockHash) cannot be found.",
		"", 1, 1000, 0, 0, 0, 0},
	{H, 200, -32000, "requested block 1000 after last accepted block 998", "", 1, 1000, 0, 0, 0, 0},
	{H, 200, -32000, "cannot query unfinalized data", "", 1, 1000, 0, 0, 0, 0},
	{H, 200, -32001, "Resource not found", "", 1, 1000, 0, 0, 0, 0},
	{H, 200, -32602, "invalid block range params", "", 1, 1000, 0, 0, 0, 0},
	{H, 200, -32000, "toBlock 1005 is greater than latest block 1000", "", 6, 1005, 0, 0, 0, 0},
	{H, 200, -32000, "request beyond head block: requested 1005, head 1000", "", 6, 1005, 0, 0, 0, 0},
	/* pruned */
	{P, 200, -32000,
		"missing trie node b03d68ac51042467d7637d4ef9e1c52370abc410f263166965cb1e280b1f6d17 (path )", "", 100,
		200, 0, 0, 0, 0},
	{P, 200, 4444, "Pruned history unavailable", "", 100, 200, 0, 0, 0, 0},
	{P, 200, -32000, "required historical state unavailable (reexec=128)", "", 100, 200, 0, 0, 0, 0},
	{P, 200, -32602, "Archive requests require a personal token. Get one at: https://www.x.com/y", "", 100,
		200, 0, 0, 0, 0},
	{P, 200, -32000, "old data not available due to pruning", "", 100, 200, 0, 0, 0, 0},
	{P, 200, -32602, "Receipts for block 120 (0x12) are neither stored nor reproducible from state history.",
		"", 120, 120, 0, 0, 0, 0},
	{P, 200, -32000, "distance to target block exceeds maximum proof window", "", 100, 200, 0, 0, 0, 0},
	{P, 200, -32000,
		"This request is not supported because your node is running with state pruning. Run with "
		"--pruning=archive.",
		"", 100, 200, 0, 0, 0, 0},
	/* filters, methods, the rest */
	{F, 200, -32602, "exceed max addresses or topics per search position", "", 0, 999, 0, 0, 0, 0},
	{F, 200, -32602, "too many addresses: at most 1000", "", 0, 999, 0, 0, 0, 0},
	{M, 200, -32601, "the method eth_getBlockReceipts does not exist/is not available", "", -1, -1, 0, 0, 0,
		0},
	{M, 200, -32601, "unknown call", "", 0, 999, 0, 0, 0, 0},
	{M, 200, -32601, "Method not found", "", 0, 999, 0, 0, 0, 0},
	{M, 200, -32004, "Method eth_getBlockReceipts not supported", "", -1, -1, 0, 0, 0, 0},
	{M, 403, -32000, "rpc method is not whitelisted", "", -1, -1, 0, 0, 0, 0},
	{O, 502, 0, NULL, "<html><title>502 Bad Gateway</title></html>", 0, 999, 0, 0, 0, 0},
	{O, 503, 0, NULL, "", 0, 999, 0, 0, 0, 0},
	{O, 401, -32000, "Unauthorized: You must authenticate your request with an API key.", "", 0, 999, 0, 0, 0,
		0},
	{O, 200, -32603, "service temporarily unavailable", "", 0, 999, 0, 0, 0, 0},
	{O, 200, -32603, "Internal error", "", 0, 999, 0, 0, 0, 0},
	{O, 403, 0, NULL, "<html>Attention Required! | Ray ID 8f0123</html>", 0, 999, 0, 0, 0, 0},
};

/* Numbers that must not be believed. */
static const struct said traps[] = {
	{R, 200, -32000, "block 19000000 lies in too wide a block range", "", 18000000, 19999999, 0, 0, 0, 0},
	{R, 200, -32000, "block range exceeds the limit (from 100 to 5000, head at 800)", "", 100, 5000, 0, 0, 0,
		0},
	{R, 200, -32000, "max block range: 50000", "", 0, 999, 0, 0, 0, 0},
	{R, 200, -32000, "max block range: 0", "", 0, 999, 0, 0, 0, 0},
	{R, 200, -32000, "max block range: -5", "", 0, 999, 0, 0, 0, 0},
	{R, 200, -32000, "max block range: 99999999999999999999999999", "", 0, 999, 0, 0, 0, 0},
	{D, 200, -32005, "query returned more than 10000 results. Try with this block range [0x0, 0x5].", "", 100,
		999, 0, 0, 0, 10000},
	{D, 200, -32005, "query returned more than 10000 results. Try with this block range [0x65, 0xfff].", "",
		100, 999, 0, 0, 0, 10000},
	{D, 200, -32005, "query returned more than 10000 results. Try with this block range [0x200, 0x100].", "",
		100, 999, 0, 0, 0, 10000},
	{D, 200, -32005, "query returned more than 10000 results. Try with this block range [0x64, 0x3e7].", "",
		100, 999, 0, 0, 0, 10000},
	{D, 200, -32005, "query returned more than 500 results", "", 0, 999, 0, 0, 0, 500},
	{T, 200, -32000, "query timeout: 10 s exceeded in block range", "", 0, 999, 0, 0, 0, 0},
	{L, 200, -32005, "rate limit: at most 25 requests per second, block 700", "", 0, 999, 0, 0, 0, 0},
};

static struct refused ask(const struct said *s, int calls)
{
	struct refusal_view v = {.http_status = s->status, .have_answer = s->message, .code = s->code};
	struct refused r;
	v.message = str_of(s->message ? s->message : "");
	*(s->message ? &v.data : &v.body) = str_of(s->data);
	v.calls = calls;
	v.has_asked = s->from >= 0;
	v.from = s->from;
	v.to = s->to;
	refusal_class(&r, &v);
	return r;
}

static void check(const struct said *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct said *s = &table[i];
		struct refused r = ask(s, 1);
		if (r.class != s->class)
			fail_msg("\"%s\" %s: %s, not %s", s->message ? s->message : "", s->data, refusal_name(r.class),
				refusal_name(s->class));
		if (r.most_blocks != s->most && (r.has_most || s->most))
			fail_msg("\"%s\": %ld blocks, not %ld", s->message, (long)r.most_blocks, (long)s->most);
		if (r.has_range != (s->rto > 0) || (r.has_range && (r.from != s->rfrom || r.to != s->rto)))
			fail_msg("\"%s\": proposes %ld..%ld", s->message, (long)r.from, (long)r.to);
		if (r.most_results != s->results)
			fail_msg("\"%s\": %ld results", s->message, (long)r.most_results);
	}
}

static void real_wordings_have_their_class(void **state)
{
	(void)state;
	check(wordings, sizeof wordings / sizeof *wordings);
}

static void a_number_that_is_no_limit_is_not_believed(void **state)
{
	(void)state;
	check(traps, sizeof traps / sizeof *traps);
}

static void batches(void **state)
{
	static const struct said said[] = {
		{B, 200, -32000,
			"batch limit 100 exceeded (can increase by --rpc.batch.limit). Requested batch of size: 401", "",
			-1, -1, 0, 0, 0, 0},
		{B, 200, -32600, "batch too large", "", -1, -1, 0, 0, 0, 0},
		{B, 200, -32010, "The batch request was too large", "\"Exceeded max limit of 100\"", -1, -1, 0, 0, 0,
			0},
		{B, 200, -32602, "Number of requests in batch exceeds --rpc-max-batch-size.", "", -1, -1, 0, 0, 0, 0},
		{B, 200, -32005, "Batch requests are not supported", "", -1, -1, 0, 0, 0, 0},
		{B, 413, 0, NULL, "<html>413 Request Entity Too Large</html>", -1, -1, 0, 0, 0, 0},
		{B, 200, -32003, "response too large", "", -1, -1, 0, 0, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct refused r = ask(&said[i], 401);
		if (r.class != REFUSAL_BATCH)
			fail_msg("\"%s\": %s", said[i].message ? said[i].message : said[i].data, refusal_name(r.class));
		assert_int_equal(r.most_calls, i == 0 || i == 2 ? 100 : 0);
	}
}

static void waits(void **state)
{
	static const struct {
		const char *message, *data;
		uint64_t ms;
	} said[] = {
		{"exceeded project rate limit", "{\"rate\":{\"backoff_seconds\":30}}", 30000},
		{"rate limit exceeded, try again in 500ms", "", 500},
		{"Too many requests, retry after 2 seconds", "", 2000},
		{"call rate limit exhausted, retry in 10s", "", 10000},
		{"rate limit of 25 per second", "", 0},
		{"rate limited, retry in 900000 seconds", "", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct said s = {L, 200, -32005, said[i].message, said[i].data, 0, 999, 0, 0, 0, 0};
		struct refused r = ask(&s, 1);
		assert_int_equal(r.class, REFUSAL_RATE);
		assert_int_equal(r.retry_after_ms, said[i].ms);
	}
	struct refusal_view v = {.http_status = 503, .retry_after_ms = 7000, .from = -1, .to = -1};
	struct refused r;
	refusal_class(&r, &v);
	assert_int_equal(r.class, REFUSAL_RATE);
	assert_int_equal(r.retry_after_ms, 7000);
}

static void what_we_saw_ourselves_needs_no_words(void **state)
{
	(void)state;
	struct refusal_view v = {
		.class = ERR_TRANSIENT, .timed_out = true, .has_asked = true, .from = 1, .to = 9};
	struct refused r;
	refusal_class(&r, &v);
	assert_int_equal(r.class, REFUSAL_TIMEOUT);
	v = (struct refusal_view){.class = ERR_REJECTED, .too_big = true, .has_asked = true, .from = 1, .to = 9};
	refusal_class(&r, &v);
	assert_int_equal(r.class, REFUSAL_DENSITY);
	v = (struct refusal_view){.class = ERR_TRANSIENT, .from = -1, .to = -1};
	refusal_class(&r, &v);
	assert_int_equal(r.class, REFUSAL_OTHER);
}

static void the_first_block_that_is_left(void **state)
{
	(void)state;
	struct said s = {
		P, 200, -32000, "history is pruned, earliest available block is 15537394", "", 100, 1099, 0, 0, 0, 0};
	struct refused r = ask(&s, 1);
	assert_int_equal(r.class, REFUSAL_PRUNED);
	assert_int_equal(r.oldest, 15537394);
	s.message = "history is pruned, earliest available block is 50";
	assert_int_equal(ask(&s, 1).oldest, -1);
}

static void a_long_text_is_cut(void **state)
{
	(void)state;
	struct buf b = {0};
	for (int i = 0; i < 20000; i++)
		buf_text(&b, "aB1 ");
	buf_text(&b, "rate limit");
	struct refusal_view v = {
		.message = {b.p, b.n}, .data = {b.p, b.n}, .body = {b.p, b.n}, .have_answer = true};
	struct refused r;
	refusal_class(&r, &v);
	assert_int_equal(r.class, REFUSAL_OTHER);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_wordings_have_their_class),
		cmocka_unit_test(a_number_that_is_no_limit_is_not_believed),
		cmocka_unit_test(batches),
		cmocka_unit_test(waits),
		cmocka_unit_test(what_we_saw_ourselves_needs_no_words),
		cmocka_unit_test(the_first_block_that_is_left),
		cmocka_unit_test(a_long_text_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
