#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/address.h"
#include "test/unit/evm/hex.h"

/* The examples of EIP-55. */
static const char *const examples[] = {
	"0x52908400098527886E0F7030069857D2E4169EE7",
	"0x8617E340B3D01FA5F11F306F4090FD50E238070D",
	"0xde709f2102306220921060314715629080e2fb77",
	"0x27b1fdb04752bbc536007a920d24acb045561c26",
	"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
	"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
	"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
	"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
};

static void test_eip55(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		uint8_t a[20];
		char text[ADDRESS_TEXT];
		struct err e;
		assert_true(address_from_text(a, str_of(examples[i]), &e));
		address_to_eip55(text, a);
		assert_string_equal(text, examples[i]);
	}
}

static void test_one_case(void **state)
{
	(void)state;
	uint8_t a[20], b[20];
	struct err e;
	assert_true(address_from_text(a, STR("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), &e));
	assert_true(address_from_text(b, STR("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"), &e));
	assert_memory_equal(a, b, 20);
	assert_true(address_from_text(a, STR("0x0000000000000000000000000000000000000000"), &e));
}

static void test_wrong_checksum_names_the_right_one(void **state)
{
	(void)state;
	uint8_t a[20];
	struct err e;
	assert_false(address_from_text(a, STR("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"), &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	assert_non_null(strstr(e.text, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"));
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} cases[] = {{"", "begins with 0x"}, {"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "begins with 0x"},
		{"0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "begins with 0x"},
		{"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", "this one 39"},
		{"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0", "this one 41"},
		{"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg", "only the digits"},
		{"0x0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea", "only the digits"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t a[20];
		struct err e;
		assert_false(address_from_text(a, str_of(cases[i].text), &e));
		assert_non_null(strstr(e.text, cases[i].why));
	}
}

static void test_create(void **state)
{
	(void)state;
	struct arena mem = {0};
	uint8_t a[20];
	struct bytes sender = unhex(&mem, "6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0");
	address_of_create(a, sender.p, 0);
	assert_bytes(a, 20, &mem, "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d");
	address_of_create(a, sender.p, 1);
	assert_bytes(a, 20, &mem, "343c43a37d37dff08ae8c4a11544c718abb4fcf8");
	sender = unhex(&mem, "f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
	address_of_create(a, sender.p, 0);
	assert_bytes(a, 20, &mem, "5fbdb2315678afecb367f032d93f642f64180aa3");
	arena_fini(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eip55),
		cmocka_unit_test(test_one_case),
		cmocka_unit_test(test_wrong_checksum_names_the_right_one),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_create),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
