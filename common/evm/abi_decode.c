#include "common/evm/abi_inner.h"

/* What is accepted is exactly what abi_encode writes: each tail begins where the one before it ended. So no
 * two values share bytes, every length is paid for with bytes, and a decoder can't be made to build more than
 * it was given. */

enum { WORD = 32 };

struct decoder {
	struct arena *arena;
	struct bytes data;
	struct err *e;
};

static bool decode_list(
	struct decoder *d, const struct abi_list *l, size_t base, struct abi_value *v, size_t *end);

static const uint8_t *word_at(struct decoder *d, size_t at)
{
	if (at > d->data.n || d->data.n - at < WORD) {
		err_put(d->e, ERR_MALFORMED, "ABI data ends at byte %zu, inside a word", d->data.n);
		return NULL;
	}
	return d->data.p + at;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;
	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

static bool size_word(struct decoder *d, size_t at, size_t *out)
{
	uint64_t v;
	const uint8_t *w = word_at(d, at);
	if (!w)
		return false;
	if (!u256_to_u64(u256_from_be(w), &v) || v > d->data.n)
		return err_set(d->e, ERR_MALFORMED, "ABI length or offset at byte %zu is over the data's size", at);
	*out = (size_t)v;
	return true;
}

/* A value of one word. */
static bool decode_word(
	struct err *e, const struct abi_type *t, const uint8_t *w, size_t at, struct abi_value *v)
{
	switch (t->kind) {
	case ABI_ADDRESS:
		v->bytes = (struct bytes){w + 12, 20};
		return all_zero(w, 12) ? true
							   : err_set(e, ERR_MALFORMED, "ABI address at byte %zu has high bits", at);
	case ABI_BYTESN:
	case ABI_FUNCTION:
		v->bytes = (struct bytes){w, t->kind == ABI_BYTESN ? t->bits : 24};
		return all_zero(w + v->bytes.n, WORD - v->bytes.n)
				   ? true
				   : err_set(e, ERR_MALFORMED, "ABI bytes at byte %zu have padding that is not zero", at);
	default:
		v->number = u256_from_be(w);
		return abi_number_fits(t, v->number)
				   ? true
				   : err_set(e, ERR_MALFORMED, "ABI number at byte %zu does not fit its type", at);
	}
}

static bool decode_bytes(struct decoder *d, size_t at, struct abi_value *v, size_t *end)
{
	size_t n;
	if (!size_word(d, at, &n))
		return false;
	size_t start = at + WORD, padded = (n + WORD - 1) / WORD * WORD;
	if (padded > d->data.n - start)
		return err_set(d->e, ERR_MALFORMED, "ABI data ends inside the %zu bytes at byte %zu", n, at);
	v->bytes = (struct bytes){d->data.p + start, n};
	*end = start + padded;
	if (!all_zero(d->data.p + start + n, padded - n))
		return err_set(d->e, ERR_MALFORMED, "ABI bytes at byte %zu have padding that is not zero", at);
	return true;
}

static bool decode_array(
	struct decoder *d, const struct abi_type *t, size_t at, struct abi_value *v, size_t *end)
{
	size_t n = (size_t)t->length;
	if (t->length < 0) {
		if (!size_word(d, at, &n))
			return false;
		at += WORD;
	}
	if (n > (d->data.n - at) / (WORD * abi_words(t->item)))
		return err_set(d->e, ERR_MALFORMED, "ABI data ends inside the array of %zu at byte %zu", n, at);
	struct abi_value *items = arena_alloc(d->arena, n * sizeof *items);
	*v = (struct abi_value){.items = items, .n = n};
	return decode_list(d, &(struct abi_list){.item = t->item, .n = n}, at, items, end);
}

static bool decode_tuple(
	struct decoder *d, const struct abi_type *t, size_t at, struct abi_value *v, size_t *end)
{
	struct abi_value *items = arena_alloc(d->arena, t->nfields * sizeof *items);
	*v = (struct abi_value){.items = items, .n = t->nfields};
	return decode_list(d, &(struct abi_list){.params = t->fields, .n = t->nfields}, at, items, end);
}

/* The value that stands at byte at; *end: the first byte behind it. */
static bool decode_value(
	struct decoder *d, const struct abi_type *t, size_t at, struct abi_value *v, size_t *end)
{
	switch (t->kind) {
	case ABI_BYTES:
	case ABI_STRING: return decode_bytes(d, at, v, end);
	case ABI_ARRAY: return decode_array(d, t, at, v, end);
	case ABI_TUPLE: return decode_tuple(d, t, at, v, end);
	default: break;
	}
	const uint8_t *w = word_at(d, at);
	*end = at + WORD;
	return w && decode_word(d->e, t, w, at, v);
}

static bool decode_list(
	struct decoder *d, const struct abi_list *l, size_t base, struct abi_value *v, size_t *end)
{
	size_t head = base, tail = base + WORD * abi_list_words(l), offset;
	if (tail > d->data.n)
		return err_set(
			d->e, ERR_MALFORMED, "ABI data ends at byte %zu; its head alone needs %zu", d->data.n, tail);
	for (size_t i = 0; i < l->n; i++) {
		if (abi_list_skips(l, i))
			continue;
		const struct abi_type *t = abi_list_type(l, i);
		if (!abi_dynamic(t)) {
			if (!decode_value(d, t, head, &v[i], &head))
				return false;
			continue;
		}
		if (!size_word(d, head, &offset))
			return false;
		if (offset != tail - base)
			return err_set(d->e, ERR_MALFORMED, "ABI offset at byte %zu is %zu where only %zu is canonical",
				head, offset, tail - base);
		if (!decode_value(d, t, tail, &v[i], &tail))
			return false;
		head += WORD;
	}
	*end = tail;
	return true;
}

static bool decode_all(struct decoder *d, const struct abi_list *l, struct abi_value *v)
{
	size_t end;
	for (size_t i = 0; i < l->n; i++)
		v[i] = (struct abi_value){.n = 0};
	if (!decode_list(d, l, 0, v, &end))
		return false;
	if (end != d->data.n)
		return err_set(d->e, ERR_MALFORMED, "ABI data has %zu bytes behind its end", d->data.n - end);
	return true;
}

bool abi_decode(struct arena *a, struct bytes data, const struct abi_param *p, size_t n, struct abi_value *v,
	struct err *e)
{
	struct decoder d = {a, data, e};
	return decode_all(&d, &(struct abi_list){.params = p, .n = n}, v);
}

/* Solidity ABI, "Events": topics[0] is the signature's hash unless the event is anonymous; then come the
 * indexed values, those of dynamic, array and tuple types as their keccak256. */
bool abi_decode_log(struct arena *a, const struct abi_entry *ev, const uint8_t (*topics)[32], size_t ntopics,
	struct bytes data, struct abi_value *v, struct err *e)
{
	size_t next = 0, indexed = 0;
	for (size_t i = 0; i < ev->nin; i++)
		indexed += ev->in[i].indexed;
	if (!ev->anonymous && (ntopics == 0 || memcmp(topics[next++], ev->hash, 32) != 0))
		return err_set(e, ERR_MALFORMED, "the log's first topic is not %s", ev->signature);
	if (ntopics - next != indexed)
		return err_set(e, ERR_MALFORMED, "the log has %zu topics where %s as declared has %zu", ntopics,
			ev->signature, next + indexed);
	struct decoder d = {a, data, e};
	if (!decode_all(&d, &(struct abi_list){.params = ev->in, .n = ev->nin, .skip_indexed = true}, v))
		return err_prefix(e, "a log of %s", ev->signature);
	for (size_t i = 0; i < ev->nin; i++) {
		if (!ev->in[i].indexed)
			continue;
		const uint8_t *topic = topics[next++];
		if (abi_indexed_is_hash(&ev->in[i]))
			v[i].bytes = (struct bytes){topic, 32};
		else if (!decode_word(e, &ev->in[i].type, topic, 0, &v[i]))
			return err_prefix(e, "a topic of %s", ev->signature);
	}
	return true;
}
