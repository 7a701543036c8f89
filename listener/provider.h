/* provider: the endpoints of one chain: who may be asked, who should be, and what each of them taught us.
 *
 * Each endpoint has its rpc, its heads (WebSocket or polling), its learner and its health:
 *   unknown   not yet asked which chain it is: nothing is read from it
 *   well      says the right chain id and genesis, and answers
 *   resting   failed several times in a row: probed with growing gaps, back after one good probe
 *   excluded  says another chain id or genesis: said once, probed seldom
 *
 * The owner asks by itself with provider_rpc and tells the outcome of each request exactly once. Not here:
 * what an answer means, proof levels, what is asked next. Nothing is asked before providers_begin (K-12). */
#ifndef FAIRLEAD_LISTENER_PROVIDER_H
#define FAIRLEAD_LISTENER_PROVIDER_H

#include "common/app/config.h"
#include "common/base/u256.h"
#include "common/io/heads.h"
#include "common/ledger/endpoints.h"
#include "listener/learner.h"

struct provider;
struct providers;

enum provider_state { PROVIDER_UNKNOWN, PROVIDER_WELL, PROVIDER_RESTING, PROVIDER_EXCLUDED };
const char *provider_state_name(enum provider_state s);
enum { PROVIDER_FULL = -1 }; /* of provider_may_send */

/* What is stored of the chain, and what an endpoint has to say. */
struct provider_identity {
	bool has_network;
	struct u256 network; /* eth_chainId */
	bool has_genesis;
	uint8_t genesis[32]; /* hash of block 0 */
};
/* All run from the loop, never from inside a call below, and not after providers_end or providers_close. */
struct provider_events {
	/* A head was heard or polled here: provider_heads(p) has number and hash. */
	void (*on_head)(void *arg, struct provider *p);
	/* A log was heard here (heads.h), before its block rings; NULL: not wanted. */
	void (*on_log)(void *arg, struct provider *p, uint64_t number, const uint8_t block[32], struct str log);
	/* Something became better or worse: a state, a WebSocket, room for one more request. */
	void (*on_state)(void *arg);
	/* The chain had no network or no genesis yet and this endpoint is the first to say it; where several were
	 * asked, most say the same. Store id (what was stored already is in it). From now on all others must say
	 * so too. */
	void (*on_identified)(void *arg, struct provider *p, const struct provider_identity *id);
	void *arg;
};

/* Endpoints of c with role read or archive; those for writing alone are left out. c must outlive it. */
struct providers *providers_open(
	struct loop *l, const struct chain_decl *c, const struct provider_events *ev);
/* rows of fairlead.endpoint (endpoints_load), before or after begin: learned caps are taken over. */
void providers_load(struct providers *ps, const struct pg_reply *r, int stmt);
/* The lane is ours: asks each endpoint which chain it is, then hears heads, and with them the logs of this
 * filter (heads.h; NULL: none). Again after providers_end; while begun, stored may be told anew. */
void providers_begin(struct providers *ps, const struct provider_identity *stored, const char *logs);
void providers_end(struct providers *ps); /* the lane is lost: nothing is asked any more */
void providers_close(
	struct providers *ps); /* requests of the owner in flight are answered by rpc_close first */

/* ── who ── */

struct provider_need {
	unsigned role;                /* bits of enum endpoint_role, all of them; 0: any of ours */
	int64_t shown;                /* a head at least this high must have been shown by it (R2); -1: any */
	int64_t lowest;               /* it must still have this block; -1: any */
	const struct provider *other; /* not this one, or NULL */
	const struct provider *other_host; /* on another host than this one (proof by sources), or NULL */
	bool receipts;                     /* it has not refused eth_getBlockReceipts */
	bool urgent;                       /* for one block at the head: latency before load */
	uint32_t calls;                    /* that will be sent; 0: one */
};
/* The best that fits: well before shaky, one that may be asked now before one that has to wait for its rate,
 * with room before full, then least lag, lowest latency, each in turn
 * under load. NULL: nobody can now; providers_why says it. An endpoint that is pruned below `lowest` is tried
 * again now and then when no other is left: nothing is ever skipped for it. */
struct provider *providers_pick(struct providers *ps, const struct provider_need *need);
/* The sentence for /readyz: why the last pick found nobody, or why nobody is well; "" when all is well. Valid
 * until the next call. */
const char *providers_why(struct providers *ps);
int64_t providers_head(const struct providers *ps); /* highest head of those that are well; -1: none */
/* Highest block that two endpoints on different hosts have shown, both well; -1: there are no two. */
int64_t providers_head_of_two(const struct providers *ps);
size_t providers_count(const struct providers *ps);
struct provider *providers_at(struct providers *ps, size_t i); /* in the order of the file */

/* ── one of them ── */

const char *provider_name(const struct provider *p); /* host:port; holds no secret */
struct rpc *provider_rpc(struct provider *p);
/* The socket that its heads come by, for a question about a block that was named there (heads_line), where it
 * is on the same host: the machine that answers is the one that has the block (R2). A place, a rate and a
 * verdict are the endpoint's, whichever way it was asked. NULL: there is none, or it was no good of late. */
struct rpc *provider_near(const struct provider *p);
/* Was the answer that way an answer? If not, provider_rpc is asked instead, and that way again in a minute,
 * or in twice as long as the last time: some answer no questions there, or not several at once. */
void provider_near_said(struct provider *p, bool answer);
const struct heads_state *provider_heads(const struct provider *p); /* heard is false while it has none */
uint64_t provider_silent_ms(const struct provider *p);              /* heads_silent_ms */
enum provider_state provider_state(const struct provider *p);
struct learner *provider_learner(struct provider *p);
int64_t provider_lag(const struct provider *p); /* blocks behind providers_head; -1: unknown */
/* After how many ms without a first byte another endpoint should be asked as well: a few times what it
 * usually takes, at most half of the chain's timeout. */
uint64_t provider_patience_ms(const struct provider *p);
uint64_t provider_latency_us(const struct provider *p); /* smoothed; 0: unknown */

/* 0: go: the calls are taken from its bucket and the request has a place, until provider_answered,
 * provider_failed or provider_dropped gives it back. > 0: ms until it is worth asking again. PROVIDER_FULL:
 * as many as it may have are in flight; on_state runs when there is room. urgent: a place is always there,
 * and what is not urgent waits behind one that has to wait. */
int64_t provider_may_send(struct provider *p, uint32_t calls, bool urgent);
bool provider_is_paused(const struct provider *p);                   /* it said to wait (429) */
uint64_t provider_wait_ms(const struct provider *p, uint32_t calls); /* its rate wants so long; 0: now */
/* Takes a place without asking: for a request that can't wait or is not sent for sure. Its calls are owed to
 * the bucket. Given back as any other. */
void provider_take(struct provider *p, uint32_t calls);
/* A good answer; took_us: to its first byte. What it says of ranges is told to the learner by the owner
 * (learner_good). */
void provider_answered(struct provider *p, uint64_t bytes, uint64_t took_us);
/* What kind of no is answer i of a reply (q->ok), or the failed exchange? from, to: the blocks of the range
 * that was asked for; from -1: none was. */
void provider_refusal(struct refused *out, const struct rpc_reply *q, int i, int64_t from, int64_t to);
/* It refused or failed: learns, counts, rests after failures in a row. Says what to do with the request. e:
 * what to show to people, without secrets. */
enum learner_next provider_failed(
	struct provider *p, const struct refused *r, const struct learner_asked *asked, const struct err *e);
/* Given up by us: no verdict about it, but that others are asked first for a moment if nothing came for its
 * patience. */
void provider_dropped(struct provider *p);
/* It answered, and the answer contradicts itself, another answer or another endpoint (P11): counted, an odd
 * line, asked less. The place of the request was given back by provider_answered. what: a sentence. */
void provider_doubted(struct provider *p); /* it may be wrong: others are asked first for a moment */
bool provider_is_believed(const struct provider *p); /* it has not lied of late */
void provider_lied(struct provider *p, const char *what);
void provider_lacks_receipts(struct provider *p);       /* eth_getBlockReceipts is not served */
bool provider_gives_receipts(const struct provider *p); /* it has not refused that */

/* ── what is stored and shown ── */

/* Something worth storing has changed: a lesson, which must outlive a crash, or something else and the last
 * time is a few seconds ago. */
bool providers_dirty(const struct providers *ps);
/* Adds one statement to a unit that begins with lane_fence; tell what became of it. */
void providers_save(struct providers *ps, struct pg_unit *u, int chain);
void providers_saved(struct providers *ps, bool ok);
/* The endpoints as a JSON array, for /status. */
void providers_status(struct providers *ps, struct buf *out);

#endif
