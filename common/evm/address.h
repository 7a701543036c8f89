/* address: 20-byte account addresses, their EIP-55 text and their origin. */
#ifndef FAIRLEAD_EVM_ADDRESS_H
#define FAIRLEAD_EVM_ADDRESS_H

#include "common/base/err.h"
#include "common/base/str.h"

enum { ADDRESS_TEXT = 43 };
/* 0x + 40 hex digits; all lower or all upper case, or a right EIP-55 checksum. The error names the right
 * spelling. */
bool address_from_text(uint8_t out[20], struct str s, struct err *e);
void address_to_eip55(char out[ADDRESS_TEXT], const uint8_t a[20]);
void address_of_create(
	uint8_t out[20], const uint8_t sender[20], uint64_t nonce); /* keccak(rlp([sender, nonce]))[12..] */

#endif
