/* History below the window: the chain's own reading by fill.h, and what one of its commits holds. */
#include "listener/reader.h"

#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/rules.h"

#include <inttypes.h>
#include <stdio.h>

enum { BUSY_MS = 100 };

static void end_unit(void *arg, struct pg_unit *u, const struct fill_commit *c)
{
	struct reader *r = arg;
	fault_hit(FAULT_listen_before_commit);
	if (!c->lasts)
		chain_commit_soon(u);
	int64_t final, floor = store_floor(r, c->done, &final);
	for (size_t i = 0; i < r->filter.n; i++) {
		const struct event_decl *ev = r->filter.events[i].decl;
		if (c->per_event[i] > 0 && c->staged) {
			chain_from_stage(u, &r->mem, ev, i);
			chain_count_staged(u, ev, i);
		} else if (c->per_event[i] > 0) {
			chain_count_swept(u, ev, c->per_event[i]);
		}
	}
	for (size_t i = 0; i < c->nbad; i++)
		chain_add_undecoded(u, r->row.id, c->bad[i].event, &c->bad[i].log, c->bad[i].why);
	struct chain_block b = {.number = c->done, .time = c->last->time};
	memcpy(b.hash, c->last->hash, 32);
	memcpy(b.parent, c->last->parent, 32);
	/* INV-8: the fence; behind the rows, since nobody sees them before COMMIT */
	chain_step(u, lease_lane(r->lease), r->row.id,
		&(struct chain_step){.since = c->from - 1,
			.at = c->at,
			.done = c->done,
			.head = r->head,
			.final = final,
			.blocks = &b,
			.nblocks = 1,
			.aside = true});
	/* behind the numbers of this commit: what lies below the floor writes no images (A1) */
	chain_advance(u, lease_lane(r->lease), r->row.id, final, floor);
	sweep_in_commit(r->sweep, u, c->from, c->done);
	for (size_t i = 0; i < c->nranges; i++)
		store_range(r, u, &c->ranges[i]);
	r->row.final = final;
	r->row.floor = r->floor = floor;
}

static void on_commit(void *arg, const struct fill_commit *c)
{
	struct reader *r = arg;
	fault_hit(FAULT_listen_after_commit);
	window_add(&r->window, c->done, c->last->hash);
	metric_add(r->m_blocks, c->done - r->row.done);
	metric_add(r->m_events, (int64_t)c->events);
	metric_set(r->m_done, (double)c->done);
	r->row.done = c->done; /* INV-9: what is committed, and nothing else */
	r->at = c->at;
	r->failures = 0;
	backoff_ok(&r->backoff);
	r->why[0] = r->halted_for[0] = 0;
	if (providers_dirty(r->providers))
		store_state(r); /* a cap that was learned outlives a crash */
	sweep_wrote(r->sweep, c->events);
	if (!c->lasts)
		r->unrung += c->events;
	else if (store_ring(r, c->events))
		fault_hit(FAULT_listen_after_ring);
	if (c->events == 0)
		return;
	log_info("events", "Events written", F_STR("chain", r->chain->name), F_INT("block", c->done),
		F_UINT("events", c->events), F_INT("seq", r->at));
}

static void on_end(void *arg)
{
	struct reader *r = arg;
	r->dense = fill_dense(r->fill);
	backfill_stop(r);
	pg_copy_close(r->copy); /* a connection that nobody needs for long */
	r->copy = NULL;
	reader_enter(r, READER_IDLE);
	reader_drive(r);
}

static void on_fail(void *arg, enum fill_failure f, const char *sentence)
{
	struct reader *r = arg;
	backfill_stop(r);
	switch (f) {
	case FILL_FENCED: reader_fenced(r); break;
	case FILL_PRESENT:
		if (r->staged) {
			reader_retry(r, sentence);
			break;
		}
		r->staged = true;
		store_load(r);
		break;
	case FILL_UNLINKED:
		reorg_look(r); /* none, and it is tried again with growing gaps (INV-11): it is the answers */
		break;
	case FILL_STORE:
		log_odd("commit.refused", "PostgreSQL did not take a commit; reading the truth again",
			F_STR("chain", r->chain->name), F_STR("reason", sentence));
		reader_retry(r, sentence);
		break;
	}
}

static void on_why(void *arg, const char *sentence)
{
	struct reader *r = arg;
	snprintf(r->why, sizeof r->why, "%s", sentence);
}

struct pg_copy *backfill_copy_open(struct reader *r)
{
	struct pg_options o = {.conninfo = r->m->conninfo,
		.application = "fairlead-listener",
		.generic_plans = true,
		.idle_in_transaction_ms = LANE_TTL_MS};
	return pg_copy_open(r->m->loop, &o);
}

void backfill_to(struct reader *r, int64_t to)
{
	if (r->fill) {
		fill_extend(r->fill, to);
		fill_wake(r->fill);
		return;
	}
	if (!r->copy)
		r->copy = backfill_copy_open(r);
	if (pg_copy_is_busy(r->copy)) { /* a COMMIT of an earlier term is not answered yet */
		reader_pause(r, BUSY_MS);
		return;
	}
	history_stop(r); /* the lane itself comes first */
	const uint8_t *parent = window_hash(&r->window, r->row.done);
	struct fill_job job = {.loop = r->m->loop,
		.providers = r->providers,
		.copy = r->copy,
		.name = r->chain->name,
		.filter = &r->filter,
		.encoders = r->encoders,
		.proving = &r->prove.chain,
		.network = r->row.network,
		.chain_id = r->row.id,
		.from = r->row.done + 1,
		.target = to,
		.at = r->at,
		.has_parent = parent != NULL,
		.staged = r->staged,
		.followed = rules_has_plain(r->m->config, r->chain->name),
		.end_unit = end_unit,
		.on_commit = on_commit,
		.on_end = on_end,
		.dense_ends = true,
		.on_fail = on_fail,
		.on_why = on_why,
		.arg = r};
	if (parent)
		memcpy(job.parent, parent, 32);
	reader_enter(r, READER_FILL);
	r->fill = fill_start(&job);
	store_state(r);
}

bool backfill_commit_is_out(const struct reader *r)
{
	return r->fill ? fill_commit_is_out(r->fill) : r->copy && pg_copy_is_busy(r->copy);
}

void backfill_stop(struct reader *r)
{
	fill_stop(r->fill);
	r->fill = NULL;
}
