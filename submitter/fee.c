#include "submitter/fee.h"

#include "common/base/err.h"

#include <stdlib.h>

static struct u256 plus(struct u256 a, struct u256 b)
{
	struct u256 r;
	must(u256_add(&r, a, b)); /* prices are read as at most 128 bits: see market_price in head.c */
	return r;
}

/* S3: max(⌈1.125 × old⌉, old + 1) */
static struct u256 raised(struct u256 old)
{
	struct u256 r;
	must(u256_ratio_up(&r, old, 9, 8));
	return u256_max(r, plus(old, u256_of(1)));
}

static struct u256 market_tip(const struct fee_policy *p, const struct fee_market *m)
{
	if (m->legacy)
		return m->price;
	return p->has_tip ? p->tip : m->tip;
}

/* What the newest block asks, and what we would like to offer so that some full blocks may pass: 2 × base +
 * tip. */
static void wants(const struct fee_policy *p, const struct fee_market *m, struct fee *now, struct fee *liked)
{
	struct u256 tip = market_tip(p, m);
	if (m->legacy) {
		*now = *liked = (struct fee){m->price, m->price};
		return;
	}
	*now = (struct fee){plus(m->base, tip), tip};
	*liked = (struct fee){plus(now->fee, m->base), tip};
}

static struct u256 capped(const struct fee_policy *p, struct u256 fee)
{
	return p->has_max ? u256_min(fee, p->max) : fee;
}

enum fee_answer fee_first(const struct fee_policy *p, const struct fee_market *m, struct fee *out)
{
	struct fee now, liked;
	wants(p, m, &now, &liked);
	*out = now;
	if (p->has_max && u256_lt(p->max, now.fee))
		return FEE_ABOVE_MAX;
	out->fee = capped(p, liked.fee);
	out->tip = m->legacy ? out->fee : now.tip;
	return FEE_OK;
}

enum fee_answer fee_replace(
	const struct fee_policy *p, const struct fee_market *m, const struct fee *old, struct fee *out)
{
	struct fee now, liked;
	wants(p, m, &now, &liked);
	struct u256 tip = raised(old->tip);
	struct u256 least = u256_max(raised(old->fee), tip);
	*out = (struct fee){least, tip};
	if (p->has_max && u256_lt(p->max, least))
		return FEE_ABOVE_MAX;
	if (p->has_max && u256_lt(p->max, m->legacy ? m->price : m->base)) {
		out->fee = now.fee; /* no block would take it: the room below max is kept for when one does */
		return FEE_ABOVE_MAX;
	}
	out->fee = capped(p, u256_max(least, liked.fee));
	out->tip = m->legacy ? out->fee : u256_min(u256_max(tip, now.tip), out->fee);
	return FEE_OK;
}

bool fee_is_below_market(const struct fee *f, const struct fee_market *m)
{
	return u256_lt(f->fee, m->legacy ? m->price : m->base);
}

static int by_value(const void *a, const void *b)
{
	return u256_cmp(*(const struct u256 *)a, *(const struct u256 *)b);
}

bool fee_tip_of_history(struct u256 *rewards, const bool *used, size_t n, struct u256 *tip)
{
	size_t said = 0;
	for (size_t i = 0; i < n; i++)
		if (used[i])
			rewards[said++] = rewards[i];
	if (said == 0)
		return false;
	qsort(rewards, said, sizeof *rewards, by_value);
	*tip = rewards[said / 2];
	return true;
}

bool fee_gas_limit(uint64_t estimate, uint64_t num, uint64_t den, uint64_t block_limit, uint64_t *out)
{
	uint64_t cap = FEE_TX_GAS_CAP;
	if (block_limit && block_limit < cap)
		cap = block_limit;
	must(num > 0 && den > 0);
	if (estimate > cap)
		return false;
	unsigned __int128 wide = (unsigned __int128)estimate * num / den;
	*out = wide > cap ? cap : (uint64_t)wide;
	return *out >= estimate;
}
