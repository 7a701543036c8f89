#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/trie.h"
#include "test/unit/evm/hex.h"

/* Roots of lists of n items as another implementation (npm's @ethereumjs/mpt 10.1) computes them: item i is
 * its number as two bytes, then i % 71 bytes 0xa5. The sizes lie around those where the shape of the trie
 * changes: short values stand inside their parents, 128 and 256 are where keys get longer. */
static const struct {
	size_t n;
	const char *root;
} roots[] = {
	{0, "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"},
	{1, "b7a67f797016330183b3d39927bc21be30932766b528e54b39f37a5ff0893537"},
	{2, "4d1b6b6b38b55ec761b95a4d2060430a055da9e7aa33f036062a607b5b414592"},
	{3, "cc9d6464fbb8d95380f4e90a09af35bc19f2ee7723db80ff227613e7e2f48ed8"},
	{15, "bde21845c9d0e4d9c1a8569d51b6320fa29f0163d70392fe1806dcac37559983"},
	{16, "c2cef23cb99cf07724f9bfe9b3c808916e1ea30ac6e419315ff6cb86f45c5d11"},
	{17, "bb822015a43daac91d84fd99dc0238b14cb175198315f414e17fcde6c4cd2690"},
	{127, "263eb56509dd582a6819aae887d7899577f00806eb599f9f80027f74b1ac96e6"},
	{128, "47ea593efca51af4e5239562f976d16260fcad5c44538d5cbae15d7d3489c611"},
	{129, "bca58f3f006319bb297c61beba586010db7d5fb2a3718e460c9da6c6f6ce3cd3"},
	{130, "17d10d7e3e5a7cd104437bded6d64e9ebc6cd9c8149e4c6237852f19b08437a7"},
	{255, "70b7b5b83bf9bf56756f96a3c849bfe1d5fb3f074c65b1b07bc7f94aab0ba698"},
	{256, "e391495e995ddb23ec9583e5b907b72d68a265d2842a383b9c0848e7d40342e7"},
	{257, "b59a3435157c78f0c57e1b878578e433324d266b5efc6407410e4bd8e77a2203"},
	{300, "4ba99c30ef5f31f988676ac5145c3e135f9590b90963a3d17edd3b3f91ac93d9"},
	{1000, "e619c11134627e1825d7e5e0ea21329b1a752f9d0f5e2e630f436498a9b93ef3"},
};

struct asked {
	size_t n, most, first, last;
	uint8_t times[1000];
};
static void item(void *arg, size_t i, struct buf *out)
{
	struct asked *a = arg;
	assert_in_range(i, 0, a->most);
	assert_int_equal(out->n, 0);
	if (a->n++ == 0)
		a->first = i;
	a->last = i;
	a->times[i]++;
	buf_char(out, (char)(i >> 8));
	buf_char(out, (char)(i & 255));
	for (size_t k = 0; k < i % 71; k++)
		buf_char(out, (char)0xa5);
}

static void test_roots(void **state)
{
	(void)state;
	struct arena mem = {0};
	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		struct asked a = {.most = roots[i].n - 1};
		uint8_t root[32];
		trie_root(root, roots[i].n, item, &a);
		assert_bytes(root, 32, &mem, roots[i].root);
		assert_int_equal(a.n, roots[i].n);
		for (size_t k = 0; k < roots[i].n; k++)
			assert_int_equal(a.times[k], 1);
		if (roots[i].n > 1)
			assert_int_equal(a.first, 1);
		if (roots[i].n > 0)
			assert_int_equal(a.last, roots[i].n <= 128 ? 0 : roots[i].n - 1);
	}
	arena_fini(&mem);
}

/* A long value: nothing of it stands inside its parent. */
static void big(void *arg, size_t i, struct buf *out)
{
	size_t n = *(size_t *)arg;
	for (size_t k = 0; k < n; k++)
		buf_char(out, (char)(i + k));
}

static void test_each_byte_counts(void **state)
{
	(void)state;
	uint8_t last[32] = {0}, root[32];
	for (size_t n = 1; n < 70000; n = n * 3 + 1) {
		trie_root(root, 300, big, &n);
		assert_memory_not_equal(root, last, 32);
		memcpy(last, root, 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_each_byte_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
