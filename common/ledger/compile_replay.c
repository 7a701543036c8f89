/* The function of one chain's lane that applies a rule again to events that stand (a wish, sql/021): only to
 * those below the window, which no reorg takes: nothing that it does needs an image. What is above follows
 * when the window has moved on. What a rule says (log, publish) is not said again. */
#include "common/ledger/compile_in.h"

#include "common/ledger/rules.h"

static void first_number(struct buf *o, const struct branch *br, size_t n)
{
	buf_text(o, "IF _fl.w.began IS NULL THEN\n_fl.w.upto := _fl.v_at; _fl.w.behind := coalesce((SELECT "
				"min(q.seq) FROM (");
	for (size_t i = 0; i < n; i++)
		buf_printf(o, "%sSELECT min(e._seq) AS seq FROM %s e WHERE e._block >= _fl.w.from_block",
			i ? " UNION ALL " : "", br[i].table);
	buf_text(o, ") q), 1) - 1;\nEND IF;\n");
}

/* A rule at: final is replayed behind its own position only. */
static void not_before_final(struct body *b)
{
	const struct config *c = b->k->c;
	for (size_t i = 0; i < c->nrules; i++)
		if (c->rules[i].at_final && rules_is_replayed(&c->rules[i], b->chain))
			buf_printf(&b->code,
				"IF _fl.w.subject = %s THEN _fl.v_head := least(_fl.v_head, coalesce((SELECT p.at FROM "
				"fairlead.position p WHERE p.chain = %d AND p.name = 'final'), 0)); END IF;\n",
				quote(b->k, c->rules[i].name), b->chain_id);
}

static void ends(struct buf *o)
{
	buf_text(o, "due := _fl.hi >= _fl.w.upto AND _fl.stop IS NULL;\n"
				"IF due THEN DELETE FROM fairlead.wish q WHERE q.id = p_wish; ELSE\n"
				"UPDATE fairlead.wish q SET began = coalesce(q.began, clock_timestamp()), behind = _fl.hi, "
				"upto = _fl.w.upto WHERE q.id = p_wish;\nEND IF;\n");
	lane_answer(o);
}

void replay_function(struct compiler *k, const struct chain_decl *chain, int chain_id)
{
	struct body b = {.k = k, .chain = chain, .chain_id = chain_id, .kind = BODY_REPLAY};
	struct branch *br = arena_alloc(&k->mem, (k->c->nevents + 1) * sizeof *br);
	size_t n = lane_branches(&b, br);
	if (n == 0)
		return;
	buf_text(&b.decl, " w fairlead.wish;");
	buf_printf(&b.code,
		"_fl.v_at := fairlead.hold(%s, p_epoch); undone := -1; _fl.v_from := 0; _fl.hi := 0; _fl.v_head := "
		"0;\n"
		"SELECT q.* INTO _fl.w FROM fairlead.wish q WHERE q.id = p_wish AND q.kind = 'replay' FOR UPDATE "
		"SKIP LOCKED;\n"
		"IF _fl.w.id IS NULL THEN\ndue := true;\n",
		quote(k, arena_printf(&k->mem, "apply:%s", chain->name)));
	lane_answer(&b.code);
	buf_text(&b.code, "RETURN;\nEND IF;\n_fl.w.from_block := coalesce(_fl.w.from_block, 0);\n");
	first_number(&b.code, br, n);
	buf_printf(&b.code,
		"SELECT c.floor_seq INTO _fl.f FROM fairlead.chain c WHERE c.id = %d;\n"
		"PERFORM set_config('fairlead.chain', '%d', true), set_config('fairlead.seq', '', true);\n"
		"_fl.v_from := _fl.w.behind; _fl.v_head := least(_fl.w.upto, _fl.f - 1);\n",
		chain_id, chain_id);
	not_before_final(&b);
	buf_text(&b.code, "_fl.v_head := greatest(_fl.v_head, _fl.v_from);\n");
	lane_run_end(&b.code, br, n, "_fl.v_head");
	lane_run_loop(&b, br, n);
	ends(&b.code);
	lane_finish(&b, "replay_", "p_epoch bigint, p_wish bigint, p_max bigint, " FL_RAN, "");
}
