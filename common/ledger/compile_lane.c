/* The functions of one chain's lane: apply, final, unpark, bury. Their shape is the model's apply_main: fence
 * first, a run ends before a reorg entry, one subtransaction a run, a variable outlives its rollback and
 * names the culprit (A8), deferred constraints are checked inside and found by halving, the cursor moves in
 * the transaction of the effects (INV-3). */
#include "common/ledger/compile_in.h"

#include "common/ledger/rules.h"

#define VARIABLES                                                                                           \
	" r record; v_at bigint; v_from bigint; v_head bigint; f bigint; g_seq bigint; g_first bigint; first "  \
	"bigint; hi bigint; cur bigint := 0;"                                                                   \
	" fin bigint; at_end bool; v_events bigint; v_items bigint; v_parked bigint; v_lines text[]; i int; o " \
	"int; n int; rule text;"                                                                                \
	" only int; waits bool; stop bigint; s text; m text; d text; h text; last_tx bytea; due_seq bigint;"    \
	" lim bigint; told bigint;"

static bool rule_counts(const struct rule_decl *r, enum body_kind kind)
{
	if (r->off || r->nevents == 0)
		return false;
	if (kind == BODY_HISTORY || kind == BODY_REPLAY) /* its blocks are final */
		return true;
	return kind == BODY_UNPARK ? steps_may_park(r) : r->at_final == (kind == BODY_FINAL);
}

static bool rule_names(const struct rule_decl *r, const struct event_decl *ev)
{
	for (size_t i = 0; i < r->nevents; i++)
		if (r->events[i] == ev)
			return true;
	return false;
}

bool lane_runs(const struct body *b, const struct rule_decl *r, const struct event_decl *ev)
{
	if (b->kind == BODY_REPLAY && !rules_is_replayed(r, b->chain))
		return false;
	return rule_counts(r, b->kind) && rule_names(r, ev);
}

/* on: CHAIN.final of this chain, among the rules that count; NULL: r has none. */
static const struct trigger_decl *final_trigger(const struct rule_decl *r, const struct chain_decl *chain)
{
	for (size_t i = 0; !r->off && i < r->ntriggers; i++)
		if (!r->triggers[i].batch && r->triggers[i].chain == chain && text_is(r->triggers[i].kind, "final"))
			return &r->triggers[i];
	return NULL;
}

static bool has_final_trigger(const struct config *c, const struct chain_decl *chain)
{
	for (size_t i = 0; i < c->nrules; i++)
		if (final_trigger(&c->rules[i], chain))
			return true;
	return false;
}

bool lane_has_final(const struct config *c, const struct chain_decl *chain)
{
	if (has_final_trigger(c, chain))
		return true;
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].nevents; j++)
			if (rule_counts(&c->rules[i], BODY_FINAL) && c->rules[i].events[j]->contract->chain == chain)
				return true;
	return false;
}

/* B2: the function names its own children; inheritance is not pruned at run time. */
size_t lane_branches(const struct body *b, struct branch *out)
{
	struct compiler *k = b->k;
	size_t n = 0;
	bool all = (b->kind == BODY_FINAL || b->kind == BODY_HISTORY) &&
			   has_final_trigger(k->c, b->chain); /* every transaction of ours */
	for (size_t i = 0; i < k->c->nevents; i++) {
		const struct event_decl *ev = &k->c->events[i];
		bool named = all && ev->contract->chain == b->chain;
		for (size_t j = 0; j < k->c->nrules && ev->contract->chain == b->chain; j++)
			named = named || lane_runs(b, &k->c->rules[j], ev);
		if (named)
			out[n++] = (struct branch){ev, arena_printf(&k->mem, "%s.%s", quote_name(k, ev->contract->schema),
											   quote_name(k, ev->table))};
	}
	return n;
}

/* The run in order: one row an event, its own child's row in e<k>, NULL in the others. */
static void run_query(struct buf *o, const struct branch *br, size_t n)
{
	buf_text(o, "FOR r IN SELECT * FROM (\n");
	for (size_t i = 0; i < n; i++) {
		buf_printf(o, "%sSELECT e._seq, e._block, e._block_hash, e._at, e._tx, e._late, %zu AS k",
			i ? "UNION ALL " : "", i + 1);
		for (size_t j = 0; j < n; j++)
			if (i == j)
				buf_printf(o, ", e AS e%zu", j + 1);
			else
				buf_printf(o, ", NULL::%s AS e%zu", br[j].table, j + 1);
		buf_printf(o, " FROM %s e WHERE e._seq > _fl.v_from AND e._seq <= _fl.hi\n", br[i].table);
	}
	buf_text(o, ") u ORDER BY u._seq LOOP\n");
}

/* Numbers that no rule of this lane names cost nothing: the p_max numbers of a run begin at the first that
 * one does. */
void lane_run_end(struct buf *o, const struct branch *br, size_t n, const char *last)
{
	if (n) {
		buf_text(o, "SELECT min(q.seq) INTO _fl.first FROM (");
		for (size_t i = 0; i < n; i++)
			buf_printf(o, "%sSELECT min(e._seq) AS seq FROM %s e WHERE e._seq > _fl.v_from",
				i ? " UNION ALL " : "", br[i].table);
		buf_text(o, ") q;\n");
	}
	buf_printf(o, "_fl.hi := greatest(least(%s, _fl.first - 1 + p_max), _fl.v_from);\n", last);
}

static void rules_of(struct body *b, const struct event_decl *ev, const char *row)
{
	for (size_t i = 0; i < b->k->c->nrules; i++) /* in file order */
		if (lane_runs(b, &b->k->c->rules[i], ev)) {
			if (b->kind == BODY_REPLAY)
				buf_printf(&b->code, "IF _fl.w.subject = %s AND _fl.r._block >= _fl.w.from_block THEN\n",
					quote(b->k, b->k->c->rules[i].name));
			steps_rule(b, &b->k->c->rules[i], ev, row);
			if (b->kind == BODY_REPLAY)
				buf_text(&b->code, "END IF;\n");
		}
}

/* Events of one transaction stand together in the log: its first one is where the transaction is told. */
static void transactions(struct body *b, const struct branch *br, size_t n)
{
	const struct config *c = b->k->c;
	if ((b->kind != BODY_FINAL && b->kind != BODY_HISTORY) || !has_final_trigger(c, b->chain))
		return;
	buf_text(&b->code,
		"IF _fl.r._tx IS DISTINCT FROM _fl.last_tx AND NOT _fl.r._late THEN\n_fl.last_tx := _fl.r._tx;\n");
	if (b->kind == BODY_HISTORY) { /* told by the chain's log, or by a history before this one */
		buf_text(&b->code, "IF NOT EXISTS (");
		for (size_t i = 0; i < n; i++)
			buf_printf(&b->code,
				"%sSELECT FROM %s e WHERE e._block = _fl.r._block AND e._tx = _fl.r._tx AND e._seq > "
				"_fl.v_head",
				i ? " UNION ALL " : "", br[i].table);
		buf_text(&b->code, ") THEN\n");
	}
	for (size_t i = 0; i < c->nrules; i++)
		if (final_trigger(&c->rules[i], b->chain))
			steps_trigger(b, &c->rules[i], final_trigger(&c->rules[i], b->chain), "_fl.r");
	buf_text(&b->code, b->kind == BODY_HISTORY ? "END IF;\nEND IF;\n" : "END IF;\n");
}

static void dispatch(struct body *b, const struct branch *br, size_t n)
{
	transactions(b, br, n);
	buf_text(&b->code, "CASE _fl.r.k\n");
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b->code, "WHEN %zu THEN\n", i + 1);
		rules_of(b, br[i].ev, arena_printf(&b->k->mem, "(_fl.r.e%zu)", i + 1));
	}
	buf_text(&b->code, "END CASE;\n");
}

/* What is not the event's fault raises as it is, so that its class decides; only the rule's name is put
 * before it. */
void lane_raise_others(struct buf *o)
{
	buf_text(o, "WHEN OTHERS THEN\n"
				"GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h "
				"= PG_EXCEPTION_HINT;\n"
				"RAISE EXCEPTION USING ERRCODE = _fl.s, MESSAGE = 'rule ' || coalesce(_fl.rule, '?') || ', "
				"event ' || _fl.cur || ': ' || "
				"_fl.m, DETAIL = coalesce(_fl.d, ''), HINT = coalesce(_fl.h, '');\n");
}

void lane_run_loop(struct body *b, const struct branch *br, size_t n)
{
	struct buf *o = &b->code;
	bool final = b->kind == BODY_FINAL;
	buf_text(o,
		"LOOP BEGIN\n"
		"_fl.v_events := 0; _fl.v_items := 0; _fl.v_parked := 0; _fl.v_lines := '{}'; _fl.at_end := false; "
		"_fl.cur := _fl.v_from;\n");
	if (final) /* A2: filed where the lane stands, not under the event's number */
		buf_text(o, "PERFORM set_config('fairlead.seq', greatest(_fl.v_at, _fl.f)::text, true);\n");
	if ((b->kind == BODY_FINAL || b->kind == BODY_HISTORY) &&
		has_final_trigger(b->k->c, b->chain)) { /* one that an earlier run began is told already */
		buf_text(o, "_fl.last_tx := NULL; SELECT q.tx INTO _fl.last_tx FROM (");
		for (size_t i = 0; i < n; i++)
			buf_printf(o, "%sSELECT e._tx AS tx FROM %s e WHERE e._seq = _fl.v_from", i ? " UNION ALL " : "",
				br[i].table);
		buf_text(o, ") q;\n");
	}
	run_query(o, br, n);
	if (final)
		buf_text(o, "IF _fl.r._block > _fl.fin THEN _fl.hi := _fl.r._seq - 1; EXIT; END IF;\n");
	buf_text(o, "_fl.cur := _fl.r._seq; _fl.v_events := _fl.v_events + 1; _fl.i := 0;\n");
	if (b->kind == BODY_APPLY) /* A1: images from floor_seq on for every event, below it for none */
		buf_text(o,
			"IF _fl.hi >= _fl.f THEN PERFORM set_config('fairlead.seq', CASE WHEN _fl.cur >= _fl.f THEN "
			"_fl.cur::text ELSE '' END, true); END IF;\n");
	dispatch(b, br, n);
	buf_text(o, "END LOOP;\n"
				"_fl.at_end := true; SET CONSTRAINTS ALL IMMEDIATE;\n" /* must fail here, not at COMMIT */
				"PERFORM set_config('fairlead.seq', '', true);\n"
				"EXIT;\n"
				"EXCEPTION WHEN " FL_POISON " THEN\n"
				"GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT;\n"
				"IF _fl.at_end AND _fl.v_events > 1 THEN\n"
				"_fl.hi := _fl.v_from + greatest((_fl.cur - _fl.v_from) / 2, 1); _fl.stop := NULL;\n"
				"ELSE\n"
				"_fl.stop := _fl.cur; _fl.hi := _fl.cur - 1; stop_state := _fl.s;\n"
				"stop_text := 'rule ' || coalesce(_fl.rule, '?') || ': ' || _fl.m;\n"
				"END IF;\n");
	lane_raise_others(o);
	buf_text(o, "END; END LOOP;\n");
}

void lane_answer(struct buf *o)
{
	buf_text(o, "from_seq := _fl.v_from; to_seq := _fl.hi; head := _fl.v_head; events := _fl.v_events; items "
				":= _fl.v_items;\n"
				"parked := _fl.v_parked; lines := _fl.v_lines; stop_seq := _fl.stop;\n");
}

void lane_finish(struct body *b, const char *prefix, const char *args, const char *returns)
{
	struct buf all = {0};
	buf_printf(&all, "\n#variable_conflict use_column\n<<_fl>>\nDECLARE" VARIABLES "%s\nBEGIN\n%sEND ",
		b->decl.n ? b->decl.p : "", b->code.p);
	script_function(b->k, arena_printf(&b->k->mem, "%s%s", prefix, b->chain->name), args, returns, all.p);
	buf_fini(&all);
	buf_fini(&b->decl);
	buf_fini(&b->code);
}

/* INV-3: a reorg entry takes the suffix back in its place in the log; nothing else happens in that call. */
static void reorg_entry(struct body *b, const char *lane)
{
	if (lane_has_happen(b->k->c, b->chain)) { /* what stands in the log before the next number comes first */
		buf_printf(&b->code,
			"SELECT min(h.seq) INTO _fl.due_seq FROM fairlead.happening h WHERE h.chain = %d AND h.state = "
			"'waiting' "
			"AND h.seq >= 0;\n"
			"IF _fl.due_seq <= _fl.v_from THEN _fl.hi := _fl.v_from; due := true;\n",
			b->chain_id);
		lane_answer(&b->code);
		buf_text(&b->code, "RETURN;\nEND IF;\n");
	}
	buf_printf(&b->code,
		"SELECT o.seq, o.first_seq INTO _fl.g_seq, _fl.g_first FROM fairlead.reorg o WHERE o.chain = %d AND "
		"o.seq > _fl.v_from "
		"ORDER BY o.seq LIMIT 1;\n"
		"IF _fl.g_seq = _fl.v_from + 1 THEN\n"
		"undone := fairlead.rollback_to(%d::smallint, _fl.g_first); _fl.hi := _fl.g_seq;\n"
		"PERFORM fairlead.take_back_messages(%d::smallint, _fl.g_first);\n"
		"UPDATE fairlead.dead_letter d SET cured = clock_timestamp() WHERE d.lane = %s AND d.seq >= "
		"_fl.g_first AND d.cured IS "
		"NULL;\n"
		"UPDATE fairlead.lane l SET at = _fl.hi WHERE l.name = %s;\n",
		b->chain_id, b->chain_id, b->chain_id, lane, lane);
	lane_answer(&b->code);
	buf_text(&b->code, "RETURN;\nEND IF;\n");
}

void lane_moves(struct buf *o, const char *lane)
{
	buf_printf(
		o, "UPDATE fairlead.lane l SET at = _fl.hi, made = l.made + _fl.v_events WHERE l.name = %s;\n", lane);
	lane_answer(o);
}

/* A chain whose head is more than a window away is read in long steps, and the next one moves the floor over
 * the end of this one: without p_tail the run ends below the floor, where it costs a third and keeps no
 * images. */
static void leave_tail(struct buf *o, int chain_id)
{
	buf_printf(o,
		"IF NOT p_tail AND (SELECT c.head - c.done > c.done - c.floor FROM fairlead.chain c WHERE c.id = %d) "
		"THEN _fl.v_head := greatest(least(_fl.v_head, _fl.f - 1), _fl.v_from); END IF;\n",
		chain_id);
}

static void apply_function(struct compiler *k, const struct chain_decl *chain, int chain_id, const char *lane)
{
	struct body b = {.k = k, .chain = chain, .chain_id = chain_id, .kind = BODY_APPLY};
	struct branch *br = arena_alloc(&k->mem, (k->c->nevents + 1) * sizeof(*br));
	size_t n = lane_branches(&b, br);
	buf_printf(&b.code,
		"_fl.v_from := fairlead.hold(%s, p_epoch); _fl.v_events := 0; _fl.v_items := 0; _fl.v_parked := 0; "
		"_fl.v_lines := '{}'; undone := "
		"-1;\n"
		"SELECT l.at INTO _fl.v_head FROM fairlead.lane l WHERE l.name = %s;\n"
		"SELECT c.floor_seq INTO _fl.f FROM fairlead.chain c WHERE c.id = %d;\n"
		"PERFORM set_config('fairlead.chain', '%d', true);\n",
		lane, quote(k, arena_printf(&k->mem, "listen:%s", chain->name)), chain_id, chain_id);
	leave_tail(&b.code, chain_id);
	reorg_entry(&b, lane);
	static const char last[] = "_fl.v_head, _fl.g_seq - 1, _fl.due_seq";
	lane_run_end(&b.code, br, n, last);
	if (n) {
		lane_set_wise(&b, br, n, last, lane);
		lane_run_loop(&b, br, n);
	}
	lane_moves(&b.code, lane);
	lane_finish(&b, "apply_", "p_epoch bigint, p_max bigint, p_tail bool DEFAULT true, " FL_RAN, "");
}

/* A run of the chain's p_n-th history: the past of what the file asks for later, in a log of its own. Its
 * blocks lie below the floor: no reorg entry stands in it, and nothing that it does writes an image. */
static void history_function(struct compiler *k, const struct chain_decl *chain, int chain_id)
{
	struct body b = {.k = k, .chain = chain, .chain_id = chain_id, .kind = BODY_HISTORY};
	struct branch *br = arena_alloc(&k->mem, (k->c->nevents + 1) * sizeof(*br));
	size_t n = lane_branches(&b, br);
	const char *name = quote(k, chain->name);
	const char *lane = arena_printf(&k->mem, "fairlead.history_lane('apply', %s, p_n)", name);
	buf_printf(&b.code,
		"_fl.v_from := fairlead.history_hold(%s, p_epoch, p_n); _fl.v_events := 0; _fl.v_items := 0; "
		"_fl.v_parked := 0; _fl.v_lines := '{}'; undone := -1; _fl.f := 9223372036854775807;\n"
		"SELECT l.at INTO _fl.v_head FROM fairlead.lane l WHERE l.name = fairlead.history_lane('listen', %s, "
		"p_n);\n"
		"PERFORM set_config('fairlead.chain', '%d', true);\n",
		name, name, chain_id);
	lane_run_end(&b.code, br, n, "_fl.v_head");
	if (n) {
		if (!has_final_trigger(k->c, chain))
			lane_set_wise(&b, br, n, "_fl.v_head", lane);
		lane_run_loop(&b, br, n);
	}
	lane_moves(&b.code, lane);
	lane_finish(&b, "history_", "p_epoch bigint, p_n int, p_max bigint, " FL_RAN, "");
}

static bool publishes_final(const struct body *b)
{
	const struct config *c = b->k->c;
	for (size_t i = 0; i < c->nrules; i++)
		if (rule_publishes(&c->rules[i]) &&
			(rule_counts(&c->rules[i], BODY_FINAL) || final_trigger(&c->rules[i], b->chain)))
			return true;
	return false;
}

/* What was published of events that stay final is not published again (sql/017 message_final). */
static void final_told(struct body *b)
{
	if (publishes_final(b))
		buf_printf(&b->code,
			"INSERT INTO fairlead.message_final AS t (chain, at) SELECT %d, _fl.hi WHERE _fl.hi > _fl.told "
			"ON CONFLICT (chain) DO UPDATE SET at = EXCLUDED.at;\n",
			b->chain_id);
}

/* Its position is a row under the undo trigger: a replay sets it back with everything else (A2). */
static void final_function(struct compiler *k, const struct chain_decl *chain, int chain_id, const char *lane)
{
	struct body b = {.k = k, .chain = chain, .chain_id = chain_id, .kind = BODY_FINAL};
	struct branch *br = arena_alloc(&k->mem, (k->c->nevents + 1) * sizeof(*br));
	size_t n = lane_branches(&b, br);
	buf_printf(&b.code,
		"_fl.v_at := fairlead.hold(%s, p_epoch); undone := -1;\n"
		"SELECT c.floor_seq, c.final INTO _fl.f, _fl.fin FROM fairlead.chain c WHERE c.id = %d;\n"
		"SELECT p.at INTO _fl.v_from FROM fairlead.position p WHERE p.chain = %d AND p.name = 'final';\n"
		"_fl.v_from := coalesce(_fl.v_from, 0);\n"
		"PERFORM set_config('fairlead.chain', '%d', true);\n"
		"_fl.v_head := _fl.v_at;\n"
		"SELECT t.at INTO _fl.told FROM fairlead.message_final t WHERE t.chain = %d;\n"
		"_fl.told := coalesce(_fl.told, 0);\n",
		lane, chain_id, chain_id, chain_id, chain_id);
	lane_run_end(&b.code, br, n, "_fl.v_at");
	lane_run_loop(&b, br, n);
	buf_printf(&b.code,
		"IF _fl.hi > _fl.v_from THEN\n"
		"PERFORM set_config('fairlead.seq', greatest(_fl.v_at, _fl.f)::text, true);\n"
		"INSERT INTO fairlead.position AS p (chain, name, at) VALUES (%d, 'final', _fl.hi) ON CONFLICT "
		"(chain, name) DO UPDATE SET at = "
		"EXCLUDED.at;\n"
		"PERFORM set_config('fairlead.seq', '', true);\n"
		"END IF;\n",
		chain_id);
	final_told(&b);
	lane_answer(&b.code);
	lane_finish(&b, "final_", "p_epoch bigint, p_max bigint, " FL_RAN, "");
}

/* The rules that wait, by name; the row of the event is asked from each child that the rule names. */
static void unpark_rules(struct body *b, const struct branch *br, size_t n)
{
	struct buf *o = &b->code;
	const struct config *c = b->k->c;
	buf_text(o, "CASE _fl.p.rule\n");
	for (size_t i = 0; i < c->nrules; i++) {
		const struct rule_decl *r = &c->rules[i];
		if (!rule_counts(r, BODY_UNPARK))
			continue;
		buf_printf(o, "WHEN %s THEN\n", quote(b->k, r->name));
		for (size_t j = 0; j < n; j++) {
			if (!rule_names(r, br[j].ev))
				continue;
			buf_printf(o,
				"SELECT e.* INTO %s FROM %s e WHERE e._seq = _fl.p.seq AND e._id = _fl.p.id;\nIF FOUND "
				"THEN\n",
				arena_printf(&b->k->mem, "e%zu", j + 1), br[j].table);
			steps_rule(b, r, br[j].ev, arena_printf(&b->k->mem, "_fl.e%zu", j + 1));
			buf_text(o, "END IF;\n");
		}
	}
	buf_text(
		o, "ELSE NULL;\nEND CASE;\n"); /* a rule that is no longer declared: it has nothing to wait for */
}

static void unpark_function(
	struct compiler *k, const struct chain_decl *chain, int chain_id, const char *lane)
{
	struct body b = {.k = k, .chain = chain, .chain_id = chain_id, .kind = BODY_UNPARK};
	struct branch *br = arena_alloc(&k->mem, (k->c->nevents + 1) * sizeof(*br));
	size_t n = lane_branches(&b, br);
	struct buf *o = &b.code;
	buf_text(&b.decl, " p record;");
	for (size_t j = 0; j < n; j++)
		buf_printf(&b.decl, " e%zu %s;", j + 1, br[j].table);
	buf_printf(o,
		"_fl.v_at := fairlead.hold(%s, p_epoch); _fl.v_from := p_behind; _fl.hi := NULL; undone := -1;\n"
		"_fl.v_events := 0; _fl.v_items := 0; _fl.v_parked := 0; _fl.v_lines := '{}';\n"
		"SELECT c.floor_seq INTO _fl.f FROM fairlead.chain c WHERE c.id = %d;\n"
		"SELECT max(q.seq) INTO _fl.v_head FROM fairlead.parked q WHERE q.chain = %d;\n"
		"PERFORM set_config('fairlead.chain', '%d', true);\n"
		"FOR p IN SELECT q.* FROM fairlead.parked q WHERE q.chain = %d AND (p_behind = 0 OR q.seq > "
		"p_behind) ORDER BY "
		"q.seq "
		"FETCH FIRST "
		"(p_max) ROWS WITH TIES LOOP\n"
		"_fl.hi := _fl.p.seq; _fl.cur := _fl.p.seq; _fl.only := _fl.p.ordinal; _fl.i := _fl.p.ordinal; "
		"_fl.waits := false;\n"
		"BEGIN\n"
		"PERFORM set_config('fairlead.seq', greatest(_fl.v_at, _fl.f)::text, true);\n",
		lane, chain_id, chain_id, chain_id, chain_id);
	unpark_rules(&b, br, n);
	buf_printf(o,
		"IF _fl.waits THEN _fl.v_parked := _fl.v_parked + 1; ELSE\n"
		"DELETE FROM fairlead.parked q WHERE (q.rule, q.id, q.ordinal) = (_fl.p.rule, _fl.p.id, "
		"_fl.p.ordinal);\n"
		"SET CONSTRAINTS ALL IMMEDIATE; _fl.v_events := _fl.v_events + 1;\n"
		"END IF;\n"
		"EXCEPTION WHEN " FL_POISON " THEN\n"
		"GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT;\n"
		"INSERT INTO fairlead.dead_letter (lane, seq, what, sqlstate, message, tries) VALUES (%s, _fl.p.seq, "
		"'rule ' || _fl.p.rule || "
		"', 0x' || encode(_fl.p.id, 'hex'), _fl.s, _fl.m, 1);\n"
		"DELETE FROM fairlead.parked q WHERE (q.rule, q.id, q.ordinal) = (_fl.p.rule, _fl.p.id, "
		"_fl.p.ordinal);\n",
		lane);
	lane_raise_others(o);
	buf_text(o, "END;\nEND LOOP;\nPERFORM set_config('fairlead.seq', '', true);\n");
	lane_answer(o);
	lane_finish(&b, "unpark_", "p_epoch bigint, p_behind bigint, p_max bigint, " FL_RAN, "");
}

static void bury_function(struct compiler *k, const struct chain_decl *chain, int chain_id, const char *lane)
{
	struct body b = {.k = k, .chain = chain, .chain_id = chain_id, .kind = BODY_APPLY};
	buf_printf(&b.code,
		"_fl.v_at := fairlead.hold(%s, p_epoch);\n"
		"PERFORM set_config('fairlead.chain', '%d', true);\n"
		"SELECT c.floor_seq INTO _fl.f FROM fairlead.chain c WHERE c.id = %d;\n"
		"SELECT p.at INTO _fl.v_from FROM fairlead.position p WHERE p.chain = %d AND p.name = 'final';\n"
		"IF (CASE WHEN p_final THEN coalesce(_fl.v_from, 0) ELSE _fl.v_at END) <> p_seq - 1 THEN RETURN "
		"false; "
		"END IF;\n" /* done before, or taken back meanwhile */
		"INSERT INTO fairlead.dead_letter (lane, seq, what, sqlstate, message, tries) SELECT %s, e._seq, "
		"e.tableoid::regclass || ' 0x' || "
		"encode(e._id, 'hex'), p_state, p_text, p_tries FROM fairlead.event e WHERE e._chain = %d AND e._seq "
		"= p_seq;\n"
		"UPDATE fairlead.lane l SET at = CASE WHEN p_final THEN l.at ELSE p_seq END, failed = l.failed + 1 "
		"WHERE l.name = %s;\n"
		"IF p_final THEN\n"
		"PERFORM set_config('fairlead.seq', greatest(_fl.v_at, _fl.f)::text, true);\n"
		"INSERT INTO fairlead.position AS p (chain, name, at) VALUES (%d, 'final', p_seq) ON CONFLICT "
		"(chain, name) DO UPDATE SET at = "
		"EXCLUDED.at;\n"
		"PERFORM set_config('fairlead.seq', '', true);\n"
		"END IF;\n"
		"RETURN true;\n",
		lane, chain_id, chain_id, chain_id, lane, chain_id, lane, chain_id);
	lane_finish(&b, "bury_",
		"p_epoch bigint, p_seq bigint, p_state text, p_text text, p_tries int, p_final bool", "RETURNS bool");
}

static bool lane_has_park(const struct body *b)
{
	struct branch *br = arena_alloc(&b->k->mem, (b->k->c->nevents + 1) * sizeof(*br));
	return lane_branches(b, br) > 0;
}

void lane_functions(struct compiler *k, const struct chain_decl *chain, int chain_id)
{
	const char *lane = quote(k, arena_printf(&k->mem, "apply:%s", chain->name));
	size_t before = k->ps->n;
	apply_function(k, chain, chain_id, lane);
	if (k->ps->n == before)
		history_function(k, chain, chain_id);
	if (k->ps->n == before)
		replay_function(k, chain, chain_id);
	if (lane_has_final(k->c, chain))
		final_function(k, chain, chain_id, lane);
	struct body park = {.k = k, .chain = chain, .kind = BODY_UNPARK};
	if (k->ps->n == before && lane_has_park(&park))
		unpark_function(k, chain, chain_id, lane);
	bury_function(k, chain, chain_id, lane);
}
