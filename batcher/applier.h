/* applier: one chain's lane of rules: applies the log, cuts batches, keeps look-up files in step.
 *
 * One operation is in flight at a time. applier.c decides what is next; work.c runs each kind of unit and
 * reads its answer; bury.c is about poison, reload.c about files. */
#ifndef FAIRLEAD_BATCHER_APPLIER_H
#define FAIRLEAD_BATCHER_APPLIER_H

#include "batcher/cut.h"
#include "common/base/backoff.h"
#include "common/fleet/lease.h"
#include "common/io/metrics.h"
#include "common/ledger/queue.h"
#include "common/ledger/rules.h"

enum applier_phase {
	APPLIER_OFF,   /* another process holds the lane, or we are draining */
	APPLIER_IDLE,  /* the log is applied to its end; a bell or a timer will wake us */
	APPLIER_BUSY,  /* one unit is in flight: `doing` says which */
	APPLIER_RETRY, /* something failed: waiting with growing gaps */
};
enum applier_work { /* in the order in which it is done when several are wanted */
	WORK_FILES,     /* a look-up file is read into its table */
	WORK_BURY,      /* a poison event has had its tries: before it is met again */
	WORK_HAPPEN,    /* what happened beside the log, where rules name it */
	WORK_APPLY,     /* a run of events */
	WORK_FINAL,     /* rules at: final */
	WORK_HISTORY,   /* a run of what was asked for later (history.h): behind all that is new */
	WORK_UNPARK,    /* events that wait in a rule */
	WORK_RELEASE,   /* parked items of a batch */
	WORK_UNBATCH,   /* items whose event was taken back leave unbound batches */
	WORK_CUT,       /* waiting items become batches */
	WORK_LOOK,      /* what is there to do at all */
	WORK_REPLAY,    /* a run of what a request wants to be applied again: behind all else */
	WORK_KINDS,
	WORK_NONE = WORK_KINDS,
};

struct cutter { /* one batch of the configuration */
	const struct batch_decl *decl;
	struct rules_waits waits;
	uint64_t looked_ms; /* when waits was read */
	bool cut_before, wanted, flush, told_due;
	bool flushing; /* the cut that is under way was begun with flush */
	uint64_t last_cut_ms;
	bool release_wanted;
	int64_t release_behind; /* parked items up to this id were looked at in this round; 0: from the first */
};
struct reload { /* one look-up file */
	const struct file_decl *decl;
	struct applier *of;
	struct watch *watch;
	bool wanted; /* it changed */
	bool loaded; /* read in this term of the lane */
};

struct applier {
	struct member *m;
	const struct chain_decl *chain;
	struct applier *next;
	struct lease *lease;
	struct ear *ear;
	enum applier_phase phase;
	enum applier_work doing;
	bool want[WORK_KINDS];
	bool publishes;                      /* a rule of this lane does: the clock is told */
	bool off_wanted, closing, ear_waits; /* ear_waits: a bell is held until we are idle again */
	struct timer *timer, *retry_timer, *minute_timer;
	struct backoff backoff;

	int64_t at, final_seen;
	uint64_t looked_ms; /* the last look */
	bool tail; /* the run goes to the log's end; false behind a bell: the next one comes soon (rules_apply) */
	int history;        /* the history that has something to apply; 0: none is known of */
	int64_t history_at; /* number applied last of it */
	int64_t replay;     /* wish to apply a rule again; 0: none is known of */
	const char *replay_rule;
	int64_t unpark_behind; /* as release_behind, of events that wait in a rule */
	int64_t grace_block;   /* unbatch when the chain has come to it; -1: nothing to do */
	struct {
		int64_t seq;          /* of WORK_HAPPEN: its id */
		int tries, history;   /* of WORK_HISTORY: which one */
		enum applier_work of; /* WORK_APPLY, WORK_FINAL, WORK_HISTORY or WORK_HAPPEN met it */
		char state[6], text[400];
	} poison;
	struct cutter *cutters; /* of batches whose chain is ours */
	size_t ncutters, cut_turn, release_turn;
	struct reload *reloads; /* only the applier of the first chain has them */
	size_t nreloads, reload_turn;
	struct arena mem; /* of the unit in flight */
	char why[600];    /* RETRY: the sentence for /readyz */
	void (*on_drained)(void *arg);
	void *drained_arg;

	struct metric *m_events, *m_items, *m_batches, *m_parked, *m_dead, *m_at, *m_file_errors;
};

/* applier.c */
struct applier *applier_open(struct member *m, const struct chain_decl *c, bool with_files);
void applier_drain(struct applier *a, void (*done)(void *arg), void *arg);
/* Something was left for the batch of that name: "flush" or "item"; two empty texts: perhaps. */
void applier_wish(struct applier *a, const char *kind, const char *batch);
void applier_reasons(const struct applier *a, struct buf *out);
void applier_beat(const struct applier *a, struct beat *b);
void applier_status(const struct applier *a, struct buf *out);
void applier_want(struct applier *a, enum applier_work w); /* and starts it when nothing is in flight */
void applier_drive(struct applier *a);
/* A unit came back. false: it failed, or is not wanted any more; what follows is arranged. */
bool applier_back(struct applier *a, const struct pg_reply *r);
void applier_retry(struct applier *a, const char *why);
void applier_failed(struct applier *a); /* a fault point said so */

/* work.c: each starts one unit */
void work_happen(struct applier *a);
void work_apply(struct applier *a);
void work_final(struct applier *a);
void work_history(struct applier *a);
void work_unpark(struct applier *a);
void work_release(struct applier *a);
void work_unbatch(struct applier *a);
void work_cut(struct applier *a);
void work_look(struct applier *a);
void work_replay(struct applier *a);                                 /* replay.c */
bool cutter_due(struct applier *a, struct cutter *k, struct cut *c); /* is there something to cut now? */

/* replay.c */
void replay_looked(struct applier *a, const struct pg_reply *r, int stmt); /* the wishes to replay */

/* bury.c. A8: a run stopped at something whose own fault it is. What follows is arranged. */
void bury_met(struct applier *a, const struct rules_ran *ran, enum applier_work of);
void work_bury(struct applier *a);
const char *applier_short(
	struct str title); /* "TokenRevealed" of "Companions.TokenRevealed"; title ends with a NUL */

/* reload.c */
bool reload_open(struct applier *a); /* false: a file is broken at start; said, exit 78 */
void reload_close(struct applier *a);
void work_files(struct applier *a);

#endif
