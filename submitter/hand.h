/* hand: who signs for an account: a key in guarded memory, or a program or server that keeps it elsewhere.
 * One face for all of them; whatever comes back is held against what was asked, whoever made it (P24).
 *
 *   hand.c         the face; keys that are here (environment, key files)
 *   hand_remote.c  what programs and servers share: asking many at once, throttling, patience, back-off
 *   hand_exec.c    a program: lines of JSON (deploy/signers/README.md)
 *   hand_web3.c    a Web3Signer: its HTTP API
 *   hand_check.c   is it what was asked (pure)
 *
 * A hand belongs to one sender. One request is with it at a time. */
#ifndef FAIRLEAD_SUBMITTER_HAND_H
#define FAIRLEAD_SUBMITTER_HAND_H

#include "common/app/config.h"
#include "common/evm/key.h"
#include "common/evm/tx.h"
#include "common/io/keeper.h"
#include "common/io/loop.h"

struct hand;
struct signing {      /* one transaction to be signed */
	struct tx tx;     /* in; what it borrows stays until done */
	uint8_t hash[32]; /* out */
	uint8_t *raw;     /* out, in the arena of the request */
	size_t nraw;
};
/* ok: every hash and raw is set, decoded, and its sender is hand_address. Else *e says why, nothing was set.
 */
typedef void (*hand_done)(void *arg, bool ok, const struct err *e);

struct hand_options {
	struct loop *loop;
	struct keeper *keeper; /* for exec:, else it may be NULL; outlives the hand */
	unsigned slot;         /* of the keeper: another for each hand */
	const struct key_decl *decl;
	const char *name;     /* the signer's, for people */
	uint64_t patience_ms; /* a program or server that says nothing for so long is asked again */
	uint64_t retry_first_ms, retry_max_ms;
};
struct hand_events {
	void (*on_known)(
		void *arg, struct hand *h); /* once, in a later turn, where the address was not known at once */
	/* once, in a later turn: a person must mend something; the hand stays as it is until it is closed */
	void (*on_refused)(void *arg, struct hand *h, const struct err *e);
	void *arg;
};
/* Opens what the declaration names. A program or server that is not there delays; what a person must mend is
 * refused: NULL and *e. Takes the key out of the declaration's memory; wiping that is the caller's. */
struct hand *hand_open(const struct hand_options *o, const struct hand_events *ev, struct err *e);
const uint8_t *hand_address(const struct hand *h);          /* 20 bytes; NULL: not known yet */
bool hand_ready(const struct hand *h);                      /* may be asked now */
void hand_on_ready(struct hand *h, timer_fn fn, void *arg); /* runs whenever it becomes ready; one listener */
void hand_reason(
	const struct hand *h, struct buf *out); /* why it is not ready, as a line; nothing when it is */
/* done runs before this returns (a key of our own) or in a later turn of the loop. */
void hand_sign(struct hand *h, struct arena *a, struct signing *list, size_t n, hand_done done, void *arg);
/* While the loop still lives: what it is asked just now fails at once, and no event comes any more. */
void hand_close(struct hand *h);
void hand_free(
	struct hand *h); /* after hand_close or, of a key of our own, without it; wipes; NULL: nothing */

#endif
