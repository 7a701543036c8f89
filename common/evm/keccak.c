#include "common/evm/keccak.h"

#include <endian.h>

/* Keccak-f[1600] and the sponge with rate 136 bytes. (The Keccak reference, version 3.0; FIPS 202 section 3.2
 * names the steps.) Every event's id costs two or three of these, so a round is written out: two states take
 * turns, no lane is moved twice, and the compiler keeps what it can in registers. */
enum { RATE = 136 };

static const uint64_t round_constants[24] = {
	0x0000000000000001,
	0x0000000000008082,
	0x800000000000808a,
	0x8000000080008000,
	0x000000000000808b,
	0x0000000080000001,
	0x8000000080008081,
	0x8000000000008009,
	0x000000000000008a,
	0x0000000000000088,
	0x0000000080008009,
	0x000000008000000a,
	0x000000008000808b,
	0x800000000000008b,
	0x8000000000008089,
	0x8000000000008003,
	0x8000000000008002,
	0x8000000000000080,
	0x000000000000800a,
	0x800000008000000a,
	0x8000000080008081,
	0x8000000000008080,
	0x0000000080000001,
	0x8000000080008008,
};

/* Written once for a lane of one state and for the same lane of four states, side by side in a vector. */
#define ROL(v, k) ((v) << (k) | (v) >> (64 - (k)))
/* theta: the parity of column x */
#define PARITY(a, x) (a[x] ^ a[(x) + 5] ^ a[(x) + 10] ^ a[(x) + 15] ^ a[(x) + 20])
/* rho and pi: lane i of column x, turned left by k */
#define LANE(a, i, k) ROL(a[i] ^ d[(i) % 5], k)
/* chi: the row that starts at lane y, from five turned lanes */
#define ROW(e, y, l0, l1, l2, l3, l4)                                                 \
	do {                                                                              \
		const __typeof__(e[0]) b0 = (l0), b1 = (l1), b2 = (l2), b3 = (l3), b4 = (l4); \
		e[y] = b0 ^ (~b1 & b2);                                                       \
		e[(y) + 1] = b1 ^ (~b2 & b3);                                                 \
		e[(y) + 2] = b2 ^ (~b3 & b4);                                                 \
		e[(y) + 3] = b3 ^ (~b4 & b0);                                                 \
		e[(y) + 4] = b4 ^ (~b0 & b1);                                                 \
	} while (0)
#define ROUND(a, e, rc)                                                                                    \
	do {                                                                                                   \
		const __typeof__(e[0]) c0 = PARITY(a, 0), c1 = PARITY(a, 1), c2 = PARITY(a, 2), c3 = PARITY(a, 3), \
							   c4 = PARITY(a, 4);                                                          \
		const __typeof__(e[0]) d[5] = {                                                                    \
			c4 ^ ROL(c1, 1), c0 ^ ROL(c2, 1), c1 ^ ROL(c3, 1), c2 ^ ROL(c4, 1), c3 ^ ROL(c0, 1)};          \
		ROW(e, 0, a[0] ^ d[0], LANE(a, 6, 44), LANE(a, 12, 43), LANE(a, 18, 21), LANE(a, 24, 14));         \
		e[0] ^= (rc);                                                                                      \
		ROW(e, 5, LANE(a, 3, 28), LANE(a, 9, 20), LANE(a, 10, 3), LANE(a, 16, 45), LANE(a, 22, 61));       \
		ROW(e, 10, LANE(a, 1, 1), LANE(a, 7, 6), LANE(a, 13, 25), LANE(a, 19, 8), LANE(a, 20, 18));        \
		ROW(e, 15, LANE(a, 4, 27), LANE(a, 5, 36), LANE(a, 11, 10), LANE(a, 17, 15), LANE(a, 23, 56));     \
		ROW(e, 20, LANE(a, 2, 62), LANE(a, 8, 55), LANE(a, 14, 39), LANE(a, 15, 41), LANE(a, 21, 2));      \
	} while (0)
/* All of them, on s. */
#define ROUNDS(s)                                \
	do {                                         \
		__typeof__(s[0]) a[25], e[25];           \
		memcpy(a, s, sizeof a);                  \
		for (int i = 0; i < 24; i += 2) {        \
			ROUND(a, e, round_constants[i]);     \
			ROUND(e, a, round_constants[i + 1]); \
		}                                        \
		memcpy(s, a, sizeof a);                  \
	} while (0)

static void permute_plain(uint64_t s[25])
{
	ROUNDS(s);
}

#if defined __x86_64__
/* chi is an and with a not, rho a turn into another register: with an instruction for each, a seventh is
 * saved. */
__attribute__((target("bmi,bmi2"))) static void permute_bmi(uint64_t s[25])
{
	ROUNDS(s);
}
#endif

static void permute(uint64_t s[25])
{
#if defined __x86_64__
	if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
		permute_bmi(s);
		return;
	}
#endif
	permute_plain(s);
}

static void absorb(uint64_t s[25], const uint8_t *block)
{
	for (size_t i = 0; i < RATE / 8; i++) {
		uint64_t lane;
		memcpy(&lane, block + 8 * i, 8);
		s[i] ^= le64toh(lane);
	}
	permute(s);
}

/* The state's bytes are its lanes, each with its least significant byte first. */
static void xor_bytes(uint64_t s[25], size_t at, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++, at++)
		s[at / 8] ^= (uint64_t)p[i] << (8 * (at % 8));
}

void keccak_init(struct keccak *k)
{
	*k = (struct keccak){{0}, 0};
}

void keccak_add(struct keccak *k, const void *data, size_t n)
{
	const uint8_t *p = data;
	if (k->filled > 0) {
		size_t room = RATE - k->filled, part = n < room ? n : room;
		xor_bytes(k->state, k->filled, p, part);
		k->filled += part;
		p += part;
		n -= part;
		if (k->filled < RATE)
			return;
		permute(k->state);
		k->filled = 0;
	}
	for (; n >= RATE; p += RATE, n -= RATE)
		absorb(k->state, p);
	/* Whole lanes of the rest go in as words: most inputs are topics, addresses and words. */
	for (; n >= 8; p += 8, n -= 8, k->filled += 8) {
		uint64_t lane;
		memcpy(&lane, p, 8);
		k->state[k->filled / 8] ^= le64toh(lane);
	}
	xor_bytes(k->state, k->filled, p, n);
	k->filled += n;
}

void keccak_end(struct keccak *k, uint8_t out[32])
{
	/* multi-rate padding: 1, zeros, 1 */
	k->state[k->filled / 8] ^= (uint64_t)1 << (8 * (k->filled % 8));
	k->state[RATE / 8 - 1] ^= (uint64_t)1 << 63;
	permute(k->state);
	for (size_t i = 0; i < 4; i++) {
		uint64_t lane = htole64(k->state[i]);
		memcpy(out + 8 * i, &lane, 8);
	}
}

void keccak256(uint8_t out[32], const void *p, size_t n)
{
	struct keccak k;
	keccak_init(&k);
	keccak_add(&k, p, n);
	keccak_end(&k, out);
}

/* ── four at once ── */

#if defined __x86_64__
typedef uint64_t four __attribute__((vector_size(32))); /* the same lane of four states */

static inline uint64_t word(const uint8_t *p)
{
	uint64_t lane;
	memcpy(&lane, p, 8);
	return lane;
}

#define ABSORB4(s, block)                                                                               \
	do {                                                                                                \
		for (size_t i = 0; i < RATE; i += 8)                                                            \
			s[i / 8] ^=                                                                                 \
				(four){word(block[0] + i), word(block[1] + i), word(block[2] + i), word(block[3] + i)}; \
		ROUNDS(s);                                                                                      \
	} while (0)

__attribute__((target("avx2"))) static void absorb4_avx2(four s[25], const uint8_t *const block[4])
{
	ABSORB4(s, block);
}

/* Vectors no wider, but twice as many of them; they turn, and join three, with one instruction. */
__attribute__((target("avx512vl"))) static void absorb4_avx512(four s[25], const uint8_t *const block[4])
{
	ABSORB4(s, block);
}

/* What stands behind the last whole block, and the padding. */
static void last_block(uint8_t block[RATE], struct bytes m)
{
	const size_t n = m.n % RATE;
	if (n > 0)
		memcpy(block, m.p + (m.n - n), n);
	memset(block + n, 0, RATE - n);
	block[n] = 1;
	block[RATE - 1] |= 0x80;
}

/* n: 1..4. A state whose message has ended takes its last block in again and again: nobody looks at it. */
static void four_at_once(void absorb4(four s[25], const uint8_t *const block[4]), uint8_t (*out)[32],
	const struct bytes *m, size_t n)
{
	four s[25];
	uint8_t last[4][RATE];
	const uint8_t *block[4];
	size_t whole[4] = {0}, most = 0; /* blocks before the last */
	memset(s, 0, sizeof s);
	for (size_t i = 0; i < n; i++) {
		last_block(last[i], m[i]);
		whole[i] = m[i].n / RATE;
		most = whole[i] > most ? whole[i] : most;
	}
	for (size_t b = 0; b <= most; b++) {
		for (size_t i = 0; i < 4; i++)
			block[i] = b < whole[i] ? m[i].p + b * RATE : last[i < n ? i : 0];
		absorb4(s, block);
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; b == whole[i] && k < 4; k++)
				memcpy(out[i] + 8 * k, (const uint8_t *)&s[k] + 8 * i, 8);
	}
}

void keccak256_each(uint8_t (*out)[32], const struct bytes *m, size_t n)
{
	const bool avx512 = __builtin_cpu_supports("avx512vl"), avx2 = __builtin_cpu_supports("avx2");
	for (size_t some; n > 0; out += some, m += some, n -= some) {
		some = n == 1 || !avx2 ? 1 : n < 4 ? n : 4;
		if (some == 1)
			keccak256(out[0], m[0].p, m[0].n);
		else
			four_at_once(avx512 ? absorb4_avx512 : absorb4_avx2, out, m, some);
	}
}
#else
void keccak256_each(uint8_t (*out)[32], const struct bytes *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		keccak256(out[i], m[i].p, m[i].n);
}
#endif
