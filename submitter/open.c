#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/evm/tx.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/truth.h"
#include "submitter/must.h"
#include "submitter/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SETTLE_AGAIN_MS = 1000, CONTRACTS_MAX = 64 };

/* What does not fit is said once, plainly, and ends the process: a supervisor that starts it again hears it
 * again. */
static void refuse(struct sender *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct sender *s, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(s->trouble, sizeof s->trouble, "%.290s", text);
	log_odd("refused", text, F_STR("signer", s->signer->name), F_STR("chain", s->chain->name));
	s->plan.busy_check = true; /* nothing more is tried in what is left of this process */
	member_end(s->m, EXIT_REFUSED);
}

/* ── the chain's id, the contracts' code, must ── */

static bool same_contract(const struct contract_decl *a, const struct contract_decl *b)
{
	return a == b || memcmp(a->addresses[0], b->addresses[0], 20) == 0;
}

/* Every contract that this signer calls; the one of `must` too. */
static size_t called(const struct sender *s, const struct contract_decl *out[CONTRACTS_MAX])
{
	const struct config *c = s->m->config;
	size_t n = 0;
	for (size_t i = 0; i <= c->nbatches; i++) {
		const struct contract_decl *one = NULL;
		if (i < c->nbatches && c->batches[i].signer == s->signer)
			one = c->batches[i].send.contract;
		else if (i == c->nbatches && s->signer->has_must)
			one = s->signer->must.left.contract;
		for (size_t k = 0; one && k < n; k++)
			if (same_contract(out[k], one))
				one = NULL;
		if (one && n < CONTRACTS_MAX)
			out[n++] = one;
	}
	return n;
}

static bool judge_network(struct sender *s, const struct rpc_answer *a, const struct slots_chain *row)
{
	struct u256 id;
	struct err e = {0};
	char got[U256_DEC_MAX], want[U256_DEC_MAX];
	if (!a->ok || !quantity_parse(a->result, &id, &e)) {
		sender_trouble(s, "eth_chainId", a->code, a->ok ? str_of(e.text) : a->message);
		return false;
	}
	u256_to_dec(got, id);
	if (s->chain->has_id && u256_cmp(id, u256_of(s->chain->id)) != 0) {
		refuse(s, "Chain %s is network %s, the file says id: %" PRIu64 "; nothing is signed", s->chain->name,
			got, s->chain->id);
		return false;
	}
	if (row->has_network && u256_cmp(id, row->network) != 0) {
		u256_to_dec(want, row->network);
		refuse(s, "Chain %s is network %s, PostgreSQL knows it as network %s; nothing is signed",
			s->chain->name, got, want);
		return false;
	}
	if (!u256_to_u64(id, &s->network) || s->network == 0) {
		refuse(s, "Chain %s has the id %s, which no transaction can carry", s->chain->name, got);
		return false;
	}
	return true;
}

static bool judge_code(struct sender *s, const struct rpc_answer *a, const struct contract_decl *c)
{
	char address[ADDRESS_TEXT];
	if (!a->ok) {
		sender_trouble(s, "eth_getCode", a->code, a->message);
		return false;
	}
	if (a->result.n > 4) /* "0x" with its quotes is four characters */
		return true;
	address_to_eip55(address, c->addresses[0]);
	refuse(s,
		"Contract %s has no code at %s on chain %s (network %" PRIu64
		"); is the address right for this chain?",
		c->name, address, s->chain->name, s->network);
	return false;
}

struct check_ask {
	struct sender *s;
	struct slots_chain row;
	const struct contract_decl *contracts[CONTRACTS_MAX];
	size_t ncontracts;
};

static void on_checked(void *arg, const struct rpc_reply *r)
{
	struct check_ask *q = arg;
	struct sender *s = q->s;
	s->plan.busy_check = false;
	bool fits = sender_heard(s, r) && judge_network(s, &r->answers[0], &q->row);
	for (size_t i = 0; fits && i < q->ncontracts; i++)
		fits = judge_code(s, &r->answers[2 + i], q->contracts[i]);
	if (fits && s->signer->has_must) {
		char why[MUST_TEXT];
		enum must_answer must = must_judge(s, &r->answers[2 + q->ncontracts], why);
		fits = must == MUST_HOLDS;
		if (must == MUST_FAILS)
			refuse(s, "%s", why);
		else if (must == MUST_UNKNOWN)
			sender_trouble(s, "must", r->answers[2 + q->ncontracts].code, str_of(why));
	}
	if (fits) {
		purse_delegated(s, &r->answers[1]);
		char hex[41];
		hex_to(hex, hand_address(s->hand), 20);
		snprintf(s->lane_name, sizeof s->lane_name, "send:%" PRIu64 ":0x%s", s->network, hex);
		log_info("checked", "The chain, its contracts and must: fit", F_STR("signer", s->signer->name),
			F_STR("address", s->address), F_UINT("network", s->network));
		sender_enter(s, LANE_SPARE);
	}
	free(q);
	sender_drive(s);
}

static void ask_chain(struct sender *s, const struct slots_chain *row)
{
	struct check_ask *q = mem_alloc(sizeof *q);
	struct rpc_request *r = rpc_request(s->rpc);
	char hex[41];
	q->s = s;
	q->row = *row;
	q->ncontracts = called(s, q->contracts);
	hex_to(hex, hand_address(s->hand), 20);
	rpc_call(r, "eth_chainId", "[]");
	rpc_call(r, "eth_getCode", "[\"0x%s\",\"latest\"]", hex);
	for (size_t i = 0; i < q->ncontracts; i++) {
		hex_to(hex, q->contracts[i]->addresses[0], 20);
		rpc_call(r, "eth_getCode", "[\"0x%s\",\"latest\"]", hex);
	}
	if (s->signer->has_must)
		must_put(s, r, "\"latest\"");
	rpc_send(r, on_checked, q);
}

static void on_chain_row(void *arg, const struct pg_reply *r)
{
	struct sender *s = arg;
	struct slots_chain row;
	if (r->outcome != PG_OK || !slots_chain_read(r, 0, &row)) {
		s->plan.busy_check = false;
		s->retry_ms = sender_now(s) + backoff_fail(&s->backoff);
		sender_drive(s);
		return;
	}
	s->chain_row = row.id;
	ask_chain(s, &row);
}

void open_check(struct sender *s)
{
	struct pg_unit *u = pg_unit(s->m->pg);
	s->plan.busy_check = true;
	slots_chain(u, s->chain->name);
	pg_unit_run(u, 0, on_chain_row, s);
}

/* ── the open slots, as PostgreSQL has them ── */

struct ids {
	int64_t *list;
	size_t n, cap;
};

static void add_id(void *arg, int64_t id)
{
	struct ids *ids = arg;
	if (ids->n == ids->cap) {
		ids->cap = ids->cap ? 2 * ids->cap : 16;
		ids->list = mem_grow(ids->list, ids->cap, sizeof *ids->list);
	}
	ids->list[ids->n++] = id;
}

static enum attempt_kind kind_of(struct str kind)
{
	for (enum attempt_kind k = ATTEMPT_SEND; k <= ATTEMPT_RECOMPOSED; k++)
		if (str_is(kind, attempt_kind_name(k)))
			return k;
	must(false);
	return ATTEMPT_SEND;
}

/* A batch of a declaration that the file no longer has is as urgent as one that says nothing. */
static uint64_t within_of(const struct sender *s, const char *name, uint64_t usual)
{
	const struct batch_decl *d = config_batch(s->m->config, name);
	return d ? d->within_ms : usual;
}

static void take_row(
	struct sender *s, const struct slots_attempt *row, const struct buf *raw, const struct ids *ids)
{
	struct slot *slot = window_at(&s->window, (uint64_t)row->nonce);
	struct arena mem = {0};
	struct tx tx;
	struct signature sig;
	struct err e = {0};
	uint8_t sender[20];
	struct attempt a = {.kind = kind_of(row->kind),
		.fee = {row->fee, row->tip},
		.raw = (uint8_t *)raw->p,
		.nraw = raw->n,
		.items = ids->list,
		.nitems = ids->n};
	if (!slot) {
		slot = window_add(&s->window, (uint64_t)row->nonce, row->batch, sender_now(s));
		slot->cut_ms -= (int64_t)row->age_ms;
		slot->within_ms = within_of(s, row->name, slot->within_ms);
	}
	/* Bytes that we wrote ourselves: anything else is our bug, and must not be sent. */
	must(tx_decode(&mem, (struct bytes){a.raw, a.nraw}, &tx, &sig, sender, a.hash, &e));
	must(memcmp(a.hash, row->hash, 32) == 0 && memcmp(sender, hand_address(s->hand), 20) == 0 &&
		 tx.nonce == slot->nonce);
	a.gas = tx.gas;
	a.value = tx.value;
	window_attempt(&s->window, slot, &a);
	if (row->mined)
		window_mined(&s->window, slot, (uint64_t)row->block, row->block_hash, sender_now(s));
	arena_fini(&mem);
}

static void on_loaded(void *arg, const struct pg_reply *r)
{
	struct sender *s = arg;
	s->plan.busy_load = false;
	if (r->outcome != PG_OK) {
		if (pg_fenced(r))
			lease_lost(s->lease);
		s->retry_ms = sender_now(s) + 200;
		sender_drive(s);
		return;
	}
	if (s->plan.phase == LANE_LOADING && lease_held(s->lease)) {
		struct buf raw = {0};
		struct ids ids = {0};
		lease_lane(s->lease)->at = slots_loaded_at(r, 0);
		for (int i = 0; i < pg_rows(r, 1); i++) {
			struct slots_attempt row;
			buf_clear(&raw);
			ids.n = 0;
			slots_loaded(r, 1, i, &row, &raw, add_id, &ids);
			take_row(s, &row, &raw, &ids);
		}
		buf_fini(&raw);
		free(ids.list);
		truth_tops_read(r, 2, &s->known);
		struct prices_learned learned;
		quote_load(s, prices_taken(r, 3, &learned) ? &learned : NULL);
		log_info("slots.loaded", "Knows its open slots", F_STR("lane", s->lane_name),
			F_UINT("slots", s->window.n), F_INT("nonce", lease_lane(s->lease)->at));
		sender_enter(s, fault_hit(FAULT_load_after_read) ? LANE_LOADING : LANE_SETTLING);
	}
	sender_drive(s);
}

static void load_slots(struct sender *s)
{
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	if (!lease_held(s->lease)) {
		s->plan.busy_load = false;
		sender_drive(s);
		return;
	}
	slots_load(u, &l);
	truth_tops(u, s->chain_row);
	prices_read(u, &l);
	pg_unit_run(u, 0, on_loaded, s);
}

static void on_top_nonce(void *arg, int64_t top)
{
	struct sender *s = arg;
	s->rung_nonce = top;
	load_slots(s);
}

static void on_top_batch(void *arg, int64_t top)
{
	struct sender *s = arg;
	s->rung_batch = top;
	bus_top(s->m->bus, "results", s->chain->name, on_top_nonce, s);
}

/* P8: first what was rung, then what is committed: a bell rings behind its commit. */
void open_load(struct sender *s)
{
	s->plan.busy_load = true;
	bus_top(s->m->bus, "sends", s->signer->name, on_top_batch, s);
}

/* ── the account's count against the mark (S4, P8) ── */

static void settle_later(struct sender *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void settle_later(struct sender *s, const char *fmt, ...)
{
	char why[sizeof s->halt];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	if (strcmp(why, s->halt) != 0)
		log_odd("nonce.waits", "Signing waits", F_STR("signer", s->signer->name), F_STR("reason", why));
	memcpy(s->halt, why, sizeof why);
	s->settle_ms = sender_now(s) + SETTLE_AGAIN_MS;
}

static void on_moved(void *arg, const struct pg_reply *r)
{
	struct sender *s = arg;
	s->plan.busy_settle = false;
	if (fault_hit(FAULT_mark_after_commit))
		sender_reload(s, "the answer to a commit was lost");
	else if (sender_stored(s, r, "the lane's position") && s->plan.phase == LANE_SETTLING)
		sender_enter(s, LANE_LOADING); /* reads the new position back */
	sender_drive(s);
}

static void move_mark(struct sender *s, uint64_t to)
{
	if (fault_hit(FAULT_mark_before_commit)) {
		sender_reload(s, "the lane's position could not be stored");
		return;
	}
	struct pg_unit *u = pg_unit(s->m->pg);
	log_info("nonce.mark", "The lane begins at the account's count", F_STR("signer", s->signer->name),
		F_UINT("nonce", to));
	lane_fence_at(u, lease_lane(s->lease), (int64_t)to);
	s->plan.busy_settle = true;
	pg_unit_run(u, 0, on_moved, s);
}

/* P8. A lane never goes back: what this process once knew committed is a witness as long as it lives. Else
 * the streams are: batch numbers are one row of numbers for the whole database, so one that was rung and is
 * not there was lost, whatever lane it was for. Results ring with their nonce, all accounts of a chain on one
 * stream: only one above every nonce of every account shows a loss. Both show it to every lane that looks. A
 * stream that was made anew, or Redis that does not answer, shows nothing. */
static bool lost_commits(struct sender *s)
{
	char why[600];
	int64_t mark = lease_lane(s->lease)->at;
	if (mark < s->mark_seen) {
		snprintf(why, sizeof why,
			"its next nonce was %" PRId64 ", and PostgreSQL says %" PRId64
			" now: PostgreSQL lost commits (an older copy was restored, or a standby that was behind was "
			"promoted), and "
			"what they signed may still be mined. When that is understood, adopt: true goes on",
			s->mark_seen, mark);
		sender_halt(s, HALT_LOST, why);
		return true;
	}
	s->mark_seen = mark;
	bool batch = s->rung_batch > (s->known.batch < 0 ? 0 : s->known.batch);
	bool nonce = s->rung_nonce > s->known.nonce && s->rung_nonce >= 0;
	if (!batch && !nonce)
		return false;
	snprintf(why, sizeof why,
		"%s %" PRId64 " was rung on Redis, and PostgreSQL knows none above %" PRId64
		": PostgreSQL lost commits (an older copy was restored, or a standby that was behind was promoted), "
		"and what "
		"they signed may still be mined. When that is understood, adopt: true goes on, or a stream without "
		"that "
		"bell: DEL %s:%s:%s",
		batch ? "batch" : "nonce", batch ? s->rung_batch : s->rung_nonce,
		batch ? s->known.batch : s->known.nonce, s->m->config->name, batch ? "sends" : "results",
		batch ? s->signer->name : s->chain->name);
	sender_halt(s, HALT_LOST, why);
	return true;
}

/* S4: nonces that no slot has are used. */
static void passed(struct sender *s, uint64_t count)
{
	char why[600];
	uint64_t mark = (uint64_t)lease_lane(s->lease)->at;
	if (s->signer->adopt) {
		log_odd("nonce.passed", "The key was used elsewhere; the lane goes on behind that",
			F_STR("signer", s->signer->name), F_UINT("nonce", mark), F_UINT("count", count));
		sender_enter(s, LANE_SETTLING);
		return;
	}
	snprintf(why, sizeof why,
		"the chain has counted %" PRIu64 " transactions of this key, PostgreSQL knows of %" PRIu64
		"; the key was used elsewhere, or PostgreSQL lost commits. When that is understood, adopt: true goes "
		"on",
		count, mark);
	s->halt_named = false;
	sender_halt(s, HALT_ELSEWHERE, why);
}

struct passed_ask {
	struct sender *s;
	uint64_t era, count;
};

static void on_ours(void *arg, const struct pg_reply *r)
{
	struct passed_ask *q = arg;
	struct sender *s = q->s;
	bool looks = s->plan.phase == LANE_OPEN || s->plan.phase == LANE_SETTLING;
	s->plan.busy_commit = false;
	if (q->era == s->era && pg_fenced(r))
		lease_lost(s->lease);
	else if (q->era == s->era && r->outcome == PG_OK && looks &&
			 q->count > (uint64_t)lease_lane(s->lease)->at)
		passed(s, q->count);
	else if (q->era == s->era && s->plan.phase == LANE_SETTLING)
		s->settle_ms = sender_now(s) + SETTLE_AGAIN_MS;
	free(q);
	sender_drive(s);
}

/* The chain counts nonces that this process never gave. Who slept may have lost the lane, and then they are
 * the next holder's: PostgreSQL says first whose it is, and nothing is signed meanwhile. */
void open_passed(struct sender *s, uint64_t count)
{
	struct passed_ask *q = mem_alloc(sizeof *q);
	struct pg_unit *u = pg_unit(s->m->pg);
	*q = (struct passed_ask){s, s->era, count};
	s->plan.busy_commit = true;
	lane_fence(u, lease_lane(s->lease));
	pg_unit_run(u, 0, on_ours, q);
}

static void open_lane(struct sender *s)
{
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	sender_enter(s, LANE_OPEN);
	slots_warm(u, &l, l.lane->at);
	pg_unit_run(u, 0, sender_noted, s);
}

static void judge_count(struct sender *s, uint64_t latest, uint64_t pending)
{
	if (!s->signer->adopt && lost_commits(s))
		return;
	struct settle q = {.mark = (uint64_t)lease_lane(s->lease)->at,
		.latest = latest,
		.pending = pending,
		.has_open = s->window.n > 0,
		.lowest_open = s->window.n ? s->window.slots[0].nonce : 0,
		.adopt = s->signer->adopt};
	uint64_t to;
	s->settle_ms = 0;
	switch (plan_settle(&q, &to)) {
	case SETTLE_OPENS: open_lane(s); break;
	case SETTLE_MOVES: move_mark(s, to); break;
	case SETTLE_WAITS:
		settle_later(s,
			"waits: the node has transactions of this key pending that are not ours (next nonce %" PRIu64
			", ours %" PRIu64 "); adopt: true takes the key over",
			pending, q.mark);
		break;
	case SETTLE_BEHIND:
		settle_later(s,
			"waits: the chain's count of this key is %" PRIu64
			", PostgreSQL knows of final transactions below %" PRIu64
			"; the node is behind, or it is another chain",
			latest, q.has_open ? q.lowest_open : q.mark);
		break;
	case SETTLE_HALTS: open_passed(s, latest); break;
	}
}

static void on_counts(void *arg, const struct rpc_reply *r)
{
	struct sender *s = arg;
	uint64_t latest, pending;
	s->plan.busy_settle = false;
	s->settle_ms = sender_now(s) + SETTLE_AGAIN_MS;
	if (sender_heard(s, r) && s->plan.phase == LANE_SETTLING) {
		const struct rpc_answer *a = r->answers;
		struct err e = {0};
		if (!a[0].ok || !quantity_u64(a[0].result, &latest, &e))
			sender_trouble(s, "eth_getTransactionCount", a[0].code, a[0].ok ? str_of(e.text) : a[0].message);
		else if (a[1].ok && quantity_u64(a[1].result, &pending, &e))
			judge_count(s, latest, pending);
		else
			judge_count(s, latest, latest); /* a node without a mempool knows no pending */
	}
	sender_drive(s);
}

void open_settle(struct sender *s)
{
	struct rpc_request *q = rpc_request(s->rpc);
	s->plan.busy_settle = true;
	s->settle_ms = 0;
	rpc_call(q, "eth_getTransactionCount", "[\"%s\",\"latest\"]", s->address);
	rpc_call(q, "eth_getTransactionCount", "[\"%s\",\"pending\"]", s->address);
	rpc_send(q, on_counts, s);
}
