/* quote: a lane's prices: what of them is asked with a head, what was learned, and the answers of price.h for
 * this lane's batches and slots. Glue of market.h and price.h to a sender.
 *
 * Asked with a head and not more often than every ten seconds, all in the head's own request: never once a
 * transaction. What a node lacks is not asked again for a while, and every answer may be missing or nonsense.
 */
#ifndef FAIRLEAD_SUBMITTER_QUOTE_H
#define FAIRLEAD_SUBMITTER_QUOTE_H

#include "common/io/rpc.h"
#include "common/ledger/prices.h"
#include "submitter/price.h"
#include "submitter/slot.h"

struct sender;
struct group;
struct intake_batch;

enum { QUOTE_CALLS = 9, QUOTE_GATES = 32 };
enum quote_call {
	QUOTE_BALANCE,
	QUOTE_PRICE,
	QUOTE_TIP,
	QUOTE_HISTORY,
	QUOTE_PAST,  /* base fees only, further back */
	QUOTE_BELOW, /* is there an oracle of what the chain below charges? */
	QUOTE_SHORT, /* what it charges for a short transaction, */
	QUOTE_LONG,  /* and for a long one */
	QUOTE_CODE,  /* the account's own (EIP-7702) */
};
struct quote_ask { /* of one head's request: which calls it holds, in this order */
	enum quote_call calls[QUOTE_CALLS];
	size_t n, first;
};
struct quote {
	struct price_policy policy;
	struct price_learned learned;
	bool learned_new; /* and not stored yet */
	struct market market;
	uint64_t history_head; /* eth_feeHistory has told blocks up to this one */
	uint64_t no_history_ms,
		no_tip_ms; /* the node had no such method at this moment; 0: it has, or was not asked */
	bool past_asked;
	bool gates;             /* some batch of this signer may wait for a better price */
	int64_t waiting;        /* ready batches that do so now */
	struct price_wish held; /* HOLD_PRICE: of the batch that held */
	struct below {          /* OP stack: the chain below charges for data: fixed + each × bytes */
		bool asked, has, known;
		unsigned tries;
		struct u256 fixed, each;
	} below;
	int64_t dear_batch;   /* one that would break max_cost; 0: none */
	struct u256 dear_wei; /* what it would cost */
	uint64_t dear_ms;     /* when that was last so */
};

void quote_init(struct sender *s);
void quote_ask(struct sender *s, struct rpc_request *r, struct quote_ask *q);
/* The answers to a head's whole request. false: too little is known to sign anything; it was said. */
bool quote_take(struct sender *s, const struct quote_ask *q, const struct rpc_answer *a);

/* What a transaction with so many bytes of data pays to the chain below, at most, as far as is known. */
struct u256 quote_below(const struct sender *s, size_t data);
/* price_most for one transaction of this signer. */
struct u256 quote_most(const struct sender *s, bool cancel, uint64_t gas, size_t data);
struct price_wish quote_wish(const struct group *g, const struct intake_batch *b);
/* What the batch that holds would need per gas now. */
struct u256 quote_wants(const struct sender *s);
/* The most urgent of all that is unmined: what stands below it is as urgent. */
struct price_wish quote_lane_wish(struct sender *s);
/* window.patience of the lowest slot, by the market as it is. */
void quote_pace(struct sender *s);

/* Which batches wait for a better price now. names, ages: QUOTE_GATES each. */
struct slots_gates quote_gates(const struct sender *s, const char **names, int64_t *ages_ms);

void quote_mined(struct sender *s, const struct slot *slot, const uint8_t hash[32], uint64_t block);
void quote_refused(struct sender *s, const struct slot *slot);
void quote_load(struct sender *s, const struct prices_learned *p); /* NULL: nothing is stored */
void quote_keep(struct sender *s, struct pg_unit *u);              /* when there is something new */

#endif
