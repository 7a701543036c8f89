/* What /readyz and /status say of a sender. */
#include "submitter/sender.h"

#include <inttypes.h>

/* The node's own word about bytes that are committed: they leave again by themselves when the account is
 * topped up. */
static void reason_of_lowest(struct sender *s, struct buf *out)
{
	const struct slot *low = window_lowest(&s->window);
	char balance[U256_DEC_MAX];
	if (!low || low->answer != ANSWER_FUNDS)
		return;
	u256_to_dec(balance, s->balance);
	buf_printf(out,
		"Signer %s can't pay for nonce %" PRIu64
		": the balance of %s is %s wei; goes on when it is topped up\n",
		s->signer->name, low->nonce, s->address, balance);
}

void sender_reasons(struct sender *s, struct buf *out)
{
	const char *who = s->signer->name;
	uint64_t now = sender_now(s);
	if (s->trouble[0] && s->failing_since_ms)
		buf_printf(out, "The provider of chain %s has not answered for %" PRIu64 " s: %s\n", s->chain->name,
			(now - s->failing_since_ms) / 1000, s->trouble);
	if (s->out.since_ms)
		buf_printf(out,
			"The endpoint that takes transactions of chain %s has not answered for %" PRIu64 " s: %s\n",
			s->chain->name, (now - s->out.since_ms) / 1000, s->out.trouble);
	switch (s->plan.phase) {
	case LANE_CHECKING:
		buf_printf(out, "Signer %s is being checked against chain %s\n", who, s->chain->name);
		break;
	case LANE_LOADING: buf_printf(out, "Signer %s reads its slots\n", who); break;
	case LANE_SETTLING:
		buf_printf(out, "Signer %s %s\n", who, s->halt[0] ? s->halt : "compares its nonce with the chain");
		break;
	case LANE_HALTED: buf_printf(out, "Signer %s is halted: %s\n", who, s->halt); break;
	case LANE_OPEN:
		hand_reason(s->hand, out);
		reason_of_lowest(s, out);
		if (s->blocked[0])
			buf_printf(
				out, "Signer %s is blocked: %s\n", who, s->blocked_must[0] ? s->blocked_must : s->blocked);
		if (s->hold[0])
			buf_printf(out, "Signer %s holds: %s\n", who, s->hold);
		if (s->chain_halted)
			buf_printf(out, "Chain %s is stopped, so signer %s signs nothing\n", s->chain->name, who);
		break;
	case LANE_SPARE:
		if (s->lease)
			lease_reasons(s->lease, out);
		break;
	case LANE_LEFT: break;
	}
}

void sender_status(struct sender *s, struct buf *out)
{
	static const char *const phases[] = {
		"checking", "spare", "loading", "settling", "open", "halted", "left"};
	struct slot *low = window_lowest(&s->window);
	char balance[U256_DEC_MAX];
	u256_to_dec(balance, s->balance);
	buf_text(out, "{\"signer\":");
	buf_json(out, str_of(s->signer->name));
	buf_printf(out, ",\"address\":\"%s\",\"phase\":\"%s\",\"head\":%" PRIu64 ",\"open\":%zu,\"unmined\":%zu",
		s->address, phases[s->plan.phase], s->head.number, s->window.n, window_unmined(&s->window));
	if (s->lease && lease_held(s->lease))
		buf_printf(out, ",\"nonce\":%" PRId64, lease_lane(s->lease)->at);
	if (low)
		buf_printf(out, ",\"oldest_unmined_ms\":%" PRIu64, sender_now(s) - low->made_ms);
	buf_printf(out,
		",\"balance_wei\":\"%s\",\"held\":%zu,\"waits_for_price\":%" PRId64 ",\"websocket\":%s,\"hold\":",
		balance, s->nheld, s->quote.waiting, sender_has_ws(s) ? "true" : "false");
	buf_json(out, str_of(s->hold));
	buf_text(out, ",\"blocked\":");
	buf_json(out, str_of(s->blocked));
	buf_text(out, ",\"halt\":");
	buf_json(out, str_of(s->halt));
	buf_text(out, ",\"trouble\":");
	buf_json(out, str_of(s->trouble));
	buf_text(out, "}");
}
