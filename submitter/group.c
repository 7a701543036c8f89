#include "submitter/group.h"

#include "common/base/mem.h"
#include "common/io/log.h"
#include "submitter/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { HELD_MS = 1000, HELD_LONG_MS = 5000 };

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

static void next_step(struct group *g);

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
	must_ask(s);
	set_aside(g, b, 0, HELD_LONG_MS);
}

/* Batches of it are cut no larger for a while (sql/028). */
static void note_fit(struct group *g, const struct batch_decl *d, uint64_t items)
{
	if (!g->fits)
		g->fits = arena_alloc(&g->mem, GROUP_MAX * sizeof *g->fits);
	for (size_t i = 0; i < g->nfits; i++)
		if (g->fits[i].decl == d) {
			g->fits[i].items = items < g->fits[i].items ? items : g->fits[i].items;
			return;
		}
	g->fits[g->nfits++] = (struct group_fit){d, items ? items : 1};
	log_info("batch.too_large", "A batch takes more gas than a transaction may; smaller ones are cut",
		F_STR("batches", d->name), F_UINT("items", g->fits[g->nfits - 1].items));
}

/* What halving found, onto the items. A suspect that was one before, at another head, is poison. */
static void apply_fates(struct group *g, struct intake_batch *b, bool all)
{
	struct sender *s = g->s;
	size_t n = g->poison.n;
	struct intake_item **places = arena_alloc(&g->mem, n * sizeof *places);
	bool once = false;
	size_t go = 0;
	for (size_t i = 0; i < n; i++) {
		places[i] = intake_item(b, i);
		go += !all && g->poison.fates[i] == FATE_GOES;
	}
	if (b->failure == PROBE_TOO_BIG && go > 0)
		note_fit(g, b->decl, go);
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

static void probe_told(struct group *g, size_t index, const struct reply *r)
{
	const struct probe *p = &g->poison.probes[index];
	if (p->hi - p->lo == 1)
		g->errors[p->lo] = r->ret;
	poison_told(&g->poison, index,
		r->ok         ? PROBE_PASSES
		: r->reverted ? PROBE_REVERTS
		: r->too_big  ? PROBE_TOO_BIG
					  : PROBE_LOST);
}

void group_told(struct group *g, const struct asked *a, const struct reply *r)
{
	if (a->probe == PROBE_NONE)
		intake_told(&g->in, &a->q, r);
	else if (a->probe == PROBE_CONTROL)
		g->control_passed = r->ok;
	else
		probe_told(g, a->probe, r);
}

void group_answered(struct group *g)
{
	struct sender *s = g->s;
	if (g->era != s->era)
		group_free(g);
	else if (s->group == g && g->in_flight == 0)
		next_step(g);
}

uint64_t group_gas_cap(const struct sender *s, const struct batch_decl *d)
{
	const uint64_t caps[] = {s->head.gas_limit, s->signer->gas_limit, d->gas};
	uint64_t cap = PRICE_GAS_CAP;
	for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
		if (caps[i] && caps[i] < cap)
			cap = caps[i];
	return cap;
}

/* A simulation with all the gas that there may be: what reverts reverts, what is too big says so. */
static void ask_probes(struct group *g)
{
	struct asker k = {.g = g};
	const struct probe *p;
	size_t index;
	struct question q = {.kind = QUESTION_FITS};
	q.gas = group_gas_cap(g->s, g->sick->decl);
	memcpy(q.to, g->sick->decl->send.contract->addresses[0], 20);
	while ((p = poison_ask(&g->poison, &index))) {
		struct err e = {0};
		if (intake_compose(&g->in, g->sick, p->lo, p->hi, &q.data, &e))
			ask_put(&k, &q, index);
		else
			poison_told(&g->poison, index, PROBE_LOST);
	}
	const char *control = control_of(g->s, g->sick->decl);
	if (g->poison.end == POISON_ALIKE && control && !g->control_asked) {
		q.data = str_of(control);
		ask_put(&k, &q, PROBE_CONTROL);
	}
	g->control_asked |= g->poison.end == POISON_ALIKE;
	ask_flush(&k);
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
		if ((window_lowest(&s->window) || s->committing) && !feed_has_waited(s, b->id)) {
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
		uint64_t cap = group_gas_cap(s, b->decl);
		if (b->end != INTAKE_GOES || b->gas <= cap)
			continue;
		if (intake_alive(b) > 1)
			note_fit(g, b->decl, (uint64_t)((unsigned __int128)intake_alive(b) * cap / b->gas));
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
			s->blocked[0] = s->blocked_must[0] = 0;
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

static void ask_question(void *arg, const struct question *q)
{
	ask_put(arg, q, PROBE_NONE);
}

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

/* Everything that was asked is answered. */
static void next_step(struct group *g)
{
	struct asker k = {.g = g};
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
		ask_flush(&k);
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
