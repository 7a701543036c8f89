#include "common/evm/tx.h"
#include "common/base/mem.h"
#include "common/evm/keccak.h"
#include "common/evm/rlp.h"

static void put_access_list(struct buf *b, const struct tx *t)
{
	size_t list = rlp_list_open(b);
	for (size_t i = 0; i < t->naccess; i++) {
		size_t pair = rlp_list_open(b);
		rlp_bytes(b, t->access[i].address, 20);
		size_t keys = rlp_list_open(b);
		for (size_t k = 0; k < t->access[i].nkeys; k++)
			rlp_bytes(b, t->access[i].keys[k], 32);
		rlp_list_close(b, keys);
		rlp_list_close(b, pair);
	}
	rlp_list_close(b, list);
}

/* EIP-155: "v = {0,1} + CHAIN_ID * 2 + 35"; before it {0,1} + 27. */
static struct u256 legacy_v(const struct tx *t, int recid)
{
	struct u256 v = u256_of((uint64_t)recid + 27);
	if (t->chain_id > 0)
		must(
			u256_mul(&v, u256_of(t->chain_id), u256_of(2)) && u256_add(&v, v, u256_of((uint64_t)recid + 35)));
	return v;
}

static void put_signature(struct buf *b, const struct tx *t, const struct signature *sig)
{
	if (t->type == TX_LEGACY)
		rlp_u256(b, legacy_v(t, sig->recid));
	else
		rlp_u64(b, (uint64_t)sig->recid);
	rlp_u256(b, u256_from_be(sig->r));
	rlp_u256(b, u256_from_be(sig->s));
}

/* EIP-155: "instead of hashing only six rlp encoded elements (nonce, gasprice, startgas, to, value, data),
 * you SHOULD hash nine rlp encoded elements (nonce, gasprice, startgas, to, value, data, chainid, 0, 0)". */
static void put_replay_protection(struct buf *b, const struct tx *t)
{
	if (t->type != TX_LEGACY || t->chain_id == 0)
		return;
	rlp_u64(b, t->chain_id);
	rlp_u64(b, 0);
	rlp_u64(b, 0);
}

void tx_encode(const struct tx *t, const struct signature *sig, struct buf *out)
{
	if (t->type != TX_LEGACY)
		buf_char(out, (char)t->type); /* EIP-2718: TransactionType || TransactionPayload */
	size_t list = rlp_list_open(out);
	if (t->type != TX_LEGACY)
		rlp_u64(out, t->chain_id);
	rlp_u64(out, t->nonce);
	if (t->type == TX_FEE_MARKET)
		rlp_u256(out, t->tip);
	rlp_u256(out, t->fee);
	rlp_u64(out, t->gas);
	rlp_bytes(out, t->to, t->create ? 0 : 20);
	rlp_u256(out, t->value);
	rlp_bytes(out, t->data.p, t->data.n);
	if (t->type != TX_LEGACY)
		put_access_list(out, t);
	if (sig)
		put_signature(out, t, sig);
	else
		put_replay_protection(out, t);
	rlp_list_close(out, list);
}

void tx_digest(const struct tx *t, uint8_t digest[32])
{
	struct buf b = {0};
	tx_encode(t, NULL, &b);
	keccak256(digest, b.p, b.n);
	buf_fini(&b);
}

void tx_finish(const struct tx *t, const struct signature *sig, struct buf *raw, uint8_t hash[32])
{
	must(t->chain_id > 0);
	must(t->type != TX_FEE_MARKET || u256_cmp(t->tip, t->fee) <= 0);
	size_t start = raw->n;
	tx_encode(t, sig, raw);
	keccak256(hash, raw->p + start, raw->n - start);
}

void tx_sign(const struct tx *t, const struct key *k, struct buf *raw, uint8_t hash[32])
{
	uint8_t digest[32];
	struct signature sig;
	tx_digest(t, digest);
	key_sign(k, digest, &sig);
	tx_finish(t, &sig, raw, hash);
}

static bool exactly(struct rlp *r, uint8_t *out, size_t n, const char *what, struct err *e)
{
	struct bytes b;
	if (!rlp_next_bytes(r, &b, e))
		return err_prefix(e, "%s", what);
	if (b.n != n)
		return err_set(e, ERR_MALFORMED, "%s has %zu bytes, not %zu", what, b.n, n);
	memcpy(out, b.p, n);
	return true;
}

static bool take_to(struct rlp *r, struct tx *t, struct err *e)
{
	struct rlp peek = *r;
	struct bytes b;
	if (!rlp_next_bytes(&peek, &b, e))
		return err_prefix(e, "to");
	t->create = b.n == 0;
	if (t->create)
		*r = peek;
	return t->create || exactly(r, t->to, 20, "to", e);
}

static bool count_items(struct rlp r, size_t *n, struct err *e)
{
	bool is_list;
	struct bytes payload;
	for (*n = 0; r.n > 0; ++*n)
		if (!rlp_next(&r, &is_list, &payload, e))
			return false;
	return true;
}

static bool take_keys(struct arena *a, struct rlp r, struct tx_access *out, struct err *e)
{
	if (!count_items(r, &out->nkeys, e))
		return false;
	uint8_t(*keys)[32] = arena_alloc(a, out->nkeys * sizeof *keys);
	out->keys = (const uint8_t(*)[32])keys;
	for (size_t i = 0; i < out->nkeys; i++)
		if (!exactly(&r, keys[i], 32, "a storage key of the access list", e))
			return false;
	return true;
}

static bool take_access_list(struct arena *a, struct rlp *r, struct tx *t, struct err *e)
{
	struct rlp list, pair, keys;
	if (!rlp_next_list(r, &list, e) || !count_items(list, &t->naccess, e))
		return err_prefix(e, "the access list");
	struct tx_access *access = arena_alloc(a, t->naccess * sizeof *access);
	t->access = access;
	for (size_t i = 0; i < t->naccess; i++) {
		if (!rlp_next_list(&list, &pair, e) ||
			!exactly(&pair, access[i].address, 20, "an address of the access list", e) ||
			!rlp_next_list(&pair, &keys, e) || !take_keys(a, keys, &access[i], e))
			return err_prefix(e, "the access list");
		if (pair.n > 0)
			return err_set(e, ERR_MALFORMED, "the access list has an entry of more than two parts");
	}
	return true;
}

/* v = 27, 28: before EIP-155. v ≥ 37: EIP-155. Nothing else is a legacy transaction; chain id 0 (35, 36) has
 * no network. */
static bool take_legacy_v(struct rlp *r, struct tx *t, int *recid, struct err *e)
{
	struct u256 v;
	if (!rlp_next_u256(r, &v, e))
		return err_prefix(e, "v");
	if (u256_cmp(v, u256_of(27)) == 0 || u256_cmp(v, u256_of(28)) == 0) {
		*recid = (int)(v.w[0] - 27);
		return true;
	}
	uint64_t parity;
	if (u256_lt(v, u256_of(37)) || !u256_sub(&v, v, u256_of(35)) ||
		!u256_to_u64(u256_div64(v, 2, &parity), &t->chain_id))
		return err_set(e, ERR_MALFORMED, "v is neither 27, 28 nor a chain id's (EIP-155)");
	*recid = (int)parity;
	return true;
}

static bool take_signature(struct rlp *r, struct tx *t, struct signature *sig, struct err *e)
{
	struct u256 number;
	uint64_t parity = 0;
	if (t->type == TX_LEGACY) {
		if (!take_legacy_v(r, t, &sig->recid, e))
			return false;
	} else if (!rlp_next_u64(r, &parity, e) || parity > 1) {
		return err_set(e, ERR_MALFORMED, "the signature's parity is not 0 or 1");
	} else {
		sig->recid = (int)parity;
	}
	if (!rlp_next_u256(r, &number, e))
		return err_prefix(e, "r");
	u256_to_be(sig->r, number);
	if (!rlp_next_u256(r, &number, e))
		return err_prefix(e, "s");
	u256_to_be(sig->s, number);
	return true;
}

static bool take_fields(struct arena *a, struct rlp *r, struct tx *t, struct err *e)
{
	if (t->type != TX_LEGACY && !rlp_next_u64(r, &t->chain_id, e))
		return err_prefix(e, "the chain id");
	if (!rlp_next_u64(r, &t->nonce, e))
		return err_prefix(e, "the nonce");
	if (t->type == TX_FEE_MARKET && !rlp_next_u256(r, &t->tip, e))
		return err_prefix(e, "the tip");
	if (!rlp_next_u256(r, &t->fee, e))
		return err_prefix(e, "the fee");
	if (!rlp_next_u64(r, &t->gas, e))
		return err_prefix(e, "the gas");
	if (!take_to(r, t, e))
		return false;
	if (!rlp_next_u256(r, &t->value, e))
		return err_prefix(e, "the value");
	if (!rlp_next_bytes(r, &t->data, e))
		return err_prefix(e, "the data");
	return t->type == TX_LEGACY || take_access_list(a, r, t, e);
}

bool tx_read(struct arena *a, struct bytes raw, struct tx *t, struct signature *sig, struct err *e)
{
	struct rlp r = {raw.p, raw.n}, list;
	*t = (struct tx){.type = TX_LEGACY};
	*sig = (struct signature){.recid = 0};
	if (raw.n == 0)
		return err_set(e, ERR_MALFORMED, "a transaction has at least one byte");
	/* EIP-2718: a first byte up to 0x7f is a type, one from 0xc0 on begins a legacy transaction's list. */
	if (raw.p[0] == TX_ACCESS_LIST || raw.p[0] == TX_FEE_MARKET) {
		t->type = (enum tx_type)raw.p[0];
		r = (struct rlp){raw.p + 1, raw.n - 1};
	} else if (raw.p[0] < 0xc0) {
		return err_set(e, ERR_MALFORMED, "transaction type 0x%02x is not 0, 1 or 2", raw.p[0]);
	}
	if (!rlp_next_list(&r, &list, e))
		return err_prefix(e, "the transaction");
	if (r.n > 0)
		return err_set(e, ERR_MALFORMED, "the transaction has %zu bytes behind its end", r.n);
	if (!take_fields(a, &list, t, e) || !take_signature(&list, t, sig, e))
		return false;
	if (list.n > 0)
		return err_set(e, ERR_MALFORMED, "the transaction has %zu bytes behind its signature", list.n);
	return true;
}

bool tx_decode(struct arena *a, struct bytes raw, struct tx *t, struct signature *sig, uint8_t sender[20],
	uint8_t hash[32], struct err *e)
{
	uint8_t digest[32];
	if (!tx_read(a, raw, t, sig, e))
		return false;
	tx_digest(t, digest);
	if (!key_recover(sender, digest, sig, e))
		return false;
	keccak256(hash, raw.p, raw.n);
	return true;
}
