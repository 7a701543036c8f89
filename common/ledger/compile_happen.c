/* The function of one chain's lane for what happens beside the log (sql/012): rules `on: CHAIN.…`, `on:
 * BATCH.…`, in the order in which it happened, each row leaving in the transaction of its effects. Poison as
 * in compile_lane.c (A8). What these rules write is not under the undo: a reorg takes events back, and it
 * stays true that this has happened. */
#include "common/ledger/compile_in.h"

static bool is_beside(const struct trigger_decl *t, const struct chain_decl *chain)
{
	return t->chain == chain && (t->batch || !text_is(t->kind, "final"));
}

bool lane_has_happen(const struct config *c, const struct chain_decl *chain)
{
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].ntriggers && !c->rules[i].off; j++)
			if (is_beside(&c->rules[i].triggers[j], chain))
				return true;
	return false;
}

static bool same(const struct trigger_decl *a, const struct trigger_decl *b)
{
	return a->batch == b->batch && a->chain == b->chain && text_is(a->kind, b->kind);
}

/* Is t the first of its like in the file? Its rules stand in one branch then, in file order. */
static bool is_first(const struct config *c, const struct trigger_decl *t)
{
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].ntriggers && !c->rules[i].off; j++)
			if (same(&c->rules[i].triggers[j], t))
				return &c->rules[i].triggers[j] == t;
	return false;
}

static void branch(struct body *b, const struct trigger_decl *t)
{
	const struct config *c = b->k->c;
	const char *subject = t->batch ? t->batch->name : t->chain->name;
	buf_printf(&b->code, "WHEN %s THEN\n", quote(b->k, arena_printf(&b->k->mem, "%s.%s", subject, t->kind)));
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].ntriggers && !c->rules[i].off; j++)
			if (same(&c->rules[i].triggers[j], t))
				steps_trigger(b, &c->rules[i], &c->rules[i].triggers[j], "_fl.r");
}

static void dispatch(struct body *b)
{
	const struct config *c = b->k->c;
	buf_text(&b->code, "CASE _fl.r.subject || '.' || _fl.r.kind\n");
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].ntriggers && !c->rules[i].off; j++) {
			const struct trigger_decl *t = &c->rules[i].triggers[j];
			if (is_beside(t, b->chain) && is_first(c, t))
				branch(b, t);
		}
	buf_text(&b->code, "ELSE NULL;\nEND CASE;\n");
}

static void run(struct body *b)
{
	struct buf *o = &b->code;
	buf_printf(o,
		"_fl.lim := p_max;\n"
		"LOOP BEGIN\n"
		"_fl.v_events := 0; _fl.v_items := 0; _fl.v_parked := 0; _fl.v_lines := '{}'; _fl.at_end := false; "
		"_fl.hi := "
		"0;\n"
		"FOR r IN SELECT h.id, h.kind, h.subject, h.data, i.args AS iargs FROM fairlead.happening h LEFT "
		"JOIN "
		"fairlead.item i ON i.id = h.item\n"
		" WHERE h.chain = %d AND h.state = 'waiting' AND h.seq <= _fl.v_at ORDER BY h.id FETCH FIRST "
		"(_fl.lim) ROWS "
		"ONLY LOOP\n"
		"_fl.cur := _fl.r.id; _fl.i := 0;\n",
		b->chain_id);
	dispatch(b);
	buf_text(o,
		"DELETE FROM fairlead.happening h WHERE h.id = _fl.cur;\n"
		"_fl.hi := _fl.cur; _fl.v_events := _fl.v_events + 1;\n"
		"END LOOP;\n"
		"_fl.at_end := true; SET CONSTRAINTS ALL IMMEDIATE;\n"
		"EXIT;\n"
		"EXCEPTION WHEN " FL_POISON " THEN\n"
		"GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT;\n"
		"IF _fl.at_end AND _fl.v_events > 1 THEN\n"
		"_fl.lim := _fl.v_events / 2; _fl.stop := NULL;\n"
		"ELSE\n" /* what stands before it is done again without it; alone there is nothing before it */
		"_fl.stop := _fl.cur; stop_state := _fl.s; stop_text := 'rule ' || coalesce(_fl.rule, '?') || ': ' "
		"|| _fl.m;\n"
		"_fl.lim := CASE WHEN _fl.at_end THEN 0 ELSE _fl.v_events END;\n"
		"END IF;\n");
	lane_raise_others(o);
	buf_text(o, "END; END LOOP;\n");
}

void happen_function(struct compiler *k, const struct chain_decl *chain, int chain_id)
{
	struct body b = {.k = k, .chain = chain, .chain_id = chain_id, .kind = BODY_HAPPEN};
	buf_printf(&b.code,
		"_fl.v_at := fairlead.hold(%s, p_epoch); _fl.v_from := 0; undone := -1;\n"
		"PERFORM set_config('fairlead.chain', '%d', true), set_config('fairlead.seq', '', true);\n"
		"SELECT max(h.id) INTO _fl.v_head FROM fairlead.happening h WHERE h.chain = %d AND h.state = "
		"'waiting' AND "
		"h.seq <= _fl.v_at;\n",
		quote(k, arena_printf(&k->mem, "apply:%s", chain->name)), chain_id, chain_id);
	run(&b);
	lane_answer(&b.code);
	lane_finish(&b, "happen_", "p_epoch bigint, p_max bigint, " FL_RAN, "");
}
