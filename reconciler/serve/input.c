#include "reconciler/serve/input.h"

#include "reconciler/serve/path.h"
#include "reconciler/serve/value.h"

#include <stdio.h>
#include <stdlib.h>

struct input {
	struct ready_field *fields;
	size_t n;
};

struct input *input_new(const struct field_decl *fields, size_t n, struct err *e, struct pos *at)
{
	struct input *in = mem_alloc(sizeof *in);
	in->fields = mem_alloc((n + 1) * sizeof *in->fields);
	for (; in->n < n; in->n++)
		if (!field_ready(&in->fields[in->n], &fields[in->n], e)) {
			*at = fields[in->n].at;
			in->n++;
			input_free(in);
			return NULL;
		}
	return in;
}

void input_free(struct input *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->n; i++)
		field_fini(&in->fields[i]);
	free(in->fields);
	free(in);
}

static void wrong(struct input_errors *e, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void wrong(struct input_errors *e, const char *name, const char *fmt, ...)
{
	if (e->n == INPUT_ERRORS)
		return;
	struct input_error *one = &e->list[e->n++];
	one->name = name;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(one->text, sizeof one->text, fmt, ap);
	va_end(ap);
}

static void take(const struct ready_field *f, struct given v, struct serve_names *out, struct input_errors *e)
{
	struct serve_name one;
	char why[200];
	if (field_value(f, v, out->a, &one, why))
		names_put(out, f->decl->name, one.kind, one.text);
	else
		wrong(e, f->decl->name, "%s %s", f->decl->name, why);
}

static void absent(const struct ready_field *f, struct serve_names *out, struct input_errors *e)
{
	const struct field_decl *d = f->decl;
	if (d->otherwise && !text_is(d->otherwise, "null"))
		take(f, (struct given){.is_json = true, .json = json_value(str_of(d->otherwise))}, out, e);
	else if (d->otherwise || d->optional)
		names_put(out, d->name, NAME_TEXT, (struct str){NULL, 0});
	else
		wrong(e, d->name, "%s is needed", d->name);
}

/* ── path, query, headers ── */

struct pair {
	struct str name, value; /* decoded */
};

/* The next a=b behind *at. false: the end. A broken percent code gives value.p == NULL. */
static bool next_pair(struct arena *a, struct str query, size_t *at, struct pair *out)
{
	while (*at < query.n && query.p[*at] == '&')
		(*at)++;
	if (*at >= query.n)
		return false;
	const char *p = query.p + *at, *amp = memchr(p, '&', query.n - *at);
	size_t n = amp ? (size_t)(amp - p) : query.n - *at;
	const char *eq = memchr(p, '=', n);
	size_t name = eq ? (size_t)(eq - p) : n;
	out->name = path_decode(a, (struct str){p, name}, true);
	out->value = eq ? path_decode(a, (struct str){eq + 1, n - name - 1}, true) : STR("");
	*at += n;
	return true;
}

/* All values of one name; a list gathers them with commas. How many there are; found.p == NULL: a broken one.
 */
static size_t of_query(struct arena *a, struct str query, const char *name, struct str *found)
{
	size_t n = 0, at = 0;
	struct pair p;
	while (next_pair(a, query, &at, &p)) {
		if (!str_is(p.name, name))
			continue;
		if (n++ && found->p && p.value.p) {
			const char *text =
				arena_printf(a, "%.*s,%.*s", (int)found->n, found->p, (int)p.value.n, p.value.p);
			*found = str_of(text);
		} else if (n == 1 || !p.value.p) {
			*found = p.value;
		}
	}
	return n;
}

bool input_params(
	const struct input *in, const struct input_text *from, struct serve_names *out, struct input_errors *e)
{
	size_t path = 0;
	e->n = 0;
	for (size_t i = 0; i < in->n; i++) {
		const struct ready_field *f = &in->fields[i];
		struct str v = {NULL, 0};
		size_t times = 0;
		if (f->decl->in_path) {
			times = path < from->npath;
			v = times ? from->path[path++] : v;
		} else {
			times = of_query(out->a, from->query, f->decl->name, &v);
		}
		if (times && !v.p)
			wrong(e, f->decl->name, "%s holds a broken percent code", f->decl->name);
		else if (times > 1 && f->decl->type != FIELD_ARRAY)
			wrong(e, f->decl->name, "%s is given %zu times", f->decl->name, times);
		if (!times && f->decl->header && from->header) {
			v = from->header(from->arg, f->decl->header);
			times = v.p != NULL;
			if (times && !utf8_valid(v))
				wrong(e, f->decl->name, "%s is no UTF-8", f->decl->header), v.p = NULL;
		}
		if (times == 0)
			absent(f, out, e);
		else if (v.p && (times == 1 || f->decl->type == FIELD_ARRAY))
			take(f, (struct given){.text = v}, out, e);
	}
	return e->n == 0;
}

/* ── the body ── */

static void unknown(const struct input *in, struct str name, struct arena *a, struct input_errors *e)
{
	const char **words = arena_alloc(a, (in->n + 1) * sizeof *words),
			   *text = arena_textn(a, name.p, name.n < 40 ? name.n : 40);
	for (size_t i = 0; i < in->n; i++)
		words[i] = in->fields[i].decl->name;
	const char *near = nearest_word(text, words);
	wrong(e, text, "the body has no field %s%s%s%s", text, near ? "; did you mean " : "", near ? near : "",
		near ? "?" : "");
}

bool input_body(const struct input *in, struct str body, struct serve_names *out, struct input_errors *e)
{
	struct err bad = {0};
	e->n = 0;
	if (!json_check(body, INPUT_DEPTH, &bad)) {
		wrong(e, "", "the body can't be read: %s", bad.text);
		return false;
	}
	struct json doc = json_value(body), v;
	if (doc.kind != JSON_OBJECT) {
		wrong(e, "", "the body is a JSON object, { … }");
		return false;
	}
	struct json *given = arena_alloc(out->a, (in->n + 1) * sizeof *given);
	bool *there = arena_alloc(out->a, (in->n + 1) * sizeof *there);
	struct str quoted;
	for (size_t at = 0; json_next(doc, &at, &quoted, &v);) {
		struct str name = json_string(out->a, quoted);
		size_t i = 0;
		while (i < in->n && !(name.p && str_is(name, in->fields[i].decl->name)))
			i++;
		if (i == in->n)
			unknown(in, name.p ? name : STR(""), out->a, e);
		else if (there[i])
			wrong(e, in->fields[i].decl->name, "%s is given twice", in->fields[i].decl->name);
		else
			there[i] = true, given[i] = v;
	}
	for (size_t i = 0; i < in->n; i++) {
		if (there[i] && given[i].kind != JSON_NULL)
			take(&in->fields[i], (struct given){.is_json = true, .json = given[i]}, out, e);
		else
			absent(&in->fields[i], out, e);
	}
	return e->n == 0;
}
