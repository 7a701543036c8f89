#include "common/evm/keccak.h"
#include "test/node/ask.h"

#include <stdlib.h>

/* Accounts, calls, fees, and sending. */

static bool pruned(struct ask *a, const struct block *k)
{
	const struct limits *l = &a->ep->limits;
	uint64_t first = l->state && l->state <= a->view.head ? a->view.head - l->state + 1 : 0;
	if (l->history > first)
		first = l->history;
	if (k->number >= first)
		return false;
	ask_fail_in_words(a, WORDS_STATE,
		&(struct words_numbers){.from = k->number, .to = k->number, .first = first, .limit = l->state});
	return true;
}

/* The block whose state is asked for. */
static bool state_of(struct ask *a, int i, struct block **k)
{
	if (!ask_block(a, a->ep->ignores_block ? NULL : ask_param(a, i), k))
		return false;
	if (!*k)
		return ask_fail(a, -32000, "header not found");
	return !pruned(a, *k);
}

static bool address_and_block(struct ask *a, uint8_t address[20], struct block **k)
{
	if (!json_fixed(ask_param(a, 0), address, 20))
		return ask_fail(a, -32602, "invalid argument 0: hex string has wrong length for common.Address");
	return state_of(a, 1, k);
}

static bool at_pending(const struct ask *a, bool otherwise)
{
	const cJSON *v = ask_param(a, 1);
	return v ? cJSON_IsString(v) && text_is(v->valuestring, "pending") : otherwise;
}

bool eth_tx_count(struct ask *a)
{
	uint8_t address[20];
	struct block *k;
	if (!address_and_block(a, address, &k))
		return false;
	if (at_pending(a, false) && !a->ep->no_pending)
		put_u64(&a->result, pool_next_nonce(a->ep->world, k, address));
	else
		put_u64(&a->result, chain_account(&a->ep->world->chain, k, address).nonce);
	return true;
}

bool eth_balance(struct ask *a)
{
	uint8_t address[20];
	struct block *k;
	if (!address_and_block(a, address, &k))
		return false;
	put_u256(&a->result, chain_balance(&a->ep->world->chain, k, address));
	return true;
}

/* Whatever a script calls a contract has code: one STOP. */
bool eth_code(struct ask *a)
{
	uint8_t address[20];
	struct block *k;
	if (!address_and_block(a, address, &k))
		return false;
	struct bytes code = chain_code(&a->ep->world->chain, address);
	if (code.n) {
		put_data(&a->result, code.p, code.n);
		return true;
	}
	for (const struct contract *c = a->ep->world->contracts; c; c = c->next)
		if (memcmp(c->to, address, 20) == 0) {
			buf_text(&a->result, "\"0x00\"");
			return true;
		}
	buf_text(&a->result, "\"0x\"");
	return true;
}

static bool run_call(struct ask *a, struct arena *arena, struct effect *out)
{
	const cJSON *o = ask_param(a, 0);
	const char *data = json_text(o, "input") ? json_text(o, "input") : json_text(o, "data");
	uint8_t to[20] = {0};
	struct bytes in = {NULL, 0};
	struct block *k;
	struct err e;
	if (data && !json_bytes(arena, data, &in, &e))
		return ask_fail(a, -32602, "invalid argument 0: %s", e.text);
	if (!state_of(a, 1, &k))
		return false;
	bool create = !json_fixed(json_get(o, "to"), to, 20);
	struct exec_at at = {.block = k, .pool = at_pending(a, a->ep->pending_calls)};
	exec_call(a->ep->world, &at, to, in, false, arena, out);
	if (create)
		out->gas = exec_intrinsic_gas(in, true);
	if (out->ok)
		return true;
	put_data(&a->data, out->out.p, out->out.n);
	struct buf why = {0};
	abi_revert_text(&why, NULL, 0, out->out);
	const char *text = text_starts(why.p, "Error: ") ? why.p + 7 : NULL;
	ask_fail(a, 3, "execution reverted%s%s", text ? ": " : "", text ? text : "");
	buf_fini(&why);
	return false;
}

bool eth_call(struct ask *a)
{
	struct arena arena = {0};
	struct effect out;
	bool ok = run_call(a, &arena, &out);
	if (ok)
		put_data(&a->result, out.out.p, out.out.n);
	arena_fini(&arena);
	return ok;
}

bool eth_estimate(struct ask *a)
{
	struct arena arena = {0};
	struct effect out;
	bool ok = run_call(a, &arena, &out);
	if (ok)
		put_u64(&a->result, out.gas);
	arena_fini(&arena);
	return ok;
}

/* ── fees ──────────────────────────────────────────────────────────────────────────────────────────────── */

static struct u256 tip_of(const struct mined *m, const struct block *k)
{
	struct u256 tip = u256_of(0);
	u256_sub(&tip, m->price, k->base_fee);
	return tip;
}

static void put_rewards(struct ask *a, const struct block *k, const cJSON *percentiles)
{
	const cJSON *p;
	struct u256 tips[256];
	size_t n = k->ntxs < 256 ? k->ntxs : 256;
	for (size_t i = 0; i < n; i++) { /* sorted as they come */
		struct u256 tip = tip_of(&k->txs[i], k);
		size_t at = i;
		for (; at > 0 && u256_lt(tip, tips[at - 1]); at--)
			tips[at] = tips[at - 1];
		tips[at] = tip;
	}
	buf_char(&a->result, '[');
	cJSON_ArrayForEach(p, percentiles)
	{
		if (a->result.p[a->result.n - 1] != '[')
			buf_char(&a->result, ',');
		size_t at = n ? (size_t)(p->valuedouble / 100 * (double)(n - 1)) : 0;
		put_u256(&a->result, n ? tips[at < n ? at : n - 1] : u256_of(0));
	}
	buf_char(&a->result, ']');
}

bool eth_fee_history(struct ask *a)
{
	struct block *newest;
	uint64_t n = json_u64(ask_param(a, 0), 1);
	if (!ask_block(a, ask_param(a, 1), &newest))
		return false;
	if (!newest)
		return ask_fail(a, -32000, "request beyond head block");
	n = n > 1024 ? 1024 : n > newest->number + 1 ? newest->number + 1 : n;
	uint64_t first = newest->number + 1 - n;
	struct buf *b = &a->result;
	buf_char(b, '{');
	put_field_u64(b, "oldestBlock", first);
	put_key(b, "baseFeePerGas");
	buf_char(b, '[');
	for (uint64_t i = first; i <= newest->number; i++) {
		put_u256(b, a->view.branch->at[i]->base_fee);
		buf_char(b, ',');
	}
	put_u256(b, chain_next_fee(&a->ep->world->chain, newest));
	buf_char(b, ']');
	put_key(b, "gasUsedRatio");
	buf_char(b, '[');
	for (uint64_t i = first; i <= newest->number; i++) {
		const struct block *k = a->view.branch->at[i];
		buf_printf(b, "%s%.6f", i > first ? "," : "", (double)k->gas_used / (double)k->gas_limit);
	}
	buf_char(b, ']');
	if (cJSON_GetArraySize(ask_param(a, 2)) > 0) {
		put_key(b, "reward");
		buf_char(b, '[');
		for (uint64_t i = first; i <= newest->number; i++) {
			if (i > first)
				buf_char(b, ',');
			put_rewards(a, a->view.branch->at[i], ask_param(a, 2));
		}
		buf_char(b, ']');
	}
	buf_char(b, '}');
	return true;
}

/* ── sending ───────────────────────────────────────────────────────────────────────────────────────────── */

static struct txn *read_raw(struct ask *a, const char *hex)
{
	struct world *w = a->ep->world;
	struct err e;
	struct txn *t = arena_alloc(&w->arena, sizeof *t);
	if (!json_bytes(&w->arena, hex, &t->raw, &e) ||
		!tx_decode(&w->arena, t->raw, &t->tx, &t->sig, t->from, t->hash, &e)) {
		ask_fail(a, -32000, "rlp: %s", e.text);
		return NULL;
	}
	t->is_signed = true;
	t->kind = (uint8_t)t->tx.type;
	return t;
}

bool eth_send_raw(struct ask *a)
{
	struct world *w = a->ep->world;
	const cJSON *v = ask_param(a, 0);
	struct pool_refusal r;
	if (!cJSON_IsString(v))
		return ask_fail(a, -32602, "missing value for required argument 0");
	size_t place = w->nheard;
	record_raw(a->ep, v->valuestring);
	struct txn *t = read_raw(a, v->valuestring);
	struct heard *h = &w->heard[place];
	h->txn = t;
	if (t && !a->swallow && !pool_add(w, view_head(&a->view), t, &r)) {
		ask_fail(a, r.code, "%s", r.text);
		t = NULL;
	}
	if (!t) {
		h->answer = mem_text(a->message.p);
		return false;
	}
	h->accepted = true;
	put_data(&a->result, t->hash, 32);
	if (w->auto_mine) {
		world_mine(w, a->ep->branch, NULL, 0, true, &(struct mine_options){.time = 0});
		world_moved(w);
	}
	return true;
}
