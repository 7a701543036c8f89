#include "common/evm/keccak.h"
#include "common/evm/rlp.h"
#include "test/node/chain.h"

#include <stdlib.h>

/* The modified Merkle-Patricia trie of a list: keys are rlp(index), so none is longer than nine bytes and
 * none is a prefix of another. */

struct leaf {
	uint8_t path[20]; /* nibbles */
	size_t n;
	struct bytes value;
};

static int by_path(const void *a, const void *b)
{
	const struct leaf *x = a, *y = b;
	return memcmp(x->path, y->path, x->n < y->n ? x->n : y->n);
}

/* Appendix C, hex-prefix: the first nibble says odd (1) and leaf (2). */
static void put_path(struct buf *b, const uint8_t *nibbles, size_t n, bool is_leaf)
{
	uint8_t out[12];
	size_t at = 0;
	out[at++] = (uint8_t)((is_leaf ? 0x20 : 0) | (n & 1 ? 0x10 | nibbles[0] : 0));
	for (size_t i = n & 1; i < n; i += 2)
		out[at++] = (uint8_t)(nibbles[i] << 4 | nibbles[i + 1]);
	rlp_bytes(b, out, at);
}

static void put_node(struct buf *b, const struct leaf *l, size_t n, size_t depth);

/* A node inside another: itself below 32 bytes, else its hash. */
static void put_child(struct buf *b, const struct leaf *l, size_t n, size_t depth)
{
	struct buf child = {0};
	put_node(&child, l, n, depth);
	if (child.n < 32) {
		buf_put(b, child.p, child.n);
	} else {
		uint8_t hash[32];
		keccak256(hash, child.p, child.n);
		rlp_bytes(b, hash, 32);
	}
	buf_fini(&child);
}

static void put_branch(struct buf *b, const struct leaf *l, size_t n, size_t depth)
{
	size_t at = 0;
	for (uint8_t nibble = 0; nibble < 16; nibble++) {
		size_t from = at;
		while (at < n && l[at].path[depth] == nibble)
			at++;
		if (at > from)
			put_child(b, l + from, at - from, depth + 1);
		else
			rlp_bytes(b, NULL, 0);
	}
	rlp_bytes(b, NULL, 0); /* no key ends here */
}

static void put_node(struct buf *b, const struct leaf *l, size_t n, size_t depth)
{
	size_t list = rlp_list_open(b);
	size_t same = depth;
	if (n == 1) {
		put_path(b, l->path + depth, l->n - depth, true);
		rlp_bytes(b, l->value.p, l->value.n);
	} else {
		while (l[0].path[same] == l[n - 1].path[same])
			same++;
		if (same > depth) {
			put_path(b, l->path + depth, same - depth, false);
			put_child(b, l, n, same);
		} else {
			put_branch(b, l, n, depth);
		}
	}
	rlp_list_close(b, list);
}

void trie_list_root(uint8_t out[32], const struct bytes *items, size_t n)
{
	struct buf b = {0};
	struct leaf *l = mem_alloc((n + 1) * sizeof *l);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&b);
		rlp_u64(&b, i);
		for (size_t k = 0; k < b.n; k++) {
			l[i].path[l[i].n++] = (uint8_t)b.p[k] >> 4;
			l[i].path[l[i].n++] = (uint8_t)b.p[k] & 15;
		}
		l[i].value = items[i];
	}
	qsort(l, n, sizeof *l, by_path);
	buf_clear(&b);
	if (n > 0)
		put_node(&b, l, n, 0);
	else
		rlp_bytes(&b, NULL, 0);
	keccak256(out, b.p, b.n);
	buf_fini(&b);
	free(l);
}
