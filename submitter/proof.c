#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ── receipts of counted slots, and the hashes of their blocks (S9) ── */

enum {
	BLOCK_OURS = 8, /* so many slots a block at least: then its receipts are asked for as a whole (S9) */
	BLOCKS_MAX = 16,
	NO_RECEIPTS = 3,
	OTHERS_REST = 16,          /* so often one by one, where most of a block was of others */
	METHOD_NOT_FOUND = -32601, /* JSON-RPC 2.0 */
};

struct found {
	uint64_t nonce;
	uint8_t hash[32]; /* of the attempt */
	bool has;
	uint64_t asked; /* the block whose receipts held it; 0: it was asked by its hash */
	struct receipt receipt;
};
struct block_hash {
	uint64_t number;
	bool known;
	uint8_t hash[32];
};
struct receipts {
	struct sender *s;
	uint64_t era;
	size_t in_flight;
	struct found *found; /* heap */
	size_t nfound;
	struct block_hash *blocks; /* heap */
	size_t nblocks;
	size_t *singles; /* heap: places in found that are asked one by one */
	size_t nsingles;
	bool by_block, by_hash, hashes_asked; /* that was done, or begun */
	bool failed;                          /* a request for a block's receipts */
	size_t next;      /* place in found that the next receipt of a block is likely to be of */
	size_t ours, all; /* receipts in those blocks */
};
struct part { /* one request's share: singles[from…), or blocks[from…) */
	struct receipts *q;
	size_t from;
};
struct whole { /* the receipts of one block */
	struct receipts *q;
	uint64_t number;
	struct receipt_stream *stream;
};
struct store {
	struct slots_verdict *list; /* heap */
	uint64_t *nonces;
	size_t n;
};

static void finish_receipts(struct receipts *q);

static void free_receipts(struct receipts *q)
{
	free(q->found);
	free(q->blocks);
	free(q->singles);
	free(q);
}

static void one_back(struct receipts *q)
{
	if (--q->in_flight == 0)
		finish_receipts(q);
}

static void take_hash(struct block_hash *b, const struct rpc_answer *a)
{
	struct arena mem = {0};
	struct block_header h;
	bool found = false;
	if (a->ok && header_parse(&mem, a->result, &h, &found, NULL) && found && h.number == b->number) {
		b->known = true;
		memcpy(b->hash, h.hash, 32);
	}
	arena_fini(&mem);
}

static void on_block_hashes(void *arg, const struct rpc_reply *r)
{
	struct part *part = arg;
	struct receipts *q = part->q;
	bool ok = sender_heard(q->s, r);
	for (int i = 0; ok && i < r->calls; i++)
		take_hash(&q->blocks[part->from + (size_t)i], &r->answers[i]);
	free(part);
	one_back(q);
}

static struct block_hash *block_of(struct receipts *q, uint64_t number)
{
	for (size_t i = q->nblocks; i-- > 0;)
		if (q->blocks[i].number == number)
			return &q->blocks[i];
	return NULL;
}

static void add_block(struct receipts *q, struct block_hash b)
{
	q->blocks = mem_grow(q->blocks, q->nblocks + 1, sizeof *q->blocks);
	q->blocks[q->nblocks++] = b;
}

static void ask_hash(struct rpc_request *r, uint64_t number)
{
	rpc_call(r, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]", number);
}

/* "mined = a receipt whose block hash equals the hash that the same endpoint gives for its number": behind
 * the receipts, where it was not asked together with them. */
static bool ask_blocks(struct receipts *q)
{
	size_t first = q->nblocks;
	q->hashes_asked = true;
	for (size_t i = 0; i < q->nfound; i++)
		if (q->found[i].has && !block_of(q, q->found[i].receipt.block))
			add_block(q, (struct block_hash){.number = q->found[i].receipt.block});
	for (size_t from = first; from < q->nblocks; from += CALLS_MAX) {
		struct rpc_request *r = rpc_request(q->s->rpc);
		struct part *part = mem_alloc(sizeof *part);
		*part = (struct part){q, from};
		for (size_t i = from; i < q->nblocks && i < from + CALLS_MAX; i++)
			ask_hash(r, q->blocks[i].number);
		q->in_flight++;
		rpc_send(r, on_block_hashes, part);
	}
	return q->nblocks > first;
}

static void on_receipts(void *arg, const struct rpc_reply *r)
{
	struct part *part = arg;
	struct receipts *q = part->q;
	bool ok = sender_heard(q->s, r);
	for (int i = 0; ok && i < r->calls; i++) {
		const struct rpc_answer *a = &r->answers[i];
		struct err e = {0};
		struct found *f = &q->found[q->singles[part->from + (size_t)i]];
		if (!a->ok || !receipt_parse(a->result, &f->receipt, &f->has, &e)) {
			if (a->ok)
				sender_trouble(q->s, "eth_getTransactionReceipt", 0, str_of(e.text));
			f->has = false;
		} else if (f->has && memcmp(f->receipt.tx_hash, f->hash, 32) != 0) {
			f->has = false;
		}
	}
	free(part);
	one_back(q);
}

static void list_attempts(struct receipts *q)
{
	struct window *w = &q->s->window;
	size_t most = 0;
	for (size_t i = 0; i < w->n; i++)
		most += w->slots[i].phase == SLOT_COUNTED ? w->slots[i].nattempts : 0;
	q->found = mem_alloc((most + 1) * sizeof *q->found);
	for (size_t i = 0; i < w->n; i++) {
		struct slot *slot = &w->slots[i];
		if (slot->phase != SLOT_COUNTED)
			continue;
		for (size_t k = slot->nattempts; k-- > 0;) {
			struct found *f = &q->found[q->nfound++];
			f->nonce = slot->nonce;
			memcpy(f->hash, slot->attempts[k].hash, 32);
		}
	}
}

/* The count may be of a block above our head: that is looked at first, once. A few are not worth it. */
static bool may_stand_above(struct receipts *q, uint64_t nonce)
{
	struct sender *s = q->s;
	struct slot *slot = window_at(&s->window, nonce);
	if (!slot || slot->missed || q->failed || slot->counted_head != s->window.head ||
		q->nfound < BLOCK_OURS || s->no_receipts >= NO_RECEIPTS || s->one_by_one > 0 ||
		!(q->by_block || slot->unused_head >= s->window.head))
		return false;
	slot->missed = true;
	s->plan.head_due = true;
	return true;
}

/* Those of slots of which no attempt was found in a block. */
static void list_singles(struct receipts *q)
{
	q->singles = mem_alloc((q->nfound + 1) * sizeof *q->singles);
	for (size_t i = 0, end; i < q->nfound; i = end) {
		bool has = false;
		for (end = i; end < q->nfound && q->found[end].nonce == q->found[i].nonce; end++)
			has |= q->found[end].has;
		if (has || may_stand_above(q, q->found[i].nonce))
			continue;
		for (size_t k = i; k < end; k++)
			q->singles[q->nsingles++] = k;
	}
}

static bool ask_singles(struct receipts *q)
{
	q->by_hash = true;
	list_singles(q);
	for (size_t from = 0; from < q->nsingles; from += CALLS_MAX) {
		struct rpc_request *r = rpc_request(q->s->rpc);
		struct part *part = mem_alloc(sizeof *part);
		*part = (struct part){q, from};
		for (size_t i = from; i < q->nsingles && i < from + CALLS_MAX; i++) {
			char hash[67];
			hex_to_0x(hash, q->found[q->singles[i]].hash, 32);
			rpc_call(r, "eth_getTransactionReceipt", "[\"%s\"]", hash);
		}
		q->in_flight++;
		rpc_send(r, on_receipts, part);
	}
	return q->nsingles > 0;
}

/* ── all receipts of a block, where many of them are ours ── */

/* Ours stand in a block in the order of their nonces, so the next one is mostly the next. */
static void take_receipt(void *arg, const struct receipt *r)
{
	struct whole *b = arg;
	struct receipts *q = b->q;
	if (q->era != q->s->era)
		return;
	q->all++;
	for (size_t i = 0; i < q->nfound; i++) {
		struct found *f = &q->found[(q->next + i) % q->nfound];
		if (memcmp(f->hash, r->tx_hash, 32) != 0)
			continue;
		f->receipt = *r;
		f->has = true;
		f->asked = b->number;
		q->ours++;
		q->next = (size_t)(f - q->found) + 1;
		return;
	}
	/* Mined, but not counted at the head that was looked at, or its receipt is here already. */
	q->ours += memcmp(r->from, hand_address(q->s->hand), 20) == 0;
}

/* What a list held that was cut or broken does not count: it is asked by its hash. */
static void forget_receipts(struct whole *b)
{
	for (size_t i = 0; i < b->q->nfound; i++)
		if (b->q->found[i].asked == b->number)
			b->q->found[i].has = false;
}

static void no_block_receipts(struct sender *s, bool never)
{
	s->no_receipts = never ? NO_RECEIPTS : s->no_receipts + 1;
	if (s->no_receipts == NO_RECEIPTS)
		log_info("rpc.no_block_receipts", "The node gives no receipts of a whole block; asking one by one",
			F_STR("endpoint", s->endpoint));
}

/* What is not as it should be is one receipt of a block, perhaps a stranger's: no reason to leave the node
 * alone. Many blocks are one question, and fail once. */
static bool heard_block(struct whole *b, const struct rpc_reply *r)
{
	struct sender *s = b->q->s;
	struct err e = {0};
	if (receipt_stream_refused(b->stream, &e)) {
		log_odd("rpc.receipts", "A receipt of a block can't be read; asking one by one",
			F_STR("endpoint", s->endpoint), F_UINT("block", b->number), F_STR("reason", e.text));
		no_block_receipts(s, false);
		return false;
	}
	if (!r->ok && b->q->failed)
		return false;
	if (!sender_heard(s, r))
		return false;
	if (!r->answers[0].ok && b->q->era == s->era)
		no_block_receipts(s, r->answers[0].code == METHOD_NOT_FOUND);
	return r->answers[0].ok;
}

static void on_whole_block(void *arg, const struct rpc_reply *r)
{
	struct whole *b = arg;
	struct receipts *q = b->q;
	bool heard = heard_block(b, r);
	q->failed |= !heard;
	if (heard && q->era == q->s->era && receipt_stream_end(b->stream, NULL)) {
		struct block_hash hash = {.number = b->number};
		q->s->no_receipts = 0;
		take_hash(&hash, &r->answers[1]);
		if (hash.known) /* else it is asked behind the receipts */
			add_block(q, hash);
	} else {
		forget_receipts(b);
	}
	receipt_stream_free(b->stream);
	free(b);
	one_back(q);
}

/* Between the newest head that did not count them and the one that did. */
static bool ask_whole_blocks(struct receipts *q)
{
	const struct window *w = &q->s->window;
	uint64_t lo = UINT64_MAX;
	size_t n = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct slot *slot = &w->slots[i];
		if (slot->phase != SLOT_COUNTED || slot->unused_head == 0 || slot->unused_head + BLOCKS_MAX < w->head)
			continue;
		n++;
		lo = slot->unused_head < lo ? slot->unused_head : lo;
	}
	if (q->s->no_receipts >= NO_RECEIPTS || lo >= w->head || n < BLOCK_OURS * (w->head - lo))
		return false;
	if (q->s->one_by_one > 0) {
		q->s->one_by_one--;
		return false;
	}
	q->by_block = true;
	for (uint64_t number = lo + 1; number <= w->head; number++) {
		struct rpc_request *r = rpc_request(q->s->rpc);
		struct whole *b = mem_alloc(sizeof *b);
		*b = (struct whole){.q = q, .number = number};
		b->stream = receipt_stream_new(take_receipt, b);
		rpc_call(r, "eth_getBlockReceipts", "[\"0x%" PRIx64 "\"]", number);
		ask_hash(r, number);
		rpc_stream(r, 0, &receipt_stream_sax, b->stream);
		q->in_flight++;
		rpc_send(r, on_whole_block, b);
	}
	return true;
}

void proof_receipts(struct sender *s)
{
	struct receipts *q = mem_alloc(sizeof *q);
	*q = (struct receipts){.s = s, .era = s->era};
	s->plan.busy_receipts = true;
	s->plan.receipts_due = false;
	list_attempts(q);
	if (ask_whole_blocks(q) || ask_singles(q))
		return;
	s->plan.busy_receipts = false;
	free_receipts(q);
}

/* INV-7: a verdict carries its block's hash, and the endpoint gives that hash for that number. */
static void keep_verdicts(struct receipts *q)
{
	struct sender *s = q->s;
	struct store *st = mem_alloc(sizeof *st);
	st->list = mem_alloc((q->nfound + 1) * sizeof *st->list);
	st->nonces = mem_alloc((q->nfound + 1) * sizeof *st->nonces);
	for (size_t i = 0; i < q->nfound; i++) {
		const struct found *f = &q->found[i];
		const struct block_hash *b = f->has ? block_of(q, f->receipt.block) : NULL;
		struct slot *slot = window_at(&s->window, f->nonce);
		if (!b || !b->known || memcmp(b->hash, f->receipt.block_hash, 32) != 0 || !slot ||
			slot->phase != SLOT_COUNTED)
			continue;
		struct slots_verdict *v = &st->list[st->n];
		*v = (struct slots_verdict){.block = (int64_t)f->receipt.block,
			.gas = (int64_t)f->receipt.gas_used,
			.ok = f->receipt.ok,
			.price = f->receipt.price,
			.has_l1_fee = f->receipt.has_l1_fee,
			.l1_fee = f->receipt.l1_fee};
		memcpy(v->hash, f->hash, 32);
		memcpy(v->block_hash, b->hash, 32);
		st->nonces[st->n++] = f->nonce;
	}
	proof_fini(s);
	s->store = st;
}

static void finish_receipts(struct receipts *q)
{
	struct sender *s = q->s;
	if (q->by_block && !q->by_hash && 2 * q->ours < q->all)
		s->one_by_one = OTHERS_REST;
	if (q->era == s->era && !q->by_hash && ask_singles(q))
		return;
	if (q->era == s->era && !q->hashes_asked && ask_blocks(q))
		return;
	s->plan.busy_receipts = false;
	if (q->era == s->era)
		keep_verdicts(q);
	free_receipts(q);
	sender_drive(s);
}

/* ── verdicts into PostgreSQL, then the bell, then the line ── */

void proof_fini(struct sender *s)
{
	if (!s->store)
		return;
	free(s->store->list);
	free(s->store->nonces);
	free(s->store);
	s->store = NULL;
}

void proof_add(struct sender *s, uint64_t nonce, const struct slots_verdict *v)
{
	if (s->plan.busy_store)
		return; /* found again with the next final block */
	if (!s->store)
		s->store = mem_alloc(sizeof *s->store);
	struct store *st = s->store;
	st->list = mem_grow(st->list, st->n + 1, sizeof *st->list);
	st->nonces = mem_grow(st->nonces, st->n + 1, sizeof *st->nonces);
	st->list[st->n] = *v;
	st->nonces[st->n++] = nonce;
}

bool proof_store_due(const struct sender *s)
{
	return s->store && s->store->n > 0;
}

static void say_verdict(struct sender *s, const struct slot *slot, const struct slots_verdict *v)
{
	const struct attempt *a = NULL;
	for (size_t i = 0; i < slot->nattempts; i++)
		if (memcmp(slot->attempts[i].hash, v->hash, 32) == 0)
			a = &slot->attempts[i];
	if (!a)
		return;
	metric_add(v->ok ? s->meters.mined : s->meters.failed, 1);
	obey_mined(s, slot, a, (uint64_t)v->block);
	gauges_mined(s->gauges, (uint64_t)v->gas, v->price);
	char price[U256_DEC_MAX];
	u256_to_dec(price, v->price);
	if (v->ok && a->kind == ATTEMPT_CANCEL)
		log_info("batch.cancelled", "A slot was cancelled; its items are free when the block is final",
			F_INT("batch", slot->batch), F_HEX("tx", v->hash, 32), F_INT("block", v->block),
			F_UINT("nonce", slot->nonce));
	else if (v->ok)
		log_info("batch.mined", "Successfully processed batch", F_INT("batch", slot->batch),
			F_HEX("tx", v->hash, 32), F_INT("block", v->block), F_UINT("items", a->nitems),
			F_UINT("nonce", slot->nonce), F_INT("gas", v->gas), F_STR("price_wei", price),
			F_UINT("attempt", slot->nattempts));
	else
		log_odd("batch.reverted", "A batch reverted; its items are free when the block is final",
			F_INT("batch", slot->batch), F_HEX("tx", v->hash, 32), F_INT("block", v->block),
			F_UINT("items", a->nitems), F_UINT("nonce", slot->nonce), F_INT("gas", v->gas));
}

struct store_ask {
	struct sender *s;
	uint64_t era;
};

static void on_stored(void *arg, const struct pg_reply *r)
{
	struct store_ask *q = arg;
	struct sender *s = q->s;
	struct store *st = s->store;
	s->plan.busy_store = false;
	if (q->era == s->era && fault_hit(FAULT_verdict_after_commit)) {
		sender_reload(s, "the answer to a commit was lost");
	} else if (q->era == s->era && sender_stored(s, r, "verdicts") && st) {
		uint64_t highest = 0;
		for (size_t i = 0; i < st->n; i++)
			highest = st->nonces[i] > highest ? st->nonces[i] : highest;
		bus_ring(s->m->bus, BUS_WORK, "results", s->chain->name, (int64_t)highest, (int64_t)st->n);
		bool lost = fault_hit(FAULT_verdict_after_ring);
		for (size_t i = 0; i < st->n; i++) {
			struct slot *slot = window_at(&s->window, st->nonces[i]);
			if (!slot || slot->phase != SLOT_COUNTED)
				continue;
			say_verdict(s, slot, &st->list[i]);
			quote_mined(s, slot, st->list[i].hash, (uint64_t)st->list[i].block);
			window_mined(
				&s->window, slot, (uint64_t)st->list[i].block, st->list[i].block_hash, sender_now(s));
		}
		proof_fini(s);
		s->plan.watch_due = true;
		if (lost)
			sender_reload(s, "the answer to a ring was lost");
	}
	free(q);
	sender_drive(s);
}

void proof_store(struct sender *s)
{
	struct store_ask *q = mem_alloc(sizeof *q);
	*q = (struct store_ask){s, s->era};
	s->plan.busy_store = true;
	if (fault_hit(FAULT_verdict_before_commit)) {
		s->plan.busy_store = false;
		free(q);
		sender_reload(s, "verdicts could not be stored");
		return;
	}
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	slots_verdicts(u, &l, s->store->list, s->store->n);
	pg_unit_run(u, 0, on_stored, q);
}
