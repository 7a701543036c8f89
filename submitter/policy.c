#include "submitter/policy.h"

#include "common/base/mem.h"
#include "common/base/sentence.h"
#include "submitter/price.h"

/* ── from the file ── */

static void add_call(struct policy_call *list, size_t *n, const struct policy_call *call)
{
	for (size_t i = 0; i < *n; i++)
		if (memcmp(&list[i], call, sizeof *call) == 0)
			return;
	list[(*n)++] = *call;
}

static struct policy_call call_of(const uint8_t to[20], const struct abi_entry *fn)
{
	struct policy_call call = {.any = fn == NULL};
	memcpy(call.to, to, 20);
	if (fn)
		memcpy(call.selector, fn->hash, 4);
	return call;
}

/* allow: where it is written, else exactly what the sends of this signer name. */
void policy_of(struct policy *p, struct arena *a, const struct config *c, const struct signer_decl *s)
{
	struct policy_call *calls = arena_alloc(a, (c->nbatches + s->nallow + 1) * sizeof *calls);
	size_t n = 0;
	for (size_t i = 0; i < s->nallow; i++) {
		struct policy_call call = call_of(s->allow[i].to, s->allow[i].fn);
		add_call(calls, &n, &call);
	}
	for (size_t i = 0; !s->has_allow && i < c->nbatches; i++) {
		const struct batch_decl *b = &c->batches[i];
		if (b->signer != s || !b->send.contract || !b->send.fn || b->send.contract->naddresses == 0)
			continue;
		struct policy_call call = call_of(b->send.contract->addresses[0], b->send.fn);
		add_call(calls, &n, &call);
	}
	p->calls = calls;
	p->ncalls = n;
	p->max_value = s->max_value;
	p->has_max = s->has_max;
	p->max = s->max;
	p->has_cancel_max = s->has_cancel_max;
	p->cancel_max = s->cancel_max;
	p->has_max_cost = s->has_max_cost;
	p->max_cost = s->max_cost;
	p->has_spend = s->spend_ms > 0;
	p->spend = s->spend;
	p->gas_max = s->gas_limit ? s->gas_limit : PRICE_GAS_CAP;
}

/* ── one transaction ── */

static bool no(struct buf *why, const char *code)
{
	if (why)
		reason_code(why, code);
	return false;
}

static void says_hex(struct buf *why, const char *key, const uint8_t *p, size_t n)
{
	char text[67];
	must(n <= 32);
	if (!why)
		return;
	hex_to_0x(text, p, n);
	reason_text(why, key, text);
}

static void says_int(struct buf *why, const char *key, uint64_t v)
{
	if (why)
		reason_u256(why, key, u256_of(v));
}

static bool above(struct buf *why, const char *code, struct u256 has, struct u256 most)
{
	if (!u256_lt(most, has))
		return true;
	no(why, code);
	if (why) {
		reason_u256(why, "has", has);
		reason_u256(why, "most", most);
	}
	return false;
}

struct u256 policy_cost(const struct tx *t)
{
	struct u256 cost;
	if (u256_mul(&cost, t->fee, u256_of(t->gas)) && u256_add(&cost, cost, t->value))
		return cost;
	uint8_t all[32];
	memset(all, 0xff, sizeof all);
	return u256_from_be(all);
}

/* Nothing but its nonce: to self, no value, no data. */
static bool policy_is_noop(const struct policy *p, const struct tx *t)
{
	return !t->create && t->data.n == 0 && u256_is_zero(t->value) && memcmp(t->to, p->self, 20) == 0;
}

static bool is_pool_transfer(const struct policy *p, const struct tx *t)
{
	for (size_t i = 0; i < p->npool && t->data.n == 0; i++)
		if (memcmp(t->to, p->pool[i], 20) == 0 && memcmp(t->to, p->self, 20) != 0)
			return true;
	return false;
}

/* To an address that the file names, and with a function that it names there. */
static bool allows_call(const struct policy *p, const struct tx *t, struct buf *why)
{
	bool known = false;
	for (size_t i = 0; i < p->ncalls; i++) {
		const struct policy_call *c = &p->calls[i];
		if (memcmp(c->to, t->to, 20) != 0)
			continue;
		known = true;
		if (c->any || (t->data.n >= 4 && memcmp(c->selector, t->data.p, 4) == 0))
			return true;
	}
	no(why, known ? "policy_call" : "policy_to");
	says_hex(why, "to", t->to, 20);
	if (known)
		says_hex(why, "selector", t->data.p, t->data.n < 4 ? t->data.n : 4);
	return false;
}

static bool allows_price(const struct policy *p, const struct tx *t, bool noop, struct buf *why)
{
	bool own = noop && p->has_cancel_max;
	if (t->type == TX_FEE_MARKET && u256_lt(t->fee, t->tip))
		return above(why, "policy_price", t->tip, t->fee);
	if ((p->has_max || own) && !above(why, "policy_price", t->fee, own ? p->cancel_max : p->max))
		return false;
	if (t->gas > p->gas_max && !(noop && t->gas == 21000)) {
		no(why, "policy_gas");
		says_int(why, "has", t->gas);
		says_int(why, "most", p->gas_max);
		return false;
	}
	struct u256 cost = policy_cost(t);
	if (noop) /* what a slot needs to end: within the price of a gas, whatever else it costs (S3) */
		return true;
	if (p->has_max_cost && !above(why, "policy_cost", cost, p->max_cost))
		return false;
	return !p->has_spend || above(why, "policy_spend", cost, p->spend);
}

bool policy_allows(const struct policy *p, const struct tx *t, struct buf *why)
{
	if (t->chain_id != p->chain_id) {
		no(why, "policy_chain");
		says_int(why, "has", t->chain_id);
		says_int(why, "want", p->chain_id);
		return false;
	}
	if (t->create)
		return no(why, "policy_kind");
	if (t->type != TX_LEGACY && t->type != TX_FEE_MARKET)
		return no(why, "policy_kind");
	if (t->naccess)
		return no(why, "policy_kind");
	bool noop = policy_is_noop(p, t), pool = !noop && is_pool_transfer(p, t);
	if (!noop && !pool && !allows_call(p, t, why))
		return false;
	if (!above(why, "policy_value", t->value, pool ? p->pool_value : p->max_value))
		return false;
	return allows_price(p, t, noop, why);
}

/* ── signed bytes ── */

static bool is_same(const struct tx *a, const struct tx *b)
{
	return a->type == b->type && a->chain_id == b->chain_id && a->nonce == b->nonce &&
		   u256_cmp(a->fee, b->fee) == 0 && (a->type != TX_FEE_MARKET || u256_cmp(a->tip, b->tip) == 0) &&
		   a->gas == b->gas && a->create == b->create && memcmp(a->to, b->to, 20) == 0 &&
		   u256_cmp(a->value, b->value) == 0 && a->naccess == b->naccess && a->data.n == b->data.n &&
		   (a->data.n == 0 || memcmp(a->data.p, b->data.p, a->data.n) == 0);
}

static bool not_ours(struct buf *why, const char *what)
{
	no(why, "policy_bytes");
	if (why)
		reason_text(why, "text", what);
	return false;
}

bool policy_allows_raw(const struct policy *p, const struct tx *t, struct bytes raw, struct buf *why)
{
	struct arena a = {0};
	struct tx got;
	struct signature sig;
	struct err e = {0};
	bool ok;
	if (!tx_read(&a, raw, &got, &sig, &e))
		ok = not_ours(why, e.text);
	else if (!is_same(&got, t))
		ok = not_ours(why, "they say something else than was asked for");
	else
		ok = policy_allows(p, &got, why);
	arena_fini(&a);
	return ok;
}

/* ── PostgreSQL's word ── */

static bool number(struct str reason, const char *key, struct u256 *out)
{
	struct buf b = {0};
	bool ok = reason_get(reason, key, &b) && u256_from_dec(out, (struct str){b.p, b.n});
	buf_fini(&b);
	return ok;
}

void policy_refused(struct str reason, struct policy_refusal *out)
{
	struct u256 until;
	uint64_t ms;
	*out = (struct policy_refusal){.frozen = reason_is(reason, "policy_frozen"),
		.limit = reason_is(reason, "policy_limit"),
		.spend = reason_is(reason, "policy_spend")};
	if (!number(reason, "room", &out->room))
		out->room = u256_of(0);
	if (number(reason, "until", &until) && u256_to_u64(until, &ms) && ms < INT64_MAX)
		out->until_ms = (int64_t)ms;
}
