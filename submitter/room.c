#include "submitter/room.h"

void room_init(struct room *r, size_t most)
{
	*r = (struct room){.most = most ? most : 1, .now = most ? most : 1, .top = most ? most : 1};
}

size_t room_size(const struct room *r)
{
	return r->delegated ? 1 : r->now;
}

static void grow(struct room *r, size_t accepted)
{
	r->taken += accepted;
	while (r->now < r->most) {
		size_t price = r->now < r->top ? 1 : ROOM_SLOW * r->now;
		if (r->taken < price)
			return;
		r->taken -= price;
		r->now++;
		if (r->now > r->top)
			r->top = r->now;
	}
	r->taken = 0;
}

/* A refusal of what was signed when the room was larger says nothing new: only one while the pool holds less
 * than we thought it would. */
bool room_heard(struct room *r, size_t accepted, size_t refused, size_t evicted, size_t pooled)
{
	if (evicted == 0 && (refused == 0 || pooled >= r->now)) {
		grow(r, accepted);
		return false;
	}
	size_t before = r->now;
	if (refused && pooled > 0 && pooled < r->top)
		r->top = pooled;
	r->now = r->now / 2;
	if (refused && pooled < r->now)
		r->now = pooled;
	if (r->now == 0)
		r->now = 1;
	r->taken = 0;
	return r->now < before;
}

bool room_is_refusal(int code, struct str message)
{
	if (code == 429 || str_holds(message, "rate limit") || str_holds(message, "too many requests"))
		return false;
	if (str_holds(message, "pool") &&
		(str_holds(message, "full") || str_holds(message, "overflow") || str_holds(message, "capacity")))
		return true; /* geth, reth, erigon, nethermind: "txpool is full" */
	if (str_holds(message, "too many") &&
		(str_holds(message, "transaction") || str_holds(message, "pending") || str_holds(message, "account")))
		return true;
	if (str_holds(message, "limit") &&
		(str_holds(message, "account") || str_holds(message, "sender") || str_holds(message, "in-flight")))
		return true; /* geth: "account limit exceeded"; "in-flight transaction limit reached for delegated
						accounts" */
	/* All below it left before it, so the pool keeps no more of them (besu, hardhat; zkSync: "allowed
	 * range"). */
	return str_holds(message, "nonce too high") || str_holds(message, "nonce too distant") ||
		   str_holds(message, "too far in future") || str_holds(message, "nonce gap") ||
		   str_holds(message, "noncegap") || str_holds(message, "gapped");
}
