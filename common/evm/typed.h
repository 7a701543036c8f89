/* typed: what people sign: texts (EIP-191, version 0x45) and typed data (EIP-712). Pure. */
#ifndef FAIRLEAD_EVM_TYPED_H
#define FAIRLEAD_EVM_TYPED_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"

#include <stdint.h>

/* keccak256("\x19Ethereum Signed Message:\n" ‖ length ‖ message) */
void typed_personal(uint8_t digest[32], struct str message);

struct typed_domain {
	const char *name, *version; /* NULL: not a part of the domain */
	uint64_t chain_id;
	const uint8_t *contract; /* 20 bytes; NULL: not a part */
};
/* The members of the first struct of a type, in order: what a signature of it needs a value for. Names live
 * in a. false: text is no type of EIP-712, *e says why (an unknown type, a struct that holds itself, …). */
bool typed_members(struct arena *a, const char *type, const char *const **names, size_t *n, struct err *e);

/* type: "Tip(address from,address to,uint256 amount)", and behind it the structs that it names, in any order.
 * value: the text form of a member (GRAMMAR §10; of a struct or a list its JSON); p == NULL: there is none,
 * false. */
bool typed_digest(uint8_t digest[32], const char *type, const struct typed_domain *d,
	struct str (*value)(const void *arg, const char *name), const void *arg, struct err *e);

#endif
