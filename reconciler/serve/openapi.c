#include "reconciler/serve/openapi.h"

#include "common/base/mem.h"
#include "reconciler/serve/openapi_in.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* "name":"value" */
static void openapi_pair(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	buf_json(out, str_of(value));
}

/* ── spots: a path of the document and the route behind it ── */

struct spot {
	const struct route_decl *r;
	const char *path;  /* "/lock/{lockId}" */
	const char *shape; /* "/lock/{}": the same for all names; paths of one shape are one path (OpenAPI 3.1,
						  Paths Object) */
	bool whole;        /* false: the last {name?} is left out */
};
struct spots {
	struct spot *list;
	size_t n;
};

static const char *path_text(struct arena *a, const struct route_decl *r, bool whole, bool named)
{
	struct buf b = {0};
	for (size_t i = 0; i < r->nsegments; i++) {
		const struct route_segment *s = &r->segments[i];
		if (s->word)
			buf_printf(&b, "/%s", s->word);
		else if (whole || !s->optional)
			buf_printf(&b, "/{%s}", named ? s->name : "");
	}
	const char *text = b.n ? arena_textn(a, b.p, b.n) : "/";
	buf_fini(&b);
	return text;
}

static void spot(struct spots *ps, struct arena *a, const struct route_decl *r, bool whole)
{
	ps->list[ps->n++] = (struct spot){r, path_text(a, r, whole, true), path_text(a, r, whole, false), whole};
}

/* "/lock/{id?}" stands for two: with it, and without. */
static struct spots spots_of(struct writing *w)
{
	const struct config *c = w->src->config;
	struct spots ps = {.list = arena_alloc(w->s.a, (2 * c->nroutes + 1) * sizeof *ps.list)};
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route_decl *r = &c->routes[i];
		if (r->nsegments && r->segments[r->nsegments - 1].optional)
			spot(&ps, w->s.a, r, false);
		spot(&ps, w->s.a, r, true);
	}
	return ps;
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
		if (w.p && !is_prefix(w))
			return w;
	}
	return STR("routes");
}

static void tags(struct writing *w)
{
	const struct config *c = w->src->config;
	size_t n = 0;
	buf_text(w->out, "\"tags\":[");
	for (size_t i = 0; i < c->nroutes; i++) {
		struct str mine = tag_of(&c->routes[i]);
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = str_eq(mine, tag_of(&c->routes[k]));
		if (seen)
			continue;
		buf_text(w->out, n++ ? ",{\"name\":" : "{\"name\":");
		buf_json(w->out, mine);
		buf_char(w->out, '}');
	}
	buf_char(w->out, ']');
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

/* "getLockByLockIdStats" */
static const char *made_name(struct arena *a, const struct spot *p, const char *method)
{
	const struct route_decl *r = p->r;
	struct buf b = {0};
	buf_text(&b, method);
	for (size_t i = 0; i < r->nsegments; i++) {
		const struct route_segment *s = &r->segments[i];
		if (!s->word && s->optional && !p->whole)
			continue;
		buf_text(&b, s->word ? "" : "By");
		if (!s->word || !is_prefix(str_of(s->word)))
			capital(&b, s->word ? s->word : s->name);
	}
	const char *name = arena_textn(a, b.p, b.n);
	buf_fini(&b);
	return name;
}

struct used { /* operationIds are unique (OpenAPI 3.1, Operation Object) */
	const char **list;
	size_t n;
};

static bool is_used(const struct writing *w, const struct used *u, const struct route_decl *r, const char *id)
{
	for (size_t i = 0; i < u->n; i++)
		if (text_is(u->list[i], id))
			return true;
	for (size_t i = 0; i < w->src->config->nroutes; i++)
		if (&w->src->config->routes[i] != r && text_is(w->src->config->routes[i].name, id))
			return true;
	return false;
}

static const char *operation_id(struct writing *w, struct used *u, const struct spot *p, const char *method)
{
	const struct route_decl *r = p->r;
	struct arena *a = w->s.a;
	const char *id = r->name ? r->name : made_name(a, p, method);
	if (r->name && text_is(r->method, "ANY"))
		id = arena_printf(a, "%s_%s", id, method);
	if (r->name && !p->whole)
		id = arena_printf(a, "%s_without_%s", id, r->segments[r->nsegments - 1].name);
	const char *first = id;
	for (unsigned k = 2; is_used(w, u, r, id); k++)
		id = arena_printf(a, "%s_%u", first, k);
	u->list[u->n++] = id;
	return id;
}

/* ── parameters ── */

static void example_of(struct writing *w, const struct route_decl *r, const struct field_decl *f)
{
	struct str none = {NULL, 0};
	struct str v = w->src->value && !r->nauth && !f->header ? w->src->value(w->src->arg, r, f->name) : none;
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

static void parameter_schema(struct writing *w, const struct field_decl *f, const char *in)
{
	bool is_json = f->type == FIELD_OBJECT; /* its text is JSON, no style of OpenAPI's */
	if (f->type == FIELD_ARRAY)
		buf_text(w->out, text_is(in, "query") ? ",\"style\":\"form\",\"explode\":true"
											  : ",\"style\":\"simple\",\"explode\":false");
	buf_text(w->out, is_json ? ",\"content\":{\"application/json\":{\"schema\":" : ",\"schema\":");
	schema_field(&w->s, f, false);
	buf_text(w->out, is_json ? "}}" : "");
}

static void parameter(struct writing *w, const struct route_decl *r, const struct field_decl *f,
	const char *in, const char *name, const char *says)
{
	bool path = text_is(in, "path"), needed = path || (!f->optional && !f->otherwise && !f->header);
	buf_char(w->out, '{');
	openapi_pair(w->out, "name", name);
	buf_printf(w->out, ",\"in\":\"%s\",\"required\":%s", in, needed ? "true" : "false");
	if (f->header && !path)
		says = arena_printf(w->s.a, "%s in the query, or the header %s", f->name, f->header);
	if (says) {
		buf_char(w->out, ',');
		openapi_pair(w->out, "description", says);
	}
	parameter_schema(w, f, in);
	example_of(w, r, f);
	buf_char(w->out, '}');
}

/* The nth {name} of a path. */
static const struct route_segment *nth(const struct route_decl *r, size_t n)
{
	for (size_t i = 0; i < r->nsegments; i++)
		if (!r->segments[i].word && n-- == 0)
			return &r->segments[i];
	return NULL;
}

/* head: the first route of this path: its {names} are the document's. */
static void parameters(struct writing *w, const struct spot *p, const struct route_decl *head)
{
	const struct route_decl *r = p->r;
	size_t n = 0, in_path = 0;
	bool has_once = r->once != NULL;
	buf_text(w->out, ",\"parameters\":[");
	for (size_t i = 0; i < r->nparams; i++) {
		const struct field_decl *f = &r->params[i];
		const struct route_segment *own = f->in_path ? nth(r, in_path) : NULL;
		const struct route_segment *s = f->in_path ? nth(head, in_path++) : NULL;
		if (own && own->optional && !p->whole)
			continue;
		buf_text(w->out, n++ ? "," : "");
		parameter(w, r, f, s ? "path" : "query", s ? s->name : f->name,
			own && own->rest ? "The rest of the path, slashes too" : NULL);
		if (s || !f->header)
			continue;
		buf_char(w->out, ',');
		parameter(w, r, f, "header", f->header, NULL);
		has_once &= !r->once || strcasecmp(r->once, f->header) != 0;
	}
	if (has_once) {
		buf_printf(w->out, "%s{", n ? "," : "");
		openapi_pair(w->out, "name", r->once);
		buf_text(w->out, ",\"in\":\"header\",\"required\":false,\"description\":\"The stored answer is given "
						 "again to the same value\",\"schema\":{\"type\":\"string\"}}");
	}
	buf_char(w->out, ']');
}

/* ── operations ── */

static void request_body(struct writing *w, const struct route_decl *r)
{
	size_t needed = 0;
	if (!r->has_body)
		return;
	for (size_t i = 0; i < r->nbody; i++)
		needed += !r->body[i].optional && !r->body[i].otherwise;
	buf_printf(w->out, ",\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":{\"schema\":",
		needed ? "true" : "false");
	schema_body(&w->s, r->body, r->nbody);
	buf_text(w->out, "}}}");
}

static void operation(struct writing *w, struct used *u, const struct spot *p, const struct route_decl *head,
	const char *method)
{
	const struct route_decl *r = p->r;
	buf_printf(w->out, "\"%s\":{", method);
	openapi_pair(w->out, "operationId", operation_id(w, u, p, method));
	buf_text(w->out, ",\"tags\":[");
	buf_json(w->out, tag_of(r));
	buf_char(w->out, ']');
	parameters(w, p, head);
	request_body(w, r);
	buf_text(w->out, ",\"responses\":{");
	openapi_answers(w, r);
	buf_char(w->out, '}');
	if (r->nauth) { /* any of them lets in */
		buf_text(w->out, ",\"security\":[");
		for (size_t i = 0; i < r->nauth; i++)
			buf_printf(w->out, "%s{\"%s\":[]}", i ? "," : "", r->auth[i]->name);
		buf_char(w->out, ']');
	}
	buf_char(w->out, '}');
}

/* As path.h finds it: a method before ANY. NULL: there is none. */
static const struct spot *served_by(const struct spots *ps, const char *shape, const char *method)
{
	const struct spot *any = NULL;
	for (size_t i = 0; i < ps->n; i++) {
		if (!text_is(ps->list[i].shape, shape))
			continue;
		if (strcasecmp(ps->list[i].r->method, method) == 0)
			return &ps->list[i];
		if (!any && text_is(ps->list[i].r->method, "ANY"))
			any = &ps->list[i];
	}
	return any;
}

/* Every path once, its methods together, in the order of the file. */
static void paths(struct writing *w)
{
	static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
	struct spots ps = spots_of(w);
	struct used u = {.list = arena_alloc(w->s.a, (10 * w->src->config->nroutes + 1) * sizeof *u.list)};
	for (size_t i = 0, n = 0; i < ps.n; i++) {
		bool seen = false, first = true;
		for (size_t k = 0; k < i && !seen; k++)
			seen = text_is(ps.list[k].shape, ps.list[i].shape);
		if (seen)
			continue;
		buf_text(w->out, n++ ? "," : "");
		buf_json(w->out, str_of(ps.list[i].path));
		buf_text(w->out, ":{");
		for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) {
			const struct spot *p = served_by(&ps, ps.list[i].shape, methods[k]);
			if (!p)
				continue;
			buf_text(w->out, first ? "" : ",");
			operation(w, &u, p, ps.list[i].r, methods[k]);
			first = false;
		}
		buf_char(w->out, '}');
	}
}

/* ── components ── */

static void schemas(struct writing *w)
{
	const struct config *c = w->src->config;
	buf_text(w->out, "\"schemas\":{\"Trouble\":");
	openapi_trouble(w);
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route_decl *r = &c->routes[i];
		bool seen = !r->schema || text_is(r->schema, "Trouble");
		for (size_t k = 0; k < i && !seen; k++)
			seen = text_is(c->routes[k].schema, r->schema);
		if (seen)
			continue;
		buf_char(w->out, ',');
		buf_json(w->out, str_of(r->schema));
		buf_char(w->out, ':');
		openapi_answer(w, r);
	}
	buf_char(w->out, '}');
}

static void response(struct writing *w, const char *name, const char *says, const char *header)
{
	buf_printf(w->out, "\"%s\":{", name);
	openapi_pair(w->out, "description", says);
	if (header)
		buf_printf(w->out, ",\"headers\":{\"%s\":{\"schema\":{\"type\":\"string\"}}}", header);
	buf_printf(w->out, ",\"content\":{\"%s\":{\"schema\":{\"$ref\":\"#/components/schemas/Trouble\"}}}}",
		openapi_trouble_type(w));
}

static void components(struct writing *w)
{
	const struct config *c = w->src->config;
	schemas(w);
	buf_text(w->out, ",\"responses\":{");
	response(w, "Trouble", "What is wrong, and the cure", NULL);
	buf_char(w->out, ',');
	response(w, "NotLetIn", "The token is missing, or is none", "WWW-Authenticate");
	buf_char(w->out, ',');
	response(w, "TooMany", "The limit is reached for now", "Retry-After");
	buf_char(w->out, ',');
	response(w, "NotNow", "What the answer needs can't be asked now; ask again", "Retry-After");
	buf_char(w->out, '}');
	if (!c->serve.nauths)
		return;
	buf_text(w->out, ",\"securitySchemes\":{");
	for (size_t i = 0; i < c->serve.nauths; i++) {
		buf_text(w->out, i ? "," : "");
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
	openapi_pair(out, "title", src->config->name);
	buf_text(out, ",\"version\":\"" FAIRLEAD_VERSION "\"},\"servers\":[{\"url\":\"/\"}],");
	if (src->config->serve.nws) /* the topics are told there */
		buf_text(out, "\"x-asyncapi\":\"/asyncapi.json\",");
	tags(&w);
	buf_text(out, ",\"paths\":{");
	paths(&w);
	buf_text(out, "},\"components\":{");
	components(&w);
	buf_text(out, "}}");
	arena_fini(&a);
}
