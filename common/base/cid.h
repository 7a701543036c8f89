/* cid: whether a text is an IPFS content identifier. Checks what can be checked without the content: the
 * multibase alphabet, the version, whole varints, and that the digest is as long as the multihash says. Not
 * whether a codec or a hash function exists. (The CID, multibase and multihash specifications of
 * multiformats.) */
#ifndef FAIRLEAD_BASE_CID_H
#define FAIRLEAD_BASE_CID_H

#include "common/base/str.h"

/* CIDv0 (Qm…, 46 characters) or CIDv1 in base32 (b, B), base16 (f, F), base36 (k, K) or base58btc (z). */
bool cid_valid(struct str s);

#endif
