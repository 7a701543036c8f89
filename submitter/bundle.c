#include "submitter/bundle.h"

#include "common/base/u256.h"

#include <inttypes.h>

/* clang-format off */
/* Calldata: for each call 32 bytes of address, 32 of length, the data. Result: for each 32 bytes of 0 or 1, 32 of length,
 * what was returned. On the stack: in, out (places in calldata and in memory).
 *
 *   00  PUSH1 0 PUSH1 0                                              in out
 *   04  JUMPDEST DUP2 CALLDATASIZE GT ISZERO PUSH1 46 JUMPI          until in is at the end
 *   0c  DUP2 PUSH1 20 ADD CALLDATALOAD                               in out len
 *   11  DUP1 DUP4 PUSH1 40 ADD DUP4 CALLDATACOPY                     its data to out
 *   18  PUSH1 0 PUSH1 0 DUP3 DUP5 DUP7 CALLDATALOAD PUSH3 f4240 STATICCALL
 *   25  DUP3 MSTORE                                                  the success to out
 *   27  RETURNDATASIZE DUP3 PUSH1 20 ADD MSTORE                      the size behind it
 *   2d  RETURNDATASIZE PUSH1 0 DUP4 PUSH1 40 ADD RETURNDATACOPY      and what was returned
 *   35  DUP3 ADD PUSH1 40 ADD                                        in out in'
 *   3a  SWAP1 RETURNDATASIZE ADD PUSH1 40 ADD SWAP2 POP SWAP1        in' out'
 *   43  PUSH1 4 JUMP
 *   46  JUMPDEST PUSH1 0 RETURN */
/* clang-format on */
const char bundle_code[] = "0x60006000"
						   "5b8136111560465781602001358083604001833760006000828486"
						   "35620f4240fa82523d82602001523d600083604001"
						   "3e8201604001903d016040019150906004565b6000f3";

void bundle_add(struct buf *hex, const uint8_t to[20], struct str data)
{
	buf_text(hex, "000000000000000000000000");
	buf_hex(hex, to, 20);
	buf_printf(hex, "%064" PRIx64, (uint64_t)(data.n / 2 - 1));
	buf_put(hex, data.p + 2, data.n - 2);
}

static bool take_word(struct bytes *in, uint64_t *out)
{
	if (in->n < 32)
		return false;
	bool fits = u256_to_u64(u256_from_be(in->p), out);
	in->p += 32;
	in->n -= 32;
	return fits;
}

bool bundle_read(struct bytes ret, struct bundled *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t ok, size;
		if (!take_word(&ret, &ok) || ok > 1 || !take_word(&ret, &size) || size > ret.n)
			return false;
		out[i] = (struct bundled){ok == 1, {ret.p, (size_t)size}};
		ret.p += size;
		ret.n -= size;
	}
	return ret.n == 0;
}
