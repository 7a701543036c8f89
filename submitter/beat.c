#include "common/fleet/beat.h"

#include "common/base/sentence.h"
#include "submitter/sender.h"

enum { DEAR_MS = 30000 }; /* so long ago a batch was last above max_cost, and still is */

/* The lowest slot, where a replacement of it is held at the cap. */
static const struct slot *held_slot(const struct sender *s)
{
	for (size_t i = 0; i < s->window.n; i++)
		if (s->window.slots[i].phase < SLOT_COUNTED)
			return s->window.slots[i].held_said ? &s->window.slots[i] : NULL;
	return NULL;
}

static bool is_dear(const struct sender *s)
{
	return s->quote.dear_batch && sender_now(s) - s->quote.dear_ms < DEAR_MS;
}

/* Why nothing is signed, worst first; "" when something may be. */
static const char *hold_code(const struct sender *s, const char **text)
{
	*text = "";
	switch (s->plan.phase) {
	case LANE_HALTED: return *text = s->halt, "halted";
	case LANE_CHECKING:
	case LANE_LOADING:
	case LANE_SETTLING: return *text = s->halt[0] ? s->halt : s->trouble, "settling";
	case LANE_SPARE:
	case LANE_LEFT: return "standby";
	case LANE_OPEN: break;
	}
	if (s->hold_kind == HOLD_FUNDS)
		return "hold_funds";
	if (s->hold_kind == HOLD_PRICE)
		return "hold_price";
	if (s->hold_kind == HOLD_POLICY)
		return *text = s->hold, s->frozen ? "hold_frozen" : "hold_policy";
	if (s->blocked[0])
		return *text = s->blocked_must[0] ? s->blocked_must : s->blocked, "blocked";
	if (held_slot(s))
		return "hold_bump";
	if (is_dear(s))
		return "hold_cost";
	if (s->trouble[0] && s->failing_since_ms)
		return *text = s->trouble, "node_trouble";
	if (s->out.since_ms)
		return *text = s->out.trouble, "node_trouble";
	return "";
}

static void put_amounts(const struct sender *s, struct buf *why)
{
	const struct slot *low = held_slot(s);
	reason_text(why, "address", s->address);
	if (s->hold_kind == HOLD_FUNDS) {
		reason_u256(why, "have", s->balance);
		reason_u256(why, "want", s->hold_wei);
	} else if (s->hold_kind == HOLD_PRICE) {
		reason_u256(why, "want", quote_wants(s));
		reason_u256(why, "max", quote_most(s, false, 0, 0));
	} else if (low) {
		reason_int(why, "nonce", (int64_t)low->nonce);
		reason_u256(why, "want", low->held_fee);
		reason_u256(why, "max", quote_most(s, false, 0, 0));
	} else if (is_dear(s)) {
		reason_int(why, "batch", s->quote.dear_batch);
		reason_u256(why, "want", s->quote.dear_wei);
		reason_u256(why, "max", s->signer->max_cost);
	}
}

void sender_beat(struct sender *s, struct beat *b)
{
	struct buf why = {0};
	const char *text, *code = hold_code(s, &text);
	size_t unmined = window_unmined(&s->window);
	int64_t waits = s->quote.waiting;
	bool leads = s->lease && lease_held(s->lease);
	reason_code(&why, b->away && leads ? "wait_pg_signs"
					  : *code          ? code
					  : unmined        ? "watches"
					  : waits          ? "waits_price"
									   : "ready");
	reason_text(&why, "signer", s->signer->name);
	reason_text(&why, "text", text);
	reason_int(&why, "n", unmined || *code ? (int64_t)unmined : waits);
	if (*code)
		put_amounts(s, &why);
	beat_doing(b, &why);
	if (leads) {
		b->holds += (int64_t)unmined;
		beat_signer(b, s->signer->name, s->address, s->chain->name, s->balance, unmined);
	}
	if (leads && s->head.known && !s->quote.market.legacy)
		beat_fee(b, s->chain->name, s->head.number, s->quote.market.base,
			clock_wall_ms() - (int64_t)(sender_now(s) - s->head.at_ms));
	buf_fini(&why);
}
