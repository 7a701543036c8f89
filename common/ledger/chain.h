/* chain: what the listener writes: cursor, blocks of the window, events, retractions. All behind lane_fence
 * (INV-8).
 *
 * A commit of the listener is one unit: fence, blocks, events, cursor (INV-1, INV-9). Numbers (seq) are given
 * by the caller from the lane's position, in chain order (INV-3). */
#ifndef FAIRLEAD_LEDGER_CHAIN_H
#define FAIRLEAD_LEDGER_CHAIN_H

#include "common/app/config.h"
#include "common/evm/logs.h"
#include "common/io/pg.h"
#include "common/ledger/lane.h"

struct chain_row {
	int id; /* fairlead.chain.id */
	int64_t done, final, floor;
	int64_t began; /* first block that was ever to be read; -1: not known */
	bool has_network;
	struct u256 network; /* eth_chainId seen first; never changes */
	bool halted;
	char halted_why[560];
};
/* Two statements: the chain's row, then its block rows in ascending order (number, hash). */
void chain_load(struct pg_unit *u, const char *name);
bool chain_loaded(const struct pg_reply *r, int stmt, struct chain_row *out, struct err *e);
int chain_loaded_blocks(const struct pg_reply *r, int stmt);
bool chain_loaded_block(const struct pg_reply *r, int stmt, int row, int64_t *number, uint8_t hash[32]);

struct chain_state { /* what /status, the views and readiness tell */
	int64_t head;    /* -1: unknown */
	bool listening, catching_up, rpc_ok;
	int64_t reconnects;
};
void chain_set_state(struct pg_unit *u, int id, const struct chain_state *s);
void chain_set_network(struct pg_unit *u, int id, struct u256 network, int64_t done); /* the first time */
void chain_halt(struct pg_unit *u, int id, const char *why);

struct chain_block {
	int64_t number;
	uint8_t hash[32], parent[32];
	uint64_t time; /* seconds */
	bool linked;   /* its parent is the row before it; false: the lowest one kept, or a jump */
};

/* What every commit of the listener begins with, as one statement: the fence (INV-8) that gives the numbers
 * up to at, the blocks, the cursor, the head, and what is called final (never back). It raises FL001 as
 * lane_fence does. */
struct chain_step {
	int64_t at, done, head, final;
	const struct chain_block *blocks;
	size_t nblocks;
};
void chain_step(struct pg_unit *u, const struct lane *l, int id, const struct chain_step *s);

struct event_row {
	int64_t seq;
	const struct log *log;
	uint64_t time;             /* of its block, seconds */
	const struct str *columns; /* one a field of the event, text form; p == NULL: null */
};
/* The statement that writes rows of this event type; made once, its text lives in a. */
struct pg_sql chain_event_sql(struct arena *a, const struct event_decl *ev);
/* Rows of one event type; duplicates (same block and id) are left out by the table. open: inside the window.
 * sql must stay until the unit is answered. */
void chain_add_events(struct pg_unit *u, const struct pg_sql *sql, const struct event_decl *ev, int id,
	bool open, bool swept, const struct event_row *rows, size_t n);
/* A log that matches address and topic but does not decode: kept, so that the chain goes on and a person can
 * look. */
void chain_add_undecoded(
	struct pg_unit *u, int id, const struct event_decl *ev, const struct log *log, const char *why);

/* The floor, and with it the least number that a reorg can take. It may lag: then images are kept for longer.
 */
void chain_advance(struct pg_unit *u, const struct lane *l, int id, int64_t final, int64_t floor);
/* Takes back every event at or above block `from`; holds the lane itself. Read the new position with
 * chain_retracted. */
void chain_retract(struct pg_unit *u, const struct lane *l, int id, int64_t from);
int64_t chain_retracted(const struct pg_reply *r, int stmt);

#endif
