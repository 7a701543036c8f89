#include "common/evm/wire.h"

/* Most of an answer is hex: sixteen digits at a time, as vectors that every compiler maps to what the machine
 * has. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint16_t pairs8 __attribute__((vector_size(16)));
typedef uint8_t bytes8 __attribute__((vector_size(8)));

/* 1..16 for a hex digit, 0 for any other byte: one less has a high bit only where it is bad. */
static const uint8_t digits[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['A'] = 11, 12, 13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16};

/* Eight bytes from sixteen digits. *bad gets bits where a byte is no digit. */
static void sixteen(uint8_t *out, const unsigned char *p, bytes16 *bad)
{
	bytes16 c;
	memcpy(&c, p, sizeof c);
	bytes16 number = c - '0', letter = (c | 0x20) - 'a';
	bytes16 is_number = (bytes16)(number < 10), is_letter = (bytes16)(letter < 6);
	*bad |= ~(is_number | is_letter);
	bytes16 v = (number & is_number) | ((letter + 10) & is_letter);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	pairs8 w = (pairs8)v, joined = (w << 4 | w >> 8) & 0xff;
#else
	pairs8 w = (pairs8)v, joined = (w >> 4 | w) & 0xff;
#endif
	bytes8 narrow = __builtin_convertvector(joined, bytes8);
	memcpy(out, &narrow, sizeof narrow);
}

bool wire_hex(uint8_t *out, size_t n, struct str text)
{
	if (text.n < 2 || text.n - 2 != 2 * n || text.p[0] != '0' || text.p[1] != 'x')
		return false;
	const unsigned char *p = (const unsigned char *)text.p + 2;
	bytes16 wrong = {0};
	unsigned bad = 0;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		sixteen(out + i, p + 2 * i, &wrong);
	for (; i < n; i++) {
		unsigned high = digits[p[2 * i]] - 1u, low = digits[p[2 * i + 1]] - 1u;
		bad |= high | low;
		out[i] = (uint8_t)(high << 4 | low);
	}
	uint64_t halves[2];
	memcpy(halves, &wrong, sizeof halves);
	return bad < 16 && (halves[0] | halves[1]) == 0;
}
