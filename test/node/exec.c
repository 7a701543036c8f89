#include "common/evm/keccak.h"
#include "test/node/world.h"

#include <stdlib.h>

/* Yellow Paper 6.2, EIP-2028 (16 a non-zero byte), EIP-2 (53000 to create). */
uint64_t exec_intrinsic_gas(struct bytes data, bool create)
{
	uint64_t gas = create ? 53000 : 21000;
	for (size_t i = 0; i < data.n; i++)
		gas += data.p[i] ? 16 : 4;
	return gas;
}

static struct contract *find(const struct world *w, const uint8_t to[20], struct bytes data)
{
	struct contract *any = NULL;
	for (struct contract *c = w->contracts; c; c = c->next) {
		if (memcmp(c->to, to, 20) != 0)
			continue;
		if (c->any)
			any = any ? any : c;
		else if (data.n >= 4 && memcmp(c->fn.hash, data.p, 4) == 0)
			return c;
	}
	return any;
}

/* ── effects: the counted argument, item by item, as 32-byte words ─────────────────────────────────────── */

static void word_of(uint8_t out[32], const struct abi_type *t, const struct abi_value *v)
{
	memset(out, 0, 32);
	if (t->kind == ABI_UINT || t->kind == ABI_INT || t->kind == ABI_BOOL)
		u256_to_be(out, v->number);
	else if (t->kind == ABI_ADDRESS)
		memcpy(out + 12, v->bytes.p, 20);
	else if (t->kind == ABI_BYTESN)
		memcpy(out, v->bytes.p, v->bytes.n);
	else
		keccak256(out, v->bytes.p, v->bytes.n);
}

static size_t effects_of(
	const struct contract *c, struct bytes data, struct arena *a, uint8_t (**out)[32], bool *bad)
{
	*out = NULL;
	*bad = false;
	if (c->any || c->count < 0)
		return 0;
	struct abi_value *v = arena_alloc(a, (c->fn.nin + 1) * sizeof *v);
	struct bytes args = {data.p + 4, data.n - 4};
	if (!abi_decode(a, args, c->fn.in, c->fn.nin, v, NULL)) {
		*bad = true;
		return 0;
	}
	const struct abi_type *t = &c->fn.in[c->count].type;
	bool list = t->kind == ABI_ARRAY;
	size_t n = list ? v[c->count].n : 1;
	*out = arena_alloc(a, (n + 1) * 32);
	for (size_t i = 0; i < n; i++)
		word_of((*out)[i], list ? t->item : t, list ? &v[c->count].items[i] : &v[c->count]);
	return n;
}

static bool poisoned(const struct contract *c, const uint8_t (*words)[32], size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < c->npoison; p++)
			if (memcmp(words[i], c->poison[p], 32) == 0)
				return true;
	return false;
}

struct tally {
	uint8_t (*words)[32];
	uint64_t *times;
	size_t n;
	const uint8_t *only; /* NULL: all */
	uint64_t hits;
};

static void count_effect(struct tally *t, const uint8_t word[32])
{
	if (t->only) {
		t->hits += memcmp(t->only, word, 32) == 0;
		return;
	}
	size_t i = 0;
	while (i < t->n && memcmp(t->words[i], word, 32) != 0)
		i++;
	if (i == t->n) {
		t->words = mem_grow(t->words, t->n + 1, 32);
		t->times = mem_grow(t->times, t->n + 1, sizeof *t->times);
		memcpy(t->words[t->n], word, 32);
		t->times[t->n++] = 0;
	}
	t->times[i]++;
}

static void tally_tx(const struct world *w, const struct txn *x, const uint8_t to[20], struct tally *t)
{
	struct arena a = {0};
	const struct contract *c = find(w, x->tx.to, x->tx.data);
	uint8_t(*words)[32];
	bool bad;
	if (!x->is_signed || !c || memcmp(c->to, to, 20) != 0)
		return;
	size_t n = effects_of(c, x->tx.data, &a, &words, &bad);
	for (size_t i = 0; i < n; i++)
		count_effect(t, words[i]);
	arena_fini(&a);
}

/* Every effect of that address up to there. */
static void tally_all(const struct world *w, const struct exec_at *at, const uint8_t to[20], struct tally *t)
{
	for (const struct block *k = at->block->active; k; k = k->parent ? k->parent->active : NULL)
		for (uint32_t i = 0; i < k->ntxs; i++)
			if (k->txs[i].ok)
				tally_tx(w, k->txs[i].txn, to, t);
	for (size_t i = 0; i < at->n; i++)
		if (at->behind[i].ok)
			tally_tx(w, at->behind[i].txn, to, t);
	for (size_t i = 0; at->pool && i < w->pool.n; i++)
		tally_tx(w, w->pool.list[i].txn, to, t);
}

void exec_effects(struct world *w, const struct block *head, const uint8_t to[20], struct buf *out)
{
	struct tally t = {.n = 0};
	tally_all(w, &(struct exec_at){.block = head}, to, &t);
	buf_char(out, '{');
	for (size_t i = 0; i < t.n; i++) {
		char key[80];
		struct u256 v = u256_from_be(t.words[i]);
		uint64_t small;
		if (u256_to_u64(v, &small))
			u256_to_dec(key, v);
		else
			hex_to_0x(key, t.words[i], 32);
		put_field_number(out, key, t.times[i]);
	}
	buf_char(out, '}');
	free(t.words);
	free(t.times);
}

/* ── calls ─────────────────────────────────────────────────────────────────────────────────────────────── */

static bool happened(const struct world *w, const struct exec_at *at, const struct contract *c,
	const uint8_t (*words)[32], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tally t = {.only = words[i]};
		tally_all(w, at, c->to, &t);
		if (t.hits > 0)
			return true;
	}
	return false;
}

/* Error(string): keccak("Error(string)")[..4] ‖ abi.encode(text) */
static struct bytes error_text(struct arena *a, const char *text)
{
	struct buf b = {0};
	struct abi_param p = {.type = {.kind = ABI_STRING}};
	struct abi_value v = {.bytes = {(const uint8_t *)text, strlen(text)}};
	static const uint8_t selector[4] = {0x08, 0xc3, 0x79, 0xa0};
	buf_put(&b, selector, 4);
	must(abi_encode(&b, &p, 1, &v, NULL));
	struct bytes out = {arena_copy(a, b.p, b.n), b.n};
	buf_fini(&b);
	return out;
}

void exec_call(struct world *w, const struct exec_at *at, const uint8_t to[20], struct bytes data, bool mined,
	struct arena *a, struct effect *out)
{
	const struct contract *c = find(w, to, data);
	uint8_t(*words)[32];
	bool bad = false;
	*out = (struct effect){.ok = true, .gas = exec_intrinsic_gas(data, false), .contract = c};
	if (!c)
		return;
	size_t n = effects_of(c, data, a, &words, &bad);
	out->gas += c->gas + c->gas_each * n;
	if (bad || c->reverts || (c->once && happened(w, at, c, (const uint8_t(*)[32])words, n)) ||
		(mined && c->tx_fails) || poisoned(c, (const uint8_t(*)[32])words, n)) {
		out->ok = false;
		out->out = c->revert.n ? c->revert : error_text(a, bad ? "bad arguments" : "refused");
		return;
	}
	out->out = c->returns;
	if (c->effects_of && data.n >= 36) {
		struct tally t = {.only = data.p + 4};
		uint8_t *word = arena_alloc(a, 32);
		tally_all(w, at, c->effects_of->to, &t);
		u256_to_be(word, u256_of(t.hits));
		out->out = (struct bytes){word, 32};
	}
}

/* ── the command ───────────────────────────────────────────────────────────────────────────────────────── */

static bool read_function(struct world *w, const cJSON *o, struct contract *c, struct err *e)
{
	const char *text = json_text(o, "function"), *count = json_text(o, "count");
	size_t at;
	c->any = text == NULL;
	c->count = -1;
	if (c->any)
		return count ? err_set(e, ERR_MALFORMED, "count needs a function") : true;
	const char *line = text_starts(text, "function ") ? text : arena_printf(&w->arena, "function %s", text);
	if (!abi_parse_line(&w->arena, str_of(line), &c->fn, &at, e))
		return err_prefix(e, "%s", text);
	for (size_t i = 0; count && i < c->fn.nin; i++)
		if (text_is(c->fn.in[i].name, count))
			c->count = (int)i;
	return !count || c->count >= 0 || err_set(e, ERR_MALFORMED, "%s has no argument %s", text, count);
}

static bool read_poison(struct world *w, const cJSON *list, struct contract *c, struct err *e)
{
	c->npoison = list ? (size_t)cJSON_GetArraySize(list) : 0;
	uint8_t(*words)[32] = arena_alloc(&w->arena, (c->npoison + 1) * 32);
	c->poison = (const uint8_t(*)[32])words;
	for (size_t i = 0; i < c->npoison; i++) {
		const cJSON *v = cJSON_GetArrayItem(list, (int)i);
		struct u256 number;
		if (!json_fixed(v, words[i], 32)) {
			if (!json_u256(v, &number))
				return err_set(e, ERR_MALFORMED, "poison: numbers or 32 bytes of hex");
			u256_to_be(words[i], number);
		}
	}
	return true;
}

static bool read_outcome(struct world *w, const cJSON *o, struct contract *c, struct err *e)
{
	const cJSON *revert = json_get(o, "revert"), *log, *logs = json_get(o, "logs");
	const char *returns = json_text(o, "returns");
	c->reverts = revert && !cJSON_IsFalse(revert) && !json_get(o, "poison") && !json_get(o, "once");
	c->tx_fails = json_get_bool(o, "tx_fails", false);
	c->once = json_get_bool(o, "once", false);
	c->gas = json_get_u64(o, "gas", 30000);
	c->gas_each = json_get_u64(o, "gas_each", 25000);
	if (cJSON_IsString(revert) && text_starts(revert->valuestring, "0x")) {
		if (!json_bytes(&w->arena, revert->valuestring, &c->revert, e))
			return false;
	} else if (cJSON_IsString(revert)) {
		c->revert = error_text(&w->arena, revert->valuestring);
	}
	if (returns && !json_bytes(&w->arena, returns, &c->returns, e))
		return false;
	c->runs = arena_alloc(&w->arena, ((logs ? (size_t)cJSON_GetArraySize(logs) : 0) + 1) * sizeof *c->runs);
	cJSON_ArrayForEach(log, logs)
	{
		struct shape *s = shape_read(&w->arena, log, e);
		if (!s)
			return false;
		c->runs[c->nruns++] = (struct run){s, 0, (uint32_t)json_get_u64(log, "count", 1)};
	}
	return true;
}

bool exec_contract(struct world *w, const cJSON *o, struct err *e)
{
	struct contract *c = arena_alloc(&w->arena, sizeof *c);
	if (!json_fixed(json_get(o, "address"), c->to, 20))
		return err_set(e, ERR_MALFORMED, "contract: address is 0x and 40 hex digits");
	if (!read_function(w, o, c, e) || !read_poison(w, json_get(o, "poison"), c, e) ||
		!read_outcome(w, o, c, e))
		return false;
	if (json_get_bool(o, "effects", false))
		c->effects_of = c;
	c->next = w->contracts; /* the newest of a function is the one that holds */
	w->contracts = c;
	return true;
}
