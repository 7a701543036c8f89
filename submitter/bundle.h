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

#endif
