#define _GNU_SOURCE /* memrchr */
#include "common/app/decl.h"
#include "common/evm/address.h"

#include <ctype.h>

static void addresses(struct loading *l, const struct value *v, struct contract_decl *c)
{
	const struct value *list = value_get(v, "address");
	uint8_t(*out)[20] = arena_alloc(l->a, (list->n + 1) * sizeof *out);
	bool foreign = value_get(v, "idl")->written; /* of another kind of chain: refused there */
	for (size_t i = 0; list->form == VALUE_LIST && !foreign && i < list->n; i++) {
		const struct value *a = &list->items[i];
		struct err e = {0};
		if (a->form == VALUE_MAP)
			problem_add(l->ps, a->at, "%s: { from: … } stands alone, not in a list", list->path);
		if (!a->set || a->form == VALUE_MAP)
			continue;
		if (!address_from_text(out[c->naddresses], a->text, &e)) {
			problem_add(l->ps, a->at, "%s: %s", list->path, e.text);
			continue;
		}
		for (size_t k = 0; k < c->naddresses; k++)
			if (memcmp(out[k], out[c->naddresses], 20) == 0)
				problem_add(l->ps, a->at, "%s names %s twice", list->path, a->text.p);
		c->naddresses++;
	}
	c->addresses = (const uint8_t(*)[20])out;
}

struct abi_list {
	struct abi_entry *entries;
	struct pos *at;
	size_t n, cap;
};

static void abi_add(struct loading *l, struct abi_list *list, const struct abi_entry *e, struct pos at)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 16;
		struct abi_entry *more = arena_alloc(l->a, cap * sizeof *more);
		struct pos *places = arena_alloc(l->a, cap * sizeof *places);
		if (list->n) {
			memcpy(more, list->entries, list->n * sizeof *more);
			memcpy(places, list->at, list->n * sizeof *places);
		}
		*list = (struct abi_list){more, places, list->n, cap};
	}
	list->entries[list->n] = *e;
	list->at[list->n++] = at;
}

static void abi_line(struct loading *l, const struct value *v, struct abi_list *list)
{
	struct abi_entry entry;
	struct err e = {0};
	size_t at = 0;
	if (abi_parse_line(l->a, v->text, &entry, &at, &e)) {
		abi_add(l, list, &entry, v->at);
		return;
	}
	size_t to = at + 1;
	while (to < v->text.n && (isalnum((unsigned char)v->text.p[to]) || v->text.p[to] == '_'))
		to++;
	problem_add(l->ps, v->scalar.nvars ? v->at : scalar_pos(&v->scalar, at, to), "%s", e.text);
}

static void abi_file(struct loading *l, const struct value *v, struct abi_list *list)
{
	struct buf text = {0};
	struct err e = {0};
	struct abi_entry *entries;
	size_t n = 0;
	if (decl_read(l, v, &text)) {
		if (!abi_parse_json(l->a, (struct str){text.p, text.n}, &entries, &n, &e))
			problem_add(l->ps, v->at, "%s: %s", v->text.p, e.text);
		for (size_t i = 0; i < n; i++)
			abi_add(l, list, &entries[i], v->at);
	}
	buf_fini(&text);
}

/* One name, one declaration; functions of one name differ in their number of arguments (GRAMMAR §9). */
static void check_overloads(struct loading *l, const char *contract, const struct abi_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct abi_entry *a = &list->entries[i], *b = &list->entries[k];
			if (a->kind != b->kind || a->kind == ABI_ERROR || a->kind == ABI_CONSTRUCTOR ||
				strcmp(a->as, b->as) != 0)
				continue;
			if (a->kind == ABI_EVENT)
				problem_add(l->ps, list->at[i], "%s has an event %s already; name this one: … as %s2",
					contract, a->as, a->as);
			else if (a->nin == b->nin)
				problem_add(l->ps, list->at[i],
					"%s has a function %s of %zu arguments already; name this one: … as %s2", contract, a->as,
					a->nin, a->as);
		}
}

static void abi(struct loading *l, const struct value *v, struct contract_decl *c, struct abi_list *list)
{
	const struct value *lines = value_get(v, "abi");
	for (size_t i = 0; lines->form == VALUE_LIST && i < lines->n; i++) {
		const struct value *line = &lines->items[i];
		if (line->set && memchr(line->text.p, '(', line->text.n))
			abi_line(l, line, list);
		else if (line->set)
			abi_file(l, line, list);
	}
	if (value_get(v, "idl")->written)
		return; /* refused already: nothing is known of it, and nothing more is said about it */
	if (v->form == VALUE_MAP && !lines->node)
		problem_add(l->ps, v->name_at, "%s needs abi: lines of Solidity, or a JSON file", v->path);
	check_overloads(l, v->name, list);
	c->abi = list->entries ? list->entries : arena_alloc(l->a, sizeof *list->entries);
	c->nabi = list->n;
}

static bool taken(const char *column)
{
	static const char *const words[] = {"_seq", "_id", "_chain", "_block", "_block_hash", "_tx", "_log",
		"_at", "_open", "_swept", "_late", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(column, words[i]) == 0)
			return true;
	return false;
}

enum { NAME_MAX_PG = 63 };

/* Model A5: snake case without leading underscores; a clash gets trailing underscores.
 */
static void columns(struct loading *l, struct event_decl *ev)
{
	const struct abi_entry *e = ev->entry;
	ev->columns = arena_alloc(l->a, (e->nin + 1) * sizeof *ev->columns);
	for (size_t i = 0; i < e->nin; i++) {
		const char *name = e->in[i].name;
		size_t size = 2 * strlen(name) + 32;
		char *out = arena_alloc(l->a, size + e->nin);
		abi_snake(out, size, name);
		bool clash = taken(out);
		for (size_t k = 0; k < i || clash; k++) {
			if (clash || strcmp(ev->columns[k], out) == 0) {
				strcat(out, "_");
				k = (size_t)-1; /* from the beginning: the longer name may be taken too */
			}
			clash = false;
		}
		if (strlen(out) > NAME_MAX_PG)
			problem_add(l->ps, ev->at, "%s: the column of %s would be longer than %d bytes", e->as, name,
				NAME_MAX_PG);
		for (size_t k = 0; k < i; k++)
			if (strcmp(e->in[k].name, name) == 0)
				problem_add(l->ps, ev->at, "%s has two fields named %s; name them apart", e->as, name);
		ev->columns[i] = out;
	}
}

static void events(struct loading *l, const struct contract_decl *c, const struct abi_list *list,
	struct event_decl *out, size_t *n)
{
	size_t first = *n;
	for (size_t i = 0; i < list->n; i++) {
		if (c->abi[i].kind != ABI_EVENT)
			continue;
		struct event_decl *ev = &out[(*n)++];
		size_t size = 2 * strlen(c->abi[i].as) + 8;
		char *table = arena_alloc(l->a, size);
		abi_snake(table, size, c->abi[i].as);
		*ev = (struct event_decl){c, &c->abi[i], table, NULL, list->at[i]};
		columns(l, ev);
		if (strlen(table) > NAME_MAX_PG)
			problem_add(l->ps, ev->at, "the table of %s would be longer than %d bytes; name it: … as Other",
				c->abi[i].as, NAME_MAX_PG);
		for (size_t k = first; k + 1 < *n; k++)
			if (strcmp(out[k].table, table) == 0 && strcmp(out[k].entry->as, ev->entry->as) != 0)
				problem_add(l->ps, ev->at, "%s and %s would be one table, %s; name one of them: … as Other",
					out[k].entry->as, ev->entry->as, table);
	}
}

static size_t topics(const struct abi_entry *e)
{
	size_t n = !e->anonymous;
	for (size_t i = 0; i < e->nin; i++)
		n += e->in[i].indexed;
	return n;
}

static bool share_an_address(const struct contract_decl *a, const struct contract_decl *b)
{
	if (a->factory && b->factory) /* the children of one contract may be named by two of its fields */
		return a == b || a->factory->contract == b->factory->contract;
	for (size_t i = 0; i < a->naddresses; i++)
		for (size_t k = 0; k < b->naddresses; k++)
			if (memcmp(a->addresses[i], b->addresses[k], 20) == 0)
				return true;
	return false;
}

/* R3: can one log be both? An anonymous event has no topic0 of its own: any log with as many topics may be
 * it. A child that is fixed elsewhere too is settled by config.h's rule, not refused: it can't be seen here.
 */
static bool may_be_one(const struct event_decl *a, const struct event_decl *b)
{
	if (a->contract->chain != b->contract->chain)
		return false;
	bool anonymous = a->entry->anonymous || b->entry->anonymous;
	if (anonymous ? topics(a->entry) != topics(b->entry) : memcmp(a->entry->hash, b->entry->hash, 32) != 0)
		return false;
	return share_an_address(a->contract, b->contract);
}

static void check_events(struct loading *l)
{
	for (size_t i = 0; i < l->c->nevents; i++)
		for (size_t k = 0; k < i; k++) {
			const struct event_decl *a = &l->c->events[i], *b = &l->c->events[k];
			if (may_be_one(a, b))
				problem_add(l->ps, a->at,
					"a log can be %s.%s and %s.%s (line %d): same address, same %s; declare it once",
					a->contract->name, a->entry->as, b->contract->name, b->entry->as, b->at.line,
					a->entry->anonymous || b->entry->anonymous ? "number of topics" : "topic");
		}
}

static const struct contract_decl *contract_named(const struct loading *l, struct str name)
{
	for (size_t i = 0; i < l->c->ncontracts; i++)
		if (str_is(name, l->contracts[i].name))
			return &l->contracts[i];
	return NULL;
}

static void unknown(struct loading *l, struct pos at, const char *owner, const char *kind, struct str name,
	const char *const *words)
{
	const char *text = arena_textn(l->a, name.p, name.n), *near = nearest_word(text, words);
	problem_add(l->ps, at, "%s%sno %s %s%s%s%s%s", owner ? owner : "", owner ? " has " : "", kind,
		owner ? "" : "is named ", text, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	problem_near(l->ps, near);
}

static const struct event_decl *event_named(
	struct loading *l, const struct contract_decl *c, struct str name, struct pos at)
{
	const char **words = arena_alloc(l->a, (l->c->nevents + 1) * sizeof *words);
	size_t n = 0;
	for (size_t i = 0; i < l->c->nevents; i++) {
		const struct event_decl *e = &l->c->events[i];
		if (e->contract == c && str_is(name, e->entry->as))
			return e;
		if (e->contract == c)
			words[n++] = e->entry->as;
	}
	if (c->abi)
		unknown(l, at, c->name, "event", name, words);
	return NULL;
}

static bool field_named(
	struct loading *l, const struct event_decl *e, struct str name, struct pos at, size_t *field)
{
	const char **words = arena_alloc(l->a, (e->entry->nin + 1) * sizeof *words);
	for (size_t i = 0; i < e->entry->nin; i++) {
		words[i] = e->entry->in[i].name;
		if (!str_is(name, words[i]))
			continue;
		*field = i;
		if (e->entry->in[i].type.kind == ABI_ADDRESS)
			return true;
		struct buf type = {0};
		abi_type_text(&type, &e->entry->in[i].type);
		problem_add(l->ps, at, "%s.%s is %s; a factory names its children in a field of type address",
			e->entry->as, words[i], type.p);
		buf_fini(&type);
		return false;
	}
	unknown(l, at, e->entry->as, "field", name, words);
	return false;
}

/* address: { from: Factory.Event.field }, when all events are known. */
static void factory(struct loading *l, const struct value *v, struct contract_decl *c)
{
	const struct value *address = value_get(v, "address");
	const struct value *from = address->form == VALUE_MAP ? value_get(address, "from") : NULL;
	if (!from || !from->set || !c->chain)
		return;
	struct str t = from->text;
	const char *dot = memchr(t.p, '.', t.n), *last = memrchr(t.p, '.', t.n);
	if (!dot || last == dot || memchr(dot + 1, '.', (size_t)(last - dot - 1))) {
		problem_add(l->ps, from->at, "%s is Factory.Event.field, not %s", from->path, t.p);
		return;
	}
	struct str owner = {t.p, (size_t)(dot - t.p)}, event = {dot + 1, (size_t)(last - dot - 1)},
			   field = str_of(last + 1);
	const struct contract_decl *f = contract_named(l, owner);
	const char **names = arena_alloc(l->a, (l->c->ncontracts + 1) * sizeof *names);
	for (size_t i = 0; i < l->c->ncontracts; i++)
		names[i] = l->contracts[i].name;
	if (!f) {
		unknown(l, from->at, NULL, "contract", owner, names);
		return;
	}
	const struct event_decl *e = event_named(l, f, event, from->at);
	if (!e || !field_named(l, e, field, from->at, &c->factory_field))
		return;
	if (f->chain && f->chain != c->chain)
		problem_add(l->ps, from->at, "%s: %s is on %s, and %s on %s", from->path, f->name, f->chain->name,
			c->name, c->chain->name);
	c->factory = e;
}

static void check_cycles(struct loading *l, const struct value *map)
{
	for (size_t i = 0; i < l->c->ncontracts; i++) {
		const struct contract_decl *c = &l->contracts[i], *f = c;
		for (size_t n = 0; f->factory && n < l->c->ncontracts; n++) {
			f = f->factory->contract;
			if (f != c)
				continue;
			problem_add(l->ps, value_get(&map->items[i], "address")->at,
				"%s.address.from comes back to %s itself; some contract has a written address",
				map->items[i].path, c->name);
			break;
		}
	}
}

static void schema(struct loading *l, const struct value *v, struct contract_decl *c)
{
	char *lower = arena_text(l->a, v->name);
	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	c->schema = lower;
	for (const struct contract_decl *d = l->contracts; d < c; d++)
		if (strcmp(d->schema, lower) == 0 && strcmp(d->name, c->name) != 0)
			problem_add(l->ps, v->name_at, "%s and %s would be one schema, %s; name one of them apart",
				d->name, c->name, lower);
}

void decl_contracts(struct loading *l)
{
	const struct value *map = value_get(l->root, "contracts"), *chains = value_get(l->root, "chains");
	struct abi_list *lists = arena_alloc(l->a, (map->n + 1) * sizeof *lists);
	size_t nevents = 0;
	l->c->contracts = l->contracts = arena_alloc(l->a, (map->n + 1) * sizeof *l->contracts);
	l->c->ncontracts = map->n;
	value_each(v, map)
	{
		size_t i = (size_t)(v - map->items);
		struct contract_decl *c = &l->contracts[i];
		*c = (struct contract_decl){.name = v->name, .at = v->name_at};
		decl_name(l, v->name, "contract", v->name_at);
		schema(l, v, c);
		int chain = v->set ? decl_pick(l, value_get(v, "chain"), "chain", chains) : -1;
		c->chain = chain < 0 ? NULL : &l->chains[chain];
		addresses(l, v, c);
		c->start_latest = value_get(v, "start")->number == UINT64_MAX;
		c->start = c->start_latest ? 0 : value_get(v, "start")->number;
		abi(l, v, c, &lists[i]);
		nevents += c->nabi;
	}
	struct event_decl *out = arena_alloc(l->a, (nevents + 1) * sizeof *out);
	l->c->events = out;
	for (size_t i = 0; i < map->n; i++)
		events(l, &l->contracts[i], &lists[i], out, &l->c->nevents);
	for (size_t i = 0; i < map->n; i++)
		factory(l, &map->items[i], &l->contracts[i]);
	check_cycles(l, map);
	check_events(l);
}
