#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/keccak.h"
#include "common/evm/receipts.h"
#include "test/unit/evm/hex.h"

#include <stdio.h>
#include <stdlib.h>

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

/* A receipt of block H1, number 7, with one log or none; more: further fields, each with a comma before it.
 */
static char *receipt(unsigned index, bool log, const char *more)
{
	struct buf b = {0};
	buf_text(&b, "{\"from\":\"" A20 "\",\"logs\":[");
	if (log)
		buf_printf(&b,
			"{\"address\":\"" A20 "\",\"topics\":[\"" T1 "\"],\"data\":\"0xff\",\"blockHash\":\"" H1
			"\",\"blockNumber\":\"0x7\",\"transactionHash\":\"" H2
			"\",\"transactionIndex\":\"0x%x\",\"logIndex\":\"0x0\"}",
			index);
	buf_printf(&b,
		"],\"cumulativeGasUsed\":\"0xb741\",\"transactionHash\":\"" H2
		"\",\"transactionIndex\":\"0x%x\",\"blockHash\":\"" H1 "\",\"blockNumber\":\"0x7\"%s}",
		index, more);
	char *text = arena_text(&mem, b.p);
	buf_fini(&b);
	return text;
}

static struct receipts parse(const char *json)
{
	struct receipts r;
	struct err e = {0};
	bool found;
	if (!receipts_parse(&mem, str_of(json), &r, &found, &e))
		fail_msg("%s: %s", json, e.text);
	assert_true(found);
	return r;
}

static struct receipts parse_one(const char *json)
{
	return parse(arena_printf(&mem, "[%s]", json));
}

/* Blocks of running chains: test/vectors/blocks.mjs says what stands in a line. */
static size_t logs_of(const struct receipts *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		n += r->list[i].nlogs;
	return n;
}

static void test_blocks(void **state)
{
	(void)state;
	FILE *f = fopen("test/vectors/blocks.txt", "r");
	assert_non_null(f);
	char *text = NULL;
	size_t room = 0, blocks = 0, receipts = 0, logs = 0;
	while (getline(&text, &room, f) > 0) {
		char *rest = text;
		strsep(&rest, "\t");
		char *name = strsep(&rest, "\t"), *header = strsep(&rest, "\t"), *json = strsep(&rest, "\t");
		struct block_header h;
		struct err e = {0};
		bool found;
		uint64_t type;
		uint8_t root[32];
		assert_true(header_parse(&mem, str_of(header), &h, &found, &e));
		assert_int_equal(header_check(&mem, str_of(header)), HEADER_TRUE);
		struct receipts r = parse(json);
		if (!receipts_check(&r, h.hash, h.number, &e))
			fail_msg("%s: %s", name, e.text);
		assert_true(receipts_root(&r, root, &type));
		if (memcmp(root, h.receipts_root, 32) != 0)
			fail_msg("%s: another root", name);
		blocks++;
		receipts += r.n;
		logs += logs_of(&r);
		for (size_t i = 0; i < r.n; i++) { /* whatever is changed in one of them changes the root */
			r.list[i].cumulative_gas++;
			assert_true(receipts_root(&r, root, &type));
			assert_memory_not_equal(root, h.receipts_root, 32);
			r.list[i].cumulative_gas--;
			for (size_t k = 0; k < r.list[i].nlogs; k++) {
				r.list[i].logs[k].address[19] ^= 1;
				assert_true(receipts_root(&r, root, &type));
				assert_memory_not_equal(root, h.receipts_root, 32);
				assert_false(receipts_check(&r, h.hash, h.number, &e));
				r.list[i].logs[k].address[19] ^= 1;
			}
		}
	}
	free(text);
	fclose(f);
	assert_int_equal(blocks, 28);
	assert_true(receipts > 50 && logs > 40);
}

/* Ethereum's block 46147, the first with a transaction: a receipt with the root of the state. */
static void test_before_byzantium(void **state)
{
	(void)state;
	uint8_t root[32];
	uint64_t type;
	struct receipts r = parse_one(
		"{\"blockHash\":\"0x4e3a3754410177e6937ef1f84bba68ea139e8d1a2258c5f85db9f1cd715a1bdd\","
		"\"blockNumber\":\"0xb443\",\"cumulativeGasUsed\":\"0x5208\",\"logs\":[],\"status\":null,"
		"\"root\":\"0x96a8e009d2b88b1483e6941e6812e32263b05683fac202abc622a3e31aed1957\","
		"\"transactionHash\":\"0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060\","
		"\"transactionIndex\":\"0x0\"}");
	assert_true(receipts_root(&r, root, &type));
	assert_bytes(root, 32, &mem, "fe2bf2a941abf41d72637e5b91750332a30283efd40c424dc522b77e6f0ed8c4");
}

static void expect_encoding(const char *more, const char *head, const char *tail)
{
	struct receipts r = parse_one(receipt(0, false, more));
	struct buf b = {0};
	char zeros[513];
	memset(zeros, '0', 512);
	zeros[512] = 0;
	assert_true(receipt_encode(&r.list[0], &b));
	assert_bytes(b.p, b.n, &mem, arena_printf(&mem, "%s%s%s", head, zeros, tail));
	buf_fini(&b);
}

/* Optimism: an L1 attributes deposit of OP Goerli. Before Canyon its nonce is shown and not encoded. */
static void test_forms(void **state)
{
	(void)state;
	expect_encoding(",\"type\":\"0x7e\",\"status\":\"0x1\"", "7ef90108 01 82b741 b90100", "c0");
	expect_encoding(",\"type\":\"0x7e\",\"status\":\"0x1\",\"depositNonce\":\"0x3d3bbf\"",
		"7ef90108 01 82b741 b90100", "c0");
	expect_encoding(",\"type\":\"0x7e\",\"status\":\"0x1\",\"depositNonce\":\"0x3d3bbf\","
					"\"depositReceiptVersion\":\"0x1\"",
		"7ef9010d 01 82b741 b90100", "c0 833d3bbf 01");
	expect_encoding(",\"type\":\"0x2\",\"status\":\"0x0\",\"depositNonce\":\"0x3d3bbf\","
					"\"depositReceiptVersion\":\"0x1\"",
		"02f90108 80 82b741 b90100", "c0");
	expect_encoding(",\"type\":null,\"status\":\"0x1\",\"root\":\"" H1 "\"", "f90108 01 82b741 b90100", "c0");
	static const char *const known[] = {"0x0", "0x1", "0x2", "0x3", "0x4", "0x64", "0x65", "0x66", "0x67",
		"0x68", "0x69", "0x6a", "0x7e", "0x7f"};
	static const char *const unknown[] = {"0x5", "0x63", "0x6b", "0x78", "0x7d", "0x80", "0x100", "0x164"};
	uint8_t root[32];
	uint64_t type = 0, expected = 0;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct receipts r =
			parse_one(receipt(0, true, arena_printf(&mem, ",\"status\":\"0x1\",\"type\":\"%s\"", known[i])));
		assert_true(receipts_root(&r, root, &type));
	}
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		struct receipts r = parse_one(
			receipt(0, true, arena_printf(&mem, ",\"status\":\"0x1\",\"type\":\"%s\"", unknown[i])));
		struct buf b = {0};
		assert_false(receipts_root(&r, root, &type));
		assert_true(str_hex_to_u64(str_of(unknown[i]), &expected));
		assert_int_equal(type, expected);
		assert_false(receipt_encode(&r.list[0], &b));
		assert_int_equal(b.n, 0);
		buf_fini(&b);
	}
}

/* Polygon before its type 0x7f: the state-sync receipt is there, and no part of the root. */
static void test_outside(void **state)
{
	(void)state;
	uint8_t hash[32], with[32], without[32];
	char text[67];
	uint64_t type;
	struct err e;
	struct bytes block = unhex(&mem, H1);
	struct buf b = {0};
	buf_text(&b, "matic-bor-receipt-");
	buf_put(&b, "\0\0\0\0\0\0\0\7", 8);
	buf_put(&b, block.p, 32);
	keccak256(hash, b.p, b.n);
	buf_fini(&b);
	hex_to_0x(text, hash, 32);
	struct receipts plain = parse_one(receipt(0, true, ",\"status\":\"0x1\""));
	assert_true(receipts_check(&plain, block.p, 7, &e));
	assert_true(receipts_root(&plain, without, &type));
	struct receipts both =
		parse(arena_printf(&mem, "[%s,%s]", receipt(0, true, ",\"status\":\"0x1\""), receipt(1, true, "")));
	memcpy(both.list[1].tx_hash, hash, 32);
	memcpy(both.list[1].logs[0].tx_hash, hash, 32);
	assert_true(receipts_check(&both, block.p, 7, &e));
	assert_false(both.list[0].outside);
	assert_true(both.list[1].outside);
	assert_true(receipts_root(&both, with, &type));
	assert_memory_equal(with, without, 32);
	/* any other receipt there would count */
	both.list[1].tx_hash[0] ^= 1;
	both.list[1].logs[0].tx_hash[0] ^= 1;
	assert_true(receipts_check(&both, block.p, 7, &e));
	assert_true(receipts_root(&both, with, &type));
	assert_memory_not_equal(with, without, 32);
}

static void unfit(struct receipts r, const char *why)
{
	struct err e = {0};
	assert_false(receipts_check(&r, unhex(&mem, H1).p, 7, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" says nothing of \"%s\"", e.text, why);
}

static void test_unfit(void **state)
{
	(void)state;
	struct err e;
	struct receipts r = parse_one(receipt(0, true, ""));
	assert_true(receipts_check(&r, unhex(&mem, H1).p, 7, &e));
	r.list[0].bloom[3] ^= 1;
	unfit(r, "receipt 0: logsBloom is not that of its logs");
	r.list[0].bloom[3] ^= 1;
	r.list[0].block = 8;
	unfit(r, "receipt 0 is of another block");
	r.list[0].block = 7;
	r.list[0].block_hash[0] ^= 1;
	unfit(r, "receipt 0 is of another block");
	r.list[0].block_hash[0] ^= 1;
	r.list[0].logs[0].tx_index = 1;
	unfit(r, "receipt 0: log 0 names another");
	unfit(parse_one(receipt(1, true, "")), "receipt 0 says that its transactionIndex is another");
	unfit(parse(arena_printf(&mem, "[%s,%s]", receipt(0, true, ""), receipt(0, true, ""))),
		"receipt 1 says that its transactionIndex is another");
}

static void refused(const char *json, const char *why)
{
	struct receipts r = {0};
	struct err e = {0};
	bool found;
	if (receipts_parse(&mem, str_of(json), &r, &found, &e))
		fail_msg("%s was taken", json);
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", json, e.text, why);
}

static void test_parsing(void **state)
{
	(void)state;
	bool found;
	struct err e;
	struct receipts r = {0};
	assert_true(receipts_parse(&mem, STR("null"), &r, &found, &e));
	assert_false(found);
	assert_true(receipts_parse(&mem, STR("[]"), &r, &found, &e));
	assert_true(found);
	assert_int_equal(r.n, 0);
	assert_true(receipts_add(&mem, STR("null"), &r, &found, &e));
	assert_false(found);
	for (unsigned i = 0; i < 9; i++) {
		assert_true(receipts_add(&mem, str_of(receipt(i, i % 2, "")), &r, &found, &e));
		assert_true(found);
	}
	assert_int_equal(r.n, 9);
	assert_int_equal(logs_of(&r), 4);
	assert_int_equal(r.list[7].tx_index, 7);
	assert_int_equal(r.list[7].logs[0].tx_index, 7);
	assert_bytes(r.list[7].logs[0].data.p, r.list[7].logs[0].data.n, &mem, "ff");
	assert_int_equal(r.list[8].nlogs, 0);
	assert_true(receipts_check(&r, unhex(&mem, H1).p, 7, &e));
	refused("{}", "receipt 0: its JSON is an object");
	refused("[{}]", "receipt 0: cumulativeGasUsed is missing or null");
	refused("[", "receipt 0: its JSON is broken");
	refused(arena_printf(&mem, "[%s,7]", receipt(0, true, "")), "receipt 1: its JSON is a number");
	refused(arena_printf(&mem, "[%s]", receipt(0, true, ",\"logs\":[{}]")),
		"receipt 0: log 0: address is missing or null");
	refused(arena_printf(&mem, "[%s]", receipt(0, true, ",\"logs\":7")), "receipt 0: logs is a number");
	refused(arena_printf(&mem, "[%s]", receipt(0, true, ",\"logs\":[[]]")),
		"receipt 0: log 0: its JSON is an array");
	refused(arena_printf(&mem, "[%s]", receipt(0, true, ",\"logsBloom\":\"0x00\"")),
		"receipt 0: logsBloom is not hex of its length");
	char *text = arena_printf(&mem, "[%s,%s]", receipt(0, true, ""), receipt(1, true, ""));
	strstr(strstr(text, "},{") + 1, "0xff")[3] = 'g';
	refused(text, "receipt 1: log 0: data is not hex");
	/* the last of two fields of one name counts, and its logs begin anew */
	r = parse_one(receipt(0, true, ",\"logs\":[]"));
	assert_int_equal(r.list[0].nlogs, 0);
}

static void test_header_truth(void **state)
{
	(void)state;
	assert_int_equal(header_check(&mem, STR("null")), HEADER_UNSUPPORTED);
	assert_int_equal(header_check(&mem, STR("{}")), HEADER_UNSUPPORTED);
	assert_int_equal(header_check(&mem, STR("[")), HEADER_UNSUPPORTED);
	FILE *f = fopen("test/vectors/blocks.txt", "r");
	assert_non_null(f);
	char *text = NULL;
	size_t room = 0;
	assert_true(getline(&text, &room, f) > 0); /* anvil's newest fork: all fields */
	char *rest = text;
	strsep(&rest, "\t"), strsep(&rest, "\t");
	char *header = strsep(&rest, "\t");
	assert_int_equal(header_check(&mem, str_of(header)), HEADER_TRUE);
	char *changed = arena_text(&mem, header);
	strstr(changed, "\"gasUsed\":\"0x")[13] ^= 1;
	assert_int_equal(header_check(&mem, str_of(changed)), HEADER_FALSE);
	/* a field that a later fork may have put into the hash */
	changed[strlen(changed) - 1] = 0;
	changed = arena_printf(&mem, "%s,\"slotNumber\":\"0x1\"}", changed);
	assert_int_equal(header_check(&mem, str_of(changed)), HEADER_UNSUPPORTED);
	changed = arena_text(&mem, header);
	memcpy(strstr(changed, "withdrawalsRoot"), "withdrawalsR___", 15); /* a gap */
	assert_int_equal(header_check(&mem, str_of(changed)), HEADER_UNSUPPORTED);
	changed = arena_text(&mem, header);
	memcpy(strstr(changed, "mixHash"), "mixHas_", 7);
	assert_int_equal(header_check(&mem, str_of(changed)), HEADER_UNSUPPORTED);
	free(text);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_before_byzantium),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_parsing),
		cmocka_unit_test(test_header_truth),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
