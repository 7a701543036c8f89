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

/* How many logs of one digest a scope has held so far: a transaction, or a block where a log has none. In
 * chain order a transaction's logs stand together, so one of them at a time is enough, however many logs a
 * block has. */
struct rank {
	uint8_t digest[32];
	uint64_t count;
	uint32_t scope; /* of ranks.scope, else the entry is free */
};
struct ranks {
	uint8_t block_hash[32], origin[32]; /* the scope */
	uint32_t scope;                     /* of the entries that count, from 1 */
	size_t n, cap;                      /* entries that count; room, a power of two */
	struct rank *table;
};

/* An open hash table: where the entry of the digest stands, or belongs. */
static struct rank *find(const struct ranks *r, const uint8_t digest[32])
{
	uint64_t hash;
	memcpy(&hash, digest, 8);
	for (size_t at = (size_t)hash;; at++) {
		struct rank *e = &r->table[at & (r->cap - 1)];
		if (e->scope != r->scope || memcmp(e->digest, digest, 32) == 0)
			return e;
	}
}

enum { RANKS_MIN = 16, RANKS_KEPT = 4096 };

static void begin_scope(struct ranks *r, const uint8_t block_hash[32], const uint8_t origin[32])
{
	memcpy(r->block_hash, block_hash, 32);
	memcpy(r->origin, origin, 32);
	r->n = 0;
	r->scope++;
	if (r->table && r->cap <= RANKS_KEPT && r->scope != 0)
		return;
	/* the first one; or a crowded one is behind us; or the numbers begin anew */
	free(r->table);
	r->cap = RANKS_MIN;
	r->scope = 1;
	r->table = mem_alloc(r->cap * sizeof *r->table);
}

static void grow(struct ranks *r)
{
	struct ranks more = {.scope = r->scope, .cap = 2 * r->cap};
	more.table = mem_alloc(more.cap * sizeof *more.table);
	for (size_t i = 0; i < r->cap; i++)
		if (r->table[i].scope == r->scope)
			*find(&more, r->table[i].digest) = r->table[i];
	free(r->table);
	r->table = more.table;
	r->cap = more.cap;
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
	struct ranks of_tx, of_block;
	struct pending pending[AT_ONCE];
	size_t n;
};

static void ids_init(struct log_ids *ids, struct u256 chain_id)
{
	ids->of_tx = ids->of_block = (struct ranks){.n = 0};
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
	free(ids->of_tx.table);
	free(ids->of_block.table);
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

/* Logs without a transaction may stand between those of others: the block is a scope of its own. */
static uint64_t next_rank(struct log_ids *ids, const struct pending *p)
{
	const uint8_t *from = p->message + ORIGIN, *digest = p->message + DIGEST;
	struct ranks *r = memcmp(from, p->block_hash, 32) == 0 ? &ids->of_block : &ids->of_tx;
	if (!r->table || memcmp(r->origin, from, 32) != 0 || memcmp(r->block_hash, p->block_hash, 32) != 0)
		begin_scope(r, p->block_hash, from);
	if (2 * r->n >= r->cap)
		grow(r);
	struct rank *e = find(r, digest);
	if (e->scope != r->scope) {
		memcpy(e->digest, digest, 32);
		e->count = 0;
		e->scope = r->scope;
		r->n++;
	}
	return e->count++;
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
		const uint64_t rank = htobe64(next_rank(ids, p));
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
	static const uint8_t none[32];
	begin_scope(&ids->of_tx, none, none);
	begin_scope(&ids->of_block, none, none);
}

void logs_identify(struct log *logs, size_t n, struct u256 chain_id)
{
	struct log_ids ids;
	char *base = (char *)logs;
	ids_init(&ids, chain_id);
	for (size_t i = 0; i < n; i++)
		ids_put(&ids, &logs[i], &base, (size_t)((char *)logs[i].id - base));
	ids_flush(&ids);
	free(ids.of_tx.table);
	free(ids.of_block.table);
}
