/* chain: a tree of blocks that grows from a seed, and the branches that lead through it.
 *
 * A block is sealed as on Ethereum (Yellow Paper 4.4, EIP-1559): its hash is that of its header, whose roots
 * and bloom are those of what it holds. Blocks are never changed nor forgotten: a reorg leaves the old ones
 * known by their hash. Everything lives in one arena until the process ends. */
#ifndef FAIRLEAD_TEST_NODE_CHAIN_H
#define FAIRLEAD_TEST_NODE_CHAIN_H

#include "common/evm/body.h"
#include "common/evm/tx.h"
#include "test/node/index.h"
#include "test/node/shape.h"

enum { TXN_BLOB = 3, TXN_SET_CODE = 4, TXN_DEPOSIT = 0x7e }; /* kinds beside those of tx.h; made up only */
struct txn {                                                 /* a transaction, mined or not */
	uint8_t hash[32], from[20];
	uint8_t kind; /* EIP-2718 type */
	struct tx tx; /* for the kinds above: as a fee market transaction */
	struct signature sig;
	bool is_signed;   /* came by eth_sendRawTransaction; else it was made up, with its signature */
	const char *key;  /* the name that a script gave it, or NULL */
	struct bytes raw; /* is_signed */
	const struct authorization *auths; /* of a TXN_SET_CODE */
	size_t nauths;
};
struct mined { /* a transaction in a block, and what it did there */
	struct txn *txn;
	struct run *runs;
	uint32_t nruns;
	uint64_t seed; /* of its logs' fields */
	bool ok;
	struct bytes revert;
	const uint8_t (*moves)[20]; /* accounts whose count it moves by one each, beside a signed one's sender */
	size_t nmoves;
	uint64_t gas_used;
	/* by chain_mine: */
	uint64_t gas_before; /* used by those before it in the block */
	uint32_t nlogs, first_log;
	struct u256 price;
};
struct account { /* a signer behind a block */
	uint8_t address[20];
	uint64_t nonce;
	struct u256 spent, got;
	struct bytes code; /* of the given ones only: what a script said, at every block */
};
struct block {
	uint64_t number, time, gas_limit, gas_used;
	struct u256 base_fee;
	bool legacy;       /* before EIP-1559: no base fee */
	bool index_per_tx; /* log indices begin anew in each transaction */
	uint64_t salt;     /* tells two blocks of the same content apart */
	uint8_t hash[32], state_root[32], txs_root[32], receipts_root[32], bloom[256];
	struct block *parent;
	struct mined *txs;
	uint32_t ntxs, nlogs;
	struct account *accounts; /* those that its transactions changed */
	size_t naccounts;
	const struct block *active; /* the nearest with accounts: itself or an ancestor; NULL: none */
	uint64_t size;              /* bytes of its transactions, for "size" */
};
struct branch {
	const char *name;
	struct block **at; /* by number, from 0 */
	size_t n, room;
};
enum { BRANCHES_MOST = 64 };
struct chain {
	struct arena *arena;
	uint64_t seed, id, first_time, step, gas_limit;
	struct u256 base_fee; /* of the next block where nothing else says */
	bool dynamic_fee;     /* EIP-1559's rule */
	bool legacy;
	bool index_per_tx;
	uint8_t types[8]; /* of made-up transactions: one of these, seeded */
	size_t ntypes;
	struct branch branches[BRANCHES_MOST];
	size_t nbranches;
	struct index blocks, txs; /* hash → struct block · hash → struct block and the index in it */
	uint64_t salts, mined;
	struct account *given; /* what a script set: nonce and balance (in `spent`) before the first block */
	size_t ngiven;
};
void chain_init(struct chain *c, struct arena *a, uint64_t seed, uint64_t id);
void chain_begin(struct chain *c); /* genesis; after the settings */

struct branch *chain_branch(struct chain *c, const char *name); /* NULL: none */
struct branch *chain_fork(struct chain *c, const struct branch *from, const char *name, uint64_t head);
static inline struct block *branch_head(const struct branch *b)
{
	return b->at[b->n - 1];
}
/* txn.c. A made-up transaction: everything from the seed but `to`. */
struct txn *chain_make_tx(struct chain *c, uint64_t seed, const uint8_t to[20]);
void txn_hash(struct txn *t);                          /* anew, where its fields were changed */
void txn_encode(const struct txn *t, struct buf *out); /* its bytes: type ‖ payload */

struct mine_options {
	uint64_t time; /* 0: the parent's + step */
	bool has_base_fee;
	struct u256 base_fee;
};
/* One block on the branch; txs is copied, its gas_used is set where it is 0. */
struct block *chain_mine(
	struct chain *c, struct branch *b, const struct mined *txs, size_t n, const struct mine_options *o);
struct u256 chain_next_fee(const struct chain *c, const struct block *parent);

struct block *chain_block(const struct chain *c, const uint8_t hash[32]); /* NULL: unknown */
bool branch_has(const struct branch *b, const struct block *k);
/* Where that transaction stands on the branch, up to height head; NULL: nowhere. */
struct mined *chain_find_tx(const struct chain *c, const struct branch *b, uint64_t head,
	const uint8_t hash[32], struct block **block);
/* The account behind that block. */
struct bytes chain_code(const struct chain *c, const uint8_t address[20]);
struct account chain_account(const struct chain *c, const struct block *k, const uint8_t address[20]);
struct u256 chain_balance(const struct chain *c, const struct block *k, const uint8_t address[20]);
struct account *chain_given(struct chain *c, const uint8_t address[20]); /* made when not there */

/* seal.c: roots, bloom and hash from what the block holds. */
void chain_seal(struct block *k);
void block_header_rlp(struct buf *b, const struct block *k);
/* Log i of the transaction: content and place (block, indices, hashes, time); data in a. */
void block_log(const struct block *k, uint32_t tx, uint32_t i, struct arena *a, struct log *out);

#endif
