/* answer: wordings of geth, reth, erigon, nethermind, besu, anvil and hardhat; what is not known is not
 * believed. */
#include "submitter/answer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void nodes_words(void **state)
{
	(void)state;
	static const struct {
		int code;
		const char *text;
		enum answer means;
	} said[] = {
		{-32000, "already known", ANSWER_KNOWN},
		{-32003, "transaction already imported", ANSWER_KNOWN},
		{-32000, "Known transaction: 0xab", ANSWER_KNOWN},
		{-32010, "AlreadyKnown", ANSWER_KNOWN},
		{-32000, "nonce too low: next nonce 5, tx nonce 4", ANSWER_NONCE_LOW},
		{-32003, "nonce too low", ANSWER_NONCE_LOW},
		{-32010, "OldNonce, Current nonce: 5", ANSWER_NONCE_LOW},
		{-32000, "Nonce too low. Expected nonce to be 5 but got 4.", ANSWER_NONCE_LOW},
		{-32000, "Nonce too high. Expected nonce to be 5 but got 9.", ANSWER_NONCE_HIGH},
		{-32000, "replacement transaction underpriced", ANSWER_UNDERPRICED},
		{-32000, "transaction underpriced: gas tip cap 0, minimum needed 1", ANSWER_UNDERPRICED},
		{-32003, "max fee per gas less than block base fee", ANSWER_UNDERPRICED},
		{-32000, "insufficient funds for gas * price + value: balance 0", ANSWER_FUNDS},
		{-32000, "Sender doesn't have enough funds to send tx.", ANSWER_FUNDS},
		{-32003, "Insufficient funds for gas * price + value", ANSWER_FUNDS},
		{-32005, "daily request count exceeded", ANSWER_UNKNOWN},
		{-32603, "Internal error", ANSWER_UNKNOWN},
		{-32000, "invalid sender", ANSWER_REFUSED},
		{0, "", ANSWER_REFUSED},
	};
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		if (answer_of_error(said[i].code, str_of(said[i].text)) != said[i].means)
			fail_msg("%s is read as %s", said[i].text,
				answer_name(answer_of_error(said[i].code, str_of(said[i].text))));
	assert_string_equal(answer_name(ANSWER_ACCEPTED), "accepted");
	assert_string_equal(answer_name(ANSWER_REFUSED), "refused");
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_words), cmocka_unit_test(forms_and_sizes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
