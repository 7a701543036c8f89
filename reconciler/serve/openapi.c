#include "reconciler/serve/openapi.h"

#include "common/base/mem.h"
#include "reconciler/serve/openapi_schema.h"
#include "reconciler/serve/problem.h"

#include <ctype.h>

struct writing {
	const struct openapi_source *src;
	struct schema s;
	struct buf *out;
};

static void pair(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	buf_json(out, str_of(value));
}

/* ── names ── */

static bool is_prefix(struct str word)
{
	return str_is(word, "api") || (word.n > 1 && word.p[0] == 'v' && isdigit((unsigned char)word.p[1]));
}

/* The first word of the path that means something: what the route is about. */
static struct str tag_of(const struct route_decl *r)
{
	for (size_t i = 0; i < r->nsegments; i++) {
		struct str w = str_of(r->segments[i].word);
		if (r->segments[i].word && !is_prefix(w))
			return w;
	}
	return STR("routes");
}

static void capital(struct buf *b, const char *word)
{
	bool up = true;
	for (const char *p = word; *p; p++) {
		if (!isalnum((unsigned char)*p)) {
			up = true;
			continue;
		}
		buf_char(b, up ? (char)toupper((unsigned char)*p) : *p);
		up = false;
	}
}

/* "getLockByLockIdStats", or the route's own name. */
static void operation_id(struct writing *w, const struct route_decl *r, const char *method)
{
	struct buf b = {0};
	buf_text(&b, method);
	for (size_t i = 0; i < r->nsegments; i++) {
		const struct route_segment *s = &r->segments[i];
		buf_text(&b, s->word ? "" : "By");
		if (!s->word || !is_prefix(str_of(s->word)))
			capital(&b, s->word ? s->word : s->name);
	}
	bool of_any = text_is(r->method, "ANY");
	if (r->name && of_any)
		pair(w->out, "operationId", arena_printf(w->s.a, "%s_%s", r->name, method));
	else
		pair(w->out, "operationId", r->name ? r->name : b.p);
	buf_fini(&b);
}

/* ── parameters ── */

static void example_of(struct writing *w, const struct route_decl *r, const struct field_decl *f)
{
	struct str v =
		w->src->value && !r->nauth ? w->src->value(w->src->arg, r, f->name) : (struct str){NULL, 0};
	if (!v.p)
		return;
	bool bare = f->type == FIELD_INT || f->type == FIELD_NUMBER || f->type == FIELD_BOOL ||
				f->type == FIELD_OBJECT || f->type == FIELD_ARRAY;
	buf_text(w->out, ",\"example\":");
	if (bare)
		buf_str(w->out, v);
	else
		buf_json(w->out, v);
}

static void parameter(struct writing *w, const struct route_decl *r, const struct field_decl *f,
	const char *in, const char *name, bool first)
{
	bool path = text_is(in, "path"), needed = path || (!f->optional && !f->otherwise && !f->header);
	buf_printf(w->out, "%s{", first ? "" : ",");
	pair(w->out, "name", name);
	buf_printf(w->out, ",\"in\":\"%s\",\"required\":%s", in, needed ? "true" : "false");
	if (f->header && !path) {
		buf_char(w->out, ',');
		pair(w->out, "description",
			arena_printf(w->s.a, "%s in the query, or the header %s", f->name, f->header));
	}
	if (f->type == FIELD_ARRAY)
		buf_text(w->out, path ? ",\"style\":\"simple\"" : ",\"style\":\"form\",\"explode\":true");
	buf_text(w->out, ",\"schema\":");
	schema_field(&w->s, f, false);
	if (!f->header || path)
		example_of(w, r, f);
	buf_char(w->out, '}');
}

static void parameters(struct writing *w, const struct route_decl *r)
{
	size_t n = 0;
	buf_text(w->out, ",\"parameters\":[");
	for (size_t i = 0; i < r->nparams; i++) {
		const struct field_decl *f = &r->params[i];
		parameter(w, r, f, f->in_path ? "path" : "query", f->name, n++ == 0);
		if (f->header && !f->in_path)
			parameter(w, r, f, "header", f->header, false);
	}
	if (r->once) {
		buf_printf(w->out, "%s{", n++ ? "," : "");
		pair(w->out, "name", r->once);
		buf_text(w->out, ",\"in\":\"header\",\"required\":false,\"description\":\"The stored answer is given "
						 "again to the same value\",\"schema\":{\"type\":\"string\"}}");
	}
	buf_char(w->out, ']');
}

/* ── answers ── */

static const struct route_plan *plan_of(const struct writing *w, const struct route_decl *r)
{
	return w->src->plans && (size_t)r->index < w->src->plans->n ? &w->src->plans->routes[r->index] : NULL;
}

static const struct plan_sql *reply_of(const struct route_plan *p)
{
	const struct plan_sql *found = NULL;
	for (size_t i = 0; p && i < p->route->nsteps; i++)
		if (p->route->steps[i].verb == REQ_REPLY)
			found = &p->steps[i].sql;
	return found;
}

struct body {
	struct writing *w;
	const struct route_decl *r;
};

/* What a good answer is, without wrap. */
static void bare_schema(struct writing *w, const struct route_decl *r)
{
	const struct route_plan *p = plan_of(w, r);
	const struct plan_sql *reply = reply_of(p);
	if (p && r->one) {
		schema_row(&w->s, &p->one, p->with, p->nwith);
	} else if (p && r->all) {
		buf_text(w->out, "{\"type\":\"array\",\"items\":");
		schema_row(&w->s, &p->all, NULL, 0);
		buf_char(w->out, '}');
	} else if (reply) {
		schema_row(&w->s, reply, NULL, 0);
	} else {
		buf_text(w->out, r->all ? "{\"type\":\"array\",\"items\":{}}" : "{\"type\":\"object\"}");
	}
}

static void wrapped(void *arg, const struct schema *s, struct str name)
{
	struct body *b = arg;
	if (str_is(name, "body"))
		bare_schema(b->w, b->r);
	else
		buf_text(s->out, "{\"type\":\"string\",\"format\":\"date-time\"}");
}

static void answer_schema(struct writing *w, const struct route_decl *r)
{
	struct body b = {w, r};
	if (r->wrap)
		schema_json(&w->s, r->wrap, wrapped, &b);
	else
		bare_schema(w, r);
}

/* Where a route names its answer, the schema stands once, among the components. */
static void answer_ref(struct writing *w, const struct route_decl *r)
{
	if (r->schema)
		buf_printf(w->out, "{\"$ref\":\"#/components/schemas/%s\"}", r->schema);
	else
		answer_schema(w, r);
}

static void good_answer(struct writing *w, const struct route_decl *r, const char *status)
{
	struct str e = w->src->example && !r->nauth && text_is(status, "200") ? w->src->example(w->src->arg, r)
																		  : (struct str){NULL, 0};
	buf_printf(w->out, "\"%s\":{\"description\":\"%s\"", status,
		text_is(status, "200") ? "The answer" : "The same, with another status");
	if (text_is(status, "200") && (r->cache_ms || r->nlimits || w->src->config->serve.nlimits)) {
		buf_text(w->out, ",\"headers\":{");
		if (r->cache_ms)
			buf_text(w->out,
				"\"ETag\":{\"schema\":{\"type\":\"string\"}},\"Cache-Control\":{\"schema\":{\"type\":"
				"\"string\"}}");
		if (r->nlimits || w->src->config->serve.nlimits)
			buf_printf(w->out, "%s\"RateLimit\":{\"schema\":{\"type\":\"string\"}}", r->cache_ms ? "," : "");
		buf_char(w->out, '}');
	}
	buf_text(w->out, ",\"content\":{\"application/json\":{\"schema\":");
	answer_ref(w, r);
	if (e.p) {
		buf_text(w->out, ",\"example\":");
		buf_str(w->out, e);
	}
	buf_char(w->out, '}');
	if (r->one)
		buf_text(w->out, ",\"text/plain\":{\"schema\":{\"type\":\"string\",\"description\":\"its numbers as "
						 "Prometheus gauges\"}}");
	buf_text(w->out, "}}");
}

static bool says_status(const struct writing *w, const struct route_decl *r)
{
	const struct route_plan *p = plan_of(w, r);
	const struct plan_sql *reply = reply_of(p);
	return !p || p->one.has_status || (reply && reply->has_status);
}

/* What a step may end a request with: its own row. */
static bool has_refusals(const struct route_decl *r)
{
	bool found = r->otherwise != NULL;
	for (size_t i = 0; i < r->nsteps; i++)
		found |= r->steps[i].verb == REQ_REFUSE || r->steps[i].otherwise || r->steps[i].lost;
	return found;
}

static bool has_let(const struct route_decl *r)
{
	for (size_t i = 0; i < r->nsteps; i++)
		if (r->steps[i].verb == REQ_LET && !r->steps[i].otherwise)
			return true;
	return false;
}

static void troubles(struct writing *w, const struct route_decl *r)
{
	bool limits = r->nlimits || w->src->config->serve.nlimits;
	const struct {
		int status;
		bool may;
	} all[] = {{400, r->nparams || r->has_body || r->nsteps}, {401, r->nauth > 0},
		{404, (r->one && !r->otherwise) || has_let(r)}, {406, true}, {409, r->once != NULL},
		{413, r->has_body}, {415, r->has_body}, {422, r->once != NULL}, {429, limits}, {500, true},
		{503, true}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].may)
			buf_printf(w->out, ",\"%d\":{\"$ref\":\"#/components/responses/%s\"}", all[i].status,
				(all[i].status == 503 && r->lost) || (all[i].status == 400 && has_refusals(r)) ? "Other"
																							   : "Trouble");
	if (says_status(w, r) || has_refusals(r))
		buf_text(w->out, ",\"default\":{\"$ref\":\"#/components/responses/Other\"}");
}

/* ── operations ── */

static void operation(struct writing *w, const struct route_decl *r, const char *method, bool first)
{
	buf_printf(w->out, "%s\"%s\":{", first ? "" : ",", method);
	operation_id(w, r, method);
	buf_text(w->out, ",\"tags\":[");
	buf_json(w->out, tag_of(r));
	buf_char(w->out, ']');
	parameters(w, r);
	if (r->has_body) {
		size_t needed = 0;
		for (size_t i = 0; i < r->nbody; i++)
			needed += !r->body[i].optional && !r->body[i].otherwise;
		buf_printf(w->out, ",\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":{\"schema\":",
			needed ? "true" : "false");
		schema_body(&w->s, r->body, r->nbody);
		buf_text(w->out, "}}}");
	}
	buf_text(w->out, ",\"responses\":{");
	if (r->nsteps && !reply_of(plan_of(w, r)) && plan_of(w, r))
		buf_text(w->out, "\"204\":{\"description\":\"Done\"}");
	else
		good_answer(w, r, "200");
	troubles(w, r);
	buf_char(w->out, '}');
	if (r->nauth) {
		buf_text(w->out, ",\"security\":[");
		for (size_t i = 0; i < r->nauth; i++)
			buf_printf(w->out, "%s{\"%s\":[]}", i ? "," : "", r->auth[i]->name);
		buf_char(w->out, ']');
	}
	buf_char(w->out, '}');
}

/* "/lock/{id?}" stands for two paths in OpenAPI: with it, and without. */
static void path_text(struct buf *b, const struct route_decl *r, bool whole)
{
	for (size_t i = 0; i < r->nsegments; i++) {
		const struct route_segment *s = &r->segments[i];
		if (s->word)
			buf_printf(b, "/%s", s->word);
		else if (whole || !s->optional)
			buf_printf(b, "/{%s}", s->name);
	}
	if (!b->n)
		buf_char(b, '/');
}

static void operations(struct writing *w, const struct route_decl *r, bool *first)
{
	static const char *const any[] = {"get", "post", "put", "patch", "delete"};
	char lower[8] = "";
	for (size_t i = 0; r->method[i] && i < 7; i++)
		lower[i] = (char)tolower((unsigned char)r->method[i]);
	bool is_any = text_is(r->method, "ANY");
	for (size_t i = 0; i < 5; i++)
		if (is_any || text_is(any[i], lower)) {
			operation(w, r, any[i], *first);
			*first = false;
		}
}

/* Every path once, its methods together, in the order of the file. */
static void paths(struct writing *w)
{
	const struct config *c = w->src->config;
	struct buf mine = {0}, other = {0};
	bool first_path = true;
	for (size_t i = 0; i < c->nroutes; i++) {
		bool seen = false, first = true;
		buf_clear(&mine);
		path_text(&mine, &c->routes[i], true);
		for (size_t k = 0; k < i && !seen; k++) {
			buf_clear(&other);
			path_text(&other, &c->routes[k], true);
			seen = text_is(mine.p, other.p);
		}
		if (seen)
			continue;
		buf_text(w->out, first_path ? "" : ",");
		buf_json(w->out, (struct str){mine.p, mine.n});
		buf_text(w->out, ":{");
		for (size_t k = i; k < c->nroutes; k++) {
			buf_clear(&other);
			path_text(&other, &c->routes[k], true);
			if (text_is(mine.p, other.p))
				operations(w, &c->routes[k], &first);
		}
		buf_char(w->out, '}');
		first_path = false;
	}
	buf_fini(&mine);
	buf_fini(&other);
}

/* ── components ── */

static void trouble_insert(void *arg, const struct schema *s, struct str name)
{
	(void)arg;
	buf_text(s->out, str_is(name, "status") ? "{\"type\":\"integer\"}" : "{\"type\":\"string\"}");
}

static void components(struct writing *w)
{
	const struct config *c = w->src->config;
	size_t n = 0;
	buf_text(w->out, "\"schemas\":{\"Trouble\":");
	if (c->serve.errors)
		schema_json(&w->s, c->serve.errors, trouble_insert, w);
	else
		buf_text(w->out,
			"{\"type\":\"object\",\"description\":\"RFC "
			"9457\",\"properties\":{\"type\":{\"type\":\"string\"},"
			"\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":"
			"\"string\"},"
			"\"request\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
			"\"properties\":{\"name\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}},\"required\":["
			"\"name\",\"detail\"]}}},\"required\":[\"type\",\"title\",\"status\",\"request\"]}");
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route_decl *r = &c->routes[i];
		bool seen = !r->schema;
		for (size_t k = 0; k < i && !seen; k++)
			seen = text_is(c->routes[k].schema, r->schema);
		if (seen)
			continue;
		buf_char(w->out, ',');
		buf_json(w->out, str_of(r->schema));
		buf_char(w->out, ':');
		answer_schema(w, r);
	}
	const char *type = c->serve.errors ? "application/json" : "application/problem+json";
	buf_printf(w->out,
		"},\"responses\":{\"Trouble\":{\"description\":\"What is wrong, and the cure\",\"content\":{\"%s\":{"
		"\"schema\":{\"$ref\":\"#/components/schemas/Trouble\"}}}},\"Other\":{\"description\":\"An answer of "
		"the "
		"route's own for this case, or what is wrong\",\"content\":{\"application/json\":{\"schema\":{}},"
		"\"application/problem+json\":{\"schema\":{}}}}},\"securitySchemes\":{",
		type);
	for (size_t i = 0; i < c->serve.nauths; i++) {
		buf_text(w->out, n++ ? "," : "");
		buf_json(w->out, str_of(c->serve.auths[i].name));
		buf_printf(w->out, ":{\"type\":\"http\",\"scheme\":\"bearer\"%s}",
			c->serve.auths[i].is_jwt ? ",\"bearerFormat\":\"JWT\"" : "");
	}
	buf_char(w->out, '}');
}

void openapi_write(struct buf *out, const struct openapi_source *src, enum openapi_version v)
{
	struct arena a = {0};
	struct writing w = {src, {out, &a, v}, out};
	buf_printf(out, "{\"openapi\":\"%s\",\"info\":{", v == OPENAPI_3_1 ? "3.1.0" : "3.0.3");
	pair(out, "title", src->config->name);
	buf_text(out, ",\"version\":\"" FAIRLEAD_VERSION "\"},\"servers\":[{\"url\":\"/\"}],\"paths\":{");
	paths(&w);
	buf_text(out, "},\"components\":{");
	components(&w);
	buf_text(out, "}}");
	arena_fini(&a);
}
