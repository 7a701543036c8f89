/* learner: what one endpoint has taught us, and what is asked of it next. Pure: the caller owns the clock
 * (ms, monotonic) and the requests.
 *
 * - range cap: never exceeded again, kept across restarts; believed once a request of that size succeeded
 * - density: shrinks now, regrows by doubling; beside it the size is chosen so that a reply has a quarter of
 * a MiB to one: small enough that nobody builds it for long, large enough to be worth a question
 * - timeout: shrinks as density does
 * - rate limit: pauses, slows the bucket, halves what is in flight, keeps requests to a second's worth of
 * calls; never shrinks a range. What was learned slows and never stalls: it owes a second's worth at most,
 * and the rate grows again, faster and faster, while nothing is refused
 * - head race: waits a moment
 * - pruned: unfit below a block, kept across restarts, lowered again by a success below it
 * - batch, filter: fewer calls a request, fewer addresses or topics a position; kept across restarts
 *
 * The floor is one block: what is refused even then is read by address, topic or receipts. */
#ifndef FAIRLEAD_LISTENER_LEARNER_H
#define FAIRLEAD_LISTENER_LEARNER_H

#include "listener/refusal.h"

/* What outlives the process. 0 is "nothing known" everywhere. */
struct learned {
	int64_t range_cap;    /* blocks a request */
	int64_t results_cap;  /* logs a reply, as it says */
	int64_t pruned_below; /* blocks below it are not to be had here */
	int64_t calls_cap;    /* calls a request */
	int64_t filter_cap;   /* addresses, or topics, in one position */
};

struct learner {
	struct learned learned;
	uint64_t version; /* grows when learned changes: time to store it */
	int64_t range_most;

	int64_t soft; /* blocks: where density and timeouts have put us; range_most when nothing is in the way */
	int64_t
		tried;    /* the cap that a refusal proposed or that halving has come to, not yet verified; 0: none */
	bool stepped; /* one less than the proposal was tried: some mean "less than" by "at most" */
	int64_t floor_at;  /* a block that is too dense by itself: no range goes over it; -1: none */
	uint32_t good;     /* full-sized good answers since soft changed */
	uint32_t patience; /* how many of them it takes to double: grows when a doubling is refused */
	bool grew;         /* soft was doubled and no full-sized answer has come since */
	uint32_t stuck;    /* timeouts in a row at one block */
	uint32_t buried;   /* refusals for pruned history in a row */
	uint32_t unclear;  /* refusals of ranges that nobody understood, in a row */

	bool sampled;         /* the next two are known: moving averages, */
	bool hinted;          /* or no more than a hint, which the first sample replaces */
	uint64_t block_bytes; /* bytes a block, × 256 */
	uint64_t block_logs;  /* logs a block, × 256 */
	int64_t dense;        /* blocks chosen for the size of replies; 0: not restricted */

	uint32_t parallel; /* requests that may be in flight */
	uint32_t calm;     /* good answers since it changed */

	uint64_t rps_most, rate; /* calls a second × 1000; 0: no bucket */
	int64_t tokens;          /* calls × 1000; below 0: owed */
	uint32_t unrefused;      /* seconds since the rate was refused */
	uint64_t filled_ms;      /* when the bucket was last filled */
	uint64_t second_ms;      /* when the second began that sent counts */
	uint64_t sent, sent_before;
	uint64_t pause_until_ms;
	bool paused;        /* ever */
	uint64_t paused_ms; /* when the last pause began: refusals of what was sent before it count once */
	uint32_t limited;   /* rate limits in a row */
	uint32_t raced;     /* head races in a row */
	uint64_t wait_ms;   /* LEARNER_WAIT: how long */
};

enum { LEARNER_PARALLEL_FIRST = 4, LEARNER_PARALLEL_MOST = 16 };

/* range_most: `range:` of the chain, ≥ 1; rps: of the endpoint, 0 for none; stored: or NULL. */
void learner_init(
	struct learner *l, int64_t range_most, uint64_t rps, const struct learned *stored, uint64_t now_ms);

/* Blocks of the next range that begins at block from: ≥ 1, never more than `range:` or the learned cap.
 * Exactly `range:` while nothing is in the way (V-08). The caller cuts it at its own end. */
int64_t learner_blocks(const struct learner *l, int64_t from);
bool learner_has(const struct learner *l, int64_t from); /* false: known to be pruned there */
/* Calls a request: ≤ wanted, ≥ 1, within the learned cap and a second's worth of the rate. */
int64_t learner_calls(const struct learner *l, int64_t wanted);
int64_t learner_filter(const struct learner *l, int64_t wanted); /* entries a position: ≤ wanted, ≥ 1 */
/* The density is guessed at from elsewhere: the first range is so small that it does no harm where the guess
 * is far too low. Nothing when it was measured here. */
void learner_hint(struct learner *l, uint64_t logs, uint64_t bytes, int64_t blocks);

/* How many ms until so many calls could be sent; 0: now. */
uint64_t learner_wait(const struct learner *l, uint64_t now_ms, uint32_t calls);
/* 0: go, and the calls are taken from the bucket. Else how many ms until it is worth asking again; nothing is
 * taken. */
uint64_t learner_may_send(struct learner *l, uint64_t now_ms, uint32_t calls);
/* Calls that went without asking, polls too: they are owed. */
void learner_spent(struct learner *l, uint64_t now_ms, uint32_t calls);
/* Calls that go for sure: they are taken, and leave in so many ms. */
uint64_t learner_book(struct learner *l, uint64_t now_ms, uint32_t calls);

/* An answer about the logs of blocks from from on was good. */
void learner_good(
	struct learner *l, int64_t from, int64_t blocks, uint64_t logs, uint64_t bytes, uint64_t now_ms);
/* An answer to anything else was good: calms the rate, nothing about ranges. */
void learner_calm(struct learner *l, uint64_t now_ms);

/* What had been asked; 0 or -1 where it does not apply. */
struct learner_asked {
	int64_t from, to; /* blocks whose logs were asked, inclusive; -1, -1: no logs */
	int64_t calls;    /* in the request */
	int64_t filter;   /* most addresses or topics in one position */
	uint64_t sent_ms; /* when it was sent; 0: just now */
};
enum learner_next {
	LEARNER_SMALLER, /* the same again by learner_blocks, learner_calls, learner_filter: they are less now */
	LEARNER_WAIT,    /* the same again, when learner_may_send says so */
	LEARNER_ELSEWHERE, /* asking it here again soon does not help: another endpoint, or after a rest */
	LEARNER_FLOOR,     /* one block, and still too much: read it by address, topic or receipts */
};
enum learner_next learner_refused(
	struct learner *l, const struct refused *r, const struct learner_asked *asked, uint64_t now_ms);

#endif
