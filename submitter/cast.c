#include "common/base/mem.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/sender.h"

#include <stdio.h>
#include <stdlib.h>

struct cast {
	struct sender *s;
	uint64_t era;
	size_t n;
	uint64_t nonces[WINDOW_CAST_MAX];
	uint8_t hashes[WINDOW_CAST_MAX][32];
	enum answer answers[WINDOW_CAST_MAX];
	size_t taken, refused, evicted; /* what it says about the room in the mempool */
};

static void on_sent(void *arg, const struct pg_reply *r)
{
	fault_hit(FAULT_send_after_store);
	sender_noted(arg, r);
}

static void store_answers(struct sender *s, const struct cast *c)
{
	struct slots_answer list[WINDOW_CAST_MAX];
	struct slots_lane l = sender_lane(s);
	for (size_t i = 0; i < c->n; i++)
		list[i] = (struct slots_answer){
			c->hashes[i], s->out.name, c->answers[i] == ANSWER_ACCEPTED ? NULL : answer_name(c->answers[i])};
	struct pg_unit *u = pg_unit(s->m->pg);
	slots_sent(u, &l, list, c->n);
	pg_unit_run(u, 0, on_sent, s);
}

static void say_refusal(struct sender *s, const struct slot *slot, enum answer a, struct str said)
{
	char text[200];
	snprintf(text, sizeof text, "%.*s", (int)(said.n > 190 ? 190 : said.n), said.p);
	if (slot->answer != a || slot->refusals == 0)
		log_odd("send.refused", "The node did not take a transaction; it is offered again",
			F_STR("signer", s->signer->name), F_UINT("nonce", slot->nonce), F_INT("batch", slot->batch),
			F_STR("answer", answer_name(a)), F_STR("reason", text));
}

/* a NULL: no answer came, which says nothing (P12). */
static void take_answer(struct sender *s, struct cast *c, size_t i, const struct rpc_answer *a)
{
	struct slot *slot = window_at(&s->window, c->nonces[i]);
	enum answer answer = !a      ? ANSWER_UNKNOWN
						 : a->ok ? answer_of_result(a->result, c->hashes[i])
								 : answer_of_error(a->code, a->message);
	uint32_t evictions;
	c->answers[i] = answer;
	if (!slot)
		return;
	evictions = slot->evictions;
	if (a && answer != ANSWER_KNOWN && answer != ANSWER_ACCEPTED)
		say_refusal(s, slot, answer, a->ok ? a->result : a->message);
	window_answered(&s->window, slot, answer, sender_now(s));
	gauges_answered(s->gauges, answer);
	if (answer == ANSWER_UNDERPRICED)
		quote_refused(s, slot);
	bool there = answer == ANSWER_ACCEPTED || answer == ANSWER_KNOWN;
	bool no = a && !a->ok &&
			  (answer == ANSWER_REFUSED ||
				  (answer == ANSWER_UNKNOWN && !answer_is_about_the_node(a->code, a->message)));
	if ((there || no) && window_rejected(&s->window, slot, no, sender_now(s)))
		obey_hopeless(s, slot, a->message);
	metric_add(s->meters.evictions, slot->evictions - evictions);
	c->evicted += s->out.private ? 0 : slot->evictions - evictions; /* a relay accepts again and again */
	c->taken += answer == ANSWER_ACCEPTED;
	c->refused += a && !a->ok && room_is_refusal(a->code, a->message);
	s->balance_due |= answer == ANSWER_FUNDS;
	s->plan.receipts_due |= slot->phase == SLOT_COUNTED;
	s->plan.head_due |= a && !there; /* what it knows that we don't: the count, the balance, the price */
}

/* S4: what is unmined follows what the mempool takes. */
static void judge_room(struct sender *s, const struct cast *c)
{
	size_t before = room_size(&s->room);
	if (room_heard(&s->room, c->taken, c->refused, c->evicted, window_pooled(&s->window)))
		log_odd("window.less", "The mempool takes fewer; as many are signed at once",
			F_STR("signer", s->signer->name), F_STR("address", s->address), F_UINT("was", before),
			F_UINT("window", room_size(&s->room)), F_UINT("refused", c->refused),
			F_UINT("evicted", c->evicted));
	else if (room_size(&s->room) > before)
		s->plan.bell = true;
}

static void on_cast(void *arg, const struct rpc_reply *r)
{
	struct cast *c = arg;
	struct sender *s = c->s;
	s->plan.busy_cast = false;
	bool ok = !fault_hit(FAULT_send_after_broadcast) && outlet_heard(s, r);
	log_debug("cast", "Signed transactions were offered to the node", F_UINT("n", c->n),
		F_UINT("took_us", r->took_us));
	if (c->era == s->era) {
		for (size_t i = 0; i < c->n; i++)
			take_answer(s, c, i, ok ? &r->answers[i] : NULL);
		judge_room(s, c);
		if (!fault_hit(FAULT_send_after_answer) && lease_held(s->lease))
			store_answers(s, c);
		/* a node may mine at once; over a WebSocket that has rung, or will */
		s->plan.head_due |= ok && !sender_has_ws(s);
	}
	free(c);
	sender_drive(s);
}

/* P2, INV-5: only a window's bytes leave, and a window holds only what PostgreSQL has: on_committed,
 * on_added, take_row. */
void cast_send(struct sender *s, struct window_todo *todo)
{
	if (fault_hit(FAULT_send_before_broadcast)) {
		sender_trouble(s, "eth_sendRawTransaction", 0, STR("nothing has left"));
		return;
	}
	struct cast *c = mem_alloc(sizeof *c);
	struct rpc_request *q = rpc_request(s->out.rpc);
	*c = (struct cast){.s = s, .era = s->era, .n = todo->ncast};
	s->plan.busy_cast = true;
	for (size_t i = 0; i < todo->ncast; i++) {
		struct slot *slot = todo->cast[i];
		const struct attempt *a = &slot->attempts[slot->nattempts - 1];
		c->nonces[i] = slot->nonce;
		memcpy(c->hashes[i], a->hash, 32);
		struct buf *params = rpc_params(q, "eth_sendRawTransaction");
		buf_text(params, "[\"0x");
		buf_hex(params, a->raw, a->nraw);
		buf_text(params, "\"]");
		window_casting(&s->window, slot, sender_now(s));
	}
	rpc_send(q, on_cast, c);
}
