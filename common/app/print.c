#define _GNU_SOURCE /* memmem */
/* The effective configuration as YAML: every value that is set, defaults too, in the order of the table. */
#include "common/app/value.h"

static bool is_secret(const struct config *c, const struct value *v)
{
	for (size_t i = 0; i < v->scalar.nvars; i++)
		for (const struct used_var *u = c->used; u; u = u->next)
			if (u->use == USE_SECRET && str_eq(u->name, v->scalar.vars[i].name))
				return true;
	return v->key->type == KEY_SECRET;
}

static void print_text(struct str s, bool quote, FILE *out)
{
	struct buf b = {0};
	if (quote)
		buf_json(&b, s);
	else
		buf_str(&b, s);
	fwrite(b.p ? b.p : "", 1, b.n, out);
	buf_fini(&b);
}

/* May it stand unquoted, as one word of YAML, and be read as the same characters again? */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./", s.p[i]) &&
			!(i > 0 && strchr("-%:", s.p[i]) && i + 1 < s.n))
			return false;
	return s.n > 0 && !str_is(s, "null");
}

static void print_block(struct str s, int depth, FILE *out)
{
	fprintf(out, "|%s\n", s.n && s.p[s.n - 1] == '\n' ? "" : "-");
	while (s.n) {
		const char *nl = memchr(s.p, '\n', s.n);
		size_t n = nl ? (size_t)(nl - s.p) : s.n;
		fprintf(out, "%*s%.*s\n", n ? 2 * depth : 0, "", (int)n, s.p);
		s.p += n + (nl != NULL);
		s.n -= n + (nl != NULL);
	}
}

static void print_one(const struct config *c, const struct value *v, int depth, FILE *out)
{
	struct str s = v->text;
	enum key_type t = v->key->type;
	bool language = v->sql || v->call || v->check || v->template;
	if (is_secret(c, v)) {
		fputs("\"***\"\n", out);
		return;
	}
	if (language) /* as written: a ${VAR} in it is bound, not pasted */
		s = v->scalar.text;
	struct buf url = {0};
	if (t == KEY_URL || memmem(s.p, s.n, "://", 3)) {
		if (!language)
			url_show(&url, s);
		s = language ? s : (struct str){url.p, url.n};
	}
	bool block = memchr(s.p, '\n', s.n) && s.p[0] != ' ' && s.p[0] != '\n' && !memchr(s.p, '\t', s.n);
	if (block)
		print_block(s, depth, out);
	else
		print_text(s, !is_plain(s), out);
	if (!block)
		fputc('\n', out);
	buf_fini(&url);
}

static void print_json(const struct node *n, FILE *out)
{
	if (n->kind == NODE_SCALAR) {
		print_text(n->text, n->style != NODE_PLAIN || !is_plain(n->text), out);
		return;
	}
	fputs(n->kind == NODE_MAP ? "{ " : "[ ", out);
	for (const struct node *m = n->first; m; m = m->next) {
		if (n->kind == NODE_MAP) {
			print_text(str_of(m->key), true, out);
			fputs(": ", out);
		}
		print_json(m, out);
		fputs(m->next ? ", " : " ", out);
	}
	fputs(n->kind == NODE_MAP ? "}" : "]", out);
}

static void print_value(const struct config *c, const struct value *v, int depth, FILE *out);

static bool is_empty_map(const struct value *v)
{
	value_each(m, v)
	{
		if (m->set && !(m->form == VALUE_MAP && is_empty_map(m)))
			return false;
	}
	return true;
}

/* Members one below the other; first: "- " stands before the first already. */
static void print_members(const struct config *c, const struct value *map, int depth, bool first, FILE *out)
{
	value_each(v, map)
	{
		bool is_step = strcmp(v->key->word, "do") == 0;
		if (!v->set || (v->form == VALUE_MAP && v->items && is_empty_map(v)) || (is_step && v->n == 0))
			continue;
		fprintf(out, "%*s", first ? 0 : 2 * depth, "");
		first = false;
		bool odd = v->name && strpbrk(v->name, " :{}/*");
		print_text(str_of(v->name), odd, out);
		fputc(':', out);
		print_value(c, v, depth + 1, out);
	}
}

static void print_value(const struct config *c, const struct value *v, int depth, FILE *out)
{
	switch (v->form) {
	case VALUE_JSON:
		fputc(' ', out);
		print_json(v->node, out);
		fputc('\n', out);
		break;
	case VALUE_ONE:
		fputc(' ', out);
		print_one(c, v, depth, out);
		break;
	case VALUE_LIST:
		fputc('\n', out);
		value_each(m, v)
		{
			fprintf(out, "%*s- ", 2 * depth, "");
			if (m->form == VALUE_MAP)
				print_members(c, m, depth + 1, true, out);
			else
				print_one(c, m, depth + 1, out);
		}
		break;
	case VALUE_MAP:
		fputc('\n', out);
		print_members(c, v, depth, false, out);
		break;
	}
}

void config_print(const struct config *c, FILE *out)
{
	print_members(c, c->values, 0, false, out);
}

void config_keys(FILE *out)
{
	for (const struct keyword *k = keywords; k->map; k++) {
		fprintf(out, "%s%s%s  %s%s", k->map, *k->map ? "." : "", k->word,
			k->flags & KEY_LIST ? "list of " : "", key_type_name(k->type));
		if (k->def)
			fprintf(out, " [%s]", k->def);
		if (k->flags & KEY_REQUIRED)
			fputs(", required", out);
		fprintf(out, "  %s%s\n", k->text,
			k->flags & KEY_LATER         ? " (not in this version)"
			: k->flags & KEY_OF_REQUESTS ? " (in rules not in this version)"
										 : "");
	}
}
