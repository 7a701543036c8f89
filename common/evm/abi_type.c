#include "common/evm/abi_inner.h"

bool abi_dynamic(const struct abi_type *t)
{
	switch (t->kind) {
	case ABI_BYTES:
	case ABI_STRING: return true;
	case ABI_ARRAY: return t->length < 0 || abi_dynamic(t->item);
	case ABI_TUPLE:
		for (size_t i = 0; i < t->nfields; i++)
			if (abi_dynamic(&t->fields[i].type))
				return true;
		return false;
	default: return false;
	}
}

size_t abi_words(const struct abi_type *t)
{
	if (abi_dynamic(t))
		return 1;
	if (t->kind == ABI_ARRAY)
		return (size_t)t->length * abi_words(t->item);
	if (t->kind == ABI_TUPLE)
		return abi_list_words(&(struct abi_list){.params = t->fields, .n = t->nfields});
	return 1;
}

size_t abi_list_words(const struct abi_list *l)
{
	if (!l->params)
		return l->n == 0 ? 0 : l->n * abi_words(l->item);
	size_t words = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!abi_list_skips(l, i))
			words += abi_words(&l->params[i].type);
	return words;
}

bool abi_negative(struct u256 v)
{
	return v.w[3] >> 63;
}

struct u256 abi_negate(struct u256 v)
{
	struct u256 r;
	u256_sub(&r, u256_of(0), v); /* two's complement: the borrow is meant */
	return r;
}

static bool below_power(struct u256 v, unsigned bits)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned low = i * 64;
		if (bits <= low ? v.w[i] != 0 : bits - low < 64 && v.w[i] >> (bits - low))
			return false;
	}
	return true;
}

bool abi_number_fits(const struct abi_type *t, struct u256 v)
{
	if (t->kind == ABI_BOOL)
		return below_power(v, 1);
	if (t->kind == ABI_UINT)
		return below_power(v, t->bits);
	/* -2^(bits-1) … 2^(bits-1)-1: the complement of a negative number has as many bits as a positive one may
	 */
	if (abi_negative(v))
		v = (struct u256){{~v.w[0], ~v.w[1], ~v.w[2], ~v.w[3]}};
	return below_power(v, t->bits - 1);
}

static void put_tuple(struct buf *b, const struct abi_param *fields, size_t n)
{
	buf_char(b, '(');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(b, ',');
		abi_type_text(b, &fields[i].type);
	}
	buf_char(b, ')');
}

void abi_type_text(struct buf *b, const struct abi_type *t)
{
	switch (t->kind) {
	case ABI_UINT: buf_printf(b, "uint%u", t->bits); break;
	case ABI_INT: buf_printf(b, "int%u", t->bits); break;
	case ABI_ADDRESS: buf_text(b, "address"); break;
	case ABI_BOOL: buf_text(b, "bool"); break;
	case ABI_BYTESN: buf_printf(b, "bytes%u", t->bits); break;
	case ABI_BYTES: buf_text(b, "bytes"); break;
	case ABI_STRING: buf_text(b, "string"); break;
	case ABI_FUNCTION: buf_text(b, "function"); break;
	case ABI_TUPLE: put_tuple(b, t->fields, t->nfields); break;
	case ABI_ARRAY:
		abi_type_text(b, t->item);
		if (t->length < 0)
			buf_text(b, "[]");
		else
			buf_printf(b, "[%lld]", (long long)t->length);
		break;
	}
}

bool abi_indexed_is_hash(const struct abi_param *p)
{
	return p->indexed && (p->type.kind == ABI_BYTES || p->type.kind == ABI_STRING ||
							 p->type.kind == ABI_ARRAY || p->type.kind == ABI_TUPLE);
}

const struct abi_type *abi_stored_type(const struct abi_param *p)
{
	static const struct abi_type hash = {.kind = ABI_BYTESN, .bits = 32};
	return abi_indexed_is_hash(p) ? &hash : &p->type;
}

/* The type of one column or array element; NULL: only jsonb holds it. */
static const char *pg_scalar(const struct abi_type *t)
{
	switch (t->kind) {
	case ABI_INT: return t->bits <= 64 ? "bigint" : "numeric(78)";
	case ABI_UINT: return t->bits <= 56 ? "bigint" : "numeric(78)";
	case ABI_BOOL: return "boolean";
	case ABI_ARRAY:
	case ABI_TUPLE: return NULL;
	default: return "text";
	}
}

void abi_pg_type(struct buf *b, const struct abi_param *p)
{
	const struct abi_type *t = abi_stored_type(p);
	const char *scalar = pg_scalar(t->kind == ABI_ARRAY ? t->item : t);
	buf_text(b, scalar ? scalar : "jsonb");
	if (scalar && t->kind == ABI_ARRAY)
		buf_text(b, "[]");
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* A word begins at s[i]: tokenId → token|Id, ERC20Token → ERC20|Token; but tokenIDs keeps its plural:
 * token|IDs. */
static bool word_begins(const char *s, size_t i)
{
	if (!is_upper(s[i]) || s[i - 1] == '_' || s[i - 1] == '$')
		return false;
	bool plural = s[i + 1] == 's' && !is_lower(s[i + 2]);
	return !is_upper(s[i - 1]) || (is_lower(s[i + 1]) && !plural);
}

void abi_snake(char *out, size_t size, const char *name)
{
	size_t n = 0;
	must(size > 1);
	while (*name == '_' || *name == '$')
		name++;
	if (*name == 0)
		name = "field"; /* a name of underscores alone */
	for (size_t i = 0; name[i] && n + 1 < size; i++) {
		if (i > 0 && word_begins(name, i))
			out[n++] = '_';
		if (n + 1 < size)
			out[n++] = name[i] == '$' ? '_' : is_upper(name[i]) ? (char)(name[i] - 'A' + 'a') : name[i];
	}
	out[n] = 0;
}
