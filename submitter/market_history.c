#include "common/evm/logs.h"
#include "common/io/json_pick.h"
#include "submitter/args.h"
#include "submitter/market.h"

/* eth_feeHistory's answer: {"oldestBlock":"0x1","baseFeePerGas":["0x1",…],"gasUsedRatio":[0.5,…],"reward":
 * [["0x1",…],…]}; baseFeePerGas has one more than the others, the block that comes. (execution-apis) */

struct reading {
	struct market_block *list;
	size_t max, bases, ratios, rewards, tips;
	struct u256 *next; /* the last base fee that was read */
	bool broken;
};

static void one_base(void *arg, struct str raw)
{
	struct reading *r = arg;
	struct u256 v;
	r->broken |= !quantity_parse(raw, &v, NULL) || v.w[2] || v.w[3];
	if (r->bases < r->max && !r->broken)
		r->list[r->bases].base = v;
	*r->next = v;
	r->bases++;
}

/* 0.25, 1, 5.1e-05: parts per million; what is not nothing is one part at least. */
static uint32_t ratio_ppm(struct str raw)
{
	uint64_t digits = 0;
	int shift = 6;
	bool behind = false, any = false;
	size_t i = 0;
	for (; i < raw.n && raw.p[i] != 'e' && raw.p[i] != 'E'; i++) {
		if (raw.p[i] == '.') {
			behind = true;
		} else if (raw.p[i] >= '0' && raw.p[i] <= '9' && digits < 100000000000) {
			digits = digits * 10 + (uint64_t)(raw.p[i] - '0');
			any |= raw.p[i] != '0';
			shift -= behind;
		}
	}
	if (i + 1 < raw.n) {
		bool minus = raw.p[i + 1] == '-';
		int exponent = 0;
		for (i += 1; i < raw.n && exponent < 100; i++)
			if (raw.p[i] >= '0' && raw.p[i] <= '9')
				exponent = exponent * 10 + (raw.p[i] - '0');
		shift += minus ? -exponent : exponent;
	}
	for (; shift > 0 && digits < MARKET_PPM; shift--)
		digits *= 10;
	for (; shift < 0 && digits > 0; shift++)
		digits /= 10;
	if (any && digits == 0)
		return 1;
	return digits > MARKET_PPM ? MARKET_PPM : (uint32_t)digits;
}

static void one_ratio(void *arg, struct str raw)
{
	struct reading *r = arg;
	if (r->ratios < r->max)
		r->list[r->ratios].used_ppm = ratio_ppm(raw);
	r->ratios++;
}

static void one_tip(void *arg, struct str raw)
{
	struct reading *r = arg;
	struct market_block *b = &r->list[r->rewards];
	struct u256 v;
	if (r->tips < MARKET_TIPS && quantity_parse(raw, &v, NULL) && market_believes(v))
		b->tips[r->tips++] = v;
}

static void one_reward(void *arg, struct str raw)
{
	struct reading *r = arg;
	r->tips = 0;
	if (r->rewards < r->max) {
		struct market_block *b = &r->list[r->rewards];
		b->has_tips = args_each(raw, one_tip, r) && r->tips == MARKET_TIPS;
		for (size_t i = 1; i < MARKET_TIPS; i++)
			b->has_tips &= u256_cmp(b->tips[i - 1], b->tips[i]) <= 0;
	}
	r->rewards++;
}

bool market_history(
	struct str json, struct market_block *list, size_t max, size_t *n, struct u256 *next, bool *has_next)
{
	static const char *const paths[] = {"oldestBlock", "baseFeePerGas", "gasUsedRatio", "reward"};
	struct str at[4];
	struct reading r = {.list = list, .max = max, .next = next};
	uint64_t first;
	if (!json_pick(at, paths, 4, json) || !at[0].p || !at[1].p || !at[2].p ||
		!quantity_u64(at[0], &first, NULL) || first > UINT64_MAX - max)
		return false;
	memset(list, 0, max * sizeof *list);
	if (!args_each(at[1], one_base, &r) || !args_each(at[2], one_ratio, &r) ||
		(at[3].p && !str_is(at[3], "null") && !args_each(at[3], one_reward, &r)))
		return false;
	if (r.broken || r.ratios > max || (r.bases != r.ratios && r.bases != r.ratios + 1))
		return false;
	*n = r.ratios;
	*has_next = r.bases == r.ratios + 1;
	for (size_t i = 0; i < *n; i++)
		list[i].number = first + i;
	return true;
}
