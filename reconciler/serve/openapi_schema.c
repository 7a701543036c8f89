#include "reconciler/serve/openapi_schema.h"

#include "reconciler/serve/json.h"
#include "reconciler/serve/problem.h"

/* ── fields ── */

static void type_of(const struct schema *s, const char *type, bool nullable)
{
	if (nullable && s->version == OPENAPI_3_1)
		buf_printf(s->out, "\"type\":[\"%s\",\"null\"]", type);
	else
		buf_printf(s->out, "\"type\":\"%s\"%s", type, nullable ? ",\"nullable\":true" : "");
}

static void text(const struct schema *s, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(s->out, ",\"%s\":", name);
	buf_json(s->out, str_of(value));
}

static void number(const struct schema *s, const char *name, const char *value)
{
	if (value)
		buf_printf(s->out, ",\"%s\":%s", name, value);
}

static const struct {
	const char *type, *format, *pattern, *says;
} forms[] = {
	[FIELD_STRING] = {"string", NULL, NULL, NULL},
	[FIELD_INT] = {"integer", "int64", NULL, NULL},
	[FIELD_NUMBER] = {"number", NULL, NULL, NULL},
	[FIELD_BOOL] = {"boolean", NULL, NULL, NULL},
	[FIELD_OBJECT] = {"object", NULL, NULL, NULL},
	[FIELD_ARRAY] = {"array", NULL, NULL, NULL},
	[FIELD_UINT256] = {"string", "uint256", "^([0-9]{1,78}|0x[0-9a-fA-F]{1,64})$", "0 to 2^256 - 1"},
	[FIELD_ADDRESS] = {"string", "address", "^0x[0-9a-fA-F]{40}$",
		"all of one case, or with its EIP-55 checksum"},
	[FIELD_BYTES32] = {"string", NULL, "^0x[0-9a-fA-F]{64}$", NULL},
	[FIELD_BYTES65] = {"string", NULL, "^0x[0-9a-fA-F]{130}$", NULL},
	[FIELD_PUBKEY] = {"string", NULL, "^[1-9A-HJ-NP-Za-km-z]{32,44}$", "32 bytes in base58"},
	[FIELD_BASE64] = {"string", "byte", "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", NULL},
	[FIELD_UUID] = {"string", "uuid", NULL, NULL},
	[FIELD_TIME] = {"string", "date-time", NULL, NULL},
	[FIELD_UNITS] = {"string", "decimal", NULL, NULL},
};

static void bounds(const struct schema *s, const struct field_decl *f)
{
	bool is_list = f->type == FIELD_ARRAY, is_text = f->type == FIELD_STRING || f->type == FIELD_BASE64,
		 is_number = f->type == FIELD_INT || f->type == FIELD_NUMBER;
	const char *low = is_list   ? "minItems"
					  : is_text ? "minLength"
								: "minimum",
			   *high = is_list   ? "maxItems"
					   : is_text ? "maxLength"
								 : "maximum";
	if (is_list || is_text || is_number) {
		number(s, low, f->min);
		number(s, high, f->max);
	}
}

/* Is the expression one of ECMA-262 too, as "pattern" must be (JSON Schema, section 6.3.3)? When in doubt,
 * no. */
static bool is_ecma(const char *p)
{
	for (; *p; p++) {
		if (*p == '\\') {
			if (strchr("AzZhHRKGXQENopPxg", p[1]))
				return false;
			p++;
		} else if (strncmp(p, "(?", 2) == 0) {
			if (!p[2] ||
				(!strchr(":=!", p[2]) && strncmp(p + 2, "<=", 2) != 0 && strncmp(p + 2, "<!", 2) != 0))
				return false;
		} else if (strncmp(p, "(*", 2) == 0 || strncmp(p, "[[:", 3) == 0 ||
				   (strchr("*+?}", *p) && p[1] == '+')) {
			return false;
		}
	}
	return true;
}

/* In words, what no keyword says. */
static void describe(const struct schema *s, const struct field_decl *f)
{
	bool counted = f->type == FIELD_ARRAY || f->type == FIELD_STRING || f->type == FIELD_BASE64 ||
				   f->type == FIELD_INT || f->type == FIELD_NUMBER;
	const char *parts[4] = {forms[f->type].says};
	size_t n = parts[0] != NULL;
	if (f->min && !counted)
		parts[n++] = arena_printf(s->a, "at least %s", f->min);
	if (f->max && !counted)
		parts[n++] = arena_printf(s->a, "at most %s", f->max);
	if (f->match && !is_ecma(f->match))
		parts[n++] = arena_printf(s->a, "matches the expression (PCRE2) %s", f->match);
	struct buf b = {0};
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? "; " : "", parts[i]);
	text(s, "description", b.p);
	buf_fini(&b);
}

/* NULL: none that ECMA-262 can say. */
static const char *pattern_of(const struct schema *s, const struct field_decl *f)
{
	unsigned d = f->decimals;
	if (f->match && is_ecma(f->match))
		return f->match;
	if (f->type != FIELD_UNITS)
		return forms[f->type].pattern;
	if (d == 0)
		return "^(0|[1-9][0-9]{0,77})$";
	return arena_printf(s->a, "^(0|[1-9][0-9]{0,%u})(\\.[0-9]{1,%u})?$", d < 77 ? 77 - d : 0, d);
}

void schema_field(const struct schema *s, const struct field_decl *f, bool in_body)
{
	buf_char(s->out, '{');
	type_of(s, forms[f->type].type, in_body && f->optional);
	text(s, "format", forms[f->type].format);
	text(s, "pattern", pattern_of(s, f));
	if (f->type == FIELD_BASE64 && s->version == OPENAPI_3_1)
		text(s, "contentEncoding", "base64");
	bounds(s, f);
	describe(s, f);
	if (f->n_one_of) {
		buf_text(s->out, ",\"enum\":[");
		for (size_t i = 0; i < f->n_one_of; i++)
			buf_printf(s->out, "%s%s", i ? "," : "", f->one_of[i]);
		buf_printf(s->out, "%s]", in_body && f->optional ? ",null" : "");
	}
	if (f->type == FIELD_ARRAY) {
		buf_text(s->out, ",\"items\":");
		if (f->items)
			schema_field(s, f->items, true);
		else
			buf_text(s->out, "{}");
	}
	number(s, "default", f->otherwise);
	buf_char(s->out, '}');
}

void schema_body(const struct schema *s, const struct field_decl *fields, size_t n)
{
	size_t needed = 0;
	buf_text(s->out, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
	for (size_t i = 0; i < n; i++) {
		buf_char(s->out, i ? ',' : ' ');
		buf_json(s->out, str_of(fields[i].name));
		buf_char(s->out, ':');
		schema_field(s, &fields[i], true);
	}
	buf_char(s->out, '}');
	for (size_t i = 0; i < n; i++) {
		if (fields[i].optional || fields[i].otherwise)
			continue;
		buf_text(s->out, needed++ ? "," : ",\"required\":[");
		buf_json(s->out, str_of(fields[i].name));
	}
	buf_text(s->out, needed ? "]}" : "}");
}

/* ── rows ── */

enum oid { INT8 = 20, INT2 = 21, INT4 = 23, DATE = 1082, NUMERIC = 1700, UUID = 2950 };

/* One value of a column, not an array. */
static void value(const struct schema *s, enum row_kind kind, unsigned type, bool nullable)
{
	buf_char(s->out, '{');
	switch (kind) {
	case ROW_NUMBER:
		type_of(s, type == INT2 || type == INT4 || type == INT8 ? "integer" : "number", nullable);
		text(s, "format", type == INT8 ? "int64" : type == INT2 || type == INT4 ? "int32" : "double");
		break;
	case ROW_BOOL: type_of(s, "boolean", nullable); break;
	case ROW_JSON: buf_text(s->out, "\"description\":\"any JSON\""); break;
	case ROW_TIME:
		type_of(s, "string", nullable);
		text(s, "format", "date-time");
		break;
	case ROW_HEX:
		type_of(s, "string", nullable);
		text(s, "pattern", "^0x([0-9a-f]{2})*$");
		break;
	default:
		type_of(s, "string", nullable);
		text(s, "format", type == NUMERIC ? "decimal" : type == UUID ? "uuid" : type == DATE ? "date" : NULL);
		break;
	}
	buf_char(s->out, '}');
}

static void column(const struct schema *s, const struct plan_column *c)
{
	if (!c->array) {
		value(s, c->kind, c->type, c->nullable);
		return;
	}
	buf_char(s->out, '{');
	type_of(s, "array", c->nullable);
	buf_text(s->out, ",\"items\":");
	value(s, c->kind, c->elem, true);
	buf_char(s->out, '}');
}

struct leaf { /* a key of the object: a column, or an object of columns */
	struct str name;
	const struct plan_column *column;
	struct leaf *below, *next;
};

static struct leaf **find(struct leaf **at, struct str name)
{
	while (*at && !str_eq((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static struct leaf *tree_of(const struct schema *s, const struct plan_sql *row)
{
	struct leaf *root = NULL;
	for (size_t i = 0; i < row->ncolumns; i++) {
		struct leaf **level = &root, *at = NULL;
		for (const char *p = row->columns[i].name;;) {
			size_t n = strcspn(p, ".");
			struct leaf **here = find(level, (struct str){p, n});
			if (!*here) {
				*here = arena_alloc(s->a, sizeof **here);
				(*here)->name = (struct str){p, n};
			}
			at = *here;
			level = &at->below;
			if (!p[n])
				break;
			p += n + 1;
		}
		at->column = &row->columns[i];
	}
	return root;
}

static void members(const struct schema *s, const struct leaf *list, bool first);

static void object(const struct schema *s, const struct leaf *list)
{
	if (!list) { /* an empty "required" is no valid one in 3.0 */
		buf_text(s->out, "{\"type\":\"object\"}");
		return;
	}
	buf_text(s->out, "{\"type\":\"object\",\"properties\":{");
	members(s, list, true);
	buf_text(s->out, "},\"required\":[");
	for (const struct leaf *l = list; l; l = l->next) {
		buf_json(s->out, l->name);
		buf_text(s->out, l->next ? "," : "");
	}
	buf_text(s->out, "]}");
}

static void members(const struct schema *s, const struct leaf *list, bool first)
{
	for (const struct leaf *l = list; l; l = l->next, first = false) {
		buf_text(s->out, first ? "" : ",");
		buf_json(s->out, l->name);
		buf_char(s->out, ':');
		if (l->column)
			column(s, l->column);
		else
			object(s, l->below);
	}
}

void schema_row(const struct schema *s, const struct plan_sql *row, const struct plan_sql *with, size_t nwith)
{
	struct leaf *tree = tree_of(s, row);
	if (!tree && !nwith) {
		buf_text(s->out, "{\"type\":\"object\"}");
		return;
	}
	buf_text(s->out, "{\"type\":\"object\",\"properties\":{");
	members(s, tree, true);
	for (size_t i = 0; i < nwith; i++) {
		buf_text(s->out, tree || i ? "," : "");
		buf_json(s->out, str_of(with[i].name));
		buf_text(s->out, with[i].has_key ? ":{\"type\":\"object\",\"additionalProperties\":"
										 : ":{\"type\":\"array\",\"items\":");
		object(s, tree_of(s, &with[i]));
		buf_char(s->out, '}');
	}
	buf_text(s->out, "},\"required\":[");
	for (const struct leaf *l = tree; l; l = l->next) {
		buf_json(s->out, l->name);
		buf_text(s->out, l->next || nwith ? "," : "");
	}
	for (size_t i = 0; i < nwith; i++) {
		buf_json(s->out, str_of(with[i].name));
		buf_text(s->out, i + 1 < nwith ? "," : "");
	}
	buf_text(s->out, "]}");
}

/* ── texts with inserts ── */

/* The text is filled with marks in place of its inserts, and the value that stands there is walked. */
static bool mark(void *arg, struct str name, struct buf *json)
{
	(void)arg;
	buf_printf(json, "\"\\u0001%.*s\"", (int)name.n, name.p);
	return true;
}

struct shape {
	const struct schema *s;
	void (*insert)(void *arg, const struct schema *s, struct str name);
	void *arg;
};

static void shape_of(const struct shape *k, struct json v)
{
	const struct schema *s = k->s;
	struct str name;
	struct json member;
	size_t n = 0;
	struct buf needed = {0};
	switch (v.kind) {
	case JSON_OBJECT:
		buf_text(s->out, "{\"type\":\"object\",\"properties\":{");
		for (size_t at = 0; json_next(v, &at, &name, &member); n++) {
			buf_printf(s->out, "%s%.*s:", n ? "," : "", (int)name.n, name.p);
			buf_printf(&needed, "%s%.*s", n ? "," : "", (int)name.n, name.p);
			shape_of(k, member);
		}
		buf_printf(s->out, "}%s%s%s}", n ? ",\"required\":[" : "", n ? needed.p : "", n ? "]" : "");
		break;
	case JSON_ARRAY: buf_text(s->out, "{\"type\":\"array\",\"items\":{}}"); break;
	case JSON_STRING:
		if (v.text.n > 8 && memcmp(v.text.p, "\"\\u0001", 7) == 0)
			k->insert(k->arg, s, (struct str){v.text.p + 7, v.text.n - 8});
		else
			buf_text(s->out, "{\"type\":\"string\"}");
		break;
	case JSON_NUMBER: buf_text(s->out, "{\"type\":\"number\"}"); break;
	case JSON_BOOL: buf_text(s->out, "{\"type\":\"boolean\"}"); break;
	case JSON_NULL: buf_text(s->out, "{}"); break;
	}
	buf_fini(&needed);
}

void schema_json(const struct schema *s, const struct json_decl *j,
	void (*insert)(void *arg, const struct schema *s, struct str name), void *arg)
{
	struct buf b = {0};
	struct err e = {0};
	struct shape k = {s, insert, arg};
	json_fill(&b, j, mark, NULL);
	if (json_check((struct str){b.p, b.n}, 64, &e))
		shape_of(&k, json_value((struct str){b.p, b.n}));
	else
		buf_text(s->out, "{}");
	buf_fini(&b);
}
