#include "listener/learner.h"

enum {
	REPLY_LEAST =
		256 << 10, /* bytes: below it requests cost more than logs, above REPLY_MOST caches are missed */
	REPLY_AIM = 960 << 10,
	REPLY_MOST = 960 << 10,
	HINT_PART = 8, /* of what a hint lets hope for is asked first: it may be far off, and all wait for it */
	PATIENCE_MOST = 64,
	PAUSE_FIRST_MS = 500,
	PAUSE_MOST_MS = 30000,
	RACE_FIRST_MS = 100,
	RACES = 5, /* in a row: then it is not a race any more */
	RATE_LEAST = 1000,
	RATE_FIRST = 10000,  /* the first word against a rate: no less follows from it, however little was sent */
	RATE_FREE = 1000000, /* a learned rate above it is none */
	CLIMB_SLOWLY = 8,    /* seconds in which a rate comes back to where it was refused */
	CLIMB_MOST = 100,    /* percent a second */
	BURY_MOST = 64,      /* times what was asked, at once */
};

static uint64_t latest_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void learner_init(
	struct learner *l, int64_t range_most, uint64_t rps, const struct learned *stored, uint64_t now_ms)
{
	must(range_most >= 1);
	*l = (struct learner){.range_most = range_most,
		.soft = range_most,
		.floor_at = -1,
		.patience = 1,
		.parallel = LEARNER_PARALLEL_FIRST,
		.rps_most = rps * 1000,
		.rate = rps * 1000,
		.tokens = (int64_t)rps * 1000,
		.filled_ms = now_ms,
		.second_ms = now_ms};
	if (stored)
		l->learned = *stored;
}

/* ── how much ── */

static int64_t hard(const struct learner *l)
{
	int64_t n = l->range_most;
	if (l->learned.range_cap > 0)
		n = least(n, l->learned.range_cap);
	return l->tried > 0 ? least(n, l->tried) : n;
}

int64_t learner_blocks(const struct learner *l, int64_t from)
{
	int64_t n = least(hard(l), l->soft);
	if (l->dense > 0)
		n = least(n, l->dense);
	if (l->learned.results_cap > 0 && l->sampled && l->block_logs > 0)
		n = least(n, (int64_t)((uint64_t)l->learned.results_cap * 256 * 4 / 5 / l->block_logs));
	if (from < l->floor_at)
		n = least(n, l->floor_at - from);
	else if (from == l->floor_at)
		n = 1;
	return n > 1 ? n : 1;
}

bool learner_has(const struct learner *l, int64_t from)
{
	return from >= l->learned.pruned_below;
}

static int64_t capped(int64_t wanted, int64_t cap)
{
	int64_t n = cap > 0 ? least(wanted, cap) : wanted;
	return n > 1 ? n : 1;
}

/* What may be sent at once: a second's worth. */
static int64_t bucket(const struct learner *l)
{
	return l->rate > 1000 ? (int64_t)l->rate : 1000;
}

/* Where calls are what is counted, a request of more than a second's worth never comes through. */
int64_t learner_calls(const struct learner *l, int64_t wanted)
{
	int64_t n = capped(wanted, l->learned.calls_cap);
	return l->rate > 0 ? least(n, bucket(l) / 1000) : n;
}

int64_t learner_filter(const struct learner *l, int64_t wanted)
{
	return capped(wanted, l->learned.filter_cap);
}

/* The size stays while replies have about as much: spans that don't change are kind to caches and to readers.
 */
static void choose_dense(struct learner *l)
{
	uint64_t n = (uint64_t)(l->dense > 0 ? l->dense : l->range_most);
	uint64_t bytes = l->block_bytes > UINT64_MAX / n ? UINT64_MAX : l->block_bytes * n;
	if (bytes > (uint64_t)REPLY_MOST * 256 || (l->dense > 0 && bytes < (uint64_t)REPLY_LEAST * 256)) {
		uint64_t aim = l->block_bytes > 0 ? (uint64_t)REPLY_AIM * 256 / l->block_bytes : UINT64_MAX;
		l->dense = aim >= (uint64_t)l->range_most ? 0 : aim > 1 ? (int64_t)aim : 1;
	}
}

/* More is believed at once by half, less by a quarter. */
static uint64_t average(uint64_t known, uint64_t sample)
{
	return sample > known ? known + (sample - known) / 2 : known - (known - sample) / 4;
}

static void sample(struct learner *l, uint64_t logs, uint64_t bytes, int64_t blocks)
{
	uint64_t most = UINT64_MAX / 512, n = (uint64_t)blocks;
	uint64_t a_bytes = (bytes < most ? bytes : most) * 256 / n,
			 a_logs = (logs < most ? logs : most) * 256 / n;
	bool known = l->sampled && !l->hinted;
	l->block_bytes = known ? average(l->block_bytes, a_bytes) : a_bytes;
	l->block_logs = known ? average(l->block_logs, a_logs) : a_logs;
	if (l->hinted)
		l->dense = 0;
	l->sampled = true;
	l->hinted = false;
	choose_dense(l);
}

void learner_hint(struct learner *l, uint64_t logs, uint64_t bytes, int64_t blocks)
{
	if (l->sampled || blocks < 1)
		return;
	sample(l, logs, bytes, blocks);
	if (l->dense > 0)
		l->dense = (l->dense + HINT_PART - 1) / HINT_PART;
	l->hinted = true;
}

/* ── how often ── */

/* Gently up to where it was refused, and when nothing is said there either, in growing steps: what was said
 * once need not be true any more. Never above what is configured. */
static void climb(struct learner *l)
{
	uint64_t past = l->unrefused++ < CLIMB_SLOWLY ? 0 : l->unrefused - CLIMB_SLOWLY;
	uint64_t percent = (uint64_t)least(5 << (past < 8 ? past : 8), CLIMB_MOST);
	l->rate += l->rate * percent / 100 + 1;
	if (l->rps_most > 0 && l->rate > l->rps_most)
		l->rate = l->rps_most;
	if (l->rps_most == 0 && l->rate > RATE_FREE)
		l->rate = 0;
}

static void turn_second(struct learner *l, uint64_t now_ms)
{
	if (now_ms - l->second_ms < 1000)
		return;
	if (l->rate > 0 && l->sent > 0 && now_ms >= l->pause_until_ms)
		climb(l);
	l->sent_before = now_ms - l->second_ms < 2000 ? l->sent : 0;
	l->sent = 0;
	l->second_ms = now_ms;
}

static int64_t tokens_at(const struct learner *l, uint64_t now_ms)
{
	uint64_t passed = now_ms > l->filled_ms ? now_ms - l->filled_ms : 0;
	return least(l->tokens + (int64_t)(l->rate * (passed < 60000 ? passed : 60000) / 1000), bucket(l));
}

uint64_t learner_wait(const struct learner *l, uint64_t now_ms, uint32_t calls)
{
	uint64_t free_ms = latest_of(now_ms, l->pause_until_ms), paused = free_ms - now_ms;
	if (l->rate == 0)
		return paused;
	int64_t need = least((int64_t)calls * 1000, bucket(l)); /* one request may be more than a second's */
	int64_t have = tokens_at(l, free_ms);
	return paused + (have < need ? (uint64_t)(need - have) * 1000 / l->rate + 1 : 0);
}

uint64_t learner_may_send(struct learner *l, uint64_t now_ms, uint32_t calls)
{
	turn_second(l, now_ms);
	uint64_t wait = learner_wait(l, now_ms, calls);
	if (wait > 0)
		return wait;
	learner_spent(l, now_ms, calls);
	return 0;
}

/* at_ms: when they leave, which is not before what was booked already. */
static void spend(struct learner *l, uint64_t now_ms, uint64_t at_ms, uint32_t calls)
{
	turn_second(l, now_ms);
	l->sent += calls;
	if (l->rate == 0)
		return;
	at_ms = latest_of(at_ms, l->filled_ms);
	l->tokens = tokens_at(l, at_ms) - (int64_t)calls * 1000;
	l->filled_ms = at_ms;
	if (l->rate != l->rps_most && l->tokens < -bucket(l))
		l->tokens = -bucket(l);
}

void learner_spent(struct learner *l, uint64_t now_ms, uint32_t calls)
{
	spend(l, now_ms, now_ms, calls);
}

/* What is booked in a pause leaves behind it, one behind the other as the rate lets them. */
uint64_t learner_book(struct learner *l, uint64_t now_ms, uint32_t calls)
{
	uint64_t wait = learner_wait(l, now_ms, calls);
	spend(l, now_ms, latest_of(now_ms, l->pause_until_ms), calls);
	return wait;
}

void learner_calm(struct learner *l, uint64_t now_ms)
{
	turn_second(l, now_ms);
	l->limited = l->raced = 0;
	if (l->parallel < LEARNER_PARALLEL_MOST && ++l->calm >= (l->paused ? l->parallel : 1)) {
		l->parallel++;
		l->calm = 0;
	}
}

/* ── what was good ── */

void learner_good(
	struct learner *l, int64_t from, int64_t blocks, uint64_t logs, uint64_t bytes, uint64_t now_ms)
{
	if (blocks < 1)
		return;
	bool full = blocks >= learner_blocks(l, from);
	learner_calm(l, now_ms);
	l->stuck = l->buried = l->unclear = 0;
	if (l->tried > 0 && blocks >= l->tried) { /* what was proposed is true: never more than that again */
		l->learned.range_cap = l->tried;
		l->version++;
		l->tried = 0;
	}
	if (from < l->learned.pruned_below) {
		l->learned.pruned_below = from;
		l->version++;
	}
	if (full && l->soft < l->range_most) {
		if (l->grew && l->patience > 1)
			l->patience /= 2;
		l->grew = false;
		if (++l->good >= l->patience) {
			l->soft = l->soft > l->range_most / 2 ? l->range_most : l->soft * 2;
			l->good = 0;
			l->grew = true;
		}
	}
	sample(l, logs, bytes, blocks);
}

/* ── what was refused ── */

static void shrink(struct learner *l, int64_t to)
{
	if (l->grew && l->patience < PATIENCE_MOST)
		l->patience *= 2;
	l->grew = false;
	l->good = 0;
	l->soft = least(l->soft, to > 1 ? to : 1);
}

/* What is asked next is less than what was refused, whatever the refusal says. */
static enum learner_next too_wide(struct learner *l, const struct refused *r, int64_t span)
{
	int64_t next = span / 2;
	if (span <= 1) { /* a cap below one block is none */
		l->tried = 0;
		return LEARNER_ELSEWHERE;
	}
	if (span > hard(l))
		return LEARNER_SMALLER; /* sent before we knew */
	if (r->has_most && r->most_blocks < span) {
		next = r->most_blocks;
		l->stepped = false;
	} else if (r->has_range && r->to - r->from + 1 < span) {
		next = r->to - r->from + 1;
		l->stepped = false;
	} else if (l->tried == span && !l->stepped) {
		next = span - 1;
		l->stepped = true;
	} else {
		l->stepped = true; /* halved: no proposal that could be off by one */
	}
	l->tried = next > 1 ? next : 1;
	return LEARNER_SMALLER;
}

static enum learner_next too_dense(
	struct learner *l, const struct refused *r, const struct learner_asked *asked, int64_t span)
{
	int64_t next = span / 2;
	if (r->most_results > 0 && l->learned.results_cap != r->most_results) {
		l->learned.results_cap = r->most_results;
		l->version++;
	}
	if (span <= 1) {
		l->floor_at = asked->from;
		return asked->from >= 0 ? LEARNER_FLOOR : LEARNER_ELSEWHERE;
	}
	if (r->has_range && r->from == asked->from && r->to < asked->to)
		next = r->to - r->from + 1;
	else if (r->has_most && r->most_blocks < span)
		next = r->most_blocks;
	shrink(l, next);
	return LEARNER_SMALLER;
}

static enum learner_next too_slow(struct learner *l, const struct learner_asked *asked, int64_t span)
{
	if (asked->from < 0)
		return LEARNER_ELSEWHERE;
	if (span > 1) {
		shrink(l, span / 2);
		return LEARNER_SMALLER;
	}
	if (++l->stuck >= 2) {
		l->floor_at = asked->from;
		return LEARNER_FLOOR;
	}
	l->wait_ms = RACE_FIRST_MS;
	return LEARNER_WAIT;
}

static uint64_t grown(uint64_t first, uint32_t tries, uint64_t most)
{
	uint64_t ms = first << (tries < 10 ? tries : 10);
	return ms < most ? ms : most;
}

/* What follows for the rate. Nothing when one call alone is refused again and again, without an answer in
 * between: whatever it means, it is not how much was sent. */
static void slow_down(struct learner *l, const struct learner_asked *asked, uint64_t now_ms)
{
	uint64_t recent = (l->sent > l->sent_before ? l->sent : l->sent_before) * 1000;
	bool again = l->rate > 0 && l->limited > 0; /* the last step was not enough */
	uint64_t rate = again ? l->rate / 2 : (l->rate > 0 ? l->rate : recent) * 7 / 10;
	bool guess = l->rate == 0 && rate < RATE_FIRST; /* nothing was measured */
	uint64_t floor = guess ? RATE_FIRST : RATE_LEAST;
	l->tokens = 0;
	l->filled_ms = now_ms;
	if (l->rate > 0 && l->limited > 0 && asked->calls <= 1)
		return;
	l->rate = rate > floor ? rate : floor;
	l->unrefused = guess ? CLIMB_SLOWLY : 0;
}

/* Many may be refused at once: one pause, one step down; a later word can only lengthen the pause. */
static enum learner_next too_often(
	struct learner *l, const struct refused *r, const struct learner_asked *asked, uint64_t now_ms)
{
	uint64_t sent_ms = asked->sent_ms ? asked->sent_ms : now_ms;
	bool known = l->paused && (now_ms < l->pause_until_ms || sent_ms < l->paused_ms);
	uint64_t pause = r->retry_after_ms;
	turn_second(l, now_ms);
	if (!known) {
		slow_down(l, asked, now_ms);
		uint64_t own = grown(PAUSE_FIRST_MS, l->limited++, PAUSE_MOST_MS);
		l->parallel = l->parallel > 1 ? l->parallel / 2 : 1;
		l->calm = 0;
		l->paused = true;
		l->paused_ms = now_ms;
		pause = pause > own ? pause : own;
	}
	if (now_ms + pause > l->pause_until_ms)
		l->pause_until_ms = now_ms + pause;
	l->wait_ms = l->pause_until_ms - now_ms;
	return LEARNER_WAIT;
}

static enum learner_next too_new(struct learner *l)
{
	l->wait_ms = grown(RACE_FIRST_MS, l->raced, PAUSE_MOST_MS);
	if (++l->raced < RACES)
		return LEARNER_WAIT;
	l->raced = 0;
	return LEARNER_ELSEWHERE;
}

/* The step grows: history that is gone is not felt for range by range. */
static enum learner_next too_old(
	struct learner *l, const struct refused *r, const struct learner_asked *asked)
{
	if (asked->from < 0)
		return LEARNER_ELSEWHERE;
	int64_t below = asked->from + 1;
	if (r->oldest > asked->from)
		below = r->oldest;
	else if (l->buried > 0)
		below = asked->from + 1 + (asked->to - asked->from) * (int64_t)grown(1, l->buried - 1, BURY_MOST);
	l->buried++;
	if (below > l->learned.pruned_below) {
		l->learned.pruned_below = below;
		l->version++;
	}
	return LEARNER_ELSEWHERE;
}

static enum learner_next too_many(struct learner *l, int64_t *cap, int64_t says, int64_t asked)
{
	if (asked <= 1)
		return LEARNER_ELSEWHERE;
	int64_t next = says > 0 && says < asked ? says : asked / 2;
	if (*cap == 0 || next < *cap) {
		*cap = next;
		l->version++;
	}
	return LEARNER_SMALLER;
}

/* Nobody knows what it means: it may be about the size, so it is tried. Twice in a row first: an endpoint
 * that is down for a moment is not asked less for it. */
static enum learner_next unclear(struct learner *l, int64_t span)
{
	if (span > 1 && ++l->unclear % 2 == 0)
		shrink(l, span / 2);
	return LEARNER_ELSEWHERE;
}

enum learner_next learner_refused(
	struct learner *l, const struct refused *r, const struct learner_asked *asked, uint64_t now_ms)
{
	int64_t span = asked->from >= 0 && asked->to >= asked->from ? asked->to - asked->from + 1 : 0;
	switch (r->class) {
	case REFUSAL_RANGE: return too_wide(l, r, span);
	case REFUSAL_DENSITY: return too_dense(l, r, asked, span);
	case REFUSAL_TIMEOUT: return too_slow(l, asked, span);
	case REFUSAL_RATE: return too_often(l, r, asked, now_ms);
	case REFUSAL_HEAD: return too_new(l);
	case REFUSAL_PRUNED: return too_old(l, r, asked);
	case REFUSAL_BATCH: return too_many(l, &l->learned.calls_cap, r->most_calls, asked->calls);
	case REFUSAL_FILTER: return too_many(l, &l->learned.filter_cap, r->most_calls, asked->filter);
	case REFUSAL_METHOD:
	case REFUSAL_OTHER: return unclear(l, span);
	case REFUSAL_NONE:
	case REFUSAL_INCONSISTENT:
	case REFUSAL_KINDS: break;
	}
	return LEARNER_ELSEWHERE;
}
