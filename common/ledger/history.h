/* history: what is asked for later: a contract, an event, an address or a wider `where:` whose past is read
 * in a log of its own while the chain's lane goes on (sql/013, CHAIN R4).
 *
 * The n-th history of a chain has the lanes listen:<chain>+<n> and apply:<chain>+<n>. They have no lease of
 * their own: the holder of the chain's lane writes them too, behind its fence (INV-8). Its numbers are below
 * zero, its blocks at or below the floor. */
#ifndef FAIRLEAD_LEDGER_HISTORY_H
#define FAIRLEAD_LEDGER_HISTORY_H

#include "common/app/config.h"
#include "common/io/pg.h"
#include "common/ledger/chain.h"
#include "common/ledger/lane.h"

/* ── the listener ── */

struct history_ask { /* what the chain's lane asks for from now on */
	const struct event_decl *event;
	uint8_t digest[32];
	int64_t start; /* -1: latest */
};
/* Two statements: what was not asked for so far becomes histories; then those that are open, in order. Behind
 * lane_fence. */
void history_ask(struct pg_unit *u, const char *chain, const struct history_ask *asks, size_t n);

struct history_row {
	int n;
	int64_t first, last, done;
	int64_t at; /* number given last */
};
int history_rows(const struct pg_reply *r, int stmt);
void history_row_read(const struct pg_reply *r, int stmt, int row, struct history_row *out);
/* The events of that row, as schema and table; borrowed for the callback. */
void history_row_events(const struct pg_reply *r, int stmt, int row,
	void (*fn)(void *arg, struct str schema, struct str table), void *arg);

/* Cursor, numbers and counters of one commit; the fence (INV-8) stands in it: FL001, and FL005 where the
 * history is not where it is believed to be. again: events of children that it has found, which the chain's
 * lane did not ask for so far. */
struct history_commit {
	int n;
	int64_t from, done, at;
	const struct chain_range *ranges; /* from..done, by level; their source is not looked at */
	size_t nranges;
	const struct event_decl *const *again;
	size_t nagain;
};
void history_step(struct pg_unit *u, int chain_id, const struct lane *l, const struct history_commit *c);

/* ── the batcher ── */

/* One row: the first history that has something to apply; 0: none. */
void history_look(struct pg_unit *u, const char *chain);
int history_look_read(const struct pg_reply *r, int stmt);
/* As rules_bury, of a run of rules_history; read with rules_buried. */
void history_bury(struct pg_unit *u, const struct lane *lane, const char *chain, int n, int64_t seq,
	const char *state, struct str text, int tries);

#endif
