#include "submitter/trace.h"

const char *consumer_name(enum consumer_kind k)
{
	static const char *const names[] = {"unknown", "transaction", "authorization", "delegated", "deposit"};
	return names[k];
}

void trace_begin(struct trace *t, const uint8_t address[20], uint64_t network, uint64_t nonce, uint64_t final,
	const uint64_t *hint, const uint8_t (*ours)[32], size_t nours)
{
	*t = (struct trace){.nonce = nonce,
		.final = final,
		.network = network,
		.ours = ours,
		.nours = nours,
		.phase = T_FINAL,
		.step = 1};
	memcpy(t->address, address, 20);
	t->hinted = hint && *hint < final;
	t->low = t->hinted ? *hint : 0;
}

struct trace_ask trace_next(const struct trace *t)
{
	struct trace_ask a = {.want = TRACE_COUNT, .n = 1};
	switch (t->phase) {
	case T_FINAL: a.at = t->final; break;
	case T_LOW: a.at = t->low; break;
	case T_BISECT: a.at = t->low + (t->high - t->low) / 2; break;
	case T_BODY:
		a.want = TRACE_BODIES;
		a.at = t->high;
		break;
	case T_STATES: a.want = TRACE_STATES; break;
	case T_WALK:
		a.want = TRACE_BODIES;
		a.at = t->high;
		a.n = t->high + 1 < TRACE_WALK_AT_ONCE ? (unsigned)t->high + 1 : TRACE_WALK_AT_ONCE;
		break;
	case T_END: a.want = TRACE_ENDS; break;
	}
	return a;
}

static void ends(struct trace *t, enum trace_verdict v, const char *why)
{
	t->phase = T_END;
	t->verdict = v;
	t->why = why;
}

static void ends_at(
	struct trace *t, enum trace_verdict v, const struct trace_block *k, const struct consumer *by)
{
	t->block = k->number;
	t->time = k->time;
	memcpy(t->hash, k->hash, 32);
	memcpy(t->parent, k->parent, 32);
	t->consumer = *by;
	ends(t, v, NULL);
}

/* ── by state ── */

static void walks(struct trace *t, const char *why)
{
	t->phase = T_WALK;
	t->high = t->final;
	t->walked = 0;
	t->passed = t->linked = t->has_auth = false;
	t->why = why;
}

/* A block at which the count had not passed: ever farther down, in growing steps. */
static void goes_down(struct trace *t)
{
	t->phase = T_LOW;
	t->low = t->high > t->step ? t->high - t->step : 0;
	t->step *= 2;
}

static void narrows(struct trace *t)
{
	t->phase = t->high - t->low > 1 ? T_BISECT : T_BODY;
}

static void again(struct trace *t, const char *why)
{
	if (++t->tries == TRACE_TRIES) {
		walks(t, why);
		return;
	}
	t->phase = T_FINAL;
	t->hinted = false;
	t->step = 1;
}

static void on_low(struct trace *t, bool served, bool passed)
{
	if (served && !passed) {
		narrows(t);
	} else if (!served && t->hinted) { /* too old; a nearer one may be served */
		t->hinted = false;
		goes_down(t);
	} else if (!served) {
		walks(t, "the node does not serve the account's count at old blocks");
	} else if (t->low == 0) {
		/* Nobody has a transaction in genesis: the answer is not about the block that was asked for. */
		walks(t, "the node gives the same count of the account whatever block is asked for");
	} else {
		t->hinted = false;
		t->high = t->low;
		goes_down(t);
	}
}

void trace_count(struct trace *t, bool served, uint64_t count)
{
	bool passed = count > t->nonce;
	switch (t->phase) {
	case T_FINAL:
		if (!served) {
			walks(t, "the node does not serve the account's count at the final block");
		} else if (!passed) {
			ends(t, TRACE_EARLY, NULL);
		} else {
			t->high = t->final;
			t->phase = T_LOW;
			if (!t->hinted)
				goes_down(t);
		}
		break;
	case T_LOW: on_low(t, served, passed); break;
	case T_BISECT:
		if (!served) {
			walks(t, "the node does not serve the account's count at old blocks");
			break;
		}
		if (passed)
			t->high = trace_next(t).at;
		else
			t->low = trace_next(t).at;
		narrows(t);
		break;
	default: must(false);
	}
}

/* EIP-7702, "Behavior" 1 and 6: "Verify the chain ID is 0 or the ID of the current chain", "Verify the nonce
 * of authority is equal to nonce". */
static bool is_authorized(const struct trace *t, const struct body_tx *x)
{
	for (size_t i = 0; i < x->nauths; i++) {
		const struct authorization *a = &x->auths[i];
		uint8_t who[20];
		bool here = u256_is_zero(a->chain_id) || u256_cmp(a->chain_id, u256_of(t->network)) == 0;
		if (here && a->nonce == t->nonce && authorization_signer(a, who) && memcmp(who, t->address, 20) == 0)
			return true;
	}
	return false;
}

static struct consumer consumer_of(enum consumer_kind kind, const struct body_tx *x)
{
	struct consumer c = {.kind = kind, .has_tx = true, .has_to = x->has_to, .ndata = x->data.n};
	memcpy(c.tx, x->hash, 32);
	memcpy(c.by, x->from, 20);
	memcpy(c.to, x->to, 20);
	memcpy(c.selector, x->data.p ? x->data.p : c.selector, x->data.n < 4 ? x->data.n : 4);
	return c;
}

static bool is_ours(const struct trace *t, const struct body_tx *x)
{
	for (size_t i = 0; i < t->nours; i++)
		if (memcmp(t->ours[i], x->hash, 32) == 0)
			return true;
	return false;
}

/* What a block says by itself, whatever any count is: a transaction of the sender with this nonce. */
static bool decides(struct trace *t, const struct trace_block *k, const struct body_tx *x)
{
	bool ours = is_ours(t, x);
	bool same = x->type != BODY_DEPOSIT && x->nonce == t->nonce && memcmp(x->from, t->address, 20) == 0;
	if (!ours && !same)
		return false;
	struct consumer c = consumer_of(CONSUMER_TRANSACTION, x);
	ends_at(t, ours ? TRACE_OURS : TRACE_FOREIGN, k, &c);
	return true;
}

static struct trace_block block_of(const struct body *b)
{
	struct trace_block k = {.number = b->number, .time = b->time};
	memcpy(k.hash, b->hash, 32);
	memcpy(k.parent, b->parent, 32);
	return k;
}

static void on_bisected(struct trace *t, const struct body *b)
{
	if (!b || b->number != t->high) {
		again(t, "the node does not give the block in which the count passes the nonce");
		return;
	}
	struct trace_block k = block_of(b);
	for (size_t i = 0; i < b->ntxs; i++)
		if (decides(t, &k, &b->txs[i]))
			return;
	t->likely = (struct consumer){.kind = CONSUMER_UNKNOWN};
	for (size_t i = 0; i < b->ntxs && t->likely.kind == CONSUMER_UNKNOWN; i++) {
		const struct body_tx *x = &b->txs[i];
		if (is_authorized(t, x))
			t->likely = consumer_of(CONSUMER_AUTHORIZATION, x);
		else if (x->type == BODY_DEPOSIT && memcmp(x->from, t->address, 20) == 0)
			t->likely = consumer_of(CONSUMER_DEPOSIT, x);
	}
	t->auth_at = k;
	memcpy(t->hash, b->hash, 32);
	memcpy(t->parent, b->parent, 32);
	t->phase = T_STATES;
}

void trace_states(struct trace *t, bool served, uint64_t before, uint64_t behind, bool has_code)
{
	must(t->phase == T_STATES);
	if (!served || before > t->nonce || behind <= t->nonce) {
		again(t, "the block in which the count seemed to pass the nonce does not bear it out");
		return;
	}
	if (t->likely.kind == CONSUMER_UNKNOWN && has_code)
		t->likely.kind = CONSUMER_DELEGATED;
	if (t->likely.kind == CONSUMER_UNKNOWN)
		again(t, "nothing in the block in which the count seems to pass the nonce can have moved it");
	else
		ends_at(t, TRACE_FOREIGN, &t->auth_at, &t->likely);
}

/* ── by bodies ── */

/* Downwards: one block. An authorization is taken only between two transactions of the sender that stand on
 * either side of the nonce: the one above shows that the nonce is consumed, the one below that it was not
 * before; and none of ours was in between. */
static void on_walked(struct trace *t, const struct body *b)
{
	if (!b || b->number != t->high || (t->linked && memcmp(t->link, b->hash, 32) != 0)) {
		ends(t, TRACE_UNPROVED, t->why);
		return;
	}
	struct trace_block k = block_of(b);
	for (size_t i = b->ntxs; i-- > 0;) {
		const struct body_tx *x = &b->txs[i];
		if (decides(t, &k, x))
			return;
		bool own = x->type != BODY_DEPOSIT && memcmp(x->from, t->address, 20) == 0;
		if (own && x->nonce < t->nonce) {
			if (t->has_auth)
				ends_at(t, TRACE_FOREIGN, &t->auth_at, &t->auth);
			else
				ends(t, TRACE_UNPROVED, t->why);
			return;
		}
		t->passed |= own; /* its nonce is higher */
		if (t->passed && is_authorized(t, x)) {
			t->has_auth = true;
			t->auth = consumer_of(CONSUMER_AUTHORIZATION, x);
			t->auth_at = k;
		}
	}
	t->linked = true;
	memcpy(t->link, b->parent, 32);
	if (t->high == 0 || ++t->walked == TRACE_WALK_MAX)
		ends(t, TRACE_UNPROVED, t->why);
	else
		t->high--;
}

void trace_body(struct trace *t, const struct body *b)
{
	if (t->phase == T_END)
		return;
	must(t->phase == T_BODY || t->phase == T_WALK);
	if (t->phase == T_BODY)
		on_bisected(t, b);
	else
		on_walked(t, b);
}
