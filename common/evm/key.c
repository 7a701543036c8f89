#include "common/evm/key.h"
#include "common/base/mem.h"
#include "common/evm/keccak.h"
#include "common/evm/key_check.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <sodium.h>
#include <stdlib.h>

struct key {
	uint8_t *secret; /* 32 bytes of sodium_malloc: guard pages, locked, not in a core; no access but while
						signing */
	struct key_room *room;    /* the same: nonces, from a signature to its check */
	secp256k1_context *curve; /* blinded with fresh randomness against side channels */
	secp256k1_pubkey public;
	uint8_t address[20];
};

static void address_of(uint8_t address[20], const secp256k1_pubkey *public)
{
	uint8_t point[65], hash[32];
	size_t n = sizeof point;
	must(secp256k1_ec_pubkey_serialize(
			 secp256k1_context_static, point, &n, public, SECP256K1_EC_UNCOMPRESSED) == 1);
	keccak256(hash, point + 1, 64);
	memcpy(address, hash + 12, 20);
}

static struct str trim(struct str s)
{
	static const char white[] = " \t\r\n";
	while (s.n > 0 && memchr(white, s.p[0], sizeof white - 1))
		s = (struct str){s.p + 1, s.n - 1};
	while (s.n > 0 && memchr(white, s.p[s.n - 1], sizeof white - 1))
		s.n--;
	return s;
}

static struct key *key_new(struct err *e)
{
	uint8_t seed[32];
	if (sodium_init() < 0) {
		err_put(e, ERR_TRANSIENT, "the system gives no random bytes yet");
		return NULL;
	}
	struct key *k = mem_alloc(sizeof *k);
	k->secret = sodium_malloc(32);
	k->room = sodium_malloc(sizeof *k->room);
	if (!k->secret || !k->room) {
		err_put(e, ERR_TRANSIENT, "the system gives no guarded page for a key");
		key_free(k);
		return NULL;
	}
	k->curve = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	if (!nonce_is_right(&k->room->nonce)) {
		err_put(e, ERR_REJECTED,
			"OpenSSL's SHA-256 is not libsecp256k1's on this machine: nothing can be signed");
		key_free(k);
		return NULL;
	}
	randombytes_buf(seed, sizeof seed);
	must(secp256k1_context_randomize(k->curve, seed) == 1);
	sodium_memzero(seed, sizeof seed);
	return k;
}

static struct key *seal(struct key *k, struct err *e)
{
	if (!secp256k1_ec_pubkey_create(k->curve, &k->public, k->secret)) {
		err_put(e, ERR_MALFORMED, "a key is a number above 0 and below the order of secp256k1; this is not");
		key_free(k);
		return NULL;
	}
	must(sodium_mprotect_noaccess(k->secret) == 0 && sodium_mprotect_noaccess(k->room) == 0);
	address_of(k->address, &k->public);
	return k;
}

/* Both read the secret straight into its guarded page; it never lies anywhere else. */
struct key *key_from_hex(struct str hex, struct err *e)
{
	struct key *k = key_new(e);
	if (k && !hex_from(k->secret, 32, trim(hex))) {
		err_put(e, ERR_MALFORMED, "a key is 32 bytes of hex: 64 digits, with or without 0x before them");
		key_free(k);
		return NULL;
	}
	return k ? seal(k, e) : NULL;
}

struct key *key_from_bytes(const uint8_t secret[32], struct err *e)
{
	struct key *k = key_new(e);
	if (k)
		memcpy(k->secret, secret, 32);
	return k ? seal(k, e) : NULL;
}

void key_free(struct key *k)
{
	if (!k)
		return;
	sodium_free(k->secret);
	sodium_free(k->room);
	if (k->curve)
		secp256k1_context_destroy(k->curve);
	free(k);
}

const uint8_t *key_address(const struct key *k)
{
	return k->address;
}

/* copy: where the nonce goes as well, or NULL. */
static void make_one(const struct key *k, const uint8_t digest[32], struct signature *out, uint8_t *copy)
{
	secp256k1_ecdsa_recoverable_signature made;
	uint8_t both[64];
	k->room->nonce.copy = copy;
	must(secp256k1_ecdsa_sign_recoverable(
			 k->curve, &made, digest, k->secret, nonce_rfc6979, &k->room->nonce) == 1);
	secp256k1_ecdsa_recoverable_signature_serialize_compact(k->curve, both, &out->recid, &made);
	/* recid 2 and 3 stand for an r over the order, which nobody has ever seen; Ethereum's yParity can't say
	 * it. */
	must(out->recid == 0 || out->recid == 1);
	memcpy(out->r, both, 32);
	memcpy(out->s, both + 32, 32);
}

/* As it will leave, out of the bytes. */
static void verify_one(const struct key *k, const uint8_t digest[32], const struct signature *sig)
{
	secp256k1_ecdsa_signature plain;
	uint8_t both[64];
	memcpy(both, sig->r, 32);
	memcpy(both + 32, sig->s, 32);
	must(secp256k1_ecdsa_signature_parse_compact(k->curve, &plain, both) == 1);
	must(secp256k1_ecdsa_verify(k->curve, &plain, digest, &k->public) == 1);
}

/* Together where that is cheaper; else, and whenever that does not say yes, one by one. */
static void sign_some(const struct key *k, const uint8_t (*digests)[32], struct signature *out, size_t n)
{
	bool together = n >= KEY_CHECK_MIN;
	must(sodium_mprotect_readonly(k->secret) == 0 && sodium_mprotect_readwrite(k->room) == 0);
	for (size_t i = 0; i < n; i++)
		make_one(k, digests[i], &out[i], together ? k->room->nonces[i] : NULL);
	bool verified = together && key_check(k->curve, &k->public, k->secret, digests, out, n, k->room);
	sodium_memzero(k->room, sizeof *k->room);
	must(sodium_mprotect_noaccess(k->room) == 0 && sodium_mprotect_noaccess(k->secret) == 0);
	for (size_t i = 0; i < n && !verified; i++)
		verify_one(k, digests[i], &out[i]);
}

void key_sign_all(const struct key *k, const uint8_t (*digests)[32], struct signature *out, size_t n)
{
	for (size_t i = 0; i < n; i += KEY_CHECK_MAX)
		sign_some(k, digests + i, out + i, n - i < KEY_CHECK_MAX ? n - i : KEY_CHECK_MAX);
}

void key_sign(const struct key *k, const uint8_t digest[32], struct signature *out)
{
	uint8_t one[1][32];
	memcpy(one[0], digest, 32);
	key_sign_all(k, (const uint8_t(*)[32])one, out, 1);
}

bool key_recover(uint8_t address[20], const uint8_t digest[32], const struct signature *sig, struct err *e)
{
	const secp256k1_context *curve = secp256k1_context_static;
	secp256k1_ecdsa_recoverable_signature given;
	secp256k1_ecdsa_signature plain;
	secp256k1_pubkey public;
	uint8_t both[64];
	if (sig->recid != 0 && sig->recid != 1)
		return err_set(e, ERR_MALFORMED, "a signature's parity is 0 or 1, not %d", sig->recid);
	memcpy(both, sig->r, 32);
	memcpy(both + 32, sig->s, 32);
	if (!secp256k1_ecdsa_recoverable_signature_parse_compact(curve, &given, both, sig->recid))
		return err_set(
			e, ERR_MALFORMED, "a signature's r and s are below the order of secp256k1; these are not");
	secp256k1_ecdsa_recoverable_signature_convert(curve, &plain, &given);
	/* EIP-2: "All transaction signatures whose s-value is greater than secp256k1n/2 are now considered
	 * invalid." */
	if (secp256k1_ecdsa_signature_normalize(curve, NULL, &plain))
		return err_set(e, ERR_MALFORMED, "a signature's s is in the upper half (EIP-2)");
	if (!secp256k1_ecdsa_recover(curve, &public, &given, digest))
		return err_set(e, ERR_MALFORMED, "no key could have made this signature");
	address_of(address, &public);
	return true;
}
