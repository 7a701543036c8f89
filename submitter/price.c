#include "submitter/price.h"

#include "common/base/err.h"

enum {
	BLOCKS_COVERED = 6, /* a cap covers the worst of so many blocks, and of these at least: */
	BLOCKS_LEAST = 3,
	CAP_MOST = 3,           /* times the next base fee */
	GATE_LEAST_MS = 120000, /* a shorter time is not for waiting */
	GATE_LEAST_BLOCKS = 8,
	GATE_STEPS = 8,
	/* permille, chosen on synthetic series (test/bench/series.mjs, seeds 1 to 6; 7 to 10 say the same): */
	LOW = 50,    /* the base fee that so few of the remembered blocks were below is low */
	NEAR = 1050, /* so near to it is good enough */
	FALLS = 980,
	RISES = 1010,
	USUAL = 1300,   /* beginning to rise below this share of the median: it leaves before the crowd */
	OUTWAITS = 200, /* blocks: who has more of them waits until a rise is over */
	EASY = 6,       /* mined in the next block so often in a row: then a level less is tried */
};

void price_learn_nothing(struct price_learned *l)
{
	*l = (struct price_learned){.rule = PRICE_RULE};
}

static struct u256 plus(struct u256 a, struct u256 b)
{
	struct u256 r;
	must(u256_add(&r, a, b)); /* prices are read as at most 128 bits */
	return r;
}

struct u256 price_most(
	const struct price_policy *p, bool cancel, const struct u256 *max_cost, uint64_t gas, struct u256 besides)
{
	struct u256 most = p->has_max ? p->max : u256_of(10000000000000), left;
	if (cancel && p->has_cancel_max)
		most = p->cancel_max;
	if (!max_cost || gas == 0)
		return most;
	if (!u256_sub(&left, *max_cost, besides))
		return u256_of(0);
	return u256_min(most, u256_div64(left, gas, NULL));
}

/* ── how much time is left ── */

static uint64_t within(struct price_wish w)
{
	return w.within_ms ? w.within_ms : PRICE_CHEAP_MS;
}

/* Blocks that still come in time; 0: it is late. */
static uint64_t blocks_left(const struct market *m, struct price_wish w)
{
	uint64_t all = within(w);
	return all <= w.age_ms ? 0 : (all - w.age_ms + m->cadence_ms / 2) / m->cadence_ms;
}

/* ── what is offered ── */

static struct u256 tip_for(
	const struct price_policy *p, const struct market *m, const struct price_learned *l, struct price_wish w)
{
	uint64_t left = blocks_left(m, w);
	int level = left >= 12 ? 0 : left >= 6 ? 1 : left >= 2 ? 2 : left == 1 ? 4 : 5;
	if (m->legacy)
		return u256_max(m->price, l->floor);
	if (p->has_tip)
		return p->tip;
	if (left < 12)
		level += (left == 1 ? m->crowded > 0 : (int)m->crowded) + (left <= 2 && l->lean < 0 ? 0 : l->lean);
	return u256_max(market_tip(m, level < 0 ? 0 : (unsigned)level), l->floor);
}

/* now: what the next block asks; liked: what passes although some full blocks come before. */
static void wants(const struct price_policy *p, const struct market *m, const struct price_learned *l,
	struct price_wish w, struct fee *now, struct fee *liked)
{
	uint64_t left = blocks_left(m, w);
	unsigned covered = left > BLOCKS_COVERED * 2 || left < BLOCKS_LEAST ? BLOCKS_LEAST
					   : left > BLOCKS_COVERED                          ? BLOCKS_COVERED
																		: (unsigned)left;
	struct u256 tip = tip_for(p, m, l, w), worst = market_worst(m, covered), bound;
	if (m->legacy) {
		*now = *liked = (struct fee){tip, tip};
		return;
	}
	*now = (struct fee){plus(m->next, tip), tip};
	/* Where base fees have been seen to leap, a cap that covered all leaps would bind funds for nothing. */
	must(u256_ratio_up(&bound, m->next, CAP_MOST, 1));
	*liked = (struct fee){plus(u256_min(worst, bound), tip), tip};
}

enum price_answer price_first(const struct price_policy *p, const struct market *m,
	const struct price_learned *l, struct price_wish w, struct u256 most, struct fee *out)
{
	struct fee now, liked;
	wants(p, m, l, w, &now, &liked);
	*out = now;
	if (u256_lt(most, now.fee)) {
		/* a lower tip may do: what patient ones pay */
		struct u256 room, least = u256_max(market_tip(m, 0), l->floor);
		if (m->legacy || p->has_tip || !u256_sub(&room, most, m->next) || u256_lt(room, least))
			return PRICE_ABOVE;
		*out = (struct fee){most, u256_min(room, now.tip)};
		return PRICE_OK;
	}
	out->fee = u256_min(liked.fee, most);
	out->tip = m->legacy ? out->fee : now.tip;
	return PRICE_OK;
}

/* S3: max(⌈1.125 × old⌉, old + 1), or what this node wants. */
static struct u256 raised(struct u256 old, uint32_t rule)
{
	struct u256 r;
	must(u256_ratio_up(&r, old, rule < PRICE_RULE ? PRICE_RULE : rule, 1000));
	return u256_max(r, plus(old, u256_of(1)));
}

enum price_answer price_again(const struct price_policy *p, const struct market *m,
	const struct price_learned *l, struct price_wish w, struct u256 most, const struct fee *old,
	struct fee *out)
{
	struct fee now, liked;
	wants(p, m, l, w, &now, &liked);
	struct u256 tip = raised(old->tip, l->rule);
	struct u256 least = u256_max(raised(old->fee, l->rule), tip);
	*out = (struct fee){least, tip};
	if (u256_lt(most, least))
		return PRICE_ABOVE;
	if (u256_lt(most, m->legacy ? m->price : m->next)) {
		out->fee = u256_max(now.fee, least);
		return PRICE_ABOVE;
	}
	out->fee = u256_min(most, u256_max(least, liked.fee));
	out->tip = m->legacy ? out->fee : u256_min(u256_max(tip, now.tip), out->fee);
	return PRICE_OK;
}

int price_patience(const struct price_policy *p, const struct market *m, const struct price_learned *l,
	struct price_wish w, const struct fee *old)
{
	uint64_t left = blocks_left(m, w);
	struct u256 room;
	if (!m->legacy && u256_lt(old->fee, m->next)) /* no block can take it */
		return within(w) >= GATE_LEAST_MS && left > GATE_LEAST_BLOCKS ? PRICE_REST : 1;
	if (m->legacy)
		return u256_lt(old->fee, m->price) && left <= 3 ? 1 : 3;
	must(u256_sub(&room, old->fee, m->next));
	bool weak = u256_lt(u256_min(room, old->tip), tip_for(p, m, l, w));
	if (left <= 2)
		return weak ? 1 : 2;
	return weak && left <= 6 ? 2 : 3;
}

/* ── when to leave ── */

/* Is this a moment that nobody waits for the end of: base fees stand low, or begin to rise from where they
 * usually are? */
static bool is_good(const struct market *m, uint64_t blocks, struct u256 *low, struct u256 *middle)
{
	struct u256 near, edge;
	if (!market_quantile(m, MARKET_BLOCKS, LOW, low) || !market_quantile(m, MARKET_BLOCKS, 500, middle))
		return true;
	must(u256_ratio_up(&edge, m->base, FALLS, 1000));
	if (u256_lt(m->next, edge))
		return false; /* it falls: the block behind the next is cheaper */
	must(u256_ratio_up(&near, *low, NEAR, 1000) && u256_ratio_up(&edge, m->base, RISES, 1000));
	if (u256_cmp(m->next, near) <= 0)
		return true;
	if (blocks > OUTWAITS)
		return false;
	must(u256_ratio_up(&near, *middle, USUAL, 1000));
	return u256_lt(edge, m->next) && u256_cmp(m->next, near) <= 0;
}

bool price_patient(const struct market *m, struct price_wish w)
{
	return blocks_left(m, w) >= 12;
}

bool price_may_wait(uint64_t within_ms)
{
	return within_ms == 0 || within_ms >= GATE_LEAST_MS;
}

uint64_t price_gate(const struct market *m, uint64_t within_ms)
{
	uint64_t all = within_ms ? within_ms : PRICE_CHEAP_MS, blocks = all / m->cadence_ms;
	uint64_t reserve = (uint64_t)BLOCKS_LEAST * m->cadence_ms;
	struct u256 low, middle, room, limit;
	if (m->legacy || m->npast == 0 || !price_may_wait(within_ms) || blocks < GATE_LEAST_BLOCKS ||
		is_good(m, blocks, &low, &middle) || !u256_sub(&room, middle, low))
		return 0;
	reserve = reserve < all / 10 ? all / 10 : reserve;
	/* What is taken rises with the age, slowly at first. */
	for (uint64_t i = 1; i < GATE_STEPS; i++) {
		must(u256_ratio_up(&limit, room, i * i, GATE_STEPS * GATE_STEPS) && u256_add(&limit, limit, low));
		if (u256_cmp(m->next, limit) <= 0 && u256_cmp(m->next, m->base) >= 0)
			return (all - reserve) * i / GATE_STEPS;
	}
	return all - reserve;
}

/* ── what is learned ── */

void price_mined(struct price_learned *l, bool patient, uint64_t blocks)
{
	if (patient)
		return; /* it offered what half of the blocks don't take */
	l->easy = blocks <= 1 ? l->easy + 1 : 0;
	if (blocks > 2 && l->lean < PRICE_LEAN)
		l->lean++;
	if (l->easy >= EASY && l->lean > -1) {
		l->lean--;
		l->easy = 0;
	}
}

void price_refused(struct price_learned *l, bool replacement, const struct fee *f)
{
	struct u256 twice = plus(f->tip, f->tip);
	if (replacement)
		l->rule = l->rule < 1250 ? 1250 : l->rule < 1500 ? 1500 : PRICE_RULE_MOST;
	else
		l->floor = u256_max(l->floor, u256_max(twice, u256_of(1)));
}

bool price_gas_limit(uint64_t estimate, uint64_t num, uint64_t den, uint64_t block_limit, uint64_t *out)
{
	uint64_t cap = PRICE_GAS_CAP;
	if (block_limit && block_limit < cap)
		cap = block_limit;
	must(num > 0 && den > 0);
	if (estimate > cap)
		return false;
	unsigned __int128 wide = (unsigned __int128)estimate * num / den;
	*out = wide > cap ? cap : (uint64_t)wide;
	return *out >= estimate;
}
