#include "reconciler/serve/asyncapi.h"

#include "common/base/mem.h"
#include "reconciler/serve/topics.h"

#include <stdlib.h>

struct told { /* one publish: of the file */
	const char *topic, *type, *summary, *schema;
};
struct asyncapi {
	const struct config *c;
	struct arena mem;
	struct told *list;
	size_t n;
	struct buf text;
};

static const char *template_text(struct arena *a, const struct template *t)
{
	struct buf b = {0};
	for (size_t i = 0; t && i < t->n; i++)
		buf_printf(&b, t->parts[i].is_name ? "{%.*s}" : "%.*s", (int)t->parts[i].text.n, t->parts[i].text.p);
	const char *text = t ? arena_textn(a, b.p ? b.p : "", b.n) : NULL;
	buf_fini(&b);
	return text;
}

/* ── pieces ── */

static void member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	buf_json(b, str_of(text));
}

/* The type of a message: a constant, or what a template can become. */
static void type_schema(struct buf *b, const char *topic)
{
	if (!strchr(topic, '{')) {
		buf_text(b, "{");
		member(b, "const", topic);
		buf_text(b, "}");
		return;
	}
	struct buf p = {0};
	buf_char(&p, '^');
	for (const char *c = topic; *c; c++) {
		const char *end = *c == '{' ? strchr(c, '}') : NULL;
		if (end) {
			buf_text(&p, ".*");
			c = end;
			continue;
		}
		if (strchr("\\^$.|?*+()[]{}", *c))
			buf_char(&p, '\\');
		buf_char(&p, *c);
	}
	buf_char(&p, '$');
	buf_text(b, "{\"type\":\"string\",");
	member(b, "pattern", p.p);
	buf_text(b, "}");
	buf_fini(&p);
}

static void message(struct buf *b, const struct told *t)
{
	buf_text(b, "{");
	member(b, "name", t->topic);
	buf_char(b, ',');
	member(b, "title", t->topic);
	buf_char(b, ',');
	member(b, "summary", t->summary);
	buf_text(b,
		",\"contentType\":\"application/json\",\"payload\":{\"type\":\"object\",\"properties\":{\"type\":");
	type_schema(b, t->topic);
	buf_text(b, ",\"seq\":{\"type\":\"integer\",\"minimum\":1,\"description\":\"Its number; resume behind it "
				"with from\"}");
	if (t->type) {
		buf_text(b, ",\"name\":");
		type_schema(b, t->type);
	}
	buf_printf(b,
		",\"data\":%s,\"retracted\":{\"const\":true,\"description\":\"A reorg took back what was said; "
		"the data is that of the earlier message\"}},\"required\":[\"type\",\"seq\"%s,\"data\"]}}",
		t->schema, t->type ? ",\"name\"" : "");
}

/* What goes between a peer and the hub beside messages. */
static const char words[] =
	"\"Subscribe\":{\"title\":\"subscribe\",\"contentType\":\"application/"
	"json\",\"payload\":{\"type\":\"object\","
	"\"properties\":{\"subscribe\":{\"$ref\":\"#/components/schemas/Topics\"},\"where\":{\"type\":\"object\","
	"\"description\":\"A field of data, or of its args, and the text that it must have, or a list of them\","
	"\"additionalProperties\":{\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\"]},{\"type\":\"array\","
	"\"items\":"
	"{\"type\":[\"string\",\"number\",\"boolean\"]}}]}},\"from\":{\"type\":\"integer\",\"minimum\":0,"
	"\"description\":"
	"\"The seq of the last message that you have: all behind it comes first\"}},\"required\":[\"subscribe\"],"
	"\"additionalProperties\":false}},"
	"\"Unsubscribe\":{\"title\":\"unsubscribe\",\"contentType\":\"application/"
	"json\",\"payload\":{\"type\":\"object\","
	"\"properties\":{\"unsubscribe\":{\"$ref\":\"#/components/schemas/"
	"Topics\"}},\"required\":[\"unsubscribe\"],"
	"\"additionalProperties\":false}},"
	"\"Ping\":{\"title\":\"ping\",\"contentType\":\"application/"
	"json\",\"payload\":{\"type\":\"object\",\"properties\":"
	"{\"ping\":{}},\"required\":[\"ping\"],\"additionalProperties\":false}}";
static const char answers[] =
	"\"Subscribed\":{\"title\":\"subscribed\",\"contentType\":\"application/"
	"json\",\"payload\":{\"type\":\"object\","
	"\"properties\":{\"subscribed\":{\"$ref\":\"#/components/schemas/Topics\"},\"seq\":{\"type\":\"integer\","
	"\"description\":\"The newest number now\"}},\"required\":[\"subscribed\",\"seq\"]}},"
	"\"Unsubscribed\":{\"title\":\"unsubscribed\",\"contentType\":\"application/json\",\"payload\":{\"type\":"
	"\"object\",\"properties\":{\"unsubscribed\":{\"$ref\":\"#/components/schemas/Topics\"}},\"required\":"
	"[\"unsubscribed\"]}},"
	"\"Pong\":{\"title\":\"pong\",\"contentType\":\"application/"
	"json\",\"payload\":{\"type\":\"object\",\"properties\":"
	"{\"pong\":{}},\"required\":[\"pong\"]}},"
	"\"Error\":{\"title\":\"error\",\"contentType\":\"application/"
	"json\",\"payload\":{\"type\":\"object\",\"properties\":"
	"{\"error\":{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"},\"detail\":{\"type\":"
	"\"string\"}},"
	"\"required\":[\"title\",\"detail\"]}},\"required\":[\"error\"]}}";
static const char *const word_names[] = {"Subscribe", "Unsubscribe", "Ping"}, *const answer_names[] = {
																				  "Subscribed",
																				  "Unsubscribed", "Pong",
																				  "Error"};

/* Could a topic made of this text be one that the path carries? */
static bool carries(const struct ws_decl *path, const char *topic)
{
	size_t known = strcspn(topic, "{");
	bool open = topic[known] != 0;
	for (size_t i = 0; i < path->ntopics; i++) {
		const char *own = path->topics[i];
		size_t n = strlen(own);
		bool star = n && own[n - 1] == '*';
		n -= star;
		if (!open && topic_matches(own, str_of(topic)))
			return true;
		if (open && strncmp(own, topic, n < known ? n : known) == 0 && (star || n >= known))
			return true;
	}
	return path->ntopics == 0;
}

/* "/ws/health" → "ws_health" */
static const char *channel_name(struct arena *a, const char *path)
{
	char *name = arena_text(a, path[1] ? path + 1 : "root");
	for (char *c = name; *c; c++)
		if (!((*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z')))
			*c = '_';
	return name;
}

static void refs(struct buf *b, const char *at, const char *const *names, size_t n, bool *first, bool named)
{
	for (size_t i = 0; i < n; i++) {
		buf_text(b, *first ? "" : ",");
		if (named)
			buf_printf(b, "\"%s\":", names[i]);
		buf_printf(b, "{\"$ref\":\"%s/%s\"}", at, names[i]);
		*first = false;
	}
}

static void topic_refs(
	struct buf *b, const struct asyncapi *a, const struct ws_decl *p, const char *at, bool *first, bool named)
{
	for (size_t i = 0; i < a->n; i++) {
		char name[32];
		snprintf(name, sizeof name, "Topic%zu", i + 1);
		if (carries(p, a->list[i].topic))
			refs(b, at, (const char *const[]){name}, 1, first, named);
	}
}

static void channel(struct asyncapi *a, const struct ws_decl *p)
{
	static const char at[] = "#/components/messages";
	struct buf *b = &a->text;
	bool first = true;
	buf_printf(b, "\"%s\":{", channel_name(&a->mem, p->path));
	member(b, "address", p->path);
	buf_text(b,
		",\"description\":\"A WebSocket; asked for with Accept: text/event-stream, a stream of server-sent "
		"events (?topics=a,b&where.FIELD=VALUE&from=SEQ)\",\"messages\":{");
	topic_refs(b, a, p, at, &first, true);
	refs(b, at, word_names, 3, &first, true);
	refs(b, at, answer_names, 4, &first, true);
	buf_text(b, "},\"bindings\":{\"ws\":{\"method\":\"GET\"}}}");
}

static void operation(struct asyncapi *a, const struct ws_decl *p, bool sends)
{
	struct buf *b = &a->text;
	const char *name = channel_name(&a->mem, p->path);
	const char *at = arena_printf(&a->mem, "#/channels/%s/messages", name);
	bool first = true;
	buf_printf(b, "\"%s_%s\":{\"action\":\"%s\",\"channel\":{\"$ref\":\"#/channels/%s\"},\"messages\":[",
		sends ? "tell" : "ask", name, sends ? "send" : "receive", name);
	if (sends)
		topic_refs(b, a, p, at, &first, false);
	refs(b, at, sends ? answer_names : word_names, sends ? 4 : 3, &first, false);
	buf_text(b, "]}");
}

static void components(struct asyncapi *a)
{
	struct buf *b = &a->text;
	buf_text(b, "\"components\":{\"schemas\":{\"Topics\":{\"description\":\"A topic, or several; one that "
				"ends in * is a "
				"beginning\",\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":"
				"\"string\"}}]}},"
				"\"messages\":{");
	for (size_t i = 0; i < a->n; i++) {
		buf_printf(b, "\"Topic%zu\":", i + 1);
		message(b, &a->list[i]);
		buf_char(b, ',');
	}
	buf_printf(b, "%s,%s}}", words, answers);
}

static void write_text(struct asyncapi *a)
{
	struct buf *b = &a->text;
	const struct serve_decl *s = &a->c->serve;
	buf_clear(b);
	buf_text(b, "{\"asyncapi\":\"3.0.0\",\"info\":{");
	member(b, "title", a->c->name);
	buf_text(b,
		",\"version\":\"" FAIRLEAD_VERSION "\"},\"defaultContentType\":\"application/json\",\"channels\":{");
	for (size_t i = 0; i < s->nws; i++) {
		buf_text(b, i ? "," : "");
		channel(a, &s->ws[i]);
	}
	buf_text(b, "},\"operations\":{");
	for (size_t i = 0; i < s->nws; i++) {
		buf_text(b, i ? "," : "");
		operation(a, &s->ws[i], true);
		buf_char(b, ',');
		operation(a, &s->ws[i], false);
	}
	buf_text(b, "},");
	components(a);
	buf_char(b, '}');
}

/* ── what is told ── */

static void tell(
	struct asyncapi *a, const char *topic, const char *type, const char *summary, const char *schema)
{
	a->list = mem_grow(a->list, a->n + 1, sizeof *a->list);
	a->list[a->n++] = (struct told){topic, type, summary, schema};
}

static void tell_routes(struct asyncapi *a)
{
	for (size_t i = 0; i < a->c->nroutes; i++)
		for (size_t j = 0; j < a->c->routes[i].nsteps; j++) {
			const struct request_step *s = &a->c->routes[i].steps[j];
			if (s->verb == REQ_PUBLISH)
				tell(a, template_text(&a->mem, s->text), template_text(&a->mem, s->kind),
					arena_printf(&a->mem, "Published by %s", a->c->routes[i].key), "{\"type\":\"object\"}");
		}
}

static void begin(struct asyncapi *a)
{
	arena_reset(&a->mem);
	a->n = 0;
}

void asyncapi_make(struct asyncapi *a, const struct pg_reply *r)
{
	begin(a);
	for (int i = 0; i < pg_rows(r, 0); i++) {
		const char *type = pg_is_null(r, 0, i, 1) ? NULL : arena_text(&a->mem, pg_get_text(r, 0, i, 1));
		bool final = pg_get_bool(r, 0, i, 3);
		tell(a, arena_text(&a->mem, pg_get_text(r, 0, i, 0)), type,
			arena_printf(&a->mem, "Published by the rule %s on %s%s", pg_get_text(r, 0, i, 5),
				pg_get_text(r, 0, i, 2), final ? ", when it is final" : ""),
			arena_text(&a->mem, pg_get_text(r, 0, i, 4)));
	}
	tell_routes(a);
	write_text(a);
}

struct asyncapi *asyncapi_new(const struct config *c)
{
	struct asyncapi *a = mem_alloc(sizeof *a);
	a->c = c;
	begin(a);
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].nsteps; j++) {
			const struct step_decl *s = &c->rules[i].steps[j];
			if (s->kind == STEP_PUBLISH && !c->rules[i].off)
				tell(a, template_text(&a->mem, s->topic), template_text(&a->mem, s->type),
					arena_printf(&a->mem, "Published by the rule %s", c->rules[i].name),
					"{\"type\":\"object\"}");
		}
	tell_routes(a);
	write_text(a);
	return a;
}

struct str asyncapi_text(const struct asyncapi *a)
{
	return (struct str){a->text.p, a->text.n};
}

void asyncapi_free(struct asyncapi *a)
{
	if (!a)
		return;
	buf_fini(&a->text);
	arena_fini(&a->mem);
	free(a->list);
	free(a);
}
