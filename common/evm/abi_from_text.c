#include "common/evm/abi_inner.h"
#include "common/evm/address.h"

#include <yajl/yajl_tree.h>

/* Text and JSON → values: what SQL gives to a call. */

static bool misread(struct err *e, const struct abi_type *t, struct str text)
{
	struct buf b = {0};
	abi_type_text(&b, t);
	err_put(e, ERR_MALFORMED, "%.*s%s is not a value of type %s", text.n > 80 ? 80 : (int)text.n, text.p,
		text.n > 80 ? "…" : "", b.p);
	buf_fini(&b);
	return false;
}

static bool read_number(const struct abi_type *t, struct str text, struct abi_value *v, struct err *e)
{
	bool minus = t->kind == ABI_INT && text.n > 1 && text.p[0] == '-';
	struct str digits = {text.p + minus, text.n - minus};
	if (!u256_from_dec(&v->number, digits))
		return misread(e, t, text);
	if (minus && abi_negative(v->number) && u256_cmp(abi_negate(v->number), v->number) != 0)
		return misread(e, t, text); /* below -2^255: its complement would look positive */
	if (!minus && t->kind == ABI_INT && abi_negative(v->number))
		return misread(e, t, text);
	if (minus)
		v->number = abi_negate(v->number);
	return abi_number_fits(t, v->number) ? true : misread(e, t, text);
}

static bool read_bool(const struct abi_type *t, struct str text, struct abi_value *v, struct err *e)
{
	bool yes = str_is(text, "true") || str_is(text, "t");
	v->number = u256_of(yes);
	return yes || str_is(text, "false") || str_is(text, "f") ? true : misread(e, t, text);
}

static bool read_bytes(
	struct arena *a, const struct abi_type *t, struct str text, struct abi_value *v, struct err *e)
{
	if (text.n < 2 || text.n % 2 || (text.p[0] != '0' && text.p[0] != '\\') || text.p[1] != 'x')
		return misread(e, t, text);
	size_t n = text.n / 2 - 1, must_be = t->kind == ABI_FUNCTION ? 24 : t->bits;
	uint8_t *p = arena_alloc(a, n);
	if (!hex_from(p, n, (struct str){text.p + 2, 2 * n}) || (t->kind != ABI_BYTES && n != must_be))
		return misread(e, t, text);
	v->bytes = (struct bytes){p, n};
	return true;
}

static bool read_address(struct arena *a, struct str text, struct abi_value *v, struct err *e)
{
	uint8_t *p = arena_alloc(a, 20);
	v->bytes = (struct bytes){p, 20};
	return address_from_text(p, text, e);
}

static bool read_scalar(
	struct arena *a, const struct abi_type *t, struct str text, struct abi_value *v, struct err *e)
{
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT: return read_number(t, text, v, e);
	case ABI_BOOL: return read_bool(t, text, v, e);
	case ABI_ADDRESS: return read_address(a, text, v, e);
	case ABI_STRING: v->bytes = (struct bytes){arena_copy(a, text.p, text.n), text.n}; return true;
	default: return read_bytes(a, t, text, v, e);
	}
}

static bool read_json(
	struct arena *a, const struct abi_type *t, yajl_val x, struct abi_value *v, struct err *e);

static bool read_array(
	struct arena *a, const struct abi_type *t, yajl_val x, struct abi_value *v, struct err *e)
{
	if (!YAJL_IS_ARRAY(x))
		return misread(e, t, STR("what is no JSON array"));
	size_t n = YAJL_GET_ARRAY(x)->len;
	if (t->length >= 0 && n != (size_t)t->length)
		return misread(e, t, STR("an array of another length"));
	struct abi_value *items = arena_alloc(a, n * sizeof *items);
	*v = (struct abi_value){.items = items, .n = n};
	for (size_t i = 0; i < n; i++)
		if (!read_json(a, t->item, YAJL_GET_ARRAY(x)->values[i], &items[i], e))
			return err_prefix(e, "item %zu", i);
	return true;
}

static bool read_tuple(
	struct arena *a, const struct abi_type *t, yajl_val x, struct abi_value *v, struct err *e)
{
	struct abi_value *items = arena_alloc(a, t->nfields * sizeof *items);
	*v = (struct abi_value){.items = items, .n = t->nfields};
	bool by_name = YAJL_IS_OBJECT(x);
	if (by_name ? YAJL_GET_OBJECT(x)->len != t->nfields
				: !YAJL_IS_ARRAY(x) || YAJL_GET_ARRAY(x)->len != t->nfields)
		return misread(e, t, STR("what is no JSON object or array of as many fields"));
	for (size_t i = 0; i < t->nfields; i++) {
		const char *name = t->fields[i].name;
		yajl_val field = by_name ? yajl_tree_get(x, (const char *[]){name, NULL}, yajl_t_any)
								 : YAJL_GET_ARRAY(x)->values[i];
		if (!field)
			return err_set(e, ERR_MALFORMED, "the field %s is missing", name);
		if (!read_json(a, &t->fields[i].type, field, &items[i], e))
			return err_prefix(e, "%s", name);
	}
	return true;
}

static bool read_json(
	struct arena *a, const struct abi_type *t, yajl_val x, struct abi_value *v, struct err *e)
{
	if (t->kind == ABI_ARRAY)
		return read_array(a, t, x, v, e);
	if (t->kind == ABI_TUPLE)
		return read_tuple(a, t, x, v, e);
	if (YAJL_IS_STRING(x))
		return read_scalar(a, t, str_of(YAJL_GET_STRING(x)), v, e);
	/* A number's own digits, never a double made of them (INV-12). */
	if (YAJL_IS_NUMBER(x) && (t->kind == ABI_UINT || t->kind == ABI_INT))
		return read_scalar(a, t, str_of(YAJL_GET_NUMBER(x)), v, e);
	if (t->kind == ABI_BOOL && (YAJL_IS_TRUE(x) || YAJL_IS_FALSE(x)))
		return read_scalar(a, t, YAJL_IS_TRUE(x) ? STR("true") : STR("false"), v, e);
	return misread(e, t, STR("JSON of another kind"));
}

bool abi_value_from_text(
	struct arena *a, const struct abi_type *t, struct str text, struct abi_value *v, struct err *e)
{
	*v = (struct abi_value){.n = 0};
	if (t->kind != ABI_ARRAY && t->kind != ABI_TUPLE)
		return read_scalar(a, t, text, v, e);
	yajl_val tree = abi_json_tree(text, e);
	if (!tree)
		return false;
	bool ok = read_json(a, t, tree, v, e);
	yajl_tree_free(tree);
	return ok;
}
