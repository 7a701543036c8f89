#include "common/evm/key_check.h"
#include "common/base/err.h"

#include <sodium.h>

enum { WEIGHT_BITS = 8 };

/* R, out of the bytes; and s is low. */
static bool point_of(const secp256k1_context *curve, const struct signature *sig, secp256k1_pubkey *out)
{
	secp256k1_ecdsa_signature plain;
	uint8_t both[64], point[33];
	memcpy(both, sig->r, 32);
	memcpy(both + 32, sig->s, 32);
	if ((sig->recid != 0 && sig->recid != 1) ||
		!secp256k1_ecdsa_signature_parse_compact(curve, &plain, both) ||
		secp256k1_ecdsa_signature_normalize(curve, NULL, &plain))
		return false;
	point[0] = sig->recid ? SECP256K1_TAG_PUBKEY_ODD : SECP256K1_TAG_PUBKEY_EVEN;
	memcpy(point + 1, sig->r, 32);
	return secp256k1_ec_pubkey_parse(curve, out, point, sizeof point);
}

/* s·k = z + r·d; k is turned where s was. */
static bool fits(const secp256k1_context *curve, const uint8_t secret[32], const uint8_t digest[32],
	const struct signature *sig, uint8_t nonce[32], struct key_room *m)
{
	memcpy(m->left, nonce, 32);
	memcpy(m->right, secret, 32);
	if (!secp256k1_ec_seckey_tweak_mul(curve, m->left, sig->s) ||
		!secp256k1_ec_seckey_tweak_mul(curve, m->right, sig->r) ||
		!secp256k1_ec_seckey_tweak_add(curve, m->right, digest))
		return false;
	if (sodium_memcmp(m->left, m->right, 32) == 0)
		return true;
	return secp256k1_ec_seckey_negate(curve, m->left) && secp256k1_ec_seckey_negate(curve, nonce) &&
		   sodium_memcmp(m->left, m->right, 32) == 0;
}

/* number·G, by way of the routine that verifies. */
static bool times_g(const secp256k1_context *curve, const uint8_t number[32], secp256k1_pubkey *out)
{
	static const uint8_t g[33] = {0x02, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62,
		0x95, 0xce, 0x87, 0x0b, 0x07, 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b,
		0x16, 0xf8, 0x17, 0x98};
	return secp256k1_ec_pubkey_parse(curve, out, g, sizeof g) &&
		   secp256k1_ec_pubkey_tweak_mul(curve, out, number);
}

/* Both sides of the sum, one bit of the weights after the other, the highest first: what stands is doubled
 * and what has the bit is added. b and B stand first, so that neither side is ever empty. */
static bool add_up(const secp256k1_context *curve, const secp256k1_pubkey *public, const uint8_t secret[32],
	const secp256k1_pubkey *points, size_t n, struct key_room *m, secp256k1_pubkey *sum)
{
	const secp256k1_pubkey *list[KEY_CHECK_MAX + 3];
	uint8_t weights[KEY_CHECK_MAX];
	secp256k1_pubkey last;
	randombytes_buf(m->sum, 32);
	randombytes_buf(weights, n);
	if (!secp256k1_ec_pubkey_create(curve, sum, m->sum))
		return false;
	for (int bit = WEIGHT_BITS - 1; bit >= 0; bit--) {
		size_t k = 0;
		last = *sum;
		list[k++] = &last;
		list[k++] = &last;
		memcpy(m->left, m->sum, 32);
		bool ok = secp256k1_ec_seckey_tweak_add(curve, m->sum, m->left);
		for (size_t i = 0; i < n; i++)
			if (bit == 0 || (weights[i] >> bit & 1)) {
				list[k++] = &points[i];
				ok = ok && secp256k1_ec_seckey_tweak_add(curve, m->sum, m->nonces[i]);
			}
		if (bit == 0) {
			list[k++] = public;
			ok = ok && secp256k1_ec_seckey_tweak_add(curve, m->sum, secret);
		}
		if (!ok || !secp256k1_ec_pubkey_combine(curve, sum, list, k))
			return false;
	}
	return true;
}

bool key_check(const secp256k1_context *curve, const secp256k1_pubkey *public, const uint8_t secret[32],
	const uint8_t (*digests)[32], const struct signature *sigs, size_t n, struct key_room *room)
{
	secp256k1_pubkey points[KEY_CHECK_MAX], left, right;
	must(n <= KEY_CHECK_MAX);
	for (size_t i = 0; i < n; i++)
		if (!point_of(curve, &sigs[i], &points[i]) ||
			!fits(curve, secret, digests[i], &sigs[i], room->nonces[i], room))
			return false;
	return add_up(curve, public, secret, points, n, room, &left) && times_g(curve, room->sum, &right) &&
		   secp256k1_ec_pubkey_cmp(curve, &left, &right) == 0;
}
