#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/logs.h"
#include "test/unit/evm/sax_text.h"
#include "test/unit/evm/hex.h"

/* Headers, receipts and single values; logs have their own file. */

#define H1 "0x1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "0x2222222222222222222222222222222222222222222222222222222222222222"
#define H3 "0x3333333333333333333333333333333333333333333333333333333333333333"

static struct arena mem;

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

static char *header(const char *rest)
{
	char bloom[513];
	memset(bloom, '0', 512);
	bloom[510] = '8';
	bloom[512] = 0;
	return arena_printf(&mem,
		"{\"hash\":\"" H1 "\",\"parentHash\":\"" H2
		"\",\"number\":\"0x1b4\",\"timestamp\":\"0x55ba467c\",\"logsBloom\":\"0x%s\","
		"\"receiptsRoot\":\"" H3 "\",\"gasLimit\":\"0x1388\",\"gasUsed\":\"0x0\",\"sha3Uncles\":\"" H3
		"\",\"uncles\":[\"" H1 "\"],\"withdrawals\":[{\"index\":\"0x1\"}]%s}",
		bloom, rest);
}

static void test_header(void **state)
{
	(void)state;
	struct block_header h;
	struct err e = {0};
	bool found = false;
	const char *json = header(",\"baseFeePerGas\":\"0x3b9aca00\",\"transactions\":[\"" H1 "\",\"" H2 "\"]");
	assert_true(header_parse(&mem, str_of(json), &h, &found, &e));
	assert_true(found);
	assert_int_equal(h.number, 0x1b4);
	assert_int_equal(h.time, 0x55ba467c);
	assert_bytes(h.hash, 32, &mem, H1);
	assert_bytes(h.parent, 32, &mem, H2);
	assert_bytes(h.receipts_root, 32, &mem, H3);
	assert_int_equal(h.bloom[255], 0x80);
	assert_int_equal(h.gas_limit, 5000);
	assert_int_equal(h.gas_used, 0);
	assert_true(h.has_base_fee);
	assert_int_equal(u256_cmp(h.base_fee, u256_of(1000000000)), 0);
	assert_int_equal(h.ntxs, 2);
	assert_bytes(h.txs[0], 64, &mem,
		"1111111111111111111111111111111111111111111111111111111111111111"
		"2222222222222222222222222222222222222222222222222222222222222222");
}

static void test_header_variants(void **state)
{
	(void)state;
	struct block_header h;
	struct err e = {0};
	bool found = true;
	assert_true(header_parse(&mem, STR(" null "), &h, &found, &e));
	assert_false(found);
	/* before EIP-1559, and as newHeads gives it: no transactions */
	assert_true(header_parse(&mem, str_of(header("")), &h, &found, &e));
	assert_true(found);
	assert_false(h.has_base_fee);
	assert_int_equal(h.ntxs, 0);
	/* whole transactions where hashes were asked for: not our question, not an error */
	assert_true(header_parse(
		&mem, str_of(header(",\"transactions\":[{\"hash\":\"" H1 "\",\"input\":[1]}]")), &h, &found, &e));
	assert_int_equal(h.ntxs, 0);
	struct buf b = {0};
	buf_text(&b, ",\"transactions\":[");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%s\"0x%064x\"", i ? "," : "", i);
	buf_char(&b, ']');
	assert_true(header_parse(&mem, str_of(header(b.p)), &h, &found, &e));
	assert_int_equal(h.ntxs, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(h.txs[i][30] * 256 + h.txs[i][31], i);
	buf_fini(&b);
}

static void header_refused(const char *json, const char *why)
{
	struct block_header h;
	struct err e = {0};
	bool found;
	assert_false(header_parse(&mem, str_of(json), &h, &found, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	assert_false(found);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" says nothing of \"%s\"", e.text, why);
}

static void test_header_refused(void **state)
{
	(void)state;
	header_refused("{}", "the block: number is missing or null");
	header_refused("[]", "the block: its JSON is an array");
	header_refused("nul", "broken");
	header_refused(header(",\"number\":null,\"transactions\":[\"0x12\"]"), "transactions");
	header_refused(header(",\"transactions\":\"x\""), "transactions");
	header_refused(header(",\"transactions\":[[]],\"baseFeePerGas\":\"x\""), "baseFeePerGas");
	header_refused(
		header(",\"baseFeePerGas\":\"0x10000000000000000000000000000000000000000000000000000000000000000\""),
		"baseFeePerGas");
	header_refused(header(",\"number\":5"), "number");
	header_refused(header(",\"hash\":\"0x11\""), "hash");
}

static bool receipt(const char *rest, struct receipt *r, bool *found, struct err *e)
{
	return receipt_parse(
		str_of(arena_printf(&mem,
			"{\"transactionHash\":\"" H1 "\",\"transactionIndex\":\"0x2\",\"blockHash\":\"" H2
			"\",\"blockNumber\":\"0x10\",\"gasUsed\":\"0x5208\",\"logs\":[{\"data\":\"0x\"}],\"to\":null%s}",
			rest)),
		r, found, e);
}

static void test_receipt(void **state)
{
	(void)state;
	struct receipt r;
	struct err e = {0};
	bool found;
	assert_true(receipt(",\"status\":\"0x1\",\"effectiveGasPrice\":\"0x3b9aca00\"", &r, &found, &e));
	assert_true(found && r.ok && r.has_status);
	assert_bytes(r.tx_hash, 32, &mem, H1);
	assert_bytes(r.block_hash, 32, &mem, H2);
	assert_int_equal(r.block, 16);
	assert_int_equal(r.index, 2);
	assert_int_equal(r.gas_used, 21000);
	assert_int_equal(u256_cmp(r.price, u256_of(1000000000)), 0);
	assert_int_equal(r.from[0], 0);
	assert_true(receipt(",\"from\":\"0x00112233445566778899aAbBcCdDeEfF00112233\"", &r, &found, &e));
	assert_memory_equal(
		r.from, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00\x11\x22\x33", 20);
	assert_false(receipt(",\"from\":\"0x0011\"", &r, &found, &e));
	assert_true(receipt(",\"status\":\"0x0\"", &r, &found, &e));
	assert_true(r.has_status && !r.ok);
	assert_true(u256_is_zero(r.price));
	assert_true(receipt(",\"root\":\"" H3 "\"", &r, &found, &e)); /* before EIP-658 */
	assert_true(found && !r.has_status && !r.ok);
	assert_true(receipt_parse(STR("null"), &r, &found, &e));
	assert_false(found);
	assert_false(receipt(",\"status\":\"0x2\"", &r, &found, &e));
	assert_non_null(strstr(e.text, "status is neither 0 nor 1"));
	assert_false(found);
	assert_false(receipt(",\"blockHash\":\"x\"", &r, &found, &e));
	assert_non_null(strstr(e.text, "the receipt: blockHash"));
	assert_false(receipt_parse(STR("{}"), &r, &found, &e));
	assert_non_null(strstr(e.text, "transactionHash is missing"));
}

static void test_quantities(void **state)
{
	(void)state;
	struct u256 v;
	uint64_t small;
	struct err e;
	assert_true(quantity_parse(STR("\"0x1a\""), &v, &e));
	assert_int_equal(u256_cmp(v, u256_of(26)), 0);
	assert_true(quantity_parse(
		STR(" \t\r\n\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"\n"), &v, &e));
	assert_true(v.w[3] == UINT64_MAX);
	assert_true(quantity_u64(STR("\"0xffffffffffffffff\""), &small, &e));
	assert_true(small == UINT64_MAX);
	static const char *const bad[] = {"", "\"", "\"\"", "0x1a", "26", "null", "\"0x\"", "\"1a\"", "\"0xg\"",
		"\"0x1a", "0x1a\"", "\"0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\""};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(quantity_parse(str_of(bad[i]), &v, &e));
		assert_int_equal(e.class, ERR_MALFORMED);
		assert_false(quantity_u64(str_of(bad[i]), &small, &e));
	}
	assert_false(quantity_u64(STR("\"0x10000000000000000\""), &small, &e));
	assert_non_null(strstr(e.text, "64 bits"));
}

static void test_data(void **state)
{
	(void)state;
	struct bytes out;
	struct err e;
	assert_true(data_parse(&mem, STR("\"0x00Ff\""), &out, &e));
	assert_bytes(out.p, out.n, &mem, "00ff");
	assert_true(data_parse(&mem, STR("\"0x\""), &out, &e));
	assert_int_equal(out.n, 0);
	static const char *const bad[] = {
		"", "null", "\"\"", "\"0\"", "\"0x1\"", "\"0x123\"", "\"0x1g\"", "\"12\"", "\"0X12\""};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(data_parse(&mem, str_of(bad[i]), &out, &e));
		assert_int_equal(e.class, ERR_MALFORMED);
	}
}

/* Yellow Paper 4.3.1; the bits of the address were computed with another keccak. */
static void test_bloom(void **state)
{
	(void)state;
	uint8_t bloom[256] = {0};
	struct bytes address = unhex(&mem, "095e7baea6a6c7c4c2dfeb977efac326af552d87"), zero = unhex(&mem, "00");
	assert_false(bloom_may_hold(bloom, address.p, 20));
	bloom_add(bloom, address.p, 20);
	assert_true(bloom_may_hold(bloom, address.p, 20));
	assert_false(bloom_may_hold(bloom, zero.p, 1));
	static const unsigned set[3] = {1980, 698, 222};
	uint8_t wanted[256] = {0};
	for (int i = 0; i < 3; i++)
		wanted[255 - set[i] / 8] = (uint8_t)(wanted[255 - set[i] / 8] | 1u << set[i] % 8);
	assert_memory_equal(bloom, wanted, 256);
	bloom_add(bloom, address.p, 20);
	bloom_add(bloom, zero.p, 1);
	assert_true(bloom_may_hold(bloom, address.p, 20));
	assert_true(bloom_may_hold(bloom, zero.p, 1));
	/* each of the three bits counts */
	for (int i = 0; i < 2048; i++) {
		uint8_t less[256];
		memcpy(less, bloom, 256);
		if (!(less[i / 8] >> i % 8 & 1))
			continue;
		less[i / 8] = (uint8_t)(less[i / 8] & ~(1u << i % 8));
		assert_false(bloom_may_hold(less, address.p, 20) && bloom_may_hold(less, zero.p, 1));
	}
}

static void note_receipt(void *arg, const struct receipt *r)
{
	uint64_t *sum = arg;
	*sum = *sum * 100 + r->gas_used * 10 + r->ok;
}

static bool stream(struct str json, uint64_t *sum, struct err *e)
{
	struct receipt_stream *s = receipt_stream_new(note_receipt, sum);
	bool fed = sax_text_feed(&receipt_stream_sax, s, json, 7), end = receipt_stream_end(s, e);
	assert_int_equal(receipt_stream_refused(s, NULL), !end && (!e || !strstr(e->text, "ends too early")));
	receipt_stream_free(s);
	return fed && end;
}

#define ONE(gas, status)                                                                             \
	"{\"transactionHash\":\"" H1 "\",\"transactionIndex\":\"0x2\",\"blockHash\":\"" H2               \
	"\",\"blockNumber\":\"0x10\",\"logs\":[{\"status\":\"0x7\",\"data\":\"0x\"}],\"gasUsed\":\"" gas \
	"\",\"status\":\"" status "\"}"

static void test_receipts_of_a_block(void **state)
{
	(void)state;
	struct err e = {0};
	uint64_t sum = 0;
	assert_true(stream(STR("[" ONE("0x1", "0x1") "," ONE("0x2", "0x0") "]"), &sum, &e));
	assert_int_equal(sum, 1120);
	sum = 0;
	assert_true(stream(STR("[]"), &sum, &e));
	assert_int_equal(sum, 0);
	assert_false(stream(STR("[" ONE("0x1", "0x2") "]"), &sum, &e));
	assert_string_equal(e.text, "receipt 0: status is neither 0 nor 1");
	assert_false(stream(STR("[" ONE("0x1", "0x1") ",{}]"), &sum, &e));
	assert_string_equal(e.text, "receipt 1: transactionHash is missing or null");
	assert_false(stream(STR("[" ONE("0x1", "0x1") ","), &sum, &e));
	assert_string_equal(e.text, "receipt 1: its JSON is broken or ends too early");
	assert_false(stream(STR("null"), &sum, &e));
	assert_false(stream(STR("{}"), &sum, &e));
	assert_false(stream(STR("[7]"), &sum, NULL));
	receipt_stream_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_variants),
		cmocka_unit_test(test_header_refused),
		cmocka_unit_test(test_receipt),
		cmocka_unit_test(test_receipts_of_a_block),
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_bloom),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
