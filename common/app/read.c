#define _GNU_SOURCE /* memmem, memrchr */
#include "common/app/value.h"

#include <stdio.h>
#include <strings.h>

static void read_value(
	struct reading *r, const struct keyword *k, const struct node *n, const char *path, struct value *out);
static void read_steps(struct reading *r, const struct node *n, struct value *out);

const struct value *value_get(const struct value *map, const char *word)
{
	value_each(v, map)
	{
		if (strcmp(v->key->word, word) == 0)
			return v;
	}
	static const struct value none = {.key = &keywords[0]};
	must((map->form != VALUE_MAP || map->n == 0) && "a word that the table has");
	return &none;
}

const struct value *value_find(const struct value *map, const char *name)
{
	value_each(v, map)
	{
		if (v->name && strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

static bool is_later(const struct reading *r, const struct keyword *k)
{
	return k->flags & KEY_LATER || (k->flags & KEY_OF_REQUESTS && r->in_rule);
}

static const char *join(struct reading *r, const char *path, const char *word)
{
	return *path ? arena_printf(r->a, "%s.%s", path, word) : word;
}

/* The words of the maps (NULL ends), as a list for nearest_word; `used`: only those that work here. */
static const char **words_of(struct reading *r, const char *const *maps, bool only_working)
{
	size_t n = 0;
	for (size_t m = 0; maps[m]; m++)
		for (const struct keyword *k = key_first(maps[m]); k && k->map && strcmp(k->map, maps[m]) == 0; k++)
			n++;
	const char **words = arena_alloc(r->a, (n + 1) * sizeof *words);
	n = 0;
	for (size_t m = 0; maps[m]; m++)
		for (const struct keyword *k = key_first(maps[m]); k && k->map && strcmp(k->map, maps[m]) == 0; k++)
			if (*k->word != '*' && (r->later || !only_working || !is_later(r, k)))
				words[n++] = k->word;
	return words;
}

enum { ALSO = 4 }; /* words shown beside a suggestion */

/* "batches.reveal has no word wiat; did you mean wait? It also knows max key skip send" */
static void unknown_word(struct reading *r, const struct node *n, const char *path, const char *const *maps)
{
	const char *near = nearest_word(n->key, words_of(r, maps, false)), **known = words_of(r, maps, true);
	struct buf b = {0};
	size_t shown = 0, left = 0;
	for (size_t i = 0; known[i]; i++)
		if (!near || strcmp(known[i], near) != 0) {
			if (shown < (near ? ALSO : 100))
				buf_printf(&b, " %s", known[i]);
			shown++;
			left++;
		}
	const char *what = *path ? path : "the file";
	if (near)
		problem_add(r->ps, n->key_at, "%s has no word %s; did you mean %s? It %s%s", what, n->key, near,
			left ? "also knows" : "knows no other", b.p ? b.p : "");
	else if (left)
		problem_add(r->ps, n->key_at, "%s has no word %s; it knows%s", what, n->key, b.p);
	else
		problem_add(r->ps, n->key_at, "%s has no word %s; it knows none", what, n->key);
	problem_near(r->ps, near);
	buf_fini(&b);
}

static bool taken(const char *name)
{
	static const char *const words[] = {"fairlead", "files", "public", "information_schema"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(name, words[i]) == 0)
			return true;
	return strncasecmp(name, "pg_", 3) == 0;
}

static void check_name(struct reading *r, const struct keyword *any, const struct node *n)
{
	if (!any->words)
		return;
	if (strcmp(any->words, "name") == 0 && taken(n->key))
		problem_add(r->ps, n->key_at,
			"%s is taken; fairlead, files, public and pg_… are schemas of PostgreSQL", n->key);
	else if (strcmp(any->words, "name") == 0 && !read_is_name(n->key))
		problem_add(
			r->ps, n->key_at, "%s is no name: letters, digits and _, a letter first, 40 at most", n->key);
	else if (strcmp(any->words, "path") == 0 && n->key[0] != '/')
		problem_add(r->ps, n->key_at, "a path begins with /");
	else if (strcmp(any->words, "var") == 0 &&
			 (strspn(n->key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") !=
					 strlen(n->key) ||
				 !*n->key))
		problem_add(r->ps, n->key_at, "%s is no name of a variable: letters, digits and _", n->key);
}

static struct value *add_item(
	struct reading *r, const struct keyword *k, const struct node *n, const char *path, struct value *item)
{
	*item = (struct value){.key = k, .name = n ? n->key : k->word};
	read_value(r, k, n, path, item);
	return item;
}

static void require(struct reading *r, const struct value *map, const struct value *v)
{
	bool later = is_later(r, v->key) && !r->later;
	if (!(v->key->flags & KEY_REQUIRED) || v->set || v->written || later)
		return;
	if (v->node)
		problem_add(r->ps, v->at, "%s is empty, and %s needs it: %s", v->path,
			*map->path ? map->path : "the file", v->key->text);
	else
		problem_add(r->ps, map->name_at.file ? map->name_at : map->at, "%s needs %s: %s",
			*map->path ? map->path : "the file", v->key->word, v->key->text);
}

/* Members of a map whose words are rows of out's table; words of `beside` are left to the caller. */
static void read_map(
	struct reading *r, const char *map, const struct node *n, struct value *out, bool leave_unknown)
{
	const struct keyword *any = key_any(map), *first = key_first(map);
	size_t rows = 0;
	for (const struct keyword *k = first; k && k->map && strcmp(k->map, map) == 0; k++)
		rows += k != any;
	out->form = VALUE_MAP;
	out->set = true;
	out->items = arena_alloc(r->a, (rows + n->n + 1) * sizeof *out->items);
	for (const struct keyword *k = first; k && k->map && strcmp(k->map, map) == 0; k++)
		if (k != any)
			add_item(r, k, node_member(n, k->word), join(r, out->path, k->word), &out->items[out->n++]);
	for (const struct node *m = n->first; m; m = m->next) {
		if (key_find(map, m->key))
			continue;
		if (any) {
			check_name(r, any, m);
			add_item(r, any, m, join(r, out->path, m->key), &out->items[out->n++]);
		} else if (!leave_unknown) {
			unknown_word(r, m, out->path, (const char *const[]){map, NULL});
		}
	}
	value_each(v, out)
	{
		require(r, out, v);
	}
}

static const struct keyword *verb_of(const struct node *n)
{
	return key_find("step", n->key);
}

static const char *options_of(struct reading *r, const struct keyword *verb)
{
	return arena_printf(r->a, "step.%s", verb->word);
}

/* One step: `verb` of map n; its options are n's other words that are none of the rule's own (rule: the step
 * stands beside the trigger). */
static void read_step(struct reading *r, const struct node *n, const struct node *verb, bool rule,
	const char *path, struct value *out)
{
	const struct keyword *k = verb_of(verb);
	const char *options = options_of(r, k);
	size_t rows = 0;
	for (const struct keyword *o = key_first(options); o && o->map && strcmp(o->map, options) == 0; o++)
		rows++;
	*out = (struct value){
		.key = k, .node = n, .name = k->word, .path = path, .at = verb->key_at, .name_at = verb->key_at};
	out->form = VALUE_MAP;
	out->set = out->written = true;
	out->items = arena_alloc(r->a, (rows + 1) * sizeof *out->items);
	bool later = r->later;
	add_item(r, k, verb, join(r, path, k->word), &out->items[out->n++]);
	if (node_is_null(verb))
		problem_add(r->ps, verb->key_at, "%s says nothing", out->items[0].path);
	r->later |= is_later(r, k);
	for (const struct keyword *o = key_first(options); o && o->map && strcmp(o->map, options) == 0; o++) {
		bool rules_own = rule && key_find("rule", o->word);
		add_item(
			r, o, rules_own ? NULL : node_member(n, o->word), join(r, path, o->word), &out->items[out->n++]);
	}
	value_each(v, out)
	{
		if (v != out->items && (v->key->flags & KEY_REQUIRED) && !v->written)
			problem_add(
				r->ps, verb->key_at, "%s needs %s: %s", out->items[0].path, v->key->word, v->key->text);
	}
	r->later = later;
	for (const struct node *m = n->first; m; m = m->next) {
		if (m == verb || key_find(options, m->key) || (rule && key_find("rule", m->key)))
			continue;
		if (verb_of(m))
			problem_add(r->ps, m->key_at, "%s has two steps, %s and %s; put them into do: [ … ], in order",
				path, k->word, m->key);
		else
			unknown_word(r, m, path,
				(const char *const[]){
					rule ? "rule" : options, rule ? options : NULL, rule ? "step" : NULL, NULL});
	}
}

static const struct node *first_verb(const struct node *n, bool rule)
{
	for (const struct node *m = n->first; m; m = m->next)
		if (verb_of(m) && !(rule && key_find("rule", m->key)))
			return m;
	return NULL;
}

static void read_one_step(struct reading *r, const struct node *n, const char *path, struct value *out)
{
	const struct node *verb = n->kind == NODE_MAP ? first_verb(n, false) : NULL;
	*out = (struct value){.key = key_find("rule", "do"), .path = path, .at = n->at};
	if (verb) {
		if (verb != n->first)
			problem_add(r->ps, verb->key_at, "the verb of a step comes first: write %s before %s", verb->key,
				n->first->key);
		read_step(r, n, verb, false, path, out);
	} else if (n->kind == NODE_MAP && n->first) {
		unknown_word(r, n->first, path, (const char *const[]){"step", NULL});
	} else {
		problem_add(r->ps, n->at, "%s: a step is a map that begins with its verb, as { log: … }", path);
	}
}

static void read_steps(struct reading *r, const struct node *n, struct value *out)
{
	if (n->kind != NODE_LIST) {
		problem_add(r->ps, n->at, "%s is a list of steps: each begins with - and its verb", out->path);
		return;
	}
	out->form = VALUE_LIST;
	out->set = true;
	out->items = arena_alloc(r->a, (n->n + 1) * sizeof *out->items);
	for (const struct node *m = n->first; m; m = m->next, out->n++)
		read_one_step(r, m, arena_printf(r->a, "%s[%zu]", out->path, out->n), &out->items[out->n]);
}

/* A rule: its own words, and maybe one step beside the trigger. */
static void read_rule(struct reading *r, const struct node *n, struct value *out)
{
	const struct node *verb = first_verb(n, true);
	bool before = r->in_rule;
	r->in_rule = true;
	read_map(r, "rule", n, out, true);
	struct value *steps = NULL;
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->items[i].key->word, "do") == 0)
			steps = &out->items[i];
	for (size_t i = 0; node_member(n, "every") && i < out->n; i++)
		if (!out->items[i].written) /* defaults that are of events: a clock has none */
			out->items[i].set = out->items[i].form == VALUE_LIST && out->items[i].set;
	if (verb && steps->written) {
		problem_add(r->ps, verb->key_at, "%s has do: and a step beside it; one of them", out->path);
	} else if (verb) {
		steps->form = VALUE_LIST;
		steps->set = true;
		steps->items = arena_alloc(r->a, sizeof *steps->items);
		steps->n = 1;
		read_step(r, n, verb, true, out->path, steps->items);
	} else {
		for (const struct node *m = n->first; m; m = m->next)
			if (!key_find("rule", m->key))
				unknown_word(r, m, out->path, (const char *const[]){"rule", "step", NULL});
	}
	r->in_rule = before;
}

static void read_list_of(struct reading *r, const struct node *n, struct value *out)
{
	out->form = VALUE_LIST;
	out->set = n->n > 0;
	out->items = arena_alloc(r->a, (n->n + 1) * sizeof *out->items);
	for (const struct node *m = n->first; m; m = m->next) {
		struct value *v = &out->items[out->n];
		*v = (struct value){.key = out->key, .node = m, .at = m->at, .name_at = m->at, .written = true};
		v->path = arena_printf(r->a, "%s[%zu]", out->path, out->n++);
		const char *sub = out->key->sub;
		if (m->kind == NODE_MAP && sub)
			strcmp(sub, "rule") == 0 ? read_rule(r, m, v) : read_map(r, sub, m, v, false);
		else if (m->kind == NODE_SCALAR && out->key->type != KEY_MAP)
			read_one(r, yaml_scalar(r->a, r->y, m), m, v);
		else
			problem_add(r->ps, m->at, "%s is %s", v->path,
				out->key->type == KEY_MAP ? "a map of words" : "one value");
	}
}

/* One value where a list may stand. When a ${VAR} in it holds commas, they part it. */
static void read_list_of_one(struct reading *r, const struct node *n, struct value *out)
{
	struct scalar s = yaml_scalar(r->a, r->y, n);
	bool commas = false;
	if (memmem(s.text.p, s.text.n, "${", 2))
		expand(r->vars, &s, USE_PLAIN);
	for (size_t i = 0; i < s.nvars; i++)
		commas |= s.vars[i].value.n && memchr(s.vars[i].value.p, ',', s.vars[i].value.n);
	out->form = VALUE_LIST;
	out->scalar = s;
	if (commas) {
		read_parted(r, scalar_value(r->a, &s), out);
		return;
	}
	struct value one = *out;
	one.form = VALUE_ONE;
	read_one(r, s, n, &one);
	out->set = one.set;
	out->written = one.written; /* not when it is empty */
	out->items = arena_copy(r->a, &one, sizeof one);
	out->n = one.set ? 1 : 0;
}

static void read_scalar_node(struct reading *r, const struct node *n, struct value *out)
{
	const struct keyword *k = out->key;
	if (k->type == KEY_MAP)
		problem_add(r->ps, n->at, "%s is %s, not one value", out->path,
			k->flags & KEY_LIST ? "a list of maps" : "a map of words");
	else if (k->type == KEY_STEPS)
		read_steps(r, n, out);
	else if (k->type == KEY_JSON)
		read_json(r, n, out);
	else if (k->flags & KEY_LIST)
		read_list_of_one(r, n, out);
	else
		read_one(r, yaml_scalar(r->a, r->y, n), n, out);
}

static void read_value(
	struct reading *r, const struct keyword *k, const struct node *n, const char *path, struct value *out)
{
	bool later = r->later;
	out->key = k;
	out->path = path;
	out->node = n;
	if (node_is_null(n)) {
		if (n)
			out->at = out->name_at = n->key_at;
		read_default(r, out);
		return;
	}
	out->written = true;
	out->at = n->at;
	out->name_at = n->key_at.file ? n->key_at : n->at;
	if (is_later(r, k) && !r->later) {
		problem_add(r->ps, out->name_at, "%s is not in this version", path);
		r->later = true;
	}
	if (k->type == KEY_JSON && n->kind != NODE_SCALAR) {
		read_json(r, n, out);
	} else if (n->kind == NODE_MAP && k->sub && k->type != KEY_STEPS &&
			   !(k->type == KEY_MAP && k->flags & KEY_LIST)) {
		read_map(r, k->sub, n, out, false);
	} else if (n->kind == NODE_LIST && k->type == KEY_STEPS) {
		read_steps(r, n, out);
	} else if (n->kind == NODE_LIST && (k->flags & KEY_LIST || k->type == KEY_FIELD)) {
		read_list_of(r, n, out);
	} else if (n->kind == NODE_MAP && k->flags & KEY_LIST && k->sub) {
		problem_add(r->ps, n->at, "%s is a list: each begins with -", path);
	} else if (n->kind == NODE_SCALAR) {
		read_scalar_node(r, n, out);
	} else {
		problem_add(r->ps, out->name_at, "%s is %s, not a %s", path,
			k->type == KEY_MAP ? "a map of words" : "one value", n->kind == NODE_MAP ? "map" : "list");
	}
	r->later = later;
}

void value_read(struct reading *r, const struct node *root, struct value *out)
{
	static const struct keyword whole = {"", "", KEY_MAP, 0, "", NULL, NULL, ""};
	*out = (struct value){.key = &whole, .path = "", .node = root, .at = root->at};
	if (root->kind != NODE_MAP)
		problem_add(r->ps, root->at, "the file is a map: it begins with name:");
	else
		read_map(r, "", root, out, false);
}
