/* fill: history below the window, many ranges in flight, written by COPY in chain order while the next are on
 * their way.
 *
 *   pipe.h   which range is next        span.h   one range, streamed into rows
 *   provider.h  who is asked            pg_copy.h  the transaction that carries the rows
 *
 * The first range's rows are written as soon as it is complete; what is behind it waits. A transaction takes
 * as many ranges as are ready, for a moment at most, and ends with what the owner puts into its last unit:
 * the fence (INV-8), the cursor, counters (INV-1, INV-9). The fence stands last there: rows that nobody sees
 * yet may stream for seconds, and the lane's row must not be locked that long.
 *
 * Memory is bounded (INV-10): beyond a few MiB of rows nothing new is asked but for the first range, what is
 * on its way stands still, and a range that is larger than that gives its rows away before it is complete, in
 * a transaction of its own that is rolled back should the range turn out wrong. */
#ifndef FAIRLEAD_LISTENER_FILL_H
#define FAIRLEAD_LISTENER_FILL_H

#include "common/io/pg_copy.h"
#include "common/ledger/chain.h"
#include "common/ledger/lane.h"
#include "listener/proving.h"
#include "listener/span.h"

struct fill;
/* What one transaction holds; valid during the call. */
struct fill_commit {
	int64_t from, done; /* blocks, inclusive */
	int64_t at;         /* the number given last */
	uint64_t events;
	const uint64_t *per_event; /* of them, by index of the filter */
	const struct block_header *last;
	const struct chain_range *ranges; /* the same blocks, by the level that they reached */
	size_t nranges;
	const struct span_bad *bad; /* logs of ours that don't decode */
	size_t nbad;
	bool staged;
	bool lasts; /* no crash of PostgreSQL may take it back, nor what was committed before it */
};
enum fill_failure {
	FILL_STORE,    /* PostgreSQL failed or its answer is unknown: read the truth again */
	FILL_FENCED,   /* the lane is another's */
	FILL_PRESENT,  /* rows of ours stand there already (23505): begin again, staged */
	FILL_UNLINKED, /* the blocks behind the cursor are not its children: a reorg, or a forked endpoint */
};
struct fill_job {
	struct loop *loop;
	struct providers *providers;
	struct pg_copy *copy;
	const char *name; /* the chain's, for logs */
	struct filter *filter;
	struct encoder *encoders;
	/* Of the chain, shared by all that read it. Its completeness is what each block is brought to (INV-9). */
	struct proving_chain *proving;
	struct u256 network;
	int chain_id;
	int64_t from, target; /* blocks; target may grow */
	int64_t at;           /* the number given last before */
	bool has_parent;
	uint8_t parent[32]; /* hash of block from - 1 */
	bool staged;        /* rows may stand there already: through a table of the session */
	bool followed;      /* somebody waits for what is committed */
	void (*end_unit)(void *arg, struct pg_unit *u, const struct fill_commit *c);
	void (*on_commit)(void *arg, const struct fill_commit *c);
	/* All is committed, or all in front of a block that is too dense to be asked for as a range (fill_dense):
	 * the owner reads that one otherwise. Then fill_stop it. */
	void (*on_end)(void *arg);
	bool dense_ends; /* false: such a block is asked for again and again, slowly */
	void (*on_fail)(void *arg, enum fill_failure f, const char *sentence);
	void (*on_why)(void *arg, const char *sentence); /* why it can't go on now, for /readyz; "" when it can */
	void *arg;
};
struct fill *fill_start(const struct fill_job *job);
void fill_extend(struct fill *f, int64_t target);
void fill_wake(struct fill *f);           /* an endpoint has room, is back, or shows a newer head */
int64_t fill_dense(const struct fill *f); /* that block; -1: none */
bool fill_commit_is_out(const struct fill *f);
/* Gives up what is on its way and frees it. A COMMIT that is out is answered to nobody: the lane must be
 * another's by then, or the truth is read again behind the fence. NULL: nothing. */
void fill_stop(struct fill *f);

struct fill_stats {
	int64_t blocks;
	uint64_t events, requests, bytes;
	uint64_t fetch_ms, write_ms, wait_ms, cpu_ms, took_ms;
	int64_t range;             /* blocks a request now */
	double blocks_s, events_s; /* of the last seconds */
	int64_t left_s;            /* -1: not known */
};
void fill_stats(const struct fill *f, struct fill_stats *out);

#endif
