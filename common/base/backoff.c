#include "common/base/backoff.h"

void backoff_init(struct backoff *b, uint64_t first_ms, uint64_t max_ms, uint64_t seed)
{
	first_ms = first_ms ? first_ms : 1;
	/* Neighbouring seeds (process ids) must part at once: one step of splitmix64. Zero would stay zero for
	 * ever. */
	seed += 0x9e3779b97f4a7c15;
	seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9;
	seed = (seed ^ seed >> 27) * 0x94d049bb133111eb;
	seed ^= seed >> 31;
	*b = (struct backoff){first_ms, max_ms > first_ms ? max_ms : first_ms, 0, seed ? seed : 1};
}

/* xorshift64: spread, not secrecy */
static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

uint64_t backoff_fail(struct backoff *b)
{
	uint64_t wait = b->max_ms;
	if (b->tries < 32 && b->first_ms <= b->max_ms >> b->tries)
		wait = b->first_ms << b->tries;
	if (b->tries < UINT32_MAX)
		b->tries++;
	return wait - next_random(&b->entropy) % (wait / 5 + 1);
}

void backoff_ok(struct backoff *b)
{
	b->tries = 0;
}
