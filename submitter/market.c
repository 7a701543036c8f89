#include "submitter/market.h"

#include "common/base/err.h"

#include <stdlib.h>
#include <string.h>

enum {
	RISE_USUAL = 125000,   /* EIP-1559: an eighth */
	RISE_LEAST = 20000,    /* never trusted to rise by less */
	PAIRS = 48,            /* neighbours that the rule is learned from */
	SPREAD_LEAST = 100000, /* that apart must the fullest and the emptiest of them be */
	RULE_ERROR = 1500,     /* so exactly must the rule tell the others */
	BASE_LEAST = 1000000,  /* a base fee of less wei is too coarse to learn from */
	CADENCE_USUAL = 12000,
	CADENCE_MOST = 600000,
	FULL_PPM = 950000,
	CROWD = 5,  /* newest blocks of which most are full */
	NEWEST = 3, /* blocks that count by themselves in a crowd: prices of a calm are no guide there */
};
const unsigned market_percentiles[MARKET_TIPS] = {10, 25, 50, 75, 90};

/* Which percentile of a block, and which place among the recent blocks in permille. */
static const struct {
	unsigned tip, place;
} levels[MARKET_LEVELS] = {{0, 500}, {0, 750}, {0, 950}, {1, 900}, {2, 250}, {3, 700}, {4, 900}};

void market_init(struct market *m)
{
	*m = (struct market){.rise_ppm = RISE_USUAL, .cadence_ms = CADENCE_USUAL};
}

bool market_believes(struct u256 wei)
{
	return u256_cmp(wei, u256_of(10000000000000)) <= 0; /* 10,000 gwei */
}

/* ── how a base fee moves ── */

/* (b − a) / a in parts per million, cut towards zero; a base fee that doubles or more is told as twice. */
static int64_t change_ppm(struct u256 a, struct u256 b)
{
	bool up = u256_cmp(b, a) >= 0;
	struct u256 d, scaled;
	must(up ? u256_sub(&d, b, a) : u256_sub(&d, a, b));
	if (u256_cmp(d, a) >= 0)
		return up ? MARKET_PPM : -MARKET_PPM;
	while (a.w[1] | a.w[2] | a.w[3]) { /* to 64 bits: what is lost is far below a part per million */
		a = u256_div64(a, 65536, NULL);
		d = u256_div64(d, 65536, NULL);
	}
	must(u256_mul(&scaled, d, u256_of(MARKET_PPM)));
	int64_t ppm = (int64_t)u256_div64(scaled, a.w[0], NULL).w[0];
	return up ? ppm : -ppm;
}

struct pair { /* a block's fullness, and what it did to the base fee */
	int64_t used, change;
};

static size_t list_pairs(const struct market *m, struct pair *out)
{
	size_t n = 0;
	for (size_t i = m->npast; i-- > 1 && n < PAIRS;) {
		const struct market_past *a = &m->past[i - 1], *b = &m->past[i];
		if (b->number == a->number + 1 && !u256_lt(a->base, u256_of(BASE_LEAST)))
			out[n++] = (struct pair){a->used_ppm, change_ppm(a->base, b->base)};
	}
	return n;
}

/* The base fee moves by slope × used − drop: elasticity and denominator, whatever a chain has chosen
 * (EIP-1559: 2 and 8; OP stack: 6 and 250; others their own). */
static void learn_rule(struct market *m)
{
	struct pair p[PAIRS];
	size_t n = list_pairs(m, p), low = 0, high = 0, wrong = 0;
	int64_t most = RISE_LEAST;
	m->knows_rule = false;
	for (size_t i = 0; i < n; i++) {
		low = p[i].used < p[low].used ? i : low;
		high = p[i].used > p[high].used ? i : high;
		most = p[i].change > most ? p[i].change : most;
	}
	if (n < 3 || p[high].used - p[low].used < SPREAD_LEAST) {
		m->rise_ppm = (uint32_t)(most > RISE_USUAL ? most : RISE_USUAL);
		return;
	}
	int64_t slope = (p[high].change - p[low].change) * MARKET_PPM / (p[high].used - p[low].used);
	int64_t drop = slope * p[high].used / MARKET_PPM - p[high].change;
	for (size_t i = 0; i < n; i++)
		wrong += llabs(slope * p[i].used / MARKET_PPM - drop - p[i].change) > RULE_ERROR;
	m->knows_rule = wrong * 10 <= n && slope > 0 && drop > 0;
	m->slope_ppm = slope;
	m->drop_ppm = drop;
	if (m->knows_rule && slope - drop > most)
		most = slope - drop;
	else if (!m->knows_rule && most < RISE_USUAL)
		most = RISE_USUAL;
	m->rise_ppm = (uint32_t)(most > MARKET_PPM ? MARKET_PPM : most);
}

static struct u256 risen(struct u256 base, uint32_t ppm)
{
	struct u256 r, least;
	if (!u256_ratio_up(&r, base, MARKET_PPM + (uint64_t)ppm, MARKET_PPM) ||
		!u256_add(&least, base, u256_of(1)))
		return base;
	return u256_max(r, least);
}

/* Behind this block, as far as the rule is known. */
static struct u256 next_of(struct market *m, struct u256 base, uint32_t used_ppm)
{
	struct u256 r;
	int64_t move = m->slope_ppm * used_ppm / MARKET_PPM - m->drop_ppm + RULE_ERROR;
	move = move > MARKET_PPM ? MARKET_PPM : move < -MARKET_PPM / 2 ? -MARKET_PPM / 2 : move;
	m->knows_next = m->knows_rule && !u256_lt(base, u256_of(BASE_LEAST));
	if (!m->knows_next)
		return base;
	must(u256_ratio_up(&r, base, (uint64_t)(MARKET_PPM + move), MARKET_PPM));
	return r;
}

struct u256 market_worst(const struct market *m, unsigned blocks)
{
	struct u256 base = m->next;
	for (unsigned i = m->knows_next; i < blocks; i++)
		base = risen(base, m->rise_ppm);
	return base;
}

/* ── what is remembered ── */

static void keep(struct market *m, uint64_t number, struct u256 base, uint32_t used_ppm)
{
	struct market_past new = {number, base, used_ppm};
	size_t i = m->npast;
	while (i > 0 && m->past[i - 1].number > number)
		i--;
	if (i > 0 && m->past[i - 1].number == number) {
		m->past[i - 1] = new;
		return;
	}
	if (m->npast == MARKET_BLOCKS) {
		if (i == 0)
			return;
		memmove(m->past, m->past + 1, (MARKET_BLOCKS - 1) * sizeof *m->past);
		m->npast--;
		i--;
	}
	memmove(m->past + i + 1, m->past + i, (m->npast - i) * sizeof *m->past);
	m->past[i] = new;
	m->npast++;
}

static void keep_tips(struct market *m, const struct market_block *b)
{
	size_t i = m->nrecent;
	if (!b->has_tips || b->used_ppm == 0)
		return;
	while (i > 0 && m->recent[i - 1].number > b->number)
		i--;
	if (i > 0 && m->recent[i - 1].number == b->number) {
		m->recent[i - 1] = *b;
		return;
	}
	if (m->nrecent == MARKET_RECENT) {
		if (i == 0)
			return;
		memmove(m->recent, m->recent + 1, (MARKET_RECENT - 1) * sizeof *m->recent);
		m->nrecent--;
		i--;
	}
	memmove(m->recent + i + 1, m->recent + i, (m->nrecent - i) * sizeof *m->recent);
	m->recent[i] = *b;
	m->nrecent++;
}

static int by_value(const void *a, const void *b)
{
	return u256_cmp(*(const struct u256 *)a, *(const struct u256 *)b);
}

static void set_levels(struct market *m)
{
	struct u256 list[MARKET_RECENT];
	for (size_t l = 0; l < MARKET_LEVELS; l++) {
		for (size_t i = 0; i < m->nrecent; i++)
			list[i] = m->recent[i].tips[levels[l].tip];
		qsort(list, m->nrecent, sizeof *list, by_value);
		m->levels[l] = m->nrecent ? list[(m->nrecent - 1) * levels[l].place / 1000] : u256_of(0);
		for (size_t i = m->nrecent; m->crowded && i-- > 0 && i + NEWEST >= m->nrecent;)
			m->levels[l] = u256_max(m->levels[l], m->recent[i].tips[levels[l].tip]);
		if (l > 0)
			m->levels[l] = u256_max(m->levels[l], m->levels[l - 1]);
	}
}

static void set_crowded(struct market *m)
{
	size_t full = 0, n = m->npast < CROWD ? m->npast : CROWD;
	for (size_t i = m->npast - n; i < m->npast; i++)
		full += m->past[i].used_ppm >= FULL_PPM;
	m->crowded = full * 2 > n ? 2 : n && m->past[m->npast - 1].used_ppm >= FULL_PPM;
}

/* ── what is told ── */

/* What stood above a head that replaces others is gone: a reorg, or a chain that was set back. */
static void cut_above(struct market *m, uint64_t number)
{
	while (m->npast && m->past[m->npast - 1].number > number)
		m->npast--;
	while (m->nrecent && m->recent[m->nrecent - 1].number > number)
		m->nrecent--;
}

static void learn_cadence(struct market *m, uint64_t number, uint64_t time_s)
{
	if (m->time_head && number > m->time_head && time_s >= m->time_s) {
		uint64_t one = (time_s - m->time_s) * 1000 / (number - m->time_head);
		one = one > CADENCE_MOST ? CADENCE_MOST : one;
		m->cadence_ms = m->npast < 4 ? one : (7 * m->cadence_ms + one) / 8;
		m->cadence_ms = m->cadence_ms < 50 ? 50 : m->cadence_ms;
	}
	m->time_head = number;
	m->time_s = time_s;
}

void market_head(struct market *m, uint64_t number, uint64_t time_s, bool has_base, struct u256 base,
	uint64_t used, uint64_t limit)
{
	uint32_t ppm = limit == 0 || used >= limit ? (limit ? MARKET_PPM : 0)
											   : (uint32_t)((unsigned __int128)used * MARKET_PPM / limit);
	learn_cadence(m, number, time_s);
	m->legacy = !has_base;
	m->head = number;
	m->base = has_base ? base : u256_of(0);
	cut_above(m, number);
	if (has_base) {
		keep(m, number, base, ppm);
		learn_rule(m);
	}
	m->next = has_base ? next_of(m, base, ppm) : u256_of(0);
	set_crowded(m);
	set_levels(m);
}

void market_blocks(struct market *m, const struct market_block *list, size_t n, const struct u256 *next)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].number > m->head)
			continue; /* its header comes with the next head */
		keep(m, list[i].number, list[i].base, list[i].used_ppm);
		keep_tips(m, &list[i]);
	}
	learn_rule(m);
	set_crowded(m);
	set_levels(m);
	if (m->legacy || m->npast == 0)
		return;
	if (next && n && list[n - 1].number == m->head)
		m->next = *next, m->knows_next = true;
	else if (m->past[m->npast - 1].number == m->head)
		m->next = next_of(m, m->base, m->past[m->npast - 1].used_ppm);
}

struct u256 market_tip(const struct market *m, unsigned level)
{
	struct u256 above;
	if (m->legacy)
		return m->price;
	if (m->nrecent)
		return m->levels[level < MARKET_LEVELS ? level : MARKET_LEVELS - 1];
	if (m->has_tip)
		return m->tip;
	if (m->has_price && u256_sub(&above, m->price, m->base) && !u256_is_zero(above))
		return above;
	return u256_of(1000000000);
}

uint64_t market_covered(const struct market *m, struct u256 cap, uint64_t from, uint64_t to)
{
	uint64_t n = to >= from ? to - from + 1 : 0;
	for (size_t i = 0; i < m->npast; i++)
		if (m->past[i].number >= from && m->past[i].number <= to && u256_lt(cap, m->past[i].base))
			n--;
	return n;
}

bool market_quantile(const struct market *m, size_t blocks, unsigned permille, struct u256 *out)
{
	struct u256 list[MARKET_BLOCKS];
	size_t n = blocks < m->npast ? blocks : m->npast;
	if (n < 16)
		return false;
	for (size_t i = 0; i < n; i++)
		list[i] = m->past[m->npast - n + i].base;
	qsort(list, n, sizeof *list, by_value);
	*out = list[(n - 1) * permille / 1000];
	return true;
}
