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
	int64_t noted; /* last block of fairlead.range; began - 1: none */
	bool has_network;
	struct u256 network; /* eth_chainId seen first; never changes */
	bool halted;
	char halted_why[560];
};
/* Nothing of it was ever read. (A chain with `id:` has its network from the beginning.) */
static inline bool chain_is_fresh(const struct chain_row *c)
{
	return c->began < 0 && c->done < 0;
}
/* Two statements: the chain's row, then its block rows in ascending order (number, hash). */
void chain_load(struct pg_unit *u, const char *name);
bool chain_loaded(const struct pg_reply *r, int stmt, struct chain_row *out, struct err *e);
int chain_loaded_blocks(const struct pg_reply *r, int stmt);
bool chain_loaded_block(const struct pg_reply *r, int stmt, int row, int64_t *number, uint8_t hash[32]);

/* Contracts at addresses that a factory's event tells: those of the chain. One statement a contract: address
 * as 0x text, and the first block that named it. The text of the statement lives in a. */
bool chain_has_children(const struct contract_decl *k, const struct chain_decl *chain);
void chain_load_children(struct pg_unit *u, struct arena *a, const struct contract_decl *k);

struct chain_state { /* what /status, the views and readiness tell */
	int64_t head;    /* -1: unknown */
	bool listening, catching_up, rpc_ok, sweeping;
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
	int64_t since; /* where the cursor stood; it stands elsewhere: FL005, and nothing is done (INV-9) */
	int64_t at, done, head, final;
	const struct chain_block *blocks;
	size_t nblocks;
	/* The unit runs on another connection than the lease's: lane.backend stays as it is, since a taker
	 * believes the holder dead when that backend is gone. */
	bool aside;
};
void chain_step(struct pg_unit *u, const struct lane *l, int id, const struct chain_step *s);
/* Behind chain_step in one unit: the numbers up to this one are given instead. */
void chain_step_at(struct pg_unit *u, const struct lane *l, int64_t at);

/* Notes that first..last were read at that level (R6), with so many events. source: "" is the chain's own
 * lane. */
struct chain_range {
	const char *source;
	int64_t first, last;
	enum proof_level level;
	uint64_t events;
};
const char *chain_level_name(enum proof_level l);
void chain_note_range(struct pg_unit *u, int id, const struct chain_range *r);

struct event_row {
	int64_t seq;
	const struct log *log;
	uint64_t time;             /* of its block, seconds */
	const struct str *columns; /* one a field of the event, text form; p == NULL: null */
};
/* The statements that write rows of this event type; made once, their texts live in a. */
struct chain_event_sql {
	struct pg_sql one, many;
};
struct chain_event_sql chain_event_sql(struct arena *a, const struct event_decl *ev);
/* Rows of one event type; duplicates (same block and id) are left out by the table.
 * sql must stay until the unit is answered. */
struct event_place {
	bool open;  /* inside the window */
	bool swept; /* not read as the child of the cursor at the head */
	bool late;  /* found below the window (R4) */
};
void chain_add_events(struct pg_unit *u, const struct chain_event_sql *sql, const struct event_decl *ev,
	int id, struct event_place place, const struct event_row *rows, size_t n);
/* Which of n rows of this event type stand in the window already, in another block: one row each, column 0
 * its place from 0, column 1 that block. One statement; its text lives in a. */
void chain_find_elsewhere(
	struct pg_unit *u, struct arena *a, const struct event_decl *ev, const struct event_row *rows, size_t n);
/* A row for a person. what: a sentence. */
void chain_add_odd(struct pg_unit *u, const char *kind, const char *what);
/* COMMIT of this unit does not wait for the disk: a crash of PostgreSQL in the next moment takes all of it
 * back, the cursor too. What waits behind it waits for it as well, since both stand in one log. No bell is
 * rung for it before such a one (INV-1, P8). (PostgreSQL manual, synchronous_commit) */
void chain_commit_soon(struct pg_unit *u);
/* Rows that COPY has written on this connection, in this transaction: they count as swept. */
void chain_count_swept(struct pg_unit *u, const struct event_decl *ev, uint64_t n);
/* Rows that may stand there already: COPY writes them into a table of this session like the event's own, made
 * in the same command where it is not there; chain_from_stage moves what is new, chain_count_staged counts it
 * (place: of the event, another one for each in the transaction). Apart, since counting locks what the
 * chain's lane writes too: it belongs behind the fence. The texts live in a. */
const char *chain_stage_copy(struct arena *a, const struct event_decl *ev, const char *copy_sql);
void chain_from_stage(struct pg_unit *u, struct arena *a, const struct event_decl *ev, size_t place);
void chain_count_staged(struct pg_unit *u, const struct event_decl *ev, size_t place);
/* A log that matches address and topic but does not decode: kept, so that the chain goes on and a person can
 * look. */
void chain_add_undecoded(
	struct pg_unit *u, int id, const struct event_decl *ev, const struct log *log, const char *why);

/* The floor, and with it the least number that a reorg can take. It may lag: then images are kept for longer.
 */
void chain_advance(struct pg_unit *u, const struct lane *l, int id, int64_t final, int64_t floor);
/* Takes back every event at or above block `from`; holds the lane itself. Read the new position with
 * chain_retracted. reseat: the chain is as it was, but a log was missed there (R4): all from it on is read
 * again. */
void chain_retract(struct pg_unit *u, const struct lane *l, int id, int64_t from, bool reseat);
int64_t chain_retracted(const struct pg_reply *r, int stmt);

/* Why what is read of the chains is not the present, for whoever serves it: appends a sentence a line,
 * nothing when it is. Read only. */
void chain_behind(struct pg_unit *u);
void chain_behind_say(const struct pg_reply *r, int stmt, struct buf *out);

#endif
