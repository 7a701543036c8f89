/* rlp: Recursive Length Prefix (Ethereum Yellow Paper, appendix B). Strict: decoding refuses every
 * non-canonical form, truncation and trailing byte. */
#ifndef FAIRLEAD_EVM_RLP_H
#define FAIRLEAD_EVM_RLP_H

#include "common/base/err.h"
#include "common/base/u256.h"

/* Encoding appends to b. A list: remember rlp_list_open's mark, put the items, close it. */
void rlp_bytes(struct buf *b, const uint8_t *p, size_t n);
void rlp_u64(struct buf *b, uint64_t v); /* no leading zeros; 0 is the empty string */
void rlp_u256(struct buf *b, struct u256 v);
size_t rlp_list_open(struct buf *b);
void rlp_list_close(struct buf *b, size_t mark);

/* Decoding. A reader walks the items of one level; slices are borrowed from the input. */
struct rlp {
	const uint8_t *p;
	size_t n; /* what is left at this level */
};
bool rlp_next(struct rlp *r, bool *is_list, struct bytes *payload, struct err *e);
bool rlp_next_bytes(struct rlp *r, struct bytes *out, struct err *e);
bool rlp_next_list(struct rlp *r, struct rlp *out, struct err *e);
bool rlp_next_u64(struct rlp *r, uint64_t *out, struct err *e);
bool rlp_next_u256(struct rlp *r, struct u256 *out, struct err *e);
bool rlp_whole(struct bytes in, bool *is_list, struct bytes *payload,
	struct err *e); /* exactly one item, no byte behind it */

#endif
