/* cid: what is one, and each way of not being one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/cid.h"

#include <stdio.h>
#include <string.h>

static bool is(const char *s)
{
	return cid_valid(str_of(s));
}

/* Known ones, and the digest of "hello" in both cases of base16. */
static void every_base(void **state)
{
	(void)state;
	assert_true(is("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"));
	assert_true(is("bafkreibs72f53tpj5u7ne6ztz7ckwolzdexyi7wghqo4hnx4mlqdy47wde"));
	assert_true(is("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"));
	assert_true(is("zdj7WWeQ43G6JJvLWQWZpyHuAMq6uYWRjkBXFad11vE2LHhQ7"));
	assert_true(is("f01551220"
				   "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
	assert_true(is("F01551220"
				   "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"));
	assert_true(is("BAFKREIBS72F53TPJ5U7NE6ZTZ7CKWOLZDEXYI7WGHQO4HNX4MLQDY47WDE"));
	assert_true(is("f015500"
				   "03"
				   "616263")); /* the identity hash of three bytes */
}

static void other_bases_agree(void **state)
{
	(void)state;
	/* base36 of 01 55 00 01 61: ((1·256+0x55)·256+0)·65536+0x0161 = 5721031009 */
	char text[32] = "", digits[32];
	size_t n = 0;
	for (uint64_t v = 0x0155000161; v; v /= 36)
		digits[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
	text[0] = 'k';
	for (size_t i = 0; i < n; i++)
		text[1 + i] = digits[n - 1 - i];
	assert_true(is(text));
	text[0] = 'K';
	for (size_t i = 1; text[i]; i++)
		text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
	assert_true(is(text));
}

static void what_is_none(void **state)
{
	(void)state;
	static const char *const list[] = {"", "b", "Qm", "hello", "x0155", "https://example.org",
		/* digits 0, 1, 8, 9 stand in no base32 */
		"bafkreiabcdef1234567890abcdef1234567890abcdef1234567890abcdef",
		"bafkreighijkl9876543210ghijkl9876543210ghijkl9876543210ghijkl",
		"bAFKREIBS72F53TPJ5U7NE6ZTZ7CKWOLZDEXYI7WGHQO4HNX4MLQDY47WDE",  /* capitals behind b */
		"Bafkreibs72f53tpj5u7ne6ztz7ckwolzdexyi7wghqo4hnx4mlqdy47wde",  /* and the reverse */
		"bafkreibs72f53tpj5u7ne6ztz7ckwolzdexyi7wghqo4hnx4mlqdy47wd",   /* a character short */
		"bafkreibs72f53tpj5u7ne6ztz7ckwolzdexyi7wghqo4hnx4mlqdy47wdea", /* one too many */
		"bafkreibs72f53tpj5u7ne6ztz7ckwolzdexyi7wghqo4hnx4mlqdy47wdf",  /* bits left over */
		"QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR10",               /* 0 is not in base58 */
		"QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1",                /* 45 */
		"Qmzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", /* another hash than sha2-256, or too large */
		"f02551220"
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", /* version 2 */
		"f01551221"
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", /* 33 said, 32 there */
		"f01551220"
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b98", /* 31 there */
		"f01d5001220", "f0155", "f015512", "f01ffffffffffffffffffff01", "k!", "z0", "f0g", "f015"};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (is(list[i]))
			fail_msg("taken for a CID: %s", list[i]);
	char long_one[600];
	memset(long_one, 'a', sizeof long_one);
	long_one[0] = 'b';
	assert_false(cid_valid((struct str){long_one, sizeof long_one}));
	long_one[0] = 'z';
	assert_false(cid_valid((struct str){long_one, 512}));
	memset(long_one, '1', sizeof long_one);
	long_one[0] = 'z';
	assert_false(cid_valid((struct str){long_one, 512}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_base), cmocka_unit_test(other_bases_agree), cmocka_unit_test(what_is_none)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
