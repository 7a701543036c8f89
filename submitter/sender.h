/* clang-format off */
/* sender: one lane's glue: a signer's account on a chain, its window of slots, and what is in flight for it.
 *
 * Every callback fills in what it heard and calls sender_drive; only sender_drive's exec_action starts i/o. By file:
 *   sender.c  phases, facts for the plan, errors and back-off, words for /readyz and /status
 *   lane.c    how a lane comes to this process and goes
 *   open.c    before anything is signed: chain id, code, must, the account's count against the mark (S4)
 *   quote.c   prices: what of them is asked with a head, what this lane has learned
 *   look.c    heads, what PostgreSQL says about the open slots
 *   proof.c   receipts, verdicts
 *   inquest.c a nonce that is used and has no receipt: trace.h's questions, what follows (S2); block_receipt.h
 *   feed.c    ready batches → a group; batches that are put aside
 *   group.c   a group → simulated calls (intake, halving), and what becomes of items that don't go
 *   ask.c     the group's questions to the node
 *   sign.c    simulated calls → signed bytes, committed
 *   hand.c    who signs
 *   purse.c   the balance, and what a key gives another of its pool
 *   change.c  replacements and re-composed slots
 *   refusal.c what a policy forbids (policy.h)
 *   gauges.c  what /metrics says of it
 *   obey.c    orders by hand: cancelled, sent again
 *   beat.c    what a beat says of it
 *   cast.c    committed bytes → the node, in nonce order
 * Memory: a sender lives as long as the process. Operations in flight carry the era that they were started in; what
 * comes back from an older era (the lane was lost, or is being read anew) is dropped. */
/* clang-format on */
#ifndef FAIRLEAD_SUBMITTER_SENDER_H
#define FAIRLEAD_SUBMITTER_SENDER_H

#include "common/base/backoff.h"
#include "common/evm/address.h"
#include "common/fleet/seat.h"
#include "common/io/heads.h"
#include "common/io/metrics.h"
#include "common/io/rpc.h"
#include "common/ledger/truth.h"
#include "submitter/gauges.h"
#include "submitter/hand.h"
#include "submitter/intake.h"
#include "submitter/must.h"
#include "submitter/plan.h"
#include "submitter/policy.h"
#include "submitter/quote.h"
#include "submitter/room.h"
#include "submitter/slot.h"

enum {
	SENDER_OPEN_MAX =
		16384,       /* slots that no final block has closed: above it nothing new is signed (INV-10) */
	GROUP_MAX = 100, /* batches a commit */
	HELD_MAX = 256,  /* batches put aside: above it no more are read until some are due again (INV-10) */
	WAITED_MAX = 64,
	CALLS_MAX = 100, /* JSON-RPC calls a request */
	EXIT_REFUSED = 78,
};

struct head {
	bool known;
	uint64_t number, gas_limit, at_ms;
	uint8_t hash[32];
	uint32_t older; /* answers in a row that named an older head: a balancer, or a chain that was set back */
};
/* A batch that failed its simulation waits for something: lower slots to be mined, another head, a moment
 * (S6). */
struct held {
	int64_t batch;
	uint64_t mark;     /* slots below this nonce must be mined first */
	uint64_t head;     /* and another head than this one be known */
	uint64_t until_ms; /* or, where no other head comes, this moment */
};
enum halt_kind {
	HALT_NONE,
	HALT_UNPROVED,  /* S2: no endpoint shows who consumed a nonce of ours. Ends by itself when one does. */
	HALT_ELSEWHERE, /* S4: a nonce that we never gave is used. Ends when the chain takes that back, or by
					   adopt: true */
	HALT_LOST,      /* P8: PostgreSQL does not know what it must have committed. Ends by adopt: true */
};
enum hold_kind { HOLD_NOTHING, HOLD_PRICE, HOLD_FUNDS, HOLD_POLICY };
struct told { /* a refusal that stands in PostgreSQL */
	int64_t batch, nonce;
	uint32_t code;
};
enum { TOLD_MAX = 64 };
struct group;
struct inquest;  /* inquest.c */
struct store;    /* verdicts read and not stored: look.c */
struct control { /* a call of this batch that passed: shows that the contract works at all (S6) */
	const struct batch_decl *decl;
	char *data; /* heap, 0x… */
};
/* Where signed bytes leave (outlet.c): the endpoint that is read, or one that only takes transactions, which
 * has troubles of its own: the lane goes on reading meanwhile. */
struct outlet {
	struct rpc *rpc; /* owned when it is apart */
	bool apart, private;
	char name[300], trouble[300];
	struct backoff backoff;
	uint64_t retry_ms, since_ms; /* nothing leaves before this moment; since when it ails. 0: well */
};
struct meters {
	struct metric *sent, *mined, *failed, *attempts, *holds, *too_high, *unmined, *oldest, *errors,
		*evictions, *balance, *ready, *low, *window, *topups;
};
struct sender {
	struct member *m;
	const struct signer_decl *signer;
	const struct chain_decl *chain;
	struct hand *hand; /* owned */
	char address[ADDRESS_TEXT];
	char lane_name[LANE_NAME], endpoint[300];
	int chain_row;
	uint64_t network;
	struct rpc *rpc; /* reads */
	struct outlet out;
	struct heads *heads;
	struct ear *ear;
	bool bell_owed;    /* the ear waits for ear_ready */
	bool rung_since;   /* the ear rang since ready batches were last read */
	struct seat *seat; /* the process's */
	struct lease *lease;
	struct timer *timer;
	struct plan plan;
	uint64_t era;
	void (*on_left)(void *arg); /* set by sender_drain */
	void *left_arg;
	const struct call_scope *names, *others; /* signer.address(): of the key that signs here; run.c's */
	struct call_scope scope;

	struct head head;
	uint64_t rung_head, rung_ms; /* what the endpoint's bell named last, and when */
	uint64_t asked_at_head; /* the listener's cursor: what ready batches say is true from that block on */
	struct window window;
	struct quote quote;
	struct room room;
	struct u256 balance;
	uint64_t watched_ms; /* when the slots were last compared with PostgreSQL */
	uint64_t near_ms;    /* since when a counted slot waits for the answer about its bytes; 0: none does */
	uint64_t tip_ms;     /* when tip and balance were read; 0: never */
	bool by_number;      /* the node knows no block by hash in calls (EIP-1898) */
	bool no_bundle;      /* nor many views in one call (bundle.h) */
	bool no_tries;       /* nor many batches */
	unsigned one_by_one; /* so often receipts are asked for one by one: most of a block was of others */
	unsigned
		no_receipts;     /* how often in a row it gave no receipts of a block; NO_RECEIPTS: not asked again */
	uint8_t (*pool)[20]; /* owned: the other keys of the pool that are known */
	uint64_t topup_ms;   /* float: asked again at this moment */
	bool low_said;       /* the balance was below signers.low when it was last read */
	bool balance_due;    /* something waits for it */
	uint64_t listed_count; /* the account's count that was last stored as a sample, one more; 0: none */
	int64_t final;
	bool chain_halted;

	struct backoff backoff;
	uint64_t retry_ms;  /* rpc: nothing before this moment; 0: no back-off */
	uint64_t settle_ms; /* the account's count again at this moment */
	uint64_t failing_since_ms;

	size_t ramp; /* groups grow while there is more: 10, 20, 40, 80, 100 */
	struct group *group, *committing;
	struct held held[HELD_MAX];
	size_t nheld;
	int64_t waited[WAITED_MAX]; /* batches that were put aside until all below them was mined, newest
								   overwrite oldest */
	size_t next_waited;
	struct shapes shapes;
	struct suspects suspects;
	struct control controls[8];
	struct store *store;
	struct inquest *inquest; /* owned; NULL: none */
	struct meters meters;
	struct gauges *gauges; /* owned */
	char trouble[300];     /* the provider's last error; "" when it answers */
	enum hold_kind hold_kind;
	struct u256 hold_wei;     /* HOLD_FUNDS: the balance that would do */
	struct u256 hold_gas;     /* HOLD_FUNDS: what one gas cost then, */
	bool hold_below;          /* and whether something was unmined */
	uint64_t policy_until_ms; /* HOLD_POLICY: a window has room again */
	struct policy may;        /* what this signer may sign */
	struct arena may_mem;
	struct slots_windows windows;
	bool frozen;                /* by a person, as PostgreSQL was last read */
	size_t room_most;           /* the next commit has at most so many; 0: any */
	struct told told[TOLD_MAX]; /* newest overwrite oldest */
	size_t next_told;
	char hold[320];    /* why nothing is signed though something may be ready: price, balance, cost */
	char blocked[300]; /* every item fails alike: the contract's word (S6) */
	char blocked_must[MUST_TEXT]; /* and what must: says of it; "" when it holds, or there is none */
	bool must_asked;
	uint64_t must_head; /* asked at this one */
	char halt[600];     /* LANE_HALTED, or why SETTLING waits */
	enum halt_kind halt_kind;
	bool halt_named;                /* ELSEWHERE: it was found out what used the nonce, or that it can't be */
	int64_t rung_batch, rung_nonce; /* P8: the tops of our streams at take-over; -1: unknown */
	struct truth_tops known;        /* what PostgreSQL has of them */
	int64_t mark_seen; /* P8: the highest position of the lane that this process ever read or made */
};

/* show.c */
void sender_reasons(struct sender *s, struct buf *out);
void sender_status(struct sender *s, struct buf *out);
void sender_beat(struct sender *s, struct beat *b); /* beat.c */

/* sender.c */
struct sender *sender_new(struct member *m, struct seat *seat, const struct signer_decl *signer,
	struct hand *hand, const struct call_scope *names);
/* Another key of the same pool: only such a one may be topped up. */
void sender_knows(struct sender *s, const uint8_t address[20]);
void sender_start(struct sender *s);
void sender_drain(struct sender *s, void (*on_left)(void *arg), void *arg);
void sender_close(
	struct sender *s); /* the loop is over: operations in flight still come back, and are dropped */
void sender_free(struct sender *s);         /* nothing comes back any more */
bool sender_has_ws(const struct sender *s); /* its head comes by itself */
void sender_drive(void *arg);               /* does whatever can be done now */
void sender_enter(struct sender *s, enum lane_phase phase);
uint64_t sender_now(const struct sender *s);
struct slots_lane sender_lane(struct sender *s);
/* An exchange with the node: false when it failed; then the back-off runs and the line is written (K-17). */
bool sender_heard(struct sender *s, const struct rpc_reply *r);
/* A call that the node refused though it is not about our transaction. */
void sender_trouble(struct sender *s, const char *what, int code, struct str message);
/* A unit's outcome: true when committed. Else what follows is done here: fenced → the lease is lost; unknown
 * or changed → the slots are read anew; no connection → waits. */
bool sender_stored(struct sender *s, const struct pg_reply *r, const char *what);
/* A unit that only notes something: its failure costs the note, but for a fence: the lease is lost. */
void sender_noted(void *s, const struct pg_reply *r);
void sender_reload(struct sender *s, const char *why);
void sender_hold(struct sender *s, enum hold_kind kind, const char *why); /* HOLD_NOTHING: goes on */
/* Nothing more is signed; the graver reason stands. */
void sender_halt(struct sender *s, enum halt_kind kind, const char *why);
void sender_goes_on(struct sender *s); /* the reason for the halt is gone */

/* lane.c */
const struct endpoint_decl *lane_endpoint(const struct sender *s);

/* outlet.c */
void outlet_open(struct sender *s); /* behind rpc */
void outlet_close(struct sender *s);
bool outlet_heard(struct sender *s, const struct rpc_reply *r); /* as sender_heard */
bool outlet_rests(const struct sender *s);                      /* it failed: nothing leaves now */
void lane_want(struct sender *s); /* its chain fits: from now on its lease is wanted */
void lane_deaf(struct sender *s); /* no heads, no bells */
/* While draining: when all that was signed has left the lane is given back, or to who should hold it: true.
 */
bool lane_leaves(struct sender *s, const struct window_todo *todo);

/* open.c */
void open_check(struct sender *s);
void open_load(struct sender *s);
void open_settle(struct sender *s);
void open_passed(struct sender *s, uint64_t count); /* the chain counts nonces that this lane never gave */

/* look.c */
void look_head(struct sender *s);
void look_watch(struct sender *s);
void look_halted(struct sender *s, bool halted); /* P10, as PostgreSQL says it */

/* proof.c */
void proof_receipts(struct sender *s);
void proof_store(struct sender *s);
bool proof_store_due(const struct sender *s);
void proof_fini(struct sender *s);

void proof_add(struct sender *s, uint64_t nonce, const struct slots_verdict *v); /* found by its block */

/* inquest.c */
bool inquest_due(struct sender *s);
void inquest_step(struct sender *s);  /* begins one, or asks again what the node had no time for */
void inquest_halts(struct sender *s); /* HALT_UNPROVED begins or ends */
void inquest_drop(struct sender *s);

/* feed.c */
void feed_read(struct sender *s);
void feed_ask(struct sender *s);
void feed_unclaim(struct sender *s); /* nothing can be signed here for a while: others of the pool may */
bool feed_group_read(const struct sender *s);
bool feed_group_asked(const struct sender *s);
void feed_hold_batch(struct sender *s, int64_t batch, uint64_t mark, uint64_t wait_ms);
bool feed_has_waited(const struct sender *s, int64_t batch); /* everything that was below it is mined */
void feed_release_held(struct sender *s);                    /* those whose time has come are read again */
/* {"blockHash":"0x…"}, or "0x10" where the node knows only numbers */
void feed_block(const struct sender *s, char out[100]);

/* sign.c */
void sign_fill(const struct sender *s, struct tx *t, const struct fee *f); /* type, chain id, prices */
void sign_take(
	const struct signing *from, struct attempt *out); /* hash, bytes and gas of what a hand signed */
struct slots_signed sign_row(const struct attempt *a, int64_t batch, uint64_t nonce);
struct bytes sign_data(struct arena *a, struct str hex); /* 0x… → bytes */
void sign_gwei(char out[60], struct u256 wei);           /* "18.500 gwei", for people */
void sign_commit(struct sender *s);
size_t sign_room(struct sender
		*s); /* how many batches may be signed now; 0: sender_hold says why, or the window is full */

/* purse.c */
void purse_heard(struct sender *s, struct u256 balance);
void purse_delegated(struct sender *s, const struct rpc_answer *code);
bool purse_due(struct sender *s);             /* float: it may be time to give */
uint64_t purse_wakes(const struct sender *s); /* when it is; 0: never */
void purse_topup(struct sender *s);

/* change.c */
void change_slot(struct sender *s, struct window_todo *todo);

/* refusal.c. true: refused, and told: the row, the line, the metric. */
void refusal_open(struct sender *s);
bool refusal_of_batch(struct sender *s, int64_t batch, const struct tx *t); /* and the batch is put aside */
bool refusal_of_change(struct sender *s, const struct slot *slot, enum attempt_kind kind, const struct tx *t);
bool refusal_of_bytes(
	struct sender *s, int64_t batch, int64_t nonce, enum attempt_kind kind, const struct signing *signing);
bool refusal_of_topup(struct sender *s, const struct signing *signing);
void refusal_note(struct sender *s, int64_t batch, int64_t nonce, enum attempt_kind kind, struct str reason);
/* slots_refused: nothing of the commit stands; what there is room for goes with the next one. */
void refusal_of_commit(struct sender *s, const struct pg_reply *r, const struct slots_signed *of, size_t n);
void refusal_frozen(struct sender *s, bool frozen);
bool refusal_holds(struct sender *s); /* HOLD_POLICY: still? */

/* obey.c: what people order (sql/026) */
void obey_wish(struct sender *s, const char *kind); /* one may stand: looked at with the slots */
void obey_orders(struct sender *s, const struct pg_reply *r, int stmt);
void obey_held(
	struct sender *s, const struct slot *slot, const struct fee *want); /* a cancel is above the cap */
/* No endpoint takes its bytes, though others go (S3). */
void obey_hopeless(struct sender *s, struct slot *slot, struct str said);
void obey_mined(struct sender *s, const struct slot *slot, const struct attempt *a, uint64_t block);
/* Is the price of an urged slot right as it is? Then it is urged no more. */
bool obey_price_is_right(struct sender *s, struct slot *slot);

/* cast.c */
void cast_send(struct sender *s, struct window_todo *todo);

#endif
