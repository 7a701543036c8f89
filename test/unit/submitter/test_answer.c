/* answer: what clients say to signed bytes, in their own words; what is not known is not believed. */
#include "submitter/answer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *who;
	int code;
	const char *text;
	enum answer means;
} said[] = {
	{"geth", -32000, "already known", ANSWER_KNOWN},
	{"geth", -32000, "Known transaction: 0xab", ANSWER_KNOWN},
	{"geth", -32000, "nonce too low: next nonce 5, tx nonce 4", ANSWER_NONCE_LOW},
	{"geth", -32000, "nonce too high", ANSWER_NONCE_HIGH},
	{"geth", -32000, "gapped-nonce tx from delegated accounts", ANSWER_NONCE_HIGH},
	{"geth", -32000, "replacement transaction underpriced", ANSWER_UNDERPRICED},
	{"geth", -32000, "transaction underpriced: gas tip cap 0, minimum needed 1", ANSWER_UNDERPRICED},
	{"geth", -32000, "max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1, baseFee: 2", ANSWER_UNDERPRICED},
	{"geth", -32000, "insufficient funds for gas * price + value: balance 0", ANSWER_FUNDS},
	{"geth", -32000, "transaction would cause overdraft", ANSWER_FUNDS},
	{"geth", -32000, "txpool is full", ANSWER_REFUSED},
	{"geth", -32000, "account limit exceeded: pooled 64 txs", ANSWER_REFUSED},
	{"geth", -32000, "in-flight transaction limit reached for delegated accounts", ANSWER_REFUSED},
	{"geth", -32000, "exceeds block gas limit", ANSWER_REFUSED},
	{"geth", -32000, "intrinsic gas too low: gas 20000, minimum needed 21000", ANSWER_REFUSED},
	{"geth", -32000, "invalid sender", ANSWER_REFUSED},
	{"geth", -32000, "oversized data", ANSWER_REFUSED},
	{"geth", -32000, "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)", ANSWER_REFUSED},
	{"bor", -32000, "transaction underpriced", ANSWER_UNDERPRICED},
	{"reth", -32000, "already known", ANSWER_KNOWN},
	{"reth", -32003, "nonce too low: next nonce 5, tx nonce 4", ANSWER_NONCE_LOW},
	{"reth", -32003, "insufficient funds for gas * price + value: have 0 want 1", ANSWER_FUNDS},
	{"reth", -32003, "txpool is full", ANSWER_REFUSED},
	{"erigon", -32000, "INTERNAL_ERROR: existing tx with same hash", ANSWER_KNOWN},
	{"erigon", -32000, "ALREADY_EXISTS: already known", ANSWER_KNOWN},
	{"erigon", -32000, "INTERNAL_ERROR: nonce too low", ANSWER_NONCE_LOW},
	{"erigon", -32000, "could not replace existing tx", ANSWER_UNDERPRICED},
	{"erigon", -32000, "fee too low", ANSWER_UNDERPRICED},
	{"erigon", -32000, "insufficient funds", ANSWER_FUNDS},
	{"erigon", -32000, "pending sub-pool is full", ANSWER_REFUSED},
	{"erigon", -32000, "RLPTooLong", ANSWER_REFUSED},
	{"nethermind", -32010, "AlreadyKnown", ANSWER_KNOWN},
	{"nethermind", -32010, "OldNonce, Current nonce: 22, nonce of rejected tx: 17", ANSWER_NONCE_LOW},
	{"nethermind", -32010, "NonceGap, Future nonce. Expected nonce: 10", ANSWER_NONCE_HIGH},
	{"nethermind", -32010, "ReplacementNotAllowed", ANSWER_UNDERPRICED},
	{"nethermind", -32010, "OwnNonceAlreadyUsed", ANSWER_UNDERPRICED},
	{"nethermind", -32010, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 50, BaseFee: 100", ANSWER_UNDERPRICED},
	{"nethermind", -32010, "FeeTooLowToCompete", ANSWER_UNDERPRICED},
	{"nethermind", -32010, "InsufficientFunds, Account balance: 4, cumulative cost: 22", ANSWER_FUNDS},
	{"nethermind", -32010, "GasLimitExceeded, Gas limit: 1, gas limit of rejected tx: 2", ANSWER_REFUSED},
	{"besu", -32000, "Known transaction", ANSWER_KNOWN},
	{"besu", -32001, "Nonce too low", ANSWER_NONCE_LOW},
	{"besu", -32006, "Transaction nonce too distant from current sender nonce", ANSWER_NONCE_HIGH},
	{"besu", -32000, "Replacement transaction underpriced", ANSWER_UNDERPRICED},
	{"besu", -32009, "Gas price below configured minimum gas price", ANSWER_UNDERPRICED},
	{"besu", -32009, "Gas price below current base fee", ANSWER_UNDERPRICED},
	{"besu", -32004, "Upfront cost exceeds account balance", ANSWER_FUNDS},
	{"besu", -32003, "Intrinsic gas exceeds gas limit", ANSWER_REFUSED},
	{"besu", -32000, "Transaction fee cap exceeded", ANSWER_REFUSED},
	{"besu", -32007, "Sender account not authorized to send transactions", ANSWER_UNKNOWN}, /* -32007 is a provider's limit too */
	{"anvil", -32003, "transaction already imported", ANSWER_KNOWN},
	{"anvil", -32003, "nonce too low", ANSWER_NONCE_LOW},
	{"anvil", -32003, "max fee per gas less than block base fee", ANSWER_UNDERPRICED},
	{"anvil", -32003, "Insufficient funds for gas * price + value", ANSWER_FUNDS},
	{"hardhat", -32000, "Known transaction: 0xab", ANSWER_KNOWN},
	{"hardhat", -32000, "Nonce too low. Expected nonce to be 5 but got 4.", ANSWER_NONCE_LOW},
	{"hardhat", -32000, "Nonce too high. Expected nonce to be 5 but got 9. Note that transactions can't be queued when automining.", ANSWER_NONCE_HIGH},
	{"hardhat", -32000, "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 2 is necessary", ANSWER_UNDERPRICED},
	{"hardhat", -32000, "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 2", ANSWER_UNDERPRICED},
	{"hardhat", -32000, "Sender doesn't have enough funds to send tx.", ANSWER_FUNDS},
	{"hardhat", -32000, "Transaction requires at least 21000 gas but got 100.", ANSWER_REFUSED},
	{"parity", -32010, "Transaction with the same hash was already imported.", ANSWER_KNOWN},
	{"parity", -32010, "Transaction nonce is too low. Try incrementing the nonce.", ANSWER_NONCE_LOW},
	{"parity", -32010, "Transaction gas price 100wei is too low. There is another transaction with same nonce in the queue with gas price 150wei.", ANSWER_UNDERPRICED},
	{"parity", -32010, "Transaction gas price is too low. It does not satisfy your node's minimal gas price (minimal: 100 got: 50).", ANSWER_UNDERPRICED},
	{"parity", -32010, "There are too many transactions in the queue. Your transaction was dropped due to limit. Try increasing the fee.", ANSWER_UNDERPRICED},
	{"parity", -32010, "Insufficient funds. The account you tried to send transaction from does not have enough funds. Required 2 and got: 1.", ANSWER_FUNDS},
	{"parity", -32010, "Insufficient balance for transaction. Balance=100.25, Cost=200.50", ANSWER_FUNDS},
	{"parity", -32010, "Transaction cost exceeds current gas limit. Limit: 1, got: 2.", ANSWER_REFUSED},
	{"zksync", 3, "known transaction. transaction with hash 0x6013 is already in the system", ANSWER_KNOWN},
	{"zksync", 3, "nonce too low. allowed nonce range: 427 - 447, actual: 426", ANSWER_NONCE_LOW},
	{"zksync", 3, "nonce too high. allowed nonce range: 427 - 477, actual: 527", ANSWER_NONCE_HIGH},
	{"zksync", 3, "insufficient funds for gas + value. balance: 1, fee: 2, value: 3", ANSWER_FUNDS},
	{"zksync", 3, "not enough balance to cover the fee. error message: x", ANSWER_FUNDS},
	{"zksync", 3, "insertion of another transaction with the same nonce is in progress", ANSWER_UNKNOWN},
	{"zksync", 3, "server shutting down", ANSWER_UNKNOWN},
	{"zksync", 3, "The operator included transaction with an unacceptable gas price", ANSWER_UNDERPRICED},
	{"arbitrum", -32000, "nonce too low: address 0x3363, tx: 8089 state: 8090", ANSWER_NONCE_LOW},
	{"arbitrum", -32000, "nonce too high: address 0x3363, tx: 8091 state: 8090", ANSWER_NONCE_HIGH},
	{"arbitrum", -32000, "gas price too low", ANSWER_UNDERPRICED},
	{"arbitrum", -32000, "not enough funds for gas", ANSWER_FUNDS},
	{"arbitrum", -32000, "queue full", ANSWER_REFUSED},
	{"arbitrum", -32000, "sequencer pending tx pool full, please try again", ANSWER_REFUSED},
	{"optimism", -32000, "fee too low: 1, use at least tx.gasLimit = 2 and tx.gasPrice = 3", ANSWER_UNDERPRICED},
	{"mantle", -32000, "failed to forward tx to sequencer, please try again. Error message: 'already known'", ANSWER_KNOWN},
	{"moonbeam", -32603, "submit transaction to pool failed: Pool(Stale)", ANSWER_NONCE_LOW},
	{"moonbeam", -32603, "submit transaction to pool failed: Pool(AlreadyImported)", ANSWER_KNOWN},
	{"klaytn", -32000, "there is another tx which has the same nonce in the tx pool", ANSWER_UNDERPRICED},
	{"sei", -32000, "tx already exists in cache", ANSWER_KNOWN},
	{"harmony", -32000, "transaction already finalized", ANSWER_NONCE_LOW},
	{"conflux", -32602, "Transaction 0x4a is discarded due to a too stale nonce", ANSWER_NONCE_LOW},
	{"hedera", -32009, "[Request ID: e4] Gas price '83' is below configured minimum gas price '95'", ANSWER_UNDERPRICED},
	/* what says nothing about the transaction */
	{"a provider", -32005, "daily request count exceeded, request rate limited", ANSWER_UNKNOWN},
	{"a provider", 429, "Too Many Requests", ANSWER_UNKNOWN},
	{"a provider", -32007, "25/second request limit reached", ANSWER_UNKNOWN},
	{"a provider", -32603, "Internal error", ANSWER_UNKNOWN},
	{"a provider", 503, "gas limit service", ANSWER_UNKNOWN},
	{"a provider", -32000, "request timed out", ANSWER_UNKNOWN},
	{"nobody known", -32000, "frobnication of the mempool impossible", ANSWER_UNKNOWN},
	{"nobody known", -32000, "", ANSWER_UNKNOWN},
};
/* clang-format on */

static void nodes_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		if (answer_of_error(said[i].code, str_of(said[i].text)) != said[i].means)
			fail_msg("%s: %s is read as %s", said[i].who, said[i].text,
				answer_name(answer_of_error(said[i].code, str_of(said[i].text))));
	assert_string_equal(answer_name(ANSWER_ACCEPTED), "accepted");
	assert_string_equal(answer_name(ANSWER_REFUSED), "refused");
}

/* An estimate that fails for want of time says nothing about what was asked. */
static void about_the_node(void **state)
{
	(void)state;
	assert_true(answer_is_about_the_node(-32005, STR("daily request count exceeded")));
	assert_true(answer_is_about_the_node(-32000, STR("request timed out")));
	assert_false(answer_is_about_the_node(-32000, STR("execution reverted")));
	assert_false(answer_is_about_the_node(-32000, STR("whatever it is")));
}

/* P12: only our own hash is an acceptance. */
static void hashes(void **state)
{
	(void)state;
	uint8_t hash[32];
	memset(hash, 0xab, 32);
	assert_int_equal(
		answer_of_result(STR("\"0xabababababababababababababababababababababababababababababababab\""), hash),
		ANSWER_ACCEPTED);
	assert_int_equal(
		answer_of_result(STR("\"0xABABababababababababababababababababababababababababababababABAB\""), hash),
		ANSWER_ACCEPTED);
	assert_int_equal(
		answer_of_result(
			STR("\"0xacabababababababababababababababababababababababababababababababab\""), hash),
		ANSWER_UNKNOWN);
	assert_int_equal(
		answer_of_result(
			STR("\"0xababababababababababababababababababababababababababababababababac\""), hash),
		ANSWER_UNKNOWN);
	static const char *const nothing[] = {"null", "true", "\"\"", "\"0x\"", "{}", "[]", "0",
		"\"abababababababababababababababababababababababababababababababab\""};
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
		assert_int_equal(answer_of_result(str_of(nothing[i]), hash), ANSWER_UNKNOWN);
}

static void forms_and_sizes(void **state)
{
	(void)state;
	assert_true(answer_is_block_form(-32602, STR("whatever")));
	assert_true(answer_is_block_form(-32000, STR("invalid type: map, expected a string")));
	assert_false(answer_is_block_form(3, STR("execution reverted")));
	assert_true(answer_is_too_big(-32000, STR("gas required exceeds allowance (30000000)")));
	assert_true(answer_is_too_big(-32003, STR("Out of gas: gas required exceeds allowance")));
	assert_false(answer_is_too_big(3, STR("execution reverted")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_words), cmocka_unit_test(about_the_node),
		cmocka_unit_test(hashes), cmocka_unit_test(forms_and_sizes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
