#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/identity.c"
#include "test/unit/evm/hex.h"

#include <stdio.h>

#define A20 "0x5fbdb2315678afecb367f032d93f642f64180aa3"
#define T1  "0xafd1af0d18662bc4cbe66cd3885857264bb71d267eb57c0add879e84a5be3177"
#define T2  "0x0000000000000000000000000000000000000000000000000000000000000007"
#define H1  "0x1111111111111111111111111111111111111111111111111111111111111111"
#define H2  "0x2222222222222222222222222222222222222222222222222222222222222222"
#define H3  "0x3333333333333333333333333333333333333333333333333333333333333333"
#define H0  "0x0000000000000000000000000000000000000000000000000000000000000000"

static struct arena mem;

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

/* The fields of a log in the order of the specification; each test replaces one. */
static const char *const names[] = {"address", "topics", "data", "blockHash", "blockNumber", "blockTimestamp",
	"transactionHash", "transactionIndex", "logIndex", "removed"};
static const char *const usual[] = {"\"" A20 "\"", "[\"" T1 "\",\"" T2 "\"]", "\"0x00fF\"", "\"" H1 "\"",
	"\"0x10\"", "\"0x65a1bc2f\"", "\"" H2 "\"", "\"0x3\"", "\"0x7\"", "false"};
enum { FIELDS = 10 };

/* An array of one log; field which (if any) holds value, or is left out where value is NULL. */
static char *one_log(int which, const char *value)
{
	struct buf b = {0};
	buf_text(&b, "[{");
	for (int i = 0; i < FIELDS; i++) {
		const char *v = i == which ? value : usual[i];
		if (v)
			buf_printf(&b, "%s\"%s\":%s", b.n > 2 ? "," : "", names[i], v);
	}
	buf_text(&b, "}]");
	char *json = arena_text(&mem, b.p);
	buf_fini(&b);
	return json;
}

static struct log *parse(const char *json, size_t *n)
{
	struct log *logs;
	struct err e = {0};
	if (!logs_parse(&mem, str_of(json), &logs, n, &e))
		fail_msg("%s: %s", json, e.text);
	return logs;
}

static void refused(const char *json, const char *why)
{
	struct log *logs;
	size_t n;
	struct err e = {0};
	if (logs_parse(&mem, str_of(json), &logs, &n, &e))
		fail_msg("%s was taken", json);
	assert_int_equal(e.class, ERR_MALFORMED);
	assert_int_equal(n, 0);
	if (!strstr(e.text, why))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", json, e.text, why);
}

static void test_one(void **state)
{
	(void)state;
	size_t n;
	struct log *l = parse(one_log(-1, NULL), &n);
	assert_int_equal(n, 1);
	assert_bytes(l->address, 20, &mem, A20);
	assert_int_equal(l->ntopics, 2);
	assert_bytes(l->topics[0], 32, &mem, T1);
	assert_bytes(l->topics[1], 32, &mem, T2);
	assert_bytes(l->data.p, l->data.n, &mem, "0x00ff");
	assert_bytes(l->block_hash, 32, &mem, H1);
	assert_bytes(l->tx_hash, 32, &mem, H2);
	assert_int_equal(l->block, 16);
	assert_int_equal(l->tx_index, 3);
	assert_int_equal(l->log_index, 7);
	assert_false(l->removed);
	assert_true(l->has_time);
	assert_int_equal(l->time, 0x65a1bc2f);
}

static void test_optional(void **state)
{
	(void)state;
	size_t n;
	struct log *l = parse(one_log(5, NULL), &n);
	assert_false(l->has_time);
	l = parse(one_log(5, "null"), &n);
	assert_false(l->has_time);
	l = parse(one_log(9, NULL), &n);
	assert_false(l->removed);
	l = parse(one_log(9, "true"), &n);
	assert_true(l->removed);
	l = parse(one_log(1, "[]"), &n);
	assert_int_equal(l->ntopics, 0);
	l = parse(one_log(2, "\"0x\""), &n);
	assert_int_equal(l->data.n, 0);
	parse(" [ ] ", &n);
	assert_int_equal(n, 0);
}

static void test_unknown_fields_are_passed_over(void **state)
{
	(void)state;
	size_t n;
	char *json = one_log(9, "true,\"extra\":{\"address\":5,\"topics\":[{\"data\":[null,true,1.5,\"x\"]}]},"
							"\"list\":[[],{},[1,\"0x\",false,null]],"
							"\"n\":7,\"s\":\"x\",\"b\":true,\"z\":null");
	struct log *l = parse(json, &n);
	assert_int_equal(n, 1);
	assert_true(l->removed);
	assert_bytes(l->address, 20, &mem, A20);
}

static void test_missing_or_wrong(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"7", "true", "\"\"", "\"0x\"", "\"zz\"", "{}", "\"0x12345678901234567\""};
	for (int i = 0; i < FIELDS; i++) {
		bool optional = i == 5 || i == 9;
		if (!optional) {
			refused(one_log(i, NULL), names[i]);
			refused(one_log(i, "null"), names[i]);
		}
		for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
			bool fits = (i == 2 && k == 3) || (i == 9 && k == 1);
			if (!fits)
				refused(one_log(i, wrong[k]), names[i]);
		}
		if (i != 1)
			refused(one_log(i, "[\"0x1\"]"), names[i]);
	}
	refused(one_log(0, "\"0x5fbdb2315678afecb367f032d93f642f64180aa\""), "log 0: address");
	refused(one_log(0, "\"0x5fbdb2315678afecb367f032d93f642f64180aag\""), "address");
	refused(one_log(0, "\"0X5fbdb2315678afecb367f032d93f642f64180aa3\""), "address");
	refused(one_log(0, "\"1x5fbdb2315678afecb367f032d93f642f64180aa3\""), "address");
	refused(one_log(1, "[\"0x12\"]"), "topics");
	refused(one_log(1, "[7]"), "topics is a number");
	refused(one_log(1, "[null]"), "topics is null");
	refused(one_log(1, "[true]"), "topics is a boolean");
	refused(one_log(1, "[\"" T1 "\",\"" T1 "\",\"" T1 "\",\"" T1 "\",\"" T1 "\"]"), "topics");
	refused(one_log(2, "\"0x123\""), "data");
	refused(one_log(2, "\"0x1g\""), "data");
}

static void test_not_an_array_of_logs(void **state)
{
	(void)state;
	refused("", "log 0: its JSON is broken or ends too early");
	refused("null", "its JSON is null");
	refused("{}", "its JSON is an object");
	refused("7", "its JSON is a number");
	refused("true", "its JSON is a boolean");
	refused("\"x\"", "its JSON is a string");
	refused("[[]]", "its JSON is an array");
	refused("[7]", "its JSON is a number");
	refused("[null]", "its JSON is null");
	refused("[\"x\"]", "its JSON is a string");
	refused("[{}]", "address");
	refused("[", "broken");
	refused("[] []", "broken");
	refused("<html>502 Bad Gateway</html>", "broken");
	const char *whole = one_log(-1, NULL);
	struct log *logs;
	size_t n;
	for (size_t i = 0; i < strlen(whole); i++)
		assert_false(logs_parse(&mem, (struct str){whole, i}, &logs, &n, NULL));
	/* more objects than an answer of this size can hold */
	refused("[{},{},{},{}]", "address");
}

/* n logs, each by a format of (index, block, transaction index, log index) */
static struct log *many(size_t count, const unsigned (*place)[3], size_t *n)
{
	struct buf b = {0};
	buf_char(&b, '[');
	for (size_t i = 0; i < count; i++)
		buf_printf(&b,
			"%s{\"address\":\"" A20 "\",\"topics\":[\"" T1 "\"],\"data\":\"0x%02x\",\"blockHash\":\"" H1
			"\",\"blockNumber\":\"0x%x\",\"transactionHash\":\"" H2
			"\",\"transactionIndex\":\"0x%x\",\"logIndex\":\"0x%x\"}",
			i ? "," : "", (unsigned)i, place[i][0], place[i][1], place[i][2]);
	buf_char(&b, ']');
	struct log *logs = parse(b.p, n);
	buf_fini(&b);
	assert_int_equal(*n, count);
	return logs;
}

static void test_sort(void **state)
{
	(void)state;
	static const unsigned places[][3] = {{2, 0, 0}, {1, 1, 0}, {1, 0, 5}, {1, 0, 4}, {3, 9, 9}, {1, 0, 4}};
	size_t n;
	struct log *l = many(6, places, &n);
	logs_sort(l, n);
	static const uint8_t order[] = {3, 5, 2, 1, 0, 4};
	for (size_t i = 0; i < n; i++)
		if (l[i].data.p[0] != order[i] && !(i < 2 && l[i].log_index == 4))
			fail_msg("place %zu holds log %u", i, l[i].data.p[0]);
	logs_sort(l, n);
	for (size_t i = 1; i < n; i++)
		assert_true(l[i - 1].block <= l[i].block);
	logs_sort(l, 0);
	logs_sort(NULL, 0);
}

/* INV-2, written out a second time: keccak(chain ‖ origin ‖ keccak(address ‖ topic count ‖ topics ‖ data) ‖
 * rank). */
static void expect_id(
	const struct log *l, const char *chain, const char *origin, const char *digest_of, const char *rank)
{
	uint8_t digest[32], id[32];
	struct buf b = {0};
	struct bytes part = unhex(&mem, digest_of);
	keccak256(digest, part.p, part.n);
	part = unhex(&mem, chain);
	buf_put(&b, part.p, part.n);
	part = unhex(&mem, origin);
	buf_put(&b, part.p, part.n);
	buf_put(&b, digest, 32);
	part = unhex(&mem, rank);
	buf_put(&b, part.p, part.n);
	assert_int_equal(b.n, 104);
	keccak256(id, b.p, b.n);
	assert_memory_equal(l->id, id, 32);
	buf_fini(&b);
}

#define CHAIN "0000000000000000000000000000000000000000000000000000000000007a69"
#define TEXT                                   \
	"5fbdb2315678afecb367f032d93f642f64180aa3" \
	"01"                                       \
	"afd1af0d18662bc4cbe66cd3885857264bb71d267eb57c0add879e84a5be3177"

static void test_identity(void **state)
{
	(void)state;
	struct log l[7] = {{.ntopics = 1}};
	static const uint8_t data[2] = {5, 6};
	struct bytes address = unhex(&mem, A20), topic = unhex(&mem, T1), h1 = unhex(&mem, H1),
				 h2 = unhex(&mem, H2), h3 = unhex(&mem, H3);
	for (size_t i = 0; i < 7; i++) {
		l[i].ntopics = 1;
		memcpy(l[i].address, address.p, 20);
		memcpy(l[i].topics[0], topic.p, 32);
		memcpy(l[i].block_hash, h1.p, 32);
		memcpy(l[i].tx_hash, h2.p, 32);
		l[i].data = (struct bytes){data, 1};
		l[i].log_index = i;
	}
	l[1].data = (struct bytes){data + 1, 1}; /* another event between two alike */
	memcpy(l[4].tx_hash, h3.p, 32);          /* the same content in another transaction */
	memset(l[5].tx_hash, 0, 32); /* system logs without a transaction: their origin is the block */
	memset(l[6].tx_hash, 0, 32);
	logs_identify(l, 7, u256_of(31337));
	expect_id(&l[0], CHAIN, H2, TEXT "05", "0000000000000000");
	expect_id(&l[1], CHAIN, H2, TEXT "06", "0000000000000000");
	expect_id(&l[2], CHAIN, H2, TEXT "05", "0000000000000001");
	expect_id(&l[3], CHAIN, H2, TEXT "05", "0000000000000002");
	expect_id(&l[4], CHAIN, H3, TEXT "05", "0000000000000000");
	expect_id(&l[5], CHAIN, H1, TEXT "05", "0000000000000000");
	expect_id(&l[6], CHAIN, H1, TEXT "05", "0000000000000001");
	/* where it stands is not what it is: after a reorg the same transaction's log keeps its id */
	struct log moved = l[0];
	memcpy(moved.block_hash, h3.p, 32);
	moved.block = 99;
	moved.log_index = 42;
	moved.tx_index = 3;
	logs_identify(&moved, 1, u256_of(31337));
	assert_memory_equal(moved.id, l[0].id, 32);
	logs_identify(&moved, 1, u256_of(1));
	assert_memory_not_equal(moved.id, l[0].id, 32);
	/* a second topic is not the first word of the data (an ERC-721 Transfer is no ERC-20 one) */
	struct log topics = l[0], words = l[0];
	topics.ntopics = 2;
	memcpy(topics.topics[1], h1.p, 32);
	topics.data = (struct bytes){NULL, 0};
	words.data = (struct bytes){h1.p, 32};
	logs_identify(&topics, 1, u256_of(31337));
	logs_identify(&words, 1, u256_of(31337));
	assert_memory_not_equal(topics.id, words.id, 32);
	logs_identify(NULL, 0, u256_of(1));
}

/* The same transaction in two blocks (a range read across a reorg): ranks are counted in each block by
 * itself. */
static void test_ranks_stay_within_a_block(void **state)
{
	(void)state;
	struct log l[2] = {{.ntopics = 0}, {.ntopics = 0, .block = 1}};
	l[0].tx_hash[0] = l[1].tx_hash[0] = 1;
	l[1].block_hash[0] = 7;
	logs_identify(l, 2, u256_of(1));
	assert_memory_equal(l[0].id, l[1].id, 32);
}

/* A node may say one log twice; a log that is alike but stands elsewhere, or differs at the same place, is
 * another. */
static void test_once(void **state)
{
	(void)state;
	static const uint8_t five[1] = {5}, five_too[1] = {5}, six[1] = {6};
	struct log l[6] = {0};
	for (size_t i = 0; i < 6; i++) {
		l[i].log_index = i < 3 ? 4 : 7;
		l[i].data = (struct bytes){i % 2 ? five : five_too, 1};
	}
	l[4].data = (struct bytes){six, 1};
	assert_int_equal(logs_once(l, 6), 4);
	assert_int_equal(l[0].log_index, 4);
	assert_int_equal(l[1].log_index, 7);
	assert_int_equal(l[2].data.p[0], 6);
	assert_int_equal(l[3].data.p[0], 5);

	struct log other[2] = {0};
	other[1].tx_hash[0] = 1;
	assert_int_equal(logs_once(other, 2), 2);
	other[1] = (struct log){.block_hash = {1}};
	assert_int_equal(logs_once(other, 2), 2);
	other[1] = (struct log){.address = {1}};
	assert_int_equal(logs_once(other, 2), 2);
	other[1] = (struct log){.ntopics = 1};
	assert_int_equal(logs_once(other, 2), 2);
	other[1] = other[0];
	assert_int_equal(logs_once(other, 2), 1);
	assert_int_equal(logs_once(NULL, 0), 0);
}

static void test_thousands_alike(void **state)
{
	(void)state;
	enum { N = 5000 };
	struct log *l = arena_alloc(&mem, N * sizeof *l);
	for (size_t i = 0; i < N; i++)
		l[i] = (struct log){.tx_hash = {1}, .block_hash = {2}, .log_index = i, .address = {(uint8_t)(i % 3)}};
	logs_identify(l, N, u256_of(1));
	struct log other[2] = {{.tx_hash = {1}, .block_hash = {2}, .address = {0}},
		{.tx_hash = {1}, .block_hash = {2}, .address = {0}}};
	logs_identify(other, 2, u256_of(1));
	assert_memory_equal(other[0].id, l[0].id, 32);
	assert_memory_equal(other[1].id, l[3].id, 32);
	for (size_t i = 3; i < N; i++)
		assert_memory_not_equal(l[i].id, l[i - 3].id, 32);
}

/* ── ids as the logs come, worked out some at a time ── */

/* What the id of this log is, as its rank among its like is known here. */
static void slow_id(uint8_t id[32], const struct log *l, const uint8_t origin[32], uint64_t rank)
{
	uint8_t text[104];
	struct keccak k;
	keccak_init(&k);
	keccak_add(&k, l->address, 20);
	keccak_add(&k, (const uint8_t[]){(uint8_t)l->ntopics}, 1);
	keccak_add(&k, l->topics, 32 * (size_t)l->ntopics);
	keccak_add(&k, l->data.p, l->data.n);
	u256_to_be(text, u256_of(31337));
	memcpy(text + 32, origin, 32);
	keccak_end(&k, text + 64);
	memset(text + 96, 0, 8);
	text[102] = (uint8_t)(rank >> 8);
	text[103] = (uint8_t)rank;
	keccak256(id, text, sizeof text);
}

/* Log i of block b: one of six kinds that come again and again, or one of its own. */
static unsigned log_of_kind(struct log *l, unsigned b, size_t i, bool own)
{
	static const uint8_t data[600] = {7, [255] = 8, [599] = 9};
	const unsigned kind = own ? 6 + (unsigned)i : (unsigned)(i * 7 + b) % 6;
	*l = (struct log){.block = b, .block_hash = {(uint8_t)(b / 2 + 1), (uint8_t)(b & 1)}, .log_index = i};
	l->tx_hash[0] = kind % 2 ? 1 : 0; /* 0: the block is its origin */
	memcpy(l->address, &kind, sizeof kind);
	l->ntopics = kind % 5; /* with data on both sides of what is kept */
	l->data = (struct bytes){data, (size_t)kind * 73 % sizeof data};
	return kind;
}

/* Blocks of any size behind each other, ids into memory that moves, with ranks counted here the slow way. */
static void test_ids_as_they_come(void **state)
{
	(void)state;
	enum { CROWD = 5000, BLOCKS = 40 };
	struct log_ids *ids = ids_new(u256_of(31337));
	struct buf got = {0}, wanted = {0};
	size_t crowded = 0;
	for (unsigned b = 0; b < BLOCKS; b++) {
		const size_t n = b == 20 ? CROWD : b % 9;
		uint64_t seen[6] = {0};
		for (size_t i = 0; i < n; i++) {
			struct log l;
			uint8_t id[32], data[600];
			const unsigned kind = log_of_kind(&l, b, i, b == 20 && i >= 60);
			slow_id(id, &l, kind % 2 ? l.tx_hash : l.block_hash, kind < 6 ? seen[kind]++ : 0);
			memcpy(data, l.data.p, l.data.n);
			l.data.p = data;
			memset(buf_room(&got, 32), 0, 32);
			got.n += 32;
			buf_put(&wanted, id, 32);
			ids_put(ids, &l, &got.p, got.n - 32);
			memset(data, 0x55, sizeof data); /* the log is gone */
			memset(&l, 0x55, sizeof l);
		}
		if (b % 7 == 6) {
			ids_flush(ids);
			assert_memory_equal(got.p, wanted.p, got.n);
		}
		crowded = ids->of_tx.cap > crowded ? ids->of_tx.cap : crowded;
	}
	ids_flush(ids);
	ids_flush(ids);
	assert_int_equal(got.n, wanted.n);
	assert_memory_equal(got.p, wanted.p, got.n);
	assert_true(crowded >= CROWD);
	assert_true(ids->of_tx.cap < CROWD); /* what a crowd took is given back */
	buf_fini(&got);
	buf_fini(&wanted);
	ids_free(ids);
	ids_free(NULL);
}

/* The same block, told again from its first log on: nothing of what came before counts. */
static void test_ids_begin_again(void **state)
{
	(void)state;
	enum { SIX = 6 };
	struct log_ids *ids = ids_new(u256_of(31337));
	char given[2 * SIX][32], *base = given[0];
	struct log l[SIX];
	memset(given, 7, sizeof given);
	for (size_t i = 0; i < SIX; i++)
		l[i] = (struct log){.block_hash = {3}, .tx_hash = {4}, .address = {i == 3}};
	for (size_t i = 0; i < SIX; i++)
		ids_put(ids, &l[i], &base, 32 * i);
	ids_restart(ids);
	for (size_t i = 0; i < SIX; i++)
		ids_put(ids, &l[i], &base, 32 * (SIX + i));
	ids_flush(ids);
	logs_identify(l, SIX, u256_of(31337));
	for (size_t i = 0; i < SIX; i++)
		assert_memory_equal(given[SIX + i], l[i].id, 32);
	for (size_t k = 0; k < 32; k++)
		assert_int_equal(given[SIX - 1][k], 7); /* it was waiting when the answer was dropped */
	ids_restart(ids);
	ids_free(ids);

	ids = ids_new(u256_of(31337));
	ids_restart(ids);
	ids_put(ids, &l[0], &base, 0);
	ids_flush(ids);
	assert_memory_equal(given[0], l[0].id, 32);
	ids_free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_optional),
		cmocka_unit_test(test_unknown_fields_are_passed_over),
		cmocka_unit_test(test_missing_or_wrong),
		cmocka_unit_test(test_not_an_array_of_logs),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_ranks_stay_within_a_block),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_thousands_alike),
		cmocka_unit_test(test_ids_as_they_come),
		cmocka_unit_test(test_ids_begin_again),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
