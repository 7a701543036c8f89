#include "submitter/replay.h"

#include "common/base/mem.h"

#include <stdlib.h>

/* Transactions of each urgency become ready right behind a block, and are looked at behind every block, as a
 * sender does at each head. */

const uint64_t replay_within_ms[REPLAY_URGENCIES] = {12000, 60000, 300000, 0};
enum { TWICE_PATIENCE = 3, TIPS_LOOKED = 5 };

struct job { /* a transaction under one policy */
	enum replay_policy policy;
	size_t urgency, ready, last; /* rows: it is ready behind `ready`, `last` is the last block in time */
	bool in_time;                /* a block came in time at all */
	bool sent, mined, patient;
	size_t cast, bumps; /* cast behind that row */
	uint64_t passed;    /* blocks that its cap covered and that did not take it */
	struct fee fee;
	struct u256 best;
};
struct replaying {
	const struct replay_series *s;
	struct replay_result *out;
	struct market market;
	struct price_learned learned;
	struct price_policy policy;
	uint64_t gates[REPLAY_URGENCIES];
	struct fee fixed;
	struct job *jobs; /* heap: those under way */
	size_t n, cap;
};

static uint64_t within_ms(size_t urgency)
{
	return replay_within_ms[urgency] ? replay_within_ms[urgency] : PRICE_CHEAP_MS;
}

static struct u256 sum(struct u256 a, struct u256 b)
{
	struct u256 r;
	must(u256_add(&r, a, b)); /* rows hold at most 2^64 */
	return r;
}

static int by_value(const void *a, const void *b)
{
	return u256_cmp(*(const struct u256 *)a, *(const struct u256 *)b);
}

/* What wallets take: the median over the newest blocks of what the median gas paid. */
static struct u256 usual_tip(const struct replay_series *s, size_t at)
{
	struct u256 list[TIPS_LOOKED];
	size_t n = 0;
	for (size_t i = at + 1; i-- > 0 && n < TIPS_LOOKED;)
		list[n++] = s->rows[i].block.tips[2];
	qsort(list, n, sizeof *list, by_value);
	return list[n / 2];
}

static size_t last_in_time(const struct replay_series *s, size_t ready, size_t urgency)
{
	uint64_t end = s->rows[ready].time_s + within_ms(urgency) / 1000;
	size_t last = ready;
	while (last + 1 < s->n && s->rows[last + 1].time_s <= end)
		last++;
	return last;
}

static void add_job(struct replaying *r, enum replay_policy policy, size_t at, size_t urgency, size_t last)
{
	struct job j = {.policy = policy, .urgency = urgency, .ready = at, .last = last, .in_time = last > at};
	if (!j.in_time)
		j.last = at + 1;
	for (size_t i = at + 1; i <= j.last; i++) {
		const struct market_block *b = &r->s->rows[i].block;
		struct u256 asks = sum(b->base, b->tips[0]);
		j.best = i == at + 1 ? asks : u256_min(j.best, asks);
	}
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 1024;
		r->jobs = mem_grow(r->jobs, r->cap, sizeof *r->jobs);
	}
	r->jobs[r->n++] = j;
	r->out->sums[policy][urgency].sent++;
}

static void cast(struct job *j, struct fee f, size_t at)
{
	j->bumps += j->sent;
	j->sent = true;
	j->fee = f;
	j->cast = at;
}

static void act_ours(struct replaying *r, struct job *j, size_t at)
{
	uint64_t age = (r->s->rows[at].time_s - r->s->rows[j->ready].time_s) * 1000;
	struct price_wish w = {replay_within_ms[j->urgency], age};
	struct u256 most = price_most(&r->policy, false, NULL, 0, u256_of(0));
	struct fee f;
	if (!j->sent) {
		if (age >= r->gates[j->urgency] &&
			price_first(&r->policy, &r->market, &r->learned, w, most, &f) == PRICE_OK) {
			cast(j, f, at);
			j->patient = price_patient(&r->market, w);
		}
		return;
	}
	int patience = price_patience(&r->policy, &r->market, &r->learned, w, &j->fee);
	size_t shift = j->bumps < 5 ? j->bumps : 5;
	if (patience == 1)
		shift = 0;
	if (patience != PRICE_REST && at >= j->cast + ((size_t)patience << shift) &&
		price_again(&r->policy, &r->market, &r->learned, w, most, &j->fee, &f) == PRICE_OK)
		cast(j, f, at);
}

static void act_twice(struct replaying *r, struct job *j, size_t at)
{
	struct u256 tip = usual_tip(r->s, at), base = r->s->rows[at].block.base;
	struct fee f = {sum(sum(base, base), tip), tip};
	if (j->sent) {
		if (at < j->cast + TWICE_PATIENCE)
			return;
		must(u256_ratio_up(&f.fee, j->fee.fee, 11, 10) && u256_ratio_up(&f.tip, j->fee.tip, 11, 10));
	}
	cast(j, f, at);
}

static void act(struct replaying *r, struct job *j, size_t at)
{
	switch (j->policy) {
	case REPLAY_OURS: act_ours(r, j, at); break;
	case REPLAY_TWICE: act_twice(r, j, at); break;
	default:
		if (!j->sent)
			cast(j, r->fixed, at);
	}
}

/* Does this block take it? */
static void mine(struct replaying *r, struct job *j, size_t at)
{
	const struct market_block *b = &r->s->rows[at].block;
	struct u256 room, tip, cost;
	if (!j->sent || !u256_sub(&room, j->fee.fee, b->base))
		return;
	tip = u256_min(room, j->fee.tip);
	j->passed++;
	if (u256_lt(tip, b->tips[0]))
		return;
	struct replay_sum *t = &r->out->sums[j->policy][j->urgency];
	j->mined = true;
	if (j->policy == REPLAY_OURS)
		price_mined(&r->learned, j->patient, j->passed);
	if (at > j->last) {
		t->missed += j->in_time;
		return;
	}
	t->mined++;
	must(u256_mul(&cost, sum(b->base, tip), u256_of(REPLAY_GAS)));
	t->paid = sum(t->paid, cost);
	must(u256_mul(&cost, j->best, u256_of(REPLAY_GAS)));
	t->best = sum(t->best, cost);
}

/* A head: its header, what eth_feeHistory says of it, and what the next base fee will be. */
static void hear(struct replaying *r, size_t at)
{
	const struct replay_row *row = &r->s->rows[at];
	market_head(
		&r->market, row->block.number, row->time_s, true, row->block.base, row->block.used_ppm, MARKET_PPM);
	market_blocks(&r->market, &row->block, 1, &r->s->rows[at + 1].block.base);
	for (size_t u = 0; u < REPLAY_URGENCIES; u++)
		r->gates[u] = price_gate(&r->market, replay_within_ms[u]);
}

static void step(struct replaying *r, size_t at, size_t end)
{
	size_t kept = 0;
	hear(r, at);
	if (at >= REPLAY_WARM && at < end && at % REPLAY_EVERY == 0) {
		r->out->transactions++;
		for (size_t u = 0; u < REPLAY_URGENCIES; u++)
			for (enum replay_policy p = 0; p < REPLAY_POLICIES; p++)
				add_job(r, p, at, u, last_in_time(r->s, at, u));
	}
	for (size_t i = 0; i < r->n; i++) {
		act(r, &r->jobs[i], at);
		mine(r, &r->jobs[i], at + 1);
		if (!r->jobs[i].mined)
			r->jobs[kept++] = r->jobs[i];
	}
	r->n = kept;
}

bool replay_run(const struct replay_series *s, struct replay_result *out, struct err *e)
{
	struct replaying r = {.s = s, .out = out};
	*out = (struct replay_result){0};
	size_t end = s->n;
	while (end > 0 && s->rows[end - 1].time_s + PRICE_CHEAP_MS / 1000 > s->rows[s->n - 1].time_s)
		end--;
	if (end <= REPLAY_WARM + REPLAY_EVERY)
		return err_set(e, ERR_REJECTED,
			"the series is too short: %zu blocks; it needs %d to learn from, then more, and an hour behind "
			"them",
			s->n, REPLAY_WARM);
	market_init(&r.market);
	price_learn_nothing(&r.learned);
	r.fixed.tip = usual_tip(s, REPLAY_WARM);
	r.fixed.fee = sum(sum(s->rows[0].block.base, s->rows[0].block.base), r.fixed.tip);
	for (size_t at = 0; at + 1 < s->n; at++)
		step(&r, at, end);
	for (size_t i = 0; i < r.n; i++) /* never mined: late too */
		out->sums[r.jobs[i].policy][r.jobs[i].urgency].missed += r.jobs[i].in_time;
	free(r.jobs);
	return true;
}

struct replay_sum replay_all(const struct replay_result *r, enum replay_policy p)
{
	struct replay_sum all = {0};
	for (size_t u = 0; u < REPLAY_URGENCIES; u++) {
		const struct replay_sum *t = &r->sums[p][u];
		all.sent += t->sent;
		all.mined += t->mined;
		all.missed += t->missed;
		all.paid = sum(all.paid, t->paid);
		all.best = sum(all.best, t->best);
	}
	return all;
}

int64_t replay_regret(const struct replay_sum *s)
{
	struct u256 more, scaled, best = s->best;
	if (u256_is_zero(best) || !u256_sub(&more, s->paid, best))
		return 0;
	must(u256_mul(&scaled, more, u256_of(10000)));
	while (best.w[1] | best.w[2] | best.w[3]) {
		best = u256_div64(best, 2, NULL);
		scaled = u256_div64(scaled, 2, NULL);
	}
	return (int64_t)u256_div64(scaled, best.w[0], NULL).w[0];
}
