#include "common/evm/abi_inner.h"

enum { WORD = 32 };

static bool encode_list(struct buf *out, const struct abi_list *l, const struct abi_value *v, struct err *e);

static void set_word(struct buf *out, size_t at, struct u256 v)
{
	uint8_t be[WORD];
	u256_to_be(be, v);
	memcpy(out->p + at, be, WORD);
}

static size_t put_zeros(struct buf *out, size_t n)
{
	size_t at = out->n;
	memset(buf_room(out, n), 0, n);
	out->n += n;
	return at;
}

static bool misfit(struct err *e, const struct abi_type *t, const char *what)
{
	struct buf b = {0};
	abi_type_text(&b, t);
	err_put(e, ERR_REJECTED, "%s does not fit the type %s", what, b.p);
	buf_fini(&b);
	return false;
}

/* A value of one word, written over the zeros at byte at. */
static bool encode_word(
	struct buf *out, const struct abi_type *t, size_t at, const struct abi_value *v, struct err *e)
{
	size_t n = t->kind == ABI_ADDRESS ? 20 : t->kind == ABI_FUNCTION ? 24 : t->bits;
	switch (t->kind) {
	case ABI_ADDRESS:
		at += 12; /* addresses stand at the right, bytes at the left */
		__attribute__((fallthrough));
	case ABI_BYTESN:
	case ABI_FUNCTION:
		if (v->bytes.n != n)
			return misfit(e, t, "the number of bytes");
		memcpy(out->p + at, v->bytes.p, n);
		return true;
	default:
		if (!abi_number_fits(t, v->number))
			return misfit(e, t, "the number");
		set_word(out, at, v->number);
		return true;
	}
}

/* Appends a dynamic value. */
static bool encode_tail(struct buf *out, const struct abi_type *t, const struct abi_value *v, struct err *e)
{
	if (t->kind == ABI_BYTES || t->kind == ABI_STRING) {
		set_word(out, put_zeros(out, WORD), u256_of(v->bytes.n));
		buf_put(out, v->bytes.p, v->bytes.n);
		put_zeros(out, (WORD - v->bytes.n % WORD) % WORD);
		return true;
	}
	if (t->kind == ABI_TUPLE)
		return v->n == t->nfields
				   ? encode_list(out, &(struct abi_list){.params = t->fields, .n = v->n}, v->items, e)
				   : misfit(e, t, "the number of fields");
	if (t->length < 0)
		set_word(out, put_zeros(out, WORD), u256_of(v->n));
	else if (v->n != (size_t)t->length)
		return misfit(e, t, "the number of items");
	return encode_list(out, &(struct abi_list){.item = t->item, .n = v->n}, v->items, e);
}

/* Writes a static value over the zeros at *at and moves *at behind it. */
static bool encode_static(
	struct buf *out, const struct abi_type *t, size_t *at, const struct abi_value *v, struct err *e)
{
	if (t->kind != ABI_ARRAY && t->kind != ABI_TUPLE) {
		*at += WORD;
		return encode_word(out, t, *at - WORD, v, e);
	}
	if (v->n != (t->kind == ABI_TUPLE ? t->nfields : (size_t)t->length))
		return misfit(e, t, "the number of parts");
	for (size_t i = 0; i < v->n; i++)
		if (!encode_static(out, t->kind == ABI_TUPLE ? &t->fields[i].type : t->item, at, &v->items[i], e))
			return false;
	return true;
}

/* Solidity ABI: "enc(X) = head(X(1)) … head(X(k)) tail(X(1)) … tail(X(k))"; a dynamic part's head is the
 * distance of its tail from the beginning of enc(X). */
static bool encode_list(struct buf *out, const struct abi_list *l, const struct abi_value *v, struct err *e)
{
	size_t base = put_zeros(out, WORD * abi_list_words(l)), head = base;
	for (size_t i = 0; i < l->n; i++) {
		const struct abi_type *t = abi_list_type(l, i);
		bool ok;
		if (abi_dynamic(t)) {
			set_word(out, head, u256_of(out->n - base));
			head += WORD;
			ok = encode_tail(out, t, &v[i], e);
		} else {
			ok = encode_static(out, t, &head, &v[i], e);
		}
		if (!ok)
			return false;
	}
	return true;
}

bool abi_encode(
	struct buf *out, const struct abi_param *p, size_t n, const struct abi_value *v, struct err *e)
{
	size_t start = out->n;
	if (encode_list(out, &(struct abi_list){.params = p, .n = n}, v, e))
		return true;
	out->n = start;
	return false;
}

bool abi_encode_call(struct buf *out, const struct abi_entry *fn, const struct abi_value *v, struct err *e)
{
	size_t start = out->n;
	buf_put(out, fn->hash, 4);
	if (abi_encode(out, fn->in, fn->nin, v, e))
		return true;
	out->n = start;
	return err_prefix(e, "%s", fn->name);
}
