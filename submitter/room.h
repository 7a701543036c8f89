/* room: how many unmined transactions of one account the mempool takes. Pure.
 *
 * It begins at what the file allows (`window:`) and follows what is seen: a pool that refuses a transaction
 * because too many wait there, or loses one that it had taken, halves it; each one that is taken lets it grow
 * again, quickly up to what was refused last and slowly beyond. An account that is delegated (EIP-7702) has
 * room for one: whoever calls the delegated code may use up its nonces and its balance (S4). */
#ifndef FAIRLEAD_SUBMITTER_ROOM_H
#define FAIRLEAD_SUBMITTER_ROOM_H

#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct room {
	size_t most;  /* window: never above it */
	size_t now;   /* 1 at least */
	size_t top;   /* what the pool is known to have refused stands above it; most: nothing yet */
	size_t taken; /* since it grew last */
	bool delegated;
};
enum { ROOM_SLOW = 16 };

void room_init(struct room *r, size_t most);
size_t room_size(const struct room *r); /* so many may be unmined */

/* What one round of sends came to: how many the pool took anew, how many it refused for want of room, how
 * many turned out to have been lost; and how many it holds of this account now. true: it became smaller. */
bool room_heard(struct room *r, size_t accepted, size_t refused, size_t evicted, size_t pooled);

/* Is this refusal about how many of the account, or of all, wait in the pool? code, message: of the JSON-RPC
 * error. Rate limits are not. */
bool room_is_refusal(int code, struct str message);

#endif
