#include "common/app/decl.h"
#include "common/app/scalar.h"

static const char *const names[] = {
	[FIELD_STRING] = "string",
	[FIELD_INT] = "int",
	[FIELD_NUMBER] = "number",
	[FIELD_BOOL] = "bool",
	[FIELD_OBJECT] = "object",
	[FIELD_ARRAY] = "array",
	[FIELD_UINT256] = "uint256",
	[FIELD_ADDRESS] = "address",
	[FIELD_BYTES32] = "bytes32",
	[FIELD_BYTES65] = "bytes65",
	[FIELD_PUBKEY] = "pubkey",
	[FIELD_BASE64] = "base64",
	[FIELD_UUID] = "uuid",
	[FIELD_TIME] = "time",
	[FIELD_UNITS] = "units",
};

static enum field_type type_of(const struct value *v)
{
	for (size_t i = 0; v->set && i < sizeof names / sizeof *names; i++)
		if (str_is(v->text, names[i]))
			return (enum field_type)i;
	return FIELD_STRING; /* reported where it was read */
}

static bool is_decimal(const char *s)
{
	s += *s == '-';
	size_t whole = strspn(s, "0123456789"), part = s[whole] == '.' ? strspn(s + whole + 1, "0123456789") : 0;
	return whole && (s[whole] == 0 || (part && s[whole + 1 + part] == 0));
}

/* min, max: of a number its value, of a text or a list its length. */
static const char *bound(struct loading *l, const struct value *f, const char *word, enum field_type t)
{
	static const unsigned bounded = 1U << FIELD_STRING | 1U << FIELD_INT | 1U << FIELD_NUMBER |
									1U << FIELD_ARRAY | 1U << FIELD_UINT256 | 1U << FIELD_BASE64 |
									1U << FIELD_UNITS;
	const struct value *v = value_get(f, word);
	if (!v->set)
		return NULL;
	bool length = t == FIELD_STRING || t == FIELD_ARRAY || t == FIELD_BASE64;
	if (!(bounded & 1U << t))
		problem_add(l->ps, v->name_at, "%s: a %s has no %s", v->path, names[t], word);
	else if (!is_decimal(v->text.p) || (length && strpbrk(v->text.p, "-.")))
		problem_add(l->ps, v->at, "%s is %s, not %s", v->path,
			length ? "a length: a whole number" : "a decimal number", v->text.p);
	return v->text.p;
}

static void of_type(
	struct loading *l, const struct value *f, const char *word, enum field_type t, enum field_type wanted)
{
	const struct value *v = value_get(f, word);
	if (v->written && t != wanted)
		problem_add(l->ps, v->name_at, "%s: %s is of type %s", f->path, word, names[wanted]);
}

static const char *json_text(const struct value *v)
{
	return v->json && v->json->n == 1 && !str_is(v->json->parts[0].text, "null") ? v->json->parts[0].text.p
																				 : NULL;
}

static const char *const *json_texts(struct loading *l, const struct value *list, size_t *n)
{
	const char **out = arena_alloc(l->a, (list->n + 1) * sizeof *out);
	*n = 0;
	value_each(v, list)
	{
		out[(*n)++] = v->json->parts[0].text.p;
	}
	return out;
}

void decl_field(struct loading *l, const struct value *f, struct field_decl *out)
{
	bool map = f->form == VALUE_MAP;
	enum field_type t = type_of(map ? value_get(f, "type") : f);
	*out = (struct field_decl){.name = f->name ? f->name : "", .at = f->name_at, .type = t};
	if (!map)
		return;
	const struct value *decimals = value_get(f, "decimals"), *items = value_get(f, "items");
	of_type(l, f, "decimals", t, FIELD_UNITS);
	of_type(l, f, "match", t, FIELD_STRING);
	of_type(l, f, "items", t, FIELD_ARRAY);
	if (t == FIELD_UNITS && decimals->set && decimals->number > 77)
		problem_add(l->ps, decimals->at, "%s is 77 at most", decimals->path);
	out->optional = value_get(f, "optional")->flag;
	out->otherwise = json_text(value_get(f, "default"));
	out->min = bound(l, f, "min", t);
	out->max = bound(l, f, "max", t);
	out->match = decl_text(value_get(f, "match"));
	out->one_of = json_texts(l, value_get(f, "enum"), &out->n_one_of);
	out->header = decl_text(value_get(f, "header"));
	out->decimals = decimals->set && decimals->number <= 77 ? (unsigned)decimals->number : 0;
	if (items->set) {
		struct field_decl *item = arena_alloc(l->a, sizeof *item);
		decl_field(l, items, item);
		item->name = "";
		out->items = item;
	}
}
