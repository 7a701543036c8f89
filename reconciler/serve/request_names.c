#include "reconciler/serve/request_in.h"

#include "reconciler/serve/json.h"

#include <stdio.h>

struct str run_names_json(struct run *r)
{
	struct buf b = {0};
	buf_char(&b, '[');
	for (size_t i = 0; i < r->names.n; i++) {
		const struct serve_name *n = &r->names.list[i];
		buf_text(&b, i ? ",[" : "[");
		buf_json(&b, str_of(n->name));
		buf_printf(&b, ",%d,", n->kind == NAME_JSON);
		if (n->text.p)
			buf_json(&b, n->text);
		else
			buf_text(&b, "null");
		buf_char(&b, ']');
	}
	buf_char(&b, ']');
	struct str s = {arena_textn(r->a, b.p, b.n), b.n};
	buf_fini(&b);
	return s;
}

bool run_names_from(struct run *r, struct str text)
{
	struct err e = {0};
	struct json all, one, part[3];
	if (!json_check(text, 8, &e) || (all = json_value(text)).kind != JSON_ARRAY)
		return false;
	r->names = (struct serve_names){.a = r->a};
	for (size_t at = 0; json_next(all, &at, NULL, &one);) {
		size_t in = 0, n = 0;
		while (one.kind == JSON_ARRAY && n < 3 && json_next(one, &in, NULL, &part[n]))
			n++;
		if (n != 3 || part[0].kind != JSON_STRING)
			return false;
		struct str name = json_string(r->a, part[0].text), value = {NULL, 0};
		if (part[2].kind == JSON_STRING)
			value = json_string(r->a, part[2].text);
		if (!name.p || (part[2].kind == JSON_STRING && !value.p))
			return false;
		names_put(&r->names, arena_textn(r->a, name.p, name.n),
			str_is(part[1].text, "1") ? NAME_JSON : NAME_TEXT,
			value.p ? (struct str){arena_textn(r->a, value.p, value.n), value.n} : value);
	}
	return true;
}
