/* What people order of a batch that has a nonce (sql/026). The order stands in PostgreSQL until its slot is
 * closed; here it is a mark on the slot, set again whenever the slots are compared with PostgreSQL. */
#include "common/base/sentence.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/orders.h"
#include "submitter/sender.h"

#include <stdio.h>

void obey_wish(struct sender *s, const char *kind)
{
	bool mine = !*kind || text_is(kind, "cancel") || text_is(kind, "resend") || text_is(kind, "freeze") ||
				text_is(kind, "thaw");
	if (!mine || (s->plan.phase != LANE_OPEN && s->plan.phase != LANE_HALTED))
		return; /* a lane that opens looks */
	s->plan.watch_due = true;
	sender_drive(s);
}

static void on_told(void *arg, const struct pg_reply *r)
{
	fault_hit(FAULT_order_after_commit);
	sender_noted(arg, r);
}

static void tell(struct sender *s, const struct slot *slot, enum order kind, const char *reason, bool ended)
{
	if (!s->lease || !lease_held(s->lease) || fault_hit(FAULT_order_before_commit))
		return;
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	orders_tell(u, &l, slot->batch, kind, reason, ended);
	pg_unit_run(u, 0, on_told, s);
}

/* Its end is told before the bytes leave: who dies between offers all stored bytes again when it loads them.
 */
static void resend(struct sender *s, struct slot *slot, const char *who)
{
	log_info("order.resend", "A batch leaves again, as was ordered", F_STR("signer", s->signer->name),
		F_INT("batch", slot->batch), F_UINT("nonce", slot->nonce), F_STR("who", who));
	gauges_obeyed(s->gauges, false);
	window_urge(&s->window, slot);
	tell(s, slot, ORDER_RESEND, slot->phase < SLOT_COUNTED ? "resent" : "resend_late", true);
}

static void unwant(struct sender *s, struct slot *slot, const char *who)
{
	if (slot->unwanted)
		return;
	log_info("order.cancel", "A batch is to be cancelled, as was ordered", F_STR("signer", s->signer->name),
		F_INT("batch", slot->batch), F_UINT("nonce", slot->nonce), F_STR("who", who));
	gauges_obeyed(s->gauges, true);
	window_unwanted(&s->window, slot);
}

void obey_orders(struct sender *s, const struct pg_reply *r, int stmt)
{
	for (int row = 0; row < pg_rows(r, stmt); row++) {
		uint64_t nonce;
		enum order kind;
		const char *who;
		orders_read(r, stmt, row, &nonce, &kind, &who);
		struct slot *slot = window_at(&s->window, nonce);
		if (slot && kind == ORDER_CANCEL)
			unwant(s, slot, who);
		else if (slot)
			resend(s, slot, who);
	}
}

void obey_held(struct sender *s, const struct slot *slot, const struct fee *want)
{
	struct buf why = {0};
	if (!slot->unwanted)
		return;
	reason_code(&why, "held");
	reason_u256(&why, "want", want->fee);
	reason_u256(&why, "max", quote_most(s, true, 0, 0));
	tell(s, slot, ORDER_CANCEL, why.p, false);
	buf_fini(&why);
}

void obey_mined(struct sender *s, const struct slot *slot, const struct attempt *a, uint64_t block)
{
	if (slot->unwanted && a->kind != ATTEMPT_CANCEL)
		log_odd("cancel.lost", "A batch was mined before its cancel", F_STR("signer", s->signer->name),
			F_INT("batch", slot->batch), F_UINT("nonce", slot->nonce), F_UINT("block", block));
}

bool obey_price_is_right(struct sender *s, struct slot *slot)
{
	const struct fee *have = &slot->attempts[slot->nattempts - 1].fee;
	struct fee liked;
	if (!slot->urged)
		return false;
	slot->urged = false;
	const struct quote *k = &s->quote;
	return price_first(&k->policy, &k->market, &k->learned, quote_lane_wish(s), quote_most(s, false, 0, 0),
			   &liked) == PRICE_OK &&
		   !u256_lt(have->fee, liked.fee) && !u256_lt(have->tip, liked.tip);
}

void obey_hopeless(struct sender *s, struct slot *slot, struct str said)
{
	char text[200];
	snprintf(text, sizeof text, "%.*s", (int)(said.n > 190 ? 190 : said.n), said.p);
	log_odd("send.hopeless",
		"No endpoint takes a transaction, though others go; a no-op takes its nonce, its items are parked",
		F_STR("signer", s->signer->name), F_INT("batch", slot->batch), F_UINT("nonce", slot->nonce),
		F_STR("reason", text));
	if (!s->lease || !lease_held(s->lease))
		return;
	window_unwanted(&s->window, slot);
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	orders_hopeless(u, &l, slot->batch, str_of(text));
	pg_unit_run(u, 0, sender_noted, s);
}
