/* rules: the calls of the compiled functions (compile.h), as statements of a unit, and the readers of their
 * answers.
 *
 * Every call but peek and rows begins with the fence of its lane (INV-8): a unit needs no lane_fence before
 * it, and raises FL001 (pg_fenced) when the lane is no longer ours. One call is one statement is one
 * transaction of its unit. Decisions (when to cut, how often to try) are the batcher's pure machine's;
 * nothing here waits or retries. */
#ifndef FAIRLEAD_LEDGER_RULES_H
#define FAIRLEAD_LEDGER_RULES_H

#include "common/io/pg.h"
#include "common/ledger/lane.h"

/* One run: at most max numbers of the chain's log behind the lane's position. tail: to the log's end; else
 * not what lies inside the window while the head is more than a window away: the listener's next commit takes
 * it out of the window, and below it a run costs a third. */
void rules_apply(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t max, bool tail);
/* The same of the chain's n-th history (history.h), in its own numbers; rules `at: final` run with the
 * others: its blocks are final. */
void rules_history(struct pg_unit *u, const struct lane *lane, const char *chain, int n, int64_t max);
/* Rules `at: final`: events up to the lane's position and up to the final block. Only where rules_has_final.
 */
void rules_final(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t max);
/* Tries events again that wait in a rule (let … else: park): a page of about max of them, numbered above
 * behind (0: from the oldest; numbers of histories are below zero). The next page is behind ran.to, until
 * ran.to is 0. Only where rules_has_park.
 */
void rules_unpark(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t behind, int64_t max);

/* What happened beside the log (happen.h): at most max of them, in order. Only where rules_has_happen. from
 * and to of its answer are ids, 0 when there was none. */
void rules_happen(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t max);

/* One run of a wish to replay (sql/021): max numbers behind where it stands, below the window. due of its
 * answer: it is done, and the wish is gone; to < head: again; else when the window has moved on. Only where
 * rules_is_replayed. */
void rules_replay(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t wish, int64_t max);
/* Behind a run that stopped: the event is put aside, the next run goes on behind it. */
void rules_replay_bury(struct pg_unit *u, const struct lane *lane, int64_t wish, int64_t seq,
	const char *state, struct str text);

/* The answer of the six. Everything up to `to` is applied and committed with the position; what stands at
 * stop_seq is not: it was the event's own fault (A8), and `to` is stop_seq - 1. Whatever is not the event's
 * fault raises instead. */
struct rules_ran {
	int64_t from, to; /* position before and after; unpark: behind, and the last number looked at, 0 when
						 there was none */
	int64_t head;   /* as far as it could go now: to < head and no stop: call again (final: or a block is not
					   final yet) */
	int64_t events; /* applied; unpark: released */
	int64_t items;  /* made, revived or adopted: look at the cut when it is not 0 */
	int64_t parked; /* left waiting in a rule by this call */
	int64_t undone; /* images replayed for a reorg entry; -1: there was none. After one unpark is due */
	int64_t stop_seq; /* 0: no poison */
	bool due; /* apply: something that happened comes before the next number: rules_happen, then again */
	char stop_state[6];
	struct str stop_text; /* "rule mirror: …"; borrowed for the callback */
};
void rules_ran_read(const struct pg_reply *r, int stmt, struct rules_ran *out);
/* The lines of `log:` steps, in order, to be printed after the commit. All slices are borrowed for the call
 * of fn. */
struct rules_line {
	struct str rule, event, tx, block,
		text; /* "mirror", "Companions.TokenRevealed", "0x…", "123", the line */
};
void rules_lines_each(
	const struct pg_reply *r, int stmt, void (*fn)(void *arg, const struct rules_line *l), void *arg);

/* After tries alone: the event stands in fairlead.dead_letter and the position moves behind it. Does nothing
 * if the position is no longer before seq. final: of rules_final's position. */
void rules_bury(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t seq, const char *state,
	struct str text, int tries, bool final);
/* The same of something that happened. */
void rules_bury_happening(
	struct pg_unit *u, const struct lane *lane, int64_t id, const char *state, struct str text, int tries);
bool rules_buried(const struct pg_reply *r, int stmt);

/* The lane of a batch is apply:<chain of its signer>: one writer cuts it, whatever chains feed it.
 * Cuts up to limit batches of exactly max items from those that wait and are due, in order of events, and a
 * last smaller one only when all. let is evaluated for each; items without a row are parked (or skipped) with
 * their reason. */
void rules_cut(
	struct pg_unit *u, const struct lane *lane, const char *batch, int64_t max, int64_t limit, bool all);
struct rules_waits {
	int64_t waiting;   /* items that wait and are due; counted up to 1001, or twice the max and one */
	int64_t oldest_ms; /* how long the first of them has; 0 when none */
	int64_t next_ms;   /* until the next item that is not due yet is; -1: none */
};
struct rules_was_cut {
	int64_t batches, items, parked;
	int64_t first_batch, last_batch; /* ids, 0 when none */
	struct rules_waits left;
};
void rules_cut_read(const struct pg_reply *r, int stmt, struct rules_was_cut *out);
void rules_peek(struct pg_unit *u, const char *batch);
void rules_peek_read(const struct pg_reply *r, int stmt, struct rules_waits *out);
/* A page of max parked items with ids above behind: those whose let has a row now, and another one than was
 * tried, wait again. Returns how many; *last: the next page is behind it, 0 when this was the last. */
void rules_unpark_batch(
	struct pg_unit *u, const struct lane *lane, const char *batch, int64_t behind, int64_t max);
int64_t rules_released(const struct pg_reply *r, int stmt, int64_t *last);

/* compare, in the lane clock. read stores what the rule's SQL gives, in one snapshot; rows then takes it in
 * pages: n (column 0, page by it, from 0) and a JSON object of text values (column 1; §10 forms) by column
 * name. */
void rules_read(struct pg_unit *u, const struct lane *lane, const char *rule);
int64_t rules_read_rows(const struct pg_reply *r, int stmt); /* how many there are */
void rules_rows(struct pg_unit *u, const char *rule, int64_t behind, int64_t max);
/* row: as rules_rows gave it. chain: JSON object of text values, what the chain says, by column or by output
 * name. Runs the fix only if that row still stands as it was; rules_fixed: rows changed, 0 if it does not.
 * Lane: clock. */
void rules_fix(
	struct pg_unit *u, const struct lane *lane, const char *rule, struct str row, struct str chain);
void rules_missing(struct pg_unit *u, const struct lane *lane, const char *rule, struct str row);
int64_t rules_fixed(const struct pg_reply *r, int stmt);

/* Which compiled functions exist for a chain or rule; the answer of the configuration, not of the database.
 */
struct config;
bool rules_has_plain(
	const struct config *c, const char *chain); /* rules that are applied as soon as an event is committed */
bool rules_has_final(const struct config *c, const char *chain);
bool rules_has_park(const struct config *c, const char *chain);
struct chain_decl;
struct rule_decl;
/* Is it a rule on events of this chain alone, which a route or a person may replay? */
bool rules_is_replayed(const struct rule_decl *r, const struct chain_decl *chain);
bool rules_has_happen(const struct config *c, const char *chain);

#endif
