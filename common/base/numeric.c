#include "common/base/numeric.h"

__extension__ typedef unsigned __int128 wide; /* the only typedef here, for the compiler's sake */

enum { DIGITS_MAX = 20 /* 78 decimal digits */, DIGITS_A_STEP = 4 };
static const uint64_t step = 10000000000000000; /* 10000^4: one long division gives four digits */

/* a / step into a, whose n lowest limbs count; the rest. */
static uint64_t divide(uint64_t *w, int n)
{
	uint64_t rest = 0;
	for (int i = n - 1; i >= 0; i--) {
		const wide part = (wide)rest << 64 | w[i];
		w[i] = (uint64_t)(part / step);
		rest = (uint64_t)(part % step);
	}
	return rest;
}

static int limbs(const uint64_t *w)
{
	int n = 4;
	while (n > 0 && w[n - 1] == 0)
		n--;
	return n;
}

static void put16(uint8_t *to, unsigned v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

size_t numeric_of_u256(uint8_t out[NUMERIC_MAX], struct u256 a, bool negative)
{
	uint16_t digits[DIGITS_MAX]; /* the least significant first */
	int n = 0, first = 0;
	for (int left = limbs(a.w); left > 0; left = limbs(a.w)) {
		uint64_t rest = left == 1 ? a.w[0] % step : 0;
		if (left == 1)
			a.w[0] /= step;
		else
			rest = divide(a.w, left);
		for (int i = 0; i < DIGITS_A_STEP; i++, rest /= 10000)
			digits[n++] = (uint16_t)(rest % 10000);
	}
	while (n > 0 && digits[n - 1] == 0)
		n--;
	while (first < n && digits[first] == 0)
		first++;
	put16(out, (unsigned)(n - first));
	put16(out + 2, n > 0 ? (unsigned)(n - 1) : 0);
	put16(out + 4, negative && n > 0 ? 0x4000 : 0);
	put16(out + 6, 0);
	uint8_t *to = out + 8;
	for (int i = n - 1; i >= first; i--, to += 2)
		put16(to, digits[i]);
	return (size_t)(to - out);
}
