/* One block that is too much even by address and topic: its receipts, held against the header (R6). */
#include "listener/span_in.h"

#include <inttypes.h>
#include <stdio.h>

/* Children are told apart when all of them are known. */
static bool may_be_ours(void *arg, const struct log *log)
{
	const struct span *s = arg;
	return s->world->filter->has_factories || filter_match(s->world->filter, log) != NULL;
}

static void proved(struct span *s, const struct proof_block *b)
{
	for (size_t i = 0; i < b->nlogs; i++)
		span_gather(s, &b->logs[i]);
	s->logs = b->nlogs;
	s->ended = s->proved = true;
	if (s->blocks) {
		s->headers[0] = s->last;
		s->blocks[0].level = b->level;
	}
	if (!s->world->filter->has_factories && !span_settle(s))
		span_done(s, s->outcome);
	else
		span_timed(s);
}

static void on_proof(void *arg, const struct proof_reply *p)
{
	struct span *s = arg;
	const struct proof_block *b = p->blocks;
	s->proof = NULL;
	s->bytes += p->bytes;
	s->took_us += p->took_us;
	if (p->no_block_receipts)
		provider_lacks_receipts(s->p);
	if (!p->ok) {
		span_refuse(s, p->failed, p->call < 0 ? 0 : p->call, -1, -1);
	} else if (b->verdict == PROOF_PROVED) {
		proved(s, b);
	} else if (b->liar == PROOF_ASKED) {
		err_put(&s->why, ERR_MALFORMED, "%s", b->why);
		span_done(s, SPAN_LIED);
	} else if (b->again) {
		span_unknown_block(s, b->why);
	} else {
		s->refused = (struct refused){.class = REFUSAL_OTHER, .oldest = -1};
		s->asked = (struct learner_asked){-1, -1, 1, 0, s->sent_ms};
		err_put(&s->why, ERR_REJECTED,
			"block %" PRId64
			" holds more logs than the endpoint gives at once, and its receipts prove nothing",
			s->seg->from);
		span_done(s, SPAN_REFUSED);
	}
}

static uint64_t pace(void *arg, uint32_t calls)
{
	struct span *s = arg;
	return learner_book(provider_learner(s->p), loop_now_ms(s->world->loop), calls);
}

static void on_header(void *arg, const struct rpc_reply *q)
{
	static const struct proof_given nobody = {.known = false};
	struct span *s = arg;
	s->request = NULL;
	s->bytes += q->bytes;
	if (!q->ok || !q->answers[0].ok) {
		span_refuse(s, q, 0, -1, -1);
		return;
	}
	if (!span_take_end(s, &q->answers[0], s->seg->from, &s->last)) {
		if (s->outcome == SPAN_LIED)
			span_done(s, SPAN_LIED);
		return;
	}
	s->first = s->last;
	struct proof_filter ours = span_filter(s);
	ours.wanted = may_be_ours;
	s->proof = proof_run(s->world->loop,
		&(struct proof_ask){.want = PROOF_RECEIPTS,
			.rpc = provider_rpc(s->p),
			.trust = s->world->trust,
			.headers = &s->last,
			.n = 1,
			.given = &nobody,
			.filter = ours,
			.calls_most = (int)learner_calls(provider_learner(s->p), 100),
			.pace = pace,
			.pace_arg = s,
			.single = !provider_gives_receipts(s->p),
			.mem = &s->mem},
		on_proof, s);
}

void span_ask_receipts(struct span *s)
{
	struct rpc_request *q = rpc_request(provider_rpc(s->p));
	rpc_call(q, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]", (uint64_t)s->seg->from);
	s->streamed = false;
	s->sent_ms = loop_now_ms(s->world->loop);
	s->request = q;
	rpc_send(q, on_header, s);
}
