#include "common/app/decl.h"
#include "common/evm/keccak.h"

struct making {
	struct loading *l;
	const struct value *v;
	struct rule_decl *rule;
	const struct event_decl **events;
	struct trigger_decl *triggers;
	struct scope *scopes; /* one an event, one a trigger; a clock has one */
	size_t nscopes;
	bool bad; /* a trigger is wrong: names can't be known */
};

static const char *const chain_words[] = {"start", "live", "sweep", "swept", "final", "reorg", NULL};
static const char *const send_words[] = {"sent", "mined", "failed", "final", "orphaned", NULL};

static bool in(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static void unknown(struct making *m, struct pos at, const char *fmt, const char *owner, const char *word,
	const char *const *words)
{
	const char *near = nearest_word(word, words);
	char cure[160] = "";
	if (near)
		snprintf(cure, sizeof cure, "; did you mean %s?", near);
	if (owner)
		problem_add(m->l->ps, at, "%s has no %s %s%s", owner, fmt, word, cure);
	else
		problem_add(m->l->ps, at, "no %s is named %s%s", fmt, word, cure);
	problem_near(m->l->ps, near);
	m->bad = true;
}

static void add_events(struct making *m, const struct contract_decl *c, const char *event, struct pos at)
{
	const struct config *cfg = m->l->c;
	const char **names = arena_alloc(m->l->a, (cfg->nevents + 1) * sizeof *names);
	size_t n = 0, found = 0;
	for (size_t i = 0; i < cfg->nevents; i++) {
		const struct event_decl *e = &cfg->events[i];
		if (e->contract != c)
			continue;
		names[n++] = e->entry->as;
		if (strcmp(event, "*") != 0 && (found || strcmp(event, e->entry->as) != 0))
			continue;
		found++;
		for (size_t k = 0; k < m->rule->nevents; k++)
			if (m->events[k] == e) {
				problem_add(m->l->ps, at, "%s.%s stands in on: twice", c->name, e->entry->as);
				return;
			}
		m->events[m->rule->nevents++] = e;
	}
	if (!found && n == 0 && c->abi)
		problem_add(m->l->ps, at, "the abi of %s declares no event", c->name);
	else if (!found && c->abi)
		unknown(m, at, "event", c->name, event, names);
	m->bad |= !found;
}

static void trigger_owner(struct making *m, struct pos at, const char *owner)
{
	const struct config *c = m->l->c;
	const char **names = arena_alloc(m->l->a, (c->ncontracts + c->nchains + c->nbatches + 3) * sizeof *names);
	size_t n = 0;
	for (size_t i = 0; i < c->ncontracts; i++)
		names[n++] = c->contracts[i].name;
	for (size_t i = 0; i < c->nchains; i++)
		names[n++] = c->chains[i].name;
	for (size_t i = 0; i < c->nbatches; i++)
		names[n++] = c->batches[i].name;
	unknown(m, at, "contract, chain or batch", NULL, owner, names);
}

static bool is_named(struct loading *l, const char *map, const char *name)
{
	const struct value *v = value_get(l->root, map);
	if (strcmp(map, "rules") != 0 && strcmp(map, "routes") != 0)
		return value_find(v, name) != NULL;
	value_each(item, v)
	{
		if (item->form == VALUE_MAP && str_is(value_get(item, "name")->text, name))
			return true;
	}
	return false;
}

static const struct chain_decl *chain_named(const struct loading *l, const char *name)
{
	for (size_t i = 0; i < l->c->nchains; i++)
		if (strcmp(l->chains[i].name, name) == 0)
			return &l->chains[i];
	return NULL;
}

static const struct batch_decl *batch_named(const struct loading *l, const char *name)
{
	for (size_t i = 0; i < l->c->nbatches; i++)
		if (strcmp(l->batches[i].name, name) == 0)
			return &l->batches[i];
	return NULL;
}

/* CHAIN.word or BATCH.word. */
static void add_trigger(struct making *m, const char *owner, const char *word, struct pos at)
{
	struct rule_decl *r = m->rule;
	const struct batch_decl *batch = batch_named(m->l, owner);
	const struct chain_decl *chain = !batch          ? chain_named(m->l, owner)
									 : batch->signer ? batch->signer->chain
													 : NULL;
	for (size_t i = 0; i < r->ntriggers; i++)
		if (m->triggers[i].batch == batch && m->triggers[i].chain == chain &&
			strcmp(m->triggers[i].kind, word) == 0) {
			problem_add(m->l->ps, at, "%s.%s stands in on: twice", owner, word);
			return;
		}
	if (!chain) /* the batch has no signer, or the signer no chain: reported there */
		m->bad = true;
	else
		m->triggers[r->ntriggers++] = (struct trigger_decl){word, chain, batch, at};
}

static void trigger(struct making *m, const struct value *t)
{
	struct loading *l = m->l;
	const char *dot = memchr(t->text.p, '.', t->text.n);
	if (!dot || dot == t->text.p || !dot[1]) {
		problem_add(l->ps, t->at,
			"%s is no trigger; it is Contract.Event, Contract.* or a name and what happens to it", t->text.p);
		m->bad = true;
		return;
	}
	const char *owner = arena_textn(l->a, t->text.p, (size_t)(dot - t->text.p)), *word = dot + 1;
	bool plain = t->scalar.nvars == 0 && t->scalar.places;
	struct pos first = plain ? scalar_pos(&t->scalar, 0, strlen(owner)) : t->at;
	struct pos second = plain ? scalar_pos(&t->scalar, strlen(owner) + 1, t->text.n) : t->at;
	for (size_t i = 0; i < l->c->ncontracts; i++)
		if (strcmp(l->contracts[i].name, owner) == 0) {
			add_events(m, &l->contracts[i], word, second);
			return;
		}
	bool chain = is_named(l, "chains", owner), probes = strcmp(owner, "probes") == 0,
		 streams = strcmp(owner, "streams") == 0;
	bool sends = is_named(l, "batches", owner) || is_named(l, "rules", owner) || is_named(l, "routes", owner);
	if ((chain && in(word, chain_words)) || (batch_named(l, owner) && in(word, send_words))) {
		add_trigger(m, owner, word, t->at);
		return;
	}
	m->bad = true;
	if (!chain && !sends && !probes && !streams)
		trigger_owner(m, first, owner);
	else if ((chain && in(word, chain_words)) || (sends && in(word, send_words)) ||
			 (probes && strcmp(word, "changed") == 0) || (streams && strcmp(word, "appended") == 0))
		problem_add(l->ps, t->at, "%s.on: %s is not in this version", m->v->path, t->text.p);
	else
		unknown(m, second, "trigger", owner, word,
			chain   ? chain_words
			: sends ? send_words
					: (const char *const[]){probes ? "changed" : "appended", NULL});
}

static void event_names(struct scope *s, const struct event_decl *e)
{
	static const char *const taken[] = {
		"args", "auth", "block", "chain", "entry", "event", "job", "log", "probe", "request", "tx", NULL};
	static const char *const hidden[] = {"event", "event.name", "event.contract", "event.seq", "event.source",
		"log.index", "log.address", "tx.hash", "block.number", "block.hash", "block.time"};
	static const char *const later[] = {"tx.sig", "tx.from", "tx.status", "tx.error"};
	for (size_t i = 0; i < e->entry->nin; i++) {
		const char *name = e->entry->in[i].name;
		if (!in(name, taken))
			scope_add(s, name, SCOPE_SHOWN);
		scope_add(s, arena_printf(s->a, "args.%s", name), SCOPE_HIDDEN);
		if (e->entry->in[i].type.kind == ABI_TUPLE) /* jsonb: its members are named like a record's */
			scope_add(s, arena_printf(s->a, "%s.*", name), SCOPE_HIDDEN);
	}
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		scope_add(s, hidden[i], SCOPE_HIDDEN);
	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		scope_add(s, later[i], SCOPE_LATER);
}

/* GRAMMAR §8. What an item had is known when every rule is (decl_batch_names), and to PostgreSQL. */
static void trigger_names(struct scope *s, const struct trigger_decl *t)
{
	static const char *const block[] = {"block.number", "block.hash", "block.time"}, *const tx[] = {"tx.hash",
																						 "tx.from",
																						 "tx.status",
																						 "tx.error"};
	bool of_tx = t->batch || strcmp(t->kind, "final") == 0 || strcmp(t->kind, "reorg") == 0;
	for (size_t i = 0; i < sizeof block / sizeof *block; i++)
		scope_add(s, block[i], SCOPE_HIDDEN);
	for (size_t i = 0; of_tx && i < sizeof tx / sizeof *tx; i++)
		scope_add(s, tx[i], t->batch || i == 0 ? SCOPE_HIDDEN : SCOPE_LATER);
	if (of_tx)
		scope_add(s, "tx.sig", SCOPE_LATER);
	if (strcmp(t->kind, "swept") == 0)
		scope_add(s, "found", SCOPE_SHOWN);
	s->open |= t->batch != NULL;
}

static void make_scopes(struct making *m)
{
	size_t nevents = m->rule->nevents, n = nevents + m->rule->ntriggers;
	m->nscopes = n ? n : 1;
	m->scopes = arena_alloc(m->l->a, m->nscopes * sizeof *m->scopes);
	for (size_t i = 0; i < m->nscopes; i++) {
		m->scopes[i] = (struct scope){.a = m->l->a, .what = m->v->path, .open = m->bad};
		if (i < m->rule->nevents) {
			m->scopes[i].what = m->events[i]->entry->as;
			m->scopes[i].fields = true;
			event_names(&m->scopes[i], m->events[i]);
		} else if (i < n) {
			const struct trigger_decl *t = &m->triggers[i - nevents];
			m->scopes[i].what =
				arena_printf(m->l->a, "%s.%s", t->batch ? t->batch->name : t->chain->name, t->kind);
			trigger_names(&m->scopes[i], t);
		}
	}
}

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
			unknown(m, v->name_at, "field", e->entry->as, v->name, names);
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
		for (size_t i = 0; i < m->nscopes; i++)
			scope_check_template(&m->scopes[i], verb->template, m->l->ps);
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
		problem_add(
			m->l->ps, m->v->at, "%s does nothing; it needs a step: sql, let, batch, log or do", m->v->path);
}

static void event_rule(struct making *m)
{
	const struct value *v = m->v, *on = value_get(v, "on");
	m->events = arena_alloc(m->l->a, (m->l->c->nevents + 1) * sizeof *m->events);
	m->triggers = arena_alloc(m->l->a, (on->n + 1) * sizeof *m->triggers);
	for (size_t i = 0; on->form == VALUE_LIST && i < on->n; i++)
		if (on->items[i].set)
			trigger(m, &on->items[i]);
	m->rule->events = m->events;
	m->rule->triggers = m->triggers;
	m->bad |= m->rule->nevents + m->rule->ntriggers == 0;
	static const char *const of_events[] = {"where", "at", "late"};
	for (size_t i = 0; m->rule->ntriggers && i < sizeof of_events / sizeof *of_events; i++)
		if (value_get(v, of_events[i])->written)
			problem_add(m->l->ps, value_get(v, of_events[i])->name_at, "%s.%s is of events; %s.%s is none",
				v->path, of_events[i],
				m->triggers->batch ? m->triggers->batch->name : m->triggers->chain->name, m->triggers->kind);
	make_scopes(m);
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
		decl_call(m->l, v->call, row, v->path, false, false);
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
