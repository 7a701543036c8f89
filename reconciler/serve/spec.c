#define _GNU_SOURCE /* memmem */
#include "reconciler/serve/spec.h"

#include "common/base/mem.h"
#include "reconciler/serve/asset.h"
#include "reconciler/serve/etag.h"
#include "reconciler/serve/openapi.h"

#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 2000, LOOKS = 1000, VALUE = 200 };

struct example { /* of one route */
	char *body;
	size_t n;
	struct value {
		const char *name;
		char *text;
		struct value *next;
	} * values; /* its parameters then */
	bool may_show, is_full;
	unsigned looks, version; /* of the plan */
};
struct document {
	struct buf text;
	bool made;
	uint64_t version, examples;
};
struct asking { /* routes without parameters; outlives spec until the last one has answered */
	struct spec *spec;
	struct arena mem;
	size_t open;
};
struct one_asked {
	struct asking *of;
	const struct route_decl *route;
	struct serve_names names;
};
struct waiter {
	struct visit *v;
	struct waiter *next;
};
struct spec {
	struct member *m;
	struct read_door *reads; /* or NULL */
	struct example *examples;
	uint64_t kept; /* grows when an example is kept */
	struct document documents[2];
	struct asking *asking;
	bool has_asked;
	struct timer *late;
	struct waiter *waiters, **last;
};

/* ── examples ── */

static unsigned version_of(const struct route_plan *p)
{
	unsigned n = p->one.version + p->all.version + p->otherwise.version;
	for (size_t i = 0; i < p->nwith; i++)
		n += p->with[i].version;
	for (size_t i = 0; i < p->nsteps; i++)
		n += p->steps[i].sql.version + p->steps[i].otherwise.version;
	return n;
}

/* Does it say who asks? */
static bool uses_peer(const struct sqltext *sql)
{
	for (size_t i = 0; sql && i < sql->nparts; i++)
		if (sql->parts[i].kind == SQL_NAME && sql->parts[i].text.n > 8 &&
			memcmp(sql->parts[i].text.p, "request.", 8) == 0)
			return true;
	return false;
}

static bool may_show(const struct route_decl *r)
{
	bool may = !r->nauth && (r->one || r->all) && !uses_peer(r->one) && !uses_peer(r->all) &&
			   !uses_peer(r->otherwise);
	for (size_t i = 0; i < r->nparams; i++)
		may &= !r->params[i].header;
	for (size_t i = 0; i < r->nwith; i++)
		may &= !uses_peer(r->with[i].sql);
	return may;
}

static void forget(struct example *e)
{
	for (struct value *v = e->values, *next; v; v = next) {
		next = v->next;
		free(v->text);
		free(v);
	}
	free(e->body);
	*e = (struct example){.may_show = e->may_show};
}

static void keep_value(struct example *e, const struct serve_names *names, const char *name)
{
	const struct serve_name *found = names_find(names, str_of(name));
	if (!found || !found->text.p || found->text.n > VALUE)
		return;
	struct value *v = mem_alloc(sizeof *v);
	*v = (struct value){name, mem_textn(found->text.p, found->text.n), e->values};
	e->values = v;
}

/* A list that holds something tells more than an empty one. */
static void keep(
	struct spec *s, const struct route_decl *r, const struct serve_names *names, const struct read_answer *a)
{
	struct example *e = &s->examples[r->index];
	bool full = a->body.n && !memmem(a->body.p, a->body.n, "[]", 2);
	if (a->status != 200 || !text_is(a->type, "application/json") || !a->body.n || a->body.n > SPEC_EXAMPLE ||
		(e->body && !full))
		return;
	forget(e);
	e->body = mem_textn(a->body.p, a->body.n);
	e->n = a->body.n;
	e->is_full = full;
	e->version = version_of(&read_plans(s->reads)->routes[r->index]);
	for (size_t i = 0; i < r->nparams; i++)
		keep_value(e, names, r->params[i].name);
	s->kept++;
}

void spec_heard(struct spec *s, const struct visit *v, const struct read_answer *a)
{
	struct example *e = &s->examples[v->route->index];
	if (!e->may_show || e->is_full || e->looks >= LOOKS)
		return;
	e->looks++;
	keep(s, v->route, &v->names, a);
}

static struct str example_of(void *arg, const struct route_decl *r)
{
	const struct example *e = &((const struct spec *)arg)->examples[r->index];
	return (struct str){e->body, e->n};
}

static struct str value_of(void *arg, const struct route_decl *r, const char *param)
{
	const struct value *v = ((const struct spec *)arg)->examples[r->index].values;
	while (v && !text_is(v->name, param))
		v = v->next;
	return str_of(v ? v->text : NULL);
}

/* ── the document ── */

/* Examples of another shape are gone with it. */
static uint64_t version_now(struct spec *s)
{
	uint64_t sum = s->reads != NULL;
	for (size_t i = 0; s->reads && i < s->m->config->nroutes; i++) {
		unsigned now = version_of(&read_plans(s->reads)->routes[i]);
		if (s->examples[i].body && s->examples[i].version != now) {
			forget(&s->examples[i]);
			s->kept++;
		}
		sum += now;
	}
	return sum;
}

static struct str document(struct spec *s, enum openapi_version v)
{
	struct document *d = &s->documents[v];
	uint64_t version = version_now(s);
	if (!d->made || d->version != version || d->examples != s->kept) {
		struct openapi_source src = {.config = s->m->config,
			.plans = s->reads ? read_plans(s->reads) : NULL,
			.example = example_of,
			.value = value_of,
			.arg = s};
		buf_clear(&d->text);
		openapi_write(&d->text, &src, v);
		d->made = true;
		d->version = version;
		d->examples = s->kept;
	}
	return (struct str){d->text.p, d->text.n};
}

static void answer(struct spec *s, struct visit *v)
{
	enum openapi_version version = str_is(http_query(v->q), "version=3.0") ? OPENAPI_3_0 : OPENAPI_3_1;
	etag_answer(v, "application/json; charset=utf-8", document(s, version));
}

/* ── routes without parameters are asked, once ── */

static void answer_all(struct spec *s)
{
	struct waiter *w = s->waiters;
	timer_stop(&s->late);
	s->waiters = NULL;
	for (struct waiter *next; w; w = next) {
		next = w->next; /* w lives in its visit */
		answer(s, w->v);
	}
}

static void on_late(void *arg)
{
	answer_all(arg);
}

static void let_go(struct asking *k)
{
	if (--k->open)
		return;
	if (k->spec) {
		k->spec->asking = NULL;
		answer_all(k->spec);
	}
	arena_fini(&k->mem);
	free(k);
}

static void on_asked(void *arg, const struct read_answer *a)
{
	struct one_asked *q = arg;
	struct spec *s = q->of->spec;
	if (s && !s->examples[q->route->index].is_full)
		keep(s, q->route, &q->names, a);
	let_go(q->of);
}

static void ask(struct spec *s, const struct route_decl *r)
{
	struct asking *k = s->asking;
	struct one_asked *q = arena_alloc(&k->mem, sizeof *q);
	*q = (struct one_asked){k, r, {.a = &k->mem}};
	k->open++;
	read_run(s->reads, &read_plans(s->reads)->routes[r->index], &q->names, false, on_asked, q);
}

static void ask_all(struct spec *s)
{
	const struct config *c = s->m->config;
	s->has_asked = true;
	s->asking = mem_alloc(sizeof *s->asking);
	s->asking->spec = s;
	s->asking->open = 1; /* this call */
	for (size_t i = 0; i < c->nroutes; i++)
		if (!c->routes[i].nparams && s->examples[i].may_show && !s->examples[i].body)
			ask(s, &c->routes[i]);
	timer_start(s->m->loop, &s->late, WAIT_MS, on_late, s);
	let_go(s->asking);
}

static void on_document(void *arg, struct visit *v)
{
	struct spec *s = arg;
	struct str query = http_query(v->q);
	if (query.n && !str_is(query, "version=3.0") && !str_is(query, "version=3.1")) {
		visit_refuse(v, 400, "It knows ?version=3.0 and ?version=3.1");
		return;
	}
	bool first = s->reads && !s->has_asked;
	if (!first && !s->waiters) {
		answer(s, v);
		return;
	}
	struct waiter *w = arena_alloc(v->a, sizeof *w);
	w->v = v;
	if (!s->waiters)
		s->last = &s->waiters;
	*s->last = w;
	s->last = &w->next;
	if (first)
		ask_all(s);
}

/* ── the page ── */

static const char *const files[] = {"docs.css", "docs.js", "docs_schema.js", "docs_topics.js"};

static void on_file(void *name, struct visit *v)
{
	asset_answer(v, name);
}

static void add_page(struct door *d, const char *docs)
{
	door_add(d, "GET", "/docs", on_file, (void *)(uintptr_t) "docs.html");
	if (docs)
		door_add(d, "GET", docs, on_file, (void *)(uintptr_t) "docs.html");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[64];
		snprintf(path, sizeof path, "/_fairlead/%s", files[i]);
		door_add(d, "GET", path, on_file, (void *)(uintptr_t)files[i]);
	}
}

/* ── its life ── */

struct spec *spec_open(struct member *m, struct door *d)
{
	const struct serve_decl *decl = &m->config->serve;
	struct spec *s = mem_alloc(sizeof *s);
	s->m = m;
	s->examples = mem_alloc((m->config->nroutes + 1) * sizeof *s->examples);
	for (size_t i = 0; i < m->config->nroutes; i++)
		s->examples[i].may_show = may_show(&m->config->routes[i]);
	door_add(d, "GET", "/openapi.json", on_document, s);
	if (decl->spec)
		door_add(d, "GET", decl->spec, on_document, s);
	add_page(d, decl->docs);
	return s;
}

void spec_start(struct spec *s, struct read_door *reads)
{
	s->reads = reads;
}

void spec_close(struct spec *s)
{
	if (!s)
		return;
	if (s->asking)
		s->asking->spec = NULL;
	timer_free(&s->late);
	for (size_t i = 0; i < s->m->config->nroutes; i++)
		forget(&s->examples[i]);
	for (size_t i = 0; i < 2; i++)
		buf_fini(&s->documents[i].text);
	free(s->examples);
	free(s);
}
