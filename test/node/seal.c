#include "common/evm/keccak.h"
#include "common/evm/rlp.h"
#include "common/evm/trie.h"
#include "test/node/chain.h"

#include <stdlib.h>

/* keccak256(rlp([])): a block without uncles. */
static const uint8_t no_uncles[32] = {0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67,
	0xb6, 0xcc, 0xd4, 0x1a, 0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40,
	0xd4, 0x93, 0x47};

void block_log(const struct block *k, uint32_t tx, uint32_t i, struct arena *a, struct log *out)
{
	const struct mined *m = &k->txs[tx];
	*out = (struct log){.block = k->number,
		.tx_index = tx,
		.log_index = k->index_per_tx ? i : m->first_log + i,
		.has_time = true,
		.time = k->time};
	memcpy(out->block_hash, k->hash, 32);
	memcpy(out->tx_hash, m->txn->hash, 32);
	for (uint32_t r = 0; r < m->nruns; r++) {
		if (i < m->runs[r].count) {
			shape_log(m->runs[r].shape, m->seed, m->runs[r].first + i, a, out);
			return;
		}
		i -= m->runs[r].count;
	}
	err_bug(__FILE__, __LINE__, "a transaction has that log");
}

/* Yellow Paper 4.3.1, with the bits of the last few values kept: nearly all logs share address and topic. */
struct bloomer {
	uint8_t *block; /* the block's bloom */
	struct {
		uint8_t value[32];
		size_t n;
		uint8_t bloom[256];
	} last[2];
};

static void add_value(struct bloomer *s, uint8_t bloom[256], unsigned slot, const uint8_t *p, size_t n)
{
	if (s->last[slot].n != n || memcmp(s->last[slot].value, p, n) != 0) {
		memcpy(s->last[slot].value, p, n);
		s->last[slot].n = n;
		memset(s->last[slot].bloom, 0, 256);
		bloom_add(s->last[slot].bloom, p, n);
	}
	for (size_t i = 0; i < 256; i++)
		bloom[i] |= s->last[slot].bloom[i];
}

static void add_log(struct bloomer *s, uint8_t bloom[256], const struct log *l)
{
	add_value(s, bloom, 0, l->address, 20);
	for (unsigned t = 0; t < l->ntopics; t++)
		if (t == 0)
			add_value(s, bloom, 1, l->topics[0], 32);
		else
			bloom_add(bloom, l->topics[t], 32);
}

static void put_log(struct buf *b, const struct log *l)
{
	size_t list = rlp_list_open(b);
	rlp_bytes(b, l->address, 20);
	size_t topics = rlp_list_open(b);
	for (unsigned t = 0; t < l->ntopics; t++)
		rlp_bytes(b, l->topics[t], 32);
	rlp_list_close(b, topics);
	rlp_bytes(b, l->data.p, l->data.n);
	rlp_list_close(b, list);
}

/* EIP-2718: TransactionType || rlp([status, cumulative gas, bloom, logs]) */
static void put_receipt(struct buf *b, struct bloomer *s, const struct block *k, uint32_t tx)
{
	const struct mined *m = &k->txs[tx];
	struct arena a = {0};
	struct buf logs = {0};
	uint8_t bloom[256] = {0};
	size_t inner = rlp_list_open(&logs);
	for (uint32_t i = 0; i < m->nlogs; i++) {
		struct log l;
		block_log(k, tx, i, &a, &l);
		add_log(s, bloom, &l);
		put_log(&logs, &l);
		arena_reset(&a);
	}
	rlp_list_close(&logs, inner);
	if (m->txn->kind != TX_LEGACY)
		buf_char(b, (char)m->txn->kind);
	size_t list = rlp_list_open(b);
	rlp_u64(b, m->ok);
	rlp_u64(b, m->gas_before + m->gas_used);
	rlp_bytes(b, bloom, 256);
	buf_put(b, logs.p, logs.n);
	if (m->txn->kind == TXN_DEPOSIT) { /* OP stack since Canyon: depositNonce, depositReceiptVersion */
		rlp_u64(b, m->txn->tx.nonce);
		rlp_u64(b, 1);
	}
	rlp_list_close(b, list);
	for (size_t i = 0; i < 256; i++)
		s->block[i] |= bloom[i];
	buf_fini(&logs);
	arena_fini(&a);
}

struct sealing {
	struct block *block;
	struct bloomer bloomer;
};

static void on_tx(void *arg, size_t i, struct buf *out)
{
	const struct sealing *s = arg;
	const struct txn *t = s->block->txs[i].txn;
	size_t begin = out->n;
	txn_encode(t, out);
	s->block->size += out->n - begin;
}

static void on_receipt(void *arg, size_t i, struct buf *out)
{
	struct sealing *s = arg;
	put_receipt(out, &s->bloomer, s->block, (uint32_t)i);
}

static void seal_roots(struct block *k)
{
	struct sealing s = {.block = k, .bloomer = {.block = k->bloom}};
	trie_root(k->txs_root, k->ntxs, on_tx, &s);
	trie_root(k->receipts_root, k->ntxs, on_receipt, &s);
}

void block_header_rlp(struct buf *b, const struct block *k)
{
	static const uint8_t zeros[32] = {0};
	uint8_t extra[8];
	for (int i = 0; i < 8; i++)
		extra[i] = (uint8_t)(k->salt >> (56 - 8 * i));
	size_t list = rlp_list_open(b);
	rlp_bytes(b, k->parent ? k->parent->hash : zeros, 32);
	rlp_bytes(b, no_uncles, 32);
	rlp_bytes(b, zeros, 20); /* miner */
	rlp_bytes(b, k->state_root, 32);
	rlp_bytes(b, k->txs_root, 32);
	rlp_bytes(b, k->receipts_root, 32);
	rlp_bytes(b, k->bloom, 256);
	rlp_u64(b, 0); /* difficulty */
	rlp_u64(b, k->number);
	rlp_u64(b, k->gas_limit);
	rlp_u64(b, k->gas_used);
	rlp_u64(b, k->time);
	rlp_bytes(b, extra, 8);
	rlp_bytes(b, zeros, 32); /* mixHash */
	rlp_bytes(b, zeros, 8);  /* nonce */
	if (!k->legacy)
		rlp_u256(b, k->base_fee);
	rlp_list_close(b, list);
}

void chain_seal(struct block *k)
{
	struct buf b = {0};
	seal_roots(k);
	block_header_rlp(&b, k);
	keccak256(k->hash, b.p, b.n);
	buf_fini(&b);
}
