/* The steps of one rule as PL/pgSQL. Inside the function stand: _fl.cur (number of the event), _fl.o (row of
 * each:, from 1; 0 without), _fl.i (items of this event so far), _fl.n (scratch), _fl.rule (for error texts).
 * A rule is a block that a filter leaves, a row of each: another one that a let leaves. */
#include "common/ledger/compile_in.h"

struct steps {
	struct body *b;
	const struct rule_decl *r;
	const struct event_decl *ev; /* NULL: */
	const struct trigger_decl *on;
	const char *row, *leave; /* the label that ends this row */
	const char *tx, *block;  /* for the lines of its log */
	const char *cause;       /* of its items: the number of the event, or 0 (a post) */
	struct scope sc;
	size_t own; /* the first names of sc are what is known of it before any step */
};

static const char *variable(struct body *b, const char *type)
{
	const char *v = arena_printf(&b->k->mem, "x%d", ++b->vars);
	buf_printf(&b->decl, " %s %s;", v, type);
	return v;
}

bool steps_may_park(const struct rule_decl *r)
{
	for (size_t i = 0; i < r->nsteps; i++)
		if (r->steps[i].kind == STEP_LET && r->steps[i].missing == MISSING_PARK)
			return true;
	return false;
}

const char *steps_where(struct compiler *k, const struct where_decl *w, const struct name *n)
{
	struct buf b = {0};
	buf_printf(&b, "%s NOT IN (", n->expr);
	for (size_t j = 0; j < w->nvalues; j++)
		buf_printf(&b, "%sCAST(%s AS %s)", j ? ", " : "", quote(k, w->values[j]), type_text(k, n->type));
	buf_char(&b, ')');
	const char *text = arena_textn(&k->mem, b.p, b.n);
	buf_fini(&b);
	return text;
}

static void where_code(struct steps *s)
{
	struct compiler *k = s->b->k;
	struct buf *o = &s->b->code;
	for (size_t i = 0; i < s->r->nwhere; i++) {
		const struct where_decl *w = &s->r->where[i];
		const char *key = arena_printf(&k->mem, "args.%s", w->field);
		const struct name *n = scope_find(&s->sc, str_of(key));
		if (!n) {
			scope_unknown(k, &s->sc, str_of(w->field), w->at);
			continue;
		}
		buf_printf(o, "EXIT %s WHEN %s;\n", s->leave, steps_where(k, w, n));
	}
}

static void sql_code(struct steps *s, const struct step_decl *st)
{
	struct compiler *k = s->b->k;
	struct prepared p;
	if (!sql_prepare(k, st->sql, &s->sc, &p))
		return;
	if (p.ncols == 0 && st->sql->reads_only)
		problem_add(k->ps, st->sql->at,
			"a SELECT without columns or with INTO; a rule's sql writes by INSERT, UPDATE, DELETE or MERGE");
	else if (p.ncols) /* rows that nobody reads: a loop runs the statement to its end */
		buf_printf(&s->b->code, "FOR %s IN %sLOOP NULL; END LOOP;\n", variable(s->b, "record"), p.text);
	else
		buf_printf(&s->b->code, "%s;\n", p.text);
}

/* "tokenMapping.json has no code for 4230" is for batches; a rule's let knows only itself. */
static void let_none(struct steps *s, const struct step_decl *st)
{
	struct compiler *k = s->b->k;
	struct buf *o = &s->b->code;
	const char *rule = quote(k, s->r->name);
	if (st->missing == MISSING_SKIP) {
		buf_printf(o, "EXIT %s;\n", s->leave);
	} else if (st->missing == MISSING_ERROR) {
		buf_text(o, "RAISE EXCEPTION 'its let has no row' USING ERRCODE = 'P0002';\n");
	} else if (s->b->kind == BODY_UNPARK) {
		buf_printf(o, "_fl.waits := true; EXIT %s;\n", s->leave);
	} else {
		buf_printf(o,
			"INSERT INTO fairlead.parked AS _p (rule, id, ordinal, chain, seq, reason) VALUES (%s, %s._id, "
			"_fl.o, %d, "
			"_fl.cur, fairlead.reason('rule_no_row', 'rule', %s)) ON CONFLICT (rule, id, ordinal) DO UPDATE "
			"SET seq = "
			"EXCLUDED.seq;\n"
			"_fl.v_parked := _fl.v_parked + 1; EXIT %s;\n",
			rule, s->row, s->b->chain_id, rule, s->leave);
	}
}

static void let_code(struct steps *s, const struct step_decl *st)
{
	struct compiler *k = s->b->k;
	struct buf *o = &s->b->code;
	struct prepared p;
	if (!sql_prepare(k, st->sql, &s->sc, &p))
		return;
	if (p.ncols == 0) {
		problem_add(k->ps, st->sql->at, "a let gives a row, and this gives none");
		return;
	}
	const char *v = variable(s->b, "record");
	buf_printf(
		o, "_fl.n := 0;\nFOR %s IN %sLOOP _fl.n := _fl.n + 1; EXIT WHEN _fl.n > 1; END LOOP;\n", v, p.text);
	buf_text(o,
		"IF _fl.n > 1 THEN RAISE EXCEPTION 'its let has more than one row' USING ERRCODE = 'P0003'; END IF;\n"
		"IF _fl.n = 0 THEN\n");
	let_none(s, st);
	buf_text(o, "END IF;\n");
	scope_columns(k, &s->sc, &p, arena_printf(&k->mem, "_fl.%s", v), st->sql->at);
}

/* The same name must have the same type in everything that feeds a batch: its let and its call are compiled
 * once. */
void batch_type(struct compiler *k, const struct batch_decl *b, size_t i, const struct name *n,
	const char *from, struct pos at)
{
	struct batch_names *bn = &k->batches[b - k->c->batches];
	if (!bn->types[i]) {
		bn->types[i] = n->type;
		bn->from[i] = from;
	} else if (bn->types[i] != n->type) {
		problem_add(k->ps, at, "%s gives the batch %s :%s as %s, and %s as %s; cast one of them in its each",
			from, b->name, n->name, type_text(k, n->type), bn->from[i], type_text(k, bn->types[i]));
	}
}

static const struct name *batch_name(struct steps *s, const struct step_decl *st, const char *word)
{
	const struct name *n = scope_find(&s->sc, str_of(word));
	if (n)
		return n;
	struct scope sc = s->sc;
	sc.owner = arena_printf(
		&s->b->k->mem, "the batch %s keeps :%s of each item, and %s", st->batch->name, word, s->r->name);
	sc.noun = "name";
	scope_unknown(s->b->k, &sc, str_of(word), st->at);
	return NULL;
}

static const char *batch_args(struct steps *s, const struct step_decl *st, const char **key)
{
	struct compiler *k = s->b->k;
	struct buf b = {0};
	bool first = true;
	buf_text(&b, "jsonb_build_object(");
	for (size_t i = 0; i < st->batch->nnames; i++) {
		const struct name *n = batch_name(s, st, st->batch->names[i]);
		if (!n)
			continue;
		batch_type(k, st->batch, i, n, s->r->name, st->at);
		const char *text = cast_text(k, n->expr, n->type);
		buf_printf(&b, "%s%s, %s", first ? "" : ", ", quote(k, n->name), text);
		first = false;
		if (text_is(st->batch->names[i], st->batch->key))
			*key = text;
	}
	buf_char(&b, ')');
	const char *args = arena_textn(&k->mem, b.p, b.n);
	buf_fini(&b);
	return args;
}

/* INV-4: one row per (batch, key). What was taken back is revived or adopted, what stands is left alone; but
 * an event of a history, which no reorg takes, adopts what stands on one of the chain's log, which may go.
 * What is in a batch gets the new content, if it is another one, and with it leaves the batch
 * (fairlead.item_anew). The cut adds names to those of the rule, so what is the same holds the new ones. */
#define ON_CONFLICT                                                                                         \
	"ON CONFLICT (batch_of, key) DO UPDATE SET cause = EXCLUDED.cause, ordinal = EXCLUDED.ordinal,\n"       \
	" args = CASE WHEN _t.state = 'void' OR (_t.state = 'batched' AND _t.cause IS NULL AND NOT _t.args @> " \
	"EXCLUDED.args) THEN EXCLUDED.args ELSE _t.args END,\n"                                                 \
	" reason = CASE WHEN _t.state = 'void' THEN NULL ELSE _t.reason END,\n"                                 \
	" state = CASE WHEN _t.state = 'void' THEN 'waiting' ELSE _t.state END WHERE _t.cause IS NULL OR "      \
	"(EXCLUDED.cause < 0 AND _t.cause > 0)"

/* SQL of an item's key and args in this scope; false: problems were added. */
static bool batch_values(struct steps *s, const struct step_decl *st, const char **key, const char **args)
{
	struct compiler *k = s->b->k;
	size_t before = k->ps->n;
	*key = NULL;
	*args = batch_args(s, st, key);
	if (!*key) {
		const struct name *n = batch_name(s, st, st->batch->key);
		*key = n ? cast_text(k, n->expr, n->type) : "";
	}
	return k->ps->n == before;
}

static void batch_code(struct steps *s, const struct step_decl *st)
{
	const char *key, *args;
	if (!batch_values(s, st, &key, &args))
		return;
	buf_printf(&s->b->code,
		"_fl.i := _fl.i + 1;\n"
		"INSERT INTO fairlead.item AS _t (batch_of, key, chain, cause, ordinal, args) VALUES (%s, %s, %d, "
		"%s, _fl.i, %s)\n" ON_CONFLICT ";\n"
		"GET DIAGNOSTICS n = ROW_COUNT; _fl.v_items := _fl.v_items + _fl.n;\n",
		quote(s->b->k, st->batch->name), key, s->b->chain_id, s->cause, args);
}

bool steps_is_one_batch(const struct rule_decl *r)
{
	return !r->each && r->nwhere == 0 && r->nsteps == 1 && r->steps[0].kind == STEP_BATCH;
}

/* A whole run of such a rule as one statement. What the trigger would have filed event by event is filed
 * here: the image of an item says only where the lane stood when the item got its cause. */
void steps_set_wise(struct body *b, const struct rule_decl *r, const struct event_decl *ev, const char *table)
{
	struct compiler *k = b->k;
	struct steps s = {.b = b, .r = r, .ev = ev, .row = "e"};
	const char *key, *args;
	scope_event(k, &s.sc, ev, "e");
	if (!batch_values(&s, &r->steps[0], &key, &args))
		return;
	buf_printf(&b->code,
		"WITH _fl_i AS (INSERT INTO fairlead.item AS _t (batch_of, key, chain, cause, ordinal, args)\n"
		"SELECT %s, %s, %d, e._seq, 1, %s FROM %s e WHERE e._seq > _fl.v_from AND e._seq <= _fl.hi%s ORDER "
		"BY e._seq\n" ON_CONFLICT " RETURNING _t.id, _t.cause),\n"
		"_fl_u AS (INSERT INTO fairlead.undo (chain, seq, rel, op, key) SELECT %d, i.cause, "
		"'fairlead.item'::regclass, 'I', jsonb_build_object('id', i.id) FROM _fl_i i WHERE i.cause >= "
		"_fl.f)\n"
		"SELECT count(*) INTO _fl.v_items FROM _fl_i;\n",
		quote(k, r->steps[0].batch->name), key, b->chain_id, args, table,
		r->late_apply ? "" : " AND NOT e._late", b->chain_id);
}

static const char *title(const struct steps *s)
{
	struct arena *a = &s->b->k->mem;
	if (s->ev)
		return arena_printf(a, "%s.%s", s->ev->contract->name, s->ev->entry->as);
	return arena_printf(a, "%s.%s", s->on->batch ? s->on->batch->name : s->on->chain->name, s->on->kind);
}

static void log_code(struct steps *s, const struct step_decl *st)
{
	struct compiler *k = s->b->k;
	buf_printf(&s->b->code,
		"_fl.v_lines := array_append(_fl.v_lines, concat_ws(E'\\x1f', %s, %s, coalesce(%s, ''), "
		"coalesce(%s::text, "
		"''), %s));\n",
		quote(k, s->r->name), quote(k, title(s)), s->tx, s->block, template_sql(k, st->log, &s->sc));
}

static void publish_step(struct steps *s, const struct step_decl *st)
{
	const struct publishing p = {
		.rule = s->r, .st = st, .ev = s->ev, .title = title(s), .sc = &s->sc, .own = s->own};
	publish_code(s->b, &p);
}

/* A parked rule is tried again from its first step, so nothing may have been done before it parked. */
static void check_park(struct steps *s, const struct step_decl *st, bool done)
{
	if (st->kind == STEP_LET && st->missing == MISSING_PARK && done)
		problem_add(s->b->k->ps, st->at,
			"a let with else: park stands before the steps that do something; move it up");
}

static void steps_code(struct steps *s)
{
	bool done = false;
	for (size_t i = 0; i < s->r->nsteps; i++) {
		const struct step_decl *st = &s->r->steps[i];
		check_park(s, st, done);
		done = done || st->kind != STEP_LET || !st->sql->reads_only;
		switch (st->kind) {
		case STEP_SQL: sql_code(s, st); break;
		case STEP_LET: let_code(s, st); break;
		case STEP_BATCH: batch_code(s, st); break;
		case STEP_LOG:
			if (s->b->kind != BODY_REPLAY)
				log_code(s, st);
			break;
		case STEP_PUBLISH:
			if (s->b->kind != BODY_REPLAY)
				publish_step(s, st);
			break;
		}
	}
}

static void each_code(struct steps *s)
{
	struct compiler *k = s->b->k;
	struct buf *o = &s->b->code;
	struct prepared p;
	if (!sql_prepare(k, s->r->each, &s->sc, &p))
		return;
	if (p.ncols == 0) {
		problem_add(k->ps, s->r->each->at, "each gives rows, and this gives none");
		return;
	}
	const char *v = variable(s->b, "record");
	buf_printf(o, "_fl.o := 0;\nFOR %s IN %sLOOP\n_fl.o := _fl.o + 1;\n", v, p.text);
	if (s->b->kind == BODY_UNPARK)
		buf_text(o, "CONTINUE WHEN _fl.o <> _fl.only;\n");
	s->leave = arena_printf(&k->mem, "%s_row", v);
	buf_printf(o, "<<%s>> BEGIN\n", s->leave);
	if (scope_columns(k, &s->sc, &p, arena_printf(&k->mem, "_fl.%s", v), s->r->each->at))
		steps_code(s);
	buf_text(o, "END;\nEND LOOP;\n");
}

static void of_header(struct steps *s)
{
	struct arena *a = &s->b->k->mem;
	s->cause = "_fl.cur";
	s->tx = arena_printf(a, "'0x' || encode(%s._tx, 'hex')", s->row);
	s->block = arena_printf(a, "%s._block", s->row);
}

void steps_trigger(struct body *b, const struct rule_decl *r, const struct trigger_decl *t, const char *row)
{
	struct compiler *k = b->k;
	struct steps s = {.b = b, .r = r, .on = t, .row = row};
	s.leave = arena_printf(&k->mem, "rule_%d", ++b->vars);
	if (b->kind != BODY_HAPPEN) {
		of_header(&s);
		scope_header(k, &s.sc, row);
	} else {
		s.cause = "0";
		s.tx = arena_printf(&k->mem, "%s.data->>'tx'", row);
		s.block = arena_printf(&k->mem, "%s.data->>'block'", row);
		scope_happening(k, &s.sc, t, row);
	}
	s.sc.owner = title(&s);
	s.own = s.sc.n;
	buf_printf(&b->code, "-- %s on %s\n<<%s>> BEGIN\n_fl.rule := %s; _fl.o := 0;\n", r->name, title(&s),
		s.leave, quote(k, r->name));
	if (r->each)
		each_code(&s);
	else
		steps_code(&s);
	buf_text(&b->code, "END;\n");
}

void steps_rule(struct body *b, const struct rule_decl *r, const struct event_decl *ev, const char *row)
{
	struct compiler *k = b->k;
	struct steps s = {.b = b, .r = r, .ev = ev, .row = row};
	of_header(&s);
	s.leave = arena_printf(&k->mem, "rule_%d", ++b->vars);
	scope_event(k, &s.sc, ev, row);
	buf_printf(&b->code, "-- %s on %s.%s\n<<%s>> BEGIN\n_fl.rule := %s; _fl.o := 0;\n", r->name,
		ev->contract->name, ev->entry->as, s.leave, quote(k, r->name));
	/* R4: what was found below the window is only stored, unless the rule wants it */
	if (!r->late_apply && b->kind != BODY_UNPARK)
		buf_printf(&b->code, "EXIT %s WHEN %s._late;\n", s.leave, row);
	where_code(&s);
	if (r->each)
		each_code(&s);
	else
		steps_code(&s);
	buf_text(&b->code, "END;\n");
}
