#include "submitter/bundle.h"

#include "common/base/u256.h"

#include <string.h>

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

static void put_word(struct buf *hex, uint64_t v)
{
	uint8_t be[32];
	u256_to_be(be, u256_of(v));
	buf_hex(hex, be, sizeof be);
}

static void put_address(struct buf *hex, const uint8_t address[20])
{
	uint8_t be[32] = {0};
	memcpy(be + 12, address, 20);
	buf_hex(hex, be, sizeof be);
}

void bundle_add(struct buf *hex, const uint8_t to[20], struct str data)
{
	put_address(hex, to);
	put_word(hex, data.n / 2 - 1);
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

/* clang-format off */
/* Calldata of the account's own code: a word of 0, then for each try 32 bytes of address, 32 of gas, 32 of length, the data. It
 * calls itself with one of them at a time; that call begins with the address, which is not 0. Result: 32 bytes of 0 or 1 for each.
 * On the stack: in, out as above; to, n.
 *
 *   00  CALLER ADDRESS EQ PUSH1 7 JUMPI STOP                         for all others it is an account without code
 *   07  JUMPDEST PUSH1 0 CALLDATALOAD DUP1 PUSH1 4b JUMPI            to
 *   0f  POP PUSH1 20 PUSH1 0                                         in out
 *   14  JUMPDEST DUP2 CALLDATASIZE GT ISZERO PUSH1 47 JUMPI          until in is at the end
 *   1c  PUSH1 0 DUP2 MSTORE                                          a try that says nothing has failed
 *   20  DUP2 PUSH1 40 ADD CALLDATALOAD PUSH1 60 ADD                  in out size
 *   28  DUP1 DUP4 DUP4 PUSH1 20 ADD CALLDATACOPY                     the try to behind out
 *   2f  PUSH1 20 DUP3 DUP3 DUP2 PUSH1 20 ADD PUSH1 0 ADDRESS GAS CALL POP
 *   3c  SWAP1 PUSH1 20 ADD SWAP2 ADD SWAP1 PUSH1 14 JUMP             in' out'
 *   47  JUMPDEST PUSH1 0 RETURN
 *   4b  JUMPDEST PUSH1 60 CALLDATASIZE SUB                           to n
 *   50  DUP1 PUSH1 60 PUSH1 0 CALLDATACOPY                           its data to 0
 *   56  PUSH1 0 PUSH1 0 DUP3 PUSH1 0 PUSH1 0 DUP7 PUSH1 20 CALLDATALOAD CALL
 *   64  PUSH1 0 MSTORE PUSH1 20 PUSH1 0 REVERT                       the success, and nothing has happened */
/* clang-format on */
const char tries_code[] = "0x333014600757005b60003580604b5750602060005b"
						  "813611156047576000815281604001356060018083836020013760208282816020016000305af150"
						  "906020019101906014565b6000f3"
						  "5b6060360380606060003760006000826000600086602035f160005260206000fd";

enum { TX_GAS = 21000, TRY_HEAD = 96, TRY_OVERHEAD = 12000 };

static void count_bytes(struct str data, uint64_t *zero, uint64_t *other)
{
	uint64_t n = (data.n - 2) / 2;
	*zero = 0;
	for (size_t i = 2; i + 1 < data.n; i += 2)
		*zero += data.p[i] == '0' && data.p[i + 1] == '0';
	*other = n - *zero;
}

uint64_t tries_gas(struct str data, uint64_t gas)
{
	uint64_t zero, other;
	count_bytes(data, &zero, &other);
	uint64_t taken = TX_GAS + 4 * zero + 16 * other, floor = TX_GAS + 10 * zero + 40 * other;
	return gas > taken && gas >= floor ? gas - taken : 0;
}

/* A call keeps a 64th of what is left (EIP-150), twice here; calldata costs at most 40 a byte. */
uint64_t tries_cost(struct str data, uint64_t gas)
{
	return gas + gas / 31 + TRY_OVERHEAD + 40 * (TRY_HEAD + (data.n - 2) / 2);
}

void tries_begin(struct buf *hex)
{
	put_word(hex, 0);
}

void tries_add(struct buf *hex, const uint8_t to[20], struct str data, uint64_t gas)
{
	put_address(hex, to);
	put_word(hex, gas);
	put_word(hex, data.n / 2 - 1);
	buf_put(hex, data.p + 2, data.n - 2);
}

bool tries_read(struct bytes ret, bool *passes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t ok;
		if (!take_word(&ret, &ok) || ok > 1)
			return false;
		passes[i] = ok == 1;
	}
	return ret.n == 0;
}
