/* What `where:` asks of an event's topics, and the digest that tells whether a source was widened. */
#include "listener/filter_in.h"

#include "common/evm/keccak.h"

#include <stdlib.h>

static int compare_32(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int compare_20(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

size_t filter_sort(void *values, size_t n, size_t size)
{
	must(size == 20 || size == 32);
	uint8_t *p = values;
	size_t kept = 0;
	if (n > 1)
		qsort(p, n, size, size == 20 ? compare_20 : compare_32);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || memcmp(p + (kept - 1) * size, p + i * size, size) != 0)
			memmove(p + kept++ * size, p + i * size, size);
	return kept;
}

static bool holds(const struct filter_topics *t, const uint8_t topic[32])
{
	if (t->n == 1)
		return memcmp(t->list[0], topic, 32) == 0;
	return bsearch(topic, t->list, t->n, 32, compare_32) != NULL;
}

bool filter_topics_fit(const struct filter_topics topics[4], const struct log *log)
{
	for (unsigned i = 0; i < 4; i++)
		if (topics[i].restricted && (i >= log->ntopics || !holds(&topics[i], log->topics[i])))
			return false;
	return true;
}

/* A literal of `where:` as the topic that its field would have. config_load has checked that it is one. */
static void topic_of(struct arena *a, uint8_t out[32], const struct abi_param *p, const char *text)
{
	const struct abi_param bare = {.name = p->name, .type = *abi_stored_type(p)};
	struct abi_value v = {.n = 0};
	struct buf b = {0};
	struct err e;
	must(abi_value_from_text(a, &bare.type, str_of(text), &v, &e));
	must(abi_encode(&b, &bare, 1, &v, &e) && b.n == 32);
	memcpy(out, b.p, 32);
	buf_fini(&b);
}

static bool rule_names(const struct rule_decl *r, const struct event_decl *decl)
{
	for (size_t i = 0; i < r->nevents; i++)
		if (r->events[i] == decl)
			return true;
	return false;
}

static const struct where_decl *where_of(const struct rule_decl *r, const char *field)
{
	for (size_t i = 0; i < r->nwhere; i++)
		if (strcmp(r->where[i].field, field) == 0)
			return &r->where[i];
	return NULL;
}

static struct filter_topics topics_made(struct arena *a, uint8_t (*list)[32], size_t n)
{
	n = filter_sort(list, n, 32);
	struct bloom_key *keys = arena_alloc(a, (n + 1) * sizeof *keys);
	for (size_t i = 0; i < n; i++)
		keys[i] = bloom_key_of(list[i], 32);
	return (struct filter_topics){true, (const uint8_t(*)[32])list, keys, n};
}

/* The union of what the live rules on the event want of this field; any, where one of them wants any. */
static struct filter_topics topics_of(
	struct arena *a, const struct config *c, const struct event_decl *decl, const struct abi_param *p)
{
	const struct filter_topics any = {.restricted = false};
	size_t n = 0, most = 0;
	for (size_t i = 0; i < c->nrules; i++) {
		const struct rule_decl *r = &c->rules[i];
		if (r->off || !rule_names(r, decl))
			continue;
		const struct where_decl *w = where_of(r, p->name);
		if (!w)
			return any;
		most += w->nvalues;
	}
	uint8_t(*list)[32] = arena_alloc(a, (most + 1) * sizeof *list);
	for (size_t i = 0; i < c->nrules && most > 0; i++) {
		const struct rule_decl *r = &c->rules[i];
		const struct where_decl *w = r->off || !rule_names(r, decl) ? NULL : where_of(r, p->name);
		for (size_t k = 0; w && k < w->nvalues; k++)
			topic_of(a, list[n++], p, w->values[k]);
	}
	return n > 0 ? topics_made(a, list, n) : any;
}

/* A creation that no rule wants makes a child all the same. */
static bool makes_children(const struct config *c, const struct event_decl *decl)
{
	for (size_t i = 0; i < c->ncontracts; i++)
		if (c->contracts[i].factory == decl)
			return true;
	return false;
}

void filter_where(struct arena *a, const struct config *c, struct filter_event *e)
{
	const struct abi_entry *entry = e->decl->entry;
	const bool open = makes_children(c, e->decl);
	unsigned at = 0;
	if (!entry->anonymous)
		e->topics[at++] = topics_made(a, arena_copy(a, entry->hash, 32), 1);
	for (size_t i = 0; i < entry->nin; i++) {
		if (!entry->in[i].indexed)
			continue;
		must(at < 4); /* abi.h counts the indexed fields of a declaration */
		if (!open)
			e->topics[at] = topics_of(a, c, e->decl, &entry->in[i]);
		at++;
	}
	e->ntopics = at;
}

/* ── the fingerprint ── */

static void add_count(struct keccak *k, size_t n)
{
	uint8_t be[8];
	for (unsigned i = 0; i < 8; i++)
		be[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	keccak_add(k, be, 8);
}

static void add_source(struct keccak *k, const struct event_decl *decl)
{
	const struct contract_decl *c = decl->contract;
	struct arena a = {0};
	if (c->factory) {
		keccak_add(k, "factory", 7);
		add_count(k, c->factory_field);
		add_source(k, c->factory); /* cycles are refused at --check */
	} else {
		uint8_t(*list)[20] = arena_alloc(&a, (c->naddresses + 1) * sizeof *list);
		if (c->naddresses > 0)
			memcpy(list, c->addresses, c->naddresses * sizeof *list);
		const size_t n = filter_sort(list, c->naddresses, 20);
		keccak_add(k, "address", 7);
		add_count(k, n);
		keccak_add(k, list, n * sizeof *list);
	}
	add_count(k, decl->entry->anonymous);
	keccak_add(k, decl->entry->hash, 32);
	arena_fini(&a);
}

void filter_fingerprint(const struct filter_event *event, uint8_t out[32])
{
	struct keccak k;
	keccak_init(&k);
	add_source(&k, event->decl);
	for (unsigned i = event->decl->entry->anonymous ? 0 : 1; i < 4; i++) {
		const struct filter_topics *t = &event->topics[i];
		add_count(&k, t->n);
		keccak_add(&k, t->list, t->n * 32);
	}
	keccak_end(&k, out);
}
