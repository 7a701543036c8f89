/* EVP keeps its states on the heap; these lie where the caller's secrets do. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/evm/nonce.h"

#include <secp256k1.h>
#include <sodium.h>
#include <string.h>

/* RFC 2104: both hashes stand behind the key's block, for all that is asked with it. */
static void set_key(struct nonce_room *m)
{
	memset(m->pad, 0x36, 64);
	for (size_t i = 0; i < 32; i++)
		m->pad[i] ^= m->key[i];
	SHA256_Init(&m->inner);
	SHA256_Update(&m->inner, m->pad, 64);
	for (size_t i = 0; i < 64; i++)
		m->pad[i] ^= 0x36 ^ 0x5c;
	SHA256_Init(&m->outer);
	SHA256_Update(&m->outer, m->pad, 64);
}

static void end(struct nonce_room *m, uint8_t out[32])
{
	uint8_t *inside = m->pad;
	SHA256_Final(inside, &m->work);
	m->work = m->outer;
	SHA256_Update(&m->work, inside, 32);
	SHA256_Final(out, &m->work);
}

static void next_v(struct nonce_room *m)
{
	m->work = m->inner;
	SHA256_Update(&m->work, m->v, 32);
	end(m, m->v);
}

/* 3.2 d and f: the key from what stands and all that the number depends on; then V. */
static void mix(struct nonce_room *m, uint8_t step, const uint8_t secret[32], const uint8_t digest[32])
{
	m->work = m->inner;
	SHA256_Update(&m->work, m->v, 32);
	SHA256_Update(&m->work, &step, 1);
	SHA256_Update(&m->work, secret, 32);
	SHA256_Update(&m->work, digest, 32);
	end(m, m->key);
	set_key(m);
	next_v(m);
}

/* The order begins with 127 ones, and no digest that anybody has seen begins so. */
static bool near_the_order(const uint8_t digest[32])
{
	uint8_t all = 0xff;
	for (size_t i = 0; i < 15; i++)
		all &= digest[i];
	return all == 0xff;
}

int nonce_rfc6979(unsigned char *nonce, const unsigned char *digest, const unsigned char *secret,
	const unsigned char *algorithm, void *data, unsigned int attempt)
{
	struct nonce_room *m = data;
	int made = 1;
	if (attempt > 0 || algorithm || near_the_order(digest)) {
		made = secp256k1_nonce_function_rfc6979(nonce, digest, secret, algorithm, NULL, attempt);
	} else {
		memset(m->v, 1, 32);
		memset(m->key, 0, 32);
		set_key(m);
		mix(m, 0, secret, digest);
		mix(m, 1, secret, digest);
		next_v(m);
		memcpy(nonce, m->v, 32);
	}
	if (m->copy)
		memcpy(m->copy, nonce, 32);
	return made;
}

bool nonce_is_right(struct nonce_room *room)
{
	uint8_t secret[32], digest[32], ours[32], theirs[32];
	room->copy = NULL;
	randombytes_buf(secret, 32);
	randombytes_buf(digest, 32);
	return nonce_rfc6979(ours, digest, secret, NULL, room, 0) &&
		   secp256k1_nonce_function_rfc6979(theirs, digest, secret, NULL, NULL, 0) &&
		   memcmp(ours, theirs, 32) == 0;
}
