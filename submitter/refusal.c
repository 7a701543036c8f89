/* What becomes of a transaction that a policy forbids (policy.h, sql/025): a row, a line, a count; then the
 * lane goes on with what is allowed. It is tried again when a window has room, after a thaw, under another
 * file.
 *
 * A freeze, or a window that is used up, keeps every slot's end: what is committed leaves again and again,
 * and a no-op on its nonce is always allowed within the caps of a gas (S3). */
#include "common/base/sentence.h"
#include "common/io/loop.h"
#include "common/io/log.h"
#include "submitter/sender.h"

#include <stdio.h>

enum { AGAIN_MS = 5000, FROZEN_LOOK_MS = 5000 };

void refusal_open(struct sender *s)
{
	struct policy *p = &s->may;
	const struct signer_decl *d = s->signer;
	p->self = hand_address(s->hand);
	policy_of(p, &s->may_mem, s->m->config, d);
	s->windows = (struct slots_windows){
		.limit = d->limit, .limit_ms = d->limit_ms, .spend = d->spend, .spend_ms = d->spend_ms};
}

/* The file's word where there is one: then the node's is not believed. */
static const struct policy *policy_now(struct sender *s)
{
	s->may.chain_id = s->chain->has_id ? s->chain->id : s->network;
	return &s->may;
}

/* The same thing of the same slot or batch is told once, as long as it is remembered. */
static bool is_told(struct sender *s, int64_t batch, int64_t nonce, struct str reason)
{
	struct told *t;
	uint32_t code = 5381;
	for (size_t i = 0; i < reason.n && reason.p[i] != ' '; i++)
		code = code * 33 + (uint8_t)reason.p[i];
	for (size_t i = 0; i < TOLD_MAX; i++) {
		t = &s->told[i];
		if (t->code == code && t->batch == batch && t->nonce == nonce)
			return true;
	}
	s->told[s->next_told++ % TOLD_MAX] = (struct told){batch, nonce, code};
	return false;
}

static void on_row(void *arg, const struct pg_reply *r)
{
	struct sender *s = arg;
	if (r->outcome == PG_OK)
		return;
	memset(s->told, 0, sizeof s->told); /* told again when it is refused again */
	sender_noted(s, r);
}

void refusal_note(struct sender *s, int64_t batch, int64_t nonce, enum attempt_kind kind, struct str reason)
{
	char code[40], labels[160], text[400];
	struct buf said = {0};
	if (is_told(s, batch, nonce, reason))
		return;
	const char *space = memchr(reason.p, ' ', reason.n);
	snprintf(code, sizeof code, "%.*s", (int)(space ? space - reason.p : (ptrdiff_t)reason.n), reason.p);
	snprintf(labels, sizeof labels, "signer=\"%s\",policy=\"%s\"", s->signer->name,
		strncmp(code, "policy_", 7) == 0 ? code + 7 : code);
	snprintf(text, sizeof text, "%.*s", (int)reason.n, reason.p);
	metric_add(metric(METRIC_COUNTER, "fairlead_policy_refusals_total",
				   "Transactions that a policy of the signer forbade", labels),
		1);
	sentence_say(&said, reason, SENTENCE_TEXT, clock_wall_ms());
	log_odd("policy.refused", "A policy of the signer forbids a transaction; it waits",
		F_STR("signer", s->signer->name), F_STR("kind", attempt_kind_name(kind)), F_INT("batch", batch),
		F_INT("nonce", nonce), F_STR("policy", code), F_STR("reason", said.p ? said.p : text));
	buf_fini(&said);
	if (!s->lease || !lease_held(s->lease))
		return;
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	slots_refuse(u, &l, batch, nonce, attempt_kind_name(kind), text);
	pg_unit_run(u, 0, on_row, s);
}

/* ── what is about to be signed, and what was ── */

bool refusal_of_batch(struct sender *s, int64_t batch, const struct tx *t)
{
	struct buf why = {0};
	bool refused = !policy_allows(policy_now(s), t, &why);
	if (refused) {
		refusal_note(s, batch, -1, ATTEMPT_SEND, (struct str){why.p, why.n});
		feed_hold_batch(s, batch, 0, AGAIN_MS);
	}
	buf_fini(&why);
	return refused;
}

bool refusal_of_change(struct sender *s, const struct slot *slot, enum attempt_kind kind, const struct tx *t)
{
	struct buf why = {0};
	bool refused = s->frozen && kind != ATTEMPT_CANCEL;
	if (refused) {
		reason_code(&why, "policy_frozen");
		reason_text(&why, "signer", s->signer->name);
	} else {
		refused = !policy_allows(policy_now(s), t, &why);
	}
	if (refused)
		refusal_note(s, slot->batch, (int64_t)slot->nonce, kind, (struct str){why.p, why.n});
	buf_fini(&why);
	return refused;
}

bool refusal_of_bytes(
	struct sender *s, int64_t batch, int64_t nonce, enum attempt_kind kind, const struct signing *signing)
{
	struct buf why = {0};
	bool refused =
		!policy_allows_raw(policy_now(s), &signing->tx, (struct bytes){signing->raw, signing->nraw}, &why);
	if (refused)
		refusal_note(s, batch, nonce, kind, (struct str){why.p, why.n});
	if (refused && kind == ATTEMPT_SEND)
		feed_hold_batch(s, batch, 0, AGAIN_MS);
	buf_fini(&why);
	return refused;
}

/* A top-up, before it is signed (raw NULL) and after. */
bool refusal_of_topup(struct sender *s, const struct signing *signing)
{
	struct buf why = {0};
	bool refused = signing->raw ? !policy_allows_raw(policy_now(s), &signing->tx,
									  (struct bytes){signing->raw, signing->nraw}, &why)
								: !policy_allows(policy_now(s), &signing->tx, &why);
	if (refused)
		refusal_note(s, -1, (int64_t)signing->tx.nonce, ATTEMPT_SEND, (struct str){why.p, why.n});
	buf_fini(&why);
	return refused;
}

/* ── what PostgreSQL refused: the lane holds until there is room ── */

static void hold(struct sender *s, struct str reason, int64_t until_ms)
{
	struct buf said = {0};
	int64_t wait = until_ms - clock_wall_ms();
	s->policy_until_ms = sender_now(s) + (until_ms == 0 ? FROZEN_LOOK_MS : wait < 1 ? 1 : (uint64_t)wait);
	sentence_say(&said, reason, SENTENCE_TEXT, clock_wall_ms());
	sender_hold(s, HOLD_POLICY, said.p ? said.p : "a policy of the signer");
	buf_fini(&said);
}

void refusal_frozen(struct sender *s, bool frozen)
{
	if (frozen == s->frozen)
		return;
	s->frozen = frozen;
	if (frozen) {
		hold(s, STR("policy_frozen"), 0);
	} else {
		memset(s->told, 0, sizeof s->told);
		s->policy_until_ms = 0;
		s->plan.bell = true;
	}
}

void refusal_of_commit(struct sender *s, const struct pg_reply *r, const struct slots_signed *of, size_t n)
{
	struct policy_refusal p;
	struct str reason = str_of(r->err.text);
	size_t first = 0;
	uint64_t room = 0;
	struct u256 sum = u256_of(0), next;
	policy_refused(reason, &p);
	if (p.limit && u256_to_u64(p.room, &room))
		first = room < n ? (size_t)room : n - 1;
	while (p.spend && first + 1 < n && u256_add(&next, sum, of[first].cost) && !u256_lt(p.room, next)) {
		sum = next;
		first++;
	}
	s->plan.bell = true;
	if (first > 0) { /* what there is room for goes; the rest is refused behind it, and then counted right */
		s->room_most = first;
		return;
	}
	refusal_note(s, of[0].batch, -1, ATTEMPT_SEND, reason);
	if (p.frozen)
		refusal_frozen(s, true);
	else
		hold(s, reason, p.until_ms);
}

bool refusal_holds(struct sender *s)
{
	return s->frozen || sender_now(s) < s->policy_until_ms;
}
