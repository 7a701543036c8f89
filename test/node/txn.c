#include "common/evm/keccak.h"
#include "common/evm/rlp.h"
#include "test/node/chain.h"
#include "test/node/rng.h"

/* Made-up transactions of every kind that a block may hold. Their signatures are numbers of the right form:
 * nobody could have made them. */

static const uint64_t GWEI = 1000000000;

struct txn *chain_make_tx(struct chain *c, uint64_t seed, const uint8_t to[20])
{
	struct txn *t = arena_alloc(c->arena, sizeof *t);
	uint64_t rng = seed;
	rng_fill(&rng, t->from, 20);
	rng_fill(&rng, t->sig.r, 32);
	rng_fill(&rng, t->sig.s, 32);
	t->sig.r[0] &= 0x3f;
	t->sig.s[0] &= 0x3f;
	t->kind = c->legacy ? TX_LEGACY : c->ntypes ? c->types[rng_below(&rng, c->ntypes)] : TX_FEE_MARKET;
	t->tx = (struct tx){.type = t->kind < TX_FEE_MARKET ? (enum tx_type)t->kind : TX_FEE_MARKET,
		.chain_id = c->id,
		.nonce = rng_below(&rng, 1000000),
		.fee = u256_of(1000 * GWEI),
		.tip = u256_of(GWEI),
		.gas = 100000};
	memcpy(t->tx.to, to, 20);
	txn_hash(t);
	return t;
}

void txn_hash(struct txn *t)
{
	struct buf b = {0};
	txn_encode(t, &b);
	keccak256(t->hash, b.p, b.n);
	buf_fini(&b);
}

/* sourceHash from to mint value gas isSystemTx data (OP stack, deposits) */
static void put_deposit(const struct txn *t, struct buf *out)
{
	rlp_bytes(out, t->sig.r, 32);
	rlp_bytes(out, t->from, 20);
	rlp_bytes(out, t->tx.to, 20);
	rlp_u64(out, 0);
	rlp_u256(out, t->tx.value);
	rlp_u64(out, t->tx.gas);
	rlp_u64(out, 0);
	rlp_bytes(out, t->tx.data.p, t->tx.data.n);
}

/* EIP-7702: [[chain_id, address, nonce, y_parity, r, s], …] */
static void put_auths(const struct txn *t, struct buf *out)
{
	size_t list = rlp_list_open(out);
	for (size_t i = 0; i < t->nauths; i++) {
		const struct authorization *a = &t->auths[i];
		size_t one = rlp_list_open(out);
		rlp_u256(out, a->chain_id);
		rlp_bytes(out, a->address, 20);
		rlp_u64(out, a->nonce);
		rlp_u64(out, a->parity);
		rlp_u256(out, a->r);
		rlp_u256(out, a->s);
		rlp_list_close(out, one);
	}
	rlp_list_close(out, list);
}

/* EIP-4844 and EIP-7702: the fields of EIP-1559, then blobs' fee and hashes (none), or authorizations. */
static void put_newer(const struct txn *t, struct buf *out)
{
	const struct tx *x = &t->tx;
	rlp_u64(out, x->chain_id);
	rlp_u64(out, x->nonce);
	rlp_u256(out, x->tip);
	rlp_u256(out, x->fee);
	rlp_u64(out, x->gas);
	rlp_bytes(out, x->to, 20);
	rlp_u256(out, x->value);
	rlp_bytes(out, x->data.p, x->data.n);
	rlp_list_close(out, rlp_list_open(out));
	if (t->kind == TXN_BLOB) {
		rlp_u64(out, 1);
		rlp_list_close(out, rlp_list_open(out));
	} else {
		put_auths(t, out);
	}
	rlp_u64(out, (uint64_t)t->sig.recid);
	rlp_u256(out, u256_from_be(t->sig.r));
	rlp_u256(out, u256_from_be(t->sig.s));
}

void txn_encode(const struct txn *t, struct buf *out)
{
	if (t->kind <= TX_FEE_MARKET) {
		tx_encode(&t->tx, &t->sig, out);
		return;
	}
	buf_char(out, (char)t->kind);
	size_t list = rlp_list_open(out);
	if (t->kind == TXN_DEPOSIT)
		put_deposit(t, out);
	else
		put_newer(t, out);
	rlp_list_close(out, list);
}
