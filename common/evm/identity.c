#include "common/evm/keccak.h"
#include "common/evm/logs.h"

#include <endian.h>
#include <stdlib.h>

/* INV-2, R3: the identity of a log, from what it says, where it comes from, and its rank among its like. */

/* The transaction, or the block where a log has no transaction of its own. */
static const uint8_t *origin(const struct log *l)
{
	static const uint8_t none[32];
	return memcmp(l->tx_hash, none, 32) == 0 ? l->block_hash : l->tx_hash;
}

/* How many logs of one digest and origin the block has held so far. */
struct rank {
	uint8_t digest[32], origin[32];
	uint64_t count;
	uint32_t block; /* of ranks.block, else the entry is free */
};
struct ranks {
	uint8_t block_hash[32];
	uint32_t block; /* of the entries that count, from 1 */
	size_t n, cap;  /* entries that count; room, a power of two */
	struct rank *table;
};

/* An open hash table: where the entry of these two stands, or belongs. */
static struct rank *find(const struct ranks *r, const uint8_t digest[32], const uint8_t origin[32])
{
	uint64_t hash, from;
	memcpy(&hash, digest, 8);
	memcpy(&from, origin, 8);
	for (size_t at = (size_t)(hash ^ from);; at++) {
		struct rank *e = &r->table[at & (r->cap - 1)];
		if (e->block != r->block ||
			(memcmp(e->digest, digest, 32) == 0 && memcmp(e->origin, origin, 32) == 0))
			return e;
	}
}

enum { RANKS_MIN = 16, RANKS_KEPT = 4096 };

static void begin_block(struct ranks *r, const uint8_t hash[32])
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

static void grow(struct ranks *r)
{
	struct ranks more = {.block = r->block, .cap = 2 * r->cap};
	more.table = mem_alloc(more.cap * sizeof *more.table);
	for (size_t i = 0; i < r->cap; i++)
		if (r->table[i].block == r->block)
			*find(&more, r->table[i].digest, r->table[i].origin) = r->table[i];
	free(r->table);
	r->table = more.table;
	r->cap = more.cap;
}

static uint64_t next_rank(
	struct ranks *r, const uint8_t block_hash[32], const uint8_t digest[32], const uint8_t origin[32])
{
	if (!r->table || memcmp(r->block_hash, block_hash, 32) != 0)
		begin_block(r, block_hash);
	if (2 * r->n >= r->cap)
		grow(r);
	struct rank *e = find(r, digest, origin);
	if (e->block != r->block) {
		memcpy(e->digest, digest, 32);
		memcpy(e->origin, origin, 32);
		e->count = 0;
		e->block = r->block;
		r->n++;
	}
	return e->count++;
}

/* ── four logs at once: their digests, then their ranks one after the other, then their ids ── */

enum {
	AT_ONCE = 4,
	HEAD = 20 + 1 + 4 * 32,
	SMALL = 256, /* more data than that is not kept, but hashed when it comes */
	ORIGIN = 32,
	DIGEST = ORIGIN + 32,
	RANK = DIGEST + 32,
	MESSAGE = RANK + 8,
};

struct pending {
	uint8_t content[HEAD + SMALL], block_hash[32];
	size_t n;                 /* of the content; 0: its digest stands in the message */
	uint8_t message[MESSAGE]; /* chain id ‖ origin ‖ digest ‖ rank */
	char *const *base;        /* its id goes to *base + at */
	size_t at;
};

struct log_ids {
	struct ranks ranks;
	struct pending pending[AT_ONCE];
	size_t n;
};

static void ids_init(struct log_ids *ids, struct u256 chain_id)
{
	ids->ranks = (struct ranks){.n = 0};
	ids->n = 0;
	for (size_t i = 0; i < AT_ONCE; i++)
		u256_to_be(ids->pending[i].message, chain_id);
}

struct log_ids *ids_new(struct u256 chain_id)
{
	struct log_ids *ids = mem_alloc(sizeof *ids);
	ids_init(ids, chain_id);
	return ids;
}

void ids_free(struct log_ids *ids)
{
	if (!ids)
		return;
	free(ids->ranks.table);
	free(ids);
}

/* What the digest is of; or, where there is much of it, the digest. */
static void put_content(struct pending *p, const struct log *l)
{
	const size_t topics = 32 * (size_t)l->ntopics, head = 20 + 1 + topics;
	memcpy(p->content, l->address, 20);
	/* how many topics: else a last topic and a first word of data would be the same bytes */
	p->content[20] = (uint8_t)l->ntopics;
	memcpy(p->content + 21, l->topics, topics);
	if (l->data.n <= SMALL) {
		if (l->data.n > 0)
			memcpy(p->content + head, l->data.p, l->data.n);
		p->n = head + l->data.n;
		return;
	}
	struct keccak k;
	keccak_init(&k);
	keccak_add(&k, p->content, head);
	keccak_add(&k, l->data.p, l->data.n);
	keccak_end(&k, p->message + DIGEST);
	p->n = 0;
}

void ids_put(struct log_ids *ids, const struct log *l, char *const *base, size_t at)
{
	struct pending *p = &ids->pending[ids->n++];
	memcpy(p->block_hash, l->block_hash, 32);
	memcpy(p->message + ORIGIN, origin(l), 32);
	put_content(p, l);
	p->base = base;
	p->at = at;
	if (ids->n == AT_ONCE)
		ids_flush(ids);
}

void ids_flush(struct log_ids *ids)
{
	struct bytes m[AT_ONCE] = {{NULL, 0}};
	uint8_t hash[AT_ONCE][32];
	const size_t n = ids->n;
	for (size_t i = 0; i < n; i++)
		m[i] = (struct bytes){ids->pending[i].content, ids->pending[i].n};
	keccak256_each(hash, m, n);
	for (size_t i = 0; i < n; i++) {
		struct pending *p = &ids->pending[i];
		if (p->n > 0)
			memcpy(p->message + DIGEST, hash[i], 32);
		const uint64_t rank =
			htobe64(next_rank(&ids->ranks, p->block_hash, p->message + DIGEST, p->message + ORIGIN));
		memcpy(p->message + RANK, &rank, 8);
		m[i] = (struct bytes){p->message, MESSAGE};
	}
	keccak256_each(hash, m, n);
	for (size_t i = 0; i < n; i++)
		memcpy(*ids->pending[i].base + ids->pending[i].at, hash[i], 32);
	ids->n = 0;
}

void ids_restart(struct log_ids *ids)
{
	ids->n = 0;
	if (ids->ranks.table)
		begin_block(&ids->ranks, (const uint8_t[32]){0});
}

void logs_identify(struct log *logs, size_t n, struct u256 chain_id)
{
	struct log_ids ids;
	char *base = (char *)logs;
	ids_init(&ids, chain_id);
	for (size_t i = 0; i < n; i++)
		ids_put(&ids, &logs[i], &base, (size_t)((char *)logs[i].id - base));
	ids_flush(&ids);
	free(ids.ranks.table);
}
