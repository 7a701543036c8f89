#include "common/evm/abi_inner.h"

/* Why a call reverted. (Solidity documentation, "Panic via assert and Error via require"; custom errors are
 * functions) */

enum { TEXT_MAX = 256 }; /* a contract writes the reason: it must not fill our logs */

static const char *panic_words(uint64_t code)
{
	switch (code) {
	case 0x00: return "generic";
	case 0x01: return "assertion failed";
	case 0x11: return "arithmetic overflow";
	case 0x12: return "division by zero";
	case 0x21: return "no such enum value";
	case 0x22: return "storage bytes badly encoded";
	case 0x31: return "pop of an empty array";
	case 0x32: return "array index out of bounds";
	case 0x41: return "too much memory";
	case 0x51: return "call of an empty function variable";
	default: return "unknown";
	}
}

static void put_panic(struct buf *b, const uint8_t word[32])
{
	char hex[U256_HEX_MAX];
	uint64_t code;
	struct u256 v = u256_from_be(word);
	if (u256_to_u64(v, &code) && code < 0x100) {
		buf_printf(b, "Panic 0x%02x: %s", (unsigned)code, panic_words(code));
		return;
	}
	u256_to_hex(hex, v);
	buf_printf(b, "Panic %s: unknown", hex);
}

/* Error(string) is shown as far as it goes: some contracts write it without its padding. */
static void put_error(struct buf *b, struct bytes words)
{
	uint64_t n;
	size_t room = words.n - 64;
	if (!u256_to_u64(u256_from_be(words.p + 32), &n) || n > room)
		n = room;
	buf_text(b, "Error: ");
	abi_clean_text(b, (struct bytes){words.p + 64, n < TEXT_MAX ? (size_t)n : TEXT_MAX});
	if (n > TEXT_MAX)
		buf_text(b, "…");
}

static bool put_named(struct buf *b, const struct abi_entry *x, struct bytes args)
{
	struct arena a = {0};
	struct abi_value *v = arena_alloc(&a, x->nin * sizeof *v);
	bool ok = abi_decode(&a, args, x->in, x->nin, v, NULL);
	if (ok) {
		struct buf text = {0};
		for (size_t i = 0; i < x->nin; i++) {
			buf_text(&text, i > 0 ? ", " : "");
			abi_value_text(&text, &x->in[i].type, &v[i]);
		}
		buf_printf(b, "%s(", x->name);
		abi_clean_text(b, (struct bytes){(const uint8_t *)text.p, text.n < TEXT_MAX ? text.n : TEXT_MAX});
		buf_text(b, text.n > TEXT_MAX ? "…)" : ")");
		buf_fini(&text);
	}
	arena_fini(&a);
	return ok;
}

void abi_revert_text(struct buf *b, const struct abi_entry *entries, size_t n, struct bytes data)
{
	static const uint8_t error[4] = {0x08, 0xc3, 0x79, 0xa0}, panic[4] = {0x4e, 0x48, 0x7b, 0x71};
	if (data.n == 0) {
		buf_text(b, "reverted without a reason");
		return;
	}
	struct bytes args = {data.p + 4, data.n - 4};
	for (size_t i = 0; data.n >= 4 && i < n; i++)
		if (entries[i].kind == ABI_ERROR && memcmp(entries[i].hash, data.p, 4) == 0 &&
			put_named(b, &entries[i], args))
			return;
	if (data.n >= 68 && memcmp(data.p, error, 4) == 0) {
		put_error(b, args);
	} else if (data.n == 36 && memcmp(data.p, panic, 4) == 0) {
		put_panic(b, args.p);
	} else {
		buf_text(b, "0x");
		buf_hex(b, data.p, data.n < 4 ? data.n : 4);
		buf_text(b, " (unknown error)");
	}
}
