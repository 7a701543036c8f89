/* slot: the life of the lane's open nonces (S1..S4): what is unmined, what leaves next, what is
 * replaced, what came back. Pure: facts and `now` in, one thing to do out; the clock is the caller's and only
 * ever decides when, never what (P15).
 *
 * A window holds every slot of the lane that no final block has closed, in nonce order. A nonce between two
 * of them is closed already (what used the lower one is unproved, S2), or was used elsewhere (adopt: true).
 * PostgreSQL holds the same (INV-5): whatever stands here was committed before, so a process that dies loses
 * nothing but the reading of it. */
#ifndef FAIRLEAD_SUBMITTER_SLOT_H
#define FAIRLEAD_SUBMITTER_SLOT_H

#include "submitter/answer.h"
#include "submitter/price.h"

/* PostgreSQL: what stands there. Chain: what its blocks hold. Mempool: of our endpoint. Each phase is left as
 * `Next` says; a death anywhere begins at SIGNED, COUNTED or MINED again, from PostgreSQL (open.c). */
enum slot_phase {
	/* PostgreSQL: the slot is open, its newest attempt stands with its item set (INV-5).
	 * Chain: the nonce is unused at our head. Mempool: the newest bytes never left, or left by a process that
	 * died, or must leave again: a block was taken back, a gap opened below. Next: cast. */
	SLOT_SIGNED,
	/* PostgreSQL, chain: as before. Mempool: the bytes are on their way and perhaps there; nobody knows until
	 * it is said. Next: an answer, or its absence, which says nothing (P12). */
	SLOT_CASTING,
	/* PostgreSQL: the answer is noted. Chain: the nonce is unused at our head. Mempool: it took or knew the
	 * newest bytes, and may lose them at any time (eviction). Next: a head whose count passes the nonce; else
	 * the same bytes again, then, when it is the lowest, a replacement (S3). */
	SLOT_POOLED,
	/* PostgreSQL: the answer is noted. Chain: the nonce is unused at our head. Mempool: it said no, or
	 * nothing that we know: the bytes may be there, or in another node's. No proof of anything (INV-6). Next:
	 * the same bytes again after a wait, or a replacement. */
	SLOT_REFUSED,
	/* PostgreSQL: no verdict that stands. Chain: the account's count passed the nonce at our head, by one of
	 * our attempts or by something else; that block may still leave. Mempool: nothing of this nonce counts
	 * any more. Next: a receipt; else a final block shows who consumed it (S2, trace.h): the slot is closed
	 * and forgotten, or the lane halts until that can be shown. */
	SLOT_COUNTED,
	/* PostgreSQL: a verdict with its block's hash stands (INV-7), shown and never acted on. Chain: one of our
	 * attempts is in that block, which may still leave. Mempool: as before. Next: a final block closes it
	 * (fairlead.finalise) and it is forgotten; or another hash stands there: SIGNED or COUNTED again. */
	SLOT_MINED,
};
enum attempt_kind { ATTEMPT_SEND, ATTEMPT_BUMP, ATTEMPT_CANCEL, ATTEMPT_RECOMPOSED };
const char *attempt_kind_name(enum attempt_kind k); /* "send" …: as in PostgreSQL */

struct attempt { /* as committed: never changed (INV-5) */
	uint8_t hash[32];
	enum attempt_kind kind;
	struct fee fee;
	uint64_t gas;
	struct u256 value;
	uint8_t *raw; /* heap, the window's; what leaves */
	size_t nraw;
	int64_t *items; /* heap, the window's: the attempt's own item set; NULL for a cancel */
	size_t nitems;
};
struct slot { /* what is added up over all slots stands first */
	uint64_t nonce;
	enum slot_phase phase;
	enum answer answer; /* the newest */
	uint64_t cast_ms;   /* when the newest bytes last left; 0: never by us */
	uint64_t gone_head; /* an item lost its reason, first seen at this head; 0: none */
	bool unwanted;      /* a person ordered its cancel: a no-op takes the nonce, if it is still free (S3) */
	int64_t cut_ms;     /* when its batch was cut, on the caller's clock; */
	uint64_t within_ms; /* of its batch's declaration; 0: cheap. Both are set before its first attempt */
	struct u256 cost;   /* gas × fee + value of the newest attempt */
	struct attempt *attempts; /* oldest first; the newest is what leaves */
	size_t nattempts;
	int64_t batch;
	uint32_t refusals;    /* in a row, of the newest bytes */
	uint32_t evictions;   /* cast again and accepted though it had been pooled */
	uint64_t made_ms;     /* first seen here */
	bool patient;         /* its first attempt offered a tip that only some blocks take */
	bool pooled;          /* an attempt before the newest was taken into a mempool */
	unsigned held_said;   /* 1 + the kind of attempt that is held instead of the newest, and that was said; */
	struct u256 held_fee; /* what it needs */
	uint64_t cast_head;   /* the head when the newest bytes last left */
	uint64_t since_ms, since_head; /* since when they may have been in a mempool without a break */
	bool offered_again; /* since then they left once more, and were still known, or accepted yet again: */
	bool evicted;       /* one such acceptance begins the wait anew. Some say no other word (a relay) */
	uint64_t lowest_ms, lowest_head; /* since when nothing unmined stands below; 0: something does */
	uint64_t held_head;    /* a replacement was above the cap at this head: asked again at the next one */
	uint64_t counted_head; /* COUNTED since this head */
	bool missed;           /* its receipt was not in the blocks up to the head that counted it */
	uint64_t unused_head; /* the newest head at which its nonce was unused: it is mined above; 0: not known */
	bool traced;          /* as of traced_final nothing more can be found out about who consumed it, */
	int64_t traced_final;
	const char
		*unproved;     /* COUNTED: why it is not proved who did, though it must be final; NULL: no reason */
	uint32_t rejected; /* answers in a row, of all its bytes, that were a plain no of the node */
	uint64_t rejected_ms; /* the first of them */
	bool urged;           /* a person ordered that it leave again, and that a higher price be considered */
	uint64_t block;       /* MINED */
	uint8_t block_hash[32];
};
/* What its slots add up to. A lane asks that many times between two changes, and a window may hold thousands.
 */
struct window_sums {
	bool stale;
	size_t in[SLOT_MINED];       /* slots in each phase but MINED */
	size_t signed_from;          /* no slot before this place is SIGNED */
	uint64_t pooled_ms;          /* when the first of the POOLED ones last left */
	bool unwanted, gone;         /* some unmined one is that */
	struct u256 cost;            /* of the unmined ones */
	uint64_t counted_head;       /* the lowest of the COUNTED ones' */
	const struct slot *unproved; /* the first of them that is */
	const struct slot *urgent;   /* the one whose batch must be mined first; NULL: nothing is unmined */
};
struct window {
	struct slot *slots; /* by nonce */
	size_t n, cap;
	uint64_t head;  /* newest head number */
	uint64_t count; /* the account's count there */
	uint64_t grace; /* blocks that a vanished event may take to return (S3) */
	int patience;   /* heads that the lowest may stay unmined at its price: price_patience; 0: three */
	size_t below;   /* no slot before this place is unmined. slot.c alone moves it */
	size_t settled; /* slot.c's own: every slot before this place is MINED; */
	/* which one bears lowest_ms, if one does */
	bool marked;
	uint64_t lowest;
	uint64_t taken_ms;       /* some slot was taken, or known, by the node */
	struct window_sums sums; /* slot.c's own */
};

void window_fini(struct window *w);
/* The slot behind all others, or the first: SIGNED. Its attempts follow by window_attempt. */
struct slot *window_add(struct window *w, uint64_t nonce, int64_t batch, uint64_t now_ms);
/* Committed bytes of a slot; copies raw and items. They must leave: SIGNED, unless the slot is counted or
 * mined. */
struct attempt *window_attempt(struct window *w, struct slot *s, const struct attempt *a);
struct slot *window_at(struct window *w, uint64_t nonce); /* NULL: not here */
struct slot *window_lowest(struct window *w); /* the lowest unmined one (not COUNTED, not MINED), or NULL */
size_t window_unmined(struct window *w);      /* not COUNTED, not MINED: they use the signer's window */
size_t window_pooled(struct window *w);       /* those that the mempool took or knew */
/* Σ gas × fee + value of the newest attempts that the chain has not counted (S4: ≤ balance). */
struct u256 window_cost(struct window *w);
const struct slot *window_urgent(struct window *w); /* unmined, and to be mined first; NULL: none */

/* A head: its number and the account's count there. true: slots were counted, receipts are worth asking for.
 * Slots that the count no longer covers are unmined again. */
bool window_head(struct window *w, uint64_t head, uint64_t count, uint64_t now_ms);
void window_casting(struct window *w, struct slot *s, uint64_t now_ms);
void window_answered(struct window *w, struct slot *s, enum answer a, uint64_t now_ms);
/* The node said no to its bytes in so many words, or took them (no: false). true: nothing that this slot
 * does can go while others do, so a no-op is due in its place (S3). */
bool window_rejected(struct window *w, struct slot *s, bool no, uint64_t now_ms);
void window_mined(
	struct window *w, struct slot *s, uint64_t block, const uint8_t block_hash[32], uint64_t now_ms);
/* Its verdict's block left the chain: unmined again, cast again. */
void window_taken_back(struct window *w, struct slot *s, uint64_t now_ms);
/* A bump or a cancel of it was above the cap at this head (S3: `max` binds cancels too). */
void window_held(struct window *w, struct slot *s);
/* Its items' reasons as PostgreSQL shows them at this head: gone or (again) there. */
void window_reason(struct window *w, struct slot *s, bool gone);
/* By hand (sql/026). Unwanted for good; an urged one's bytes leave again, then its price is looked at. */
void window_unwanted(struct window *w, struct slot *s);
void window_urge(struct window *w, struct slot *s);
/* Everything below is closed by final blocks: forgotten here, but for slots whose receipt is still to be read
 * (its line is to be written). */
void window_closed(struct window *w, uint64_t lowest_open);
/* This one is, whatever stands below it. */
void window_forget(struct window *w, struct slot *s);
/* The lowest slot whose nonce was counted at least `heads` heads ago without a receipt of ours, and of which
 * this final block was not asked yet; NULL: none (S2). */
struct slot *window_unexplained(struct window *w, uint64_t heads, int64_t final);
/* The first counted slot of which it must be proved by now who consumed its nonce, and is not (S2); NULL:
 * none. */
const struct slot *window_unproved(struct window *w);
void window_doubt(struct window *w, struct slot *s, const char *why); /* it is that; NULL: not any more */

enum window_do {
	WINDOW_REST,    /* nothing until wake_ms (0: until something is told) */
	WINDOW_CAST,    /* the newest bytes of `cast` leave, in this order (S4) */
	WINDOW_REPLACE, /* `slot`: the same call at a higher price (S3) */
	WINDOW_CANCEL,  /* `slot`: a no-op in its place, as a person ordered */
	WINDOW_REVISE,  /* `slot`: without the items whose reason is gone, or a no-op when none is left (S3) */
};
enum { WINDOW_CAST_MAX = 100, WINDOW_CAST_BYTES = 512 * 1024 };
struct window_todo {
	enum window_do what;
	struct slot *slot;
	struct slot *cast[WINDOW_CAST_MAX];
	size_t ncast;
	uint64_t wake_ms;
};
/* What to do next. One cast at a time (sends leave in nonce order); no change of a slot while changing:
 * another is being changed, or nothing may be signed now. */
void window_next(struct window *w, uint64_t now_ms, bool changing, struct window_todo *out);

#endif
