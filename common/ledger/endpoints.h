/* endpoints: what the listener knows of its endpoints, as rows of fairlead.endpoint: read once when a lane is
 * taken, so that a learned limit is not exceeded again after a restart, and written now and then behind
 * lane_fence.
 *
 * A row is found by its name, which holds no credential. */
#ifndef FAIRLEAD_LEDGER_ENDPOINTS_H
#define FAIRLEAD_LEDGER_ENDPOINTS_H

#include "common/base/err.h"
#include "common/io/pg.h"

enum { ENDPOINT_NAME = 300 };

struct endpoint_row {
	char name[ENDPOINT_NAME]; /* host:port, and a digest where a chain has several of it */
	int place;                /* 1, 2, … in the file */
	const char *role;         /* "read, write" … */
	const char *state;        /* "well", "resting", "excluded", "unknown" */
	int64_t range_cap, results_cap, pruned_below, calls_cap, filter_cap; /* 0: nothing known */
	int64_t head, lag;                                                   /* blocks; -1: unknown */
	int64_t latency_us;                                                  /* smoothed; -1: unknown */
	int64_t requests, failures, lies; /* of this process; fairlead.endpoint adds up what they grew by */
	const char *error;                /* the last one, without secrets; NULL: none so far */
};

/* One statement; the learned columns of each endpoint of the chain that was ever stored. */
void endpoints_load(struct pg_unit *u, const char *chain);
int endpoints_loaded(const struct pg_reply *r, int stmt); /* rows */
/* name, place and the learned columns; the rest is 0 or NULL. false: not a row of ours. */
bool endpoints_loaded_row(const struct pg_reply *r, int stmt, int row, struct endpoint_row *out);
/* Writes all endpoints of the chain in one statement, behind lane_fence; those that are not among rows are
 * marked as retired. requests, failures and lies are what is to be added. */
void endpoints_save(struct pg_unit *u, int chain, const struct endpoint_row *rows, size_t n);

/* The hash of block 0, the first time: behind lane_fence. It never changes afterwards (FL006). */
void endpoints_set_genesis(struct pg_unit *u, int chain, const uint8_t hash[32]);
/* One statement, one row: the chain's stored genesis. false: none yet. */
void endpoints_genesis(struct pg_unit *u, const char *chain);
bool endpoints_genesis_read(const struct pg_reply *r, int stmt, uint8_t hash[32]);

#endif
