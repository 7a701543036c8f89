#include "common/fleet/beat.h"

#include "common/base/sentence.h"
#include "submitter/sender.h"

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
	if (s->blocked[0])
		return *text = s->blocked_must[0] ? s->blocked_must : s->blocked, "blocked";
	if (s->trouble[0] && s->failing_since_ms)
		return *text = s->trouble, "node_trouble";
	return "";
}

static void put_amounts(const struct sender *s, struct buf *why)
{
	struct fee needed;
	reason_text(why, "address", s->address);
	if (s->hold_kind == HOLD_FUNDS) {
		reason_u256(why, "have", s->balance);
		reason_u256(why, "want", s->hold_wei);
	} else if (s->hold_kind == HOLD_PRICE && fee_first(&s->policy, &s->market, &needed) == FEE_ABOVE_MAX) {
		reason_u256(why, "want", needed.fee);
		reason_u256(why, "max", s->policy.max);
	}
}

void sender_beat(struct sender *s, struct beat *b)
{
	struct buf why = {0};
	const char *text, *code = hold_code(s, &text);
	size_t unmined = window_unmined(&s->window);
	bool leads = s->lease && lease_held(s->lease);
	reason_code(&why, b->away && leads ? "wait_pg_signs" : *code ? code : unmined ? "watches" : "ready");
	reason_text(&why, "signer", s->signer->name);
	reason_text(&why, "text", text);
	reason_int(&why, "n", (int64_t)unmined);
	if (*code)
		put_amounts(s, &why);
	beat_doing(b, &why);
	if (leads) {
		b->holds += (int64_t)unmined;
		beat_signer(b, s->signer->name, s->address, s->chain->name, s->balance, unmined);
	}
	if (leads && s->head.known && !s->market.legacy)
		beat_fee(b, s->chain->name, s->head.number, s->market.base,
			clock_wall_ms() - (int64_t)(sender_now(s) - s->head.at_ms));
	buf_fini(&why);
}
