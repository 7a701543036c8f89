#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "submitter/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const int ramp[] = {10, 20, 40, 80, 100};
enum { RAMPS = sizeof ramp / sizeof *ramp, HELD_MS = 1000, HELD_LONG_MS = 5000 };

void feed_block(const struct sender *s, char out[100])
{
	char hash[67];
	hex_to_0x(hash, s->head.hash, 32);
	if (s->by_number)
		snprintf(out, 100, "\"0x%" PRIx64 "\"", s->head.number);
	else
		snprintf(out, 100, "{\"blockHash\":\"%s\"}", hash);
}

void group_free(struct group *g)
{
	struct sender *s = g->s;
	if (s->group == g)
		s->group = NULL;
	if (s->committing == g)
		s->committing = NULL;
	g->era = UINT64_MAX; /* what is in flight for it is dropped */
	if (g->in_flight > 0)
		return; /* freed by the last answer */
	arena_fini(&g->mem);
	free(g);
}

bool feed_group_read(const struct sender *s)
{
	return s->group && s->group->phase == GROUP_READ;
}

bool feed_group_asked(const struct sender *s)
{
	return s->group && s->group->phase == GROUP_ASKED;
}

/* ── batches put aside ── */

void feed_hold_batch(struct sender *s, int64_t batch, uint64_t mark, uint64_t wait_ms)
{
	struct held h = {batch, mark, s->head.number, sender_now(s) + wait_ms};
	for (size_t i = 0; i < s->nheld; i++)
		if (s->held[i].batch == batch) {
			s->held[i] = h;
			return;
		}
	if (s->nheld < HELD_MAX)
		s->held[s->nheld++] = h;
}

static bool is_released(struct sender *s, const struct held *h)
{
	const struct slot *low = window_lowest(&s->window);
	if (low && low->nonce < h->mark)
		return false;
	return s->head.number != h->head || sender_now(s) >= h->until_ms;
}

/* Everything below it was mined, and it was put aside for that before. */
static bool has_waited(const struct sender *s, int64_t batch)
{
	for (size_t i = 0; i < WAITED_MAX; i++)
		if (s->waited[i] == batch)
			return true;
	return false;
}

void feed_release_held(struct sender *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->nheld; i++) {
		if (!is_released(s, &s->held[i])) {
			s->held[n++] = s->held[i];
			continue;
		}
		s->plan.bell = true;
		if (s->held[i].mark)
			s->waited[s->next_waited++ % WAITED_MAX] = s->held[i].batch;
	}
	s->nheld = n;
}

/* ── ready batches ── */

struct read_ask {
	struct sender *s;
	uint64_t era;
	int limit;
};

static const struct batch_decl *decl_of(const struct sender *s, const char *name)
{
	const struct config *c = s->m->config;
	for (size_t i = 0; i < c->nbatches; i++)
		if (strcmp(c->batches[i].name, name) == 0)
			return &c->batches[i];
	return NULL;
}

static void take_item(struct group *g, const struct slots_item *row)
{
	struct err e = {0};
	struct intake_batch *b = g->in.n ? &g->batches[g->in.n - 1] : NULL;
	if (!b || b->id != row->batch) {
		must(g->in.n < GROUP_MAX);
		b = &g->batches[g->in.n++];
		*b = (struct intake_batch){.id = row->batch, .decl = decl_of(g->s, row->name)};
		b->items = arena_alloc(&g->mem, (b->decl ? b->decl->max : 1) * sizeof *b->items);
	}
	if (!b->decl)
		return;
	struct intake_item *it = &b->items[b->n++];
	it->id = row->item;
	char *args = arena_textn(&g->mem, row->args.p, row->args.n);
	if (!args_parse(&g->mem, (struct str){args, row->args.n}, &it->args, &e)) {
		it->out = ITEM_PARKED;
		it->why = arena_text(&g->mem, e.text);
	}
}

/* A batch of a declaration that this file doesn't have (another version of it cut them), or with more items
 * than that allows. */
static void drop_strange(struct group *g)
{
	size_t n = 0;
	for (size_t i = 0; i < g->in.n; i++) {
		if (g->batches[i].decl)
			g->batches[n++] = g->batches[i];
		else
			feed_hold_batch(g->s, g->batches[i].id, 0, 60000);
	}
	g->in.n = n;
}

static size_t count_batch_rows(const struct pg_reply *r, int from)
{
	struct slots_item first, row;
	slots_item_read(r, 0, from, &first);
	int i = from + 1;
	for (; i < pg_rows(r, 0); i++) {
		slots_item_read(r, 0, i, &row);
		if (row.batch != first.batch)
			break;
	}
	return (size_t)(i - from);
}

static struct group *group_of(struct sender *s, const struct pg_reply *r)
{
	struct group *g = mem_alloc(sizeof *g);
	g->s = s;
	g->era = s->era;
	g->read_ms = sender_now(s);
	g->in = (struct intake){.a = &g->mem, .shapes = &s->shapes, .names = s->names, .batches = g->batches};
	size_t room = sign_room(s), left = 0;
	for (int i = 0; i < pg_rows(r, 0); i++) {
		struct slots_item row;
		slots_item_read(r, 0, i, &row);
		if (left == 0) {
			left = count_batch_rows(r, i);
			const struct batch_decl *d = decl_of(s, row.name);
			if (g->in.n >= room || g->in.n == GROUP_MAX)
				break;
			if (d && left > d->max) { /* cut under an older file with a larger max */
				struct intake_batch *b = &g->batches[g->in.n++];
				*b = (struct intake_batch){.id = row.batch, .decl = d};
				b->items = arena_alloc(&g->mem, left * sizeof *b->items);
			}
		}
		left--;
		take_item(g, &row);
		if (row.done > (int64_t)s->asked_at_head)
			s->asked_at_head = (uint64_t)row.done;
	}
	drop_strange(g);
	return g;
}

/* Nothing is ready that is not held: the bells that were heard are done with. */
static void nothing_left(struct sender *s)
{
	s->plan.bell = false;
	s->ramp = 0;
	if (!s->bell_owed)
		return;
	s->bell_owed = false;
	fault_hit(FAULT_send_before_ack);
	ear_ready(s->ear, INT64_MAX);
	fault_hit(FAULT_send_after_ack);
}

static void on_read(void *arg, const struct pg_reply *r)
{
	struct read_ask *q = arg;
	struct sender *s = q->s;
	s->plan.busy_read = false;
	if (q->era == s->era && r->outcome == PG_OK && s->plan.phase == LANE_OPEN && !s->m->draining) {
		if (pg_rows(r, 0) == 0) {
			nothing_left(s);
		} else if (sign_room(s) > 0) {
			s->group = group_of(s, r);
			metric_add(s->meters.ready, (int64_t)s->group->in.n);
			s->ramp = (int)s->group->in.n >= q->limit && s->ramp + 1 < RAMPS ? s->ramp + 1 : s->ramp;
			if (s->group->in.n == 0)
				group_free(s->group);
		}
	}
	free(q);
	sender_drive(s);
}

void feed_read(struct sender *s)
{
	int64_t but[HELD_MAX + GROUP_MAX];
	size_t n = 0, room = sign_room(s);
	for (size_t i = 0; i < s->nheld; i++)
		but[n++] = s->held[i].batch;
	for (size_t i = 0; s->committing && i < s->committing->in.n; i++)
		but[n++] = s->committing->batches[i].id;
	struct read_ask *q = mem_alloc(sizeof *q);
	*q = (struct read_ask){s, s->era, (size_t)ramp[s->ramp] > room ? (int)room : ramp[s->ramp]};
	struct pg_unit *u = pg_unit(s->m->pg);
	s->plan.busy_read = true;
	slots_ready(u, s->signer->name, s->chain_row, q->limit, but, n);
	pg_unit_run(u, 0, on_read, q);
}

/* ── questions to the node ── */

struct ask { /* one request */
	struct group *g;
	size_t n;
	struct question q[CALLS_MAX];
	size_t probe[CALLS_MAX]; /* halving: index of the probe; SIZE_MAX: the control */
};
struct asker { /* collects questions into requests */
	struct group *g;
	struct rpc_request *r;
	struct ask *a;
	rpc_done_fn done;
};

static void flush(struct asker *k)
{
	if (!k->a)
		return;
	k->g->in_flight++;
	k->g->calls += k->a->n;
	rpc_send(k->r, k->done, k->a);
	k->a = NULL;
}

static struct ask *room_for_one(struct asker *k)
{
	if (k->a && k->a->n == CALLS_MAX)
		flush(k);
	if (!k->a) {
		k->a = mem_alloc(sizeof *k->a);
		k->a->g = k->g;
		k->r = rpc_request(k->g->s->rpc);
	}
	return k->a;
}

/* S5: the block is named, and there are no fee fields. */
static void put_call(struct asker *k, const char *method, const uint8_t to[20], struct str data, uint64_t gas)
{
	char hex[43], more[40] = "";
	hex_to_0x(hex, to, 20);
	if (gas)
		snprintf(more, sizeof more, ",\"gas\":\"0x%" PRIx64 "\"", gas);
	rpc_call(k->r, method, "[{\"from\":\"%s\",\"to\":\"%s\",\"data\":\"%.*s\"%s},%s]", k->g->s->address, hex,
		(int)data.n, data.p, more, k->g->block);
}

static void ask_question(void *arg, const struct question *q)
{
	struct asker *k = arg;
	struct ask *a = room_for_one(k);
	a->q[a->n++] = *q;
	put_call(k, q->kind == QUESTION_ESTIMATE ? "eth_estimateGas" : "eth_call", q->to, q->data, q->gas);
}

/* An answer as the machine wants it. The text of an error lives in the group. */
static struct reply reply_of(struct group *g, const struct rpc_answer *a, bool is_estimate)
{
	struct reply out = {.ok = a->ok};
	struct err e = {0};
	struct buf data = {0};
	if (a->ok && is_estimate)
		out.ok = quantity_u64(a->result, &out.gas, &e);
	else if (a->ok)
		out.ok = data_parse(&g->mem, a->result, &out.ret, &e);
	else if (rpc_is_revert(a, &data)) {
		out.reverted = true;
		out.ret = (struct bytes){arena_copy(&g->mem, data.n ? data.p : "", data.n), data.n};
	} else {
		out.too_big = answer_is_too_big(a->code, a->message);
	}
	if (!out.ok)
		out.error = a->ok ? arena_text(&g->mem, e.text) : arena_textn(&g->mem, a->message.p, a->message.n);
	buf_fini(&data);
	return out;
}

static void next_step(struct group *g);

/* The whole group waits for another moment: nothing is known about it that would still hold then. */
static void put_back(struct group *g)
{
	struct sender *s = g->s;
	for (size_t i = 0; i < g->in.n && !g->again_now; i++)
		feed_hold_batch(s, g->batches[i].id, 0, HELD_MS);
	s->plan.bell = true;
	s->plan.head_due = true;
	group_free(g);
}

/* The node can't name blocks by hash: from now on by number. */
static bool is_block_form(const struct rpc_answer *a)
{
	struct buf data = {0};
	bool revert = rpc_is_revert(a, &data);
	buf_fini(&data);
	return !revert && answer_is_block_form(a->code, a->message);
}

static bool is_about_block(struct group *g, const struct rpc_reply *r)
{
	bool yes = false;
	for (int i = 0; !g->by_number && !yes && i < r->calls; i++)
		yes = !r->answers[i].ok && is_block_form(&r->answers[i]);
	if (yes && !g->s->by_number)
		log_info("rpc.by_number", "The node knows no block by hash in calls; asking by number",
			F_STR("endpoint", g->s->endpoint));
	g->s->by_number |= yes;
	g->again_now |= yes;
	return yes;
}

static void on_asked(void *arg, const struct rpc_reply *r)
{
	struct ask *a = arg;
	struct group *g = a->g;
	struct sender *s = g->s;
	bool ok = sender_heard(s, r);
	g->in_flight--;
	if (g->era != s->era) {
		group_free(g);
	} else if (!ok || is_about_block(g, r)) {
		g->void_now = true;
	} else {
		for (size_t i = 0; i < a->n; i++) {
			struct reply reply = reply_of(g, &r->answers[i], a->q[i].kind == QUESTION_ESTIMATE);
			intake_told(&g->in, &a->q[i], &reply);
		}
	}
	free(a);
	if (s->group == g && g->in_flight == 0)
		next_step(g);
	sender_drive(s);
}

/* ── what becomes of batches that fail ── */

static void decode_revert(const struct intake_batch *b, struct bytes data, char *out, size_t size)
{
	struct buf text = {0};
	const struct contract_decl *c = b->decl->send.contract;
	if (b->failure == PROBE_REVERTS)
		abi_revert_text(&text, c->abi, c->nabi, data);
	else
		buf_text(&text, b->why);
	snprintf(out, size, "%.*s", (int)text.n, text.p ? text.p : "");
	buf_fini(&text);
}

static void remember_control(struct sender *s, const struct intake_batch *b)
{
	struct control *free_one = &s->controls[0];
	for (size_t i = 0; i < sizeof s->controls / sizeof *s->controls; i++) {
		if (s->controls[i].decl == b->decl || !s->controls[i].decl) {
			free_one = &s->controls[i];
			break;
		}
	}
	free(free_one->data);
	*free_one = (struct control){b->decl, mem_textn(b->data.p, b->data.n)};
}

static const char *control_of(const struct sender *s, const struct batch_decl *d)
{
	for (size_t i = 0; i < sizeof s->controls / sizeof *s->controls; i++)
		if (s->controls[i].decl == d)
			return s->controls[i].data;
	return NULL;
}

/* Something of the same declaration passed at this very head. */
static bool others_pass(const struct group *g, const struct intake_batch *b)
{
	for (size_t i = 0; i < g->in.n; i++)
		if (g->batches[i].end == INTAKE_GOES && g->batches[i].decl == b->decl)
			return true;
	return g->control_passed;
}

static void set_aside(struct group *g, struct intake_batch *b, uint64_t mark, uint64_t wait_ms)
{
	feed_hold_batch(g->s, b->id, mark, wait_ms);
	b->end = INTAKE_WAITS;
	b->why[0] = 0;
}

static void block_lane(struct group *g, struct intake_batch *b)
{
	struct sender *s = g->s;
	char why[240], text[290];
	decode_revert(b, b->revert, why, sizeof why);
	snprintf(text, sizeof text, "%s.%s: %s", b->decl->send.contract->name, b->decl->send.fn->name, why);
	if (strcmp(text, s->blocked) != 0)
		log_odd("lane.blocked",
			"Every item fails alike, so none is at fault; the lane waits for the contract",
			F_STR("signer", s->signer->name), F_INT("batch", b->id), F_STR("reason", text));
	snprintf(s->blocked, sizeof s->blocked, "%s", text);
	set_aside(g, b, 0, HELD_LONG_MS);
}

/* What halving found, onto the items. A suspect that was one before, at another head, is poison. */
static void apply_fates(struct group *g, struct intake_batch *b, bool all)
{
	struct sender *s = g->s;
	size_t n = g->poison.n;
	struct intake_item **places = arena_alloc(&g->mem, n * sizeof *places);
	bool once = false;
	for (size_t i = 0; i < n; i++)
		places[i] = intake_item(b, i);
	for (size_t i = 0; i < n; i++) {
		char why[300];
		enum poison_fate fate = all ? FATE_SUSPECT : g->poison.fates[i];
		if (fate == FATE_GOES)
			continue;
		decode_revert(b, g->errors[i], why, sizeof why);
		bool twice = fate == FATE_SUSPECT && suspects_twice(&s->suspects, places[i]->id, g->head);
		once |= fate == FATE_SUSPECT && !twice;
		places[i]->out = twice ? ITEM_PARKED : ITEM_WAITS;
		places[i]->why = arena_text(&g->mem, why);
		if (twice)
			log_odd("item.parked", "An item fails alone while others pass; it is parked",
				F_INT("item", places[i]->id), F_INT("batch", b->id), F_STR("reason", why));
	}
	if (!all || !once) {
		intake_again(b);
		return;
	}
	/* Nothing of it could go meanwhile: it stays as it is until another head confirms. */
	for (size_t i = 0; i < n; i++)
		places[i]->out = ITEM_GOES;
	set_aside(g, b, 0, HELD_LONG_MS);
}

static void end_halving(struct group *g)
{
	struct intake_batch *b = g->sick;
	enum poison_end end = g->poison.end;
	g->sick = NULL;
	g->phase = GROUP_ASKING;
	if (end == POISON_VOID)
		set_aside(g, b, 0, HELD_MS);
	else if (end == POISON_FOUND)
		apply_fates(g, b, false);
	else if (b->failure == PROBE_REVERTS && others_pass(g, b))
		apply_fates(g, b, true);
	else
		block_lane(g, b);
	next_step(g);
}

static void on_probed(void *arg, const struct rpc_reply *r)
{
	struct ask *a = arg;
	struct group *g = a->g;
	struct sender *s = g->s;
	bool ok = sender_heard(s, r);
	g->in_flight--;
	if (g->era != s->era)
		group_free(g);
	for (size_t i = 0; s->group == g && i < a->n; i++) {
		struct reply reply = {0};
		if (ok)
			reply = reply_of(g, &r->answers[i], false);
		if (a->probe[i] == SIZE_MAX) {
			g->control_passed = reply.ok;
			continue;
		}
		const struct probe *p = &g->poison.probes[a->probe[i]];
		if (p->hi - p->lo == 1)
			g->errors[p->lo] = reply.ret;
		poison_told(&g->poison, a->probe[i],
			reply.ok         ? PROBE_PASSES
			: reply.reverted ? PROBE_REVERTS
			: reply.too_big  ? PROBE_TOO_BIG
							 : PROBE_LOST);
	}
	free(a);
	if (s->group == g && g->in_flight == 0)
		next_step(g);
	sender_drive(s);
}

/* A simulation with the block's own gas: what reverts reverts, what is too big says so. */
static void ask_probes(struct group *g)
{
	struct asker k = {.g = g, .done = on_probed};
	const struct probe *p;
	size_t index;
	const uint8_t *to = g->sick->decl->send.contract->addresses[0];
	uint64_t gas =
		g->s->head.gas_limit && g->s->head.gas_limit < FEE_TX_GAS_CAP ? g->s->head.gas_limit : FEE_TX_GAS_CAP;
	while ((p = poison_ask(&g->poison, &index))) {
		struct str data;
		struct err e = {0};
		if (!intake_compose(&g->in, g->sick, p->lo, p->hi, &data, &e)) {
			poison_told(&g->poison, index, PROBE_LOST);
			continue;
		}
		struct ask *a = room_for_one(&k);
		a->probe[a->n++] = index;
		put_call(&k, "eth_call", to, data, gas);
	}
	const char *control = control_of(g->s, g->sick->decl);
	if (g->poison.end == POISON_ALIKE && control && !g->control_asked) {
		struct ask *a = room_for_one(&k);
		a->probe[a->n++] = SIZE_MAX;
		put_call(&k, "eth_call", to, str_of(control), gas);
	}
	g->control_asked |= g->poison.end == POISON_ALIKE;
	flush(&k);
}

/* S6: while a lower slot is unmined the failure may be its doing: wait. Only then the batch is halved, one at
 * a time. */
static bool begin_halving(struct group *g)
{
	struct sender *s = g->s;
	for (size_t i = 0; i < g->in.n; i++) {
		struct intake_batch *b = &g->batches[i];
		if (b->end != INTAKE_FAILS)
			continue;
		if ((window_lowest(&s->window) || s->committing) && !has_waited(s, b->id)) {
			set_aside(g, b, (uint64_t)lease_lane(s->lease)->at, HELD_MS);
			continue;
		}
		g->sick = b;
		g->phase = GROUP_HALVING;
		g->control_asked = g->control_passed = false;
		size_t n = intake_alive(b);
		poison_init(&g->poison, &g->mem, n, b->failure);
		g->errors = arena_alloc(&g->mem, n * sizeof *g->errors);
		if (n == 1)
			g->errors[0] = b->revert;
		return true;
	}
	return false;
}

/* ── the group's own story ── */

static void refuse_too_large(struct group *g)
{
	struct sender *s = g->s;
	for (size_t i = 0; i < g->in.n; i++) {
		struct intake_batch *b = &g->batches[i];
		uint64_t gas;
		if (b->end != INTAKE_GOES)
			continue;
		bool fits = s->signer->gas_limit ? b->gas <= s->signer->gas_limit
										 : fee_gas_limit(b->gas, s->signer->margin_num, s->signer->margin_den,
											   s->head.gas_limit, &gas);
		if (fits)
			continue;
		b->end = INTAKE_FAILS;
		b->failure = PROBE_TOO_BIG;
		snprintf(b->why, sizeof b->why, "it takes %" PRIu64 " gas, more than one transaction may", b->gas);
	}
}

static void end_asking(struct group *g)
{
	struct sender *s = g->s;
	for (size_t i = 0; i < g->in.n; i++) {
		struct intake_batch *b = &g->batches[i];
		if (b->end == INTAKE_GOES) {
			remember_control(s, b);
			s->blocked[0] = 0;
		} else if (b->end == INTAKE_WAITS) {
			if (b->why[0])
				log_odd("batch.waits", "A batch could not be simulated; it waits", F_INT("batch", b->id),
					F_STR("reason", b->why));
			if (b->why[0])
				feed_hold_batch(s, b->id, 0, HELD_MS);
		}
	}
	g->phase = GROUP_ASKED;
	log_debug("group.asked", "A group of batches was simulated", F_UINT("batches", g->in.n),
		F_UINT("head", g->head), F_UINT("calls", g->calls), F_UINT("read_ms_ago", sender_now(s) - g->read_ms),
		F_UINT("took_ms", sender_now(s) - g->asked_ms));
}

/* Everything that was asked is answered. */
static void next_step(struct group *g)
{
	struct asker k = {.g = g, .done = on_asked};
	if (g->void_now) {
		put_back(g);
		return;
	}
	if (g->phase == GROUP_HALVING) {
		ask_probes(g);
		if (g->in_flight == 0)
			end_halving(g);
		return;
	}
	if (intake_round(&g->in, ask_question, &k)) {
		flush(&k);
		return;
	}
	refuse_too_large(g);
	if (begin_halving(g))
		next_step(g);
	else
		end_asking(g);
}

void feed_ask(struct sender *s)
{
	struct group *g = s->group;
	g->phase = GROUP_ASKING;
	g->asked_ms = sender_now(s);
	g->head = s->head.number;
	g->by_number = s->by_number;
	memcpy(g->head_hash, s->head.hash, 32);
	feed_block(s, g->block);
	intake_init(&g->in);
	next_step(g);
}
