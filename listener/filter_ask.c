/* The text of what is asked: events that go well together share a request. */
#include "listener/filter_in.h"

#include <stdlib.h>

/* A request in the making: some events, the contracts of these, and what they want of the topics. */
struct draft {
	bool many;       /* one of its contracts alone has more addresses than a list may hold */
	bool *contracts; /* by index in filter.contracts */
	struct filter_topics topics[4];
};
struct drafting {
	struct filter_plan *p;
	const struct filter *f;
	uint64_t since; /* children added before are left out */
	bool children_only;
	size_t cap;
	size_t *naddresses; /* by contract */
	struct draft *drafts;
	size_t n;
};

/* ── two drafts as one ── */

static bool same_list(const struct filter_topics *a, const struct filter_topics *b)
{
	return a->restricted == b->restricted && a->n == b->n &&
		   (a->n == 0 || memcmp(a->list, b->list, a->n * 32) == 0);
}

/* What one request for both asks for that neither wants: 0 nothing to speak of, else the more the worse. A
 * list that is lost asks for every log of a popular event; lost addresses do so for the whole chain. */
static unsigned merge_cost(const struct draft *a, const struct draft *b)
{
	unsigned cost = a->many != b->many ? 1000 : 0;
	if (a->topics[0].restricted != b->topics[0].restricted)
		cost += 100;
	for (unsigned i = 1; i < 4; i++)
		if (!same_list(&a->topics[i], &b->topics[i]))
			cost += a->topics[i].restricted && b->topics[i].restricted ? 1 : 10;
	return cost;
}

static struct filter_topics merged(
	struct arena *a, const struct filter_topics *x, const struct filter_topics *y)
{
	if (!x->restricted || !y->restricted)
		return (struct filter_topics){.restricted = false};
	uint8_t(*list)[32] = arena_alloc(a, (x->n + y->n) * sizeof *list);
	memcpy(list, x->list, x->n * sizeof *list);
	memcpy(list + x->n, y->list, y->n * sizeof *list);
	return (struct filter_topics){
		.restricted = true, .list = (const uint8_t(*)[32])list, .n = filter_sort(list, x->n + y->n, 32)};
}

static void merge(struct drafting *d, size_t into, size_t from)
{
	struct draft *a = &d->drafts[into], *b = &d->drafts[from];
	a->many |= b->many;
	for (size_t i = 0; i < d->f->ncontracts; i++)
		a->contracts[i] |= b->contracts[i];
	for (unsigned i = 0; i < 4; i++)
		a->topics[i] = merged(&d->p->mem, &a->topics[i], &b->topics[i]);
	for (size_t i = 0; i < d->f->n; i++)
		if (d->p->of[i] == from)
			d->p->of[i] = into;
}

static void remove_draft(struct drafting *d, size_t at)
{
	const size_t last = --d->n;
	if (at == last)
		return;
	d->drafts[at] = d->drafts[last];
	for (size_t i = 0; i < d->f->n; i++)
		if (d->p->of[i] == last)
			d->p->of[i] = at;
}

static void merge_cheapest(struct drafting *d)
{
	size_t into = 0, from = 1;
	unsigned least = merge_cost(&d->drafts[0], &d->drafts[1]);
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = i + 1; k < d->n; k++) {
			const unsigned cost = merge_cost(&d->drafts[i], &d->drafts[k]);
			if (cost < least) {
				least = cost;
				into = i;
				from = k;
			}
		}
	merge(d, into, from);
	remove_draft(d, from);
}

/* ── drafts of events ── */

static bool is_asked(const struct drafting *d, const struct filter_child *c)
{
	return !d->children_only || c->added >= d->since;
}

static void count_addresses(struct drafting *d)
{
	const struct filter *f = d->f;
	d->naddresses = arena_alloc(&d->p->mem, (f->ncontracts + 1) * sizeof *d->naddresses);
	for (size_t i = 0; i < f->ncontracts; i++) {
		const struct contract_decl *c = f->contracts[i].decl;
		d->naddresses[i] = d->children_only ? 0 : c->naddresses;
		for (size_t k = 0; c->factory && k < f->nchildren; k++)
			d->naddresses[i] += f->children[k].contract == c && is_asked(d, &f->children[k]);
	}
}

static size_t contract_index(const struct filter *f, const struct contract_decl *c)
{
	size_t i = 0;
	while (f->contracts[i].decl != c)
		i++;
	return i;
}

/* Its own draft, unless there is one that costs nothing to share: with as many topics at the first position
 * as a list may hold, a draft is full. */
static void draft_event(struct drafting *d, size_t event)
{
	const struct filter_event *e = &d->f->events[event];
	const size_t contract = contract_index(d->f, e->decl->contract);
	if (d->naddresses[contract] == 0)
		return;
	const size_t own = d->n++;
	struct draft *x = &d->drafts[own];
	*x = (struct draft){.many = d->naddresses[contract] > d->cap,
		.contracts = arena_alloc(&d->p->mem, (d->f->ncontracts + 1) * sizeof *x->contracts)};
	x->contracts[contract] = true;
	memcpy(x->topics, e->topics, sizeof x->topics);
	d->p->of[event] = own;
	for (size_t i = 0; i < own; i++)
		if (merge_cost(&d->drafts[i], x) == 0 && d->drafts[i].topics[0].n + x->topics[0].n <= d->cap) {
			merge(d, i, own);
			d->n--;
			return;
		}
}

/* ── a draft as a request ── */

static void gather(struct drafting *d, const struct draft *x, struct filter_request *r)
{
	const struct filter *f = d->f;
	size_t most = 0, n = 0;
	for (size_t i = 0; i < f->ncontracts; i++)
		most += x->contracts[i] ? d->naddresses[i] : 0;
	uint8_t(*list)[20] = arena_alloc(&d->p->mem, (most + 1) * sizeof *list);
	for (size_t i = 0; i < f->ncontracts; i++) {
		const struct contract_decl *c = f->contracts[i].decl;
		for (size_t k = 0; x->contracts[i] && !d->children_only && k < c->naddresses; k++)
			memcpy(list[n++], c->addresses[k], 20);
		for (size_t k = 0; x->contracts[i] && c->factory && k < f->nchildren; k++)
			if (f->children[k].contract == c && is_asked(d, &f->children[k]))
				memcpy(list[n++], f->children[k].address, 20);
	}
	r->addresses = (const uint8_t(*)[20])list;
	r->naddresses = filter_sort(list, n, 20);
}

static void put_list(struct buf *b, const uint8_t *p, size_t n, size_t size)
{
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		buf_text(b, i ? ",\"0x" : "\"0x");
		buf_hex(b, p + i * size, size);
		buf_char(b, '"');
	}
	buf_char(b, ']');
}

static const char *members_text(struct arena *a, const struct filter_request *r)
{
	struct buf b = {0};
	unsigned n = 4;
	while (n > 0 && !r->topics[n - 1].restricted)
		n--;
	if (!r->any_address) {
		buf_text(&b, "\"address\":");
		put_list(&b, *r->addresses, r->naddresses, 20);
	}
	if (n > 0 || r->any_address)
		buf_text(&b, r->any_address ? "\"topics\":[" : ",\"topics\":[");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&b, ',');
		if (r->topics[i].restricted)
			put_list(&b, *r->topics[i].list, r->topics[i].n, 32);
		else
			buf_text(&b, "null");
	}
	if (n > 0 || r->any_address)
		buf_char(&b, ']');
	const char *text = arena_textn(a, b.p, b.n);
	buf_fini(&b);
	return text;
}

static void emit(struct drafting *d, const struct draft *x, struct filter_request *r)
{
	memcpy(r->topics, x->topics, sizeof r->topics);
	for (unsigned i = 0; i < 4; i++)
		if (r->topics[i].n > d->cap)
			r->topics[i] = (struct filter_topics){.restricted = false};
	gather(d, x, r);
	r->any_address = r->naddresses > d->cap; /* R7 */
	r->members = members_text(&d->p->mem, r);
}

static void make(struct drafting *d, size_t most)
{
	struct filter_plan *p = d->p;
	const size_t n = d->f->n;
	must(most > 0 && d->cap > 0);
	arena_reset(&p->mem);
	p->n = 0;
	p->of = arena_alloc(&p->mem, (n + 1) * sizeof *p->of);
	d->drafts = arena_alloc(&p->mem, (n + 1) * sizeof *d->drafts);
	count_addresses(d);
	for (size_t i = 0; i < n; i++)
		p->of[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++)
		draft_event(d, i);
	while (d->n > most)
		merge_cheapest(d);
	p->requests = arena_alloc(&p->mem, (d->n + 1) * sizeof *p->requests);
	for (; p->n < d->n; p->n++)
		emit(d, &d->drafts[p->n], &p->requests[p->n]);
}

void filter_plan_make(struct filter_plan *p, const struct filter *f, size_t cap, size_t most)
{
	make(&(struct drafting){.p = p, .f = f, .cap = cap}, most);
}

void filter_plan_children(
	struct filter_plan *p, const struct filter *f, uint64_t since, size_t cap, size_t most)
{
	make(&(struct drafting){.p = p, .f = f, .cap = cap, .since = since, .children_only = true}, most);
}

static void put_pair(
	struct filter_plan *p, const struct filter_event *e, const uint8_t address[20], size_t cap)
{
	struct filter_request *r = &p->requests[p->n++];
	memcpy(r->topics, e->topics, sizeof r->topics);
	for (unsigned i = 0; i < 4; i++)
		if (r->topics[i].n > cap)
			r->topics[i] = (struct filter_topics){.restricted = false};
	r->addresses = (const uint8_t(*)[20])arena_copy(&p->mem, address, 20);
	r->naddresses = 1;
	r->members = members_text(&p->mem, r);
}

void filter_plan_pairs(struct filter_plan *p, const struct filter *f, size_t cap)
{
	size_t n = 0;
	arena_reset(&p->mem);
	for (size_t i = 0; i < f->n; i++)
		n += f->events[i].decl->contract->naddresses + f->nchildren;
	p->n = 0;
	p->requests = arena_alloc(&p->mem, (n + 1) * sizeof *p->requests);
	p->of = arena_alloc(&p->mem, (f->n + 1) * sizeof *p->of);
	for (size_t i = 0; i < f->n; i++) {
		const struct contract_decl *c = f->events[i].decl->contract;
		p->of[i] = SIZE_MAX;
		for (size_t k = 0; k < c->naddresses; k++)
			put_pair(p, &f->events[i], c->addresses[k], cap);
		for (size_t k = 0; c->factory && k < f->nchildren; k++)
			if (f->children[k].contract == c)
				put_pair(p, &f->events[i], f->children[k].address, cap);
	}
}

void filter_plan_fini(struct filter_plan *p)
{
	arena_fini(&p->mem);
	*p = (struct filter_plan){.n = 0};
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

bool filter_asked(const struct filter_plan *p, size_t request, const struct log *log)
{
	const struct filter_request *r = &p->requests[request];
	return filter_topics_fit(r->topics, log) &&
		   (r->any_address || bsearch(log->address, r->addresses, r->naddresses, 20, compare_addresses));
}
