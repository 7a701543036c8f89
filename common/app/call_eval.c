#include "common/app/call.h"
#include "common/app/config.h"
#include "common/evm/address.h"
#include "common/evm/keccak.h"

struct eval {
	struct arena *a;
	const struct call_scope *scope;
	struct err *e;
};

static bool text_of(const struct eval *v, const struct call *c, struct str *out);

static struct str keep(const struct eval *v, struct buf *b)
{
	struct str s = {arena_textn(v->a, b->p ? b->p : "", b->n), b->n};
	buf_fini(b);
	return s;
}

static struct str hex_text(const struct eval *v, const uint8_t *p, size_t n)
{
	char *out = arena_alloc(v->a, 2 * n + 3);
	hex_to_0x(out, p, n);
	return (struct str){out, 2 * n + 2};
}

static bool bytes_of_hex(const struct eval *v, struct str text, struct bytes *out)
{
	bool prefixed = text.n >= 2 && text.p[0] == '0' && text.p[1] == 'x';
	size_t n = prefixed ? (text.n - 2) / 2 : 0;
	uint8_t *p = arena_alloc(v->a, n + 1);
	if (!prefixed || !hex_from(p, n, text))
		return err_set(v->e, ERR_REJECTED, "%.*s is not 0x and pairs of hex digits",
			text.n > 70 ? 70 : (int)text.n, text.p);
	*out = (struct bytes){p, n};
	return true;
}

/* Does the expression stand for bytes (hex, pack, encode, keccak, hash32) rather than for a text? */
static bool is_bytes(const struct call *c)
{
	return c->kind == CALL_BUILTIN && !str_is(c->text, "cid");
}

/* keccak(x): the UTF-8 of a text, also of '0x12'; or the bytes that an inner function gives. */
static bool keccak_of(const struct eval *v, const struct call *arg, struct str *out)
{
	struct str text;
	struct bytes in;
	uint8_t hash[32];
	if (!text_of(v, arg, &text))
		return false;
	in = (struct bytes){(const uint8_t *)text.p, text.n};
	if (is_bytes(arg) && !bytes_of_hex(v, text, &in))
		return false;
	keccak256(hash, in.p, in.n);
	*out = hex_text(v, hash, sizeof hash);
	return true;
}

static bool value_of(
	const struct eval *v, const struct call *c, const struct abi_type *t, struct abi_value *out);

/* abi.encodePacked (Solidity, "Non-standard Packed Mode"): no padding, but elements of arrays are padded to
 * 32 bytes. */
static bool pack(
	const struct eval *v, struct buf *b, const struct abi_type *t, const struct abi_value *x, bool padded)
{
	uint8_t word[32];
	size_t n = padded ? 32 : t->bits / 8;
	switch (t->kind) {
	case ABI_UINT:
	case ABI_INT:
	case ABI_BOOL:
		u256_to_be(word, x->number);
		n = t->kind == ABI_BOOL && !padded ? 1 : n;
		buf_put(b, word + 32 - n, n);
		return true;
	case ABI_ADDRESS:
		memset(word, 0, 12);
		buf_put(b, word, padded ? 12 : 0);
		buf_put(b, x->bytes.p, 20);
		return true;
	case ABI_BYTESN:
		memset(word, 0, 32);
		buf_put(b, x->bytes.p, x->bytes.n);
		buf_put(b, word, padded ? 32 - x->bytes.n : 0);
		return true;
	case ABI_BYTES:
	case ABI_STRING:
		if (!padded) {
			buf_put(b, x->bytes.p, x->bytes.n);
			return true;
		}
		break;
	case ABI_ARRAY:
		if (padded || t->item->kind == ABI_ARRAY)
			break;
		for (size_t i = 0; i < x->n; i++)
			if (!pack(v, b, t->item, &x->items[i], true))
				return false;
		return true;
	default: break;
	}
	return err_set(
		v->e, ERR_REJECTED, "pack takes no tuples, no nested arrays and no arrays of bytes or string");
}

static bool packed(const struct eval *v, const struct call *c, struct str *out)
{
	struct buf b = {0};
	bool good = true;
	for (size_t i = 0; good && i < c->nargs; i++) {
		struct abi_value x = {0};
		good = value_of(v, &c->args[i], c->args[i].given, &x) && pack(v, &b, c->args[i].given, &x, false);
	}
	if (good)
		*out = hex_text(v, (const uint8_t *)b.p, b.n);
	buf_fini(&b);
	return good;
}

static bool encoded(const struct eval *v, const struct call *c, struct str *out)
{
	struct abi_param *p = arena_alloc(v->a, (c->nargs + 1) * sizeof *p);
	struct abi_value *x = arena_alloc(v->a, (c->nargs + 1) * sizeof *x);
	struct buf b = {0};
	for (size_t i = 0; i < c->nargs; i++) {
		p[i] = (struct abi_param){.name = "", .type = *c->args[i].given};
		if (!value_of(v, &c->args[i], &p[i].type, &x[i]))
			return false;
	}
	bool good = abi_encode(&b, p, c->nargs, x, v->e);
	if (good)
		*out = hex_text(v, (const uint8_t *)b.p, b.n);
	buf_fini(&b);
	return good;
}

static bool builtin(const struct eval *v, const struct call *c, struct str *out)
{
	struct bytes b;
	uint8_t hash[32];
	if (str_is(c->text, "keccak"))
		return keccak_of(v, &c->args[0], out);
	if (str_is(c->text, "pack"))
		return packed(v, c, out);
	if (str_is(c->text, "encode"))
		return encoded(v, c, out);
	if (str_is(c->text, "hash32")) {
		if (!text_of(v, &c->args[0], out))
			return false;
		if (out->n != 66 || !hex_from(hash, 32, *out))
			return keccak_of(v, &c->args[0], out);
		char lower[67]; /* the text form of §10 */
		hex_to_0x(lower, hash, 32);
		*out = str_of(arena_text(v->a, lower));
		return true;
	}
	if (str_is(c->text, "hex"))
		return text_of(v, &c->args[0], out) && bytes_of_hex(v, *out, &b);
	return err_set(v->e, ERR_REJECTED, "%.*s() can't be computed here", (int)c->text.n, c->text.p);
}

/* (a, b) and [a, b] as JSON, the text form of tuples and arrays. */
static bool members_json(const struct eval *v, const struct call *c, struct str *out)
{
	struct buf b = {0};
	buf_char(&b, '[');
	for (size_t i = 0; i < c->nargs; i++) {
		struct str s;
		if (!text_of(v, &c->args[i], &s)) {
			buf_fini(&b);
			return false;
		}
		if (i)
			buf_char(&b, ',');
		if (c->args[i].kind == CALL_TUPLE || c->args[i].kind == CALL_ARRAY)
			buf_str(&b, s);
		else
			buf_json(&b, s);
	}
	buf_char(&b, ']');
	*out = keep(v, &b);
	return true;
}

static bool column_json(const struct eval *v, const struct call *c, struct str *out)
{
	struct buf b = {0};
	buf_char(&b, '[');
	for (size_t i = 0; i < v->scope->items; i++) {
		struct str s;
		if (!v->scope->item(v->scope->arg, i, c->text, &s, v->e)) {
			buf_fini(&b);
			return false;
		}
		if (i)
			buf_char(&b, ',');
		buf_json(&b, s);
	}
	buf_char(&b, ']');
	*out = keep(v, &b);
	return true;
}

static bool text_of(const struct eval *v, const struct call *c, struct str *out)
{
	const uint8_t *address;
	switch (c->kind) {
	case CALL_NAME: return v->scope->name(v->scope->arg, c->text, out, v->e);
	case CALL_COLUMN: return column_json(v, c, out);
	case CALL_NUMBER:
	case CALL_TEXT: *out = c->text; return true;
	case CALL_BOOL: *out = c->flag ? STR("true") : STR("false"); return true;
	case CALL_TUPLE:
	case CALL_ARRAY: return members_json(v, c, out);
	case CALL_BUILTIN: return builtin(v, c, out);
	case CALL_ADDRESS:
		address = v->scope->address ? v->scope->address(v->scope->arg, c->signer) : NULL;
		if (!address)
			return err_set(v->e, ERR_TRANSIENT, "the address of %s is not known yet", c->signer->name);
		*out = hex_text(v, address, 20);
		return true;
	case CALL_CHAIN: break;
	}
	return err_set(v->e, ERR_REJECTED, "the answer of a contract is not known here");
}

static bool items_of(
	const struct eval *v, const struct call *c, const struct abi_type *t, struct abi_value *out)
{
	struct abi_value *items = arena_alloc(v->a, (c->nargs + 1) * sizeof *items);
	for (size_t i = 0; i < c->nargs; i++)
		if (!value_of(v, &c->args[i], t->kind == ABI_TUPLE ? &t->fields[i].type : t->item, &items[i]))
			return false;
	*out = (struct abi_value){.items = items, .n = c->nargs};
	return true;
}

static bool column_of(
	const struct eval *v, const struct call *c, const struct abi_type *t, struct abi_value *out)
{
	struct abi_value *items = arena_alloc(v->a, (v->scope->items + 1) * sizeof *items);
	for (size_t i = 0; i < v->scope->items; i++) {
		struct str s;
		if (!v->scope->item(v->scope->arg, i, c->text, &s, v->e))
			return false;
		if (!abi_value_from_text(v->a, t->item, s, &items[i], v->e))
			return err_prefix(v->e, "%.*s of item %zu", (int)c->text.n, c->text.p, i + 1);
	}
	*out = (struct abi_value){.items = items, .n = v->scope->items};
	return true;
}

static bool value_of(
	const struct eval *v, const struct call *c, const struct abi_type *t, struct abi_value *out)
{
	if ((c->kind == CALL_TUPLE && t->kind == ABI_TUPLE && t->nfields == c->nargs) ||
		(c->kind == CALL_ARRAY && t->kind == ABI_ARRAY && (t->length < 0 || (size_t)t->length == c->nargs)))
		return items_of(v, c, t, out);
	if (c->kind == CALL_COLUMN && t->kind == ABI_ARRAY)
		return column_of(v, c, t, out);
	struct str s;
	if (!text_of(v, c, &s))
		return false;
	if (abi_value_from_text(v->a, t, s, out, v->e))
		return true;
	return c->kind == CALL_NAME ? err_prefix(v->e, "%.*s", (int)c->text.n, c->text.p) : false;
}

bool call_encode(
	struct arena *a, const struct call *c, const struct call_scope *scope, struct buf *out, struct err *e)
{
	must(c->kind == CALL_CHAIN && c->fn && c->fn->nin == c->nargs);
	struct eval v = {a, scope, e};
	struct abi_value *args = arena_alloc(a, (c->nargs + 1) * sizeof *args);
	for (size_t i = 0; i < c->nargs; i++)
		if (!value_of(&v, &c->args[i], &c->fn->in[i].type, &args[i]))
			return err_prefix(e, "argument %s of %s.%s", c->fn->in[i].name, c->contract->name, c->fn->as);
	return abi_encode_call(out, c->fn, args, e);
}

static struct str type_form(const struct eval *v, const struct abi_type *t, const struct abi_value *x)
{
	struct buf b = {0};
	abi_value_text(&b, t, x);
	return keep(v, &b);
}

bool call_text(struct arena *a, const struct call *c, const struct abi_type *t,
	const struct call_scope *scope, struct str *out, struct err *e)
{
	struct eval v = {a, scope, e};
	struct abi_value x = {0};
	if (!t)
		return text_of(&v, c, out);
	if (!value_of(&v, c, t, &x))
		return false;
	*out = type_form(&v, t, &x);
	return true;
}

/* The outputs of fn, decoded; at least one. */
static bool outputs(
	struct arena *a, const struct call *c, struct bytes ret, struct abi_value **out, struct err *e)
{
	must(c->kind == CALL_CHAIN && c->fn);
	*out = arena_alloc(a, (c->fn->nout + 1) * sizeof **out);
	if (c->fn->nout == 0)
		return err_set(e, ERR_REJECTED, "%s.%s gives nothing back", c->contract->name, c->fn->as);
	return abi_decode(a, ret, c->fn->out, c->fn->nout, *out, e) ||
		   err_prefix(e, "%s.%s", c->contract->name, c->fn->as);
}

bool check_holds(struct arena *a, const struct check *k, struct bytes ret, const struct call_scope *scope,
	bool *holds, struct err *e)
{
	struct abi_value *values;
	struct eval v = {a, scope, e};
	struct str right;
	if (!outputs(a, &k->left, ret, &values, e))
		return false;
	const struct abi_type *t = &k->left.fn->out[0].type;
	if (!k->has_right) {
		*holds = !u256_is_zero(values[0].number);
		return true;
	}
	if (!call_text(a, &k->right, t, scope, &right, e))
		return false;
	*holds = str_eq(type_form(&v, t, &values[0]), right);
	return true;
}

bool call_result_text(struct arena *a, const struct call *c, struct bytes ret, struct str *out, struct err *e)
{
	struct abi_value *values;
	struct eval v = {a, NULL, e};
	if (!outputs(a, c, ret, &values, e))
		return false;
	*out = type_form(&v, &c->fn->out[0].type, &values[0]);
	return true;
}
