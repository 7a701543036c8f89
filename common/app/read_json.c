/* YAML as JSON (GRAMMAR §2): compact text, cut where an insert {now} stands. */
#include "common/app/template.h"
#include "common/app/value.h"

#include <stdio.h>

struct writing {
	struct reading *r;
	const struct keyword *k;
	struct buf b; /* since the last part */
	struct json_part *parts;
	size_t n, cap;
};

static void add_part(struct writing *w, struct json_part part)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 8;
		struct json_part *more = arena_alloc(w->r->a, w->cap * sizeof *more);
		if (w->n)
			memcpy(more, w->parts, w->n * sizeof *more);
		w->parts = more;
	}
	w->parts[w->n++] = part;
}

static void end_text(struct writing *w)
{
	if (w->b.n)
		add_part(w, (struct json_part){.text = {arena_textn(w->r->a, w->b.p, w->b.n), w->b.n}});
	buf_clear(&w->b);
}

static size_t digits(struct str s, size_t i)
{
	size_t n = 0;
	while (i + n < s.n && s.p[i + n] >= '0' && s.p[i + n] <= '9')
		n++;
	return n;
}

/* RFC 8259 §6. */
static bool is_number(struct str s)
{
	size_t i = s.n && s.p[0] == '-', n = digits(s, i);
	if (n == 0 || (n > 1 && s.p[i] == '0'))
		return false;
	i += n;
	if (i < s.n && s.p[i] == '.') {
		n = digits(s, i + 1);
		if (n == 0)
			return false;
		i += n + 1;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		n = digits(s, i);
		if (n == 0)
			return false;
		i += n;
	}
	return i == s.n;
}

/* A part of a string: escaped, without quotes. */
static void put_escaped(struct buf *out, struct str s)
{
	struct buf b = {0};
	buf_json(&b, s);
	buf_put(out, b.p + 1, b.n - 2);
	buf_fini(&b);
}

/* {x}: only the inserts that the row of the table lists. */
static void check_insert(struct writing *w, const struct template_part *part)
{
	const struct keyword *k = w->k;
	int works;
	struct str name = part->text;
	const char *dot = memchr(name.p, '.', name.n);
	char any[32];
	snprintf(any, sizeof any, "%.*s.*", (int)(dot && dot - name.p < 24 ? dot - name.p : 0), name.p);
	if (key_word(k, name.p, name.n, &works) || (dot && key_word(k, any, strlen(any), &works)))
		return;
	problem_add(
		w->r->ps, part->at, "%s takes no insert {%.*s}; it knows %s", k->word, (int)name.n, name.p, k->words);
}

static void put_template(struct writing *w, const struct scalar *s)
{
	const struct template *t = template_parse(w->r->a, s, w->r->ps);
	bool whole = t->n == 1 && t->parts[0].is_name;
	if (!whole)
		buf_char(&w->b, '"');
	for (size_t i = 0; i < t->n; i++) {
		if (!t->parts[i].is_name) {
			put_escaped(&w->b, t->parts[i].text);
			continue;
		}
		check_insert(w, &t->parts[i]);
		end_text(w);
		add_part(w, (struct json_part){true, whole, t->parts[i].text});
	}
	if (!whole)
		buf_char(&w->b, '"');
}

static void put_scalar(struct writing *w, const struct node *n)
{
	struct scalar s = yaml_scalar(w->r->a, w->r->y, n);
	if (!s.nvars)
		expand(w->r->vars, &s, USE_PLAIN);
	struct str text = scalar_value(w->r->a, &s);
	bool bare = n->style == NODE_PLAIN, null = bare && (!text.n || str_is(text, "~"));
	if (null)
		buf_text(&w->b, "null");
	else if (bare &&
			 (str_is(text, "true") || str_is(text, "false") || str_is(text, "null") || is_number(text)))
		buf_str(&w->b, text);
	else if (w->k->words && *w->k->words)
		put_template(w, &s);
	else
		buf_json(&w->b, text);
}

static void put_node(struct writing *w, const struct node *n)
{
	if (n->kind == NODE_SCALAR) {
		put_scalar(w, n);
		return;
	}
	bool map = n->kind == NODE_MAP;
	buf_char(&w->b, map ? '{' : '[');
	for (const struct node *m = n->first; m; m = m->next) {
		if (m != n->first)
			buf_char(&w->b, ',');
		if (map) {
			buf_json(&w->b, str_of(m->key));
			buf_char(&w->b, ':');
		}
		put_node(w, m);
	}
	buf_char(&w->b, map ? '}' : ']');
}

static const struct json_decl *json_of(struct reading *r, const struct node *n, const struct keyword *k)
{
	struct writing w = {.r = r, .k = k};
	struct json_decl *out = arena_alloc(r->a, sizeof *out);
	put_node(&w, n);
	end_text(&w);
	buf_fini(&w.b);
	*out = (struct json_decl){w.parts, w.n, n->at};
	return out;
}

void read_json(struct reading *r, const struct node *n, struct value *out)
{
	out->form = VALUE_JSON;
	out->set = true;
	if (!(out->key->flags & KEY_LIST)) {
		out->json = json_of(r, n, out->key);
		return;
	}
	bool list = n->kind == NODE_LIST;
	out->items = arena_alloc(r->a, ((list ? n->n : 1) + 1) * sizeof *out->items);
	for (const struct node *m = list ? n->first : n; m; m = list ? m->next : NULL) {
		struct value *v = &out->items[out->n++];
		*v = (struct value){
			.key = out->key, .node = m, .path = out->path, .at = m->at, .form = VALUE_JSON, .set = true};
		v->json = json_of(r, m, out->key);
	}
}
