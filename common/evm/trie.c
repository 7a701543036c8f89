#include "common/evm/trie.h"
#include "common/base/err.h"
#include "common/evm/keccak.h"
#include "common/evm/rlp.h"

/* Items stand in the order of their keys, so a node is a run of them that agree in their first nibbles. No
 * key is the beginning of another (RLP), so only leaves have values. A key has at most 9 bytes: that bounds
 * how deep nodes nest. */
enum { KEY_MAX = 9 };

struct key {
	uint8_t nibbles[2 * KEY_MAX];
	size_t n;
};
struct maker {
	size_t n;
	void (*item)(void *arg, size_t i, struct buf *out);
	void *arg;
	struct buf nodes; /* the RLP of the nodes that are open, the outermost first */
	struct buf value; /* of the leaf in work */
	struct buf key;
};

/* The index of the item whose key is the rank-th: 0's is 0x80, behind those of 1..0x7f. */
static size_t index_at(const struct maker *m, size_t rank)
{
	size_t zero = m->n <= 128 ? m->n - 1 : 127;
	return rank == zero ? 0 : rank < zero ? rank + 1 : rank;
}

static struct key key_at(struct maker *m, size_t rank)
{
	struct key k;
	buf_clear(&m->key);
	rlp_u64(&m->key, index_at(m, rank));
	must(m->key.n <= KEY_MAX);
	k.n = 2 * m->key.n;
	for (size_t i = 0; i < m->key.n; i++) {
		k.nibbles[2 * i] = (uint8_t)m->key.p[i] >> 4;
		k.nibbles[2 * i + 1] = (uint8_t)m->key.p[i] & 15;
	}
	return k;
}

/* Appendix C, hex-prefix: 2 for a leaf, 1 for an odd number of nibbles, in the first nibble; then the rest.
 */
static void put_path(struct buf *b, const uint8_t *nibbles, size_t n, bool leaf)
{
	uint8_t path[KEY_MAX + 1];
	unsigned first = leaf ? 2 : 0;
	size_t at = 1;
	if (n % 2) {
		path[0] = (uint8_t)((first + 1) << 4 | *nibbles++);
		n--;
	} else
		path[0] = (uint8_t)(first << 4);
	for (size_t i = 0; i < n; i += 2)
		path[at++] = (uint8_t)(nibbles[i] << 4 | nibbles[i + 1]);
	rlp_bytes(b, path, at);
}

/* What stands in a parent for the node at mark: itself below 32 bytes, else its hash. */
static void shorten(struct maker *m, size_t mark)
{
	uint8_t hash[32];
	if (m->nodes.n - mark < 32)
		return;
	keccak256(hash, m->nodes.p + mark, m->nodes.n - mark);
	m->nodes.n = mark;
	rlp_bytes(&m->nodes, hash, 32);
}

static void put_node(struct maker *m, size_t from, size_t to, size_t depth);

static void put_branch(struct maker *m, size_t from, size_t to, size_t depth)
{
	for (unsigned nibble = 0; nibble < 16; nibble++) {
		size_t end = from;
		while (end < to && key_at(m, end).nibbles[depth] == nibble)
			end++;
		if (end == from) {
			rlp_bytes(&m->nodes, NULL, 0);
			continue;
		}
		size_t mark = m->nodes.n;
		put_node(m, from, end, depth + 1);
		shorten(m, mark);
		from = end;
	}
	rlp_bytes(&m->nodes, NULL, 0); /* a branch has a value only where a key ends */
}

/* Appends the node of the items whose keys have ranks from..to-1 and agree in their first depth nibbles. */
static void put_node(struct maker *m, size_t from, size_t to, size_t depth)
{
	size_t list = rlp_list_open(&m->nodes);
	struct key first = key_at(m, from), last = key_at(m, to - 1);
	size_t shared = depth;
	if (to - from == 1) {
		put_path(&m->nodes, first.nibbles + depth, first.n - depth, true);
		buf_clear(&m->value);
		m->item(m->arg, index_at(m, from), &m->value);
		rlp_bytes(&m->nodes, (const uint8_t *)m->value.p, m->value.n);
		rlp_list_close(&m->nodes, list);
		return;
	}
	while (first.nibbles[shared] == last.nibbles[shared])
		shared++;
	if (shared > depth) {
		put_path(&m->nodes, first.nibbles + depth, shared - depth, false);
		size_t mark = rlp_list_open(&m->nodes);
		put_branch(m, from, to, shared);
		rlp_list_close(&m->nodes, mark);
		shorten(m, mark);
	} else
		put_branch(m, from, to, depth);
	rlp_list_close(&m->nodes, list);
}

void trie_root(uint8_t root[32], size_t n, void (*item)(void *arg, size_t i, struct buf *out), void *arg)
{
	struct maker m = {.n = n, .item = item, .arg = arg};
	if (n == 0)
		rlp_bytes(&m.nodes, NULL, 0);
	else
		put_node(&m, 0, n, 0);
	keccak256(root, m.nodes.p, m.nodes.n);
	buf_fini(&m.nodes);
	buf_fini(&m.value);
	buf_fini(&m.key);
}
