/*~ filter.c: the events, the children, and which event a log is. filter_where.c: what rules want of topics.
 * filter_ask.c: the text of what is asked. */
#include "listener/filter_in.h"

#include <stdlib.h>

struct filter_slot {
	const uint8_t *address; /* NULL: of every child of the event's contract */
	uint32_t event;         /* index + 1; 0: free */
};

/* An open hash table is sought from here; what is asked of it is small, so any spread will do. */
static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

static uint64_t mix_address(uint64_t h, const uint8_t a[20])
{
	uint64_t w[3] = {0};
	memcpy(w, a, 20);
	return mix(mix(mix(h, w[0]), w[1]), w[2]);
}

/* What tells events of one address apart: topic0; the number of topics where an event has no topic0 of its
 * own (two that have as many are refused at --check, R3). */
static uint64_t kind_of(const uint8_t *topic0, unsigned ntopics)
{
	uint64_t w = ntopics;
	if (topic0)
		memcpy(&w, topic0, 8);
	return w;
}

static uint64_t kind_of_event(const struct filter_event *e)
{
	return kind_of(e->decl->entry->anonymous ? NULL : e->decl->entry->hash, e->ntopics);
}

static uint64_t slot_hash(const uint8_t *address, uint64_t kind)
{
	const uint64_t h = mix(0, kind);
	return address ? mix_address(h, address) : h;
}

static size_t table_size(size_t n)
{
	size_t size = 16;
	while (size < 2 * n)
		size *= 2;
	return size;
}

/* ── making ── */

static void slot_add(struct filter *f, const uint8_t *address, const struct filter_event *e)
{
	size_t at = (size_t)slot_hash(address, kind_of_event(e));
	while (f->slots[at & (f->nslots - 1)].event)
		at++;
	f->slots[at & (f->nslots - 1)] = (struct filter_slot){address, (uint32_t)e->index + 1};
}

static void make_slots(struct filter *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		n += f->events[i].decl->contract->naddresses + 1;
	f->nslots = table_size(n);
	f->slots = arena_alloc(&f->mem, f->nslots * sizeof *f->slots);
	for (size_t i = 0; i < f->n; i++) {
		const struct contract_decl *c = f->events[i].decl->contract;
		for (size_t k = 0; k < c->naddresses; k++)
			slot_add(f, c->addresses[k], &f->events[i]);
		if (c->factory)
			slot_add(f, NULL, &f->events[i]);
		f->has_factories |= c->factory != NULL;
	}
}

static const struct filter_contract *contract_of(const struct filter *f, const struct contract_decl *c)
{
	for (size_t i = 0; i < f->ncontracts; i++)
		if (f->contracts[i].decl == c)
			return &f->contracts[i];
	return NULL;
}

static void make_contracts(struct filter *f)
{
	f->contracts = arena_alloc(&f->mem, (f->n + 1) * sizeof *f->contracts);
	for (size_t i = 0; i < f->n; i++) {
		const struct contract_decl *c = f->events[i].decl->contract;
		if (contract_of(f, c))
			continue;
		struct bloom_key *keys = arena_alloc(&f->mem, (c->naddresses + 1) * sizeof *keys);
		for (size_t k = 0; k < c->naddresses; k++)
			keys[k] = bloom_key_of(c->addresses[k], 20);
		f->contracts[f->ncontracts++] = (struct filter_contract){c, keys};
	}
}

void filter_init_of(
	struct filter *f, const struct config *c, const struct event_decl *const *events, size_t n)
{
	*f = (struct filter){.n = n};
	f->events = arena_alloc(&f->mem, (n + 1) * sizeof *f->events);
	for (size_t i = 0; i < n; i++) {
		f->events[i].decl = events[i];
		f->events[i].index = i;
		filter_where(&f->mem, c, &f->events[i]);
	}
	make_contracts(f);
	make_slots(f);
}

void filter_init(struct filter *f, const struct config *c, const struct chain_decl *chain)
{
	struct arena a = {0};
	const struct event_decl **events = arena_alloc(&a, (c->nevents + 1) * sizeof *events);
	size_t n = 0;
	for (size_t i = 0; i < c->nevents; i++)
		if (c->events[i].contract->chain == chain)
			events[n++] = &c->events[i];
	filter_init_of(f, c, events, n);
	arena_fini(&a);
}

void filter_fini(struct filter *f)
{
	arena_fini(&f->mem);
	arena_fini(&f->scratch);
	free(f->children);
	free(f->child_slots);
	*f = (struct filter){.n = 0};
}

/* ── children ── */

static uint64_t child_hash(const struct contract_decl *contract, const uint8_t address[20])
{
	return mix_address((uintptr_t)contract, address);
}

/* Where the child stands, or belongs. */
static uint32_t *child_slot(
	const struct filter *f, const struct contract_decl *contract, const uint8_t address[20])
{
	for (size_t at = (size_t)child_hash(contract, address);; at++) {
		uint32_t *slot = &f->child_slots[at & (f->nchild_slots - 1)];
		const struct filter_child *c = *slot ? &f->children[*slot - 1] : NULL;
		if (!c || (c->contract == contract && memcmp(c->address, address, 20) == 0))
			return slot;
	}
}

static void make_child_slots(struct filter *f, size_t room)
{
	free(f->child_slots);
	f->nchild_slots = table_size(room);
	f->child_slots = mem_alloc(f->nchild_slots * sizeof *f->child_slots);
	for (size_t i = 0; i < f->nchildren; i++)
		*child_slot(f, f->children[i].contract, f->children[i].address) = (uint32_t)i + 1;
}

bool filter_child_add(
	struct filter *f, const struct contract_decl *contract, const uint8_t address[20], uint64_t block)
{
	if (!contract_of(f, contract))
		return false;
	if (f->nchildren == f->children_cap) {
		f->children_cap = f->children_cap ? 2 * f->children_cap : 64;
		f->children = mem_grow(f->children, f->children_cap, sizeof *f->children);
		make_child_slots(f, f->children_cap);
	}
	uint32_t *slot = child_slot(f, contract, address);
	if (*slot && f->children[*slot - 1].block <= block)
		return false;
	struct filter_child x = {
		.key = bloom_key_of(address, 20), .block = block, .added = f->added++, .contract = contract};
	memcpy(x.address, address, 20);
	if (*slot) {
		x.was = true;
		x.was_block = f->children[*slot - 1].block;
		x.was_added = f->children[*slot - 1].added;
	} else {
		*slot = (uint32_t)++f->nchildren;
	}
	f->children[*slot - 1] = x;
	return true;
}

size_t filter_children_forget(struct filter *f, uint64_t from_block)
{
	const size_t before = f->nchildren;
	size_t kept = 0;
	for (size_t i = 0; i < before; i++)
		if (f->children[i].block < from_block)
			f->children[kept++] = f->children[i];
	f->nchildren = kept;
	if (kept < before)
		make_child_slots(f, f->children_cap);
	return before - kept;
}

size_t filter_learn(struct filter *f, const struct event_decl *event, const struct log *log)
{
	const struct abi_entry *entry = event->entry;
	struct abi_value *v = NULL;
	struct err e;
	size_t n = 0;
	for (size_t i = 0; i < f->ncontracts; i++) {
		const struct contract_decl *c = f->contracts[i].decl;
		if (c->factory != event)
			continue;
		if (!v) {
			arena_reset(&f->scratch);
			v = arena_alloc(&f->scratch, (entry->nin + 1) * sizeof *v);
			if (!abi_decode_log(&f->scratch, entry, log->topics, log->ntopics, log->data, v, &e))
				return 0;
		}
		n += filter_child_add(f, c, v[c->factory_field].bytes.p, log->block);
	}
	return n;
}

bool filter_teaches(const struct filter *f, const struct event_decl *event)
{
	for (size_t i = 0; i < f->ncontracts; i++)
		if (f->contracts[i].decl->factory == event)
			return true;
	return false;
}

size_t filter_try(
	struct filter *f, struct filter_trial *t, const struct event_decl *event, const struct log *log)
{
	uint64_t before = f->added;
	size_t n = filter_learn(f, event, log);
	if (t->n + n > t->cap) {
		t->cap = 2 * (t->n + n);
		t->added = mem_grow(t->added, t->cap, sizeof *t->added);
	}
	for (size_t i = 0; i < n; i++)
		t->added[t->n++] = before + i;
	return n;
}

void filter_trial_keep(struct filter_trial *t)
{
	t->n = 0;
}

void filter_trial_fini(struct filter_trial *t)
{
	free(t->added);
	*t = (struct filter_trial){0};
}

static bool is_among(const uint64_t *list, size_t n, uint64_t x)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (list[mid] < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && list[lo] == x;
}

void filter_trial_undo(struct filter *f, struct filter_trial *t)
{
	const size_t before = f->nchildren;
	size_t kept = 0;
	for (size_t i = 0; i < before && t->n > 0; i++) {
		struct filter_child c = f->children[i];
		bool mine = is_among(t->added, t->n, c.added);
		if (mine && c.was) {
			c.block = c.was_block;
			c.added = c.was_added;
			c.was = false;
			mine = is_among(t->added, t->n, c.added);
		}
		if (!mine)
			f->children[kept++] = c;
	}
	if (t->n > 0 && kept < before) {
		f->nchildren = kept;
		make_child_slots(f, f->children_cap);
	}
	t->n = 0;
}

/* ── which event a log is ── */

static bool is_kind(const struct filter_event *e, const uint8_t *topic0, unsigned ntopics)
{
	if (!topic0)
		return e->decl->entry->anonymous && e->ntopics == ntopics;
	return !e->decl->entry->anonymous && memcmp(e->decl->entry->hash, topic0, 32) == 0;
}

static bool is_child(const struct filter *f, const struct contract_decl *c, const struct log *log)
{
	if (f->nchildren == 0)
		return false;
	const uint32_t slot = *child_slot(f, c, log->address);
	return slot && f->children[slot - 1].block <= log->block;
}

/* address NULL: among the events of factories' children, the first in the file. */
static const struct filter_event *find(
	const struct filter *f, const struct log *log, const uint8_t *address, const uint8_t *topic0)
{
	const struct filter_event *best = NULL;
	size_t at = (size_t)slot_hash(address, kind_of(topic0, log->ntopics));
	for (;; at++) {
		const struct filter_slot *s = &f->slots[at & (f->nslots - 1)];
		if (!s->event)
			return best;
		const struct filter_event *e = &f->events[s->event - 1];
		if (!s->address != !address || !is_kind(e, topic0, log->ntopics))
			continue;
		if (address && memcmp(s->address, address, 20) == 0)
			return e;
		if (!address && (!best || e->index < best->index) && is_child(f, e->decl->contract, log))
			best = e;
	}
}

static const struct filter_event *kind_found(const struct filter *f, const struct log *log)
{
	const uint8_t *topic0 = log->ntopics > 0 ? log->topics[0] : NULL;
	const struct filter_event *e = topic0 ? find(f, log, log->address, topic0) : NULL;
	if (!e)
		e = find(f, log, log->address, NULL);
	if (!e && f->has_factories && topic0)
		e = find(f, log, NULL, topic0);
	if (!e && f->has_factories)
		e = find(f, log, NULL, NULL);
	return e;
}

const struct filter_event *filter_match(const struct filter *f, const struct log *log)
{
	const struct filter_event *e = f->n > 0 ? kind_found(f, log) : NULL;
	return e && filter_topics_fit(e->topics, log) ? e : NULL;
}

/* ── blooms ── */

enum { BLOOM_LOOKS = 256 }; /* as many values are looked for; of more, some would be found anyway */

static bool bloom_topics(const struct filter_event *e, const uint8_t bloom[256])
{
	for (unsigned i = 0; i < e->ntopics; i++) {
		const struct filter_topics *t = &e->topics[i];
		bool held = !t->restricted || t->n > BLOOM_LOOKS;
		for (size_t k = 0; k < t->n && !held; k++)
			held = bloom_has(bloom, t->keys[k]);
		if (!held)
			return false;
	}
	return true;
}

static bool bloom_address(const struct filter *f, const struct contract_decl *c, const uint8_t bloom[256])
{
	const struct filter_contract *k = contract_of(f, c);
	for (size_t i = 0; i < c->naddresses; i++)
		if (bloom_has(bloom, k->keys[i]))
			return true;
	if (!c->factory || f->nchildren > BLOOM_LOOKS)
		return c->factory != NULL;
	for (size_t i = 0; i < f->nchildren; i++)
		if (f->children[i].contract == c && bloom_has(bloom, f->children[i].key))
			return true;
	return false;
}

bool filter_bloom(const struct filter *f, const uint8_t bloom[256])
{
	for (size_t i = 0; i < f->n; i++)
		if (bloom_topics(&f->events[i], bloom) && bloom_address(f, f->events[i].decl->contract, bloom))
			return true;
	return false;
}
