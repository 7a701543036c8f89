#include "common/app/decl.h"

#include <yajl/yajl_parse.h>

/* A JSON object of plain values: what becomes the table files.NAME(key, value). */
struct object {
	yajl_handle parser;
	int depth;
	size_t end; /* byte behind the object; 0: it has not ended */
	const char *wrong;
};

static int plain(void *arg)
{
	struct object *o = arg;
	if (o->depth == 0)
		o->wrong = "a mapping file is one JSON object: { \"key\": \"value\" }";
	return o->wrong == NULL;
}

static int on_bool(void *arg, int v)
{
	(void)v;
	return plain(arg);
}

static int on_text(void *arg, const unsigned char *s, size_t n)
{
	(void)s;
	(void)n;
	return plain(arg);
}

static int on_number(void *arg, const char *s, size_t n)
{
	(void)s;
	(void)n;
	return plain(arg);
}

static int on_map(void *arg)
{
	struct object *o = arg;
	if (o->depth++ > 0)
		o->wrong = "a value of a mapping file is a text, a number or a bool, not a map";
	return o->wrong == NULL;
}

static int on_end(void *arg)
{
	struct object *o = arg;
	if (--o->depth == 0)
		o->end = yajl_get_bytes_consumed(o->parser);
	return 1;
}

static int on_list(void *arg)
{
	struct object *o = arg;
	o->wrong = o->depth ? "a value of a mapping file is a text, a number or a bool, not a list"
						: "a mapping file is one JSON object: { \"key\": \"value\" }";
	return 0;
}

static struct pos at_byte(const char *file, struct str text, size_t byte)
{
	struct pos p = {file, 1, 1, 1};
	for (size_t i = 0; i < byte && i < text.n; i++) {
		if (text.p[i] == '\n') {
			p.line++;
			p.col = 1;
		} else if (((unsigned char)text.p[i] & 0xC0) != 0x80) {
			p.col++;
		}
	}
	return p;
}

static void check_json(struct loading *l, const char *path, struct str text)
{
	static const yajl_callbacks calls = {.yajl_null = plain,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_text,
		.yajl_start_map = on_map,
		.yajl_end_map = on_end,
		.yajl_start_array = on_list};
	struct object o = {0};
	yajl_handle h = yajl_alloc(&calls, NULL, &o);
	must(h);
	o.parser = h;
	yajl_status s = yajl_parse(h, (const unsigned char *)text.p, text.n);
	size_t at = yajl_get_bytes_consumed(h);
	bool ended = s == yajl_status_ok;
	if (ended)
		s = yajl_complete_parse(h);
	at = ended ? text.n : at > 0 ? at - 1 : 0;
	if (o.end > 0)
		for (at = o.end; at + 1 < text.n && strchr(" \t\r\n", text.p[at]);)
			at++;
	yajl_free(h);
	if (s == yajl_status_ok)
		return;
	char *shown = arena_textn(&l->ps->mem, text.p, text.n);
	problem_file(l->ps, path, (struct str){shown, text.n});
	problem_add(l->ps, at_byte(path, text, at), "%s",
		o.wrong     ? o.wrong
		: o.end > 0 ? "nothing may stand behind the object"
		: ended     ? "JSON that ends too early"
					: "no JSON: something else is expected here");
}

void decl_files(struct loading *l)
{
	const struct value *map = value_get(l->root, "files"), *sql = value_get(l->root, "sql");
	struct file_decl *files = arena_alloc(l->a, (map->n + 1) * sizeof *files);
	l->c->files = files;
	l->c->nfiles = map->n;
	value_each(v, map)
	{
		const struct value *path = value_get(v, "path");
		struct file_decl *f = &files[v - map->items];
		struct buf text = {0};
		*f = (struct file_decl){.name = v->name, .at = v->name_at, .watch = value_get(v, "watch")->flag};
		f->cid = str_is(value_get(v, "values")->text, "cid");
		if (path->set) {
			f->path = decl_path(l, path->text.p);
			if (decl_read(l, path, &text))
				check_json(l, f->path, (struct str){text.p ? text.p : "", text.n});
		}
		buf_fini(&text);
	}
	l->c->sql = arena_alloc(l->a, (sql->n + 1) * sizeof *l->c->sql);
	for (size_t i = 0; sql->form == VALUE_LIST && i < sql->n; i++) {
		struct buf text = {0};
		if (sql->items[i].set && decl_read(l, &sql->items[i], &text))
			l->c->sql[l->c->nsql++] = (struct app_sql){decl_path(l, sql->items[i].text.p),
				{arena_textn(l->a, text.p ? text.p : "", text.n), text.n}};
		buf_fini(&text);
	}
}
