#include "common/evm/abi.h"

/* The input is a parameter list's type, a line end, and data. What is decoded, encoded again, is the data;
 * its JSON reads back as the same values where text loses nothing; and memory stays within a small multiple
 * of the data. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	VALUE_PER_WORD = 100
}; /* bytes of arena for a byte of data: 16 levels of one-item arrays are the worst */

static void encode_again(const struct abi_type *t, const struct abi_value *v, struct bytes data)
{
	struct buf b = {0};
	struct err e;
	must(abi_encode(&b, t->fields, t->nfields, v, &e));
	must(b.n == data.n && (b.n == 0 || memcmp(b.p, data.p, b.n) == 0));
	buf_fini(&b);
}

/* Strings may hold broken bytes or NUL, which become U+FFFD, and a JSON reader has its own mind about doubled
 * names. */
static bool text_is_exact(const struct abi_type *t)
{
	switch (t->kind) {
	case ABI_STRING: return false;
	case ABI_ARRAY: return text_is_exact(t->item);
	case ABI_TUPLE:
		for (size_t i = 0; i < t->nfields; i++) {
			if (!text_is_exact(&t->fields[i].type))
				return false;
			for (size_t k = 0; k < i; k++)
				if (text_is(t->fields[i].name, t->fields[k].name))
					return false;
		}
		return true;
	default: return true;
	}
}

static void through_text(
	struct arena *a, const struct abi_type *t, const struct abi_value *v, struct bytes data)
{
	struct abi_value whole = {.items = v, .n = t->nfields}, back;
	struct buf text = {0};
	struct err e;
	abi_value_json(&text, t, &whole);
	must(utf8_valid((struct str){text.p, text.n}));
	if (text_is_exact(t)) {
		must(abi_value_from_text(a, t, (struct str){text.p, text.n}, &back, &e));
		encode_again(t, back.items, data);
	}
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct arena types = {0}, values = {0};
	struct abi_type t;
	if (end && abi_parse_type(&types, (struct str){(const char *)data, (size_t)(end - data)}, &t, NULL) &&
		t.kind == ABI_TUPLE) {
		struct bytes body = {end + 1, size - (size_t)(end + 1 - data)};
		struct abi_value *v = arena_alloc(&types, t.nfields * sizeof *v);
		struct err e = {0};
		bool ok = abi_decode(&values, body, t.fields, t.nfields, v, &e);
		must(values.used <= body.n * VALUE_PER_WORD + t.nfields * sizeof *v + 4096);
		must(ok || (e.class == ERR_MALFORMED && e.text[0]));
		if (ok) {
			encode_again(&t, v, body);
			through_text(&values, &t, v, body);
		}
	}
	arena_fini(&types);
	arena_fini(&values);
	return 0;
}
