/* hand: who signs for an account: a key in guarded memory, or a program or server that keeps it elsewhere.
 * One face for all of them; whatever comes back is held against what was asked, whoever made it (P24).
 *
 * A hand belongs to one sender. One request is with it at a time. */
#ifndef FAIRLEAD_SUBMITTER_HAND_H
#define FAIRLEAD_SUBMITTER_HAND_H

#include "common/evm/key.h"
#include "common/evm/tx.h"

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

struct hand *hand_of_key(struct key *k);           /* takes the key */
const uint8_t *hand_address(const struct hand *h); /* 20 bytes */
/* done runs before this returns (a key of our own) or in a later turn of the loop. */
void hand_sign(struct hand *h, struct arena *a, struct signing *list, size_t n, hand_done done, void *arg);
/* What it is asked just now is never told; wipes. */
void hand_free(struct hand *h);

#endif
