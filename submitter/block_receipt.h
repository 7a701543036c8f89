/* block_receipt: the verdict about one of our transactions out of the receipts of its whole block, where the
 * node has none by its hash (S2, S9). Pure. Not here: who consumed the nonce (trace.h), asking (inquest.c).
 */
#ifndef FAIRLEAD_SUBMITTER_BLOCK_RECEIPT_H
#define FAIRLEAD_SUBMITTER_BLOCK_RECEIPT_H

#include "common/io/rpc.h"
#include "common/ledger/slots.h"
#include "submitter/slot.h"

/* answers: of eth_getBlockReceipts and eth_getBlockByHash of the block. Its gas is what the cumulative gas
 * grew by. False, and v is not touched, when the list has no receipt of tx in that block with a status. */
bool block_receipt_read(const struct rpc_answer answers[2], const struct slot *slot, const uint8_t tx[32],
	uint64_t block, const uint8_t block_hash[32], struct slots_verdict *v);

#endif
