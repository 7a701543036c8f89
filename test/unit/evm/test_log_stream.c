#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/log_stream.h"
#include "test/unit/evm/hex.h"
#include "test/unit/evm/sax_text.h"

#define A20 "0x5fbdb2315678afecb367f032d93f642f64180aa3"
#define T1  "0xafd1af0d18662bc4cbe66cd3885857264bb71d267eb57c0add879e84a5be3177"
#define H1  "0x1111111111111111111111111111111111111111111111111111111111111111"
#define H2  "0x2222222222222222222222222222222222222222222222222222222222222222"

static struct arena mem;

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

/* What came out of a stream: deep copies. */
struct taken {
	struct log *logs;
	size_t n, most; /* after `most` logs no more is wanted */
};
static bool take(void *arg, struct log *log)
{
	struct taken *t = arg;
	t->logs[t->n] = *log;
	t->logs[t->n].data.p = arena_copy(&mem, log->data.p, log->data.n);
	return ++t->n < t->most;
}

/* n logs as geth writes them: another order of fields than the specification, fields unknown to us between.
 */
static struct str answer(size_t n)
{
	struct buf b = {0};
	buf_char(&b, '[');
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b, "%s{\"address\":\"" A20 "\",\"topics\":[", i ? ",\n" : "");
		for (size_t k = 0; k < i % 5; k++)
			buf_text(&b, k ? ",\"" H1 "\"" : "\"" T1 "\"");
		buf_text(&b, "],\"data\":\"0x");
		for (size_t k = 0; k < i * 3; k++)
			buf_printf(&b, "%02X", (unsigned)(i + k) & 0xff);
		buf_printf(&b,
			"\",\"blockNumber\":\"0x%zx\",\"l1\":{\"data\":[\"0x\"]},\"transactionHash\":\"" H2
			"\",\"transactionIndex\":\"0x%zx\",\"blockHash\":\"" H1
			"\",\"blockTimestamp\":%s,\"logIndex\":\"0x%zx\",\"removed\":%s}",
			i + 7, i, i % 2 ? "null" : "\"0x65\"", i * 2, i % 3 ? "false" : "true");
	}
	buf_char(&b, ']');
	struct str s = {arena_textn(&mem, b.p, b.n), b.n};
	buf_fini(&b);
	return s;
}

static void assert_same(const struct log *a, const struct log *b)
{
	struct log x = *a, y = *b;
	assert_int_equal(x.data.n, y.data.n);
	if (x.data.n > 0)
		assert_memory_equal(x.data.p, y.data.p, x.data.n);
	assert_memory_equal(x.address, y.address, 20);
	assert_int_equal(x.ntopics, y.ntopics);
	assert_memory_equal(x.topics, y.topics, sizeof x.topics);
	assert_memory_equal(x.block_hash, y.block_hash, 32);
	assert_memory_equal(x.tx_hash, y.tx_hash, 32);
	assert_int_equal(x.block, y.block);
	assert_int_equal(x.tx_index, y.tx_index);
	assert_int_equal(x.log_index, y.log_index);
	assert_int_equal(x.removed, y.removed);
	assert_int_equal(x.has_time, y.has_time);
	assert_int_equal(x.time, y.time);
}

/* In pieces of any size, on one stream used again and again, the logs are those of the whole text. */
static void test_pieces(void **state)
{
	(void)state;
	enum { N = 23 };
	struct str json = answer(N);
	struct log *whole;
	size_t n;
	struct err e = {0};
	assert_true(logs_parse(&mem, json, &whole, &n, &e));
	assert_int_equal(n, N);
	assert_int_equal(whole[22].data.n, 66);
	assert_int_equal(whole[22].data.p[1], 23);
	assert_int_equal(whole[22].ntopics, 2);
	assert_int_equal(whole[21].block, 28);
	assert_false(whole[21].has_time);
	assert_true(whole[20].has_time);
	struct taken t = {arena_alloc(&mem, N * sizeof(struct log)), 0, 99};
	struct log_stream *s = log_stream_new(take, &t);
	for (size_t piece = 1; piece <= json.n; piece = piece * 2 + 1) {
		t.n = 0;
		assert_true(sax_text_feed(&log_stream_sax, s, json, piece));
		assert_true(log_stream_end(s, &e));
		assert_int_equal(t.n, N);
		for (size_t i = 0; i < N; i++)
			assert_same(&t.logs[i], &whole[i]);
		log_stream_reset(s);
	}
	log_stream_free(s);
	log_stream_free(NULL);
}

static void test_no_more_wanted(void **state)
{
	(void)state;
	struct taken t = {arena_alloc(&mem, 3 * sizeof(struct log)), 0, 2};
	struct log_stream *s = log_stream_new(take, &t);
	struct err e = {.text = "as it was"};
	assert_false(sax_text_feed(&log_stream_sax, s, answer(3), 64));
	assert_false(log_stream_end(s, &e));
	assert_string_equal(e.text, "as it was");
	assert_int_equal(e.class, ERR_NONE);
	assert_int_equal(t.n, 2);
	log_stream_reset(s);
	t.n = 0;
	t.most = 9;
	assert_true(sax_text_feed(&log_stream_sax, s, STR("[]"), 1));
	assert_true(log_stream_end(s, &e));
	assert_int_equal(t.n, 0);
	log_stream_free(s);
}

static void refused(struct log_stream *s, struct str json, const char *why)
{
	struct err e = {0};
	log_stream_reset(s);
	sax_text_feed(&log_stream_sax, s, json, 7);
	assert_false(log_stream_end(s, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("%.*s: \"%s\" says nothing of \"%s\"", (int)json.n, json.p, e.text, why);
	assert_false(log_stream_end(s, NULL));
}

static void test_wrong(void **state)
{
	(void)state;
	struct taken t = {arena_alloc(&mem, 9 * sizeof(struct log)), 0, 999};
	struct log_stream *s = log_stream_new(take, &t);
	struct str json = answer(3);
	for (size_t i = 0; i < json.n; i++) {
		t.n = 0;
		refused(s, (struct str){json.p, i}, "ends too early");
	}
	refused(s, STR("null"), "log 0: its JSON is null");
	refused(s, STR("{}"), "log 0: its JSON is an object");
	refused(s, STR("[7]"), "log 0: its JSON is a number");
	refused(s, STR("[{}]"), "log 0: address is missing or null");
	t.n = 0;
	char *text = arena_textn(&mem, json.p, json.n);
	*strrchr(text, 'l') = 'L'; /* log 2 says fa"L"se: no JSON */
	refused(s, str_of(text), "log 2: its JSON is broken or ends too early");
	t.n = 0;
	text = arena_textn(&mem, json.p, json.n);
	strstr(strstr(text, ",\n") + 2, "\"logIndex\"")[2] = 'O'; /* of log 1 */
	refused(s, str_of(text), "log 1: logIndex is missing or null");
	assert_int_equal(t.n, 1);
	log_stream_free(s);
}

/* A value is taken in one form only, whatever else the stream has seen before. */
static void test_hex(void **state)
{
	(void)state;
	static const char bad[] = "/:@Gg`\x80 ";
	struct taken t = {arena_alloc(&mem, 9 * sizeof(struct log)), 0, 9};
	struct log_stream *s = log_stream_new(take, &t);
	struct str json = answer(1);
	size_t at = (size_t)(strstr(json.p, H2) - json.p) + 2;
	for (size_t i = 0; i < 64; i++)
		for (size_t k = 0; k < sizeof bad - 1; k++) {
			char *text = arena_textn(&mem, json.p, json.n);
			text[at + i] = bad[k];
			refused(s, str_of(text), "log 0: transactionHash is not hex of its length");
		}
	for (unsigned v = 0; v < 256; v++) {
		char *text = arena_textn(&mem, json.p, json.n),
			 two[3] = {"0123456789abcdef"[v >> 4], "0123456789ABCDEF"[v & 15], 0};
		memcpy(text + at + v % 32 * 2, two, 2);
		log_stream_reset(s);
		t.n = 0;
		assert_true(sax_text_feed(&log_stream_sax, s, str_of(text), 4096));
		assert_true(log_stream_end(s, NULL));
		assert_int_equal(t.logs[0].tx_hash[v % 32], v);
	}
	log_stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_no_more_wanted),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_hex),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
