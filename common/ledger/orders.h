/* orders: what people do to batches and items by hand (sql/019, 026): asked by one-shot commands and by the
 * page, obeyed by who holds the lane. Each act is done once; again, it says what stands already.
 * Not here: flush and groups of items (figures.h). */
#ifndef FAIRLEAD_LEDGER_ORDERS_H
#define FAIRLEAD_LEDGER_ORDERS_H

#include "common/ledger/slots.h"

enum order {
	ORDER_CANCEL,
	ORDER_RESEND,
	ORDER_RETRY,
	ORDER_DROP,
	ORDER_FREEZE,
	ORDER_THAW,
	ORDER_REPLAY,
	ORDERS
};
extern const char *const order_words[]; /* "cancel" … */

/* of: the number of a batch, in digits; ORDER_RETRY, ORDER_DROP: an item, as its number or as name:key;
 * ORDER_FREEZE, ORDER_THAW: a signer's name or address; ORDER_REPLAY: a rule of the file, or
 * rule:block. who: stands in the audit trail. really: else only
 * what it would do. One row. */
void orders_ask(struct pg_unit *u, enum order o, const char *who, const char *of, bool really);
/* The reason (common/base/sentence.h) of what was done, would be or stands; "": there is no such thing. */
const char *orders_said(const struct pg_reply *r, int stmt);

/* ── who obeys ── */

/* A row for each order on an open slot of the lane. */
void orders_look(struct pg_unit *u, const struct slots_lane *l);
void orders_read(
	const struct pg_reply *r, int stmt, int row, uint64_t *nonce, enum order *kind, const char **who);
/* Why it waits; ended: it is done. Fenced. */
void orders_tell(struct pg_unit *u, const struct slots_lane *l, int64_t batch, enum order kind,
	const char *reason, bool ended);

/* S3: no endpoint takes the batch's bytes: its cancel, as if a person had ordered it. Fenced. */
void orders_hopeless(struct pg_unit *u, const struct slots_lane *l, int64_t batch, struct str said);

#endif
