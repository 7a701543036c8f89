#include "submitter/room.h"

#include <strings.h>

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

static bool holds(struct str text, const char *words)
{
	size_t n = strlen(words);
	for (size_t i = 0; i + n <= text.n; i++)
		if (strncasecmp(text.p + i, words, n) == 0)
			return true;
	return false;
}

bool room_is_refusal(int code, struct str message)
{
	if (code == 429 || holds(message, "rate limit") || holds(message, "too many requests"))
		return false;
	if (holds(message, "pool") &&
		(holds(message, "full") || holds(message, "overflow") || holds(message, "capacity")))
		return true; /* geth, reth, erigon, nethermind: "txpool is full" */
	if (holds(message, "too many") &&
		(holds(message, "transaction") || holds(message, "pending") || holds(message, "account")))
		return true;
	if (holds(message, "limit") &&
		(holds(message, "account") || holds(message, "sender") || holds(message, "in-flight")))
		return true; /* geth: "account limit exceeded"; "in-flight transaction limit reached for delegated
						accounts" */
	/* All below it left before it, so the pool keeps no more of them (besu, hardhat; zkSync: "allowed
	 * range"). */
	return holds(message, "nonce too high") || holds(message, "nonce too distant") ||
		   holds(message, "too far in future") || holds(message, "nonce gap") || holds(message, "noncegap") ||
		   holds(message, "gapped");
}
