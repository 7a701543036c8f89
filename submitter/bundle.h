/* bundle: many view calls in one eth_call, by a few bytes of EVM code that the call lends to the sender's own
 * account (the state override of eth_call: geth, erigon, nethermind, reth, anvil). Pure.
 *
 * The code stands at the signer's address, so each inner call has the signer as its msg.sender, as a call of
 * its own would. Each inner call is a STATICCALL with its own gas; one that fails says only that: ask it
 * again by itself to learn why. A node that ignores the override answers nothing, which bundle_read refuses.
 */
#ifndef FAIRLEAD_SUBMITTER_BUNDLE_H
#define FAIRLEAD_SUBMITTER_BUNDLE_H

#include "common/base/str.h"

extern const char bundle_code[]; /* 0x… */

/* One call more: data is 0x… text. hex: the bundle's calldata without 0x, as text. */
void bundle_add(struct buf *hex, const uint8_t to[20], struct str data);

struct bundled {
	bool ok;
	struct bytes ret; /* borrowed from the answer */
};
/* Exactly n answers, every byte used; else false. */
bool bundle_read(struct bytes ret, struct bundled *out, size_t n);

/* Tries: many batches' calls in one eth_call, each as if it stood alone: it gets the gas that its own
 * transaction would have left, and what it did is taken back before the next one begins (EIP-2929's warm
 * places too). Only whether it succeeds is told; one that fails, or that has no gas to give, is asked by
 * itself. What differs is that the sender has code while they run: a contract could see that, so a try counts
 * only beside a call of the same declaration that passed by itself in the same request (ask.c). */
extern const char tries_code[]; /* 0x… */
/* What is left of gas when the transaction begins to run (EIP-2028's calldata; EIP-7623's floor); 0: none. */
uint64_t tries_gas(struct str data, uint64_t gas);
void tries_begin(struct buf *hex);
/* One try more, as bundle_add; gas: what tries_gas said. */
void tries_add(struct buf *hex, const uint8_t to[20], struct str data, uint64_t gas);
/* The gas that the whole call needs at most for a try of this data and this gas. */
uint64_t tries_cost(struct str data, uint64_t gas);
/* Exactly n answers, each 0 or 1; else false. */
bool tries_read(struct bytes ret, bool *passes, size_t n);

#endif
