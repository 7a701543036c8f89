/* The commit of a block at the head, sent while an endpoint is still asked for that block: all that the
 * messages about it let one guess. The answer decides: what is as it says is committed, else it is taken back
 * (R1).
 */
#include "listener/reader.h"

#include <string.h>

enum {
	NEAR_US = 10000, /* elsewhere the endpoint is what one waits for, and not PostgreSQL */
	OPEN_MS = 20,    /* others wait behind an open transaction */
	ROWS_MOST = 32,
};

/* The block as a message about it lets one guess: the child of the last one. false: it does not say enough.
 */
static bool guess(const struct reader *r, const uint8_t hash[32], struct chain_block *b)
{
	const struct heads_state *h = provider_heads(r->rang);
	const struct window_block *top = window_top(&r->window);
	if (!top || top->number + 1 != r->step.from || !h->has_time || !h->has_hash ||
		memcmp(h->hash, hash, 32) != 0)
		return false;
	if (h->has_parent && memcmp(h->parent, top->hash, 32) != 0)
		return false;
	*b = (struct chain_block){.number = r->step.from, .time = h->time, .linked = true};
	memcpy(b->hash, hash, 32);
	memcpy(b->parent, top->hash, 32);
	return true;
}

static uint64_t time_of(void *arg, const struct log *log)
{
	const struct chain_block *b = arg;
	(void)log;
	return b->time;
}

/* The rows of the logs that were heard of it so far: the first ones, as their order mostly is. */
static void guess_rows(struct reader *r)
{
	const struct heard *h = &r->logs_heard;
	size_t n = h->n < ROWS_MOST ? h->n : ROWS_MOST;
	if (n == 0 || memcmp(h->block, r->ahead.block.hash, 32) != 0)
		return;
	struct log *logs = arena_alloc(&r->mem, n * sizeof *logs);
	memcpy(logs, h->logs, n * sizeof *logs);
	logs_sort(logs, n);
	logs_identify(logs, n, r->row.network);
	rows_decode(&r->ahead.rows, &r->mem, &r->rows, r->at, logs, n, time_of, &r->ahead.block);
	r->ahead.rows.nbad = 0; /* the answer will say so too */
}

static void move_to(struct reader *r, int64_t at)
{
	if (at == r->ahead.step.at)
		return;
	r->ahead.step.at = at;
	chain_step_at(r->ahead.unit, lease_lane(r->lease), at);
}

static void on_late(void *arg)
{
	ahead_undo(arg);
}

/* Before its logs are heard, a block is taken to hold as many events as the last one: to move the cursor
 * twice costs more. */
static void begin(struct reader *r)
{
	struct chain_block b;
	if (!pg_is_up(r->m->pg) || !guess(r, r->asked, &b))
		return;
	struct final as_yet = r->final; /* nothing is called final by a guess */
	int64_t at = r->at + (int64_t)(r->commit_events < ROWS_MOST ? r->commit_events : 0);
	r->ahead.block = b;
	r->ahead.rows = (struct rows_batch){.last_seq = r->at};
	r->ahead.step = (struct chain_step){.since = r->row.done,
		.at = at,
		.done = b.number,
		.head = r->head,
		.final = final_at(&as_yet, b.number, b.number),
		.blocks = &r->ahead.block,
		.nblocks = 1};
	r->ahead.unit = pg_unit(r->m->pg);
	chain_step(r->ahead.unit, lease_lane(r->lease), r->row.id, &r->ahead.step); /* INV-8 */
	pg_unit_begin(r->ahead.unit);
	timer_start(r->m->loop, &r->ahead.timer, OPEN_MS, on_late, r);
}

/* PostgreSQL has the block by now and will be at work on it for a while. */
static void on_turn(void *arg)
{
	struct reader *r = arg;
	if (!r->ahead.unit)
		begin(r); /* the first message did not say enough of it, the next one may have */
	if (!r->ahead.unit)
		return;
	guess_rows(r);
	if (r->ahead.rows.n == 0)
		return;
	move_to(r, r->ahead.rows.last_seq);
	rows_write(&r->ahead.rows, 0, r->ahead.unit, &r->mem, &r->rows, r->row.id, r->ahead.block.number, false);
	pg_unit_more(r->ahead.unit);
}

bool ahead_may(const struct reader *r)
{
	return !r->ahead.unit && provider_latency_us(r->rang) <= NEAR_US;
}

/* The messages about one block mostly come in one piece: with the first it is known which block it is, and
 * what the others add is known in the next turn. */
void ahead_begin(struct reader *r)
{
	begin(r);
	timer_start(r->m->loop, &r->ahead.turn, 0, on_turn, r);
}

void ahead_undo(struct reader *r)
{
	timer_stop(&r->ahead.turn);
	timer_stop(&r->ahead.timer);
	if (r->ahead.unit)
		pg_unit_undo(r->ahead.unit);
	r->ahead.unit = NULL;
}

static bool same_block(const struct chain_block *a, const struct chain_block *b)
{
	return a->number == b->number && a->time == b->time && a->linked == b->linked &&
		   memcmp(a->hash, b->hash, 32) == 0 && memcmp(a->parent, b->parent, 32) == 0;
}

/* The id holds the content, the transaction and what stands before it in the block (INV-2). */
static bool same_row(const struct event_row *a, const struct event_row *b)
{
	return a->seq == b->seq && a->log->log_index == b->log->log_index &&
		   memcmp(a->log->id, b->log->id, 32) == 0 && memcmp(a->log->tx_hash, b->log->tx_hash, 32) == 0 &&
		   memcmp(a->log->block_hash, b->log->block_hash, 32) == 0;
}

static bool same_rows(const struct rows_batch *some, const struct rows_batch *all)
{
	bool same = some->n <= all->n;
	for (size_t i = 0; i < some->n && same; i++)
		same = some->kind[i] == all->kind[i] && same_row(&some->rows[i], &all->rows[i]);
	return same;
}

/* R1: what was heard counts only where it is what was read. */
struct pg_unit *ahead_step(
	struct reader *r, const struct chain_step *s, const struct rows_batch *b, size_t *written)
{
	struct pg_unit *u = r->ahead.unit;
	const struct chain_step *a = &r->ahead.step;
	if (u && s->nblocks == 1 && same_block(s->blocks, a->blocks) && s->since == a->since &&
		s->done == a->done && s->final == a->final && r->floor < s->done && same_rows(&r->ahead.rows, b)) {
		move_to(r, s->at);
		timer_stop(&r->ahead.turn);
		timer_stop(&r->ahead.timer);
		r->ahead.unit = NULL;
		*written = r->ahead.rows.n;
		return u;
	}
	ahead_undo(r);
	*written = 0;
	u = pg_unit(r->m->pg);
	chain_step(u, lease_lane(r->lease), r->row.id, s);
	return u;
}
