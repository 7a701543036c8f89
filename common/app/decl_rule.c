#include "common/app/decl_rule.h"
#include "common/evm/keccak.h"

static void sql_names(struct making *m, const struct sqltext *sql)
{
	for (size_t i = 0; i < m->nscopes; i++)
		scope_check_sql(&m->scopes[i], sql, m->l->ps);
}

static void made_columns(struct making *m, const struct sqltext *sql)
{
	for (size_t i = 0; i < m->nscopes; i++) {
		scope_make_columns(&m->scopes[i], sql, m->l->ps);
		m->scopes[i].fields = false;
		m->scopes[i].what = m->v->path;
	}
}

/* The literals of where, in the text form of the field's type (GRAMMAR §10); of an indexed text, its hash. */
static const char *literal(struct making *m, const struct abi_param *p, const struct value *v)
{
	struct loading *l = m->l;
	struct err e = {0};
	struct abi_value x = {0};
	struct buf b = {0};
	if (p->indexed && abi_indexed_is_hash(p)) {
		uint8_t hash[32];
		if (!(p->type.kind == ABI_STRING) && !hex_from(hash, 32, v->text)) {
			problem_add(
				l->ps, v->at, "%s is indexed, so only its hash is known: write 0x and 64 digits", p->name);
			return "";
		}
		if (p->type.kind == ABI_STRING)
			keccak256(hash, v->text.p, v->text.n);
		char out[67];
		hex_to_0x(out, hash, 32);
		return arena_text(l->a, out);
	}
	if (!abi_value_from_text(l->a, &p->type, v->text, &x, &e)) {
		abi_type_text(&b, &p->type);
		problem_add(l->ps, v->at, "%s is %s: %s", v->path, b.p, e.text);
		buf_fini(&b);
		return "";
	}
	abi_value_text(&b, &p->type, &x);
	const char *text = arena_textn(l->a, b.p ? b.p : "", b.n);
	buf_fini(&b);
	return text;
}

static const struct abi_param *field_of(const struct event_decl *e, const char *name)
{
	for (size_t i = 0; i < e->entry->nin; i++)
		if (strcmp(e->entry->in[i].name, name) == 0)
			return &e->entry->in[i];
	return NULL;
}

/* One text for every event of the rule: it has to fit the field of each, and to mean the same there. */
static const char *literal_of_all(struct making *m, const char *field, const struct value *v)
{
	const char *text = literal(m, field_of(m->events[0], field), v);
	for (size_t i = 1; *text && i < m->rule->nevents; i++) {
		const char *other = literal(m, field_of(m->events[i], field), v);
		if (*other && strcmp(other, text) != 0)
			problem_add(m->l->ps, v->at, "%s is %s in %s and %s in %s; write a rule for each", v->path, text,
				m->events[0]->entry->as, other, m->events[i]->entry->as);
		if (!*other || strcmp(other, text) != 0)
			break;
	}
	return text;
}

static void one_where(struct making *m, const struct value *v, struct where_decl *out)
{
	const char **names = arena_alloc(m->l->a, 64 * sizeof *names),
			   **values = arena_alloc(m->l->a, (v->n + 1) * sizeof *values);
	*out = (struct where_decl){.field = v->name, .values = values, .at = v->name_at, .indexed = true};
	for (size_t i = 0; i < m->rule->nevents; i++) {
		const struct event_decl *e = m->events[i];
		const struct abi_param *p = field_of(e, v->name);
		for (size_t k = 0; k < e->entry->nin && k < 63; k++)
			names[k] = e->entry->in[k].name;
		names[e->entry->nin < 63 ? e->entry->nin : 63] = NULL;
		if (!p) {
			rule_unknown(m, v->name_at, "field", e->entry->as, v->name, names);
			return;
		}
		out->indexed &= p->indexed;
	}
	for (size_t i = 0; i < v->n; i++)
		if (v->items[i].set)
			values[out->nvalues++] = literal_of_all(m, v->name, &v->items[i]);
}

static void where(struct making *m)
{
	const struct value *where = value_get(m->v, "where");
	struct where_decl *out = arena_alloc(m->l->a, (where->n + 1) * sizeof *out);
	m->rule->where = out;
	value_each(v, where)
	{
		struct where_decl one;
		one_where(m, v, &one);
		if (one.nvalues) /* an empty list is no condition */
			out[m->rule->nwhere++] = one;
	}
}

static enum on_missing missing_of(struct making *m, const struct value *v)
{
	if (v->sql)
		problem_add(m->l->ps, v->at, "%s: in a rule else is park or skip; a sql is for requests", v->path);
	return str_is(v->text, "park") ? MISSING_PARK : str_is(v->text, "skip") ? MISSING_SKIP : MISSING_ERROR;
}

static void add_to_batch(struct making *m, struct step_decl *s, const struct value *verb)
{
	int i = decl_pick(m->l, verb, "batch", value_get(m->l->root, "batches"));
	if (i < 0)
		return;
	s->batch = &m->l->batches[i];
	struct adder *d = arena_alloc(m->l->a, sizeof *d);
	*d = (struct adder){
		s->batch, arena_copy(m->l->a, m->scopes, m->nscopes * sizeof *m->scopes), m->nscopes, m->l->adders};
	m->l->adders = d;
	const struct chain_decl *chain = s->batch->signer ? s->batch->signer->chain : NULL;
	for (size_t k = 0; k < m->rule->ntriggers; k++)
		if (chain && m->triggers[k].chain != chain)
			problem_add(m->l->ps, verb->at,
				"%s: what happens on %s and adds to a batch of %s is not in this version", m->v->path,
				m->triggers[k].chain->name, chain->name);
	for (size_t k = 0; k < m->rule->nevents; k++)
		if (chain && m->events[k]->contract->chain && m->events[k]->contract->chain != chain)
			problem_add(m->l->ps, verb->at,
				"%s: an event of %s that adds to a batch of %s is not in this version", m->v->path,
				m->events[k]->contract->chain->name, chain->name);
}

static void template_names(struct making *m, const struct template *t)
{
	for (size_t i = 0; i < m->nscopes; i++)
		scope_check_template(&m->scopes[i], t, m->l->ps);
}

static void publish(struct making *m, const struct value *v, struct step_decl *s)
{
	const struct value *data = value_get(v, "data");
	s->kind = STEP_PUBLISH;
	s->topic = v->items->template;
	s->type = value_get(v, "type")->template;
	s->sql = data->sql;
	template_names(m, s->topic);
	template_names(m, s->type);
	sql_names(m, s->sql);
	if (s->sql && !s->sql->reads_only)
		problem_add(m->l->ps, data->at, "%s only reads: it begins with SELECT, VALUES or WITH", data->path);
}

static void step(struct making *m, const struct value *v, struct step_decl *s)
{
	const struct value *verb = v->items;
	const char *word = verb->key->word;
	*s = (struct step_decl){.at = v->at, .sql = verb->sql};
	if (strcmp(word, "sql") == 0) {
		s->kind = STEP_SQL;
		sql_names(m, verb->sql);
	} else if (strcmp(word, "let") == 0) {
		s->kind = STEP_LET;
		s->missing = missing_of(m, value_get(v, "else"));
		if (s->missing == MISSING_PARK && m->rule->ntriggers)
			problem_add(m->l->ps, value_get(v, "else")->at,
				"%s: an event can wait in a rule, what only happens can't; here else is skip", m->v->path);
		sql_names(m, verb->sql);
		made_columns(m, verb->sql);
	} else if (strcmp(word, "batch") == 0) {
		s->kind = STEP_BATCH;
		if (verb->set)
			add_to_batch(m, s, verb);
	} else if (strcmp(word, "log") == 0) {
		s->kind = STEP_LOG;
		s->log = verb->template;
		template_names(m, verb->template);
	} else if (strcmp(word, "publish") == 0) {
		publish(m, v, s);
	} else if (strcmp(word, "compare") == 0) {
		problem_add(m->l->ps, v->at,
			"%s.compare needs a clock (every:); on an event it is not in this version", m->v->path);
	} else {
		made_columns(m, NULL); /* a later verb, refused already: what it makes is not known */
	}
}

static void steps(struct making *m)
{
	const struct value *steps = value_get(m->v, "do");
	struct step_decl *out = arena_alloc(m->l->a, (steps->n + 1) * sizeof *out);
	m->rule->steps = out;
	value_each(v, steps)
	{
		if (v->form == VALUE_MAP && v->n)
			step(m, v, &out[m->rule->nsteps++]);
	}
	if (!steps->n && !steps->written)
		problem_add(m->l->ps, m->v->at,
			"%s does nothing; it needs a step: sql, let, batch, publish, log or do", m->v->path);
}

static void event_rule(struct making *m)
{
	const struct value *v = m->v, *on = value_get(v, "on");
	m->events = arena_alloc(m->l->a, (m->l->c->nevents + 1) * sizeof *m->events);
	m->triggers = arena_alloc(m->l->a, (on->n + 1) * sizeof *m->triggers);
	for (size_t i = 0; on->form == VALUE_LIST && i < on->n; i++)
		if (on->items[i].set)
			rule_trigger(m, &on->items[i]);
	m->rule->events = m->events;
	m->rule->triggers = m->triggers;
	m->bad |= m->rule->nevents + m->rule->ntriggers == 0;
	static const char *const of_events[] = {"where", "at", "late"};
	for (size_t i = 0; m->rule->ntriggers && i < sizeof of_events / sizeof *of_events; i++)
		if (value_get(v, of_events[i])->written)
			problem_add(m->l->ps, value_get(v, of_events[i])->name_at, "%s.%s is of events; %s.%s is none",
				v->path, of_events[i],
				m->triggers->batch ? m->triggers->batch->name : m->triggers->chain->name, m->triggers->kind);
	rule_scopes(m);
	if (m->rule->nevents)
		where(m);
	m->rule->each = value_get(v, "each")->sql;
	if (m->rule->each) {
		if (!m->rule->each->reads_only)
			problem_add(m->l->ps, m->rule->each->at,
				"%s.each only reads: it begins with SELECT, VALUES or WITH", v->path);
		sql_names(m, m->rule->each);
		made_columns(m, m->rule->each);
	}
	steps(m);
}

/* The names that fix and missing have: the row's columns, and what the chain says. */
static void compare_columns(
	struct making *m, const struct value *chain, struct compare_decl *c, struct scope *row, struct scope *fix)
{
	bool whole = chain->form == VALUE_ONE;
	c->columns = arena_alloc(m->l->a, (chain->n + 1) * sizeof *c->columns);
	for (size_t i = 0; i < (whole ? 1 : chain->n); i++) {
		const struct value *v = whole ? chain : &chain->items[i];
		if (!v->call || !v->set)
			continue;
		if (!whole)
			scope_check(row, str_of(v->name), v->name_at, "", m->l->ps);
		decl_call(m->l, v->call, row, v->path, false);
		if (v->call->kind != CALL_CHAIN)
			problem_add(m->l->ps, v->call->at, "%s asks a contract: Contract.fn(…)", v->path);
		const struct abi_entry *fn = v->call->kind == CALL_CHAIN ? v->call->fn : NULL;
		if (fn && fn->nout == 0)
			problem_add(m->l->ps, v->call->at,
				"%s gives nothing back; add `returns (…)` to its line in the abi", fn->as);
		fix->open |= whole && !fn;
		c->columns[c->ncolumns++] = (struct compare_column){whole ? NULL : v->name, *v->call};
		if (!whole)
			scope_add(fix, arena_printf(m->l->a, "chain.%s", v->name), SCOPE_SHOWN);
		for (size_t k = 0; whole && fn && k < fn->nout; k++)
			scope_add(fix, arena_printf(m->l->a, "chain.%s", fn->out[k].name), SCOPE_SHOWN);
	}
}

static void compare(struct making *m, const struct value *step)
{
	const struct value *rows = step->items, *fix = value_get(step, "fix"),
					   *missing = value_get(step, "missing");
	struct compare_decl *c = arena_alloc(m->l->a, sizeof *c);
	struct scope none = {.a = m->l->a, .what = rows->path}, row = {.a = m->l->a, .what = rows->path};
	m->rule->compare = c;
	*c = (struct compare_decl){.rows = rows->sql, .fix = fix->sql, .missing = missing->sql};
	c->most_percent = value_get(step, "most")->number;
	scope_check_sql(&none, rows->sql, m->l->ps);
	if (rows->sql && !rows->sql->reads_only)
		problem_add(m->l->ps, rows->at, "%s only reads: it begins with SELECT, VALUES or WITH", rows->path);
	scope_make_columns(&row, rows->sql, m->l->ps);
	struct scope with_chain = row;
	with_chain.cap = with_chain.n;
	compare_columns(m, value_get(step, "chain"), c, &row, &with_chain);
	scope_check_sql(&with_chain, fix->sql, m->l->ps);
	scope_check_sql(&row, missing->sql, m->l->ps);
}

static void clock_rule(struct making *m)
{
	static const char *const of_events[] = {"where", "at", "late", "each"};
	const struct value *v = m->v, *every = value_get(v, "every"), *steps = value_get(v, "do");
	bool compared = false;
	m->rule->every_ms = every->number;
	if (every->set && every->number < 1000)
		problem_add(m->l->ps, every->at, "%s is 1s at least", every->path);
	for (size_t i = 0; i < sizeof of_events / sizeof *of_events; i++)
		if (value_get(v, of_events[i])->written)
			problem_add(m->l->ps, value_get(v, of_events[i])->name_at, "%s.%s %s", v->path, of_events[i],
				i < 3 ? "is of events; a clock has none" : "with every: is not in this version");
	value_each(s, steps)
	{
		const char *word = s->form == VALUE_MAP && s->n ? s->items->key->word : NULL;
		if (word && strcmp(word, "compare") == 0 && compared)
			problem_add(m->l->ps, s->at,
				"%s: a second compare in one rule is not in this version; write a rule for each", v->path);
		else if (word && strcmp(word, "compare") == 0)
			compare(m, s);
		else if (word && !(s->items->key->flags & KEY_LATER))
			problem_add(
				m->l->ps, s->at, "%s.%s with every: is not in this version; a clock compares", v->path, word);
		compared |= word && strcmp(word, "compare") == 0;
	}
	if (!steps->n && !steps->written)
		problem_add(m->l->ps, v->at, "%s does nothing; a clock needs compare", v->path);
}

static void rule_name(struct making *m)
{
	const struct value *name = value_get(m->v, "name");
	m->rule->name = name->set ? name->text.p : arena_printf(m->l->a, "rule%d", m->rule->index);
	if (!name->set)
		return;
	if (!read_is_name(name->text.p))
		problem_add(m->l->ps, name->at, "%s is no name: letters, digits and _, a letter first, 40 at most",
			name->text.p);
	decl_name(m->l, name->text.p, "rule", name->at);
}

void decl_rules(struct loading *l)
{
	const struct value *rules = value_get(l->root, "rules");
	size_t n = rules->form == VALUE_LIST ? rules->n : 0;
	l->c->rules = l->rules = arena_alloc(l->a, (n + 1) * sizeof *l->rules);
	l->c->nrules = n;
	for (size_t i = 0; i < n; i++) {
		struct making m = {.l = l, .v = &rules->items[i], .rule = &l->rules[i]};
		*m.rule = (struct rule_decl){.index = (int)i, .at = m.v->at};
		if (m.v->form != VALUE_MAP)
			continue;
		const struct value *on = value_get(m.v, "on"), *every = value_get(m.v, "every"),
						   *needs = value_get(m.v, "needs");
		rule_name(&m);
		m.rule->off = needs->node && !needs->set;
		m.rule->at_final = str_is(value_get(m.v, "at")->text, "final");
		m.rule->late_apply = str_is(value_get(m.v, "late")->text, "apply");
		if (on->node && every->node)
			problem_add(l->ps, every->name_at, "%s has on and every; one of them", m.v->path);
		else if (!on->node && !every->node)
			problem_add(l->ps, m.v->at, "%s needs on: or every:", m.v->path);
		if (every->node)
			clock_rule(&m);
		else
			event_rule(&m);
	}
}
