#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/truth.h"
#include "submitter/block_receipt.h"
#include "submitter/sender.h"
#include "submitter/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	COUNTED_HEADS = 3, /* a counted slot without a receipt for so many heads: who consumed its nonce? */
};

/* One question at a time: who consumed this nonce? It stays while the node is away, and is dropped with its
 * era. */
struct inquest {
	struct sender *s;
	uint64_t era, nonce, final;
	bool has_slot; /* else: a nonce that PostgreSQL has no slot for */
	bool hinted;   /* PostgreSQL was asked where to begin */
	struct trace trace;
	struct trace_ask asked;
	uint8_t (*ours)[32]; /* heap */
	size_t nours;
	uint8_t winner[32]; /* one of ours, of whose block the receipts are asked */
};

void inquest_drop(struct sender *s)
{
	if (s->inquest && !s->plan.busy_trace) { /* else its callback frees it */
		free(s->inquest->ours);
		free(s->inquest);
	}
	s->inquest = NULL;
}

/* A callback came: of an older era it only frees. */
static bool back(struct inquest *q)
{
	struct sender *s = q->s;
	s->plan.busy_trace = false;
	if (q->era == s->era)
		return true;
	free(q->ours);
	free(q);
	sender_drive(s);
	return false;
}

/* Nothing is known of the nonce at the mark: which final block would show it? The newest that there is. */
static bool wants_mark(const struct sender *s)
{
	return s->plan.phase == LANE_HALTED && s->halt_kind == HALT_ELSEWHERE && !s->halt_named && s->head.known;
}

bool inquest_due(struct sender *s)
{
	if (s->inquest)
		return true;
	return wants_mark(s) || (s->final >= 0 && window_unexplained(&s->window, COUNTED_HEADS, s->final));
}

/* ── what came out ── */

static struct slot *slot_of(struct inquest *q)
{
	struct slot *slot = q->has_slot ? window_at(&q->s->window, q->nonce) : NULL;
	return slot && slot->phase == SLOT_COUNTED && slot->nattempts == q->nours ? slot : NULL;
}

static void ends(struct inquest *q)
{
	struct slot *slot = slot_of(q);
	if (slot) {
		slot->traced = true;
		slot->traced_final = (int64_t)q->final;
	}
	inquest_drop(q->s);
}

/* A call that this signer's batches make: nobody but us has a reason to make it with our key. */
static bool is_our_call(const struct sender *s, const struct consumer *c)
{
	const struct config *f = s->m->config;
	for (size_t i = 0; c->kind == CONSUMER_TRANSACTION && c->has_to && c->ndata >= 4 && i < f->nbatches;
		 i++) {
		const struct call *k = &f->batches[i].send;
		if (f->batches[i].signer == s->signer && k->contract && k->fn &&
			memcmp(k->contract->addresses[0], c->to, 20) == 0 && memcmp(k->fn->hash, c->selector, 4) == 0)
			return true;
	}
	return false;
}

static void say_consumer(char *out, size_t size, const struct consumer *c)
{
	char tx[67], by[ADDRESS_TEXT];
	hex_to_0x(tx, c->tx, 32);
	address_to_eip55(by, c->by);
	switch (c->kind) {
	case CONSUMER_TRANSACTION: snprintf(out, size, "transaction %s of this key", tx); break;
	case CONSUMER_AUTHORIZATION:
		snprintf(out, size, "an EIP-7702 authorization of this key in transaction %s of %s", tx, by);
		break;
	case CONSUMER_DELEGATED: snprintf(out, size, "code that the account delegates to (EIP-7702)"); break;
	case CONSUMER_DEPOSIT: snprintf(out, size, "deposit %s", tx); break;
	case CONSUMER_UNKNOWN: snprintf(out, size, "something that could not be found out"); break;
	}
}

static struct truth_consumed row_of(const struct inquest *q)
{
	const struct trace *t = &q->trace;
	return (struct truth_consumed){.nonce = q->nonce,
		.block = t->block,
		.time = t->time,
		.hash = t->hash,
		.parent = t->parent,
		.kind = consumer_name(t->consumer.kind),
		.tx = t->consumer.has_tx ? t->consumer.tx : NULL,
		.by = t->consumer.has_tx ? t->consumer.by : NULL};
}

/* P8: PostgreSQL does not know what this key did to our own contracts. */
static void halt_lost(struct inquest *q, const char *what)
{
	char why[600];
	snprintf(why, sizeof why,
		"nonce %" PRIu64 " was used in block %" PRIu64
		" by %s, which makes a call of ours, and PostgreSQL does not "
		"know it: PostgreSQL lost commits, or somebody made that call with this key. When that is "
		"understood, "
		"adopt: true goes on",
		q->nonce, q->trace.block, what);
	sender_halt(q->s, HALT_LOST, why);
}

static void on_closed(void *arg, const struct pg_reply *r)
{
	struct inquest *q = arg;
	struct sender *s = q->s;
	if (!back(q))
		return;
	if (r->outcome == PG_REFUSED && strcmp(r->sqlstate, "FL004") == 0) {
		/* Not final yet as the listener has it, or another branch: asked again at the next final block. */
		log_info("nonce.unproved", "PostgreSQL does not know that block as final; asked again",
			F_STR("signer", s->signer->name), F_UINT("nonce", q->nonce), F_UINT("block", q->trace.block));
		ends(q);
	} else if (fault_hit(FAULT_foreign_after_commit)) {
		sender_reload(s, "the answer to a commit was lost");
	} else if (sender_stored(s, r, "a nonce that something else consumed")) {
		char what[200];
		struct slot *slot = slot_of(q);
		say_consumer(what, sizeof what, &q->trace.consumer);
		log_odd("batch.foreign", "A nonce was consumed by something else; the batch's items are free",
			F_STR("signer", s->signer->name), F_UINT("nonce", q->nonce),
			F_INT("batch", slot ? slot->batch : 0), F_UINT("block", q->trace.block), F_STR("by", what),
			F_INT("freed", truth_closed(r, 0)));
		ends(q);
		if (slot)
			window_forget(&s->window, slot);
	}
	sender_drive(s);
}

/* S2, INV-6: the block is final and shows that none of our attempts executed. PostgreSQL checks both. */
static void close_slot(struct inquest *q)
{
	struct sender *s = q->s;
	if (fault_hit(FAULT_foreign_before_commit)) {
		ends(q);
		return;
	}
	struct truth_consumed row = row_of(q);
	struct slots_lane l = sender_lane(s);
	struct pg_unit *u = pg_unit(s->m->pg);
	s->plan.busy_trace = true;
	truth_close(u, &l, &row);
	pg_unit_run(u, 0, on_closed, q);
}

/* The note on a nonce that no slot has: the lane halts already. */
static void name_mark(struct inquest *q)
{
	struct sender *s = q->s;
	char what[200], why[400];
	s->halt_named = true;
	say_consumer(what, sizeof what, &q->trace.consumer);
	if (q->trace.verdict != TRACE_FOREIGN) {
		log_odd("nonce.unknown", "It could not be found out what consumed a nonce",
			F_STR("signer", s->signer->name), F_UINT("nonce", q->nonce),
			F_STR("reason", q->trace.why ? q->trace.why : "the node took its word back"));
		return;
	}
	struct truth_consumed row = row_of(q);
	struct slots_lane l = sender_lane(s);
	struct pg_unit *u = pg_unit(s->m->pg);
	truth_note(u, &l, &row);
	pg_unit_run(u, 0, sender_noted, s);
	if (is_our_call(s, &q->trace.consumer)) {
		halt_lost(q, what);
		return;
	}
	snprintf(why, sizeof why,
		"nonce %" PRIu64 " was used in block %" PRIu64
		" by %s, and none of ours has it. When that is understood, "
		"adopt: true goes on",
		q->nonce, q->trace.block, what);
	sender_halt(s, HALT_ELSEWHERE, why);
}

/* As of this final block the nonce is consumed for sure: what was counted at a head that is final now. */
static bool must_be_proved(const struct inquest *q, const struct slot *slot)
{
	return q->final >= slot->counted_head;
}

void inquest_halts(struct sender *s)
{
	const struct slot *slot = window_unproved(&s->window);
	char why[600];
	if (s->plan.phase == LANE_OPEN && slot) {
		snprintf(why, sizeof why,
			"unproved: nonce %" PRIu64 " is used as of final block %" PRId64
			" and none of its transactions has a receipt: %s. Its items wait; it goes on when the node can "
			"show "
			"who used it",
			slot->nonce, s->final, slot->unproved);
		sender_halt(s, HALT_UNPROVED, why);
	} else if (s->plan.phase == LANE_HALTED && s->halt_kind == HALT_UNPROVED && !slot) {
		sender_goes_on(s);
	}
}

static void on_block_receipts(void *arg, const struct rpc_reply *r);

/* It is ours, and the node has no receipt of it by its hash: it may have one by its block. */
static void ask_block_receipts(struct inquest *q)
{
	struct rpc_request *r = rpc_request(q->s->rpc);
	char hash[67];
	memcpy(q->winner, q->trace.consumer.tx, 32);
	hex_to_0x(hash, q->trace.hash, 32);
	q->s->plan.busy_trace = true;
	rpc_call(r, "eth_getBlockReceipts", "[\"%s\"]", hash);
	rpc_call(r, "eth_getBlockByHash", "[\"%s\",false]", hash);
	rpc_send(r, on_block_receipts, q);
}

static void judge(struct inquest *q)
{
	struct sender *s = q->s;
	struct slot *slot = slot_of(q);
	char what[200];
	if (!q->has_slot) {
		name_mark(q);
		ends(q);
		return;
	}
	if (!slot) {
		ends(q);
		return;
	}
	window_doubt(&s->window, slot, NULL);
	switch (q->trace.verdict) {
	case TRACE_EARLY: ends(q); break;
	case TRACE_OURS: ask_block_receipts(q); break;
	case TRACE_FOREIGN:
		if (is_our_call(s, &q->trace.consumer) && !s->signer->adopt) {
			say_consumer(what, sizeof what, &q->trace.consumer);
			window_doubt(&s->window, slot, "it was used by a call that PostgreSQL does not know");
			halt_lost(q, what);
			ends(q);
		} else {
			close_slot(q);
		}
		break;
	case TRACE_UNPROVED:
		if (must_be_proved(q, slot))
			window_doubt(&s->window, slot, q->trace.why);
		ends(q);
		break;
	}
}

static void on_block_receipts(void *arg, const struct rpc_reply *r)
{
	struct inquest *q = arg;
	struct sender *s = q->s;
	struct slots_verdict v;
	if (!back(q))
		return;
	if (sender_heard(s, r)) {
		struct slot *slot = slot_of(q);
		if (slot && block_receipt_read(r->answers, slot, q->winner, q->trace.block, q->trace.hash, &v)) {
			proof_add(s, q->nonce, &v);
		} else if (slot && must_be_proved(q, slot)) {
			window_doubt(
				&s->window, slot, "our own transaction is in a block, and the node gives no receipt of it");
		}
		ends(q);
	}
	sender_drive(s);
}

/* ── questions ── */

static void goes_on(struct inquest *q);

/* A refusal that says something about what was asked. Else the node has no time, or wants the block named by
 * its number: asked again. */
static bool is_answer(struct inquest *q, const struct rpc_answer *a, const char *what)
{
	struct sender *s = q->s;
	if (a->ok)
		return true;
	if (q->asked.want == TRACE_STATES && !s->by_number && answer_is_block_form(a->code, a->message)) {
		s->by_number = true;
		return false;
	}
	if (!answer_is_about_the_node(a->code, a->message))
		return true;
	sender_trouble(s, what, a->code, a->message);
	return false;
}

static void take_count(struct inquest *q, const struct rpc_answer *a)
{
	uint64_t count = 0;
	if (!is_answer(q, a, "eth_getTransactionCount"))
		return;
	bool served = a->ok && quantity_u64(a->result, &count, NULL);
	trace_count(&q->trace, served, count);
}

static void take_bodies(struct inquest *q, const struct rpc_reply *r)
{
	for (int i = 0; i < r->calls; i++)
		if (!is_answer(q, &r->answers[i], "eth_getBlockByNumber"))
			return;
	for (int i = 0; i < r->calls; i++) {
		struct arena mem = {0};
		struct body b;
		struct err e = {0};
		bool found = false;
		bool ok = r->answers[i].ok && body_parse(&mem, r->answers[i].result, &b, &found, &e) && found;
		trace_body(&q->trace, ok ? &b : NULL);
		arena_fini(&mem);
	}
}

static void take_states(struct inquest *q, const struct rpc_reply *r)
{
	uint64_t before = 0, behind = 0;
	for (int i = 0; i < 3; i++)
		if (!is_answer(q, &r->answers[i], "eth_getTransactionCount"))
			return;
	bool served = r->answers[0].ok && r->answers[1].ok && r->answers[2].ok &&
				  quantity_u64(r->answers[0].result, &before, NULL) &&
				  quantity_u64(r->answers[1].result, &behind, NULL);
	trace_states(&q->trace, served, before, behind, served && r->answers[2].result.n > 4);
}

static void on_answer(void *arg, const struct rpc_reply *r)
{
	struct inquest *q = arg;
	struct sender *s = q->s;
	if (!back(q))
		return;
	if (sender_heard(s, r)) {
		switch (q->asked.want) {
		case TRACE_COUNT: take_count(q, &r->answers[0]); break;
		case TRACE_BODIES: take_bodies(q, r); break;
		case TRACE_STATES: take_states(q, r); break;
		case TRACE_ENDS: break;
		}
		if (s->retry_ms == 0)
			goes_on(q);
	}
	sender_drive(s);
}

static void name_block(const struct inquest *q, bool parent, char out[100])
{
	char hash[67];
	if (q->s->by_number) {
		snprintf(out, 100, "\"0x%" PRIx64 "\"", q->trace.high - parent);
		return;
	}
	hex_to_0x(hash, parent ? q->trace.parent : q->trace.hash, 32);
	snprintf(out, 100, "{\"blockHash\":\"%s\"}", hash);
}

static void ask_states(struct inquest *q, struct rpc_request *r)
{
	char before[100], behind[100];
	name_block(q, true, before);
	name_block(q, false, behind);
	rpc_call(r, "eth_getTransactionCount", "[\"%s\",%s]", q->s->address, before);
	rpc_call(r, "eth_getTransactionCount", "[\"%s\",%s]", q->s->address, behind);
	rpc_call(r, "eth_getCode", "[\"%s\",%s]", q->s->address, behind);
}

static void goes_on(struct inquest *q)
{
	q->asked = trace_next(&q->trace);
	if (q->asked.want == TRACE_ENDS) {
		judge(q);
		return;
	}
	struct rpc_request *r = rpc_request(q->s->rpc);
	if (q->asked.want == TRACE_COUNT)
		rpc_call(r, "eth_getTransactionCount", "[\"%s\",\"0x%" PRIx64 "\"]", q->s->address, q->asked.at);
	else if (q->asked.want == TRACE_STATES)
		ask_states(q, r);
	for (unsigned i = 0; q->asked.want == TRACE_BODIES && i < q->asked.n; i++)
		rpc_call(r, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",true]", q->asked.at - i);
	q->s->plan.busy_trace = true;
	rpc_send(r, on_answer, q);
}

static void on_hint(void *arg, const struct pg_reply *r)
{
	struct inquest *q = arg;
	struct sender *s = q->s;
	uint64_t hint;
	if (!back(q))
		return;
	if (r->outcome == PG_OK) {
		bool has = truth_hint_read(r, 0, &hint);
		q->hinted = true;
		trace_begin(&q->trace, hand_address(s->hand), s->network, q->nonce, q->final, has ? &hint : NULL,
			(const uint8_t(*)[32])q->ours, q->nours);
		goes_on(q);
	} else {
		inquest_drop(s);
	}
	sender_drive(s);
}

static struct inquest *begin(struct sender *s)
{
	struct slot *slot = s->final >= 0 ? window_unexplained(&s->window, COUNTED_HEADS, s->final) : NULL;
	struct inquest *q = mem_alloc(sizeof *q);
	*q = (struct inquest){.s = s, .era = s->era, .has_slot = slot != NULL};
	q->nonce = slot ? slot->nonce : (uint64_t)lease_lane(s->lease)->at;
	q->final = slot ? (uint64_t)s->final : s->head.number;
	q->nours = slot ? slot->nattempts : 0;
	q->ours = mem_alloc((q->nours + 1) * 32);
	for (size_t i = 0; i < q->nours; i++)
		memcpy(q->ours[i], slot->attempts[i].hash, 32);
	return q;
}

void inquest_step(struct sender *s)
{
	if (!s->inquest)
		s->inquest = begin(s);
	struct inquest *q = s->inquest;
	if (q->hinted) {
		if (q->trace.phase == T_END)
			judge(q);
		else
			goes_on(q);
		return;
	}
	struct slots_lane l = sender_lane(s);
	struct pg_unit *u = pg_unit(s->m->pg);
	s->plan.busy_trace = true;
	truth_hint(u, &l, q->nonce, q->final);
	pg_unit_run(u, 0, on_hint, q);
}
