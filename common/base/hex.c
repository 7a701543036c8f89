#include "common/base/str.h"

/* Hex: most of what a node says. Sixteen digits at a time, as vectors that every compiler maps to what the
 * machine has. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint16_t pairs8 __attribute__((vector_size(16)));
typedef uint8_t bytes8 __attribute__((vector_size(8)));

/* ── digits to bytes ── */

/* 1..16 for a hex digit, 0 for any other byte: one less has a high bit only where it is bad. */
static const uint8_t digits[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['A'] = 11, 12, 13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16};

int hex_digit(char c)
{
	return digits[(unsigned char)c] - 1;
}

bool str_hex_to_u64(struct str s, uint64_t *v)
{
	if (s.n < 3 || s.n > 18 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'X'))
		return false;
	uint64_t x = 0;
	unsigned bad = 0;
	for (size_t i = 2; i < s.n; i++) {
		unsigned d = digits[(unsigned char)s.p[i]] - 1u;
		bad |= d;
		x = x << 4 | d;
	}
	if (bad >= 16)
		return false;
	*v = x;
	return true;
}

/* Eight bytes from sixteen digits. *bad gets bits where a byte is no digit. */
static void read_sixteen(uint8_t *out, const unsigned char *p, bytes16 *bad)
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

bool hex_from(uint8_t *out, size_t n, struct str s)
{
	if (s.n >= 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X')) {
		s.p += 2;
		s.n -= 2;
	}
	if (s.n != 2 * n)
		return false;
	const unsigned char *p = (const unsigned char *)s.p;
	bytes16 wrong = {0};
	unsigned bad = 0;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		read_sixteen(out + i, p + 2 * i, &wrong);
	for (; i < n; i++) {
		unsigned high = digits[p[2 * i]] - 1u, low = digits[p[2 * i + 1]] - 1u;
		bad |= high | low;
		out[i] = (uint8_t)(high << 4 | low);
	}
	uint64_t halves[2];
	memcpy(halves, &wrong, sizeof halves);
	return bad < 16 && (halves[0] | halves[1]) == 0;
}

/* ── bytes to digits ── */

static void write_sixteen(char *out, const uint8_t *p)
{
	bytes8 narrow;
	memcpy(&narrow, p, sizeof narrow);
	pairs8 w = __builtin_convertvector(narrow, pairs8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	bytes16 v = (bytes16)((w >> 4 | w << 8) & 0x0f0f);
#else
	bytes16 v = (bytes16)((w << 4 | w) & 0x0f0f);
#endif
	bytes16 letter = (bytes16)(v > 9) & ('a' - '0' - 10);
	v += '0' + letter;
	memcpy(out, &v, sizeof v);
}

void hex_to(char *out, const uint8_t *p, size_t n)
{
	static const char letters[] = "0123456789abcdef";
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		write_sixteen(out + 2 * i, p + i);
	for (; i < n; i++) {
		out[2 * i] = letters[p[i] >> 4];
		out[2 * i + 1] = letters[p[i] & 15];
	}
	out[2 * n] = 0;
}

void hex_to_0x(char *out, const uint8_t *p, size_t n)
{
	out[0] = '0';
	out[1] = 'x';
	hex_to(out + 2, p, n);
}
