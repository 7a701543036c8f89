/* A range whose endpoint does not say anything. */
#include "listener/span_in.h"

#include <inttypes.h>

static uint64_t since(uint64_t now, uint64_t sent)
{
	return now > sent ? now - sent : 0;
}

uint64_t span_silent_ms(const struct span *s, uint64_t now)
{
	if (s->outcome != SPAN_OPEN || s->full)
		return 0;
	if (s->aside)
		return since(now, s->aside_ms);
	if (s->proof)
		return since(now, proof_heard_ms(s->proof));
	bool heard = s->streamed && s->logs > 0;
	return s->request && !heard ? since(now, s->sent_ms) : 0;
}

bool span_hangs(struct span *s, struct providers *ps)
{
	uint64_t silent = span_silent_ms(s, loop_now_ms(s->world->loop));
	struct provider_need need = {.shown = s->seg->to, .lowest = s->seg->from, .other = s->p};
	if (silent == 0 || silent < provider_patience_ms(s->p) || !providers_pick(ps, &need))
		return false;
	struct refused r = {.class = REFUSAL_TIMEOUT, .oldest = -1};
	bool times = s->aside || s->proof; /* says nothing of the range */
	struct learner_asked asked = {times ? -1 : s->seg->from, times ? -1 : s->seg->to, 1, 0, s->sent_ms};
	struct err e = {0};
	err_put(&e, ERR_TRANSIENT, "%s has not answered for %" PRIu64 " ms; another endpoint is asked",
		provider_name(s->p), silent);
	provider_failed(s->p, &r, &asked, &e);
	return true;
}
