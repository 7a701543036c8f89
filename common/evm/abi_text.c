#include "common/evm/abi_inner.h"

/* Values as Fairlead stores and shows them (GRAMMAR, "Types"). */

void abi_clean_text(struct buf *b, struct bytes s)
{
	size_t from = 0; /* what is fit goes over in one piece */
	for (size_t i = 0; i < s.n;) {
		const size_t k = s.p[i] == 0 ? 0 : utf8_len((struct str){(const char *)s.p + i, s.n - i});
		i += k > 0 ? k : 1;
		if (k > 0)
			continue;
		buf_put(b, s.p + from, i - 1 - from);
		buf_text(b, "\xEF\xBF\xBD");
		from = i;
	}
	buf_put(b, s.n > from ? s.p + from : NULL, s.n - from); /* a C string, also when empty */
}

static void put_number(struct buf *b, const struct abi_type *t, struct u256 v)
{
	char text[U256_DEC_MAX];
	if (t->kind == ABI_INT && abi_negative(v)) {
		buf_char(b, '-');
		v = abi_negate(v);
	}
	u256_to_dec(text, v);
	buf_text(b, text);
}

void abi_value_text(struct buf *b, const struct abi_type *t, const struct abi_value *v)
{
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT: put_number(b, t, v->number); break;
	case ABI_BOOL: buf_text(b, u256_is_zero(v->number) ? "false" : "true"); break;
	case ABI_STRING: abi_clean_text(b, v->bytes); break;
	case ABI_ARRAY:
	case ABI_TUPLE: abi_value_json(b, t, v); break;
	default: buf_text(b, "0x"); buf_hex(b, v->bytes.p, v->bytes.n);
	}
}

static void put_json_string(struct buf *b, struct bytes s)
{
	struct buf clean = {0};
	abi_clean_text(&clean, s);
	buf_json(b, (struct str){clean.p, clean.n});
	buf_fini(&clean);
}

static void put_array(struct buf *b, const struct abi_type *t, const struct abi_value *v)
{
	buf_char(b, '[');
	for (size_t i = 0; i < v->n; i++) {
		if (i > 0)
			buf_char(b, ',');
		abi_value_json(b, t->item, &v->items[i]);
	}
	buf_char(b, ']');
}

static void put_object(struct buf *b, const struct abi_type *t, const struct abi_value *v)
{
	buf_char(b, '{');
	for (size_t i = 0; i < v->n; i++) {
		if (i > 0)
			buf_char(b, ',');
		buf_json(b, str_of(t->fields[i].name));
		buf_char(b, ':');
		abi_value_json(b, &t->fields[i].type, &v->items[i]);
	}
	buf_char(b, '}');
}

/* Numbers that a JSON reader's double may round are quoted: GRAMMAR draws the line at int64 and uint56. */
static bool is_bare(const struct abi_type *t)
{
	return t->kind == ABI_BOOL || (t->kind == ABI_INT && t->bits <= 64) ||
		   (t->kind == ABI_UINT && t->bits <= 56);
}

void abi_value_json(struct buf *b, const struct abi_type *t, const struct abi_value *v)
{
	switch (t->kind) {
	case ABI_ARRAY: put_array(b, t, v); return;
	case ABI_TUPLE: put_object(b, t, v); return;
	case ABI_STRING: put_json_string(b, v->bytes); return;
	default: break;
	}
	if (!is_bare(t))
		buf_char(b, '"');
	abi_value_text(b, t, v);
	if (!is_bare(t))
		buf_char(b, '"');
}
