/* The units of an applier: what each asks of PostgreSQL, and what its answer leads to. */
#include "batcher/applier.h"

#include "common/base/sentence.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/history.h"
#include "common/ledger/wishes.h"

#include <inttypes.h>
#include <stdio.h>

enum { UNPARK_AT_ONCE = 1000, TELL_PARKED = 5 };

static struct pg_unit *unit(struct applier *a)
{
	return pg_unit(a->m->pg);
}

/* ── a run of events ── */

static void print_line(void *arg, const struct rules_line *l)
{
	struct arena *mem = arg;
	log_info("rule.log", arena_textn(mem, l->text.p, l->text.n),
		F_STR("rule", arena_textn(mem, l->rule.p, l->rule.n)),
		F_STR("event", arena_textn(mem, l->event.p, l->event.n)),
		F_STR("tx", l->tx.n ? arena_textn(mem, l->tx.p, l->tx.n) : NULL),
		F_STR("block", l->block.n ? arena_textn(mem, l->block.p, l->block.n) : NULL));
}

static void items_came(struct applier *a)
{
	for (size_t i = 0; i < a->ncutters; i++)
		a->cutters[i].wanted = true;
	a->want[WORK_CUT] = a->ncutters > 0;
}

/* What every run means, whichever function ran it. false: poison, and what follows is arranged. */
static bool took_run(struct applier *a, const struct pg_reply *r, enum applier_work of)
{
	struct rules_ran ran;
	rules_ran_read(r, 0, &ran);
	rules_lines_each(r, 0, print_line, &a->mem);
	metric_add(a->m_events, ran.events);
	metric_add(a->m_items, ran.items);
	if (ran.items > 0)
		items_came(a);
	if (of == WORK_APPLY) {
		a->at = ran.to;
		metric_set(a->m_at, (double)ran.to);
		if (ran.to < ran.head)
			a->want[WORK_APPLY] = true;
		a->want[WORK_HAPPEN] |= ran.due;
	} else if (ran.events > 0) {
		a->want[of] = true;
	}
	if (a->publishes && (ran.events > 0 || ran.undone >= 0))
		bus_ring(a->m->bus, BUS_WORK, "published", NULL, a->at, ran.events);
	if (ran.undone >= 0) {
		log_odd("undone", "Took back what the rules did for events that left the chain",
			F_STR("chain", a->chain->name), F_INT("seq", ran.to), F_INT("images", ran.undone));
		a->want[WORK_UNPARK] = a->want[WORK_LOOK] = true;
		a->grace_block = -2; /* set by the next look: the chain's block then, plus the grace */
	}
	if (ran.stop_seq == 0)
		return true;
	bury_met(a, &ran, of);
	return false;
}

static void on_apply(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	if (fault_hit(FAULT_apply_after_commit)) {
		applier_failed(a);
		return;
	}
	if (!took_run(a, r, WORK_APPLY))
		return;
	if (rules_has_final(a->m->config, a->chain->name))
		a->want[WORK_FINAL] = true;
	applier_drive(a);
}

void work_apply(struct applier *a)
{
	if (fault_hit(FAULT_apply_before_commit)) {
		applier_failed(a);
		return;
	}
	bool alone = a->poison.tries > 0 && a->poison.of == WORK_APPLY && a->poison.seq == a->at + 1;
	struct pg_unit *u = unit(a);
	rules_apply(
		u, lease_lane(a->lease), a->chain->name, alone ? 1 : (int64_t)a->chain->run, a->tail || alone);
	pg_unit_run(u, 0, on_apply, a);
}

static void on_final(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (applier_back(a, r) && took_run(a, r, WORK_FINAL))
		applier_drive(a);
}

void work_final(struct applier *a)
{
	if (!rules_has_final(a->m->config, a->chain->name)) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	struct pg_unit *u = unit(a);
	rules_final(u, lease_lane(a->lease), a->chain->name, (int64_t)a->chain->run);
	pg_unit_run(u, 0, on_final, a);
}

static void on_history(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	if (fault_hit(FAULT_apply_after_commit)) {
		applier_failed(a);
		return;
	}
	struct rules_ran ran;
	rules_ran_read(r, 0, &ran);
	a->history_at = ran.to;
	a->want[WORK_APPLY] = true; /* what is new comes first, and no bell is heard before we are idle */
	a->want[WORK_LOOK] |= ran.events > 0 && ran.to >= ran.head; /* is there another one? */
	if (took_run(a, r, WORK_HISTORY))
		applier_drive(a);
}

void work_history(struct applier *a)
{
	if (a->history == 0) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	if (fault_hit(FAULT_apply_before_commit)) {
		applier_failed(a);
		return;
	}
	bool alone = a->poison.tries > 0 && a->poison.of == WORK_HISTORY && a->poison.seq == a->history_at + 1;
	struct pg_unit *u = unit(a);
	rules_history(u, lease_lane(a->lease), a->chain->name, a->history, alone ? 1 : (int64_t)a->chain->run);
	pg_unit_run(u, 0, on_history, a);
}

static void on_happen(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (applier_back(a, r) && took_run(a, r, WORK_HAPPEN))
		applier_drive(a);
}

void work_happen(struct applier *a)
{
	if (!rules_has_happen(a->m->config, a->chain->name)) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	bool alone = a->poison.tries > 0 && a->poison.of == WORK_HAPPEN;
	struct pg_unit *u = unit(a);
	rules_happen(u, lease_lane(a->lease), a->chain->name, alone ? 1 : (int64_t)a->chain->run);
	pg_unit_run(u, 0, on_happen, a);
}

static void on_unpark(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	struct rules_ran ran;
	if (!applier_back(a, r))
		return;
	rules_ran_read(r, 0, &ran);
	rules_lines_each(r, 0, print_line, &a->mem);
	if (ran.items > 0)
		items_came(a);
	if (a->publishes && ran.events > 0)
		bus_ring(a->m->bus, BUS_WORK, "published", NULL, a->at, ran.events);
	if (ran.events > 0)
		log_info("unparked", "Events that waited in a rule went on", F_STR("chain", a->chain->name),
			F_INT("events", ran.events));
	a->unpark_behind = ran.to;
	a->want[WORK_UNPARK] |= ran.to != 0;
	applier_drive(a);
}

void work_unpark(struct applier *a)
{
	if (!rules_has_park(a->m->config, a->chain->name)) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	struct pg_unit *u = unit(a);
	rules_unpark(u, lease_lane(a->lease), a->chain->name, a->unpark_behind, UNPARK_AT_ONCE);
	pg_unit_run(u, 0, on_unpark, a);
}

/* ── parked items ── */

static struct cutter *next_release(struct applier *a)
{
	for (size_t i = 0; i < a->ncutters; i++)
		if (a->cutters[i].release_wanted)
			return &a->cutters[i];
	return NULL;
}

static void on_release(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	struct cutter *k = &a->cutters[a->release_turn];
	int64_t n = rules_released(r, 0, &k->release_behind);
	if (n > 0) {
		log_info("released", "Parked items can go on", F_STR("batch", k->decl->name), F_INT("items", n));
		k->wanted = true;
		a->want[WORK_CUT] = true;
	}
	k->release_wanted = k->release_behind > 0;
	a->want[WORK_RELEASE] = next_release(a) != NULL;
	applier_drive(a);
}

void work_release(struct applier *a)
{
	struct cutter *k = next_release(a);
	while (k && (!k->decl->let || k->decl->missing != MISSING_PARK)) {
		k->release_wanted = false;
		k = next_release(a);
	}
	if (!k) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	a->release_turn = (size_t)(k - a->cutters);
	struct pg_unit *u = unit(a);
	rules_unpark_batch(u, lease_lane(a->lease), k->decl->name, k->release_behind, UNPARK_AT_ONCE);
	pg_unit_run(u, 0, on_release, a);
}

static void on_unbatch(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	int64_t n = pg_get_int(r, 0, 0, 0);
	if (n > 0)
		log_odd("items.dropped",
			"Items whose event left the chain were taken out of batches that were not sent",
			F_STR("chain", a->chain->name), F_INT("items", n));
	applier_drive(a);
}

void work_unbatch(struct applier *a)
{
	struct pg_unit *u = unit(a);
	queue_unbatch(u, lease_lane(a->lease));
	pg_unit_run(u, 0, on_unbatch, a);
}

/* ── cutting ── */

bool cutter_due(struct applier *a, struct cutter *k, struct cut *c)
{
	uint64_t now = loop_now_ms(a->m->loop), since = now - k->looked_ms;
	struct cut_view v = {.now_ms = now,
		.waiting = k->waits.waiting,
		.oldest_ms = k->waits.oldest_ms + (int64_t)since,
		.next_ms = k->waits.next_ms < 0                ? -1
				   : k->waits.next_ms > (int64_t)since ? k->waits.next_ms - (int64_t)since
													   : 0,
		.max = (int64_t)k->decl->max,
		.wait_ms = k->decl->wait_ms,
		.pause_ms = k->decl->pause_ms,
		.cut_before = k->cut_before,
		.last_cut_ms = k->last_cut_ms,
		.flush = k->flush};
	*c = cut_next(&v);
	if (v.next_ms == 0) {
		k->waits.next_ms = -1;
		k->wanted = true; /* a retry has become due: look at the queue */
	}
	return c->what != CUT_NOTHING || k->wanted;
}

/* batches.due: told when a timer begins or ends, so that a status page can say "goes in 0.9 s". */
static void told(void *arg, const struct pg_reply *r)
{
	(void)arg;
	(void)r; /* a status line for people: the next change tells it again */
}

static void tell_due(struct applier *a, struct cutter *k)
{
	struct cut c;
	bool due_now = cutter_due(a, k, &c);
	bool timer = k->waits.waiting > 0 && !due_now && c.in_ms >= 0;
	if (!timer && !k->told_due)
		return;
	k->told_due = timer;
	struct pg_unit *u = unit(a);
	queue_due(u, k->decl->name, timer ? c.in_ms : -1);
	pg_unit_run(u, 0, told, a);
}

static void on_parked(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	for (int i = 0; i < pg_rows(r, 0); i++) {
		char text[200];
		const char *title = pg_get_text(r, 0, i, 2);
		struct buf why = {0};
		snprintf(text, sizeof text, "Failed to process %s; its item is parked until it can go on",
			*title ? applier_short(str_of(title)) : "an item");
		sentence_say(&why, pg_get(r, 0, i, 1), SENTENCE_TEXT, 0);
		log_odd("item.parked", text, F_STR("batch", a->cutters[a->cut_turn].decl->name),
			F_STR("key", pg_get_text(r, 0, i, 0)), F_STR("tx", pg_get_text(r, 0, i, 3)),
			F_STR("reason", why.p));
		buf_fini(&why);
	}
	applier_drive(a);
}

static void after_cut(struct applier *a, struct cutter *k, const struct rules_was_cut *was)
{
	struct cut again;
	k->waits = was->left;
	k->looked_ms = loop_now_ms(a->m->loop);
	if (was->batches > 0) {
		k->cut_before = true;
		k->last_cut_ms = k->looked_ms;
		metric_add(a->m_batches, was->batches);
		log_info("batches", "Batches cut", F_STR("batch", k->decl->name), F_INT("batches", was->batches),
			F_INT("items", was->items), F_INT("first", was->first_batch), F_INT("last", was->last_batch),
			F_INT("left", was->left.waiting));
		bus_ring(a->m->bus, BUS_WORK, "sends", k->decl->signer->name, was->last_batch, was->batches);
		fault_hit(FAULT_cut_after_ring);
	}
	if (k->flushing) /* else it was wished for while this cut was under way, which knew nothing of it */
		k->flush = was->batches > 0 && was->left.waiting > 0;
	bool more = cutter_due(a, k, &again);
	a->want[WORK_CUT] |= more && (was->batches > 0 || k->wanted);
}

static void on_cut(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	struct rules_was_cut was;
	if (!applier_back(a, r))
		return;
	if (fault_hit(FAULT_cut_after_commit)) {
		applier_failed(a);
		return;
	}
	struct cutter *k = &a->cutters[a->cut_turn];
	rules_cut_read(r, r->statements - 1, &was);
	after_cut(a, k, &was);
	tell_due(a, k);
	for (size_t i = 0; i < a->ncutters; i++)
		a->want[WORK_CUT] |= a->cutters[i].wanted;
	if (was.parked == 0) {
		applier_drive(a);
		return;
	}
	metric_add(a->m_parked, was.parked);
	if (was.parked > TELL_PARKED)
		log_odd("items.parked", "Items are parked; the newest of them follow", F_STR("batch", k->decl->name),
			F_INT("items", was.parked));
	struct pg_unit *u = unit(a);
	queue_parked(u, k->decl->name, was.parked < TELL_PARKED ? was.parked : TELL_PARKED);
	a->doing = WORK_CUT;
	pg_unit_run(u, 0, on_parked, a);
}

void work_cut(struct applier *a)
{
	struct cut c = {0};
	size_t i = 0;
	while (i < a->ncutters && !cutter_due(a, &a->cutters[i], &c))
		i++;
	if (i == a->ncutters) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	if (fault_hit(FAULT_cut_before_commit)) {
		applier_failed(a);
		return;
	}
	struct cutter *k = &a->cutters[i];
	a->cut_turn = i;
	/* wanted without a reason of its own: full batches are cut if there are any, and the answer tells how
	 * many wait */
	if (c.what == CUT_NOTHING) {
		uint64_t now = loop_now_ms(a->m->loop);
		bool paused = k->cut_before && now < k->last_cut_ms + k->decl->pause_ms && !k->flush;
		c.limit = paused ? 0 : k->decl->pause_ms > 0 ? 1 : 100;
		c.what = k->flush ? CUT_ALL : CUT_FULL;
	}
	struct pg_unit *u = unit(a);
	k->wanted = false;
	k->flushing = k->flush;
	if (k->flush)
		wishes_flush(u, k->decl->name, c.limit * (int64_t)k->decl->max);
	rules_cut(u, lease_lane(a->lease), k->decl->name, (int64_t)k->decl->max, c.limit, c.what == CUT_ALL);
	pg_unit_run(u, 0, on_cut, a);
}

/* ── looking: once a second, with a bell or without ── */

static void took_look(struct applier *a, const struct queue_look *l)
{
	if (l->at < l->head)
		a->want[WORK_APPLY] = true;
	a->want[WORK_HAPPEN] |= l->happened;
	if (l->final != a->final_seen) {
		a->final_seen = l->final;
		a->want[WORK_FINAL] = rules_has_final(a->m->config, a->chain->name);
	}
	if (a->grace_block == -2)
		a->grace_block = l->done + (int64_t)a->chain->grace;
	if (l->orphaned > 0 && a->grace_block < 0)
		a->grace_block = l->done + (int64_t)a->chain->grace;
	if (a->grace_block >= 0 && l->done >= a->grace_block) {
		a->grace_block = -1;
		a->want[WORK_UNBATCH] = l->orphaned > 0;
	}
}

static void took_flushes(struct applier *a, const struct pg_reply *r, int stmt)
{
	struct wish_row w;
	for (int row = 0; row < pg_rows(r, stmt); row++) {
		wishes_read(r, stmt, row, &w);
		for (size_t i = 0; i < a->ncutters; i++)
			if (wishes_is(&w, WISH_FLUSH) && str_is(w.subject, a->cutters[i].decl->name))
				a->cutters[i].flush = a->cutters[i].wanted = true;
	}
}

static void on_look(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	struct queue_look l;
	if (!applier_back(a, r))
		return;
	if (!queue_look_read(r, 0, &l)) {
		applier_retry(a, "the chain has no row in fairlead.chain");
		return;
	}
	took_look(a, &l);
	a->history = history_look_read(r, 1 + (int)a->ncutters);
	a->want[WORK_HISTORY] = a->history > 0;
	took_flushes(a, r, 2 + (int)a->ncutters);
	replay_looked(a, r, 2 + (int)a->ncutters);
	for (size_t i = 0; i < a->ncutters; i++) {
		struct cut c;
		rules_peek_read(r, 1 + (int)i, &a->cutters[i].waits);
		a->cutters[i].looked_ms = loop_now_ms(a->m->loop);
		if (cutter_due(a, &a->cutters[i], &c))
			a->want[WORK_CUT] = true;
	}
	applier_drive(a);
}

void work_look(struct applier *a)
{
	struct pg_unit *u = unit(a);
	a->looked_ms = loop_now_ms(a->m->loop);
	queue_look(u, a->chain->name);
	for (size_t i = 0; i < a->ncutters; i++)
		rules_peek(u, a->cutters[i].decl->name);
	history_look(u, a->chain->name);
	wishes_look(u, WISH_FLUSH, WISH_REPLAY, NULL);
	pg_unit_run(u, 0, on_look, a);
}
