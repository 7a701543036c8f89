#include "common/base/mem.h"
#include "reconciler/serve/openapi_in.h"
#include "reconciler/serve/problem.h"

#include <stdio.h>

enum { ANY = 0 };

struct own { /* what a route answers by itself, beside its answer */
	const struct plan_sql *row;
	const struct json_decl *json; /* instead of row */
	int status;                   /* ANY: its _status says */
};
struct owns {
	struct own *list;
	size_t n;
	bool any; /* one of them may have any status */
	const struct plan_sql *reply;
};

/* or NULL */
static const struct route_plan *openapi_plan(const struct writing *w, const struct route_decl *r)
{
	return w->src->plans && (size_t)r->index < w->src->plans->n ? &w->src->plans->routes[r->index] : NULL;
}

static void own(struct owns *o, const struct plan_sql *row, const struct json_decl *json, int status)
{
	if (!json && !(row && row->sql))
		return;
	if (row && row->has_status)
		status = ANY;
	o->any |= status == ANY;
	o->list[o->n++] = (struct own){row, json, status};
}

static struct owns owns_of(const struct writing *w, const struct route_decl *r)
{
	const struct route_plan *p = openapi_plan(w, r);
	struct owns o = {.list = arena_alloc(w->s.a, (3 * r->nsteps + 3) * sizeof(struct own))};
	own(&o, NULL, r->lost, 503);
	o.any |= !p; /* not known yet */
	if (!p)
		return o;
	o.any |= p->one.has_status;
	own(&o, &p->otherwise, NULL, 200);
	for (size_t i = 0; i < p->nsteps; i++) {
		const struct plan_step *s = &p->steps[i];
		enum request_verb verb = r->steps[i].verb;
		own(&o, &s->otherwise, NULL, verb == REQ_SEND ? 500 : 200);
		own(&o, &s->lost, NULL, 503);
		if (verb == REQ_REFUSE)
			own(&o, &s->sql, NULL, 400);
		if (verb == REQ_REPLY) { /* what follows is a job: nobody hears of it */
			o.reply = &s->sql;
			o.any |= s->sql.has_status;
			break;
		}
	}
	return o;
}

/* ── schemas ── */

/* What route, else and steps' else answer, without wrap. */
static void main_schema(struct writing *w, const struct route_decl *r, const struct owns *o)
{
	const struct route_plan *p = openapi_plan(w, r);
	if (p && r->one) {
		schema_row(&w->s, &p->one, p->with, p->nwith);
	} else if (p && r->all) {
		buf_text(w->out, "{\"type\":\"array\",\"items\":");
		schema_row(&w->s, &p->all, NULL, 0);
		buf_char(w->out, '}');
	} else if (o->reply) {
		schema_row(&w->s, o->reply, NULL, 0);
	} else {
		buf_text(w->out, r->all ? "{\"type\":\"array\",\"items\":{}}" : "{\"type\":\"object\"}");
	}
}

static void lost_insert(void *arg, const struct schema *s, struct str name)
{
	(void)arg;
	if (name.n > 3 && memcmp(name.p, "up.", 3) == 0)
		buf_text(s->out, "{\"type\":\"boolean\"}");
	else if (str_is(name, "uptime"))
		buf_text(s->out, "{\"type\":\"number\"}");
	else
		buf_printf(s->out, "{\"type\":\"string\"%s}", str_is(name, "now") ? ",\"format\":\"date-time\"" : "");
}

static void own_schema(struct writing *w, const struct own *o)
{
	if (o->json)
		schema_json(&w->s, o->json, lost_insert, NULL);
	else
		schema_row(&w->s, o->row, NULL, 0);
}

static void bare_schema(struct writing *w, const struct route_decl *r, const struct owns *o)
{
	size_t n = 0;
	for (size_t i = 0; i < o->n; i++)
		n += o->list[i].status == ANY || o->list[i].status == 200;
	if (n)
		buf_text(w->out, "{\"anyOf\":[");
	main_schema(w, r, o);
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].status == ANY || o->list[i].status == 200) {
			buf_char(w->out, ',');
			own_schema(w, &o->list[i]);
		}
	if (n)
		buf_text(w->out, "]}");
}

struct wrapping {
	struct writing *w;
	const struct route_decl *r;
	const struct owns *o;
};

static void wrapped(void *arg, const struct schema *s, struct str name)
{
	struct wrapping *b = arg;
	if (str_is(name, "body"))
		bare_schema(b->w, b->r, b->o);
	else
		lost_insert(NULL, s, name);
}

static void answer_schema(struct writing *w, const struct route_decl *r, const struct owns *o)
{
	struct wrapping b = {w, r, o};
	if (r->wrap)
		schema_json(&w->s, r->wrap, wrapped, &b);
	else
		bare_schema(w, r, o);
}

void openapi_answer(struct writing *w, const struct route_decl *r)
{
	struct owns o = owns_of(w, r);
	answer_schema(w, r, &o);
}

/* Where a route names its answer, the schema stands once, among the components. */
static void answer_ref(struct writing *w, const struct route_decl *r, const struct owns *o)
{
	if (r->schema)
		buf_printf(w->out, "{\"$ref\":\"#/components/schemas/%s\"}", r->schema);
	else
		answer_schema(w, r, o);
}

/* ── good ── */

static bool is_limited(const struct writing *w, const struct route_decl *r)
{
	return r->nlimits || w->src->config->serve.nlimits;
}

static void headers(struct writing *w, const struct route_decl *r)
{
	static const char text[] = "{\"schema\":{\"type\":\"string\"}}";
	if (!r->cache_ms && !is_limited(w, r))
		return;
	buf_text(w->out, ",\"headers\":{");
	if (r->cache_ms)
		buf_printf(w->out, "\"ETag\":%s,\"Cache-Control\":%s", text, text);
	if (is_limited(w, r))
		buf_printf(w->out, "%s\"RateLimit\":%s,\"RateLimit-Policy\":%s", r->cache_ms ? "," : "", text, text);
	buf_char(w->out, '}');
}

static void gauges(struct writing *w, const struct route_decl *r)
{
	if (r->one)
		buf_text(w->out, ",\"text/plain\":{\"schema\":{\"type\":\"string\",\"description\":\"Its numbers as "
						 "Prometheus gauges\"}}");
}

static void good(struct writing *w, const struct route_decl *r, const struct owns *o)
{
	struct str none = {NULL, 0};
	struct str e = w->src->example && !r->nauth ? w->src->example(w->src->arg, r) : none;
	if (r->nsteps && openapi_plan(w, r) && !o->reply) {
		buf_text(w->out, "\"204\":{\"description\":\"Done\"}");
		return;
	}
	buf_text(w->out, "\"200\":{\"description\":\"The answer\"");
	headers(w, r);
	buf_text(w->out, ",\"content\":{\"application/json\":{\"schema\":");
	answer_ref(w, r, o);
	if (e.p) {
		buf_text(w->out, ",\"example\":");
		buf_str(w->out, e);
	}
	buf_char(w->out, '}');
	gauges(w, r);
	buf_text(w->out, "}}");
	if (r->cache_ms)
		buf_text(w->out, ",\"304\":{\"description\":\"It is what If-None-Match names\"}");
}

/* ── other than good ── */

const char *openapi_trouble_type(const struct writing *w)
{
	return w->src->config->serve.errors ? "application/json" : "application/problem+json";
}

static const char trouble_ref[] = "{\"$ref\":\"#/components/schemas/Trouble\"}";

/* Which of the route's own answers may come with a status; of ANY: all that are no 200. */
static bool may(const struct own *o, int status)
{
	return status == ANY ? o->status != 200 : o->status == status;
}

/* A status that the route's own answers may have, too. */
static void mixed(struct writing *w, const struct route_decl *r, const struct owns *o, int status)
{
	bool same = w->src->config->serve.errors != NULL, first = true;
	buf_text(w->out, "{\"description\":\"The route's own answer to this, or what is wrong\",\"content\":{"
					 "\"application/json\":{\"schema\":");
	if (!openapi_plan(w, r)) {
		buf_text(w->out, "{}");
	} else {
		buf_text(w->out, "{\"anyOf\":[");
		if (status == ANY) {
			answer_ref(w, r, o);
			first = false;
			if (r->wrap) { /* only good answers are wrapped */
				buf_char(w->out, ',');
				bare_schema(w, r, o);
			}
		}
		for (size_t i = 0; i < o->n; i++)
			if (may(&o->list[i], status)) {
				buf_text(w->out, first ? "" : ",");
				own_schema(w, &o->list[i]);
				first = false;
			}
		buf_printf(w->out, "%s%s]}", same ? "," : "", same ? trouble_ref : "");
	}
	buf_char(w->out, '}');
	if (!same)
		buf_printf(w->out, ",\"%s\":{\"schema\":%s}", openapi_trouble_type(w), trouble_ref);
	if (status == ANY)
		gauges(w, r);
	buf_text(w->out, "}}");
}

static void trouble(struct writing *w, const struct route_decl *r, const struct owns *o, int status)
{
	const char *name = status == 401   ? "NotLetIn"
					   : status == 429 ? "TooMany"
					   : status == 503 ? "NotNow"
									   : "Trouble";
	bool is_own = false;
	for (size_t i = 0; i < o->n; i++)
		is_own |= may(&o->list[i], status);
	buf_printf(w->out, ",\"%d\":", status);
	if (is_own)
		mixed(w, r, o, status);
	else
		buf_printf(w->out, "{\"$ref\":\"#/components/responses/%s\"}", name);
}

static bool has_let(const struct route_decl *r)
{
	for (size_t i = 0; i < r->nsteps; i++)
		if (r->steps[i].verb == REQ_LET && !r->steps[i].otherwise)
			return true;
	return false;
}

/* Where a row of the route's own may come with any status, all but its good answer is "default". */
void openapi_answers(struct writing *w, const struct route_decl *r)
{
	struct owns o = owns_of(w, r);
	const struct {
		int status;
		bool may;
	} all[] = {{400, r->nparams || r->has_body || r->nsteps}, {401, r->nauth > 0},
		{404, (r->one && !r->otherwise) || has_let(r)}, {406, true}, {409, r->once != NULL},
		{413, r->has_body}, {415, r->has_body}, {422, r->once != NULL}, {429, is_limited(w, r)}, {500, true},
		{503, true}};
	good(w, r, &o);
	for (size_t i = 0; !o.any && i < sizeof all / sizeof *all; i++)
		if (all[i].may)
			trouble(w, r, &o, all[i].status);
	buf_text(w->out, ",\"default\":");
	if (o.any)
		mixed(w, r, &o, ANY);
	else
		buf_text(w->out, "{\"$ref\":\"#/components/responses/Trouble\"}");
}

static void trouble_insert(void *arg, const struct schema *s, struct str name)
{
	(void)arg;
	buf_text(s->out, str_is(name, "status") ? "{\"type\":\"integer\"}"
					 : str_is(name, "now")  ? "{\"type\":\"string\",\"format\":\"date-time\"}"
											: "{\"type\":\"string\"}");
}

void openapi_trouble(struct writing *w)
{
	static const char rfc9457[] =
		"{\"type\":\"object\",\"description\":\"RFC 9457\",\"properties\":{\"type\":{\"type\":\"string\"},"
		"\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\","
		"\"description\":\"The thing, the reason, the cure\"},\"request\":{\"type\":\"string\","
		"\"description\":\"The request's id, as in the logs\"},\"errors\":{\"type\":\"array\",\"items\":{"
		"\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}}"
		",\"required\":[\"name\",\"detail\"]}}},\"required\":[\"type\",\"title\",\"status\",\"request\"]}";
	if (w->src->config->serve.errors)
		schema_json(&w->s, w->src->config->serve.errors, trouble_insert, w);
	else
		buf_text(w->out, rfc9457);
}
