#include "common/base/u256.h"
#include "common/base/err.h"

#include <endian.h>

__extension__ typedef unsigned __int128
	wide; /* one limb times one limb; the only typedef, for the compiler's sake */

int u256_cmp(struct u256 a, struct u256 b)
{
	for (int i = 3; i >= 0; i--)
		if (a.w[i] != b.w[i])
			return a.w[i] < b.w[i] ? -1 : 1;
	return 0;
}

bool u256_is_zero(struct u256 a)
{
	return (a.w[0] | a.w[1] | a.w[2] | a.w[3]) == 0;
}

bool u256_add(struct u256 *r, struct u256 a, struct u256 b)
{
	wide c = 0;
	for (int i = 0; i < 4; i++) {
		c += (wide)a.w[i] + b.w[i];
		r->w[i] = (uint64_t)c;
		c >>= 64;
	}
	return c == 0;
}

bool u256_sub(struct u256 *r, struct u256 a, struct u256 b)
{
	uint64_t borrow = 0;
	for (int i = 0; i < 4; i++) {
		uint64_t x = a.w[i] - b.w[i], y = x - borrow;
		borrow = (uint64_t)(a.w[i] < b.w[i]) | (uint64_t)(x < borrow);
		r->w[i] = y;
	}
	return borrow == 0;
}

bool u256_mul(struct u256 *r, struct u256 a, struct u256 b)
{
	uint64_t p[8] = {0};
	for (int i = 0; i < 4; i++) {
		wide c = 0;
		if (a.w[i] == 0)
			continue; /* most numbers are small */
		for (int j = 0; j < 4; j++) {
			c += (wide)a.w[i] * b.w[j] + p[i + j];
			p[i + j] = (uint64_t)c;
			c >>= 64;
		}
		p[i + 4] = (uint64_t)c;
	}
	*r = (struct u256){{p[0], p[1], p[2], p[3]}};
	return (p[4] | p[5] | p[6] | p[7]) == 0;
}

struct u256 u256_div64(struct u256 a, uint64_t d, uint64_t *rest)
{
	must(d > 0);
	uint64_t r = 0;
	struct u256 q;
	for (int i = 3; i >= 0; i--) {
		if (r == 0) { /* most numbers are small, and dividing wide ones costs ten times as much */
			q.w[i] = a.w[i] / d;
			r = a.w[i] % d;
			continue;
		}
		wide both = (wide)r << 64 | a.w[i];
		q.w[i] = (uint64_t)(both / d);
		r = (uint64_t)(both % d);
	}
	if (rest)
		*rest = r;
	return q;
}

bool u256_to_u64(struct u256 a, uint64_t *v)
{
	*v = a.w[0];
	return (a.w[1] | a.w[2] | a.w[3]) == 0;
}

bool u256_ratio_up(struct u256 *r, struct u256 a, uint64_t num, uint64_t den)
{
	struct u256 p;
	uint64_t rest;
	if (!u256_mul(&p, a, u256_of(num)))
		return false;
	*r = u256_div64(p, den, &rest);
	return rest == 0 || u256_add(r, *r, u256_of(1));
}

bool u256_from_dec(struct u256 *r, struct str s)
{
	*r = u256_of(0);
	if (s.n == 0 || s.n > 78)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (!u256_mul(r, u256_of(10), *r) || !u256_add(r, *r, u256_of((uint64_t)(s.p[i] - '0'))))
			return false;
	}
	return true;
}

bool u256_from_hex(struct u256 *r, struct str s)
{
	*r = u256_of(0);
	if (s.n < 3 || s.n > 66 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'X'))
		return false;
	for (size_t i = 2; i < s.n; i++) {
		int d = hex_digit(s.p[i]);
		if (d < 0)
			return false;
		for (int k = 3; k > 0; k--)
			r->w[k] = r->w[k] << 4 | r->w[k - 1] >> 60;
		r->w[0] = r->w[0] << 4 | (uint64_t)d;
	}
	return true;
}

void u256_to_dec(char out[U256_DEC_MAX], struct u256 a)
{
	static const uint64_t nineteen = 10000000000000000000u; /* digits: the most that fit 64 bits */
	char digits[U256_DEC_MAX];
	char *at = digits + sizeof digits;
	*--at = 0;
	for (bool more = true; more;) {
		uint64_t low;
		a = u256_div64(a, nineteen, &low);
		more = !u256_is_zero(a);
		for (int i = 0; more ? i < 19 : i == 0 || low > 0; i++, low /= 10)
			*--at = (char)('0' + low % 10);
	}
	memcpy(out, at, (size_t)(digits + sizeof digits - at));
}

void u256_to_hex(char out[U256_HEX_MAX], struct u256 a)
{
	char digits[65];
	uint8_t be[32];
	u256_to_be(be, a);
	hex_to(digits, be, 32);
	int first = 0;
	while (first < 63 && digits[first] == '0')
		first++;
	out[0] = '0';
	out[1] = 'x';
	memcpy(out + 2, digits + first, (size_t)(65 - first));
}

struct u256 u256_from_be(const uint8_t b[32])
{
	uint64_t w[4];
	memcpy(w, b, sizeof w);
	return (struct u256){{be64toh(w[3]), be64toh(w[2]), be64toh(w[1]), be64toh(w[0])}};
}

void u256_to_be(uint8_t b[32], struct u256 a)
{
	const uint64_t w[4] = {htobe64(a.w[3]), htobe64(a.w[2]), htobe64(a.w[1]), htobe64(a.w[0])};
	memcpy(b, w, sizeof w);
}
