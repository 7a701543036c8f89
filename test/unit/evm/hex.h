/* hex: literals of bytes in tests. */
#ifndef FAIRLEAD_TEST_HEX_H
#define FAIRLEAD_TEST_HEX_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

/* Hex digits, optional 0x, white space anywhere, into the arena. */
static inline struct bytes unhex(struct arena *a, const char *text)
{
	struct buf digits = {0};
	for (; *text; text++)
		if (*text != ' ' && *text != '\n' && *text != '\t')
			buf_char(&digits, *text);
	size_t n = (digits.n - (digits.n >= 2 && digits.p[1] == 'x' ? 2 : 0)) / 2;
	uint8_t *p = arena_alloc(a, n);
	must(digits.n == 0 || hex_from(p, n, (struct str){digits.p, digits.n}));
	buf_fini(&digits);
	return (struct bytes){p, n};
}
#define assert_bytes(got, size, arena, hex)                   \
	do {                                                      \
		struct bytes wanted_ = unhex((arena), (hex));         \
		assert_int_equal((size), wanted_.n);                  \
		if (wanted_.n > 0)                                    \
			assert_memory_equal((got), wanted_.p, wanted_.n); \
	} while (0)

#endif
