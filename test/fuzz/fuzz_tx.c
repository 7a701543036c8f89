#include "common/base/mem.h"
#include "common/evm/keccak.h"
#include "common/evm/tx.h"

/* Any bytes as a signed transaction. What is accepted, encoded again, is the input, and its hash is the
 * input's. Because a generated signature is nearly never one, the fields alone are tried too: an unsigned
 * body gets a signature appended. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool try_tx(struct bytes raw, struct tx *t, struct arena *a)
{
	struct signature sig;
	struct buf b = {0};
	struct err e = {0};
	uint8_t sender[20], hash[32], wanted[32];
	bool ok = tx_decode(a, raw, t, &sig, sender, hash, &e);
	must(a->used <= raw.n * 16 + 4096);
	must(ok || (e.class == ERR_MALFORMED && e.text[0]));
	if (ok) {
		tx_encode(t, &sig, &b);
		must(b.n == raw.n && memcmp(b.p, raw.p, b.n) == 0);
		keccak256(wanted, raw.p, raw.n);
		must(memcmp(hash, wanted, 32) == 0);
	}
	buf_fini(&b);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct key *k;
	struct arena a = {0};
	struct tx t;
	if (!k)
		k = key_from_hex(STR("4646464646464646464646464646464646464646464646464646464646464646"), NULL);
	if (try_tx((struct bytes){data, size}, &t, &a) && t.chain_id > 0 &&
		(t.type != TX_FEE_MARKET || u256_cmp(t.tip, t.fee) <= 0)) {
		/* signed by us, it is another transaction of the same fields */
		struct buf raw = {0};
		struct arena other = {0};
		uint8_t hash[32];
		struct tx again;
		tx_sign(&t, k, &raw, hash);
		must(try_tx((struct bytes){(const uint8_t *)raw.p, raw.n}, &again, &other));
		must(again.nonce == t.nonce && again.naccess == t.naccess && u256_cmp(again.fee, t.fee) == 0);
		buf_fini(&raw);
		arena_fini(&other);
	}
	arena_fini(&a);
	return 0;
}
