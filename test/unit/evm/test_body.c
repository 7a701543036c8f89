/* body: blocks with whole transactions; authorizations made by viem's signAuthorization (key 0x11…11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/body.h"
#include "test/unit/evm/hex.h"

#define AUTH(chain, nonce, r, s)                                                       \
	"{\"chainId\":\"" chain                                                            \
	"\",\"address\":\"0x63c0c19a282a1b52b07dd5a65b58948a07dae32b\",\"nonce\":\"" nonce \
	"\",\"yParity\":\"0x0\",\"r\":\"" r "\",\"s\":\"" s "\"}"
#define HERE                                                                                   \
	AUTH("0x7a69", "0x7", "0xb06293e3cbb53f2116af3c3b6dc4fc3e6e075489099e01e3d1a0bb8295c3a39", \
		"0x1fd685c1e9ce30af67629f35f104246eb25b8be0eeadbba8dfaa25821c089ba3")
#define ANYWHERE                                                                             \
	AUTH("0x0", "0x0", "0x65ff4e4f359046b903aaa903f372d56737f6819dfe225d07d378f38d773a2deb", \
		"0x7cfb71ba906249640e160cf54e2b9a030eab612915ca237deb24e851681b6c2e")
#define HASH    "0x1111111111111111111111111111111111111111111111111111111111111111"
#define ACCOUNT "0x2222222222222222222222222222222222222222"
#define HEAD                                                            \
	"{\"number\":\"0x10\",\"hash\":\"" HASH "\",\"parentHash\":\"" HASH \
	"\",\"timestamp\":\"0x5\",\"transactions\":["
#define TX(type, to, more)                                             \
	"{\"type\":\"" type "\",\"hash\":\"" HASH "\",\"from\":\"" ACCOUNT \
	"\",\"nonce\":\"0x3\",\"input\":\"0xabcd\"," to more               \
	",\"blockNumber\":\"0x10\",\"accessList\":[{\"address\":\"" ACCOUNT "\",\"storageKeys\":[]}]}"

static const char signer[] = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a";
static struct arena mem;

static bool read(const char *text, struct body *b, bool *found)
{
	struct err e = {0};
	return body_parse(&mem, str_of(text), b, found, &e);
}

static void blocks(void **state)
{
	(void)state;
	struct body b;
	bool found;
	assert_true(
		read(HEAD TX("0x2", "\"to\":\"" ACCOUNT "\"", "") "," TX("0x4", "\"to\":\"" ACCOUNT "\"",
				 ",\"authorizationList\":[" HERE "," ANYWHERE "]") "," TX("0x0", "\"to\":null", "") "]}",
			&b, &found));
	assert_true(found);
	assert_int_equal(b.number, 16);
	assert_int_equal(b.time, 5);
	assert_int_equal(b.ntxs, 3);
	assert_bytes(b.hash, 32, &mem, HASH);
	assert_int_equal(b.txs[0].nauths, 0);
	assert_true(b.txs[0].has_to);
	assert_int_equal(b.txs[0].data.n, 2);
	assert_int_equal(b.txs[1].type, BODY_SET_CODE);
	assert_int_equal(b.txs[1].nauths, 2);
	assert_int_equal(b.txs[1].auths[0].nonce, 7);
	assert_int_equal(b.txs[2].nauths, 0);
	assert_false(b.txs[2].has_to);
	for (size_t i = 0; i < 2; i++) {
		uint8_t who[20];
		assert_true(authorization_signer(&b.txs[1].auths[i], who));
		assert_bytes(who, 20, &mem, signer);
	}
}

static void other_signers(void **state)
{
	(void)state;
	struct body b;
	bool found;
	uint8_t who[20], wanted[20];
	hex_from(wanted, 20, str_of(signer));
	assert_true(
		read(HEAD TX("0x4", "\"to\":\"" ACCOUNT "\"", ",\"authorizationList\":[" HERE "]") "]}", &b, &found));
	struct authorization x = b.txs[0].auths[0];
	x.nonce = 8;
	assert_true(!authorization_signer(&x, who) || memcmp(who, wanted, 20) != 0);
	x = b.txs[0].auths[0];
	x.parity = 2;
	assert_false(authorization_signer(&x, who));
	x = b.txs[0].auths[0];
	x.s = u256_of(0);
	assert_false(authorization_signer(&x, who));
}

static void not_blocks(void **state)
{
	(void)state;
	struct body b;
	bool found = true;
	assert_true(read("null", &b, &found));
	assert_false(found);
	assert_true(read(HEAD "]}", &b, &found));
	assert_true(found);
	assert_int_equal(b.ntxs, 0);
	assert_false(read(HEAD "\"" HASH "\"]}", &b, &found)); /* hashes alone show nobody */
	assert_false(read("{\"number\":\"0x1\"}", &b, &found));
	assert_false(read(HEAD TX("0x2", "\"to\":\"0x12\"", "") "]}", &b, &found));
	assert_false(read("", &b, &found));
}

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks), cmocka_unit_test(other_signers), cmocka_unit_test(not_blocks)};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
