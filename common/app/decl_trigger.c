/* on: of a rule, and the names that each trigger brings (GRAMMAR §6, §8). */
#include "common/app/decl_rule.h"

static const char *const chain_words[] = {"start", "live", "sweep", "swept", "final", "reorg", NULL};
static const char *const send_words[] = {"sent", "mined", "failed", "final", "orphaned", NULL};

static bool in(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

void rule_unknown(struct making *m, struct pos at, const char *fmt, const char *owner, const char *word,
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
		rule_unknown(m, at, "event", c->name, event, names);
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
	rule_unknown(m, at, "contract, chain or batch", NULL, owner, names);
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

/* CHAIN.word or BATCH.word. */
static void add_trigger(struct making *m, const char *owner, const char *word, struct pos at)
{
	struct rule_decl *r = m->rule;
	const struct batch_decl *batch = config_batch(m->l->c, owner);
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

void rule_trigger(struct making *m, const struct value *t)
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
	if ((chain && in(word, chain_words)) || (config_batch(l->c, owner) && in(word, send_words))) {
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
		rule_unknown(m, second, "trigger", owner, word,
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

void rule_scopes(struct making *m)
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
