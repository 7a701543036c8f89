#include "common/base/mem.h"
#include "common/io/fault.h"
#include "submitter/group.h"

#include <stdlib.h>

static const int ramp[] = {10, 20, 40, 80, 100};
enum { RAMPS = sizeof ramp / sizeof *ramp, STRANGE_MS = 60000 };

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
	must(s->nheld < HELD_MAX);
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
bool feed_has_waited(const struct sender *s, int64_t batch)
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
	bool claims; /* of a pool, or in one order: what is read is ours until it is given back */
	bool gated;  /* some batches wait for a better price */
};

static void take_item(struct group *g, const struct slots_item *row)
{
	struct err e = {0};
	struct intake_batch *b = g->in.n ? &g->batches[g->in.n - 1] : NULL;
	if (!b || b->id != row->batch) {
		must(g->in.n < GROUP_MAX);
		b = &g->batches[g->in.n++];
		*b = (struct intake_batch){
			.id = row->batch, .decl = config_batch(g->s->m->config, row->name), .age_ms = row->age_ms};
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
			feed_hold_batch(g->s, g->batches[i].id, 0, STRANGE_MS);
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
	g->in = (struct intake){.a = &g->mem,
		.shapes = &s->shapes,
		.names = s->names,
		.batches = g->batches,
		.fixed_gas = s->signer->gas_limit};
	size_t room = sign_room(s), left = 0;
	for (int i = 0; i < pg_rows(r, 0); i++) {
		struct slots_item row;
		slots_item_read(r, 0, i, &row);
		if (left == 0) {
			left = count_batch_rows(r, i);
			const struct batch_decl *d = config_batch(s->m->config, row.name);
			if (g->in.n >= room || g->in.n == GROUP_MAX)
				break;
			if (d && left > d->max) { /* cut under an older file with a larger max */
				struct intake_batch *b = &g->batches[g->in.n++];
				*b = (struct intake_batch){.id = row.batch, .decl = d, .age_ms = row.age_ms};
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

/* Nothing is ready that is not held: the bells that were heard before are done with, once what they rang for
 * is committed (INV-1: commit, then acknowledge). on_committed looks again. */
static void nothing_left(struct sender *s)
{
	if (s->rung_since)
		return; /* what rang may have been committed behind what was read: looks again */
	s->plan.bell = false;
	s->ramp = 0;
	if (!s->bell_owed || s->committing)
		return;
	if (fault_hit(FAULT_send_before_ack)) {
		s->plan.bell = true;
		return;
	}
	s->bell_owed = false;
	ear_ready(s->ear, INT64_MAX);
	s->plan.bell = fault_hit(FAULT_send_after_ack);
}

/* An idle lane compares nothing with PostgreSQL: this is where it hears that its chain was stopped. */
static bool is_halted(struct sender *s, const struct pg_reply *r)
{
	struct slots_item first;
	slots_item_read(r, 0, 0, &first);
	look_halted(s, first.halted);
	return first.halted;
}

static void on_read(void *arg, const struct pg_reply *r)
{
	struct read_ask *q = arg;
	struct sender *s = q->s;
	s->plan.busy_read = false;
	if (q->era == s->era)
		sender_noted(s, r);
	bool good = q->era == s->era && r->outcome == PG_OK;
	if (good && q->claims && pg_rows(r, 0) > 0)
		good = !fault_hit(FAULT_claim_after_commit);
	if (good)
		s->quote.waiting = q->gated ? pg_get_int(r, 1, 0, 0) : 0;
	if (good && s->plan.phase == LANE_OPEN && !s->m->draining) {
		if (pg_rows(r, 0) == 0) {
			nothing_left(s);
		} else if (!is_halted(s, r) && sign_room(s) > 0) {
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

void feed_unclaim(struct sender *s)
{
	if (s->signer->nkeys < 2 || !s->lease || !lease_held(s->lease) || !pg_is_up(s->m->pg))
		return;
	struct pg_unit *u = pg_unit(s->m->pg);
	struct slots_lane l = sender_lane(s);
	slots_unclaim(u, &l, s->signer->name);
	pg_unit_run(u, 0, sender_noted, s);
}

void feed_read(struct sender *s)
{
	int64_t but[HELD_MAX + GROUP_MAX];
	size_t n = 0, room = sign_room(s);
	/* One key, any order: nobody else reads them. */
	bool claims = s->signer->nkeys > 1 || s->signer->order == ORDER_STRICT;
	if (claims && fault_hit(FAULT_claim_before_commit))
		return;
	for (size_t i = 0; i < s->nheld; i++)
		but[n++] = s->held[i].batch;
	for (size_t i = 0; s->committing && i < s->committing->in.n; i++)
		but[n++] = s->committing->batches[i].id;
	struct read_ask *q = mem_alloc(sizeof *q);
	if (room > HELD_MAX - s->nheld)
		room = HELD_MAX - s->nheld; /* each of them may have to be put aside */
	*q = (struct read_ask){.s = s,
		.era = s->era,
		.claims = claims,
		.limit = (size_t)ramp[s->ramp] > room ? (int)room : ramp[s->ramp]};
	struct pg_unit *u = pg_unit(s->m->pg);
	s->plan.busy_read = true;
	s->rung_since = false;
	const char *names[QUOTE_GATES];
	int64_t ages[QUOTE_GATES];
	struct slots_gates gates = quote_gates(s, names, ages);
	if (claims) {
		struct slots_lane l = sender_lane(s);
		slots_claim(u, &l, s->signer->name, s->signer->order == ORDER_STRICT, s->signer->nkeys, q->limit, but,
			n, &gates);
	} else {
		slots_ready(u, s->signer->name, s->chain_row, q->limit, but, n, &gates);
	}
	q->gated = gates.n > 0;
	if (q->gated)
		prices_waiting(u, s->signer->name, s->chain_row, &gates);
	pg_unit_run(u, 0, on_read, q);
}
