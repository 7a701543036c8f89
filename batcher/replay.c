/* A rule is applied again to events that stand, because a request wants it (sql/021): a run at a time, behind
 * all that is new, and only while no history is on its way: its events would be met twice. */
#include "batcher/applier.h"

#include "common/io/log.h"
#include "common/ledger/wishes.h"

static const struct rule_decl *rule_of(const struct applier *a, struct str name)
{
	const struct config *c = a->m->config;
	for (size_t i = 0; i < c->nrules; i++)
		if (str_is(name, c->rules[i].name) && rules_is_replayed(&c->rules[i], a->chain))
			return &c->rules[i];
	return NULL;
}

void replay_looked(struct applier *a, const struct pg_reply *r, int stmt)
{
	int64_t before = a->replay;
	a->replay = 0;
	for (int row = 0; row < pg_rows(r, stmt) && a->replay == 0; row++) {
		struct wish_row w;
		wishes_read(r, stmt, row, &w);
		const struct rule_decl *rule = wishes_is(&w, WISH_REPLAY) ? rule_of(a, w.subject) : NULL;
		if (!rule)
			continue; /* of another chain, or of another version of the file */
		a->replay = w.id;
		a->replay_rule = rule->name;
		if (w.id != before)
			log_info("rule.replay", "Applying a rule again to events that stand, as was asked",
				F_STR("rule", rule->name), F_INT("from", w.from));
	}
	a->want[WORK_REPLAY] = a->replay > 0 && a->history == 0;
}

static void on_buried(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	a->want[WORK_REPLAY] = true;
	applier_drive(a);
}

static void bury(struct applier *a, const struct rules_ran *ran)
{
	log_odd("rule.replay", "An event can't be applied again; it is put aside (fairlead.dead)",
		F_STR("rule", a->replay_rule), F_INT("seq", ran->stop_seq), F_STR("sqlstate", ran->stop_state),
		F_STR("reason", arena_textn(&a->mem, ran->stop_text.p, ran->stop_text.n)));
	metric_add(a->m_dead, 1);
	struct pg_unit *u = pg_unit(a->m->pg);
	rules_replay_bury(u, lease_lane(a->lease), a->replay, ran->stop_seq, ran->stop_state, ran->stop_text);
	a->doing = WORK_REPLAY;
	pg_unit_run(u, 0, on_buried, a);
}

static void on_replay(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	struct rules_ran ran;
	if (!applier_back(a, r))
		return;
	rules_ran_read(r, 0, &ran);
	metric_add(a->m_items, ran.items);
	for (size_t i = 0; ran.items > 0 && i < a->ncutters; i++)
		a->want[WORK_CUT] = a->cutters[i].wanted = true;
	a->want[WORK_APPLY] = true; /* what is new comes first, and no bell is heard before we are idle */
	if (ran.stop_seq != 0) {
		bury(a, &ran);
		return;
	}
	a->want[WORK_REPLAY] |= !ran.due && ran.to < ran.head;
	if (ran.due) {
		log_info(
			"rule.replayed", "A rule was applied again", F_STR("rule", a->replay_rule), F_INT("to", ran.to));
		a->replay = 0;
		a->want[WORK_LOOK] = true; /* is there another one? */
	}
	applier_drive(a);
}

void work_replay(struct applier *a)
{
	if (a->replay == 0 || a->history > 0) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	struct pg_unit *u = pg_unit(a->m->pg);
	rules_replay(u, lease_lane(a->lease), a->chain->name, a->replay, (int64_t)a->chain->run);
	pg_unit_run(u, 0, on_replay, a);
}
