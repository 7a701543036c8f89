/* What fails by its own fault: tried three times, alone, then put aside. */
#include "batcher/applier.h"

#include "common/io/log.h"
#include "common/ledger/happen.h"
#include "common/ledger/history.h"

#include <inttypes.h>
#include <stdio.h>

enum { POISON_TRIES = 3, POISON_FIRST_MS = 200 };

const char *applier_short(struct str title)
{
	const char *dot = memchr(title.p, '.', title.n);
	return dot ? dot + 1 : title.p;
}

static void poison_again(void *arg)
{
	struct applier *a = arg;
	if (a->phase != APPLIER_RETRY)
		return;
	a->phase = APPLIER_IDLE;
	a->want[a->poison.of] = true;
	applier_drive(a);
}

static void on_poison_event(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	char text[200];
	const char *title = pg_rows(r, 0) ? pg_get_text(r, 0, 0, 0) : "an event";
	snprintf(text, sizeof text, "Failed to process %s", applier_short(str_of(title)));
	log_odd("event.failed", text, F_STR("chain", a->chain->name), F_INT("seq", a->poison.seq),
		F_STR("event", title), F_STR("tx", pg_rows(r, 0) ? pg_get_text(r, 0, 0, 1) : NULL),
		F_INT("try", a->poison.tries), F_STR("sqlstate", a->poison.state), F_STR("reason", a->poison.text));
	if (a->poison.tries >= POISON_TRIES)
		a->want[WORK_BURY] = true;
	if (a->poison.tries >= POISON_TRIES || a->closing) {
		applier_drive(a);
		return;
	}
	snprintf(a->why, sizeof a->why, "event %" PRId64 " fails: %s", a->poison.seq, a->poison.text);
	a->phase = APPLIER_RETRY;
	timer_start(
		a->m->loop, &a->retry_timer, (uint64_t)POISON_FIRST_MS << (2 * a->poison.tries), poison_again, a);
}

/* A8: the event's own fault. Tried three times, alone, with growing gaps; then it stands aside and the lane
 * goes on. */
void bury_met(struct applier *a, const struct rules_ran *ran, enum applier_work of)
{
	if (a->poison.seq != ran->stop_seq || a->poison.of != of)
		a->poison.tries = 0;
	a->poison.seq = ran->stop_seq;
	a->poison.of = of;
	a->poison.history = a->history;
	a->poison.tries++;
	snprintf(a->poison.state, sizeof a->poison.state, "%s", ran->stop_state);
	snprintf(a->poison.text, sizeof a->poison.text, "%.*s",
		(int)(ran->stop_text.n < 390 ? ran->stop_text.n : 390), ran->stop_text.p);
	struct pg_unit *u = pg_unit(a->m->pg);
	if (of == WORK_HAPPEN)
		happen_look(u, ran->stop_seq);
	else
		queue_event(u, a->chain->name, ran->stop_seq);
	a->doing = WORK_BURY;
	pg_unit_run(u, 0, on_poison_event, a);
}

static void on_bury(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	if (rules_buried(r, 0)) { /* else it was done before, or taken back meanwhile */
		log_odd("event.dead",
			"An event is put aside after three tries; the lane goes on. See: SELECT * FROM fairlead.dead",
			F_STR("chain", a->chain->name), F_INT("seq", a->poison.seq), F_STR("reason", a->poison.text));
		metric_add(a->m_dead, 1);
		bus_ring(a->m->bus, BUS_WORK, "dead", NULL, a->poison.seq > 0 ? a->poison.seq : 0, 1);
	}
	a->want[a->poison.of] = true;
	a->poison.tries = 0;
	a->poison.seq = 0;
	applier_drive(a);
}

void work_bury(struct applier *a)
{
	struct pg_unit *u = pg_unit(a->m->pg);
	if (a->poison.of == WORK_HAPPEN)
		rules_bury_happening(
			u, lease_lane(a->lease), a->poison.seq, a->poison.state, str_of(a->poison.text), a->poison.tries);
	else if (a->poison.of == WORK_HISTORY)
		history_bury(u, lease_lane(a->lease), a->chain->name, a->poison.history, a->poison.seq,
			a->poison.state, str_of(a->poison.text), a->poison.tries);
	else
		rules_bury(u, lease_lane(a->lease), a->chain->name, a->poison.seq, a->poison.state,
			str_of(a->poison.text), a->poison.tries, a->poison.of == WORK_FINAL);
	pg_unit_run(u, 0, on_bury, a);
}
