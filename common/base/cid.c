#include "common/base/cid.h"

enum { CID_TEXT_MAX = 512, VARINT_MAX = 9, SHA2_256 = 0x12 };

static const char base16[] = "0123456789abcdef", base32[] = "abcdefghijklmnopqrstuvwxyz234567",
				  base36[] = "0123456789abcdefghijklmnopqrstuvwxyz",
				  base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

struct cid_bytes {
	uint8_t p[CID_TEXT_MAX];
	size_t n;
};

/* The digit's value, or -1. upper: the alphabet in capitals. */
static int digit(const char *alphabet, bool upper, char c)
{
	if (upper && c >= 'a' && c <= 'z')
		return -1;
	if (upper && c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

/* Bases that are whole bits a character. RFC 4648, section 3.5: the bits left over are zero. */
static bool decode_bits(struct cid_bytes *out, const char *alphabet, unsigned bits, bool upper, struct str s)
{
	unsigned have = 0, held = 0;
	for (size_t i = 0; i < s.n; i++) {
		int d = digit(alphabet, upper, s.p[i]);
		if (d < 0)
			return false;
		held = (held << bits | (unsigned)d) & 0xfff;
		have += bits;
		if (have >= 8) {
			have -= 8;
			out->p[out->n++] = (uint8_t)(held >> have);
		}
	}
	return have < bits && (held & ((1U << have) - 1)) == 0;
}

/* The text as one large number; each leading zero digit is a zero byte. */
static bool decode_number(struct cid_bytes *out, const char *alphabet, bool upper, struct str s)
{
	size_t base = strlen(alphabet), zeros = 0, n = 0;
	while (zeros < s.n && digit(alphabet, upper, s.p[zeros]) == 0)
		zeros++;
	for (size_t i = zeros; i < s.n; i++) {
		int d = digit(alphabet, upper, s.p[i]);
		if (d < 0)
			return false;
		size_t carry = (size_t)d;
		for (size_t k = 0; k < n || carry; k++) { /* least byte first, at the end of p */
			uint8_t *at = &out->p[CID_TEXT_MAX - 1 - k];
			carry += base * (k < n ? *at : 0);
			*at = (uint8_t)carry;
			carry >>= 8;
			n = k + 1 > n ? k + 1 : n;
		}
	}
	memmove(out->p + zeros, out->p + CID_TEXT_MAX - n, n);
	memset(out->p, 0, zeros);
	out->n = zeros + n;
	return true;
}

/* unsigned-varint: at most nine bytes, the shortest form. */
static bool take_varint(struct bytes *b, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < b->n && i < VARINT_MAX; i++) {
		*v |= (uint64_t)(b->p[i] & 0x7f) << (7 * i);
		if (b->p[i] & 0x80)
			continue;
		if (i > 0 && b->p[i] == 0)
			return false;
		b->p += i + 1;
		b->n -= i + 1;
		return true;
	}
	return false;
}

static bool is_multihash(struct bytes b)
{
	uint64_t function, size;
	return take_varint(&b, &function) && take_varint(&b, &size) && size == b.n;
}

static bool decode(struct cid_bytes *out, struct str s)
{
	struct str rest = {s.p + 1, s.n - 1};
	switch (s.p[0]) {
	case 'b': return decode_bits(out, base32, 5, false, rest);
	case 'B': return decode_bits(out, base32, 5, true, rest);
	case 'f': return decode_bits(out, base16, 4, false, rest);
	case 'F': return decode_bits(out, base16, 4, true, rest);
	case 'k': return decode_number(out, base36, false, rest);
	case 'K': return decode_number(out, base36, true, rest);
	case 'z': return decode_number(out, base58, false, rest);
	}
	return false;
}

bool cid_valid(struct str s)
{
	struct cid_bytes raw = {.n = 0};
	uint64_t version, codec;
	if (s.n < 2 || s.n > CID_TEXT_MAX)
		return false;
	if (s.n == 46 && s.p[0] == 'Q' && s.p[1] == 'm') /* base58btc of sha2-256, its length, the digest */
		return decode_number(&raw, base58, false, s) && raw.n == 34 && raw.p[0] == SHA2_256 && raw.p[1] == 32;
	if (!decode(&raw, s))
		return false;
	struct bytes b = {raw.p, raw.n};
	return take_varint(&b, &version) && version == 1 && take_varint(&b, &codec) && is_multihash(b);
}
