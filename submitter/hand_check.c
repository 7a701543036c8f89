#include "submitter/hand_check.h"
#include "common/base/mem.h"
#include "common/evm/address.h"
#include "common/evm/keccak.h"

#include <inttypes.h>

/* What is asked, with that signature: the only bytes that may leave. */
static void compose(struct signing *s, const struct signature *sig, struct arena *a)
{
	struct buf raw = {0};
	tx_encode(&s->tx, sig, &raw);
	s->raw = arena_copy(a, raw.p, raw.n);
	s->nraw = raw.n;
	keccak256(s->hash, raw.p, raw.n);
	buf_fini(&raw);
}

static bool another(const uint8_t is[20], const uint8_t wanted[20], struct err *e)
{
	char one[ADDRESS_TEXT], two[ADDRESS_TEXT];
	address_to_eip55(one, is);
	address_to_eip55(two, wanted);
	return err_set(e, ERR_REJECTED,
		"it gave a signature of %s instead of %s: of another key, or of another transaction", one, two);
}

static bool by(
	const struct signature *sig, const uint8_t digest[32], const uint8_t address[20], struct err *e)
{
	uint8_t who[20];
	if (!key_recover(who, digest, sig, e))
		return err_prefix(e, "it gave no signature that counts");
	return memcmp(who, address, 20) == 0 || another(who, address, e);
}

bool hand_check_signature(
	struct signing *s, const uint8_t address[20], struct arena *a, struct str hex, struct err *e)
{
	uint8_t bytes[65], digest[32];
	struct signature sig;
	bool whole = hex_from(bytes, 65, hex);
	if (!whole && !hex_from(bytes, 64, hex))
		return err_set(e, ERR_MALFORMED,
			"it gave no signature: that is 65 bytes of hex (r, s, v), or 64 (r, s), and came as %zu "
			"characters",
			hex.n);
	memcpy(sig.r, bytes, 32);
	memcpy(sig.s, bytes + 32, 32);
	tx_digest(&s->tx, digest);
	if (whole) {
		int v = bytes[64];
		sig.recid = v >= 27 ? v - 27 : v;
		if (sig.recid > 1)
			return err_set(
				e, ERR_MALFORMED, "it gave a signature whose v is %d; 0, 1, 27 or 28 are its values", v);
	} else {
		struct err none;
		sig.recid = 0;
		if (!by(&sig, digest, address, &none))
			sig.recid = 1;
	}
	if (!by(&sig, digest, address, e))
		return false;
	compose(s, &sig, a);
	return true;
}

#define DIFFERS(what, has, wanted)                                                                         \
	err_set(e, ERR_REJECTED, "it signed another transaction: %s is %" PRIu64 ", asked was %" PRIu64, what, \
		(uint64_t)(has), (uint64_t)(wanted))

static bool same_amount(const char *what, struct u256 has, struct u256 wanted, struct err *e)
{
	char one[U256_DEC_MAX], two[U256_DEC_MAX];
	if (u256_cmp(has, wanted) == 0)
		return true;
	u256_to_dec(one, has);
	u256_to_dec(two, wanted);
	return err_set(
		e, ERR_REJECTED, "it signed another transaction: %s is %s wei, asked was %s", what, one, two);
}

static bool same_place(const struct tx *t, const struct tx *asked, struct err *e)
{
	char one[ADDRESS_TEXT], two[ADDRESS_TEXT];
	if (t->create != asked->create)
		return err_set(
			e, ERR_REJECTED, "it signed another transaction: one %s", t->create ? "without to" : "with to");
	if (t->create || memcmp(t->to, asked->to, 20) == 0)
		return true;
	address_to_eip55(one, t->to);
	address_to_eip55(two, asked->to);
	return err_set(e, ERR_REJECTED, "it signed another transaction: to is %s, asked was %s", one, two);
}

static bool same_tx(const struct tx *t, const struct tx *asked, struct err *e)
{
	if (t->type != asked->type)
		return DIFFERS("type", t->type, asked->type);
	if (t->chain_id != asked->chain_id)
		return DIFFERS("the chain id", t->chain_id, asked->chain_id);
	if (t->nonce != asked->nonce)
		return DIFFERS("the nonce", t->nonce, asked->nonce);
	if (!same_place(t, asked, e) || !same_amount("value", t->value, asked->value, e))
		return false;
	if (t->gas != asked->gas)
		return DIFFERS("the gas limit", t->gas, asked->gas);
	if (!same_amount("the price of gas", t->fee, asked->fee, e))
		return false;
	if (t->type == TX_FEE_MARKET && !same_amount("the tip", t->tip, asked->tip, e))
		return false;
	if (t->data.n != asked->data.n || (t->data.n && memcmp(t->data.p, asked->data.p, t->data.n) != 0))
		return err_set(e, ERR_REJECTED, "it signed another transaction: its data is not what was asked");
	return true;
}

bool hand_check_raw(
	struct signing *s, const uint8_t address[20], struct arena *a, struct str hex, struct err *e)
{
	size_t n = hex.n / 2 - (hex.n >= 2 && hex.p[0] == '0' && (hex.p[1] | 32) == 'x');
	uint8_t *raw = arena_alloc(a, n + 1), sender[20], hash[32];
	struct signature sig;
	struct tx t;
	if (n == 0 || !hex_from(raw, n, hex))
		return err_set(e, ERR_MALFORMED, "it gave a transaction that is no hex");
	if (!tx_decode(a, (struct bytes){raw, n}, &t, &sig, sender, hash, e))
		return err_prefix(e, "it gave no signed transaction");
	if (!same_tx(&t, &s->tx, e))
		return false;
	if (memcmp(sender, address, 20) != 0)
		return another(sender, address, e);
	compose(s, &sig, a);
	if (memcmp(s->hash, hash, 32) == 0)
		return true;
	s->raw = NULL;
	s->nraw = 0;
	return err_set(e, ERR_REJECTED, "it signed another transaction: an access list is in it");
}
