/* replay: the price policy run over a series of blocks, on a virtual clock, beside two common ones and the
 * best that hindsight knows. Pure; --price-replay FILE.csv shows what it finds.
 *
 * Each transaction stands alone, as the lowest slot of a lane would. A block takes it when its cap covers the
 * base fee and what is left as tip is at least the 10th percentile of that block's tips. All sums are wei,
 * exact (INV-12). */
#ifndef FAIRLEAD_SUBMITTER_REPLAY_H
#define FAIRLEAD_SUBMITTER_REPLAY_H

#include "common/base/err.h"
#include "submitter/price.h"

#include <stdio.h>

struct replay_row { /* a block */
	uint64_t time_s;
	struct market_block block;
};
struct replay_series {
	struct replay_row *rows; /* heap */
	size_t n;
};
/* text: CSV whose first line names its columns, in any order: timestamp (Unix seconds), base_fee (wei), p10
 * p25 p50 p75 p90 (wei: tips by percentile of the block's gas), used (0 to 1: gas used of the limit; may be
 * left out: then it follows from the next base fee by EIP-1559's rule). name: for errors, "name:line: …".
 * false: *e says what is wrong and how it would be right. */
bool replay_read(struct replay_series *s, const char *name, struct str text, struct err *e);
void replay_free(struct replay_series *s);

enum replay_policy { REPLAY_OURS, REPLAY_TWICE, REPLAY_FIXED, REPLAY_POLICIES };
enum { REPLAY_URGENCIES = 4, REPLAY_GAS = 100000, REPLAY_EVERY = 3, REPLAY_WARM = 64 };
extern const uint64_t replay_within_ms[REPLAY_URGENCIES]; /* 12 s, 1 min, 5 min, 0: cheap */
struct replay_sum {
	size_t sent, mined, missed; /* mined: in time. missed: not in time, though a block came in time */
	struct u256 paid, best; /* of those mined in time: what they paid, what the best block in time asked */
};
struct replay_result {
	size_t transactions; /* of each urgency */
	struct replay_sum sums[REPLAY_POLICIES][REPLAY_URGENCIES];
};
/* false: the series is too short to say anything. */
bool replay_run(const struct replay_series *s, struct replay_result *out, struct err *e);
struct replay_sum replay_all(const struct replay_result *r, enum replay_policy p); /* over all urgencies */
/* (paid / best − 1) × 10,000, rounded down; best > 0 */
int64_t replay_regret(const struct replay_sum *s);
void replay_show(
	const struct replay_series *s, const struct replay_result *r, const char *name, bool colour, FILE *out);

/* --price-replay: the exit code. */
int replay_main(const char *path);

#endif
