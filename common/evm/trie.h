/* trie: the root of the Merkle-Patricia trie of a list (Yellow Paper, appendix D): what a block header holds
 * as receiptsRoot and transactionsRoot. The key of an item is the RLP of its index.
 *
 * Only the root: nothing is stored, and at most one item is held beside the nodes that are open. */
#ifndef FAIRLEAD_EVM_TRIE_H
#define FAIRLEAD_EVM_TRIE_H

#include "common/base/str.h"

/* item: appends the bytes of item i to out. Asked once for each i < n, in the order of the keys (1..127, 0,
 * 128..). An item is never empty. n = 0: the root of the empty trie, keccak256(0x80). */
void trie_root(uint8_t root[32], size_t n, void (*item)(void *arg, size_t i, struct buf *out), void *arg);

#endif
