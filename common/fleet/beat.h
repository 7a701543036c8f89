/* beat: once a second, one small JSON of each process in Redis (hash <name>:beats, field program@holder):
 * what it does, since when, what it holds. So the page and --top know it while PostgreSQL is away. A
 * doorbell, not a truth (INV-1): lost with Redis, and nothing depends on it.
 *
 *   {"program","holder","pid","since","at","version","phase":"waiting"|"running"|"draining","pg":bool,
 *    "pg_since","pg_tries","pg_error","pg_server","redis":true,"holds","doing":[reason…],
 *    "signers":[{"name","address","chain","balance","unmined","base"}],"chains":[{"name","head","done"}]}
 *
 * Base fees stand beside it, newest 400 blocks: sorted set <name>:fees:<chain>, member block:wei:ms. */
#ifndef FAIRLEAD_FLEET_BEAT_H
#define FAIRLEAD_FLEET_BEAT_H

#include "common/fleet/member.h"

enum { BEAT_MS = 1000, BEAT_OLD_MS = 15000, BEAT_GONE_MS = 600000, BEAT_FEES = 400 };

/* What a program adds to one beat. */
struct beat {
	struct buf doing, signers, chains;
	int64_t holds;
	bool away;          /* PostgreSQL does not answer … */
	int64_t away_since; /* … since, Unix ms */
	struct beat_fee {
		const char *chain;
		uint64_t block;
		struct u256 wei;
		int64_t at;
	} fees[4];
	size_t nfees;
};
void beat_doing(struct beat *b, const struct buf *reason); /* common/base/sentence.h */
void beat_plain(struct beat *b, const char *code);         /* a reason without numbers */
void beat_chain(struct beat *b, const char *name, int64_t head, int64_t done);
void beat_signer(struct beat *b, const char *name, const char *address, const char *chain,
	struct u256 balance, size_t unmined);
void beat_fee(struct beat *b, const char *chain, uint64_t block, struct u256 wei, int64_t at);

struct beats;
struct beats *beats_open(struct member *m, const struct member_program *p);
/* PostgreSQL: answers (since), or does not and why. s may be NULL, and below: the end has begun. */
void beats_pg(struct beats *s, bool up, const char *why);
void beats_phase(struct beats *s, const char *phase, const char *waiting_for);
void beats_close(struct beats *s); /* takes our beat back */

#endif
