/* What the commit of a block at the head begins with, sent while an endpoint is still asked for that block.
 */
#include "listener/reader.h"

#include <string.h>

enum {
	NEAR_US = 10000, /* elsewhere the endpoint is what one waits for, and not PostgreSQL */
	OPEN_MS = 20,    /* others wait behind an open transaction */
};

/* The block as a message about it lets one guess: the child of the last one. false: it does not say enough.
 */
static bool guess(const struct reader *r, const uint8_t hash[32], struct chain_block *b)
{
	const struct heads_state *h = provider_heads(r->rang);
	const struct window_block *top = window_top(&r->window);
	if (!top || top->number + 1 != r->step.from || !h->has_time)
		return false;
	if (h->has_parent && memcmp(h->parent, top->hash, 32) != 0)
		return false;
	*b = (struct chain_block){.number = r->step.from, .time = h->time, .linked = true};
	memcpy(b->hash, hash, 32);
	memcpy(b->parent, top->hash, 32);
	return true;
}

static void on_late(void *arg)
{
	ahead_undo(arg);
}

void ahead_begin(struct reader *r, const uint8_t hash[32])
{
	struct chain_block b;
	if (r->ahead.unit || !pg_is_up(r->m->pg) || provider_latency_us(r->rang) > NEAR_US || !guess(r, hash, &b))
		return;
	struct final as_yet = r->final; /* nothing is called final by a guess */
	r->ahead.block = b;
	r->ahead.step = (struct chain_step){.at = r->at + (provider_heads(r->rang)->by_log ? 1 : 0),
		.done = b.number,
		.head = r->head,
		.final = final_at(&as_yet, b.number, b.number),
		.blocks = &r->ahead.block,
		.nblocks = 1};
	r->ahead.unit = pg_unit(r->m->pg);
	chain_step(r->ahead.unit, lease_lane(r->lease), r->row.id, &r->ahead.step); /* INV-8 */
	pg_unit_begin(r->ahead.unit);
	timer_start(r->m->loop, &r->ahead.late, OPEN_MS, on_late, r);
}

void ahead_undo(struct reader *r)
{
	timer_stop(&r->ahead.late);
	if (r->ahead.unit)
		pg_unit_undo(r->ahead.unit);
	r->ahead.unit = NULL;
}

static bool same_block(const struct chain_block *a, const struct chain_block *b)
{
	return a->number == b->number && a->time == b->time && a->linked == b->linked &&
		   memcmp(a->hash, b->hash, 32) == 0 && memcmp(a->parent, b->parent, 32) == 0;
}

/* R1: what was heard counts only where it is what was read. */
struct pg_unit *ahead_step(struct reader *r, const struct chain_step *s)
{
	struct pg_unit *u = r->ahead.unit;
	const struct chain_step *a = &r->ahead.step;
	if (u && s->nblocks == 1 && same_block(s->blocks, a->blocks) && s->done == a->done &&
		s->final == a->final) {
		timer_stop(&r->ahead.late);
		r->ahead.unit = NULL;
		if (s->at != a->at)
			chain_step_at(u, lease_lane(r->lease), s->at);
		return u;
	}
	ahead_undo(r);
	u = pg_unit(r->m->pg);
	chain_step(u, lease_lane(r->lease), r->row.id, s);
	return u;
}
