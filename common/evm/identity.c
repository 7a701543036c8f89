#include "common/evm/keccak.h"
#include "common/evm/logs.h"

#include <stdlib.h>

/* INV-2, R3: the identity of a log, from what it says, where it comes from, and its rank among its like. */

/* The transaction, or the block where a log has no transaction of its own. */
static const uint8_t *origin(const struct log *l)
{
	static const uint8_t none[32];
	return memcmp(l->tx_hash, none, 32) == 0 ? l->block_hash : l->tx_hash;
}

/* Small logs, nearly all, are hashed in one piece: parts that don't end on a lane are slow to take in. */
enum { PIECE = 20 + 1 + 4 * 32 + 256 };

static void digest(uint8_t out[32], const struct log *l)
{
	uint8_t piece[PIECE];
	const size_t topics = 32 * (size_t)l->ntopics, head = 20 + 1 + topics;
	memcpy(piece, l->address, 20);
	/* how many topics: else a last topic and a first word of data would be the same bytes */
	piece[20] = (uint8_t)l->ntopics;
	memcpy(piece + 21, l->topics, topics);
	if (l->data.n <= PIECE - head) {
		if (l->data.n > 0)
			memcpy(piece + head, l->data.p, l->data.n);
		keccak256(out, piece, head + l->data.n);
		return;
	}
	struct keccak k;
	keccak_init(&k);
	keccak_add(&k, piece, head);
	keccak_add(&k, l->data.p, l->data.n);
	keccak_end(&k, out);
}

/* How many logs of one digest and origin the block has held so far. */
struct log_rank {
	uint8_t digest[32], origin[32];
	uint64_t count;
	uint32_t block; /* of log_ranks.block, else the entry is free */
};

/* An open hash table: where the entry of these two stands, or belongs. */
static struct log_rank *find(const struct log_ranks *r, const uint8_t digest[32], const uint8_t origin[32])
{
	uint64_t hash, from;
	memcpy(&hash, digest, 8);
	memcpy(&from, origin, 8);
	for (size_t at = (size_t)(hash ^ from);; at++) {
		struct log_rank *e = &r->table[at & (r->cap - 1)];
		if (e->block != r->block ||
			(memcmp(e->digest, digest, 32) == 0 && memcmp(e->origin, origin, 32) == 0))
			return e;
	}
}

enum { RANKS_MIN = 16, RANKS_KEPT = 4096 };

static void begin_block(struct log_ranks *r, const uint8_t hash[32])
{
	memcpy(r->block_hash, hash, 32);
	r->n = 0;
	r->block++;
	if (r->table && r->cap <= RANKS_KEPT && r->block != 0)
		return;
	/* the first one; or a crowded block is behind us; or the numbers begin anew */
	free(r->table);
	r->cap = RANKS_MIN;
	r->block = 1;
	r->table = mem_alloc(r->cap * sizeof *r->table);
}

static void grow(struct log_ranks *r)
{
	struct log_ranks more = {.block = r->block, .cap = 2 * r->cap};
	more.table = mem_alloc(more.cap * sizeof *more.table);
	for (size_t i = 0; i < r->cap; i++)
		if (r->table[i].block == r->block)
			*find(&more, r->table[i].digest, r->table[i].origin) = r->table[i];
	free(r->table);
	r->table = more.table;
	r->cap = more.cap;
}

static uint64_t rank(struct log_ranks *r, const uint8_t digest[32], const uint8_t origin[32])
{
	if (2 * r->n >= r->cap)
		grow(r);
	struct log_rank *e = find(r, digest, origin);
	if (e->block != r->block) {
		memcpy(e->digest, digest, 32);
		memcpy(e->origin, origin, 32);
		e->count = 0;
		e->block = r->block;
		r->n++;
	}
	return e->count++;
}

void ranks_next(struct log_ranks *r, struct log *log, struct u256 chain_id)
{
	uint8_t text[32 + 32 + 32 + 8];
	if (!r->table || memcmp(r->block_hash, log->block_hash, 32) != 0)
		begin_block(r, log->block_hash);
	u256_to_be(text, chain_id);
	memcpy(text + 32, origin(log), 32);
	digest(text + 64, log);
	uint64_t n = rank(r, text + 64, text + 32);
	for (unsigned k = 0; k < 8; k++)
		text[96 + k] = (uint8_t)(n >> (56 - 8 * k));
	keccak256(log->id, text, sizeof text);
}

void ranks_fini(struct log_ranks *r)
{
	free(r->table);
	*r = (struct log_ranks){.n = 0};
}

void logs_identify(struct log *logs, size_t n, struct u256 chain_id)
{
	struct log_ranks r = {.n = 0};
	for (size_t i = 0; i < n; i++)
		ranks_next(&r, &logs[i], chain_id);
	ranks_fini(&r);
}
