/* u256: exact unsigned 256-bit integers (INV-12: no floating point near an amount).
 *
 * A plain value; limb 0 is the least significant. Every operation that can leave the range says so by its
 * return value; nothing wraps silently. Text is decimal without a sign, or 0x + hex as JSON-RPC quantities
 * are. */
#ifndef FAIRLEAD_BASE_U256_H
#define FAIRLEAD_BASE_U256_H

#include "common/base/str.h"

struct u256 {
	uint64_t w[4];
};

enum { U256_DEC_MAX = 79, U256_HEX_MAX = 67 }; /* sizes of the text buffers below, NUL included */

static inline struct u256 u256_of(uint64_t v)
{
	return (struct u256){{v, 0, 0, 0}};
}
int u256_cmp(struct u256 a, struct u256 b); /* <0, 0, >0 */
bool u256_is_zero(struct u256 a);
static inline bool u256_lt(struct u256 a, struct u256 b)
{
	return u256_cmp(a, b) < 0;
}
static inline struct u256 u256_min(struct u256 a, struct u256 b)
{
	return u256_cmp(a, b) <= 0 ? a : b;
}
static inline struct u256 u256_max(struct u256 a, struct u256 b)
{
	return u256_cmp(a, b) >= 0 ? a : b;
}
bool u256_add(struct u256 *r, struct u256 a, struct u256 b);       /* false: over 2^256-1 */
bool u256_sub(struct u256 *r, struct u256 a, struct u256 b);       /* false: below 0 */
bool u256_mul(struct u256 *r, struct u256 a, struct u256 b);       /* false: over 2^256-1 */
struct u256 u256_div64(struct u256 a, uint64_t d, uint64_t *rest); /* d > 0; rest may be NULL */
bool u256_to_u64(struct u256 a, uint64_t *v);                      /* false: does not fit */
/* ⌈a × num / den⌉; false when the product leaves 256 bits. */
bool u256_ratio_up(struct u256 *r, struct u256 a, uint64_t num, uint64_t den);

bool u256_from_dec(struct u256 *r, struct str s); /* digits only, 1..78 */
bool u256_from_hex(struct u256 *r, struct str s); /* 0x + 1..64 digits */
void u256_to_dec(char out[U256_DEC_MAX], struct u256 a);
void u256_to_hex(char out[U256_HEX_MAX], struct u256 a); /* 0x, no leading zeros, zero is 0x0 */
struct u256 u256_from_be(const uint8_t b[32]);
void u256_to_be(uint8_t b[32], struct u256 a);

#endif
