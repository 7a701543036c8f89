/* plan: what a lane does next. Pure: facts in, one action out; called again until it says REST.
 *
 * Everything that is started is a fact until it completes (its busy_ flag), so nothing is started twice, and
 * what doesn't depend on another goes on beside it: the next group is asked while the last one commits and
 * the one before leaves. */
#ifndef FAIRLEAD_SUBMITTER_PLAN_H
#define FAIRLEAD_SUBMITTER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum lane_phase {
	LANE_CHECKING, /* Nothing is held. The chain's id, the contract's code and `must:` are being asked. */
	LANE_SPARE,    /* They fit. The lane is another process's, or free in a moment. */
	LANE_LOADING,  /* The lane is ours and nothing of it is in flight: PostgreSQL's open slots are read. */
	LANE_SETTLING, /* The slots are known; the account's count is compared with the mark (S4). Nothing is
					* signed yet. While that waits, receipts are read and stored bytes leave again. */
	LANE_OPEN,     /* Batches become transactions. */
	LANE_HALTED,   /* It is not proved who consumed a nonce, or the key was used elsewhere, or commits were
					* lost (S2, P8: enum halt_kind). Receipts are read, stored bytes leave again, nothing is
					* signed. Goes on by itself where proof can be had later; else a person must look. */
	LANE_LEFT,     /* Drained: the lane is given back. */
};
struct plan {
	enum lane_phase phase;
	bool draining;
	bool pg_up, rpc_ok; /* rpc_ok: no back-off is running */
	bool busy_check, busy_load, busy_settle, busy_head, busy_watch, busy_receipts, busy_store, busy_read,
		busy_ask, busy_commit, busy_cast, busy_change, busy_trace, busy_topup;
	bool head_due;   /* a newer head was heard, or the known one is too old for what waits */
	bool head_rests; /* nothing is on its way: the newer head is looked at when something is, or after a while
					  */
	bool watch_due;  /* a head since the slots were last compared with PostgreSQL */
	bool watch_rests;          /* they were a moment ago: many heads and verdicts are looked at together */
	bool receipts_due;         /* a head since receipts of counted slots were last asked */
	bool receipts_rest;        /* a counted slot's bytes are still being offered: its answer is near */
	bool store_due;            /* receipts were read and are not stored */
	bool trace_due;            /* a counted nonce without a receipt: who consumed it? */
	bool waits;                /* SETTLING: for others' transactions, or for the node to catch up */
	bool settle_due;           /* the account's count may be asked again */
	bool bell;                 /* something may be ready */
	bool hand_away;            /* who signs can't be asked now */
	bool may_sign;             /* room in the window, price below the cap, balance, no stop */
	bool group_read;           /* a group stands and is not asked yet */
	bool group_asked;          /* a group is asked and not committed */
	bool cast_due, change_due; /* of the window */
	bool topup_due;            /* another key of the pool may lack something */
};
enum plan_do {
	PLAN_REST,
	PLAN_CHECK,
	PLAN_LOAD,
	PLAN_SETTLE,
	PLAN_HEAD,
	PLAN_WATCH,
	PLAN_RECEIPTS,
	PLAN_STORE,
	PLAN_CAST,
	PLAN_CHANGE,
	PLAN_TOPUP,
	PLAN_COMMIT,
	PLAN_ASK,
	PLAN_READ,
	PLAN_TRACE,
};
enum plan_do plan_next(const struct plan *p);
bool plan_is_quiet(const struct plan *p); /* nothing is in flight */

/* S4, P8: may a lane open? mark: the next nonce as PostgreSQL has it; latest, pending: the account's counts.
 */
struct settle {
	uint64_t mark, latest, pending;
	bool has_open;        /* there are open slots: */
	uint64_t lowest_open; /* the lowest of them */
	bool adopt;
};
enum settle_answer {
	SETTLE_OPENS,
	SETTLE_MOVES, /* first the mark goes to *to */
	SETTLE_WAITS, /* transactions of this key that are not ours are pending: until latest and pending agree */
	SETTLE_BEHIND, /* the node has not seen what PostgreSQL knows to be mined: until it has */
	SETTLE_HALTS,  /* the account's count is beyond the mark: the key was used elsewhere, or PostgreSQL lost
					  commits */
};
enum settle_answer plan_settle(const struct settle *s, uint64_t *to);

#endif
