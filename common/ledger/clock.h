/* clock: what the leader of lane `clock` asks and writes: finality of results, lost bells, clocks,
 * housekeeping. */
#ifndef FAIRLEAD_LEDGER_CLOCK_H
#define FAIRLEAD_LEDGER_CLOCK_H

#include "common/io/pg.h"
#include "common/ledger/lane.h"

/* One row a chain, in order of names given by the reader: what there is to do. Read only. */
struct clock_chain {
	int id;
	struct str name; /* borrowed for the callback */
	int64_t final, done, head;
	bool caught_up;     /* listening, read to the head, and every number applied */
	bool decided;       /* a verdict, or a "done already", that a final block has decided */
	int64_t unanchored; /* lowest block of a verdict or of a "done already" that lies below the window and has
						   no row; -1: none */
	int64_t seq, applied; /* log and lane of the rules */
	bool halted;
};
void clock_look(struct pg_unit *u);
int clock_look_rows(const struct pg_reply *r, int stmt);
void clock_look_read(const struct pg_reply *r, int stmt, int row, struct clock_chain *out);
/* Ready batches a pool: newest and oldest id. */
void clock_pools(struct pg_unit *u);
void clock_pool_read(
	const struct pg_reply *r, int stmt, int row, struct str *pool, int64_t *newest, int64_t *oldest);

struct clock_settled {
	int64_t closed, done, freed, dead;
};
void clock_finalise(struct pg_unit *u, const struct lane *l, int chain, int64_t limit);
void clock_settled_read(const struct pg_reply *r, int stmt, struct clock_settled *out);
/* A final block that the listener does not keep, as an endpoint gave its header. */
void clock_anchor(struct pg_unit *u, const struct lane *l, int chain, int64_t number, const uint8_t hash[32],
	const uint8_t parent[32], uint64_t time);
void clock_prune(struct pg_unit *u, const struct lane *l, int chain, int64_t keep_blocks);
/* Counts lives and their turns into quarters of an hour (sql/019). */
void clock_count(struct pg_unit *u, const struct lane *l);
/* The fleet stood still from since (Unix ms) for ms; reason: common/base/sentence.h. */
void clock_stuck(struct pg_unit *u, const struct lane *l, int64_t since, int64_t ms, const char *reason);
void clock_analyze(
	struct pg_unit *u); /* statistics of the header's table: autovacuum leaves parents out (model B10) */
void clock_retire(struct pg_unit *u, const struct lane *l, uint64_t keep_done_ms, uint64_t keep_failed_ms);

/* Clocks of rules with every:. The answer of clock_rules: name, ms since its last run (-1: never). */
void clock_rules(struct pg_unit *u);
void clock_ran(struct pg_unit *u, const struct lane *l, const char *rule, int64_t differences,
	const char *error, uint64_t every_ms);
/* The newest final block ≤ cursor and the cursor's own: number, hash, number, hash. No row: not known (yet).
 */
void clock_blocks(struct pg_unit *u, const char *chain);

#endif
