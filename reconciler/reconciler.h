/* reconciler: the leader of lane `clock`, and what it has in hand. One operation is in flight at a time.
 *
 * run.c holds lane, ears and timers and decides what is next; settle.c closes what final blocks decided,
 * rings lost bells again and keeps house; compare.c runs one rule `every: … compare:` (S8). */
#ifndef FAIRLEAD_RECONCILER_RECONCILER_H
#define FAIRLEAD_RECONCILER_RECONCILER_H

#include "common/base/backoff.h"
#include "common/fleet/lease.h"
#include "common/io/metrics.h"
#include "common/io/rpc.h"
#include "common/ledger/clock.h"
#include "common/ledger/rules.h"
#include "reconciler/due.h"
#include "reconciler/number.h"
#include "reconciler/stall.h"

struct reconciler;

struct chain_watch { /* one chain of the configuration */
	struct reconciler *of;
	const struct chain_decl *decl;
	struct rpc *rpc;
	struct ear *ear; /* results:<chain>, while the lane is ours */
	bool ear_waits;
	int id; /* fairlead.chain.id; 0: not looked yet */
	bool decided, caught_up, halted;
	int64_t unanchored, done, final;
	struct stall events;
};
struct pool_watch { /* one signer */
	const struct signer_decl *decl;
	struct stall sends;
};
struct clock_rule {
	const struct rule_decl *decl;
	struct due due;
	bool failed_before;
	int64_t differences;
	int64_t wish; /* id of who asked for a run now; 0: nobody */
};

enum recon_work {
	RECON_LOOK,    /* what is there to do */
	RECON_SETTLE,  /* slots that final blocks decided */
	RECON_ANCHOR,  /* a final block that the listener does not keep */
	RECON_COMPARE, /* a rule whose time has come */
	RECON_HOUSE,   /* prune, analyse */
	RECON_KINDS,
	RECON_NONE = RECON_KINDS,
};

struct compare; /* compare.c */

struct reconciler {
	struct member *m;
	int64_t pg_down_at, stuck_at, stuck_ms; /* PostgreSQL was away since … for …, to be told; Unix ms */
	struct front *front;                    /* NULL: nothing is served */
	int open;                               /* of a drain: what has not ended yet */
	struct lease *lease;
	bool working; /* the lane is ours and nothing waits for a retry */
	bool closing, off_wanted;
	enum recon_work doing;
	bool want[RECON_KINDS];
	struct timer *tick, *retry_timer, *house_timer;
	struct backoff backoff;
	struct chain_watch *chains;
	size_t nchains, chain_turn;
	struct pool_watch *pools;
	size_t npools;
	struct clock_rule *rules;
	size_t nrules;
	bool rules_loaded;
	struct compare *compare; /* in work, or NULL */
	struct number number;
	unsigned houses; /* rounds of housekeeping in this process */
	char why[600];
	struct metric *m_closed, *m_freed, *m_dead, *m_rung, *m_differences, *m_fixed;
};

/* run.c */
void recon_want(struct reconciler *r, enum recon_work w);
void recon_drive(struct reconciler *r);
bool recon_back(struct reconciler *r, const struct pg_reply *q); /* false: what follows is arranged */
bool recon_back_rpc(struct reconciler *r);                       /* the same for an answer of a node */
void recon_retry(struct reconciler *r, const char *why);
struct rpc *recon_rpc(struct reconciler *r, struct chain_watch *c);
struct lane *recon_lane(struct reconciler *r);

/* settle.c */
void settle_look(struct reconciler *r);
bool rule_now(const struct clock_rule *c, bool caught_up, uint64_t now_ms); /* due, or asked for */
void settle_finalise(struct reconciler *r);
void settle_anchor(struct reconciler *r);
void settle_house(struct reconciler *r);

/* compare.c */
void compare_start(struct reconciler *r); /* the first rule that is due */
void compare_drop(struct reconciler *r);  /* the lane is lost: forget it */

#endif
