/* block_receipt: a verdict out of the receipts of a whole block, and only what they say of that transaction.
 */
#include "submitter/block_receipt.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define REP8(x)     x x x x x x x x
#define HASH(digit) "0x" REP8(digit digit digit digit) REP8(digit digit digit digit)
#define BLOCK       HASH("b")
#define OTHER_BLOCK HASH("c")
#define FIRST       HASH("1")
#define OURS        HASH("2")
#define RECEIPT(tx, block, number, index, gas, status)                                          \
	"{\"transactionHash\":\"" tx "\",\"transactionIndex\":\"" index "\",\"blockHash\":\"" block \
	"\",\"blockNumber\":\"" number "\",\"cumulativeGasUsed\":\"" gas "\",\"logs\":[]" status "}"
#define GOOD   ",\"status\":\"0x1\""
#define FAILED ",\"status\":\"0x0\""
#define ZEROS  REP8(REP8("00000000"))
#define HEADER(rest)                                                                                  \
	"{\"hash\":\"" BLOCK "\",\"parentHash\":\"" OTHER_BLOCK "\",\"receiptsRoot\":\"" OTHER_BLOCK      \
	"\",\"number\":\"0x10\",\"timestamp\":\"0x1\",\"gasLimit\":\"0x1c9c380\",\"gasUsed\":\"0xea60\"," \
	"\"logsBloom\":\"0x" ZEROS "\"" rest "}"

enum { NUMBER = 16 };

/* One attempt of others' price before, then the one that is looked for: at most 100 a gas, 7 of it as tip. */
static struct attempt attempts[2];
static const struct slot slot = {.nonce = 5, .attempts = attempts, .nattempts = 2};

static void hash_of(uint8_t out[32], const char *hex)
{
	assert_true(hex_from(out, 32, str_of(hex)));
}

static int setup(void **state)
{
	(void)state;
	hash_of(attempts[0].hash, HASH("9"));
	hash_of(attempts[1].hash, OURS);
	attempts[0].fee = (struct fee){u256_of(50), u256_of(3)};
	attempts[1].fee = (struct fee){u256_of(100), u256_of(7)};
	return 0;
}

static bool reads(const char *receipts, const char *header, struct slots_verdict *v)
{
	struct rpc_answer a[2] = {{.ok = receipts != NULL, .result = str_of(receipts)},
		{.ok = header != NULL, .result = str_of(header)}};
	uint8_t tx[32], block[32];
	hash_of(tx, OURS);
	hash_of(block, BLOCK);
	*v = (struct slots_verdict){.block = -7, .gas = -7};
	bool read = block_receipt_read(a, &slot, tx, NUMBER, block, v);
	assert_true(read || (v->block == -7 && v->gas == -7)); /* not touched */
	return read;
}

#define BEFORE RECEIPT(FIRST, BLOCK, "0x10", "0x0", "0x5208", GOOD) ","

static void test_what_it_says(void **state)
{
	(void)state;
	struct slots_verdict v;
	uint8_t tx[32], block[32];
	hash_of(tx, OURS);
	hash_of(block, BLOCK);
	assert_true(reads("[" BEFORE RECEIPT(OURS, BLOCK, "0x10", "0x1", "0xea60", GOOD) "]",
		HEADER(",\"baseFeePerGas\":\"0xa\""), &v));
	assert_memory_equal(v.hash, tx, 32);
	assert_memory_equal(v.block_hash, block, 32);
	assert_int_equal(v.block, NUMBER);
	assert_int_equal(v.gas, 60000 - 21000); /* what the cumulative gas grew by */
	assert_true(v.ok);
	assert_int_equal(u256_cmp(v.price, u256_of(17)), 0); /* base fee and tip */
	assert_true(reads("[" RECEIPT(OURS, BLOCK, "0x10", "0x0", "0xea60", FAILED) "]", HEADER(""), &v));
	assert_int_equal(v.gas, 60000); /* the first of its block */
	assert_false(v.ok);
}

/* EIP-1559: never more than the transaction offers; a chain without base fees takes all of it. */
static void test_its_price(void **state)
{
	(void)state;
	struct slots_verdict v;
	static const char list[] = "[" RECEIPT(OURS, BLOCK, "0x10", "0x0", "0xea60", GOOD) "]";
	static const struct {
		const char *header;
		uint64_t paid;
	} rows[] = {
		{HEADER(",\"baseFeePerGas\":\"0x5d\""), 100}, /* 93 + 7 */
		{HEADER(",\"baseFeePerGas\":\"0x60\""), 100}, /* 96 + 7 would be more */
		{HEADER(",\"baseFeePerGas\":\"0x0\""), 7},
		{HEADER(""), 100},
		{"null", 100},
		{"7", 100},
		{NULL, 100},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(reads(list, rows[i].header, &v));
		assert_int_equal(u256_cmp(v.price, u256_of(rows[i].paid)), 0);
	}
}

static void test_no_verdict(void **state)
{
	(void)state;
	struct slots_verdict v;
	static const char *const lists[] = {
		NULL, "null", "[]", "7", "[{}]", "[" RECEIPT(FIRST, BLOCK, "0x10", "0x0", "0x5208", GOOD) "]",
		"[" RECEIPT(OURS, OTHER_BLOCK, "0x10", "0x0", "0x5208", GOOD) "]", /* another block of that height */
		"[" RECEIPT(OURS, BLOCK, "0x11", "0x0", "0x5208", GOOD) "]",
		"[" RECEIPT(OURS, BLOCK, "0x10", "0x0", "0x5208", "") "]", /* before EIP-658 nobody can tell */
		"[" RECEIPT(OURS, BLOCK, "0x10", "0x0", "0x5208", GOOD),   /* cut off */
	};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		assert_false(reads(lists[i], HEADER(",\"baseFeePerGas\":\"0xa\""), &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_its_price),
		cmocka_unit_test(test_no_verdict),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
