#include "common/app/decl.h"
#include "common/base/cid.h"

#include <yajl/yajl_parse.h>

enum { TELL_VALUES = 10 }; /* more wrong values than these are told as a number */

/* A JSON object of plain values: what becomes the table files.NAME(key, value). */
struct object {
	struct loading *l;
	const char *path;
	struct str text;
	bool cid; /* values: cid */
	yajl_handle parser;
	int depth;
	size_t end; /* byte behind the object; 0: it has not ended */
	size_t no_cid;
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

/* The value that was read just now, told at its first character. */
static void check_cid(struct object *o, struct str value, struct str shown)
{
	size_t end = yajl_get_bytes_consumed(o->parser);
	if (!o->cid || o->depth == 0 || cid_valid(value) || o->no_cid++ >= TELL_VALUES)
		return;
	struct pos p = at_byte(o->path, o->text, end > shown.n ? end - shown.n : 0);
	p.len = (int)shown.n;
	problem_add(o->l->ps, p, "%.*s is no CID, which values: cid asks for", (int)(value.n > 80 ? 80 : value.n),
		value.p);
}

static int on_text(void *arg, const unsigned char *s, size_t n)
{
	check_cid(arg, (struct str){(const char *)s, n}, (struct str){(const char *)s, n + 2});
	return plain(arg);
}

static int on_number(void *arg, const char *s, size_t n)
{
	check_cid(arg, (struct str){s, n}, (struct str){s, n});
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

static void check_json(struct loading *l, const char *path, struct str text, bool cid)
{
	static const yajl_callbacks calls = {.yajl_null = plain,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_text,
		.yajl_start_map = on_map,
		.yajl_end_map = on_end,
		.yajl_start_array = on_list};
	struct object o = {.l = l, .path = path, .text = text, .cid = cid};
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
	if (s == yajl_status_ok && o.no_cid == 0)
		return;
	char *shown = arena_textn(&l->ps->mem, text.p, text.n);
	problem_file(l->ps, path, (struct str){shown, text.n});
	if (o.no_cid > TELL_VALUES)
		problem_add(l->ps, at_byte(path, text, text.n), "%zu values in all are no CIDs", o.no_cid);
	if (s == yajl_status_ok)
		return;
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
				check_json(l, f->path, (struct str){text.p ? text.p : "", text.n}, f->cid);
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
